//! vLLM, SGLang and TensorRT-LLM: their command lines, by version, in both directions.
//!
//! - [`version`]: what an image's tag says about the engine inside;
//! - [`table`], [`scan`], [`flags`]: what flags each version has, how its parser reads them, and what is wrong with a line;
//! - [`settings`]: one table of typed settings, to write command lines and to understand them;
//! - [`request`], [`plan()`]: what a role asks for, and the command lines, ports and probes that answer; one file for each
//!   engine has its rules of spreading over GPUs and nodes, [`connector`] those of moving KV caches.
//!
//! Facts about engines are data under `data/`, extracted from the engines' own code; nothing of it is read before a command
//! line is written or checked.

pub mod argv;
pub mod codes;
pub mod connector;
mod custom;
pub mod environment;
pub mod flags;
mod plan;
mod process;
pub mod request;
pub mod router;
pub mod scan;
pub mod settings;
mod sglang;
pub mod shell;
pub mod table;
mod trtllm;
mod user;
pub mod version;
mod vllm;

#[cfg(test)]
mod tests;

pub use codes::CODES;
pub use environment::check_environment;
pub use flags::{FlagFinding, Problem, lint};
pub use plan::plan;
pub use process::DYNAMO_SYSTEM_PORT;
pub use request::{
    Check, Executor, Health, KvTransfer, LoadBalancing, ModelArg, Parallelism, Phase, Plan, Port, Probe,
    Process, Request, SecretMount, Wrapper,
};
pub use router::{
    Backends, Pool, RouterKind, RouterPlan, RouterRequest, engine_image, router, router_image, router_of,
};
pub use table::Program;
pub use version::{Release, Version};

/// An engine that serves a model.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EngineKind {
    /// vLLM.
    Vllm,
    /// SGLang.
    Sglang,
    /// TensorRT-LLM, by `trtllm-serve`.
    Trtllm,
    /// Anything else: its command line is taken as written.
    Custom,
}

impl EngineKind {
    /// The engines that the compiler knows.
    pub const ALL: [Self; 3] = [Self::Vllm, Self::Sglang, Self::Trtllm];

    /// What messages call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vllm => "vLLM",
            Self::Sglang => "SGLang",
            Self::Trtllm => "TensorRT-LLM",
            Self::Custom => "a custom engine",
        }
    }
}
