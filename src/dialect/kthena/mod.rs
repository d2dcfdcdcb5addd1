//! Kthena (volcano-sh/kthena): one ModelServing for a whole workload.
//!
//! A ModelServing has all coordinates of the lattice: `replicas` are slices (ServingGroups), roles have `replicas`, and a
//! replica is an entry pod with `workerReplicas` workers. Gangs and HyperNode topologies are Volcano's: a ServingGroup has one
//! PodGroup, with a subgroup for each replica. Requests come by kthena-router, which finds pods by ModelServers and models by
//! ModelRoutes; AutoscalingPolicies scale roles.

mod adapter;
mod admit;
mod affinity;
mod answers;
mod booster;
mod budget;
mod check;
mod children;
mod codes;
mod companions;
mod cut;
mod effect;
mod expand;
mod lift;
mod lower;
mod made;
mod make;
mod options;
mod place;
mod plugins;
mod pods;
mod policies;
mod policy;
mod read;
mod regex;
mod routing;
mod scaling;
mod scene;
mod scheduling;
mod schema;
mod services;
mod templates;

use super::lifting::{ApiDefault, Draft, Lifting, Rendezvous};
use super::platform;
use super::{Context, Dialect, Info, Routing};
use crate::diff::{Change, Effect};
use crate::ir::capability::row;
use crate::ir::{Capability, Feature, Serving, Support, Use};
use crate::pods::{Expansion, Scene};
use crate::source::Document;
use crate::spec::engine::EngineType;
use crate::value::Node;

/// The dialect.
#[derive(Debug)]
pub struct Kthena;

use Support::{Emulated, Impossible, Lossy, Native};

const CAPABILITIES: &[Capability] = &[
    row(Feature::Slices, Native, ""),
    row(Feature::Roles, Native, ""),
    row(Feature::MultiNode, Native, ""),
    row(Feature::LeaderTemplate, Native, ""),
    row(
        Feature::Members,
        Impossible("a role has two templates, entry and worker"),
        "merge members, or choose grove or rbg",
    ),
    row(Feature::GangReplica, Native, ""),
    row(
        Feature::GangRole,
        Emulated("by the PodGroup of the slice, in which all replicas of the role are needed"),
        "",
    ),
    row(Feature::GangSlice, Native, ""),
    row(
        Feature::GangTimeout,
        Lossy("the PodGroups that Kthena makes have no time limit"),
        "",
    ),
    row(
        Feature::TopologyReplica,
        Emulated("pod affinity, or a HyperNode tier where the Platform maps the label to one"),
        "",
    ),
    row(
        Feature::TopologyRole,
        Emulated("pod affinity among the pods of the role"),
        "",
    ),
    row(
        Feature::TopologySlice,
        Emulated("pod affinity, or a HyperNode tier where the Platform maps the label to one"),
        "",
    ),
    row(Feature::TopologyPreferred, Native, ""),
    row(Feature::TopologyExclusive, Emulated("pod anti-affinity"), ""),
    row(Feature::Queue, Native, ""),
    row(
        Feature::DependsOn,
        Emulated("init containers that wait for the other role's port"),
        "",
    ),
    row(
        Feature::LeaderFirst,
        Emulated("init containers of the workers that wait for the entry pod's port"),
        "",
    ),
    row(
        Feature::WorkersFirst,
        Lossy("workers have no DNS names, so the entry pod cannot wait for them"),
        "",
    ),
    row(
        Feature::RestartPod,
        Emulated("the pod is made anew, unless it is ready again within `restartGracePeriodSeconds`"),
        "",
    ),
    row(Feature::RestartReplica, Native, ""),
    row(Feature::RestartSlice, Native, ""),
    row(
        Feature::RestartBackoff,
        Lossy("pods are made anew at once, without a limit"),
        "",
    ),
    row(Feature::MaxUnavailable, Native, ""),
    row(
        Feature::MaxSurge,
        Lossy("replicas are deleted before they are made anew"),
        "give `maxUnavailable`, or a second serving",
    ),
    row(Feature::Partition, Native, ""),
    row(Feature::Paused, Emulated("a partition of 100%"), ""),
    row(Feature::InPlace, Lossy("pods are replaced"), ""),
    row(Feature::Scaling, Native, ""),
    row(Feature::Disruption, Emulated("a PodDisruptionBudget"), ""),
    row(
        Feature::Claims,
        Lossy("generic ephemeral volumes: a claim goes with its pod, and a new pod starts with an empty one"),
        "mount a claim that exists, or choose lws",
    ),
];

