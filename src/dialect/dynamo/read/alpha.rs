//! The conversion of v1alpha1 (`api/v1alpha1/*_conversion.go`): a mapping of services becomes a list of components in the order
//! of their names, and the flat fields of a service become a pod template.

use super::codes::CONVERSION;
use super::preserved::Preserved;
use super::{Alpha, pod_template, strings, text};
use crate::kubernetes::container::list;
use crate::kubernetes::quantity::Quantity;
use crate::pods::Problem;
use crate::value::{Map, Node, Str};

/// The spec of a graph in the terms of v1beta1, and what else there is.
pub fn graph(root: &Node, problems: &mut Vec<Problem>) -> (Node, Preserved) {
    let nothing = Node::map();
    let old = root.get("spec").unwrap_or(&nothing);
    let mut spec = Node::map();
    spec.ids = old.ids.clone();
    for key in [
        "annotations",
        "labels",
        "priorityClassName",
        "backendFramework",
        "providerOverride",
        "restart",
        "experimental",
    ] {
        copy(old, key, &mut spec, key);
    }
    copy(old, "envs", &mut spec, "env");
    if let Some(constraint) = old.get("topologyConstraint") {
        let mut new = Node::map();
        new.ids = constraint.ids.clone();
        copy(constraint, "topologyProfile", &mut new, "clusterTopologyName");
        copy(constraint, "packDomain", &mut new, "packDomain");
        spec.set("topologyConstraint", new);
    }
    let mut preserved = Preserved {
        claims: list(old, "pvcs").to_vec(),
        ..Preserved::default()
    };
    preserved
        .claims
        .iter()
        .for_each(|claim| self::claim(claim, problems));
    let services = old.get("services").and_then(Node::as_map);
    let mut services: Vec<&(Str, Node)> = services.into_iter().flatten().collect();
    services.sort_by(|a, b| a.0.cmp(&b.0));
    let mut components = Node::seq();
    if let Some(written) = old.get("services") {
        components.ids = written.ids.clone();
    }
    for (name, service) in services {
        let mut component = component(service, problems);
        component.set("name", Node::derived(name.clone(), &service.ids));
        components.seq_mut().push(component);
        preserved.services.insert(name.to_string(), alpha(service));
    }
    spec.set("components", components);
    (spec, preserved)
}

/// The spec of a DynamoComponentDeployment in the terms of v1beta1, and what else there is.
pub fn deployment(root: &Node, problems: &mut Vec<Problem>) -> (Node, Alpha) {
    let nothing = Node::map();
    let old = root.get("spec").unwrap_or(&nothing);
    let mut spec = component(old, problems);
    copy(old, "backendFramework", &mut spec, "backendFramework");
    copy(old, "serviceName", &mut spec, "name");
    (spec, alpha(old))
}

fn copy(from: &Node, old: &str, to: &mut Node, new: &str) {
    if let Some(value) = from.get(old).filter(|v| !v.is_null()) {
        to.set(new, value.clone());
    }
}

fn claim(claim: &Node, problems: &mut Vec<Problem>) {
    let has = |key| claim.get(key).is_some();
    let create = claim.get("create").and_then(Node::as_bool) == Some(true);
    if create && !(has("size") && has("storageClass") && has("volumeAccessMode")) {
        let reason =
            "a claim of `pvcs` with `create: true` needs `size`, `storageClass` and `volumeAccessMode`";
        problems.push(Problem::new(&CONVERSION, reason, &claim.ids));
    }
    if text(claim, &["name"]).is_empty() {
        problems.push(Problem::new(
            &CONVERSION,
            "a claim of `pvcs` needs a name",
            &claim.ids,
        ));
    }
}

/// What is kept of a service beside its component.
pub fn alpha(service: &Node) -> Alpha {
    let string = |key| service.get(key).and_then(Node::as_str).map(Str::from);
    Alpha {
        labels: strings(service.get("labels")),
        annotations: strings(service.get("annotations")),
        sub_type: string("subComponentType"),
        dynamo_namespace: string("dynamoNamespace"),
        service_name: string("serviceName"),
        ingress: service.get("ingress").cloned(),
        written: Some(service.clone()),
    }
}

