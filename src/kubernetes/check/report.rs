//! How the checks speak.

use super::Checker;
use crate::diagnostic::{Code, Diagnostic};
use crate::value::Node;

impl Checker<'_> {
    /// Reports something about a node, once: the same overlay may be part of several templates.
    pub(super) fn at(&mut self, node: &Node, mut said: Diagnostic) {
        match node.ids.first() {
            Some(id) => said.at = said.at.or(Some(id)),
            None if self.path.is_empty() => {}
            None => said.message = format!("{}: {}", self.path.join("."), said.message),
        }
        let known = |d: &Diagnostic| d.code == said.code && d.at == said.at && d.message == said.message;
        if !self.ledger.diagnostics.iter().any(known) {
            self.ledger.report(said);
        }
    }

    /// Reports a plain sentence about a node.
    pub(super) fn say(&mut self, node: &Node, code: &'static Code, message: impl Into<String>) {
        self.at(node, Diagnostic::new(code, message));
    }
}
