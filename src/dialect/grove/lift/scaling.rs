//! Automatic scaling: the language's words where its metrics have some, else the configuration as Grove spells it.

use super::Lift;
use crate::diagnostic::Diagnostic;
use crate::dialect::grove::codes::METRICS;
use crate::dialect::grove::read::Scaling;
use crate::dialect::lifting::RoleDraft;
use crate::value::{Map, Node, Traced};

impl Lift<'_> {
    /// Sets the scaling of a role of so many replicas.
    pub(super) fn scaling(
        &mut self,
        role: &mut RoleDraft,
        scaling: &Scaling,
        replicas: &Traced<i64>,
        node: &Node,
    ) {
        let metrics = scaling
            .metrics
            .as_ref()
            .and_then(Node::as_seq)
            .unwrap_or_default();
        let words: Vec<Option<Node>> = metrics.iter().map(metric).collect();
        let exact = !metrics.is_empty() && words.iter().all(Option::is_some);
        let mut words: Vec<Node> = words.into_iter().flatten().collect();
        if metrics.is_empty() {
            // What the API server makes of an autoscaler without metrics.
            words.push(resource(&"cpu".into(), &80_i64.into(), &Node::default()));
        }
        if !exact {
            let message = "bounds and metrics of automatic scaling as Grove has them";
            let said =
                Diagnostic::new(&METRICS, message).remedy("write `scaling` with metrics of the language");
            self.lost(&node.all_ids(), said);
            role.option(super::NAME, "scaling", Some(node.clone()));
        }
        if words.is_empty() || scaling.max.value < 1 {
            return;
        }
        let written = node.get("minReplicas").filter(|n| !n.is_null());
        let least = match written {
            Some(node) => (node.as_int() != Some(1)).then(|| node.clone()),
            None => (replicas.value > 1).then(|| Node::from(replicas.value)),
        };
        let mut word = Map::new();
        word.insert_some("minReplicas", least);
        word.insert_some("maxReplicas", node.get("maxReplicas").cloned());
        word.insert("metrics", Node::derived(words, &metrics_ids(scaling)));
        role.set(&["scaling"], Some(Node::derived(word, &scaling.ids)));
    }
}

fn metrics_ids(scaling: &Scaling) -> crate::value::Ids {
    scaling
        .metrics
        .as_ref()
        .map(|m| m.ids.clone())
        .unwrap_or_default()
}

/// A metric in the language's words, if they say all of it.
fn metric(node: &Node) -> Option<Node> {
    let map = node.as_map()?;
    let kind = node.get("type")?.as_str()?;
    let (source, field) = match kind {
        "Resource" => ("resource", "resource"),
        "Pods" => ("pods", "pods"),
        "External" => ("external", "external"),
        _ => return None,
    };
    let about = node.get(field)?;
    let target = about.get("target")?;
    let only = |node: &Node, keys: &[&str]| {
        node.as_map()
            .is_some_and(|m| m.iter().all(|(k, _)| keys.contains(&k.as_str())))
    };
    if map.len() != 2 || !only(target, &["type", "averageUtilization", "averageValue"]) {
        return None;
    }
    let target_type = target.get("type")?.as_str()?;
    if source == "resource" {
        let percent = target.get("averageUtilization")?;
        let name = about.get("name")?;
        let known = matches!(name.as_str()?, "cpu" | "memory");
        let simple = known
            && target_type == "Utilization"
            && target.as_map()?.len() == 2
            && only(about, &["name", "target"]);
        return (simple && percent.as_int().is_some()).then(|| resource(name, percent, node));
    }
    let (name, value) = (about.at(&["metric", "name"])?, target.get("averageValue")?);
    let simple = target_type == "AverageValue"
        && target.as_map()?.len() == 2
        && only(about, &["metric", "target"])
        && only(about.get("metric")?, &["name"])
        && name.as_str().is_some()
        && (value.as_str().is_some() || value.as_int().is_some());
    simple.then(|| word(source, name, value, node))
}

fn resource(name: &Node, percent: &Node, origin: &Node) -> Node {
    word("resource", name, percent, origin)
}

fn word(source: &'static str, name: &Node, target: &Node, origin: &Node) -> Node {
    let kind = origin.get("type").map(|n| n.ids.clone()).unwrap_or_default();
    let word = Map::from_iter([
        ("source", Node::derived(source, &kind)),
        ("name", name.clone()),
        ("target", target.clone()),
    ]);
    Node::derived(word, &origin.ids)
}
