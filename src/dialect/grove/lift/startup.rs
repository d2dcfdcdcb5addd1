//! In which order cliques start: `dependsOn` and `startup.order` where they say it, else `startsAfter` as options.

use super::Lift;
use super::units::Unit;
use crate::dialect::grove::read::{self, Clique};
use crate::value::{Ids, Node, Str};

/// The order of a set.
pub(super) struct Startup {
    /// The option `startupType`.
    pub kind: Option<Node>,
    /// What each role waits for.
    pub roles: Vec<Waits>,
}

/// What a role waits for.
#[derive(Default)]
pub(super) struct Waits {
    /// `dependsOn`.
    pub depends_on: Vec<Node>,
    /// `startup.order`.
    pub order: Option<Node>,
    /// The option `startsAfter` of each clique.
    pub own: Vec<Option<Node>>,
}

impl Startup {
    /// Finds words for the order.
    pub(super) fn new(lift: &mut Lift<'_>, units: &[Unit<'_>]) -> Self {
        let written = lift.document.root.at(&["spec", "template", "cliqueStartupType"]);
        let ids = written.map(|n| n.ids.clone()).unwrap_or_default();
        let waiting = units
            .iter()
            .flat_map(|u| &u.cliques)
            .any(|c| !c.starts_after.is_empty());
        let (kind, roles): (_, Vec<Waits>) = match lift.set.startup {
            read::Startup::Explicit => {
                let kind = (!waiting).then_some("Explicit");
                (kind, units.iter().map(|u| explicit(u, units)).collect())
            }
            read::Startup::InOrder => {
                let all = units.iter().map(|u| in_order(lift, u, units, &ids));
                (Some("InOrder"), all.collect())
            }
            read::Startup::AnyOrder => {
                let all = units.iter().map(unheeded);
                (waiting.then_some("AnyOrder"), all.collect())
            }
        };
        if lift.set.startup != read::Startup::Explicit {
            let own: Vec<Ids> = roles
                .iter()
                .flat_map(|r| r.own.iter().flatten())
                .map(Node::all_ids)
                .collect();
            own.iter().for_each(|ids| lift.lost(ids, super::unheeded()));
        } else {
            for node in roles.iter().flat_map(|r| r.own.iter().flatten()) {
                lift.lost(&node.all_ids(), super::order_lost());
            }
        }
        if lift.set.startup == read::Startup::InOrder {
            lift.lost(&ids, super::order_lost());
        }
        Self {
            kind: kind.map(|k| Node::derived(k, &ids)),
            roles,
        }
    }
}

fn names(clique: &Clique) -> Vec<&Str> {
    clique.starts_after.iter().map(|n| &n.value).collect()
}

fn has(clique: &Clique, name: &str) -> bool {
    clique.starts_after.iter().any(|n| n.value == name)
}

/// Where cliques of a unit name others.
fn places<'a>(cliques: impl IntoIterator<Item = &'a &'a Clique>, name: &str) -> Ids {
    let edges = cliques.into_iter().flat_map(|c| &c.starts_after);
    edges
        .filter(|n| n.value == name)
        .fold(Ids::none(), |ids, n| ids.union(&n.ids))
}

fn explicit(unit: &Unit<'_>, units: &[Unit<'_>]) -> Waits {
    let lead = unit.cliques[0];
    let others: Vec<&&Clique> = unit.cliques.iter().skip(1).collect();
    let mut waits = Waits::default();
    // The cliques that words make each clique wait for.
    let mut made: Vec<Vec<&Str>> = vec![Vec::new(); unit.cliques.len()];
    for name in names(lead) {
        let role = units
            .iter()
            .find(|u| u.cliques[0].name.value == *name && u.role != unit.role);
        let Some(role) = role.filter(|_| unit.cliques.iter().all(|c| has(c, name))) else {
            continue;
        };
        waits
            .depends_on
            .push(Node::derived(role.role.clone(), &places(&unit.cliques, name)));
        made.iter_mut().for_each(|m| m.push(name));
    }
    let leads = &lead.name.value;
    if !others.is_empty() && others.iter().all(|c| has(c, leads)) {
        waits.order = Some(Node::derived("leaderFirst", &places(&unit.cliques, leads)));
        made.iter_mut().skip(1).for_each(|m| m.push(leads));
    } else if !others.is_empty() && others.iter().all(|c| has(lead, &c.name.value)) {
        let ids = others
            .iter()
            .fold(Ids::none(), |ids, c| ids.union(&places([&lead], &c.name.value)));
        waits.order = Some(Node::derived("workersFirst", &ids));
        made[0].extend(others.iter().map(|c| &c.name.value));
    }
    let own =
        |(clique, made): (&&Clique, &Vec<&Str>)| (names(clique) != *made).then(|| list(clique)).flatten();
    waits.own = unit.cliques.iter().zip(&made).map(own).collect();
    waits
}

/// Each clique after the one before it in the list: the words that hold by that.
fn in_order(lift: &Lift<'_>, unit: &Unit<'_>, units: &[Unit<'_>], ids: &Ids) -> Waits {
    let all = &lift.set.cliques;
    let place = |c: &Clique| {
        all.iter()
            .position(|d| d.name.value == c.name.value)
            .unwrap_or_default()
    };
    let first = unit.cliques.iter().map(|c| place(c)).min().unwrap_or_default();
    let before = first.checked_sub(1).and_then(|at| all.get(at));
    let owner = before.and_then(|b| {
        units
            .iter()
            .find(|u| u.cliques.iter().any(|c| c.name.value == b.name.value))
    });
    let mut waits = unheeded(unit);
    if let Some(owner) = owner.filter(|o| place(o.cliques[0]) < first) {
        waits.depends_on.push(Node::derived(owner.role.clone(), ids));
    }
    let lead = place(unit.cliques[0]);
    let mut others = unit.cliques.iter().skip(1).map(|c| place(c)).peekable();
    if others.peek().is_some() {
        let others: Vec<usize> = others.collect();
        let word = match () {
            () if others.iter().all(|o| *o > lead) => Some("leaderFirst"),
            () if others.iter().all(|o| *o < lead) => Some("workersFirst"),
            () => None,
        };
        waits.order = word.map(|w| Node::derived(w, ids));
    }
    waits
}

/// What Grove stores and does not heed.
fn unheeded(unit: &Unit<'_>) -> Waits {
    Waits {
        own: unit.cliques.iter().map(|c| list(c)).collect(),
        ..Waits::default()
    }
}

fn list(clique: &Clique) -> Option<Node> {
    super::filled(clique.written.at(&["spec", "startsAfter"]))
}
