//! `pods`: what the controllers will make of a spec or of existing manifests.

mod env;
mod table;
mod tree;

use super::Streams;
use super::batch::{self, Mode};
use super::common::{self, Exit, Global, Input, Loaded, MaxLoss};
use super::render;
use crate::compile::{self, DocumentKind, Prediction, Settings};
use crate::diagnostic::{Context, Diagnostic, Finding, Outcome as Fate, Severity, suppress};
use crate::dialect::Dialect;
use crate::pods::{Workload, json, totals};
use crate::source::Document;
use crate::source::emit::{self, Format};
use crate::value::{Id, Str};
use clap::ValueEnum;

/// Form of the pods.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum Output {
    /// A line for each pod, and what they need in all.
    Table,
    /// The same, with addresses, node selectors, schedulers and images.
    Wide,
    /// Slices, roles, replicas and their pods.
    Tree,
    /// Workloads, pods, child objects and totals, exact.
    Json,
    /// The same as YAML.
    Yaml,
    /// The names.
    Name,
}

/// Options of `pods`.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// Orchestrators to render specs for; needed if the input holds specs
    #[arg(short, long, value_name = "TARGET[,TARGET]", value_delimiter = ',')]
    target: Vec<String>,
    /// Form of the result
    #[arg(short, long, value_enum, default_value = "table")]
    output: Output,
    /// Show the environment, command and arguments of one pod as its containers will see them; secrets are masked
    #[arg(long, value_name = "POD")]
    env: Option<String>,
    /// Accelerators of a node, to say how many nodes the pods need
    #[arg(long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u64).range(1..))]
    node_accelerators: u64,
    /// The worst loss that is tolerated when specs are rendered
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
    let loaded = args.input.load();
    let specs = loaded
        .documents
        .iter()
        .any(|(_, kind)| *kind == DocumentKind::Serving);
    if specs && targets.is_empty() {
        let message = "the input holds specs: say for which target with -t/--target";
        return common::usage_error(message, streams);
    }
    let mut findings = batch::general(&loaded.ledger, &loaded);
    let scenes = scenes(&args, &loaded, &targets, &mut findings);
    let exit = render::exit(&findings, args.max_loss);
    if exit != Exit::Done {
        common::tell(&findings, global, streams)?;
        return Ok(exit);
    }
    // What was lost on the way from a spec is for `render` to tell.
    findings.retain(|f| f.outcome == Fate::Invalid);
    let prediction = predict(&scenes, &loaded, common::namespace(&args.input));
    findings.extend(concrete(&prediction.diagnostics, &loaded));
    common::tell(&findings, global, streams)?;
    if prediction.workloads.is_empty() && findings.is_empty() {
        writeln!(
            streams.err,
            "warning: the input holds no workload of a known orchestrator"
        )?;
    }
    print(&args, prediction.workloads, &scenes, streams)
}

/// The documents that stand beside each other on a cluster: one set for each target, or one in all.
fn scenes(
    args: &Args,
    loaded: &Loaded,
    targets: &[&'static dyn Dialect],
    findings: &mut Vec<Finding>,
) -> Vec<Vec<Document>> {
    let mut scenes: Vec<Vec<Document>> = vec![Vec::new(); targets.len().max(1)];
    let outcomes = batch::run(loaded, targets, common::namespace(&args.input), Mode::Render, 1);
    for ((document, kind), outcome) in loaded.documents.iter().zip(outcomes) {
        findings.extend(outcome.findings);
        if *kind != DocumentKind::Serving {
            scenes.iter_mut().for_each(|scene| scene.push(document.clone()));
            continue;
        }
        for (scene, objects) in scenes.iter_mut().zip(outcome.objects) {
            scene.extend(batch::documents(document, &objects));
        }
    }
    scenes
}

/// The workloads of all scenes; those that stand in each of them once.
fn predict(scenes: &[Vec<Document>], loaded: &Loaded, namespace: Option<Str>) -> Prediction {
    let settings = Settings {
        sources: &loaded.sources,
        platform: &loaded.platform,
        templates: &loaded.templates,
        namespace,
        annotate_target: false,
    };
    let other = |id: Id| {
        let found = loaded.documents.iter().find(|(d, _)| d.id == id);
        found.is_some_and(|(_, kind)| *kind != DocumentKind::Serving)
    };
    let mut all = Prediction::default();
    for (n, scene) in scenes.iter().enumerate() {
        let mut prediction = compile::predict(scene, &settings);
        if n > 0 {
            prediction.workloads.retain(|w| !other(w.id));
            let said = |d: &Diagnostic| {
                all.diagnostics
                    .iter()
                    .any(|k: &Diagnostic| (k.code, k.at, &k.message) == (d.code, d.at, &d.message))
            };
            prediction.diagnostics.retain(|d| !said(d));
        }
        all.workloads.extend(prediction.workloads);
        all.diagnostics.extend(prediction.diagnostics);
    }
    // That nothing comes of an object is an answer here, not a failure.
    for diagnostic in &mut all.diagnostics {
        diagnostic.severity = diagnostic.severity.min(Severity::Warning);
    }
    all
}

/// Diagnostics of several documents, made concrete.
pub fn concrete(diagnostics: &[Diagnostic], loaded: &Loaded) -> Vec<Finding> {
    if diagnostics.is_empty() {
        return Vec::new();
    }
    let documents: Vec<Document> = loaded.documents.iter().map(|(d, _)| d.clone()).collect();
    let context = Context::new(&loaded.sources, &documents);
    suppress(Finding::all(diagnostics, &context), &context).kept
}

fn print(
    args: &Args,
    workloads: Vec<Workload>,
    scenes: &[Vec<Document>],
    streams: &mut Streams<'_>,
) -> anyhow::Result<Exit> {
    if let Some(pod) = &args.env {
        return env::print(pod, args.output, &workloads, scenes, streams);
    }
    let totals = totals::totals(&workloads, args.node_accelerators);
    let text = match args.output {
        Output::Table => table::render(&workloads, &totals, args.node_accelerators, false),
        Output::Wide => table::render(&workloads, &totals, args.node_accelerators, true),
        Output::Tree => tree::render(&workloads),
        Output::Name => names(&workloads),
        Output::Json => emit::documents(&[json::document(workloads, &totals)], Format::Json),
        Output::Yaml => emit::documents(&[json::document(workloads, &totals)], Format::Yaml),
    };
    streams.out.write_all(text.as_bytes())?;
    Ok(Exit::Done)
}

fn names(workloads: &[Workload]) -> String {
    let pods = workloads.iter().flat_map(|w| &w.expansion.pods);
    pods.map(|pod| format!("pod/{}\n", pod.name)).collect()
}
