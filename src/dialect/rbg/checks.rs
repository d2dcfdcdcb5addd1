//! What a pod template or the metadata says that the controller overwrites, ignores or stumbles over.

use super::codes::{NO_EFFECT, OLD_PREFIX, OVERWRITTEN, PORT_ALLOCATOR, RESERVED};
use super::names;
use super::options::{Pattern, Platform};
use super::pattern::RolePlan;
use super::said;
use crate::diagnostic::{Diagnostic, Ledger, Outcome, Severity};
use crate::ir::Serving;
use crate::value::{Map, Node};

/// Variables that the controller injects into every container.
pub const INJECTED: [&str; 6] = [
    "RBG_GROUP_NAME",
    "RBG_ROLE_NAME",
    "RBG_ROLE_INDEX",
    "RBG_ROLE_INSTANCE_NAME",
    "RBG_COMPONENT_NAME",
    "RBG_COMPONENT_INDEX",
];
/// Variables that it injects beside them for leader and workers.
pub const INJECTED_LEADER_WORKER: [&str; 3] = [
    "RBG_LWP_LEADER_ADDRESS",
    "RBG_LWP_WORKER_INDEX",
    "RBG_LWP_GROUP_SIZE",
];
/// Annotations of the group that the controller knows (api/workloads/constants/annotation.go).
const GROUP_ANNOTATIONS: [&str; 6] = [
    "group-exclusive-topology",
    "group-gang-scheduling",
    "group-gang-scheduling-timeout",
    "group-gang-scheduling-volcano-queue",
    "group-gang-scheduling-volcano-priority",
    "discovery-config-mode",
];
/// Annotations of templates that it knows.
const TEMPLATE_ANNOTATIONS: [&str; 2] = ["role-disable-exclusive", "restart-trigger-policy"];
/// Annotations of templates with the prefix of v1alpha1 that are live.
const OLD_ANNOTATIONS: [&str; 3] = ["component-depends-on", "component-discovery", "port-allocator"];

/// Checks labels and annotations of the serving.
pub fn metadata(serving: &Serving, ledger: &mut Ledger) {
    labels(&serving.labels, ledger);
    for (key, value) in &serving.annotations {
        if let Some(name) = key
            .strip_prefix(names::PREFIX)
            .filter(|n| !GROUP_ANNOTATIONS.contains(n))
        {
            let message = format!("no annotation of a group is called `{name}`");
            ledger.report(
                said(&NO_EFFECT, message)
                    .at_ids(&value.ids)
                    .outcome(Outcome::Moved),
            );
        }
        old_prefix(key, value, &[], ledger);
    }
}

/// Checks the annotations of a role's options.
pub fn role_annotations(annotations: &Map, ledger: &mut Ledger) {
    for (key, value) in annotations {
        if key == "rbg.workloads.x-k8s.io/role-workload-type" {
            let message = "deprecated workload types are not supported: names and variables would be wrong";
            ledger.report(
                said(&RESERVED, message)
                    .at_ids(&value.ids)
                    .remedy("leave the annotation out"),
            );
        }
        old_prefix(key, value, &[], ledger);
    }
}

fn labels(labels: &Map, ledger: &mut Ledger) {
    for (key, value) in labels {
        let owned = match key.strip_prefix(names::PREFIX) {
            Some(name) => name != "group-unique-hash",
            None => matches!(
                key.as_str(),
                "controller-revision-hash" | "statefulset.kubernetes.io/pod-name"
            ),
        };
        if owned {
            let message = format!("the label `{key}` is the controller's");
            ledger.report(
                said(&RESERVED, message)
                    .at_ids(&value.ids)
                    .remedy("use a label of your own"),
            );
        }
        old_prefix(key, value, &[], ledger);
    }
}

