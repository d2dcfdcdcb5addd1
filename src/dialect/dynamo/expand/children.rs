//! What the operator makes beside pods and their owners: Services, accounts, claims, adapters.

use super::super::operator::Operator;
use super::super::read::{COMPONENT, Component, Deployment, GRAPH, Graph, Provider, text};
use super::command::elastic_ray;
use super::defaults::{HTTP, SYSTEM, object};
use super::labels::{self, key};
use super::memory::claim_template;
use super::{component, dra};
use crate::pods::{Child, Expansion};
use crate::value::{Map, Node, Str};

/// Who owns a child.
struct Owner<'a> {
    kind: &'a str,
    name: &'a Str,
    namespace: &'a Str,
}

impl Owner<'_> {
    fn child(
        &self,
        api_version: &str,
        kind: &str,
        name: impl Into<Str>,
        metadata: Map,
        body: impl IntoIterator<Item = (&'static str, Node)>,
    ) -> Child {
        let name = name.into();
        let mut head = Map::from_iter([
            ("name", Node::from(name.clone())),
            ("namespace", self.namespace.clone().into()),
        ]);
        labels::override_with(&mut head, &metadata);
        let mut object = object([
            ("apiVersion", Node::from(api_version)),
            ("kind", kind.into()),
            ("metadata", head.into()),
        ]);
        body.into_iter().for_each(|(key, value)| object.set(key, value));
        Child {
            api_version: api_version.into(),
            kind: kind.into(),
            name,
            owner: (self.kind.into(), self.name.clone()),
            object,
        }
    }
}

fn labelled(labels: Map) -> Map {
    Map::from_iter([("labels", labels)])
}

/// What comes of a graph whatever it is left to, and with Grove also what comes of its components.
pub fn of_graph(graph: &Graph, operator: &Operator<'_>, expansion: &mut Expansion) {
    let owner = Owner {
        kind: GRAPH,
        name: &graph.name.value,
        namespace: &graph.namespace,
    };
    let children = &mut expansion.children;
    let name = &graph.name.value;
    let discovery = graph.annotation(&key("dynamo-discovery-backend"));
    let kubernetes = discovery.map_or_else(|| operator.discovery() == "kubernetes", |d| d == "kubernetes");
    if kubernetes {
        children.extend(accounts(&owner));
    }
    for claim in &graph.claims {
        let create = claim.get("create").and_then(Node::as_bool) == Some(true);
        let wanted = text(claim, &["name"]);
        if create && operator.claim(wanted, &graph.namespace) != Some(true) {
            children.push(self::claim(&owner, claim));
        }
    }
    for component in &graph.components {
        children.extend(claims(&owner, component));
        if component.kind() == "epp" {
            children.extend(picker(&owner, graph, component));
        }
    }
    if graph.multinode() {
        let own = Map::from_iter([(key("dynamo-graph-deployment-name"), name.clone())]);
        let script = format!("{name}-wait-leader-script");
        children.push(owner.child("v1", "ConfigMap", script, labelled(own), []));
        children.push(owner.child("v1", "Secret", operator.mpi_secret(), Map::new(), []));
    }
    for component in graph.components.iter().filter(|c| c.scaling_adapter) {
        let reference = object([
            ("name", Node::from(name.clone())),
            ("componentName", component.name.node()),
        ]);
        let spec = object([("replicas", component.replicas.node()), ("dgdRef", reference)]);
        children.push(owner.child(
            "nvidia.com/v1beta1",
            "DynamoGraphDeploymentScalingAdapter",
            labels::selector(graph, component),
            Map::new(),
            [("spec", spec)],
        ));
    }
    if graph.provider == Provider::Grove {
        stable(graph, &owner, kubernetes, children);
    }
}

/// The ServiceAccount by which pods find each other, with what it may do.
fn accounts(owner: &Owner<'_>) -> Vec<Child> {
    let account = format!("{}-k8s-service-discovery", owner.name);
    let rule = |group: &str, resources: &[&str], verbs: &[&str]| {
        object([
            ("apiGroups", super::defaults::words(&[group])),
            ("resources", super::defaults::words(resources)),
            ("verbs", super::defaults::words(verbs)),
        ])
    };
    let read = ["get", "list", "watch"];
    let write = ["create", "get", "list", "watch", "update", "patch", "delete"];
    let rules = vec![
        rule("", &["endpoints", "pods"], &read),
        rule("discovery.k8s.io", &["endpointslices"], &read),
        rule("nvidia.com", &["dynamoworkermetadatas"], &write),
    ];
    let subject = object([
        ("kind", Node::from("ServiceAccount")),
        ("name", account.as_str().into()),
        ("namespace", owner.namespace.clone().into()),
    ]);
    let role = format!("{account}-role");
    let reference = object([
        ("apiGroup", Node::from("rbac.authorization.k8s.io")),
        ("kind", "Role".into()),
        ("name", role.as_str().into()),
    ]);
    const RBAC: &str = "rbac.authorization.k8s.io/v1";
    let binding = format!("{account}-binding");
    vec![
        owner.child("v1", "ServiceAccount", account, Map::new(), []),
        owner.child(RBAC, "Role", role, Map::new(), [("rules", rules.into())]),
        owner.child(
            RBAC,
            "RoleBinding",
            binding,
            Map::new(),
            [("subjects", vec![subject].into()), ("roleRef", reference)],
        ),
    ]
}

