//! Lists that merge, and the order of their elements.

use super::directive::{Directive, ORDER, PATCH};
use super::{Merger, Mode, join_ids};
use crate::diagnostic::Diagnostic;
use crate::kubernetes::codes::NO_MERGE_KEY;
use crate::kubernetes::podspec::{Object, Strategy};
use crate::value::{Ids, Node, Str, Value};

/// What tells the elements of a list apart: the value of a key, or the element itself.
type Key = Option<&'static str>;

fn key_of(element: &Node, key: Key) -> Option<&Node> {
    key.map_or(Some(element), |key| element.get(key))
}

fn same(a: &Node, b: &Node, key: Key) -> bool {
    key_of(a, key).is_some_and(|k| Some(k) == key_of(b, key))
}

fn position(list: &[Node], element: &Node, key: Key) -> Option<usize> {
    list.iter().position(|other| same(other, element, key))
}

impl Merger<'_> {
    /// Merges a list whose elements are told apart by a key.
    pub(super) fn keyed(
        &mut self,
        base: &mut Node,
        patch: &Node,
        key: &'static str,
        object: Option<&'static Object>,
    ) {
        let elements = patch.as_seq().unwrap_or_default();
        if base
            .as_seq()
            .into_iter()
            .flatten()
            .chain(elements)
            .any(|e| e.as_map().is_none())
        {
            let new = self.clean(patch).unwrap_or_else(Node::seq);
            return self.replace(base, new);
        }
        base.ids.merge(&patch.ids);
        let (changes, replace) = self.specials(base, elements, key);
        if replace {
            let gone: Ids = base
                .seq_mut()
                .drain(..)
                .flat_map(|e| e.all_ids().iter().collect::<Vec<_>>())
                .collect();
            self.ledger.supersede(&gone, &patch.all_ids());
        }
        let server: Vec<Node> = base.seq_mut().clone();
        for element in &changes {
            self.element(base, element, key, object);
        }
        if self.mode == Mode::Patch && !replace {
            sort(base.seq_mut(), &changes, &server, Some(key));
        }
    }

    /// Carries out the elements of a patch that are directives; returns the others, and whether they replace the list.
    fn specials<'n>(
        &mut self,
        base: &mut Node,
        elements: &'n [Node],
        key: &'static str,
    ) -> (Vec<&'n Node>, bool) {
        let (mut changes, mut replace) = (Vec::new(), false);
        for element in elements {
            let bare = element
                .as_map()
                .is_some_and(|m| m.iter().all(|(k, _)| k == PATCH));
            match self.directive(element) {
                None => {
                    changes.push(element);
                    continue;
                }
                Some(Directive::Delete) => self.delete(base, element, key),
                Some(Directive::Replace) if bare => replace = true,
                Some(_) if self.mode == Mode::Overlay && !bare => {
                    changes.push(element);
                    continue;
                }
                Some(Directive::Replace) => {
                    self.pruned(element);
                    replace = true;
                }
                Some(Directive::Merge) => {
                    self.bad(element, "a list cannot be told to merge by `$patch: merge`")
                }
            }
            base.decided_by(&element.all_ids());
        }
        (changes, replace)
    }

    fn delete(&mut self, base: &mut Node, element: &Node, key: &'static str) {
        if element.get(key).is_none() {
            return self.no_key(element, key);
        }
        let (by, ledger) = (element.all_ids(), &mut *self.ledger);
        base.seq_mut().retain(|old| {
            let gone = same(old, element, Some(key));
            if gone {
                ledger.supersede(&old.all_ids(), &by);
            }
            !gone
        });
    }

    fn no_key(&mut self, element: &Node, key: &str) {
        let message = format!("this element has no `{key}`, so it is not clear which one it changes");
        self.ledger
            .report(Diagnostic::new(&NO_MERGE_KEY, message).at(element.ids.first()));
    }

    /// Merges one element into the one of the same key, or adds it.
    fn element(
        &mut self,
        base: &mut Node,
        element: &Node,
        key: &'static str,
        object: Option<&'static Object>,
    ) {
        if element.get(key).is_none() {
            self.no_key(element, key);
        }
        let at = position(base.as_seq().unwrap_or_default(), element, Some(key));
        match (at, base.seq_mut()) {
            (Some(at), list) => self.map(&mut list[at], element, object),
            (None, list) => list.extend(self.clean(element)),
        }
    }

    /// Unites two lists of plain values.
    pub(super) fn unite(&mut self, base: &mut Node, patch: &Node) {
        base.ids.merge(&patch.ids);
        let server: Vec<Node> = base.seq_mut().clone();
        let list = base.seq_mut();
        for element in patch.as_seq().unwrap_or_default() {
            match position(list, element, None) {
                Some(at) => join_ids(&mut list[at], element),
                None => list.push(element.clone()),
            }
        }
        if self.mode == Mode::Patch {
            let changes: Vec<&Node> = patch.as_seq().unwrap_or_default().iter().collect();
            sort(list, &changes, &server, None);
        }
    }

    /// The orders that a patch asks for by `$setElementOrder`, to be applied after the merge.
    pub(super) fn orders(
        &mut self,
        base: &Node,
        patch: &Node,
        object: Option<&'static Object>,
    ) -> Vec<Order> {
        let mut orders = Vec::new();
        for (name, value) in patch.as_map().into_iter().flatten() {
            let Some(name) = name.strip_prefix(ORDER) else {
                continue;
            };
            let key = match object.and_then(|o| o.field(name)).map(|f| f.strategy) {
                Some(Strategy::MergeBy(key)) => Some(key),
                _ => None,
            };
            let list = |owner: &Node| {
                owner
                    .get(name)
                    .and_then(Node::as_seq)
                    .unwrap_or_default()
                    .to_vec()
            };
            let Some(order) = value
                .as_seq()
                .filter(|o| o.iter().all(|e| key_of(e, key).is_some()))
            else {
                let what = key.map_or("values".to_owned(), |key| format!("elements with `{key}`"));
                self.bad(value, format!("`{ORDER}{name}` is a list of {what}"));
                continue;
            };
            let changes = list(patch);
            let live = changes.iter().filter(|e| e.get(PATCH).is_none());
            let places: Option<Vec<usize>> = live.map(|e| position(order, e, key)).collect();
            if !order.is_empty() && !places.is_some_and(|p| p.is_sorted()) {
                self.bad(
                    value,
                    format!("`{ORDER}{name}` does not have the elements of `{name}` in their order"),
                );
                continue;
            }
            orders.push(Order {
                name: name.into(),
                key,
                order: value.clone(),
                server: list(base),
                changes,
            });
        }
        orders
    }
}

