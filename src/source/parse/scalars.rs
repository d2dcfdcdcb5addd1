//! Scalars to values, by their quotes and tags.

use super::builder::{Builder, Stop};
use crate::source::codes::{NOT_A_NUMBER, TAG_MISMATCH};
use crate::source::{Span, scalar};
use crate::value::{Node, Value};
use granit_parser::{ScalarStyle, Tag};
use std::borrow::Cow;

/// A scalar as the parser hands it over.
pub(super) struct Scalar<'t> {
    pub(super) text: Cow<'t, str>,
    pub(super) style: ScalarStyle,
    pub(super) tag: Option<Cow<'t, Tag>>,
    pub(super) anchor: usize,
    pub(super) span: Span,
}

impl Builder<'_> {
    pub(super) fn scalar(&mut self, scalar: Scalar<'_>) -> Result<(), Stop> {
        let value = self.value_of(&scalar);
        if self.expects_key() {
            return self.scalar_key(&scalar, value);
        }
        let id = self.enter(scalar.span)?;
        let node = Node::new(value, id);
        self.remember(scalar.anchor, &node, scalar.span)?;
        self.place(node, scalar.span.end)
    }

    /// The value that Kubernetes reads, null after an error.
    fn value_of(&mut self, scalar: &Scalar<'_>) -> Value {
        match &scalar.tag {
            None if scalar.style == ScalarStyle::Plain => self.plain(scalar),
            None => Value::Str(scalar.text.as_ref().into()),
            Some(tag) => self.tagged(scalar, tag),
        }
    }

    fn plain(&mut self, scalar: &Scalar<'_>) -> Value {
        scalar::resolve(&scalar.text).unwrap_or_else(|_| {
            let text = &scalar.text;
            let message =
                format!("`{text}` is not a number that Kubernetes accepts: JSON has no infinity and no NaN");
            let remedy = "write a finite number, or quote it if it is meant as text";
            let said = self.problem(&NOT_A_NUMBER, scalar.span, message).remedy(remedy);
            self.report(said);
            Value::Null
        })
    }

    /// Core tags are obeyed, base64 is decoded, and a scalar with any other tag is a string.
    fn tagged(&mut self, scalar: &Scalar<'_>, tag: &Tag) -> Value {
        let text = &scalar.text;
        if let Some(core) = tag.core_suffix() {
            return scalar::resolve_tagged(core, text).unwrap_or_else(|_| {
                let message = format!("`{text}` cannot be read as {}", tag.original());
                self.mismatch(scalar.span, message, "correct the value or remove the tag")
            });
        }
        if tag.suffix_in_namespace("tag:yaml.org,2002:").as_deref() != Some("binary") {
            return Value::Str(text.as_ref().into());
        }
        match scalar::base64(text).map(String::from_utf8) {
            Some(Ok(decoded)) => Value::Str(decoded.into()),
            Some(Err(_)) => {
                let remedy = "Kubernetes strings are text: keep the base64 without the tag, for instance under a Secret's `data`";
                self.mismatch(
                    scalar.span,
                    "the decoded bytes of this !!binary are not UTF-8 text".into(),
                    remedy,
                )
            }
            None => self.mismatch(
                scalar.span,
                "this !!binary is not base64".into(),
                "correct it or remove the tag",
            ),
        }
    }

    fn mismatch(&mut self, span: Span, message: String, remedy: &str) -> Value {
        let said = self.problem(&TAG_MISMATCH, span, message).remedy(remedy);
        self.report(said);
        Value::Null
    }
}
