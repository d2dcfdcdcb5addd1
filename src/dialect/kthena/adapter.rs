//! LeaderWorkerSets where Kthena's adapter runs: each becomes a ModelServing of the same name
//! (`pkg/model-serving-controller/controller/lws_controller.go`). LWS's own controller and webhooks do not run there.

use super::children::map;
use super::codes::{NOT_ADAPTED, TAKEN_OVER};
use super::made::{self, Made};
use super::options::Platform;
use super::pods::{self, platform};
use crate::diagnostic::{Diagnostic, Ledger};
use crate::dialect::lws::codes::SCHEMA;
use crate::dialect::lws::read::{self, LeaderWorkerSet};
use crate::dialect::{self, Context};
use crate::kubernetes::names::dns_subdomain;
use crate::pods::template::judge;
use crate::pods::{Expansion, Problem, Scene};
use crate::source::Document;
use crate::value::{Ids, Node, Value};

/// The apiVersion that the adapter watches.
pub const API_VERSION: &str = "leaderworkerset.x-k8s.io/v1";
/// The kind.
pub const KIND: &str = "LeaderWorkerSet";

/// Whether the adapter runs. What else the Platform says of Kthena is read, and judged, when something is expanded.
pub fn runs(platform: &dialect::platform::Platform) -> bool {
    let on = platform.spec.at(&["kthena", "leaderWorkerSets"]);
    on.and_then(Node::as_bool) == Some(true)
}

/// Whether it makes a ModelServing of an object.
pub fn watches(object: &Node) -> bool {
    let text = |key: &str| object.get(key).and_then(Node::as_str);
    text("apiVersion") == Some(API_VERSION) && text("kind") == Some(KIND)
}

/// Expands a LeaderWorkerSet of the input.
pub fn expand(document: &Document, scene: &Scene<'_>, cx: &mut Context<'_>) -> Expansion {
    let platform = platform(cx);
    let mut problems = Vec::new();
    let set = read::read(&document.root, &mut problems);
    read::unknown_fields(&document.root, cx.ledger);
    problems.extend(refused(&set, &document.root.ids));
    let mut expansion = Expansion::default();
    expansion.reject_all(problems, cx.ledger);
    if !expansion.is_open() {
        return expansion;
    }
    say_ignored(&document.root, cx.ledger);
    let namespace = scene.namespace_of(&document.root);
    let name = &set.name.value;
    let other = made::stranger(scene, &namespace, name, (KIND, name));
    let metadata = match other.and_then(|d| d.root.get("metadata")) {
        // One that is there keeps its metadata; without an owner, the plugin that sets the labels of LWS does nothing.
        Some(metadata) => metadata.clone(),
        None => metadata(&set),
    };
    let made = Made {
        root: model_serving(&set, metadata, &platform, &document.root.ids),
        owner: (KIND, name.clone()),
        namespace,
        ids: &document.root.ids,
        scaled: false,
    };
    made::expand(made, [], scene, &platform, &mut expansion, cx.ledger);
    expansion
}

/// What the API server refuses without any webhook, beyond the fields of the set itself.
fn refused(set: &LeaderWorkerSet, ids: &Ids) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Err(why) = dns_subdomain(&set.name.value.replace("<random:5>", "xxxxx")) {
        let reason = format!("`{}` cannot name a LeaderWorkerSet: {why}", set.name.value);
        problems.push(Problem::new(&SCHEMA, reason, &set.name.ids));
    }
    let templates = set.leader.iter().chain([&set.worker]);
    for template in templates.filter(|t| t.as_map().is_some()) {
        let judgement = judge(template, &[], &SCHEMA, ids);
        problems.extend(judgement.schema.into_iter().chain(judgement.floats));
    }
    problems
}

fn metadata(set: &LeaderWorkerSet) -> Node {
    let owner = map([
        ("apiVersion", API_VERSION.into()),
        ("kind", KIND.into()),
        ("name", set.name.node()),
        ("controller", true.into()),
    ]);
    map([("name", set.name.node()), ("ownerReferences", vec![owner].into())])
}

