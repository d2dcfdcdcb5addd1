//! Policies that Kubernetes' own objects carry, for targets without fields for them.

use super::names::{metadata, role_object_name, selector, sliced, sliced_name};
use crate::ir::{Disruption, Metric, Role, Scaling, Serving};
use crate::kubernetes::companion;
use crate::value::{Map, Node, Str, Traced};

/// Autoscaler and disruption budget of a role in a slice, scaling `target` (apiVersion, kind, name).
pub fn policies(serving: &Serving, role: &Role, slice: Option<u32>, target: (&str, &str, Node)) -> Vec<Node> {
    let name = sliced_name(serving, role, slice);
    let scaler = autoscaler(serving, role, &name, target);
    let budget = disruption_budget(serving, role, &name, sliced(all_pods(serving, role), slice));
    scaler.into_iter().chain(budget).collect()
}

/// The labels of all pods of a role.
fn all_pods(serving: &Serving, role: &Role) -> Map {
    let mut labels = selector(serving, role);
    labels.remove(crate::ir::MEMBER_LABEL);
    labels
}

/// The disruption budget of a role, if it asks for one.
pub fn disruption_budget(serving: &Serving, role: &Role, name: &Traced<Str>, selector: Map) -> Option<Node> {
    let Disruption {
        min_available,
        max_unavailable,
    } = role.disruption.as_ref()?;
    Some(companion::pod_disruption_budget(
        metadata(serving, name, &[], &Map::new()),
        selector,
        min_available.clone().map(Node::from),
        max_unavailable.clone().map(Node::from),
    ))
}

/// A HorizontalPodAutoscaler that scales `target` (apiVersion, kind, name) as the role asks, if it does.
pub fn autoscaler(
    serving: &Serving,
    role: &Role,
    name: &Traced<Str>,
    target: (&str, &str, Node),
) -> Option<Node> {
    let Scaling {
        min,
        max,
        metrics,
        ids,
    } = role.scaling.as_ref()?;
    let metrics: Vec<companion::Metric> = metrics
        .iter()
        .map(|Metric { source, name, target }| companion::Metric {
            source: source.map(|s| Str::from(s.as_str())),
            name: name.clone(),
            target: target.clone(),
        })
        .collect();
    let (api_version, kind, target) = target;
    let object = companion::horizontal_pod_autoscaler(
        metadata(serving, name, &[], &Map::new()),
        companion::ScaleTarget {
            api_version: api_version.into(),
            kind: kind.into(),
            name: target,
        },
        min.node(),
        max.node(),
        &metrics,
    );
    Some(Node::derived(object, ids))
}

/// Service accounts with the right to list pods, for the roles that do.
pub fn access(serving: &Serving) -> Vec<Node> {
    let access = |role: &Role| {
        let name = role_object_name(serving, role);
        let metadata = metadata(serving, &name, &[], &Map::new());
        // The subject of a binding must name its namespace.
        let namespace = serving
            .namespace
            .as_ref()
            .map_or_else(|| "default".into(), Traced::node);
        companion::pod_reader(&metadata, &name.node(), Some(namespace))
    };
    serving
        .roles
        .iter()
        .filter(|r| !r.discovers.is_empty())
        .flat_map(access)
        .collect()
}

/// Sets the service account of [`access`] in a pod template, if the role needs it and the template has none.
pub fn use_pod_reader(serving: &Serving, role: &Role, template: &mut Node) {
    let spec = template.at_mut(&["spec"]);
    if !role.discovers.is_empty() && spec.get("serviceAccountName").is_none() {
        spec.set("serviceAccountName", role_object_name(serving, role));
    }
}