fn old_prefix(key: &str, value: &Node, live: &[&str], ledger: &mut Ledger) {
    if let Some(name) = key.strip_prefix(names::OLD_PREFIX).filter(|n| !live.contains(n)) {
        let message = format!("`{key}` is a key of v1alpha1 and has no effect");
        let entry = said(&OLD_PREFIX, message)
            .at_ids(&value.ids)
            .outcome(Outcome::Moved);
        ledger.report(entry.remedy(format!("perhaps `{}{name}` is meant", names::PREFIX)));
    }
}

/// Checks a pod template of a role.
pub fn template(
    serving: &Serving,
    plan: &RolePlan<'_>,
    template: &Node,
    platform: &Platform,
    ledger: &mut Ledger,
) {
    if let Some(map) = template.at(&["metadata", "labels"]).and_then(Node::as_map) {
        let own = |(key, _): &&(crate::value::Str, Node)| !serving.labels.contains_key(key);
        labels(&map.iter().filter(own).cloned().collect(), ledger);
    }
    for (key, value) in template
        .at(&["metadata", "annotations"])
        .and_then(Node::as_map)
        .into_iter()
        .flatten()
    {
        if let Some(name) = key
            .strip_prefix(names::PREFIX)
            .filter(|n| !TEMPLATE_ANNOTATIONS.contains(n))
        {
            let message = format!("no annotation of a pod template is called `{name}`");
            ledger.report(
                said(&NO_EFFECT, message)
                    .at_ids(&value.ids)
                    .outcome(Outcome::Moved),
            );
        }
        old_prefix(key, value, &OLD_ANNOTATIONS, ledger);
        port_allocator(key, value, platform, ledger);
    }
    overwritten(plan, template, ledger);
}

fn port_allocator(key: &str, value: &Node, platform: &Platform, ledger: &mut Ledger) {
    let on = platform.port_allocator.as_ref().is_some_and(|p| p.value);
    let name = key.strip_prefix(names::OLD_PREFIX).filter(|_| !on);
    let text = value.as_str().unwrap_or_default();
    let entry = match name {
        Some("component-discovery") if text.contains("portRefs") => Diagnostic::new(
            &PORT_ALLOCATOR,
            "`portRefs` need the port allocator: these pods would never be made",
        ),
        Some("port-allocator") => {
            let entry = Diagnostic::new(
                &PORT_ALLOCATOR,
                "the port allocator is off by default: the variables would be missing",
            );
            entry.severity(Severity::Warning).outcome(Outcome::Moved)
        }
        _ => return,
    };
    ledger.report(
        entry
            .at_ids(&value.ids)
            .remedy("`spec: {rbg: {portAllocator: true}}` in a Platform document, if it is on"),
    );
}

fn overwritten(plan: &RolePlan<'_>, template: &Node, ledger: &mut Ledger) {
    let mut warn = |node: &Node, message: String| {
        ledger.report(
            said(&OVERWRITTEN, message)
                .at_ids(&node.ids)
                .outcome(Outcome::Dropped),
        );
    };
    for field in ["hostname", "subdomain"] {
        if let Some(node) = template.at(&["spec", field]) {
            warn(node, format!("the controller sets `{field}` itself"));
        }
    }
    let list = |path: &[&str]| template.at(path).and_then(Node::as_seq).unwrap_or_default();
    for name in list(&["spec", "volumes"]).iter().filter_map(|v| v.get("name")) {
        if name.as_str() == Some("rbg-cluster-config") {
            warn(
                name,
                "a volume of this name keeps the discovery configuration from being mounted".into(),
            );
        }
    }
    for container in list(&["spec", "containers"]) {
        for name in container
            .get("env")
            .and_then(Node::as_seq)
            .unwrap_or_default()
            .iter()
            .filter_map(|e| e.get("name"))
        {
            let text = name.as_str().unwrap_or_default();
            let pair = plan.pattern == Pattern::LeaderWorker && INJECTED_LEADER_WORKER.contains(&text);
            if INJECTED.contains(&text) || pair {
                warn(
                    name,
                    format!("the controller sets `{text}` itself and drops this one"),
                );
            }
        }
    }
}
