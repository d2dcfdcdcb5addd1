//! JSON Patch (RFC 6902) and JSON Pointer (RFC 6901) over nodes.

use crate::source::{escape, unescape};
use crate::value::{Ids, Node, Value};
use std::fmt;

/// Why a patch does not apply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PatchError {
    /// One sentence: which operation, and what is wrong with it.
    pub message: String,
    /// The operation.
    pub ids: Ids,
}

impl fmt::Display for PatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for PatchError {}

/// Applies a list of operations to an object, all or none of them.
///
/// Values keep their ids; what else an operation says (its path, its kind) is noted where it had its effect. Returns the
/// ids of what was removed or replaced, which the caller tells the ledger, for instance by
/// [`Ledger::supersede`](crate::diagnostic::Ledger::supersede).
pub fn apply(object: &mut Node, operations: &Node) -> Result<Ids, PatchError> {
    let fail = |message: &str, node: &Node| PatchError {
        message: message.to_owned(),
        ids: node.ids.clone(),
    };
    let list = operations
        .as_seq()
        .ok_or_else(|| fail("a JSON patch is a list of operations", operations))?;
    let (mut out, mut gone) = (object.clone(), Ids::none());
    for (number, operation) in list.iter().enumerate() {
        let said = |message: String| PatchError {
            message: format!("operation {number} of the patch: {message}"),
            ids: operation.ids.clone(),
        };
        gone.merge(&one(&mut out, operation).map_err(said)?);
    }
    out.decided_by(&operations.ids);
    *object = out;
    Ok(gone)
}

fn one(root: &mut Node, operation: &Node) -> Result<Ids, String> {
    let word = |key: &str| {
        operation
            .get(key)
            .and_then(Node::as_str)
            .ok_or(format!("`{key}` is missing or no string"))
    };
    let value = || {
        operation
            .get("value")
            .cloned()
            .ok_or("`value` is missing".to_owned())
    };
    let (kind, path) = (word("op")?, pointer(word("path")?)?);
    let ids = ["op", "path", "from"]
        .iter()
        .filter_map(|k| operation.get(k))
        .fold(operation.ids.clone(), |ids, n| ids.union(&n.ids));
    match kind {
        "add" => add(root, &path, Node::derived(value()?, &ids)),
        "remove" => Ok(remove(root, &path, &ids)?.all_ids()),
        "replace" => {
            let place = find_mut(root, &path).ok_or_else(|| nothing_at(&path))?;
            Ok(std::mem::replace(place, Node::derived(value()?, &ids)).all_ids())
        }
        "move" => {
            let from = pointer(word("from")?)?;
            if path.len() > from.len() && path.starts_with(&from) {
                return Err(format!("{} cannot be moved into itself", write(&from)));
            }
            let node = remove(root, &from, &Ids::none())?;
            add(root, &path, Node::derived(node, &ids))
        }
        "copy" => {
            let from = pointer(word("from")?)?;
            let node = find_mut(root, &from).ok_or_else(|| nothing_at(&from))?.clone();
            add(root, &path, Node::derived(node, &ids))
        }
        "test" => {
            let (place, want) = (find_mut(root, &path).ok_or_else(|| nothing_at(&path))?, value()?);
            if !equal(place, &want) {
                return Err(format!("the test failed, {} has another value", write(&path)));
            }
            place.decided_by(&ids.union(&want.all_ids()));
            Ok(Ids::none())
        }
        other => Err(format!(
            "`{other}` is no operation (one of add, remove, replace, move, copy, test)"
        )),
    }
}

/// The steps of a JSON Pointer, unescaped. The empty pointer is the whole document.
pub fn pointer(text: &str) -> Result<Vec<String>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let steps = text
        .strip_prefix('/')
        .ok_or(format!("the path `{text}` does not start with `/`"))?;
    let step = |step: &str| {
        let wrong = step
            .split('~')
            .skip(1)
            .any(|after| !after.starts_with(['0', '1']));
        if wrong {
            return Err(format!(
                "`~` in the path `{text}` must be written `~0`, and `/` in a key `~1`"
            ));
        }
        Ok(unescape(step))
    };
    steps.split('/').map(step).collect()
}

fn write(path: &[String]) -> String {
    path.iter().map(|step| format!("/{}", escape(step))).collect()
}

fn nothing_at(path: &[String]) -> String {
    format!("there is nothing at {}", write(path))
}

