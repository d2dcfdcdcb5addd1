//! Scheduler, gang, queue and topology: Volcano's where it schedules.
//!
//! With `schedulerName: volcano` the controller makes a PodGroup for each ServingGroup. Its `minMember` counts, of each role,
//! `gangPolicy.minRoleReplicas` replicas (all of them if the role is not named), and `subGroupPolicy` makes each replica a gang
//! by itself. So a role that is not named is part of the slice's gang, and one named with 0 is not: its replicas are gangs of
//! their own (volcano-sh/volcano pkg/scheduler/actions/allocate: a subgroup is placed as a whole, and a job whose minimum is
//! reached commits each).

use super::affinity;
use super::check::first_time;
use super::codes::{GANG_MINIMUM, GANG_WIDENED, NO_GANG, ONE_FOR_ALL};
use super::cut;
use super::scene::{Lowered, Scene};
use crate::diagnostic::{Code, Diagnostic, Ledger, Outcome};
use crate::ir::{Gang, Role, Topology};
use crate::spec::policy::{Scope, Strictness};
use crate::value::{Ids, Map, Node, Str, Traced};

const VOLCANO: &str = "volcano";

/// What was decided for all roles.
pub struct Scheduling {
    /// `schedulerName`.
    pub scheduler: Node,
    /// `gangPolicy`.
    pub gang_policy: Option<Node>,
    /// `networkTopology`.
    pub network_topology: Option<Node>,
    /// The queue, for the annotation.
    pub queue: Option<Node>,
    /// Whether a scope is held by HyperNode tiers: those of replicas and of slices.
    tiers: Tiers,
}

/// The policies of `networkTopology`, where the Platform has tiers for them.
#[derive(Default)]
struct Tiers {
    replica: Option<Node>,
    slice: Option<Node>,
}

impl Scheduling {
    /// Keeps the pods of a template together by affinity, where no tier does. What is asked of a slice is asked of all its pods,
    /// whichever role says it.
    pub fn place(&self, scene: &Scene<'_>, role: &Role, template: &mut Node) {
        let of_slice = |t: &&Topology| t.scope.value == Scope::Slice;
        let mut wanted: Vec<&Topology> = role.topology.iter().collect();
        for topology in scene
            .roles
            .iter()
            .filter_map(|r| r.role.topology.as_ref())
            .filter(of_slice)
        {
            let same = |t: &&Topology| {
                of_slice(t)
                    && (&t.key.value, t.mode.value, t.exclusive.value)
                        == (&topology.key.value, topology.mode.value, topology.exclusive.value)
            };
            if !wanted.iter().any(same) {
                wanted.push(topology);
            }
        }
        for topology in wanted {
            let by_tier = match topology.scope.value {
                Scope::Replica => self.tiers.replica.is_some(),
                Scope::Slice => self.tiers.slice.is_some(),
                Scope::Role => false,
            };
            if !by_tier {
                affinity::place(scene.serving, role, topology, template);
            }
        }
    }
}

/// Decides for all roles.
pub fn plan(scene: &Scene<'_>, ledger: &mut Ledger) -> Scheduling {
    let named = named_scheduler(scene, ledger);
    let possible = scene.platform.has_volcano() && named.as_ref().is_none_or(|n| n.as_str() == Some(VOLCANO));
    let tiers = if possible { tiers(scene) } else { Tiers::default() };
    let mut queue = queue(scene, ledger);
    let gangs: Vec<&Gang> = scene.roles.iter().filter_map(|r| r.role.gang.as_ref()).collect();
    let minimum = scene.roles.iter().any(|r| r.options.min_replicas.is_some());
    let wanted =
        !gangs.is_empty() || minimum || queue.is_some() || tiers.replica.is_some() || tiers.slice.is_some();
    let default = if wanted && possible {
        VOLCANO
    } else {
        "default-scheduler"
    };
    let mut scheduler = named.unwrap_or_else(|| default.into());
    gangs
        .iter()
        .for_each(|g| scheduler.decided_by(&g.ids.union(&g.scope.ids)));
    let volcano = scheduler.as_str() == Some(VOLCANO);
    if !(volcano && scene.platform.has_volcano()) {
        without_volcano(scene, &gangs, queue.as_ref(), ledger);
        queue = None;
    }
    let gang_policy = if volcano { gang_policy(scene, ledger) } else { None };
    let mut topology = Map::new();
    topology.insert_some("groupPolicy", tiers.slice.clone());
    topology.insert_some("rolePolicy", tiers.replica.clone());
    let network_topology = (!topology.is_empty()).then(|| topology.into());
    Scheduling {
        scheduler,
        gang_policy,
        network_topology,
        queue,
        tiers,
    }
}

