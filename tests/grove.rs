//! Grove: what is rendered, judged by what the real operator made of the same shapes, and by the upstream CRDs.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failure here is a failed test"
)]

mod common;

use serde_yaml::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// The shape of the record `names-all-levels`, with every question that a pod can ask.
const NAMES: &str = r#"
apiVersion: infer.dev/v1alpha1
kind: Serving
metadata: {name: nm}
spec:
  slices: 2
  roles:
  - name: front
    phase: other
    replicas: 2
    engine: {type: custom, image: "img:1", command: [echo], args: ["$(infer.leader)", "$(infer.rank)", "$(infer.size)", "$(infer.peers)", "$(infer.addr.prefill.2.3)", "$(infer.addr.front.1.0)", "$(infer.rank*8)"]}
  - name: prefill
    phase: other
    replicas: 3
    members:
    - {name: pl, podTemplate: &pod {spec: {containers: [{name: main, image: "img:1", command: [echo], args: ["$(infer.leader)", "$(infer.rank)", "$(infer.size)", "$(infer.peers)", "$(infer.addr.prefill.2.3)", "$(infer.addr.front.1.0)", "$(infer.rank*8)"]}]}}}
    - {name: pw, count: 3, podTemplate: *pod}
"#;

fn render(spec: &str, name: &str) -> Vec<Value> {
    let path = std::env::temp_dir().join(format!("infer-grove-{}-{name}.yaml", std::process::id()));
    std::fs::write(&path, spec).unwrap();
    let run = common::run(&["render", "-t", "grove", "-f", path.to_str().unwrap()]);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(run.code, 0, "{}", run.err);
    let documents = serde_yaml::Deserializer::from_str(&run.out);
    documents
        .map(|d| <Value as serde::Deserialize>::deserialize(d).unwrap())
        .collect()
}

fn text<'a>(value: &'a Value, path: &[&str]) -> &'a str {
    path.iter()
        .fold(value, |v, k| &v[*k])
        .as_str()
        .unwrap_or_default()
}

/// The environment of a recorded pod, as its container sees it.
fn environment(pod: &Value) -> BTreeMap<String, String> {
    let entry = |e: &Value| {
        let path = text(e, &["valueFrom", "fieldRef", "fieldPath"]);
        let label = path
            .strip_prefix("metadata.labels['")
            .and_then(|p| p.strip_suffix("']"));
        let value = label.map_or_else(|| text(e, &["value"]), |l| text(pod, &["metadata", "labels", l]));
        (text(e, &["name"]).to_owned(), value.to_owned())
    };
    pod["spec"]["containers"][0]["env"]
        .as_sequence()
        .unwrap()
        .iter()
        .map(entry)
        .collect()
}

/// `$(NAME)` as the kubelet expands it: names that it does not know stay.
fn expand(word: &str, env: &BTreeMap<String, String>) -> String {
    env.iter().fold(word.to_owned(), |w, (name, value)| {
        w.replace(&format!("$({name})"), value)
    })
}

