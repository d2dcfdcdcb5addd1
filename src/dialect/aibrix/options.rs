//! What only AIBrix has.

use crate::spec::decode::{Count, Positive, StringMap, choice, object};
use crate::spec::scalar::IntOrPercent;
use crate::value::{Node, Str, Traced};

choice! {
    /// The object that holds the roles.
    pub enum Workload ("workload") {
        /// A StormService, which makes RoleSets, replaces them, and has a Service.
        StormService = "StormService",
        /// A RoleSet alone: one slice, nothing that scales or replaces it.
        RoleSet = "RoleSet",
    }
}

choice! {
    /// What becomes of slices.
    pub enum Mode ("mode") {
        /// One RoleSet that holds the roles of all slices: every prefill pairs with every decode, and roles scale apart.
        Pooled = "pooled",
        /// A RoleSet for each slice: closed cells that scale as a whole.
        Replica = "replica",
    }
}

choice! {
    /// How a change reaches RoleSets.
    pub enum UpdateType ("update strategy") {
        /// New RoleSets replace old ones, with all their pods.
        RollingUpdate = "RollingUpdate",
        /// RoleSets stay; the roles that changed roll out inside them.
        InPlaceUpdate = "InPlaceUpdate",
    }
}

choice! {
    /// In which order the roles of a RoleSet roll out.
    pub enum RoleOrder ("order of roles") {
        /// All at once.
        Parallel = "Parallel",
        /// One after the other, by `upgradeOrder`.
        Sequential = "Sequential",
        /// In steps, so that the roles keep pace with each other.
        Interleave = "Interleave",
    }
}

choice! {
    /// A scheduler of gangs.
    pub enum GangScheduler ("gang scheduler") {
        /// Volcano.
        Volcano = "volcano",
        /// The coscheduling plugin of scheduler-plugins.
        Coscheduling = "coscheduling",
        /// Gödel.
        Godel = "godel",
    }
}

impl GangScheduler {
    /// The name that the scheduler has as installed by its own manifests.
    pub const fn scheduler_name(self) -> &'static str {
        match self {
            Self::Volcano => "volcano",
            Self::Coscheduling => "scheduler-plugins-scheduler",
            Self::Godel => "godel-scheduler",
        }
    }

    /// The field of a scheduling strategy.
    pub const fn field(self) -> &'static str {
        match self {
            Self::Volcano => "volcanoSchedulingStrategy",
            Self::Coscheduling => "coschedulingSchedulingStrategy",
            Self::Godel => "godelSchedulingStrategy",
        }
    }
}

choice! {
    /// Who keeps the queues.
    pub enum QueueSystem ("queue system") {
        /// Volcano.
        Volcano = "volcano",
        /// Kueue, each pod a workload of its own.
        Kueue = "kueue",
    }
}

choice! {
    /// What a topology policy holds together.
    pub enum TopologyScope ("topology scope") {
        /// All pods of the StormService.
        StormService = "StormService",
        /// All pods of a RoleSet.
        RoleSet = "RoleSet",
        /// All pods of a role, over all RoleSets.
        Role = "Role",
    }
}

choice! {
    /// How strict a topology policy is.
    pub enum TopologyMode ("topology mode") {
        /// Pods run elsewhere if it cannot hold.
        Preferred = "Preferred",
        /// Pods wait until it holds.
        Required = "Required",
    }
}

choice! {
    /// How a PodAutoscaler decides.
    pub enum ScalingStrategy ("scaling strategy") {
        /// A HorizontalPodAutoscaler; for slices only.
        Hpa = "HPA",
        /// Knative's algorithm, with a panic window.
        Kpa = "KPA",
        /// AIBrix's own, with tolerances.
        Apa = "APA",
    }
}

object! {
    /// How a change reaches RoleSets.
    pub struct UpdateStrategy ("targets.aibrix.updateStrategy") {
        /// Default: `InPlaceUpdate`.
        r#type: "type" => Traced<UpdateType>,
        /// RoleSets that may be missing, for `RollingUpdate`. Default: 1.
        max_unavailable: "maxUnavailable" => Traced<IntOrPercent>,
        /// RoleSets that may be there beside the wanted ones, for `RollingUpdate`. Default: 0.
        max_surge: "maxSurge" => Traced<IntOrPercent>,
    }
}

object! {
    /// What the AIBrix gateway is told, on the engines' pods.
    pub struct Gateway ("targets.aibrix.gateway") {
        /// Whether the gateway routes to the engines. Default: true, unless the serving has a router of its own, or wants none.
        enabled: "enabled" => Traced<bool>,
        /// The routing strategy. Default: `pd` for prefill and decode, `least-request` otherwise.
        routing_strategy: "routingStrategy" => Traced<Str>,
        /// Whether no header of a request can override it. Default: true for `pd`.
        locked: "locked" => Traced<bool>,
        /// Requests per second that the gateway lets through.
        requests_per_second: "requestsPerSecond" => Traced<Positive>,
        /// Further keys of the strategy, as the gateway names them (`promptLenBucketMaxLength`, `decodeScorePolicy`, …).
        routing_config: "routingConfig" => Node,
        /// The whole of the annotation `model.aibrix.ai/config`, in place of all of the above.
        config: "config" => Node,
        /// The agent that hands KV caches over (`shfs`, `nixl`, `mooncake`). Default: the gateway's own.
        kv_connector_type: "kvConnectorType" => Traced<Str>,
    }
}

