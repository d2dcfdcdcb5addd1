//! `completion`: scripts for shells.

use super::common::Exit;
use super::{Cli, Streams};
use clap::CommandFactory;
use clap_complete::Shell;

/// Options of `completion`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Runs the verb.
///
/// # Errors
/// Failures of the stream.
pub fn run(args: Args, streams: &mut Streams<'_>) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    let mut command = Cli::command().bin_name("kubectl-infer");
    clap_complete::generate(args.shell, &mut command, "kubectl-infer", &mut script);
    streams.out.write_all(&script)?;
    Ok(Exit::Done)
}
