//! Groups as the API server stores them: any served version, defaults of the CRD, ids kept.
//!
//! [`group`] and [`set`] take an object of either version, check it as its CRD does, convert it and read it. Reading itself
//! never fails: what does not decode was a problem before, and reads as absent. Pod templates stay whole.

mod cel;
mod convert;
mod schema;

pub use cel::has;
pub use schema::{INSTANCE, INSTANCE_SET, POLICY, check};

use super::verdicts::keys;
use crate::pods::Problem;
use crate::value::{Ids, Map, Node, Str, Traced};

/// A RoleBasedGroup.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name.
    pub name: Traced<Str>,
    /// Its namespace.
    pub namespace: Str,
    /// Its annotations.
    pub annotations: Map,
    /// Templates that roles refer to.
    pub templates: Vec<RoleTemplate>,
    /// Its roles.
    pub roles: Vec<Role>,
    /// Where `spec` is.
    pub ids: Ids,
}

/// An entry of `spec.roleTemplates`.
#[derive(Clone, Debug)]
pub struct RoleTemplate {
    /// Its name.
    pub name: Traced<Str>,
    /// The pod template.
    pub template: Node,
}

/// A role.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its name.
    pub name: Traced<Str>,
    /// Its instances. Default 1.
    pub replicas: Traced<i64>,
    /// Labels of its RoleInstanceSet.
    pub labels: Map,
    /// Annotations of its RoleInstanceSet and Service.
    pub annotations: Map,
    /// The roles that must be ready before.
    pub dependencies: Vec<Traced<Str>>,
    /// What an instance is.
    pub pattern: Pattern,
    /// Ports for the discovery configuration.
    pub service_ports: Vec<Node>,
    /// Profiles of sidecars.
    pub runtimes: Vec<Node>,
    /// Whether it has a scaling adapter, and that adapter's labels.
    pub scaling_adapter: Option<Map>,
    /// Seconds until an instance counts as available. Default 0.
    pub min_ready_seconds: Traced<i64>,
    /// `Parallel` (default) or `OrderedReady`.
    pub pod_management_policy: Traced<Str>,
    /// `rolloutStrategy.rollingUpdate`, as written.
    pub rolling_update: Option<Node>,
    /// The whole role, for keys that the API does not know.
    pub node: Node,
}

/// What an instance of a role is. Of several patterns the first of this order counts.
#[derive(Clone, Debug)]
pub enum Pattern {
    /// Nothing that the controller knows.
    None,
    /// One pod.
    Standalone(Source),
    /// A leader and workers.
    LeaderWorker(Box<LeaderWorker>),
    /// Components.
    Components(Components),
}

/// Where a pod template comes from.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// The template itself.
    pub template: Option<Node>,
    /// The name of a role template, and the patch over it.
    pub reference: Option<(Traced<Str>, Option<Node>)>,
}

/// `leaderWorkerPattern`.
#[derive(Clone, Debug)]
pub struct LeaderWorker {
    /// Pods of an instance. Default 1.
    pub size: Traced<i64>,
    /// The template of both.
    pub source: Source,
    /// What is different in the leader.
    pub leader_patch: Option<Node>,
    /// What is different in the workers.
    pub worker_patch: Option<Node>,
    /// Whom the headless Service selects: `All` or `LeaderOnly`.
    pub selection: Option<Traced<Str>>,
    /// When the instance restarts.
    pub restart: Restart,
}

/// `customComponentsPattern`.
#[derive(Clone, Debug)]
pub struct Components {
    /// The components in order.
    pub components: Vec<Component>,
    /// When the instance restarts.
    pub restart: Restart,
}

/// A component.
#[derive(Clone, Debug)]
pub struct Component {
    /// Its name.
    pub name: Traced<Str>,
    /// Its pods. There is no default.
    pub size: Option<Traced<i64>>,
    /// The Service of its pods' DNS names, if it is not the role's.
    pub service_name: Option<Traced<Str>>,
    /// Labels over those of the template.
    pub labels: Map,
    /// Annotations over those of the template.
    pub annotations: Map,
    /// The pod template.
    pub template: Node,
}

