//! How the pods of an instance are described.

use super::codes::OPTION;
use super::names;
use super::options::{AddressedBy, InstancePattern, Pattern, RoleOptions, ServiceSelection, WorkloadKind};
use super::said;
use crate::diagnostic::Ledger;
use crate::ir::{Member, Role, Serving};
use crate::value::{Ids, Map, Node, Piece, Reference, Str, Traced, Value};

/// A role and what was decided about it.
#[derive(Debug)]
pub struct RolePlan<'a> {
    /// The role.
    pub role: &'a Role,
    /// Its options.
    pub options: RoleOptions,
    /// The pattern.
    pub pattern: Pattern,
    /// What the role becomes.
    pub workload: WorkloadKind,
    /// Which pods have DNS names, for leader and workers.
    pub selection: ServiceSelection,
    /// What decided the pattern.
    pub ids: Ids,
}

/// Decides for each role; reports options that do not fit.
pub fn plans<'a>(serving: &'a Serving, options: Vec<RoleOptions>, ledger: &mut Ledger) -> Vec<RolePlan<'a>> {
    let plan = |(role, options): (&'a Role, RoleOptions)| {
        let pattern = pattern(role, &options, ledger);
        let workload = workload(role, pattern, &options, ledger);
        let mut ids = options
            .pattern
            .as_ref()
            .map(|p| p.ids.clone())
            .unwrap_or_default();
        ids.merge(&addressed(role, &options, ledger));
        let selection = selection(serving, role, pattern, &options, ledger);
        RolePlan {
            role,
            options,
            pattern,
            workload,
            selection,
            ids,
        }
    };
    serving.roles.iter().zip(options).map(plan).collect()
}

/// Standalone for one pod, leader and workers where two templates are enough, else components. A startup order is
/// between components.
fn pattern(role: &Role, options: &RoleOptions, ledger: &mut Ledger) -> Pattern {
    let pair = match role.members.as_slice() {
        [_] => true,
        [leader, _] => leader.count.value == 1,
        _ => false,
    };
    let fitting = match role.startup {
        None if !role.multi_node() => Pattern::Standalone,
        // Pods of one kind cannot wait for each other.
        _ if pair && (role.startup.is_none() || role.members.len() == 1) => Pattern::LeaderWorker,
        _ => Pattern::CustomComponents,
    };
    let Some(asked) = &options.pattern else {
        return fitting;
    };
    let fits = match asked.value {
        Pattern::Standalone => fitting == Pattern::Standalone,
        Pattern::LeaderWorker => pair && (role.startup.is_none() || role.members.len() == 1),
        Pattern::CustomComponents => true,
    };
    if !fits {
        let message = format!(
            "`{}` does not fit the pods of role `{}`",
            asked.value.as_str(),
            role.name.value
        );
        let entry = said(&OPTION, message).at_ids(&asked.ids);
        let entry = entry.label(
            role.startup.as_ref().and_then(Traced::at),
            "a startup order needs custom components",
        );
        ledger.report(entry.remedy(format!("`{}` fits", fitting.as_str())));
    }
    if fits { asked.value } else { fitting }
}

/// What the role becomes; one of a deprecated kind has one pod an instance, or is a LeaderWorkerSet.
fn workload(role: &Role, pattern: Pattern, options: &RoleOptions, ledger: &mut Ledger) -> WorkloadKind {
    let Some(asked) = &options.workload else {
        return WorkloadKind::RoleInstanceSet;
    };
    let fits = match asked.value {
        WorkloadKind::RoleInstanceSet => true,
        WorkloadKind::StatefulSet | WorkloadKind::Deployment => pattern == Pattern::Standalone,
        WorkloadKind::LeaderWorkerSet => pattern != Pattern::CustomComponents,
    };
    if !fits {
        let (kind, name) = (asked.value.as_str(), &role.name.value);
        let message = format!("a {kind} does not fit the pods of role `{name}`");
        ledger.report(
            said(&OPTION, message)
                .at_ids(&asked.ids)
                .remedy("leave out `workload`"),
        );
        return WorkloadKind::RoleInstanceSet;
    }
    asked.value
}

/// What asked for another address than the pod's. The headless Service of a role names one pod only if there is one.
fn addressed(role: &Role, options: &RoleOptions, ledger: &mut Ledger) -> Ids {
    let Some(asked) = &options.addressed_by else {
        return Ids::none();
    };
    if asked.value == AddressedBy::Service && role.replicas.value > 1 {
        let message = format!(
            "the Service of `{}` names {} instances, not one",
            role.name.value, role.replicas.value
        );
        ledger.report(
            said(&OPTION, message)
                .at_ids(&asked.ids)
                .remedy("`addressedBy: pod`"),
        );
    }
    asked.ids.clone()
}

