//! What only RoleBasedGroup has.

use crate::spec::decode::{StringMap, choice, object};
use crate::spec::scalar::{IntOrPercent, Seconds};
use crate::value::{Node, Str, Traced};

choice! {
    /// Whose queue `scheduling.queue` is.
    pub enum QueueSystem ("queue system") {
        /// Volcano: of the group's PodGroup with a gang, else of each pod.
        Volcano = "volcano",
        /// Kueue: a label of each pod.
        Kueue = "kueue",
    }
}

choice! {
    /// How a role waits for the roles that it depends on.
    pub enum Dependencies ("kind of dependencies") {
        /// `dependencies` of the role: its pods are made when those of the others are ready.
        Native = "native",
        /// Init containers that wait for the other role's port: all pods are made at once, as a gang needs it.
        InitContainers = "initContainers",
    }
}

choice! {
    /// When the next batch of a coordinated scaling goes on.
    pub enum Progression ("progression") {
        /// When the pods of the last one have nodes.
        OrderScheduled = "OrderScheduled",
        /// When the instances of the last one are ready.
        OrderReady = "OrderReady",
    }
}

object! {
    /// Options of the group of a serving.
    pub struct Options ("targets.rbg") {
        /// Rules that keep roles in step while they roll out or scale: a CoordinatedPolicy of the group's name.
        coordination: "coordination" => Vec<Coordination>,
        /// How roles wait for each other (`dependsOn`). Default: `native`.
        dependencies: "dependencies" => Traced<Dependencies>,
        /// Whose queue `scheduling.queue` is. Default: Volcano's where Volcano schedules gangs, else Kueue's.
        queue_system: "queueSystem" => Traced<QueueSystem>,
        /// A RoleBasedGroupSet even for one slice. Default: false.
        set: "set" => Traced<bool>,
        /// Labels of the groups of a set. Default: those of the set.
        group_labels: "groupLabels" => StringMap,
        /// Annotations of the groups of a set. Default: those of the set.
        group_annotations: "groupAnnotations" => StringMap,
        /// Whether pods get the label that exclusive topology looks for and the controller forgets. Default: true.
        unique_hash: "uniqueHash" => Traced<bool>,
        /// Patches of rendered objects: `{kind, name, patch: [RFC 6902 operations]}`.
        patches: "patches" => Vec<Node>,
    }
}

object! {
    /// A rule that keeps roles in step.
    pub struct Coordination ("coordination") {
        /// Its name, unique in the list.
        @required name: "name" => Traced<Str>,
        /// The roles.
        @required roles: "roles" => Vec<Traced<Str>>,
        /// While a change rolls out.
        rolling_update: "rollingUpdate" => CoordinatedUpdate,
        /// While the group is made or scaled up.
        scaling: "scaling" => CoordinatedScaling,
    }
}

object! {
    /// How roles keep in step while a change rolls out.
    pub struct CoordinatedUpdate ("rollingUpdate") {
        /// How far the shares of updated instances may differ, in percent.
        max_skew: "maxSkew" => Traced<IntOrPercent>,
        /// The share of each role that keeps the old version.
        partition: "partition" => Traced<IntOrPercent>,
        /// Instances of each role that may be missing.
        max_unavailable: "maxUnavailable" => Traced<IntOrPercent>,
    }
}

object! {
    /// How roles keep in step while they scale up.
    pub struct CoordinatedScaling ("scaling") {
        /// How far the shares of instances may differ, in percent. Default: 100%.
        max_skew: "maxSkew" => Traced<IntOrPercent>,
        /// What each step waits for. Default: `OrderScheduled`; without one the controller waits for nothing.
        progression: "progression" => Traced<Progression>,
    }
}

choice! {
    /// How instances are named and kept apart.
    pub enum InstancePattern ("instance pattern") {
        /// By ordinals, as in a StatefulSet.
        Stateful = "Stateful",
        /// By random names, as in a Deployment: no pod can be addressed.
        Stateless = "Stateless",
    }
}

choice! {
    /// How the pods of an instance are described.
    pub enum Pattern ("pattern") {
        /// One pod.
        Standalone = "standalone",
        /// A leader and workers.
        LeaderWorker = "leaderWorker",
        /// Components of any number.
        CustomComponents = "customComponents",
    }
}

choice! {
    /// What a role becomes.
    pub enum WorkloadKind ("workload") {
        /// A RoleInstanceSet.
        RoleInstanceSet = "RoleInstanceSet",
        /// A StatefulSet (deprecated): one pod an instance.
        StatefulSet = "StatefulSet",
        /// A Deployment (deprecated): one pod an instance, with random names.
        Deployment = "Deployment",
        /// A LeaderWorkerSet (deprecated), whose controller must be there.
        LeaderWorkerSet = "LeaderWorkerSet",
    }
}

impl WorkloadKind {
    /// The value of the role's annotation `role-workload-type`.
    pub const fn annotation(self) -> &'static str {
        match self {
            Self::RoleInstanceSet => "workloads.x-k8s.io/v1alpha2/RoleInstanceSet",
            Self::StatefulSet => "apps/v1/StatefulSet",
            Self::Deployment => "apps/v1/Deployment",
            Self::LeaderWorkerSet => "leaderworkerset.x-k8s.io/v1/LeaderWorkerSet",
        }
    }
}

