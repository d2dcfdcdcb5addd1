//! The command line: one file for each verb, and what they share.

mod apply;
mod batch;
mod collide;
mod common;
mod complete;
mod completion;
mod diff;
mod explain;
pub mod init;
mod lift;
mod live;
mod migrate;
mod pods;
mod render;
mod rendered;
pub mod schema;
mod targets;
mod validate;
mod version;

pub use common::Exit;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::ffi::OsString;
use std::io::Write;

/// Renders, checks and explains LLM serving workloads for any orchestrator on Kubernetes.
#[derive(Parser, Debug)]
#[command(
    name = "kubectl-infer",
    bin_name = "kubectl infer",
    version,
    max_term_width = 100
)]
#[command(after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    global: common::Global,
}

const EXIT_CODES: &str = "Exit codes:
  0  done
  1  diff found differences
  2  usage
  3  invalid input
  4  losses beyond --max-loss
  5  cluster error, time-out or declined confirmation";

#[derive(Subcommand, Debug)]
enum Verb {
    /// Print a spec to start from
    Init(init::Args),
    /// Check specs: spelling, arithmetic, and what each target accepts
    Validate(validate::Args),
    /// Print the manifests of one or several targets
    Render(render::Args),
    /// Turn manifests of any orchestrator into specs
    Lift(lift::Args),
    /// Turn manifests of any orchestrator into those of another
    Migrate(migrate::Args),
    /// Show what applying specs or manifests would change in the cluster
    Diff(diff::Args),
    /// Apply specs or manifests to the cluster, by server-side apply
    Apply(apply::Args),
    /// Predict the pods of specs or manifests: names, labels, environment, needs
    Pods(pods::Args),
    /// List the targets and what each can say
    Targets(targets::Args),
    /// Explain a code, or a field of the language
    Explain(explain::Args),
    /// Print the JSON Schema of the language
    Schema(schema::Args),
    /// Print a completion script for a shell
    Completion(completion::Args),
    /// Print the version
    Version(version::Args),
}

/// Where a run writes. Tests give buffers, the binary the process's own streams.
pub struct Streams<'a> {
    /// The result.
    pub out: &'a mut dyn Write,
    /// Everything else.
    pub err: &'a mut dyn Write,
    /// Whether `err` is a terminal, for colours.
    pub err_is_terminal: bool,
}

/// Runs the tool.
///
/// # Errors
/// Failures of the streams and other trouble outside of the input. What is wrong with the input is told on `err`, and shows
/// in the exit code.
pub fn run(args: impl IntoIterator<Item = OsString>, streams: &mut Streams<'_>) -> anyhow::Result<Exit> {
    let args: Vec<OsString> = args.into_iter().collect();
    let called = args.first().and_then(|a| std::path::Path::new(a).file_stem());
    if called.is_some_and(|name| name == complete::EXECUTABLE) {
        return complete::run(&args[1..], streams);
    }
    let matches = match Cli::command().try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) => return usage(&error, streams),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, streams),
    };
    match cli.verb {
        Verb::Init(args) => init::run(args, streams),
        Verb::Validate(args) => validate::run(args, &cli.global, streams),
        Verb::Render(args) => render::run(args, &cli.global, streams),
        Verb::Lift(args) => lift::run(args, &cli.global, streams),
        Verb::Migrate(args) => migrate::run(args, &cli.global, streams),
        Verb::Diff(args) => diff::run(args, &cli.global, streams),
        Verb::Apply(args) => apply::run(args, &cli.global, streams),
        Verb::Pods(args) => pods::run(args, &cli.global, streams),
        Verb::Targets(args) => targets::run(args, streams),
        Verb::Explain(args) => explain::run(args, streams),
        Verb::Schema(args) => schema::run(args, streams),
        Verb::Completion(args) => completion::run(args, streams),
        Verb::Version(args) => version::run(args, streams),
    }
}

/// Help and version go to the result, complaints about usage to the other stream.
fn usage(error: &clap::Error, streams: &mut Streams<'_>) -> anyhow::Result<Exit> {
    if error.use_stderr() {
        write!(streams.err, "{}", error.render())?;
        return Ok(Exit::Usage);
    }
    write!(streams.out, "{}", error.render())?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
