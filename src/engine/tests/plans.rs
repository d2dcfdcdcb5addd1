//! Command lines of all engines, shapes and versions.

use super::version;
use crate::diagnostic::{Ledger, Severity};
use crate::engine::scan::entry;
use crate::engine::{
    EngineKind, Executor, KvTransfer, LoadBalancing, ModelArg, Parallelism, Phase, Plan, Process, Request,
    Version, Wrapper, lint, plan,
};
use crate::value::{Id, Ids, Node, Piece, Reference, Traced, Value};

/// Everything a request borrows, each value with an origin of its own.
struct Case {
    version: Version,
    wrapper: Option<Traced<Wrapper>>,
    model: ModelArg,
    parallelism: Parallelism,
    nodes: Traced<u32>,
    gpus: Traced<u32>,
    port: Traced<u32>,
    kv: Option<KvTransfer>,
    settings: Vec<(&'static str, Node)>,
    args: Vec<Node>,
    executor: Option<Traced<Executor>>,
    load_balancing: Option<Traced<LoadBalancing>>,
    ssh: Option<Traced<crate::value::Str>>,
    engine: EngineKind,
    phase: Phase,
    operator: bool,
}

fn traced<T>(value: T, at: u32) -> Traced<T> {
    Traced::new(value, Id::new(3, at).into())
}

fn case(
    engine: EngineKind,
    at: &str,
    (tensor, pipeline, data, expert): (u32, u32, u32, bool),
    nodes: u32,
) -> Case {
    let world = tensor * pipeline * data;
    Case {
        version: version(at),
        wrapper: None,
        model: ModelArg {
            path: traced("org/model".into(), 0),
            revision: None,
            served_name: Some(traced("name".into(), 1)),
        },
        parallelism: Parallelism {
            tensor: traced(tensor, 2),
            pipeline: traced(pipeline, 3),
            data: traced(data, 4),
            expert: traced(expert, 5),
        },
        nodes: traced(nodes, 6),
        gpus: traced(world / nodes, 7),
        port: traced(8000, 8),
        kv: None,
        settings: Vec::new(),
        args: Vec::new(),
        executor: None,
        load_balancing: None,
        ssh: None,
        engine,
        phase: Phase::Aggregated,
        operator: false,
    }
}

impl Case {
    fn request(&self) -> Request<'_> {
        Request {
            engine: self.engine,
            version: &self.version,
            wrapper: self.wrapper.as_ref(),
            model: Some(&self.model),
            phase: self.phase,
            parallelism: &self.parallelism,
            nodes: &self.nodes,
            gpus_per_node: &self.gpus,
            port: &self.port,
            kv: self.kv.as_ref(),
            settings: &self.settings,
            command: &[],
            args: &self.args,
            executor: self.executor.as_ref(),
            load_balancing: self.load_balancing.as_ref(),
            ssh_secret: self.ssh.as_ref(),
            by_operator: self.operator,
            cache_events: None,
        }
    }

    fn kv(mut self, phase: Phase, connector: &str) -> Self {
        self.phase = phase;
        self.kv = Some(KvTransfer {
            connector: traced(connector.into(), 9),
            port: Some(traced(7001, 10)),
            options: None,
            devices: Vec::new(),
        });
        self
    }

    fn args(mut self, line: &str) -> Self {
        self.args = line
            .split_whitespace()
            .enumerate()
            .map(|(i, w)| Node::new(Value::Str(w.into()), Id::new(4, i as u32)))
            .collect();
        self
    }

    fn plan(&self) -> (Option<Plan>, Ledger) {
        let mut ledger = Ledger::new();
        let plan = plan(&self.request(), &mut ledger);
        (plan, ledger)
    }

    /// The line of the leader and of the workers; panics if something is wrong.
    fn lines(&self) -> (String, String) {
        let (plan, ledger) = self.plan();
        let plan = plan.unwrap_or_else(|| panic!("{:#?}", ledger.diagnostics));
        (
            shown(&plan.leader),
            plan.worker.as_ref().map(shown).unwrap_or_default(),
        )
    }

