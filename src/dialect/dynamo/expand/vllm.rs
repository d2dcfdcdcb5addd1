//! vLLM: flags for several nodes, Ray for elastic expert parallelism, and the wait for rank 0 (`backend_vllm.go`).

use super::backend::{Launch, without_probes};
use super::command::{self, Backend, expanded, flag_value, has_value, quote, quote_posix, set, words};
use super::defaults::{self, object};
use super::pod::{Result, Role};
use crate::kubernetes::container::{env, env_field, list, mount};
use crate::value::Node;

/// The port of Ray's head.
const RAY: u32 = 6379;
/// The port where ranks meet.
const MASTER: u32 = 29500;

/// The parallel sizes that the operator reads.
#[derive(Debug)]
pub struct Sizes {
    /// GPUs of one engine: tensor times pipeline.
    pub world: i64,
    /// Engines.
    pub data: i64,
}

impl Sizes {
    /// Those of arguments, cut at blanks.
    pub fn read(args: &[String]) -> Self {
        let tensor = flag_value(args, "--tensor-parallel-size");
        Self {
            world: tensor.saturating_mul(flag_value(args, "--pipeline-parallel-size")),
            data: flag_value(args, "--data-parallel-size"),
        }
    }
}

/// How the pods of several nodes are joined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Joined {
    /// One engine over all nodes.
    Engine,
    /// One Ray cluster that grows.
    Elastic,
    /// Engines on each node.
    Data,
    /// Not at all.
    Not,
}

/// How the operator joins nodes for a command line.
pub fn joined(args: &[String], gpus: i64) -> Joined {
    let sizes = Sizes::read(args);
    if gpus != 0 && sizes.world > gpus {
        Joined::Engine
    } else if args.iter().any(|w| w == "--enable-elastic-ep") {
        Joined::Elastic
    } else if gpus != 0 && sizes.world.saturating_mul(sizes.data) > gpus {
        Joined::Data
    } else {
        Joined::Not
    }
}

/// Whether nodes are joined by vLLM itself, and not by Ray.
fn by_processes(launch: &Launch<'_>) -> bool {
    let annotation = |key: &str| launch.annotations.get(key).and_then(Node::as_str);
    match annotation("nvidia.com/vllm-distributed-executor-backend") {
        Some(own) if own.eq_ignore_ascii_case("mp") => true,
        Some(own) if own.eq_ignore_ascii_case("ray") => false,
        _ => {
            let origin = annotation("nvidia.com/dynamo-operator-origin-version");
            origin.is_some_and(|v| {
                let major = v.trim_start_matches(['v', 'V']).split(['.', '-', '+']).next();
                // A version before 1.0.0, as 1.0.0-rc1 is, does not do it yet.
                let early = v.trim_start_matches(['v', 'V']).starts_with("1.0.0-");
                major.and_then(|m| m.parse::<u64>().ok()).is_some_and(|m| m >= 1) && !early
            })
        }
    }
}

fn append_env(main: &mut Node, variables: impl IntoIterator<Item = Node>) {
    main.map_mut().entry_map("env").seq_mut().extend(variables);
}

/// Rewrites the main container.
pub fn container(launch: &Launch<'_>, main: &mut Node) -> Result<()> {
    let component = launch.maker.component;
    if component.inter_pod() {
        if !has_value(&words(main, "args"), "--load-format", "gms") {
            command::inject(main, "--load-format gms", false, Backend::Vllm);
        }
        if component.inter_pod_failover() {
            append_env(main, [env("DYN_VLLM_GMS_SHADOW_MODE", "true")]);
        }
    }
    if launch.nodes > 1 {
        several(launch, main)?;
    } else if launch.role == Role::Main && command::elastic_ray(main) && elastic(launch, main) {
        append_env(
            main,
            [
                env_field("POD_IP", "status.podIP"),
                env_field("VLLM_DP_MASTER_IP", "status.podIP"),
            ],
        );
    }
    if let Some(cache) = &component.cache {
        let path = cache.path.as_ref().map_or_else(
            || Node::derived("/root/.cache/vllm", &cache.ids),
            crate::value::Traced::node,
        );
        append_env(main, [env("VLLM_CACHE_ROOT", path)]);
    }
    Ok(())
}

fn several(launch: &Launch<'_>, main: &mut Node) -> Result<()> {
    let gpus = launch.gpus()?;
    let args = expanded(&words(main, "args"));
    let processes = by_processes(launch);
    match joined(&args, gpus) {
        Joined::Engine if processes => multi_process(launch, main),
        Joined::Engine => ray(launch, main),
        Joined::Elastic => {
            elastic(launch, main);
        }
        Joined::Data => data_parallel(launch, main, &args, gpus),
        Joined::Not => {}
    }
    if processes {
        append_env(main, [env_field("VLLM_NIXL_SIDE_CHANNEL_HOST", "status.podIP")]);
    }
    if launch.role == Role::Worker {
        without_probes(main);
    }
    Ok(())
}

fn multi_process(launch: &Launch<'_>, main: &mut Node) {
    let mut flags = format!(
        "--distributed-executor-backend mp --nnodes {} --master-addr {} --master-port {MASTER}",
        launch.nodes,
        launch.leader()
    );
    let mut shell = false;
    if launch.role == Role::Worker {
        let (rank, needed) = launch.rank();
        flags += &format!(" --node-rank {rank} --headless");
        shell = needed;
    } else if launch.role == Role::Leader {
        flags += " --node-rank 0";
    }
    command::inject(main, &flags, shell, Backend::Vllm);
}

