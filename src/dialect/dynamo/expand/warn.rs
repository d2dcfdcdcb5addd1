//! What is stored, runs, and is not what was meant.

use super::super::operator::Operator;
use super::super::read::codes::{FRONTEND_ARGS, NO_LAUNCH, QUOTING, STANDALONE, TOPOLOGY_IGNORED};
use super::super::read::{Component, Deployment, Graph, Provider, text};
use super::command::{Backend, expanded, is_damaged, is_python, words};
use super::vllm::{Joined, joined};
use super::{backend, dra};
use crate::diagnostic::{Code, Diagnostic, Ledger};
use crate::kubernetes::container::list;
use crate::value::{Ids, Node, Str, Traced};

fn say(ledger: &mut Ledger, code: &'static Code, message: String, ids: &Ids) {
    ledger.report(Diagnostic::new(code, message).at_ids(ids));
}

/// Looks at a graph.
pub fn graph(graph: &Graph, _operator: &Operator<'_>, ledger: &mut Ledger) {
    let grove = graph.provider == Provider::Grove;
    let constraint = graph.topology.as_ref().map(|t| &t.ids);
    if let Some(ids) = constraint.filter(|_| !grove) {
        let message = "without Grove the topology constraint has no effect";
        say(ledger, &TOPOLOGY_IGNORED, message.to_owned(), ids);
    }
    for component in &graph.components {
        self::component(component, graph.framework.as_ref(), grove, ledger);
    }
}

/// Looks at a component that is an object of its own.
pub fn deployment(made: &Deployment, operator: &Operator<'_>, ledger: &mut Ledger) {
    let spec = made.component.template.as_ref().and_then(|t| t.get("spec"));
    let named = spec.is_some_and(|s| !text(s, &["serviceAccountName"]).is_empty());
    let account = format!("{}-k8s-service-discovery", made.name.value);
    let known = operator
        .scene
        .of_kind("ServiceAccount", &made.namespace)
        .any(|d| text(&d.root, &["metadata", "name"]) == account);
    let own = ["planner", "epp"].contains(&made.component.kind());
    if made.parent.is_none() && !named && !known && !own {
        let message = format!("the pods name the ServiceAccount `{account}`, which nobody creates");
        say(ledger, &STANDALONE, message, &made.name.ids);
    }
    component(&made.component, made.framework.as_ref(), false, ledger);
}

fn component(component: &Component, framework: Option<&Traced<Str>>, grove: bool, ledger: &mut Ledger) {
    let Some(main) = component.main() else { return };
    if component.kind() == "frontend" {
        bare_args(main, &component.name.value, ledger);
    }
    let sidecar = component.frontend_sidecar.as_ref();
    let spec = component.template.as_ref().and_then(|t| t.get("spec"));
    let containers = spec.map(|s| list(s, "containers")).unwrap_or_default();
    let named = |c: &&Node| sidecar.is_some_and(|s| text(c, &["name"]) == s.value);
    if let Some(container) = containers.iter().find(named) {
        bare_args(container, &component.name.value, ledger);
    }
    if component.node_count() > 1
        && component.is_worker()
        && let Ok(backend) = backend(component, framework)
    {
        launched(component, main, backend, grove, ledger);
    }
}

/// Arguments alone become those of Python.
fn bare_args(container: &Node, name: &str, ledger: &mut Ledger) {
    let args = list(container, "args");
    let first = args.first().and_then(Node::as_str).unwrap_or_default();
    if list(container, "command").is_empty() && first.starts_with('-') && first != "-m" {
        let message =
            format!("component `{name}` runs `python3 {first} …`: `args` replace `-m dynamo.frontend`");
        let ids = args.first().map(|a| a.ids.clone()).unwrap_or_default();
        say(ledger, &FRONTEND_ARGS, message, &ids);
    }
}

/// Whether several nodes become one engine, and both sides of it run the same command.
fn launched(component: &Component, main: &Node, backend: Backend, grove: bool, ledger: &mut Ledger) {
    let (command, args) = (words(main, "command"), words(main, "args"));
    let name = &component.name.value;
    let ids = if main.ids.is_empty() {
        &component.ids
    } else {
        &main.ids
    };
    let python = command.first().is_some_and(|c| is_python(c));
    let reachable = python
        || args
            .iter()
            .any(|a| super::command::injectable(a, backend.as_str()));
    let claims = main
        .get("resources")
        .is_some_and(|r| !list(r, "claims").is_empty());
    let gpus = dra::scalar(Some(main)).unwrap_or(0);
    // With claims the number is counted elsewhere; take one so that nothing wrong is said.
    let gpus = if gpus == 0 && claims { 1 } else { gpus };
    let how = joined(&expanded(&args), gpus);
    let reason = match backend {
        Backend::Noop => Some("no engine was recognized"),
        Backend::Vllm if how == Joined::Not => {
            Some("its engine fits into one pod, as the operator reads `args`")
        }
        Backend::Vllm | Backend::Sglang if !reachable && how != Joined::Elastic => {
            Some("no call of Python was found to add flags to")
        }
        _ => None,
    };
    if let Some(reason) = reason {
        let message = format!("the nodes of component `{name}` are not joined: {reason}");
        say(ledger, &NO_LAUNCH, message, ids);
        return;
    }
    let wrapped = python && (grove || backend == Backend::Vllm && how == Joined::Data);
    if wrapped && matches!(backend, Backend::Vllm | Backend::Sglang) {
        let damaged = list(main, "args")
            .iter()
            .chain(list(main, "command"))
            .find(|a| a.as_str().is_some_and(is_damaged));
        if let Some(arg) = damaged {
            let text = arg.as_str().unwrap_or_default();
            let message = format!("the shell that the operator puts in front of workers changes `{text}`");
            say(ledger, &QUOTING, message, &arg.ids);
        }
    }
}
