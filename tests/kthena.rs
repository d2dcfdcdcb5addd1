//! Kthena: the addresses in rendered templates, judged by pods that the real controller made.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failure here is a failed test"
)]

mod common;

use serde_yaml::Value;
use std::collections::BTreeMap;
use std::process::Command;

/// The same workload as the probe `e02-names` of the records: 2 groups x (a: 2 replicas of 3 pods, b: 3 replicas of 1).
const GRID: &str = r#"
apiVersion: infer.dev/v1alpha1
kind: Serving
metadata: {name: grid}
spec:
  slices: 2
  roles:
  - name: a
    phase: other
    replicas: 2
    nodes: 3
    engine:
      type: custom
      image: i
      port: 9000
      command: [echo]
      args: ["$(infer.leader)", "$(infer.rank)", "$(infer.size)", "$(infer.addr.b.2.0)", "$(infer.addr.a.1.0)", "$(LEADER)", "$(SIZE)", "$(infer.service.a)"]
      env:
      - {name: LEADER, value: "$(infer.leader)"}
      - {name: SIZE, value: "$(infer.size)"}
  - name: b
    phase: other
    replicas: 3
    engine:
      type: custom
      image: i
      port: 9000
      command: [echo]
      args: ["$(infer.leader)", "$(infer.rank)", "$(infer.size)", "$(infer.addr.b.2.0)", "$(infer.addr.a.1.0)", "$(LEADER)", "$(SIZE)", "$(infer.service.a)"]
      env:
      - {name: LEADER, value: "$(infer.leader)"}
      - {name: SIZE, value: "$(infer.size)"}
"#;

fn render(spec: &str, tag: &str) -> Vec<Value> {
    let run = run(spec, tag);
    assert_eq!(run.code, 0, "{}", run.err);
    serde_yaml::Deserializer::from_str(&run.out)
        .map(|d| serde::Deserialize::deserialize(d).unwrap())
        .collect()
}

fn run(spec: &str, tag: &str) -> common::Run {
    let path = std::env::temp_dir().join(format!("infer-kthena-{}-{tag}.yaml", std::process::id()));
    std::fs::write(&path, spec).unwrap();
    let run = common::run(&["render", "-t", "kthena", "-f", path.to_str().unwrap()]);
    std::fs::remove_file(&path).unwrap();
    run
}

fn at<'v>(value: &'v Value, path: &[&str]) -> &'v Value {
    path.iter().fold(value, |v, key| &v[*key])
}

fn text<'v>(value: &'v Value, path: &[&str]) -> &'v str {
    at(value, path).as_str().unwrap_or_default()
}

fn list<'v>(value: &'v Value, path: &[&str]) -> &'v [Value] {
    at(value, path).as_sequence().map_or(&[], Vec::as_slice)
}

/// What the kubelet makes of `$(NAME)`.
fn expand(text: &str, env: &BTreeMap<String, String>) -> String {
    env.iter().fold(text.to_owned(), |text, (name, value)| {
        text.replace(&format!("$({name})"), value)
    })
}

/// The environment of a rendered container in a recorded pod: the template's own, in order, then what the controller added.
fn environment(container: &Value, pod: &Value) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    let injected = list(pod, &["spec", "containers"])[0]["env"]
        .as_sequence()
        .unwrap();
    for entry in list(container, &["env"]).iter().chain(injected) {
        let field = text(entry, &["valueFrom", "fieldRef", "fieldPath"]);
        let value = match field
            .strip_prefix("metadata.labels['")
            .and_then(|f| f.strip_suffix("']"))
        {
            Some(label) => text(pod, &["metadata", "labels", label]).to_owned(),
            None if field == "status.podIP" => format!("ip-of-{}", text(pod, &["metadata", "name"])),
            None => expand(text(entry, &["value"]), &env),
        };
        env.insert(text(entry, &["name"]).to_owned(), value);
    }
    env
}

/// The name of the one pod that a Service resolves to, by name, with or without a namespace.
fn resolve<'v>(address: &str, services: &[&Value], pods: &'v [Value]) -> &'v str {
    let name = address.split('.').next().unwrap();
    let service = services.iter().find(|s| text(s, &["metadata", "name"]) == name);
    let service = service.unwrap_or_else(|| panic!("no Service is called {name}"));
    let selector = at(service, &["spec", "selector"]).as_mapping().unwrap();
    let selected = |p: &&Value| {
        selector
            .iter()
            .all(|(k, v)| at(p, &["metadata", "labels"])[k] == *v)
    };
    let pods: Vec<&Value> = pods.iter().filter(selected).collect();
    assert_eq!(pods.len(), 1, "{name}");
    text(pods[0], &["metadata", "name"])
}

