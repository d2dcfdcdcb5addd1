//! Looking into objects that may lack anything.

use crate::value::{Ids, Node};

/// The string at a path; empty if there is none.
pub fn text<'a>(node: &'a Node, path: &[&str]) -> &'a str {
    node.at(path).and_then(Node::as_str).unwrap_or_default()
}

/// Where to point to: a node, or the nearest above it that is there.
pub fn place(root: &Node, path: &[&str]) -> Ids {
    let mut ids = &root.ids;
    let mut node = Some(root);
    for step in path {
        node = node.and_then(|n| n.at(&[step]));
        ids = node.map(|n| &n.ids).filter(|own| !own.is_empty()).unwrap_or(ids);
    }
    ids.clone()
}
