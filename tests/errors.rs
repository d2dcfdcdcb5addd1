//! What people are told: `testdata/errors/*/spec.yaml` checked, and all of what is said compared with what a person has read.
//!
//! A case is a directory with `spec.yaml` and `stderr.txt`; further arguments of `validate`, one a line, may stand in `args`.
//! `UPDATE=1 cargo test --test errors` rewrites the texts; read the difference before committing it.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod common;

use libtest_mimic::{Arguments, Failed, Trial};
use std::path::Path;

fn main() {
    let args = Arguments::from_args();
    let mut trials = Vec::new();
    for dir in common::directories_with(&common::root().join("testdata/errors"), "spec.yaml") {
        let name = dir.file_name().unwrap().to_string_lossy().into_owned();
        trials.push(Trial::test(name, move || check(&dir)));
    }
    libtest_mimic::run(&args, trials).exit();
}

fn check(dir: &Path) -> Result<(), Failed> {
    let spec = dir.join("spec.yaml");
    let spec = spec
        .strip_prefix(common::root())
        .unwrap()
        .to_string_lossy()
        .into_owned();
    let more = std::fs::read_to_string(dir.join("args")).unwrap_or_default();
    let mut args = vec!["validate", "-f", spec.as_str()];
    args.extend(more.lines().filter(|l| !l.is_empty()));
    let run = common::run(&args);
    if run.err.contains("INF0000") {
        return Err(run.err.into());
    }
    let said = format!("{}exit {}\n", run.err, run.code);
    let path = dir.join("stderr.txt");
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    if said == expected {
        return Ok(());
    }
    if std::env::var_os("UPDATE").is_some_and(|v| v == "1") {
        return Ok(std::fs::write(path, said)?);
    }
    Err(common::diff(&expected, &said).into())
}
