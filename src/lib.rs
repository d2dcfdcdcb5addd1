//! `kubectl infer`: a compiler for LLM serving workloads on Kubernetes.
//!
//! One high-level spec goes in, the manifests of the orchestrator that is installed come out, and every value that
//! could not be carried is named. This page is the map of the house.
//!
//! ```text
//! file ──source──▶ Serving ──spec──▶ ──plan──▶ IR ──dialect──▶ objects ──emit──▶ page
//!        positions   typed   checks    engine        lower        │
//!                       ▲─────────────lift────────────────────────┤
//!                                                                 └──pods──▶ what controllers will create
//! ```
//!
//! From the ground floor up; a module uses only those above it in this list:
//!
//! | module | what it is |
//! |---|---|
//! | [`value`] | the tree that every document is, with the origin of each node |
//! | [`source`] | text to tree and back: positions, scalars as Kubernetes reads them, safe emission |
//! | [`diagnostic`] | what the compiler says: codes, losses, the account that nothing is lost, writers |
//! | [`kubernetes`] | the objects that Kubernetes itself defines: pod templates, strategic merge, companions |
//! | [`crd`] | objects judged by the CustomResourceDefinitions of their kinds |
//! | [`spec`] | the language `infer.dev/v1alpha1`: types, strict decoding, schema |
//! | [`ir`] | the lattice of pods that all orchestrators share; capabilities; address expressions answered |
//! | [`engine`] | vLLM, SGLang, TensorRT-LLM: typed settings and command lines, by version |
//! | [`plan`] | spec to IR: nodes, members, command lines, ports, probes, volumes |
//! | [`pods`] | what controllers make of objects: pods with coordinates, child objects, outcomes |
//! | [`template`] | manifests with holes, filled without ever becoming text |
//! | [`dialect`] | one folder for each orchestrator, and their registry |
//! | [`compile`] | the pipeline: one document through all of the above, and the account balanced |
//! | [`lift`] | the way back: objects to specs, and so to the objects of any other target |
//! | [`diff`] | what differs between two objects, by structure |
//! | [`cluster`] | the API server: server-side apply, dry runs, sets of applied objects |
//! | [`cli`] | one file for each verb |

pub mod cli;
pub mod cluster;
pub mod compile;
pub mod crd;
pub mod diagnostic;
pub mod dialect;
pub mod diff;
pub mod engine;
pub mod ir;
pub mod kubernetes;
pub mod lift;
pub mod plan;
pub mod pods;
pub mod source;
pub mod spec;
pub mod template;
pub mod value;
