//! Lists and mappings that are still open.

use crate::source::Span;
use crate::value::{Map, Node, Str};
use granit_parser::StructureStyle;
use std::collections::{HashMap, HashSet};

/// A list or mapping that is still open.
pub(super) struct Frame {
    pub(super) id: u32,
    pub(super) anchor: usize,
    pub(super) style: StructureStyle,
    pub(super) start: u32,
    /// Where its last child ends.
    pub(super) end: u32,
    pub(super) content: Content,
}

pub(super) enum Content {
    List(Vec<Node>),
    Mapping(Entries),
}

/// Mappings with more entries than this find their keys by hash.
const LINEAR: usize = 16;

/// The key that waits for its value.
pub(super) enum Key {
    /// A string.
    Name(Str, Span),
    /// `<<`.
    Merge(Span),
    /// Something that was reported already; the value has no place.
    Bad,
}

/// An open mapping.
#[derive(Default)]
pub(super) struct Entries {
    pub(super) entries: Vec<(Str, Node)>,
    /// The place of each key, once there are many.
    index: Option<HashMap<Str, usize>>,
    /// The places of entries that a merge brought in and no key has replaced.
    pub(super) merged: HashSet<usize>,
    /// Whether there was a `<<`.
    pub(super) has_merge: bool,
    pub(super) key: Option<Key>,
}

impl Entries {
    pub(super) fn expects_key(&self) -> bool {
        self.key.is_none()
    }

    /// The name and the place of the key whose value is next.
    pub(super) fn key_of_value(&self) -> (Str, Option<Span>) {
        match &self.key {
            Some(Key::Name(name, span)) => (name.clone(), Some(*span)),
            Some(Key::Merge(span)) => ("<<".into(), Some(*span)),
            Some(Key::Bad) | None => (Str::default(), None),
        }
    }

    pub(super) fn into_map(self) -> Map {
        Map::from_unique(self.entries)
    }

    /// The place of an entry.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(name).copied(),
            None => self.entries.iter().position(|(key, _)| key == name),
        }
    }

    pub(super) fn add(&mut self, name: Str, node: Node) {
        if let Some(index) = &mut self.index {
            index.insert(name.clone(), self.entries.len());
        }
        self.entries.push((name, node));
        if self.index.is_none() && self.entries.len() > LINEAR {
            self.index = Some(
                self.entries
                    .iter()
                    .enumerate()
                    .map(|(at, (key, _))| (key.clone(), at))
                    .collect(),
            );
        }
    }
}
