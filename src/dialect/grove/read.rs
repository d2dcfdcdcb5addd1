//! Typed reading of Grove's custom resources, with the defaults of the CRDs and of the mutating webhook.
//!
//! `grove.io/v1alpha1` is the only version of all kinds. The mutating webhook decodes and encodes the whole object before the
//! schema sees it: fields that are unknown to it are gone, absent required texts are empty ones, and absent numbers are 0.

use super::codes::SCHEMA;
use crate::dialect::shared::read::Reader;
use crate::pods::Problem;
use crate::pods::template::{Judgement, judge};
use crate::value::{Ids, Map, Node, Str, Traced, Value};

/// The group and version of all kinds.
pub(super) const API_VERSION: &str = "grove.io/v1alpha1";

/// A PodCliqueSet.
#[derive(Debug)]
pub(super) struct Set {
    /// Where it stands.
    pub ids: Ids,
    /// Its name.
    pub name: Traced<Str>,
    /// Its namespace.
    pub namespace: Str,
    /// Its labels.
    pub labels: Map,
    /// Its annotations.
    pub annotations: Map,
    /// How often all of it is made. Default: 0.
    pub replicas: Traced<i64>,
    /// How its cliques start.
    pub startup: Startup,
    /// The PriorityClass of its gangs.
    pub priority_class: Option<Traced<Str>>,
    /// Whether the headless Services publish addresses of pods that are not ready. Default: true.
    pub publish_not_ready: Traced<bool>,
    /// How long a gang may be broken.
    pub termination_delay: Option<Traced<Str>>,
    /// The constraint of each replica.
    pub topology: Option<Constraint>,
    /// Templates of ResourceClaims, as written.
    pub claim_templates: Vec<Node>,
    /// ResourceClaims that pods share, as written.
    pub sharing: Vec<Node>,
    /// Its cliques.
    pub cliques: Vec<Clique>,
    /// Its scaling groups.
    pub groups: Vec<Group>,
}

/// In which order cliques start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Startup {
    /// All at once.
    AnyOrder,
    /// Each after the one before it in the list.
    InOrder,
    /// As `startsAfter` says.
    Explicit,
}

/// A clique of the template.
#[derive(Debug)]
pub(super) struct Clique {
    /// Where it stands.
    pub ids: Ids,
    /// Its name.
    pub name: Traced<Str>,
    /// Labels of its pods.
    pub labels: Map,
    /// Annotations of its pods.
    pub annotations: Map,
    /// The constraint of its pods.
    pub topology: Option<Constraint>,
    /// ResourceClaims that its pods share, as written.
    pub sharing: Vec<Node>,
    /// Its role; empty if it is absent.
    pub role_name: Traced<Str>,
    /// Pods; 0 has become 1.
    pub replicas: Traced<i64>,
    /// Pods that its gang needs. Default: the replicas as written.
    pub min_available: Traced<i64>,
    /// Cliques that are ready before.
    pub starts_after: Vec<Traced<Str>>,
    /// Automatic scaling.
    pub scaling: Option<Scaling>,
    /// The PodSpec of its pods, with the webhook's defaults.
    pub pod_spec: Node,
    /// What Kubernetes says about its pods.
    pub judgement: Judgement,
    /// The clique as it is written.
    pub written: Node,
}

/// A scaling group of the template.
#[derive(Debug)]
pub(super) struct Group {
    /// Where it stands.
    pub ids: Ids,
    /// Its name.
    pub name: Traced<Str>,
    /// Its members.
    pub clique_names: Vec<Traced<Str>>,
    /// Annotations of the PodCliqueScalingGroup.
    pub annotations: Map,
    /// Replicas. Default: 1.
    pub replicas: Traced<i64>,
    /// Replicas in the base gang. Default: 1.
    pub min_available: Traced<i64>,
    /// Automatic scaling.
    pub scaling: Option<Scaling>,
    /// ResourceClaims that its pods share, as written.
    pub sharing: Vec<Node>,
    /// The constraint of each replica.
    pub topology: Option<Constraint>,
    /// The group as it is written.
    pub written: Node,
}

/// Automatic scaling of a clique or scaling group.
#[derive(Clone, Debug)]
pub(super) struct Scaling {
    /// Where it stands.
    pub ids: Ids,
    /// The lower bound. Default: the replicas as written.
    pub min: Traced<i64>,
    /// The upper bound; 0 if it is absent.
    pub max: Traced<i64>,
    /// The metrics as written.
    pub metrics: Option<Node>,
}

impl Scaling {
    /// The replicas after the autoscaler's first look, before it has seen any metric.
    pub(super) fn bound(&self, replicas: i64) -> i64 {
        replicas.min(self.max.value).max(self.min.value)
    }
}

/// A topology constraint. Empty texts are as if absent.
#[derive(Clone, Debug)]
pub(super) struct Constraint {
    /// Where it stands.
    pub ids: Ids,
    /// The ClusterTopologyBinding.
    pub topology_name: Option<Traced<Str>>,
    /// Whether there is a `pack`.
    pub pack: bool,
    /// `pack.required`.
    pub required: Option<Traced<Str>>,
    /// `pack.preferred`.
    pub preferred: Option<Traced<Str>>,
    /// The older `packDomain`.
    pub pack_domain: Option<Traced<Str>>,
}

