//! What all objects that Grove makes have in common.

use crate::dialect::grove::read::Set;
use crate::pods::Child;
use crate::value::{Map, Node, Str};

/// A mapping of texts.
pub(super) fn texts(pairs: &[(&str, &str)]) -> Node {
    let entries = pairs.iter().map(|(k, v)| (*k, Node::from(*v)));
    entries.collect::<Map>().into()
}

/// An object of a set, with Grove's labels.
pub(super) fn child(set: &Set, (api_version, kind): (&str, &str), name: Str, component: &str) -> Child {
    let labels = texts(&[
        ("app.kubernetes.io/managed-by", "grove-operator"),
        ("app.kubernetes.io/part-of", &set.name.value),
        ("app.kubernetes.io/name", &name),
        ("app.kubernetes.io/component", component),
    ]);
    let mut object = Node::map();
    object
        .at_mut(&["metadata"])
        .set("namespace", set.namespace.clone());
    object.at_mut(&["metadata"]).set("labels", labels);
    Child {
        api_version: api_version.into(),
        kind: kind.into(),
        name,
        owner: ("PodCliqueSet".into(), set.name.value.clone()),
        object,
    }
}

/// Sets a label of an object.
pub(super) fn label(child: &mut Child, key: &str, value: impl Into<Node>) {
    child.object.at_mut(&["metadata", "labels"]).set(key, value);
}

/// Sets the annotations of an object, if there are any.
pub(super) fn annotate(child: &mut Child, annotations: Map) {
    if !annotations.is_empty() {
        child.object.at_mut(&["metadata"]).set("annotations", annotations);
    }
}
