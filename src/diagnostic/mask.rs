//! The one place that decides what is secret, and what stands in its place.
//!
//! Everything that talks *about* objects (diagnostics, reports, diffs, tables, plans, errors) passes through here; only
//! the artifact itself is exact. A secret is replaced by a tag such as `<secret:1f03ab>`, a keyed hash of the value, so
//! that two different values have different tags and a change shows.
//!
//! The key is a constant: the report must be the same bytes on every run. The tag has 24 bits, so about one in 17
//! million guesses fits by chance, and it confirms a guess rather than hiding a guessable value (a four-digit PIN); it
//! is meant to keep secrets off screens and out of logs, not to be published.

use super::secret;
use crate::value::{Map, Node, Str, Value};
use siphasher::sip::SipHasher24;
use std::hash::Hasher;
use std::ops::Range;

/// The key of all tags; see above for why it is a constant.
const KEY: [u8; 16] = *b"kubectl-infer/v1";

/// What stands in the place of a secret value.
pub fn tag(value: &str) -> String {
    let mut hasher = SipHasher24::new_with_key(&KEY);
    hasher.write(value.as_bytes());
    format!("<secret:{:06x}>", hasher.finish() & 0xff_ffff)
}

/// A copy of an object (or of any part of one) in which each secret value is its tag. Shape, order and ids are kept.
pub fn masked(root: &Node) -> Node {
    let mut copy = root.clone();
    let secret_data = root.get("kind").and_then(Node::as_str) == Some("Secret");
    mask_node(
        &mut copy,
        Place {
            secret_data,
            ..Place::default()
        },
    );
    copy
}

/// What is known about a node from where it stands.
#[derive(Clone, Copy, Default)]
struct Place {
    /// The node is the root of a Secret.
    secret_data: bool,
    /// The node is a mapping from names of environment variables to values.
    variables: bool,
    /// Whatever it is, it is secret.
    whole: bool,
}

fn mask_node(node: &mut Node, place: Place) {
    match &mut node.value {
        Value::Map(map) => mask_map(map, place),
        Value::Seq(seq) => mask_seq(seq, place),
        Value::Null | Value::Text(_) => {}
        Value::Str(text) => {
            if place.whole {
                if !text.is_empty() {
                    *text = tag(text).into();
                }
            } else if let Some(masked) = replace(text, &secret::scan(text, true)) {
                *text = masked.into();
            }
        }
        other => {
            if place.whole {
                let text = scalar_text(other);
                node.value = Value::Str(tag(&text).into());
            }
        }
    }
}

fn mask_map(map: &mut Map, place: Place) {
    if let Some(object) = map.get("kind").and_then(Node::as_str) {
        // A Secret inside a List, or an object inside a template.
        let nested = object == "Secret";
        return mask_entries(
            map,
            Place {
                secret_data: nested || place.secret_data,
                ..place
            },
        );
    }
    // An environment variable of a container, or anything of that shape.
    let name = map.get("name").and_then(Node::as_str).map(str::to_owned);
    let value = map.get("value").map(|v| scalar_text(&v.value));
    if let (Some(name), Some(value)) = (name, value)
        && secret::variable(&name, &value)
        && let Some(node) = map.get_mut("value")
    {
        mask_node(
            node,
            Place {
                whole: true,
                ..Place::default()
            },
        );
    }
    mask_entries(map, place);
}

fn mask_entries(map: &mut Map, place: Place) {
    for (key, node) in map.iter_mut() {
        let scalar = !matches!(node.value, Value::Map(_) | Value::Seq(_));
        let whole = place.whole
            || (place.secret_data && matches!(key.as_str(), "data" | "stringData"))
            || key == "kubectl.kubernetes.io/last-applied-configuration"
            || (scalar
                && secret::field(key)
                && node
                    .as_str()
                    .is_some_and(|v| !secret::harmless(v) && !secret::plain(v)))
            || (scalar && place.variables && secret::variable(key, &scalar_text(&node.value)));
        let variables = !scalar && matches!(key.as_str(), "env" | "environment" | "envs");
        mask_node(
            node,
            Place {
                secret_data: false,
                variables,
                whole,
            },
        );
    }
}

