//! A role as a component of the graph.

use super::super::options::{ComponentType, Mode, RoleOptions};
use super::answers::DynamoAnswers;
use super::codes::{GANG_SCALED, MIN_AVAILABLE, WORKERS_SERVED, ZERO};
use super::{Lowering, environment, launch, main_container};
use crate::diagnostic::{Diagnostic, Ledger, Outcome, Severity};
use crate::dialect::{Context, shared};
use crate::engine::router::DYNAMO_HTTP_PORT;
use crate::engine::{DYNAMO_SYSTEM_PORT, Program, scan};
use crate::ir::answer::{Asker, resolve};
use crate::ir::{Role, Rollout};
use crate::kubernetes::container::list;
use crate::plan::codes::NO_EFFECT;
use crate::spec::policy::Scope;
use crate::spec::role::Phase;
use crate::spec::scalar::IntOrPercent;
use crate::template::Vars;
use crate::value::{Ids, Map, Node, Reference, Str, Traced};

/// Annotations by which Deployments of component mode roll.
const SURGE: &str = "nvidia.com/deployment-rolling-update-max-surge";
const UNAVAILABLE: &str = "nvidia.com/deployment-rolling-update-max-unavailable";

/// A component.
pub(super) struct Component<'a> {
    /// Its role.
    pub role: &'a Role,
    /// The role's options.
    pub options: RoleOptions,
    /// Its name.
    pub name: Traced<Str>,
    /// The name in the names of objects.
    pub lower: String,
    /// What it is to Dynamo.
    pub kind: Traced<ComponentType>,
}

impl Component<'_> {
    /// The names of its cliques, the longest first. All have the same length.
    pub fn cliques(&self) -> Vec<String> {
        match self.role.multi_node() {
            true => vec![format!("{}-ldr", self.lower), format!("{}-wkr", self.lower)],
            false => vec![self.lower.clone()],
        }
    }

    /// The name of its longest clique, which decides the order.
    fn clique_length(&self) -> usize {
        self.cliques().first().map_or(0, String::len)
    }

    /// Whether the operator gives it ports, probes and the worker's hash.
    pub fn is_worker(&self) -> bool {
        use ComponentType::{Decode, Prefill, Worker};
        matches!(self.kind.value, Worker | Prefill | Decode)
    }
}

/// The components of a graph, in an order in which Grove gives each clique its own template: it takes the first one whose name
/// is a suffix of the clique's.
pub(super) fn all(roles: &[Role], options: Vec<RoleOptions>) -> Vec<Component<'_>> {
    let component = |(role, options): (_, RoleOptions)| -> Component<'_> {
        let role: &Role = role;
        let name = options.name.clone().unwrap_or_else(|| role.name.clone());
        Component {
            lower: name.value.to_lowercase(),
            kind: kind(role, &options),
            name: name.and(&role.name.ids),
            options,
            role,
        }
    };
    let mut components: Vec<Component<'_>> = roles.iter().zip(options).map(component).collect();
    // People look for the frontend first.
    components.sort_by_key(|c| c.kind.value != ComponentType::Frontend);
    let stolen = components.iter().enumerate().any(|(at, first)| {
        let names = first.cliques();
        let later = components[at + 1..].iter().flat_map(Component::cliques);
        later
            .into_iter()
            .any(|l| names.iter().any(|n| l.ends_with(n.as_str())))
    });
    if stolen {
        components.sort_by_key(|c| std::cmp::Reverse(c.clique_length()));
    }
    components
}

