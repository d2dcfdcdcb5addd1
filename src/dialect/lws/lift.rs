//! LeaderWorkerSets to the language: each is a role; a prefill and a decode set of one stem are one serving.

use super::answers::VARIABLES;
use super::read::{self, EXCLUSIVE, LeaderWorkerSet, PREFIX, QUEUE, Startup, Subdomain};
use crate::dialect::lifting::{
    ApiDefault, Draft, Given, Lifting, Means, Rendezvous, RoleDraft, is_mark, phase_of, role_name, warn,
};
use crate::ir::{ROLE_LABEL, SERVING_LABEL};
use crate::kubernetes::int_or_string::IntOrPercent;
use crate::source::Document;
use crate::spec::role::Phase;
use crate::value::{Map, Node, Reference, Traced};

/// Defaults of the CRD and of the webhook.
pub const DEFAULTS: &[ApiDefault] = &[
    default("spec/replicas", "1"),
    default("spec/leaderWorkerTemplate/size", "1"),
    default(
        "spec/leaderWorkerTemplate/restartPolicy",
        "\"RecreateGroupOnPodRestart\"",
    ),
    default("spec/startupPolicy", "\"LeaderCreated\""),
    default("spec/networkConfig/subdomainPolicy", "\"Shared\""),
    default("spec/rolloutStrategy/type", "\"RollingUpdate\""),
    default("spec/rolloutStrategy/rollingUpdateConfiguration/partition", "0"),
    default(
        "spec/rolloutStrategy/rollingUpdateConfiguration/maxUnavailable",
        "1",
    ),
    default("spec/rolloutStrategy/rollingUpdateConfiguration/maxSurge", "0"),
];

const fn default(path: &'static str, value: &'static str) -> ApiDefault {
    ApiDefault {
        kind: "LeaderWorkerSet",
        path,
        value,
    }
}

/// A LeaderWorkerSet of the input, read.
struct Set<'a> {
    document: &'a Document,
    read: LeaderWorkerSet,
    phase: Phase,
    /// The serving that it is part of and its role there, with where that is said.
    stem: (String, String),
    namespace: String,
}

/// The servings of the input.
pub fn lift(lifting: &mut Lifting<'_, '_>) -> Vec<Draft> {
    let mut sets: Vec<Set<'_>> = Vec::new();
    for document in lifting.scene.documents {
        let text = |key| document.root.get(key).and_then(Node::as_str);
        if text("kind") != Some("LeaderWorkerSet") {
            continue;
        }
        let mut problems = Vec::new();
        let read = read::read(&document.root, &mut problems);
        warn(problems, lifting.cx.ledger);
        let phase = phase_of(&read.name.value, read.leader.as_ref().unwrap_or(&read.worker));
        sets.push(Set {
            stem: stem(&read, phase),
            namespace: lifting.scene.namespace_of(&document.root).to_string(),
            document,
            read,
            phase,
        });
    }
    groups(&sets).into_iter().map(|group| draft(&group)).collect()
}

/// The names of serving and role: as our own labels say, else the name without and with the word for its phase.
fn stem(set: &LeaderWorkerSet, phase: Phase) -> (String, String) {
    if let Some((serving, role)) = ours(set) {
        return (serving.to_owned(), role.to_owned());
    }
    let name = set.name.value.as_str();
    match name.rsplit_once('-') {
        Some((stem, last))
            if !stem.is_empty() && phase_of(last, &Node::default()) == phase && phase != Phase::Other =>
        {
            (stem.to_owned(), last.to_owned())
        }
        _ => (name.to_owned(), "server".to_owned()),
    }
}

/// The names of serving and role in the labels of this compiler, if its pods have them.
fn ours(set: &LeaderWorkerSet) -> Option<(&str, &str)> {
    let label = |key| set.worker.at(&["metadata", "labels", key]).and_then(Node::as_str);
    Some((label(SERVING_LABEL)?, label(ROLE_LABEL)?))
}

