//! Groups, and sets of them, to the language: a role is a role, a role instance a replica, a group of a set a slice.
//!
//! Objects of v1alpha1 are converted first, as the API server does it. References to role templates, patches of leader and
//! workers and labels of components are three notations for pod templates; a spec keeps what they mean ([`normal`]).

mod defaults;
mod group;
mod lost;
mod normal;
mod role;
mod runtimes;
mod startup;
mod templates;
#[cfg(test)]
mod tests;
mod words;

pub use defaults::DEFAULTS;
pub use words::rendezvous;

use super::admit;
use super::codes::{CONVERTED, HARMLESS};
use super::read::{self, Group};
use super::verdicts::{OLD_COORDINATION, keys};
use crate::diagnostic::{Diagnostic, IdSet, Ledger, Outcome};
use crate::dialect::lifting::{Draft, Lifting, warn};
use crate::pods::{Problem, Scene};
use crate::source::Document;
use crate::value::{Ids, Map, Node, Str, Value};
use templates::Templates;

/// The servings of the input.
pub fn lift(lifting: &mut Lifting<'_, '_>) -> Vec<Draft> {
    let scene = lifting.scene;
    let ledger = &mut *lifting.cx.ledger;
    let mut drafts = Vec::new();
    for document in scene.documents {
        let text = |key| document.root.get(key).and_then(Node::as_str).unwrap_or_default();
        if !text("apiVersion").starts_with("workloads.x-k8s.io/") {
            continue;
        }
        let namespace = scene.namespace_of(&document.root);
        match text("kind") {
            "RoleBasedGroup" => {
                let mut draft = of_group(document, &namespace, scene, ledger);
                let name = &document.root.at(&["metadata", "name"]).and_then(Node::as_str);
                let policy = scene
                    .of_kind("CoordinatedPolicy", &namespace)
                    .find(|d| d.root.at(&["metadata", "name"]).and_then(Node::as_str) == *name);
                if let Some(policy) = policy {
                    let (group, _) = read::group(&document.root, &namespace);
                    group::coordination(&mut draft, &group, policy);
                }
                drafts.push(draft);
            }
            "RoleBasedGroupSet" => drafts.push(of_set(document, &namespace, scene, ledger)),
            _ => {}
        }
    }
    drafts
}

fn of_group(document: &Document, namespace: &Str, scene: &Scene<'_>, ledger: &mut Ledger) -> Draft {
    let (group, mut problems) = read::group(&document.root, namespace);
    if problems.is_empty() {
        problems.extend(admit::webhook(&group, true));
        problems.extend(admit::before_anything(&group));
        if let Some(old) = group.annotations.get(keys::V1_COORDINATION) {
            let reason = "`spec.coordination` of v1alpha1 stops the controller before any role is made; write it as `targets.rbg.coordination`";
            problems.push(Problem::new(&OLD_COORDINATION, reason, &old.ids));
        }
    }
    let draft = draft(document, &group, None, &problems, scene, ledger);
    warn(problems, ledger);
    draft
}

fn of_set(document: &Document, namespace: &Str, scene: &Scene<'_>, ledger: &mut Ledger) -> Draft {
    let (set, problems) = read::set(&document.root, namespace);
    let draft = draft(document, &set.group, Some(&set), &problems, scene, ledger);
    warn(problems, ledger);
    draft
}

fn draft(
    document: &Document,
    group: &Group,
    set: Option<&read::Set>,
    problems: &[Problem],
    scene: &Scene<'_>,
    ledger: &mut Ledger,
) -> Draft {
    let templates: Vec<Templates> = group
        .roles
        .iter()
        .map(|role| templates::of(group, role, ledger))
        .collect();
    let keep = templates::broken_references(group, set.is_some());
    let mut normal = normal::object(&document.root, group, &templates, set.is_some(), keep);
    normal::without_refused(&mut normal, problems);
    let mut draft = Draft::new(
        "rbg",
        group.name.node(),
        &Document {
            id: document.id,
            root: normal.clone(),
            comments: Vec::new(),
        },
    );
    unwritten(document, &normal, ledger);
    draft.normal.push((document.id, normal));
    metadata(&mut draft);
    if let Some(set) = set {
        groups(&mut draft, set);
    }
    let waits = group::waits(group);
    let mut roles: Vec<_> = group
        .roles
        .iter()
        .zip(&templates)
        .zip(waits)
        .map(|((role, templates), waits)| role::role(role, templates, waits, set.is_some()))
        .collect();
    group::gang(&mut draft, group, &templates);
    group::exclusive(&mut draft, group, &mut roles, &templates);
    roles.into_iter().for_each(|role| draft.role(role));
    lost::say(&mut draft, group, &templates);
    runtimes::add(&mut draft, group, &templates, scene);
    harmless(&mut draft, group);
    draft
}

