//! What reading and predicting say: INF5500 to INF5549.

use crate::diagnostic::{Code, Severity::Error, Severity::Warning};

/// Dynamo object against its schema.
pub const SCHEMA: Code = Code {
    id: "INF5500",
    title: "Dynamo object against its schema",
    severity: Error,
    explanation: "The API server refuses the object, because a value is missing, of the wrong type, outside its bounds or given twice, \
                  or because it breaks a rule of the CustomResourceDefinition (ai-dynamo/dynamo, operator 1.5).",
};

/// V1alpha1 object that cannot be converted.
pub const CONVERSION: Code = Code {
    id: "INF5501",
    title: "v1alpha1 object that cannot be converted",
    severity: Error,
    explanation: "Objects of v1alpha1 are converted to v1beta1 before they are stored. Some of what their own schema allows stops there: \
                  a mount without `mountPoint`, a claim that is to be created without a size, two containers of one name.",
};

/// Image without a version.
pub const RUNTIME_VERSION: Code = Code {
    id: "INF5502",
    title: "image without a version",
    severity: Error,
    explanation: "The operator must know the version of Dynamo in each component. It reads it from the image's tag, which must be a \
                  whole semantic version (`1.4.0`, `v1.4.0-cuda13`). Tags such as `latest`, `my-tag` or `1.4`, and images by digest \
                  alone, are refused.\n\nSet `runtimeVersionOverride: MAJOR.MINOR.PATCH` on the component, or use a tag that is a \
                  version.",
};

/// Names too long for Grove.
pub const NAME_LENGTH: Code = Code {
    id: "INF5503",
    title: "names too long for Grove",
    severity: Error,
    explanation: "Grove allows 45 characters for the names of the PodCliqueSet, of the scaling group and of the clique together. The \
                  operator shortens the name of the graph if it must, but not those of components: a component of several nodes counts \
                  twice, with `-ldr` or `-wkr`.",
};

/// Endpoint picker.
pub const EPP: Code = Code {
    id: "INF5504",
    title: "endpoint picker",
    severity: Error,
    explanation: "A component of type `epp` has one replica on one node, and needs `eppConfig` with either `configMapRef` or `config`. \
                  In an inline `config` each plugin of a scheduling profile must state its `weight`: the webhook writes null for those \
                  that do not, which the schema refuses. No other type of component has an `eppConfig`, and no graph two of them.",
};

/// Frontend sidecar that is not there.
pub const SIDECAR: Code = Code {
    id: "INF5505",
    title: "frontend sidecar that is not there",
    severity: Error,
    explanation: "`frontendSidecar` names a container of the same pod template, which gets what a frontend needs. Every container but \
                  `main` needs an image.",
};

/// Only with Grove.
pub const GROVE_ONLY: Code = Code {
    id: "INF5506",
    title: "only with Grove",
    severity: Error,
    explanation: "`minAvailable`, `priorityClassName`, `providerOverride`, `forceScalingGroup`, the GPU memory service of mode \
                  `InterPod` and KV transfer by a ClusterTopologyBinding are for graphs that Grove runs. This one becomes Deployments \
                  and LeaderWorkerSets, because of the annotation `nvidia.com/enable-grove: \"false\"` or because the operator does \
                  without Grove.",
};

/// Annotation with a value that the operator does not know.
pub const ANNOTATION: Code = Code {
    id: "INF5507",
    title: "annotation with a value that the operator does not know",
    severity: Error,
    explanation: "The operator checks the values of those annotations that steer it.",
};

/// Topology constraint that does not hold together.
pub const TOPOLOGY: Code = Code {
    id: "INF5508",
    title: "topology constraint that does not hold together",
    severity: Error,
    explanation: "The graph names a ClusterTopologyBinding, and it or its components a domain in it. The binding and the domains must \
                  exist, and a component's domain must not be wider than the graph's.",
};

/// Provider override that Dynamo does not allow.
pub const OVERRIDE: Code = Code {
    id: "INF5509",
    title: "provider override that Dynamo does not allow",
    severity: Error,
    explanation: "`providerOverride` patches what the operator makes for Grove. At present it may hold `topologyConstraint` and nothing \
                  else, at the level of the PodCliqueSet, the clique or the scaling group, and not beside a typed `topologyConstraint`.",
};

