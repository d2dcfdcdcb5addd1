//! DisaggregatedSets to pods: a LeaderWorkerSet for each slice and role, expanded as such (kubernetes-sigs/lws v0.10).

use super::admit;
use super::codes::{
    BUDGET, CHILD_REFUSED, DISAGGREGATED, EXTERNAL_REPLICAS, EXTERNAL_SLICES, PLACEMENT, ROLE_BUDGET,
    ROLE_NAME, ROLE_REPLICAS, SCALER_TAKEN,
};
use super::expand::{self, Fate, Place};
use super::options::Platform;
use super::read::{self, EXCLUSIVE, LeaderWorkerSet, SUBGROUP_EXCLUSIVE};
use super::revision;
use crate::diagnostic::{Diagnostic, Ledger};
use crate::dialect::Context;
use crate::dialect::shared::read::Reader;
use crate::kubernetes::int_or_string::{IntOrPercent, Rounding};
use crate::kubernetes::names;
use crate::pods::scaling::autoscaled;
use crate::pods::{Child, Expansion, Outcome, Problem, Scene};
use crate::source::Document;
use crate::spec::decode::Decoder;
use crate::value::{Ids, Map, Node, Str, Traced};

/// The kind.
pub const KIND: &str = "DisaggregatedSet";
/// Its apiVersion.
pub const API_VERSION: &str = "disaggregatedset.x-k8s.io/v1";
/// The kind that autoscalers scale.
const SCALER: &str = "DisaggregatedSetRoleScaler";
const PREFIX: &str = "disaggregatedset.x-k8s.io/";

/// How slices are placed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Placement {
    /// Anywhere.
    None,
    /// Each slice in a domain of its own.
    ExclusiveSlice,
    /// Each slice in a domain that no other set uses.
    ExclusiveTopology,
}

/// A role.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its name.
    pub name: Traced<Str>,
    /// Its LeaderWorkerSet, with the labels and annotations of the role's `metadata`.
    pub set: LeaderWorkerSet,
    /// Whether its replicas come from a scaler.
    pub external: Option<Ids>,
    /// Whether `spec.replicas` is written.
    pub replicas_written: bool,
    /// Budgets that cannot be read: webhooks refuse them, not the schema.
    pub unreadable: Vec<Problem>,
    /// Where it is.
    pub ids: Ids,
}

/// A DisaggregatedSet.
#[derive(Clone, Debug)]
pub struct DisaggregatedSet {
    /// Its name.
    pub name: Traced<Str>,
    /// Copies of the roles.
    pub slices: Traced<i64>,
    /// Its roles.
    pub roles: Vec<Role>,
    /// `placementPolicy.type`.
    pub placement: Traced<Placement>,
    /// `placementPolicy.topology`, a node label.
    pub topology: Option<Traced<Str>>,
}

/// Reads a DisaggregatedSet. What its schema refuses is in `problems`, and as if it were absent.
pub fn read(root: &Node, problems: &mut Vec<Problem>) -> DisaggregatedSet {
    let mut reader = Reader::new(root, &DISAGGREGATED, problems);
    let name = reader.name();
    let slices = reader
        .int("spec.slices", 1, 100)
        .unwrap_or_else(|| Traced::default_of(1));
    let placement = reader.word(
        "spec.placementPolicy.type",
        &["None", "ExclusiveSlice", "ExclusiveTopology"],
    );
    let placement = placement.map_or_else(
        || Traced::default_of(Placement::None),
        |word| {
            word.map(|w| match w.as_str() {
                "ExclusiveSlice" => Placement::ExclusiveSlice,
                "ExclusiveTopology" => Placement::ExclusiveTopology,
                _ => Placement::None,
            })
        },
    );
    let topology = reader
        .string("spec.placementPolicy.topology")
        .filter(|t| !t.value.is_empty());
    let list = reader.list("spec.roles");
    if reader.get("spec.roles").is_none() {
        reader.problem("spec.roles", &DISAGGREGATED, "is missing");
    } else if !(2..=10).contains(&list.len()) {
        reader.problem(
            "spec.roles",
            &DISAGGREGATED,
            format!("has {} roles, not 2 to 10", list.len()),
        );
    }
    let mut roles: Vec<Role> = Vec::new();
    for (n, node) in list.iter().enumerate() {
        let role = role(&mut reader.below(node, &format!("spec.roles[{n}]")));
        if roles.iter().any(|r| r.name.value == role.name.value) {
            let reason = format!("two roles are called `{}`", role.name.value);
            reader
                .problems
                .push(Problem::new(&DISAGGREGATED, reason, &role.name.ids));
        }
        roles.push(role);
    }
    DisaggregatedSet {
        name,
        slices,
        roles,
        placement,
        topology,
    }
}

