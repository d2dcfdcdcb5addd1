//! What must hold of rendered objects whatever the spec was: the rules of Kubernetes' own kinds, names, selectors, replicas.

use super::crds::Crds;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// What is wrong with the objects of one rendering; one line for each finding.
pub fn check(objects: &[Value], crds: Option<&Crds>) -> Vec<String> {
    let mut errors = Vec::new();
    let templates: Vec<Labels> = objects.iter().flat_map(templates).collect();
    let mut names = BTreeSet::new();
    for object in objects {
        let (kind, name) = (text(object, "kind"), text(&object["metadata"], "name"));
        let mut here = Vec::new();
        let namespace = text(&object["metadata"], "namespace");
        if !names.insert((text(object, "apiVersion"), kind, namespace, name)) {
            here.push("rendered twice".to_owned());
        }
        here.extend(identity(object));
        let core = core(object, &templates);
        let crd = crds.and_then(|c| c.check(object));
        if core.is_none() && crds.is_some() && crd.is_none() {
            here.push(format!(
                "neither a core kind nor one of a CRD: {}",
                text(object, "apiVersion")
            ));
        }
        here.extend(core.into_iter().flatten());
        here.extend(crd.into_iter().flatten());
        here.extend(replicas(object));
        strings(object, "", &mut here);
        errors.extend(here.into_iter().map(|e| format!("{kind}/{name}: {e}")));
    }
    errors
}

/// The labels of a pod template as far as they are known, and whether its controllers add more of their own.
type Labels = Map<String, Value>;

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn label(name: &str, longest: usize) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !name.is_empty()
        && name.len() <= longest
        && name.chars().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

fn subdomain(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(|part| label(part, 63))
}

/// Names, labels and annotations as the API server wants them.
fn identity(object: &Value) -> Vec<String> {
    let mut errors = Vec::new();
    let name = text(&object["metadata"], "name");
    let good = match text(object, "kind") {
        "Service" => label(name, 63) && !name.starts_with(|c: char| c.is_ascii_digit()),
        _ => subdomain(name),
    };
    if !good {
        errors.push(format!("`{name}` is not a name"));
    }
    for (key, value) in object["metadata"]["labels"].as_object().into_iter().flatten() {
        label_pair(key, value, &mut errors);
    }
    for template in templates(object) {
        for (key, value) in &template {
            label_pair(key, value, &mut errors);
        }
    }
    errors
}

fn label_pair(key: &str, value: &Value, errors: &mut Vec<String>) {
    let part = |s: &str| {
        s.len() <= 63
            && s.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
            && s.chars().next().is_none_or(|c| c.is_ascii_alphanumeric())
            && s.chars().last().is_none_or(|c| c.is_ascii_alphanumeric())
    };
    let (prefix, name) = key.split_once('/').map_or((None, key), |(p, n)| (Some(p), n));
    if name.is_empty() || !part(name) || prefix.is_some_and(|p| !subdomain(p)) {
        errors.push(format!("`{key}` is not a label key"));
    }
    if !value.as_str().is_some_and(part) {
        errors.push(format!("{value} is not a value of label `{key}`"));
    }
}

/// The labels of all pod templates in an object: beside `spec.containers`, or beside Grove's `podSpec` one level up.
fn templates(object: &Value) -> Vec<Labels> {
    let mut found = Vec::new();
    walk(object, &mut |value| {
        let labels = |v: &Value| v.as_object().cloned().unwrap_or_default();
        if value["spec"]["containers"].is_array() {
            found.push(labels(&value["metadata"]["labels"]));
        }
        // RoleBasedGroup lays patches for leaders and workers over one template.
        for patch in ["leaderTemplatePatch", "workerTemplatePatch"] {
            let mut both = labels(&value["template"]["metadata"]["labels"]);
            both.extend(labels(&value[patch]["metadata"]["labels"]));
            found.push(both);
        }
        if value["spec"]["podSpec"]["containers"].is_array() {
            found.push(labels(&value["labels"]));
        }
    });
    found
}

fn walk(value: &Value, visit: &mut dyn FnMut(&Value)) {
    visit(value);
    match value {
        Value::Array(items) => items.iter().for_each(|v| walk(v, visit)),
        Value::Object(map) => map.values().for_each(|v| walk(v, visit)),
        _ => {}
    }
}

/// References are answered everywhere, and nothing is empty that a controller would expand.
fn strings(value: &Value, path: &str, errors: &mut Vec<String>) {
    match value {
        Value::String(s) => {
            for bad in ["$(infer.", "$(?)", "\u{1}"] {
                if s.contains(bad) {
                    errors.push(format!("{path}: `{bad}` in {s:?}"));
                }
            }
        }
        Value::Array(items) => {
            for (i, v) in items.iter().enumerate() {
                strings(v, &format!("{path}/{i}"), errors);
            }
        }
        Value::Object(map) => {
            for (k, v) in map {
                strings(v, &format!("{path}/{k}"), errors);
            }
        }
        _ => {}
    }
}

