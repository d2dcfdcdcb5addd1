//! Strict decoding: one declaration gives a type, its decoder, its place in the schema and its words for `explain`.
//!
//! The decoder reports *all* errors of a document, each with its position, what was expected and what was probably meant;
//! what can be read is returned beside them. Every field is optional at this level: what a missing one means is decided
//! by the plan, and `object!` marks those that must be there with `@required`.

use super::codes::{EMPTY, EXPECTED, MISSING, NOT_A_CHOICE, OUT_OF_RANGE, SURPRISING_SCALAR, UNKNOWN_FIELD};
use super::shape::{FieldShape, ObjectShape, Shape};
use crate::diagnostic::{Diagnostic, Ledger, Outcome, closest};
use crate::source::Sources;
use crate::value::{Ids, Map, Node, Str, Traced, Value};

/// What decoding needs at hand.
pub struct Decoder<'a> {
    /// Where nodes stand, for checks of how a scalar was written.
    pub sources: &'a Sources,
    /// Where errors go.
    pub ledger: &'a mut Ledger,
}

/// A type of the language.
pub trait Decode: Sized {
    /// Reads a node. Reports everything that is wrong with it; `None` if nothing usable is left.
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Option<Self>;

    /// What it looks like, for the schema and `explain`.
    fn shape() -> Shape;

    /// This value laid over a more general one. The default: it replaces it.
    #[must_use]
    fn overlay(self, base: Self, ledger: &mut Ledger) -> Self {
        ledger.supersede(&base.origins(), &self.origins());
        self
    }

    /// All input nodes that it was read from.
    fn origins(&self) -> Ids;
}

/// Lays an optional value over an optional more general one.
pub fn overlay<T: Decode>(over: Option<T>, base: Option<T>, ledger: &mut Ledger) -> Option<T> {
    match (over, base) {
        (Some(over), Some(base)) => Some(over.overlay(base, ledger)),
        (over, base) => over.or(base),
    }
}

