//! How close together pods are: Grove's constraints where a ClusterTopologyBinding is known and the scheduler heeds them, else
//! pod affinity; and pod anti-affinity for domains of one's own, which Grove has no constraint for.

use super::answers::SLICE_INDEX;
use super::codes::{TOPOLOGY_CONFLICT, TOPOLOGY_OPTION, TOPOLOGY_SCALED, TOPOLOGY_UNBOUND};
use super::layout::{Layout, RoleLayout};
use super::options::{Options, Platform, TopologyBinding};
use super::scheduling::Scheduling;
use crate::diagnostic::{Diagnostic, Ledger, Outcome, Severity};
use crate::ir::{ROLE_LABEL, SERVING_LABEL, Serving, Topology};
use crate::spec::policy::{Scope, Strictness};
use crate::value::{Id, Ids, Map, Node, Str, Traced};

/// Labels that Grove sets on pods and that tell replicas apart.
const GROUP: &str = "grove.io/podcliquescalinggroup";
const GROUP_INDEX: &str = "grove.io/podcliquescalinggroup-replica-index";

/// The constraints of a workload.
#[derive(Default)]
pub(super) struct Placement {
    /// The constraint of each slice.
    pub slice: Option<Node>,
    /// The first to ask for it, and how deep the domain lies.
    asked: Option<(Topology, usize)>,
    roles: Vec<RolePlacement>,
}

/// The constraints of a role.
#[derive(Default)]
struct RolePlacement {
    /// Of each replica of its scaling group.
    group: Option<Node>,
    /// Of its lone clique.
    clique: Option<Node>,
    /// Kept together by pod affinity.
    affinity: bool,
}

/// A domain of a binding, and how deep it lies in it.
struct Domain {
    name: Str,
    level: usize,
}

impl Placement {
    /// Decides for each role; reports what Grove would refuse, and what is not as strong as it looks.
    pub(super) fn new(
        layout: &Layout<'_>,
        options: &Options,
        platform: &Platform,
        scheduling: &Scheduling,
        ledger: &mut Ledger,
    ) -> Self {
        let binding = binding(layout, options, platform).filter(|_| scheduling.packs());
        let mut placement = Self::default();
        for role in &layout.roles {
            let own = match &role.role.topology {
                // Said as Grove spells it.
                Some(topology) if spelt(role, topology, options).is_some() => {
                    let own = spelt(role, topology, options).map(|o| o.ids.clone());
                    let Topology {
                        key,
                        scope,
                        mode,
                        exclusive: _,
                    } = topology;
                    let ids = key.ids.union(&scope.ids).union(&mode.ids);
                    ledger.supersede(&ids, &own.unwrap_or_default());
                    RolePlacement::default()
                }
                Some(topology) => {
                    match binding.and_then(|b| domain(b, &topology.key.value).map(|d| (b, d))) {
                        Some((binding, domain)) => {
                            let node = constraint(options, binding, &domain, topology);
                            placement.place(role, topology, node, domain.level, ledger)
                        }
                        None => {
                            unbound(topology, platform, scheduling, ledger);
                            RolePlacement {
                                affinity: true,
                                ..RolePlacement::default()
                            }
                        }
                    }
                }
                None => RolePlacement::default(),
            };
            placement.roles.push(own);
        }
        placement.check_levels(layout, binding, ledger);
        placement.use_options(layout, options, ledger);
        check_options(layout, options, scheduling, ledger);
        if let Some(name) = &options.topology_name {
            let message = format!("no constraint is made by the binding `{}`", name.value);
            let said = Diagnostic::new(&TOPOLOGY_UNBOUND, message)
                .at_ids(&name.ids)
                .outcome(Outcome::Dropped);
            ledger.waive(&name.ids, said.reason("the Platform document does not list it, or `scheduling.topology` asks for none of its labels"));
        }
        placement
    }

    /// The constraint of the replicas of role number `index`.
    pub(super) fn group(&self, index: usize) -> Option<Node> {
        self.roles.get(index).and_then(|r| r.group.clone())
    }

