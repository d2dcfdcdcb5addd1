//! LeaderWorkerSets to pods: what the controller, the StatefulSets that it makes and its pod webhook do, in that order
//! (kubernetes-sigs/lws v0.10).

use super::admit;
use super::children::Children;
use super::codes::{
    EXCLUSIVE_EMPTY, NAME_CLASH, NAME_TOO_LONG, RESERVED_LABEL, SCHEMA, TPU_LEADER, TPU_SUB_GROUPS,
};
use super::options::{GangProvider, Platform};
use super::read::{self, EXCLUSIVE, LeaderWorkerSet, PREFIX, SUBGROUP_EXCLUSIVE, Startup, Subdomain};
use super::revision;
use super::tpu::{self, Seat};
use crate::diagnostic::{Code, Diagnostic, Ledger, Severity};
use crate::dialect::Context;
use crate::kubernetes::hash::sha1;
use crate::pods::scaling::autoscaled;
use crate::pods::stateful_set::{MOST_NAME, MadePod, StatefulSet};
use crate::pods::template::{judge, refused_by_workloads};
use crate::pods::{Expansion, Injected, Pod, Problem, Scene, inject_env, variable};
use crate::source::Document;
use crate::spec::decode::Decoder;
use crate::value::{Ids, Map, Node, Str};

/// Expands a LeaderWorkerSet of the input.
pub fn expand(document: &Document, scene: &Scene<'_>, cx: &mut Context<'_>) -> Expansion {
    let (mut expansion, mut problems) = (Expansion::default(), Vec::new());
    let mut set = read::read(&document.root, &mut problems);
    read::unknown_fields(&document.root, cx.ledger);
    let namespace = scene.namespace_of(&document.root);
    set.replicas = autoscaled(
        scene,
        "LeaderWorkerSet",
        &set.name.value,
        &namespace,
        set.replicas,
    );
    let place = Place {
        slice: 0,
        role: set.name.value.clone(),
        namespace,
        ids: document.root.ids.clone(),
    };
    let mut fate = admitted(&set, problems, &place, &mut expansion, cx.ledger);
    fate.leaders &= !collisions(&set, document, scene, &mut expansion, cx.ledger);
    pods(&set, &place, fate, scene, &mut expansion, cx);
    expansion
}

/// Which pods can come.
#[derive(Clone, Copy, Debug)]
pub struct Fate {
    /// Leaders, and with them everything.
    pub leaders: bool,
    /// Workers.
    pub workers: bool,
}

/// Where the pods of a set stand in the lattice, and where to report what has no place of its own.
#[derive(Clone, Debug)]
pub struct Place {
    /// The slice.
    pub slice: u32,
    /// The role.
    pub role: Str,
    /// The namespace.
    pub namespace: Str,
    /// The object in the input.
    pub ids: Ids,
}

/// Reports what admission refuses, and what Kubernetes refuses of the templates later.
fn admitted(
    set: &LeaderWorkerSet,
    mut problems: Vec<Problem>,
    place: &Place,
    expansion: &mut Expansion,
    ledger: &mut Ledger,
) -> Fate {
    problems.extend(admit::admit(set));
    let mut templates = templates(set, place, &SCHEMA, ledger);
    problems.append(&mut templates.schema);
    let leaders = problems.is_empty();
    expansion.reject_all(problems, ledger);
    let mut fate = late(set, templates, expansion, ledger);
    fate.leaders &= leaders;
    fate
}

/// What is wrong with the templates of a set.
pub struct Templates {
    /// What the schema refuses.
    pub schema: Vec<Problem>,
    /// Quantities that only a set's own webhook makes acceptable.
    pub floats: Vec<Problem>,
    /// What Kubernetes refuses of the template of leaders.
    leader: Vec<Problem>,
    /// What Kubernetes refuses of the template of workers.
    worker: Vec<Problem>,
}

/// Judges the templates of a set.
pub fn templates(
    set: &LeaderWorkerSet,
    place: &Place,
    schema: &'static Code,
    ledger: &mut Ledger,
) -> Templates {
    let mut all = Templates {
        schema: Vec::new(),
        floats: Vec::new(),
        leader: Vec::new(),
        worker: Vec::new(),
    };
    let leader = set.leader.as_ref().map(|template| (template, true));
    let worker = (&set.worker, set.leader.is_none());
    for (template, leads) in leader.into_iter().chain([worker]) {
        if template.as_map().is_none() {
            continue;
        }
        let judgement = judge(template, &set.claims, schema, &place.ids);
        all.schema.extend(judgement.schema);
        all.floats.extend(judgement.floats);
        judgement
            .warnings
            .into_iter()
            .for_each(|said| ledger.report(said));
        let late = if leads { &mut all.leader } else { &mut all.worker };
        late.extend(judgement.pod.into_iter().chain(refused_by_workloads(template)));
        for (key, node) in admit::reserved(template, PREFIX) {
            let message = format!("`{key}` in a template belongs to the controller");
            let said = Diagnostic::new(&RESERVED_LABEL, message).at_ids(&node.ids);
            ledger.report(said.severity(Severity::Warning));
        }
    }
    all
}

