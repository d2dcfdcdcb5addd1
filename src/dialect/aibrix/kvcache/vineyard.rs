//! The backend `vineyard`: a Deployment, and etcd (`pkg/controller/kvcache/backends/vineyard.go`).

use super::Dead;
use super::read::{KvCache, Runtime};
use super::steps::{PREFIX, Step, Template, Workload, container_port, fields, map, service_port, words};
use crate::kubernetes::container::{empty_dir, mount};
use crate::value::{Map, Node, Str};

/// What is made, in order; nothing can be if the settings do not fit together.
pub fn steps(cache: &KvCache, namespace: &str) -> Result<Vec<Step>, Dead> {
    let mut steps = Vec::new();
    if let Some(metadata) = &cache.metadata {
        match (&metadata.etcd, &metadata.redis) {
            (Some(etcd), _) => {
                let missing = || {
                    Dead::new(
                        "`metadata.etcd.runtime` is missing: the controller fails",
                        &etcd.ids,
                    )
                };
                etcd_steps(cache, etcd.runtime.as_ref().ok_or_else(missing)?, &mut steps);
            }
            (None, Some(_)) => {}
            (None, None) => {
                return Err(Dead::new(
                    "`metadata` names neither etcd nor redis",
                    &metadata.ids,
                ));
            }
        }
    }
    steps.push(Step::Deployment(deployment(cache, namespace)));
    let labels = Map::from_iter([(format!("{PREFIX}name"), cache.meta.name.node())]);
    let ports = vec![service_port("vineyard-rpc", 9600)];
    steps.push(cache.service(cache.part("-rpc"), labels, cache.labels("cache"), ports));
    Ok(steps)
}

/// Each pod of etcd is a cluster of its own, which one Service spreads requests over.
fn etcd_steps(cache: &KvCache, runtime: &Runtime, steps: &mut Vec<Step>) {
    for index in 0..u32::try_from(runtime.replicas.value).unwrap_or(0) {
        let name = cache.part(&format!("-etcd-{index}"));
        let mut labels = cache.labels("metadata");
        labels.insert(format!("{PREFIX}etcd-index"), name.clone());
        let spec = etcd(cache, runtime, &name);
        steps.push(cache.pod("metadata", index, name.clone(), labels.clone(), spec));
        let ports = vec![service_port("client", 2379), service_port("server", 2380)];
        steps.push(cache.service(name, labels.clone(), labels, ports));
    }
    let ports = vec![service_port("etcd-port", 2379)];
    let labels = || cache.labels("metadata");
    steps.push(cache.service(cache.part("-etcd-service"), labels(), labels(), ports));
}

/// Of its settings only the image is read.
fn etcd(cache: &KvCache, runtime: &Runtime, name: &Str) -> Node {
    let image = runtime.image.as_ref().filter(|i| i.as_str() != Some(""));
    let (peers, clients) = (format!("http://{name}:2380"), format!("http://{name}:2379"));
    let command = words([
        "etcd",
        "--name",
        name,
        "--initial-advertise-peer-urls",
        &peers,
        "--advertise-client-urls",
        &clients,
        "--listen-peer-urls",
        "http://0.0.0.0:2380",
        "--listen-client-urls",
        "http://0.0.0.0:2379",
        "--initial-cluster",
        &format!("{name}={peers}"),
        "--initial-cluster-state",
        "new",
    ]);
    let ports = vec![container_port("client", 2379), container_port("server", 2380)];
    let mut container = map([
        ("name", "etcd".into()),
        ("ports", ports.into()),
        ("command", command),
    ]);
    if let Some(image) = image.or(cache.cache.image.as_ref()) {
        container.set("image", image.clone());
    }
    map([("containers", vec![container].into())])
}

