//! What `apply` does to a real cluster, and what `diff` says after it.

use crate::common::{self, Run};
use crate::control_plane::ControlPlane;
use crate::diff::{deployment, exits, holds};
use crate::{Named, infer, manifest};
use kubectl_infer::cli::init::STARTERS;
use kubectl_infer::dialect;
use libtest_mimic::Failed;
use serde_json::{Value, json};
use std::process::Command;

/// All tests of `apply`.
pub fn tests() -> Vec<Named> {
    let mut tests: Vec<Named> = vec![
        (
            "apply::prune deletes what left the spec and nothing else".into(),
            Box::new(prune),
        ),
        ("apply::kubectl reads the set".into(), Box::new(kubectl_reads)),
        ("apply::conflicts".into(), Box::new(conflicts)),
        (
            "apply::kinds and namespaces of the input come first".into(),
            Box::new(kinds_first),
        ),
        ("apply::dry runs change nothing".into(), Box::new(dry_runs)),
        (
            "apply::replicas are left to autoscalers".into(),
            Box::new(autoscaled),
        ),
        ("apply::waits for pods".into(), Box::new(waits)),
        (
            "apply::plain workloads are waited for".into(),
            Box::new(waits_for_plain),
        ),
        ("apply::a refused object stops all".into(), Box::new(refused)),
        ("apply::confirmation".into(), Box::new(confirmation)),
    ];
    for target in dialect::ALL.iter().map(|d| d.info().name) {
        tests.push((
            format!("apply::then diff is quiet::{target}"),
            Box::new(move |plane| quiet(plane, target)),
        ));
    }
    tests
}

/// A starter in a file.
pub fn starter(name: &str) -> String {
    let file = common::scratch(&format!("{name}.yaml"));
    std::fs::write(&file, common::run(&["init", name]).out).unwrap();
    file.to_string_lossy().into_owned()
}

fn apply(plane: &ControlPlane, args: &[&str]) -> Run {
    infer(plane, "admin", &[&["apply"], args].concat())
}

