//! Golden cases: `testdata/**/spec.yaml` rendered to each target, compared with what a person has read.
//!
//! A case is a directory with `spec.yaml`, an `expected.<target>.yaml` for each target it is about, and beside each a
//! `report.<target>.json`. Further arguments of `render`, one a line, may stand in `args`. `UPDATE=1 cargo test --test golden`
//! rewrites the expected files (of the targets that have one; an empty file adds a target); read the difference before
//! committing it.

mod common;

use libtest_mimic::{Arguments, Failed, Trial};
use std::path::{Path, PathBuf};

fn main() {
    let args = Arguments::from_args();
    let mut trials = Vec::new();
    for dir in common::directories_with(&common::root().join("testdata"), "spec.yaml") {
        for target in targets(&dir) {
            let case = dir.strip_prefix(common::root().join("testdata")).unwrap_or(&dir);
            let name = format!("{}::{target}", case.display());
            let dir = dir.clone();
            trials.push(Trial::test(name, move || check(&dir, &target)));
        }
    }
    libtest_mimic::run(&args, trials).exit();
}

fn targets(dir: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return Vec::new();
    };
    let target = |name: String| Some(name.strip_prefix("expected.")?.strip_suffix(".yaml")?.to_owned());
    let mut targets: Vec<String> = entries
        .flatten()
        .filter_map(|e| target(e.file_name().to_string_lossy().into_owned()))
        .collect();
    targets.sort();
    targets
}

fn check(dir: &Path, target: &str) -> Result<(), Failed> {
    let report = std::env::temp_dir()
        .join(format!("infer-golden-{}-{target}.json", std::process::id()).replace('/', "_"));
    let report = unique(report, dir);
    let spec = dir.join("spec.yaml");
    let spec = spec.strip_prefix(common::root()).unwrap_or(&spec);
    let more = std::fs::read_to_string(dir.join("args")).unwrap_or_default();
    let mut args = vec!["render", "-f"];
    let (spec, report_path) = (
        spec.to_string_lossy().into_owned(),
        report.to_string_lossy().into_owned(),
    );
    args.extend([spec.as_str(), "-t", target, "--report", report_path.as_str()]);
    args.extend(more.lines().filter(|l| !l.is_empty()));
    let run = common::run(&args);
    let said = std::fs::read_to_string(&report).unwrap_or_default();
    let _ = std::fs::remove_file(&report);
    if run.err.contains("INF0000") {
        return Err(format!("the account does not balance:\n{}", run.err).into());
    }
    compare(&dir.join(format!("expected.{target}.yaml")), &run.out)?;
    compare(&dir.join(format!("report.{target}.json")), &said)
}

fn unique(path: PathBuf, dir: &Path) -> PathBuf {
    let tag: String = dir
        .to_string_lossy()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    path.with_file_name(format!(
        "{}{tag}",
        path.file_name().unwrap_or_default().to_string_lossy()
    ))
}

fn compare(path: &Path, found: &str) -> Result<(), Failed> {
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    if expected == found {
        return Ok(());
    }
    if std::env::var_os("UPDATE").is_some_and(|v| v == "1") {
        return std::fs::write(path, found).map_err(|e| e.to_string().into());
    }
    Err(format!("{} differs:\n{}", path.display(), common::diff(&expected, found)).into())
}
