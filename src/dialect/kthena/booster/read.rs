//! Typed reading of ModelBoosters as the API server stores them.
//!
//! Reading never fails. What the schema refuses is among the problems, and the value in question counts as its default.

use crate::dialect::kthena::place::text;
use crate::dialect::kthena::read::{self, items, number, string};
use crate::dialect::kthena::schema;
use crate::dialect::shared::schema::Settled;
use crate::kubernetes::container::list;
use crate::pods::Problem;
use crate::value::{Ids, Node, Str, Traced};

/// What was read, and what is wrong with it.
#[derive(Debug)]
pub struct Read {
    /// The object.
    pub object: ModelBooster,
    /// What the schema refuses.
    pub problems: Vec<Problem>,
    /// Fields that the API server drops in silence, each with its path.
    pub dropped: Vec<(String, Ids)>,
}

/// A ModelBooster.
#[derive(Clone, Debug)]
pub struct ModelBooster {
    /// Its name; a pattern where the API server makes it from `generateName`.
    pub name: Traced<Str>,
    /// The whole object as stored.
    pub root: Node,
    /// The name that requests use (`spec.name`); empty for that of the object.
    pub model_name: Traced<Str>,
    /// Further conditions on requests.
    pub model_match: Option<Node>,
    /// The engine.
    pub backend: Backend,
}

/// What a ModelBooster runs.
#[derive(Clone, Debug)]
pub struct Backend {
    /// Its name.
    pub name: Traced<Str>,
    /// `vLLM` or `vLLMDisaggregated`.
    pub kind: Traced<Str>,
    /// Where the model comes from.
    pub model: Traced<Str>,
    /// Where it is kept; empty for an `emptyDir`.
    pub cache: Traced<Str>,
    /// ServingGroups.
    pub replicas: Traced<i64>,
    /// Variables of the containers.
    pub env: Vec<Node>,
    /// Sources of variables, of the sidecar and the downloader.
    pub env_from: Vec<Node>,
    /// The scheduler; empty if none is named.
    pub scheduler: Traced<Str>,
    /// The RuntimeClass of the pods.
    pub runtime_class: Option<Node>,
    /// The kinds of engines.
    pub workers: Vec<Worker>,
}

/// A kind of engine.
#[derive(Clone, Debug)]
pub struct Worker {
    /// `server`, `prefill` or `decode`; other words are refused.
    pub kind: Traced<Str>,
    /// Its image.
    pub image: Option<Node>,
    /// Engine instances in a ServingGroup. Absent, there are none.
    pub replicas: Traced<i64>,
    /// Pods of an instance.
    pub pods: Traced<i64>,
    /// What an engine's container asks for.
    pub resources: Option<Node>,
    /// The affinity of the pods.
    pub affinity: Option<Node>,
    /// The tolerations of the pods.
    pub tolerations: Option<Node>,
    /// Flags of the engine, by their names without dashes.
    pub config: Node,
}

/// Reads a ModelBooster.
pub fn booster(root: &Node) -> Read {
    let mut root = root.clone();
    let Settled {
        mut problems,
        dropped,
        ..
    } = schema::settle(&mut root, super::KIND);
    let name = read::name(&root, &mut problems);
    let object = ModelBooster {
        name,
        model_name: string(root.at(&["spec", "name"])),
        model_match: root.at(&["spec", "modelMatch"]).cloned(),
        backend: backend(&root.at(&["spec", "backend"]).cloned().unwrap_or_default()),
        root,
    };
    Read {
        object,
        problems,
        dropped,
    }
}

fn backend(node: &Node) -> Backend {
    Backend {
        name: string(node.get("name")),
        kind: string(node.get("type")),
        model: string(node.get("modelURI")),
        cache: string(node.get("cacheURI")),
        replicas: number(node.get("replicas"), 0),
        env: list(node, "env").to_vec(),
        env_from: list(node, "envFrom").to_vec(),
        scheduler: string(node.get("schedulerName")),
        runtime_class: node.get("runtimeClassName").cloned(),
        workers: items(node, &["workers"]).iter().map(worker).collect(),
    }
}

fn worker(node: &Node) -> Worker {
    Worker {
        kind: string(node.get("type")),
        image: node.get("image").cloned(),
        replicas: number(node.get("replicas"), 0),
        pods: number(node.get("pods"), 0),
        resources: node.get("resources").cloned(),
        affinity: node.get("affinity").cloned(),
        tolerations: node.get("tolerations").cloned(),
        config: node.get("config").cloned().unwrap_or_default(),
    }
}

impl ModelBooster {
    /// The name of the ModelServing and of the ModelServer.
    pub fn child_name(&self) -> Traced<Str> {
        let backend = &self.backend.name;
        if backend.value.is_empty() {
            return self.name.clone();
        }
        self.name
            .zip(backend, |own, backend| format!("{own}-{backend}").into())
    }
}

impl Backend {
    /// Whether prefill and decode run apart.
    pub fn is_disaggregated(&self) -> bool {
        self.kind.value == "vLLMDisaggregated"
    }

    /// The worker of a kind, the last if there are several.
    pub fn worker(&self, kind: &str) -> Option<&Worker> {
        self.workers.iter().rfind(|w| w.kind.value == kind)
    }

    /// A variable of the user's.
    pub fn variable(&self, name: &str) -> Option<&Node> {
        self.env.iter().find(|entry| text(entry, &["name"]) == name)
    }

    /// The port on which all engines serve.
    pub fn port(&self) -> Traced<i64> {
        let given = self.workers.first().and_then(|w| w.config.get("port"));
        let number = |n: &Node| n.as_int().or_else(|| n.as_str()?.parse().ok());
        match given.and_then(|n| Some((number(n)?, n))) {
            Some((port, node)) => Traced::new(port, node.ids.clone()),
            None => Traced::default_of(8000),
        }
    }
}

impl Worker {
    /// Devices of one pod that the engine's launcher counts.
    pub fn devices(&self) -> i64 {
        let amount = |resource| self.limit(resource);
        amount("nvidia.com/gpu").saturating_add(amount("huawei.com/ascend-1980"))
    }

    /// The limit of a resource, in whole units.
    pub fn limit(&self, resource: &str) -> i64 {
        let limits = self.resources.as_ref().and_then(|r| r.at(&["limits", resource]));
        let amount = limits.and_then(|n| crate::kubernetes::quantity::Quantity::from_node(n).ok());
        amount.map_or(0, |q| q.round_up())
    }

    /// A string in the JSON of `kv-transfer-config`; empty if there is none.
    pub fn transfer(&self, key: &str) -> String {
        let text = self.config.get("kv-transfer-config").and_then(Node::as_str);
        let parsed = text.and_then(|t| serde_json::from_str::<serde_json::Value>(t).ok());
        let word = parsed.as_ref().and_then(|v| v.get(key)?.as_str());
        word.unwrap_or_default().to_owned()
    }
}
