//! IR to a ModelServing and its companions.

use super::answers::{GROUP_LABEL, KthenaAnswers, addressed};
use super::codes::{CANNOT_WAIT, PRUNED};
use super::options::{Options, Platform, RoleOptions};
use super::policies::{self, Policies, RoleRollout};
use super::scheduling::{self, Scheduling};
use super::{budget, check, cut, routing, scaling, services};
use crate::diagnostic::{Diagnostic, Ledger, Outcome};
use crate::dialect::{Context, shared};
use crate::ir::answer::{Asker, resolve};
use crate::ir::{Member, Role, Serving};
use crate::plan::codes::NO_EFFECT;
use crate::spec::decode::{Decode, Decoder};
use crate::spec::policy::StartupOrder;
use crate::template::Vars;
use crate::value::{Map, Node, Piece, Reference, Str, Traced, Value};

/// The names of roles in the ModelServing.
pub struct Names(Vec<(Str, Traced<Str>)>);

impl Names {
    /// Of roles by their names in the spec: the option's, else the spec's.
    pub fn new(roles: &[Lowered<'_>]) -> Self {
        Self(
            roles
                .iter()
                .map(|r| (r.role.name.value.clone(), r.name.clone()))
                .collect(),
        )
    }

    /// The role's name in the ModelServing.
    pub fn of(&self, role: &str) -> Str {
        self.0
            .iter()
            .find(|(spec, _)| spec == role)
            .map_or_else(|| role.into(), |(_, name)| name.value.clone())
    }
}

/// A role and what only Kthena is told about it.
pub struct Lowered<'a> {
    /// The role.
    pub role: &'a Role,
    /// Its options.
    pub options: RoleOptions,
    /// Its name in the ModelServing.
    pub name: Traced<Str>,
}

/// What all parts of the lowering look at.
pub struct Scene<'a> {
    /// The workload.
    pub serving: &'a Serving,
    /// Options of the workload.
    pub options: Options,
    /// How the operators run.
    pub platform: Platform,
    /// The roles of the ModelServing.
    pub roles: Vec<Lowered<'a>>,
}

impl Scene<'_> {
    /// The most ServingGroups that the workload may come to have.
    pub fn most_groups(&self) -> u32 {
        let most = self.scaling().and_then(|s| s.max_replicas.as_ref());
        most.map_or(0, |m| m.value.0).max(self.serving.slices.value)
    }

    /// The fewest ServingGroups that the workload may come to have.
    pub fn fewest_groups(&self) -> u32 {
        let fewest = self
            .scaling()
            .map(|s| s.min_replicas.as_ref().map_or(1, |m| m.value.0));
        fewest.unwrap_or(u32::MAX).min(self.serving.slices.value)
    }

    /// Scaling of slices.
    fn scaling(&self) -> Option<&crate::spec::policy::Scaling> {
        self.options.autoscaling.as_ref()?.slices.as_ref()
    }
}

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
    shared::fill(cx, "kthena/modelserving.yaml", &vars)
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
    shared::fill(cx, "kthena/role.yaml", &vars)
}

