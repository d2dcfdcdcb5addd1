//! Pod templates as the controller makes them of a role's (pkg/reconciler/pod_reconciler.go, pkg/discovery).

use super::super::names::{GROUP_NAME, ROLE_NAME};
use super::super::read::{Group, Role, Source};
use super::super::verdicts::{NO_PATTERN, RUNTIME, TEMPLATE, keys};
use super::Flags;
use crate::diagnostic::Ledger;
use crate::kubernetes::container::{list, name_of};
use crate::kubernetes::hash;
use crate::kubernetes::merge::{Type, strategic_merge_patch};
use crate::pods::{Problem, Scene, field_variable, variable};
use crate::value::{Ids, Map, Node, Str, Value};

/// The volume of the discovery configuration, and where it is mounted.
const CONFIG_VOLUME: &str = "rbg-cluster-config";
const CONFIG_PATH: &str = "/etc/rbg";
const CONFIG_KEY: &str = "config.yaml";

/// What is needed to complete the templates of a role.
pub struct Templates<'a> {
    /// The group.
    pub group: &'a Group,
    /// The role.
    pub role: &'a Role,
    /// The role's headless Service.
    pub service: &'a str,
    /// How the controller runs.
    pub flags: Flags,
    /// What stands beside the group.
    pub scene: &'a Scene<'a>,
}

/// What goes into a template beside the discovery configuration and the common variables.
#[derive(Clone, Copy, Default)]
pub struct Injectors {
    /// Sidecars of engine runtime profiles.
    pub sidecars: bool,
    /// Variables of leader and workers.
    pub leader_worker: bool,
}

