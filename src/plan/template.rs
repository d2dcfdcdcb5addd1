//! The pod template of a member: generated, then overlaid by the spec's own templates.

use super::codes::NO_CONTAINER;
use super::nodes::Spread;
use super::resolve::Resolved;
use super::{Scene, model};
use crate::diagnostic::{Diagnostic, Ledger};
use crate::engine::request::{Plan, Process};
use crate::ir::{MEMBER_LABEL, Member, ROLE_LABEL, SERVING_LABEL};
use crate::kubernetes::merge::{Type, strategic_merge};
use crate::spec::PodLabels;
use crate::spec::decode::Decode;
use crate::spec::engine::{EngineType, LoadBalancing};
use crate::value::{Ids, Map, Node, Str, Traced};

/// The name of the engine's container in the templates.
pub const CONTAINER: &str = "engine";

/// A template with the labels of the lattice and nothing else.
pub(super) fn labelled(scene: &Scene<'_>, role: &Resolved, member: Option<&Traced<Str>>) -> Node {
    let (which, asked) = match &scene.spec.pod_labels {
        Some(which) => (which.value, which.ids.clone()),
        None => (PodLabels::All, Ids::none()),
    };
    let mut labels = match which {
        PodLabels::All => scene.labels.entries.clone(),
        PodLabels::Own | PodLabels::None => Map::new(),
    };
    let mut template = Node::map();
    template.decided_by(&asked);
    if which == PodLabels::None {
        // Names that no label says name objects and pods, or nothing at all.
        let names = [Some(&role.name), member];
        names
            .into_iter()
            .flatten()
            .for_each(|n| template.decided_by(&n.ids));
    } else {
        labels.insert(SERVING_LABEL, scene.name);
        labels.insert(ROLE_LABEL, &role.name);
        labels.insert_some(MEMBER_LABEL, member.map(Traced::node));
    }
    if !labels.is_empty() {
        template
            .at_mut(&["metadata"])
            .set("labels", Node::derived(labels, &scene.labels.ids));
    }
    // What a role does decides what its pods are, if only by what they lack.
    template.decided_by(&role.phase.ids.union(&role.engine_type.ids));
    // Empty mappings of settings decide nothing.
    template.decided_by(&role.restart.ids.union(&role.startup.ids));
    template.decided_by(&role.rollout.as_ref().map(|r| r.ids.clone()).unwrap_or_default());
    template
}
/// What the parts of a generated template are made of.
pub(super) struct Parts<'a> {
    pub(super) scene: &'a Scene<'a>,
    pub(super) role: &'a Resolved,
    pub(super) spread: &'a Spread,
    pub(super) source: &'a model::Source,
    pub(super) engine: Option<&'a Plan>,
    pub(super) image: Option<Node>,
}

