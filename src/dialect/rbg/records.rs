//! Tests against what the real controller made: names, host names, services and variables of recorded pods.

use super::checks::{INJECTED, INJECTED_LEADER_WORKER};
use super::difference::{same, split};
use super::names::{headless, workload};
use super::testing::yaml;
use serde_json::Value;
use std::path::PathBuf;

/// The records, or nothing (said aloud) where they are not at hand.
fn records() -> Vec<Value> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/expansions/rbg");
    let root = if beside.is_dir() {
        beside
    } else {
        "/work/shared/expansions/rbg".into()
    };
    let mut files = Vec::new();
    for dir in [root.clone(), root.join("probes")] {
        files.extend(
            std::fs::read_dir(dir)
                .into_iter()
                .flatten()
                .flatten()
                .map(|e| e.path()),
        );
    }
    if files.is_empty() {
        eprintln!("skipped: no records at {}", root.display());
    }
    files.sort();
    let json = files
        .iter()
        .filter(|f| f.extension().is_some_and(|e| e == "json"));
    json.filter_map(|f| serde_json::from_str(&std::fs::read_to_string(f).ok()?).ok())
        .collect()
}

fn label<'a>(pod: &'a Value, name: &str) -> &'a str {
    pod["metadata"]["labels"][format!("rbg.workloads.x-k8s.io/{name}")]
        .as_str()
        .unwrap_or_default()
}

/// The pods of role instances, each with its group, role and instance.
fn pods(records: &[Value]) -> impl Iterator<Item = (&Value, &str, &str, &str)> {
    let pods = records.iter().filter_map(|r| r["pods"].as_array()).flatten();
    pods.map(|p| {
        (
            p,
            label(p, "group-name"),
            label(p, "role-name"),
            label(p, "role-instance-name"),
        )
    })
    .filter(|(_, group, role, instance)| !group.is_empty() && !role.is_empty() && !instance.is_empty())
}

#[test]
fn pods_are_called_by_formula() {
    let records = records();
    let mut seen = [0usize; 3];
    for (pod, group, role, instance) in pods(&records) {
        let name = pod["metadata"]["name"].as_str().unwrap();
        let (component, rank) = (label(pod, "component-name"), label(pod, "component-index"));
        let (kind, suffix) = match component {
            _ if !rank.is_empty() => (0, format!("-{rank}")),
            own if own == role => (1, String::new()),
            other => (2, format!("-{other}-{}", label(pod, "component-id"))),
        };
        assert_eq!(name, format!("{instance}{suffix}"));
        assert!(
            instance.starts_with(&format!("{}-", workload(group, role))) || workload(group, role).len() > 57
        );
        if let Some(subdomain) = pod["spec"]["subdomain"].as_str() {
            assert_eq!(pod["spec"]["hostname"], name);
            let own = headless(group, role);
            assert!(
                subdomain == own
                    || kind == 2
                    || own.starts_with(subdomain)
                    || subdomain == workload(group, role),
                "{name}: {subdomain}"
            );
        }
        seen[kind] += 1;
    }
    assert!(records.is_empty() || seen.iter().all(|n| *n > 5), "{seen:?}");
}

#[test]
fn variables_come_first_and_only_in_containers() {
    let records = records();
    for (pod, group, role, _) in pods(&records) {
        let pair = !label(pod, "component-index").is_empty();
        for container in pod["spec"]["containers"].as_array().unwrap() {
            let env = container["env"].as_array().map(Vec::as_slice).unwrap_or_default();
            let names: Vec<&str> = env.iter().filter_map(|e| e["name"].as_str()).collect();
            let injected = names.iter().take_while(|n| n.starts_with("RBG_")).count();
            assert!(
                names[..injected]
                    .iter()
                    .all(|n| INJECTED.contains(n) || INJECTED_LEADER_WORKER.contains(n))
            );
            // Stateless instances have no index.
            assert!(injected >= INJECTED.len() - 1, "{names:?}");
            assert_eq!(names.contains(&"RBG_LWP_LEADER_ADDRESS"), pair);
            if let Some(leader) = env.iter().find(|e| e["name"] == "RBG_LWP_LEADER_ADDRESS") {
                let expected = format!("$(RBG_ROLE_INSTANCE_NAME)-0.{}.", headless(group, role));
                assert!(
                    leader["value"].as_str().unwrap().starts_with(&expected)
                        || headless(group, role).len() > 63
                );
            }
        }
        for container in pod["spec"]["initContainers"].as_array().into_iter().flatten() {
            let env = container["env"].as_array().into_iter().flatten();
            assert!(
                env.filter_map(|e| e["name"].as_str())
                    .all(|n| !INJECTED.contains(&n))
            );
        }
    }
}

/// The selectors of the controller's own Services pick leaders as ours do.
#[test]
fn labels_select_as_the_controllers_services_do() {
    let records = records();
    for object in records
        .iter()
        .filter_map(|r| r["objects"].as_array())
        .flatten()
        .filter(|o| o["kind"] == "Service")
    {
        let selector = yaml(&object["spec"]["selector"].to_string());
        let known = [
            super::names::GROUP_NAME,
            super::names::ROLE_NAME,
            super::names::COMPONENT_NAME,
        ];
        if object["spec"]["clusterIP"] == "None" && selector.get(super::names::GROUP_NAME).is_some() {
            assert!(
                selector
                    .as_map()
                    .unwrap()
                    .iter()
                    .all(|(key, _)| known.contains(&key.as_str())),
                "{selector:?}"
            );
        }
    }
}

/// Any two pods make a leader and a worker: what the API server's merge makes of the parts are the two again.
#[test]
fn any_two_pods_split() {
    use crate::diagnostic::Ledger;
    use crate::kubernetes::merge::{Type, strategic_merge_patch};
    for record in records() {
        let pods = record["pods"].as_array().map(Vec::as_slice).unwrap_or_default();
        for pair in pods.windows(2).take(8) {
            let template = |pod: &Value| {
                let labels = serde_json::json!({"labels": pod["metadata"]["labels"]});
                yaml(&serde_json::json!({"metadata": labels, "spec": pod["spec"]}).to_string())
            };
            let (leader, worker) = (template(&pair[0]), template(&pair[1]));
            let parts = split(&leader, &worker);
            let merged = |patch: &Option<crate::value::Node>| match patch {
                Some(patch) => {
                    strategic_merge_patch(&parts.template, patch, Type::PodTemplateSpec, &mut Ledger::new())
                }
                None => parts.template.clone(),
            };
            assert!(same(&merged(&parts.leader), &leader));
            assert!(same(&merged(&parts.worker), &worker));
        }
    }
}
