//! The ModelServing that comes of a ModelBooster (`pkg/model-booster-controller/convert/model_serving.go`).

use super::cache::Cache;
use super::command::placeholders;
use super::containers::Containers;
use super::read::{ModelBooster, Worker};
use crate::dialect::kthena::children::map;
use crate::dialect::kthena::codes::NOT_MADE;
use crate::dialect::kthena::options::Platform;
use crate::kubernetes::container::empty_dir;
use crate::pods::{Problem, field_variable, variable};
use crate::value::{Ids, Map, Node};

/// The labels of all that comes of a ModelBooster. Revision and UID are not known before.
pub fn labels(booster: &ModelBooster, backend: &Node) -> Node {
    let label = |key: &str| format!("workload.serving.volcano.sh/{key}");
    Map::from_iter([
        (label("model-name"), booster.name.node()),
        (label("backend-name"), backend.clone()),
        (label("managed-by"), "workload.serving.volcano.sh".into()),
        (label("revision"), "<hash>".into()),
        (label("model-uid"), "<hash>".into()),
    ])
    .into()
}

/// The metadata of an object that comes of a ModelBooster.
pub fn metadata(booster: &ModelBooster, name: Node, backend: &Node) -> Node {
    let owner = map([
        ("apiVersion", "workload.serving.volcano.sh/v1alpha1".into()),
        ("kind", super::KIND.into()),
        ("name", booster.name.node()),
        ("controller", true.into()),
    ]);
    map([
        ("name", name),
        ("labels", labels(booster, backend)),
        ("ownerReferences", vec![owner].into()),
    ])
}

/// The ModelServing, or why there is none.
pub fn model_serving(booster: &ModelBooster, platform: &Platform) -> Result<Node, Problem> {
    let backend = &booster.backend;
    let fail = |(reason, ids): (String, Ids)| Problem::new(&NOT_MADE, reason, &ids);
    let workers = workers(booster).map_err(fail)?;
    let cache = Cache::of(backend).map_err(fail)?;
    let containers = Containers {
        booster,
        cache: &cache,
        platform,
    };
    let role = |worker: &Worker| match worker.kind.value.as_str() {
        "server" => leader(&containers, worker),
        _ => half(&containers, worker),
    };
    let roles: Vec<Node> = workers.into_iter().map(role).collect();
    let named = |role: &Node| {
        Some((
            role.get("name")?.as_str()?.to_owned(),
            role.get("replicas")?.clone(),
        ))
    };
    let minimums: Map = roles.iter().filter_map(named).collect();
    let template = map([
        ("restartGracePeriodSeconds", 60_i64.into()),
        ("gangPolicy", map([("minRoleReplicas", minimums.into())])),
        ("roles", roles.into()),
    ]);
    let mut spec = map([("replicas", backend.replicas.node()), ("template", template)]);
    if !backend.scheduler.value.is_empty() || !platform.has_default_scheduler() {
        spec.set("schedulerName", backend.scheduler.node());
    }
    let metadata = metadata(booster, booster.child_name().node(), &backend.name.node());
    let mut root = map([
        ("apiVersion", "workload.serving.volcano.sh/v1alpha1".into()),
        ("kind", "ModelServing".into()),
        ("metadata", metadata),
        ("spec", spec),
    ]);
    placeholders(&mut root, &values(&containers)).map_err(fail)?;
    Ok(root)
}

/// The workers that become roles. The webhook lets one of prefill and decode be missing.
fn workers(booster: &ModelBooster) -> Result<Vec<&Worker>, (String, Ids)> {
    let backend = &booster.backend;
    let wanted: &[&str] = if backend.is_disaggregated() {
        &["prefill", "decode"]
    } else {
        &["server"]
    };
    let worker = |kind: &&str| {
        let missing = || (format!("there is no {kind} worker"), booster.root.ids.clone());
        backend.worker(kind).ok_or_else(missing)
    };
    wanted.iter().map(worker).collect()
}

