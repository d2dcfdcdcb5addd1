//! The objects between a StormService and its pods.

use super::admit::PREFIX;
use super::expand_pods::{Group, Set};
use super::options::GangScheduler;
use super::pattern::{HASH, pattern};
use super::read::{Role, StormService, Strategy};
use crate::pods::Child;
use crate::value::{Map, Node, Str};

const API: &str = "orchestration.aibrix.ai/v1alpha1";

fn child(api_version: &str, kind: &str, name: Str, owner: (&str, Str), object: Node) -> Child {
    Child {
        api_version: api_version.into(),
        kind: kind.into(),
        name,
        owner: (owner.0.into(), owner.1),
        object,
    }
}

fn labelled(labels: Map, annotations: Map) -> Node {
    let mut object = Node::map();
    for (field, map) in [("labels", labels), ("annotations", annotations)] {
        if !map.is_empty() {
            object.at_mut(&["metadata"]).set(field, map);
        }
    }
    object
}

/// The headless Service of a StormService.
pub fn service(of: &StormService) -> Child {
    let name = &of.meta.name.value;
    let mut object = labelled(of.meta.labels.clone(), Map::new());
    let spec = object.at_mut(&["spec"]);
    spec.set("clusterIP", "None");
    spec.set("publishNotReadyAddresses", true);
    spec.at_mut(&["selector"]).set("storm-service-name", name.clone());
    child(
        "v1",
        "Service",
        name.clone(),
        ("StormService", name.clone()),
        object,
    )
}

/// The name of a StormService's revision.
pub fn revision_name(of: &StormService) -> Str {
    pattern(&format!("{}-{HASH}", of.meta.name.value))
}

/// The revision that a StormService's template gets.
pub fn revision(of: &StormService) -> Child {
    let name = &of.meta.name.value;
    let mut labels = Map::new();
    labels.insert("name", name.clone());
    labels.insert("controller.kubernetes.io/hash", pattern(HASH));
    let mut object = labelled(labels, Map::new());
    object.set("revision", 1_u32);
    let owner = ("StormService", name.clone());
    child("apps/v1", "ControllerRevision", revision_name(of), owner, object)
}

/// A RoleSet of a StormService. Its spec is that of the StormService's template.
pub fn role_set(set: &Set<'_>) -> Child {
    let object = labelled(set.labels.clone(), set.annotations.clone());
    let owner = ("StormService", set.service.clone());
    child(API, "RoleSet", pattern(&set.name), owner, object)
}

/// The PodGroup of a RoleSet or PodSet (`kind`), with the label that tells it apart.
pub fn pod_group(strategy: &Strategy, kind: &str, name: &str) -> Child {
    let api = match strategy.scheduler {
        GangScheduler::Volcano => "scheduling.volcano.sh/v1beta1",
        GangScheduler::Coscheduling => "scheduling.x-k8s.io/v1alpha1",
        GangScheduler::Godel => "scheduling.godel.kubewharf.io/v1alpha1",
    };
    let label = match kind {
        "RoleSet" => "roleset-name".to_owned(),
        _ => format!("{PREFIX}podset-name"),
    };
    let mut labels = Map::new();
    labels.insert(label, pattern(name));
    let mut object = labelled(labels, Map::new());
    object.set("spec", strategy.spec.clone());
    child(api, "PodGroup", pattern(name), (kind, pattern(name)), object)
}

/// A PodSet of a RoleSet.
pub fn pod_set(group: &Group<'_>, role: &Role, set: &Set<'_>) -> Child {
    let mut object = labelled(group.labels.clone(), group.annotations.clone());
    let spec = object.at_mut(&["spec"]);
    spec.set("podGroupSize", group.size);
    spec.set("recoveryPolicy", "ReplaceUnhealthy");
    if let Some(strategy) = &role.scheduling {
        spec.at_mut(&["schedulingStrategy"])
            .set(strategy.scheduler.field(), strategy.spec.clone());
    }
    let owner = ("RoleSet", pattern(&set.name));
    child(API, "PodSet", pattern(&group.name), owner, object)
}
