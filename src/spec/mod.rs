//! The language: `apiVersion: infer.dev/v1alpha1`, `kind: Serving`.
//!
//! A [`Serving`] says what is served and how, in terms of the field and of no orchestrator: a model, an engine, roles with
//! replicas and parallelism, policies. A spec that says less means the simple thing: one aggregated role, one replica, one
//! GPU. [`object!`](decode) declares each type once; [`schema`] and `explain` read the same declarations.

pub mod codes;
pub mod decode;
pub mod engine;
pub mod model;
pub mod policy;
pub mod role;
pub mod routing;
pub mod scalar;
pub mod schema;
pub mod shape;

use crate::value::{Node, Str, Traced};
use decode::{Count, StringMap, choice, object};
use engine::{Accelerator, Engine, KvTransfer, Network, SharedMemory};
use model::Model;
use policy::{Disruption, Probes, Restart, Rollout, Scheduling, Shutdown, Startup};
use role::Role;
use routing::Routing;
use scalar::{PodTemplate, ResourceRequirements};

/// The API version that this build reads and writes.
pub const API_VERSION: &str = "infer.dev/v1alpha1";
/// The kind of a spec.
pub const KIND: &str = "Serving";

object! {
    /// A model served by an engine, on any orchestrator.
    pub struct Serving ("serving") {
        /// `infer.dev/v1alpha1`.
        @required api_version: "apiVersion" => Traced<Str>,
        /// `Serving`.
        @required kind: "kind" => Traced<Str>,
        /// Name, namespace, labels and annotations.
        @required metadata: "metadata" => Metadata,
        /// What is served and how.
        @required spec: "spec" => ServingSpec,
    }
}

object! {
    /// Identity of the serving.
    pub struct Metadata ("metadata") {
        /// The name; names of everything that is made begin with it. A DNS label; how long depends on the target.
        @required name: "name" => Traced<Str>,
        /// The namespace of everything that is made.
        namespace: "namespace" => Traced<Str>,
        /// Labels of everything that is made, pods included.
        labels: "labels" => StringMap,
        /// Annotations of the workload objects.
        annotations: "annotations" => StringMap,
    }
}

choice! {
    /// The labels that pods get beside those of their templates.
    pub enum PodLabels ("pod labels") {
        /// `metadata.labels` and the compiler's own.
        All = "all",
        /// The compiler's own: `infer.dev/serving`, `infer.dev/role`, `infer.dev/member`.
        Own = "own",
        /// None. What the compiler would select pods by is not there then.
        None = "none",
    }
}

object! {
    /// What is served and how.
    pub struct ServingSpec ("spec") {
        /// The model.
        model: "model" => Model,
        /// The engine that runs it. Default: vLLM.
        engine: "engine" => Engine,
        /// The accelerators of a pod.
        accelerator: "accelerator" => Accelerator,
        /// The network between the nodes.
        network: "network" => Network,
        /// Requests and limits of the engines' containers beside their accelerators.
        resources: "resources" => ResourceRequirements,
        /// Memory at /dev/shm.
        shared_memory: "sharedMemory" => SharedMemory,
        /// Whole copies of the role set. Default: 1.
        slices: "slices" => Traced<Count>,
        /// The roles. Default: one, `server`, of phase `aggregated`.
        roles: "roles" => Vec<Role>,
        /// How KV caches move from prefill to decode.
        kv_transfer: "kvTransfer" => KvTransfer,
        /// Where and how pods are scheduled.
        scheduling: "scheduling" => Scheduling,
        /// How a change reaches running replicas.
        rollout: "rollout" => Rollout,
        /// What happens when a container fails.
        restart: "restart" => Restart,
        /// How pods start.
        startup: "startup" => Startup,
        /// How pods stop.
        shutdown: "shutdown" => Shutdown,
        /// Bounds for drains, of each role.
        disruption: "disruption" => Disruption,
        /// Probes of the engines' containers.
        probes: "probes" => Probes,
        /// How requests arrive.
        routing: "routing" => Routing,
        /// Overlay of all pods by strategic merge.
        pod_template: "podTemplate" => PodTemplate,
        /// The labels that pods get beside those of their templates. `lift` writes `none`, so that no pod changes. Default: `all`.
        pod_labels: "podLabels" => Traced<PodLabels>,
        /// Options and patches for one dialect each, as `explain targets.DIALECT` lists them.
        targets: "targets" => Node,
    }
}
