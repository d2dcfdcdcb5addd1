use super::*;
use crate::kubernetes::testing::{yaml, yaml_file};
use serde_json::{Value as Json, json};

fn json_of(node: &Node) -> Json {
    match &node.value {
        Value::Null | Value::Text(_) => Json::Null,
        Value::Bool(b) => json!(b),
        Value::Int(n) => json!(n),
        Value::UInt(n) => json!(n),
        Value::Float(n) => json!(n),
        Value::Str(s) => json!(s.as_str()),
        Value::Seq(list) => list.iter().map(json_of).collect(),
        Value::Map(map) => Json::Object(map.iter().map(|(k, v)| (k.to_string(), json_of(v))).collect()),
    }
}

fn lay(base: &str, over: &str) -> (Node, Ledger) {
    let mut ledger = Ledger::new();
    let out = strategic_merge(&yaml(base), &yaml_file(over, 1), Type::PodSpec, &mut ledger);
    (out, ledger)
}

/// Every id of the inputs is in the output or was told to the ledger.
fn assert_balanced(base: &Node, over: &Node, out: &Node, ledger: &Ledger) {
    let mut known = out.all_ids();
    ledger.waivers.iter().for_each(|w| known.merge(&w.ids));
    for said in &ledger.diagnostics {
        known.merge(&said.covers);
        known = known.union(&said.at.into_iter().collect());
    }
    let lost: Vec<_> = base
        .all_ids()
        .union(&over.all_ids())
        .iter()
        .filter(|id| !known.iter().any(|k| k == *id))
        .collect();
    assert!(lost.is_empty(), "lost {lost:?} of {base:?} + {over:?} = {out:?}");
}

#[test]
fn overlays_keep_the_order_of_the_base() {
    let base = "{containers: [{name: engine, image: a, args: [x, y], env: [{name: A, value: '1'}, {name: B, value: '2'}]}], volumes: [{name: shm, emptyDir: {}}]}";
    let over = "{containers: [{name: side, image: s}, {name: engine, args: [z], env: [{name: C, value: '3'}, {name: B, value: '4'}]}], volumes: [{name: data, hostPath: {path: /d}}]}";
    let want = "{containers: [{name: engine, image: a, args: [z], env: [{name: A, value: '1'}, {name: B, value: '4'}, {name: C, value: '3'}]}, {name: side, image: s}],
                 volumes: [{name: shm, emptyDir: {}}, {name: data, hostPath: {path: /d}}]}";
    let (out, ledger) = lay(base, over);
    assert_eq!(out, yaml(want));
    // The old args and the old value of B.
    assert_eq!(ledger.waivers.len(), 2);
    assert_balanced(&yaml(base), &yaml_file(over, 1), &out, &ledger);
}

#[test]
fn overlays_replace_members_of_unions() {
    let base = "{containers: [{name: e, env: [{name: A, value: '1'}], livenessProbe: {httpGet: {port: 80}, periodSeconds: 5}}],
                 volumes: [{name: v, emptyDir: {medium: Memory}}]}";
    let over = "{containers: [{name: e, env: [{name: A, valueFrom: {fieldRef: {fieldPath: x}}}], livenessProbe: {tcpSocket: {port: 1}}}],
                 volumes: [{name: v, hostPath: {path: /v}}]}";
    let want = "{containers: [{name: e, env: [{name: A, valueFrom: {fieldRef: {fieldPath: x}}}], livenessProbe: {periodSeconds: 5, tcpSocket: {port: 1}}}],
                 volumes: [{name: v, hostPath: {path: /v}}]}";
    let (out, ledger) = lay(base, over);
    assert_eq!(out, yaml(want));
    assert_balanced(&yaml(base), &yaml_file(over, 1), &out, &ledger);
    // The same member merges.
    let (out, _) = lay(base, "{volumes: [{name: v, emptyDir: {sizeLimit: 1Gi}}]}");
    assert_eq!(
        out.at(&["volumes", "0", "emptyDir"]),
        Some(&yaml("{medium: Memory, sizeLimit: 1Gi}"))
    );
}

