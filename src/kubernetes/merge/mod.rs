//! Strategic merge: a pod template and what changes it, merged as Kubernetes merges them.
//!
//! Mappings merge key by key, lists of elements with a key (containers by name, environment variables by name, ports by
//! number, mounts by path) element by element, every other value is replaced, and null deletes. The directives of
//! Kubernetes are understood: `$patch`, `$retainKeys`, `$setElementOrder/…`, `$deleteFromPrimitiveList/…`.
//!
//! There are two readings of the same rules:
//!
//! - [`strategic_merge`] lays an overlay over a base. It keeps the order of the base and adds what is new behind, so that the
//!   first container stays the first. Where an object is a union (a volume has one source, a probe one action, a variable
//!   a value or a reference to one) a new member replaces the old one. `$patch: replace` beside other keys of an element
//!   replaces that element.
//! - [`strategic_merge_patch`] is what the API server, `kubectl patch` and controllers that use apimachinery's
//!   `strategicpatch` make of the same input: new elements stand in front of those of the base, and unions are
//!   not cared for.
//!
//! Ids travel with the values. A base value that gives way is told to the ledger ([`Ledger::supersede`]).

mod directive;
mod list;
mod plain;

pub use super::podspec::Type;
pub use plain::merge_patch;

use super::podspec::{Field, Kind, Object, Strategy};
use crate::diagnostic::Ledger;
use crate::value::{Node, Str, Value};
use directive::{DELETE, Directive, ORDER, PATCH, RETAIN};

/// Lays `overlay` over `base`, both of type `ty`. Problems of the overlay (an element without its key, an unknown
/// directive) are reported as errors to the ledger.
pub fn strategic_merge(base: &Node, overlay: &Node, ty: Type, ledger: &mut Ledger) -> Node {
    Merger {
        mode: Mode::Overlay,
        ledger,
    }
    .root(base, overlay, ty)
}

/// Applies `patch` to `base`, both of type `ty`, exactly as the API server does, the order of lists included. Where the API
/// server refuses the patch, an error is reported to the ledger.
pub fn strategic_merge_patch(base: &Node, patch: &Node, ty: Type, ledger: &mut Ledger) -> Node {
    Merger {
        mode: Mode::Patch,
        ledger,
    }
    .root(base, patch, ty)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Overlay,
    Patch,
}

struct Merger<'l> {
    mode: Mode,
    ledger: &'l mut Ledger,
}

