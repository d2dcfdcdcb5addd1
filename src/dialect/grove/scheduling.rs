//! Which scheduler and queue, and how many replicas make the base gang.

use super::codes::{
    BASE_GANG, GANG_SCALED, GANG_SCHEDULER, MIN_AVAILABLE, PRIORITY, QUEUE_CONFLICT, QUEUE_DEFAULTED,
    QUEUE_UNUSED, SCALE_TO_ZERO, SCHEDULER_CONFLICT, SCHEDULER_UNKNOWN,
};
use super::layout::{Clique, Layout, RoleLayout};
use super::operator::{DEFAULT, KAI, LPX, VOLCANO};
use super::options::{Options, Platform};
use crate::diagnostic::{Diagnostic, Ledger, Outcome};
use crate::ir::Gang;
use crate::spec::policy::Scope;
use crate::value::{Ids, Map, Node, Str, Traced};

/// The label and annotation of queues.
pub(super) const KAI_QUEUE: &str = "kai.scheduler/queue";
pub(super) const VOLCANO_QUEUE: &str = "scheduling.grove.io/volcano-queue";

/// What is the same for all cliques.
pub(super) struct Scheduling {
    /// The scheduler to write into templates that name none.
    pub scheduler: Option<Traced<Str>>,
    /// The scheduler that the pods will have.
    pub effective: Str,
    /// The PriorityClass of the gangs.
    pub priority: Option<Node>,
    queue: Option<Traced<Str>>,
}

impl Scheduling {
    /// Decides; reports what exclude each other.
    pub(super) fn new(
        layout: &Layout<'_>,
        options: &Options,
        platform: &Platform,
        ledger: &mut Ledger,
    ) -> Self {
        let named = named_scheduler(layout, platform, ledger);
        let wanted = wants(layout, options, platform);
        let left = options.default_scheduler.as_ref().is_some_and(|d| d.value);
        let chosen = named.or_else(|| gang_scheduler(platform, &wanted).filter(|_| !left));
        let default = platform
            .default_scheduler
            .as_ref()
            .map_or(DEFAULT.into(), |d| d.value.clone());
        let effective = chosen.as_ref().map_or(default, |c| c.value.clone());
        let mut scheduling = Self {
            scheduler: chosen,
            effective,
            priority: priority(layout, options, ledger),
            queue: None,
        };
        scheduling.check_gangs(layout, ledger);
        scheduling.queue = scheduling.find_queue(layout, platform, ledger);
        scheduling
    }

    /// Whether it heeds topology constraints.
    pub(super) fn packs(&self) -> bool {
        self.effective == KAI
    }

    fn makes_gangs(&self) -> bool {
        self.effective == KAI || self.effective == VOLCANO
    }

