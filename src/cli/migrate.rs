//! `migrate`: manifests of one orchestrator to those of another.

use super::Streams;
use super::batch;
use super::common::{self, Exit, Global, Input, MaxLoss};
use super::diff;
use super::live::Live;
use super::pods::concrete;
use super::render::{self, Output};
use crate::compile::Settings;
use crate::diagnostic::mask::Masker;
use crate::diagnostic::{Finding, Ledger, Outcome, Severity};
use crate::lift::codes::{BAD_CHANGE, NO_WORKLOAD, NOT_BUILT};
use crate::lift::{self, Changes};
use crate::source::Document;

/// Options of `migrate`.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    live: Live,
    #[command(flatten)]
    input: Input,
    /// The orchestrator to move to
    #[arg(short, long, visible_alias = "target", value_name = "TARGET")]
    to: String,
    /// Name of the serving on the target; default: that of the source
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Form of the objects
    #[arg(short, long, value_enum, default_value = "yaml")]
    output: Output,
    /// The worst loss that is tolerated
    #[arg(long, value_enum, default_value = "warning")]
    max_loss: MaxLoss,
    /// Print the objects even when losses are beyond --max-loss (the exit code says so still)
    #[arg(long)]
    force: bool,
}

/// The exit code that findings ask for. What the target refuses is a loss: the input is not wrong.
fn exit(findings: &[Finding], loading: &Ledger, max_loss: MaxLoss) -> Exit {
    let unread = |f: &Finding| {
        [&NO_WORKLOAD, &BAD_CHANGE, &NOT_BUILT].contains(&f.code) && f.outcome == Outcome::Invalid
    };
    if loading.has_errors() || findings.iter().any(unread) {
        Exit::Invalid
    } else if findings.iter().any(|f| f.severity == Severity::Error) && max_loss != MaxLoss::Error {
        Exit::Losses
    } else {
        match render::exit(findings, max_loss) {
            Exit::Invalid => Exit::Done,
            exit => exit,
        }
    }
}

/// Runs the verb.
///
/// # Errors
/// Failures of streams and files.
pub fn run(args: Args, global: &Global, streams: &mut Streams<'_>) -> anyhow::Result<Exit> {
    let targets = match common::targets(std::slice::from_ref(&args.to)) {
        Ok(targets) => targets,
        Err(message) => return common::usage_error(&message, streams),
    };
    let Some(target) = targets.first() else {
        return common::usage_error("say where to with --to", streams);
    };
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
    let mut findings = batch::general(&loaded.ledger, &loaded);
    let mut migrated = lift::Migrated::default();
    if !loaded.ledger.has_errors() {
        let changes = Changes {
            name: args.name.as_deref(),
            assignments: &loaded.assignments,
        };
        migrated = lift::migrate(&documents, *target, &changes, &settings);
        findings.extend(concrete(&migrated.diagnostics, &loaded));
    }
    let exit = exit(&findings, &loaded.ledger, args.max_loss);
    common::tell(&findings, global, streams)?;
    if exit == Exit::Invalid || (exit == Exit::Losses && !args.force) {
        return Ok(exit);
    }
    streams
        .out
        .write_all(render::text(&migrated.objects, args.output).as_bytes())?;
    Ok(exit)
}
