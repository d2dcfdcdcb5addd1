//! `validate`: what is wrong with specs, for nobody in particular or for some targets.

use super::batch::{self, Mode};
use super::common::{self, Exit, Global, Input, MaxLoss};
use super::{Streams, render};
use crate::compile::DocumentKind;

/// Options of `validate`.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// Check also what these targets accept and cannot carry
    #[arg(short, long, value_name = "TARGET[,TARGET]", value_delimiter = ',')]
    target: Vec<String>,
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
    let loaded = args.input.load();
    let outcomes = batch::run(&loaded, &targets, common::namespace(&args.input), Mode::Check, 1);
    let mut findings = batch::general(&loaded.ledger, &loaded);
    let mut verdicts = Vec::new();
    for ((document, kind), outcome) in loaded.documents.iter().zip(outcomes) {
        let exit = render::exit(&outcome.findings, args.max_loss);
        let verdict = match (kind, exit) {
            (DocumentKind::Serving, Exit::Done) => "valid",
            (DocumentKind::Serving, Exit::Losses) => "valid, with losses",
            (DocumentKind::Serving, _) => "invalid",
            _ => "not a spec, passed through",
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
