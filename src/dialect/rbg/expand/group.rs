//! The roles of a group, in the order in which the controller makes them.

use super::super::codes::{COORDINATION, GANG_DEADLOCK, NAME_TOO_LONG, SERVICE_NAME};
use super::super::names::API_VERSION;
use super::super::read::{Group, LeaderWorker, Pattern, Role, Workload, name};
use super::super::verdicts::{
    COMPONENTS, DEPENDENCY, FIGHT, INSTANCE_PATTERN, NO_PATTERN, OLD_COORDINATION, ROLE_NAME, keys,
};
use super::super::{admit, read};
use super::coordination::{self, Steps};
use super::instance::{Instances, Naming, Part, Place, Prepared};
use super::template::{Injectors, Templates};
use super::{Flags, children, deprecated, handed_on, revision_problem};
use crate::diagnostic::{Diagnostic, Severity};
use crate::dialect::Context;
use crate::kubernetes::int_or_string::{IntOrPercent, Rounding};
use crate::kubernetes::names::{dns_subdomain, label_value, qualified_key};
use crate::pods::{Child, Pod, Problem, Scene};
use crate::source::Document;
use crate::value::{Ids, Map, Node, Str, Traced};

/// What was made, and why not all of it.
#[derive(Default)]
pub struct Made {
    /// The pods.
    pub pods: Vec<Pod>,
    /// What stands between.
    pub children: Vec<Child>,
    /// Why there is not more.
    pub problems: Vec<Problem>,
}

impl Made {
    /// Takes over what another group made. Equal problems are said once.
    pub fn add(&mut self, other: Self) {
        self.pods.extend(other.pods);
        self.children.extend(other.children);
        for problem in other.problems {
            let said = |p: &Problem| std::ptr::eq(p.code, problem.code) && p.ids == problem.ids;
            if !self.problems.iter().any(said) {
                self.problems.push(problem);
            }
        }
    }
}

/// How a role comes out.
pub enum Fate {
    /// All of it.
    Done,
    /// Its objects are made, its pods are not, or not all: roles that depend on it wait.
    Stuck,
    /// The controller fails at it: later levels wait.
    Failed,
    /// The controller crashes at it: everything after it waits.
    Crashed,
}

/// A group in the making.
pub struct Making<'a> {
    /// The group.
    pub group: &'a Group,
    /// What stands beside it.
    pub scene: &'a Scene<'a>,
    /// How the controller runs.
    pub flags: Flags,
    /// Its number in a set.
    pub slice: u32,
    steps: Steps,
    /// What was made so far.
    pub made: Made,
}

impl<'a> Making<'a> {
    /// A group before anything is made of it.
    pub fn new(group: &'a Group, scene: &'a Scene<'a>, flags: Flags, slice: u32) -> Self {
        Self {
            group,
            scene,
            flags,
            slice,
            steps: Steps::default(),
            made: Made::default(),
        }
    }

    /// What came of it.
    pub fn done(self) -> Made {
        self.made
    }

    /// One reconciliation after the other, until nothing changes.
    pub fn run(&mut self, cx: &mut Context<'_>) {
        let refused = admit::before_anything(self.group);
        if !refused.is_empty() {
            self.made.problems = refused;
            return;
        }
        self.made.children = children::of_group(self.group, self.is_configured(), self.flags);
        if let Some(node) = self
            .group
            .annotations
            .get(keys::V1_COORDINATION)
            .filter(|n| n.as_str().is_some_and(|s| !s.is_empty()))
        {
            let reason = "`spec.coordination` of v1alpha1 stops the controller before any role is made";
            return self.problem(Problem::new(&OLD_COORDINATION, reason, &node.ids));
        }
        match coordination::steps(self.group, self.scene) {
            Ok(steps) => self.steps = steps,
            Err(problem) => return self.problem(problem),
        }
        match levels(self.group) {
            Ok(levels) => self.levels(levels, cx),
            Err(problem) => return self.problem(problem),
        }
        self.deadlock(cx);
        let order: Vec<&Str> = self.group.roles.iter().map(|r| &r.name.value).collect();
        let rank = |pod: &Pod| order.iter().position(|name| **name == pod.role);
        // The SHA-1 of namespace and name, which could be written here. It is left open so that a prediction holds in whatever
        // namespace the manifest is applied; the price is that nobody can read the value from it.
        for uid in self
            .made
            .pods
            .iter_mut()
            .filter_map(|pod| pod.labels.get_mut(keys::GROUP_UID))
        {
            *uid = "<hash>".into();
        }
        self.made
            .pods
            .sort_by_key(|pod| (rank(pod), pod.replica, pod.index));
    }

