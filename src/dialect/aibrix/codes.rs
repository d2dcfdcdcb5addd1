//! Codes of the AIBrix dialect.

use super::admission;
use crate::diagnostic::{Code, Severity::Error, Severity::Note, Severity::Warning};

const fn code(
    id: &'static str,
    title: &'static str,
    severity: crate::diagnostic::Severity,
    explanation: &'static str,
) -> Code {
    Code {
        id,
        title,
        severity,
        explanation,
    }
}

/// A name that leaves no room for what is derived from it.
pub const NAME_TOO_LONG: Code = code(
    "INF5100",
    "AIBrix name too long",
    Error,
    "A StormService's name has at most 56 characters, because its RoleSets carry it with a hash in a label; a role's name at most 44, \
     because it ends an annotation's key; both together at most 27 for roles whose replicas have several pods (its webhook's rule), \
     and for other roles what leaves their pods' names at 63 characters or less. Longer names are accepted, and the pods are never \
     made or are cut so that their leader cannot be found.",
);

/// Too many pods in a group.
pub const GROUP_TOO_LARGE: Code = code(
    "INF5101",
    "group of pods too large",
    Error,
    "`podGroupSize` is at most 100: a replica of a role has at most that many pods.",
);

/// A label or annotation that the controllers own.
pub const RESERVED_LABEL: Code = code(
    "INF5102",
    "reserved label in a template",
    Error,
    "The labels `storm-service-name`, `roleset-name`, `role-name`, `role-template-hash`, those under \
     `stormservice.orchestration.aibrix.ai/` and the keys of PodGroups are written by the controllers. On the pods of a group a \
     template's own value wins and cuts the pod off from its Service or gang; on other pods it is overwritten.",
);

/// A variable that the controllers own.
pub const RESERVED_VARIABLE: Code = code(
    "INF5103",
    "reserved environment variable",
    Error,
    "`STORM_SERVICE_NAME`, `ROLESET_NAME`, `ROLESET_INDEX`, `ROLE_NAME`, `ROLE_TEMPLATE_HASH`, `ROLE_REPLICA_INDEX`, and in groups of \
     pods `PODSET_NAME`, `POD_GROUP_INDEX` and `POD_GROUP_SIZE` are injected; a template's own value is dropped. Choose another name.",
);

/// A field of the pod that the controllers set.
pub const OVERWRITTEN: Code = code(
    "INF5104",
    "field is overwritten",
    Warning,
    "The controllers set `hostname` to the pod's name and `subdomain` to the StormService's, whatever the template says.",
);

/// A field that the CRD does not know.
pub const PRUNED: Code = code(
    "INF5105",
    "field is not in AIBrix's pod template",
    Error,
    "AIBrix's CRDs hold the pod template of Kubernetes 1.31; newer fields are cut off when the object is stored.",
);

/// A selector that may meet another one.
pub const SELECTOR_NOT_UNIQUE: Code = code(
    "INF5106",
    "selector may not be unique in the cluster",
    Warning,
    "A StormService finds its RoleSets by labels over all namespaces. Two with equal selectors, wherever they are, take each other's \
     RoleSets for outdated and delete them about every 15 seconds, for ever. The selector is made of namespace and name, and the \
     namespace is not known.\n\nWrite `metadata.namespace`, pass `-n`, or set `targets.aibrix.selector`.",
);

/// A Service of the StormService's name.
pub const SERVICE_CLASH: Code = code(
    "INF5107",
    "Service has the StormService's name",
    Error,
    "The controller makes a headless Service called like the StormService. If another Service has the name, no pod is ever made, \
     without any event.",
);

/// A role under another name.
pub const ROLE_RENAMED: Code = code(
    "INF5108",
    "role is called otherwise",
    Note,
    "AIBrix's gateway pairs pods whose label `role-name` is `prefill` or `decode`, so roles of these phases are called so in the \
     StormService. The label `infer.dev/role` keeps the name of the spec. `roles[].targets.aibrix.name` sets another one.",
);

/// A role that the gateway does not find.
pub const GATEWAY_ROLE: Code = code(
    "INF5109",
    "the gateway does not find the role",
    Error,
    "AIBrix's gateway looks for prefill and decode in roles called `prefill` and `decode`, and role names are unique in a StormService: \
     only one role of each phase gets requests. Several (buckets of prompt lengths, for instance) take several servings of the same \
     model, each with one of both.",
);

/// No name under which the gateway knows the model.
pub const GATEWAY_MODEL: Code = code(
    "INF5110",
    "the gateway does not know the model",
    Warning,
    "AIBrix's gateway finds pods by the label `model.aibrix.ai/name`. The spec names no model, so nothing routes to the engines. \
     Write `model.servedName`.",
);

