//! JSON merge patch (RFC 7386).

use super::Merger;
use super::Mode;
use crate::diagnostic::Ledger;
use crate::value::{Node, Value};

/// Applies a JSON merge patch: mappings merge, null deletes, everything else is replaced, lists as a whole. Ids are kept, and
/// base values that give way are told to the ledger.
pub fn merge_patch(base: &Node, patch: &Node, ledger: &mut Ledger) -> Node {
    let mut out = base.clone();
    merge(
        &mut out,
        patch,
        &mut Merger {
            mode: Mode::Patch,
            ledger,
        },
    );
    out
}

fn merge(base: &mut Node, patch: &Node, merger: &mut Merger<'_>) {
    let Some(changes) = patch.as_map() else {
        return merger.replace(base, patch.clone());
    };
    if base.as_map().is_none() {
        merger.replace(
            base,
            Node {
                value: Node::map().value,
                ids: patch.ids.clone(),
            },
        );
    }
    base.ids.merge(&patch.ids);
    for (key, value) in changes {
        if value.is_null() {
            if let Some(old) = base.map_mut().remove(key) {
                merger.ledger.supersede(&old.all_ids(), &value.ids);
            }
            base.decided_by(&value.ids);
            continue;
        }
        match base.map_mut().get_mut(key) {
            Some(old) => merge(old, value, merger),
            None => {
                let mut new = Node {
                    value: Value::Null,
                    ids: value.ids.clone(),
                };
                merge(&mut new, value, merger);
                base.map_mut().insert(key.clone(), new);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::testing::{yaml, yaml_file};

    /// The examples of RFC 7386, appendix A.
    #[test]
    fn as_the_rfc_says() {
        let cases = [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (
                r#"{"a":{"b":"c"}}"#,
                r#"{"a":{"b":"d","c":null}}"#,
                r#"{"a":{"b":"d"}}"#,
            ),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
            (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            (r#"[1,2]"#, r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ];
        for (base, patch, want) in cases {
            let got = merge_patch(&yaml(base), &yaml(patch), &mut Ledger::new());
            assert_eq!(got, yaml(want), "{base} + {patch}");
        }
    }

    #[test]
    fn ids() {
        let (base, patch) = (
            yaml("{a: 1, b: {c: 2, d: 3}}"),
            yaml_file("{b: {c: 4, d: null}}", 1),
        );
        let mut ledger = Ledger::new();
        let out = merge_patch(&base, &patch, &mut ledger);
        assert!(
            patch
                .all_ids()
                .iter()
                .all(|id| out.all_ids().iter().any(|o| o == id))
        );
        assert_eq!(ledger.waivers.len(), 2);
    }
}
