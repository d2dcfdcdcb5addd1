//! What Dynamo's admission refuses: the rules of the CRDs beyond types and bounds, and the validating webhook
//! (`internal/webhook/validation`).

mod component;
mod provider;

use super::operator::Operator;
use super::read::codes::{
    ANNOTATION, EPP, GROVE_ONLY, KV_TRANSFER, MEMORY_SERVICE, NAME_LENGTH, RESTART, SCHEMA, TOPOLOGY,
};
use super::read::{Deployment, Graph, Provider, Version};
use crate::dialect::grove::operator::Binding;
use crate::kubernetes::names;
use crate::pods::Problem;
use crate::value::{Ids, Node, Str};

pub use provider::constraint as provider_constraint;

/// The most characters that Grove allows for the names of set, group and clique together.
const MOST_NAMES: usize = 45;

/// Why something needs Grove.
pub const NEEDS_GROVE: &str = "needs Grove, and this graph becomes Deployments and LeaderWorkerSets";

/// What is refused of a graph whose fields are of the right types.
pub fn graph(graph: &Graph, operator: &Operator<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    rules(graph, &mut problems);
    annotations(graph, &mut problems);
    let grove = graph.provider == Provider::Grove;
    provider::graph(graph, &mut problems);
    if let Some(class) = graph.priority_class.as_ref().filter(|_| !grove) {
        let reason = format!("`priorityClassName` {NEEDS_GROVE}");
        problems.push(Problem::new(&GROVE_ONLY, reason, &class.ids));
    }
    for component in &graph.components {
        if grove {
            name_length(graph, component, &mut problems);
        }
        inter_pod(graph, component, grove, &mut problems);
        component::power(component, &mut problems);
        component::elastic(component, graph.framework.as_ref(), &mut problems);
        let context = component::Place {
            grove,
            standalone: false,
            version: graph.version,
            checkpoints: operator.checkpoints(),
        };
        component::check(component, &context, &mut problems);
    }
    topology(graph, operator, &mut problems);
    kv_transfer(graph, operator, &mut problems);
    problems
}

/// What is refused of a component that is an object of its own.
pub fn deployment(deployment: &Deployment, operator: &Operator<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let component = &deployment.component;
    component::rules(component, deployment.version, &mut problems);
    component::elastic(component, deployment.framework.as_ref(), &mut problems);
    let context = component::Place {
        grove: false,
        standalone: true,
        version: deployment.version,
        checkpoints: operator.checkpoints(),
    };
    component::check(component, &context, &mut problems);
    provider::standalone(component, &mut problems);
    problems
}

/// The rules that the CRD has in words (CEL).
fn rules(graph: &Graph, problems: &mut Vec<Problem>) {
    if graph.components.is_empty() {
        problems.push(Problem::new(
            &SCHEMA,
            "a graph needs at least one component",
            &graph.ids,
        ));
    }
    if let Some(restart) = &graph.restart {
        let reason = "`restart` must not be there when the object is created";
        problems.push(Problem::new(&RESTART, reason, &restart.ids));
    }
    let (mut seen, mut pickers) = (Vec::<String>::new(), 0);
    for component in &graph.components {
        component::rules(component, graph.version, problems);
        if graph.version == Version::Alpha {
            continue;
        }
        let lower = component.name.value.to_ascii_lowercase();
        if seen.contains(&lower) {
            let reason = format!(
                "another component is called `{}`, which differs in case at most",
                component.name.value
            );
            problems.push(Problem::new(&SCHEMA, reason, &component.name.ids));
        }
        seen.push(lower);
        pickers += usize::from(component.kind() == "epp");
        if component.kind() == "epp" && pickers == 2 {
            let reason = "a graph has at most one component of type `epp`";
            problems.push(Problem::new(&EPP, reason, &component.ids));
        }
    }
}

fn annotations(graph: &Graph, problems: &mut Vec<Problem>) {
    let mut check = |key: &str, wanted: &str, good: &dyn Fn(&str) -> bool| {
        let key = super::expand::key(key);
        if let Some(node) = graph.annotations.get(&key)
            && !good(node.as_str().unwrap_or_default())
        {
            let reason = format!("the annotation `{key}` must be {wanted}");
            problems.push(Problem::new(&ANNOTATION, reason, &node.ids));
        }
    };
    check(
        "dynamo-operator-origin-version",
        "a semantic version",
        &is_version,
    );
    check("vllm-distributed-executor-backend", "`mp` or `ray`", &|v| {
        ["mp", "ray"].contains(&v.to_lowercase().as_str())
    });
    check("grove-update-strategy", "`RollingRecreate` or `OnDelete`", &|v| {
        ["RollingRecreate", "OnDelete"].contains(&v)
    });
    check("dynamo-kube-discovery-mode", "`pod` or `container`", &|v| {
        ["pod", "container"].contains(&v)
    });
    let failover = graph
        .components
        .iter()
        .filter_map(|c| c.failover.as_ref())
        .find(|f| !f.inter_pod);
    let mode = graph.annotation("nvidia.com/dynamo-kube-discovery-mode");
    if let Some(failover) = failover.filter(|_| mode != Some("container")) {
        let reason =
            "failover within a pod needs the annotation `nvidia.com/dynamo-kube-discovery-mode: container`";
        problems.push(Problem::new(&MEMORY_SERVICE, reason, &failover.ids));
    }
}

/// Whether a text is a version as lenient readers take it: `1`, `1.2`, `v1.2.3-rc1`.
fn is_version(text: &str) -> bool {
    let text = text.strip_prefix('v').unwrap_or(text);
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let parts: Vec<&str> = core.split('.').collect();
    parts.len() <= 3
        && parts
            .iter()
            .all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()))
}

