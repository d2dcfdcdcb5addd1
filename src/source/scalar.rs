//! Scalars as Kubernetes reads them: go-yaml's YAML 1.1 table (sigs.k8s.io/yaml/goyaml.v2, `resolve.go`), to the letter.

use crate::value::{Str, Value};
use std::borrow::Cow;

/// A scalar that is no value of JSON.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NotFinite;

/// The value of a plain (unquoted) scalar without a tag.
///
/// # Errors
///
/// For infinities and NaN, which Kubernetes refuses.
pub(crate) fn resolve(text: &str) -> Result<Value, NotFinite> {
    let Some(&first) = text.as_bytes().first() else {
        return Ok(Value::Null);
    };
    let number = match first {
        b'0'..=b'9' | b'+' | b'-' | b'.' => number(text)?,
        b'~' | b'n' | b'N' | b'y' | b'Y' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' => word(text),
        _ => None,
    };
    Ok(number.unwrap_or_else(|| Value::Str(text.into())))
}

/// The words with a meaning.
fn word(text: &str) -> Option<Value> {
    match text {
        "~" | "null" | "Null" | "NULL" => Some(Value::Null),
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Some(Value::Bool(true))
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Some(Value::Bool(false))
        }
        _ => None,
    }
}

/// Anything that starts like a number, in the order in which go-yaml tries the forms.
fn number(text: &str) -> Result<Option<Value>, NotFinite> {
    if is_not_finite(text) {
        return Err(NotFinite);
    }
    if text.starts_with('.') {
        // Here go-yaml leaves underscores in, and Go allows them between two digits only.
        return Ok(float(&without_separators(text)).map(Value::Float));
    }
    let digits: Cow<'_, str> = if text.contains('_') {
        text.replace('_', "").into()
    } else {
        text.into()
    };
    Ok(integer(&digits).or_else(|| {
        if looks_decimal(&digits) {
            float(&digits).map(Value::Float)
        } else {
            None
        }
    }))
}

fn is_not_finite(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN")
}

/// Go's `ParseInt(s, 0, 64)`, then `ParseUint(s, 0, 64)`, which takes no sign.
fn integer(text: &str) -> Option<Value> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (digits, radix) = radix(unsigned);
    if digits.is_empty() || !digits.bytes().all(|b| char::from(b).is_digit(radix)) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        return 0i64.checked_sub_unsigned(magnitude).map(Value::Int);
    }
    match i64::try_from(magnitude) {
        Ok(int) => Some(Value::Int(int)),
        Err(_) => (unsigned.len() == text.len()).then_some(Value::UInt(magnitude)),
    }
}

/// The digits behind the prefix, and their base. A leading zero alone means octal.
fn radix(text: &str) -> (&str, u32) {
    let bytes = text.as_bytes();
    if bytes.len() < 2 || bytes[0] != b'0' {
        return (text, 10);
    }
    match bytes[1] {
        b'x' | b'X' => (&text[2..], 16),
        b'o' | b'O' => (&text[2..], 8),
        b'b' | b'B' => (&text[2..], 2),
        _ => (&text[1..], 8),
    }
}

/// go-yaml's `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`.
fn looks_decimal(text: &str) -> bool {
    let digits = |bytes: &mut &[u8]| {
        let n = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
        *bytes = &bytes[n..];
        n
    };
    let mut rest = text.strip_prefix(['+', '-']).unwrap_or(text).as_bytes();
    let whole = digits(&mut rest);
    if let Some(after) = rest.strip_prefix(b".") {
        rest = after;
        if digits(&mut rest) == 0 && whole == 0 {
            return false;
        }
    } else if whole == 0 {
        return false;
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        rest = exponent
            .strip_prefix(b"+")
            .or(exponent.strip_prefix(b"-"))
            .unwrap_or(exponent);
        return digits(&mut rest) > 0 && rest.is_empty();
    }
    rest.is_empty()
}

/// The text without the underscores that have a digit on both sides.
fn without_separators(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let separator = |(at, c): (usize, char)| c == '_' && at > 0 && digit(at - 1) && digit(at + 1);
    if !text.contains('_') {
        return text.into();
    }
    text.char_indices()
        .filter(|next| !separator(*next))
        .map(|(_, c)| c)
        .collect()
}

