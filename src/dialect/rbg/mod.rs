//! RoleBasedGroup (sgl-project/rbg), API version v1alpha2.
//!
//! A group is a slice: its `roles[]` are roles, a role's `replicas` are role instances, and an instance is one pod
//! (`standalonePattern`), a leader with workers (`leaderWorkerPattern`) or components of any number
//! (`customComponentsPattern`). Several slices are a RoleBasedGroupSet, whose groups are `<set>-<slice>`.
//!
//! The controller names everything by formula (`<group>-<role>-<instance>[-<rank>]`, headless Service `s-<group>-<role>`)
//! and injects its variables before a template's own, so most addresses are written down and the rest expands in
//! arguments and variables alike. It injects into `containers` only; init containers get the same variables by the
//! downward API. `RBG_ROLE_INDEX` is wrong or empty in v0.8.0-alpha.5 and is never used.

mod admit;
mod answers;
mod checks;
mod codes;
mod coordination;
mod difference;
mod expand;
mod lift;
mod lower;
mod name_checks;
mod names;
mod options;
mod pattern;
mod policies;
mod read;
#[cfg(test)]
mod records;
mod role;
mod scheduling;
#[cfg(test)]
mod testing;
mod verdicts;

use super::lifting::{ApiDefault, Draft, Lifting, Rendezvous};
use super::{Context, Dialect, Info, Routing};
use crate::diagnostic::{Code, Diagnostic, Target};
use crate::ir::capability::row;
use crate::ir::{Capability, Feature, Role, Serving, Support, Use};
use crate::pods::{Expansion, Scene};
use crate::source::Document;
use crate::value::Node;

/// The dialect.
#[derive(Debug)]
pub struct Rbg;

use Support::{Emulated, Lossy, Native};

const CAPABILITIES: &[Capability] = &[
    row(Feature::Slices, Native, ""),
    row(Feature::Roles, Native, ""),
    row(Feature::MultiNode, Native, ""),
    row(Feature::LeaderTemplate, Native, ""),
    row(Feature::Members, Native, ""),
    row(
        Feature::GangReplica,
        Lossy(
            "a group is one gang: all replicas of all its roles start together, not each replica by itself",
        ),
        "use `scope: slice` if that is meant, or choose lws, grove or kthena",
    ),
    row(
        Feature::GangRole,
        Lossy("a group is one gang: all its roles start together, not each role by itself"),
        "use `scope: slice` if that is meant, or choose grove",
    ),
    row(Feature::GangSlice, Native, ""),
    row(Feature::GangTimeout, Native, ""),
    row(
        Feature::TopologyReplica,
        Emulated("pod affinity among the pods of a role instance"),
        "",
    ),
    row(
        Feature::TopologyRole,
        Emulated("pod affinity among the pods of the role"),
        "",
    ),
    row(
        Feature::TopologySlice,
        Emulated("pod affinity among the pods of the group"),
        "",
    ),
    row(Feature::TopologyPreferred, Emulated("preferred pod affinity"), ""),
    row(
        Feature::TopologyExclusive,
        Emulated(
            "the group's exclusive topology where a group has a domain of its own, else pod anti-affinity",
        ),
        "",
    ),
    row(
        Feature::Queue,
        Emulated(
            "an annotation of the group with a Volcano gang, else a label (Kueue) or annotation (Volcano) of each pod",
        ),
        "",
    ),
    row(Feature::DependsOn, Native, ""),
    row(Feature::LeaderFirst, Native, ""),
    row(Feature::WorkersFirst, Native, ""),
    row(Feature::RestartPod, Native, ""),
    row(Feature::RestartReplica, Native, ""),
    row(
        Feature::RestartSlice,
        Lossy("an instance is restarted as a whole; other instances and roles go on"),
        "use `policy: replica`",
    ),
    row(Feature::RestartBackoff, Native, ""),
    row(Feature::MaxUnavailable, Native, ""),
    row(Feature::MaxSurge, Native, ""),
    row(Feature::Partition, Native, ""),
    row(Feature::Paused, Native, ""),
    row(Feature::InPlace, Native, ""),
    row(
        Feature::Scaling,
        Emulated("a HorizontalPodAutoscaler on the role's scaling adapter"),
        "",
    ),
    row(
        Feature::Disruption,
        Emulated("a PodDisruptionBudget with a number of pods"),
        "",
    ),
    row(
        Feature::Claims,
        Lossy("generic ephemeral volumes: a claim goes with its pod, and a new pod starts with an empty one"),
        "mount a claim that exists, or choose lws",
    ),
];

static INFO: Info = Info {
    name: "rbg",
    title: "RoleBasedGroup",
    api_version: names::API_VERSION,
    kind: "RoleBasedGroup",
    routing: Routing::Role,
    capabilities: CAPABILITIES,
    options: &options::Options::SHAPE,
    role_options: &options::RoleOptions::SHAPE,
    platform: &options::Platform::SHAPE,
    codes: codes::CODES,
    templates: &[
        (
            "rbg/rolebasedgroup.yaml",
            include_str!("../../../templates/rbg/rolebasedgroup.yaml"),
        ),
        (
            "rbg/rolebasedgroupset.yaml",
            include_str!("../../../templates/rbg/rolebasedgroupset.yaml"),
        ),
        ("rbg/role.yaml", include_str!("../../../templates/rbg/role.yaml")),
        (
            "rbg/coordinatedpolicy.yaml",
            include_str!("../../../templates/rbg/coordinatedpolicy.yaml"),
        ),
    ],
};

impl Dialect for Rbg {
    fn info(&self) -> &'static Info {
        &INFO
    }

    /// The gang of a whole group is that of a role or replica where the group has no other; a domain of the group's own is
    /// an annotation where the workaround for its defect is possible.
    fn supports(&self, serving: &Serving, used: &Use, row: &Capability) -> Support {
        let alone = matches!(serving.roles.as_slice(), [_]);
        let single = |role: &Role| role.replicas.value <= 1 && role.scaling.is_none();
        match used.feature {
            Feature::TopologySlice | Feature::TopologyExclusive
                if scheduling::domain_of(serving, used.role.as_deref()) =>
            {
                Native
            }
            Feature::GangRole if alone => Native,
            Feature::GangReplica if alone && serving.roles.iter().all(single) => Native,
            _ => row.support,
        }
    }

    fn lower(&self, serving: &Serving, cx: &mut Context<'_>) -> Vec<Node> {
        lower::lower(serving, cx)
    }

    fn expands(&self, api_version: &str, kind: &str) -> bool {
        expand::expands(api_version, kind)
    }

    fn expand(&self, object: &Document, scene: &Scene<'_>, cx: &mut Context<'_>) -> Expansion {
        expand::expand(object, scene, cx)
    }

    fn owns(&self, api_version: &str, _kind: &str) -> bool {
        api_version.starts_with("workloads.x-k8s.io/")
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

/// An entry of the report about this target.
fn said(code: &'static Code, message: impl Into<String>) -> Diagnostic {
    let target = Target {
        dialect: INFO.name.into(),
        ..Target::default()
    };
    Diagnostic::new(code, message).target(target)
}
