//! Predicted pods against recorded ones: what each orchestrator's real controllers, run unmodified, made of manifests.
//!
//! A record is `{manifest, accepted, errors, pods}`; the manifest lies beside it or in the corpus. Records of all dialects are
//! in the material that only exists where the project is built (`expansions/<dialect>/`); a representative few are in
//! `testdata/<dialect>/expansions/` and must all be exact. `testdata/<dialect>/expansions.floor` says how many of the others
//! are exact at least, and is raised when more are.
//!
//! How the operator ran is told by Platform documents in `testdata/<dialect>/`: `platform.yaml` for all records,
//! `platform.<folder>.yaml` for those of a folder, with dots for slashes (`platform.probes.volcano.yaml`), and
//! `platform.<folder>.<start>.yaml` for those whose names start so, up to a dash.
//!
//! `cargo test --test expansions -- lws` runs one dialect. `MISSES=1` prints all misses instead of the first few, `ONLY=text`
//! takes only records whose path holds the text, with everything that differs.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failure here is a failed test, and the score is what people run it for"
)]

mod common;
#[path = "expansions/compare.rs"]
mod compare;
#[path = "expansions/crds.rs"]
mod crds;
#[path = "expansions/record.rs"]
mod record;

use kubectl_infer::compile::{self, Settings};
use kubectl_infer::diagnostic::Ledger;
use kubectl_infer::dialect::{self, platform::Platform};
use kubectl_infer::pods::{json, totals};
use kubectl_infer::source::emit::{self, Format};
use kubectl_infer::source::{Document, Input, Limits, Sources, load_inputs};
use kubectl_infer::template::Templates;
use kubectl_infer::value::{Node, Value as NodeValue};
use libtest_mimic::{Arguments, Failed, Trial};
use record::Record;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn main() {
    let args = Arguments::from_args();
    let mut trials = Vec::new();
    for dialect in dialect::ALL.iter().map(|d| d.info().name) {
        let known = dialect::find(dialect).is_some_and(|d| d.expands(d.info().api_version, d.info().kind));
        let trial = Trial::test(format!("{dialect}::rendered"), move || rendered(dialect));
        trials.push(trial.with_ignored_flag(!known));
        let own = common::root().join("testdata").join(dialect).join("expansions");
        if own.is_dir() {
            let corpus = own.clone();
            trials.push(Trial::test(format!("{dialect}::own"), move || {
                run(dialect, &own, &corpus, true)
            }));
        }
        let Some(shared) = common::shared() else {
            trials
                .push(Trial::test(format!("{dialect}: no records here"), || Ok(())).with_ignored_flag(true));
            continue;
        };
        let (records, corpus) = (
            shared.join("expansions").join(dialect),
            shared.join("corpus").join(dialect),
        );
        let (definitions, of, also) = (shared.join("crds"), records.clone(), corpus.clone());
        trials.push(Trial::test(format!("{dialect}::records"), move || {
            run(dialect, &records, &corpus, false)
        }));
        trials.push(Trial::test(format!("{dialect}::crds"), move || {
            crds::run(dialect, &of, &also, &definitions, &|path| {
                platform(dialect, path, &of)
            })
        }));
    }
    libtest_mimic::run(&args, trials).exit();
}

/// What the compiler renders is admitted, becomes pods, and is selected by what comes with it.
fn rendered(dialect: &str) -> Result<(), Failed> {
    let name = format!("expected.{dialect}.yaml");
    for dir in common::directories_with(&common::root().join("testdata"), &name) {
        let path = dir.join(&name);
        let platforms = dir.join("platform.yaml");
        let mut args = vec![
            "pods".to_owned(),
            "-f".to_owned(),
            path.display().to_string(),
            "-o".to_owned(),
            "name".to_owned(),
        ];
        if platforms.is_file() {
            args.extend(["--platform".to_owned(), platforms.display().to_string()]);
        }
        if std::fs::read_to_string(&path)
            .unwrap_or_default()
            .trim()
            .is_empty()
        {
            continue;
        }
        let run = common::run(&args);
        // A profile that the user wrote beside the spec is passed through, and is worth a word of its own.
        let said = |what: &str| run.err.matches(what).count();
        let fine = said("error[") == 0 && said("warning[") == said("warning[INF5354]");
        if run.code != 0 || !fine {
            return Err(format!("{}: exit {}\n{}", path.display(), run.code, run.err).into());
        }
    }
    Ok(())
}

/// What a record shows, for the score.
#[derive(Default)]
struct Score {
    exact: usize,
    all: usize,
}