/// A finite float; a text that overflows stays a string.
fn float(text: &str) -> Option<f64> {
    text.parse().ok().filter(|f: &f64| f.is_finite())
}

/// Reads `text` under an explicit core tag such as `int`, whatever its quotes.
///
/// # Errors
///
/// When the text is not of that type.
pub(crate) fn resolve_tagged(tag: &str, text: &str) -> Result<Value, NotFinite> {
    if tag == "str" {
        return Ok(Value::Str(text.into()));
    }
    let value = resolve(text)?;
    match (tag, value) {
        ("float", Value::Int(i)) => Ok(Value::Float(i as f64)),
        ("float", Value::UInt(u)) => Ok(Value::Float(u as f64)),
        ("float", value @ Value::Float(_))
        | ("int", value @ (Value::Int(_) | Value::UInt(_)))
        | ("bool", value @ Value::Bool(_))
        | ("null", value @ Value::Null) => Ok(value),
        _ => Err(NotFinite),
    }
}

/// What a key of this value is called, as sigs.k8s.io/yaml converts it. `None` for null, which it refuses.
pub(crate) fn key_text(value: &Value) -> Option<Str> {
    match value {
        Value::Str(s) => Some(s.clone()),
        Value::Bool(b) => Some(if *b { "true" } else { "false" }.into()),
        Value::Int(i) => Some(i.to_string().into()),
        Value::UInt(u) => Some(u.to_string().into()),
        Value::Float(f) => Some(go_float(*f).into()),
        Value::Null | Value::Text(_) | Value::Seq(_) | Value::Map(_) => None,
    }
}

/// Go's `strconv.FormatFloat(f, 'g', -1, 32)`: the shortest digits of the nearest single-precision number, with an
/// exponent of at least two digits below 1e-4 and from 1e6 on.
fn go_float(float: f64) -> String {
    let single = float as f32;
    if single.is_infinite() {
        return if single > 0.0 {
            ".inf".into()
        } else {
            "-.inf".into()
        };
    }
    go_shortest(&format!("{single:e}"), || single.to_string())
}

/// How Go prints a number by its shortest digits (`%g`), of which `scientific` is Rust's form with an exponent and `plain` the
/// one without.
pub(crate) fn go_shortest(scientific: &str, plain: impl FnOnce() -> String) -> String {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return plain();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

/// The bytes of standard base64 with padding; line breaks are skipped as Go does.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    let sextet = |b: u8| match b {
        b'A'..=b'Z' => Some(b - b'A'),
        b'a'..=b'z' => Some(b - b'a' + 26),
        b'0'..=b'9' => Some(b - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let clean: Vec<u8> = text.bytes().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
    if !clean.len().is_multiple_of(4) {
        return None;
    }
    let padding = clean.iter().rev().take(2).take_while(|b| **b == b'=').count();
    let mut bytes = Vec::with_capacity(clean.len() / 4 * 3);
    let (mut bits, mut width) = (0u32, 0u32);
    for &b in &clean[..clean.len() - padding] {
        bits = (bits << 6) | u32::from(sextet(b)?);
        width += 6;
        if width >= 8 {
            width -= 8;
            bytes.push((bits >> width) as u8);
            bits &= (1 << width) - 1;
        }
    }
    Some(bytes)
}

/// What Kubernetes makes of an unquoted scalar that people often mean otherwise: `on` is `true`, `012` is `10`, `1_000` is
/// `1000`, `1e3` is `1000.0`. `None` if it is read as it looks (also `true`, `null`, `12`, `0.90`), or starts with a quote.
pub fn surprising(text: &str) -> Option<String> {
    match resolve(text).ok()? {
        Value::Bool(b) if !matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE") => {
            Some(b.to_string())
        }
        Value::Int(i) if text != i.to_string() => Some(i.to_string()),
        Value::UInt(u) if text != u.to_string() => Some(u.to_string()),
        Value::Float(f) if text.contains(['_', 'e', 'E']) || !text.contains('.') => Some(format!("{f:?}")),
        _ => None,
    }
}
