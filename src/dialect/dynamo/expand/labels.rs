//! Labels and annotations of pods, cliques and Services.

use super::super::read::{Component, Deployment, Graph, is_worker};
use crate::kubernetes::hash::sha256;
use crate::value::{Map, Node, Str};

/// The prefix of the operator's own.
const PREFIX: &str = "nvidia.com/";

/// A key of the operator's own.
pub fn key(name: &str) -> Str {
    format!("{PREFIX}{name}").into()
}

/// The keys that name where a controller finds the topology of nodes.
const TOPOLOGY_SOURCES: [&str; 2] = ["topology-label-key", "topology-cluster-topology-name"];
/// The version of the operator that an object was made by.
pub const ORIGIN: &str = "dynamo-operator-origin-version";
/// The annotations of a graph that its pods get.
pub const PROPAGATED: [&str; 5] = [
    "enable-metrics",
    "dynamo-discovery-backend",
    "dynamo-kube-discovery-mode",
    ORIGIN,
    "vllm-distributed-executor-backend",
];

/// The namespace of Dynamo's own that a component is in.
pub fn dynamo_namespace(component: &Component, namespace: &str, parent: &str) -> Str {
    if component.global_namespace {
        return "dynamo".into();
    }
    format!("{namespace}-{}", parent.replace('.', "-")).into()
}

/// The short hash of a model's name.
pub fn model_hash(model: &str) -> String {
    sha256(model)[..8].to_owned()
}

/// Adds entries that win over those that are there.
pub fn override_with(map: &mut Map, other: &Map) {
    for (key, value) in other {
        map.insert(key.clone(), value.clone());
    }
}

/// Adds entries that are not there.
fn add_missing(map: &mut Map, other: &Map) {
    for (key, value) in other {
        if !map.contains_key(key) {
            map.insert(key.clone(), value.clone());
        }
    }
}

/// The template of a component with what the graph gives to all of them.
pub fn with_defaults(graph: &Graph, component: &Component, env: &[Node]) -> Component {
    let mut made = component.clone();
    let mut template = made.template.take().unwrap_or_else(Node::map);
    let mut labels = component.metadata("labels");
    let mut annotations = component.metadata("annotations");
    for name in PROPAGATED {
        let key = key(name);
        if let Some(value) = graph
            .annotations
            .get(&key)
            .filter(|_| !annotations.contains_key(&key))
        {
            annotations.insert(key, value.clone());
        }
    }
    add_missing(&mut annotations, &graph.spec_annotations);
    add_missing(&mut labels, &graph.labels);
    let metadata = template.at_mut(&["metadata"]);
    metadata.set("labels", labels);
    metadata.set("annotations", annotations);
    if !env.is_empty() {
        let main = main_mut(&mut template);
        let own = main.map_mut().remove("env").unwrap_or_default();
        let merged = super::pod::merge_env(env, own.as_seq().unwrap_or_default());
        main.set("env", merged);
    }
    made.template = Some(template);
    made
}

/// The main container of a template, made if it is not there.
pub fn main_mut(template: &mut Node) -> &mut Node {
    let containers = template.at_mut(&["spec", "containers"]).seq_mut();
    let at = containers
        .iter()
        .position(|c| c.get("name").and_then(Node::as_str) == Some("main"));
    let at = at.unwrap_or_else(|| {
        containers.insert(0, Map::from_iter([("name", "main")]).into());
        0
    });
    &mut containers[at]
}

fn set(labels: &mut Map, name: &str, value: impl Into<Node>) {
    labels.insert(key(name), value);
}

/// What a label is written as: only if there is something to write.
fn set_some(labels: &mut Map, name: &str, value: Option<Str>) {
    if let Some(value) = value {
        set(labels, name, value);
    }
}

