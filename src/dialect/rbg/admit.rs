//! What the webhook of RoleBasedGroup refuses, and what the controller refuses before it does anything.

use super::codes::PARTITION;
use super::read::{Group, Pattern, Role, Workload, has};
use super::verdicts::{DEPRECATED, GANGS, GROUP_NAME, ROLLOUT, TEMPLATE, WORKLOAD, keys};
use crate::kubernetes::int_or_string::{IntOrPercent, Rounding};
use crate::kubernetes::names::dns_label;
use crate::pods::Problem;
use crate::value::{Ids, Node, Str};

/// What the webhook refuses of a group.
pub fn webhook(group: &Group, deprecated_workloads: bool) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Err(error) = dns_label(&group.name.value) {
        let reason = format!("`{}` is not a valid DNS label: {error}", group.name.value);
        problems.push(Problem::new(&GROUP_NAME, reason, &group.name.ids));
    }
    if !deprecated_workloads {
        problems.extend(no_deprecated(&group.roles));
    }
    for role in &group.roles {
        rolling_update(role, &mut problems);
    }
    problems
}

/// What the webhook refuses where deprecated workloads are switched off.
pub fn no_deprecated(roles: &[Role]) -> Vec<Problem> {
    let deprecated = |role: &&Role| {
        matches!(
            role.workload(),
            Workload::StatefulSet | Workload::Deployment | Workload::LeaderWorkerSet
        )
    };
    roles
        .iter()
        .filter(deprecated)
        .map(|role| {
            let reason = format!(
                "role `{}`: workload type \"{}\" is deprecated and not enabled on this cluster",
                role.name.value,
                role.workload_type()
            );
            Problem::new(&DEPRECATED, reason, &role.name.ids)
        })
        .collect()
}

fn rolling_update(role: &Role, problems: &mut Vec<Problem>) {
    let (Some(update), replicas) = (&role.rolling_update, role.replicas.value) else {
        return;
    };
    if replicas == 0 {
        return;
    }
    let mut scaled = |key: &str, rounding, default| match update.get(key).filter(|n| !n.is_null()) {
        None => Some((default, Ids::none())),
        Some(node) => match IntOrPercent::from_node(node) {
            Ok(value) => Some((value.resolve(replicas, rounding), node.ids.clone())),
            Err(error) => {
                let reason = format!("role `{}`: {key}: {error}", role.name.value);
                problems.push(Problem::new(&ROLLOUT, reason, &node.ids));
                None
            }
        },
    };
    let surge = scaled("maxSurge", Rounding::Up, 0);
    let unavailable = scaled("maxUnavailable", Rounding::Down, 1);
    let partition = scaled("partition", Rounding::Up, 0);
    if let (Some((0, _)), Some((0, ids))) = (&surge, &unavailable) {
        let reason = format!(
            "role `{}`: maxSurge and maxUnavailable of {replicas} replicas are both 0",
            role.name.value
        );
        let ids = if ids.is_empty() { &update.ids } else { ids };
        problems.push(Problem::new(&ROLLOUT, reason, ids));
    }
    if let Some((partition, ids)) = partition.filter(|(p, ids)| !ids.is_empty() && *p >= replicas) {
        let reason = format!(
            "role `{}`: partition {partition} must be less than replicas {replicas}",
            role.name.value
        );
        problems.push(Problem::new(&PARTITION, reason, &ids));
    }
}

/// What makes the controller do nothing at all for a group.
pub fn before_anything(group: &Group) -> Vec<Problem> {
    let on = |key| group.annotation(key) == "true";
    if on(keys::GANG) && on(keys::INSTANCE_GANG) {
        let ids = group.annotations.get(keys::INSTANCE_GANG).map(|n| n.ids.clone());
        let reason =
            "group-gang-scheduling and role-instance-gang-scheduling cannot both be \"true\" on a group";
        return vec![Problem::new(&GANGS, reason, &ids.unwrap_or_default())];
    }
    let mut problems = Vec::new();
    for template in &group.templates {
        let containers = template
            .template
            .at(&["spec", "containers"])
            .and_then(Node::as_seq);
        if containers.is_none_or(<[Node]>::is_empty) {
            let reason = format!("role template `{}` has no container", template.name.value);
            problems.push(Problem::new(&TEMPLATE, reason, &template.name.ids));
        }
    }
    if problems.is_empty() {
        let references = group.roles.iter().filter_map(|role| reference(group, role));
        problems.extend(references);
    }
    if problems.is_empty() {
        let unknown = group.roles.iter().filter(|r| r.workload() == Workload::Unknown);
        problems.extend(unknown.map(|role| {
            let reason = format!(
                "role `{}`: unsupported workload type: {}",
                role.name.value,
                role.workload_type()
            );
            let ids = role.annotations.get(keys::WORKLOAD_TYPE).map(|n| n.ids.clone());
            Problem::new(
                &WORKLOAD,
                reason,
                &ids.filter(|i| !i.is_empty())
                    .unwrap_or_else(|| role.name.ids.clone()),
            )
        }));
    }
    problems
}

fn reference(group: &Group, role: &Role) -> Option<Problem> {
    let (name, patch) = role.source()?.reference.as_ref()?;
    let kind = role.workload_type().rsplit('/').next().unwrap_or_default();
    let problem = |reason: String| Some(Problem::new(&TEMPLATE, reason, &name.ids));
    let role_name = &role.name.value;
    if ["InstanceSet", "LeaderWorkerSet"].contains(&kind) {
        return problem(format!(
            "role `{role_name}`: templateRef is not supported for {kind} workloads"
        ));
    }
    if !group.templates.iter().any(|t| t.name.value == name.value) {
        return problem(format!(
            "role `{role_name}`: template \"{}\" not found in spec.roleTemplates",
            name.value
        ));
    }
    if patch.is_none() {
        return problem(format!(
            "role `{role_name}`: templateRef has no patch; `patch: {{}}` if nothing is to change"
        ));
    }
    None
}

/// Fields of v1alpha1 right on a role that has no pattern.
pub fn old_fields(role: &Role) -> Option<Str> {
    let old = [
        "template",
        "templateRef",
        "leaderWorkerSet",
        "components",
        "workload",
    ];
    let found: Vec<&str> = match role.pattern {
        Pattern::None => old.into_iter().filter(|key| has(&role.node, key)).collect(),
        _ => Vec::new(),
    };
    (!found.is_empty()).then(|| found.join(", ").into())
}
