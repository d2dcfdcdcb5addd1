//! A role of the spec to a role of the IR: engine processes to members with pod templates.

use super::codes::{NO_CONTAINER, NO_EFFECT};
use super::nodes::{self, Spread};
use super::process::{self, Inputs};
use super::resolve::Resolved;
use super::template::{CONTAINER, Parts, labelled, scheduled, single};
use super::{Scene, check, model, policies, unused, variables};
use crate::diagnostic::{Code, Diagnostic, Ledger, Severity};
use crate::engine::codes::{CONNECTOR_MISSING, WORLD};
use crate::ir::{self, Member};
use crate::kubernetes::codes::HIDDEN;
use crate::kubernetes::merge::{Type, strategic_merge};
use crate::spec::decode::Decode;
use crate::spec::engine::EngineType;
use crate::value::{Ids, Map, Node, Str, Traced};
use std::borrow::Cow;

/// The IR of a role.
///
/// `planned` are the roles that a router may stand before: those planned so far.
pub fn role(
    scene: &Scene<'_>,
    role: &Resolved,
    claims: bool,
    options: Node,
    planned: &mut [ir::Role],
    ledger: &mut Ledger,
) -> Option<ir::Role> {
    let before = ledger.diagnostics.len();
    let spread = nodes::spread(role, ledger);
    let miscounted = ledger.diagnostics.len() > before;
    let built = if role.members.is_empty() {
        generated(scene, role, &spread, planned, ledger)
    } else {
        Some(explicit(scene, role, ledger))
    };
    said_before(
        &[(miscounted, &WORLD), (true, &CONNECTOR_MISSING)],
        before,
        ledger,
    );
    let built = built?;
    let pods: u32 = built
        .members
        .iter()
        .map(|m| m.count.value)
        .fold(0, u32::saturating_add);
    let mut planned = ir::Role {
        name: role.name.clone(),
        phase: role.phase.clone(),
        implicit: false,
        replicas: role.replicas.clone(),
        members: built.members,
        engine: built.facts,
        depends_on: role.depends_on.clone(),
        startup: policies::startup(role, pods, ledger),
        gang: policies::gang(role, pods, ledger),
        topology: policies::topology(role, pods, ledger),
        queue: role.scheduling.queue.clone(),
        priority: role.scheduling.priority_class_name.clone(),
        scheduler: role.scheduling.scheduler_name.clone(),
        rollout: policies::rollout(role, ledger),
        restart: policies::restart(role, pods, ledger),
        scaling: policies::scaling(role, ledger),
        disruption: policies::disruption(role, ledger),
        discovers: built.discovers,
        claims: if claims { role.claims.clone() } else { Vec::new() },
        claimed: role
            .claims
            .iter()
            .fold(Ids::none(), |ids, c| ids.union(&c.all_ids())),
        options,
    };
    let names = scene.role_names();
    for member in &mut planned.members {
        variables::read(&mut member.template, &names, ledger);
        if !claims {
            claimed(&role.claims, &mut member.template);
        }
        if writes_kubernetes(role) || !scene.labels.entries.is_empty() {
            let before = ledger.diagnostics.len();
            crate::kubernetes::check::pod_template(&with_claims(&member.template, &planned.claims), ledger);
            // Pods may hide a variable behind another of its name; the custom resources around them may not.
            let said = ledger.diagnostics[before..].iter_mut();
            said.filter(|d| d.code == &HIDDEN)
                .for_each(|d| d.severity = Severity::Error);
        }
        super::ports::check(&member.template, ledger);
    }
    Some(planned)
}

/// A template with the volumes that the target makes of claims for each pod.
fn with_claims<'a>(template: &'a Node, claims: &[Node]) -> Cow<'a, Node> {
    if claims.is_empty() {
        return Cow::Borrowed(template);
    }
    let mut whole = template.clone();
    claimed(claims, &mut whole);
    Cow::Owned(whole)
}

