//! What the operator gives to the main container of each type of component (`internal/dynamo/component_*.go`).

use super::pod::Setting;
use crate::kubernetes::container::{env, env_field, mount, port};
use crate::value::{Map, Node, Str};

/// The port of the HTTP server.
pub const HTTP: i64 = 8000;
/// The port of the system server of workers.
pub const SYSTEM: i64 = 9090;
/// The port of NIXL's metrics.
const NIXL: i64 = 19090;
/// The first port of forward pass metrics.
pub const FORWARD_PASS: i64 = 20380;

/// A mapping of entries.
pub fn object(entries: impl IntoIterator<Item = (&'static str, Node)>) -> Node {
    Map::from_iter(entries).into()
}

/// Words as a list.
pub fn words<S: AsRef<str>>(words: &[S]) -> Node {
    words
        .iter()
        .map(|w| Node::from(w.as_ref()))
        .collect::<Vec<Node>>()
        .into()
}

/// A probe: its action, and its numbers by name.
pub fn probe(action: (&'static str, Node), numbers: &[(&'static str, i64)]) -> Node {
    let numbers = numbers.iter().map(|(k, n)| (*k, Node::from(*n)));
    object(std::iter::once(action).chain(numbers))
}

fn http(path: &str, port: &str) -> (&'static str, Node) {
    (
        "httpGet",
        object([("path", path.into()), ("port", Node::from(port))]),
    )
}

fn tcp(name: &str, number: i64) -> Node {
    let mut node = port(Some(name), number);
    node.set("protocol", "TCP");
    node
}

/// The main container before the user's own is laid over it.
pub fn container(kind: &str, setting: &Setting<'_>) -> Node {
    let mut main = common(kind, setting);
    match kind {
        "frontend" => frontend(&mut main, setting),
        "worker" | "prefill" | "decode" => worker(&mut main, setting),
        "planner" => planner(&mut main),
        "epp" => epp(&mut main, setting),
        _ => {}
    }
    main
}

fn add_env(container: &mut Node, variables: impl IntoIterator<Item = Node>) {
    container.map_mut().entry_map("env").seq_mut().extend(variables);
}

fn common(kind: &str, setting: &Setting<'_>) -> Node {
    let mut main = object([
        ("name", Node::from("main")),
        ("command", words(&["/bin/sh", "-c"])),
    ]);
    add_env(
        &mut main,
        [
            env("DYN_NAMESPACE", setting.dynamo_namespace.clone()),
            env("DYN_COMPONENT", kind),
            env("DYN_PARENT_DGD_K8S_NAME", setting.parent),
            env("DYN_PARENT_DGD_K8S_NAMESPACE", setting.namespace),
            env_field("POD_NAME", "metadata.name"),
            env_field("POD_NAMESPACE", "metadata.namespace"),
            env_field("POD_UID", "metadata.uid"),
        ],
    );
    if setting.discovery != "etcd" {
        add_env(&mut main, [env("DYN_DISCOVERY_BACKEND", "kubernetes")]);
    }
    if setting.by_container {
        add_env(
            &mut main,
            [
                env("CONTAINER_NAME", "main"),
                env("DYN_KUBE_DISCOVERY_MODE", "container"),
            ],
        );
    }
    main
}

fn frontend(main: &mut Node, setting: &Setting<'_>) {
    main.set("command", words(&["python3"]));
    main.set("args", words(&["-m", "dynamo.frontend"]));
    main.set("ports", vec![tcp("http", HTTP)]);
    let numbers = |delay, timeout| {
        [
            ("initialDelaySeconds", delay),
            ("periodSeconds", 10),
            ("timeoutSeconds", timeout),
            ("failureThreshold", 3),
        ]
    };
    main.set("livenessProbe", probe(http("/live", "http"), &numbers(15, 1)));
    main.set("readinessProbe", probe(http("/health", "http"), &numbers(10, 3)));
    add_env(
        main,
        [
            env("DYNAMO_PORT", "8000"),
            env("DYN_HTTP_PORT", "8000"),
            env("DYN_NAMESPACE_PREFIX", setting.dynamo_namespace.clone()),
        ],
    );
}

fn system_probes(main: &mut Node) {
    let numbers = |period, timeout, failures| {
        [
            ("periodSeconds", period),
            ("timeoutSeconds", timeout),
            ("failureThreshold", failures),
        ]
    };
    main.set("livenessProbe", probe(http("/live", "system"), &numbers(5, 4, 1)));
    main.set(
        "readinessProbe",
        probe(http("/health", "system"), &numbers(10, 4, 3)),
    );
    main.set(
        "startupProbe",
        probe(http("/live", "system"), &numbers(10, 5, 720)),
    );
}