fn in_shell(main: &mut Node, line: String) {
    let ids = command::places(main);
    set(main, "args", vec![line], &ids);
    set(main, "command", vec!["/bin/sh".into(), "-c".into()], &ids);
}

fn joined_words(main: &Node, quote: fn(&str) -> String) -> (String, String) {
    let line = |key| {
        let words: Vec<String> = words(main, key).iter().map(|w| quote(w)).collect();
        words.join(" ")
    };
    (line("command"), line("args"))
}

fn ray(launch: &Launch<'_>, main: &mut Node) {
    let line = match launch.role {
        Role::Leader => {
            let (command, args) = joined_words(main, quote);
            format!("ray start --head --port={RAY} && {command} {args} --distributed-executor-backend ray")
        }
        _ => format!("ray start --address={}:{RAY} --block", launch.leader()),
    };
    in_shell(main, line);
}

/// Puts Ray in front of the engine. Without a command there is nothing to put it in front of.
fn elastic(launch: &Launch<'_>, main: &mut Node) -> bool {
    if launch.role == Role::Worker {
        let leader = launch.leader();
        let wait = format!(
            "i=0; until python3 -c \"import urllib.request; urllib.request.urlopen('http://{leader}:{}/live', timeout=5)\" \
             2>/dev/null; do i=$((i+1)); [ \"$i\" -ge 720 ] && {{ echo \"ERROR: leader /live did not become ready within 3h\" >&2; exit 1; }}; \
             echo 'waiting for leader dynamo.vllm /live to return 200...'; sleep 15; done",
            defaults::SYSTEM
        );
        in_shell(
            main,
            format!("{wait} && ray start --address={leader}:{RAY} --block"),
        );
        return true;
    }
    if words(main, "command").is_empty() {
        return false;
    }
    let (command, args) = joined_words(main, quote_posix);
    let alone = launch.role == Role::Main;
    let run = format!("{command} {args}");
    let run = run.trim();
    let address = if alone {
        " --node-ip-address=\"$POD_IP\""
    } else {
        ""
    };
    let exec = if alone { "exec " } else { "" };
    in_shell(
        main,
        format!(
            "ray start --head --port={RAY}{address} --block & i=0; until python3 -c \"import socket; \
             s=socket.create_connection(('127.0.0.1',{RAY}),timeout=1); s.close()\" 2>/dev/null; do i=$((i+1)); [ \"$i\" -ge 150 ] && \
             {{ echo \"ERROR: Ray head did not start within 300s\" >&2; exit 1; }}; sleep 2; done && {exec}{run}"
        ),
    );
    true
}

fn data_parallel(launch: &Launch<'_>, main: &mut Node, args: &[String], gpus: i64) {
    let sizes = Sizes::read(args);
    let local = gpus / sizes.world.max(1);
    let total = match sizes.data {
        1 => local.saturating_mul(i64::from(launch.nodes)),
        written => written,
    };
    let (start, shell) = match launch.role {
        Role::Worker => (format!("$(( {local} * {} ))", launch.rank().0), true),
        _ => ("0".to_owned(), false),
    };
    let mut flags = "--data-parallel-hybrid-lb".to_owned();
    if !args.iter().any(|w| w == "--data-parallel-size") {
        flags += &format!(" --data-parallel-size {total}");
    }
    flags += &format!(
        " --data-parallel-size-local {local} --data-parallel-start-rank {start} --data-parallel-address {} --data-parallel-rpc-port \
         13445",
        launch.leader()
    );
    command::inject(main, &flags, shell, Backend::Vllm);
}

/// Lets workers wait for rank 0.
pub fn pod_spec(launch: &Launch<'_>, spec: &mut Node) {
    const SCRIPT: &str = "wait-leader-script";
    let Some(main) = list(spec, "containers").first() else {
        return;
    };
    let all: Vec<String> = words(main, "command")
        .into_iter()
        .chain(words(main, "args"))
        .collect();
    let flag = "--distributed-executor-backend";
    let runs = has_value(&all, flag, "mp") || has_value(&expanded(&all), flag, "mp");
    if launch.nodes <= 1 || launch.role != Role::Worker || !runs || launch.maker.parent.is_empty() {
        return;
    }
    let image = main.get("image").cloned().unwrap_or_default();
    let host = command::shell_variables(&launch.leader());
    let source = object([("name", Node::from(format!("{}-{SCRIPT}", launch.maker.parent)))]);
    let volume = object([("name", Node::from(SCRIPT)), ("configMap", source)]);
    spec.map_mut().entry_map("volumes").seq_mut().push(volume);
    let mut script = mount(SCRIPT, "/scripts");
    script.set("readOnly", true);
    let line = format!(
        "export LEADER_HOST=\"{host}\" LEADER_PORT=\"{MASTER}\" && exec python3 /scripts/wait-for-leader.py"
    );
    let wait = object([
        ("name", Node::from("wait-for-leader-mp")),
        ("image", image),
        ("command", defaults::words(&["sh", "-c", &line])),
        ("volumeMounts", vec![script].into()),
    ]);
    spec.map_mut().entry_map("initContainers").seq_mut().push(wait);
}
