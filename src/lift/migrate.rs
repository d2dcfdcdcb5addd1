//! Objects of one dialect to those of another: lifted, rendered, and with what stands beside them.

use super::codes::{BAD_CHANGE, NOT_BUILT};
use super::companions::{self, Marked, Scaled};
use super::scaling::{self, ScaleTarget};
use super::{Lifted, input, lift, templates_mut};
use crate::compile::{self, Assignment, Settings};
use crate::diagnostic::{Diagnostic, Ledger, Outcome};
use crate::dialect::lifting::{Added, Draft};
use crate::dialect::{self, Dialect};
use crate::ir::{MEMBER_LABEL, ROLE_LABEL, SERVING_LABEL};
use crate::kubernetes::merge::{Type, strategic_merge};
use crate::pods::compare::Placed;
use crate::source::Document;
use crate::value::{Node, Str, Value};

/// What a migration makes of an input.
#[derive(Debug, Default)]
pub struct Migrated {
    /// The objects: those of the workloads in dependency order, then what stood beside them.
    pub objects: Vec<Node>,
    /// What was said.
    pub diagnostics: Vec<Diagnostic>,
    /// The pods of the workloads that moved, before and after.
    pub pods: Marked,
}

/// What is changed on the way: the command line's words on lifted specs.
#[derive(Clone, Copy, Default, Debug)]
pub struct Changes<'a> {
    /// The name of the serving, if the input holds one only.
    pub name: Option<&'a str>,
    /// Values of the spec.
    pub assignments: &'a [Assignment],
}

impl Changes<'_> {
    /// Puts them into a lifted spec. What cannot be put there is said.
    pub fn apply(&self, draft: &mut Draft, ledger: &mut Ledger) {
        for assignment in self.assignments {
            if let Err(message) = compile::assign(&mut draft.serving, assignment) {
                let said = Diagnostic::new(&BAD_CHANGE, format!("--set: {message}"));
                ledger.report(said.at_ids(&assignment.value.ids));
            }
        }
        if let Some(name) = self.name {
            let own = draft.serving.at_mut(&["metadata", "name"]);
            own.value = Value::Str(name.into());
        }
    }
}

/// Migrates the workloads among the documents.
pub fn migrate(
    documents: &[Document],
    target: &dyn Dialect,
    changes: &Changes<'_>,
    settings: &Settings<'_>,
) -> Migrated {
    let mut ledger = Ledger::new();
    let Lifted { drafts, rest } = lift(documents, settings, &mut ledger);
    if drafts.is_empty() {
        ledger.report(super::no_workload(documents, settings));
    }
    let moves = |d: &&Draft| d.dialect != target.info().name && !target.migrates();
    if let Some(draft) = drafts.iter().find(moves) {
        let message = format!("moving into {} is not built", target.info().title);
        let said = Diagnostic::new(&NOT_BUILT, message).outcome(Outcome::Dropped);
        ledger.report(said.at(draft.replaces.first().copied()));
    }
    let mut migrated = Migrated::default();
    let has_scalers = rest.iter().any(|n| scaling::is_autoscaler(&documents[*n].root));
    let mut scaled = Vec::new();
    if changes.name.is_some() && drafts.len() > 1 {
        let message = format!("--name is for one serving, and the input holds {}", drafts.len());
        ledger.report(Diagnostic::new(&BAD_CHANGE, message));
    }
    for draft in &drafts {
        let mut changed = draft.clone();
        changes.apply(&mut changed, &mut ledger);
        let (objects, said) = compiled(&changed, documents, target, settings, &ledger);
        if draft.dialect != target.info().name {
            let pods = &mut migrated.pods;
            let mut source = marked_source(draft, settings);
            // Controllers complete pods by what stands beside the workload; only marked pods are looked at.
            source.extend(rest.iter().map(|n| documents[*n].root.clone()));
            pods.before.pods.extend(companions::marked(&source, settings));
            // Under a new name it is the same serving.
            let name = draft.serving.at(&["metadata", "name"]).and_then(Node::as_str);
            let moved = companions::marked(&objects, settings)
                .into_iter()
                .map(|p| Placed {
                    serving: name.unwrap_or_default().into(),
                    ..p
                });
            pods.after.pods.extend(moved);
            pods.before.given.extend(given(draft, draft.dialect));
            pods.after.given.extend(given(draft, target.info().name));
            if has_scalers {
                scaled.extend(self::scaled(draft, &changed, target, settings));
            }
        }
        migrated.objects.extend(objects);
        migrated.diagnostics.extend(said);
    }
    let beside: Vec<&Document> = rest.iter().map(|n| &documents[*n]).collect();
    let sources: Vec<&str> = drafts.iter().map(|d| d.dialect).collect();
    let beside = companions::follow(&beside, &migrated.pods, &scaled, &sources, target, &mut ledger);
    migrated.objects.extend(beside);
    migrated.diagnostics.extend(ledger.diagnostics);
    migrated
}