    fn errors(&self) -> Vec<&'static str> {
        let (plan, ledger) = self.plan();
        let errors: Vec<_> = ledger
            .diagnostics
            .iter()
            .filter(|d| d.severity == Severity::Error)
            .map(|d| d.code.id)
            .collect();
        assert_eq!(plan.is_none(), !errors.is_empty(), "{:#?}", ledger.diagnostics);
        errors
    }
}

fn text(node: &Node) -> String {
    match &node.value {
        Value::Str(s) => s.to_string(),
        Value::Text(pieces) => pieces
            .iter()
            .map(|p| match p {
                Piece::Literal(s) => s.to_string(),
                Piece::Reference(Reference::Leader) => "LEADER".into(),
                Piece::Reference(Reference::Rank { times: 1 }) => "RANK".into(),
                Piece::Reference(Reference::Rank { times }) => format!("RANK*{times}"),
                Piece::Reference(Reference::Peers { separator }) => format!("A{separator}B"),
                Piece::Reference(other) => format!("{other:?}"),
            })
            .collect(),
        other => panic!("a word must be a string: {other:?}"),
    }
}

fn words(process: &Process) -> Vec<Node> {
    [&process.command, &process.args]
        .into_iter()
        .flat_map(|l| l.as_seq().unwrap().to_vec())
        .collect()
}

fn shown(process: &Process) -> String {
    words(process).iter().map(text).collect::<Vec<_>>().join(" ")
}

fn env(process: &Process, name: &str) -> Option<String> {
    let entry = process
        .env
        .iter()
        .find(|e| e.get("name").and_then(Node::as_str) == Some(name))?;
    Some(
        entry
            .get("value")
            .map(text)
            .unwrap_or_else(|| text(entry.at(&["valueFrom", "fieldRef", "fieldPath"]).unwrap())),
    )
}

const SHAPES: [(u32, u32, u32, bool, u32); 12] = [
    (1, 1, 1, false, 1),
    (8, 1, 1, false, 1),
    (2, 2, 1, true, 1),
    (1, 1, 8, true, 1),
    (2, 1, 4, false, 1),
    (16, 1, 1, false, 2),
    (8, 2, 1, true, 2),
    (1, 1, 16, true, 2),
    (1, 1, 2, true, 2),
    (4, 1, 8, true, 4),
    (16, 1, 2, true, 4),
    (2, 1, 6, true, 4),
];

/// All that can be produced is what the flag tables know, in every version that was read; all that cannot is refused in so
/// many words; and no origin is lost on the way.
#[test]
fn every_line_is_clean_and_whole() {
    let mut produced = 0;
    for engine in EngineKind::ALL {
        let known = engine
            .program()
            .unwrap()
            .table()
            .versions
            .iter()
            .map(ToString::to_string)
            .chain([String::new()]);
        for at in known {
            for (t, p, d, e, nodes) in SHAPES {
                for phase in [Phase::Aggregated, Phase::Prefill, Phase::Decode] {
                    for choice in 0..7 {
                        let mut case = case(engine, &at, (t, p, d, e), nodes);
                        if phase != Phase::Aggregated {
                            let connectors = [
                                "nixl",
                                "mooncake",
                                "ucx",
                                "P2pNcclConnector",
                                "NixlPushConnector",
                                "mori",
                                "DEFAULT",
                            ];
                            case = case.kv(phase, connectors[choice]);
                        } else {
                            case.load_balancing = [
                                None,
                                Some(LoadBalancing::Hybrid),
                                Some(LoadBalancing::External),
                                Some(LoadBalancing::MultiPort),
                            ]
                            .get(choice)
                            .copied()
                            .flatten()
                            .map(|m| traced(m, 11));
                            case.executor = [None, None, None, None, Some(Executor::Mp), Some(Executor::Ray)]
                                .get(choice)
                                .copied()
                                .flatten()
                                .map(|x| traced(x, 12));
                            case.operator = choice == 6;
                        }
                        case.ssh = Some(traced("keys".into(), 13));
                        produced += u32::from(check(
                            &case,
                            &format!("{engine:?} {at} {t}/{p}/{d}/{e} on {nodes}, {phase:?} {choice}"),
                        ));
                    }
                }
            }
        }
    }
    assert!(produced > 1500, "{produced}");
}

