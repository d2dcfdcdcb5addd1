//! Command lines: what all engines have in common.

use super::argv::Argv;
use super::connector::Transfer;
use super::request::{Check, Health, Phase, Plan, Port, Probe, Process, Request, Wrapper};
use super::scan::entry;
use super::settings::{self, Emission};
use super::table::Program;
use super::version::Version;
use super::{EngineKind, codes, lint, user};
use crate::diagnostic::{Diagnostic, Ledger, Severity};
use crate::value::{Ids, Map, Node, Str, Traced};

/// The program that the role's command line is for.
pub(super) fn program(request: &Request<'_>) -> Program {
    match (wrapper(request), request.engine) {
        (Some(Wrapper::Dynamo), EngineKind::Sglang) => Program::DynamoSglang,
        (Some(Wrapper::Dynamo), EngineKind::Trtllm) => Program::DynamoTrtllm,
        (Some(Wrapper::Dynamo), _) => Program::DynamoVllm,
        (None, EngineKind::Sglang) => Program::Sglang,
        (None, EngineKind::Trtllm) => Program::TrtllmServe,
        (None, _) => Program::Vllm,
    }
}

pub(super) fn wrapper(request: &Request<'_>) -> Option<Wrapper> {
    request.wrapper.map(|w| w.value)
}

/// The version of the engine itself: under a wrapper, whose version is another, it is not known.
pub(super) fn engine_version(request: &Request<'_>) -> Version {
    if request.wrapper.is_some() {
        Version::unknown()
    } else {
        request.version.clone()
    }
}

/// What starts the engine: the user's command, or `own`. The wrapper's origin stays with its name.
pub(super) fn start(request: &Request<'_>, own: &[&str]) -> Vec<Node> {
    if !request.command.is_empty() {
        return request.command.to_vec();
    }
    let ids = request.wrapper.map(|w| w.ids.clone()).unwrap_or_default();
    own.iter().map(|w| Node::derived(*w, &ids)).collect()
}

/// Whether the start runs the engine's Python module, which takes the model as a flag.
pub(super) fn starts_module(start: &[Node]) -> bool {
    entry(start).is_some() && start.iter().any(|w| w.as_str() == Some("-m"))
}

/// Writes a setting of the request's own fields or of its list.
pub(super) fn setting(
    request: &Request<'_>,
    key: &str,
    value: &Node,
    out: &mut Emission,
    ledger: &mut Ledger,
) {
    settings::write(key, value, request.engine, &engine_version(request), out, ledger);
}

/// Settings that under Dynamo concern its frontend, and its own flags for them.
const DYNAMO_FLAGS: [(&str, &str); 3] = [
    ("toolCallParser", "--dyn-tool-call-parser"),
    ("reasoningParser", "--dyn-reasoning-parser"),
    ("chatTemplate", "--custom-jinja-template"),
];

/// Writes all typed settings.
pub(super) fn all_settings(request: &Request<'_>, out: &mut Emission, ledger: &mut Ledger) {
    for (key, value) in request.settings {
        match DYNAMO_FLAGS
            .iter()
            .find(|(own, _)| wrapper(request).is_some() && own == key)
        {
            Some((own, flag)) => {
                out.argv.of_setting(own);
                out.argv.value(flag, value);
                out.argv.of_setting("");
            }
            None => setting(request, key, value, out, ledger),
        }
    }
}

/// What is served: the model, as a flag or a word of its own, its name and its revision.
pub(super) fn model(request: &Request<'_>, flag: Option<&str>, out: &mut Emission, ledger: &mut Ledger) {
    let Some(model) = request.model else { return };
    out.argv.of_setting("model");
    match flag {
        Some(flag) => out.argv.value(flag, &model.path.node()),
        None => out.argv.positional(&model.path.node()),
    }
    out.argv.of_setting("");
    for (key, value) in [("servedName", &model.served_name), ("revision", &model.revision)] {
        value
            .iter()
            .for_each(|v| setting(request, key, &v.node(), out, ledger));
    }
}

/// Where requests are answered. Wrapped engines answer none themselves.
pub(super) fn address(request: &Request<'_>, host: Option<&str>, argv: &mut Argv) {
    if wrapper(request).is_some() {
        return argv.leave_out(&request.port.ids);
    }
    argv.of_setting("host");
    host.iter().for_each(|h| argv.value("--host", &(*h).into()));
    argv.of_setting("port");
    argv.value("--port", &request.port.node());
    argv.of_setting("");
}