    /// Puts the queue where the scheduler reads it.
    pub(super) fn put_queue(&self, labels: &mut Vec<(&'static str, Node)>, annotations: &mut Map) {
        let Some(queue) = &self.queue else { return };
        match self.effective.as_str() {
            KAI => labels.push((KAI_QUEUE, queue.node())),
            _ => drop(annotations.insert(VOLCANO_QUEUE, queue)),
        }
    }

    fn check_gangs(&self, layout: &Layout<'_>, ledger: &mut Ledger) {
        let gangs: Vec<&Gang> = layout.roles.iter().filter_map(|r| r.role.gang.as_ref()).collect();
        let ids = gangs
            .iter()
            .fold(Ids::none(), |ids, g| ids.union(&g.ids).union(&g.scope.ids));
        let narrow = gangs.iter().any(|g| g.scope.value != Scope::Slice);
        let decided = layout.roles.iter().all(|r| r.options.min_available.is_some());
        let roles = layout.roles.iter().filter(|r| !r.role.implicit).count();
        if !gangs.is_empty() && !self.makes_gangs() {
            let message = format!("`{}` schedules the pods of a gang one by one", self.effective);
            let said = Diagnostic::new(&GANG_SCHEDULER, message)
                .at_ids(&ids)
                .outcome(Outcome::Dropped);
            let by = self.scheduler.as_ref().and_then(Traced::at);
            ledger.report(
                said.label(by, "the scheduler")
                    .remedy("leave `schedulerName` out, or choose `kai-scheduler` or `volcano`"),
            );
        } else if narrow && roles > 1 && !decided {
            let message =
                "the first gang has replicas of every role; each replica beyond it is a gang of its own";
            ledger.report(
                Diagnostic::new(&BASE_GANG, message)
                    .at_ids(&ids)
                    .outcome(Outcome::Moved),
            );
        }
    }

    fn find_queue(
        &self,
        layout: &Layout<'_>,
        platform: &Platform,
        ledger: &mut Ledger,
    ) -> Option<Traced<Str>> {
        let mut queues = layout.roles.iter().filter_map(|r| r.role.queue.as_ref());
        let Some(first) = queues.next() else {
            return self.default_queue(layout, platform, ledger);
        };
        let mut queue = first.clone();
        for other in queues {
            if other.value != first.value {
                let message = format!("`{}` and `{}` are two queues", first.value, other.value);
                let said = Diagnostic::new(&QUEUE_CONFLICT, message).at_ids(&other.ids);
                ledger.report(said.label(first.at(), "the other one"));
            }
            queue = queue.and(&other.ids);
        }
        if self.makes_gangs() {
            return Some(queue);
        }
        let message = format!("`{}` has no queues", self.effective);
        ledger.report(
            Diagnostic::new(&QUEUE_UNUSED, message)
                .at_ids(&queue.ids)
                .outcome(Outcome::Dropped),
        );
        None
    }

    fn default_queue(
        &self,
        layout: &Layout<'_>,
        platform: &Platform,
        ledger: &mut Ledger,
    ) -> Option<Traced<Str>> {
        let marks = ["labels", "annotations"];
        let marked = |c: &Clique<'_>| {
            let template = &c.member.template;
            marks
                .iter()
                .any(|m| template.at(&["metadata", m, KAI_QUEUE]).is_some())
        };
        let serving = layout.serving;
        let named = serving.labels.contains_key(KAI_QUEUE)
            || serving.annotations.contains_key(KAI_QUEUE)
            || layout.cliques().any(|(_, c)| marked(c));
        if self.effective != KAI || named {
            return None;
        }
        if let Some(queue) = &platform.queue {
            return Some(Traced::default_of(queue.value.clone()));
        }
        let ids = self.scheduler.as_ref().map(|s| s.ids.clone()).unwrap_or_default();
        let message = "KAI refuses a workload without a queue: `default-queue` is written";
        let said = Diagnostic::new(&QUEUE_DEFAULTED, message)
            .at_ids(&ids)
            .outcome(Outcome::Defaulted);
        ledger.report(said.remedy("name the queue with `scheduling.queue`"));
        Some(Traced::default_of("default-queue".into()))
    }
}

/// The scheduler that the templates name: one for all.
fn named_scheduler(layout: &Layout<'_>, platform: &Platform, ledger: &mut Ledger) -> Option<Traced<Str>> {
    let mut named: Option<Traced<Str>> = None;
    for (_, clique) in layout.cliques() {
        let Some(node) = clique.member.template.at(&["spec", "schedulerName"]) else {
            continue;
        };
        let Some(name) = node.as_str().filter(|n| !n.is_empty()) else {
            continue;
        };
        match &mut named {
            None => named = Some(Traced::new(name.into(), node.ids.clone())),
            Some(first) if first.value == name => first.ids.merge(&node.ids),
            Some(first) => {
                let message = format!("`{}` and `{name}` are two schedulers", first.value);
                let said = Diagnostic::new(&SCHEDULER_CONFLICT, message).at_ids(&node.ids);
                ledger.report(said.label(first.at(), "the other one"));
            }
        }
    }
    let named = named?;
    let enabled =
        |list: &Vec<Traced<Str>>| named.value == DEFAULT || list.iter().any(|s| s.value == named.value);
    let known = [DEFAULT, KAI, VOLCANO, LPX].contains(&named.value.as_str());
    if !known || !platform.schedulers.as_ref().is_none_or(enabled) {
        let message = format!("Grove does not run with the scheduler `{}`", named.value);
        let said = Diagnostic::new(&SCHEDULER_UNKNOWN, message).at_ids(&named.ids);
        ledger.report(said.remedy(
            "`kai-scheduler`, `volcano` or `default-scheduler`, as the operator's configuration has them",
        ));
    }
    Some(named)
}

