//! Provider overrides: parts of what the operator makes for Grove, in Grove's own words (`internal/provideroverride`).

use super::super::read::codes::{GROVE_ONLY, OVERRIDE};
use super::super::read::{Component, Graph, Provider, text};
use super::NEEDS_GROVE;
use crate::pods::Problem;
use crate::value::{Ids, Node};

/// The version of Grove's API that may be patched.
const API_VERSION: &str = "grove.io/v1alpha1";

/// Checks all overrides of a graph.
pub fn graph(graph: &Graph, problems: &mut Vec<Problem>) {
    let grove = graph.provider == Provider::Grove;
    let typed = graph.topology.is_some() || graph.components.iter().any(|c| c.domain.is_some());
    let mut check = |node: Option<&Node>, target: Result<&'static str, &'static str>| {
        let Some(node) = node else { return };
        if !grove {
            let reason = format!("`providerOverride` {NEEDS_GROVE}");
            problems.push(Problem::new(&GROVE_ONLY, reason, &node.ids));
            return;
        }
        judge(node, target, problems);
        let writes = target.is_ok_and(|t| constraint(node, t).is_some());
        if typed && writes {
            let reason = "a provider override of the topology does not go together with a `topologyConstraint` of the graph or a component";
            problems.push(Problem::new(&OVERRIDE, reason, &node.ids));
        }
    };
    check(graph.provider_override.as_ref(), Ok("PodCliqueSet"));
    for component in &graph.components {
        let own = if component.scaling_group() {
            "PodCliqueScalingGroupConfig"
        } else {
            "PodCliqueTemplateSpec"
        };
        check(component.provider_override.as_ref(), Ok(own));
        let role = match (component.node_count() > 1, component.inter_pod()) {
            (false, _) => Err("overrides of leader and worker need several nodes"),
            (_, true) => {
                Err("overrides of leader and worker are not for a GPU memory service of mode `InterPod`")
            }
            _ => Ok("PodCliqueTemplateSpec"),
        };
        check(component.leader_override.as_ref(), role);
        check(component.worker_override.as_ref(), role);
    }
}

/// A component of its own has no overrides.
pub fn standalone(component: &Component, problems: &mut Vec<Problem>) {
    let all = [
        &component.provider_override,
        &component.leader_override,
        &component.worker_override,
    ];
    for node in all.into_iter().flatten() {
        let reason = "provider overrides are for components of a graph";
        problems.push(Problem::new(&OVERRIDE, reason, &node.ids));
    }
}

fn judge(node: &Node, target: Result<&'static str, &'static str>, problems: &mut Vec<Problem>) {
    let mut say = |reason: String, ids: &Ids| {
        let ids = if ids.is_empty() { &node.ids } else { ids };
        problems.push(Problem::new(&OVERRIDE, reason, ids));
    };
    let version = text(node, &["apiVersion"]);
    if version != API_VERSION {
        return say(
            format!("a provider override is of `apiVersion: {API_VERSION}`, not `{version}`"),
            &node.ids,
        );
    }
    let target = match target {
        Ok(target) => target,
        Err(why) => return say(why.to_owned(), &node.ids),
    };
    let written = text(node, &["target"]);
    if !written.is_empty() && written != target {
        return say(
            format!("the target of this provider override is `{target}`, not `{written}`"),
            &node.ids,
        );
    }
    let path: &[&str] = match target {
        "PodCliqueSet" => &["spec", "template", "topologyConstraint"],
        _ => &["topologyConstraint"],
    };
    let Some(mut value) = node.get("value") else {
        return;
    };
    for step in path {
        let Some(map) = value.as_map() else {
            return say(
                format!("`{step}` of a provider override is in a mapping"),
                &value.ids,
            );
        };
        for (key, other) in map.iter().filter(|(key, _)| key != step) {
            say(
                format!("a provider override may hold `topologyConstraint` and not `{key}`"),
                &other.ids,
            );
        }
        match map.get(step) {
            Some(next) => value = next,
            None => return say(format!("a provider override needs `{step}`"), &value.ids),
        }
    }
    if value.as_map().is_none() {
        say("`topologyConstraint` is a mapping".to_owned(), &value.ids);
    }
}

/// The topology constraint that an override of a target writes.
pub fn constraint<'a>(node: &'a Node, target: &str) -> Option<&'a Node> {
    let value = node.get("value")?;
    match target {
        "PodCliqueSet" => value.at(&["spec", "template", "topologyConstraint"]),
        _ => value.get("topologyConstraint"),
    }
}
