//! vLLM: one node, one replica over several nodes, and data-parallel ranks over nodes.

use super::argv::{Argv, reference_then};
use super::connector::{self, Transfer};
use super::process::{
    address, all_settings, degree, direct, dynamo_cache_events, dynamo_phase, dynamo_system, endpoints,
    engine_version, finish, finish_quietly, http, model, plan_of, port, program, start, starts_module,
    still_fine, transfer_port, unsupported, world, wrapper,
};
use super::request::{Executor, Health, LoadBalancing, Phase, Plan, Port, Process, Request, pod_ip};
use super::settings::{Emission, presence};
use super::shell;
use super::table::Presence;
use super::{EngineKind, codes};
use crate::diagnostic::{Diagnostic, Ledger, Severity};
use crate::value::{Ids, Node, Reference, TextBuilder, Traced};

/// How the ranks of a replica lie over its pods.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Layout {
    /// All in one pod.
    One,
    /// Ranks span pods: one process group.
    Spanning,
    /// Ranks span pods: a Ray cluster.
    Ray,
    /// Whole data-parallel ranks in each pod.
    Ranks {
        /// How many.
        local: u32,
        mode: LoadBalancing,
    },
    /// The target's operator sees to it.
    Operator,
}

/// Where data-parallel engines find the leader.
const RPC_PORT: u32 = 13345;
/// Where the supervisor of several endpoints in a pod answers.
const SUPERVISOR_PORT: u32 = 9256;
/// Where Ray's head listens.
const RAY_PORT: u32 = 6379;

pub(super) fn plan(request: &Request<'_>, ledger: &mut Ledger) -> Option<Plan> {
    let before = ledger.diagnostics.len();
    world(request, ledger)?;
    let layout = layout(request, ledger)?;
    let own: &[&str] = if wrapper(request).is_some() {
        &["python3", "-m", "dynamo.vllm"]
    } else {
        &["vllm", "serve"]
    };
    let start = start(request, own);
    let mut out = Emission::default();
    common(request, &start, &mut out, ledger);
    let transfer = connector::write(request, &mut out, ledger);
    all_settings(request, &mut out, ledger);
    let transfer = transfer?;
    let mut leader = out.argv;
    let mut worker = leader.clone();
    spread(request, layout, &mut leader, &mut worker);
    finish(request, &mut leader, ledger);
    finish_quietly(request, &mut worker);
    still_fine(ledger, before).then(|| processes(request, layout, &start, (leader, worker), &transfer))
}

/// What does not depend on the pod.
fn common(request: &Request<'_>, start: &[Node], out: &mut Emission, ledger: &mut Ledger) {
    let p = request.parallelism;
    model(request, starts_module(start).then_some("--model"), out, ledger);
    let argv = &mut out.argv;
    address(request, None, argv);
    if wrapper(request).is_some() {
        dynamo_phase(request, argv);
        dynamo_cache_events(request, argv);
    }
    degree(argv, "tensor", "--tensor-parallel-size", &p.tensor);
    degree(argv, "pipeline", "--pipeline-parallel-size", &p.pipeline);
    degree(argv, "data", "--data-parallel-size", &p.data);
    argv.of_setting("expert");
    match p.expert.value {
        true => argv.switch("--enable-expert-parallel", &p.expert.ids),
        false => argv.leave_out(&p.expert.ids),
    }
    argv.of_setting("");
    if request.phase == Phase::Encode && wrapper(request).is_none() {
        argv.switch("--mm-encoder-only", &Ids::none());
    }
    // What is decided here needs no flag of its own.
    argv.leave_out(&request.nodes.ids);
    argv.leave_out(&request.gpus_per_node.ids);
    request.executor.iter().for_each(|e| argv.leave_out(&e.ids));
    request.load_balancing.iter().for_each(|l| argv.leave_out(&l.ids));
}

fn layout(request: &Request<'_>, ledger: &mut Ledger) -> Option<Layout> {
    let p = request.parallelism;
    let (nodes, data) = (request.nodes.value, p.data.value);
    let mode = request
        .load_balancing
        .map_or(LoadBalancing::Internal, |l| l.value);
    if request.by_operator && nodes > 1 {
        return by_operator(request, mode, ledger);
    }
    let group = p.tensor.value * p.pipeline.value;
    // A rank that does not fit in a pod spans pods, and so does one whose number does not divide.
    let whole = data > 1
        && data % nodes == 0
        && (request.gpus_per_node.value == 0 || group <= request.gpus_per_node.value);
    if data > 1 && whole && (nodes > 1 || matches!(mode, LoadBalancing::MultiPort | LoadBalancing::External))
    {
        return balanced(request, data / nodes, mode, ledger);
    }
    if mode != LoadBalancing::Internal && (data == 1 || nodes > 1) {
        let why = if data == 1 {
            "there is one rank only"
        } else {
            "its ranks span pods"
        };
        let ids = request.load_balancing.map(|l| l.ids.clone()).unwrap_or_default();
        let message = format!(
            "requests cannot be spread over the data-parallel ranks of a replica from outside: {why}"
        );
        ledger.report(
            Diagnostic::new(&codes::LOAD_BALANCING, message)
                .at(ids.first())
                .remedy("leave loadBalancing out"),
        );
        return None;
    }
    if nodes == 1 {
        return executor_of_one(request, ledger);
    }
    spanning(request, ledger)
}

