//! Routers: what spreads requests over the pods of a serving, or leads them through prefill and decode.

use super::argv::{Argv, reference_then, word};
use super::process::{endpoints, http, port};
use super::request::{Health, KvTransfer, Process, Wrapper};
use super::table::Program;
use super::version::Version;
use super::{EngineKind, codes, lint, shell};
use crate::diagnostic::{Diagnostic, Ledger};
use crate::value::{Ids, Map, Node, Reference, Str, TextBuilder, Traced};

/// A router that the compiler can start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RouterKind {
    /// SGLang's model gateway.
    Sglang,
    /// vLLM's router.
    Vllm,
    /// TensorRT-LLM's orchestrator between context and generation servers.
    Trtllm,
    /// Dynamo's frontend, which finds its workers by Dynamo's own discovery.
    Dynamo,
}

/// Pods that serve requests: the leaders of a role.
#[derive(Clone, Debug)]
pub struct Pool<'a> {
    /// The role.
    pub role: &'a Traced<Str>,
    /// The port of its requests.
    pub port: &'a Traced<u32>,
    /// How many consecutive ports of a pod take requests.
    pub endpoints: u32,
    /// The port of its KV bootstrap server (see [`Plan::bootstrap_port`](super::Plan::bootstrap_port)).
    pub bootstrap_port: Option<&'a Traced<u32>>,
}

/// What is behind a router.
#[derive(Clone, Debug)]
pub enum Backends<'a> {
    /// Pods that do both phases.
    Plain(Pool<'a>),
    /// Pods of two roles, and what carries KV caches between them.
    Disaggregated {
        /// Those that compute prompts.
        prefill: Pool<'a>,
        /// Those that generate.
        decode: Pool<'a>,
        /// What is between them.
        kv: Option<&'a KvTransfer>,
    },
    /// Roles whose pods the router finds by means of its own.
    Found(Vec<&'a Traced<Str>>),
}

/// A question for the command line of a router.
#[derive(Clone, Debug)]
pub struct RouterRequest<'a> {
    /// Which router.
    pub kind: RouterKind,
    /// Its version.
    pub version: &'a Version,
    /// The port that it serves.
    pub port: &'a Traced<u32>,
    /// How it spreads requests, in its own words.
    pub policy: Option<&'a Traced<Str>>,
    /// What is behind it.
    pub backends: Backends<'a>,
    /// A command in place of its own start.
    pub command: &'a [Node],
    /// Further arguments of the user.
    pub args: &'a [Node],
    /// Whether the target's own operator adds port and probes.
    pub by_operator: bool,
}

/// The command line of a router, and what it needs around it.
#[derive(Clone, Debug)]
pub struct RouterPlan {
    /// What runs.
    pub process: Process,
    /// Whether it finds pods through the API server, so that its account must `get`, `list` and `watch` pods of its namespace.
    pub lists_pods: bool,
    /// Annotations that it reads on prefill pods.
    pub prefill_annotations: Vec<(&'static str, Node)>,
}

/// The router that belongs to an engine, or to the runtime around it. TensorRT-LLM's only knows disaggregated serving.
pub const fn router_of(engine: EngineKind, wrapper: Option<Wrapper>) -> Option<RouterKind> {
    match (engine, wrapper) {
        (EngineKind::Custom, _) => None,
        (_, Some(Wrapper::Dynamo)) => Some(RouterKind::Dynamo),
        (EngineKind::Vllm, None) => Some(RouterKind::Vllm),
        (EngineKind::Sglang, None) => Some(RouterKind::Sglang),
        (EngineKind::Trtllm, None) => Some(RouterKind::Trtllm),
    }
}

/// The official image of an engine, or of the runtime around it, of the newest version that the tables know.
pub const fn engine_image(engine: EngineKind, wrapper: Option<Wrapper>) -> Option<&'static str> {
    match (engine, wrapper) {
        (EngineKind::Vllm, None) => Some("vllm/vllm-openai:v0.33.0"),
        (EngineKind::Sglang, None) => Some("lmsysorg/sglang:v0.5.23"),
        (EngineKind::Trtllm, None) => Some("nvcr.io/nvidia/tensorrt-llm/release:1.2.1"),
        (EngineKind::Vllm, Some(Wrapper::Dynamo)) => Some("nvcr.io/nvidia/ai-dynamo/vllm-runtime:1.6.1"),
        (EngineKind::Sglang, Some(Wrapper::Dynamo)) => Some("nvcr.io/nvidia/ai-dynamo/sglang-runtime:1.6.1"),
        (EngineKind::Trtllm, Some(Wrapper::Dynamo)) => {
            Some("nvcr.io/nvidia/ai-dynamo/tensorrtllm-runtime:1.6.1")
        }
        (EngineKind::Custom, _) => None,
    }
}

