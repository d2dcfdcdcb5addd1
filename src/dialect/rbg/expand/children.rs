//! The objects between a group and its pods.

use super::super::names::API_VERSION;
use super::super::read::{Group, Pattern, Role};
use super::super::verdicts::keys;
use super::Flags;
use super::template::common_labels;
use crate::pods::Child;
use crate::source::emit::{self, Format};
use crate::value::{Map, Node, Str};

/// A child with its labels, annotations and other fields.
pub fn child(
    api_version: &str,
    kind: &str,
    name: impl Into<Str>,
    owner: (&str, &str),
    metadata: Map,
    fields: Map,
) -> Child {
    let mut object = Map::new();
    if !metadata.is_empty() {
        object.insert("metadata", metadata);
    }
    for (key, value) in fields {
        object.insert(key, value);
    }
    Child {
        api_version: api_version.into(),
        kind: kind.into(),
        name: name.into(),
        owner: (owner.0.into(), owner.1.into()),
        object: object.into(),
    }
}

fn labelled(labels: Map) -> Map {
    Map::from_iter([("labels", labels)])
}

/// What a group itself has: the discovery configuration, and the gang.
pub fn of_group(group: &Group, configured: bool, flags: Flags) -> Vec<Child> {
    let owner = ("RoleBasedGroup", group.name.value.as_str());
    let mut out = Vec::new();
    let stateful: Vec<&Role> = group.roles.iter().filter(|r| r.is_stateful()).collect();
    if configured && !stateful.is_empty() {
        let data = Map::from_iter([("config.yaml", discovery(group, &stateful))]);
        let fields = Map::from_iter([("data", data)]);
        out.push(child(
            "v1",
            "ConfigMap",
            group.name.value.clone(),
            owner,
            Map::new(),
            fields,
        ));
    }
    if group.annotation(keys::GANG) == "true" {
        out.push(gang(group, flags, owner));
    }
    out
}

fn gang(group: &Group, flags: Flags, owner: (&str, &str)) -> Child {
    let size = |role: &Role| match &role.pattern {
        Pattern::LeaderWorker(pattern) => pattern.size.value.saturating_mul(role.replicas.value),
        _ => role.replicas.value,
    };
    let members = group.roles.iter().map(size).fold(0_i64, i64::saturating_add);
    let mut spec = Map::from_iter([("minMember", Node::from(members))]);
    let (api_version, prefix) = if flags.volcano {
        for (field, key) in [
            ("queue", keys::VOLCANO_QUEUE),
            ("priorityClassName", keys::VOLCANO_PRIORITY),
        ] {
            spec.insert_some(field, group.annotations.get(key).cloned());
        }
        ("scheduling.volcano.sh/v1beta1", "volcano.sh/")
    } else {
        let seconds = group.annotation(keys::GANG_TIMEOUT).parse::<i64>().unwrap_or(60);
        spec.insert("scheduleTimeoutSeconds", seconds);
        ("scheduling.x-k8s.io/v1alpha1", "scheduling.x-k8s.io/")
    };
    let inherited = group.annotations.iter().filter(|(k, _)| k.starts_with(prefix));
    let annotations: Map = inherited.map(|(k, v)| (k.clone(), v.clone())).collect();
    let mut metadata = Map::new();
    if !annotations.is_empty() {
        metadata.insert("annotations", annotations);
    }
    let fields = Map::from_iter([("spec", spec)]);
    child(
        api_version,
        "PodGroup",
        group.name.value.clone(),
        owner,
        metadata,
        fields,
    )
}

/// `config.yaml`: addresses by formula, for all patterns alike.
fn discovery(group: &Group, roles: &[&Role]) -> String {
    let names: Vec<Node> = roles.iter().map(|r| Node::from(&r.name)).collect();
    let size = i64::try_from(roles.len()).unwrap_or(i64::MAX);
    let head = Map::from_iter([
        ("name", Node::from(&group.name)),
        ("roles", names.into()),
        ("size", size.into()),
    ]);
    let mut sorted: Vec<&&Role> = roles.iter().collect();
    sorted.sort_by(|a, b| a.name.value.cmp(&b.name.value));
    let all: Map = sorted
        .into_iter()
        .map(|role| {
            let ports = ports(role);
            let instance = |n: i64| {
                let address = format!("{}-{n}.{}", group.workload_name(role), group.service_name(role));
                let mut map = Map::from_iter([("address", Node::from(address))]);
                if !ports.is_empty() {
                    map.insert("ports", ports.clone());
                }
                Node::from(map)
            };
            let instances: Vec<Node> = (0..role.replicas.value).map(instance).collect();
            let map = Map::from_iter([
                ("instances", Node::from(instances)),
                ("size", role.replicas.value.into()),
            ]);
            (role.name.value.clone(), map)
        })
        .collect();
    let whole = Map::from_iter([("group", head), ("roles", all)]);
    emit::documents(&[whole.into()], Format::Yaml)
}

fn ports(role: &Role) -> Map {
    let mut all: Vec<(Str, Node)> = role
        .service_ports
        .iter()
        .filter_map(|port| {
            let number = port.get("port")?;
            let key = match port.get("name").and_then(Node::as_str).filter(|n| !n.is_empty()) {
                Some(name) => name.to_lowercase().replace('-', "_"),
                None => format!("port{}", number.as_int()?),
            };
            Some((key.into(), number.clone()))
        })
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all.into_iter().collect()
}

/// The labels of everything of a role.
pub fn labels(group: &Group, role: &Role) -> Map {
    common_labels(group, role).into_iter().collect()
}

