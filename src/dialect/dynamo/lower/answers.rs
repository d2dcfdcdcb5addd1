//! What pods of a graph know: what Grove or LeaderWorkerSet injects before the template's own variables. Leader and workers have
//! one template.

use super::super::options::Mode;
use super::Lowering;
use super::component::Component;
use crate::dialect::shared;
use crate::ir::answer::{Answer, Answers, Asker};
use crate::value::{Reference, Str};

/// The answers, within one slice.
pub(super) struct DynamoAnswers<'a> {
    /// The workload.
    pub lowering: &'a Lowering<'a>,
    /// The slice, if the workload has several.
    pub slice: Option<u32>,
}

/// The domain of the pods of a graph that Grove runs.
const DOMAIN: &str = "$(GROVE_HEADLESS_SERVICE)";

impl DynamoAnswers<'_> {
    fn component(&self, role: &str) -> Option<&Component<'_>> {
        self.lowering
            .components
            .iter()
            .find(|c| c.role.name.value == role)
    }

    /// The pod of a rank in the asking pod's own instance of several nodes.
    fn own(component: &Component<'_>, rank: u32) -> String {
        let group = "$(GROVE_PCSG_NAME)-$(GROVE_PCSG_INDEX)";
        match rank {
            0 => format!("{group}-{}-ldr-0.{DOMAIN}", component.lower),
            _ => format!("{group}-{}-wkr-{}.{DOMAIN}", component.lower, rank - 1),
        }
    }

    /// A pod of the graph.
    fn address(component: &Component<'_>, replica: u32, rank: u32) -> String {
        let name = &component.lower;
        let set = "$(GROVE_PCS_NAME)-$(GROVE_PCS_INDEX)";
        match (component.role.multi_node(), rank) {
            (false, _) => format!("{set}-{name}-{replica}.{DOMAIN}"),
            (true, 0) => format!("{set}-{name}-{replica}-{name}-ldr-0.{DOMAIN}"),
            (true, _) => format!("{set}-{name}-{replica}-{name}-wkr-{}.{DOMAIN}", rank - 1),
        }
    }

    fn lws_address(&self, component: &Component<'_>, replica: u32, rank: u32) -> Answer {
        if !component.role.multi_node() {
            return Answer::Unknown("pods of a Deployment have no names to know in advance".into());
        }
        if component.is_worker() {
            return Answer::Unknown("the operator puts a hash into the names of workers".into());
        }
        let set = format!(
            "{}-{}-0",
            self.lowering.graph_name(self.slice).value,
            component.lower
        );
        let pod = match rank {
            0 => format!("{set}-{replica}"),
            _ => format!("{set}-{replica}-{rank}"),
        };
        Answer::Literal(format!("{pod}.{set}").into())
    }

    fn rank(&self, times: u32) -> Answer {
        let text = match (self.lowering.mode, times) {
            (Mode::Lws, 1) => return Answer::Expanded("$(LWS_WORKER_INDEX)".into()),
            (Mode::Lws, times) => format!("$((LWS_WORKER_INDEX * {times}))"),
            (Mode::Grove, times) => {
                let workers = match times {
                    1 => "GROVE_PCLQ_POD_INDEX + 1".to_owned(),
                    times => format!("(GROVE_PCLQ_POD_INDEX + 1) * {times}"),
                };
                format!("$(case \"$GROVE_PCLQ_NAME\" in (*-ldr) echo 0;; (*) echo $(({workers}));; esac)")
            }
        };
        Answer::Shell(text.into())
    }

    fn peers(&self, component: &Component<'_>, separator: &str) -> Answer {
        let size = component.role.size().value;
        match self.lowering.mode {
            Mode::Grove => {
                let peers: Vec<String> = (0..size).map(|rank| Self::own(component, rank)).collect();
                Answer::Expanded(peers.join(separator).into())
            }
            Mode::Lws => {
                let peer = |rank: u32| match rank {
                    0 => "$LWS_LEADER_ADDRESS".to_owned(),
                    _ => format!("${{LWS_LEADER_ADDRESS%%.*}}-{rank}.${{LWS_LEADER_ADDRESS#*.}}"),
                };
                let peers: Vec<String> = (0..size).map(peer).collect();
                Answer::Shell(peers.join(separator).into())
            }
        }
    }
}

impl Answers for DynamoAnswers<'_> {
    fn answer(&self, reference: &Reference, asker: &Asker<'_>) -> Answer {
        let unknown = |what: &str| Answer::Unknown(what.into());
        let Some(own) = self.component(&asker.role.name.value) else {
            return unknown("no such role");
        };
        let (mode, several) = (self.lowering.mode, asker.role.multi_node());
        match reference {
            Reference::Leader | Reference::Peers { .. } if !several && mode == Mode::Grove => {
                Answer::Expanded(format!("$(GROVE_PCLQ_NAME)-$(GROVE_PCLQ_POD_INDEX).{DOMAIN}").into())
            }
            Reference::Leader | Reference::Peers { .. } if !several => Answer::Downward {
                variables: vec![("POD_IP".into(), "status.podIP".into())],
                text: "$(POD_IP)".into(),
            },
            Reference::Rank { .. } if !several => Answer::Literal("0".into()),
            Reference::Size if !several => Answer::Literal("1".into()),
            Reference::Leader if mode == Mode::Grove => Answer::Expanded(Self::own(own, 0).into()),
            Reference::Leader => Answer::Expanded("$(LWS_LEADER_ADDRESS)".into()),
            Reference::Size if mode == Mode::Grove => {
                Answer::Expanded("$(GROVE_PCSG_TEMPLATE_NUM_PODS)".into())
            }
            Reference::Size => Answer::Expanded("$(LWS_GROUP_SIZE)".into()),
            Reference::Rank { times } => self.rank(*times),
            Reference::Namespace => shared::namespace(asker.serving),
            Reference::Peers { separator } => self.peers(own, separator),
            Reference::Service { role } => shared::role_service_address(asker.serving, role, self.slice),
            Reference::Address { role, replica, rank } => match self.component(role) {
                Some(other) if mode == Mode::Grove => {
                    Answer::Expanded(Self::address(other, *replica, *rank).into())
                }
                Some(other) => self.lws_address(other, *replica, *rank),
                None => unknown("no such role"),
            },
            Reference::Selector { role, separator } => match asker.serving.role(role) {
                Some(role) => {
                    let selector = shared::sliced(self.lowering.selector(role), self.slice);
                    let text: Str = shared::selector_text(&selector, separator);
                    Answer::Literal(text)
                }
                None => unknown("no such role"),
            },
        }
    }

    fn injected_first(&self) -> bool {
        true
    }
}
