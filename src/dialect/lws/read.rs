//! LeaderWorkerSets as the API server keeps them: typed, after the defaults of the CRD and of the mutating webhook.

use super::codes::{SCHEMA, UNKNOWN_FIELD};
use crate::diagnostic::{Diagnostic, Ledger};
use crate::dialect::shared::read::Reader;
use crate::kubernetes::int_or_string::IntOrPercent;
use crate::pods::Problem;
use crate::value::{Ids, Map, Node, Str, Traced};

/// What all labels and annotations of the controller begin with.
pub const PREFIX: &str = "leaderworkerset.sigs.k8s.io/";
/// Annotation of a LeaderWorkerSet: a node label whose domains take one group each.
pub const EXCLUSIVE: &str = "leaderworkerset.sigs.k8s.io/exclusive-topology";
/// Annotation of a LeaderWorkerSet: a node label whose domains take one subgroup each.
pub const SUBGROUP_EXCLUSIVE: &str = "leaderworkerset.sigs.k8s.io/subgroup-exclusive-topology";
/// Annotation of a LeaderWorkerSet: the Volcano queue of its gangs.
pub const QUEUE: &str = "scheduling.volcano.sh/queue-name";

/// When workers are made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Startup {
    /// When their leader exists.
    LeaderCreated,
    /// When their leader is ready.
    LeaderReady,
}

/// How pods are named in DNS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subdomain {
    /// One headless Service for all groups.
    Shared,
    /// A headless Service for each group.
    UniquePerReplica,
}

/// Pods of a group that have a domain of their own.
#[derive(Clone, Debug)]
pub struct SubGroup {
    /// Whether the leader stands outside of the subgroups.
    pub leader_excluded: bool,
    /// The policy as it is written.
    pub policy: Traced<Str>,
    /// Pods of a subgroup. The webhook panics without it.
    pub size: Option<Traced<i64>>,
    /// Where the policy is.
    pub ids: Ids,
}

/// `rolloutStrategy.rollingUpdateConfiguration`.
#[derive(Clone, Debug)]
pub struct Rollout {
    /// Groups below it keep the old revision.
    pub partition: Traced<i64>,
    /// Groups that may be missing.
    pub max_unavailable: Traced<IntOrPercent>,
    /// Groups that may be too many.
    pub max_surge: Traced<IntOrPercent>,
}

/// A LeaderWorkerSet.
#[derive(Clone, Debug)]
pub struct LeaderWorkerSet {
    /// Its name.
    pub name: Traced<Str>,
    /// Its labels, which its StatefulSets get too.
    pub labels: Map,
    /// Its annotations, which its StatefulSets get too.
    pub annotations: Map,
    /// Groups.
    pub replicas: Traced<i64>,
    /// Pods of a group.
    pub size: Traced<i64>,
    /// The template of pod 0 of each group; that of the workers if absent.
    pub leader: Option<Node>,
    /// The template of the other pods.
    pub worker: Node,
    /// `restartPolicy` as written. The webhook makes `None` of the deprecated `Default`.
    pub restart: Traced<Str>,
    /// `startupPolicy`.
    pub startup: Traced<Startup>,
    /// `networkConfig.subdomainPolicy`.
    pub subdomain: Traced<Subdomain>,
    /// `subGroupPolicy`.
    pub sub_group: Option<SubGroup>,
    /// `volumeClaimTemplates`.
    pub claims: Vec<Node>,
    /// `persistentVolumeClaimRetentionPolicy`; null if absent.
    pub retention: Node,
    /// `rolloutStrategy`.
    pub rollout: Rollout,
}

const TEMPLATE: &str = "leaderWorkerTemplate";