/// The labels of a clique. Labels of the user's win over the operator's, but for those that select.
pub fn of_clique(graph: &Graph, component: &Component, hash: Option<&str>, kubernetes: bool) -> Map {
    let mut labels = Map::new();
    if let Some(model) = &component.model {
        set(&mut labels, "dynamo-base-model-hash", model_hash(&model.value));
    }
    if graph.annotation(&key("enable-metrics")) != Some("false") {
        set(&mut labels, "metrics-enabled", "true");
    }
    override_with(&mut labels, &graph.labels);
    override_with(&mut labels, &component.alpha.labels);
    override_with(&mut labels, &component.metadata("labels"));
    let name = &graph.name.value;
    set(&mut labels, "selector", selector(graph, component));
    set(&mut labels, "dynamo-graph-deployment-name", name.clone());
    set(&mut labels, "dynamo-component", component.name.node());
    set_some(
        &mut labels,
        "dynamo-component-type",
        component.kind.as_ref().map(|k| k.value.clone()),
    );
    if graph.has_epp() && component.is_worker() {
        set(&mut labels, "dynamo-component-class", "worker");
    }
    set_some(&mut labels, "dynamo-sub-component-type", component.sub_type());
    let namespace = dynamo_namespace(component, &graph.namespace, name);
    set(&mut labels, "dynamo-namespace", namespace);
    set_some(&mut labels, "dynamo-worker-hash", hash.map(Str::from));
    if kubernetes {
        discovery(&mut labels);
    }
    labels
}

/// The name that pods of a component are selected by, which is that of its Service too.
pub fn selector(graph: &Graph, component: &Component) -> String {
    format!("{}-{}", graph.name.value, component.lower())
}

/// The labels by which pods are discovered.
pub fn discovery(labels: &mut Map) {
    set(labels, "dynamo-discovery-backend", "kubernetes");
    set(labels, "dynamo-discovery-enabled", "true");
}

/// Takes away the labels by which pods are discovered.
pub fn undiscovered(labels: &mut Map) {
    labels.remove(&key("dynamo-discovery-backend"));
    labels.remove(&key("dynamo-discovery-enabled"));
}

/// The annotations of a clique.
pub fn of_clique_annotations(graph: &Graph, component: &Component, memory: bool) -> Map {
    let mut annotations = graph.spec_annotations.clone();
    override_with(&mut annotations, &component.alpha.annotations);
    override_with(&mut annotations, &component.metadata("annotations"));
    for name in TOPOLOGY_SOURCES {
        annotations.remove(&key(name));
    }
    if !memory && component.is_worker() {
        topology_source(graph, &mut annotations);
    }
    annotations
}

/// Names where the topology of nodes is found.
pub fn topology_source(graph: &Graph, annotations: &mut Map) {
    let Some(policy) = &graph.kv_transfer else { return };
    let values = [&policy.label, &policy.topology];
    for (name, value) in TOPOLOGY_SOURCES.iter().zip(values) {
        if let Some(value) = value {
            set(annotations, name, value.node());
        }
    }
}

/// The name of a component that is an object of its own.
pub fn component_name(deployment: &Deployment) -> Str {
    let component = &deployment.component;
    if !component.name.value.is_empty() {
        return component.name.value.clone();
    }
    let label = deployment
        .labels
        .get(&key("dynamo-component"))
        .and_then(Node::as_str);
    label
        .filter(|l| !l.is_empty())
        .map(Str::from)
        .or_else(|| component.alpha.service_name.clone().filter(|s| !s.is_empty()))
        .unwrap_or_else(|| deployment.name.value.clone())
}

/// The namespace of Dynamo's own by which a component is selected. It need not be the one that it runs in.
pub fn selected_namespace(deployment: &Deployment) -> Str {
    if let Some(namespace) = &deployment.component.alpha.dynamo_namespace {
        return namespace.clone();
    }
    let label = |name: &str| {
        let found = deployment.labels.get(&key(name)).and_then(Node::as_str);
        found.filter(|l| !l.is_empty()).map(Str::from)
    };
    if let Some(namespace) = label("dynamo-namespace") {
        return namespace;
    }
    let parent = deployment
        .parent
        .clone()
        .or_else(|| label("dynamo-graph-deployment-name"))
        .unwrap_or_else(|| deployment.name.value.clone());
    dynamo_namespace(&deployment.component, &deployment.namespace, &parent)
}

