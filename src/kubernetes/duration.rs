//! Durations: `1h30m`, as Go writes them and `metav1.Duration` carries them.

use std::fmt;

/// A span of time in nanoseconds, with Go's syntax and limits (about 292 years).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Duration(i64);

const UNITS: [(&str, i128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

impl Duration {
    /// That many seconds; the longest span if that is more than fits.
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000_000))
    }

    /// Reads `90s`, `1h30m`, `1.5h`, `0`. The error says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let negative = text.starts_with('-');
        let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
        if rest == "0" {
            return Ok(Self(0));
        }
        if rest.is_empty() {
            return Err("a duration is not empty; write for instance 30s or 1h30m".to_owned());
        }
        let mut total: i128 = 0;
        while !rest.is_empty() {
            let (nanos, after) = element(rest)?;
            total += nanos;
            if total > i128::from(i64::MAX) + i128::from(negative) {
                return Err("the duration is too long".to_owned());
            }
            rest = after;
        }
        let signed = if negative { -total } else { total };
        i64::try_from(signed)
            .map(Self)
            .map_err(|_| "the duration is too long".to_owned())
    }

    /// The span in nanoseconds.
    pub fn nanoseconds(self) -> i64 {
        self.0
    }

    /// The span in seconds; a part of a second counts as a whole one.
    pub fn seconds_up(self) -> i64 {
        self.0.div_euclid(1_000_000_000) + i64::from(self.0.rem_euclid(1_000_000_000) != 0)
    }
}

/// The whole seconds that a text like `90s`, `10m` or `1h30m` means. Refuses negative spans and parts of a second.
pub fn parse_seconds(text: &str) -> Result<u64, String> {
    let nanos = Duration::parse(text)?.nanoseconds();
    match u64::try_from(nanos) {
        Err(_) => Err("the duration is negative".to_owned()),
        Ok(n) if n % 1_000_000_000 != 0 => Err("the duration is not in whole seconds".to_owned()),
        Ok(n) => Ok(n / 1_000_000_000),
    }
}

/// One number with its unit, and what follows.
fn element(text: &str) -> Result<(i128, &str), String> {
    let digits = |s: &str| s.bytes().take_while(u8::is_ascii_digit).count();
    let (whole, rest) = text.split_at(digits(text));
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits(rest)),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err("a duration is numbers with units, for instance 30s or 1h30m".to_owned());
    }
    let (unit, rest) = rest.split_at(
        rest.find(|c: char| c == '.' || c.is_ascii_digit())
            .unwrap_or(rest.len()),
    );
    let factor = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, factor)| *factor);
    let factor = factor.ok_or_else(|| match unit {
        "" => "the unit is missing (one of ns us ms s m h)".to_owned(),
        _ => format!("`{unit}` is no unit of a duration (one of ns us ms s m h)"),
    })?;
    let number = |s: &str| if s.is_empty() { Ok(0) } else { s.parse::<u64>() };
    let whole = number(whole).map_err(|_| "the duration is too long".to_owned())?;
    let part = format!("0.{}", if fraction.is_empty() { "0" } else { fraction })
        .parse::<f64>()
        .unwrap_or(0.0);
    // The fraction is below one hour, so its nanoseconds fit.
    Ok((i128::from(whole) * factor + (part * factor as f64) as i128, rest))
}

/// As Go prints it: `1h30m0s`, `1.5s`, `100ms`.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        let (size, unit) = match nanos {
            0 => return f.write_str("0s"),
            1..1_000 => (1, "ns"),
            1_000..1_000_000 => (1_000, "µs"),
            1_000_000..1_000_000_000 => (1_000_000, "ms"),
            _ => (1_000_000_000, "s"),
        };
        write!(f, "{sign}")?;
        let minutes = nanos / 60_000_000_000;
        let rest = if unit == "s" {
            nanos % 60_000_000_000
        } else {
            nanos
        };
        if minutes >= 60 {
            write!(f, "{}h", minutes / 60)?;
        }
        if minutes > 0 {
            write!(f, "{}m", minutes % 60)?;
        }
        write!(f, "{}", rest / size)?;
        if rest % size != 0 {
            let width = size.ilog10() as usize;
            let fraction = format!("{:0width$}", rest % size);
            write!(f, ".{}", fraction.trim_end_matches('0'))?;
        }
        f.write_str(unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Go's `time.ParseDuration` answered.
    #[test]
    fn reads_and_writes_as_go() {
        for line in include_str!("../../testdata/kubernetes/duration.tsv").lines() {
            let cells: Vec<_> = line.split('\t').collect();
            match Duration::parse(cells[0]) {
                Ok(d) => {
                    assert_eq!(d.nanoseconds().to_string(), cells[1], "{line}");
                    assert_eq!(d.to_string(), cells[2], "{line}");
                }
                Err(_) => assert_eq!(cells[1], "invalid", "{line}"),
            }
        }
    }

    #[test]
    fn seconds() {
        assert_eq!(Duration::parse("1h30m").unwrap().seconds_up(), 5400);
        assert_eq!(Duration::parse("1500ms").unwrap().seconds_up(), 2);
        assert_eq!(parse_seconds("1h30m"), Ok(5400));
        assert!(parse_seconds("1500ms").is_err() && parse_seconds("-1s").is_err());
        assert_eq!(Duration::from_seconds(90).to_string(), "1m30s");
    }

    #[test]
    fn nothing_overflows() {
        for text in [
            "999999999999999999h",
            &"9".repeat(99),
            &format!("1.{}s", "9".repeat(999)),
            "1é",
            "é",
        ] {
            let _ = Duration::parse(text);
        }
    }
}