fn run(dialect: &str, records: &Path, corpus: &Path, must_be_exact: bool) -> Result<(), Failed> {
    let only = std::env::var("ONLY").ok();
    let (mut scores, mut misses) = ([Score::default(), Score::default(), Score::default()], Vec::new());
    for path in record::files(records) {
        let short = path.strip_prefix(records).unwrap_or(&path).display().to_string();
        if only.as_ref().is_some_and(|only| !short.contains(only)) {
            continue;
        }
        let Some(record) = Record::read(&path, records, corpus) else {
            continue;
        };
        let predicted = predict(&record, &platform(dialect, &path, records));
        // A manifest without any workload, of routes alone for instance, shows nothing.
        if predicted.as_ref().is_ok_and(|p| p["foreign"] == true) {
            continue;
        }
        let differences = match &predicted {
            Ok(predicted) => compare::outcome(&record, predicted),
            Err(message) => vec![message.clone()],
        };
        let score = &mut scores[record.kind() as usize];
        score.all += 1;
        if differences.is_empty() {
            score.exact += 1;
        } else {
            misses.push((short, differences));
        }
    }
    report(
        dialect,
        &scores,
        &misses,
        only.is_some() || std::env::var_os("MISSES").is_some(),
    );
    if only.is_some() {
        return Ok(());
    }
    let exact: usize = scores.iter().map(|s| s.exact).sum();
    let all: usize = scores.iter().map(|s| s.all).sum();
    if all == 0 {
        return Err("no records found".into());
    }
    let floor = if must_be_exact { all } else { floor(dialect) };
    if exact < floor {
        return Err(format!("{exact} of {all} records are exact, at least {floor} were").into());
    }
    Ok(())
}

fn report(dialect: &str, scores: &[Score; 3], misses: &[(String, Vec<String>)], everything: bool) {
    let mut text = String::new();
    let shown = if everything { usize::MAX } else { 25 };
    for (name, differences) in misses.iter().take(shown) {
        text += &format!("  {name}: {}\n", differences.first().map_or("", String::as_str));
        if everything {
            differences
                .iter()
                .skip(1)
                .take(30)
                .for_each(|d| text += &format!("      {d}\n"));
        }
    }
    if misses.len() > shown {
        text += &format!("  … {} more; MISSES=1 shows all\n", misses.len() - shown);
    }
    let sum = |f: fn(&Score) -> usize| scores.iter().map(f).sum::<usize>();
    println!(
        "{text}{dialect}: {}/{} exact; with pods {}/{}, without pods {}/{}, refused {}/{}",
        sum(|s| s.exact),
        sum(|s| s.all),
        scores[0].exact,
        scores[0].all,
        scores[1].exact,
        scores[1].all,
        scores[2].exact,
        scores[2].all,
    );
}

fn floor(dialect: &str) -> usize {
    let path = common::root()
        .join("testdata")
        .join(dialect)
        .join("expansions.floor");
    std::fs::read_to_string(path)
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0)
}

/// The Platform document for a record: that for its name, else that of the nearest folder that has one.
fn platform(dialect: &str, record: &Path, records: &Path) -> Option<PathBuf> {
    let root = common::root().join("testdata").join(dialect);
    let folder = record.parent()?.strip_prefix(records).ok()?;
    let dotted = |folder: &Path| -> String {
        folder
            .iter()
            .map(|part| format!(".{}", part.to_string_lossy()))
            .collect()
    };
    let stem = record.file_stem()?.to_string_lossy().into_owned();
    let starts = std::iter::successors(Some(stem.as_str()), |s| s.rsplit_once('-').map(|(head, _)| head));
    let named = starts.map(|start| format!("{}.{start}", dotted(folder)));
    named
        .chain(folder.ancestors().map(dotted))
        .map(|middle| root.join(format!("platform{middle}.yaml")))
        .find(|path| path.is_file())
}

/// A record's manifest, and how the operator ran.
struct Read {
    sources: Sources,
    documents: Vec<Document>,
    platform: Platform,
    templates: Templates,
}

