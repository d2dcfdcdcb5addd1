//! Numbers that may be written as a percentage: `maxUnavailable: 25%`.

use crate::value::{Node, Value};

/// The number before the percent sign of `25%`, from 0 to 100.
pub fn parse_percent(text: &str) -> Option<u32> {
    match IntOrPercent::parse(text) {
        Ok(IntOrPercent::Percent(p)) => u32::try_from(p).ok().filter(|p| *p <= 100),
        _ => None,
    }
}

/// Whether a value is a count of at least zero or a percentage of at most a hundred, which the language can say.
pub fn is_bound(value: &Node) -> bool {
    value.as_int().is_some_and(|n| n >= 0) || value.as_str().is_some_and(|s| parse_percent(s).is_some())
}

/// Which way a part of one is rounded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rounding {
    /// To the next larger whole number; usual for surges and budgets' minimum.
    Up,
    /// To the next smaller whole number; usual for what may be unavailable in a rollout.
    Down,
}

/// A count, or a share of a total.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IntOrPercent {
    /// That many.
    Int(i64),
    /// That many of each hundred.
    Percent(i64),
}

impl IntOrPercent {
    /// Reads `"25%"`; the error says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let digits = text
            .strip_suffix('%')
            .filter(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()));
        let digits = digits
            .ok_or("a string must be a percentage, for instance 25%; write a count as a plain number")?;
        digits
            .parse()
            .map(Self::Percent)
            .map_err(|_| "the percentage is too large".to_owned())
    }

    /// Reads a number or a string with a percent sign, as the API server does.
    pub fn from_node(node: &Node) -> Result<Self, String> {
        match &node.value {
            Value::Int(n) => Ok(Self::Int(*n)),
            Value::Str(s) => Self::parse(s),
            _ => Err("expected a whole number or a percentage like \"25%\"".to_owned()),
        }
    }

    /// The count that it means, of `total`.
    pub fn resolve(self, total: i64, rounding: Rounding) -> i64 {
        match self {
            Self::Int(n) => n,
            Self::Percent(p) => {
                let product = i128::from(p) * i128::from(total);
                let part = i128::from(rounding == Rounding::Up && product.rem_euclid(100) != 0);
                let n = product.div_euclid(100) + part;
                i64::try_from(n).unwrap_or(if n < 0 { i64::MIN } else { i64::MAX })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares() {
        let p = |s: &str| IntOrPercent::from_node(&Node::from(s)).unwrap();
        assert_eq!(p("25%").resolve(10, Rounding::Up), 3);
        assert_eq!(p("25%").resolve(10, Rounding::Down), 2);
        assert_eq!(p("0%").resolve(10, Rounding::Up), 0);
        assert_eq!(p("100%").resolve(7, Rounding::Down), 7);
        assert_eq!(
            IntOrPercent::from_node(&Node::from(2_i64))
                .unwrap()
                .resolve(10, Rounding::Up),
            2
        );
        assert_eq!(
            p("9223372036854775807%").resolve(i64::MAX, Rounding::Up),
            i64::MAX
        );
    }

    #[test]
    fn refuses() {
        for bad in ["", "%", "2", "-1%", "1.5%", "99999999999999999999%", "a%"] {
            assert!(IntOrPercent::from_node(&Node::from(bad)).is_err(), "{bad}");
        }
        assert!(IntOrPercent::from_node(&Node::from(true)).is_err());
        assert_eq!((parse_percent("25%"), parse_percent("101%")), (Some(25), None));
    }
}