/// A connector that the gateway cannot serve.
pub const GATEWAY_CONNECTOR: Code = code(
    "INF5111",
    "the gateway does not speak the connector's protocol",
    Warning,
    "For vLLM, AIBrix's gateway hands over from prefill to decode in the way that the NIXL connector understands (its agent is called \
     `shfs`); it has no working agent for others. Use `kvTransfer.connector: nixl`, or `routing.router.type: engine`.",
);

/// Gangs that exclude each other.
pub const GANG_MIX: Code = code(
    "INF5112",
    "gangs at two levels",
    Error,
    "A PodGroup is made for a RoleSet or for a replica of several pods; with both, the pods of the replica point to theirs, and the \
     RoleSet's is never complete. Choose one scope for all roles.",
);

/// What the scheduler of gangs has no field for.
pub const GANG_LOSS: Code = code(
    "INF5113",
    "the gang's scheduler cannot say it",
    Warning,
    "The PodGroups of Volcano, coscheduling and Gödel have different fields: queues are Volcano's, time limits are the other two's, \
     and only Volcano can ask for the pods of some roles. `targets.aibrix.gang.scheduler` chooses.",
);

/// A gang that does not follow scaling.
pub const GANG_SCALING: Code = code(
    "INF5114",
    "the gang does not follow scaling",
    Note,
    "`minMember` is a number in the manifest. For roles that scale it counts the fewest replicas, so that a smaller workload can still \
     be scheduled; replicas beyond that are scheduled one by one.",
);

/// Scaling that the mode does not allow.
pub const SCALING_MODE: Code = code(
    "INF5115",
    "the role cannot scale apart",
    Error,
    "A PodAutoscaler of a role reads the sum of its replicas over all RoleSets and writes it into each, so with several RoleSets it runs \
     away. `targets.aibrix.mode: pooled` makes one RoleSet of all slices, in which roles scale apart; `mode: replica` written out \
     scales whole RoleSets by the metrics of the role, and only one role may ask for it.",
);

/// A metric that the autoscaler cannot read.
pub const SCALING_METRIC: Code = code(
    "INF5116",
    "metric cannot be read",
    Error,
    "A PodAutoscaler reads metrics of pods by HTTP from the engine's port, and use of CPU in thousandths or memory in bytes, not in \
     percent: a target in percent needs a request of the container to be a percentage of. With `strategy: HPA` only whole RoleSets \
     scale.",
);

/// Replacing RoleSets whole.
pub const ROLLING_UPDATE: Code = code(
    "INF5117",
    "RoleSets are replaced whole",
    Warning,
    "With `updateStrategy.type: RollingUpdate` any change, even of a role's `replicas`, replaces whole RoleSets with all their pods. The \
     bounds of the roles' rollouts do not apply, and each step of a role's autoscaler restarts everything. `InPlaceUpdate`, the \
     default here, rolls out the roles that changed.",
);

/// What a RoleSet alone cannot do.
pub const ROLE_SET: Code = code(
    "INF5118",
    "a RoleSet alone cannot do it",
    Error,
    "A RoleSet without a StormService is one slice: it has no replicas, no scale, and nothing that replaces or pauses it. Use \
     `targets.aibrix.workload: StormService`.",
);

/// What the installed version lacks.
pub const VERSION: Code = code(
    "INF5119",
    "not in this version of AIBrix",
    Warning,
    "The version in the Platform document (`spec: {aibrix: {version: …}}`) lacks the field or the behaviour; its CRDs would cut the field \
     off.",
);

/// A version that cannot be read.
pub const BAD_VERSION: Code = code(
    "INF5120",
    "not a version of AIBrix",
    Error,
    "`version` is `v0.7.0`, `0.7`, or `main` for the newest.",
);

/// An in-place update that recreates pods.
pub const IN_PLACE: Code = code(
    "INF5121",
    "pods are made anew all the same",
    Warning,
    "Only pods of roles of one node are updated in place, and only if nothing but images changed; replicas of several pods are made \
     anew. Nodes with zone labels defeat it, too, because Kubernetes 1.35 and later copies those labels to the pods.",
);

/// A topology by affinity.
pub const TOPOLOGY: Code = code(
    "INF5122",
    "topology by pod affinity",
    Note,
    "A RoleSet has one `topologyPolicy` for all its roles, for a RoleSet, a role or the StormService. Where it cannot say what the spec \
     says, the templates get the pod affinity that it would have injected.",
);

/// A dependency that cannot be waited for.
pub const DEPENDENCY: Code = code(
    "INF5123",
    "startup order holds in part",
    Warning,
    "AIBrix starts all roles at once; a role that depends on another waits in an init container for that role's Service. A role without \
     a port has none, and the Service spans all RoleSets, so with several slices the first ready one counts.",
);

