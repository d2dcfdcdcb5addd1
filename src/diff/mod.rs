//! What differs between two objects, by structure rather than by line.
//!
//! Mappings are compared key by key, lists by what tells their elements apart (`keys`), scalars by what they mean where
//! they stand (`same`): `1000m` of a CPU is `1`. Nothing here knows a cluster: the two trees may be a live object and what
//! it would become, or two predictions of a pod.
//!
//! ```
//! use kubectl_infer::diff;
//! use kubectl_infer::value::{Map, Node};
//! let pod = |n: i64| Node::from(Map::from_iter([("replicas", Node::from(n))]));
//! let (old, new) = (pod(1), pod(2));
//! let delta = diff::compare(&old, &new);
//! assert_eq!(delta.changes()[0].to_string(), "replicas: 1 → 2");
//! ```

mod change;
mod effect;
mod keys;
mod same;
mod unified;

pub use change::{Change, Kind, Step, path};
pub use effect::{Effect, EffectKind};
pub use unified::{Hunk, Line, Mark, hunks, lines};

use crate::value::{Map, Node, Str, Value};
use std::collections::HashMap;

/// How one tree differs from another at one place, and below.
#[derive(Clone, PartialEq, Debug)]
pub enum Delta<'a> {
    /// Not at all.
    Same(&'a Node),
    /// Only the new tree has it.
    Added(&'a Node),
    /// Only the old tree has it.
    Removed(&'a Node),
    /// It is another value: a scalar, or a list or mapping where the other was none.
    Replaced(&'a Node, &'a Node),
    /// A mapping: all its keys, those of the old tree first and in its order.
    Map(Vec<(Str, Delta<'a>)>),
    /// A list.
    List(List<'a>),
}

/// How two lists differ.
#[derive(Clone, PartialEq, Debug)]
pub struct List<'a> {
    /// All elements, each with what tells it apart: those of the new list in its order, and those that are gone after the one
    /// that they followed.
    pub elements: Vec<(Step, Delta<'a>)>,
    /// Whether elements that both lists have stand in another order.
    pub reordered: Option<Reordered>,
}

/// The order of the elements that two lists have in common.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reordered {
    /// In the old list.
    pub old: Vec<Step>,
    /// In the new list.
    pub new: Vec<Step>,
}

/// Compares two trees.
pub fn compare<'a>(old: &'a Node, new: &'a Node) -> Delta<'a> {
    at(old, new, "", "")
}

/// Compares what stands under `key`, which itself stands under `parent`.
fn at<'a>(old: &'a Node, new: &'a Node, parent: &str, key: &str) -> Delta<'a> {
    match (&old.value, &new.value) {
        (Value::Map(a), Value::Map(b)) => maps(old, a, b, key),
        (Value::Seq(a), Value::Seq(b)) => lists(old, a, b, key),
        _ if same::scalars(old, new, parent, key) => Delta::Same(new),
        _ => Delta::Replaced(old, new),
    }
}

fn maps<'a>(whole: &'a Node, old: &'a Map, new: &'a Map, key: &str) -> Delta<'a> {
    let mut entries: Vec<(Str, Delta<'a>)> = Vec::with_capacity(old.len());
    for (name, a) in old {
        let delta = match new.get(name) {
            Some(b) => at(a, b, key, name),
            None => Delta::Removed(a),
        };
        entries.push((name.clone(), delta));
    }
    let added = new.iter().filter(|(name, _)| !old.contains_key(name));
    entries.extend(added.map(|(name, b)| (name.clone(), Delta::Added(b))));
    if entries.iter().all(|(_, d)| d.is_same()) {
        Delta::Same(whole)
    } else {
        Delta::Map(entries)
    }
}

fn lists<'a>(whole: &'a Node, old: &'a [Node], new: &'a [Node], key: &str) -> Delta<'a> {
    let (from, to) = keys::steps(old, new, key);
    let (was, is) = (places(&from), places(&to));
    let mut elements: Vec<(Step, Delta<'a>)> = Vec::with_capacity(new.len());
    for (step, b) in to.iter().zip(new) {
        let delta = match was.get(step) {
            Some(&index) => at(&old[index], b, key, key),
            None => Delta::Added(b),
        };
        elements.push((step.clone(), delta));
    }
    for (index, step) in from.iter().enumerate().filter(|(_, s)| !is.contains_key(s)) {
        let before = index.checked_sub(1).map(|i| &from[i]);
        let place = before
            .and_then(|b| elements.iter().position(|(s, _)| s == b))
            .map_or(0, |i| i + 1);
        elements.insert(place, (step.clone(), Delta::Removed(&old[index])));
    }
    let common = |own: &[Step], other: &HashMap<&Step, usize>| -> Vec<Step> {
        own.iter().filter(|s| other.contains_key(s)).cloned().collect()
    };
    let (before, after) = (common(&from, &is), common(&to, &was));
    // A set has no order.
    let ordered = !matches!(before.first(), Some(Step::Value(_)));
    let reordered = (ordered && before != after).then_some(Reordered {
        old: before,
        new: after,
    });
    if reordered.is_none() && elements.iter().all(|(_, d)| d.is_same()) {
        return Delta::Same(whole);
    }
    Delta::List(List { elements, reordered })
}

fn places(steps: &[Step]) -> HashMap<&Step, usize> {
    steps
        .iter()
        .enumerate()
        .map(|(index, step)| (step, index))
        .collect()
}

impl<'a> Delta<'a> {
    /// Whether there is no difference.
    pub const fn is_same(&self) -> bool {
        matches!(self, Self::Same(_))
    }

    /// The differences, each with its place, in the order of the trees.
    pub fn changes(&self) -> Vec<Change<'a>> {
        let mut changes = Vec::new();
        change::collect(self, &mut Vec::new(), &mut changes);
        changes
    }
}

#[cfg(test)]
mod tests;
