//! Scalars: which strings may stay unquoted, and how the others are quoted.

use crate::value::Piece;
use std::fmt::Write;

const BLANKS: &str = "                                                                ";

/// Writes `n` blanks.
pub(super) fn indent(mut n: usize, out: &mut String) {
    while n > BLANKS.len() {
        out.push_str(BLANKS);
        n -= BLANKS.len();
    }
    out.push_str(&BLANKS[..n]);
}

/// Writes a number or another value that looks the same in all formats.
pub(super) fn display(value: impl std::fmt::Display, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{value}");
}

/// Writes a float so that YAML 1.1 readers see one: with a dot, and a sign in the exponent.
pub(super) fn float(value: f64, out: &mut String) {
    debug_assert!(value.is_finite(), "no infinite number can be in a tree");
    if !value.is_finite() {
        return out.push_str("null");
    }
    let text = format!("{value:?}");
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return out.push_str(&text);
    };
    out.push_str(mantissa);
    out.push_str(if mantissa.contains('.') { "e" } else { ".0e" });
    out.push_str(if exponent.starts_with('-') { "" } else { "+" });
    out.push_str(exponent);
}

/// The text of a string with references that nobody answered. Never happens; must not be lost if it does.
pub(super) fn unanswered(pieces: &[Piece]) -> String {
    debug_assert!(false, "a reference reached the output");
    let text = |piece: &Piece| match piece {
        Piece::Literal(text) => text.to_string(),
        Piece::Reference(_) => "$(?)".to_owned(),
    };
    pieces.iter().map(text).collect()
}

/// Whether every YAML 1.1 and 1.2 reader takes the unquoted text for this very string, as a value and as a key.
pub(super) fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    if bytes.len() > 200 || matches!(last, b' ' | b':') || is_word(text) {
        return false;
    }
    let starts_well = match first {
        b'a'..=b'z' | b'A'..=b'Z' | b'/' => true,
        b'_' | b'.' | b'0'..=b'9' => is_no_number(bytes),
        b'-' => bytes.len() > 2 && bytes[1] == b'-' && bytes[2].is_ascii_alphabetic(),
        _ => false,
    };
    starts_well && has_plain_characters(bytes)
}

/// Only characters that mean themselves, blanks one at a time, and neither `: ` nor ` #`.
fn has_plain_characters(bytes: &[u8]) -> bool {
    bytes.iter().enumerate().all(|(at, byte)| {
        let next = bytes.get(at + 1).copied().unwrap_or(b' ');
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => true,
            b'/' | b'_' | b'-' | b'.' | b'=' | b'+' | b'@' | b'(' | b')' | b';' | b'$' | b'~' | b'^'
            | b'%' | b'<' | b'>' => true,
            b' ' => next != b'#' && next != b' ',
            b':' => next != b' ',
            _ => false,
        }
    })
}

/// Whether a text that starts like a number holds a letter that no number, date or time can hold, in any dialect.
fn is_no_number(bytes: &[u8]) -> bool {
    let no_number = |b: &u8| matches!(b | 0x20, b'g'..=b'm' | b'p'..=b'w') || *b == b'/';
    let based = bytes.len() > 1 && bytes[0] == b'0' && matches!(bytes[1] | 0x20, b'x' | b'o' | b'b');
    let infinite = bytes.len() >= 4 && bytes[bytes.len() - 4..].eq_ignore_ascii_case(b".inf");
    let dots = bytes.starts_with(b"...");
    bytes.iter().any(no_number) && !based && !infinite && !dots && !bytes.contains(&b':')
}

/// The words that some reader takes for a truth value, null or a number.
fn is_word(text: &str) -> bool {
    const WORDS: [&str; 13] = [
        "y", "n", "yes", "no", "on", "off", "true", "false", "null", "nil", "none", "nan", "inf",
    ];
    text.len() <= 5 && WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// Whether a text of several lines may be a literal block: nothing that a reader would strip, detect or refuse.
pub(super) fn is_literal(text: &str) -> bool {
    let body = text.trim_end_matches('\n');
    if !text.contains('\n') || text.starts_with([' ', '\t', '\n']) {
        return false;
    }
    let blank = |line: &str| !line.is_empty() && line.bytes().all(|b| matches!(b, b' ' | b'\t'));
    !body.is_empty()
        && !body.split('\n').any(blank)
        && text.chars().all(|c| matches!(c, '\n' | '\t') || !needs_escape(c))
}

/// Writes a literal block whose lines are indented by `n`, without the line break at its end.
pub(super) fn literal(text: &str, n: usize, out: &mut String) {
    let body = text.trim_end_matches('\n');
    let breaks = text.len() - body.len();
    out.push_str(match breaks {
        0 => "|-",
        1 => "|",
        _ => "|+",
    });
    for line in body.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            indent(n, out);
            out.push_str(line);
        }
    }
    (1..breaks).for_each(|_| out.push('\n'));
}

/// Characters that a reader may refuse, drop or take for a line break, or that nobody can see.
fn needs_escape(c: char) -> bool {
    matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' | '\u{e000}'..='\u{f8ff}')
}

/// Writes a double-quoted string. With `json` only the escapes of JSON are used.
pub(super) fn quoted(text: &str, json: bool, out: &mut String) {
    out.push('"');
    escaped(text, json, out);
    out.push('"');
}

/// Writes the inside of a double-quoted string.
pub(super) fn escaped(text: &str, json: bool, out: &mut String) {
    let mut written = 0;
    for (at, c) in text.char_indices() {
        if !matches!(c, '"' | '\\') && !needs_escape(c) {
            continue;
        }
        out.push_str(&text[written..at]);
        written = at + c.len_utf8();
        escape(c, json, out);
    }
    out.push_str(&text[written..]);
}

/// Writes the escape of one character.
fn escape(c: char, json: bool, out: &mut String) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\t' => out.push_str("\\t"),
        '\r' => out.push_str("\\r"),
        '\0' if !json => out.push_str("\\0"),
        '\0'..='\u{ff}' if !json => display(format_args!("\\x{:02x}", u32::from(c)), out),
        c => display(format_args!("\\u{:04x}", u32::from(c)), out),
    }
}
