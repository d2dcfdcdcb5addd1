//! What starts together: words where the scheduler makes gangs of PodGangs, else only the minima as options.

use super::Lift;
use super::units::Unit;
use crate::diagnostic::Diagnostic;
use crate::dialect::grove::codes::{PARTIAL_GANG, SPELLING};
use crate::dialect::grove::operator::{KAI, VOLCANO};
use crate::value::{Ids, Node, Traced};

/// The gangs of a set.
pub(super) struct Gangs {
    /// The word for all roles.
    pub scope: Option<Node>,
    /// Whether the scheduler makes gangs.
    pub made: bool,
    /// Whether the base gang has all replicas.
    whole: bool,
}

impl Gangs {
    /// Finds words for the minima.
    pub(super) fn new(lift: &Lift<'_>, units: &[Unit<'_>]) -> Self {
        let scheduler = lift.operator.scheduler_of(lift.set);
        let made = [KAI, VOLCANO].contains(&scheduler.as_str());
        let several = units.len() > 1 || units.iter().any(|u| u.replicas().0.value > 1);
        let whole = made && several && units.iter().all(is_whole);
        let word = match () {
            () if whole && units.len() > 1 => Some("slice"),
            () if whole => Some("role"),
            // Pods of a replica need each other; which replicas a slice needs to start is Grove's own.
            () if made && units.iter().any(|u| u.size() > 1) => Some("replica"),
            () => None,
        };
        let said = |u: &Unit<'_>| match whole {
            true => minima(u).union(
                &u.group
                    .map(|g| written(&g.written, &["minAvailable"]))
                    .unwrap_or_default(),
            ),
            false if u.group.is_some() => minima(u),
            false => Ids::none(),
        };
        let ids = units.iter().fold(Ids::none(), |ids, u| ids.union(&said(u)));
        Self {
            scope: word.map(|w| Node::derived(w, &ids)),
            made,
            whole,
        }
    }

    /// The replicas of a role in the base gang that follow from the words.
    pub(super) fn follows(&self, unit: &Unit<'_>) -> i64 {
        let needed = if self.whole { unit.replicas().0.value } else { 1 };
        bound(unit).map_or(needed, |b| b.min(needed))
    }
}

/// Whether the base gang needs all pods of a role.
fn is_whole(unit: &Unit<'_>) -> bool {
    let (replicas, least) = unit.replicas();
    let members = || {
        unit.group.is_none()
            || unit
                .cliques
                .iter()
                .all(|c| c.min_available.value == c.replicas.value)
    };
    replicas.value == least.value && members() && bound(unit).is_none_or(|b| b >= least.value)
}

/// The fewest replicas that automatic scaling leaves.
fn bound(unit: &Unit<'_>) -> Option<i64> {
    let scaling = match unit.group {
        Some(group) => &group.scaling,
        None => &unit.cliques[0].scaling,
    };
    scaling.as_ref().map(|s| s.min.value.max(1))
}

/// Where the minima of the cliques are written, those that need all pods.
fn minima(unit: &Unit<'_>) -> Ids {
    let members = unit
        .cliques
        .iter()
        .filter(|c| c.min_available.value == c.replicas.value);
    members.fold(Ids::none(), |ids, c| {
        ids.union(&written(&c.written, &["spec", "minAvailable"]))
    })
}

fn written(node: &Node, path: &[&str]) -> Ids {
    node.at(path).map(|n| n.ids.clone()).unwrap_or_default()
}

impl Lift<'_> {
    /// The option for a minimum that does not follow from words.
    pub(super) fn minimum(
        &mut self,
        least: &Traced<i64>,
        follows: i64,
        all: i64,
        owner: &Node,
        path: &[&str],
        made: bool,
    ) -> Option<Node> {
        let node = owner.at(path).filter(|n| n.as_int() == Some(least.value));
        let partial = least.value < all;
        if let Some(node) = node {
            // Where no scheduler makes gangs, a minimum only decides when the set counts as broken.
            let said = match partial && made {
                true => {
                    let message = format!("{} of {all} are enough to start and to run on", least.value);
                    Diagnostic::new(&PARTIAL_GANG, message).remedy("see `scheduling.gang` and `disruption`")
                }
                false => Diagnostic::new(&SPELLING, format!("{} of {all} are needed", least.value)),
            };
            self.lost(&node.ids, said);
        }
        (least.value != follows && least.value > 0)
            .then(|| node.cloned().unwrap_or_else(|| Node::from(least.value)))
    }
}
