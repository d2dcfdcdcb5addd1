//! The GPU memory service, and engines that stand by (`internal/gms`, `internal/dynamo/failover*.go`).

use super::super::read::{MemoryService, text};
use super::command::{Backend, name, set, words};
use super::defaults::{FORWARD_PASS, SYSTEM, object, probe};
use super::dra;
use super::pod::{Maker, Result, Role};
use crate::kubernetes::container::{env, env_field, env_set, list, mount};
use crate::value::{Node, Str};

/// The claim of the pod that its containers share.
const CLAIM: &str = "intrapod-shared-gpu";
/// Where they meet.
const CONTROL: &str = "gms-intrapod-control";
/// Where pods meet.
const SHARED: &str = "/run/gms/shared";
const SERVER: &str = "gpu_memory_service.cli.server";

fn list_mut<'a>(node: &'a mut Node, key: &str) -> &'a mut Vec<Node> {
    node.map_mut().entry_map(key).seq_mut()
}

/// Puts an element into a list, in place of the one of its name.
fn put(list: &mut Vec<Node>, element: Node) {
    match list.iter_mut().find(|e| name(e) == name(&element)) {
        Some(old) => *old = element,
        None => list.push(element),
    }
}

/// The name of the claim template of a component.
pub fn claim_template(parent: &str, component: &str) -> Str {
    format!("{parent}-{}-gpu", component.to_lowercase()).into()
}

/// The server as a container of the pod, and a second engine beside the first.
pub fn within_pod(maker: &Maker<'_>, nodes: u32, spec: &mut Node) -> Result<()> {
    let component = maker.component;
    if let Some(service) = component.memory_service.as_ref().filter(|m| !m.inter_pod) {
        clients(maker, service, spec)?;
        claim(maker, spec);
        let containers = list(spec, "containers").to_vec();
        let image = containers.first().and_then(|c| c.get("image")).cloned();
        let wanted = |c: &Node| service.clients.iter().any(|n| n.value == name(c));
        let containers: Vec<Node> = containers
            .into_iter()
            .enumerate()
            .map(|(at, c)| if at == 0 || wanted(&c) { client(c) } else { c })
            .collect();
        spec.set("containers", containers);
        let control = object([("name", Node::from(CONTROL)), ("emptyDir", Node::map())]);
        put(list_mut(spec, "volumes"), control);
        let inits = list_mut(spec, "initContainers");
        if !inits.iter().any(|c| name(c) == "gms-server") {
            inits.push(server(image.unwrap_or_default()));
        }
    }
    if component.failover.as_ref().is_some_and(|f| !f.inter_pod) {
        if maker.backend != Backend::Vllm {
            let reason = format!(
                "failover within a pod is for vLLM, not for {}",
                maker.backend.as_str()
            );
            let ids = component.failover.as_ref().map(|f| f.ids.clone());
            return Err(maker.fails(reason, &ids.unwrap_or_default()));
        }
        twins(nodes, spec);
    }
    Ok(())
}

/// The containers that the service is for must be there, and each named once.
fn clients(maker: &Maker<'_>, service: &MemoryService, spec: &Node) -> Result<()> {
    for (at, client) in service.clients.iter().enumerate() {
        let there = list(spec, "containers").iter().any(|c| name(c) == client.value);
        let twice = service.clients[..at].iter().any(|c| c.value == client.value);
        if twice || !there {
            let reason = format!(
                "`extraClientContainers` names `{}`, which is {}",
                client.value,
                if twice { "there twice" } else { "no container" }
            );
            return Err(maker.fails(reason, &client.ids));
        }
    }
    Ok(())
}

fn tolerate_gpus(spec: &mut Node) {
    let tolerations = list_mut(spec, "tolerations");
    let is = |t: &Node| text(t, &["key"]) == "nvidia.com/gpu" && text(t, &["effect"]) == "NoSchedule";
    if !tolerations.iter().any(is) {
        tolerations.push(object([
            ("key", Node::from("nvidia.com/gpu")),
            ("operator", "Exists".into()),
            ("effect", "NoSchedule".into()),
        ]));
    }
}

/// The GPUs of the pod as one claim.
fn claim(maker: &Maker<'_>, spec: &mut Node) {
    tolerate_gpus(spec);
    let template = claim_template(maker.parent, &maker.component.name.value);
    let claim = object([
        ("name", Node::from(CLAIM)),
        ("resourceClaimTemplateName", template.into()),
    ]);
    put(list_mut(spec, "resourceClaims"), claim);
}

