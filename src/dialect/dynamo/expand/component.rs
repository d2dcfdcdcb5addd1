//! Graphs without Grove: a DynamoComponentDeployment for each component, which becomes a Deployment or a LeaderWorkerSet
//! (`dynamocomponentdeployment_renderer.go`).

use super::super::operator::Operator;
use super::super::read::codes::{COMPONENT_TYPE, LABEL_LENGTH, NAME_REFUSED, NO_ARGS};
use super::super::read::{COMPONENT, Component, Deployment, GRAPH, Graph, MAIN, Version, text};
use super::defaults::object;
use super::labels::{self, key};
use super::pod::{self, Deployer, Maker, Role};
use super::{backend, children, kv_transfer};
use crate::diagnostic::Severity;
use crate::dialect::Context;
use crate::dialect::shared::compose;
use crate::kubernetes::container::{find, list};
use crate::kubernetes::int_or_string::parse_percent;
use crate::kubernetes::names::{self, LABEL_MAX};
use crate::pods::template::{judge, refused_by_workloads};
use crate::pods::{Child, Expansion, Pod, Problem, deployment};
use crate::value::{Map, Node, Str, Traced};

/// The types that the schema of a DynamoComponentDeployment knows.
const TYPES: [&str; 7] = ["", "frontend", "worker", "prefill", "decode", "planner", "epp"];

/// Expands a graph by way of its DynamoComponentDeployments.
pub fn graph(
    graph: &Graph,
    operator: &Operator<'_>,
    hash: &str,
    expansion: &mut Expansion,
    cx: &mut Context<'_>,
) {
    let framework = framework(graph);
    let (mut problems, mut seen) = (Vec::new(), Vec::new());
    for component in &graph.components {
        let made = of_graph(graph, component, framework.clone(), operator, hash);
        let name = made.name.value.clone();
        let refused = not_stored(component, &made).or_else(|| {
            let twice = seen.contains(&name);
            let reason = format!("another component becomes the {COMPONENT} `{name}` as well");
            twice.then(|| Problem::new(&NAME_REFUSED, reason, &component.name.ids))
        });
        seen.push(name);
        if let Some(problem) = refused {
            problems.push(problem);
            continue;
        }
        expansion.children.push(child(graph, &made));
        problems.extend(workload(&made, operator, expansion, cx));
    }
    say(problems, expansion, cx);
}

/// Expands a component that is an object of its own.
pub fn expand(made: &Deployment, operator: &Operator<'_>, expansion: &mut Expansion, cx: &mut Context<'_>) {
    let problems = workload(made, operator, expansion, cx);
    say(problems, expansion, cx);
}

fn say(problems: Vec<Problem>, expansion: &mut Expansion, cx: &mut Context<'_>) {
    for problem in problems {
        expansion.incomplete(problem.code, problem.reason, &problem.ids, cx.ledger);
    }
}

/// Whether an object is one that a graph of the same input makes: its pods are predicted with that.
pub fn is_made_by_a_graph(deployment: &Deployment, operator: &Operator<'_>) -> bool {
    let Some(parent) = &deployment.parent else {
        return false;
    };
    let mut graphs = operator.scene.of_kind(GRAPH, &deployment.namespace);
    graphs.any(|d| text(&d.root, &["metadata", "name"]) == parent)
}

/// `backendFramework` of the objects: the graph's, else the engine that is found.
fn framework(graph: &Graph) -> Option<Traced<Str>> {
    if graph.framework.is_some() {
        return graph.framework.clone();
    }
    let workers = graph.components.iter().filter(|c| c.is_worker());
    workers
        .filter_map(|c| Some((backend(c, None).ok()?, c)))
        .find(|(found, _)| *found != super::command::Backend::Noop)
        .map(|(found, c)| Traced::new(found.as_str().into(), c.ids.clone()))
}

