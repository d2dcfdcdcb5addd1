//! What Kthena's controller injects: `GROUP_SIZE`, `ENTRY_ADDRESS` and `WORKER_INDEX`, *after* the template's own variables
//! (pkg/model-serving-controller/utils `addPodEnvVars`), so they expand in arguments and not in other variables. There, the
//! pod's labels say the same through the downward API: a ServingGroup is called `<serving>-<slice>`, a pod
//! `<group>-<role>-<replica>-<rank>`, and the entry pod of a role with workers has a Service of its own name.

use super::cut;
use super::scene::Names;
use crate::dialect::shared;
use crate::ir::answer::{Answer, Answers, Asker};
use crate::ir::{Role, Serving};
use crate::value::{Node, Piece, Reference, Str, Value};

/// The label that names a pod's ServingGroup.
pub const GROUP_LABEL: &str = "modelserving.volcano.sh/group-name";
/// The label that names a pod's replica within its ServingGroup: `<role>-<replica>`.
pub const ROLE_ID_LABEL: &str = "modelserving.volcano.sh/role-id";
/// The label of a pod's role.
pub const ROLE_LABEL: &str = "modelserving.volcano.sh/role";
/// The label of entry pods; its value is `true`.
pub const ENTRY_LABEL: &str = "modelserving.volcano.sh/entry";
/// The label of a pod's ModelServing.
pub const NAME_LABEL: &str = "modelserving.volcano.sh/name";

/// The variables of every pod of a role with workers, and what each answers.
pub const VARIABLES: [(&str, Reference); 3] = [
    ("GROUP_SIZE", Reference::Size),
    ("ENTRY_ADDRESS", Reference::Leader),
    ("WORKER_INDEX", Reference::Rank { times: 1 }),
];

/// Whether the controller sets a variable to this answer.
pub fn injects(name: &str, reference: &Reference) -> bool {
    VARIABLES.iter().any(|(n, r)| *n == name && r == reference)
}

const GROUP: &str = "SERVING_GROUP";
const ROLE_ID: &str = "ROLE_ID";

/// The answers of one workload.
pub struct KthenaAnswers<'a> {
    /// The names of its roles.
    pub names: &'a Names,
    /// How many ServingGroups there are, or may come to be. With one, its name is known.
    pub groups: u32,
}

/// A variable of the container's own with a label of its pod.
fn label(variable: &str, label: &str) -> (Str, Str) {
    (variable.into(), format!("metadata.labels['{label}']").into())
}

/// The pod's own address, for processes that are a replica by themselves.
fn own_address() -> Answer {
    Answer::Downward {
        variables: vec![("POD_IP".into(), "status.podIP".into())],
        text: "$(POD_IP)".into(),
    }
}

impl KthenaAnswers<'_> {
    /// A text with the name of the asking pod's ServingGroup in it.
    fn in_group(&self, serving: &Serving, text: impl Fn(&str) -> String) -> Answer {
        match self.groups {
            0 | 1 => Answer::Literal(text(&format!("{}-0", serving.name.value)).into()),
            _ => Answer::Downward {
                variables: vec![label(GROUP, GROUP_LABEL)],
                text: text(&format!("$({GROUP})")).into(),
            },
        }
    }

    fn address(&self, asker: &Asker<'_>, role: &str, replica: u32, rank: u32) -> Answer {
        if rank > 0 {
            return Answer::Unknown(
                "workers have no DNS names; only the entry pod of a replica has a Service".into(),
            );
        }
        let replicas = asker.serving.role(role).map_or(0, cut::most_replicas);
        if replica >= replicas {
            return Answer::Unknown(format!("`{role}` has {replicas} replicas, numbered from 0").into());
        }
        self.in_group(asker.serving, |group| {
            format!("{group}-{}-{replica}-0", self.names.of(role))
        })
    }

    fn service(&self, asker: &Asker<'_>, role: &str) -> Answer {
        let literal = shared::role_service_address(asker.serving, role, None);
        match &literal {
            Answer::Literal(_) if self.groups > 1 => {
                self.in_group(asker.serving, |group| format!("{group}-{role}-http"))
            }
            _ => literal,
        }
    }

    fn selector(&self, asker: &Asker<'_>, role: &str, separator: &str) -> Answer {
        let Some(role) = asker.serving.role(role) else {
            return Answer::Unknown("no such role".into());
        };
        let labels = shared::selector_text(&shared::selector(asker.serving, role), separator);
        match self.groups {
            0 | 1 => Answer::Literal(labels),
            _ => self.in_group(asker.serving, |group| {
                format!("{labels}{separator}{GROUP_LABEL}={group}")
            }),
        }
    }

    /// What does not depend on where the reference stands.
    fn anywhere(&self, reference: &Reference, asker: &Asker<'_>) -> Option<Answer> {
        let alone = !asker.role.multi_node();
        Some(match reference {
            Reference::Leader if alone => own_address(),
            Reference::Peers { .. } if alone => own_address(),
            Reference::Peers { .. } => {
                Answer::Unknown("workers have no DNS names; only the entry pod of a replica has one".into())
            }
            Reference::Rank { times } => {
                first_rank(asker).map(|rank| literal(rank.saturating_mul(*times)))?
            }
            Reference::Namespace => shared::namespace(asker.serving),
            Reference::Service { role } => self.service(asker, role),
            Reference::Address { role, replica, rank } => self.address(asker, role, *replica, *rank),
            Reference::Selector { role, separator } => self.selector(asker, role, separator),
            Reference::Leader | Reference::Size => return None,
        })
    }
}

