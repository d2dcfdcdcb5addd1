//! The `kubectl-infer` binary: arguments in, exit code out.

use kubectl_infer::cli::{self, Streams};
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

/// Trees of small nodes are made and dropped all the time, which this allocator does in half the time of the C library's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let (mut out, mut err) = (io::BufWriter::new(io::stdout().lock()), io::stderr().lock());
    let err_is_terminal = err.is_terminal();
    let mut streams = Streams {
        out: &mut out,
        err: &mut err,
        err_is_terminal,
    };
    let result = cli::run(std::env::args_os(), &mut streams).and_then(|exit| {
        streams.out.flush()?;
        Ok(exit)
    });
    match result {
        Ok(exit) => ExitCode::from(exit as u8),
        // A reader that has seen enough (`| head`) is no error.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(err, "error: {error:#}");
            ExitCode::from(cli::Exit::Usage as u8)
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let broken = |cause: &(dyn std::error::Error + 'static)| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
    };
    error.chain().any(broken)
}