/// Reads a LeaderWorkerSet. What its schema refuses is in `problems`, and as if it were absent.
pub fn read(root: &Node, problems: &mut Vec<Problem>) -> LeaderWorkerSet {
    let mut reader = Reader::new(root, &SCHEMA, problems);
    let name = reader.name();
    let (labels, annotations) = (
        reader.strings("metadata.labels"),
        reader.strings("metadata.annotations"),
    );
    let nothing = Node::default();
    let spec = reader.get("spec").unwrap_or(&nothing);
    if reader.get("spec").is_none() {
        reader.problem("spec", &SCHEMA, "is missing");
    }
    let mut set = spec_of(&mut reader.below(spec, "spec"));
    set.name = name;
    set.labels = labels;
    set.annotations = annotations;
    set
}

/// Reads a LeaderWorkerSetSpec, as it also stands in the roles of a DisaggregatedSet.
pub fn spec_of(reader: &mut Reader<'_>) -> LeaderWorkerSet {
    let replicas = reader.int("replicas", 0, 1_000_000);
    let size = reader.int32(&format!("{TEMPLATE}.size"));
    let restart = reader.word(
        &format!("{TEMPLATE}.restartPolicy"),
        &[
            "Default",
            "RecreateGroupOnPodRestart",
            "RecreateGroupAfterStart",
            "None",
        ],
    );
    let restart = restart.unwrap_or_else(|| Traced::default_of("RecreateGroupOnPodRestart".into()));
    let startup = reader.word("startupPolicy", &["LeaderCreated", "LeaderReady"]);
    let subdomain = reader.word("networkConfig.subdomainPolicy", &["Shared", "UniquePerReplica"]);
    let worker = template(reader, "workerTemplate");
    if worker
        .as_ref()
        .and_then(|w| w.at(&["spec", "containers"]))
        .is_none_or(Node::is_null)
    {
        reader.problem(
            &format!("{TEMPLATE}.workerTemplate.spec.containers"),
            &SCHEMA,
            "is missing",
        );
    }
    LeaderWorkerSet {
        name: Traced::default(),
        labels: Map::new(),
        annotations: Map::new(),
        replicas: replicas.unwrap_or_else(|| Traced::default_of(1)),
        size: size.unwrap_or_else(|| Traced::default_of(1)),
        leader: template(reader, "leaderTemplate"),
        worker: worker.unwrap_or_default(),
        restart,
        startup: match startup {
            Some(word) if word.value == "LeaderReady" => word.map(|_| Startup::LeaderReady),
            Some(word) => word.map(|_| Startup::LeaderCreated),
            None => Traced::default_of(Startup::LeaderCreated),
        },
        subdomain: match subdomain {
            Some(word) if word.value == "UniquePerReplica" => word.map(|_| Subdomain::UniquePerReplica),
            Some(word) => word.map(|_| Subdomain::Shared),
            None => Traced::default_of(Subdomain::Shared),
        },
        sub_group: sub_group(reader),
        claims: reader.list(&format!("{TEMPLATE}.volumeClaimTemplates")).to_vec(),
        retention: reader
            .get(&format!("{TEMPLATE}.persistentVolumeClaimRetentionPolicy"))
            .cloned()
            .unwrap_or_default(),
        rollout: rollout(reader),
    }
}

fn template(reader: &mut Reader<'_>, key: &str) -> Option<Node> {
    let path = format!("{TEMPLATE}.{key}");
    let node = reader.get(&path)?;
    if node.as_map().is_none() {
        reader.problem(&path, &SCHEMA, "is not a mapping");
        return None;
    }
    Some(node.clone())
}

fn sub_group(reader: &mut Reader<'_>) -> Option<SubGroup> {
    let path = format!("{TEMPLATE}.subGroupPolicy");
    let node = reader.get(&path)?;
    let policy = reader.word(
        &format!("{path}.subGroupPolicyType"),
        &["LeaderWorker", "LeaderExcluded"],
    );
    let policy = policy.unwrap_or_else(|| Traced::default_of("LeaderWorker".into()));
    Some(SubGroup {
        leader_excluded: policy.value == "LeaderExcluded",
        policy,
        size: reader.int32(&format!("{path}.subGroupSize")),
        ids: node.ids.clone(),
    })
}

