//! What stands beside a workload follows it: selectors are rewritten to select the same pods.
//!
//! No table says which label of one dialect is which of another. The predicted pods do: an object selects certain pods of the
//! source, known by their coordinates; the labels that exactly the same pods of the target have are its selector there.

use super::codes::{COMPANION, FOLLOWED, FOREIGN};
use super::scaling::{self, ScaleTarget};
use crate::compile::{self, Settings};
use crate::diagnostic::{Diagnostic, Ledger, Outcome, Severity, Target};
use crate::dialect::{self, Dialect};
use crate::ir::{MEMBER_LABEL, ROLE_LABEL, SERVING_LABEL};
use crate::pods::Pod;
use crate::pods::compare::{Placed, Side};
use crate::pods::select::{self, Form};
use crate::source::Document;
use crate::value::{Id, Map, Node, Str};
use std::collections::BTreeSet;

/// Which pod of the lattice: serving, role, slice, replica, rank.
type Key = (Str, Str, u32, u32, u32);

fn key(pod: &Placed) -> Key {
    (
        pod.serving.clone(),
        pod.role.clone(),
        pod.slice,
        pod.replica,
        pod.rank,
    )
}

/// The pods of both sides.
#[derive(Clone, Default, Debug)]
pub struct Marked {
    /// On the source.
    pub before: Side,
    /// On the target.
    pub after: Side,
}

/// The pods that come of objects whose templates have the compiler's labels.
pub fn marked(objects: &[Node], settings: &Settings<'_>) -> Vec<Placed> {
    let document = |(n, root): (usize, &Node)| Document {
        id: root.ids.first().unwrap_or(Id::new(u32::MAX, n as u32)),
        root: root.clone(),
        comments: Vec::new(),
    };
    let documents: Vec<Document> = objects.iter().enumerate().map(document).collect();
    let prediction = compile::predict(&documents, settings);
    let pods = prediction.workloads.iter().flat_map(|w| &w.expansion.pods);
    pods.filter_map(placed).collect()
}

fn placed(pod: &Pod) -> Option<Placed> {
    let label = |key: &str| pod.labels.get(key).and_then(Node::as_str).map(Str::from);
    let slice = label(dialect::shared::SLICE_LABEL).and_then(|s| s.parse().ok());
    Some(Placed {
        serving: label(SERVING_LABEL)?,
        role: label(ROLE_LABEL)?,
        slice: slice.unwrap_or(pod.slice),
        replica: pod.replica,
        rank: pod.index,
        pod: pod.clone(),
    })
}

/// The documents that belong to no workload, as they must be on the target.
pub fn follow(
    documents: &[&Document],
    pods: &Marked,
    scaled: &[Scaled],
    sources: &[&str],
    target: &dyn Dialect,
    ledger: &mut Ledger,
) -> Vec<Node> {
    let mut all = Vec::new();
    for document in documents {
        if let Some(owner) = foreign(&document.root, sources, target) {
            ledger.report(left_out(document, owner, target));
            continue;
        }
        if scaling::is_autoscaler(&document.root) {
            all.extend(scaler(document, scaled, target, ledger));
            continue;
        }
        all.extend(followed(document, pods, target, ledger));
    }
    all
}

/// The dialect that an object belongs to, if it is one of the sources and not the target.
fn foreign(root: &Node, sources: &[&str], target: &dyn Dialect) -> Option<&'static dyn Dialect> {
    let text = |key| root.get(key).and_then(Node::as_str).unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    if target.owns(api_version, kind) {
        return None;
    }
    let of = |d: &&&'static dyn Dialect| sources.contains(&d.info().name) && d.owns(api_version, kind);
    dialect::ALL.iter().find(of).copied()
}

fn left_out(document: &Document, owner: &dyn Dialect, target: &dyn Dialect) -> Diagnostic {
    let (title, other) = (owner.info().title, target.info().title);
    let message = format!("{} is {title}'s own and is left out", name(&document.root));
    Diagnostic::new(&FOREIGN, message)
        .at(document.id)
        .outcome(Outcome::Dropped)
        .reason(format!("{other} has no such kind"))
        .remedy("say the same by `routing`, `scaling` or `targets` of the lifted spec, or keep the object for the source alone")
        .target(Target {
            dialect: target.info().name.into(),
            ..Target::default()
        })
}

fn name(root: &Node) -> String {
    let text = |path: &[&str]| root.at(path).and_then(Node::as_str).unwrap_or_default();
    format!("{} `{}`", text(&["kind"]), text(&["metadata", "name"]))
}

/// What scales with a role: on the source, and on the target if an autoscaler of Kubernetes can scale it there.
#[derive(Clone, Debug)]
pub struct Scaled {
    /// On the source.
    pub before: ScaleTarget,
    /// On the target.
    pub after: Option<ScaleTarget>,
}

