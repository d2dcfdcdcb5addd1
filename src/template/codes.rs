//! The codes of templates.

use crate::diagnostic::{Code, Severity};

/// All codes of templates.
pub const CODES: &[&Code] = &[&TEMPLATE, &UNUSED];

/// A template is wrong.
pub(super) const TEMPLATE: Code = Code {
    id: "INF3900",
    title: "template error",
    severity: Severity::Error,
    explanation: "A template of the objects could not be read or filled: its YAML is not valid, it names a variable that the dialect \
                  does not set, or an expression fails. The message says where.\n\nTemplates are built in; --templates DIR replaces \
                  one by a file of the same relative path, for instance DIR/lws/leaderworkerset.yaml. Start from the built-in \
                  file.",
};

/// A template of the user leaves something out.
pub(super) const UNUSED: Code = Code {
    id: "INF3901",
    title: "value not used by the template",
    severity: Severity::Warning,
    explanation: "A template of --templates replaces a built-in one and has no place for this value, so it is not in the \
                  output.\n\nAdd the hole that the built-in template has for it, or remove the value.",
};