fn name_length(graph: &Graph, component: &super::read::Component, problems: &mut Vec<Problem>) {
    let set = super::expand::set_name(graph);
    let group = component.lower().len();
    let longest = super::expand::longest_clique(component);
    let all = set.len()
        + group
        + if component.scaling_group() {
            longest.len()
        } else {
            0
        };
    if all > MOST_NAMES {
        let reason = format!(
            "the names of the PodCliqueSet (`{set}`), of the component and of its longest clique (`{longest}`) have {all} characters together, \
             Grove allows {MOST_NAMES}"
        );
        problems.push(Problem::new(&NAME_LENGTH, reason, &component.name.ids));
    }
}

fn inter_pod(graph: &Graph, component: &super::read::Component, grove: bool, problems: &mut Vec<Problem>) {
    let Some(service) = component.memory_service.as_ref().filter(|m| m.inter_pod) else {
        return;
    };
    if !grove {
        let reason = format!("a GPU memory service of mode `InterPod` {NEEDS_GROVE}");
        problems.push(Problem::new(&GROVE_ONLY, reason, &service.ids));
    }
    if graph.framework.as_ref().is_none_or(|f| f.value != "vllm") {
        let reason = "a GPU memory service of mode `InterPod` needs `backendFramework: vllm`";
        problems.push(Problem::new(&MEMORY_SERVICE, reason, &service.ids));
    }
}

/// The domains of a binding, if they are known. Says what is wrong with the name.
fn domains(name: &str, ids: &Ids, operator: &Operator<'_>, problems: &mut Vec<Problem>) -> Option<Vec<Str>> {
    match operator.binding(name) {
        Binding::Known(levels) => Some(levels.into_iter().map(|(domain, _)| domain).collect()),
        Binding::Unknown => None,
        Binding::Missing => {
            let reason = format!("there is no ClusterTopologyBinding `{name}`");
            problems.push(Problem::new(&TOPOLOGY, reason, ids));
            None
        }
    }
}

fn topology(graph: &Graph, operator: &Operator<'_>, problems: &mut Vec<Problem>) {
    let constrained: Vec<_> = graph
        .components
        .iter()
        .filter_map(|c| c.domain.as_ref())
        .collect();
    let Some(topology) = &graph.topology else {
        if let Some(domain) = constrained.first() {
            let reason = "a component's topology constraint needs one of the graph, which names the ClusterTopologyBinding";
            problems.push(Problem::new(&TOPOLOGY, reason, &domain.ids));
        }
        return;
    };
    if topology.domain.is_none() && constrained.is_empty() {
        let reason = "`packDomain` is missing: neither the graph nor a component names a domain";
        problems.push(Problem::new(&TOPOLOGY, reason, &topology.ids));
    }
    if topology.name.value.is_empty() || graph.provider != Provider::Grove {
        return;
    }
    let name = &topology.name.value;
    let Some(known) = domains(name, &topology.name.ids, operator, problems) else {
        return;
    };
    let index = |domain: &Str| known.iter().position(|d| d == domain);
    let own = topology.domain.as_ref();
    for domain in own.into_iter().chain(constrained.iter().copied()) {
        if index(&domain.value).is_none() {
            let reason = format!(
                "the ClusterTopologyBinding `{name}` has no domain `{}`, only {}",
                domain.value,
                known.join(", ")
            );
            problems.push(Problem::new(&TOPOLOGY, reason, &domain.ids));
        }
    }
    let Some(broad) = own.and_then(|d| index(&d.value)) else {
        return;
    };
    for domain in constrained {
        if index(&domain.value).is_some_and(|at| at < broad) {
            let reason = format!(
                "the component's domain `{}` is wider than the graph's, `{}`",
                domain.value,
                own.map_or("", |d| d.value.as_str())
            );
            problems.push(Problem::new(&TOPOLOGY, reason, &domain.ids));
        }
    }
}

fn kv_transfer(graph: &Graph, operator: &Operator<'_>, problems: &mut Vec<Problem>) {
    let Some(policy) = &graph.kv_transfer else { return };
    if policy.topology.is_some() == policy.label.is_some() {
        let reason = "a KV transfer policy names either `labelKey` or `clusterTopologyName`";
        problems.push(Problem::new(&KV_TRANSFER, reason, &policy.ids));
    }
    let preferred = policy.enforcement.value == "preferred";
    if preferred != policy.weight.is_some() {
        let reason = "`preferredWeight` belongs to `enforcement: preferred`, and to nothing else";
        problems.push(Problem::new(&KV_TRANSFER, reason, &policy.ids));
    }
    let Some(topology) = &policy.topology else { return };
    if let Err(why) = names::dns_subdomain(&topology.value) {
        let reason = format!("`clusterTopologyName` is no name of an object: {why}");
        problems.push(Problem::new(&KV_TRANSFER, reason, &topology.ids));
    }
    if graph.provider != Provider::Grove {
        let reason = format!("KV transfer by a ClusterTopologyBinding {NEEDS_GROVE}");
        problems.push(Problem::new(&GROVE_ONLY, reason, &topology.ids));
        return;
    }
    let known = domains(&topology.value, &topology.ids, operator, problems);
    if known.is_some_and(|k| !k.contains(&policy.domain.value)) {
        let reason = format!(
            "the ClusterTopologyBinding `{}` has no domain `{}`",
            topology.value, policy.domain.value
        );
        problems.push(Problem::new(&KV_TRANSFER, reason, &policy.domain.ids));
    }
}

/// Where to point to for a field of a component.
fn place<'a>(component: &'a super::read::Component, node: Option<&'a Node>) -> &'a Ids {
    node.map(|n| &n.ids)
        .filter(|i| !i.is_empty())
        .unwrap_or(&component.ids)
}
