//! Pods without the compiler's labels, and objects that select pods by them.

use crate::diagnostic::{Code, Diagnostic, Ledger, Severity};
use crate::ir::{ROLE_LABEL, SERVING_LABEL};
use crate::spec::{PodLabels, Serving};
use crate::value::Node;

/// Labels that are asked away and needed.
pub const LABELS_NEEDED: Code = Code {
    id: "INF4020",
    title: "pods must have the labels that they are selected by",
    severity: Severity::Error,
    explanation: "`podLabels: none` leaves the compiler's labels away from pods, and something that the spec asks for selects pods by them on \
                  this target: a Service, a disruption budget, an affinity, a router. It would select nothing.\n\nWrite `podLabels: own`, or \
                  leave away what selects.",
};

/// Reports selectors by labels that no pod has.
pub fn check(serving: &Serving, objects: &[Node], ledger: &mut Ledger) {
    let labels = serving.spec.as_ref().and_then(|s| s.pod_labels.as_ref());
    let Some(labels) = labels.filter(|l| l.value == PodLabels::None) else {
        return;
    };
    let Some(object) = objects.iter().find(|o| selects(o)) else {
        return;
    };
    let text = |path: &[&str]| object.at(path).and_then(Node::as_str).unwrap_or_default();
    let message = format!(
        "{} `{}` selects pods by the compiler's labels, which they do not have",
        text(&["kind"]),
        text(&["metadata", "name"])
    );
    ledger.report(
        Diagnostic::new(&LABELS_NEEDED, message)
            .at_ids(&labels.ids)
            .remedy("write `podLabels: own`"),
    );
}

/// Whether a selector below a node asks for the compiler's labels, or a text that is one.
fn selects(object: &Node) -> bool {
    let own = |key: &str| [SERVING_LABEL, ROLE_LABEL].contains(&key);
    let mut found = false;
    let mut outside = object.clone();
    // Labels of the object itself select nothing.
    outside.at_mut(&["metadata"]).map_mut().remove("labels");
    outside.walk(&mut |node| {
        if let Some(map) = node.as_map() {
            for (key, value) in map {
                let selector = ["selector", "matchLabels", "podSelector"].contains(&key.as_str());
                found |= selector && value.as_map().is_some_and(|m| m.iter().any(|(key, _)| own(key)));
            }
            found |= map.get("key").and_then(Node::as_str).is_some_and(own);
        }
        found |= node
            .as_str()
            .is_some_and(|s| s.contains("infer.dev/serving=") || s.contains("infer.dev/role="));
    });
    found
}
