//! What rendering says.

use crate::diagnostic::{Code, Severity};

/// Name too long for Dynamo.
pub(in crate::dialect::dynamo) const NAME_TOO_LONG: Code = Code {
    id: "INF5550",
    title: "name too long for Dynamo",
    severity: Severity::Error,
    explanation: "The operator makes names and labels of the graph's name and the component's: the label \
                  `nvidia.com/selector` (`GRAPH-COMPONENT`, at most 63 characters), the PodCliqueSet with its scaling \
                  groups and cliques (45 together, after the operator has cut the graph's name), or a LeaderWorkerSet \
                  with a hash and the StatefulSets of its groups. What is longer is accepted and never becomes pods: \
                  the graph stays in the state `failed` or `pending`.",
};

/// The PodCliqueSet has another name.
pub(in crate::dialect::dynamo) const NAME_CUT: Code = Code {
    id: "INF5551",
    title: "the PodCliqueSet has another name",
    severity: Severity::Note,
    explanation: "The graph's name is longer than Grove's limit leaves room for, so the operator cuts it and adds a \
                  hash. Pods and other objects of Grove then do not begin with the graph's name; the label \
                  `nvidia.com/dynamo-graph-deployment-name` has it whole.",
};

/// Two things want one name.
pub(in crate::dialect::dynamo) const NAME_CLASH: Code = Code {
    id: "INF5552",
    title: "two things want one name",
    severity: Severity::Error,
    explanation: "Components of one graph have names that differ in more than case, and the operator makes a Service \
                  `GRAPH-COMPONENT` for each. An object that the compiler adds must not have the name of one of those.",
};

/// Too many components.
pub(in crate::dialect::dynamo) const TOO_MANY: Code = Code {
    id: "INF5553",
    title: "too many components",
    severity: Severity::Error,
    explanation: "A DynamoGraphDeployment has at most 25 components.",
};

/// Version of the runtime unknown.
pub(in crate::dialect::dynamo) const RUNTIME_VERSION: Code = Code {
    id: "INF5554",
    title: "version of the runtime unknown",
    severity: Severity::Error,
    explanation: "The operator reads the version of Dynamo's runtime from the image's tag, which must be a version \
                  (`1.4.0`, `v1.4.0-cuda13`). For other tags (`latest`, `1.4`, a digest) the webhook wants \
                  `runtimeVersionOverride`.\n\nSet `targets.dynamo.runtimeVersion`, for the serving or for the role.",
};

/// Version of the runtime made up.
pub(in crate::dialect::dynamo) const VERSION_ASSUMED: Code = Code {
    id: "INF5555",
    title: "version of the runtime made up",
    severity: Severity::Note,
    explanation: "The webhook wants a version of Dynamo's runtime for every container whose tag is none, also for one \
                  that does not contain Dynamo. The operator's own version is written; it decides which defaults the \
                  operator applies.",
};

/// Two engines in one graph.
pub(in crate::dialect::dynamo) const FRAMEWORKS: Code = Code {
    id: "INF5556",
    title: "two engines in one graph",
    severity: Severity::Error,
    explanation: "All workers of a DynamoGraphDeployment run the same engine. A graph of two is accepted and ends in \
                  the state `failed`, without pods.\n\nMake two servings of it, or run one of them as a `custom` \
                  engine.",
};

/// The operator would not join the nodes.
pub(in crate::dialect::dynamo) const LAUNCH: Code = Code {
    id: "INF5557",
    title: "the operator would not join the nodes",
    severity: Severity::Error,
    explanation: "For a component of several nodes the operator adds flags to the command line. It finds the place \
                  only in commands that begin with `python`, reads only `--tensor-parallel-size N`, \
                  `--pipeline-parallel-size N` and `--data-parallel-size N` in arguments (not `-tp`, not `--flag=N`), \
                  and counts GPUs only by `nvidia.com/gpu` or a ResourceClaimTemplate. Otherwise each pod starts an \
                  engine of its own, or none.",
};

/// Argument damaged by the operator.
pub(in crate::dialect::dynamo) const QUOTING: Code = Code {
    id: "INF5558",
    title: "argument damaged by the operator",
    severity: Severity::Error,
    explanation: "The operator puts the command line of a component of several nodes into a shell script. An argument \
                  with a single quote breaks the script, `$(NAME)` becomes the text `\\NAME`, and `* ; & | < > (` are \
                  not quoted unless the argument also has a space, a quote, a brace, `!` or `$`.\n\nPut such values \
                  into a file, or into an environment variable that the engine reads.",
};

