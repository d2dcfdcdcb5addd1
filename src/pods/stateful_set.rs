//! The pods of a StatefulSet, as the controller of Kubernetes makes them (k8s.io/kubernetes pkg/controller/statefulset).

use crate::value::{Map, Node, Str};

/// The most characters of the name of a StatefulSet whose pods are accepted: they carry it in the label
/// `controller-revision-hash`, with a hash of up to ten characters.
pub const MOST_NAME: usize = 52;

/// A StatefulSet, or what of it decides about pods.
#[derive(Clone, Copy, Debug)]
pub struct StatefulSet<'a> {
    /// Its name.
    pub name: &'a str,
    /// `spec.serviceName`, the subdomain of its pods; empty if there is none.
    pub service: &'a str,
    /// Labels of the template.
    pub labels: &'a Map,
    /// Annotations of the template.
    pub annotations: &'a Map,
    /// PodSpec of the template.
    pub spec: &'a Node,
    /// `spec.volumeClaimTemplates`.
    pub claims: &'a [Node],
}

/// A pod before webhooks see it.
#[derive(Clone, Debug)]
pub struct MadePod {
    /// Its name.
    pub name: Str,
    /// Its `generateName`.
    pub generate_name: Str,
    /// Its labels.
    pub labels: Map,
    /// Its annotations.
    pub annotations: Map,
    /// Its spec.
    pub spec: Node,
}

impl StatefulSet<'_> {
    /// The pod of an ordinal.
    pub fn pod(&self, ordinal: u32) -> MadePod {
        let name: Str = format!("{}-{ordinal}", self.name).into();
        let mut labels = self.labels.clone();
        labels.insert("apps.kubernetes.io/pod-index", ordinal.to_string());
        labels.insert("controller-revision-hash", format!("{}-<hash>", self.name));
        labels.insert("statefulset.kubernetes.io/pod-name", name.clone());
        let mut spec = self.spec.clone();
        spec.set("hostname", name.clone());
        if !self.service.is_empty() {
            spec.set("subdomain", self.service);
        }
        self.claims(&name, &mut spec);
        MadePod {
            generate_name: format!("{}-", self.name).into(),
            labels,
            annotations: self.annotations.clone(),
            spec,
            name,
        }
    }

    /// Volumes of claims come first, and replace those of the template that have their names.
    fn claims(&self, pod: &str, spec: &mut Node) {
        let name = |claim: &Node| {
            claim
                .at(&["metadata", "name"])
                .and_then(Node::as_str)
                .map(Str::from)
        };
        let names: Vec<Str> = self.claims.iter().filter_map(name).collect();
        if names.is_empty() {
            return;
        }
        let volume = |name: &Str| -> Node {
            let claim: Node = Map::from_iter([("claimName", Node::from(format!("{name}-{pod}")))]).into();
            Map::from_iter([
                ("name", Node::from(name.clone())),
                ("persistentVolumeClaim", claim),
            ])
            .into()
        };
        let own = spec.get("volumes").and_then(Node::as_seq).unwrap_or_default();
        let kept = own.iter().filter(|v| {
            let own = v.get("name").and_then(Node::as_str);
            !names.iter().any(|n| Some(n.as_str()) == own)
        });
        let volumes: Vec<Node> = names.iter().map(volume).chain(kept.cloned()).collect();
        spec.set("volumes", volumes);
    }
}