impl Templates<'_> {
    /// The template that the role names, resolved.
    pub fn resolve(&self, source: &Source) -> Result<Node, Problem> {
        let role = &self.role.name;
        if let Some((name, patch)) = &source.reference {
            let found = self.group.templates.iter().find(|t| t.name.value == name.value);
            let Some(found) = found else {
                let reason = format!(
                    "role `{}`: no role template is called `{}`",
                    role.value, name.value
                );
                return Err(Problem::new(&TEMPLATE, reason, &name.ids));
            };
            return self.patched(&found.template, patch.as_ref());
        }
        source.template.clone().ok_or_else(|| {
            let reason = format!("role `{}` has no template or templateRef", role.value);
            Problem::new(&NO_PATTERN, reason, &role.ids)
        })
    }

    /// A template with a patch over it, as apimachinery applies it.
    pub fn patched(&self, base: &Node, patch: Option<&Node>) -> Result<Node, Problem> {
        let Some(patch) = patch else {
            return Ok(base.clone());
        };
        let mut ledger = Ledger::new();
        let merged = strategic_merge_patch(base, patch, Type::PodTemplateSpec, &mut ledger);
        match ledger
            .diagnostics
            .iter()
            .find(|d| d.severity == crate::diagnostic::Severity::Error)
        {
            Some(error) => {
                let reason = format!("role `{}`: {}", self.role.name.value, error.message);
                let ids = error.at.map_or_else(|| patch.ids.clone(), Ids::from);
                Err(Problem::new(&TEMPLATE, reason, &ids))
            }
            None => Ok(merged),
        }
    }

    /// The template with everything that the controller adds to it.
    pub fn complete(&self, mut template: Node, injectors: Injectors) -> Result<Node, Problem> {
        super::prune::template(&mut template);
        if self.role.is_stateful() {
            self.config(&mut template);
        }
        if injectors.sidecars {
            self.sidecars(&mut template)?;
        }
        let common = self.common_variables();
        containers(&mut template, |c| merge_variables(c, &common));
        if injectors.leader_worker {
            let more = self.leader_worker_variables();
            containers(&mut template, |c| merge_variables(c, &more));
        }
        self.exclusive(&mut template);
        let gang = self.group.annotation(keys::GANG) == "true";
        let metadata = template.at_mut(&["metadata"]);
        if gang && self.flags.volcano {
            let group = Node::from(&self.group.name);
            metadata
                .at_mut(&["annotations"])
                .set("scheduling.k8s.io/group-name", group);
        } else if gang {
            let group = Node::from(&self.group.name);
            metadata
                .at_mut(&["labels"])
                .set("pod-group.scheduling.sigs.k8s.io/name", group);
        }
        let labels = metadata.at_mut(&["labels"]).map_mut();
        for (key, value) in common_labels(self.group, self.role) {
            labels.insert(key, value);
        }
        super::prune::template(&mut template);
        Ok(template)
    }

    fn config(&self, template: &mut Node) {
        let volumes = template.at_mut(&["spec", "volumes"]).seq_mut();
        if !volumes.iter().any(|v| name_of(v) == Some(CONFIG_VOLUME)) {
            let item = Map::from_iter([("key", CONFIG_KEY), ("path", CONFIG_KEY)]);
            let source = Map::from_iter([
                ("name", Node::from(&self.group.name)),
                ("items", vec![Node::from(item)].into()),
            ]);
            volumes.push(
                Map::from_iter([("name", Node::from(CONFIG_VOLUME)), ("configMap", source.into())]).into(),
            );
        }
        containers(template, |container| {
            let mounted = list(container, "volumeMounts").iter().any(|m| {
                name_of(m) == Some(CONFIG_VOLUME)
                    && m.get("mountPath").and_then(Node::as_str) == Some(CONFIG_PATH)
            });
            if !mounted {
                let mount = Map::from_iter([
                    ("name", Node::from(CONFIG_VOLUME)),
                    ("mountPath", CONFIG_PATH.into()),
                    ("readOnly", true.into()),
                ]);
                container.at_mut(&["volumeMounts"]).seq_mut().push(mount.into());
            }
        });
    }

    fn sidecars(&self, template: &mut Node) -> Result<(), Problem> {
        for runtime in &self.role.runtimes {
            let Some(name) = runtime.get("profileName") else {
                continue;
            };
            let text = name.as_str().unwrap_or_default();
            let profile = self.scene.documents.iter().map(|d| &d.root).find(|d| {
                d.get("kind").and_then(Node::as_str) == Some("ClusterEngineRuntimeProfile")
                    && d.at(&["metadata", "name"]).and_then(Node::as_str) == Some(text)
            });
            let Some(profile) = profile.and_then(|p| p.get("spec")) else {
                let reason = format!(
                    "role `{}`: the input holds no ClusterEngineRuntimeProfile `{text}`",
                    self.role.name.value
                );
                return Err(Problem::new(&RUNTIME, reason, &name.ids));
            };
            sidecar(template, profile, runtime);
        }
        Ok(())
    }

    fn common_variables(&self) -> Vec<Node> {
        let label = |name: &str, key: &str| field_variable(name, &format!("metadata.labels['{key}']"));
        let kind = self.role.workload_type();
        let instances = kind.rsplit('/').next() == Some("RoleInstanceSet") || !kind.contains('/');
        let mut all = Vec::with_capacity(6);
        if instances {
            all.push(label("RBG_COMPONENT_INDEX", keys::COMPONENT_ID));
            all.push(label("RBG_COMPONENT_NAME", super::super::names::COMPONENT_NAME));
        }
        all.push(variable("RBG_GROUP_NAME", &self.group.name));
        if self.role.is_stateful() {
            let key = if kind == super::super::read::ROLE_INSTANCE_SET {
                keys::INSTANCE_INDEX
            } else {
                "apps.kubernetes.io/pod-index"
            };
            all.push(label("RBG_ROLE_INDEX", key));
        }
        if instances {
            all.push(label(
                "RBG_ROLE_INSTANCE_NAME",
                super::super::names::INSTANCE_NAME,
            ));
        }
        all.push(variable("RBG_ROLE_NAME", &self.role.name));
        all
    }

    fn leader_worker_variables(&self) -> Vec<Node> {
        let leader = format!(
            "$(RBG_ROLE_INSTANCE_NAME)-0.{}.{}",
            self.service, self.group.namespace
        );
        let label = |name: &str, key: &str| field_variable(name, &format!("metadata.labels['{key}']"));
        vec![
            variable("RBG_LWP_LEADER_ADDRESS", leader),
            label("RBG_LWP_WORKER_INDEX", keys::COMPONENT_INDEX),
            label("RBG_LWP_GROUP_SIZE", keys::COMPONENT_SIZE),
        ]
    }

    fn exclusive(&self, template: &mut Node) {
        let Some(topology) = self.group.annotations.get(keys::EXCLUSIVE) else {
            return;
        };
        let annotations = template.at(&["metadata", "annotations"]);
        let out = annotations
            .and_then(|a| a.get(keys::NOT_EXCLUSIVE))
            .and_then(Node::as_str);
        if out.is_some_and(|o| !o.is_empty()) {
            return;
        }
        template
            .at_mut(&["metadata", "annotations"])
            .set(keys::EXCLUSIVE, topology.clone());
        let is_key = |term: &Node| term.get("topologyKey").and_then(Node::as_str) == topology.as_str();
        let applied = |kind: &str| {
            template
                .at(&["spec", "affinity", kind, REQUIRED])
                .and_then(Node::as_seq)
                .is_some_and(|terms| terms.iter().any(is_key))
        };
        if applied("podAffinity") && applied("podAntiAffinity") {
            return;
        }
        let hash = unique_hash(self.group);
        let own = vec![expression(keys::UNIQUE_HASH, "In", Some(&hash))];
        let others = vec![
            expression(keys::UNIQUE_HASH, "Exists", None),
            expression(keys::UNIQUE_HASH, "NotIn", Some(&hash)),
        ];
        for (kind, expressions) in [("podAffinity", own), ("podAntiAffinity", others)] {
            let selector = Map::from_iter([("matchExpressions", expressions)]);
            let term = Map::from_iter([
                ("labelSelector", Node::from(selector)),
                ("topologyKey", topology.clone()),
            ]);
            template
                .at_mut(&["spec", "affinity", kind, REQUIRED])
                .seq_mut()
                .push(term.into());
        }
    }
}

