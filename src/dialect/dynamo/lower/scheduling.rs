//! Scheduler, queue and priority: one of each for a graph.

use super::super::options::{Mode, Platform};
use super::codes::{BASE_GANG, GANG_SCHEDULER, QUEUE_CONFLICT, QUEUE_DEFAULTED, QUEUE_UNUSED, SCHEDULERS};
use super::component::Component;
use crate::diagnostic::{Diagnostic, Ledger, Outcome};
use crate::dialect::grove;
use crate::spec::policy::Scope;
use crate::value::{Ids, Map, Node, Str, Traced};

/// Schedulers that heed Grove's gangs.
const KAI: &str = "kai-scheduler";
const VOLCANO: &str = "volcano";
/// The label by which KAI charges pods.
const KAI_LABEL: &str = "kai.scheduler/queue";
/// Annotations of a graph by which the operator names queues.
const KAI_QUEUE: &str = "nvidia.com/kai-scheduler-queue";
const VOLCANO_QUEUE: &str = "nvidia.com/volcano-queue";
/// KAI's own name of a queue for everybody.
const DEFAULT_QUEUE: &str = "default-queue";

/// What is the same for all components.
pub(super) struct Scheduling {
    /// The scheduler to write into templates that name none.
    scheduler: Option<Traced<Str>>,
    /// The scheduler that the pods will have; empty for the cluster's default.
    effective: Str,
    /// Whether the operator writes scheduler and queue itself.
    by_operator: bool,
    queue: Option<Traced<Str>>,
    /// The PriorityClass of the gangs.
    pub priority: Option<Node>,
}

