//! Manifests with holes.
//!
//! A template is a YAML file that reads like the manifest it makes. It is read once, into a tree; filling it makes another
//! tree. Nothing is ever glued into text and read again: no value can break out of its place, and each keeps its origin.
//!
//! ```yaml
//! apiVersion: v1
//! kind: Service
//! metadata: "{{ metadata }}"              # any value, as it is: a mapping here
//! spec:
//!   clusterIP: "{{ clusterIP }}"          # left out, key and all, if there is none (or null)
//!   "{{ selectorKey }}": app-{{ name }}   # keys have holes too; a hole inside text makes a string
//!   ports:
//!   - $for: "{{ ports }}"                 # once for each element, by the name of $as
//!     $as: port
//!     $if: "{{ port.number > 0 }}"        # left out if false, null, none, zero or empty
//!     port: "{{ port.number }}"
//!   - {$if: "{{ debug }}", $value: "{{ debug.port }}"}    # $value: what is no mapping
//!   $merge: ["{{ extra }}", {$if: "{{ debug }}", a: 1, b: 2}]    # entries of mappings; later ones win
//! ```
//!
//! Holes must be quoted where YAML would take the brace for a mapping. Most name a variable and a path into it and are
//! looked up directly; everything else is a [minijinja](https://docs.rs/minijinja) expression (`a or b`, `x | length`, `y if
//! z else 0`) without loops, files or the world outside, with limited fuel. An unknown variable is an error. Keys that begin
//! with `$` and are meant as they are double it: `$$ref`.
//!
//! Origins: a value keeps its ids, a text has those of its holes, an expression those of every scalar that it read. What
//! decided that something is left out leaves its ids on the mapping or list that lacks it.

mod codes;
mod expression;
mod objects;
mod parse;
mod render;
mod set;
mod sole;
mod vars;

#[cfg(test)]
mod tests;

pub use codes::CODES;
pub use set::Templates;
pub use vars::{Var, Vars};

use crate::diagnostic::Diagnostic;
use crate::value::{Node, Str};
use std::fmt;

/// A template, ready to be filled.
#[derive(Debug)]
pub struct Template {
    name: Str,
    root: parse::Part,
    /// The variables that have one place, where they are moved to.
    sole: Vec<Str>,
}

impl Template {
    /// Reads a template. `name` is what errors call it.
    ///
    /// # Errors
    ///
    /// The first mistake in it: of YAML, of a directive or of an expression.
    pub fn parse(name: &str, text: &str) -> Result<Self, TemplateError> {
        let mut root = parse::parse(name, text)?;
        Ok(Self {
            name: name.into(),
            sole: sole::mark(&mut root),
            root,
        })
    }

    /// What errors call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Fills the template.
    ///
    /// # Errors
    ///
    /// An unknown variable, a value of the wrong kind (a list inside text), an expression that fails, or more output than
    /// any manifest has.
    pub fn render(&self, vars: Vars) -> Result<Node, TemplateError> {
        render::render(self, vars)
    }
}

/// What is wrong with a template, or with filling it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TemplateError {
    /// The name or path of the template.
    pub template: Str,
    /// Line, from 1; 0 if it is about the file as a whole.
    pub line: u32,
    /// Column in characters, from 1; 0 if it is about the file as a whole.
    pub column: u32,
    /// One sentence.
    pub message: String,
}

impl TemplateError {
    /// The error as an entry of the report.
    pub fn diagnostic(&self) -> Diagnostic {
        Diagnostic::new(&codes::TEMPLATE, self.to_string())
            .reason("the templates decide what is printed, so nothing is printed")
            .remedy("correct the template, or leave out --templates to use the built-in one")
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "template {}: {}", self.template, self.message),
            line => write!(
                f,
                "template {}:{line}:{}: {}",
                self.template, self.column, self.message
            ),
        }
    }
}

impl std::error::Error for TemplateError {}