/// A container that uses the service.
fn client(mut container: Node) -> Node {
    dra::without_gpus(&mut container);
    put(
        list_mut(&mut container, "volumeMounts"),
        mount(CONTROL, &format!("/{CONTROL}")),
    );
    env_set(&mut container, env("GMS_SOCKET_DIR", format!("/{CONTROL}")));
    let claims = container.at_mut(&["resources", "claims"]).seq_mut();
    if !claims.iter().any(|c| name(c) == CLAIM) {
        claims.push(object([("name", Node::from(CLAIM))]));
    }
    container
}

fn server(image: Node) -> Node {
    let claims: Node = vec![object([("name", Node::from(CLAIM))])].into();
    object([
        ("name", Node::from("gms-server")),
        ("image", image),
        ("command", super::defaults::words(&["python3", "-m", SERVER])),
        ("env", vec![env("GMS_SOCKET_DIR", format!("/{CONTROL}"))].into()),
        (
            "volumeMounts",
            vec![mount(CONTROL, &format!("/{CONTROL}"))].into(),
        ),
        ("resources", object([("claims", claims)])),
        ("restartPolicy", "Always".into()),
    ])
}

/// The main container twice: one engine serves, the other stands by.
fn twins(nodes: u32, spec: &mut Node) {
    let containers = list(spec, "containers").to_vec();
    let Some((main, sidecars)) = containers.split_first() else {
        return;
    };
    let mut all: Vec<Node> = (0..2).map(|id| engine(main, id, nodes)).collect();
    all.extend(sidecars.iter().cloned());
    for container in &mut all[2..] {
        if let Some(id) = name(container).strip_prefix("engine-") {
            let id = id.parse().unwrap_or(0);
            for_vllm(container, id, nodes);
        }
    }
    spec.set("containers", all);
}

fn engine(main: &Node, id: i64, nodes: u32) -> Node {
    const REPLACED: [&str; 6] = [
        "DYN_SYSTEM_USE_ENDPOINT_HEALTH_STATUS",
        "DYN_SYSTEM_PORT",
        "DYN_SYSTEM_ENABLED",
        "DYN_HEALTH_CHECK_ENABLED",
        "CONTAINER_NAME",
        "DYN_FORWARDPASS_METRIC_PORT",
    ];
    let mut engine = main.clone();
    let (own, port) = (format!("engine-{id}"), format!("system-{id}"));
    engine.set("name", own.as_str());
    let number = SYSTEM + id;
    engine.set(
        "ports",
        vec![object([
            ("protocol", Node::from("TCP")),
            ("name", port.as_str().into()),
            ("containerPort", number.into()),
        ])],
    );
    let variables = list_mut(&mut engine, "env");
    variables.retain(|e| !REPLACED.contains(&name(e).as_str()));
    variables.extend([
        env("ENGINE_ID", id.to_string()),
        env("CONTAINER_NAME", own),
        env("FAILOVER_LOCK_PATH", format!("/{CONTROL}/failover.lock")),
        env("DYN_SYSTEM_STARTING_HEALTH_STATUS", "notready"),
        env("DYN_SYSTEM_PORT", number.to_string()),
        env("DYN_SYSTEM_ENABLED", "true"),
        env("DYN_FORWARDPASS_METRIC_PORT", (FORWARD_PASS + id).to_string()),
    ]);
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        let probe = engine.map_mut().get_mut(probe);
        if let Some(get) = probe.and_then(|p| p.map_mut().get_mut("httpGet")) {
            get.set("port", port.as_str());
        }
    }
    for_vllm(&mut engine, id, nodes);
    engine
}

fn for_vllm(engine: &mut Node, id: i64, nodes: u32) {
    let variables = list_mut(engine, "env");
    variables.extend([
        env("DYN_VLLM_GMS_SHADOW_MODE", "true"),
        env("VLLM_NIXL_SIDE_CHANNEL_PORT", (5600 + id).to_string()),
        env("DYN_VLLM_KV_EVENT_PORT", (20080 + id).to_string()),
    ]);
    if id > 0 {
        stagger(engine, id * 100);
    }
    if nodes > 1 {
        list_mut(engine, "env").push(env("NNODES", nodes.to_string()));
    }
}

/// Moves the port where ranks meet, so that both engines have one.
fn stagger(engine: &mut Node, offset: i64) {
    const FLAG: &str = "--master-port";
    let ids = super::command::places(engine);
    let (mut args, mut command) = (words(engine, "args"), words(engine, "command"));
    let inside = format!("{FLAG} ");
    let named =
        args.iter().any(|a| a == FLAG || a.contains(&inside)) || command.iter().any(|c| c.contains(&inside));
    if !named {
        args.extend([FLAG.to_owned(), (29500 + offset).to_string()]);
        return set(engine, "args", args, &ids);
    }
    let apart = args.windows(2).position(|pair| pair[0] == FLAG);
    let number = apart.and_then(|at| Some((at + 1, args[at + 1].parse::<i64>().ok()?)));
    if let Some((at, number)) = number {
        args[at] = (number + offset).to_string();
        return set(engine, "args", args, &ids);
    }
    for (key, line) in [("args", &mut args), ("command", &mut command)] {
        for word in line.iter_mut() {
            let Some((_, rest)) = word.split_once(&inside) else {
                continue;
            };
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            if let Ok(number) = digits.parse::<i64>() {
                let new = format!("{inside}{}", number + offset);
                *word = word.replacen(&format!("{inside}{digits}"), &new, 1);
                return set(engine, key, std::mem::take(line), &ids);
            }
        }
    }
}

