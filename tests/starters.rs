//! Every starter of `init` renders to every target, and what comes out would be accepted.
//!
//! Objects are judged by the upstream CRDs (`../shared/crds`) twice: by the crate `jsonschema` and by a checker that shares no code
//! with us; without them only the rules of Kubernetes' own kinds are checked.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod common;

use common::crds::Crds;
use kubectl_infer::cli::init::STARTERS;
use kubectl_infer::dialect;
use libtest_mimic::{Arguments, Failed, Trial};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, LazyLock};

static CRDS: LazyLock<Option<Arc<Crds>>> =
    LazyLock::new(|| common::shared().map(|s| Arc::new(Crds::new(&s.join("crds")))));

fn main() {
    let args = Arguments::from_args();
    let mut trials = Vec::new();
    for target in dialect::ALL.iter().map(|d| d.info().name) {
        for (starter, _) in STARTERS {
            trials.push(Trial::test(format!("{starter}::{target}"), move || {
                starter_renders(starter, target)
            }));
            // What a dialect does not predict yet is not asked for.
            if expands(target) {
                trials.push(Trial::test(format!("{starter}::{target}::pods"), move || {
                    starter_becomes_pods(starter, target)
                }));
            }
            trials.push(common::needs(
                common::shared(),
                &format!("{starter}::{target}::crds"),
                move |_| starter_conforms(starter, target),
            ));
        }
    }
    for (starter, _) in STARTERS {
        trials.push(common::needs(
            common::shared(),
            &format!("{starter}::dynamo::flags"),
            move |shared| wrapped_flags_exist(starter, &shared),
        ));
    }
    if expands("dynamo") {
        trials.push(Trial::test("expected graphs become pods", expected_graphs));
    }
    let checker = common::shared()
        .map(|s| s.join("tools/crdcheck.py"))
        .filter(|p| p.exists());
    trials.push(common::needs(checker, "another checker agrees", |checker| {
        other_checker(&checker)
    }));
    trials.push(common::needs(common::shared(), "judges refuse", |_| {
        judges_refuse()
    }));
    trials.push(common::needs(common::shared(), "expected pages conform", |_| {
        expected_pages()
    }));
    libtest_mimic::run(&args, trials).exit();
}

fn expands(target: &str) -> bool {
    dialect::find(target).is_some_and(|d| d.expands(d.info().api_version, d.info().kind))
}

/// Renders a starter as a user would: no loss beyond warnings, nothing forced.
fn render(starter: &str, target: &str, output: &str) -> Result<String, Failed> {
    let file = common::scratch(&format!("starter-{starter}-{target}-{output}.yaml"));
    std::fs::write(&file, common::run(&["init", starter]).out)?;
    let run = common::run(&[
        "render",
        "-f",
        &file.to_string_lossy(),
        "-t",
        target,
        "-o",
        output,
    ]);
    let _ = std::fs::remove_file(&file);
    if run.code != 0 {
        return Err(format!("exit {}\n{}", run.code, run.err).into());
    }
    if run.err.contains("INF0000") {
        return Err(run.err.into());
    }
    Ok(run.out)
}

/// Nothing that is rendered is refused, or stored without pods ever coming of it.
fn starter_becomes_pods(starter: &str, target: &str) -> Result<(), Failed> {
    let file = common::scratch(&format!("starter-{starter}-{target}-pods.yaml"));
    std::fs::write(&file, render(starter, target, "yaml")?)?;
    let run = common::run(&["pods", "-f", &file.to_string_lossy(), "-o", "json"]);
    let _ = std::fs::remove_file(&file);
    let json: serde_json::Value = serde_json::from_str(&run.out)?;
    let workloads = json["workloads"].as_array().map_or(&[][..], Vec::as_slice);
    let pods = json["pods"].as_array().map_or(0, Vec::len);
    if pods == 0 || !run.err.is_empty() || workloads.iter().any(|w| w["outcome"] != "pods") {
        return Err(format!("{pods} pods of {workloads:?}\n{}", run.err).into());
    }
    Ok(())
}

fn starter_renders(starter: &str, target: &str) -> Result<(), Failed> {
    let objects = common::objects(&render(starter, target, "json")?);
    judge(common::objects::check(&objects, None))?;
    let services = objects.iter().filter(|o| o["kind"] == "Service").count();
    if services == 0 && target != "aibrix" && target != "kthena" {
        return Err("no Service: nothing reaches the pods".into());
    }
    Ok(())
}