    /// Keeps a reason.
    pub fn problem(&mut self, problem: Problem) {
        self.made.problems.push(problem);
    }

    /// Whether the controller writes the discovery configuration: not for groups that are older than it.
    fn is_configured(&self) -> bool {
        match self.group.annotation(keys::DISCOVERY_MODE) {
            "legacy" => false,
            "refine" => true,
            _ => !self.group.roles.iter().any(|role| {
                let wanted = self.group.workload_name(role);
                self.scene
                    .of_kind("ConfigMap", &self.group.namespace)
                    .any(|d| name(&d.root).value == wanted)
            }),
        }
    }

    fn levels(&mut self, levels: Vec<Vec<&'a Role>>, cx: &mut Context<'_>) {
        let mut stuck: Vec<&Str> = Vec::new();
        for level in levels {
            let mut failed = false;
            for role in level {
                if let Some(needed) = role.dependencies.iter().find(|d| stuck.contains(&&d.value)) {
                    let reason = format!(
                        "role `{}` and all after it wait for ever: `{}` never gets ready",
                        role.name.value, needed.value
                    );
                    return self.problem(Problem::new(&DEPENDENCY, reason, &needed.ids));
                }
                match self.role(role, cx) {
                    Fate::Done => {}
                    Fate::Stuck => stuck.push(&role.name.value),
                    Fate::Failed => failed = true,
                    Fate::Crashed => return,
                }
            }
            if failed {
                return;
            }
        }
    }

    fn role(&mut self, role: &'a Role, cx: &mut Context<'_>) -> Fate {
        let before = self.made.problems.len();
        if let Some(problem) = self.name_problem(role) {
            self.problem(problem);
            return Fate::Failed;
        }
        let result = match role.workload() {
            Workload::RoleInstanceSet => self.role_instance_set(role),
            Workload::StatefulSet => deprecated::stateful_set(self, role),
            Workload::Deployment => deprecated::deployment(self, role),
            Workload::LeaderWorkerSet => deprecated::leader_worker_set(self, role, cx),
            // Refused before anything was made.
            Workload::Unknown => Ok(()),
        };
        if let Err((fate, problem)) = result {
            self.problem(problem);
            return fate;
        }
        if let Some(labels) = &role.scaling_adapter {
            let adapter = children::scaling_adapter(self.group, role, labels);
            self.made.children.push(adapter);
        }
        if self.service_collides(role, cx) {
            return Fate::Failed;
        }
        if self.made.problems.len() > before {
            Fate::Stuck
        } else {
            Fate::Done
        }
    }

    /// A name that no object of the role can have.
    fn name_problem(&self, role: &Role) -> Option<Problem> {
        let text = &role.name.value;
        let workload = self.group.workload_name(role);
        let revision = format!("rbg.workloads.x-k8s.io/role-revision-{text}");
        let refused = |what: String| Some(Problem::new(&ROLE_NAME, what, &role.name.ids));
        if let Err(error) = dns_subdomain(&workload) {
            return refused(format!("`{workload}` is no name of an object: {error}"));
        }
        if text.len() > 49 {
            let reason = format!(
                "the role name is {} characters long; the label role-revision-<role> leaves 49",
                text.len()
            );
            return Some(Problem::new(&NAME_TOO_LONG, reason, &role.name.ids));
        }
        if let Err(error) = qualified_key(&revision) {
            return refused(format!("`{revision}` is no label: {error}"));
        }
        for (key, value) in &role.labels {
            let text = value.as_str().unwrap_or_default();
            let error = qualified_key(key).err().or_else(|| label_value(text).err());
            if let Some(error) = error {
                let reason = format!("role `{}`: label `{key}: {text}`: {error}", role.name.value);
                return Some(Problem::new(&ROLE_NAME, reason, &value.ids));
            }
        }
        None
    }

    /// The headless Service of a role: an older name, if there is a Service of it.
    pub fn service(&self, role: &Role) -> String {
        let workload = self.group.workload_name(role);
        let older = self
            .scene
            .of_kind("Service", &self.group.namespace)
            .any(|d| name(&d.root).value == workload);
        if older {
            workload
        } else {
            self.group.service_name(role)
        }
    }

