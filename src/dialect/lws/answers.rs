//! What the LeaderWorkerSet webhook injects: `LWS_LEADER_ADDRESS`, `LWS_GROUP_SIZE` and `LWS_WORKER_INDEX`, before the
//! template's own variables (kubernetes-sigs/lws pkg/utils/pod `AddLWSVariables`).

use crate::dialect::shared;
use crate::ir::answer::{Answer, Answers, Asker};
use crate::value::{Reference, Str};

/// The variables of every pod, and what each answers.
pub const VARIABLES: [(&str, Reference); 3] = [
    ("LWS_LEADER_ADDRESS", Reference::Leader),
    ("LWS_GROUP_SIZE", Reference::Size),
    ("LWS_WORKER_INDEX", Reference::Rank { times: 1 }),
];

/// The answers, within one slice.
pub struct LwsAnswers {
    /// The slice, if the workload has several.
    pub slice: Option<u32>,
}

impl Answers for LwsAnswers {
    fn answer(&self, reference: &Reference, asker: &Asker<'_>) -> Answer {
        let size = asker.role.size().value;
        match reference {
            Reference::Leader => Answer::Expanded("$(LWS_LEADER_ADDRESS)".into()),
            Reference::Size => Answer::Expanded("$(LWS_GROUP_SIZE)".into()),
            Reference::Rank { times } => rank(*times, asker),
            Reference::Namespace => shared::namespace(asker.serving),
            Reference::Peers { separator } => {
                let peer = |rank: u32| match rank {
                    0 => "$LWS_LEADER_ADDRESS".to_owned(),
                    // Workers are called after their leader: `<leader>-<rank>.<subdomain>.<namespace>`.
                    _ => format!("${{LWS_LEADER_ADDRESS%%.*}}-{rank}.${{LWS_LEADER_ADDRESS#*.}}"),
                };
                Answer::Shell(
                    (0..size)
                        .map(peer)
                        .collect::<Vec<_>>()
                        .join(separator.as_str())
                        .into(),
                )
            }
            Reference::Service { role } => shared::role_service_address(asker.serving, role, self.slice),
            Reference::Address { role, replica, rank } => {
                let Some(role) = asker.serving.role(role) else {
                    return Answer::Unknown("no such role".into());
                };
                let set = super::names::object(asker.serving, role, self.slice).value;
                let pod = if *rank == 0 {
                    format!("{set}-{replica}")
                } else {
                    format!("{set}-{replica}-{rank}")
                };
                Answer::Literal(format!("{pod}.{set}").into())
            }
            Reference::Selector { role, separator } => {
                let Some(role) = asker.serving.role(role) else {
                    return Answer::Unknown("no such role".into());
                };
                let selector = shared::sliced(shared::selector(asker.serving, role), self.slice);
                Answer::Literal(shared::selector_text(&selector, separator))
            }
        }
    }

    fn injected_first(&self) -> bool {
        true
    }

    fn injects(&self, name: &str, reference: &Reference) -> bool {
        VARIABLES.iter().any(|(n, r)| *n == name && r == reference)
    }
}

fn rank(times: u32, asker: &Asker<'_>) -> Answer {
    let literal = |rank: u32| Answer::Literal(Str::from(rank.saturating_mul(times).to_string()));
    match asker.member {
        Some(member) if member.count.value == 1 => literal(asker.first_rank()),
        _ if times == 1 => Answer::Expanded("$(LWS_WORKER_INDEX)".into()),
        _ => Answer::Shell(format!("$((LWS_WORKER_INDEX * {times}))").into()),
    }
}
