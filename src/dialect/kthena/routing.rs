//! How requests arrive: a ModelServer finds the pods of an engine, a ModelRoute sends requests for a model to ModelServers.
//!
//! kthena-router takes every ready pod that a ModelServer's labels match, so workers must be kept out by the entry label; it
//! pairs prefill and decode within one ServingGroup.

use super::answers::{ENTRY_LABEL, GROUP_LABEL, NAME_LABEL, ROLE_LABEL};
use super::codes::{CONNECTOR, ENGINE, NOT_ROUTED, PORTS};
use super::cut;
use super::options::{InferenceEngine, Routing};
use super::scene::{Lowered, Scene};
use crate::diagnostic::{Diagnostic, Ledger, Outcome};
use crate::dialect::{Context, shared};
use crate::ir::{EngineFacts, Gateway, Role};
use crate::kubernetes::container::env_entry;
use crate::spec::engine::{Connector, EngineType};
use crate::spec::role::Phase;
use crate::template::Vars;
use crate::value::{Map, Node, Str, Traced};

/// A label of pods that says what they do, where several roles do the same.
pub const PHASE_LABEL: &str = "infer.dev/phase";

/// Whether a role is one half of disaggregated serving.
pub fn half(role: &Role) -> bool {
    matches!(role.phase.value, Phase::Prefill | Phase::Decode)
}

/// Whether prefill and decode must be told apart by phase: a ModelServer names one set of labels for each, and there are
/// several roles of one of them.
pub fn by_phase(scene: &Scene<'_>) -> bool {
    let count = |phase| scene.roles.iter().filter(|r| r.role.phase.value == phase).count();
    scene.serving.disaggregated() && (count(Phase::Prefill) > 1 || count(Phase::Decode) > 1)
}

/// Whether ModelServers and a ModelRoute are made: not where a router of the spec's own stands before the engines, or where it
/// wants none.
fn wanted(scene: &Scene<'_>) -> bool {
    let option = scene.options.routing.as_ref().and_then(|r| r.enabled.as_ref());
    let own_router = || scene.roles.iter().any(|r| r.role.phase.value == Phase::Router);
    option.map_or_else(
        || scene.serving.front.routed.value && !own_router(),
        |enabled| enabled.value,
    )
}

/// Whether the ModelRoute is bound to a Gateway.
pub fn bound(scene: &Scene<'_>) -> bool {
    let gateway_api = scene.platform.gateway_api.as_ref().is_some_and(|g| g.value);
    gateway_api && wanted(scene) && scene.roles.iter().any(|r| engine(r).is_some())
}

/// What kthena-router takes the engine of a role for.
fn engine(lowered: &Lowered<'_>) -> Option<Traced<InferenceEngine>> {
    if let Some(engine) = &lowered.options.inference_engine {
        return Some(engine.clone());
    }
    let EngineFacts {
        engine,
        wrapper,
        version: _,
        container: _,
        port: _,
        ports: _,
        connector: _,
        bootstrap_port: _,
    } = &lowered.role.engine;
    // Engines in a runtime answer nobody but its own router.
    let engine = engine.as_ref().filter(|_| wrapper.is_none())?;
    let known = match engine.value {
        EngineType::Vllm => InferenceEngine::Vllm,
        EngineType::Sglang => InferenceEngine::Sglang,
        EngineType::Trtllm | EngineType::Custom => return None,
    };
    Some(engine.map(|_| known))
}

/// ModelServers, then the ModelRoute to them.
pub fn objects(scene: &Scene<'_>, cx: &mut Context<'_>) -> Vec<Node> {
    if !wanted(scene) {
        return Vec::new();
    }
    let mut servers: Vec<Server<'_>> = pair(scene, cx.ledger).into_iter().collect();
    let aggregated: Vec<&Lowered<'_>> = scene
        .roles
        .iter()
        .filter(|r| r.role.phase.value == Phase::Aggregated)
        .collect();
    let alone = servers.is_empty() && aggregated.len() == 1;
    servers.extend(
        aggregated
            .into_iter()
            .filter_map(|r| single(scene, r, alone, cx.ledger)),
    );
    let mut objects: Vec<Node> = servers.iter().filter_map(|s| s.object(scene, cx)).collect();
    if !servers.is_empty() {
        objects.extend(route(scene, &servers, cx));
    }
    objects
}

