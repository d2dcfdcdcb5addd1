//! What pods need: accelerators, and nodes that hold them.

use super::{Pod, Workload};
use crate::kubernetes::names::is_extended_resource;
use crate::kubernetes::quantity::Quantity;
use crate::value::{Node, Str};
use std::collections::BTreeMap;

/// Accelerators by resource name.
pub type Accelerators = BTreeMap<Str, u64>;

/// The needs of some pods.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Usage {
    /// How many pods.
    pub pods: u64,
    /// Their accelerators.
    pub accelerators: Accelerators,
    /// The fewest nodes that hold the pods with accelerators, if each has as many as was assumed (more for a pod that needs
    /// more), and nothing but accelerators is short.
    pub nodes: u64,
}

/// The needs of one role of a workload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoleTotals {
    /// The kind of the workload.
    pub kind: Str,
    /// Its name.
    pub name: Str,
    /// The role.
    pub role: Str,
    /// What its pods need.
    pub usage: Usage,
}

/// The needs of a prediction.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Totals {
    /// By workload and role, in their order.
    pub roles: Vec<RoleTotals>,
    /// In all.
    pub all: Usage,
}

/// How many pods ask for how many of a resource: the shape that decides about nodes.
type Shapes = BTreeMap<(Str, u64), u64>;

/// Sums up the pods of workloads, for nodes with `per_node` accelerators of each kind.
pub fn totals(workloads: &[Workload], per_node: u64) -> Totals {
    let (mut roles, mut all) = (Vec::new(), (Usage::default(), Shapes::new()));
    for workload in workloads {
        let mut own: Vec<(Str, (Usage, Shapes))> = Vec::new();
        for pod in &workload.expansion.pods {
            let needs = accelerators(&pod.spec);
            let at = own
                .iter()
                .rposition(|(role, _)| *role == pod.role)
                .unwrap_or_else(|| {
                    own.push((pod.role.clone(), Default::default()));
                    own.len() - 1
                });
            add(&mut own[at].1, &needs);
            add(&mut all, &needs);
        }
        roles.extend(own.into_iter().map(|(role, sums)| RoleTotals {
            kind: workload.kind.clone(),
            name: workload.name.clone(),
            role,
            usage: finish(sums, per_node),
        }));
    }
    Totals {
        roles,
        all: finish(all, per_node),
    }
}

fn add((usage, shapes): &mut (Usage, Shapes), needs: &Accelerators) {
    usage.pods += 1;
    for (resource, count) in needs {
        *usage.accelerators.entry(resource.clone()).or_default() += count;
        *shapes.entry((resource.clone(), *count)).or_default() += 1;
    }
}

fn finish((mut usage, shapes): (Usage, Shapes), per_node: u64) -> Usage {
    let mut by_resource: BTreeMap<Str, Vec<(u64, u64)>> = BTreeMap::new();
    for ((resource, size), pods) in shapes {
        by_resource.entry(resource).or_default().push((size, pods));
    }
    usage.nodes = by_resource
        .into_values()
        .map(|shapes| nodes(shapes, per_node))
        .sum();
    usage
}

/// First fit, largest first, over counts: `shapes` is how many pods (second) need how many accelerators (first).
fn nodes(mut shapes: Vec<(u64, u64)>, per_node: u64) -> u64 {
    shapes.sort_unstable_by(|a, b| b.cmp(a));
    let (mut nodes, mut room) = (0_u64, BTreeMap::<u64, u64>::new());
    for (size, mut pods) in shapes {
        if size == 0 {
            continue;
        }
        // The tightest room first.
        let fitting: Vec<u64> = room.range(size..).map(|(free, _)| *free).collect();
        for free in fitting {
            let (open, fits) = (room.remove(&free).unwrap_or(0), free / size);
            let used = open.min(pods.div_ceil(fits));
            let placed = pods.min(used.saturating_mul(fits));
            pods -= placed;
            *room.entry(free).or_default() += open - used;
            leave(&mut room, free, size, fits, used, placed);
        }
        if pods > 0 {
            let free = per_node.max(size);
            let fits = free / size;
            let used = pods.div_ceil(fits);
            nodes += used;
            leave(&mut room, free, size, fits, used, pods);
        }
    }
    nodes
}

