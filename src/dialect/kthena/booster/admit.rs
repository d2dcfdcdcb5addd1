//! What Kthena's webhook refuses of a ModelBooster (`pkg/model-booster-controller/webhook/model_validator.go`). The ModelServing
//! that comes of it is judged when it is made.

use crate::dialect::kthena::codes::{BOOSTER, IMAGE, SCHEMA};
use crate::dialect::kthena::place::{place, text};
use crate::kubernetes::container::list;
use crate::pods::Problem;
use crate::value::{Ids, Node, Value};

/// Everything that is refused, beyond types and bounds.
pub fn admit(root: &Node, problems: &mut Vec<Problem>) {
    let Some(backend) = root.at(&["spec", "backend"]) else {
        let reason = "the ModelBooster has no `spec.backend`, so nothing can be made of it";
        problems.push(Problem::new(&BOOSTER, reason, &root.ids));
        return;
    };
    let workers = list(backend, "workers");
    variables(backend, problems);
    images(workers, problems);
    kinds(backend, workers, problems);
    ports(workers, problems);
    cache(backend, problems);
    connectors(workers, problems);
}

fn kind(worker: &Node) -> &str {
    text(worker, &["type"])
}

fn refuse(problems: &mut Vec<Problem>, reason: impl Into<String>, ids: &Ids) {
    problems.push(Problem::new(&BOOSTER, reason, ids));
}

/// The schema has variables as a set by name.
fn variables(backend: &Node, problems: &mut Vec<Problem>) {
    let all = list(backend, "env");
    for (at, entry) in all.iter().enumerate() {
        let name = text(entry, &["name"]);
        if all[..at].iter().any(|other| text(other, &["name"]) == name) {
            problems.push(Problem::new(
                &SCHEMA,
                format!("two variables are called `{name}`"),
                &entry.ids,
            ));
        }
    }
}

fn images(workers: &[Node], problems: &mut Vec<Problem>) {
    for image in workers.iter().filter_map(|w| w.get("image")) {
        let name = image.as_str().unwrap_or_default();
        if name.contains(char::is_whitespace) {
            let reason = format!("the image `{name}` has a blank in it");
            problems.push(Problem::new(&IMAGE, reason, &image.ids));
        }
    }
}

fn kinds(backend: &Node, workers: &[Node], problems: &mut Vec<Problem>) {
    let disaggregated = text(backend, &["type"]) == "vLLMDisaggregated";
    if !disaggregated && workers.len() != 1 {
        let reason = format!(
            "a backend of type vLLM has exactly one worker, not {}",
            workers.len()
        );
        return refuse(problems, reason, &place(backend, &["workers"]));
    }
    let wanted: &[&str] = if disaggregated {
        &["prefill", "decode"]
    } else {
        &["server"]
    };
    for worker in workers.iter().filter(|w| !wanted.contains(&kind(w))) {
        let reason = format!(
            "a worker of type {} does not fit the backend, only {}",
            kind(worker),
            wanted.join(" and ")
        );
        refuse(problems, reason, &place(worker, &["type"]));
    }
}

/// All workers serve on one port.
fn ports(workers: &[Node], problems: &mut Vec<Problem>) {
    let mut first: Option<i64> = None;
    for worker in workers
        .iter()
        .filter(|w| ["server", "prefill", "decode"].contains(&kind(w)))
    {
        if let Some(config) = worker
            .get("config")
            .filter(|c| !c.is_null() && c.as_map().is_none())
        {
            let reason = format!("`config` of worker {} is no mapping", kind(worker));
            return refuse(problems, reason, &config.ids);
        }
        let given = worker.at(&["config", "port"]);
        let ids = place(worker, &["config", "port"]);
        let port = match given.map(|n| &n.value) {
            None => Some(8000),
            Some(Value::Int(n)) => Some(*n),
            Some(Value::Str(text)) => text.parse().ok(),
            Some(_) => None,
        };
        let Some(port) = port.filter(|n| (1..=65535).contains(n)) else {
            return refuse(
                problems,
                format!("the port of worker {} is none", kind(worker)),
                &ids,
            );
        };
        if first.is_some_and(|first| first != port) {
            let reason = format!(
                "the workers have different ports: {} and {port}",
                first.unwrap_or_default()
            );
            return refuse(problems, reason, &ids);
        }
        first = Some(port);
    }
}

