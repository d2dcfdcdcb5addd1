//! The plain Kubernetes objects that accompany a workload.
//!
//! Each function takes the metadata and what the object is about, as nodes that keep their ids, and returns the object with
//! its fields in the usual order: apiVersion, kind, metadata, spec.

use crate::value::{Map, Node, Str, Traced};

/// The metadata of an object.
pub fn metadata(name: impl Into<Node>, namespace: Option<Node>, labels: Map) -> Node {
    let mut metadata = Map::new();
    metadata.insert("name", name);
    metadata.insert_some("namespace", namespace);
    if !labels.is_empty() {
        metadata.insert("labels", labels);
    }
    metadata.into()
}

fn object(api_version: &str, kind: &str, metadata: Node) -> Map {
    Map::from_iter([
        ("apiVersion", api_version.into()),
        ("kind", kind.into()),
        ("metadata", metadata),
    ])
}

/// What a Service is made from.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its metadata.
    pub metadata: Node,
    /// The labels of its pods.
    pub selector: Map,
    /// Its ports.
    pub ports: Vec<ServicePort>,
    /// Its type, `ClusterIP` if absent. Not for headless Services.
    pub service_type: Option<Node>,
    /// Whether its name resolves to the pods themselves, also before they are ready: the engines of a replica find each
    /// other while they start.
    pub headless: bool,
}

/// A port of a Service.
#[derive(Clone, Debug)]
pub struct ServicePort {
    /// Its name.
    pub name: Node,
    /// The port of the Service.
    pub port: Node,
    /// The port of the pods, by number or name.
    pub target_port: Node,
}

/// A Service.
pub fn service(from: Service) -> Node {
    let Service {
        metadata,
        selector,
        ports,
        service_type,
        headless,
    } = from;
    let port = |ServicePort {
                    name,
                    port,
                    target_port,
                }: ServicePort| {
        Node::from(Map::from_iter([
            ("name", name),
            ("port", port),
            ("targetPort", target_port),
        ]))
    };
    let mut spec = Map::new();
    if headless {
        spec.insert("clusterIP", "None");
        spec.insert("publishNotReadyAddresses", true);
    } else {
        spec.insert_some("type", service_type);
    }
    spec.insert("selector", selector);
    if !ports.is_empty() {
        spec.insert("ports", ports.into_iter().map(port).collect::<Vec<Node>>());
    }
    let mut service = object("v1", "Service", metadata);
    service.insert("spec", spec);
    service.into()
}

/// A PodDisruptionBudget over the pods with the given labels. Kubernetes takes one of the two bounds; if both are given,
/// both are written and the API server says so.
pub fn pod_disruption_budget(
    metadata: Node,
    selector: Map,
    min_available: Option<Node>,
    max_unavailable: Option<Node>,
) -> Node {
    let mut spec = Map::new();
    spec.insert_some("minAvailable", min_available);
    spec.insert_some("maxUnavailable", max_unavailable);
    spec.insert("selector", Map::from_iter([("matchLabels", selector)]));
    let mut budget = object("policy/v1", "PodDisruptionBudget", metadata);
    budget.insert("spec", spec);
    budget.into()
}

/// The object whose `scale` subresource an autoscaler sets.
#[derive(Clone, Debug)]
pub struct ScaleTarget {
    /// Its API version.
    pub api_version: Node,
    /// Its kind.
    pub kind: Node,
    /// Its name.
    pub name: Node,
}

/// A signal of an autoscaler.
#[derive(Clone, Debug)]
pub struct Metric {
    /// `resource`, `pods` or `external`.
    pub source: Traced<Str>,
    /// `cpu` or `memory` for resources, else the metric's own name.
    pub name: Traced<Str>,
    /// The value to hold: percent of the request for resources, else the average over pods.
    pub target: Traced<Str>,
}

