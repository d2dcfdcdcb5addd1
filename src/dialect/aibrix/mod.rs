//! AIBrix (vllm-project/aibrix): one StormService for the whole serving.
//!
//! A StormService makes RoleSets, which are slices; a RoleSet has roles; a replica of a role is a pod, or a PodSet of
//! `podGroupSize` pods with one template for all ranks. Prefill and decode are joined by the gateway of the cluster, which
//! finds the engines by labels on their pods.

mod adapter;
mod admission;
mod admit;
mod answers;
mod autoscaler;
mod check;
mod codes;
mod deployment;
mod expand;
mod expand_children;
mod expand_pods;
mod expand_sidecar;
#[cfg(test)]
mod expand_tests;
mod gang;
mod gateway;
mod kvcache;
mod lift;
mod lower;
mod lowering;
mod options;
mod pattern;
mod read;
mod role;
mod scaling;
mod stormservice;
#[cfg(test)]
mod tests;
mod topology;
mod version;

use super::lifting::{ApiDefault, Draft, Lifting, Rendezvous};
use super::{Context, Dialect, Info, Routing, platform};
use crate::ir::capability::row;
use crate::ir::{Capability, Feature, Serving, Support, Use};
use crate::pods::{Expansion, Scene};
use crate::source::Document;
use crate::value::Node;

/// The dialect.
#[derive(Debug)]
pub struct Aibrix;

use Support::{Emulated, Lossy, Native};

const CAPABILITIES: &[Capability] = &[
    row(Feature::Slices, Native, ""),
    row(Feature::Roles, Native, ""),
    row(Feature::MultiNode, Native, ""),
    row(
        Feature::LeaderTemplate,
        Emulated("one template for all ranks, which looks at POD_GROUP_INDEX"),
        "",
    ),
    row(
        Feature::Members,
        Emulated("one template for all ranks, which looks at POD_GROUP_INDEX"),
        "",
    ),
    row(Feature::GangReplica, Native, ""),
    row(
        Feature::GangRole,
        Emulated(
            "the RoleSet's PodGroup, which asks for the pods of the role (Volcano's minTaskMember); several such roles start together",
        ),
        "",
    ),
    row(Feature::GangSlice, Native, ""),
    row(Feature::GangTimeout, Native, ""),
    row(
        Feature::TopologyReplica,
        Emulated("pod affinity among the pods of a group"),
        "",
    ),
    row(Feature::TopologyRole, Native, ""),
    row(Feature::TopologySlice, Native, ""),
    row(Feature::TopologyPreferred, Native, ""),
    row(
        Feature::TopologyExclusive,
        Emulated("pod anti-affinity to the others"),
        "",
    ),
    row(Feature::Queue, Native, ""),
    row(
        Feature::DependsOn,
        Emulated("init containers that wait for the other role's Service"),
        "",
    ),
    row(
        Feature::LeaderFirst,
        Emulated("an init container of the other ranks that waits for the leader's port"),
        "",
    ),
    row(
        Feature::WorkersFirst,
        Lossy("all pods of a group are made at once, and workers have no port to wait for"),
        "",
    ),
    row(Feature::RestartPod, Native, ""),
    row(
        Feature::RestartReplica,
        Lossy(
            "a failed container is restarted where it is; the group is made anew only as far as pods are gone",
        ),
        "let the engine exit on all ranks when one is lost, or choose lws, grove, rbg or kthena",
    ),
    row(
        Feature::RestartSlice,
        Lossy("a failed container is restarted where it is; nothing else is made anew"),
        "choose rbg or kthena",
    ),
    row(
        Feature::RestartBackoff,
        Lossy("the kubelet's own back-off applies"),
        "",
    ),
    row(Feature::MaxUnavailable, Native, ""),
    row(Feature::MaxSurge, Native, ""),
    row(
        Feature::Partition,
        Lossy("a rollout cannot stop halfway"),
        "use `paused`, or choose a target with partitions (lws, rbg, kthena)",
    ),
    row(Feature::Paused, Native, ""),
    row(Feature::InPlace, Native, ""),
    row(Feature::Scaling, Native, ""),
    row(
        Feature::Disruption,
        Emulated("a PodDisruptionBudget with a number of pods that must stay"),
        "",
    ),
    row(
        Feature::Claims,
        Lossy("generic ephemeral volumes: a claim goes with its pod, and a new pod starts with an empty one"),
        "mount a claim that exists, or choose lws",
    ),
];

static INFO: Info = Info {
    name: "aibrix",
    title: "AIBrix StormService",
    api_version: "orchestration.aibrix.ai/v1alpha1",
    kind: "StormService",
    routing: Routing::Own,
    capabilities: CAPABILITIES,
    options: &options::Options::SHAPE,
    role_options: &options::RoleOptions::SHAPE,
    platform: &options::Platform::SHAPE,
    codes: codes::CODES,
    templates: &[
        (
            "aibrix/stormservice.yaml",
            include_str!("../../../templates/aibrix/stormservice.yaml"),
        ),
        (
            "aibrix/roleset.yaml",
            include_str!("../../../templates/aibrix/roleset.yaml"),
        ),
        (
            "aibrix/role.yaml",
            include_str!("../../../templates/aibrix/role.yaml"),
        ),
        (
            "aibrix/podautoscaler.yaml",
            include_str!("../../../templates/aibrix/podautoscaler.yaml"),
        ),
    ],
};

impl Dialect for Aibrix {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn supports(&self, serving: &Serving, used: &Use, row: &Capability) -> Support {
        let role = used.role.as_ref().and_then(|r| serving.role(r));
        let engine = role.is_some_and(|r| r.engine.engine.is_some());
        match used.feature {
            Feature::LeaderFirst if engine => Lossy(
                "this engine's leader answers only when its workers have joined, so they would wait for ever",
            ),
            // The RoleSet's one gang is the role's, if there is no other role.
            Feature::GangRole if serving.roles.len() == 1 => Native,
            _ => row.support,
        }
    }

    fn lower(&self, serving: &Serving, cx: &mut Context<'_>) -> Vec<Node> {
        lower::lower(serving, cx)
    }

    fn mutate(&self, object: &mut Node, cx: &mut Context<'_>) {
        expand::mutate(object, cx);
    }

    fn expands(&self, api_version: &str, kind: &str) -> bool {
        expand::expands(api_version, kind)
    }

    fn takes_over(&self, object: &Node, _platform: &platform::Platform) -> bool {
        deployment::is_annotated(object)
    }

    fn expand(&self, object: &Document, scene: &Scene<'_>, cx: &mut Context<'_>) -> Expansion {
        expand::expand(object, scene, cx)
    }

    fn owns(&self, api_version: &str, _kind: &str) -> bool {
        api_version
            .split('/')
            .next()
            .is_some_and(|group| group.ends_with(".aibrix.ai"))
    }

    fn lift(&self, cx: &mut Lifting<'_, '_>) -> Vec<Draft> {
        lift::lift(cx)
    }

    fn defaults(&self) -> &'static [ApiDefault] {
        lift::DEFAULTS
    }

    fn rendezvous(&self, draft: &Draft, role: &Node) -> Rendezvous {
        lift::rendezvous(draft, role)
    }
}
