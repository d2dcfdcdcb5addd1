//! Disruption budgets, in numbers of pods: Kubernetes asks the scale of a pod's owner for percentages and for
//! `maxUnavailable`, and a ModelServing's scale counts slices.

use super::codes::BUDGET;
use super::cut;
use super::scene::{Lowered, Scene};
use crate::diagnostic::{Diagnostic, Ledger, Outcome};
use crate::dialect::shared;
use crate::ir::{Disruption, ROLE_LABEL, Role, SERVING_LABEL};
use crate::kubernetes::companion;
use crate::spec::scalar::IntOrPercent;
use crate::value::{Map, Node, Traced};

/// Whether the bound of a role is written as another number than the spec's.
pub fn counted(role: &Role) -> bool {
    let number = |bound: &Option<Traced<IntOrPercent>>| {
        bound
            .as_ref()
            .is_some_and(|b| matches!(b.value, IntOrPercent::Int(_)))
    };
    role.disruption
        .as_ref()
        .is_some_and(|d| !number(&d.min_available))
}

/// The budget of a role, if it asks for one.
pub fn of(scene: &Scene<'_>, lowered: &Lowered<'_>, ledger: &mut Ledger) -> Option<Node> {
    let (serving, role) = (scene.serving, lowered.role);
    let Disruption {
        min_available,
        max_unavailable,
    } = role.disruption.as_ref()?;
    let pods = scene
        .fewest_groups()
        .saturating_mul(cut::fewest_replicas(role))
        .saturating_mul(role.size().value);
    let stay = match (min_available, max_unavailable) {
        (Some(min), _) => min.map(|m| m.of(pods, true)),
        (None, Some(max)) => max.map(|m| pods.saturating_sub(m.of(pods, true))),
        (None, None) => return None,
    };
    if counted(role) {
        let message = format!(
            "the drain bound of `{}` is written as {} of its {pods} pods that must stay",
            role.name.value, stay.value
        );
        ledger.report(
            Diagnostic::new(&BUDGET, message)
                .at_ids(&stay.ids)
                .reason("Kubernetes counts percentages and `maxUnavailable` by the scale of the owner, and a ModelServing's is its slices")
                .remedy("write `minAvailable` as a number, if another one is meant")
                .outcome(Outcome::Emulated),
        );
    }
    let name = shared::role_object_name(serving, role);
    let selector = Map::from_iter([
        (SERVING_LABEL, Node::from(&serving.name)),
        (ROLE_LABEL, (&role.name).into()),
    ]);
    let both = min_available
        .as_ref()
        .and(max_unavailable.as_ref())
        .map(Traced::node);
    let metadata = shared::metadata(serving, &name, &[], &Map::new());
    Some(companion::pod_disruption_budget(
        metadata,
        selector,
        Some(stay.node()),
        both,
    ))
}
