//! What differs between a prediction and a record.

use crate::record::{Kind, Record};
use kubectl_infer::kubernetes::quantity;
use kubectl_infer::pods::NODE_LABEL;
use kubectl_infer::pods::resolve::fits;
use serde_json::{Map, Value, json};

/// What the API server and the scheduler add to pods that do not say otherwise, wherever it stands. A prediction is the pod as
/// its controllers and webhooks write it.
fn is_default(path: &str, key: &str, value: &Value) -> bool {
    let known = match key {
        "terminationMessagePath" => json!("/dev/termination-log"),
        "terminationMessagePolicy" => json!("File"),
        "dnsPolicy" => json!("ClusterFirst"),
        "restartPolicy" if path == "spec" => json!("Always"),
        "schedulerName" => json!("default-scheduler"),
        "terminationGracePeriodSeconds" if path == "spec" => json!(30),
        "enableServiceLinks" => json!(true),
        "preemptionPolicy" => json!("PreemptLowerPriority"),
        "protocol" => json!("TCP"),
        "scheme" => json!("HTTP"),
        "successThreshold" | "timeoutSeconds" => json!(1),
        "failureThreshold" => json!(3),
        "periodSeconds" => json!(10),
        "defaultMode" => json!(420),
        "expirationSeconds" => json!(3607),
        "apiVersion" => json!("v1"),
        "divisor" => json!("0"),
        "service" | "path" | "type" => return [json!(""), json!("/")].contains(value),
        "imagePullPolicy" => return [json!("Always"), json!("IfNotPresent")].contains(value),
        "priority" => return value.is_number(),
        "serviceAccountName" | "serviceAccount" => json!("default"),
        _ => return is_empty(value),
    };
    *value == known || is_empty(value)
}

/// What Go leaves out when it writes an object, or keeps as nothing.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(b) => !b,
        Value::Number(n) => n.as_i64() == Some(0),
        Value::String(s) => s.is_empty(),
        Value::Array(a) => a.is_empty(),
        Value::Object(o) => o.is_empty(),
    }
}

/// All differences of a record; none if the prediction is exact.
pub fn outcome(record: &Record, predicted: &Value) -> Vec<String> {
    let empty = Vec::new();
    let workloads = predicted["workloads"].as_array().unwrap_or(&empty);
    let pods = predicted["pods"].as_array().unwrap_or(&empty);
    let verdicts = |word: &str| -> Vec<String> {
        let of = workloads.iter().filter(|w| w["outcome"] == word);
        of.map(|w| format!("{} {}: {} {}", word, w["name"], w["code"], w["reason"]))
            .collect()
    };
    let (rejected, none) = (verdicts("rejected"), verdicts("none"));
    match record.kind() {
        Kind::Refused if rejected.is_empty() => vec![format!(
            "not refused ({} workloads, {} pods) {none:?}; really: {:.300}",
            workloads.len(),
            pods.len(),
            record.errors
        )],
        Kind::Refused => Vec::new(),
        _ if !rejected.is_empty() => rejected,
        Kind::None if !pods.is_empty() => vec![format!("{} pods predicted, none came", pods.len())],
        // What is judged and taken, and becomes no pods by its kind, is no workload.
        Kind::None if workloads.is_empty() && predicted["known"] == true => Vec::new(),
        Kind::None if workloads.is_empty() => vec!["no workload found".to_owned()],
        Kind::None => Vec::new(),
        Kind::Pods if pods.len() != record.pods.len() => {
            let mut all = vec![format!(
                "{} pods predicted, {} real",
                pods.len(),
                record.pods.len()
            )];
            all.extend(none);
            all
        }
        Kind::Pods => self::pods(pods, &record.pods),
    }
}