/// A HorizontalPodAutoscaler.
pub fn horizontal_pod_autoscaler(
    metadata: Node,
    target: ScaleTarget,
    min: Node,
    max: Node,
    metrics: &[Metric],
) -> Node {
    let ScaleTarget {
        api_version,
        kind,
        name,
    } = target;
    let mut spec = Map::new();
    let target = [("apiVersion", api_version), ("kind", kind), ("name", name)];
    spec.insert("scaleTargetRef", Map::from_iter(target));
    spec.insert("minReplicas", min);
    spec.insert("maxReplicas", max);
    if !metrics.is_empty() {
        spec.insert("metrics", metrics.iter().map(metric).collect::<Vec<Node>>());
    }
    let mut autoscaler = object("autoscaling/v2", "HorizontalPodAutoscaler", metadata);
    autoscaler.insert("spec", spec);
    autoscaler.into()
}

fn metric(Metric { source, name, target }: &Metric) -> Node {
    let (kind, key) = match source.value.as_str() {
        "resource" => ("Resource", "resource"),
        "external" => ("External", "external"),
        _ => ("Pods", "pods"),
    };
    let mut goal = Map::new();
    let mut about = Map::new();
    if key == "resource" {
        about.insert("name", name);
        goal.insert("type", "Utilization");
        // Percent is a number here; what is none stays as written, and the API server says so.
        let percent = target
            .value
            .strip_suffix('%')
            .unwrap_or(&target.value)
            .parse::<i64>();
        let percent = percent.map_or_else(|_| target.node(), |n| Node::derived(n, &target.ids));
        goal.insert("averageUtilization", percent);
    } else {
        about.insert("metric", Map::from_iter([("name", Node::from(name))]));
        goal.insert("type", "AverageValue");
        goal.insert("averageValue", target);
    }
    about.insert("target", goal);
    Map::from_iter([("type", Node::derived(kind, &source.ids)), (key, about.into())]).into()
}

/// A ServiceAccount.
pub fn service_account(metadata: Node) -> Node {
    object("v1", "ServiceAccount", metadata).into()
}

/// A Role: what may be done with which resources of one API group (empty for the core group).
pub fn role(metadata: Node, api_group: &str, resources: &[&str], verbs: &[&str]) -> Node {
    let words = |words: &[&str]| words.iter().map(|w| Node::from(*w)).collect::<Vec<Node>>();
    let rule: Map = [
        ("apiGroups", words(&[api_group])),
        ("resources", words(resources)),
        ("verbs", words(verbs)),
    ]
    .into_iter()
    .collect();
    let mut role = object("rbac.authorization.k8s.io/v1", "Role", metadata);
    role.insert("rules", vec![Node::from(rule)]);
    role.into()
}

/// A RoleBinding of a ServiceAccount to a Role of the same namespace. `namespace` is that of the account: without it, the
/// account is looked for in none, so give it where it is known.
pub fn role_binding(metadata: Node, role: &Node, account: &Node, namespace: Option<Node>) -> Node {
    let mut subject = Map::new();
    subject.insert("kind", "ServiceAccount");
    subject.insert("name", account.clone());
    subject.insert_some("namespace", namespace);
    let reference: Map = [
        ("apiGroup", Node::from("rbac.authorization.k8s.io")),
        ("kind", Node::from("Role")),
        ("name", role.clone()),
    ]
    .into_iter()
    .collect();
    let mut binding = object("rbac.authorization.k8s.io/v1", "RoleBinding", metadata);
    binding.insert("roleRef", reference);
    binding.insert("subjects", vec![Node::from(subject)]);
    binding.into()
}

/// A ServiceAccount with the right to find pods (get, list, watch), as routers need that discover their engines: the account,
/// its Role and the RoleBinding, all with the same metadata and named `name`.
pub fn pod_reader(metadata: &Node, name: &Node, namespace: Option<Node>) -> Vec<Node> {
    vec![
        service_account(metadata.clone()),
        role(metadata.clone(), "", &["pods"], &["get", "list", "watch"]),
        role_binding(metadata.clone(), name, name, namespace),
    ]
}

