//! The fields of Kthena's objects, and what the API server makes of an object by them: unknown fields and nulls are dropped,
//! defaults filled in, types and bounds checked, in this order.
//!
//! The table is `data/schema.txt`, which explains its format; it is read on first use.

use super::pod_template;
use super::settled::Settled;
use crate::kubernetes::duration::Duration;
use crate::kubernetes::podspec::{self, Object};
use crate::kubernetes::quantity::Quantity;
use crate::value::{Node, Value};
use std::sync::LazyLock;

/// What a field holds.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A whole number of 32 bits.
    Int32,
    /// A whole number.
    Int64,
    /// A string.
    Str,
    /// A truth value.
    Bool,
    /// Anything.
    Any,
    /// A whole number or a string.
    IntOrString,
    /// A quantity.
    Quantity,
    /// A duration as Go writes it.
    Duration,
    /// One of a few words.
    Enum(Vec<&'static str>),
    /// A pod template of labels, annotations and a PodSpec.
    Template,
    /// An object of the table of pod templates.
    PodSpec(&'static Object),
    /// An object.
    Object(Vec<Field>),
    /// A list.
    List(Box<Kind>),
    /// A mapping of any keys.
    Map(Box<Kind>),
}

/// A field of an object.
#[derive(Clone, Debug)]
pub struct Field {
    name: &'static str,
    required: bool,
    kind: Kind,
    default: Option<&'static str>,
    min: Option<i64>,
    max: Option<i64>,
    pattern: Option<&'static str>,
}

static TABLE: LazyLock<Vec<Field>> = LazyLock::new(|| read(include_str!("data/schema.txt")));

/// Makes of an object what the API server stores. Kinds that are not in the table stay as they are.
pub fn settle(root: &mut Node, kind: &str) -> Settled {
    let mut settled = Settled::default();
    if let Some(Field {
        kind: Kind::Object(fields),
        ..
    }) = TABLE.iter().find(|f| f.name == kind)
    {
        // What every object has.
        let head = |key: &str| ["apiVersion", "kind", "metadata", "status"].contains(&key);
        settled.object(root, fields, &head);
    }
    settled
}

impl Settled {
    fn object(&mut self, node: &mut Node, fields: &[Field], head: &dyn Fn(&str) -> bool) {
        let ids = node.ids.clone();
        let Value::Map(map) = &mut node.value else {
            return self.mistyped(node, "a mapping");
        };
        map.retain(|key, value| {
            let known = head(key) || fields.iter().any(|f| f.name == key);
            if !known {
                self.drop(key, &value.ids);
            }
            known && !value.is_null()
        });
        for field in fields {
            if let Some(text) = field.default.filter(|_| !map.contains_key(field.name)) {
                map.insert(field.name, default(&field.kind, text));
            }
            match map.get_mut(field.name) {
                Some(value) => self.within(format!(".{}", field.name), |s| s.field(value, field)),
                None if field.required => {
                    self.within(format!(".{}", field.name), |s| s.say("is required", &ids));
                }
                None => {}
            }
        }
    }

    fn field(&mut self, node: &mut Node, field: &Field) {
        let before = self.problems.len();
        self.value(node, &field.kind);
        if self.problems.len() == before {
            self.bounds(node, field);
        }
    }

    fn value(&mut self, node: &mut Node, kind: &Kind) {
        whole(node, kind);
        match (kind, &mut node.value) {
            (Kind::Object(fields), _) => self.object(node, fields, &|_| false),
            (Kind::Template, _) => pod_template::settle(node, self),
            (Kind::PodSpec(object), _) => pod_template::object(node, object, self),
            (Kind::List(element), Value::Seq(list)) => {
                for (at, item) in list.iter_mut().enumerate() {
                    self.within(format!("[{at}]"), |s| s.value(item, element));
                }
            }
            (Kind::Map(element), Value::Map(map)) => {
                map.retain(|_, value| !value.is_null());
                for (key, value) in map.iter_mut() {
                    self.within(format!("[{key}]"), |s| s.value(value, element));
                }
            }
            _ => self.scalar(node, kind),
        }
    }

    fn scalar(&mut self, node: &Node, kind: &Kind) {
        match (kind, &node.value) {
            (Kind::Int32, Value::Int(n)) if i32::try_from(*n).is_err() => {
                self.say(format!("{n} is no number of 32 bits"), &node.ids);
            }
            (Kind::Int32 | Kind::Int64 | Kind::IntOrString, Value::Int(_))
            | (Kind::Str | Kind::IntOrString, Value::Str(_))
            | (Kind::Bool, Value::Bool(_))
            | (Kind::Any, _) => {}
            (Kind::Enum(words), Value::Str(word)) => {
                if !words.contains(&word.as_str()) {
                    self.say(format!("`{word}` is none of {}", words.join(", ")), &node.ids);
                }
            }
            (Kind::Quantity, Value::Int(_) | Value::Str(_)) => {
                if let Err(why) = Quantity::from_node(node) {
                    self.say(format!("is no quantity: {why}"), &node.ids);
                }
            }
            (Kind::Duration, Value::Str(text)) => {
                if let Err(why) = Duration::parse(text) {
                    self.say(format!("is no duration: {why}"), &node.ids);
                }
            }
            _ => self.mistyped(node, kind.wanted()),
        }
    }

    fn bounds(&mut self, node: &Node, field: &Field) {
        let (size, what) = match &node.value {
            Value::Int(n) => (*n, ""),
            Value::Str(s) => (s.chars().count() as i64, " characters"),
            Value::Seq(list) => (list.len() as i64, " elements"),
            Value::Map(map) => (map.len() as i64, " entries"),
            _ => return,
        };
        if let Some(min) = field.min.filter(|min| size < *min) {
            self.say(format!("must be at least {min}{what}, not {size}"), &node.ids);
        }
        if let Some(max) = field.max.filter(|max| size > *max) {
            self.say(format!("must be at most {max}{what}, not {size}"), &node.ids);
        }
        if let (Some(pattern), Some(text)) = (field.pattern, node.as_str())
            && let Some(rule) = pattern_rule(pattern, text)
        {
            self.say(format!("`{text}` {rule}"), &node.ids);
        }
    }
}

/// A float without fraction is a whole number in JSON.
fn whole(node: &mut Node, kind: &Kind) {
    if let (Kind::Int32 | Kind::Int64 | Kind::IntOrString | Kind::Quantity, Value::Float(n)) =
        (kind, &node.value)
        && n.fract() == 0.0
        && n.abs() < 9e15
    {
        node.value = Value::Int(*n as i64);
    }
}

/// What a text must look like, if it does not.
fn pattern_rule(pattern: &str, text: &str) -> Option<&'static str> {
    let dashed = |inner: fn(&u8) -> bool| {
        let bytes = text.as_bytes();
        let ends = [bytes.first(), bytes.last()];
        ends.iter().all(|b| b.is_some_and(inner)) && bytes.iter().all(|b| inner(b) || *b == b'-')
    };
    let scheme = |schemes: &[&str]| {
        let mut rest = schemes.iter().filter_map(|s| text.strip_prefix(s));
        rest.any(|rest| !rest.is_empty())
    };
    let (holds, rule) = match pattern {
        "role" => (
            dashed(u8::is_ascii_alphanumeric),
            "must be letters, digits and `-`, with a letter or digit at both ends",
        ),
        "lower" => (
            dashed(|b| b.is_ascii_lowercase() || b.is_ascii_digit()),
            "must be lower case letters, digits and `-`, with a letter or digit at both ends",
        ),
        "absolute" => (text.starts_with('/'), "must start with `/`"),
        "https" => (scheme(&["https://"]), "must start with `https://`"),
        "cache" => (
            scheme(&["hostpath://", "pvc://"]),
            "must start with `hostpath://` or `pvc://`",
        ),
        "model" => (
            scheme(&["hf://", "s3://", "obs://", "pvc://", "ms://"]),
            "must start with one of hf:// s3:// obs:// pvc:// ms://",
        ),
        _ => (true, ""),
    };
    (!holds).then_some(rule)
}

