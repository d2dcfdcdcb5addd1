//! ModelServings to the language: ServingGroups are slices, roles are roles, entry pods and workers are members.

use super::answers::{ENTRY_LABEL, GROUP_LABEL, NAME_LABEL, ROLE_ID_LABEL, ROLE_LABEL, VARIABLES};
use super::check::is_reserved;
use super::options::Platform;
use super::read::{self, ModelServing, QUEUE, Role};
use crate::dialect::lifting::{
    ApiDefault, Draft, Given, Lifting, Means, Rendezvous, RoleDraft, phase_of, role_name, warn,
};
use crate::kubernetes::int_or_string::is_bound;
use crate::source::Document;
use crate::spec::decode::Decoder;
use crate::value::{Map, Node, Reference, Traced};

/// Defaults of the CRD.
pub const DEFAULTS: &[ApiDefault] = &[
    default("spec/replicas", "1"),
    default("spec/schedulerName", "\"volcano\""),
    default("spec/recoveryPolicy", "\"RoleRecreate\""),
    default("spec/rolloutStrategy/type", "\"ServingGroupRollingUpdate\""),
    default(
        "spec/rolloutStrategy/rollingUpdateConfiguration/maxUnavailable",
        "1",
    ),
    default("spec/template/roles/*/replicas", "1"),
    default("spec/template/roles/*/workerReplicas", "0"),
    default("spec/template/roles/*/maxUnavailable", "1"),
];

const fn default(path: &'static str, value: &'static str) -> ApiDefault {
    ApiDefault {
        kind: "ModelServing",
        path,
        value,
    }
}

/// The servings of the input.
pub fn lift(lifting: &mut Lifting<'_, '_>) -> Vec<Draft> {
    let mut decoder = Decoder {
        sources: lifting.cx.sources,
        ledger: lifting.cx.ledger,
    };
    let platform: Platform = lifting.cx.platform.section("kthena", &mut decoder);
    let mut drafts = Vec::new();
    for document in lifting.scene.documents {
        let text = |key| document.root.get(key).and_then(Node::as_str).unwrap_or_default();
        if text("kind") != "ModelServing" || !text("apiVersion").starts_with("workload.serving.volcano.sh/") {
            continue;
        }
        let read = read::model_serving(&document.root, &platform);
        warn(read.problems, lifting.cx.ledger);
        drafts.push(draft(document, &read.object));
    }
    drafts
}

fn written<T: Clone + Into<Node>>(value: &Traced<T>) -> Option<Node> {
    (!value.ids.is_empty()).then(|| value.node())
}

fn draft(document: &Document, serving: &ModelServing) -> Draft {
    let root = &document.root;
    let at = |path: &[&str]| root.at(path).filter(|n| !n.is_null()).cloned();
    let mut draft = Draft::new("kthena", serving.name.node(), document);
    without_queue(&mut draft);
    let slices = Some(&serving.replicas).filter(|r| r.value != 1 && r.value >= 0);
    draft.set(&["slices"], slices.and_then(written));
    if serving.recovery.value == "ServingGroupRecreate" {
        let policy = Node::derived("slice", &serving.recovery.ids);
        draft.set(&["restart", "policy"], Some(policy));
    }
    let queue = serving.queue.as_ref().map(Traced::node);
    draft.set(&["scheduling", "queue"], queue);
    if serving.is_volcano() {
        // Volcano's PodGroup holds a whole ServingGroup.
        let scope = Node::derived("slice", &serving.scheduler.ids);
        draft.set(&["scheduling", "gang", "scope"], Some(scope));
    } else if !["", "default-scheduler"].contains(&serving.scheduler.value.as_str()) {
        draft.set(&["scheduling", "schedulerName"], written(&serving.scheduler));
    }
    rollout(&mut draft, root, serving);
    let grace = at(&["spec", "template", "restartGracePeriodSeconds"]);
    draft.option(
        "restartGracePeriodSeconds",
        grace.filter(|n| n.as_int().is_some_and(|n| n >= 0)),
    );
    plugins(&mut draft, root);
    for role in &serving.roles {
        draft.role(self::role(role, serving));
    }
    draft
}

/// The queue is a word of its own.
fn without_queue(draft: &mut Draft) {
    let metadata = draft.serving.at_mut(&["metadata"]).map_mut();
    let Some(annotations) = metadata.get_mut("annotations") else {
        return;
    };
    annotations.map_mut().remove(QUEUE);
    if annotations.as_map().is_some_and(Map::is_empty) {
        metadata.remove("annotations");
    }
}

