//! Structural schemas, read from CustomResourceDefinitions.

use crate::value::{Map, Node, Str, Value};
use regex::Regex;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A structural schema of Kubernetes: types and fields, and what values must be beyond that.
#[derive(Debug, Default)]
pub struct Schema {
    /// The type; none where any value is taken, and in the branches of `anyOf` and its like.
    pub kind: Option<Kind>,
    /// The fields of an object.
    pub properties: BTreeMap<Str, Schema>,
    /// What fields beyond [`Schema::properties`] are.
    pub additional: Additional,
    /// The elements of a list.
    pub items: Option<Box<Schema>>,
    /// Whether null is a value.
    pub nullable: bool,
    /// Whether whole numbers and strings are taken (`x-kubernetes-int-or-string`).
    pub int_or_string: bool,
    /// Whether unknown fields are kept (`x-kubernetes-preserve-unknown-fields`).
    pub preserve: bool,
    /// Whether the value is an object with `apiVersion`, `kind` and `metadata` of its own (`x-kubernetes-embedded-resource`).
    pub embedded: bool,
    /// The value where there is none.
    pub default: Option<Node>,
    /// Which elements a list may not hold twice.
    pub unique: Unique,
    /// What values must be.
    pub limits: Limits,
    /// The CEL rules of `x-kubernetes-validations`.
    pub rules: Vec<Rule>,
}

/// A type of OpenAPI.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `object`
    Object,
    /// `array`
    Array,
    /// `string`
    String,
    /// `integer`
    Integer,
    /// `number`
    Number,
    /// `boolean`
    Boolean,
}

impl Kind {
    /// The word of the schema.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
        }
    }

    fn of(word: &str) -> Option<Self> {
        let all = [
            Self::Object,
            Self::Array,
            Self::String,
            Self::Integer,
            Self::Number,
            Self::Boolean,
        ];
        all.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// What fields that are not named are.
#[derive(Debug, Default)]
pub enum Additional {
    /// Unknown.
    #[default]
    None,
    /// Values of a schema: the object is a map.
    Values(Box<Schema>),
}

/// What makes elements of a list the same.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Unique {
    /// Elements may repeat.
    #[default]
    No,
    /// A set: no two are equal.
    Set,
    /// A map: no two agree in these fields.
    Map(Vec<Str>),
}

/// What values must be beyond their type. Numbers as OpenAPI has them; lengths in characters.
#[derive(Debug, Default)]
pub struct Limits {
    /// The only values.
    pub choices: Option<Vec<Node>>,
    /// A regular expression that strings match somewhere.
    pub pattern: Option<Pattern>,
    /// A format of strings (`date-time`) or numbers (`int32`).
    pub format: Option<Str>,
    /// The least number, and whether it is itself excluded.
    pub minimum: Option<(f64, bool)>,
    /// The greatest number, and whether it is itself excluded.
    pub maximum: Option<(f64, bool)>,
    /// What numbers are multiples of.
    pub multiple_of: Option<f64>,
    /// Bounds of the length of strings.
    pub length: Bounds,
    /// Bounds of the number of elements.
    pub items: Bounds,
    /// Bounds of the number of fields.
    pub fields: Bounds,
    /// Fields that must be there.
    pub required: Vec<Str>,
    /// All of these hold too.
    pub all_of: Vec<Schema>,
    /// One or more of these hold, if there are any.
    pub any_of: Vec<Schema>,
    /// Exactly one of these holds, if there are any.
    pub one_of: Vec<Schema>,
    /// This does not hold.
    pub not: Option<Box<Schema>>,
}

/// Inclusive bounds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds {
    /// The least.
    pub min: Option<u64>,
    /// The most.
    pub max: Option<u64>,
}

/// A regular expression, compiled when it is first needed.
#[derive(Debug)]
pub struct Pattern {
    /// As written.
    pub text: Str,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// Whether it matches; nothing if it is no regular expression.
    pub fn matches(&self, text: &str) -> Option<bool> {
        let compiled = self.compiled.get_or_init(|| Regex::new(&self.text).ok());
        compiled.as_ref().map(|regex| regex.is_match(text))
    }
}

/// A rule in CEL.
#[derive(Debug, Default)]
pub struct Rule {
    /// The expression.
    pub text: Str,
    /// What is said when it does not hold.
    pub message: Option<Str>,
    /// An expression that makes what is said.
    pub message_expression: Option<Str>,
    /// The field that is to blame, below the value: `.spec.replicas`.
    pub field_path: Option<Str>,
    /// Whether a rule about the former state is asked on creation too, without one (`optionalOldSelf`).
    pub optional_old_self: bool,
    /// The program, made when it is first needed.
    pub(super) program: OnceLock<Result<cel::Program, String>>,
}

