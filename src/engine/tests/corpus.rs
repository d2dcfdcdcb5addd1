//! Real command lines: containers of published manifests that start an engine by an argument list.

use crate::diagnostic::Severity;
use crate::engine::scan::entry;
use crate::engine::{Program, Version, lint};
use crate::value::{Ids, Node};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn manifests(folder: &Path, out: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            manifests(&path, out);
        } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
            out.push(path);
        }
    }
    out.sort();
}

fn words(value: &serde_yaml::Value) -> Vec<Node> {
    let word = |v: &serde_yaml::Value| match v {
        serde_yaml::Value::String(s) => Node::from(s.as_str()),
        other => Node::from(serde_yaml::to_string(other).unwrap_or_default().trim()),
    };
    value.as_sequence().into_iter().flatten().map(word).collect()
}

/// Calls `f` for each mapping with an image and words to run.
fn containers(value: &serde_yaml::Value, f: &mut dyn FnMut(&str, Vec<Node>)) {
    match value {
        serde_yaml::Value::Mapping(map) => {
            let part = |key: &str| map.get(key).map(words).unwrap_or_default();
            if let Some(image) = map.get("image").and_then(|i| i.as_str()) {
                f(image, part("command").into_iter().chain(part("args")).collect());
            }
            map.values().for_each(|v| containers(v, f));
        }
        serde_yaml::Value::Sequence(items) => items.iter().for_each(|v| containers(v, f)),
        _ => {}
    }
}

/// A published manifest works with its own image, so nothing in its command lines may be called wrong.
#[test]
fn published_manifests_are_not_slandered() {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    let Some(corpus) = [beside, PathBuf::from("/work/shared/corpus")]
        .into_iter()
        .find(|p| p.is_dir())
    else {
        eprintln!("skipped: no published manifests beside this tree");
        return;
    };
    let mut files = Vec::new();
    manifests(&corpus, &mut files);
    let (mut lines, mut said) = (0, BTreeSet::new());
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        for document in serde_yaml::Deserializer::from_str(&text) {
            let Ok(value) = <serde_yaml::Value as serde::Deserialize>::deserialize(document) else {
                break;
            };
            containers(&value, &mut |image, line| {
                let Some((program, from)) = entry(&line) else {
                    return;
                };
                lines += 1;
                let version = match program {
                    Program::DynamoVllm
                    | Program::DynamoSglang
                    | Program::DynamoTrtllm
                    | Program::DynamoFrontend => Version::of_dynamo_image(image, &Ids::none()),
                    _ => Version::of_image(image, &Ids::none()),
                };
                for finding in lint(program, &version, &line[from..]) {
                    if finding.severity > Severity::Note {
                        let name = file.strip_prefix(&corpus).unwrap_or(file).display();
                        said.insert(format!(
                            "{name}: {} {version}: {}",
                            program.name(),
                            finding.message
                        ));
                    }
                }
            });
        }
    }
    assert!(said.is_empty(), "{said:#?}");
    assert!(lines > 50, "{lines}");
}
