//! A lifted spec in the order of the language, which is how people write it.

use crate::spec::Serving;
use crate::spec::shape::{ObjectShape, Shape};
use crate::value::{Map, Node, Value};

/// Brings the fields of a spec into the language's order.
pub fn arrange(serving: &mut Node) {
    object(serving, &Serving::SHAPE);
}

fn object(node: &mut Node, shape: &ObjectShape) {
    let Value::Map(map) = &mut node.value else { return };
    let mut entries: Vec<(usize, (crate::value::Str, Node))> = std::mem::take(map)
        .into_iter()
        .map(|(key, mut value)| {
            let at = shape.fields.iter().position(|f| f.name == key.as_str());
            if let Some(at) = at {
                self::value(&mut value, &(shape.fields[at].shape)());
            }
            (at.unwrap_or(usize::MAX), (key, value))
        })
        .collect();
    entries.sort_by_key(|(at, _)| *at);
    *map = Map::from_unique(entries.into_iter().map(|(_, entry)| entry).collect());
}

fn value(node: &mut Node, shape: &Shape) {
    match shape {
        Shape::Object(inner) => object(node, inner),
        Shape::List(inner) => {
            if let Value::Seq(elements) = &mut node.value {
                elements.iter_mut().for_each(|n| value(n, inner));
            }
        }
        _ => {}
    }
}