/// What becomes a ModelServer.
struct Server<'a> {
    name: Traced<Str>,
    engine: Traced<InferenceEngine>,
    port: Traced<u32>,
    roles: Vec<&'a Lowered<'a>>,
    /// Labels that all its pods have beside the ModelServing's name.
    labels: Map,
    pairs: Option<Node>,
    connector: Option<Node>,
    /// Replicas behind it, for the weight of the route.
    replicas: u32,
}

/// The ModelServer of prefill and decode.
fn pair<'a>(scene: &'a Scene<'a>, ledger: &mut Ledger) -> Option<Server<'a>> {
    let halves: Vec<&Lowered<'_>> = scene.roles.iter().filter(|r| half(r.role)).collect();
    let first = *halves.first().filter(|_| scene.serving.disaggregated())?;
    let Some(engine) = engine(first) else {
        let message = format!(
            "kthena-router cannot pair prefill and decode of the engine of `{}`",
            first.role.name.value
        );
        let said = Diagnostic::new(&ENGINE, message).at_ids(&origin(first.role));
        ledger.report(said.remedy("deploy a router: `routing: {router: {type: engine}}`"));
        return None;
    };
    let port = one_port(&halves, ledger)?;
    let connector = connector(first, engine.value, ledger);
    // Workers are told from entry pods for all at once if that is right for all.
    let entry = halves
        .iter()
        .all(|r| !r.role.multi_node() || cut::entry_only(r.role))
        && halves.iter().any(|r| r.role.multi_node());
    let mut labels = Map::new();
    if entry {
        labels.insert(ENTRY_LABEL, "true");
    }
    let side = |phase: Phase| {
        let of: Vec<&&Lowered<'_>> = halves.iter().filter(|r| r.role.phase.value == phase).collect();
        let mut labels = match by_phase(scene) {
            true => Map::from_iter([(PHASE_LABEL, Node::from(phase.as_str()))]),
            false => of.iter().take(1).map(|r| (ROLE_LABEL, r.name.node())).collect(),
        };
        if !entry && of.iter().any(|r| cut::entry_only(r.role)) {
            labels.insert(ENTRY_LABEL, "true");
        }
        labels
    };
    let mut pairs = Map::from_iter([("groupKey", Node::from(GROUP_LABEL))]);
    pairs.insert("prefillLabels", side(Phase::Prefill));
    pairs.insert("decodeLabels", side(Phase::Decode));
    let decode = halves.iter().filter(|r| r.role.phase.value == Phase::Decode);
    let replicas = decode.map(|r| r.role.replicas.value).fold(0, u32::saturating_add);
    Some(Server {
        name: scene.serving.name.clone(),
        engine,
        port,
        roles: halves,
        labels,
        pairs: Some(pairs.into()),
        connector,
        replicas,
    })
}

/// What said which engine it is, else the role's name.
fn origin(role: &Role) -> crate::value::Ids {
    role.engine
        .engine
        .as_ref()
        .map(|e| e.ids.clone())
        .filter(|i| !i.is_empty())
        .unwrap_or_else(|| role.name.ids.clone())
}