/// A list; in one of arguments, the element after `--api-key` is secret.
fn mask_seq(seq: &mut [Node], place: Place) {
    let mut after_flag = false;
    for node in seq {
        let text = node.as_str().unwrap_or_default();
        let flag = text.starts_with('-') && !text.contains(char::is_whitespace) && secret::field(text);
        let value = after_flag && !text.starts_with('-') && !secret::harmless(text);
        mask_node(
            node,
            Place {
                secret_data: false,
                variables: false,
                whole: place.whole || value,
            },
        );
        after_flag = flag;
    }
}

/// A scalar as text; nothing for lists and mappings.
fn scalar_text(value: &Value) -> String {
    match value {
        Value::Bool(b) => b.to_string(),
        Value::Int(i) => i.to_string(),
        Value::UInt(u) => u.to_string(),
        Value::Float(f) => f.to_string(),
        Value::Str(s) => s.to_string(),
        _ => String::new(),
    }
}

/// `text` with the given disjoint ranges replaced by tags; nothing if there are none.
fn replace(text: &str, ranges: &[Range<usize>]) -> Option<String> {
    if ranges.is_empty() {
        return None;
    }
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for range in ranges {
        out.push_str(&text[at..range.start]);
        out.push_str(&tag(&text[range.clone()]));
        at = range.end;
    }
    out.push_str(&text[at..]);
    Some(out)
}

/// The secrets of some documents, to be kept out of sentences and excerpts about them.
#[derive(Clone, Default, Debug)]
pub struct Masker {
    /// Each secret text, longest first.
    secrets: Vec<Str>,
}

impl Masker {
    /// Learns the secrets of a document: all that [`masked`] changes. Returns the masked document.
    pub fn learn(&mut self, root: &Node) -> Node {
        let copy = masked(root);
        collect(root, &copy, &mut self.secrets);
        self.secrets.sort_by(|a, b| b.len().cmp(&a.len()).then(a.cmp(b)));
        self.secrets.dedup();
        copy
    }

    /// [`Masker::text`], without the given raw text of a value either: the whole of it and each of its words.
    pub(super) fn text_without(&self, text: &str, raw: Option<&str>) -> String {
        let Some(raw) = raw else { return self.text(text) };
        let words = raw.split(|c: char| c.is_whitespace() || "\"'{}[],*&".contains(c));
        let mut parts: Vec<&str> = words.filter(|w| !w.starts_with('!')).chain([raw]).collect();
        parts.retain(|part| part.len() >= 4 && text.contains(part));
        parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
        let text = parts
            .into_iter()
            .fold(text.to_owned(), |text, part| text.replace(part, &tag(part)));
        self.text(&text)
    }

    /// A sentence without secrets: those of the documents, and whatever looks like one.
    pub fn text(&self, text: &str) -> String {
        replace(text, &self.ranges(text, false)).unwrap_or_else(|| text.to_owned())
    }

    /// Where the secrets are in a text: disjoint ranges in order.
    pub(super) fn ranges(&self, text: &str, shell: bool) -> Vec<Range<usize>> {
        let mut found = secret::scan(text, shell);
        for secret in &self.secrets {
            let known = text
                .match_indices(secret.as_str())
                .map(|(at, s)| at..at + s.len());
            found.extend(known.filter(|r| stands_alone(text, r)));
        }
        secret::disjoint(found)
    }
}

/// Whether a range that equals a secret is that secret and no accident: long ones are, short ones (`1`, `admin`) only
/// as a word of their own, very short ones only in quotes.
fn stands_alone(text: &str, range: &Range<usize>) -> bool {
    let before = text[..range.start].chars().next_back();
    let after = text[range.end..].chars().next();
    let quote = |c: Option<char>| c.is_some_and(|c| "`\"'=".contains(c));
    let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    match range.len() {
        0..4 => quote(before) && (quote(after) || after.is_none()),
        4..8 => edge(before) && edge(after),
        _ => true,
    }
}

