//! A role of a group to a role of the language.

use super::super::options::{Granularity, Stickiness, WorkloadKind};
use super::super::read::{Component, Pattern, Restart, Role, Workload};
use super::super::verdicts::keys;
use super::normal::REMOVED_RESTART;
use super::startup;
use super::templates::{Pair, Templates, lays};
use crate::dialect::lifting::{RoleDraft, phase_of, role_name};
use crate::value::{Ids, Map, Node, Traced, Value};

const RBG: &str = "rbg";

/// The role; `waits` says which others it waits for.
pub fn role(role: &Role, templates: &Templates, waits: Vec<Node>, set: bool) -> RoleDraft {
    let phase = phase_of(&role.name.value, templates.first().unwrap_or(&Node::default()));
    let mut draft = RoleDraft::new(role_name(&role.name.value, &role.name.ids), phase);
    if role.replicas.value >= 0 {
        draft.set(&["replicas"], Some(role.replicas.node()));
    }
    draft.set(&["dependsOn"], some(waits));
    pods(&mut draft, role, templates);
    rollout(&mut draft, role);
    workload(&mut draft, role);
    options(&mut draft, role, set);
    draft
}

/// A value that somebody wrote.
fn written<T: Clone + Into<Node>>(value: &Traced<T>) -> Option<Node> {
    (!value.ids.is_empty()).then(|| value.node())
}

fn some(list: Vec<Node>) -> Option<Node> {
    (!list.is_empty()).then(|| list.into())
}

/// The pods of an instance, and when they restart.
fn pods(draft: &mut RoleDraft, role: &Role, templates: &Templates) {
    match (&role.pattern, templates) {
        (Pattern::LeaderWorker(pattern), Templates::Pair(pair)) => {
            leader_and_workers(draft, &pattern.size, pattern, pair);
            restart(draft, &pattern.restart, pattern.size.value);
        }
        (Pattern::LeaderWorker(pattern), Templates::One(template)) => {
            let size = &pattern.size;
            let several = size.value > 1;
            draft.template(several.then(|| size.node()), template.clone());
            if !several {
                draft.option(RBG, "pattern", Some("leaderWorker"));
            }
            restart(draft, &pattern.restart, size.value);
        }
        (Pattern::Components(pattern), Templates::Components(all)) => {
            components(draft, &pattern.components, all);
            let sizes = pattern.components.iter().map(size);
            restart(draft, &pattern.restart, sizes.fold(0, i64::saturating_add));
        }
        (_, templates) => {
            let template = templates.first().cloned().unwrap_or_else(Node::map);
            draft.template(None::<Node>, template);
        }
    }
    if let Pattern::LeaderWorker(pattern) = &role.pattern {
        let all = pattern.selection.as_ref().filter(|s| s.value == "All");
        draft.option(RBG, "sharedServiceSelection", all.map(Traced::node));
    }
}

fn leader_and_workers(
    draft: &mut RoleDraft,
    size: &Traced<i64>,
    pattern: &super::super::read::LeaderWorker,
    pair: &Pair,
) {
    let patches = [
        ("leader", &pattern.leader_patch, &pair.leader),
        ("worker", &pattern.worker_patch, &pair.worker),
    ];
    if patches
        .iter()
        .all(|(_, patch, whole)| lays(&pair.base, patch.as_ref(), whole))
    {
        draft.template(Some(size.node()), pair.base.clone());
        for (key, patch, _) in patches {
            draft.set(&[key], patch.clone());
        }
        return;
    }
    draft.member("leader", None::<Node>, pair.leader.clone());
    let count = size.map(|n| n - 1).node();
    draft.member("worker", Some(count), pair.worker.clone());
}

/// The pods of a component: the controller needs a number, and makes none for less than one.
fn size(component: &Component) -> i64 {
    component.size.as_ref().map_or(1, |s| s.value.max(0))
}

