//! `version`.

use super::Streams;
use super::common::Exit;
use clap::ValueEnum;
use serde_json::json;

/// Form of the version.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum Output {
    /// A line.
    Text,
    /// For programs.
    Json,
}

/// Options of `version`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Form of the version
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
}

/// Runs the verb.
///
/// # Errors
/// Failures of the stream.
pub fn run(args: Args, streams: &mut Streams<'_>) -> anyhow::Result<Exit> {
    let version = env!("CARGO_PKG_VERSION");
    match args.output {
        Output::Text => writeln!(streams.out, "kubectl-infer {version}")?,
        Output::Json => {
            let json = json!({"version": version, "apiVersion": crate::spec::API_VERSION});
            writeln!(streams.out, "{json:#}")?;
        }
    }
    Ok(Exit::Done)
}
