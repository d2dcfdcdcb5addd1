//! DynamoGraphDeployments and DynamoComponentDeployments as the API server and the mutating webhook leave them, in the terms of
//! v1beta1 (`deploy/operator/api` of ai-dynamo/dynamo).
//!
//! Objects of v1alpha1 are converted as the conversion webhook does it; what v1beta1 cannot say of them the operator still heeds,
//! and is kept in [`Alpha`].

mod alpha;
pub mod codes;
mod pod_template;
pub mod preserved;

use super::options::Platform;
use crate::dialect::shared::schema::Table;
use crate::kubernetes::container::list;
use crate::pods::Problem;
use crate::value::{Ids, Map, Node, Str, Traced, Value};
use codes::SCHEMA;
use std::sync::LazyLock;

/// The API group.
pub const GROUP: &str = "nvidia.com";
/// A graph.
pub const GRAPH: &str = "DynamoGraphDeployment";
/// A component of its own, or one that the operator makes of a graph.
pub const COMPONENT: &str = "DynamoComponentDeployment";
/// The container of a component that the operator looks at.
pub const MAIN: &str = "main";

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::new(include_str!("../data/schema.txt"), &SCHEMA));

/// The version of the API that an object was written in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Version {
    /// `v1alpha1`.
    Alpha,
    /// `v1beta1`, the one that is stored.
    Beta,
}

/// Which controllers a graph is left to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Provider {
    /// One PodCliqueSet, which Grove expands.
    Grove,
    /// DynamoComponentDeployments: Deployments, and LeaderWorkerSets for components of several nodes.
    Component,
}

/// An object that was read, and what was found on the way.
#[derive(Debug)]
pub struct Read<T> {
    /// The object, as far as it can be used.
    pub object: T,
    /// What admission refuses by the schema.
    pub problems: Vec<Problem>,
    /// Fields that are dropped in silence: path and place.
    pub dropped: Vec<(String, Ids)>,
}

/// A DynamoGraphDeployment.
#[derive(Clone, Debug)]
pub struct Graph {
    /// Its place.
    pub ids: Ids,
    /// Its name.
    pub name: Traced<Str>,
    /// Its namespace.
    pub namespace: Str,
    /// Its version in the input.
    pub version: Version,
    /// Which controllers it is left to.
    pub provider: Provider,
    /// `metadata.annotations`, with what the webhook writes.
    pub annotations: Map,
    /// The components in their order.
    pub components: Vec<Component>,
    /// `backendFramework`.
    pub framework: Option<Traced<Str>>,
    /// `env`.
    pub env: Vec<Node>,
    /// `labels` of the spec.
    pub labels: Map,
    /// `annotations` of the spec.
    pub spec_annotations: Map,
    /// `priorityClassName`.
    pub priority_class: Option<Traced<Str>>,
    /// `restart`.
    pub restart: Option<Node>,
    /// `topologyConstraint`.
    pub topology: Option<Topology>,
    /// `experimental.kvTransferPolicy`.
    pub kv_transfer: Option<KvTransfer>,
    /// `providerOverride`.
    pub provider_override: Option<Node>,
    /// Claims of v1alpha1: `pvcs`.
    pub claims: Vec<Node>,
}

/// A DynamoComponentDeployment.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Its place.
    pub ids: Ids,
    /// Its name.
    pub name: Traced<Str>,
    /// Its namespace.
    pub namespace: Str,
    /// Its version in the input.
    pub version: Version,
    /// `metadata.labels`.
    pub labels: Map,
    /// `metadata.annotations`.
    pub annotations: Map,
    /// The graph that owns it.
    pub parent: Option<Str>,
    /// `backendFramework`.
    pub framework: Option<Traced<Str>>,
    /// The component.
    pub component: Component,
}

/// `topologyConstraint` of a graph.
#[derive(Clone, Debug)]
pub struct Topology {
    /// Its place.
    pub ids: Ids,
    /// `clusterTopologyName`.
    pub name: Traced<Str>,
    /// `packDomain`.
    pub domain: Option<Traced<Str>>,
}