impl Scheduling {
    /// Decides; reports what exclude each other.
    pub fn new(
        components: &[Component<'_>],
        mode: Mode,
        platform: &Platform,
        grove: &grove::options::Platform,
        ledger: &mut Ledger,
    ) -> Self {
        let on = |v: &Option<Traced<bool>>| v.as_ref().is_some_and(|v| v.value);
        let named = named(components, mode, ledger);
        let queue = queue(components, ledger);
        let operators = match mode {
            Mode::Lws => None,
            Mode::Grove if on(&platform.kai) => Some(KAI),
            Mode::Grove => on(&platform.volcano).then_some(VOLCANO),
        };
        let wanted = wanted(components);
        let asked = wanted.as_ref().or(queue.as_ref().map(|q| &q.ids));
        let enabled = grove.schedulers.as_ref().and_then(|list| {
            let known = |s: &&Traced<Str>| [KAI, VOLCANO].contains(&s.value.as_str());
            list.iter().find(known).map(|s| s.value.clone())
        });
        let chosen = match (&named, operators, asked, mode) {
            (Some(named), ..) => Some(named.clone()),
            (None, Some(_), ..) | (None, None, None, _) => None,
            (None, None, Some(ids), Mode::Grove) => {
                Some(Traced::new(enabled.unwrap_or_else(|| KAI.into()), ids.clone()))
            }
            // Of Deployments and LeaderWorkerSets KAI makes its gangs itself.
            (None, None, Some(_), Mode::Lws) => {
                queue.as_ref().map(|q| Traced::new(KAI.into(), q.ids.clone()))
            }
        };
        let effective = chosen
            .as_ref()
            .map(|c| c.value.clone())
            .or(operators.map(Str::from));
        let mut scheduling = Self {
            by_operator: named.is_none() && operators.is_some(),
            scheduler: chosen,
            effective: effective.unwrap_or_default(),
            queue,
            priority: priority(components, mode),
        };
        scheduling.check(components, mode, grove, ledger);
        scheduling
    }

    /// Whether the scheduler heeds topology constraints.
    pub fn packs(&self) -> bool {
        self.effective == KAI
    }

    /// Writes the scheduler and KAI's queue into a template.
    pub fn apply(&self, template: &mut Node) {
        if let Some(scheduler) = &self.scheduler {
            let spec = template.at_mut(&["spec"]);
            match spec.map_mut().get_mut("schedulerName") {
                Some(own) => own.decided_by(&scheduler.ids),
                None => spec.set("schedulerName", scheduler),
            }
        }
        if let Some(queue) = self
            .queue
            .as_ref()
            .filter(|_| self.effective == KAI && !self.by_operator)
        {
            template.at_mut(&["metadata", "labels"]).set(KAI_LABEL, queue);
        }
    }

    /// Writes the queue into the annotations of a graph that Grove runs.
    pub fn annotate(&self, annotations: &mut Map, ledger: &mut Ledger) {
        let Some(queue) = &self.queue else { return };
        match self.effective.as_str() {
            KAI if self.by_operator => drop(annotations.insert(KAI_QUEUE, queue)),
            VOLCANO if self.by_operator => drop(annotations.insert(VOLCANO_QUEUE, queue)),
            KAI => {}
            other => {
                let of = match other {
                    "" => "the cluster's default scheduler",
                    VOLCANO => "Volcano, where the operator is not configured for it,",
                    other => other,
                };
                let said = Diagnostic::new(&QUEUE_UNUSED, format!("{of} has no queues for graphs"));
                ledger.waive(&queue.ids, said.outcome(Outcome::Dropped));
            }
        }
    }

    fn check(
        &mut self,
        components: &[Component<'_>],
        mode: Mode,
        grove: &grove::options::Platform,
        ledger: &mut Ledger,
    ) {
        let gangs: Vec<_> = components.iter().filter_map(|c| c.role.gang.as_ref()).collect();
        let ids = gangs
            .iter()
            .fold(Ids::none(), |ids, g| ids.union(&g.ids).union(&g.scope.ids));
        let narrow = gangs.iter().any(|g| g.scope.value != Scope::Slice);
        let heeds = [KAI, VOLCANO].contains(&self.effective.as_str());
        if mode == Mode::Grove && !gangs.is_empty() && !heeds {
            let message = format!("`{}` schedules the pods of a gang one by one", self.effective);
            let said = Diagnostic::new(&GANG_SCHEDULER, message)
                .at_ids(&ids)
                .outcome(Outcome::Dropped);
            let by = self.scheduler.as_ref().and_then(Traced::at);
            let remedy = "leave `schedulerName` out, or choose `kai-scheduler` or `volcano`";
            ledger.report(said.label(by, "the scheduler").remedy(remedy));
        } else if mode == Mode::Grove && narrow && components.len() > 1 {
            let message = "the first gang has replicas of every component, the frontend's too";
            ledger.report(
                Diagnostic::new(&BASE_GANG, message)
                    .at_ids(&ids)
                    .outcome(Outcome::Moved),
            );
        }
        let labelled = |c: &Component<'_>| {
            let labels = c.role.leader().template.at(&["metadata", "labels", KAI_LABEL]);
            labels.is_some()
        };
        let unqueued = self.queue.is_none() && !components.iter().any(labelled);
        if self.effective == KAI && !self.by_operator && unqueued {
            let default = grove.queue.as_ref().map(|q| q.value.clone());
            if default.is_none() {
                let at = self.scheduler.as_ref().map(|s| s.ids.clone()).unwrap_or_default();
                let message = format!("KAI schedules no pods without a queue: `{DEFAULT_QUEUE}` is written");
                let said = Diagnostic::new(&QUEUE_DEFAULTED, message).at(at.first());
                ledger.report(
                    said.outcome(Outcome::Defaulted)
                        .remedy("name the queue with `scheduling.queue`"),
                );
            }
            self.queue = Some(Traced::default_of(
                default.unwrap_or_else(|| DEFAULT_QUEUE.into()),
            ));
        }
    }
}

/// The scheduler that templates name: one for all that Grove runs, the implicit frontend's too.
fn named(components: &[Component<'_>], mode: Mode, ledger: &mut Ledger) -> Option<Traced<Str>> {
    let mut named: Option<Traced<Str>> = None;
    for component in components {
        let node = component.role.leader().template.at(&["spec", "schedulerName"]);
        let Some((node, name)) = node.and_then(|n| Some((n, n.as_str().filter(|n| !n.is_empty())?))) else {
            continue;
        };
        match &mut named {
            None => named = Some(Traced::new(name.into(), node.ids.clone())),
            Some(first) if first.value == name => first.ids.merge(&node.ids),
            Some(first) if mode == Mode::Grove => {
                let message = format!("`{}` and `{name}` are two schedulers", first.value);
                let said = Diagnostic::new(&SCHEDULERS, message).at_ids(&node.ids);
                ledger.report(said.label(first.at(), "the other one"));
            }
            Some(_) => {}
        }
    }
    // Templates of Deployments keep what they name, and the others have the cluster's default.
    named.filter(|_| mode == Mode::Grove)
}

/// Who asks for what only a gang scheduler does.
fn wanted(components: &[Component<'_>]) -> Option<Ids> {
    let mut ids: Option<Ids> = None;
    for gang in components.iter().filter_map(|c| c.role.gang.as_ref()) {
        ids.get_or_insert_with(Ids::none)
            .merge(&gang.ids.union(&gang.scope.ids));
    }
    ids
}

fn queue(components: &[Component<'_>], ledger: &mut Ledger) -> Option<Traced<Str>> {
    let mut queues = components.iter().filter_map(|c| c.role.queue.as_ref());
    let first = queues.next()?;
    let mut queue = first.clone();
    for other in queues {
        if other.value != first.value {
            let message = format!("`{}` and `{}` are two queues", first.value, other.value);
            let said = Diagnostic::new(&QUEUE_CONFLICT, message).at_ids(&other.ids);
            ledger.report(said.label(first.at(), "the other one"));
        }
        queue = queue.and(&other.ids);
    }
    Some(queue)
}

/// The PriorityClass of the gangs: the one of the pods, if all that ask for one ask for the same.
fn priority(components: &[Component<'_>], mode: Mode) -> Option<Node> {
    let mut classes = components.iter().filter_map(|c| c.role.priority.as_ref());
    let first = classes.next().filter(|_| mode == Mode::Grove)?;
    let same = classes.all(|c| c.value == first.value);
    same.then(|| first.node())
}
