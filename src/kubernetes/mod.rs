//! What Kubernetes itself defines: pod templates, how they merge, what the API server refuses, and the plain objects that
//! accompany a workload.
//!
//! One table ([`podspec`]) of the fields of a pod template drives strategic merge ([`merge`]), checks ([`check`]) and
//! suggestions. Nothing here knows an orchestrator.

pub mod check;
pub mod codes;
pub mod companion;
pub mod container;
pub mod duration;
pub mod go;
pub mod hash;
pub mod int_or_string;
pub mod json_patch;
pub mod merge;
pub mod names;
pub mod podspec;
pub mod quantity;
pub mod shell;

#[cfg(test)]
pub(crate) mod testing;
