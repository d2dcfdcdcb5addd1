//! A graph as the PodCliqueSet that the operator makes for Grove (`GenerateGrovePodCliqueSet`).

use super::super::admit::provider_constraint;
use super::super::operator::Operator;
use super::super::read::codes::QUEUE;
use super::super::read::{Component, Graph, text};
use super::command::Backend;
use super::defaults::{object, words};
use super::labels::{self, key};
use super::pod::{Deployer, Maker, Result, Role};
use super::{backend, dra, kv_transfer, memory};
use crate::dialect::Context;
use crate::dialect::shared::compose::{self, Composed};
use crate::kubernetes::hash::fnv1a_32;
use crate::pods::{Child, Expansion, Problem};
use crate::value::{Map, Node, Str};
use std::collections::BTreeMap;

/// The most characters that Grove allows for the names of set, group and clique together.
const MOST_NAMES: usize = 45;
/// The least that is left for the name of the set.
const LEAST_NAME: usize = 8;

/// A clique of a component.
#[derive(Clone, Debug)]
struct Clique {
    name: String,
    role: Role,
    replicas: i64,
    rank: u32,
}

/// The cliques of a component.
fn cliques(component: &Component) -> Vec<Clique> {
    let name = component.lower();
    let clique = |name: String, role, replicas, rank| Clique {
        name,
        role,
        replicas,
        rank,
    };
    let nodes = component.node_count();
    let engines = match &component.failover {
        Some(failover) if failover.inter_pod => i64::from(failover.shadows) + 1,
        _ => 1,
    };
    match (nodes > 1, component.inter_pod()) {
        (true, true) => (0..nodes)
            .flat_map(|rank| {
                let engine = match rank {
                    0 => clique(format!("{name}-ldr"), Role::Leader, engines, 0),
                    _ => clique(format!("{name}-wkr-{rank}"), Role::Worker, engines, rank),
                };
                [
                    clique(format!("{name}-gms-{rank}"), Role::Memory, 1, rank),
                    engine,
                ]
            })
            .collect(),
        (true, false) => vec![
            clique(format!("{name}-ldr"), Role::Leader, 1, 0),
            clique(format!("{name}-wkr"), Role::Worker, i64::from(nodes) - 1, 0),
        ],
        (false, true) => vec![
            clique(format!("{name}-gms-0"), Role::Memory, 1, 0),
            clique(name, Role::Main, engines, 0),
        ],
        (false, false) if component.forced() => vec![clique(name, Role::Main, 1, 0)],
        (false, false) => vec![clique(name, Role::Main, component.replicas.value, 0)],
    }
}

/// The longest name of a component's cliques.
pub fn longest_clique(component: &Component) -> String {
    let lower = component.lower();
    if !component.scaling_group() {
        return lower;
    }
    // Ranks are many, and their names get longer with them: the last one is the longest.
    let mut short = component.clone();
    if component.inter_pod() {
        let last = component.node_count().saturating_sub(1);
        return match component.node_count() {
            1 => format!("{lower}-gms-0"),
            _ => format!("{lower}-gms-{last}"),
        };
    }
    if let Some(nodes) = &mut short.nodes {
        nodes.value = nodes.value.min(2);
    }
    let names = cliques(&short).into_iter().map(|c| c.name);
    names.chain([lower]).fold(String::new(), |longest, name| {
        if name.len() > longest.len() { name } else { longest }
    })
}

/// The name of the PodCliqueSet: the graph's, cut and hashed if Grove would not take it.
pub fn set_name(graph: &Graph) -> Str {
    let need = |component: &Component| {
        let group = component.lower().len();
        match component.scaling_group() {
            true => group + longest_clique(component).len(),
            false => group,
        }
    };
    let most = graph.components.iter().map(need).max().unwrap_or(0);
    let budget = MOST_NAMES.saturating_sub(most).max(LEAST_NAME);
    let name = &graph.name.value;
    if name.len() <= budget {
        return name.clone();
    }
    let head: String = name.chars().take(budget - 5).collect();
    format!("{head}-{:04x}", fnv1a_32(name) & 0xffff).into()
}