impl Decoder<'_> {
    /// Reports that `node` is not what it should be.
    pub fn expected(&mut self, node: &Node, what: &str) {
        let message = format!("expected {what}, found {}", describe(node));
        self.ledger
            .report(Diagnostic::new(&EXPECTED, message).at_ids(&node.ids));
    }

    /// Reports that `node` is no mapping, and shows the least that would be one.
    pub fn expected_object(&mut self, node: &Node, shape: &ObjectShape) {
        let names: Vec<&str> = shape.fields.iter().map(|f| f.name).collect();
        let message = format!("expected a mapping ({}), found {}", shape.title, describe(node));
        let mut said = Diagnostic::new(&EXPECTED, message)
            .at_ids(&node.ids)
            .reason(format!("its fields: {}", names.join(", ")));
        let first = shape.fields.iter().find(|f| f.required);
        let first = first.or_else(|| shape.fields.iter().find(|f| f.name == "type"));
        match (&node.value, first) {
            (Value::Bool(false), None) if names.contains(&"enabled") => {
                said = said.remedy("write `{enabled: false}`");
            }
            (Value::Bool(true), None) => said = said.remedy("write `{}` for the defaults"),
            (Value::Str(_) | Value::Int(_), Some(field)) => {
                said = said.remedy(format!("write `{{{}: …}}`", field.name));
            }
            _ => {}
        }
        self.ledger.report(said);
    }

    /// Reports that `node` is no list of `item`, and shows how one is written.
    pub fn expected_list(&mut self, node: &Node, item: &Shape) {
        let message = format!("expected a list, found {}", describe(node));
        let mut said = Diagnostic::new(&EXPECTED, message).at_ids(&node.ids);
        let named = |shape: &ObjectShape| shape.fields.iter().any(|f| f.name == "name" && f.required);
        let entries = match item {
            Shape::Object(shape) if named(shape) => Some("`- name: …`"),
            Shape::Kubernetes("EnvVar") => Some("`- {name: …, value: …}`"),
            _ => None,
        };
        match (&node.value, entries) {
            (Value::Map(_), Some(entry)) => said = said.remedy(format!("write each entry as {entry}")),
            (Value::Str(_) | Value::Text(_), None) => {
                said = said.remedy("write a list, one word an entry: `[…, …]`");
            }
            _ => {}
        }
        self.ledger.report(said);
    }

    /// Reports a key that the language does not have.
    pub fn unknown_field(&mut self, key: &str, value: &Node, shape: &ObjectShape) {
        let names = shape.fields.iter().map(|f| f.name);
        let mut said = Diagnostic::new(
            &UNKNOWN_FIELD,
            format!("unknown field `{key}` in {}", shape.title),
        )
        .at_key(value.ids.first())
        .reason(format!(
            "known fields: {}",
            names.clone().collect::<Vec<_>>().join(", ")
        ));
        if let Some(place) = below(key, shape) {
            said = said.remedy(format!("it belongs to `{place}`"));
        } else if let Some(meant) = closest(key, names.clone()).or_else(|| synonym(key, names)) {
            said = said.replacement(meant).remedy(format!("did you mean `{meant}`?"));
        }
        self.ledger.report(said);
    }

    /// Reports a section of a Platform document that belongs to no dialect.
    pub fn unknown_section(&mut self, key: &str, value: &Node, dialects: &[&str]) {
        let mut said = Diagnostic::new(&UNKNOWN_FIELD, format!("unknown section `{key}` in a Platform"))
            .at_key(value.ids.first())
            .reason(format!("known: clusterDomain, {}", dialects.join(", ")));
        if let Some(meant) = closest(key, dialects.iter().copied().chain(["clusterDomain"])) {
            said = said.replacement(meant);
        }
        self.ledger.report(said);
    }

    /// Reports a field that must be there and is not.
    pub fn missing_field(&mut self, node: &Node, name: &str, shape: &ObjectShape) {
        let message = format!("missing field `{name}` in {}", shape.title);
        self.ledger
            .report(Diagnostic::new(&MISSING, message).at_key(node.ids.first()));
    }

    /// Reports a word that is none of the choices.
    pub fn not_a_choice(&mut self, node: &Node, word: &str, what: &str, choices: &[(&'static str, &str)]) {
        let names = || choices.iter().map(|(name, _)| *name);
        let mut said = Diagnostic::new(&NOT_A_CHOICE, format!("`{word}` is not a known {what}"))
            .at_ids(&node.ids)
            .reason(format!("one of: {}", names().collect::<Vec<_>>().join(", ")));
        if let Some(meant) = closest(word, names()).or_else(|| choice_synonym(word, names())) {
            said = said.replacement(meant).remedy(format!("did you mean `{meant}`?"));
        }
        self.ledger.report(said);
    }

    /// Excuses a list or mapping without anything in it, should nothing come of it.
    pub fn says_nothing(&mut self, node: &Node) {
        let said = Diagnostic::new(
            &EMPTY,
            format!("{} without anything in it says nothing", describe(node)),
        );
        self.ledger.waive(&node.ids, said.outcome(Outcome::Defaulted));
    }

    /// Reports a number outside its range.
    pub fn out_of_range(&mut self, node: &Node, found: &str, minimum: i64, maximum: i64) {
        let message = match maximum {
            i64::MAX => format!("{found} is too small: at least {minimum}"),
            _ => format!("{found} is out of range: {minimum} to {maximum}"),
        };
        self.ledger
            .report(Diagnostic::new(&OUT_OF_RANGE, message).at_ids(&node.ids));
    }

    /// Warns when a plain scalar is not what it looks like to a person (`yes`, `012`, `1_000`).
    fn warn_surprising(&mut self, node: &Node) {
        let Some(id) = node.ids.first() else { return };
        let Some(meaning) = self.sources.text_of(id).and_then(crate::source::surprising) else {
            return;
        };
        let said = Diagnostic::new(&SURPRISING_SCALAR, format!("Kubernetes reads this as {meaning}"))
            .at(id)
            .remedy("write the value plainly, or quote it if a string is meant");
        self.ledger.report(said);
    }
}

/// What else the fields of the language are called, by engines and orchestrators.
const SYNONYMS: &[(&str, &str)] = &[
    ("tp", "tensor"),
    ("pp", "pipeline"),
    ("dp", "data"),
    ("ep", "expert"),
    ("pvc", "persistentVolumeClaim"),
    ("claim", "persistentVolumeClaim"),
    ("label", "key"),
    ("topologyKey", "key"),
    ("path", "uri"),
    ("source", "uri"),
    ("size", "nodes"),
    ("template", "podTemplate"),
    ("gpus", "parallelism"),
    ("gpu", "parallelism"),
    ("gpus", "accelerator"),
    ("gpu", "accelerator"),
    ("autoscaling", "scaling"),
    ("metric", "name"),
];

/// The field that a word of another tool means, if the mapping has it.
fn synonym<'a>(word: &str, fields: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let meant = SYNONYMS
        .iter()
        .filter(|(other, _)| other.eq_ignore_ascii_case(word));
    meant
        .filter_map(|(_, meant)| fields.clone().find(|f| f == meant))
        .next()
}

