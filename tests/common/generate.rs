//! Specs drawn at random over the whole language.
//!
//! The skeleton follows the shapes that the language declares of itself, so that a new field is drawn as soon as it exists;
//! what must fit together (names, parallelism and nodes, phases and connectors, dependencies) is drawn by hand. Most specs
//! are valid; some are not, on purpose.

use kubectl_infer::dialect;
use kubectl_infer::spec::ServingSpec;
use kubectl_infer::spec::role::Role;
use kubectl_infer::spec::shape::{ObjectShape, Shape};
use serde_json::{Map, Value, json};

/// A source of choices: the same seed, the same spec (SplitMix64).
pub struct Dice(u64);

impl Dice {
    /// Dice of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    /// True in so many of a hundred cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// A Serving of a seed.
pub fn serving(seed: u64) -> Value {
    let mut dice = Dice::new(seed);
    let plenty = *dice.pick(&[1, 2, 4, 8, 15]);
    let engine = *dice.pick(&["vllm", "vllm", "vllm", "sglang", "sglang", "trtllm", "custom", ""]);
    let mut draw = Draw {
        dice,
        plenty,
        engine,
        roles: Vec::new(),
        depth: 0,
    };
    draw.serving()
}

struct Draw {
    dice: Dice,
    /// How many of a hundred optional fields are there.
    plenty: usize,
    engine: &'static str,
    roles: Vec<String>,
    depth: usize,
}

const ROLE_SETS: &[&[(&str, &str)]] = &[
    &[],
    &[("server", "")],
    &[("server", "aggregated")],
    &[("server", "aggregated"), ("helper", "other")],
    &[("prefill", ""), ("decode", "")],
    &[("prefill", "prefill"), ("decode", "decode")],
    &[("prefill", ""), ("decode", "")],
    &[("prefill", ""), ("decode", ""), ("router", "")],
    &[("encode", ""), ("prefill", ""), ("decode", "")],
    &[("p", "prefill"), ("d", "decode"), ("gate", "router")],
    &[("a", ""), ("a-b", ""), ("b", "")],
    &[("server", ""), ("router", "router")],
    &[("prefill", ""), ("prefill-long", "prefill"), ("decode", "")],
    &[
        ("prefill-of-the-long-name", "prefill"),
        ("decode-of-the-long-name", "decode"),
    ],
    &[("prefill", "")],
    &[("worker", "other"), ("leader", "aggregated")],
    &[("n1", ""), ("n1-0", "")],
];

/// tensor, pipeline, data, expert
const SHAPES: &[(u32, u32, u32, bool)] = &[
    (1, 1, 1, false),
    (2, 1, 1, false),
    (4, 1, 1, false),
    (8, 1, 1, false),
    (16, 1, 1, false),
    (8, 2, 1, false),
    (8, 4, 1, false),
    (1, 1, 8, true),
    (1, 1, 16, true),
    (1, 1, 32, true),
    (2, 1, 4, false),
    (4, 1, 8, true),
    (1, 3, 1, false),
    (6, 1, 1, false),
];

impl Draw {
    fn serving(&mut self) -> Value {
        let set = *self.dice.pick(ROLE_SETS);
        self.roles = set.iter().map(|(name, _)| (*name).to_owned()).collect();
        let mut metadata = Map::new();
        metadata.insert("name".into(), self.name().into());
        if self.dice.chance(25) {
            metadata.insert("namespace".into(), (*self.dice.pick(&["prod", "team-a"])).into());
        }
        for key in ["labels", "annotations"] {
            if self.dice.chance(self.plenty) {
                metadata.insert(key.into(), self.map(key));
            }
        }
        let mut spec = self.object(&ServingSpec::SHAPE);
        let disaggregated = self.roles.iter().any(|r| r.starts_with('p'));
        if !spec.contains_key("model") && (self.engine != "custom" || self.dice.chance(20)) {
            spec.insert("model".into(), json!({"uri": self.uri()}));
        }
        if !spec.contains_key("engine") && !self.engine.is_empty() {
            let engine = self.engine();
            spec.insert("engine".into(), engine);
        }
        let runtime = match self.engine {
            "sglang" => Some("nvcr.io/nvidia/ai-dynamo/sglang-runtime:1.6.1"),
            "trtllm" => Some("nvcr.io/nvidia/ai-dynamo/tensorrtllm-runtime:1.2.1"),
            "custom" => None,
            _ => Some("nvcr.io/nvidia/ai-dynamo/vllm-runtime:1.6.1"),
        };
        if let Some(image) = runtime {
            let targets = spec.entry("targets").or_insert_with(|| json!({}));
            targets["dynamo"]["image"] = image.into();
        }
        if disaggregated && !spec.contains_key("kvTransfer") && self.dice.chance(95) {
            let transfer = self.kv_transfer();
            spec.insert("kvTransfer".into(), transfer);
        }
        let roles: Vec<Value> = set.iter().map(|(name, phase)| self.role(name, phase)).collect();
        if !roles.is_empty() {
            spec.insert("roles".into(), roles.into());
        } else {
            spec.remove("roles");
        }
        json!({"apiVersion": "infer.dev/v1alpha1", "kind": "Serving", "metadata": metadata, "spec": spec})
    }