/// Leaders alone, unless something refers to a worker.
fn selection(
    serving: &Serving,
    role: &Role,
    pattern: Pattern,
    options: &RoleOptions,
    ledger: &mut Ledger,
) -> ServiceSelection {
    let needed = pattern == Pattern::LeaderWorker && refers_to_workers(serving, role);
    let fitting = if needed {
        ServiceSelection::All
    } else {
        ServiceSelection::LeaderOnly
    };
    let Some(asked) = &options.shared_service_selection else {
        return fitting;
    };
    let message = match asked.value {
        _ if pattern != Pattern::LeaderWorker => "`sharedServiceSelection` is for leader and workers",
        ServiceSelection::LeaderOnly if needed => {
            "workers need DNS names: a reference of the spec or its engine names them"
        }
        _ => return asked.value,
    };
    ledger.report(said(&OPTION, message).at_ids(&asked.ids));
    fitting
}

fn refers_to_workers(serving: &Serving, role: &Role) -> bool {
    let mut found = false;
    for asking in &serving.roles {
        for template in asking.members.iter().map(|m| &m.template) {
            template.walk(&mut |node| {
                let Value::Text(text) = &node.value else { return };
                found |= text.iter().any(|piece| match piece {
                    Piece::Reference(Reference::Peers { .. }) => asking.name.value == role.name.value,
                    Piece::Reference(Reference::Address {
                        role: named, rank, ..
                    }) => *named == role.name.value && *rank > 0,
                    _ => false,
                });
            });
        }
    }
    found
}

impl RolePlan<'_> {
    /// Whether instances have random names.
    pub fn stateless(&self) -> bool {
        let by_workload = self.workload == WorkloadKind::Deployment;
        by_workload || self.random_names()
    }

    fn random_names(&self) -> bool {
        self.options
            .instance_pattern
            .as_ref()
            .is_some_and(|p| p.value == InstancePattern::Stateless)
    }

    /// The name of the component that a member's pods belong to.
    pub fn component(&self, member: usize) -> Str {
        match (self.pattern, member) {
            (Pattern::Standalone, _) => self.role.name.value.clone(),
            (Pattern::LeaderWorker, 0) => "leader".into(),
            (Pattern::LeaderWorker, _) => "worker".into(),
            (Pattern::CustomComponents, n) => self
                .role
                .members
                .get(n)
                .map(|m| m.name.value.clone())
                .unwrap_or_default(),
        }
    }

    /// What the name of the pod of that rank has behind the name of its instance; nothing if there is no such pod.
    pub fn suffix(&self, rank: u32) -> Option<String> {
        let mut first = 0;
        for Member { name, count, .. } in &self.role.members {
            let index = rank.checked_sub(first)?;
            if index < count.value {
                return Some(match self.pattern {
                    Pattern::Standalone => String::new(),
                    Pattern::LeaderWorker if self.workload == WorkloadKind::LeaderWorkerSet && rank == 0 => {
                        String::new()
                    }
                    Pattern::LeaderWorker => format!("-{rank}"),
                    Pattern::CustomComponents => format!("-{}-{index}", name.value),
                });
            }
            first += count.value;
        }
        None
    }

    /// The suffixes of the last pods of each member, which are the longest.
    pub fn suffixes(&self) -> impl Iterator<Item = String> {
        let counts = self.role.members.iter().map(|m| m.count.value);
        let lasts = counts.scan(0u32, |sum, count| {
            *sum = sum.saturating_add(count);
            Some(sum.saturating_sub(1))
        });
        lasts.filter_map(|rank| self.suffix(rank))
    }

    /// The name of a pod behind that of its group, or why it has none.
    pub fn pod(&self, group: &str, replica: u32, rank: u32) -> Result<String, String> {
        let role = &self.role.name.value;
        if self.stateless() {
            return Err(format!("the instances of `{role}` have random names"));
        }
        if replica >= self.role.replicas.value {
            return Err(format!("`{role}` has {} replicas", self.role.replicas.value));
        }
        let suffix = self
            .suffix(rank)
            .ok_or_else(|| format!("a replica of `{role}` has {} pods", self.role.size().value))?;
        Ok(format!("{}-{replica}{suffix}", names::workload(group, role)))
    }

    /// The Service of the DNS names of its pods.
    pub fn service(&self, group: &str) -> String {
        let role = &self.role.name.value;
        match self.workload {
            WorkloadKind::LeaderWorkerSet => names::workload(group, role),
            _ => names::headless(group, role),
        }
    }

    /// Whether others reach its only instance by the Service.
    pub fn by_service(&self) -> bool {
        let asked = self.options.addressed_by.as_ref();
        asked.is_some_and(|a| a.value == AddressedBy::Service) && self.role.replicas.value == 1
    }

    /// The labels of its pods that answer requests, in one group.
    pub fn selector(&self, group: impl Into<Node>) -> Map {
        let mut labels = Map::new();
        labels.insert(names::GROUP_NAME, group);
        labels.insert(names::ROLE_NAME, &self.role.name);
        if self.role.members.iter().any(|m| !m.serves) {
            labels.insert(names::COMPONENT_NAME, self.component(0));
        }
        labels
    }
}