fn check(case: &Case, what: &str) -> bool {
    let (plan, ledger) = case.plan();
    let flags: Vec<_> = ledger
        .diagnostics
        .iter()
        .filter(|d| d.code.id < "INF2009" && d.severity > Severity::Note)
        .collect();
    assert!(flags.is_empty(), "{what}: {flags:#?}");
    let Some(plan) = plan else {
        assert!(ledger.has_errors(), "{what}");
        return false;
    };
    assert!(!ledger.has_errors(), "{what}: {:#?}", ledger.diagnostics);
    let mut arrived = Ids::none();
    for process in std::iter::once(&plan.leader).chain(&plan.worker) {
        arrived.merge(&process.command.all_ids());
        arrived.merge(&process.args.all_ids());
        process.env.iter().for_each(|e| arrived.merge(&e.all_ids()));
        process.ports.iter().for_each(|p| arrived.merge(&p.number.ids));
        let line = words(process);
        if let Some((program, from)) = entry(&line) {
            let findings: Vec<_> = lint(program, &case.version, &line[from..])
                .into_iter()
                .filter(|f| f.severity > Severity::Note)
                .collect();
            assert!(findings.is_empty(), "{what}: {findings:#?}");
        }
        assert_eq!(
            process.serves(),
            process.ports.iter().any(|p| p.name == "http") && process.endpoints > 0,
            "{what}"
        );
        let mut names: Vec<_> = process.ports.iter().map(|p| &p.name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), process.ports.len(), "{what}");
        assert!(names.iter().all(|n| n.len() <= 15));
    }
    plan.secrets.iter().for_each(|s| arrived.merge(&s.name.ids));
    assert_eq!(plan.worker.is_some(), case.nodes.value > 1, "{what}");
    let given = [
        Some(0),
        Some(1),
        Some(2),
        Some(3),
        Some(4),
        Some(5),
        Some(6),
        Some(8),
    ]
    .into_iter()
    .flatten();
    let listens = case.engine != EngineKind::Trtllm && case.phase != Phase::Decode;
    let optional = case
        .kv
        .iter()
        .map(|_| 9)
        // A side that listens on no port of its own has no use for one: the plan says so.
        .chain(case.kv.iter().filter(|_| listens).map(|_| 10))
        .chain(case.load_balancing.iter().map(|_| 11))
        .chain(case.executor.iter().map(|_| 12));
    for id in given.chain(optional).map(|n| Id::new(3, n)) {
        assert!(
            arrived.iter().any(|i| i == id),
            "{what}: {id:?} is lost in {}",
            shown(&plan.leader)
        );
    }
    true
}

#[test]
fn vllm_on_one_node() {
    let (leader, _) = case(EngineKind::Vllm, "0.33.0", (8, 1, 1, false), 1).lines();
    assert_eq!(
        leader,
        "vllm serve org/model --served-model-name name --port 8000 --tensor-parallel-size 8 --pipeline-parallel-size 1 --data-parallel-size 1"
    );
}

#[test]
fn vllm_spans_nodes() {
    let (leader, worker) = case(EngineKind::Vllm, "0.33.0", (16, 1, 1, false), 2).lines();
    let group = "--distributed-executor-backend mp --nnodes 2 --node-rank RANK --master-addr LEADER";
    assert!(leader.ends_with(group), "{leader}");
    assert_eq!(worker, format!("{leader} --headless"));
    // 0.10.2 cannot, and between the versions that were read Ray is the safe way.
    for at in ["0.10.2", "0.11.0"] {
        let (leader, worker) = case(EngineKind::Vllm, at, (16, 1, 1, false), 2).lines();
        assert!(
            leader.starts_with("/bin/sh -c set -e\nray start --head --port=6379"),
            "{leader}"
        );
        assert!(
            leader.contains(">= 2, True)]'\nexec vllm serve org/model")
                && leader.ends_with("--distributed-executor-backend ray"),
            "{leader}"
        );
        assert!(
            worker.contains("ray start --address=\"LEADER:6379\" --disable-usage-stats --block"),
            "{worker}"
        );
    }
    let mut ray = case(EngineKind::Vllm, "0.33.0", (16, 1, 1, false), 2);
    ray.executor = Some(traced(Executor::Ray, 12));
    assert!(ray.plan().1.diagnostics.iter().any(|d| d.code.id == "INF2023"));
    let mut mp = case(EngineKind::Vllm, "0.10.2", (16, 1, 1, false), 2);
    mp.executor = Some(traced(Executor::Mp, 12));
    assert_eq!(mp.errors(), ["INF2022"]);
}

