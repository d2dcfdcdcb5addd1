//! A lone clique or a scaling group as a role.

use super::gangs::Gangs;
use super::startup::Waits;
use super::units::{Unit, word};
use super::{Lift, NAME, filled, mapping, nvlink};
use crate::diagnostic::Diagnostic;
use crate::dialect::grove::admit::MNNVL_GROUP;
use crate::dialect::grove::codes::SPELLING;
use crate::dialect::grove::read::{Clique, Group};
use crate::dialect::lifting::{RoleDraft, phase_of};
use crate::spec::role::Phase;
use crate::value::{Map, Node, Str, Traced};

impl Lift<'_> {
    /// The role of a unit, and its phase.
    pub(super) fn role(
        &mut self,
        unit: &Unit<'_>,
        gangs: &Gangs,
        waits: Option<&Waits>,
        inherits: bool,
    ) -> (RoleDraft, Phase) {
        let own = unit.name();
        let phase = phase(unit);
        let mut role = RoleDraft::new(Node::derived(unit.role.clone(), &own.ids), phase);
        let (replicas, least) = unit.replicas();
        if replicas.value > 0 {
            role.set(&["replicas"], Some(number(unit, replicas)));
        }
        if let Some(waits) = waits {
            let list = Some(&waits.depends_on).filter(|d| !d.is_empty());
            role.set(&["dependsOn"], list.cloned());
            role.set(&["startup", "order"], waits.order.clone());
        }
        let mut topology = self.role_topology(unit);
        if let Some(word) = topology.as_mut().filter(|_| !inherits)
            && word.get("mode").and_then(Node::as_str) == Some("required")
        {
            word.map_mut().remove("mode");
        }
        role.set(&["scheduling", "topology"], topology);
        if own.value != unit.role {
            role.option(NAME, "name", Some(own.node()));
        }
        let (owner, path): (&Node, &[&str]) = match unit.group {
            Some(group) => (&group.written, &["minAvailable"]),
            None => (&unit.cliques[0].written, &["spec", "minAvailable"]),
        };
        let option = self.minimum(
            least,
            gangs.follows(unit),
            replicas.value,
            owner,
            path,
            gangs.made,
        );
        match unit.group {
            Some(group) => self.group(&mut role, group, unit, gangs, waits, option),
            None => self.lone(&mut role, unit.cliques[0], waits, option),
        }
        (role, phase)
    }

    fn lone(&mut self, role: &mut RoleDraft, clique: &Clique, waits: Option<&Waits>, minimum: Option<Node>) {
        let (template, nvlink) = self.template(clique);
        role.template(None::<Node>, template);
        role.option(NAME, "roleName", self.role_name(clique, &clique.name.value));
        role.option(NAME, "minAvailable", minimum);
        let after = waits.and_then(|w| w.own.first()).cloned().flatten();
        role.option(NAME, "startsAfter", after);
        role.option(NAME, "mnnvlGroup", nvlink);
        role.option(
            NAME,
            "topologyConstraint",
            filled(clique.written.get("topologyConstraint")),
        );
        let sharing = filled(clique.written.get("resourceSharing"));
        self.devices(sharing.as_ref());
        role.option(NAME, "resourceSharing", sharing);
        if let Some(scaling) = &clique.scaling {
            let node = clique
                .written
                .at(&["spec", "autoScalingConfig"])
                .cloned()
                .unwrap_or_default();
            self.scaling(role, scaling, &clique.replicas, &node);
        }
    }

    fn group(
        &mut self,
        role: &mut RoleDraft,
        group: &Group,
        unit: &Unit<'_>,
        gangs: &Gangs,
        waits: Option<&Waits>,
        minimum: Option<Node>,
    ) {
        let mut options = Vec::new();
        for (n, clique) in unit.cliques.iter().enumerate() {
            let (template, nvlink) = self.template(clique);
            let name = member_name(unit, n);
            let count = Some(number_of(
                &clique.written,
                &["spec", "replicas"],
                &clique.replicas,
            ));
            role.member(
                Node::derived(name.clone(), &clique.name.ids),
                count.filter(|c| c.as_int() != Some(1)),
                template,
            );
            let does = clique_phase(clique);
            if mixed(unit) && matches!(does, Phase::Prefill | Phase::Decode) {
                let members = role.0.at_mut(&["members"]).seq_mut();
                members
                    .iter_mut()
                    .skip(n)
                    .for_each(|m| m.set("phase", does.as_str()));
            }
            let after = waits.and_then(|w| w.own.get(n)).cloned().flatten();
            options.extend(self.clique_options(clique, &name, after, nvlink, gangs));
        }
        if unit.size() == 1 {
            role.option(NAME, "scalingGroup", Some(true));
        }
        role.option(NAME, "minAvailable", minimum);
        let mut annotations = group.annotations.clone();
        let nvlink_group = annotations.remove(MNNVL_GROUP);
        if let Some(group) = &nvlink_group {
            self.lost(&group.ids, nvlink());
        }
        role.option(NAME, "mnnvlGroup", nvlink_group);
        if !annotations.is_empty() {
            let annotations = Node::from(annotations);
            let said = Diagnostic::new(&SPELLING, "annotations of the PodCliqueScalingGroup");
            self.lost(&annotations.all_ids(), said);
            role.option(NAME, "annotations", Some(annotations));
        }
        role.option(
            NAME,
            "topologyConstraint",
            filled(group.written.get("topologyConstraint")),
        );
        let sharing = filled(group.written.get("resourceSharing"));
        self.devices(sharing.as_ref());
        role.option(NAME, "resourceSharing", sharing);
        role.option(NAME, "cliques", Some(options).filter(|o| !o.is_empty()));
        if let Some(scaling) = &group.scaling {
            let node = group.written.get("scaleConfig").cloned().unwrap_or_default();
            self.scaling(role, scaling, &group.replicas, &node);
        }
    }

    /// The options of a member, if there are any.
    fn clique_options(
        &mut self,
        clique: &Clique,
        member: &Str,
        after: Option<Node>,
        nvlink: Option<Node>,
        gangs: &Gangs,
    ) -> Option<Node> {
        let pods = clique.replicas.value;
        let path = &["spec", "minAvailable"];
        let least = self.minimum(
            &clique.min_available,
            pods,
            pods,
            &clique.written,
            path,
            gangs.made,
        );
        let sharing = filled(clique.written.get("resourceSharing"));
        self.devices(sharing.as_ref());
        let constraint = filled(clique.written.get("topologyConstraint"));
        if let Some(node) = &constraint {
            self.member_topology(node);
        }
        let name = (*member != clique.name.value).then(|| clique.name.node());
        let own = mapping([
            ("name", name),
            ("roleName", self.role_name(clique, &clique.name.value)),
            ("minAvailable", least),
            ("startsAfter", after),
            ("topologyConstraint", constraint),
            ("resourceSharing", sharing),
            ("mnnvlGroup", nvlink),
        ]);
        if own.is_empty() {
            return None;
        }
        let mut options = Map::from_iter([("member", Node::from(member.clone()))]);
        own.iter()
            .for_each(|(key, value)| drop(options.insert(key.clone(), value.clone())));
        Some(options.into())
    }

    /// The role name, if it is not the clique's.
    fn role_name(&mut self, clique: &Clique, name: &str) -> Option<Node> {
        let written = clique.written.at(&["spec", "roleName"]).filter(|n| !n.is_null());
        let Some(written) = written else {
            return Some(Node::from(""));
        };
        let said = Diagnostic::new(&SPELLING, "`roleName` of the clique");
        self.lost(&written.ids, said);
        (written.as_str()? != name).then(|| written.clone())
    }

    /// The pod template of a clique, and its MNNVL group.
    fn template(&mut self, clique: &Clique) -> (Node, Option<Node>) {
        let mut metadata = Map::new();
        let own = |key: &str| {
            clique
                .written
                .get(key)
                .filter(|n| n.as_map().is_some_and(|m| !m.is_empty()))
        };
        metadata.insert_some("labels", own("labels").cloned());
        let mut annotations = own("annotations").cloned();
        let nvlink_group = annotations.as_mut().and_then(|a| a.map_mut().remove(MNNVL_GROUP));
        if let Some(group) = &nvlink_group {
            self.lost(&group.ids, nvlink());
        }
        metadata.insert_some(
            "annotations",
            annotations.filter(|a| a.as_map().is_some_and(|m| !m.is_empty())),
        );
        let mut template = Map::new();
        if !metadata.is_empty() {
            template.insert("metadata", metadata);
        }
        template.insert_some("spec", clique.written.at(&["spec", "podSpec"]).cloned());
        (template.into(), nvlink_group)
    }
}

