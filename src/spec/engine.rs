//! The engine that runs the model, and the hardware under it.

use super::decode::{Count, Int, Port, Positive, choice, object};
use super::scalar::{EnvFromSource, EnvVar, Quantity};
use crate::value::{Node, Str, Traced};

choice! {
    /// An inference engine.
    pub enum EngineType ("engine") {
        /// vLLM.
        Vllm = "vllm",
        /// SGLang.
        Sglang = "sglang",
        /// TensorRT-LLM, by `trtllm-serve`.
        Trtllm = "trtllm",
        /// Any other container: its command line is taken as written.
        Custom = "custom",
    }
}

choice! {
    /// A runtime that wraps the engine.
    pub enum Wrapper ("engine wrapper") {
        /// NVIDIA Dynamo's worker processes.
        Dynamo = "dynamo",
    }
}

choice! {
    /// How vLLM runs one replica over several nodes.
    pub enum Executor ("executor") {
        /// One process group started by vLLM itself on each node (0.11.2 and later).
        Mp = "mp",
        /// A Ray cluster, started by the compiler's command line.
        Ray = "ray",
    }
}

choice! {
    /// Who spreads requests over the data-parallel ranks of a replica (vLLM).
    pub enum LoadBalancing ("load balancing") {
        /// The leader: one endpoint for the whole replica.
        Internal = "internal",
        /// Each node, over its own ranks: one endpoint a pod.
        Hybrid = "hybrid",
        /// A router: one rank, and so one endpoint, a pod.
        External = "external",
        /// A router: one endpoint a rank, on consecutive ports of each pod.
        MultiPort = "multiPort",
    }
}

object! {
    /// The engine that runs the model.
    pub struct Engine ("engine") {
        /// Which engine.
        r#type: "type" => Traced<EngineType>,
        /// Its version, where the image's tag does not say it. Decides the spelling of its flags.
        version: "version" => Traced<Str>,
        /// A runtime that wraps the engine.
        wrapper: "wrapper" => Traced<Wrapper>,
        /// The container image. Default: the engine's official image of the newest version known.
        image: "image" => Traced<Str>,
        /// When the image is pulled: `Always`, `IfNotPresent` or `Never`.
        image_pull_policy: "imagePullPolicy" => Traced<Str>,
        /// The command of a `custom` engine; for others it replaces the start of the generated command line.
        command: "command" => Vec<Traced<Str>>,
        /// Further arguments, after the generated ones. The last word: a flag given here wins over a setting.
        args: "args" => Vec<Traced<Str>>,
        /// Environment variables, as in a container.
        env: "env" => Env,
        /// Sources of environment variables, as in a container.
        env_from: "envFrom" => Vec<EnvFromSource>,
        /// The port that serves requests. Default: 8000; SGLang 30000.
        port: "port" => Traced<Port>,
        /// How vLLM runs one replica over several nodes. Default: `mp` where the version has it.
        executor: "executor" => Traced<Executor>,
        /// Who spreads requests over data-parallel ranks (vLLM). Default: `internal`.
        load_balancing: "loadBalancing" => Traced<LoadBalancing>,
        /// A Secret with `private.key` and `private.key.pub`, for engines that span nodes over ssh (TensorRT-LLM).
        ssh_secret: "sshSecret" => Traced<Str>,
        /// Settings with the same meaning in several engines.
        settings: "settings" => Settings,
    }
}

object! {
    /// Settings with the same meaning in several engines; each becomes the flag that the engine's version has for it.
    pub struct Settings ("settings") {
        /// Longest context in tokens, prompt and answer together.
        max_model_len: "maxModelLen" => Traced<Positive>,
        /// Share of GPU memory that the engine takes, from 0 to 1. What it covers differs between engines.
        memory_fraction: "memoryFraction" => Traced<f64>,
        /// Most sequences in one batch.
        max_num_seqs: "maxNumSeqs" => Traced<Positive>,
        /// Most tokens in one batch.
        max_num_batched_tokens: "maxNumBatchedTokens" => Traced<Positive>,
        /// Type of the KV cache: `auto`, `fp8`, ….
        kv_cache_dtype: "kvCacheDtype" => Traced<Str>,
        /// Tokens in one block (page) of the KV cache.
        block_size: "blockSize" => Traced<Positive>,
        /// Type of the weights: `auto`, `bfloat16`, ….
        dtype: "dtype" => Traced<Str>,
        /// Method of quantization, where the checkpoint does not say it.
        quantization: "quantization" => Traced<Str>,
        /// How weights are loaded.
        load_format: "loadFormat" => Traced<Str>,
        /// Whether long prompts are computed in pieces.
        chunked_prefill: "chunkedPrefill" => Traced<bool>,
        /// Whether equal prefixes share their KV cache.
        prefix_caching: "prefixCaching" => Traced<bool>,
        /// Turn CUDA graphs off.
        enforce_eager: "enforceEager" => Traced<bool>,
        /// Kernels of attention.
        attention_backend: "attentionBackend" => Traced<Str>,
        /// Exchange between the ranks of expert parallelism.
        all2all_backend: "all2allBackend" => Traced<Str>,
        /// Run code that comes with the checkpoint.
        trust_remote_code: "trustRemoteCode" => Traced<bool>,
        /// Parser of tool calls.
        tool_call_parser: "toolCallParser" => Traced<Str>,
        /// Parser of reasoning.
        reasoning_parser: "reasoningParser" => Traced<Str>,
        /// Chat template: a path in the container or the template itself.
        chat_template: "chatTemplate" => Traced<Str>,
    }
}

