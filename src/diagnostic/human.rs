//! Findings for people at a terminal, in the manner of rustc.

use super::excerpt::{Excerpt, unprintable};
use super::{Finding, Outcome, Severity};
use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use std::borrow::Cow;
use std::fmt::Write as _;

/// How to write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// With colours (ANSI escapes).
    pub color: bool,
    /// Columns of the terminal.
    pub width: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            color: false,
            width: 140,
        }
    }
}

/// All findings, each with its newline. Errors and warnings show the lines they are about; a note is one line.
pub fn render<'a>(findings: impl IntoIterator<Item = &'a Finding>, options: Options) -> String {
    let renderer = if options.color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let renderer = renderer
        .decor_style(DecorStyle::Ascii)
        .term_width(options.width.max(40));
    let mut out = String::new();
    let mut after_block = false;
    for finding in findings {
        let block = finding.severity != Severity::Note;
        if !out.is_empty() && (block || after_block) {
            out.push('\n');
        }
        if block {
            out.push_str(&self::block(finding, &renderer));
            out.push('\n');
        } else {
            note(&mut out, finding, options.color);
        }
        after_block = block;
    }
    out
}

/// How many of each: `2 errors, 1 warning, 3 notes`. Empty if there are none.
pub fn summary<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> String {
    let mut counts = [0usize; 3];
    for finding in findings {
        counts[match finding.severity {
            Severity::Error => 0,
            Severity::Warning => 1,
            Severity::Note => 2,
        }] += 1;
    }
    let words = ["error", "warning", "note"];
    let part = |(n, word): (usize, &str)| match n {
        0 => None,
        1 => Some(format!("1 {word}")),
        n => Some(format!("{n} {word}s")),
    };
    counts
        .into_iter()
        .zip(words)
        .filter_map(part)
        .collect::<Vec<_>>()
        .join(", ")
}

/// One line: `spec.yaml:3:7: note[INF4001]: message; reason; remedy`.
fn note(out: &mut String, finding: &Finding, color: bool) {
    if let Some(place) = &finding.source {
        let _ = write!(out, "{}:{}:{}: ", one_line(&place.file), place.line, place.column);
    }
    let (on, off) = if color {
        ("\u{1b}[1;92m", "\u{1b}[0m")
    } else {
        ("", "")
    };
    let _ = write!(
        out,
        "{on}note[{}]{off}: {}",
        finding.code.id,
        one_line(&finding.message)
    );
    let reason = finding.reason.as_deref().map(Cow::Borrowed);
    for more in reason.into_iter().chain(helps(finding)) {
        let _ = write!(out, "; {}", one_line(&more));
    }
    out.push('\n');
}

/// What was probably meant, unless the remedy says so itself, and the remedy.
fn helps(finding: &Finding) -> Vec<Cow<'_, str>> {
    let remedy = finding.remedy.as_deref();
    let said = |text: &str| remedy.is_some_and(|remedy| remedy.contains(&format!("`{text}`")));
    let meant = finding.replacement.as_deref().filter(|text| !said(text));
    let meant = meant.map(|text| Cow::Owned(format!("did you mean `{}`?", one_line(text))));
    meant.into_iter().chain(remedy.map(Cow::Borrowed)).collect()
}

/// Lines apart at most for two marks of a file to be shown in one piece.
const TOGETHER: u32 = 300;
/// Stands for the name of file number 0 of a finding until it is rendered; a private-use character, which no text that is
/// shown contains. The renderer counts columns in what is shown, and we know them in what was read.
const STAND_IN: u32 = 0xe000;

/// An error or warning with the lines that it is about.
fn block(finding: &Finding, renderer: &Renderer) -> String {
    let pieces = pieces(&finding.excerpts);
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut group = Group::with_title(
        level
            .primary_title(one_line(&finding.message))
            .id(finding.code.id),
    );
    for (n, piece) in pieces.iter().enumerate() {
        let mut snippet = Snippet::source(piece.text.as_str())
            .line_start(piece.line as usize)
            .path(stand_in(n));
        for (number, start) in &piece.marks {
            snippet = snippet.annotation(annotation(finding, *number, *start));
        }
        group = group.element(snippet);
    }
    if let Some(reason) = &finding.reason {
        group = group.element(Level::NOTE.message(lines(reason)));
    }
    for help in helps(finding) {
        group = group.element(Level::HELP.message(lines(&help)));
    }
    let mut out = renderer.render(&[group]);
    for (n, piece) in pieces.iter().enumerate() {
        out = name_file(&out, &stand_in(n), &finding.excerpts[piece.first]);
    }
    out
}