/// A service as a component.
fn component(service: &Node, problems: &mut Vec<Problem>) -> Node {
    let mut new = Node::map();
    new.ids = service.ids.clone();
    for key in [
        "runtimeVersionOverride",
        "globalDynamoNamespace",
        "replicas",
        "minAvailable",
        "multinode",
        "modelRef",
        "topologyConstraint",
        "eppConfig",
        "providerOverride",
    ] {
        copy(service, key, &mut new, key);
    }
    if let Some(kind) = service.get("componentType") {
        let sub = service.get("subComponentType");
        let promoted = sub.filter(|s| {
            kind.as_str() == Some("worker") && s.as_str().is_some_and(|s| ["prefill", "decode"].contains(&s))
        });
        new.set("type", promoted.map_or(kind, |sub| sub).clone());
    }
    if let Some(memory) = service.get("sharedMemory") {
        shared_memory(memory, &mut new, problems);
    }
    let enabled = |node: &Node| node.get("enabled").and_then(Node::as_bool) == Some(true);
    if let Some(adapter) = service.get("scalingAdapter").filter(|a| enabled(a)) {
        new.set("scalingAdapter", Node::derived(Node::map(), &adapter.ids));
    }
    experimental(service, &mut new, problems);
    cache(service, &mut new);
    if let Some(template) = pod_template::build(service, problems) {
        new.set("podTemplate", template);
    }
    if let Some(sidecar) = service.get("frontendSidecar") {
        new.set(
            "frontendSidecar",
            Node::derived(pod_template::SIDECAR, &sidecar.ids),
        );
    }
    new
}

fn shared_memory(memory: &Node, new: &mut Node, problems: &mut Vec<Problem>) {
    if memory.get("disabled").and_then(Node::as_bool) == Some(true) {
        new.set("sharedMemorySize", Node::derived("0", &memory.ids));
        return;
    }
    let size = memory.get("size").filter(|s| !s.is_null());
    let positive = |s: &&Node| Quantity::from_node(s).is_ok_and(|q| !q.is_zero() && !q.is_negative());
    match size.filter(positive) {
        Some(size) => new.set("sharedMemorySize", size.clone()),
        None => {
            let reason = "`sharedMemory` needs a `size` above zero, or `disabled: true`";
            problems.push(Problem::new(&CONVERSION, reason, &memory.ids));
        }
    }
}

/// The first mount that is the cache of compiled kernels.
fn cache(service: &Node, new: &mut Node) {
    let flagged = |m: &&Node| m.get("useAsCompilationCache").and_then(Node::as_bool) == Some(true);
    if let Some(mount) = list(service, "volumeMounts").iter().find(flagged) {
        let mut cache = Node::map();
        cache.ids = mount.ids.clone();
        copy(mount, "name", &mut cache, "pvcName");
        copy(mount, "mountPoint", &mut cache, "mountPath");
        new.set("compilationCache", cache);
    }
}

fn experimental(service: &Node, new: &mut Node, problems: &mut Vec<Problem>) {
    let mut all = Map::new();
    for (key, fields) in [
        (
            "gpuMemoryService",
            &["deviceClassName", "extraClientContainers", "extraClientPods"][..],
        ),
        ("failover", &["numShadows"]),
    ] {
        let Some(old) = service.get(key) else { continue };
        if old.get("enabled").and_then(Node::as_bool) != Some(true) {
            continue;
        }
        let mut made = Node::map();
        made.ids = old.ids.clone();
        let mode = match text(old, &["mode"]) {
            "interPod" => "InterPod",
            _ => "IntraPod",
        };
        let place = old.get("mode").map_or(&old.ids, |m| &m.ids);
        made.set("mode", Node::derived(mode, place));
        fields.iter().for_each(|field| copy(old, field, &mut made, field));
        all.insert(key, made);
    }
    all.insert_some("checkpoint", service.get("checkpoint").cloned());
    if let Some(failover) = service.get("failover") {
        let shadows = failover.get("numShadows").and_then(Node::as_int).unwrap_or(1);
        let intra = text(failover, &["mode"]) == "intraPod";
        if intra && shadows > 1 && failover.get("enabled").and_then(Node::as_bool) == Some(true) {
            let reason = "`failover.numShadows` can only be above 1 with `mode: interPod`";
            problems.push(Problem::new(&CONVERSION, reason, &failover.ids));
        }
    }
    if !all.is_empty() {
        new.set("experimental", all);
    }
}
