//! A role of the group.

use super::codes::{NO_EFFECT, OPTION};
use super::options::{
    Dependencies, InPlaceScheduling, Options, Pattern, Platform, RoleOptions, WorkloadKind,
};
use super::pattern::RolePlan;
use super::said;
use super::scheduling::Scheduling;
use super::{answers, checks, difference, names, policies};
use crate::diagnostic::Outcome;
use crate::dialect::{Context, shared};
use crate::ir::answer::Asker;
use crate::ir::capability::LOSSY;
use crate::ir::{Member, Role, Serving};
use crate::spec::policy::StartupOrder;
use crate::template::Vars;
use crate::value::{Map, Node, Str, Traced};

const DEPENDS_ON: &str = "rolebasedgroup.workloads.x-k8s.io/component-depends-on";
const WORKLOAD_TYPE: &str = "rbg.workloads.x-k8s.io/role-workload-type";
const INSTANCE_PATTERN: &str = "rbg.workloads.x-k8s.io/role-instance-pattern";
const INSTANCE_GANG: &str = "rbg.workloads.x-k8s.io/role-instance-gang-scheduling";
const IN_PLACE: &str = "rbg.workloads.x-k8s.io/role-inplace-scheduling";
const IN_PLACE_GRANULARITY: &str = "rbg.workloads.x-k8s.io/role-inplace-scheduling-granularity";
const IN_PLACE_AVOID: &str = "rbg.workloads.x-k8s.io/role-inplace-scheduling-avoid";

/// What lowering a role looks at.
pub struct Roles<'a> {
    /// The workload.
    pub serving: &'a Serving,
    /// The workload's options.
    pub options: &'a Options,
    /// How the controller runs.
    pub platform: &'a Platform,
    /// All roles.
    pub plans: &'a [RolePlan<'a>],
}

