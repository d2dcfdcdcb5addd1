//! What starts together, where, and in whose queue.

use super::codes::{
    EXCLUSIVE, GANG_COUNT, GANG_DEADLOCK, GANG_OTHER_SCHEDULER, GANG_SCHEDULER, GANG_WHOLE_GROUP, NO_EFFECT,
};
use super::names;
use super::options::{Dependencies, GangScheduler, Options, Pattern, Platform, QueueSystem};
use super::pattern::RolePlan;
use super::said;
use crate::diagnostic::{Ledger, Outcome};
use crate::dialect::shared;
use crate::ir::capability::LOSSY;
use crate::ir::{Gang, Serving, Topology};
use crate::kubernetes::hash;
use crate::spec::policy::{Scope, Strictness};
use crate::value::{Ids, Map, Node, Str, Traced};

/// The group's gang, if annotations of the group ask for one.
pub const GANG: &str = "rbg.workloads.x-k8s.io/group-gang-scheduling";
const TIMEOUT: &str = "rbg.workloads.x-k8s.io/group-gang-scheduling-timeout";
const VOLCANO_QUEUE: &str = "rbg.workloads.x-k8s.io/group-gang-scheduling-volcano-queue";
const VOLCANO_PRIORITY: &str = "rbg.workloads.x-k8s.io/group-gang-scheduling-volcano-priority";
const EXCLUSIVE_TOPOLOGY: &str = "rbg.workloads.x-k8s.io/group-exclusive-topology";
const DISABLE_EXCLUSIVE: &str = "rbg.workloads.x-k8s.io/role-disable-exclusive";
const UNIQUE_HASH: &str = "rbg.workloads.x-k8s.io/group-unique-hash";
const VOLCANO: &str = "volcano";

/// What was decided for the whole group.
#[derive(Debug)]
pub struct Scheduling<'a> {
    /// Annotations of the group.
    pub annotations: Map,
    serving: &'a Serving,
    /// The scheduler of pods that name none.
    scheduler: Option<Str>,
    /// The domain that the group has for itself.
    exclusive: Option<&'a Topology>,
    queue_system: Traced<QueueSystem>,
}

/// Decides what belongs to the group, and reports what cannot work.
pub fn group<'a>(
    serving: &'a Serving,
    plans: &[RolePlan<'a>],
    options: &Options,
    platform: &Platform,
    ledger: &mut Ledger,
) -> Scheduling<'a> {
    let scheduler = gang_scheduler(plans, platform);
    let gang = plans.iter().any(|p| p.role.gang.is_some());
    let mut scheduling = Scheduling {
        annotations: Map::new(),
        serving,
        scheduler: None,
        exclusive: exclusive(serving),
        queue_system: queue_system(plans, options, scheduler, gang, ledger),
    };
    if gang {
        let default = match scheduler {
            GangScheduler::SchedulerPlugins => "scheduler-plugins-scheduler",
            GangScheduler::Volcano => VOLCANO,
        };
        scheduling.scheduler = Some(
            platform
                .scheduler_name
                .as_ref()
                .map_or(default.into(), |n| n.value.clone()),
        );
        scheduling.gang(plans, scheduler, ledger);
        assumed(plans, platform, &scheduling, ledger);
    }
    scheduling.exclusive_domain(plans, ledger);
    let annotated = serving
        .annotations
        .get(GANG)
        .is_some_and(|v| v.as_str() == Some("true"));
    if gang || annotated {
        deadlocks(plans, options, ledger);
    }
    scheduling
}

