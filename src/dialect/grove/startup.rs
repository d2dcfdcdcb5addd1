//! In which order cliques start.

use super::codes::{STARTUP_DEADLOCK, STARTUP_OPTIONS};
use super::layout::{Clique, Layout, RoleLayout};
use super::options::{Options, StartupType};
use crate::diagnostic::{Diagnostic, Ledger, Severity};
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
        let mut after: BTreeMap<Str, Vec<Traced<Str>>> = BTreeMap::new();
        for (role, clique) in layout.cliques() {
            let edges = edges(layout, role, clique, ledger);
            if !edges.is_empty() {
                after.insert(clique.name.value.clone(), edges);
            }
        }
        layout.roles.iter().for_each(|r| check_deadlock(r, ledger));
        let default = if after.is_empty() {
            StartupType::AnyOrder
        } else {
            StartupType::Explicit
        };
        let kind = options
            .startup_type
            .clone()
            .unwrap_or(Traced::default_of(default));
        if let Some(edge) = after
            .values()
            .flatten()
            .next()
            .filter(|_| kind.value != StartupType::Explicit)
        {
            let message = format!(
                "with `startupType: {}` no clique waits for another by name",
                kind.value.as_str()
            );
            let said = Diagnostic::new(&STARTUP_OPTIONS, message).at_ids(&kind.ids);
            ledger.report(
                said.label(edge.at(), "asked for here")
                    .remedy("leave `startupType` out"),
            );
        }
        let startup = Self { kind, after };
        startup.check_cycles(ledger);
        startup
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

/// The cliques that a clique waits for, each once.
fn edges(
    layout: &Layout<'_>,
    role: &RoleLayout<'_>,
    clique: &Clique<'_>,
    ledger: &mut Ledger,
) -> Vec<Traced<Str>> {
    let mut edges: Vec<Traced<Str>> = Vec::new();
    let mut add = |name: Traced<Str>| match edges.iter_mut().find(|e| e.value == name.value) {
        Some(edge) => edge.ids.merge(&name.ids),
        None => edges.push(name),
    };
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
            .for_each(|c| add(needed.map(|_| c.name.value.clone())));
    }
    let leads = role
        .cliques
        .first()
        .is_some_and(|c| c.member.name.value == clique.member.name.value);
    if let Some(order) = &role.role.startup {
        let others = role.cliques.iter().skip(1);
        match order.value {
            StartupOrder::LeaderFirst if !leads => {
                role.cliques
                    .iter()
                    .take(1)
                    .for_each(|c| add(order.map(|_| c.name.value.clone())));
            }
            StartupOrder::WorkersFirst if leads => {
                others.for_each(|c| add(order.map(|_| c.name.value.clone())))
            }
            _ => {}
        }
    }
    for name in clique.options.starts_after.iter().flatten() {
        if !layout.cliques().any(|(_, c)| c.name.value == name.value) {
            let known: Vec<&str> = layout.cliques().map(|(_, c)| c.name.value.as_str()).collect();
            let said = Diagnostic::new(&STARTUP_OPTIONS, format!("no clique is called `{}`", name.value))
                .at_ids(&name.ids);
            ledger.report(said.reason(format!("cliques: {}", known.join(", "))));
        }
        add(name.clone());
    }
    edges
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
