//! Codes of the LeaderWorkerSet dialect.

use crate::diagnostic::{Code, Severity::Error, Severity::Warning};

/// A name that leaves no room for what is derived from it.
pub const NAME_TOO_LONG: Code = Code {
    id: "INF5001",
    title: "LeaderWorkerSet name too long",
    severity: Error,
    explanation: "Every StatefulSet made for a LeaderWorkerSet carries its name in the label `controller-revision-hash`, which \
                  leaves 52 characters: for the name itself, and with `size` above 1 for the name with the group's number. A \
                  longer name is accepted and its pods are never made.",
};

/// Two names of which one is the other with a number.
pub const NAME_CLASH: Code = Code {
    id: "INF5002",
    title: "names of LeaderWorkerSets collide",
    severity: Error,
    explanation: "The workers of group 0 of `p` are a StatefulSet called `p-0`. A LeaderWorkerSet called `p-0` needs the same \
                  name, and one of the two never gets its pods, without any event.",
};

/// A gang that depends on how the controller runs.
pub const GANG_PROVIDER: Code = Code {
    id: "INF5003",
    title: "gang scheduling is the controller's configuration",
    severity: Warning,
    explanation: "Whether groups are gangs is set for the whole controller (`gangSchedulingManagement.schedulerProvider: volcano` \
                  in its configuration); no manifest can turn it on. The templates name Volcano as scheduler; without the \
                  provider the pods are scheduled one by one.\n\nIf your controller has it, say so in a Platform document: \
                  `spec: {lws: {gangScheduling: volcano}}`, passed with `--platform`.",
};

/// A label that the controller owns.
pub const RESERVED_LABEL: Code = Code {
    id: "INF5004",
    title: "reserved label in a template",
    severity: Error,
    explanation: "Labels and annotations under `leaderworkerset.sigs.k8s.io/` are written by the controller and its webhook. In a \
                  template they give every group the same index or key: leader addresses then name pods that do not exist.",
};

/// A subgroup size that does not divide the group.
pub const SUB_GROUP: Code = Code {
    id: "INF5005",
    title: "subgroups do not divide the group",
    severity: Error,
    explanation: "`subGroupSize` is at most `size`, and `size` or `size - 1` must divide by it.",
};

/// What the schema of the CRD refuses.
pub const SCHEMA: Code = Code {
    id: "INF5006",
    title: "LeaderWorkerSet against its schema",
    severity: Error,
    explanation: "The API server refuses the object, because a value is missing, of the wrong type, outside its bounds or given twice: the \
                  rules are those of the CustomResourceDefinition (kubernetes-sigs/lws v0.10).",
};

/// A name that no Service can have.
pub const NAME: Code = Code {
    id: "INF5007",
    title: "name of a LeaderWorkerSet",
    severity: Error,
    explanation: "The webhook refuses names that are no DNS-1035 labels, because the headless Service is called like the LeaderWorkerSet: at \
                  most 63 lower case letters, digits and '-', with a letter first.",
};

/// A group without pods.
pub const SIZE: Code = Code {
    id: "INF5008",
    title: "size of a group",
    severity: Error,
    explanation: "`size` counts all pods of a group with its leader; the webhook refuses anything below 1.",
};

/// More pods than a number of 32 bits holds.
pub const PRODUCT: Code = Code {
    id: "INF5009",
    title: "too many pods for a LeaderWorkerSet",
    severity: Error,
    explanation: "The webhook refuses a LeaderWorkerSet whose `replicas` times `size` exceed 2147483647.",
};

/// Budgets of a rollout.
pub const BUDGET: Code = Code {
    id: "INF5010",
    title: "rollout budget of a LeaderWorkerSet",
    severity: Error,
    explanation: "The webhook refuses a `partition` below 0, budgets that are neither a count nor a percentage up to 100%, and budgets that \
                  both come to nothing: percentages of `maxUnavailable` are rounded down, those of `maxSurge` up.",
};

/// The annotation without the policy.
pub const SUB_GROUP_ANNOTATION: Code = Code {
    id: "INF5011",
    title: "exclusive subgroups without subgroups",
    severity: Error,
    explanation: "The webhook refuses the annotation `leaderworkerset.sigs.k8s.io/subgroup-exclusive-topology` on a LeaderWorkerSet that has no \
                  `subGroupPolicy`.",
};

/// Workers that wait for nothing.
pub const EXCLUSIVE_EMPTY: Code = Code {
    id: "INF5012",
    title: "exclusive topology without a node label",
    severity: Error,
    explanation: "With the annotation `leaderworkerset.sigs.k8s.io/exclusive-topology`, workers are made when the leader's node is known and has \
                  that label. An empty value names no label: leaders run, workers never come, and nothing says so.\n\nName the label, or \
                  remove the annotation.",
};

/// A leader that its own webhook refuses.
pub const TPU_LEADER: Code = Code {
    id: "INF5013",
    title: "TPUs of a leader outside of the subgroups",
    severity: Error,
    explanation: "The pod webhook computes TPU variables from the subgroup of a pod, and with LeaderExcluded the leader has none: it refuses \
                  every leader that asks for google.com/tpu, and no pod comes of the set.\n\nUse LeaderWorker, or a leader without TPUs.",
};