/// Absent replicas mean a silent nothing in some controllers and another number in others.
fn replicas(object: &Value) -> Vec<String> {
    let mut wanted: Vec<(String, &Value)> = Vec::new();
    let spec = &object["spec"];
    let mut each = |list: &str, at: &[&str], keys: &[&str]| {
        let mut items = spec;
        for step in list.split('.') {
            items = &items[step];
        }
        for (i, item) in items.as_array().into_iter().flatten().enumerate() {
            let item = at.iter().fold(item, |v, k| &v[*k]);
            for key in keys {
                wanted.push((format!("spec.{list}[{i}].{key}"), &item[*key]));
            }
        }
    };
    match text(object, "kind") {
        "LeaderWorkerSet" => {
            wanted.push(("spec.replicas".into(), &spec["replicas"]));
            wanted.push((
                "spec.leaderWorkerTemplate.size".into(),
                &spec["leaderWorkerTemplate"]["size"],
            ));
        }
        "StormService" => {
            each("template.spec.roles", &[], &["replicas"]);
            wanted.push(("spec.replicas".into(), &spec["replicas"]));
        }
        "RoleSet" => each("roles", &[], &["replicas"]),
        "PodCliqueSet" => {
            each("template.cliques", &["spec"], &["replicas"]);
            each("template.podCliqueScalingGroups", &[], &["replicas"]);
            wanted.push(("spec.replicas".into(), &spec["replicas"]));
        }
        "RoleBasedGroup" => each("roles", &[], &["replicas"]),
        "ModelServing" => {
            each("template.roles", &[], &["replicas", "workerReplicas"]);
            wanted.push(("spec.replicas".into(), &spec["replicas"]));
        }
        "Deployment" => wanted.push(("spec.replicas".into(), &spec["replicas"])),
        _ => {}
    }
    wanted
        .into_iter()
        .filter(|(_, v)| !v.is_u64())
        .map(|(path, _)| format!("{path} is not written"))
        .collect()
}

/// Labels that controllers put on pods, by the beginning of their keys: a selector may use them without a template having them.
const INJECTED: &[&str] = &[
    "leaderworkerset.sigs.k8s.io/",
    "storm-service-name",
    "roleset-name",
    "role-name",
    "stormservice.orchestration.aibrix.ai/",
    "grove.io/",
    "rbg.workloads.x-k8s.io/",
    "modelserving.volcano.sh/",
    "workload.serving.volcano.sh/",
    "apps.kubernetes.io/pod-index",
];

/// Whether a selector's labels can be those of a rendered pod.
fn selects(selector: &Value, templates: &[Labels]) -> bool {
    let Some(selector) = selector.as_object().filter(|s| !s.is_empty()) else {
        return false;
    };
    templates.iter().any(|labels| {
        selector.iter().all(|(key, value)| {
            labels.get(key) == Some(value)
                || (!labels.contains_key(key) && INJECTED.iter().any(|i| key.starts_with(i)))
        })
    })
}

/// What is wrong with an object of a core kind; `None` if it is of none.
fn core(object: &Value, templates: &[Labels]) -> Option<Vec<String>> {
    let mut errors = Vec::new();
    let known: &[&str] = match (text(object, "apiVersion"), text(object, "kind")) {
        ("v1", "Service") => {
            service(object, templates, &mut errors);
            &["spec"]
        }
        ("v1", "ServiceAccount") => &["automountServiceAccountToken"],
        ("v1", "ConfigMap") => {
            let data = object["data"].as_object();
            if !data.is_some_and(|d| d.values().all(Value::is_string)) {
                errors.push("data of a ConfigMap is strings".into());
            }
            &["data"]
        }
        ("autoscaling/v2", "HorizontalPodAutoscaler") => {
            autoscaler(object, &mut errors);
            &["spec"]
        }
        ("policy/v1", "PodDisruptionBudget") => {
            budget(object, templates, &mut errors);
            &["spec"]
        }
        ("rbac.authorization.k8s.io/v1", "Role") => {
            rules(object, &mut errors);
            &["rules"]
        }
        ("rbac.authorization.k8s.io/v1", "RoleBinding") => {
            binding(object, &mut errors);
            &["roleRef", "subjects"]
        }
        ("apps/v1", "Deployment") => {
            let labels = templates_of(object);
            if !selects(&object["spec"]["selector"]["matchLabels"], &labels) {
                errors.push("the selector does not match the template".into());
            }
            &["spec"]
        }
        _ => return None,
    };
    only(
        object,
        &[&["apiVersion", "kind", "metadata"], known].concat(),
        "",
        &mut errors,
    );
    Some(errors)
}

fn templates_of(object: &Value) -> Vec<Labels> {
    templates(object)
}

fn only(value: &Value, known: &[&str], path: &str, errors: &mut Vec<String>) {
    for key in value.as_object().into_iter().flatten().map(|(k, _)| k) {
        if !known.contains(&key.as_str()) {
            errors.push(format!("{path}/{key}: unknown field"));
        }
    }
}

