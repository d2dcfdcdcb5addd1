//! Grove (ai-dynamo/grove): one PodCliqueSet for the whole workload.
//!
//! A PodCliqueSet has `replicas` slices. A role whose replicas are single pods is a lone PodClique; a role whose replicas have
//! several pods is a PodCliqueScalingGroup, whose cliques are the members. The first `minAvailable` replicas of all roles are
//! scheduled together (the base gang), each further one as a gang of its own.

mod admit;
mod answers;
pub mod codes;
mod effect;
mod expand;
mod layout;
mod lift;
mod lower;
pub(super) mod operator;
pub mod options;
mod pods;
mod read;
mod scheduling;
mod sharing;
mod startup;
mod topology;

use super::lifting::{ApiDefault, Draft, Lifting, Rendezvous};
use super::{Context, Dialect, Info, Routing};
use crate::diff::{Change, Effect};
use crate::ir::capability::row;
use crate::ir::{Capability, Feature, Serving, Support};
use crate::pods::{Expansion, Scene};
use crate::source::Document;
use crate::value::Node;

/// The dialect.
#[derive(Debug)]
pub struct Grove;

use Support::{Emulated, Lossy, Native};

const CAPABILITIES: &[Capability] = &[
    row(Feature::Slices, Native, ""),
    row(Feature::Roles, Native, ""),
    row(Feature::MultiNode, Native, ""),
    row(Feature::LeaderTemplate, Native, ""),
    row(Feature::Members, Native, ""),
    row(Feature::GangReplica, Native, ""),
    row(Feature::GangRole, Native, ""),
    row(Feature::GangSlice, Native, ""),
    row(
        Feature::GangTimeout,
        Lossy("gangs wait for capacity without a limit"),
        "",
    ),
    row(Feature::TopologyReplica, Native, ""),
    row(
        Feature::TopologyRole,
        Emulated(
            "a clique's constraint holds all its pods together; the replicas of a scaling group are kept together by pod affinity",
        ),
        "",
    ),
    row(Feature::TopologySlice, Native, ""),
    row(Feature::TopologyPreferred, Native, ""),
    row(Feature::TopologyExclusive, Emulated("pod anti-affinity"), ""),
    row(Feature::Queue, Native, ""),
    row(Feature::DependsOn, Native, ""),
    row(Feature::LeaderFirst, Native, ""),
    row(Feature::WorkersFirst, Native, ""),
    row(Feature::RestartPod, Native, ""),
    row(
        Feature::RestartReplica,
        Lossy(
            "the kubelet restarts the failed container alone; the replica is made anew when it has been broken for `terminationDelay` (15m unless set)",
        ),
        "set `targets.grove.terminationDelay`",
    ),
    row(
        Feature::RestartSlice,
        Lossy(
            "the kubelet restarts the failed container alone; the slice is made anew when fewer than `minAvailable` replicas have been whole for `terminationDelay` (15m unless set)",
        ),
        "set `targets.grove.terminationDelay`",
    ),
    row(
        Feature::RestartBackoff,
        Lossy("the kubelet's own back-off applies"),
        "",
    ),
    row(
        Feature::MaxUnavailable,
        Lossy("always one replica of a role at a time"),
        "",
    ),
    row(
        Feature::MaxSurge,
        Lossy("a replica is deleted before the new one is made"),
        "",
    ),
    row(
        Feature::Partition,
        Lossy("all replicas roll"),
        "`rollout: {paused: true}` holds all of them back; delete pods to move them",
    ),
    row(
        Feature::Paused,
        Emulated("the update strategy OnDelete: pods that are deleted come back new"),
        "",
    ),
    row(Feature::InPlace, Lossy("pods are replaced"), ""),
    row(Feature::Scaling, Native, ""),
    row(Feature::Disruption, Emulated("a PodDisruptionBudget"), ""),
    row(
        Feature::Claims,
        Lossy("generic ephemeral volumes: a claim goes with its pod, and a new pod starts with an empty one"),
        "mount a claim that exists, or choose lws",
    ),
];

static INFO: Info = Info {
    name: "grove",
    title: "Grove PodCliqueSet",
    api_version: "grove.io/v1alpha1",
    kind: "PodCliqueSet",
    routing: Routing::Role,
    capabilities: CAPABILITIES,
    options: &options::Options::SHAPE,
    role_options: &options::RoleOptions::SHAPE,
    platform: &options::Platform::SHAPE,
    codes: codes::CODES,
    templates: &[
        (
            "grove/podcliqueset.yaml",
            include_str!("../../../templates/grove/podcliqueset.yaml"),
        ),
        (
            "grove/clique.yaml",
            include_str!("../../../templates/grove/clique.yaml"),
        ),
        (
            "grove/scalinggroup.yaml",
            include_str!("../../../templates/grove/scalinggroup.yaml"),
        ),
    ],
};

impl Dialect for Grove {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn lower(&self, serving: &Serving, cx: &mut Context<'_>) -> Vec<Node> {
        lower::lower(serving, cx)
    }

    fn mutate(&self, object: &mut Node, _cx: &mut Context<'_>) {
        read::mutate(object);
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
        api_version == read::API_VERSION && expand::KINDS.contains(&kind)
    }

    fn expand(&self, object: &Document, scene: &Scene<'_>, cx: &mut Context<'_>) -> Expansion {
        expand::expand(object, scene, cx)
    }

    fn owns(&self, api_version: &str, kind: &str) -> bool {
        self.expands(api_version, kind) || api_version.starts_with("scheduler.grove.io/")
    }

    fn lift(&self, cx: &mut Lifting<'_, '_>) -> Vec<Draft> {
        lift::lift(cx)
    }

    fn defaults(&self) -> &'static [ApiDefault] {
        lift::DEFAULTS
    }

    fn rendezvous_of(&self, draft: &Draft, role: &Node, member: Option<usize>) -> Rendezvous {
        lift::rendezvous(draft, role, member)
    }
}
