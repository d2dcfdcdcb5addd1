//! The pods of a LeaderWorkerSet: templates as the controller changes them, pods as its webhook does.

use super::place::Place;
use super::read::{EXCLUSIVE, LeaderWorkerSet, PREFIX, SUBGROUP_EXCLUSIVE, Subdomain};
use super::revision;
use super::tpu::{self, Seat};
use crate::kubernetes::hash::sha1;
use crate::pods::stateful_set::{MadePod, StatefulSet};
use crate::pods::{Injected, Pod, inject_env, variable};
use crate::value::{Ids, Map, Node, Str};

/// A template without memory of where it came from, taken apart.
#[derive(Clone, Debug, Default)]
pub struct Template {
    labels: Map,
    annotations: Map,
    spec: Node,
}

impl Template {
    fn of(node: &Node) -> Self {
        let part = |path: &[&str]| {
            let mut part = node.at(path).cloned().unwrap_or_else(Node::map);
            part.walk_mut(&mut |n| n.ids = Ids::none());
            part
        };
        let map = |key: &str| part(&["metadata", key]).as_map().cloned().unwrap_or_default();
        Self {
            labels: map("labels"),
            annotations: map("annotations"),
            spec: part(&["spec"]),
        }
    }
}

/// Makes the pods of a set.
pub struct Maker<'a> {
    set: &'a LeaderWorkerSet,
    place: &'a Place,
    /// The revision hash.
    pub revision: Str,
    leader: Template,
    worker: Template,
    leader_has_tpus: bool,
    volcano: bool,
    /// Size of the subgroups.
    sub_group: Option<i64>,
}

fn key(name: &str) -> String {
    format!("{PREFIX}{name}")
}

impl<'a> Maker<'a> {
    /// Prepares for a set.
    pub fn new(set: &'a LeaderWorkerSet, place: &'a Place, volcano: bool) -> Self {
        let mut maker = Self {
            set,
            place,
            revision: revision::hash(set).into(),
            leader: Template::of(set.leader.as_ref().unwrap_or(&set.worker)),
            worker: Template::of(&set.worker),
            leader_has_tpus: false,
            volcano,
            sub_group: set
                .sub_group
                .as_ref()
                .and_then(|s| s.size.as_ref())
                .map(|s| s.value),
        };
        maker.leader_has_tpus = tpu::wanted(&maker.leader.spec);
        let labels = &mut maker.leader.labels;
        labels.insert(key("worker-index"), "0");
        labels.insert(key("name"), set.name.value.clone());
        labels.insert(key("template-revision-hash"), maker.revision.clone());
        let mut annotations = std::mem::take(&mut maker.leader.annotations);
        maker.annotate(&mut annotations);
        if set.subdomain.value == Subdomain::UniquePerReplica {
            annotations.insert(key("subdomainPolicy"), "UniquePerReplica");
        }
        maker.leader.annotations = annotations;
        let mut annotations = std::mem::take(&mut maker.worker.annotations);
        maker.annotate(&mut annotations);
        if maker.leader_has_tpus {
            annotations.insert(key("leader-requests-tpus"), "true");
        }
        maker.worker.annotations = annotations;
        let labels = &mut maker.worker.labels;
        labels.insert(key("name"), set.name.value.clone());
        labels.insert(key("template-revision-hash"), maker.revision.clone());
        maker
    }

    /// The annotations of leaders and workers alike.
    fn annotate(&self, annotations: &mut Map) {
        annotations.insert(key("size"), self.set.size.value.to_string());
        let of_set = |name: &str| {
            self.set
                .annotations
                .get(name)
                .and_then(Node::as_str)
                .filter(|v| !v.is_empty())
        };
        annotations.insert_some(EXCLUSIVE, of_set(EXCLUSIVE));
        if let Some(sub_group) = &self.set.sub_group {
            annotations.insert(key("subgroup-policy-type"), sub_group.policy.value.clone());
            annotations.insert_some(key("subgroup-size"), self.sub_group.map(|s| s.to_string()));
            annotations.insert_some(SUBGROUP_EXCLUSIVE, of_set(SUBGROUP_EXCLUSIVE));
        }
    }