/// What only a gang scheduler can do: who asks for it, and whether for topology.
struct Wants {
    ids: Ids,
    any: bool,
    topology: bool,
}

fn wants(layout: &Layout<'_>, options: &Options, platform: &Platform) -> Wants {
    let mut wants = Wants {
        ids: Ids::none(),
        any: false,
        topology: options.topology_constraint.is_some(),
    };
    let keys = || {
        platform
            .topologies
            .iter()
            .flatten()
            .flat_map(|t| t.levels.iter().flatten())
            .filter_map(|l| l.key.as_ref())
    };
    for layout in &layout.roles {
        if let Some(gang) = &layout.role.gang {
            wants.any = true;
            wants.ids.merge(&gang.ids.union(&gang.scope.ids));
        }
        if let Some(topology) = &layout.role.topology
            && keys().any(|k| k.value == topology.key.value)
        {
            wants.topology = true;
            wants.ids.merge(&topology.key.ids);
        }
        if let Some(queue) = &layout.role.queue {
            wants.any = true;
            wants.ids.merge(&queue.ids);
        }
        wants.topology |= layout.options.topology_constraint.is_some()
            || layout
                .cliques
                .iter()
                .any(|c| c.options.topology_constraint.is_some());
    }
    wants
}

/// The scheduler for gangs, if anything needs one and the operator has one.
fn gang_scheduler(platform: &Platform, wants: &Wants) -> Option<Traced<Str>> {
    if !wants.any && !wants.topology {
        return None;
    }
    let default: Option<&str> = platform.default_scheduler.as_ref().map(|d| d.value.as_str());
    let listed: Option<Vec<&str>> = platform
        .schedulers
        .as_ref()
        .map(|list| list.iter().map(|s| s.value.as_str()).collect());
    let enabled: Vec<&str> = default
        .into_iter()
        .chain(listed.unwrap_or_else(|| vec![KAI]))
        .collect();
    let able = |name: &&&str| {
        if wants.topology {
            **name == KAI
        } else {
            [KAI, VOLCANO].contains(*name)
        }
    };
    let name = enabled
        .iter()
        .find(able)
        .or_else(|| enabled.iter().find(|n| [KAI, VOLCANO].contains(*n)))?;
    Some(Traced::new((*name).into(), wants.ids.clone()))
}

/// The PriorityClass of the gangs: the option, else the one that all pods have.
fn priority(layout: &Layout<'_>, options: &Options, ledger: &mut Ledger) -> Option<Node> {
    if let Some(priority) = &options.priority_class_name {
        return Some(priority.node());
    }
    let mut classes = layout.roles.iter().filter_map(|r| r.role.priority.as_ref());
    let mut class = classes.next()?.clone();
    for other in classes {
        if other.value != class.value {
            let message = format!(
                "the pods of one gang have the priorities `{}` and `{}`",
                class.value, other.value
            );
            let said = Diagnostic::new(&PRIORITY, message)
                .at_ids(&other.ids)
                .outcome(Outcome::Defaulted);
            ledger.report(said.label(class.at(), "the other one"));
            return None;
        }
        class = class.and(&other.ids);
    }
    Some(class.node())
}