    /// The constraint of the lone clique of role number `index`.
    pub(super) fn clique(&self, index: usize) -> Option<Node> {
        self.roles.get(index).and_then(|r| r.clique.clone())
    }

    /// Puts affinity into a pod template of role number `index`.
    pub(super) fn apply(&self, serving: &Serving, role: &RoleLayout<'_>, index: usize, template: &mut Node) {
        let Some(topology) = &role.role.topology else {
            return;
        };
        let terms = Terms {
            serving,
            role,
            topology,
        };
        if self.roles.get(index).is_some_and(|r| r.affinity) {
            terms.together(template);
        }
        if topology.exclusive.value {
            terms.apart(template);
        } else {
            template
                .at_mut(&["spec"])
                .decided_by(&topology.exclusive.ids.union(&topology.scope.ids));
        }
    }

    /// Reports that a slice is only one domain as far as its base gang goes.
    pub(super) fn check_gangs(&self, role: &RoleLayout<'_>, in_base_gang: u32, ledger: &mut Ledger) {
        let Some(slice) = self
            .slice
            .as_ref()
            .filter(|_| in_base_gang < role.role.replicas.value)
        else {
            return;
        };
        let message = format!(
            "{in_base_gang} of {} replicas of role `{}` are in the slice's domain for sure, each other one in any",
            role.role.replicas.value, role.role.name.value
        );
        let said = Diagnostic::new(&TOPOLOGY_SCALED, message)
            .at_ids(&slice.all_ids())
            .outcome(Outcome::Moved);
        ledger.report(
            said.label(role.role.name.at(), "the role")
                .remedy("`gang: {scope: slice}`"),
        );
    }

    /// Puts a constraint where its scope belongs.
    fn place(
        &mut self,
        role: &RoleLayout<'_>,
        topology: &Topology,
        node: Node,
        level: usize,
        ledger: &mut Ledger,
    ) -> RolePlacement {
        let mut own = RolePlacement::default();
        match (topology.scope.value, &role.group) {
            (Scope::Replica, Some(_)) => own.group = Some(node),
            // A replica of one pod is in one domain anyway.
            (Scope::Replica, None) => {}
            (Scope::Role, None) => own.clique = Some(node),
            (Scope::Role, Some(_)) => own.affinity = true,
            (Scope::Slice, _) => self.place_slice(topology, node, level, ledger),
        }
        own
    }

    fn place_slice(&mut self, topology: &Topology, node: Node, level: usize, ledger: &mut Ledger) {
        let Some((first, there)) = self.asked.as_ref().zip(self.slice.as_mut()) else {
            self.asked = Some((topology.clone(), level));
            self.slice = Some(node);
            return;
        };
        if first.0.key.value == topology.key.value && first.0.mode.value == topology.mode.value {
            there.absorb(&node);
            return;
        }
        let message = "a slice has one topology constraint, and two roles ask for different ones";
        let said = Diagnostic::new(&TOPOLOGY_CONFLICT, message)
            .at(written(topology))
            .at_ids(&topology.key.ids);
        ledger.report(said.label(written(&first.0), "the other one"));
    }

    fn check_levels(&self, layout: &Layout<'_>, binding: Option<&TopologyBinding>, ledger: &mut Ledger) {
        let (Some(binding), Some((of_slice, level))) = (binding, &self.asked) else {
            return;
        };
        for topology in layout.roles.iter().filter_map(|r| r.role.topology.as_ref()) {
            if domain(binding, &topology.key.value).is_some_and(|d| d.level < *level) {
                let message = format!(
                    "`{}` is broader than the slice's `{}`",
                    topology.key.value, of_slice.key.value
                );
                let said = Diagnostic::new(&TOPOLOGY_CONFLICT, message)
                    .at(written(topology))
                    .at_ids(&topology.key.ids);
                ledger.report(said.label(written(of_slice), "the slice's"));
            }
        }
    }

    /// Constraints as Grove spells them stand in place of those that follow from the spec.
    fn use_options(&mut self, layout: &Layout<'_>, options: &Options, ledger: &mut Ledger) {
        replace(&mut self.slice, options.topology_constraint.as_ref(), ledger);
        for (role, own) in layout.roles.iter().zip(&mut self.roles) {
            let place = if role.group.is_some() {
                &mut own.group
            } else {
                &mut own.clique
            };
            replace(place, role.options.topology_constraint.as_ref(), ledger);
        }
    }
}