/// Every starter: applied, then nothing differs, a second time nothing changes, a change is seen.
fn quiet(plane: &ControlPlane, target: &str) -> Result<(), Failed> {
    for (name, _) in STARTERS {
        let namespace = format!("apply-{target}-{name}");
        plane.admin().namespace(&namespace);
        let file = starter(name);
        let args = [
            "-f",
            file.as_str(),
            "-t",
            target,
            "-n",
            namespace.as_str(),
            "--max-loss",
            "error",
        ];
        let first = apply(plane, &args);
        exits(&first, 0)?;
        holds(&first.out, &[" created\n"])?;
        let diff = infer(plane, "admin", &[["diff"].as_slice(), &args].concat());
        exits(&diff, 0)?;
        if !diff.out.is_empty() {
            return Err(format!("{name}: the diff is not quiet:\n{}", diff.out).into());
        }
        let again = apply(plane, &args);
        exits(&again, 0)?;
        if again.out.lines().any(|l| !l.ends_with(" unchanged")) {
            return Err(format!("{name}: a second apply changes:\n{}", again.out).into());
        }
        let changed = [
            args.as_slice(),
            &["--set", r#"engine.env=[{name: CHANGED, value: "1"}]"#],
        ]
        .concat();
        let diff = infer(plane, "admin", &[["diff"].as_slice(), &changed].concat());
        exits(&diff, 1).map_err(|e| format!("{name}: {e:?}"))?;
    }
    Ok(())
}

fn names(plane: &ControlPlane, path: &str) -> Result<Vec<String>, Failed> {
    let list = plane.admin().get(path)?;
    let items = list["items"].as_array().cloned().unwrap_or_default();
    Ok(items
        .iter()
        .map(|i| i["metadata"]["name"].as_str().unwrap_or_default().to_owned())
        .collect())
}

fn prune(plane: &ControlPlane) -> Result<(), Failed> {
    let admin = plane.admin();
    let namespace = "apply-prune";
    admin.namespace(namespace);
    let sets = "/apis/leaderworkerset.x-k8s.io/v1/namespaces/apply-prune/leaderworkersets";
    let file = starter("prefill-decode");
    let args = ["-f", file.as_str(), "-t", "lws", "-n", namespace];
    exits(&apply(plane, &args), 0)?;
    let before = names(plane, sets)?;
    // Neighbours: another spec, a release of Helm, a user's object, a child that inherited the label of the set.
    let text = std::fs::read_to_string(&file)?;
    let line = text.lines().find(|l| l.contains("name:")).unwrap_or_default();
    let renamed = common::scratch("other.yaml");
    std::fs::write(
        &renamed,
        text.replacen(line, &line.replace("name: ", "name: other-"), 1),
    )?;
    let renamed = renamed.to_string_lossy().into_owned();
    exits(&apply(plane, &["-f", &renamed, "-t", "lws", "-n", namespace]), 0)?;
    exits(&apply(plane, &["-f", &file, "-t", "kthena", "-n", namespace]), 0)?;
    let part_of =
        admin.get(&format!("{sets}/{}", before[0]))?["metadata"]["labels"]["applyset.kubernetes.io/part-of"]
            .clone();
    for (name, labels, owner) in [
        ("helm", json!({"app.kubernetes.io/managed-by": "Helm"}), false),
        ("user", json!({}), false),
        ("child", json!({"applyset.kubernetes.io/part-of": part_of}), true),
    ] {
        let mut service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "labels": labels},
            "spec": {"ports": [{"port": 80}]},
        });
        if owner {
            let uid = admin.get("/api/v1/namespaces/apply-prune")?["metadata"]["uid"].clone();
            service["metadata"]["ownerReferences"] = json!([
                {"apiVersion": "v1", "kind": "Namespace", "name": "apply-prune", "uid": uid, "controller": true}
            ]);
        }
        admin.create("/api/v1/namespaces/apply-prune/services", &service)?;
    }
    // The spec loses a role: its objects are no longer rendered.
    let less = common::scratch("less.yaml");
    std::fs::write(&less, without_role(&text, "prefill"))?;
    let less = less.to_string_lossy().into_owned();
    let less = ["-f", less.as_str(), "-t", "lws", "-n", namespace];
    let diff = infer(plane, "admin", &[["diff"].as_slice(), &less].concat());
    exits(&diff, 1)?;
    holds(
        &diff.out,
        &[
            "would be pruned: no longer rendered",
            "- leaderworkerset.leaderworkerset.x-k8s.io/",
        ],
    )?;
    let run = apply(plane, &less);
    exits(&run, 0)?;
    holds(&run.err, &["is no longer rendered", "--prune deletes"])?;
    let all = [
        names(plane, sets)?,
        names(plane, "/api/v1/namespaces/apply-prune/services")?,
    ]
    .concat();
    let dry = infer(
        plane,
        "admin",
        &[["apply"].as_slice(), &less, &["--prune", "--dry-run", "server"]].concat(),
    );
    holds(&dry.out, &[" pruned (server dry run)\n"])?;
    let run = infer(
        plane,
        "admin",
        &[["apply"].as_slice(), &less, &["--prune"]].concat(),
    );
    exits(&run, 0)?;
    let pruned: Vec<&str> = run.out.lines().filter(|l| l.ends_with(" pruned")).collect();
    // The router that joined the two roles goes with the one.
    let belongs = |l: &&str| l.contains("prefill") || l.contains("router");
    let workload = |l: &&str| l.starts_with("leaderworkerset") && l.contains("prefill");
    if !pruned.iter().all(belongs) || !pruned.iter().any(workload) {
        return Err(format!("pruned: {pruned:?}").into());
    }
    let left = [
        names(plane, sets)?,
        names(plane, "/api/v1/namespaces/apply-prune/services")?,
    ]
    .concat();
    let gone = all.iter().filter(|n| !left.contains(n)).count();
    if gone
        != pruned
            .iter()
            .filter(|l| l.starts_with("leader") || l.starts_with("service/"))
            .count()
    {
        return Err(format!("before {all:?}, after {left:?}").into());
    }
    holds(&left.join(" "), &["helm", "user", "child", "other-"])?;
    exits(&infer(plane, "admin", &[["diff"].as_slice(), &less].concat()), 0)?;
    Ok(())
}