#[test]
fn vllm_data_parallel_over_nodes() {
    let of = |mode: Option<LoadBalancing>| {
        let mut case = case(EngineKind::Vllm, "0.33.0", (1, 1, 16, true), 2);
        case.load_balancing = mode.map(|m| traced(m, 11));
        case
    };
    let base = "--data-parallel-size-local 8 --data-parallel-address LEADER --data-parallel-rpc-port 13345";
    let (leader, worker) = of(None).lines();
    assert!(
        leader.contains("--data-parallel-size 16 --enable-expert-parallel") && leader.ends_with(base),
        "{leader}"
    );
    assert_eq!(
        worker,
        format!("{leader} --data-parallel-start-rank RANK*8 --headless")
    );
    let (leader, worker) = of(Some(LoadBalancing::Hybrid)).lines();
    assert!(
        leader.ends_with("--data-parallel-start-rank RANK*8 --data-parallel-hybrid-lb"),
        "{leader}"
    );
    assert_eq!(leader, worker);
    let multi = of(Some(LoadBalancing::MultiPort)).plan().0.unwrap();
    assert_eq!(multi.leader.endpoints, 8);
    assert_eq!(multi.worker.unwrap().endpoints, 8);
    assert_eq!(
        multi
            .leader
            .ports
            .iter()
            .map(|p| p.number.value)
            .collect::<Vec<_>>(),
        [8000, 8001, 8002, 8003, 8004, 8005, 8006, 8007, 9256]
    );
    assert_eq!(of(Some(LoadBalancing::External)).errors(), ["INF2024"]);
    let mut external = case(EngineKind::Vllm, "0.33.0", (8, 1, 2, true), 2);
    external.load_balancing = Some(traced(LoadBalancing::External, 11));
    assert!(external.lines().1.ends_with("--data-parallel-rank RANK"));
    // A rank that spans nodes is one process group with the others.
    let (leader, _) = case(EngineKind::Vllm, "0.33.0", (16, 1, 2, true), 4).lines();
    assert!(
        leader.contains("--data-parallel-size 2") && leader.contains("--nnodes 4"),
        "{leader}"
    );
}