impl Merger<'_> {
    fn root(&mut self, base: &Node, patch: &Node, ty: Type) -> Node {
        let mut out = base.clone();
        match (&out.value, &patch.value) {
            (_, Value::Null) => {}
            (Value::Map(_), Value::Map(_)) => self.map(&mut out, patch, ty.object()),
            _ => {
                let new = self.clean(patch).unwrap_or_else(Node::map);
                self.replace(&mut out, new);
            }
        }
        out
    }

    /// Merges a mapping into a mapping.
    fn map(&mut self, base: &mut Node, patch: &Node, object: Option<&'static Object>) {
        let Some(changes) = patch.as_map() else { return };
        match self.directive(patch) {
            Some(Directive::Delete) => {
                let new = Node::derived(Node::map(), &patch.all_ids());
                return self.replace(base, new);
            }
            Some(Directive::Replace) => {
                let mut new = self.clean_map(patch);
                new.decided_by(&changes.get(PATCH).map(Node::all_ids).unwrap_or_default());
                return self.replace(base, new);
            }
            Some(Directive::Merge) | None => {}
        }
        base.ids.merge(&patch.ids);
        base.ids
            .merge(&changes.get(PATCH).map(Node::all_ids).unwrap_or_default());
        self.retain_keys(base, patch);
        if self.mode == Mode::Overlay {
            self.keep_union(base, patch, object);
        }
        let orders = self.orders(base, patch, object);
        for (key, value) in changes {
            if let Some(name) = key.strip_prefix(DELETE) {
                self.delete_values(base, name, value);
            } else if key != PATCH && key != RETAIN && !key.starts_with(ORDER) {
                self.unknown_directive(key, value);
                self.field(base, key, value, object.and_then(|o| o.field(key)));
            }
        }
        orders.into_iter().for_each(|order| order.apply(base));
    }

    /// Merges one field of a mapping.
    fn field(&mut self, base: &mut Node, key: &Str, value: &Node, field: Option<&'static Field>) {
        if value.is_null() {
            if let Some(old) = base.map_mut().remove(key) {
                self.ledger.supersede(&old.all_ids(), &value.ids);
            }
            return base.decided_by(&value.ids);
        }
        let strategy = field.map_or(Strategy::Default, |f| f.strategy);
        let Some(old) = base.map_mut().get_mut(key) else {
            match self.clean(value) {
                Some(new) => drop(base.map_mut().insert(key.clone(), new)),
                None => base.decided_by(&value.all_ids()),
            }
            return;
        };
        let object = || match field.map(|f| &f.kind) {
            Some(Kind::Object(id)) => id.get(),
            _ => None,
        };
        match (&old.value, &value.value, strategy) {
            (Value::Map(_), Value::Map(_), _) => self.map(old, value, object()),
            (Value::Seq(_), Value::Seq(_), Strategy::MergeBy(by)) => {
                self.keyed(old, value, by, field.and_then(|f| f.kind.element_object()));
            }
            (Value::Seq(_), Value::Seq(_), Strategy::Unite) => self.unite(old, value),
            _ => match self.clean(value) {
                Some(new) => self.replace(old, new),
                None => {
                    let gone = base
                        .map_mut()
                        .remove(key)
                        .map(|n| n.all_ids())
                        .unwrap_or_default();
                    self.ledger.supersede(&gone, &value.ids);
                    base.decided_by(&value.all_ids());
                }
            },
        }
    }

    /// Where the overlay names a member of a union, the other members of the base go.
    fn keep_union(&mut self, base: &mut Node, patch: &Node, object: Option<&'static Object>) {
        let (Some(object), Some(changes)) = (object, patch.as_map()) else {
            return;
        };
        let member = |key: &str| object.field(key).is_some_and(|f| f.union);
        let Some((_, new)) = changes.iter().find(|(k, v)| member(k) && !v.is_null()) else {
            return;
        };
        let by = new.all_ids();
        let gone: Vec<Str> = base
            .as_map()
            .into_iter()
            .flatten()
            .map(|(k, _)| k.clone())
            .collect();
        for key in gone.iter().filter(|k| member(k) && !changes.contains_key(k)) {
            if let Some(old) = base.map_mut().remove(key) {
                self.ledger.supersede(&old.all_ids(), &by);
            }
        }
    }

    /// Puts `new` in the place of `old`. Equal values have both origins; otherwise the old ones give way.
    fn replace(&mut self, old: &mut Node, mut new: Node) {
        if *old == new {
            join_ids(old, &new);
        } else {
            let by = if new.ids.is_empty() {
                new.all_ids()
            } else {
                new.ids.clone()
            };
            self.ledger.supersede(&old.all_ids(), &by);
            std::mem::swap(old, &mut new);
        }
    }

    /// A value of a patch that nothing stands against: without nulls and directives. `None` if it is nothing but one.
    fn clean(&mut self, value: &Node) -> Option<Node> {
        match &value.value {
            Value::Map(map) if map.contains_key(PATCH) => match self.directive(value) {
                Some(Directive::Replace | Directive::Merge) if self.mode == Mode::Overlay => {
                    let new = self.clean_map(value);
                    let bare = map.iter().all(|(k, _)| k == PATCH);
                    let ids = map.get(PATCH).map(Node::all_ids).unwrap_or_default();
                    (!bare).then(|| Node::derived(new, &ids))
                }
                Some(Directive::Replace | Directive::Merge) => {
                    self.pruned(value);
                    None
                }
                Some(Directive::Delete) | None => None,
            },
            Value::Map(_) => Some(self.clean_map(value)),
            Value::Seq(elements) => {
                let mut out = Node {
                    value: Value::Null,
                    ids: value.ids.clone(),
                };
                let mut kept = Vec::with_capacity(elements.len());
                for element in elements {
                    match self.clean(element) {
                        Some(new) => kept.push(new),
                        None => out.decided_by(&element.all_ids()),
                    }
                }
                out.value = Value::Seq(kept);
                Some(out)
            }
            _ => Some(value.clone()),
        }
    }

    /// A mapping of a patch that nothing stands against, whatever its own directive says.
    fn clean_map(&mut self, value: &Node) -> Node {
        let mut out = Node {
            value: Node::map().value,
            ids: value.ids.clone(),
        };
        for (key, child) in value.as_map().into_iter().flatten() {
            let directive =
                [RETAIN, PATCH].contains(&key.as_str()) || key.starts_with(ORDER) || key.starts_with(DELETE);
            let kept = if child.is_null() || directive {
                None
            } else {
                self.clean(child)
            };
            match kept {
                Some(child) => drop(out.map_mut().insert(key.clone(), child)),
                None => out.decided_by(&child.all_ids()),
            }
        }
        out
    }
}

/// Adds the origins of `from` to an equal value, node by node.
fn join_ids(to: &mut Node, from: &Node) {
    to.ids.merge(&from.ids);
    match (&mut to.value, &from.value) {
        (Value::Seq(to), Value::Seq(from)) => {
            to.iter_mut().zip(from).for_each(|(to, from)| join_ids(to, from))
        }
        (Value::Map(to), Value::Map(from)) => {
            to.iter_mut()
                .zip(from)
                .for_each(|((_, to), (_, from))| join_ids(to, from));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