fn name(pod: &Value) -> &str {
    pod.get("name")
        .or(pod.get("namePattern"))
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn pods(predicted: &[Value], real: &[Value]) -> Vec<String> {
    let mut open: Vec<&Value> = real.iter().collect();
    let mut sorted: Vec<&Value> = predicted.iter().collect();
    sorted.sort_by_key(|p| p.get("name").is_none());
    let mut all = Vec::new();
    for pod in sorted {
        let named = |t: &Value| fits(name(pod), t["metadata"]["name"].as_str().unwrap_or_default());
        let best = open
            .iter()
            .enumerate()
            .filter(|(_, t)| named(t))
            .max_by_key(|(n, t)| (alike(pod, t), std::cmp::Reverse(*n)));
        match best.map(|(n, _)| n) {
            Some(n) => {
                let real = open.swap_remove(n);
                all.extend(
                    self::pod(pod, real)
                        .into_iter()
                        .map(|d| format!("{}: {d}", name(pod))),
                );
            }
            None => all.push(format!("no pod is called {}", name(pod))),
        }
    }
    all.extend(
        open.iter()
            .take(3)
            .map(|t| format!("not predicted: {}", t["metadata"]["name"])),
    );
    all
}

/// How well a pod fits, among those whose random name would.
fn alike(predicted: &Value, real: &Value) -> usize {
    let in_common = |part: &str| {
        let entries = predicted[part].as_object().into_iter().flatten();
        entries
            .filter(|(k, v)| same(v, &real["metadata"][part][k.as_str()]))
            .count()
    };
    let hostname = same_text(&predicted["hostname"], &real["spec"]["hostname"]);
    in_common("labels") + in_common("annotations") + usize::from(hostname)
}

fn same_text(a: &Value, b: &Value) -> bool {
    match (a, b) {
        // The label of a node that nobody knows before.
        (Value::String(a), Value::String(_)) if a == NODE_LABEL => true,
        // Some records put `HASH` in the place of the whole value.
        (Value::String(a), Value::String(b)) => fits(a, b) || b == "HASH" && a.contains("<hash>"),
        _ => a == b,
    }
}

fn same(predicted: &Value, real: &Value) -> bool {
    same_text(predicted, real) || (is_empty(predicted) && is_empty(real))
}

const ZONES: [&str; 2] = ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"];
const OURS: [&str; 10] = [
    "workload",
    "slice",
    "role",
    "replica",
    "member",
    "index",
    "name",
    "namePattern",
    "labels",
    "annotations",
];

fn pod(predicted: &Value, real: &Value) -> Vec<String> {
    let mut all = Vec::new();
    let metadata = &real["metadata"];
    if real["spec"].get("containers").is_none() {
        // Large records keep little of most pods.
        return all;
    }
    if !same(&predicted["generateName"], &metadata["generateName"]) {
        all.push(format!(
            "generateName {} really {}",
            predicted["generateName"], metadata["generateName"]
        ));
    }
    for part in ["labels", "annotations"] {
        let none = Map::new();
        let (ours, theirs) = (
            predicted[part].as_object().unwrap_or(&none),
            metadata[part].as_object().unwrap_or(&none),
        );
        let keys = ours
            .keys()
            .chain(theirs.keys().filter(|k| !ours.contains_key(*k)));
        for key in keys.filter(|k| !ZONES.contains(&k.as_str())) {
            let (a, b) = (&ours.get(key), &theirs.get(key));
            if a.is_none() || b.is_none() || !a.zip(*b).is_some_and(|(a, b)| same_text(a, b)) {
                all.push(format!("{part} {key}: {} really {}", show(*a), show(*b)));
            }
        }
    }
    let mut spec: Map<String, Value> = predicted.as_object().cloned().unwrap_or_default();
    spec.retain(|k, _| !OURS.contains(&k.as_str()) && k != "generateName");
    let mut theirs = real["spec"].clone();
    settle(&mut theirs);
    let mut ours = Value::Object(spec);
    request_limits(&mut ours);
    if ours["hostNetwork"] == true {
        host_ports(&mut ours);
    }
    agree(&ours, &theirs, "spec", &mut all);
    all
}

fn show(value: Option<&Value>) -> String {
    value.map_or_else(|| "absent".to_owned(), |v| format!("{v:.120}"))
}

/// Takes out what every pod gets.
fn settle(spec: &mut Value) {
    // The older name of the same field.
    if spec["serviceAccount"] == spec["serviceAccountName"]
        && let Some(spec) = spec.as_object_mut()
    {
        spec.remove("serviceAccount");
    }
    if let Some(tolerations) = spec.get_mut("tolerations").and_then(Value::as_array_mut) {
        let added = |t: &Value| {
            t["tolerationSeconds"] == 300
                && t["effect"] == "NoExecute"
                && t["key"]
                    .as_str()
                    .is_some_and(|k| k.starts_with("node.kubernetes.io/"))
        };
        tolerations.retain(|t| !added(t));
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
        let affinity = spec.pointer_mut(&format!("/affinity/{kind}"));
        if let Some(affinity) = affinity {
            resolved_label_keys(affinity);
        }
    }
}

/// `matchLabelKeys` become expressions of the selector when a pod is made.
fn resolved_label_keys(affinity: &mut Value) {
    let terms = affinity.as_object_mut().into_iter().flatten();
    for term in terms.filter_map(|(_, terms)| terms.as_array_mut()).flatten() {
        let term = match term.get("podAffinityTerm") {
            Some(_) => &mut term["podAffinityTerm"],
            None => term,
        };
        let keys: Vec<Value> = ["matchLabelKeys", "mismatchLabelKeys"]
            .iter()
            .filter_map(|k| term.get(k)?.as_array())
            .flatten()
            .cloned()
            .collect();
        let expressions = term.pointer_mut("/labelSelector/matchExpressions");
        if let Some(expressions) = expressions.and_then(Value::as_array_mut) {
            expressions.retain(|e| !keys.contains(&e["key"]));
        }
    }
}

/// On the network of the node, ports are those of the node.
fn host_ports(spec: &mut Value) {
    for key in ["containers", "initContainers"] {
        for container in spec
            .get_mut(key)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            let ports = container.get_mut("ports").and_then(Value::as_array_mut);
            for port in ports.into_iter().flatten() {
                if port["hostPort"].is_null() {
                    port["hostPort"] = port["containerPort"].clone();
                }
            }
        }
    }
}

