//! Objects to pods: every workload of the input expanded by the dialect that knows its kind.

use super::Settings;
use crate::diagnostic::{Diagnostic, Ledger};
use crate::dialect::{self, Context, Dialect};
use crate::pods::{Expansion, MOST_PODS, Scene, TOO_MANY, Workload, select};
use crate::source::Document;
use crate::value::{Node, Str};

/// The namespace of objects that name none, where the command line names none either.
pub const DEFAULT_NAMESPACE: &str = "default";

/// What becomes of the workloads of an input.
#[derive(Debug, Default)]
pub struct Prediction {
    /// The workloads in the order of the input.
    pub workloads: Vec<Workload>,
    /// What was said. Rejections and dead ends are errors.
    pub diagnostics: Vec<Diagnostic>,
}

fn type_of(root: &Node) -> (&str, &str) {
    let text = |key| root.get(key).and_then(Node::as_str).unwrap_or_default();
    (text("apiVersion"), text("kind"))
}

/// Whether an object is one that a dialect only judges.
fn only_judged(dialect: &dyn Dialect, root: &Node) -> bool {
    let (api_version, kind) = type_of(root);
    dialect.judges(api_version, kind)
}

/// Expands the workloads among `documents`. Documents of other kinds count as what stands beside them.
pub fn predict(documents: &[Document], settings: &Settings<'_>) -> Prediction {
    let scene = Scene {
        documents,
        namespace: settings.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE),
    };
    let (mut ledger, mut workloads, mut pods) = (Ledger::new(), Vec::new(), 0_u64);
    for document in documents {
        let Some(dialect) = dialect::expander(&document.root, settings.platform) else {
            continue;
        };
        let mut cx = Context {
            sources: settings.sources,
            platform: settings.platform,
            templates: settings.templates,
            ledger: &mut ledger,
        };
        let mut expansion = dialect.expand(document, &scene, &mut cx);
        if only_judged(dialect, &document.root) && expansion.is_open() {
            continue;
        }
        pods += expansion.pods.len() as u64;
        if pods > MOST_PODS && !expansion.pods.is_empty() {
            pods -= expansion.pods.len() as u64;
            too_many(document, &mut expansion, &mut ledger);
        }
        workloads.push(workload(dialect, document, expansion, &scene));
    }
    select::check(&scene, &workloads, &mut ledger);
    Prediction {
        workloads,
        diagnostics: ledger.diagnostics,
    }
}

/// An input of many objects has the limit of one.
fn too_many(document: &Document, expansion: &mut Expansion, ledger: &mut Ledger) {
    let reason = format!("with this object the input asks for more than {MOST_PODS} pods");
    expansion.dead_end(&TOO_MANY, reason, &document.root.ids, ledger);
    expansion.children.clear();
}

fn workload(dialect: &dyn Dialect, document: &Document, expansion: Expansion, scene: &Scene<'_>) -> Workload {
    let text = |path: &[&str]| -> Str {
        document
            .root
            .at(path)
            .and_then(Node::as_str)
            .unwrap_or_default()
            .into()
    };
    Workload {
        dialect: dialect.info().name,
        kind: text(&["kind"]),
        namespace: scene.namespace_of(&document.root),
        name: text(&["metadata", "name"]),
        id: document.id,
        expansion,
    }
}
