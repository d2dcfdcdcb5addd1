//! Objects beside ModelServings: what the schema and the webhooks refuse of them. They become no pods themselves.

use super::codes::{REMOVED, ROUTE};
use super::place::{place, text};
use super::schema;
use super::{pods, policy, read};
use crate::dialect::Context;
use crate::dialect::shared::schema::Settled;
use crate::kubernetes::container::list;
use crate::kubernetes::names::{label_value, qualified_key};
use crate::pods::{Expansion, Problem};
use crate::source::Document;
use crate::value::{Ids, Node};

/// The API group of workloads and policies.
const WORKLOAD: &str = "workload.serving.volcano.sh/v1alpha1";
/// The API group of routing.
const NETWORKING: &str = "networking.serving.volcano.sh/v1alpha1";

/// Whether Kthena's admission judges objects of this kind.
pub fn judged(api_version: &str, kind: &str) -> bool {
    match api_version {
        WORKLOAD => ["AutoscalingPolicy", "AutoscalingPolicyBinding"].contains(&kind),
        NETWORKING => ["ModelServer", "ModelRoute", "ExternalModelProvider"].contains(&kind),
        _ => false,
    }
}

/// Judges an object of one of these kinds.
pub fn judge(document: &Document, cx: &mut Context<'_>) -> Expansion {
    let mut root = document.root.clone();
    let kind = root
        .get("kind")
        .and_then(Node::as_str)
        .unwrap_or_default()
        .to_owned();
    let Settled {
        mut problems,
        dropped,
        ..
    } = schema::settle(&mut root, &kind);
    read::name(&root, &mut problems);
    pods::say_dropped(&dropped, cx.ledger);
    if problems.is_empty() {
        match kind.as_str() {
            "AutoscalingPolicy" => policy::admit(&root, &mut problems),
            "AutoscalingPolicyBinding" => {
                let reason = "there is no AutoscalingPolicyBinding since Kthena 1.0: put its target into the AutoscalingPolicy";
                problems.push(Problem::new(&REMOVED, reason, &root.ids));
            }
            "ModelServer" => server(&root, &mut problems),
            "ModelRoute" => route(&root, &mut problems),
            _ => provider(&root, &mut problems),
        }
    }
    let mut expansion = Expansion::default();
    expansion.reject_all(problems, cx.ledger);
    expansion
}

/// Labels of a ModelServer: at least one, and all of them valid.
fn selector(root: &Node, path: &[&str], problems: &mut Vec<Problem>) {
    let ids = place(root, path);
    let name = path.join(".");
    let labels = root.at(path).and_then(Node::as_map).filter(|map| !map.is_empty());
    let Some(labels) = labels else {
        problems.push(Problem::new(
            &ROUTE,
            format!("`{name}` has no label to select by"),
            &ids,
        ));
        return;
    };
    for (key, value) in labels {
        let checked = qualified_key(key).and_then(|()| label_value(value.as_str().unwrap_or_default()));
        if let Err(why) = checked {
            problems.push(Problem::new(
                &ROUTE,
                format!("`{key}` of `{name}` is no label: {why}"),
                &value.ids,
            ));
        }
    }
}

fn server(root: &Node, problems: &mut Vec<Problem>) {
    selector(root, &["spec", "workloadSelector", "matchLabels"], problems);
    let group = ["spec", "workloadSelector", "pdGroup"];
    let Some(group) = root.at(&group) else { return };
    if text(group, &["groupKey"]).is_empty() {
        problems.push(Problem::new(&ROUTE, "`pdGroup.groupKey` is empty", &group.ids));
    }
    for key in ["prefillLabels", "decodeLabels"] {
        selector(root, &["spec", "workloadSelector", "pdGroup", key], problems);
    }
}

