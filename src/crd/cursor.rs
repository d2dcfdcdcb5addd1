//! Where in an object a check is.

use super::codes;
use crate::diagnostic::{Code, Diagnostic, Ledger};
use crate::value::{Id, Node};
use std::fmt::Write as _;

/// A place in an object: its path as `kubectl` writes it, and the nearest place of the input.
#[derive(Debug)]
pub struct Cursor<'a> {
    path: String,
    near: Option<Id>,
    ledger: &'a mut Ledger,
}

/// A way down.
#[derive(Clone, Copy, Debug)]
pub enum Step<'s> {
    /// To a field of an object.
    Field(&'s str),
    /// To the value of a key of a map.
    Key(&'s str),
    /// To an element of a list.
    Index(usize),
}

impl<'a> Cursor<'a> {
    /// The root of an object.
    pub fn new(object: &Node, ledger: &'a mut Ledger) -> Self {
        Self {
            path: String::new(),
            near: object.ids.first(),
            ledger,
        }
    }

    /// Does something one step below, where `at` stands.
    pub fn below<R>(&mut self, step: Step<'_>, at: Option<Id>, work: impl FnOnce(&mut Self) -> R) -> R {
        let (length, near) = (self.path.len(), self.near);
        match step {
            Step::Field(name) if self.path.is_empty() => self.path.push_str(name),
            Step::Field(name) => {
                self.path.push('.');
                self.path.push_str(name);
            }
            Step::Key(key) => drop(write!(self.path, "[{key}]")),
            Step::Index(n) => drop(write!(self.path, "[{n}]")),
        }
        self.near = at.or(near);
        let result = work(self);
        self.path.truncate(length);
        self.near = near;
        result
    }

    /// The path, for messages.
    pub fn path(&self) -> &str {
        if self.path.is_empty() {
            "the object"
        } else {
            &self.path
        }
    }

    /// Reports something about the value here: `what` follows the path.
    pub fn report(&mut self, code: &'static Code, what: &str) {
        let said = self.diagnostic(code, what);
        self.ledger.report(said);
    }

    /// Reports the value here for not fitting its schema.
    pub fn misfit(&mut self, what: &str) {
        self.report(&codes::MISFIT, what);
    }

    /// What [`Cursor::report`] would report, to add to.
    pub fn diagnostic(&self, code: &'static Code, what: &str) -> Diagnostic {
        Diagnostic::new(code, format!("`{}` {what}", self.path())).at(self.near)
    }

    /// Reports what [`Cursor::diagnostic`] made.
    pub fn say(&mut self, diagnostic: Diagnostic) {
        self.ledger.report(diagnostic);
    }

    /// How much was reported so far.
    pub fn count(&self) -> usize {
        self.ledger.diagnostics.len()
    }
}
