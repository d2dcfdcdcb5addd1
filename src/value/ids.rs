//! Identity of input nodes, and sets of identities.

use smallvec::SmallVec;

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

/// A small sorted set of [`Id`]s: where a value came from. Empty for values the compiler made up.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Ids(SmallVec<[Id; 2]>);

impl Ids {
    /// No origin.
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds one id.
    pub fn insert(&mut self, id: Id) {
        if let Err(at) = self.0.binary_search(&id) {
            self.0.insert(at, id);
        }
    }

    /// Adds all ids of `other`.
    pub fn merge(&mut self, other: &Ids) {
        if self.0.is_empty() {
            self.0.clone_from(&other.0);
        } else {
            other.iter().for_each(|id| self.insert(id));
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
        self.0.iter().copied()
    }

    /// The first id: the place that a diagnostic about this value points to.
    pub fn first(&self) -> Option<Id> {
        self.0.first().copied()
    }

    /// Whether the value has no origin in the input.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Id> for Ids {
    fn from(id: Id) -> Self {
        let mut ids = Self::none();
        ids.0.push(id);
        ids
    }
}

impl FromIterator<Id> for Ids {
    fn from_iter<I: IntoIterator<Item = Id>>(iter: I) -> Self {
        let mut ids = Self::none();
        iter.into_iter().for_each(|id| ids.insert(id));
        ids
    }
}
