//! The router that stands before prefill and decode: as the spec writes it, or added where the target has none of its own.

use super::codes::{NO_EFFECT, NO_ROUTER, OWN_ROUTER};
use super::resolve::Resolved;
use super::{Request, Scene};
use super::{process, variables};
use crate::diagnostic::{Diagnostic, Ledger, Outcome};
use crate::engine::Version;
use crate::engine::request::{KvTransfer, Process};
use crate::engine::router::{self, Backends, Pool, RouterKind, RouterPlan, RouterRequest};
use crate::ir;
use crate::spec::decode::Decode;
use crate::spec::engine::{Engine, EngineType};
use crate::spec::policy::Scheduling;
use crate::spec::role::Phase;
use crate::spec::routing::{Router, RouterType};
use crate::value::{Ids, Node, Str, Traced};

/// The port of a router whose spec names none.
const PORT: u32 = 8000;

/// A router's container.
pub struct Planned {
    /// The image.
    pub image: Node,
    /// What runs.
    pub process: Process,
    /// The port that serves clients.
    pub port: Traced<u32>,
    /// The roles whose pods it lists.
    pub discovers: Vec<Traced<Str>>,
    /// Annotations that it reads on prefill pods.
    pub prefill_annotations: Vec<(&'static str, Node)>,
}

/// Whether a role is a router that the compiler starts: one of phase `router` that brings no container of its own.
pub fn is_compiled(role: &Resolved) -> bool {
    let own = role.engine.command.is_some() || !role.members.is_empty();
    role.phase.value == Phase::Router && !own && role.engine_type.value != EngineType::Custom
}

/// The router of a role that [is compiled](is_compiled); `None` if nothing is behind it, or what is could not be planned.
pub fn of_role(
    scene: &Scene<'_>,
    role: &Resolved,
    planned: &[ir::Role],
    ledger: &mut Ledger,
) -> Option<Planned> {
    let kind = kind(role)?;
    let settings = scene
        .spec
        .routing
        .as_ref()
        .and_then(|r| r.router.clone())
        .unwrap_or_default();
    let image = match (&role.engine.image, router::router_image(kind)) {
        (Some(image), _) => image.clone(),
        (None, Some(image)) => Traced::default_of(Str::from(image)),
        (None, None) => engine_image(scene, role)?,
    };
    let version = match &role.engine.version {
        Some(version) => Version::of_text(&version.value, &version.ids),
        None => process::version_of(role, &image.value, &image.ids),
    };
    let port = role
        .engine
        .port
        .as_ref()
        .map_or(Traced::default_of(PORT), Traced::number);
    let kv = transfer(scene);
    let backends = match kind {
        RouterKind::Dynamo => found(planned)?,
        RouterKind::Vllm | RouterKind::Sglang | RouterKind::Trtllm => backends(planned, kv.as_ref())?,
    };
    let discovers = roles_of(&backends);
    let mut args: Vec<Node> = role.engine.args.iter().flatten().map(Node::from).collect();
    let roles = scene.role_names();
    args.iter_mut()
        .for_each(|word| variables::read(word, &roles, ledger));
    let request = RouterRequest {
        kind,
        version: &version,
        port: &port,
        policy: settings.policy.as_ref(),
        backends,
        command: &[],
        args: &args,
        by_operator: scene.runtime.is_some() && role.engine.wrapper.is_some(),
    };
    let RouterPlan {
        process,
        lists_pods,
        prefill_annotations,
    } = router::router(&request, ledger)?;
    let discovers = if lists_pods { discovers } else { Vec::new() };
    Some(Planned {
        image: image.node(),
        process,
        port,
        discovers,
        prefill_annotations,
    })
}

/// The router that belongs to what a role runs before.
fn kind(role: &Resolved) -> Option<RouterKind> {
    let wrapper = role.engine.wrapper.as_ref().map(|w| process::wrapper(w.value));
    router::router_of(process::kind(role.engine_type.value), wrapper)
}

/// How the router spreads requests: as `routing.router` says, or the arguments of Dynamo's frontend.
pub fn policy(scene: &Scene<'_>) -> Option<Traced<Str>> {
    let settings = scene.spec.routing.as_ref().and_then(|r| r.router.as_ref());
    let of_roles = scene.roles.iter().filter(|r| r.phase.value == Phase::Router);
    let lists = settings.and_then(|s| s.args.as_ref()).into_iter();
    let mut lists = lists.chain(of_roles.filter_map(|r| r.engine.args.as_ref()));
    let said = lists.find_map(|args| {
        let flag = args.iter().position(|a| a.value == "--router-mode")?;
        args.get(flag + 1).cloned()
    });
    said.or_else(|| settings.and_then(|s| s.policy.clone()))
}

/// The engine's own image, for routers that are in it.
fn engine_image(scene: &Scene<'_>, role: &Resolved) -> Option<Traced<Str>> {
    let wrapper = role.engine.wrapper.as_ref().map(|w| process::wrapper(w.value));
    let engine = |r: &&Resolved| r.computes() && r.engine.wrapper.is_some() == wrapper.is_some();
    let of_roles = scene
        .roles
        .iter()
        .find(engine)
        .and_then(|r| r.engine.image.clone());
    let written = match wrapper {
        Some(_) => of_roles,
        None => scene.spec.engine.as_ref().and_then(|e| e.image.clone()),
    };
    let official = router::engine_image(process::kind(role.engine_type.value), wrapper);
    written.or_else(|| official.map(|i| Traced::default_of(i.into())))
}

/// The roles whose workers Dynamo's frontend finds; `None` if there are none.
fn found(planned: &[ir::Role]) -> Option<Backends<'_>> {
    let wrapped = |r: &&ir::Role| r.engine.engine.is_some() && r.engine.wrapper.is_some();
    let roles: Vec<_> = planned.iter().filter(wrapped).map(|r| &r.name).collect();
    (!roles.is_empty()).then_some(Backends::Found(roles))
}

