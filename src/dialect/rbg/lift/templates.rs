//! The pod templates of an instance: references to role templates followed, patches applied.

use super::super::difference::same;
use super::super::read::{Component, Group, LeaderWorker, Pattern, Role, Source, has};
use crate::diagnostic::{Ledger, Severity};
use crate::kubernetes::merge::{Type, strategic_merge, strategic_merge_patch};
use crate::value::{Node, Value};

/// The templates of a role.
pub enum Templates {
    /// All pods are made of one.
    One(Node),
    /// A leader and workers.
    Pair(Box<Pair>),
    /// One for each component.
    Components(Vec<Node>),
}

/// The templates of leader and workers.
pub struct Pair {
    /// What both have.
    pub base: Node,
    /// The leader's, whole.
    pub leader: Node,
    /// The workers', whole.
    pub worker: Node,
}

impl Templates {
    /// The template of the first pod.
    pub fn first(&self) -> Option<&Node> {
        match self {
            Self::One(template) => Some(template),
            Self::Pair(pair) => Some(&pair.leader),
            Self::Components(all) => all.first(),
        }
    }

    /// All of them.
    pub fn all(&self) -> Vec<&Node> {
        match self {
            Self::One(template) => vec![template],
            Self::Pair(pair) => vec![&pair.leader, &pair.worker],
            Self::Components(all) => all.iter().collect(),
        }
    }
}

/// The templates of a role, as the controller makes them. What is overridden on the way is told to the ledger.
pub fn of(group: &Group, role: &Role, ledger: &mut Ledger) -> Templates {
    match &role.pattern {
        Pattern::Standalone(source) => Templates::One(base(group, source, ledger)),
        Pattern::LeaderWorker(pattern) => pair(group, pattern, ledger),
        Pattern::Components(pattern) => {
            let all = pattern.components.iter().map(|c| component(c, ledger));
            Templates::Components(all.collect())
        }
        // Fields of v1alpha1 in an object of v1alpha2: the controller makes nothing of them, and what is meant is plain.
        Pattern::None => Templates::One(role.node.get("template").cloned().unwrap_or_else(Node::map)),
    }
}

fn base(group: &Group, source: &Source, ledger: &mut Ledger) -> Node {
    let Some((name, patch)) = &source.reference else {
        return source.template.clone().unwrap_or_else(Node::map);
    };
    let found = group.templates.iter().find(|t| t.name.value == name.value);
    let mut template = found.map_or_else(Node::map, |t| {
        let mut template = patched(&t.template, patch.as_ref(), ledger);
        template.decided_by(&t.name.ids);
        template
    });
    template.decided_by(&name.ids);
    template
}

fn pair(group: &Group, pattern: &LeaderWorker, ledger: &mut Ledger) -> Templates {
    let base = base(group, &pattern.source, ledger);
    let leader = patched(&base, pattern.leader_patch.as_ref(), ledger);
    let worker = patched(&base, pattern.worker_patch.as_ref(), ledger);
    if pattern.leader_patch.is_none() && (pattern.worker_patch.is_none() || pattern.size.value <= 1) {
        return Templates::One(base);
    }
    if pattern.size.value <= 1 {
        return Templates::One(leader);
    }
    Templates::Pair(Box::new(Pair { base, leader, worker }))
}

/// A template with a patch over it. What is wrong with the patch is a warning, and the values that it replaces are noted.
fn patched(template: &Node, patch: Option<&Node>, ledger: &mut Ledger) -> Node {
    let Some(patch) = patch else {
        return template.clone();
    };
    let mut own = Ledger::new();
    let merged = strategic_merge_patch(template, patch, Type::PodTemplateSpec, &mut own);
    ledger.waivers.append(&mut own.waivers);
    for said in own.diagnostics {
        ledger.report(said.severity(Severity::Warning));
    }
    merged
}

/// A component's template with the labels and annotations that stand beside it.
fn component(component: &Component, ledger: &mut Ledger) -> Node {
    let mut template = component.template.clone();
    for (key, entries) in [
        ("labels", &component.labels),
        ("annotations", &component.annotations),
    ] {
        for (name, value) in entries {
            let target = template.at_mut(&["metadata", key]);
            if let Some(old) = target.get(name) {
                ledger.supersede(&old.ids, &value.ids);
            }
            target.set(name, value.clone());
        }
    }
    template
}

/// Whether the language can lay a patch over a template and get the same: it keeps what is new in lists behind, and has no
/// need of directives then.
pub fn lays(base: &Node, patch: Option<&Node>, whole: &Node) -> bool {
    let Some(patch) = patch else { return true };
    let mut plain = true;
    patch.walk(&mut |n| match &n.value {
        Value::Null => plain = false,
        Value::Map(map) => plain &= map.iter().all(|(key, _)| !key.starts_with('$')),
        _ => {}
    });
    plain
        && same(
            &strategic_merge(base, patch, Type::PodTemplateSpec, &mut Ledger::new()),
            whole,
        )
}

/// Whether the controller makes nothing of the group because of a reference to a role template: such references are kept as
/// they are, since a group that never ran must not start by being lifted and rendered.
pub fn broken_references(group: &Group, set: bool) -> bool {
    let mut references = group.roles.iter().filter_map(|role| {
        let (name, patch) = role.source()?.reference.as_ref()?;
        let known = group.templates.iter().any(|t| t.name.value == name.value);
        let kind = role.workload_type().rsplit('/').next().unwrap_or_default();
        let allowed = !["InstanceSet", "LeaderWorkerSet"].contains(&kind);
        Some(known && patch.is_some() && allowed)
    });
    match set {
        // Sets do not hand role templates on.
        true => references.next().is_some(),
        false => references.any(|works| !works),
    }
}

/// Whether a role names its template instead of writing it.
pub fn refers(pattern: &Node) -> bool {
    has(pattern, "templateRef")
}