impl Answers for KthenaAnswers<'_> {
    fn answer(&self, reference: &Reference, asker: &Asker<'_>) -> Answer {
        let injected = || match reference {
            Reference::Size => Answer::Expanded("$(GROUP_SIZE)".into()),
            Reference::Rank { times: 1 } => Answer::Expanded("$(WORKER_INDEX)".into()),
            Reference::Rank { times } => Answer::Shell(format!("$((WORKER_INDEX * {times}))").into()),
            _ => Answer::Expanded("$(ENTRY_ADDRESS)".into()),
        };
        self.anywhere(reference, asker).unwrap_or_else(injected)
    }

    fn answer_in_environment(&self, reference: &Reference, asker: &Asker<'_>) -> Answer {
        let by_labels = || {
            match reference {
            Reference::Size => literal(asker.role.size().value),
            Reference::Rank { .. } => Answer::Unknown(
                "WORKER_INDEX stands after the container's own variables, so it does not expand in them, and no label has it".into(),
            ),
            _ => Answer::Downward {
                variables: vec![label(GROUP, GROUP_LABEL), label(ROLE_ID, ROLE_ID_LABEL)],
                text: format!("$({GROUP})-$({ROLE_ID})-0").into(),
            },
        }
        };
        self.anywhere(reference, asker).unwrap_or_else(by_labels)
    }

    fn injected_first(&self) -> bool {
        false
    }

    fn injects(&self, name: &str, reference: &Reference) -> bool {
        injects(name, reference)
    }
}

fn literal(number: u32) -> Answer {
    Answer::Literal(number.to_string().into())
}

/// The rank of the asking pods, if their template is of one pod.
fn first_rank(asker: &Asker<'_>) -> Option<u32> {
    let member = asker.member?;
    (member.count.value == 1).then(|| asker.first_rank())
}

/// The entry pods without a Service of the controller's that some template addresses: role and replica, each once.
pub fn addressed(serving: &Serving, templates: &[&Node]) -> Vec<(Str, u32)> {
    let mut found: Vec<(Str, u32)> = Vec::new();
    for template in templates {
        template.walk(&mut |node| {
            let Value::Text(text) = &node.value else { return };
            for piece in text {
                if let Piece::Reference(Reference::Address {
                    role,
                    replica,
                    rank: 0,
                }) = piece
                    && serving
                        .role(role)
                        .is_some_and(|r: &Role| !r.multi_node() && *replica < cut::most_replicas(r))
                    && !found.contains(&(role.clone(), *replica))
                {
                    found.push((role.clone(), *replica));
                }
            }
        });
    }
    found
}

/// The labels of a ServingGroup by its number.
pub fn group(serving: &Serving, number: u32) -> (&'static str, Node) {
    (GROUP_LABEL, format!("{}-{number}", serving.name.value).into())
}
