//! The runtime container that the mutating webhook puts into the templates of an annotated StormService.

use super::read::StormService;
use super::version::Version;
use crate::kubernetes::container::{env, list, mount, name_of};
use crate::value::{Map, Node, Str};

/// The annotation that asks for the sidecar.
pub const ANNOTATION: &str = "model.aibrix.ai/sidecar-injection";
const IMAGE: &str = "model.aibrix.ai/sidecar-runtime-image";
const ENGINE: &str = "model.aibrix.ai/engine";
const CONTAINER: &str = "aibrix-runtime";
const VOLUME: &str = "adapter-storage";
const PATH: &str = "/tmp/aibrix/adapters";
const PORT: u32 = 8080;

/// What is injected.
#[derive(Debug)]
pub struct Sidecar {
    image: Str,
    engine: Option<Str>,
}

impl Sidecar {
    /// The sidecar of a StormService, if it asks for one: the annotation counts whatever it says.
    pub fn of(service: &StormService, version: Version) -> Option<Self> {
        service.meta.annotations.get(ANNOTATION)?;
        Some(Self {
            image: image(&service.meta.annotations, version),
            engine: annotation(&service.template_annotations, ENGINE),
        })
    }

    /// The sidecar of a Deployment whose annotation says `true`. The engine is told by its own annotations.
    pub fn of_deployment(root: &Node, version: Version) -> Option<Self> {
        let annotations = root.at(&["metadata", "annotations"]).and_then(Node::as_map)?;
        (annotation(annotations, ANNOTATION)? == "true").then(|| Self {
            image: image(annotations, version),
            engine: annotation(annotations, ENGINE),
        })
    }

    /// Puts it into a PodSpec that has no container of its name.
    pub fn inject(&self, spec: &mut Node) {
        let containers = list(spec, "containers");
        if containers.is_empty() || containers.iter().any(|c| name_of(c) == Some(CONTAINER)) {
            return;
        }
        let engine = self
            .engine
            .clone()
            .unwrap_or_else(|| engine_of(containers).into());
        for container in spec.at_mut(&["containers"]).seq_mut() {
            let mounts = container.at_mut(&["volumeMounts"]).seq_mut();
            if !mounts.iter().any(|m| name_of(m) == Some(VOLUME)) {
                mounts.push(mount(VOLUME, PATH));
            }
        }
        let own = container(&self.image, &engine);
        spec.at_mut(&["containers"]).seq_mut().insert(0, own);
        let volumes = spec.at_mut(&["volumes"]).seq_mut();
        let volume = crate::kubernetes::container::empty_dir(VOLUME, None, None);
        match volumes.iter_mut().find(|v| name_of(v) == Some(VOLUME)) {
            Some(other) if other.get("emptyDir").is_none() => *other = volume,
            Some(_) => {}
            None => volumes.push(volume),
        }
    }
}

fn annotation(map: &Map, key: &str) -> Option<Str> {
    let text = map.get(key)?.as_str()?;
    (!text.is_empty()).then(|| text.into())
}

/// The image that annotations name, else the controller's own.
fn image(annotations: &Map, version: Version) -> Str {
    let built_in = if version.role_revisions() {
        "aibrix/runtime:v0.5.0"
    } else {
        "aibrix/runtime:v0.4.0"
    };
    annotation(annotations, IMAGE).unwrap_or_else(|| built_in.into())
}

/// The engine by the images.
fn engine_of(containers: &[Node]) -> &'static str {
    for container in containers {
        let image = container.get("image").and_then(Node::as_str).unwrap_or_default();
        let image = image.to_lowercase();
        let has = |word: &str| image.contains(word);
        if has("vllm") {
            return "vllm";
        } else if has("sglang") {
            return "sglang";
        } else if has("text-generation-inference") || has("tgi") {
            return "tgi";
        } else if has("triton") {
            return "triton";
        } else if has("llama") && has("cpp") {
            return "llamacpp";
        }
    }
    "unknown"
}

fn container(image: &Str, engine: &Str) -> Node {
    let words = |list: &[&str]| Node::from(list.iter().map(|w| Node::from(*w)).collect::<Vec<_>>());
    let amounts = |cpu: &str, memory: &str| -> Node {
        Map::from_iter([("cpu", Node::from(cpu)), ("memory", memory.into())]).into()
    };
    let mut own = Node::map();
    own.set("name", CONTAINER);
    own.set("image", image.clone());
    own.set("command", words(&["aibrix_runtime", "--port", "8080"]));
    own.set(
        "env",
        vec![
            env("INFERENCE_ENGINE", engine.clone()),
            env("INFERENCE_ENGINE_ENDPOINT", "http://localhost:8000"),
        ],
    );
    let mut port = crate::kubernetes::container::port(Some("metrics"), PORT);
    port.set("protocol", "TCP");
    own.set("ports", vec![port]);
    own.at_mut(&["resources"])
        .set("requests", amounts("100m", "256Mi"));
    own.at_mut(&["resources"]).set("limits", amounts("500m", "512Mi"));
    own.set("volumeMounts", vec![mount(VOLUME, PATH)]);
    own.set("livenessProbe", probe("/healthz", 3, 2));
    own.set("readinessProbe", probe("/ready", 5, 10));
    own
}

fn probe(path: &str, delay: u32, period: u32) -> Node {
    let mut probe = Node::map();
    let get = probe.at_mut(&["httpGet"]);
    get.set("path", path);
    get.set("port", PORT);
    get.set("scheme", "HTTP");
    probe.set("initialDelaySeconds", delay);
    probe.set("periodSeconds", period);
    probe
}
