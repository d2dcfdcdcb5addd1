//! What an API server fills in before it looks at an object.

use super::schema::{Additional, Schema};
use crate::value::{Map, Node, Value};

/// Fills in defaults, and takes out nulls where null is no value (k8s.io/apiextensions-apiserver, `defaulting`).
pub fn fill(node: &mut Node, schema: &Schema) {
    match &mut node.value {
        Value::Map(map) => fill_map(map, schema),
        Value::Seq(seq) => {
            let Some(items) = schema.items.as_deref() else {
                return;
            };
            for item in seq {
                replace_null(item, items);
                fill(item, items);
            }
        }
        _ => {}
    }
}

fn fill_map(map: &mut Map, schema: &Schema) {
    for (key, property) in &schema.properties {
        let Some(default) = &property.default else {
            continue;
        };
        match map.get_mut(key) {
            None => map.push_new(key.clone(), default.clone()),
            Some(value) => replace_null(value, property),
        }
    }
    if let Additional::Values(values) = &schema.additional {
        let open = map
            .iter_mut()
            .filter(|(key, _)| !schema.properties.contains_key(*key));
        open.for_each(|(_, value)| replace_null(value, values));
    }
    let gone = |key: &str, value: &Node| value.is_null() && schema.field(key).is_some_and(refuses_null);
    map.retain(|key, value| !gone(key, value));
    for (key, value) in map.iter_mut() {
        if let Some(schema) = schema.field(key) {
            fill(value, schema);
        }
    }
}

fn replace_null(node: &mut Node, schema: &Schema) {
    if let Some(default) = schema
        .default
        .as_ref()
        .filter(|_| node.is_null() && refuses_null(schema))
    {
        let ids = std::mem::take(&mut node.ids);
        *node = default.clone();
        node.ids = ids;
    }
}

fn refuses_null(schema: &Schema) -> bool {
    !schema.nullable
}