/// A claim of v1alpha1 that the graph creates.
fn claim(owner: &Owner<'_>, written: &Node) -> Child {
    let get = |key: &str| written.get(key).cloned().unwrap_or_default();
    let requests = object([("requests", object([("storage", get("size"))]))]);
    let spec = object([
        ("accessModes", vec![get("volumeAccessMode")].into()),
        ("storageClassName", get("storageClass")),
        ("resources", requests),
    ]);
    owner.child(
        "v1",
        "PersistentVolumeClaim",
        text(written, &["name"]),
        Map::new(),
        [("spec", spec)],
    )
}

/// The template of the claim that the containers of a pod share.
fn claims(owner: &Owner<'_>, component: &Component) -> Option<Child> {
    let service = component.memory_service.as_ref()?;
    let count = dra::scalar(component.main()).ok().filter(|n| *n > 0)?;
    let exactly = object([
        ("deviceClassName", Node::from(service.device_class.clone())),
        ("allocationMode", "ExactCount".into()),
        ("count", count.into()),
    ]);
    let request = object([("name", Node::from("gpus")), ("exactly", exactly)]);
    let devices = object([("requests", vec![request].into())]);
    let spec = object([("spec", object([("devices", devices)]))]);
    let name = claim_template(owner.name, &component.name.value);
    Some(owner.child(
        "resource.k8s.io/v1",
        "ResourceClaimTemplate",
        name,
        Map::new(),
        [("spec", spec)],
    ))
}

/// What an endpoint picker needs: its configuration, and the pool that it picks from.
fn picker(owner: &Owner<'_>, graph: &Graph, component: &Component) -> Vec<Child> {
    let name = owner.name;
    let own = || {
        labelled(Map::from_iter([
            (key("dynamo-graph-deployment-name"), Node::from(name.clone())),
            (key("dynamo-component"), component.name.node()),
            (key("dynamo-component-type"), "epp".into()),
        ]))
    };
    let mut made = Vec::new();
    let config = component.epp_config.as_ref();
    if config.and_then(|c| c.get("configMapRef")).is_none() {
        made.push(owner.child("v1", "ConfigMap", format!("{name}-epp-config"), own(), []));
    }
    let namespace = labels::dynamo_namespace(component, &graph.namespace, name);
    let matched = Map::from_iter([
        (key("dynamo-component-class"), Node::from("worker")),
        (key("dynamo-namespace"), namespace.into()),
    ]);
    let number = |n: i64| object([("number", n.into())]);
    let reference = object([
        ("kind", Node::from("Service")),
        (
            "name",
            labels::selector(graph, component).replace('.', "-").into(),
        ),
        ("port", number(9002)),
    ]);
    let spec = object([
        ("targetPorts", vec![number(HTTP)].into()),
        ("selector", object([("matchLabels", matched.into())])),
        ("endpointPickerRef", reference),
    ]);
    made.push(owner.child(
        "inference.networking.k8s.io/v1",
        "InferencePool",
        format!("{name}-pool"),
        own(),
        [("spec", spec)],
    ));
    made
}

/// The Services of a graph that Grove runs.
fn stable(graph: &Graph, owner: &Owner<'_>, kubernetes: bool, children: &mut Vec<Child>) {
    let mut models: Vec<&Str> = Vec::new();
    for component in &graph.components {
        if let Some(model) = component.model.as_ref().filter(|m| !models.contains(&&m.value)) {
            models.push(&model.value);
            children.push(model_service(owner, &model.value));
        }
        let mut own = graph.labels.clone();
        labels::override_with(&mut own, &component.alpha.labels);
        labels::override_with(&mut own, &component.metadata("labels"));
        let namespace = labels::dynamo_namespace(component, &graph.namespace, &graph.name.value);
        let service = Service {
            name: labels::selector(graph, component),
            kind: component.kind(),
            namespace: &namespace,
            component: &component.name.value,
            leader: false,
        };
        if kubernetes || component.kind() == "frontend" {
            let mut own = own.clone();
            if kubernetes {
                labels::discovery(&mut own);
            }
            children.push(service.child(owner, own));
        }
        let alone = component.node_count() == 1 && component.replicas.value == 1;
        if alone && component.main().is_some_and(elastic_ray) {
            children.push(service.ray(owner, own));
        }
        children.extend(ingress(owner, component, &labels::selector(graph, component)));
    }
}

