//! Roles with everything they inherit.

use super::codes::{HALF_DISAGGREGATED, NO_EFFECT};
use crate::diagnostic::{Diagnostic, Ledger};
use crate::spec::ServingSpec;
use crate::spec::decode::{Decode, overlay};
use crate::spec::engine::{
    Accelerator, Connector, Engine, EngineType, KvTransfer, Network, Parallelism, SharedMemory,
};
use crate::spec::policy::{Disruption, Probes, Restart, Rollout, Scaling, Scheduling, Shutdown, Startup};
use crate::spec::role::{Member, Phase, Role};
use crate::spec::scalar::{PodTemplate, ResourceRequirements};
use crate::value::{Ids, Node, Str, Traced};

/// A role of the spec, with what it inherits and with the defaults that make it whole.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// Its name.
    pub name: Traced<Str>,
    /// What it does.
    pub phase: Traced<Phase>,
    /// Which engine it runs.
    pub engine_type: Traced<EngineType>,
    /// Engine instances.
    pub replicas: Traced<u32>,
    /// How a replica spreads over GPUs.
    pub parallelism: Parallelism,
    /// Explicit nodes of a replica.
    pub nodes: Option<Traced<u32>>,
    /// The engine.
    pub engine: Engine,
    /// The accelerators.
    pub accelerator: Accelerator,
    /// The network.
    pub network: Network,
    /// Requests and limits.
    pub resources: Option<ResourceRequirements>,
    /// Memory at /dev/shm.
    pub shared_memory: Option<SharedMemory>,
    /// KV transfer of a prefill or decode role.
    pub kv_transfer: Option<KvTransfer>,
    /// Roles that must be ready before.
    pub depends_on: Vec<Traced<Str>>,
    /// Scheduling.
    pub scheduling: Scheduling,
    /// Rollout.
    pub rollout: Option<Rollout>,
    /// Restart.
    pub restart: Restart,
    /// Startup.
    pub startup: Startup,
    /// Shutdown.
    pub shutdown: Shutdown,
    /// Scaling.
    pub scaling: Option<Scaling>,
    /// Drains.
    pub disruption: Option<Disruption>,
    /// Probes.
    pub probes: Probes,
    /// Overlays of all pods, the most general first.
    pub pod_templates: Vec<PodTemplate>,
    /// Overlay of the leader.
    pub leader: Option<PodTemplate>,
    /// Overlay of the workers.
    pub worker: Option<PodTemplate>,
    /// Explicit members.
    pub members: Vec<Member>,
    /// Claims made for each pod.
    pub claims: Vec<Node>,
    /// `targets` of the role.
    pub targets: Option<Node>,
}

impl Resolved {
    /// Whether it runs an engine that computes tokens.
    pub fn computes(&self) -> bool {
        !matches!(self.phase.value, Phase::Router | Phase::Other)
    }

    /// Whether it is one half of disaggregated serving.
    pub fn transfers_kv(&self) -> bool {
        matches!(self.phase.value, Phase::Prefill | Phase::Decode)
    }

    /// Its KV connector.
    pub fn connector(&self) -> Option<&Traced<Connector>> {
        self.kv_transfer.as_ref()?.connector.as_ref()
    }
}

/// The roles of a spec; one of phase `aggregated` if it names none.
pub fn roles(spec: &ServingSpec, ledger: &mut Ledger) -> Vec<Resolved> {
    let given = spec.roles.clone().filter(|r| !r.is_empty());
    let default = || {
        vec![Role {
            name: Some(Traced::default_of("server".into())),
            ..Role::default()
        }]
    };
    let roles: Vec<Resolved> = given
        .unwrap_or_else(default)
        .into_iter()
        .filter_map(|r| resolve(spec, r, ledger))
        .collect();
    check_phases(&roles, spec, ledger);
    roles
}

fn default_phase(name: &Traced<Str>) -> Traced<Phase> {
    name.map(|name| match Phase::from_word(name) {
        Some(phase @ (Phase::Prefill | Phase::Decode | Phase::Router | Phase::Encode)) => phase,
        _ => Phase::Aggregated,
    })
}

