//! Block YAML, laid out as kubectl does: two blanks, lists not indented under their key.

use super::scalar::{display, float, indent, integer, is_literal, is_plain, literal, quoted, unanswered};
use crate::value::{Map, Node, Value};

/// Keys longer than this need `? ` before them: readers look only 1024 characters ahead for the `:`.
const SIMPLE_KEY: usize = 1000;

/// Appends a document, with a line break at its end.
pub fn yaml(node: &Node, out: &mut String) {
    match &node.value {
        Value::Map(map) if !map.is_empty() => mapping(map, 0, out),
        Value::Seq(items) if !items.is_empty() => list(items, 0, out),
        value => {
            scalar(value, 0, out);
            out.push('\n');
        }
    }
}

/// Writes the entries of a mapping in column `depth`; the cursor stands there already.
fn mapping(map: &Map, depth: usize, out: &mut String) {
    for (n, (key, node)) in map.iter().enumerate() {
        if n > 0 {
            indent(depth, out);
        }
        write_key(key, depth, out);
        match &node.value {
            Value::Map(map) if !map.is_empty() => {
                out.push('\n');
                indent(depth + 2, out);
                mapping(map, depth + 2, out);
            }
            Value::Seq(items) if !items.is_empty() => {
                out.push('\n');
                indent(depth, out);
                list(items, depth, out);
            }
            value => {
                out.push(' ');
                scalar(value, depth, out);
                out.push('\n');
            }
        }
    }
}

/// Writes a key and its colon.
fn write_key(key: &str, depth: usize, out: &mut String) {
    if is_plain(key) {
        out.push_str(key);
        out.push(':');
        return;
    }
    let start = out.len();
    quoted(key, false, out);
    if out.len() - start > SIMPLE_KEY {
        out.insert_str(start, "? ");
        out.push('\n');
        indent(depth, out);
    }
    out.push(':');
}

/// Writes the items of a list in column `depth`; the cursor stands there already.
fn list(items: &[Node], depth: usize, out: &mut String) {
    for (n, node) in items.iter().enumerate() {
        if n > 0 {
            indent(depth, out);
        }
        out.push_str("- ");
        match &node.value {
            Value::Map(map) if !map.is_empty() => mapping(map, depth + 2, out),
            Value::Seq(items) if !items.is_empty() => list(items, depth + 2, out),
            value => {
                scalar(value, depth, out);
                out.push('\n');
            }
        }
    }
}

/// Writes a value without children. `depth` is the column of what it belongs to.
fn scalar(value: &Value, depth: usize, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Int(i) => integer(*i, out),
        Value::UInt(u) => display(u, out),
        Value::Float(f) => float(*f, out),
        Value::Str(text) if is_plain(text) => out.push_str(text),
        Value::Str(text) if is_literal(text) => literal(text, depth + 2, out),
        Value::Str(text) if reads_better_in_single_quotes(text) => single_quoted(text, out),
        Value::Str(text) => quoted(text, false, out),
        Value::Text(pieces) => quoted(&unanswered(pieces), false, out),
        Value::Seq(_) => out.push_str("[]"),
        Value::Map(_) => out.push_str("{}"),
    }
}

/// Whether a text is printable ASCII with characters that double quotes would escape: JSON in an argument, mostly.
fn reads_better_in_single_quotes(text: &str) -> bool {
    let escaped = text.bytes().filter(|b| matches!(b, b'"' | b'\\')).count();
    escaped > text.bytes().filter(|b| *b == b'\'').count() && text.bytes().all(|b| (b' '..=b'~').contains(&b))
}

fn single_quoted(text: &str, out: &mut String) {
    out.push('\'');
    out.push_str(&text.replace('\'', "''"));
    out.push('\'');
}