/// GPU memory service and failover.
pub const MEMORY_SERVICE: Code = Code {
    id: "INF5510",
    title: "GPU memory service and failover",
    severity: Error,
    explanation: "The GPU memory service is for components that run an engine on GPUs (a limit of `nvidia.com/gpu`), and failover needs \
                  the service in the same mode. Mode `InterPod` needs `backendFramework: vllm`, mode `IntraPod` with failover the \
                  annotation `nvidia.com/dynamo-kube-discovery-mode: container`. `extraClientPods` is reserved.",
};

/// Restart asked for at creation.
pub const RESTART: Code = Code {
    id: "INF5511",
    title: "restart asked for at creation",
    severity: Error,
    explanation: "`spec.restart` asks a running graph to restart. It must not be there when the object is created: an object that was \
                  read from a cluster has to lose it first.",
};

/// Checkpoints are not enabled.
pub const CHECKPOINT: Code = Code {
    id: "INF5512",
    title: "checkpoints are not enabled",
    severity: Error,
    explanation: "Checkpoints are a feature of the operator that is off unless its configuration says otherwise.",
};

/// Elastic expert parallelism without a command.
pub const ELASTIC: Code = Code {
    id: "INF5513",
    title: "elastic expert parallelism without a command",
    severity: Error,
    explanation: "With `--enable-elastic-ep` and `--data-parallel-backend ray` the operator starts Ray in front of the engine. It needs \
                  the container's `command` for that and cannot use the image's entrypoint.",
};

/// KV transfer policy.
pub const KV_TRANSFER: Code = Code {
    id: "INF5514",
    title: "KV transfer policy",
    severity: Error,
    explanation: "The policy names either a label of nodes or a ClusterTopologyBinding, and `preferredWeight` belongs to `enforcement: \
                  preferred` and to nothing else.",
};

/// Engines of a graph.
pub const BACKEND: Code = Code {
    id: "INF5520",
    title: "engines of a graph",
    severity: Error,
    explanation: "The operator finds the engine in the command line (`python3 -m dynamo.vllm`), else in `backendFramework`. Both must \
                  agree, and one graph has one engine. A graph that breaks this is stored and goes to the state `failed`, without pods.",
};

/// Claim that is not created and not there.
pub const CLAIM_MISSING: Code = Code {
    id: "INF5521",
    title: "claim that is not created and not there",
    severity: Error,
    explanation: "A claim of `pvcs` without `create: true` must exist before: without it the whole graph stays in the state `failed` and \
                  no pod is made.",
};

/// Several nodes without Grove or LeaderWorkerSet.
pub const NO_ORCHESTRATOR: Code = Code {
    id: "INF5522",
    title: "several nodes without Grove or LeaderWorkerSet",
    severity: Error,
    explanation: "Without Grove a component of several nodes becomes a LeaderWorkerSet. The operator makes those only if the API groups \
                  of LeaderWorkerSet and of Volcano are there; else the graph goes to the state `failed`.",
};

/// Queue of KAI that is not there.
pub const QUEUE: Code = Code {
    id: "INF5523",
    title: "queue of KAI that is not there",
    severity: Error,
    explanation: "The operator looks for the queue before it makes anything: the one of the annotation `nvidia.com/kai-scheduler-queue`, \
                  or `dynamo`. Without it the graph goes to the state `failed`.",
};

/// Names too long for a label.
pub const LABEL_LENGTH: Code = Code {
    id: "INF5524",
    title: "names too long for a label",
    severity: Error,
    explanation: "The operator labels pods with the graph's and the component's name together (`nvidia.com/selector`), and labels have \
                  63 characters. A longer one is refused by Grove or by Kubernetes after the graph has been stored.",
};

/// LeaderWorkerSet without arguments.
pub const NO_ARGS: Code = Code {
    id: "INF5525",
    title: "LeaderWorkerSet without arguments",
    severity: Error,
    explanation: "The operator makes no LeaderWorkerSet of a component whose main container has no `args` or no command.",
};

/// The operator cannot make the pods.
pub const RENDER: Code = Code {
    id: "INF5526",
    title: "the operator cannot make the pods",
    severity: Error,
    explanation: "The graph is stored, and the operator fails when it composes the pods of a component. Its state shows the reason; no \
                  pods are made.",
};

