//! Topology constraints: a word where the node label of the domain is known, and always the option that is exact.

use super::Lift;
use super::units::Unit;
use crate::diagnostic::{Diagnostic, Severity};
use crate::dialect::grove::codes::PLACEMENT;
use crate::dialect::grove::operator::Binding;
use crate::dialect::grove::read::Constraint;
use crate::value::{Map, Node, Str, Traced};

/// Domains that mean the same in every cluster.
const WELL_KNOWN: [(&str, &str); 3] = [
    ("host", "kubernetes.io/hostname"),
    ("zone", "topology.kubernetes.io/zone"),
    ("region", "topology.kubernetes.io/region"),
];

impl Lift<'_> {
    /// The word for the set's constraint, if some role has no narrower one in its place.
    pub(super) fn slice_topology(&mut self, units: &[Unit<'_>]) -> Option<Node> {
        let constraint = self.set.topology.clone()?;
        let word = self.word(&constraint, None, "slice");
        let own = |u: &Unit<'_>| {
            self.of_unit(u)
                .is_some_and(|c| self.key(c, self.inherited()).is_some())
        };
        word.filter(|_| !units.iter().all(own))
    }

    /// The word for the constraint of a scaling group or lone clique.
    pub(super) fn role_topology(&mut self, unit: &Unit<'_>) -> Option<Node> {
        let constraint = self.of_unit(unit)?.clone();
        let scope = if unit.group.is_some() { "replica" } else { "role" };
        let inherited = self.inherited().cloned();
        self.word(&constraint, inherited.as_ref(), scope)
    }

    /// Says that the constraint of a member is lost: the language has none for a part of a replica.
    pub(super) fn member_topology(&mut self, node: &Node) {
        let said = Diagnostic::new(&PLACEMENT, "pods of one member within one domain");
        self.lost(
            &node.all_ids(),
            said.remedy("`scheduling.topology` of the role, or affinity of the pods"),
        );
    }

    fn of_unit<'b>(&self, unit: &Unit<'b>) -> Option<&'b Constraint> {
        match unit.group {
            Some(group) => group.topology.as_ref(),
            None => unit.cliques[0].topology.as_ref(),
        }
    }

    fn inherited(&self) -> Option<&Traced<Str>> {
        self.set.topology.as_ref().and_then(|t| t.topology_name.as_ref())
    }

    /// The node label of the constraint's domain, and the domain.
    fn key<'b>(
        &self,
        constraint: &'b Constraint,
        inherited: Option<&Traced<Str>>,
    ) -> Option<(Str, &'b Traced<Str>)> {
        let domain = constraint.required().or(constraint.preferred.as_ref())?;
        let name = constraint.topology_name.as_ref().or(inherited);
        let binding = name.map_or(Binding::Unknown, |n| self.operator.binding(&n.value, self.scene));
        let key = match binding {
            Binding::Known(levels) => levels
                .into_iter()
                .find(|(d, _)| *d == domain.value)
                .map(|(_, key)| key),
            Binding::Missing | Binding::Unknown => {
                let known = WELL_KNOWN.iter().find(|(d, _)| *d == domain.value);
                known.map(|(_, key)| Str::from(*key))
            }
        };
        Some((key?, domain))
    }

    fn word(
        &mut self,
        constraint: &Constraint,
        inherited: Option<&Traced<Str>>,
        scope: &'static str,
    ) -> Option<Node> {
        let both = constraint.required().is_some();
        let Some((key, domain)) = self.key(constraint, inherited) else {
            let domain = constraint.required().or(constraint.preferred.as_ref())?;
            let message = format!("which node label the domain `{}` is, is not known", domain.value);
            let said = Diagnostic::new(&PLACEMENT, message).remedy(
                "add the ClusterTopologyBinding to the input or to the Platform document, or write `scheduling.topology`",
            );
            self.lost(&domain.ids, said.clone());
            self.binding_lost(constraint, Severity::Warning);
            return None;
        };
        self.binding_lost(constraint, Severity::Note);
        if let Some(preferred) = constraint.preferred.as_ref().filter(|_| both) {
            let message = format!(
                "within the domain, pods near each other in `{}` where possible",
                preferred.value
            );
            let said = Diagnostic::new(&PLACEMENT, message);
            self.lost(
                &preferred.ids,
                said.reason("a role of the language has one constraint"),
            );
        }
        let mut word = Map::from_iter([("key", Node::derived(key, &domain.ids)), ("scope", scope.into())]);
        let mode = if both { "required" } else { "preferred" };
        // A role inherits what it does not say.
        if !both || scope != "slice" {
            word.insert("mode", Node::derived(mode, &domain.ids));
        }
        Some(word.into())
    }

    fn binding_lost(&mut self, constraint: &Constraint, severity: Severity) {
        let Some(name) = &constraint.topology_name else {
            return;
        };
        let message = format!("domains are those of the ClusterTopologyBinding `{}`", name.value);
        let said = Diagnostic::new(&PLACEMENT, message).severity(severity);
        self.lost(&name.ids, said);
    }
}
