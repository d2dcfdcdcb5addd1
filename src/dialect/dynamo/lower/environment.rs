//! Variables of the main container: which the operator appends, and in which order it puts them; labels that it sets itself.

use super::codes::{ENV_ORDER, RESERVED_ENV, RESERVED_LABEL};
use super::component::Component;
use crate::diagnostic::{Diagnostic, Ledger, Outcome};
use crate::kubernetes::container::{list, name_of};
use crate::spec::engine::EngineType;
use crate::value::Node;

/// Variables that the operator injects, sorted together with the template's own.
const INJECTED: &[&str] = &[
    "DYNAMO_PORT",
    "DYN_COMPONENT",
    "DYN_DISCOVERY_BACKEND",
    "DYN_HTTP_PORT",
    "DYN_NAMESPACE",
    "DYN_NAMESPACE_PREFIX",
    "DYN_NAMESPACE_WORKER_SUFFIX",
    "DYN_PARENT_DGD_K8S_NAME",
    "DYN_PARENT_DGD_K8S_NAMESPACE",
    "DYN_SYSTEM_PORT",
    "POD_NAME",
    "POD_NAMESPACE",
    "POD_UID",
];

/// Labels of pods that the operator sets.
const LABELS: &[&str] = &[
    "nvidia.com/selector",
    "nvidia.com/dynamo-graph-deployment-name",
    "nvidia.com/dynamo-component",
    "nvidia.com/dynamo-component-type",
    "nvidia.com/dynamo-sub-component-type",
    "nvidia.com/dynamo-namespace",
    "nvidia.com/dynamo-worker-hash",
    "nvidia.com/dynamo-component-class",
    "nvidia.com/dynamo-discovery-backend",
    "nvidia.com/dynamo-discovery-enabled",
];

/// Checks the variables of the main container and the labels of the template.
pub(super) fn check(component: &Component<'_>, template: &Node, ledger: &mut Ledger) {
    let main = template
        .at(&["spec", "containers"])
        .and_then(Node::as_seq)
        .and_then(<[Node]>::first);
    let env = main.map(|m| list(m, "env")).unwrap_or_default();
    for entry in env {
        let name = name_of(entry).unwrap_or_default();
        if let Some(why) = appended(component, name) {
            let message = format!(
                "`{}` sets {name}, which the operator appends {why}",
                component.role.name.value
            );
            let said = Diagnostic::new(&RESERVED_ENV, message).at_ids(&entry.all_ids());
            ledger.report(said.remedy("leave it out: the operator's value is the right one"));
        }
        let value = entry.get("value").and_then(Node::as_str).unwrap_or_default();
        for other in expansions(value) {
            let known = env.iter().any(|e| name_of(e) == Some(other)) || INJECTED.contains(&other);
            if known && other >= name {
                let message = format!("{name} refers to {other}, which the operator puts behind it");
                let said = Diagnostic::new(&ENV_ORDER, message).at_ids(&entry.all_ids());
                ledger
                    .report(said.remedy(format!("rename one of them, so that {other} sorts before {name}")));
            }
        }
    }
    let labels = template.at(&["metadata", "labels"]).and_then(Node::as_map);
    for (key, value) in labels
        .into_iter()
        .flatten()
        .filter(|(k, _)| LABELS.contains(&k.as_str()))
    {
        let message = format!("the operator sets the label `{key}` itself");
        let said = Diagnostic::new(&RESERVED_LABEL, message).at_ids(&value.ids);
        ledger.report(said.outcome(Outcome::Dropped));
    }
}

/// When the operator appends a variable without looking whether it is there.
fn appended(component: &Component<'_>, name: &str) -> Option<&'static str> {
    let engine = component.role.engine.engine.as_ref().map(|e| e.value);
    let vllm = engine == Some(EngineType::Vllm);
    let several = component.role.multi_node();
    match name {
        "VLLM_NIXL_SIDE_CHANNEL_HOST" if vllm && several => Some("to vLLM over several nodes"),
        "OMPI_MCA_orte_keep_fqdn_hostnames" if several && engine == Some(EngineType::Trtllm) => {
            Some("to TensorRT-LLM over several nodes")
        }
        "VLLM_CACHE_ROOT" if vllm && component.options.compilation_cache.is_some() => {
            Some("with a `compilationCache`")
        }
        "DYN_VLLM_GMS_SHADOW_MODE" if vllm && component.options.experimental.is_some() => {
            Some("for failover")
        }
        _ => None,
    }
}

/// The names in `$(NAME)` of a value. `$$(` is an escape.
fn expansions(value: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = value;
    while let Some(at) = rest.find('$') {
        let after = &rest[at + 1..];
        if let Some(escaped) = after.strip_prefix('$') {
            rest = escaped;
        } else if let Some((name, behind)) = after.strip_prefix('(').and_then(|a| a.split_once(')')) {
            names.push(name);
            rest = behind;
        } else {
            rest = after;
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::expansions;

    #[test]
    fn finds_what_the_kubelet_expands() {
        assert_eq!(expansions("a$(B)c$(D)"), ["B", "D"]);
        assert_eq!(expansions("$$(B) $C $(D"), [""; 0]);
        assert_eq!(expansions("$$$(B)"), ["B"]);
    }
}