/// The object that the operator makes of a component.
fn of_graph(
    graph: &Graph,
    component: &Component,
    framework: Option<Traced<Str>>,
    operator: &Operator<'_>,
    hash: &str,
) -> Deployment {
    let selector = labels::selector(graph, component);
    let name = match component.is_worker() {
        true => format!("{selector}-{hash}"),
        false => selector,
    };
    let mut own = component.metadata("labels");
    own.insert(key("dynamo-component"), component.name.node());
    let namespace = labels::dynamo_namespace(component, &graph.namespace, &graph.name.value);
    own.insert(key("dynamo-namespace"), namespace);
    own.insert(key("dynamo-graph-deployment-name"), graph.name.value.clone());
    let mut prepared = component.clone();
    let template = prepared.template.get_or_insert_with(Node::map);
    if component.is_worker() {
        let mut both = vec![("dynamo-worker-hash", Node::from(hash))];
        if graph.has_epp() {
            both.push(("dynamo-component-class", "worker".into()));
        }
        for (name, value) in both {
            own.insert(key(name), value.clone());
            template.at_mut(&["metadata", "labels"]).set(&key(name), value);
        }
    }
    let inject = "sidecar.istio.io/inject";
    if component.kind() == "epp" && template.at(&["metadata", "annotations", inject]).is_none() {
        template.at_mut(&["metadata", "annotations"]).set(inject, "false");
    }
    let mut filled = labels::with_defaults(graph, &prepared, &graph.env);
    if let Some(template) = &mut filled.template {
        if component.is_worker() {
            kv_transfer::add(graph, operator, template);
        }
        if component.kind() == "planner" {
            template
                .at_mut(&["spec"])
                .set("serviceAccountName", "planner-serviceaccount");
        }
    }
    let mut annotations = Map::new();
    if component.is_worker() {
        labels::topology_source(graph, &mut annotations);
    }
    Deployment {
        ids: component.ids.clone(),
        name: Traced::new(name.into(), component.name.ids.union(&graph.name.ids)),
        namespace: graph.namespace.clone(),
        version: Version::Beta,
        labels: own,
        annotations,
        parent: Some(graph.name.value.clone()),
        framework,
        component: filled,
    }
}

/// Why the API server refuses the object of a component.
fn not_stored(component: &Component, made: &Deployment) -> Option<Problem> {
    let kind = component.kind();
    if !TYPES.contains(&kind) {
        let reason = format!(
            "component `{}` is of type `{kind}`, which no {COMPONENT} can be",
            component.name.value
        );
        let ids = component.kind.as_ref().map_or(&component.ids, |k| &k.ids);
        return Some(Problem::new(&COMPONENT_TYPE, reason, ids));
    }
    if let Err(why) = names::dns_subdomain(&made.name.value) {
        let reason = format!("Kubernetes refuses the {COMPONENT} `{}`: {why}", made.name.value);
        return Some(Problem::new(&NAME_REFUSED, reason, &component.name.ids));
    }
    None
}

fn child(graph: &Graph, made: &Deployment) -> Child {
    let mut spec = Map::new();
    spec.insert("name", made.component.name.node());
    spec.insert_some("type", made.component.kind.as_ref().map(Traced::node));
    spec.insert("replicas", made.component.replicas.node());
    spec.insert_some("backendFramework", made.framework.as_ref().map(Traced::node));
    spec.insert_some("podTemplate", made.component.template.clone());
    let metadata = object([
        ("name", made.name.node()),
        ("namespace", made.namespace.clone().into()),
        ("labels", made.labels.clone().into()),
    ]);
    Child {
        api_version: "nvidia.com/v1beta1".into(),
        kind: COMPONENT.into(),
        name: made.name.value.clone(),
        owner: (GRAPH.into(), graph.name.value.clone()),
        object: object([
            ("apiVersion", Node::from("nvidia.com/v1beta1")),
            ("kind", COMPONENT.into()),
            ("metadata", metadata),
            ("spec", spec.into()),
        ]),
    }
}

/// A pod template as the operator makes it for Deployments and LeaderWorkerSets.
fn template(made: &Deployment, operator: &Operator<'_>, role: Role) -> pod::Result<Node> {
    let component = &made.component;
    let hash = labels::effective_hash(made);
    let name = labels::component_name(made);
    let mut named = component.clone();
    named.name.value = name;
    if let (Some(hash), Some(template)) = (&hash, &mut named.template) {
        template
            .at_mut(&["metadata", "labels"])
            .set(&key("dynamo-worker-hash"), hash.clone());
    }
    let parent = made.parent.clone().unwrap_or_else(|| made.name.value.clone());
    let maker = Maker {
        operator,
        parent: &parent,
        namespace: &made.namespace,
        component: &named,
        kind: component.kind(),
        backend: backend(component, made.framework.as_ref())?,
        worker_hash: hash.as_deref(),
    };
    let mut spec = maker.pod_spec(role, component.node_count(), Deployer::Lws)?;
    if text(&spec, &["serviceAccountName"]).is_empty() {
        spec.set("serviceAccountName", "default");
    }
    let annotations = labels::of_deployment_annotations(made);
    let mut own = labels::of_deployed_pods(made, component.kind(), discovered(made, operator));
    if role != Role::Main {
        labels::override_with(&mut own, &labels::of_deployment(made));
        let kind = component.kind();
        if !kind.is_empty() {
            own.insert(key("dynamo-component-type"), kind);
        }
        own.insert("role", if role == Role::Leader { "leader" } else { "worker" });
        own.remove(&key("selector"));
    }
    Ok(object([
        ("metadata", pod::metadata(own, annotations)),
        ("spec", spec),
    ]))
}

