//! Scalars that are written differently and mean the same where they stand.

use crate::kubernetes::quantity::Quantity;
use crate::value::{Node, Value};

/// Mappings from resources to amounts.
const AMOUNTS: &[&str] = &[
    "limits",
    "requests",
    "capacity",
    "allocatable",
    "hard",
    "overhead",
    "minResources",
];
/// Fields that are amounts themselves.
const AMOUNT: &[&str] = &["sizeLimit", "divisor", "storage", "averageValue"];
/// Fields that hold a number or a string.
const INT_OR_STRING: &[&str] = &[
    "port",
    "targetPort",
    "maxSurge",
    "maxUnavailable",
    "minAvailable",
    "partition",
];

/// Whether two values are the same under `key`, which stands under `parent`.
pub(super) fn scalars(old: &Node, new: &Node, parent: &str, key: &str) -> bool {
    if old == new {
        return true;
    }
    if let (Some(a), Some(b)) = (number(old), number(new)) {
        return a == b;
    }
    if AMOUNTS.contains(&parent) || AMOUNT.contains(&key) {
        return match (Quantity::from_node(old), Quantity::from_node(new)) {
            (Ok(a), Ok(b)) => a == b,
            _ => false,
        };
    }
    // The API server keeps `"1"` and `1` apart but treats them alike, but for ports, where a string is a name.
    INT_OR_STRING.contains(&key) && text(old).is_some() && text(old) == text(new)
}

fn number(node: &Node) -> Option<f64> {
    match node.value {
        Value::Int(i) => Some(i as f64),
        Value::UInt(u) => Some(u as f64),
        Value::Float(f) => Some(f),
        _ => None,
    }
}

fn text(node: &Node) -> Option<String> {
    match &node.value {
        Value::Str(s) => Some(s.to_string()),
        Value::Int(i) => Some(i.to_string()),
        _ => None,
    }
}
