//! Limits of names, and what belongs to the controller.

use super::answers::{VARIABLES, injects};
use super::children::PREFIX;
use super::codes::{MEMBERS, NAME_TOO_LONG, PLUGIN, RESERVED, ROLE_NAME, TOO_MANY_ROLES};
use super::cut;
use super::options::PLUGINS;
use super::scene::{Lowered, Scene};
use crate::diagnostic::{Diagnostic, Ledger};
use crate::ir::answer::is_given;
use crate::ir::{Member, Role};
use crate::plan::codes::UNKNOWN_ROLE;
use crate::value::{Ids, Node, Str, Traced};

/// The most characters of a DNS label.
const LABEL: usize = 63;
/// The most characters of a role's name (CRD).
const ROLE: usize = 12;
/// The most roles (CRD).
const ROLES: usize = 4;
/// Annotations that the controller overwrites.
const ANNOTATIONS: [&str; 2] = ["scheduling.k8s.io/group-name", "volcano.sh/task-spec"];

/// Everything that admission or the controller would refuse, and no other part of the lowering says.
pub fn check(scene: &Scene<'_>, ledger: &mut Ledger) {
    if let Some(fifth) = scene.roles.get(ROLES) {
        let message = format!(
            "{} roles are more than the {ROLES} of a ModelServing",
            scene.roles.len()
        );
        ledger.report(Diagnostic::new(&TOO_MANY_ROLES, message).at_ids(&fifth.role.name.ids));
    }
    for (index, lowered) in scene.roles.iter().enumerate() {
        role_name(lowered, &scene.roles[..index], ledger);
        generated_name(scene, lowered, ledger);
        lowered.role.members.iter().for_each(|m| reserved(m, ledger));
    }
    plugins(scene, ledger);
}

fn role_name(lowered: &Lowered<'_>, before: &[Lowered<'_>], ledger: &mut Ledger) {
    let name = &lowered.name;
    let at = lowered.options.name.as_ref().unwrap_or(name);
    if name.value.len() > ROLE {
        let over = name.value.len() - ROLE;
        let message = format!(
            "role name `{}` is too long for Kthena by {over} characters",
            name.value
        );
        let said = Diagnostic::new(&ROLE_NAME, message).at_ids(&at.ids);
        ledger.report(
            said.remedy(
                "shorten it, or set `targets.kthena.name` of the role to another name for this target",
            ),
        );
    } else if let Err(reason) = crate::kubernetes::names::dns_1035_label(&name.value) {
        let message = format!("`{}` cannot be a role name: {reason}", name.value);
        ledger.report(Diagnostic::new(&ROLE_NAME, message).at_ids(&at.ids));
    }
    if let Some(other) = before.iter().find(|b| b.name.value == name.value) {
        let message = format!("two roles are called `{}` in the ModelServing", name.value);
        let said = Diagnostic::new(&ROLE_NAME, message).at_ids(&at.ids);
        ledger.report(said.label(other.name.at(), "the other one"));
    }
}

/// `<serving>-<slices>-<role>-<replicas>-<workers>`, with the most that scaling allows.
fn generated_name(scene: &Scene<'_>, lowered: &Lowered<'_>, ledger: &mut Ledger) {
    let role = lowered.role;
    let (slices, replicas) = (scene.most_groups(), cut::most_replicas(role));
    let workers = role.size().value.saturating_sub(1);
    let name = format!(
        "{}-{slices}-{}-{replicas}-{workers}",
        scene.serving.name.value, lowered.name.value
    );
    if name.len() > LABEL {
        let over = name.len() - LABEL;
        let message = format!("`{name}` is too long for a ModelServing by {over} characters");
        let said = Diagnostic::new(&NAME_TOO_LONG, message).at_ids(&scene.serving.name.ids);
        let said = said.label(lowered.name.at(), "the role in it");
        ledger.report(said.remedy("shorten the name of the serving or of the role"));
    }
}

