//! The IR as a DynamoGraphDeployment for each slice, and what stands beside it.

mod answers;
pub(super) mod codes;
mod component;
mod environment;
mod launch;
mod limits;
mod main_container;
mod refused;
mod scheduling;
mod topology;
mod version;

use super::options::{Mode, Options, Platform, RoleOptions};
use crate::diagnostic::{Diagnostic, Ledger, Outcome};
use crate::dialect::{Context, grove, shared};
use crate::ir::{Role, Serving};
use crate::plan::codes::NO_EFFECT as NOT_NEEDED;
use crate::spec::decode::Decoder;
use crate::spec::engine::EngineType;
use crate::template::Vars;
use crate::value::{Ids, Map, Node, Str, Traced};
use component::Component;
use scheduling::Scheduling;
use topology::Placement;

/// Turns Grove off for a graph.
const ENABLE_GROVE: &str = "nvidia.com/enable-grove";
/// How Grove replaces pods of a graph.
const UPDATE_STRATEGY: &str = "nvidia.com/grove-update-strategy";
/// The object that autoscalers scale.
const ADAPTER: (&str, &str) = ("nvidia.com/v1beta1", "DynamoGraphDeploymentScalingAdapter");

/// Whether the options choose Grove to run the pods.
pub(super) fn mode_of(options: &Node) -> Option<Mode> {
    options
        .get("mode")
        .and_then(Node::as_str)
        .and_then(Mode::from_word)
}

/// What does not differ between slices.
struct Lowering<'a> {
    serving: &'a Serving,
    options: Options,
    platform: Platform,
    mode: Mode,
    /// In an order in which Grove gives each its own template.
    components: Vec<Component<'a>>,
    scheduling: Scheduling,
    placement: Placement,
}

/// The objects of a workload.
pub(super) fn lower(serving: &Serving, cx: &mut Context<'_>) -> Vec<Node> {
    // Taken apart in full, so that a new field is a decision here.
    let Serving {
        name: _,
        namespace: _,
        labels: _,
        annotations: _,
        slices: _,
        roles,
        front: _,
        model: _,
        options: written,
    } = serving;
    let options: Options = cx.options(written);
    let mut decoder = Decoder {
        sources: cx.sources,
        ledger: cx.ledger,
    };
    let platform: Platform = cx.platform.section("dynamo", &mut decoder);
    let grove: grove::options::Platform = cx.platform.section("grove", &mut decoder);
    let mode = mode(&options, &platform);
    let role_options: Vec<RoleOptions> = roles.iter().map(|r| cx.options(&r.options)).collect();
    let components = component::all(roles, role_options);
    let scheduling = Scheduling::new(&components, mode, &platform, &grove, cx.ledger);
    let placement = Placement::new(&components, mode, &options, &grove, &scheduling, cx.ledger);
    let lowering = Lowering {
        serving,
        options,
        platform,
        mode,
        components,
        scheduling,
        placement,
    };
    lowering.objects(cx)
}

/// As asked, else what the cluster has.
fn mode(options: &Options, platform: &Platform) -> Mode {
    let no_grove = platform.grove.as_ref().is_some_and(|g| !g.value);
    match &options.mode {
        Some(mode) => mode.value,
        None if no_grove => Mode::Lws,
        None => Mode::Grove,
    }
}

