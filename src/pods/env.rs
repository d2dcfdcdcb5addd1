//! Environment variables as controllers inject them.

use crate::value::{Map, Node, Str, Value};

/// Where injected variables go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Injected {
    /// Before the container's own, which lose entries of the same name.
    First,
    /// After the container's own, which lose entries of the same name.
    Last,
}

/// Injects variables, each as in a container (`name` with `value` or `valueFrom`), into a container.
pub fn inject_env(container: &mut Node, variables: &[Node], place: Injected) {
    let name = |n: &Node| n.get("name").and_then(Node::as_str).map(Str::from);
    let names: Vec<Option<Str>> = variables.iter().map(name).collect();
    let list = container.map_mut().entry_map("env");
    let own: Vec<Node> = match std::mem::take(&mut list.value) {
        Value::Seq(own) => own.into_iter().filter(|e| !names.contains(&name(e))).collect(),
        _ => Vec::new(),
    };
    list.value = Value::Seq(match place {
        Injected::First => variables.iter().cloned().chain(own).collect(),
        Injected::Last => own.into_iter().chain(variables.iter().cloned()).collect(),
    });
}

/// A variable with a value.
pub fn variable(name: &str, value: impl Into<Node>) -> Node {
    Map::from_iter([("name", Node::from(name)), ("value", value.into())]).into()
}

/// A variable with a field of the pod.
pub fn field_variable(name: &str, path: &str) -> Node {
    let field: Node = Map::from_iter([("fieldPath", Node::from(path))]).into();
    let source: Node = Map::from_iter([("fieldRef", field)]).into();
    Map::from_iter([("name", Node::from(name)), ("valueFrom", source)]).into()
}
