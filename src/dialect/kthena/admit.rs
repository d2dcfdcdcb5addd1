//! What Kthena's webhook refuses of a ModelServing (`pkg/model-serving-controller/webhook/validator.go`), and the CEL rules of
//! its CRD.

use super::codes::{
    GANG_MINIMUM, IMAGE, NAME_TOO_LONG, REPLICAS, ROLE_NAME, ROLLOUT_FORBIDDEN, SERVING_NAME, TOO_MANY_ROLES,
};
use super::options::Platform;
use super::read::{ModelServing, Role};
use crate::kubernetes::container::list;
use crate::kubernetes::int_or_string::{IntOrPercent, Rounding};
use crate::kubernetes::names::{LABEL_MAX, dns_1035_label};
use crate::pods::Problem;
use crate::value::{Ids, Node};

/// The most roles (CRD).
const ROLES: usize = 4;

/// Everything that is refused, beyond types and bounds.
pub fn model_serving(serving: &ModelServing, platform: &Platform) -> Vec<Problem> {
    let mut problems = Vec::new();
    names(serving, &mut problems);
    counts(serving, &mut problems);
    for role in &serving.roles {
        images(role, &mut problems);
    }
    groups_rollout(serving, &mut problems);
    roles_rollout(serving, platform, &mut problems);
    gang(serving, &mut problems);
    recovery(serving, &mut problems);
    problems
}

/// That a list of roles is too long is also said by the schema; here it has its own code.
pub fn roles(serving: &ModelServing) -> Option<Problem> {
    let fifth = serving.roles.get(ROLES)?;
    let reason = format!(
        "{} roles are more than the {ROLES} of a ModelServing",
        serving.roles.len()
    );
    Some(Problem::new(&TOO_MANY_ROLES, reason, &fifth.name.ids))
}

fn names(serving: &ModelServing, problems: &mut Vec<Problem>) {
    let mut said = false;
    for (at, role) in serving.roles.iter().enumerate() {
        let name = &role.name.value;
        if let Err(why) = dns_1035_label(name) {
            let reason = format!("`{name}` cannot be the name of a role: {why}");
            problems.push(Problem::new(&ROLE_NAME, reason, &role.name.ids));
        } else if !said {
            said = generated(serving, role, problems);
        }
        if serving.roles[..at].iter().any(|other| other.name.value == *name) {
            let reason = format!("two roles are called `{name}`");
            problems.push(Problem::new(&ROLE_NAME, reason, &role.name.ids));
        }
    }
}

/// The name that the webhook builds of counts, not of ordinals. Says the first that is wrong.
fn generated(serving: &ModelServing, role: &Role, problems: &mut Vec<Problem>) -> bool {
    let own = serving.name.value.replace("<random:5>", "xxxxx");
    let (groups, replicas, workers) = (serving.replicas.value, role.replicas.value, role.workers.value);
    let name = format!("{own}-{groups}-{}-{replicas}-{workers}", role.name.value);
    if name.len() > LABEL_MAX {
        let over = name.len() - LABEL_MAX;
        let reason = format!(
            "`{name}`, which admission builds of name, role and counts, is too long by {over} characters"
        );
        problems.push(Problem::new(&NAME_TOO_LONG, reason, &serving.name.ids));
        return true;
    }
    // Negative counts are said where they stand.
    let Err(why) = dns_1035_label(&own) else {
        return false;
    };
    let reason = format!("`{own}` cannot be the name of a ModelServing: {why}");
    problems.push(Problem::new(&SERVING_NAME, reason, &serving.name.ids));
    true
}

fn counts(serving: &ModelServing, problems: &mut Vec<Problem>) {
    let mut negative = |what: &str, n: i64, ids: &Ids| {
        if n < 0 {
            problems.push(Problem::new(&REPLICAS, format!("{what} is {n}, below 0"), ids));
        }
    };
    negative("`spec.replicas`", serving.replicas.value, &serving.replicas.ids);
    for role in &serving.roles {
        let name = &role.name.value;
        negative(
            &format!("`replicas` of role `{name}`"),
            role.replicas.value,
            &role.replicas.ids,
        );
        negative(
            &format!("`workerReplicas` of role `{name}`"),
            role.workers.value,
            &role.workers.ids,
        );
    }
    for role in serving
        .roles
        .iter()
        .filter(|r| r.workers.value > 0 && r.worker.is_none())
    {
        let reason = format!("role `{}` has workers and no `workerTemplate`", role.name.value);
        problems.push(Problem::new(&REPLICAS, reason, &role.workers.ids));
    }
}

/// The webhook looks at containers, not at init containers, and at `workerTemplate` also where there are no workers.
fn images(role: &Role, problems: &mut Vec<Problem>) {
    let templates = [Some(&role.entry), role.worker.as_ref()];
    let specs = templates.into_iter().flatten().filter_map(|t| t.get("spec"));
    for image in specs
        .flat_map(|s| list(s, "containers"))
        .filter_map(|c| c.get("image"))
    {
        let text = image.as_str().unwrap_or_default();
        if text.contains(' ') || (!text.is_empty() && text.trim().is_empty()) {
            let reason = format!("the image `{text}` has a blank in it");
            problems.push(Problem::new(&IMAGE, reason, &image.ids));
        }
    }
}