/// The index that a step is, of a list.
fn index(step: &str) -> Option<usize> {
    let plain = step.bytes().all(|b| b.is_ascii_digit()) && (step == "0" || !step.starts_with('0'));
    if plain { step.parse().ok() } else { None }
}

fn find_mut<'n>(root: &'n mut Node, path: &[String]) -> Option<&'n mut Node> {
    path.iter().try_fold(root, |node, step| match &mut node.value {
        Value::Map(map) => map.get_mut(step),
        Value::Seq(list) => list.get_mut(index(step)?),
        _ => None,
    })
}

fn add(root: &mut Node, path: &[String], value: Node) -> Result<Ids, String> {
    let Some((last, above)) = path.split_last() else {
        return Ok(std::mem::replace(root, value).all_ids());
    };
    let parent = find_mut(root, above).ok_or_else(|| format!("{}; add that first", nothing_at(above)))?;
    match &mut parent.value {
        Value::Map(map) => Ok(map
            .insert(last.as_str(), value)
            .map(|old| old.all_ids())
            .unwrap_or_default()),
        Value::Seq(list) => {
            let at = if last == "-" {
                Some(list.len())
            } else {
                index(last).filter(|at| *at <= list.len())
            };
            let at = at.ok_or_else(|| {
                format!(
                    "`{last}` is no index of the list of {} elements at {}",
                    list.len(),
                    write(above)
                )
            })?;
            list.insert(at, value);
            Ok(Ids::none())
        }
        _ => Err(format!(
            "what is at {} is neither a mapping nor a list",
            write(above)
        )),
    }
}

/// Takes the node at `path` out; `ids` is noted on its parent.
fn remove(root: &mut Node, path: &[String], ids: &Ids) -> Result<Node, String> {
    let Some((last, above)) = path.split_last() else {
        return Err("the whole document cannot be removed".to_owned());
    };
    let parent = find_mut(root, above).ok_or_else(|| nothing_at(path))?;
    let taken = match &mut parent.value {
        Value::Map(map) => map.remove(last),
        Value::Seq(list) => index(last)
            .filter(|at| *at < list.len())
            .map(|at| list.remove(at)),
        _ => None,
    };
    parent.decided_by(ids);
    taken.ok_or_else(|| nothing_at(path))
}

