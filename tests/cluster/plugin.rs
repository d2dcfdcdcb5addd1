//! The tool as people call it: through kubectl, with their kubeconfig, completed by their shell; and what else reads a cluster.

use crate::apply::starter;
use crate::common::{self, Run};
use crate::control_plane::ControlPlane;
use crate::diff::{deployment, exits, holds};
use crate::{Named, infer, manifest};
use libtest_mimic::Failed;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// All tests of the surroundings.
pub fn tests() -> Vec<Named> {
    vec![
        ("plugin::kubectl finds and completes it".into(), Box::new(kubectl)),
        (
            "plugin::kubeconfig lists and credential plugins".into(),
            Box::new(kubeconfigs),
        ),
        ("plugin::flags win over the kubeconfig".into(), Box::new(flags)),
        ("plugin::live targets".into(), Box::new(live_targets)),
        ("plugin::live objects migrate".into(), Box::new(migrate)),
    ]
}

const BINARY: &str = env!("CARGO_BIN_EXE_kubectl-infer");

fn output(command: &mut Command) -> std::io::Result<Run> {
    let run = command.output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Run {
        code: run.status.code().unwrap_or(99) as u8,
        out: text(&run.stdout),
        err: text(&run.stderr),
    })
}

/// A directory of executables as a user has it: the plugin and its link for completion.
fn installed() -> Result<(PathBuf, String), Failed> {
    let dir = common::scratch("bin");
    std::fs::create_dir_all(&dir)?;
    for name in ["kubectl-infer", "kubectl_complete-infer"] {
        std::os::unix::fs::symlink(BINARY, dir.join(name))?;
    }
    let path = std::env::var("PATH").unwrap_or_default();
    Ok((dir.clone(), format!("{}:{path}", dir.display())))
}

fn kubectl(plane: &ControlPlane) -> Result<(), Failed> {
    let admin = plane.admin();
    admin.namespace("plugin-kubectl");
    let (_, path) = installed()?;
    let kubeconfig = plane.kubeconfig("admin");
    let run = |args: &[&str]| {
        output(
            Command::new("kubectl")
                .env("PATH", &path)
                .env("KUBECONFIG", &kubeconfig)
                .args(args),
        )
    };
    if run(&["version", "--client"]).is_err() {
        return Ok(());
    }
    let file = starter("aggregated");
    let diff = run(&[
        "infer",
        "diff",
        "-f",
        &file,
        "-t",
        "lws",
        "-n",
        "plugin-kubectl",
        "--color",
        "never",
    ])?;
    exits(&diff, 1)?;
    holds(&diff.out, &["would be created"])?;
    exits(
        &run(&["infer", "apply", "-f", &file, "-t", "lws", "-n", "plugin-kubectl"])?,
        0,
    )?;
    for (words, expected) in [
        (vec!["d"], vec!["diff\n"]),
        (vec!["render", "-t", ""], vec!["lws\n", "kthena\n", ":4\n"]),
        (vec!["render", "--tar"], vec!["--target\n"]),
        (vec!["diff", "-o", ""], vec!["human\n", "json\n", "name\n"]),
        (vec!["diff", "-f", ""], vec![":0\n"]),
        (vec!["diff", "-n", "plugin-ku"], vec!["plugin-kubectl\n"]),
        (vec!["migrate", "leader"], vec!["leaderworkerset/\n"]),
        (
            vec!["migrate", "-n", "plugin-kubectl", "leaderworkerset/"],
            vec!["leaderworkerset/qwen3-8b-server\n"],
        ),
    ] {
        let answer = run(&[["__complete", "infer"].as_slice(), &words].concat())?;
        holds(&answer.out, &expected).map_err(|e| format!("{words:?}: {e:?}\n{}", answer.err))?;
    }
    let spec = starter("prefill-decode");
    let answer = run(&["__complete", "infer", "render", "-f", &spec, "--set", "roles."])?;
    holds(&answer.out, &["roles.prefill.\n", "roles.decode.\n"])
}

fn write(dir: &Path, name: &str, config: &Value) -> Result<String, Failed> {
    let path = dir.join(name);
    std::fs::write(&path, config.to_string())?;
    Ok(path.to_string_lossy().into_owned())
}

fn kubeconfigs(plane: &ControlPlane) -> Result<(), Failed> {
    let dir = common::scratch("kubeconfigs");
    std::fs::create_dir_all(&dir)?;
    let plugin = dir.join("credentials");
    let token = json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "admin"}});
    std::fs::write(&plugin, format!("#!/bin/sh\necho '{token}'\n"))?;
    Command::new("chmod").arg("+x").arg(&plugin).status()?;
    let users = json!({
        "apiVersion": "v1", "kind": "Config",
        "users": [{"name": "me", "user": {"exec": {
            "apiVersion": "client.authentication.k8s.io/v1", "command": plugin, "interactiveMode": "Never",
        }}}],
    });
    let rest = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "clusters": [{"name": "c", "cluster": {"server": plane.url, "insecure-skip-tls-verify": true}}],
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "me", "namespace": "plugin-context"}}],
    });
    let list = [
        write(&dir, "a", &users)?,
        dir.join("missing").to_string_lossy().into_owned(),
        write(&dir, "b", &rest)?,
    ]
    .join(":");
    plane.admin().namespace("plugin-context");
    let mut object = deployment("x", 1, "nginx:1");
    object["metadata"].as_object_mut().unwrap().remove("namespace");
    let file = manifest(&[object]);
    // A proxy that is not there is not asked for an address of this machine.
    let run = output(
        Command::new(BINARY)
            .env("KUBECONFIG", &list)
            .env("HTTPS_PROXY", "http://127.0.0.1:1")
            .args(["apply", "-f", &file]),
    )?;
    exits(&run, 0)?;
    plane
        .admin()
        .get("/apis/apps/v1/namespaces/plugin-context/deployments/web")?;
    let run = output(
        Command::new(BINARY)
            .env("KUBECONFIG", "/nowhere")
            .env("HOME", "/nowhere")
            .args(["diff", "-f", &file]),
    )?;
    exits(&run, 5)?;
    holds(&run.err, &["no cluster is configured"])
}

