//! A role's questions to the engine.

use super::model::Source;
use super::nodes::Spread;
use super::resolve::Resolved;
use super::{Scene, settings, variables};
use crate::diagnostic::Ledger;
use crate::engine::request::{
    Executor, KvTransfer, LoadBalancing, ModelArg, Parallelism, Phase, Plan, Request, Wrapper,
};
use crate::engine::router::{dynamo_mode, engine_image};
use crate::engine::{EngineKind, Version};
use crate::spec;
use crate::spec::engine::EngineType;
use crate::value::{Ids, Node, Str, Traced};

/// The command lines of a role.
pub fn plan(request: &Request<'_>, ledger: &mut Ledger) -> Option<Plan> {
    crate::engine::plan(request, ledger)
}

/// The image of the engine's container: as written, else the engine's official one; none for a custom engine that names none.
pub fn image(role: &Resolved) -> Option<Node> {
    if let Some(image) = &role.engine.image {
        return Some(image.node());
    }
    let image = official(role).filter(|_| role.computes())?;
    Some(Node::derived(image, &role.engine_type.ids))
}

/// The image of an engine, or of the runtime around it, that is official.
fn official(role: &Resolved) -> Option<&'static str> {
    let around = role.engine.wrapper.as_ref().map(|w| wrapper(w.value));
    engine_image(kind(role.engine_type.value), around)
}

/// The runtime around an engine as the engine's tables know it.
pub fn wrapper(wrapper: spec::engine::Wrapper) -> Wrapper {
    match wrapper {
        spec::engine::Wrapper::Dynamo => Wrapper::Dynamo,
    }
}

/// The version of what runs from an image: of the runtime, if there is one around the engine.
pub fn version_of(role: &Resolved, image: &str, ids: &Ids) -> Version {
    match role.engine.wrapper {
        Some(_) => Version::of_dynamo_image(image, ids),
        None => Version::of_image(image, ids),
    }
}

/// The engine as its tables know it.
pub fn kind(engine: EngineType) -> EngineKind {
    match engine {
        EngineType::Vllm => EngineKind::Vllm,
        EngineType::Sglang => EngineKind::Sglang,
        EngineType::Trtllm => EngineKind::Trtllm,
        EngineType::Custom => EngineKind::Custom,
    }
}

/// The engine's version: as written, else what the image's tag says.
pub fn version(role: &Resolved) -> Version {
    match (&role.engine.version, &role.engine.image) {
        (Some(version), _) => Version::of_text(&version.value, &version.ids),
        (None, Some(image)) => version_of(role, &image.value, &image.ids),
        (None, None) => official(role).map_or_else(Version::unknown, |i| version_of(role, i, &Ids::none())),
    }
}

/// The owned parts of a [`Request`].
pub struct Inputs {
    /// The port that serves requests.
    pub port: Traced<u32>,
    /// The engine's version.
    pub version: Version,
    wrapper: Option<Traced<Wrapper>>,
    model: Option<ModelArg>,
    parallelism: Parallelism,
    kv: Option<KvTransfer>,
    settings: Vec<(&'static str, Node)>,
    command: Vec<Node>,
    args: Vec<Node>,
    executor: Option<Traced<Executor>>,
    load_balancing: Option<Traced<LoadBalancing>>,
    by_operator: bool,
    cache_events: Option<Ids>,
}

impl Inputs {
    /// What a role says about its engine.
    pub fn new(scene: &Scene<'_>, role: &Resolved, spread: &Spread, source: &Source) -> Self {
        let engine = &role.engine;
        let mut settings = engine.settings.as_ref().map(settings::rows).unwrap_or_default();
        if let Some(format) = source
            .load_format
            .as_ref()
            .filter(|_| !settings.iter().any(|(k, _)| *k == "loadFormat"))
        {
            settings.push(("loadFormat", format.node()));
        }
        let default_port = if role.engine_type.value == EngineType::Sglang {
            30000
        } else {
            8000
        };
        let words = |words: &Option<Vec<Traced<Str>>>| words.iter().flatten().map(Node::from).collect();
        Self {
            port: engine
                .port
                .as_ref()
                .map_or(Traced::default_of(default_port), Traced::number),
            version: version(role),
            wrapper: engine.wrapper.as_ref().map(|w| w.map(|w| wrapper(*w))),
            by_operator: scene.runtime.is_some() && engine.wrapper.is_some(),
            cache_events: cache_events(scene, role),
            model: source.argument.clone().map(|path| ModelArg {
                path,
                revision: source.revision.clone(),
                served_name: source.served_name.clone(),
            }),
            parallelism: parallelism(role, spread),
            kv: role.kv_transfer.as_ref().and_then(|kv| kv_transfer(kv, role)),
            settings,
            command: words(&engine.command),
            args: words(&engine.args),
            executor: engine.executor.as_ref().map(|e| e.map(|e| executor(*e))),
            load_balancing: engine
                .load_balancing
                .as_ref()
                .map(|l| l.map(|l| load_balancing(*l))),
        }
    }

