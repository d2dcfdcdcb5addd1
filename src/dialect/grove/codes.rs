//! Codes of the Grove dialect.

use crate::diagnostic::{Code, Severity::Error, Severity::Note, Severity::Warning};

/// Names that leave no room for the pods' names.
pub const NAME_BUDGET: Code = Code {
    id: "INF5200",
    title: "names of a PodCliqueSet too long together",
    severity: Error,
    explanation: "The names of the PodCliqueSet, the scaling group (if there is one) and the clique may have 45 characters \
                  together; the rest of a pod's 63 is for indices. The webhook refuses more.\n\nShorten the name of the serving, \
                  of the role or of its members, or give the cliques short names: `roles[].targets.grove.cliques: [{member: \
                  worker, name: w}]`.",
};

/// Two things that need one name.
pub const NAME_CLASH: Code = Code {
    id: "INF5201",
    title: "names of cliques collide",
    severity: Error,
    explanation: "Names of cliques are unique in a PodCliqueSet, and so must be what is made of them: the clique `g-0-w` and the \
                  member `w` of the scaling group `g` are the same PodClique, which Grove shares between the two without a word. A \
                  clique with the name of another role's scaling group shares its autoscaler.",
};

/// A clique whose name ends like another one's.
pub const CLIQUE_SUFFIX: Code = Code {
    id: "INF5202",
    title: "clique found by the end of its name",
    severity: Error,
    explanation: "Grove finds the template of a PodClique by the end of its name, and takes the first clique of the list that \
                  fits: after `worker`, a clique `prefill-worker` gets the pods of `worker`. The compiler lists longer names \
                  first; where the order is fixed (`startupType: InOrder`) or two names fit each other's PodCliques, it cannot.\n\n\
                  Rename a role, or name the clique: `roles[].targets.grove.cliques: [{member: worker, name: w}]`.",
};

/// A Service with the name of a headless one.
pub const SERVICE_CLASH: Code = Code {
    id: "INF5203",
    title: "name of a headless Service",
    severity: Error,
    explanation: "Grove makes a headless Service `<name>-<slice>` for each slice, and with it the DNS names of all pods. A Service \
                  of that name takes it away.",
};

/// A role without replicas.
pub const NO_REPLICAS: Code = Code {
    id: "INF5204",
    title: "cliques and scaling groups have replicas",
    severity: Error,
    explanation: "The webhook turns 0 replicas of a clique into 1 and refuses 0 of a scaling group. Only the whole PodCliqueSet \
                  (`slices: 0`) can be made without pods.\n\nLeave the role out, or scale it to 0 when it is there: `kubectl scale \
                  podclique NAME --replicas 0`.",
};

/// A gang on a scheduler that makes none.
pub const GANG_SCHEDULER: Code = Code {
    id: "INF5205",
    title: "the scheduler makes no gangs",
    severity: Warning,
    explanation: "Grove describes gangs by PodGangs; KAI and Volcano schedule them. The default scheduler takes the pods one by \
                  one.\n\nLeave `schedulerName` out, or choose `kai-scheduler` or `volcano`.",
};

/// Several schedulers in one workload.
pub const SCHEDULER_CONFLICT: Code = Code {
    id: "INF5206",
    title: "several schedulers in one PodCliqueSet",
    severity: Error,
    explanation: "All cliques of a PodCliqueSet have the same scheduler; the webhook refuses two. Set `scheduling.schedulerName` \
                  once, for the whole spec.",
};

/// A scheduler that Grove does not know.
pub const SCHEDULER_UNKNOWN: Code = Code {
    id: "INF5207",
    title: "scheduler that Grove does not run with",
    severity: Error,
    explanation: "`schedulerName` must be a profile that the Grove operator has enabled: of `default-scheduler`, `kai-scheduler`, \
                  `volcano` and `lpx-scheduler`, the first always, the others by its configuration. A Platform document says which: \
                  `spec: {grove: {schedulers: [kai-scheduler]}}`.",
};

/// Several queues in one workload.
pub const QUEUE_CONFLICT: Code = Code {
    id: "INF5208",
    title: "several queues in one PodCliqueSet",
    severity: Error,
    explanation: "A PodCliqueSet is charged to one queue; the webhook refuses two. Set `scheduling.queue` once, for the whole spec.",
};