/// `--flag N`, if it says more than the default of 1 or the user wrote it.
pub(super) fn degree(argv: &mut Argv, key: &'static str, flag: &str, value: &Traced<u32>) {
    argv.of_setting(key);
    if value.value > 1 || !value.ids.is_empty() {
        argv.value(flag, &value.node());
    }
    argv.of_setting("");
}

/// Checks that the GPUs of a replica are those of its nodes.
pub(super) fn world(request: &Request<'_>, ledger: &mut Ledger) -> Option<u32> {
    let p = request.parallelism;
    let product = [&p.tensor, &p.pipeline, &p.data]
        .iter()
        .try_fold(1u32, |n, d| n.checked_mul(d.value));
    let (nodes, per_node) = (request.nodes.value, request.gpus_per_node.value);
    let given = nodes.checked_mul(per_node);
    let mut ids = p.tensor.ids.union(&p.pipeline.ids).union(&p.data.ids);
    ids.merge(&request.nodes.ids);
    let world = product.filter(|w| nodes > 0 && w % nodes == 0 && (per_node == 0 || given == Some(*w)));
    if world.is_none() {
        let sum = format!(
            "tensor {} × pipeline {} × data {}",
            p.tensor.value, p.pipeline.value, p.data.value
        );
        let total = product.map_or_else(|| "too many".to_owned(), |w| w.to_string());
        let message = format!(
            "{sum} = {total} GPUs, but {nodes} nodes × {per_node} GPUs = {}",
            given.unwrap_or(u32::MAX)
        );
        let said = Diagnostic::new(&codes::WORLD, message).at(ids.first());
        ledger.report(said.remedy("choose degrees whose product is the GPUs of the nodes"));
    }
    world
}

/// Refuses a combination that the engine cannot run.
pub(super) fn unsupported<T>(ledger: &mut Ledger, ids: &Ids, message: String, remedy: &str) -> Option<T> {
    ledger.report(
        Diagnostic::new(&codes::SHAPE_UNSUPPORTED, message)
            .at(ids.first())
            .remedy(remedy),
    );
    None
}

/// Executors and load balancing are vLLM's.
pub(super) fn other_engines_options(request: &Request<'_>, ledger: &mut Ledger) {
    let name = request.engine.name();
    if let Some(executor) = request.executor {
        let _: Option<()> = unsupported(
            ledger,
            &executor.ids,
            format!("{name} has no choice of executors"),
            "leave executor out",
        );
    }
    if let Some(mode) = request.load_balancing {
        let _: Option<()> = unsupported(
            ledger,
            &mode.ids,
            format!("{name} balances the load of its ranks itself"),
            "leave loadBalancing out",
        );
    }
}

/// Appends the user's arguments and checks the whole line.
pub(super) fn finish(request: &Request<'_>, argv: &mut Argv, ledger: &mut Ledger) {
    let program = program(request);
    user::merge(request, program, argv, ledger);
    let words = argv.words();
    for finding in lint(program, request.version, &words) {
        ledger.report(finding.diagnostic(&words));
    }
}

/// Finishes the line of the other pods, about whose arguments everything has been said.
pub(super) fn finish_quietly(request: &Request<'_>, argv: &mut Argv) {
    user::merge(request, program(request), argv, &mut Ledger::new());
}

/// Whether nothing worse than a warning was said since `before`.
pub(super) fn still_fine(ledger: &Ledger, before: usize) -> bool {
    !ledger.diagnostics[before..]
        .iter()
        .any(|d| d.severity == Severity::Error)
}

pub(super) fn port(name: &str, number: &Traced<u32>) -> Port {
    Port {
        name: name.into(),
        number: number.clone(),
    }
}

/// Consecutive ports from `first`, named `http`, `http-1`, ….
pub(super) fn endpoints(first: &Traced<u32>, count: u32) -> Vec<Port> {
    let name = |at: u32| {
        if at == 0 {
            "http".into()
        } else {
            Str::from(format!("http-{at}"))
        }
    };
    (0..count)
        .map(|at| Port {
            name: name(at),
            number: first.map(|p| p.saturating_add(at)),
        })
        .collect()
}