/// The official image of a router; none if it is in the engine's own.
pub const fn router_image(kind: RouterKind) -> Option<&'static str> {
    match kind {
        RouterKind::Sglang => Some("lmsysorg/sgl-model-gateway:v0.3.2"),
        // No release has a tag of its own; nightly is the only one that is published.
        RouterKind::Vllm => Some("vllm/vllm-router:nightly"),
        RouterKind::Trtllm | RouterKind::Dynamo => None,
    }
}

/// Where routers publish their metrics.
const METRICS_PORT: u32 = 29000;
/// Where the start script writes the orchestrator's configuration.
const FILE: &str = "/tmp/disaggregated.yaml";

/// The command line of a router. Reports what is wrong with it; `None` if it could not work.
pub fn router(request: &RouterRequest<'_>, ledger: &mut Ledger) -> Option<RouterPlan> {
    let fine = match &request.backends {
        Backends::Plain(pool) => one_endpoint(pool, ledger),
        Backends::Disaggregated { prefill, decode, .. } => {
            one_endpoint(prefill, ledger) & one_endpoint(decode, ledger)
        }
        Backends::Found(_) => true,
    };
    match request.kind {
        RouterKind::Trtllm => orchestrator(request, ledger),
        RouterKind::Dynamo => Some(frontend(request, ledger)),
        RouterKind::Sglang | RouterKind::Vllm => discovering(request, ledger),
    }
    .filter(|_| fine)
}

/// Routers know one port of each pod.
fn one_endpoint(pool: &Pool<'_>, ledger: &mut Ledger) -> bool {
    if pool.endpoints > 1 {
        let message = format!(
            "each pod of {} has {} endpoints, and the router knows only one port of a pod",
            pool.role.value, pool.endpoints
        );
        ledger.report(
            refusal(message, &pool.role.ids)
                .remedy("leave loadBalancing out, or use a target with an endpoint picker"),
        );
    }
    pool.endpoints <= 1
}

fn refusal(message: String, ids: &Ids) -> Diagnostic {
    Diagnostic::new(&codes::ROUTER, message).at(ids.first())
}

/// Routers that watch pods by their labels.
fn discovering(request: &RouterRequest<'_>, ledger: &mut Ledger) -> Option<RouterPlan> {
    let vllm = request.kind == RouterKind::Vllm;
    let mut argv = Argv::new();
    argv.value("--host", &"0.0.0.0".into());
    argv.value("--port", &request.port.node());
    argv.value("--prometheus-host", &"0.0.0.0".into());
    argv.value("--prometheus-port", &METRICS_PORT.into());
    request
        .policy
        .iter()
        .for_each(|p| argv.value("--policy", &p.node()));
    argv.switch("--service-discovery", &Ids::none());
    argv.value("--service-discovery-namespace", &Reference::Namespace.into());
    let mut annotations = Vec::new();
    match &request.backends {
        Backends::Found(_) => return None,
        Backends::Plain(pool) => {
            argv.value("--service-discovery-port", &pool.port.node());
            selector(&mut argv, "--selector", pool);
        }
        Backends::Disaggregated { prefill, decode, kv } => {
            if prefill.port.value != decode.port.value {
                let message = format!(
                    "prefill serves port {} and decode {}, but the router looks for one port",
                    prefill.port.value, decode.port.value
                );
                ledger.report(
                    refusal(message, &prefill.port.ids.union(&decode.port.ids))
                        .remedy("give both roles the same engine.port"),
                );
                return None;
            }
            argv.switch(
                if vllm {
                    "--vllm-pd-disaggregation"
                } else {
                    "--pd-disaggregation"
                },
                &Ids::none(),
            );
            if vllm {
                argv.value("--kv-connector", &vllm_connector(*kv, ledger)?);
            }
            let ids = prefill.port.ids.union(&decode.port.ids);
            argv.value(
                "--service-discovery-port",
                &Node::derived(prefill.port.value, &ids),
            );
            selector(&mut argv, "--prefill-selector", prefill);
            selector(&mut argv, "--decode-selector", decode);
            let key = if vllm {
                "vllm.ai/bootstrap-port"
            } else {
                "sglang.ai/bootstrap-port"
            };
            annotations.extend(prefill.bootstrap_port.map(|p| (key, word(&p.node()))));
        }
    }
    let own: &[&str] = if vllm {
        &["vllm-router"]
    } else {
        &["python3", "-m", "sglang_router.launch_router"]
    };
    let (command, args) = line(request, own, argv, ledger);
    let mut ports = endpoints(request.port, 1);
    ports.push(port("metrics", &Traced::default_of(METRICS_PORT)));
    let health = Health {
        startup: http("/liveness", request.port, 5, 60, 5),
        readiness: http("/readiness", request.port, 5, 3, 5),
        liveness: http("/liveness", request.port, 10, 3, 5),
    };
    let process = Process {
        command,
        args,
        env: Vec::new(),
        ports,
        endpoints: 1,
        health,
    };
    Some(RouterPlan {
        process,
        lists_pods: true,
        prefill_annotations: annotations,
    })
}

