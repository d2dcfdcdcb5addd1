//! How requests reach a ModelBooster: its ModelServer and its ModelRoute
//! (`pkg/model-booster-controller/convert/{model_server,model_route}.go`).

use super::admit::protocol;
use super::read::ModelBooster;
use super::serving::metadata;
use crate::dialect::kthena::children::map;
use crate::dialect::kthena::schema;
use crate::pods::Child;
use crate::value::{Map, Node, Str};

const API_VERSION: &str = "networking.serving.volcano.sh/v1alpha1";

/// Both objects.
pub fn objects(booster: &ModelBooster) -> [Child; 2] {
    let backend = booster.backend.name.node();
    let name = booster.child_name();
    let server = metadata(booster, name.node(), &backend);
    let route = metadata(booster, booster.name.node(), &"".into());
    [
        child(booster, "ModelServer", name.value, server, self::server(booster)),
        child(
            booster,
            "ModelRoute",
            booster.name.value.clone(),
            route,
            self::route(booster),
        ),
    ]
}

fn child(booster: &ModelBooster, kind: &str, name: Str, metadata: Node, spec: Node) -> Child {
    let mut object = map([("metadata", metadata), ("spec", spec)]);
    schema::settle(&mut object, kind);
    Child {
        api_version: API_VERSION.into(),
        kind: kind.into(),
        name,
        owner: (super::KIND.into(), booster.name.value.clone()),
        object,
    }
}

/// It selects all pods of the booster, workers among them.
fn server(booster: &ModelBooster) -> Node {
    let backend = &booster.backend;
    let labels = Map::from_iter([("workload.serving.volcano.sh/model-uid", Node::from("<hash>"))]);
    let mut selector = map([("matchLabels", labels.into())]);
    if backend.is_disaggregated() {
        let role = |role: &str| map([("modelserving.volcano.sh/role", role.into())]);
        let group = map([
            ("groupKey", "modelserving.volcano.sh/group-name".into()),
            ("prefillLabels", role("prefill")),
            ("decodeLabels", role("decode")),
        ]);
        selector.set("pdGroup", group);
    }
    let retry = map([("attempts", 5_i64.into()), ("retryInterval", "0s".into())]);
    let mut spec = map([
        ("inferenceEngine", "vLLM".into()),
        ("model", served(booster)),
        ("workloadSelector", selector),
        ("workloadPort", map([("port", backend.port().node())])),
        ("trafficPolicy", map([("retry", retry)])),
    ]);
    let connector = backend.worker("decode").map(|w| w.transfer("kv_connector"));
    if let Some(protocol) = connector.as_deref().and_then(protocol) {
        spec.set("kvConnector", map([("type", protocol.into())]));
    }
    spec
}

/// The name by which the engine knows its model.
fn served(booster: &ModelBooster) -> Node {
    let answering = booster
        .backend
        .workers
        .iter()
        .filter(|w| ["server", "decode"].contains(&w.kind.value.as_str()));
    let mut names = answering.filter_map(|w| w.config.get("served-model-name"));
    let name = names.find(|n| n.as_str().is_some());
    name.cloned().unwrap_or_else(|| booster.name.node())
}

fn route(booster: &ModelBooster) -> Node {
    let name = if booster.model_name.value.is_empty() {
        &booster.name
    } else {
        &booster.model_name
    };
    let target = map([("modelServerName", booster.child_name().node())]);
    let mut rule = map([("name", "default".into()), ("targetModels", vec![target].into())]);
    if let Some(matches) = &booster.model_match {
        rule.set("modelMatch", matches.clone());
    }
    map([("modelName", name.node()), ("rules", vec![rule].into())])
}
