//! What only Kthena has.

use crate::spec::decode::{Count, Int, Positive, choice, object};
use crate::spec::policy::Scaling;
use crate::spec::scalar::{IntOrPercent, Quantity, Seconds};
use crate::value::{Node, Str, Traced};

choice! {
    /// What a rollout replaces at a time.
    pub enum RolloutType ("rollout type") {
        /// Replicas of a role, each role within its own bound.
        Role = "RoleRollingUpdate",
        /// Whole ServingGroups (slices).
        ServingGroup = "ServingGroupRollingUpdate",
    }
}

choice! {
    /// Which pods a plugin changes.
    pub enum PluginTarget ("plugin target") {
        /// All.
        All = "All",
        /// Entry pods (rank 0).
        Entry = "Entry",
        /// Workers.
        Worker = "Worker",
    }
}

choice! {
    /// An engine as kthena-router knows it.
    pub enum InferenceEngine ("inference engine") {
        /// vLLM.
        Vllm = "vLLM",
        /// SGLang.
        Sglang = "SGLang",
    }
}

object! {
    /// Options of the ModelServing of a serving, and of the objects beside it.
    pub struct Options ("targets.kthena") {
        /// How a change reaches running pods.
        rollout: "rollout" => Rollout,
        /// Seconds that a pod with a restarted container gets to become ready again before its replica is made anew.
        /// Default: 0.
        restart_grace_period: "restartGracePeriodSeconds" => Traced<Count>,
        /// Mutators of pods, in order.
        plugins: "plugins" => Vec<Plugin>,
        /// How kthena-router serves the model.
        routing: "routing" => Routing,
        /// How AutoscalingPolicies behave.
        autoscaling: "autoscaling" => Autoscaling,
        /// Patches of rendered objects: `{kind, name, patch: [RFC 6902 operations]}`.
        patches: "patches" => Vec<Node>,
    }
}

object! {
    /// `spec.rolloutStrategy` of the ModelServing.
    pub struct Rollout ("rollout") {
        /// What is replaced at a time. Default: `RoleRollingUpdate` where admission allows it.
        r#type: "type" => Traced<RolloutType>,
        /// ServingGroups that may be missing, for `ServingGroupRollingUpdate`. Default: 1.
        max_unavailable: "maxUnavailable" => Traced<IntOrPercent>,
        /// ServingGroups below this index keep the old version, for `ServingGroupRollingUpdate`.
        partition: "partition" => Traced<IntOrPercent>,
    }
}

object! {
    /// A mutator of pods that is built into the controller.
    pub struct Plugin ("plugin") {
        /// Its name: `demo-pod-tweaks`, `lws-standard-labels`, or one of the Platform's.
        @required name: "name" => Traced<Str>,
        /// Its configuration, in its own words.
        config: "config" => Node,
        /// Which pods it changes. Default: all.
        scope: "scope" => PluginScope,
    }
}

object! {
    /// Which pods a plugin changes.
    pub struct PluginScope ("plugin scope") {
        /// Roles, by their names in the spec. Default: all.
        roles: "roles" => Vec<Traced<Str>>,
        /// Which of their pods. Default: `All`.
        target: "target" => Traced<PluginTarget>,
    }
}

object! {
    /// The ModelServer and the ModelRoute.
    pub struct Routing ("routing") {
        /// Whether they are made. Default: true, unless the spec has a router role, or wants no router.
        enabled: "enabled" => Traced<bool>,
        /// `modelName` of the ModelRoute: the name that requests use. Default: the served name of the model.
        model_name: "modelName" => Traced<Str>,
        /// LoRA adapters that requests may name instead.
        lora_adapters: "loraAdapters" => Vec<Traced<Str>>,
        /// `rules[].modelMatch`: further conditions on requests.
        model_match: "modelMatch" => Node,
        /// `rateLimit`: limits of tokens.
        rate_limit: "rateLimit" => Node,
        /// `trafficPolicy.timeout` of the ModelServer.
        timeout: "timeout" => Traced<Seconds>,
        /// `trafficPolicy.retry` of the ModelServer.
        retry: "retry" => Node,
    }
}

object! {
    /// How AutoscalingPolicies behave.
    pub struct Autoscaling ("autoscaling") {
        /// Deviation from the target that is tolerated. Default: 10.
        tolerance_percent: "tolerancePercent" => Traced<Int<0, 100>>,
        /// `behavior`: how fast replicas are added and removed.
        behavior: "behavior" => Node,
        /// Bounds of the ratio of two scaled roles.
        ratio: "ratio" => Ratio,
        /// Automatic scaling of slices (`homogeneousTarget`). Excludes scaling of roles.
        slices: "slices" => Scaling,
    }
}

object! {
    /// Bounds of the ratio of two scaled roles.
    pub struct Ratio ("ratio") {
        /// The role above the line, by its name in the spec.
        @required numerator: "numerator" => Traced<Str>,
        /// The role below the line.
        @required denominator: "denominator" => Traced<Str>,
        /// Smallest ratio of their replicas.
        @required min: "min" => Traced<Quantity>,
        /// Largest ratio.
        @required max: "max" => Traced<Quantity>,
    }
}