#[test]
fn pods_know_their_replica_as_the_controller_made_it() {
    let Some(shared) = common::shared() else {
        println!("skipped: no records of the real controller here");
        return;
    };
    let record = shared.join("expansions/kthena/probes/e02-names.json");
    let record: Value = serde_yaml::from_str(&std::fs::read_to_string(record).unwrap()).unwrap();
    let pods = list(&record, &["pods"]);
    let objects = render(GRID, "grid");
    let serving = objects.iter().find(|o| o["kind"] == "ModelServing").unwrap();
    let made = list(&record, &["objects"]);
    let services: Vec<&Value> = objects
        .iter()
        .chain(made)
        .filter(|o| o["kind"] == "Service")
        .collect();
    assert_eq!(pods.len(), 2 * (2 * 3 + 3));
    for pod in pods {
        let label = |key: &str| {
            text(
                pod,
                &["metadata", "labels", &format!("modelserving.volcano.sh/{key}")],
            )
        };
        let (group, role, name) = (
            label("group-name"),
            label("role"),
            text(pod, &["metadata", "name"]),
        );
        let roles = list(serving, &["spec", "template", "roles"]);
        let role = roles.iter().find(|r| text(r, &["name"]) == role).unwrap();
        let kind = if label("entry") == "true" {
            "entryTemplate"
        } else {
            "workerTemplate"
        };
        let container = &list(role, &[kind, "spec", "containers"])[0];
        let env = environment(container, pod);
        let args: Vec<String> = list(container, &["args"])
            .iter()
            .map(|a| expand(a.as_str().unwrap(), &env))
            .collect();
        let [leader, rank, size, b, a, leader_by_env, size_by_env, service] = args.as_slice() else {
            panic!("{args:?}")
        };
        let entry = format!("{group}-{}-0", label("role-id"));
        if role["name"] == "a" {
            assert_eq!(resolve(leader, &services, pods), entry);
            assert_eq!(resolve(leader_by_env, &services, pods), entry);
        } else {
            assert_eq!(
                (leader, leader_by_env),
                (&format!("ip-of-{name}"), &format!("ip-of-{name}"))
            );
        }
        assert_eq!(rank, name.rsplit('-').next().unwrap());
        let replica = pods.iter().filter(|p| {
            text(p, &["metadata", "name"]).starts_with(&format!("{group}-{}-", label("role-id")))
        });
        let replica = replica.count().to_string();
        assert_eq!((size, size_by_env), (&replica, &replica));
        assert_eq!(resolve(b, &services, pods), format!("{group}-b-2-0"));
        assert_eq!(resolve(a, &services, pods), format!("{group}-a-1-0"));
        assert_eq!(service, &format!("{group}-a-http"));
    }
}

/// The webhook's limit is exact: what it accepted and refused by name, the compiler does too.
#[test]
fn names_are_refused_where_the_webhook_refused_them() {
    let Some(shared) = common::shared() else {
        println!("skipped: no records of the real webhook here");
        return;
    };
    let probes = [
        "e29-long-name-63",
        "r003-ms-name-too-long",
        "r004-ms-name-too-long-by-replicas",
        "r007-role-name-long",
    ];
    for probe in probes {
        let record =
            std::fs::read_to_string(shared.join(format!("expansions/kthena/probes/{probe}.json"))).unwrap();
        let record: Value = serde_yaml::from_str(&record).unwrap();
        let manifest =
            std::fs::read_to_string(shared.join(format!("expansions/kthena/probes/{probe}.yaml"))).unwrap();
        let manifest: Value = serde_yaml::from_str(&manifest).unwrap();
        let role = &list(&manifest, &["spec", "template", "roles"])[0];
        let count = |v: &Value, default| v.as_u64().unwrap_or(default);
        let spec = format!(
            "apiVersion: infer.dev/v1alpha1\nkind: Serving\nmetadata: {{name: {}}}\nspec:\n  slices: {}\n  roles:\n  \
             - {{name: {}, replicas: {}, nodes: {}, phase: other, engine: {{type: custom, image: i, command: [c]}}}}\n",
            text(&manifest, &["metadata", "name"]),
            count(at(&manifest, &["spec", "replicas"]), 1),
            text(role, &["name"]),
            count(&role["replicas"], 1),
            1 + count(&role["workerReplicas"], 0),
        );
        let run = run(&spec, probe);
        assert_eq!(
            run.code == 0,
            record["accepted"].as_bool().unwrap(),
            "{probe}: {}",
            run.err
        );
    }
}

#[test]
fn expected_objects_pass_the_upstream_schema() {
    let Some(shared) = common::shared() else {
        println!("skipped: no upstream CRDs here");
        return;
    };
    let directory = common::root().join("testdata/kthena");
    let mut checked = 0;
    for case in common::directories_with(&directory, "expected.kthena.yaml") {
        let path = case.join("expected.kthena.yaml");
        if std::fs::read_to_string(&path).unwrap().trim().is_empty() {
            continue;
        }
        let mut tool = Command::new("python3");
        let out = tool
            .arg(shared.join("tools/crdcheck.py"))
            .arg(shared.join("crds/kthena"))
            .arg(&path)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(
            out.status.success() && said.contains(" 0 invalid") && !said.starts_with("0 valid"),
            "{}: {said}",
            path.display()
        );
        checked += 1;
    }
    assert!(checked > 5);
}