/// The labels of what a component that is an object of its own becomes.
pub fn of_deployment(deployment: &Deployment) -> Map {
    let component = &deployment.component;
    let mut labels = deployment.labels.clone();
    override_with(&mut labels, &component.alpha.labels);
    override_with(&mut labels, &component.metadata("labels"));
    if let Some(model) = &component.model {
        set(&mut labels, "dynamo-base-model-hash", model_hash(&model.value));
    }
    set_some(&mut labels, "dynamo-sub-component-type", component.sub_type());
    set(&mut labels, "dynamo-component", component_name(deployment));
    set(&mut labels, "dynamo-namespace", selected_namespace(deployment));
    for name in [
        "dynamo-component",
        "dynamo-namespace",
        "dynamo-graph-deployment-name",
        "dynamo-worker-hash",
        "dynamo-component-class",
    ] {
        let key = key(name);
        let own = deployment.labels.get(&key);
        if let Some(value) = own.filter(|v| v.as_str().is_some_and(|v| !v.is_empty())) {
            labels.insert(key, value.clone());
        }
    }
    labels
}

/// The annotations of what a component that is an object of its own becomes.
pub fn of_deployment_annotations(deployment: &Deployment) -> Map {
    let component = &deployment.component;
    let mut annotations = component.alpha.annotations.clone();
    override_with(&mut annotations, &component.metadata("annotations"));
    if let Some(model) = &component.model {
        set(&mut annotations, "dynamo-base-model", model.node());
    }
    annotations.remove(&key(ORIGIN));
    for name in TOPOLOGY_SOURCES {
        let key = key(name);
        annotations.remove(&key);
        let own = deployment.annotations.get(&key);
        if let Some(value) = own.filter(|v| v.as_str() != Some("")) {
            annotations.insert(key, value.clone());
        }
    }
    annotations
}

/// The labels of the pods of a component that is an object of its own.
pub fn of_deployed_pods(deployment: &Deployment, kind: &str, kubernetes: bool) -> Map {
    let mut labels = of_deployment(deployment);
    let annotations = of_deployment_annotations(deployment);
    if annotations.get(&key("enable-metrics")).and_then(Node::as_str) != Some("false") {
        set(&mut labels, "metrics-enabled", "true");
    }
    let graph = deployment
        .labels
        .get(&key("dynamo-graph-deployment-name"))
        .cloned();
    let graph = graph
        .filter(|g| g.as_str().is_some_and(|g| !g.is_empty()))
        .or_else(|| deployment.parent.clone().map(Node::from));
    if let Some(graph) = graph {
        set(&mut labels, "dynamo-graph-deployment-name", graph);
    }
    if !kind.is_empty() {
        set(&mut labels, "dynamo-component-type", kind);
    }
    set(&mut labels, "dynamo-component", component_name(deployment));
    set(&mut labels, "dynamo-namespace", selected_namespace(deployment));
    if let Some(hash) = worker_hash(deployment) {
        set(&mut labels, "dynamo-worker-hash", hash);
    }
    set(&mut labels, "selector", deployment.name.value.clone());
    if kubernetes {
        discovery(&mut labels);
    }
    labels
}

/// The hash of the workers' generation that the object's own label says.
pub fn worker_hash(deployment: &Deployment) -> Option<Str> {
    let own = deployment
        .labels
        .get(&key("dynamo-worker-hash"))
        .and_then(Node::as_str);
    own.filter(|h| !h.is_empty()).map(Str::from)
}

/// The hash of the workers' generation that its pods run with.
pub fn effective_hash(deployment: &Deployment) -> Option<Str> {
    if !is_worker(deployment.component.kind()) {
        return None;
    }
    let template = deployment.component.metadata("labels");
    let of_template = template.get(&key("dynamo-worker-hash")).and_then(Node::as_str);
    worker_hash(deployment).or_else(|| of_template.filter(|h| !h.is_empty()).map(Str::from))
}