/// A count or percentage as the webhook checks it: its value if it is one.
fn share(node: &Node, what: &str, problems: &mut Vec<Problem>) -> Option<IntOrPercent> {
    let mut refuse = |reason: String| {
        problems.push(Problem::new(
            &ROLLOUT_FORBIDDEN,
            format!("{what} {reason}"),
            &node.ids,
        ));
        None
    };
    match IntOrPercent::from_node(node) {
        Err(why) => refuse(format!("is neither a number nor a percentage: {why}")),
        Ok(IntOrPercent::Int(n)) if n < 0 => refuse(format!("is {n}, below 0")),
        Ok(IntOrPercent::Percent(n)) if n > 100 => refuse(format!("is {n}%, above 100%")),
        Ok(share) => Some(share),
    }
}

fn groups_rollout(serving: &ModelServing, problems: &mut Vec<Problem>) {
    let Some(bounds) = serving
        .rollout
        .as_ref()
        .and_then(|r| r.get("rollingUpdateConfiguration"))
    else {
        return;
    };
    if serving.rolls_roles() {
        let reason = "`rollingUpdateConfiguration` is only allowed with ServingGroupRollingUpdate";
        problems.push(Problem::new(&ROLLOUT_FORBIDDEN, reason, &bounds.ids));
        return;
    }
    if let Some(partition) = bounds.get("partition") {
        share(partition, "`partition`", problems);
    }
    let Some(node) = bounds.get("maxUnavailable") else {
        return;
    };
    let groups = serving.replicas.value;
    let found = share(node, "`maxUnavailable`", problems);
    if found.is_some_and(|n| n.resolve(groups, Rounding::Down) == 0) {
        let reason = format!("`maxUnavailable` comes to 0 of {groups} ServingGroups");
        let ids = if node.ids.is_empty() {
            &bounds.ids
        } else {
            &node.ids
        };
        problems.push(Problem::new(&ROLLOUT_FORBIDDEN, reason, ids));
    }
}

fn roles_rollout(serving: &ModelServing, platform: &Platform, problems: &mut Vec<Problem>) {
    let by_role = serving.rolls_roles();
    for role in &serving.roles {
        let name = &role.name.value;
        let mut refuse = |reason: String, ids: &Ids| {
            let ids = if ids.is_empty() { &role.name.ids } else { ids };
            problems.push(Problem::new(&ROLLOUT_FORBIDDEN, reason, ids));
        };
        if let Some(node) = role.partition.as_ref().filter(|_| !by_role) {
            let reason = format!("`partition` of role `{name}` is only allowed with RoleRollingUpdate");
            refuse(reason, &node.ids);
        }
        if let Some(node) = role
            .max_unavailable
            .as_ref()
            .filter(|_| !by_role && !platform.has_role_partition())
        {
            let reason = format!(
                "`maxUnavailable` of role `{name}` is only allowed with RoleRollingUpdate, up to Kthena 1.0"
            );
            refuse(reason, &node.ids);
        }
        if let Some(node) = &role.partition {
            share(node, &format!("`partition` of role `{name}`"), problems);
        }
        if let Some(node) = role.max_unavailable.as_ref().filter(|_| by_role) {
            role_bound(role, node, problems);
        }
    }
}

fn role_bound(role: &Role, node: &Node, problems: &mut Vec<Problem>) {
    let (name, replicas) = (&role.name.value, role.replicas.value);
    let Some(share) = share(node, &format!("`maxUnavailable` of role `{name}`"), problems) else {
        return;
    };
    let count = share.resolve(replicas, Rounding::Down);
    let reason = match count {
        0 => format!("`maxUnavailable` of role `{name}` comes to 0 of {replicas} replicas"),
        _ if count > replicas => {
            format!("`maxUnavailable` of role `{name}` is {count}, more than its {replicas} replicas")
        }
        _ => return,
    };
    let ids = [&node.ids, &role.replicas.ids, &role.name.ids];
    let ids = ids
        .into_iter()
        .find(|ids| !ids.is_empty())
        .unwrap_or(&role.name.ids);
    problems.push(Problem::new(&ROLLOUT_FORBIDDEN, reason, ids));
}

fn gang(serving: &ModelServing, problems: &mut Vec<Problem>) {
    for (name, minimum) in serving.gang.iter().flatten() {
        let n = minimum.value;
        let role = serving.roles.iter().rfind(|r| r.name.value == *name);
        let reason = match role.map(|r| r.replicas.value) {
            None => format!("`minRoleReplicas` names a role `{name}` that is not there"),
            Some(replicas) if n > replicas => {
                format!("`minRoleReplicas` of role `{name}` is {n}, more than its {replicas} replicas")
            }
            Some(_) if n < 0 => format!("`minRoleReplicas` of role `{name}` is {n}, below 0"),
            Some(_) => continue,
        };
        problems.push(Problem::new(&GANG_MINIMUM, reason, &minimum.ids));
    }
}

fn recovery(serving: &ModelServing, problems: &mut Vec<Problem>) {
    if serving.recovery.value == "ServingGroupRecreate" && serving.rolls_roles() {
        let reason = "`recoveryPolicy: ServingGroupRecreate` is not allowed with RoleRollingUpdate";
        problems.push(Problem::new(&ROLLOUT_FORBIDDEN, reason, &serving.recovery.ids));
    }
}