/// An autoscaler whose words the language does not have, with its target rewritten.
fn scaler(document: &Document, scaled: &[Scaled], target: &dyn Dialect, ledger: &mut Ledger) -> Option<Node> {
    let root = &document.root;
    let named = ScaleTarget::of(root);
    let same = |s: &&Scaled| {
        named
            .as_ref()
            .is_some_and(|n| n.kind == s.before.kind && n.name == s.before.name)
    };
    let Some(Scaled { before: _, after }) = scaled.iter().find(same) else {
        return Some(root.clone());
    };
    let place = root.at(&["spec", "scaleTargetRef"])?;
    let Some(ScaleTarget {
        api_version,
        kind,
        name: scales,
    }) = after
    else {
        let message = format!(
            "nothing on {} can be scaled by {}",
            target.info().title,
            name(root)
        );
        let said = Diagnostic::new(&COMPANION, message).outcome(Outcome::Dropped);
        ledger.report(
            said.at(document.id)
                .remedy("write `scaling` in the lifted spec, or the target's own autoscaler"),
        );
        return None;
    };
    let mut object = root.clone();
    let reference = object.at_mut(&["spec", "scaleTargetRef"]);
    for (key, value) in [("apiVersion", api_version), ("kind", kind), ("name", scales)] {
        reference.set(key, value.clone());
    }
    reference.decided_by(&place.all_ids());
    let message = format!("{} scales {kind} `{scales}`", name(root));
    let said = Diagnostic::new(&FOLLOWED, message).outcome(Outcome::Moved);
    ledger.report(said.at(place.ids.first()));
    Some(object)
}

/// A companion with its selector rewritten, if it selects pods of a workload that moved.
fn followed(document: &Document, pods: &Marked, target: &dyn Dialect, ledger: &mut Ledger) -> Option<Node> {
    let root = &document.root;
    let chosen = |side: &Side| -> BTreeSet<Key> {
        let of = side
            .pods
            .iter()
            .filter(|p| select::selects(root, &p.pod.labels) == Some(true));
        of.map(key).collect()
    };
    let wanted = chosen(&pods.before);
    // Where no pods are predicted something else is wrong, and has been said.
    let unknown = |serving: &Str| !pods.after.pods.iter().any(|p| p.serving == *serving);
    if wanted.is_empty() || wanted == chosen(&pods.after) || wanted.iter().all(|k| unknown(&k.0)) {
        return Some(root.clone());
    }
    let (path, form) = select::place(root)?;
    let place = root.at(path)?;
    let Some(labels) = labels_of(&wanted, &pods.after.pods, place, form) else {
        let message = format!(
            "{} selects pods that no labels tell apart on {}",
            name(root),
            target.info().title
        );
        ledger.report(
            Diagnostic::new(&COMPANION, message)
                .at(document.id)
                .outcome(Outcome::Dropped)
                .remedy(
                    "write one for the target's objects; `kubectl infer pods -o json` shows their labels",
                ),
        );
        return None;
    };
    let mut object = root.clone();
    let mut selector = Node::from(labels);
    selector.ids = place.all_ids();
    let selector = match form {
        Form::Flat => selector,
        Form::Labelled => Map::from_iter([("matchLabels", selector)]).into(),
    };
    *object.at_mut(path) = selector;
    let said = Diagnostic::new(
        &FOLLOWED,
        format!("{} selects the same pods by other labels", name(root)),
    );
    ledger.report(
        said.severity(Severity::Note)
            .at(place.ids.first())
            .outcome(Outcome::Moved),
    );
    Some(object)
}

/// Labels that exactly the wanted pods have: those of the old selector that hold still, then the compiler's, then any.
fn labels_of(wanted: &BTreeSet<Key>, pods: &[Placed], old: &Node, form: Form) -> Option<Map> {
    let (inside, outside): (Vec<&Placed>, Vec<&Placed>) = pods.iter().partition(|p| wanted.contains(&key(p)));
    if inside.len() != wanted.len() {
        return None;
    }
    let first = inside.first()?;
    let shared = |k: &Str, v: &Node| inside.iter().all(|p| p.pod.labels.get(k) == Some(v));
    let all = first.pod.labels.iter().map(|(k, v)| (k, v));
    let common: Vec<(&Str, &Node)> = all
        .filter(|(k, v)| v.as_str().is_some_and(|v| !v.contains('<')) && shared(k, v))
        .collect();
    let old = match form {
        Form::Flat => Some(old),
        Form::Labelled => old.get("matchLabels"),
    };
    let old = old.and_then(Node::as_map);
    let rank = |key: &str| match key {
        _ if old.is_some_and(|o| o.contains_key(key)) => 0,
        SERVING_LABEL => 1,
        ROLE_LABEL => 2,
        MEMBER_LABEL => 3,
        dialect::shared::SLICE_LABEL => 4,
        _ => 5,
    };
    let mut order = common;
    order.sort_by_key(|(key, _)| (rank(key), (*key).clone()));
    let mut open: Vec<&Placed> = outside;
    let mut labels = Map::new();
    for (key, value) in order {
        let kept = rank(key) <= 1;
        let left: Vec<&Placed> = open
            .iter()
            .copied()
            .filter(|p| p.pod.labels.get(key) == Some(value))
            .collect();
        if kept || left.len() < open.len() {
            labels.insert(key.clone(), value.as_str().unwrap_or_default());
            open = left;
        }
    }
    (open.is_empty() && !labels.is_empty()).then_some(labels)
}
