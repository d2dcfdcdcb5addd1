//! The rights that the README says are enough are enough, and each of them is needed.

use crate::apply::starter;
use crate::common;
use crate::control_plane::ControlPlane;
use crate::diff::{exits, holds};
use crate::{Named, infer};
use libtest_mimic::Failed;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// All tests of rights.
pub fn tests() -> Vec<Named> {
    vec![
        ("rights::diff".into(), Box::new(diff)),
        ("rights::apply".into(), Box::new(apply)),
    ]
}

/// The groups and resources that a spec renders to.
fn rendered(plane: &ControlPlane, file: &str) -> Result<BTreeSet<(String, String)>, Failed> {
    let page = common::run(&["render", "-f", file, "-t", "lws", "-o", "json"]);
    let mut found = BTreeSet::new();
    for object in common::objects(&page.out) {
        let version = object["apiVersion"].as_str().unwrap_or_default();
        let collection =
            plane
                .admin()
                .collection(version, object["kind"].as_str().unwrap_or_default(), "default")?;
        let group = version.split_once('/').map_or("", |(g, _)| g);
        found.insert((
            group.to_owned(),
            collection.rsplit('/').next().unwrap_or_default().to_owned(),
        ));
    }
    Ok(found)
}

fn rules(kinds: &BTreeSet<(String, String)>, verbs: &[&str], sets: &[&str]) -> Value {
    let mut rules: Vec<Value> = kinds
        .iter()
        .map(|(group, name)| json!({"apiGroups": [group], "resources": [name], "verbs": verbs}))
        .collect();
    rules.push(json!({"apiGroups": [""], "resources": ["configmaps"], "verbs": sets}));
    rules.into()
}

fn without<'a>(verbs: &[&'a str], verb: &str) -> Vec<&'a str> {
    verbs.iter().filter(|v| **v != verb).copied().collect()
}

fn diff(plane: &ControlPlane) -> Result<(), Failed> {
    let admin = plane.admin();
    let file = starter("multi-node");
    let kinds = rendered(plane, &file)?;
    let verbs = ["get", "list", "create", "patch"];
    let run = |namespace: &str| {
        infer(
            plane,
            "differ",
            &["diff", "-f", &file, "-t", "lws", "-n", namespace],
        )
    };
    for namespace in ["rights-diff-new", "rights-diff-old"] {
        admin.namespace(namespace);
    }
    let applied = infer(
        plane,
        "admin",
        &["apply", "-f", &file, "-t", "lws", "-n", "rights-diff-old"],
    );
    exits(&applied, 0)?;
    admin.grant("differs", rules(&kinds, &verbs, &["get"]));
    exits(&run("rights-diff-new"), 1)?;
    exits(&run("rights-diff-old"), 0)?;
    for verb in verbs {
        admin.grant("differs", rules(&kinds, &without(&verbs, verb), &["get"]));
        let both = [run("rights-diff-new"), run("rights-diff-old")];
        if both.iter().all(|r| r.code < 5) {
            return Err(format!("diff does not need {verb}").into());
        }
        holds(&format!("{}{}", both[0].err, both[1].err), &["forbidden"])?;
    }
    Ok(())
}

fn apply(plane: &ControlPlane) -> Result<(), Failed> {
    let admin = plane.admin();
    let file = starter("multi-node");
    let mut kinds = rendered(plane, &file)?;
    let verbs = ["get", "list", "create", "patch", "delete"];
    let sets = ["get", "create", "patch"];
    admin.namespace("rights-apply");
    let args = [
        "apply",
        "-f",
        file.as_str(),
        "-t",
        "lws",
        "-n",
        "rights-apply",
        "--prune",
    ];
    admin.grant("appliers", rules(&kinds, &verbs, &sets));
    exits(&infer(plane, "applier", &args), 0)?;
    // Pods are listed to wait for them.
    let waiting = [args.as_slice(), &["--wait", "--timeout", "1s"]].concat();
    let run = infer(plane, "applier", &waiting);
    exits(&run, 5)?;
    holds(&run.err, &["cannot list resource \"pods\""])?;
    kinds.insert((String::new(), "pods".into()));
    admin.grant("appliers", rules(&kinds, &verbs, &sets));
    let run = infer(plane, "applier", &waiting);
    holds(&run.err, &["not ready after 1 s"])?;
    // The record of the set cannot be written: nothing is half done.
    admin.namespace("rights-apply-less");
    admin.grant("appliers", rules(&kinds, &verbs, &["get"]));
    let run = infer(
        plane,
        "applier",
        &["apply", "-f", &file, "-t", "lws", "-n", "rights-apply-less"],
    );
    exits(&run, 5)?;
    holds(
        &run.err,
        &["configmaps", "forbidden", "0 objects applied", "not applied: "],
    )
}
