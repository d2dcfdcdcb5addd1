//! The pod templates of a role: that of its entry pod, and that of its workers.

use super::answers::KthenaAnswers;
use super::codes::{CANNOT_WAIT, PRUNED};
use super::scene::Scene;
use super::scheduling::Scheduling;
use super::{check, cut, routing};
use crate::diagnostic::{Diagnostic, Ledger, Outcome};
use crate::dialect::shared;
use crate::ir::answer::{Asker, resolve};
use crate::ir::{Member, Role, Serving};
use crate::spec::policy::StartupOrder;
use crate::value::{Map, Node, Piece, Reference, Str, Value};

/// The two templates of a role.
pub struct Templates {
    /// Of the entry pod.
    pub entry: Node,
    /// Of the workers, if there are any.
    pub worker: Option<Node>,
    /// Places of the members in the role, for the answers.
    at: (usize, usize),
}

impl Templates {
    /// Of a role, references not yet answered.
    pub fn new(scene: &Scene<'_>, scheduling: &Scheduling, role: &Role, ledger: &mut Ledger) -> Self {
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

    /// Both of them.
    pub fn all(&self) -> impl Iterator<Item = &Node> {
        std::iter::once(&self.entry).chain(&self.worker)
    }

    /// Puts the answers to references into both.
    pub fn answer(
        &mut self,
        serving: &Serving,
        role: &Role,
        answers: &KthenaAnswers<'_>,
        ledger: &mut Ledger,
    ) {
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