/// The Services of a component that is an object of its own.
pub fn of_deployment(made: &Deployment, operator: &Operator<'_>, expansion: &mut Expansion) {
    let owner = Owner {
        kind: COMPONENT,
        name: &made.name.value,
        namespace: &made.namespace,
    };
    let component = &made.component;
    let kubernetes = component::discovered(made, operator);
    if kubernetes || component.kind() == "frontend" {
        let mut own = labels::of_deployment(made);
        if kubernetes {
            labels::discovery(&mut own);
        }
        let service = Service {
            name: made.name.value.to_string(),
            kind: component.kind(),
            namespace: &labels::selected_namespace(made),
            component: &labels::component_name(made),
            leader: component.node_count() > 1,
        };
        expansion.children.push(service.child(&owner, own));
    }
    if let Some(model) = &component.model {
        let child = model_service(&owner, &model.value);
        let there = |c: &Child| c.kind == child.kind && c.name == child.name;
        if !expansion.children.iter().any(there) {
            expansion.children.push(child);
        }
    }
    expansion
        .children
        .extend(ingress(&owner, component, &made.name.value));
}

/// A Service of a component.
struct Service<'a> {
    name: String,
    kind: &'a str,
    namespace: &'a Str,
    component: &'a Str,
    leader: bool,
}

impl Service<'_> {
    fn selector(&self) -> Map {
        let mut selector = Map::from_iter([
            (key("dynamo-component-type"), Node::from(self.kind)),
            (key("dynamo-namespace"), self.namespace.clone().into()),
            (key("dynamo-component"), self.component.clone().into()),
        ]);
        if self.leader {
            selector.insert("role", "leader");
        }
        selector
    }

    fn child(&self, owner: &Owner<'_>, own: Map) -> Child {
        let (name, number, target) = match self.kind {
            "frontend" => ("http", HTTP, Node::from("http")),
            "epp" => ("grpc", 9002, 9002_i64.into()),
            _ => ("system", SYSTEM, "system".into()),
        };
        let mut port = port(name, number, target);
        if self.kind == "epp" {
            port.set("appProtocol", "http2");
        }
        let spec = object([("selector", self.selector().into()), ("ports", vec![port].into())]);
        owner.child(
            "v1",
            "Service",
            self.name.to_lowercase().replace('.', "-"),
            labelled(own),
            [("spec", spec)],
        )
    }

    /// The address of the only pod of elastic expert parallelism.
    fn ray(&self, owner: &Owner<'_>, own: Map) -> Child {
        let spec = object([
            ("clusterIP", Node::from("None")),
            ("publishNotReadyAddresses", true.into()),
            ("selector", self.selector().into()),
            (
                "ports",
                vec![
                    port("ray-gcs", 6379, 6379_i64.into()),
                    port("system", SYSTEM, "system".into()),
                ]
                .into(),
            ),
        ]);
        let name = format!("{}-ray", self.name).to_lowercase().replace('.', "-");
        let name = match name.len() {
            0..=63 => name,
            _ => format!(
                "{}-{:04x}",
                name.chars().take(58).collect::<String>(),
                crate::kubernetes::hash::fnv1a_32(&name) & 0xffff
            ),
        };
        owner.child("v1", "Service", name, labelled(own), [("spec", spec)])
    }
}

fn port(name: &str, number: i64, target: Node) -> Node {
    object([
        ("name", Node::from(name)),
        ("port", number.into()),
        ("targetPort", target),
        ("protocol", "TCP".into()),
    ])
}

/// The headless Service of all that serve a model.
fn model_service(owner: &Owner<'_>, model: &str) -> Child {
    let hash = labels::model_hash(model);
    let matched = Map::from_iter([(key("dynamo-base-model-hash"), Node::from(hash.as_str()))]);
    let mut own = matched.clone();
    own.insert("nvidia.com/managed-by", "dynamo-operator");
    let spec = object([
        ("clusterIP", Node::from("None")),
        ("selector", matched.into()),
        ("ports", vec![port("system", SYSTEM, SYSTEM.into())].into()),
    ]);
    let mut metadata = labelled(own);
    metadata.insert("annotations", Map::from_iter([(key("dynamo-base-model"), model)]));
    owner.child(
        "v1",
        "Service",
        format!("dynamo-model-{hash}"),
        metadata,
        [("spec", spec)],
    )
}

/// The Ingress that a service of v1alpha1 asks for.
fn ingress(owner: &Owner<'_>, component: &Component, name: &str) -> Option<Child> {
    let written = component.alpha.ingress.as_ref()?;
    let class = written.get("ingressControllerClassName")?;
    if written.get("enabled").and_then(Node::as_bool) != Some(true) {
        return None;
    }
    let suffix = text(written, &["hostSuffix"]);
    let suffix = if suffix.is_empty() { "local" } else { suffix };
    let host = format!("{}.{suffix}", text(written, &["host"]));
    let backend = object([(
        "service",
        object([
            ("name", Node::from(name.replace('.', "-"))),
            ("port", object([("number", HTTP.into())])),
        ]),
    )]);
    let path = object([
        ("path", Node::from("/")),
        ("pathType", "Prefix".into()),
        ("backend", backend),
    ]);
    let rule = object([
        ("host", Node::from(host)),
        ("http", object([("paths", vec![path].into())])),
    ]);
    let spec = object([("ingressClassName", class.clone()), ("rules", vec![rule].into())]);
    Some(owner.child(
        "networking.k8s.io/v1",
        "Ingress",
        name.replace('.', "-"),
        Map::new(),
        [("spec", spec)],
    ))
}