/// What a component is to Dynamo: as the options say; else by what it runs.
fn kind(role: &Role, options: &RoleOptions) -> Traced<ComponentType> {
    if let Some(kind) = &options.component_type {
        return kind.clone();
    }
    let template = &role.leader().template;
    let program = main_container::position(template, &role.engine.container).and_then(|at| {
        let container = template.at(&["spec", "containers"])?.as_seq()?.get(at)?;
        let words: Vec<Node> = ["command", "args"]
            .iter()
            .flat_map(|k| list(container, k))
            .cloned()
            .collect();
        scan::entry(&words)
    });
    use ComponentType::{Decode, Frontend, None, Prefill, Worker};
    let wrapped = role.engine.wrapper.is_some() && role.engine.engine.is_some();
    let kind = match (program.map(|(program, _)| program), role.phase.value) {
        (Some(Program::DynamoFrontend), _) => Frontend,
        (Some(Program::DynamoVllm | Program::DynamoSglang | Program::DynamoTrtllm), phase) => worker(phase),
        (_, phase) if wrapped => worker(phase),
        _ => None,
    };
    return Traced::new(kind, role.phase.ids.clone());

    fn worker(phase: Phase) -> ComponentType {
        match phase {
            Phase::Prefill => Prefill,
            Phase::Decode => Decode,
            Phase::Aggregated | Phase::Encode | Phase::Router | Phase::Other => Worker,
        }
    }
}