    fn name(&mut self) -> String {
        let long = match self.dice.below(30) {
            0 => 20 + self.dice.below(44),
            1 | 2 => 30,
            _ => 0,
        };
        let mut name = (*self
            .dice
            .pick(&["qwen3", "a", "my-model", "deepseek-r1", "n0", "x-0"]))
        .to_owned();
        while name.len() < long {
            name.push_str("-abc");
        }
        name.truncate(if long > 0 { long } else { name.len() });
        name.trim_end_matches('-').to_owned()
    }

    fn uri(&mut self) -> &'static str {
        self.dice.pick::<&str>(&[
            "hf://Qwen/Qwen3-32B",
            "hf://deepseek-ai/DeepSeek-R1",
            "pvc://models/qwen3",
            "pvc://models",
            "s3://bucket/models/qwen3",
            "oci://registry.example.com/models/qwen3:1",
            "/models/qwen3",
        ])
    }

    fn role(&mut self, name: &str, phase: &str) -> Value {
        let mut role = self.object(&Role::SHAPE);
        role.insert("name".into(), name.into());
        role.remove("phase");
        if !phase.is_empty() {
            role.insert("phase".into(), phase.into());
        }
        if self.dice.chance(60) {
            role.insert("replicas".into(), (*self.dice.pick(&[1, 2, 3, 4, 11])).into());
        }
        if matches!(name, "helper" | "worker") {
            role.remove("members");
            role.insert(
                "engine".into(),
                json!({"type": "custom", "image": "registry.example.com/helper:1"}),
            );
        }
        if !self.dice.chance(10) {
            role.remove("kvTransfer");
        }
        if self.dice.chance(70) && !matches!(name, "router" | "helper" | "gate" | "worker") {
            let (tensor, pipeline, data, expert) = *self.dice.pick(SHAPES);
            let mut shape = Map::new();
            for (key, value) in [("tensor", tensor), ("pipeline", pipeline), ("data", data)] {
                if value > 1 || self.dice.chance(10) {
                    shape.insert(key.into(), value.into());
                }
            }
            if expert {
                shape.insert("expert".into(), true.into());
            }
            role.insert("parallelism".into(), shape.into());
            let world = tensor * pipeline * data;
            if self.dice.chance(15) {
                let most = if self.dice.chance(90) { 4 } else { 16 };
                let nodes: Vec<u32> = (1..=world)
                    .filter(|n| world % n == 0 && world / n <= most)
                    .collect();
                role.insert("nodes".into(), (*self.dice.pick(&nodes)).into());
                role.remove("accelerator");
            }
        }
        if self.engine == "custom" && self.dice.chance(50) {
            role.insert("nodes".into(), (1 + self.dice.below(4)).into());
        }
        let before = self.roles.iter().position(|r| r == name).unwrap_or(0);
        if before > 0 && self.dice.chance(20) {
            let needed = self.roles[self.dice.below(before)].clone();
            role.insert("dependsOn".into(), json!([needed]));
        }
        role.into()
    }

