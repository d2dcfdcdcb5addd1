//! KYAML, as sigs.k8s.io/yaml/kyaml lays it out: brackets, trailing commas, quoted strings, keys quoted only if a reader
//! could mistake them, lists of lists or mappings without line breaks between the brackets, long texts folded at their
//! line breaks.

use super::scalar::{display, escaped, float, indent, is_plain, quoted, unanswered};
use crate::value::{Map, Node, Value};

/// Keys longer than this need `? ` before them: readers look only 1024 characters ahead for the `:`.
const SIMPLE_KEY: usize = 1000;

/// Appends a document without its `---` line, with a line break at its end.
pub fn kyaml(node: &Node, out: &mut String) {
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
        Value::Str(text) => string(text, depth + 2, out),
        Value::Text(pieces) => string(&unanswered(pieces), depth + 2, out),
        Value::Seq(items) => list(items, depth, out),
        Value::Map(map) => mapping(map, depth, out),
    }
}

fn mapping(map: &Map, depth: usize, out: &mut String) {
    if map.is_empty() {
        return out.push_str("{}");
    }
    out.push_str("{\n");
    for (key, node) in map {
        indent(depth + 2, out);
        write_key(key, out);
        value(node, depth + 2, out);
        out.push_str(",\n");
    }
    indent(depth, out);
    out.push('}');
}

fn list(items: &[Node], depth: usize, out: &mut String) {
    if items.is_empty() {
        return out.push_str("[]");
    }
    if items
        .iter()
        .all(|node| matches!(node.value, Value::Seq(_) | Value::Map(_)))
    {
        for (n, node) in items.iter().enumerate() {
            out.push_str(if n == 0 { "[" } else { ", " });
            value(node, depth, out);
        }
        return out.push(']');
    }
    out.push_str("[\n");
    for node in items {
        indent(depth + 2, out);
        value(node, depth + 2, out);
        out.push_str(",\n");
    }
    indent(depth, out);
    out.push(']');
}

/// Writes a key and its colon.
fn write_key(key: &str, out: &mut String) {
    if is_bare_key(key) {
        out.push_str(key);
    } else {
        let start = out.len();
        quoted(key, false, out);
        if out.len() - start > SIMPLE_KEY {
            out.insert_str(start, "? ");
            out.push(' ');
        }
    }
    out.push_str(": ");
}

/// Whether a key needs no quotes: letters, digits and `_`, with `-`, `.` and `/` inside.
fn is_bare_key(key: &str) -> bool {
    let bytes = key.as_bytes();
    let inside = |at: usize| at > 0 && at + 1 < bytes.len();
    let fits = |(at, b): (usize, &u8)| {
        b.is_ascii_alphanumeric() || *b == b'_' || (matches!(b, b'-' | b'.' | b'/') && inside(at))
    };
    is_plain(key) && bytes.iter().enumerate().all(fits)
}

/// Writes a quoted string. One of several lines is folded, which is the same string with `\` before each line break, and
/// each line one column in; a blank at the start of a line is escaped in that column.
fn string(text: &str, depth: usize, out: &mut String) {
    if !text.contains('\n') {
        return quoted(text, false, out);
    }
    out.push_str("\"\\\n");
    for line in text.split_inclusive('\n') {
        indent(depth, out);
        let rest = match line.strip_prefix(' ') {
            Some(rest) => {
                out.push_str("\\ ");
                rest
            }
            None => {
                out.push(' ');
                line
            }
        };
        escaped(rest, false, out);
        out.push_str("\\\n");
    }
    indent(depth, out);
    out.push('"');
}