/// Expands a graph by way of its PodCliqueSet.
pub fn expand(
    graph: &Graph,
    operator: &Operator<'_>,
    hash: &str,
    expansion: &mut Expansion,
    cx: &mut Context<'_>,
) {
    let name = set_name(graph);
    let object = match set(graph, operator, &name, hash) {
        Ok(object) => object,
        Err(problem) => return expansion.dead_end(problem.code, problem.reason, &problem.ids, cx.ledger),
    };
    expansion.children.push(Child {
        api_version: "grove.io/v1alpha1".into(),
        kind: "PodCliqueSet".into(),
        name: name.clone(),
        owner: ("DynamoGraphDeployment".into(), graph.name.value.clone()),
        object: object.clone(),
    });
    let Composed {
        expansion: mut made,
        problem,
        ..
    } = compose::expand(object, &graph.name.ids, operator.scene, cx);
    rename(graph, &mut made);
    expansion.children.append(&mut made.children);
    expansion.pods.append(&mut made.pods);
    if let Some(problem) = problem {
        let reason = format!("PodCliqueSet `{name}`: {}", problem.reason);
        expansion.incomplete(problem.code, reason, &problem.ids, cx.ledger);
    }
}

/// Names the pods by components, and takes those of components that are scaled to none: Grove's template has at least one.
fn rename(graph: &Graph, made: &mut Expansion) {
    let mut kinds: BTreeMap<String, (&Component, Role)> = BTreeMap::new();
    for component in &graph.components {
        for clique in cliques(component) {
            kinds.insert(clique.name, (component, clique.role));
        }
    }
    made.pods.retain_mut(|pod| {
        let clique = if pod.member.is_empty() {
            &pod.role
        } else {
            &pod.member
        };
        let Some((component, role)) = kinds.get(clique.as_str()) else {
            return true;
        };
        pod.role = component.name.value.clone();
        pod.member = match role {
            Role::Leader => "leader".into(),
            Role::Worker => "worker".into(),
            Role::Memory => "gms".into(),
            Role::Main => Str::default(),
        };
        component.replicas.value > 0 || component.scaling_group()
    });
}

/// The PodCliqueSet.
fn set(graph: &Graph, operator: &Operator<'_>, name: &Str, hash: &str) -> Result<Node> {
    let mut making = Making {
        graph,
        operator,
        hash,
        cliques: Vec::new(),
        groups: Vec::new(),
        claims: Vec::new(),
        ordered: false,
        queue: queue(graph, operator)?,
    };
    for component in &graph.components {
        making.component(component)?;
    }
    let mut template = object([
        (
            "headlessServiceConfig",
            object([("publishNotReadyAddresses", true.into())]),
        ),
        (
            "cliqueStartupType",
            if making.ordered {
                "CliqueStartupTypeExplicit"
            } else {
                "CliqueStartupTypeAnyOrder"
            }
            .into(),
        ),
    ]);
    let map = template.map_mut();
    map.insert_some(
        "priorityClassName",
        graph.priority_class.as_ref().map(|c| c.node()),
    );
    map.insert_some("terminationDelay", operator.termination_delay());
    let topology = graph.topology.as_ref();
    let constraint = topology.and_then(|t| Some(constraint(Some(t.name.node()), t.domain.as_ref()?.node())));
    map.insert_some("topologyConstraint", constraint);
    map.insert("cliques", making.cliques);
    if !making.groups.is_empty() {
        map.insert("podCliqueScalingGroups", making.groups);
    }
    if !making.claims.is_empty() {
        map.insert("resourceClaimTemplates", making.claims);
    }
    overrides(graph, &mut template);
    let mut spec = object([("replicas", Node::from(1_i64)), ("template", template)]);
    if let Some(strategy) = graph.annotations.get(&key("grove-update-strategy")) {
        spec.set("updateStrategy", object([("type", strategy.clone())]));
    }
    let mut labels = graph.labels.clone();
    labels.insert(key("dynamo-graph-deployment-name"), graph.name.value.clone());
    let mut annotations = graph.spec_annotations.clone();
    let queue = graph.annotation(&key("volcano-queue")).map(str::trim);
    if let Some(queue) = queue.filter(|q| !q.is_empty() && operator.volcano()) {
        annotations.insert("scheduling.grove.io/volcano-queue", queue);
    }
    let metadata = object([
        ("name", Node::derived(name.clone(), &graph.name.ids)),
        ("namespace", graph.namespace.clone().into()),
        ("labels", labels.into()),
        ("annotations", annotations.into()),
    ]);
    let mut set = object([
        ("apiVersion", Node::from("grove.io/v1alpha1")),
        ("kind", "PodCliqueSet".into()),
        ("metadata", metadata),
        ("spec", spec),
    ]);
    set.ids = graph.ids.clone();
    Ok(set)
}