#[test]
fn vllm_moves_caches() {
    let config = |at: &str, phase, connector: &str| {
        let (line, _) = case(EngineKind::Vllm, at, (1, 1, 1, false), 1)
            .kv(phase, connector)
            .lines();
        line.split("--kv-transfer-config ").nth(1).unwrap().to_owned()
    };
    assert_eq!(
        config("0.33.0", Phase::Prefill, "nixl"),
        r#"{"kv_connector":"NixlConnector","kv_role":"kv_producer"}"#
    );
    assert_eq!(
        config("0.33.0", Phase::Decode, "NixlConnector"),
        r#"{"kv_connector":"NixlConnector","kv_role":"kv_consumer"}"#
    );
    assert_eq!(
        config("0.19.1", Phase::Decode, "nixl"),
        r#"{"kv_connector":"NixlConnector","kv_role":"kv_both"}"#
    );
    assert_eq!(
        config("0.19.1", Phase::Decode, "mooncake"),
        r#"{"kv_connector":"MooncakeConnector","kv_role":"kv_consumer"}"#
    );
    let nixl = case(EngineKind::Vllm, "0.33.0", (1, 1, 1, false), 1)
        .kv(Phase::Prefill, "nixl")
        .plan()
        .0
        .unwrap();
    assert_eq!(
        env(&nixl.leader, "VLLM_NIXL_SIDE_CHANNEL_HOST").as_deref(),
        Some("status.podIP")
    );
    assert_eq!(
        env(&nixl.leader, "VLLM_NIXL_SIDE_CHANNEL_PORT").as_deref(),
        Some("7001")
    );
    let mooncake = case(EngineKind::Vllm, "0.33.0", (1, 1, 1, false), 1)
        .kv(Phase::Prefill, "mooncake")
        .plan()
        .0
        .unwrap();
    assert_eq!(mooncake.bootstrap_port.map(|p| p.value), Some(7001));
    for (at, phase, connector, code) in [
        ("0.33.0", Phase::Prefill, "p2pncclconnector", "INF2030"),
        ("0.12.0", Phase::Prefill, "mooncake", "INF2030"),
        ("0.33.0", Phase::Prefill, "ucx", "INF2030"),
        ("0.33.0", Phase::Prefill, "OffloadingConnector", "INF2033"),
        ("0.33.0", Phase::Prefill, "lmcache", "INF2032"),
        ("0.33.0", Phase::Prefill, "moriio", "INF2032"),
        ("0.33.0", Phase::Prefill, "multi", "INF2032"),
    ] {
        assert_eq!(
            case(EngineKind::Vllm, at, (1, 1, 1, false), 1)
                .kv(phase, connector)
                .errors(),
            [code],
            "{connector}"
        );
    }
    let mut bare = case(EngineKind::Vllm, "0.33.0", (1, 1, 1, false), 1);
    bare.phase = Phase::Decode;
    assert_eq!(bare.errors(), ["INF2034"]);
}