/// The option that stands in place of what follows from a topology of that scope.
fn spelt<'a>(role: &'a RoleLayout<'_>, topology: &Topology, options: &'a Options) -> Option<&'a Node> {
    match (topology.scope.value, &role.group) {
        (Scope::Replica, Some(_)) | (Scope::Role, None) => role.options.topology_constraint.as_ref(),
        (Scope::Slice, _) => options.topology_constraint.as_ref(),
        (Scope::Replica, None) | (Scope::Role, Some(_)) => None,
    }
}

/// An option in place of what was there.
pub(super) fn replace(place: &mut Option<Node>, option: Option<&Node>, ledger: &mut Ledger) {
    let Some(option) = option else { return };
    if let Some(old) = place.replace(option.clone()) {
        ledger.supersede(&old.all_ids(), &option.ids);
    }
}

/// Reports constraints, as Grove spells them, that the webhook refuses or that the scheduler does not heed.
fn check_options(layout: &Layout<'_>, options: &Options, scheduling: &Scheduling, ledger: &mut Ledger) {
    let of_set = options.topology_constraint.as_ref();
    let mut all: Vec<(&Node, Vec<&Node>)> = of_set.map(|s| (s, Vec::new())).into_iter().collect();
    for role in &layout.roles {
        let of_role = role.options.topology_constraint.as_ref();
        all.extend(of_role.map(|r| (r, of_set.into_iter().collect())));
        let parents: Vec<&Node> = of_set
            .into_iter()
            .chain(of_role.filter(|_| role.group.is_some()))
            .collect();
        let own = role
            .cliques
            .iter()
            .filter_map(|c| c.options.topology_constraint.as_ref());
        all.extend(own.map(|c| (c, parents.clone())));
    }
    let name = |n: &Node| n.get("topologyName").and_then(Node::as_str).map(Str::from);
    let first = all.iter().find_map(|(n, _)| name(n));
    for (node, parents) in &all {
        let packs = |key: &str| {
            node.at(&["pack", key])
                .is_some_and(|d| d.as_str().is_some_and(|d| !d.is_empty()))
        };
        let wrong = match name(node) {
            _ if node.get("packDomain").is_some() => {
                "`packDomain` is refused on new objects: use `pack.required`"
            }
            _ if !packs("required") && !packs("preferred") => {
                "a constraint without `pack.required` or `pack.preferred`"
            }
            None if parents.iter().all(|p| name(p).is_none()) => {
                "a constraint without a `topologyName`, its own or its parent's"
            }
            Some(own) if first.as_ref() != Some(&own) => "two constraints of different topologies",
            _ => continue,
        };
        ledger.report(Diagnostic::new(&TOPOLOGY_OPTION, wrong).at_ids(&node.ids));
    }
    if let Some((node, _)) = all.first().filter(|_| !scheduling.packs()) {
        let refused = scheduling.effective != "default-scheduler";
        let (severity, what) = match refused {
            true => (Severity::Error, "refuses topology constraints"),
            false => (Severity::Warning, "does not heed topology constraints"),
        };
        let message = format!("`{}` {what}", scheduling.effective);
        ledger.report(
            Diagnostic::new(&TOPOLOGY_OPTION, message)
                .at_ids(&node.ids)
                .severity(severity)
                .outcome(Outcome::Dropped),
        );
    }
}

/// The binding of all constraints: the one that the options name, else the one that knows most of the labels.
fn binding<'a>(
    layout: &Layout<'_>,
    options: &Options,
    platform: &'a Platform,
) -> Option<&'a TopologyBinding> {
    let bindings = platform.topologies.as_deref().unwrap_or_default();
    if let Some(name) = &options.topology_name {
        return bindings
            .iter()
            .find(|b| b.name.as_ref().is_some_and(|n| n.value == name.value));
    }
    let keys = || {
        layout
            .roles
            .iter()
            .filter_map(|r| r.role.topology.as_ref())
            .map(|t| &t.key.value)
    };
    let known = |b: &TopologyBinding| keys().filter(|k| domain(b, k).is_some()).count();
    // Of equals, the first: `max_by_key` takes the last.
    bindings.iter().rev().max_by_key(|b| known(b))
}

