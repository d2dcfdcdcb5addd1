//! Typed reading of ModelServings as the API server stores them: defaults of the CRD filled in, unknown fields dropped, pod
//! templates whole.
//!
//! Reading never fails. What the schema refuses is among the problems, and the value in question counts as its default.

use super::options::Platform;
use super::schema;
use crate::dialect::shared::schema::Settled;
use crate::kubernetes::container::list;
use crate::pods::Problem;
use crate::value::{Ids, Map, Node, Str, Traced, Value};

/// The scheduler whose name makes PodGroups.
pub const VOLCANO: &str = "volcano";
/// The annotation that names the queue of the PodGroups.
pub const QUEUE: &str = "scheduling.volcano.sh/queue-name";

/// What was read, and what is wrong with it.
#[derive(Debug)]
pub struct Read {
    /// The object.
    pub object: ModelServing,
    /// What the schema refuses.
    pub problems: Vec<Problem>,
    /// Fields that the API server drops in silence, each with its path.
    pub dropped: Vec<(String, Ids)>,
}

/// A ModelServing.
#[derive(Clone, Debug)]
pub struct ModelServing {
    /// Its name; a pattern where the API server makes it from `generateName`.
    pub name: Traced<Str>,
    /// The whole object as stored.
    pub root: Node,
    /// Number of ServingGroups.
    pub replicas: Traced<i64>,
    /// The scheduler of all pods; empty means that of Kubernetes.
    pub scheduler: Traced<Str>,
    /// What changes pods before they are made, in order.
    pub plugins: Vec<Plugin>,
    /// `rolloutStrategy`, if given.
    pub rollout: Option<Node>,
    /// What is made anew when a pod fails.
    pub recovery: Traced<Str>,
    /// The fewest replicas of roles that start together, if given.
    pub gang: Option<Vec<(Str, Traced<i64>)>>,
    /// HyperNode tiers of a ServingGroup.
    pub group_topology: Option<Node>,
    /// HyperNode tiers of a replica of a role.
    pub role_topology: Option<Node>,
    /// Its roles.
    pub roles: Vec<Role>,
    /// The queue of its PodGroups.
    pub queue: Option<Traced<Str>>,
}

/// A role.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its name.
    pub name: Traced<Str>,
    /// Replicas in each ServingGroup.
    pub replicas: Traced<i64>,
    /// Workers beside the entry pod of a replica.
    pub workers: Traced<i64>,
    /// The template of the entry pod.
    pub entry: Node,
    /// The template of workers. That it is there makes Services.
    pub worker: Option<Node>,
    /// How many replicas may be away in a rollout.
    pub max_unavailable: Option<Node>,
    /// How many replicas stay on the old revision.
    pub partition: Option<Node>,
}

/// A plugin.
#[derive(Clone, Debug)]
pub struct Plugin {
    /// Its name.
    pub name: Traced<Str>,
    /// Its configuration.
    pub config: Node,
    /// The roles that it changes; all if empty.
    pub roles: Vec<Str>,
    /// `All`, `Entry` or `Worker`; with any other word it never runs. Empty means all.
    pub target: Traced<Str>,
}

/// Reads a ModelServing.
pub fn model_serving(root: &Node, platform: &Platform) -> Read {
    let mut root = root.clone();
    let Settled {
        mut problems,
        dropped,
        ..
    } = settle(&mut root, platform);
    let name = name(&root, &mut problems);
    let text = |path: &[&str]| string(root.at(path));
    let tiers = |key| root.at(&["spec", "template", "networkTopology", key]).cloned();
    let gang = root.at(&["spec", "template", "gangPolicy", "minRoleReplicas"]);
    let object = ModelServing {
        name,
        replicas: number(root.at(&["spec", "replicas"]), 1),
        scheduler: text(&["spec", "schedulerName"]),
        plugins: items(&root, &["spec", "plugins"]).iter().map(plugin).collect(),
        rollout: root.at(&["spec", "rolloutStrategy"]).cloned(),
        recovery: text(&["spec", "recoveryPolicy"]),
        gang: gang.and_then(Node::as_map).map(minimums),
        group_topology: tiers("groupPolicy"),
        role_topology: tiers("rolePolicy"),
        roles: items(&root, &["spec", "template", "roles"])
            .iter()
            .map(role)
            .collect(),
        queue: root
            .at(&["metadata", "annotations", QUEUE])
            .map(|n| string(Some(n)))
            .filter(|q| !q.value.is_empty()),
        root,
    };
    Read {
        object,
        problems,
        dropped,
    }
}