/// Notes the room left on `used` nodes that took `placed` pods, `fits` on each but perhaps the last.
fn leave(room: &mut BTreeMap<u64, u64>, free: u64, size: u64, fits: u64, used: u64, placed: u64) {
    if used == 0 {
        return;
    }
    let last = placed - (used - 1) * fits;
    *room.entry(free - size * fits).or_default() += used - 1;
    *room.entry(free - size * last).or_default() += 1;
    room.remove(&0);
}

/// The accelerators of a pod: as the scheduler counts, the larger of what its containers and its init containers need.
pub fn accelerators(spec: &Node) -> Accelerators {
    let (mut running, mut starting) = (Accelerators::new(), Accelerators::new());
    for container in list(spec, "initContainers") {
        let sidecar = container.get("restartPolicy").and_then(Node::as_str) == Some("Always");
        for (resource, count) in devices(container) {
            if sidecar {
                *running.entry(resource).or_default() += count;
            } else {
                let most = starting.entry(resource).or_default();
                *most = count.max(*most);
            }
        }
    }
    for container in list(spec, "containers") {
        for (resource, count) in devices(container) {
            let sum = running.entry(resource).or_default();
            *sum = sum.saturating_add(count);
        }
    }
    for (resource, count) in starting {
        let sum = running.entry(resource).or_default();
        *sum = count.max(*sum);
    }
    running.retain(|_, count| *count > 0);
    running
}

fn list<'a>(spec: &'a Node, key: &str) -> &'a [Node] {
    spec.get(key).and_then(Node::as_seq).unwrap_or_default()
}

/// What a container asks for; limits count as requests where those are missing.
fn devices(container: &Node) -> impl Iterator<Item = (Str, u64)> + '_ {
    let of = |key| container.at(&["resources", key]).and_then(Node::as_map);
    let (limits, requests) = (of("limits"), of("requests"));
    let more = requests
        .into_iter()
        .flatten()
        .filter(move |(k, _)| limits.is_none_or(|l| !l.contains_key(k)));
    limits
        .into_iter()
        .flatten()
        .chain(more)
        .filter_map(|(resource, amount)| {
            let count = Quantity::from_node(amount).ok()?.round_up();
            is_accelerator(resource).then(|| (resource.clone(), u64::try_from(count).unwrap_or(0)))
        })
}

/// Whether a resource is an accelerator, and not a network device or a counter of something else.
pub fn is_accelerator(resource: &str) -> bool {
    const WORDS: &[&str] = &[
        "gpu", "tpu", "gaudi", "neuron", "npu", "mig-", "ascend", "mlu", "dcu", "xpu", "atom", "i915", "/xe",
        "hpu",
    ];
    let lower = resource.to_ascii_lowercase();
    is_extended_resource(resource) && WORDS.iter().any(|word| lower.contains(word))
}

/// How a pod's accelerators read in a table: the number if they are of one kind.
pub fn short(pod: &Pod) -> String {
    let needs = accelerators(&pod.spec);
    match needs.len() {
        0 => "-".to_owned(),
        1 => needs.values().map(u64::to_string).collect(),
        _ => needs
            .iter()
            .map(|(k, n)| format!("{k}={n}"))
            .collect::<Vec<_>>()
            .join(","),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::testing::yaml;

    #[test]
    fn nodes_are_filled_largest_pods_first() {
        assert_eq!(nodes(vec![(8, 3)], 8), 3);
        assert_eq!(nodes(vec![(1, 9)], 8), 2);
        assert_eq!(nodes(vec![(4, 1), (2, 3), (1, 2)], 8), 2);
        assert_eq!(nodes(vec![(16, 2), (1, 1)], 8), 3);
        assert_eq!(nodes(vec![(5, 2), (3, 2)], 8), 2);
        assert_eq!(nodes(vec![(0, 7)], 8), 0);
    }

    #[test]
    fn a_pod_needs_the_larger_of_init_and_main_containers() {
        let spec = yaml(
            "containers: [{resources: {limits: {nvidia.com/gpu: 2, rdma/ib: 1}}}, {resources: {requests: {nvidia.com/gpu: '1'}}}]\n\
             initContainers: [{resources: {limits: {nvidia.com/gpu: 4}}}, {restartPolicy: Always, resources: {limits: {nvidia.com/gpu: 1}}}]",
        );
        assert_eq!(
            accelerators(&spec).into_iter().collect::<Vec<_>>(),
            [("nvidia.com/gpu".into(), 4)]
        );
    }
}
