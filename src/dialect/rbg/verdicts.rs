//! Codes of what admission refuses and of what is stored and never runs, and the keys that the controllers look at.

use crate::diagnostic::{Code, Severity::Error};

/// Annotations and labels.
pub mod keys {
    /// The whole group starts together.
    pub const GANG: &str = "rbg.workloads.x-k8s.io/group-gang-scheduling";
    /// Seconds until a gang of the scheduler-plugins gives up.
    pub const GANG_TIMEOUT: &str = "rbg.workloads.x-k8s.io/group-gang-scheduling-timeout";
    /// The queue of a Volcano gang.
    pub const VOLCANO_QUEUE: &str = "rbg.workloads.x-k8s.io/group-gang-scheduling-volcano-queue";
    /// The priority class of a Volcano gang.
    pub const VOLCANO_PRIORITY: &str = "rbg.workloads.x-k8s.io/group-gang-scheduling-volcano-priority";
    /// The pods of an instance start together.
    pub const INSTANCE_GANG: &str = "rbg.workloads.x-k8s.io/role-instance-gang-scheduling";
    /// A topology domain for the group alone.
    pub const EXCLUSIVE: &str = "rbg.workloads.x-k8s.io/group-exclusive-topology";
    /// Not for the pods of this template.
    pub const NOT_EXCLUSIVE: &str = "rbg.workloads.x-k8s.io/role-disable-exclusive";
    /// What the affinity for that looks for.
    pub const UNIQUE_HASH: &str = "rbg.workloads.x-k8s.io/group-unique-hash";
    /// Who writes the discovery configuration.
    pub const DISCOVERY_MODE: &str = "rbg.workloads.x-k8s.io/discovery-config-mode";
    /// The workload that a role becomes.
    pub const WORKLOAD_TYPE: &str = "rbg.workloads.x-k8s.io/role-workload-type";
    /// Whether instances have ordinals.
    pub const INSTANCE_PATTERN: &str = "rbg.workloads.x-k8s.io/role-instance-pattern";
    /// Pods go back to the nodes where they were.
    pub const IN_PLACE: &str = "rbg.workloads.x-k8s.io/role-inplace-scheduling";
    /// Whose nodes.
    pub const IN_PLACE_GRANULARITY: &str = "rbg.workloads.x-k8s.io/role-inplace-scheduling-granularity";
    /// Labels of nodes to stay away from.
    pub const IN_PLACE_AVOID: &str = "rbg.workloads.x-k8s.io/role-inplace-scheduling-avoid";
    /// Seconds that a pod has before its image is changed.
    pub const GRACE: &str = "rbg.workloads.x-k8s.io/inplace-update-grace-period-seconds";
    /// The replicas of a role.
    pub const ROLE_SIZE: &str = "rbg.workloads.x-k8s.io/role-size";
    /// How the pods of an instance are named.
    pub const ROLE_TYPE: &str = "rbg.workloads.x-k8s.io/role-type";
    /// The identity of the group.
    pub const GROUP_UID: &str = "rbg.workloads.x-k8s.io/group-uid";
    /// The identity of the group's object.
    pub const OWNER_UID: &str = "rbg.workloads.x-k8s.io/rbg-owner-uid";
    /// The size of a component.
    pub const COMPONENT_SIZE: &str = "rbg.workloads.x-k8s.io/component-size";
    /// The number of a pod in its component.
    pub const COMPONENT_ID: &str = "rbg.workloads.x-k8s.io/component-id";
    /// The rank of a pod among leader and workers.
    pub const COMPONENT_INDEX: &str = "rbg.workloads.x-k8s.io/component-index";
    /// The ordinal of an instance.
    pub const INSTANCE_INDEX: &str = "rbg.workloads.x-k8s.io/role-instance-index";
    /// The name of a StatefulSet's pod, on instances and pods.
    pub const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";
    /// The revision.
    pub const REVISION: &str = "controller-revision-hash";
    /// The set that a group belongs to.
    pub const SET_NAME: &str = "rbg.workloads.x-k8s.io/groupset-name";
    /// Its number there.
    pub const SET_INDEX: &str = "rbg.workloads.x-k8s.io/groupset-index";
    /// Components that wait for others.
    pub const DEPENDS_ON: &str = "rolebasedgroup.workloads.x-k8s.io/component-depends-on";
    /// Addresses and ports of other components.
    pub const DISCOVERY: &str = "rolebasedgroup.workloads.x-k8s.io/component-discovery";
    /// Ports drawn at random.
    pub const PORTS: &str = "rolebasedgroup.workloads.x-k8s.io/port-allocator";
    /// What v1alpha1 called `spec.coordination`.
    pub const V1_COORDINATION: &str = "conversion.workloads.x-k8s.io/v1alpha1-coordination";
}

