//! The pipeline: one Serving through every stage for one target, and the account balanced.
//!
//! ```text
//! document ──set──▶ decode ──plan──▶ IR ──lower──▶ objects ──patch──▶ finish ──▶ balance
//! ```
//!
//! Each (document, target) pair is independent of all others, so batches run on as many threads as there are cores; the
//! order of results is the order of the input.

mod finish;
mod judge;
pub mod labels;
mod options;
mod patch;
mod predict;
mod set;

pub use judge::{Judgement, judge};
pub use predict::{DEFAULT_NAMESPACE, Prediction, predict};
pub use set::{Assignment, assign, path};

use crate::diagnostic::{Diagnostic, IdSet, Ledger, Waiver, balance};
use crate::dialect::{self, Context, Dialect, platform::Platform};
use crate::ir::{Feature, capability};
use crate::plan;
use crate::source::{Document, Sources};
use crate::spec::codes::{NO_OBJECT, NOT_A_SERVING};
use crate::spec::decode::{Decode, Decoder};
use crate::spec::{API_VERSION, KIND, Serving};
use crate::template::Templates;
use crate::value::{Id, Ids, Node, Str, Traced};

/// What all compilations of a run share.
pub struct Settings<'a> {
    /// Where nodes stand.
    pub sources: &'a Sources,
    /// How the cluster's operators run.
    pub platform: &'a Platform,
    /// The templates, the user's own among them.
    pub templates: &'a Templates,
    /// The namespace of the command line, for specs that name none.
    pub namespace: Option<Str>,
    /// Whether each object says for which target it was made.
    pub annotate_target: bool,
}

/// The result of one compilation.
pub struct Compiled {
    /// The objects in dependency order.
    pub objects: Vec<Node>,
    /// What was said.
    pub diagnostics: Vec<Diagnostic>,
}

/// What a document is to the compiler.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DocumentKind {
    /// A spec.
    Serving,
    /// A description of the cluster's operators.
    Platform,
    /// Anything else, passed through.
    Other,
    /// No object at all, or one of this API group of a kind or version that is not known.
    Unknown,
}

/// What a document is. One that is no object, or is of the API group with a kind or version that is not known, is reported.
pub fn kind_of(document: &Document, ledger: &mut Ledger) -> DocumentKind {
    let text = |key| document.root.get(key).and_then(Node::as_str).unwrap_or_default();
    let (version, kind) = (text("apiVersion"), text("kind"));
    if version.is_empty() || kind.is_empty() {
        let missing = if kind.is_empty() { "kind" } else { "apiVersion" };
        let said = Diagnostic::new(&NO_OBJECT, format!("this document has no `{missing}`"));
        ledger.report(said.at_ids(&document.root.ids).remedy(format!(
            "a spec begins with `apiVersion: {API_VERSION}` and `kind: {KIND}`"
        )));
        return DocumentKind::Unknown;
    }
    if !version.starts_with("infer.dev/") {
        return DocumentKind::Other;
    }
    match (version, kind) {
        (API_VERSION, KIND) => DocumentKind::Serving,
        (API_VERSION, dialect::platform::KIND) => DocumentKind::Platform,
        _ => {
            let at = if version == API_VERSION {
                "kind"
            } else {
                "apiVersion"
            };
            let ids = document
                .root
                .get(at)
                .map(|n| n.ids.clone())
                .unwrap_or_else(|| document.root.ids.clone());
            let message = format!("`apiVersion: {version}`, `kind: {kind}` is not known");
            let known = format!("known: `apiVersion: {API_VERSION}` with `kind: {KIND}` or `kind: Platform`");
            ledger.report(
                Diagnostic::new(&NOT_A_SERVING, message)
                    .at_ids(&ids)
                    .reason(known),
            );
            DocumentKind::Unknown
        }
    }
}

/// A spec as decoded, and what was said about its spelling.
pub struct Decoded {
    /// The spec; absent if nothing of it could be used.
    pub serving: Option<Serving>,
    /// What was said.
    pub diagnostics: Vec<Diagnostic>,
    /// What will be said if the values it names reach no output.
    pub waivers: Vec<Waiver>,
    /// Whether any of it is an error.
    pub failed: bool,
}

/// Decodes a document.
pub fn decode(root: &Node, sources: &Sources) -> Decoded {
    let mut ledger = Ledger::new();
    let serving = Serving::decode(
        root,
        &mut Decoder {
            sources,
            ledger: &mut ledger,
        },
    );
    Decoded {
        serving,
        failed: ledger.has_errors(),
        diagnostics: ledger.diagnostics,
        waivers: ledger.waivers,
    }
}

/// Checks that no target decides. Runs the plan for nobody and returns what it says.
pub fn check(decoded: &Decoded, settings: &Settings<'_>) -> Vec<Diagnostic> {
    let mut ledger = Ledger::new();
    if let Some(serving) = &decoded.serving {
        let request = plan::Request {
            target: None,
            targets: &target_names(),
            routed: &[],
            runtime: None,
            claims: true,
            namespace: settings.namespace.clone(),
            spelling_only: decoded.failed,
        };
        plan::plan(serving, &request, &mut ledger);
        options::check(serving, settings.sources, &mut ledger);
    }
    ledger.diagnostics
}

