//! JSON, indented by four.

use super::scalar::{display, float, indent, quoted, unanswered};
use crate::value::{Map, Node, Value};

/// Appends a document, with a line break at its end. It holds no character that a YAML reader refuses.
pub fn json(node: &Node, out: &mut String) {
    value(node, 0, out);
    out.push('\n');
}

fn value(node: &Node, depth: usize, out: &mut String) {
    match &node.value {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Int(i) => display(i, out),
        Value::UInt(u) => display(u, out),
        Value::Float(f) => float(*f, out),
        Value::Str(text) => quoted(text, true, out),
        Value::Text(pieces) => quoted(&unanswered(pieces), true, out),
        Value::Seq(items) => list(items, depth, out),
        Value::Map(map) => mapping(map, depth, out),
    }
}

fn list(items: &[Node], depth: usize, out: &mut String) {
    if items.is_empty() {
        return out.push_str("[]");
    }
    for (n, node) in items.iter().enumerate() {
        open_line(n, '[', depth, out);
        value(node, depth + 4, out);
    }
    close_line(']', depth, out);
}

fn mapping(map: &Map, depth: usize, out: &mut String) {
    if map.is_empty() {
        return out.push_str("{}");
    }
    for (n, (key, node)) in map.iter().enumerate() {
        open_line(n, '{', depth, out);
        quoted(key, true, out);
        out.push_str(": ");
        value(node, depth + 4, out);
    }
    close_line('}', depth, out);
}

fn open_line(n: usize, bracket: char, depth: usize, out: &mut String) {
    out.push(if n == 0 { bracket } else { ',' });
    out.push('\n');
    indent(depth + 4, out);
}

fn close_line(bracket: char, depth: usize, out: &mut String) {
    out.push('\n');
    indent(depth, out);
    out.push(bracket);
}