/// A queue that nobody named.
pub const QUEUE_DEFAULTED: Code = Code {
    id: "INF5209",
    title: "KAI needs a queue",
    severity: Warning,
    explanation: "With KAI as scheduler a PodCliqueSet must name its queue, or the webhook refuses it. The spec names none, so \
                  `default-queue` was written, which KAI's own chart and quick start make. In a cluster without it the pods wait \
                  for ever.\n\nName the queue with `scheduling.queue`, or for all workloads in a Platform document: `spec: {grove: \
                  {queue: NAME}}`.",
};

/// A queue that nobody reads.
pub const QUEUE_UNUSED: Code = Code {
    id: "INF5210",
    title: "the scheduler has no queues",
    severity: Warning,
    explanation: "Queues are KAI's and Volcano's. The scheduler that the spec names has none, so nothing charges the workload to a \
                  queue.",
};

/// What else is in the first gang.
pub const BASE_GANG: Code = Code {
    id: "INF5211",
    title: "the first replicas of all roles are one gang",
    severity: Note,
    explanation: "Grove schedules the first replica of every role of a slice together (the base gang), so that the workload either \
                  can serve or does not start at all. Each further replica is a gang of its own, held back until the containers of \
                  the base gang have started (with startup probes: until those succeed). The base gang can wait for capacity that a \
                  single replica would not need.",
};

/// A gang that scaling may make smaller.
pub const GANG_SCALED: Code = Code {
    id: "INF5212",
    title: "gang and automatic scaling",
    severity: Warning,
    explanation: "The autoscaler may take replicas away that the gang asks for, and Grove refuses a lower bound of scaling below \
                  the size of the gang. So the gang has as many replicas as scaling always leaves.\n\nRaise `scaling.minReplicas` to \
                  the number of replicas, or use `gang: {scope: replica}`.",
};

/// A node label that belongs to no known topology.
pub const TOPOLOGY_UNBOUND: Code = Code {
    id: "INF5213",
    title: "no topology binding known",
    severity: Warning,
    explanation: "Grove packs by the domains of a ClusterTopologyBinding, which the cluster's administrator makes; KAI alone heeds \
                  them. No binding is known that has this node label (or the scheduler is not KAI), so the pods are kept together \
                  by pod affinity, which gang schedulers cannot plan ahead.\n\nSay in a Platform document which bindings there are: \
                  `spec: {grove: {topologies: [{name: grove-topology, levels: [{domain: rack, key: topology.example.com/rack}]}]}}`, \
                  levels from broad to narrow.",
};

/// Constraints that exclude each other.
pub const TOPOLOGY_CONFLICT: Code = Code {
    id: "INF5214",
    title: "topology constraints exclude each other",
    severity: Error,
    explanation: "A PodCliqueSet has one constraint for its slices, all of its constraints name the same ClusterTopologyBinding, and \
                  the domain of a replica is as narrow as that of the slice or narrower. The webhook refuses anything else.",
};

/// Replicas that a slice's constraint does not hold together.
pub const TOPOLOGY_SCALED: Code = Code {
    id: "INF5215",
    title: "replicas outside of the first gang are packed apart",
    severity: Warning,
    explanation: "The constraint of a slice holds for each of its gangs: the base gang is in one domain, and each replica beyond \
                  `minAvailable` is a gang of its own that may be in another one.\n\nWith `gang: {scope: slice}` all replicas are in \
                  the base gang.",
};

/// Pods that wait for each other.
pub const STARTUP_DEADLOCK: Code = Code {
    id: "INF5216",
    title: "workers wait for a leader that waits for them",
    severity: Error,
    explanation: "Grove starts workers when the leader's pod is Ready, and the leader of a multi-node engine is Ready when all \
                  workers have joined. So none would ever start.\n\nUse `startup: {order: parallel}`: engines wait for each other \
                  by themselves.",
};

/// Startup options that do not fit.
pub const STARTUP_OPTIONS: Code = Code {
    id: "INF5217",
    title: "startup order cannot hold",
    severity: Error,
    explanation: "Grove reads `startsAfter` only with the startup type `Explicit`, and refuses names of unknown cliques and cycles. \
                  `dependsOn` and `startup.order` need `Explicit`, which is the default with them.",
};

/// A field that the webhook refuses.
pub const REFUSED_FIELD: Code = Code {
    id: "INF5218",
    title: "field that Grove refuses in pods",
    severity: Error,
    explanation: "The webhook refuses `nodeName` and `topologySpreadConstraints` in a clique, so they are left out: pods may run on \
                  other nodes, and nearer to each other. Constraints that are only wishes (`ScheduleAnyway`) are lost with a \
                  warning.\n\nUse node selectors and affinity \
                  (`scheduling.nodeSelector`, `scheduling.affinity`).",
};