    /// The pod webhook reads the subgroup of every pod that asks for TPUs; an excluded leader has none.
    pub fn impossible_leader(&self) -> bool {
        self.leader_has_tpus && self.set.sub_group.as_ref().is_some_and(|s| s.leader_excluded)
    }

    /// Whether the TPU variables that the webhook will inject are wrong.
    pub fn wrong_tpu_variables(&self) -> bool {
        let size = self.set.size.value;
        self.leader_has_tpus
            && self
                .sub_group
                .is_some_and(|s| s > 0 && size % s != 0 && (size - 1) % s == 0)
    }

    /// The leader of a group.
    pub fn leader(&self, group: u32) -> Pod {
        let name = &self.set.name.value;
        let leaders = StatefulSet {
            name,
            service: name,
            labels: &self.leader.labels,
            annotations: &self.leader.annotations,
            spec: &self.leader.spec,
            claims: &self.set.claims,
        };
        let mut pod = leaders.pod(group);
        // What a template presets stays.
        let index = preset(&mut pod.labels, "group-index", || group.to_string());
        let own = pod.name.clone();
        let unique = pod
            .annotations
            .get(&key("subdomainPolicy"))
            .and_then(Node::as_str)
            == Some("UniquePerReplica");
        if unique {
            pod.spec.set("subdomain", own.clone());
        }
        let hash = || self.sha1(&format!("{}/{own}", self.place.namespace));
        let group_key = preset(&mut pod.labels, "group-key", hash);
        if let Some(topology) = text(&pod.annotations, EXCLUSIVE) {
            exclusive(&mut pod.spec, "group-key", &group_key, &topology);
        }
        let excluded = self.set.sub_group.as_ref().is_some_and(|s| s.leader_excluded);
        if self.sub_group.is_some() && !excluded {
            self.sub_grouped(&mut pod, 0, &own);
        }
        self.gang(&mut pod, &index);
        self.variables(&mut pod, 0, &own);
        self.finish(pod, group, 0)
    }

    /// The template of a group's workers, after their leader.
    pub fn worker_template(&self, leader: &str, labels: &Map) -> (Str, Template) {
        let mut template = self.worker.clone();
        for name in ["group-index", "group-key"] {
            template
                .labels
                .insert_some(key(name), labels.get(&key(name)).cloned());
        }
        template.annotations.insert(key("leader-name"), leader);
        if let Some(topology) = text(&self.set.annotations, EXCLUSIVE).filter(|t| !t.is_empty()) {
            // The value is that of the node on which the leader will have been placed.
            template
                .spec
                .map_mut()
                .entry_map("nodeSelector")
                .set(&topology, crate::pods::NODE_LABEL);
        }
        (leader.into(), template)
    }

    /// A worker of a group.
    pub fn worker(&self, group: u32, rank: u32, (leader, template): &(Str, Template)) -> Pod {
        let service = match self.set.subdomain.value {
            Subdomain::Shared => &self.set.name.value,
            Subdomain::UniquePerReplica => leader,
        };
        let workers = StatefulSet {
            name: leader,
            service,
            labels: &template.labels,
            annotations: &template.annotations,
            spec: &template.spec,
            claims: &self.set.claims,
        };
        let mut pod = workers.pod(rank);
        pod.labels.insert(key("worker-index"), rank.to_string());
        if let Some(size) = self.sub_group.filter(|s| *s > 0) {
            let (all, rank) = (self.set.size.value, i64::from(rank));
            let index = if (all - 1) % size == 0 && all % size != 0 {
                (rank - 1) / size
            } else {
                rank / size
            };
            self.sub_grouped(&mut pod, index, leader);
        }
        let index = text(&pod.labels, &key("group-index")).unwrap_or_default();
        self.gang(&mut pod, &index);
        self.variables(&mut pod, rank, leader);
        self.finish(pod, group, rank)
    }

    /// Hashes of names with unknown parts are unknown.
    fn sha1(&self, of: &str) -> String {
        if of.contains('<') {
            "<hash>".to_owned()
        } else {
            sha1(of)
        }
    }

