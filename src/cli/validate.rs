//! `validate`: what is wrong with specs, for nobody in particular or for some targets.

use super::batch::{self, Mode};
use super::common::Loaded;
use super::common::{self, Exit, Global, Input, MaxLoss};
use super::{Streams, collide, pods, render};
use crate::compile::{self, DocumentKind, Settings};
use crate::crd::Crds;
use crate::diagnostic::{Finding, Ledger, Severity};
use crate::pods::{Outcome, Workload};
use crate::source::Document;
use crate::value::{Id, Str};
use std::path::{Path, PathBuf};

/// Options of `validate`.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// Check also what these targets accept and cannot carry
    #[arg(short, long, value_name = "TARGET[,TARGET]", value_delimiter = ',')]
    target: Vec<String>,
    /// Check objects also against the CustomResourceDefinitions in these files: fields, types and rules, as an API server does.
    /// With -t, the rendered objects too
    #[arg(long, value_name = "DIR|FILE")]
    crds: Option<PathBuf>,
    /// The worst loss that is tolerated
    #[arg(long, value_enum, default_value = "warning")]
    max_loss: MaxLoss,
}

/// Runs the verb.
///
/// # Errors
/// Failures of streams and files.
pub fn run(args: Args, global: &Global, streams: &mut Streams<'_>) -> anyhow::Result<Exit> {
    let targets = match common::targets(&args.target) {
        Ok(targets) => targets,
        Err(message) => return common::usage_error(&message, streams),
    };
    let mut loaded = args.input.load();
    let crds = args
        .crds
        .as_deref()
        .and_then(|path| open(path, &mut loaded.ledger));
    let mode = Mode::Check(crds.as_ref());
    let outcomes = batch::run(&loaded, &targets, common::namespace(&args.input), mode, 1);
    let mut findings = batch::general(&loaded.ledger, &loaded);
    findings.extend(collide::check(&loaded, &outcomes, &targets));
    let mut verdicts = Vec::new();
    let predicted = predict(&loaded, common::namespace(&args.input));
    findings.extend(pods::concrete(&predicted.diagnostics, &loaded));
    let refused = crds
        .map(|crds| judge(&loaded, &crds, &mut findings))
        .unwrap_or_default();
    let mut workloads = predicted.workloads.into_iter().peekable();
    for ((document, kind), outcome) in loaded.documents.iter().zip(outcomes) {
        let exit = render::exit(&outcome.findings, args.max_loss);
        let verdict = match (kind, exit) {
            (DocumentKind::Serving, Exit::Done) => "valid".to_owned(),
            (DocumentKind::Serving, Exit::Losses) => "valid, with losses".to_owned(),
            (DocumentKind::Serving, _) | (DocumentKind::Unknown, _) => "invalid".to_owned(),
            _ => match (
                workloads.next_if(|w| w.id == document.id),
                judged(&refused, document.id),
            ) {
                (_, Some(false)) => "rejected".to_owned(),
                (Some(workload), _) => self::verdict(&workload),
                (None, Some(true)) => "valid".to_owned(),
                (None, None) => "not a spec, passed through".to_owned(),
            },
        };
        verdicts.push(format!("{}: {verdict}", render::name(&document.root)));
        findings.extend(outcome.findings);
    }
    let exit = render::exit(&findings, args.max_loss);
    common::tell(&findings, global, streams)?;
    for verdict in verdicts {
        writeln!(streams.out, "{verdict}")?;
    }
    Ok(exit)
}

fn open(path: &Path, ledger: &mut Ledger) -> Option<Crds> {
    Crds::open(path).map_err(|said| ledger.report(*said)).ok()
}

/// What the definitions say about the objects of the input that are no specs: those that were judged, and whether they
/// were taken.
fn judge(loaded: &Loaded, crds: &Crds, findings: &mut Vec<Finding>) -> Vec<(Id, bool)> {
    let (mut all, mut verdicts) = (Vec::new(), Vec::new());
    let settings = settings(loaded, None);
    for (document, kind) in &loaded.documents {
        if *kind != DocumentKind::Other {
            continue;
        }
        let judgement = compile::judge(&document.root, crds, &settings);
        let taken = judgement
            .diagnostics
            .iter()
            .all(|d| d.severity != Severity::Error);
        if judgement.judged || !taken {
            verdicts.push((document.id, taken));
        }
        all.extend(judgement.diagnostics);
    }
    findings.extend(pods::concrete(&all, loaded));
    verdicts
}

fn judged(verdicts: &[(Id, bool)], id: Id) -> Option<bool> {
    verdicts.iter().find(|(of, _)| *of == id).map(|(_, taken)| *taken)
}

/// What becomes of the workloads that are in the input already.
fn predict(loaded: &Loaded, namespace: Option<Str>) -> compile::Prediction {
    let others = loaded
        .documents
        .iter()
        .filter(|(_, kind)| *kind == DocumentKind::Other);
    let documents: Vec<Document> = others.map(|(document, _)| document.clone()).collect();
    compile::predict(&documents, &settings(loaded, namespace))
}

fn settings(loaded: &Loaded, namespace: Option<Str>) -> Settings<'_> {
    Settings {
        sources: &loaded.sources,
        platform: &loaded.platform,
        templates: &loaded.templates,
        namespace,
        annotate_target: false,
    }
}

fn verdict(workload: &Workload) -> String {
    let pods = workload.expansion.pods.len();
    match &workload.expansion.outcome {
        Outcome::Pods if pods == 1 => "valid, 1 pod".to_owned(),
        Outcome::Pods => format!("valid, {pods} pods"),
        Outcome::None(_) if pods > 0 => format!("stored, but only {pods} of its pods come of it"),
        Outcome::None(_) => "stored, but no pod comes of it".to_owned(),
        Outcome::Rejected(_) => "rejected".to_owned(),
    }
}
