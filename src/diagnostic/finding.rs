//! Diagnostics made concrete: what every writer reads.

use super::excerpt::{self, Excerpt};
use super::mask::Masker;
use super::{Code, Diagnostic, Outcome, Severity, Target};
use crate::source::{Document, Origin, Sources, Step};
use crate::value::{Id, Node, Str};
use std::collections::HashMap;
use std::ops::Range;

/// Which Kubernetes object (or spec) a place belongs to. Fields that the object does not have are empty.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct ObjectRef {
    /// `apiVersion`.
    pub api_version: Str,
    /// `kind`.
    pub kind: Str,
    /// `metadata.namespace`.
    pub namespace: Str,
    /// `metadata.name`.
    pub name: Str,
}

impl ObjectRef {
    /// What a mapping says about itself; nothing if it has no `kind`.
    pub fn of(node: &Node) -> Option<Self> {
        let text = |path: &[&str]| node.at(path).and_then(Node::as_str).map(Str::from);
        Some(Self {
            kind: text(&["kind"])?,
            api_version: text(&["apiVersion"]).unwrap_or_default(),
            namespace: text(&["metadata", "namespace"]).unwrap_or_default(),
            name: text(&["metadata", "name"]).unwrap_or_default(),
        })
    }
}

/// A place in the input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The name of the file.
    pub file: Str,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// The object that it belongs to.
    pub object: Option<ObjectRef>,
    /// JSON Pointer (RFC 6901) from the root of that object.
    pub pointer: String,
}

/// A [`Diagnostic`] with everything that a writer needs, and no secret in it.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Which kind of thing this is.
    pub code: &'static Code,
    /// How bad it is.
    pub severity: Severity,
    /// What became of the value.
    pub outcome: Outcome,
    /// Where it is, if anywhere.
    pub source: Option<Place>,
    /// The value there.
    pub value: Option<serde_json::Value>,
    /// Where in the output.
    pub target: Option<Target>,
    /// One sentence.
    pub message: String,
    /// Why.
    pub reason: Option<String>,
    /// What to do.
    pub remedy: Option<String>,
    /// What the text at the place was probably meant to be.
    pub replacement: Option<String>,
    /// The lines to show: first that of [`Finding::source`], then those of the labels.
    pub excerpts: Vec<Excerpt>,
    /// The node that it points to.
    pub at: Option<Id>,
}

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
    masker: Masker,
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
    fn locate(&self, id: Id) -> (Option<ObjectRef>, String, Option<&Node>) {
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
    use crate::value::Value;
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
                out.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Step::Index(n) => out.push_str(&format!("/{n}")),
            Step::Document(_) => {}
        }
    }
    out
}

impl Finding {
    /// Makes a diagnostic concrete. A place that its files do not have is left out.
    pub fn of(diagnostic: &Diagnostic, context: &Context<'_>) -> Self {
        let at = diagnostic.at.or(diagnostic.covers.first());
        let mark = at.and_then(|id| excerpt::mark(context.sources, id, diagnostic.at_key));
        let unread = mark.as_ref().and_then(|mark| mark.blind_text(context));
        let clean = |text: &String| context.masker.text_without(text, unread);
        let labelled = !diagnostic.labels.is_empty();
        let (mut source, mut value, mut excerpts) = (None, None, Vec::new());
        if let (Some(id), Some(mark)) = (at, &mark) {
            let (object, pointer, node) = context.locate(id);
            let (file, line, column) = (mark.file.name.clone(), mark.line, mark.column());
            source = Some(Place {
                file,
                line,
                column,
                object,
                pointer,
            });
            value = node.map(super::json::value);
            excerpts.push(mark.excerpt(context, String::new(), labelled));
        }
        for (id, label) in &diagnostic.labels {
            if let Some(mark) = excerpt::mark(context.sources, *id, false) {
                excerpts.push(mark.excerpt(context, clean(label), labelled));
            }
        }
        Self {
            code: diagnostic.code,
            severity: diagnostic.severity,
            outcome: diagnostic.outcome,
            source,
            value,
            target: diagnostic.target.clone(),
            message: clean(&diagnostic.message),
            reason: diagnostic.reason.as_ref().map(clean),
            remedy: diagnostic.remedy.as_ref().map(clean),
            replacement: diagnostic.replacement.as_ref().map(clean),
            excerpts,
            at,
        }
    }

    /// Makes all diagnostics concrete, in the order of the input: by file, line and column, those without a place first.
    pub fn all<'d>(
        diagnostics: impl IntoIterator<Item = &'d Diagnostic>,
        context: &Context<'_>,
    ) -> Vec<Self> {
        let mut findings: Vec<Self> = diagnostics.into_iter().map(|d| Self::of(d, context)).collect();
        let key = |f: &Self| (f.at.map(Id::file), f.source.as_ref().map(|s| (s.line, s.column)));
        findings.sort_by_key(key);
        findings
    }
}