/// A spec without one of its roles, whichever style it is written in.
pub fn without_role(text: &str, role: &str) -> String {
    use serde::Deserialize;
    let mut spec = Value::deserialize(serde_yaml::Deserializer::from_str(text)).unwrap();
    spec["spec"]["roles"]
        .as_array_mut()
        .unwrap()
        .retain(|r| r["name"] != role);
    for role in spec["spec"]["roles"].as_array_mut().unwrap() {
        role.as_object_mut().unwrap().remove("dependsOn");
        role["phase"] = json!("aggregated");
    }
    spec["spec"].as_object_mut().unwrap().remove("kvTransfer");
    spec.to_string()
}

fn kubectl_reads(plane: &ControlPlane) -> Result<(), Failed> {
    plane.admin().namespace("apply-kubectl");
    let file = starter("aggregated");
    exits(
        &apply(plane, &["-f", &file, "-t", "lws", "-n", "apply-kubectl"]),
        0,
    )?;
    let maps = plane
        .admin()
        .get("/api/v1/namespaces/apply-kubectl/configmaps?labelSelector=applyset.kubernetes.io/id")?;
    let parent = &maps["items"][0]["metadata"];
    let name = parent["name"].as_str().unwrap_or_default().to_owned();
    holds(
        &parent["annotations"].to_string(),
        &["LeaderWorkerSet.leaderworkerset.x-k8s.io", "kubectl-infer/v"],
    )?;
    let kubectl = |args: &[&str]| {
        let kubeconfig = plane.kubeconfig("admin");
        let run = Command::new("kubectl")
            .env("KUBECTL_APPLYSET", "true")
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .args(args)
            .output();
        run.map(|r| String::from_utf8_lossy(&[r.stdout, r.stderr].concat()).into_owned())
    };
    let Ok(_) = kubectl(&["version", "--client"]) else {
        return Ok(());
    };
    let id = parent["labels"]["applyset.kubernetes.io/id"]
        .as_str()
        .unwrap_or_default();
    let members = kubectl(&[
        "get",
        "leaderworkersets",
        "-n",
        "apply-kubectl",
        "-l",
        &format!("applyset.kubernetes.io/part-of={id}"),
        "-o",
        "name",
    ])?;
    holds(&members, &["leaderworkerset.leaderworkerset.x-k8s.io/"])?;
    // kubectl recognises the record, its id included, and keeps its hands off what another tool manages.
    let one = manifest(&[
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "apply-kubectl"}}),
    ]);
    let set = format!("configmaps/{name}");
    let answer = kubectl(&[
        "apply",
        "-n",
        "apply-kubectl",
        "-f",
        &one,
        "--prune",
        "--applyset",
        &set,
    ])?;
    holds(
        &answer,
        &[
            "already exists and is owned by \"kubectl-infer/",
            "instead of \"kubectl",
        ],
    )
    .or_else(|_| holds(&answer, &["kubectl-infer", "tooling"]))
}