    /// A Service of the headless one's name that has an address makes every reconciliation fail, although the pods run.
    fn service_collides(&self, role: &Role, cx: &mut Context<'_>) -> bool {
        if !matches!(role.workload(), Workload::RoleInstanceSet | Workload::StatefulSet) {
            return false;
        }
        let wanted = self.service(role);
        let found = self
            .scene
            .of_kind("Service", &self.group.namespace)
            .find(|d| name(&d.root).value == wanted);
        let Some(service) = found else { return false };
        let headless = service.root.at(&["spec", "clusterIP"]).and_then(Node::as_str) == Some("None");
        if headless {
            return false;
        }
        let message = format!(
            "the controller cannot make the headless Service `{wanted}` of role `{}`: one with a cluster IP is there",
            role.name.value
        );
        cx.ledger.report(
            Diagnostic::new(&SERVICE_NAME, message)
                .at_ids(&name(&service.root).ids)
                .severity(Severity::Warning),
        );
        true
    }

    /// What completes the templates of a role.
    pub fn templates<'b>(&'b self, role: &'b Role, service: &'b str) -> Templates<'b> {
        Templates {
            group: self.group,
            role,
            service,
            flags: self.flags,
            scene: self.scene,
        }
    }

    /// The instances that a role gets after each step, and whether that is all of them.
    pub fn steps(&mut self, role: &Role) -> Vec<i64> {
        let steps = self.steps.of(&role.name.value, role.replicas.value);
        let last = steps.last().copied().unwrap_or(0);
        if last < role.replicas.value {
            let reason = format!(
                "the coordinated scaling lets role `{}` grow to {last} of {} replicas",
                role.name.value, role.replicas.value
            );
            self.problem(Problem::new(&COORDINATION, reason, &role.name.ids));
        }
        steps
    }

    fn role_instance_set(&mut self, role: &'a Role) -> Result<(), (Fate, Problem)> {
        let failed = |problem| (Fate::Failed, problem);
        let service = self.service(role);
        let (naming, parts) = self.parts(role, &service)?;
        let set = self.group.workload_name(role);
        self.made.children.push(children::workload(
            self.group,
            role,
            API_VERSION,
            "RoleInstanceSet",
        ));
        if let Err(error) = crate::kubernetes::names::dns_label(&service) {
            let reason = format!("`{service}` is no name of a Service: {error}");
            return Err(failed(Problem::new(&ROLE_NAME, reason, &role.name.ids)));
        }
        let owner = ("RoleInstanceSet", set.as_str());
        let headless = children::service(self.group, role, &service, owner);
        self.made.children.push(headless);
        let pattern = role.annotation(keys::INSTANCE_PATTERN);
        if !["", "Stateful", "Stateless"].contains(&pattern) {
            let reason = format!(
                "role `{}`: unknown role instance pattern \"{pattern}\"",
                role.name.value
            );
            let ids = role
                .annotations
                .get(keys::INSTANCE_PATTERN)
                .map(|n| n.ids.clone());
            let problem = Problem::new(&INSTANCE_PATTERN, reason, &ids.unwrap_or_default());
            return Err((Fate::Stuck, problem));
        }
        let stateful = pattern != "Stateless";
        let steps = self.steps(role);
        let last = steps.last().copied().unwrap_or(0);
        let ids = self.group.name.ids.union(&role.name.ids);
        if let Some(problem) = revision_problem(&set, &ids).filter(|_| stateful && last > 0) {
            return Err((Fate::Stuck, problem));
        }
        let mut annotations = handed_on(&role.annotations);
        let update = role.rolling_update.as_ref();
        if update.is_some_and(|u| u.get("inPlaceUpdateStrategy").is_some_and(|s| !s.is_null())) {
            annotations.insert(keys::GRACE, "0");
        }
        let instances = Instances {
            namespace: &self.group.namespace,
            naming,
            parts,
            annotations,
            ordinals: stateful,
            owned: true,
            ports: self.flags.ports,
            role_ports: self.flags.ports,
        };
        let own = update.and_then(|u| u.get("partition"));
        let partition =
            coordination::partition(self.group, self.scene, role).unwrap_or_else(|| partition(own, last));
        let wanted = Wanted {
            set: &Traced::new(set.into(), role.name.ids.clone()),
            stateful,
            steps,
            partition,
            role: role.name.value.clone(),
            slice: self.slice,
        };
        multiply(instances.prepare(), &wanted, &mut self.made);
        Ok(())
    }

    fn parts(&self, role: &'a Role, service: &str) -> Result<(Naming, Vec<Part>), (Fate, Problem)> {
        let templates = self.templates(role, service);
        let failed = |problem| (Fate::Failed, problem);
        let sidecars = Injectors {
            sidecars: true,
            leader_worker: false,
        };
        match &role.pattern {
            Pattern::None => {
                let mut reason = format!("role `{}` has no pattern", role.name.value);
                if let Some(fields) = admit::old_fields(role) {
                    reason += &format!(" ({fields} right on a role: that is v1alpha1)");
                }
                Err(failed(Problem::new(&NO_PATTERN, reason, &role.name.ids)))
            }
            Pattern::Standalone(source) => {
                let template = templates.resolve(source).map_err(failed)?;
                let template = templates.complete(template, sidecars).map_err(failed)?;
                let part = part(role, &role.name.value, 1, 1, service, template);
                Ok((Naming::Single, vec![part]))
            }
            Pattern::LeaderWorker(pattern) => {
                let parts = leader_worker(&templates, role, pattern, service).map_err(failed)?;
                Ok((Naming::LeaderWorker, parts))
            }
            Pattern::Components(pattern) => {
                let mut parts = Vec::with_capacity(pattern.components.len());
                for component in &pattern.components {
                    let mut template = component.template.clone();
                    for (key, own) in [
                        ("labels", &component.labels),
                        ("annotations", &component.annotations),
                    ] {
                        for (name, value) in own {
                            template.at_mut(&["metadata", key]).set(name, value.clone());
                        }
                    }
                    let template = templates.complete(template, sidecars).map_err(failed)?;
                    let Some(size) = &component.size else {
                        let reason = format!(
                            "component `{}` of role `{}` has no size: the controller crashes",
                            component.name.value, role.name.value
                        );
                        return Err((
                            Fate::Crashed,
                            Problem::new(&COMPONENTS, reason, &component.name.ids),
                        ));
                    };
                    let own = component.service_name.as_ref().map(|s| s.value.as_str());
                    let name = &component.name.value;
                    let mut part = part(
                        role,
                        name,
                        size.value,
                        size.value,
                        own.unwrap_or(service),
                        template,
                    );
                    part.annotations = component.annotations.clone();
                    part.ids = component.name.ids.clone();
                    parts.push(part);
                }
                Ok((Naming::Components, parts))
            }
        }
    }

    /// With a gang, pods that come one role after the other never get together.
    fn deadlock(&self, cx: &mut Context<'_>) {
        let Some(gang) = self
            .group
            .annotations
            .get(keys::GANG)
            .filter(|n| n.as_str() == Some("true"))
        else {
            return;
        };
        let waits = |role: &&Role| {
            let needs = |d: &Traced<Str>| self.group.role(&d.value).is_some_and(|r| r.replicas.value > 0);
            role.replicas.value > 0 && role.dependencies.iter().any(needs)
        };
        if let Some(role) = self.group.roles.iter().find(waits) {
            let message = format!(
                "the gang counts the pods of role `{}`, which are made when those of others are ready",
                role.name.value
            );
            cx.ledger.report(
                Diagnostic::new(&GANG_DEADLOCK, message)
                    .at_ids(&gang.ids)
                    .severity(Severity::Warning),
            );
        }
    }

    /// Another group of the input that makes an object of the same name.
    pub fn fights(&mut self, object: &Document, cx: &mut Context<'_>) {
        let names: Vec<(String, &Role)> = self
            .group
            .roles
            .iter()
            .map(|r| (self.group.workload_name(r), r))
            .collect();
        for other in self.scene.of_kind("RoleBasedGroup", &self.group.namespace) {
            if other.id == object.id {
                continue;
            }
            let (group, problems) = read::group(&other.root, &self.group.namespace);
            let refused = !problems.is_empty() || group.name.value == self.group.name.value;
            if refused || !admit::webhook(&group, self.flags.deprecated).is_empty() {
                continue;
            }
            for role in &group.roles {
                let wanted = group.workload_name(role);
                let Some((_, own)) = names.iter().find(|(name, _)| *name == wanted) else {
                    continue;
                };
                let reason = format!(
                    "group `{}` makes `{wanted}` too: the two overwrite each other for ever",
                    group.name.value
                );
                // Whoever comes last in a moment has the pods; here it is the first of the input.
                if other.id < object.id {
                    let lost = &own.name.value;
                    self.made.pods.retain(|pod| pod.role != *lost);
                    self.made
                        .problems
                        .push(Problem::new(&FIGHT, reason, &own.name.ids));
                } else {
                    let said = Diagnostic::new(&FIGHT, reason).at_ids(&own.name.ids);
                    cx.ledger.report(said.severity(Severity::Warning));
                }
            }
        }
    }
}

