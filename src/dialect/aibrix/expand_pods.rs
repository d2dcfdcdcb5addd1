//! The pods of a RoleSet and of a PodSet.

use super::admit::{PREFIX, Template};
use super::options::{GangScheduler, TopologyMode, TopologyScope};
use super::pattern::{GENERATE_NAME, HASH, NAME, RANDOM, pattern, short};
use super::read::{How, Role, Strategy, Topology};
use crate::kubernetes::container::name_of;
use crate::pods::{Injected, Pod, inject_env, variable};
use crate::value::{Map, Node, Str, Value};

/// The variables that the controller of RoleSets owns.
const OWNED: [&str; 6] = [
    "STORM_SERVICE_NAME",
    "ROLESET_NAME",
    "ROLESET_INDEX",
    "ROLE_NAME",
    "ROLE_TEMPLATE_HASH",
    "ROLE_REPLICA_INDEX",
];

/// A RoleSet in the making.
#[derive(Debug)]
pub struct Set<'a> {
    /// Its number among those of the StormService.
    pub slice: u32,
    /// Its name, with characters for what is not known.
    pub name: String,
    /// The StormService; empty for one that stands alone.
    pub service: Str,
    /// Its number in its batch; empty if it is not said.
    pub index: Str,
    /// Its labels.
    pub labels: &'a Map,
    /// Its annotations, those of role revisions among them.
    pub annotations: &'a Map,
    /// The gang of all its pods.
    pub scheduling: Option<&'a Strategy>,
    /// The affinity of all its pods.
    pub topology: Option<&'a Topology>,
    /// How the operator runs.
    pub how: How,
}

/// The label that finds the pods of a gang, and whether there is an annotation of that name, too.
pub const fn gang_key(scheduler: GangScheduler, how: How) -> (&'static str, bool) {
    match scheduler {
        GangScheduler::Volcano if how.version.volcano() => ("scheduling.k8s.io/group-name", true),
        GangScheduler::Volcano => ("scheduling.volcano.sh/group-name", true),
        GangScheduler::Coscheduling => ("scheduling.x-k8s.io/pod-group", false),
        GangScheduler::Godel => ("godel.bytedance.com/pod-group-name", true),
    }
}

fn key(name: &str) -> String {
    format!("{PREFIX}{name}")
}

fn text(map: &Map, key: &str) -> Option<Node> {
    map.get(key).filter(|n| n.as_str().is_some()).cloned()
}

