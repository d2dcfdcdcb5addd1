//! What findings are made from: the documents, and the secrets in them.

use super::mask::Masker;
use super::place::ObjectRef;
use crate::source::{Document, Origin, Sources, Step, escape};
use crate::value::{Id, Node, Value};
use std::collections::HashMap;
use std::ops::Range;

/// What findings are made from: the files, their documents, and the secrets in them. Made once per run, when there is
/// anything to report.
#[derive(Debug)]
pub struct Context<'a> {
    pub(super) sources: &'a Sources,
    pub(super) documents: &'a [Document],
    /// The masked roots of the documents.
    masked: Vec<Node>,
    /// Document by the id of its root.
    by_root: HashMap<Id, usize>,
    /// By file, the byte ranges of secret values and their tags; for files without documents nothing is known.
    hidden: HashMap<u32, Vec<(Range<usize>, String)>>,
    pub(super) masker: Masker,
}

impl<'a> Context<'a> {
    /// Reads the documents for secrets. A file none of whose documents is given counts as one that could not be read,
    /// and is masked by its looks alone.
    pub fn new(sources: &'a Sources, documents: &'a [Document]) -> Self {
        let mut masker = Masker::default();
        let mut hidden: HashMap<u32, Vec<_>> = HashMap::new();
        let masked: Vec<Node> = documents.iter().map(|d| masker.learn(&d.root)).collect();
        for (document, copy) in documents.iter().zip(&masked) {
            let ranges = hidden.entry(document.id.file()).or_default();
            hide(&document.root, copy, sources, ranges);
        }
        hidden
            .values_mut()
            .for_each(|ranges| ranges.sort_by_key(|(r, _)| (r.start, r.end)));
        let by_root = documents.iter().enumerate().map(|(n, d)| (d.id, n)).collect();
        Self {
            sources,
            documents,
            masked,
            by_root,
            hidden,
            masker,
        }
    }

    /// What keeps the secrets of these documents out of other texts.
    pub fn masker(&self) -> &Masker {
        &self.masker
    }

    /// The secret ranges of a file; nothing if it has no documents.
    pub(super) fn hidden(&self, file: u32) -> Option<&[(Range<usize>, String)]> {
        self.hidden.get(&file).map(Vec::as_slice)
    }

    /// The document that a node or place belongs to, if it is one of those given.
    pub(super) fn document_of(&self, id: Id) -> Option<&Document> {
        let mut at = id;
        loop {
            if let Some(document) = self.by_root.get(&at) {
                return self.documents.get(*document);
            }
            let parent = self
                .sources
                .origin(at)?
                .parent
                .filter(|parent| *parent < at.node())?;
            at = Id::new(id.file(), parent);
        }
    }

    /// The object, pointer and (masked) value of a node.
    pub(super) fn locate(&self, id: Id) -> (Option<ObjectRef>, String, Option<&Node>) {
        let mut steps: Vec<&Step> = Vec::new();
        let (mut at, mut root) = (Some(id.node()), None);
        while let Some(Origin { parent, step, .. }) =
            at.and_then(|n| self.sources.origin(Id::new(id.file(), n)))
        {
            let here = at.map(|n| Id::new(id.file(), n));
            root = here.and_then(|here| self.by_root.get(&here));
            if root.is_some() || parent.is_none() {
                break;
            }
            steps.push(step);
            // Parents come before their children, so this ends.
            at = parent.filter(|parent| Some(*parent) < at);
        }
        steps.reverse();
        let Some(root) = root else {
            return (None, pointer(&steps), None);
        };
        let (original, mut masked) = (&self.documents[*root].root, self.masked.get(*root));
        let mut object = ObjectRef::of(original);
        let mut below = 0;
        for (n, step) in steps.iter().enumerate() {
            masked = masked.and_then(|node| child(node, step));
            let item = n == 1 && matches!((steps[0], step), (Step::Key(k), Step::Index(_)) if k == "items");
            if let Some(inner) = masked.filter(|_| item).and_then(ObjectRef::of) {
                (object, below) = (Some(inner), n + 1);
            }
        }
        (object, pointer(&steps[below..]), masked)
    }
}

/// Gathers the ranges of secret scalars of a document.
fn hide(node: &Node, copy: &Node, sources: &Sources, out: &mut Vec<(Range<usize>, String)>) {
    match (&node.value, &copy.value) {
        (Value::Map(a), Value::Map(b)) => {
            a.iter()
                .zip(b.iter())
                .for_each(|((_, a), (_, b))| hide(a, b, sources, out));
        }
        (Value::Seq(a), Value::Seq(b)) => a.iter().zip(b.iter()).for_each(|(a, b)| hide(a, b, sources, out)),
        (a, Value::Str(mask)) if a != &copy.value && mask.starts_with("<secret:") && mask.len() == 15 => {
            let spans = node.ids.iter().filter_map(|id| sources.origin(id));
            out.extend(spans.map(|o| (o.span.start as usize..o.span.end as usize, mask.to_string())));
        }
        _ => {}
    }
}

fn child<'n>(node: &'n Node, step: &Step) -> Option<&'n Node> {
    match step {
        Step::Key(key) => node.get(key),
        Step::Index(n) => node.as_seq()?.get(*n as usize),
        Step::Document(_) => None,
    }
}

/// RFC 6901.
fn pointer(steps: &[&Step]) -> String {
    let mut out = String::new();
    for step in steps {
        match step {
            Step::Key(key) => {
                out.push('/');
                out.push_str(&escape(key));
            }
            Step::Index(n) => out.push_str(&format!("/{n}")),
            Step::Document(_) => {}
        }
    }
    out
}
