//! What only LeaderWorkerSet has.

use crate::spec::decode::{Positive, choice, object};
use crate::value::{Node, Str, Traced};

choice! {
    /// How the pods of groups are named in DNS.
    pub enum SubdomainPolicy ("subdomain policy") {
        /// One headless Service for all groups.
        Shared = "Shared",
        /// A headless Service for each group.
        UniquePerReplica = "UniquePerReplica",
    }
}

choice! {
    /// Who schedules gangs and keeps queues.
    pub enum QueueSystem ("queue system") {
        /// Volcano: an annotation of the LeaderWorkerSet.
        Volcano = "volcano",
        /// Kueue: a label of the LeaderWorkerSet.
        Kueue = "kueue",
    }
}

choice! {
    /// What the controller does when a pod of a group fails, where the language has no word for it.
    pub enum RestartPolicy ("restart policy") {
        /// The group is made anew, but not before all its pods have run.
        RecreateGroupAfterStart = "RecreateGroupAfterStart",
    }
}

object! {
    /// Options of the LeaderWorkerSets of a serving.
    pub struct Options ("targets.lws") {
        /// Whose queue `scheduling.queue` is. Default: Volcano's with a gang, else Kueue's.
        queue_system: "queueSystem" => Traced<QueueSystem>,
        /// `networkConfig.subdomainPolicy` of all roles. Default: `Shared`.
        subdomain_policy: "subdomainPolicy" => Traced<SubdomainPolicy>,
        /// Patches of rendered objects: `{kind, name, patch: [RFC 6902 operations]}`.
        patches: "patches" => Vec<Node>,
    }
}

object! {
    /// Options of one LeaderWorkerSet.
    pub struct RoleOptions ("roles[].targets.lws") {
        /// The name of the LeaderWorkerSet. Default: the serving's name and the role's.
        name: "name" => Traced<Str>,
        /// `leaderWorkerTemplate.restartPolicy` in LeaderWorkerSet's own word, where `restart.policy` has none:
        /// `RecreateGroupAfterStart`.
        restart_policy: "restartPolicy" => Traced<RestartPolicy>,
        /// `networkConfig.subdomainPolicy`. Default: the serving's.
        subdomain_policy: "subdomainPolicy" => Traced<SubdomainPolicy>,
        /// Pods of a subgroup, which has a topology domain or TPU slice of its own.
        sub_group_size: "subGroupSize" => Traced<Positive>,
        /// What happens to the claims of `volumeClaimTemplates`: `{whenDeleted, whenScaled}`.
        retention: "persistentVolumeClaimRetentionPolicy" => Node,
    }
}

choice! {
    /// The controller's gang scheduling provider.
    pub enum GangProvider ("gang provider") {
        /// None: groups are not gangs.
        None = "none",
        /// Volcano PodGroups, one a group.
        Volcano = "volcano",
    }
}

object! {
    /// How the LeaderWorkerSet controller runs.
    pub struct Platform ("lws") {
        /// `gangSchedulingManagement.schedulerProvider` of the controller's configuration. Default: `none`.
        gang_scheduling: "gangScheduling" => Traced<GangProvider>,
        /// Whether the DisaggregatedSet webhook runs (`enableDisaggregatedSet` of the chart, which is off there). Default: `true`, so
        /// that its rules are checked.
        disaggregated_set_webhook: "disaggregatedSetWebhook" => Traced<bool>,
    }
}