fn service(object: &Value, pods: &[Labels], errors: &mut Vec<String>) {
    let spec = &object["spec"];
    let known = [
        "type",
        "clusterIP",
        "selector",
        "ports",
        "publishNotReadyAddresses",
        "sessionAffinity",
    ];
    only(spec, &known, "/spec", errors);
    let headless = spec["clusterIP"] == "None";
    if headless && !matches!(spec.get("type").and_then(Value::as_str), None | Some("ClusterIP")) {
        errors.push("a headless Service is of type ClusterIP".into());
    }
    let ports = spec["ports"].as_array().cloned().unwrap_or_default();
    if ports.is_empty() && !headless {
        errors.push("a Service with an address has ports".into());
    }
    let (mut names, mut numbers) = (BTreeSet::new(), BTreeSet::new());
    for port in &ports {
        only(
            port,
            &[
                "name",
                "port",
                "targetPort",
                "protocol",
                "appProtocol",
                "nodePort",
            ],
            "/spec/ports",
            errors,
        );
        let number = port["port"].as_u64().unwrap_or_default();
        if !(1..=65535).contains(&number) || !numbers.insert(number) {
            errors.push(format!("port {} is out of range or there twice", port["port"]));
        }
        let name = text(port, "name");
        if (ports.len() > 1 && name.is_empty()) || !names.insert(name.to_owned()) {
            errors.push(format!("port {number} has no name of its own"));
        }
        match &port["targetPort"] {
            Value::Null => {}
            Value::Number(n) if n.as_u64().is_some_and(|n| (1..=65535).contains(&n)) => {}
            Value::String(s) if label(s, 15) => {}
            other => errors.push(format!("targetPort {other}")),
        }
    }
    if !selects(&spec["selector"], pods) {
        errors.push(format!(
            "no pod has the labels of the selector {}",
            spec["selector"]
        ));
    }
}

fn count_or_percent(value: &Value) -> bool {
    match value {
        Value::Number(n) => n.is_u64(),
        Value::String(s) => s
            .strip_suffix('%')
            .and_then(|s| s.parse::<u32>().ok())
            .is_some_and(|p| p <= 100),
        _ => false,
    }
}

fn budget(object: &Value, pods: &[Labels], errors: &mut Vec<String>) {
    let spec = &object["spec"];
    only(
        spec,
        &["minAvailable", "maxUnavailable", "selector"],
        "/spec",
        errors,
    );
    let bounds = ["minAvailable", "maxUnavailable"].map(|k| spec.get(k));
    match bounds {
        [Some(bound), None] | [None, Some(bound)] if count_or_percent(bound) => {}
        _ => errors.push("a disruption budget has one bound, a number or a percentage".into()),
    }
    if !selects(&spec["selector"]["matchLabels"], pods) {
        errors.push(format!(
            "no pod has the labels of the selector {}",
            spec["selector"]
        ));
    }
}

fn autoscaler(object: &Value, errors: &mut Vec<String>) {
    let spec = &object["spec"];
    only(
        spec,
        &[
            "scaleTargetRef",
            "minReplicas",
            "maxReplicas",
            "metrics",
            "behavior",
        ],
        "/spec",
        errors,
    );
    for key in ["apiVersion", "kind", "name"] {
        if text(&spec["scaleTargetRef"], key).is_empty() {
            errors.push(format!("scaleTargetRef has no {key}"));
        }
    }
    let (min, max) = (
        spec["minReplicas"].as_u64().unwrap_or(1),
        spec["maxReplicas"].as_u64(),
    );
    if min == 0 || max.is_none_or(|max| max < min) {
        errors.push(format!("replicas from {min} to {}", spec["maxReplicas"]));
    }
    for metric in spec["metrics"].as_array().into_iter().flatten() {
        let key = match text(metric, "type") {
            "Resource" => "resource",
            "Pods" => "pods",
            "External" => "external",
            "ContainerResource" => "containerResource",
            "Object" => "object",
            other => {
                errors.push(format!("metric type {other}"));
                continue;
            }
        };
        only(metric, &["type", key], "/spec/metrics", errors);
        let target = &metric[key]["target"];
        let value = match text(target, "type") {
            "Utilization" => target["averageUtilization"].is_u64(),
            "AverageValue" => target["averageValue"].is_string() || target["averageValue"].is_u64(),
            "Value" => target["value"].is_string() || target["value"].is_u64(),
            _ => false,
        };
        if !value {
            errors.push(format!("target of a metric: {target}"));
        }
        if key == "resource" && !matches!(text(&metric[key], "name"), "cpu" | "memory") {
            errors.push(format!("resource {}", metric[key]["name"]));
        }
    }
}

fn rules(object: &Value, errors: &mut Vec<String>) {
    for rule in object["rules"].as_array().into_iter().flatten() {
        for key in ["apiGroups", "resources", "verbs"] {
            if rule[key].as_array().is_none_or(Vec::is_empty) {
                errors.push(format!("a rule has no {key}"));
            }
        }
    }
}

fn binding(object: &Value, errors: &mut Vec<String>) {
    for key in ["apiGroup", "kind", "name"] {
        if text(&object["roleRef"], key).is_empty() {
            errors.push(format!("roleRef has no {key}"));
        }
    }
    if object["subjects"].as_array().is_none_or(Vec::is_empty) {
        errors.push("a binding has subjects".into());
    }
}
