//! StormServices and RoleSets to the language: RoleSets are slices, roles are roles, groups of pods are replicas of several nodes.

use super::admission::SCHEMA;
use super::answers::{GROUP_INDEX, RANK, REPLICA_INDEX, ROLE, ROLE_SET, STORM_SERVICE};
use super::codes::OWN_SELECTOR;
use super::lowering::version;
use super::options;
use super::options::{GangScheduler, TopologyMode, TopologyScope};
use super::read::{self, How, Role, RoleSetSpec, Strategy, Topology};
use crate::diagnostic::{Diagnostic, Outcome};
use crate::dialect::lifting::{
    ApiDefault, Composed, Draft, Given, Lifting, Means, Rendezvous, RoleDraft, phase_of, role_name, warn,
};
use crate::dialect::shared::read::Reader;
use crate::kubernetes::int_or_string::is_bound;
use crate::source::Document;
use crate::spec::decode::Decoder;
use crate::spec::role::Phase;
use crate::value::{Ids, Map, Node, Reference, Str, Traced};

/// Defaults of the CRDs and webhooks.
pub const DEFAULTS: &[ApiDefault] = &[
    default("StormService", "spec/paused", "false"),
    default("StormService", "spec/revisionHistoryLimit", "10"),
    default("StormService", "spec/updateStrategy/type", "\"RollingUpdate\""),
    default("StormService", "spec/updateStrategy/maxUnavailable", "1"),
    default("StormService", "spec/updateStrategy/maxSurge", "0"),
    default(
        "StormService",
        "spec/template/spec/updateStrategy",
        "\"Sequential\"",
    ),
    default(
        "StormService",
        "spec/template/spec/topologyPolicy/mode",
        "\"Preferred\"",
    ),
    default("StormService", "spec/template/spec/roles/*/stateful", "false"),
    default("StormService", "spec/template/spec/roles/*/podGroupSize", "1"),
    default(
        "StormService",
        "spec/template/spec/roles/*/updateStrategy/type",
        "\"Recreate\"",
    ),
    default(
        "StormService",
        "spec/template/spec/roles/*/updateStrategy/maxUnavailable",
        "1",
    ),
    default(
        "StormService",
        "spec/template/spec/roles/*/updateStrategy/maxSurge",
        "0",
    ),
    default(
        "StormService",
        "spec/template/spec/roles/*/disruptionTolerance",
        "{}",
    ),
    default("RoleSet", "spec/updateStrategy", "\"Sequential\""),
    default("RoleSet", "spec/topologyPolicy/mode", "\"Preferred\""),
    default("RoleSet", "spec/roles/*/stateful", "false"),
    default("RoleSet", "spec/roles/*/podGroupSize", "1"),
    default("RoleSet", "spec/roles/*/updateStrategy/type", "\"Recreate\""),
    default("RoleSet", "spec/roles/*/updateStrategy/maxUnavailable", "1"),
    default("RoleSet", "spec/roles/*/updateStrategy/maxSurge", "0"),
    default("RoleSet", "spec/roles/*/disruptionTolerance", "{}"),
];

const fn default(kind: &'static str, path: &'static str, value: &'static str) -> ApiDefault {
    ApiDefault { kind, path, value }
}

/// The servings of the input.
pub fn lift(lifting: &mut Lifting<'_, '_>) -> Vec<Draft> {
    let mut decoder = Decoder {
        sources: lifting.cx.sources,
        ledger: lifting.cx.ledger,
    };
    let platform: options::Platform = lifting.cx.platform.section("aibrix", &mut decoder);
    let how = How {
        version: version(&platform, lifting.cx.ledger),
        webhooks: platform.webhooks.as_ref().is_none_or(|w| w.value),
    };
    let mut drafts = Vec::new();
    for document in lifting.scene.documents {
        let text = |key| document.root.get(key).and_then(Node::as_str).unwrap_or_default();
        if !text("apiVersion").starts_with("orchestration.aibrix.ai/") {
            continue;
        }
        match text("kind") {
            "StormService" => {
                let (service, problems) = read::storm_service(&document.root, how);
                warn(problems, lifting.cx.ledger);
                drafts.push(storm_service(document, &service));
            }
            "RoleSet" => {
                let (set, problems) = read::role_set(&document.root, how);
                warn(problems, lifting.cx.ledger);
                let mut draft = Draft::new("aibrix", set.meta.name.node(), document);
                draft.option("workload", Some("RoleSet"));
                roles(&mut draft, &document.root, &set.spec, &["spec"]);
                drafts.push(draft);
            }
            _ => {}
        }
    }
    drafts
}

