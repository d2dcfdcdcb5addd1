//! What a command line is asked for, and what is answered.

use super::EngineKind;
use super::version::Version;
use crate::value::{Ids, Node, Str, Traced};

/// What a role does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Computes prompts.
    Prefill,
    /// Generates tokens from prompts that prefill computed.
    Decode,
    /// Does both.
    Aggregated,
    /// Encodes images or sound.
    Encode,
}

/// What is served.
#[derive(Clone, Debug)]
pub struct ModelArg {
    /// A repository of a hub, a path in the container, or a URI that the engine understands.
    pub path: Traced<Str>,
    /// The revision of a repository.
    pub revision: Option<Traced<Str>>,
    /// What clients call it.
    pub served_name: Option<Traced<Str>>,
}

/// How one replica spreads over GPUs. `tensor`, `pipeline` and `data` multiply to its GPUs.
#[derive(Clone, Debug)]
pub struct Parallelism {
    /// Tensor-parallel degree of one rank group of attention.
    pub tensor: Traced<u32>,
    /// Stages of the pipeline.
    pub pipeline: Traced<u32>,
    /// Attention data-parallel ranks inside the replica.
    pub data: Traced<u32>,
    /// Spread the experts over all ranks.
    pub expert: Traced<bool>,
}

impl Default for Parallelism {
    fn default() -> Self {
        let one = || Traced::default_of(1);
        Self {
            tensor: one(),
            pipeline: one(),
            data: one(),
            expert: Traced::default_of(false),
        }
    }
}

/// How KV caches move between prefill and decode.
#[derive(Clone, Debug)]
pub struct KvTransfer {
    /// What carries them: `nixl`, `mooncake`, `lmcache`, `moriio`, `ucx`, `mpi`, or the engine's own name of a connector.
    pub connector: Traced<Str>,
    /// The port of its side channel or bootstrap server.
    pub port: Option<Traced<u32>>,
    /// Further keys of the engine's own configuration of the connector.
    pub options: Option<Node>,
    /// RDMA devices, for engines that must be told.
    pub devices: Vec<Traced<Str>>,
}

/// How vLLM runs one replica over several nodes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Executor {
    /// A process group that vLLM starts itself.
    Mp,
    /// A Ray cluster.
    Ray,
}

/// Who spreads requests over the data-parallel ranks of a vLLM replica.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LoadBalancing {
    /// The leader: one endpoint for the replica.
    Internal,
    /// Each node, over its own ranks: one endpoint a pod.
    Hybrid,
    /// A router: one rank and one endpoint a pod.
    External,
    /// A router: one endpoint a rank, on consecutive ports of each pod.
    MultiPort,
}

/// A runtime around the engine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wrapper {
    /// NVIDIA Dynamo's worker processes: no HTTP interface of their own, found by discovery.
    Dynamo,
}

/// A question for the command lines of one role.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The engine.
    pub engine: EngineKind,
    /// Its version; that of the wrapper, if there is one.
    pub version: &'a Version,
    /// A runtime around it.
    pub wrapper: Option<&'a Traced<Wrapper>>,
    /// What is served. A custom engine may have none.
    pub model: Option<&'a ModelArg>,
    /// What the role does.
    pub phase: Phase,
    /// How a replica spreads.
    pub parallelism: &'a Parallelism,
    /// The nodes (pods) of a replica.
    pub nodes: &'a Traced<u32>,
    /// The GPUs of each of its pods; 0 where there are none.
    pub gpus_per_node: &'a Traced<u32>,
    /// The port that serves requests.
    pub port: &'a Traced<u32>,
    /// How KV caches move; needed by prefill and decode.
    pub kv: Option<&'a KvTransfer>,
    /// Typed settings, by the keys of [`settings::ROWS`](super::settings::ROWS).
    pub settings: &'a [(&'static str, Node)],
    /// A command in place of the engine's own start; the whole command of a custom engine.
    pub command: &'a [Node],
    /// The user's own arguments, which have the last word.
    pub args: &'a [Node],
    /// How several nodes are joined (vLLM).
    pub executor: Option<&'a Traced<Executor>>,
    /// Who spreads requests over data-parallel ranks (vLLM).
    pub load_balancing: Option<&'a Traced<LoadBalancing>>,
    /// The name of a Secret with `private.key` and `private.key.pub`, for engines that span nodes over ssh.
    pub ssh_secret: Option<&'a Traced<Str>>,
    /// Whether the target's own operator completes the processes: it makes the command line of several nodes out of that of
    /// one, and adds ports, probes and variables of the wrapper.
    pub by_operator: bool,
    /// Whether a router wants to know which prefixes each replica has in its cache (wrapped engines).
    pub cache_events: Option<&'a Ids>,
}

/// A port that a process listens on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Port {
    /// Its name, unique in the process and at most 15 characters.
    pub name: Str,
    /// Its number.
    pub number: Traced<u32>,
}

/// What a probe asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Check {
    /// An HTTP request that must be answered with success.
    Http {
        /// The path.
        path: &'static str,
        /// The port.
        port: Traced<u32>,
    },
    /// A connection that must be accepted.
    Tcp {
        /// The port.
        port: Traced<u32>,
    },
}

/// A probe.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Probe {
    /// What it asks.
    pub check: Check,
    /// Seconds between two of them.
    pub period: u32,
    /// Seconds until one counts as failed.
    pub timeout: u32,
    /// How many in a row must fail.
    pub failures: u32,
}

/// How the health of a process is seen. Without any probe a process is ready when it runs.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Health {
    /// Until it has started.
    pub startup: Option<Probe>,
    /// While it takes requests.
    pub readiness: Option<Probe>,
    /// While it need not be restarted.
    pub liveness: Option<Probe>,
}

/// What runs in the engine's container of one member.
#[derive(Clone, Debug)]
pub struct Process {
    /// The command, a list of strings; empty to use that of the image.
    pub command: Node,
    /// The arguments, a list of strings. Settings that decided an absence are on the list itself.
    pub args: Node,
    /// Variables, each as in a container: a mapping with `name` and `value` or `valueFrom`.
    pub env: Vec<Node>,
    /// Where it listens.
    pub ports: Vec<Port>,
    /// How many consecutive ports, from the request's, take requests; 0 for a process that serves none.
    pub endpoints: u32,
    /// How its health is seen.
    pub health: Health,
}

impl Process {
    /// Whether it takes requests.
    pub fn serves(&self) -> bool {
        self.endpoints > 0
    }
}

/// A Secret that the engine's container must mount.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SecretMount {
    /// The Secret.
    pub name: Traced<Str>,
    /// Where.
    pub path: &'static str,
}

/// The command lines of one role.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Pod 0 of each replica.
    pub leader: Process,
    /// The other pods, if there are any.
    pub worker: Option<Process>,
    /// The size of /dev/shm that the engine is known to need.
    pub shared_memory: &'static str,
    /// The port that a router must know of a prefill pod, beside that of its requests.
    pub bootstrap_port: Option<Traced<u32>>,
    /// Secrets to mount in all pods.
    pub secrets: Vec<SecretMount>,
}

/// A variable with a value.
pub fn variable(name: &str, value: Node) -> Node {
    let mut entry = Node::map();
    entry.set("name", name);
    entry.set("value", super::argv::word(&value));
    entry
}

/// A variable with the address of the pod.
pub fn pod_ip(name: &str, ids: &Ids) -> Node {
    let mut entry = Node::map();
    entry.set("name", name);
    *entry.at_mut(&["valueFrom", "fieldRef", "fieldPath"]) = Node::derived("status.podIP", ids);
    entry
}