/// A field that the controller overwrites.
pub const OVERWRITTEN_FIELD: Code = Code {
    id: "INF5219",
    title: "field that Grove overwrites in pods",
    severity: Warning,
    explanation: "Grove sets `hostname` and `subdomain` of each pod, which make its DNS name, and `schedulingGates`, which hold it \
                  until its gang is complete. What a template says there is lost without a word.",
};

/// A label that the controller owns.
pub const RESERVED_LABEL: Code = Code {
    id: "INF5220",
    title: "label that Grove owns",
    severity: Warning,
    explanation: "Grove writes `app.kubernetes.io/name`, `component`, `managed-by` and `part-of` and its own labels under \
                  `grove.io/` on each pod, over what a template says. Selectors on such a label would find nothing.\n\nUse another \
                  label.",
};

/// A variable that the controller owns.
pub const RESERVED_ENV: Code = Code {
    id: "INF5221",
    title: "environment variable that Grove owns",
    severity: Error,
    explanation: "Grove injects `GROVE_PCS_NAME`, `GROVE_PCS_INDEX`, `GROVE_PCLQ_NAME`, `GROVE_HEADLESS_SERVICE`, \
                  `GROVE_PCLQ_POD_INDEX` and, in scaling groups, `GROVE_PCSG_NAME`, `GROVE_PCSG_TEMPLATE_NUM_PODS` and \
                  `GROVE_PCSG_INDEX` before the variables of each container, and drops a variable of the same name.\n\nRename it.",
};

/// Metadata of pods that a clique has no place for.
pub const POD_METADATA: Code = Code {
    id: "INF5222",
    title: "metadata that a clique has no place for",
    severity: Warning,
    explanation: "A clique hands labels and annotations to its pods, and nothing else of their metadata.",
};

/// A minimum above the whole.
pub const MIN_AVAILABLE: Code = Code {
    id: "INF5223",
    title: "minAvailable above the replicas",
    severity: Error,
    explanation: "`minAvailable` is how many replicas (or pods of a member) make the gang: at least 1, at most all of them. The \
                  webhook refuses more. It cannot be changed later.",
};

/// Automatic scaling below one.
pub const SCALE_TO_ZERO: Code = Code {
    id: "INF5224",
    title: "scaling to zero",
    severity: Error,
    explanation: "The lower bound of automatic scaling is at least `minAvailable`, and that is at least 1; the webhook refuses less.\n\n\
                  Set `scaling.minReplicas: 1`.",
};

/// A hold that holds everything.
pub const PAUSED_ALL: Code = Code {
    id: "INF5225",
    title: "all roles are held back",
    severity: Warning,
    explanation: "The update strategy is the PodCliqueSet's: with one role paused (`OnDelete`) no role rolls.\n\nPause all of them, \
                  by `rollout` of the spec, or none.",
};

/// Priorities that differ.
pub const PRIORITY: Code = Code {
    id: "INF5226",
    title: "several priorities in one gang",
    severity: Warning,
    explanation: "A gang has one priority, for all its pods: `priorityClassName` of the PodCliqueSet's template. The roles name \
                  different ones, so the gang has none and the pods keep their own.\n\nName it with `targets.grove.priorityClassName`.",
};

/// Options for a member that is not there.
pub const UNKNOWN_MEMBER: Code = Code {
    id: "INF5227",
    title: "options of an unknown member",
    severity: Error,
    explanation: "`roles[].targets.grove.cliques` lists options by `member`: a member that the role has (`leader` and `worker`, or \
                  those of `members`).",
};

/// NVLink over nodes that the operator does not make.
pub const MNNVL: Code = Code {
    id: "INF5228",
    title: "MNNVL is the operator's configuration",
    severity: Warning,
    explanation: "The group is a DNS label, or `none`. Grove makes ComputeDomains for `grove.io/mnnvl-group` only if its configuration says `network.autoMNNVLEnabled: \
                  true`; else the webhook refuses the annotation.\n\nSay so in a Platform document: `spec: {grove: {autoMNNVL: true}}`.",
};

