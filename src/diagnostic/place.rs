//! Places in the input, as people name them: file, line, object, pointer.

use crate::value::{Node, Str};

/// Which Kubernetes object (or spec) a place belongs to. Fields that the object does not have are empty.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct ObjectRef {
    /// `apiVersion`.
    pub api_version: Str,
    /// `kind`.
    pub kind: Str,
    /// `metadata.namespace`.
    pub namespace: Str,
    /// `metadata.name`.
    pub name: Str,
}

impl ObjectRef {
    /// What a mapping says about itself; nothing if it has no `kind`.
    pub fn of(node: &Node) -> Option<Self> {
        let text = |path: &[&str]| node.at(path).and_then(Node::as_str).map(Str::from);
        Some(Self {
            kind: text(&["kind"])?,
            api_version: text(&["apiVersion"]).unwrap_or_default(),
            namespace: text(&["metadata", "namespace"]).unwrap_or_default(),
            name: text(&["metadata", "name"]).unwrap_or_default(),
        })
    }
}

/// A place in the input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The name of the file.
    pub file: Str,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// The object that it belongs to.
    pub object: Option<ObjectRef>,
    /// JSON Pointer (RFC 6901) from the root of that object.
    pub pointer: String,
}