/// An order that a patch asks for.
pub(super) struct Order {
    name: Str,
    key: Key,
    order: Node,
    server: Vec<Node>,
    changes: Vec<Node>,
}

impl Order {
    pub(super) fn apply(&self, owner: &mut Node) {
        let ids = self.order.all_ids();
        let Some(list) = owner.map_mut().get_mut(&self.name) else {
            return owner.decided_by(&ids);
        };
        list.decided_by(&ids);
        if let Value::Seq(elements) = &mut list.value {
            let order: Vec<&Node> = self.order.as_seq().unwrap_or_default().iter().collect();
            // Upstream compares with the list of the base as the merge has left it in place: where elements were deleted,
            // new ones have moved up into its length.
            let left = self
                .server
                .iter()
                .filter(|e| position(elements, e, self.key).is_some());
            let new = self
                .changes
                .iter()
                .filter(|e| position(&self.server, e, self.key).is_none());
            let server: Vec<Node> = left.chain(new).take(self.server.len()).cloned().collect();
            sort(elements, &order, &server, self.key);
        }
    }
}

/// Sorts a merged list as Kubernetes does: what the patch names in the order of the patch, what only the base has in the
/// order of the base and, where the base has both, in front of what it was in front of.
fn sort(list: &mut Vec<Node>, order: &[&Node], server: &[Node], key: Key) {
    let in_order = |e: &Node| order.iter().position(|o| same(o, e, key));
    let (mut named, only_base): (Vec<Node>, Vec<Node>) = list.drain(..).partition(|e| in_order(e).is_some());
    named.sort_by_key(|e| in_order(e));
    let place = |e: &Node| position(server, e, key);
    let (mut left, mut right) = (only_base.into_iter().peekable(), named.into_iter().peekable());
    loop {
        let before = match (left.peek(), right.peek()) {
            (Some(l), Some(r)) => matches!((place(l), place(r)), (Some(l), Some(r)) if l < r),
            (Some(_), None) => true,
            (None, Some(_)) => false,
            (None, None) => return,
        };
        list.extend(if before { left.next() } else { right.next() });
    }
}