impl Set<'_> {
    /// The name of an indexed pod or PodSet, with characters for what is not known.
    pub fn indexed_name(&self, role: &Role, replica: u32) -> String {
        let name = format!("{}-{}-{HASH}-{replica}", self.name, role.name.value);
        let cut = if role.grouped() {
            self.how.version.cuts_sets()
        } else {
            self.how.version.cuts_pods()
        };
        if cut { short(&name, NAME) } else { name }
    }

    /// The prefix of the names of pods without an index.
    fn prefix(&self, role: &Role) -> String {
        short(&format!("{}-{}-", self.name, role.name.value), GENERATE_NAME)
    }

    /// The name of a pod.
    pub fn pod_name(&self, role: &Role, replica: u32, rank: u32) -> String {
        if role.grouped() {
            rank_name(&self.indexed_name(role, replica), rank, self.how)
        } else if role.indexed() {
            self.indexed_name(role, replica)
        } else {
            self.prefix(role) + RANDOM
        }
    }

    /// Adds the pods of a role, from a replica on.
    pub fn pods(&self, role: &Role, template: &Template, from: u32, out: &mut Vec<Pod>) {
        let mut template = template.clone();
        self.affinity(role, &mut template.spec);
        for replica in from..role.count() {
            if role.grouped() {
                let group = self.group(role, &template, replica);
                out.extend((0..role.size()).map(|rank| Pod {
                    slice: self.slice,
                    role: role.name.value.clone(),
                    replica,
                    ..group.pod(rank)
                }));
            } else {
                out.push(self.pod(role, &template, replica));
            }
        }
    }

    fn pod(&self, role: &Role, template: &Template, replica: u32) -> Pod {
        let indexed = role.indexed();
        let (mut labels, mut annotations) = (template.labels.clone(), template.annotations.clone());
        self.set_labels(role, &mut labels);
        for inherited in ["name", "previous-owner"] {
            labels.insert_some(inherited, text(self.labels, inherited));
        }
        for revision in ["role-revision", "role-revision-name"] {
            let from = key(&format!("{revision}.{}", role.name.value));
            if let Some(value) = text(self.annotations, &from).filter(|_| self.how.version.role_revisions()) {
                labels.insert(key(revision), value);
            }
        }
        annotations.insert(key("roleset-index"), self.index.clone());
        if indexed {
            labels.insert(key("role-replica-index"), replica.to_string());
            annotations.insert(key("role-replica-index"), replica.to_string());
        }
        if let Some(strategy) = self.scheduling {
            let (key, annotated) = gang_key(strategy.scheduler, self.how);
            labels.insert(key, pattern(&self.name));
            if annotated {
                annotations.insert(key, pattern(&self.name));
            }
        }
        let mut spec = template.spec.clone();
        self.inject(role, indexed.then_some(replica), &mut spec);
        let name = pattern(&self.pod_name(role, replica, 0));
        let generate_name = if indexed {
            format!("{}-", self.name)
        } else {
            self.prefix(role)
        };
        address(&mut spec, indexed.then(|| name.clone()), &self.service);
        Pod {
            slice: self.slice,
            role: role.name.value.clone(),
            replica,
            member: Str::default(),
            index: 0,
            name,
            generate_name: Some(pattern(&generate_name)),
            labels,
            annotations,
            spec,
        }
    }

    /// What both kinds of pods are labelled with.
    fn set_labels(&self, role: &Role, labels: &mut Map) {
        labels.insert("roleset-name", pattern(&self.name));
        labels.insert("role-name", role.name.value.clone());
        labels.insert("role-template-hash", pattern(HASH));
        labels.insert("storm-service-name", self.service.clone());
    }

    /// A PodSet in the making.
    pub fn group<'t>(&self, role: &Role, template: &'t Template, replica: u32) -> Group<'t> {
        let name = self.indexed_name(role, replica);
        let (mut labels, mut annotations) = (Map::new(), Map::new());
        self.set_labels(role, &mut labels);
        labels.insert(key("role-replica-index"), replica.to_string());
        annotations.insert(key("role-replica-index"), replica.to_string());
        annotations.insert(key("roleset-index"), self.index.clone());
        let levels = [(self.scheduling, &self.name), (role.scheduling.as_ref(), &name)];
        for (strategy, group) in levels {
            let Some(strategy) = strategy else { continue };
            let (key, annotated) = gang_key(strategy.scheduler, self.how);
            labels.insert(key, pattern(group));
            if annotated {
                annotations.insert(key, pattern(group));
            }
        }
        let mut spec = template.spec.clone();
        self.inject(role, Some(replica), &mut spec);
        Group {
            name,
            service: self.service.clone(),
            size: role.size(),
            labels,
            annotations,
            template,
            spec,
            how: self.how,
        }
    }

    fn inject(&self, role: &Role, replica: Option<u32>, spec: &mut Node) {
        let mut variables = vec![
            variable("STORM_SERVICE_NAME", self.service.clone()),
            variable("ROLESET_NAME", pattern(&self.name)),
            variable("ROLESET_INDEX", self.index.clone()),
            variable("ROLE_NAME", role.name.value.clone()),
            variable("ROLE_TEMPLATE_HASH", pattern(HASH)),
        ];
        variables.extend(replica.map(|r| variable("ROLE_REPLICA_INDEX", r.to_string())));
        for container in containers(spec, "containers") {
            if let Some(Value::Seq(own)) = own_env(container) {
                own.retain(|v| name_of(v).is_none_or(|n| !OWNED.contains(&n)));
            }
            inject_env(container, &variables, Injected::First);
            if !self.how.version.injected_first()
                && let Some(Value::Seq(all)) = own_env(container)
            {
                all.sort_by(|a, b| name_of(a).cmp(&name_of(b)));
            }
        }
    }

    /// The affinity that the RoleSet's topology policy adds; without a StormService it is skipped.
    fn affinity(&self, role: &Role, spec: &mut Node) {
        let Some(topology) = self.topology.filter(|_| !self.service.is_empty()) else {
            return;
        };
        let mut labels = Map::new();
        labels.insert("storm-service-name", self.service.clone());
        match topology.scope.value {
            TopologyScope::StormService => {}
            TopologyScope::RoleSet => {
                labels.insert("roleset-name", pattern(&self.name));
            }
            TopologyScope::Role => {
                labels.insert("role-name", role.name.value.clone());
            }
        }
        let mut term = Node::map();
        term.at_mut(&["labelSelector"]).set("matchLabels", labels);
        term.set("topologyKey", &topology.key);
        let (field, term) = match topology.mode.value {
            TopologyMode::Required => ("requiredDuringSchedulingIgnoredDuringExecution", term),
            TopologyMode::Preferred => {
                let mut weighted = Node::map();
                weighted.set("weight", 100_u32);
                weighted.set("podAffinityTerm", term);
                ("preferredDuringSchedulingIgnoredDuringExecution", weighted)
            }
        };
        let terms = spec.at_mut(&["affinity", "podAffinity", field]).seq_mut();
        if !terms.iter().any(|t| same(t, &term)) {
            terms.push(term);
        }
    }
}