/// What else the words of the language are called.
const CHOICE_SYNONYMS: &[(&str, &str)] = &[
    ("tensorrt-llm", "trtllm"),
    ("tensorrtllm", "trtllm"),
    ("tensorrt", "trtllm"),
    ("trt", "trtllm"),
    ("sgl", "sglang"),
    ("other", "custom"),
    ("agg", "aggregated"),
    ("p", "prefill"),
    ("d", "decode"),
    ("group", "replica"),
];

fn choice_synonym(word: &str, mut choices: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let meant: Vec<&str> = CHOICE_SYNONYMS
        .iter()
        .filter(|(other, _)| other.eq_ignore_ascii_case(word))
        .map(|(_, meant)| *meant)
        .collect();
    choices.find(|c| meant.contains(c))
}

/// Where a key belongs that stands one level too high: the way down to it, `engine.image`. The nearest place counts, and
/// mappings of two levels are looked at.
fn below(key: &str, shape: &ObjectShape) -> Option<String> {
    let inner = |shape: &ObjectShape| -> Vec<(String, &'static ObjectShape)> {
        let nested = |f: &FieldShape| match (f.shape)() {
            Shape::Object(inner) => Some((f.name.to_owned(), inner)),
            Shape::List(item) => match *item {
                Shape::Object(inner) => Some((format!("{}[]", f.name), inner)),
                _ => None,
            },
            _ => None,
        };
        shape.fields.iter().filter_map(nested).collect()
    };
    let first = inner(shape);
    let second = first.iter().flat_map(|(way, shape)| {
        let below = inner(shape).into_iter();
        below.map(move |(step, shape)| (format!("{way}.{step}"), shape))
    });
    let has = |shape: &ObjectShape| shape.fields.iter().any(|f| f.name == key);
    let mut all = first.iter().cloned().chain(second);
    all.find(|(_, shape)| has(shape))
        .map(|(way, _)| format!("{way}.{key}"))
}

/// A node in a few words, without its value.
pub fn describe(node: &Node) -> &'static str {
    match &node.value {
        Value::Null => "nothing (null)",
        Value::Bool(_) => "a boolean",
        Value::Int(_) | Value::UInt(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Str(_) | Value::Text(_) => "a string",
        Value::Seq(_) => "a list",
        Value::Map(_) => "a mapping",
    }
}

impl Decode for Traced<Str> {
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Option<Self> {
        match &node.value {
            Value::Str(s) => Some(Traced::new(s.clone(), node.ids.clone())),
            Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Bool(_) => {
                let text = node
                    .ids
                    .first()
                    .and_then(|id| cx.sources.text_of(id))
                    .unwrap_or("…")
                    .trim()
                    .to_owned();
                let message = format!("expected a string, found {}; quote it", describe(node));
                let said = Diagnostic::new(&EXPECTED, message).at_ids(&node.ids);
                cx.ledger.report(said.replacement(format!("\"{text}\"")));
                None
            }
            _ => {
                cx.expected(node, "a string");
                None
            }
        }
    }

    fn shape() -> Shape {
        Shape::String(None)
    }

    fn origins(&self) -> Ids {
        self.ids.clone()
    }
}

impl Decode for Traced<bool> {
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Option<Self> {
        match node.value {
            Value::Bool(b) => {
                cx.warn_surprising(node);
                Some(Traced::new(b, node.ids.clone()))
            }
            _ => {
                cx.expected(node, "true or false");
                None
            }
        }
    }

    fn shape() -> Shape {
        Shape::Boolean
    }

    fn origins(&self) -> Ids {
        self.ids.clone()
    }
}

impl Decode for Traced<f64> {
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Option<Self> {
        let value = match node.value {
            Value::Float(f) => f,
            Value::Int(i) => i as f64,
            _ => {
                cx.expected(node, "a number");
                return None;
            }
        };
        Some(Traced::new(value, node.ids.clone()))
    }

