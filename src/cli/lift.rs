//! `lift`: manifests to specs.

use super::Streams;
use super::batch;
use super::common::{self, Exit, Global, Input, MaxLoss};
use super::diff;
use super::live::Live;
use super::pods::concrete;
use super::render::{self, Output};
use crate::compile::Settings;
use crate::diagnostic::Ledger;
use crate::diagnostic::mask::Masker;
use crate::lift::{self, Changes};
use crate::source::Document;
use crate::value::Node;

/// Options of `lift`.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    live: Live,
    #[command(flatten)]
    input: Input,
    /// Form of the specs
    #[arg(short, long, value_enum, default_value = "yaml")]
    output: Output,
    /// The worst loss that is tolerated
    #[arg(long, value_enum, default_value = "warning")]
    max_loss: MaxLoss,
    /// Print the specs even when losses are beyond --max-loss (the exit code says so still)
    #[arg(long)]
    force: bool,
}

/// Runs the verb.
///
/// # Errors
/// Failures of streams and files.
pub fn run(args: Args, global: &Global, streams: &mut Streams<'_>) -> anyhow::Result<Exit> {
    let live = match args.live.pages(args.input.namespace.as_deref()) {
        Ok(pages) => pages,
        Err(error) => return diff::failed(&error, &Masker::default(), streams),
    };
    let loaded = args.input.load_with(live);
    let settings = Settings {
        sources: &loaded.sources,
        platform: &loaded.platform,
        templates: &loaded.templates,
        namespace: common::namespace(&args.input),
        annotate_target: false,
    };
    let documents: Vec<Document> = loaded.documents.iter().map(|(d, _)| d.clone()).collect();
    let mut ledger = Ledger::new();
    let mut lifted = lift::lift(&documents, &settings, &mut ledger);
    if lifted.drafts.is_empty() && !loaded.ledger.has_errors() {
        ledger.report(lift::no_workload(&documents, &settings));
    }
    let changes = Changes {
        name: None,
        assignments: &loaded.assignments,
    };
    for draft in &mut lifted.drafts {
        changes.apply(draft, &mut ledger);
        lift::account(draft, &documents, &settings, &mut ledger);
    }
    let mut findings = batch::general(&loaded.ledger, &loaded);
    findings.extend(concrete(&ledger.diagnostics, &loaded));
    let exit = render::exit(&findings, args.max_loss);
    common::tell(&findings, global, streams)?;
    if exit == Exit::Invalid || (exit == Exit::Losses && !args.force) {
        return Ok(exit);
    }
    let mut objects: Vec<Node> = lifted.drafts.into_iter().map(|d| d.serving).collect();
    objects.extend(lifted.rest.iter().map(|n| documents[*n].root.clone()));
    streams
        .out
        .write_all(render::text(&objects, args.output).as_bytes())?;
    Ok(exit)
}