/// Addresses that come too late.
pub const NOT_READY_ADDRESSES: Code = Code {
    id: "INF5229",
    title: "addresses of pods that are not ready",
    severity: Warning,
    explanation: "The pods of a multi-node replica find each other by the headless Service before any of them is ready. With \
                  `publishNotReadyAddresses: false` the names do not resolve until then.",
};

/// A replica of several pods without a group.
pub const NEEDS_GROUP: Code = Code {
    id: "INF5230",
    title: "replicas of several pods need a scaling group",
    severity: Warning,
    explanation: "`scalingGroup: false` makes a role a lone clique, whose replicas are single pods. The role's replicas have several \
                  pods, so it is a scaling group all the same.",
};

/// A delay of nothing.
pub const TERMINATION_DELAY: Code = Code {
    id: "INF5231",
    title: "terminationDelay of nothing",
    severity: Error,
    explanation: "`terminationDelay` is how long a gang may be broken before its pods are made anew; the webhook refuses 0.",
};

/// Shared claims that the webhook refuses.
pub const RESOURCE_SHARING: Code = Code {
    id: "INF5232",
    title: "shared ResourceClaims that Grove refuses",
    severity: Error,
    explanation: "Names of `resourceClaimTemplates` and of each list of `resourceSharing` are unique; a template asks for at least \
                  one device; a shared claim has a `scope`, a `namespace` only if its template is not the PodCliqueSet's own, and a \
                  `filter` (not for a clique) that names cliques or scaling groups of its level.",
};

/// A constraint that the webhook refuses or that nobody heeds.
pub const TOPOLOGY_OPTION: Code = Code {
    id: "INF5233",
    title: "topology constraint that cannot hold",
    severity: Error,
    explanation: "A `topologyConstraint` has `pack.required` or `pack.preferred` (`packDomain` is refused on new objects) and a \
                  `topologyName`, its own or its parent's, the same for all. Volcano and LPX refuse constraints; the default \
                  scheduler does not heed them.",
};

/// Two cliques of one role name.
pub const ROLE_NAME: Code = Code {
    id: "INF5234",
    title: "role name of two cliques",
    severity: Error,
    explanation: "`roleName` is unique among the cliques of a PodCliqueSet; the webhook refuses two of a name (and two without one).",
};

/// What the schema or the decoding webhook refuses.
pub const SCHEMA: Code = Code {
    id: "INF5235",
    title: "not an object of Grove's schema",
    severity: Error,
    explanation: "The API server checks an object against the schema of its CustomResourceDefinition, and Grove's mutating webhook \
                  decodes it before: a value of the wrong type, a word that is not one of the allowed ones, a negative number or \
                  two elements of one key are refused.",
};

/// A set without cliques.
pub const NO_CLIQUES: Code = Code {
    id: "INF5236",
    title: "PodCliqueSet without cliques",
    severity: Error,
    explanation: "A PodCliqueSet has at least one clique. (Grove's webhook crashes over an empty list, which refuses it as well.)",
};

/// A name or label that is none.
pub const METADATA: Code = Code {
    id: "INF5237",
    title: "names and labels that Grove refuses",
    severity: Error,
    explanation: "The webhook checks the names of cliques and scaling groups (DNS subdomains), the labels and annotations of \
                  cliques, and the names of environment variables.",
};

/// Automatic scaling that the webhook refuses.
pub const SCALE_BOUNDS: Code = Code {
    id: "INF5238",
    title: "bounds of automatic scaling",
    severity: Error,
    explanation: "The lower bound of automatic scaling is at least `minAvailable`; the upper bound of a clique is at least the lower \
                  one and the replicas. A member of a scaling group is not scaled by itself: the group has `scaleConfig`.",
};

/// Members of scaling groups that the webhook refuses.
pub const GROUP_MEMBERS: Code = Code {
    id: "INF5239",
    title: "members of scaling groups",
    severity: Error,
    explanation: "A scaling group names cliques of the same PodCliqueSet, and a clique is in one group at most.",
};

/// No queue for KAI.
pub const QUEUE_MISSING: Code = Code {
    id: "INF5240",
    title: "no queue",
    severity: Error,
    explanation: "With KAI as scheduler the label (or annotation) `kai.scheduler/queue` of the PodCliqueSet or of its cliques names \
                  a queue; with Volcano the queue of the annotation `scheduling.grove.io/volcano-queue` (`default` without it) must \
                  exist and be open. The webhook refuses the object otherwise.\n\nWhich Volcano queues there are is told by Queues in \
                  the input, or by a Platform document: `spec: {grove: {queues: [default]}}`.",
};

