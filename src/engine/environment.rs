//! Environment variables that do not do what they seem to.

use super::EngineKind;
use super::codes;
use super::version::Version;
use crate::diagnostic::{Diagnostic, Ledger};
use crate::value::Node;

/// A variable that a version of an engine does not read.
struct Dead {
    engine: EngineKind,
    name: &'static str,
    /// First version that was read and does not know it, if an older one does.
    since: Option<&'static str>,
    remedy: &'static str,
}

const DEAD: [Dead; 3] = [
    Dead {
        engine: EngineKind::Vllm,
        name: "VLLM_ALL2ALL_BACKEND",
        since: Some("0.33.0"),
        remedy: "use the setting all2allBackend",
    },
    Dead {
        engine: EngineKind::Vllm,
        name: "VLLM_ATTENTION_BACKEND",
        since: Some("0.33.0"),
        remedy: "use the setting attentionBackend",
    },
    Dead {
        engine: EngineKind::Sglang,
        name: "SGLANG_NIXL_SIDE_CHANNEL_HOST",
        since: None,
        remedy: "leave it out",
    },
];

/// Checks the variables of an engine's container, each a mapping with `name`.
pub fn check_environment(engine: EngineKind, version: &Version, env: &[Node], ledger: &mut Ledger) {
    for entry in env {
        let Some(name) = entry.get("name") else { continue };
        let Some(text) = name.as_str() else { continue };
        let gone = |d: &&Dead| {
            d.engine == engine
                && d.name == text
                && d.since
                    .is_none_or(|v| version.release.is_some() && version.at_least(v))
        };
        if let Some(dead) = DEAD.iter().find(gone) {
            let message = format!("{} {version} does not read {text}", engine.name());
            let said = Diagnostic::new(&codes::VARIABLE, message)
                .at(name.ids.first())
                .remedy(dead.remedy);
            ledger.report(said);
        }
        let value = entry.get("value").and_then(Node::as_str).unwrap_or_default();
        if engine == EngineKind::Vllm && text == "VLLM_PORT" && value.contains("://") {
            let message = "vLLM refuses a URL in VLLM_PORT, which is what a Service named vllm would inject";
            ledger.report(
                Diagnostic::new(&codes::VARIABLE, message)
                    .at(name.ids.first())
                    .remedy("leave it out"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::request::variable;
    use crate::value::Ids;

    #[test]
    fn dead_variables_are_named() {
        let said = |engine, at: &str, name: &str| {
            let mut ledger = Ledger::new();
            let env = [variable(name, "x://y".into())];
            check_environment(engine, &Version::of_text(at, &Ids::none()), &env, &mut ledger);
            ledger.diagnostics.len()
        };
        assert_eq!(said(EngineKind::Vllm, "0.33.0", "VLLM_ATTENTION_BACKEND"), 1);
        assert_eq!(said(EngineKind::Vllm, "0.12.0", "VLLM_ATTENTION_BACKEND"), 0);
        assert_eq!(said(EngineKind::Vllm, "", "VLLM_ATTENTION_BACKEND"), 0);
        assert_eq!(said(EngineKind::Vllm, "", "VLLM_PORT"), 1);
        assert_eq!(said(EngineKind::Sglang, "", "SGLANG_NIXL_SIDE_CHANNEL_HOST"), 1);
    }
}