fn flags(plane: &ControlPlane) -> Result<(), Failed> {
    plane.admin().namespace("plugin-flags");
    let file = manifest(&[deployment("plugin-flags", 1, "nginx:1")]);
    // The reader may not even look, but impersonation is the administrator's right.
    let run = infer(plane, "nobody", &["diff", "-f", &file, "--token", "admin"]);
    exits(&run, 1)?;
    let run = infer(plane, "admin", &["diff", "-f", &file, "--as", "nobody"]);
    exits(&run, 5)?;
    holds(&run.err, &["User \"nobody\" cannot get resource"])?;
    let run = infer(
        plane,
        "admin",
        &[
            "diff",
            "-f",
            &file,
            "--as",
            "nobody",
            "--as-group",
            "system:masters",
        ],
    );
    exits(&run, 1)?;
    let run = infer(
        plane,
        "admin",
        &["diff", "-f", &file, "--request-timeout", "soon"],
    );
    exits(&run, 5)?;
    holds(&run.err, &["--request-timeout soon: expected a time"])
}

fn live_targets(plane: &ControlPlane) -> Result<(), Failed> {
    let admin = plane.admin();
    admin.namespace("plugin-live");
    let path = "/apis/apps/v1/namespaces/plugin-live/deployments";
    for (name, image) in [
        ("lws", "registry.test/lws/lws:v0.10.0"),
        ("vc", "registry.test/volcanosh/vc-scheduler:v1.14.2"),
        ("kthena", "registry.test/kthena-controller-manager:v1.0.0"),
        ("grove", "registry.test/grove-operator:v0.1.0"),
    ] {
        let mut controller = deployment("plugin-live", 0, image);
        controller["metadata"]["name"] = json!(name);
        admin.create(path, &controller)?;
    }
    // No controller of Deployments is asked: the status is what this test says it is.
    admin.patch(
        &format!("{path}/lws/status"),
        &json!({"status": {"replicas": 1, "readyReplicas": 1, "availableReplicas": 1}}),
    )?;
    let run = infer(plane, "admin", &["targets", "--live"]);
    exits(&run, 0)?;
    holds(
        &run.out,
        &[
            "v0.10.0",
            "leaderworkerset.x-k8s.io/v1",
            "Schedulers: volcano v1.14.2",
            "Kubernetes: v1.",
        ],
    )?;
    let json: Value = serde_json::from_str(&infer(plane, "admin", &["targets", "--live", "-o", "json"]).out)?;
    let state = |name: &str| {
        let targets = json["targets"].as_array().cloned().unwrap_or_default();
        targets
            .iter()
            .find(|t| t["name"] == name)
            .map(|t| t["state"].clone())
            .unwrap_or_default()
    };
    if state("rbg") != "no controller" || state("kthena") != "not available" {
        return Err(json.to_string().into());
    }
    // The document is read by --platform, strictly.
    let page = infer(plane, "admin", &["targets", "--live", "-o", "yaml"]);
    holds(&page.out, &["kind: Platform", "volcano: \"1.14\"", "schedulers:"])?;
    let platform = common::scratch("platform.yaml");
    std::fs::write(&platform, &page.out)?;
    let platform = platform.to_string_lossy().into_owned();
    for target in ["kthena", "grove"] {
        let run = common::run(&[
            "render",
            "-f",
            &starter("aggregated"),
            "-t",
            target,
            "--platform",
            &platform,
        ]);
        exits(&run, 0)?;
    }
    // Who may not list Deployments is told so, and still sees what is served.
    let run = infer(plane, "nobody", &["targets", "--live"]);
    exits(&run, 0)?;
    holds(&run.out, &["installed"])?;
    holds(&run.err, &["warning: cannot see versions of controllers"])
}

fn migrate(plane: &ControlPlane) -> Result<(), Failed> {
    plane.admin().namespace("plugin-migrate");
    let file = starter("multi-node");
    exits(
        &infer(
            plane,
            "admin",
            &["apply", "-f", &file, "-t", "lws", "-n", "plugin-migrate"],
        ),
        0,
    )?;
    let sets = plane
        .admin()
        .get("/apis/leaderworkerset.x-k8s.io/v1/namespaces/plugin-migrate/leaderworkersets")?;
    let name = format!(
        "lws/{}",
        sets["items"][0]["metadata"]["name"].as_str().unwrap_or_default()
    );
    let run = infer(
        plane,
        "admin",
        &[
            "migrate",
            &name,
            "-n",
            "plugin-migrate",
            "--to",
            "rbg",
            "--max-loss",
            "error",
            "--force",
        ],
    );
    if !run.out.contains("kind: RoleBasedGroup")
        || run.out.contains("managedFields")
        || run.out.contains("resourceVersion")
    {
        return Err(format!("{}\n{}", run.out, run.err).into());
    }
    let run = infer(
        plane,
        "admin",
        &["migrate", "lws/none", "-n", "plugin-migrate", "--to", "rbg"],
    );
    exits(&run, 5)?;
    holds(&run.err, &["\"none\" not found"])?;
    let run = infer(plane, "admin", &["migrate", "gadget/none", "--to", "rbg"]);
    exits(&run, 5)?;
    holds(&run.err, &["no resource called `gadget`"])?;
    exits(&infer(plane, "admin", &["migrate", "--to", "rbg"]), 2)
}
