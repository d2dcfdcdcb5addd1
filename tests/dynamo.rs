//! Dynamo: what the operator makes of its own example inputs, against upstream's published goldens, and inputs of absurd
//! sizes.
#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

mod common;

use regex::Regex;
use serde_yaml::{Mapping, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How the operator of the goldens was configured: an older release without a message bus.
const PLATFORM: &str = "
apiVersion: infer.dev/v1alpha1
kind: Platform
spec:
  dynamo: {version: 1.4.0, natsAddress: '', terminationDelay: 15m0s}
";

/// What an API server adds to the objects that the operator makes of them: fields of a path's end that may be missing.
const DEFAULTS: [(&str, &str); 18] = [
    ("spec.progressDeadlineSeconds", "600"),
    ("spec.revisionHistoryLimit", "10"),
    (
        "spec.strategy",
        "{type: RollingUpdate, rollingUpdate: {maxSurge: 25%, maxUnavailable: 25%}}",
    ),
    ("fieldRef.apiVersion", "v1"),
    (".imagePullPolicy", "IfNotPresent"),
    ("httpGet.scheme", "HTTP"),
    (".successThreshold", "1"),
    (".timeoutSeconds", "1"),
    (".terminationMessagePath", "/dev/termination-log"),
    (".terminationMessagePolicy", "File"),
    (".dnsPolicy", "ClusterFirst"),
    (".restartPolicy", "Always"),
    (".schedulerName", "default-scheduler"),
    ("spec.replicas", "1"),
    ("spec.networkConfig", "{subdomainPolicy: Shared}"),
    ("leaderWorkerTemplate.restartPolicy", "RecreateGroupOnPodRestart"),
    ("spec.startupPolicy", "LeaderCreated"),
    (
        "spec.rolloutStrategy",
        "{type: RollingUpdate, rollingUpdateConfiguration: {maxSurge: 0, maxUnavailable: 1, partition: 0}}",
    ),
];

fn file(name: &str, text: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("infer-dynamo-{}-{name}.yaml", std::process::id()));
    std::fs::write(&path, text).unwrap();
    path
}

/// Writes inputs of a test, and predicts their pods.
fn pods(name: &str, manifest: &str, platform: Option<&str>, output: &str) -> common::Run {
    let manifest = file(name, manifest);
    let platform = platform.map(|text| file(&format!("{name}-platform"), text));
    let manifest_path = manifest.to_str().unwrap();
    let mut args = vec!["pods", "-n", "clusterenv-x", "-o", output, "-f", manifest_path];
    if let Some(path) = &platform {
        args.extend(["--platform", path.to_str().unwrap()]);
    }
    let run = common::run(&args);
    let _ = std::fs::remove_file(&manifest);
    platform.iter().for_each(|p| std::fs::remove_file(p).unwrap());
    run
}

/// What of a golden is not met.
#[derive(Default)]
struct Matching {
    variables: BTreeMap<String, String>,
    misses: Vec<String>,
}

impl Matching {
    fn miss(&mut self, path: &str, golden: &Value, ours: Option<&Value>) {
        self.misses.push(format!("{path}: {golden:?} is {ours:?}"));
    }

    fn any(&mut self, path: &str, golden: &Value, ours: &Value) {
        match (golden, ours) {
            (Value::Mapping(golden), Value::Mapping(ours)) => self.map(path, golden, ours),
            (Value::Sequence(golden), Value::Sequence(ours)) => {
                if golden.len() != ours.len() {
                    let reason = format!("{path}: {} entries are {}: {ours:?}", golden.len(), ours.len());
                    self.misses.push(reason);
                }
                for (i, (golden, ours)) in golden.iter().zip(ours).enumerate() {
                    self.any(&format!("{path}[{i}]"), golden, ours);
                }
            }
            (Value::String(golden), Value::String(ours)) if golden.starts_with('$') => {
                self.matcher(path, golden, ours);
            }
            _ if golden == ours => {}
            _ => self.miss(path, golden, Some(ours)),
        }
    }

    fn map(&mut self, path: &str, golden: &Mapping, ours: &Mapping) {
        if golden.get("$ignore").is_some() {
            return;
        }
        let strict = golden.get("$strict") != Some(&Value::Bool(false));
        for (key, wanted) in golden.iter().filter(|(k, _)| k.as_str() != Some("$strict")) {
            let here = format!("{path}.{}", key.as_str().unwrap_or_default());
            let absent = wanted.as_str() == Some("$notexists");
            match ours.get(key) {
                Some(found) if absent => self.miss(&here, wanted, Some(found)),
                Some(found) => self.any(&here, wanted, found),
                None if absent || may_be_missing(&here, wanted, ours) => {}
                None => self.miss(&here, wanted, None),
            }
        }
        let more = |key: &&Value| strict && !golden.contains_key(*key) && !is_empty(&ours[*key]);
        for key in ours.keys().filter(more) {
            self.misses.push(format!("{path}: {key:?} is not in the golden"));
        }
    }