    fn object(&mut self, shape: &ObjectShape) -> Map<String, Value> {
        self.depth += 1;
        let mut object = Map::new();
        for field in shape.fields {
            if !(field.required || self.dice.chance(self.plenty)) || self.depth > 8 {
                continue;
            }
            if let Some(value) = self.field(shape.name, field.name, (field.shape)()) {
                object.insert(field.name.into(), value);
            }
        }
        self.depth -= 1;
        object
    }

    /// The value of a field: by its name where the name says more than the type does.
    fn field(&mut self, owner: &str, name: &str, shape: Shape) -> Option<Value> {
        let value = match (owner, name) {
            ("ServingSpec", "roles") | ("Role", "dependsOn" | "nodes" | "name" | "parallelism") => {
                return None;
            }
            (_, "patches") => return None,
            ("ServingSpec" | "Role", "engine") => self.engine(),
            ("ServingSpec" | "Role", "kvTransfer") => self.kv_transfer(),
            ("ServingSpec", "targets") => self.targets(|info| info.options),
            ("Role", "targets") => self.targets(|info| info.role_options),
            ("ServingSpec", "slices") => (*self.dice.pick(&[1, 1, 2, 3])).into(),
            ("Role", "members") => self.members(),
            ("Model", "uri") => self.uri().into(),
            ("Model", "cache") => self.cache(),
            ("Accelerator", "perNode") => (*self.dice.pick(&[8, 8, 8, 8, 4, 4, 16, 0])).into(),
            ("DeviceClaim", _) if name != "name" => return None,
            ("Accelerator", "claims") => json!([{"name": "gpu", "resourceClaimTemplateName": "gpus"}]),
            ("Scheduling", "topology") => json!({
                "key": *self.dice.pick(&["topology.kubernetes.io/zone", "example.com/rack"]),
                "scope": *self.dice.pick(&["replica", "role", "slice"]),
                "mode": *self.dice.pick(&["required", "preferred"]),
            }),
            ("Disruption", _) => {
                return self
                    .dice
                    .chance(50)
                    .then(|| json!(*self.dice.pick(&["50%", "100%"])));
            }
            ("Scaling", _) => match name {
                "minReplicas" => (1 + self.dice.below(2)).into(),
                "maxReplicas" => (11 + self.dice.below(9)).into(),
                _ => self.metrics(),
            },
            _ => return self.value(owner, name, shape),
        };
        Some(value)
    }

    fn value(&mut self, owner: &str, name: &str, shape: Shape) -> Option<Value> {
        Some(match shape {
            Shape::String(Some("quantity")) => (*self.dice.pick(&["500m", "64Gi", "8", "10G"])).into(),
            Shape::String(Some("duration")) => self
                .dice
                .pick(&[json!("90s"), json!("10m"), json!(30), json!("1h30m")])
                .clone(),
            Shape::String(_) => self.word(owner, name).into(),
            Shape::Integer { minimum, maximum } => {
                let low = if name.to_lowercase().contains("port") {
                    8000
                } else {
                    minimum
                };
                (low + self.dice.below(5) as i64).min(maximum).into()
            }
            Shape::Number => (*self.dice.pick(&[0.5, 0.9, 0.85])).into(),
            Shape::Boolean => self.dice.chance(60).into(),
            Shape::IntOrString => self
                .dice
                .pick(&[json!(1), json!(2), json!("25%"), json!("50%"), json!("100%")])
                .clone(),
            Shape::Choice { words, .. } => self.dice.pick(words).0.into(),
            Shape::List(item) => {
                let mut items = Vec::new();
                let count = *self.dice.pick(&[1, 1, 1, 2, 0]);
                for _ in 0..count {
                    items.extend(self.item(owner, name, &item));
                }
                items.into()
            }
            Shape::Map(_) => self.map(name),
            Shape::Object(inner) => self.object(inner).into(),
            Shape::Kubernetes(kind) => self.kubernetes(kind)?,
            Shape::Any => return None,
        })
    }