fn pool(role: &ir::Role) -> Option<Pool<'_>> {
    Some(Pool {
        role: &role.name,
        port: role.engine.port.as_ref()?,
        endpoints: role.engine.ports,
        bootstrap_port: role.engine.bootstrap_port.as_ref(),
    })
}

fn backends<'a>(planned: &'a [ir::Role], kv: Option<&'a KvTransfer>) -> Option<Backends<'a>> {
    let of = |phase| {
        planned
            .iter()
            .find(|r: &&ir::Role| r.phase.value == phase)
            .and_then(pool)
    };
    match (of(Phase::Prefill), of(Phase::Decode)) {
        (Some(prefill), Some(decode)) => Some(Backends::Disaggregated { prefill, decode, kv }),
        _ => of(Phase::Aggregated).map(Backends::Plain),
    }
}

fn roles_of(backends: &Backends<'_>) -> Vec<Traced<Str>> {
    match backends {
        Backends::Plain(pool) => vec![pool.role.clone()],
        Backends::Disaggregated {
            prefill,
            decode,
            kv: _,
        } => vec![prefill.role.clone(), decode.role.clone()],
        Backends::Found(roles) => roles.iter().map(|r| (*r).clone()).collect(),
    }
}

/// The KV transfer between the roles, as the engine tables see it.
fn transfer(scene: &Scene<'_>) -> Option<KvTransfer> {
    let role = scene.roles.iter().find(|r| r.phase.value == Phase::Prefill)?;
    process::kv_transfer(role.kv_transfer.as_ref()?, role)
}

/// The router that nobody wrote, if the serving needs one or `routing.router` asks for it: a role to be planned.
pub fn implicit(scene: &Scene<'_>, request: &Request<'_>, ledger: &mut Ledger) -> Option<Resolved> {
    let settings = scene.spec.routing.as_ref().and_then(|r| r.router.clone());
    let asked = settings.as_ref().map(Decode::origins).unwrap_or_default();
    let choice = choice(settings.as_ref()).value;
    let roles = scene.roles;
    let of = |phase| roles.iter().find(move |r: &&Resolved| r.phase.value == phase);
    let disaggregated = of(Phase::Prefill)
        .zip(of(Phase::Decode))
        .map(|(prefill, _)| prefill);
    // Engines in a runtime answer nobody but its router.
    let wanted = |r: &&Resolved| choice == RouterType::Engine || kind(r) == Some(RouterKind::Dynamo);
    let backend = disaggregated.or_else(|| of(Phase::Aggregated).filter(wanted));
    let waive = |code, message: &str, ledger: &mut Ledger| {
        ledger.waive(&asked, Diagnostic::new(code, message).outcome(Outcome::Dropped));
    };
    if of(Phase::Router).is_some() {
        waive(
            &NO_EFFECT,
            "the spec has a router role of its own, whose settings count",
            ledger,
        );
        return None;
    }
    if let Some(settings) = settings.as_ref().filter(|_| choice == RouterType::None) {
        none(settings, disaggregated.is_some(), ledger);
        return None;
    }
    let Some(backend) = backend.filter(|b| kind(b).is_some()) else {
        waive(
            &NO_EFFECT,
            "nothing in the spec needs a router that the compiler knows",
            ledger,
        );
        return None;
    };
    if request.routed.contains(&backend.engine_type.value) && choice == RouterType::Auto {
        let said = Diagnostic::new(&OWN_ROUTER, "no router is deployed").outcome(Outcome::Defaulted);
        ledger.waive(&asked, said);
        return None;
    }
    Some(role(scene, backend, settings.unwrap_or_default()))
}

