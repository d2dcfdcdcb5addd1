//! Values against their schema: types, choices, ranges, lengths, required fields, lists without repetitions.

use super::codes::DUPLICATE;
use super::cursor::{Cursor, Step};
use super::fields;
use super::format;
use super::schema::{Bounds, Kind, Schema, Unique, number};
use crate::diagnostic::{Ledger, json};
use crate::value::{Map, Node, Value};
use std::collections::HashMap;

/// Reports everything that the schema does not allow. Defaults are filled in already, unknown fields are gone.
/// Says whether CEL rules can be asked: not where types, choices, sizes or required fields are wrong.
pub fn check(node: &Node, schema: &Schema, cursor: &mut Cursor<'_>) -> bool {
    if !typed(node, schema, cursor) {
        return false;
    }
    if node.is_null() {
        return true;
    }
    let mut sound = limits(node, schema, cursor);
    match &node.value {
        Value::Map(map) => {
            for (key, value) in map {
                let Some(inner) = schema.field(key) else { continue };
                let step = fields::step(Some(schema), key);
                sound &= cursor.below(step, value.ids.first(), |cursor| check(value, inner, cursor));
            }
        }
        Value::Seq(seq) => {
            for (n, item) in seq.iter().enumerate() {
                let Some(inner) = schema.items.as_deref() else {
                    break;
                };
                sound &= cursor.below(Step::Index(n), item.ids.first(), |cursor| {
                    check(item, inner, cursor)
                });
            }
            repetitions(seq, schema, cursor);
        }
        _ => {}
    }
    branches(node, schema, cursor);
    sound
}

/// Whether a value has the type.
fn typed(node: &Node, schema: &Schema, cursor: &mut Cursor<'_>) -> bool {
    if node.is_null() && (schema.nullable || (schema.kind.is_none() && !schema.int_or_string)) {
        return true;
    }
    let want = if schema.int_or_string {
        match node.value {
            Value::Int(_) | Value::UInt(_) | Value::Str(_) => return true,
            _ => "an integer or a string",
        }
    } else {
        match (schema.kind, &node.value) {
            (None, _)
            | (Some(Kind::Object), Value::Map(_))
            | (Some(Kind::Array), Value::Seq(_))
            | (Some(Kind::String), Value::Str(_))
            | (Some(Kind::Boolean), Value::Bool(_))
            | (Some(Kind::Integer | Kind::Number), Value::Int(_) | Value::UInt(_))
            | (Some(Kind::Number), Value::Float(_)) => return true,
            // JSON has one kind of number.
            (Some(Kind::Integer), Value::Float(n)) if n.fract() == 0.0 => return true,
            (Some(Kind::Object), _) => "an object",
            (Some(Kind::Array), _) => "a list",
            (Some(Kind::String), _) => "a string",
            (Some(Kind::Integer), _) => "an integer",
            (Some(Kind::Number), _) => "a number",
            (Some(Kind::Boolean), _) => "true or false",
        }
    };
    cursor.misfit(&format!("is {}, must be {want}", type_of(node)));
    false
}

fn type_of(node: &Node) -> &'static str {
    match node.value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Int(_) | Value::UInt(_) => "an integer",
        Value::Float(_) => "a number",
        Value::Str(_) | Value::Text(_) => "a string",
        Value::Seq(_) => "a list",
        Value::Map(_) => "an object",
    }
}

/// What holds beyond the type; whether rules can still be asked.
fn limits(node: &Node, schema: &Schema, cursor: &mut Cursor<'_>) -> bool {
    let before = cursor.count();
    choices(node, schema, cursor);
    let mut sound = cursor.count() == before;
    match &node.value {
        Value::Str(text) => sound &= string(text, schema, cursor),
        Value::Int(_) | Value::UInt(_) | Value::Float(_) => numeric(node, schema, cursor),
        Value::Seq(seq) => sound &= size(seq.len(), schema.limits.items, "element", cursor),
        Value::Map(map) => {
            sound &= size(map.len(), schema.limits.fields, "field", cursor);
            sound &= required(map, schema, cursor);
        }
        _ => {}
    }
    sound
}

fn choices(node: &Node, schema: &Schema, cursor: &mut Cursor<'_>) {
    let Some(choices) = &schema.limits.choices else {
        return;
    };
    let same = |c: &Node| c == node || number(Some(c)).is_some_and(|n| number(Some(node)) == Some(n));
    if choices.iter().any(same) {
        return;
    }
    let shown: Vec<String> = choices.iter().map(show).collect();
    cursor.misfit(&format!("is {}, must be one of {}", show(node), shown.join(", ")));
}

fn required(map: &Map, schema: &Schema, cursor: &mut Cursor<'_>) -> bool {
    let missing: Vec<&str> = schema
        .limits
        .required
        .iter()
        .map(|r| r.as_str())
        .filter(|r| !map.contains_key(r))
        .collect();
    for field in &missing {
        cursor.misfit(&format!("lacks the required field `{field}`"));
    }
    missing.is_empty()
}