/// The objects of one draft on the target.
fn compiled(
    draft: &Draft,
    documents: &[Document],
    target: &dyn Dialect,
    settings: &Settings<'_>,
    said_so_far: &Ledger,
) -> (Vec<Node>, Vec<Diagnostic>) {
    let mut ledger = Ledger::new();
    // Each draft balances its own leaves, so all begin with the same excuses.
    ledger.waivers.extend(said_so_far.waivers.iter().cloned());
    let serving = if draft.dialect == target.info().name {
        draft.serving.clone()
    } else {
        ledger.waivers.extend(draft.elsewhere.iter().cloned());
        draft.broken.iter().for_each(|said| ledger.report(said.clone()));
        let mut serving = marked(draft);
        written_down(draft, &mut serving);
        serving
    };
    let decoded = compile::decode(&serving, settings.sources);
    ledger.diagnostics.extend(decoded.diagnostics.iter().cloned());
    let leaves = input(draft, documents, settings);
    let made = compile::compile_lifted(&decoded, &leaves, target, settings, ledger, &draft.implied);
    (made.objects, made.diagnostics)
}

/// What autoscalers of each role name, before and after.
fn scaled(draft: &Draft, changed: &Draft, target: &dyn Dialect, settings: &Settings<'_>) -> Vec<Scaled> {
    let Some(source) = dialect::find(draft.dialect) else {
        return Vec::new();
    };
    let before = scaling::targets(&draft.serving, source, settings);
    let after = scaling::targets(&changed.serving, target, settings);
    let pair = |(before, after): (Option<ScaleTarget>, _)| {
        Some(Scaled {
            before: before?,
            after,
        })
    };
    before.into_iter().zip(after).filter_map(pair).collect()
}

/// The names by which a dialect's controllers tell the pods of a draft who they are.
fn given(draft: &Draft, dialect: &str) -> Vec<Str> {
    let roles = draft.serving.at(&["spec", "roles"]).and_then(Node::as_seq);
    let mut names: Vec<Str> = Vec::new();
    let dialect = dialect::find(dialect);
    for role in roles.unwrap_or_default() {
        let Some(table) = dialect.map(|d| d.rendezvous(draft, role)) else {
            continue;
        };
        let all = table.variables.iter().chain(&table.fields).map(|g| g.name);
        for name in all {
            if !names.iter().any(|n| n == name) {
                names.push(name.into());
            }
        }
    }
    names
}

/// Writes down what the source's controllers add to pods.
fn written_down(draft: &Draft, serving: &mut Node) {
    let roles = serving.at_mut(&["spec", "roles"]).seq_mut();
    for Added { role, template, all } in &draft.added {
        let Some(role) = roles.get_mut(*role) else {
            continue;
        };
        let several = role.get("nodes").and_then(Node::as_int).unwrap_or(1) > 1;
        let lay = |place: &mut Node| {
            *place = strategic_merge(place, template, Type::PodTemplateSpec, &mut Ledger::new());
        };
        match role.map_mut().get_mut("members") {
            Some(members) => {
                let count = if *all { usize::MAX } else { 1 };
                for member in members.seq_mut().iter_mut().take(count) {
                    lay(member.at_mut(&["podTemplate"]));
                }
            }
            None if several && !all => lay(role.at_mut(&["leader"])),
            None => lay(role.at_mut(&["podTemplate"])),
        }
    }
}

/// The serving with the compiler's labels on its pods, by which companions select on the target.
fn marked(draft: &Draft) -> Node {
    let mut serving = draft.serving.clone();
    let spec = serving.at_mut(&["spec"]);
    spec.set("podLabels", "own");
    if let Some(roles) = spec.map_mut().get_mut("roles") {
        for template in roles.seq_mut().iter_mut().flat_map(templates_mut) {
            let Some(labels) = template
                .map_mut()
                .get_mut("metadata")
                .and_then(|m| m.map_mut().get_mut("labels"))
            else {
                continue;
            };
            let mut ids = labels.ids.clone();
            labels.map_mut().retain(|key, value| {
                let ours = [SERVING_LABEL, ROLE_LABEL, MEMBER_LABEL].contains(&key);
                if ours {
                    ids.merge(&value.ids);
                }
                !ours
            });
            labels.decided_by(&ids);
        }
    }
    serving
}

/// The objects of the source with the compiler's labels on their pods, so that pods of both sides can be told to be the same.
fn marked_source(draft: &Draft, settings: &Settings<'_>) -> Vec<Node> {
    let Some(source) = dialect::find(draft.dialect) else {
        return Vec::new();
    };
    let decoded = compile::decode(&marked(draft), settings.sources);
    let Some(serving) = decoded.serving else {
        return Vec::new();
    };
    compile::objects_patched(&serving, source, settings)
}