impl Parts<'_> {
    /// One member, or leader and workers.
    pub(super) fn members(&self, ledger: &mut Ledger) -> Vec<Member> {
        let Some(engine) = self.engine else {
            return Vec::new();
        };
        let (role, nodes) = (self.role, &self.spread.nodes);
        if nodes.value <= 1 {
            if let Some(worker) = &role.worker {
                super::resolve::unused(&worker.origins(), "a replica of one pod has no worker", ledger);
            }
            return vec![single(
                self.spread,
                self.template(&engine.leader, None, role.leader.as_ref(), ledger),
            )];
        }
        let worker = engine.worker.as_ref().unwrap_or(&engine.leader);
        let all_serve = role
            .engine
            .load_balancing
            .as_ref()
            .is_some_and(|l| l.value != LoadBalancing::Internal);
        let [leader_name, worker_name] = ["leader", "worker"].map(|n| Traced::default_of(Str::from(n)));
        vec![
            Member {
                count: Traced::default_of(1),
                phase: None,
                serves: true,
                template: self.template(&engine.leader, Some(&leader_name), role.leader.as_ref(), ledger),
                name: leader_name,
            },
            Member {
                count: nodes.map(|n| n - 1),
                phase: None,
                serves: all_serve && worker.serves(),
                template: self.template(worker, Some(&worker_name), role.worker.as_ref(), ledger),
                name: worker_name,
            },
        ]
    }

    /// The template of one member: generated, then overlaid by the spec's own templates.
    pub(super) fn template(
        &self,
        process: &Process,
        member: Option<&Traced<Str>>,
        overlay: Option<&crate::spec::scalar::PodTemplate>,
        ledger: &mut Ledger,
    ) -> Node {
        let mut template = labelled(self.scene, self.role, member);
        let spec = template.at_mut(&["spec"]);
        if !self.source.init_containers.is_empty() {
            spec.set("initContainers", self.source.init_containers.clone());
        }
        if let Some(container) = self.container(process, ledger) {
            spec.set("containers", vec![container]);
        }
        if self.engine.is_some() && self.role.engine_type.value == EngineType::Vllm {
            // Of a Service called `vllm` the kubelet makes a variable VLLM_PORT, which vLLM takes for its own and refuses.
            spec.set("enableServiceLinks", false);
        }
        let volumes = self.volumes();
        if !volumes.is_empty() {
            spec.set("volumes", volumes);
        }
        self.claims(spec);
        template = scheduled(self.role, template, ledger);
        for overlay in self.role.pod_templates.iter().chain(overlay) {
            template = strategic_merge(&template, &overlay.0, Type::PodTemplateSpec, ledger);
        }
        if template
            .at(&["spec", "containers"])
            .and_then(Node::as_seq)
            .is_none_or(|c| c.is_empty())
        {
            let message = format!("role `{}` has no container", self.role.name.value);
            let said = Diagnostic::new(&NO_CONTAINER, message).at_ids(&self.role.name.ids);
            ledger
                .report(said.remedy("give it an `engine` with an image, or a `podTemplate` with containers"));
        }
        template
    }
}

/// Scheduling and shutdown, which are fields of the pod.
pub(super) fn scheduled(role: &Resolved, mut template: Node, ledger: &mut Ledger) -> Node {
    let crate::spec::policy::Scheduling {
        ids,
        gang: _,
        topology: _,
        queue: _,
        priority_class_name,
        scheduler_name,
        node_selector,
        tolerations,
        affinity,
    } = &role.scheduling;
    let mut fields = Map::new();
    let mut selector = node_selector
        .as_ref()
        .map(|s| Node::derived(s.entries.clone(), &s.ids));
    if let Some(product) = &role.accelerator.product {
        selector
            .get_or_insert_with(Node::map)
            .set("nvidia.com/gpu.product", product);
    }
    fields.insert_some("schedulerName", scheduler_name.clone());
    fields.insert_some("priorityClassName", priority_class_name.clone());
    fields.insert_some("nodeSelector", selector);
    fields.insert_some("affinity", affinity.as_ref().map(|a| a.0.clone()));
    let tolerations: Vec<Node> = tolerations.iter().flatten().map(|t| t.0.clone()).collect();
    if !tolerations.is_empty() {
        fields.insert("tolerations", tolerations);
    }
    fields.insert_some(
        "terminationGracePeriodSeconds",
        role.shutdown.grace_period.as_ref().map(|g| g.seconds().node()),
    );
    let spec = template.at_mut(&["spec"]);
    spec.decided_by(&ids.union(&role.shutdown.ids));
    for (key, value) in fields {
        match spec.get(&key) {
            None => drop(spec.map_mut().insert(key, value)),
            Some(own) => {
                let [base, over] =
                    [value, own.clone()].map(|v| Node::from(Map::from_iter([(key.clone(), v)])));
                let merged = strategic_merge(&base, &over, Type::PodSpec, ledger);
                spec.map_mut().insert_some(key.clone(), merged.get(&key).cloned());
            }
        }
    }
    template
}

/// The member of a replica that is one pod.
pub(super) fn single(spread: &Spread, template: Node) -> Member {
    Member {
        name: Traced::default_of(CONTAINER.into()),
        count: spread.nodes.clone(),
        phase: None,
        serves: true,
        template,
    }
}