/// A pod spec of an engine as that of the server of one rank.
pub fn server_pod(spec: &mut Node, rank: u32, gpus: i64) {
    let mut containers = list(spec, "containers").to_vec();
    let Some(main) = containers.first_mut() else {
        return;
    };
    let ids = super::command::places(main);
    let script = format!(
        "rm -f {SHARED}/gms_*.sock\nrc=1\ncleanup() {{ kill -- -$$ 2>/dev/null; exit \"$rc\"; }}\ntrap cleanup SIGTERM SIGINT\npython3 -m \
         {SERVER} &\necho \"Started GMS server pid=$!\"\nwait -n\nrc=$?\necho \"GMS server exited (code=$rc), shutting down\"\ncleanup"
    );
    set(main, "command", vec!["bash".into(), "-c".into()], &ids);
    set(main, "args", vec![script], &ids);
    super::backend::without_probes(main);
    let test = format!(
        "test $(ls {SHARED}/gms_*.sock 2>/dev/null | wc -l) -ge {}",
        2 * gpus
    );
    let action = object([("command", super::defaults::words(&["sh", "-c", &test]))]);
    let numbers = [
        ("periodSeconds", 2),
        ("timeoutSeconds", 2),
        ("failureThreshold", 150),
    ];
    main.set("startupProbe", probe(("exec", action), &numbers));
    list_mut(main, "env").push(env("GMS_SOCKET_DIR", SHARED));
    spec.set("containers", containers);
    shared(spec, rank);
}

/// A pod spec of an engine that takes its weights from a server's pod.
pub fn engine_pod(spec: &mut Node, rank: u32, failover: bool) {
    let mut containers = list(spec, "containers").to_vec();
    let Some(main) = containers.first_mut() else {
        return;
    };
    let variables = list_mut(main, "env");
    variables.extend([
        env_field("ENGINE_ID", "metadata.labels['grove.io/podclique-pod-index']"),
        env("GMS_SOCKET_DIR", SHARED),
        env("FAILOVER_LOCK_PATH", format!("{SHARED}/failover.lock")),
        env("DYN_SYSTEM_STARTING_HEALTH_STATUS", "notready"),
    ]);
    variables.retain(|e| name(e) != "DYN_SYSTEM_USE_ENDPOINT_HEALTH_STATUS");
    spec.set("containers", containers);
    shared(spec, rank);
    if failover {
        spec.set("restartPolicy", "Never");
    }
}

/// What pods of one rank share: a directory of the node.
fn shared(spec: &mut Node, rank: u32) {
    let place = || {
        object([
            ("name", Node::from("gms-shared")),
            ("mountPath", SHARED.into()),
            (
                "subPathExpr",
                format!("$(GROVE_PCSG_NAME)-$(GROVE_PCSG_INDEX)/rank-{rank}").into(),
            ),
        ])
    };
    let mut containers = list(spec, "containers").to_vec();
    let mut image = Node::default();
    if let Some(main) = containers.first_mut() {
        dra::without_gpus(main);
        list_mut(main, "volumeMounts").push(place());
        image = main.get("image").cloned().unwrap_or_default();
    }
    spec.set("containers", containers);
    tolerate_gpus(spec);
    let path = object([
        ("path", Node::from("/run/gms")),
        ("type", "DirectoryOrCreate".into()),
    ]);
    list_mut(spec, "volumes").push(object([("name", "gms-shared".into()), ("hostPath", path)]));
    let line = format!("chmod 1777 {SHARED}");
    let root = object([("runAsUser", Node::from(0_i64)), ("runAsNonRoot", false.into())]);
    list_mut(spec, "initContainers").push(object([
        ("name", Node::from("fix-gms-perms")),
        ("image", image),
        ("command", super::defaults::words(&["sh", "-c", &line])),
        ("securityContext", root),
        ("volumeMounts", vec![place()].into()),
    ]));
}

/// Whether a pod is one of engines that stand by for each other.
pub fn is_member(role: Role, failover: bool) -> bool {
    failover && role != Role::Memory
}
