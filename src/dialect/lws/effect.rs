//! What a change of a live LeaderWorkerSet does to its groups (v0.10: `leaderworkerset_controller.go`, `pkg/utils/revision`).

use crate::diff::{Change, Effect, EffectKind, path};
use crate::kubernetes::int_or_string::{IntOrPercent, Rounding};
use crate::value::Node;

/// A revision is made of `networkConfig` and `leaderWorkerTemplate`; nothing else restarts a group.
pub(super) fn effects(old: &Node, new: &Node, changes: &[Change<'_>]) -> Vec<Effect> {
    let places: Vec<String> = changes.iter().map(|c| path(&c.path)).collect();
    let changed = |prefix: &str| {
        places.iter().any(|p| {
            p == prefix || p.starts_with(&format!("{prefix}.")) || p.starts_with(&format!("{prefix}["))
        })
    };
    let mut effects = Vec::new();
    let (from, to) = (replicas(old), replicas(new));
    if changed("spec.leaderWorkerTemplate.subGroupPolicy") && old.at(SUB_GROUP).is_some() {
        let message = "`subGroupPolicy.subGroupSize` cannot be changed: the webhook refuses it; delete the LeaderWorkerSet first";
        effects.push(Effect::new(EffectKind::Refused, message));
    }
    if changed("spec.leaderWorkerTemplate") || changed("spec.networkConfig") {
        effects.push(rollout(new, from.min(to)));
    }
    if from != to {
        let message = match to > from {
            true => format!("{} groups are added: {from} → {to}", to - from),
            false => format!(
                "the {} groups of the highest index are removed: {from} → {to}",
                from - to
            ),
        };
        effects.push(Effect::new(EffectKind::Scales, message));
    }
    if effects.is_empty() && (changed("spec.rolloutStrategy") || changed("spec.startupPolicy")) {
        effects.push(Effect::new(
            EffectKind::Later,
            "no group restarts; it holds from the next rollout on",
        ));
    }
    effects
}

const SUB_GROUP: &[&str] = &["spec", "leaderWorkerTemplate", "subGroupPolicy", "subGroupSize"];

fn replicas(object: &Node) -> i64 {
    object
        .at(&["spec", "replicas"])
        .and_then(Node::as_int)
        .unwrap_or(1)
}

fn rollout(new: &Node, groups: i64) -> Effect {
    let size = new
        .at(&["spec", "leaderWorkerTemplate", "size"])
        .and_then(Node::as_int)
        .unwrap_or(1);
    let of = |key: &str| new.at(&["spec", "rolloutStrategy", "rollingUpdateConfiguration", key]);
    let count = |key: &str, rounding, default| {
        of(key)
            .and_then(|n| IntOrPercent::from_node(n).ok())
            .map_or(default, |n| n.resolve(groups, rounding))
    };
    let kept = of("partition")
        .and_then(Node::as_int)
        .unwrap_or(0)
        .clamp(0, groups);
    let (step, surge) = (
        count("maxUnavailable", Rounding::Down, 1),
        count("maxSurge", Rounding::Up, 0),
    );
    let rolled = groups - kept;
    if rolled == 0 {
        let message = format!("`partition` {kept} holds the change back from all {groups} groups");
        return Effect::new(EffectKind::Later, message);
    }
    let pods = |groups: i64| match size {
        1 => String::new(),
        size => format!(" ({} pods)", groups.saturating_mul(size)),
    };
    let surged = if surge > 0 {
        format!(", with up to {surge} more meanwhile")
    } else {
        String::new()
    };
    let held = if kept > 0 {
        format!("; `partition` keeps the first {kept} as they are")
    } else {
        String::new()
    };
    let message = format!(
        "{rolled} of {groups} groups{} restart whole, the highest index first, {} at a time{surged}{held}",
        pods(rolled),
        step.max(if surge > 0 { 0 } else { 1 }) + surge,
    );
    Effect::new(EffectKind::Restarts, message)
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
        let base = r#"{"replicas": 4, "leaderWorkerTemplate": {"size": 2}}"#;
        assert_eq!(
            said(base, r#"{"replicas": 4, "leaderWorkerTemplate": {"size": 3}}"#),
            ["restarts: 4 of 4 groups (12 pods) restart whole, the highest index first, 1 at a time"]
        );
        assert_eq!(
            said(base, r#"{"replicas": 6, "leaderWorkerTemplate": {"size": 2}}"#),
            ["scales: 2 groups are added: 4 → 6"]
        );
        assert_eq!(
            said(
                r#"{"replicas": 4, "leaderWorkerTemplate": {"size": 1, "a": 1}}"#,
                r#"{"replicas": 2, "leaderWorkerTemplate": {"size": 1, "a": 2},
                    "rolloutStrategy": {"rollingUpdateConfiguration": {"partition": 1, "maxUnavailable": 1, "maxSurge": "50%"}}}"#
            ),
            [
                "restarts: 1 of 2 groups restart whole, the highest index first, 2 at a time, with up to 1 more meanwhile; \
                 `partition` keeps the first 1 as they are",
                "scales: the 2 groups of the highest index are removed: 4 → 2"
            ]
        );
        assert_eq!(
            said(
                base,
                r#"{"replicas": 4, "leaderWorkerTemplate": {"size": 2}, "startupPolicy": "LeaderReady"}"#
            ),
            ["later: no group restarts; it holds from the next rollout on"]
        );
    }
}