/// The queue of KAI, which must be there.
fn queue(graph: &Graph, operator: &Operator<'_>) -> Result<Option<Node>> {
    if !operator.kai() {
        return Ok(None);
    }
    let written = graph.annotations.get(&key("kai-scheduler-queue"));
    let name = written
        .and_then(Node::as_str)
        .map(str::trim)
        .filter(|q| !q.is_empty());
    let name: Str = name.unwrap_or("dynamo").into();
    let ids = written.map_or(&graph.name.ids, |w| &w.ids);
    if operator.may_have_queue(&name) {
        return Ok(Some(Node::derived(name, ids)));
    }
    let reason = format!("there is no queue `{name}` of KAI");
    Err(Problem::new(&QUEUE, reason, ids))
}

fn constraint(name: Option<Node>, domain: Node) -> Node {
    let mut made = object([("pack", object([("required", domain)]))]);
    made.map_mut().insert_some("topologyName", name);
    made
}

/// Puts what provider overrides write in its place.
fn overrides(graph: &Graph, template: &mut Node) {
    let root = graph.provider_override.as_ref();
    if let Some(topology) = root.and_then(|o| provider_constraint(o, "PodCliqueSet")) {
        template.set("topologyConstraint", topology.clone());
    }
    for component in &graph.components {
        let lower = component.lower();
        let own = if component.scaling_group() {
            "podCliqueScalingGroups"
        } else {
            "cliques"
        };
        let all = [
            (&component.provider_override, own, lower.clone()),
            (&component.leader_override, "cliques", format!("{lower}-ldr")),
            (&component.worker_override, "cliques", format!("{lower}-wkr")),
        ];
        for (node, list, name) in all {
            let Some(topology) = node.as_ref().and_then(|o| provider_constraint(o, "")) else {
                continue;
            };
            let entries = template.map_mut().entry_map(list).seq_mut();
            if let Some(entry) = entries.iter_mut().find(|e| text(e, &["name"]) == name) {
                entry.set("topologyConstraint", topology.clone());
            }
        }
    }
}

struct Making<'a> {
    graph: &'a Graph,
    operator: &'a Operator<'a>,
    hash: &'a str,
    cliques: Vec<Node>,
    groups: Vec<Node>,
    claims: Vec<Node>,
    ordered: bool,
    queue: Option<Node>,
}

