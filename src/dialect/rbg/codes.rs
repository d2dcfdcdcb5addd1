//! Codes of the RoleBasedGroup dialect.

use super::verdicts;
use crate::diagnostic::{Code, Severity::Error, Severity::Note, Severity::Warning};

/// A name that leaves no room for what is derived from it.
pub const NAME_TOO_LONG: Code = Code {
    id: "INF5300",
    title: "RoleBasedGroup and role name too long",
    severity: Error,
    explanation: "Each instance of a role carries the label `controller-revision-hash` with the value `<group>-<role>-<hash>`, which \
                  leaves 52 characters for `<group>-<role>`, and the label `role-revision-<role>`, which leaves 49 for the role. \
                  Longer names are accepted; the RoleInstanceSet and its Service are made, the instances never. With slices the \
                  group is called `<serving>-<slice>`. Stateless roles may take 61 characters.",
};

/// Two roles whose pods get the same name.
pub const NAME_CLASH: Code = Code {
    id: "INF5301",
    title: "names of pods collide",
    severity: Error,
    explanation: "The pods of instance 0 of a role `a` with several pods are called `<group>-a-0-…`, and so are the pods of a role \
                  called `a-0`. One of the two never gets its pods.",
};

/// A Service with a name that the controller needs.
pub const SERVICE_NAME: Code = Code {
    id: "INF5302",
    title: "Service of the controller's name",
    severity: Error,
    explanation: "The controller makes a headless Service `s-<group>-<role>` for each role. A headless Service of that name is taken \
                  over and its selector replaced; one with a cluster IP makes every reconciliation of the group fail, although the \
                  pods run.",
};

/// A label or annotation that the controller owns.
pub const RESERVED: Code = Code {
    id: "INF5303",
    title: "reserved key",
    severity: Error,
    explanation: "Labels of pods under `rbg.workloads.x-k8s.io/`, `controller-revision-hash` and `statefulset.kubernetes.io/pod-name` \
                  are the controller's: a template's own value is overwritten, silently. The annotation `role-workload-type` \
                  switches to deprecated workloads, for which names, variables and addresses are others than those written here.",
};

/// Something of a template that the controller replaces.
pub const OVERWRITTEN: Code = Code {
    id: "INF5304",
    title: "overwritten by the controller",
    severity: Warning,
    explanation: "The controller sets `hostname` and `subdomain` of pods and the variables RBG_GROUP_NAME, RBG_ROLE_NAME, \
                  RBG_ROLE_INDEX, RBG_ROLE_INSTANCE_NAME, RBG_COMPONENT_NAME, RBG_COMPONENT_INDEX and, for leader and workers, \
                  RBG_LWP_LEADER_ADDRESS, RBG_LWP_WORKER_INDEX and RBG_LWP_GROUP_SIZE: a template's own are dropped. A volume \
                  called `rbg-cluster-config` is kept, and the discovery configuration is then not mounted.",
};

/// A key of the API's first version.
pub const OLD_PREFIX: Code = Code {
    id: "INF5305",
    title: "key without effect",
    severity: Warning,
    explanation: "Keys under `rolebasedgroup.workloads.x-k8s.io/` are those of v1alpha1. In v1alpha2 objects only the template \
                  annotations `component-depends-on`, `component-discovery` and `port-allocator` still have that prefix; all others \
                  are inert, and selectors over them select nothing.\n\nWrite `rbg.workloads.x-k8s.io/…` instead.",
};

/// A partition that the webhook refuses.
pub const PARTITION: Code = Code {
    id: "INF5306",
    title: "partition not below the replicas",
    severity: Error,
    explanation: "The admission webhook of RoleBasedGroup wants `partition` to be less than `replicas`, so a rollout cannot be held \
                  back as a whole by a partition.\n\nUse `rollout: {paused: true}` for that.",
};

/// An autoscaler that may ask for what the webhook refuses.
pub const SCALED_TO_REFUSAL: Code = Code {
    id: "INF5307",
    title: "rollout bounds stop the autoscaler",
    severity: Warning,
    explanation: "The admission webhook of RoleBasedGroup checks the rollout at every change of `replicas`: it refuses replicas that are \
                  not more than `partition`, and as few replicas as a percentage in `maxUnavailable` rounds to none of (without \
                  surge). When the autoscaler asks for so few, nothing happens.",
};

/// A gang of pods that are made one after another.
pub const GANG_DEADLOCK: Code = Code {
    id: "INF5308",
    title: "gang waits for pods that wait for the gang",
    severity: Error,
    explanation: "The gang counts the pods of all roles. With `dependencies` or a coordinated scaling, the controller makes the later \
                  pods when the earlier ones are ready, and those are not scheduled before the later ones exist: nothing ever \
                  starts.\n\n`targets.rbg.dependencies: initContainers` keeps the order between roles with a gang: all pods are made at \
                  once and wait inside. Or drop the gang, the dependency, or the coordination of scaling.",
};

