//! Quantities: `500m`, `1.5Gi`, `8`.
//!
//! Exactly what `resource.Quantity` of k8s.io/apimachinery makes of them, its canonical form included, because the API
//! server answers with that form: what was written as `1024Mi` comes back as `1Gi`.

use crate::value::{Node, Str, Value};
use std::cmp::Ordering;
use std::fmt;

const NANO: i128 = 1_000_000_000;

/// How a quantity is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    /// `Ki`, `Mi`, …
    Binary,
    /// `m`, `k`, `M`, …
    Decimal,
    /// `e3`.
    Exponent,
}

/// An exact amount, in billionths, and how it was written. Amounts from about 10^29 on are not read.
#[derive(Clone, Debug)]
pub struct Quantity {
    nanos: i128,
    format: Format,
    /// The text as written, where Kubernetes keeps it.
    text: Option<Str>,
}

impl Quantity {
    /// A whole number without suffix.
    pub fn from_int(n: i64) -> Self {
        Self {
            nanos: i128::from(n) * NANO,
            format: Format::Decimal,
            text: None,
        }
    }

    /// Reads a quantity. The error says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = split(text)?;
        let (base, exponent, format) = suffix(parts.suffix).ok_or_else(|| {
            format!("`{}` is no suffix of a quantity (one of n u m k M G T P E, Ki Mi Gi Ti Pi Ei, or an exponent)", parts.suffix)
        })?;
        let large = || "the number is too large".to_owned();
        let digits = format!("{}{}", parts.whole, parts.fraction);
        let mantissa = if digits.is_empty() {
            0
        } else {
            digits.parse::<i128>().map_err(|_| large())?
        };
        let decimals = i64::try_from(parts.fraction.len()).map_err(|_| large())?;
        let mut nanos = match base {
            10 => scale10(mantissa, exponent - decimals + 9),
            // Kubernetes caps these at the largest 64-bit number anyway.
            _ => Some(
                mantissa
                    .checked_mul(1 << exponent)
                    .and_then(|n| scale10(n, 9 - decimals))
                    .unwrap_or(i128::MAX),
            ),
        }
        .ok_or_else(large)?;
        let mut kind = format;
        if format == Format::Binary {
            nanos = nanos.min(i128::from(i64::MAX) * NANO);
            if nanos > 0 && nanos < NANO {
                kind = Format::Decimal;
            }
        }
        let kept = keeps_text(&parts, exponent, format).then(|| text.into());
        Ok(Self {
            nanos: if parts.negative { -nanos } else { nanos },
            format: kind,
            text: kept,
        })
    }

    /// Reads the quantity that a node is: a string, or a plain number.
    pub fn from_node(node: &Node) -> Result<Self, String> {
        match &node.value {
            Value::Str(s) => Self::parse(s.trim()),
            Value::Int(n) => Ok(Self::from_int(*n)),
            Value::UInt(n) => Self::parse(&n.to_string()),
            Value::Float(n) => Self::parse(&n.to_string()),
            _ => Err("a quantity is a number or a string".to_owned()),
        }
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        self.nanos == 0
    }

    /// Whether it is below zero.
    pub fn is_negative(&self) -> bool {
        self.nanos < 0
    }

    /// The whole number that it is, if it is one that fits.
    pub fn as_int(&self) -> Option<i64> {
        (self.nanos % NANO == 0)
            .then(|| i64::try_from(self.nanos / NANO).ok())
            .flatten()
    }

    /// The whole number that it is, or the next larger one; `i64::MAX` if that does not fit.
    pub fn round_up(&self) -> i64 {
        let up = self.nanos.div_euclid(NANO) + i128::from(self.nanos.rem_euclid(NANO) != 0);
        i64::try_from(up).unwrap_or(if up < 0 { i64::MIN } else { i64::MAX })
    }

    /// The sum, written like `self` (like `other` if `self` is zero).
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let format = if self.is_zero() { other.format } else { self.format };
        Self {
            nanos: self.nanos.saturating_add(other.nanos),
            format,
            text: None,
        }
    }

    /// The product with a whole number, written like `self`.
    #[must_use]
    pub fn times(&self, n: i64) -> Self {
        Self {
            nanos: self.nanos.saturating_mul(n.into()),
            format: self.format,
            text: None,
        }
    }

    fn binary(&self) -> Option<String> {
        let shown = self.nanos % NANO == 0 && self.nanos.abs() >= 1024 * NANO;
        if self.format != Format::Binary || !shown {
            return None;
        }
        let (mut n, mut power) = (self.nanos / NANO, 0);
        while n % 1024 == 0 && power < 6 {
            n /= 1024;
            power += 1;
        }
        Some(format!("{n}{}", ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"][power]))
    }

    fn decimal(&self) -> String {
        let (mut n, mut exponent) = (self.nanos, -9);
        while n % 1000 == 0 && (exponent < 18 || self.format == Format::Exponent) {
            n /= 1000;
            exponent += 3;
        }
        if self.format == Format::Exponent {
            return if exponent == 0 {
                n.to_string()
            } else {
                format!("{n}e{exponent}")
            };
        }
        let suffixes = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
        let at = usize::try_from(exponent / 3 + 3).unwrap_or(0);
        format!("{n}{}", suffixes.get(at).unwrap_or(&""))
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nanos.cmp(&other.nanos)
    }
}

/// The canonical form.
impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Some(text) => f.write_str(text),
            None if self.nanos == 0 => f.write_str("0"),
            None => f.write_str(&self.binary().unwrap_or_else(|| self.decimal())),
        }
    }
}

