//! What the admission of RoleBasedGroup refuses beyond types, and what the controller refuses before it does anything.

use super::codes::PARTITION;
use super::read::{Group, Pattern, Role, Workload};
use super::verdicts::{DEPRECATED, GANGS, GROUP_NAME, ROLLOUT, SCHEMA, TEMPLATE, WORKLOAD, keys};
use crate::kubernetes::int_or_string::{IntOrPercent, Rounding};
use crate::kubernetes::names::dns_label;
use crate::pods::Problem;
use crate::value::{Ids, Node, Str};

/// The rules of the CRD over several fields (CEL), on `spec` of a group of one version.
pub fn rules(spec: Option<&Node>, old: bool, problems: &mut Vec<Problem>) {
    let roles = spec.and_then(|s| s.get("roles")).and_then(Node::as_seq);
    for (n, role) in roles.unwrap_or_default().iter().enumerate() {
        let mut refuse = |rule: &str, ids: &Ids| {
            problems.push(Problem::new(&SCHEMA, format!("spec.roles[{n}]: {rule}"), ids));
        };
        if old {
            old_role(role, &mut refuse);
        } else {
            self::role(role, &mut refuse);
        }
    }
}

fn has(node: &Node, key: &str) -> bool {
    node.get(key).is_some_and(|n| !n.is_null())
}

fn old_role(role: &Node, refuse: &mut dyn FnMut(&str, &Ids)) {
    let kind = role
        .at(&["workload", "kind"])
        .and_then(Node::as_str)
        .unwrap_or("StatefulSet");
    let (template, reference) = (has(role, "template"), has(role, "templateRef"));
    if reference && ["InstanceSet", "LeaderWorkerSet"].contains(&kind) {
        refuse(
            &format!("templateRef is not supported for {kind} workloads"),
            &role.ids,
        );
    }
    if template && reference {
        refuse("template and templateRef are mutually exclusive", &role.ids);
    } else if !template && !reference && kind != "InstanceSet" {
        refuse(
            "template or templateRef must be set for non-InstanceSet workloads",
            &role.ids,
        );
    }
}

fn role(role: &Node, refuse: &mut dyn FnMut(&str, &Ids)) {
    if has(role, "standalonePattern") && has(role, "leaderWorkerPattern") {
        refuse(
            "standalonePattern and leaderWorkerPattern are mutually exclusive",
            &role.ids,
        );
    }
    for key in ["standalonePattern", "leaderWorkerPattern"] {
        if let Some(pattern) = role
            .get(key)
            .filter(|p| has(p, "template") && has(p, "templateRef"))
        {
            let rule = format!("{key}: template and templateRef are mutually exclusive");
            refuse(&rule, &pattern.ids);
        }
    }
    for key in ["leaderWorkerPattern", "customComponentsPattern"] {
        let Some(config) = role.at(&[key, "restartPolicyConfig"]) else {
            continue;
        };
        let seconds = |field: &str, default| config.get(field).and_then(Node::as_int).unwrap_or(default);
        if config.as_map().is_some() && seconds("maxDelaySeconds", 600) < seconds("baseDelaySeconds", 30) {
            let rule = format!(
                "{key}.restartPolicyConfig: maxDelaySeconds (default 600) must be greater than or equal to baseDelaySeconds"
            );
            refuse(&rule, &config.ids);
        }
    }
    let selection = role.at(&["leaderWorkerPattern", "sharedServiceSelection"]);
    let workload = role
        .at(&["annotations", keys::WORKLOAD_TYPE])
        .and_then(Node::as_str);
    if selection.and_then(Node::as_str) == Some("LeaderOnly")
        && workload.is_some_and(|w| w != super::read::ROLE_INSTANCE_SET)
    {
        let ids = selection.map(|s| s.ids.clone()).unwrap_or_default();
        refuse(
            "leaderWorkerPattern.sharedServiceSelection=LeaderOnly is only supported for RoleInstanceSet + leaderWorkerPattern",
            &ids,
        );
    }
}

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
