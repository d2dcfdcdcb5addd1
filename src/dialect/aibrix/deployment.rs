//! Deployments that carry AIBrix's annotation: its webhook puts the runtime beside their engines, as it does with StormServices,
//! but only where the annotation says `true` (`pkg/webhook/deployment_webhook.go`).

use super::expand_sidecar::{ANNOTATION, Sidecar};
use super::read::How;
use crate::diagnostic::Ledger;
use crate::pods::scaling::autoscaled;
use crate::pods::template::{judge, refused_by_workloads};
use crate::pods::{Expansion, Pod, Problem, REFUSED, Scene, deployment};
use crate::value::{Map, Node, Str, Traced};

/// The kind.
pub const KIND: &str = "Deployment";

/// Whether AIBrix's webhook looks at a Deployment.
pub fn is_annotated(object: &Node) -> bool {
    let text = |key: &str| object.get(key).and_then(Node::as_str);
    text("apiVersion") == Some("apps/v1")
        && text("kind") == Some(KIND)
        && object.at(&["metadata", "annotations", ANNOTATION]).is_some()
}

/// The pods of a Deployment.
pub fn expand(root: &Node, how: How, scene: &Scene<'_>, ledger: &mut Ledger) -> Expansion {
    let mut expansion = Expansion::default();
    let mut template = root.at(&["spec", "template"]).cloned().unwrap_or_default();
    let judgement = judge(&template, &[], &REFUSED, &root.ids);
    judgement
        .warnings
        .into_iter()
        .for_each(|said| ledger.report(said));
    let problems = judgement.schema.into_iter().chain(judgement.floats);
    let problems = problems
        .chain(judgement.pod)
        .chain(refused_by_workloads(&template))
        .chain(selector(root, &template));
    expansion.reject_all(problems, ledger);
    let name: Str = root
        .at(&["metadata", "name"])
        .and_then(Node::as_str)
        .unwrap_or_default()
        .into();
    let given = root.at(&["spec", "replicas"]).filter(|n| !n.is_null());
    let replicas = given.map_or_else(
        || Traced::default_of(1),
        |n| Traced::new(n.as_int().unwrap_or(1), n.ids.clone()),
    );
    let namespace = scene.namespace_of(root);
    let count = autoscaled(scene, KIND, &name, &namespace, replicas).value;
    let whole = u64::try_from(count).unwrap_or(0);
    if !expansion.is_open() || !expansion.affordable(whole, &[&template], &root.ids, ledger) {
        return expansion;
    }
    if let Some(sidecar) = Sidecar::of_deployment(root, how.version).filter(|_| how.webhooks) {
        sidecar.inject(template.at_mut(&["spec"]));
    }
    expansion.pods = pods(&name, u32::try_from(whole).unwrap_or(u32::MAX), &template);
    expansion
}

fn pods(name: &Str, count: u32, template: &Node) -> Vec<Pod> {
    let part = |key: &str| template.at(&["metadata", key]).and_then(Node::as_map).cloned();
    let (labels, annotations) = (
        part("labels").unwrap_or_default(),
        part("annotations").unwrap_or_default(),
    );
    let spec = template.get("spec").cloned().unwrap_or_default();
    let pod = deployment::pod(name, &labels, &annotations, &spec);
    let pod = |replica| Pod {
        role: name.clone(),
        replica,
        name: pod.name.clone(),
        generate_name: Some(pod.generate_name.clone()),
        labels: pod.labels.clone(),
        annotations: pod.annotations.clone(),
        spec: pod.spec.clone(),
        ..Pod::default()
    };
    (0..count).map(pod).collect()
}

/// Labels of the template that the selector does not match.
fn selector(root: &Node, template: &Node) -> Option<Problem> {
    let selector = root.at(&["spec", "selector"]);
    let labels = template.at(&["metadata", "labels"]).and_then(Node::as_map);
    let matches = selector.is_some_and(|s| super::admit::matches(s, labels.unwrap_or(&Map::new())));
    (!matches).then(|| {
        let ids = selector.map_or(&root.ids, |s| &s.ids);
        Problem::new(
            &REFUSED,
            "`spec.selector` does not match the labels of `spec.template`",
            ids,
        )
    })
}