#[test]
fn connector_options_are_checked() {
    let with = |engine, at: &str, connector: &str, json: &str| {
        let mut case = case(engine, at, (1, 1, 1, false), 1).kv(Phase::Prefill, connector);
        case.kv.as_mut().unwrap().options = Some(crate::engine::settings::from_json(
            &serde_json::from_str(json).unwrap(),
            &Id::new(3, 20).into(),
        ));
        case
    };
    let (line, _) = with(
        EngineKind::Vllm,
        "0.33.0",
        "nixl",
        r#"{"kv_connector_extra_config":{"backends":["UCX"]}}"#,
    )
    .lines();
    assert!(
        line.contains(r#""kv_connector_extra_config":{"backends":["UCX"]}"#),
        "{line}"
    );
    assert_eq!(
        with(EngineKind::Vllm, "0.33.0", "nixl", r#"{"kv_rank":0}"#).errors(),
        ["INF2031"]
    );
    assert!(
        with(EngineKind::Vllm, "0.28.0", "nixl", r#"{"kv_rank":0}"#)
            .errors()
            .is_empty()
    );
    assert_eq!(
        with(EngineKind::Vllm, "0.33.0", "nixl", r#"{"kv_role":"kv_both"}"#).errors(),
        ["INF2031"]
    );
    let lmcache = with(
        EngineKind::Vllm,
        "0.33.0",
        "lmcache",
        r#"{"lmcache":{"pd_buffer_size":1,"pd_proxy_host":"p","pd_proxy_port":7500,"save":true}}"#,
    )
    .plan()
    .0
    .unwrap();
    assert_eq!(env(&lmcache.leader, "LMCACHE_PD_ROLE").as_deref(), Some("sender"));
    assert_eq!(env(&lmcache.leader, "LMCACHE_SAVE").as_deref(), Some("True"));
    let (line, _) = with(
        EngineKind::Sglang,
        "0.5.23",
        "mooncake",
        r#"{"ibDevice":"mlx5_0"}"#,
    )
    .lines();
    assert!(line.contains("--disaggregation-ib-device mlx5_0"), "{line}");
    assert_eq!(
        with(EngineKind::Sglang, "0.5.23", "mooncake", r#"{"nonsense":1}"#).errors(),
        ["INF2031"]
    );
    let (line, _) = with(EngineKind::Trtllm, "", "ucx", r#"{"max_tokens_in_buffer":8192}"#).lines();
    assert!(line.contains(r#"'{"cache_transceiver_config":{"backend":"UCX","max_tokens_in_buffer":8192},"disable_overlap_scheduler":true}' > /tmp/trtllm.yaml"#), "{line}");
    assert!(
        line.contains("exec trtllm-serve org/model") && line.ends_with("--config /tmp/trtllm.yaml"),
        "{line}"
    );
}

#[test]
fn sglang_counts_its_own_way() {
    let of = |at: &str, shape, nodes| case(EngineKind::Sglang, at, shape, nodes).lines();
    let (leader, worker) = of("0.5.23", (1, 1, 16, true), 2);
    assert!(
        leader.contains("--host 0.0.0.0 --port 8000 --tp-size 16 --pp-size 1 --attn-dp-size 16 --ep-size 16"),
        "{leader}"
    );
    assert!(
        leader.ends_with("--nnodes 2 --node-rank RANK --dist-init-addr LEADER:20000"),
        "{leader}"
    );
    assert_eq!(leader, worker);
    let (leader, _) = of("0.5.18", (2, 1, 8, true), 2);
    assert!(
        leader.contains("--tp-size 16 --pp-size 1 --dp-size 8 --enable-dp-attention --ep-size 16"),
        "{leader}"
    );
    let (leader, _) = of("0.5.20", (2, 1, 8, true), 2);
    assert!(leader.contains("--enable-dp-attention"), "{leader}");
    let (leader, _) = of("0.5.23", (2, 1, 4, false), 1);
    assert!(leader.contains("--tp-size 2 --pp-size 1 --dp-size 4"), "{leader}");
    let prefill = case(EngineKind::Sglang, "0.5.23", (8, 1, 1, false), 1).kv(Phase::Prefill, "nixl");
    let end = "--disaggregation-mode prefill --disaggregation-transfer-backend nixl --disaggregation-bootstrap-port 7001";
    assert!(prefill.lines().0.ends_with(end), "{}", prefill.lines().0);
    assert_eq!(
        prefill.plan().0.unwrap().bootstrap_port.map(|p| p.value),
        Some(7001)
    );
    assert_eq!(
        case(EngineKind::Sglang, "0.5.23", (8, 1, 1, false), 1)
            .kv(Phase::Prefill, "lmcache")
            .errors(),
        ["INF2030"]
    );
}

#[test]
fn trtllm_is_one_world() {
    let (leader, _) = case(EngineKind::Trtllm, "", (1, 1, 8, true), 1).lines();
    assert!(
        leader
            .contains("--host 0.0.0.0 --port 8000 --tp_size 8 --pp_size 1 --ep_size 8 --enable_attention_dp"),
        "{leader}"
    );
    assert_eq!(
        case(EngineKind::Trtllm, "", (2, 1, 4, true), 1).errors(),
        ["INF2021"]
    );
    let mut several = case(EngineKind::Trtllm, "", (16, 1, 1, false), 2);
    assert_eq!(several.errors(), ["INF2040"]);
    several.ssh = Some(traced("keys".into(), 13));
    let (leader, worker) = several.lines();
    assert!(
        leader.contains("exec mpirun -n 16 -H \"A:8,B:8\"")
            && leader.contains("trtllm-llmapi-launch trtllm-serve org/model"),
        "{leader}"
    );
    assert!(worker.contains("exec /usr/sbin/sshd -D"), "{worker}");
    let plan = several.plan().0.unwrap();
    assert_eq!(plan.secrets.len(), 1);
    for script in [leader, worker] {
        let script = script.strip_prefix("/bin/sh -c ").unwrap();
        let judged = std::process::Command::new("/bin/sh")
            .args(["-n", "-c", script])
            .output()
            .unwrap();
        assert!(
            judged.status.success(),
            "{}\n{script}",
            String::from_utf8_lossy(&judged.stderr)
        );
    }
    let mut both = case(EngineKind::Trtllm, "", (1, 1, 1, false), 1).args("--config mine.yaml");
    both.settings = vec![("dtype", Node::derived("auto", &Id::new(3, 21).into()))];
    assert_eq!(both.errors(), ["INF2041"]);
}

#[test]
fn gpus_must_divide() {
    let mut odd = case(EngineKind::Vllm, "0.33.0", (6, 1, 1, false), 1);
    odd.nodes = traced(4, 6);
    assert_eq!(odd.errors(), ["INF2020"]);
    odd.parallelism.tensor = traced(u32::MAX, 2);
    odd.parallelism.data = traced(u32::MAX, 4);
    assert_eq!(odd.errors(), ["INF2020"]);
    odd.nodes = traced(0, 6);
    assert_eq!(odd.errors(), ["INF2020"]);
}

#[test]
fn arguments_have_the_last_word() {
    let mut typed = case(EngineKind::Vllm, "0.33.0", (2, 1, 1, false), 1)
        .args("--max-model-len 4096 --gpu_memory_utilization=0.5");
    typed.settings = vec![
        ("maxModelLen", Node::derived(8192u32, &Id::new(3, 30).into())),
        ("prefixCaching", Node::derived(true, &Id::new(3, 31).into())),
    ];
    let (plan, ledger) = typed.plan();
    let line = shown(&plan.unwrap().leader);
    assert!(
        !line.contains("8192")
            && line.ends_with("--enable-prefix-caching --max-model-len 4096 --gpu_memory_utilization=0.5"),
        "{line}"
    );
    assert_eq!(
        ledger
            .diagnostics
            .iter()
            .map(|d| (d.code.id, d.severity))
            .collect::<Vec<_>>(),
        [("INF2012", Severity::Warning)]
    );
    assert!(
        ledger
            .waivers
            .iter()
            .any(|w| w.ids.first() == Some(Id::new(3, 30)))
    );
    // A setting that left its flag out is overridden, too.
    let mut absent = case(EngineKind::Sglang, "0.5.23", (1, 1, 1, false), 1).args("--disable-radix-cache");
    absent.settings = vec![("prefixCaching", Node::derived(true, &Id::new(3, 31).into()))];
    assert_eq!(absent.plan().1.diagnostics[0].code.id, "INF2012");
}

#[test]
fn arguments_do_not_change_the_shape() {
    let vllm = |line: &str| {
        case(EngineKind::Vllm, "0.33.0", (2, 1, 1, false), 1)
            .args(line)
            .errors()
    };
    let sglang = |line: &str| {
        case(EngineKind::Sglang, "0.5.23", (2, 1, 1, false), 1)
            .args(line)
            .errors()
    };
    for line in [
        "-tp 4",
        "--tensor_parallel_size=4",
        "--port 9000",
        "--host 127.0.0.1",
        "--nnodes 2",
        "--headless",
        "--data-parallel-size 2",
        "--enable-expert-parallel",
        "--uds /x",
        "--distributed-executor-backend ray",
        "-pcp 2",
    ] {
        assert_eq!(vllm(line), ["INF2013"], "{line}");
    }
    for line in [
        "--tp-size 4",
        "--tp 4",
        "--disaggregation-mode prefill",
        "--ep 2",
        "--attn-dp-size 2",
        "--host localhost",
    ] {
        assert_eq!(sglang(line), ["INF2013"], "{line}");
    }
    for line in [
        "-tp 2",
        "--port 8000",
        "--host ::",
        "--pipeline-parallel-size 1",
        "--nnodes 1",
        "--kv-transfer-config {\"kv_connector\":\"OffloadingConnector\",\"kv_role\":\"kv_both\"}",
    ] {
        assert_eq!(vllm(line), [""; 0], "{line}");
    }
    let prefill = case(EngineKind::Vllm, "0.33.0", (1, 1, 1, false), 1).kv(Phase::Prefill, "nixl");
    assert_eq!(
        prefill.args("--kv-transfer-config.kv_role kv_both").errors(),
        ["INF2013"]
    );
    let mut expert = case(EngineKind::Vllm, "0.33.0", (2, 1, 1, true), 1).args("--no-enable-expert-parallel");
    assert_eq!(expert.errors(), ["INF2013"]);
    expert.args.clear();
    assert_eq!(expert.errors(), [""; 0]);
}

#[test]
fn flags_of_the_user_are_checked() {
    let (_, ledger) = case(EngineKind::Vllm, "0.33.0", (1, 1, 1, false), 1)
        .args("--swap-space 4 --never-was")
        .plan();
    assert_eq!(
        ledger
            .diagnostics
            .iter()
            .map(|d| (d.code.id, d.at))
            .collect::<Vec<_>>(),
        [("INF2004", Some(Id::new(4, 0))), ("INF2001", Some(Id::new(4, 2)))]
    );
}

#[test]
fn dynamo_wraps_engines() {
    for (engine, module) in [
        (EngineKind::Vllm, "dynamo.vllm"),
        (EngineKind::Sglang, "dynamo.sglang"),
        (EngineKind::Trtllm, "dynamo.trtllm"),
    ] {
        for phase in [Phase::Aggregated, Phase::Prefill, Phase::Decode] {
            for nodes in [1, 2] {
                let mut case = case(engine, "1.6.1", (16, 1, 1, false), nodes);
                if phase != Phase::Aggregated {
                    case = case.kv(phase, "nixl");
                }
                case.wrapper = Some(traced(Wrapper::Dynamo, 14));
                case.operator = true;
                let (plan, ledger) = case.plan();
                let plan = plan.unwrap_or_else(|| panic!("{:#?}", ledger.diagnostics));
                let line = shown(&plan.leader);
                assert!(
                    line.contains(module) && !line.contains("--port ") && !line.contains("--nnodes"),
                    "{line}"
                );
                assert!(!plan.leader.serves());
                assert!(!ledger.has_errors(), "{:#?}", ledger.diagnostics);
            }
        }
    }
}

#[test]
fn custom_engines_run_as_written() {
    let mut case = case(EngineKind::Custom, "", (1, 1, 1, false), 1).args("serve --x");
    case.kv = None;
    let (plan, ledger) = case.plan();
    assert_eq!(shown(&plan.unwrap().leader), "serve --x");
    assert!(ledger.diagnostics.is_empty());
}

#[test]
fn an_engine_needs_a_model() {
    let case = case(EngineKind::Sglang, "0.5.23", (1, 1, 1, false), 1);
    let mut ledger = Ledger::new();
    assert!(
        plan(
            &Request {
                model: None,
                ..case.request()
            },
            &mut ledger
        )
        .is_none()
    );
    assert_eq!(ledger.diagnostics[0].code.id, "INF2016");
    let (mut ledger, command) = (Ledger::new(), [Node::from("./start.sh")]);
    let own = plan(
        &Request {
            model: None,
            command: &command,
            ..case.request()
        },
        &mut ledger,
    )
    .unwrap();
    assert!(shown(&own.leader).starts_with("./start.sh --host 0.0.0.0 --port 8000"));
}

#[test]
fn some_flags_need_another() {
    let alone = case(EngineKind::Vllm, "0.33.0", (1, 1, 1, false), 1).args("--enable-auto-tool-choice");
    assert_eq!(alone.errors(), ["INF2014"]);
    let both = case(EngineKind::Vllm, "0.33.0", (1, 1, 1, false), 1)
        .args("--enable-auto-tool-choice --tool-call-parser hermes");
    assert_eq!(both.errors(), [""; 0]);
}

#[test]
fn unknown_versions_are_said_once() {
    let mut case = case(EngineKind::Vllm, "latest", (1, 1, 1, false), 1);
    case.version.ids = Id::new(3, 40).into();
    let mut ledger = Ledger::new();
    for _ in 0..2 {
        assert!(plan(&case.request(), &mut ledger).is_some());
    }
    assert_eq!(
        ledger.diagnostics.iter().map(|d| d.code.id).collect::<Vec<_>>(),
        ["INF2009"]
    );
}

#[test]
fn values_with_a_dash_stay_values() {
    let mut case = case(EngineKind::Vllm, "0.33.0", (1, 1, 1, false), 1);
    case.settings = vec![("chatTemplate", "-x".into())];
    assert!(case.lines().0.ends_with("--chat-template=-x"));
}
