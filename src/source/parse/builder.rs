//! What is known in the middle of a file. The open lists and mappings are kept on a stack of its own, so depth costs no
//! call stack.

use super::Limits;
use super::anchor::Anchor;
use super::frame::{Content, Frame};
use crate::diagnostic::{Diagnostic, Ledger};
use crate::source::codes::{KEY_TYPE, TOO_MANY_NODES};
use crate::source::{Comment, Document, Origin, Span, Step};
use crate::value::{Id, Node};
use std::collections::HashMap;

/// The rest of the document cannot be read.
pub(super) struct Stop;

/// Makes nodes, ids and origins of the events of one file.
pub(super) struct Builder<'t> {
    pub(super) text: &'t str,
    pub(super) limits: &'t Limits,
    pub(super) ledger: &'t mut Ledger,
    pub(super) file: u32,
    pub(super) origins: Vec<Origin>,
    pub(super) stack: Vec<Frame>,
    /// By the parser's number; `None` while the anchored value is still open.
    pub(super) anchors: HashMap<usize, Option<Anchor>>,
    pub(super) alias_nodes: usize,
    pub(super) alias_bytes: usize,
    pub(super) root: Option<Node>,
    pub(super) comments: Vec<Comment>,
    pub(super) comment_count: usize,
    pub(super) documents: Vec<Document>,
    /// The number of the current document.
    pub(super) document: u32,
    /// Whether the current document is unusable.
    pub(super) broken: bool,
    pub(super) errors: usize,
}

impl<'t> Builder<'t> {
    pub(super) fn new(text: &'t str, file: u32, limits: &'t Limits, ledger: &'t mut Ledger) -> Self {
        Self {
            text,
            limits,
            ledger,
            file,
            origins: Vec::new(),
            stack: Vec::new(),
            anchors: HashMap::new(),
            alias_nodes: limits.alias_nodes,
            alias_bytes: limits.alias_bytes,
            root: None,
            comments: Vec::new(),
            comment_count: 0,
            documents: Vec::new(),
            document: 0,
            broken: false,
            errors: 0,
        }
    }

    pub(super) fn finish(mut self) -> (Vec<Origin>, Vec<Document>) {
        if let Some(last) = self.documents.last_mut() {
            last.comments.append(&mut self.comments);
        }
        (self.origins, self.documents)
    }

    /// Refuses one more of what there are `count` of.
    pub(super) fn count(&mut self, count: usize, what: &str, span: Span) -> Result<(), Stop> {
        if count < self.limits.nodes {
            return Ok(());
        }
        let message = format!("the file holds more than {} {what}", self.limits.nodes);
        let said = self
            .problem(&TOO_MANY_NODES, span, message)
            .remedy("split the file");
        self.fatal(said)
    }

    /// Adds an entry.
    pub(super) fn push(&mut self, origin: Origin) -> Id {
        let id = Id::new(self.file, self.origins.len() as u32);
        self.origins.push(origin);
        id
    }

    /// Adds the entry of a value that starts here, as a leaf.
    pub(super) fn enter(&mut self, span: Span) -> Result<Id, Stop> {
        if self.origins.len() >= self.limits.nodes {
            let message = format!("the file holds more than {} values", self.limits.nodes);
            let said = self
                .problem(&TOO_MANY_NODES, span, message)
                .remedy("split the file");
            return self.fatal(said);
        }
        let origin = match self.stack.last() {
            None => Origin::root(self.document, span),
            Some(Frame {
                id,
                content: Content::List(items),
                ..
            }) => Origin {
                parent: Some(*id),
                step: Step::Index(items.len() as u32),
                span,
                key: None,
                leaf: true,
            },
            Some(Frame {
                id,
                content: Content::Mapping(entries),
                ..
            }) => {
                let (name, key) = entries.key_of_value();
                Origin {
                    parent: Some(*id),
                    step: Step::Key(name),
                    span,
                    key,
                    leaf: true,
                }
            }
        };
        Ok(self.push(origin))
    }

    /// Whether the next node is a key.
    pub(super) fn expects_key(&self) -> bool {
        matches!(self.stack.last(), Some(Frame { content: Content::Mapping(entries), .. }) if entries.expects_key())
    }

    /// An error about a key that is no string.
    pub(super) fn key_type(&mut self, span: Span, found: &str) -> Diagnostic {
        self.problem(
            &KEY_TYPE,
            span,
            format!("keys are strings, but this one is {found}"),
        )
        .remedy("quote it if it is meant as text")
    }

    /// Puts a finished value where it belongs.
    pub(super) fn place(&mut self, node: Node, end: u32) -> Result<(), Stop> {
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        frame.end = frame.end.max(end);
        match &mut frame.content {
            Content::List(items) => {
                items.push(node);
                Ok(())
            }
            Content::Mapping(_) => self.place_entry(node),
        }
    }

    /// Takes the leaves of a value out of the account: YAML itself says that it has no effect.
    pub(super) fn retire(&mut self, node: &Node) {
        let origins = &mut self.origins;
        node.walk(&mut |node| {
            if let Some(origin) = node
                .ids
                .first()
                .and_then(|id| origins.get_mut(id.node() as usize))
            {
                origin.leaf = false;
            }
        });
    }
}