choice! {
    /// By what others reach the only instance of a role.
    pub enum AddressedBy ("kind of address") {
        /// The name of its pod.
        Pod = "pod",
        /// The name of the role's headless Service.
        Service = "service",
    }
}

choice! {
    /// In which order the instances of a role are made.
    pub enum PodManagement ("pod management policy") {
        /// One after another, each when the last is ready.
        OrderedReady = "OrderedReady",
        /// All at once.
        Parallel = "Parallel",
    }
}

choice! {
    /// Which pods of a leader-worker role have DNS names.
    pub enum ServiceSelection ("service selection") {
        /// All.
        All = "All",
        /// Leaders.
        LeaderOnly = "LeaderOnly",
    }
}

choice! {
    /// How strongly pods that are made again go back to their nodes.
    pub enum Stickiness ("in-place scheduling") {
        /// If they fit.
        Preferred = "Preferred",
        /// In any case.
        Required = "Required",
    }
}

choice! {
    /// What goes back to its nodes.
    pub enum Granularity ("granularity") {
        /// Each pod to its own node.
        Pod = "Pod",
        /// The pods of a component to the component's nodes.
        Component = "Component",
    }
}

object! {
    /// Pods that are made again go back to the nodes where they were.
    pub struct InPlaceScheduling ("inPlaceScheduling") {
        /// How strongly.
        @required mode: "mode" => Traced<Stickiness>,
        /// What goes back. Default: `Pod`, `Component` for stateless roles.
        granularity: "granularity" => Traced<Granularity>,
        /// Labels of nodes that are no longer wanted.
        avoid: "avoid" => Vec<Traced<Str>>,
    }
}

object! {
    /// A scaling adapter without an autoscaler of this tool's.
    pub struct ScalingAdapter ("scalingAdapter") {
        /// Whether the role has one. Default: true.
        enable: "enable" => Traced<bool>,
        /// Labels of the adapter.
        labels: "labels" => StringMap,
    }
}

object! {
    /// Options of one role.
    pub struct RoleOptions ("roles[].targets.rbg") {
        /// What the role becomes. Default: `RoleInstanceSet`; all others are deprecated.
        workload: "workload" => Traced<WorkloadKind>,
        /// By what others reach the role's only instance. Default: `pod`.
        addressed_by: "addressedBy" => Traced<AddressedBy>,
        /// How the pods of an instance are described. Default: what fits the role's members.
        pattern: "pattern" => Traced<Pattern>,
        /// How instances are named. Default: `Stateful`.
        instance_pattern: "instancePattern" => Traced<InstancePattern>,
        /// In which order instances are made. Default: `Parallel`.
        pod_management_policy: "podManagementPolicy" => Traced<PodManagement>,
        /// How long an instance must be ready to count as available.
        min_ready: "minReady" => Traced<Seconds>,
        /// Which pods of a leader-worker role have DNS names. Default: the leaders, or all if a reference needs it.
        shared_service_selection: "sharedServiceSelection" => Traced<ServiceSelection>,
        /// Time between taking a pod out of service and changing its image in place.
        in_place_grace_period: "inPlaceGracePeriod" => Traced<Seconds>,
        /// Pods that are made again go back to their nodes.
        in_place_scheduling: "inPlaceScheduling" => InPlaceScheduling,
        /// An instance is made again as a whole or not at all (`role-instance-gang-scheduling`).
        instance_gang_scheduling: "instanceGangScheduling" => Traced<bool>,
        /// A scaling adapter, for an autoscaler that is made elsewhere.
        scaling_adapter: "scalingAdapter" => ScalingAdapter,
        /// Ports that the discovery configuration (/etc/rbg/config.yaml) names, as in a Service.
        service_ports: "servicePorts" => Vec<Node>,
        /// ClusterEngineRuntimeProfiles whose containers are added: `{profileName, containers}`.
        engine_runtimes: "engineRuntimes" => Vec<Node>,
        /// Labels of the role's RoleInstanceSet.
        labels: "labels" => StringMap,
        /// Annotations of the role's RoleInstanceSet and headless Service.
        annotations: "annotations" => StringMap,
    }
}

choice! {
    /// The scheduler plug-in of the controller (`--scheduler-name`).
    pub enum GangScheduler ("gang scheduler") {
        /// PodGroups of the Kubernetes scheduler-plugins.
        SchedulerPlugins = "scheduler-plugins",
        /// PodGroups of Volcano.
        Volcano = "volcano",
    }
}

object! {
    /// How the RoleBasedGroup controller runs.
    pub struct Platform ("rbg") {
        /// `--scheduler-name`: whose PodGroups make gangs. Default: `scheduler-plugins`.
        gang_scheduler: "gangScheduler" => Traced<GangScheduler>,
        /// The name that this scheduler answers to in pods. Default: `scheduler-plugins-scheduler`, or `volcano`.
        scheduler_name: "schedulerName" => Traced<Str>,
        /// `--enable-port-allocator`. Default: false.
        port_allocator: "portAllocator" => Traced<bool>,
        /// `--enable-deprecated-workload-types`: StatefulSets, Deployments and LeaderWorkerSets. Default: true.
        deprecated_workloads: "deprecatedWorkloads" => Traced<bool>,
    }
}
