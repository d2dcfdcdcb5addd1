//! vLLM, SGLang and TensorRT-LLM: their command lines, by version, in both directions.
//!
//! - [`version`]: what an image's tag says about the engine inside;
//! - [`table`], [`scan`], [`flags`]: what flags each version has, how its parser reads them, and what is wrong with a line;
//! - [`settings`]: one table of typed settings, to write command lines and to understand them.
//!
//! Facts about engines are data under `data/`, extracted from the engines' own code; nothing of it is read before a command
//! line is written or checked.

pub mod argv;
pub mod codes;
pub mod flags;
pub mod scan;
pub mod settings;
pub mod table;
pub mod version;

#[cfg(test)]
mod tests;

pub use codes::CODES;
pub use flags::{FlagFinding, Problem, lint};
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