fn domain(binding: &TopologyBinding, key: &str) -> Option<Domain> {
    let levels = binding.levels.iter().flatten().enumerate();
    let mut fitting = levels.filter(|(_, l)| l.key.as_ref().is_some_and(|k| k.value == key));
    let (level, found) = fitting.next()?;
    Some(Domain {
        name: found.domain.as_ref()?.value.clone(),
        level,
    })
}

fn constraint(options: &Options, binding: &TopologyBinding, domain: &Domain, topology: &Topology) -> Node {
    let Topology {
        key,
        scope,
        mode,
        exclusive: _,
    } = topology;
    let field = match mode.value {
        Strictness::Required => "required",
        Strictness::Preferred => "preferred",
    };
    let name = Traced::default_of(binding.name.as_ref().map(|n| n.value.clone()).unwrap_or_default());
    let name = name.and(
        &options
            .topology_name
            .as_ref()
            .map(|n| n.ids.clone())
            .unwrap_or_default(),
    );
    let domain = Traced::new(domain.name.clone(), key.ids.union(&mode.ids)).and(&scope.ids);
    let pack: Map = Map::from_iter([(field, domain)]);
    Map::from_iter([("topologyName", name.node()), ("pack", pack.into())]).into()
}

/// Where the key of a topology is written: what a role inherits stands before what it says itself.
fn written(topology: &Topology) -> Option<Id> {
    topology.key.ids.iter().last()
}

fn unbound(topology: &Topology, platform: &Platform, scheduling: &Scheduling, ledger: &mut Ledger) {
    let message = format!(
        "`{}` is kept by pod affinity, not by a topology constraint",
        topology.key.value
    );
    let ids = topology
        .key
        .ids
        .union(&topology.scope.ids)
        .union(&topology.mode.ids);
    let known = platform
        .topologies
        .iter()
        .flatten()
        .any(|b| domain(b, &topology.key.value).is_some());
    let (reason, remedy) = match known && !scheduling.packs() {
        true => (
            format!("the scheduler is `{}`, and KAI alone heeds topology constraints", scheduling.effective),
            "leave `schedulerName` out, or choose `kai-scheduler`",
        ),
        false if known => (
            "all constraints of a PodCliqueSet are of one ClusterTopologyBinding, and this node label is in another one".to_owned(),
            "name the binding with `targets.grove.topologyName`",
        ),
        false => (
            "no ClusterTopologyBinding is known that has this node label".to_owned(),
            "list the cluster's bindings in a Platform document: `spec: {grove: {topologies: [...]}}`",
        ),
    };
    let said = Diagnostic::new(&TOPOLOGY_UNBOUND, message)
        .at(written(topology))
        .at_ids(&ids)
        .outcome(Outcome::Emulated);
    ledger.report(said.reason(reason).remedy(remedy));
}

/// Affinity terms of a role.
struct Terms<'a> {
    serving: &'a Serving,
    role: &'a RoleLayout<'a>,
    topology: &'a Topology,
}

