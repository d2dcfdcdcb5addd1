//! A role of the RoleSet, and its one pod template.

use super::answers::RANK;
use super::check;
use super::codes::{DEPENDENCY, IN_PLACE};
use super::gang::Gangs;
use super::lowering::Lowering;
use super::options::{QueueSystem, RoleOptions};
use super::topology::Topologies;
use crate::diagnostic::{Diagnostic, Ledger, Outcome, Severity};
use crate::dialect::{Context, shared};
use crate::ir::answer::{Asker, resolve};
use crate::ir::{Role, Rollout};
use crate::plan::codes::NO_EFFECT;
use crate::spec::policy::StartupOrder;
use crate::template::Vars;
use crate::value::{Ids, Map, Node, Reference, Str, Traced, Value};

/// What Volcano tells the pods of a PodGroup apart by.
const TASK: &str = "volcano.sh/task-spec";

impl Lowering<'_> {
    /// A role.
    pub fn role(
        &self,
        role: &Role,
        gangs: &Gangs,
        topology: &Topologies,
        cx: &mut Context<'_>,
    ) -> Option<Node> {
        // Taken apart in full, so that a new field is a decision here.
        let Role {
            name: _,
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
            rollout,
            restart: _,
            scaling: _,
            disruption: _,
            claims: _,
            claimed: _,
            discovers: _,
            options: _,
        } = role;
        let index = self.index(role);
        let template = self.template(role, gangs, topology, cx);
        let (size, stateful) = self.shape(role, cx.ledger);
        let mut vars = Vars::new();
        vars.set("name", self.role_name(role).node());
        vars.set("replicas", self.replicas(role).node());
        vars.set("podGroupSize", size);
        vars.set("stateful", stateful);
        vars.set("upgradeOrder", self.upgrade_order(index));
        vars.set(
            "updateStrategy",
            self.role_rollout(role, rollout.as_ref(), cx.ledger),
        );
        vars.set("schedulingStrategy", gangs.of(index).cloned());
        vars.set("template", template);
        shared::fill(cx, "aibrix/role.yaml", vars)
    }

    /// The place of a role in a sequential rollout.
    fn upgrade_order(&self, index: usize) -> Option<Node> {
        let RoleOptions {
            ids: _,
            name: _,
            upgrade_order,
            stateful: _,
            autoscaler: _,
        } = self.role_options.get(index)?;
        upgrade_order.as_ref().map(|o| o.number().node())
    }

    /// The size of a role's groups of pods, or whether its single pods have an index.
    fn shape(&self, role: &Role, ledger: &mut Ledger) -> (Option<Node>, Option<Node>) {
        let size = role.size();
        if role.multi_node() {
            if !self.version.groups() {
                self.lacks("groups of pods", Severity::Error, &size.ids, ledger);
            }
            return (Some(size.node()), None);
        }
        let stateful = self.stateful_option(role).unwrap_or(Traced::default_of(true));
        (None, Some(stateful.and(&size.ids).node()))
    }

    /// Both bounds are written if one is: the controller's defaults depend on each other.
    fn role_rollout(&self, role: &Role, rollout: Option<&Rollout>, ledger: &mut Ledger) -> Option<Node> {
        let Rollout {
            max_unavailable,
            max_surge,
            partition: _,
            paused: _,
            in_place,
        } = rollout?;
        let mut strategy = Map::new();
        if let Some(in_place) = in_place {
            let wanted = in_place.value;
            if wanted && !self.version.in_place() {
                self.lacks(
                    "in-place updates of roles",
                    Severity::Warning,
                    &in_place.ids,
                    ledger,
                );
            } else if wanted && role.multi_node() {
                let message = format!(
                    "replicas of `{}` have several pods, which are made anew",
                    role.name.value
                );
                ledger.report(
                    Diagnostic::new(&IN_PLACE, message)
                        .at_ids(&in_place.ids)
                        .outcome(Outcome::Dropped),
                );
            } else if self.version.in_place() {
                let kind = if wanted { "InPlaceIfPossible" } else { "Recreate" };
                strategy.insert("type", Node::derived(kind, &in_place.ids));
            } else {
                ledger.waive(
                    &in_place.ids,
                    Diagnostic::new(&super::codes::VERSION, "pods are made anew anyway")
                        .outcome(Outcome::Defaulted),
                );
            }
        }
        if max_unavailable.is_some() || max_surge.is_some() {
            let bound =
                |v: &Option<Traced<_>>, default: u32| v.as_ref().map_or_else(|| default.into(), Traced::node);
            strategy.insert("maxUnavailable", bound(max_unavailable, 1));
            strategy.insert("maxSurge", bound(max_surge, 0));
        }
        (!strategy.is_empty()).then(|| strategy.into())
    }

    /// Takes out variables that say what the controllers say by the same name.
    fn leave_names(&self, role: &Role, template: &mut Node) {
        let same = [
            ("STORM_SERVICE_NAME", self.serving.name.value.clone()),
            ("ROLE_NAME", self.role_name(role).value),
        ];
        let mut ids = Ids::none();
        for list in ["initContainers", "containers"] {
            let spec = template.map_mut().get_mut("spec");
            let Some(Value::Seq(containers)) =
                spec.and_then(|s| s.map_mut().get_mut(list)).map(|l| &mut l.value)
            else {
                continue;
            };
            for env in containers.iter_mut().filter_map(|c| c.map_mut().get_mut("env")) {
                let says = |e: &Node, key: &str| e.get(key).and_then(Node::as_str).map(Str::from);
                env.seq_mut().retain(|e| {
                    let given = same.iter().any(|(name, text)| {
                        says(e, "name").as_deref() == Some(*name) && says(e, "value").as_ref() == Some(text)
                    });
                    if given {
                        ids.merge(&e.all_ids());
                    }
                    !given
                });
            }
            containers.iter_mut().for_each(|c| {
                let empty = c
                    .get("env")
                    .and_then(Node::as_seq)
                    .is_some_and(<[Node]>::is_empty);
                if empty {
                    c.map_mut().remove("env");
                }
            });
        }
        template.decided_by(&ids);
    }

    /// The pod template of all pods of a role, references answered.
    fn template(&self, role: &Role, gangs: &Gangs, topology: &Topologies, cx: &mut Context<'_>) -> Node {
        let index = self.index(role);
        let mut template = shared::one_template(role, shared::Rank::Variable(RANK), cx.ledger);
        self.leave_names(role, &mut template);
        check::template(role, &template, cx.ledger);
        let metadata = template.map_mut().get_mut("metadata");
        if let Some(labels) = metadata.and_then(|m| m.map_mut().get_mut("labels")) {
            labels.map_mut().remove(crate::ir::MEMBER_LABEL);
        }
        for member in &role.members {
            let message = "the pods of a replica have one template, so no label tells its members apart";
            let said = Diagnostic::new(&NO_EFFECT, message).severity(Severity::Note);
            cx.ledger.waive(&member.name.ids, said.outcome(Outcome::Dropped));
        }
        self.tell_gateway(role, &mut template, cx.ledger);
        shared::use_pod_reader(self.serving, role, &mut template);
        self.wait(role, &mut template, cx.ledger);
        self.affinity(role, topology, &mut template);
        self.queue(role, gangs.holds(index), &mut template);
        if gangs.holds(index) {
            let spec = template.at_mut(&["spec"]);
            if spec.get("schedulerName").is_none() {
                let ids = role
                    .gang
                    .as_ref()
                    .map_or_else(Ids::none, |g| g.ids.union(&g.scope.ids));
                spec.set("schedulerName", Node::derived(self.scheduler_name(), &ids));
            }
            shared::requests_as_limits(&mut template);
        }
        if gangs.tasks {
            // Volcano's scheduler reads the annotation, its newer plugins the label.
            for field in ["labels", "annotations"] {
                template
                    .at_mut(&["metadata", field])
                    .set(TASK, self.role_name(role));
            }
        }
        resolve(
            &mut template,
            &Asker {
                serving: self.serving,
                role,
                member: None,
            },
            self,
            cx.ledger,
        );
        check::injected(role, self.version, &template, cx.ledger);
        template
    }

    /// Whether queues are Kueue's.
    pub fn kueue(&self) -> bool {
        self.options
            .queue_system
            .as_ref()
            .is_some_and(|q| q.value == QueueSystem::Kueue)
    }

    /// The queue of pods that no PodGroup names it for.
    fn queue(&self, role: &Role, grouped: bool, template: &mut Node) {
        let Some(queue) = &role.queue else { return };
        let ids = self
            .options
            .queue_system
            .as_ref()
            .map(|q| q.ids.clone())
            .unwrap_or_default();
        let value = queue.clone().and(&ids);
        if self.kueue() {
            template
                .at_mut(&["metadata", "labels"])
                .set("kueue.x-k8s.io/queue-name", value);
        } else if !grouped {
            // Volcano makes a PodGroup for each pod without one, in the queue that the pod names.
            template
                .at_mut(&["metadata", "annotations"])
                .set("scheduling.volcano.sh/queue-name", value);
            let spec = template.at_mut(&["spec"]);
            if spec.get("schedulerName").is_none() {
                spec.set("schedulerName", Node::derived("volcano", &queue.ids));
            }
        }
    }

    /// The roles that a role can wait for.
    pub fn awaited(&self, role: &Role) -> Vec<Traced<crate::value::Str>> {
        let has_port = |n: &&Traced<crate::value::Str>| {
            self.serving
                .role(&n.value)
                .is_some_and(|r| r.engine.port.is_some())
        };
        role.depends_on.iter().filter(has_port).cloned().collect()
    }

    /// Says what of the startup order does not hold.
    pub fn check_dependencies(&self, ledger: &mut Ledger) {
        for role in &self.serving.roles {
            let awaited = self.awaited(role);
            for needed in &role.depends_on {
                let why = if !awaited.iter().any(|a| a.value == needed.value) {
                    format!(
                        "`{}` has no port, so `{}` cannot wait for it",
                        needed.value, role.name.value
                    )
                } else if self.cells() > 1 {
                    format!("`{}` waits for `{}` of any slice", role.name.value, needed.value)
                } else {
                    continue;
                };
                ledger.report(
                    Diagnostic::new(&DEPENDENCY, why)
                        .at_ids(&needed.ids)
                        .outcome(Outcome::Dropped),
                );
            }
        }
    }

    /// Init containers that wait: for other roles, and on ranks above 0 for the leader.
    fn wait(&self, role: &Role, template: &mut Node, ledger: &mut Ledger) {
        let mut waits: Vec<Node> = Vec::new();
        for needed in self.awaited(role) {
            let Some(port) = self
                .serving
                .role(&needed.value)
                .and_then(|r| r.engine.port.as_ref())
            else {
                continue;
            };
            waits.push(shared::wait_container(
                &needed,
                Reference::Service {
                    role: needed.value.clone(),
                },
                port.value,
                "",
            ));
        }
        let leader_first = role
            .startup
            .as_ref()
            .filter(|s| s.value == StartupOrder::LeaderFirst && role.engine.engine.is_none());
        if let Some(order) = leader_first.filter(|_| !self.version.injected_first()) {
            self.lacks(
                "ranks in init containers, so workers do not wait",
                Severity::Warning,
                &order.ids,
                ledger,
            );
        } else if let (Some(order), Some(port)) = (leader_first, role.engine.port.as_ref()) {
            let name = Traced::new("leader".into(), order.ids.clone());
            waits.push(shared::wait_container(
                &name,
                Reference::Leader,
                port.value,
                &format!("[ \"${RANK}\" = 0 ] || "),
            ));
        }
        if waits.is_empty() {
            return;
        }
        let list = template.at_mut(&["spec", "initContainers"]);
        if let Value::Seq(own) = std::mem::take(&mut list.value) {
            waits.extend(own);
        }
        list.value = Value::Seq(waits);
    }
}
