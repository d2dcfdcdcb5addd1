//! Migration keeps the pods: every published manifest to every target, with the predicted pods of both sides compared.
//!
//! Containers (image, command, arguments, variables other than those that say who a pod is, resources, ports), volumes, node
//! selection and the number of pods must be equal, or the report must point to the field that differs.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod common;

use kubectl_infer::compile::Settings;
use kubectl_infer::diagnostic::{Diagnostic, Ledger, Outcome, Severity};
use kubectl_infer::dialect::platform::Platform;
use kubectl_infer::dialect::{self, Dialect};
use kubectl_infer::lift::{self, Changes};
use kubectl_infer::pods::compare::{self, Difference};
use kubectl_infer::source::{self, Document, Sources};
use libtest_mimic::{Arguments, Failed, Trial};
use std::path::{Path, PathBuf};

fn main() {
    let args = Arguments::from_args();
    let mut trials = Vec::new();
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let corpus = common::shared().map(|s| s.join("corpus"));
    for dialect in dialect::ALL {
        let name = dialect.info().name;
        for root in corpus
            .iter()
            .map(|c| c.join(name))
            .chain([own.join(name).join("manifests")])
        {
            for file in manifests(&root) {
                for target in dialect::ALL {
                    let (file, to) = (file.clone(), target.info().name);
                    let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
                    let built = dialect.migrates() && target.migrates();
                    let trial = Trial::test(format!("{name}::{stem}::{to}"), move || {
                        keeps_pods(&file, *target)
                    });
                    trials.push(trial.with_ignored_flag(!built));
                }
            }
        }
    }
    if corpus.is_none() {
        trials.push(common::needs(None, "published manifests", |_| Ok(())));
    }
    libtest_mimic::run(&args, trials).exit();
}

fn manifests(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "yaml"));
    files.sort();
    files
}

fn keeps_pods(file: &Path, target: &dyn Dialect) -> Result<(), Failed> {
    let (mut sources, mut ledger) = (Sources::new(), Ledger::new());
    let documents = source::load(&[file.to_string_lossy().into_owned()], &mut sources, &mut ledger);
    if ledger.has_errors() || documents.is_empty() {
        return Ok(());
    }
    let templates = dialect::templates(None, &mut ledger);
    let settings = Settings {
        sources: &sources,
        platform: &Platform::default(),
        templates: &templates,
        namespace: None,
        annotate_target: false,
    };
    let scene: Vec<Document> = documents;
    let lifted = lift::lift(&scene, &settings, &mut Ledger::new());
    if lifted.drafts.is_empty() {
        return Ok(());
    }
    let migrated = lift::migrate(&scene, target, &Changes::default(), &settings);
    if let Some(lost) = migrated.diagnostics.iter().find(|d| d.code.id == "INF0000") {
        return Err(lost.message.clone().into());
    }
    let real = kubectl_infer::compile::predict(&scene, &settings);
    let real: usize = real.workloads.iter().map(|w| w.expansion.pods.len()).sum();
    let moved = migrated.pods.before.pods.len();
    // A source that its own admission refuses has no pods; what is wrong with it may be left out on the way.
    if lifted.drafts.iter().any(|d| d.dialect != target.info().name) && moved != real && real > 0 {
        return Err(format!("{moved} pods on the way from {real} of the source").into());
    }
    let refused = migrated.diagnostics.iter().any(|d| d.severity == Severity::Error);
    if migrated.pods.after.pods.is_empty() && !migrated.pods.before.pods.is_empty() {
        return if refused {
            Ok(())
        } else {
            Err("no pods, and no error says so".into())
        };
    }
    let open: Vec<String> = compare::missing(&migrated.pods.before, &migrated.pods.after)
        .iter()
        .filter(|d| !explained(d, &migrated.diagnostics, &sources))
        .map(show)
        .collect();
    if open.is_empty() {
        Ok(())
    } else {
        Err(open.join("\n").into())
    }
}

/// Whether the report points to the field that differs, to what it is in, or to what is in it.
fn explained(difference: &Difference, said: &[Diagnostic], sources: &Sources) -> bool {
    let losses = said
        .iter()
        .filter(|d| d.outcome != Outcome::Invalid || d.severity == Severity::Error);
    let mut places = losses.flat_map(|d| d.at.into_iter().chain(d.covers.iter()));
    if difference.ids.is_empty() {
        return said.iter().any(|d| d.severity == Severity::Error);
    }
    places.any(|place| {
        difference
            .ids
            .iter()
            .any(|id| sources.is_within(id, place) || sources.is_within(place, id))
    })
}

fn show(difference: &Difference) -> String {
    let value = |n: &Option<kubectl_infer::value::Node>| {
        let text = n.as_ref().map(|n| {
            source::emit::documents(std::slice::from_ref(n), source::emit::Format::Json).replace('\n', "")
        });
        let text = text.unwrap_or_else(|| "-".to_owned());
        text.chars().take(300).collect::<String>()
    };
    format!(
        "{}/{} ranks {}-{} {} {}: {} -> {}",
        difference.serving,
        difference.role,
        difference.ranks.0,
        difference.ranks.1,
        difference.container.as_deref().unwrap_or("pod"),
        difference.field,
        value(&difference.before),
        value(&difference.after)
    )
}