/// `restartPolicyConfig`, or the string that it replaced.
#[derive(Clone, Debug)]
pub struct Restart {
    /// `None` or `RecreateRoleInstanceOnPodRestart` (default of all but standalone roles).
    pub policy: Option<Traced<Str>>,
    /// Seconds before the second restart. Default 30.
    pub base_delay: Traced<i64>,
    /// Seconds before a restart at most. Default 600.
    pub max_delay: Traced<i64>,
}

/// A RoleBasedGroupSet.
#[derive(Clone, Debug)]
pub struct Set {
    /// Its name.
    pub name: Traced<Str>,
    /// Its groups. Default 1.
    pub replicas: Traced<i64>,
    /// Labels of the groups.
    pub labels: Map,
    /// The group that it repeats; its annotations are those of `groupTemplate`, its name is the set's.
    pub group: Group,
}

/// Reads a RoleBasedGroup, with what its CRD refuses.
pub fn group(object: &Node, namespace: &Str) -> (Group, Vec<Problem>) {
    let mut problems = Vec::new();
    let old = is_old(object);
    let schema = if old { &schema::OLD_GROUP } else { &schema::GROUP };
    check_spec(object, schema, &mut problems);
    let spec = object.get("spec");
    if problems.is_empty() {
        cel::rules(spec, old, &mut problems);
    }
    let stored = if old {
        convert::group(object)
    } else {
        object.clone()
    };
    let group = read_group(
        &stored,
        stored.get("spec"),
        stored.at(&["metadata", "annotations"]),
        namespace,
    );
    (group, problems)
}

/// Reads a RoleBasedGroupSet, with what its CRD refuses.
pub fn set(object: &Node, namespace: &Str) -> (Set, Vec<Problem>) {
    let mut problems = Vec::new();
    let old = is_old(object);
    check_spec(
        object,
        if old { &schema::OLD_SET } else { &schema::SET },
        &mut problems,
    );
    let spec = if old {
        object.at(&["spec", "template"])
    } else {
        object.at(&["spec", "groupTemplate", "spec"])
    };
    if problems.is_empty() {
        cel::rules(spec, old, &mut problems);
    }
    let stored = if old { convert::set(object) } else { object.clone() };
    let template = stored.at(&["spec", "groupTemplate"]);
    let of = |key: &str| template.and_then(|t| t.get(key));
    let set = Set {
        name: name(&stored),
        replicas: int(stored.get("spec"), "replicas", 1),
        labels: strings(of("labels")),
        group: read_group(&stored, of("spec"), of("annotations"), namespace),
    };
    (set, problems)
}

/// Checks `spec` of an object, which must be there.
pub fn check_spec(object: &Node, schema: &schema::Type, problems: &mut Vec<Problem>) {
    match object.get("spec").filter(|s| !s.is_null()) {
        Some(spec) => check(spec, schema, "spec", problems),
        // An absent `spec` is stored as it is; everything in it is then absent too.
        None => check(&Node::derived(Map::new(), &object.ids), schema, "spec", problems),
    }
}

/// An object as the API server stores it: in v1alpha2.
pub fn stored(object: &Node) -> Node {
    match object.get("kind").and_then(Node::as_str) {
        Some("RoleBasedGroup") if is_old(object) => convert::group(object),
        Some("RoleBasedGroupSet") if is_old(object) => convert::set(object),
        _ => object.clone(),
    }
}

/// Whether an object is of v1alpha1.
pub fn is_old(object: &Node) -> bool {
    object
        .get("apiVersion")
        .and_then(Node::as_str)
        .is_some_and(|v| v.ends_with("/v1alpha1"))
}

/// `metadata.name` of an object.
pub fn name(object: &Node) -> Traced<Str> {
    match object.at(&["metadata", "name"]) {
        Some(node) => Traced::new(node.as_str().unwrap_or_default().into(), node.ids.clone()),
        None => Traced::new(Str::default(), object.ids.clone()),
    }
}

fn read_group(object: &Node, spec: Option<&Node>, annotations: Option<&Node>, namespace: &Str) -> Group {
    let list = |key: &str| seq(spec, key);
    Group {
        name: name(object),
        namespace: namespace.clone(),
        annotations: strings(annotations),
        templates: list("roleTemplates")
            .iter()
            .map(|t| RoleTemplate {
                name: text(Some(t), "name").unwrap_or_default(),
                template: t.get("template").cloned().unwrap_or_default(),
            })
            .collect(),
        roles: list("roles").iter().map(role).collect(),
        ids: spec.map_or_else(|| object.ids.clone(), |s| s.ids.clone()),
    }
}