fn route(root: &Node, problems: &mut Vec<Problem>) {
    let spec = root.get("spec").cloned().unwrap_or_default();
    let adapters = list(&spec, "loraAdapters");
    if text(&spec, &["modelName"]).is_empty() && adapters.is_empty() {
        let reason = "neither `modelName` nor `loraAdapters` says what the route is for";
        problems.push(Problem::new(&ROUTE, reason, &spec.ids));
    }
    for adapter in adapters.iter().filter(|a| a.as_str() == Some("")) {
        problems.push(Problem::new(
            &ROUTE,
            "the name of an adapter is empty",
            &adapter.ids,
        ));
    }
    for rule in list(&spec, "rules") {
        targets(rule, !adapters.is_empty(), problems);
        let matches = rule.get("modelMatch");
        let headers = matches.and_then(|m| m.get("headers")).and_then(Node::as_map);
        let conditions = headers.into_iter().flatten().map(|(_, c)| c);
        let conditions = conditions.chain(matches.and_then(|m| m.get("uri")));
        for regex in conditions.filter_map(|c| c.get("regex")) {
            if let Some(why) = super::regex::refused(regex.as_str().unwrap_or_default()) {
                problems.push(Problem::new(
                    &ROUTE,
                    format!("the regular expression does not compile: {why}"),
                    &regex.ids,
                ));
            }
        }
    }
}

fn targets(rule: &Node, adapters: bool, problems: &mut Vec<Problem>) {
    let all = list(rule, "targetModels");
    for target in all {
        let (server, provider) = (
            text(target, &["modelServerName"]),
            text(target, &["externalModelProviderName"]),
        );
        if server.is_empty() == provider.is_empty() {
            let reason = "a target is exactly one of `modelServerName` and `externalModelProviderName`";
            problems.push(Problem::new(&ROUTE, reason, &target.ids));
        } else if adapters && !provider.is_empty() {
            let reason = "a route with `loraAdapters` cannot target an external provider";
            problems.push(Problem::new(
                &ROUTE,
                reason,
                &place(target, &["externalModelProviderName"]),
            ));
        }
    }
    let weight = |t: &Node| t.get("weight").and_then(Node::as_int).unwrap_or(100);
    if all.iter().map(weight).sum::<i64>() == 0 {
        problems.push(Problem::new(
            &ROUTE,
            "the weights of a rule are all 0",
            &place(rule, &["targetModels"]),
        ));
    }
}

/// Headers that would carry credentials or change how requests travel (`pkg/kthena-router/common/provider_headers.go`).
const HEADERS: [&str; 13] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-api-key",
    "host",
    "content-length",
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
    "trailer",
    "te",
];

fn provider(root: &Node, problems: &mut Vec<Problem>) {
    let mut refuse = |reason: String, ids: &Ids| problems.push(Problem::new(&ROUTE, reason, ids));
    let url = text(root, &["spec", "baseURL"]);
    let rest = url.strip_prefix("https://").unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.is_empty() || host.contains(' ') {
        refuse(
            format!("`{url}` is no https URL"),
            &place(root, &["spec", "baseURL"]),
        );
    } else if host.contains('@') || rest.contains(['?', '#']) {
        let reason = "`baseURL` has user information, a query or a fragment".to_owned();
        refuse(reason, &place(root, &["spec", "baseURL"]));
    }
    let headers = root.at(&["spec", "headers"]).and_then(Node::as_map);
    for (name, value) in headers.into_iter().flatten() {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(token) {
            refuse(format!("`{name}` is no name of a header"), &value.ids);
        } else if HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            refuse(format!("the header `{name}` is reserved"), &value.ids);
        }
        if value.as_str().is_some_and(|v| v.contains(['\r', '\n'])) {
            refuse(
                format!("the value of header `{name}` has a line break"),
                &value.ids,
            );
        }
    }
    let Some(secret) = root.at(&["spec", "auth", "secretRef"]) else {
        return;
    };
    for key in ["name", "key"] {
        if text(secret, &[key]).is_empty() {
            refuse(format!("`auth.secretRef.{key}` is empty"), &secret.ids);
        }
    }
    if let Some(optional) = secret.get("optional").filter(|o| o.as_bool() == Some(true)) {
        refuse(
            "`auth.secretRef.optional` cannot be true".to_owned(),
            &optional.ids,
        );
    }
}