fn role(reader: &mut Reader<'_>) -> Role {
    let name = reader.string("name").unwrap_or_default();
    let sound = name.value.len() <= 63 && names::dns_label(&name.value).is_ok();
    if !sound {
        let reason = format!(
            "is `{}`, not at most 63 lower case letters, digits and '-'",
            name.value
        );
        reader.problem("name", &DISAGGREGATED, reason);
    }
    let mode = reader.word("scaling.mode", &["Static", "External"]);
    let (labels, annotations) = (
        reader.strings("metadata.labels"),
        reader.strings("metadata.annotations"),
    );
    if reader.get("spec").is_none() {
        reader.problem(
            "spec",
            &DISAGGREGATED,
            "is missing: the rule about replicas cannot be evaluated",
        );
    }
    // On a role no webhook fills it in.
    if reader.get("spec.networkConfig").is_some()
        && reader.get("spec.networkConfig.subdomainPolicy").is_none()
    {
        reader.problem("spec.networkConfig.subdomainPolicy", &DISAGGREGATED, "is missing");
    }
    let nothing = Node::default();
    let spec = reader.get("spec").unwrap_or(&nothing);
    let mut set = if reader.get("spec").is_some() {
        read::spec_of(&mut reader.below(spec, "spec"))
    } else {
        read::spec_of(&mut Reader::new(spec, &DISAGGREGATED, &mut Vec::new()))
    };
    (set.labels, set.annotations) = (labels, annotations);
    let (unreadable, refused) = std::mem::take(reader.problems)
        .into_iter()
        .partition(|p| p.code == &BUDGET);
    *reader.problems = refused;
    Role {
        unreadable,
        name,
        external: mode.filter(|m| m.value == "External").map(|m| m.ids),
        replicas_written: reader.get("spec.replicas").is_some(),
        set,
        ids: reader.root.ids.clone(),
    }
}

/// Expands a DisaggregatedSet of the input.
pub fn expand(document: &Document, scene: &Scene<'_>, cx: &mut Context<'_>) -> Expansion {
    let (mut expansion, mut problems) = (Expansion::default(), Vec::new());
    let ds = read(&document.root, &mut problems);
    let mut decoder = Decoder {
        sources: cx.sources,
        ledger: cx.ledger,
    };
    let platform: Platform = cx.platform.section("lws", &mut decoder);
    all_or_none(&ds, &mut problems);
    if platform.disaggregated_set_webhook.is_none_or(|w| w.value) {
        webhook(&ds, &mut problems);
    }
    let namespace = scene.namespace_of(&document.root);
    let places: Vec<Place> = ds.roles.iter().map(|role| place(role, &namespace)).collect();
    let mut judged = Vec::new();
    for (role, place) in ds.roles.iter().zip(&places) {
        let mut templates = expand::templates(&role.set, place, &DISAGGREGATED, cx.ledger);
        problems.append(&mut templates.schema);
        problems.append(&mut templates.floats);
        judged.push(templates);
    }
    expansion.reject_all(problems, cx.ledger);
    let replicas: Vec<Option<i64>> = ds
        .roles
        .iter()
        .map(|role| replicas(&ds, role, &namespace, scene, &mut expansion, cx.ledger))
        .collect();
    let groups = ds.roles.iter().zip(&replicas);
    let pods: i64 = groups
        .map(|(r, n)| n.unwrap_or(0).saturating_mul(r.set.size.value.max(0)))
        .sum();
    let count = u64::try_from(pods.saturating_mul(ds.slices.value)).unwrap_or(0);
    let templates: Vec<&Node> = ds.roles.iter().map(|r| &r.set.worker).collect();
    if matches!(expansion.outcome, Outcome::Rejected(_))
        || !expansion.affordable(count, &templates, &document.root.ids, cx.ledger)
    {
        return expansion;
    }
    let revision = revision::of_roles(ds.roles.iter().map(|r| (r.name.value.as_str(), &r.set)));
    let maker = Maker {
        ds: &ds,
        revision: &revision,
        scene,
    };
    let roles = ds.roles.iter().zip(places).zip(judged).zip(replicas);
    for (((role, place), templates), replicas) in roles {
        let mut local = Expansion::default();
        let fate = expand::late(&role.set, templates, &mut local, cx.ledger);
        maker.role(role, replicas.unwrap_or(0), place, fate, &mut local, cx);
        merge(&mut expansion, local);
    }
    expansion.pods.sort_by_key(|pod| pod.slice);
    expansion
}

