//! What the integration tests share.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test binary uses a part; a failure here is a failed test"
)]

use kubectl_infer::cli::{self, Streams};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The outcome of a run of the tool.
pub struct Run {
    pub code: u8,
    pub out: String,
    pub err: String,
}

/// Runs the tool in this process.
pub fn run<S: AsRef<str>>(args: &[S]) -> Run {
    let args = std::iter::once("kubectl-infer")
        .chain(args.iter().map(AsRef::as_ref))
        .map(OsString::from);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut streams = Streams {
        out: &mut out,
        err: &mut err,
        err_is_terminal: false,
    };
    let exit = cli::run(args, &mut streams).unwrap();
    Run {
        code: exit as u8,
        out: String::from_utf8(out).unwrap(),
        err: String::from_utf8(err).unwrap(),
    }
}

/// The root of the repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Material that only exists where the project is built; tests that need it report themselves ignored without it.
pub fn shared() -> Option<PathBuf> {
    ["../shared", "/work/shared"]
        .iter()
        .map(|p| root().join(p))
        .find(|p| p.is_dir())
}

/// All directories below `root` that hold a file called `name`, in order.
pub fn directories_with(root: &Path, name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut stack = vec![root.to_owned()];
    while let Some(dir) = stack.pop() {
        let Ok(entries) = std::fs::read_dir(&dir) else {
            continue;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                stack.push(path);
            } else if entry.file_name() == name {
                found.push(dir.clone());
            }
        }
    }
    found.sort();
    found
}

/// What differs between two texts, as a unified diff.
pub fn diff(expected: &str, found: &str) -> String {
    similar::TextDiff::from_lines(expected, found)
        .unified_diff()
        .header("expected", "found")
        .to_string()
}