fn role(node: &Node) -> Role {
    let whole = Some(node);
    let adapter = object(whole, "scalingAdapter")
        .filter(|a| a.get("enable").and_then(Node::as_bool) == Some(true))
        .map(|a| strings(a.get("labels")));
    Role {
        name: text(whole, "name").unwrap_or_default(),
        replicas: int(whole, "replicas", 1),
        labels: strings(node.get("labels")),
        annotations: strings(node.get("annotations")),
        dependencies: seq(whole, "dependencies")
            .iter()
            .map(|d| Traced::new(d.as_str().unwrap_or_default().into(), d.ids.clone()))
            .collect(),
        pattern: pattern(node),
        service_ports: seq(whole, "servicePorts").to_vec(),
        runtimes: seq(whole, "engineRuntimes").to_vec(),
        scaling_adapter: adapter,
        min_ready_seconds: int(whole, "minReadySeconds", 0),
        pod_management_policy: text(whole, "podManagementPolicy")
            .unwrap_or_else(|| Traced::default_of("Parallel".into())),
        rolling_update: object(object(whole, "rolloutStrategy"), "rollingUpdate").cloned(),
        node: node.clone(),
    }
}

fn pattern(role: &Node) -> Pattern {
    let role = Some(role);
    if let Some(standalone) = object(role, "standalonePattern") {
        return Pattern::Standalone(source(standalone));
    }
    if let Some(pattern) = object(role, "leaderWorkerPattern") {
        let some = |key: &str| pattern.get(key).filter(|n| !n.is_null()).cloned();
        return Pattern::LeaderWorker(Box::new(LeaderWorker {
            size: int(Some(pattern), "size", 1),
            source: source(pattern),
            leader_patch: some("leaderTemplatePatch"),
            worker_patch: some("workerTemplatePatch"),
            selection: text(Some(pattern), "sharedServiceSelection"),
            restart: restart(pattern),
        }));
    }
    match object(role, "customComponentsPattern") {
        Some(pattern) => Pattern::Components(Components {
            components: components(pattern),
            restart: restart(pattern),
        }),
        None => Pattern::None,
    }
}

/// The `components` of a pattern, or of a RoleInstance.
pub fn components(owner: &Node) -> Vec<Component> {
    let component = |c: &Node| Component {
        name: text(Some(c), "name").unwrap_or_default(),
        size: c
            .get("size")
            .and_then(|n| Some(Traced::new(n.as_int()?, n.ids.clone()))),
        service_name: text(Some(c), "serviceName").filter(|s| !s.value.is_empty()),
        labels: strings(c.get("labels")),
        annotations: strings(c.get("annotations")),
        template: c.get("template").cloned().unwrap_or_default(),
    };
    seq(Some(owner), "components").iter().map(component).collect()
}

fn source(pattern: &Node) -> Source {
    let reference = object(Some(pattern), "templateRef").map(|reference| {
        let patch = reference.get("patch").filter(|p| !p.is_null()).cloned();
        (text(Some(reference), "name").unwrap_or_default(), patch)
    });
    Source {
        template: object(Some(pattern), "template").cloned(),
        reference,
    }
}

fn restart(pattern: &Node) -> Restart {
    let config = object(Some(pattern), "restartPolicyConfig");
    Restart {
        policy: text(config, "type").or_else(|| text(Some(pattern), "restartPolicy")),
        base_delay: int(config, "baseDelaySeconds", 30),
        max_delay: int(config, "maxDelaySeconds", 600),
    }
}

fn object<'a>(node: Option<&'a Node>, key: &str) -> Option<&'a Node> {
    node?.get(key).filter(|n| n.as_map().is_some())
}

fn seq<'a>(node: Option<&'a Node>, key: &str) -> &'a [Node] {
    node.and_then(|n| n.get(key))
        .and_then(Node::as_seq)
        .unwrap_or_default()
}

/// A string field.
pub fn text(node: Option<&Node>, key: &str) -> Option<Traced<Str>> {
    let node = node?.get(key)?;
    Some(Traced::new(node.as_str()?.into(), node.ids.clone()))
}

