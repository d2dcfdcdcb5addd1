//! Command lines of routers.

use super::version;
use crate::diagnostic::Ledger;
use crate::engine::{Backends, KvTransfer, Pool, RouterKind, RouterPlan, RouterRequest, router};
use crate::value::{Id, Node, Piece, Reference, Str, Traced, Value};

fn traced<T>(value: T, at: u32) -> Traced<T> {
    Traced::new(value, Id::new(5, at).into())
}

fn planned(
    kind: RouterKind,
    plain: bool,
    ports: [u32; 2],
    connector: &str,
    args: &[Node],
) -> (Option<RouterPlan>, Ledger) {
    let (version, port, policy) = (
        version(""),
        traced(8000, 0),
        traced(
            Str::from(if kind == RouterKind::Dynamo {
                "round-robin"
            } else {
                "round_robin"
            }),
            1,
        ),
    );
    let (prefill, decode) = (traced(Str::from("prefill"), 2), traced(Str::from("decode"), 3));
    let (first, second, bootstrap) = (traced(ports[0], 4), traced(ports[1], 5), traced(8998, 6));
    let kv = KvTransfer {
        connector: traced(connector.into(), 7),
        port: None,
        options: None,
        devices: Vec::new(),
    };
    let pool = |role, port, bootstrap_port| Pool {
        role,
        port,
        endpoints: 1,
        bootstrap_port,
    };
    let backends = match plain {
        true => Backends::Plain(pool(&decode, &second, None)),
        false => Backends::Disaggregated {
            prefill: pool(&prefill, &first, Some(&bootstrap)),
            decode: pool(&decode, &second, None),
            kv: Some(&kv),
        },
    };
    let request = RouterRequest {
        kind,
        version: &version,
        port: &port,
        policy: Some(&policy),
        backends,
        command: &[],
        args,
        by_operator: false,
    };
    let mut ledger = Ledger::new();
    let plan = router(&request, &mut ledger);
    (plan, ledger)
}

fn shown(plan: &RouterPlan) -> String {
    let script = plan.process.args.as_seq().unwrap().last().unwrap();
    match &script.value {
        Value::Str(s) => s.to_string(),
        Value::Text(pieces) => pieces
            .iter()
            .map(|p| match p {
                Piece::Literal(s) => s.to_string(),
                Piece::Reference(Reference::Selector { role, separator }) => {
                    format!("role={role}{separator}k=v")
                }
                Piece::Reference(Reference::Service { role }) => format!("{role}.svc"),
                Piece::Reference(Reference::Namespace) => "NS".into(),
                Piece::Reference(other) => format!("{other:?}"),
            })
            .collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn gateways_watch_pods() {
    let (plan, ledger) = planned(RouterKind::Sglang, false, [30000, 30000], "mooncake", &[]);
    let plan = plan.unwrap();
    assert!(ledger.diagnostics.is_empty(), "{:?}", ledger.diagnostics);
    assert_eq!(
        shown(&plan),
        "exec python3 -m sglang_router.launch_router --host 0.0.0.0 --port 8000 --prometheus-host 0.0.0.0 --prometheus-port 29000 --policy round_robin \
         --service-discovery --service-discovery-namespace \"NS\" --pd-disaggregation --service-discovery-port 30000 \
         --prefill-selector role=prefill k=v --decode-selector role=decode k=v"
    );
    assert_eq!(
        plan.prefill_annotations,
        [("sglang.ai/bootstrap-port", Node::from("8998"))]
    );
    let ids = plan.process.args.all_ids();
    assert!((0..6).all(|n| ids.iter().any(|i| i == Id::new(5, n))), "{ids:?}");
    let (plan, _) = planned(RouterKind::Vllm, false, [8000, 8000], "nixl", &[]);
    assert!(shown(&plan.unwrap()).contains("exec vllm-router --host 0.0.0.0"));
    let (plan, _) = planned(RouterKind::Vllm, true, [8000, 8000], "nixl", &[]);
    assert!(shown(&plan.unwrap()).ends_with("--service-discovery-port 8000 --selector role=decode k=v"));
}

#[test]
fn orchestrators_know_services() {
    let (plan, ledger) = planned(RouterKind::Trtllm, false, [8000, 8001], "ucx", &[]);
    assert!(ledger.diagnostics.is_empty(), "{:?}", ledger.diagnostics);
    let line = shown(&plan.unwrap());
    assert!(line.contains(r#"\"context_servers\":{\"num_instances\":1,\"urls\":[\"prefill.svc:8000\"],\"router\":{\"type\":\"round_robin\"}}"#), "{line}");
    assert!(
        line.ends_with(
            "exec trtllm-serve disaggregated --config /tmp/disaggregated.yaml --server_start_timeout 3600"
        ),
        "{line}"
    );
    assert_eq!(
        planned(RouterKind::Trtllm, true, [1, 1], "ucx", &[])
            .1
            .diagnostics[0]
            .code
            .id,
        "INF2050"
    );
}

#[test]
fn dynamo_finds_its_workers_itself() {
    let (plan, ledger) = planned(RouterKind::Dynamo, false, [8000, 8001], "nixl", &[]);
    assert_eq!(ledger.diagnostics.len(), 0);
    let plan = plan.unwrap();
    let args: Vec<_> = plan
        .process
        .args
        .as_seq()
        .unwrap()
        .iter()
        .map(|w| w.as_str().unwrap())
        .collect();
    assert_eq!(args, ["--http-port", "8000", "--router-mode", "round-robin"]);
}

#[test]
fn what_cannot_work_is_refused() {
    let said = |kind, ports, connector: &str, args: &[Node]| {
        let (plan, ledger) = planned(kind, false, ports, connector, args);
        (plan.is_some(), ledger.diagnostics.first().map(|d| d.code.id))
    };
    assert_eq!(
        said(RouterKind::Sglang, [1, 2], "nixl", &[]),
        (false, Some("INF2050"))
    );
    assert_eq!(
        said(RouterKind::Vllm, [1, 1], "lmcache", &[]),
        (false, Some("INF2050"))
    );
    assert_eq!(
        said(RouterKind::Vllm, [1, 1], "nixl", &["--polcy".into(), "x".into()]),
        (true, Some("INF2001"))
    );
    // The user's own flag takes the place of the compiler's.
    let (plan, ledger) = planned(
        RouterKind::Sglang,
        false,
        [1, 1],
        "nixl",
        &["--policy".into(), "cache_aware".into()],
    );
    let line = shown(&plan.unwrap());
    assert!(
        ledger.diagnostics.is_empty()
            && line.ends_with("--policy cache_aware")
            && !line.contains("round_robin"),
        "{line}"
    );
}