/// Type of component that is none.
pub const COMPONENT_TYPE: Code = Code {
    id: "INF5527",
    title: "type of component that is none",
    severity: Error,
    explanation: "v1alpha1 takes any word as `componentType`. Without Grove the operator makes a DynamoComponentDeployment of each \
                  component, whose schema knows frontend, worker, prefill, decode, planner and epp, and refuses others: this component \
                  gets no pods. With Grove it runs, as a component without a type.",
};

/// Name that is refused later.
pub const NAME_REFUSED: Code = Code {
    id: "INF5528",
    title: "name that is refused later",
    severity: Error,
    explanation: "The graph is stored, and the objects that the operator makes of it are refused for their names: a dot in a graph's \
                  name with Grove, an underscore or two names that differ in case only in v1alpha1.",
};

/// Field that the API server drops.
pub const FIELD_DROPPED: Code = Code {
    id: "INF5529",
    title: "field that the API server drops",
    severity: Warning,
    explanation: "The CustomResourceDefinition does not have the field. `kubectl` refuses it unless told otherwise; other clients lose \
                  it in silence.",
};

/// Variable that the operator appends as well.
pub const APPENDED_TWICE: Code = Code {
    id: "INF5530",
    title: "variable that the operator appends as well",
    severity: Error,
    explanation: "On components of several nodes the operator appends some variables without looking whether they are there \
                  (`VLLM_NIXL_SIDE_CHANNEL_HOST` for vLLM, `OMPI_MCA_orte_keep_fqdn_hostnames` for TensorRT-LLM). What it then makes is \
                  refused for the doubled name: no pods.\n\nLeave the variable out.",
};

/// Claim that must be there before.
pub const CLAIM_UNKNOWN: Code = Code {
    id: "INF5531",
    title: "claim that must be there before",
    severity: Warning,
    explanation: "The graph does not create the claim, and the input does not have it. If it is not in the namespace, the graph goes to \
                  the state `failed` and no pod is made.",
};

/// Several nodes that do not become one engine.
pub const NO_LAUNCH: Code = Code {
    id: "INF5540",
    title: "several nodes that do not become one engine",
    severity: Warning,
    explanation: "The operator joins the pods of a replica by flags that it adds to the command line: for vLLM if the engine needs more \
                  GPUs than one pod has, as it reads `--tensor-parallel-size N`, `--pipeline-parallel-size N` and `--data-parallel-size \
                  N` in `args`. Short flags, `--flag=N`, flags in `command`, a wrapper script or no GPU limit hide it, and every pod \
                  runs an engine of its own.",
};

/// Argument that the operator's shell changes.
pub const QUOTING: Code = Code {
    id: "INF5541",
    title: "argument that the operator's shell changes",
    severity: Warning,
    explanation: "To compute a worker's rank the operator wraps command and arguments into one shell line, and does not quote all of \
                  them well: `$(NAME)` becomes `\\\\$(NAME)`, a single quote ends the line, and `*`, `;`, `&`, `|`, `<`, `>` and \
                  parentheses are read by the shell. Leader and workers then run different commands.\n\nPut such values into a file or \
                  into the environment.",
};

/// Frontend with arguments and no module.
pub const FRONTEND_ARGS: Code = Code {
    id: "INF5542",
    title: "frontend with arguments and no module",
    severity: Warning,
    explanation: "`args` replace those of the operator, which start with `-m dynamo.frontend`. Alone they become the arguments of \
                  `python3`.\n\nRepeat `-m dynamo.frontend`, or set the options by environment variables (`DYN_ROUTER_MODE`).",
};

/// Topology constraint that has no effect.
pub const TOPOLOGY_IGNORED: Code = Code {
    id: "INF5543",
    title: "topology constraint that has no effect",
    severity: Warning,
    explanation: "Topology constraints are Grove's. Without Grove they are stored and nothing comes of them.",
};

/// ServiceAccount that nobody creates.
pub const STANDALONE: Code = Code {
    id: "INF5544",
    title: "ServiceAccount that nobody creates",
    severity: Warning,
    explanation: "The pods of a DynamoComponentDeployment without a graph name the ServiceAccount `<name>-k8s-service-discovery`, which \
                  only graphs create. Create it, with a Role for endpoints, pods and DynamoWorkerMetadata, or name another in the pod \
                  template.",
};