fn starter_conforms(starter: &str, target: &str) -> Result<(), Failed> {
    let objects = common::objects(&render(starter, target, "json")?);
    judge(common::objects::check(&objects, CRDS.as_deref()))
}

fn judge(errors: Vec<String>) -> Result<(), Failed> {
    if errors.is_empty() {
        Ok(())
    } else {
        Err(errors.join("\n").into())
    }
}

/// The YAML page, read by PyYAML and checked by code of others.
fn other_checker(checker: &Path) -> Result<(), Failed> {
    let python = Command::new("python3").args(["-c", "import yaml"]).output();
    if !python.is_ok_and(|p| p.status.success()) {
        return Err("needs python3 with PyYAML".into());
    }
    let mut files = Vec::new();
    for (starter, _) in STARTERS {
        for target in dialect::ALL.iter().map(|d| d.info().name) {
            let file = common::scratch(&format!("crdcheck-{starter}-{target}.yaml"));
            std::fs::write(&file, render(starter, target, "yaml")?)?;
            files.push(file);
        }
    }
    let crds = checker.parent().unwrap().parent().unwrap().join("crds");
    let output = Command::new("python3")
        .arg(checker)
        .arg(crds)
        .args(&files)
        .output()?;
    files.iter().for_each(|f| drop(std::fs::remove_file(f)));
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stdout).into_owned().into())
}

/// What golden cases expect would be accepted too.
fn expected_pages() -> Result<(), Failed> {
    use serde::Deserialize;
    let mut errors = Vec::new();
    for dir in common::directories_with(&common::root().join("testdata"), "spec.yaml") {
        for entry in std::fs::read_dir(&dir)?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
            if !name.starts_with("expected.") || text.trim().is_empty() {
                continue;
            }
            let documents = serde_yaml::Deserializer::from_str(&text);
            let objects: Vec<serde_json::Value> = documents
                .map(|d| serde_json::Value::deserialize(d).unwrap())
                .collect();
            let wrong = common::objects::check(&objects, CRDS.as_deref());
            errors.extend(
                wrong
                    .into_iter()
                    .map(|e| format!("{}: {e}", entry.path().display())),
            );
        }
    }
    judge(errors)
}

/// The judges can refuse: every string made a number, every object with a key too many, every selector bent.
fn judges_refuse() -> Result<(), Failed> {
    for target in dialect::ALL.iter().map(|d| d.info().name) {
        let objects = common::objects(&render("prefill-decode", target, "json")?);
        for at in 0..objects.len() {
            let kind = objects[at]["kind"].as_str().unwrap().to_owned();
            let refused = |change: &dyn Fn(&mut serde_json::Value)| {
                let mut bent = objects.clone();
                change(&mut bent[at]);
                !common::objects::check(&bent, CRDS.as_deref()).is_empty()
            };
            if !refused(&|o| o["specification"] = 1.into()) {
                return Err(format!("{target}: {kind} may have any field").into());
            }
            if !refused(&|o| o["metadata"]["name"] = "Not a name".into()) {
                return Err(format!("{target}: {kind} may have any name").into());
            }
            if kind == "Service" && !refused(&|o| o["spec"]["selector"]["infer.dev/role"] = "nobody".into()) {
                return Err(format!("{target}: a Service may select nothing").into());
            }
        }
    }
    Ok(())
}

/// The flags of a module of Dynamo, with those of the engine that it hands on.
fn flags_of(module: &str, engines: &Path) -> Result<BTreeSet<String>, Failed> {
    let page = |name: &str| -> Result<serde_json::Value, Failed> {
        let text = std::fs::read_to_string(engines.join(format!("{name}.json")))?;
        Ok(serde_json::from_str(&text)?)
    };
    let names = |page: &serde_json::Value| -> BTreeSet<String> {
        let list = |v: &serde_json::Value| v.as_array().cloned().unwrap_or_default();
        let text = |v: &serde_json::Value| v.as_str().map(str::to_owned);
        let mut all = BTreeSet::new();
        for flag in list(&page["flags"]) {
            let name = text(&flag["name"]).unwrap_or_default();
            if flag["negatable"] == true {
                all.insert(name.replacen("--", "--no-", 1));
            }
            all.extend(list(&flag["aliases"]).iter().filter_map(text));
            all.insert(name);
        }
        for gone in list(&page["frontend_only"]).iter().filter_map(text) {
            all.remove(&gone);
        }
        all
    };
    let own = page(&format!("dynamo-{module}"))?;
    let mut all = names(&own);
    for included in own["includes"].as_array().into_iter().flatten() {
        all.extend(names(&page(included["engine"].as_str().unwrap_or_default())?));
    }
    Ok(all)
}

