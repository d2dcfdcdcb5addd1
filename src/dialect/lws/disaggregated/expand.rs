//! DisaggregatedSets to the LeaderWorkerSets of their roles, and those to pods.

use super::admit::{all_or_none, webhook};
use super::{API_VERSION, DisaggregatedSet, KIND, PREFIX, Placement, Role, SCALER, read};
use crate::diagnostic::{Diagnostic, Ledger};
use crate::dialect::Context;
use crate::dialect::lws::codes::{CHILD_REFUSED, DISAGGREGATED, EXTERNAL_REPLICAS, SCALER_TAKEN};
use crate::dialect::lws::expand::{self, Fate};
use crate::dialect::lws::options::Platform;
use crate::dialect::lws::place::Place;
use crate::dialect::lws::read::LeaderWorkerSet;
use crate::dialect::lws::{admit, revision};
use crate::pods::scaling::autoscaled;
use crate::pods::{Child, Expansion, Outcome, Scene};
use crate::source::Document;
use crate::spec::decode::Decoder;
use crate::value::{Map, Node, Str, Traced};

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