impl Terms<'_> {
    /// Near the pods of the same unit.
    fn together(&self, template: &mut Node) {
        let scope = self.topology.scope.value;
        let (role, keys): (bool, Vec<&str>) = match (scope, &self.role.group) {
            (Scope::Replica, None) => return,
            (Scope::Replica, Some(_)) => (true, vec![GROUP, GROUP_INDEX]),
            (Scope::Role, _) => (true, self.slice_key()),
            (Scope::Slice, _) => (false, self.slice_key()),
        };
        let mut term = self.selecting(role.then_some("In"));
        add_keys(&mut term, "matchLabelKeys", &keys);
        self.add(template, "podAffinity", term, &self.topology.scope.ids);
    }

    /// Away from the pods of other units of this serving (of other servings too where the unit is a slice).
    fn apart(&self, template: &mut Node) {
        let ids = self.topology.exclusive.ids.union(&self.topology.scope.ids);
        let mut add = |mut term: Map, same: &[&str], other: &[&str]| {
            add_keys(&mut term, "matchLabelKeys", same);
            add_keys(&mut term, "mismatchLabelKeys", other);
            self.add(template, "podAntiAffinity", term, &ids);
        };
        match (self.topology.scope.value, &self.role.group) {
            // Each pod is a replica: away from all others.
            (Scope::Replica, None) => add(self.selecting(None), &[], &[]),
            (Scope::Replica, Some(_)) => {
                add(self.selecting(None), &[], &[GROUP]);
                add(self.selecting(None), &[GROUP], &[GROUP_INDEX]);
            }
            (Scope::Role, _) => {
                add(self.selecting(Some("NotIn")), &[], &[]);
                if self.serving.slices.value > 1 {
                    add(self.selecting(Some("In")), &[], &[SLICE_INDEX]);
                }
            }
            (Scope::Slice, _) => {
                let exists =
                    Map::from_iter([("key", Node::from(SERVING_LABEL)), ("operator", "Exists".into())]);
                let others = expression(SERVING_LABEL, "NotIn", (&self.serving.name).into());
                add(
                    Map::from_iter([("matchExpressions", vec![Node::from(exists), others])]),
                    &[],
                    &[],
                );
                if self.serving.slices.value > 1 {
                    add(self.selecting(None), &[], &[SLICE_INDEX]);
                }
            }
        }
    }

    /// The label that tells slices apart, if there are several.
    fn slice_key(&self) -> Vec<&'static str> {
        if self.serving.slices.value > 1 {
            vec![SLICE_INDEX]
        } else {
            Vec::new()
        }
    }

    /// A label selector of this serving's pods, and of the role's alone or of all but the role's.
    fn selecting(&self, role: Option<&str>) -> Map {
        let mut labels = Map::from_iter([(SERVING_LABEL, Node::from(&self.serving.name))]);
        let name = || Node::from(&self.role.role.name);
        if role == Some("In") {
            labels.insert(ROLE_LABEL, name());
        }
        let mut selector = Map::from_iter([("matchLabels", Node::from(labels))]);
        if role == Some("NotIn") {
            selector.insert("matchExpressions", vec![expression(ROLE_LABEL, "NotIn", name())]);
        }
        selector
    }

    /// Adds a term, given as its label selector with the keys beside it.
    fn add(&self, template: &mut Node, kind: &str, mut selector: Map, ids: &Ids) {
        let keys: Vec<(Str, Node)> = ["matchLabelKeys", "mismatchLabelKeys"]
            .into_iter()
            .filter_map(|k| selector.remove(k).map(|v| (Str::from(k), v)))
            .collect();
        let mut term = Map::from_iter([("labelSelector", Node::from(selector))]);
        keys.into_iter()
            .for_each(|(key, value)| drop(term.insert(key, value)));
        term.insert("topologyKey", Node::derived(&self.topology.key, ids));
        let mode = &self.topology.mode;
        let (field, entry) = match mode.value {
            Strictness::Required => ("requiredDuringSchedulingIgnoredDuringExecution", term),
            Strictness::Preferred => {
                let weight = Node::derived(100u32, &mode.ids);
                let weighted = [("weight", weight), ("podAffinityTerm", term.into())];
                (
                    "preferredDuringSchedulingIgnoredDuringExecution",
                    Map::from_iter(weighted),
                )
            }
        };
        let list = template.at_mut(&["spec", "affinity", kind, field]);
        list.decided_by(&mode.ids);
        list.seq_mut().push(entry.into());
    }
}

fn add_keys(selector: &mut Map, field: &str, keys: &[&str]) {
    if !keys.is_empty() {
        selector.insert(field, keys.iter().map(|k| Node::from(*k)).collect::<Vec<Node>>());
    }
}

fn expression(key: &str, operator: &str, value: Node) -> Node {
    Map::from_iter([
        ("key", Node::from(key)),
        ("operator", operator.into()),
        ("values", vec![value].into()),
    ])
    .into()
}
