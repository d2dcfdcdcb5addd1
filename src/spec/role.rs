//! Roles: what the pods of a serving are for.

use super::decode::{Count, Positive, choice, object};
use super::engine::{Accelerator, Engine, KvTransfer, Network, Parallelism, SharedMemory};
use super::policy::{Disruption, Probes, Restart, Rollout, Scaling, Scheduling, Shutdown, Startup};
use super::scalar::{PersistentVolumeClaim, PodTemplate, ResourceRequirements};
use crate::value::{Node, Str, Traced};

choice! {
    /// What a role does in serving a request.
    pub enum Phase ("phase") {
        /// Computes prompts.
        Prefill = "prefill",
        /// Generates tokens from prompts that prefill computed.
        Decode = "decode",
        /// Does both.
        Aggregated = "aggregated",
        /// Spreads requests over the others.
        Router = "router",
        /// Encodes images or sound.
        Encode = "encode",
        /// Anything else.
        Other = "other",
    }
}

object! {
    /// A role: pods of one purpose, in replicas. What it does not say, the spec's own settings say.
    pub struct Role ("role") {
        /// Its name: a DNS label, unique in the spec. Becomes part of the names of its pods.
        @required name: "name" => Traced<Str>,
        /// What it does. Default: `aggregated`, or what its name says (`prefill`, `decode`, `router`, `encode`).
        phase: "phase" => Traced<Phase>,
        /// Engine instances. Default: 1.
        replicas: "replicas" => Traced<Count>,
        /// How one replica spreads over GPUs.
        parallelism: "parallelism" => Parallelism,
        /// Pods (nodes) of one replica. Default: the fewest over which its GPUs divide evenly.
        nodes: "nodes" => Traced<Positive>,
        /// Overrides the spec's engine, field by field.
        engine: "engine" => Engine,
        /// Overrides the spec's accelerator, field by field.
        accelerator: "accelerator" => Accelerator,
        /// Overrides the spec's network.
        network: "network" => Network,
        /// Requests and limits of the engine's container beside its accelerators.
        resources: "resources" => ResourceRequirements,
        /// Memory at /dev/shm.
        shared_memory: "sharedMemory" => SharedMemory,
        /// Overrides the spec's KV transfer.
        kv_transfer: "kvTransfer" => KvTransfer,
        /// Roles that must be ready before this one starts.
        depends_on: "dependsOn" => Vec<Traced<Str>>,
        /// Overrides the spec's scheduling.
        scheduling: "scheduling" => Scheduling,
        /// Overrides the spec's rollout.
        rollout: "rollout" => Rollout,
        /// Overrides the spec's restart.
        restart: "restart" => Restart,
        /// Overrides the spec's startup.
        startup: "startup" => Startup,
        /// Overrides the spec's shutdown.
        shutdown: "shutdown" => Shutdown,
        /// Automatic scaling of the replicas.
        scaling: "scaling" => Scaling,
        /// Bounds for drains.
        disruption: "disruption" => Disruption,
        /// Probes of the engine's container.
        probes: "probes" => Probes,
        /// Overlay of all pods of the role by strategic merge; the engine's container is `engine`. A role of an engine of
        /// type `custom` without an image may be only this: a whole pod template.
        pod_template: "podTemplate" => PodTemplate,
        /// Overlay of the leader (rank 0 of each replica), over `podTemplate`.
        leader: "leader" => PodTemplate,
        /// Overlay of the workers (the other ranks), over `podTemplate`.
        worker: "worker" => PodTemplate,
        /// The pods of a replica by kind, in rank order, when leader and worker are not enough. Each is a whole pod template.
        members: "members" => Vec<Member>,
        /// Claims made for each pod, as in a StatefulSet; containers mount them by name.
        volume_claim_templates: "volumeClaimTemplates" => Vec<PersistentVolumeClaim>,
        /// Options of this role for one dialect each, as `explain targets.DIALECT` lists them.
        targets: "targets" => Node,
    }
}

object! {
    /// One kind of pod of a replica.
    pub struct Member ("member") {
        /// Its name: a DNS label, unique in the role.
        @required name: "name" => Traced<Str>,
        /// How many of them. Default: 1.
        count: "count" => Traced<Positive>,
        /// What they do, if not what the role does.
        phase: "phase" => Traced<Phase>,
        /// The pods.
        @required pod_template: "podTemplate" => PodTemplate,
    }
}
