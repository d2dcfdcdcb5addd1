//! The backends `hpkv` and `infinistore`: a StatefulSet of servers that are reached by RDMA, a pod that registers them, and
//! Redis for what it knows (`pkg/controller/kvcache/backends/{distributed,hpkv,infinistore}.go`).

use super::Dead;
use super::read::{KvCache, Runtime, Store};
use super::steps::{PREFIX, Step, Template, Workload, container_port, fields, map, service_port, words};
use crate::kubernetes::container::{empty_dir, mount};
use crate::kubernetes::quantity::Quantity;
use crate::pods::{Pod, variable};
use crate::value::{Map, Node, Traced};

/// How the servers run.
#[derive(Debug)]
struct Settings<'a> {
    cache: &'a KvCache,
    hpkv: bool,
    rdma: i64,
    admin: i64,
    slots: i64,
    virtual_nodes: i64,
}

/// What is made, in order; nothing can be if the settings do not fit together.
pub fn steps(cache: &KvCache, namespace: &str) -> Result<Vec<Step>, Dead> {
    let mut steps = Vec::new();
    if let Some(metadata) = &cache.metadata {
        match (&metadata.redis, &metadata.etcd) {
            (Some(redis), _) => redis_steps(cache, redis, &mut steps)?,
            (None, Some(_)) => {}
            (None, None) => {
                return Err(Dead::new(
                    "`metadata` names neither etcd nor redis",
                    &metadata.ids,
                ));
            }
        }
    }
    let settings = Settings::of(cache);
    steps.push(Step::StatefulSet(settings.servers(namespace)));
    steps.push(settings.headless());
    if let Some(watcher) = &cache.watcher {
        steps.extend(access(cache));
        steps.push(settings.watcher(watcher));
    }
    Ok(steps)
}

fn redis_steps(cache: &KvCache, redis: &Store, steps: &mut Vec<Step>) -> Result<(), Dead> {
    let address = &redis.address;
    if !address.value.is_empty() {
        let (host, port) = address.value.rsplit_once(':').unwrap_or_default();
        let bracketed = host.starts_with('[') && host.ends_with(']');
        let plain = address.value.contains(':') && (bracketed || !host.contains([':', '[', ']']));
        return if plain && !port.contains([']', '[']) {
            Ok(())
        } else {
            let reason = format!("`{}` is not of the form `host:port`", address.value);
            Err(Dead::new(&reason, &address.ids))
        };
    }
    let missing = "`metadata.redis` has neither an address of `externalConnection` nor a `runtime`";
    let runtime = redis
        .runtime
        .as_ref()
        .ok_or_else(|| Dead::new(missing, &redis.ids))?;
    let mut container = runtime.container("redis");
    container.set("ports", vec![container_port("redis", 6379)]);
    container.set("command", words(["redis-server"]));
    if !runtime.env.is_empty() {
        container.set("env", runtime.env.clone());
    }
    let spec = map([("containers", vec![container].into())]);
    let (name, labels) = (cache.part("-redis"), || cache.labels("metadata"));
    steps.push(cache.pod("metadata", 0, name.clone(), labels(), spec));
    steps.push(cache.service(name, labels(), labels(), vec![service_port("service", 6379)]));
    Ok(())
}

/// What the watcher needs to look at pods. These objects have no owner.
fn access(cache: &KvCache) -> [Step; 3] {
    let rbac = "rbac.authorization.k8s.io";
    let name = || cache.meta.name.value.clone();
    let rule = |resource: &str, verbs: Node| {
        map([
            ("apiGroups", words([""])),
            ("resources", words([resource])),
            ("verbs", verbs),
        ])
    };
    let rules = vec![
        rule("pods", words(["get", "list", "watch"])),
        rule("pods/exec", words(["create"])),
    ];
    let role = map([
        ("kind", "Role".into()),
        ("apiGroup", rbac.into()),
        ("name", name().into()),
    ]);
    let subject = map([("kind", "ServiceAccount".into()), ("name", name().into())]);
    let binding = map([("roleRef", role), ("subjects", vec![subject].into())]);
    let labels = || cache.labels("cache");
    let group = format!("{rbac}/v1");
    [
        cache.object("v1", "ServiceAccount", name(), labels(), Node::map()),
        cache.object(&group, "Role", name(), labels(), map([("rules", rules.into())])),
        cache.object(&group, "RoleBinding", name(), labels(), binding),
    ]
}

impl<'a> Settings<'a> {
    fn of(cache: &'a KvCache) -> Self {
        let hpkv = cache.backend.value == "hpkv";
        let number = |key: &str, most: i64, default: i64| {
            let given = cache.meta.annotations.get(&format!("hpkv.{PREFIX}{key}"));
            let given = given.and_then(|n| n.as_str()?.parse::<i64>().ok());
            given
                .filter(|n| hpkv && (1..=most).contains(n))
                .unwrap_or(default)
        };
        let (rdma, admin) = if hpkv { (18512, 9100) } else { (12345, 8088) };
        Self {
            cache,
            hpkv,
            rdma: number("rdma-port", 65535, rdma),
            admin: number("admin-port", 65535, admin),
            slots: number("total-slots", i64::MAX, 4096),
            virtual_nodes: number("virtual-node-count", i64::MAX, 100),
        }
    }