/// Which router the spec wants.
pub fn choice(settings: Option<&Router>) -> Traced<RouterType> {
    let written = settings.and_then(|s| s.r#type.clone());
    written.unwrap_or(Traced::default_of(RouterType::Auto))
}

/// Accounts for a spec that wants no router.
fn none(settings: &Router, disaggregated: bool, ledger: &mut Ledger) {
    let message = match disaggregated {
        true => "no router is deployed: something outside the spec must join prefill and decode",
        false => "no router is deployed, and no gateway of the target is told of the engine",
    };
    let said = Diagnostic::new(&NO_ROUTER, message).outcome(Outcome::Defaulted);
    ledger.waive(&choice(Some(settings)).ids, said);
    let others = Router {
        ids: Ids::none(),
        r#type: None,
        ..settings.clone()
    };
    let unused = Diagnostic::new(
        &NO_EFFECT,
        "`routing.router.type: none` wants no router that could have it",
    );
    ledger.waive(&others.origins(), unused.outcome(Outcome::Dropped));
}

/// The router as a role of the spec.
fn role(scene: &Scene<'_>, backend: &Resolved, settings: Router) -> Resolved {
    let Router {
        ids,
        r#type,
        image,
        replicas,
        policy: _,
        port,
        args,
        resources,
    } = settings;
    let decided = ids.union(&r#type.map(|t| t.ids).unwrap_or_default());
    let taken = |name: &str| scene.roles.iter().any(|r| r.name.value == name);
    let usual = match backend.engine.wrapper {
        Some(_) => "frontend",
        None => "router",
    };
    let name = if taken(usual) { "infer-router" } else { usual };
    let scheduling = scene.spec.scheduling.clone().unwrap_or_default();
    Resolved {
        name: Traced::new(name.into(), decided),
        phase: Traced::default_of(Phase::Router),
        engine_type: Traced {
            value: backend.engine_type.value,
            ids: Ids::none(),
        },
        replicas: replicas.map_or(Traced::default_of(1), |r| r.number()),
        parallelism: Default::default(),
        nodes: None,
        engine: Engine {
            image,
            port,
            args,
            wrapper: backend
                .engine
                .wrapper
                .as_ref()
                .map(|w| Traced::default_of(w.value)),
            ..Engine::default()
        },
        accelerator: Default::default(),
        network: Default::default(),
        resources,
        shared_memory: None,
        kv_transfer: None,
        depends_on: Vec::new(),
        scheduling: Scheduling {
            priority_class_name: scheduling.priority_class_name,
            ..Scheduling::default()
        },
        rollout: None,
        restart: Default::default(),
        startup: Default::default(),
        shutdown: Default::default(),
        scaling: None,
        disruption: None,
        probes: Default::default(),
        pod_templates: scene.spec.pod_template.iter().cloned().collect(),
        leader: None,
        worker: None,
        members: Vec::new(),
        claims: Vec::new(),
        targets: None,
    }
}

/// Marks prefill pods for the router.
pub fn annotate(roles: &mut [ir::Role], annotations: &[(&'static str, Node)]) {
    for role in roles.iter_mut().filter(|r| r.phase.value == Phase::Prefill) {
        for member in &mut role.members {
            for (key, value) in annotations {
                member
                    .template
                    .at_mut(&["metadata", "annotations"])
                    .set(key, value.clone());
            }
        }
    }
}
