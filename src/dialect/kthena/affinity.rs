//! Topology by affinity. The labels of the controller tell units apart, so that one term does for all of them: a ServingGroup
//! has its name, a replica is told by `<role>-<replica>` within its group
//! (upstream `examples/kube-scheduler-pod-affinity`).

use super::answers::{GROUP_LABEL, NAME_LABEL, ROLE_ID_LABEL, ROLE_LABEL};
use crate::dialect::shared::add_term;
use crate::ir::{Role, Serving, Topology};
use crate::spec::policy::Scope;
use crate::value::{Ids, Map, Node};

/// Keeps the pods of a template together, and other units of the same scope away if the domain is exclusive.
pub fn place(serving: &Serving, role: &Role, topology: &Topology, template: &mut Node) {
    let Topology {
        key,
        scope,
        mode,
        exclusive,
    } = topology;
    let name = Map::from_iter([(NAME_LABEL, Node::from(&serving.name))]);
    let own = |keys: &[&str], other: &[&str]| {
        let mut term = Map::from_iter([(
            "labelSelector",
            Node::from(Map::from_iter([("matchLabels", name.clone())])),
        )]);
        term.insert_some("matchLabelKeys", list(keys));
        term.insert_some("mismatchLabelKeys", list(other));
        term.insert("topologyKey", key);
        Node::derived(term, &scope.ids)
    };
    let unit: &[&str] = match scope.value {
        Scope::Replica => &[GROUP_LABEL, ROLE_ID_LABEL],
        Scope::Role => &[GROUP_LABEL, ROLE_LABEL],
        Scope::Slice => &[GROUP_LABEL],
    };
    if scope.value != Scope::Replica || role.multi_node() {
        add_term(template, "podAffinity", own(unit, &[]), mode.value, &mode.ids);
    }
    template.at_mut(&["spec", "affinity"]).decided_by(&exclusive.ids);
    if !exclusive.value {
        return;
    }
    // Two terms, since one would keep away only those who differ in both labels.
    let away = match unit {
        [group, within] => vec![own(&[], &[group]), own(&[group], &[within])],
        _ => vec![of_all(&key.node(), &scope.ids)],
    };
    for term in away {
        add_term(
            template,
            "podAntiAffinity",
            Node::derived(term, &exclusive.ids),
            mode.value,
            &mode.ids,
        );
    }
}

/// All other ServingGroups of the namespace.
fn of_all(key: &Node, ids: &Ids) -> Node {
    let exists = Map::from_iter([("key", Node::from(NAME_LABEL)), ("operator", "Exists".into())]);
    let selector = Map::from_iter([("matchExpressions", Node::from(vec![Node::from(exists)]))]);
    let mut term = Map::from_iter([("labelSelector", Node::from(selector))]);
    term.insert_some("mismatchLabelKeys", list(&[GROUP_LABEL]));
    term.insert("topologyKey", key.clone());
    Node::derived(term, ids)
}

fn list(keys: &[&str]) -> Option<Node> {
    (!keys.is_empty()).then(|| keys.iter().map(|k| Node::from(*k)).collect::<Vec<Node>>().into())
}