/// What becomes of a set whose templates Kubernetes refuses.
pub fn late(
    set: &LeaderWorkerSet,
    templates: Templates,
    expansion: &mut Expansion,
    ledger: &mut Ledger,
) -> Fate {
    let fate = Fate {
        leaders: templates.leader.is_empty(),
        workers: templates.worker.is_empty(),
    };
    for problem in templates.leader {
        expansion.dead_end(problem.code, problem.reason, &problem.ids, ledger);
    }
    for problem in templates.worker.into_iter().filter(|_| set.size.value > 1) {
        expansion.incomplete(problem.code, problem.reason, &problem.ids, ledger);
    }
    fate
}

/// Whether an object of the same input has the name of the StatefulSet of leaders.
fn collisions(
    set: &LeaderWorkerSet,
    document: &Document,
    scene: &Scene<'_>,
    expansion: &mut Expansion,
    ledger: &mut Ledger,
) -> bool {
    let mut found = false;
    let namespace = scene.namespace_of(&document.root);
    let name_of = |d: &Document| {
        d.root
            .at(&["metadata", "name"])
            .and_then(Node::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let own = set.name.value.as_str();
    if scene
        .of_kind("StatefulSet", &namespace)
        .any(|d| name_of(d) == own)
    {
        let reason = format!("a StatefulSet called `{own}` is in the way of the leaders'");
        expansion.dead_end(&NAME_CLASH, reason, &set.name.ids, ledger);
        found = true;
    }
    // Those that come first in the input are made first and keep the name.
    let earlier = scene
        .of_kind("LeaderWorkerSet", &namespace)
        .take_while(|d| d.id != document.id);
    for other in earlier {
        let name = name_of(other);
        let size = other
            .root
            .at(&["spec", "leaderWorkerTemplate", "size"])
            .and_then(Node::as_int);
        if size.unwrap_or(1) > 1 && group_of(own, &name).is_some() {
            let reason = format!(
                "`{own}` is also the name of a StatefulSet of workers of `{name}`, which was there first"
            );
            expansion.dead_end(&NAME_CLASH, reason, &set.name.ids, ledger);
            found = true;
        }
    }
    found
}

/// The groups whose worker StatefulSet has the name of an earlier LeaderWorkerSet.
fn taken(set: &LeaderWorkerSet, place: &Place, scene: &Scene<'_>) -> Vec<u32> {
    let others = scene.of_kind("LeaderWorkerSet", &place.namespace);
    let before = others.take_while(|d| place.ids.first() != d.root.ids.first());
    let names = before.filter_map(|d| d.root.at(&["metadata", "name"])?.as_str());
    names.filter_map(|name| group_of(name, &set.name.value)).collect()
}

/// The number in `name`, if it is `set` and a number.
fn group_of(name: &str, set: &str) -> Option<u32> {
    let digits = name.strip_prefix(set)?.strip_prefix('-')?;
    digits.parse().ok().filter(|n: &u32| n.to_string() == digits)
}

/// Makes the pods and child objects, as far as nothing stands in the way.
pub fn pods(
    set: &LeaderWorkerSet,
    place: &Place,
    fate: Fate,
    scene: &Scene<'_>,
    expansion: &mut Expansion,
    cx: &mut Context<'_>,
) {
    let (groups, size) = (to_u32(set.replicas.value), to_u32(set.size.value));
    let templates = [set.leader.as_ref().unwrap_or(&set.worker), &set.worker];
    let count = u64::from(groups) * u64::from(size);
    if !fate.leaders || !expansion.affordable(count, &templates, &place.ids, cx.ledger) {
        return;
    }
    let mut decoder = Decoder {
        sources: cx.sources,
        ledger: cx.ledger,
    };
    let platform: Platform = cx.platform.section("lws", &mut decoder);
    let volcano = platform
        .gang_scheduling
        .is_some_and(|p| p.value == GangProvider::Volcano);
    let maker = Maker::new(set, place, volcano);
    let fate = limits(set, &maker, place, fate, expansion, cx.ledger);
    let blocked = if size > 1 {
        taken(set, place, scene)
    } else {
        Vec::new()
    };
    let children = Children::new(set, place, &maker.revision, volcano, scene);
    expansion.children.extend(children.of_set());
    for group in (0..groups).take_while(|_| fate.leaders) {
        let leader = maker.leader(group);
        expansion.children.extend(children.of_leader(group, &leader));
        let workers = (fate.workers && size > 1 && !blocked.contains(&group)).then(|| {
            expansion.children.extend(children.workers(group, &leader));
            maker.worker_template(&leader.name, &leader.labels)
        });
        expansion.pods.push(leader);
        if let Some(template) = workers {
            expansion
                .pods
                .extend((1..size).map(|rank| maker.worker(group, rank, &template)));
        }
    }
    if let Some(group) = blocked.iter().find(|g| **g < groups) {
        let reason = format!(
            "`{}-{group}` is already the name of another LeaderWorkerSet: group {group} gets no workers",
            set.name.value
        );
        expansion.incomplete(&NAME_CLASH, reason, &set.name.ids, cx.ledger);
    }
}

/// Dead ends of names and annotations.
fn limits(
    set: &LeaderWorkerSet,
    maker: &Maker<'_>,
    place: &Place,
    fate: Fate,
    expansion: &mut Expansion,
    ledger: &mut Ledger,
) -> Fate {
    let name = &set.name;
    let (none, leaders) = (
        Fate {
            leaders: false,
            ..fate
        },
        Fate {
            workers: false,
            ..fate
        },
    );
    if set.replicas.value == 0 {
        return none;
    }
    if name.value.len() > MOST_NAME {
        let reason = format!(
            "the name has {} characters, the most that leave room for the revision label of its pods are {MOST_NAME}",
            name.value.len()
        );
        expansion.dead_end(&NAME_TOO_LONG, reason, &name.ids, ledger);
        return none;
    }
    if maker.impossible_leader() {
        let reason =
            "the leader asks for TPUs and stands outside of the subgroups: the pod webhook refuses it";
        let ids = set.sub_group.as_ref().map_or(&place.ids, |s| &s.ids);
        expansion.dead_end(&TPU_LEADER, reason, ids, ledger);
        return none;
    }
    if set.size.value <= 1 {
        return fate;
    }
    let longest = name.value.len() + 1 + (set.replicas.value - 1).to_string().len();
    if longest > MOST_NAME {
        let reason = format!(
            "the StatefulSets of workers have names of up to {longest} characters; more than {MOST_NAME} leave no room for the \
             revision label: leaders run without workers"
        );
        expansion.incomplete(&NAME_TOO_LONG, reason, &name.ids, ledger);
        return leaders;
    }
    if let Some(empty) = set.annotations.get(EXCLUSIVE).filter(|v| v.as_str() == Some("")) {
        let reason =
            format!("`{EXCLUSIVE}` is empty: workers wait for a node label without a name, for ever");
        expansion.incomplete(&EXCLUSIVE_EMPTY, reason, &empty.ids, ledger);
        return leaders;
    }
    if let Some(sub_group) = set.sub_group.as_ref().filter(|_| maker.wrong_tpu_variables()) {
        let message =
            "the TPU variables of this group are wrong: the leader is an extra pod of the first subgroup";
        ledger.report(Diagnostic::new(&TPU_SUB_GROUPS, message).at_ids(&sub_group.ids));
    }
    fate
}

fn to_u32(n: i64) -> u32 {
    u32::try_from(n.max(0)).unwrap_or(u32::MAX)
}

/// A template without memory of where it came from, taken apart.
#[derive(Clone, Debug, Default)]
struct Template {
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
struct Maker<'a> {
    set: &'a LeaderWorkerSet,
    place: &'a Place,
    revision: Str,
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
    fn new(set: &'a LeaderWorkerSet, place: &'a Place, volcano: bool) -> Self {
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
    fn impossible_leader(&self) -> bool {
        self.leader_has_tpus && self.set.sub_group.as_ref().is_some_and(|s| s.leader_excluded)
    }

    fn wrong_tpu_variables(&self) -> bool {
        let size = self.set.size.value;
        self.leader_has_tpus
            && self
                .sub_group
                .is_some_and(|s| s > 0 && size % s != 0 && (size - 1) % s == 0)
    }

    fn leader(&self, group: u32) -> Pod {
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
    fn worker_template(&self, leader: &str, labels: &Map) -> (Str, Template) {
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

    fn worker(&self, group: u32, rank: u32, (leader, template): &(Str, Template)) -> Pod {
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

/// Whether workers wait for their leader to be ready.
pub fn leader_first(set: &LeaderWorkerSet) -> bool {
    set.startup.value == Startup::LeaderReady
}
