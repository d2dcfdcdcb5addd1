//! Where a node stands: line and column for people, JSON Pointer for programs.

use super::{Origin, Source, Sources, Span, Step};
use crate::value::{Id, Str};

/// A place in a text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Position {
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
}

/// Where a node stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Location {
    /// The name of its file.
    pub file: Str,
    /// The line of its first character, from 1.
    pub line: u32,
    /// The column of its first character, from 1, in characters.
    pub column: u32,
    /// The line of the end.
    pub end_line: u32,
    /// The column behind its last character.
    pub end_column: u32,
    /// RFC 6901 JSON Pointer from the root of its document.
    pub pointer: Str,
    /// The number of its document in the file, from 0, empty ones not counted.
    pub document: u32,
}

/// The first byte of each line; LF, CRLF and CR end one.
pub(crate) fn line_starts(text: &str) -> Vec<u32> {
    let bytes = text.as_bytes();
    let ends_line =
        |at: usize| bytes[at] == b'\n' || (bytes[at] == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
    let starts = (0..bytes.len())
        .filter(|&at| ends_line(at))
        .map(|at| at as u32 + 1);
    std::iter::once(0).chain(starts).collect()
}

impl Source {
    /// The place of a byte; one past the end is a place too. A byte order mark does not count as a column.
    pub fn position(&self, byte: u32) -> Position {
        let line = self.lines.partition_point(|&start| start <= byte).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or(0) as usize;
        let before = self.text.as_bytes().get(start..byte as usize).unwrap_or_default();
        let before = before.strip_prefix("\u{feff}".as_bytes()).unwrap_or(before);
        // Every character has one byte that is no continuation byte.
        let characters = before.iter().filter(|b| (**b & 0xc0) != 0x80).count();
        Position {
            line: line as u32,
            column: characters as u32 + 1,
        }
    }

    /// The text of a span; empty if the span is not one of this text.
    pub fn slice(&self, span: Span) -> &str {
        self.text
            .get(span.start as usize..span.end as usize)
            .unwrap_or_default()
    }

    /// The entries from a node up to the root of its document.
    fn ancestry(&self, node: u32) -> impl Iterator<Item = &Origin> {
        let mut next = self.origins.get(node as usize);
        std::iter::from_fn(move || {
            let origin = next?;
            next = origin.parent.and_then(|parent| self.origins.get(parent as usize));
            Some(origin)
        })
    }

    /// RFC 6901 JSON Pointer of a node from the root of its document.
    pub fn pointer(&self, node: u32) -> String {
        let mut steps: Vec<String> = self
            .ancestry(node)
            .filter(|origin| !matches!(origin.step, Step::Document(_)))
            .map(|origin| pointer_step(&origin.step))
            .collect();
        steps.push(String::new());
        steps.reverse();
        steps.join("/")
    }

    /// The number of a node's document.
    pub fn document(&self, node: u32) -> u32 {
        let number = |origin: &Origin| match origin.step {
            Step::Document(n) => Some(n),
            Step::Key(_) | Step::Index(_) => None,
        };
        self.ancestry(node).find_map(number).unwrap_or(0)
    }
}

impl Sources {
    /// Where a node stands, or its key if `key` is set and it has one.
    pub fn location(&self, id: Id, key: bool) -> Option<Location> {
        let (source, origin) = (self.file(id)?, self.origin(id)?);
        let span = if key {
            origin.key.unwrap_or(origin.span)
        } else {
            origin.span
        };
        let (start, end) = (source.position(span.start), source.position(span.end));
        Some(Location {
            file: source.name.clone(),
            line: start.line,
            column: start.column,
            end_line: end.line,
            end_column: end.column,
            pointer: source.pointer(id.node()).into(),
            document: source.document(id.node()),
        })
    }

    /// RFC 6901 JSON Pointer of a node from the root of its document; empty for the root and for unknown ids.
    pub fn pointer(&self, id: Id) -> String {
        self.file(id)
            .map(|source| source.pointer(id.node()))
            .unwrap_or_default()
    }

    /// The node's own text in the file, as written.
    pub fn text_of(&self, id: Id) -> Option<&str> {
        Some(self.file(id)?.slice(self.origin(id)?.span))
    }

    /// The key that the node is the value of.
    pub fn key_name(&self, id: Id) -> Option<&Str> {
        match &self.origin(id)?.step {
            Step::Key(key) => Some(key),
            Step::Document(_) | Step::Index(_) => None,
        }
    }

    /// The values that a file holds and that must arrive somewhere: scalars, empty lists and empty mappings of its
    /// documents, in order.
    pub fn leaves(&self, file: u32) -> impl Iterator<Item = Id> + '_ {
        let origins = self
            .files
            .get(file as usize)
            .map(|source| source.origins.as_slice())
            .unwrap_or_default();
        origins
            .iter()
            .enumerate()
            .filter(|(_, origin)| origin.leaf)
            .map(move |(node, _)| Id::new(file, node as u32))
    }
}

/// A key as a step of a JSON Pointer (RFC 6901).
pub fn escape(key: &str) -> String {
    if key.contains(['~', '/']) {
        key.replace('~', "~0").replace('/', "~1")
    } else {
        key.to_owned()
    }
}

/// A step of a JSON Pointer as a key: the inverse of [`escape`].
pub fn unescape(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

/// One reference token of a JSON Pointer, `~` and `/` escaped, without the slash before it. Empty for a document.
pub fn pointer_step(step: &Step) -> String {
    match step {
        Step::Document(_) => String::new(),
        Step::Key(key) => escape(key),
        Step::Index(index) => index.to_string(),
    }
}
