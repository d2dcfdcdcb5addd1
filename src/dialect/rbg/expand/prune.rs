//! Fields that no pod template has never reach a pod: the controller decodes templates into Kubernetes' types.

use crate::kubernetes::podspec::{Kind, Object, Type};
use crate::value::{Node, Value};

/// Drops unknown fields, nulls, and the metadata that a pod does not take over.
pub fn template(template: &mut Node) {
    if let Some(object) = Type::PodTemplateSpec.object() {
        prune(template, object);
    }
    if let Some(Value::Map(metadata)) = template.map_mut().get_mut("metadata").map(|m| &mut m.value) {
        metadata.retain(|key, _| ["labels", "annotations", "finalizers"].contains(&key));
    }
}

fn prune(node: &mut Node, object: &'static Object) {
    let Value::Map(map) = &mut node.value else { return };
    map.retain(|key, value| !value.is_null() && object.field(key).is_some());
    for (key, value) in map.iter_mut() {
        if let Some(field) = object.field(key) {
            descend(value, &field.kind);
        }
    }
}

fn descend(node: &mut Node, kind: &'static Kind) {
    match (kind, &mut node.value) {
        (Kind::Object(id), _) => {
            if let Some(object) = id.get() {
                prune(node, object);
            }
        }
        (Kind::List(element), Value::Seq(list)) => list.iter_mut().for_each(|n| descend(n, element)),
        (Kind::Map(element), Value::Map(map)) => map.iter_mut().for_each(|(_, n)| descend(n, element)),
        _ => {}
    }
}
