//! Names and their limits (observed: records `g-longname`, `g-toolong`, `c-longname`).

use super::super::options::Mode;
use super::Lowering;
use super::codes::{NAME_CLASH, NAME_CUT, NAME_TOO_LONG, TOO_MANY};
use super::component::Component;
use crate::diagnostic::{Diagnostic, Ledger, Outcome};
use crate::dialect::shared;
use crate::value::Node;

/// The most components of a graph.
const COMPONENTS: usize = 25;
/// The most characters of a label's value and of a Service's name.
const LABEL: usize = 63;
/// The most characters of a PodCliqueSet, a scaling group and a clique together.
const GROVE: usize = 45;
/// What the operator leaves of a graph's name at least.
const LEAST: usize = 8;
/// The most characters of a StatefulSet's name, for its revision label to fit.
const STATEFUL_SET: usize = 52;
/// `-` and the hash of the workers.
const HASH: usize = 9;

/// Reports what would be accepted and never become pods.
pub(super) fn check(lowering: &Lowering<'_>, objects: &[Node], ledger: &mut Ledger) {
    let components = &lowering.components;
    if let Some(beyond) = components.get(COMPONENTS) {
        let message = format!(
            "{} components, and a graph has at most {COMPONENTS}",
            components.len()
        );
        ledger.report(Diagnostic::new(&TOO_MANY, message).at(beyond.role.name.at()));
    }
    for slice in shared::slices(lowering.serving) {
        let graph = lowering.graph_name(slice).value;
        match lowering.mode {
            Mode::Grove => grove(lowering, &graph, ledger),
            Mode::Lws => components.iter().for_each(|c| lws(lowering, c, &graph, ledger)),
        }
        clashes(lowering, &graph, objects, ledger);
    }
}

fn too_long(
    lowering: &Lowering<'_>,
    component: &Component<'_>,
    what: String,
    over: usize,
    ledger: &mut Ledger,
) {
    let message = format!("{what} by {over} character{}", if over == 1 { "" } else { "s" });
    let written = if component.role.implicit {
        None
    } else {
        component.name.at()
    };
    let said = Diagnostic::new(&NAME_TOO_LONG, message).at(written.or(lowering.serving.name.at()));
    if !ledger
        .diagnostics
        .iter()
        .any(|d| d.code == said.code && d.at == said.at)
    {
        ledger.report(said.remedy("shorten the name of the serving or of the role"));
    }
}

/// Together with the PodCliqueSet: the clique, and the scaling group where there is one.
fn share(component: &Component<'_>) -> usize {
    let clique = component.cliques().first().map_or(0, String::len);
    match component.role.multi_node() {
        true => component.lower.len() + clique,
        false => clique,
    }
}

fn grove(lowering: &Lowering<'_>, graph: &str, ledger: &mut Ledger) {
    for component in &lowering.components {
        let selector = graph.len() + 1 + component.lower.len();
        if selector > LABEL {
            let what = format!("`{graph}-{}` is too long for a label", component.lower);
            too_long(lowering, component, what, selector - LABEL, ledger);
        }
    }
    let Some(longest) = lowering.components.iter().max_by_key(|c| share(c)) else {
        return;
    };
    let room = GROVE.saturating_sub(share(longest)).max(LEAST);
    let set = graph.len().min(room);
    if set + share(longest) > GROVE {
        let what = format!("`{}` is too long for Grove's names", longest.lower);
        too_long(lowering, longest, what, set + share(longest) - GROVE, ledger);
    } else if graph.len() > room {
        let message = format!("`{graph}` is cut to {} characters and a hash", room - 5);
        let name = &lowering.serving.name;
        let said = Diagnostic::new(&NAME_CUT, message)
            .at(name.at())
            .outcome(Outcome::Moved);
        if !ledger.diagnostics.iter().any(|d| d.code == said.code) {
            ledger.report(said.label(longest.name.at(), "this leaves no more room"));
        }
    }
}

fn lws(lowering: &Lowering<'_>, component: &Component<'_>, graph: &str, ledger: &mut Ledger) {
    let hash = if component.is_worker() { HASH } else { 0 };
    let name = graph.len() + 1 + component.lower.len() + hash;
    let (length, limit, what) = match component.role.multi_node() {
        false => (name, LABEL, "a label"),
        // `-0`, and a StatefulSet for the workers of each group.
        true => {
            let groups = component.role.replicas.value.saturating_sub(1).to_string().len();
            (
                name + 2 + 1 + groups,
                STATEFUL_SET,
                "the StatefulSets of its groups",
            )
        }
    };
    if length > limit {
        let what = format!("`{graph}-{}` is too long for {what}", component.lower);
        too_long(lowering, component, what, length - limit, ledger);
    }
}

/// Components that differ in case only, and objects that the operator makes too.
fn clashes(lowering: &Lowering<'_>, graph: &str, objects: &[Node], ledger: &mut Ledger) {
    let components = &lowering.components;
    for (at, component) in components.iter().enumerate() {
        if let Some(first) = components[..at].iter().find(|c| c.lower == component.lower) {
            let message = format!(
                "`{}` and `{}` are one name",
                first.name.value, component.name.value
            );
            let said = Diagnostic::new(&NAME_CLASH, message).at_ids(&component.name.ids);
            ledger.report(said.label(first.name.at(), "the other one"));
        }
        let service = format!("{graph}-{}", component.lower);
        let taken = objects.iter().find(|o| {
            o.get("kind").and_then(Node::as_str) == Some("Service")
                && o.at(&["metadata", "name"]).and_then(Node::as_str) == Some(&service)
        });
        if let Some(name) = taken.and_then(|o| o.at(&["metadata", "name"])) {
            let message = format!(
                "the operator makes a Service `{service}` for `{}`",
                component.role.name.value
            );
            let said = Diagnostic::new(&NAME_CLASH, message)
                .at(component.role.name.at())
                .at_ids(&name.ids);
            ledger.report(said.remedy("give the role or `routing.service` another name"));
        }
    }
}
