//! Names, metadata and selectors.

use crate::ir::answer::Answer;
use crate::ir::{MEMBER_LABEL, ROLE_LABEL, Role, SERVING_LABEL, Serving};
use crate::value::{Map, Node, Str, Traced};

/// The label that names the slice, on pods of workloads whose slices are objects of their own.
pub const SLICE_LABEL: &str = "infer.dev/slice";

/// The metadata of an object: name, namespace, the serving's labels and its own.
pub fn metadata(
    serving: &Serving,
    name: impl Into<Node>,
    labels: &[(&str, Node)],
    annotations: &Map,
) -> Node {
    let mut metadata = Map::new();
    metadata.insert("name", name);
    metadata.insert_some("namespace", serving.namespace.clone());
    metadata.insert("labels", object_labels(serving, labels));
    if !annotations.is_empty() {
        metadata.insert("annotations", annotations.clone());
    }
    metadata.into()
}

/// The labels of an object.
pub fn object_labels(serving: &Serving, labels: &[(&str, Node)]) -> Map {
    let mut all = serving.labels.clone();
    all.insert(SERVING_LABEL, &serving.name);
    for (key, value) in labels {
        all.insert(*key, value.clone());
    }
    all
}

/// The labels that select the serving pods of a role, where each member has a template of its own.
pub fn selector(serving: &Serving, role: &Role) -> Map {
    let mut labels = Map::new();
    labels.insert(SERVING_LABEL, &serving.name);
    labels.insert(ROLE_LABEL, &role.name);
    if role.members.iter().any(|m| !m.serves) {
        labels.insert(MEMBER_LABEL, &role.leader().name);
    }
    labels
}

/// A selector written as `k=v` with `separator` between.
pub fn selector_text(selector: &Map, separator: &str) -> Str {
    let pairs: Vec<String> = selector
        .iter()
        .map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default()))
        .collect();
    pairs.join(separator).into()
}

/// The name of a role's object: `<serving>-<role>`.
pub fn role_object_name(serving: &Serving, role: &Role) -> Traced<Str> {
    serving.name.zip(&role.name, |serving, role| {
        [serving.as_str(), "-", role].concat().into()
    })
}

/// The slices of a workload whose target has none: one without a number, or all of them by number. A workload of no
/// slices is one of no replicas (see [`replicas`]).
pub fn slices(serving: &Serving) -> Vec<Option<u32>> {
    match serving.slices.value {
        0 | 1 => vec![None],
        n => (0..n).map(Some).collect(),
    }
}

/// The replicas of a role in one slice, where slices are objects of their own: none if the workload has no slices.
pub fn replicas(serving: &Serving, role: &Role) -> Traced<u32> {
    match serving.slices.value {
        0 => serving.slices.map(|_| 0),
        _ => role.replicas.clone(),
    }
}

/// The name of a role's object in a slice: `<serving>-<role>`, or `<serving>-<slice>-<role>`.
pub fn sliced_name(serving: &Serving, role: &Role, slice: Option<u32>) -> Traced<Str> {
    let name = match slice {
        None => role_object_name(serving, role),
        Some(slice) => serving.name.zip(&role.name, |serving, role| {
            format!("{serving}-{slice}-{role}").into()
        }),
    };
    name.and(&serving.slices.ids)
}

/// The label of a slice, if the workload has several.
pub fn slice_label(slice: Option<u32>) -> Option<(&'static str, Node)> {
    slice.map(|s| (SLICE_LABEL, s.to_string().into()))
}

/// A selector within one slice.
pub fn sliced(mut selector: Map, slice: Option<u32>) -> Map {
    if let Some((key, value)) = slice_label(slice) {
        selector.insert(key, value);
    }
    selector
}

/// Labels a pod template with its slice.
pub fn label_slice(template: &mut Node, slice: Option<u32>) {
    if let Some((key, value)) = slice_label(slice) {
        template.at_mut(&["metadata", "labels"]).set(key, value);
    }
}

/// The answer to "which namespace": as written, else from the pod itself.
pub fn namespace(serving: &Serving) -> Answer {
    match &serving.namespace {
        Some(namespace) => Answer::Literal(namespace.value.clone()),
        None => Answer::Downward {
            variables: vec![("POD_NAMESPACE".into(), "metadata.namespace".into())],
            text: "$(POD_NAMESPACE)".into(),
        },
    }
}
