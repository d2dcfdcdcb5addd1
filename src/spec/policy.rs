//! Policies: scheduling, rollout, restart, startup, shutdown, disruption, scaling, probes.

use super::decode::{Count, Positive, StringMap, choice, object};
use super::scalar::{Affinity, IntOrPercent, LifecycleHandler, Probe, Quantity, Seconds, Toleration};
use crate::value::{Str, Traced};

choice! {
    /// What a policy is about: the coordinates of the lattice.
    pub enum Scope ("scope") {
        /// One replica of a role: one engine instance with all its pods.
        Replica = "replica",
        /// All replicas of a role.
        Role = "role",
        /// All roles of a slice.
        Slice = "slice",
    }
}

object! {
    /// Where and how pods are scheduled.
    pub struct Scheduling ("scheduling") {
        /// Pods that start together or not at all.
        gang: "gang" => Gang,
        /// How close together pods must be.
        topology: "topology" => Topology,
        /// The queue that the workload is charged to (Volcano, KAI, Kueue).
        queue: "queue" => Traced<Str>,
        /// The PriorityClass of all pods.
        priority_class_name: "priorityClassName" => Traced<Str>,
        /// The scheduler of all pods. Default: the cluster's, or the one that the gang needs.
        scheduler_name: "schedulerName" => Traced<Str>,
        /// Labels that nodes must have.
        node_selector: "nodeSelector" => StringMap,
        /// What pods tolerate.
        tolerations: "tolerations" => Vec<Toleration>,
        /// Further constraints, as in a pod.
        affinity: "affinity" => Affinity,
    }
}

object! {
    /// Pods that start together or not at all.
    pub struct Gang ("gang") {
        /// Turns it off where a more general setting turned it on. Default: true.
        enabled: "enabled" => Traced<bool>,
        /// What starts together. Default: `replica`.
        scope: "scope" => Traced<Scope>,
        /// How long the scheduler waits for the gang to be complete.
        timeout: "timeout" => Traced<Seconds>,
    }
}

choice! {
    /// How strict a constraint is.
    pub enum Strictness ("strictness") {
        /// Pods wait until it holds.
        Required = "required",
        /// Pods run elsewhere if it cannot hold.
        Preferred = "preferred",
    }
}

object! {
    /// How close together pods must be.
    pub struct Topology ("topology") {
        /// The label of nodes that names a domain, for instance `topology.kubernetes.io/zone` or a rack label.
        @required key: "key" => Traced<Str>,
        /// What must be inside one domain. Default: `replica`.
        scope: "scope" => Traced<Scope>,
        /// How strict it is. Default: `required`.
        mode: "mode" => Traced<Strictness>,
        /// No other replica of the workload may use the same domain.
        exclusive: "exclusive" => Traced<bool>,
    }
}

object! {
    /// How a change reaches running replicas.
    pub struct Rollout ("rollout") {
        /// Most replicas that may be missing meanwhile. Default: 1.
        max_unavailable: "maxUnavailable" => Traced<IntOrPercent>,
        /// Most replicas that may be there beside the wanted ones. Default: 0.
        max_surge: "maxSurge" => Traced<IntOrPercent>,
        /// Replicas with an index below this one keep the old version.
        partition: "partition" => Traced<Count>,
        /// Hold changes back.
        paused: "paused" => Traced<bool>,
        /// Change what can be changed without replacing the pod.
        in_place: "inPlace" => Traced<bool>,
    }
}

choice! {
    /// What is made anew when a container fails.
    pub enum RestartPolicy ("restart policy") {
        /// The container alone, by the kubelet.
        Pod = "pod",
        /// All pods of the replica: the engines of a multi-node replica cannot go on without one of them.
        Replica = "replica",
        /// All pods of the slice.
        Slice = "slice",
    }
}

object! {
    /// What happens when a container fails.
    pub struct Restart ("restart") {
        /// What is made anew. Default: `replica` for replicas of several pods, else `pod`.
        policy: "policy" => Traced<RestartPolicy>,
        /// Wait before the second restart of a replica; doubles each time.
        base_delay: "baseDelay" => Traced<Seconds>,
        /// Longest wait.
        max_delay: "maxDelay" => Traced<Seconds>,
    }
}

choice! {
    /// In which order the pods of a replica start.
    pub enum StartupOrder ("startup order") {
        /// All at once.
        Parallel = "parallel",
        /// Workers when the leader is ready.
        LeaderFirst = "leaderFirst",
        /// The leader when the workers are ready.
        WorkersFirst = "workersFirst",
    }
}

object! {
    /// How pods start.
    pub struct Startup ("startup") {
        /// The order within a replica. Default: `parallel`.
        order: "order" => Traced<StartupOrder>,
    }
}

object! {
    /// How pods stop.
    pub struct Shutdown ("shutdown") {
        /// Time between the signal to stop and the kill. Default: 30 s.
        grace_period: "gracePeriod" => Traced<Seconds>,
        /// What runs in the engine's container before the signal.
        pre_stop: "preStop" => LifecycleHandler,
    }
}

object! {
    /// How many pods a drain may take at once. One of the two.
    pub struct Disruption ("disruption") {
        /// Pods that must stay.
        min_available: "minAvailable" => Traced<IntOrPercent>,
        /// Pods that may be missing.
        max_unavailable: "maxUnavailable" => Traced<IntOrPercent>,
    }
}

object! {
    /// Probes of the engine's container, in place of the ones that fit the engine. An empty mapping means none.
    pub struct Probes ("probes") {
        /// Until it succeeds the others wait.
        startup: "startup" => Probe,
        /// Whether the pod gets requests.
        readiness: "readiness" => Probe,
        /// Whether the container is restarted.
        liveness: "liveness" => Probe,
    }
}

object! {
    /// Bounds and signals of automatic scaling.
    pub struct Scaling ("scaling") {
        /// Fewest replicas. Default: 1.
        min_replicas: "minReplicas" => Traced<Count>,
        /// Most replicas.
        @required max_replicas: "maxReplicas" => Traced<Positive>,
        /// What decides; the one that asks for most replicas wins.
        @required metrics: "metrics" => Vec<Metric>,
    }
}

choice! {
    /// Where a metric comes from.
    pub enum MetricSource ("metric source") {
        /// CPU or memory use of the pods in percent of what they request.
        Resource = "resource",
        /// A metric that each pod exposes; the target is the average.
        Pods = "pods",
        /// A metric of the cluster's external metrics API.
        External = "external",
    }
}

object! {
    /// A signal of automatic scaling.
    pub struct Metric ("metric") {
        /// Where it comes from. Default: `pods`.
        source: "source" => Traced<MetricSource>,
        /// Its name: `cpu` or `memory` for resources, else the metric's own.
        @required name: "name" => Traced<Str>,
        /// The value to hold: percent for resources, else the average over pods.
        @required target: "target" => Traced<Quantity>,
    }
}