/// Variable of the operator.
pub(in crate::dialect::dynamo) const RESERVED_ENV: Code = Code {
    id: "INF5559",
    title: "variable of the operator",
    severity: Severity::Error,
    explanation: "The operator appends these variables without looking whether they are there. With two of one name \
                  the pods are refused, and the graph stays in the state `failed` or `pending`.",
};

/// Variable that does not expand.
pub(in crate::dialect::dynamo) const ENV_ORDER: Code = Code {
    id: "INF5560",
    title: "variable that does not expand",
    severity: Severity::Error,
    explanation: "The operator sorts the variables of the main container by name. `$(NAME)` in a value expands only if \
                  `NAME` stands before it, so a variable can refer only to those whose names sort before its own.",
};

/// Two schedulers in one graph.
pub(in crate::dialect::dynamo) const SCHEDULERS: Code = Code {
    id: "INF5561",
    title: "two schedulers in one graph",
    severity: Severity::Error,
    explanation: "All pods of a PodCliqueSet have the same scheduler. A component with another one makes Grove refuse \
                  the whole graph.\n\nSet `scheduling.schedulerName` for the serving, or use `mode: lws`.",
};

/// Old workers are never removed.
pub(in crate::dialect::dynamo) const LEAK: Code = Code {
    id: "INF5562",
    title: "old workers are never removed",
    severity: Severity::Warning,
    explanation: "With `mode: lws` and a component of several nodes, a change of any worker makes new LeaderWorkerSets \
                  and never scales down or deletes the old ones: both generations keep their GPUs until the graph is \
                  deleted (observed with operator 1.5; event RollingUpdateNotSupported).\n\nUse `mode: grove`, or \
                  delete the old DynamoComponentDeployments after each change.",
};

/// Component of several nodes without replicas.
pub(in crate::dialect::dynamo) const ZERO: Code = Code {
    id: "INF5563",
    title: "component of several nodes without replicas",
    severity: Severity::Error,
    explanation: "Grove refuses a scaling group of 0 replicas at creation. The graph is accepted and ends in the state \
                  `failed`.\n\nStart with one replica and scale down, leave the role out, or use `mode: lws`.",
};

/// Mode that the cluster does not have.
pub(in crate::dialect::dynamo) const MODE: Code = Code {
    id: "INF5564",
    title: "mode that the cluster does not have",
    severity: Severity::Error,
    explanation: "The operator hands pods to Grove where it is installed and enabled, else to Deployments and \
                  LeaderWorkerSets, which need the API groups of LeaderWorkerSet and of Volcano. The Platform document \
                  says that the mode is not available there.",
};

/// The Service reaches workers too.
pub(in crate::dialect::dynamo) const WORKERS_SERVED: Code = Code {
    id: "INF5565",
    title: "the Service reaches workers too",
    severity: Severity::Warning,
    explanation: "The leader and the workers of an instance have one pod template, and Grove's own labels do not tell \
                  leaders apart by one value, so a Service selects all of them. Dynamo's own workers are reached \
                  through the frontend and need no Service; a `custom` engine of several nodes does.\n\nLet workers \
                  fail a readiness probe, use `mode: lws`, or the target `grove`.",
};

/// The first gang spans components.
pub(in crate::dialect::dynamo) const BASE_GANG: Code = Code {
    id: "INF5566",
    title: "the first gang spans components",
    severity: Severity::Note,
    explanation: "The first gang of a graph has `minAvailable` replicas (1 by default) of every component; each \
                  further replica of several pods is a gang of its own, each further single pod none.",
};

/// Gang against scaling.
pub(in crate::dialect::dynamo) const MIN_AVAILABLE: Code = Code {
    id: "INF5567",
    title: "gang against scaling",
    severity: Severity::Error,
    explanation: "`minAvailable` cannot be changed later and is at most `replicas`, so a component cannot be scaled \
                  below it.",
};

/// The gang is smaller than the role.
pub(in crate::dialect::dynamo) const GANG_SCALED: Code = Code {
    id: "INF5568",
    title: "the gang is smaller than the role",
    severity: Severity::Warning,
    explanation: "A gang of the whole role would fix its replicas for ever, since `minAvailable` cannot be changed \
                  later. For a role that scales, the gang has its fewest replicas.",
};

