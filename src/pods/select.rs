//! Selectors of the same input: a Service, budget, monitor or pool that selects no predicted pod is named, with the label that
//! is missing.

use super::resolve::fits;
use super::{Outcome, Scene, Workload};
use crate::diagnostic::{Code, Diagnostic, Ledger, Severity};
use crate::source::Document;
use crate::value::{Ids, Map, Node, Str};

/// A selector that selects nothing.
pub const SELECTS_NOTHING: Code = Code {
    id: "INF4110",
    title: "selector that selects no predicted pod",
    severity: Severity::Warning,
    explanation: "The object selects pods by labels, and none of the pods that come of the input has them all. A Service then has no endpoints, a \
                  budget protects nothing, a router finds no server.\n\nThe message compares with the pod that comes closest. Labels that \
                  controllers set are in `kubectl infer pods -o json`. If the object is about pods that are not part of the input, this warning \
                  can be ignored: `# infer: ignore[INF4110]`.",
};

/// A scaler of nothing.
pub const SCALES_NOTHING: Code = Code {
    id: "INF4111",
    title: "autoscaler of an object that is not there",
    severity: Severity::Warning,
    explanation: "The autoscaler names an object of a kind that the input has, but none of that name. It will say that the target is not found, and \
                  scale nothing.",
};

/// A label selector, with the places of its entries.
#[derive(Default)]
struct Selector {
    labels: Vec<(Str, Str, Ids)>,
    expressions: Vec<Node>,
    ids: Ids,
}

/// Pods by their labels, with what to call them.
struct Candidate<'a> {
    name: &'a str,
    labels: &'a Map,
    predicted: bool,
}

/// Reports the selectors and autoscalers among the documents of a scene that miss everything in it.
pub fn check(scene: &Scene<'_>, workloads: &[Workload], ledger: &mut Ledger) {
    for document in scene.documents {
        let namespace = scene.namespace_of(&document.root);
        if let Some(selector) = selector(&document.root) {
            pods(document, &selector, &namespace, scene, workloads, ledger);
        }
        scaler(document, &namespace, scene, ledger);
    }
}

fn text<'a>(node: &'a Node, path: &[&str]) -> &'a str {
    node.at(path).and_then(Node::as_str).unwrap_or_default()
}

/// How a kind writes its selector of pods.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// A mapping of labels.
    Flat,
    /// A LabelSelector.
    Labelled,
}

/// Where an object of a kind that selects pods has its selector.
pub fn place(root: &Node) -> Option<(&'static [&'static str], Form)> {
    let group = text(root, &["apiVersion"])
        .rsplit_once('/')
        .map_or("", |(group, _)| group);
    Some(match (group, text(root, &["kind"])) {
        ("", "Service") | ("inference.networking.x-k8s.io", "InferencePool") => {
            (&["spec", "selector"], Form::Flat)
        }
        ("inference.networking.k8s.io", "InferencePool")
        | ("policy", "PodDisruptionBudget")
        | ("monitoring.coreos.com", "PodMonitor") => (&["spec", "selector"], Form::Labelled),
        ("networking.k8s.io", "NetworkPolicy") => (&["spec", "podSelector"], Form::Labelled),
        ("networking.serving.volcano.sh", "ModelServer") => (&["spec", "workloadSelector"], Form::Labelled),
        _ => return None,
    })
}

/// Whether an object that selects pods selects one of these labels; nothing if it selects no pods.
pub fn selects(root: &Node, labels: &Map) -> Option<bool> {
    Some(matches(&selector(root)?, labels))
}

/// The selector of pods that an object has.
fn selector(root: &Node) -> Option<Selector> {
    let (path, form) = place(root)?;
    let node = root.at(path).filter(|n| !n.is_null())?;
    let found = match form {
        Form::Flat => flat(node),
        Form::Labelled => labelled(node),
    };
    // A selector of nothing selects everything, or nothing, on purpose.
    (!found.labels.is_empty() || !found.expressions.is_empty()).then_some(found)
}

fn flat(node: &Node) -> Selector {
    let pair = |(key, value): &(Str, Node)| Some((key.clone(), value.as_str()?.into(), value.ids.clone()));
    Selector {
        labels: node.as_map().into_iter().flatten().filter_map(pair).collect(),
        expressions: Vec::new(),
        ids: node.ids.clone(),
    }
}

fn labelled(node: &Node) -> Selector {
    let mut selector = node.get("matchLabels").map(flat).unwrap_or_default();
    selector.expressions = node
        .get("matchExpressions")
        .and_then(Node::as_seq)
        .unwrap_or_default()
        .to_vec();
    selector.ids = node.ids.clone();
    selector
}