/// Adds what comes of a role. A role of which nothing comes makes the set incomplete; the others are not touched.
fn merge(all: &mut Expansion, role: Expansion) {
    all.pods.extend(role.pods);
    all.children.extend(role.children);
    if all.is_open() {
        all.outcome = role.outcome;
    }
}

fn place(role: &Role, namespace: &Str) -> Place {
    Place {
        slice: 0,
        role: role.name.value.clone(),
        namespace: namespace.clone(),
        ids: role.ids.clone(),
    }
}

/// The rule of the schema (CEL) about replicas.
fn all_or_none(ds: &DisaggregatedSet, problems: &mut Vec<Problem>) {
    let own: Vec<&Role> = ds.roles.iter().filter(|r| r.external.is_none()).collect();
    let zero = |role: &&&Role| role.set.replicas.value == 0;
    let (zeros, all) = (own.iter().filter(zero).count(), own.len());
    if zeros != 0 && zeros != all {
        let ids = own
            .iter()
            .find(zero)
            .map(|r| r.set.replicas.ids.clone())
            .unwrap_or_default();
        let reason = "`replicas` must be zero for all roles that are not External, or for none of them";
        problems.push(Problem::new(&ROLE_REPLICAS, reason, &ids));
    }
}

/// The rules of the validating webhook (pkg/webhooks/disaggregatedset).
fn webhook(ds: &DisaggregatedSet, problems: &mut Vec<Problem>) {
    if let Some(role) = ds
        .roles
        .iter()
        .find(|r| r.external.is_some())
        .filter(|_| ds.slices.value > 1)
    {
        let reason = format!(
            "{} slices are not supported while role `{}` is scaled from outside",
            ds.slices.value, role.name.value
        );
        problems.push(Problem::new(&EXTERNAL_SLICES, reason, &ds.slices.ids));
    }
    for role in &ds.roles {
        let digits = (ds.slices.value - 1).max(0).to_string().len();
        let length = ds.name.value.len() + 3 + digits + 8 + role.name.value.len() + 4;
        if length > 63 {
            let reason = format!(
                "the Services of role `{}` would have names of {length} characters, at most 63 are possible",
                role.name.value
            );
            problems.push(Problem::new(
                &ROLE_NAME,
                reason,
                &ds.name.ids.union(&role.name.ids),
            ));
        }
        role_budget(role, problems);
        placed(ds, role, problems);
    }
    if ds.placement.value != Placement::None && ds.topology.is_none() {
        let reason = "`placementPolicy.topology` is required when slices are placed exclusively";
        problems.push(Problem::new(&PLACEMENT, reason, &ds.placement.ids));
    }
}

fn role_budget(role: &Role, problems: &mut Vec<Problem>) {
    let rollout = &role.set.rollout;
    let unreadable = role
        .unreadable
        .iter()
        .map(|p| Problem::new(&ROLE_BUDGET, p.reason.as_str(), &p.ids));
    problems.extend(unreadable);
    if rollout.partition.value != 0 {
        let reason = "`partition` is not supported: updates are led across the roles";
        problems.push(Problem::new(&ROLE_BUDGET, reason, &rollout.partition.ids));
    }
    let mut sound = true;
    for (name, budget) in [
        ("maxUnavailable", &rollout.max_unavailable),
        ("maxSurge", &rollout.max_surge),
    ] {
        let reason = match budget.value {
            IntOrPercent::Int(n) if n < 0 => format!("`{name}` is {n}, below 0"),
            IntOrPercent::Percent(n) if n > 100 => format!("`{name}` is {n}%, above 100%"),
            _ => continue,
        };
        sound = false;
        problems.push(Problem::new(&ROLE_BUDGET, reason, &budget.ids));
    }
    let replicas = role.set.replicas.value;
    let none = rollout.max_unavailable.value.resolve(replicas, Rounding::Down) == 0
        && rollout.max_surge.value.resolve(replicas, Rounding::Up) == 0;
    if sound && none && replicas > 0 {
        let ids = rollout.max_unavailable.ids.union(&rollout.max_surge.ids);
        let reason = "`maxUnavailable` and `maxSurge` both come to 0: no update could proceed";
        problems.push(Problem::new(&ROLE_BUDGET, reason, &ids));
    }
}

