//! What the integration tests share.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test binary uses a part; a failure here is a failed test"
)]

pub mod crds;
pub mod generate;
pub mod objects;
pub mod shrink;

use kubectl_infer::cli::{self, Streams};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

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

/// A test that needs material from outside the repository: required where `CI=true`, else reported as ignored without it.
pub fn needs(
    what: Option<PathBuf>,
    name: &str,
    test: impl FnOnce(PathBuf) -> Result<(), libtest_mimic::Failed> + Send + 'static,
) -> libtest_mimic::Trial {
    let required = std::env::var_os("CI").is_some_and(|v| v == "true");
    match what {
        Some(path) => libtest_mimic::Trial::test(name, move || test(path)),
        None if required => {
            libtest_mimic::Trial::test(name, || Err("what it needs is not here, and CI=true".into()))
        }
        None => {
            let name = format!("{name} (needs ../shared, which is not here)");
            libtest_mimic::Trial::test(name, || Ok(())).with_ignored_flag(true)
        }
    }
}

/// The objects of a JSON page: one, or a List.
pub fn objects(json: &str) -> Vec<serde_json::Value> {
    let page: serde_json::Value = serde_json::from_str(json).unwrap();
    match page.get("items") {
        Some(serde_json::Value::Array(items)) if page["kind"] == "List" => items.clone(),
        _ => vec![page],
    }
}

/// A file of its own for each call, in the system's directory for such.
pub fn scratch(name: &str) -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let tag: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    std::env::temp_dir().join(format!("infer-test-{}-{number}-{tag}", std::process::id()))
}
