//! Properties that hold of every spec, judged on specs drawn at random over the whole language.
//!
//! A rendering never panics, loses nothing, ends with a known exit code, and what it prints would be accepted and run: see
//! [`common::objects`]. The draw is the same on every run; `INFER_CASES=5000` draws more, `INFER_SEED=7` others. A failure is
//! shrunk to the smallest spec that fails in the same way, and printed.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod common;

use common::crds::Crds;
use common::generate;
use kubectl_infer::dialect;
use libtest_mimic::{Arguments, Failed, Trial};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

static CRDS: LazyLock<Option<Crds>> = LazyLock::new(|| common::shared().map(|s| Crds::new(&s.join("crds"))));

fn main() {
    let args = Arguments::from_args();
    let mut trials = vec![Trial::test("batches do not depend on threads", batches)];
    for shard in 0..4 {
        trials.push(Trial::test(format!("renderings conform::{shard}"), move || {
            conform(shard)
        }));
        trials.push(Trial::test(format!("every leaf counts::{shard}"), move || {
            leaves(shard)
        }));
    }
    libtest_mimic::run(&args, trials).exit();
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|v| v.parse().ok())
        .unwrap_or(default)
}

/// The seeds of a shard's specs, drawn by proptest from a seed that is always the same.
fn seeds(shard: u8, cases: u64) -> Vec<u64> {
    let mut seed = [shard; 32];
    seed[..8].copy_from_slice(&setting("INFER_SEED", 0).to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let cases = setting("INFER_CASES", cases) as usize;
    let strategy = proptest::collection::vec(any::<u64>(), cases);
    strategy.new_tree(&mut runner).unwrap().current()
}

/// What a rendering came to.
struct Rendered {
    code: u8,
    out: String,
    report: Value,
}

/// Renders a spec for a target, forced; what is wrong with the run itself is the error, its first line the kind of failure.
fn render(spec: &Value, target: &str, file: &Path) -> Result<Rendered, String> {
    std::fs::write(file, serde_json::to_string_pretty(spec).unwrap()).unwrap();
    let report = file.with_extension("report");
    let args = [
        "render",
        "-f",
        &file.to_string_lossy(),
        "-t",
        target,
        "-o",
        "json",
        "--force",
        "--report",
        &report.to_string_lossy(),
    ]
    .map(str::to_owned);
    let run = std::panic::catch_unwind(|| common::run(&args)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or(panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        format!("panic\n{}", text.unwrap_or_default())
    })?;
    let said = std::fs::read_to_string(&report).unwrap_or_default();
    let _ = std::fs::remove_file(&report);
    if run.err.contains("INF0000") {
        let place = run
            .err
            .split_once("INF0000]: `")
            .and_then(|(_, rest)| rest.split('`').next());
        let kind: String = place
            .unwrap_or_default()
            .replace(|c: char| c.is_ascii_digit(), "N");
        return Err(format!("lost {kind}\n{}", run.err));
    }
    if !matches!(run.code, 0 | 3 | 4) {
        return Err(format!("exit {}\n{}", run.code, run.err));
    }
    Ok(Rendered {
        code: run.code,
        out: run.out,
        report: serde_json::from_str(&said).map_err(|e| format!("no report\n{e}"))?,
    })
}

/// All that must hold of one spec on one target; why it was refused, if it was.
fn verdict(spec: &Value, target: &str, file: &Path) -> Result<Option<String>, String> {
    let first = render(spec, target, file)?;
    let again = render(spec, target, file)?;
    if first.out != again.out || first.report != again.report {
        return Err("two runs differ".to_owned());
    }
    let entries = first.report["entries"].as_array().cloned().unwrap_or_default();
    let error = |e: &&Value| e["severity"] == "error";
    let said = |e: &Value| {
        format!(
            "{} {}",
            e["code"].as_str().unwrap(),
            e["message"].as_str().unwrap()
        )
    };
    if first.code == 3 {
        return match entries.iter().find(error) {
            Some(e) if e["source"]["line"].is_u64() && !first.out.is_empty() => {
                Err(format!("objects beside an error\n{e}"))
            }
            Some(e) if e["source"]["line"].is_u64() => Ok(Some(said(e))),
            other => Err(format!("refused without an error at a place\n{other:?}")),
        };
    }
    if let Some(loss) = entries.iter().find(error) {
        return Ok(Some(said(loss)));
    }
    let errors = common::objects::check(&common::objects(&first.out), CRDS.as_ref());
    match errors.first() {
        None => Ok(None),
        Some(error) => {
            let kind = error.split(": ").last().unwrap_or_default();
            let kind: String = kind.chars().take(24).collect();
            Err(format!("{kind}\n{}", errors.join("\n")))
        }
    }
}

fn conform(shard: u8) -> Result<(), Failed> {
    let file = common::scratch(&format!("properties-{shard}.yaml"));
    let mut refused: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut all = 0;
    let mut found = Failures::default();
    for seed in seeds(shard, 40) {
        let spec = generate::serving(seed);
        all += 1;
        for target in dialect::ALL.iter().map(|d| d.info().name) {
            match verdict(&spec, target, &file) {
                Ok(why) => refused.entry(target).or_default().extend(why),
                Err(failure) => found.add(&spec, target, failure, &|s| verdict(s, target, &file).err()),
            }
        }
    }
    let _ = std::fs::remove_file(&file);
    for (target, why) in &refused {
        if why.len() * 4 > all * 3 || std::env::var_os("INFER_TALLY").is_some() {
            let (count, why) = (why.len(), why.join("\n  "));
            found.texts.push(format!(
                "{target}: {count} of {all} specs are refused; the test says little:\n  {why}"
            ));
        }
    }
    found.result()
}

/// Failures, one of each kind, each with its smallest spec.
#[derive(Default)]
struct Failures {
    kinds: Vec<(String, String)>,
    texts: Vec<String>,
}

impl Failures {
    fn add(&mut self, spec: &Value, target: &str, failure: String, again: &dyn Fn(&Value) -> Option<String>) {
        let kind = failure.lines().next().unwrap_or_default().to_owned();
        let key = (target.to_owned(), kind.clone());
        if self.kinds.contains(&key) || self.kinds.len() > 12 {
            return;
        }
        self.kinds.push(key);
        let same = |s: &Value| again(s).is_some_and(|f| f.lines().next() == Some(kind.as_str()));
        let small = common::shrink::smallest(spec, &same);
        let text = again(&small).unwrap_or(failure);
        let page = serde_json::to_string(&small).unwrap();
        self.texts.push(format!("--- {target}: {text}\n{page}"));
    }

    fn result(self) -> Result<(), Failed> {
        if self.texts.is_empty() {
            Ok(())
        } else {
            Err(self.texts.join("\n").into())
        }
    }
}

/// What a user sees of a run, without the places.
fn visible(rendered: &Rendered) -> (u8, String, Vec<Value>) {
    let entries = rendered.report["entries"].as_array().cloned().unwrap_or_default();
    let essence =
        |e: &Value| serde_json::json!([e["code"], e["source"]["pointer"], e["value"], e["message"]]);
    (
        rendered.code,
        rendered.out.clone(),
        entries.iter().map(essence).collect(),
    )
}

/// Changing one leaf changes the objects or the report.
fn leaves(shard: u8) -> Result<(), Failed> {
    let file = common::scratch(&format!("leaves-{shard}.yaml"));
    let mut found = Failures::default();
    let mut changed = 0;
    for seed in seeds(shard ^ 0x40, 24) {
        let spec = generate::serving(seed);
        let targets: Vec<&str> = dialect::ALL.iter().map(|d| d.info().name).collect();
        let target = targets[(seed % targets.len() as u64) as usize];
        let Ok(before) = render(&spec, target, &file).map(|r| visible(&r)) else {
            continue;
        };
        if before.0 == 3 {
            continue;
        }
        for path in common::shrink::leaves(&spec) {
            // The kind decides whether it is a spec; how much a node has is a bound, not a setting.
            if path == "/apiVersion" || path == "/kind" || path.ends_with("/accelerator/perNode") {
                continue;
            }
            changed += 1;
            let silent = |s: &Value| -> Option<String> {
                s.pointer(&path)?;
                let before = render(s, target, &file).ok().map(|r| visible(&r))?;
                let mut after = s.clone();
                common::shrink::bend(after.pointer_mut(&path)?);
                let after = render(&after, target, &file).ok().map(|r| visible(&r))?;
                (before.0 != 3 && before == after).then(|| format!("{path} is silent"))
            };
            let mut bent = spec.clone();
            common::shrink::bend(bent.pointer_mut(&path).unwrap());
            match render(&bent, target, &file).map(|r| visible(&r)) {
                Ok(after) if after == before => {
                    found.add(&spec, target, format!("{path} is silent"), &silent)
                }
                _ => {}
            }
        }
    }
    let _ = std::fs::remove_file(&file);
    if changed < 60 {
        found.texts.push(format!(
            "only {changed} leaves were changed; the test says little"
        ));
    }
    found.result()
}

/// Many documents at once: on one thread, on four, and one by one.
fn batches() -> Result<(), Failed> {
    let file = common::scratch("batch.yaml");
    for target in dialect::ALL.iter().map(|d| d.info().name) {
        let renders = |spec: &Value| render(spec, target, &file).is_ok_and(|r| r.code == 0);
        let mut specs: Vec<Value> = seeds(9, 40)
            .into_iter()
            .map(generate::serving)
            .filter(renders)
            .collect();
        for (i, spec) in specs.iter_mut().enumerate() {
            spec["metadata"]["namespace"] = format!("n{i}").into();
        }
        let page = |specs: &[Value]| {
            let texts: Vec<String> = specs.iter().map(|s| serde_json::to_string(s).unwrap()).collect();
            std::fs::write(&file, texts.join("\n---\n")).unwrap();
        };
        let run = |jobs: &str| {
            let file = file.to_string_lossy();
            common::run(&["render", "-f", &file, "-t", target, "--jobs", jobs])
        };
        page(&specs);
        let (one, four) = (run("1"), run("4"));
        if one.out != four.out || one.err != four.err || one.code != 0 {
            return Err(format!(
                "{target}: exit {}, one thread and four differ\n{}",
                one.code, one.err
            )
            .into());
        }
        let apart: Vec<String> = specs
            .iter()
            .map(|s| {
                page(std::slice::from_ref(s));
                run("1").out
            })
            .collect();
        if apart.join("---\n") != one.out {
            return Err(format!("{target}: a document depends on its neighbours").into());
        }
    }
    let _ = std::fs::remove_file(&file);
    Ok(())
}
