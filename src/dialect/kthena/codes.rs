//! Codes of the Kthena dialect.

use crate::diagnostic::{Code, Severity::Error, Severity::Note, Severity::Warning};

/// A name that leaves no room for what is derived from it.
pub const NAME_TOO_LONG: Code = Code {
    id: "INF5400",
    title: "ModelServing name too long",
    severity: Error,
    explanation: "Kthena's webhook builds `<serving>-<slices>-<role>-<replicas>-<workers>` for each role and refuses a ModelServing \
                  for which that has more than 63 characters. It counts with the numbers themselves, so scaling up can make a \
                  name too long that was accepted: the check here counts with the largest number that scaling allows.",
};

/// A role name that Kthena has no room for.
pub const ROLE_NAME: Code = Code {
    id: "INF5401",
    title: "not a role name for Kthena",
    severity: Error,
    explanation: "Role names of a ModelServing have at most 12 characters (CRD), are DNS labels that start with a letter, and differ. Pods keep the spec's own name in the label \
                  `infer.dev/role`.\n\nShorten the role's name, or give it another one for this target only: \
                  `roles[].targets.kthena.name`.",
};

/// More roles than a ModelServing takes.
pub const TOO_MANY_ROLES: Code = Code {
    id: "INF5402",
    title: "too many roles for a ModelServing",
    severity: Error,
    explanation: "A ModelServing has at most four roles (CRD), and a gang, a topology and a pairing of prefill and decode exist \
                  only inside one. Split the serving, or choose a target without that limit (grove, rbg, aibrix).",
};

/// A replica whose pods are of more kinds than entry and workers.
pub const MEMBERS: Code = Code {
    id: "INF5403",
    title: "members do not fit entry and workers",
    severity: Error,
    explanation: "A role of a ModelServing has one entry pod and workers of one template. Members fit if the first has one pod \
                  and the others are one kind, or if all are equal.",
};

/// A label, annotation or variable that the controller owns.
pub const RESERVED: Code = Code {
    id: "INF5404",
    title: "reserved by Kthena's controller",
    severity: Error,
    explanation: "Labels under `modelserving.volcano.sh/` in a template win over the controller's own: it then loses its groups, \
                  deletes their PodGroups and makes pods of ordinal -1. The variables GROUP_SIZE, ENTRY_ADDRESS and WORKER_INDEX \
                  of a container are removed and written anew. The annotations `scheduling.k8s.io/group-name` and \
                  `volcano.sh/task-spec` are overwritten.\n\nUse other names; `$(infer.size)`, `$(infer.leader)` and \
                  `$(infer.rank)` give the values on every target.",
};

/// Template metadata that the CRD prunes.
pub const PRUNED: Code = Code {
    id: "INF5405",
    title: "template metadata not carried",
    severity: Warning,
    explanation: "Templates of a ModelServing have labels and annotations in their metadata and nothing else; the API server \
                  removes the rest in silence.",
};

/// Roles that disagree where the ModelServing has one value.
pub const ONE_FOR_ALL: Code = Code {
    id: "INF5406",
    title: "one value for all roles",
    severity: Warning,
    explanation: "A ModelServing has one scheduler, one queue and one recovery policy for all its roles. The value of the first \
                  role that has one is used; for restarts, that of the largest unit.",
};

/// A gang without Volcano.
pub const NO_GANG: Code = Code {
    id: "INF5407",
    title: "no gang without Volcano",
    severity: Warning,
    explanation: "Kthena makes PodGroups only when `schedulerName` is `volcano`; with another scheduler gangs, HyperNode topologies \
                  and queues are ignored in silence.\n\nRemove `scheduling.schedulerName`, or choose another target. Whether \
                  Volcano is installed is said in the Platform: `spec: {kthena: {volcano: none}}`.",
};

/// A gang that is larger than asked for.
pub const GANG_WIDENED: Code = Code {
    id: "INF5408",
    title: "gang is wider than asked for",
    severity: Warning,
    explanation: "A ServingGroup has one PodGroup. Gangs of single replicas are subgroups in it, which Volcano has from 1.14 on; \
                  before, the whole slice starts together or not at all. Roles with a gang of their own share the PodGroup, so \
                  they also wait for each other.",
};

/// A minimum above what there is.
pub const GANG_MINIMUM: Code = Code {
    id: "INF5409",
    title: "gang minimum above the replicas",
    severity: Error,
    explanation: "The webhook refuses a `minRoleReplicas` of a role that is not there, below 0, or above the role's replicas, also when an autoscaler lowers them, and the \
                  value cannot be changed once applied. It must be at most the fewest replicas that scaling allows.",
};

