//! IR to a ModelServing and its companions.

use super::answers::{KthenaAnswers, addressed};
use super::options::{Options, Platform, Plugin, PluginScope, RoleOptions};
use super::policies::{self, Policies, RoleRollout};
use super::scene::{Lowered, Names, Scene};
use super::scheduling::{self, Scheduling};
use super::templates::Templates;
use super::{budget, check, routing, scaling, services};
use crate::diagnostic::{Diagnostic, Ledger, Outcome};
use crate::dialect::{Context, shared};
use crate::ir::{Role, Serving};
use crate::plan::codes::NO_EFFECT;
use crate::spec::decode::{Decode, Decoder};
use crate::template::Vars;
use crate::value::{Map, Node, Str, Traced};

/// All objects of a workload.
pub fn lower(serving: &Serving, cx: &mut Context<'_>) -> Vec<Node> {
    // Taken apart in full, so that a new field is a decision here.
    let Serving {
        name: _,
        namespace: _,
        labels: _,
        annotations: _,
        slices: _,
        roles,
        front: _,
        model: _,
        options,
    } = serving;
    // Patches are the pipeline's, applied after this.
    let options = Options {
        patches: None,
        ..cx.options(options)
    };
    let mut decoder = Decoder {
        sources: cx.sources,
        ledger: cx.ledger,
    };
    let platform: Platform = cx.platform.section("kthena", &mut decoder);
    let roles: Vec<Lowered<'_>> = roles.iter().map(|r| lowered(r, cx)).collect();
    let scene = Scene {
        serving,
        options,
        platform,
        roles,
    };
    check::check(&scene, cx.ledger);
    let scheduling = scheduling::plan(&scene, cx.ledger);
    let policies = policies::plan(&scene, cx.ledger);
    let objects = assemble(&scene, &scheduling, &policies, cx);
    waive_options(&scene, cx.ledger);
    objects
}

fn lowered<'a>(role: &'a Role, cx: &mut Context<'_>) -> Lowered<'a> {
    let options: RoleOptions = cx.options(&role.options);
    let name = options
        .name
        .clone()
        .map_or_else(|| role.name.clone(), |n| n.and(&role.name.ids));
    Lowered { role, options, name }
}

/// Options that reach no object have no effect, and say so.
fn waive_options(scene: &Scene<'_>, ledger: &mut Ledger) {
    let said = || {
        Diagnostic::new(&NO_EFFECT, "this option of kthena has no effect on this serving")
            .outcome(Outcome::Dropped)
    };
    ledger.waive(&scene.options.origins(), said());
    scene
        .roles
        .iter()
        .for_each(|r| ledger.waive(&r.options.origins(), said()));
}

/// The objects in dependency order.
fn assemble(
    scene: &Scene<'_>,
    scheduling: &Scheduling,
    policies: &Policies,
    cx: &mut Context<'_>,
) -> Vec<Node> {
    let serving = scene.serving;
    let mut templates: Vec<Templates> = scene
        .roles
        .iter()
        .map(|r| Templates::new(scene, scheduling, r.role, cx.ledger))
        .collect();
    let all: Vec<&Node> = templates.iter().flat_map(Templates::all).collect();
    let own_addresses = addressed(serving, &all);
    let names = Names::new(&scene.roles);
    for (lowered, templates) in scene.roles.iter().zip(&mut templates) {
        let answers = KthenaAnswers {
            names: &names,
            groups: scene.most_groups(),
        };
        templates.answer(serving, lowered.role, &answers, cx.ledger);
    }
    let mut objects = shared::access(serving);
    objects.extend(services::entries(scene, &names, &own_addresses));
    objects.extend(model_serving(scene, scheduling, policies, templates, cx));
    objects.extend(services::roles(scene, cx.ledger));
    objects.extend(services::front(scene, cx.ledger));
    objects.extend(scene.roles.iter().filter_map(|r| budget::of(scene, r, cx.ledger)));
    objects.extend(routing::objects(scene, cx));
    objects.extend(scaling::objects(scene, cx));
    objects
}