/// Whose queue it is; reports the option if there is no queue.
fn queue_system(
    plans: &[RolePlan<'_>],
    options: &Options,
    scheduler: GangScheduler,
    gang: bool,
    ledger: &mut Ledger,
) -> Traced<QueueSystem> {
    let by_volcano = gang && scheduler == GangScheduler::Volcano;
    let by_name = |p: &RolePlan<'_>| p.role.scheduler.as_ref().is_some_and(|s| s.value == VOLCANO);
    let volcano = by_volcano || (plans.iter().any(by_name) && !gang);
    let default = if volcano {
        QueueSystem::Volcano
    } else {
        QueueSystem::Kueue
    };
    let Some(asked) = &options.queue_system else {
        return Traced::default_of(default);
    };
    if plans.iter().all(|p| p.role.queue.is_none()) {
        let entry = said(&NO_EFFECT, "`queueSystem` without a queue").outcome(Outcome::Dropped);
        ledger.waive(&asked.ids, entry.remedy("set `scheduling.queue`"));
    }
    asked.clone()
}

/// Says which scheduler the gang was written for, if nobody said, and pods that another one would schedule.
fn assumed(plans: &[RolePlan<'_>], platform: &Platform, scheduling: &Scheduling<'_>, ledger: &mut Ledger) {
    let name = scheduling.scheduler.clone().unwrap_or_default();
    let others = plans
        .iter()
        .filter_map(|p| p.role.scheduler.as_ref())
        .filter(|s| s.value != name);
    for other in others {
        let message = format!(
            "pods name the scheduler `{}`, and the gang is `{name}`'s",
            other.value
        );
        ledger.report(
            said(&GANG_OTHER_SCHEDULER, message)
                .at_ids(&other.ids)
                .outcome(Outcome::Moved),
        );
    }
    if platform.gang_scheduler.is_none() {
        let message = format!("the gang is written for the scheduler `{name}`");
        let entry = said(&GANG_SCHEDULER, message)
            .at_ids(&asked(plans))
            .outcome(Outcome::Emulated);
        ledger.report(entry.remedy("say in a Platform document which one the controller makes PodGroups for: `spec: {rbg: {gangScheduler: volcano}}`"));
    }
}

/// Whose PodGroups the controller makes: as the Platform says, else what the pods ask for, else the controller's default.
fn gang_scheduler(plans: &[RolePlan<'_>], platform: &Platform) -> GangScheduler {
    let mut named = plans.iter().filter_map(|p| p.role.scheduler.as_ref());
    match &platform.gang_scheduler {
        Some(scheduler) => scheduler.value,
        None if named.any(|s| s.value == VOLCANO) => GangScheduler::Volcano,
        None => GangScheduler::SchedulerPlugins,
    }
}

/// What asked for the gang.
fn asked(plans: &[RolePlan<'_>]) -> Ids {
    let gangs = plans.iter().filter_map(|p| p.role.gang.as_ref());
    gangs.fold(
        Ids::none(),
        |ids,
         Gang {
             scope,
             timeout: _,
             ids: own,
         }| ids.union(own).union(&scope.ids),
    )
}

/// The controller makes the pods of later roles, or of later steps, when earlier ones are ready.
fn deadlocks(plans: &[RolePlan<'_>], options: &Options, ledger: &mut Ledger) {
    let gang = asked(plans);
    let mut deadlock = |ids: &Ids, message: String, remedy: &str| {
        let entry = said(&GANG_DEADLOCK, message).at_ids(ids);
        ledger.report(entry.label(gang.first(), "the gang").remedy(remedy));
    };
    let native = options
        .dependencies
        .as_ref()
        .is_none_or(|d| d.value == Dependencies::Native);
    for plan in plans.iter().filter(|_| native) {
        for needed in &plan.role.depends_on {
            let (role, needed_role) = (&plan.role.name.value, &needed.value);
            let message = format!(
                "the pods of `{role}` are made when `{needed_role}` is ready, and the gang of both waits for them"
            );
            deadlock(
                &needed.ids,
                message,
                "`targets.rbg.dependencies: initContainers` keeps the order inside the pods",
            );
        }
    }
    for rule in options.coordination.iter().flatten() {
        if let Some(scaling) = &rule.scaling {
            let message = "a coordinated scaling makes pods step by step, and the gang waits for all of them"
                .to_owned();
            deadlock(&scaling.ids, message, "drop `scaling` from the rule, or the gang");
        }
    }
}

/// The topology that the group's annotation can say: a domain for the group alone. The workaround for the controller's
/// missing label needs the namespace and one group's name, so sets and servings without a namespace use affinity.
fn exclusive(serving: &Serving) -> Option<&Topology> {
    let known = serving.namespace.is_some() && !names::is_set(serving);
    if !known && !without_hash(serving) {
        return None;
    }
    let mut own = serving
        .roles
        .iter()
        .filter_map(|r| r.topology.as_ref())
        .filter(|t| for_group(t));
    let first = own.next()?;
    own.all(|t| t.key.value == first.key.value).then_some(first)
}

/// Whether the workaround is not wanted.
fn without_hash(serving: &Serving) -> bool {
    serving.options.get("uniqueHash").and_then(Node::as_bool) == Some(false)
}

fn for_group(topology: &Topology) -> bool {
    let Topology {
        key: _,
        scope,
        mode,
        exclusive,
    } = topology;
    exclusive.value && scope.value == Scope::Slice && mode.value == Strictness::Required
}

/// Whether a role is in a domain that its group has for itself by the annotation.
pub fn domain_of(serving: &Serving, role: Option<&str>) -> bool {
    let topology = role
        .and_then(|r| serving.role(r))
        .and_then(|r| r.topology.as_ref());
    exclusive(serving).is_some() && topology.is_some_and(for_group)
}

impl Scheduling<'_> {
    fn gang(&mut self, plans: &[RolePlan<'_>], scheduler: GangScheduler, ledger: &mut Ledger) {
        let ids = asked(plans);
        self.annotations.insert(GANG, Node::derived("true", &ids));
        let others: Vec<&str> = plans
            .iter()
            .filter(|p| p.role.gang.is_none() && !p.role.implicit)
            .map(|p| p.role.name.value.as_str())
            .collect();
        // Of narrower scopes the capability table has said already that the gang is wider.
        let gangs = || plans.iter().filter_map(|p| p.role.gang.as_ref());
        if !others.is_empty() && gangs().all(|g| g.scope.value == Scope::Slice) {
            let message = format!("the gang includes `{}` too", others.join("`, `"));
            ledger.report(
                said(&GANG_WHOLE_GROUP, message)
                    .at_ids(&ids)
                    .outcome(Outcome::Emulated),
            );
        }
        for plan in plans
            .iter()
            .filter(|p| p.pattern == Pattern::CustomComponents && p.role.multi_node())
        {
            let (replicas, size) = (plan.role.replicas.value, plan.role.size().value);
            let message = format!(
                "the gang counts {replicas} for the {} pods of `{}`",
                replicas.saturating_mul(size),
                plan.role.name.value
            );
            ledger.report(said(&GANG_COUNT, message).at_ids(&ids).outcome(Outcome::Emulated));
        }
        self.timeout(plans, scheduler, ledger);
        if let (GangScheduler::Volcano, Some(priority)) =
            (scheduler, plans.iter().find_map(|p| p.role.priority.as_ref()))
        {
            self.annotations.insert(VOLCANO_PRIORITY, priority);
        }
    }

    /// The longest of the roles' time limits.
    fn timeout(&mut self, plans: &[RolePlan<'_>], scheduler: GangScheduler, ledger: &mut Ledger) {
        let limits = plans
            .iter()
            .filter_map(|p| p.role.gang.as_ref()?.timeout.as_ref());
        let Some(limit) = limits.cloned().reduce(|a, b| a.zip(&b, |a, b| *a.max(b))) else {
            return;
        };
        match scheduler {
            GangScheduler::SchedulerPlugins => {
                self.annotations
                    .insert(TIMEOUT, limit.map(|s| Str::from(s.to_string())));
            }
            GangScheduler::Volcano => {
                let message = "Volcano's PodGroups have no time limit";
                ledger.report(said(&LOSSY, message).at_ids(&limit.ids).outcome(Outcome::Dropped));
            }
        }
    }

    fn exclusive_domain(&mut self, plans: &[RolePlan<'_>], ledger: &mut Ledger) {
        let Some(first) = self.exclusive else { return };
        let mut key = first.key.clone();
        for Topology {
            key: other,
            scope,
            mode,
            exclusive,
        } in plans.iter().filter_map(|p| p.role.topology.as_ref())
        {
            if other.value == first.key.value {
                key = key
                    .and(&other.ids)
                    .and(&scope.ids)
                    .and(&mode.ids)
                    .and(&exclusive.ids);
            }
        }
        if let Some(asked) = self.serving.options.get("uniqueHash") {
            key = key.and(&asked.ids);
        }
        if without_hash(self.serving) {
            let message = format!("pods without `{UNIQUE_HASH}`, which the controller forgets, stay pending");
            ledger.report(
                said(&NO_EFFECT, message)
                    .at_ids(&first.key.ids)
                    .outcome(Outcome::Moved)
                    .remedy("leave out `uniqueHash: false`"),
            );
        } else {
            let message =
                format!("`{UNIQUE_HASH}` is written into the templates, which the controller forgets");
            ledger.report(
                said(&EXCLUSIVE, message)
                    .at_ids(&first.exclusive.ids)
                    .outcome(Outcome::Emulated),
            );
        }
        self.annotations.insert(EXCLUSIVE_TOPOLOGY, key);
    }

    /// Whether the group has a domain for itself and the role is in it.
    pub fn exclusive_role(&self, plan: &RolePlan<'_>) -> bool {
        self.exclusive.is_some() && plan.role.topology.as_ref().is_some_and(for_group)
    }

    /// Completes a pod template of a role.
    pub fn complete(&self, plan: &RolePlan<'_>, template: &mut Node) {
        let role = plan.role;
        if let Some(scheduler) = &self.scheduler {
            shared::default_scheduler(role, scheduler, template);
        }
        if self.exclusive_role(plan) && !without_hash(self.serving) {
            template
                .at_mut(&["metadata", "labels"])
                .set(UNIQUE_HASH, self.unique_hash());
        } else if self.exclusive.is_some() && !self.exclusive_role(plan) {
            let annotations = template.at_mut(&["metadata", "annotations"]);
            let own = annotations.get(DISABLE_EXCLUSIVE).and_then(Node::as_str);
            // Whatever is written there, the role is out.
            if own.is_none_or(str::is_empty) {
                annotations.set(DISABLE_EXCLUSIVE, "true");
            }
        }
        if let Some(topology) = role.topology.as_ref().filter(|_| !self.exclusive_role(plan)) {
            let slice: &[&str] = if names::is_set(self.serving) {
                &[names::GROUP_NAME]
            } else {
                &[]
            };
            let keys = shared::Keys {
                slice,
                replica: &[names::INSTANCE_NAME],
            };
            shared::affinity_by(self.serving, role, topology, None, &keys, template);
        }
    }

    fn unique_hash(&self) -> Traced<Str> {
        let namespace = self.serving.namespace.clone().unwrap_or_default();
        namespace.zip(&self.serving.name, |namespace, name| {
            hash::sha1(&format!("{namespace}/{name}")).into()
        })
    }

    /// Puts a role into its queue: the group, or its pods.
    pub fn queue(&mut self, plan: &RolePlan<'_>, templates: &mut [Node], ledger: &mut Ledger) {
        let Some(queue) = &plan.role.queue else { return };
        let queue = queue.clone().and(&self.queue_system.ids);
        match self.queue_system.value {
            QueueSystem::Kueue => {
                for template in templates {
                    template
                        .at_mut(&["metadata", "labels"])
                        .set("kueue.x-k8s.io/queue-name", queue.clone());
                }
            }
            QueueSystem::Volcano if self.annotations.contains_key(GANG) => {
                let other = self
                    .annotations
                    .get(VOLCANO_QUEUE)
                    .filter(|o| o.as_str() != Some(queue.value.as_str()));
                if let Some(other) = other {
                    let message = format!(
                        "the group has one queue, and `{}` asks for another",
                        plan.role.name.value
                    );
                    let entry = said(&LOSSY, message).at_ids(&queue.ids).outcome(Outcome::Dropped);
                    ledger.report(entry.label(other.ids.first(), "the group's queue"));
                    return;
                }
                let known = self
                    .annotations
                    .get(VOLCANO_QUEUE)
                    .map(|n| n.ids.clone())
                    .unwrap_or_default();
                self.annotations.insert(VOLCANO_QUEUE, queue.and(&known));
            }
            QueueSystem::Volcano => {
                for template in templates {
                    template
                        .at_mut(&["metadata", "annotations"])
                        .set("scheduling.volcano.sh/queue-name", queue.clone());
                    let spec = template.at_mut(&["spec"]);
                    if spec.get("schedulerName").is_none() {
                        spec.set("schedulerName", VOLCANO);
                    }
                }
            }
        }
    }
}
