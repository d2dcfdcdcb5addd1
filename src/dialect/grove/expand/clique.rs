//! The PodCliques of a set: names, the template that each is made from, and what each waits for.

use super::replicas;
use crate::dialect::grove::read::{Clique, Group, Set, Startup};
use crate::value::Str;
use std::collections::BTreeSet;

/// A PodClique.
#[derive(Clone, Debug)]
pub(super) struct PodClique<'a> {
    /// The replica of the set.
    pub slice: u32,
    /// Its name.
    pub name: Str,
    /// The clique that it is.
    pub clique: &'a Clique,
    /// The clique that it is made from: the first whose name its own name ends with.
    pub template: &'a Clique,
    /// Its scaling group and the replica of that.
    pub group: Option<(&'a Group, u32)>,
    /// Its PodGang.
    pub gang: Str,
    /// How many pods it has.
    pub count: u32,
    /// How many pods of the same replica of its group come before.
    pub rank: u32,
    /// PodCliques that must have so many ready pods before.
    pub waits: Vec<(Str, i64)>,
    /// Whether its pods keep their scheduling gate.
    pub gated: bool,
}

impl PodClique<'_> {
    /// Whether it is in the base gang.
    pub(super) fn is_base(&self) -> bool {
        self.group
            .is_none_or(|(g, replica)| i64::from(replica) < g.min_available.value)
    }
}

/// The name of a lone clique's PodClique.
pub(super) fn lone_name(set: &Set, slice: u32, clique: &str) -> Str {
    format!("{}-{slice}-{clique}", set.name.value).into()
}

/// The name of a PodCliqueScalingGroup.
pub(super) fn group_name(set: &Set, slice: u32, group: &Group) -> Str {
    format!("{}-{slice}-{}", set.name.value, group.name.value).into()
}

/// The name of a set's replica: of its headless Service and its base gang.
pub(super) fn slice_name(set: &Set, slice: u32) -> Str {
    format!("{}-{slice}", set.name.value).into()
}

fn member_name(set: &Set, slice: u32, group: &Group, replica: u32, clique: &str) -> Str {
    format!("{}-{replica}-{clique}", group_name(set, slice, group)).into()
}

/// The members of a slice's groups with the names of their PodCliques.
pub(super) fn members(set: &Set, slice: u32) -> impl Iterator<Item = (Str, &Clique)> {
    set.groups.iter().flat_map(move |group| {
        (0..number(replicas(group))).flat_map(move |replica| {
            group
                .members(set)
                .map(move |c| (member_name(set, slice, group, replica, &c.name.value), c))
        })
    })
}

fn number(n: i64) -> u32 {
    u32::try_from(n).unwrap_or_default()
}

/// All PodCliques: for each replica of the set the lone ones, then the groups' in order of groups, replicas and members. One
/// that has the name of another one is not made.
pub(super) fn podcliques(set: &Set) -> Vec<PodClique<'_>> {
    let mut all = Vec::new();
    for slice in 0..number(set.replicas.value) {
        let mut names: BTreeSet<Str> = BTreeSet::new();
        let lone = set
            .cliques
            .iter()
            .filter(|c| set.group_of(&c.name.value).is_none());
        for clique in lone {
            let name = lone_name(set, slice, &clique.name.value);
            names.insert(name.clone());
            all.push(podclique(set, slice, name, clique, None));
        }
        for group in &set.groups {
            for replica in 0..number(replicas(group)) {
                let mut rank = 0;
                for clique in group.members(set) {
                    let name = member_name(set, slice, group, replica, &clique.name.value);
                    if !names.insert(name.clone()) {
                        continue;
                    }
                    let mut made = podclique(set, slice, name, clique, Some((group, replica)));
                    made.rank = rank;
                    rank += made.count;
                    all.push(made);
                }
            }
        }
    }
    all
}

fn podclique<'a>(
    set: &'a Set,
    slice: u32,
    name: Str,
    clique: &'a Clique,
    group: Option<(&'a Group, u32)>,
) -> PodClique<'a> {
    let at = found(set, &name);
    let template = at.map_or(clique, |at| &set.cliques[at]);
    // An autoscaler of a group of the same name takes the place of the clique's.
    let taken = set
        .groups
        .iter()
        .any(|g| g.name.value == clique.name.value && g.scaling.is_some());
    let scaling = clique.scaling.as_ref().filter(|_| group.is_none() && !taken);
    let size = template.replicas.value;
    let gang = match group {
        Some((g, replica)) if i64::from(replica) >= g.min_available.value => format!(
            "{}-{}",
            group_name(set, slice, g),
            i64::from(replica) - g.min_available.value
        )
        .into(),
        _ => slice_name(set, slice),
    };
    PodClique {
        slice,
        clique,
        template,
        group,
        gang,
        count: number(scaling.map_or(size, |s| s.bound(size))),
        rank: 0,
        waits: waits(set, slice, at, group),
        gated: false,
        name,
    }
}

/// The place of the clique that Grove takes for a PodClique of a name.
fn found(set: &Set, name: &str) -> Option<usize> {
    set.cliques
        .iter()
        .position(|c| name.ends_with(c.name.value.as_str()))
}

/// What a PodClique made from the clique at a place waits for.
fn waits(set: &Set, slice: u32, at: Option<usize>, group: Option<(&Group, u32)>) -> Vec<(Str, i64)> {
    let before: Vec<&Str> = match (set.startup, at) {
        (Startup::InOrder, Some(at)) if at > 0 => vec![&set.cliques[at - 1].name.value],
        (Startup::Explicit, Some(at)) => set.cliques[at].starts_after.iter().map(|s| &s.value).collect(),
        _ => Vec::new(),
    };
    let scaled = group.filter(|(g, replica)| i64::from(*replica) >= g.min_available.value);
    let names = before.into_iter().flat_map(|parent| match scaled {
        // A scaled gang waits for its own alone.
        Some((g, replica)) if g.has(parent) => vec![member_name(set, slice, g, replica, parent)],
        Some(_) => Vec::new(),
        None => match set.group_of(parent) {
            Some(g) => (0..number(g.min_available.value))
                .map(|replica| member_name(set, slice, g, replica, parent))
                .collect(),
            None => vec![lone_name(set, slice, parent)],
        },
    });
    names
        .map(|name| {
            let ready = found(set, &name).map_or(0, |at| set.cliques[at].min_available.value);
            (name, ready)
        })
        .collect()
}
