//! Reading StormServices, RoleSets and PodSets: typed, with what the CRD and the webhooks make of absent fields, every value
//! with its place. Pod templates stay the Kubernetes objects that they are.
//!
//! All objects have one version, `v1alpha1`. What the schema refuses is noted as a [`Problem`] and read as if it were absent.

use super::admission::SCHEMA;
use super::options::{GangScheduler, TopologyMode, TopologyScope};
use super::version::Version;
use crate::dialect::shared::read::Reader;
use crate::kubernetes::names;
use crate::pods::Problem;
use crate::value::{Ids, Map, Node, Str, Traced};

/// How the operator runs, as far as it decides what objects mean.
#[derive(Clone, Copy, Debug)]
pub struct How {
    /// The version of controllers and CRDs.
    pub version: Version,
    /// Whether webhooks run.
    pub webhooks: bool,
}

/// `metadata` as far as it matters.
#[derive(Clone, Default, Debug)]
pub struct Meta {
    /// The name.
    pub name: Traced<Str>,
    /// The labels.
    pub labels: Map,
    /// The annotations.
    pub annotations: Map,
}

/// A StormService.
#[derive(Clone, Default, Debug)]
pub struct StormService {
    /// Its metadata.
    pub meta: Meta,
    /// RoleSets. There is no default: nothing works without.
    pub replicas: Option<Traced<i64>>,
    /// The selector of its RoleSets.
    pub selector: Option<Node>,
    /// How changes reach RoleSets: `RollingUpdate` (if absent) or `InPlaceUpdate`.
    pub update: Option<Traced<Str>>,
    /// Labels of the RoleSets.
    pub template_labels: Map,
    /// Annotations of the RoleSets.
    pub template_annotations: Map,
    /// What the RoleSets hold; the webhook fails without.
    pub role_set: Option<RoleSetSpec>,
}

/// What a RoleSet holds.
#[derive(Clone, Default, Debug)]
pub struct RoleSetSpec {
    /// The roles in the order of the page.
    pub roles: Vec<Role>,
    /// The gang of the whole RoleSet.
    pub scheduling: Option<Strategy>,
    /// The affinity that its pods get.
    pub topology: Option<Topology>,
}

/// A RoleSet that somebody wrote.
#[derive(Clone, Default, Debug)]
pub struct RoleSet {
    /// Its metadata.
    pub meta: Meta,
    /// What it holds.
    pub spec: RoleSetSpec,
}

/// A role.
#[derive(Clone, Default, Debug)]
pub struct Role {
    /// The name; empty if it is absent.
    pub name: Traced<Str>,
    /// Pods, or groups of pods. There is no default: nothing works without.
    pub replicas: Option<Traced<i64>>,
    /// Pods of a group. Absent or 1: no groups.
    pub pod_group_size: Option<Traced<i64>>,
    /// Whether pods have an index. (Groups always have.)
    pub stateful: Option<Traced<bool>>,
    /// The pod template.
    pub template: Option<Node>,
    /// The gang of each group of pods.
    pub scheduling: Option<Strategy>,
    /// The place of the role.
    pub ids: Ids,
}

impl Role {
    /// Pods of one replica.
    pub fn size(&self) -> u32 {
        let size = self.pod_group_size.as_ref().map_or(1, |s| s.value);
        u32::try_from(size).unwrap_or(1).max(1)
    }

    /// Whether a replica is a group of pods (a PodSet).
    pub fn grouped(&self) -> bool {
        self.size() > 1
    }

    /// Replicas; below zero is none.
    pub fn count(&self) -> u32 {
        let count = self.replicas.as_ref().map_or(0, |r| r.value);
        u32::try_from(count.max(0)).unwrap_or(u32::MAX)
    }

    /// Whether its pods have an index and a host name.
    pub fn indexed(&self) -> bool {
        self.grouped() || self.stateful.as_ref().is_some_and(|s| s.value)
    }
}

/// A PodSet that somebody wrote.
#[derive(Clone, Default, Debug)]
pub struct PodSet {
    /// Its metadata.
    pub meta: Meta,
    /// Its pods.
    pub pod_group_size: Option<Traced<i64>>,
    /// Its pod template.
    pub template: Option<Node>,
    /// Its gang.
    pub scheduling: Option<Strategy>,
}

/// A gang: whose scheduler, and the spec of its PodGroup.
#[derive(Clone, Debug)]
pub struct Strategy {
    /// The scheduler.
    pub scheduler: GangScheduler,
    /// The PodGroup's spec.
    pub spec: Node,
}

/// An affinity that all pods get.
#[derive(Clone, Debug)]
pub struct Topology {
    /// Whose pods stay together.
    pub scope: Traced<TopologyScope>,
    /// Whether they must.
    pub mode: Traced<TopologyMode>,
    /// The label of nodes.
    pub key: Traced<Str>,
}