/// Limits are requests where those are not given.
fn request_limits(spec: &mut Value) {
    for key in ["containers", "initContainers"] {
        for container in spec
            .get_mut(key)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            let Some(limits) = container["resources"]["limits"].as_object().cloned() else {
                continue;
            };
            if container["resources"]["requests"].is_null() {
                container["resources"]["requests"] = json!({});
            }
            for (resource, amount) in limits {
                let requests = &mut container["resources"]["requests"];
                if requests.get(&resource).is_none() {
                    requests[resource] = amount;
                }
            }
        }
    }
}

/// Compares trees: what is predicted must be there, what is there beyond must be a default.
fn agree(ours: &Value, theirs: &Value, path: &str, all: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            for (key, value) in a {
                let below = format!("{path}.{key}");
                match b.get(key) {
                    Some(other) => agree(value, other, &below, all),
                    // Some records leave out what the API server writes as a default.
                    None if is_empty(value) || is_default(path, key, value) => {}
                    None => all.push(format!("{below}: {value:.200} really absent")),
                }
            }
            for (key, value) in b.iter().filter(|(k, _)| !a.contains_key(*k)) {
                if !is_default(path, key, value) {
                    all.push(format!("{path}.{key}: absent, really {value:.300}"));
                }
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (n, (a, b)) in a.iter().zip(b).enumerate() {
                let name = b
                    .get("name")
                    .and_then(Value::as_str)
                    .map_or_else(|| n.to_string(), str::to_owned);
                agree(a, b, &format!("{path}[{name}]"), all);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            let names = |list: &[Value]| -> Vec<String> {
                list.iter()
                    .map(|v| v.get("name").unwrap_or(v).to_string())
                    .collect()
            };
            all.push(format!("{path}: {:?} really {:?}", names(a), names(b)));
        }
        _ if same(ours, theirs) || same_quantity(path, ours, theirs) => {}
        _ => all.push(format!("{path}: {ours:.300} really {theirs:.300}")),
    }
}

fn same_quantity(path: &str, ours: &Value, theirs: &Value) -> bool {
    let text = |v: &Value| match v {
        Value::String(s) => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        _ => None,
    };
    let amounts = path.contains(".limits.") || path.contains(".requests.") || path.ends_with("sizeLimit");
    let canonical = |v: &Value| text(v).and_then(|t| quantity::canonical(&t));
    amounts && canonical(ours).is_some() && canonical(ours) == canonical(theirs)
}
