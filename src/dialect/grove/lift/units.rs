//! Which cliques make a role: each lone one, and those of a scaling group together.

use crate::dialect::grove::layout;
use crate::dialect::grove::read::{Clique, Group, Set};
use crate::value::{Node, Str, Traced};

/// A role to be.
pub(super) struct Unit<'a> {
    /// The scaling group; none for a lone clique.
    pub group: Option<&'a Group>,
    /// The cliques in rank order. Never empty.
    pub cliques: Vec<&'a Clique>,
    /// The name of the role: that of the group or clique, as the language has it.
    pub role: Str,
}

impl Unit<'_> {
    /// The name of the group or of the lone clique.
    pub(super) fn name(&self) -> &Traced<Str> {
        self.group.map_or(&self.cliques[0].name, |g| &g.name)
    }

    /// The pods of one replica.
    pub(super) fn size(&self) -> i64 {
        match self.group {
            None => 1,
            Some(_) => self.cliques.iter().map(|c| c.replicas.value.max(1)).sum(),
        }
    }

    /// Replicas, and those that the base gang needs.
    pub(super) fn replicas(&self) -> (&Traced<i64>, &Traced<i64>) {
        match self.group {
            Some(group) => (&group.replicas, &group.min_available),
            None => (&self.cliques[0].replicas, &self.cliques[0].min_available),
        }
    }

    /// Whether anything here has a topology constraint.
    pub(super) fn constrained(&self) -> bool {
        self.group.is_some_and(|g| g.topology.is_some()) || self.cliques.iter().any(|c| c.topology.is_some())
    }
}

impl Clique {
    /// Whether its pods name their scheduler.
    pub(super) fn names_scheduler(&self) -> bool {
        let name = self.pod_spec.get("schedulerName").and_then(Node::as_str);
        name.is_some_and(|n| !n.is_empty())
    }
}

/// The roles in the order of the list of cliques; scaling groups among each other in their own order.
pub(super) fn units(set: &Set) -> Vec<Unit<'_>> {
    let lone = |c: &&Clique| set.group_of(&c.name.value).is_none();
    let mut all: Vec<Unit<'_>> = Vec::new();
    for clique in set.cliques.iter().filter(lone) {
        all.push(unit(None, vec![clique], &clique.name.value));
    }
    for group in &set.groups {
        let own = |c: &&Clique| {
            set.group_of(&c.name.value)
                .is_some_and(|g| std::ptr::eq(g, group))
        };
        let cliques: Vec<&Clique> = group.members(set).filter(own).collect();
        if !cliques.is_empty() {
            all.push(unit(Some(group), cliques, &group.name.value));
        }
    }
    let place = |u: &Unit<'_>| {
        let places = u
            .cliques
            .iter()
            .filter_map(|c| set.cliques.iter().position(|d| std::ptr::eq(d, *c)));
        places.min().unwrap_or_default()
    };
    let groups: Vec<Unit<'_>> = {
        let (groups, lone) = all.into_iter().partition(|u| u.group.is_some());
        all = lone;
        groups
    };
    // Each place of a group is taken by the next group of their own list.
    let mut places: Vec<usize> = groups.iter().map(&place).collect();
    places.sort_unstable();
    let mut placed: Vec<(usize, Unit<'_>)> = places.into_iter().zip(groups).collect();
    placed.extend(all.into_iter().map(|u| (place(&u), u)));
    placed.sort_by_key(|(at, _)| *at);
    let mut units: Vec<Unit<'_>> = placed.into_iter().map(|(_, unit)| unit).collect();
    unique(&mut units);
    units
}

fn unit<'a>(group: Option<&'a Group>, cliques: Vec<&'a Clique>, name: &str) -> Unit<'a> {
    Unit {
        group,
        cliques,
        role: word(name),
    }
}

/// A name as the language has it: a DNS label that begins with a letter or digit.
pub(super) fn word(name: &str) -> Str {
    let node = crate::dialect::lifting::role_name(name, &crate::value::Ids::none());
    node.as_str().unwrap_or_default().into()
}

/// A clique and a scaling group may have one name, roles may not.
fn unique(units: &mut [Unit<'_>]) {
    for at in 0..units.len() {
        let taken =
            |name: &str, units: &[Unit<'_>]| units.iter().enumerate().any(|(n, u)| n != at && u.role == name);
        if units[at].group.is_some() || !taken(&units[at].role, units) {
            continue;
        }
        let mut name: Str = format!("{}-pods", units[at].role).into();
        while taken(&name, units) {
            name = format!("{name}-pods").into();
        }
        units[at].role = name;
    }
}

/// The list of cliques by their names, where it is in another order than the one that follows from roles and members.
pub(super) fn order(set: &Set, units: &[Unit<'_>]) -> Option<Node> {
    let names: Vec<&str> = units
        .iter()
        .flat_map(|u| &u.cliques)
        .map(|c| c.name.value.as_str())
        .collect();
    let made = layout::order(&names).into_iter().map(|i| names[i]);
    let written = set.cliques.iter().map(|c| c.name.value.as_str());
    if made.eq(written) {
        return None;
    }
    let list: Vec<Node> = set.cliques.iter().map(|c| c.name.node()).collect();
    Some(list.into())
}