#[test]
fn overlays_replace_elements() {
    let base = "{containers: [{name: e, image: a, args: [x]}, {name: s, image: b}]}";
    let (out, _) = lay(base, "{containers: [{name: e, $patch: replace, image: c}]}");
    assert_eq!(
        out,
        yaml("{containers: [{name: e, image: c}, {name: s, image: b}]}")
    );
    let (out, _) = lay(base, "{containers: [{$patch: replace}, {name: new, image: n}]}");
    assert_eq!(out, yaml("{containers: [{name: new, image: n}]}"));
    let (out, _) = lay(base, "{containers: [{name: s, $patch: delete}], hostname: null}");
    assert_eq!(out, yaml("{containers: [{name: e, image: a, args: [x]}]}"));
    let (out, _) = lay(
        "{}",
        "{containers: [{name: e, $patch: merge, image: c, args: null}], affinity: {$patch: replace, podAffinity: {}}}",
    );
    assert_eq!(
        out,
        yaml("{containers: [{name: e, image: c}], affinity: {podAffinity: {}}}")
    );
}

#[test]
fn equal_values_have_both_origins() {
    let (out, ledger) = lay(
        "{hostname: a, containers: [{name: e, args: [x]}]}",
        "{hostname: a, containers: [{name: e, args: [x]}]}",
    );
    assert!(ledger.waivers.is_empty());
    assert_eq!(out.get("hostname").unwrap().ids.iter().count(), 2);
    assert_eq!(
        out.at(&["containers", "0", "args", "0"])
            .unwrap()
            .ids
            .iter()
            .count(),
        2
    );
}

#[test]
fn says_what_is_wrong() {
    let cases = [
        ("{containers: [{image: x}]}", "INF3021"),
        ("{containers: [{name: e, $patch: remove}]}", "INF3022"),
        ("{$setElementOrder/containers: [x]}", "INF3022"),
        (
            "{$setElementOrder/containers: [{name: x}], containers: [{name: e}]}",
            "INF3022",
        ),
        ("{$retainKeys: containers}", "INF3022"),
        ("{$retainKeys: [containers], hostname: x}", "INF3022"),
        ("{$deleteFromPrimitiveList/x: y}", "INF3022"),
        ("{$pach: delete}", "INF3022"),
    ];
    for (over, want) in cases {
        let (_, ledger) = lay("{containers: [{name: e}]}", over);
        let codes: Vec<_> = ledger.diagnostics.iter().map(|d| d.code.id).collect();
        assert_eq!(codes, [want], "{over}");
    }
    let mut ledger = Ledger::new();
    let patch = yaml("{containers: [{name: e, $patch: replace, image: x}]}");
    strategic_merge_patch(
        &yaml("{containers: [{name: e}]}"),
        &patch,
        Type::PodSpec,
        &mut ledger,
    );
    assert_eq!(
        ledger.diagnostics.iter().map(|d| d.code.id).collect::<Vec<_>>(),
        ["INF3025"]
    );
}

/// Sorts what overlays and patches order differently, and leaves out what is empty.
fn normal(value: &Json) -> Json {
    match value {
        Json::Object(map) => {
            let kept = map.iter().map(|(k, v)| (k.clone(), normal(v)));
            let kept = kept.filter(|(_, v)| !v.is_null() && *v != json!({}) && *v != json!([]));
            let mut kept: Vec<_> = kept.collect();
            kept.sort_by(|a, b| a.0.cmp(&b.0));
            Json::Object(kept.into_iter().collect())
        }
        Json::Array(list) => list.iter().map(normal).collect(),
        other => other.clone(),
    }
}

fn unordered(value: &Json) -> Json {
    match value {
        Json::Object(map) => Json::Object(map.iter().map(|(k, v)| (k.clone(), unordered(v))).collect()),
        Json::Array(list) => {
            let mut list: Vec<_> = list.iter().map(unordered).collect();
            list.sort_by_key(Json::to_string);
            Json::Array(list)
        }
        other => other.clone(),
    }
}