fn part(role: &Role, name: &str, size: i64, label: i64, service: &str, mut template: Node) -> Part {
    template
        .at_mut(&["metadata", "labels"])
        .set(keys::COMPONENT_SIZE, label.to_string());
    Part {
        name: name.into(),
        size: Some(size),
        service: service.into(),
        annotations: Map::new(),
        template,
        ids: role.name.ids.clone(),
    }
}

fn leader_worker(
    templates: &Templates<'_>,
    role: &Role,
    pattern: &LeaderWorker,
    service: &str,
) -> Result<Vec<Part>, Problem> {
    let base = templates.resolve(&pattern.source)?;
    let size = pattern.size.value;
    let make = |patch: &Option<Node>, sidecars: bool| {
        let template = templates.patched(&base, patch.as_ref())?;
        let injectors = Injectors {
            sidecars,
            leader_worker: true,
        };
        templates.complete(template, injectors)
    };
    let leader = make(&pattern.leader_patch, true)?;
    let worker = make(&pattern.worker_patch, false)?;
    let workers = if role.leaders_only() { "" } else { service };
    let count = size.saturating_sub(1).max(0);
    Ok(vec![
        part(role, "leader", 1, size, service, leader),
        part(role, "worker", count, size, workers, worker),
    ])
}

/// The roles by level: the longest way of dependencies, and within a level by name.
fn levels(group: &Group) -> Result<Vec<Vec<&Role>>, Problem> {
    let mut open: Vec<&Role> = group.roles.iter().collect();
    open.sort_by(|a, b| a.name.value.cmp(&b.name.value));
    for role in &open {
        if let Some(unknown) = role.dependencies.iter().find(|d| group.role(&d.value).is_none()) {
            let reason = format!(
                "role `{}` depends on `{}`, which is no role of the group: no role is made",
                role.name.value, unknown.value
            );
            return Err(Problem::new(&DEPENDENCY, reason, &unknown.ids));
        }
    }
    let (mut levels, mut placed): (Vec<Vec<&Role>>, Vec<&Str>) = (Vec::new(), Vec::new());
    while !open.is_empty() {
        let ready = |role: &&Role| role.dependencies.iter().all(|d| placed.contains(&&d.value));
        let (level, rest): (Vec<&Role>, Vec<&Role>) = open.iter().partition(|r| ready(r));
        if level.is_empty() {
            let reason = format!(
                "the dependencies of role `{}` lead back to it: no role is made",
                rest[0].name.value
            );
            let ids = rest[0]
                .dependencies
                .first()
                .map(|d| d.ids.clone())
                .unwrap_or_default();
            return Err(Problem::new(&DEPENDENCY, reason, &ids));
        }
        placed.extend(level.iter().map(|r| &r.name.value));
        levels.push(level);
        open = rest;
    }
    Ok(levels)
}

