//! Roles that become a StatefulSet, a Deployment or a LeaderWorkerSet (pkg/reconciler).

use super::super::codes::NAME_TOO_LONG;
use super::super::read::{Pattern, Role};
use super::children;
use super::group::{Fate, Making};
use super::instance::refused;
use super::revision_problem;
use super::template::Injectors;
use crate::dialect::Context;
use crate::dialect::shared::compose;
use crate::kubernetes::names::dns_label;
use crate::pods::deployment::pod_name;
use crate::pods::{Pod, Problem};
use crate::value::{Map, Node, Str};

const SIDECARS: Injectors = Injectors {
    sidecars: true,
    leader_worker: false,
};

type Result = std::result::Result<(), (Fate, Problem)>;

fn failed(problem: Problem) -> (Fate, Problem) {
    (Fate::Failed, problem)
}

fn strings(template: &Node, key: &str) -> Map {
    let node = template.at(&["metadata", key]);
    node.and_then(Node::as_map).cloned().unwrap_or_default()
}

/// The base template: patches of leader and workers, and components, are not looked at.
fn template(making: &Making<'_>, role: &Role, service: &str) -> std::result::Result<Node, (Fate, Problem)> {
    let templates = making.templates(role, service);
    let source = role.source().cloned().unwrap_or_default();
    let template = templates.resolve(&source).map_err(failed)?;
    templates.complete(template, SIDECARS).map_err(failed)
}

/// A role as a StatefulSet: pods `<group>-<role>-<ordinal>`.
pub fn stateful_set(making: &mut Making<'_>, role: &Role) -> Result {
    let service = making.service(role);
    let template = template(making, role, &service)?;
    let set = making.group.workload_name(role);
    let owner = ("StatefulSet", set.as_str());
    let ids = making.group.name.ids.union(&role.name.ids);
    making
        .made
        .children
        .push(children::workload(making.group, role, "apps/v1", "StatefulSet"));
    if let Err(error) = dns_label(&service) {
        let reason = format!("`{service}` is no name of a Service: {error}");
        return Err(failed(Problem::new(
            &super::super::verdicts::ROLE_NAME,
            reason,
            &role.name.ids,
        )));
    }
    let headless = children::service(making.group, role, &service, owner);
    making.made.children.push(headless);
    let replicas = making.steps(role).last().copied().unwrap_or(0);
    let problem = revision_problem(&set, &ids).or_else(|| refused(&template, &role.name.ids));
    if let Some(problem) = problem.filter(|_| replicas > 0) {
        return Err((Fate::Stuck, problem));
    }
    let (labels, annotations) = (strings(&template, "labels"), strings(&template, "annotations"));
    for ordinal in 0..replicas {
        let name = format!("{set}-{ordinal}");
        if name.len() > 63 {
            let reason = format!("Kubernetes refuses the pod `{name}`: more than 63 characters");
            making.problem(Problem::new(&NAME_TOO_LONG, reason, &ids));
            break;
        }
        let mut labels = labels.clone();
        labels.insert("apps.kubernetes.io/pod-index", ordinal.to_string());
        labels.insert("controller-revision-hash", format!("{set}-<hash>"));
        labels.insert("statefulset.kubernetes.io/pod-name", name.as_str());
        let mut spec = template.get("spec").cloned().unwrap_or_default();
        spec.set("hostname", name.as_str());
        spec.set("subdomain", service.as_str());
        making.made.pods.push(Pod {
            slice: making.slice,
            role: role.name.value.clone(),
            replica: u32::try_from(ordinal).unwrap_or(u32::MAX),
            name: name.into(),
            generate_name: Some(format!("{set}-").into()),
            labels,
            annotations: annotations.clone(),
            spec,
            ..Pod::default()
        });
    }
    Ok(())
}

/// A role as a Deployment: pods of any name, without a Service.
pub fn deployment(making: &mut Making<'_>, role: &Role) -> Result {
    let template = template(making, role, "")?;
    let name = making.group.workload_name(role);
    making
        .made
        .children
        .push(children::workload(making.group, role, "apps/v1", "Deployment"));
    let replicas = making.steps(role).last().copied().unwrap_or(0);
    if let Some(problem) = refused(&template, &role.name.ids).filter(|_| replicas > 0) {
        return Err((Fate::Stuck, problem));
    }
    let mut labels = strings(&template, "labels");
    labels.insert("pod-template-hash", "<hash>");
    let pattern = pod_name(&name);
    let set = format!("{name}-<hash>");
    let owner = ("Deployment", name.as_str());
    let replica_set = children::child(
        "apps/v1",
        "ReplicaSet",
        set.as_str(),
        owner,
        Map::new(),
        Map::new(),
    );
    making.made.children.push(replica_set);
    for replica in 0..replicas {
        making.made.pods.push(Pod {
            slice: making.slice,
            role: role.name.value.clone(),
            replica: u32::try_from(replica).unwrap_or(u32::MAX),
            name: pattern.clone(),
            generate_name: Some(format!("{set}-").into()),
            labels: labels.clone(),
            annotations: strings(&template, "annotations"),
            spec: template.get("spec").cloned().unwrap_or_default(),
            ..Pod::default()
        });
    }
    Ok(())
}