/// What the API server makes of the object. Up to Kthena 1.0, roles have no `partition`, and no default of `maxUnavailable`.
fn settle(root: &mut Node, platform: &Platform) -> Settled {
    let bare = |role: &Node| role.get("maxUnavailable").is_none_or(Node::is_null);
    let old = !platform.has_role_partition();
    let without: Vec<bool> = items(root, &["spec", "template", "roles"])
        .iter()
        .map(bare)
        .collect();
    let mut settled = schema::settle(root, "ModelServing");
    if old {
        let roles = root
            .map_mut()
            .get_mut("spec")
            .and_then(|spec| spec.map_mut().get_mut("template"))
            .and_then(|template| template.map_mut().get_mut("roles"));
        let Some(Value::Seq(roles)) = roles.map(|n| &mut n.value) else {
            return settled;
        };
        for ((at, role), bare) in roles.iter_mut().enumerate().zip(without) {
            let Value::Map(role) = &mut role.value else {
                continue;
            };
            if bare {
                role.remove("maxUnavailable");
            }
            if let Some(partition) = role.remove("partition") {
                let path = format!("spec.template.roles[{at}].partition");
                settled.dropped.push((path, partition.ids));
            }
        }
    }
    settled
}

/// The name of an object, or the pattern that the API server makes of `generateName`.
pub fn name(root: &Node, problems: &mut Vec<Problem>) -> Traced<Str> {
    let name = string(root.at(&["metadata", "name"]));
    let prefix = string(root.at(&["metadata", "generateName"]));
    if !name.value.is_empty() {
        return name;
    }
    if prefix.value.is_empty() {
        let ids = root.get("metadata").map_or(&root.ids, |m| &m.ids);
        problems.push(Problem::new(
            &super::codes::SCHEMA,
            "`metadata.name` is missing",
            ids,
        ));
    }
    prefix.map(|p| format!("{p}<random:5>").into())
}

/// The list at a path; empty if there is none.
pub fn items<'a>(root: &'a Node, path: &[&str]) -> &'a [Node] {
    root.at(path).and_then(Node::as_seq).unwrap_or_default()
}

/// The string that a node is; empty if it is none.
pub fn string(node: Option<&Node>) -> Traced<Str> {
    let text = node.and_then(Node::as_str).unwrap_or_default();
    Traced::new(text.into(), node.map(|n| n.ids.clone()).unwrap_or_default())
}

/// The number that a node is.
pub fn number(node: Option<&Node>, default: i64) -> Traced<i64> {
    let number = node.and_then(Node::as_int).unwrap_or(default);
    Traced::new(number, node.map(|n| n.ids.clone()).unwrap_or_default())
}

fn minimums(map: &Map) -> Vec<(Str, Traced<i64>)> {
    map.iter()
        .map(|(role, n)| (role.clone(), number(Some(n), 0)))
        .collect()
}

fn plugin(node: &Node) -> Plugin {
    let roles = node.get("scope").map(|s| list(s, "roles")).unwrap_or_default();
    Plugin {
        name: string(node.get("name")),
        config: node.get("config").cloned().unwrap_or_default(),
        roles: roles.iter().filter_map(|r| r.as_str().map(Str::from)).collect(),
        target: string(node.at(&["scope", "target"])),
    }
}

fn role(node: &Node) -> Role {
    let name = string(node.get("name"));
    let name = if name.ids.is_empty() {
        name.and(&node.ids)
    } else {
        name
    };
    Role {
        name,
        replicas: number(node.get("replicas"), 1),
        workers: number(node.get("workerReplicas"), 0),
        entry: node.get("entryTemplate").cloned().unwrap_or_default(),
        worker: node.get("workerTemplate").cloned(),
        max_unavailable: node.get("maxUnavailable").cloned(),
        partition: node.get("partition").cloned(),
    }
}

impl ModelServing {
    /// Whether PodGroups are made, where Volcano is installed.
    pub fn is_volcano(&self) -> bool {
        self.scheduler.value == VOLCANO
    }

    /// Whether single roles are rolled out, instead of whole ServingGroups.
    pub fn rolls_roles(&self) -> bool {
        let kind = self.rollout.as_ref().and_then(|r| r.get("type"));
        kind.and_then(Node::as_str) == Some("RoleRollingUpdate")
    }

    /// How many replicas of a role must be there for the PodGroup to start.
    pub fn minimum(&self, role: &Role) -> i64 {
        let minimums = self.gang.iter().flatten();
        let mut own = minimums
            .filter(|(name, _)| *name == role.name.value)
            .map(|(_, n)| n.value);
        own.next_back()
            .unwrap_or(role.replicas.value)
            .min(role.replicas.value)
    }

    /// How many pods there will be.
    pub fn pods(&self) -> u64 {
        let whole = |n: i64| u64::try_from(n).unwrap_or(0);
        let role =
            |r: &Role| whole(r.replicas.value).saturating_mul(whole(r.workers.value).saturating_add(1));
        let group = self.roles.iter().map(role).fold(0, u64::saturating_add);
        group.saturating_mul(whole(self.replicas.value))
    }

    /// The name of a ServingGroup, which is also that of its PodGroup.
    pub fn group(&self, group: u32) -> String {
        format!("{}-{group}", self.name.value)
    }
}
