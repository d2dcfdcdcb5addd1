//! The pods of a Deployment: those of its ReplicaSet, whose names are drawn.

use super::stateful_set::MadePod;
use crate::value::{Map, Node, Str};

/// A pod of a Deployment of that name, before webhooks see it. All of them are alike: the hash of the template is written
/// `<hash>`, what is drawn for each pod `<random:5>`.
pub fn pod(name: &str, labels: &Map, annotations: &Map, spec: &Node) -> MadePod {
    let generate_name: Str = format!("{name}-<hash>-").into();
    let mut labels = labels.clone();
    labels.insert("pod-template-hash", "<hash>");
    MadePod {
        name: format!("{generate_name}<random:5>").into(),
        generate_name,
        labels,
        annotations: annotations.clone(),
        spec: spec.clone(),
    }
}
