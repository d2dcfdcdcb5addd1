//! In which order cliques start.

use super::codes::{STARTUP_DEADLOCK, STARTUP_OPTIONS, STARTUP_UNUSED};
use super::layout::{Clique, Layout, RoleLayout};
use super::options::{Options, StartupType};
use crate::diagnostic::{Diagnostic, Ledger, Outcome, Severity};
use crate::spec::policy::StartupOrder;
use crate::value::{Node, Str, Traced};
use std::collections::BTreeMap;

/// Who waits for whom.
pub(super) struct Startup {
    /// The startup type.
    pub kind: Traced<StartupType>,
    /// The cliques that each clique waits for, by its name.
    after: BTreeMap<Str, Vec<Traced<Str>>>,
}

impl Startup {
    /// Reads the order that the workload asks for; reports what would wait for ever.
    pub(super) fn new(layout: &Layout<'_>, options: &Options, ledger: &mut Ledger) -> Self {
        layout.roles.iter().for_each(|r| check_deadlock(r, ledger));
        let asked = options.startup_type.clone();
        let explicit = asked.as_ref().is_none_or(|a| a.value == StartupType::Explicit);
        let mut startup = Self {
            kind: asked.unwrap_or(Traced::default_of(StartupType::AnyOrder)),
            after: BTreeMap::new(),
        };
        let order: Vec<Str> = {
            let cliques: Vec<&Clique<'_>> = layout.cliques().map(|(_, c)| c).collect();
            let places = layout.order(options).into_iter();
            places.map(|i| cliques[i].name.value.clone()).collect()
        };
        for (role, clique) in layout.cliques() {
            let words = words(layout, role, clique);
            let own = clique.options.starts_after.as_deref().unwrap_or_default();
            if explicit {
                check_names(layout, own, ledger);
            }
            let edges = match explicit {
                true => merged(words, own),
                false => startup.by_list(&clique.name.value, words, own, &order, ledger),
            };
            if !edges.is_empty() {
                startup.after.insert(clique.name.value.clone(), edges);
            }
        }
        if options.startup_type.is_none() && !startup.after.is_empty() {
            startup.kind.value = StartupType::Explicit;
        }
        if explicit {
            startup.check_cycles(ledger);
        }
        startup
    }

    /// What is written where the startup type is not `Explicit`: the options as they are. Words must hold by the list.
    fn by_list(
        &mut self,
        clique: &str,
        words: Vec<Traced<Str>>,
        own: &[Traced<Str>],
        order: &[Str],
        ledger: &mut Ledger,
    ) -> Vec<Traced<Str>> {
        let place = |name: &str| order.iter().position(|n| n == name);
        let type_of = self.kind.value;
        let (held, broken): (Vec<_>, Vec<_>) = words
            .into_iter()
            .partition(|edge| type_of == StartupType::InOrder && place(&edge.value) < place(clique));
        held.iter().for_each(|edge| self.kind.ids.merge(&edge.ids));
        let message = format!(
            "with `startupType: {}` no clique waits for another by name",
            type_of.as_str()
        );
        if let Some(edge) = broken.first() {
            let said = Diagnostic::new(&STARTUP_OPTIONS, message).at_ids(&self.kind.ids);
            let said = said.label(edge.at(), "asked for here");
            ledger.report(said.remedy("leave `startupType` out"));
        } else if let Some(edge) = own.first() {
            let said = Diagnostic::new(&STARTUP_UNUSED, message).at_ids(&edge.ids);
            ledger.report(
                said.outcome(Outcome::Moved)
                    .label(self.kind.at(), "the startup type"),
            );
        }
        own.to_vec()
    }

    /// `startsAfter` of a clique.
    pub(super) fn after(&self, clique: &Clique<'_>) -> Option<Node> {
        let after = self.after.get(&clique.name.value)?;
        Some(after.iter().map(Node::from).collect::<Vec<Node>>().into())
    }

    /// The value of `cliqueStartupType`.
    pub(super) fn kind(&self) -> Node {
        self.kind
            .map(|k| Str::from(format!("CliqueStartupType{}", k.as_str())))
            .node()
    }

