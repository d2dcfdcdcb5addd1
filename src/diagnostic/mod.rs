//! What the compiler says about its input: one type for errors, warnings, notes and losses.
//!
//! A [`Diagnostic`] is symbolic: it points to input nodes by [`Id`]. [`Finding`] is the same made concrete (file, line,
//! column, pointer, value) and free of secrets ([`mask`]), and every writer reads findings only. A new output format is a
//! new file beside [`human`] and [`json`].
//!
//! At the end of a compilation [`balance`] checks that nothing was lost in silence.
//!
//! Codes are declared as constants where they are used, one block of numbers per area and dialect, and collected by the
//! areas' `CODES` lists for `explain`.

mod code;
mod context;
mod excerpt;
mod finding;
#[cfg(test)]
mod fixture;
mod ledger;
mod place;
mod secret;
mod suggest;
mod suppress;

pub mod account;
pub mod human;
pub mod json;
pub mod mask;

pub use account::{IdSet, balance};
pub use code::{Code, Severity};
pub use context::Context;
pub use excerpt::Excerpt;
pub use finding::Finding;
pub use ledger::{Ledger, SUPERSEDED, Waiver};
pub use place::{ObjectRef, Place};
pub use suggest::closest;
pub use suppress::{Suppressed, suppress};

use crate::value::{Id, Ids, Str};

/// What became of an input value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Not in the output.
    Dropped,
    /// In the output, in a place where it means nearly the same.
    Moved,
    /// The effect is reproduced by other means.
    Emulated,
    /// The target's or the compiler's default stands in its place.
    Defaulted,
    /// The input is wrong.
    Invalid,
}

impl Outcome {
    /// The word of the report.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dropped => "dropped",
            Self::Moved => "moved",
            Self::Emulated => "emulated",
            Self::Defaulted => "defaulted",
            Self::Invalid => "invalid",
        }
    }
}

/// The object of the output that a loss is about.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Target {
    /// The dialect's name.
    pub dialect: Str,
    /// The kind of the object, if one in particular.
    pub kind: Option<Str>,
    /// The name of the object, if one in particular.
    pub name: Option<Str>,
    /// JSON Pointer into the object.
    pub pointer: Option<Str>,
}

/// Something to tell the user about the input.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// Which kind of thing this is.
    pub code: &'static Code,
    /// How bad it is; starts as the code's own.
    pub severity: Severity,
    /// What became of the value; [`Outcome::Invalid`] unless set.
    pub outcome: Outcome,
    /// One sentence: what is wrong or lost, with the names in it.
    pub message: String,
    /// The place it points to. The value there is shown in reports.
    pub at: Option<Id>,
    /// Point to the key rather than to the value.
    pub at_key: bool,
    /// Further input nodes that this entry accounts for, themselves and everything below.
    pub covers: Ids,
    /// Other places worth showing, each with a few words.
    pub labels: Vec<(Id, String)>,
    /// Why: the rule, the limit of the target.
    pub reason: Option<String>,
    /// What to do about it.
    pub remedy: Option<String>,
    /// A text that the pointed-to text is probably meant to be.
    pub replacement: Option<String>,
    /// Where in the output.
    pub target: Option<Target>,
}

impl Diagnostic {
    /// A diagnostic of the given kind, in one sentence.
    pub fn new(code: &'static Code, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity,
            outcome: Outcome::Invalid,
            message: message.into(),
            at: None,
            at_key: false,
            covers: Ids::none(),
            labels: Vec::new(),
            reason: None,
            remedy: None,
            replacement: None,
            target: None,
        }
    }

    /// Points to the value `id`, which it also accounts for.
    #[must_use]
    pub fn at(mut self, id: impl Into<Option<Id>>) -> Self {
        self.at = id.into();
        self
    }

    /// Points to the key of `id`.
    #[must_use]
    pub fn at_key(mut self, id: impl Into<Option<Id>>) -> Self {
        self.at_key = true;
        self.at(id)
    }

    /// Points to the first of `ids` and accounts for all of them.
    #[must_use]
    pub fn at_ids(mut self, ids: &Ids) -> Self {
        self.at = self.at.or(ids.first());
        self.covers.merge(ids);
        self
    }

    /// Shows another place.
    #[must_use]
    pub fn label(mut self, id: Option<Id>, text: impl Into<String>) -> Self {
        if let Some(id) = id {
            self.labels.push((id, text.into()));
        }
        self
    }

    /// Says why.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Says what was probably meant.
    #[must_use]
    pub fn replacement(mut self, text: impl Into<String>) -> Self {
        self.replacement = Some(text.into());
        self
    }

    /// Overrides the severity of the code.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Says what became of the value.
    #[must_use]
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// Says which dialect, and which of its objects, this is about.
    #[must_use]
    pub fn target(mut self, target: Target) -> Self {
        self.target = Some(target);
        self
    }
}
