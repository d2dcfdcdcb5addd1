//! `init`: specs to start from.

use super::Streams;
use super::common::{Exit, usage_error};
use crate::diagnostic::closest;

/// The line by which editors find the schema, once it is written beside the spec.
const SCHEMA_LINE: &str =
    "# yaml-language-server: $schema=serving.schema.json   (kubectl infer schema > serving.schema.json)\n";

macro_rules! starters {
    ($($name:literal),* $(,)?) => {
        /// Name and text of each starter; the first is what plain `init` prints.
        pub const STARTERS: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../templates/init/", $name, ".yaml")))),*];
    };
}

starters! {
    "prefill-decode",
    "aggregated",
    "autoscaling",
    "multi-node",
    "multi-node-prefill-decode",
    "slices",
    "wide-ep",
    "wide-ep-vllm",
    "trtllm",
    "trtllm-prefill-decode",
    "custom",
}

/// Options of `init`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Which starter; default: prefill-decode
    name: Option<String>,
    /// List the starters
    #[arg(long)]
    list: bool,
    /// With --list: only the names
    #[arg(short, long, value_parser = ["name"])]
    output: Option<String>,
}

/// Runs the verb.
///
/// # Errors
/// Failures of the stream.
pub fn run(args: Args, streams: &mut Streams<'_>) -> anyhow::Result<Exit> {
    if args.list {
        return list(args.output.is_some(), streams);
    }
    let name = args.name.as_deref().unwrap_or(STARTERS[0].0);
    match STARTERS.iter().find(|(n, _)| *n == name) {
        Some((_, text)) => {
            write!(streams.out, "{SCHEMA_LINE}{text}")?;
            Ok(Exit::Done)
        }
        None => {
            let names = || STARTERS.iter().map(|(n, _)| *n);
            let hint = closest(name, names())
                .map(|m| format!("; did you mean `{m}`?"))
                .unwrap_or_default();
            let known = names().collect::<Vec<_>>().join(", ");
            usage_error(
                &format!("no starter is called `{name}`{hint}\nstarters: {known}"),
                streams,
            )
        }
    }
}

fn list(names_only: bool, streams: &mut Streams<'_>) -> anyhow::Result<Exit> {
    for (name, text) in STARTERS {
        if names_only {
            writeln!(streams.out, "{name}")?;
        } else {
            let first = text.lines().next().unwrap_or_default().trim_start_matches("# ");
            writeln!(streams.out, "{name:27} {first}")?;
        }
    }
    Ok(Exit::Done)
}
