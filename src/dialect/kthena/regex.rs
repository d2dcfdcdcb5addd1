//! Whether Go compiles a regular expression, as far as its form tells.

use regex_syntax::ast::parse::Parser;

/// What is wrong with a regular expression, if anything. Only the form is looked at: names of Unicode classes are not.
pub fn refused(pattern: &str) -> Option<String> {
    // Go's literal text is unknown to the parser, and needs no look.
    if pattern.contains("\\Q") || pattern.contains("\\C") {
        return None;
    }
    Parser::new()
        .parse(pattern)
        .err()
        .map(|error| error.kind().to_string())
}

#[cfg(test)]
mod tests {
    use super::refused;

    #[test]
    fn forms() {
        for good in [
            "",
            "^a.*b$",
            r"\d+(?:x|y)?",
            r"(?P<n>[a-z]{2,3})",
            r"\pL",
            r"\Qa(b\E",
        ] {
            assert_eq!(refused(good), None, "{good}");
        }
        for bad in ["(", "a)", "[a", "*a", r"\1", "(?=a)", "a{3,2}"] {
            assert!(refused(bad).is_some(), "{bad}");
        }
    }
}
