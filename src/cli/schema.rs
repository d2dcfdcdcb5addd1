//! `schema`: the JSON Schema of the language.

use super::Streams;
use super::common::Exit;
use crate::dialect;
use crate::spec::schema;

/// Options of `schema`.
#[derive(clap::Args, Debug)]
pub struct Args {}

/// Runs the verb.
///
/// # Errors
/// Failures of the stream.
pub fn run(_: Args, streams: &mut Streams<'_>) -> anyhow::Result<Exit> {
    writeln!(streams.out, "{:#}", document())?;
    Ok(Exit::Done)
}

/// The schema with the options of all dialects.
pub fn document() -> serde_json::Value {
    let targets: Vec<schema::TargetShapes> = dialect::ALL
        .iter()
        .map(|d| (d.info().name, d.info().options, d.info().role_options))
        .collect();
    schema::serving(&targets)
}