    fn matcher(&mut self, path: &str, golden: &str, ours: &str) {
        let (kind, pattern) = golden.split_once(':').unwrap_or((golden, ""));
        let met = match kind {
            "$pattern" => Regex::new(&format!("^(?:{pattern})$")).unwrap().is_match(ours),
            "$glob" => glob(pattern).is_match(ours),
            "$var" => {
                let bound = self.variables.entry(pattern.to_owned());
                bound.or_insert_with(|| ours.to_owned()).as_str() == ours
            }
            _ => false,
        };
        if !met {
            self.miss(path, &golden.into(), Some(&ours.into()));
        }
    }
}

fn glob(pattern: &str) -> Regex {
    let parts: Vec<String> = pattern.split('*').map(regex::escape).collect();
    Regex::new(&format!("^{}$", parts.join(".*"))).unwrap()
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Mapping(map) => map.is_empty(),
        Value::Sequence(items) => items.is_empty(),
        _ => false,
    }
}

fn may_be_missing(path: &str, golden: &Value, beside: &Mapping) -> bool {
    let default = |(end, value): &(&str, &str)| {
        path.ends_with(end) && *golden == serde_yaml::from_str::<Value>(value).unwrap()
    };
    let same = path.ends_with(".serviceAccount") && beside.get("serviceAccountName") == Some(golden);
    same || is_empty(golden) || golden.get("$ignore").is_some() || DEFAULTS.iter().any(default)
}

fn documents(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    serde_yaml::Deserializer::from_str(&text)
        .map(|d| <Value as serde::Deserialize>::deserialize(d).unwrap())
        .collect()
}

fn compare(folder: &Path) -> Vec<String> {
    let manifest = std::fs::read_to_string(folder.join("input.yaml")).unwrap();
    let name = folder.file_name().unwrap().to_str().unwrap();
    let run = pods(name, &manifest, Some(PLATFORM), "json");
    assert_eq!(run.code, 0, "{}", run.err);
    let made: Value = serde_yaml::from_str(&run.out).unwrap();
    let made: Vec<&Value> = made["children"]
        .as_sequence()
        .unwrap()
        .iter()
        .map(|c| &c["object"])
        .collect();
    let mut matching = Matching::default();
    for golden in documents(&folder.join("output.yaml")) {
        let name = golden["metadata"]["name"].as_str().unwrap();
        let named = glob(name.strip_prefix("$glob:").unwrap_or(name));
        let ours = made.iter().find(|object| {
            object["kind"] == golden["kind"] && named.is_match(object["metadata"]["name"].as_str().unwrap())
        });
        match ours {
            Some(ours) => matching.any(name, &golden, ours),
            None => matching
                .misses
                .push(format!("{:?} {name} is not made", golden["kind"])),
        }
    }
    matching.misses
}

#[test]
fn goldens_of_upstream() {
    let Some(shared) = common::shared() else {
        return;
    };
    let root = shared.join("expansions/dynamo");
    for folder in ["dgd/grove", "dgd/components", "dcd/lws", "dcd/deployment"] {
        let misses = compare(&root.join(folder));
        assert!(misses.is_empty(), "{folder}:\n{}", misses.join("\n"));
    }
}

fn graph(components: usize, replicas: u64, nodes: u64, provider: &str) -> String {
    let mut text = format!(
        "apiVersion: nvidia.com/v1beta1
kind: DynamoGraphDeployment
metadata: {{name: big, annotations: {{nvidia.com/enable-grove: \"{provider}\"}}}}
spec:
  backendFramework: vllm
  components:\n"
    );
    for i in 0..components {
        let several = if nodes > 1 {
            format!(", multinode: {{nodeCount: {nodes}}}")
        } else {
            String::new()
        };
        text += &format!(
            "  - {{name: c{i}, type: worker, replicas: {replicas}{several}, podTemplate: {{spec: {{containers: [{{name: main, \
             image: 'img:1.5.0', command: [python3, -m, dynamo.vllm], args: [--model, m]}}]}}}}}}\n"
        );
    }
    text
}

#[test]
fn ten_thousand_pods() {
    for provider in ["true", "false"] {
        let run = pods(
            &format!("many-{provider}"),
            &graph(5, 1000, 2, provider),
            None,
            "name",
        );
        assert_eq!(run.code, 0, "{}", run.err);
        assert_eq!(run.out.lines().count(), 10_000);
    }
}

#[test]
fn absurd_counts_are_told_apart_at_once() {
    for provider in ["true", "false"] {
        for (replicas, nodes) in [
            (2_147_483_647, 1),
            (1, 2_147_483_647),
            (2_147_483_647, 2_147_483_647),
        ] {
            let manifest = graph(3, replicas, nodes, provider);
            let run = pods(&format!("absurd-{provider}"), &manifest, None, "name");
            assert_eq!(run.out, "", "{replicas} replicas of {nodes} nodes");
            assert!(run.err.contains("INF4101"), "{}", run.err);
        }
    }
}