    fn sub_grouped(&self, pod: &mut MadePod, index: i64, leader: &str) {
        if text(&pod.labels, &key("subgroup-index")).is_some_and(|i| !i.is_empty()) {
            return;
        }
        let hash = self.sha1(&format!("{leader}/{index}"));
        pod.labels.insert(key("subgroup-index"), index.to_string());
        pod.labels.insert(key("subgroup-key"), hash.as_str());
        if let Some(topology) = text(&pod.annotations, SUBGROUP_EXCLUSIVE) {
            exclusive(&mut pod.spec, "subgroup-key", &hash, &topology);
        }
    }

    fn gang(&self, pod: &mut MadePod, group: &str) {
        if self.volcano {
            let name = format!("{}-{group}-{}", self.set.name.value, self.revision);
            pod.annotations.insert("scheduling.k8s.io/group-name", name);
        }
    }

    fn variables(&self, pod: &mut MadePod, rank: u32, leader: &str) {
        let subdomain = pod
            .spec
            .get("subdomain")
            .and_then(Node::as_str)
            .unwrap_or_default()
            .to_owned();
        let index = text(&pod.labels, &key("subgroup-index")).and_then(|i| i.parse().ok());
        tpu::inject(
            &mut pod.spec,
            &Seat {
                leader,
                subdomain: &subdomain,
                rank: rank.into(),
                size: self.set.size.value,
                leader_has_tpus: self.leader_has_tpus,
                sub_group: self.sub_group.zip(index),
            },
        );
        let group = text(&pod.labels, &key("group-index")).unwrap_or_default();
        let address = format!(
            "{}-{group}.{subdomain}.{}",
            self.set.name.value, self.place.namespace
        );
        let variables = [
            variable("LWS_LEADER_ADDRESS", address),
            variable("LWS_GROUP_SIZE", self.set.size.value.to_string()),
            variable("LWS_WORKER_INDEX", rank.to_string()),
        ];
        for list in ["containers", "initContainers"] {
            if let Some(containers) = pod.spec.map_mut().get_mut(list) {
                for container in containers.seq_mut() {
                    inject_env(container, &variables, Injected::First);
                }
            }
        }
    }

    fn finish(&self, pod: MadePod, group: u32, rank: u32) -> Pod {
        let member = match (self.set.size.value, rank) {
            (1, _) => "",
            (_, 0) => "leader",
            _ => "worker",
        };
        Pod {
            slice: self.place.slice,
            role: self.place.role.clone(),
            replica: group,
            member: member.into(),
            index: rank,
            name: pod.name,
            generate_name: Some(pod.generate_name),
            labels: pod.labels,
            annotations: pod.annotations,
            spec: pod.spec,
        }
    }
}

fn text(map: &Map, name: &str) -> Option<String> {
    map.get(name).and_then(Node::as_str).map(str::to_owned)
}

/// The label, which becomes `value` unless it is there.
fn preset(labels: &mut Map, name: &str, value: impl FnOnce() -> String) -> String {
    match text(labels, &key(name)) {
        Some(own) => own,
        None => {
            let value = value();
            labels.insert(key(name), value.as_str());
            value
        }
    }
}

/// Affinity to the pods of the same label value and aversion to those of others, unless the pod has terms of both sorts on
/// that topology already.
fn exclusive(spec: &mut Node, label: &str, value: &str, topology: &str) {
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    let has = |spec: &Node, sort: &str| {
        let terms = spec
            .at(&["affinity", sort, REQUIRED])
            .and_then(Node::as_seq)
            .unwrap_or_default();
        terms
            .iter()
            .any(|t| t.get("topologyKey").and_then(Node::as_str) == Some(topology))
    };
    if has(spec, "podAffinity") && has(spec, "podAntiAffinity") {
        return;
    }
    let expression = |operator: &str, values: Option<&str>| -> Node {
        let mut map = Map::from_iter([("key", Node::from(key(label))), ("operator", operator.into())]);
        map.insert_some("values", values.map(|v| vec![Node::from(v)]));
        map.into()
    };
    for (sort, expressions) in [
        ("podAffinity", vec![expression("In", Some(value))]),
        (
            "podAntiAffinity",
            vec![expression("Exists", None), expression("NotIn", Some(value))],
        ),
    ] {
        let selector: Node = Map::from_iter([("matchExpressions", expressions)]).into();
        let term: Node =
            Map::from_iter([("labelSelector", selector), ("topologyKey", topology.into())]).into();
        spec.at_mut(&["affinity", sort, REQUIRED]).seq_mut().push(term);
    }
}