impl Lowering<'_> {
    /// A component of the graph of a slice.
    pub(super) fn component(
        &self,
        component: &Component<'_>,
        slice: Option<u32>,
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
            rollout: _,
            restart: _,
            scaling,
            disruption: _,
            claims: _,
            claimed: _,
            discovers: _,
            options: written,
        } = component.role;
        let RoleOptions {
            ids,
            name: _,
            component_type: _,
            image: _,
            runtime_version: _,
            min_available: _,
            scaling_adapter,
            global_dynamo_namespace,
            model_ref,
            compilation_cache,
            topology_constraint,
            epp_config,
            frontend_sidecar,
            multinode: _,
            experimental,
            provider_override,
        } = &component.options;
        let mut template = self.template(component, slice, cx);
        let shared_memory = main_container::shared_memory(&mut template);
        let mut vars = Vars::new();
        vars.set("name", component.name.node());
        let kind = match component.kind.value {
            ComponentType::None => None,
            kind => Some(Node::derived(kind.as_str(), &component.kind.ids)),
        };
        vars.set("type", kind);
        let replicas = shared::replicas(self.serving, component.role);
        self.check_replicas(component, &replicas, cx.ledger);
        vars.set("replicas", replicas.node());
        vars.set(
            "minAvailable",
            self.min_available(component, &replicas, cx.ledger),
        );
        vars.set("multinode", multinode(component));
        let adapter = scaling_adapter
            .clone()
            .or(scaling.as_ref().map(|s| Traced::new(true, s.ids.clone())));
        let adapter = adapter.filter(|a| a.value);
        vars.set(
            "scalingAdapter",
            adapter.map(|a| Node::derived(Node::map(), &a.ids)),
        );
        vars.set(
            "runtimeVersionOverride",
            self.runtime_version(component, &template, cx.ledger),
        );
        vars.set("modelRef", model_ref.clone());
        vars.set("sharedMemorySize", shared_memory);
        vars.set("compilationCache", compilation_cache.clone());
        let placed = self.placement.of(component);
        vars.set("topologyConstraint", topology_constraint.clone().or(placed));
        vars.set("eppConfig", epp_config.clone());
        vars.set("frontendSidecar", frontend_sidecar.as_ref().map(Traced::node));
        vars.set(
            "globalDynamoNamespace",
            global_dynamo_namespace.as_ref().map(Traced::node),
        );
        vars.set("experimental", experimental.clone());
        vars.set("providerOverride", provider_override.clone());
        vars.set("podTemplate", template);
        let mut made = shared::fill(cx, "dynamo/component.yaml", vars)?;
        let off = scaling_adapter
            .as_ref()
            .filter(|a| !a.value)
            .map(|a| a.ids.clone());
        made.decided_by(
            &ids.union(&shared::empty_options(written))
                .union(&off.unwrap_or_default()),
        );
        made.decided_by(&component.kind.ids.union(&settled(component.role)));
        Some(made)
    }

    /// The one pod template of all pods of an instance, references answered.
    fn template(&self, component: &Component<'_>, slice: Option<u32>, cx: &mut Context<'_>) -> Node {
        let role = component.role;
        let mut template = shared::one_template(role, self.rank(), cx.ledger);
        if let Some(labels) = template.at_mut(&["metadata"]).map_mut().get_mut("labels") {
            labels.map_mut().remove(crate::ir::MEMBER_LABEL);
        }
        for member in &role.members {
            let message = "the pods of an instance have one template, so no label tells its members apart";
            let said = Diagnostic::new(&NO_EFFECT, message).severity(Severity::Note);
            cx.ledger.waive(&member.name.ids, said.outcome(Outcome::Dropped));
        }
        shared::label_slice(&mut template, slice);
        shared::use_pod_reader(self.serving, role, &mut template);
        main_container::name(component, &mut template, cx.ledger);
        self.wait(component, &mut template);
        self.scheduling.apply(&mut template);
        self.placement
            .apply(self.serving, component, slice, self.mode, &mut template);
        self.rollout(role, &mut template);
        let answers = DynamoAnswers {
            lowering: self,
            slice,
        };
        let asker = Asker {
            serving: self.serving,
            role,
            member: None,
        };
        resolve(&mut template, &asker, &answers, cx.ledger);
        main_container::arguments(component, &mut template, cx.ledger);
        main_container::ports(component, &mut template);
        // The same for each slice.
        if slice.unwrap_or_default() == 0 {
            launch::check(component, self.mode, &template, cx.ledger);
            environment::check(component, &template, cx.ledger);
        }
        template
    }

    /// How a container of one template for all finds out whether it is the leader.
    fn rank(&self) -> shared::Rank<'static> {
        match self.mode {
            Mode::Lws => shared::Rank::Variable("LWS_WORKER_INDEX"),
            Mode::Grove => shared::Rank::Leader {
                yes: "[ \"${GROVE_PCLQ_NAME%-ldr}\" != \"$GROVE_PCLQ_NAME\" ]",
                no: "[ \"${GROVE_PCLQ_NAME%-ldr}\" = \"$GROVE_PCLQ_NAME\" ]",
            },
        }
    }

    /// Init containers that wait for other roles.
    fn wait(&self, component: &Component<'_>, template: &mut Node) {
        let wait = |needed: &Traced<Str>| {
            let other = self
                .components
                .iter()
                .find(|c| c.role.name.value == needed.value)?;
            let port = match other.kind.value {
                ComponentType::Frontend => DYNAMO_HTTP_PORT,
                _ if other.is_worker() => DYNAMO_SYSTEM_PORT,
                _ => other.role.engine.port.as_ref()?.value,
            };
            let address = Reference::Address {
                role: needed.value.clone(),
                replica: 0,
                rank: 0,
            };
            Some(shared::wait_container(needed, address, port, ""))
        };
        let depends = component.role.depends_on.iter();
        let waits: Vec<Node> = depends
            .filter(|_| self.mode == Mode::Grove)
            .filter_map(wait)
            .collect();
        if !waits.is_empty() {
            let list = template.at_mut(&["spec", "initContainers"]);
            let own = std::mem::take(list.seq_mut());
            list.seq_mut().extend(waits.into_iter().chain(own));
        }
    }

    /// Deployments of component mode take their bounds from annotations of the template.
    fn rollout(&self, role: &Role, template: &mut Node) {
        let Some(rollout) = &role.rollout else { return };
        // Taken apart in full, so that a new field is a decision here.
        let Rollout {
            max_unavailable,
            max_surge,
            partition: _,
            paused: _,
            in_place: _,
        } = rollout;
        if self.mode == Mode::Grove || role.multi_node() {
            return;
        }
        let text = |v: &Traced<IntOrPercent>| match v.value {
            IntOrPercent::Int(n) => Node::derived(n.to_string(), &v.ids),
            IntOrPercent::Percent(_) => v.node(),
        };
        for (key, bound) in [(SURGE, max_surge), (UNAVAILABLE, max_unavailable)] {
            if let Some(bound) = bound {
                template
                    .at_mut(&["metadata", "annotations"])
                    .set(key, text(bound));
            }
        }
    }

    /// Replicas that must be there for the graph to start.
    fn min_available(
        &self,
        component: &Component<'_>,
        replicas: &Traced<u32>,
        ledger: &mut Ledger,
    ) -> Option<Node> {
        let role = component.role;
        let fewest = role.scaling.as_ref().map(|s| &s.min);
        if let Some(written) = &component.options.min_available {
            let fewest = fewest.map_or(replicas.value, |f| f.value.min(replicas.value));
            if written.value.0 > fewest && replicas.value > 0 {
                let message = format!("minAvailable {} is more than {fewest}", written.value.0);
                let said = Diagnostic::new(&MIN_AVAILABLE, message).at_ids(&written.ids);
                ledger.report(said.remedy("at most `replicas`, and at most `scaling.minReplicas`"));
            }
            return (self.mode == Mode::Grove).then(|| written.number().node());
        }
        let gang = role.gang.as_ref().filter(|g| g.scope.value != Scope::Replica)?;
        if self.mode == Mode::Lws || replicas.value == 0 {
            return None;
        }
        let ids = gang.ids.union(&gang.scope.ids);
        let whole = replicas.clone().and(&ids);
        let Some(fewest) = fewest.filter(|f| f.value < replicas.value) else {
            return Some(whole.node());
        };
        let message = format!(
            "the gang of `{}` has {} of its {} replicas",
            role.name.value,
            fewest.value.max(1),
            replicas.value
        );
        let said = Diagnostic::new(&GANG_SCALED, message).at_ids(&ids);
        ledger.report(said.outcome(Outcome::Moved));
        Some(fewest.map(|f| (*f).max(1)).and(&ids).node())
    }

    fn check_replicas(&self, component: &Component<'_>, replicas: &Traced<u32>, ledger: &mut Ledger) {
        let role = component.role;
        if role.multi_node() && replicas.value == 0 && self.mode == Mode::Grove {
            let message = format!("`{}` has several nodes and no replicas", role.name.value);
            ledger.report(Diagnostic::new(&ZERO, message).at_ids(&replicas.ids));
        }
        let front = self.serving.front.role.as_ref();
        let fronts = front.is_some_and(|f| f.value == role.name.value) && role.engine.port.is_some();
        let idle = role.members.iter().any(|m| !m.serves);
        if fronts && idle && role.multi_node() && self.mode == Mode::Grove {
            let message = format!(
                "the Service for clients reaches all pods of `{}`",
                role.name.value
            );
            let said = Diagnostic::new(&WORKERS_SERVED, message).at(role.name.at());
            let once = |d: &Diagnostic| d.code == said.code && d.message == said.message;
            if !ledger.diagnostics.iter().any(once) {
                ledger.report(said.outcome(Outcome::Moved));
            }
        }
    }
}