impl Set {
    /// Reads a PodCliqueSet. What the schema refuses, and what cannot be decoded, is added to `problems`.
    pub(super) fn read(root: &Node, namespace: Str, problems: &mut Vec<Problem>) -> Self {
        let mut r = Reader::new(root, &SCHEMA, problems);
        if r.get("spec.template").is_none() {
            r.problem("spec.template", &SCHEMA, "is missing");
        }
        r.word("spec.updateStrategy.type", &["RollingRecreate", "OnDelete"]);
        let startup = r.word(
            "spec.template.cliqueStartupType",
            &[
                "CliqueStartupTypeAnyOrder",
                "CliqueStartupTypeInOrder",
                "CliqueStartupTypeExplicit",
            ],
        );
        Self {
            ids: root.ids.clone(),
            name: r.name(),
            namespace,
            labels: r.strings("metadata.labels"),
            annotations: r.strings("metadata.annotations"),
            replicas: r
                .int("spec.replicas", 0, i32::MAX.into())
                .unwrap_or_else(|| Traced::new(0, r.place("spec"))),
            startup: match startup.as_ref().map(|s| s.value.as_str()) {
                Some("CliqueStartupTypeInOrder") => Startup::InOrder,
                Some("CliqueStartupTypeExplicit") => Startup::Explicit,
                _ => Startup::AnyOrder,
            },
            priority_class: r.string("spec.template.priorityClassName"),
            publish_not_ready: r
                .bool("spec.template.headlessServiceConfig.publishNotReadyAddresses")
                .unwrap_or_else(|| Traced::default_of(true)),
            termination_delay: r.string("spec.template.terminationDelay"),
            topology: constraint(&mut r, "spec.template.topologyConstraint"),
            claim_templates: r.list("spec.template.resourceClaimTemplates").to_vec(),
            sharing: r.list("spec.template.resourceSharing").to_vec(),
            cliques: each(&mut r, "spec.template.cliques", clique),
            groups: each(&mut r, "spec.template.podCliqueScalingGroups", group),
        }
    }

    /// The scaling group that a clique is a member of.
    pub(super) fn group_of(&self, clique: &str) -> Option<&Group> {
        self.groups.iter().find(|g| g.has(clique))
    }

    /// The clique of a name.
    pub(super) fn clique(&self, name: &str) -> Option<&Clique> {
        self.cliques.iter().find(|c| c.name.value == name)
    }

    /// All topology constraints: the set's, the groups' and the cliques'.
    pub(super) fn constraints(&self) -> impl Iterator<Item = &Constraint> {
        self.topology
            .iter()
            .chain(self.groups.iter().filter_map(|g| g.topology.as_ref()))
            .chain(self.cliques.iter().filter_map(|c| c.topology.as_ref()))
    }
}

impl Group {
    /// Whether a clique is a member.
    pub(super) fn has(&self, clique: &str) -> bool {
        self.clique_names.iter().any(|n| n.value == clique)
    }

    /// The members in their order.
    pub(super) fn members<'a>(&'a self, set: &'a Set) -> impl Iterator<Item = &'a Clique> {
        self.clique_names.iter().filter_map(|n| set.clique(&n.value))
    }
}

impl Constraint {
    /// The domain that must hold.
    pub(super) fn required(&self) -> Option<&Traced<Str>> {
        self.required.as_ref().or(self.pack_domain.as_ref())
    }
}

/// Reads each mapping of a list.
fn each<T>(r: &mut Reader<'_>, path: &str, read: fn(&mut Reader<'_>) -> T) -> Vec<T> {
    let mut all = Vec::new();
    for (n, node) in r.list(path).iter().enumerate() {
        if node.as_map().is_some() {
            all.push(read(&mut r.below(node, &format!("{path}[{n}]"))));
        } else {
            r.problem(path, &SCHEMA, format!("has an element {n} that is not a mapping"));
        }
    }
    all
}

/// A string, absent if it is empty.
fn filled(r: &mut Reader<'_>, path: &str) -> Option<Traced<Str>> {
    r.string(path).filter(|s| !s.value.is_empty())
}

/// A string, empty if it is absent.
fn text(r: &mut Reader<'_>, path: &str) -> Traced<Str> {
    r.string(path)
        .unwrap_or_else(|| Traced::new(Str::default(), r.root.ids.clone()))
}

fn texts(r: &mut Reader<'_>, path: &str) -> Vec<Traced<Str>> {
    let mut all = Vec::new();
    for node in r.list(path) {
        match node.as_str() {
            Some(text) => all.push(Traced::new(text.into(), node.ids.clone())),
            None => r.problem(path, &SCHEMA, "has an element that is not a string"),
        }
    }
    all
}

