//! What works on no other target, whatever arrives there.

use super::super::codes::{DISCOVERY_LOST, HARMLESS, HEADLESS_LOST};
use super::super::read::{Group, Pattern, Role};
use super::super::verdicts::keys;
use super::startup;
use super::templates::Templates;
use super::words::{self, Named};
use crate::diagnostic::{Diagnostic, Outcome, Severity};
use crate::dialect::lifting::Draft;
use crate::value::{Ids, Node};

/// Says of a draft what other targets cannot do for its processes.
pub fn say(draft: &mut Draft, group: &Group, templates: &[Templates]) {
    let mut said = Vec::new();
    for (role, templates) in group.roles.iter().zip(templates) {
        annotations(role, templates, &mut said);
        configuration(templates, &mut said);
    }
    services(draft, templates, &mut said);
    mounts(group, templates, &mut said);
    draft.broken.extend(said);
}

fn dropped(diagnostic: Diagnostic) -> Diagnostic {
    diagnostic.outcome(Outcome::Dropped)
}

/// Annotations of templates that the controller acts on.
fn annotations(role: &Role, templates: &Templates, said: &mut Vec<Diagnostic>) {
    let name = &role.name.value;
    for template in templates.all() {
        let of = |key: &str| template.at(&["metadata", "annotations", key]);
        if let Some(node) = of(keys::DISCOVERY) {
            let message =
                format!("the variables that `component-discovery` gives to the pods of `{name}` are missing");
            said.push(
                dropped(Diagnostic::new(&DISCOVERY_LOST, message).at_ids(&node.ids))
                    .reason("only the RoleBasedGroup controller reads the annotation")
                    .remedy("set the variables in the template: `$(infer.leader)` is the address of the first component's pod"),
            );
        }
        if let Some(node) = of(keys::PORTS) {
            let message =
                format!("the ports that `port-allocator` gives to the pods of `{name}` are missing");
            said.push(
                dropped(Diagnostic::new(&DISCOVERY_LOST, message).at_ids(&node.ids))
                    .reason("only the RoleBasedGroup controller allocates ports")
                    .remedy("write fixed ports into the template"),
            );
        }
        if let Some(node) =
            of("rbg.workloads.x-k8s.io/restart-trigger-policy").filter(|n| n.as_str() == Some("Ignore"))
        {
            let message = format!("pods of `{name}` whose restarts are ignored restart the others too");
            let entry = Diagnostic::new(&DISCOVERY_LOST, message).at_ids(&node.ids);
            said.push(
                dropped(entry.severity(Severity::Warning))
                    .reason("a restart policy is the whole replica's")
                    .remedy("run the pod as a role of its own"),
            );
        }
    }
    order(role, templates, said);
}

/// An order of components that the language has no word for.
fn order(role: &Role, templates: &Templates, said: &mut Vec<Diagnostic>) {
    let (Pattern::Components(pattern), Templates::Components(all)) = (&role.pattern, templates) else {
        return;
    };
    let all: Vec<_> = pattern.components.iter().zip(all).collect();
    if startup::order(&all).is_some() {
        return;
    }
    for node in all.iter().filter_map(|(c, t)| startup::annotation(c, t)) {
        let message = format!("the components of `{}` start in no order", role.name.value);
        let entry = Diagnostic::new(&DISCOVERY_LOST, message).at_ids(&node.ids);
        said.push(
            dropped(entry.severity(Severity::Warning))
                .reason("only the RoleBasedGroup controller reads `component-depends-on`")
                .remedy("let the process wait, or use roles of their own with `dependsOn`"),
        );
    }
}

/// Processes that read the discovery configuration.
fn configuration(templates: &Templates, said: &mut Vec<Diagnostic>) {
    let mut ids = Ids::none();
    for template in templates.all() {
        template.walk(&mut |n| {
            if n.as_str().is_some_and(|t| t.contains("/etc/rbg")) {
                ids.merge(&n.ids);
            }
        });
    }
    if !ids.is_empty() {
        let message = "the file that this names, the discovery configuration of the group, is missing";
        said.push(
            dropped(Diagnostic::new(&DISCOVERY_LOST, message).at_ids(&ids))
                .reason("only the RoleBasedGroup controller writes /etc/rbg/config.yaml")
                .remedy("mount a ConfigMap with the addresses, or give them to the process by `$(infer.addr.ROLE.REPLICA.RANK)`"),
        );
    }
}

/// The controller mounts the discovery configuration into all containers of stateful roles.
fn mounts(group: &Group, templates: &[Templates], said: &mut Vec<Diagnostic>) {
    let mut ids = group.name.ids.clone();
    for template in templates.iter().flat_map(Templates::all) {
        let containers = template.at(&["spec", "containers"]).and_then(Node::as_seq);
        for mounts in containers
            .unwrap_or_default()
            .iter()
            .filter_map(|c| c.get("volumeMounts"))
        {
            ids.merge(&mounts.ids);
        }
    }
    let message = "the discovery configuration of the group is not mounted at /etc/rbg";
    let entry = Diagnostic::new(&HARMLESS, message).at_ids(&ids);
    said.push(dropped(entry).reason("only the RoleBasedGroup controller writes it"));
}

/// Headless Services that stand for several pods. Those that stand for one pod are its address.
fn services(draft: &mut Draft, templates: &[Templates], said: &mut Vec<Diagnostic>) {
    let Some(group) = words::group(draft) else { return };
    let roles = draft.serving.at_mut(&["spec", "roles"]).seq_mut();
    for role in roles {
        let named = Named::of(role);
        let Some(service) = named.headless(&group) else {
            continue;
        };
        let mut ids = Ids::none();
        let mut by_pod = false;
        for template in templates.iter().flat_map(Templates::all) {
            template.walk(&mut |n| {
                let Some(text) = n.as_str() else { return };
                for (at, _) in text.match_indices(service.as_str()) {
                    let letter = |c: char| c.is_ascii_alphanumeric() || c == '-';
                    let before = text[..at].chars().next_back();
                    let after = text[at + service.len()..].chars().next();
                    by_pod |= before == Some('.');
                    if !before.is_some_and(|c| letter(c) || c == '.') && !after.is_some_and(letter) {
                        ids.merge(&n.ids);
                    }
                }
            });
        }
        if ids.is_empty() {
            continue;
        }
        if named.only(&group).is_some() {
            if !by_pod {
                role.at_mut(&["targets", "rbg"]).set("addressedBy", "service");
            }
            continue;
        }
        let message = format!(
            "`{service}` is the name of {} instances on the source and of none elsewhere",
            named.replicas
        );
        said.push(
            dropped(Diagnostic::new(&HEADLESS_LOST, message).at_ids(&ids))
                .reason("each target names its Services in its own way")
                .remedy("write a Service that selects the role's pods, and its name here"),
        );
    }
}
