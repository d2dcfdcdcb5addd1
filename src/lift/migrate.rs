//! Objects of one dialect to those of another: lifted, rendered, and with what stands beside them.

use super::codes::NO_WORKLOAD;
use super::companions::{self, Marked};
use super::{Lifted, input, lift, templates_mut};
use crate::compile::{self, Settings};
use crate::diagnostic::{Diagnostic, Ledger};
use crate::dialect::lifting::Draft;
use crate::dialect::{self, Dialect};
use crate::ir::{MEMBER_LABEL, ROLE_LABEL, SERVING_LABEL};
use crate::source::Document;
use crate::value::{Node, Str};

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

/// Migrates the workloads among the documents.
pub fn migrate(documents: &[Document], target: &dyn Dialect, settings: &Settings<'_>) -> Migrated {
    let mut ledger = Ledger::new();
    let Lifted { drafts, rest } = lift(documents, settings, &mut ledger);
    if drafts.is_empty() {
        let said = Diagnostic::new(&NO_WORKLOAD, "the input holds no workload that can be lifted");
        ledger.report(said.at(documents.first().map(|d| d.id)));
    }
    let mut migrated = Migrated::default();
    for draft in &drafts {
        let (objects, said) = compiled(draft, documents, target, settings, &mut ledger);
        if draft.dialect != target.info().name {
            let pods = &mut migrated.pods;
            pods.before
                .pods
                .extend(companions::marked(&marked_source(draft, settings), settings));
            pods.after.pods.extend(companions::marked(&objects, settings));
            pods.before.given.extend(given(draft, draft.dialect));
            pods.after.given.extend(given(draft, target.info().name));
        }
        migrated.objects.extend(objects);
        migrated.diagnostics.extend(said);
    }
    let beside: Vec<&Document> = rest.iter().map(|n| &documents[*n]).collect();
    let sources: Vec<&str> = drafts.iter().map(|d| d.dialect).collect();
    let beside = companions::follow(&beside, &migrated.pods, &sources, target, &mut ledger);
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
    said_so_far: &mut Ledger,
) -> (Vec<Node>, Vec<Diagnostic>) {
    let mut ledger = Ledger::new();
    ledger.waivers.append(&mut said_so_far.waivers);
    let serving = if draft.dialect == target.info().name {
        draft.serving.clone()
    } else {
        ledger.waivers.extend(draft.elsewhere.iter().cloned());
        draft.broken.iter().for_each(|said| ledger.report(said.clone()));
        marked(draft)
    };
    let decoded = compile::decode(&serving, settings.sources);
    ledger.diagnostics.extend(decoded.diagnostics.iter().cloned());
    let leaves = input(draft, documents, settings);
    let made = compile::compile_lifted(&decoded, &leaves, target, settings, ledger, &draft.implied);
    (made.objects, made.diagnostics)
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
