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

/// Writes a whole number. Most are small and positive, and need none of the formatter's care.
pub(super) fn integer(value: i64, out: &mut String) {
    if !(0..100_000).contains(&value) {
        return display(value, out);
    }
    let mut unit = 10_000;
    while unit > 1 && value < unit {
        unit /= 10;
    }
    while unit > 0 {
        // One digit, so the cast loses nothing.
        out.push(char::from(b'0' + (value / unit % 10) as u8));
        unit /= 10;
    }
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
    if bytes.len() > 200 || matches!(last, b' ' | b':') {
        return false;
    }
    let starts_well = match first {
        b'a'..=b'z' | b'A'..=b'Z' => !is_word(bytes),
        b'/' => true,
        b'_' | b'.' | b'0'..=b'9' => is_no_number(bytes),
        b'-' => bytes.len() > 2 && bytes[1] == b'-' && bytes[2].is_ascii_alphabetic(),
        _ => false,
    };
    starts_well && has_plain_characters(bytes)
}

/// The characters that mean themselves wherever they stand: looked up for every byte that is printed.
const PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = matches!(
            byte as u8,
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'_' | b'-' | b'.' | b'=' | b'+' | b'@' | b'('
            | b')' | b';' | b'$' | b'~' | b'^' | b'%' | b'<' | b'>'
        );
        byte += 1;
    }
    table
};

/// Only characters that mean themselves, blanks one at a time, and neither `: ` nor ` #`. The last is no blank or colon.
fn has_plain_characters(bytes: &[u8]) -> bool {
    let plain = |byte: &u8| PLAIN[usize::from(*byte)];
    let fits = |(at, byte): (usize, &u8)| {
        let next = bytes.get(at + 1).copied().unwrap_or(b' ');
        match byte {
            b' ' => next != b'#' && next != b' ',
            b':' => next != b' ',
            byte => plain(byte),
        }
    };
    bytes.iter().all(plain) || bytes.iter().enumerate().all(fits)
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
fn is_word(text: &[u8]) -> bool {
    const WORDS: [&[u8]; 13] = [
        b"y", b"n", b"yes", b"no", b"on", b"off", b"true", b"false", b"null", b"nil", b"none", b"nan", b"inf",
    ];
    let starts = |b: u8| matches!(b | 0x20, b'y' | b'n' | b'o' | b't' | b'f' | b'i');
    text.len() <= 5
        && text.first().is_some_and(|first| starts(*first))
        && WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
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
