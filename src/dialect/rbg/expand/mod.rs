//! What the controllers of RoleBasedGroup make of its objects (v0.8.0-alpha.5), as pods.
//!
//! A set is groups, a group is roles in the order of their dependencies, a role is a RoleInstanceSet (or one of three
//! deprecated workloads), that is instances, and an instance is components of pods.

mod children;
mod coordination;
mod deprecated;
mod discovery;
mod group;
mod instance;
mod prune;
mod template;
#[cfg(test)]
mod tests;
mod warmup;

use super::options::{GangScheduler, Platform};
use super::read::{self, Group};
use super::verdicts::{INSTANCE_PATTERN, NO_CONTROLLER, REPLICAS, keys};
use super::{admit, codes, names};
use crate::dialect::Context;
use crate::kubernetes::names::label_value;
use crate::pods::{Expansion, Problem, Scene};
use crate::source::Document;
use crate::spec::decode::Decoder;
use crate::value::{Ids, Map, Node, Str};
use group::Making;
use instance::{HANDED_ON, Instances, Naming, Part, Place};

/// The API group.
const GROUP: &str = "workloads.x-k8s.io/";

/// The kinds that are expanded. A CoordinatedPolicy is none that pods come of, but is judged like one.
const KINDS: [&str; 8] = [
    "RoleBasedGroup",
    "RoleBasedGroupSet",
    "RoleInstanceSet",
    "RoleInstance",
    "RoleBasedGroupWarmup",
    "CoordinatedPolicy",
    "InstanceSet",
    "Instance",
];

/// How the controller runs.
#[derive(Clone, Copy, Debug)]
pub struct Flags {
    /// Gangs are Volcano's, not those of the scheduler-plugins.
    pub volcano: bool,
    /// Ports are allocated.
    pub ports: bool,
    /// StatefulSets, Deployments and LeaderWorkerSets are possible.
    pub deprecated: bool,
}

/// Whether objects of this kind are expanded.
pub fn expands(api_version: &str, kind: &str) -> bool {
    api_version.starts_with(GROUP) && KINDS.contains(&kind)
}

/// The pods of an object.
pub fn expand(object: &Document, scene: &Scene<'_>, cx: &mut Context<'_>) -> Expansion {
    let flags = flags(cx);
    let namespace = scene.namespace_of(&object.root);
    let mut expansion = Expansion::default();
    match object.root.get("kind").and_then(Node::as_str).unwrap_or_default() {
        "RoleBasedGroup" => one_group(object, scene, cx, flags, &namespace, &mut expansion),
        "RoleBasedGroupSet" => set(object, scene, cx, flags, &namespace, &mut expansion),
        "RoleInstanceSet" => instance_set(&object.root, cx, flags, &namespace, &mut expansion),
        "RoleInstance" => lone_instance(&object.root, cx, &namespace, &mut expansion),
        "RoleBasedGroupWarmup" => warmup::expand(&object.root, cx.ledger, &mut expansion),
        "CoordinatedPolicy" => {
            let mut problems = Vec::new();
            read::check_spec(&object.root, &read::POLICY, &mut problems);
            expansion.reject_all(problems, cx.ledger);
        }
        kind => {
            let reason = format!("no controller makes anything of a {kind} since v0.7.0");
            let kind = object.root.get("kind");
            let ids = kind.map_or_else(|| object.root.ids.clone(), |k| k.ids.clone());
            expansion.dead_end(&NO_CONTROLLER, reason, &ids, cx.ledger);
        }
    }
    expansion
}

fn flags(cx: &mut Context<'_>) -> Flags {
    let mut decoder = Decoder {
        sources: cx.sources,
        ledger: cx.ledger,
    };
    let platform: Platform = cx.platform.section("rbg", &mut decoder);
    Flags {
        volcano: platform
            .gang_scheduler
            .is_some_and(|s| s.value == GangScheduler::Volcano),
        ports: platform.port_allocator.is_some_and(|p| p.value),
        deprecated: platform.deprecated_workloads.is_none_or(|d| d.value),
    }
}

fn one_group(
    object: &Document,
    scene: &Scene<'_>,
    cx: &mut Context<'_>,
    flags: Flags,
    namespace: &Str,
    expansion: &mut Expansion,
) {
    let (group, problems) = read::group(&object.root, namespace);
    expansion.reject_all(problems, cx.ledger);
    if expansion.is_open() {
        expansion.reject_all(admit::webhook(&group, flags.deprecated), cx.ledger);
    }
    if !expansion.is_open() || !affordable(&group, 1, expansion, cx) {
        return;
    }
    let mut making = Making::new(&group, scene, flags, 0);
    making.run(cx);
    making.fights(object, cx);
    finish(expansion, making.done(), cx);
}

