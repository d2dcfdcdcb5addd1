//! The entries of an open mapping: keys as strings, duplicates, merges.

use super::builder::{Builder, Stop};
use super::frame::{Content, Entries, Frame, Key};
use super::scalars::Scalar;
use crate::source::codes::{DUPLICATE_KEY, MERGE_ORDER, MERGE_TYPE};
use crate::source::{Span, scalar};
use crate::value::{Id, Map, Node, Value};
use granit_parser::ScalarStyle;

/// What becomes of a value that is placed in a mapping.
enum Placed {
    Done,
    /// It replaces a merged one, which has no effect any more.
    Replaced(Node),
    /// It has no place.
    Unwanted(Node),
    Merge(Node, Span),
}

impl Builder<'_> {
    /// A scalar in the place of a key.
    pub(super) fn scalar_key(&mut self, scalar: &Scalar<'_>, value: Value) -> Result<(), Stop> {
        let merge = scalar.text == "<<"
            && match &scalar.tag {
                None => scalar.style == ScalarStyle::Plain,
                Some(tag) => tag.suffix_in_namespace("tag:yaml.org,2002:").as_deref() == Some("merge"),
            };
        if scalar.anchor != 0 {
            let spot = self.spot(scalar.span);
            self.remember(scalar.anchor, &Node::new(value.clone(), spot), scalar.span)?;
        }
        self.key(&value, scalar.span, merge)
    }

    /// An alias in the place of a key.
    pub(super) fn alias_key(&mut self, anchor: usize, span: Span) -> Result<(), Stop> {
        let value = match self.anchors.get(&anchor) {
            Some(Some(anchor)) => anchor.node.value.clone(),
            _ => Value::Null,
        };
        self.key(&value, span, false)
    }

    fn key(&mut self, value: &Value, span: Span, merge: bool) -> Result<(), Stop> {
        if merge {
            return self.merge_key(span);
        }
        let Some(name) = scalar::key_text(value) else {
            let found = if *value == Value::Null {
                "null"
            } else {
                "a list or mapping"
            };
            let said = self.key_type(span, found);
            self.report(said);
            self.set_key(Key::Bad);
            return Ok(());
        };
        match self.earlier(&name) {
            None => self.set_key(Key::Name(name, span)),
            Some(first) => {
                let broken = self.broken;
                let said = self
                    .problem(
                        &DUPLICATE_KEY,
                        span,
                        format!("the key `{name}` is set twice in this mapping"),
                    )
                    .label(first, "first set here")
                    .reason("kubectl keeps the last value without a word")
                    .remedy("remove one of the two");
                self.report(said);
                // The first value stands, so the document can still be checked.
                self.broken = broken;
                self.set_key(Key::Bad);
            }
        }
        Ok(())
    }

    /// The value that an explicit key of the open mapping has already. A merged one does not count.
    fn earlier(&self, name: &str) -> Option<Option<Id>> {
        let Some(Frame {
            content: Content::Mapping(entries),
            ..
        }) = self.stack.last()
        else {
            return None;
        };
        let at = entries.find(name)?;
        (!entries.merged.contains(&at)).then(|| entries.entries[at].1.ids.first())
    }

    fn merge_key(&mut self, span: Span) -> Result<(), Stop> {
        let again = matches!(self.stack.last(), Some(Frame { content: Content::Mapping(entries), .. }) if entries.has_merge);
        if again {
            let said = self
                .problem(&DUPLICATE_KEY, span, "the key `<<` is set twice in this mapping")
                .remedy("merge a list instead: `<<: [*first, *second]`");
            return self.fatal(said);
        }
        if let Some(entries) = self.entries() {
            entries.has_merge = true;
        }
        self.set_key(Key::Merge(span));
        Ok(())
    }

    fn entries(&mut self) -> Option<&mut Entries> {
        match self.stack.last_mut() {
            Some(Frame {
                content: Content::Mapping(entries),
                ..
            }) => Some(entries),
            _ => None,
        }
    }

    pub(super) fn set_key(&mut self, key: Key) {
        if let Some(entries) = self.entries() {
            entries.key = Some(key);
        }
    }

    /// Puts the value of the waiting key in its place.
    pub(super) fn place_entry(&mut self, node: Node) -> Result<(), Stop> {
        let Some(entries) = self.entries() else {
            return Ok(());
        };
        let placed = match entries.key.take() {
            Some(Key::Name(name, _)) => match entries.find(&name) {
                None => {
                    entries.add(name, node);
                    Placed::Done
                }
                Some(at) => {
                    entries.merged.remove(&at);
                    Placed::Replaced(std::mem::replace(&mut entries.entries[at].1, node))
                }
            },
            Some(Key::Merge(span)) => Placed::Merge(node, span),
            Some(Key::Bad) | None => Placed::Unwanted(node),
        };
        match placed {
            Placed::Done => Ok(()),
            Placed::Replaced(node) | Placed::Unwanted(node) => {
                self.retire(&node);
                Ok(())
            }
            Placed::Merge(node, span) => self.merge(node, span),
        }
    }

    /// Takes the entries of one mapping, or of several, the first of which wins, into the open one.
    fn merge(&mut self, node: Node, span: Span) -> Result<(), Stop> {
        // The values move up to the open mapping; what held them is nobody's value any more.
        if let Some(origin) = node
            .ids
            .first()
            .and_then(|id| self.origins.get_mut(id.node() as usize))
        {
            origin.leaf = false;
        }
        match node.value {
            Value::Map(map) => self.merge_entries(map, span),
            Value::Seq(items) => items.into_iter().try_for_each(|item| match item.value {
                Value::Seq(_) => self.bad_merge(span),
                _ => self.merge(item, span),
            }),
            _ => self.bad_merge(span),
        }
    }

    fn bad_merge(&mut self, span: Span) -> Result<(), Stop> {
        let said = self
            .problem(&MERGE_TYPE, span, "`<<` merges mappings, and this value is something else")
            .remedy("give it an alias of a mapping, as in `<<: *defaults`, or quote the key if it is meant as text");
        self.fatal(said)
    }

    fn merge_entries(&mut self, map: Map, span: Span) -> Result<(), Stop> {
        let Some(parent) = self.stack.last().map(|frame| frame.id) else {
            return Ok(());
        };
        for (name, node) in map {
            if let Some(first) = self.earlier(&name) {
                let said = self
                    .problem(
                        &MERGE_ORDER,
                        span,
                        format!("this merge follows the key `{name}`, which it also sets"),
                    )
                    .label(first, "set here")
                    .reason(
                        "Kubernetes lets the merged value win in this order, other readers the explicit one",
                    )
                    .remedy("move `<<` to the top of the mapping");
                self.report(said);
            }
            let Some(entries) = self.entries() else {
                return Ok(());
            };
            if entries.find(&name).is_some() {
                self.retire(&node);
                continue;
            }
            entries.merged.insert(entries.entries.len());
            entries.add(name, node.clone());
            if let Some(origin) = node
                .ids
                .first()
                .and_then(|id| self.origins.get_mut(id.node() as usize))
            {
                origin.parent = Some(parent);
            }
        }
        Ok(())
    }
}