/// The command lines that Dynamo runs, after its operator where that is predicted, have only flags that the runtime knows.
fn wrapped_flags_exist(starter: &str, shared: &Path) -> Result<(), Failed> {
    let page = render(starter, "dynamo", "json")?;
    let mut holders = common::objects(&page);
    if expands("dynamo") {
        let file = common::scratch(&format!("starter-{starter}-dynamo-flags.json"));
        std::fs::write(&file, &page)?;
        let run = common::run(&["pods", "-f", &file.to_string_lossy(), "-o", "json"]);
        let _ = std::fs::remove_file(&file);
        holders = vec![serde_json::from_str(&run.out)?];
    }
    let mut lines = Vec::new();
    holders.iter().for_each(|h| command_lines(h, &mut lines));
    let mut checked = 0;
    for line in &lines {
        let clean = |w: &str| w.replace(['\'', '"', '\\'], "");
        let words: Vec<String> = line.split_whitespace().map(clean).collect();
        let Some(at) = words
            .windows(2)
            .position(|w| w[0] == "-m" && w[1].starts_with("dynamo."))
        else {
            continue;
        };
        let known = flags_of(&words[at + 1]["dynamo.".len()..], &shared.join("engines"))?;
        for word in words[at + 2..].iter().filter(|w| w.starts_with("--")) {
            let flag = word.split('=').next().unwrap_or_default();
            if !known.contains(flag) {
                return Err(format!("{} has no {flag}: {line}", words[at + 1]).into());
            }
        }
        checked += 1;
    }
    let vllm = flags_of("vllm", &shared.join("engines"))?;
    if vllm.contains("--port") || !vllm.contains("--tensor-parallel-size") {
        return Err("the judge is blind".into());
    }
    match checked {
        // The custom starter runs nothing of Dynamo.
        0 if starter != "custom" => Err(format!("no worker among {lines:?}").into()),
        _ => Ok(()),
    }
}

/// The command lines of all containers of a tree.
fn command_lines(node: &serde_json::Value, lines: &mut Vec<String>) {
    let words = |key: &str| {
        let words = node[key].as_array().into_iter().flatten();
        words
            .filter_map(|w| w.as_str().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    if node["image"].is_string() {
        let line = [words("command"), words("args")].concat().join(" ");
        lines.push(line);
    }
    match node {
        serde_json::Value::Array(items) => items.iter().for_each(|i| command_lines(i, lines)),
        serde_json::Value::Object(map) => map.values().for_each(|v| command_lines(v, lines)),
        _ => {}
    }
}

/// Dynamo's admission accepts nearly everything; what is expected of a rendering is none of what never becomes pods.
fn expected_graphs() -> Result<(), Failed> {
    let mut graphs = 0;
    for dir in common::directories_with(&common::root().join("testdata/dynamo"), "spec.yaml") {
        let page = dir.join("expected.dynamo.yaml");
        if std::fs::metadata(&page).map_or(0, |m| m.len()) == 0 {
            continue;
        }
        let more = std::fs::read_to_string(dir.join("args")).unwrap_or_default();
        let page = page.to_string_lossy().into_owned();
        let mut args = vec!["pods", "-f", page.as_str(), "-o", "json"];
        args.extend(more.lines().filter(|l| !l.is_empty()));
        let run = common::run(&args);
        let json: serde_json::Value =
            serde_json::from_str(&run.out).map_err(|e| format!("{e}\n{}", run.err))?;
        for workload in json["workloads"].as_array().into_iter().flatten() {
            graphs += usize::from(workload["kind"] == "DynamoGraphDeployment");
            if workload["outcome"] != "pods" {
                return Err(format!("{page}: {workload}\n{}", run.err).into());
            }
        }
    }
    match graphs {
        0 => Err("no graph was looked at".into()),
        _ => Ok(()),
    }
}