impl Schema {
    /// Reads a schema. What it says beyond the structural form is left out, as API servers do.
    pub fn read(node: &Node) -> Self {
        let flag = |key| node.get(key).and_then(Node::as_bool) == Some(true);
        let mut properties = BTreeMap::new();
        for (key, value) in node
            .get("properties")
            .and_then(Node::as_map)
            .into_iter()
            .flatten()
        {
            properties.insert(key.clone(), Self::read(value));
        }
        Self {
            kind: text(node, "type").and_then(|word| Kind::of(&word)),
            properties,
            additional: match node.get("additionalProperties").map(|n| (&n.value, n)) {
                Some((Value::Map(_), inner)) => Additional::Values(Box::new(Self::read(inner))),
                Some((Value::Bool(true), _)) => Additional::Values(Box::new(Self {
                    preserve: true,
                    ..Self::default()
                })),
                _ => Additional::None,
            },
            items: node.get("items").map(|inner| Box::new(Self::read(inner))),
            nullable: flag("nullable"),
            int_or_string: flag("x-kubernetes-int-or-string"),
            preserve: flag("x-kubernetes-preserve-unknown-fields"),
            embedded: flag("x-kubernetes-embedded-resource"),
            default: node.get("default").map(made),
            unique: unique(node),
            limits: Limits::read(node),
            rules: list(node, "x-kubernetes-validations")
                .filter_map(Rule::read)
                .collect(),
        }
    }

    /// The schema of a field of an object.
    pub fn field(&self, key: &str) -> Option<&Schema> {
        self.properties.get(key).or(match &self.additional {
            Additional::Values(schema) => Some(schema),
            Additional::None => None,
        })
    }
}

impl Limits {
    fn read(node: &Node) -> Self {
        let bounds = |min, max| Bounds {
            min: count(node, min),
            max: count(node, max),
        };
        let flag = |key| node.get(key).and_then(Node::as_bool) == Some(true);
        let all = |key| list(node, key).map(Schema::read).collect();
        Self {
            choices: node.get("enum").and_then(Node::as_seq).map(<[Node]>::to_vec),
            pattern: text(node, "pattern").map(|text| Pattern {
                text,
                compiled: OnceLock::new(),
            }),
            format: text(node, "format"),
            minimum: number(node.get("minimum")).map(|n| (n, flag("exclusiveMinimum"))),
            maximum: number(node.get("maximum")).map(|n| (n, flag("exclusiveMaximum"))),
            multiple_of: number(node.get("multipleOf")),
            length: bounds("minLength", "maxLength"),
            items: bounds("minItems", "maxItems"),
            fields: bounds("minProperties", "maxProperties"),
            required: words(node, "required"),
            all_of: all("allOf"),
            any_of: all("anyOf"),
            one_of: all("oneOf"),
            not: node.get("not").map(|inner| Box::new(Schema::read(inner))),
        }
    }
}

impl Rule {
    fn read(node: &Node) -> Option<Self> {
        Some(Self {
            text: text(node, "rule")?,
            message: text(node, "message"),
            message_expression: text(node, "messageExpression"),
            field_path: text(node, "fieldPath"),
            optional_old_self: node.get("optionalOldSelf").and_then(Node::as_bool) == Some(true),
            program: OnceLock::new(),
        })
    }
}

fn unique(node: &Node) -> Unique {
    match text(node, "x-kubernetes-list-type").as_deref() {
        Some("set") => Unique::Set,
        Some("map") => Unique::Map(words(node, "x-kubernetes-list-map-keys")),
        _ => Unique::No,
    }
}

fn text(node: &Node, key: &str) -> Option<Str> {
    node.get(key).and_then(Node::as_str).map(Str::from)
}

fn list<'n>(node: &'n Node, key: &str) -> impl Iterator<Item = &'n Node> {
    node.get(key).and_then(Node::as_seq).into_iter().flatten()
}

fn words(node: &Node, key: &str) -> Vec<Str> {
    list(node, key).filter_map(Node::as_str).map(Str::from).collect()
}

fn count(node: &Node, key: &str) -> Option<u64> {
    match node.get(key)?.value {
        Value::Int(n) => u64::try_from(n).ok(),
        Value::UInt(n) => Some(n),
        _ => None,
    }
}

/// A number, whole or not.
pub fn number(node: Option<&Node>) -> Option<f64> {
    match node?.value {
        Value::Int(n) => Some(n as f64),
        Value::UInt(n) => Some(n as f64),
        Value::Float(n) => Some(n),
        _ => None,
    }
}

/// A value that nobody wrote.
fn made(node: &Node) -> Node {
    let value = match &node.value {
        Value::Seq(seq) => Value::Seq(seq.iter().map(made).collect()),
        Value::Map(map) => Value::Map(map.iter().map(|(k, v)| (k.clone(), made(v))).collect::<Map>()),
        other => other.clone(),
    };
    value.into()
}