/// What Kthena's templates have a placeholder for, as far as it is no object.
fn values(containers: &Containers<'_>) -> Vec<(&'static str, String)> {
    let (booster, backend) = (containers.booster, &containers.booster.backend);
    let word = |node: Node| node.as_str().unwrap_or_default().to_owned();
    let port = backend.port().value;
    vec![
        ("MODEL_NAME", booster.name.value.to_string()),
        ("BACKEND_REPLICAS", backend.replicas.value.to_string()),
        ("SCHEDULER_NAME", backend.scheduler.value.to_string()),
        ("ENGINE_PORT", port.to_string()),
        (
            "MODEL_SERVING_RUNTIME_PORT",
            containers.runtime_port().as_int().unwrap_or_default().to_string(),
        ),
        (
            "MODEL_SERVING_RUNTIME_URL",
            word(containers.decided("RUNTIME_URL", &format!("http://localhost:{port}"))),
        ),
        ("MODEL_SERVING_RUNTIME_ENGINE", backend.kind.value.to_lowercase()),
        (
            "MODEL_SERVING_RUNTIME_METRICS_PATH",
            word(containers.decided("RUNTIME_METRICS_PATH", "/metrics")),
        ),
    ]
}

fn role(name: Node, worker: &Worker, workers: Node, entry: Node, template: Node) -> Node {
    map([
        ("name", name),
        // Go writes a number that is absent as 0.
        (
            "replicas",
            Node::derived(worker.replicas.value, &worker.replicas.ids),
        ),
        ("workerReplicas", workers),
        ("entryTemplate", entry),
        ("workerTemplate", template),
    ])
}

/// What the PodSpecs of all roles have.
fn pod_spec(containers: &Containers<'_>, worker: &Worker, own: Vec<Node>) -> Node {
    let mut spec = map([
        ("initContainers", vec![containers.downloader()].into()),
        ("containers", own.into()),
        ("volumes", vec![containers.cache.volume.clone()].into()),
    ]);
    let optional = [
        ("runtimeClassName", &containers.booster.backend.runtime_class),
        ("affinity", &worker.affinity),
        ("tolerations", &worker.tolerations),
    ];
    for (key, value) in optional {
        if let Some(value) = value {
            spec.set(key, value.clone());
        }
    }
    spec
}

fn template(containers: &Containers<'_>, spec: Node) -> Node {
    let backend = containers.booster.backend.name.node();
    let labels = labels(containers.booster, &backend);
    map([("metadata", map([("labels", labels)])), ("spec", spec)])
}

/// The only role of a backend that is not disaggregated: a leader, and Ray workers if an engine has several pods.
fn leader(containers: &Containers<'_>, worker: &Worker) -> Node {
    let env = containers.env([]);
    let memory = |spec: &mut Node| {
        let volumes = spec.at_mut(&["volumes"]).seq_mut();
        volumes.push(empty_dir("dshm", Some("Memory"), None));
    };
    let own = vec![
        containers.runtime(&env, true, true),
        containers.server(worker, &env),
    ];
    let mut entry = pod_spec(containers, worker, own);
    entry.set("terminationGracePeriodSeconds", 300_i64);
    memory(&mut entry);
    let mut others = pod_spec(containers, worker, vec![containers.ray_worker(worker)]);
    memory(&mut others);
    let workers = Node::derived(worker.pods.value.saturating_sub(1).max(0), &worker.pods.ids);
    let name = Node::derived("leader", &worker.kind.ids);
    role(
        name,
        worker,
        workers,
        template(containers, entry),
        template(containers, others),
    )
}

/// Prefill or decode: always one pod. The empty template of workers makes a Service nonetheless.
fn half(containers: &Containers<'_>, worker: &Worker) -> Node {
    let interface = |name: &str| variable(name, "eth0");
    let offline = variable("HF_HUB_OFFLINE", "1");
    let prefill = worker.kind.value == "prefill";
    let env = if prefill {
        containers.env([offline, field_variable("HCCL_IF_IP", "status.podIP")])
    } else {
        let interfaces = ["GLOO_SOCKET_IFNAME", "TP_SOCKET_IFNAME", "HCCL_SOCKET_IFNAME"];
        containers.env([offline].into_iter().chain(interfaces.map(interface)))
    };
    let own = vec![
        containers.runtime(&env, !prefill, false),
        containers.half(worker, &env),
    ];
    let entry = template(containers, pod_spec(containers, worker, own));
    let none = map([("spec", map([("containers", Node::seq())]))]);
    role(worker.kind.node(), worker, 0_i64.into(), entry, none)
}
