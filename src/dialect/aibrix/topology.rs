//! How close together pods must be: the RoleSet's one `topologyPolicy` where it says the same, pod affinity where not.

use super::answers::{PODSET, REPLICA_INDEX, ROLE_SET};
use super::codes::TOPOLOGY;
use super::lowering::Lowering;
use super::options::{TopologyMode, TopologyPolicy, TopologyScope};
use crate::diagnostic::{Diagnostic, Ledger, Outcome, Severity};
use crate::dialect::shared;
use crate::ir::{Role, Topology};
use crate::spec::decode::Decode;
use crate::spec::policy::{Scope, Strictness};
use crate::value::{Ids, Map, Node, Traced};

/// The topology of a workload.
#[derive(Default)]
pub struct Topologies {
    /// The policy of the RoleSet.
    pub policy: Option<Node>,
    /// Whether it says what the roles say.
    pub native: bool,
}

impl Lowering<'_> {
    /// The policy of the RoleSet, and whether the roles need affinity of their own.
    pub fn topology(&self, ledger: &mut Ledger) -> Topologies {
        if let Some(own) = &self.options.topology_policy {
            if !self.version.topology() {
                self.lacks("topologyPolicy", Severity::Error, &own.origins(), ledger);
            }
            return Topologies {
                policy: Some(option(own)),
                native: false,
            };
        }
        let asked: Vec<&Topology> = self
            .serving
            .roles
            .iter()
            .filter_map(|r| r.topology.as_ref())
            .collect();
        let Some(first) = asked.first() else {
            return Topologies::default();
        };
        let policy = |t: &Topology| (t.key.value.clone(), t.scope.value, t.mode.value);
        // A router that the compiler added goes where the others go.
        let alike = asked.len() == self.serving.roles.iter().filter(|r| !r.implicit).count()
            && asked
                .iter()
                .all(|t| policy(t) == policy(first) && !t.exclusive.value);
        let scope = match first.scope.value {
            Scope::Slice => Some(TopologyScope::RoleSet),
            // The policy's own scope holds a role together over all RoleSets.
            Scope::Role if self.cells() <= 1 => Some(TopologyScope::Role),
            _ => None,
        };
        match scope {
            Some(scope) if alike && self.version.topology() => Topologies {
                policy: Some(native(scope, &asked)),
                native: true,
            },
            scope => {
                self.explain(first, scope.is_some(), ledger);
                Topologies::default()
            }
        }
    }

    /// Says why a topology that AIBrix has a word for becomes affinity.
    fn explain(&self, topology: &Topology, has_word: bool, ledger: &mut Ledger) {
        if !has_word {
            return;
        }
        let why = if self.version.topology() {
            "the roles differ in their topology, and a RoleSet has one policy for all".to_owned()
        } else {
            format!("{} has no topologyPolicy", self.version.name())
        };
        let said = Diagnostic::new(&TOPOLOGY, "the topology is written as pod affinity")
            .at(topology.key.at())
            .reason(why);
        ledger.report(said.outcome(Outcome::Emulated));
    }

    /// Writes the topology of a role as affinity, where no policy says it.
    pub fn affinity(&self, role: &Role, topologies: &Topologies, template: &mut Node) {
        let Some(topology) = role.topology.as_ref().filter(|_| !topologies.native) else {
            return;
        };
        let keys = shared::Keys {
            slice: if self.cells() > 1 { &[ROLE_SET] } else { &[] },
            replica: if role.multi_node() {
                &[PODSET]
            } else {
                &[ROLE_SET, REPLICA_INDEX]
            },
        };
        shared::affinity_by(self.serving, role, topology, None, &keys, template);
    }
}

fn option(own: &TopologyPolicy) -> Node {
    let TopologyPolicy {
        ids,
        scope,
        mode,
        key,
    } = own;
    let mode = mode
        .clone()
        .unwrap_or(Traced::default_of(TopologyMode::Preferred));
    let mut policy = Map::new();
    policy.insert_some("scope", scope.as_ref().map(Traced::node));
    policy.insert("mode", mode.node());
    policy.insert_some("key", key.clone());
    Node::derived(policy, ids)
}

fn native(scope: TopologyScope, asked: &[&Topology]) -> Node {
    let all = |ids: fn(&Topology) -> &Ids| asked.iter().fold(Ids::none(), |all, t| all.union(ids(t)));
    let mode = match asked.first().map(|t| t.mode.value) {
        Some(Strictness::Preferred) => TopologyMode::Preferred,
        _ => TopologyMode::Required,
    };
    let key = asked.first().map(|t| t.key.value.clone()).unwrap_or_default();
    let mut policy = Map::new();
    policy.insert(
        "scope",
        Traced::new(scope, all(|t| &t.scope.ids).union(&all(|t| &t.exclusive.ids))).node(),
    );
    policy.insert("mode", Traced::new(mode, all(|t| &t.mode.ids)).node());
    policy.insert("key", Traced::new(key, all(|t| &t.key.ids)));
    policy.into()
}