    fn shape() -> Shape {
        Shape::Number
    }

    fn origins(&self) -> Ids {
        self.ids.clone()
    }
}

/// A whole number from `MIN` to `MAX`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Int<const MIN: i64, const MAX: i64>(pub u32);

/// A number of things, possibly none.
pub type Count = Int<0, { i32::MAX as i64 }>;
/// A number of things, at least one.
pub type Positive = Int<1, { i32::MAX as i64 }>;
/// A TCP port.
pub type Port = Int<1, 65535>;

impl<const MIN: i64, const MAX: i64> Traced<Int<MIN, MAX>> {
    /// The number, with its origin.
    pub fn number(&self) -> Traced<u32> {
        self.map(|i| i.0)
    }
}

impl<const MIN: i64, const MAX: i64> Decode for Traced<Int<MIN, MAX>> {
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Option<Self> {
        let found = match node.value {
            Value::Int(i) if (MIN..=MAX).contains(&i) => {
                cx.warn_surprising(node);
                return Some(Traced::new(Int(u32::try_from(i).ok()?), node.ids.clone()));
            }
            Value::Int(i) => i.to_string(),
            Value::UInt(u) => u.to_string(),
            Value::Float(f) if f.fract() == 0.0 => format!("{f}"),
            _ => {
                cx.expected(node, "a whole number");
                return None;
            }
        };
        cx.out_of_range(node, &found, MIN, MAX);
        None
    }

    fn shape() -> Shape {
        Shape::Integer {
            minimum: MIN,
            maximum: MAX,
        }
    }

    fn origins(&self) -> Ids {
        self.ids.clone()
    }
}

/// A list, each element with its own errors.
impl<T: Decode> Decode for Vec<T> {
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Option<Self> {
        match node.as_seq() {
            Some(seq) => {
                if seq.is_empty() {
                    cx.says_nothing(node);
                }
                Some(seq.iter().filter_map(|n| T::decode(n, cx)).collect())
            }
            None => {
                cx.expected_list(node, &T::shape());
                None
            }
        }
    }

    fn shape() -> Shape {
        Shape::List(Box::new(T::shape()))
    }

    fn origins(&self) -> Ids {
        self.iter()
            .fold(Ids::none(), |ids, item| ids.union(&item.origins()))
    }
}

/// A value of any kind, kept as it is.
impl Decode for Node {
    fn decode(node: &Node, _: &mut Decoder<'_>) -> Option<Self> {
        Some(node.clone())
    }

    fn shape() -> Shape {
        Shape::Any
    }

    fn origins(&self) -> Ids {
        self.all_ids()
    }
}

/// A mapping with free keys and string values: labels, annotations, node selectors.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct StringMap {
    /// The mapping's own place.
    pub ids: Ids,
    /// The entries, all values strings.
    pub entries: Map,
}

impl Decode for StringMap {
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Option<Self> {
        let Some(map) = node.as_map() else {
            cx.expected(node, "a mapping of strings");
            return None;
        };
        if map.is_empty() {
            cx.says_nothing(node);
        }
        let good = |(key, value): &(Str, Node), cx: &mut Decoder<'_>| {
            <Traced<Str>>::decode(value, cx).map(|_| (key.clone(), value.clone()))
        };
        let entries = map.iter().filter_map(|entry| good(entry, cx)).collect();
        Some(Self {
            ids: node.ids.clone(),
            entries,
        })
    }

    fn shape() -> Shape {
        Shape::Map(Box::new(Shape::String(None)))
    }

    /// Entry by entry; an entry replaces the more general one of its key.
    fn overlay(self, base: Self, ledger: &mut Ledger) -> Self {
        let mut merged = base;
        merged.ids.merge(&self.ids);
        for (key, value) in self.entries {
            let ids = value.ids.clone();
            if let Some(old) = merged.entries.insert(key, value) {
                ledger.supersede(&old.ids, &ids);
            }
        }
        merged
    }

    fn origins(&self) -> Ids {
        let node = Node {
            value: Value::Map(self.entries.clone()),
            ids: self.ids.clone(),
        };
        node.all_ids()
    }
}

