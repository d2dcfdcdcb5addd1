//! JSON of the API server to trees, and back.

use crate::source::emit;
use crate::value::{Map, Node, Str, Value};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Reads a page of JSON.
///
/// # Errors
/// What is wrong with the page.
pub fn parse(page: &[u8]) -> Result<Node, String> {
    serde_json::from_slice::<Tree>(page)
        .map(|t| t.0)
        .map_err(|e| e.to_string())
}

/// Writes a page of JSON.
pub fn write(node: &Node) -> String {
    let mut page = String::new();
    emit::json(node, &mut page);
    page
}

struct Tree(Node);

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor).map(Tree)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Value::Null.into())
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(i64::try_from(value).map_or(Value::UInt(value), Value::Int).into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Value::Float(value).into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(Tree(item)) = access.next_element()? {
            items.push(item);
        }
        Ok(items.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node, A::Error> {
        let mut map = Map::new();
        while let Some((key, Tree(value))) = access.next_entry::<String, Tree>()? {
            map.insert(Str::from(key), value);
        }
        Ok(map.into())
    }
}
