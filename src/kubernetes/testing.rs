//! What the tests of this module share.

use crate::diagnostic::Ledger;
use crate::source::{Limits, parse};
use crate::value::Node;

/// A node from YAML, with ids of file 0.
pub(crate) fn yaml(text: &str) -> Node {
    yaml_file(text, 0)
}

/// A node from YAML, with ids of the given file.
pub(crate) fn yaml_file(text: &str, file: u32) -> Node {
    let mut ledger = Ledger::new();
    let (_, mut documents) = parse("test", text, file, &Limits::default(), &mut ledger);
    match documents.pop() {
        Some(document) if !ledger.has_errors() => document.root,
        _ => panic!("bad test input {text}: {:?}", ledger.diagnostics),
    }
}