fn conflicts(plane: &ControlPlane) -> Result<(), Failed> {
    let admin = plane.admin();
    admin.namespace("apply-conflicts");
    let path = "/apis/apps/v1/namespaces/apply-conflicts/deployments";
    admin.create(
        &format!("{path}?fieldManager=somebody"),
        &deployment("apply-conflicts", 2, "nginx:1"),
    )?;
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "first", "namespace": "apply-conflicts"}});
    let file = manifest(&[map, deployment("apply-conflicts", 2, "nginx:2")]);
    let run = apply(plane, &["-f", &file]);
    exits(&run, 5)?;
    holds(
        &run.err,
        &[
            "somebody owns .spec.template.spec.containers[name=\"main\"].image",
            "--force-conflicts",
            "nothing was applied",
        ],
    )?;
    if admin
        .get("/api/v1/namespaces/apply-conflicts/configmaps/first")
        .is_ok()
    {
        return Err("something was applied".into());
    }
    let run = apply(plane, &["-f", &file, "--force-conflicts"]);
    exits(&run, 0)?;
    holds(
        &run.out,
        &["configmap/first created\n", "deployment.apps/web configured\n"],
    )?;
    exits(&infer(plane, "admin", &["diff", "-f", &file]), 0)
}

fn kinds_first(plane: &ControlPlane) -> Result<(), Failed> {
    let thing = json!({"apiVersion": "first.test/v1", "kind": "Thing", "metadata": {"name": "t", "namespace": "apply-first"}, "spec": {"a": 1}});
    let crd = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "things.first.test"},
        "spec": {"group": "first.test", "scope": "Namespaced", "names": {"kind": "Thing", "plural": "things"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]},
    });
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "apply-first"}});
    let file = manifest(&[thing, crd, namespace]);
    let run = apply(plane, &["-f", &file]);
    exits(&run, 0)?;
    let lines: Vec<&str> = run.out.lines().collect();
    let expected = [
        "namespace/apply-first created",
        "customresourcedefinition.apiextensions.k8s.io/things.first.test created",
        "thing.first.test/t created",
    ];
    if lines != expected {
        Err(run.out.into())
    } else {
        exits(&infer(plane, "admin", &["diff", "-f", &file]), 0)
    }
}

fn dry_runs(plane: &ControlPlane) -> Result<(), Failed> {
    let admin = plane.admin();
    admin.namespace("apply-dry");
    let file = manifest(&[deployment("apply-dry", 1, "nginx:1")]);
    let run = apply(plane, &["-f", &file, "--dry-run", "client"]);
    exits(&run, 0)?;
    holds(&run.out, &["deployment.apps/web applied (dry run)\n"])?;
    let run = apply(plane, &["-f", &file, "--dry-run", "server"]);
    exits(&run, 0)?;
    holds(&run.out, &["deployment.apps/web created (server dry run)\n"])?;
    if names(plane, "/apis/apps/v1/namespaces/apply-dry/deployments")?.is_empty() {
        Ok(())
    } else {
        Err("a dry run changed something".into())
    }
}

fn autoscaled(plane: &ControlPlane) -> Result<(), Failed> {
    plane.admin().namespace("apply-scaled");
    let path = "/apis/apps/v1/namespaces/apply-scaled/deployments/web";
    exits(
        &apply(
            plane,
            &["-f", &manifest(&[deployment("apply-scaled", 2, "nginx:1")])],
        ),
        0,
    )?;
    plane.admin().patch(
        &format!("{path}/scale?fieldManager=hpa"),
        &json!({"spec": {"replicas": 7}}),
    )?;
    let run = apply(
        plane,
        &["-f", &manifest(&[deployment("apply-scaled", 2, "nginx:2")])],
    );
    exits(&run, 0)?;
    holds(
        &run.err,
        &["deployment.apps/web: .spec.replicas stays as it is: hpa (scale) sets it"],
    )?;
    let live = plane.admin().get(path)?;
    if live["spec"]["replicas"] == 7
        && live["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:2"
    {
        Ok(())
    } else {
        Err(live["spec"].to_string().into())
    }
}

/// What a kubelet would say of a pod.
fn ready() -> Value {
    json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}})
}