impl Roles<'_> {
    /// The role's entry in `spec.roles`.
    pub fn role(
        &self,
        plan: &RolePlan<'_>,
        scheduling: &mut Scheduling<'_>,
        cx: &mut Context<'_>,
    ) -> Option<Node> {
        // Taken apart in full, so that a new field is a decision here.
        let Role {
            name,
            phase: _,
            implicit: _,
            replicas: _,
            members: _,
            engine: _,
            depends_on: _,
            startup: _,
            gang: _,
            topology: _,
            queue: _,
            priority: _,
            scheduler: _,
            rollout: _,
            restart: _,
            scaling: _,
            disruption: _,
            claims: _,
            claimed: _,
            discovers: _,
            options: written,
        } = plan.role;
        let mut templates = self.templates(plan, scheduling, cx);
        scheduling.queue(plan, &mut templates, cx.ledger);
        let mut vars = Vars::new();
        vars.set("name", name);
        let replicas = match names::is_set(self.serving) {
            true => plan.role.replicas.clone(),
            false => shared::replicas(self.serving, plan.role),
        };
        vars.set("replicas", replicas.node());
        vars.set("dependencies", self.dependencies(plan));
        vars.set(
            "scalingAdapter",
            policies::scaling_adapter(self.serving, plan, cx.ledger),
        );
        policies::rollout(plan, &mut vars, cx.ledger);
        let annotations = self.annotations(plan, scheduling, cx);
        self.options(plan, annotations, &mut vars);
        self.ordered(plan, cx);
        self.pattern(plan, templates, &mut vars, cx);
        let mut role = shared::fill(cx, "rbg/role.yaml", vars)?;
        role.decided_by(&plan.options.ids.union(&plan.ids));
        role.decided_by(&shared::empty_options(written));
        if plan.workload == WorkloadKind::Deployment && plan.role.rollout.is_none() {
            // A Deployment has other bounds where none are written.
            role.map_mut().remove("rolloutStrategy");
        }
        if let Some(dependencies) = self
            .options
            .dependencies
            .as_ref()
            .filter(|_| !plan.role.depends_on.is_empty())
        {
            role.decided_by(&dependencies.ids);
        }
        Some(role)
    }

    /// The pod templates of the members, references answered.
    fn templates(&self, plan: &RolePlan<'_>, scheduling: &Scheduling<'_>, cx: &mut Context<'_>) -> Vec<Node> {
        let template = |(index, member): (usize, &Member)| {
            let mut template = member.template.clone();
            answers::leave_out(&mut template, plan, index, self.serving);
            checks::template(self.serving, plan, &template, self.platform, cx.ledger);
            shared::use_pod_reader(self.serving, plan.role, &mut template);
            if self.waits_inside() {
                shared::wait_for_dependencies(self.serving, plan.role, &mut template);
            }
            startup(plan, index, &mut template);
            scheduling.complete(plan, &mut template);
            let asker = Asker {
                serving: self.serving,
                role: plan.role,
                member: Some(member),
            };
            answers::answer(&mut template, &asker, self.plans, cx.ledger);
            template
        };
        let templates = plan.role.members.iter().enumerate().map(template).collect();
        self.unheard(plan, cx);
        if let Some(order) = plan
            .role
            .startup
            .as_ref()
            .filter(|_| plan.role.members.len() == 1)
        {
            let message = format!(
                "the pods of `{}` are of one kind and cannot wait for each other",
                plan.role.name.value
            );
            let entry = said(&LOSSY, message).at_ids(&order.ids).outcome(Outcome::Dropped);
            cx.ledger
                .report(entry.remedy("write the first pod as a member of its own"));
        }
        templates
    }

    fn waits_inside(&self) -> bool {
        self.options
            .dependencies
            .as_ref()
            .is_some_and(|d| d.value == Dependencies::InitContainers)
    }

    /// Init containers wait for a port: a role without one is not waited for.
    fn unheard(&self, plan: &RolePlan<'_>, cx: &mut Context<'_>) {
        for needed in plan.role.depends_on.iter().filter(|_| self.waits_inside()) {
            if self
                .serving
                .role(&needed.value)
                .is_some_and(|r| r.engine.port.is_none())
            {
                let message = format!(
                    "`{}` has no port, so init containers cannot wait for it",
                    needed.value
                );
                let entry = said(&LOSSY, message)
                    .at_ids(&needed.ids)
                    .outcome(Outcome::Dropped);
                cx.ledger.report(
                    entry.remedy("give the role `engine.port`, or leave out `dependencies: initContainers`"),
                );
            }
        }
    }

    fn dependencies(&self, plan: &RolePlan<'_>) -> Option<Node> {
        let needed: Vec<Node> = plan.role.depends_on.iter().map(Node::from).collect();
        (!needed.is_empty() && !self.waits_inside()).then(|| needed.into())
    }

    /// What the role's options say outside of its pattern.
    fn options(&self, plan: &RolePlan<'_>, annotations: Option<Node>, vars: &mut Vars) {
        let RoleOptions {
            ids: _,
            workload: _,
            addressed_by: _,
            pattern: _,
            instance_pattern: _,
            pod_management_policy: policy,
            min_ready,
            shared_service_selection: _,
            in_place_grace_period: grace,
            in_place_scheduling: _,
            instance_gang_scheduling: _,
            scaling_adapter: _,
            service_ports,
            engine_runtimes,
            labels,
            annotations: _,
        } = &plan.options;
        let list = |list: &Option<Vec<Node>>| list.clone().filter(|l| !l.is_empty()).map(Node::from);
        vars.set("servicePorts", list(service_ports));
        vars.set("engineRuntimes", list(engine_runtimes));
        vars.set(
            "podManagementPolicy",
            policy.as_ref().map_or_else(|| "Parallel".into(), Traced::node),
        );
        vars.set(
            "minReadySeconds",
            min_ready.as_ref().map(|m| m.map(|m| m.0).node()),
        );
        let grace = grace
            .as_ref()
            .map(|g| Map::from_iter([("gracePeriodSeconds", g.map(|g| g.0).node())]));
        vars.set("inPlaceUpdateStrategy", grace);
        vars.set(
            "labels",
            labels.as_ref().map(|l| Node::derived(l.entries.clone(), &l.ids)),
        );
        vars.set("annotations", annotations);
    }

    /// The annotations of the role: its own, and the options that are annotations.
    fn annotations(
        &self,
        plan: &RolePlan<'_>,
        scheduling: &Scheduling<'_>,
        cx: &mut Context<'_>,
    ) -> Option<Node> {
        let own = plan.options.annotations.as_ref();
        let mut all = own
            .map(|a| Node::derived(a.entries.clone(), &a.ids))
            .unwrap_or_else(Node::map);
        checks::role_annotations(all.map_mut(), cx.ledger);
        if let Some(workload) = &plan.options.workload {
            all.set(WORKLOAD_TYPE, workload.map(|w| Str::from(w.annotation())));
        }
        if let Some(pattern) = &plan.options.instance_pattern {
            all.set(INSTANCE_PATTERN, pattern.node());
        }
        if let Some(gang) = &plan.options.instance_gang_scheduling {
            all.set(
                INSTANCE_GANG,
                gang.map(|g| Str::from(if *g { "true" } else { "false" })),
            );
        }
        if let Some(in_place) = &plan.options.in_place_scheduling {
            sticky(in_place, &mut all);
            if scheduling.exclusive_role(plan) {
                let message =
                    "in-place scheduling is not looked at where the group has a topology domain for itself";
                cx.ledger.report(
                    said(&NO_EFFECT, message)
                        .at_ids(&in_place.ids)
                        .outcome(Outcome::Moved),
                );
            }
        }
        (all.as_map().is_some_and(|m| !m.is_empty()) || !all.ids.is_empty()).then_some(all)
    }

    /// Stateless instances have no order.
    fn ordered(&self, plan: &RolePlan<'_>, cx: &mut Context<'_>) {
        let Some(policy) = plan
            .options
            .pod_management_policy
            .as_ref()
            .filter(|_| plan.stateless())
        else {
            return;
        };
        let message = "stateless instances are made in no order";
        cx.ledger.report(
            said(&NO_EFFECT, message)
                .at_ids(&policy.ids)
                .outcome(Outcome::Moved),
        );
    }

    fn pattern(&self, plan: &RolePlan<'_>, mut templates: Vec<Node>, vars: &mut Vars, cx: &mut Context<'_>) {
        for name in ["standalone", "leaderWorker", "customComponents"] {
            vars.set(name, None::<Node>);
        }
        let restart = policies::restart(plan, templates.first_mut(), cx.ledger);
        match plan.pattern {
            Pattern::Standalone => {
                if let Some(template) = templates.first_mut() {
                    template.decided_by(&plan.role.size().ids);
                }
                vars.set(
                    "standalone",
                    Vars::new().with("template", templates.into_iter().next()),
                );
            }
            Pattern::LeaderWorker => vars.set("leaderWorker", leader_worker(plan, templates, restart)),
            Pattern::CustomComponents => {
                let components: Vec<Vars> = plan.role.members.iter().zip(templates).map(component).collect();
                let pattern = Vars::new()
                    .with("components", components)
                    .with("restartPolicyConfig", restart);
                vars.set("customComponents", pattern);
                self.component_names(plan, cx);
            }
        }
    }

    /// A component is called like its member, and two of a name make no pods.
    fn component_names(&self, plan: &RolePlan<'_>, cx: &mut Context<'_>) {
        let members = &plan.role.members;
        for (i, member) in members.iter().enumerate() {
            if members[..i].iter().any(|m| m.name.value == member.name.value) {
                let message = format!("two components are called `{}`", member.name.value);
                cx.ledger.report(said(&OPTION, message).at_ids(&member.name.ids));
            }
        }
    }
}

