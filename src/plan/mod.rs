//! Spec to IR: what the short spec means in full.
//!
//! The plan knows no target. It resolves what roles inherit ([`resolve`]), does the arithmetic of GPUs and nodes ([`nodes`]),
//! asks the engine for command lines, builds pod templates (`pod`), adds the router that a disaggregated serving needs
//! (`router`), and checks what no field can check alone ([`check`]).

pub mod check;
pub mod codes;
mod container;
mod model;
pub mod nodes;
mod pod;
pub mod policies;
mod ports;
mod process;
pub mod resolve;
mod router;
pub mod runtime;
mod settings;
mod targets;
mod template;
mod unused;
pub mod variables;

use crate::diagnostic::{Diagnostic, Ledger, Outcome};
use crate::ir;
use crate::spec::decode::{Decode, StringMap};
use crate::spec::engine::EngineType;
use crate::spec::role::Phase;
use crate::spec::routing::{Gateway, RouterType, Routing, Service, ServiceType};
use crate::spec::{Metadata, Serving, ServingSpec};
use crate::value::{Ids, Map, Node, Str, Traced};
use codes::{NO_EFFECT, TRIVIAL};
use resolve::Resolved;
use std::borrow::Cow;

/// For whom a plan is made.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The dialect; absent to check a spec for nobody in particular.
    pub target: Option<&'a str>,
    /// All dialects, for checks of `targets`.
    pub targets: &'a [&'static str],
    /// The engines whose prefill and decode the target joins by means of its own; empty if it has none.
    pub routed: &'a [EngineType],
    /// The runtime that the target's operator expects around engines, if any.
    pub runtime: Option<runtime::Runtime>,
    /// Whether the target makes claims for each pod; if not, pods have ephemeral volumes instead.
    pub claims: bool,
    /// The namespace of the command line.
    pub namespace: Option<Str>,
    /// Parts of the spec could not be read: check names and references only, the rest would mislead.
    pub spelling_only: bool,
}

/// The port of the Service for clients.
const SERVICE_PORT: u32 = 80;

/// The plan of a spec. Reports everything that is wrong with it; `None` if no plan could be made.
pub fn plan(serving: &Serving, request: &Request<'_>, ledger: &mut Ledger) -> Option<ir::Serving> {
    let Serving {
        ids: _,
        api_version: _,
        kind: _,
        metadata,
        spec,
    } = serving;
    let metadata = metadata.clone().unwrap_or_default();
    let spec = spec
        .as_ref()
        .map_or_else(|| Cow::Owned(ServingSpec::default()), Cow::Borrowed);
    let spec = &*spec;
    if request.spelling_only {
        spelling(&metadata, spec, request, ledger);
        return None;
    }
    let mut roles = resolve::roles(spec, ledger);
    if let Some(runtime) = &request.runtime {
        runtime.apply(&mut roles, ledger);
    }
    check::roles(&roles, ledger);
    let Metadata {
        ids: _,
        name,
        namespace,
        labels,
        annotations,
    } = metadata;
    let name = name?;
    check::name(&name, "serving", ledger);
    let labels = labels.unwrap_or_default();
    let targets = targets::options(spec, &roles, request, ledger);
    let scene = Scene {
        name: &name,
        labels: &labels,
        spec,
        roles: &roles,
        runtime: request.runtime.as_ref(),
    };
    let planned = plan_roles(&scene, targets.roles, request, ledger);
    check::size(
        &spec.slices.as_ref().map_or(Traced::default_of(1), Traced::number),
        &planned,
        ledger,
    );
    if spec.slices.as_ref().is_some_and(|s| s.value.0 == 0) {
        for role in &planned {
            let message = format!("without slices role `{}` has no replicas", role.name.value);
            let said = Diagnostic::new(&NO_EFFECT, message).outcome(Outcome::Dropped);
            ledger.waive(&role.replicas.ids, said);
        }
    }
    let namespace = namespace.or_else(|| request.namespace.clone().map(Traced::default_of));
    Some(ir::Serving {
        front: front(&name, &planned, spec, request, ledger),
        model: served_model(spec),
        slices: spec.slices.as_ref().map_or(Traced::default_of(1), Traced::number),
        roles: planned,
        labels: labels.entries,
        annotations: annotations.map(|a: StringMap| a.entries).unwrap_or_else(Map::new),
        options: targets.serving,
        namespace,
        name,
    })
}

/// The checks that do not mislead where parts of the spec could not be read.
fn spelling(metadata: &Metadata, spec: &ServingSpec, request: &Request<'_>, ledger: &mut Ledger) {
    if let Some(name) = &metadata.name {
        check::name(name, "serving", ledger);
    }
    let roles = resolve::roles(spec, &mut Ledger::new());
    check::names(&roles, ledger);
    // A role without a name may be the one that another waits for.
    if spec.roles.iter().flatten().all(|r| r.name.is_some()) {
        check::dependencies(&roles, ledger);
    }
    targets::options(spec, &roles, request, ledger);
    if let Some(model) = &spec.model {
        model::source(model, crate::spec::engine::EngineType::Vllm, ledger);
    }
}