/// A rollout that the strategy cannot do.
pub const ROLLOUT: Code = Code {
    id: "INF5410",
    title: "rollout setting not carried",
    severity: Warning,
    explanation: "Under `ServingGroupRollingUpdate` whole slices are replaced; bounds and partitions of single roles exist only under \
                  `RoleRollingUpdate`. The latter is not possible with `restart: {policy: slice}` (admission refuses \
                  ServingGroupRecreate with it) nor while a role has, or may be scaled to, no replicas.\n\nBounds of slices are \
                  options: `targets.kthena.rollout`.",
};

/// A rollout that admission refuses.
pub const ROLLOUT_FORBIDDEN: Code = Code {
    id: "INF5411",
    title: "rollout refused by admission",
    severity: Error,
    explanation: "Kthena's webhook refuses RoleRollingUpdate with ServingGroupRecreate, with bounds of ServingGroups, and with a role \
                  of no replicas, and a `maxUnavailable` that comes to 0 or, for a role, to more than its replicas; `partition` of a role is only allowed with \
                  RoleRollingUpdate.",
};

/// A bound that had to be changed.
pub const MAX_UNAVAILABLE: Code = Code {
    id: "INF5412",
    title: "maxUnavailable adjusted",
    severity: Warning,
    explanation: "A role's `maxUnavailable` must come to at least 1 and to at most its replicas, at any count that scaling allows; \
                  otherwise admission refuses every later change. Percentages are written as numbers for the same reason: the \
                  scale subresource skips admission, and 25% of three is nothing.",
};

/// A restart with another unit than asked for.
pub const RESTART: Code = Code {
    id: "INF5413",
    title: "more is restarted than asked for",
    severity: Warning,
    explanation: "When a container restarts and its pod is not ready again within `restartGracePeriodSeconds`, Kthena makes all pods \
                  of the replica anew (RoleRecreate) or of the slice (ServingGroupRecreate), by one policy for all roles. Its \
                  policy `None` deletes the pod and never makes it again, so it is not used.\n\nA grace period lets the kubelet \
                  bring the container back: `targets.kthena.restartGracePeriodSeconds`.",
};

/// Ports that one ModelServer cannot name.
pub const PORTS: Code = Code {
    id: "INF5414",
    title: "one port for all roles of a ModelServer",
    severity: Error,
    explanation: "A ModelServer has one `workloadPort`, so prefill and decode must serve on the same port, and of an engine that \
                  serves one port a rank only the first gets requests.",
};

/// A connector that kthena-router does not speak.
pub const CONNECTOR: Code = Code {
    id: "INF5415",
    title: "connector unknown to kthena-router",
    severity: Error,
    explanation: "With vLLM, kthena-router hands requests from prefill to decode as NIXL needs it, as LMCache does with a store that both share, and as vllm-ascend's \
                  Mooncake connector does; vLLM's own Mooncake connector must be told the address of prefill's bootstrap server, \
                  which kthena-router does not do. With SGLang it speaks the bootstrap protocol, whatever carries the caches. \
                  Everything else needs the engine's own router: `routing: {router: {type: engine}}`.",
};

/// An engine that kthena-router does not know.
pub const ENGINE: Code = Code {
    id: "INF5416",
    title: "engine unknown to kthena-router",
    severity: Error,
    explanation: "A ModelServer's `inferenceEngine` is vLLM or SGLang. A serving of another engine with prefill and decode apart needs a \
                  router role (`routing: {router: {type: engine}}`); one of aggregated roles is reached by its Service. An \
                  engine that speaks the protocol of one of the two may be called that: `roles[].targets.kthena.inferenceEngine`.",
};

/// A Gateway that cannot be used.
pub const GATEWAY: Code = Code {
    id: "INF5417",
    title: "gateway setting not carried",
    severity: Warning,
    explanation: "A ModelRoute is bound to a Gateway by `parentRefs` if kthena-router runs with `--enable-gateway-api`; without that \
                  flag it skips routes that name a Gateway, so they are not written. Host names are a matter of the Gateway's \
                  listeners: a ModelRoute has none.\n\nIf your router has the flag, say so in a Platform document: \
                  `spec: {kthena: {gatewayApi: true}}`.",
};

/// A metric that AutoscalingPolicies do not have.
pub const METRIC: Code = Code {
    id: "INF5418",
    title: "metric not available to an AutoscalingPolicy",
    severity: Warning,
    explanation: "AutoscalingPolicies read metrics from the entry pods' own endpoint or by a Prometheus query; they know no CPU or \
                  memory use. An external metric is a query to the Prometheus server that the Platform names: \
                  `spec: {kthena: {prometheus: 'http://…'}}`. A role none of whose metrics can be read is not scaled.",
};

