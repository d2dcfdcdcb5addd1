//! What the controller provides (pkg/discovery `env_builder.go`): variables before a template's own, and names by formula.
//!
//! Only `containers` get the variables. Init containers ask the downward API for the labels that they are made of, under
//! the same names.

use super::names;
use super::options::Pattern;
use super::pattern::RolePlan;
use crate::diagnostic::Ledger;
use crate::dialect::shared;
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
    let (name, label) = match own.map(|p| p.pattern) {
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

impl Answers for RbgAnswers<'_> {
    fn answer(&self, reference: &Reference, asker: &Asker<'_>) -> Answer {
        let Some(own) = self.plan(&asker.role.name.value) else {
            return Answer::Unknown("no such role".into());
        };
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
                    Ok(Ok(pod)) => self.text(format!("{pod}.{}", names::headless(&group, role))),
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