/// A whole number with its default.
pub fn int(node: Option<&Node>, key: &str, default: i64) -> Traced<i64> {
    node.and_then(|n| n.get(key))
        .and_then(|n| Some(Traced::new(n.as_int()?, n.ids.clone())))
        .unwrap_or_else(|| Traced::default_of(default))
}

/// A mapping of strings; null counts as the empty string.
pub fn strings(node: Option<&Node>) -> Map {
    let entries = node.and_then(Node::as_map).into_iter().flatten();
    Map::from_unique(
        entries
            .map(|(key, value)| match value.as_str() {
                Some(_) => (key.clone(), value.clone()),
                None => (key.clone(), Node::derived("", &value.ids)),
            })
            .collect(),
    )
}

/// What a role becomes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Workload {
    /// A RoleInstanceSet.
    RoleInstanceSet,
    /// A StatefulSet.
    StatefulSet,
    /// A Deployment.
    Deployment,
    /// A LeaderWorkerSet.
    LeaderWorkerSet,
    /// Something that the controller refuses.
    Unknown,
}

/// The workload type of roles that name none.
pub const ROLE_INSTANCE_SET: &str = "workloads.x-k8s.io/v1alpha2/RoleInstanceSet";

impl Role {
    /// An annotation of the role, empty if it has none.
    pub fn annotation(&self, key: &str) -> &str {
        self.annotations
            .get(key)
            .and_then(Node::as_str)
            .unwrap_or_default()
    }

    /// The workload type as written (`apiVersion/kind`).
    pub fn workload_type(&self) -> &str {
        match self.annotation(keys::WORKLOAD_TYPE) {
            "" => ROLE_INSTANCE_SET,
            other => other,
        }
    }

    /// What the role becomes. A type without a slash counts as none.
    pub fn workload(&self) -> Workload {
        match self.workload_type() {
            "apps/v1/StatefulSet" => Workload::StatefulSet,
            "apps/v1/Deployment" => Workload::Deployment,
            "leaderworkerset.x-k8s.io/v1/LeaderWorkerSet" => Workload::LeaderWorkerSet,
            ROLE_INSTANCE_SET => Workload::RoleInstanceSet,
            other if other.rfind('/').is_none_or(|at| at == 0) => Workload::RoleInstanceSet,
            _ => Workload::Unknown,
        }
    }

    /// Whether its instances have ordinals, a discovery configuration and an index.
    pub fn is_stateful(&self) -> bool {
        match self.workload_type() {
            "apps/v1/Deployment" => false,
            ROLE_INSTANCE_SET => self.annotation(keys::INSTANCE_PATTERN) != "Stateless",
            _ => true,
        }
    }

    /// Where its pod template comes from; components have their own.
    pub fn source(&self) -> Option<&Source> {
        match &self.pattern {
            Pattern::Standalone(source) => Some(source),
            Pattern::LeaderWorker(pattern) => Some(&pattern.source),
            Pattern::Components(_) | Pattern::None => None,
        }
    }

    /// Whether the headless Service is for leaders alone.
    pub fn leaders_only(&self) -> bool {
        let Pattern::LeaderWorker(pattern) = &self.pattern else {
            return false;
        };
        self.workload_type() == ROLE_INSTANCE_SET
            && pattern.selection.as_ref().is_none_or(|s| s.value != "All")
    }
}

impl Group {
    /// An annotation of the group, empty if it has none.
    pub fn annotation(&self, key: &str) -> &str {
        self.annotations
            .get(key)
            .and_then(Node::as_str)
            .unwrap_or_default()
    }

    /// The role of a name.
    pub fn role(&self, name: &str) -> Option<&Role> {
        self.roles.iter().find(|r| r.name.value == name)
    }

    /// The role's RoleInstanceSet, StatefulSet, Deployment or LeaderWorkerSet.
    pub fn workload_name(&self, role: &Role) -> String {
        cut(format!("{}-{}", self.name.value, role.name.value))
    }

    /// The role's headless Service.
    pub fn service_name(&self, role: &Role) -> String {
        cut(format!("s-{}-{}", self.name.value, role.name.value))
    }
}

/// Names have at most 63 characters, and end in no dash.
fn cut(mut name: String) -> String {
    if name.len() > 63 {
        let at = (0..=63).rev().find(|i| name.is_char_boundary(*i)).unwrap_or(0);
        name.truncate(at);
        name.truncate(name.trim_end_matches('-').len());
    }
    name
}
