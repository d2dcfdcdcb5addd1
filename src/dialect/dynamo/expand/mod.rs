//! Dynamo's objects to pods: the operator's part here, the rest by the dialects of Grove and of LeaderWorkerSet
//! (`deploy/operator/internal` of ai-dynamo/dynamo).

mod backend;
mod children;
mod command;
mod component;
mod defaults;
mod dra;
mod grove;
mod kv_transfer;
mod labels;
mod memory;
mod pod;
mod secrets;
mod trtllm;
mod vllm;
mod warn;

use super::admit;
use super::operator::Operator;
use super::read::codes::{BACKEND, CLAIM_MISSING, CLAIM_UNKNOWN, FIELD_DROPPED, NO_ORCHESTRATOR};
use super::read::{self, COMPONENT, Component, GRAPH, Graph, Provider, text};
use crate::diagnostic::{Diagnostic, Ledger};
use crate::dialect::Context;
use crate::kubernetes::container::list;
use crate::kubernetes::hash::sha256;
use crate::pods::scaling::autoscaled;
use crate::pods::{Expansion, NODE_LABEL, Problem, Scene};
use crate::source::Document;
use crate::value::{Ids, Map, Node, Str, Traced, Value};
use command::Backend;

pub use command::elastic_ray;
pub use grove::{longest_clique, set_name};
pub use labels::key;

/// The kinds that are expanded.
pub(super) const KINDS: [&str; 2] = [GRAPH, COMPONENT];

/// The GPUs of a container by its limits or requests.
pub fn gpu_count(container: Option<&Node>) -> Option<i64> {
    dra::scalar(container).ok()
}

/// The pods of an object of one of [`KINDS`].
pub(super) fn expand(document: &Document, scene: &Scene<'_>, cx: &mut Context<'_>) -> Expansion {
    let operator = Operator::new(scene, cx);
    match text(&document.root, &["kind"]) {
        GRAPH => graph(document, &operator, cx),
        _ => deployment(document, &operator, cx),
    }
}

fn say_dropped(dropped: &[(String, Ids)], ledger: &mut Ledger) {
    for (path, ids) in dropped {
        let message = format!("`{path}` is no field of the object; the API server drops it");
        ledger.report(Diagnostic::new(&FIELD_DROPPED, message).at_key(ids.first()));
    }
}

fn graph(document: &Document, operator: &Operator<'_>, cx: &mut Context<'_>) -> Expansion {
    let mut expansion = Expansion::default();
    let namespace = operator.scene.namespace_of(&document.root);
    let read = read::graph(&document.root, namespace, &operator.platform);
    say_dropped(&read.dropped, cx.ledger);
    let (mut graph, problems) = (read.object, read.problems);
    let refused = if problems.is_empty() {
        admit::graph(&graph, operator)
    } else {
        problems
    };
    expansion.reject_all(refused, cx.ledger);
    if !expansion.is_open() {
        return expansion;
    }
    for component in graph.components.iter_mut().filter(|c| c.scaling_adapter) {
        let name = format!("{}-{}", graph.name.value, component.lower());
        let kind = "DynamoGraphDeploymentScalingAdapter";
        let replicas = std::mem::take(&mut component.replicas);
        component.replicas = autoscaled(operator.scene, kind, &name, &graph.namespace, replicas);
    }
    if stops(&graph, operator, &mut expansion, cx.ledger) {
        return expansion;
    }
    if !affordable(&graph.components, &graph.ids, &mut expansion, cx.ledger) {
        return expansion;
    }
    warn::graph(&graph, operator, cx.ledger);
    let hash = placeholder(&document.root);
    children::of_graph(&graph, operator, &mut expansion);
    match graph.provider {
        Provider::Grove => grove::expand(&graph, operator, &hash, &mut expansion, cx),
        Provider::Component => component::graph(&graph, operator, &hash, &mut expansion, cx),
    }
    reveal(&mut expansion, &hash);
    copied_labels(&mut expansion);
    expansion
}

