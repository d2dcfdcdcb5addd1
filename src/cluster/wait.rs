//! Whether what was applied is ready: its pods by role, and what the objects themselves say.

use super::client::Client;
use super::discovery::Discovery;
use super::error::Error;
use super::object::ObjectName;
use crate::ir::{ROLE_LABEL, SERVING_LABEL};
use crate::value::Node;
use std::collections::BTreeMap;

/// The pods that a spec becomes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expected {
    /// The name of the spec.
    pub serving: String,
    /// Their namespace.
    pub namespace: String,
    /// How many of each role.
    pub roles: BTreeMap<String, usize>,
}

/// How far the pods of a role, or an object, are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Progress {
    /// The role, or the object.
    pub what: String,
    /// How many are ready.
    pub ready: usize,
    /// How many must be.
    pub wanted: usize,
    /// Why the others are not: reasons with how often each.
    pub reasons: Vec<String>,
}

impl Progress {
    /// Whether nothing is missing.
    pub fn is_ready(&self) -> bool {
        self.ready >= self.wanted && self.reasons.is_empty()
    }
}

/// Asks how far the pods of a spec are.
///
/// # Errors
/// No answer, or no permission to list pods.
pub(super) async fn pods(client: &Client, expected: &Expected) -> Result<Vec<Progress>, Error> {
    let path = format!("/api/v1/namespaces/{}/pods", super::encode(&expected.namespace));
    let pods = client
        .list(&path, &format!("{SERVING_LABEL}={}", expected.serving))
        .await?;
    let role = |pod: &Node| {
        pod.at(&["metadata", "labels", ROLE_LABEL])
            .and_then(Node::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let mut progress = Vec::new();
    for (name, wanted) in &expected.roles {
        let alive = |pod: &&Node| pod.at(&["metadata", "deletionTimestamp"]).is_none() && &role(pod) == name;
        let own: Vec<&Node> = pods.iter().filter(alive).collect();
        let ready = own
            .iter()
            .filter(|p| super::apply::has_condition(p, "Ready"))
            .count();
        let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
        if ready < *wanted {
            for pod in own.iter().filter(|p| !super::apply::has_condition(p, "Ready")) {
                *reasons.entry(reason(pod)).or_default() += 1;
            }
            if own.len() < *wanted {
                *reasons.entry("not created yet".into()).or_default() += wanted - own.len();
            }
        }
        let reasons = reasons
            .into_iter()
            .map(|(reason, n)| format!("{n} {reason}"))
            .collect();
        progress.push(Progress {
            what: format!("role {name}"),
            ready,
            wanted: *wanted,
            reasons,
        });
    }
    Ok(progress)
}

/// Why a pod is not ready, in a few words.
fn reason(pod: &Node) -> String {
    let text = |node: &Node, path: &[&str]| {
        node.at(path)
            .and_then(Node::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let list = |path: &[&str]| pod.at(path).and_then(Node::as_seq).unwrap_or_default();
    let containers = list(&["status", "initContainerStatuses"])
        .iter()
        .chain(list(&["status", "containerStatuses"]));
    for container in containers {
        let waiting = text(container, &["state", "waiting", "reason"]);
        if !waiting.is_empty() && waiting != "PodInitializing" {
            let message = text(container, &["state", "waiting", "message"]);
            let message = if message.is_empty() {
                String::new()
            } else {
                format!(" ({message})")
            };
            return format!("{waiting} in container {}{message}", text(container, &["name"]));
        }
    }
    for condition in list(&["status", "conditions"]) {
        let of = text(condition, &["type"]);
        if of == "PodScheduled" && text(condition, &["status"]) == "False" {
            return format!(
                "{}: {}",
                text(condition, &["reason"]),
                text(condition, &["message"])
            );
        }
    }
    match text(pod, &["status", "phase"]).as_str() {
        "Pending" | "" => "pending".into(),
        "Running" => "running and not ready".into(),
        other => other.to_lowercase(),
    }
}

/// Asks how far an object is, by the fields of status that Kubernetes' own workloads have and most others imitate. An object
/// that says nothing about itself is not waited for.
///
/// # Errors
/// No answer, or no permission to get it.
pub(super) async fn object(
    client: &Client,
    discovery: &Discovery,
    name: &ObjectName,
) -> Result<Option<Progress>, Error> {
    let resource = discovery.resource(client, &name.api_version, &name.kind).await?;
    let Some(live) = client.find(&resource.object(&name.namespace, &name.name)).await? else {
        let reasons = vec!["is gone".to_owned()];
        return Ok(Some(Progress {
            what: name.to_string(),
            ready: 0,
            wanted: 1,
            reasons,
        }));
    };
    let number = |path: &[&str]| live.at(path).and_then(Node::as_int);
    let own = name.api_version == "apps/v1" && matches!(name.kind.as_str(), "Deployment" | "StatefulSet");
    let mut reasons = Vec::new();
    let observed = number(&["status", "observedGeneration"]).or(own.then_some(0));
    if observed
        .zip(number(&["metadata", "generation"]))
        .is_some_and(|(seen, is)| seen < is)
    {
        reasons.push("its controller has not seen the change".to_owned());
    }
    let Some(wanted) = number(&["spec", "replicas"]) else {
        let progress = Progress {
            what: name.to_string(),
            ready: usize::from(reasons.is_empty()),
            wanted: 1,
            reasons,
        };
        return Ok((!progress.is_ready()).then_some(progress));
    };
    let updated = number(&["status", "updatedReplicas"]).or(own.then_some(0));
    if let Some(updated) = updated.filter(|u| *u < wanted) {
        reasons.push(format!("{updated} of {wanted} are updated"));
    }
    let ready = number(&["status", "readyReplicas"]).or(own.then_some(0));
    if let Some(ready) = ready.filter(|r| *r < wanted) {
        reasons.push(format!("{ready} of {wanted} are ready"));
    }
    let counted = |n: i64| usize::try_from(n.max(0)).unwrap_or(usize::MAX);
    Ok((!reasons.is_empty()).then(|| Progress {
        what: name.to_string(),
        ready: counted(ready.unwrap_or(0)),
        wanted: counted(wanted),
        reasons,
    }))
}