fn selector(argv: &mut Argv, flag: &str, pool: &Pool<'_>) {
    let reference = Reference::Selector {
        role: pool.role.value.clone(),
        separator: " ".into(),
    };
    argv.value(flag, &Node::derived(reference, &pool.role.ids));
}

/// What vLLM's router must know of the way between prefill and decode.
fn vllm_connector(kv: Option<&KvTransfer>, ledger: &mut Ledger) -> Option<Node> {
    let Some(kv) = kv else { return Some("nixl".into()) };
    let word = match kv.connector.value.as_str() {
        "nixl" | "NixlConnector" | "NixlPullConnector" => "nixl",
        "mooncake" | "MooncakeConnector" => "mooncake",
        "moriio" | "MoRIIOConnector" => "moriio",
        other => {
            let message = format!("vllm-router does not know the connector {other}");
            ledger.report(refusal(message, &kv.connector.ids).remedy("it knows nixl, mooncake and moriio"));
            return None;
        }
    };
    Some(Node::derived(word, &kv.connector.ids))
}

/// The start and the words after it, with the user's own in place of the compiler's, checked.
fn parts(
    request: &RouterRequest<'_>,
    own: &[&str],
    argv: &mut Argv,
    ledger: &mut Ledger,
) -> (Vec<Node>, Vec<Node>) {
    let program = match request.kind {
        RouterKind::Sglang => Program::SglangRouter,
        RouterKind::Vllm => Program::VllmRouter,
        RouterKind::Trtllm => Program::TrtllmDisaggregated,
        RouterKind::Dynamo => Program::DynamoFrontend,
    };
    let flags = super::scan::scan(program, request.version, request.args);
    for flag in flags.flags.iter().filter_map(|f| f.flag()) {
        argv.items.retain(|i| i.flag != flag.name || flag.repeatable());
    }
    request.args.iter().for_each(|a| argv.positional(a));
    let words = argv.words();
    for finding in lint(program, request.version, &words) {
        ledger.report(finding.diagnostic(&words));
    }
    let start: Vec<Node> = if request.command.is_empty() {
        own.iter().map(|w| Node::from(*w)).collect()
    } else {
        request.command.to_vec()
    };
    (start, words)
}

/// The whole line. A selector is several words once it is known, so a shell splits it.
fn line(request: &RouterRequest<'_>, own: &[&str], mut argv: Argv, ledger: &mut Ledger) -> (Node, Node) {
    let (start, words) = parts(request, own, &mut argv, ledger);
    let mut text = TextBuilder::new();
    text.push_str("exec");
    shell::words(&mut text, &start);
    let mut ids = Ids::none();
    start.iter().chain(&words).for_each(|w| ids.merge(&w.ids));
    for item in &argv.items {
        let split = item.flag.ends_with("selector");
        for (index, node) in item.words.iter().enumerate() {
            match &node.value {
                crate::value::Value::Text(pieces) if split && index > 0 => {
                    text.push_str(" ");
                    text.extend(pieces.iter().cloned());
                }
                _ => shell::words(&mut text, [node]),
            }
        }
    }
    shell::script(text, &ids)
}

/// Where Dynamo's frontend listens by default.
pub const DYNAMO_HTTP_PORT: u32 = 8000;

/// How Dynamo's frontend calls what other routers call otherwise.
const DYNAMO_MODES: [(&str, &str); 3] = [
    ("cache_aware", "kv"),
    ("round_robin", "round-robin"),
    ("power_of_two", "power-of-two"),
];

/// The mode of Dynamo's frontend for a policy.
pub fn dynamo_mode(policy: &str) -> &str {
    let own = DYNAMO_MODES.iter().find(|(word, _)| *word == policy);
    own.map_or(policy, |(_, mode)| mode)
}