/// TPU variables that do not fit.
pub const TPU_SUB_GROUPS: Code = Code {
    id: "INF5014",
    title: "TPU variables of uneven subgroups",
    severity: Warning,
    explanation: "Where the leader is an extra pod of the first subgroup (`size - 1` divides by `subGroupSize`, `size` does not) and asks for TPUs, \
                  the webhook injects host lists and worker ids that are shifted: two pods get the same id, one is missing.\n\nChoose a \
                  size that the subgroups divide, or a leader without TPUs and LeaderExcluded.",
};

/// A field that is pruned.
pub const UNKNOWN_FIELD: Code = Code {
    id: "INF5015",
    title: "unknown field of a LeaderWorkerSet",
    severity: Warning,
    explanation: "The CRD of LeaderWorkerSet v0.10 does not have the field, and the API server drops it in silence (kubectl warns). Fields of \
                  later versions (`groupIdentity`, `scheduling`, `maxGroupRestarts`, …) then have no effect.",
};

/// What the schema of DisaggregatedSets refuses.
pub const DISAGGREGATED: Code = Code {
    id: "INF5020",
    title: "DisaggregatedSet against its schema",
    severity: Error,
    explanation: "The API server refuses the object, because a value is missing, of the wrong type, outside its bounds or given twice: the \
                  rules are those of the CustomResourceDefinition (kubernetes-sigs/lws v0.10). Unlike on a LeaderWorkerSet no webhook fills \
                  in what is missing, and quantities must be strings.",
};

/// Replicas of roles that do not go together.
pub const ROLE_REPLICAS: Code = Code {
    id: "INF5021",
    title: "some roles have replicas, others none",
    severity: Error,
    explanation: "A rule of the schema: of the roles that are not scaled from outside, either all have replicas or none has. An absent \
                  `replicas` is 1.\n\nTo scale a single role to 0, give it `scaling: {mode: External}`.",
};

/// Budgets of a role.
pub const ROLE_BUDGET: Code = Code {
    id: "INF5022",
    title: "rollout of a role",
    severity: Error,
    explanation: "The DisaggregatedSet webhook refuses a `partition`, budgets that are neither a count nor a percentage up to 100%, and budgets \
                  that both come to nothing. Where the webhook is off (as in the Helm chart), the role's LeaderWorkerSet is refused later, in \
                  silence.",
};

/// Slices and scalers.
pub const EXTERNAL_SLICES: Code = Code {
    id: "INF5023",
    title: "several slices with a scaled role",
    severity: Error,
    explanation: "The DisaggregatedSet webhook refuses more than one slice while a role has `scaling.mode: External`. Without the webhook each \
                  slice gets the full number of the scaler.",
};

/// Names that derived ones do not fit.
pub const ROLE_NAME: Code = Code {
    id: "INF5024",
    title: "names of a DisaggregatedSet too long",
    severity: Error,
    explanation: "Services are called `<set>-<slice>-<8 digits>-<role>-prv` and have at most 63 characters; the webhook refuses longer names. The \
                  names of StatefulSets leave even less: see INF5001.",
};

/// Placement of slices.
pub const PLACEMENT: Code = Code {
    id: "INF5025",
    title: "placement of slices",
    severity: Error,
    explanation: "The DisaggregatedSet webhook refuses exclusive placement without a `topology`, and together with the annotations for exclusive \
                  groups or subgroups on a role or its templates.",
};

/// A role whose LeaderWorkerSet is refused.
pub const CHILD_REFUSED: Code = Code {
    id: "INF5026",
    title: "the LeaderWorkerSet of a role is refused",
    severity: Error,
    explanation: "The DisaggregatedSet is stored, but the LeaderWorkerSet that its controller makes for the role is refused by the webhook of \
                  LeaderWorkerSets. No event and no condition says so, only the controller's log; other roles may run alone.",
};

/// A scaler that belongs to somebody else.
pub const SCALER_TAKEN: Code = Code {
    id: "INF5027",
    title: "the scaler's name is taken",
    severity: Error,
    explanation: "A role with `scaling.mode: External` gets its replicas from a DisaggregatedSetRoleScaler `<set>-<role>` that the controller \
                  makes. One that exists already is not adopted, and the role stays at 0.\n\nRemove it from the manifests: autoscalers name it, \
                  nobody writes it.",
};

/// Replicas without effect.
pub const EXTERNAL_REPLICAS: Code = Code {
    id: "INF5028",
    title: "replicas of a role that is scaled from outside",
    severity: Warning,
    explanation: "With `scaling.mode: External` the role begins with one replica and follows its DisaggregatedSetRoleScaler; `spec.replicas` is not \
                  read.",
};

/// All codes of the dialect.
pub const CODES: &[&Code] = &[
    &NAME_TOO_LONG,
    &NAME_CLASH,
    &GANG_PROVIDER,
    &RESERVED_LABEL,
    &SUB_GROUP,
    &SCHEMA,
    &NAME,
    &SIZE,
    &PRODUCT,
    &BUDGET,
    &SUB_GROUP_ANNOTATION,
    &EXCLUSIVE_EMPTY,
    &TPU_LEADER,
    &TPU_SUB_GROUPS,
    &UNKNOWN_FIELD,
    &DISAGGREGATED,
    &ROLE_REPLICAS,
    &ROLE_BUDGET,
    &EXTERNAL_SLICES,
    &ROLE_NAME,
    &PLACEMENT,
    &CHILD_REFUSED,
    &SCALER_TAKEN,
    &EXTERNAL_REPLICAS,
];
