//! A server, or a way to it, that fails.

use crate::common::Run;
use crate::control_plane::ControlPlane;
use crate::diff::{exits, holds};
use crate::proxy::{self, Fate};
use crate::{Named, infer, manifest};
use libtest_mimic::Failed;
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// All tests of failures.
pub fn tests() -> Vec<Named> {
    vec![
        ("faults::busy servers are asked again".into(), Box::new(busy)),
        ("faults::internal errors are told".into(), Box::new(internal)),
        ("faults::servers that do not answer".into(), Box::new(silent)),
        ("faults::a proxy's page is no answer".into(), Box::new(page)),
        ("faults::apply stops and goes on".into(), Box::new(stops)),
        (
            "faults::the server goes away while applying".into(),
            Box::new(goes_away),
        ),
        ("faults::Ctrl-C while applying".into(), Box::new(interrupted)),
        ("faults::a prune that fails is completed".into(), Box::new(prune)),
    ]
}

fn through(plane: &ControlPlane, url: &str, args: &[&str]) -> Run {
    infer(plane, "admin", &[args, &["--server", url]].concat())
}

fn maps(namespace: &str, n: usize) -> Vec<Value> {
    (0..n)
        .map(|i| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("m{i}"), "namespace": namespace}}))
        .collect()
}

fn busy(plane: &ControlPlane) -> Result<(), Failed> {
    plane.admin().namespace("faults-busy");
    let count = AtomicUsize::new(0);
    let url = proxy::start(plane, move |r| match count.fetch_add(1, Ordering::SeqCst) {
        n if n % 3 == 0 && r.method == "PATCH" => Fate::Answer(429, "retry-after: 0\r\n", "{}"),
        n if n % 5 == 0 => Fate::Answer(503, "", "no endpoints"),
        _ => Fate::Pass,
    });
    let file = manifest(&maps("faults-busy", 6));
    let run = through(plane, &url, &["apply", "-f", &file]);
    exits(&run, 0)?;
    if run.out.lines().filter(|l| l.ends_with(" created")).count() != 6 {
        return Err(run.out.into());
    }
    exits(&infer(plane, "admin", &["diff", "-f", &file]), 0)
}

fn internal(plane: &ControlPlane) -> Result<(), Failed> {
    plane.admin().namespace("faults-internal");
    const BODY: &str = r#"{"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 500, "reason": "InternalError",
        "message": "Internal error occurred: failed calling webhook \"x.test\": token=canary-of-500"}"#;
    let url = proxy::start(plane, |r| {
        if r.method == "PATCH" {
            Fate::Answer(500, "", BODY)
        } else {
            Fate::Pass
        }
    });
    let run = through(
        plane,
        &url,
        &["diff", "-f", &manifest(&maps("faults-internal", 2))],
    );
    exits(&run, 5)?;
    holds(
        &run.err,
        &[
            "configmap/m0: Internal error occurred: failed calling webhook \"x.test\"",
            "configmap/m1: ",
        ],
    )?;
    if run.err.contains("canary-of-500") {
        Err(run.err.into())
    } else {
        Ok(())
    }
}

fn silent(plane: &ControlPlane) -> Result<(), Failed> {
    plane.admin().namespace("faults-silent");
    let url = proxy::start(plane, |r| match r.method.as_str() {
        "PATCH" => Fate::Slow(Duration::from_secs(20)),
        _ => Fate::Pass,
    });
    let run = through(
        plane,
        &url,
        &[
            "diff",
            "-f",
            &manifest(&maps("faults-silent", 2)),
            "--request-timeout",
            "1s",
        ],
    );
    exits(&run, 5)?;
    holds(&run.err, &["did not answer within 1 s", "--request-timeout"])?;
    let url = proxy::start(plane, |_| Fate::Drop);
    let run = through(plane, &url, &["diff", "-f", &manifest(&maps("faults-silent", 2))]);
    exits(&run, 5)?;
    holds(&run.err, &["cannot reach the API server"])
}

fn page(plane: &ControlPlane) -> Result<(), Failed> {
    let url = proxy::start(plane, |_| Fate::Answer(200, "", "<html>log in</html>"));
    let run = through(plane, &url, &["diff", "-f", &manifest(&maps("default", 1))]);
    exits(&run, 5)?;
    holds(&run.err, &["the answer is no JSON"])?;
    let url = proxy::start(plane, |_| Fate::Answer(502, "", "<html>bad gateway</html>"));
    let run = through(plane, &url, &["diff", "-f", &manifest(&maps("default", 1))]);
    exits(&run, 5)?;
    holds(
        &run.err,
        &["a proxy before it, answered 502: <html>bad gateway</html>"],
    )
}