/// Dynamo's operator joins the nodes: by vLLM's process group where a rank spans pods, else with whole ranks in each pod, which
/// serves for its own ones.
fn by_operator(request: &Request<'_>, mode: LoadBalancing, ledger: &mut Ledger) -> Option<Layout> {
    if let Some(ray) = request.executor.filter(|e| e.value == Executor::Ray) {
        let message = "the target's operator joins the nodes by vLLM's own process group".into();
        return unsupported(ledger, &ray.ids, message, "leave executor out");
    }
    if matches!(mode, LoadBalancing::External | LoadBalancing::MultiPort) {
        let ids = request.load_balancing.map(|l| l.ids.clone()).unwrap_or_default();
        let message = "the target's operator makes one endpoint of the ranks of each pod".into();
        return unsupported(ledger, &ids, message, "leave loadBalancing out");
    }
    Some(Layout::Operator)
}

/// Conditions of the modes in which ranks are endpoints, and of data-parallel ranks over nodes.
fn balanced(request: &Request<'_>, local: u32, mode: LoadBalancing, ledger: &mut Ledger) -> Option<Layout> {
    let version = engine_version(request);
    let lacks = |flag: &str| {
        matches!(
            presence(EngineKind::Vllm, &version, flag),
            Presence::NotYet | Presence::Gone
        )
    };
    let wrong = match mode {
        LoadBalancing::Internal => None,
        LoadBalancing::Hybrid => lacks("--data-parallel-hybrid-lb")
            .then(|| format!("vLLM {version} has no hybrid load balancing yet")),
        LoadBalancing::External if local > 1 => Some(format!(
            "external load balancing wants one rank a pod, but there are {local}"
        )),
        LoadBalancing::External => None,
        LoadBalancing::MultiPort if local < 2 => {
            Some("multiPort load balancing wants two or more ranks a pod".to_owned())
        }
        LoadBalancing::MultiPort => lacks("--data-parallel-multi-port-external-lb")
            .then(|| format!("vLLM {version} has no multi-port load balancing yet")),
    };
    let ids = request.load_balancing.map(|l| l.ids.clone()).unwrap_or_default();
    if let Some(message) = wrong {
        ledger.report(
            Diagnostic::new(&codes::LOAD_BALANCING, message)
                .at(ids.first())
                .remedy("choose another loadBalancing, or leave it out"),
        );
        return None;
    }
    if request.nodes.value > 1 && lacks("--data-parallel-start-rank") {
        let message = format!("vLLM {version} cannot spread data-parallel ranks over nodes yet");
        return unsupported(
            ledger,
            &request.parallelism.data.ids,
            message,
            "use a newer image, or replicas instead of data",
        );
    }
    if wrapper(request).is_some() && mode != LoadBalancing::Internal && mode != LoadBalancing::Hybrid {
        return unsupported(
            ledger,
            &ids,
            "Dynamo's workers serve no HTTP, so a rank cannot be an endpoint".into(),
            "leave loadBalancing out",
        );
    }
    if mode != LoadBalancing::Internal && !request.parallelism.expert.value {
        let message = "vLLM refuses this load balancing for models without experts";
        let said = Diagnostic::new(&codes::LOAD_BALANCING, message)
            .severity(Severity::Note)
            .at(ids.first());
        ledger.report(said.remedy("for such a model, use replicas instead of data parallelism"));
    }
    if let Some(ray) = request.executor.filter(|e| e.value == Executor::Ray) {
        let message = "whole data-parallel ranks run in each pod, so there is nothing for Ray to join";
        ledger.report(
            Diagnostic::new(&codes::EXECUTOR, message)
                .at(ray.ids.first())
                .remedy("leave executor out"),
        );
        return None;
    }
    Some(Layout::Ranks { local, mode })
}

fn executor_of_one(request: &Request<'_>, ledger: &mut Ledger) -> Option<Layout> {
    if let Some(ray) = request.executor.filter(|e| e.value == Executor::Ray) {
        ledger.report(
            Diagnostic::new(&codes::EXECUTOR, "one node needs no Ray")
                .at(ray.ids.first())
                .remedy("leave executor out"),
        );
        return None;
    }
    Some(Layout::One)
}