/// The CRD refuses the object.
pub const SCHEMA: Code = Code {
    id: "INF5340",
    title: "refused by the schema of RoleBasedGroup",
    severity: Error,
    explanation: "The API server checks each object against the schema of its CRD: types, required fields, lists of possible values, \
                  least numbers, names that must be unique, and rules over several fields (CEL). The message names the rule.",
};

/// The name of a group.
pub const GROUP_NAME: Code = Code {
    id: "INF5341",
    title: "refused as a group's name",
    severity: Error,
    explanation: "The admission webhook of RoleBasedGroup wants a DNS label as name: lower case letters, digits and `-`, at most 63 \
                  characters, no dots.",
};

/// A rollout without any room.
pub const ROLLOUT: Code = Code {
    id: "INF5342",
    title: "rollout without room",
    severity: Error,
    explanation: "The admission webhook of RoleBasedGroup refuses a rolling update in which `maxSurge` (rounded up) and `maxUnavailable` \
                  (rounded down) both come to zero, and values that are neither a number nor a percentage. 10% of 2 replicas is zero.",
};

/// Workloads that are switched off.
pub const DEPRECATED: Code = Code {
    id: "INF5343",
    title: "deprecated workload is switched off",
    severity: Error,
    explanation: "The controller runs with `--enable-deprecated-workload-types=false`, so its webhook refuses roles that become a \
                  StatefulSet, a Deployment or a LeaderWorkerSet. In v1alpha1 a role without `workload` is a StatefulSet.\n\nUse \
                  v1alpha2, or name `workloads.x-k8s.io/v1alpha2`, `RoleInstanceSet` as the workload.",
};

/// A role without pods to make.
pub const NO_PATTERN: Code = Code {
    id: "INF5344",
    title: "role without a pattern or template",
    severity: Error,
    explanation: "A role needs `standalonePattern`, `leaderWorkerPattern` or `customComponentsPattern`, and the first two a `template` or \
                  `templateRef`. The API server stores a role without them; the controller fails with \"no valid pattern found\" and \
                  tries again for ever. Fields that the API does not know are kept on roles without a word: `template`, `workload`, \
                  `leaderWorkerSet` and `components` right on a role are v1alpha1.",
};

/// Templates that cannot be resolved.
pub const TEMPLATE: Code = Code {
    id: "INF5345",
    title: "role template cannot be used",
    severity: Error,
    explanation: "A `templateRef` names an entry of `spec.roleTemplates` and needs a `patch`, `{}` if nothing changes. An entry needs at \
                  least one container. A role with LeaderWorkerSet as workload cannot refer to one. If one reference is wrong, the \
                  controller makes nothing of the whole group (event InvalidTemplateRef).\n\nA RoleBasedGroupSet hands on `roles` only: \
                  its `roleTemplates` never reach the groups.",
};

/// Dependencies that never hold.
pub const DEPENDENCY: Code = Code {
    id: "INF5346",
    title: "dependency that never holds",
    severity: Error,
    explanation: "`dependencies` name roles of the same group, without a cycle; otherwise the controller makes no role at all (event \
                  InvalidRoleDependency). A role, and every later one, waits until the instances of those it depends on are ready.",
};