/// Whether two values are the same JSON: order of keys and the writing of numbers do not count.
fn equal(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(k, v)| b.get(k).is_some_and(|other| equal(v, other)))
        }
        (Value::Seq(a), Value::Seq(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Int(a), Value::Float(b)) | (Value::Float(b), Value::Int(a)) => *a as f64 == *b,
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::testing::{yaml, yaml_file};

    fn run(doc: &str, patch: &str) -> Result<Node, String> {
        let mut node = yaml(doc);
        apply(&mut node, &yaml_file(patch, 1))
            .map(|_| node)
            .map_err(|e| e.message)
    }

    /// The examples of RFC 6902, appendix A.
    #[test]
    fn as_the_rfc_says() {
        let good = [
            (
                r#"{"foo":"bar"}"#,
                r#"[{"op":"add","path":"/baz","value":"qux"}]"#,
                r#"{"foo":"bar","baz":"qux"}"#,
            ),
            (
                r#"{"foo":["bar","baz"]}"#,
                r#"[{"op":"add","path":"/foo/1","value":"qux"}]"#,
                r#"{"foo":["bar","qux","baz"]}"#,
            ),
            (
                r#"{"baz":"qux","foo":"bar"}"#,
                r#"[{"op":"remove","path":"/baz"}]"#,
                r#"{"foo":"bar"}"#,
            ),
            (
                r#"{"foo":["bar","qux","baz"]}"#,
                r#"[{"op":"remove","path":"/foo/1"}]"#,
                r#"{"foo":["bar","baz"]}"#,
            ),
            (
                r#"{"baz":"qux","foo":"bar"}"#,
                r#"[{"op":"replace","path":"/baz","value":"boo"}]"#,
                r#"{"baz":"boo","foo":"bar"}"#,
            ),
            (
                r#"{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}"#,
                r#"[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]"#,
                r#"{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}"#,
            ),
            (
                r#"{"foo":["all","grass","cows","eat"]}"#,
                r#"[{"op":"move","from":"/foo/1","path":"/foo/3"}]"#,
                r#"{"foo":["all","cows","eat","grass"]}"#,
            ),
            (
                r#"{"baz":"qux","foo":["a",2,"c"]}"#,
                r#"[{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2}]"#,
                r#"{"baz":"qux","foo":["a",2,"c"]}"#,
            ),
            (
                r#"{"foo":"bar"}"#,
                r#"[{"op":"add","path":"/child","value":{"grandchild":{}}}]"#,
                r#"{"foo":"bar","child":{"grandchild":{}}}"#,
            ),
            (
                r#"{"foo":"bar"}"#,
                r#"[{"op":"add","path":"/baz","value":"qux","xyz":123}]"#,
                r#"{"foo":"bar","baz":"qux"}"#,
            ),
            (
                r#"{"/":9,"~1":10}"#,
                r#"[{"op":"test","path":"/~01","value":10}]"#,
                r#"{"/":9,"~1":10}"#,
            ),
            (
                r#"{"foo":["bar"]}"#,
                r#"[{"op":"add","path":"/foo/-","value":["abc","def"]}]"#,
                r#"{"foo":["bar",["abc","def"]]}"#,
            ),
            (
                r#"{"a":{"b":1}}"#,
                r#"[{"op":"copy","from":"/a","path":"/c"}]"#,
                r#"{"a":{"b":1},"c":{"b":1}}"#,
            ),
            (
                r#"{"a":{"b":1,"c":2}}"#,
                r#"[{"op":"test","path":"/a","value":{"c":2.0,"b":1}}]"#,
                r#"{"a":{"b":1,"c":2}}"#,
            ),
            (
                r#"{"a":1}"#,
                r#"[{"op":"replace","path":"","value":{"b":2}}]"#,
                r#"{"b":2}"#,
            ),
        ];
        for (doc, patch, want) in good {
            assert_eq!(run(doc, patch), Ok(yaml(want)), "{patch}");
        }
    }

    #[test]
    fn refuses() {
        let bad = [
            (
                r#"[{"op":"add","path":"/baz/bat","value":1}]"#,
                "there is nothing at /baz; add that first",
            ),
            (
                r#"[{"op":"test","path":"/foo","value":"no"}]"#,
                "the test failed, /foo has another value",
            ),
            (r#"[{"op":"remove","path":"/nope"}]"#, "there is nothing at /nope"),
            (
                r#"[{"op":"replace","path":"/list/7","value":1}]"#,
                "there is nothing at /list/7",
            ),
            (
                r#"[{"op":"add","path":"/list/01","value":1}]"#,
                "`01` is no index of the list of 1 elements at /list",
            ),
            (
                r#"[{"op":"move","from":"/list","path":"/list/0"}]"#,
                "/list cannot be moved into itself",
            ),
            (
                r#"[{"op":"add","path":"foo","value":1}]"#,
                "the path `foo` does not start with `/`",
            ),
            (
                r#"[{"op":"add","path":"/a~2","value":1}]"#,
                "`~` in the path `/a~2` must be written `~0`, and `/` in a key `~1`",
            ),
            (
                r#"[{"op":"put","path":"/foo"}]"#,
                "`put` is no operation (one of add, remove, replace, move, copy, test)",
            ),
            (r#"[{"op":"add","path":"/foo"}]"#, "`value` is missing"),
            (r#"[{"path":"/foo"}]"#, "`op` is missing or no string"),
        ];
        for (patch, want) in bad {
            let error = run("{foo: bar, list: [1]}", patch).unwrap_err();
            assert_eq!(error, format!("operation 0 of the patch: {want}"), "{patch}");
        }
        assert!(run("{}", "{op: add}").is_err());
    }

    #[test]
    fn all_or_nothing_and_ids() {
        let mut node = yaml("{a: 1, b: {c: 2}}");
        let before = node.clone();
        assert!(
            apply(
                &mut node,
                &yaml_file("[{op: remove, path: /a}, {op: remove, path: /x}]", 1)
            )
            .is_err()
        );
        assert_eq!(node, before);
        let patch = yaml_file(
            "[{op: replace, path: /a, value: 5}, {op: remove, path: /b/c}, {op: test, path: /a, value: 5}]",
            1,
        );
        let gone = apply(&mut node, &patch).unwrap();
        let arrived = node.all_ids();
        let lost: Vec<_> = patch
            .all_ids()
            .iter()
            .filter(|id| !arrived.iter().any(|a| a == *id))
            .collect();
        assert!(lost.is_empty(), "{lost:?}");
        assert_eq!(gone.iter().filter(|id| id.file() == 0).count(), 2);
    }
}