fn spanning(request: &Request<'_>, ledger: &mut Ledger) -> Option<Layout> {
    let version = engine_version(request);
    let group = presence(EngineKind::Vllm, &version, "--nnodes");
    let chosen = request.executor.map(|e| e.value);
    let ids = request.executor.map(|e| e.ids.clone()).unwrap_or_default();
    if wrapper(request).is_some() && chosen == Some(Executor::Ray) {
        return unsupported(
            ledger,
            &ids,
            "Dynamo's workers span nodes by vLLM's own process group".into(),
            "leave executor out",
        );
    }
    match chosen {
        Some(Executor::Mp) if group == Presence::NotYet => {
            let message = format!("vLLM {version} cannot span nodes without Ray");
            ledger.report(
                Diagnostic::new(&codes::EXECUTOR, message)
                    .at(ids.first())
                    .remedy("use executor: ray, or vLLM 0.11.2 or later"),
            );
            None
        }
        Some(Executor::Mp) => Some(Layout::Spanning),
        None if group == Presence::Present => Some(Layout::Spanning),
        None | Some(Executor::Ray) if request.parallelism.data.value > 1 => unsupported(
            ledger,
            &request.parallelism.data.ids,
            "data-parallel ranks that span pods need vLLM's own process group".into(),
            "choose tensor × pipeline so that a rank fits in a pod, or use executor: mp with vLLM 0.11.2 or later",
        ),
        None | Some(Executor::Ray) => {
            if version.at_least("0.19.0") {
                let message = format!("the image of vLLM {version} may not contain Ray");
                ledger.report(Diagnostic::new(&codes::RAY_MISSING, message).at(ids.first()));
            }
            Some(Layout::Ray)
        }
    }
}

/// What differs between the leader and the other pods.
fn spread(request: &Request<'_>, layout: Layout, leader: &mut Argv, worker: &mut Argv) {
    let nodes = &request.nodes.ids;
    let headless = |argv: &mut Argv| {
        argv.of_setting("headless");
        argv.switch("--headless", nodes);
        argv.of_setting("");
    };
    match layout {
        Layout::One | Layout::Operator => {}
        Layout::Ray => {
            leader.of_setting("executor");
            leader.value("--distributed-executor-backend", &Node::derived("ray", nodes));
            leader.of_setting("");
        }
        Layout::Spanning => {
            for argv in [&mut *leader, &mut *worker] {
                argv.of_setting("executor");
                argv.value("--distributed-executor-backend", &Node::derived("mp", nodes));
                argv.of_setting("nodes");
                argv.value("--nnodes", &request.nodes.node());
                argv.of_setting("nodeRank");
                argv.value("--node-rank", &Reference::Rank { times: 1 }.into());
                argv.of_setting("leaderAddress");
                argv.value("--master-addr", &Reference::Leader.into());
                argv.of_setting("");
            }
            headless(worker);
        }
        Layout::Ranks { local, mode } => {
            for argv in [&mut *leader, &mut *worker] {
                ranks(request, local, mode, argv);
            }
            if mode == LoadBalancing::Internal {
                worker.of_setting("dataStartRank");
                worker.value(
                    "--data-parallel-start-rank",
                    &Reference::Rank { times: local }.into(),
                );
                headless(worker);
            }
        }
    }
}

fn ranks(request: &Request<'_>, local: u32, mode: LoadBalancing, argv: &mut Argv) {
    let ids = request.load_balancing.map(|l| l.ids.clone()).unwrap_or_default();
    let several = request.nodes.value > 1;
    if mode != LoadBalancing::External {
        argv.of_setting("dataLocal");
        argv.value(
            "--data-parallel-size-local",
            &Node::derived(local, &request.nodes.ids),
        );
    }
    if several {
        argv.of_setting("dataAddress");
        argv.value("--data-parallel-address", &Reference::Leader.into());
        argv.of_setting("dataRpcPort");
        argv.value("--data-parallel-rpc-port", &RPC_PORT.into());
    }
    let rank = |times: u32| {
        if several {
            Reference::Rank { times }.into()
        } else {
            Node::from(0u32)
        }
    };
    let start = |argv: &mut Argv| {
        argv.of_setting("dataStartRank");
        argv.value("--data-parallel-start-rank", &rank(local));
    };
    match mode {
        LoadBalancing::Internal => {}
        LoadBalancing::Hybrid => {
            start(argv);
            argv.of_setting("hybridLoadBalancing");
            argv.switch("--data-parallel-hybrid-lb", &ids);
        }
        LoadBalancing::External => {
            argv.of_setting("dataRank");
            argv.value("--data-parallel-rank", &rank(1));
        }
        LoadBalancing::MultiPort => {
            start(argv);
            argv.of_setting("multiPortLoadBalancing");
            argv.switch("--data-parallel-multi-port-external-lb", &ids);
            argv.of_setting("");
            argv.value("--api-server-count", &1u32.into());
            argv.of_setting("supervisorPort");
            argv.value("--data-parallel-supervisor-port", &SUPERVISOR_PORT.into());
        }
    }
    argv.of_setting("");
}