object! {
    /// Gangs.
    pub struct Gang ("targets.aibrix.gang") {
        /// Who schedules them. Default: the platform's, else Volcano.
        scheduler: "scheduler" => Traced<GangScheduler>,
        /// Pods that must be placeable together. Default: all of the gang.
        min_member: "minMember" => Traced<Positive>,
        /// Resources that must be free (Volcano, coscheduling).
        min_resources: "minResources" => Node,
        /// The application (Gödel).
        application: "application" => Traced<Str>,
        /// Affinity of the gang (Gödel).
        affinity: "affinity" => Node,
    }
}

object! {
    /// A topology policy of the whole RoleSet.
    pub struct TopologyPolicy ("targets.aibrix.topologyPolicy") {
        /// What it holds together.
        @required scope: "scope" => Traced<TopologyScope>,
        /// How strict it is. Default: `Preferred`.
        mode: "mode" => Traced<TopologyMode>,
        /// The label of nodes that names a domain.
        @required key: "key" => Traced<Str>,
    }
}

object! {
    /// A PodAutoscaler.
    pub struct Autoscaler ("targets.aibrix.autoscaler") {
        /// How it decides. Default: `APA`.
        strategy: "strategy" => Traced<ScalingStrategy>,
        /// Seconds over which metrics are averaged. Default: 180.
        observe_window: "observeWindowSeconds" => Traced<Positive>,
        /// Seconds of the panic window. Default: 60.
        panic_window: "panicWindowSeconds" => Traced<Positive>,
        /// Bounds at certain times, as in the PodAutoscaler.
        schedules: "schedules" => Vec<Node>,
        /// Annotations that tune it (`autoscaling.aibrix.ai/…`).
        annotations: "annotations" => StringMap,
        /// The path of the pods' metrics. Default: `/metrics`.
        metrics_path: "metricsPath" => Traced<Str>,
    }
}

object! {
    /// AIBrix's runtime beside the engines, which its webhook injects.
    pub struct Sidecar ("targets.aibrix.sidecar") {
        /// Its image. Default: the controller's.
        image: "image" => Traced<Str>,
    }
}

object! {
    /// Options of the StormService.
    pub struct Options ("targets.aibrix") {
        /// The object that holds the roles. Default: `StormService`.
        workload: "workload" => Traced<Workload>,
        /// What becomes of slices. Default: `replica` for several, else `pooled`.
        mode: "mode" => Traced<Mode>,
        /// How a change reaches RoleSets.
        update_strategy: "updateStrategy" => UpdateStrategy,
        /// In which order the roles of a RoleSet roll out. Default: `Sequential`.
        role_set_update_strategy: "roleSetUpdateStrategy" => Traced<RoleOrder>,
        /// Old revisions that are kept. Default: 10.
        revision_history_limit: "revisionHistoryLimit" => Traced<Count>,
        /// The labels by which the StormService finds its RoleSets, unique in the whole cluster. Default: one with namespace
        /// and name in it.
        selector: "selector" => StringMap,
        /// Further labels of the RoleSets.
        role_set_labels: "roleSetLabels" => StringMap,
        /// Annotations of the RoleSets.
        role_set_annotations: "roleSetAnnotations" => StringMap,
        /// Whether the pods of roles of one node have an index and a DNS name. Default: true.
        stateful: "stateful" => Traced<bool>,
        /// What the AIBrix gateway is told.
        gateway: "gateway" => Gateway,
        /// Gangs.
        gang: "gang" => Gang,
        /// A topology policy for all roles, where `scheduling.topology` cannot say it.
        topology_policy: "topologyPolicy" => TopologyPolicy,
        /// PodAutoscalers of all roles that scale.
        autoscaler: "autoscaler" => Autoscaler,
        /// AIBrix's runtime beside the engines.
        sidecar: "sidecar" => Sidecar,
        /// Whose queue `scheduling.queue` is. Default: Volcano's.
        queue_system: "queueSystem" => Traced<QueueSystem>,
        /// Patches of rendered objects: `{kind, name, patch: [RFC 6902 operations]}`.
        patches: "patches" => Vec<Node>,
    }
}

object! {
    /// Options of one role.
    pub struct RoleOptions ("roles[].targets.aibrix") {
        /// Its name in the StormService. Default: the gateway's (`prefill`, `decode`) where it needs one, else the role's own.
        name: "name" => Traced<Str>,
        /// Its place in a sequential rollout; lower ones first, those without one last.
        upgrade_order: "upgradeOrder" => Traced<Positive>,
        /// Whether the pods of a role of one node have an index and a DNS name. Default: the serving's.
        stateful: "stateful" => Traced<bool>,
        /// Its PodAutoscaler. Default: the serving's.
        autoscaler: "autoscaler" => Autoscaler,
    }
}

object! {
    /// How AIBrix runs.
    pub struct Platform ("aibrix") {
        /// The version of its controllers and CRDs: `v0.7.0`. Default: the newest known.
        version: "version" => Traced<Str>,
        /// Who schedules gangs. Default: `volcano`.
        gang_scheduler: "gangScheduler" => Traced<GangScheduler>,
        /// The name of that scheduler, if not the one of its own manifests.
        scheduler_name: "schedulerName" => Traced<Str>,
        /// Whether its webhooks run. Default: true; the standalone overlays run without.
        webhooks: "webhooks" => Traced<bool>,
    }
}
