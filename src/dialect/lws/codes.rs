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

/// All codes of the dialect.
pub const CODES: &[&Code] = &[
    &NAME_TOO_LONG,
    &NAME_CLASH,
    &GANG_PROVIDER,
    &RESERVED_LABEL,
    &SUB_GROUP,
];