/// Adds claims as generic ephemeral volumes: claims that live as long as their pod.
fn claimed(claims: &[Node], template: &mut Node) {
    if claims.is_empty() {
        return;
    }
    let volumes = template.at_mut(&["spec", "volumes"]).seq_mut();
    for claim in claims {
        let Some(name) = claim.at(&["metadata", "name"]) else {
            continue;
        };
        let mut made = Map::new();
        let mut metadata = claim.get("metadata").cloned().unwrap_or_default();
        metadata
            .map_mut()
            .retain(|key, _| ["labels", "annotations"].contains(&key));
        if metadata.as_map().is_some_and(|m| !m.is_empty()) {
            made.insert("metadata", metadata);
        }
        made.insert_some("spec", claim.get("spec").cloned());
        let made = Map::from_iter([("volumeClaimTemplate", Node::derived(made, &claim.ids))]);
        volumes.push(Map::from_iter([("name", name.clone()), ("ephemeral", made.into())]).into());
    }
}

/// Takes back what engines say of their own sums and connectors where the plan has said it with a better place.
fn said_before(codes: &[(bool, &Code)], from: usize, ledger: &mut Ledger) {
    let mut at = 0;
    ledger.diagnostics.retain(|d| {
        at += 1;
        at <= from || !codes.iter().any(|(said, code)| *said && d.code == *code)
    });
}

/// Whether parts of the role's templates are the user's own Kubernetes, which needs checking. What the compiler makes is
/// checked by its tests.
fn writes_kubernetes(role: &Resolved) -> bool {
    let templates = !role.pod_templates.is_empty() || role.leader.is_some() || role.worker.is_some();
    let engine = role.engine.env.is_some()
        || role.engine.env_from.is_some()
        || role.engine.image_pull_policy.is_some();
    let pod =
        role.resources.is_some() || role.accelerator.claims.is_some() || role.shutdown.pre_stop.is_some();
    let scheduling = &role.scheduling;
    let placed = scheduling.affinity.is_some() || scheduling.tolerations.is_some();
    let labelled = scheduling.node_selector.is_some() || role.probes != Default::default();
    templates || engine || pod || placed || labelled || !role.members.is_empty()
}

struct Built {
    members: Vec<Member>,
    facts: ir::EngineFacts,
    discovers: Vec<Traced<Str>>,
}

/// The members that the spec writes itself.
fn explicit(scene: &Scene<'_>, role: &Resolved, ledger: &mut Ledger) -> Built {
    let mut members: Vec<Member> = Vec::new();
    for crate::spec::role::Member {
        ids,
        name,
        count,
        phase,
        pod_template,
    } in role.members.clone()
    {
        let (Some(name), Some(template)) = (name, pod_template) else {
            continue;
        };
        check::name(&name, "member", ledger);
        if let Some(first) = members.iter().find(|m| m.name.value == name.value) {
            let message = format!("two members are called `{}`", name.value);
            let said = Diagnostic::new(&super::codes::DUPLICATE, message).at_ids(&name.ids);
            ledger.report(said.label(first.name.at(), "first here"));
        }
        let mut base = labelled(scene, role, Some(&name));
        for overlay in role.pod_templates.iter().chain([&template]) {
            base = strategic_merge(&base, &overlay.0, Type::PodTemplateSpec, ledger);
        }
        // What the lattice knows of a member and no object says in so many words.
        let phase_ids = phase.as_ref().unwrap_or(&role.phase).ids.union(&role.phase.ids);
        base.decided_by(&ids.union(&role.engine_type.ids).union(&phase_ids));
        base = scheduled(role, base, ledger);
        let count = count.map_or(Traced::default_of(1), |c| c.number());
        members.push(Member {
            serves: members.is_empty(),
            count,
            phase,
            template: base,
            name,
        });
    }
    if let Some(port) = &role.engine.port {
        let said = Diagnostic::new(
            &NO_EFFECT,
            "the port of a role that writes its members is for Services, and none needs it",
        );
        ledger.waive(&port.ids, said.outcome(crate::diagnostic::Outcome::Dropped));
    }
    unused::beside_members(role, ledger);
    let facts = ir::EngineFacts {
        port: role.engine.port.as_ref().map(Traced::number),
        ..facts(role)
    };
    Built {
        members,
        facts,
        discovers: Vec::new(),
    }
}

