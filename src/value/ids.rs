//! Identity of input nodes, and sets of identities.

use std::sync::Arc;

/// The identity of one node of one input file: which file, and which node of it in document order.
///
/// Ids of different files differ, so values of several inputs can be mixed freely.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Id {
    file: u32,
    node: u32,
}

impl Id {
    /// The id of node number `node` (from 0, in document order) of file number `file`.
    pub const fn new(file: u32, node: u32) -> Self {
        Self { file, node }
    }

    /// The number of the file in its [`Sources`](crate::source::Sources).
    pub const fn file(self) -> u32 {
        self.file
    }

    /// The number of the node in its file.
    pub const fn node(self) -> u32 {
        self.node
    }
}

/// A sorted set of [`Id`]s: where a value came from. Empty for values the compiler made up.
///
/// Nearly all values come from nowhere or from one place, and values are copied all the time: sets of several are shared.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Ids(Set);

#[derive(Clone, PartialEq, Eq, Default, Debug)]
enum Set {
    #[default]
    Empty,
    One(Id),
    Several(Arc<[Id]>),
}

impl Ids {
    /// No origin.
    pub fn none() -> Self {
        Self::default()
    }

    fn as_slice(&self) -> &[Id] {
        match &self.0 {
            Set::Empty => &[],
            Set::One(id) => std::slice::from_ref(id),
            Set::Several(ids) => ids,
        }
    }

    /// Adds one id.
    pub fn insert(&mut self, id: Id) {
        let own = self.as_slice();
        let Err(at) = own.binary_search(&id) else { return };
        self.0 = match own {
            [] => Set::One(id),
            own => Set::Several([&own[..at], &[id], &own[at..]].concat().into()),
        };
    }

    /// Adds all ids of `other`.
    pub fn merge(&mut self, other: &Ids) {
        match (&self.0, &other.0) {
            (_, Set::Empty) => {}
            (Set::Empty, _) => self.clone_from(other),
            (_, Set::One(id)) => self.insert(*id),
            (Set::Several(own), Set::Several(other)) if Arc::ptr_eq(own, other) => {}
            _ => {
                let mut all = [self.as_slice(), other.as_slice()].concat();
                all.sort_unstable();
                all.dedup();
                if all.len() > self.as_slice().len() {
                    self.0 = Set::Several(all.into());
                }
            }
        }
    }

    /// The union of two sets.
    #[must_use]
    pub fn union(&self, other: &Ids) -> Ids {
        let mut ids = self.clone();
        ids.merge(other);
        ids
    }

    /// The ids in order.
    pub fn iter(&self) -> impl Iterator<Item = Id> + '_ {
        self.as_slice().iter().copied()
    }

    /// The first id: the place that a diagnostic about this value points to.
    pub fn first(&self) -> Option<Id> {
        self.as_slice().first().copied()
    }

    /// Whether the value has no origin in the input.
    pub fn is_empty(&self) -> bool {
        matches!(self.0, Set::Empty)
    }
}

impl From<Id> for Ids {
    fn from(id: Id) -> Self {
        Self(Set::One(id))
    }
}

impl FromIterator<Id> for Ids {
    fn from_iter<I: IntoIterator<Item = Id>>(iter: I) -> Self {
        let mut all: Vec<Id> = iter.into_iter().collect();
        all.sort_unstable();
        all.dedup();
        Self(match *all {
            [] => Set::Empty,
            [id] => Set::One(id),
            _ => Set::Several(all.into()),
        })
    }
}