    /// An element of a list. (Shapes cannot be cloned; those of elements are few.)
    fn item(&mut self, owner: &str, name: &str, shape: &Shape) -> Option<Value> {
        match shape {
            Shape::Object(inner) => Some(self.object(inner).into()),
            Shape::Kubernetes(kind) => self.kubernetes(kind),
            Shape::String(_) => Some(self.word(owner, name).into()),
            Shape::Choice { words, .. } => Some(self.dice.pick(words).0.into()),
            Shape::Any => None,
            _ => None,
        }
    }

    fn word(&mut self, owner: &str, name: &str) -> String {
        let pool: &[&str] = match (owner, name) {
            (_, "imagePullPolicy") => &["Always", "IfNotPresent"],
            (_, "image") => &["registry.example.com/x:1"],
            (_, "resource") => &["nvidia.com/gpu", "amd.com/gpu", "rdma/ib"],
            (_, "revision") => &["main", "0123abc", "1.10"],
            (_, "servedName") => &["qwen", "Qwen/Qwen3", "on"],
            (_, "mountPath" | "hostPath") => &["/cache", "/var/lib/models"],
            (_, "devices") => &["mlx5_0", "mlx5_1"],
            (_, "interface") => &["eth0"],
            (_, "args") => &[
                "--verbose",
                "--log=$(infer.rank)",
                "a b 'c' \"d\"",
                "--leader=$(infer.leader)",
                "$(POD_IP)",
                "--max-log-len=100",
            ],
            (_, "command") => &["run"],
            (_, "all2allBackend") if self.engine == "sglang" => &["deepep"],
            (_, "all2allBackend") => &["deepep_high_throughput", "pplx"],
            (_, "attentionBackend") if self.engine == "sglang" => &["flashinfer", "fa3"],
            (_, "attentionBackend") => &["FLASH_ATTN"],
            (_, "toolCallParser") if self.engine == "sglang" => &["qwen25"],
            (_, "toolCallParser") => &["hermes"],
            (_, "reasoningParser") if self.engine == "sglang" => &["deepseek-r1"],
            (_, "reasoningParser") => &["deepseek_r1"],
            (_, "sshSecret") => &["ssh-keys"],
            (_, "dtype") => &["auto", "bfloat16"],
            (_, "kvCacheDtype") => &["auto", "fp8"],
            (_, "quantization") => &["fp8", "awq"],
            (_, "loadFormat") => &["auto", "safetensors"],
            (_, "hostnames") => &["chat.example.com"],
            (_, "policy") => &["round_robin", "cache_aware"],
            (_, "queue") => &["research"],
            (_, "schedulerName") => &["volcano", "kai-scheduler", "my-scheduler"],
            (_, "roles" | "numerator" | "denominator") if !self.roles.is_empty() => {
                return self.roles[self.dice.below(self.roles.len())].clone();
            }
            ("RoleOptions", "name") => &["prefill", "r0"],
            _ => &["a", "x-1", "qwen"],
        };
        (*self.dice.pick(pool)).to_owned()
    }

    fn map(&mut self, name: &str) -> Value {
        let mut map = Map::new();
        let pool: &[(&str, &str)] = match name {
            "annotations" => &[
                ("owner", "me@example.com"),
                ("note", "a: b\n# c\n"),
                ("example.com/on", "y"),
            ],
            "nodeSelector" => &[("example.com/pool", "gpu"), ("kubernetes.io/arch", "arm64")],
            _ => &[("team", "nlp"), ("example.com/stage", "on"), ("v", "1.10")],
        };
        for _ in 0..1 + self.dice.below(2) {
            let (key, value) = self.dice.pick(pool);
            map.insert((*key).into(), (*value).into());
        }
        map.into()
    }

