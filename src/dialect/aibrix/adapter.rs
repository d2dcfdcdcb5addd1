//! ModelAdapters: what is refused. They make no pods, they load adapters into those that are there.

use super::admission::{SCHEMA, WEBHOOK};
use super::read::meta;
use crate::dialect::shared::read::Reader;
use crate::pods::{Child, Problem};
use crate::value::{Node, Str, Traced};

const SCHEMES: [&str; 6] = ["s3://", "gcs://", "tos://", "huggingface://", "hf://", "/"];

/// The name of a ModelAdapter, and what is wrong with it.
pub fn read(root: &Node) -> (Traced<Str>, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut r = Reader::new(root, &SCHEMA, &mut problems);
    let meta = meta(&mut r);
    for field in ["spec.podSelector", "spec.artifactURL"] {
        if r.get(field).is_none() {
            r.problem(field, &SCHEMA, "is missing");
        }
    }
    r.int("spec.replicas", 1, 1);
    if let Some(url) = r.string("spec.artifactURL")
        && !SCHEMES.iter().any(|scheme| url.value.starts_with(scheme))
    {
        let reason = format!("starts with none of {}", SCHEMES.join(", "));
        r.problem("spec.artifactURL", &WEBHOOK, reason);
    }
    (meta.name, problems)
}

/// The headless Service of a ModelAdapter.
pub fn service(name: Str) -> Child {
    let mut object = Node::map();
    object.at_mut(&["spec"]).set("clusterIP", "None");
    Child {
        api_version: "v1".into(),
        kind: "Service".into(),
        name: name.clone(),
        owner: ("ModelAdapter".into(), name),
        object,
    }
}