/// Reads a record's manifest, in the record's namespace.
fn read(record: &Record, platform: &Option<PathBuf>) -> Result<Read, String> {
    let (mut sources, mut ledger) = (Sources::new(), Ledger::new());
    let load = |path: &Path, sources: &mut Sources, ledger: &mut Ledger| {
        load_inputs(
            &[Input::File(path.to_owned())],
            sources,
            &Limits::default(),
            ledger,
        )
    };
    let mut documents = load(&record.manifest, &mut sources, &mut ledger);
    let file = sources.files().last().map(|f| f.text.clone()).unwrap_or_default();
    for document in &mut documents {
        as_recorded(&mut document.root, &sources, &file);
        document
            .root
            .at_mut(&["metadata"])
            .set("namespace", record.namespace.as_str());
        record
            .changed
            .iter()
            .for_each(|change| repair(&mut document.root, change));
    }
    let mut how = Platform::default();
    if let Some(path) = platform {
        let found = load(path, &mut sources, &mut ledger);
        how.spec = found
            .first()
            .and_then(|d| d.root.get("spec").cloned())
            .unwrap_or_default();
    }
    let templates = dialect::templates(None, &mut ledger);
    if ledger.has_errors() {
        return Err(format!("cannot be read: {}", ledger.diagnostics[0].message));
    }
    Ok(Read {
        sources,
        documents,
        platform: how,
        templates,
    })
}

/// The prediction for a record's manifest in the record's namespace, as the JSON of the contract.
fn predict(record: &Record, platform: &Option<PathBuf>) -> Result<Value, String> {
    let read = read(record, platform)?;
    let settings = Settings {
        sources: &read.sources,
        platform: &read.platform,
        templates: &read.templates,
        namespace: None,
        annotate_target: false,
    };
    let documents = &read.documents;
    let prediction = compile::predict(documents, &settings);
    let silent = prediction.diagnostics.is_empty();
    let sums = totals::totals(&prediction.workloads, 8);
    let text = emit::documents(&[json::document(prediction.workloads, &sums)], Format::Json);
    let mut predicted: Value =
        serde_json::from_str(&text.replace(&record.namespace, "NAMESPACE")).map_err(|e| e.to_string())?;
    let judged = documents
        .iter()
        .all(|d| dialect::expander(&d.root, &read.platform).is_some());
    predicted["known"] = (silent && judged).into();
    let foreign = documents
        .iter()
        .all(|d| dialect::expander(&d.root, &read.platform).is_none());
    predicted["foreign"] = foreign.into();
    Ok(predicted)
}

/// Makes a change to a graph of Dynamo that a record says was made to the manifest.
fn repair(root: &mut Node, change: &str) {
    if root.get("kind").and_then(Node::as_str) != Some("DynamoGraphDeployment") {
        return;
    }
    if change.starts_with("annotation nvidia.com/enable-grove") {
        root.at_mut(&["metadata", "annotations"])
            .set("nvidia.com/enable-grove", "false");
    }
    if let Some(version) = change.strip_prefix("runtimeVersionOverride ") {
        let version = version.split(' ').next().unwrap_or_default();
        let spec = root.at_mut(&["spec"]).map_mut();
        let mut components: Vec<&mut Node> = Vec::new();
        for (key, node) in spec.iter_mut() {
            match key.as_str() {
                "components" => components.extend(node.seq_mut()),
                "services" => components.extend(node.map_mut().iter_mut().map(|(_, n)| n)),
                _ => {}
            }
        }
        for component in components.into_iter().filter(|c| !has_version(c)) {
            if component.get("runtimeVersionOverride").is_none() {
                component.set("runtimeVersionOverride", version);
            }
        }
    }
}

/// Whether some image below a node has three numbers as its tag.
fn has_version(node: &Node) -> bool {
    let mut found = false;
    node.walk(&mut |n| {
        let image = n.get("image").and_then(Node::as_str).unwrap_or_default();
        let tag = image.rsplit_once(':').map_or("", |(_, tag)| tag);
        let mut parts = tag.trim_start_matches('v').splitn(3, '.');
        found |= parts.clone().count() == 3 && parts.all(|p| p.starts_with(|c: char| c.is_ascii_digit()));
    });
    found
}

/// The manifests were read by PyYAML when they were recorded, to which `y` and `1e9` are strings. To Kubernetes they are none.
fn as_recorded(root: &mut Node, sources: &Sources, text: &str) {
    root.walk_mut(&mut |node| {
        let Some(origin) = node.ids.first().and_then(|id| sources.origin(id)) else {
            return;
        };
        let written = text
            .get(origin.span.start as usize..origin.span.end as usize)
            .unwrap_or_default();
        let string = match node.value {
            NodeValue::Bool(_) => written.len() == 1,
            NodeValue::Float(_) => !written.contains('.'),
            _ => false,
        };
        if string {
            node.value = NodeValue::Str(written.into());
        }
    });
}
