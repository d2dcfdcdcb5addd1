//! Pod templates completed by what a target has no field for.

use crate::ir::{ROLE_LABEL, Role, SERVING_LABEL, Serving, Topology};
use crate::spec::policy::{Scope, Strictness};
use crate::value::{Ids, Map, Node, Piece, Reference, Str, Traced, Value};

/// The image of the containers that wait for another role.
const WAIT_IMAGE: &str = "busybox:1.37.0";

/// The templates of leader and workers: the leader's only if it differs.
pub fn leader_and_worker(templates: Vec<Node>) -> (Option<Node>, Option<Node>) {
    let mut templates = templates.into_iter();
    match (templates.next(), templates.next()) {
        (Some(leader), Some(mut worker)) if leader == worker => {
            worker.absorb(&leader);
            (None, Some(worker))
        }
        (Some(leader), Some(worker)) => (Some(leader), Some(worker)),
        (only, _) => (None, only),
    }
}

/// Whether a topology is one domain for each replica, and no other replica in it.
pub fn exclusive_replica(topology: &Topology) -> bool {
    topology.exclusive.value
        && topology.scope.value == Scope::Replica
        && topology.mode.value == Strictness::Required
}

/// Sets the scheduler of a template that names none.
pub fn default_scheduler(role: &Role, scheduler: &str, template: &mut Node) {
    let ids = role
        .gang
        .as_ref()
        .map_or_else(Ids::none, |g| g.ids.union(&g.scope.ids));
    let spec = template.at_mut(&["spec"]);
    if spec.get("schedulerName").is_none() {
        spec.set("schedulerName", Node::derived(scheduler, &ids));
    }
}

/// Writes limits as requests too where a container has no requests for them: gang schedulers sum up requests only.
pub fn requests_as_limits(template: &mut Node) {
    for list in ["initContainers", "containers"] {
        let Some(Value::Seq(containers)) = template
            .at_mut(&["spec"])
            .map_mut()
            .get_mut(list)
            .map(|c| &mut c.value)
        else {
            continue;
        };
        for container in containers {
            let Some(limits) = container
                .at(&["resources", "limits"])
                .and_then(Node::as_map)
                .cloned()
            else {
                continue;
            };
            let requests = container.at_mut(&["resources", "requests"]).map_mut();
            for (resource, amount) in limits {
                if !requests.contains_key(&resource) {
                    requests.insert(resource, amount);
                }
            }
        }
    }
}

/// Labels that a controller sets on pods and by which copies of one template are told apart.
pub struct Keys<'a> {
    /// Those of the slice, where one object holds all slices.
    pub slice: &'a [&'a str],
    /// Those of the replica.
    pub replica: &'a [&'a str],
}

/// Keeps pods together by affinity: those of a replica (told apart by the label `replica_keys` that the controller sets),
/// of a role or of a slice.
pub fn affinity(
    serving: &Serving,
    role: &Role,
    topology: &Topology,
    slice: Option<u32>,
    replica_keys: &[&str],
    template: &mut Node,
) {
    affinity_by(
        serving,
        role,
        topology,
        slice,
        &Keys {
            slice: &[],
            replica: replica_keys,
        },
        template,
    );
}

/// The same where slices, too, are told apart by labels that the controller sets.
pub fn affinity_by(
    serving: &Serving,
    role: &Role,
    topology: &Topology,
    slice: Option<u32>,
    keys: &Keys<'_>,
    template: &mut Node,
) {
    let Topology {
        key,
        scope,
        mode,
        exclusive,
    } = topology;
    let mut labels = Map::from_iter([(SERVING_LABEL, Node::from(&serving.name))]);
    if scope.value != Scope::Slice {
        labels.insert(ROLE_LABEL, &role.name);
    }
    let own_keys = if scope.value == Scope::Replica {
        keys.replica
    } else {
        keys.slice
    };
    let together = super::sliced(labels, slice);
    let term = |selector: Node, keys: (&str, &[&str])| {
        let mut term = Map::from_iter([("labelSelector", selector)]);
        if !keys.1.is_empty() {
            term.insert(
                keys.0,
                keys.1.iter().map(|k| Node::from(*k)).collect::<Vec<Node>>(),
            );
        }
        term.insert("topologyKey", key);
        Node::derived(term, &scope.ids)
    };
    let selector = Map::from_iter([("matchLabels", together)]).into();
    let near = term(selector, ("matchLabelKeys", own_keys));
    add_term(template, "podAffinity", near, mode.value, &mode.ids);
    if exclusive.value {
        for far in apart(serving, role, scope.value, own_keys, &term) {
            add_term(
                template,
                "podAntiAffinity",
                Node::derived(far, &exclusive.ids),
                mode.value,
                &exclusive.ids,
            );
        }
    } else {
        template.at_mut(&["spec", "affinity"]).decided_by(&exclusive.ids);
    }
}

