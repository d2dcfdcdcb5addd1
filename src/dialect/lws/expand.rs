//! LeaderWorkerSets to pods: what the controller, the StatefulSets that it makes and its pod webhook do, in that order
//! (kubernetes-sigs/lws v0.10).

use super::admit;
use super::children::Children;
use super::codes::{
    EXCLUSIVE_EMPTY, NAME_CLASH, NAME_TOO_LONG, RESERVED_LABEL, SCHEMA, TPU_LEADER, TPU_SUB_GROUPS,
};
use super::options::{GangProvider, Platform};
use super::place::Place;
use super::pod::Maker;
use super::read::{self, EXCLUSIVE, LeaderWorkerSet, PREFIX};
use crate::diagnostic::{Code, Diagnostic, Ledger, Severity};
use crate::dialect::Context;
use crate::pods::scaling::autoscaled;
use crate::pods::stateful_set::MOST_NAME;
use crate::pods::template::{judge, refused_by_workloads};
use crate::pods::{Expansion, Problem, Scene};
use crate::source::Document;
use crate::spec::decode::Decoder;
use crate::value::Node;

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