fn deployment(document: &Document, operator: &Operator<'_>, cx: &mut Context<'_>) -> Expansion {
    let mut expansion = Expansion::default();
    let namespace = operator.scene.namespace_of(&document.root);
    let read = read::deployment(&document.root, namespace);
    say_dropped(&read.dropped, cx.ledger);
    let (deployment, problems) = (read.object, read.problems);
    let refused = if problems.is_empty() {
        admit::deployment(&deployment, operator)
    } else {
        problems
    };
    expansion.reject_all(refused, cx.ledger);
    if !expansion.is_open() {
        return expansion;
    }
    if component::is_made_by_a_graph(&deployment, operator) {
        return expansion;
    }
    if !affordable(
        std::slice::from_ref(&deployment.component),
        &deployment.ids,
        &mut expansion,
        cx.ledger,
    ) {
        return expansion;
    }
    warn::deployment(&deployment, operator, cx.ledger);
    component::expand(&deployment, operator, &mut expansion, cx);
    copied_labels(&mut expansion);
    expansion
}

/// Whether the pods can be predicted. Asked before anything is made: some command lines name every node.
fn affordable(components: &[Component], ids: &Ids, expansion: &mut Expansion, ledger: &mut Ledger) -> bool {
    let of = |component: &Component| {
        let replicas = u64::try_from(component.replicas.value).unwrap_or_default();
        let engines = component
            .failover
            .as_ref()
            .map_or(1, |f| u64::from(f.shadows) + 1);
        let servers = u64::from(component.inter_pod());
        replicas
            .max(1)
            .saturating_mul(u64::from(component.node_count()))
            .saturating_mul(engines + servers)
    };
    let count = components.iter().map(of).fold(0, u64::saturating_add);
    let templates: Vec<&Node> = components.iter().filter_map(|c| c.template.as_ref()).collect();
    expansion.affordable(count, &templates, ids, ledger)
}

/// Whether the graph fails before anything is made of its components.
fn stops(graph: &Graph, operator: &Operator<'_>, expansion: &mut Expansion, ledger: &mut Ledger) -> bool {
    let workers = graph.components.iter().any(Component::is_worker);
    if graph.framework.is_none() && workers {
        mixed(graph, expansion, ledger);
    }
    for component in &graph.components {
        if let Err(problem) = backend(component, graph.framework.as_ref()) {
            expansion.dead_end(problem.code, problem.reason, &problem.ids, ledger);
        }
    }
    for claim in &graph.claims {
        let name = text(claim, &["name"]);
        let create = claim.get("create").and_then(Node::as_bool) == Some(true);
        match operator.claim(name, &graph.namespace) {
            Some(true) => {}
            _ if create => {}
            Some(false) => {
                let reason =
                    format!("there is no PersistentVolumeClaim `{name}`, and the graph does not create it");
                expansion.dead_end(&CLAIM_MISSING, reason, &claim.ids, ledger);
            }
            None => {
                let message = format!(
                    "the graph does not create the PersistentVolumeClaim `{name}`: it must be in the namespace before"
                );
                ledger.report(Diagnostic::new(&CLAIM_UNKNOWN, message).at_ids(&claim.ids));
            }
        }
    }
    let several = graph.components.iter().find(|c| c.node_count() > 1);
    if let Some(component) = several.filter(|_| graph.provider == Provider::Component)
        && !operator.platform.has_lws()
    {
        let reason = format!(
            "component `{}` has several nodes, and the operator can make no LeaderWorkerSets",
            component.name.value
        );
        let ids = component.nodes.as_ref().map_or(&component.ids, |n| &n.ids);
        expansion.dead_end(&NO_ORCHESTRATOR, reason, ids, ledger);
    }
    !expansion.is_open()
}

/// One graph has one engine.
fn mixed(graph: &Graph, expansion: &mut Expansion, ledger: &mut Ledger) {
    let mut first: Option<(Backend, &Component)> = None;
    for component in graph.components.iter().filter(|c| c.is_worker()) {
        let Ok(found) = backend(component, None) else {
            continue;
        };
        if found == Backend::Noop {
            continue;
        }
        match first {
            Some((before, other)) if before != found => {
                let reason = format!(
                    "component `{}` runs {}, and `{}` runs {}: a graph has one engine",
                    other.name.value,
                    before.as_str(),
                    component.name.value,
                    found.as_str()
                );
                return expansion.dead_end(&BACKEND, reason, &component.ids, ledger);
            }
            _ => first = Some((found, component)),
        }
    }
}

