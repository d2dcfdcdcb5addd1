//! What becomes of an object when the API server stores it, and where in the object that was.

use crate::diagnostic::Code;
use crate::pods::Problem;
use crate::value::{Ids, Node, Value};

/// What became of an object by its schema.
#[derive(Debug)]
pub struct Settled {
    /// What the API server refuses.
    pub problems: Vec<Problem>,
    /// The fields that it drops in silence, each with its path.
    pub dropped: Vec<(String, Ids)>,
    path: Vec<String>,
    code: &'static Code,
}

impl Settled {
    /// Nothing yet. `code` is that of what the schema refuses.
    pub const fn new(code: &'static Code) -> Self {
        Self {
            problems: Vec::new(),
            dropped: Vec::new(),
            path: Vec::new(),
            code,
        }
    }

    /// The code of what the schema refuses.
    pub const fn code(&self) -> &'static Code {
        self.code
    }

    /// The path of the place that is looked at.
    pub fn path(&self) -> String {
        self.path.concat().trim_start_matches('.').to_owned()
    }

    /// Reports something about the place that is looked at.
    pub fn say(&mut self, reason: impl std::fmt::Display, ids: &Ids) {
        let path = self.path();
        self.problems
            .push(Problem::new(self.code, format!("`{path}`: {reason}"), ids));
    }

    /// Notes a field that is dropped.
    pub fn drop(&mut self, key: &str, ids: &Ids) {
        let path = format!("{}.{key}", self.path.concat());
        self.dropped
            .push((path.trim_start_matches('.').to_owned(), ids.clone()));
    }

    /// Looks at something below the current place.
    pub fn within(&mut self, step: String, look: impl FnOnce(&mut Self)) {
        self.path.push(step);
        look(self);
        self.path.pop();
    }

    /// Says that a value is of another type.
    pub fn mistyped(&mut self, node: &Node, wanted: &str) {
        self.say(format!("must be {wanted}, not {}", type_name(node)), &node.ids);
    }
}

fn type_name(node: &Node) -> &'static str {
    match &node.value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Int(_) | Value::UInt(_) | Value::Float(_) => "a number",
        Value::Str(_) | Value::Text(_) => "a string",
        Value::Seq(_) => "a list",
        Value::Map(_) => "a mapping",
    }
}
