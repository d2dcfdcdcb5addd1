//! Pod templates inside custom resources: what the API server drops from them and refuses by the schema, before any
//! controller sees them.

use super::settled::Settled;
use crate::kubernetes::podspec::{Kind, Object, Type};
use crate::pods::template::refused_by_schema;
use crate::value::{Node, Value};

/// Settles a template of labels, annotations and a PodSpec.
pub fn settle(node: &mut Node, settled: &mut Settled) {
    let Value::Map(map) = &mut node.value else {
        return settled.mistyped(node, "a mapping");
    };
    map.retain(|key, value| keep(key, value, ["metadata", "spec"].contains(&key), settled));
    if let (Some(metadata), Some(object)) = (map.get_mut("metadata"), Type::ObjectMeta.object()) {
        settled.within(".metadata".to_owned(), |s| {
            if let Value::Map(map) = &mut metadata.value {
                map.retain(|key, value| keep(key, value, ["labels", "annotations"].contains(&key), s));
            }
            self::object(metadata, object, s);
        });
    }
    if let (Some(spec), Some(object)) = (map.get_mut("spec"), Type::PodSpec.object()) {
        settled.within(".spec".to_owned(), |s| self::object(spec, object, s));
    }
}

/// Settles an object of the table of pod templates.
pub fn object(node: &mut Node, object: &'static Object, settled: &mut Settled) {
    prune(node, object, settled);
    let problems = refused_by_schema(node, object, &settled.path(), settled.code(), &node.ids);
    settled.problems.extend(problems);
}

/// Whether an entry stays. Nulls go as if they had not been written.
fn keep(key: &str, value: &Node, known: bool, settled: &mut Settled) -> bool {
    if !known {
        settled.drop(key, &value.ids);
    }
    known && !value.is_null()
}

fn prune(node: &mut Node, object: &'static Object, settled: &mut Settled) {
    let Value::Map(map) = &mut node.value else {
        return;
    };
    map.retain(|key, value| keep(key, value, object.field(key).is_some(), settled));
    for (key, value) in map.iter_mut() {
        if let Some(field) = object.field(key) {
            settled.within(format!(".{key}"), |s| prune_value(value, &field.kind, s));
        }
    }
}

fn prune_value(node: &mut Node, kind: &'static Kind, settled: &mut Settled) {
    match (kind, &mut node.value) {
        (Kind::Object(id), _) => {
            if let Some(object) = id.get() {
                prune(node, object, settled);
            }
        }
        (Kind::List(element), Value::Seq(list)) => {
            for (at, item) in list.iter_mut().enumerate() {
                settled.within(format!("[{at}]"), |s| prune_value(item, element, s));
            }
        }
        (Kind::Map(element), Value::Map(map)) => {
            map.retain(|_, value| !value.is_null());
            map.iter_mut()
                .for_each(|(_, item)| prune_value(item, element, settled));
        }
        (Kind::Int | Kind::Quantity | Kind::IntOrString, Value::Float(n))
            if n.fract() == 0.0 && n.abs() < 9e15 =>
        {
            node.value = Value::Int(*n as i64);
        }
        _ => {}
    }
}