fn stand_in(number: usize) -> String {
    let offset = u32::try_from(number).unwrap_or(0).min(0x1000);
    char::from_u32(STAND_IN + offset).unwrap_or('?').to_string()
}

/// Puts the name, line and column of an excerpt where the renderer has put those of its stand-in.
fn name_file(text: &str, stand_in: &str, excerpt: &Excerpt) -> String {
    let Some((before, after)) = text.split_once(stand_in) else {
        return text.to_owned();
    };
    let rest = after.trim_start_matches(|c: char| c == ':' || c.is_ascii_digit());
    format!(
        "{before}{}:{}:{}{rest}",
        one_line(&excerpt.file),
        excerpt.line,
        excerpt.column
    )
}

/// Some lines of a file, shown in one piece.
struct Piece {
    /// The number of its first excerpt, whose place is named above it.
    first: usize,
    /// The line that it starts with.
    line: u32,
    text: String,
    /// Excerpts by number, and the byte of `text` where their line starts.
    marks: Vec<(usize, usize)>,
}

/// Puts excerpts that are near each other together. Lines between them are left empty, as they are not shown, except
/// where there is only one.
fn pieces(excerpts: &[Excerpt]) -> Vec<Piece> {
    let mut rest: Vec<usize> = (0..excerpts.len()).collect();
    let mut pieces = Vec::new();
    while let Some(first) = rest.first().copied() {
        let head = &excerpts[first];
        let near = |n: &usize| {
            let other = &excerpts[*n];
            let apart = other.line.abs_diff(head.line);
            // A long line may have been cut differently for each of its marks.
            other.file == head.file && apart <= TOGETHER && (apart > 0 || other.text == head.text)
        };
        let mut own: Vec<usize> = rest.iter().copied().filter(near).collect();
        own.sort_by_key(|n| excerpts[*n].line);
        own.dedup_by(|b, a| excerpts[*a].line == excerpts[*b].line && excerpts[*a].text != excerpts[*b].text);
        rest.retain(|n| !own.contains(n));
        pieces.push(piece(first, &own, excerpts));
    }
    pieces
}

fn piece(first: usize, own: &[usize], excerpts: &[Excerpt]) -> Piece {
    let line = own.first().map_or(1, |n| excerpts[*n].line);
    let mut piece = Piece {
        first,
        line,
        text: String::new(),
        marks: Vec::new(),
    };
    let mut last: Option<(&Excerpt, usize)> = None;
    for number in own {
        let excerpt = &excerpts[*number];
        let start = match last {
            Some((previous, start)) if previous.line == excerpt.line => start,
            Some((previous, _)) => {
                piece.text.push('\n');
                match excerpt.line - previous.line {
                    2 => piece.text.extend([previous.next.as_str(), "\n"]),
                    gap => (1..gap).for_each(|_| piece.text.push('\n')),
                }
                piece.text.len()
            }
            None => 0,
        };
        if start == piece.text.len() {
            piece.text.push_str(&excerpt.text);
        }
        piece.marks.push((*number, start));
        last = Some((excerpt, start));
    }
    piece
}

fn annotation(finding: &Finding, number: usize, start: usize) -> Annotation<'_> {
    let excerpt = &finding.excerpts[number];
    // The first mark is the finding's own place, if it has one at all.
    let own = number == 0 && finding.source.is_some();
    let kind = if own {
        AnnotationKind::Primary
    } else {
        AnnotationKind::Context
    };
    let annotation = kind.span(start + excerpt.mark.start..start + excerpt.mark.end);
    match (
        excerpt.label.is_empty(),
        own && finding.outcome != Outcome::Invalid,
    ) {
        (false, _) => annotation.label(one_line(&excerpt.label)),
        (true, true) => annotation.label(finding.outcome.as_str()),
        (true, false) => annotation,
    }
}

/// A text on one line, without anything that a terminal would act upon.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_whitespace() { ' ' } else { printable(c) })
        .collect()
}

/// A text that may have several lines, without anything else that a terminal would act upon.
fn lines(text: &str) -> String {
    let keep = |c: char| if c == '\n' { c } else { printable(c) };
    text.trim_end().chars().filter(|c| *c != '\r').map(keep).collect()
}

