//! Objects judged by CustomResourceDefinitions, after what the webhooks of their orchestrator do to them.

use super::Settings;
use crate::crd::Crds;
use crate::diagnostic::{Diagnostic, Ledger};
use crate::dialect::{self, Context};
use crate::value::Node;

/// What the definitions say about an object.
#[derive(Debug)]
pub struct Judgement {
    /// Whether there was a definition to judge by.
    pub judged: bool,
    /// What was said.
    pub diagnostics: Vec<Diagnostic>,
}

/// Judges an object.
pub fn judge(object: &Node, crds: &Crds, settings: &Settings<'_>) -> Judgement {
    let mut ledger = Ledger::new();
    // What is wrong with the Platform document is said where pods are predicted.
    let mut aside = Ledger::new();
    let mut mutate = |node: &mut Node| {
        let mut cx = Context {
            sources: settings.sources,
            platform: settings.platform,
            templates: settings.templates,
            ledger: &mut aside,
        };
        if let Some(dialect) = dialect::expander(node, settings.platform) {
            dialect.mutate(node, &mut cx);
        }
    };
    let judged = crds.check(object, &mut mutate, &mut ledger);
    Judgement {
        judged,
        diagnostics: ledger.diagnostics,
    }
}
