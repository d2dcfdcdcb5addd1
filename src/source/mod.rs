//! Text in, text out: YAML with positions and identities, and emission that every reader understands alike.
//!
//! Reading follows Kubernetes' own reader (sigs.k8s.io/yaml over go-yaml 1.1 scalars) wherever that one is defined, and is
//! stricter where it is careless: duplicate keys are errors, aliases and depth have budgets. Each node of each document
//! gets an [`Id`]; [`Sources`] answers where an id stands: file, line, column, JSON Pointer.

mod load;
mod parse;
mod position;
mod scalar;

pub mod codes;
pub mod emit;

pub use load::{Input, load, load_inputs, manifests};
pub use parse::{Limits, parse, parse_bytes, parse_value};
pub use position::{Location, Position, escape, pointer_step, unescape};
pub use scalar::surprising;
pub(crate) use scalar::{go_shortest, key_text};

use crate::value::{Id, Node, Str};
use std::sync::Arc;

/// A range of bytes of a file.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// How a node is reached from its parent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// The node is the root of document number `n` of its file.
    Document(u32),
    /// The value of a key.
    Key(Str),
    /// An element of a list.
    Index(u32),
}

/// Where one node stands: the entry of an [`Id`] in its [`Source`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The node above, absent for the root of a document. An entry that is no node but a place has [`Step::Document`]
    /// below the node that it stands in.
    pub parent: Option<u32>,
    /// The way from there.
    pub step: Step,
    /// The node's own text. For an alias, the text of its anchor.
    pub span: Span,
    /// The text of its key, if it is the value of one. For an alias, the alias itself stands here instead.
    pub key: Option<Span>,
    /// Whether it is a value that must arrive somewhere: it has no nodes below it (empty lists and mappings are leaves), and
    /// neither YAML itself (a merge that is overridden) nor the wrapper of a `v1 List` makes it meaningless. Entries made
    /// only so that an error has a place to point to are no leaves.
    pub leaf: bool,
}

/// A comment, kept for tools that carry them along.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Comment {
    /// First byte, at the `#`.
    pub at: u32,
    /// The text after `#`, as written.
    pub text: Str,
}

/// One document of a file.
#[derive(Clone, PartialEq, Debug)]
pub struct Document {
    /// Its root.
    pub root: Node,
    /// The id of its root.
    pub id: Id,
    /// Its comments in order.
    pub comments: Vec<Comment>,
}

/// A file that was read, with the identity of each node in it.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// What messages call it: the path as given, `<stdin>`, or the command-line option that held the text.
    pub name: Str,
    /// The text.
    pub text: Arc<str>,
    /// First byte of each line.
    pub lines: Vec<u32>,
    /// Each node, in document order; the index is [`Id::node`].
    pub origins: Vec<Origin>,
}

/// All files of one run. The index of a file is [`Id::file`].
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<Arc<Source>>,
}

impl Sources {
    /// No files.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number that the next added file gets.
    pub fn next_file(&self) -> u32 {
        self.files.len() as u32
    }

    /// Adds a file that was parsed under [`Sources::next_file`].
    pub fn push(&mut self, source: Source) {
        self.files.push(Arc::new(source));
    }

    /// The file of an id.
    pub fn file(&self, id: Id) -> Option<&Source> {
        self.files.get(id.file() as usize).map(AsRef::as_ref)
    }

    /// All files in order.
    pub fn files(&self) -> &[Arc<Source>] {
        &self.files
    }

    /// Whether a node is `above` or below it.
    pub fn is_within(&self, id: Id, above: Id) -> bool {
        let up = |at: &Id| {
            let parent = self.origin(*at)?.parent?;
            Some(Id::new(at.file(), parent))
        };
        id.file() == above.file() && std::iter::successors(Some(id), up).any(|at| at == above)
    }

    /// The entry of an id.
    pub fn origin(&self, id: Id) -> Option<&Origin> {
        self.file(id)?.origins.get(id.node() as usize)
    }
}

#[cfg(test)]
mod tests;
