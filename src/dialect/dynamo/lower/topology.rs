//! How close together pods are: the graph's own constraints where a ClusterTopologyBinding is known and KAI heeds them, else pod
//! affinity.

use super::super::options::{Mode, Options};
use super::codes::TOPOLOGY_UNBOUND;
use super::component::Component;
use super::scheduling::Scheduling;
use crate::diagnostic::{Diagnostic, Ledger, Outcome};
use crate::dialect::{grove, shared};
use crate::ir::{Serving, Topology};
use crate::spec::policy::{Scope, Strictness};
use crate::value::{Ids, Map, Node, Str};
use grove::options::TopologyBinding;

/// Labels that tell instances apart.
const GROVE_KEYS: [&str; 2] = [
    "grove.io/podcliquescalinggroup",
    "grove.io/podcliquescalinggroup-replica-index",
];
const LWS_KEYS: [&str; 1] = ["leaderworkerset.sigs.k8s.io/group-key"];

/// The constraints of a graph.
#[derive(Default)]
pub(super) struct Placement {
    /// The graph's.
    pub graph: Option<Node>,
    /// The level of its domain in the binding.
    level: Option<usize>,
    roles: Vec<(Str, Own)>,
}

/// How a role's pods are kept together.
enum Own {
    /// By a constraint of the component.
    Constraint(Node),
    /// By the graph's, or because there is only one.
    Settled,
    /// By affinity.
    Affinity,
}

impl Placement {
    /// Decides for each role; says what is by affinity only.
    pub fn new(
        components: &[Component<'_>],
        mode: Mode,
        options: &Options,
        platform: &grove::options::Platform,
        scheduling: &Scheduling,
        ledger: &mut Ledger,
    ) -> Self {
        let bindings = platform.topologies.as_deref().unwrap_or_default();
        let usable = mode == Mode::Grove && scheduling.packs() && options.topology_constraint.is_none();
        let mut placement = Self {
            graph: options.topology_constraint.clone(),
            level: None,
            roles: Vec::new(),
        };
        let asking = || {
            components
                .iter()
                .filter_map(|c| Some((c, c.role.topology.as_ref()?)))
        };
        let best = |b: &&TopologyBinding| {
            asking()
                .filter(|(_, t)| domain(b, &t.key.value).is_some())
                .count()
        };
        let binding = bindings.iter().rev().max_by_key(best).filter(|_| usable);
        // The graph's domain first: those of components may not be wider.
        let of_graph = |t: &Topology| t.scope.value == Scope::Slice;
        let (first, then): (Vec<_>, Vec<_>) = asking().partition(|(_, t)| of_graph(t));
        for (component, topology) in first.into_iter().chain(then) {
            let own = placement.decide(component, topology, binding);
            if matches!(own, Own::Affinity) && mode == Mode::Grove {
                unbound(topology, ledger);
            }
            placement.roles.push((component.role.name.value.clone(), own));
        }
        placement
    }

    fn decide(
        &mut self,
        component: &Component<'_>,
        topology: &Topology,
        binding: Option<&TopologyBinding>,
    ) -> Own {
        let several = component.role.multi_node();
        if topology.scope.value == Scope::Replica && !several {
            return if topology.exclusive.value {
                Own::Affinity
            } else {
                Own::Settled
            };
        }
        let required = topology.mode.value == Strictness::Required;
        let known = binding.and_then(|b| Some((b.name.as_ref()?, domain(b, &topology.key.value)?)));
        // No field packs all instances of a component together.
        let apart = topology.scope.value == Scope::Role && several;
        let Some((name, (domain, level))) = known.filter(|_| required && !apart) else {
            return Own::Affinity;
        };
        let graphs = topology.scope.value == Scope::Slice;
        if self.level.is_some_and(|of_graph| {
            if graphs {
                level != of_graph
            } else {
                level < of_graph
            }
        }) {
            return Own::Affinity;
        }
        let ids = topology
            .key
            .ids
            .union(&topology.scope.ids)
            .union(&topology.mode.ids);
        let pack = Map::from_iter([("packDomain", Node::derived(domain, &ids))]);
        let graph = self.graph.get_or_insert_with(Node::map);
        match topology.scope.value {
            Scope::Slice => {
                graph.set("clusterTopologyName", name.value.clone());
                let mut domain = pack.get("packDomain").cloned().unwrap_or_default();
                domain
                    .ids
                    .merge(&graph.get("packDomain").map(|d| d.ids.clone()).unwrap_or_default());
                graph.set("packDomain", domain);
                self.level = Some(level);
                Own::Settled
            }
            Scope::Replica | Scope::Role => {
                graph.set("clusterTopologyName", name.value.clone());
                Own::Constraint(pack.into())
            }
        }
    }

    /// The constraint of a component.
    pub fn of(&self, component: &Component<'_>) -> Option<Node> {
        match self.role(component)? {
            Own::Constraint(node) => Some(node.clone()),
            Own::Settled | Own::Affinity => None,
        }
    }

    fn role(&self, component: &Component<'_>) -> Option<&Own> {
        let own = self
            .roles
            .iter()
            .find(|(name, _)| *name == component.role.name.value);
        own.map(|(_, own)| own)
    }

    /// Puts affinity into a template.
    pub fn apply(
        &self,
        serving: &Serving,
        component: &Component<'_>,
        slice: Option<u32>,
        mode: Mode,
        template: &mut Node,
    ) {
        let Some(topology) = &component.role.topology else {
            return;
        };
        let keys: &[&str] = match mode {
            Mode::Grove => &GROVE_KEYS,
            Mode::Lws => &LWS_KEYS,
        };
        if let Some(Own::Affinity) = self.role(component) {
            shared::affinity(serving, component.role, topology, slice, keys, template);
            return;
        }
        let ids = topology
            .key
            .ids
            .union(&topology.scope.ids)
            .union(&topology.mode.ids);
        let spec = template.at_mut(&["spec"]);
        spec.decided_by(&ids.union(&topology.exclusive.ids));
        if topology.exclusive.value {
            shared::affinity(serving, component.role, topology, slice, keys, template);
        }
    }
}

/// The domain of a binding that a node label names, and how deep it lies.
fn domain(binding: &TopologyBinding, key: &str) -> Option<(Str, usize)> {
    let mut levels = binding.levels.iter().flatten().enumerate();
    let (level, found) = levels.find(|(_, l)| l.key.as_ref().is_some_and(|k| k.value == key))?;
    Some((found.domain.as_ref()?.value.clone(), level))
}

fn unbound(topology: &Topology, ledger: &mut Ledger) {
    let ids: Ids = topology.key.ids.union(&topology.scope.ids);
    let message = format!("`{}` holds by pod affinity", topology.key.value);
    let said = Diagnostic::new(&TOPOLOGY_UNBOUND, message).at_ids(&ids);
    let once = |d: &Diagnostic| d.code == said.code && d.at == said.at;
    if !ledger.diagnostics.iter().any(once) {
        ledger.report(said.outcome(Outcome::Emulated));
    }
}