/// Gathers the texts that differ between a document and its masked copy.
fn collect(node: &Node, copy: &Node, secrets: &mut Vec<Str>) {
    match (&node.value, &copy.value) {
        (Value::Map(a), Value::Map(b)) => a
            .iter()
            .zip(b.iter())
            .for_each(|((_, a), (_, b))| collect(a, b, secrets)),
        (Value::Seq(a), Value::Seq(b)) => a.iter().zip(b.iter()).for_each(|(a, b)| collect(a, b, secrets)),
        (Value::Str(a), Value::Str(b)) if a != b => {
            let parts = secret::scan(a, true);
            let whole = (parts.is_empty() || b.as_str() == tag(a)).then_some(a.as_str());
            for part in whole.into_iter().chain(parts.into_iter().map(|r| &a[r])) {
                secrets.push(part.into());
                // Excerpts show single lines of a longer secret.
                let lines = part.lines().map(str::trim).filter(|l| l.len() >= 8);
                secrets.extend(lines.map(Str::from));
            }
        }
        (a, Value::Str(_)) if !matches!(a, Value::Str(_)) => secrets.push(scalar_text(a).into()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, Node)]) -> Node {
        entries
            .iter()
            .map(|(k, v)| (*k, v.clone()))
            .collect::<Map>()
            .into()
    }

    fn env(name: &str, value: &str) -> Node {
        map(&[("name", name.into()), ("value", value.into())])
    }

    #[test]
    fn objects_are_masked_by_place() {
        let secret = map(&[
            ("kind", "Secret".into()),
            ("metadata", map(&[("name", "x".into())])),
            ("data", map(&[("a", "eHg=".into()), ("b", "eXk=".into())])),
            ("stringData", map(&[("n", 5i64.into())])),
        ]);
        let list = map(&[("kind", "List".into()), ("items", vec![secret.clone()].into())]);
        for root in [secret, list.at(&["items", "0"]).cloned().unwrap_or_default()] {
            let m = masked(&root);
            let at = |p: &[&str]| m.at(p).and_then(Node::as_str).unwrap_or_default().to_owned();
            assert!(
                at(&["data", "a"]).starts_with("<secret:")
                    && at(&["stringData", "n"]).starts_with("<secret:")
            );
            assert_ne!(
                at(&["data", "a"]),
                at(&["data", "b"]),
                "different values, different tags"
            );
            assert_eq!(at(&["metadata", "name"]), "x");
        }
        assert!(
            masked(&list)
                .at(&["items", "0", "data", "a"])
                .and_then(Node::as_str)
                .unwrap()
                .starts_with("<sec")
        );
    }

    #[test]
    fn containers_are_masked_by_name_and_flag() {
        let args: Vec<Node> = ["--api-key", "abc", "--hf-token=tok", "--port", "80"]
            .map(Node::from)
            .to_vec();
        let c = map(&[
            (
                "env",
                vec![env("HF_TOKEN", "v"), env("A", "v"), env("HF_TOKEN", "$(X)")].into(),
            ),
            ("args", args.into()),
        ]);
        let m = masked(&c);
        let at = |p: &[&str]| m.at(p).and_then(Node::as_str).unwrap_or_default().to_owned();
        assert!(at(&["env", "0", "value"]).starts_with("<secret:"));
        assert_eq!(
            (
                at(&["env", "1", "value"]).as_str(),
                at(&["env", "2", "value"]).as_str()
            ),
            ("v", "$(X)")
        );
        assert!(
            at(&["args", "1"]).starts_with("<secret:")
                && at(&["args", "2"]).starts_with("--hf-token=<secret:")
        );
        assert_eq!(
            (at(&["args", "3"]).as_str(), at(&["args", "4"]).as_str()),
            ("--port", "80")
        );
        let vars = masked(&map(&[(
            "env",
            map(&[("API_TOKEN", "xyz".into()), ("N", "1".into())]),
        )]));
        assert!(
            vars.at(&["env", "API_TOKEN"])
                .and_then(Node::as_str)
                .unwrap()
                .starts_with("<secret:")
        );
    }

    #[test]
    fn sentences_are_masked_by_what_was_learnt() {
        let mut masker = Masker::default();
        masker.learn(&env("DB_PASSWORD", "hunter2!"));
        masker.learn(&env("OTHER_PASSWORD", "1"));
        assert_eq!(
            masker.text("value `hunter2!` is odd"),
            format!("value `{}` is odd", tag("hunter2!"))
        );
        assert_eq!(masker.text("1 of `1`"), format!("1 of `{}`", tag("1")));
        assert_eq!(masker.text("nothing here"), "nothing here");
    }
}
