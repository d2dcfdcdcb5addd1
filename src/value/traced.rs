//! Typed values that remember where they came from.

use super::{Id, Ids, Node, Str};

/// A typed value and the input nodes that it was derived from.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Traced<T> {
    /// The value.
    pub value: T,
    /// Where it came from; empty for defaults.
    pub ids: Ids,
}

impl<T> Traced<T> {
    /// A value with its origin.
    pub fn new(value: T, ids: Ids) -> Self {
        Self { value, ids }
    }

    /// A value that the compiler chose.
    pub fn default_of(value: T) -> Self {
        Self {
            value,
            ids: Ids::none(),
        }
    }

    /// The place a diagnostic about this value points to.
    pub fn at(&self) -> Option<Id> {
        self.ids.first()
    }

    /// Another value derived from this one alone.
    pub fn map<U>(&self, f: impl FnOnce(&T) -> U) -> Traced<U> {
        Traced {
            value: f(&self.value),
            ids: self.ids.clone(),
        }
    }

    /// A value derived from two.
    pub fn zip<U, V>(&self, other: &Traced<U>, f: impl FnOnce(&T, &U) -> V) -> Traced<V> {
        Traced {
            value: f(&self.value, &other.value),
            ids: self.ids.union(&other.ids),
        }
    }

    /// The same value, also derived from `ids`.
    #[must_use]
    pub fn and(mut self, ids: &Ids) -> Self {
        self.ids.merge(ids);
        self
    }
}

impl<T: Clone + Into<Node>> Traced<T> {
    /// The value as a node with the same origin.
    pub fn node(&self) -> Node {
        let mut node: Node = self.value.clone().into();
        node.ids.merge(&self.ids);
        node
    }
}

impl<T: Into<Node>> From<Traced<T>> for Node {
    fn from(traced: Traced<T>) -> Self {
        let mut node: Node = traced.value.into();
        node.ids.merge(&traced.ids);
        node
    }
}

impl From<&Traced<Str>> for Node {
    fn from(traced: &Traced<Str>) -> Self {
        traced.node()
    }
}