/// The replicas of a role that the base gang needs.
pub(super) fn in_base_gang(layout: &Layout<'_>, role: &RoleLayout<'_>, ledger: &mut Ledger) -> Traced<u32> {
    let replicas = &role.role.replicas;
    let slice = |r: &RoleLayout<'_>| r.role.gang.clone().filter(|g| g.scope.value == Scope::Slice);
    let gang = role
        .role
        .gang
        .clone()
        .or_else(|| layout.roles.iter().find_map(slice));
    if let Some(own) = &role.options.min_available {
        if own.value.0 > replicas.value {
            let message = format!(
                "the base gang cannot have {} of {} replicas",
                own.value.0, replicas.value
            );
            let said = Diagnostic::new(&MIN_AVAILABLE, message).at_ids(&own.ids);
            ledger.report(said.label(replicas.at(), "all replicas"));
        }
        // The option says how the gang is made.
        let of_gang = gang.map(|g| g.ids.union(&g.scope.ids)).unwrap_or_default();
        return own.number().and(&of_gang);
    }
    let Some(gang) = gang else {
        return Traced::default_of(1);
    };
    let Gang {
        scope,
        timeout: _,
        ids,
    } = gang;
    let needed = match scope.value {
        Scope::Replica => Traced::new(1, ids),
        Scope::Role | Scope::Slice => replicas.map(|r| (*r).max(1)).and(&ids),
    };
    bounded(role, needed.and(&scope.ids), ledger)
}

/// Not more than automatic scaling always leaves.
fn bounded(role: &RoleLayout<'_>, needed: Traced<u32>, ledger: &mut Ledger) -> Traced<u32> {
    let Some(scaling) = &role.role.scaling else {
        return needed;
    };
    let least = scaling.min.value.max(1);
    if least >= needed.value {
        return needed;
    }
    let message = format!(
        "the gang of role `{}` has {least} of its {} replicas: scaling may take the others away",
        role.role.name.value, needed.value
    );
    let said = Diagnostic::new(&GANG_SCALED, message)
        .at_ids(&needed.ids)
        .outcome(Outcome::Moved);
    ledger.report(said.label(scaling.min.at().or(scaling.ids.first()), "scaling"));
    needed.zip(&scaling.min, |_, _| least)
}

/// Reports a lower bound of scaling that Grove refuses.
pub(super) fn check_scaling(role: &RoleLayout<'_>, in_base_gang: &Traced<u32>, ledger: &mut Ledger) {
    let Some(scaling) = &role.role.scaling else { return };
    let ids = scaling.min.ids.union(&scaling.ids);
    if scaling.min.value == 0 {
        let message = format!(
            "role `{}` cannot be scaled to 0 automatically",
            role.role.name.value
        );
        let said = Diagnostic::new(&SCALE_TO_ZERO, message).at_ids(&ids);
        ledger.report(said.remedy("`minReplicas: 1`"));
    } else if scaling.min.value < in_base_gang.value {
        let message = format!(
            "scaling leaves {} replicas of role `{}`, and `minAvailable` asks for {}",
            scaling.min.value, role.role.name.value, in_base_gang.value
        );
        ledger.report(
            Diagnostic::new(&MIN_AVAILABLE, message)
                .at_ids(&in_base_gang.ids)
                .label(ids.first(), "scaling"),
        );
    }
}

/// The pods of a member without which a replica is broken.
pub(super) fn needed_pods(clique: &Clique<'_>, ledger: &mut Ledger) -> Traced<u32> {
    let count = &clique.member.count;
    let Some(own) = &clique.options.min_available else {
        return count.clone();
    };
    if own.value.0 > count.value {
        let message = format!("a replica cannot need {} of {} pods", own.value.0, count.value);
        ledger.report(
            Diagnostic::new(&MIN_AVAILABLE, message)
                .at_ids(&own.ids)
                .label(count.at(), "all pods"),
        );
    }
    own.number()
}