fn deployment(cache: &KvCache, namespace: &str) -> Workload {
    let volumes = [
        ("vineyard-socket", "/var/run"),
        ("shm", "/dev/shm"),
        ("log", "/var/log/vineyard"),
    ];
    let mut socket = Node::map();
    let path = format!(
        "/var/run/vineyard-kubernetes/{namespace}/{}",
        cache.meta.name.value
    );
    socket.set("name", volumes[0].0);
    socket.at_mut(&["hostPath"]).set("path", path);
    let mounts: Vec<Node> = volumes.iter().map(|(name, path)| mount(name, path)).collect();
    let mut container = container(cache, namespace);
    container.set("volumeMounts", mounts);
    let toleration = map([
        ("key", "nvidia.com/gpu".into()),
        ("operator", "Exists".into()),
        ("effect", "NoSchedule".into()),
    ]);
    let spec = map([
        ("containers", vec![container].into()),
        ("affinity", affinity(cache)),
        ("tolerations", vec![toleration].into()),
        (
            "volumes",
            vec![
                socket,
                empty_dir("shm", Some("Memory"), None),
                empty_dir("log", None, None),
            ]
            .into(),
        ),
    ]);
    Workload {
        replicas: cache.cache.replicas.value,
        template: Template {
            labels: cache.labels("cache"),
            annotations: Map::new(),
            spec,
        },
    }
}

fn container(cache: &KvCache, namespace: &str) -> Node {
    let mut env: Vec<Node> = cache.identity("VINEYARDD", namespace).into();
    env.extend(fields([
        ("MY_NODE_NAME", "spec.nodeName"),
        ("MY_POD_NAME", "metadata.name"),
        ("MY_POD_NAMESPACE", "metadata.namespace"),
        ("MY_UID", "metadata.uid"),
        ("MY_POD_IP", "status.podIP"),
        ("MY_HOST_NAME", "status.podIP"),
        ("USER", "metadata.name"),
    ]));
    env.extend(cache.cache.env.iter().cloned());
    let command = format!(
        "/usr/local/bin/vineyardd --sync_crds true --socket /var/run/vineyard.sock --size --stream_threshold 80 \
         --etcd_cmd etcd --etcd_prefix /vineyard --etcd_endpoint http://{}-etcd-service:2379",
        cache.meta.name.value
    );
    let ready = map([(
        "exec",
        map([("command", words(["ls", "/var/run/vineyard.sock"]))]),
    )]);
    let alive = map([
        ("failureThreshold", 3_i64.into()),
        ("periodSeconds", 60_i64.into()),
        ("successThreshold", 1_i64.into()),
        ("timeoutSeconds", 1_i64.into()),
        ("tcpSocket", map([("port", 9600_i64.into())])),
    ]);
    let mut container = cache.cache.container("kvcache");
    container.set("ports", vec![container_port("rpc", 9600)]);
    container.set("command", words(["/bin/bash", "-c", &command]));
    container.set("env", env);
    container.set("readinessProbe", ready);
    container.set("livenessProbe", alive);
    container
}

/// Annotations of the KVCache become affinities: a product of GPUs, the pods of a model, and no other pod of the cache.
fn affinity(cache: &KvCache) -> Node {
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    let annotation = |key: &str| cache.meta.annotations.get(&format!("{PREFIX}{key}"));
    let is_in = |key: Node, value: &Node| {
        let values: Vec<Node> = vec![value.clone()];
        let term = map([("key", key), ("operator", "In".into()), ("values", values.into())]);
        Node::from(vec![map([("matchExpressions", vec![term].into())])])
    };
    let near = |selector: Node| {
        let term = map([
            ("labelSelector", selector),
            ("topologyKey", "kubernetes.io/hostname".into()),
        ]);
        map([(REQUIRED, vec![term].into())])
    };
    let mut affinity = Node::map();
    if let Some(product) = annotation("node-affinity-gpu-type") {
        let key = annotation("node-affinity-key").cloned();
        let key = key.unwrap_or_else(|| "machine.cluster.vke.volcengine.com/gpu-name".into());
        let selector = map([("nodeSelectorTerms", is_in(key, product))]);
        affinity.set("nodeAffinity", map([(REQUIRED, selector)]));
    }
    if let Some(model) = annotation("pod-affinity-workload") {
        let terms = is_in("model.aibrix.ai/name".into(), model);
        let selector = terms
            .as_seq()
            .and_then(|t| t.first())
            .cloned()
            .unwrap_or_default();
        affinity.set("podAffinity", near(selector));
    }
    if annotation("pod-anti-affinity").is_some() {
        affinity.set(
            "podAntiAffinity",
            near(map([("matchLabels", cache.labels("cache").into())])),
        );
    }
    affinity
}
