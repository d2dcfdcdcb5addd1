//! The objects that Grove makes beside pods.

use super::clique::{PodClique, group_name, slice_name};
use super::object::{annotate, child, label, texts};
use super::pod::{has_gpus, mnnvl_group};
use super::{gangs, replicas};
use crate::dialect::grove::admit::MNNVL_GROUP;
use crate::dialect::grove::operator::Operator;
use crate::dialect::grove::read::{API_VERSION, Group, Scaling, Set};
use crate::pods::{Child, Expansion, Scene};
use crate::value::{Map, Node, Str};
use std::collections::BTreeSet;

/// What every set has: the rights of the init containers.
pub(super) fn of_every_set(set: &Set) -> Vec<Child> {
    let name = &set.name.value;
    let role: Str = format!("grove.io:pcs:{name}").into();
    let rbac = "rbac.authorization.k8s.io/v1";
    let account = child(set, ("v1", "ServiceAccount"), name.clone(), "pod-service-account");
    let mut rules = child(set, (rbac, "Role"), role.clone(), "pod-role");
    let mut binding = child(set, (rbac, "RoleBinding"), role.clone(), "pod-role-binding");
    for child in [&mut rules, &mut binding] {
        label(child, "app.kubernetes.io/name", format!("grove.io-pcs-{name}"));
    }
    let words = |words: &[&str]| -> Vec<Node> { words.iter().map(|w| Node::from(*w)).collect() };
    let rule: Node = Map::from_iter([
        ("apiGroups", words(&[""])),
        ("resources", words(&["pods", "pods/status"])),
        ("verbs", words(&["get", "list", "watch"])),
    ])
    .into();
    rules.object.set("rules", vec![rule]);
    binding.object.set(
        "roleRef",
        texts(&[
            ("apiGroup", "rbac.authorization.k8s.io"),
            ("kind", "Role"),
            ("name", &role),
        ]),
    );
    let subject = texts(&[
        ("kind", "ServiceAccount"),
        ("name", name),
        ("namespace", &set.namespace),
    ]);
    binding.object.set("subjects", vec![subject]);
    let secret: Str = format!("{name}-ic-sat").into();
    let mut secret = child(set, ("v1", "Secret"), secret, "pod-sa-token-secret");
    let annotation = texts(&[("kubernetes.io/service-account.name", name)]);
    secret.object.at_mut(&["metadata"]).set("annotations", annotation);
    secret.object.set("type", "kubernetes.io/service-account-token");
    vec![account, rules, binding, secret]
}

