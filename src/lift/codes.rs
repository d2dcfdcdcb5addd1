//! Codes of lifting and migration.

use crate::diagnostic::{Code, Severity};

/// Something that only the source dialect has.
pub const NOT_CARRIED: Code = Code {
    id: "INF4201",
    title: "only the source has this",
    severity: Severity::Warning,
    explanation: "The object says something for which the language has no word, because only its own orchestrator has it. A lifted spec keeps it \
                  under `targets.<dialect>`, as an option or as a patch, and rendering to the same target gives it back; on other targets nothing \
                  does what it says.\n\nDecide whether the workload needs it. If it does, look for the target's own means: `kubectl infer \
                  explain targets.TARGET`.",
};

/// A name that only the source's controllers set.
pub const OWN_NAME: Code = Code {
    id: "INF4202",
    title: "a process uses a name that only the source sets",
    severity: Severity::Error,
    explanation: "A command line, a script or a variable of the workload uses a variable or label that the source's controllers set and that no \
                  other orchestrator has. The process would start with an empty value on the target.\n\nLeader address, rank, size and namespace \
                  are translated; this is none of them. Change the process to use one of those, set the variable in the template, or migrate \
                  without it by `--force` if the process can do without.",
};

/// A companion that cannot follow.
pub const COMPANION: Code = Code {
    id: "INF4203",
    title: "a companion object cannot follow the workload",
    severity: Severity::Error,
    explanation: "The input holds an object that selects the workload's pods by labels, or refers to it by kind and name, and nothing on the target \
                  is selected by the same means: no set of labels that the target's pods have selects exactly the pods that were selected before.\n\n\
                  The object is left out. Write one for the target's objects; `kubectl infer pods -t TARGET -o json` shows their labels.",
};

/// A companion that was changed to follow.
pub const FOLLOWED: Code = Code {
    id: "INF4204",
    title: "a companion object follows the workload",
    severity: Severity::Note,
    explanation: "An object beside the workload selected its pods by labels of the source's controllers, or referred to it by kind and name. It was \
                  changed to select the same pods, or to refer to the same workload, on the target; the predicted pods prove that it does.",
};

/// An object of the source that no target has.
pub const FOREIGN: Code = Code {
    id: "INF4205",
    title: "an object of the source's own",
    severity: Severity::Warning,
    explanation: "The input holds an object of a kind that only the source's orchestrator knows and that is no workload: a route, a policy, an \
                  autoscaler. The target's cluster would refuse it or do nothing with it, so it is left out. What it says has to be said by the \
                  target's own means: `routing`, `scaling` and `targets` of the lifted spec.",
};

/// Nothing to migrate.
pub const NO_WORKLOAD: Code = Code {
    id: "INF4206",
    title: "no workload to lift",
    severity: Severity::Error,
    explanation: "None of the documents is a workload of an orchestrator that this build reads. `kubectl infer targets` lists their kinds.",
};

/// A spec that lifting cannot render back.
pub const NOT_RENDERED: Code = Code {
    id: "INF4207",
    title: "an object that its own spec does not give back",
    severity: Severity::Warning,
    explanation: "The lifted spec, rendered to the dialect that it came from, lacks an object of the input, so nothing of that object can be kept as \
                  patches. What the spec does not say of it is named beside this.",
};

/// A change of the command line that cannot be made.
pub const BAD_CHANGE: Code = Code {
    id: "INF4208",
    title: "a change that cannot be made",
    severity: Severity::Error,
    explanation: "`--set PATH=VALUE` puts a value into every lifted spec before it is rendered: print them with `kubectl infer lift` to see the \
                  paths. `--name NAME` names the one serving of the input.",
};

/// An address that is another one on the target.
pub const RESOLVED: Code = Code {
    id: "INF4219",
    title: "an address is resolved anew",
    severity: Severity::Note,
    explanation: "A command line or variable names a pod or Service of the source by its DNS name. Names are formed in another way on the target, so the \
                  name of the same pod there stands in its place.",
};

/// A move that this build cannot make.
pub const NOT_BUILT: Code = Code {
    id: "INF4209",
    title: "a move that is not built",
    severity: Severity::Error,
    explanation: "Some orchestrators run engines inside processes of their own, which find each other by the orchestrator's own discovery. Containers \
                  of other workloads do not work under them as they are, nor theirs elsewhere, and this build does not translate the two.\n\nWrite \
                  a spec instead (`kubectl infer init`) and render it for the target.",
};

/// All codes of this area.
pub const CODES: &[&Code] = &[
    &RESOLVED,
    &NOT_CARRIED,
    &OWN_NAME,
    &COMPANION,
    &FOLLOWED,
    &FOREIGN,
    &NO_WORKLOAD,
    &NOT_RENDERED,
    &BAD_CHANGE,
    &NOT_BUILT,
];
