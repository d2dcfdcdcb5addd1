//! The checks, judged from outside: pods that a real API server accepted must pass, published manifests nearly so.

use super::*;
use crate::diagnostic::Severity;
use crate::value::Map;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A folder of reference material beside the repository.
fn shared(folder: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared")
        .join(folder);
    let found = [beside, Path::new("/work/shared").join(folder)]
        .into_iter()
        .find(|p| p.is_dir());
    if found.is_none() {
        eprintln!("skipped: there is no {folder} beside this tree");
    }
    found
}

fn files(dir: &Path, extensions: &[&str], f: &mut dyn FnMut(&Path, &str)) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, extensions, f);
        } else if path
            .extension()
            .is_some_and(|e| extensions.iter().any(|x| e == *x))
        {
            f(&path, &std::fs::read_to_string(&path).unwrap());
        }
    }
}

fn node(json: &Json) -> Node {
    match json {
        Json::Null => Node::default(),
        Json::Bool(b) => (*b).into(),
        Json::Number(n) => n
            .as_i64()
            .map_or_else(|| Value::Float(n.as_f64().unwrap()).into(), Node::from),
        Json::String(s) => s.as_str().into(),
        Json::Array(list) => list.iter().map(node).collect::<Vec<_>>().into(),
        Json::Object(map) => map
            .iter()
            .map(|(k, v)| (k.as_str(), node(v)))
            .collect::<Map>()
            .into(),
    }
}

/// Pods of controllers of eight frameworks, as Kubernetes 1.36.3 stored them.
#[test]
fn accepted_pods_pass() {
    let Some(records) = shared("expansions") else {
        return;
    };
    let mut specs = BTreeSet::new();
    files(&records, &["json"], &mut |_, text| {
        let record: Json = serde_json::from_str(text).unwrap();
        for pod in record["pods"].as_array().into_iter().flatten() {
            if pod["spec"]["containers"][0]["image"].is_string() {
                specs.insert(pod["spec"].to_string());
            }
        }
    });
    assert!(specs.len() > 500, "only {} pods were found", specs.len());
    for text in &specs {
        let mut ledger = Ledger::new();
        let spec = node(&serde_json::from_str(text).unwrap());
        check(&spec, Type::PodSpec, Options::default(), &mut ledger);
        let wrong = ledger
            .diagnostics
            .iter()
            .find(|d| d.severity == Severity::Error || d.code == &UNKNOWN_FIELD);
        assert!(wrong.is_none(), "{wrong:?}\n{text}");
    }
}

/// Manifests as published. Some are parts that their controller completes (no image, no probe action, volumes elsewhere), some
/// have blanks to fill in, some are broken; but none has what these checks call a wrong type, quantity, port or union.
#[test]
fn published_manifests_are_not_slandered() {
    let Some(corpus) = shared("corpus") else { return };
    let (mut specs, mut said) = (0, BTreeMap::new());
    files(&corpus, &["yaml", "yml"], &mut |path, text| {
        let (limits, mut ledger) = (crate::source::Limits::default(), Ledger::new());
        let (_, documents) = crate::source::parse("manifest", text, 0, &limits, &mut ledger);
        for document in &documents {
            document.root.walk(&mut |spec| {
                let containers = spec.get("containers").and_then(Node::as_seq).unwrap_or_default();
                if containers.iter().any(|c| c.get("name").is_some()) {
                    specs += 1;
                    let mut ledger = Ledger::new();
                    check(spec, Type::PodSpec, Options::default(), &mut ledger);
                    for d in ledger.diagnostics {
                        said.insert((d.code.id, format!("{}: {}", path.display(), d.message)), ());
                    }
                }
            });
        }
    });
    assert!(specs > 100, "only {specs} pod specs were found");
    let expected = ["INF3001", "INF3008", "INF3010", "INF3011", "INF3012", "INF3013"];
    let surprises: Vec<_> = said.keys().filter(|(code, _)| !expected.contains(code)).collect();
    assert!(surprises.is_empty(), "{surprises:#?}");
    assert!(
        said.len() * 5 < specs,
        "{} findings in {specs} pod specs",
        said.len()
    );
}

/// Small pods, each with one odd field, and what the validation of Kubernetes 1.36.3 (decoding, defaulting, then
/// `ValidatePodSpec` and `ValidateObjectMeta`) said: accepted, refused, or an unknown field.
#[test]
fn says_what_the_api_server_says() {
    let mut wrong = Vec::new();
    for line in include_str!("../../../testdata/kubernetes/pod-checks.tsv").lines() {
        let cells: Vec<&str> = line.split('\t').collect();
        let base = "{metadata: {}, spec: {containers: [{name: c, image: x}], volumes: [{name: v, emptyDir: {}}, {name: w, emptyDir: {}}],
                    resourceClaims: [{name: gpu, resourceClaimName: g}]}}";
        let mut pod = crate::kubernetes::testing::yaml(base);
        let place = match cells[1] {
            "container" => &mut pod.at_mut(&["spec", "containers"]).seq_mut()[0],
            other => pod.at_mut(&[other]),
        };
        for (key, value) in crate::kubernetes::testing::yaml(&format!("{{{}}}", cells[2]))
            .as_map()
            .unwrap()
        {
            place.set(key, value.clone());
        }
        let mut ledger = Ledger::new();
        pod_template(&pod, &mut ledger);
        let said = match (
            ledger.has_errors(),
            ledger.diagnostics.iter().any(|d| d.code == &UNKNOWN_FIELD),
        ) {
            (true, _) => "refused",
            (false, true) => "unknown",
            (false, false) => "accepted",
        };
        if said != cells[0] {
            wrong.push(format!("{} but {said}: {}", cells[0], cells[2]));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
