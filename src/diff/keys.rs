//! What tells the elements of a list apart.
//!
//! For fields of Kubernetes' own objects it is the merge key of the table of the pod template, wherever a field of that name
//! occurs; for anything else it is a field that is set and different in every element of both lists. Lists of scalars are
//! compared by value where they are sets, by place where their order has a meaning.

use super::Step;
use crate::kubernetes::podspec::{self, Strategy};
use crate::value::{Node, Str, Value};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::LazyLock;

/// Fields that tell the elements of a list of mappings apart, tried in this order where the table knows nothing better.
/// All of a row must be set in each element.
const CANDIDATES: &[&[&str]] = &[
    &["name"],
    &["containerPort", "protocol"],
    &["port", "protocol"],
    &["containerPort"],
    &["port"],
    &["mountPath"],
    &["devicePath"],
    &["topologyKey", "whenUnsatisfiable"],
    &["topologyKey"],
    &["uid"],
    &["key"],
    &["type"],
    &["group", "kind", "name"],
    &["kind", "name"],
];

/// The merge keys that the table has for a name of a list.
static BY_FIELD: LazyLock<HashMap<&'static str, BTreeSet<&'static str>>> = LazyLock::new(|| {
    let mut keys: HashMap<&'static str, BTreeSet<&'static str>> = HashMap::new();
    for field in podspec::objects().iter().flat_map(|o| &o.fields) {
        if let Strategy::MergeBy(key) = field.strategy {
            keys.entry(field.name).or_default().insert(key);
        }
    }
    keys
});

/// Names of lists of scalars that the table calls sets.
static SETS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    let fields = podspec::objects().iter().flat_map(|o| &o.fields);
    fields
        .filter(|f| f.strategy == Strategy::Unite)
        .map(|f| f.name)
        .collect()
});

/// What tells the elements of two lists apart that stand under `field`.
pub(super) fn steps(old: &[Node], new: &[Node], field: &str) -> (Vec<Step>, Vec<Step>) {
    let both = || old.iter().chain(new);
    if both().all(|e| e.as_map().is_some()) {
        let known = BY_FIELD.get(field).into_iter().flatten().map(|key| vec![*key]);
        let candidates = CANDIDATES.iter().map(|row| row.to_vec());
        for row in known.chain(candidates) {
            if let (Some(a), Some(b)) = (elements(old, &row), elements(new, &row)) {
                return (a, b);
            }
        }
    } else if SETS.contains(field)
        && both().all(|e| matches!(e.value, Value::Str(_)))
        && let (Some(a), Some(b)) = (values(old), values(new))
    {
        return (a, b);
    }
    by_place(old, new)
}

/// The elements by the values of a row of fields, if each has all of them and no two have the same.
fn elements(list: &[Node], row: &[&str]) -> Option<Vec<Step>> {
    let mut seen = HashSet::new();
    let mut steps = Vec::with_capacity(list.len());
    for element in list {
        let values: Option<Vec<(Str, Str)>> = row
            .iter()
            .map(|key| Some((Str::from(*key), scalar(element.get(key)?)?)))
            .collect();
        let step = Step::Element(values?);
        if !seen.insert(step.clone()) {
            return None;
        }
        steps.push(step);
    }
    Some(steps)
}

fn values(list: &[Node]) -> Option<Vec<Step>> {
    let steps: Option<Vec<Step>> = list
        .iter()
        .map(|e| e.as_str().map(|s| Step::Value(s.into())))
        .collect();
    let steps = steps?;
    let mut seen = HashSet::new();
    steps.iter().all(|s| seen.insert(s.clone())).then_some(steps)
}

fn scalar(node: &Node) -> Option<Str> {
    match &node.value {
        Value::Str(s) => Some(s.clone()),
        Value::Int(i) => Some(i.to_string().into()),
        Value::UInt(u) => Some(u.to_string().into()),
        Value::Bool(b) => Some(b.to_string().into()),
        Value::Null | Value::Float(_) | Value::Text(_) | Value::Seq(_) | Value::Map(_) => None,
    }
}

/// Elements by place. What is equal at the end of both lists keeps its place from there, so that one argument inserted
/// in the middle is one difference.
fn by_place(old: &[Node], new: &[Node]) -> (Vec<Step>, Vec<Step>) {
    let front = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - front;
    let back = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take(rest)
        .take_while(|(a, b)| a == b)
        .count();
    let longest = old.len().max(new.len());
    let place = |length: usize| -> Vec<Step> {
        (0..length)
            .map(|i| {
                Step::Index(if i + back >= length {
                    longest - (length - i)
                } else {
                    i
                })
            })
            .collect()
    };
    (place(old.len()), place(new.len()))
}