/// Declares a mapping of the language: its type, decoder, overlay and description.
///
/// Each field is written `name: "key" => Type`, with its doc comment, and `@required` before it if it must be there.
macro_rules! object {
    (
        $(#[doc = $doc:literal])*
        pub struct $name:ident ($title:literal) {
            $( $(#[doc = $field_doc:literal])* $(@$required:ident)? $field:ident : $key:literal => $ty:ty, )*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, PartialEq, Default, Debug)]
        pub struct $name {
            /// The place of the mapping itself.
            pub ids: $crate::value::Ids,
            $( $(#[doc = $field_doc])* pub $field: Option<$ty>, )*
        }

        impl $name {
            /// What the mapping looks like, for the schema and `explain`.
            pub const SHAPE: $crate::spec::shape::ObjectShape = $crate::spec::shape::ObjectShape {
                name: stringify!($name),
                title: $title,
                doc: &[$($doc),*],
                fields: &[$(
                    $crate::spec::shape::FieldShape {
                        name: $key,
                        doc: &[$($field_doc),*],
                        required: $crate::spec::decode::object!(@flag $($required)?),
                        shape: <$ty as $crate::spec::decode::Decode>::shape,
                    },
                )*],
            };
        }

        impl $crate::spec::decode::Decode for $name {
            fn decode(node: &$crate::value::Node, cx: &mut $crate::spec::decode::Decoder<'_>) -> Option<Self> {
                let Some(map) = node.as_map() else {
                    cx.expected_object(node, &Self::SHAPE);
                    return None;
                };
                let mut object = Self { ids: node.ids.clone(), ..Self::default() };
                if map.is_empty() {
                    cx.says_nothing(node);
                }
                for (key, value) in map {
                    match key.as_str() {
                        $( $key => object.$field = $crate::spec::decode::Decode::decode(value, cx), )*
                        unknown => cx.unknown_field(unknown, value, &Self::SHAPE),
                    }
                }
                for field in Self::SHAPE.fields {
                    if field.required && !map.contains_key(field.name) {
                        cx.missing_field(node, field.name, &Self::SHAPE);
                    }
                }
                Some(object)
            }

            fn shape() -> $crate::spec::shape::Shape {
                $crate::spec::shape::Shape::Object(&Self::SHAPE)
            }

            fn overlay(self, base: Self, ledger: &mut $crate::diagnostic::Ledger) -> Self {
                Self {
                    ids: self.ids.union(&base.ids),
                    $( $field: $crate::spec::decode::overlay(self.$field, base.$field, ledger), )*
                }
            }

            fn origins(&self) -> $crate::value::Ids {
                #[allow(unused_mut)]
                let mut ids = self.ids.clone();
                $( if let Some(field) = &self.$field {
                    ids.merge(&$crate::spec::decode::Decode::origins(field));
                } )*
                ids
            }
        }
    };
    (@flag) => { false };
    (@flag required) => { true };
}

/// Declares a closed set of words.
macro_rules! choice {
    (
        $(#[doc = $doc:literal])*
        pub enum $name:ident ($title:literal) {
            $( $(#[doc = $variant_doc:literal])* $variant:ident = $word:literal, )*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $name { $( $(#[doc = $variant_doc])* $variant, )* }

        impl $name {
            /// The words, each with what it means.
            pub const WORDS: &'static [(&'static str, &'static str)] =
                &[$( ($word, concat!($($variant_doc),*)), )*];

            /// The word as written in a spec.
            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )* }
            }

            /// The choice of a word.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $( $word => Some(Self::$variant), )* _ => None }
            }
        }

        impl From<$name> for $crate::value::Node {
            fn from(choice: $name) -> Self {
                choice.as_str().into()
            }
        }

        impl $crate::spec::decode::Decode for $crate::value::Traced<$name> {
            fn decode(node: &$crate::value::Node, cx: &mut $crate::spec::decode::Decoder<'_>) -> Option<Self> {
                let Some(word) = node.as_str() else {
                    cx.expected(node, concat!("one word (", $title, ")"));
                    return None;
                };
                let choice = $name::from_word(word);
                if choice.is_none() {
                    cx.not_a_choice(node, word, $title, $name::WORDS);
                }
                Some(Self::new(choice?, node.ids.clone()))
            }

            fn shape() -> $crate::spec::shape::Shape {
                $crate::spec::shape::Shape::Choice {
                    name: stringify!($name), doc: &[$($doc),*], words: $name::WORDS,
                }
            }

            fn origins(&self) -> $crate::value::Ids {
                self.ids.clone()
            }
        }
    };
}

pub(crate) use {choice, object};