/// Sets of one namespace and stem belong together if prefill and decode are among them, or if this compiler made them.
fn groups<'a, 'b>(sets: &'a [Set<'b>]) -> Vec<Vec<&'a Set<'b>>> {
    let mut groups: Vec<Vec<&Set<'_>>> = Vec::new();
    for set in sets {
        let same = |g: &&mut Vec<&Set<'_>>| {
            g[0].stem.0 == set.stem.0
                && g[0].namespace == set.namespace
                && g.iter().all(|other| other.stem.1 != set.stem.1)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(set),
            None => groups.push(vec![set]),
        }
    }
    let together = |g: &Vec<&Set<'_>>| {
        let ours = g.iter().all(|s| ours(&s.read).is_some());
        let has = |phase| g.iter().any(|s| s.phase == phase);
        g.len() == 1 || ours || (has(Phase::Prefill) && has(Phase::Decode))
    };
    let mut apart = Vec::new();
    for group in groups {
        if together(&group) {
            apart.push(group);
        } else {
            apart.extend(group.into_iter().map(|set| vec![set]));
        }
    }
    apart
}

fn draft(group: &[&Set<'_>]) -> Draft {
    let first = group[0];
    let lone = group.len() == 1 && ours(&first.read).is_none();
    let name = match (group, lone) {
        ([set], true) => set.read.name.node(),
        _ => Node::from(first.stem.0.as_str()),
    };
    let mut draft = Draft::new("lws", name, first.document);
    let metadata = draft.serving.at_mut(&["metadata"]);
    for (key, of) in [
        ("labels", labels as fn(&Set<'_>) -> Map),
        ("annotations", annotations),
    ] {
        metadata.map_mut().remove(key);
        let common = in_common(group, of);
        if !common.is_empty() {
            metadata.set(key, common);
        }
    }
    draft.replaces = group.iter().map(|s| s.document.id).collect();
    for set in group {
        let role = if lone {
            "server".to_owned()
        } else {
            set.stem.1.clone()
        };
        let rendered = format!(
            "{}-{role}",
            if lone {
                &set.read.name.value
            } else {
                set.stem.0.as_str()
            }
        );
        let mut made = self::role(set, &role);
        if rendered != set.read.name.value {
            made.option("lws", "name", Some(set.read.name.node()));
        }
        draft.role(made);
    }
    draft
}

/// Labels without those that rendering makes again.
fn labels(set: &Set<'_>) -> Map {
    let mut labels = set.read.labels.clone();
    labels.retain(|key, value| !is_mark(key, value) && !key.starts_with("kueue.x-k8s.io/"));
    labels
}

/// Annotations without those that are policies.
fn annotations(set: &Set<'_>) -> Map {
    let mut annotations = set.read.annotations.clone();
    annotations.retain(|key, _| !key.starts_with(PREFIX) && key != QUEUE);
    annotations
}

/// The entries that all sets have, with the origins of all.
fn in_common(group: &[&Set<'_>], of: fn(&Set<'_>) -> Map) -> Map {
    let mut common = of(group[0]);
    for set in &group[1..] {
        let other = of(set);
        common.retain(|key, value| other.get(key) == Some(value));
        for (key, value) in common.iter_mut() {
            if let Some(same) = other.get(key) {
                value.absorb(same);
            }
        }
    }
    common
}

fn written<T: Clone + Into<Node>>(value: &Traced<T>) -> Option<Node> {
    (!value.ids.is_empty()).then(|| value.node())
}

fn role(set: &Set<'_>, name: &str) -> RoleDraft {
    let LeaderWorkerSet {
        name: set_name,
        labels: _,
        annotations,
        replicas,
        size,
        leader,
        worker,
        restart,
        startup,
        subdomain,
        sub_group,
        claims,
        retention,
        rollout,
    } = &set.read;
    let mut role = RoleDraft::new(role_name(name, &set_name.ids), set.phase);
    role.set(&["replicas"], Some(replicas.node()));
    templates(&mut role, size, leader.as_ref(), worker);
    let (policy, own) = match restart.value.as_str() {
        "None" | "Default" => ("pod", None),
        "RecreateGroupAfterStart" => ("replica", written(restart)),
        _ => ("replica", None),
    };
    // What the language means by saying nothing: one pod restarts its container, several are made anew together.
    if policy != if size.value > 1 { "replica" } else { "pod" } {
        role.set(&["restart", "policy"], Some(Node::derived(policy, &restart.ids)));
    }
    role.option("lws", "restartPolicy", own);
    if startup.value == Startup::LeaderReady {
        role.set(
            &["startup", "order"],
            Some(Node::derived("leaderFirst", &startup.ids)),
        );
    }
    if subdomain.value == Subdomain::UniquePerReplica {
        role.option(
            "lws",
            "subdomainPolicy",
            Some(Node::derived("UniquePerReplica", &subdomain.ids)),
        );
    }
    if let Some(sub) = sub_group.as_ref().filter(|s| !s.leader_excluded) {
        role.option("lws", "subGroupSize", sub.size.as_ref().map(Traced::node));
    }
    if !claims.is_empty() {
        role.set(&["volumeClaimTemplates"], Some(claims.clone()));
    }
    if !retention.is_null() {
        role.option(
            "lws",
            "persistentVolumeClaimRetentionPolicy",
            Some(retention.clone()),
        );
    }
    let policy = |key: &'static str| ["rollout", key];
    role.set(&policy("maxUnavailable"), bound(&rollout.max_unavailable, 1));
    role.set(&policy("maxSurge"), bound(&rollout.max_surge, 0));
    let partition = Some(&rollout.partition).filter(|p| p.value > 0).and_then(written);
    role.set(&policy("partition"), partition);
    scheduling(&mut role, annotations, &set.read.labels);
    role
}

fn bound(value: &Traced<IntOrPercent>, default: i64) -> Option<Node> {
    let node: Node = match &value.value {
        IntOrPercent::Int(n) if *n == default => return None,
        IntOrPercent::Int(n) if *n >= 0 => (*n).into(),
        IntOrPercent::Int(_) => return None,
        IntOrPercent::Percent(n) => format!("{n}%").into(),
    };
    Some(Node::derived(node, &value.ids))
}

fn templates(role: &mut RoleDraft, size: &Traced<i64>, leader: Option<&Node>, worker: &Node) {
    let nodes = Some(size).filter(|s| s.value > 1).and_then(written);
    match leader {
        None => role.template(nodes, worker.clone()),
        Some(leader) if size.value > 1 => {
            role.member("leader", None::<Node>, leader.clone());
            let count = size.map(|n| n - 1).node();
            role.member("worker", Some(count), worker.clone());
        }
        // There are no workers: their template is kept by the residue.
        Some(leader) => role.template(nodes, leader.clone()),
    }
}

fn scheduling(role: &mut RoleDraft, annotations: &Map, labels: &Map) {
    if let Some(key) = annotations.get(EXCLUSIVE) {
        let topology = Map::from_iter([
            ("key", key.clone()),
            ("scope", "replica".into()),
            ("mode", "required".into()),
            ("exclusive", true.into()),
        ]);
        role.set(&["scheduling", "topology"], Some(topology));
    }
    if let Some(queue) = annotations.get(QUEUE) {
        role.set(&["scheduling", "queue"], Some(queue.clone()));
    } else if let Some(queue) = labels.get("kueue.x-k8s.io/queue-name") {
        role.set(&["scheduling", "queue"], Some(queue.clone()));
    }
}

/// What the pod webhook tells every pod.
pub fn rendezvous() -> Rendezvous {
    let given = |name, reference: &Reference| Given {
        name,
        means: Means::Asks(reference.clone()),
    };
    let own = |name, what| Given {
        name,
        means: Means::Own(what),
    };
    Rendezvous {
        variables: VARIABLES.iter().map(|(name, asks)| given(name, asks)).collect(),
        fields: vec![
            given(
                "leaderworkerset.sigs.k8s.io/worker-index",
                &Reference::Rank { times: 1 },
            ),
            given("leaderworkerset.sigs.k8s.io/size", &Reference::Size),
            own(
                "leaderworkerset.sigs.k8s.io/group-index",
                "the number of the group",
            ),
            own(
                "leaderworkerset.sigs.k8s.io/name",
                "the name of the LeaderWorkerSet",
            ),
            own(
                "leaderworkerset.sigs.k8s.io/subgroup-index",
                "the number of the subgroup",
            ),
            own(
                "leaderworkerset.sigs.k8s.io/leader-name",
                "the name of the leader's pod",
            ),
        ],
        composed: Vec::new(),
        direct: false,
    }
}
