//! The pod template of a v1alpha1 service: flat fields, and `extraPodSpec` which wins over them.

use super::super::merge;
use super::codes::CONVERSION;
use super::{MAIN, text};
use crate::kubernetes::container::list;
use crate::kubernetes::podspec::Type;
use crate::kubernetes::quantity::Quantity;
use crate::pods::Problem;
use crate::value::{Map, Node, Value};

/// The name that the conversion gives to the container of `frontendSidecar`.
pub const SIDECAR: &str = "sidecar-frontend";

/// The pod template, if the service says anything of it.
pub fn build(service: &Node, problems: &mut Vec<Problem>) -> Option<Node> {
    let nothing = Node::map();
    let extra = service.get("extraPodSpec").unwrap_or(&nothing);
    let mounts = list(service, "volumeMounts");
    let flagged = |m: &Node| m.get("useAsCompilationCache").and_then(Node::as_bool) == Some(true);
    let has = |key| service.get(key).is_some_and(|n| !n.is_null());
    let said = has("resources")
        || !list(service, "envs").is_empty()
        || has("envFromSecret")
        || !mounts.iter().all(flagged)
        || has("livenessProbe")
        || has("readinessProbe")
        || extra.as_map().is_some_and(|m| !m.is_empty())
        || has("extraPodMetadata")
        || has("frontendSidecar");
    for mount in mounts
        .iter()
        .filter(|m| !flagged(m) && text(m, &["mountPoint"]).is_empty())
    {
        let reason = "a mount needs a `mountPoint`, unless it is `useAsCompilationCache`";
        problems.push(Problem::new(&CONVERSION, reason, &mount.ids));
    }
    said.then(|| template(service, extra, problems))
}

fn template(service: &Node, extra: &Node, problems: &mut Vec<Problem>) -> Node {
    let mut spec = extra.clone();
    let written = spec.map_mut().remove("mainContainer");
    let mut main = flat(service);
    if let Some(written) = &written {
        overlay(&mut main, written);
    }
    main.set("name", MAIN);
    let others = list(extra, "containers")
        .iter()
        .filter(|c| text(c, &["name"]) != MAIN)
        .cloned();
    let mut containers: Vec<Node> = std::iter::once(main).chain(others).collect();
    if let Some(sidecar) = service.get("frontendSidecar") {
        if containers.iter().any(|c| text(c, &["name"]) == SIDECAR) {
            let reason =
                format!("`extraPodSpec.containers` has a `{SIDECAR}`, so `frontendSidecar` cannot be added");
            problems.push(Problem::new(&CONVERSION, reason, &sidecar.ids));
        } else {
            containers.push(self::sidecar(sidecar));
        }
    }
    spec.set("containers", containers);
    let mut template = Node::map();
    if let Some(metadata) = service.get("extraPodMetadata") {
        template.set("metadata", metadata.clone());
    }
    template.set("spec", spec);
    template
}

/// The main container as the flat fields have it.
fn flat(service: &Node) -> Node {
    let mut main = Node::map();
    main.ids = service.ids.clone();
    if let Some(resources) = service.get("resources") {
        main.set("resources", self::resources(resources));
    }
    if let Some(env) = service
        .get("envs")
        .filter(|e| !list(service, "envs").is_empty() && !e.is_null())
    {
        main.set("env", env.clone());
    }
    if let Some(secret) = service.get("envFromSecret").filter(|s| s.as_str() != Some("")) {
        main.set("envFrom", vec![secret_source(secret)]);
    }
    for key in ["livenessProbe", "readinessProbe"] {
        if let Some(probe) = service.get(key) {
            main.set(key, probe.clone());
        }
    }
    let mounts: Vec<Node> = list(service, "volumeMounts")
        .iter()
        .map(|mount| {
            let mut new = Node::map();
            new.ids = mount.ids.clone();
            new.map_mut().insert_some("name", mount.get("name").cloned());
            new.map_mut()
                .insert_some("mountPath", mount.get("mountPoint").cloned());
            new
        })
        .collect();
    if !mounts.is_empty() {
        main.set("volumeMounts", mounts);
    }
    main
}

fn secret_source(secret: &Node) -> Node {
    let name: Node = Map::from_iter([("name", secret.clone())]).into();
    Map::from_iter([("secretRef", name)]).into()
}

fn sidecar(old: &Node) -> Node {
    let mut new = Node::map();
    new.ids = old.ids.clone();
    new.set("name", SIDECAR);
    for (from, to) in [("image", "image"), ("args", "args"), ("envs", "env")] {
        new.map_mut().insert_some(to, old.get(from).cloned());
    }
    if let Some(secret) = old.get("envFromSecret").filter(|s| s.as_str() != Some("")) {
        new.set("envFrom", vec![secret_source(secret)]);
    }
    new
}

/// `resources` as Kubernetes spells them. What is no quantity is dropped in silence.
fn resources(old: &Node) -> Node {
    let mut new = Node::map();
    new.ids = old.ids.clone();
    new.map_mut().insert_some("claims", old.get("claims").cloned());
    for key in ["requests", "limits"] {
        let Some(item) = old.get(key) else { continue };
        let mut amounts = Node::map();
        amounts.ids = item.ids.clone();
        let mut add = |name: &str, amount: Option<&Node>| {
            let good = amount.filter(|a| Quantity::from_node(a).is_ok() && a.as_str() != Some(""));
            if let Some(amount) = good {
                amounts.set(name, amount.clone());
            }
        };
        add("cpu", item.get("cpu"));
        add("memory", item.get("memory"));
        let kind = text(item, &["gpuType"]);
        add(
            if kind.is_empty() { "nvidia.com/gpu" } else { kind },
            item.get("gpu"),
        );
        for (name, amount) in item.get("custom").and_then(Node::as_map).into_iter().flatten() {
            add(name, Some(amount));
        }
        if amounts.as_map().is_some_and(|m| !m.is_empty()) {
            new.set(key, amounts);
        }
    }
    new
}

/// Lays `mainContainer` over the flat fields: environment and mounts are united, its own mounts first.
fn overlay(main: &mut Node, written: &Node) {
    let mut over = written.clone();
    let env = over.map_mut().remove("env");
    let mounts = over.map_mut().remove("volumeMounts");
    if let Some(object) = Type::Container.object() {
        merge::overlay(main, &over, object);
    }
    if let Some(env) = env {
        let own = main.map_mut().entry_map("env").seq_mut();
        for entry in seq(&env) {
            match own.iter_mut().find(|o| o.get("name") == entry.get("name")) {
                Some(old) => *old = entry.clone(),
                None => own.push(entry.clone()),
            }
        }
    }
    if let Some(mounts) = mounts {
        let flat = main.map_mut().remove("volumeMounts").unwrap_or_default();
        let united: Vec<Node> = seq(&mounts).iter().chain(seq(&flat)).cloned().collect();
        main.set("volumeMounts", united);
    }
}

fn seq(node: &Node) -> &[Node] {
    match &node.value {
        Value::Seq(list) => list,
        _ => &[],
    }
}