fn resolve(spec: &ServingSpec, role: Role, ledger: &mut Ledger) -> Option<Resolved> {
    let Role {
        ids: _,
        name,
        phase,
        replicas,
        parallelism,
        nodes,
        engine,
        accelerator,
        network,
        resources,
        shared_memory,
        kv_transfer,
        depends_on,
        scheduling,
        rollout,
        restart,
        startup,
        shutdown,
        scaling,
        disruption,
        probes,
        pod_template,
        leader,
        worker,
        members,
        volume_claim_templates,
        targets,
    } = role;
    let name = name?;
    let phase = phase.unwrap_or_else(|| default_phase(&name));
    let computes = !matches!(phase.value, Phase::Router | Phase::Other);
    let inherited = |engine: &Engine| match phase.value {
        _ if computes => engine.clone(),
        Phase::Router => auxiliary_engine(engine),
        _ => Engine::default(),
    };
    let engine = overlay(engine, spec.engine.as_ref().map(inherited), ledger).unwrap_or_default();
    let transfers = matches!(phase.value, Phase::Prefill | Phase::Decode);
    Some(Resolved {
        engine_type: match (&engine.r#type, phase.value) {
            (None, Phase::Other) => Traced::default_of(EngineType::Custom),
            _ => engine_type(&engine, computes),
        },
        replicas: replicas.map_or(Traced::default_of(1), |r| r.number()),
        parallelism: parallelism.unwrap_or_default(),
        nodes: nodes.map(|n| n.number()),
        engine,
        accelerator: overlay(accelerator, spec.accelerator.clone().filter(|_| computes), ledger)
            .unwrap_or_default(),
        network: overlay(network, spec.network.clone().filter(|_| computes), ledger).unwrap_or_default(),
        resources: overlay(resources, spec.resources.clone().filter(|_| computes), ledger),
        shared_memory: overlay(
            shared_memory,
            spec.shared_memory.clone().filter(|_| computes),
            ledger,
        ),
        kv_transfer: overlay(
            kv_transfer,
            spec.kv_transfer.clone().filter(|_| transfers),
            ledger,
        ),
        depends_on: depends_on.unwrap_or_default(),
        scheduling: overlay(scheduling, spec.scheduling.clone(), ledger).unwrap_or_default(),
        rollout: overlay(rollout, spec.rollout.clone(), ledger),
        restart: overlay(restart, spec.restart.clone(), ledger).unwrap_or_default(),
        startup: overlay(startup, spec.startup.clone(), ledger).unwrap_or_default(),
        shutdown: overlay(shutdown, spec.shutdown.clone(), ledger).unwrap_or_default(),
        scaling,
        disruption: overlay(disruption, spec.disruption.clone(), ledger),
        probes: overlay(probes, spec.probes.clone().filter(|_| computes), ledger).unwrap_or_default(),
        pod_templates: spec.pod_template.iter().cloned().chain(pod_template).collect(),
        leader,
        worker,
        members: members.unwrap_or_default(),
        claims: volume_claim_templates
            .into_iter()
            .flatten()
            .map(|c| c.0)
            .collect(),
        targets,
        name,
        phase,
    })
}

/// What a role that computes nothing takes from the spec's engine: which one it is, for the choice of its router.
fn auxiliary_engine(engine: &Engine) -> Engine {
    let known = Some(engine_type(engine, true)).filter(|e| e.value != EngineType::Custom);
    Engine {
        r#type: known,
        wrapper: engine.wrapper.clone(),
        ..Engine::default()
    }
}

/// The engine's type: as written, else what its image says, else vLLM; `custom` where nothing is said and nothing computes.
fn engine_type(engine: &Engine, computes: bool) -> Traced<EngineType> {
    let guess = |image: &Str| {
        [
            ("sglang", EngineType::Sglang),
            ("tensorrt", EngineType::Trtllm),
            ("vllm", EngineType::Vllm),
        ]
        .into_iter()
        .find_map(|(word, engine)| image.contains(word).then_some(engine))
        .unwrap_or(EngineType::Custom)
    };
    match (&engine.r#type, &engine.image) {
        (Some(engine), _) => engine.clone(),
        (None, Some(image)) => image.map(guess),
        (None, None) if computes => Traced::default_of(EngineType::Vllm),
        (None, None) => Traced::default_of(EngineType::Custom),
    }
}

fn check_phases(roles: &[Resolved], spec: &ServingSpec, ledger: &mut Ledger) {
    let of = |phase| roles.iter().find(move |r: &&Resolved| r.phase.value == phase);
    let lonely = match (of(Phase::Prefill), of(Phase::Decode)) {
        (Some(prefill), None) => Some((prefill, "prefill", "decode")),
        (None, Some(decode)) => Some((decode, "decode", "prefill")),
        _ => None,
    };
    if let Some((role, has, lacks)) = lonely {
        let message = format!(
            "role `{}` is of phase {has}, and no role is of phase {lacks}",
            role.name.value
        );
        let said =
            Diagnostic::new(&HALF_DISAGGREGATED, message).at_ids(&role.phase.ids.union(&role.name.ids));
        ledger.report(said.remedy(format!(
            "add a {lacks} role, or make this one `phase: aggregated`"
        )));
    }
    if let Some(kv) = spec
        .kv_transfer
        .as_ref()
        .filter(|_| !roles.iter().any(Resolved::transfers_kv))
    {
        unused(
            &kv.origins(),
            "`kvTransfer` is for prefill and decode roles, and the spec has none",
            ledger,
        );
    }
    if !roles.iter().any(|r| r.computes() && r.members.is_empty()) {
        for ids in [
            spec.model.as_ref().map(Decode::origins),
            spec.engine.as_ref().map(Decode::origins),
        ] {
            unused(
                &ids.unwrap_or_default(),
                "no role of the spec runs an engine that takes it",
                ledger,
            );
        }
    }
}

/// Waives values that nothing uses.
pub fn unused(ids: &Ids, message: &str, ledger: &mut Ledger) {
    if !ids.is_empty() {
        let said = Diagnostic::new(&NO_EFFECT, message).outcome(crate::diagnostic::Outcome::Dropped);
        ledger.waive(ids, said);
    }
}