/// Exclusive slices and exclusive groups exclude each other.
fn placed(ds: &DisaggregatedSet, role: &Role, problems: &mut Vec<Problem>) {
    if ds.placement.value == Placement::None {
        return;
    }
    let of_template = |template: &Node| {
        template
            .at(&["metadata", "annotations"])
            .and_then(Node::as_map)
            .cloned()
    };
    let templates = [role.set.leader.as_ref(), Some(&role.set.worker)]
        .into_iter()
        .flatten();
    let maps: Vec<Map> = templates
        .filter_map(of_template)
        .chain([role.set.annotations.clone()])
        .collect();
    for key in [EXCLUSIVE, SUBGROUP_EXCLUSIVE] {
        if let Some(annotation) = maps.iter().find_map(|map| map.get(key)) {
            let reason = format!(
                "role `{}` has the annotation `{key}`, which cannot be combined with `placementPolicy`",
                role.name.value
            );
            problems.push(Problem::new(&PLACEMENT, reason, &annotation.ids));
        }
    }
}

/// The groups of a role in each slice; nothing if its scaler belongs to somebody else.
fn replicas(
    ds: &DisaggregatedSet,
    role: &Role,
    namespace: &Str,
    scene: &Scene<'_>,
    expansion: &mut Expansion,
    ledger: &mut Ledger,
) -> Option<i64> {
    let Some(external) = &role.external else {
        return Some(role.set.replicas.value);
    };
    if role.replicas_written {
        let message = format!(
            "`replicas` of role `{}` have no effect: its scaler decides",
            role.name.value
        );
        ledger.report(Diagnostic::new(&EXTERNAL_REPLICAS, message).at_ids(&role.set.replicas.ids));
    }
    let scaler = format!("{}-{}", ds.name.value, role.name.value);
    let named = |d: &&Document| d.root.at(&["metadata", "name"]).and_then(Node::as_str) == Some(&scaler);
    if scene
        .of_kind(SCALER, namespace)
        .find(named)
        .is_some_and(|d| d.root.at(&["metadata", "ownerReferences"]).is_none())
    {
        let reason = format!(
            "the {SCALER} `{scaler}` is not the set's own: role `{}` stays at 0",
            role.name.value
        );
        expansion.incomplete(&SCALER_TAKEN, reason, external, ledger);
        return None;
    }
    Some(autoscaled(scene, SCALER, &scaler, namespace, Traced::default_of(1)).value)
}

struct Maker<'a> {
    ds: &'a DisaggregatedSet,
    revision: &'a str,
    scene: &'a Scene<'a>,
}

