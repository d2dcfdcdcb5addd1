//! Listeners of one pod that want the same port.

use super::codes::PORT_CLASH;
use crate::diagnostic::{Diagnostic, Ledger};
use crate::kubernetes::codes::HIDDEN;
use crate::value::{Ids, Node};

/// A port that a container says it listens on.
struct Listener<'a> {
    container: &'a str,
    name: &'a str,
    number: i64,
    protocol: &'a str,
    ids: Ids,
}

/// Reports ports that two containers of a pod, or two parts of the engine, listen on: they share one network.
pub fn check(template: &Node, ledger: &mut Ledger) {
    let mut seen: Vec<Listener<'_>> = Vec::new();
    for listener in listeners(template) {
        let same = |l: &&Listener<'_>| l.number == listener.number && l.protocol == listener.protocol;
        if let Some(first) = seen.iter().find(same) {
            report(first, &listener, ledger);
        } else {
            seen.push(listener);
        }
    }
}

fn list(node: Option<&Node>) -> std::slice::Iter<'_, Node> {
    node.and_then(Node::as_seq).unwrap_or_default().iter()
}

fn text<'a>(node: &'a Node, key: &str) -> &'a str {
    node.get(key).and_then(Node::as_str).unwrap_or_default()
}

fn listeners(template: &Node) -> Vec<Listener<'_>> {
    // Other init containers have ended when the containers start.
    let stays = |c: &&Node| text(c, "restartPolicy") == "Always";
    let beside = list(template.at(&["spec", "initContainers"])).filter(stays);
    let containers = list(template.at(&["spec", "containers"])).chain(beside);
    let mut listeners = Vec::new();
    for container in containers {
        for port in list(container.get("ports")) {
            let Some(number) = port.get("containerPort") else {
                continue;
            };
            listeners.extend(number.as_int().map(|n| Listener {
                container: text(container, "name"),
                name: text(port, "name"),
                number: n,
                protocol: port.get("protocol").and_then(Node::as_str).unwrap_or("TCP"),
                ids: number.ids.clone(),
            }));
        }
    }
    listeners
}

fn report(first: &Listener<'_>, second: &Listener<'_>, ledger: &mut Ledger) {
    let what = |l: &Listener<'_>| match l.name {
        "" => format!("the container `{}`", l.container),
        name => format!("port `{name}` of the container `{}`", l.container),
    };
    let message = format!(
        "{} and {} both listen on {}",
        what(first),
        what(second),
        second.number
    );
    // The one that the spec writes, if only one is.
    let (at, other) = if second.ids.is_empty() {
        (first, second)
    } else {
        (second, first)
    };
    let said = Diagnostic::new(&PORT_CLASH, message)
        .at_ids(&at.ids)
        .label(other.ids.first(), "the other one")
        .remedy("choose another port for one of them: `engine.port`, `kvTransfer.port`, `routing.router.port`, or the container's own");
    let same = |d: &Diagnostic| d.code == said.code && d.at == said.at && d.message == said.message;
    if ledger.diagnostics.iter().any(same) {
        return;
    }
    // The same said less well.
    ledger.diagnostics.retain(|d| {
        d.code != &HIDDEN
            || !d
                .message
                .ends_with(&format!("{}/{}`", second.number, second.protocol))
    });
    ledger.report(said);
}