/// A scaling that admission refuses or that cannot work.
pub const SCALING: Code = Code {
    id: "INF5419",
    title: "scaling that cannot work",
    severity: Error,
    explanation: "Kthena's webhook refuses metrics of the same name in a role, targets of 0, a ratio that the bounds exclude, \
                  and a `panicPolicy` without `period`. Roles and slices scaled at once would multiply. A role at 0 replicas has \
                  no pods to read a metric from, so it never comes back by a pod metric.",
};

/// A drain bound written as a number of pods.
pub const BUDGET: Code = Code {
    id: "INF5420",
    title: "drain bound written as a number",
    severity: Note,
    explanation: "For percentages and `maxUnavailable` Kubernetes asks the pods' owner how many there should be. A ModelServing answers \
                  with its slices, not its pods, and the budget would protect nothing. So it is written as `minAvailable` with the \
                  number of pods; for a scaled role it is computed from the fewest replicas.",
};

/// A plugin that is not registered.
pub const PLUGIN: Code = Code {
    id: "INF5421",
    title: "unknown plugin",
    severity: Error,
    explanation: "With an unknown plugin the controller makes no pod at all and says so only in its log. Built in are \
                  `demo-pod-tweaks` and `lws-standard-labels`; name others in the Platform: `spec: {kthena: {plugins: [...]}}`.",
};

/// A role that cannot be waited for.
pub const CANNOT_WAIT: Code = Code {
    id: "INF5422",
    title: "cannot wait for the role",
    severity: Warning,
    explanation: "Startup order is made of init containers that wait for a port. The role named here has no port, or no replica.",
};

/// A role of the workload that kthena-router does not reach.
pub const NOT_ROUTED: Code = Code {
    id: "INF5423",
    title: "not routed by kthena-router",
    severity: Note,
    explanation: "A ModelServer knows vLLM and SGLang only, so no ModelRoute is made for this role; clients reach it by its Service. \
                  `roles[].targets.kthena.inferenceEngine` says what to take the engine for.",
};

/// A target that counts for several slices.
pub const SUMMED: Code = Code {
    id: "INF5424",
    title: "metric target multiplied by the slices",
    severity: Note,
    explanation: "An AutoscalingPolicy sums a metric over the entry pods of all slices and gives every slice the resulting number of \
                  replicas. With several slices the target of one replica is therefore written times the slices; when the \
                  number of slices changes, render again.",
};

/// What the API server refuses by the schema.
pub const SCHEMA: Code = Code {
    id: "INF5425",
    title: "refused by the schema of Kthena's CRD",
    severity: Error,
    explanation: "A required field is missing, a value has another type, is none of the words that are allowed or outside its \
                  bounds, or a list has two elements of one key (two variables of one name in a container, for instance). The API \
                  server refuses the object before Kthena sees it.",
};

/// A name that no pods can be called by.
pub const SERVING_NAME: Code = Code {
    id: "INF5426",
    title: "name that Kthena refuses",
    severity: Error,
    explanation: "Pods and Services are called after the ModelServing, so its name must be a DNS label that starts with a letter: \
                  lower case letters, digits and `-`, no dots.",
};

/// Numbers of replicas that cannot be.
pub const REPLICAS: Code = Code {
    id: "INF5427",
    title: "replicas or workers that cannot be",
    severity: Error,
    explanation: "`replicas` and `workerReplicas` are 0 or more, and a role with workers needs a `workerTemplate`.",
};

/// An image with a blank.
pub const IMAGE: Code = Code {
    id: "INF5428",
    title: "image with a blank",
    severity: Error,
    explanation: "Kthena's webhooks refuse images that are blank or have a blank in them, also in a `workerTemplate` that no worker \
                  uses.",
};

/// A pod name that another workload has.
pub const COLLISION: Code = Code {
    id: "INF5429",
    title: "pod name taken by another ModelServing",
    severity: Error,
    explanation: "Pods are called `<serving>-<group>-<role>-<replica>-<rank>`, so names that contain dashes and numbers can collide: \
                  role `b-0-c` of `x` and role `c` of `x-0-b`. The later pod is never made, and nothing says so.\n\nRename one of the \
                  two.",
};

/// A routing object that admission refuses.
pub const ROUTE: Code = Code {
    id: "INF5430",
    title: "routing object refused by admission",
    severity: Error,
    explanation: "The webhook of kthena-router refuses ModelServers that select by no label, ModelRoutes without model name and \
                  adapters, with no weight at all, with regular expressions that do not compile, or with an adapter at an external \
                  provider, and ExternalModelProviders whose URL or headers could carry credentials elsewhere.",
};