    fn engine(&mut self) -> Value {
        let mut engine = self.object(&kubectl_infer::spec::engine::Engine::SHAPE);
        let outer = self.depth <= 1;
        engine.remove("type");
        let image: &[&str] = match self.engine {
            "vllm" => &[
                "vllm/vllm-openai:v0.33.0",
                "vllm/vllm-openai:v0.33.0",
                "vllm/vllm-openai:v0.11.0",
                "vllm/vllm-openai:v0.9.2",
                "vllm/vllm-openai:v0.14.1",
                "vllm/vllm-openai:latest",
            ],
            "sglang" => &[
                "lmsysorg/sglang:v0.5.23",
                "lmsysorg/sglang:v0.4.9",
                "lmsysorg/sglang:v0.5.2-cu126",
            ],
            "trtllm" => &[
                "nvcr.io/nvidia/tensorrt-llm/release:1.2.1",
                "nvcr.io/nvidia/tensorrt-llm/release:1.0.0",
            ],
            "custom" => &[
                "registry.example.com/engine:1",
                "registry.example.com/engine@sha256:0123456789abcdef",
            ],
            _ => &["vllm/vllm-openai:v0.33.0"],
        };
        if !self.engine.is_empty() {
            engine.insert("type".into(), self.engine.into());
        }
        engine.remove("image");
        engine.remove("version");
        if outer && (self.dice.chance(70) || self.engine == "custom") {
            engine.insert("image".into(), (*self.dice.pick(image)).into());
        }
        if self.engine == "custom" {
            if outer || self.dice.chance(30) {
                engine.insert("command".into(), json!(["run", "--serve"]));
            }
            engine.remove("settings");
        } else if !self.dice.chance(10) {
            engine.remove("command");
        }
        if self.engine == "trtllm" && outer && self.dice.chance(90) {
            engine.insert("sshSecret".into(), "ssh-keys".into());
        }
        if self.engine != "vllm" {
            engine.remove("loadBalancing");
            engine.remove("executor");
        }
        if !self.dice.chance(10) {
            engine.remove("wrapper");
        }
        engine.into()
    }

    fn kv_transfer(&mut self) -> Value {
        let pool: &[&str] = match self.engine {
            "sglang" => &["mooncake", "nixl", "mooncake", "moriio"],
            "trtllm" => &["nixl", "ucx", "mpi"],
            _ => &["nixl", "nixl", "nixl", "mooncake", "lmcache", "moriio"],
        };
        let mut transfer = Map::new();
        transfer.insert("connector".into(), (*self.dice.pick(pool)).into());
        if self.dice.chance(self.plenty) {
            transfer.insert("port".into(), (*self.dice.pick(&[5600, 9100, 8998])).into());
        }
        let options = match transfer["connector"].as_str() {
            Some("lmcache") => {
                json!({"pd_buffer_size": 1_000_000_000, "pd_proxy_host": "proxy", "pd_proxy_port": 7500})
            }
            Some("moriio") if self.engine != "sglang" => {
                json!({"handshake_port": 6301, "notify_port": 61005, "proxy_ip": "proxy", "proxy_ping_port": 36367})
            }
            _ => json!({}),
        };
        if options != json!({}) || self.dice.chance(self.plenty / 3) {
            transfer.insert("options".into(), options);
        }
        transfer.into()
    }

    fn cache(&mut self) -> Value {
        let mut cache = Map::new();
        let (key, value) = *self.dice.pick(&[
            ("persistentVolumeClaim", "weights"),
            ("hostPath", "/var/lib/models"),
            ("sizeLimit", "100Gi"),
        ]);
        cache.insert(key.into(), value.into());
        if self.dice.chance(30) {
            cache.insert("mountPath".into(), "/weights".into());
        }
        cache.into()
    }