/// What neither the conversion of v1alpha1 nor any pod takes over.
fn unwritten(document: &Document, normal: &Node, ledger: &mut Ledger) {
    let kept = IdSet::of_nodes([normal]);
    let mut gone = Ids::none();
    document.root.walk(&mut |n| {
        let leaf = match &n.value {
            Value::Map(map) => map.is_empty(),
            Value::Seq(list) => list.is_empty(),
            _ => true,
        };
        if leaf {
            n.ids
                .iter()
                .filter(|id| !kept.contains(*id))
                .for_each(|id| gone.insert(id));
        }
    });
    let message = if read::is_old(&document.root) {
        "the conversion of v1alpha1 to v1alpha2 drops this, or no role uses it"
    } else {
        "no role uses this, or the API has no such field or value"
    };
    ledger.waive(
        &gone,
        Diagnostic::new(&CONVERTED, message).outcome(Outcome::Dropped),
    );
}

/// Leaves the annotations out that are words, or that mean something to the controllers alone.
fn metadata(draft: &mut Draft) {
    let metadata = draft.serving.at_mut(&["metadata"]).map_mut();
    if let Some(annotations) = metadata.get_mut("annotations") {
        annotations.map_mut().retain(|key, _| !group::is_own(key));
        if annotations.as_map().is_some_and(Map::is_empty) {
            metadata.remove("annotations");
        }
    }
}

/// What the groups of a set have that the set has not.
fn groups(draft: &mut Draft, set: &read::Set) {
    let replicas = &set.replicas;
    let several = (replicas.value >= 0 && replicas.value != 1).then(|| replicas.node());
    draft.set(&["slices"], several);
    if replicas.value <= 1 {
        draft.option("set", Some(true));
    }
    let mut annotations = set.group.annotations.clone();
    annotations.retain(|key, _| !group::is_own(key));
    for (key, option, own) in [
        ("labels", "groupLabels", &set.labels),
        ("annotations", "groupAnnotations", &annotations),
    ] {
        let of_set = draft.serving.at(&["metadata", key]).and_then(Node::as_map);
        if own.is_empty() || of_set == Some(own) {
            continue;
        }
        draft.option(option, Some(own.clone()));
    }
}

/// What changes neither the pods nor how they come to be elsewhere.
fn harmless(draft: &mut Draft, group: &Group) {
    let mut say = |ids: Ids, message: String, remedy: &str| {
        let said = Diagnostic::new(&HARMLESS, message).outcome(Outcome::Dropped);
        let said = if remedy.is_empty() {
            said
        } else {
            said.remedy(remedy)
        };
        draft.lost_elsewhere(&ids, said);
    };
    for role in &group.roles {
        let name = &role.name.value;
        let written = role.annotations.get(keys::WORKLOAD_TYPE).map(|n| n.ids.clone());
        say(
            written.unwrap_or_default(),
            format!("what `{name}` becomes is decided by each target for itself"),
            "",
        );
        let of = |path: &[&str]| role.node.at(path).map(Node::all_ids).unwrap_or_default();
        say(
            of(&["scalingAdapter"]),
            format!("no adapter is needed to scale `{name}`"),
            "write `scaling` for an autoscaler of the target's own",
        );
        say(
            of(&["rolloutStrategy", "rollingUpdate", "inPlaceUpdateStrategy"]),
            format!("the time before an image of `{name}` is changed in place is RoleBasedGroup's alone"),
            "",
        );
        let inert: Vec<&Node> = role
            .annotations
            .iter()
            .filter(|(key, _)| key.contains("rolebasedgroup.workloads.x-k8s.io/"))
            .map(|(_, value)| value)
            .collect();
        say(
            inert.iter().fold(Ids::none(), |ids, n| ids.union(&n.ids)),
            format!("an annotation of `{name}` that no controller reads any more"),
            "",
        );
    }
}
