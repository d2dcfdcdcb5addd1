//! Codes of the plan: what is wrong with a spec that is spelt right.

use crate::diagnostic::{Code, Severity::Error, Severity::Note, Severity::Warning};

/// A name that cannot be part of object names.
pub const BAD_NAME: Code = Code {
    id: "INF1001",
    title: "not a name",
    severity: Error,
    explanation: "Names of servings, roles and members become parts of the names of pods, Services and host names, so they must be \
                  DNS labels that start with a letter: lower-case letters, digits and `-`, at most 63 characters. Targets leave \
                  less room than that and check their own limits.",
};

/// Two things of one name.
pub const DUPLICATE: Code = Code {
    id: "INF1002",
    title: "duplicate name",
    severity: Error,
    explanation: "Specs of one input have names of their own in a namespace, roles in a spec, members in a role.",
};

/// A reference to a role that is not there.
pub const UNKNOWN_ROLE: Code = Code {
    id: "INF1003",
    title: "unknown role",
    severity: Error,
    explanation: "`dependsOn` and `$(infer.service.ROLE)` name roles of the same spec.",
};

/// Roles that wait for each other.
pub const CYCLE: Code = Code {
    id: "INF1004",
    title: "roles wait for each other",
    severity: Error,
    explanation: "The roles of a cycle in `dependsOn` would wait for each other for ever. The message shows the way round.",
};

/// Prefill without decode, or the other way round.
pub const HALF_DISAGGREGATED: Code = Code {
    id: "INF1005",
    title: "prefill without decode",
    severity: Error,
    explanation: "A prefill role computes KV caches for a decode role, and a decode role waits for them: a spec has both, or \
                  roles of phase `aggregated`.",
};

/// Prefill and decode without a connector.
pub const NO_CONNECTOR: Code = Code {
    id: "INF1006",
    title: "no KV connector",
    severity: Error,
    explanation: "Prefill hands KV caches to decode through a connector, which must be named: `kvTransfer: {connector: nixl}`. Which \
                  connectors an engine has, `explain serving.spec.kvTransfer.connector` lists.",
};

/// Roles that exchange KV caches disagree.
pub const KV_MISMATCH: Code = Code {
    id: "INF1007",
    title: "prefill and decode disagree",
    severity: Error,
    explanation: "KV caches can only move between engines that lay them out alike: same engine, same type and block size of the \
                  cache, same version. Set them once under `spec.engine`, not in the roles.",
};

/// GPUs that do not divide.
pub const GPU_ARITHMETIC: Code = Code {
    id: "INF1008",
    title: "GPUs do not add up",
    severity: Error,
    explanation: "`tensor` × `pipeline` × `data` are the GPUs of one replica. They are spread evenly over its nodes, at most \
                  `accelerator.perNode` on each. With explicit `nodes` the product must divide by it; without, the fewest nodes \
                  that divide evenly are taken.\n\nChange the parallelism, `nodes`, or `accelerator.perNode`.",
};

/// Ports that collide.
pub const PORT_CLASH: Code = Code {
    id: "INF1009",
    title: "ports collide",
    severity: Error,
    explanation: "Two listeners of one pod have the same port: the engine's requests, the KV side channel, a rank's own port, a \
                  port of a container that `podTemplate` adds.",
};

/// Two settings of which one can hold.
pub const CONTRADICTION: Code = Code {
    id: "INF1010",
    title: "settings contradict each other",
    severity: Error,
    explanation: "Two settings exclude each other; the message names both.",
};

/// More pods than any cluster has.
pub const TOO_LARGE: Code = Code {
    id: "INF1011",
    title: "too many pods",
    severity: Error,
    explanation: "Slices × replicas × nodes is more than a million pods, beyond any Kubernetes cluster. Probably a typing error.",
};

/// A URI of a scheme that is not known.
pub const BAD_URI: Code = Code {
    id: "INF1012",
    title: "unknown model URI",
    severity: Error,
    explanation: "Models come from `hf://ORG/NAME`, `pvc://CLAIM/PATH`, `s3://BUCKET/PATH`, `oci://IMAGE[:TAG]` or a path in the \
                  container that starts with `/`.",
};

/// A role from which no container follows.
pub const NO_CONTAINER: Code = Code {
    id: "INF1013",
    title: "nothing to run",
    severity: Error,
    explanation: "A role needs an engine with a model, a `custom` engine with an image, or a pod template with containers; a router \
                  needs roles that it can route to.",
};

/// A `$(infer.…)` reference that is not known.
pub const BAD_REFERENCE: Code = Code {
    id: "INF1014",
    title: "unknown reference",
    severity: Error,
    explanation: "In arguments, environment variables and pod templates, `$(infer.NAME)` asks the target: `infer.leader` (DNS name \
                  of rank 0 of the own replica), `infer.rank` (own rank; `infer.rank*8` times eight), `infer.size` (pods of the \
                  replica), `infer.peers` (names of all its pods, comma-separated), `infer.namespace`, `infer.service.ROLE` (DNS \
                  name of a role's serving pods), `infer.addr.ROLE.REPLICA.RANK` (DNS name of one pod), `infer.selector.ROLE` \
                  (label selector of a role's serving pods).",
};