/// What a role says that holds without a field: the operator does so anyway, or the spec only writes out what is not asked for.
/// What does not hold has been reported by the table.
fn settled(role: &Role) -> Ids {
    let mut ids = role.restart.policy.ids.clone();
    if let Some(gang) = &role.gang {
        ids.merge(&gang.ids.union(&gang.scope.ids));
    }
    if let Some(rollout) = &role.rollout {
        let off = [&rollout.paused, &rollout.in_place]
            .into_iter()
            .flatten()
            .filter(|v| !v.value);
        off.for_each(|v| ids.merge(&v.ids));
    }
    ids
}

/// The nodes of an instance, and what decided that there is one only.
fn multinode(component: &Component<'_>) -> Option<Node> {
    let role = component.role;
    let size = role.size();
    let written = component.options.multinode.clone();
    let order = role.startup.as_ref().map(|s| s.ids.clone()).unwrap_or_default();
    if size.value < 2 {
        return written;
    }
    let mut map = Map::new();
    map.insert("nodeCount", Node::derived(size.value, &size.ids.union(&order)));
    for (key, value) in written.iter().filter_map(Node::as_map).flat_map(Map::iter) {
        map.insert(key.clone(), value.clone());
    }
    let ids = written.map(|w| w.ids).unwrap_or_else(Ids::none);
    Some(Node::derived(map, &ids))
}