object! {
    /// How one replica spreads over GPUs. `tensor`, `pipeline` and `data` multiply to its GPUs.
    pub struct Parallelism ("parallelism") {
        /// Tensor-parallel degree of one rank group of attention. Default: 1.
        tensor: "tensor" => Traced<Positive>,
        /// Stages of the pipeline. Default: 1.
        pipeline: "pipeline" => Traced<Positive>,
        /// Attention data-parallel ranks inside the replica. Independent copies are `replicas`. Default: 1.
        data: "data" => Traced<Positive>,
        /// Spread the experts over all ranks.
        expert: "expert" => Traced<bool>,
    }
}

object! {
    /// The accelerators of a pod.
    pub struct Accelerator ("accelerator") {
        /// The extended resource. Default: `nvidia.com/gpu`.
        resource: "resource" => Traced<Str>,
        /// How many one node has, and so the most that one pod takes. Default: 8.
        per_node: "perNode" => Traced<Count>,
        /// The product, as the label `nvidia.com/gpu.product` names it; becomes a node selector.
        product: "product" => Traced<Str>,
        /// Device claims (dynamic resource allocation) instead of an extended resource.
        claims: "claims" => Vec<DeviceClaim>,
    }
}

object! {
    /// A device claim of a pod.
    pub struct DeviceClaim ("claim") {
        /// The name inside the pod.
        @required name: "name" => Traced<Str>,
        /// A ResourceClaimTemplate: each pod gets a claim of its own.
        resource_claim_template_name: "resourceClaimTemplateName" => Traced<Str>,
        /// A ResourceClaim that pods share.
        resource_claim_name: "resourceClaimName" => Traced<Str>,
    }
}

object! {
    /// The network between the nodes.
    pub struct Network ("network") {
        /// RDMA devices.
        rdma: "rdma" => Rdma,
        /// The interface that engines use for their control traffic (`eth0`).
        interface: "interface" => Traced<Str>,
    }
}

object! {
    /// RDMA devices of a pod.
    pub struct Rdma ("rdma") {
        /// The extended resource, for instance `rdma/ib` or `vpc.amazonaws.com/efa`.
        @required resource: "resource" => Traced<Str>,
        /// How many of it. Default: 1.
        count: "count" => Traced<Positive>,
        /// Names of the devices (`mlx5_0`), for engines that must be told.
        devices: "devices" => Vec<Traced<Str>>,
    }
}

object! {
    /// Memory shared between the processes of a pod, at /dev/shm.
    pub struct SharedMemory ("sharedMemory") {
        /// Its size. Default: what the engine is known to need.
        @required size_limit: "sizeLimit" => Traced<Quantity>,
    }
}

choice! {
    /// What carries KV caches from prefill to decode.
    pub enum Connector ("connector") {
        /// NIXL: vLLM, SGLang, TensorRT-LLM.
        Nixl = "nixl",
        /// Mooncake transfer engine: vLLM, SGLang.
        Mooncake = "mooncake",
        /// LMCache: vLLM.
        Lmcache = "lmcache",
        /// MoRI-IO on AMD: vLLM, SGLang (mori).
        Moriio = "moriio",
        /// UCX: TensorRT-LLM.
        Ucx = "ucx",
        /// MPI: TensorRT-LLM.
        Mpi = "mpi",
    }
}

object! {
    /// How KV caches move from prefill to decode.
    pub struct KvTransfer ("kvTransfer") {
        /// What carries them.
        @required connector: "connector" => Traced<Connector>,
        /// The port of its side channel or bootstrap server. Default: the engine's.
        port: "port" => Traced<Int<1, 65535>>,
        /// Further keys of the engine's own configuration of the connector, as it names them.
        options: "options" => Node,
    }
}

/// Environment variables; entries of a more specific list replace those of the same name.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Env(pub Vec<EnvVar>);

impl super::decode::Decode for Env {
    fn decode(node: &Node, cx: &mut super::decode::Decoder<'_>) -> Option<Self> {
        Vec::decode(node, cx).map(Self)
    }

    fn shape() -> super::shape::Shape {
        <Vec<EnvVar>>::shape()
    }

    fn overlay(self, base: Self, ledger: &mut crate::diagnostic::Ledger) -> Self {
        let mut merged = base.0;
        for entry in self.0 {
            let name = entry.0.get("name").cloned();
            match merged
                .iter_mut()
                .find(|e| name.is_some() && e.0.get("name") == name.as_ref())
            {
                Some(old) => {
                    ledger.supersede(&old.0.all_ids(), &entry.0.ids);
                    *old = entry;
                }
                None => merged.push(entry),
            }
        }
        Self(merged)
    }

    fn origins(&self) -> crate::value::Ids {
        self.0.origins()
    }
}