/// A setting without anything it could apply to.
pub const NO_EFFECT: Code = Code {
    id: "INF1015",
    title: "setting without effect",
    severity: Warning,
    explanation: "Nothing in the spec uses this setting. It is probably in the wrong place, or what it belongs to is missing.",
};

/// Options for another target.
pub const OTHER_TARGET: Code = Code {
    id: "INF1016",
    title: "option of another target",
    severity: Note,
    explanation: "Options and patches under `targets.<dialect>` apply to that dialect only and are not used when another is rendered.",
};

/// A target that does not exist.
pub const UNKNOWN_TARGET: Code = Code {
    id: "INF1017",
    title: "unknown target",
    severity: Error,
    explanation: "`targets` holds options for the dialects that `kubectl infer targets` lists.",
};

/// The target has a router of its own.
pub const OWN_ROUTER: Code = Code {
    id: "INF1018",
    title: "the target routes by its own means",
    severity: Note,
    explanation: "The target joins prefill and decode by a gateway or router of its own, so the engine's router is not deployed and \
                  its settings are not used. `routing.router.type: engine` deploys it all the same.",
};

/// A spec that wants no router.
pub const NO_ROUTER: Code = Code {
    id: "INF1024",
    title: "no router, as asked",
    severity: Note,
    explanation: "With `routing.router.type: none` no router is deployed, and no gateway of the target is told of the engines (AIBrix's \
                  labels, Kthena's ModelServers and ModelRoute). An aggregated role still has the Service of clients. Prefill and \
                  decode have none: what you run in front must find both by the labels `infer.dev/serving` and `infer.dev/role` of \
                  their pods, and send each request to one after the other.",
};

/// A patch that cannot be applied.
pub const BAD_PATCH: Code = Code {
    id: "INF1019",
    title: "patch cannot be applied",
    severity: Error,
    explanation: "`targets.<dialect>.patches` is a list of `{kind, name, patch}`: `patch` is a list of RFC 6902 operations that are \
                  applied to the rendered object of that kind and name. The message says what does not fit.",
};

/// A policy that a single pod does not need.
pub const TRIVIAL: Code = Code {
    id: "INF1020",
    title: "nothing to hold together",
    severity: Note,
    explanation: "The policy is about the pods of a replica, and replicas here have one pod.",
};

/// A startup order in which everybody waits.
pub const WAITS_FOR_EVER: Code = Code {
    id: "INF1021",
    title: "pods of a replica would wait for each other",
    severity: Error,
    explanation: "With `startup.order: leaderFirst` the workers start when the leader is ready. The leader of an engine that spans \
                  nodes is ready when it has loaded the model together with its workers, so neither ever is.\n\nLeave the \
                  order out: the pods of a replica start together and find each other. For a container that is ready before \
                  its workers are there, use an engine of type `custom`, or give the role a `probes.readiness` that says so.",
};

/// An image of a plain engine, where a runtime is needed.
pub const NO_RUNTIME_IMAGE: Code = Code {
    id: "INF1022",
    title: "image without the target's runtime",
    severity: Error,
    explanation: "NVIDIA Dynamo starts engines by Python modules of its own (`dynamo.vllm`, `dynamo.sglang`, `dynamo.trtllm`), which \
                  the images of the plain engines do not contain. The spec names such an image, or one of which nothing is known.\n\n\
                  Name an image of Dynamo's runtime for the target (`targets.dynamo.image`, or `image` under the `targets.dynamo` of \
                  a role); the spec stays what it is for other targets. If the image is one that contains Dynamo, say \
                  `engine.wrapper: dynamo`. An engine of type `custom` is started as it is written.",
};

/// The runtime's image in place of the engine's.
pub const RUNTIME_IMAGE: Code = Code {
    id: "INF1023",
    title: "the target's runtime image is used",
    severity: Note,
    explanation: "The target runs engines in a runtime of its own, from the image that `targets.<target>.image` names (or the official \
                  one, if the spec names no image at all). The image and version of the plain engine are for other targets. Which \
                  version of the engine is inside depends on the runtime's image.",
};

/// All codes of this area.
pub const CODES: &[&Code] = &[
    &BAD_NAME,
    &DUPLICATE,
    &UNKNOWN_ROLE,
    &CYCLE,
    &HALF_DISAGGREGATED,
    &NO_CONNECTOR,
    &KV_MISMATCH,
    &GPU_ARITHMETIC,
    &PORT_CLASH,
    &CONTRADICTION,
    &TOO_LARGE,
    &BAD_URI,
    &NO_CONTAINER,
    &BAD_REFERENCE,
    &NO_EFFECT,
    &OTHER_TARGET,
    &UNKNOWN_TARGET,
    &OWN_ROUTER,
    &NO_ROUTER,
    &BAD_PATCH,
    &TRIVIAL,
    &WAITS_FOR_EVER,
    &NO_RUNTIME_IMAGE,
    &RUNTIME_IMAGE,
];