/// Whether pods are found through Kubernetes.
pub fn discovered(made: &Deployment, operator: &Operator<'_>) -> bool {
    let annotations = labels::of_deployment_annotations(made);
    let own = annotations
        .get(&key("dynamo-discovery-backend"))
        .and_then(Node::as_str);
    own.map_or_else(|| operator.discovery() == "kubernetes", |d| d == "kubernetes")
}

/// Makes the workload of a component. What is returned keeps some of its pods from coming.
fn workload(
    made: &Deployment,
    operator: &Operator<'_>,
    expansion: &mut Expansion,
    cx: &mut Context<'_>,
) -> Vec<Problem> {
    let lws = made.component.node_count() > 1 && operator.platform.has_lws();
    let problems = match lws {
        true => leader_worker_set(made, operator, expansion, cx),
        false => deployment(made, operator, expansion, cx),
    };
    if problems.is_empty() {
        children::of_deployment(made, operator, expansion);
    }
    problems
}

fn deployment(
    made: &Deployment,
    operator: &Operator<'_>,
    expansion: &mut Expansion,
    cx: &mut Context<'_>,
) -> Vec<Problem> {
    let template = match template(made, operator, Role::Main) {
        Ok(template) => template,
        Err(problem) => return vec![problem],
    };
    let name = &made.name.value;
    if name.len() > LABEL_MAX {
        let reason = format!(
            "`{name}` has {} characters, and labels of pods have at most {LABEL_MAX}",
            name.len()
        );
        return vec![Problem::new(&LABEL_LENGTH, reason, &made.name.ids)];
    }
    let judgement = judge(&template, &[], &super::super::read::codes::RENDER, &made.ids);
    judgement
        .warnings
        .into_iter()
        .filter(|w| w.severity != Severity::Error)
        .for_each(|w| cx.ledger.report(w));
    let refused: Vec<Problem> = judgement
        .schema
        .into_iter()
        .chain(judgement.floats)
        .chain(judgement.pod)
        .chain(refused_by_workloads(&template))
        .collect();
    let owner = (COMPONENT, name.clone());
    expansion.children.push(deployment_child(made, &template, owner));
    if !refused.is_empty() {
        return refused;
    }
    let set = format!("{name}-<hash>");
    expansion.children.push(Child {
        api_version: "apps/v1".into(),
        kind: "ReplicaSet".into(),
        name: set.into(),
        owner: ("Deployment".into(), name.clone()),
        object: Node::map(),
    });
    let metadata = |of: &str| {
        let found = template.at(&["metadata", of]).and_then(Node::as_map);
        found.cloned().unwrap_or_default()
    };
    let spec = template.get("spec").cloned().unwrap_or_default();
    let one = deployment::pod(name, &metadata("labels"), &metadata("annotations"), &spec);
    let replicas = u32::try_from(made.component.replicas.value.max(0)).unwrap_or(u32::MAX);
    for replica in 0..replicas {
        expansion.pods.push(Pod {
            role: labels::component_name(made),
            replica,
            name: one.name.clone(),
            generate_name: Some(one.generate_name.clone()),
            labels: one.labels.clone(),
            annotations: one.annotations.clone(),
            spec: one.spec.clone(),
            ..Pod::default()
        });
    }
    Vec::new()
}

fn deployment_child(made: &Deployment, template: &Node, owner: (&str, Str)) -> Child {
    let name = &made.name.value;
    let annotations = labels::of_deployment_annotations(made);
    let selector = object([(
        "matchLabels",
        Map::from_iter([(key("selector"), name.clone())]).into(),
    )]);
    let spec = object([
        ("replicas", made.component.replicas.node()),
        ("selector", selector),
        ("template", template.clone()),
        ("strategy", strategy(&annotations)),
    ]);
    let metadata = object([
        ("name", made.name.node()),
        ("namespace", made.namespace.clone().into()),
        ("labels", labels::of_deployment(made).into()),
        ("annotations", annotations.into()),
    ]);
    Child {
        api_version: "apps/v1".into(),
        kind: "Deployment".into(),
        name: name.clone(),
        owner: (owner.0.into(), owner.1),
        object: object([
            ("apiVersion", Node::from("apps/v1")),
            ("kind", "Deployment".into()),
            ("metadata", metadata),
            ("spec", spec),
        ]),
    }
}