    fn metrics(&mut self) -> Value {
        let metric = match self.dice.below(3) {
            0 => json!({"source": "resource", "name": "cpu", "target": 80}),
            1 => json!({"name": "queue_length", "target": "500m"}),
            _ => json!({"source": "external", "name": "requests", "target": "10"}),
        };
        json!([metric])
    }

    fn targets(&mut self, shape: impl Fn(&'static dialect::Info) -> &'static ObjectShape) -> Value {
        let mut targets = Map::new();
        for dialect in dialect::ALL {
            if self.dice.chance(40) {
                let plenty = std::mem::replace(&mut self.plenty, 15);
                let options = self.object(shape(dialect.info()));
                self.plenty = plenty;
                targets.insert(dialect.info().name.into(), options.into());
            }
        }
        targets.into()
    }

    fn members(&mut self) -> Value {
        let names = ["head", "body", "tail"];
        let count = 1 + self.dice.below(3);
        let members: Vec<Value> = names[..count]
            .iter()
            .map(|name| {
                let mut member = Map::new();
                member.insert("name".into(), (*name).into());
                if self.dice.chance(50) {
                    member.insert("count".into(), (1 + self.dice.below(3)).into());
                }
                let container = json!({
                    "name": "engine",
                    "image": "registry.example.com/part:1",
                    "args": ["--rank=$(infer.rank)", "--size=$(infer.size)"],
                });
                member.insert("podTemplate".into(), json!({"spec": {"containers": [container]}}));
                member.into()
            })
            .collect();
        members.into()
    }

    fn kubernetes(&mut self, kind: &str) -> Option<Value> {
        let pool = match kind {
            "PodTemplateSpec" => vec![
                json!({"metadata": {"labels": {"tier": "gpu"}, "annotations": {"a": "y"}}}),
                json!({"spec": {"serviceAccountName": "models", "hostNetwork": true}}),
                json!({"spec": {"containers": [{"name": "engine", "securityContext": {"privileged": true}}]}}),
                json!({"spec": {"containers": [{"name": "log", "image": "registry.example.com/log:1",
                    "ports": [{"containerPort": 9900}]}]}}),
                json!({"spec": {"nodeSelector": {"example.com/pool": "h100"}, "priorityClassName": "high"}}),
                json!({"spec": {"initContainers": [{"name": "warm", "image": "registry.example.com/warm:1"}],
                    "volumes": [{"name": "dshm", "emptyDir": {"medium": "Memory"}}]}}),
            ],
            "EnvVar" => vec![
                json!({"name": "A", "value": "y"}),
                json!({"name": "B", "value": "1.10"}),
                json!({"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}),
                json!({"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}),
                json!({"name": "WHERE", "value": "$(infer.namespace)/$(NODE)"}),
                json!({"name": "RANK", "value": "$(infer.rank)"}),
                json!({"name": "NCCL_DEBUG", "value": "INFO"}),
                json!({"name": "EMPTY"}),
            ],
            "EnvFromSource" => vec![json!({"configMapRef": {"name": "settings"}})],
            "Probe" => vec![
                json!({}),
                json!({"httpGet": {"path": "/health", "port": 8000}, "periodSeconds": 5}),
                json!({"exec": {"command": ["true"]}, "failureThreshold": 100}),
            ],
            "Toleration" => vec![
                json!({"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}),
                json!({"operator": "Exists"}),
            ],
            "Affinity" => vec![
                json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [
                    {"key": "example.com/rack", "operator": "In", "values": ["r1"]}]}]}}}),
            ],
            "ResourceRequirements" => vec![
                json!({"requests": {"cpu": "8", "memory": "64Gi"}}),
                json!({"limits": {"memory": "64Gi"}, "requests": {"cpu": 4}}),
            ],
            "LifecycleHandler" => vec![
                json!({"exec": {"command": ["sleep", "10"]}}),
                json!({"sleep": {"seconds": 5}}),
            ],
            _ => return None,
        };
        Some(self.dice.pick(&pool).clone())
    }
}