fn model_serving(set: &LeaderWorkerSet, metadata: Node, platform: &Platform, ids: &Ids) -> Node {
    let workers = set.size.map(|size| size.saturating_sub(1).max(0));
    let role = map([
        ("name", Node::derived("default", ids)),
        ("replicas", 1_i64.into()),
        ("workerReplicas", workers.node()),
        (
            "entryTemplate",
            template(set.leader.as_ref().unwrap_or(&set.worker)),
        ),
        ("workerTemplate", template(&set.worker)),
    ]);
    let plugin = map([("name", "lws-standard-labels".into()), ("type", "BuiltIn".into())]);
    let mut spec = map([
        ("replicas", set.replicas.node()),
        ("plugins", vec![plugin].into()),
        ("template", map([("roles", vec![role].into())])),
    ]);
    if !platform.has_default_scheduler() {
        spec.set("schedulerName", "");
    }
    map([
        ("apiVersion", "workload.serving.volcano.sh/v1alpha1".into()),
        ("kind", pods::KIND.into()),
        ("metadata", metadata),
        ("spec", spec),
    ])
}

/// Labels, annotations and the PodSpec of a template.
fn template(from: &Node) -> Node {
    let mut metadata = Node::map();
    for key in ["labels", "annotations"] {
        if let Some(entries) = from.at(&["metadata", key]) {
            metadata.set(key, entries.clone());
        }
    }
    map([
        ("metadata", metadata),
        ("spec", from.get("spec").cloned().unwrap_or_else(Node::map)),
    ])
}

/// Names what the adapter drops.
fn say_ignored(root: &Node, ledger: &mut Ledger) {
    const DROPPED: [&[&str]; 7] = [
        &["spec", "startupPolicy"],
        &["spec", "rolloutStrategy"],
        &["spec", "networkConfig"],
        &["spec", "leaderWorkerTemplate", "restartPolicy"],
        &["spec", "leaderWorkerTemplate", "subGroupPolicy"],
        &["spec", "leaderWorkerTemplate", "volumeClaimTemplates"],
        &[
            "spec",
            "leaderWorkerTemplate",
            "persistentVolumeClaimRetentionPolicy",
        ],
    ];
    let mut say = |message: String, ids: &Ids| {
        ledger.report(Diagnostic::new(&NOT_ADAPTED, message).at_ids(ids));
    };
    for path in DROPPED {
        if let Some(node) = root.at(path).filter(|n| !n.is_null()) {
            say(format!("Kthena's adapter drops `{}`", path.join(".")), &node.ids);
        }
    }
    for key in [read::EXCLUSIVE, read::SUBGROUP_EXCLUSIVE] {
        if let Some(node) = root.at(&["metadata", "annotations", key]) {
            say(
                format!("Kthena's adapter drops the annotation `{key}`"),
                &node.ids,
            );
        }
    }
    let Some(templates) = root.at(&["spec", "leaderWorkerTemplate"]) else {
        return;
    };
    const VARIABLES: [&str; 3] = ["LWS_LEADER_ADDRESS", "LWS_GROUP_SIZE", "LWS_WORKER_INDEX"];
    templates.walk(&mut |node| {
        let Value::Str(text) = &node.value else { return };
        for name in VARIABLES.iter().filter(|name| text.contains(**name)) {
            say(format!("Kthena's adapter sets no variable `{name}`"), &node.ids);
        }
    });
}

/// The verdict on a ModelServing of the input that a LeaderWorkerSet of the input overwrites, if one does.
pub fn taken_over(root: &Node, namespace: &str, scene: &Scene<'_>, platform: &Platform) -> Option<Problem> {
    if !platform.adapts_leader_worker_sets() {
        return None;
    }
    let name = |root: &Node| root.at(&["metadata", "name"]).cloned();
    let own = name(root)?;
    let set = scene
        .of_kind(KIND, namespace)
        .find(|d| name(&d.root).as_ref() == Some(&own))?;
    let reason = format!(
        "LeaderWorkerSet `{}` becomes a ModelServing of this name, so its spec overwrites this one",
        own.as_str().unwrap_or_default()
    );
    let ids = name(&set.root).map(|n| n.ids).unwrap_or_default();
    Some(Problem::new(&TAKEN_OVER, reason, &own.ids.union(&ids)))
}