fn printable(c: char) -> char {
    if c.is_control() || unprintable(c) {
        '\u{fffd}'
    } else {
        c
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Fixture;
    use super::super::{Code, Context, Diagnostic, Target};
    use super::*;
    use crate::source::{Document, Origin, Source, Sources, Span, Step};
    use crate::value::{Id, Ids, Node};

    const BAD: Code = Code {
        id: "INF0102",
        title: "bad",
        severity: Severity::Error,
        explanation: "",
    };
    const SPEC: &str = "kind: Serving\nspec:\n  engine: vlm\n  roles:\n  - name: a\n    replicas: 2\n  env:\n  - name: HF_TOKEN\n    value: hunter2hunter2\n";

    fn show(fixture: &Fixture, diagnostics: &[Diagnostic]) -> String {
        let context = Context::new(&fixture.sources, &fixture.documents);
        render(&Finding::all(diagnostics, &context), Options::default())
    }

    #[test]
    fn like_rustc() {
        let f = Fixture::new(SPEC);
        let d = Diagnostic::new(&BAD, "unknown engine `vlm`")
            .at(f.id(&["spec", "engine"]))
            .replacement("vllm")
            .label(Some(f.id(&["spec", "roles", "0", "replicas"])), "used here")
            .reason("three engines are known")
            .remedy("choose one");
        let want = "\
error[INF0102]: unknown engine `vlm`
 --> spec.yaml:3:11
  |
3 |   engine: vlm
  |           ^^^
...
6 |     replicas: 2
  |               - used here
  |
  = note: three engines are known
  = help: did you mean `vllm`?
  = help: choose one
";
        let got = show(&f, &[d]);
        assert_eq!(got, want, "\n{got}");
    }

    #[test]
    fn secrets_stay_hidden() {
        let f = Fixture::new(SPEC);
        let at = f.id(&["spec", "env", "0", "value"]);
        let d = Diagnostic::new(&BAD, "`hunter2hunter2` is odd")
            .at(at)
            .outcome(Outcome::Dropped);
        let got = show(&f, std::slice::from_ref(&d));
        assert!(!got.contains("hunter2"), "{got}");
        assert!(
            got.contains("9 |     value: <secret:") && got.contains("^^^^^^^^^^^^^^^ dropped"),
            "{got}"
        );
        let context = Context::new(&f.sources, &f.documents);
        assert!(!super::super::json::render(&[Finding::of(&d, &context)]).contains("hunter2"));
        // The file could not be read: nothing is known about it but its looks.
        let broken = Fixture {
            documents: Vec::new(),
            ..Fixture::new("kind: Secret\ndata:\n  a: cGFzcw\n")
        };
        let d = Diagnostic::new(&BAD, "no").at(Id::new(0, 3));
        let got = show(&broken, &[d]);
        assert!(
            !got.contains("cGFzcw") && got.contains("3 |   a: <secret:"),
            "{got}"
        );
    }

    #[test]
    fn notes_are_lines_and_are_counted() {
        let f = Fixture::new(SPEC);
        let at = f.id(&["spec", "roles"]);
        let note = Diagnostic::new(&BAD, "fine\nreally")
            .severity(Severity::Note)
            .at(at)
            .remedy("do\u{1b}x");
        let all = [note.clone(), note.clone(), Diagnostic::new(&BAD, "no place")];
        let got = show(&f, &all);
        let line = "spec.yaml:4:3: note[INF0102]: fine really; do\u{fffd}x\n";
        assert_eq!(got, format!("error[INF0102]: no place\n\n{line}{line}"));
        let context = Context::new(&f.sources, &f.documents);
        assert_eq!(summary(&Finding::all(&all, &context)), "1 error, 2 notes");
        assert_eq!(summary(&[]), "");
    }

    #[test]
    fn the_report_is_complete() {
        let f = Fixture::new("apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\nspec:\n  a/b: 1\n");
        let target = Target {
            dialect: "lws".into(),
            kind: Some("LeaderWorkerSet".into()),
            ..Target::default()
        };
        let d = Diagnostic::new(&BAD, "m")
            .at(f.id(&["spec", "a/b"]))
            .target(target);
        let context = Context::new(&f.sources, &f.documents);
        let got = super::super::json::report(&[Finding::of(&d, &context)]).to_string();
        let want = r#"{"apiVersion":"infer.dev/v1alpha1","kind":"Report","entries":[{"code":"INF0102","severity":"error","outcome":"invalid","source":{"file":"spec.yaml","line":6,"column":8,"apiVersion":"v1","kind":"Pod","name":"p","pointer":"/spec/a~1b"},"value":1,"target":{"dialect":"lws","kind":"LeaderWorkerSet"},"message":"m","reason":"bad","remedy":"see `kubectl infer explain INF0102`"}]}"#;
        assert_eq!(got, want);
    }

    #[test]
    fn no_span_can_crash_it() {
        let long = format!("k: {}", "é".repeat(50_000));
        let texts = [
            "",
            "\n",
            "a",
            "é: ü\r\n\tb: \u{1b}[31m\u{202e}x",
            "a\r\rb\n",
            &long,
            "👩‍👩‍👧: [1]\n\n\n",
        ];
        for text in texts {
            let n = text.len() as u32;
            let lines: Vec<u32> = std::iter::once(0)
                .chain(text.match_indices('\n').map(|(n, _)| n as u32 + 1))
                .collect();
            let edges = [
                0,
                1,
                2,
                3,
                5,
                n / 2,
                n.saturating_sub(1),
                n,
                n + 1,
                n + 9,
                u32::MAX,
            ];
            let spans = edges
                .iter()
                .flat_map(|a| edges.iter().map(move |b| Span { start: *a, end: *b }));
            let origin = |(i, span): (usize, Span)| Origin {
                parent: (i > 0).then_some(u32::try_from(i).unwrap_or(0)),
                step: Step::Index(0),
                span,
                key: (i % 3 == 0).then_some(span),
                leaf: i % 2 == 0,
            };
            let origins: Vec<Origin> = spans.enumerate().map(origin).collect();
            let count = origins.len() as u32;
            let mut sources = Sources::new();
            for lines in [lines, Vec::new(), vec![7, 3]] {
                sources.push(Source {
                    name: "x\n".into(),
                    text: text.into(),
                    lines,
                    origins: origins.clone(),
                });
            }
            let document = Document {
                root: Node::map(),
                id: Id::new(0, 0),
                comments: Vec::new(),
            };
            let documents = [document];
            let context = Context::new(&sources, &documents);
            let ids = (0..3).flat_map(|f| (0..=count).map(move |i| Id::new(f, i)));
            for (id, color) in ids.map(|id| (id, id.node() % 4 == 0)) {
                let d = Diagnostic::new(&BAD, "\u{1b}")
                    .at(id)
                    .label(Some(id), "l")
                    .label(Some(Id::new(0, 1)), "");
                let out = render(&[Finding::of(&d, &context)], Options { color, width: 0 });
                assert!(out.len() < 8000 && (color || !out.contains('\u{1b}')), "{out}");
            }
            let covers = Diagnostic::new(&BAD, "").at_ids(&Ids::from(Id::new(9, 9)));
            assert!(Finding::of(&covers, &context).source.is_none());
        }
    }
}

/// With the reader of real files.
#[cfg(test)]
mod read {
    use super::super::{Context, Finding, Ledger};
    use super::*;
    use crate::source::{Limits, Sources, parse};

    fn told(text: &str) -> String {
        let (mut sources, mut ledger) = (Sources::new(), Ledger::new());
        let (source, documents) = parse("x.yaml", text, 0, &Limits::default(), &mut ledger);
        sources.push(source);
        let context = Context::new(&sources, &documents);
        let findings = Finding::all(&ledger.diagnostics, &context);
        assert!(!findings.is_empty(), "{text}");
        format!(
            "{}{}",
            render(&findings, Options::default()),
            super::super::json::render(&findings)
        )
    }

    #[test]
    fn secrets_in_what_cannot_be_read_stay_hidden() {
        let texts = [
            "kind: Secret\nstringData:\n  a: x\n  a: hunter2hunter2\n",
            "kind: Secret\nstringData:\n  a: hunter2hunter2\n  a: x\n",
            "kind: A\n---\nkind: Secret\ndata:\n  a: !!int hunter2hunter2\n",
            "kind: Secret\ndata:\n  a: hunter2hunter2: b\n",
            "kind: Secret\ndata:\n  a: \"hunter2hunter2\n",
            "kind: Secret\ndata:\n  a: *hunter2hunter2\n",
            "kind: Pod\nspec:\n  env:\n  - name: HF_TOKEN\n    value: x\n    value: hunter2hunter2\n",
            "kind: Pod\nspec:\n  env:\n  - name: HF_TOKEN\n    value: hunter2hunter2\n    x: [\n",
        ];
        for text in texts {
            let told = told(text);
            assert!(!told.contains("hunter2"), "{text}\n{told}");
        }
        let told = told("kind: Pod\nspec:\n  a: plain\n  a: other\n");
        assert!(told.contains("a: plain") || told.contains("a: other"), "{told}");
    }
}