impl From<&Quantity> for Node {
    fn from(quantity: &Quantity) -> Self {
        quantity.to_string().into()
    }
}

/// The canonical form of a quantity; `None` if it is none.
pub fn canonical(text: &str) -> Option<String> {
    Quantity::parse(text).ok().map(|q| q.to_string())
}

struct Parts<'a> {
    negative: bool,
    /// Without leading zeros.
    whole: &'a str,
    fraction: &'a str,
    suffix: &'a str,
}

fn split(text: &str) -> Result<Parts<'_>, String> {
    if text.is_empty() {
        return Err("a quantity is not empty".to_owned());
    }
    let digits = |s: &str| s.bytes().take_while(u8::is_ascii_digit).count();
    let negative = text.starts_with('-');
    let rest = text
        .strip_prefix(['-', '+'])
        .unwrap_or(text)
        .trim_start_matches('0');
    let (whole, rest) = rest.split_at(digits(rest));
    let (fraction, suffix) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits(rest)),
        None => ("", rest),
    };
    let letters = suffix.trim_start_matches(|c| "eEinumkKMGTP".contains(c));
    let exponent = letters.strip_prefix(['-', '+']).unwrap_or(letters);
    // Upstream takes a suffix alone for zero, where it is short; that is no number to rely on.
    let numberless = !text[..text.len() - suffix.len()]
        .bytes()
        .any(|b| b.is_ascii_digit());
    if numberless || exponent.bytes().any(|b| !b.is_ascii_digit()) {
        return Err("a quantity is a number with a suffix, for instance 500m, 16Gi or 8".to_owned());
    }
    Ok(Parts {
        negative,
        whole,
        fraction,
        suffix,
    })
}

/// Base, exponent and format of a suffix.
fn suffix(suffix: &str) -> Option<(i64, i64, Format)> {
    let (base, exponent, format) = match suffix {
        "" => (10, 0, Format::Decimal),
        "n" => (10, -9, Format::Decimal),
        "u" => (10, -6, Format::Decimal),
        "m" => (10, -3, Format::Decimal),
        "k" => (10, 3, Format::Decimal),
        "M" => (10, 6, Format::Decimal),
        "G" => (10, 9, Format::Decimal),
        "T" => (10, 12, Format::Decimal),
        "P" => (10, 15, Format::Decimal),
        "E" => (10, 18, Format::Decimal),
        "Ki" => (2, 10, Format::Binary),
        "Mi" => (2, 20, Format::Binary),
        "Gi" => (2, 30, Format::Binary),
        "Ti" => (2, 40, Format::Binary),
        "Pi" => (2, 50, Format::Binary),
        "Ei" => (2, 60, Format::Binary),
        _ => (
            10,
            suffix.strip_prefix(['e', 'E'])?.parse::<i32>().ok()?.into(),
            Format::Exponent,
        ),
    };
    Some((base, exponent, format))
}

