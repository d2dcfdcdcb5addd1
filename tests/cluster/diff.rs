//! What `diff` says of a real cluster.

use crate::common::{self, Run};
use crate::control_plane::ControlPlane;
use crate::server::Server;
use crate::{Named, infer, manifest};
use libtest_mimic::Failed;
use serde_json::{Value, json};

/// All tests of `diff`.
pub fn tests() -> Vec<Named> {
    vec![
        (
            "diff::what is not there would be created".into(),
            Box::new(created),
        ),
        (
            "diff::a missing namespace is said".into(),
            Box::new(missing_namespace),
        ),
        ("diff::a missing CRD is said".into(), Box::new(missing_crd)),
        (
            "diff::changes with owners and conflicts".into(),
            Box::new(changes),
        ),
        ("diff::an order that changes is a change".into(), Box::new(order)),
        ("diff::what a change does to pods".into(), Box::new(effects)),
        ("diff::secrets are masked".into(), Box::new(secrets)),
        (
            "diff::replicas are left to autoscalers".into(),
            Box::new(autoscaled),
        ),
        ("diff::permissions".into(), Box::new(permissions)),
        ("diff::no server".into(), Box::new(no_server)),
        ("diff::what the server thinks is told".into(), Box::new(warnings)),
    ]
}

/// A Deployment that the API server has nothing to add to but defaults.
pub fn deployment(namespace: &str, replicas: u32, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [
                    {"name": "main", "image": image, "resources": {"limits": {"memory": "1024Mi", "cpu": "1000m"}}},
                    {"name": "side", "image": "busybox:1", "env": [{"name": "A", "value": "1"}]},
                ]},
            },
        },
    })
}

/// The objects of `diff -o json`.
pub fn entries(run: &Run) -> Result<Vec<Value>, Failed> {
    let page: Value = serde_json::from_str(&run.out).map_err(|e| format!("{e}: {}{}", run.out, run.err))?;
    Ok(page["objects"].as_array().cloned().unwrap_or_default())
}

/// Fails with what was printed, unless the exit code is as expected.
pub fn exits(run: &Run, code: u8) -> Result<(), Failed> {
    if run.code == code {
        Ok(())
    } else {
        Err(format!("exit {} for {code}\n{}\n{}", run.code, run.out, run.err).into())
    }
}

/// Fails with the text, unless it holds all the parts.
pub fn holds(text: &str, parts: &[&str]) -> Result<(), Failed> {
    match parts.iter().find(|p| !text.contains(**p)) {
        Some(part) => Err(format!("`{part}` is not in:\n{text}").into()),
        None => Ok(()),
    }
}

fn created(plane: &ControlPlane) -> Result<(), Failed> {
    plane.admin().namespace("diff-created");
    let file = common::scratch("created.yaml");
    std::fs::write(&file, common::run(&["init", "aggregated"]).out)?;
    let path = file.to_string_lossy().into_owned();
    let run = infer(
        plane,
        "admin",
        &["diff", "-f", &path, "-t", "lws", "-n", "diff-created"],
    );
    exits(&run, 1)?;
    holds(
        &run.out,
        &[
            "+ leaderworkerset.leaderworkerset.x-k8s.io/",
            " -n diff-created  would be created\n",
            "\n+kind: LeaderWorkerSet\n",
        ],
    )?;
    holds(&run.err, &["would be created"])?;
    exits(
        &infer(
            plane,
            "admin",
            &[
                "diff",
                "-f",
                &path,
                "-t",
                "lws",
                "-n",
                "diff-created",
                "--exit-zero",
            ],
        ),
        0,
    )?;
    let names = infer(
        plane,
        "admin",
        &[
            "diff",
            "-f",
            &path,
            "-t",
            "lws",
            "-n",
            "diff-created",
            "-o",
            "name",
        ],
    );
    holds(&names.out, &["leaderworkerset.leaderworkerset.x-k8s.io/"])?;
    // A spec without a target is a mistake of the command line.
    exits(&infer(plane, "admin", &["diff", "-f", &path]), 2)
}

fn missing_namespace(plane: &ControlPlane) -> Result<(), Failed> {
    let deployment = deployment("diff-nowhere", 1, "nginx:1");
    let file = manifest(std::slice::from_ref(&deployment));
    let run = infer(plane, "admin", &["diff", "-f", &file]);
    exits(&run, 1)?;
    holds(
        &run.out,
        &[
            "would be created",
            "namespace diff-nowhere does not exist: create it first",
        ],
    )?;
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "diff-nowhere"}});
    let run = infer(
        plane,
        "admin",
        &["diff", "-f", &manifest(&[namespace, deployment])],
    );
    exits(&run, 1)?;
    holds(&run.out, &["namespace diff-nowhere would be created first"])
}