/// Random templates and patches, and what `strategicpatch.StrategicMergePatch` of k8s.io/apimachinery v0.36.6 made of them.
#[test]
fn merges_as_apimachinery() {
    let cases = include_str!("../../../testdata/kubernetes/strategic-merge.jsonl");
    let mut overlays = 0;
    for line in cases.lines() {
        let case: Vec<Json> = serde_json::from_str(line).unwrap();
        let (base, patch) = (yaml(&case[0].to_string()), yaml_file(&case[1].to_string(), 1));
        let mut ledger = Ledger::new();
        let got = strategic_merge_patch(&base, &patch, Type::PodTemplateSpec, &mut ledger);
        assert_eq!(
            normal(&json_of(&got)),
            normal(&case[2]),
            "{} + {}",
            case[0],
            case[1]
        );
        assert!(!ledger.has_errors(), "{:?}", ledger.diagnostics);
        assert_balanced(&base, &patch, &got, &ledger);
        // An overlay is the same but for the order, unless unions or replaced elements are in play.
        let mut ledger = Ledger::new();
        let laid = strategic_merge(&base, &patch, Type::PodTemplateSpec, &mut ledger);
        assert_balanced(&base, &patch, &laid, &ledger);
        overlays += usize::from(unordered(&normal(&json_of(&laid))) == unordered(&normal(&case[2])));
    }
    assert!(overlays > 50, "{overlays}");
}

/// The same question to the real kubectl, where there is one.
#[test]
fn merges_as_kubectl() {
    use std::process::Command;
    if Command::new("kubectl")
        .args(["version", "--client"])
        .output()
        .is_err()
    {
        return println!("skipped: there is no kubectl on this machine to compare with");
    }
    let base = json!({
        "containers": [
            {"name": "engine", "image": "a", "args": ["x", "y"],
             "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
             "ports": [{"containerPort": 8000, "name": "http"}],
             "resources": {"limits": {"cpu": "1", "memory": "1Gi"}},
             "livenessProbe": {"httpGet": {"port": 80}, "periodSeconds": 5}},
            {"name": "side", "image": "b"}],
        "volumes": [{"name": "v", "emptyDir": {"medium": "Memory"}}],
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "nodeSelector": {"a": "1", "b": "2"}, "hostname": "h"});
    let patches = [
        json!({"containers": [{"name": "new", "image": "n"}]}),
        json!({"containers": [{"name": "side", "image": "c"}, {"name": "engine", "args": ["z"], "env": [{"name": "C", "value": "3"}, {"name": "A", "value": "9"}]}]}),
        json!({"containers": [{"name": "side", "$patch": "delete"}], "hostname": null, "nodeSelector": {"a": null, "c": "3"}}),
        json!({"containers": [{"$patch": "replace"}, {"name": "only", "image": "o"}]}),
        json!({"containers": [{"name": "engine", "env": [{"name": "A", "$patch": "delete"}], "resources": {"$patch": "replace", "limits": {"cpu": "4"}}}]}),
        json!({"volumes": [{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/v"}}]}),
        json!({"$setElementOrder/containers": [{"name": "side"}, {"name": "engine"}], "containers": [{"name": "side", "image": "q"}]}),
        json!({"tolerations": [{"key": "b", "operator": "Exists"}], "nodeSelector": {"$patch": "delete"}}),
        json!({"containers": [{"name": "engine", "ports": [{"containerPort": 9000, "name": "m"}, {"containerPort": 8000, "name": "web"}]}]}),
        json!({"containers": [{"name": "engine", "livenessProbe": {"httpGet": null, "tcpSocket": {"port": 1}}}]}),
    ];
    let file = std::env::temp_dir().join(format!("kubectl-infer-merge-{}.json", std::process::id()));
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": base.clone()});
    std::fs::write(&file, pod.to_string()).unwrap();
    for patch in patches {
        let mut kubectl = Command::new("kubectl");
        kubectl
            .args(["patch", "--local", "--type", "strategic", "-o", "json", "-f"])
            .arg(&file);
        let out = kubectl
            .arg("-p")
            .arg(json!({"spec": patch}).to_string())
            .output()
            .unwrap();
        assert!(
            out.status.success(),
            "{patch}: {}",
            String::from_utf8_lossy(&out.stderr)
        );
        let want: Json = serde_json::from_slice(&out.stdout).unwrap();
        let mut ledger = Ledger::new();
        let (base, over) = (yaml(&base.to_string()), yaml_file(&patch.to_string(), 1));
        let got = strategic_merge_patch(&base, &over, Type::PodSpec, &mut ledger);
        assert_eq!(normal(&json_of(&got)), normal(&want["spec"]), "{patch}");
        let laid = strategic_merge(&base, &over, Type::PodSpec, &mut Ledger::new());
        assert_eq!(
            unordered(&normal(&json_of(&laid))),
            unordered(&normal(&want["spec"])),
            "{patch}"
        );
    }
    std::fs::remove_file(&file).unwrap();
}