fn component((member, template): (&Member, Node)) -> Vars {
    Vars::new()
        .with("name", &member.name)
        .with("size", member.count.node())
        .with("template", template)
}

fn leader_worker(plan: &RolePlan<'_>, templates: Vec<Node>, restart: Option<Node>) -> Vars {
    let mut templates = templates.into_iter();
    let (leader, worker) = (templates.next().unwrap_or_default(), templates.next());
    let split = match worker {
        Some(worker) => difference::split(&leader, &worker),
        None => difference::Split {
            template: leader,
            leader: None,
            worker: None,
        },
    };
    let selection = Traced::default_of(plan.selection);
    let asked = plan
        .options
        .shared_service_selection
        .as_ref()
        .map_or(selection, |s| s.map(|_| plan.selection));
    // A LeaderWorkerSet has a Service of its own, for all its pods.
    let asked = (plan.workload == WorkloadKind::RoleInstanceSet).then(|| asked.node());
    Vars::new()
        .with("size", plan.role.size().node())
        .with("sharedServiceSelection", asked)
        .with("restartPolicyConfig", restart)
        .with("template", split.template)
        .with("leaderTemplatePatch", split.leader)
        .with("workerTemplatePatch", split.worker)
}

/// A startup order is an annotation of the component that waits.
fn startup(plan: &RolePlan<'_>, index: usize, template: &mut Node) {
    let Some(order) = &plan.role.startup else { return };
    let names = |members: &[Member]| -> Vec<String> {
        members
            .iter()
            .map(|m| format!("{:?}", m.name.value.as_str()))
            .collect()
    };
    let first = &plan.role.members[..1];
    let after = match (order.value, index) {
        (StartupOrder::LeaderFirst, 1..) => names(first),
        (StartupOrder::WorkersFirst, 0) => names(&plan.role.members[1..]),
        _ => return,
    };
    let annotations = template.at_mut(&["metadata", "annotations"]);
    let text = format!("{{\"startAfter\":[{}]}}", after.join(","));
    if annotations.get(DEPENDS_ON).is_none() {
        annotations.set(DEPENDS_ON, Node::derived(text, &order.ids));
    } else {
        annotations.decided_by(&order.ids);
    }
}

fn sticky(in_place: &InPlaceScheduling, annotations: &mut Node) {
    let InPlaceScheduling {
        ids,
        mode,
        granularity,
        avoid,
    } = in_place;
    let map = annotations.map_mut();
    map.insert_some(IN_PLACE, mode.as_ref().map(|m| Node::derived(m.node(), ids)));
    map.insert_some(IN_PLACE_GRANULARITY, granularity.as_ref().map(Traced::node));
    if let Some(avoid) = avoid.as_ref().filter(|a| !a.is_empty()) {
        let keys: Vec<&str> = avoid.iter().map(|a| a.value.as_str()).collect();
        let ids = avoid
            .iter()
            .fold(crate::value::Ids::none(), |ids, a| ids.union(&a.ids));
        map.insert(IN_PLACE_AVOID, Node::derived(keys.join(","), &ids));
    }
}
