//! What the controllers inject (pkg/controller/roleset/utils.go `renderStormServicePod`, podset_controller.go): names and
//! indices as variables, `PODSET_NAME`, `POD_GROUP_INDEX` and `POD_GROUP_SIZE` in groups of pods; and one headless Service
//! called like the StormService, under which each pod that has an index is found by its own name.

use super::lowering::Lowering;
use crate::dialect::shared;
use crate::ir::answer::{Answer, Answers, Asker};
use crate::ir::{Role, Serving};
use crate::kubernetes::companion;
use crate::value::{Map, Node, Piece, Reference, Str, Traced, Value};

/// The label that names the StormService, on pods.
pub const STORM_SERVICE: &str = "storm-service-name";
/// The label that names the RoleSet, on pods.
pub const ROLE_SET: &str = "roleset-name";
/// The label that names the role, on pods.
pub const ROLE: &str = "role-name";
/// The label of a replica's index in its role, on pods.
pub const REPLICA_INDEX: &str = "stormservice.orchestration.aibrix.ai/role-replica-index";
/// The label that names the PodSet, on the pods of groups.
pub const PODSET: &str = "stormservice.orchestration.aibrix.ai/podset-name";
/// The label of a pod's rank, on the pods of groups.
pub const GROUP_INDEX: &str = "stormservice.orchestration.aibrix.ai/pod-group-index";
/// The variable of a pod's rank, in groups.
pub const RANK: &str = "POD_GROUP_INDEX";

/// Whether the controllers set a variable to this answer.
pub fn injects(name: &str, reference: &Reference) -> bool {
    matches!(
        (name, reference),
        (RANK, Reference::Rank { times: 1 }) | ("POD_GROUP_SIZE", Reference::Size)
    )
}

impl Answers for Lowering<'_> {
    fn answer(&self, reference: &Reference, asker: &Asker<'_>) -> Answer {
        let (role, service) = (asker.role, &self.serving.name.value);
        match reference {
            Reference::Leader if role.multi_node() => {
                Answer::Expanded(format!("$(PODSET_NAME)-0.{service}").into())
            }
            Reference::Leader if self.stateful(role) => Answer::Downward {
                variables: vec![("POD_NAME".into(), "metadata.name".into())],
                text: format!("$(POD_NAME).{service}").into(),
            },
            Reference::Leader => Answer::Downward {
                variables: vec![("POD_IP".into(), "status.podIP".into())],
                text: "$(POD_IP)".into(),
            },
            // A number and no variable: a change of it must change the template, or no pod is made anew.
            Reference::Size => Answer::Literal(role.size().value.to_string().into()),
            Reference::Rank { times } => match (role.multi_node(), times) {
                (false, _) => Answer::Literal("0".into()),
                (true, 1) => Answer::Expanded(format!("$({RANK})").into()),
                (true, times) => Answer::Shell(format!("$(({RANK} * {times}))").into()),
            },
            Reference::Namespace => shared::namespace(self.serving),
            Reference::Peers { .. } if !role.multi_node() => self.answer(&Reference::Leader, asker),
            Reference::Peers { separator } => {
                let peer = |rank: u32| format!("$(PODSET_NAME)-{rank}.{service}");
                Answer::Expanded(
                    (0..role.size().value)
                        .map(peer)
                        .collect::<Vec<_>>()
                        .join(separator.as_str())
                        .into(),
                )
            }
            Reference::Service { role } => shared::role_service_address(self.serving, role, None),
            Reference::Address { role, replica, rank } => self.address(role, *replica, *rank),
            Reference::Selector { role, separator } => match self.serving.role(role) {
                Some(role) => self.selector_text(role, separator),
                None => Answer::Unknown("no such role".into()),
            },
        }
    }

    fn injected_first(&self) -> bool {
        self.version.injected_first()
    }

    fn injects(&self, name: &str, reference: &Reference) -> bool {
        injects(name, reference)
    }
}

impl Lowering<'_> {
    /// The labels of the pods of a role that serve requests, in all RoleSets.
    pub fn selector(&self, role: &Role) -> Map {
        let mut labels = self.all_pods(role);
        if role.multi_node() && role.members.iter().any(|m| !m.serves) {
            labels.insert(GROUP_INDEX, "0");
        }
        labels
    }

    /// The labels of all pods of a role, in all RoleSets.
    pub fn all_pods(&self, role: &Role) -> Map {
        Map::from_iter([
            (STORM_SERVICE, Node::from(&self.serving.name)),
            (ROLE, self.role_name(role).node()),
        ])
    }

    /// The same as text, in the asking pod's own RoleSet.
    fn selector_text(&self, role: &Role, separator: &str) -> Answer {
        let mut labels = self.selector(role);
        if self.cells() <= 1 {
            return Answer::Literal(shared::selector_text(&labels, separator));
        }
        labels.remove(STORM_SERVICE);
        Answer::Expanded(
            format!(
                "{ROLE_SET}=$(ROLESET_NAME){separator}{}",
                shared::selector_text(&labels, separator)
            )
            .into(),
        )
    }

    /// Names of pods have random parts, so a pod that others address gets a Service of its own.
    fn address(&self, role: &str, replica: u32, rank: u32) -> Answer {
        let Some(role) = self.serving.role(role) else {
            return Answer::Unknown("no such role".into());
        };
        if self.cells() > 1 {
            return Answer::Unknown(
                "pods of several RoleSets have the same index, and their names have random parts".into(),
            );
        }
        if !role.multi_node() && !self.stateful(role) {
            return Answer::Unknown("the pods of a role that is not stateful have no index".into());
        }
        if replica >= self.replicas(role).value || rank >= role.size().value {
            return Answer::Unknown("no such pod: the role has fewer".into());
        }
        Answer::Literal(self.pod_service(role, replica, rank).value)
    }

    fn pod_service(&self, role: &Role, replica: u32, rank: u32) -> Traced<Str> {
        let suffix = if role.multi_node() {
            format!("{replica}-{rank}")
        } else {
            replica.to_string()
        };
        shared::role_object_name(self.serving, role).map(|name| format!("{name}-{suffix}").into())
    }

    /// The Services of pods that templates address one by one.
    pub fn pod_services(&self) -> Vec<Node> {
        let service = |(name, replica, rank): (Str, u32, u32)| {
            let role = self.serving.role(&name)?;
            let Answer::Literal(_) = self.address(&name, replica, rank) else {
                return None;
            };
            let mut selector = self.all_pods(role);
            selector.insert(REPLICA_INDEX, replica.to_string());
            if role.multi_node() {
                selector.insert(GROUP_INDEX, rank.to_string());
            }
            let name = self.pod_service(role, replica, rank);
            Some(companion::service(companion::Service {
                metadata: shared::metadata(self.serving, &name, &[], &Map::new()),
                selector,
                ports: Vec::new(),
                service_type: None,
                headless: true,
            }))
        };
        addressed(self.serving).into_iter().filter_map(service).collect()
    }
}

/// The pods that some template addresses: role, replica, rank, in order.
fn addressed(serving: &Serving) -> Vec<(Str, u32, u32)> {
    let mut pods = Vec::new();
    for template in serving.roles.iter().flat_map(|r| &r.members).map(|m| &m.template) {
        template.walk(&mut |n| {
            let Value::Text(text) = &n.value else { return };
            for piece in text {
                if let Piece::Reference(Reference::Address { role, replica, rank }) = piece
                    && !pods.contains(&(role.clone(), *replica, *rank))
                {
                    pods.push((role.clone(), *replica, *rank));
                }
            }
        });
    }
    pods.sort();
    pods
}
