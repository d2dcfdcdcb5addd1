//! The fields of custom resources, and what the API server makes of an object by them: unknown fields and nulls are dropped,
//! defaults filled in, types and bounds checked, in this order.
//!
//! A dialect has its table as a text. A line is
//!
//! ```text
//! name[!] type [=default] [min..max] [~pattern]
//! ```
//!
//! `!` is required; fields of an object stand below it, indented. Types: `int32`, `int64`, `number`, `string`, `bool`, `any`,
//! `int-or-string`, `quantity`, `duration`, `a|b` (one of these words), `template` (a pod template of labels, annotations and a
//! PodSpec), `podspec:NAME` (an object of the table of pod templates), `partial:NAME` (one of which nothing is required, with
//! fields of its own below it), `{` (an object), `[T]` and `[{` (lists), `<T>` and `<{` (mappings of any keys). Bounds are those
//! of numbers, of the length of strings, and of the elements of lists and mappings.

mod pod_template;
mod settled;

pub use settled::Settled;

use crate::diagnostic::Code;
use crate::kubernetes::duration::Duration;
use crate::kubernetes::names;
use crate::kubernetes::podspec::{self, Object};
use crate::kubernetes::quantity::Quantity;
use crate::value::{Ids, Map, Node, Value};

/// What a field holds.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A whole number of 32 bits.
    Int32,
    /// A whole number.
    Int64,
    /// Any number.
    Number,
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
    /// An object of the table of pod templates of which nothing is required, with further fields.
    Partial(&'static Object, Vec<Field>),
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

/// The fields of the objects of a dialect.
#[derive(Debug)]
pub struct Table {
    kinds: Vec<Field>,
    code: &'static Code,
}

impl Table {
    /// Reads a table. `code` is that of what the schema refuses.
    pub fn new(text: &'static str, code: &'static Code) -> Self {
        Self {
            kinds: read(text),
            code,
        }
    }

    /// The objects of the table by their names.
    pub fn kinds(&self) -> &[Field] {
        &self.kinds
    }

    /// Makes of an object what the API server stores. Kinds that are not in the table stay as they are.
    pub fn settle(&self, root: &mut Node, kind: &str) -> Settled {
        let mut settled = Settled::new(self.code);
        if let Some(Field {
            kind: Kind::Object(fields),
            ..
        }) = self.kinds.iter().find(|f| f.name == kind)
        {
            // What every object has.
            let head = |key: &str| ["apiVersion", "kind", "metadata", "status"].contains(&key);
            settled.object(root, fields, &head);
        }
        settled
    }
}

impl Field {
    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What it holds.
    pub const fn kind(&self) -> &Kind {
        &self.kind
    }
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
        self.fields(map, fields, &ids);
    }

    /// Looks at the known fields of an object.
    fn fields(&mut self, map: &mut Map, fields: &[Field], ids: &Ids) {
        for field in fields {
            if let Some(text) = field.default.filter(|_| !map.contains_key(field.name)) {
                map.insert(field.name, default(&field.kind, text));
            }
            match map.get_mut(field.name) {
                Some(value) => self.within(format!(".{}", field.name), |s| s.field(value, field)),
                None if field.required => {
                    self.within(format!(".{}", field.name), |s| s.say("is required", ids));
                }
                None => {}
            }
        }
    }

    /// Settles an object of the table of pod templates of which nothing is required, with further fields.
    fn partial(&mut self, node: &mut Node, object: &'static Object, more: &[Field]) {
        let ids = node.ids.clone();
        let Value::Map(map) = &mut node.value else {
            return self.mistyped(node, "a mapping");
        };
        let mut own = Map::new();
        for field in more {
            own.insert_some(field.name, map.remove(field.name).filter(|n| !n.is_null()));
        }
        self.fields(&mut own, more, &ids);
        let required = object.fields.iter().filter(|f| f.required);
        let absent: Vec<_> = required
            .filter(|f| map.get(f.name).is_none_or(Node::is_null))
            .collect();
        for field in &absent {
            let nothing = match field.kind {
                podspec::Kind::List(_) => Node::seq(),
                podspec::Kind::Map(_) | podspec::Kind::Object(_) => Node::map(),
                _ => "".into(),
            };
            map.insert(field.name, nothing);
        }
        pod_template::object(node, object, self);
        let map = node.map_mut();
        absent.iter().for_each(|f| {
            map.remove(f.name);
        });
        own.into_iter().for_each(|(key, value)| {
            map.insert(key, value);
        });
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
            (Kind::Partial(object, more), _) => self.partial(node, object, more),
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
            | (Kind::Number, Value::Int(_) | Value::UInt(_) | Value::Float(_))
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
            // Bounds are whole numbers: above the greatest by a part of one is above it.
            Value::Float(n) if *n > 0.0 => (n.ceil() as i64, ""),
            Value::Float(n) => (n.floor() as i64, ""),
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
        "version" => (
            version(text),
            "must be three numbers of up to four digits, MAJOR.MINOR.PATCH",
        ),
        "key" => (names::qualified_key(text).is_ok(), "must be the key of a label"),
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

fn version(text: &str) -> bool {
    let number = |part: &str| {
        (1..=4).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_digit())
            && (part.len() == 1 || !part.starts_with('0'))
    };
    text.split('.').count() == 3 && text.split('.').all(number)
}

impl Kind {
    const fn wanted(&self) -> &'static str {
        match self {
            Self::Int32 | Self::Int64 => "a whole number",
            Self::Number => "a number",
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
        "number" => Kind::Number,
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
        _ if word.starts_with("partial:") => {
            podspec::object(&word["partial:".len()..]).map_or(Kind::Any, |o| Kind::Partial(o, below))
        }
        _ => match (inside('[', ']'), inside('<', '>'), word.strip_prefix("podspec:")) {
            (Some(element), ..) => Kind::List(Box::new(kind(element, Vec::new()))),
            (_, Some(element), _) => Kind::Map(Box::new(kind(element, Vec::new()))),
            (.., Some(name)) => podspec::object(name).map_or(Kind::Any, Kind::PodSpec),
            _ => Kind::Enum(word.split('|').collect()),
        },
    }
}
