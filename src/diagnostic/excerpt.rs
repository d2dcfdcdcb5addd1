//! Lines of the input, made fit to be shown: without secrets, control characters and unbearable length.

use super::context::Context;
use super::secret;
use crate::source::{Source, Sources, Span, Step};
use crate::value::{Id, Str};
use std::ops::Range;

/// Bytes around a mark that are looked at; what is farther away on the same line is cut off at once.
const NEAR: usize = 4096;
/// Characters shown before and after the start of a mark when the line is longer than the two together.
const SHOWN: (usize, usize) = (60, 100);

/// A line of the input with a part of it marked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Excerpt {
    /// The name of the file.
    pub file: Str,
    /// Line, from 1.
    pub line: u32,
    /// Column of the mark in characters of the original line, from 1.
    pub column: u32,
    /// The line as shown: masked, printable, perhaps cut.
    pub text: String,
    /// The marked bytes of [`Excerpt::text`], on character boundaries; may be empty.
    pub mark: Range<usize>,
    /// The next line as shown, if there are labels that it may stand between.
    pub next: String,
    /// What to say there; may be empty.
    pub label: String,
}

/// A place in a file, by bytes, all of them on character boundaries and on one line.
pub(super) struct Mark<'a> {
    pub(super) file: &'a Source,
    id: Id,
    /// The place is no node of a document.
    beside: bool,
    pub(super) line: u32,
    /// The bytes of the line, without its end.
    whole: Range<usize>,
    /// The marked bytes of the file.
    range: Range<usize>,
}

/// Where to point for a node: at its key if asked, or if the value is a block that starts on a later line.
pub(super) fn mark(sources: &Sources, id: Id, key: bool) -> Option<Mark<'_>> {
    let file = sources.file(id)?;
    let origin = sources.origin(id)?;
    let later = |k: Span| line_at(file, k.start as usize) < line_at(file, origin.span.start as usize);
    let span = match origin.key {
        Some(k) if key || (!origin.leaf && later(k)) => k,
        _ => origin.span,
    };
    let beside = origin.parent.is_some() && matches!(origin.step, Step::Document(_));
    let start = floor(&file.text, span.start as usize);
    let line = line_at(file, start);
    let from = floor(
        &file.text,
        file.lines.get(line).map_or(0, |n| *n as usize).min(start),
    );
    let to = from
        + file.text[from..]
            .find(['\n', '\r'])
            .unwrap_or(file.text.len() - from);
    let start = start.min(to);
    let end = floor(&file.text, span.end as usize).clamp(start, to);
    let line = u32::try_from(line + 1).unwrap_or(u32::MAX);
    Some(Mark {
        file,
        id,
        beside,
        line,
        whole: from..to,
        range: start..end,
    })
}

/// The index of the line that a byte is on.
fn line_at(file: &Source, byte: usize) -> usize {
    file.lines
        .partition_point(|start| *start as usize <= byte)
        .saturating_sub(1)
}

/// The nearest character boundary at or before a byte.
fn floor(text: &str, byte: usize) -> usize {
    let mut at = byte.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

impl Mark<'_> {
    /// In characters, from 1.
    pub(super) fn column(&self) -> u32 {
        let before = self
            .file
            .text
            .get(self.whole.start..self.range.start)
            .unwrap_or_default();
        u32::try_from(before.chars().count() + 1).unwrap_or(u32::MAX)
    }

    /// The line, fit to be shown; with the next line if asked for.
    pub(super) fn excerpt(&self, context: &Context<'_>, label: String, with_next: bool) -> Excerpt {
        let (text, mark) = self.show(context, self.whole.clone(), self.range.clone());
        let next = self.next().filter(|_| with_next);
        let next = next
            .map(|line| self.show(context, line.clone(), line.start..line.start).0)
            .unwrap_or_default();
        Excerpt {
            file: self.file.name.clone(),
            line: self.line,
            column: self.column(),
            text,
            mark,
            next,
            label,
        }
    }

    /// The bytes of the line below.
    fn next(&self) -> Option<Range<usize>> {
        let start = *self.file.lines.get(self.line as usize)? as usize;
        let text = self.file.text.get(start..)?;
        Some(start..start + text.find(['\n', '\r']).unwrap_or(text.len()))
    }

    /// A line with a mark in it, as shown.
    fn show(&self, context: &Context<'_>, whole: Range<usize>, mark: Range<usize>) -> (String, Range<usize>) {
        let text = &self.file.text;
        let from = floor(text, mark.start.saturating_sub(NEAR).max(whole.start));
        let to = floor(text, (mark.start + NEAR).min(whole.end)).max(from);
        let line = &text[from..to];
        let mark = mark.start - from..mark.end.min(to).max(mark.start) - from;
        let (shown, mark) = show(line, &self.masks(context, line, from), &mark);
        cut(shown, mark, from > whole.start, to < whole.end)
    }

    /// What may be secret in a line of a document that could not be read, or beside the tree of one that could (the
    /// second value of a key). Then the values of Secrets and of environment variables cannot be told from others.
    pub(super) fn blind(&self, context: &Context<'_>, line: &str) -> Option<Range<usize>> {
        let secret = match context.document_of(self.id) {
            None => may_be_secret(&self.file.text),
            Some(_) if !self.beside => return None,
            Some(document) => document.root.get("kind").and_then(|k| k.as_str()) == Some("Secret"),
        };
        let (name, range) = value_of_line(line)?;
        (secret || name == "value" || secret::field(name)).then_some(range)
    }

    /// The text that [`Mark::blind`] hides on the marked line.
    pub(super) fn blind_text(&self, context: &Context<'_>) -> Option<&str> {
        let from = floor(
            &self.file.text,
            self.range.start.saturating_sub(NEAR).max(self.whole.start),
        );
        let to = floor(&self.file.text, (self.range.start + NEAR).min(self.whole.end)).max(from);
        let line = &self.file.text[from..to];
        self.blind(context, line).map(|r| &line[r])
    }

    /// What is secret in the line (which begins at byte `from` of the file), and the tags for it.
    fn masks(&self, context: &Context<'_>, line: &str, from: usize) -> Vec<(Range<usize>, String)> {
        let to = from + line.len();
        let mut masks: Vec<(Range<usize>, String)> = Vec::new();
        if let Some(hidden) = context.hidden(self.id.file()) {
            let near = hidden.iter().filter(|(r, _)| r.start < to && r.end > from);
            masks.extend(near.map(|(r, tag)| (r.start.max(from) - from..r.end.min(to) - from, tag.clone())));
        }
        if masks.is_empty() {
            masks.extend(
                self.blind(context, line)
                    .map(|r| (r.clone(), super::mask::tag(&line[r]))),
            );
        }
        let taken: Vec<Range<usize>> = masks.iter().map(|(r, _)| r.clone()).collect();
        let free = |r: &Range<usize>| taken.iter().all(|t| r.end <= t.start || r.start >= t.end);
        let looks = context.masker().ranges(line, true).into_iter().filter(free);
        masks.extend(looks.map(|r| (r.clone(), super::mask::tag(&line[r]))));
        masks.retain(|(r, _)| line.is_char_boundary(r.start) && line.is_char_boundary(r.end));
        masks.sort_by_key(|(r, _)| (r.start, r.end));
        masks
    }
}