fn set(
    object: &Document,
    scene: &Scene<'_>,
    cx: &mut Context<'_>,
    flags: Flags,
    namespace: &Str,
    expansion: &mut Expansion,
) {
    let (set, problems) = read::set(&object.root, namespace);
    expansion.reject_all(problems, cx.ledger);
    if expansion.is_open() && !flags.deprecated {
        expansion.reject_all(admit::no_deprecated(&set.group.roles), cx.ledger);
    }
    let replicas = set.replicas.value.max(0);
    if !expansion.is_open() || !affordable(&set.group, replicas, expansion, cx) {
        return;
    }
    let mut all = group::Made::default();
    for index in 0..replicas {
        let mut group = set.group.clone();
        group.name = set.name.map(|name| format!("{name}-{index}").into());
        // Only roles are handed on.
        group.templates.clear();
        all.children.push(children::group(
            &group.name.value,
            &set.name.value,
            index,
            &set.labels,
            &group.annotations,
        ));
        let refused = admit::webhook(&group, flags.deprecated);
        let made = if refused.is_empty() {
            let mut making = Making::new(&group, scene, flags, u32::try_from(index).unwrap_or(u32::MAX));
            making.run(cx);
            making.done()
        } else {
            all.children.pop();
            group::Made {
                problems: refused,
                ..group::Made::default()
            }
        };
        all.add(made);
    }
    finish(expansion, all, cx);
}

/// Takes over what was made, and why not all of it.
fn finish(expansion: &mut Expansion, made: group::Made, cx: &mut Context<'_>) {
    expansion.pods = made.pods;
    expansion.children = made.children;
    for problem in made.problems {
        expansion.incomplete(problem.code, problem.reason, &problem.ids, cx.ledger);
    }
}

fn affordable(group: &Group, times: i64, expansion: &mut Expansion, cx: &mut Context<'_>) -> bool {
    let count = group
        .roles
        .iter()
        .map(role_pods)
        .fold(0_u64, u64::saturating_add)
        // Groups without pods are objects too.
        .max(u64::from(times > 1))
        .saturating_mul(times.unsigned_abs());
    let roles: Vec<&Node> = group.roles.iter().map(|r| &r.node).collect();
    let templates: Vec<&Node> = group.templates.iter().map(|t| &t.template).collect();
    expansion.affordable(count, &[roles, templates].concat(), &group.ids, cx.ledger)
}

fn role_pods(role: &read::Role) -> u64 {
    let number = |n: i64| u64::try_from(n).unwrap_or(0);
    let each = match &role.pattern {
        read::Pattern::LeaderWorker(pattern) => number(pattern.size.value).max(1),
        read::Pattern::Components(pattern) => pattern
            .components
            .iter()
            .filter_map(|c| c.size.as_ref())
            .map(|s| number(s.value))
            .fold(1, u64::saturating_add),
        read::Pattern::Standalone(_) | read::Pattern::None => 1,
    };
    each.saturating_mul(number(role.replicas.value))
}