/// A workload that the controller does not know.
pub const WORKLOAD: Code = Code {
    id: "INF5347",
    title: "unsupported workload of a role",
    severity: Error,
    explanation: "The role annotation `role-workload-type` (v1alpha1: `workload`) names RoleInstanceSet, StatefulSet, Deployment or \
                  LeaderWorkerSet. With any other, InstanceSet of older versions among them, the controller makes nothing of the whole \
                  group.",
};

/// A pattern of instances that the controller does not know.
pub const INSTANCE_PATTERN: Code = Code {
    id: "INF5348",
    title: "unknown pattern of instances",
    severity: Error,
    explanation: "`rbg.workloads.x-k8s.io/role-instance-pattern` is `Stateful` or `Stateless`. With anything else the RoleInstanceSet is \
                  made and no instance (event UnknownRoleInstancePattern).",
};

/// Components that cannot be made.
pub const COMPONENTS: Code = Code {
    id: "INF5349",
    title: "components that are never made",
    severity: Error,
    explanation: "A component needs a `size` (without one the controller crashes, restarts, and crashes), and its name must be unique in \
                  its role. `startAfter` names components of the same role with at least one pod: another one is never ready. \
                  `component-discovery` names components of the same role.",
};

/// A name that Kubernetes refuses.
pub const ROLE_NAME: Code = Code {
    id: "INF5350",
    title: "role name that Kubernetes refuses",
    severity: Error,
    explanation: "The name of a role becomes part of object names, host names and labels. The API server stores any; the objects made from \
                  it are refused when it is no DNS label.",
};

/// A profile that is not there.
pub const RUNTIME: Code = Code {
    id: "INF5351",
    title: "engine runtime profile is missing",
    severity: Error,
    explanation: "`engineRuntimes` names a ClusterEngineRuntimeProfile. Without it the controller makes nothing of the role and tries again \
                  for ever. The profile was looked for in the input; if the cluster has it, pass it along.",
};

/// Two kinds of gangs.
pub const GANGS: Code = Code {
    id: "INF5352",
    title: "two gang annotations on a group",
    severity: Error,
    explanation: "`group-gang-scheduling` and `role-instance-gang-scheduling` may not both be \"true\" on a RoleBasedGroup: the controller \
                  makes nothing of it (event InvalidGangSchedulingAnnotations). The second belongs on roles.",
};

/// Coordination of v1alpha1.
pub const OLD_COORDINATION: Code = Code {
    id: "INF5353",
    title: "coordination of v1alpha1",
    severity: Error,
    explanation: "The controller makes a CoordinatedPolicy of v1alpha1's `spec.coordination` that the API server refuses (it lacks the name \
                  of the rule), and goes no further: no role is ever made.\n\nWrite the group as v1alpha2, and a CoordinatedPolicy of \
                  the group's name beside it.",
};

/// A kind that nobody reconciles.
pub const NO_CONTROLLER: Code = Code {
    id: "INF5354",
    title: "kind without a controller",
    severity: Error,
    explanation: "InstanceSet and Instance were replaced by RoleInstanceSet and RoleInstance in v0.7.0. The CRDs may still be there; no \
                  controller looks at their objects.",
};

/// A set of instances without a number.
pub const REPLICAS: Code = Code {
    id: "INF5355",
    title: "RoleInstanceSet without replicas",
    severity: Error,
    explanation: "A RoleInstanceSet without `replicas` has none in stateful mode, and fails in stateless mode, although its documentation \
                  says one.",
};

/// A name that another group has.
pub const FIGHT: Code = Code {
    id: "INF5356",
    title: "two groups make the same object",
    severity: Error,
    explanation: "A role becomes the object `<group>-<role>`. The groups `a-b` with role `c` and `a` with role `b-c` both make `a-b-c`: each \
                  overwrites it with its own, for ever, and the pods change with it.",
};
