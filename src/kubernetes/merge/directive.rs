//! The directives of strategic merge patches.

use super::Merger;
use crate::diagnostic::Diagnostic;
use crate::kubernetes::codes::{BAD_DIRECTIVE, PRUNED};
use crate::value::{Node, Str, Value};

pub(super) const PATCH: &str = "$patch";
pub(super) const RETAIN: &str = "$retainKeys";
pub(super) const ORDER: &str = "$setElementOrder/";
pub(super) const DELETE: &str = "$deleteFromPrimitiveList/";

/// What `$patch` says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Directive {
    Replace,
    Delete,
    Merge,
}

impl Merger<'_> {
    /// The `$patch` of a mapping. One that is none is reported and ignored.
    pub(super) fn directive(&mut self, node: &Node) -> Option<Directive> {
        let word = node.get(PATCH)?;
        match word.as_str() {
            Some("replace") => Some(Directive::Replace),
            Some("delete") => Some(Directive::Delete),
            Some("merge") => Some(Directive::Merge),
            _ => {
                self.bad(word, "`$patch` is one of replace, delete and merge");
                None
            }
        }
    }

    /// Reports something wrong about a directive, once: several steps of the merge read the same one.
    pub(super) fn bad(&mut self, at: &Node, message: impl Into<String>) {
        let said = Diagnostic::new(&BAD_DIRECTIVE, message).at_ids(&at.all_ids());
        let known =
            |d: &Diagnostic| d.code == said.code && d.covers == said.covers && d.message == said.message;
        if !self.ledger.diagnostics.iter().any(known) {
            self.ledger.report(said);
        }
    }

    /// Reports a key that looks like a directive and is none.
    pub(super) fn unknown_directive(&mut self, key: &str, value: &Node) {
        if key.starts_with('$') {
            let known = [PATCH, RETAIN, ORDER, DELETE].join(", ");
            let said = Diagnostic::new(
                &BAD_DIRECTIVE,
                format!("`{key}` is no directive of strategic merge"),
            );
            self.ledger
                .report(said.at_key(value.ids.first()).reason(format!("it knows {known}")));
        }
    }

    /// Reports that a whole element or mapping goes with its directive.
    pub(super) fn pruned(&mut self, node: &Node) {
        if node.as_map().is_some_and(|m| m.iter().any(|(k, _)| k != PATCH)) {
            let said = Diagnostic::new(&PRUNED, "the API server drops what stands beside this `$patch`");
            let said = said
                .at(node.get(PATCH).and_then(|n| n.ids.first()))
                .at_ids(&node.all_ids());
            self.ledger
                .report(said.remedy("put the directive in an element of its own"));
        }
    }

    /// `$retainKeys`: the keys that remain of the base.
    pub(super) fn retain_keys(&mut self, base: &mut Node, patch: &Node) {
        let Some(list) = patch.get(RETAIN) else { return };
        let Some(names) = list.as_seq() else {
            return self.bad(list, "`$retainKeys` is a list of keys");
        };
        let listed = |key: &str| names.iter().any(|n| n.as_str() == Some(key));
        for (key, value) in patch.as_map().into_iter().flatten() {
            if !value.is_null() && !key.starts_with('$') && !listed(key) {
                self.bad(
                    value,
                    format!("`{key}` is set, but `$retainKeys` does not list it"),
                );
            }
        }
        base.decided_by(&list.all_ids());
        let keys: Vec<Str> = base
            .as_map()
            .into_iter()
            .flatten()
            .map(|(k, _)| k.clone())
            .collect();
        for key in keys.iter().filter(|k| !listed(k)) {
            if let Some(old) = base.map_mut().remove(key) {
                self.ledger.supersede(&old.all_ids(), &list.ids);
            }
        }
    }

    /// `$deleteFromPrimitiveList/name`: plain values to take out of a list.
    pub(super) fn delete_values(&mut self, base: &mut Node, name: &str, values: &Node) {
        let Some(gone) = values.as_seq() else {
            return self.bad(values, format!("`{DELETE}{name}` is a list of values"));
        };
        base.decided_by(&values.all_ids());
        let Some(list) = base.map_mut().get_mut(name) else {
            return;
        };
        if let Value::Seq(elements) = &mut list.value {
            let ledger = &mut *self.ledger;
            elements.retain(|element| {
                let keep = !gone.contains(element);
                if !keep {
                    ledger.supersede(&element.all_ids(), &values.ids);
                }
                keep
            });
        }
    }
}