/// What is wanted of a RoleInstanceSet.
pub struct Wanted<'a> {
    /// Its name.
    pub set: &'a Traced<Str>,
    /// Whether instances have ordinals.
    pub stateful: bool,
    /// The instances after each step in which it grows.
    pub steps: Vec<i64>,
    /// Ordinals below are made of the older revision.
    pub partition: i64,
    /// The role.
    pub role: Str,
    /// The number of the group.
    pub slice: u32,
}

/// A partition of replicas, rounded down.
pub fn partition(node: Option<&Node>, replicas: i64) -> i64 {
    node.and_then(|n| IntOrPercent::from_node(n).ok())
        .map_or(0, |p| p.resolve(replicas, Rounding::Down))
}

/// The pods of all instances.
pub fn multiply(mut prepared: Prepared<'_>, wanted: &Wanted<'_>, made: &mut Made) {
    let set = wanted.set.value.as_str();
    let mut first = 0;
    for next in &wanted.steps {
        for ordinal in first..*next {
            let name = if wanted.stateful {
                format!("{set}-{ordinal}")
            } else {
                let prefix: String = set.chars().take(57).collect();
                format!("{prefix}-<random:5>")
            };
            let replica = u32::try_from(ordinal).unwrap_or(u32::MAX);
            let place = Place {
                slice: wanted.slice,
                role: wanted.role.clone(),
                replica,
            };
            // Instances that are made in one pass share the labels of their templates: those of the last one stay.
            let last = if ordinal < wanted.partition {
                wanted.partition.min(*next) - 1
            } else {
                next - 1
            };
            let index = wanted.stateful.then(|| u32::try_from(last).unwrap_or(u32::MAX));
            made.children.push(children::instance(&name, set));
            prepared.pods(&name, index, set, &place, &mut made.pods);
        }
        first = first.max(*next);
    }
    let mut said: Vec<(&'static str, Ids)> = Vec::new();
    for problem in prepared.problems {
        let key = (problem.code.id, problem.ids.clone());
        if !said.contains(&key) {
            said.push(key);
            made.problems.push(problem);
        }
    }
}