/// The port that all serve on.
fn one_port(roles: &[&Lowered<'_>], ledger: &mut Ledger) -> Option<Traced<u32>> {
    let mut port: Option<Traced<u32>> = None;
    for Lowered { role, .. } in roles {
        let Some(own) = &role.engine.port else {
            let message = format!("`{}` has no port that a ModelServer could name", role.name.value);
            let said = Diagnostic::new(&PORTS, message).at_ids(&role.name.ids);
            ledger.report(said.remedy("give its engine a `port`"));
            return None;
        };
        match &mut port {
            None => port = Some(own.clone()),
            Some(first) if first.value == own.value => first.ids.merge(&own.ids),
            Some(first) => {
                let message = format!(
                    "a ModelServer has one port, and prefill and decode serve on {} and {}",
                    first.value, own.value
                );
                let at = if own.ids.is_empty() { &first.ids } else { &own.ids };
                let said = Diagnostic::new(&PORTS, message).at_ids(at);
                ledger.report(said.remedy("set `engine.port` once, in the spec"));
            }
        }
    }
    port
}

/// `kvConnector`; SGLang has none, because the router infers its protocol from the engine and any value here breaks that.
fn connector(lowered: &Lowered<'_>, engine: InferenceEngine, ledger: &mut Ledger) -> Option<Node> {
    let connector = lowered
        .role
        .engine
        .connector
        .as_ref()
        .filter(|_| engine == InferenceEngine::Vllm)?;
    let (word, reason) = match connector.value {
        Connector::Nixl => ("nixl", None),
        Connector::Lmcache if proxied(lowered) => ("lmcache", Some(LMCACHE)),
        Connector::Lmcache => ("lmcache", None),
        Connector::Mooncake if ascend(lowered) => ("mooncake", None),
        Connector::Mooncake => ("mooncake", Some(MOONCAKE)),
        Connector::Moriio | Connector::Ucx | Connector::Mpi => {
            ("http", Some("it knows nixl, mooncake and lmcache"))
        }
    };
    if let Some(reason) = reason {
        let message = format!(
            "kthena-router cannot pair prefill and decode by `{}` with this engine",
            connector.value.as_str()
        );
        let said = Diagnostic::new(&CONNECTOR, message)
            .at_ids(&connector.ids)
            .reason(reason);
        ledger.report(
            said.remedy("use nixl, or deploy the engine's router: `routing: {router: {type: engine}}`"),
        );
    }
    Some(Map::from_iter([("type", connector.map(|_| Str::from(word)).node())]).into())
}

/// Why vLLM's own Mooncake connector does not work (kthena pkg/kthena-router/connectors/mooncake.go).
const MOONCAKE: &str = "it speaks to Mooncake as vllm-ascend does, where prefill answers with its address; vLLM's own connector must be \
                        told the address of prefill's bootstrap server by the router";

/// Why LMCache's mode for prefill and decode does not work (its sender reads the receiver's address from each request).
const LMCACHE: &str = "in its mode for prefill and decode, LMCache's own proxy tells prefill with each request where the decode pod is; \
                       kthena-router sends the request to one after the other, which needs a store that both share";

fn containers<'a>(lowered: &'a Lowered<'_>) -> &'a [Node] {
    let template = &lowered.role.leader().template;
    template
        .at(&["spec", "containers"])
        .and_then(Node::as_seq)
        .unwrap_or_default()
}

/// Whether LMCache sends caches from pod to pod, by its variables.
fn proxied(lowered: &Lowered<'_>) -> bool {
    containers(lowered)
        .iter()
        .any(|c| env_entry(c, "LMCACHE_ENABLE_PD").is_some())
}

/// Whether the engine is vllm-ascend, by its image.
fn ascend(lowered: &Lowered<'_>) -> bool {
    let image = |c: &Node| {
        c.get("image")
            .and_then(Node::as_str)
            .is_some_and(|i| i.contains("ascend"))
    };
    containers(lowered).iter().any(image)
}

fn say_not_routed(role: &Role, ledger: &mut Ledger) {
    let message = format!(
        "`{}` is not routed by kthena-router: it knows vLLM and SGLang only",
        role.name.value
    );
    let said = Diagnostic::new(&NOT_ROUTED, message)
        .at(origin(role).first())
        .outcome(Outcome::Defaulted);
    let said = said.reason("clients reach it by its Service; no ModelServer and no ModelRoute are made");
    let remedy =
        "if it speaks the protocol of one of the two, say so: `targets.kthena.inferenceEngine` of the role";
    ledger.report(said.remedy(remedy));
}

/// The ModelServer of an aggregated role.
fn single<'a>(
    scene: &'a Scene<'a>,
    lowered: &'a Lowered<'a>,
    alone: bool,
    ledger: &mut Ledger,
) -> Option<Server<'a>> {
    let role = lowered.role;
    let Some(engine) = engine(lowered) else {
        say_not_routed(role, ledger);
        return None;
    };
    let port = one_port(&[lowered], ledger)?;
    if role.engine.ports > 1 {
        let message = format!(
            "`{}` serves on {} ports, and kthena-router uses the first",
            role.name.value, role.engine.ports
        );
        ledger.report(
            Diagnostic::new(&PORTS, message)
                .at_ids(&origin(role))
                .severity(crate::diagnostic::Severity::Warning),
        );
    }
    let mut labels = Map::from_iter([(ROLE_LABEL, lowered.name.node())]);
    if cut::entry_only(role) {
        labels.insert(ENTRY_LABEL, "true");
    }
    let name = if alone {
        scene.serving.name.clone()
    } else {
        shared::role_object_name(scene.serving, role)
    };
    let replicas = role.replicas.value;
    Some(Server {
        name,
        engine,
        port,
        roles: vec![lowered],
        labels,
        pairs: None,
        connector: None,
        replicas,
    })
}