fn pods(
    document: &Document,
    selector: &Selector,
    namespace: &Str,
    scene: &Scene<'_>,
    workloads: &[Workload],
    ledger: &mut Ledger,
) {
    // Of workloads of which nothing comes, nobody knows the labels.
    let local = || workloads.iter().filter(|w| w.namespace == *namespace);
    let whole = |w: &Workload| matches!(w.expansion.outcome, Outcome::Pods) && !w.expansion.pods.is_empty();
    if local().next().is_none() || !local().all(whole) {
        return;
    }
    let predicted = local().flat_map(|w| &w.expansion.pods).map(|pod| Candidate {
        name: &pod.name,
        labels: &pod.labels,
        predicted: true,
    });
    let mut nearest: Option<(usize, Candidate<'_>)> = None;
    for candidate in predicted.chain(plain(scene, namespace)) {
        if matches(selector, candidate.labels) {
            return;
        }
        let hits = selector
            .labels
            .iter()
            .filter(|(k, v, _)| has(candidate.labels, k, v))
            .count();
        if candidate.predicted && nearest.as_ref().is_none_or(|(most, _)| hits > *most) {
            nearest = Some((hits, candidate));
        }
    }
    if let Some((_, candidate)) = nearest {
        ledger.report(say(document, selector, &candidate));
    }
}

/// Pods of the workloads that are Kubernetes' own.
fn plain<'a>(scene: &'a Scene<'_>, namespace: &'a Str) -> impl Iterator<Item = Candidate<'a>> {
    const KINDS: &[&str] = &[
        "Deployment",
        "StatefulSet",
        "DaemonSet",
        "ReplicaSet",
        "Job",
        "Pod",
    ];
    let local = scene.documents.iter().filter(move |d| {
        KINDS.contains(&text(&d.root, &["kind"])) && scene.namespace_of(&d.root) == *namespace
    });
    local.filter_map(|d| {
        let path: &[&str] = match text(&d.root, &["kind"]) {
            "Pod" => &["metadata", "labels"],
            _ => &["spec", "template", "metadata", "labels"],
        };
        Some(Candidate {
            name: text(&d.root, &["metadata", "name"]),
            labels: d.root.at(path)?.as_map()?,
            predicted: false,
        })
    })
}

fn has(labels: &Map, key: &str, value: &str) -> bool {
    labels
        .get(key)
        .and_then(Node::as_str)
        .is_some_and(|own| fits(own, value))
}

fn matches(selector: &Selector, labels: &Map) -> bool {
    selector.labels.iter().all(|(k, v, _)| has(labels, k, v))
        && selector.expressions.iter().all(|e| holds(e, labels))
}

fn holds(expression: &Node, labels: &Map) -> bool {
    let key = text(expression, &["key"]);
    let values = expression
        .get("values")
        .and_then(Node::as_seq)
        .unwrap_or_default();
    let among = || {
        values
            .iter()
            .filter_map(Node::as_str)
            .any(|v| has(labels, key, v))
    };
    match text(expression, &["operator"]) {
        "In" => among(),
        "NotIn" => !among(),
        "Exists" => labels.contains_key(key),
        "DoesNotExist" => !labels.contains_key(key),
        _ => true,
    }
}

fn say(document: &Document, selector: &Selector, nearest: &Candidate<'_>) -> Diagnostic {
    let (kind, name) = (
        text(&document.root, &["kind"]),
        text(&document.root, &["metadata", "name"]),
    );
    let (mut lacks, mut ids) = (Vec::new(), Ids::none());
    for (key, value, place) in &selector.labels {
        if has(nearest.labels, key, value) {
            continue;
        }
        if ids.is_empty() {
            ids = place.clone();
        }
        lacks.push(match nearest.labels.get(key).and_then(Node::as_str) {
            Some(own) => format!("has `{key}: {own}` instead of `{key}: {value}`"),
            None => format!("lacks the label `{key}: {value}`"),
        });
    }
    for expression in selector.expressions.iter().filter(|e| !holds(e, nearest.labels)) {
        let (key, operator) = (text(expression, &["key"]), text(expression, &["operator"]));
        lacks.push(format!("does not satisfy `{key} {operator}`"));
    }
    let ids = if ids.is_empty() { &selector.ids } else { &ids };
    let message = format!(
        "{kind} `{name}` selects no predicted pod: `{}`, which comes closest, {}",
        nearest.name,
        lacks.join(" and ")
    );
    Diagnostic::new(&SELECTS_NOTHING, message)
        .at_ids(ids)
        .remedy("correct the selector, or give the pod template the label")
}

/// An autoscaler whose target is of a kind that the input has, by another name.
fn scaler(document: &Document, namespace: &Str, scene: &Scene<'_>, ledger: &mut Ledger) {
    if !["HorizontalPodAutoscaler", "PodAutoscaler", "ScaledObject"]
        .contains(&text(&document.root, &["kind"]))
    {
        return;
    }
    let (kind, name) = (
        text(&document.root, &["spec", "scaleTargetRef", "kind"]),
        text(&document.root, &["spec", "scaleTargetRef", "name"]),
    );
    let names: Vec<&str> = scene
        .of_kind(kind, namespace)
        .map(|d| text(&d.root, &["metadata", "name"]))
        .collect();
    if names.is_empty() || name.is_empty() || names.contains(&name) {
        return;
    }
    let own = text(&document.root, &["metadata", "name"]);
    let message = format!(
        "{} `{own}` scales `{kind}/{name}`, which is not in the input",
        text(&document.root, &["kind"])
    );
    let place = document
        .root
        .at(&["spec", "scaleTargetRef", "name"])
        .map(|n| n.ids.clone())
        .unwrap_or_default();
    let mut said = Diagnostic::new(&SCALES_NOTHING, message).at_ids(&place);
    if let Some(meant) = crate::diagnostic::closest(name, names.iter().copied()) {
        said = said.remedy(format!("did you mean `{meant}`?")).replacement(meant);
    }
    ledger.report(said);
}
