//! Options that the webhook refuses, or that the mode does not have.

use super::super::options::{ComponentType, Mode, RoleOptions};
use super::Lowering;
use super::codes::{GROVE_ONLY, REFUSED};
use super::component::Component;
use crate::diagnostic::{Diagnostic, Ledger};
use crate::kubernetes::container::{list, name_of};
use crate::value::{Ids, Node};

/// Checks the options of a graph and of its components.
pub(super) fn check(lowering: &Lowering<'_>, ledger: &mut Ledger) {
    let components = &lowering.components;
    if lowering.mode == Mode::Lws {
        grove_only(lowering, ledger);
    }
    let mut refuse = |message: String, ids: &Ids, component: &Component<'_>| {
        let said = Diagnostic::new(&REFUSED, message).at_ids(ids);
        ledger.report(said.at(ids.first().or(component.role.name.at())));
    };
    for component in components {
        let RoleOptions {
            component_type,
            epp_config,
            frontend_sidecar,
            ..
        } = &component.options;
        let name = &component.role.name.value;
        let kind = component_type.as_ref().map(|k| k.ids.clone()).unwrap_or_default();
        let picks = component.kind.value == ComponentType::Epp;
        match epp_config {
            None if picks => refuse(
                format!("the endpoint picker `{name}` needs `eppConfig`"),
                &kind,
                component,
            ),
            Some(config) if !picks => {
                refuse(
                    format!("`eppConfig` is for endpoint pickers, and `{name}` is none"),
                    &config.all_ids(),
                    component,
                );
            }
            _ => {}
        }
        if picks && (component.role.replicas.value != 1 || component.role.multi_node()) {
            refuse(
                format!("the endpoint picker `{name}` is one pod"),
                &kind,
                component,
            );
        }
        if let Some(sidecar) = frontend_sidecar {
            let spec = component.role.leader().template.get("spec");
            let containers = spec.map(|s| list(s, "containers")).unwrap_or_default();
            if !containers.iter().any(|c| name_of(c) == Some(&sidecar.value)) {
                refuse(
                    format!("`{name}` has no container `{}`", sidecar.value),
                    &sidecar.ids,
                    component,
                );
            }
        }
    }
    let pickers = || components.iter().filter(|c| c.kind.value == ComponentType::Epp);
    if let Some(second) = pickers().nth(1) {
        let ids = second.kind.ids.clone();
        refuse("a graph has at most one endpoint picker".into(), &ids, second);
    }
}

fn grove_only(lowering: &Lowering<'_>, ledger: &mut Ledger) {
    let mut say = |what: &str, ids: Option<Ids>| {
        if let Some(ids) = ids {
            let message = format!("`{what}` is for graphs that Grove runs");
            ledger.report(Diagnostic::new(&GROVE_ONLY, message).at_ids(&ids));
        }
    };
    let node = |n: &Option<Node>| n.as_ref().map(Node::all_ids);
    let options = &lowering.options;
    say("providerOverride", node(&options.provider_override));
    say("topologyConstraint", node(&options.topology_constraint));
    let policy = options
        .kv_transfer_policy
        .as_ref()
        .and_then(|p| p.get("clusterTopologyName"));
    say("kvTransferPolicy.clusterTopologyName", policy.map(Node::all_ids));
    for component in &lowering.components {
        let options = &component.options;
        say(
            "minAvailable",
            options.min_available.as_ref().map(|m| m.ids.clone()),
        );
        say("providerOverride", node(&options.provider_override));
        say("topologyConstraint", node(&options.topology_constraint));
        let of = |path: &[&str]| options.experimental.as_ref().and_then(|e| e.at(path));
        say("experimental.grove", of(&["grove"]).map(Node::all_ids));
        let between = of(&["gpuMemoryService", "mode"]).filter(|m| m.as_str() == Some("InterPod"));
        say("gpuMemoryService.mode: InterPod", between.map(Node::all_ids));
    }
}
