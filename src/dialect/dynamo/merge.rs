//! How the operator lays one part of a pod template over another (mergo's `Merge` with `WithOverride`, over Go structs).
//!
//! Objects merge field by field, mappings key by key; lists and plain values are replaced. A plain value that is empty in Go
//! (zero, false, no text) and an empty list or mapping replace nothing.

use crate::kubernetes::podspec::{Kind, Object};
use crate::value::{Node, Value};

/// Lays `over` over `base`, both objects of the table of pod templates.
pub fn overlay(base: &mut Node, over: &Node, object: &'static Object) {
    let Some(fields) = over.as_map() else { return };
    base.ids.merge(&over.ids);
    for (key, value) in fields.iter().filter(|(_, v)| !v.is_null()) {
        let kind = object.field(key).map(|f| &f.kind);
        match base.map_mut().get_mut(key) {
            Some(old) if !old.is_null() => self::value(old, value, kind),
            _ => base.set(key, value.clone()),
        }
    }
}

fn value(base: &mut Node, over: &Node, kind: Option<&'static Kind>) {
    match (kind, &over.value) {
        (Some(Kind::Object(id)), Value::Map(_)) => {
            if let Some(object) = id.get() {
                overlay(base, over, object);
            }
        }
        (Some(Kind::Map(_)), Value::Map(entries)) => {
            for (key, value) in entries {
                base.set(key, value.clone());
            }
        }
        _ if is_empty(&over.value) => {}
        _ => *base = over.clone(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(b) => !b,
        Value::Int(n) => *n == 0,
        Value::Str(s) => s.is_empty(),
        Value::Seq(list) => list.is_empty(),
        Value::Map(map) => map.is_empty(),
        _ => false,
    }
}
