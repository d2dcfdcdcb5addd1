//! What looks like a secret: by the name it has, and by the way it is written inside a longer text.

use std::ops::Range;

/// Words that make whatever bears them a secret.
const ALWAYS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "credential",
    "credentials",
    "apikey",
];
/// Words that say that the thing describes or points to a secret rather than being one.
const ABOUT: &[&str] = &[
    "path", "file", "dir", "name", "len", "length", "size", "count", "type", "limit", "ttl", "ref", "header",
    "id",
];
/// Words before `key` that make it a secret in names that are not environment variables.
const KEYS: &[&str] = &["api", "access", "secret", "private", "auth", "signing"];
/// Words before `token` that make it a piece of text for a model: `time-to-first-token`.
const OF_TEXT: &[&str] = &[
    "first", "last", "next", "per", "max", "min", "new", "input", "output", "eos", "bos", "pad", "mask",
    "stop", "special", "unk", "sep", "cls", "image", "end", "start", "think",
];
/// Beginnings of tokens that well-known services issue, and how many letters and digits in a row must follow.
const ISSUED: &[(&str, usize)] = &[
    ("hf_", 20),
    ("sk-", 16),
    ("nvapi-", 16),
    ("ghp_", 20),
    ("gho_", 20),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("xoxb-", 16),
    ("AKIA", 16),
];

/// The lower-case words of a name: `--hf-token`, `HF_TOKEN`, `hfToken` are all `hf`, `token`.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![String::new()];
    let mut lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (lower && c.is_uppercase()) {
            words.push(String::new());
        }
        lower = c.is_lowercase() || c.is_ascii_digit();
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|w| !w.is_empty());
    words
}

/// Whether a field or flag of this name holds a secret: `password`, `apiKey`, `--hf-token`; not `key`, `secretName`.
pub(super) fn field(name: &str) -> bool {
    let words = words(name);
    let Some(last) = words.last().map(String::as_str) else {
        return false;
    };
    match last {
        "token" => words.len() < 2 || !OF_TEXT.contains(&words[words.len() - 2].as_str()),
        "key" => words.len() > 1 && KEYS.contains(&words[words.len() - 2].as_str()),
        _ => ALWAYS.contains(&last),
    }
}

/// Whether an environment variable of this name and value is a secret. Wider than [`field`]: any `KEY` counts.
pub(super) fn variable(name: &str, value: &str) -> bool {
    let words = words(name);
    let has = |set: &[&str]| words.iter().any(|w| set.contains(&w.as_str()));
    // `AWS_ACCESS_KEY_ID` is half of a secret, `TOKEN_PATH` says where one is.
    let about = words.last().is_some_and(|w| ABOUT.contains(&w.as_str())) && !(has(&["key"]) && has(&["id"]));
    if about || harmless(value) {
        return false;
    }
    let plain = plain(value);
    let of_text = words
        .windows(2)
        .any(|w| w[1] == "token" && OF_TEXT.contains(&w[0].as_str()));
    has(ALWAYS) || has(&["secret"]) || ((has(&["key", "pat"]) || (has(&["token"]) && !of_text)) && !plain)
}

/// Whether a value is a number or a truth value, which only a password can be.
pub(super) fn plain(value: &str) -> bool {
    value.parse::<f64>().is_ok() || matches!(value, "true" | "false")
}

/// Whether a value cannot be a secret whatever its name: nothing, a reference to a variable, a placeholder, or masked already.
pub(super) fn harmless(value: &str) -> bool {
    let value = value.trim();
    let within = |open: &str, close: &str| value.starts_with(open) && value.ends_with(close);
    let upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let name = |name: &str| !name.is_empty() && name.chars().all(upper);
    value.is_empty()
        || value.starts_with("$(")
        || value.starts_with("${")
        || (within("<", ">") && !value.contains(' '))
        || within("{{", "}}")
        || value.strip_prefix('$').is_some_and(name)
        || value.chars().all(|c| "*x.".contains(c))
}

