//! Checks of single values.

use super::Checker;
use crate::diagnostic::{Code, Diagnostic};
use crate::kubernetes::codes::{BAD_PORT, BAD_QUANTITY, OUT_OF_RANGE, WRONG_TYPE};
use crate::kubernetes::names::{self, Check};
use crate::kubernetes::quantity::Quantity;
use crate::value::{Node, Value};

/// The type of a value in words.
pub(super) fn what(node: &Node) -> &'static str {
    match node.value {
        Value::Null => "nothing",
        Value::Bool(_) => "a truth value",
        Value::Int(_) | Value::UInt(_) => "a number",
        Value::Float(_) => "a decimal number",
        Value::Str(_) | Value::Text(_) => "a string",
        Value::Seq(_) => "a list",
        Value::Map(_) => "a mapping",
    }
}

impl Checker<'_> {
    pub(super) fn string(&mut self, node: &Node) {
        let bare = match &node.value {
            Value::Str(_) | Value::Text(_) => return,
            Value::Bool(b) => b.to_string(),
            Value::Int(n) => n.to_string(),
            Value::UInt(n) => n.to_string(),
            Value::Float(n) => n.to_string(),
            Value::Null | Value::Seq(_) | Value::Map(_) => return self.wrong_type(node, "a string"),
        };
        let said = Diagnostic::new(&WRONG_TYPE, format!("expected a string, found {}", what(node)));
        self.at(node, said.remedy("quote it").replacement(format!("\"{bare}\"")));
    }

    pub(super) fn quantity(&mut self, node: &Node) {
        if matches!(node.value, Value::Text(_)) {
            return;
        }
        if let Err(reason) = Quantity::from_node(node) {
            let text = node
                .as_str()
                .map_or_else(|| what(node).to_owned(), |s| format!("`{s}`"));
            self.say(node, &BAD_QUANTITY, format!("{text} is not a quantity: {reason}"));
        }
    }

    /// Checks the text of a field, if it is one without references. An empty one is the same as none.
    pub(super) fn text(
        &mut self,
        node: &Node,
        field: &str,
        code: &'static Code,
        what: &str,
        check: fn(&str) -> Check,
    ) {
        let Some(text) = node.as_str().filter(|text| !text.is_empty()) else {
            return;
        };
        if let Err(reason) = check(text) {
            self.within(field, |c| {
                c.say(node, code, format!("`{text}` is not a valid {what}: {reason}"))
            });
        }
    }

    /// Checks that the number of a field, if it is one, lies between two bounds.
    pub(super) fn range(&mut self, node: &Node, field: &str, min: i64, max: i64) {
        let Some(n) = node.as_int().filter(|n| *n < min || *n > max) else {
            return;
        };
        let bounds = if max == i64::MAX {
            format!("at least {min}")
        } else {
            format!("from {min} to {max}")
        };
        self.within(field, |c| {
            c.say(
                node,
                &OUT_OF_RANGE,
                format!("`{field}` must be {bounds}, not {n}"),
            )
        });
    }

    /// Checks a port: a number, or where `named` a name.
    pub(super) fn port(&mut self, owner: &Node, key: &str, named: bool) {
        let Some(node) = owner.get(key) else { return };
        let wrong = match &node.value {
            Value::Int(n) if (1..=65535).contains(n) => None,
            Value::Int(n) => Some(format!("{n} is not a port, ports are from 1 to 65535")),
            Value::Str(s) if named => names::port_name(s)
                .err()
                .map(|e| format!("`{s}` is not the name of a port: {e}")),
            _ => None,
        };
        if let Some(message) = wrong {
            self.within(key, |c| c.say(node, &BAD_PORT, message));
        }
    }
}