    fn annotation(&self, key: &str) -> Option<&str> {
        let found = self
            .cache
            .meta
            .annotations
            .get(&format!("{}.{PREFIX}{key}", self.backend()))?;
        found.as_str().filter(|text| !text.is_empty())
    }

    fn positive(&self, key: &str, default: i64) -> i64 {
        let given = self.annotation(key).and_then(|text| text.parse::<i64>().ok());
        given.filter(|n| *n > 0).unwrap_or(default)
    }

    const fn backend(&self) -> &'static str {
        if self.hpkv { "hpkv" } else { "infinistore" }
    }

    fn servers(&self, namespace: &str) -> Workload {
        let cache = self.cache;
        let template = match &cache.cache.template {
            Some(own) => self.own_template(own),
            None => Template {
                labels: cache.labels("cache"),
                annotations: self.annotations(),
                spec: map([
                    ("hostIPC", true.into()),
                    ("containers", vec![self.server(namespace)].into()),
                    (
                        "volumes",
                        vec![empty_dir("shared-mem", Some("Memory"), None)].into(),
                    ),
                ]),
            },
        };
        Workload {
            replicas: cache.cache.replicas.value,
            template,
        }
    }

    /// A template of the user's is taken as it is, but for the labels by which the pods are found.
    fn own_template(&self, own: &Node) -> Template {
        let part = |key: &str| own.at(&["metadata", key]).and_then(Node::as_map).cloned();
        let mut labels = part("labels").unwrap_or_default();
        for (key, value) in &self.cache.labels("cache") {
            labels.insert(key.clone(), value.clone());
        }
        Template {
            labels,
            annotations: part("annotations").unwrap_or_default(),
            spec: own.get("spec").cloned().unwrap_or_else(Node::map),
        }
    }

    fn annotations(&self) -> Map {
        let mut annotations = scraped(self.admin);
        if self
            .cache
            .cache
            .resource("limits", "vke.volcengine.com/rdma")
            .is_some()
        {
            let networks = "\n[\n  {\n    \"cniConf\": {\n      \"name\": \"rdma\"\n    }\n  }\n]\n";
            annotations.insert("k8s.volcengine.com/pod-networks", networks);
        }
        annotations
    }

    fn server(&self, namespace: &str) -> Node {
        let mut container = self.cache.cache.container("kvcache-server");
        let ports = vec![
            container_port("service", self.rdma),
            container_port("manage", self.admin),
        ];
        container.set("ports", ports);
        let capabilities: &[&str] = if self.hpkv {
            container.set("command", words(["/bin/bash", "-c", &hpkv_script()]));
            &["IPC_LOCK"]
        } else {
            container.set("command", words(["infinistore"]));
            container.set("args", self.infinistore());
            &["IPC_LOCK", "SYS_RESOURCE"]
        };
        container.set("env", self.env(namespace));
        let add: Vec<Node> = capabilities.iter().map(|c| (*c).into()).collect();
        let security = map([
            ("capabilities", map([("add", add.into())])),
            ("privileged", false.into()),
        ]);
        container.set("securityContext", security);
        container.set("volumeMounts", vec![mount("shared-mem", "/dev/shm")]);
        container
    }

    /// Infinistore gets none of the user's variables: the controller asks the wrong way round whether there are any.
    fn env(&self, namespace: &str) -> Vec<Node> {
        let mut env: Vec<Node> = fields([
            ("MY_HOST_NAME", "status.podIP"),
            ("MY_NODE_NAME", "spec.nodeName"),
            ("MY_POD_NAME", "metadata.name"),
            ("MY_POD_NAMESPACE", "metadata.namespace"),
            ("MY_POD_IP", "status.podIP"),
            ("MY_UID", "metadata.uid"),
        ])
        .into();
        env.extend(self.cache.identity("AIBRIX_KVCACHE", namespace));
        let mut add =
            |name: &str, value: String| env.push(variable(&format!("AIBRIX_KVCACHE_{name}"), value));
        add("BACKEND", self.backend().to_owned());
        add("RDMA_PORT", self.rdma.to_string());
        add("ADMIN_PORT", self.admin.to_string());
        if self.hpkv {
            add(
                "BLOCK_SIZE_IN_BYTES",
                self.positive("block-size-bytes", 4096).to_string(),
            );
            add("BLOCK_COUNT", self.positive("block-count", 1_048_576).to_string());
            env.extend(self.cache.cache.env.iter().cloned());
        }
        env
    }

    fn infinistore(&self) -> Node {
        words([
            &format!("--service-port={}", self.rdma),
            &format!("--manage-port={}", self.admin),
            &format!(
                "--link-type={}",
                self.annotation("link-type").unwrap_or("Ethernet")
            ),
            &format!("--hint-gid-index={}", self.positive("hint-gid-index", 7)),
            &format!("--prealloc-size={}", gibibytes(&self.cache.cache)),
        ])
    }

    /// Its ports are the user's.
    fn headless(&self) -> Step {
        let cache = self.cache;
        let labels = Map::from_iter([(format!("{PREFIX}name"), cache.meta.name.node())]);
        let ports = if cache.ports.is_empty() {
            vec![
                service_port("service", self.rdma),
                service_port("manage", self.admin),
            ]
        } else {
            cache.ports.clone()
        };
        let name = cache.part("-headless-service");
        let mut step = cache.service(name, labels, cache.labels("cache"), ports);
        if let Step::Object(child) = &mut step {
            let spec = child.object.at_mut(&["spec"]);
            spec.set("type", cache.service_type.node());
            spec.set("clusterIP", "None");
        }
        step
    }

    fn watcher(&self, runtime: &Runtime) -> Step {
        let cache = self.cache;
        let mut container = runtime.container("kvcache-watcher");
        container.set("command", words(["/kvcache-watcher"]));
        let args = words([
            "--kvcache-backend",
            self.backend(),
            "--kvcache-server-rdma-port",
            &self.rdma.to_string(),
            "--kvcache-server-admin-port",
            &self.admin.to_string(),
            "--consistent-hashing-total-slots",
            &self.slots.to_string(),
            "--consistent-hashing-virtual-node-count",
            &self.virtual_nodes.to_string(),
        ]);
        container.set("args", args);
        let mut env = redis_env(cache);
        env.push(variable("REDIS_DATABASE", "0"));
        env.extend(fields([("AIBRIX_KVCACHE_WATCH_NAMESPACE", "metadata.namespace")]));
        env.push(variable("AIBRIX_KVCACHE_WATCH_CLUSTER", cache.meta.name.node()));
        env.extend(runtime.env.iter().cloned());
        container.set("env", env);
        container.set("ports", vec![container_port("metrics", 8000)]);
        let spec = map([
            ("containers", vec![container].into()),
            ("serviceAccountName", cache.meta.name.node()),
        ]);
        Step::Pod(Pod {
            role: "kvwatcher".into(),
            name: cache.part("-kvcache-watcher-pod"),
            labels: cache.labels("kvwatcher"),
            annotations: scraped(8000),
            spec,
            ..Pod::default()
        })
    }
}