/// A kind that is no more.
pub const REMOVED: Code = Code {
    id: "INF5431",
    title: "kind that Kthena no longer has",
    severity: Error,
    explanation: "AutoscalingPolicyBinding was removed in Kthena 1.0: an AutoscalingPolicy holds its target itself \
                  (`homogeneousTarget`, `heterogeneousTarget` or `disaggregatedTarget`).",
};

/// A field that is dropped.
pub const DROPPED: Code = Code {
    id: "INF5432",
    title: "field dropped by the API server",
    severity: Warning,
    explanation: "The CRD has no such field, and the API server drops it in silence (`kubectl apply` warns, unless told otherwise). \
                  Fields of earlier versions are among them: the flat `networkTopology` and `topologySpreadConstraints` of v0.1, \
                  `maxSurge`.",
};

/// A booster that comes to nothing.
pub const BOOSTER: Code = Code {
    id: "INF5433",
    title: "ModelBooster that Kthena refuses",
    severity: Error,
    explanation: "The webhook refuses workers that do not fit the type of the backend, ports and connectors on which prefill and decode \
                  do not agree, and model paths outside the cache. What it accepts is converted to a ModelServing, which may be \
                  refused in turn (INF5434).",
};

/// A ModelServing that Kthena would make and cannot.
pub const NOT_MADE: Code = Code {
    id: "INF5434",
    title: "ModelServing that cannot be made",
    severity: Error,
    explanation: "Kthena makes a ModelServing of a ModelBooster, and of a LeaderWorkerSet where its adapter runs. The object itself is \
                  accepted; what is made of it is refused (names that become too long, variables that exist twice), or cannot be made \
                  at all. A ModelBooster then has the condition Failed with the reason; a LeaderWorkerSet has nothing, only the \
                  controller's log says why.",
};

/// A ModelServing whose spec is overwritten.
pub const TAKEN_OVER: Code = Code {
    id: "INF5435",
    title: "ModelServing taken over by a LeaderWorkerSet",
    severity: Error,
    explanation: "Where Kthena's adapter runs, a LeaderWorkerSet becomes a ModelServing of its own name. One that is there already is \
                  overwritten without asking whose it is, and every edit of it undone.\n\nRename one of the two. Whether the adapter \
                  runs is said in the Platform: `spec: {kthena: {leaderWorkerSets: true}}`.",
};

/// A ModelServing that another object of the input becomes.
pub const OWNED: Code = Code {
    id: "INF5436",
    title: "ModelServing counted with its owner",
    severity: Note,
    explanation: "The input holds both an object and the ModelServing that Kthena made of it. Its pods are predicted once, as those of \
                  the owner.",
};

/// Settings of a LeaderWorkerSet that the adapter drops.
pub const NOT_ADAPTED: Code = Code {
    id: "INF5437",
    title: "setting of a LeaderWorkerSet that Kthena drops",
    severity: Warning,
    explanation: "Kthena's adapter reads `replicas`, `size` and the two templates of a LeaderWorkerSet. Everything else is dropped \
                  without event or condition, and the variables LWS_LEADER_ADDRESS, LWS_GROUP_SIZE and LWS_WORKER_INDEX do not \
                  exist: their names here are ENTRY_ADDRESS, GROUP_SIZE and WORKER_INDEX.",
};

/// All codes of the dialect.
pub const CODES: &[&Code] = &[
    &NAME_TOO_LONG,
    &ROLE_NAME,
    &TOO_MANY_ROLES,
    &MEMBERS,
    &RESERVED,
    &PRUNED,
    &ONE_FOR_ALL,
    &NO_GANG,
    &GANG_WIDENED,
    &GANG_MINIMUM,
    &ROLLOUT,
    &ROLLOUT_FORBIDDEN,
    &MAX_UNAVAILABLE,
    &RESTART,
    &PORTS,
    &CONNECTOR,
    &ENGINE,
    &GATEWAY,
    &METRIC,
    &SCALING,
    &BUDGET,
    &PLUGIN,
    &CANNOT_WAIT,
    &NOT_ROUTED,
    &SUMMED,
    &SCHEMA,
    &SERVING_NAME,
    &REPLICAS,
    &IMAGE,
    &COLLISION,
    &ROUTE,
    &REMOVED,
    &DROPPED,
    &BOOSTER,
    &NOT_MADE,
    &TAKEN_OVER,
    &OWNED,
    &NOT_ADAPTED,
];
