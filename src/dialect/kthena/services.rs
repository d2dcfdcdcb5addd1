//! Services beside those that the controller makes.

use super::answers::{ENTRY_LABEL, ROLE_ID_LABEL, ROLE_LABEL, group};
use super::codes::{GATEWAY, NAME_TOO_LONG};
use super::scene::{Names, Scene};
use crate::diagnostic::{Diagnostic, Ledger, Outcome};
use crate::dialect::shared::{self, SLICE_LABEL};
use crate::kubernetes::companion;
use crate::value::{Map, Node, Str, Value};

/// Headless Services of entry pods that others address and that have no workers: the controller makes such Services only for
/// roles with workers. They are the same ones: named like the pod, without ports, and resolving before the pod is ready.
pub fn entries(scene: &Scene<'_>, names: &Names, addressed: &[(Str, u32)]) -> Vec<Node> {
    let serving = scene.serving;
    let of = |number: u32, role: &Str, replica: u32| {
        let name = names.of(role);
        let pod = format!("{}-{number}-{name}-{replica}-0", serving.name.value);
        let selector = Map::from_iter([
            group(serving, number),
            (ROLE_LABEL, name.clone().into()),
            (ROLE_ID_LABEL, format!("{name}-{replica}").into()),
            (ENTRY_LABEL, "true".into()),
        ]);
        companion::service(companion::Service {
            metadata: shared::metadata(serving, serving.name.map(|_| Str::from(pod)), &[], &Map::new()),
            selector,
            ports: Vec::new(),
            service_type: None,
            headless: true,
        })
    };
    let groups = 0..scene.most_groups();
    groups
        .flat_map(|g| addressed.iter().map(move |(role, replica)| (g, role, *replica)))
        .map(|(g, role, r)| of(g, role, r))
        .collect()
}

/// The Services of roles that are addressed as such: one in each ServingGroup.
pub fn roles(scene: &Scene<'_>, ledger: &mut Ledger) -> Vec<Node> {
    let serving = scene.serving;
    let services = match scene.most_groups() {
        0 | 1 => shared::role_services(serving, None, shared::selector),
        groups => (0..groups).flat_map(|g| in_group(scene, g)).collect(),
    };
    for service in &services {
        let name = service
            .at(&["metadata", "name"])
            .and_then(Node::as_str)
            .unwrap_or_default();
        if name.len() > 63 {
            let message = format!(
                "`{name}` is too long for a Service by {} characters",
                name.len() - 63
            );
            ledger.report(Diagnostic::new(&NAME_TOO_LONG, message).at_ids(&serving.name.ids));
        }
    }
    services
}

/// The role Services of one ServingGroup. Its pods have no slice label; they have the group's name.
fn in_group(scene: &Scene<'_>, number: u32) -> Vec<Node> {
    let mut services = shared::role_services(scene.serving, Some(number), shared::selector);
    for service in &mut services {
        if let Value::Map(selector) = &mut service.at_mut(&["spec", "selector"]).value {
            selector.remove(SLICE_LABEL);
            let (label, name) = group(scene.serving, number);
            selector.insert(label, name);
        }
    }
    services
}

/// The Service for clients. Where kthena-router runs with the Gateway API, the ModelRoute is bound to the Gateway instead of a
/// route to the Service.
pub fn front(scene: &Scene<'_>, ledger: &mut Ledger) -> Vec<Node> {
    let mut serving = scene.serving.clone();
    let by_route = super::routing::bound(scene);
    match (&serving.front.gateway, &serving.front.role) {
        (Some(gateway), _) if by_route => {
            for host in &gateway.hostnames {
                let message = format!(
                    "a ModelRoute has no host names: `{}` is a matter of the Gateway's listeners",
                    host.value
                );
                ledger.report(
                    Diagnostic::new(&GATEWAY, message)
                        .at_ids(&host.ids)
                        .outcome(Outcome::Dropped),
                );
            }
            serving.front.gateway = None;
        }
        (Some(gateway), None) => {
            let said = Diagnostic::new(
                &GATEWAY,
                "the Gateway cannot route to prefill and decode by itself",
            );
            let said = said.at_ids(&gateway.name.ids).outcome(Outcome::Dropped);
            ledger.report(said.remedy("say in a Platform that kthena-router runs with the Gateway API: `kthena: {gatewayApi: true}`"));
        }
        _ => {}
    }
    shared::fronts(&serving, shared::selector)
}
