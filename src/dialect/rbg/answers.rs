//! What the controller provides (pkg/discovery `env_builder.go`): variables before a template's own, and names by formula.
//!
//! Only `containers` get the variables. Init containers ask the downward API for the labels that they are made of, under
//! the same names.

use super::names;
use super::options::{Pattern, WorkloadKind};
use super::pattern::RolePlan;
use crate::diagnostic::Ledger;
use crate::dialect::shared;
use crate::ir::Serving;
use crate::ir::answer::{Answer, Answers, Asker, resolve};
use crate::value::{Map, Node, Piece, Reference, Str, Value};

/// The answers to one kind of containers.
pub struct RbgAnswers<'a> {
    /// All roles.
    pub plans: &'a [RolePlan<'a>],
    /// Whether init containers ask.
    pub init: bool,
}

/// The variables that labels answer as well.
const LABELS: [(&str, &str); 4] = [
    ("RBG_GROUP_NAME", "group-name"),
    ("RBG_ROLE_INSTANCE_NAME", "role-instance-name"),
    ("RBG_LWP_WORKER_INDEX", "component-index"),
    ("RBG_COMPONENT_INDEX", "component-id"),
];

/// The variables that a LeaderWorkerSet's own webhook sets.
pub const LEADER_WORKER_SET: [(&str, Reference); 3] = [
    ("LWS_LEADER_ADDRESS", Reference::Leader),
    ("LWS_GROUP_SIZE", Reference::Size),
    ("LWS_WORKER_INDEX", Reference::Rank { times: 1 }),
];

/// The variables of leader and workers that answer questions.
pub const LEADER_WORKER: [(&str, Reference); 3] = [
    ("RBG_LWP_LEADER_ADDRESS", Reference::Leader),
    ("RBG_LWP_GROUP_SIZE", Reference::Size),
    ("RBG_LWP_WORKER_INDEX", Reference::Rank { times: 1 }),
];

/// Takes variables out of the containers that the controllers set to the same themselves.
pub fn leave_out(template: &mut Node, plan: &RolePlan<'_>, member: usize, serving: &Serving) {
    let questions: &[(&str, Reference)] = match (plan.workload, plan.pattern) {
        (WorkloadKind::LeaderWorkerSet, _) => &LEADER_WORKER_SET,
        (WorkloadKind::RoleInstanceSet, Pattern::LeaderWorker) => &LEADER_WORKER,
        _ => &[],
    };
    let mut texts: Vec<(&str, Str)> = vec![("RBG_ROLE_NAME", plan.role.name.value.clone())];
    if !names::is_set(serving) {
        texts.push(("RBG_GROUP_NAME", serving.name.value.clone()));
    }
    if plan.workload == WorkloadKind::RoleInstanceSet {
        texts.push(("RBG_COMPONENT_NAME", plan.component(member)));
        if plan.pattern == Pattern::Standalone {
            texts.push(("RBG_COMPONENT_INDEX", "0".into()));
        }
    }
    let set = |entry: &Node| {
        let name = entry.get("name").and_then(Node::as_str).unwrap_or_default();
        match entry.get("value").map(|v| &v.value) {
            Some(Value::Text(text)) => match text.as_slice() {
                [Piece::Reference(asked)] => questions.iter().any(|(n, r)| *n == name && r == asked),
                _ => false,
            },
            Some(Value::Str(text)) => texts.iter().any(|(n, t)| *n == name && t == text),
            _ => false,
        }
    };
    let Some(Value::Map(spec)) = template.map_mut().get_mut("spec").map(|s| &mut s.value) else {
        return;
    };
    let Some(Value::Seq(containers)) = spec.get_mut("containers").map(|c| &mut c.value) else {
        return;
    };
    for container in containers.iter_mut().filter(|c| c.get("env").is_some()) {
        let env = container.at_mut(&["env"]);
        let (kept, left_out): (Vec<Node>, Vec<Node>) =
            std::mem::take(env.seq_mut()).into_iter().partition(|e| !set(e));
        let mut ids = env.ids.clone();
        left_out.iter().for_each(|e| ids.merge(&e.all_ids()));
        if kept.is_empty() && !left_out.is_empty() {
            container.map_mut().remove("env");
            container.decided_by(&ids);
        } else {
            *container.at_mut(&["env"]) = Node::derived(kept, &ids);
        }
    }
}