macro_rules! templates {
    ($($name:literal),*) => {
        &[$((concat!("kthena/", $name), include_str!(concat!("../../../templates/kthena/", $name)))),*]
    };
}

static INFO: Info = Info {
    name: "kthena",
    title: "Kthena ModelServing",
    api_version: "workload.serving.volcano.sh/v1alpha1",
    kind: "ModelServing",
    routing: Routing::Own,
    capabilities: CAPABILITIES,
    options: &options::Options::SHAPE,
    role_options: &options::RoleOptions::SHAPE,
    platform: &options::Platform::SHAPE,
    codes: codes::CODES,
    templates: templates!(
        "modelserving.yaml",
        "role.yaml",
        "modelserver.yaml",
        "modelroute.yaml",
        "autoscalingpolicy.yaml"
    ),
};

impl Dialect for Kthena {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn supports(&self, serving: &Serving, used: &Use, row: &Capability) -> Support {
        let role = used.role.as_ref().and_then(|r| serving.role(r));
        // Where the lowering has more to say about it, it says it alone; a surge of none is none.
        let told = match (row.feature, role) {
            (Feature::Disruption, Some(role)) => budget::counted(role),
            (Feature::RestartPod, Some(role)) => role.multi_node(),
            (Feature::MaxSurge, Some(role)) => {
                let surge = role.rollout.as_ref().and_then(|r| r.max_surge.as_ref());
                surge.is_some_and(policies::no_surge)
            }
            _ => false,
        };
        if told { Native } else { row.support }
    }

    fn routed_engines(&self) -> &'static [EngineType] {
        &[EngineType::Vllm, EngineType::Sglang, EngineType::Custom]
    }

    fn lower(&self, serving: &Serving, cx: &mut Context<'_>) -> Vec<Node> {
        lower::lower(serving, cx)
    }

    fn effects(&self, old: &Node, new: &Node, changes: &[Change<'_>]) -> Vec<Effect> {
        let kind = |n: &Node| n.get("kind").and_then(Node::as_str) == Some(INFO.kind);
        if kind(new) {
            effect::effects(old, new, changes)
        } else {
            Vec::new()
        }
    }

    fn expands(&self, api_version: &str, kind: &str) -> bool {
        api_version == INFO.api_version && [pods::KIND, booster::KIND].contains(&kind)
    }

    fn judges(&self, api_version: &str, kind: &str) -> bool {
        companions::judged(api_version, kind)
    }

    fn takes_over(&self, object: &Node, platform: &platform::Platform) -> bool {
        adapter::runs(platform) && adapter::watches(object)
    }

    fn expand(&self, object: &Document, scene: &Scene<'_>, cx: &mut Context<'_>) -> Expansion {
        match object.root.get("kind").and_then(Node::as_str) {
            Some(pods::KIND) => expand::expand(object, scene, cx),
            Some(booster::KIND) => booster::expand(object, scene, cx),
            Some(adapter::KIND) => adapter::expand(object, scene, cx),
            _ => companions::judge(object, cx),
        }
    }

    fn owns(&self, api_version: &str, _kind: &str) -> bool {
        api_version
            .split('/')
            .next()
            .is_some_and(|group| group.ends_with(".serving.volcano.sh"))
    }

    fn lift(&self, cx: &mut Lifting<'_, '_>) -> Vec<Draft> {
        lift::lift(cx)
    }

    fn defaults(&self) -> &'static [ApiDefault] {
        lift::DEFAULTS
    }

    fn rendezvous(&self, _draft: &Draft, role: &Node) -> Rendezvous {
        lift::rendezvous(role)
    }
}
