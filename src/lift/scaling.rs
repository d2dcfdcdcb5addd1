//! HorizontalPodAutoscalers of the input that scale a role become the role's `scaling`.
//!
//! Which role an autoscaler scales is not looked up in a table: each role is rendered with bounds of its own, and the object
//! that the dialect would scale for it is compared with the one that the autoscaler names.

use crate::compile::{self, Settings};
use crate::dialect::Dialect;
use crate::dialect::lifting::Draft;
use crate::source::Document;
use crate::value::{Map, Node, Str};

/// What an autoscaler refers to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScaleTarget {
    /// Its apiVersion.
    pub api_version: Str,
    /// Its kind.
    pub kind: Str,
    /// Its name.
    pub name: Str,
}

impl ScaleTarget {
    /// What an object's `scaleTargetRef` names.
    pub fn of(object: &Node) -> Option<Self> {
        let text = |key| {
            let node = object.at(&["spec", "scaleTargetRef", key]);
            node.and_then(Node::as_str).map(Str::from)
        };
        Some(Self {
            api_version: text("apiVersion").unwrap_or_default(),
            kind: text("kind")?,
            name: text("name")?,
        })
    }
}

/// Whether a document is an autoscaler that names what it scales.
pub fn is_autoscaler(root: &Node) -> bool {
    let kind = root.get("kind").and_then(Node::as_str);
    matches!(kind, Some("HorizontalPodAutoscaler" | "ScaledObject"))
}

/// What a HorizontalPodAutoscaler of each role would scale on a dialect, in the order of the roles; nothing where the dialect
/// scales by other means, or for several slices.
pub fn targets(serving: &Node, dialect: &dyn Dialect, settings: &Settings<'_>) -> Vec<Option<ScaleTarget>> {
    let roles = serving.at(&["spec", "roles"]).and_then(Node::as_seq);
    let count = roles.unwrap_or_default().len();
    (0..count)
        .map(|n| target(serving, n, dialect, settings))
        .collect()
}

fn target(
    serving: &Node,
    role: usize,
    dialect: &dyn Dialect,
    settings: &Settings<'_>,
) -> Option<ScaleTarget> {
    let mut serving = serving.clone();
    let roles = serving.at_mut(&["spec", "roles"]).seq_mut();
    for (n, other) in roles.iter_mut().enumerate() {
        other.map_mut().remove("scaling");
        if n == role {
            let metric = Map::from_iter([
                ("source", Node::from("resource")),
                ("name", "cpu".into()),
                ("target", 50_i64.into()),
            ]);
            other.at_mut(&["scaling"]).set("maxReplicas", 2_i64);
            other
                .at_mut(&["scaling"])
                .set("metrics", vec![Node::from(metric)]);
        }
    }
    let decoded = compile::decode(&serving, settings.sources);
    let made = compile::objects(decoded.serving.as_ref()?, dialect, settings);
    let scaler = |o: &&Node| o.get("kind").and_then(Node::as_str) == Some("HorizontalPodAutoscaler");
    let mut scalers = made.iter().filter(scaler);
    let found = scalers.next()?;
    scalers.next().is_none().then(|| ScaleTarget::of(found)).flatten()
}

/// Turns autoscalers of the input into the `scaling` of the roles that they scale.
pub fn raise(draft: &mut Draft, dialect: &dyn Dialect, documents: &[Document], settings: &Settings<'_>) {
    let scalers: Vec<&Document> = documents
        .iter()
        .filter(|d| d.root.get("kind").and_then(Node::as_str) == Some("HorizontalPodAutoscaler"))
        .filter(|d| !draft.replaces.contains(&d.id))
        .collect();
    if scalers.is_empty() {
        return;
    }
    let targets = targets(&draft.serving, dialect, settings);
    for document in scalers {
        let named = ScaleTarget::of(&document.root);
        let same = |t: &Option<ScaleTarget>| {
            t.as_ref()
                .zip(named.as_ref())
                .is_some_and(|(t, n)| t.kind == n.kind && t.name == n.name)
        };
        let Some(role) = targets.iter().position(same) else {
            continue;
        };
        let Some(scaling) = scaling(&document.root) else {
            continue;
        };
        let roles = draft.serving.at_mut(&["spec", "roles"]).seq_mut();
        if let Some(role) = roles.get_mut(role).filter(|r| r.get("scaling").is_none()) {
            role.set("scaling", scaling);
            draft.replaces.push(document.id);
        }
    }
}

/// The autoscaler in the language's words, if it has words for all its metrics.
fn scaling(hpa: &Node) -> Option<Node> {
    let mut scaling = Map::new();
    scaling.insert_some("minReplicas", hpa.at(&["spec", "minReplicas"]).cloned());
    scaling.insert("maxReplicas", hpa.at(&["spec", "maxReplicas"])?.clone());
    let metrics = hpa.at(&["spec", "metrics"]).and_then(Node::as_seq)?;
    let metrics: Option<Vec<Node>> = metrics.iter().map(metric).collect();
    scaling.insert("metrics", metrics.filter(|m| !m.is_empty())?);
    Some(scaling.into())
}

fn metric(metric: &Node) -> Option<Node> {
    let kind = metric.get("type")?;
    let (key, source) = match kind.as_str()? {
        "Resource" => ("resource", "resource"),
        "Pods" => ("pods", "pods"),
        "External" => ("external", "external"),
        _ => return None,
    };
    let about = metric.get(key)?;
    let (name, goal) = if key == "resource" {
        (about.get("name")?, about.at(&["target", "averageUtilization"])?)
    } else {
        (
            about.at(&["metric", "name"])?,
            about.at(&["target", "averageValue"])?,
        )
    };
    let mut made = Map::new();
    made.insert("source", Node::derived(source, &kind.ids));
    made.insert("name", name.clone());
    made.insert("target", goal.clone());
    Some(made.into())
}