fn waits(plane: &ControlPlane) -> Result<(), Failed> {
    let admin = plane.admin();
    admin.namespace("apply-wait");
    let file = starter("multi-node");
    let args = [
        "-f",
        file.as_str(),
        "-t",
        "lws",
        "-n",
        "apply-wait",
        "--wait",
        "--timeout",
    ];
    let run = apply(plane, &[args.as_slice(), &["1s"]].concat());
    exits(&run, 5)?;
    holds(
        &run.err,
        &["not ready after 1 s", "not created yet", "everything is applied"],
    )?;
    let page = common::run(&["pods", "-f", &file, "-t", "lws", "-n", "apply-wait", "-o", "json"]);
    let spec: Value = serde_json::from_str(&page.out)?;
    for pod in spec["pods"].as_array().into_iter().flatten() {
        let name = pod["name"].as_str().unwrap_or_default();
        // Hashes are only known to the controller.
        let mut labels = pod["labels"].clone();
        labels
            .as_object_mut()
            .unwrap()
            .retain(|_, v| !v.as_str().unwrap_or_default().contains('<'));
        let object = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels},
            "spec": {"containers": [{"name": "c", "image": "c"}]},
        });
        admin.create("/api/v1/namespaces/apply-wait/pods", &object)?;
        admin.patch(
            &format!("/api/v1/namespaces/apply-wait/pods/{name}/status"),
            &ready(),
        )?;
    }
    let run = apply(plane, &[args.as_slice(), &["20s"]].concat());
    exits(&run, 0)?;
    holds(&run.err, &["ready: role "])
}

fn waits_for_plain(plane: &ControlPlane) -> Result<(), Failed> {
    plane.admin().namespace("apply-plain");
    let file = manifest(&[deployment("apply-plain", 1, "nginx:1")]);
    let run = apply(plane, &["-f", &file, "--wait", "--timeout", "2s"]);
    exits(&run, 5)?;
    holds(&run.err, &["deployment.apps/web: 0 of 1 are ready"])
}

fn refused(plane: &ControlPlane) -> Result<(), Failed> {
    plane.admin().namespace("apply-refused");
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "first", "namespace": "apply-refused"}});
    let mut bad = deployment("apply-refused", 1, "nginx:1");
    bad["spec"]["selector"]["matchLabels"]["app"] = json!("other");
    let run = apply(plane, &["-f", &manifest(&[map, bad])]);
    exits(&run, 5)?;
    holds(
        &run.err,
        &[
            "deployment.apps/web: ",
            "selector",
            "nothing was applied: 1 object cannot be",
        ],
    )?;
    if names(plane, "/api/v1/namespaces/apply-refused/configmaps")?.contains(&"first".to_owned()) {
        return Err("something was applied".into());
    }
    let nowhere = manifest(&[deployment("apply-nowhere", 1, "nginx:1")]);
    let run = apply(plane, &["-f", &nowhere]);
    exits(&run, 5)?;
    holds(
        &run.err,
        &["namespace apply-nowhere does not exist", "nothing was applied"],
    )
}

fn confirmation(plane: &ControlPlane) -> Result<(), Failed> {
    plane.admin().namespace("apply-confirm");
    let file = manifest(&[deployment("apply-confirm", 1, "nginx:1")]);
    let ask = |answer: &str| {
        let line = format!(
            "printf '{answer}\\n' | {} apply -f {file} --confirm --kubeconfig {}",
            env!("CARGO_BIN_EXE_kubectl-infer"),
            plane.kubeconfig("admin").display()
        );
        let run = Command::new("sh").args(["-c", &line]).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Run {
            code: run.status.code().unwrap_or(99) as u8,
            out: text(&run.stdout),
            err: text(&run.stderr),
        }
    };
    let run = ask("n");
    exits(&run, 5)?;
    holds(&run.out, &["+kind: Deployment"])?;
    holds(
        &run.err,
        &[
            "1 would be created. Apply? [y/N] ",
            "declined: nothing was applied",
        ],
    )?;
    let run = ask("y");
    exits(&run, 0)?;
    holds(&run.out, &["deployment.apps/web created"])?;
    let run = ask("y");
    exits(&run, 0)?;
    holds(&run.err, &["nothing to change"])
}
