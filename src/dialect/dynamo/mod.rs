//! NVIDIA Dynamo (ai-dynamo/dynamo): one DynamoGraphDeployment for the whole workload.
//!
//! A DynamoGraphDeployment lists components: a frontend, and workers that run an engine inside Dynamo's own Python module. Its
//! operator rewrites their command lines, injects environment and probes, and leaves the pods to Grove (one PodCliqueSet) or to
//! Deployments and LeaderWorkerSets, depending on what the cluster has and on an annotation.

mod admit;
mod capability;
pub mod codes;
mod expand;
mod lower;
mod merge;
mod operator;
pub mod options;
mod read;
mod runtime;

use super::{Context, Dialect, Info, Routing};
use crate::ir::{Capability, Serving, Support, Use};
use crate::plan::runtime::Runtime;
use crate::pods::{Expansion, Scene};
use crate::source::Document;
use crate::spec::ServingSpec;
use crate::value::Node;

/// The dialect.
#[derive(Debug)]
pub struct Dynamo;

static INFO: Info = Info {
    name: "dynamo",
    title: "NVIDIA Dynamo DynamoGraphDeployment",
    api_version: "nvidia.com/v1beta1",
    kind: "DynamoGraphDeployment",
    // Dynamo's frontend, which is the router of its runtime.
    routing: Routing::Role,
    capabilities: capability::CAPABILITIES,
    options: &options::Options::SHAPE,
    role_options: &options::RoleOptions::SHAPE,
    platform: &options::Platform::SHAPE,
    codes: codes::CODES,
    templates: &[
        (
            "dynamo/graph.yaml",
            include_str!("../../../templates/dynamo/graph.yaml"),
        ),
        (
            "dynamo/component.yaml",
            include_str!("../../../templates/dynamo/component.yaml"),
        ),
    ],
};

impl Dialect for Dynamo {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn supports(&self, serving: &Serving, used: &Use, row: &Capability) -> Support {
        capability::supports(serving, used, row)
    }

    fn runtime(&self, spec: &ServingSpec) -> Option<Runtime> {
        Some(runtime::runtime(spec))
    }

    // Plain engines would need the runtime's processes, and its workers the runtime's discovery.
    fn migrates(&self) -> bool {
        false
    }

    fn lower(&self, serving: &Serving, cx: &mut Context<'_>) -> Vec<Node> {
        lower::lower(serving, cx)
    }

    fn expands(&self, api_version: &str, kind: &str) -> bool {
        api_version
            .strip_prefix(read::GROUP)
            .is_some_and(|v| ["/v1beta1", "/v1alpha1"].contains(&v))
            && expand::KINDS.contains(&kind)
    }

    fn expand(&self, object: &Document, scene: &Scene<'_>, cx: &mut Context<'_>) -> Expansion {
        expand::expand(object, scene, cx)
    }
}
