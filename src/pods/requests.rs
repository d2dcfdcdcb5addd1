//! What a pod asks of the scheduler: k8s.io/component-helpers resource.PodRequests.

use crate::kubernetes::quantity::Quantity;
use crate::value::{Map, Node, Str};
use std::collections::BTreeMap;

/// Amounts by resource.
pub type Requests = BTreeMap<Str, Quantity>;

/// The requests of a PodSpec as written: limits without requests do not count, because only the API server's defaults make
/// requests of them.
pub fn pod(spec: &Node) -> Requests {
    let list = |key: &str| spec.get(key).and_then(Node::as_seq).unwrap_or_default();
    let mut all = Requests::new();
    list("containers")
        .iter()
        .for_each(|c| add(&mut all, &container(c)));
    let (mut sidecars, mut starting) = (Requests::new(), Requests::new());
    for init in list("initContainers") {
        let mut own = container(init);
        if init.get("restartPolicy").and_then(Node::as_str) == Some("Always") {
            add(&mut all, &own);
            add(&mut sidecars, &own);
            own = sidecars.clone();
        } else {
            add(&mut own, &sidecars);
        }
        most(&mut starting, own);
    }
    most(&mut all, starting);
    add(&mut all, &amounts(spec.get("overhead")));
    all
}

/// Adds amounts up.
pub fn add(sum: &mut Requests, more: &Requests) {
    for (resource, amount) in more {
        let total = sum
            .get(resource)
            .map_or_else(|| amount.clone(), |own| own.plus(amount));
        sum.insert(resource.clone(), total);
    }
}

/// Amounts times a number.
pub fn times(requests: &Requests, n: i64) -> Requests {
    requests
        .iter()
        .map(|(resource, amount)| (resource.clone(), amount.times(n)))
        .collect()
}

/// As a mapping of resources to amounts in canonical form.
pub fn node(requests: &Requests) -> Node {
    requests
        .iter()
        .map(|(k, q)| (k.clone(), Node::from(q)))
        .collect::<Map>()
        .into()
}

fn most(all: &mut Requests, other: Requests) {
    for (resource, amount) in other {
        match all.get(&resource) {
            Some(own) if *own >= amount => {}
            _ => {
                all.insert(resource, amount);
            }
        }
    }
}

fn container(container: &Node) -> Requests {
    amounts(container.at(&["resources", "requests"]))
}

fn amounts(node: Option<&Node>) -> Requests {
    let entries = node.and_then(Node::as_map).into_iter().flatten();
    entries
        .filter_map(|(k, v)| Some((k.clone(), Quantity::from_node(v).ok()?)))
        .collect()
}
