//! Command lines: from a role of the spec to what runs in the containers of its pods.

use super::request::{Plan, Request};
use super::version::Version;
use super::{EngineKind, codes, custom, sglang, trtllm, vllm};
use crate::diagnostic::{Diagnostic, Ledger};

/// The command lines of one role. Reports what is wrong with it; `None` if no command line could run.
pub fn plan(request: &Request<'_>, ledger: &mut Ledger) -> Option<Plan> {
    if request.engine != EngineKind::Custom && request.version.release.is_none() {
        note_version(request.version, ledger);
    }
    let engine_needs_model = request.engine != EngineKind::Custom && request.command.is_empty();
    if engine_needs_model && request.model.is_none() {
        let message = format!("{} is not told what to serve", request.engine.name());
        ledger.report(
            Diagnostic::new(&codes::MODEL_MISSING, message)
                .at(request.nodes.ids.first())
                .remedy("set model.uri"),
        );
        return None;
    }
    match request.engine {
        EngineKind::Vllm => vllm::plan(request, ledger),
        EngineKind::Sglang => sglang::plan(request, ledger),
        EngineKind::Trtllm => trtllm::plan(request, ledger),
        EngineKind::Custom => Some(custom::plan(request)),
    }
}

/// Says once for each image that its version is not known.
fn note_version(version: &Version, ledger: &mut Ledger) {
    let at = version.ids.first();
    let known = |d: &Diagnostic| d.code == &codes::VERSION_UNKNOWN && d.at == at;
    if at.is_none() || ledger.diagnostics.iter().any(known) {
        return;
    }
    let message = format!(
        "{} does not tell the version of the engine; the newest known one is assumed",
        version.text
    );
    ledger.report(
        Diagnostic::new(&codes::VERSION_UNKNOWN, message)
            .at(at)
            .remedy("set engine.version"),
    );
}
