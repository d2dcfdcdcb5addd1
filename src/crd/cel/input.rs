//! Objects as CEL sees them: by their schema.

use crate::crd::schema::{Kind, Schema, number};
use crate::value::{Map, Node, Value};
use cel::Value as Cel;
use cel::objects::Key;
use std::collections::HashMap;

/// Words that are no names in CEL, and what Kubernetes calls fields of these names.
const RESERVED: [&str; 21] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// The value of a node. Of objects, only what the schema names can be seen; of metadata, the names.
pub fn value(node: &Node, schema: &Schema, root: bool) -> Cel {
    match &node.value {
        Value::Null => Cel::Null,
        Value::Bool(b) => Cel::Bool(*b),
        Value::Int(_) | Value::UInt(_) | Value::Float(_) => numeric(node, schema),
        Value::Str(text) => Cel::from(text.as_str()),
        Value::Text(_) => Cel::from(""),
        Value::Seq(seq) => {
            let unknown = Schema::default();
            let items = schema.items.as_deref().unwrap_or(&unknown);
            let all: Vec<Cel> = seq
                .iter()
                .map(|item| value(item, items, items.embedded))
                .collect();
            Cel::List(all.into())
        }
        Value::Map(map) => object(map, schema, root),
    }
}

/// Whole numbers of a field that holds any number are floating.
fn numeric(node: &Node, schema: &Schema) -> Cel {
    match (&node.value, schema.kind) {
        (_, Some(Kind::Number)) => Cel::Float(number(Some(node)).unwrap_or_default()),
        (Value::Int(n), _) => Cel::Int(*n),
        (Value::Float(n), Some(Kind::Integer)) => Cel::Int(*n as i64),
        _ => Cel::Float(number(Some(node)).unwrap_or_default()),
    }
}

fn object(map: &Map, schema: &Schema, root: bool) -> Cel {
    let mut fields: HashMap<Key, Cel> = HashMap::new();
    for (key, node) in map {
        if root && ["apiVersion", "kind"].contains(&key.as_str()) {
            fields.insert(key.as_str().into(), text(node));
        } else if root && key == "metadata" {
            let names = ["name", "generateName"].into_iter();
            let seen = names.filter_map(|k| Some((Key::from(k), text(node.get(k)?))));
            let seen: HashMap<Key, Cel> = seen.collect();
            fields.insert("metadata".into(), Cel::Map(seen.into()));
        } else if let Some(inner) = schema.field(key) {
            let name = if schema.properties.contains_key(key) {
                escape(key)
            } else {
                key.to_string()
            };
            fields.insert(name.into(), value(node, inner, inner.embedded));
        }
    }
    Cel::Map(fields.into())
}

fn text(node: &Node) -> Cel {
    Cel::from(node.as_str().unwrap_or_default())
}

/// A field's name as an identifier: `namespace` is `__namespace__`, `a-b` is `a__dash__b`.
fn escape(key: &str) -> String {
    if RESERVED.contains(&key) {
        return format!("__{key}__");
    }
    key.replace("__", "__underscores__")
        .replace('.', "__dot__")
        .replace('-', "__dash__")
        .replace('/', "__slash__")
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_of_fields() {
        let names = [
            ("namespace", "__namespace__"),
            ("a-b", "a__dash__b"),
            ("a__b", "a__underscores__b"),
            ("port", "port"),
        ];
        for (key, name) in names {
            assert_eq!(super::escape(key), name);
        }
    }
}
