//! What a change of a live PodCliqueSet does to its pods (observed on its operator after v0.1.0-alpha.12).

use crate::diff::{Change, Effect, EffectKind, Step, path};
use crate::value::Node;
use std::collections::BTreeSet;

/// Fields that the webhook refuses to change, by the last key that names them.
const SETTLED: &[&str] = &[
    "minAvailable",
    "roleName",
    "startsAfter",
    "cliqueStartupType",
    "topologyConstraint",
    "resourceSharing",
    "resourceClaimTemplates",
    "cliqueNames",
    "schedulerName",
];

/// Pods are compared by labels, annotations and spec of their clique; sizes of cliques and groups are those of the start.
pub(super) fn effects(_old: &Node, new: &Node, changes: &[Change<'_>]) -> Vec<Effect> {
    let mut effects: Vec<Effect> = Vec::new();
    let mut rolled: BTreeSet<String> = BTreeSet::new();
    for change in changes {
        let keys: Vec<&str> = change
            .path
            .iter()
            .map(|s| if let Step::Key(k) = s { k.as_str() } else { "" })
            .collect();
        let place = path(&change.path);
        let within = |name: &str| keys.starts_with(&["spec", "template", name]);
        if keys == ["spec", "replicas"] {
            effects.push(Effect::new(
                EffectKind::Scales,
                "whole replicas of the set are added or removed, the highest index first",
            ));
        } else if keys.iter().any(|k| SETTLED.contains(k)) && keys.starts_with(&["spec", "template"]) {
            effects.push(Effect::new(
                EffectKind::Refused,
                format!("`{place}` cannot be changed: delete the PodCliqueSet first"),
            ));
        } else if (within("cliques") || within("podCliqueScalingGroups")) && keys.len() == 4 {
            effects.push(Effect::new(
                EffectKind::Refused,
                format!("`{place}` cannot be added or removed: delete the PodCliqueSet first"),
            ));
        } else if keys.last() == Some(&"replicas") && (within("cliques") || within("podCliqueScalingGroups"))
        {
            let message = format!(
                "`{place}` is only read when a clique is created: scale the PodClique or PodCliqueScalingGroup itself, \
                 or let an autoscaler do it"
            );
            effects.push(Effect::new(EffectKind::Ignored, message));
        } else if within("cliques") && rolls(&keys) {
            rolled.extend(change.path.get(3).map(|s| s.to_string().replace("name=", "")));
        }
    }
    effects.extend(rollout(new, &rolled));
    effects
}

/// Whether a change inside of a clique is one of what its pods are compared by.
fn rolls(keys: &[&str]) -> bool {
    match keys.get(4..) {
        Some(["spec", "podSpec", ..]) => true,
        Some([first, ..]) => ["labels", "annotations"].contains(first),
        _ => false,
    }
}

fn rollout(new: &Node, cliques: &BTreeSet<String>) -> Option<Effect> {
    if cliques.is_empty() {
        return None;
    }
    let names = cliques.iter().cloned().collect::<Vec<_>>().join(", ");
    if new.at(&["spec", "updateStrategy", "type"]).and_then(Node::as_str) == Some("OnDelete") {
        let message =
            format!("pods of clique {names} stay until they are deleted by hand (updateStrategy OnDelete)");
        return Some(Effect::new(EffectKind::Later, message));
    }
    let groups = new
        .at(&["spec", "template", "podCliqueScalingGroups"])
        .and_then(Node::as_seq)
        .unwrap_or_default();
    let member = |group: &&Node| {
        let members = group
            .get("cliqueNames")
            .and_then(Node::as_seq)
            .unwrap_or_default();
        members
            .iter()
            .filter_map(Node::as_str)
            .any(|n| cliques.contains(n))
    };
    let whole: Vec<&str> = groups
        .iter()
        .filter(member)
        .filter_map(|g| g.get("name")?.as_str())
        .collect();
    let group = match whole.as_slice() {
        [] => String::new(),
        names => format!(
            "; replicas of scaling group {} go whole, one at a time, with all their cliques",
            names.join(", ")
        ),
    };
    let message = format!(
        "pods of clique {names} restart, one replica of the set after the other, without surge{group}"
    );
    Some(Effect::new(EffectKind::Restarts, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::json;
    use crate::diff::compare;

    fn said(old: &str, new: &str) -> Vec<String> {
        let page = |template: &str| {
            json::parse(format!(r#"{{"spec": {{"template": {template}}}}}"#).as_bytes()).unwrap()
        };
        let (old, new) = (page(old), page(new));
        let effects = effects(&old, &new, &compare(&old, &new).changes());
        effects
            .iter()
            .map(|e| format!("{}: {}", e.kind.as_str(), e.message))
            .collect()
    }

    #[test]
    fn what_restarts_and_what_is_refused() {
        let base = r#"{"cliques": [{"name": "w", "spec": {"replicas": 2, "minAvailable": 2, "podSpec": {"a": 1}}}],
            "podCliqueScalingGroups": [{"name": "g", "cliqueNames": ["w"], "replicas": 1}]}"#;
        assert_eq!(
            said(base, &base.replace(r#""a": 1"#, r#""a": 2"#)),
            [
                "restarts: pods of clique w restart, one replica of the set after the other, without surge; replicas of scaling group g \
              go whole, one at a time, with all their cliques"
            ]
        );
        let one = said(base, &base.replace(r#""replicas": 1"#, r#""replicas": 2"#));
        assert!(
            one[0]
                .starts_with("ignored: `spec.template.podCliqueScalingGroups[name=g].replicas` is only read"),
            "{one:?}"
        );
        let one = said(
            base,
            &base.replace(r#""minAvailable": 2"#, r#""minAvailable": 1"#),
        );
        assert!(
            one[0].starts_with("refused: `spec.template.cliques[name=w].spec.minAvailable`"),
            "{one:?}"
        );
        let one = said(
            base,
            &base.replace(r#""name": "w", "spec""#, r#""name": "v", "spec""#),
        );
        assert!(
            one.iter().all(|e| e.starts_with("refused: ")) && one.len() == 2,
            "{one:?}"
        );
    }
}