/// Whether two trees say the same, in whatever order their keys are.
fn same(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|w| same(v, w)))
        }
        (Value::Seq(a), Value::Seq(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (a, b) => a == b,
    }
}

/// A PodSet in the making.
#[derive(Debug)]
pub struct Group<'a> {
    /// Its name, with characters for what is not known.
    pub name: String,
    /// The StormService; empty without one.
    pub service: Str,
    /// Its pods.
    pub size: u32,
    /// Its labels.
    pub labels: Map,
    /// Its annotations.
    pub annotations: Map,
    /// Its pod template.
    pub template: &'a Template,
    /// The PodSpec of its template, with what the RoleSet injected.
    pub spec: Node,
    /// How the operator runs.
    pub how: How,
}

/// The name of a pod of a PodSet.
pub fn rank_name(set: &str, rank: u32, how: How) -> String {
    let name = format!("{set}-{rank}");
    if how.version.cuts_sets() {
        short(&name, NAME)
    } else {
        name
    }
}

impl Group<'_> {
    /// The pod of a rank. Of labels and annotations the template's own win, but for two.
    pub fn pod(&self, rank: u32) -> Pod {
        let set = pattern(&self.name);
        let mut labels = self.template.labels.clone();
        labels.insert(key("podset-name"), set.clone());
        labels.insert(key("pod-group-index"), rank.to_string());
        let mut annotations = self.template.annotations.clone();
        for (own, added) in [(&mut labels, &self.labels), (&mut annotations, &self.annotations)] {
            for (key, value) in added {
                if !own.contains_key(key) {
                    own.push_new(key.clone(), value.clone());
                }
            }
        }
        let mut spec = self.spec.clone();
        let variables = [
            variable("PODSET_NAME", set.clone()),
            variable("POD_GROUP_INDEX", rank.to_string()),
            variable("POD_GROUP_SIZE", self.size.to_string()),
        ];
        if self.how.version.injected_first() {
            for list in ["initContainers", "containers"] {
                for container in containers(&mut spec, list) {
                    inject_env(container, &variables, Injected::First);
                }
            }
        } else {
            for container in containers(&mut spec, "containers") {
                container
                    .at_mut(&["env"])
                    .seq_mut()
                    .extend(variables.iter().cloned());
            }
        }
        let name = pattern(&rank_name(&self.name, rank, self.how));
        address(&mut spec, Some(name.clone()), &self.service);
        Pod {
            index: rank,
            name,
            generate_name: Some(pattern(&format!("{}-", self.name))),
            labels,
            annotations,
            spec,
            ..Pod::default()
        }
    }
}

fn containers<'a>(spec: &'a mut Node, list: &str) -> &'a mut [Node] {
    match &mut spec.value {
        Value::Map(map) => match map.get_mut(list).map(|n| &mut n.value) {
            Some(Value::Seq(containers)) => containers,
            _ => &mut [],
        },
        _ => &mut [],
    }
}

fn own_env(container: &mut Node) -> Option<&mut Value> {
    container.map_mut().get_mut("env").map(|n| &mut n.value)
}

fn address(spec: &mut Node, hostname: Option<Str>, service: &Str) {
    spec.map_mut().insert_some("hostname", hostname);
    if !service.is_empty() {
        spec.set("subdomain", service.clone());
    }
}