/// `n` times a power of ten; fractions are rounded away from zero, as Kubernetes does.
fn scale10(n: i128, power: i64) -> Option<i128> {
    if n == 0 {
        return Some(0);
    }
    let factor = 10_i128.checked_pow(u32::try_from(power.unsigned_abs()).ok()?);
    match factor {
        Some(factor) if power >= 0 => n.checked_mul(factor),
        Some(factor) => Some(n / factor + i128::from(n % factor != 0)),
        None if power < 0 => Some(1),
        None => None,
    }
}

/// Whether Kubernetes takes the text for canonical and keeps it, by the rules of its fast path.
fn keeps_text(parts: &Parts<'_>, exponent: i64, format: Format) -> bool {
    let whole = if parts.whole.is_empty() { "0" } else { parts.whole };
    let shifted = format!("{whole}{}", parts.fraction);
    let (Ok(value), Ok(length)) = (shifted.parse::<i64>(), i64::try_from(shifted.len())) else {
        return false;
    };
    if format == Format::Binary {
        let fits = 15 - length - exponent * 3 / 10 > 0 && value.checked_mul(1 << exponent).is_some();
        return parts.fraction.is_empty() && fits && value & 7 != 0;
    }
    let scale = exponent - i64::try_from(parts.fraction.len()).unwrap_or(0);
    let fast = length <= 18 && scale >= -9;
    fast && scale % 3 == 0 && !shifted.ends_with("000") && !shifted.starts_with('0')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What k8s.io/apimachinery v0.36.6 answered.
    #[test]
    fn reads_and_writes_as_kubernetes() {
        for line in include_str!("../../testdata/kubernetes/quantity.tsv").lines() {
            let (text, want) = line.split_once('\t').unwrap();
            let got = canonical(text).unwrap_or_else(|| "invalid".to_owned());
            assert_eq!(got, want, "{text}");
        }
    }

    #[test]
    fn compares_and_adds_as_kubernetes() {
        for line in include_str!("../../testdata/kubernetes/sums.tsv").lines() {
            let cells: Vec<_> = line.split('\t').collect();
            let (Ok(a), Ok(b)) = (Quantity::parse(cells[0]), Quantity::parse(cells[1])) else {
                panic!("{line}")
            };
            assert_eq!((a.cmp(&b) as i8).to_string(), cells[2], "{line}");
            assert_eq!(a.plus(&b).to_string(), cells[3], "{line}");
        }
    }

    #[test]
    fn whole_numbers() {
        assert_eq!(Quantity::parse("8").unwrap().as_int(), Some(8));
        assert_eq!(Quantity::parse("1500m").unwrap().as_int(), None);
        assert_eq!(Quantity::parse("1500m").unwrap().round_up(), 2);
        assert_eq!(Quantity::parse("-1500m").unwrap().round_up(), -1);
        assert_eq!(Quantity::from_node(&Node::from(4_i64)).unwrap().to_string(), "4");
        assert_eq!(Quantity::parse("2Gi").unwrap().times(3).to_string(), "6Gi");
    }

    #[test]
    fn nothing_overflows() {
        for text in [
            "1e99",
            "-1e2147483647",
            "1e-2147483648",
            "1e99999999999999999999",
            &"9".repeat(400),
        ] {
            let _ = Quantity::parse(text).map(|q| q.times(i64::MAX).plus(&q).to_string());
        }
    }
}