fn model_serving(
    scene: &Scene<'_>,
    scheduling: &Scheduling,
    policies: &Policies,
    templates: Vec<Templates>,
    cx: &mut Context<'_>,
) -> Option<Node> {
    let Policies {
        recovery,
        strategy,
        roles: rollouts,
    } = policies;
    let serving = scene.serving;
    let mut annotations = serving.annotations.clone();
    if let Some(queue) = &scheduling.queue {
        annotations.insert("scheduling.volcano.sh/queue-name", queue.clone());
    }
    let roles: Vec<Node> = scene
        .roles
        .iter()
        .zip(templates)
        .zip(rollouts)
        .filter_map(|((lowered, templates), rollout)| role(lowered, templates, rollout, cx))
        .collect();
    let mut vars = Vars::new();
    vars.set(
        "metadata",
        shared::metadata(serving, &serving.name, &[], &annotations),
    );
    vars.set("replicas", serving.slices.node());
    vars.set("schedulerName", scheduling.scheduler.clone());
    vars.set("plugins", plugins(scene));
    vars.set("rolloutStrategy", strategy.clone());
    vars.set("recoveryPolicy", recovery.clone());
    vars.set(
        "restartGracePeriodSeconds",
        scene
            .options
            .restart_grace_period
            .as_ref()
            .map(|s| s.number().node()),
    );
    vars.set("gangPolicy", scheduling.gang_policy.clone());
    vars.set("networkTopology", scheduling.network_topology.clone());
    vars.set("roles", roles);
    shared::fill(cx, "kthena/modelserving.yaml", vars)
}

fn role(
    lowered: &Lowered<'_>,
    templates: Templates,
    rollout: &RoleRollout,
    cx: &mut Context<'_>,
) -> Option<Node> {
    // Taken apart in full, so that a new field is a decision here.
    let Role {
        name: _,
        phase: _,
        implicit: _,
        replicas,
        members: _,
        engine: _,
        depends_on: _,
        startup: _,
        gang: _,
        topology: _,
        queue: _,
        priority: _,
        scheduler: _,
        rollout: _,
        restart: _,
        scaling: _,
        disruption: _,
        claims: _,
        claimed: _,
        discovers: _,
        options: _,
    } = lowered.role;
    let RoleRollout {
        max_unavailable,
        partition,
    } = rollout;
    let mut vars = Vars::new();
    vars.set("name", lowered.name.node());
    vars.set("replicas", replicas.node());
    vars.set("maxUnavailable", max_unavailable.clone());
    vars.set("partition", partition.clone());
    vars.set("entryTemplate", templates.entry);
    vars.set(
        "workerReplicas",
        lowered.role.size().map(|n| n.saturating_sub(1)).node(),
    );
    vars.set("workerTemplate", templates.worker);
    shared::fill(cx, "kthena/role.yaml", vars)
}

fn plugins(scene: &Scene<'_>) -> Option<Node> {
    let names = Names::new(&scene.roles);
    let plugin = |plugin: &Plugin| {
        let Plugin {
            ids,
            name,
            config,
            scope,
        } = plugin;
        let mut node = Map::new();
        node.insert_some("name", name.clone());
        node.insert("type", "BuiltIn");
        node.insert_some("config", config.clone());
        if let Some(PluginScope { ids, roles, target }) = scope {
            let mut scope = Map::new();
            let role = |r: &Traced<Str>| r.map(|r| names.of(r)).node();
            scope.insert_some(
                "roles",
                roles.as_ref().map(|r| r.iter().map(role).collect::<Vec<Node>>()),
            );
            scope.insert_some("target", target.clone());
            node.insert("scope", Node::derived(scope, ids));
        }
        Node::derived(node, ids)
    };
    let plugins: Vec<Node> = scene.options.plugins.iter().flatten().map(plugin).collect();
    (!plugins.is_empty()).then(|| plugins.into())
}
