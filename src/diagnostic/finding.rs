//! Diagnostics made concrete: what every writer reads.

use super::context::Context;
use super::excerpt::{self, Excerpt};
use super::place::Place;
use super::{Code, Diagnostic, Outcome, Severity, Target};
use crate::value::Id;

/// A [`Diagnostic`] with everything that a writer needs, and no secret in it.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Which kind of thing this is.
    pub code: &'static Code,
    /// How bad it is.
    pub severity: Severity,
    /// What became of the value.
    pub outcome: Outcome,
    /// Where it is, if anywhere.
    pub source: Option<Place>,
    /// The value there.
    pub value: Option<serde_json::Value>,
    /// Where in the output.
    pub target: Option<Target>,
    /// One sentence.
    pub message: String,
    /// Why.
    pub reason: Option<String>,
    /// What to do.
    pub remedy: Option<String>,
    /// What the text at the place was probably meant to be.
    pub replacement: Option<String>,
    /// The lines to show: first that of [`Finding::source`], then those of the labels.
    pub excerpts: Vec<Excerpt>,
    /// The node that it points to.
    pub at: Option<Id>,
}

impl Finding {
    /// Makes a diagnostic concrete. A place that its files do not have is left out.
    pub fn of(diagnostic: &Diagnostic, context: &Context<'_>) -> Self {
        let at = diagnostic.at.or(diagnostic.covers.first());
        let mark = at.and_then(|id| excerpt::mark(context.sources, id, diagnostic.at_key));
        let unread = mark.as_ref().and_then(|mark| mark.blind_text(context));
        let clean = |text: &String| context.masker.text_without(text, unread);
        let labelled = !diagnostic.labels.is_empty();
        let (mut source, mut value, mut excerpts) = (None, None, Vec::new());
        if let (Some(id), Some(mark)) = (at, &mark) {
            let (object, pointer, node) = context.locate(id);
            let (file, line, column) = (mark.file.name.clone(), mark.line, mark.column());
            source = Some(Place {
                file,
                line,
                column,
                object,
                pointer,
            });
            value = node.map(super::json::value);
            excerpts.push(mark.excerpt(context, String::new(), labelled));
        }
        for (id, label) in &diagnostic.labels {
            if let Some(mark) = excerpt::mark(context.sources, *id, false) {
                excerpts.push(mark.excerpt(context, clean(label), labelled));
            }
        }
        Self {
            code: diagnostic.code,
            severity: diagnostic.severity,
            outcome: diagnostic.outcome,
            source,
            value,
            target: diagnostic.target.clone(),
            message: clean(&diagnostic.message),
            reason: diagnostic.reason.as_ref().map(clean),
            remedy: diagnostic.remedy.as_ref().map(clean),
            replacement: diagnostic.replacement.as_ref().map(clean),
            excerpts,
            at,
        }
    }

    /// Makes all diagnostics concrete, in the order of the input: by file, line and column, those without a place first.
    pub fn all<'d>(
        diagnostics: impl IntoIterator<Item = &'d Diagnostic>,
        context: &Context<'_>,
    ) -> Vec<Self> {
        let mut findings: Vec<Self> = diagnostics.into_iter().map(|d| Self::of(d, context)).collect();
        let key = |f: &Self| (f.at.map(Id::file), f.source.as_ref().map(|s| (s.line, s.column)));
        findings.sort_by_key(key);
        findings
    }
}
