//! What the controller of KVCaches makes, one after the other: it stops at the first object that the API server refuses.

use super::read::{KvCache, Runtime};
use crate::pods::{Child, Pod, field_variable, variable};
use crate::value::{Map, Node, Str};

/// The prefix of all labels.
pub const PREFIX: &str = "kvcache.orchestration.aibrix.ai/";

/// Something that is made.
#[derive(Debug)]
pub enum Step {
    /// A pod.
    Pod(Pod),
    /// A StatefulSet.
    StatefulSet(Workload),
    /// A Deployment.
    Deployment(Workload),
    /// Anything else.
    Object(Child),
}

/// What makes the pods that hold the cache.
#[derive(Debug)]
pub struct Workload {
    /// How many.
    pub replicas: i64,
    /// Their template.
    pub template: Template,
}

/// A pod template.
#[derive(Clone, Debug)]
pub struct Template {
    /// Labels.
    pub labels: Map,
    /// Annotations.
    pub annotations: Map,
    /// The PodSpec.
    pub spec: Node,
}

impl KvCache {
    /// The labels of pods of a role.
    pub fn labels(&self, role: &str) -> Map {
        let mut labels = Map::with_capacity(3);
        labels.push_new(format!("{PREFIX}name").into(), self.meta.name.node());
        labels.push_new(format!("{PREFIX}role").into(), role.into());
        labels
    }

    /// The name of something that belongs to it.
    pub fn part(&self, end: &str) -> Str {
        format!("{}{end}", self.meta.name.value).into()
    }

    /// A pod of its own. Those of the cache come of workloads.
    pub fn pod(&self, role: &str, replica: u32, name: Str, labels: Map, spec: Node) -> Step {
        Step::Pod(Pod {
            role: role.into(),
            replica,
            name,
            labels,
            spec,
            ..Pod::default()
        })
    }

    /// An object that is owned by the KVCache, where owners are set at all.
    pub fn object(&self, api_version: &str, kind: &str, name: Str, labels: Map, rest: Node) -> Step {
        let mut object = rest;
        object.at_mut(&["metadata"]).set("labels", labels);
        Step::Object(Child {
            api_version: api_version.into(),
            kind: kind.into(),
            name,
            owner: (super::KIND.into(), self.meta.name.value.clone()),
            object,
        })
    }

    /// A Service.
    pub fn service(&self, name: Str, labels: Map, selector: Map, ports: Vec<Node>) -> Step {
        let mut rest = Node::map();
        let spec = rest.at_mut(&["spec"]);
        spec.set("type", "ClusterIP");
        spec.set("selector", selector);
        spec.set("ports", ports);
        self.object("v1", "Service", name, labels, rest)
    }

    /// Variables that say who a cache is. Its UID is not known before.
    pub fn identity(&self, prefix: &str, namespace: &str) -> [Node; 3] {
        [
            variable(&format!("{prefix}_UID"), "<hash>"),
            variable(&format!("{prefix}_NAME"), self.meta.name.node()),
            variable(&format!("{prefix}_NAMESPACE"), namespace),
        ]
    }
}

impl Runtime {
    /// A container of this image and resources.
    pub fn container(&self, name: &str) -> Node {
        let mut container = Node::map();
        container.set("name", name);
        let parts = [
            ("image", &self.image),
            ("imagePullPolicy", &self.pull_policy),
            ("resources", &self.resources),
        ];
        for (key, value) in parts {
            if let Some(value) = value {
                container.set(key, value.clone());
            }
        }
        container
    }

    /// A resource among its limits or requests.
    pub fn resource(&self, part: &str, name: &str) -> Option<&Node> {
        self.resources.as_ref()?.at(&[part, name])
    }
}

/// A mapping.
pub fn map<const N: usize>(entries: [(&str, Node); N]) -> Node {
    Map::from_iter(entries).into()
}

/// A list of strings.
pub fn words<const N: usize>(words: [&str; N]) -> Node {
    Vec::from(words.map(Node::from)).into()
}

/// Variables with fields of the pod.
pub fn fields<const N: usize>(names: [(&str, &str); N]) -> [Node; N] {
    names.map(|(name, path)| field_variable(name, path))
}

/// A port of a container.
pub fn container_port(name: &str, port: i64) -> Node {
    map([
        ("name", name.into()),
        ("containerPort", port.into()),
        ("protocol", "TCP".into()),
    ])
}

/// A port of a Service, which is that of its pods.
pub fn service_port(name: &str, port: i64) -> Node {
    let number = || Node::from(port);
    map([
        ("name", name.into()),
        ("port", number()),
        ("targetPort", number()),
        ("protocol", "TCP".into()),
    ])
}