pub(super) fn http(
    path: &'static str,
    port: &Traced<u32>,
    period: u32,
    failures: u32,
    timeout: u32,
) -> Option<Probe> {
    Some(Probe {
        check: Check::Http {
            path,
            port: port.clone(),
        },
        period,
        timeout,
        failures,
    })
}

/// Dynamo's workers have no HTTP interface but a status server: its port, what turns it on, and probes. Dynamo's operator adds
/// all of that itself.
pub(super) fn dynamo_system(request: &Request<'_>) -> (Vec<Port>, Vec<Node>, Health) {
    if request.by_operator {
        return (Vec::new(), Vec::new(), Health::default());
    }
    let system = Traced::default_of(DYNAMO_SYSTEM_PORT);
    let env = vec![super::request::variable("DYN_SYSTEM_PORT", system.node())];
    let health = Health {
        startup: http("/live", &system, 10, 720, 5),
        readiness: http("/health", &system, 10, 3, 4),
        liveness: http("/live", &system, 5, 3, 4),
    };
    (vec![port("system", &system)], env, health)
}

/// Where Dynamo's workers tell how they are.
pub const DYNAMO_SYSTEM_PORT: u32 = 9090;

/// Makes a Dynamo worker tell a router which prefixes it has in its cache.
pub(super) fn dynamo_cache_events(request: &Request<'_>, argv: &mut Argv) {
    let Some(ids) = request.cache_events.filter(|_| request.wrapper.is_some()) else {
        return;
    };
    let zmq = |endpoint: &str| {
        let mut config: Node = Map::from_iter([
            ("publisher", Node::from("zmq")),
            ("topic", "kv-events".into()),
            ("endpoint", endpoint.into()),
        ])
        .into();
        if request.engine == EngineKind::Vllm {
            config.set("enable_kv_cache_events", true);
        }
        Node::derived(config, ids)
    };
    match request.engine {
        EngineKind::Vllm => argv.value("--kv-events-config", &zmq("tcp://*:20080")),
        EngineKind::Sglang => argv.value("--kv-events-config", &zmq("tcp://*:5557")),
        // Renamed between the releases 1.2.1 and 1.6.1; the later one still takes the old spelling.
        EngineKind::Trtllm if request.version.at_least("1.6.1") => argv.switch("--publish-kv-events", ids),
        EngineKind::Trtllm => argv.switch("--publish-events-and-metrics", ids),
        EngineKind::Custom => {}
    }
}

/// Dynamo's own flag for a phase, where there is one.
pub(super) fn dynamo_phase(request: &Request<'_>, argv: &mut Argv) {
    let (phase, old) = match request.phase {
        Phase::Prefill => ("prefill", Some("--is-prefill-worker")),
        Phase::Decode => ("decode", Some("--is-decode-worker")),
        Phase::Encode => ("encode", None),
        Phase::Aggregated => return,
    };
    argv.of_setting("disaggregationMode");
    match old.filter(|_| request.engine == EngineKind::Vllm && request.version.before("1.0.0")) {
        Some(switch) => argv.switch(switch, &Ids::none()),
        None => argv.value("--disaggregation-mode", &phase.into()),
    }
    argv.of_setting("");
}

/// Puts the connector's port among the others. Dynamo's operator counts on its own list of ports, which any other replaces.
pub(super) fn transfer_port(request: &Request<'_>, transfer: &Transfer, ports: &mut Vec<Port>) {
    let Some((name, number)) = &transfer.port else {
        return;
    };
    if !request.by_operator || request.wrapper.is_none() {
        ports.push(port(name, number));
    }
}

/// A process with a plain command line.
pub(super) fn direct(start: &[Node], argv: Argv) -> (Node, Node) {
    (start.to_vec().into(), argv.into_node())
}

/// What every plan has.
pub(super) fn plan_of(
    leader: Process,
    worker: Option<Process>,
    transfer: &Transfer,
    shared_memory: &'static str,
) -> Plan {
    let bootstrap_port = transfer
        .port
        .as_ref()
        .filter(|_| transfer.bootstrap)
        .map(|(_, p)| p.clone());
    Plan {
        leader,
        worker,
        shared_memory,
        bootstrap_port,
        secrets: Vec::new(),
    }
}
