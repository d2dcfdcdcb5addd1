//! `targets.<dialect>.patches`: the user's last word on rendered objects.

use crate::diagnostic::{Diagnostic, Ledger, closest};
use crate::kubernetes::json_patch;
use crate::plan::codes::BAD_PATCH;
use crate::value::{Ids, Node};

/// Applies the patches of the target's options, in order.
pub fn apply(objects: &mut [Node], options: &Node, ledger: &mut Ledger) {
    for entry in options.get("patches").and_then(Node::as_seq).unwrap_or_default() {
        match apply_one(objects, entry) {
            Ok(replaced) => ledger.supersede(&replaced, &entry.ids),
            Err((ids, message)) => ledger.report(Diagnostic::new(&BAD_PATCH, message).at_ids(&ids)),
        }
    }
}

/// Applies one patch; returns the ids of what it removed or replaced.
fn apply_one(objects: &mut [Node], entry: &Node) -> Result<Ids, (Ids, String)> {
    let word = |key: &str| {
        let node = entry.get(key);
        node.and_then(|n| n.as_str().map(|s| (s.to_owned(), n.ids.clone())))
            .ok_or_else(|| {
                (
                    node.map_or(entry, |n| n).ids.clone(),
                    format!("a patch needs `{key}`, a string"),
                )
            })
    };
    let (kind, kind_ids) = word("kind")?;
    let (name, name_ids) = word("name")?;
    let operations = entry
        .get("patch")
        .ok_or_else(|| (entry.ids.clone(), "a patch needs `patch`, a list".to_owned()))?;
    let known: Vec<String> = objects.iter().map(identity).collect();
    let wanted = format!("{kind}/{name}");
    let Some(object) = objects.iter_mut().find(|o| identity(o) == wanted) else {
        let meant = closest(&wanted, known.iter().map(String::as_str));
        let hint = meant.map(|m| format!("; did you mean {m}?")).unwrap_or_default();
        return Err((name_ids, format!("no object {wanted} is rendered{hint}")));
    };
    let replaced =
        json_patch::apply(object, operations).map_err(|error| (operations.ids.clone(), error.to_string()))?;
    let mut ids = entry.ids.union(&kind_ids).union(&name_ids);
    ids.merge(&operations.all_ids());
    object.decided_by(&ids);
    Ok(replaced)
}

fn identity(object: &Node) -> String {
    let kind = object.get("kind").and_then(Node::as_str).unwrap_or_default();
    let name = object
        .at(&["metadata", "name"])
        .and_then(Node::as_str)
        .unwrap_or_default();
    format!("{kind}/{name}")
}
