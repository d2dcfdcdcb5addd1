//! What admission refuses of DisaggregatedSets.

use super::{DisaggregatedSet, Placement, Role};
use crate::dialect::lws::codes::{EXTERNAL_SLICES, PLACEMENT, ROLE_BUDGET, ROLE_NAME, ROLE_REPLICAS};
use crate::dialect::lws::read::{EXCLUSIVE, SUBGROUP_EXCLUSIVE};
use crate::kubernetes::int_or_string::{IntOrPercent, Rounding};
use crate::pods::Problem;
use crate::value::{Map, Node};

/// The rule of the schema (CEL) about replicas.
pub fn all_or_none(ds: &DisaggregatedSet, problems: &mut Vec<Problem>) {
    let own: Vec<&Role> = ds.roles.iter().filter(|r| r.external.is_none()).collect();
    let zero = |role: &&&Role| role.set.replicas.value == 0;
    let (zeros, all) = (own.iter().filter(zero).count(), own.len());
    if zeros != 0 && zeros != all {
        let ids = own
            .iter()
            .find(zero)
            .map(|r| r.set.replicas.ids.clone())
            .unwrap_or_default();
        let reason = "`replicas` must be zero for all roles that are not External, or for none of them";
        problems.push(Problem::new(&ROLE_REPLICAS, reason, &ids));
    }
}

/// The rules of the validating webhook (pkg/webhooks/disaggregatedset).
pub fn webhook(ds: &DisaggregatedSet, problems: &mut Vec<Problem>) {
    if let Some(role) = ds
        .roles
        .iter()
        .find(|r| r.external.is_some())
        .filter(|_| ds.slices.value > 1)
    {
        let reason = format!(
            "{} slices are not supported while role `{}` is scaled from outside",
            ds.slices.value, role.name.value
        );
        problems.push(Problem::new(&EXTERNAL_SLICES, reason, &ds.slices.ids));
    }
    for role in &ds.roles {
        let digits = (ds.slices.value - 1).max(0).to_string().len();
        let length = ds.name.value.len() + 3 + digits + 8 + role.name.value.len() + 4;
        if length > 63 {
            let reason = format!(
                "the Services of role `{}` would have names of {length} characters, at most 63 are possible",
                role.name.value
            );
            problems.push(Problem::new(
                &ROLE_NAME,
                reason,
                &ds.name.ids.union(&role.name.ids),
            ));
        }
        role_budget(role, problems);
        placed(ds, role, problems);
    }
    if ds.placement.value != Placement::None && ds.topology.is_none() {
        let reason = "`placementPolicy.topology` is required when slices are placed exclusively";
        problems.push(Problem::new(&PLACEMENT, reason, &ds.placement.ids));
    }
}

fn role_budget(role: &Role, problems: &mut Vec<Problem>) {
    let rollout = &role.set.rollout;
    let unreadable = role
        .unreadable
        .iter()
        .map(|p| Problem::new(&ROLE_BUDGET, p.reason.as_str(), &p.ids));
    problems.extend(unreadable);
    if rollout.partition.value != 0 {
        let reason = "`partition` is not supported: updates are led across the roles";
        problems.push(Problem::new(&ROLE_BUDGET, reason, &rollout.partition.ids));
    }
    let mut sound = true;
    for (name, budget) in [
        ("maxUnavailable", &rollout.max_unavailable),
        ("maxSurge", &rollout.max_surge),
    ] {
        let reason = match budget.value {
            IntOrPercent::Int(n) if n < 0 => format!("`{name}` is {n}, below 0"),
            IntOrPercent::Percent(n) if n > 100 => format!("`{name}` is {n}%, above 100%"),
            _ => continue,
        };
        sound = false;
        problems.push(Problem::new(&ROLE_BUDGET, reason, &budget.ids));
    }
    let replicas = role.set.replicas.value;
    let none = rollout.max_unavailable.value.resolve(replicas, Rounding::Down) == 0
        && rollout.max_surge.value.resolve(replicas, Rounding::Up) == 0;
    if sound && none && replicas > 0 {
        let ids = rollout.max_unavailable.ids.union(&rollout.max_surge.ids);
        let reason = "`maxUnavailable` and `maxSurge` both come to 0: no update could proceed";
        problems.push(Problem::new(&ROLE_BUDGET, reason, &ids));
    }
}

/// Exclusive slices and exclusive groups exclude each other.
fn placed(ds: &DisaggregatedSet, role: &Role, problems: &mut Vec<Problem>) {
    if ds.placement.value == Placement::None {
        return;
    }
    let of_template = |template: &Node| {
        template
            .at(&["metadata", "annotations"])
            .and_then(Node::as_map)
            .cloned()
    };
    let templates = [role.set.leader.as_ref(), Some(&role.set.worker)]
        .into_iter()
        .flatten();
    let maps: Vec<Map> = templates
        .filter_map(of_template)
        .chain([role.set.annotations.clone()])
        .collect();
    for key in [EXCLUSIVE, SUBGROUP_EXCLUSIVE] {
        if let Some(annotation) = maps.iter().find_map(|map| map.get(key)) {
            let reason = format!(
                "role `{}` has the annotation `{key}`, which cannot be combined with `placementPolicy`",
                role.name.value
            );
            problems.push(Problem::new(&PLACEMENT, reason, &annotation.ids));
        }
    }
}
