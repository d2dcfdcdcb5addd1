//! What the controller makes beside pods: a PodGroup for each ServingGroup, headless Services, the ControllerRevision.

use super::options::Platform;
use super::read::{ModelServing, Role};
use crate::kubernetes::container::list;
use crate::kubernetes::quantity::Quantity;
use crate::pods::Child;
use crate::value::{Map, Node, Str};
use std::collections::BTreeMap;

/// The prefix of the controller's labels.
pub const PREFIX: &str = "modelserving.volcano.sh/";
/// The labels that it sets itself, below that prefix; a template's own values win over them.
pub const OWN_LABELS: [&str; 7] = [
    "name",
    "group-name",
    "role",
    "role-id",
    "revision",
    "role-template-hash",
    "entry",
];

/// A label of the controller.
pub fn label(key: &str) -> Str {
    format!("{PREFIX}{key}").into()
}

/// A mapping of these entries.
pub fn map<const N: usize>(entries: [(&str, Node); N]) -> Node {
    Map::from_iter(entries).into()
}

fn labels<const N: usize>(entries: [(&str, Node); N]) -> Node {
    entries
        .into_iter()
        .map(|(k, v)| (label(k), v))
        .collect::<Map>()
        .into()
}

fn child(serving: &ModelServing, api_version: &str, kind: &str, name: String, object: Node) -> Child {
    Child {
        api_version: api_version.into(),
        kind: kind.into(),
        name: name.into(),
        owner: ("ModelServing".into(), serving.name.value.clone()),
        object,
    }
}

/// The snapshot of the roles, once for a revision.
pub fn revision(serving: &ModelServing) -> Child {
    let name = format!("{}-<hash>", serving.name.value);
    child(serving, "apps/v1", "ControllerRevision", name, Node::map())
}

/// The headless Service of a replica, which resolves to its entry pod.
pub fn service(serving: &ModelServing, role: &Role, group: u32, replica: u32) -> Child {
    let name = &role.name.value;
    let group = serving.group(group);
    let id = format!("{name}-{replica}");
    let service = format!("{group}-{id}-0");
    let own = || [("role", name.clone().into()), ("role-id", id.clone().into())];
    let [role_label, role_id] = own();
    let marks = labels([
        ("name", serving.name.value.clone().into()),
        ("group-name", group.clone().into()),
        role_label,
        role_id,
    ]);
    let [role_label, role_id] = own();
    let selector = labels([
        ("entry", "true".into()),
        ("group-name", group.into()),
        role_label,
        role_id,
    ]);
    let spec = map([
        ("clusterIP", "None".into()),
        ("publishNotReadyAddresses", true.into()),
        ("selector", selector),
    ]);
    let object = map([("metadata", map([("labels", marks)])), ("spec", spec)]);
    child(serving, "v1", "Service", service, object)
}

/// The `spec` of the PodGroups, which is the same for all ServingGroups.
pub fn pod_group_spec(serving: &ModelServing, platform: &Platform) -> Node {
    let mut spec = Node::map();
    let size = |role: &Role| role.workers.value.saturating_add(1);
    let members = serving
        .roles
        .iter()
        .map(|r| serving.minimum(r).saturating_mul(size(r)));
    let members = members.fold(0, i64::saturating_add);
    if members != 0 {
        spec.set("minMember", members);
    }
    let resources = resources(serving);
    if !resources.is_empty() {
        spec.set("minResources", resources);
    }
    if let Some(queue) = &serving.queue {
        spec.set("queue", queue.node());
    }
    if let Some(topology) = &serving.group_topology {
        spec.set("networkTopology", topology.clone());
    }
    if platform.has_subgroups() {
        let groups: Vec<Node> = serving.roles.iter().map(|r| sub_group(serving, r)).collect();
        spec.set("subGroupPolicy", groups);
    }
    spec
}

fn sub_group(serving: &ModelServing, role: &Role) -> Node {
    let matched = labels([
        ("name", serving.name.value.clone().into()),
        ("role", role.name.value.clone().into()),
    ]);
    let keys: Vec<Node> = vec![label("role-id").into()];
    let mut group = map([
        ("name", role.name.node()),
        ("labelSelector", map([("matchLabels", matched)])),
        ("matchLabelKeys", keys.into()),
        ("subGroupSize", role.workers.value.saturating_add(1).into()),
        ("minSubGroups", serving.minimum(role).into()),
    ]);
    if let Some(topology) = &serving.role_topology {
        group.set("networkTopology", topology.clone());
    }
    group
}

/// The requests of the containers that must start together; neither limits nor init containers count.
fn resources(serving: &ModelServing) -> Map {
    let mut sum: BTreeMap<Str, Quantity> = BTreeMap::new();
    for role in &serving.roles {
        let minimum = serving.minimum(role);
        let parts = [
            (Some(&role.entry), minimum),
            (role.worker.as_ref(), minimum.saturating_mul(role.workers.value)),
        ];
        for (template, times) in parts {
            let containers = template
                .and_then(|t| t.get("spec"))
                .map(|s| list(s, "containers"));
            let requests = containers
                .into_iter()
                .flatten()
                .filter_map(|c| c.at(&["resources", "requests"])?.as_map());
            for (resource, amount) in requests.flatten() {
                let Ok(amount) = Quantity::from_node(amount) else {
                    continue;
                };
                let amount = amount.times(times);
                let total = sum
                    .get(resource)
                    .map_or_else(|| amount.clone(), |own| own.plus(&amount));
                sum.insert(resource.clone(), total);
            }
        }
    }
    sum.into_iter().map(|(k, q)| (k, q.to_string())).collect()
}

/// The PodGroup of a ServingGroup.
pub fn pod_group(serving: &ModelServing, group: u32, spec: &Node) -> Child {
    let name = serving.group(group);
    let marks = labels([
        ("name", serving.name.value.clone().into()),
        ("group-name", name.clone().into()),
    ]);
    let notes = map([("scheduling.k8s.io/group-name", name.clone().into())]);
    let object = map([
        ("metadata", map([("labels", marks), ("annotations", notes)])),
        ("spec", spec.clone()),
    ]);
    child(serving, "scheduling.volcano.sh/v1beta1", "PodGroup", name, object)
}
