//! Checks of pod templates: what the API server refuses, and what it would drop in silence.
//!
//! The walk over the table ([`podspec`](super::podspec)) finds unknown fields, wrong types and missing fields. `table` holds what
//! Kubernetes checks of single fields beyond types, `rules`, `container` and `schedule` of objects, `pod` what the parts of a
//! pod must agree on.

mod container;
mod pod;
mod report;
mod rules;
mod scalar;
mod schedule;
mod table;

use super::codes::{NOT_ALLOWED, REQUIRED, UNKNOWN_FIELD, WRONG_TYPE};
use super::podspec::{Kind, Object, Type};
use crate::diagnostic::{Diagnostic, Ledger, closest};
use crate::value::{Node, Value};

/// What is checked, and how strictly.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Options {
    /// The node is an overlay: a part that will be merged with the rest. Nothing is required, volumes and claims may be
    /// elsewhere, and directives of strategic merge are allowed.
    pub overlay: bool,
    /// Containers need no image yet, the compiler will fill it in.
    pub image_later: bool,
}

/// Checks a whole pod template, as it will be given to the API server.
pub fn pod_template(node: &Node, ledger: &mut Ledger) {
    check(node, Type::PodTemplateSpec, Options::default(), ledger);
}

/// Checks a part of a pod template that will be laid over the rest by strategic merge.
pub fn overlay(node: &Node, ty: Type, ledger: &mut Ledger) {
    check(
        node,
        ty,
        Options {
            overlay: true,
            image_later: true,
        },
        ledger,
    );
}

/// Checks an object of a pod template. What is said points to the nodes by their ids; nodes without ids are named by their
/// path in the message.
pub fn check(node: &Node, ty: Type, options: Options, ledger: &mut Ledger) {
    if let Some(object) = ty.object() {
        Checker {
            options,
            ledger,
            path: Vec::new(),
        }
        .object(node, object);
    }
}

struct Checker<'l> {
    options: Options,
    ledger: &'l mut Ledger,
    /// The way from the root, for messages about nodes that have no place in the input.
    path: Vec<String>,
}

impl Checker<'_> {
    fn object(&mut self, node: &Node, object: &'static Object) {
        let Some(fields) = node.as_map() else {
            return self.wrong_type(node, "a mapping");
        };
        for (key, value) in fields {
            if self.options.overlay && key.starts_with('$') {
                continue;
            }
            match object.field(key) {
                None => self.unknown(key, value, object),
                Some(_) if value.is_null() => {}
                Some(field) => self.within(key, |checker| checker.value(value, &field.kind, field.required)),
            }
        }
        if !self.options.overlay {
            for field in object.fields.iter().filter(|f| f.required) {
                // An empty text or list is the same as none, except for the values of headers and sysctls.
                let absent = fields.get(field.name).is_none_or(Node::is_null);
                if absent || (field.name != "value" && rules::is_missing(node, field.name)) {
                    self.missing(node, field.name, object.name);
                }
            }
        }
        self.rules(node, object);
    }

    fn within(&mut self, step: &str, f: impl FnOnce(&mut Self)) {
        self.path.push(step.to_owned());
        f(self);
        self.path.pop();
    }

    fn value(&mut self, node: &Node, kind: &'static Kind, required: bool) {
        match kind {
            Kind::Object(id) => {
                if let Some(object) = id.get() {
                    self.object(node, object);
                }
            }
            Kind::List(element) => match node.as_seq() {
                Some(list) => {
                    // A null in a list is an empty value.
                    for (at, item) in list.iter().enumerate().filter(|(_, item)| !item.is_null()) {
                        self.within(&at.to_string(), |checker| checker.value(item, element, true));
                    }
                }
                None => self.wrong_type(node, "a list"),
            },
            Kind::Map(element) => match node.as_map() {
                Some(map) => {
                    for (key, item) in map {
                        self.within(key, |checker| checker.value(item, element, false));
                    }
                }
                None => self.wrong_type(node, "a mapping"),
            },
            Kind::Enum(words) => self.word(node, words, required),
            Kind::Str | Kind::Time => self.string(node),
            Kind::Int if !matches!(node.value, Value::Int(_) | Value::UInt(_)) => {
                self.wrong_type(node, "a whole number")
            }
            Kind::Bool if node.as_bool().is_none() => self.wrong_type(node, "true or false"),
            Kind::Int | Kind::Bool => {}
            Kind::Quantity => self.quantity(node),
            Kind::IntOrString if matches!(node.value, Value::Int(_) | Value::Str(_) | Value::Text(_)) => {}
            Kind::IntOrString => self.wrong_type(node, "a whole number or a string"),
        }
    }

    fn word(&mut self, node: &Node, words: &[&'static str], required: bool) {
        let Value::Str(word) = &node.value else {
            return self.string(node);
        };
        // An empty word is the same as none.
        if words.contains(&word.as_str()) || (word.is_empty() && !required) {
            return;
        }
        let mut said = Diagnostic::new(
            &NOT_ALLOWED,
            format!("`{word}` is not one of {}", words.join(", ")),
        );
        if let Some(meant) = closest(word, words.iter().copied()) {
            said = said.remedy(format!("did you mean `{meant}`?")).replacement(meant);
        }
        self.at(node, said);
    }

    fn unknown(&mut self, key: &str, value: &Node, object: &'static Object) {
        let mut said = Diagnostic::new(&UNKNOWN_FIELD, format!("{} has no field `{key}`", object.name));
        said = said.at_key(value.ids.first());
        if let Some(meant) = closest(key, object.names()) {
            said = said.remedy(format!("did you mean `{meant}`?")).replacement(meant);
        } else if let Some(owner) = self.owner(key, object) {
            said = said.remedy(format!("`{key}` is a field of {owner}"));
        }
        self.at(value, said);
    }

    /// Another object that has a field of this name.
    fn owner(&self, key: &str, object: &Object) -> Option<&'static str> {
        let others = [
            Type::PodSpec,
            Type::Container,
            Type::ObjectMeta,
            Type::PodTemplateSpec,
        ];
        let others = others
            .iter()
            .filter_map(|ty| ty.object())
            .filter(|o| o.name != object.name);
        others
            .into_iter()
            .find(|o| o.field(key).is_some())
            .map(|o| o.name)
    }

    fn missing(&mut self, node: &Node, field: &str, object: &str) {
        let said = Diagnostic::new(&REQUIRED, format!("{object} needs `{field}`"));
        self.at(node, said);
    }

    fn wrong_type(&mut self, node: &Node, expected: &str) {
        let said = Diagnostic::new(
            &WRONG_TYPE,
            format!("expected {expected}, found {}", scalar::what(node)),
        );
        self.at(node, said);
    }
}

#[cfg(test)]
mod judged;
#[cfg(test)]
mod tests;