/// What the parts of the plan look at.
pub(crate) struct Scene<'a> {
    /// The serving's name.
    pub(crate) name: &'a Traced<Str>,
    /// Its labels, for pods.
    pub(crate) labels: &'a StringMap,
    /// The spec.
    pub(crate) spec: &'a ServingSpec,
    /// Its roles.
    pub(crate) roles: &'a [Resolved],
    /// The runtime that the target's operator expects around engines.
    pub(crate) runtime: Option<&'a runtime::Runtime>,
}

impl Scene<'_> {
    /// The names that references may use.
    pub(crate) fn role_names(&self) -> Vec<Str> {
        self.roles.iter().map(|r| r.name.value.clone()).collect()
    }
}

/// The roles in the order of the page, the router that nobody wrote last. Routers are planned when what is behind them is.
fn plan_roles(
    scene: &Scene<'_>,
    options: Vec<Node>,
    request: &Request<'_>,
    ledger: &mut Ledger,
) -> Vec<ir::Role> {
    let router = |r: &Resolved| r.phase.value == Phase::Router;
    let numbered = || scene.roles.iter().zip(&options).enumerate();
    let mut order: Vec<usize> = Vec::new();
    let mut planned: Vec<ir::Role> = Vec::new();
    for routers in [false, true] {
        for (at, (role, options)) in numbered().filter(|(_, (r, _))| router(r) == routers) {
            if let Some(made) = pod::role(scene, role, request.claims, options.clone(), &mut planned, ledger)
            {
                planned.push(made);
                order.push(at);
            }
        }
    }
    let mut sorted: Vec<(usize, ir::Role)> = order.into_iter().zip(planned).collect();
    sorted.sort_by_key(|(at, _)| *at);
    let mut planned: Vec<ir::Role> = sorted.into_iter().map(|(_, role)| role).collect();
    if let Some(mut implicit) = router::implicit(scene, request, ledger) {
        if let Some(runtime) = scene.runtime {
            runtime.apply(std::slice::from_mut(&mut implicit), ledger);
        }
        let options = Node::default();
        if let Some(role) = pod::role(scene, &implicit, request.claims, options, &mut planned, ledger) {
            planned.push(ir::Role {
                implicit: true,
                ..role
            });
        }
    }
    planned
}

fn served_model(spec: &ServingSpec) -> Option<Traced<Str>> {
    let model = spec.model.as_ref()?;
    model::source(model, crate::spec::engine::EngineType::Vllm, &mut Ledger::new()).served_name
}

/// What clients reach: the router if there is one, else the one role that serves whole requests.
fn front(
    name: &Traced<Str>,
    roles: &[ir::Role],
    spec: &ServingSpec,
    request: &Request<'_>,
    ledger: &mut Ledger,
) -> ir::Front {
    let Routing {
        ids,
        router,
        service,
        gateway,
    } = spec.routing.clone().unwrap_or_default();
    let of = |phase| {
        roles
            .iter()
            .find(move |r: &&ir::Role| r.phase.value == phase && r.engine.port.is_some())
    };
    let role = of(Phase::Router)
        .or_else(|| of(Phase::Aggregated))
        .map(|r| r.name.clone());
    let Service {
        ids: service_ids,
        name: service_name,
        r#type,
        port,
    } = service.unwrap_or_default();
    let default_name = || name.map(|n| Str::from(format!("{n}-serve")));
    let gateway = gateway.and_then(
        |Gateway {
             ids: _,
             name,
             namespace,
             hostnames,
         }| {
            Some(ir::Gateway {
                name: name?,
                namespace,
                hostnames: hostnames.unwrap_or_default(),
            })
        },
    );
    // What nobody asks for by name, or a router role of the spec does, is not turned off.
    let routed = router::choice(router.as_ref()).map(|choice| *choice != RouterType::None);
    let front = ir::Front {
        routed,
        service: service_name
            .unwrap_or_else(default_name)
            .and(&ids)
            .and(&service_ids),
        service_type: r#type.unwrap_or(Traced::default_of(ServiceType::ClusterIp)),
        port: port.map_or(Traced::default_of(SERVICE_PORT), |p| p.number()),
        gateway,
        role,
    };
    if front.role.is_none() {
        let (code, message) = match front.routed.value && !request.routed.is_empty() {
            true => (
                &TRIVIAL,
                "the target's gateway stands before the roles; no Service for clients is made",
            ),
            false => (
                &NO_EFFECT,
                "no role of the spec answers clients, so no Service for clients is made",
            ),
        };
        let routing = match front.routed.value {
            true => spec.routing.clone(),
            // That no router is wanted has its effect.
            false => spec.routing.clone().map(|r| Routing {
                ids: Ids::none(),
                router: None,
                ..r
            }),
        };
        let routing = routing.as_ref().map(Decode::origins).unwrap_or_default();
        ledger.waive(&routing, Diagnostic::new(code, message).outcome(Outcome::Dropped));
    }
    front
}