/// Makes an affinity term of a selector and of the keys by which pods are told apart.
type Term<'a> = &'a dyn Fn(Node, (&str, &[&str])) -> Node;

/// The terms that keep other units of the same scope away: other replicas; other roles, and the same role of other slices;
/// other servings, and other slices.
fn apart(serving: &Serving, role: &Role, scope: Scope, own_keys: &[&str], term: Term<'_>) -> Vec<Node> {
    let not_in = |key: &str, value: Node| {
        Node::from(Map::from_iter([
            ("key", Node::from(key)),
            ("operator", "NotIn".into()),
            ("values", vec![value].into()),
        ]))
    };
    let serving_label = || Map::from_iter([(SERVING_LABEL, Node::from(&serving.name))]);
    let match_labels = |labels: Map| Node::from(Map::from_iter([("matchLabels", labels)]));
    let others = |labels: Map| term(match_labels(labels), ("mismatchLabelKeys", own_keys));
    match scope {
        Scope::Replica => vec![others(serving_label())],
        Scope::Role => {
            let selector = Map::from_iter([
                ("matchLabels", Node::from(serving_label())),
                (
                    "matchExpressions",
                    vec![not_in(ROLE_LABEL, (&role.name).into())].into(),
                ),
            ]);
            let mut terms = vec![term(selector.into(), ("mismatchLabelKeys", &[]))];
            if !own_keys.is_empty() {
                let mut labels = serving_label();
                labels.insert(ROLE_LABEL, &role.name);
                terms.push(others(labels));
            }
            terms
        }
        Scope::Slice => {
            let exists = Map::from_iter([("key", Node::from(SERVING_LABEL)), ("operator", "Exists".into())]);
            let other = not_in(SERVING_LABEL, (&serving.name).into());
            let selector = Map::from_iter([("matchExpressions", Node::from(vec![exists.into(), other]))]);
            let mut terms = vec![term(selector.into(), ("mismatchLabelKeys", &[]))];
            if !own_keys.is_empty() {
                terms.push(others(serving_label()));
            }
            terms
        }
    }
}

/// The places of empty lists and mappings in options, which decide nothing and must still arrive.
pub fn empty_options(options: &Node) -> Ids {
    let mut ids = Ids::none();
    options.walk(&mut |node| match &node.value {
        Value::Map(map) if map.is_empty() => ids.merge(&node.ids),
        Value::Seq(seq) if seq.is_empty() => ids.merge(&node.ids),
        _ => {}
    });
    ids
}

/// Adds a term of `podAffinity` or `podAntiAffinity`; a preferred one at the full weight.
pub fn add_term(template: &mut Node, kind: &str, term: Node, mode: Strictness, ids: &Ids) {
    let (field, term) = match mode {
        Strictness::Required => ("requiredDuringSchedulingIgnoredDuringExecution", term),
        Strictness::Preferred => {
            let weighted = Map::from_iter([("weight", Node::from(100u32)), ("podAffinityTerm", term)]);
            ("preferredDuringSchedulingIgnoredDuringExecution", weighted.into())
        }
    };
    let list = template.at_mut(&["spec", "affinity", kind, field]);
    list.decided_by(ids);
    list.seq_mut().push(term);
}

/// An init container that waits until something listens at `address`. `unless` is a shell test and `||`, or nothing.
pub fn wait_container(awaited: &Traced<Str>, address: Reference, port: u32, unless: &str) -> Node {
    let script = vec![
        Piece::Literal(format!("{unless}until nc -z -w 2 ").into()),
        Piece::Reference(address),
        Piece::Literal(format!(" {port}; do sleep 2; done").into()),
    ];
    let command: Vec<Node> = vec!["/bin/sh".into(), "-c".into(), script.into()];
    let name = awaited.map(|n| Str::from(format!("wait-for-{n}")));
    Map::from_iter([
        ("name", name.node()),
        ("image", WAIT_IMAGE.into()),
        ("command", command.into()),
    ])
    .into()
}

/// Makes a pod wait until the first replica of each role that it depends on listens, by init containers.
pub fn wait_for_dependencies(serving: &Serving, role: &Role, template: &mut Node) {
    let waits: Vec<Node> = role
        .depends_on
        .iter()
        .filter_map(|needed| {
            let port = serving.role(&needed.value)?.engine.port.as_ref()?.value;
            let address = Reference::Address {
                role: needed.value.clone(),
                replica: 0,
                rank: 0,
            };
            Some(wait_container(needed, address, port, ""))
        })
        .collect();
    if !waits.is_empty() {
        let list = template.at_mut(&["spec", "initContainers"]);
        let own = std::mem::take(list.seq_mut());
        list.seq_mut().extend(waits.into_iter().chain(own));
    }
}