fn components(draft: &mut RoleDraft, components: &[Component], templates: &[Node]) {
    let there: Vec<(&Component, &Node)> = components
        .iter()
        .zip(templates)
        .filter(|(c, _)| size(c) > 0)
        .collect();
    if there.is_empty() {
        let template = templates.first().cloned().unwrap_or_else(Node::map);
        return draft.template(None::<Node>, template);
    }
    for (component, template) in &there {
        let count = component.size.as_ref().filter(|s| s.value != 1).map(Traced::node);
        let name = role_name(&component.name.value, &component.name.ids);
        draft.member(name, count, (*template).clone());
    }
    let order = startup::order(&there);
    let ordered = order.is_some() && there.len() > 1;
    let fitting = ordered || there.len() > 2 || (there.len() == 2 && size(there[0].0) != 1);
    draft.set(&["startup", "order"], order);
    if !fitting {
        draft.option(RBG, "pattern", Some("customComponents"));
    }
}

/// The language's word for what restarts, unless it is what saying nothing means.
fn restart(draft: &mut RoleDraft, restart: &Restart, pods: i64) {
    let Restart {
        policy,
        base_delay,
        max_delay,
    } = restart;
    let word = match policy.as_ref().map(|p| p.value.as_str()) {
        Some("None") => "pod",
        Some(REMOVED_RESTART) => "slice",
        _ => "replica",
    };
    if word != if pods > 1 { "replica" } else { "pod" } {
        let ids = policy.as_ref().map(|p| p.ids.clone()).unwrap_or_default();
        draft.set(&["restart", "policy"], Some(Node::derived(word, &ids)));
    }
    for (key, delay, default) in [("baseDelay", base_delay, 30), ("maxDelay", max_delay, 600)] {
        let own = written(delay).filter(|_| delay.value >= 0 && delay.value != default);
        draft.set(&["restart", key], own);
    }
}

fn rollout(draft: &mut RoleDraft, role: &Role) {
    let Some(update) = &role.rolling_update else {
        return;
    };
    let field = |key: &str| update.get(key).filter(|n| !n.is_null());
    // A Deployment without bounds has those of Kubernetes, so there the default is written too.
    let deployment = role.workload() == Workload::Deployment;
    for (key, default) in [("maxUnavailable", 1), ("maxSurge", 0)] {
        let own = field(key).filter(|n| is_bound(n));
        let own = own.filter(|n| deployment || n.as_int() != Some(default));
        draft.set(&["rollout", key], own.cloned());
    }
    if deployment && field("maxUnavailable").is_none() {
        draft.set(&["rollout", "maxUnavailable"], Some(1_i64));
    }
    let partition = field("partition").filter(|n| n.as_int().is_some_and(|p| p > 0));
    draft.set(&["rollout", "partition"], partition.cloned());
    let paused = field("paused").filter(|n| n.as_bool() == Some(true));
    draft.set(&["rollout", "paused"], paused.cloned());
    // In place is what happens anyway; whatever is not `RecreatePod` means it.
    let in_place = |kind: &Node| match kind.as_str() {
        Some("RecreatePod") => Some(Node::derived(false, &kind.ids)),
        Some("InPlaceOnly") => Some(Node::derived(true, &kind.ids)),
        _ => None,
    };
    draft.set(&["rollout", "inPlace"], field("type").and_then(in_place));
    let grace = update.at(&["inPlaceUpdateStrategy", "gracePeriodSeconds"]);
    let grace = grace.filter(|g| g.as_int().is_some_and(|g| g >= 0));
    draft.option(RBG, "inPlaceGracePeriod", grace.cloned());
}

fn is_bound(node: &Node) -> bool {
    match &node.value {
        Value::Int(n) => *n >= 0,
        Value::Str(s) => s.strip_suffix('%').is_some_and(|n| n.parse::<u32>().is_ok()),
        _ => false,
    }
}

/// What the role becomes, if the role says so.
fn workload(draft: &mut RoleDraft, role: &Role) {
    let Some(written) = role.annotations.get(keys::WORKLOAD_TYPE) else {
        return;
    };
    let kinds = [
        WorkloadKind::RoleInstanceSet,
        WorkloadKind::StatefulSet,
        WorkloadKind::Deployment,
        WorkloadKind::LeaderWorkerSet,
    ];
    let kind = kinds
        .into_iter()
        .find(|k| written.as_str() == Some(k.annotation()));
    let kind = kind.map(|kind| Node::derived(kind.as_str(), &written.ids));
    draft.option(RBG, "workload", kind);
}