impl Kind {
    const fn wanted(&self) -> &'static str {
        match self {
            Self::Int32 | Self::Int64 => "a whole number",
            Self::Str | Self::Enum(_) => "a string",
            Self::Bool => "true or false",
            Self::IntOrString => "a whole number or a string",
            Self::Quantity => "a whole number, or a quantity in quotes",
            Self::Duration => "a duration in quotes",
            Self::List(_) => "a list",
            _ => "a mapping",
        }
    }
}

fn default(kind: &Kind, text: &str) -> Node {
    match kind {
        Kind::Bool => (text == "true").into(),
        Kind::Int32 | Kind::Int64 | Kind::IntOrString => {
            text.parse::<i64>().map_or_else(|_| text.into(), Node::from)
        }
        _ => text.into(),
    }
}

type Lines = std::iter::Peekable<std::vec::IntoIter<(usize, &'static str)>>;

fn read(text: &'static str) -> Vec<Field> {
    let lines: Vec<(usize, &'static str)> = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| (line.len() - line.trim_start().len(), line.trim_start()))
        .collect();
    fields(&mut lines.into_iter().peekable(), 0)
}

/// The fields at an indentation, each with what is below it.
fn fields(lines: &mut Lines, indent: usize) -> Vec<Field> {
    let mut out = Vec::new();
    while let Some((_, line)) = lines.next_if(|(at, _)| *at >= indent) {
        let below = match lines.peek() {
            Some((at, _)) if *at > indent => fields(lines, indent + 2),
            _ => Vec::new(),
        };
        out.push(field(line, below));
    }
    out
}

fn field(line: &'static str, below: Vec<Field>) -> Field {
    let mut words = line.split_whitespace();
    let name = words.next().unwrap_or_default();
    let (name, required) = name.strip_suffix('!').map_or((name, false), |name| (name, true));
    let mut field = Field {
        name,
        required,
        kind: kind(words.next().unwrap_or("{"), below),
        default: None,
        min: None,
        max: None,
        pattern: None,
    };
    for word in words {
        if let Some(default) = word.strip_prefix('=') {
            field.default = Some(default);
        } else if let Some(pattern) = word.strip_prefix('~') {
            field.pattern = Some(pattern);
        } else if let Some((min, max)) = word.split_once("..") {
            (field.min, field.max) = (min.parse().ok(), max.parse().ok());
        }
    }
    field
}

fn kind(word: &'static str, below: Vec<Field>) -> Kind {
    let inside = |open, close| word.strip_prefix(open)?.strip_suffix(close);
    match word {
        "int32" => Kind::Int32,
        "int64" => Kind::Int64,
        "string" => Kind::Str,
        "bool" => Kind::Bool,
        "any" => Kind::Any,
        "int-or-string" => Kind::IntOrString,
        "quantity" => Kind::Quantity,
        "duration" => Kind::Duration,
        "template" => Kind::Template,
        "{" => Kind::Object(below),
        "[{" => Kind::List(Box::new(Kind::Object(below))),
        "<{" => Kind::Map(Box::new(Kind::Object(below))),
        _ => match (inside('[', ']'), inside('<', '>'), word.strip_prefix("podspec:")) {
            (Some(element), ..) => Kind::List(Box::new(kind(element, Vec::new()))),
            (_, Some(element), _) => Kind::Map(Box::new(kind(element, Vec::new()))),
            (.., Some(name)) => podspec::object(name).map_or(Kind::Any, Kind::PodSpec),
            _ => Kind::Enum(word.split('|').collect()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::testing::yaml;

    #[test]
    fn the_table_is_understood() {
        assert_eq!(TABLE.len(), 6);
        let mut open: Vec<&Field> = TABLE.iter().collect();
        while let Some(field) = open.pop() {
            let below = match &field.kind {
                Kind::Object(below) => below,
                Kind::List(kind) | Kind::Map(kind) => match &**kind {
                    Kind::Object(below) => below,
                    Kind::Any => panic!("{} has elements of no kind", field.name),
                    _ => continue,
                },
                Kind::Enum(words) => {
                    assert!(
                        words.len() > 1 || field.name == "type",
                        "{} {words:?}",
                        field.name
                    );
                    continue;
                }
                _ => continue,
            };
            open.extend(below);
        }
    }

    #[test]
    fn defaults_bounds_and_what_is_dropped() {
        let mut root = yaml(
            "{kind: ModelServing, spec: {replicas: null, odd: 1, template: {roles: [{name: a, workerReplicas: 0, entryTemplate: {}}]}}}",
        );
        let settled = settle(&mut root, "ModelServing");
        assert!(settled.problems.is_empty(), "{:?}", settled.problems);
        assert_eq!(settled.dropped.len(), 1);
        assert_eq!(settled.dropped[0].0, "spec.odd");
        assert_eq!(root.at(&["spec", "replicas"]), Some(&1_i64.into()));
        assert_eq!(
            root.at(&["spec", "template", "roles", "0", "maxUnavailable"]),
            Some(&1_i64.into())
        );
        let mut root =
            yaml("{spec: {replicas: 99999999999, template: {roles: [{name: a_b, entryTemplate: 1}]}}}");
        let told: Vec<String> = settle(&mut root, "ModelServing")
            .problems
            .into_iter()
            .map(|p| p.reason)
            .collect();
        assert_eq!(told.len(), 4, "{told:?}");
        assert!(
            told.iter()
                .any(|t| t.starts_with("`spec.template.roles[0].workerReplicas`: is required"))
        );
    }
}