/// Reads a StormService.
pub fn storm_service(root: &Node, how: How) -> (StormService, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut r = Reader::new(root, &SCHEMA, &mut problems);
    let meta = meta(&mut r);
    let replicas = r.int("spec.replicas", 0, i32::MAX.into());
    let selector = object(&mut r, "spec.selector");
    if selector.is_none() && r.get("spec.selector").is_none() {
        r.problem("spec.selector", &SCHEMA, "is missing");
    }
    if r.get("spec.template").is_none() {
        r.problem("spec.template", &SCHEMA, "is missing");
    }
    let role_set = match r.get("spec.template.spec") {
        Some(node) if node.as_map().is_some() => {
            Some(role_set_spec(&mut r.below(node, "spec.template.spec"), how))
        }
        Some(_) => {
            r.problem("spec.template.spec", &SCHEMA, "is not a mapping");
            None
        }
        None => None,
    };
    // What decides nothing about pods is of the right type, at least.
    r.bool("spec.paused");
    r.bool("spec.stateful");
    r.int32("spec.revisionHistoryLimit");
    object(&mut r, "spec.disruptionTolerance");
    let service = StormService {
        meta,
        replicas,
        selector,
        update: update(&mut r, "spec.", &["RollingUpdate", "InPlaceUpdate"], how),
        template_labels: r.strings("spec.template.metadata.labels"),
        template_annotations: r.strings("spec.template.metadata.annotations"),
        role_set,
    };
    (service, problems)
}

/// Reads a RoleSet. There is no webhook for it.
pub fn role_set(root: &Node, how: How) -> (RoleSet, Vec<Problem>) {
    let how = How {
        webhooks: false,
        ..how
    };
    let mut problems = Vec::new();
    let mut r = Reader::new(root, &SCHEMA, &mut problems);
    let meta = meta(&mut r);
    let spec = match r.get("spec") {
        Some(node) => role_set_spec(&mut r.below(node, "spec"), how),
        None => RoleSetSpec::default(),
    };
    (RoleSet { meta, spec }, problems)
}

/// Reads a PodSet. There is no webhook for it.
pub fn pod_set(root: &Node, how: How) -> (PodSet, Vec<Problem>) {
    let how = How {
        webhooks: false,
        ..how
    };
    let mut problems = Vec::new();
    let mut r = Reader::new(root, &SCHEMA, &mut problems);
    let meta = meta(&mut r);
    for field in ["spec.podGroupSize", "spec.template"] {
        if r.get(field).is_none() {
            r.problem(field, &SCHEMA, "is missing");
        }
    }
    r.bool("spec.stateful");
    choice(
        &mut r,
        "spec.recoveryPolicy",
        &["ReplaceUnhealthy", "Recreate"],
        how,
    );
    let set = PodSet {
        meta,
        pod_group_size: r.int("spec.podGroupSize", 2, 100),
        template: object(&mut r, "spec.template"),
        scheduling: strategy(&mut r, "spec.", how),
    };
    (set, problems)
}

/// Reads `metadata`, as the API server checks it.
pub fn meta(r: &mut Reader<'_>) -> Meta {
    let name = r.name();
    if let Err(reason) = names::dns_subdomain(&name.value)
        && !name.value.is_empty()
    {
        r.problem("metadata.name", &SCHEMA, format!("is not valid: {reason}"));
    }
    let (labels, annotations) = (r.strings("metadata.labels"), r.strings("metadata.annotations"));
    labels_are_valid(&labels, &annotations, |reason, ids| {
        r.problems.push(Problem::new(&SCHEMA, reason, ids));
    });
    Meta {
        name,
        labels,
        annotations,
    }
}

/// Says what the API server would say of labels and annotations.
pub fn labels_are_valid(labels: &Map, annotations: &Map, mut say: impl FnMut(String, &Ids)) {
    for (key, value) in labels {
        let bad = names::qualified_key(key)
            .err()
            .map(|e| format!("the label's key `{key}`: {e}"));
        let bad = bad.or_else(|| {
            let text = value.as_str().unwrap_or_default();
            let why = names::label_value(text).err()?;
            Some(format!("the label `{key}: {text}`: {why}"))
        });
        if let Some(bad) = bad {
            say(bad, &value.ids);
        }
    }
    for (key, value) in annotations {
        if let Err(reason) = names::annotation_key(key) {
            say(format!("the annotation's key `{key}`: {reason}"), &value.ids);
        }
    }
}