/// Whether the size is right.
fn size(size: usize, bounds: Bounds, what: &str, cursor: &mut Cursor<'_>) -> bool {
    let size = size as u64;
    let of = |n: u64| {
        if n == 1 {
            format!("1 {what}")
        } else {
            format!("{n} {what}s")
        }
    };
    if let Some(min) = bounds.min.filter(|min| size < *min) {
        cursor.misfit(&format!("has {}, must have at least {min}", of(size)));
    }
    match bounds.max.filter(|max| size > *max) {
        // Too much is what keeps an API server from asking the rules; too little is not.
        Some(max) => {
            cursor.misfit(&format!("has {}, must have at most {max}", of(size)));
            false
        }
        None => true,
    }
}

fn string(text: &str, schema: &Schema, cursor: &mut Cursor<'_>) -> bool {
    let sound = size(text.chars().count(), schema.limits.length, "character", cursor);
    if let Some(pattern) = &schema.limits.pattern
        && pattern.matches(text) == Some(false)
    {
        cursor.misfit(&format!("is {}, must match `{}`", quoted(text), pattern.text));
    }
    let format = schema.limits.format.as_deref().unwrap_or_default();
    if !schema.int_or_string && !format::holds(format, text) {
        cursor.misfit(&format!("is {}, must be of the form `{format}`", quoted(text)));
    }
    sound
}

fn numeric(node: &Node, schema: &Schema, cursor: &mut Cursor<'_>) {
    let Some(n) = number(Some(node)) else { return };
    let shown = show(node);
    match schema.limits.minimum {
        Some((min, true)) if n <= min => cursor.misfit(&format!("is {shown}, must be greater than {min}")),
        Some((min, false)) if n < min => cursor.misfit(&format!("is {shown}, must be at least {min}")),
        _ => {}
    }
    match schema.limits.maximum {
        Some((max, true)) if n >= max => cursor.misfit(&format!("is {shown}, must be less than {max}")),
        Some((max, false)) if n > max => cursor.misfit(&format!("is {shown}, must be at most {max}")),
        _ => {}
    }
    if let Some(of) = schema.limits.multiple_of
        && of != 0.0
        && (n / of).fract() != 0.0
    {
        cursor.misfit(&format!("is {shown}, must be a multiple of {of}"));
    }
    let fits = match schema.limits.format.as_deref() {
        Some("int32") => i32::try_from(n as i64).is_ok() && n.abs() < 1e18,
        Some("int64") => !matches!(node.value, Value::UInt(_)) && n.abs() <= 9.3e18,
        _ => true,
    };
    if !fits {
        let format = schema.limits.format.as_deref().unwrap_or_default();
        cursor.misfit(&format!("is {shown}, which no {format} holds"));
    }
}

/// Elements that a list may not hold twice.
fn repetitions(seq: &[Node], schema: &Schema, cursor: &mut Cursor<'_>) {
    let key = |item: &Node| match &schema.unique {
        Unique::No => None,
        Unique::Set => Some(json::value(item).to_string()),
        Unique::Map(keys) => {
            let of = |k: &crate::value::Str| Some(format!("{k}: {}", json::value(item.get(k)?)));
            let parts: Vec<String> = keys.iter().filter_map(of).collect();
            Some(parts.join(", "))
        }
    };
    let mut seen: HashMap<String, &Node> = HashMap::new();
    for (n, item) in seq.iter().enumerate() {
        let Some(key) = key(item) else { return };
        let Some(first) = seen.get(&key) else {
            seen.insert(key, item);
            continue;
        };
        let first = first.ids.first();
        cursor.below(Step::Index(n), item.ids.first(), |cursor| {
            let said = cursor.diagnostic(&DUPLICATE, &format!("is there twice ({})", short(&key)));
            cursor.say(said.label(first, "first here"));
        });
    }
}

/// `allOf`, `anyOf`, `oneOf`, `not`.
fn branches(node: &Node, schema: &Schema, cursor: &mut Cursor<'_>) {
    let limits = &schema.limits;
    let holding = |branches: &[Schema]| branches.iter().filter(|b| holds(node, b)).count();
    for branch in &limits.all_of {
        check(node, branch, cursor);
    }
    // The alternatives of an int-or-string only repeat its types.
    if !limits.any_of.is_empty() && holding(&limits.any_of) == 0 {
        cursor.misfit("fits none of the alternatives (`anyOf`) of the schema");
    }
    match holding(&limits.one_of) {
        1 => {}
        0 if limits.one_of.is_empty() => {}
        0 => cursor.misfit("fits none of the alternatives (`oneOf`) of the schema"),
        n => cursor.misfit(&format!(
            "fits {n} of the alternatives (`oneOf`) of the schema, must fit one"
        )),
    }
    if limits.not.as_ref().is_some_and(|not| holds(node, not)) {
        cursor.misfit("is what the schema excludes (`not`)");
    }
}

fn holds(node: &Node, schema: &Schema) -> bool {
    let mut ledger = Ledger::new();
    check(node, schema, &mut Cursor::new(node, &mut ledger));
    ledger.diagnostics.is_empty()
}

fn show(node: &Node) -> String {
    match node.as_str() {
        Some(text) => quoted(text),
        None => short(&json::value(node).to_string()),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", short(text))
}

fn short(text: &str) -> String {
    match text.char_indices().nth(100) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