fn missing_crd(plane: &ControlPlane) -> Result<(), Failed> {
    let object = json!({"apiVersion": "nowhere.test/v1", "kind": "Gadget", "metadata": {"name": "g", "namespace": "default"}});
    let run = infer(
        plane,
        "admin",
        &["diff", "-f", &manifest(std::slice::from_ref(&object))],
    );
    exits(&run, 5)?;
    holds(
        &run.err,
        &[
            "gadget.nowhere.test/g: the cluster does not know the kind Gadget of nowhere.test/v1",
            "install the orchestrator",
        ],
    )?;
    let crd = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "gadgets.nowhere.test"},
        "spec": {"group": "nowhere.test", "scope": "Namespaced", "names": {"kind": "Gadget", "plural": "gadgets"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]},
    });
    let run = infer(plane, "admin", &["diff", "-f", &manifest(&[crd, object])]);
    exits(&run, 1)?;
    holds(&run.out, &["its CRD would be created first"])
}

/// Creates an object as somebody else.
fn create_as(server: &Server, manager: &str, object: &Value) -> Result<Value, String> {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let namespace = text(&object["metadata"]["namespace"]);
    server.namespace(&namespace);
    let collection = server.collection(&text(&object["apiVersion"]), &text(&object["kind"]), &namespace)?;
    server.create(&format!("{collection}?fieldManager={manager}"), object)
}

