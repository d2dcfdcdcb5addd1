//! SGLang: the same command line on all nodes, told apart by its rank.

use super::EngineKind;
use super::argv::{Argv, reference_then};
use super::connector::{self, Transfer};
use super::process::{
    address, all_settings, degree, direct, dynamo_cache_events, dynamo_system, endpoints, engine_version,
    finish, http, model, other_engines_options, plan_of, start, still_fine, transfer_port, world, wrapper,
};
use super::request::{Health, Phase, Plan, Process, Request};
use super::settings::{Emission, presence};
use super::table::Presence;
use crate::diagnostic::Ledger;
use crate::value::{Ids, Node, Reference};

/// Where ranks find the leader; the six ports after it are used, too.
const INIT_PORT: u32 = 20000;

pub(super) fn plan(request: &Request<'_>, ledger: &mut Ledger) -> Option<Plan> {
    let before = ledger.diagnostics.len();
    world(request, ledger)?;
    other_engines_options(request, ledger);
    let module = if wrapper(request).is_some() {
        "dynamo.sglang"
    } else {
        "sglang.launch_server"
    };
    let start = start(request, &["python3", "-m", module]);
    let mut out = Emission::default();
    model(request, Some("--model-path"), &mut out, ledger);
    // The default host is reachable from the pod alone.
    address(request, Some("0.0.0.0"), &mut out.argv);
    parallelism(request, &mut out.argv);
    phase(request, &mut out.argv);
    dynamo_cache_events(request, &mut out.argv);
    let transfer = connector::write(request, &mut out, ledger);
    all_settings(request, &mut out, ledger);
    let transfer = transfer?;
    finish(request, &mut out.argv, ledger);
    still_fine(ledger, before).then(|| processes(request, &start, out.argv, &transfer))
}

/// Data-parallel ranks are attention ranks inside the tensor-parallel group, except on one node without expert parallelism,
/// where they are plain copies of the engine.
fn parallelism(request: &Request<'_>, argv: &mut Argv) {
    let p = request.parallelism;
    let nodes = request.nodes.value;
    let attention = p.data.value > 1 && (p.expert.value || nodes > 1);
    let tensor = if attention {
        p.tensor.zip(&p.data, |t, d| t * d)
    } else {
        p.tensor.clone()
    };
    degree(argv, "tensor", "--tp-size", &tensor);
    degree(argv, "pipeline", "--pp-size", &p.pipeline);
    let attn = presence(EngineKind::Sglang, &engine_version(request), "--attn-dp-size");
    match attention {
        true if attn == Presence::Present => degree(argv, "attentionData", "--attn-dp-size", &p.data),
        true => {
            degree(argv, "data", "--dp-size", &p.data);
            argv.of_setting("attentionDataEnabled");
            argv.switch("--enable-dp-attention", &p.data.ids.union(&p.expert.ids));
            argv.of_setting("");
        }
        false => degree(argv, "data", "--dp-size", &p.data),
    }
    argv.of_setting("expertSize");
    match p.expert.value {
        true => argv.value(
            "--ep-size",
            &Node::derived(tensor.value, &tensor.ids.union(&p.expert.ids)),
        ),
        false => argv.leave_out(&p.expert.ids),
    }
    if p.expert.value && engine_version(request).before("0.5.0") {
        argv.switch("--enable-ep-moe", &p.expert.ids);
    }
    argv.of_setting("");
    argv.leave_out(&request.gpus_per_node.ids);
    if nodes > 1 && !request.by_operator {
        argv.of_setting("nodes");
        argv.value("--nnodes", &request.nodes.node());
        argv.of_setting("nodeRank");
        argv.value("--node-rank", &Reference::Rank { times: 1 }.into());
        argv.of_setting("leaderAddress");
        argv.value(
            "--dist-init-addr",
            &reference_then(Reference::Leader, &format!(":{INIT_PORT}").into()),
        );
        argv.of_setting("");
    } else {
        argv.leave_out(&request.nodes.ids);
    }
}

fn phase(request: &Request<'_>, argv: &mut Argv) {
    let mode = match request.phase {
        Phase::Prefill => "prefill",
        Phase::Decode => "decode",
        Phase::Encode => return argv.switch("--encoder-only", &Ids::none()),
        Phase::Aggregated => return,
    };
    argv.of_setting("disaggregationMode");
    argv.value("--disaggregation-mode", &mode.into());
    argv.of_setting("");
}

fn processes(request: &Request<'_>, start: &[Node], argv: Argv, transfer: &Transfer) -> Plan {
    let several = request.nodes.value > 1;
    let mut env = transfer.env.clone();
    let (mut ports, mut health, mut count) = (endpoints(request.port, 1), health(request), 1);
    // Ranks above 0 answer on the same port once they have loaded, with nothing behind it.
    let mut quiet = (
        endpoints(request.port, 1),
        Health {
            liveness: None,
            ..health.clone()
        },
    );
    if wrapper(request).is_some() {
        let (system, more, probes) = dynamo_system(request);
        (ports, health, count) = (system, probes, 0);
        quiet = (Vec::new(), Health::default());
        env.extend(more);
    }
    transfer_port(request, transfer, &mut ports);
    let (command, args) = direct(start, argv);
    let process = |ports, endpoints, health| Process {
        command: command.clone(),
        args: args.clone(),
        env: env.clone(),
        ports,
        endpoints,
        health,
    };
    let worker = several.then(|| process(quiet.0, 0, quiet.1));
    plan_of(process(ports, count, health), worker, transfer, "64Gi")
}

fn health(request: &Request<'_>) -> Health {
    Health {
        startup: http("/health", request.port, 10, 360, 5),
        readiness: http("/health", request.port, 10, 3, 5),
        // /health generates a token, which a loaded engine may be late with.
        liveness: http("/ping", request.port, 10, 6, 5),
    }
}