fn clique(r: &mut Reader<'_>) -> Clique {
    let written = r
        .int32("spec.replicas")
        .unwrap_or_else(|| Traced::new(0, r.place("spec.replicas")));
    let labels = r.strings("labels");
    let annotations = r.strings("annotations");
    let mut pod_spec = r.get("spec.podSpec").cloned().unwrap_or_default();
    let map = pod_spec.map_mut();
    let absent = |map: &Map, key| map.get(key).is_none_or(|n| n.is_null() || n.as_str() == Some(""));
    if absent(map, "restartPolicy") {
        map.insert("restartPolicy", "Always");
    }
    if absent(map, "terminationGracePeriodSeconds") {
        map.insert("terminationGracePeriodSeconds", 30_i64);
    }
    let judgement = judged(&labels, &annotations, &pod_spec, &r.place("spec.podSpec"));
    r.problems.extend(judgement.schema.iter().cloned());
    Clique {
        ids: r.root.ids.clone(),
        name: text(r, "name"),
        topology: constraint(r, "topologyConstraint"),
        sharing: r.list("resourceSharing").to_vec(),
        role_name: text(r, "spec.roleName"),
        min_available: r.int32("spec.minAvailable").unwrap_or_else(|| written.clone()),
        scaling: scaling(r, "spec.autoScalingConfig", &written),
        replicas: written.map(|n| if *n == 0 { 1 } else { *n }),
        starts_after: texts(r, "spec.startsAfter"),
        labels,
        annotations,
        pod_spec,
        judgement,
        written: r.root.clone(),
    }
}

/// What Kubernetes says about pods of a clique. What Grove overwrites is not looked at.
fn judged(labels: &Map, annotations: &Map, pod_spec: &Node, place: &Ids) -> Judgement {
    let mut spec = pod_spec.clone();
    spec.map_mut()
        .retain(|key, _| !["hostname", "subdomain", "schedulingGates"].contains(&key));
    let metadata = Map::from_iter([
        ("labels", Node::from(labels.clone())),
        ("annotations", annotations.clone().into()),
    ]);
    let template = Map::from_iter([("metadata", Node::from(metadata)), ("spec", spec)]);
    judge(&template.into(), &[], &SCHEMA, place)
}

fn group(r: &mut Reader<'_>) -> Group {
    let one = |r: &Reader<'_>| Traced::new(1, r.root.ids.clone());
    let replicas = r.int32("replicas").unwrap_or_else(|| one(r));
    Group {
        ids: r.root.ids.clone(),
        name: text(r, "name"),
        clique_names: texts(r, "cliqueNames"),
        annotations: r.strings("annotations"),
        min_available: r.int32("minAvailable").unwrap_or_else(|| one(r)),
        scaling: scaling(r, "scaleConfig", &replicas),
        sharing: r.list("resourceSharing").to_vec(),
        topology: constraint(r, "topologyConstraint"),
        replicas,
        written: r.root.clone(),
    }
}

fn scaling(r: &mut Reader<'_>, path: &str, replicas: &Traced<i64>) -> Option<Scaling> {
    let node = r.get(path)?;
    if node.as_map().is_none() {
        r.problem(path, &SCHEMA, "is not a mapping");
        return None;
    }
    let mut r = r.below(node, path);
    Some(Scaling {
        ids: node.ids.clone(),
        min: r.int32("minReplicas").unwrap_or_else(|| replicas.clone()),
        max: r
            .int32("maxReplicas")
            .unwrap_or_else(|| Traced::new(0, node.ids.clone())),
        metrics: r.get("metrics").cloned(),
    })
}

fn constraint(r: &mut Reader<'_>, path: &str) -> Option<Constraint> {
    let node = r.get(path)?;
    if node.as_map().is_none() {
        r.problem(path, &SCHEMA, "is not a mapping");
        return None;
    }
    let mut r = r.below(node, path);
    Some(Constraint {
        ids: node.ids.clone(),
        topology_name: filled(&mut r, "topologyName"),
        pack: r.get("pack").is_some(),
        required: filled(&mut r, "pack.required"),
        preferred: filled(&mut r, "pack.preferred"),
        pack_domain: filled(&mut r, "packDomain"),
    })
}

/// What the defaulting webhook of PodCliqueSets does before the schema is asked: it writes the object anew by its Go types.
pub fn mutate(object: &mut Node) {
    if object.get("kind").and_then(Node::as_str) != Some("PodCliqueSet") {
        return;
    }
    let cliques = object.at(&["spec", "template", "cliques"]).and_then(Node::as_seq);
    for n in 0..cliques.map_or(0, <[Node]>::len) {
        let path = ["spec", "template", "cliques"];
        let Some(clique) = object.at_mut(&path).seq_mut().get_mut(n) else {
            return;
        };
        let Some(Value::Map(spec)) = (match &mut clique.value {
            Value::Map(map) => map.get_mut("spec").map(|n| &mut n.value),
            _ => None,
        }) else {
            continue;
        };
        for (key, value) in [("roleName", Node::from("")), ("replicas", Node::from(1_i64))] {
            if !spec.contains_key(key) {
                spec.insert(key, value);
            }
        }
    }
    crate::dialect::shared::amounts_as_text(object);
}
