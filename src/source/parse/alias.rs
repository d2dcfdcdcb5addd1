//! Anchors and aliases: repetition with a budget.

use super::anchor::Anchor;
use super::builder::{Builder, Stop};
use crate::source::codes::ALIAS_BUDGET;
use crate::source::{Origin, Span, Step};
use crate::value::{Id, Node, Value};

impl Builder<'_> {
    /// Keeps a finished value under its anchor, if it has one. The copy counts against the budget: a file of nested
    /// anchors would hold each value once for every anchor around it.
    pub(super) fn remember(&mut self, anchor: usize, node: &Node, span: Span) -> Result<(), Stop> {
        if anchor == 0 {
            return Ok(());
        }
        let found = Anchor::of(node);
        self.spend(found.nodes, 0, span)?;
        self.anchors.insert(anchor, Some(found));
        Ok(())
    }

    /// A copy of an anchored value with ids of its own, for the place that is filled next. `span` is the alias.
    pub(super) fn expand(&mut self, anchor: usize, span: Span) -> Result<Node, Stop> {
        let Some(Some(found)) = self.anchors.get(&anchor) else {
            return Err(Stop);
        };
        let (nodes, bytes, height) = (found.nodes, found.bytes, found.height);
        self.spend(nodes, bytes, span)?;
        if self.stack.len() + height > self.limits.depth {
            let said = self.too_deep(span);
            return self.fatal(said);
        }
        let id = self.enter(span)?;
        let Some(Some(found)) = self.anchors.remove(&anchor) else {
            return Err(Stop);
        };
        let node = self.copy(&found.node, id);
        // Errors about it point to the alias, which stands in the place of the key.
        self.origins[id.node() as usize].key = Some(span);
        self.anchors.insert(anchor, Some(found));
        Ok(node)
    }

    fn spend(&mut self, nodes: usize, bytes: usize, span: Span) -> Result<(), Stop> {
        let left = self
            .alias_nodes
            .checked_sub(nodes)
            .zip(self.alias_bytes.checked_sub(bytes));
        let Some((nodes, bytes)) = left else {
            let message = format!(
                "anchors and aliases stand for more than {} values or {} MiB of text",
                self.limits.alias_nodes,
                self.limits.alias_bytes >> 20
            );
            let said = self
                .problem(&ALIAS_BUDGET, span, message)
                .remedy("write the values out, or split the file");
            return self.fatal(said);
        };
        (self.alias_nodes, self.alias_bytes) = (nodes, bytes);
        Ok(())
    }

    /// Copies a value under the entry `id` that was made for it. Its depth is bounded by the limit.
    fn copy(&mut self, node: &Node, id: Id) -> Node {
        let original = node
            .ids
            .first()
            .and_then(|old| self.origins.get(old.node() as usize))
            .cloned();
        let value = match &node.value {
            Value::Seq(items) => {
                let copies = items.iter().enumerate();
                Value::Seq(
                    copies
                        .map(|(n, item)| self.copy_child(item, id, Step::Index(n as u32)))
                        .collect(),
                )
            }
            Value::Map(map) => {
                let copies = map
                    .iter()
                    .map(|(key, item)| (key.clone(), self.copy_child(item, id, Step::Key(key.clone()))));
                Value::Map(crate::value::Map::from_unique(copies.collect()))
            }
            other => other.clone(),
        };
        let entry = &mut self.origins[id.node() as usize];
        entry.leaf = match &value {
            Value::Seq(items) => items.is_empty(),
            Value::Map(map) => map.is_empty(),
            _ => true,
        };
        if let Some(original) = original {
            entry.span = original.span;
        }
        Node::new(value, id)
    }

    fn copy_child(&mut self, child: &Node, parent: Id, step: Step) -> Node {
        let key = child
            .ids
            .first()
            .and_then(|old| self.origins.get(old.node() as usize))
            .and_then(|origin| origin.key);
        let id = self.push(Origin {
            parent: Some(parent.node()),
            step,
            span: Span::default(),
            key,
            leaf: true,
        });
        self.copy(child, id)
    }
}