impl Lowering<'_> {
    fn objects(&self, cx: &mut Context<'_>) -> Vec<Node> {
        self.check_mode(cx.ledger);
        self.check_options(cx.ledger);
        let mut objects = shared::access(self.serving);
        for slice in shared::slices(self.serving) {
            objects.extend(self.graph(slice, cx));
            for component in &self.components {
                objects.extend(self.policies(component, slice, cx.ledger));
            }
            objects.extend(shared::role_services(self.serving, slice, |_, role| {
                self.selector(role)
            }));
        }
        objects.extend(shared::fronts(self.serving, |_, role| self.selector(role)));
        limits::check(self, &objects, cx.ledger);
        objects
    }

    /// The name of the graph of a slice.
    fn graph_name(&self, slice: Option<u32>) -> Traced<Str> {
        let name = match slice {
            None => self.serving.name.clone(),
            Some(slice) => self.serving.name.map(|name| format!("{name}-{slice}").into()),
        };
        name.and(&self.serving.slices.ids)
    }

    fn graph(&self, slice: Option<u32>, cx: &mut Context<'_>) -> Option<Node> {
        let components: Vec<Node> = self
            .components
            .iter()
            .filter_map(|c| self.component(c, slice, cx))
            .collect();
        let labels: Vec<(&str, Node)> = shared::slice_label(slice).into_iter().collect();
        let Options {
            ids: _,
            mode: _,
            image: _,
            runtime_version: _,
            backend_framework: _,
            env,
            labels: pod_labels,
            annotations: pod_annotations,
            topology_constraint: _,
            kv_transfer_policy,
            provider_override,
            patches: _,
        } = &self.options;
        let mut vars = Vars::new();
        vars.set(
            "metadata",
            shared::metadata(
                self.serving,
                self.graph_name(slice),
                &labels,
                &self.annotations(cx.ledger),
            ),
        );
        vars.set("backendFramework", self.framework(cx.ledger));
        vars.set("priorityClassName", self.scheduling.priority.clone());
        vars.set(
            "labels",
            pod_labels
                .as_ref()
                .map(|l| Node::derived(l.entries.clone(), &l.ids)),
        );
        let annotations = pod_annotations.as_ref();
        vars.set(
            "annotations",
            annotations.map(|a| Node::derived(a.entries.clone(), &a.ids)),
        );
        vars.set("env", env.clone().filter(|e| !e.is_empty()).map(Node::from));
        vars.set("topologyConstraint", self.placement.graph.clone());
        let policy = kv_transfer_policy.clone();
        vars.set(
            "experimental",
            policy.map(|p| Node::from(Map::from_iter([("kvTransferPolicy", p)]))),
        );
        vars.set("providerOverride", provider_override.clone());
        vars.set("components", components);
        let mut graph = shared::fill(cx, "dynamo/graph.yaml", vars)?;
        graph.decided_by(
            &self
                .options
                .ids
                .union(&shared::empty_options(&self.serving.options)),
        );
        graph.decided_by(
            &self
                .options
                .mode
                .as_ref()
                .map(|m| m.ids.clone())
                .unwrap_or_default(),
        );
        Some(graph)
    }

    fn annotations(&self, ledger: &mut Ledger) -> Map {
        let mut annotations = self.serving.annotations.clone();
        match self.mode {
            Mode::Lws => {
                let ids = self
                    .options
                    .mode
                    .as_ref()
                    .map(|m| m.ids.clone())
                    .unwrap_or_default();
                annotations.insert(ENABLE_GROVE, Node::derived("false", &ids));
            }
            Mode::Grove => {
                if let Some(paused) = self.paused() {
                    annotations.insert(UPDATE_STRATEGY, Node::derived("OnDelete", &paused));
                }
                self.scheduling.annotate(&mut annotations, ledger);
            }
        }
        annotations
    }

    /// What holds back the changes of all roles; nothing if a role goes on.
    fn paused(&self) -> Option<Ids> {
        all_paused(self.serving)
    }

    /// The engine of the workers: one, or the graph fails.
    fn framework(&self, ledger: &mut Ledger) -> Option<Node> {
        if let Some(written) = &self.options.backend_framework {
            return Some(written.node());
        }
        let engines = || {
            let wrapped = |c: &&Component<'_>| c.role.engine.wrapper.is_some();
            let all = self.components.iter().filter(wrapped);
            all.filter_map(|c| Some((c, c.role.engine.engine.as_ref()?)))
        };
        let (of, first) = engines().next()?;
        if let Some((other, engine)) = engines().find(|(_, e)| e.value != first.value) {
            let message = format!(
                "`{}` runs {} and `{}` {}",
                of.role.name.value,
                first.value.as_str(),
                other.role.name.value,
                engine.value.as_str()
            );
            let said = Diagnostic::new(&codes::FRAMEWORKS, message).at_ids(&engine.ids);
            let once = |d: &Diagnostic| d.code == said.code && d.message == said.message;
            if !ledger.diagnostics.iter().any(once) {
                ledger.report(said.label(of.role.name.at(), "the other one"));
            }
        }
        let word = match first.value {
            EngineType::Vllm => "vllm",
            EngineType::Sglang => "sglang",
            EngineType::Trtllm => "trtllm",
            EngineType::Custom => return None,
        };
        Some(Node::derived(word, &first.ids))
    }

    /// The labels that select the serving pods of a role.
    fn selector(&self, role: &Role) -> Map {
        let mut labels = shared::selector(self.serving, role);
        labels.remove(crate::ir::MEMBER_LABEL);
        let leaders = role.members.iter().any(|m| !m.serves);
        if self.mode == Mode::Lws && role.multi_node() && leaders {
            labels.insert("leaderworkerset.sigs.k8s.io/worker-index", "0");
        }
        labels
    }

    /// Autoscaler and disruption budget of a component.
    fn policies(&self, component: &Component<'_>, slice: Option<u32>, ledger: &mut Ledger) -> Vec<Node> {
        let role = component.role;
        let graph = self.graph_name(slice);
        let adapter = graph.zip(&component.name, |graph, _| {
            Str::from(format!("{graph}-{}", component.lower))
        });
        if let Some(scaling) = &role.scaling {
            let message = format!(
                "`replicas` of `{}` are the autoscaler's from now on",
                role.name.value
            );
            let once = |d: &Diagnostic| d.code == &codes::SCALED && d.message == message;
            if !ledger.diagnostics.iter().any(once) {
                let said = Diagnostic::new(&codes::SCALED, message.clone()).at_ids(&scaling.ids);
                ledger.report(said.outcome(Outcome::Emulated));
            }
        }
        shared::policies(self.serving, role, slice, (ADAPTER.0, ADAPTER.1, adapter.node()))
    }

    fn check_mode(&self, ledger: &mut Ledger) {
        let off = |v: &Option<Traced<bool>>| v.as_ref().filter(|v| !v.value).cloned();
        let ids = self
            .options
            .mode
            .as_ref()
            .map(|m| m.ids.clone())
            .unwrap_or_default();
        let spread = self.components.iter().find(|c| c.role.multi_node());
        let wrong = match (self.mode, spread) {
            (Mode::Grove, _) => off(&self.platform.grove).map(|p| (p, "Grove is not enabled for graphs")),
            (Mode::Lws, Some(_)) => off(&self.platform.lws).map(|p| {
                (
                    p,
                    "components of several nodes need the API groups of LeaderWorkerSet and of Volcano",
                )
            }),
            (Mode::Lws, None) => None,
        };
        if let Some((platform, why)) = wrong {
            ledger.report(
                Diagnostic::new(&codes::MODE, why)
                    .at_ids(&ids)
                    .label(platform.at(), "the cluster"),
            );
        } else if let (Mode::Lws, Some(component), true) = (
            self.mode,
            spread,
            self.components.iter().any(Component::is_worker),
        ) {
            let message = format!(
                "each change of a worker leaves the LeaderWorkerSets of `{}` running beside the new ones",
                component.role.name.value
            );
            ledger.report(
                Diagnostic::new(&codes::LEAK, message)
                    .at(ids.first().or(component.role.name.at()))
                    .outcome(Outcome::Moved)
                    .remedy("`mode: grove`, or delete old DynamoComponentDeployments by hand"),
            );
        }
    }

    /// Names options that nothing of the spec needs, and those that are refused.
    fn check_options(&self, ledger: &mut Ledger) {
        let waived = [
            (
                &self.options.image,
                "no engine of the spec runs in Dynamo's runtime",
            ),
            (
                &self.options.runtime_version,
                "every component names a version of its own",
            ),
        ];
        for (option, why) in waived {
            let ids = option.as_ref().map(|o| o.ids.clone()).unwrap_or_default();
            ledger.waive(&ids, Diagnostic::new(&NOT_NEEDED, why).outcome(Outcome::Dropped));
        }
        for component in &self.components {
            let RoleOptions { image, .. } = &component.options;
            let ids = image.as_ref().map(|o| o.ids.clone()).unwrap_or_default();
            let why = "the role does not run an engine that the compiler starts";
            ledger.waive(&ids, Diagnostic::new(&NOT_NEEDED, why).outcome(Outcome::Dropped));
        }
        refused::check(self, ledger);
    }
}

/// What holds back the changes of all roles; nothing if a role goes on.
pub(super) fn all_paused(serving: &Serving) -> Option<Ids> {
    let paused = |role: &Role| {
        let paused = role.rollout.as_ref()?.paused.as_ref()?;
        paused.value.then(|| paused.ids.clone())
    };
    let written = || serving.roles.iter().filter(|r| !r.implicit);
    let mut ids = Ids::none();
    for role in written() {
        ids.merge(&paused(role)?);
    }
    written().next().map(|_| ids)
}
