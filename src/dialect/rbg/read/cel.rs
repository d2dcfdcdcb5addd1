//! The rules of the CRDs over several fields (CEL).

use super::super::verdicts::{SCHEMA, keys};
use crate::pods::Problem;
use crate::value::{Ids, Node};

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

/// Whether a mapping has a value of that key.
pub fn has(node: &Node, key: &str) -> bool {
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
        && workload.is_some_and(|w| w != super::ROLE_INSTANCE_SET)
    {
        let ids = selection.map(|s| s.ids.clone()).unwrap_or_default();
        refuse(
            "leaderWorkerPattern.sharedServiceSelection=LeaderOnly is only supported for RoleInstanceSet + leaderWorkerPattern",
            &ids,
        );
    }
}
