//! From v1alpha1 to v1alpha2, as the conversion webhook does it (api/workloads/v1alpha1/rolebasedgroup_conversion.go).
//!
//! Values move with their ids. What the conversion loses is lost here too: it never reaches a controller.

use super::super::names::{API_VERSION, OLD_PREFIX};
use super::super::verdicts::keys;
use crate::diagnostic::json;
use crate::value::{Map, Node};

/// A v1alpha1 RoleBasedGroup as it is stored.
pub fn group(object: &Node) -> Node {
    let mut out = object.clone();
    out.set("apiVersion", API_VERSION);
    let spec = object.get("spec").cloned().unwrap_or_default();
    preserve(&spec, &mut out);
    out.set("spec", self::spec(&spec));
    out
}

/// A v1alpha1 RoleBasedGroupSet as it is stored: gang and exclusive topology land on the set, which does not hand them on.
pub fn set(object: &Node) -> Node {
    let mut out = object.clone();
    out.set("apiVersion", API_VERSION);
    let template = object.at(&["spec", "template"]).cloned().unwrap_or_default();
    preserve(&template, &mut out);
    let mut spec = Node::derived(Map::new(), &template.ids);
    if let Some(replicas) = object.at(&["spec", "replicas"]) {
        spec.set("replicas", replicas.clone());
    }
    let mut group = Node::derived(Map::new(), &template.ids);
    if let Some(coordination) = present(&template, "coordination") {
        let annotations = Map::from_iter([(keys::V1_COORDINATION, json_text(coordination))]);
        group.set("annotations", annotations);
    }
    group.set("spec", self::spec(&template));
    spec.set("groupTemplate", group);
    out.set("spec", spec);
    out
}

/// A value as its JSON text, derived from all of it.
fn json_text(node: &Node) -> Node {
    Node::derived(json::value(node).to_string(), &node.all_ids())
}

fn present<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    node.get(key)
        .filter(|n| !n.is_null() && n.as_seq().is_none_or(|s| !s.is_empty()))
}

/// What v1alpha2 has annotations for.
fn preserve(spec: &Node, out: &mut Node) {
    let mut add = |key: &str, value: Node| out.at_mut(&["metadata", "annotations"]).set(key, value);
    if let Some(policy) = present(spec, "podGroupPolicy") {
        if let Some(kube) = present(policy, "kubeScheduling") {
            add(keys::GANG, Node::derived("true", &kube.ids));
            let seconds = kube.get("scheduleTimeoutSeconds").filter(|n| !n.is_null());
            let text = seconds.and_then(Node::as_int).unwrap_or(60).to_string();
            let ids = seconds.map_or_else(|| kube.ids.clone(), |n| n.ids.clone());
            add(keys::GANG_TIMEOUT, Node::derived(text, &ids));
        } else if let Some(volcano) = present(policy, "volcanoScheduling") {
            add(keys::GANG, Node::derived("true", &volcano.ids));
            for (field, key) in [
                ("queue", keys::VOLCANO_QUEUE),
                ("priorityClassName", keys::VOLCANO_PRIORITY),
            ] {
                if let Some(value) = present(volcano, field) {
                    add(key, value.clone());
                }
            }
        }
    }
    if let Some(coordination) = present(spec, "coordination") {
        add(keys::V1_COORDINATION, json_text(coordination));
    }
    let exclusive = format!("{OLD_PREFIX}exclusive-topology");
    if let Some(topology) = out.at(&["metadata", "annotations", exclusive.as_str()]).cloned() {
        out.at_mut(&["metadata", "annotations"])
            .set(keys::EXCLUSIVE, topology);
    }
}

fn spec(spec: &Node) -> Node {
    let mut out = Node::derived(Map::new(), &spec.ids);
    if let Some(templates) = spec.get("roleTemplates") {
        out.set("roleTemplates", templates.clone());
    }
    if let Some(roles) = spec.get("roles") {
        let converted: Vec<Node> = roles.as_seq().unwrap_or_default().iter().map(role).collect();
        out.set("roles", Node::derived(converted, &roles.ids));
    }
    out
}

const SAME: [&str; 8] = [
    "name",
    "labels",
    "replicas",
    "dependencies",
    "servicePorts",
    "minReadySeconds",
    "engineRuntimes",
    "rolloutStrategy",
];

fn role(role: &Node) -> Node {
    let mut out = Node::derived(Map::new(), &role.ids);
    for key in SAME {
        if let Some(value) = present(role, key) {
            out.set(key, value.clone());
        }
    }
    if let Some(adapter) = present(role, "scalingAdapter") {
        let mut kept = Node::derived(Map::new(), &adapter.ids);
        kept.map_mut()
            .insert_some("enable", adapter.get("enable").cloned());
        out.set("scalingAdapter", kept);
    }
    let mut annotations = present(role, "annotations").cloned().unwrap_or_else(Node::map);
    annotations.set(keys::WORKLOAD_TYPE, workload(role));
    out.set("annotations", annotations);
    let (key, pattern) = pattern(role);
    out.set(key, pattern);
    out
}

/// `apiVersion/kind` of a role's workload; a StatefulSet if it names none.
pub fn workload(role: &Node) -> Node {
    let workload = role.get("workload");
    let text = |key: &str, default: &str| {
        let node = workload.and_then(|w| w.get(key));
        node.and_then(Node::as_str).unwrap_or(default).to_owned()
    };
    let all = format!(
        "{}/{}",
        text("apiVersion", "apps/v1"),
        text("kind", "StatefulSet")
    );
    // An empty mapping says nothing, and its place in the input is not where the answer comes from.
    let said = workload.filter(|w| w.as_map().is_some_and(|m| !m.is_empty()));
    Node::derived(all, &said.map(Node::all_ids).unwrap_or_default())
}

fn pattern(role: &Node) -> (&'static str, Node) {
    let restart = role
        .get("restartPolicy")
        .map(|policy| Map::from_iter([("type", policy.clone())]));
    if let Some(group) = present(role, "leaderWorkerSet") {
        let mut out = Node::derived(Map::new(), &group.ids);
        let map = out.map_mut();
        map.insert_some("size", group.get("size").cloned());
        map.insert_some("leaderTemplatePatch", group.get("patchLeaderTemplate").cloned());
        map.insert_some("workerTemplatePatch", group.get("patchWorkerTemplate").cloned());
        map.insert_some("restartPolicyConfig", restart);
        source(role, map);
        return ("leaderWorkerPattern", out);
    }
    if let Some(components) = present(role, "components") {
        let mut out = Node::derived(Map::new(), &components.ids);
        out.set("components", components.clone());
        out.map_mut().insert_some("restartPolicyConfig", restart);
        return ("customComponentsPattern", out);
    }
    let mut out = Node::derived(Map::new(), &role.ids);
    source(role, out.map_mut());
    ("standalonePattern", out)
}

fn source(role: &Node, out: &mut Map) {
    if let Some(template) = present(role, "template") {
        out.insert("template", template.clone());
    } else if let Some(reference) = present(role, "templateRef") {
        let mut reference = reference.clone();
        reference
            .map_mut()
            .insert_some("patch", present(role, "templatePatch").cloned());
        out.insert("templateRef", reference);
    }
}