/// The ranges of `text` that look like secrets, in order and disjoint. `shell` says that the text is (part of) a
/// command line or document, where a blank may stand between a flag and its value, and not a sentence about one.
pub(super) fn scan(text: &str, shell: bool) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    user_info(text, &mut found);
    issued(text, &mut found);
    private_keys(text, &mut found);
    bearer(text, &mut found);
    assigned(text, shell, &mut found);
    disjoint(found)
}

/// Sorts ranges and merges those that overlap.
pub(super) fn disjoint(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.retain(|r| r.start < r.end);
    ranges.sort_by_key(|r| (r.start, r.end));
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// `scheme://user:password@host`: all before the `@`.
fn user_info(text: &str, found: &mut Vec<Range<usize>>) {
    for (at, _) in text.match_indices("://") {
        let start = at + 3;
        let stop = |c: char| c.is_whitespace() || c.is_control() || "/?#\"'`<>".contains(c);
        let authority = text[start..].split(stop).next().unwrap_or_default();
        if let Some(length) = authority.rfind('@') {
            found.push(start..start + length);
        }
    }
}

/// Tokens that betray themselves by how they begin.
fn issued(text: &str, found: &mut Vec<Range<usize>>) {
    for (prefix, least) in ISSUED {
        for (at, _) in text.match_indices(prefix) {
            let begins = !text[..at].ends_with(|c: char| c.is_alphanumeric());
            let rest = &text[at + prefix.len()..];
            let length = rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c)))
                .unwrap_or(rest.len());
            let longest = rest[..length].split(['-', '_']).map(str::len).max();
            if begins && longest >= Some(*least) {
                found.push(at..at + prefix.len() + length);
            }
        }
    }
}

/// PEM blocks of private keys, to their end or the end of the text.
fn private_keys(text: &str, found: &mut Vec<Range<usize>>) {
    for (at, _) in text.match_indices("-----BEGIN ") {
        let header = text[at + 11..].lines().next().unwrap_or_default();
        if header.contains("PRIVATE KEY-----") {
            let end = text[at + 11..]
                .find("-----END")
                .map_or(text.len(), |n| at + 11 + n);
            found.push(at + 11 + header.find("-----").map_or(0, |n| n + 5)..end);
        }
    }
}

/// `Bearer …`, as in an HTTP header.
fn bearer(text: &str, found: &mut Vec<Range<usize>>) {
    for word in ["Bearer ", "bearer "] {
        for (at, _) in text.match_indices(word) {
            let start = at + word.len();
            let length = text[start..].find(|c: char| c.is_whitespace() || "\"'`".contains(c));
            let length = length.unwrap_or(text.len() - start);
            if length >= 8 && !harmless(&text[start..start + length]) {
                found.push(start..start + length);
            }
        }
    }
}

/// `NAME=value`, `name: value`, `--flag=value`, and in shell texts `--flag value`.
fn assigned(text: &str, shell: bool, found: &mut Vec<Range<usize>>) {
    let in_name = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let mut at = 0;
    while let Some(skip) = text[at..].find(in_name) {
        let start = at + skip;
        let length = text[start..].find(|c| !in_name(c)).unwrap_or(text.len() - start);
        let name = &text[start..start + length];
        at = start + length;
        let rest = &text[at..];
        let quoted = rest.strip_prefix(['"', '\'']).unwrap_or(rest);
        let bare = quoted.trim_start_matches(' ');
        let value = if let Some(value) = bare.strip_prefix('=') {
            (name.len() > 2)
                .then_some(value)
                .filter(|v| field(name) || (upper(name) && variable(name, value_of(v))))
        } else if let Some(value) = bare.strip_prefix(':') {
            Some(value).filter(|_| field(name))
        } else {
            let gap = bare.len() < quoted.len() && shell && name.starts_with("--");
            gap.then_some(bare).filter(|v| field(name) && !v.starts_with('-'))
        };
        let Some(value) = value.map(|v| v.trim_start_matches(' ')) else {
            continue;
        };
        let inner = value.strip_prefix(['"', '\'']).unwrap_or(value);
        let secret = value_of(value);
        if !harmless(secret) && !plain(secret) && !secret.starts_with(['|', '>', '[', '{', '`']) {
            let from = text.len() - inner.len();
            found.push(from..from + secret.len());
            at = from + secret.len();
        }
    }
}