/// Adds all other objects of a set with replicas.
pub(super) fn add(
    set: &Set,
    cliques: &[PodClique<'_>],
    operator: &Operator,
    scene: &Scene<'_>,
    scheduler: &str,
    expansion: &mut Expansion,
) {
    let slices = 0..u32::try_from(set.replicas.value).unwrap_or_default();
    let all = &mut expansion.children;
    all.extend(services(set));
    slices.clone().for_each(|slice| autoscalers(set, slice, all));
    compute_domains(set, cliques, all);
    let lone = |c: &&PodClique<'_>| c.group.is_none();
    all.extend(cliques.iter().filter(lone).map(|c| podclique(set, c)));
    all.extend(slices.flat_map(|slice| set.groups.iter().map(move |g| scaling_group(set, slice, g))));
    gangs::add(set, cliques, (operator, scene), scheduler, all);
    all.extend(cliques.iter().filter(|c| !lone(c)).map(|c| podclique(set, c)));
    resource_claims(set, cliques, all);
}

/// The headless Services.
pub(super) fn services(set: &Set) -> impl Iterator<Item = Child> {
    let slices = 0..u32::try_from(set.replicas.value).unwrap_or_default();
    slices.map(|slice| service(set, slice))
}

fn service(set: &Set, slice: u32) -> Child {
    let mut service = child(
        set,
        ("v1", "Service"),
        slice_name(set, slice),
        "pcs-headless-service",
    );
    let index = slice.to_string();
    label(
        &mut service,
        "grove.io/podcliqueset-replica-index",
        index.as_str(),
    );
    let spec = service.object.at_mut(&["spec"]);
    spec.set("clusterIP", "None");
    spec.set("publishNotReadyAddresses", set.publish_not_ready.value);
    spec.set(
        "selector",
        texts(&[
            ("app.kubernetes.io/managed-by", "grove-operator"),
            ("app.kubernetes.io/part-of", &set.name.value),
            ("grove.io/podcliqueset-replica-index", &index),
        ]),
    );
    service
}

fn autoscalers(set: &Set, slice: u32, all: &mut Vec<Child>) {
    let slice = slice_name(set, slice);
    let mut of = |kind: &str, name: &Str, scaling: &Scaling| {
        let target: Str = format!("{slice}-{name}").into();
        let mut hpa = child(
            set,
            ("autoscaling/v2", "HorizontalPodAutoscaler"),
            target.clone(),
            "pcs-hpa",
        );
        let spec = hpa.object.at_mut(&["spec"]);
        spec.set(
            "scaleTargetRef",
            texts(&[("apiVersion", API_VERSION), ("kind", kind), ("name", &target)]),
        );
        spec.set("minReplicas", scaling.min.value);
        spec.set("maxReplicas", scaling.max.value);
        if let Some(metrics) = &scaling.metrics {
            spec.set("metrics", metrics.clone());
        }
        all.push(hpa);
    };
    for group in &set.groups {
        group
            .scaling
            .iter()
            .for_each(|s| of("PodCliqueScalingGroup", &group.name.value, s));
    }
    for clique in &set.cliques {
        let taken = |g: &Group| g.scaling.is_some() && g.name.value == clique.name.value;
        if !set.groups.iter().any(taken) {
            clique
                .scaling
                .iter()
                .for_each(|s| of("PodClique", &clique.name.value, s));
        }
    }
}

fn compute_domains(set: &Set, cliques: &[PodClique<'_>], all: &mut Vec<Child>) {
    let mut names: BTreeSet<Str> = BTreeSet::new();
    for made in cliques.iter().filter(|c| has_gpus(&c.template.pod_spec)) {
        let Some(group) = mnnvl_group(set, made) else {
            continue;
        };
        let name: Str = format!("{}-{group}", slice_name(set, made.slice)).into();
        if !names.insert(name.clone()) {
            continue;
        }
        let kind = ("resource.nvidia.com/v1beta1", "ComputeDomain");
        let mut domain = child(set, kind, name.clone(), "pcs-computedomain");
        label(&mut domain, "grove.io/mnnvl-group", group);
        label(
            &mut domain,
            "grove.io/podcliqueset-replica-index",
            made.slice.to_string(),
        );
        let spec = domain.object.at_mut(&["spec"]);
        spec.set("numNodes", 0_i64);
        spec.at_mut(&["channel", "resourceClaimTemplate"])
            .set("name", name);
        all.push(domain);
    }
}

fn scaling_group(set: &Set, slice: u32, group: &Group) -> Child {
    let name = group_name(set, slice, group);
    let mut made = child(
        set,
        (API_VERSION, "PodCliqueScalingGroup"),
        name,
        "pcs-podcliquescalinggroup",
    );
    label(
        &mut made,
        "grove.io/podcliqueset-replica-index",
        slice.to_string(),
    );
    let mut annotations = group.annotations.clone();
    if !annotations.contains_key(MNNVL_GROUP) {
        annotations.insert_some(MNNVL_GROUP, set.annotations.get(MNNVL_GROUP).cloned());
    }
    annotate(&mut made, annotations);
    let spec = made.object.at_mut(&["spec"]);
    spec.set("replicas", replicas(group));
    spec.set("minAvailable", group.min_available.value);
    let names: Vec<Node> = group.clique_names.iter().map(Node::from).collect();
    spec.set("cliqueNames", names);
    made
}

/// A PodClique; its pods have its labels and its PodSpec.
fn podclique(set: &Set, made: &PodClique<'_>) -> Child {
    let kind = (API_VERSION, "PodClique");
    let mut object = child(set, kind, made.name.clone(), made.component());
    let labels = object.object.at_mut(&["metadata", "labels"]).map_mut();
    for (key, value) in &made.template.labels {
        if !labels.contains_key(key) {
            labels.insert(key.clone(), value.clone());
        }
    }
    let mut annotations = made.template.annotations.clone();
    annotations.remove("grove.io/topology-name");
    annotate(&mut object, annotations);
    if let Some((group, replica)) = made.group {
        let name = group_name(set, made.slice, group);
        object.owner = ("PodCliqueScalingGroup".into(), name.clone());
        label(&mut object, "grove.io/podcliquescalinggroup", name);
        let replica = replica.to_string();
        label(
            &mut object,
            "grove.io/podcliquescalinggroup-replica-index",
            replica,
        );
        if !made.is_base() {
            label(&mut object, "grove.io/base-podgang", slice_name(set, made.slice));
        }
    }
    label(
        &mut object,
        "grove.io/podcliqueset-replica-index",
        made.slice.to_string(),
    );
    label(&mut object, "grove.io/podgang", made.gang.clone());
    label(&mut object, "grove.io/pod-template-hash", "<hash>");
    let spec = object.object.at_mut(&["spec"]);
    spec.set("roleName", made.template.role_name.value.clone());
    spec.set("replicas", made.template.replicas.value);
    spec.set("minAvailable", made.template.min_available.value);
    if !made.waits.is_empty() {
        let names: Vec<Node> = made.waits.iter().map(|(n, _)| n.clone().into()).collect();
        spec.set("startsAfter", names);
    }
    object
}

/// An owner of shared claims.
struct Owner<'a> {
    kind: &'a str,
    name: &'a Str,
    /// The label with its name, if its claims have one.
    label: Option<&'a str>,
    /// The label with the number of a replica.
    index_label: &'a str,
}

/// The shared claims, each once.
fn resource_claims(set: &Set, cliques: &[PodClique<'_>], all: &mut Vec<Child>) {
    let mut names: BTreeSet<Str> = BTreeSet::new();
    let mut add = |list: &[Node], owner: &Owner<'_>, replica: u32| {
        for entry in list {
            let claim = resource_claim(set, entry, owner, replica);
            if names.insert(claim.name.clone()) {
                all.push(claim);
            }
        }
    };
    for made in cliques {
        let of_set = Owner {
            kind: "PodCliqueSet",
            name: &set.name.value,
            label: None,
            index_label: "grove.io/podcliqueset-replica-index",
        };
        add(&set.sharing, &of_set, made.slice);
        if let Some((group, replica)) = made.group {
            let of_group = Owner {
                kind: "PodCliqueScalingGroup",
                name: &group_name(set, made.slice, group),
                label: Some("grove.io/podcliquescalinggroup"),
                index_label: "grove.io/podcliquescalinggroup-replica-index",
            };
            add(&group.sharing, &of_group, replica);
        }
        let of_clique = Owner {
            kind: "PodClique",
            name: &made.name,
            label: Some("grove.io/podclique"),
            index_label: "grove.io/podclique-pod-index",
        };
        if !made.clique.sharing.is_empty() {
            (0..made.count).for_each(|index| add(&made.clique.sharing, &of_clique, index));
        }
    }
}

fn resource_claim(set: &Set, entry: &Node, owner: &Owner<'_>, replica: u32) -> Child {
    let text = |key| entry.get(key).and_then(Node::as_str).unwrap_or_default();
    let number = match text("scope") {
        "AllReplicas" => None,
        _ => Some(replica.to_string()),
    };
    let part = number.as_deref().unwrap_or("all");
    let name: Str = format!("{}-{part}-{}", owner.name, text("name")).into();
    let kind = ("resource.k8s.io/v1", "ResourceClaim");
    let mut claim = child(set, kind, name, "resource-claim");
    claim.owner = (owner.kind.into(), owner.name.clone());
    let labels = claim.object.at_mut(&["metadata", "labels"]).map_mut();
    labels.remove("app.kubernetes.io/name");
    if let Some(key) = owner.label {
        labels.insert(key, owner.name.clone());
    }
    labels.insert_some(owner.index_label, number);
    let own = |t: &&Node| t.get("name").and_then(Node::as_str) == Some(text("name"));
    let template = set.claim_templates.iter().find(own);
    if let Some(spec) = template.and_then(|t| t.at(&["templateSpec", "spec"])) {
        claim.object.set("spec", spec.clone());
    }
    claim
}