/// No gang scheduler.
pub(in crate::dialect::dynamo) const GANG_SCHEDULER: Code = Code {
    id: "INF5569",
    title: "no gang scheduler",
    severity: Severity::Warning,
    explanation: "Grove writes gangs for any scheduler, but only KAI and Volcano heed them. The scheduler that the \
                  spec names starts the pods one by one.",
};

/// Two queues in one graph.
pub(in crate::dialect::dynamo) const QUEUE_CONFLICT: Code = Code {
    id: "INF5570",
    title: "two queues in one graph",
    severity: Severity::Error,
    explanation: "A graph is charged to one queue: an annotation of the DynamoGraphDeployment, or one label of all \
                  pods.",
};

/// Queue made up.
pub(in crate::dialect::dynamo) const QUEUE_DEFAULTED: Code = Code {
    id: "INF5571",
    title: "queue made up",
    severity: Severity::Note,
    explanation: "KAI leaves pods without a queue unscheduled. The spec names none, so the usual `default-queue` is \
                  written.",
};

/// No queue there.
pub(in crate::dialect::dynamo) const QUEUE_UNUSED: Code = Code {
    id: "INF5572",
    title: "no queue there",
    severity: Severity::Warning,
    explanation: "The scheduler of the pods has no queues that a DynamoGraphDeployment can name.",
};

/// Topology by affinity.
pub(in crate::dialect::dynamo) const TOPOLOGY_UNBOUND: Code = Code {
    id: "INF5573",
    title: "topology by affinity",
    severity: Severity::Note,
    explanation: "Topology constraints of a DynamoGraphDeployment name a domain of a ClusterTopologyBinding, need KAI \
                  and `mode: grove`, and must be met. Where the Platform document (`grove.topologies`) lists no \
                  binding with the node label of the spec, or one of the others is missing, pod affinity keeps the \
                  pods together.",
};

/// Option without effect.
pub(in crate::dialect::dynamo) const NO_EFFECT: Code = Code {
    id: "INF5574",
    title: "option without effect",
    severity: Severity::Warning,
    explanation: "The option applies to something that the spec does not have.",
};

/// Only with Grove.
pub(in crate::dialect::dynamo) const GROVE_ONLY: Code = Code {
    id: "INF5575",
    title: "only with Grove",
    severity: Severity::Error,
    explanation: "The webhook refuses this field for graphs whose pods Grove does not run, or the operator ignores \
                  it.\n\nUse `mode: grove`, or leave it out.",
};

/// Label of the operator.
pub(in crate::dialect::dynamo) const RESERVED_LABEL: Code = Code {
    id: "INF5576",
    title: "label of the operator",
    severity: Severity::Warning,
    explanation: "The operator sets these labels of pods itself, over those of the template.",
};

/// Replicas belong to the autoscaler.
pub(in crate::dialect::dynamo) const SCALED: Code = Code {
    id: "INF5577",
    title: "replicas belong to the autoscaler",
    severity: Severity::Note,
    explanation: "A component with a scaling adapter takes its replicas from there: the autoscaler writes them, and \
                  the webhook refuses other changes of `replicas`. The number in the object counts at creation only.",
};

/// The webhook refuses it.
pub(in crate::dialect::dynamo) const REFUSED: Code = Code {
    id: "INF5580",
    title: "refused by Dynamo's webhook",
    severity: Severity::Error,
    explanation: "The operator's webhook refuses components that are put together like that: an endpoint picker is one pod \
                  with an `eppConfig`, at most one of a graph, and no other component has such a configuration; \
                  `frontendSidecar` names a container of the component.",
};

/// The image's entry point does not run.
pub(in crate::dialect::dynamo) const ENTRY_POINT: Code = Code {
    id: "INF5579",
    title: "the image's entry point does not run",
    severity: Severity::Error,
    explanation: "Where the main container of a component has no command, the operator puts its own: `/bin/sh -c` \
                  (`python3` for a frontend), and arguments without a command become its script. What the image would \
                  start by itself never starts.",
};

/// No main container.
pub(in crate::dialect::dynamo) const MAIN: Code = Code {
    id: "INF5578",
    title: "no main container",
    severity: Severity::Error,
    explanation: "The operator completes the container called `main`. The compiler calls the engine's container so, or \
                  the first one of a template that writes its own.",
};
