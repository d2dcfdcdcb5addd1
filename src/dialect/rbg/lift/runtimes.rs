//! Containers that the controller adds by ClusterEngineRuntimeProfiles: on other targets they stand in the templates.

use super::super::codes::RUNTIME_LOST;
use super::super::read::{Group, Pattern, Role};
use super::templates::Templates;
use crate::diagnostic::{Diagnostic, Outcome};
use crate::dialect::lifting::{Added, Draft};
use crate::kubernetes::container::{list, name_of};
use crate::pods::Scene;
use crate::value::{Ids, Map, Node};

/// Adds the containers of all profiles that the input holds, and says which it does not hold.
pub fn add(draft: &mut Draft, group: &Group, templates: &[Templates], scene: &Scene<'_>) {
    for (number, (role, templates)) in group.roles.iter().zip(templates).enumerate() {
        // Workers get none.
        let all = !matches!(role.pattern, Pattern::LeaderWorker(_));
        for runtime in &role.runtimes {
            let Some(name) = runtime.get("profileName") else {
                continue;
            };
            let text = name.as_str().unwrap_or_default();
            let profile = scene.documents.iter().map(|d| &d.root).find(|d| {
                d.get("kind").and_then(Node::as_str) == Some("ClusterEngineRuntimeProfile")
                    && d.at(&["metadata", "name"]).and_then(Node::as_str) == Some(text)
            });
            match profile.and_then(|p| p.get("spec")) {
                Some(profile) => draft.added.push(Added {
                    role: number,
                    template: overlay(profile, runtime, templates, &name.ids),
                    all,
                }),
                None => draft.broken.push(missing(role, name)),
            }
        }
    }
}

fn missing(role: &Role, name: &Node) -> Diagnostic {
    let message = format!(
        "the containers of the profile `{}` are missing in the pods of `{}`",
        name.as_str().unwrap_or_default(),
        role.name.value
    );
    Diagnostic::new(&RUNTIME_LOST, message)
        .at_ids(&name.ids)
        .outcome(Outcome::Dropped)
        .reason("the input does not hold the ClusterEngineRuntimeProfile, and only the RoleBasedGroup controller reads it")
        .remedy("pass the profile along, or write its containers into the role's `podTemplate`")
}

/// What a profile adds to a template: containers and volumes whose names it has not, and what the role adds to containers.
fn overlay(profile: &Node, runtime: &Node, templates: &Templates, ids: &Ids) -> Node {
    let empty = Node::map();
    let spec = templates.first().and_then(|t| t.get("spec")).unwrap_or(&empty);
    let changes = list(runtime, "containers");
    let mut out = Map::new();
    for key in ["initContainers", "containers", "volumes"] {
        let known = list(spec, key);
        let mut added: Vec<Node> = Vec::new();
        for one in list(profile, key) {
            let own = known.iter().find(|k| name_of(k) == name_of(one));
            let change = changes
                .iter()
                .find(|c| key == "containers" && name_of(c) == name_of(one));
            match (own, change) {
                (None, None) => added.push(one.clone()),
                (None, Some(change)) => added.push(changed(one.clone(), one, change)),
                (Some(own), Some(change)) => {
                    let name = Map::from_iter([("name", one.get("name").cloned().unwrap_or_default())]);
                    added.push(changed(name.into(), own, change));
                }
                (Some(_), None) => {}
            }
        }
        if !added.is_empty() {
            out.insert(key, Node::derived(added, ids));
        }
    }
    let mut spec = Node::from(out);
    spec.decided_by(ids);
    Map::from_iter([("spec", spec)]).into()
}

/// A container with the variables and arguments that a role adds to those it has.
fn changed(mut container: Node, own: &Node, change: &Node) -> Node {
    let (env, args) = (list(change, "env"), list(change, "args"));
    if !env.is_empty() {
        let replaced = |e: &&Node| env.iter().all(|n| name_of(n) != name_of(e));
        let all: Vec<Node> = list(own, "env")
            .iter()
            .filter(replaced)
            .chain(env)
            .cloned()
            .collect();
        container.set("env", all);
    }
    if !args.is_empty() {
        let all: Vec<Node> = list(own, "args").iter().chain(args).cloned().collect();
        container.set("args", all);
    }
    if let Some(name) = change.get("name") {
        container.decided_by(&name.ids);
    }
    container
}
