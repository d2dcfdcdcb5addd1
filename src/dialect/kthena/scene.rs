//! What all parts of the lowering look at.

use super::options::{Options, Platform, RoleOptions};
use crate::ir::{Role, Serving};
use crate::spec::policy::Scaling;
use crate::value::{Str, Traced};

/// The names of roles in the ModelServing.
pub struct Names(Vec<(Str, Traced<Str>)>);

impl Names {
    /// Of roles by their names in the spec: the option's, else the spec's.
    pub fn new(roles: &[Lowered<'_>]) -> Self {
        Self(
            roles
                .iter()
                .map(|r| (r.role.name.value.clone(), r.name.clone()))
                .collect(),
        )
    }

    /// The role's name in the ModelServing.
    pub fn of(&self, role: &str) -> Str {
        self.0
            .iter()
            .find(|(spec, _)| spec == role)
            .map_or_else(|| role.into(), |(_, name)| name.value.clone())
    }
}

/// A role and what only Kthena is told about it.
pub struct Lowered<'a> {
    /// The role.
    pub role: &'a Role,
    /// Its options.
    pub options: RoleOptions,
    /// Its name in the ModelServing.
    pub name: Traced<Str>,
}

/// What all parts of the lowering look at.
pub struct Scene<'a> {
    /// The workload.
    pub serving: &'a Serving,
    /// Options of the workload.
    pub options: Options,
    /// How the operators run.
    pub platform: Platform,
    /// The roles of the ModelServing.
    pub roles: Vec<Lowered<'a>>,
}

impl Scene<'_> {
    /// The most ServingGroups that the workload may come to have.
    pub fn most_groups(&self) -> u32 {
        let most = self.scaling().and_then(|s| s.max_replicas.as_ref());
        most.map_or(0, |m| m.value.0).max(self.serving.slices.value)
    }

    /// The fewest ServingGroups that the workload may come to have.
    pub fn fewest_groups(&self) -> u32 {
        let fewest = self
            .scaling()
            .map(|s| s.min_replicas.as_ref().map_or(1, |m| m.value.0));
        fewest.unwrap_or(u32::MAX).min(self.serving.slices.value)
    }

    /// Scaling of slices.
    fn scaling(&self) -> Option<&Scaling> {
        self.options.autoscaling.as_ref()?.slices.as_ref()
    }
}