/// What the container says when it runs in that environment.
fn answers(clique: &Value, env: &BTreeMap<String, String>) -> Vec<String> {
    let container = &clique["spec"]["podSpec"]["containers"][0];
    let words = |key: &str| container[key].as_sequence().cloned().unwrap_or_default();
    let line: Vec<String> = words("command")
        .iter()
        .chain(&words("args"))
        .map(|w| expand(w.as_str().unwrap(), env))
        .collect();
    let out = Command::new(&line[0])
        .args(&line[1..])
        .envs(env)
        .output()
        .unwrap();
    String::from_utf8(out.stdout)
        .unwrap()
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

fn address(pod: &Value) -> String {
    let part = |key| text(pod, &["spec", key]);
    format!(
        "{}.{}.NAMESPACE.svc.cluster.local",
        part("hostname"),
        part("subdomain")
    )
}

#[test]
fn pods_know_their_replica_as_the_operator_made_it() {
    let Some(shared) = common::shared() else {
        println!("skipped: no records of the real operator here");
        return;
    };
    let record =
        std::fs::read_to_string(shared.join("expansions/grove/probes/names-all-levels.json")).unwrap();
    let record: Value = serde_yaml::from_str(&record).unwrap();
    let pods = record["pods"].as_sequence().unwrap();
    let objects = render(NAMES, "names");
    let cliques = objects[0]["spec"]["template"]["cliques"].as_sequence().unwrap();
    let label = |pod: &Value, key: &str| text(pod, &["metadata", "labels", key]).to_owned();
    let replica = |pod: &Value| {
        let group = label(pod, "grove.io/podcliquescalinggroup");
        match group.is_empty() {
            true => address(pod),
            false => format!(
                "{group}-{}",
                label(pod, "grove.io/podcliquescalinggroup-replica-index")
            ),
        }
    };
    assert_eq!(pods.len(), 2 * (2 + 3 * 4));
    for pod in pods {
        let slice = label(pod, "grove.io/podcliqueset-replica-index");
        let own: Vec<String> = pods
            .iter()
            .filter(|p| replica(p) == replica(pod))
            .map(address)
            .collect();
        let fits = |c: &&Value| label(pod, "grove.io/podclique").ends_with(text(c, &["name"]));
        let said = answers(cliques.iter().find(fits).unwrap(), &environment(pod));
        let [leader, rank, size, peers, other, front, first] = said.as_slice() else {
            panic!("{said:?}")
        };
        let peers: Vec<&str> = peers.split(',').collect();
        assert_eq!(peers.len(), own.len());
        assert!(
            own.iter().all(|o| peers.contains(&o.as_str())),
            "{own:?} {peers:?}"
        );
        assert_eq!(leader, peers[0]);
        assert_eq!(peers[rank.parse::<usize>().unwrap()], address(pod));
        assert_eq!(size.parse::<usize>().unwrap(), own.len());
        assert_eq!(first.parse::<u32>().unwrap(), 8 * rank.parse::<u32>().unwrap());
        let of_slice = |p: &&Value| label(p, "grove.io/podcliqueset-replica-index") == slice;
        let known: Vec<String> = pods.iter().filter(of_slice).map(address).collect();
        assert!(known.contains(other) && known.contains(front), "{other} {front}");
        assert!(other.contains("-prefill-2-pw-2."), "{other}");
    }
}

/// Each selector finds the pods that it is for by labels that pods have: those of the template and those of the operator.
#[test]
fn slices_are_selected_by_the_operators_label() {
    let spec = NAMES.replace(
        "phase: other\n    replicas: 2",
        "phase: other\n    disruption: {maxUnavailable: 1}\n    replicas: 2",
    );
    let objects = render(&spec, "slices");
    let budgets: Vec<&Value> = objects
        .iter()
        .filter(|o| o["kind"] == "PodDisruptionBudget")
        .collect();
    assert_eq!(budgets.len(), 2);
    for (slice, budget) in budgets.iter().enumerate() {
        let labels = &budget["spec"]["selector"]["matchLabels"];
        assert_eq!(
            labels["grove.io/podcliqueset-replica-index"],
            slice.to_string().as_str()
        );
        assert_eq!(labels["infer.dev/role"], "front");
    }
}

/// No clique of a list is found in place of a later one, which Grove looks up by the end of its name.
#[test]
fn longer_names_are_listed_first() {
    let roles = ["r", "er", "worker", "prefill-worker", "w", "other-worker", "ker"];
    let role =
        |name: &&str| format!("  - {{name: {name}, phase: other, engine: {{type: custom, image: i}}}}\n");
    let spec = format!(
        "apiVersion: infer.dev/v1alpha1\nkind: Serving\nmetadata: {{name: s}}\nspec:\n  roles:\n{}",
        roles.iter().map(role).collect::<String>()
    );
    let objects = render(&spec, "suffixes");
    let cliques = objects[0]["spec"]["template"]["cliques"].as_sequence().unwrap();
    let names: Vec<&str> = cliques.iter().map(|c| text(c, &["name"])).collect();
    assert_eq!(names.len(), roles.len());
    for (i, name) in names.iter().enumerate() {
        assert!(
            names[i + 1..].iter().all(|later| !later.ends_with(name)),
            "{name} before {names:?}"
        );
    }
}

/// The budget of names is exact: 45 characters pass, 46 do not.
#[test]
fn names_have_45_characters_together() {
    for (length, code) in [(45 - 6, 0), (45 - 5, 3)] {
        let name = "n".repeat(length);
        let spec = format!(
            "apiVersion: infer.dev/v1alpha1\nkind: Serving\nmetadata: {{name: {name}}}\nspec:\n  roles:\n  - {{name: server, phase: other, engine: {{type: custom, image: i}}}}\n"
        );
        let path = std::env::temp_dir().join(format!("infer-grove-{}-{length}.yaml", std::process::id()));
        std::fs::write(&path, spec).unwrap();
        let run = common::run(&["render", "-t", "grove", "-f", path.to_str().unwrap()]);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(run.code, code, "{length}: {}", run.err);
        assert_eq!(run.err.contains("INF5200"), code == 3, "{}", run.err);
    }
}

#[test]
fn expected_objects_pass_the_upstream_schema() {
    let Some(shared) = common::shared() else {
        println!("skipped: no upstream CRDs here");
        return;
    };
    let check = |path: &Path| {
        let tool = shared.join("tools/crdcheck.py");
        let out = Command::new("python3")
            .arg(tool)
            .arg(shared.join("crds/grove"))
            .arg(path)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(
            out.status.success() && said.contains("1 valid, 0 invalid"),
            "{}: {said}",
            path.display()
        );
    };
    let cases = common::directories_with(&common::root().join("testdata"), "expected.grove.yaml");
    let printed: Vec<_> = cases.iter().map(|c| c.join("expected.grove.yaml")).collect();
    let printed = printed
        .iter()
        .filter(|p| std::fs::metadata(p).is_ok_and(|m| m.len() > 0));
    assert!(printed.clone().count() > 5);
    printed.for_each(|p| check(p));
}

/// No starter becomes a dead end.
#[test]
fn starters_become_pods() {
    for (starter, _) in kubectl_infer::cli::init::STARTERS {
        let path = std::env::temp_dir().join(format!("infer-grove-{}-{starter}.yaml", std::process::id()));
        let rendered = {
            std::fs::write(&path, common::run(&["init", starter]).out).unwrap();
            common::run(&["render", "-t", "grove", "-f", path.to_str().unwrap()])
        };
        assert_eq!(rendered.code, 0, "{starter}: {}", rendered.err);
        std::fs::write(&path, rendered.out).unwrap();
        let run = common::run(&["pods", "-o", "json", "-f", path.to_str().unwrap()]);
        std::fs::remove_file(&path).unwrap();
        let predicted: Value = serde_yaml::from_str(&run.out).unwrap();
        let workloads = predicted["workloads"].as_sequence().unwrap();
        assert!(!workloads.is_empty(), "{starter}");
        assert!(!predicted["pods"].as_sequence().unwrap().is_empty(), "{starter}");
        for workload in workloads {
            assert_eq!(
                workload["outcome"].as_str(),
                Some("pods"),
                "{starter}: {workload:?}"
            );
        }
    }
}

fn run_on(text: &str, name: &str, args: &[&str]) -> common::Run {
    let path = std::env::temp_dir().join(format!("infer-grove-{}-{name}.yaml", std::process::id()));
    std::fs::write(&path, text).unwrap();
    let mut all: Vec<&str> = args.to_vec();
    all.extend(["-f", path.to_str().unwrap()]);
    let run = common::run(&all);
    std::fs::remove_file(&path).unwrap();
    run
}

fn values(text: &str) -> Vec<Value> {
    let documents = serde_yaml::Deserializer::from_str(text);
    documents
        .map(|d| <Value as serde::Deserialize>::deserialize(d).unwrap())
        .collect()
}

fn manifest(name: &str) -> String {
    let path = common::root().join("testdata/grove/manifests").join(name);
    std::fs::read_to_string(path).unwrap()
}

/// What is lifted renders to the PodCliqueSet that it came from, and lifts to itself.
#[test]
fn lifted_sets_come_back() {
    for name in ["addresses.yaml", "minima.yaml", "topology.yaml"] {
        let source = manifest(name);
        let lifted = run_on(&source, name, &["lift"]);
        assert_eq!(lifted.code, 0, "{name}: {}", lifted.err);
        let rendered = run_on(
            &lifted.out,
            name,
            &["render", "-t", "grove", "--max-loss", "error"],
        );
        assert_eq!(rendered.code, 0, "{name}: {}", rendered.err);
        assert!(!rendered.err.contains("INF0000"), "{name}: {}", rendered.err);
        let again = run_on(&rendered.out, name, &["lift"]);
        assert_eq!(values(&lifted.out), values(&again.out), "{name}");
        let set = |text: &str| {
            let all = values(text);
            all.into_iter().find(|d| d["kind"] == "PodCliqueSet").unwrap()
        };
        let (before, after) = (set(&source), set(&rendered.out));
        contains(&after["spec"], &before["spec"], name);
    }
}

/// Whether all of `part` is in `whole`.
fn contains(whole: &Value, part: &Value, at: &str) {
    match (whole, part) {
        (Value::Mapping(whole), Value::Mapping(part)) => {
            for (key, value) in part {
                let found = whole.get(key).unwrap_or_else(|| panic!("{at} has no {key:?}"));
                contains(
                    found,
                    value,
                    &format!("{at}/{}", key.as_str().unwrap_or_default()),
                );
            }
        }
        (Value::Sequence(whole), Value::Sequence(part)) => {
            assert_eq!(whole.len(), part.len(), "{at}");
            whole.iter().zip(part).for_each(|(w, p)| contains(w, p, at));
        }
        _ => assert_eq!(whole, part, "{at}"),
    }
}

#[test]
fn sets_become_words() {
    let lifted = |name: &str| values(&run_on(&manifest(name), name, &["lift"]).out).remove(0);
    let addresses = lifted("addresses.yaml");
    let roles = &addresses["spec"]["roles"];
    let words: Vec<&str> = ["name", "phase"].map(|k| text(&roles[1], &[k])).to_vec();
    assert_eq!(words, ["prefill", "prefill"]);
    assert_eq!(roles[1]["startup"]["order"], "leaderFirst");
    let command = &roles[0]["podTemplate"]["spec"]["containers"][0]["command"];
    assert_eq!(command[2], "http://$(infer.addr.prefill.0.0):8000");
    assert_eq!(command[3], "--decode=$(infer.addr.decode.1.0)");
    let worker = &roles[1]["members"][1]["podTemplate"]["spec"]["containers"][0];
    assert!(text(worker, &["command"]).is_empty());
    assert!(
        worker["command"][2]
            .as_str()
            .unwrap()
            .contains("--node-rank $(infer.rank)")
    );
    let minima = lifted("minima.yaml");
    let spec = &minima["spec"];
    assert_eq!(spec["slices"], 2);
    assert_eq!(spec["scheduling"]["gang"]["scope"], "replica");
    assert_eq!(spec["scheduling"]["priorityClassName"], "high");
    assert_eq!(spec["rollout"]["paused"], true);
    assert_eq!(spec["roles"][1]["dependsOn"][0], "front");
    assert_eq!(spec["roles"][1]["targets"]["grove"]["minAvailable"], 2);
    assert_eq!(spec["targets"]["grove"]["startupType"], "InOrder");
    assert!(
        spec["restart"].is_null(),
        "a broken replica is made anew within 15 minutes"
    );
    let topology = values(&run_on(&manifest("topology.yaml"), "topology", &["lift"]).out);
    let near = topology.iter().find(|d| d["kind"] == "Serving").unwrap();
    assert_eq!(near["spec"]["scheduling"]["topology"]["key"], "example.com/block");
    assert_eq!(
        near["spec"]["roles"][1]["scheduling"]["topology"]["key"],
        "example.com/rack"
    );
}

/// A rank that Grove only knows by arithmetic is set by the shell that runs the command.
#[test]
fn ranks_of_other_dialects_are_exported() {
    let set = "apiVersion: leaderworkerset.x-k8s.io/v1\nkind: LeaderWorkerSet\nmetadata: {name: a}\nspec:\n  leaderWorkerTemplate:\n    size: 3\n    \
               workerTemplate:\n      spec:\n        containers:\n        - {name: s, image: \"i:1\", command: [sh, -c, \"run $LWS_WORKER_INDEX\"]}\n        \
               - {name: p, image: \"i:1\", command: [run], args: [\"$(LWS_WORKER_INDEX)\"], env: [{name: R, value: \"r$(LWS_WORKER_INDEX)\"}]}\n";
    let run = run_on(set, "rank", &["migrate", "--to", "grove"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let objects = values(&run.out);
    let worker = &objects[0]["spec"]["template"]["cliques"][1]["spec"]["podSpec"]["containers"];
    assert_eq!(
        worker[0]["command"][2],
        "export LWS_WORKER_INDEX=\"$((GROVE_PCLQ_POD_INDEX + 1))\"\nrun $LWS_WORKER_INDEX"
    );
    let wrapped = worker[1]["command"][2].as_str().unwrap();
    assert!(
        wrapped.starts_with("export LWS_WORKER_INDEX=\"$((GROVE_PCLQ_POD_INDEX + 1))\"\n"),
        "{wrapped}"
    );
    assert!(wrapped.ends_with("exec run \"${LWS_WORKER_INDEX}\""), "{wrapped}");
    assert!(worker[1]["args"].is_null() && worker[1]["env"].is_null());
}