/// A reader of single fields, whose problems the typed reader has named.
fn field<T>(root: &Node, read: impl FnOnce(&mut Reader<'_>) -> Option<T>) -> Option<T> {
    let mut problems = Vec::new();
    read(&mut Reader::new(root, &SCHEMA, &mut problems))
}

fn storm_service(document: &Document, service: &read::StormService) -> Draft {
    let root = &document.root;
    let mut draft = Draft::new("aibrix", service.meta.name.node(), document);
    let replicas = service.replicas.as_ref();
    draft.set(
        &["slices"],
        replicas
            .filter(|r| r.value != 1 && r.value >= 0)
            .map(Traced::node),
    );
    let update = |key: &str| root.at(&["spec", "updateStrategy", key]).filter(|n| !n.is_null());
    if update_type(root) == "RollingUpdate" {
        let ids = update("type").map(|n| n.ids.clone()).unwrap_or_default();
        draft.set(
            &["targets", "aibrix", "updateStrategy", "type"],
            Some(Node::derived("RollingUpdate", &ids)),
        );
        for (key, default) in [("maxUnavailable", 1), ("maxSurge", 0)] {
            let bound = update(key).filter(|b| b.as_int() != Some(default) && is_bound(b));
            draft.set(&["targets", "aibrix", "updateStrategy", key], bound.cloned());
        }
    }
    let limit = field(root, |r| r.int("spec.revisionHistoryLimit", 0, i32::MAX.into()));
    draft.option("revisionHistoryLimit", limit.map(|l| l.node()));
    if let Some(paused) = field(root, |r| r.bool("spec.paused")).filter(|p| p.value) {
        draft.set(&["rollout", "paused"], Some(paused.node()));
    }
    let selector = service.selector.as_ref().and_then(|s| s.get("matchLabels"));
    draft.option("selector", selector.cloned());
    let inert = selector.into_iter().chain(root.at(&["spec", "stateful"]));
    let inert = inert.fold(Ids::none(), |ids, n| ids.union(&n.all_ids()));
    let said = Diagnostic::new(
        &OWN_SELECTOR,
        "only AIBrix's controllers look at this, to find RoleSets",
    );
    draft.lost_elsewhere(&inert, said.outcome(Outcome::Dropped));
    let mut labels = service.template_labels.clone();
    let chosen = selector.and_then(Node::as_map);
    labels.retain(|key, value| chosen.and_then(|s| s.get(key)) != Some(value));
    draft.option("roleSetLabels", Some(labels).filter(|l| !l.is_empty()));
    let annotations = Some(service.template_annotations.clone()).filter(|a| !a.is_empty());
    draft.option("roleSetAnnotations", annotations);
    if let Some(spec) = &service.role_set {
        roles(&mut draft, root, spec, &["spec", "template", "spec"]);
    }
    draft
}

/// How changes reach RoleSets: absent and empty mean new RoleSets.
fn update_type(root: &Node) -> &str {
    match root
        .at(&["spec", "updateStrategy", "type"])
        .and_then(Node::as_str)
    {
        None | Some("") => "RollingUpdate",
        Some(word) => word,
    }
}

/// The roles, and the policies of the RoleSet that holds them.
fn roles(draft: &mut Draft, root: &Node, spec: &RoleSetSpec, path: &[&str]) {
    let at = |key: &str| root.at(path).and_then(|n| n.get(key)).filter(|n| !n.is_null());
    if let Some(order) = at("updateStrategy").filter(|o| o.as_str() != Some("Sequential")) {
        draft.option("roleSetUpdateStrategy", Some(order.clone()));
    }
    // Pods of one node have no index unless a role says so.
    let stateless = |r: &Role| !r.grouped() && !r.stateful.as_ref().is_some_and(|s| s.value);
    let single = spec.roles.iter().filter(|r| !r.grouped()).count();
    let all = single > 0 && spec.roles.iter().filter(|r| !r.grouped()).all(stateless);
    if all {
        let written = spec.roles.iter().filter_map(|r| r.stateful.as_ref());
        let ids = written.fold(Ids::none(), |ids, s| ids.union(&s.ids));
        draft.option("stateful", Some(Node::derived(false, &ids)));
    }
    topology(draft, spec.topology.as_ref());
    let pods: i64 = spec
        .roles
        .iter()
        .map(|r| i64::from(r.count()) * i64::from(r.size()))
        .sum();
    if let Some(strategy) = &spec.scheduling {
        let scope = Some("slice");
        gang(strategy, scope, pods, |path, value| draft.set(path, Some(value)));
        gang_options(draft, strategy, pods);
    }
    let nodes = at("roles").and_then(Node::as_seq).unwrap_or_default();
    for (role, node) in spec.roles.iter().zip(nodes) {
        let mut made = self::role(role, node, all && stateless(role));
        if let Some(strategy) = &role.scheduling {
            let size = i64::from(role.size());
            gang(strategy, Some("replica"), size, |path, value| {
                made.set(path, Some(value))
            });
            if spec.scheduling.is_none() {
                gang_options(draft, strategy, size);
            }
        }
        draft.role(made);
    }
}

fn topology(draft: &mut Draft, topology: Option<&Topology>) {
    let Some(Topology { scope, mode, key }) = topology else {
        return;
    };
    let one = draft.serving.at(&["spec", "slices"]).is_none();
    let strict = mode.map(|m| {
        Str::from(match m {
            TopologyMode::Preferred => "preferred",
            TopologyMode::Required => "required",
        })
    });
    let unit = match scope.value {
        TopologyScope::RoleSet => "slice",
        // Over all RoleSets, which is the language's role only where there is one.
        TopologyScope::Role if one => "role",
        TopologyScope::Role | TopologyScope::StormService => {
            let policy = Map::from_iter([
                ("scope", scope.map(|s| Str::from(s.as_str())).node()),
                ("mode", mode.map(|m| Str::from(m.as_str())).node()),
                ("key", key.node()),
            ]);
            draft.option("topologyPolicy", Some(policy));
            return;
        }
    };
    let policy = Map::from_iter([
        ("key", key.node()),
        ("scope", Node::derived(unit, &scope.ids)),
        ("mode", strict.node()),
    ]);
    draft.set(&["scheduling", "topology"], Some(policy));
}

/// A gang and what belongs to it, in the language's words.
fn gang(strategy: &Strategy, scope: Option<&str>, pods: i64, mut set: impl FnMut(&[&str], Node)) {
    let spec = &strategy.spec;
    // A gang of fewer pods than there are is the dialect's own word; the gang itself is not.
    let mut ids = spec.ids.clone();
    if let Some(least) = spec.get("minMember").filter(|m| m.as_int() == Some(pods)) {
        ids.merge(&least.ids);
    }
    if let Some(scope) = scope {
        set(&["scheduling", "gang", "scope"], Node::derived(scope, &ids));
    }
    if let Some(queue) = spec
        .get("queue")
        .filter(|q| q.as_str().is_some_and(|q| !q.is_empty()))
    {
        set(&["scheduling", "queue"], queue.clone());
    }
    let timeout = spec
        .get("scheduleTimeoutSeconds")
        .filter(|t| t.as_int().is_some_and(|t| t > 0));
    if let Some(timeout) = timeout.filter(|_| strategy.scheduler != GangScheduler::Volcano) {
        set(&["scheduling", "gang", "timeout"], timeout.clone());
    }
}

fn gang_options(draft: &mut Draft, strategy: &Strategy, pods: i64) {
    let mut own = Map::new();
    if strategy.scheduler != GangScheduler::Volcano {
        own.insert("scheduler", strategy.scheduler.as_str());
    }
    let least = strategy
        .spec
        .get("minMember")
        .filter(|m| m.as_int().is_some_and(|n| n > 0 && n != pods));
    own.insert_some("minMember", least.cloned());
    for key in ["minResources", "application", "affinity"] {
        own.insert_some(key, strategy.spec.get(key).filter(|n| !n.is_null()).cloned());
    }
    draft.option("gang", Some(own).filter(|o| !o.is_empty()));
}

fn role(role: &Role, node: &Node, index_said: bool) -> RoleDraft {
    let Role {
        name,
        replicas,
        pod_group_size,
        stateful,
        template,
        scheduling: _,
        ids: _,
    } = role;
    let nothing = Node::default();
    let phase = phase_of(&name.value, template.as_ref().unwrap_or(&nothing));
    let called = role_name(&name.value, &name.ids);
    let same = called.as_str() == Some(name.value.as_str());
    let mut made = RoleDraft::new(called, phase);
    // The gateway's names would be given to prefill and decode otherwise.
    if !same || (matches!(phase, Phase::Prefill | Phase::Decode) && phase.as_str() != name.value.as_str()) {
        made.option("aibrix", "name", Some(name.node()));
    }
    made.set(
        &["replicas"],
        replicas.as_ref().filter(|r| r.value >= 0).map(Traced::node),
    );
    let nodes = pod_group_size
        .as_ref()
        .filter(|_| role.grouped())
        .map(Traced::node);
    made.template(nodes, template.clone().unwrap_or_default());
    if !role.grouped() && !index_said {
        let own = stateful.clone().unwrap_or(Traced::default_of(false));
        // With an index is the default of rendering.
        made.option("aibrix", "stateful", Some(own.node()).filter(|_| !own.value));
    }
    let order = node
        .get("upgradeOrder")
        .filter(|o| o.as_int().is_some_and(|o| o > 0));
    made.option("aibrix", "upgradeOrder", order.cloned());
    rollout(&mut made, node);
    made
}

fn rollout(role: &mut RoleDraft, node: &Node) {
    let Some(strategy) = node.get("updateStrategy").filter(|s| s.as_map().is_some()) else {
        return;
    };
    let kind = strategy
        .get("type")
        .filter(|t| t.as_str() == Some("InPlaceIfPossible"));
    role.set(&["rollout", "inPlace"], kind.map(|k| Node::derived(true, &k.ids)));
    for key in ["maxUnavailable", "maxSurge"] {
        let bound = strategy.get(key).filter(|b| is_bound(b));
        role.set(&["rollout", key], bound.cloned());
    }
}

/// What the controllers tell the pods of a role.
pub fn rendezvous(draft: &Draft, role: &Node) -> Rendezvous {
    let asks = |name, reference| Given {
        name,
        means: Means::Asks(reference),
    };
    let own = |name, what| Given {
        name,
        means: Means::Own(what),
    };
    let service: Str = draft
        .serving
        .at(&["metadata", "name"])
        .and_then(Node::as_str)
        .unwrap_or_default()
        .into();
    let name = |r: &Node| r.get("name").and_then(Node::as_str).map(Str::from);
    let called = role
        .at(&["targets", "aibrix", "name"])
        .and_then(Node::as_str)
        .map(Str::from)
        .or_else(|| name(role))
        .unwrap_or_default();
    let text = |name, text: &Str| Given {
        name,
        means: Means::Text(text.clone()),
    };
    let leader = |text: String| Composed {
        text: text.into(),
        asks: Reference::Leader,
    };
    Rendezvous {
        variables: vec![
            asks(RANK, Reference::Rank { times: 1 }),
            asks("POD_GROUP_SIZE", Reference::Size),
            text("STORM_SERVICE_NAME", &service),
            text("ROLE_NAME", &called),
            own("PODSET_NAME", "the name of the group of pods"),
            own("ROLESET_NAME", "the name of the RoleSet, drawn at random"),
            own("ROLESET_INDEX", "the number of the RoleSet"),
            own("ROLE_TEMPLATE_HASH", "a hash of the role's template"),
            own("ROLE_REPLICA_INDEX", "the number of the replica"),
        ],
        fields: vec![
            asks(GROUP_INDEX, Reference::Rank { times: 1 }),
            text(STORM_SERVICE, &service),
            text(ROLE, &called),
            own(ROLE_SET, "the name of the RoleSet, drawn at random"),
            own(REPLICA_INDEX, "the number of the replica"),
            own(super::answers::PODSET, "the name of the group of pods"),
        ],
        composed: vec![
            leader("$(PODSET_NAME)-0.$(STORM_SERVICE_NAME)".into()),
            leader(format!("$(PODSET_NAME)-0.{service}")),
        ],
        ..Rendezvous::default()
    }
}