fn worker(main: &mut Node, setting: &Setting<'_>) {
    main.set("ports", vec![tcp("system", SYSTEM), tcp("nixl", NIXL)]);
    system_probes(main);
    add_env(
        main,
        [
            env("DYN_SYSTEM_ENABLED", "true"),
            env("DYN_SYSTEM_USE_ENDPOINT_HEALTH_STATUS", "[\"generate\"]"),
            env("DYN_SYSTEM_PORT", SYSTEM.to_string()),
            env("DYN_HEALTH_CHECK_ENABLED", "false"),
            env("NIXL_TELEMETRY_ENABLE", "n"),
            env("NIXL_TELEMETRY_EXPORTER", "prometheus"),
            env("NIXL_TELEMETRY_PROMETHEUS_PORT", NIXL.to_string()),
            env("DYN_FORWARDPASS_METRIC_PORT", FORWARD_PASS.to_string()),
        ],
    );
    if let Some(hash) = setting.worker_hash {
        add_env(main, [env("DYN_NAMESPACE_WORKER_SUFFIX", hash)]);
    }
}

fn planner(main: &mut Node) {
    main.set("ports", vec![tcp("metrics", 9085), tcp("system", SYSTEM)]);
    system_probes(main);
    add_env(
        main,
        [
            env("PLANNER_PROMETHEUS_PORT", "9085"),
            env("DYN_SYSTEM_PORT", SYSTEM.to_string()),
        ],
    );
}

fn epp(main: &mut Node, setting: &Setting<'_>) {
    main.set(
        "ports",
        vec![tcp("grpc", 9002), tcp("grpc-health", 9003), tcp("metrics", 9090)],
    );
    let action = || {
        let service = object([
            ("port", Node::from(9003_i64)),
            ("service", "inference-extension".into()),
        ]);
        ("grpc", service)
    };
    let steady = [("initialDelaySeconds", 5), ("periodSeconds", 10)];
    main.set("livenessProbe", probe(action(), &steady));
    main.set("readinessProbe", probe(action(), &steady));
    main.set(
        "startupProbe",
        probe(action(), &[("periodSeconds", 10), ("failureThreshold", 180)]),
    );
    add_env(
        main,
        [
            env("USE_STREAMING", "true"),
            env("RUST_LOG", "info"),
            env("DYN_ENFORCE_DISAGG", "false"),
            env("DYN_NAMESPACE_PREFIX", setting.dynamo_namespace.clone()),
        ],
    );
    main.set("command", Node::seq());
    let args = [
        "--pool-name",
        &format!("{}-pool", setting.parent),
        "--pool-namespace",
        setting.namespace,
        "--pool-group",
        "inference.networking.k8s.io",
        "-v",
        "4",
        "--zap-encoder",
        "json",
        "--grpc-port",
        "9002",
        "--grpc-health-port",
        "9003",
        "--config-file",
        "/etc/epp/epp-config-dynamo.yaml",
    ];
    main.set("args", words(&args));
    let mut config = mount("epp-config", "/etc/epp");
    config.set("readOnly", true);
    main.set(
        "volumeMounts",
        vec![config, mount("hf-cache", "/home/nonroot/.cache")],
    );
}

/// The pod spec before the user's own is laid over it.
pub fn pod_spec(kind: &str, setting: &Setting<'_>) -> Node {
    let grace = if kind == "epp" { 130_i64 } else { 60 };
    let mut spec = object([
        ("terminationGracePeriodSeconds", Node::from(grace)),
        ("restartPolicy", "Always".into()),
    ]);
    match kind {
        "planner" => spec.set("serviceAccountName", "planner-serviceaccount"),
        "epp" => {
            spec.set("serviceAccountName", "epp-serviceaccount");
            let cache = object([("name", Node::from("hf-cache")), ("emptyDir", Node::map())]);
            spec.set("volumes", vec![epp_volume(setting), cache]);
        }
        _ => {}
    }
    spec
}

/// The configuration of an endpoint picker as a volume.
fn epp_volume(setting: &Setting<'_>) -> Node {
    const KEY: &str = "epp-config-dynamo.yaml";
    let own = setting.epp_config.and_then(|c| c.get("configMapRef"));
    let text = |key: &str| -> Option<Str> { Some(own?.get(key)?.as_str()?.into()) };
    let name = text("name").unwrap_or_else(|| format!("{}-epp-config", setting.parent).into());
    let key = text("key")
        .filter(|k| !k.is_empty())
        .unwrap_or_else(|| KEY.into());
    let item = object([("key", key.into()), ("path", KEY.into())]);
    let source = object([("name", name.into()), ("items", vec![item].into())]);
    object([("name", Node::from("epp-config")), ("configMap", source)])
}