/// Dynamo's frontend needs no addresses.
fn frontend(request: &RouterRequest<'_>, ledger: &mut Ledger) -> RouterPlan {
    let mut argv = Argv::new();
    let usual = request.by_operator && request.port.value == DYNAMO_HTTP_PORT;
    if !usual {
        argv.value("--http-port", &request.port.node());
    }
    let mode = |p: &Traced<Str>| p.map(|p| Str::from(dynamo_mode(p))).node();
    request
        .policy
        .iter()
        .for_each(|p| argv.value("--router-mode", &mode(p)));
    let (start, words) = parts(request, &["python3", "-m", "dynamo.frontend"], &mut argv, ledger);
    let mut args: Node = words.into();
    args.decided_by(&request.port.ids);
    for pool in backends_of(request) {
        args.decided_by(&pool.role.ids.union(&pool.port.ids));
    }
    if let Backends::Found(roles) = &request.backends {
        roles.iter().for_each(|role| args.decided_by(&role.ids));
    }
    let health = Health {
        startup: http("/live", request.port, 5, 60, 5),
        readiness: http("/health", request.port, 10, 3, 5),
        liveness: http("/live", request.port, 10, 3, 5),
    };
    let process = Process {
        command: start.into(),
        args,
        env: Vec::new(),
        ports: if usual {
            Vec::new()
        } else {
            endpoints(request.port, 1)
        },
        endpoints: 1,
        health: if request.by_operator {
            Health::default()
        } else {
            health
        },
    };
    RouterPlan {
        process,
        lists_pods: false,
        prefill_annotations: Vec::new(),
    }
}

fn backends_of<'a>(request: &'a RouterRequest<'_>) -> Vec<&'a Pool<'a>> {
    match &request.backends {
        Backends::Plain(pool) => vec![pool],
        Backends::Disaggregated { prefill, decode, .. } => vec![prefill, decode],
        Backends::Found(_) => Vec::new(),
    }
}

/// TensorRT-LLM's orchestrator knows its servers from a file.
fn orchestrator(request: &RouterRequest<'_>, ledger: &mut Ledger) -> Option<RouterPlan> {
    let Backends::Disaggregated { prefill, decode, .. } = &request.backends else {
        let message = "TensorRT-LLM's orchestrator only joins prefill and decode";
        ledger.report(
            refusal(message.into(), &request.port.ids)
                .remedy("a Service spreads requests over replicas; leave the router out"),
        );
        return None;
    };
    let servers = |pool: &Pool<'_>| {
        let service = Reference::Service {
            role: pool.role.value.clone(),
        };
        let mut url = reference_then(
            service,
            &Node::derived(format!(":{}", pool.port.value), &pool.port.ids),
        );
        url.ids.merge(&pool.role.ids);
        let mut section = Node::map();
        section.set("num_instances", 1u32);
        section.set("urls", vec![url]);
        section
    };
    let mut file: Node = Map::from_iter([
        ("hostname", Node::from("0.0.0.0")),
        ("port", request.port.node()),
        ("backend", "pytorch".into()),
    ])
    .into();
    let mut context = servers(prefill);
    if let Some(policy) = request.policy {
        let router: Node = Map::from_iter([("type", policy.node())]).into();
        context.set("router", router);
    }
    file.set("context_servers", context);
    file.set("generation_servers", servers(decode));
    let mut argv = Argv::new();
    argv.value("--config", &FILE.into());
    // Weights take longer to load than the default of three minutes.
    argv.value("--server_start_timeout", &3600u32.into());
    let (command, args) = line(request, &["trtllm-serve", "disaggregated"], argv, ledger);
    let mut text = TextBuilder::new();
    text.push_str("printf '%s\\n' ");
    shell::word(&mut text, &word(&file));
    text.push_str(&format!(" > {FILE} && "));
    let mut ids = file.all_ids();
    for script in args.as_seq().unwrap_or_default() {
        ids.merge(&script.ids);
        match &script.value {
            crate::value::Value::Text(pieces) => text.extend(pieces.iter().cloned()),
            _ => text.push_str(script.as_str().unwrap_or_default()),
        }
    }
    let args: Node = vec![Node::derived(text, &ids)].into();
    let health = Health {
        startup: http("/health", request.port, 10, 360, 5),
        readiness: http("/health", request.port, 10, 3, 5),
        liveness: http("/health", request.port, 10, 6, 5),
    };
    let process = Process {
        command,
        args,
        env: Vec::new(),
        ports: endpoints(request.port, 1),
        endpoints: 1,
        health,
    };
    Some(RouterPlan {
        process,
        lists_pods: false,
        prefill_annotations: Vec::new(),
    })
}