/// Compiles a decoded spec for one target. `leaves` are the ids of the document's leaves, all of which must arrive.
pub fn compile(decoded: &Decoded, leaves: &[Id], target: &dyn Dialect, settings: &Settings<'_>) -> Compiled {
    let mut ledger = Ledger::new();
    ledger.waivers.extend(decoded.waivers.iter().cloned());
    let mut objects = Vec::new();
    if let Some(serving) = decoded.serving.as_ref().filter(|_| !decoded.failed) {
        objects = lower(serving, target, settings, Errors::Stop, &mut ledger);
        if !ledger.has_invalid() {
            account(serving, &objects, leaves, settings, IdSet::new(), &mut ledger);
        }
    }
    Compiled {
        objects,
        diagnostics: ledger.diagnostics,
    }
}

/// What an error of the plan means for the stages after it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Errors {
    /// There is nothing to render.
    Stop,
    /// What can be rendered is.
    GoOn,
}

/// [`compile`] of a spec that was lifted: what is wrong with it on this target is a loss like others, so the objects are made
/// all the same. Begins with the entries of an account, and with values that count as arrived.
pub fn compile_lifted(
    decoded: &Decoded,
    leaves: &[Id],
    target: &dyn Dialect,
    settings: &Settings<'_>,
    mut ledger: Ledger,
    said: &Ids,
) -> Compiled {
    ledger.waivers.extend(decoded.waivers.iter().cloned());
    let mut objects = Vec::new();
    if let Some(serving) = &decoded.serving {
        objects = lower(serving, target, settings, Errors::GoOn, &mut ledger);
        if !objects.is_empty() {
            let mut arrived = IdSet::new();
            arrived.extend(said);
            account(serving, &objects, leaves, settings, arrived, &mut ledger);
        }
    }
    Compiled {
        objects,
        diagnostics: ledger.diagnostics,
    }
}

/// Balances the account of one compilation.
fn account(
    serving: &Serving,
    objects: &[Node],
    leaves: &[Id],
    settings: &Settings<'_>,
    mut arrived: IdSet,
    ledger: &mut Ledger,
) {
    arrived.merge(&IdSet::of_nodes(objects));
    let structural = [&serving.api_version, &serving.kind].into_iter().flatten();
    structural.for_each(|t: &Traced<Str>| arrived.extend(&t.ids));
    balance(ledger, settings.sources, leaves.iter().copied(), &arrived);
}

fn lower(
    serving: &Serving,
    target: &dyn Dialect,
    settings: &Settings<'_>,
    errors: Errors,
    ledger: &mut Ledger,
) -> Vec<Node> {
    let info = target.info();
    let request = plan::Request {
        target: Some(info.name),
        targets: &target_names(),
        routed: target.routed_engines(),
        runtime: serving.spec.as_ref().and_then(|spec| target.runtime(spec)),
        claims: capability::is_native(info.capabilities, Feature::Claims),
        namespace: settings.namespace.clone(),
        spelling_only: false,
    };
    let Some(ir) = plan::plan(serving, &request, ledger) else {
        return Vec::new();
    };
    if ledger.has_errors() && errors == Errors::Stop {
        return Vec::new();
    }
    let support = |used: &_, row: &_| target.supports(&ir, used, row);
    capability::check(&ir, info.name, info.capabilities, &support, ledger);
    let mut cx = Context {
        sources: settings.sources,
        platform: settings.platform,
        templates: settings.templates,
        ledger,
    };
    let mut objects = target.lower(&ir, &mut cx);
    patch::apply(&mut objects, &ir.options, ledger);
    labels::check(serving, &objects, ledger);
    finish::finish(&mut objects, settings.annotate_target.then_some(info.name));
    objects
}

/// The objects of a spec whatever is wrong with it, without patches: what lifting compares its source with.
pub fn objects(serving: &Serving, target: &dyn Dialect, settings: &Settings<'_>) -> Vec<Node> {
    let mut ledger = Ledger::new();
    let info = target.info();
    let request = plan::Request {
        target: Some(info.name),
        targets: &target_names(),
        routed: target.routed_engines(),
        runtime: serving.spec.as_ref().and_then(|spec| target.runtime(spec)),
        claims: capability::is_native(info.capabilities, Feature::Claims),
        namespace: None,
        spelling_only: false,
    };
    let Some(ir) = plan::plan(serving, &request, &mut ledger) else {
        return Vec::new();
    };
    let mut cx = Context {
        sources: settings.sources,
        platform: settings.platform,
        templates: settings.templates,
        ledger: &mut ledger,
    };
    target.lower(&ir, &mut cx)
}

/// [`objects`] with the patches of the options.
pub fn objects_patched(serving: &Serving, target: &dyn Dialect, settings: &Settings<'_>) -> Vec<Node> {
    let mut made = objects(serving, target, settings);
    let options = serving
        .spec
        .as_ref()
        .and_then(|s| s.targets.as_ref()?.get(target.info().name));
    if let Some(options) = options {
        patch::apply(&mut made, options, &mut Ledger::new());
    }
    made
}

fn target_names() -> Vec<&'static str> {
    dialect::ALL.iter().map(|d| d.info().name).collect()
}
