//! What the conversion keeps of v1alpha1 in annotations of v1beta1, so that nothing is lost on the way back: live objects have
//! them, and the operator heeds them.

use super::{Alpha, alpha};
use crate::value::{Map, Node, Value};
use std::collections::BTreeMap;

/// The annotation of graphs.
pub const ANNOTATION: &str = "nvidia.com/dgd-spec";
/// The annotation of components.
const COMPONENT: &str = "nvidia.com/dcd-spec";

/// What there is beside v1beta1.
#[derive(Default, Debug)]
pub struct Preserved {
    /// By the names of components.
    pub services: BTreeMap<String, Alpha>,
    /// `pvcs`.
    pub claims: Vec<Node>,
}

/// Reads the annotation of a graph. One that is no JSON is as if it were not there.
pub fn services(annotations: &Map) -> Preserved {
    let Some(spec) = parse(annotations, ANNOTATION) else {
        return Preserved::default();
    };
    let services = spec.get("services").and_then(Node::as_map);
    Preserved {
        services: services
            .into_iter()
            .flatten()
            .map(|(name, service)| (name.to_string(), only(service)))
            .collect(),
        claims: spec
            .get("pvcs")
            .and_then(Node::as_seq)
            .unwrap_or_default()
            .to_vec(),
    }
}

/// Reads the annotation of a component.
pub fn deployment(annotations: &Map) -> Alpha {
    parse(annotations, COMPONENT)
        .map(|spec| only(&spec))
        .unwrap_or_default()
}

fn only(service: &Node) -> Alpha {
    Alpha {
        written: None,
        ..alpha::alpha(service)
    }
}

fn parse(annotations: &Map, key: &str) -> Option<Node> {
    let written = annotations.get(key)?;
    let json: serde_json::Value = serde_json::from_str(written.as_str()?).ok()?;
    let mut node = self::node(json);
    node.ids = written.ids.clone();
    node.as_map()?;
    Some(node)
}

fn node(json: serde_json::Value) -> Node {
    match json {
        serde_json::Value::Null => Node::default(),
        serde_json::Value::Bool(b) => b.into(),
        serde_json::Value::Number(n) => match n.as_i64() {
            Some(n) => n.into(),
            None => Value::Float(n.as_f64().unwrap_or_default()).into(),
        },
        serde_json::Value::String(s) => s.into(),
        serde_json::Value::Array(list) => list.into_iter().map(node).collect::<Vec<Node>>().into(),
        serde_json::Value::Object(map) => map.into_iter().map(|(k, v)| (k, node(v))).collect::<Map>().into(),
    }
}