fn facts(role: &Resolved) -> ir::EngineFacts {
    let known = role.engine_type.value != EngineType::Custom && role.computes();
    ir::EngineFacts {
        engine: known.then(|| role.engine_type.clone()),
        wrapper: role.engine.wrapper.clone(),
        version: role.engine.version.clone(),
        container: CONTAINER.into(),
        port: None,
        ports: 1,
        connector: role.connector().cloned(),
        bootstrap_port: None,
    }
}

/// The members that follow from the engine, the router, or the container that the spec names.
fn generated(
    scene: &Scene<'_>,
    role: &Resolved,
    spread: &Spread,
    planned: &mut [ir::Role],
    ledger: &mut Ledger,
) -> Option<Built> {
    if super::router::is_compiled(role) {
        let Some(router) = super::router::of_role(scene, role, planned, ledger) else {
            if !ledger.has_errors() {
                let message = format!("the router `{}` has nothing to route to", role.name.value);
                let said = Diagnostic::new(&NO_CONTAINER, message).at_ids(&role.name.ids);
                ledger.report(said.remedy(
                    "behind it stand prefill and decode roles, or one of phase `aggregated`, whose `engine.port` is known; \
                     or give the router a `command` of its own",
                ));
            }
            return None;
        };
        super::router::annotate(planned, &router.prefill_annotations);
        let parts = Parts {
            scene,
            role,
            spread,
            source: &model::Source::default(),
            engine: None,
            image: Some(router.image.clone()),
        };
        unused::without_engine(role, None, ledger);
        super::resolve::unused(
            &role.worker.as_ref().map(Decode::origins).unwrap_or_default(),
            "a router has no workers",
            ledger,
        );
        let template = parts.template(&router.process, None, role.leader.as_ref(), ledger);
        let facts = ir::EngineFacts {
            port: Some(router.port.clone()),
            ..facts(role)
        };
        return Some(Built {
            members: vec![single(spread, template)],
            facts,
            discovers: router.discovers,
        });
    }
    let source = source(scene, role, ledger)?;
    let mut inputs = Inputs::new(scene, role, spread, &source);
    inputs.read_references(&scene.role_names(), ledger);
    let engine = process::plan(&inputs.request(role, spread), ledger)?;
    let known = role.engine_type.value != EngineType::Custom;
    if known && role.computes() {
        unused::beside_engine(role, ledger);
    } else {
        unused::without_engine(role, scene.spec.model.as_ref(), ledger);
        unused::untold(role, &source, ledger);
    }
    let env: Vec<Node> = role
        .engine
        .env
        .iter()
        .flat_map(|e| &e.0)
        .map(|e| e.0.clone())
        .collect();
    crate::engine::check_environment(
        process::kind(role.engine_type.value),
        &inputs.version,
        &env,
        ledger,
    );
    let facts = ir::EngineFacts {
        port: if known && role.engine.wrapper.is_some() {
            // Engines in a runtime are reached through its router alone.
            None
        } else if known {
            Some(inputs.port.clone())
        } else {
            role.engine.port.as_ref().map(Traced::number)
        },
        ports: engine.leader.endpoints.max(1),
        bootstrap_port: engine.bootstrap_port.clone(),
        ..facts(role)
    };
    let image = process::image(role);
    let parts = Parts {
        scene,
        role,
        spread,
        source: &source,
        engine: Some(&engine),
        image,
    };
    Some(Built {
        members: parts.members(ledger),
        facts,
        discovers: Vec::new(),
    })
}

/// Where the weights come from; an engine that the compiler knows cannot do without.
fn source(scene: &Scene<'_>, role: &Resolved, ledger: &mut Ledger) -> Option<model::Source> {
    match &scene.spec.model {
        Some(model) if role.computes() => {
            let source = model::source(model, role.engine_type.value, ledger);
            // A URI that could not be read has been reported; the engine would only complain about what follows from it.
            let usable = source.argument.is_some() || role.engine_type.value == EngineType::Custom;
            usable.then_some(source)
        }
        None if role.computes() && role.engine_type.value != EngineType::Custom => {
            let message = format!(
                "role `{}` has an engine and the spec has no model",
                role.name.value
            );
            let said = Diagnostic::new(&NO_CONTAINER, message).at_ids(&role.name.ids);
            ledger.report(said.remedy("add `model: {uri: hf://ORG/NAME}` to the spec"));
            None
        }
        _ => Some(model::Source::default()),
    }
}
