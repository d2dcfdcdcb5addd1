//! JSON as Go's encoder writes the structs of Kubernetes, byte by byte: what revision hashes are taken over.
//!
//! The structs are in `data/go.txt`, which also explains its format and names its source; it is read on first use.

use super::quantity;
use crate::source::go_shortest;
use crate::value::{Node, Str, Value};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

/// The order of keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// That of the Go struct.
    Struct,
    /// Sorted, as when the JSON has been through a map.
    Sorted,
}

#[derive(Debug)]
struct Field {
    name: &'static str,
    kind: Kind,
    always: bool,
    pointer: bool,
    default: Option<&'static str>,
}

#[derive(Debug)]
enum Kind {
    Str,
    Int,
    Bool,
    Quantity,
    IntOrString,
    List(Box<Kind>),
    Map(Box<Kind>),
    Struct(&'static str),
}

static STRUCTS: LazyLock<BTreeMap<&'static str, Vec<Field>>> =
    LazyLock::new(|| read(include_str!("data/go.txt")));

/// A struct of the table, `PodTemplateSpec` for instance, after the defaults of the CRD schema. Fields that the struct does not
/// have are left out, as the API server prunes them.
pub fn encode(node: &Node, name: &str, order: Order) -> String {
    let mut out = String::new();
    object(node, name, order, &mut out);
    out
}

/// A string as Go's encoder writes it: also `<`, `>`, `&` and the two line separators are escaped.
pub fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\x1f' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A mapping from keys to JSON in the given order of keys, without spaces.
pub fn mapping(mut entries: Vec<(&str, String)>, order: Order) -> String {
    if order == Order::Sorted {
        entries.sort_by(|a, b| a.0.cmp(b.0));
    }
    let entries: Vec<String> = entries.iter().map(|(k, v)| format!("{}:{v}", quote(k))).collect();
    format!("{{{}}}", entries.join(","))
}

/// A value that came from JSON as Go prints it (`%v`): every number is a floating one there, with an exponent from a million on.
pub fn print(node: &Node) -> String {
    let float = |n: f64| go_shortest(&format!("{n:e}"), || n.to_string());
    match &node.value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Int(n) => float(*n as f64),
        Value::UInt(n) => float(*n as f64),
        Value::Float(n) => float(*n),
        Value::Str(text) => text.to_string(),
        Value::Text(_) => String::new(),
        Value::Seq(list) => {
            let items: Vec<String> = list.iter().map(print).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Map(map) => {
            let mut entries: Vec<(&Str, &Node)> = map.iter().map(|(k, v)| (k, v)).collect();
            entries.sort_by(|a, b| a.0.cmp(b.0));
            let entries: Vec<String> = entries.iter().map(|(k, v)| format!("{k}:{}", print(v))).collect();
            format!("map[{}]", entries.join(" "))
        }
    }
}

fn object(node: &Node, name: &str, order: Order, out: &mut String) {
    let fields = STRUCTS.get(name).map(Vec::as_slice).unwrap_or_default();
    let entries: Vec<(&str, String)> = fields
        .iter()
        .filter_map(|field| Some((field.name, self::field(node.get(field.name), field, order)?)))
        .collect();
    out.push_str(&mapping(entries, order));
}

/// The text of a field, if it is written at all.
fn field(value: Option<&Node>, field: &Field, order: Order) -> Option<String> {
    let Some(value) = value.filter(|v| !v.is_null()) else {
        return match (&field.kind, field.default) {
            (Kind::Bool, Some(default)) => Some(default.to_owned()),
            (_, Some("\"\"")) => Some("\"\"".to_owned()),
            (_, Some(default)) => Some(quote(default)),
            _ if field.pointer => field.always.then(|| "null".to_owned()),
            (Kind::Struct(_) | Kind::Quantity, _) => Some(self::value(&Node::default(), &field.kind, order)),
            _ => field.always.then(|| zero(&field.kind)),
        };
    };
    if !field.always && !field.pointer && is_empty(value, &field.kind) {
        return None;
    }
    Some(self::value(value, &field.kind, order))
}

fn zero(kind: &Kind) -> String {
    match kind {
        Kind::Str => "\"\"",
        Kind::Int | Kind::IntOrString => "0",
        Kind::Bool => "false",
        Kind::Quantity => "\"0\"",
        Kind::List(_) | Kind::Map(_) => "null",
        Kind::Struct(_) => "{}",
    }
    .to_owned()
}

fn is_empty(value: &Node, kind: &Kind) -> bool {
    match (&value.value, kind) {
        // Structs are never empty, quantities neither: they are structs.
        (_, Kind::Struct(_) | Kind::Quantity) => false,
        (Value::Str(s), _) => s.is_empty(),
        (Value::Int(n), Kind::Int) => *n == 0,
        (Value::Bool(b), _) => !b,
        (Value::Seq(list), _) => list.is_empty(),
        (Value::Map(map), _) => map.is_empty(),
        _ => false,
    }
}

fn value(node: &Node, kind: &Kind, order: Order) -> String {
    match kind {
        Kind::Struct(name) => {
            let mut out = String::new();
            object(node, name, order, &mut out);
            out
        }
        Kind::List(element) => {
            let items: Vec<String> = node
                .as_seq()
                .unwrap_or_default()
                .iter()
                .map(|item| value(item, element, order))
                .collect();
            format!("[{}]", items.join(","))
        }
        Kind::Map(element) => {
            let entries = node.as_map().into_iter().flatten();
            let entries = entries
                .map(|(k, v)| (k.as_str(), value(v, element, order)))
                .collect();
            mapping(entries, Order::Sorted)
        }
        Kind::Quantity => {
            let text = match &node.value {
                Value::Null => "0".to_owned(),
                _ => scalar(node),
            };
            quote(&quantity::canonical(text.trim()).unwrap_or(text))
        }
        Kind::Str => quote(&scalar(node)),
        Kind::Int | Kind::Bool => scalar(node),
        Kind::IntOrString => match &node.value {
            Value::Str(s) => quote(s),
            _ => scalar(node),
        },
    }
}

fn scalar(node: &Node) -> String {
    match &node.value {
        Value::Str(s) => s.to_string(),
        Value::Int(n) => n.to_string(),
        Value::UInt(n) => n.to_string(),
        Value::Float(n) => n.to_string(),
        Value::Bool(b) => b.to_string(),
        _ => String::new(),
    }
}

fn read(text: &'static str) -> BTreeMap<&'static str, Vec<Field>> {
    let mut structs: BTreeMap<&'static str, Vec<Field>> = BTreeMap::new();
    let mut current = "";
    for line in text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
    {
        if line.starts_with(' ') {
            structs.entry(current).or_default().extend(read_field(line));
        } else {
            current = line;
            structs.entry(current).or_default();
        }
    }
    structs
}

fn read_field(line: &'static str) -> Option<Field> {
    let mut words = line.split_whitespace();
    let (marked, kind, default) = (words.next()?, words.next()?, words.next());
    let (rest, pointer) = marked
        .strip_suffix('*')
        .map_or((marked, false), |rest| (rest, true));
    let (name, always) = rest.strip_suffix('!').map_or((rest, false), |rest| (rest, true));
    Some(Field {
        name,
        kind: read_kind(kind),
        always,
        pointer,
        default: default.and_then(|word| word.strip_prefix('=')),
    })
}

fn read_kind(word: &'static str) -> Kind {
    let inside = |open, close| word.strip_prefix(open)?.strip_suffix(close);
    match word {
        "string" => Kind::Str,
        "int" => Kind::Int,
        "bool" => Kind::Bool,
        "quantity" => Kind::Quantity,
        "int-or-string" => Kind::IntOrString,
        _ => match (inside('[', ']'), inside('{', '}')) {
            (Some(element), _) => Kind::List(Box::new(read_kind(element))),
            (_, Some(element)) => Kind::Map(Box::new(read_kind(element))),
            _ => Kind::Struct(word),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::testing::yaml;

    #[test]
    fn every_struct_of_the_table_exists() {
        fn names(kind: &Kind) -> Option<&'static str> {
            match kind {
                Kind::Struct(name) => Some(name),
                Kind::List(element) | Kind::Map(element) => names(element),
                _ => None,
            }
        }
        let used = STRUCTS.values().flatten().filter_map(|f| names(&f.kind));
        used.for_each(|name| assert!(STRUCTS.contains_key(name), "{name}"));
        let lines = include_str!("data/go.txt")
            .lines()
            .filter(|l| l.starts_with("  "));
        assert_eq!(lines.count(), STRUCTS.values().map(Vec::len).sum::<usize>());
    }

    #[test]
    fn values_as_go_writes_them() {
        let template = yaml(
            "spec: {hostNetwork: false, tolerations: [], terminationGracePeriodSeconds: 0, nonsense: 1, containers: [{name: a, args: ['<&>'], \
             ports: [{containerPort: 80}], readinessProbe: {grpc: {port: 9}}, resources: {requests: {memory: 1024Mi, cpu: 0.5}}}]}",
        );
        assert_eq!(
            encode(&template, "PodTemplateSpec", Order::Struct),
            "{\"metadata\":{},\"spec\":{\"containers\":[{\"name\":\"a\",\"args\":[\"\\u003c\\u0026\\u003e\"],\"ports\":[{\"containerPort\":80,\
             \"protocol\":\"TCP\"}],\"resources\":{\"requests\":{\"cpu\":\"500m\",\"memory\":\"1Gi\"}},\"readinessProbe\":{\"grpc\":{\"port\":9,\
             \"service\":\"\"}}}],\"terminationGracePeriodSeconds\":0}}"
        );
        let sorted = encode(
            &yaml("{name: a, spec: {resources: {requests: {storage: 1Gi}}}}"),
            "PersistentVolumeClaim",
            Order::Sorted,
        );
        assert_eq!(
            sorted,
            "{\"metadata\":{},\"spec\":{\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}},\"status\":{}}"
        );
    }
}