impl Server<'_> {
    fn object(&self, scene: &Scene<'_>, cx: &mut Context<'_>) -> Option<Node> {
        let Self {
            name,
            engine,
            port,
            roles,
            labels,
            pairs,
            connector,
            replicas: _,
        } = self;
        let mut select = Map::from_iter([(NAME_LABEL, Node::from(&scene.serving.name))]);
        labels
            .iter()
            .for_each(|(key, value)| drop(select.insert(key.clone(), value.clone())));
        let mut engine = engine.node();
        roles
            .iter()
            .filter_map(|r| self::engine(r))
            .for_each(|e| engine.decided_by(&e.ids));
        let mut vars = Vars::new();
        vars.set(
            "metadata",
            shared::metadata(scene.serving, name, &[], &Map::new()),
        );
        vars.set("model", scene.serving.model.as_ref().map(Traced::node));
        vars.set("inferenceEngine", engine);
        vars.set("matchLabels", select);
        vars.set("pdGroup", pairs.clone());
        vars.set("port", port.node());
        vars.set("trafficPolicy", traffic(scene));
        vars.set("kvConnector", connector.clone());
        shared::fill(cx, "kthena/modelserver.yaml", vars)
    }
}

fn traffic(scene: &Scene<'_>) -> Option<Node> {
    let Routing { timeout, retry, .. } = scene.options.routing.as_ref()?;
    let mut policy = Map::new();
    policy.insert_some(
        "timeout",
        timeout
            .as_ref()
            .map(|t| t.map(|t| Str::from(format!("{}s", t.0))).node()),
    );
    policy.insert_some("retry", retry.clone());
    (!policy.is_empty()).then(|| policy.into())
}

fn route(scene: &Scene<'_>, servers: &[Server<'_>], cx: &mut Context<'_>) -> Option<Node> {
    let empty = Routing::default();
    let Routing {
        ids,
        enabled,
        model_name,
        lora_adapters,
        model_match,
        rate_limit,
        timeout: _,
        retry: _,
    } = scene.options.routing.as_ref().unwrap_or(&empty);
    let serving = scene.serving;
    let model = model_name
        .as_ref()
        .or(serving.model.as_ref())
        .unwrap_or(&serving.name);
    let mut vars = Vars::new();
    vars.set(
        "metadata",
        shared::metadata(serving, &serving.name, &[], &Map::new()),
    );
    let mut decided = ids.clone();
    decided.merge(&enabled.as_ref().map(|e| e.ids.clone()).unwrap_or_default());
    vars.set("modelName", Node::derived(model.node(), &decided));
    vars.set(
        "loraAdapters",
        lora_adapters
            .as_ref()
            .map(|l| l.iter().map(Node::from).collect::<Vec<Node>>()),
    );
    vars.set("parentRefs", parents(scene));
    vars.set("modelMatch", model_match.clone());
    vars.set("targetModels", targets(servers));
    vars.set("rateLimit", rate_limit.clone());
    shared::fill(cx, "kthena/modelroute.yaml", vars)
}

/// The targets of the route, weighted from 0 to 100 and in proportion to the replicas.
fn targets(servers: &[Server<'_>]) -> Vec<Node> {
    let most = servers.iter().map(|s| s.replicas).max().unwrap_or(0);
    let target = |server: &Server<'_>| {
        let mut target = Map::from_iter([("modelServerName", Node::from(&server.name))]);
        if servers.len() > 1 && most > 0 {
            let weight = (u64::from(server.replicas) * 100).div_ceil(u64::from(most));
            target.insert("weight", weight.min(100) as u32);
        }
        Node::from(target)
    };
    servers.iter().map(target).collect()
}

/// The Gateway that the route is bound to: the spec's, else the Platform's, else the router's own default.
fn parents(scene: &Scene<'_>) -> Option<Node> {
    if !bound(scene) {
        return None;
    }
    let (name, namespace) = match (&scene.serving.front.gateway, &scene.platform.gateway) {
        (
            Some(Gateway {
                name,
                namespace,
                hostnames: _,
            }),
            _,
        ) => (name.node(), namespace.as_ref().map(Traced::node)),
        (None, Some(gateway)) => (
            gateway.name.as_ref()?.node(),
            gateway.namespace.as_ref().map(Traced::node),
        ),
        (None, None) => ("default".into(), Some("kthena-system".into())),
    };
    let mut parent = Map::from_iter([
        ("group", Node::from("gateway.networking.k8s.io")),
        ("kind", "Gateway".into()),
        ("name", name),
    ]);
    parent.insert_some("namespace", namespace);
    Some(vec![Node::from(parent)].into())
}
