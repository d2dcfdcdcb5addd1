//! Objects in the form in which rendering writes them.
//!
//! Three notations mean the same to the controller: a role template by name or in place, leader and workers by any two patches
//! over any base, a component's labels inside or beside its template. A lifted spec keeps what they mean.

use super::super::difference;
use super::super::names::OLD_PREFIX;
use super::super::read::{self, Group, Pattern, Role};
use super::super::verdicts::SCHEMA;
use super::templates::{Pair, Templates, refers};
use crate::pods::Problem;
use crate::value::{Node, Value};

/// The restart policy that was deleted in v0.7.0: of all roles of a group.
pub const REMOVED_RESTART: &str = "RecreateRBGOnPodRestart";

/// The object as rendering would write it. `keep` leaves references to role templates as they are.
pub fn object(source: &Node, group: &Group, templates: &[Templates], set: bool, keep: bool) -> Node {
    let mut object = read::stored(source);
    if read::is_old(source) {
        let old = format!("{OLD_PREFIX}exclusive-topology");
        let annotations = object.at(&["metadata", "annotations"]);
        if annotations.is_some_and(|a| a.get(&old).is_some()) {
            object.at_mut(&["metadata", "annotations"]).map_mut().remove(&old);
        }
    }
    if set && let Some(group) = object.at_mut(&["spec"]).map_mut().get_mut("groupTemplate") {
        group
            .map_mut()
            .retain(|key, _| ["labels", "annotations", "spec"].contains(&key));
    }
    let path: &[&str] = if set {
        &["spec", "groupTemplate", "spec"]
    } else {
        &["spec"]
    };
    if object.at(path).is_none_or(|s| s.as_map().is_none()) {
        return object;
    }
    let spec = object.at_mut(path);
    if !keep {
        spec.map_mut().remove("roleTemplates");
    }
    if let Some(Value::Seq(roles)) = spec.map_mut().get_mut("roles").map(|r| &mut r.value) {
        for ((node, role), templates) in roles.iter_mut().zip(&group.roles).zip(templates) {
            self::role(node, role, templates, keep);
        }
    }
    object
}

/// The fields of a role. The API server keeps others, and nobody looks at them.
const FIELDS: [&str; 14] = [
    "name",
    "labels",
    "annotations",
    "replicas",
    "dependencies",
    "standalonePattern",
    "leaderWorkerPattern",
    "customComponentsPattern",
    "servicePorts",
    "engineRuntimes",
    "scalingAdapter",
    "minReadySeconds",
    "podManagementPolicy",
    "rolloutStrategy",
];

/// Leaves values out that the schema refuses, where their absence means a default.
pub fn without_refused(object: &mut Node, problems: &[Problem]) {
    let refused = |node: &Node| {
        let scalar = !matches!(node.value, Value::Map(_) | Value::Seq(_) | Value::Null);
        scalar
            && problems
                .iter()
                .any(|p| p.code.id == SCHEMA.id && !p.ids.is_empty() && p.ids == node.ids)
    };
    object.at_mut(&["spec"]).walk_mut(&mut |node| {
        if let Value::Map(map) = &mut node.value {
            map.retain(|key, value| key == "name" || !refused(value));
        }
    });
}

fn role(node: &mut Node, role: &Role, templates: &Templates, keep: bool) {
    node.map_mut().retain(|key, _| FIELDS.contains(&key));
    let key = match &role.pattern {
        Pattern::Standalone(_) => "standalonePattern",
        Pattern::LeaderWorker(_) => "leaderWorkerPattern",
        Pattern::Components(_) => "customComponentsPattern",
        Pattern::None => return,
    };
    let pattern = node.at_mut(&[key]);
    restart(pattern);
    if keep && refers(pattern) {
        return;
    }
    match templates {
        Templates::One(template) => one(pattern, template),
        Templates::Pair(pair) => self::pair(pattern, pair),
        Templates::Components(all) => components(pattern, all),
    }
}

/// The string that `restartPolicyConfig` replaced, in its place.
fn restart(pattern: &mut Node) {
    if let Some(policy) = pattern.map_mut().remove("restartPolicy") {
        let config = pattern.at_mut(&["restartPolicyConfig"]);
        if config.get("type").is_none() {
            config.set("type", policy);
        }
    }
    let kind = pattern.at(&["restartPolicyConfig", "type"]);
    if let Some(kind) = kind.filter(|k| k.as_str() == Some(REMOVED_RESTART)).cloned() {
        let now = Node::derived("RecreateRoleInstanceOnPodRestart", &kind.ids);
        pattern.at_mut(&["restartPolicyConfig"]).set("type", now);
    }
}

fn one(pattern: &mut Node, template: &Node) {
    if !refers(pattern) && pattern.get("leaderTemplatePatch").is_none() {
        return;
    }
    let map = pattern.map_mut();
    map.remove("templateRef");
    map.remove("leaderTemplatePatch");
    map.insert("template", template.clone());
}

fn pair(pattern: &mut Node, pair: &Pair) {
    let split = difference::split(&pair.leader, &pair.worker);
    let map = pattern.map_mut();
    for key in ["templateRef", "leaderTemplatePatch", "workerTemplatePatch"] {
        map.remove(key);
    }
    map.insert("template", split.template);
    map.insert_some("leaderTemplatePatch", split.leader);
    map.insert_some("workerTemplatePatch", split.worker);
}

fn components(pattern: &mut Node, all: &[Node]) {
    let Some(Value::Seq(list)) = pattern.map_mut().get_mut("components").map(|c| &mut c.value) else {
        return;
    };
    for (component, template) in list.iter_mut().zip(all) {
        if component.as_map().is_none() {
            continue;
        }
        let map = component.map_mut();
        if map.remove("labels").is_some() | map.remove("annotations").is_some() {
            map.insert("template", template.clone());
        }
    }
}