/// `experimental.kvTransferPolicy` of a graph.
#[derive(Clone, Debug)]
pub struct KvTransfer {
    /// Its place.
    pub ids: Ids,
    /// `clusterTopologyName`.
    pub topology: Option<Traced<Str>>,
    /// `labelKey`.
    pub label: Option<Traced<Str>>,
    /// `domain`.
    pub domain: Traced<Str>,
    /// `enforcement`.
    pub enforcement: Traced<Str>,
    /// `preferredWeight`.
    pub weight: Option<Node>,
}

/// `experimental.gpuMemoryService` of a component.
#[derive(Clone, Debug)]
pub struct MemoryService {
    /// Its place.
    pub ids: Ids,
    /// Whether the server has a pod of its own.
    pub inter_pod: bool,
    /// `deviceClassName`.
    pub device_class: Str,
    /// `extraClientContainers`.
    pub clients: Vec<Traced<Str>>,
    /// `extraClientPods`, which is reserved.
    pub client_pods: Option<Ids>,
}

/// `experimental.failover` of a component.
#[derive(Clone, Debug)]
pub struct Failover {
    /// Its place.
    pub ids: Ids,
    /// Whether shadows are pods of their own.
    pub inter_pod: bool,
    /// `numShadows`.
    pub shadows: u32,
}

/// `compilationCache` of a component.
#[derive(Clone, Debug)]
pub struct Cache {
    /// Its place.
    pub ids: Ids,
    /// `pvcName`.
    pub claim: Traced<Str>,
    /// `mountPath`.
    pub path: Option<Traced<Str>>,
}

/// What the operator heeds of a v1alpha1 service although v1beta1 cannot say it.
#[derive(Clone, Default, Debug)]
pub struct Alpha {
    /// `labels`.
    pub labels: Map,
    /// `annotations`.
    pub annotations: Map,
    /// `subComponentType`.
    pub sub_type: Option<Str>,
    /// `dynamoNamespace`.
    pub dynamo_namespace: Option<Str>,
    /// `serviceName`.
    pub service_name: Option<Str>,
    /// `ingress`.
    pub ingress: Option<Node>,
    /// The service as it was written, for rules that look at it.
    pub written: Option<Node>,
}

/// A component of a graph, or that of a DynamoComponentDeployment.
#[derive(Clone, Debug)]
pub struct Component {
    /// Its place.
    pub ids: Ids,
    /// Its name; empty if a DynamoComponentDeployment gives none.
    pub name: Traced<Str>,
    /// `type`.
    pub kind: Option<Traced<Str>>,
    /// `podTemplate`.
    pub template: Option<Node>,
    /// `runtimeVersionOverride`.
    pub runtime_version: Option<Traced<Str>>,
    /// `replicas`.
    pub replicas: Traced<i64>,
    /// `minAvailable`, if it is written.
    pub min_available: Option<Traced<i64>>,
    /// `multinode.nodeCount`.
    pub nodes: Option<Traced<i64>>,
    /// `multinode.leader.providerOverride`.
    pub leader_override: Option<Node>,
    /// `multinode.worker.providerOverride`.
    pub worker_override: Option<Node>,
    /// `sharedMemorySize`.
    pub shared_memory: Option<Node>,
    /// `modelRef.name`.
    pub model: Option<Traced<Str>>,
    /// Whether there is a `scalingAdapter`.
    pub scaling_adapter: bool,
    /// `eppConfig`.
    pub epp_config: Option<Node>,
    /// `frontendSidecar`.
    pub frontend_sidecar: Option<Traced<Str>>,
    /// `compilationCache`.
    pub cache: Option<Cache>,
    /// `topologyConstraint.packDomain`.
    pub domain: Option<Traced<Str>>,
    /// `globalDynamoNamespace`.
    pub global_namespace: bool,
    /// `providerOverride`.
    pub provider_override: Option<Node>,
    /// `experimental.gpuMemoryService`.
    pub memory_service: Option<MemoryService>,
    /// `experimental.failover`.
    pub failover: Option<Failover>,
    /// `experimental.grove.forceScalingGroup`.
    pub force_group: Option<Traced<bool>>,
    /// `experimental.checkpoint`.
    pub checkpoint: Option<Node>,
    /// What v1beta1 cannot say.
    pub alpha: Alpha,
}

