//! Reading and writing. What other readers say about the same texts is asked in `tests/yaml_oracles.rs`.

mod hostile;
mod loading;
mod positions;
mod reading;
mod writing;

use super::*;
use crate::diagnostic::{Diagnostic, Ledger};

/// A text that was read.
struct Read {
    sources: Sources,
    documents: Vec<Document>,
    report: Ledger,
}

fn read(text: &str) -> Read {
    read_limited(text, &Limits::default())
}

fn read_limited(text: &str, limits: &Limits) -> Read {
    let (mut sources, mut report) = (Sources::new(), Ledger::new());
    let (source, documents) = parse("t.yaml", text, 0, limits, &mut report);
    sources.push(source);
    Read {
        sources,
        documents,
        report,
    }
}

impl Read {
    /// The errors as `code line:column`.
    fn errors(&self) -> Vec<String> {
        self.report
            .diagnostics
            .iter()
            .map(|said| self.place(said))
            .collect()
    }

    fn place(&self, said: &Diagnostic) -> String {
        let id = said.at.expect("every error of reading has a place");
        let location = self.sources.location(id, said.at_key).expect("the place exists");
        format!("{} {}:{}", said.code.id, location.line, location.column)
    }

    /// The documents as compact JSON, which must be free of errors.
    fn json(&self) -> String {
        assert_eq!(self.errors(), Vec::<String>::new());
        let all: Vec<_> = self
            .documents
            .iter()
            .map(|document| json(&document.root))
            .collect();
        all.join(" ")
    }
}

/// Compact JSON of a tree, through `serde_json`.
fn json(node: &crate::value::Node) -> String {
    let mut text = String::new();
    emit::json(node, &mut text);
    serde_json::from_str::<serde_json::Value>(&text)
        .expect("our JSON is JSON")
        .to_string()
}

/// The JSON of a text without errors.
fn json_of(text: &str) -> String {
    read(text).json()
}