    /// Takes cliques that wait for nobody out until none is left; who is left waits in a circle.
    fn check_cycles(&self, ledger: &mut Ledger) {
        let mut waiting: BTreeMap<&Str, &Vec<Traced<Str>>> = self.after.iter().collect();
        loop {
            let free: Vec<&Str> = waiting
                .iter()
                .filter(|(_, e)| e.iter().all(|e| !waiting.contains_key(&e.value)))
                .map(|(n, _)| *n)
                .collect();
            if free.is_empty() {
                break;
            }
            for name in free {
                waiting.remove(name);
            }
        }
        if let Some((_, edge)) = waiting.iter().find_map(|(n, e)| e.first().map(|e| (n, e))) {
            let names: Vec<&str> = waiting.keys().map(|n| n.as_str()).collect();
            let message = format!("cliques wait for each other: {}", names.join(", "));
            ledger.report(Diagnostic::new(&STARTUP_OPTIONS, message).at_ids(&edge.ids));
        }
    }
}

/// The cliques that a clique waits for by `dependsOn` and `startup`, each once.
fn words(layout: &Layout<'_>, role: &RoleLayout<'_>, clique: &Clique<'_>) -> Vec<Traced<Str>> {
    let mut edges: Vec<Traced<Str>> = Vec::new();
    for needed in &role.role.depends_on {
        // A role is ready when the pods that answer for it are.
        let Some(needed_role) = layout.role(&needed.value) else {
            continue;
        };
        let serving = needed_role.cliques.iter().filter(|c| c.member.serves);
        let leader = needed_role
            .cliques
            .iter()
            .take(1)
            .filter(|_| needed_role.cliques.iter().all(|c| !c.member.serves));
        serving
            .chain(leader)
            .for_each(|c| add(&mut edges, needed.map(|_| c.name.value.clone())));
    }
    let leads = role
        .cliques
        .first()
        .is_some_and(|c| c.member.name.value == clique.member.name.value);
    let Some(order) = &role.role.startup else {
        return edges;
    };
    let of_role = |c: &Clique<'_>| order.map(|_| c.name.value.clone());
    match order.value {
        StartupOrder::LeaderFirst if !leads => {
            let leader = role.cliques.iter().take(1);
            leader.for_each(|c| add(&mut edges, of_role(c)));
        }
        StartupOrder::WorkersFirst if leads => {
            let others = role.cliques.iter().skip(1);
            others.for_each(|c| add(&mut edges, of_role(c)));
        }
        _ => {}
    }
    edges
}

fn add(edges: &mut Vec<Traced<Str>>, name: Traced<Str>) {
    match edges.iter_mut().find(|e| e.value == name.value) {
        Some(edge) => edge.ids.merge(&name.ids),
        None => edges.push(name),
    }
}

/// Words and options together, in the order of the options.
fn merged(mut edges: Vec<Traced<Str>>, own: &[Traced<Str>]) -> Vec<Traced<Str>> {
    own.iter().for_each(|name| add(&mut edges, name.clone()));
    let place = |edge: &Traced<Str>| own.iter().position(|n| n.value == edge.value);
    edges.sort_by_key(|edge| place(edge).map_or(0, |at| at + 1));
    edges
}

fn check_names(layout: &Layout<'_>, own: &[Traced<Str>], ledger: &mut Ledger) {
    for name in own {
        if !layout.cliques().any(|(_, c)| c.name.value == name.value) {
            let known: Vec<&str> = layout.cliques().map(|(_, c)| c.name.value.as_str()).collect();
            let said = Diagnostic::new(&STARTUP_OPTIONS, format!("no clique is called `{}`", name.value))
                .at_ids(&name.ids);
            ledger.report(said.reason(format!("cliques: {}", known.join(", "))));
        }
    }
}

/// A leader of a multi-node engine is Ready when its workers have joined, so they must not wait for that.
fn check_deadlock(role: &RoleLayout<'_>, ledger: &mut Ledger) {
    let Some(order) = role
        .role
        .startup
        .as_ref()
        .filter(|o| o.value == StartupOrder::LeaderFirst)
    else {
        return;
    };
    let containers = role
        .role
        .leader()
        .template
        .at(&["spec", "containers"])
        .and_then(Node::as_seq)
        .unwrap_or_default();
    let probes = ["readinessProbe", "startupProbe"];
    if !containers
        .iter()
        .any(|c| probes.iter().any(|p| c.get(p).is_some()))
    {
        return;
    }
    let message = format!(
        "the workers of role `{}` wait until its leader is Ready",
        role.role.name.value
    );
    let severity = if role.role.engine.engine.is_some() {
        Severity::Error
    } else {
        Severity::Warning
    };
    let said = Diagnostic::new(&STARTUP_DEADLOCK, message)
        .at_ids(&order.ids)
        .severity(severity);
    ledger.report(said.remedy("`order: parallel`, or no probes on the leader"));
}
