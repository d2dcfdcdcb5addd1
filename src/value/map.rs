//! Mappings that keep the order of the page.

use super::{Node, Str};

/// A mapping with string keys in insertion order. Keys are unique.
///
/// Look-up is linear: manifests have few keys per mapping, and the parser rejects duplicates by its own index.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Map(Vec<(Str, Node)>);

impl Map {
    /// An empty mapping.
    pub fn new() -> Self {
        Self::default()
    }

    /// A mapping of entries whose keys are known to be unique.
    pub fn from_unique(entries: Vec<(Str, Node)>) -> Self {
        Self(entries)
    }

    /// An empty mapping with room for `n` entries.
    pub fn with_capacity(n: usize) -> Self {
        Self(Vec::with_capacity(n))
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    /// The value of `key`, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.0.iter_mut().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    /// Whether `key` is there.
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Sets `key`; an existing key keeps its place. Returns what was there before.
    pub fn insert(&mut self, key: impl Into<Str>, value: impl Into<Node>) -> Option<Node> {
        let (key, value) = (key.into(), value.into());
        match self.get_mut(&key) {
            Some(old) => Some(std::mem::replace(old, value)),
            None => {
                self.0.push((key, value));
                None
            }
        }
    }

    /// Appends `key` without looking for an equal one: for callers that know it is new.
    pub fn push_new(&mut self, key: Str, value: Node) {
        self.0.push((key, value));
    }

    /// Sets `key` if there is a value; leaves the mapping as it is otherwise.
    pub fn insert_some(&mut self, key: impl Into<Str>, value: Option<impl Into<Node>>) {
        if let Some(value) = value {
            self.insert(key, value);
        }
    }

    /// The value of `key`, which becomes an empty mapping if it is absent or null.
    pub fn entry_map(&mut self, key: &str) -> &mut Node {
        let at = match self.0.iter().position(|(k, _)| k == key) {
            Some(at) => at,
            None => {
                self.0.push((key.into(), Node::map()));
                self.0.len() - 1
            }
        };
        &mut self.0[at].1
    }

    /// Takes `key` out.
    pub fn remove(&mut self, key: &str) -> Option<Node> {
        let at = self.0.iter().position(|(k, _)| k == key)?;
        Some(self.0.remove(at).1)
    }

    /// The entries in order.
    pub fn iter(&self) -> std::slice::Iter<'_, (Str, Node)> {
        self.0.iter()
    }

    /// The entries in order, values changeable.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&Str, &mut Node)> {
        self.0.iter_mut().map(|(k, v)| (&*k, v))
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps the entries that `keep` wants.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &Node) -> bool) {
        self.0.retain(|(k, v)| keep(k, v));
    }
}

impl IntoIterator for Map {
    type Item = (Str, Node);
    type IntoIter = std::vec::IntoIter<(Str, Node)>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = &'a (Str, Node);
    type IntoIter = std::slice::Iter<'a, (Str, Node)>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<K: Into<Str>, V: Into<Node>> FromIterator<(K, V)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(iter: I) -> Self {
        let iter = iter.into_iter();
        let mut map = Self::with_capacity(iter.size_hint().0);
        for (k, v) in iter {
            map.insert(k, v);
        }
        map
    }
}