/// A model on a volume claim must be inside the cache, which is all that the downloader sees.
fn cache(backend: &Node, problems: &mut Vec<Problem>) {
    let (model, cache) = (text(backend, &["modelURI"]), text(backend, &["cacheURI"]));
    let Some(path) = model.strip_prefix("pvc://") else {
        return;
    };
    let (at_model, at_cache) = (place(backend, &["modelURI"]), place(backend, &["cacheURI"]));
    let Some(claim) = cache.strip_prefix("pvc://") else {
        let reason = "a model on a volume claim needs a `cacheURI` of the same claim (pvc://)";
        return refuse(problems, reason, &at_cache);
    };
    if path.split('/').any(|step| step == "..") {
        return refuse(problems, "the path of the model has `..` in it", &at_model);
    }
    let claim = claim.trim_matches('/');
    if claim.is_empty() || claim.contains('/') {
        let reason = format!("`{cache}` is not the name of one claim");
        return refuse(problems, reason, &at_cache);
    }
    let mut steps = path.split('/').filter(|step| !step.is_empty() && *step != ".");
    if steps.next() != Some(claim) {
        let reason = format!("`{model}` is outside of the cache, which is mounted at `/{claim}`");
        refuse(problems, reason, &at_model);
    }
}

/// Connectors that kthena-router speaks, each with the protocol that it is spoken by.
const CONNECTORS: [(&str, &str); 4] = [
    ("LMCacheConnectorV1", "lmcache"),
    ("MooncakeConnector", "mooncake"),
    ("MooncakeConnectorV1", "mooncake"),
    ("NixlConnector", "nixl"),
];

/// The protocol of a connector, if kthena-router speaks it.
pub fn protocol(connector: &str) -> Option<&'static str> {
    let found = CONNECTORS.iter().find(|(known, _)| *known == connector);
    found.map(|(_, protocol)| *protocol)
}

fn connectors(workers: &[Node], problems: &mut Vec<Problem>) {
    let mut found: Vec<(&Node, Option<&str>)> = Vec::new();
    for (role, kv_role) in [("prefill", "kv_producer"), ("decode", "kv_consumer")] {
        let mut own = workers.iter().filter(|w| kind(w) == role);
        let Some(worker) = own.next() else { continue };
        if let Some(second) = own.next() {
            return refuse(problems, format!("a second {role} worker"), &second.ids);
        }
        match connector(worker, kv_role) {
            Ok(protocol) => found.push((worker, protocol)),
            Err(reason) => {
                return refuse(
                    problems,
                    reason,
                    &place(worker, &["config", "kv-transfer-config"]),
                );
            }
        }
    }
    // A missing worker has no connector.
    let protocols: Vec<Option<&str>> = found.iter().map(|(_, p)| *p).collect();
    let agree = match protocols[..] {
        [one] => one.is_none(),
        [one, two] => one == two,
        _ => true,
    };
    if !agree && let Some((worker, _)) = found.last() {
        let reason = "prefill and decode must have the same connector in `kv-transfer-config`";
        refuse(
            problems,
            reason,
            &place(worker, &["config", "kv-transfer-config"]),
        );
    }
}

/// The protocol of a worker's connector, if it has one.
fn connector(worker: &Node, kv_role: &str) -> Result<Option<&'static str>, String> {
    let Some(config) = worker
        .at(&["config", "kv-transfer-config"])
        .filter(|n| !n.is_null())
    else {
        return Ok(None);
    };
    let Some(config) = config.as_str() else {
        return Err("`kv-transfer-config` is JSON in a string".to_owned());
    };
    let config: serde_json::Value =
        serde_json::from_str(config).map_err(|error| format!("`kv-transfer-config` is no JSON: {error}"))?;
    let word = |key: &str| {
        config
            .get(key)
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default()
    };
    let name = word("kv_connector");
    let Some(protocol) = protocol(name) else {
        let known: Vec<&str> = CONNECTORS.iter().map(|(known, _)| *known).collect();
        return Err(format!("`{name}` is none of the connectors {}", known.join(", ")));
    };
    if ![kv_role, "kv_both"].contains(&word("kv_role")) {
        let reason = format!(
            "`kv_role` of a {} worker is {kv_role} or kv_both, not `{}`",
            kind(worker),
            word("kv_role")
        );
        return Err(reason);
    }
    Ok(Some(protocol))
}