fn changes(plane: &ControlPlane) -> Result<(), Failed> {
    create_as(
        plane.admin(),
        "somebody",
        &deployment("diff-changes", 2, "nginx:1"),
    )?;
    let mut wanted = deployment("diff-changes", 2, "nginx:2");
    wanted["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"] =
        json!({"memory": "1Gi", "cpu": 1});
    wanted["spec"]["template"]["spec"]["containers"][1]["env"] =
        json!([{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]);
    let file = manifest(&[wanted]);
    let run = infer(plane, "admin", &["diff", "-f", &file, "-o", "json"]);
    exits(&run, 1)?;
    let entries = entries(&run)?;
    let changes = entries[0]["changes"].as_array().cloned().unwrap_or_default();
    let said: Vec<String> = changes
        .iter()
        .map(|c| {
            format!(
                "{} {} {} {} {}",
                c["op"], c["path"], c["old"], c["new"], c["owners"]
            )
        })
        .collect();
    let containers = "spec.template.spec.containers";
    let expected = [
        format!(r#""replace" "{containers}[name=main].image" "nginx:1" "nginx:2" ["somebody"]"#),
        format!(r#""add" "{containers}[name=side].env[name=B]" null {{"name":"B","value":"2"}} []"#),
    ];
    if said != expected {
        return Err(format!("{said:#?}\n{}", run.out).into());
    }
    let conflicts = entries[0]["conflicts"].to_string();
    holds(
        &conflicts,
        &[
            r#""manager":"somebody""#,
            r#".spec.template.spec.containers[name=\"main\"].image"#,
        ],
    )?;
    let run = infer(plane, "admin", &["diff", "-f", &file]);
    holds(
        &run.out,
        &[
            "~ deployment.apps/web -n diff-changes\n",
            "@@ spec.template.spec.containers[name=main] @@\n",
            "image: nginx:1\n",
            "image: nginx:2\n",
            "! conflict: somebody owns .spec",
        ],
    )
}

fn order(plane: &ControlPlane) -> Result<(), Failed> {
    let mut made = deployment("diff-order", 1, "nginx:1");
    let env = |names: [&str; 2]| json!(names.map(|n| json!({"name": n, "value": "v"})));
    made["spec"]["template"]["spec"]["containers"][1]["env"] = env(["A", "B"]);
    create_as(plane.admin(), "kubectl-infer", &made)?;
    exits(
        &infer(plane, "admin", &["diff", "-f", &manifest(&[made.clone()])]),
        0,
    )?;
    made["spec"]["template"]["spec"]["containers"][1]["env"] = env(["B", "A"]);
    let run = infer(plane, "admin", &["diff", "-f", &manifest(&[made])]);
    exits(&run, 1)?;
    holds(
        &run.out,
        &["-", "# order: name=A, name=B", "# order: name=B, name=A"],
    )
}

fn effects(plane: &ControlPlane) -> Result<(), Failed> {
    plane.admin().namespace("diff-effects");
    let file = crate::apply::starter("multi-node");
    for (target, expected) in [
        (
            "lws",
            "2 of 2 groups (4 pods) restart whole, the highest index first, 1 at a time",
        ),
        (
            "kthena",
            "instances of role server restart, in all serving groups at once",
        ),
        (
            "grove",
            "restart, one replica of the set after the other, without surge",
        ),
    ] {
        let args = [
            "-f",
            file.as_str(),
            "-t",
            target,
            "-n",
            "diff-effects",
            "--max-loss",
            "error",
        ];
        exits(&infer(plane, "admin", &[["apply"].as_slice(), &args].concat()), 0)?;
        let changed = [
            args.as_slice(),
            &["--set", "engine.image=registry.test/engine:v0.33.0"],
        ]
        .concat();
        let run = infer(plane, "admin", &[["diff"].as_slice(), &changed].concat());
        exits(&run, 1)?;
        holds(&run.out, &["  => ", expected])?;
    }
    Ok(())
}

const CANARIES: [&str; 5] = [
    "canary-old-one",
    "canary-new-one",
    "canary-env-value",
    "canary-last-applied",
    "canary-refused",
];

fn secrets(plane: &ControlPlane) -> Result<(), Failed> {
    let secret = |value: &str| {
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "diff-secrets"},
            "stringData": {"key": value},
        })
    };
    let mut old = secret(CANARIES[0]);
    old["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] =
        json!(secret(CANARIES[3]).to_string());
    create_as(plane.admin(), "somebody", &old)?;
    let mut web = deployment("diff-secrets", 1, "nginx:1");
    web["spec"]["template"]["spec"]["containers"][1]["env"] =
        json!([{"name": "API_TOKEN", "value": CANARIES[2]}]);
    let mut refused = secret("x");
    refused["metadata"]["name"] = json!("refused");
    refused["data"] = json!({"key": CANARIES[4]});
    let encoded = |text: &str| {
        let run = std::process::Command::new("sh")
            .args(["-c", &format!("printf %s {text} | base64")])
            .output()
            .unwrap();
        String::from_utf8(run.stdout).unwrap().trim().to_owned()
    };
    let file = manifest(&[secret(CANARIES[1]), web, refused]);
    let mut pages = String::new();
    for output in ["human", "json", "name"] {
        let run = infer(plane, "admin", &["diff", "-f", &file, "-o", output]);
        exits(&run, 5)?;
        pages.push_str(&run.out);
        pages.push_str(&run.err);
    }
    holds(&pages, &["secret/s", "secret/refused", "<secret:"])?;
    for canary in CANARIES {
        for text in [canary.to_owned(), encoded(canary)] {
            if pages.contains(&text) {
                return Err(format!("`{text}` is in:\n{pages}").into());
            }
        }
    }
    Ok(())
}

fn autoscaled(plane: &ControlPlane) -> Result<(), Failed> {
    let admin = plane.admin();
    let wanted = deployment("diff-scaled", 2, "nginx:1");
    admin.namespace("diff-scaled");
    let path = "/apis/apps/v1/namespaces/diff-scaled/deployments/web";
    admin.apply(&format!("{path}?fieldManager=kubectl-infer"), &wanted)?;
    admin.patch(
        &format!("{path}/scale?fieldManager=hpa"),
        &json!({"spec": {"replicas": 7}}),
    )?;
    let run = infer(plane, "admin", &["diff", "-f", &manifest(&[wanted])]);
    exits(&run, 0)?;
    holds(&run.out, &[".spec.replicas stays as it is: hpa (scale) sets it"])
}

fn permissions(plane: &ControlPlane) -> Result<(), Failed> {
    let admin = plane.admin();
    create_as(admin, "somebody", &deployment("diff-permissions", 1, "nginx:1"))?;
    let file = manifest(&[deployment("diff-permissions", 2, "nginx:1")]);
    let run = infer(plane, "nobody", &["diff", "-f", &file]);
    exits(&run, 5)?;
    holds(
        &run.err,
        &[
            "deployment.apps/web: deployments.apps \"web\" is forbidden",
            "help: ask for the permission",
        ],
    )?;
    admin.grant(
        "readers",
        json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]}]),
    );
    let run = infer(plane, "reader", &["diff", "-f", &file]);
    exits(&run, 5)?;
    holds(&run.err, &["cannot patch resource \"deployments\""])?;
    let run = infer(plane, "reader", &["diff", "-f", &file, "--token", "wrong"]);
    exits(&run, 5)?;
    holds(&run.err, &["Unauthorized", "log in again"])
}

fn no_server(plane: &ControlPlane) -> Result<(), Failed> {
    let file = manifest(&[deployment("default", 1, "nginx:1")]);
    let run = infer(
        plane,
        "admin",
        &["diff", "-f", &file, "--server", "https://127.0.0.1:1"],
    );
    exits(&run, 5)?;
    holds(
        &run.err,
        &[
            "error: cannot reach the API server https://127.0.0.1:1: ",
            "onnection refused",
        ],
    )?;
    let run = infer(plane, "admin", &["diff", "-f", &file, "--context", "other"]);
    exits(&run, 5)?;
    holds(&run.err, &["the kubeconfig has no context `other`; it has: test"])
}

fn warnings(plane: &ControlPlane) -> Result<(), Failed> {
    plane.admin().namespace("diff-warnings");
    let mut web = deployment("diff-warnings", 1, "nginx:1");
    web["spec"]["template"]["spec"]["containers"][1]["env"] =
        json!([{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]);
    web["spec"]["template"]["metadata"]["annotations"] =
        json!({"container.apparmor.security.beta.kubernetes.io/main": "unconfined"});
    let run = infer(plane, "admin", &["diff", "-f", &manifest(&[web])]);
    holds(&run.err, &["deployment.apps/web: "])
}
