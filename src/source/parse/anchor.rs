//! Values that have a name, to be repeated.

use crate::value::{Node, Value};

/// A finished value with a name, and what repeating it costs.
pub(super) struct Anchor {
    pub(super) node: Node,
    /// Values in it, itself included.
    pub(super) nodes: usize,
    /// Bytes of its strings and keys.
    pub(super) bytes: usize,
    /// Lists and mappings inside each other.
    pub(super) height: usize,
}

impl Anchor {
    pub(super) fn of(node: &Node) -> Self {
        let (mut nodes, mut bytes) = (0, 0);
        node.walk(&mut |node| {
            nodes += 1;
            bytes += text_bytes(node);
        });
        Self {
            node: node.clone(),
            nodes,
            bytes,
            height: height(node),
        }
    }
}

/// Bytes of text that a value itself holds: its string, or its keys.
fn text_bytes(node: &Node) -> usize {
    match &node.value {
        Value::Str(text) => text.len(),
        Value::Map(map) => map.iter().map(|(key, _)| key.len()).sum(),
        _ => 0,
    }
}

/// How many lists and mappings are inside each other, including the value itself.
fn height(node: &Node) -> usize {
    match &node.value {
        Value::Seq(items) => 1 + items.iter().map(height).max().unwrap_or(0),
        Value::Map(map) => 1 + map.iter().map(|(_, item)| height(item)).max().unwrap_or(0),
        _ => 0,
    }
}
