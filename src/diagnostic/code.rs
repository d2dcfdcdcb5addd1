//! Stable codes.

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// The result works, but not as written.
    Warning,
    /// The result would not do what the input says.
    Error,
}

impl Severity {
    /// The word of the report.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A kind of finding. Declared once, as a constant, where it is used.
///
/// Blocks: 0xxx reading and the language, 1xxx checks of the spec and the plan, 2xxx engines, 3xxx Kubernetes objects and
/// templates, 4xxx losses that every dialect shares, 5000 and up the dialects, a hundred each.
#[derive(Debug)]
pub struct Code {
    /// `INF` and four digits; never reused.
    pub id: &'static str,
    /// A few words, for lists.
    pub title: &'static str,
    /// The severity it usually has.
    pub severity: Severity,
    /// What `explain` prints: what it means, why it matters, what to do. Plain text, paragraphs separated by blank lines.
    pub explanation: &'static str,
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Code {}