/// A RoleInstanceSet that somebody wrote.
fn instance_set(root: &Node, cx: &mut Context<'_>, flags: Flags, namespace: &str, expansion: &mut Expansion) {
    let mut problems = Vec::new();
    read::check_spec(root, &read::INSTANCE_SET, &mut problems);
    expansion.reject_all(problems, cx.ledger);
    if !expansion.is_open() {
        return;
    }
    let name = read::name(root);
    let metadata = |key: &str| read::strings(root.at(&["metadata", key]));
    let (labels, annotations) = (metadata("labels"), metadata("annotations"));
    let text = |map: &Map, key: &str| map.get(key).and_then(Node::as_str).unwrap_or_default().to_owned();
    let stateful = match text(&annotations, keys::INSTANCE_PATTERN).as_str() {
        "" | "Stateful" => true,
        "Stateless" => false,
        other => {
            let reason = format!("unknown role instance pattern \"{other}\"");
            let ids = annotations.get(keys::INSTANCE_PATTERN).map(|n| n.ids.clone());
            return expansion.dead_end(&INSTANCE_PATTERN, reason, &ids.unwrap_or_default(), cx.ledger);
        }
    };
    let Some(replicas) = root.at(&["spec", "replicas"]).and_then(Node::as_int) else {
        let reason = format!("RoleInstanceSet `{}` has no replicas", name.value);
        return expansion.dead_end(&REPLICAS, reason, &root.ids, cx.ledger);
    };
    let template = root
        .at(&["spec", "roleInstanceTemplate"])
        .cloned()
        .unwrap_or_default();
    let parts = parts(&template);
    let role = Str::from(text(&labels, names::ROLE_NAME));
    let count = pods_of(&parts).saturating_mul(u64::try_from(replicas).unwrap_or(0));
    if !expansion.affordable(count, &[&template], &name.ids, cx.ledger) {
        return;
    }
    let instances = Instances {
        namespace,
        naming: naming(&labels),
        parts,
        annotations: handed_on(&annotations),
        ordinals: stateful,
        owned: labels.contains_key(keys::OWNER_UID),
        ports: flags.ports,
        role_ports: false,
    };
    let (slice, made) = (0, &mut group::Made::default());
    let partition = root.at(&["spec", "updateStrategy", "partition"]);
    let wanted = group::Wanted {
        set: &name,
        stateful,
        steps: vec![replicas.max(0)],
        partition: group::partition(partition, replicas),
        role,
        slice,
    };
    group::multiply(instances.prepare(), &wanted, made);
    finish(expansion, std::mem::take(made), cx);
}

/// A RoleInstance that somebody wrote.
fn lone_instance(root: &Node, cx: &mut Context<'_>, namespace: &str, expansion: &mut Expansion) {
    let mut problems = Vec::new();
    read::check_spec(root, &read::INSTANCE, &mut problems);
    expansion.reject_all(problems, cx.ledger);
    if !expansion.is_open() {
        return;
    }
    let name = read::name(root);
    let spec = root.get("spec").cloned().unwrap_or_default();
    let parts = parts(&spec);
    if !expansion.affordable(pods_of(&parts), &[&spec], &name.ids, cx.ledger) {
        return;
    }
    let metadata = |key: &str| read::strings(root.at(&["metadata", key]));
    let labels = metadata("labels");
    let instances = Instances {
        namespace,
        naming: naming(&labels),
        parts,
        annotations: metadata("annotations"),
        ordinals: labels.contains_key(keys::INSTANCE_INDEX),
        owned: labels.contains_key(keys::OWNER_UID),
        ports: false,
        role_ports: false,
    };
    let mut prepared = instances.prepare();
    let mut made = group::Made::default();
    prepared.pods(&name.value, None, "", &Place::default(), &mut made.pods);
    made.problems = prepared.problems;
    finish(expansion, made, cx);
}

fn naming(labels: &Map) -> Naming {
    match labels.get(keys::ROLE_TYPE).and_then(Node::as_str) {
        Some("PodTemplate") => Naming::Single,
        Some("LeaderWorkerSet") => Naming::LeaderWorker,
        _ => Naming::Components,
    }
}

fn handed_on(annotations: &Map) -> Map {
    annotations
        .iter()
        .filter(|(key, _)| HANDED_ON.contains(&key.as_str()))
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}

fn parts(owner: &Node) -> Vec<Part> {
    read::components(owner)
        .into_iter()
        .map(|component| {
            let mut template = component.template;
            prune::template(&mut template);
            Part {
                name: component.name.value,
                size: component.size.map(|s| s.value),
                service: component.service_name.map(|s| s.value).unwrap_or_default(),
                annotations: component.annotations,
                template,
                ids: component.name.ids,
            }
        })
        .collect()
}

fn pods_of(parts: &[Part]) -> u64 {
    let sizes = parts.iter().filter_map(|p| p.size);
    sizes
        .map(|n| u64::try_from(n).unwrap_or(0))
        .fold(0, u64::saturating_add)
}

/// Whether the label of an instance's revision can be written: the set's name, a dash, a hash of ten characters.
fn revision_problem(set: &str, ids: &Ids) -> Option<Problem> {
    let length = set.len() + 11;
    let fits = length <= 63 && label_value(set).is_ok();
    let reason = format!(
        "`{set}` is {} characters long; the revision label of its pods leaves 52",
        set.len()
    );
    (!fits).then(|| Problem::new(&codes::NAME_TOO_LONG, reason, ids))
}