/// A role as a LeaderWorkerSet, which its own controller expands.
pub fn leader_worker_set(making: &mut Making<'_>, role: &Role, cx: &mut Context<'_>) -> Result {
    let object = lws(making, role).map_err(failed)?;
    let name = making.group.workload_name(role);
    making.made.children.push(crate::pods::Child {
        api_version: "leaderworkerset.x-k8s.io/v1".into(),
        kind: "LeaderWorkerSet".into(),
        name: name.as_str().into(),
        owner: ("RoleBasedGroup".into(), making.group.name.value.clone()),
        object: Map::from_iter([("spec", Map::from_iter([("replicas", role.replicas.value)]))]).into(),
    });
    let place = match role.name.at() {
        Some(_) => &role.name.ids,
        None => &making.group.ids,
    };
    let mut composed = compose::expand(object, place, making.scene, cx);
    compose::open_revisions(&mut composed.expansion);
    for mut pod in std::mem::take(&mut composed.expansion.pods) {
        pod.slice = making.slice;
        pod.role = role.name.value.clone();
        making.made.pods.push(pod);
    }
    making.made.children.append(&mut composed.expansion.children);
    let Some(mut problem) = composed.problem else {
        return Ok(());
    };
    problem.reason = format!("LeaderWorkerSet `{name}`: {}", problem.reason);
    let fate = if composed.refused {
        Fate::Failed
    } else {
        Fate::Stuck
    };
    Err((fate, problem))
}

fn lws(making: &mut Making<'_>, role: &Role) -> std::result::Result<Node, Problem> {
    let replicas = making.steps(role).last().copied().unwrap_or(0);
    let templates = making.templates(role, "");
    let base = role
        .source()
        .and_then(|s| s.template.clone())
        .unwrap_or_else(Node::map);
    let (size, leader, worker, recreate) = match &role.pattern {
        Pattern::LeaderWorker(pattern) => {
            let policy = pattern.restart.policy.as_ref().map(|p| p.value.as_str());
            (
                pattern.size.value,
                pattern.leader_patch.as_ref(),
                pattern.worker_patch.as_ref(),
                policy != Some("None"),
            )
        }
        Pattern::Components(pattern) => {
            let policy = pattern.restart.policy.as_ref().map(|p| p.value.as_str());
            (1, None, None, policy != Some("None"))
        }
        _ => (1, None, None, false),
    };
    let leader = templates.complete(templates.patched(&base, leader)?, SIDECARS)?;
    let worker = templates.complete(templates.patched(&base, worker)?, Injectors::default())?;
    let restart = if recreate {
        "RecreateGroupOnPodRestart"
    } else {
        "None"
    };
    let template = Map::from_iter([
        ("leaderTemplate", leader),
        ("workerTemplate", worker),
        ("size", size.into()),
        ("restartPolicy", restart.into()),
    ]);
    let mut spec = Map::from_iter([
        ("replicas", Node::from(replicas)),
        ("leaderWorkerTemplate", template.into()),
    ]);
    spec.insert_some("rolloutStrategy", rollout(role, replicas));
    let mut metadata = Map::from_iter([
        (
            "name",
            Node::derived(making.group.workload_name(role), &role.name.ids),
        ),
        ("namespace", Node::from(making.group.namespace.clone())),
        ("labels", children::labels(making.group, role).into()),
    ]);
    metadata.insert("annotations", role.annotations.clone());
    Ok(Map::from_iter([
        ("apiVersion", Node::from("leaderworkerset.x-k8s.io/v1")),
        ("kind", Str::from("LeaderWorkerSet").into()),
        ("metadata", metadata.into()),
        ("spec", spec.into()),
    ])
    .into())
}

fn rollout(role: &Role, replicas: i64) -> Option<Node> {
    use crate::kubernetes::int_or_string::{IntOrPercent, Rounding};
    let update = role.rolling_update.as_ref()?;
    let mut configuration = Map::new();
    for key in ["maxSurge", "maxUnavailable"] {
        configuration.insert_some(key, update.get(key).filter(|n| !n.is_null()).cloned());
    }
    if let Some(node) = update.get("partition").filter(|n| !n.is_null()) {
        let partition = IntOrPercent::from_node(node)
            .ok()?
            .resolve(replicas, Rounding::Up);
        configuration.insert("partition", Node::derived(partition, &node.ids));
    }
    let strategy = Map::from_iter([
        ("type", Node::from("RollingUpdate")),
        ("rollingUpdateConfiguration", configuration.into()),
    ]);
    Some(strategy.into())
}
