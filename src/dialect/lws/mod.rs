//! LeaderWorkerSet (kubernetes-sigs/lws): one object for each role, a "pair" for prefill and decode.
//!
//! A LeaderWorkerSet is one role: `replicas` are groups, `size` is the pods of a group with its leader. Nothing ties two of
//! them together, so slices are sets of objects under names of their own, and everything between roles is made of labels.

mod admit;
mod answers;
mod children;
pub(super) mod codes;
mod disaggregated;
mod effect;
mod expand;
mod lift;
mod lower;
mod names;
mod options;
mod place;
mod pod;
pub(super) mod read;
mod revision;
mod tpu;

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
pub struct Lws;

use Support::{Emulated, Impossible, Lossy, Native};

const CAPABILITIES: &[Capability] = &[
    row(
        Feature::Slices,
        Emulated("a set of LeaderWorkerSets for each slice"),
        "",
    ),
    row(
        Feature::Roles,
        Emulated("one LeaderWorkerSet for each role; nothing ties them together"),
        "",
    ),
    row(Feature::MultiNode, Native, ""),
    row(Feature::LeaderTemplate, Native, ""),
    row(
        Feature::Members,
        Impossible("a group has two templates, leader and worker"),
        "merge members, or choose grove or rbg",
    ),
    row(Feature::GangReplica, Native, ""),
    row(
        Feature::GangRole,
        Lossy("the controller makes a gang of each group, not of all groups"),
        "use `scope: replica`, or choose a target with gangs of roles",
    ),
    row(
        Feature::GangSlice,
        Lossy("the controller makes a gang of each group; roles are scheduled apart"),
        "use `scope: replica`, or choose grove, kthena or aibrix",
    ),
    row(
        Feature::GangTimeout,
        Lossy("the controller's PodGroups have no time limit"),
        "",
    ),
    row(
        Feature::TopologyReplica,
        Emulated("pod affinity among the pods of a group"),
        "",
    ),
    row(
        Feature::TopologyRole,
        Emulated("pod affinity among the pods of the role"),
        "",
    ),
    row(
        Feature::TopologySlice,
        Emulated("pod affinity among the pods of the slice"),
        "",
    ),
    row(Feature::TopologyPreferred, Emulated("preferred pod affinity"), ""),
    row(Feature::TopologyExclusive, Native, ""),
    row(Feature::Queue, Native, ""),
    row(
        Feature::DependsOn,
        Emulated("init containers that wait for the other role's port"),
        "",
    ),
    row(Feature::LeaderFirst, Native, ""),
    row(
        Feature::WorkersFirst,
        Lossy("workers are made by their leader, so it cannot wait for them to start it"),
        "",
    ),
    row(Feature::RestartPod, Native, ""),
    row(Feature::RestartReplica, Native, ""),
    row(
        Feature::RestartSlice,
        Lossy("a group is restarted as a whole; other roles go on"),
        "use `policy: replica`",
    ),
    row(Feature::RestartBackoff, Lossy("a group is restarted at once"), ""),
    row(Feature::MaxUnavailable, Native, ""),
    row(Feature::MaxSurge, Native, ""),
    row(Feature::Partition, Native, ""),
    row(Feature::Paused, Emulated("a partition above the last group"), ""),
    row(Feature::InPlace, Lossy("groups are replaced as a whole"), ""),
    row(
        Feature::Scaling,
        Emulated("a HorizontalPodAutoscaler on the scale subresource"),
        "",
    ),
    row(Feature::Disruption, Emulated("a PodDisruptionBudget"), ""),
    row(Feature::Claims, Native, ""),
];

static INFO: Info = Info {
    name: "lws",
    title: "LeaderWorkerSet",
    api_version: "leaderworkerset.x-k8s.io/v1",
    kind: "LeaderWorkerSet",
    routing: Routing::Role,
    capabilities: CAPABILITIES,
    options: &options::Options::SHAPE,
    role_options: &options::RoleOptions::SHAPE,
    platform: &options::Platform::SHAPE,
    codes: codes::CODES,
    templates: &[(
        "lws/leaderworkerset.yaml",
        include_str!("../../../templates/lws/leaderworkerset.yaml"),
    )],
};

impl Dialect for Lws {
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
        [
            (INFO.api_version, INFO.kind),
            (disaggregated::API_VERSION, disaggregated::KIND),
        ]
        .contains(&(api_version, kind))
    }

    fn expand(&self, object: &Document, scene: &Scene<'_>, cx: &mut Context<'_>) -> Expansion {
        match object.root.get("kind").and_then(Node::as_str) {
            Some(disaggregated::KIND) => disaggregated::expand(object, scene, cx),
            _ => expand::expand(object, scene, cx),
        }
    }

    fn lift(&self, cx: &mut Lifting<'_, '_>) -> Vec<Draft> {
        lift::lift(cx)
    }

    fn defaults(&self) -> &'static [ApiDefault] {
        lift::DEFAULTS
    }

    fn rendezvous(&self, _draft: &Draft, _role: &Node) -> Rendezvous {
        lift::rendezvous()
    }
}