/// How a Deployment rolls, by annotations of the template.
fn strategy(annotations: &Map) -> Node {
    let written = |name: &str| annotations.get(&key(name)).filter(|n| n.as_str() != Some(""));
    if written("deployment-strategy").and_then(Node::as_str) == Some("Recreate") {
        return object([("type", "Recreate".into())]);
    }
    let amount = |name: &str| {
        let Some(node) = written(name) else {
            return Node::from("25%");
        };
        let text = node.as_str().unwrap_or_default();
        match (parse_percent(text), text.parse::<i64>()) {
            (None, Ok(n)) => Node::derived(n, &node.ids),
            _ => node.clone(),
        }
    };
    object([
        ("type", Node::from("RollingUpdate")),
        (
            "rollingUpdate",
            object([
                ("maxSurge", amount("deployment-rolling-update-max-surge")),
                (
                    "maxUnavailable",
                    amount("deployment-rolling-update-max-unavailable"),
                ),
            ]),
        ),
    ])
}

fn leader_worker_set(
    made: &Deployment,
    operator: &Operator<'_>,
    expansion: &mut Expansion,
    cx: &mut Context<'_>,
) -> Vec<Problem> {
    let mut templates = Vec::new();
    for role in [Role::Leader, Role::Worker] {
        match template(made, operator, role) {
            Ok(template) => match without_command(&template) {
                Some(what) => {
                    let name = &made.component.name.value;
                    let reason =
                        format!("component `{name}`: the operator makes no LeaderWorkerSet without {what}");
                    return vec![Problem::new(&NO_ARGS, reason, &made.component.ids)];
                }
                None => templates.push(template),
            },
            Err(problem) => return vec![problem],
        }
    }
    let worker = templates.pop().unwrap_or_default();
    let leader = templates.pop().unwrap_or_default();
    let object = lws(made, leader, worker);
    let name: Str = format!("{}-0", made.name.value).into();
    expansion.children.push(Child {
        api_version: "leaderworkerset.x-k8s.io/v1".into(),
        kind: "LeaderWorkerSet".into(),
        name: name.clone(),
        owner: (COMPONENT.into(), made.name.value.clone()),
        object: object.clone(),
    });
    let mut composed = compose::expand(object, &made.component.name.ids, operator.scene, cx);
    compose::open_revisions(&mut composed.expansion);
    for mut pod in std::mem::take(&mut composed.expansion.pods) {
        pod.role = labels::component_name(made);
        expansion.pods.push(pod);
    }
    expansion.children.append(&mut composed.expansion.children);
    let problem = composed.problem.map(|mut problem| {
        problem.reason = format!("LeaderWorkerSet `{name}`: {}", problem.reason);
        problem
    });
    problem.into_iter().collect()
}

/// What the main container of a LeaderWorkerSet lacks.
fn without_command(template: &Node) -> Option<&'static str> {
    let Some(main) = template.get("spec").and_then(|s| find(s, MAIN)) else {
        return Some("a container `main`");
    };
    let missing = |key| list(main, key).is_empty();
    if missing("command") {
        Some("a `command`")
    } else if missing("args") {
        Some("`args`")
    } else {
        None
    }
}

fn lws(made: &Deployment, leader: Node, worker: Node) -> Node {
    let component = &made.component;
    let size = component
        .nodes
        .as_ref()
        .map_or_else(|| 1_i64.into(), Traced::node);
    let templates = object([
        ("leaderTemplate", leader),
        ("workerTemplate", worker),
        ("size", size),
    ]);
    let spec = object([
        ("replicas", component.replicas.node()),
        ("startupPolicy", "LeaderCreated".into()),
        ("leaderWorkerTemplate", templates),
    ]);
    let name = Node::derived(format!("{}-0", made.name.value), &made.name.ids);
    let metadata = object([
        ("name", name),
        ("namespace", made.namespace.clone().into()),
        ("labels", labels::of_deployment(made).into()),
    ]);
    let mut set = object([
        ("apiVersion", Node::from("leaderworkerset.x-k8s.io/v1")),
        ("kind", "LeaderWorkerSet".into()),
        ("metadata", metadata),
        ("spec", spec),
    ]);
    set.ids = component.ids.clone();
    set
}