/// A gang of some roles only.
pub const GANG_WHOLE_GROUP: Code = Code {
    id: "INF5309",
    title: "the gang is the whole group",
    severity: Warning,
    explanation: "A RoleBasedGroup has one gang, of all pods of all roles. Roles that ask for none, and routers, are in it too.",
};

/// A gang that counts too few pods.
pub const GANG_COUNT: Code = Code {
    id: "INF5310",
    title: "gang counts instances for pods",
    severity: Warning,
    explanation: "For roles of custom components (more than two kinds of pods, or a startup order) the controller counts each \
                  instance as one pod, so the gang is complete before all pods fit.",
};

/// A gang whose scheduler is assumed.
pub const GANG_SCHEDULER: Code = Code {
    id: "INF5311",
    title: "gang scheduler assumed",
    severity: Note,
    explanation: "Which PodGroups the controller makes is set by its flag `--scheduler-name`: those of the Kubernetes scheduler-plugins \
                  (the default) or Volcano's. The pods must name the matching scheduler, which this tool writes.\n\nSay which one it \
                  is in a Platform document: `spec: {rbg: {gangScheduler: volcano}}`, passed with `--platform`; `schedulerName` \
                  there is for a scheduler that answers to another name.",
};

/// Pods of a gang that another scheduler schedules.
pub const GANG_OTHER_SCHEDULER: Code = Code {
    id: "INF5321",
    title: "another scheduler than the gang's",
    severity: Warning,
    explanation: "The controller makes PodGroups of one scheduler for all groups. Pods that name another scheduler are scheduled by it, one \
                  by one, and the gang may wait for them for ever.\n\nIf the scheduler answers to that name, say so in a Platform document: \
                  `spec: {rbg: {gangScheduler: …, schedulerName: …}}`, passed with `--platform`.",
};

/// A role of a set cannot scale by itself.
pub const SCALING_IN_SET: Code = Code {
    id: "INF5312",
    title: "no scaling of roles in a set",
    severity: Warning,
    explanation: "With slices, a RoleBasedGroupSet writes the replicas of its groups' roles, and a scaling adapter writes them back: the \
                  two fight for ever. So none is rendered.\n\nUse one slice and scale its roles, or scale `slices`.",
};

/// A restart policy of an instance of one pod.
pub const STANDALONE_RESTART: Code = Code {
    id: "INF5313",
    title: "one pod restarts by itself",
    severity: Note,
    explanation: "An instance of one pod has no restart policy: the kubelet restarts its containers, with a backoff of its own, and the \
                  controller replaces the pod if it fails. `pattern: leaderWorker` makes it an instance of one leader, which has one.",
};

/// Delays that contradict each other.
pub const RESTART_DELAYS: Code = Code {
    id: "INF5314",
    title: "longest delay below the first",
    severity: Error,
    explanation: "`maxDelay` is at least `baseDelay`; the API server refuses anything else.",
};

/// An option that does not go with the role.
pub const OPTION: Code = Code {
    id: "INF5315",
    title: "option does not fit the role",
    severity: Error,
    explanation: "`pattern: standalone` is for roles of one pod, `leaderWorker` for a leader and one kind of workers without a startup \
                  order; `sharedServiceSelection` is for leader and workers, and `LeaderOnly` leaves workers without DNS names, so \
                  nothing may refer to them. A role with `scaling` has a scaling adapter.",
};

/// A coordination that never works.
pub const COORDINATION: Code = Code {
    id: "INF5316",
    title: "coordination cannot work",
    severity: Error,
    explanation: "`maxSkew` of a coordination must be a percentage: with a number the controller makes no role at all, or misreads it. Its \
                  roles are roles of the spec, two or more, and its name is unique. One of `rollingUpdate` and `scaling` is needed.",
};

/// A budget that counts pods.
pub const BUDGET: Code = Code {
    id: "INF5317",
    title: "disruption budget counts pods",
    severity: Note,
    explanation: "Pods of a RoleBasedGroup belong to RoleInstances, which have no `scale` subresource. For such pods Kubernetes cannot \
                  evaluate a disruption budget with `maxUnavailable` or with a percentage: it would allow no eviction at all. So the \
                  bound is written as the number of pods that must stay, for the replicas of the spec.\n\nWith automatic scaling \
                  that number does not follow the replicas.",
};

/// A workaround for a defect of the controller.
pub const EXCLUSIVE: Code = Code {
    id: "INF5318",
    title: "label added for exclusive topology",
    severity: Note,
    explanation: "For exclusive topology the controller makes pods look for the label `rbg.workloads.x-k8s.io/group-unique-hash`, which it \
                  does not set (v0.8.0-alpha.5), so they would stay pending. The label is written into the templates: the SHA-1 of \
                  `<namespace>/<group>`.",
};

