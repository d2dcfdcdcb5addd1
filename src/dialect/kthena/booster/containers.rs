//! The containers of a ModelBooster's pods, as Kthena's templates have them
//! (`pkg/model-booster-controller/convert/templates`).

use super::cache::Cache;
use super::command;
use super::read::{Backend, ModelBooster, Worker};
use crate::dialect::kthena::children::map;
use crate::dialect::kthena::options::Platform;
use crate::dialect::kthena::place::text;
use crate::kubernetes::container::mount;
use crate::pods::{field_variable, variable};
use crate::value::{Node, Str, Traced};

/// Makes containers.
#[derive(Debug)]
pub struct Containers<'a> {
    /// The object.
    pub booster: &'a ModelBooster,
    /// Where its model is.
    pub cache: &'a Cache,
    /// How the operators run.
    pub platform: &'a Platform,
}

/// The script by which an engine waits for its last requests before it stops. It is the controller's, and not repeated here.
const DRAIN: &str = "<text>";

impl Containers<'_> {
    fn backend(&self) -> &Backend {
        &self.booster.backend
    }

    fn image(given: Option<&Traced<Str>>, name: &str) -> Node {
        given.map_or_else(
            || format!("ghcr.io/volcano-sh/{name}:latest").into(),
            Traced::node,
        )
    }

    /// The init container that downloads the model. Of the variables it gets those with a value that it knows.
    pub fn downloader(&self) -> Node {
        let backend = self.backend();
        let known = ["ENDPOINT", "HF_ENDPOINT", "MS_TOKEN", "MS_REVISION"];
        let env = known.iter().filter_map(|name| backend.variable(name));
        let env: Vec<Node> = env
            .filter(|entry| !text(entry, &["value"]).is_empty())
            .cloned()
            .collect();
        let name = &self.booster.name;
        let args: Vec<Node> = vec![
            "--source".into(),
            backend.model.node(),
            "--output-dir".into(),
            self.cache.directory.clone(),
        ];
        let mut container = map([
            (
                "name",
                Node::derived(format!("{}-model-downloader", name.value), &name.ids),
            ),
            (
                "image",
                Self::image(self.platform.downloader_image.as_ref(), "downloader"),
            ),
            ("args", args.into()),
            ("volumeMounts", vec![self.cache.mount.clone()].into()),
        ]);
        fill(&mut container, "env", env);
        fill(&mut container, "envFrom", backend.env_from.clone());
        container
    }

    /// The port of the sidecar, as Go reads it: what is no number is as if it were not there.
    pub fn runtime_port(&self) -> Node {
        let given = self.backend().variable("RUNTIME_PORT");
        let number = |entry: &Node| text(entry, &["value"]).parse::<i64>().ok();
        match given.and_then(|entry| Some((number(entry)?, entry))) {
            Some((port, entry)) => Node::derived(i64::from(port as i32), &entry.all_ids()),
            None => 8100_i64.into(),
        }
    }

    /// A string that a variable of the user's decides.
    pub fn decided(&self, name: &str, default: &str) -> Node {
        match self.backend().variable(name) {
            Some(entry) => Node::derived(text(entry, &["value"]), &entry.all_ids()),
            None => default.into(),
        }
    }

    /// The sidecar that makes metrics and adapters of engines alike.
    pub fn runtime(&self, env: &[Node], env_from: bool, probed: bool) -> Node {
        let backend = self.backend();
        let port = self.runtime_port();
        let printed = Node::derived(port.as_int().unwrap_or_default().to_string(), &port.ids);
        let url = format!("http://localhost:{}", backend.port().value);
        let engine: Traced<Str> = backend.kind.map(|kind| kind.to_ascii_lowercase().into());
        let args: Vec<Node> = vec![
            "--port".into(),
            printed,
            "--engine".into(),
            engine.node(),
            "--engine-base-url".into(),
            self.decided("RUNTIME_URL", &url),
            "--engine-metrics-path".into(),
            self.decided("RUNTIME_METRICS_PATH", "/metrics"),
            "--pod".into(),
            "$(POD_NAME).$(NAMESPACE)".into(),
            "--model".into(),
            self.booster.name.node(),
        ];
        let mut container = map([
            ("name", "runtime".into()),
            (
                "image",
                Self::image(self.platform.runtime_image.as_ref(), "runtime"),
            ),
            ("ports", vec![map([("containerPort", port.clone())])].into()),
            ("env", env.to_vec().into()),
            ("args", args.into()),
        ]);
        if env_from {
            fill(&mut container, "envFrom", backend.env_from.clone());
        }
        if probed {
            container.set(
                "readinessProbe",
                probe(&port, &[("initialDelaySeconds", 5), ("periodSeconds", 10)]),
            );
        }
        container
    }

    /// The engine of a backend that is not disaggregated.
    pub fn server(&self, worker: &Worker, env: &[Node]) -> Node {
        let port = self.backend().port().node();
        let mut container = self.engine("engine", worker);
        let times = [
            ("failureThreshold", 3),
            ("initialDelaySeconds", 180),
            ("periodSeconds", 5),
            ("successThreshold", 1),
            ("timeoutSeconds", 1),
        ];
        let drain: Vec<Node> = ["/bin/sh", "-c", DRAIN].map(Node::from).into();
        container.set("env", env.to_vec());
        container.set("readinessProbe", probe(&port, &times));
        container
            .at_mut(&["lifecycle", "preStop", "exec"])
            .set("command", drain);
        self.shared_memory(&mut container);
        container
    }

    /// The engine of a role of a disaggregated backend.
    pub fn half(&self, worker: &Worker, env: &[Node]) -> Node {
        let port = self.backend().port().node();
        let mut container = self.engine("vllm", worker);
        let times = |delay| {
            [
                ("initialDelaySeconds", delay),
                ("periodSeconds", 5),
                ("failureThreshold", 3),
            ]
        };
        container.set("ports", vec![map([("containerPort", port.clone())])]);
        container.set("env", env.to_vec());
        container.set("imagePullPolicy", "IfNotPresent");
        container.set("readinessProbe", probe(&port, &times(5)));
        container.set("livenessProbe", probe(&port, &times(180)));
        container
    }

    fn engine(&self, name: &str, worker: &Worker) -> Node {
        let mut container = map([
            ("name", name.into()),
            (
                "command",
                command::engine(self.backend(), worker, &self.cache.directory).into(),
            ),
        ]);
        self.worker_parts(&mut container, worker);
        container
    }

    fn worker_parts(&self, container: &mut Node, worker: &Worker) {
        for (key, value) in [("image", &worker.image), ("resources", &worker.resources)] {
            if let Some(value) = value {
                container.set(key, value.clone());
            }
        }
        container.set("volumeMounts", vec![self.cache.mount.clone()]);
    }

    fn shared_memory(&self, container: &mut Node) {
        container
            .at_mut(&["volumeMounts"])
            .seq_mut()
            .push(mount("dshm", "/dev/shm"));
    }

    /// The container of the other pods of an engine. It gets the user's variables only.
    pub fn ray_worker(&self, worker: &Worker) -> Node {
        let backend = self.backend();
        let name = format!("{}-{}-worker", backend.name.value, backend.kind.value).to_lowercase();
        let mut container = map([
            ("name", Node::derived(name, &backend.name.ids)),
            ("command", command::worker().into()),
        ]);
        fill(&mut container, "env", backend.env.clone());
        self.worker_parts(&mut container, worker);
        self.shared_memory(&mut container);
        container
    }

    /// The variables of sidecar and engine: the user's, those of all engines, and `more`.
    pub fn env(&self, more: impl IntoIterator<Item = Node>) -> Vec<Node> {
        let mut env = self.backend().env.clone();
        env.push(field_variable("POD_NAME", "metadata.name"));
        env.push(field_variable("NAMESPACE", "metadata.namespace"));
        env.push(variable("VLLM_USE_V1", "1"));
        let redis = [
            ("REDIS_HOST", "configMapKeyRef", "redis-config"),
            ("REDIS_PORT", "configMapKeyRef", "redis-config"),
            ("REDIS_PASSWORD", "secretKeyRef", "redis-secret"),
        ];
        env.extend(redis.map(|(name, kind, of)| {
            let key = map([
                ("name", of.into()),
                ("key", name.into()),
                ("optional", true.into()),
            ]);
            map([("name", name.into()), ("valueFrom", map([(kind, key)]))])
        }));
        env.extend(more);
        env
    }
}

/// Sets a list unless it is empty.
fn fill(container: &mut Node, key: &str, list: Vec<Node>) {
    if !list.is_empty() {
        container.set(key, list);
    }
}

fn probe(port: &Node, times: &[(&str, i64)]) -> Node {
    let get = map([("path", "/health".into()), ("port", port.clone())]);
    let mut probe = map([("httpGet", get)]);
    times.iter().for_each(|(key, n)| probe.set(key, *n));
    probe
}
