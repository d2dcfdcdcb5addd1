//! NVIDIA Dynamo (ai-dynamo/dynamo): one DynamoGraphDeployment for the whole workload.
//!
//! A DynamoGraphDeployment lists components: a frontend, and workers that run an engine inside Dynamo's own Python module. Its
//! operator rewrites their command lines, injects environment and probes, and leaves the pods to Grove (one PodCliqueSet) or to
//! Deployments and LeaderWorkerSets, depending on what the cluster has and on an annotation.

pub mod codes;
mod lower;
pub mod options;

use super::{Context, Dialect, Info, Routing};
use crate::ir::{Capability, Serving};
use crate::value::Node;

/// The dialect.
#[derive(Debug)]
pub struct Dynamo;

const CAPABILITIES: &[Capability] = &[];

static INFO: Info = Info {
    name: "dynamo",
    title: "NVIDIA Dynamo DynamoGraphDeployment",
    api_version: "nvidia.com/v1beta1",
    kind: "DynamoGraphDeployment",
    routing: Routing::Own,
    capabilities: CAPABILITIES,
    options: &options::Options::SHAPE,
    role_options: &options::RoleOptions::SHAPE,
    platform: &options::Platform::SHAPE,
    codes: codes::CODES,
    templates: &[],
};

impl Dialect for Dynamo {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn lower(&self, serving: &Serving, cx: &mut Context<'_>) -> Vec<Node> {
        lower::lower(serving, cx)
    }
}
