//! Names with parts that nobody knows before: random characters and hashes.
//!
//! While a name is put together and cut, such parts are characters that no name has, so that lengths are right. At the end they
//! are written as a pattern.

use crate::value::Str;

/// One character that the API server draws.
const RANDOM_CHAR: char = '\u{e000}';
/// One character of a hash.
const HASH_CHAR: char = '\u{e001}';

/// What the API server appends to a `generateName`.
pub const RANDOM: &str = "\u{e000}\u{e000}\u{e000}\u{e000}\u{e000}";
/// A hash of a template or revision.
pub const HASH: &str = "\u{e001}\u{e001}\u{e001}\u{e001}\u{e001}\u{e001}";

/// The most characters of a name.
pub const NAME: usize = 63;
/// The most characters of a `generateName` that are kept.
pub const GENERATE_NAME: usize = 58;

/// A name of at most so many characters: its first one and its end.
pub fn short(name: &str, most: usize) -> String {
    let length = name.chars().count();
    if length <= most {
        return name.to_owned();
    }
    let first = name.chars().take(1);
    first.chain(name.chars().skip(length - most + 1)).collect()
}

/// A name of at most so many characters: its beginning.
pub fn short_prefix(name: &str, most: usize) -> String {
    name.chars().take(most).collect()
}

/// The name as it is shown: `<random:5>` for random characters, `<hash>` for a hash.
pub fn pattern(name: &str) -> Str {
    let mut out = String::with_capacity(name.len() + 16);
    let mut rest = name;
    while let Some(at) = rest.find([RANDOM_CHAR, HASH_CHAR]) {
        let (head, tail) = rest.split_at(at);
        out.push_str(head);
        let mark = if tail.starts_with(RANDOM_CHAR) {
            RANDOM_CHAR
        } else {
            HASH_CHAR
        };
        let run = tail.chars().take_while(|c| *c == mark).count();
        match mark {
            RANDOM_CHAR => out.push_str(&format!("<random:{run}>")),
            _ => out.push_str("<hash>"),
        }
        rest = tail.trim_start_matches(mark);
    }
    out.push_str(rest);
    out.into()
}

/// A name of the kind that it stands for, for checks.
pub fn sample(name: &str) -> String {
    name.replace([RANDOM_CHAR, HASH_CHAR], "4")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_as_the_controllers_do() {
        assert_eq!(short(&"a".repeat(63), NAME), "a".repeat(63));
        assert_eq!(
            short(&format!("x{}", "a".repeat(63)), NAME),
            format!("x{}", "a".repeat(62))
        );
        let name = format!("{}-roleset-{RANDOM}-w-{HASH}-0", "a".repeat(40));
        let cut = short(&name, NAME);
        assert_eq!(cut.chars().count(), 63);
        assert_eq!(
            pattern(&cut),
            format!("{}-roleset-<random:5>-w-<hash>-0", "a".repeat(38))
        );
        assert_eq!(pattern(&short(&format!("{RANDOM}-b"), 4)), "<random:2>-b");
        assert_eq!(sample(HASH), "444444");
    }
}
