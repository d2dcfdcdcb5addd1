//! Many documents for several targets, on all cores, in the order of the input.

use super::common::Loaded;
use crate::compile::{self, Compiled, DocumentKind, Settings};
use crate::crd::Crds;
use crate::diagnostic::{Diagnostic, Finding, Ledger, Severity, Target, suppress};
use crate::dialect::Dialect;
use crate::source::Document;
use crate::value::{Id, Node, Str};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// The outcome of one document.
#[derive(Default)]
pub struct Outcome {
    /// The objects of each target, in the order asked; for a document that is no spec, the document itself.
    pub objects: Vec<Vec<Node>>,
    /// What was said about it.
    pub findings: Vec<Finding>,
}

/// What a batch does with each spec.
#[derive(Clone, Copy, Debug)]
pub enum Mode<'a> {
    /// Render it.
    Render,
    /// Only say what is wrong with it, and with the objects that it becomes by these definitions.
    Check(Option<&'a Crds>),
}

/// Runs all documents through the compiler on `jobs` threads.
pub fn run(
    loaded: &Loaded,
    targets: &[&'static dyn Dialect],
    namespace: Option<Str>,
    mode: Mode<'_>,
    jobs: usize,
) -> Vec<Outcome> {
    let settings = Settings {
        sources: &loaded.sources,
        platform: &loaded.platform,
        templates: &loaded.templates,
        namespace,
        annotate_target: targets.len() > 1,
    };
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<Outcome>>> = Mutex::new(loaded.documents.iter().map(|_| None).collect());
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some((document, kind)) = loaded.documents.get(at) else {
                return;
            };
            let outcome = one(document, *kind, targets, &settings, mode);
            results.lock().unwrap_or_else(PoisonError::into_inner)[at] = Some(outcome);
        }
    };
    let jobs = jobs.min(loaded.documents.len());
    if jobs <= 1 {
        work();
    } else {
        std::thread::scope(|scope| (0..jobs).for_each(|_| drop(scope.spawn(work))));
    }
    results
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .into_iter()
        .flatten()
        .collect()
}

fn one(
    document: &Document,
    kind: DocumentKind,
    targets: &[&'static dyn Dialect],
    settings: &Settings<'_>,
    mode: Mode<'_>,
) -> Outcome {
    if kind != DocumentKind::Serving {
        return Outcome {
            objects: vec![vec![document.root.clone()]],
            findings: Vec::new(),
        };
    }
    let decoded = compile::decode(&document.root, settings.sources);
    let mut diagnostics = decoded.diagnostics.clone();
    if matches!(mode, Mode::Check(_)) || decoded.failed {
        compile::check(&decoded, settings)
            .into_iter()
            .for_each(|d| add(&mut diagnostics, d));
    }
    let leaves: Vec<Id> = leaves(document, settings);
    let mut objects = Vec::new();
    if !decoded.failed {
        for target in targets {
            let Compiled {
                objects: made,
                diagnostics: mut said,
            } = compile::compile(&decoded, &leaves, *target, settings);
            let sound = said.iter().all(|d| d.severity != Severity::Error);
            if let (Mode::Check(crds), true) = (mode, sound) {
                said.extend(compile::predict(&documents(document, &made), settings).diagnostics);
                said.extend(judged(&made, target.info().name, crds, settings));
            }
            objects.push(made);
            said.into_iter().for_each(|d| add(&mut diagnostics, d));
        }
    }
    Outcome {
        objects,
        findings: concrete(&diagnostics, document, settings),
    }
}

/// What the definitions say about rendered objects.
fn judged(objects: &[Node], dialect: &str, crds: Option<&Crds>, settings: &Settings<'_>) -> Vec<Diagnostic> {
    let Some(crds) = crds else { return Vec::new() };
    let of = |object: &Node| {
        let text = |path: &[&str]| object.at(path).and_then(Node::as_str).map(Str::from);
        let target = Target {
            dialect: dialect.into(),
            kind: text(&["kind"]),
            name: text(&["metadata", "name"]),
            pointer: None,
        };
        let said = compile::judge(object, crds, settings).diagnostics.into_iter();
        said.map(|d| d.target(target.clone())).collect::<Vec<_>>()
    };
    objects.iter().flat_map(of).collect()
}

/// Rendered objects as documents, which stand where they come from.
pub fn documents(spec: &Document, objects: &[Node]) -> Vec<Document> {
    let document = |root: &Node| Document {
        id: root.ids.first().unwrap_or(spec.id),
        root: root.clone(),
        comments: Vec::new(),
    };
    objects.iter().map(document).collect()
}

/// The leaves of a document, with what `--set` put in and without what it replaced.
fn leaves(document: &Document, settings: &Settings<'_>) -> Vec<Id> {
    let mut leaves = Vec::new();
    document.root.walk(&mut |n| {
        let leaf = |id: Id| settings.sources.origin(id).is_some_and(|o| o.leaf);
        leaves.extend(n.ids.iter().filter(|id| leaf(*id)));
    });
    leaves
}

/// What several roles or targets say alike is said once.
fn add(diagnostics: &mut Vec<Diagnostic>, said: Diagnostic) {
    let same = |d: &Diagnostic| {
        d.code == said.code
            && d.at == said.at
            && d.message == said.message
            && d.target == said.target
            && d.covers == said.covers
    };
    if !diagnostics.iter().any(same) {
        diagnostics.push(said);
    }
}

fn concrete(diagnostics: &[Diagnostic], document: &Document, settings: &Settings<'_>) -> Vec<Finding> {
    if diagnostics.is_empty() {
        return Vec::new();
    }
    let documents = std::slice::from_ref(document);
    let context = crate::diagnostic::Context::new(settings.sources, documents);
    let placed: Vec<Diagnostic> = diagnostics.iter().map(|d| placed(d, document)).collect();
    suppress(Finding::all(&placed, &context), &context).kept
}

/// What is wrong with something that the spec does not say is wrong with the spec: an error always has a place.
fn placed(diagnostic: &Diagnostic, document: &Document) -> Diagnostic {
    let mut diagnostic = diagnostic.clone();
    if diagnostic.at.is_none() && diagnostic.severity == Severity::Error {
        let spec = document.root.get("spec").unwrap_or(&document.root);
        diagnostic = diagnostic.at_key(spec.ids.first());
    }
    diagnostic
}

/// Findings about the input as a whole: files that could not be read, options.
pub fn general(ledger: &Ledger, loaded: &Loaded) -> Vec<Finding> {
    if ledger.diagnostics.is_empty() {
        return Vec::new();
    }
    let documents: Vec<Document> = loaded.documents.iter().map(|(d, _)| d.clone()).collect();
    let context = crate::diagnostic::Context::new(&loaded.sources, &documents);
    suppress(Finding::all(&ledger.diagnostics, &context), &context).kept
}
