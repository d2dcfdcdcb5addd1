//! Recovery and rollout: one policy and one strategy for all roles, with bounds for each role where the strategy has them.

use super::check::first_time;
use super::codes::{MAX_UNAVAILABLE, RESTART, ROLLOUT, ROLLOUT_FORBIDDEN};
use super::cut;
use super::options::{self, RolloutType};
use super::scene::{Lowered, Scene};
use crate::diagnostic::{Diagnostic, Ledger, Outcome, Severity};
use crate::ir::{Restart, Rollout};
use crate::spec::policy::RestartPolicy;
use crate::spec::scalar::IntOrPercent;
use crate::value::{Ids, Map, Node, Traced};

/// What was decided for all roles.
pub struct Policies {
    /// `recoveryPolicy`.
    pub recovery: Node,
    /// `rolloutStrategy`.
    pub strategy: Node,
    /// What stands in the roles.
    pub roles: Vec<RoleRollout>,
}

/// The bounds of a role.
#[derive(Default)]
pub struct RoleRollout {
    /// `maxUnavailable`.
    pub max_unavailable: Option<Node>,
    /// `partition`.
    pub partition: Option<Node>,
}

/// Decides for all roles.
pub fn plan(scene: &Scene<'_>, ledger: &mut Ledger) -> Policies {
    let slice = scene
        .roles
        .iter()
        .any(|r| r.role.restart.policy.value == RestartPolicy::Slice);
    let recovery = recovery(scene, slice, ledger);
    let empty = options::Rollout::default();
    let options = scene.options.rollout.as_ref().unwrap_or(&empty);
    let Choice { kind, why } = rollout_type(scene, slice, options.r#type.as_ref(), ledger);
    let decided = options.r#type.as_ref().map(|t| t.ids.clone()).unwrap_or_default();
    let mut strategy = Map::from_iter([("type", Node::derived(kind.as_str(), &decided))]);
    let roles = match kind {
        RolloutType::Role => {
            refuse_bounds(options, ledger);
            scene
                .roles
                .iter()
                .map(|r| role_rollout(scene, r, ledger))
                .collect()
        }
        RolloutType::ServingGroup => {
            let configuration = group_rollout(scene, options, &why, ledger);
            strategy.insert("rollingUpdateConfiguration", configuration);
            scene.roles.iter().map(|_| RoleRollout::default()).collect()
        }
    };
    let mut strategy = Node::derived(strategy, &options.ids);
    scene.roles.iter().for_each(|r| strategy.decided_by(&declined(r)));
    Policies {
        recovery,
        strategy,
        roles,
    }
}

/// Bounds of ServingGroups, which RoleRollingUpdate has not.
fn refuse_bounds(options: &options::Rollout, ledger: &mut Ledger) {
    let options::Rollout {
        ids: _,
        r#type: _,
        max_unavailable,
        partition,
    } = options;
    for bound in [max_unavailable, partition].into_iter().flatten() {
        let message = "a bound of ServingGroups is refused with RoleRollingUpdate";
        let said = Diagnostic::new(&ROLLOUT_FORBIDDEN, message).at_ids(&bound.ids);
        ledger.report(said.remedy("set `type: ServingGroupRollingUpdate`, or use `rollout` of the roles"));
    }
}

/// What a role says no to, which the strategy does not do anyway.
fn declined(lowered: &Lowered<'_>) -> Ids {
    let Some(Rollout {
        max_unavailable: _,
        max_surge,
        partition: _,
        paused,
        in_place,
    }) = &lowered.role.rollout
    else {
        return Ids::none();
    };
    let no = [paused, in_place]
        .into_iter()
        .flatten()
        .filter(|v| !v.value)
        .map(|v| &v.ids);
    let none = max_surge.iter().filter(|s| no_surge(s)).map(|s| &s.ids);
    no.chain(none).fold(Ids::none(), |all, ids| all.union(ids))
}

/// Whether a surge is none.
pub fn no_surge(surge: &Traced<IntOrPercent>) -> bool {
    matches!(surge.value, IntOrPercent::Int(0) | IntOrPercent::Percent(0))
}

/// The unit that is made anew: the largest that a role asks for.
fn recovery(scene: &Scene<'_>, slice: bool, ledger: &mut Ledger) -> Node {
    let name = if slice {
        "ServingGroupRecreate"
    } else {
        "RoleRecreate"
    };
    let mut node = Node::from(name);
    let mut seen = Vec::new();
    for Lowered { role, .. } in &scene.roles {
        let Restart {
            policy,
            base_delay: _,
            max_delay: _,
        } = &role.restart;
        node.decided_by(&policy.ids);
        let more = match policy.value {
            RestartPolicy::Slice => None,
            _ if slice => Some("the whole slice"),
            RestartPolicy::Pod if role.multi_node() => Some("the whole replica"),
            RestartPolicy::Pod | RestartPolicy::Replica => None,
        };
        if let Some(more) = more.filter(|_| !policy.ids.is_empty() && first_time(&mut seen, &policy.ids)) {
            let message = format!(
                "{more} of `{}` is made anew, not the {} alone",
                role.name.value,
                policy.value.as_str()
            );
            ledger.report(
                Diagnostic::new(&RESTART, message)
                    .at_ids(&policy.ids)
                    .reason("a ModelServing has one recovery policy for all roles, and none that leaves pods to the kubelet")
                    .remedy("`targets.kthena.restartGracePeriodSeconds` gives a container time to come back")
                    .outcome(Outcome::Emulated),
            );
        }
    }
    node
}

/// A type of rollout, and why it is not that of roles.
struct Choice {
    kind: RolloutType,
    why: String,
}

/// RoleRollingUpdate, which is what the language means by a rollout, unless admission refuses it.
fn rollout_type(
    scene: &Scene<'_>,
    slice: bool,
    wanted: Option<&Traced<RolloutType>>,
    ledger: &mut Ledger,
) -> Choice {
    let idle = scene.roles.iter().find(|r| cut::fewest_replicas(r.role) == 0);
    let refused = match idle {
        _ if slice => Some(
            "`restart: {policy: slice}` is ServingGroupRecreate, which excludes RoleRollingUpdate".to_owned(),
        ),
        Some(r) => Some(format!(
            "`{}` has, or may be scaled to, no replicas, which excludes RoleRollingUpdate",
            r.role.name.value
        )),
        None => None,
    };
    let (kind, why) = match (wanted, refused) {
        (Some(wanted), Some(reason)) if wanted.value == RolloutType::Role => {
            let said = Diagnostic::new(&ROLLOUT_FORBIDDEN, "admission refuses RoleRollingUpdate here");
            ledger.report(said.at_ids(&wanted.ids).reason(reason));
            (wanted.value, String::new())
        }
        (Some(wanted), _) => (
            wanted.value,
            format!("`targets.kthena.rollout.type` is {}", wanted.value.as_str()),
        ),
        (None, Some(reason)) => {
            if let Some(role) = idle.filter(|_| !slice) {
                whole_slices(role, &reason, ledger);
            }
            (RolloutType::ServingGroup, reason)
        }
        (None, None) => (RolloutType::Role, String::new()),
    };
    Choice { kind, why }
}

/// Says that a change takes whole slices down, where nothing in the spec asks for that.
fn whole_slices(idle: &Lowered<'_>, reason: &str, ledger: &mut Ledger) {
    let ids = match &idle.role.scaling {
        Some(scaling) if scaling.min.value == 0 => &scaling.min.ids,
        _ => &idle.role.replicas.ids,
    };
    let said = Diagnostic::new(&ROLLOUT, "a change replaces whole slices, not replicas").at(ids.first());
    let said = said
        .severity(Severity::Note)
        .outcome(Outcome::Emulated)
        .reason(reason);
    ledger.report(said.remedy("keep at least one replica of each role, or leave the role out"));
}

fn role_rollout(scene: &Scene<'_>, lowered: &Lowered<'_>, ledger: &mut Ledger) -> RoleRollout {
    let Some(Rollout {
        max_unavailable,
        max_surge: _,
        partition,
        paused,
        in_place: _,
    }) = &lowered.role.rollout
    else {
        return RoleRollout {
            max_unavailable: Some(1u32.into()),
            partition: None,
        };
    };
    let max_unavailable = match max_unavailable {
        Some(bound) => bounded(lowered, bound, ledger),
        None => 1u32.into(),
    };
    let held = paused
        .as_ref()
        .filter(|p| p.value)
        .map(|p| Node::derived("100%", &p.ids));
    let mut partition = held.or(partition.as_ref().map(Traced::node));
    if let Some(value) = partition.take_if(|_| !scene.platform.has_role_partition()) {
        let said = Diagnostic::new(
            &ROLLOUT,
            "roles have no partition in this version of Kthena: the change is rolled out to all",
        );
        ledger.report(said.at_ids(&value.ids).outcome(Outcome::Dropped));
    }
    RoleRollout {
        max_unavailable: Some(max_unavailable),
        partition,
    }
}

/// A bound as a number from 1 to the fewest replicas, which is what admission accepts at any count.
fn bounded(lowered: &Lowered<'_>, bound: &Traced<IntOrPercent>, ledger: &mut Ledger) -> Node {
    let role = lowered.role;
    let fewest = cut::fewest_replicas(role);
    let wanted = bound.value.of(role.replicas.value, false);
    let value = wanted.clamp(1, fewest.max(1));
    if value != wanted {
        let why = if wanted == 0 {
            "replicas are deleted before they are made anew, so at least one must be allowed to be missing"
        } else {
            "admission refuses more than the replicas, also when an autoscaler lowers them"
        };
        let message = format!(
            "`maxUnavailable` of `{}` becomes {value}, not {wanted}",
            role.name.value
        );
        ledger.report(
            Diagnostic::new(&MAX_UNAVAILABLE, message)
                .at_ids(&bound.ids)
                .reason(why)
                .remedy(format!("write `maxUnavailable: {value}`"))
                .outcome(Outcome::Defaulted),
        );
    }
    Node::derived(value, &bound.ids)
}

/// The configuration of ServingGroupRollingUpdate; bounds of roles are not carried, but a pause of all of them is.
fn group_rollout(scene: &Scene<'_>, options: &options::Rollout, why: &str, ledger: &mut Ledger) -> Node {
    let options::Rollout {
        ids: _,
        r#type: _,
        max_unavailable,
        partition,
    } = options;
    let slices = scene.serving.slices.value;
    let paused = |r: &Lowered<'_>| {
        r.role
            .rollout
            .as_ref()
            .and_then(|r| r.paused.as_ref())
            .filter(|p| p.value)
            .map(|p| p.ids.clone())
    };
    let pauses: Vec<Ids> = scene.roles.iter().filter_map(paused).collect();
    let all_paused = !pauses.is_empty() && pauses.len() == scene.roles.len();
    let mut seen = Vec::new();
    for lowered in &scene.roles {
        lost_bounds(lowered, all_paused, why, &mut seen, ledger);
    }
    let bound = max_unavailable.as_ref().map_or_else(
        || 1u32.into(),
        |bound| {
            let value = bound.value.of(slices, false);
            if value == 0 {
                let said = Diagnostic::new(
                    &ROLLOUT_FORBIDDEN,
                    "`maxUnavailable` comes to 0 slices, which admission refuses",
                );
                ledger.report(said.at_ids(&bound.ids).label(scene.serving.slices.at(), "slices"));
            }
            Node::derived(value, &bound.ids)
        },
    );
    let mut configuration = Map::from_iter([("maxUnavailable", bound)]);
    let held = all_paused.then(|| pauses.iter().fold(Node::from("100%"), Node::derived));
    configuration.insert_some("partition", held.or(partition.as_ref().map(Traced::node)));
    configuration.into()
}

fn lost_bounds(lowered: &Lowered<'_>, all_paused: bool, why: &str, seen: &mut Vec<Ids>, ledger: &mut Ledger) {
    let Some(Rollout {
        max_unavailable,
        max_surge: _,
        partition,
        paused,
        in_place: _,
    }) = &lowered.role.rollout
    else {
        return;
    };
    let paused = paused
        .as_ref()
        .filter(|p| p.value && !all_paused)
        .map(|p| ("pause", p.ids.clone()));
    let bounds = [
        max_unavailable
            .as_ref()
            .map(|b| ("maxUnavailable", b.ids.clone())),
        partition
            .as_ref()
            .filter(|_| !all_paused)
            .map(|b| ("partition", b.ids.clone())),
        paused,
    ];
    for (what, ids) in bounds.into_iter().flatten() {
        if first_time(seen, &ids) {
            let message = format!(
                "the {what} of `{}` does not hold: whole slices are replaced",
                lowered.role.name.value
            );
            ledger.report(
                Diagnostic::new(&ROLLOUT, message)
                    .at_ids(&ids)
                    .reason(why)
                    .remedy("bounds of slices are options of the target: `targets.kthena.rollout`")
                    .outcome(Outcome::Dropped),
            );
        }
    }
}
