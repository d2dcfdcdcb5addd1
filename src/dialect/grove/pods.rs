//! From a pod template to what a clique holds of it.

use super::codes::{OVERWRITTEN_FIELD, POD_METADATA, REFUSED_FIELD, RESERVED_ENV, RESERVED_LABEL};
use crate::diagnostic::{Diagnostic, Ledger, Outcome, Severity};
use crate::value::{Map, Node, Value};

/// The parts of a pod template.
pub(super) struct Pod {
    /// Labels of the pods.
    pub labels: Option<Node>,
    /// Annotations of the pods.
    pub annotations: Option<Node>,
    /// The PodSpec.
    pub spec: Node,
}

/// Labels that Grove writes over those of the template.
const OWN_LABELS: &[&str] = &[
    "grove.io/base-podgang",
    "grove.io/pod-template-hash",
    "grove.io/podclique",
    "grove.io/podclique-pod-index",
    "grove.io/podcliquescalinggroup",
    "grove.io/podcliquescalinggroup-replica-index",
    "grove.io/podcliqueset-replica-index",
    "grove.io/podgang",
];
/// The same, where they may well be meant for the objects alone.
const COMMON_LABELS: &[&str] = &[
    "app.kubernetes.io/component",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/name",
    "app.kubernetes.io/part-of",
];
/// Variables that Grove injects in all pods, and in those of scaling groups.
const OWN_VARIABLES: &[&str] = &[
    "GROVE_PCS_NAME",
    "GROVE_PCS_INDEX",
    "GROVE_PCLQ_NAME",
    "GROVE_HEADLESS_SERVICE",
    "GROVE_PCLQ_POD_INDEX",
];
const GROUP_VARIABLES: &[&str] = &[
    "GROVE_PCSG_NAME",
    "GROVE_PCSG_TEMPLATE_NUM_PODS",
    "GROVE_PCSG_INDEX",
];

/// Takes a template apart; reports what Grove refuses or overwrites.
pub(super) fn split(template: Node, grouped: bool, ledger: &mut Ledger) -> Pod {
    let own = template.ids.clone();
    let mut parts = match template.value {
        Value::Map(map) => map,
        _ => Map::new(),
    };
    let mut spec = parts.remove("spec").unwrap_or_else(Node::map);
    spec.decided_by(&own);
    let mut labels = None;
    let mut annotations = None;
    if let Some(metadata) = parts.remove("metadata") {
        spec.decided_by(&metadata.ids);
        for (key, value) in metadata.as_map().cloned().unwrap_or_default() {
            match key.as_str() {
                "labels" => labels = Some(value),
                "annotations" => annotations = Some(value),
                _ => {
                    let message = format!("`metadata.{key}` of pods is lost");
                    let said = Diagnostic::new(&POD_METADATA, message).at_ids(&value.all_ids());
                    ledger.report(said.outcome(Outcome::Dropped));
                }
            }
        }
    }
    for (key, value) in parts {
        let said = Diagnostic::new(&POD_METADATA, format!("`{key}` of pod templates is lost"));
        ledger.report(said.at_ids(&value.all_ids()).outcome(Outcome::Dropped));
    }
    if let Some(labels) = &mut labels {
        drop_labels(labels, ledger);
    }
    drop_fields(&mut spec, ledger);
    check_variables(&spec, grouped, ledger);
    let filled = |node: &Node| node.as_map().is_some_and(|m| !m.is_empty());
    Pod {
        labels: labels.filter(filled),
        annotations: annotations.filter(filled),
        spec,
    }
}

/// Takes out variables that say what Grove says itself.
pub(super) fn leave_to_grove(spec: &mut Node, injected: &[(&str, String)]) {
    for list in ["initContainers", "containers"] {
        let Some(Value::Seq(containers)) = spec.map_mut().get_mut(list).map(|l| &mut l.value) else {
            continue;
        };
        for container in containers {
            let Some(env) = container.get("env").and_then(Node::as_seq) else {
                continue;
            };
            let text = |e: &Node, key| e.get(key).and_then(Node::as_str).map(str::to_owned);
            let same = |e: &Node| {
                injected.iter().any(|(n, v)| {
                    text(e, "name").as_deref() == Some(n) && text(e, "value").as_ref() == Some(v)
                })
            };
            let (gone, kept): (Vec<Node>, Vec<Node>) = env.iter().cloned().partition(same);
            if gone.is_empty() {
                continue;
            }
            let of_list = container.get("env").map(|e| e.ids.clone()).unwrap_or_default();
            let ids = gone.iter().fold(of_list, |ids, e| ids.union(&e.all_ids()));
            if kept.is_empty() {
                container.map_mut().remove("env");
                container.decided_by(&ids);
            } else {
                container.at_mut(&["env"]).decided_by(&ids);
                *container.at_mut(&["env"]).seq_mut() = kept;
            }
        }
    }
}

fn drop_labels(labels: &mut Node, ledger: &mut Ledger) {
    for key in OWN_LABELS.iter().chain(COMMON_LABELS) {
        let Some(value) = labels.map_mut().remove(key) else {
            continue;
        };
        let message = format!("Grove sets the label `{key}` of pods itself");
        let said = Diagnostic::new(&RESERVED_LABEL, message)
            .at(value.ids.first())
            .outcome(Outcome::Dropped);
        match COMMON_LABELS.contains(key) {
            true => ledger.waive(&value.ids, said),
            false => ledger.report(said.at_ids(&value.ids)),
        }
    }
}

fn drop_fields(spec: &mut Node, ledger: &mut Ledger) {
    for field in ["nodeName", "topologySpreadConstraints"] {
        let Some(value) = spec.map_mut().remove(field) else {
            continue;
        };
        let wishes = |n: &Node| n.get("whenUnsatisfiable").and_then(Node::as_str) == Some("ScheduleAnyway");
        let wish = value.as_seq().is_some_and(|all| all.iter().all(wishes));
        let severity = if wish { Severity::Warning } else { Severity::Error };
        let message = format!("`{field}` is refused in cliques and left out");
        let said = Diagnostic::new(&REFUSED_FIELD, message).severity(severity);
        let said = said.outcome(Outcome::Dropped).at_ids(&value.all_ids());
        ledger.report(said.remedy("use node selectors or affinity"));
    }
    for field in ["hostname", "subdomain", "schedulingGates"] {
        if let Some(value) = spec.map_mut().remove(field) {
            let message = format!("Grove sets `{field}` of pods itself");
            let said = Diagnostic::new(&OVERWRITTEN_FIELD, message).at_ids(&value.all_ids());
            ledger.report(said.outcome(Outcome::Dropped));
        }
    }
}

fn check_variables(spec: &Node, grouped: bool, ledger: &mut Ledger) {
    let lists = ["initContainers", "containers"];
    let containers = lists.iter().filter_map(|l| spec.get(l)?.as_seq()).flatten();
    for variable in containers.filter_map(|c| c.get("env")?.as_seq()).flatten() {
        let Some(name) = variable.get("name").and_then(Node::as_str) else {
            continue;
        };
        if OWN_VARIABLES.contains(&name) || (grouped && GROUP_VARIABLES.contains(&name)) {
            let said = Diagnostic::new(
                &RESERVED_ENV,
                format!("Grove sets `{name}` itself and drops this one"),
            );
            ledger.report(said.at_ids(&variable.all_ids()));
        }
    }
}
