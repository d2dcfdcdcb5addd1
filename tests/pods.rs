//! The verb `pods` from outside.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use serde_json::Value;
use std::path::PathBuf;
use std::time::Instant;

/// A manifest in a file of its own.
fn file(name: &str, text: &str) -> String {
    let path: PathBuf = std::env::temp_dir().join(format!("infer-pods-{}-{name}.yaml", std::process::id()));
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn set(replicas: u64, size: u64) -> String {
    format!(
        "apiVersion: leaderworkerset.x-k8s.io/v1\nkind: LeaderWorkerSet\nmetadata: {{name: vllm}}\nspec:\n  replicas: {replicas}\n  \
         leaderWorkerTemplate:\n    size: {size}\n    workerTemplate:\n      metadata: {{labels: {{app: vllm}}}}\n      spec:\n        \
         containers:\n        - {{name: main, image: 'vllm:1', args: ['--head=$(LWS_LEADER_ADDRESS)'], env: [{{name: HOST, value: '$(LWS_LEADER_ADDRESS)'}}, \
         {{name: API_TOKEN, value: hunter2-secret}}], resources: {{limits: {{nvidia.com/gpu: 8}}}}}}\n"
    )
}

#[test]
fn json_is_the_contract() {
    let path = file("json", &set(2, 3));
    let run = common::run(&["pods", "-f", &path, "-o", "json", "-n", "prod"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let json: Value = serde_json::from_str(&run.out).unwrap();
    let head = &json["workloads"][0];
    assert_eq!(
        (
            &head["dialect"],
            &head["kind"],
            &head["namespace"],
            &head["name"],
            &head["outcome"]
        ),
        (
            &"lws".into(),
            &"LeaderWorkerSet".into(),
            &"prod".into(),
            &"vllm".into(),
            &"pods".into()
        )
    );
    let pods = json["pods"].as_array().unwrap();
    let names: Vec<&str> = pods.iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["vllm-0", "vllm-0-1", "vllm-0-2", "vllm-1", "vllm-1-1", "vllm-1-2"]
    );
    assert_eq!(
        (&pods[5]["replica"], &pods[5]["index"], &pods[5]["member"]),
        (&1.into(), &2.into(), &"worker".into())
    );
    assert_eq!(pods[5]["containers"][0]["env"][0]["value"], "vllm-1.vllm.prod");
    assert_eq!(pods[5]["hostname"], "vllm-1-2");
    assert_eq!(json["totals"]["accelerators"]["nvidia.com/gpu"], 48);
    assert_eq!(json["totals"]["nodes"], 6);
    let kinds: Vec<&str> = json["children"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["object"]["kind"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "ControllerRevision",
            "Service",
            "StatefulSet",
            "StatefulSet",
            "StatefulSet"
        ]
    );
}

#[test]
fn the_environment_is_resolved_and_masked() {
    let path = file("env", &set(1, 2));
    let run = common::run(&["pods", "-f", &path, "--env", "vllm-0-1"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.contains("HOST=vllm-0.vllm.default\n"), "{}", run.out);
    assert!(run.out.contains("--head=vllm-0.vllm.default"), "{}", run.out);
    assert!(
        run.out.contains("API_TOKEN=<secret:") && !run.out.contains("hunter2"),
        "{}",
        run.out
    );
    let run = common::run(&["pods", "-f", &path, "--env", "vllm-0-2"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("did you mean"), "{}", run.err);
}

#[test]
fn absurd_sizes_are_answered_with_a_diagnostic() {
    let path = file("many", &set(1_000_000, 2000));
    let started = Instant::now();
    let run = common::run(&["pods", "-f", &path, "-o", "json"]);
    assert!(started.elapsed().as_secs() < 5);
    assert_eq!(run.code, 0);
    assert!(
        run.out.contains("INF4101") && run.err.contains("INF4101"),
        "{}",
        run.err
    );
    assert_eq!(common::run(&["validate", "-f", &path]).code, 3);
}

#[test]
fn a_selector_that_misses_is_named() {
    let service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: front}\nspec: {selector: {app: vllm, role: leader}}\n";
    let path = file("select", &(set(1, 2) + service));
    let run = common::run(&["pods", "-f", &path, "-o", "name"]);
    assert_eq!(run.code, 0);
    assert!(
        run.err.contains("INF4110") && run.err.contains("lacks the label `role: leader`"),
        "{}",
        run.err
    );
    let service = service.replace(
        ", role: leader",
        ", leaderworkerset.sigs.k8s.io/worker-index: \"0\"",
    );
    let path = file("selected", &(set(1, 2) + &service));
    assert_eq!(common::run(&["pods", "-f", &path, "-o", "name"]).err, "");
    let scaler = "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: h}\nspec: {maxReplicas: 3, scaleTargetRef: {apiVersion: leaderworkerset.x-k8s.io/v1, kind: LeaderWorkerSet, name: vlm}}\n";
    let path = file("scaler", &(set(1, 2) + scaler));
    let run = common::run(&["pods", "-f", &path, "-o", "name"]);
    assert!(
        run.err.contains("INF4111") && run.err.contains("did you mean `vllm`"),
        "{}",
        run.err
    );
}

#[test]
fn specs_need_a_target() {
    let spec = "apiVersion: infer.dev/v1alpha1\nkind: Serving\nmetadata: {name: a}\nspec: {model: {uri: 'hf://a/b'}, engine: {type: vllm, image: 'vllm/vllm-openai:v0.33.0'}}\n";
    let path = file("spec", spec);
    let run = common::run(&["pods", "-f", &path]);
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert!(run.err.contains("--target"), "{}", run.err);
    let run = common::run(&["pods", "-f", &path, "-t", "lws", "-o", "name"]);
    assert_eq!(
        (run.code, run.out.as_str()),
        (0, "pod/a-server-0\n"),
        "{}",
        run.err
    );
}

#[test]
fn what_never_becomes_a_pod_fails_validation() {
    let path = file(
        "none",
        &set(1, 2).replace("vllm}", &format!("{}}}", "n".repeat(53))),
    );
    let run = common::run(&["validate", "-f", &path]);
    assert_eq!(run.code, 3);
    assert!(
        run.out.contains("no pod comes of it") && run.err.contains("INF5001"),
        "{}{}",
        run.out,
        run.err
    );
    let run = common::run(&["pods", "-f", &path]);
    assert_eq!(run.code, 0);
    assert!(
        run.out.contains(": none: ") && run.err.starts_with("warning[INF5001]"),
        "{}{}",
        run.out,
        run.err
    );
}
