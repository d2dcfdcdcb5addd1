//! Errors with positions, also where no node exists.

use super::builder::{Builder, Stop};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::codes::{CONTROL_CHARACTER, DEPTH, NOT_UTF8, SYNTAX, TEMPLATE, TOO_MANY_ERRORS};
use crate::source::{Origin, Span, Step};
use crate::value::Id;
use granit_parser::{ErrorKind, ScanError};

/// Errors in one file after which the rest is not read.
const MAX_ERRORS: usize = 100;

impl Builder<'_> {
    /// An entry for a place that is no node: errors point to it, nobody has to account for it.
    pub(super) fn spot(&mut self, span: Span) -> Id {
        let parent = self.stack.last().map(|frame| frame.id);
        self.push(Origin {
            parent,
            step: Step::Document(self.document),
            span,
            key: None,
            leaf: false,
        })
    }

    /// An error at a place, which makes its document unusable.
    pub(super) fn problem(
        &mut self,
        code: &'static Code,
        span: Span,
        message: impl Into<String>,
    ) -> Diagnostic {
        self.broken = true;
        let spot = self.spot(span);
        Diagnostic::new(code, message).at(spot)
    }

    /// Reports an error, until there are too many.
    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        if self.errors < MAX_ERRORS {
            self.errors += 1;
            self.ledger.report(diagnostic);
        }
    }

    /// Whether there are too many errors to go on; says so.
    pub(super) fn gave_up(&mut self, span: Span) -> bool {
        if self.errors < MAX_ERRORS {
            return false;
        }
        let said = self
            .problem(
                &TOO_MANY_ERRORS,
                span,
                format!("the file has more than {MAX_ERRORS} errors; the rest of it is not read"),
            )
            .remedy("correct the first errors and run again");
        self.ledger.report(said);
        true
    }

    /// Reports an error that ends its document.
    pub(super) fn fatal<T>(&mut self, diagnostic: Diagnostic) -> Result<T, Stop> {
        self.report(diagnostic);
        Err(Stop)
    }

    /// An error of the grammar, in the parser's words.
    pub(super) fn syntax(&mut self, error: &ScanError) -> Diagnostic {
        let start = error.marker().byte_offset().unwrap_or(0).min(self.text.len());
        let span = self.character(start);
        if *error.kind() == ErrorKind::RecursionLimitExceeded {
            return self.too_deep(span);
        }
        let (line, column) = self.line(start);
        if let Some(braces) = line.find("{{") {
            return self.template(column + braces);
        }
        let remedy = remedy(error.kind());
        let said = self.problem(&SYNTAX, span, format!("not valid YAML: {}", error.info()));
        match remedy {
            Some(remedy) => said.remedy(remedy),
            None => said,
        }
    }

    /// An error about the `{{` at a byte.
    pub(super) fn template(&mut self, start: usize) -> Diagnostic {
        let span = Span {
            start: start as u32,
            end: start as u32 + 2,
        };
        self.problem(&TEMPLATE, span, "this looks like a template that was not rendered: `{{` starts a mapping in YAML")
            .remedy("render it first, for instance with `helm template`, or quote the string if the braces are meant as text")
    }

    /// An error about nesting.
    pub(super) fn too_deep(&mut self, span: Span) -> Diagnostic {
        let message = format!(
            "lists and mappings are nested more than {} deep",
            self.limits.depth
        );
        self.problem(&DEPTH, span, message).remedy("flatten the document")
    }

    /// Whether the text has no character that YAML forbids; reports the first one.
    pub(super) fn printable(&mut self) -> bool {
        let Some((at, character)) = super::text::forbidden(self.text) else {
            return true;
        };
        let span = Span {
            start: at as u32,
            end: (at + character.len_utf8()) as u32,
        };
        let message = format!(
            "the text holds the control character U+{:04X}, which YAML does not allow",
            u32::from(character)
        );
        let said = self.problem(&CONTROL_CHARACTER, span, message);
        let said = if character == '\0' {
            said.remedy(
                "check that this is the right file: a NUL byte is a sign of a binary file or of UTF-16 text",
            )
        } else {
            said.remedy("remove it; inside a string write it as an escape in double quotes")
        };
        self.report(said);
        false
    }

    /// Reports that the byte at `at` is not UTF-8.
    pub(super) fn not_utf8(&mut self, at: usize, bytes: &[u8]) {
        let utf16 = matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
        let span = self.character(at);
        let message = match bytes.get(at) {
            _ if utf16 => "the file is UTF-16 text, not UTF-8".to_owned(),
            Some(byte) => format!("the file is not UTF-8: byte {at} is 0x{byte:02X}"),
            None => "the file is not UTF-8".to_owned(),
        };
        let said = self.problem(&NOT_UTF8, span, message).remedy("save it as UTF-8");
        self.report(said);
    }

    /// The span of the character at `start`, empty at the end of the text.
    pub(super) fn character(&self, start: usize) -> Span {
        let width = self
            .text
            .get(start..)
            .and_then(|rest| rest.chars().next())
            .map_or(0, char::len_utf8);
        Span {
            start: start as u32,
            end: (start + width) as u32,
        }
    }

    /// The line around a byte, and where it starts.
    fn line(&self, at: usize) -> (&str, usize) {
        let bytes = self.text.as_bytes();
        let start = bytes[..at].iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
        let end = bytes[at..]
            .iter()
            .position(|b| *b == b'\n')
            .map_or(bytes.len(), |n| at + n);
        (self.text.get(start..end).unwrap_or_default(), start)
    }
}

/// What usually helps against an error of the grammar.
fn remedy(kind: &ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart => "indent with spaces: YAML does not allow tabs there",
        ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::InvalidIndentation
        | ErrorKind::ExpectedBlockSequenceEntry => {
            "check the indentation: all entries of a mapping or list start in the same column"
        }
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey | ErrorKind::MappingValueNotAllowed => {
            "every line of a mapping needs `key: value`; a string that holds `: ` needs quotes, and keys have at most 1024 characters"
        }
        ErrorKind::UnexpectedCharacter {
            character: '@' | '`' | '%',
        } => "a string that starts with this character needs quotes",
        ErrorKind::CommentNotSeparated => "put a blank before `#`, or quote the string if `#` belongs to it",
        ErrorKind::UnclosedQuotedScalar => "close the quote",
        ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::UnexpectedEofImplicitFlowMapping => "close the bracket",
        ErrorKind::UnknownQuotedScalarEscape => {
            "write a backslash as `\\\\`, or use single quotes, where it means itself"
        }
        _ => return None,
    })
}