/// The scheduler that the templates name: the first one, which is that of all pods.
fn named_scheduler(scene: &Scene<'_>, ledger: &mut Ledger) -> Option<Node> {
    let members = scene.roles.iter().flat_map(|r| &r.role.members);
    let named = members.filter_map(|m| m.template.at(&["spec", "schedulerName"]));
    one_for_all(named.cloned(), "scheduler", ledger)
}

fn queue(scene: &Scene<'_>, ledger: &mut Ledger) -> Option<Node> {
    one_for_all(
        scene
            .roles
            .iter()
            .filter_map(|r| r.role.queue.as_ref())
            .map(Traced::node),
        "queue",
        ledger,
    )
}

/// The first of several values, which takes in equal ones; others are reported.
fn one_for_all(values: impl Iterator<Item = Node>, what: &str, ledger: &mut Ledger) -> Option<Node> {
    let mut first: Option<Node> = None;
    let mut seen = Vec::new();
    for value in values {
        match &mut first {
            None => first = Some(value),
            Some(first) if *first == value => first.decided_by(&value.ids),
            Some(first) if first_time(&mut seen, &value.ids) => {
                let shown = |n: &Node| n.as_str().unwrap_or_default().to_owned();
                let message = format!(
                    "a ModelServing has one {what}: `{}` is used for all roles, not `{}`",
                    shown(first),
                    shown(&value)
                );
                let said = Diagnostic::new(&ONE_FOR_ALL, message)
                    .at_ids(&value.ids)
                    .outcome(Outcome::Dropped)
                    .remedy(format!("use one {what} for all roles, or two servings"));
                ledger.report(said.label(first.ids.first(), "the one that is used"));
            }
            Some(_) => {}
        }
    }
    first
}

/// Says what does not hold without Volcano.
fn without_volcano(scene: &Scene<'_>, gangs: &[&Gang], queue: Option<&Node>, ledger: &mut Ledger) {
    let reason = if scene.platform.has_volcano() {
        "PodGroups are made only with `schedulerName: volcano`, and the spec names another scheduler"
    } else {
        "the Platform says that Volcano is not installed"
    };
    let mut say = |code: &'static Code, message: &str, ids: &Ids| {
        ledger.report(
            Diagnostic::new(code, message)
                .at_ids(ids)
                .reason(reason)
                .outcome(Outcome::Dropped),
        );
    };
    let mut seen = Vec::new();
    for gang in gangs {
        let ids = gang.ids.union(&gang.scope.ids);
        if first_time(&mut seen, &ids) {
            say(&NO_GANG, "pods are scheduled one by one, not as a gang", &ids);
        }
    }
    if let Some(queue) = queue {
        say(&NO_GANG, "the queue is ignored", &queue.ids);
    }
    for minimum in scene.roles.iter().filter_map(|r| r.options.min_replicas.as_ref()) {
        say(&NO_GANG, "the minimum of the gang is ignored", &minimum.ids);
    }
}