/// Says that a member does not fit entry and workers.
pub fn odd_member(role: &Role, odd: &Member, ledger: &mut Ledger) {
    let message = format!(
        "member `{}` of role `{}` fits neither the entry pod nor the workers",
        odd.name.value, role.name.value
    );
    let ids = odd.name.ids.union(&odd.count.ids);
    ledger.report(
        Diagnostic::new(&MEMBERS, message)
            .at_ids(&ids)
            .label(role.leader().count.at(), "the first member"),
    );
}

/// Whether the controller writes a label or annotation of pods (`labels`, `annotations`) itself, over what a template says.
pub fn is_reserved(kind: &str, key: &str) -> bool {
    key.starts_with(PREFIX) || (kind == "annotations" && ANNOTATIONS.contains(&key))
}

fn reserved(member: &Member, ledger: &mut Ledger) {
    let entries = |path: &[&str]| {
        member
            .template
            .at(path)
            .and_then(Node::as_map)
            .cloned()
            .unwrap_or_default()
    };
    let metadata = |key| {
        entries(&["metadata", key])
            .into_iter()
            .map(move |(k, v)| (key, k, v))
    };
    for (kind, key, value) in metadata("labels").chain(metadata("annotations")) {
        if is_reserved(kind, &key) {
            let message = format!("`{key}` is written by Kthena's controller");
            let said = Diagnostic::new(&RESERVED, message).at_key(value.ids.first());
            ledger.report(said.remedy("use a key of another domain"));
        }
    }
    for list in ["initContainers", "containers"] {
        let containers = member
            .template
            .at(&["spec", list])
            .and_then(Node::as_seq)
            .unwrap_or_default();
        for entry in containers
            .iter()
            .flat_map(|c| c.get("env").and_then(Node::as_seq).unwrap_or_default())
        {
            let Some(name) = entry
                .get("name")
                .filter(|n| VARIABLES.iter().any(|(name, _)| n.as_str() == Some(name)))
            else {
                continue;
            };
            if is_given(entry, injects) {
                continue;
            }
            let message = format!(
                "the variable `{}` is removed and written anew by Kthena's controller",
                name.as_str().unwrap_or_default()
            );
            ledger.report(
                Diagnostic::new(&RESERVED, message)
                    .at_ids(&name.ids)
                    .remedy("use another name"),
            );
        }
    }
}

fn plugins(scene: &Scene<'_>, ledger: &mut Ledger) {
    let registered: Vec<&str> = scene
        .platform
        .plugins
        .iter()
        .flatten()
        .map(|p| p.value.as_str())
        .chain(PLUGINS.iter().copied())
        .collect();
    for plugin in scene.options.plugins.iter().flatten() {
        if let Some(name) = plugin
            .name
            .as_ref()
            .filter(|n| !registered.contains(&n.value.as_str()))
        {
            let message = format!("no plugin is called `{}`", name.value);
            let said = Diagnostic::new(&PLUGIN, message).at_ids(&name.ids);
            ledger.report(said.reason(format!("registered: {}", registered.join(", "))));
        }
        for role in plugin.scope.iter().flat_map(|s| s.roles.iter().flatten()) {
            known_role(scene, role, ledger);
        }
    }
}

/// Says that an option names a role that is not there.
pub fn known_role(scene: &Scene<'_>, name: &Traced<Str>, ledger: &mut Ledger) -> bool {
    let found = scene.roles.iter().any(|r| r.role.name.value == name.value);
    if !found {
        let message = format!("no role is called `{}`", name.value);
        ledger.report(Diagnostic::new(&UNKNOWN_ROLE, message).at_ids(&name.ids));
    }
    found
}

/// Whether something was asked for at these places already; remembers it. What roles inherit is asked for once.
pub fn first_time(seen: &mut Vec<Ids>, ids: &Ids) -> bool {
    let new = !seen.contains(ids);
    if new {
        seen.push(ids.clone());
    }
    new
}
