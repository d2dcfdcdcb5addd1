//! What a change of a live ModelServing does to its pods (observed on its controller after v1.0.0).

use crate::diff::{Change, Effect, EffectKind, Step, path};
use crate::kubernetes::int_or_string::{IntOrPercent, Rounding};
use crate::value::Node;

/// A revision is made of the roles without their replicas; `gangPolicy` is settled at creation.
pub(super) fn effects(old: &Node, new: &Node, changes: &[Change<'_>]) -> Vec<Effect> {
    let mut effects = Vec::new();
    let places: Vec<String> = changes.iter().map(|c| path(&c.path)).collect();
    if places.iter().any(|p| p.starts_with("spec.template.gangPolicy")) {
        effects.push(gang(old, new));
    }
    let rolled: Vec<&Change<'_>> = changes.iter().filter(|c| rolls(c)).collect();
    if !rolled.is_empty() {
        effects.push(rollout(old, new, &rolled));
    }
    for change in changes {
        effects.extend(scaled(old, new, change));
    }
    let later = ["spec.schedulerName", "spec.plugins"];
    if rolled.is_empty() && places.iter().any(|p| later.iter().any(|l| p.starts_with(l))) {
        effects.push(Effect::new(
            EffectKind::Later,
            "pods that run stay; only those created later have it",
        ));
    }
    effects
}

/// Whether a change is of what a revision is made of.
fn rolls(change: &Change<'_>) -> bool {
    const KEPT: &[&str] = &["replicas", "maxUnavailable", "partition"];
    let keys: Vec<&str> = change
        .path
        .iter()
        .map(|s| if let Step::Key(k) = s { k.as_str() } else { "" })
        .collect();
    keys.starts_with(&["spec", "template", "roles"]) && !keys.get(4).is_some_and(|k| KEPT.contains(k))
}

fn gang(old: &Node, new: &Node) -> Effect {
    let policy = |n: &Node| n.at(&["spec", "template", "gangPolicy"]).is_some();
    match (policy(old), policy(new)) {
        (false, _) => Effect::new(
            EffectKind::Quiet,
            "`gangPolicy` is added: no pod restarts; it can never be changed again",
        ),
        (true, false) => Effect::new(
            EffectKind::Refused,
            "`gangPolicy` cannot be taken away once it is set",
        ),
        (true, true) => Effect::new(
            EffectKind::Refused,
            "`gangPolicy.minRoleReplicas` cannot be changed: delete the ModelServing first",
        ),
    }
}

fn number(object: &Node, place: &[&str]) -> i64 {
    object.at(place).and_then(Node::as_int).unwrap_or(1)
}

fn rollout(old: &Node, new: &Node, rolled: &[&Change<'_>]) -> Effect {
    let strategy = |key: &str| new.at(&["spec", "rolloutStrategy", key]);
    if strategy("type").and_then(Node::as_str) == Some("RoleRollingUpdate") {
        let mut roles: Vec<String> = rolled
            .iter()
            .filter_map(|c| c.path.get(3))
            .map(|s| s.to_string().replace("name=", ""))
            .collect();
        roles.sort();
        roles.dedup();
        let message = format!(
            "instances of role {} restart, in all serving groups at once; other roles stay",
            roles.join(", ")
        );
        return Effect::new(EffectKind::Restarts, message);
    }
    let groups = number(old, &["spec", "replicas"]).min(number(new, &["spec", "replicas"]));
    let of = |key: &str, rounding, default| {
        let node = strategy("rollingUpdateConfiguration").and_then(|c| c.get(key));
        node.and_then(|n| IntOrPercent::from_node(n).ok())
            .map_or(default, |n| n.resolve(groups, rounding))
    };
    let kept = of("partition", Rounding::Up, 0).clamp(0, groups);
    if kept == groups && groups > 0 {
        return Effect::new(
            EffectKind::Later,
            format!("`partition` holds the change back from all {groups} serving groups"),
        );
    }
    let held = if kept > 0 {
        format!("; `partition` keeps the first {kept} as they are")
    } else {
        String::new()
    };
    let message = format!(
        "{} of {groups} serving groups are deleted and made again whole, all roles, the highest ordinal first, {} at a time{held}",
        groups - kept,
        of("maxUnavailable", Rounding::Down, 1).max(1),
    );
    Effect::new(EffectKind::Restarts, message)
}

/// Replicas of serving groups or of a role.
fn scaled(old: &Node, new: &Node, change: &Change<'_>) -> Option<Effect> {
    let Some(Step::Key(last)) = change.path.last() else {
        return None;
    };
    if last != "replicas" {
        return None;
    }
    let (what, from, to) = match change.path.as_slice() {
        [_, _] => (
            "serving groups".to_owned(),
            number(old, &["spec", "replicas"]),
            number(new, &["spec", "replicas"]),
        ),
        [_, _, _, role @ Step::Element(_), _] => {
            let role = role.to_string().replace("name=", "");
            let of = |object: &Node| {
                let roles = object
                    .at(&["spec", "template", "roles"])
                    .and_then(Node::as_seq)
                    .unwrap_or_default();
                let own = roles
                    .iter()
                    .find(|r| r.get("name").and_then(Node::as_str) == Some(&role));
                own.map_or(1, |r| number(r, &["replicas"]))
            };
            (
                format!("instances of role {role} in each serving group"),
                of(old),
                of(new),
            )
        }
        _ => return None,
    };
    let how = if to < from {
        "; the highest ordinals go"
    } else {
        ""
    };
    Some(Effect::new(
        EffectKind::Scales,
        format!("{what}: {from} → {to}, the others stay{how}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::json;
    use crate::diff::compare;

    fn said(old: &str, new: &str) -> Vec<String> {
        let page = |spec: &str| json::parse(format!(r#"{{"spec": {spec}}}"#).as_bytes()).unwrap();
        let (old, new) = (page(old), page(new));
        let effects = effects(&old, &new, &compare(&old, &new).changes());
        effects
            .iter()
            .map(|e| format!("{}: {}", e.kind.as_str(), e.message))
            .collect()
    }

    #[test]
    fn what_restarts_and_what_does_not() {
        let base =
            r#"{"replicas": 3, "template": {"roles": [{"name": "p", "replicas": 1, "workerReplicas": 1}]}}"#;
        assert_eq!(
            said(
                base,
                &base.replace(r#""workerReplicas": 1"#, r#""workerReplicas": 2"#)
            ),
            [
                "restarts: 3 of 3 serving groups are deleted and made again whole, all roles, the highest ordinal first, 1 at a time"
            ]
        );
        let by_role = base.replace(
            r#""template""#,
            r#""rolloutStrategy": {"type": "RoleRollingUpdate"}, "template""#,
        );
        assert_eq!(
            said(
                &by_role,
                &by_role.replace(r#""workerReplicas": 1"#, r#""workerReplicas": 2"#)
            ),
            ["restarts: instances of role p restart, in all serving groups at once; other roles stay"]
        );
        assert_eq!(
            said(base, &base.replace(r#""replicas": 1"#, r#""replicas": 2"#)),
            ["scales: instances of role p in each serving group: 1 → 2, the others stay"]
        );
        assert_eq!(
            said(base, &base.replace(r#""replicas": 3"#, r#""replicas": 2"#)),
            ["scales: serving groups: 3 → 2, the others stay; the highest ordinals go"]
        );
        let gang = |n: u8| {
            base.replace(
                r#""roles""#,
                &format!(r#""gangPolicy": {{"minRoleReplicas": {{"p": {n}}}}}, "roles""#),
            )
        };
        assert_eq!(
            said(&gang(1), &gang(0)),
            ["refused: `gangPolicy.minRoleReplicas` cannot be changed: delete the ModelServing first"]
        );
        assert_eq!(said(base, &gang(1)).len(), 1);
    }
}
