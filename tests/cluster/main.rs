//! `diff`, `apply` and what else talks to a cluster, against a real API server.
//!
//! The server is that of `KUBEBUILDER_ASSETS`, or built once by `tests/controlplane/build`. Where neither is to be had these tests
//! report themselves ignored, with the reason; where `CI=true` they fail.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a failure here is a failed test"
)]

mod accepted;
mod apply;
#[path = "../common/mod.rs"]
mod common;
mod control_plane;
mod diff;
mod faults;
mod plugin;
mod proxy;
mod rights;
mod server;

use control_plane::ControlPlane;
use libtest_mimic::{Arguments, Failed, Trial};

/// A test with the name that it is reported under.
type Named = (
    String,
    Box<dyn FnOnce(&ControlPlane) -> Result<(), Failed> + Send>,
);

/// Runs the tool in this process as one of the users.
fn infer(plane: &ControlPlane, user: &str, args: &[&str]) -> common::Run {
    let kubeconfig = plane.kubeconfig(user).to_string_lossy().into_owned();
    let more = ["--kubeconfig", kubeconfig.as_str(), "--color", "never"];
    common::run(&[args, more.as_slice()].concat())
}

/// A file with these objects.
fn manifest(objects: &[serde_json::Value]) -> String {
    let file = common::scratch("manifest.yaml");
    let pages: Vec<String> = objects.iter().map(ToString::to_string).collect();
    std::fs::write(&file, pages.join("\n---\n")).unwrap();
    file.to_string_lossy().into_owned()
}

fn main() {
    let args = Arguments::from_args();
    let mut tests: Vec<Named> = Vec::new();
    tests.extend(accepted::tests());
    tests.extend(diff::tests());
    tests.extend(apply::tests());
    tests.extend(faults::tests());
    tests.extend(plugin::tests());
    tests.extend(rights::tests());
    let required = std::env::var_os("CI").is_some_and(|v| v == "true");
    let missing = if args.list {
        None
    } else {
        control_plane::assets().err()
    };
    let trials = tests.into_iter().map(|(name, test)| match &missing {
        Some(why) if !required => Trial::test(format!("{name} ({why})"), || Ok(())).with_ignored_flag(true),
        _ => Trial::test(name, move || test(control_plane::control_plane()?)),
    });
    let conclusion = libtest_mimic::run(&args, trials.collect());
    control_plane::stop();
    conclusion.exit();
}