/// Annotations by which Prometheus finds metrics.
fn scraped(port: i64) -> Map {
    Map::from_iter([
        ("prometheus.io/scrape", Node::from("true")),
        ("prometheus.io/port", port.to_string().into()),
        ("prometheus.io/path", "/metrics".into()),
    ])
}

/// Where the watcher finds Redis, and the password of one that is not its own.
fn redis_env(cache: &KvCache) -> Vec<Node> {
    let redis = cache.metadata.as_ref().and_then(|m| m.redis.as_ref());
    let external = redis.filter(|r| !r.address.value.is_empty());
    let own = || Traced::default_of(cache.part("-redis:6379"));
    let address = external.map_or_else(own, |r| r.address.clone());
    let mut password = variable("REDIS_PASSWORD", "");
    if let Some(secret) = external.map(|r| &r.secret).filter(|s| !s.value.is_empty()) {
        let (name, key) = secret
            .value
            .split_once('/')
            .unwrap_or((&secret.value, "password"));
        let key = map([
            ("name", Node::derived(name, &secret.ids)),
            ("key", Node::derived(key, &secret.ids)),
        ]);
        password = map([
            ("name", "REDIS_PASSWORD".into()),
            ("valueFrom", map([("secretKeyRef", key)])),
        ]);
    }
    vec![variable("REDIS_ADDR", address.node()), password]
}

/// The script of the server: the address of the network card for RDMA is only known in the pod.
fn hpkv_script() -> String {
    let indent = "\t".repeat(9);
    let server = "./hpkv-server -a $AIBRIX_KVCACHE_RDMA_IP -p $AIBRIX_KVCACHE_RDMA_PORT \
                  -v $AIBRIX_KVCACHE_BLOCK_SIZE_IN_BYTES -b $AIBRIX_KVCACHE_BLOCK_COUNT --acl any";
    let lines = [
        "AIBRIX_KVCACHE_RDMA_IP=$(ip addr show dev eth1 | grep 'inet ' | awk '{print $2}' | awk -F/ '{print $1}')",
        "echo \"Binding to RDMA IP: $AIBRIX_KVCACHE_RDMA_IP\"",
        server,
    ];
    lines.join(&format!("\n{indent}"))
}

/// Nine tenths of the memory in whole GiB, at least one.
fn gibibytes(runtime: &Runtime) -> i64 {
    let memory = runtime
        .resource("limits", "memory")
        .or_else(|| runtime.resource("requests", "memory"));
    let bytes = memory
        .and_then(|n| Quantity::from_node(n).ok())
        .map_or(0, |q| q.round_up());
    let size = (bytes as f64 / f64::from(1 << 30) * 0.9).floor() as i64;
    size.max(1)
}