/// The replicas of a role without which the slice does not start; absent for all of them.
fn gang_policy(scene: &Scene<'_>, ledger: &mut Ledger) -> Option<Node> {
    let slice = scene.roles.iter().any(|r| {
        r.role
            .gang
            .as_ref()
            .is_some_and(|g| g.scope.value == Scope::Slice)
    });
    let mut minimums = Map::new();
    let mut seen = Vec::new();
    for lowered in &scene.roles {
        let minimum = match (&lowered.options.min_replicas, &lowered.role.gang) {
            (Some(minimum), _) => Some(checked(lowered, &minimum.number(), ledger)),
            (None, _) if slice => None,
            (None, Some(gang)) if gang.scope.value == Scope::Role => None,
            (None, Some(gang)) if !scene.platform.has_subgroups() => {
                if first_time(&mut seen, &gang.ids.union(&gang.scope.ids)) {
                    widened(gang, ledger);
                }
                None
            }
            (None, Some(gang)) => Some(Node::derived(0u32, &gang.ids.union(&gang.scope.ids))),
            (None, None) => Some(0u32.into()),
        };
        minimums.insert_some(lowered.name.value.clone(), minimum);
    }
    (!minimums.is_empty()).then(|| Map::from_iter([("minRoleReplicas", minimums)]).into())
}

fn widened(gang: &Gang, ledger: &mut Ledger) {
    let said = Diagnostic::new(&GANG_WIDENED, "the whole slice starts together, not each replica")
        .at_ids(&gang.ids.union(&gang.scope.ids))
        .reason("Volcano has subgroups from 1.14 on, and the Platform names an older one")
        .outcome(Outcome::Emulated);
    ledger.report(said);
}

fn checked(lowered: &Lowered<'_>, minimum: &Traced<u32>, ledger: &mut Ledger) -> Node {
    let fewest = cut::fewest_replicas(lowered.role);
    if minimum.value > fewest {
        let message = format!(
            "a minimum of {} is more than the {fewest} replicas that `{}` may have",
            minimum.value, lowered.role.name.value
        );
        ledger.report(Diagnostic::new(&GANG_MINIMUM, message).at_ids(&minimum.ids));
    }
    minimum.node()
}

/// The HyperNode tiers that hold the topologies of replicas and of slices.
fn tiers(scene: &Scene<'_>) -> Tiers {
    let of = |role: &Role, scope: Scope| {
        let topology = role
            .topology
            .as_ref()
            .filter(|t| t.scope.value == scope && !t.exclusive.value)?;
        tier(scene, topology)
    };
    // One policy is for the replicas of all roles; a replica of one pod meets any.
    let replicas: Vec<Option<Node>> = scene
        .roles
        .iter()
        .filter(|r| r.role.multi_node())
        .map(|r| of(r.role, Scope::Replica))
        .collect();
    let slices: Vec<Option<Node>> = scene
        .roles
        .iter()
        .filter(|r| {
            r.role
                .topology
                .as_ref()
                .is_some_and(|t| t.scope.value == Scope::Slice)
        })
        .map(|r| of(r.role, Scope::Slice))
        .collect();
    Tiers {
        replica: agreed(&replicas).filter(|_| scene.platform.has_subgroups()),
        slice: agreed(&slices),
    }
}

/// The policy that all have.
fn agreed(policies: &[Option<Node>]) -> Option<Node> {
    let mut all = policies.first()?.clone()?;
    for policy in policies {
        let policy = policy.as_ref().filter(|p| **p == all)?;
        all.absorb(policy);
    }
    Some(all)
}

fn tier(scene: &Scene<'_>, topology: &Topology) -> Option<Node> {
    let Topology {
        key,
        scope,
        mode,
        exclusive,
    } = topology;
    let tier = scene.platform.tier(&key.value)?;
    let mode = mode.map(|m| match m {
        Strictness::Required => Str::from("hard"),
        Strictness::Preferred => Str::from("soft"),
    });
    let mut policy = Map::new();
    policy.insert("mode", mode.node());
    policy.insert(
        "highestTierAllowed",
        Node::derived(tier, &key.ids.union(&scope.ids)),
    );
    Some(Node::derived(policy, &exclusive.ids))
}