/// Whether a name is written like an environment variable.
fn upper(name: &str) -> bool {
    !name.contains(|c: char| c.is_lowercase())
}

/// The value at the start of a text: what the quote encloses, or up to a blank or a closing sign.
fn value_of(text: &str) -> &str {
    let text = text.trim_start_matches(' ');
    if let Some(quote) = text.chars().next().filter(|c| "\"'".contains(*c)) {
        return text[1..].split(quote).next().unwrap_or_default();
    }
    text.split(|c: char| c.is_whitespace() || "\"'`,;)}]".contains(c))
        .next()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(text: &str, shell: bool) -> Vec<&str> {
        scan(text, shell).into_iter().map(|r| &text[r]).collect()
    }

    #[test]
    fn names() {
        for name in [
            "--hf-token",
            "api_key",
            "apiKey",
            "--api-key",
            "dbPassword",
            "secretKey",
            "token",
        ] {
            assert!(field(name), "{name}");
        }
        for name in [
            "key",
            "secretName",
            "topologyKey",
            "tokenizer",
            "maxTokens",
            "monkey",
            "tokenPath",
            "",
        ] {
            assert!(!field(name), "{name}");
            assert!(!field("--time-to-first-token") && !variable("EOS_TOKEN", "</s>"));
        }
        for name in [
            "HF_TOKEN",
            "MY_KEY",
            "CLIENT_SECRET",
            "AWS_ACCESS_KEY_ID",
            "DB_PASSWORD",
        ] {
            assert!(variable(name, "abc"), "{name}");
        }
        for name in [
            "TOKENIZERS_PARALLELISM",
            "MAX_TOKENS",
            "TOKEN_PATH",
            "SECRET_NAME",
            "KEYBOARD",
        ] {
            assert!(!variable(name, "abc"), "{name}");
        }
        assert!(
            !variable("MAX_TOKEN", "4096")
                && !variable("HF_TOKEN", "$(TOKEN)")
                && variable("PASSWORD", "123")
        );
    }

    #[test]
    fn texts() {
        assert_eq!(hits("see https://joe:pw@host/x?y=a@b", false), ["joe:pw"]);
        assert_eq!(hits("vllm serve --api-key abc --port 80", true), ["abc"]);
        assert_eq!(hits("the flag --api-key is deprecated", false), [""; 0]);
        assert_eq!(hits("--api-key=abc,d", false), ["abc"]);
        assert_eq!(hits("export HF_TOKEN='a b' X=1", true), ["a b"]);
        assert_eq!(hits("--hf-token $(HF_TOKEN)", true), [""; 0]);
        assert_eq!(hits("{\"apiKey\": \"abc\", \"port\": 1}", false), ["abc"]);
        assert_eq!(
            hits("token hf_abcdefghijklmnopqrstuvwx.", false),
            ["hf_abcdefghijklmnopqrstuvwx"]
        );
        assert_eq!(
            hits("pod sk-0-frontend-service-x, a-credential=true", false),
            [""; 0]
        );
        assert_eq!(hits("Authorization: Bearer abcdefgh1", false), ["abcdefgh1"]);
        assert_eq!(
            hits("-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END", false),
            ["\nMII\n"]
        );
        assert_eq!(hits("naïve: ü=é --token=ß✓", false), ["ß✓"]);
    }
}