/// The engine of a component: what its command line runs, else what the graph says.
pub(super) fn backend(component: &Component, framework: Option<&Traced<Str>>) -> Result<Backend, Problem> {
    if !component.is_worker() {
        return Ok(Backend::Noop);
    }
    let nothing = Node::map();
    let main = component.main().unwrap_or(&nothing);
    let found = Backend::detect(&command::words(main, "command"), &command::words(main, "args"));
    let said = framework.and_then(|f| Backend::named(&f.value));
    let name = &component.name.value;
    let place = if main.ids.is_empty() {
        &component.ids
    } else {
        &main.ids
    };
    match (found.as_slice(), said) {
        ([one], Some(said)) if *one != said => {
            let reason = format!(
                "component `{name}` runs {}, and `backendFramework` is {}",
                one.as_str(),
                said.as_str()
            );
            Err(Problem::new(&BACKEND, reason, place))
        }
        ([one], _) => Ok(*one),
        (_, Some(said)) => Ok(said),
        ([], None) => Ok(Backend::Noop),
        _ => {
            let reason =
                format!("component `{name}` runs several engines, and `backendFramework` does not say which");
            Err(Problem::new(&BACKEND, reason, place))
        }
    }
}

/// The labels of nodes that a controller copies to pods which ask for them, once they are on a node.
fn copied_labels(expansion: &mut Expansion) {
    for pod in &mut expansion.pods {
        let sources = ["topology-label-key", "topology-cluster-topology-name"];
        if !sources.iter().any(|s| pod.annotations.contains_key(&key(s))) {
            continue;
        }
        let volumes = list(&pod.spec, "volumes").iter();
        let items = volumes.filter_map(|v| v.get("downwardAPI"));
        let wanted: Vec<Str> = items
            .flat_map(|d| list(d, "items"))
            .filter_map(|i| {
                let path = text(i, &["fieldRef", "fieldPath"]);
                Some(path.strip_prefix("metadata.labels['")?.strip_suffix("']")?.into())
            })
            .collect();
        for label in wanted {
            if !pod.labels.contains_key(&label) {
                pod.labels.insert(label, NODE_LABEL);
            }
        }
    }
}

/// What stands for the hash of the workers' generation until the pods are made: as long as one, and not in the input.
fn placeholder(root: &Node) -> String {
    let mut text = String::new();
    root.walk(&mut |node| {
        if let Value::Str(s) = &node.value {
            text.push_str(s);
            text.push('\n');
        }
    });
    (0_u32..)
        .map(|n| sha256(&format!("generation {n}"))[..8].to_owned())
        .find(|hash| !text.contains(hash.as_str()))
        .unwrap_or_default()
}

/// Writes the hash as what nobody knows before.
fn reveal(expansion: &mut Expansion, placeholder: &str) {
    let open = |text: &str| text.replace(placeholder, "<hash>");
    let open_str = |text: &mut Str| {
        if text.contains(placeholder) {
            *text = open(text).into();
        }
    };
    let open_node = |node: &mut Node| {
        node.walk_mut(&mut |node| {
            if let Value::Str(text) = &mut node.value {
                open_str(text);
            }
        });
    };
    let open_map = |map: &mut Map| map.iter_mut().for_each(|(_, node)| open_node(node));
    for pod in &mut expansion.pods {
        open_str(&mut pod.name);
        if let Some(name) = &mut pod.generate_name {
            open_str(name);
        }
        open_map(&mut pod.labels);
        open_map(&mut pod.annotations);
        open_node(&mut pod.spec);
    }
    for child in &mut expansion.children {
        open_str(&mut child.name);
        open_str(&mut child.owner.1);
        open_node(&mut child.object);
    }
}
