//! TPU variables that the pod webhook injects (kubernetes-sigs/lws pkg/utils/accelerators). They are only right where every pod
//! or every worker has TPUs; what it does elsewhere is reproduced as it is.

use crate::kubernetes::quantity::Quantity;
use crate::pods::variable;
use crate::value::{Node, Str};

const PORT: i64 = 8476;

/// What the variables of a pod depend on.
#[derive(Clone, Debug)]
pub struct Seat<'a> {
    /// The name of the leader.
    pub leader: &'a str,
    /// The subdomain of the group's pods.
    pub subdomain: &'a str,
    /// The rank in the group; 0 is the leader.
    pub rank: i64,
    /// Pods of the group.
    pub size: i64,
    /// Whether the leader asks for TPUs.
    pub leader_has_tpus: bool,
    /// Size of the subgroups and index of this pod's.
    pub sub_group: Option<(i64, i64)>,
}

/// Whether a pod asks for TPUs.
pub fn wanted(spec: &Node) -> bool {
    !places(spec).is_empty()
}

/// The containers that ask for TPUs: those that run first, then init containers.
fn places(spec: &Node) -> Vec<(&'static str, usize)> {
    let of = |key: &'static str| {
        let list = spec.get(key).and_then(Node::as_seq).unwrap_or_default();
        let asking = list.iter().enumerate().filter(|(_, c)| asks(c));
        asking.map(move |(n, _)| (key, n)).collect::<Vec<_>>()
    };
    [of("containers"), of("initContainers")].concat()
}

fn asks(container: &Node) -> bool {
    ["limits", "requests"].iter().any(|key| {
        let amount = container
            .get("resources")
            .and_then(|r| r.get(key)?.get("google.com/tpu"));
        amount
            .and_then(|a| Quantity::from_node(a).ok())
            .is_some_and(|q| !q.is_zero())
    })
}

/// Adds the variables to the containers that ask for TPUs.
pub fn inject(spec: &mut Node, seat: &Seat<'_>) {
    let mut places = places(spec);
    let container = |spec: &Node, (key, n): (&str, usize)| spec.get(key)?.as_seq()?.get(n).cloned();
    let Some(first) = places.first().and_then(|p| container(spec, *p)) else {
        return;
    };
    if has(&first, "TPU_WORKER_HOSTNAMES") || has(&first, "TPU_WORKER_ID") {
        return;
    }
    if seat.sub_group.is_some() {
        places.truncate(1);
    }
    let ports: Vec<String> = places
        .iter()
        .zip(PORT..)
        .map(|(place, port)| {
            let own = container(spec, *place).and_then(|c| value(&c, "TPU_PROCESS_PORT"));
            own.map_or_else(|| port.to_string(), |own| own.to_string())
        })
        .collect();
    let (hosts, id) = match seat.sub_group {
        Some((size, index)) => in_sub_group(seat, size, index),
        None => in_group(seat),
    };
    let many = i64::try_from(ports.len()).unwrap_or(1);
    let every = |f: &dyn Fn(&String, &String) -> String| -> String {
        let all = hosts
            .iter()
            .flat_map(|host| ports.iter().map(move |port| f(host, port)));
        all.collect::<Vec<_>>().join(",")
    };
    let (names, addresses) = (
        every(&|host, _| host.clone()),
        every(&|host, port| format!("{host}:{port}")),
    );
    for ((n, place), port) in (0..).zip(&places).zip(&ports) {
        let list = spec.map_mut().entry_map(place.0).seq_mut();
        let Some(container) = list.get_mut(place.1) else {
            continue;
        };
        for (name, value) in [
            ("TPU_WORKER_HOSTNAMES", names.clone()),
            ("TPU_WORKER_ID", (id * many + n).to_string()),
            ("TPU_NAME", seat.leader.to_owned()),
            ("TPU_PROCESS_ADDRESSES", addresses.clone()),
            ("TPU_PROCESS_PORT", port.clone()),
        ] {
            // Of equal names the first stays.
            if !has(container, name) {
                container
                    .map_mut()
                    .entry_map("env")
                    .seq_mut()
                    .push(variable(name, value));
            }
        }
    }
}

fn has(container: &Node, name: &str) -> bool {
    let env = container.get("env").and_then(Node::as_seq).unwrap_or_default();
    env.iter()
        .any(|e| e.get("name").and_then(Node::as_str) == Some(name))
}

fn value(container: &Node, name: &str) -> Option<Str> {
    let env = container.get("env").and_then(Node::as_seq)?;
    let variable = env
        .iter()
        .find(|e| e.get("name").and_then(Node::as_str) == Some(name))?;
    variable.get("value").and_then(Node::as_str).map(Str::from)
}

/// Hosts of the group and the rank among them.
fn in_group(seat: &Seat<'_>) -> (Vec<String>, i64) {
    let leader = seat.rank == 0 || seat.leader_has_tpus;
    let mut hosts = Vec::new();
    if leader {
        hosts.push(format!("{}.{}", seat.leader, seat.subdomain));
    }
    hosts.extend((1..seat.size).map(|n| worker(seat, n)));
    (hosts, if leader { seat.rank } else { seat.rank - 1 })
}

/// Hosts of the subgroup and the rank among them.
fn in_sub_group(seat: &Seat<'_>, size: i64, index: i64) -> (Vec<String>, i64) {
    let (mut start, mut end) = (size * index + 1, size * (index + 1));
    let leads = seat.rank == 0;
    let mut hosts = Vec::new();
    if leads || (seat.leader_has_tpus && index == 0) {
        hosts.push(format!("{}.{}", seat.leader, seat.subdomain));
        end -= 1;
    } else if seat.leader_has_tpus {
        start -= 1;
        end -= 1;
    }
    hosts.extend((start..=end).map(|n| worker(seat, n)));
    let id = if leads || seat.leader_has_tpus {
        seat.rank
    } else {
        seat.rank - 1
    };
    (hosts, id % size)
}

fn worker(seat: &Seat<'_>, n: i64) -> String {
    format!("{}-{n}.{}", seat.leader, seat.subdomain)
}