/// Slices made into one.
pub const POOLED: Code = code(
    "INF5124",
    "slices are pooled",
    Note,
    "With `mode: pooled` the roles of all slices are in one RoleSet, with as many replicas as all slices have. Prefill and decode of \
     different slices pair with each other.",
);

/// A pause that holds back more.
pub const PAUSED: Code = code(
    "INF5125",
    "all roles are paused",
    Warning,
    "`paused` is a field of the StormService: it holds back changes of all roles.",
);

/// An injected variable where it is not injected.
pub const NOT_INJECTED: Code = code(
    "INF5126",
    "variable is not injected here",
    Error,
    "Init containers of groups of pods get `PODSET_NAME`, `POD_GROUP_INDEX` and `POD_GROUP_SIZE` (from v0.7.0), those of other pods nothing.",
);

/// A disruption budget that does not follow scaling.
pub const BUDGET: Code = code(
    "INF5127",
    "the budget does not follow scaling",
    Note,
    "RoleSets and PodSets have no scale subresource, so a PodDisruptionBudget over their pods works only with `minAvailable` as a number. \
     It is computed from the replicas in the manifest, for roles that scale from the fewest.",
);

/// A version below 0.6 and routing.
pub const ROUTING_HEADER: Code = code(
    "INF5128",
    "requests need a header",
    Warning,
    "This version of the gateway reads no routing strategy from pods. Requests need the header `routing-strategy: pd` for prefill and \
     decode, unless the gateway's own default says so.",
);

/// Two roles of one name.
pub const ROLE_DUPLICATE: Code = code(
    "INF5129",
    "roles of one name",
    Error,
    "Names of roles are unique in a RoleSet, though its CRD does not say so: of two with the same name each deletes the other's pods, for \
     ever. `roles[].targets.aibrix.name` sets names.",
);

/// Ranks that the gateway leaves out.
pub const GATEWAY_RANKS: Code = code(
    "INF5130",
    "the gateway routes to rank 0 only",
    Warning,
    "AIBrix's gateway never picks a pod whose `pod-group-index` is above 0. With load balancing that makes an endpoint of every pod of a \
     replica, the ranks of the other pods get requests through the Service alone. Use `loadBalancing: internal` for the gateway.",
);

/// A Service that reaches more than its slice.
pub const SERVICE_OF_ALL: Code = code(
    "INF5131",
    "a Service reaches all slices",
    Warning,
    "Slices are RoleSets, whose names have random parts, and pods have no other label that tells the slices apart. So a Service of a role \
     selects its pods in all slices, where other targets make one for each slice: a router may send requests to engines of another \
     slice.\n\nLet the router list pods by `$(infer.selector.ROLE)`, which names those of its own slice, or choose lws, grove, rbg or kthena.",
);

/// What only finds RoleSets.
pub const OWN_SELECTOR: Code = code(
    "INF5132",
    "the selector of RoleSets is not needed elsewhere",
    Note,
    "A StormService finds its RoleSets by labels. Workloads of other orchestrators own their pods by reference, so the selector has no \
     counterpart and nothing depends on it; `stateful` of the StormService itself is read by no controller.",
);

/// All codes of the dialect.
pub const CODES: &[&Code] = &[
    &NAME_TOO_LONG,
    &GROUP_TOO_LARGE,
    &RESERVED_LABEL,
    &RESERVED_VARIABLE,
    &OVERWRITTEN,
    &PRUNED,
    &SELECTOR_NOT_UNIQUE,
    &SERVICE_CLASH,
    &ROLE_RENAMED,
    &GATEWAY_ROLE,
    &GATEWAY_MODEL,
    &GATEWAY_CONNECTOR,
    &GANG_MIX,
    &GANG_LOSS,
    &GANG_SCALING,
    &SCALING_MODE,
    &SCALING_METRIC,
    &ROLLING_UPDATE,
    &ROLE_SET,
    &VERSION,
    &BAD_VERSION,
    &IN_PLACE,
    &TOPOLOGY,
    &DEPENDENCY,
    &POOLED,
    &PAUSED,
    &NOT_INJECTED,
    &BUDGET,
    &ROUTING_HEADER,
    &ROLE_DUPLICATE,
    &GATEWAY_RANKS,
    &SERVICE_OF_ALL,
    &OWN_SELECTOR,
    &admission::SCHEMA,
    &admission::WEBHOOK,
    &admission::NO_ROLE_SETS,
    &admission::NO_REPLICAS,
    &admission::SELECTOR_MISSES,
    &admission::SELECTOR_SHARED,
    &admission::POD_NAME,
    &admission::DOUBLED_ROLE,
    &admission::NEGATIVE,
    &admission::IDLE_AUTOSCALER,
    &admission::CACHE,
    &admission::CACHE_IGNORED,
];
