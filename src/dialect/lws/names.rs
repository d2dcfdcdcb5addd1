//! What the LeaderWorkerSets are called.

use crate::dialect::shared;
use crate::ir::{Role, Serving};
use crate::value::{Node, Str, Traced};

/// The name of a role's LeaderWorkerSet in a slice: that of its options, else the serving's with the role's.
pub fn object(serving: &Serving, role: &Role, slice: Option<u32>) -> Traced<Str> {
    let own = role.options.get("name");
    let Some((name, node)) = own.and_then(|n| n.as_str().map(|s| (s, n))) else {
        return shared::sliced_name(serving, role, slice);
    };
    let text = match slice {
        None => name.into(),
        Some(slice) => format!("{name}-{slice}").into(),
    };
    Traced::new(text, node_ids(node, role)).and(&serving.slices.ids)
}

/// A name stands for the role's own, which it hides.
fn node_ids(node: &Node, role: &Role) -> crate::value::Ids {
    node.ids.union(&role.name.ids)
}