/// Discovery of ports that nobody allocates.
pub const PORT_ALLOCATOR: Code = Code {
    id: "INF5319",
    title: "port allocator is off",
    severity: Error,
    explanation: "`component-discovery` with `portRefs` and `port-allocator` need the controller's port allocator \
                  (`--enable-port-allocator`), which is off by default: the pods are then never made, without any event, or run without \
                  the variables.\n\nIf your controller has it on, say so in a Platform document: `spec: {rbg: {portAllocator: true}}`.",
};

/// An option that changes nothing here.
pub const NO_EFFECT: Code = Code {
    id: "INF5320",
    title: "option without effect",
    severity: Warning,
    explanation: "The option is written, and the controller does not look at it in this combination: the message says which.",
};

/// What lifting leaves behind.
pub const CONVERTED: Code = Code {
    id: "INF5322",
    title: "not a part of any role",
    severity: Note,
    explanation: "The API server converts objects of v1alpha1 to v1alpha2 and drops what the newer version has no field for, such as the restart \
                  policy of a role of single pods. Role templates that no role refers to are stored and never used. None of it changes the pods.",
};

/// What other targets do without.
pub const HARMLESS: Code = Code {
    id: "INF5326",
    title: "other targets do without",
    severity: Note,
    explanation: "How a role's pods are managed (`workload`) is decided by each target for itself, replicas are scaled without a scaling adapter, \
                  and annotations of v1alpha1 are read by nobody. Nothing about the pods changes.",
};

/// Something that the controller does for pods, and no other.
pub const DISCOVERY_LOST: Code = Code {
    id: "INF5323",
    title: "done by the RoleBasedGroup controller alone",
    severity: Error,
    explanation: "Annotations of pod templates make the RoleBasedGroup controller add variables with addresses (`component-discovery`) and ports \
                  (`port-allocator`), start components one after another (`component-depends-on`) or leave a pod out of the restart policy \
                  (`restart-trigger-policy`), and it mounts /etc/rbg/config.yaml with the addresses of all instances. On another target nobody does. \
                  The annotations stay in the templates, where they do nothing.",
};

/// Containers that the controller adds.
pub const RUNTIME_LOST: Code = Code {
    id: "INF5324",
    title: "containers of a profile are missing",
    severity: Error,
    explanation: "`engineRuntimes` makes the RoleBasedGroup controller add the containers, init containers and volumes of a \
                  ClusterEngineRuntimeProfile to the pods. On another target they are missing, unless the profile is among the input: then they are \
                  written into the templates.",
};

/// A headless Service that another target does not make.
pub const HEADLESS_LOST: Code = Code {
    id: "INF5325",
    title: "name of the source's headless Service",
    severity: Error,
    explanation: "The RoleBasedGroup controller makes a headless Service `s-<group>-<role>` for each role. A process that uses its name reaches any of \
                  the role's instances. Of a role with one instance the name is that instance's address, and is translated; of several there is no \
                  name on other targets that means the same.",
};

/// All codes of the dialect.
pub const CODES: &[&Code] = &[
    &NAME_TOO_LONG,
    &NAME_CLASH,
    &SERVICE_NAME,
    &RESERVED,
    &OVERWRITTEN,
    &OLD_PREFIX,
    &PARTITION,
    &SCALED_TO_REFUSAL,
    &GANG_DEADLOCK,
    &GANG_WHOLE_GROUP,
    &GANG_COUNT,
    &GANG_SCHEDULER,
    &GANG_OTHER_SCHEDULER,
    &SCALING_IN_SET,
    &STANDALONE_RESTART,
    &RESTART_DELAYS,
    &OPTION,
    &COORDINATION,
    &BUDGET,
    &EXCLUSIVE,
    &PORT_ALLOCATOR,
    &NO_EFFECT,
    &CONVERTED,
    &HARMLESS,
    &DISCOVERY_LOST,
    &RUNTIME_LOST,
    &HEADLESS_LOST,
    &verdicts::SCHEMA,
    &verdicts::GROUP_NAME,
    &verdicts::ROLLOUT,
    &verdicts::DEPRECATED,
    &verdicts::NO_PATTERN,
    &verdicts::TEMPLATE,
    &verdicts::DEPENDENCY,
    &verdicts::WORKLOAD,
    &verdicts::INSTANCE_PATTERN,
    &verdicts::COMPONENTS,
    &verdicts::ROLE_NAME,
    &verdicts::RUNTIME,
    &verdicts::GANGS,
    &verdicts::OLD_COORDINATION,
    &verdicts::NO_CONTROLLER,
    &verdicts::REPLICAS,
    &verdicts::FIGHT,
];