/// An autoscaler that Kubernetes refuses.
pub const AUTOSCALER_REFUSED: Code = Code {
    id: "INF5241",
    title: "autoscaler that Kubernetes refuses",
    severity: Error,
    explanation: "Grove does not check `maxReplicas` of a scaling group. Below `minReplicas` (or below 1) the API server refuses the \
                  HorizontalPodAutoscaler, Grove stops there, and makes no PodClique and no pod of the whole set. Only its \
                  `status.lastErrors` says so.",
};

/// A headless Service that Kubernetes refuses.
pub const SERVICE_NAME: Code = Code {
    id: "INF5242",
    title: "name that no Service can have",
    severity: Error,
    explanation: "Grove makes a headless Service `<set>-<replica>` before anything else. The name of a Service is a DNS label: with \
                  a dot in the set's name the Service is refused, and no PodClique and no pod is made.",
};

/// A template of a claim that is not there.
pub const CLAIM_TEMPLATE: Code = Code {
    id: "INF5243",
    title: "ResourceClaimTemplate that is not in the input",
    severity: Error,
    explanation: "A shared claim whose name is not one of the PodCliqueSet's own `resourceClaimTemplates` is made from a \
                  ResourceClaimTemplate of the cluster. Without that the claim is not made, and neither are the pods.\n\nAdd the \
                  ResourceClaimTemplate to the input.",
};

/// A child that nobody owns.
pub const UNOWNED: Code = Code {
    id: "INF5244",
    title: "PodClique without a PodCliqueSet",
    severity: Error,
    explanation: "PodCliques and PodCliqueScalingGroups are made by Grove from a PodCliqueSet; what users may do with them is to \
                  scale them. One that no PodCliqueSet owns is stored, and its controller finds no template for its pods.\n\nWrite a \
                  PodCliqueSet.",
};

/// A binding that the webhook refuses.
pub const BINDING: Code = Code {
    id: "INF5245",
    title: "ClusterTopologyBinding that Grove refuses",
    severity: Error,
    explanation: "A ClusterTopologyBinding has at least one level; each has a domain of its own (lower case letters, digits and \
                  dashes) and a node label of its own. `schedulerTopologyBindings` names each scheduler once, and only KAI heeds \
                  topologies.",
};

/// A gang that can never be complete.
pub const GANG_INCOMPLETE: Code = Code {
    id: "INF5246",
    title: "gang that is never complete",
    severity: Error,
    explanation: "Replicas beyond `minAvailable` are gangs of their own, held back by a scheduling gate until the base gang runs. The \
                  base gang asks for more pods of a clique than are made, so they are held back for ever.",
};

/// An order of cliques that are not there.
pub const CLIQUE_ORDER: Code = Code {
    id: "INF5247",
    title: "order of unknown cliques",
    severity: Error,
    explanation: "`targets.grove.cliqueOrder` lists the cliques of the PodCliqueSet by their names. It decides the order in which \
                  they start with `startupType: InOrder`, and which template Grove takes for a name that ends like another one.",
};

/// An order that Grove does not heed.
pub const STARTUP_UNUSED: Code = Code {
    id: "INF5248",
    title: "startup order that Grove does not heed",
    severity: Warning,
    explanation: "Grove reads `startsAfter` only with the startup type `Explicit`. With another one it is stored, and no clique waits \
                  for another by name.\n\nLeave `startupType` out, or `startsAfter`.",
};

/// A part of gang scheduling that the target lacks.
pub const PARTIAL_GANG: Code = Code {
    id: "INF5249",
    title: "gang of a part of the pods",
    severity: Warning,
    explanation: "With `minAvailable` below the replicas, a PodCliqueSet starts when that many are there, and is broken when fewer \
                  are left. Other orchestrators know gangs of all pods, or none.",
};

/// What only keeps an object of Grove as it is.
pub const SPELLING: Code = Code {
    id: "INF5250",
    title: "only Grove's object has this",
    severity: Note,
    explanation: "Names of cliques, their role names and their order in the list matter to a PodCliqueSet and to nothing that runs in \
                  its pods. Another target has no place for them.",
};

/// Devices that pods share.
pub const SHARED_DEVICES: Code = Code {
    id: "INF5251",
    title: "devices that Grove gives to pods",
    severity: Error,
    explanation: "Grove makes ResourceClaims that several pods share, and puts them into each container. On another target the pods \
                  would start without these devices.\n\nMake the ResourceClaim yourself and name it in `resourceClaims` of the pods, \
                  or give each pod a claim of its own by a ResourceClaimTemplate.",
};