object! {
    /// Options of one role.
    pub struct RoleOptions ("roles[].targets.kthena") {
        /// Its name in the ModelServing, at most 12 characters. Default: the role's name.
        name: "name" => Traced<Str>,
        /// Replicas without which the gang of the slice does not start (`gangPolicy.minRoleReplicas`). Default: all with a
        /// gang of the role or the slice, else none. Immutable once applied.
        min_replicas: "minRoleReplicas" => Traced<Count>,
        /// What kthena-router takes the engine for: for engines that speak vLLM's or SGLang's protocol.
        inference_engine: "inferenceEngine" => Traced<InferenceEngine>,
    }
}

object! {
    /// How Kthena and Volcano run.
    pub struct Platform ("kthena") {
        /// Kthena's version (`1.0.0`). Default: the newest known.
        version: "version" => Traced<Str>,
        /// Volcano's version (`1.14`), or `none` where it is not installed. Default: the newest known.
        volcano: "volcano" => Traced<Str>,
        /// The HyperNode tiers of the cluster, by the node label that names the same domains.
        topology: "topology" => Vec<Tier>,
        /// Whether kthena-router runs with `--enable-gateway-api`. Default: false.
        gateway_api: "gatewayApi" => Traced<bool>,
        /// The Gateway of routes that name none, where the router runs with the Gateway API. Default: `default` in
        /// `kthena-system`.
        gateway: "gateway" => GatewayName,
        /// The URL of the Prometheus server that AutoscalingPolicies ask for external metrics.
        prometheus: "prometheus" => Traced<Str>,
        /// The image of the sidecar of ModelBoosters' engines. Default: that of Kthena's chart,
        /// `ghcr.io/volcano-sh/runtime:latest`.
        runtime_image: "runtimeImage" => Traced<Str>,
        /// The image that downloads ModelBoosters' models. Default: that of Kthena's chart,
        /// `ghcr.io/volcano-sh/downloader:latest`.
        downloader_image: "downloaderImage" => Traced<Str>,
        /// Whether Kthena makes a ModelServing of every LeaderWorkerSet, as its controller manager does in a cluster that had the
        /// CRD of LeaderWorkerSets when it started. Say so where LWS's own controller does not run. Default: false.
        leader_worker_sets: "leaderWorkerSets" => Traced<bool>,
        /// Names of plugins that are registered beside the built-in ones.
        plugins: "plugins" => Vec<Traced<Str>>,
    }
}

object! {
    /// A HyperNode tier.
    pub struct Tier ("tier") {
        /// The node label whose values name the same domains as the tier.
        @required key: "key" => Traced<Str>,
        /// The tier's number.
        @required tier: "tier" => Traced<Positive>,
    }
}

object! {
    /// A Gateway.
    pub struct GatewayName ("gateway") {
        /// Its name.
        @required name: "name" => Traced<Str>,
        /// Its namespace.
        namespace: "namespace" => Traced<Str>,
    }
}

/// The plugins that every controller has (`pkg/model-serving-controller/plugins`).
pub const PLUGINS: &[&str] = &["demo-pod-tweaks", "lws-standard-labels"];

impl Platform {
    /// Whether Volcano schedules in the cluster.
    pub fn has_volcano(&self) -> bool {
        self.volcano.as_ref().is_none_or(|v| v.value != "none")
    }

    /// Whether Volcano's PodGroups have subgroups (1.14 and later).
    pub fn has_subgroups(&self) -> bool {
        self.has_volcano() && at_least(self.volcano.as_ref(), (1, 14))
    }

    /// Whether roles have a `partition` (after 1.0).
    pub fn has_role_partition(&self) -> bool {
        at_least(self.version.as_ref(), (1, 1))
    }

    /// Whether ModelServings that Kthena makes itself get the default of `schedulerName` where no scheduler is named (after 1.0).
    /// Before, they got an empty one, which is that of Kubernetes.
    pub fn has_default_scheduler(&self) -> bool {
        at_least(self.version.as_ref(), (1, 1))
    }

    /// Whether LeaderWorkerSets become ModelServings.
    pub fn adapts_leader_worker_sets(&self) -> bool {
        self.leader_worker_sets.as_ref().is_some_and(|on| on.value)
    }

    /// The HyperNode tier of a node label.
    pub fn tier(&self, key: &str) -> Option<u32> {
        let tiers = self.topology.iter().flatten();
        tiers
            .filter(|t| t.key.as_ref().is_some_and(|k| k.value == key))
            .find_map(|t| t.tier.as_ref())
            .map(|t| t.value.0)
    }
}

/// Whether a version is at least `(major, minor)`; a version that cannot be read is the newest.
fn at_least(version: Option<&Traced<Str>>, least: (u32, u32)) -> bool {
    let Some(version) = version else { return true };
    let mut parts = version
        .value
        .trim_start_matches('v')
        .split('.')
        .map(str::parse::<u32>);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= least,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        let platform = |kthena: &str, volcano: &str| Platform {
            version: Some(Traced::default_of(kthena.into())),
            volcano: Some(Traced::default_of(volcano.into())),
            ..Platform::default()
        };
        assert!(Platform::default().has_subgroups() && Platform::default().has_role_partition());
        assert!(!platform("v1.0.0", "1.13.2").has_subgroups());
        assert!(!platform("v1.0.0", "1.13.2").has_role_partition());
        assert!(platform("1.1", "v1.14.0").has_subgroups() && platform("1.1", "1.14").has_role_partition());
        assert!(!platform("main", "none").has_subgroups() && !platform("main", "none").has_volcano());
        assert!(platform("main", "none").has_role_partition());
    }
}