fn plugins(scene: &Scene<'_>) -> Option<Node> {
    use super::options::{Plugin, PluginScope};
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

/// The two templates of a role.
struct Templates {
    entry: Node,
    worker: Option<Node>,
    /// Places of the members in the role, for the answers.
    at: (usize, usize),
}

impl Templates {
    fn new(scene: &Scene<'_>, scheduling: &Scheduling, role: &Role, ledger: &mut Ledger) -> Self {
        let pods = cut::pods(role).unwrap_or_else(|odd| {
            check::odd_member(role, odd, ledger);
            cut::Pods {
                entry: role.leader(),
                workers: role.members.get(1),
            }
        });
        let place = |member: &Member| {
            role.members
                .iter()
                .position(|m| m.name.value == member.name.value)
                .unwrap_or(0)
        };
        let mut entry = template(scene, scheduling, role, pods.entry, ledger);
        waits(scene.serving, role, &mut entry, ledger);
        let worker = pods.workers.map(|member| {
            let mut worker = template(scene, scheduling, role, member, ledger);
            shared::wait_for_dependencies(scene.serving, role, &mut worker);
            wait_for_entry(role, &mut worker, ledger);
            worker
        });
        Self {
            entry,
            worker,
            at: (place(pods.entry), pods.workers.map_or(0, place)),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Node> {
        std::iter::once(&self.entry).chain(&self.worker)
    }

    /// Puts the answers to references into both.
    fn answer(&mut self, serving: &Serving, role: &Role, answers: &KthenaAnswers<'_>, ledger: &mut Ledger) {
        let (entry, worker) = self.at;
        let ask = |at: usize| Asker {
            serving,
            role,
            member: role.members.get(at),
        };
        resolve(&mut self.entry, &ask(entry), answers, ledger);
        if let Some(template) = &mut self.worker {
            resolve(template, &ask(worker), answers, ledger);
        }
    }
}

/// The pod template of a member, references not yet answered.
fn template(
    scene: &Scene<'_>,
    scheduling: &Scheduling,
    role: &Role,
    member: &Member,
    ledger: &mut Ledger,
) -> Node {
    // Taken apart in full, so that a new field is a decision here.
    let Member {
        name: _,
        count: _,
        phase,
        serves: _,
        template,
    } = member;
    let mut template = template.clone();
    shared::use_pod_reader(scene.serving, role, &mut template);
    scheduling.place(scene, role, &mut template);
    // The ModelServing's own scheduler overwrites those of templates.
    template.at_mut(&["spec"]).map_mut().remove("schedulerName");
    shared::requests_as_limits(&mut template);
    if routing::by_phase(scene) && routing::half(role) {
        let phase = phase.as_ref().unwrap_or(&role.phase);
        template
            .at_mut(&["metadata", "labels"])
            .set(routing::PHASE_LABEL, phase.node());
    }
    prune(&mut template, ledger);
    template
}

/// Takes out what the CRD would prune.
fn prune(template: &mut Node, ledger: &mut Ledger) {
    let Some(Value::Map(metadata)) = template.map_mut().get_mut("metadata").map(|m| &mut m.value) else {
        return;
    };
    let extra: Vec<Str> = metadata
        .iter()
        .map(|(k, _)| k.clone())
        .filter(|k| !matches!(k.as_str(), "labels" | "annotations"))
        .collect();
    for key in extra {
        if let Some(value) = metadata.remove(&key) {
            let message = format!("`metadata.{key}` of a pod template is not carried by a ModelServing");
            ledger.report(
                Diagnostic::new(&PRUNED, message)
                    .at_ids(&value.all_ids())
                    .reason(
                        "its templates have labels and annotations only, and the API server prunes the rest",
                    )
                    .remedy("remove it; the controller names the pods")
                    .outcome(Outcome::Dropped),
            );
        }
    }
}

/// Waits for other roles, and says where that cannot be.
fn waits(serving: &Serving, role: &Role, template: &mut Node, ledger: &mut Ledger) {
    shared::wait_for_dependencies(serving, role, template);
    for needed in &role.depends_on {
        let Some(other) = serving.role(&needed.value) else {
            continue;
        };
        let reason = match (&other.engine.port, other.replicas.value) {
            (None, _) => "it has no port that could be waited for",
            (Some(_), 0) => "it has no replica that could become ready",
            _ => continue,
        };
        let message = format!("`{}` cannot wait for `{}`", role.name.value, needed.value);
        let said = Diagnostic::new(&CANNOT_WAIT, message)
            .at_ids(&needed.ids)
            .reason(reason);
        ledger.report(said.outcome(Outcome::Dropped));
    }
}

/// The image of containers that wait.
const WAIT_IMAGE: &str = "busybox:1.37.0";

/// Makes workers wait for their entry pod, by an init container.
fn wait_for_entry(role: &Role, worker: &mut Node, ledger: &mut Ledger) {
    let Some(order) = role
        .startup
        .as_ref()
        .filter(|o| o.value == StartupOrder::LeaderFirst)
    else {
        return;
    };
    let Some(port) = &role.engine.port else {
        let message = format!(
            "workers of `{}` cannot wait for a leader without a port",
            role.name.value
        );
        ledger.report(
            Diagnostic::new(&CANNOT_WAIT, message)
                .at_ids(&order.ids)
                .outcome(Outcome::Dropped),
        );
        return;
    };
    let script = vec![
        Piece::Literal("until nc -z -w 2 ".into()),
        Piece::Reference(Reference::Leader),
        Piece::Literal(format!(" {}; do sleep 2; done", port.value).into()),
    ];
    let command: Vec<Node> = vec!["/bin/sh".into(), "-c".into(), script.into()];
    let container = Map::from_iter([
        ("name", Node::derived("wait-for-leader", &order.ids)),
        ("image", WAIT_IMAGE.into()),
        ("command", command.into()),
    ]);
    worker
        .at_mut(&["spec", "initContainers"])
        .seq_mut()
        .insert(0, container.into());
}

/// The labels of a ServingGroup by its number.
pub fn group(serving: &Serving, number: u32) -> (&'static str, Node) {
    (GROUP_LABEL, format!("{}-{number}", serving.name.value).into())
}
