//! Settings that apply under a condition only: where it does not hold they are named, not lost.

use super::codes::NO_EFFECT;
use super::model::Source;
use super::resolve::{Resolved, unused};
use crate::diagnostic::{Diagnostic, Ledger, Outcome, Severity};
use crate::spec::decode::Decode;
use crate::spec::engine::EngineType;
use crate::spec::model::Model;
use crate::value::{Ids, Node};

fn origins<T: Decode>(value: Option<&T>) -> Ids {
    value.map(Decode::origins).unwrap_or_default()
}

/// Waives what members that the spec writes itself cannot take from the role.
pub fn beside_members(role: &Resolved, ledger: &mut Ledger) {
    for overlay in [&role.leader, &role.worker].into_iter().flatten() {
        let message = "a role that writes its members has no overlay of leader or worker";
        unused(&overlay.origins(), message, ledger);
    }
    let message = "members are whole pod templates, to which settings of engine and hardware do not apply";
    for ids in [
        role.engine.origins(),
        role.probes.origins(),
        origins(role.resources.as_ref()),
        origins(role.shutdown.pre_stop.as_ref()),
    ] {
        unused(&ids, message, ledger);
    }
    hardware(role, message, ledger);
}

/// Waives what a role without an engine that the compiler knows cannot use: it writes its command line itself.
pub fn without_engine(role: &Resolved, model: Option<&Model>, ledger: &mut Ledger) {
    let message = "the compiler knows no flags of this container; say it in `args`";
    unused(&role.engine.origins(), message, ledger);
    unused(&role.probes.origins(), message, ledger);
    unused(&origins(model), message, ledger);
    hardware(role, message, ledger);
    let message = "the role brings no container of its own to which this could apply";
    unused(&origins(role.resources.as_ref()), message, ledger);
    unused(&origins(role.shutdown.pre_stop.as_ref()), message, ledger);
}

/// Says that a container which writes its own command line does not name the place where the model is.
pub fn untold(role: &Resolved, source: &Source, ledger: &mut Ledger) {
    let Some(path) = source.argument.as_ref().filter(|_| role.computes()) else {
        return;
    };
    let words = role.engine.command.iter().chain(&role.engine.args).flatten();
    let mut told = words.filter(|w| w.value.contains(path.value.as_str())).count() > 0;
    for entry in role.engine.env.iter().flat_map(|e| &e.0) {
        let value = entry.0.get("value").and_then(Node::as_str).unwrap_or_default();
        told |= value.contains(path.value.as_str());
    }
    if !told {
        let message = format!(
            "nothing tells the container of role `{}` that its model is `{}`",
            role.name.value, path.value
        );
        let said = Diagnostic::new(&NO_EFFECT, message)
            .severity(Severity::Note)
            .at_ids(&path.ids);
        ledger.report(
            said.outcome(Outcome::Dropped)
                .remedy("name it in `args`, `command` or `env`"),
        );
    }
}

/// Waives what an engine needs in some shapes only.
pub fn beside_engine(role: &Resolved, ledger: &mut Ledger) {
    let engine = &role.engine;
    if role.engine_type.value != EngineType::Vllm {
        let message = "only vLLM has this choice";
        unused(&origins(engine.executor.as_ref()), message, ledger);
        unused(&origins(engine.load_balancing.as_ref()), message, ledger);
    }
    unused(
        &origins(engine.executor.as_ref()),
        "a replica on one node has no executor to choose",
        ledger,
    );
    let message = "only replicas of TensorRT-LLM over several nodes use ssh";
    unused(&origins(engine.ssh_secret.as_ref()), message, ledger);
    let message = "no pod of the role asks for it: it takes claims, or no accelerators";
    unused(&origins(role.accelerator.resource.as_ref()), message, ledger);
    let port = role.kv_transfer.as_ref().and_then(|kv| kv.port.as_ref());
    unused(
        &origins(port),
        "this side of the connector listens on no port of its own",
        ledger,
    );
    if !role.transfers_kv() {
        let message = "only prefill and decode roles hand caches over";
        unused(&origins(role.kv_transfer.as_ref()), message, ledger);
    }
}

fn hardware(role: &Resolved, message: &str, ledger: &mut Ledger) {
    let all = [
        role.accelerator.origins(),
        role.network.origins(),
        role.parallelism.origins(),
        origins(role.shared_memory.as_ref()),
        origins(role.kv_transfer.as_ref()),
        role.nodes.as_ref().map(|n| n.ids.clone()).unwrap_or_default(),
    ];
    for ids in all {
        unused(&ids, message, ledger);
    }
}