/// A ResourceClaimTemplate of dynamic resource allocation; `spec` is its `spec`, taken as it is.
pub fn resource_claim_template(metadata: Node, spec: Node) -> Node {
    let mut template = object("resource.k8s.io/v1", "ResourceClaimTemplate", metadata);
    template.insert("spec", spec);
    template.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::testing::yaml;
    use crate::value::Id;

    fn meta(name: &str) -> Node {
        metadata(name, Some("prod".into()), Map::from_iter([("app", "x")]))
    }

    #[test]
    fn services() {
        let port = || ServicePort {
            name: "http".into(),
            port: 80_i64.into(),
            target_port: 8000_i64.into(),
        };
        let from = |headless| Service {
            metadata: meta("qwen"),
            selector: Map::from_iter([("role", "decode")]),
            ports: vec![port()],
            service_type: Some("NodePort".into()),
            headless,
        };
        let want = "{apiVersion: v1, kind: Service, metadata: {name: qwen, namespace: prod, labels: {app: x}}, spec: {type: NodePort, \
                    selector: {role: decode}, ports: [{name: http, port: 80, targetPort: 8000}]}}";
        assert_eq!(service(from(false)), yaml(want));
        let headless = service(from(true));
        assert_eq!(
            headless.at(&["spec", "clusterIP"]).and_then(Node::as_str),
            Some("None")
        );
        assert_eq!(headless.at(&["spec", "type"]), None);
    }

    #[test]
    fn autoscaler() {
        let metric = |source: &str, name: &str, target: &str| Metric {
            source: Traced::default_of(source.into()),
            name: Traced::default_of(name.into()),
            target: Traced::new(target.into(), Id::new(0, 5).into()),
        };
        let target = ScaleTarget {
            api_version: "apps/v1".into(),
            kind: "Deployment".into(),
            name: "d".into(),
        };
        let metrics = [
            metric("resource", "cpu", "80"),
            metric("pods", "queue", "5"),
            metric("external", "lag", "1500m"),
        ];
        let object = horizontal_pod_autoscaler(meta("d"), target, 1_i64.into(), 4_i64.into(), &metrics);
        let want = "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: d, namespace: prod, labels: {app: x}}, spec: \
                    {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: d}, minReplicas: 1, maxReplicas: 4, metrics: [\
                    {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}},\
                    {type: Pods, pods: {metric: {name: queue}, target: {type: AverageValue, averageValue: '5'}}},\
                    {type: External, external: {metric: {name: lag}, target: {type: AverageValue, averageValue: 1500m}}}]}}";
        assert_eq!(object, yaml(want));
        assert_eq!(object.all_ids(), Id::new(0, 5).into());
    }

    #[test]
    fn budget_and_access() {
        let budget = pod_disruption_budget(meta("b"), Map::from_iter([("a", "b")]), Some("50%".into()), None);
        let spec = "{minAvailable: 50%, selector: {matchLabels: {a: b}}}";
        assert_eq!(budget.get("spec"), Some(&yaml(spec)));
        let objects = pod_reader(&meta("r"), &"r".into(), Some("prod".into()));
        let kinds: Vec<_> = objects.iter().filter_map(|o| o.get("kind")?.as_str()).collect();
        assert_eq!(kinds, ["ServiceAccount", "Role", "RoleBinding"]);
        assert_eq!(objects[1].at(&["rules", "0", "apiGroups"]), Some(&yaml("['']")));
        assert_eq!(
            objects[2]
                .at(&["subjects", "0", "namespace"])
                .and_then(Node::as_str),
            Some("prod")
        );
        let claim = resource_claim_template(meta("c"), yaml("{spec: {devices: {}}}"));
        assert_eq!(claim.at(&["spec", "spec", "devices"]), Some(&Node::map()));
    }
}