fn role_set_spec(r: &mut Reader<'_>, how: How) -> RoleSetSpec {
    let mut roles = Vec::new();
    for (n, node) in r.list("roles").iter().enumerate() {
        let path = format!("roles[{n}]");
        if node.as_map().is_none() {
            let reason = format!("`{}{path}` is not a mapping", r.prefix);
            r.problems.push(Problem::new(&SCHEMA, reason, &node.ids));
        }
        roles.push(role(&mut r.below(node, &path), how));
    }
    choice(
        r,
        "updateStrategy",
        &["Parallel", "Sequential", "Interleave"],
        how,
    );
    RoleSetSpec {
        roles,
        scheduling: strategy(r, "", how),
        topology: topology(r, how),
    }
}

fn role(r: &mut Reader<'_>, how: How) -> Role {
    r.int("upgradeOrder", 1, i32::MAX.into());
    object(r, "disruptionTolerance");
    update(r, "", &["Recreate", "InPlaceIfPossible"], how);
    Role {
        name: r.string("name").unwrap_or_default(),
        replicas: r.int32("replicas"),
        pod_group_size: r.int("podGroupSize", 1, 100),
        stateful: r.bool("stateful"),
        template: object(r, "template"),
        scheduling: strategy(r, "", how),
        ids: r.root.ids.clone(),
    }
}

/// `updateStrategy` of a StormService or a role: its type.
fn update(r: &mut Reader<'_>, at: &str, words: &[&str], how: How) -> Option<Traced<Str>> {
    let path = format!("{at}updateStrategy");
    object(r, &path)?;
    for field in ["maxUnavailable", "maxSurge"] {
        let path = format!("{path}.{field}");
        if let Some(node) = r.get(&path)
            && node.as_int().is_none()
            && node.as_str().is_none()
        {
            r.problem(&path, &SCHEMA, "is neither a whole number nor a string");
        }
    }
    // Older versions do not know the type of a role's.
    if at.is_empty() && !how.version.in_place() {
        return None;
    }
    choice(r, &format!("{path}.type"), words, how)
}

/// A mapping as it is.
fn object(r: &mut Reader<'_>, path: &str) -> Option<Node> {
    let node = r.get(path)?;
    if node.as_map().is_none() {
        r.problem(path, &SCHEMA, "is not a mapping");
        return None;
    }
    Some(node.clone())
}

/// One of a few words. The mutating webhook leaves empty ones out.
fn choice(r: &mut Reader<'_>, path: &str, words: &[&str], how: How) -> Option<Traced<Str>> {
    if how.webhooks && r.get(path).and_then(Node::as_str) == Some("") {
        return None;
    }
    r.word(path, words)
}

const SCHEDULERS: [GangScheduler; 3] = [
    GangScheduler::Godel,
    GangScheduler::Coscheduling,
    GangScheduler::Volcano,
];

fn strategy(r: &mut Reader<'_>, at: &str, how: How) -> Option<Strategy> {
    let path = format!("{at}schedulingStrategy");
    object(r, &path)?;
    let mut found = Vec::new();
    for scheduler in SCHEDULERS {
        let path = format!("{path}.{}", scheduler.field());
        if let Some(spec) = object(r, &path) {
            let least = format!("{path}.minMember");
            let bound = if scheduler == GangScheduler::Coscheduling {
                1
            } else {
                i32::MIN.into()
            };
            // The mutating webhook leaves zeros out.
            if !(how.webhooks && r.get(&least).and_then(Node::as_int) == Some(0)) {
                r.int(&least, bound, i32::MAX.into());
            }
            r.int32(&format!("{path}.scheduleTimeoutSeconds"));
            r.string(&format!("{path}.priorityClassName"));
            r.string(&format!("{path}.queue"));
            found.push(Strategy { scheduler, spec });
        }
    }
    if found.len() > 1 {
        r.problem(&path, &SCHEMA, "has more than one strategy");
    }
    found.into_iter().next()
}

fn topology(r: &mut Reader<'_>, how: How) -> Option<Topology> {
    if !how.version.topology() {
        return None;
    }
    object(r, "topologyPolicy")?;
    for field in ["topologyPolicy.scope", "topologyPolicy.key"] {
        if r.get(field).is_none() {
            r.problem(field, &SCHEMA, "is missing");
        }
    }
    let scope = r.word("topologyPolicy.scope", &["StormService", "RoleSet", "Role"]);
    let mode = choice(r, "topologyPolicy.mode", &["Preferred", "Required"], how);
    let key = r.string("topologyPolicy.key");
    if let Some(key) = &key
        && let Err(reason) = names::qualified_key(&key.value)
    {
        r.problem("topologyPolicy.key", &SCHEMA, format!("is not valid: {reason}"));
    }
    let scope = scope?;
    Some(Topology {
        scope: Traced::new(TopologyScope::from_word(&scope.value)?, scope.ids),
        mode: match mode {
            Some(mode) => Traced::new(
                TopologyMode::from_word(&mode.value).unwrap_or(TopologyMode::Preferred),
                mode.ids,
            ),
            None => Traced::default_of(TopologyMode::Preferred),
        },
        key: key?,
    })
}
