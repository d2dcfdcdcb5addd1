//! Rules about topology constraints.

use super::Rules;
use crate::dialect::grove::codes::{TOPOLOGY_CONFLICT, TOPOLOGY_OPTION, TOPOLOGY_UNBOUND};
use crate::dialect::grove::operator::Binding;
use crate::dialect::grove::read::{Constraint, Group};
use crate::value::{Str, Traced};

impl Rules<'_> {
    pub(super) fn topology(&mut self) {
        let set = self.set;
        if set.constraints().next().is_none() {
            return;
        }
        for constraint in set.constraints() {
            self.shape(constraint);
        }
        if self.operator.without_topology() {
            for constraint in set.constraints() {
                let reason =
                    "topology constraints are refused: the operator has `topologyAwareScheduling` off";
                self.say(&TOPOLOGY_OPTION, &constraint.ids, reason);
            }
            return;
        }
        let Some(name) = self.topology_name() else { return };
        let Binding::Known(levels) = self.operator.binding(&name.value, self.scene) else {
            if self.operator.binding(&name.value, self.scene) == Binding::Missing {
                let reason = format!("there is no ClusterTopologyBinding `{}`", name.value);
                self.say(&TOPOLOGY_UNBOUND, &name.ids, reason);
            }
            return;
        };
        let domains: Vec<Str> = levels.into_iter().map(|(domain, _)| domain).collect();
        for constraint in set.constraints() {
            let named = [
                &constraint.required,
                &constraint.preferred,
                &constraint.pack_domain,
            ];
            for domain in named
                .into_iter()
                .flatten()
                .filter(|d| !domains.contains(&d.value))
            {
                let reason = format!(
                    "the ClusterTopologyBinding `{}` has no domain `{}`: {}",
                    name.value,
                    domain.value,
                    domains.join(", ")
                );
                self.say(&TOPOLOGY_OPTION, &domain.ids, reason);
            }
        }
        self.hierarchy(&domains);
    }

    /// What the CRD's own rules refuse.
    fn shape(&mut self, constraint: &Constraint) {
        let reason = match constraint {
            Constraint {
                pack_domain: Some(_),
                required: Some(_),
                ..
            } => "`pack.required` and `packDomain` exclude each other",
            Constraint {
                pack_domain: Some(_), ..
            } => "`packDomain` is refused on new objects; use `pack.required`",
            Constraint { pack: false, .. } => "a `topologyConstraint` has a `pack`",
            Constraint {
                required: None,
                preferred: None,
                ..
            } => "`pack` has `required` or `preferred`",
            _ => return,
        };
        self.say(&TOPOLOGY_OPTION, &constraint.ids, reason);
    }

    /// The binding of all constraints. A constraint without a name has that of what it stands in.
    fn topology_name(&mut self) -> Option<Traced<Str>> {
        let set = self.set;
        let of = |c: &Option<Constraint>| c.as_ref().and_then(|c| c.topology_name.clone());
        let of_set = of(&set.topology);
        let mut first: Option<Traced<Str>> = None;
        let mut whole = true;
        let mut take = |constraint: &Constraint, inherited: Option<Traced<Str>>, rules: &mut Self| {
            let Some(name) = constraint.topology_name.clone().or(inherited) else {
                let reason =
                    "a `topologyConstraint` has a `topologyName`, its own or that of what it stands in";
                rules.say(&TOPOLOGY_OPTION, &constraint.ids, reason);
                whole = false;
                return;
            };
            match &first {
                Some(other) if other.value != name.value => {
                    let reason = format!(
                        "the constraints name the bindings `{}` and `{}`",
                        other.value, name.value
                    );
                    rules.say(&TOPOLOGY_CONFLICT, &name.ids, reason);
                    whole = false;
                }
                Some(_) => {}
                None => first = Some(name),
            }
        };
        for constraint in set.topology.iter() {
            take(constraint, None, self);
        }
        for group in &set.groups {
            for constraint in group.topology.iter() {
                take(constraint, of_set.clone(), self);
            }
        }
        for clique in &set.cliques {
            let group: Option<&Group> = set.group_of(&clique.name.value);
            let inherited = group.and_then(|g| of(&g.topology)).or_else(|| of_set.clone());
            for constraint in clique.topology.iter() {
                take(constraint, inherited.clone(), self);
            }
        }
        first.filter(|_| whole)
    }

    /// A part is not packed into a broader domain than the whole.
    fn hierarchy(&mut self, domains: &[Str]) {
        let set = self.set;
        let groups = set.groups.iter().filter_map(|g| g.topology.as_ref());
        let cliques = || set.cliques.iter().filter_map(|c| c.topology.as_ref());
        if let Some(whole) = &set.topology {
            for part in cliques().chain(groups) {
                self.narrower(whole, part, domains);
            }
        }
        for group in &set.groups {
            let Some(whole) = &group.topology else { continue };
            for part in group.members(set).filter_map(|c| c.topology.as_ref()) {
                self.narrower(whole, part, domains);
            }
        }
    }

    fn narrower(&mut self, whole: &Constraint, part: &Constraint, domains: &[Str]) {
        let pairs = [
            (whole.required(), part.required()),
            (whole.preferred.as_ref(), part.preferred.as_ref()),
        ];
        let level = |d: &Traced<Str>| domains.iter().position(|x| *x == d.value);
        for (whole, part) in pairs {
            let Some((whole, part)) = whole.zip(part) else {
                continue;
            };
            if level(whole).zip(level(part)).is_some_and(|(w, p)| w > p) {
                let reason = format!(
                    "the domain `{}` of a part is broader than `{}` of the whole",
                    part.value, whole.value
                );
                self.say(&TOPOLOGY_CONFLICT, &part.ids, reason);
            }
        }
    }
}
