//! The pods of a Deployment: those of its ReplicaSet, whose names are drawn.

use super::stateful_set::MadePod;
use crate::value::{Map, Node, Str};

/// The name of a pod of a Deployment. Generated names have at most 63 characters, five of them random.
pub fn pod_name(deployment: &str) -> Str {
    match deployment.len() {
        0..=46 => format!("{deployment}-<hash>-<random:5>"),
        47..=56 => format!("{deployment}-<hash><random:5>"),
        57 => format!("{deployment}-<random:5>"),
        _ => format!("{}<random:5>", deployment.chars().take(58).collect::<String>()),
    }
    .into()
}

/// A pod of a Deployment of that name, before webhooks see it. All of them are alike: the hash of the template is written
/// `<hash>`, what is drawn for each pod `<random:5>`.
pub fn pod(name: &str, labels: &Map, annotations: &Map, spec: &Node) -> MadePod {
    let generate_name: Str = format!("{name}-<hash>-").into();
    let mut labels = labels.clone();
    labels.insert("pod-template-hash", "<hash>");
    MadePod {
        name: pod_name(name),
        generate_name,
        labels,
        annotations: annotations.clone(),
        spec: spec.clone(),
    }
}
