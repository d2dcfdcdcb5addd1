//! Text to documents.
//!
//! [`granit_parser`] makes events of the text; [`Builder`] makes nodes with ids and origins of the events. A document
//! with errors is dropped (a duplicate key aside, whose first value stands), and reading goes on with the next one.

mod alias;
mod anchor;
mod builder;
mod events;
mod frame;
mod mapping;
mod problem;
mod scalars;
mod text;

use super::codes::NOT_ONE_VALUE;
use super::{Document, Origin, Source, Span, Step};
use crate::diagnostic::{Diagnostic, Ledger};
use crate::value::{Id, Node, Str, Value};
use builder::Builder;

/// What one file may cost, however it is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Lists and mappings inside each other, aliases expanded.
    pub depth: usize,
    /// Values in one file, aliases expanded.
    pub nodes: usize,
    /// Values that the anchors and aliases of one file may stand for.
    pub alias_nodes: usize,
    /// Bytes of strings that they may stand for.
    pub alias_bytes: usize,
    /// Bytes of one file; never more than 4 GiB.
    pub file_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 100,
            nodes: 1_000_000,
            alias_nodes: 100_000,
            alias_bytes: 16 << 20,
            file_bytes: 64 << 20,
        }
    }
}

/// Reads all documents of a text as file number `file`. Every problem goes to `report`; documents with errors are left out.
/// Documents that are empty or null are skipped, as kubectl does.
pub fn parse(
    name: &str,
    text: &str,
    file: u32,
    limits: &Limits,
    report: &mut Ledger,
) -> (Source, Vec<Document>) {
    if !text::fits(name, text.len(), limits, report) {
        return (Source::new(name, "", Vec::new()), Vec::new());
    }
    let mut builder = Builder::new(text, file, limits, report);
    if builder.printable() {
        builder.read();
    }
    let (origins, documents) = builder.finish();
    (Source::new(name, text, origins), documents)
}

/// [`parse`] for bytes that may not be UTF-8, which is an error at the first byte that is not.
pub fn parse_bytes(
    name: &str,
    bytes: &[u8],
    file: u32,
    limits: &Limits,
    report: &mut Ledger,
) -> (Source, Vec<Document>) {
    if !text::fits(name, bytes.len(), limits, report) {
        return (Source::new(name, "", Vec::new()), Vec::new());
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => parse(name, text, file, limits, report),
        Err(error) => {
            // What precedes the bad byte keeps its offsets in the lossy copy.
            let text = String::from_utf8_lossy(bytes);
            let mut builder = Builder::new(&text, file, limits, report);
            builder.not_utf8(error.valid_up_to(), bytes);
            let (origins, _) = builder.finish();
            (Source::new(name, &text, origins), Vec::new())
        }
    }
}

/// Reads one YAML value, a scalar or a list or mapping in brackets, as file number `file`: the right side of `--set`.
/// Empty text is null.
pub fn parse_value(
    name: &str,
    text: &str,
    file: u32,
    limits: &Limits,
    report: &mut Ledger,
) -> (Source, Option<Node>) {
    let before = report.diagnostics.len();
    let (mut source, mut documents) = parse(name, text, file, limits, report);
    let clean = report.diagnostics.len() == before;
    let comments = documents.iter().any(|document| !document.comments.is_empty());
    let value = match documents.pop() {
        _ if !clean => return (source, None),
        None => {
            source.origins = vec![Origin::root(
                0,
                Span {
                    start: 0,
                    end: text.len() as u32,
                },
            )];
            Some(Node::new(Value::Null, Id::new(file, 0)))
        }
        Some(document) => {
            (documents.is_empty() && !comments && !is_block(&document.root, &source)).then_some(document.root)
        }
    };
    if value.is_none() {
        report.report(
            Diagnostic::new(&NOT_ONE_VALUE, format!("`{text}` is not one value"))
                .at(Id::new(file, 0))
                .remedy(format!("quote it, as in '\"{text}\"', if it is meant as text; write lists and mappings as [a, b] and {{a: 1}}")),
        );
    }
    (source, value)
}

/// Whether a list or mapping is written without brackets.
fn is_block(node: &Node, source: &Source) -> bool {
    let collection = matches!(node.value, Value::Seq(_) | Value::Map(_));
    let span = node
        .ids
        .first()
        .and_then(|id| source.origins.get(id.node() as usize))
        .map(|origin| origin.span);
    collection && !span.is_some_and(|span| source.slice(span).starts_with(['[', '{']))
}

impl Source {
    /// A text with its line index and the nodes found in it.
    pub(crate) fn new(name: &str, text: &str, origins: Vec<Origin>) -> Self {
        Self {
            name: Str::from(name),
            text: text.into(),
            lines: super::position::line_starts(text),
            origins,
        }
    }
}

impl Origin {
    /// The root of document number `document`, which is a scalar until more is known.
    fn root(document: u32, span: Span) -> Self {
        Self {
            parent: None,
            step: Step::Document(document),
            span,
            key: None,
            leaf: true,
        }
    }
}
