//! What only Dynamo has.

use crate::spec::decode::{Positive, StringMap, choice, object};
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

choice! {
    /// What a component is to Dynamo.
    pub enum ComponentType ("component type") {
        /// The HTTP server and router.
        Frontend = "frontend",
        /// An engine that does both phases.
        Worker = "worker",
        /// An engine that computes prompts.
        Prefill = "prefill",
        /// An engine that generates.
        Decode = "decode",
        /// The planner, which scales the others.
        Planner = "planner",
        /// An endpoint picker of the Gateway API.
        Epp = "epp",
        /// Anything else: the operator adds no command, port or probe.
        None = "none",
    }
}

object! {
    /// Options of the DynamoGraphDeployment.
    pub struct Options ("targets.dynamo") {
        /// What runs the pods. Default: `grove`, or what the Platform document says that the cluster has.
        mode: "mode" => Traced<Mode>,
        /// The image of Dynamo's runtime, in place of the image of the plain engine. The frontend runs from it too.
        image: "image" => Traced<Str>,
        /// The version of the runtime, for images whose tag is none. Becomes `runtimeVersionOverride`.
        runtime_version: "runtimeVersion" => Traced<Str>,
        /// `backendFramework`. Default: the engine.
        backend_framework: "backendFramework" => Traced<Str>,
        /// Environment variables of all components; a component's own win.
        env: "env" => Vec<Node>,
        /// Labels of the PodCliqueSet and of all pods.
        labels: "labels" => StringMap,
        /// Annotations of the PodCliqueSet and of all pods.
        annotations: "annotations" => StringMap,
        /// `topologyConstraint` of the graph, in place of the one that follows from `scheduling.topology`.
        topology_constraint: "topologyConstraint" => Node,
        /// Within which domain decode takes KV caches from prefill: `experimental.kvTransferPolicy`.
        kv_transfer_policy: "kvTransferPolicy" => Node,
        /// A patch of the PodCliqueSet that the operator makes: `{apiVersion, target, value}`.
        provider_override: "providerOverride" => Node,
        /// Patches of rendered objects: `{kind, name, patch: [RFC 6902 operations]}`.
        patches: "patches" => Vec<Node>,
    }
}

object! {
    /// Options of a component.
    pub struct RoleOptions ("roles[].targets.dynamo") {
        /// The component's name. Default: the role's.
        name: "name" => Traced<Str>,
        /// What it is to Dynamo. Default: by the role's phase where it runs Dynamo, else `none`.
        component_type: "type" => Traced<ComponentType>,
        /// The image of Dynamo's runtime. Default: the serving's.
        image: "image" => Traced<Str>,
        /// The version of the runtime, for an image whose tag is none. Becomes `runtimeVersionOverride`.
        runtime_version: "runtimeVersion" => Traced<Str>,
        /// Replicas without which the graph does not start. Default: 1, or all of them with `scheduling.gang` of scope `role`
        /// or `slice`. Cannot be changed later.
        min_available: "minAvailable" => Traced<Positive>,
        /// Let something else scale the component: a planner, or an autoscaler of your own. Default: as `scaling` needs it.
        scaling_adapter: "scalingAdapter" => Traced<bool>,
        /// Use the Dynamo namespace `dynamo`, which graphs share.
        global_dynamo_namespace: "globalDynamoNamespace" => Traced<bool>,
        /// The model that the component serves to a DynamoModel: `{name, revision}`.
        model_ref: "modelRef" => Node,
        /// A claim for what the engine compiles: `{pvcName, mountPath}`.
        compilation_cache: "compilationCache" => Node,
        /// `topologyConstraint` of the component, in place of the one that follows from `scheduling.topology`.
        topology_constraint: "topologyConstraint" => Node,
        /// Configuration of an endpoint picker.
        epp_config: "eppConfig" => Node,
        /// The container that is a frontend beside the worker.
        frontend_sidecar: "frontendSidecar" => Traced<Str>,
        /// `multinode` beside its node count: `{leader, worker}` with a `providerOverride` each.
        multinode: "multinode" => Node,
        /// `experimental`: GPU memory service, failover, checkpoints, a scaling group for single pods.
        experimental: "experimental" => Node,
        /// A patch of what the operator makes of the component for Grove.
        provider_override: "providerOverride" => Node,
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
        /// `natsAddress` of the operator's configuration: NATS_SERVER of all components; `""` for none. Default: the NATS that the
        /// platform's chart brings, installed as `dynamo-platform` in `dynamo-system`.
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
        /// KAI's queues. Default: unknown, any may be there.
        queues: "queues" => Vec<Traced<Str>>,
        /// PersistentVolumeClaims that are in the namespace beside those of the input. Default: unknown, any may be there.
        claims: "claims" => Vec<Traced<Str>>,
        /// Whether checkpoints are enabled. Default: false.
        checkpoints: "checkpoints" => Traced<bool>,
        /// `mpi.sshSecretName`, whose keys join the pods of TensorRT-LLM. Default: `mpi-run-ssh-secret`.
        mpi_secret: "mpiSecret" => Traced<Str>,
        /// The operator's version. Default: 1.5.0.
        version: "version" => Traced<Str>,
    }
}
