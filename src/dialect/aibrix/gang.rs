//! Gangs: a PodGroup for each RoleSet, or for each replica of several pods.
//!
//! The controllers write PodGroups as they are told: `minMember` counts pods and is never computed for us, pods get the
//! group's label and no scheduler. A role's own strategy is honoured for groups of pods only.

use super::codes::{GANG_LOSS, GANG_MIX, GANG_SCALING};
use super::lowering::Lowering;
use super::options::GangScheduler;
use crate::diagnostic::{Diagnostic, Ledger, Outcome, Severity};
use crate::ir::Role;
use crate::spec::policy::Scope;
use crate::value::{Ids, Map, Node, Str, Traced};

/// The gangs of a workload.
#[derive(Default)]
pub struct Gangs {
    /// The scheduling strategy of the RoleSet.
    pub role_set: Option<Node>,
    /// Whether the pods of roles are told apart in the RoleSet's PodGroup.
    pub tasks: bool,
    /// The scheduling strategy of each role, by index.
    roles: Vec<Option<Node>>,
}

impl Gangs {
    /// The scheduling strategy of a role.
    pub fn of(&self, index: usize) -> Option<&Node> {
        self.roles.get(index).and_then(Option::as_ref)
    }

    /// Whether the pods of a role are in some PodGroup.
    pub fn holds(&self, index: usize) -> bool {
        self.role_set.is_some() || self.of(index).is_some()
    }
}

/// A role whose replicas are gangs, beside one in a gang of several roles.
fn say_mixed(narrow: &Role, wide: &Role, ledger: &mut Ledger) {
    let scope = |r: &Role| {
        let gang = r.gang.as_ref();
        gang.map(|g| g.ids.union(&g.scope.ids)).unwrap_or_default()
    };
    let message = format!(
        "`{}` is a gang by replica and `{}` is part of a larger one",
        narrow.name.value, wide.name.value
    );
    let said = Diagnostic::new(&GANG_MIX, message).at_ids(&scope(wide));
    ledger.report(said.label(scope(narrow).first(), "the other one"));
}

/// A gang whose roles may all be scaled to nothing.
fn say_no_members(roles: &[&Role], counted: &Ids, ledger: &mut Ledger) {
    let message = "the gang's roles may have no replicas, so no gang is made";
    let said = Diagnostic::new(&GANG_SCALING, message).severity(Severity::Warning);
    let mut at = Ids::none();
    for gang in roles.iter().filter_map(|r| r.gang.as_ref()) {
        at.merge(&gang.ids.union(&gang.scope.ids));
        gang.timeout.iter().for_each(|t| at.merge(&t.ids));
    }
    ledger.report(said.at_ids(&at).at_ids(counted).outcome(Outcome::Dropped));
}

