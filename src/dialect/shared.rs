//! What several dialects need: metadata, selectors, and the companions of a workload.

use super::Context;
use crate::ir::{self, MEMBER_LABEL, ROLE_LABEL, SERVING_LABEL, Serving};
use crate::kubernetes::companion;
use crate::value::{Map, Node, Piece, Reference, Str, Text, Traced};

/// The metadata of an object: name, namespace, the serving's labels and its own.
pub fn metadata(serving: &Serving, name: impl Into<Node>, labels: &[(&str, Node)], annotations: &Map) -> Node {
    let mut metadata = Map::new();
    metadata.insert("name", name);
    metadata.insert_some("namespace", serving.namespace.clone());
    metadata.insert("labels", object_labels(serving, labels));
    if !annotations.is_empty() {
        metadata.insert("annotations", annotations.clone());
    }
    metadata.into()
}

/// The labels of an object.
pub fn object_labels(serving: &Serving, labels: &[(&str, Node)]) -> Map {
    let mut all = serving.labels.clone();
    all.insert(SERVING_LABEL, &serving.name);
    for (key, value) in labels {
        all.insert(*key, value.clone());
    }
    all
}

/// The labels that select the serving pods of a role, where each member has a template of its own.
pub fn selector(serving: &Serving, role: &ir::Role) -> Map {
    let mut labels = Map::new();
    labels.insert(SERVING_LABEL, &serving.name);
    labels.insert(ROLE_LABEL, &role.name);
    if role.members.len() > 1 && role.members.iter().any(|m| !m.serves) {
        labels.insert(MEMBER_LABEL, &role.leader().name);
    }
    labels
}

/// A selector written as `k=v` with `separator` between.
pub fn selector_text(selector: &Map, separator: &str) -> Str {
    let pairs: Vec<String> =
        selector.iter().map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default())).collect();
    pairs.join(separator).into()
}

/// The name of a role's object: `<serving>-<role>`.
pub fn role_object_name(serving: &Serving, role: &ir::Role) -> Traced<Str> {
    serving.name.zip(&role.name, |serving, role| format!("{serving}-{role}").into())
}

/// A text of literals and references.
pub fn text(pieces: impl IntoIterator<Item = Piece>) -> Node {
    pieces.into_iter().collect::<Text>().into()
}

/// A reference as a node.
pub fn reference(reference: Reference) -> Node {
    reference.into()
}

/// The Service for clients, and the route of a Gateway to it. `selector` are the labels of the pods that answer.
pub fn front(serving: &Serving, role: &ir::Role, selector: Map) -> Vec<Node> {
    let Some(target) = &role.engine.port else { return Vec::new() };
    let front = &serving.front;
    let mut objects = vec![companion::service(companion::Service {
        metadata: metadata(serving, &front.service, &[], &Map::new()),
        selector,
        ports: vec![companion::ServicePort {
            name: "http".into(),
            port: front.port.clone(),
            target_port: target.node(),
        }],
        service_type: Some(front.service_type.node()),
        headless: false,
    })];
    if let Some(gateway) = &front.gateway {
        objects.push(http_route(serving, gateway));
    }
    objects
}

fn http_route(serving: &Serving, gateway: &ir::Gateway) -> Node {
    let ir::Gateway { name, namespace, hostnames } = gateway;
    let mut parent = Map::new();
    parent.insert("name", name);
    parent.insert_some("namespace", namespace.clone());
    let mut backend = Map::new();
    backend.insert("name", &serving.front.service);
    backend.insert("port", serving.front.port.clone());
    let rule: Map = Map::from_iter([("backendRefs", vec![Node::from(backend)])]);
    let mut spec = Map::new();
    spec.insert("parentRefs", vec![Node::from(parent)]);
    if !hostnames.is_empty() {
        spec.insert("hostnames", hostnames.iter().map(Node::from).collect::<Vec<Node>>());
    }
    spec.insert("rules", vec![Node::from(rule)]);
    let mut route = Map::new();
    route.insert("apiVersion", "gateway.networking.k8s.io/v1");
    route.insert("kind", "HTTPRoute");
    route.insert("metadata", metadata(serving, &serving.front.service, &[], &Map::new()));
    route.insert("spec", spec);
    route.into()
}

/// The disruption budget of a role, if it asks for one.
pub fn disruption_budget(serving: &Serving, role: &ir::Role, selector: Map) -> Option<Node> {
    let ir::Disruption { min_available, max_unavailable } = role.disruption.as_ref()?;
    Some(companion::pod_disruption_budget(
        metadata(serving, role_object_name(serving, role), &[], &Map::new()),
        selector,
        min_available.clone().map(Node::from),
        max_unavailable.clone().map(Node::from),
    ))
}

/// A HorizontalPodAutoscaler that scales `target` (apiVersion, kind, name) as the role asks, if it does.
pub fn autoscaler(serving: &Serving, role: &ir::Role, target: (&str, &str, Node)) -> Option<Node> {
    let ir::Scaling { min, max, metrics, ids } = role.scaling.as_ref()?;
    let metrics: Vec<companion::Metric> = metrics
        .iter()
        .map(|ir::Metric { source, name, target }| companion::Metric {
            source: source.value.as_str().into(),
            name: name.node(),
            target: target.node(),
            ids: source.ids.clone(),
        })
        .collect();
    let (api_version, kind, name) = target;
    let object = companion::horizontal_pod_autoscaler(
        metadata(serving, role_object_name(serving, role), &[], &Map::new()),
        companion::ScaleTarget { api_version: api_version.into(), kind: kind.into(), name },
        min.node(),
        max.node(),
        &metrics,
    );
    Some(Node::derived(object, ids))
}

/// The service account of a role that lists pods, with the right to do it; and its name in the role's templates.
pub fn pod_reader(serving: &Serving, role: &ir::Role) -> Vec<Node> {
    if role.discovers.is_empty() {
        return Vec::new();
    }
    let name = role_object_name(serving, role);
    let meta = || metadata(serving, &name, &[], &Map::new());
    companion::pod_reader(meta(), meta(), meta(), &name.node(), serving.namespace.as_ref().map(Traced::node))
}

/// Sets the service account of [`pod_reader`] in a pod template, if the role needs it and the template has none.
pub fn use_pod_reader(serving: &Serving, role: &ir::Role, template: &mut Node) {
    if role.discovers.is_empty() {
        return;
    }
    let spec = template.map_mut().entry_map("spec");
    if spec.get("serviceAccountName").is_none() {
        spec.set("serviceAccountName", role_object_name(serving, role));
    }
}

/// Fills a template of the dialect; a template error becomes a diagnostic, and nothing is returned.
pub fn fill(cx: &mut Context<'_>, name: &str, vars: &crate::template::Vars) -> Option<Node> {
    match cx.templates.render(name, vars) {
        Ok(node) => Some(node),
        Err(error) => {
            cx.ledger.report(error.diagnostic());
            None
        }
    }
}
