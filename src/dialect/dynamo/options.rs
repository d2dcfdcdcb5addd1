//! What only Dynamo has.

use crate::spec::decode::{choice, object};
use crate::value::{Node, Str, Traced};

choice! {
    /// What runs the pods of a graph.
    pub enum Mode ("mode") {
        /// One PodCliqueSet, which Grove expands.
        Grove = "grove",
        /// Deployments, and LeaderWorkerSets for components of several nodes.
        Lws = "lws",
    }
}

object! {
    /// Options of the DynamoGraphDeployment.
    pub struct Options ("targets.dynamo") {
        /// What runs the pods. Default: `grove`.
        mode: "mode" => Traced<Mode>,
        /// Patches of rendered objects: `{kind, name, patch: [RFC 6902 operations]}`.
        patches: "patches" => Vec<Node>,
    }
}

object! {
    /// Options of a component.
    pub struct RoleOptions ("roles[].targets.dynamo") {
        /// The component's `runtimeVersionOverride`, for an image whose tag is no version.
        runtime_version: "runtimeVersion" => Traced<Str>,
    }
}

object! {
    /// How the Dynamo operator runs.
    pub struct Platform ("dynamo") {
        /// Whether Grove is there and enabled. Default: true.
        grove: "grove" => Traced<bool>,
        /// Whether components of several nodes may become LeaderWorkerSets: needs the API groups of LeaderWorkerSet and of
        /// Volcano. Default: true.
        lws: "lws" => Traced<bool>,
        /// `natsAddress` of the operator's configuration: NATS_SERVER of all components. Default: none.
        nats_address: "natsAddress" => Traced<Str>,
        /// `etcdAddress`: ETCD_ENDPOINTS. Default: none.
        etcd_address: "etcdAddress" => Traced<Str>,
        /// `modelExpressURL`: MODEL_EXPRESS_URL. Default: none.
        model_express_url: "modelExpressURL" => Traced<Str>,
        /// `prometheusEndpoint`: PROMETHEUS_ENDPOINT. Default: none.
        prometheus_endpoint: "prometheusEndpoint" => Traced<Str>,
        /// The discovery backend of graphs that name none: `kubernetes` or `etcd`. Default: `kubernetes`.
        discovery_backend: "discoveryBackend" => Traced<Str>,
        /// Whether KAI schedules graphs of Grove mode. Default: false.
        kai: "kai" => Traced<bool>,
        /// Whether Volcano schedules graphs of Grove mode. Default: false.
        volcano: "volcano" => Traced<bool>,
        /// `groveTerminationDelay` of PodCliqueSets. Default: 4h, as the platform's chart has it.
        termination_delay: "terminationDelay" => Traced<Str>,
        /// The operator's version. Default: 1.5.0.
        version: "version" => Traced<Str>,
    }
}