impl Lowering<'_> {
    /// The gangs that the roles ask for.
    pub fn gangs(&self, ledger: &mut Ledger) -> Gangs {
        let narrow = |r: &&Role| r.gang.as_ref().is_some_and(|g| g.scope.value == Scope::Replica);
        let scoped = |r: &Role, scope| r.gang.as_ref().is_some_and(|g| g.scope.value == scope);
        let slice = self.serving.roles.iter().any(|r| scoped(r, Scope::Slice));
        // A router that the compiler added is part of the slice, too.
        let wide = |r: &&Role| scoped(r, Scope::Slice) || scoped(r, Scope::Role) || (r.implicit && slice);
        let (narrow, wide): (Vec<&Role>, Vec<&Role>) = (
            self.serving.roles.iter().filter(narrow).collect(),
            self.serving.roles.iter().filter(wide).collect(),
        );
        if let (Some(a), Some(b)) = (narrow.first(), wide.first()) {
            say_mixed(a, b, ledger);
        }
        self.check_gangs(ledger);
        let per_role = |r: &Role| {
            let gang = r.gang.as_ref().filter(|g| g.scope.value == Scope::Replica)?;
            let count = r.size().and(&gang.ids).and(&gang.scope.ids);
            Some(self.strategy(&count, None, &[r], ledger))
        };
        let roles: Vec<Option<Node>> = self.serving.roles.iter().map(per_role).collect();
        let (role_set, tasks) = if narrow.is_empty() {
            self.role_set_gang(&wide, ledger)
        } else {
            (None, false)
        };
        Gangs {
            role_set,
            tasks,
            roles,
        }
    }

    /// Whether this version of AIBrix has gangs that work.
    fn check_gangs(&self, ledger: &mut Ledger) {
        let Some(gang) = self.serving.roles.iter().find_map(|r| r.gang.as_ref()) else {
            return;
        };
        let volcano = self.gang_scheduler().value == GangScheduler::Volcano;
        let lacking = if !self.version.groups() {
            "gangs of its present form"
        } else if volcano && !self.version.volcano() {
            "working gangs by Volcano (its pods carry the wrong key)"
        } else {
            return;
        };
        self.lacks(lacking, Severity::Error, &gang.ids.union(&gang.scope.ids), ledger);
    }

    /// The gang of a RoleSet, and whether it tells roles apart.
    fn role_set_gang(&self, wide: &[&Role], ledger: &mut Ledger) -> (Option<Node>, bool) {
        if wide.is_empty() {
            return (None, false);
        }
        let volcano = self.gang_scheduler().value == GangScheduler::Volcano;
        let partial = wide.len() < self.serving.roles.len();
        let counts: Vec<(Str, Traced<u32>)> = wide
            .iter()
            .map(|r| (self.role_name(r).value, self.gang_members(r, ledger)))
            .collect();
        let zero = Traced::default_of(0);
        let total = counts
            .iter()
            .fold(zero, |sum, (_, c)| sum.zip(c, |a: &u32, b| a.saturating_add(*b)));
        if total.value == 0 {
            say_no_members(wide, &total.ids, ledger);
            return (None, false);
        }
        let tasks = partial.then(|| {
            let counts = counts
                .iter()
                .filter(|(_, c)| c.value > 0)
                .map(|(name, c)| (name.clone(), c.node()));
            counts.collect::<Map>()
        });
        if partial && !volcano {
            let ids = wide
                .iter()
                .filter_map(|r| r.gang.as_ref())
                .fold(Ids::none(), |ids, g| ids.union(&g.ids).union(&g.scope.ids));
            let message = format!(
                "{} counts any {} pods of the RoleSet, also those of other roles",
                self.gang_scheduler().value.as_str(),
                total.value
            );
            ledger.report(
                Diagnostic::new(&GANG_LOSS, message)
                    .at_ids(&ids)
                    .outcome(Outcome::Dropped),
            );
        }
        let tasks = tasks.filter(|_| volcano);
        let told_apart = tasks.is_some();
        (Some(self.strategy(&total, tasks, wide, ledger)), told_apart)
    }

    /// The pods of a role in one RoleSet that a gang waits for.
    fn gang_members(&self, role: &Role, ledger: &mut Ledger) -> Traced<u32> {
        let mut replicas = self.replicas(role);
        if let Some(scaling) = self
            .scaled(role)
            .filter(|s| self.in_cell(&s.min).value < replicas.value)
        {
            let message = format!(
                "the gang counts the {} fewest replicas of `{}`",
                scaling.min.value, role.name.value
            );
            ledger.report(
                Diagnostic::new(&GANG_SCALING, message)
                    .at(scaling.min.at().or(role.name.at()))
                    .outcome(Outcome::Emulated),
            );
            replicas = self.in_cell(&scaling.min);
        }
        let gang = role
            .gang
            .as_ref()
            .map(|g| g.ids.union(&g.scope.ids))
            .unwrap_or_default();
        replicas.zip(&role.size(), |r, s| r.saturating_mul(*s)).and(&gang)
    }

    /// Who schedules gangs.
    pub fn gang_scheduler(&self) -> Traced<GangScheduler> {
        let own = self.options.gang.as_ref().and_then(|g| g.scheduler.clone());
        own.or_else(|| self.platform.gang_scheduler.clone())
            .unwrap_or(Traced::default_of(GangScheduler::Volcano))
    }

    /// The name of that scheduler.
    pub fn scheduler_name(&self) -> Node {
        match &self.platform.scheduler_name {
            Some(name) => name.node(),
            None => {
                let scheduler = self.gang_scheduler();
                Node::derived(scheduler.value.scheduler_name(), &scheduler.ids)
            }
        }
    }

    /// A `schedulingStrategy`.
    fn strategy(
        &self,
        count: &Traced<u32>,
        tasks: Option<Map>,
        roles: &[&Role],
        ledger: &mut Ledger,
    ) -> Node {
        let scheduler = self.gang_scheduler();
        let own = self.options.gang.clone().unwrap_or_default();
        let mut fields = Map::new();
        let members = own
            .min_member
            .as_ref()
            .map_or_else(|| count.clone(), |m| m.number().and(&count.ids));
        fields.insert("minMember", members.node());
        fields.insert_some("minTaskMember", tasks.filter(|_| own.min_member.is_none()));
        fields.insert_some("queue", self.gang_queue(scheduler.value, roles, ledger));
        let priority = roles.iter().find_map(|r| r.priority.as_ref());
        fields.insert_some(
            "priorityClassName",
            priority
                .filter(|_| scheduler.value != GangScheduler::Coscheduling)
                .map(Traced::node),
        );
        fields.insert_some(
            "minResources",
            own.min_resources
                .filter(|_| scheduler.value != GangScheduler::Godel),
        );
        fields.insert_some(
            "scheduleTimeoutSeconds",
            self.gang_timeout(scheduler.value, roles, ledger),
        );
        if scheduler.value == GangScheduler::Godel {
            fields.insert_some("application", own.application);
            fields.insert_some("affinity", own.affinity);
        }
        Node::from(Map::from_iter([(
            scheduler.value.field(),
            Node::derived(fields, &scheduler.ids),
        )]))
    }

    fn gang_queue(&self, scheduler: GangScheduler, roles: &[&Role], ledger: &mut Ledger) -> Option<Node> {
        if self.kueue() {
            return None;
        }
        let mut queues = roles.iter().filter_map(|r| r.queue.as_ref());
        let first = queues.next()?;
        if scheduler != GangScheduler::Volcano {
            let message = format!("PodGroups of {} have no queue", scheduler.as_str());
            ledger.report(
                Diagnostic::new(&GANG_LOSS, message)
                    .at_ids(&first.ids)
                    .outcome(Outcome::Dropped),
            );
            return None;
        }
        let mut node = first.node();
        for other in queues {
            if other.value == first.value {
                node.decided_by(&other.ids);
            } else {
                let message = format!(
                    "a PodGroup has one queue: `{}` and `{}`",
                    first.value, other.value
                );
                ledger.report(
                    Diagnostic::new(&GANG_LOSS, message)
                        .at_ids(&other.ids)
                        .outcome(Outcome::Dropped),
                );
            }
        }
        Some(node)
    }

    fn gang_timeout(&self, scheduler: GangScheduler, roles: &[&Role], ledger: &mut Ledger) -> Option<Node> {
        let timeouts: Vec<&Traced<u32>> = roles
            .iter()
            .filter_map(|r| r.gang.as_ref()?.timeout.as_ref())
            .collect();
        let longest = timeouts.iter().max_by_key(|t| t.value)?;
        let ids = timeouts.iter().fold(Ids::none(), |ids, t| ids.union(&t.ids));
        if scheduler == GangScheduler::Volcano {
            let said = Diagnostic::new(&GANG_LOSS, "PodGroups of volcano have no time limit").at_ids(&ids);
            let remedy = "set `targets.aibrix.gang.scheduler: coscheduling` if that is what the cluster has";
            let known = ledger
                .diagnostics
                .iter()
                .any(|d| d.code == &GANG_LOSS && d.at == ids.first());
            if !known {
                ledger.report(said.outcome(Outcome::Dropped).remedy(remedy));
            }
            return None;
        }
        Some(Node::derived(longest.value, &ids))
    }
}