/// The replicas of a unit, as they are written if they hold.
fn number(unit: &Unit<'_>, replicas: &Traced<i64>) -> Node {
    match unit.group {
        Some(group) => number_of(&group.written, &["replicas"], replicas),
        None => number_of(&unit.cliques[0].written, &["spec", "replicas"], replicas),
    }
}

fn number_of(owner: &Node, path: &[&str], value: &Traced<i64>) -> Node {
    match owner.at(path) {
        Some(node) if node.as_int() == Some(value.value) => node.clone(),
        Some(node) => Node::derived(value.value, &node.ids),
        None => Node::from(value.value),
    }
}

/// The name of a member: the clique's, as the language has it and unique in the role.
fn member_name(unit: &Unit<'_>, at: usize) -> Str {
    let name = word(&unit.cliques[at].name.value);
    let taken = unit.cliques[..at].iter().any(|c| word(&c.name.value) == name);
    if taken {
        format!("{name}-{at}").into()
    } else {
        name
    }
}

fn clique_phase(clique: &Clique) -> Phase {
    let template = Map::from_iter([("spec", clique.pod_spec.clone())]);
    phase_of(&clique.name.value, &template.into())
}

/// Whether each replica has prefill and decode in it.
fn mixed(unit: &Unit<'_>) -> bool {
    let has = |phase| unit.cliques.iter().any(|c| clique_phase(c) == phase);
    has(Phase::Prefill) && has(Phase::Decode)
}

/// What a role does: what all of its cliques do, or what its name says. One with prefill and decode in it answers whole
/// requests.
fn phase(unit: &Unit<'_>) -> Phase {
    if mixed(unit) {
        return Phase::Aggregated;
    }
    let mut phases = unit.cliques.iter().map(|c| clique_phase(c));
    let by_name = phase_of(&unit.name().value, &Node::default());
    let known = phases.find(|p| *p != Phase::Other);
    match by_name {
        Phase::Other | Phase::Aggregated => known.unwrap_or(by_name),
        named => named,
    }
}
