//! The pods of a ModelServing, as the controller makes them (`pkg/model-serving-controller/utils/utils.go`).

use super::children::label;
use super::plugins::Chain;
use super::read::{ModelServing, Role};
use crate::pods::{Injected, Pod, inject_env, variable};
use crate::value::{Map, Node, Str, Value};

/// Makes pods.
#[derive(Debug)]
pub struct Maker<'a> {
    /// The object.
    pub serving: &'a ModelServing,
    /// Its namespace.
    pub namespace: Str,
    /// Whether pods are marked for a PodGroup.
    pub gang: bool,
    /// What changes pods before they are made.
    pub chain: &'a Chain<'a>,
}

/// Where a pod stands in its ModelServing.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The role.
    pub role: &'a Role,
    /// The ServingGroup.
    pub group: u32,
    /// The replica of the role in it.
    pub replica: u32,
    /// 0 for the entry pod.
    pub rank: u32,
}

/// Both kinds of containers that get variables.
const CONTAINERS: [&str; 2] = ["containers", "initContainers"];

impl Maker<'_> {
    /// The pod at a place.
    pub fn pod(&self, place: Place<'_>) -> Pod {
        let Place {
            role,
            group,
            replica,
            rank,
        } = place;
        let role_name = role.name.value.clone();
        let (group_name, id) = (self.serving.group(group), format!("{role_name}-{replica}"));
        let name: Str = format!("{group_name}-{id}-{rank}").into();
        let template = if rank == 0 {
            Some(&role.entry)
        } else {
            role.worker.as_ref()
        };
        let metadata = |key| {
            template
                .and_then(|t| t.at(&["metadata", key]))
                .and_then(Node::as_map)
        };
        let mut labels = self.labels(role, &group_name, &id, rank);
        for (key, value) in metadata("labels").into_iter().flatten() {
            labels.insert(key.clone(), value.clone());
        }
        let annotations = self.annotations(metadata("annotations"), &group_name, &id);
        let mut spec = self.scheduled(template);
        let entry = format!("{group_name}-{id}-0.{}", self.namespace);
        self.environment(&mut spec, role, rank, entry);
        let mut pod = Pod {
            slice: group,
            role: role_name,
            replica,
            member: if rank == 0 {
                "entry".into()
            } else {
                "worker".into()
            },
            index: rank,
            name,
            generate_name: None,
            labels,
            annotations,
            spec,
        };
        self.chain.change(&mut pod);
        pod
    }

    /// The annotations of a template, and those that Volcano finds the PodGroup by.
    fn annotations(&self, own: Option<&Map>, group: &str, id: &str) -> Map {
        let mut annotations = own.cloned().unwrap_or_default();
        if self.gang {
            annotations.insert("scheduling.k8s.io/group-name", group);
            annotations.insert("volcano.sh/task-spec", id);
        }
        annotations
    }

    /// The PodSpec of a template with the scheduler of the object.
    fn scheduled(&self, template: Option<&Node>) -> Node {
        let spec = template.and_then(|t| t.get("spec")).cloned();
        let mut spec = spec.unwrap_or_else(Node::map);
        let scheduler = &self.serving.scheduler;
        if scheduler.value.is_empty() {
            spec.map_mut().remove("schedulerName");
        } else {
            spec.set("schedulerName", scheduler.node());
        }
        spec
    }

    fn labels(&self, role: &Role, group: &str, id: &str, rank: u32) -> Map {
        let mut labels = Map::with_capacity(10);
        let mut set = |key: &str, value: Node| labels.push_new(label(key), value);
        set("name", self.serving.name.value.clone().into());
        set("group-name", group.into());
        set("role", role.name.value.clone().into());
        set("role-id", id.into());
        set("revision", "<hash>".into());
        set("role-template-hash", "<hash>".into());
        if rank == 0 {
            set("entry", "true".into());
        }
        labels
    }

    /// The controller's variables come last, then those of plugins. The workers of a replica share their containers, so that
    /// the plugins' variables of earlier workers stay, before the controller's.
    fn environment(&self, spec: &mut Node, role: &Role, rank: u32, entry: String) {
        let size = role.workers.value.saturating_add(1);
        let own = [
            variable("GROUP_SIZE", size.to_string()),
            variable("ENTRY_ADDRESS", entry),
            variable("WORKER_INDEX", rank.to_string()),
        ];
        let more = self.chain.env(&role.name.value, rank == 0);
        for key in CONTAINERS {
            let Some(Value::Seq(containers)) = spec.map_mut().get_mut(key).map(|n| &mut n.value) else {
                continue;
            };
            for container in containers {
                let before = if more.is_empty() {
                    0
                } else {
                    rank.saturating_sub(1)
                };
                (0..before).for_each(|_| append(container, &more));
                inject_env(container, &own, Injected::Last);
                append(container, &more);
            }
        }
    }

    /// How many variables plugins repeat in the workers of all replicas.
    pub fn repeated(&self) -> u64 {
        let whole = |n: i64| u64::try_from(n).unwrap_or(0);
        let of = |role: &Role| {
            let env = self.chain.env(&role.name.value, false).len() as u64;
            let workers = whole(role.workers.value);
            let each = env.saturating_mul(workers).saturating_mul(workers);
            each.saturating_mul(whole(role.replicas.value))
                .saturating_mul(whole(self.serving.replicas.value))
        };
        self.serving.roles.iter().map(of).fold(0, u64::saturating_add)
    }
}

fn append(container: &mut Node, variables: &[Node]) {
    if !variables.is_empty() {
        let env = container.map_mut().entry_map("env").seq_mut();
        env.extend(variables.iter().cloned());
    }
}
