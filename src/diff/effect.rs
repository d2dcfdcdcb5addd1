//! What a change does to pods that run.

/// What kind of thing a change does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum EffectKind {
    /// Pods are replaced.
    Restarts,
    /// Pods are added or removed; the others stay.
    Scales,
    /// Pods that run stay as they are; it shows when they are made anew.
    Later,
    /// Nothing: the field is only read when the object, or what it makes, is created.
    Ignored,
    /// The orchestrator's admission refuses it.
    Refused,
    /// Nothing for pods.
    Quiet,
}

/// Something that a change does.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Effect {
    /// What kind of thing.
    pub kind: EffectKind,
    /// One sentence: what, how many, in which order.
    pub message: String,
}

impl EffectKind {
    /// The word of the machine-readable outputs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Restarts => "restarts",
            Self::Scales => "scales",
            Self::Later => "later",
            Self::Ignored => "ignored",
            Self::Refused => "refused",
            Self::Quiet => "quiet",
        }
    }
}

impl Effect {
    /// An effect in one sentence.
    pub fn new(kind: EffectKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }
}
