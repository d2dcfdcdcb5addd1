//! What is rendered is created, in a server-side dry run with strict validation: schema, defaults and CEL rules of the upstream CRDs
//! and of Kubernetes itself.

use crate::Named;
use crate::common;
use crate::control_plane::ControlPlane;
use kubectl_infer::cli::init::STARTERS;
use kubectl_infer::dialect;
use libtest_mimic::Failed;
use serde_json::{Value, json};

/// Every starter for every target, and every expected page.
pub fn tests() -> Vec<Named> {
    let mut tests: Vec<Named> = vec![("accepted::the server refuses".into(), Box::new(refuses))];
    for target in dialect::ALL.iter().map(|d| d.info().name) {
        for (starter, _) in STARTERS {
            let name = format!("accepted::{starter}::{target}");
            tests.push((
                name,
                Box::new(move |plane| starter_accepted(plane, starter, target)),
            ));
        }
    }
    for dir in common::directories_with(&common::root().join("testdata"), "spec.yaml") {
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            let file = entry.file_name().to_string_lossy().into_owned();
            if file.starts_with("expected.") {
                let case = dir
                    .strip_prefix(common::root().join("testdata"))
                    .unwrap_or(&dir)
                    .display()
                    .to_string();
                let path = entry.path();
                let test = move |plane: &ControlPlane| {
                    let page = std::fs::read_to_string(&path)?;
                    accepted(plane, &yaml(&page))
                };
                tests.push((format!("accepted::{case}::{file}"), Box::new(test)));
            }
        }
    }
    tests
}

fn yaml(page: &str) -> Vec<Value> {
    use serde::Deserialize;
    serde_yaml::Deserializer::from_str(page)
        .filter_map(|d| Value::deserialize(d).ok())
        .filter(|v| !v.is_null())
        .collect()
}

fn starter_accepted(plane: &ControlPlane, starter: &str, target: &str) -> Result<(), Failed> {
    let file = common::scratch(&format!("accepted-{starter}-{target}.yaml"));
    std::fs::write(&file, common::run(&["init", starter]).out)?;
    let path = file.to_string_lossy().into_owned();
    let run = common::run(&["render", "-f", &path, "-t", target, "-o", "json", "--force"]);
    let _ = std::fs::remove_file(&file);
    accepted(plane, &common::objects(&run.out))
}

/// The judge judges: fields that are not there, values of a wrong type, and rules in CEL.
fn refuses(plane: &ControlPlane) -> Result<(), Failed> {
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"},
        "spec": {"ports": [{"port": 80}], "selectr": {"a": "b"}},
    });
    let error = create(plane, &service).err().unwrap_or_default();
    if !error.contains(r#"unknown field "spec.selectr""#) {
        return Err(format!("an unknown field: {error}").into());
    }
    let run = common::run(&["init", "multi-node"]);
    let file = common::scratch("refuses.yaml");
    std::fs::write(&file, run.out)?;
    let run = common::run(&[
        "render",
        "-f",
        &file.to_string_lossy(),
        "-t",
        "kthena",
        "-o",
        "json",
    ]);
    let _ = std::fs::remove_file(&file);
    let mut objects = common::objects(&run.out);
    let serving = objects
        .iter_mut()
        .find(|o| o["kind"] == "ModelServing")
        .ok_or("no ModelServing")?;
    serving["spec"]["template"]["roles"][0]["replicas"] = json!("two");
    match create(plane, serving) {
        Err(error) if error.contains("replicas") => Ok(()),
        other => Err(format!("a string where a number belongs: {other:?}").into()),
    }
}

/// Creates objects without keeping them.
fn accepted(plane: &ControlPlane, objects: &[Value]) -> Result<(), Failed> {
    let mut refused = Vec::new();
    for object in objects {
        if let Err(error) = create(plane, object) {
            refused.push(format!(
                "{} {}: {error}",
                object["kind"], object["metadata"]["name"]
            ));
        }
    }
    if refused.is_empty() {
        Ok(())
    } else {
        Err(refused.join("\n").into())
    }
}

fn create(plane: &ControlPlane, object: &Value) -> Result<(), String> {
    let text = |key: &str| object[key].as_str().unwrap_or_default();
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or("default");
    if namespace != "default" {
        plane.admin().namespace(namespace);
    }
    let collection = plane
        .admin()
        .collection(text("apiVersion"), text("kind"), namespace)?;
    let path = format!("{collection}?dryRun=All&fieldValidation=Strict&fieldManager=test");
    plane.admin().create(&path, object).map(drop)
}