/// Answers all references in a pod template.
pub fn answer(template: &mut Node, asker: &Asker<'_>, plans: &[RolePlan<'_>], ledger: &mut Ledger) {
    let path = ["spec", "initContainers"];
    let held = template
        .at(&path)
        .is_some()
        .then(|| std::mem::take(template.at_mut(&path)));
    resolve(template, asker, &RbgAnswers { plans, init: false }, ledger);
    if let Some(init) = held {
        let mut alone = Node::map();
        *alone.at_mut(&path) = init;
        lend_index(&mut alone, asker, plans);
        resolve(&mut alone, asker, &RbgAnswers { plans, init: true }, ledger);
        *template.at_mut(&path) = std::mem::take(alone.at_mut(&path));
    }
}

/// Gives init containers that ask for their rank the variable from which a shell computes it.
fn lend_index(template: &mut Node, asker: &Asker<'_>, plans: &[RolePlan<'_>]) {
    let own = plans.iter().find(|p| p.role.name.value == asker.role.name.value);
    let (name, label) = match own
        .filter(|p| p.workload == WorkloadKind::RoleInstanceSet)
        .map(|p| p.pattern)
    {
        Some(Pattern::LeaderWorker) => LABELS[2],
        Some(Pattern::CustomComponents) => LABELS[3],
        _ => return,
    };
    for container in template.at_mut(&["spec", "initContainers"]).seq_mut() {
        let mut asks = false;
        let rank = |piece: &Piece| matches!(piece, Piece::Reference(Reference::Rank { .. }));
        container.walk(&mut |n| asks |= matches!(&n.value, Value::Text(text) if text.iter().any(rank)));
        let env = container.get("env").and_then(Node::as_seq).unwrap_or_default();
        if !asks
            || env
                .iter()
                .any(|e| e.get("name").and_then(Node::as_str) == Some(name))
        {
            continue;
        }
        let path = Node::from(format!("metadata.labels['{}{label}']", names::PREFIX));
        let source = Map::from_iter([("fieldRef", Node::from(Map::from_iter([("fieldPath", path)])))]);
        let variable = Map::from_iter([("name", Node::from(name)), ("valueFrom", source.into())]);
        let mut all = vec![Node::from(variable)];
        all.extend(env.to_vec());
        let ids = container.get("env").map(|e| e.ids.clone()).unwrap_or_default();
        container.set("env", Node::derived(all, &ids));
    }
}

impl RbgAnswers<'_> {
    fn plan(&self, role: &str) -> Option<&RolePlan<'_>> {
        self.plans.iter().find(|p| p.role.name.value == role)
    }

    /// A text with variables, as these containers may use it.
    fn text(&self, text: String) -> Answer {
        let used: Vec<_> = LABELS
            .iter()
            .filter(|(name, _)| text.contains(&format!("$({name})")))
            .collect();
        if used.is_empty() {
            return Answer::Literal(text.into());
        }
        if !self.init {
            return Answer::Expanded(text.into());
        }
        let variable = |(name, label): &&(&str, &str)| {
            (
                Str::from(*name),
                Str::from(format!("metadata.labels['{}{label}']", names::PREFIX)),
            )
        };
        Answer::Downward {
            variables: used.iter().map(variable).collect(),
            text: text.into(),
        }
    }

    /// The address of a pod of the asking instance.
    fn sibling(&self, plan: &RolePlan<'_>, rank: u32, asker: &Asker<'_>) -> String {
        let service = names::headless(&names::own_group(asker.serving), &plan.role.name.value);
        format!(
            "$(RBG_ROLE_INSTANCE_NAME){}.{service}",
            plan.suffix(rank).unwrap_or_default()
        )
    }

    fn rank(&self, plan: &RolePlan<'_>, times: u32, asker: &Asker<'_>) -> Answer {
        let first = asker.first_rank();
        let literal = |rank: u32| Answer::Literal(rank.saturating_mul(times).to_string().into());
        let single = asker.member.is_some_and(|m| m.count.value == 1);
        match plan.pattern {
            Pattern::Standalone => literal(0),
            // Also where it is known: leader and worker then have the same command line.
            Pattern::LeaderWorker if times == 1 => self.text("$(RBG_LWP_WORKER_INDEX)".into()),
            _ if single => literal(first),
            Pattern::CustomComponents if times == 1 && first == 0 => {
                self.text("$(RBG_COMPONENT_INDEX)".into())
            }
            Pattern::LeaderWorker => Answer::Shell(format!("$((RBG_LWP_WORKER_INDEX * {times}))").into()),
            Pattern::CustomComponents => {
                let product = match (first, times) {
                    (0, _) => format!("RBG_COMPONENT_INDEX * {times}"),
                    (_, 1) => format!("RBG_COMPONENT_INDEX + {first}"),
                    _ => format!("(RBG_COMPONENT_INDEX + {first}) * {times}"),
                };
                Answer::Shell(format!("$(({product}))").into())
            }
        }
    }
}