fn rollout(draft: &mut Draft, root: &Node, serving: &ModelServing) {
    let at = |path: &[&str]| root.at(path).filter(|n| !n.is_null()).cloned();
    if serving.rolls_roles() {
        return;
    }
    let kind = at(&["spec", "rolloutStrategy", "type"]);
    let ids = kind.map(|k| k.ids).unwrap_or_default();
    let option = |key: &'static str| ["targets", "kthena", "rollout", key];
    let kind = Node::derived("ServingGroupRollingUpdate", &ids);
    draft.set(&option("type"), Some(kind));
    for key in ["maxUnavailable", "partition"] {
        let bound = at(&["spec", "rolloutStrategy", "rollingUpdateConfiguration", key]);
        let said = |b: &Node| key == "partition" || b.as_int() != Some(1);
        draft.set(&option(key), bound.filter(|b| said(b) && is_bound(b)));
    }
}

fn plugins(draft: &mut Draft, root: &Node) {
    let Some(plugins) = root.at(&["spec", "plugins"]).and_then(Node::as_seq) else {
        return;
    };
    let known = ["name", "type", "config", "scope"];
    let plain = |p: &Node| {
        p.as_map()
            .is_some_and(|m| m.iter().all(|(k, _)| known.contains(&k.as_str())))
    };
    if plugins.is_empty() || !plugins.iter().all(plain) {
        return;
    }
    let without_type = |plugin: &Node| {
        let mut made = plugin.clone();
        let kind = made.map_mut().remove("type");
        made.decided_by(&kind.map(|k| k.ids).unwrap_or_default());
        made
    };
    draft.option(
        "plugins",
        Some(plugins.iter().map(without_type).collect::<Vec<_>>()),
    );
}

/// A template without what the controller writes over: the object says it in vain, and the residue keeps it.
fn own_part(template: &Node) -> Node {
    let mut own = template.clone();
    let Some(metadata) = own.map_mut().get_mut("metadata") else {
        return own;
    };
    for kind in ["labels", "annotations"] {
        if let Some(entries) = metadata.map_mut().get_mut(kind) {
            entries.map_mut().retain(|key, _| !is_reserved(kind, key));
        }
    }
    own
}

fn role(role: &Role, serving: &ModelServing) -> RoleDraft {
    let Role {
        name,
        replicas,
        workers,
        entry,
        worker,
        max_unavailable,
        partition,
    } = role;
    let called = role_name(&name.value, &name.ids);
    let same = called.as_str() == Some(name.value.as_str());
    let mut made = RoleDraft::new(called, phase_of(&name.value, entry));
    made.option("kthena", "name", Some(name.node()).filter(|_| !same));
    made.set(&["replicas"], Some(replicas.node()));
    let (entry, worker) = (own_part(entry), worker.as_ref().map(own_part));
    match worker {
        Some(worker) if workers.value > 0 && worker == entry => {
            let mut template = entry;
            template.absorb(&worker);
            made.template(Some(workers.map(|n| n + 1).node()), template);
        }
        Some(worker) if workers.value > 0 => {
            made.member("leader", None::<Node>, entry);
            made.member("worker", Some(workers.node()), worker);
        }
        _ => made.template(None::<Node>, entry),
    }
    if serving.rolls_roles() {
        let bound = max_unavailable
            .as_ref()
            .filter(|b| b.as_int() != Some(1) && is_bound(b));
        made.set(&["rollout", "maxUnavailable"], bound.cloned());
        let held = partition.as_ref().filter(|p| p.as_int().is_some_and(|p| p > 0));
        made.set(&["rollout", "partition"], held.cloned());
    }
    let minimums = serving.gang.iter().flatten();
    let minimum = minimums
        .filter(|(of, _)| *of == name.value)
        .map(|(_, n)| n)
        .next_back();
    let minimum = minimum.filter(|m| m.value >= 0).map(Traced::node);
    made.option("kthena", "minRoleReplicas", minimum);
    made
}

/// What the controller tells the pods of a role.
pub fn rendezvous(role: &Node) -> Rendezvous {
    let own = |name, what| Given {
        name,
        means: Means::Own(what),
    };
    let name = role.at(&["targets", "kthena", "name"]).or(role.get("name"));
    let name = name.and_then(Node::as_str).unwrap_or_default();
    let asked = |(name, asks): &(&'static str, Reference)| Given {
        name,
        means: Means::Asks(asks.clone()),
    };
    Rendezvous {
        variables: VARIABLES.iter().map(asked).collect(),
        fields: vec![
            own(NAME_LABEL, "the name of the ModelServing"),
            own(GROUP_LABEL, "the name of the ServingGroup"),
            Given {
                name: ROLE_LABEL,
                means: Means::Text(name.into()),
            },
            own(ROLE_ID_LABEL, "the name of the role's replica"),
            own(ENTRY_LABEL, "whether it is an entry pod"),
            own("modelserving.volcano.sh/revision", "a hash of the template"),
        ],
        ..Rendezvous::default()
    }
}
