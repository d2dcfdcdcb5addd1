//! `# infer: ignore[INF1234]` in the input.

use super::context::Context;
use super::{Finding, Severity};
use crate::source::{Document, Sources};
use std::collections::HashMap;

/// Findings after the comments of the input were heard.
#[derive(Debug, Default)]
pub struct Suppressed {
    /// Those to be shown and counted.
    pub kept: Vec<Finding>,
    /// Those that a comment asked to be quiet about; the full report still has them.
    pub quiet: Vec<Finding>,
}

/// Sets aside the warnings and notes that a comment asks to be quiet about: `# infer: ignore[INF1234, INF4001]`, or
/// `# infer: ignore` for all codes, at the end of the line that the finding points to or alone on the line above it.
/// Errors are never suppressed.
pub fn suppress(findings: Vec<Finding>, context: &Context<'_>) -> Suppressed {
    let asked = asked(context.documents, context.sources);
    let mut out = Suppressed::default();
    for finding in findings {
        let quiet = finding.severity != Severity::Error
            && match (&finding.at, &finding.source) {
                (Some(id), Some(place)) => asked
                    .get(&(id.file(), place.line))
                    .is_some_and(|codes| codes.iter().any(|c| c.is_empty() || c == finding.code.id)),
                _ => false,
            };
        if quiet { &mut out.quiet } else { &mut out.kept }.push(finding);
    }
    out
}

/// By file and line (from 1): the codes to be quiet about there; an empty one stands for all.
fn asked(documents: &[Document], sources: &Sources) -> HashMap<(u32, u32), Vec<String>> {
    let mut asked: HashMap<(u32, u32), Vec<String>> = HashMap::new();
    for document in documents {
        let Some(file) = sources.file(document.id) else {
            continue;
        };
        for comment in &document.comments {
            let Some(codes) = codes(&comment.text) else {
                continue;
            };
            let index = file
                .lines
                .partition_point(|start| *start <= comment.at)
                .saturating_sub(1);
            let start = file.lines.get(index).map_or(0, |n| *n as usize);
            let before = file.text.get(start..comment.at as usize).unwrap_or_default();
            // Lines count from 1: `index + 1` is the comment's own, `index + 2` the one below.
            let line = if before.trim().is_empty() {
                index + 2
            } else {
                index + 1
            };
            let line = u32::try_from(line).unwrap_or(u32::MAX);
            asked.entry((document.id.file(), line)).or_default().extend(codes);
        }
    }
    asked
}

/// The codes in the text of a comment, if it is one to us.
fn codes(comment: &str) -> Option<Vec<String>> {
    let rest = comment
        .trim_start_matches('#')
        .trim_start()
        .strip_prefix("infer:")?
        .trim_start();
    let rest = rest.strip_prefix("ignore")?;
    match rest.trim_start().strip_prefix('[') {
        Some(list) => Some(
            list.split(']')
                .next()?
                .split(',')
                .map(|c| c.trim().to_owned())
                .filter(|c| !c.is_empty())
                .collect(),
        ),
        None if rest.is_empty() || rest.starts_with(char::is_whitespace) => Some(vec![String::new()]),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Fixture;
    use super::super::{Code, Diagnostic};
    use super::*;

    const CODE: Code = Code {
        id: "INF1234",
        title: "",
        severity: Severity::Warning,
        explanation: "",
    };

    #[test]
    fn comments_silence_their_line() {
        let text = "a: 1 # infer: ignore[INF1234]\nb: 2\n# infer: ignore[INF1, INF1234]\nc: 3\n# infer: ignore[INF1]\nd: 4\ne: 5 # infer: ignore\nf: 6 # infer: ignored\n";
        let f = Fixture::new(text);
        let said = ["a", "b", "c", "d", "e", "f"].map(|key| Diagnostic::new(&CODE, key).at(f.id(&[key])));
        let error = Diagnostic::new(&CODE, "error")
            .severity(Severity::Error)
            .at(f.id(&["a"]));
        let context = Context::new(&f.sources, &f.documents);
        let out = suppress(Finding::all(said.iter().chain([&error]), &context), &context);
        let names = |list: &[Finding]| list.iter().map(|f| f.message.clone()).collect::<Vec<_>>();
        assert_eq!(names(&out.kept), ["error", "b", "d", "f"]);
        assert_eq!(names(&out.quiet), ["a", "c", "e"]);
    }
}
