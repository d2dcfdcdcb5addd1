//! What the API server checks of tolerations, spreading and affinity.

use super::Checker;
use crate::kubernetes::codes::{NOT_ALLOWED, REQUIRED};
use crate::kubernetes::container::list;
use crate::value::Node;

fn text<'n>(node: &'n Node, key: &str) -> Option<&'n str> {
    node.get(key).and_then(Node::as_str).filter(|s| !s.is_empty())
}

impl Checker<'_> {
    /// A requirement of a label selector or node selector.
    pub(super) fn requirement(&mut self, node: &Node) {
        let (Some(operator), values) = (text(node, "operator"), list(node, "values")) else {
            return;
        };
        let at = node.get("values").unwrap_or(node);
        match operator {
            "In" | "NotIn" if values.is_empty() && !self.options.overlay => {
                self.say(node, &REQUIRED, format!("the operator {operator} needs `values`"));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                self.say(
                    at,
                    &NOT_ALLOWED,
                    format!("the operator {operator} takes no `values`"),
                );
            }
            "Gt" | "Lt" if values.len() != 1 && !self.options.overlay => {
                self.say(
                    at,
                    &NOT_ALLOWED,
                    format!("the operator {operator} takes one value"),
                );
            }
            _ => {}
        }
    }

    pub(super) fn toleration(&mut self, node: &Node) {
        let exists = text(node, "operator") == Some("Exists");
        if text(node, "key").is_none() && !exists && !self.options.overlay {
            self.say(
                node,
                &REQUIRED,
                "a toleration without `key` needs the operator Exists, which tolerates every taint",
            );
        }
        if exists && text(node, "value").is_some() {
            self.say(
                node,
                &NOT_ALLOWED,
                "a toleration with the operator Exists has no `value`",
            );
        }
        let seconds = node.get("tolerationSeconds").filter(|n| !n.is_null());
        if let Some(seconds) = seconds.filter(|_| text(node, "effect") != Some("NoExecute")) {
            self.say(
                seconds,
                &NOT_ALLOWED,
                "`tolerationSeconds` needs the effect NoExecute",
            );
        }
    }

    pub(super) fn spread(&mut self, node: &Node) {
        let domains = node.get("minDomains").filter(|n| !n.is_null());
        if let (Some(at), Some("ScheduleAnyway")) = (domains, text(node, "whenUnsatisfiable")) {
            self.say(
                at,
                &NOT_ALLOWED,
                "`minDomains` needs `whenUnsatisfiable: DoNotSchedule`",
            );
        }
    }
}
