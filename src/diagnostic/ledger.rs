//! The account of one compilation: what was said, and which input values may not arrive.

use super::{Code, Diagnostic, Outcome, Severity};
use crate::value::Ids;

/// A value gave way to a more specific one.
pub const SUPERSEDED: Code = Code {
    id: "INF4001",
    title: "value overridden everywhere",
    severity: Severity::Note,
    explanation: "A more specific value (a role's own setting, an overlay, an option of the target) replaced this one in every \
                  place where it would have been used, so it has no effect on the output.\n\nRemove it, or remove what overrides it.",
};

/// An excuse for input values that may not arrive in the output.
#[derive(Clone, Debug)]
pub struct Waiver {
    /// The values.
    pub ids: Ids,
    /// What to say about those of them that did not arrive.
    pub diagnostic: Diagnostic,
}

/// Collects diagnostics and waivers. Passed through every stage as `&mut Ledger`.
///
/// The account is balanced once, at the end: each leaf of the input must have arrived in the output, or be accounted
/// for by a diagnostic that points to it (or to a node above it), or have a waiver, which then becomes a diagnostic.
#[derive(Default, Debug)]
pub struct Ledger {
    /// What was said, in order.
    pub diagnostics: Vec<Diagnostic>,
    /// What will be said if the values it names have not arrived.
    pub waivers: Vec<Waiver>,
}

impl Ledger {
    /// An empty account.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says something.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Says something about `ids`, but only if they do not arrive in the output by another way.
    pub fn waive(&mut self, ids: &Ids, diagnostic: Diagnostic) {
        if !ids.is_empty() {
            self.waivers.push(Waiver {
                ids: ids.clone(),
                diagnostic,
            });
        }
    }

    /// Notes that the values at `loser` gave way to those at `winner`. Whether anything is lost by that is only known at
    /// the end: a default that one role overrides may still reach the output through another.
    pub fn supersede(&mut self, loser: &Ids, winner: &Ids) {
        if !loser.is_empty() && loser != winner {
            let said = Diagnostic::new(
                &SUPERSEDED,
                "this value is overridden everywhere and has no effect",
            )
            .outcome(Outcome::Dropped)
            .label(winner.first(), "overridden here");
            self.waive(loser, said);
        }
    }

    /// The worst severity so far.
    pub fn worst(&self) -> Option<Severity> {
        self.diagnostics.iter().map(|d| d.severity).max()
    }

    /// Whether the input is wrong, so that nothing is printed whatever is asked for. A loss may be an error and still be
    /// printed by force.
    pub fn has_invalid(&self) -> bool {
        let invalid = |d: &Diagnostic| d.severity == Severity::Error && d.outcome == Outcome::Invalid;
        self.diagnostics.iter().any(invalid)
    }

    /// Whether anything is an error.
    pub fn has_errors(&self) -> bool {
        self.worst() == Some(Severity::Error)
    }
}