impl Making<'_> {
    fn component(&mut self, component: &Component) -> Result<()> {
        let backend = backend(component, self.graph.framework.as_ref())?;
        let prepared = self.prepared(component);
        let nodes = component.node_count();
        let all = cliques(component);
        for clique in &all {
            let made = self.clique(component, &prepared, clique, backend)?;
            self.cliques.push(made);
        }
        self.order(component, &all, backend, nodes);
        if component.inter_pod() {
            self.shared_claims(component, &all);
        }
        if component.scaling_group() {
            let group = self.group(component, &all);
            self.groups.push(group);
        }
        Ok(())
    }

    /// The component as its pods are made of it: discovery is written on the template.
    fn prepared(&self, component: &Component) -> Component {
        let mut made = component.clone();
        let graph = self.graph;
        let template = made.template.get_or_insert_with(Node::map);
        let metadata = template.at_mut(&["metadata"]);
        let namespace = labels::dynamo_namespace(component, &graph.namespace, &graph.name.value);
        metadata
            .at_mut(&["labels"])
            .set(&key("dynamo-namespace"), namespace);
        if component.is_worker() {
            metadata
                .at_mut(&["labels"])
                .set(&key("dynamo-worker-hash"), self.hash);
        }
        for name in labels::PROPAGATED {
            let key = key(name);
            let annotations = metadata.at_mut(&["annotations"]);
            if let Some(value) = graph.annotations.get(&key)
                && annotations.get(&key).is_none()
            {
                annotations.set(&key, value.clone());
            }
        }
        let discovery = self.discovery();
        if !discovery.is_empty() {
            metadata
                .at_mut(&["annotations"])
                .set(&key("dynamo-discovery-backend"), discovery);
        }
        made
    }

    fn discovery(&self) -> Str {
        let own = self.graph.annotation(&key("dynamo-discovery-backend"));
        own.map_or_else(|| self.operator.discovery(), Str::from)
    }

    fn clique(
        &self,
        component: &Component,
        prepared: &Component,
        clique: &Clique,
        backend: Backend,
    ) -> Result<Node> {
        let graph = self.graph;
        let mut pod_spec = self.pod_spec(prepared, clique, backend)?;
        let failover = component.inter_pod_failover();
        let hash = component.is_worker().then_some(self.hash);
        let mut own = labels::of_clique(graph, prepared, hash, self.discovery() == "kubernetes");
        if memory::is_member(clique.role, failover) {
            own.insert(key("dynamo-failover-engine-group-member"), "true");
        }
        if clique.role == Role::Memory {
            labels::undiscovered(&mut own);
        }
        let annotations = labels::of_clique_annotations(graph, prepared, clique.role == Role::Memory);
        self.schedule(&mut pod_spec, &mut own);
        let alone = !component.scaling_group();
        let minimum = match (&component.min_available, component.node_count() > 1 && !failover) {
            (_, true) => Node::from(clique.replicas),
            (Some(minimum), _) if alone => minimum.node(),
            _ => 1_i64.into(),
        };
        let mut replicas = Node::from(clique.replicas);
        replicas.ids = match component.scaling_group() {
            true => component
                .nodes
                .as_ref()
                .map(|n| n.ids.clone())
                .unwrap_or_default(),
            false => component.replicas.ids.clone(),
        };
        let mut made = object([
            ("name", Node::derived(clique.name.as_str(), &component.name.ids)),
            ("labels", own.into()),
            ("annotations", annotations.into()),
            (
                "spec",
                object([
                    ("roleName", clique.name.as_str().into()),
                    ("podSpec", pod_spec),
                    ("replicas", replicas),
                    ("minAvailable", minimum),
                ]),
            ),
        ]);
        if alone {
            made.map_mut()
                .insert_some("topologyConstraint", self.constraint(component));
        }
        Ok(made)
    }

    fn pod_spec(&self, prepared: &Component, clique: &Clique, backend: Backend) -> Result<Node> {
        let graph = self.graph;
        let mut filled = labels::with_defaults(graph, prepared, &graph.env);
        if let (true, Some(template)) = (filled.is_worker(), &mut filled.template) {
            kv_transfer::add(graph, self.operator, template);
        }
        let maker = Maker {
            operator: self.operator,
            parent: &graph.name.value,
            namespace: &graph.namespace,
            component: &filled,
            kind: filled.kind(),
            backend,
            worker_hash: Some(self.hash),
        };
        let nodes = filled.node_count();
        if clique.role == Role::Memory {
            let mut spec = maker.pod_spec(Role::Main, 1, Deployer::Grove)?;
            let gpus = dra::scalar(filled.main()).unwrap_or(0);
            memory::server_pod(&mut spec, clique.rank, gpus);
            return Ok(spec);
        }
        let deployer = match filled.inter_pod() && nodes > 1 {
            true => Deployer::GroveRank(clique.rank),
            false => Deployer::Grove,
        };
        let mut spec = maker.pod_spec(clique.role, nodes, deployer)?;
        if filled.inter_pod() {
            memory::engine_pod(&mut spec, clique.rank, filled.inter_pod_failover());
        }
        Ok(spec)
    }

    /// Names the scheduler of KAI or Volcano, unless the user named another.
    fn schedule(&self, pod_spec: &mut Node, labels: &mut Map) {
        let own = text(pod_spec, &["schedulerName"]).to_owned();
        let free = |name: &str| own.is_empty() || own == name;
        if let Some(queue) = self.queue.as_ref().filter(|_| free("kai-scheduler")) {
            pod_spec.set("schedulerName", "kai-scheduler");
            labels.insert("kai.scheduler/queue", queue.clone());
        }
        if self.operator.volcano() && free("volcano") {
            pod_spec.set("schedulerName", "volcano");
        }
    }

    /// A component's constraint. The name of the topology is the set's if that has a constraint of its own.
    fn constraint(&self, component: &Component) -> Option<Node> {
        let domain = component.domain.as_ref()?;
        let graph = self.graph.topology.as_ref();
        let name = graph.filter(|t| t.domain.is_none()).map(|t| t.name.node());
        Some(constraint(name, domain.node()))
    }

    /// Which cliques start after which.
    fn order(&mut self, component: &Component, all: &[Clique], backend: Backend, nodes: u32) {
        let mpi = backend == Backend::Trtllm && nodes > 1;
        if !mpi && !component.inter_pod() {
            return;
        }
        for clique in all {
            let mut after: Vec<&str> = Vec::new();
            if component.inter_pod() && clique.role != Role::Memory {
                let server = all
                    .iter()
                    .rfind(|c| c.role == Role::Memory && c.rank == clique.rank);
                after.extend(server.map(|c| c.name.as_str()));
            }
            if mpi && clique.role == Role::Leader {
                let workers = all.iter().filter(|c| c.role == Role::Worker);
                after.extend(workers.map(|c| c.name.as_str()));
            }
            if after.is_empty() {
                continue;
            }
            let made = self
                .cliques
                .iter_mut()
                .find(|c| text(c, &["name"]) == clique.name);
            if let Some(made) = made {
                made.at_mut(&["spec"]).set("startsAfter", words(&after));
                self.ordered = true;
            }
        }
    }

    fn group(&self, component: &Component, all: &[Clique]) -> Node {
        let names: Vec<&str> = all.iter().map(|c| c.name.as_str()).collect();
        let minimum = component
            .min_available
            .as_ref()
            .map_or_else(|| 1_i64.into(), crate::value::Traced::node);
        let mut group = object([
            ("name", Node::derived(component.lower(), &component.name.ids)),
            ("cliqueNames", words(&names)),
            ("replicas", component.replicas.node()),
            ("minAvailable", minimum),
        ]);
        let map = group.map_mut();
        map.insert_some("topologyConstraint", self.constraint(component));
        if component.inter_pod() {
            let ranks = ranks(all);
            let shared = ranks.iter().map(|rank| {
                let members = all.iter().filter(|c| c.rank == *rank);
                let members: Vec<&str> = members.map(|c| c.name.as_str()).collect();
                object([
                    ("name", claim_name(component, *rank).into()),
                    ("scope", "PerReplica".into()),
                    ("filter", object([("childCliqueNames", words(&members))])),
                ])
            });
            map.insert("resourceSharing", shared.collect::<Vec<Node>>());
        }
        group
    }

    /// A template of claims for each rank.
    fn shared_claims(&mut self, component: &Component, all: &[Clique]) {
        let class = component.memory_service.as_ref().map(|m| m.device_class.clone());
        let count = dra::scalar(component.main()).unwrap_or(0);
        for rank in ranks(all) {
            let exactly = object([
                ("deviceClassName", class.clone().unwrap_or_default().into()),
                ("allocationMode", "ExactCount".into()),
                ("count", count.into()),
            ]);
            let request = object([("name", Node::from("gpu")), ("exactly", exactly)]);
            let devices = object([("requests", vec![request].into())]);
            let spec = object([("spec", object([("devices", devices)]))]);
            self.claims.push(object([
                ("name", claim_name(component, rank).into()),
                ("templateSpec", spec),
            ]));
        }
    }
}

fn ranks(all: &[Clique]) -> Vec<u32> {
    let mut ranks: Vec<u32> = all.iter().map(|c| c.rank).collect();
    ranks.dedup();
    ranks
}

fn claim_name(component: &Component, rank: u32) -> String {
    format!("{}-gpu-rank-{rank}", component.lower().replace('.', "-"))
}