impl Component {
    /// The type, empty if there is none.
    pub fn kind(&self) -> &str {
        self.kind.as_ref().map_or("", |k| k.value.as_str())
    }

    /// Whether it runs an engine.
    pub fn is_worker(&self) -> bool {
        is_worker(self.kind())
    }

    /// The name in objects.
    pub fn lower(&self) -> String {
        self.name.value.to_lowercase()
    }

    /// The nodes of each replica.
    pub fn node_count(&self) -> u32 {
        let written = self.nodes.as_ref().map_or(1, |n| n.value);
        u32::try_from(written.max(1)).unwrap_or(u32::MAX)
    }

    /// Whether its GPU memory server has a pod of its own.
    pub fn inter_pod(&self) -> bool {
        self.memory_service.as_ref().is_some_and(|m| m.inter_pod)
    }

    /// Whether its shadows are pods of their own.
    pub fn inter_pod_failover(&self) -> bool {
        self.failover.as_ref().is_some_and(|f| f.inter_pod)
    }

    /// Whether Grove gets a scaling group for it.
    pub fn scaling_group(&self) -> bool {
        self.node_count() > 1 || self.inter_pod() || self.forced()
    }

    /// Whether a scaling group is asked for.
    pub fn forced(&self) -> bool {
        self.force_group.as_ref().is_some_and(|f| f.value)
    }

    /// The main container.
    pub fn main(&self) -> Option<&Node> {
        let containers = list(self.template.as_ref()?.get("spec")?, "containers");
        containers.iter().find(|c| text(c, &["name"]) == MAIN)
    }

    /// Labels or annotations of the template.
    pub fn metadata(&self, key: &str) -> Map {
        let found = self.template.as_ref().and_then(|t| t.at(&["metadata", key]));
        found.and_then(Node::as_map).cloned().unwrap_or_default()
    }

    /// A sub type: that of v1alpha1, or the kind of worker.
    pub fn sub_type(&self) -> Option<Str> {
        match self.kind() {
            kind @ ("prefill" | "decode") => Some(kind.into()),
            _ => self.alpha.sub_type.clone().filter(|s| !s.is_empty()),
        }
    }
}

impl Graph {
    /// An annotation of the object.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.get(key).and_then(Node::as_str)
    }

    /// Whether there is an endpoint picker.
    pub fn has_epp(&self) -> bool {
        self.components.iter().any(|c| c.kind() == "epp")
    }

    /// Whether some component has several nodes.
    pub fn multinode(&self) -> bool {
        self.components.iter().any(|c| c.node_count() > 1)
    }
}

/// Whether components of a type run an engine.
pub fn is_worker(kind: &str) -> bool {
    ["worker", "prefill", "decode"].contains(&kind)
}

/// The string at a path; empty if there is none.
pub fn text<'a>(node: &'a Node, path: &[&str]) -> &'a str {
    node.at(path).and_then(Node::as_str).unwrap_or_default()
}

/// Reads a graph. Its CRD defaults and those of the mutating webhook are filled in.
pub fn graph(root: &Node, namespace: Str, platform: &Platform) -> Read<Graph> {
    let (root, version, mut problems, dropped) = settled(root, GRAPH);
    let annotations = strings(root.at(&["metadata", "annotations"]));
    let (spec, mut alphas) = match version {
        Version::Alpha => alpha::graph(&root, &mut problems),
        Version::Beta => {
            let spec = root.get("spec").cloned().unwrap_or_default();
            (spec, preserved::services(&annotations))
        }
    };
    let provider = provider(&annotations, platform);
    let mut components = Vec::new();
    for node in list(&spec, "components") {
        let alpha = alphas.services.remove(text(node, &["name"])).unwrap_or_default();
        components.push(component(node, alpha));
    }
    let mut graph = Graph {
        ids: root.ids.clone(),
        name: object_name(&root, &mut problems),
        namespace,
        version,
        provider,
        annotations,
        components,
        framework: filled(&spec, &["backendFramework"]),
        env: list(&spec, "env").to_vec(),
        labels: strings(spec.get("labels")),
        spec_annotations: strings(spec.get("annotations")),
        priority_class: filled(&spec, &["priorityClassName"]),
        restart: present(&spec, &["restart"]),
        topology: spec.get("topologyConstraint").and_then(topology),
        kv_transfer: spec
            .at(&["experimental", "kvTransferPolicy"])
            .and_then(kv_transfer),
        provider_override: present(&spec, &["providerOverride"]),
        claims: alphas.claims,
    };
    stamp(&mut graph, platform);
    Read {
        object: graph,
        problems,
        dropped,
    }
}