fn stops(plane: &ControlPlane) -> Result<(), Failed> {
    plane.admin().namespace("faults-stops");
    let writes = AtomicUsize::new(0);
    let url = proxy::start(plane, move |r| {
        match r.writes() && writes.fetch_add(1, Ordering::SeqCst) == 2 {
            true => Fate::Answer(
                500,
                "",
                r#"{"kind": "Status", "message": "etcdserver: leader changed"}"#,
            ),
            false => Fate::Pass,
        }
    });
    let file = manifest(&maps("faults-stops", 5));
    let run = through(plane, &url, &["apply", "-f", &file]);
    exits(&run, 5)?;
    if run.out != "configmap/m0 created\nconfigmap/m1 created\n" {
        return Err(run.out.into());
    }
    holds(
        &run.err,
        &[
            "error: configmap/m2: etcdserver: leader changed\n",
            "2 objects applied, those printed above\nnot applied: configmap/m2\nnot applied: configmap/m3\nnot applied: configmap/m4\n",
            "run the same command again",
        ],
    )?;
    let run = through(plane, &url, &["apply", "-f", &file]);
    exits(&run, 0)?;
    holds(&run.out, &["configmap/m1 unchanged\nconfigmap/m2 created\n"])
}

fn goes_away(plane: &ControlPlane) -> Result<(), Failed> {
    plane.admin().namespace("faults-away");
    let writes = AtomicUsize::new(0);
    let url = proxy::start(plane, move |r| {
        match r.writes() && writes.fetch_add(1, Ordering::SeqCst) >= 3 {
            true => Fate::Drop,
            false => Fate::Pass,
        }
    });
    let file = crate::apply::starter("prefill-decode");
    let args = ["apply", "-f", file.as_str(), "-t", "lws", "-n", "faults-away"];
    let run = through(plane, &url, &args);
    exits(&run, 5)?;
    holds(
        &run.err,
        &[
            "cannot reach the API server",
            "applied, those printed above\nnot applied: ",
            "run the same command again",
        ],
    )?;
    let run = infer(plane, "admin", &args);
    exits(&run, 0)?;
    holds(&run.out, &[" unchanged\n", " created\n"])?;
    exits(
        &infer(plane, "admin", &[["diff"].as_slice(), &args[1..]].concat()),
        0,
    )
}

fn interrupted(plane: &ControlPlane) -> Result<(), Failed> {
    plane.admin().namespace("faults-interrupted");
    let url = proxy::start(plane, |r| {
        if r.writes() {
            Fate::Slow(Duration::from_millis(500))
        } else {
            Fate::Pass
        }
    });
    let file = manifest(&maps("faults-interrupted", 20));
    let child = Command::new(env!("CARGO_BIN_EXE_kubectl-infer"))
        .args(["apply", "-f", &file, "--server", &url, "--kubeconfig"])
        .arg(plane.kubeconfig("admin"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    // Some writes are through when the signal comes, and one is under way.
    std::thread::sleep(Duration::from_millis(2500));
    Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()?;
    let output = child.wait_with_output()?;
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    let run = Run {
        code: output.status.code().unwrap_or(99) as u8,
        out,
        err,
    };
    exits(&run, 5)?;
    holds(
        &run.err,
        &[
            "error: interrupted\n",
            "not applied: configmap/m19\n",
            "run the same command again",
        ],
    )?;
    // What it says is so.
    let said = run.out.lines().count();
    let there = plane
        .admin()
        .get("/api/v1/namespaces/faults-interrupted/configmaps")?;
    let there = there["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|m| m["metadata"]["name"] != "kube-root-ca.crt")
        .count();
    if said == 0 || said != there {
        return Err(format!("{said} said, {there} there").into());
    }
    exits(&infer(plane, "admin", &["apply", "-f", &file]), 0)
}

fn prune(plane: &ControlPlane) -> Result<(), Failed> {
    plane.admin().namespace("faults-prune");
    let file = crate::apply::starter("prefill-decode");
    let args = ["-f", file.as_str(), "-t", "lws", "-n", "faults-prune"];
    exits(&infer(plane, "admin", &[["apply"].as_slice(), &args].concat()), 0)?;
    let less = crate::apply::without_role(&std::fs::read_to_string(&file)?, "prefill");
    std::fs::write(&file, less)?;
    let less = [args.as_slice(), &["--prune"]].concat();
    let url = proxy::start(plane, |r| {
        if r.method == "DELETE" {
            Fate::Answer(500, "", "")
        } else {
            Fate::Pass
        }
    });
    let run = through(plane, &url, &[["apply"].as_slice(), &less].concat());
    exits(&run, 5)?;
    let run = infer(plane, "admin", &[["apply"].as_slice(), &less].concat());
    exits(&run, 0)?;
    holds(&run.out, &[" pruned\n"])?;
    Ok(())
}