/// The field of required affinity terms.
pub const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

/// A requirement on labels.
pub fn expression(key: &str, operator: &str, value: Option<&str>) -> Node {
    let mut map = Map::from_iter([("key", key), ("operator", operator)]);
    map.insert_some("values", value.map(|v| vec![Node::from(v)]));
    map.into()
}

/// By what the controller tells groups apart.
pub fn unique_hash(group: &Group) -> String {
    hash::sha1(&format!("{}/{}", group.namespace, group.name.value))
}

/// The labels of everything that belongs to a role.
pub fn common_labels(group: &Group, role: &Role) -> [(&'static str, Node); 3] {
    [
        (GROUP_NAME, Node::from(&group.name)),
        (ROLE_NAME, Node::from(&role.name)),
        (keys::GROUP_UID, unique_hash(group).into()),
    ]
}

fn containers(template: &mut Node, mut change: impl FnMut(&mut Node)) {
    if let Some(Value::Seq(list)) = template
        .map_mut()
        .get_mut("spec")
        .and_then(|s| s.map_mut().get_mut("containers"))
        .map(|n| &mut n.value)
    {
        list.iter_mut().for_each(&mut change);
    }
}

/// What a profile adds: containers and volumes by names that are not there, and the role's additions to them.
fn sidecar(template: &mut Node, profile: &Node, runtime: &Node) {
    let mut names: Vec<&str> = Vec::new();
    for key in ["initContainers", "containers", "volumes"] {
        for added in list(profile, key) {
            if key != "volumes" {
                names.extend(name_of(added));
            }
            let all = template.at_mut(&["spec", key]).seq_mut();
            if !all.iter().any(|c| name_of(c) == name_of(added)) {
                all.push(added.clone());
            }
        }
    }
    for change in list(runtime, "containers") {
        let Some(name) = name_of(change).filter(|n| names.contains(n)) else {
            continue;
        };
        let mut done = false;
        containers(template, |container| {
            if done || name_of(container) != Some(name) {
                return;
            }
            done = true;
            for key in ["env", "args"] {
                let added = list(change, key);
                if !added.is_empty() {
                    container.at_mut(&[key]).seq_mut().extend(added.iter().cloned());
                }
            }
        });
    }
}

/// Puts variables into a container: before the user's, those of the same name replaced, those of former injections kept
/// apart (`mergeEnvVars` of pkg/discovery/injector.go).
fn merge_variables(container: &mut Node, injected: &[Node]) {
    let name = |n: &Node| -> Str { name_of(n).unwrap_or_default().into() };
    let existing = match container.map_mut().get_mut("env") {
        Some(Node {
            value: Value::Seq(list),
            ..
        }) => std::mem::take(list),
        _ => Vec::new(),
    };
    let names: Vec<Str> = existing.iter().map(name).collect();
    let (mut base, mut derived, mut other) = (Vec::new(), Vec::new(), Vec::new());
    for (n, entry) in existing.into_iter().enumerate() {
        let own = &names[n];
        // Of several entries of one name the last stays.
        if names[n + 1..].contains(own) || injected.iter().any(|i| name_of(i) == Some(own)) {
            continue;
        }
        if own.starts_with("RBG_LWP_") {
            derived.push(entry);
        } else if own.starts_with("RBG_") {
            base.push(entry);
        } else {
            other.push(entry);
        }
    }
    let all: Vec<Node> = base
        .into_iter()
        .chain(injected.iter().cloned())
        .chain(derived)
        .chain(other)
        .collect();
    container.at_mut(&["env"]).value = Value::Seq(all);
}