/// NVLink over nodes, on another target.
pub const MULTI_NODE_NVLINK: Code = Code {
    id: "INF5252",
    title: "NVLink over nodes is Grove's own",
    severity: Warning,
    explanation: "For `grove.io/mnnvl-group` Grove makes ComputeDomains and gives the GPU pods a claim to them. On another target pods \
                  of different nodes talk by the ordinary network.\n\nMake the ComputeDomain yourself and name its ResourceClaimTemplate \
                  in the pods.",
};

/// A placement that cannot be said elsewhere.
pub const PLACEMENT: Code = Code {
    id: "INF5253",
    title: "topology constraint that stays with Grove",
    severity: Warning,
    explanation: "A constraint of Grove names a domain of a ClusterTopologyBinding, and only the binding says which node label that \
                  is. A role of the language has one constraint, for its replicas, for all of it or for the slice.\n\nAdd the \
                  ClusterTopologyBinding to the input, or list it in a Platform document; or write `scheduling.topology`.",
};

/// Pods that are made anew late, or not.
pub const DELAY: Code = Code {
    id: "INF5254",
    title: "pods made anew after a delay",
    severity: Warning,
    explanation: "Grove makes the pods of a gang anew when it has been broken for `terminationDelay`. Other orchestrators know no such \
                  delay: they restart the failed container alone (`restart: {policy: pod}`) or the whole replica at once.",
};

/// Automatic scaling by metrics without a word.
pub const METRICS: Code = Code {
    id: "INF5255",
    title: "metrics of automatic scaling that the language lacks",
    severity: Warning,
    explanation: "The language knows the use of CPU and memory in percent, and averages of metrics of pods and of the external metrics \
                  API. Other metrics stay under `targets.grove.scaling`, and no other target is scaled by them.",
};

/// Addresses that resolve early or late.
pub const PUBLISHED: Code = Code {
    id: "INF5256",
    title: "when names of pods resolve",
    severity: Note,
    explanation: "`publishNotReadyAddresses` of the headless Services is Grove's. On another target names of pods may resolve before \
                  the pods are ready.",
};

/// All codes of the dialect.
pub const CODES: &[&Code] = &[
    &NAME_BUDGET,
    &NAME_CLASH,
    &CLIQUE_SUFFIX,
    &SERVICE_CLASH,
    &NO_REPLICAS,
    &GANG_SCHEDULER,
    &SCHEDULER_CONFLICT,
    &SCHEDULER_UNKNOWN,
    &QUEUE_CONFLICT,
    &QUEUE_DEFAULTED,
    &QUEUE_UNUSED,
    &BASE_GANG,
    &GANG_SCALED,
    &TOPOLOGY_UNBOUND,
    &TOPOLOGY_CONFLICT,
    &TOPOLOGY_SCALED,
    &STARTUP_DEADLOCK,
    &STARTUP_OPTIONS,
    &REFUSED_FIELD,
    &OVERWRITTEN_FIELD,
    &RESERVED_LABEL,
    &RESERVED_ENV,
    &POD_METADATA,
    &MIN_AVAILABLE,
    &SCALE_TO_ZERO,
    &PAUSED_ALL,
    &PRIORITY,
    &UNKNOWN_MEMBER,
    &MNNVL,
    &NOT_READY_ADDRESSES,
    &NEEDS_GROUP,
    &TERMINATION_DELAY,
    &RESOURCE_SHARING,
    &TOPOLOGY_OPTION,
    &ROLE_NAME,
    &SCHEMA,
    &NO_CLIQUES,
    &METADATA,
    &SCALE_BOUNDS,
    &GROUP_MEMBERS,
    &QUEUE_MISSING,
    &AUTOSCALER_REFUSED,
    &SERVICE_NAME,
    &CLAIM_TEMPLATE,
    &UNOWNED,
    &BINDING,
    &GANG_INCOMPLETE,
    &CLIQUE_ORDER,
    &STARTUP_UNUSED,
    &PARTIAL_GANG,
    &SPELLING,
    &SHARED_DEVICES,
    &MULTI_NODE_NVLINK,
    &PLACEMENT,
    &DELAY,
    &METRICS,
    &PUBLISHED,
];