fn options(draft: &mut RoleDraft, role: &Role, set: bool) {
    let Role {
        name: _,
        replicas: _,
        labels,
        annotations,
        dependencies: _,
        pattern: _,
        service_ports,
        runtimes,
        scaling_adapter,
        min_ready_seconds,
        pod_management_policy,
        rolling_update: _,
        node,
    } = role;
    let ready = written(min_ready_seconds).filter(|_| min_ready_seconds.value > 0);
    draft.option(RBG, "minReady", ready);
    let ordered = Some(pod_management_policy).filter(|p| p.value == "OrderedReady");
    draft.option(RBG, "podManagementPolicy", ordered.map(Traced::node));
    draft.option(RBG, "servicePorts", some(service_ports.clone()));
    draft.option(RBG, "engineRuntimes", some(runtimes.clone()));
    draft.option(RBG, "labels", not_empty(labels.clone()));
    self::annotations(draft, annotations);
    if let Some(labels) = scaling_adapter.as_ref().filter(|_| !set) {
        let enable = node.at(&["scalingAdapter", "enable"]).cloned();
        let mut adapter = Map::from_iter([("enable", enable.unwrap_or_else(|| true.into()))]);
        adapter.insert_some("labels", not_empty(labels.clone()));
        draft.option(RBG, "scalingAdapter", Some(adapter));
    }
}

fn not_empty(map: Map) -> Option<Node> {
    (!map.is_empty()).then(|| map.into())
}

/// Annotations that are options, and the others.
fn annotations(draft: &mut RoleDraft, all: &Map) {
    let mut rest = all.clone();
    rest.remove(keys::WORKLOAD_TYPE);
    let text = |key: &str| all.get(key).and_then(Node::as_str);
    if text(keys::INSTANCE_PATTERN).is_some_and(|p| ["Stateful", "Stateless"].contains(&p)) {
        draft.option(RBG, "instancePattern", rest.remove(keys::INSTANCE_PATTERN));
    }
    if let Some(gang) = text(keys::INSTANCE_GANG).filter(|g| ["true", "false"].contains(g)) {
        let ids = rest
            .remove(keys::INSTANCE_GANG)
            .map(|n| n.ids)
            .unwrap_or_default();
        draft.option(
            RBG,
            "instanceGangScheduling",
            Some(Node::derived(gang == "true", &ids)),
        );
    }
    if let Some(sticky) = sticky(all) {
        for key in [keys::IN_PLACE, keys::IN_PLACE_GRANULARITY, keys::IN_PLACE_AVOID] {
            rest.remove(key);
        }
        draft.option(RBG, "inPlaceScheduling", Some(sticky));
    }
    draft.option(RBG, "annotations", not_empty(rest));
}

/// In-place scheduling, if its annotations hold words of the API.
fn sticky(all: &Map) -> Option<Map> {
    let text = |key: &str| all.get(key).and_then(Node::as_str);
    let mode = all
        .get(keys::IN_PLACE)
        .filter(|m| m.as_str().is_some_and(|m| Stickiness::from_word(m).is_some()))?;
    let mut map = Map::from_iter([("mode", mode.clone())]);
    if let Some(granularity) = text(keys::IN_PLACE_GRANULARITY) {
        Granularity::from_word(granularity)?;
        map.insert_some("granularity", all.get(keys::IN_PLACE_GRANULARITY).cloned());
    }
    if let Some(avoid) = text(keys::IN_PLACE_AVOID) {
        let ids = all
            .get(keys::IN_PLACE_AVOID)
            .map_or_else(Ids::none, |n| n.ids.clone());
        let wanted: Vec<Node> = avoid.split(',').map(|key| Node::derived(key, &ids)).collect();
        if avoid.split(',').any(|key| key.trim() != key || key.is_empty()) {
            return None;
        }
        map.insert("avoid", wanted);
    }
    Some(map)
}
