//! What Grove injects: `GROVE_*` before the template's own variables, and a host name for each pod under the headless Service
//! of its slice (ai-dynamo/grove operator/internal/controller/podclique/components/pod).

use super::layout::{Clique, Layout, RoleLayout};
use crate::dialect::shared;
use crate::ir::answer::{Answer, Answers, Asker};
use crate::value::{Reference, Str};

/// The label of a pod's slice.
pub(super) const SLICE_INDEX: &str = "grove.io/podcliqueset-replica-index";

/// The answers.
pub(super) struct GroveAnswers<'a> {
    /// The cliques.
    pub layout: &'a Layout<'a>,
    /// Whether the cluster's domain is `cluster.local`, which Grove writes into `GROVE_HEADLESS_SERVICE` whatever it is.
    pub default_domain: bool,
}

impl GroveAnswers<'_> {
    /// The DNS domain of the asking pod's slice.
    fn domain(&self) -> &'static str {
        if self.default_domain {
            "$(GROVE_HEADLESS_SERVICE)"
        } else {
            "$(GROVE_PCS_NAME)-$(GROVE_PCS_INDEX)"
        }
    }

    /// The pod of that rank in the asking pod's own replica.
    fn own(&self, role: &RoleLayout<'_>, rank: u32) -> Option<String> {
        let Some(_) = &role.group else {
            return Some(format!(
                "$(GROVE_PCLQ_NAME)-$(GROVE_PCLQ_POD_INDEX).{}",
                self.domain()
            ));
        };
        let (clique, index) = pod(role, rank)?;
        Some(format!(
            "$(GROVE_PCSG_NAME)-$(GROVE_PCSG_INDEX)-{}-{index}.{}",
            clique.name.value,
            self.domain()
        ))
    }

    /// A pod of the asking pod's slice.
    fn address(&self, role: &RoleLayout<'_>, replica: u32, rank: u32) -> Option<String> {
        let (clique, index) = pod(role, rank)?;
        let clique = &clique.name.value;
        let name = match &role.group {
            Some(group) => format!("{}-{replica}-{clique}-{index}", group.value),
            None => format!("{clique}-{replica}"),
        };
        Some(format!(
            "$(GROVE_PCS_NAME)-$(GROVE_PCS_INDEX)-{name}.{}",
            self.domain()
        ))
    }
}

/// The clique of a rank, and the pod's index in it.
fn pod<'a, 'b>(role: &'b RoleLayout<'a>, rank: u32) -> Option<(&'b Clique<'a>, u32)> {
    let mut left = rank;
    for clique in &role.cliques {
        let count = clique.member.count.value;
        if left < count {
            return Some((clique, left));
        }
        left -= count;
    }
    None
}

impl Answers for GroveAnswers<'_> {
    fn answer(&self, reference: &Reference, asker: &Asker<'_>) -> Answer {
        let unknown = |what: &str| Answer::Unknown(what.into());
        let Some(own) = self.layout.role(&asker.role.name.value) else {
            return unknown("no such role");
        };
        let expanded = |text: Option<String>| match text {
            Some(text) => Answer::Expanded(text.into()),
            None => Answer::Unknown("the replica has no pod of that rank".into()),
        };
        match reference {
            Reference::Leader => expanded(self.own(own, 0)),
            Reference::Size if own.group.is_some() => {
                Answer::Expanded("$(GROVE_PCSG_TEMPLATE_NUM_PODS)".into())
            }
            Reference::Size => Answer::Literal("1".into()),
            Reference::Rank { times } => rank(*times, asker),
            Reference::Namespace => shared::namespace(asker.serving),
            Reference::Peers { separator } => {
                let peers: Option<Vec<String>> = (0..asker.role.size().value)
                    .map(|rank| self.own(own, rank))
                    .collect();
                expanded(peers.map(|p| p.join(separator)))
            }
            Reference::Service { role } => match shared::role_service_address(asker.serving, role, None) {
                Answer::Literal(_) if asker.serving.slices.value > 1 => {
                    Answer::Expanded(sliced_service(&asker.serving.name.value, role))
                }
                answer => answer,
            },
            Reference::Address { role, replica, rank } => match self.layout.role(role) {
                Some(role) => expanded(self.address(role, *replica, *rank)),
                None => unknown("no such role"),
            },
            Reference::Selector { role, separator } => {
                let Some(role) = asker.serving.role(role) else {
                    return unknown("no such role");
                };
                let selector = shared::selector_text(&shared::selector(asker.serving, role), separator);
                match asker.serving.slices.value {
                    0 | 1 => Answer::Literal(selector),
                    _ => Answer::Expanded(
                        format!("{selector}{separator}{SLICE_INDEX}=$(GROVE_PCS_INDEX)").into(),
                    ),
                }
            }
        }
    }

    fn injected_first(&self) -> bool {
        true
    }

    fn injects(&self, name: &str, reference: &Reference) -> bool {
        match name {
            "GROVE_PCSG_TEMPLATE_NUM_PODS" => *reference == Reference::Size,
            // In the first clique of a replica, which is where lifting says so.
            "GROVE_PCLQ_POD_INDEX" => *reference == Reference::Rank { times: 1 },
            _ => false,
        }
    }
}

/// The name of a role's Service in the asking pod's slice, as [`shared::role_services`] makes them for several slices.
fn sliced_service(serving: &str, role: &str) -> Str {
    format!("{serving}-$(GROVE_PCS_INDEX)-{role}-http").into()
}

fn rank(times: u32, asker: &Asker<'_>) -> Answer {
    let first = asker.first_rank();
    let literal = |rank: u32| Answer::Literal(Str::from(rank.saturating_mul(times).to_string()));
    match (asker.member.map_or(1, |m| m.count.value), first, times) {
        (1, first, _) => literal(first),
        (_, 0, 1) => Answer::Expanded("$(GROVE_PCLQ_POD_INDEX)".into()),
        (_, 0, times) => Answer::Shell(format!("$((GROVE_PCLQ_POD_INDEX * {times}))").into()),
        (_, first, 1) => Answer::Shell(format!("$((GROVE_PCLQ_POD_INDEX + {first}))").into()),
        (_, first, times) => Answer::Shell(format!("$(((GROVE_PCLQ_POD_INDEX + {first}) * {times}))").into()),
    }
}