/// What the mutating webhook writes on an object that is created.
fn stamp(graph: &mut Graph, platform: &Platform) {
    graph.annotations.remove(preserved::ANNOTATION);
    let provider = match graph.provider {
        Provider::Grove => "grove",
        Provider::Component => "component",
    };
    graph.annotations.insert("nvidia.com/workload-provider", provider);
    let origin = "nvidia.com/dynamo-operator-origin-version";
    if !graph.annotations.contains_key(origin) {
        graph.annotations.insert(origin, platform.version());
    }
}

/// Where the webhook sends a graph.
fn provider(annotations: &Map, platform: &Platform) -> Provider {
    let wanted = annotations
        .get("nvidia.com/enable-grove")
        .and_then(Node::as_str)
        .is_none_or(|v| !v.eq_ignore_ascii_case("false"));
    match wanted && platform.has_grove() {
        true => Provider::Grove,
        false => Provider::Component,
    }
}

/// Reads a component that is an object of its own.
pub fn deployment(root: &Node, namespace: Str) -> Read<Deployment> {
    let (root, version, mut problems, dropped) = settled(root, COMPONENT);
    let annotations = strings(root.at(&["metadata", "annotations"]));
    let (node, alpha) = match version {
        Version::Alpha => alpha::deployment(&root, &mut problems),
        Version::Beta => {
            let alpha = preserved::deployment(&annotations);
            (root.get("spec").cloned().unwrap_or_default(), alpha)
        }
    };
    let owners = root.at(&["metadata", "ownerReferences"]).and_then(Node::as_seq);
    let parent = owners
        .unwrap_or_default()
        .iter()
        .find(|o| text(o, &["kind"]) == GRAPH)
        .map(|o| text(o, &["name"]).into());
    let object = Deployment {
        ids: root.ids.clone(),
        name: object_name(&root, &mut problems),
        namespace,
        version,
        labels: strings(root.at(&["metadata", "labels"])),
        annotations,
        parent,
        framework: filled(&node, &["backendFramework"]),
        component: component(&node, alpha),
    };
    Read {
        object,
        problems,
        dropped,
    }
}

type Parts = (Node, Version, Vec<Problem>, Vec<(String, Ids)>);

/// What the API server stores of an object in its own version.
fn settled(root: &Node, kind: &str) -> Parts {
    let mut root = root.clone();
    let (version, name) = match text(&root, &["apiVersion"]).rsplit_once('/') {
        Some((_, "v1alpha1")) => (Version::Alpha, "v1alpha1"),
        _ => (Version::Beta, "v1beta1"),
    };
    let settled = TABLE.settle(&mut root, &format!("{kind}/{name}"));
    (root, version, settled.problems, settled.dropped)
}

fn object_name(root: &Node, problems: &mut Vec<Problem>) -> Traced<Str> {
    match filled(root, &["metadata", "name"]) {
        Some(name) => name,
        None => {
            let ids = root.get("metadata").map_or(&root.ids, |m| &m.ids);
            problems.push(Problem::new(&SCHEMA, "`metadata.name` is missing", ids));
            Traced::new(Str::default(), ids.clone())
        }
    }
}