/// What to hide on a line of which nothing is known: all but a key and what such a key never hides.
fn value_of_line(line: &str) -> Option<(&str, Range<usize>)> {
    let key = line.find(": ").map_or(0, |n| n + 2);
    let start = key + (line[key..].len() - line[key..].trim_start_matches(['-', ' ']).len());
    let value = line[start..].trim_end();
    let plain = ["apiVersion", "kind", "name", "namespace", "type"];
    let name = line[..key].trim_matches(|c: char| !c.is_alphanumeric());
    let shown = value.is_empty() || value.ends_with(':') || plain.contains(&name);
    (!shown).then(|| (name, start..start + value.len()))
}

/// Whether a text may define a Secret: it has that word.
fn may_be_secret(text: &str) -> bool {
    let edge = |c: Option<char>| !c.is_some_and(char::is_alphanumeric);
    let word = |(at, word): (usize, &str)| {
        edge(text[..at].chars().next_back()) && edge(text[at + word.len()..].chars().next())
    };
    text.match_indices("Secret").any(word)
}

/// The line with masks applied and unprintable characters replaced, and where the mark is in it.
fn show(line: &str, masks: &[(Range<usize>, String)], mark: &Range<usize>) -> (String, Range<usize>) {
    let mut out = String::with_capacity(line.len());
    let (mut start, mut end) = (None, None);
    let mut masks = masks.iter().peekable();
    let mut skip_to = 0;
    for (at, c) in line.char_indices() {
        if at < skip_to {
            continue;
        }
        let next = masks.next_if(|(r, _)| r.start <= at);
        let length = next.map_or(c.len_utf8(), |(r, _)| (r.end.max(at + 1)) - at);
        if at + length > mark.start {
            start.get_or_insert(out.len());
        }
        if at >= mark.end {
            end.get_or_insert(out.len());
        }
        match next {
            Some((range, tag)) => {
                out.push_str(tag);
                skip_to = range.end;
            }
            None if c == '\t' => out.push_str("    "),
            None if c.is_control() || unprintable(c) => out.push('\u{fffd}'),
            None => out.push(c),
        }
    }
    let start = start.unwrap_or(out.len());
    let end = end.unwrap_or(out.len()).max(start);
    (out, start..end)
}

/// Characters that reorder the text around them on the screen, and those without a meaning that all agree on.
pub(super) fn unprintable(c: char) -> bool {
    matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Cuts a long line to what is around the mark.
fn cut(text: String, mark: Range<usize>, before: bool, after: bool) -> (String, Range<usize>) {
    if !before && !after && text.len() <= SHOWN.0 + SHOWN.1 {
        return (text, mark);
    }
    let from = text[..mark.start]
        .char_indices()
        .rev()
        .nth(SHOWN.0 - 1)
        .map_or(0, |(n, _)| n);
    let to = text[mark.start..]
        .char_indices()
        .nth(SHOWN.1)
        .map_or(text.len(), |(n, _)| mark.start + n);
    let head = if before || from > 0 { "…" } else { "" };
    let tail = if after || to < text.len() { "…" } else { "" };
    let shift = |n: usize| n.min(to) - from + head.len();
    let shown = format!("{head}{}{tail}", &text[from..to]);
    let mark = shift(mark.start)..shift(mark.end);
    (shown, mark)
}
