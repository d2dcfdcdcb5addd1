//! Objects against the CustomResourceDefinitions of their kinds: what the real API server refused by schema or CEL rule is
//! refused, what it stored is not, and it called the same fields unknown or pruned them.

use crate::predict;
use crate::record::{self, Record};
use kubectl_infer::compile::{self, Settings};
use kubectl_infer::crd::Crds;
use kubectl_infer::diagnostic::{Diagnostic, Severity};
use libtest_mimic::Failed;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The API server's own refusals of schemas and rules; webhooks speak otherwise.
fn by_schema(errors: &str) -> bool {
    errors.contains("is invalid:") && !errors.contains("admission webhook")
}

/// Refusals of what a webhook wrote: it fills in null for what its Go type requires. The manifest alone does not show that,
/// so the orchestrator's own rules have to.
fn by_webhook(errors: &str) -> bool {
    errors.split("in body must be of type ").skip(1).any(|rest| {
        let found = rest.split_once(": ").map_or("", |(_, found)| found);
        found.trim_start_matches(['\\', '"']).starts_with("null")
    })
}

#[derive(Default)]
struct Score {
    refused: usize,
    by_rules: usize,
    schema: usize,
    stored: usize,
    taken: usize,
    unknown: usize,
    undecided: usize,
    misses: Vec<String>,
}

pub fn run(
    dialect: &str,
    records: &Path,
    corpus: &Path,
    definitions: &Path,
    platform: &dyn Fn(&Path) -> Option<PathBuf>,
) -> Result<(), Failed> {
    let only = std::env::var("ONLY").ok();
    let crds = Crds::open(&definitions.join(dialect)).map_err(|d| d.message.clone())?;
    let mut score = Score::default();
    for path in record::files(records) {
        let name = path.strip_prefix(records).unwrap_or(&path).display().to_string();
        if only.as_ref().is_some_and(|only| !name.contains(only)) {
            continue;
        }
        if let Some(record) = Record::read(&path, records, corpus) {
            let said = check(&crds, &record, &platform(&path));
            if only.is_some() {
                let all: Vec<_> = said.iter().map(|d| (d.code.id, &d.message)).collect();
                println!("{name}: {all:#?}\n  really: {:.400}", record.errors);
            }
            let refused = || predict(&record, &platform(&path)).is_ok_and(|p| rejected(&p));
            one(&name, &record, &said, refused, &mut score);
        }
    }
    score.misses.iter().take(40).for_each(|m| println!("  {m:.500}"));
    println!(
        "{dialect}: refused by schema or rule {}/{} ({} of them for what a webhook made of it), stored {}/{} taken, \
         {} unknown fields as recorded, {} rules not evaluated",
        score.refused,
        score.schema,
        score.by_rules,
        score.taken,
        score.stored,
        score.unknown,
        score.undecided
    );
    match score.misses.len() + score.undecided {
        0 => Ok(()),
        n => Err(format!("{n} misses or rules not evaluated").into()),
    }
}

fn rejected(predicted: &Value) -> bool {
    let workloads = predicted["workloads"].as_array();
    workloads
        .into_iter()
        .flatten()
        .any(|w| w["outcome"] == "rejected")
}

fn one(name: &str, record: &Record, said: &[Diagnostic], by_rules: impl Fn() -> bool, score: &mut Score) {
    let wrong = |d: &&Diagnostic| d.severity == Severity::Error && d.code.id != "INF3602";
    let errors: Vec<&str> = said.iter().filter(wrong).map(|d| d.message.as_str()).collect();
    score.undecided += said.iter().filter(|d| d.code.id == "INF3605").count();
    if record.accepted {
        score.stored += 1;
        score.taken += usize::from(errors.is_empty());
        if !errors.is_empty() {
            score.misses.push(format!("{name}: stored, but {errors:?}"));
        }
        unknown(name, record, said, score);
    } else if by_schema(&record.errors) {
        score.schema += 1;
        let ours = !errors.is_empty();
        let theirs = !ours && by_webhook(&record.errors) && by_rules();
        score.refused += usize::from(ours || theirs);
        score.by_rules += usize::from(theirs);
        if !ours && !theirs {
            score
                .misses
                .push(format!("{name}: really refused: {:.300}", record.errors));
        }
    }
}

/// Fields called unknown: those that the server warned of, or, where the record has no such warnings, those that are gone
/// from what it stored.
fn unknown(name: &str, record: &Record, said: &[Diagnostic], score: &mut Score) {
    let ours = said.iter().filter(|d| d.code.id == "INF3602");
    let mut ours: Vec<&str> = ours.filter_map(|d| d.message.split('`').nth(1)).collect();
    let text = |w: &'static str| {
        move |s: &str| {
            s.split(w)
                .nth(1)
                .and_then(|s| s.split('"').next())
                .map(str::to_owned)
        }
    };
    let mut theirs: Vec<String> = record
        .warnings
        .iter()
        .filter_map(|w| text("unknown field \"")(w))
        .collect();
    ours.sort_unstable();
    theirs.sort_unstable();
    // A record may hold the answers to two requests.
    ours.dedup();
    theirs.dedup();
    if !theirs.is_empty() {
        score.unknown += ours.len();
        if ours != theirs {
            score
                .misses
                .push(format!("{name}: unknown fields {ours:?}, really {theirs:?}"));
        }
        return;
    }
    for field in ours {
        score.unknown += 1;
        if record.stored.iter().any(|object| at(object, field).is_some()) {
            score
                .misses
                .push(format!("{name}: {field} is called unknown and was stored"));
        }
    }
}

/// The value at a path as kubectl writes it.
fn at<'v>(object: &'v Value, path: &str) -> Option<&'v Value> {
    let steps = path.split(['.', '[', ']']).filter(|s| !s.is_empty());
    steps.into_iter().try_fold(object, |value, step| match value {
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        other => other.get(step),
    })
}

fn check(crds: &Crds, record: &Record, platform: &Option<PathBuf>) -> Vec<Diagnostic> {
    let Ok(read) = crate::read(record, platform) else {
        return Vec::new();
    };
    let settings = Settings {
        sources: &read.sources,
        platform: &read.platform,
        templates: &read.templates,
        namespace: None,
        annotate_target: false,
    };
    let documents = read.documents.iter();
    documents
        .flat_map(|d| compile::judge(&d.root, crds, &settings).diagnostics)
        .collect()
}