fn processes(
    request: &Request<'_>,
    layout: Layout,
    start: &[Node],
    lines: (Argv, Argv),
    transfer: &Transfer,
) -> Plan {
    let (leader, worker) = lines;
    let several = request.nodes.value > 1;
    let mut env = transfer.env.clone();
    if several {
        env.push(pod_ip("VLLM_HOST_IP", &Ids::none()));
    }
    let (mut ports, mut health, mut count) = serving(request, layout);
    if wrapper(request).is_some() {
        let (system, more, probes) = dynamo_system(request);
        (ports, health, count) = (system, probes, 0);
        env.extend(more);
    }
    let mut quiet: Vec<Port> = Vec::new();
    transfer_port(request, transfer, &mut ports);
    transfer_port(request, transfer, &mut quiet);
    let all_serve = matches!(layout, Layout::Ranks { mode, .. } if mode != LoadBalancing::Internal);
    let (leader_line, worker_line) = match layout {
        Layout::Ray => (ray_head(request, start, leader), ray_worker()),
        _ => (direct(start, leader), direct(start, worker)),
    };
    if layout == Layout::Ray {
        ports.push(port("ray", &Traced::default_of(RAY_PORT)));
    }
    let process = |(command, args): (Node, Node), ports: Vec<Port>, count, health| Process {
        command,
        args,
        env: env.clone(),
        ports,
        endpoints: count,
        health,
    };
    let worker = several.then(|| match all_serve {
        true => process(worker_line, ports.clone(), count, health.clone()),
        false => process(worker_line, quiet, 0, Health::default()),
    });
    plan_of(
        process(leader_line, ports, count, health),
        worker,
        transfer,
        "20Gi",
    )
}

/// Ports, probes and the number of endpoints of a pod that serves.
fn serving(request: &Request<'_>, layout: Layout) -> (Vec<Port>, Health, u32) {
    if let Layout::Ranks {
        local,
        mode: LoadBalancing::MultiPort,
    } = layout
    {
        let supervisor = Traced::default_of(SUPERVISOR_PORT);
        let health = Health {
            startup: http("/health", &supervisor, 5, 720, 5),
            readiness: http("/readyz", &supervisor, 5, 3, 5),
            liveness: http("/health", &supervisor, 10, 3, 5),
        };
        let mut ports = endpoints(request.port, local);
        ports.push(port("supervisor", &supervisor));
        return (ports, health, local);
    }
    // With a key, everything under /v1 wants it.
    let scan = super::scan::scan(program(request), request.version, request.args);
    let keyed = scan
        .flags
        .iter()
        .any(|f| f.flag().is_some_and(|f| f.name == "--api-key"));
    let models = if keyed { "/health" } else { "/v1/models" };
    let health = Health {
        startup: http(models, request.port, 30, 120, 5),
        readiness: http(models, request.port, 5, 3, 5),
        liveness: http("/health", request.port, 10, 3, 5),
    };
    (endpoints(request.port, 1), health, 1)
}

/// The head of a Ray cluster, which waits for the others before it serves.
fn ray_head(request: &Request<'_>, start: &[Node], argv: Argv) -> (Node, Node) {
    let list = argv.into_node();
    let mut text = TextBuilder::new();
    text.push_str(&format!(
        "set -e\nray start --head --port={RAY_PORT} --disable-usage-stats\n"
    ));
    // All nodes must have joined before the engine counts its GPUs.
    let wait = format!(
        "import ray, time; ray.init(address=\"auto\"); [time.sleep(5) for _ in iter(lambda: sum(n[\"Alive\"] for n in ray.nodes()) >= {}, True)]",
        request.nodes.value
    );
    text.push_str(&format!("python3 -c {}\nexec", shell::quoted(&wait)));
    shell::words(&mut text, start);
    shell::words(&mut text, list.as_seq().unwrap_or_default());
    let mut ids = list.all_ids();
    start.iter().for_each(|w| ids.merge(&w.ids));
    shell::script(text, &ids)
}

/// A member of a Ray cluster; it joins whenever the head is there.
fn ray_worker() -> (Node, Node) {
    let mut text = TextBuilder::new();
    text.push_str("until ray start --address=");
    shell::word(
        &mut text,
        &reference_then(Reference::Leader, &format!(":{RAY_PORT}").into()),
    );
    text.push_str(" --disable-usage-stats --block; do sleep 5; done");
    shell::script(text, &Ids::none())
}
