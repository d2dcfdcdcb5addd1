//! Nodes from YAML, for tests.

use crate::diagnostic::Ledger;
use crate::source::{Limits, parse};
use crate::value::Node;

/// A node from YAML.
pub(super) fn yaml(text: &str) -> Node {
    let mut ledger = Ledger::new();
    let (_, mut documents) = parse("test", text, 0, &Limits::default(), &mut ledger);
    match documents.pop() {
        Some(document) if !ledger.has_errors() => document.root,
        _ => panic!("bad test input {text}: {:?}", ledger.diagnostics),
    }
}