/// Annotations of a role on its objects: without what is for the controller alone.
fn annotations(role: &Role) -> Map {
    let mut all: Map = role
        .annotations
        .iter()
        .filter(|(key, _)| ![keys::WORKLOAD_TYPE, keys::ROLE_SIZE].contains(&key.as_str()))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect();
    all.insert(keys::ROLE_SIZE, role.replicas.value.to_string());
    all
}

/// The headless Service of a role.
pub fn service(group: &Group, role: &Role, name: &str, owner: (&str, &str)) -> Child {
    let mut selector = labels(group, role);
    selector.remove(keys::GROUP_UID);
    if role.leaders_only() {
        selector.insert(super::super::names::COMPONENT_NAME, "leader");
    }
    let spec = Map::from_iter([
        ("clusterIP", Node::from("None")),
        ("publishNotReadyAddresses", true.into()),
        ("selector", selector.into()),
    ]);
    let metadata = Map::from_iter([
        ("labels", labels(group, role)),
        ("annotations", annotations(role)),
    ]);
    child(
        "v1",
        "Service",
        name,
        owner,
        metadata,
        Map::from_iter([("spec", spec)]),
    )
}

/// The workload of a role: RoleInstanceSet, StatefulSet or Deployment.
pub fn workload(group: &Group, role: &Role, api_version: &str, kind: &str) -> Child {
    let mut all = role.labels.clone();
    for (key, value) in labels(group, role) {
        all.insert(key, value);
    }
    all.insert(
        format!("rbg.workloads.x-k8s.io/role-revision-{}", role.name.value),
        "<hash>",
    );
    let mut notes = annotations(role);
    if kind == "RoleInstanceSet" {
        let naming = match &role.pattern {
            Pattern::LeaderWorker(_) => "LeaderWorkerSet",
            Pattern::Components(_) => "Components",
            _ => "PodTemplate",
        };
        all.insert(keys::ROLE_TYPE, naming);
        if role.annotation(keys::INSTANCE_PATTERN).is_empty() {
            notes.insert(keys::INSTANCE_PATTERN, "Stateful");
        }
    }
    let metadata = Map::from_iter([("labels", all), ("annotations", notes)]);
    let mut spec = Map::from_iter([("replicas", Node::from(role.replicas.value))]);
    if kind == "RoleInstanceSet" {
        spec.insert("minReadySeconds", role.min_ready_seconds.value);
        spec.insert("podManagementPolicy", Node::from(&role.pod_management_policy));
        let template = Map::from_iter([("restartPolicyConfig", restart(role))]);
        spec.insert("roleInstanceTemplate", template);
    }
    let owner = ("RoleBasedGroup", group.name.value.as_str());
    let name = group.workload_name(role);
    child(
        api_version,
        kind,
        name,
        owner,
        metadata,
        Map::from_iter([("spec", spec)]),
    )
}

/// When the instances of a role restart; one pod never does as an instance.
fn restart(role: &Role) -> Map {
    let (config, default) = match &role.pattern {
        Pattern::LeaderWorker(pattern) => (Some(&pattern.restart), "RecreateRoleInstanceOnPodRestart"),
        Pattern::Components(pattern) => (Some(&pattern.restart), "RecreateRoleInstanceOnPodRestart"),
        Pattern::Standalone(_) | Pattern::None => (None, "None"),
    };
    let policy = config
        .and_then(|c| c.policy.as_ref())
        .filter(|p| !p.value.is_empty());
    Map::from_iter([
        ("type", policy.map_or_else(|| default.into(), Node::from)),
        (
            "baseDelaySeconds",
            config.map_or(30, |c| c.base_delay.value).into(),
        ),
        (
            "maxDelaySeconds",
            config.map_or(600, |c| c.max_delay.value).into(),
        ),
    ])
}

/// The scaling adapter of a role.
pub fn scaling_adapter(group: &Group, role: &Role, own: &Map) -> Child {
    let mut all = own.clone();
    for (key, value) in labels(group, role) {
        if key != keys::GROUP_UID {
            all.insert(key, value);
        }
    }
    let target = Map::from_iter([
        ("name", Node::from(&group.name)),
        ("role", Node::from(&role.name)),
    ]);
    let spec = Map::from_iter([
        ("replicas", Node::from(role.replicas.value)),
        ("scaleTargetRef", target.into()),
    ]);
    let name = format!("{}-{}", group.name.value, role.name.value);
    let owner = ("RoleBasedGroup", group.name.value.as_str());
    let fields = Map::from_iter([("spec", spec)]);
    child(
        API_VERSION,
        "RoleBasedGroupScalingAdapter",
        name,
        owner,
        labelled(all),
        fields,
    )
}

/// An instance of a role.
pub fn instance(name: &str, set: &str) -> Child {
    child(
        API_VERSION,
        "RoleInstance",
        name,
        ("RoleInstanceSet", set),
        Map::new(),
        Map::new(),
    )
}

/// A group of a set.
pub fn group(name: &str, set: &str, index: i64, labels: &Map, annotations: &Map) -> Child {
    let mut all = labels.clone();
    all.insert(keys::SET_NAME, set);
    all.insert(keys::SET_INDEX, index.to_string());
    let metadata = Map::from_iter([("labels", all), ("annotations", annotations.clone())]);
    child(
        API_VERSION,
        "RoleBasedGroup",
        name,
        ("RoleBasedGroupSet", set),
        metadata,
        Map::new(),
    )
}
