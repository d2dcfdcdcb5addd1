//! What is looked at before the grammar: size, encoding, characters that YAML forbids, byte order marks.

use super::Limits;
use crate::diagnostic::{Diagnostic, Ledger};
use crate::source::codes::TOO_LARGE;
use std::borrow::Cow;

const BOM: &str = "\u{feff}";

/// Whether a text of this size is read at all; reports it if not.
pub(super) fn fits(name: &str, bytes: usize, limits: &Limits, report: &mut Ledger) -> bool {
    let limit = limits.file_bytes.min(u32::MAX as usize);
    if bytes > limit {
        let message = format!("{name} is larger than {} MiB and is not read", limit >> 20);
        report.report(Diagnostic::new(&TOO_LARGE, message).remedy("split the file"));
    }
    bytes <= limit
}

/// The first character that YAML does not allow in a text, and where it stands.
pub(super) fn forbidden(text: &str) -> Option<(usize, char)> {
    // Two steps, because nearly all texts have no byte that even looks suspicious: control characters, DEL, and the lead
    // bytes of C1 controls (C2) and of U+FFFE and U+FFFF (EF).
    let suspicious =
        |b: u8| (b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r')) || matches!(b, 0x7f | 0xc2 | 0xef);
    if !text.bytes().any(suspicious) {
        return None;
    }
    text.char_indices().find(|(_, c)| {
        matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}')
    })
}

/// The text with each byte order mark that follows a `---` line made blank, without moving any other byte.
///
/// kubectl accepts a mark at the start of each document (files get concatenated), the grammar only at the start of the
/// text. The line break before the mark and the mark change places, so that the mark becomes blanks at the end of the
/// `---` line and the columns of what follows stay right.
pub(super) fn without_inner_marks(text: &str) -> Cow<'_, str> {
    let mut copy = String::new();
    let mut written = 0;
    for (at, mark) in text.match_indices(BOM) {
        if text[..at].strip_suffix('\n').is_some_and(ends_in_separator) {
            copy.push_str(&text[written..at - 1]);
            copy.push_str("   \n");
            written = at + mark.len();
        }
    }
    if written == 0 {
        return text.into();
    }
    copy.push_str(&text[written..]);
    copy.into()
}

/// Whether the last line of a text is a `---` line without a value on it.
fn ends_in_separator(text: &str) -> bool {
    let line = text.rsplit('\n').next().unwrap_or(text);
    let line = line.strip_prefix(BOM).unwrap_or(line);
    line.strip_prefix("---")
        .is_some_and(|rest| rest.trim_end().is_empty() || rest.trim_start().starts_with('#'))
}