    /// Reads the references in what the user writes of the command line, before it becomes part of a script.
    pub fn read_references(&mut self, roles: &[Str], ledger: &mut Ledger) {
        let words = self.command.iter_mut().chain(&mut self.args);
        words.for_each(|word| variables::read(word, roles, ledger));
    }

    /// The question.
    pub fn request<'a>(&'a self, role: &'a Resolved, spread: &'a Spread) -> Request<'a> {
        Request {
            engine: kind(role.engine_type.value),
            version: &self.version,
            wrapper: self.wrapper.as_ref(),
            model: self.model.as_ref(),
            phase: phase(role),
            parallelism: &self.parallelism,
            nodes: &spread.nodes,
            gpus_per_node: &spread.gpus,
            port: &self.port,
            kv: self.kv.as_ref(),
            settings: &self.settings,
            command: &self.command,
            args: &self.args,
            executor: self.executor.as_ref(),
            load_balancing: self.load_balancing.as_ref(),
            ssh_secret: role.engine.ssh_secret.as_ref(),
            by_operator: self.by_operator,
            cache_events: self.cache_events.as_ref(),
        }
    }
}

/// Who asks that a role tells which prefixes it has in its cache: a router that looks for the longest. Decode roles get their
/// caches from prefill, whose pods it chooses among.
fn cache_events(scene: &Scene<'_>, role: &Resolved) -> Option<Ids> {
    let prompts = matches!(
        role.phase.value,
        spec::role::Phase::Prefill | spec::role::Phase::Aggregated
    );
    let mode = super::router::policy(scene).filter(|_| prompts && role.engine.wrapper.is_some())?;
    (dynamo_mode(&mode.value) == "kv").then_some(mode.ids)
}

fn phase(role: &Resolved) -> Phase {
    match role.phase.value {
        spec::role::Phase::Prefill => Phase::Prefill,
        spec::role::Phase::Decode => Phase::Decode,
        spec::role::Phase::Encode => Phase::Encode,
        spec::role::Phase::Aggregated | spec::role::Phase::Router | spec::role::Phase::Other => {
            Phase::Aggregated
        }
    }
}

/// The parallelism as written. Without any, an engine that spans nodes spreads its tensor ranks over all of them.
fn parallelism(role: &Resolved, spread: &Spread) -> Parallelism {
    let spec::engine::Parallelism {
        ids,
        tensor,
        pipeline,
        data,
        expert,
    } = &role.parallelism;
    let one = || Traced::default_of(1);
    let given = tensor.is_some() || pipeline.is_some() || data.is_some();
    let whole = || spread.nodes.zip(&spread.gpus, |n, g| n.saturating_mul(*g).max(1));
    let first = if given { one() } else { whole() };
    Parallelism {
        tensor: tensor.as_ref().map_or(first, Traced::number).and(ids),
        pipeline: pipeline.as_ref().map_or_else(one, Traced::number),
        data: data.as_ref().map_or_else(one, Traced::number),
        expert: expert.clone().unwrap_or_default(),
    }
}

/// KV transfer as the engine tables see it.
pub fn kv_transfer(kv: &spec::engine::KvTransfer, role: &Resolved) -> Option<KvTransfer> {
    let spec::engine::KvTransfer {
        ids: _,
        connector,
        port,
        options,
    } = kv;
    Some(KvTransfer {
        connector: connector.as_ref()?.map(|c| Str::from(c.as_str())),
        port: port.as_ref().map(Traced::number),
        options: options.clone(),
        devices: role
            .network
            .rdma
            .as_ref()
            .and_then(|r| r.devices.clone())
            .unwrap_or_default(),
    })
}

fn executor(executor: spec::engine::Executor) -> Executor {
    match executor {
        spec::engine::Executor::Mp => Executor::Mp,
        spec::engine::Executor::Ray => Executor::Ray,
    }
}

fn load_balancing(balancing: spec::engine::LoadBalancing) -> LoadBalancing {
    match balancing {
        spec::engine::LoadBalancing::Internal => LoadBalancing::Internal,
        spec::engine::LoadBalancing::Hybrid => LoadBalancing::Hybrid,
        spec::engine::LoadBalancing::External => LoadBalancing::External,
        spec::engine::LoadBalancing::MultiPort => LoadBalancing::MultiPort,
    }
}