impl Maker<'_> {
    /// A role in all slices.
    fn role(
        &self,
        role: &Role,
        replicas: i64,
        mut place: Place,
        fate: Fate,
        expansion: &mut Expansion,
        cx: &mut Context<'_>,
    ) {
        if role.external.is_some() {
            let name = format!("{}-{}", self.ds.name.value, role.name.value);
            expansion
                .children
                .push(self.child(API_VERSION, SCALER, name.into(), Node::map()));
        }
        for slice in 0..u32::try_from(self.ds.slices.value).unwrap_or(1) {
            let set = self.set(role, slice, replicas);
            let refused = admit::admit(&set);
            if let Some(problem) = role.unreadable.first().or(refused.first()) {
                let reason = format!(
                    "the LeaderWorkerSet of role `{}` is refused, and nothing says so: {}",
                    role.name.value, problem.reason
                );
                expansion.incomplete(&CHILD_REFUSED, reason, &problem.ids, cx.ledger);
                return;
            }
            place.slice = slice;
            let metadata: Node = Map::from_iter([
                ("labels", Node::from(set.labels.clone())),
                ("annotations", set.annotations.clone().into()),
            ])
            .into();
            let object = Map::from_iter([("metadata", metadata)]);
            expansion.children.push(self.child(
                "leaderworkerset.x-k8s.io/v1",
                "LeaderWorkerSet",
                set.name.value.clone(),
                object.into(),
            ));
            let mut local = Expansion::default();
            let mut ledger = Ledger::new();
            expand::pods(
                &set,
                &place,
                fate,
                self.scene,
                &mut local,
                &mut Context {
                    sources: cx.sources,
                    platform: cx.platform,
                    templates: cx.templates,
                    ledger: &mut ledger,
                },
            );
            // The same of each slice is said once.
            for said in ledger.diagnostics.into_iter().filter(|_| slice == 0) {
                cx.ledger.report(said);
            }
            merge(expansion, local);
            expansion.children.extend(self.service(&set, replicas));
        }
    }

    fn child(&self, api_version: &str, kind: &str, name: Str, object: Node) -> Child {
        Child {
            api_version: api_version.into(),
            kind: kind.into(),
            name,
            owner: (KIND.into(), self.ds.name.value.clone()),
            object,
        }
    }

    /// The Service of a role, made when all roles of the slice are ready.
    fn service(&self, set: &LeaderWorkerSet, replicas: i64) -> Option<Child> {
        let mut labels = set.labels.clone();
        labels.retain(|key, _| key.starts_with(PREFIX));
        let metadata: Node = Map::from_iter([("labels", labels.clone())]).into();
        let spec: Node =
            Map::from_iter([("clusterIP", Node::from("None")), ("selector", labels.into())]).into();
        let object = Map::from_iter([("metadata", metadata), ("spec", spec)]);
        (replicas > 0).then(|| {
            self.child(
                "v1",
                "Service",
                format!("{}-prv", set.name.value).into(),
                object.into(),
            )
        })
    }

    /// The LeaderWorkerSet of a role in a slice.
    fn set(&self, role: &Role, slice: u32, replicas: i64) -> LeaderWorkerSet {
        let (ds, name) = (&self.ds.name.value, &role.name.value);
        let labels = [
            ("app".to_owned(), format!("{ds}-{slice}-{name}")),
            (format!("{PREFIX}role"), name.to_string()),
            (format!("{PREFIX}slice"), slice.to_string()),
            (format!("{PREFIX}name"), ds.to_string()),
            (format!("{PREFIX}revision"), self.revision.to_owned()),
        ];
        let mut set = role.set.clone();
        set.name = Traced::new(
            format!("{ds}-{slice}-{}-{name}", self.revision).into(),
            self.ds.name.ids.clone(),
        );
        set.replicas.value = replicas;
        for template in set.leader.iter_mut().chain([&mut set.worker]) {
            let own = template.at_mut(&["metadata", "labels"]).map_mut();
            labels
                .iter()
                .for_each(|(key, value)| drop(own.insert(key.as_str(), value.as_str())));
            if let Some(topology) = self
                .ds
                .topology
                .as_ref()
                .filter(|_| self.ds.placement.value != Placement::None)
            {
                self.place(template, slice, &topology.value);
            }
        }
        labels
            .iter()
            .for_each(|(key, value)| drop(set.labels.insert(key.as_str(), value.as_str())));
        set
    }

    /// Affinity within the slice, aversion to other slices (pkg/utils/disaggregatedset/affinity.go).
    fn place(&self, template: &mut Node, slice: u32, topology: &str) {
        let (ds, slice) = (self.ds.name.value.as_str(), slice.to_string());
        let own = vec![
            expression("name", "In", Some(ds)),
            expression("slice", "In", Some(&slice)),
        ];
        let mut others = vec![
            expression("name", "In", Some(ds)),
            expression("slice", "NotIn", Some(&slice)),
        ];
        if slice == "0" {
            others.insert(1, expression("slice", "Exists", None));
        }
        let mut apart = vec![others];
        if self.ds.placement.value == Placement::ExclusiveTopology {
            apart.push(vec![
                expression("name", "Exists", None),
                expression("name", "NotIn", Some(ds)),
                expression("slice", "Exists", None),
            ]);
        }
        for (sort, terms) in [("podAffinity", vec![own]), ("podAntiAffinity", apart)] {
            let path = [
                "spec",
                "affinity",
                sort,
                "requiredDuringSchedulingIgnoredDuringExecution",
            ];
            let list = template.at_mut(&path).seq_mut();
            for expressions in terms {
                let selector: Node = Map::from_iter([("matchExpressions", expressions)]).into();
                list.push(
                    Map::from_iter([("labelSelector", selector), ("topologyKey", topology.into())]).into(),
                );
            }
        }
    }
}

fn expression(key: &str, operator: &str, value: Option<&str>) -> Node {
    let mut map = Map::from_iter([
        ("key", format!("{PREFIX}{key}")),
        ("operator", operator.to_owned()),
    ]);
    map.insert_some("values", value.map(|v| vec![Node::from(v)]));
    map.into()
}