impl RbgAnswers<'_> {
    /// What pods of the deprecated workloads know of themselves.
    fn deprecated(&self, own: &RolePlan<'_>, reference: &Reference) -> Option<Answer> {
        match own.workload {
            WorkloadKind::RoleInstanceSet => None,
            WorkloadKind::LeaderWorkerSet => match reference {
                Reference::Leader => Some(Answer::Expanded("$(LWS_LEADER_ADDRESS)".into())),
                Reference::Size => Some(Answer::Expanded("$(LWS_GROUP_SIZE)".into())),
                Reference::Rank { times: 1 } => Some(Answer::Expanded("$(LWS_WORKER_INDEX)".into())),
                Reference::Rank { times } => {
                    Some(Answer::Shell(format!("$((LWS_WORKER_INDEX * {times}))").into()))
                }
                Reference::Peers { .. } => Some(Answer::Unknown(
                    "pods of a LeaderWorkerSet know their leader alone".into(),
                )),
                _ => None,
            },
            WorkloadKind::StatefulSet | WorkloadKind::Deployment => match reference {
                Reference::Leader | Reference::Peers { .. } => Some(Answer::Downward {
                    variables: vec![("POD_IP".into(), "status.podIP".into())],
                    text: "$(POD_IP)".into(),
                }),
                _ => None,
            },
        }
    }
}

impl Answers for RbgAnswers<'_> {
    fn answer(&self, reference: &Reference, asker: &Asker<'_>) -> Answer {
        let Some(own) = self.plan(&asker.role.name.value) else {
            return Answer::Unknown("no such role".into());
        };
        if let Some(answer) = self.deprecated(own, reference) {
            return answer;
        }
        let size = own.role.size().value;
        let other = |role: &Str| {
            self.plan(role)
                .ok_or_else(|| Answer::Unknown("no such role".into()))
        };
        let group = names::own_group(asker.serving);
        match reference {
            Reference::Leader if own.pattern == Pattern::LeaderWorker && !self.init => {
                Answer::Expanded("$(RBG_LWP_LEADER_ADDRESS)".into())
            }
            Reference::Leader => self.text(self.sibling(own, 0, asker)),
            Reference::Size if own.pattern == Pattern::LeaderWorker && !self.init => {
                Answer::Expanded("$(RBG_LWP_GROUP_SIZE)".into())
            }
            Reference::Size => Answer::Literal(size.to_string().into()),
            Reference::Rank { times } => self.rank(own, *times, asker),
            Reference::Namespace => shared::namespace(asker.serving),
            Reference::Peers { separator } => {
                let peers: Vec<String> = (0..size).map(|rank| self.sibling(own, rank, asker)).collect();
                self.text(peers.join(separator.as_str()))
            }
            Reference::Service { role } => match other(role) {
                Ok(plan) if plan.role.engine.port.is_none() => {
                    Answer::Unknown("the role has no port, so it has no Service".into())
                }
                Ok(plan) => self
                    .text(shared::service_name(&names::workload(&group, &plan.role.name.value)).to_string()),
                Err(unknown) => unknown,
            },
            Reference::Address { role, replica, rank } => {
                match other(role).map(|p| p.pod(&group, *replica, *rank)) {
                    Ok(Ok(_)) if *rank == 0 && self.plan(role).is_some_and(RolePlan::by_service) => {
                        self.text(names::headless(&group, role))
                    }
                    Ok(Ok(pod)) => {
                        let service = self.plan(role).map(|p| p.service(&group)).unwrap_or_default();
                        self.text(format!("{pod}.{service}"))
                    }
                    Ok(Err(reason)) => Answer::Unknown(reason.into()),
                    Err(unknown) => unknown,
                }
            }
            Reference::Selector { role, separator } => match other(role) {
                Ok(plan) => {
                    let selector = plan.selector(Value::Str(group.into()));
                    self.text(shared::selector_text(&selector, separator).to_string())
                }
                Err(unknown) => unknown,
            },
        }
    }

    fn injected_first(&self) -> bool {
        true
    }
}