/// A component of v1beta1.
pub fn component(node: &Node, alpha: Alpha) -> Component {
    let number = |path: &[&str]| {
        let found = node.at(path)?;
        Some(Traced::new(found.as_int()?, found.ids.clone()))
    };
    Component {
        ids: node.ids.clone(),
        name: filled(node, &["name"]).unwrap_or_else(|| Traced::new(Str::default(), node.ids.clone())),
        kind: filled(node, &["type"]),
        template: present(node, &["podTemplate"]),
        runtime_version: filled(node, &["runtimeVersionOverride"]),
        replicas: number(&["replicas"]).unwrap_or_else(|| Traced::new(1, node.ids.clone())),
        min_available: number(&["minAvailable"]),
        nodes: number(&["multinode", "nodeCount"]),
        leader_override: present(node, &["multinode", "leader", "providerOverride"]),
        worker_override: present(node, &["multinode", "worker", "providerOverride"]),
        shared_memory: present(node, &["sharedMemorySize"]),
        model: filled(node, &["modelRef", "name"]),
        scaling_adapter: present(node, &["scalingAdapter"]).is_some(),
        epp_config: present(node, &["eppConfig"]),
        frontend_sidecar: node.get("frontendSidecar").and_then(traced),
        cache: node.get("compilationCache").map(|c| Cache {
            ids: c.ids.clone(),
            claim: c.get("pvcName").and_then(traced).unwrap_or_default(),
            path: filled(c, &["mountPath"]),
        }),
        domain: filled(node, &["topologyConstraint", "packDomain"]),
        global_namespace: node.get("globalDynamoNamespace").and_then(Node::as_bool) == Some(true),
        provider_override: present(node, &["providerOverride"]),
        memory_service: node.at(&["experimental", "gpuMemoryService"]).map(memory_service),
        failover: node.at(&["experimental", "failover"]).map(|f| Failover {
            ids: f.ids.clone(),
            inter_pod: text(f, &["mode"]) == "InterPod",
            shadows: f
                .get("numShadows")
                .and_then(Node::as_int)
                .and_then(|n| u32::try_from(n).ok())
                .unwrap_or(1)
                .max(1),
        }),
        force_group: node
            .at(&["experimental", "grove", "forceScalingGroup"])
            .and_then(|n| Some(Traced::new(n.as_bool()?, n.ids.clone()))),
        checkpoint: present(node, &["experimental", "checkpoint"]),
        alpha,
    }
}

fn memory_service(node: &Node) -> MemoryService {
    let class = text(node, &["deviceClassName"]);
    let pods = node.get("extraClientPods");
    MemoryService {
        ids: node.ids.clone(),
        inter_pod: text(node, &["mode"]) == "InterPod",
        device_class: if class.is_empty() { "gpu.nvidia.com" } else { class }.into(),
        clients: list(node, "extraClientContainers")
            .iter()
            .filter_map(traced)
            .collect(),
        client_pods: pods
            .filter(|p| p.as_seq().is_some_and(|l| !l.is_empty()))
            .map(|p| p.ids.clone()),
    }
}

fn topology(node: &Node) -> Option<Topology> {
    node.as_map()?;
    Some(Topology {
        ids: node.ids.clone(),
        name: filled(node, &["clusterTopologyName"]).unwrap_or_default(),
        domain: filled(node, &["packDomain"]),
    })
}

fn kv_transfer(node: &Node) -> Option<KvTransfer> {
    node.as_map()?;
    Some(KvTransfer {
        ids: node.ids.clone(),
        topology: filled(node, &["clusterTopologyName"]),
        label: filled(node, &["labelKey"]),
        domain: filled(node, &["domain"]).unwrap_or_default(),
        enforcement: filled(node, &["enforcement"]).unwrap_or_else(|| Traced::default_of("required".into())),
        weight: present(node, &["preferredWeight"]),
    })
}

/// A string with its place.
fn traced(node: &Node) -> Option<Traced<Str>> {
    Some(Traced::new(node.as_str()?.into(), node.ids.clone()))
}

/// A string that is not empty.
fn filled(node: &Node, path: &[&str]) -> Option<Traced<Str>> {
    node.at(path).and_then(traced).filter(|s| !s.value.is_empty())
}

/// A value that is not null.
fn present(node: &Node, path: &[&str]) -> Option<Node> {
    node.at(path).filter(|n| !n.is_null()).cloned()
}

/// Labels or annotations.
fn strings(node: Option<&Node>) -> Map {
    let mut map = node.and_then(Node::as_map).cloned().unwrap_or_default();
    map.retain(|_, value| matches!(value.value, Value::Str(_)));
    map
}