/// Where the whole object is absent the webhook fills in what the schema does where a part is: 0, 1 and 0.
fn rollout(reader: &mut Reader<'_>) -> Rollout {
    reader.word("rolloutStrategy.type", &["RollingUpdate"]);
    let path = |key: &str| format!("rolloutStrategy.rollingUpdateConfiguration.{key}");
    Rollout {
        partition: reader
            .int32(&path("partition"))
            .unwrap_or_else(|| Traced::default_of(0)),
        max_unavailable: budget(reader, &path("maxUnavailable"), 1),
        max_surge: budget(reader, &path("maxSurge"), 0),
    }
}

fn budget(reader: &mut Reader<'_>, path: &str, default: i64) -> Traced<IntOrPercent> {
    let Some(node) = reader.get(path) else {
        return Traced::default_of(IntOrPercent::Int(default));
    };
    match IntOrPercent::from_node(node) {
        Ok(value) => Traced::new(value, node.ids.clone()),
        Err(reason) => {
            reader.problem(path, &super::codes::BUDGET, format!("cannot be read: {reason}"));
            Traced::default_of(IntOrPercent::Int(default))
        }
    }
}

impl LeaderWorkerSet {
    /// Whether workers wait for their leader to be ready.
    pub fn leader_first(&self) -> bool {
        self.startup.value == Startup::LeaderReady
    }

    /// The restart policy after the webhook.
    pub fn restart_policy(&self) -> &str {
        match self.restart.value.as_str() {
            "Default" => "None",
            policy => policy,
        }
    }
}

/// Names the fields that this version of the CRD does not have: the API server prunes them, kubectl warns.
pub fn unknown_fields(root: &Node, ledger: &mut Ledger) {
    const KNOWN: &[(&[&str], &[&str])] = &[
        (
            &["spec"],
            &[
                "leaderWorkerTemplate",
                "networkConfig",
                "replicas",
                "rolloutStrategy",
                "startupPolicy",
            ],
        ),
        (
            &["spec", "leaderWorkerTemplate"],
            &[
                "leaderTemplate",
                "persistentVolumeClaimRetentionPolicy",
                "restartPolicy",
                "size",
                "subGroupPolicy",
                "volumeClaimTemplates",
                "workerTemplate",
            ],
        ),
        (
            &["spec", "leaderWorkerTemplate", "subGroupPolicy"],
            &["subGroupPolicyType", "subGroupSize"],
        ),
        (&["spec", "networkConfig"], &["subdomainPolicy"]),
        (
            &["spec", "rolloutStrategy"],
            &["rollingUpdateConfiguration", "type"],
        ),
        (
            &["spec", "rolloutStrategy", "rollingUpdateConfiguration"],
            &["maxSurge", "maxUnavailable", "partition"],
        ),
    ];
    for (path, known) in KNOWN {
        for (key, value) in root.at(path).and_then(Node::as_map).into_iter().flatten() {
            if !known.contains(&key.as_str()) {
                let message = format!("LeaderWorkerSet has no field `{}.{key}`", path.join("."));
                let mut said = Diagnostic::new(&UNKNOWN_FIELD, message).at_key(value.ids.first());
                if let Some(meant) = crate::diagnostic::closest(key, known.iter().copied()) {
                    said = said.remedy(format!("did you mean `{meant}`?")).replacement(meant);
                }
                ledger.report(said);
            }
        }
    }
}

/// What the mutating webhook of LeaderWorkerSets does before the schema is asked.
pub fn mutate(object: &mut Node) {
    if object.get("kind").and_then(Node::as_str) != Some("LeaderWorkerSet") {
        return;
    }
    if let Some(spec) = object.get("spec").filter(|s| s.as_map().is_some()) {
        let network = spec.get("networkConfig").and_then(Node::as_map);
        if network.is_some_and(|n| !n.contains_key("subdomainPolicy")) {
            object
                .at_mut(&["spec", "networkConfig"])
                .set("subdomainPolicy", "Shared");
        }
    }
    crate::dialect::shared::amounts_as_text(object);
}
