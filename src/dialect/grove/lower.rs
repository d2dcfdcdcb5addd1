//! IR to a PodCliqueSet and its companions.

use super::answers::{GroveAnswers, SLICE_INDEX};
use super::codes::{MNNVL, NOT_READY_ADDRESSES, PAUSED_ALL, TERMINATION_DELAY};
use super::layout::{Clique, Layout, RoleLayout};
use super::options::{Options, Platform, UpdateStrategy};
use super::scheduling::{self, Scheduling};
use super::startup::Startup;
use super::topology::{self, Placement};
use super::{pods, sharing};
use crate::diagnostic::{Diagnostic, Outcome, Severity};
use crate::dialect::{Context, shared};
use crate::ir::answer::{Asker, resolve};
use crate::ir::{Restart, Role, Rollout, Serving};
use crate::kubernetes::names;
use crate::spec::decode::Decoder;
use crate::spec::policy::RestartPolicy;
use crate::template::Vars;
use crate::value::{Ids, Map, Node, Str, Traced};

/// The annotation of NVLink domains over nodes.
const MNNVL_GROUP: &str = "grove.io/mnnvl-group";
/// How long a gang may be broken where whole replicas are to be made anew; Dynamo's default too. Grove's own is 4h.
pub(super) const DELAY: &str = "15m";

/// All objects of a workload.
pub(super) fn lower(serving: &Serving, cx: &mut Context<'_>) -> Vec<Node> {
    // Taken apart in full, so that a new field is a decision here. What is ignored is used by the shared parts.
    let Serving {
        name: _,
        namespace: _,
        labels: _,
        annotations: _,
        slices,
        roles: _,
        front: _,
        model: _,
        options,
    } = serving;
    let options: Options = cx.options(options);
    let mut decoder = Decoder {
        sources: cx.sources,
        ledger: cx.ledger,
    };
    let platform: Platform = cx.platform.section("grove", &mut decoder);
    let layout = Layout::new(serving, cx);
    layout.check(&options, cx.ledger);
    sharing::check(&layout, &options, cx.ledger);
    let scheduling = Scheduling::new(&layout, &options, &platform, cx.ledger);
    let placement = Placement::new(&layout, &options, &platform, &scheduling, cx.ledger);
    let startup = Startup::new(&layout, &options, cx.ledger);
    let lowering = Lowering {
        layout: &layout,
        options,
        platform,
        scheduling,
        placement,
        startup,
    };
    let mut objects = shared::access(serving);
    objects.extend(lowering.set(slices, cx));
    for slice in shared::slices(serving) {
        objects.extend(
            shared::role_services(serving, slice, shared::selector)
                .into_iter()
                .map(|s| in_slice(s, slice)),
        );
        for role in &serving.roles {
            let name = shared::sliced_name(serving, role, slice);
            let mut selector = shared::selector(serving, role);
            selector.remove(crate::ir::MEMBER_LABEL);
            selector.insert_some(SLICE_INDEX, slice.map(|s| s.to_string()));
            objects.extend(shared::disruption_budget(serving, role, &name, selector));
        }
    }
    objects.extend(shared::fronts(serving, shared::selector));
    objects
}

/// A Service of one slice: Grove labels the pods of slices itself.
fn in_slice(mut service: Node, slice: Option<u32>) -> Node {
    if let Some(slice) = slice {
        let selector = service.at_mut(&["spec", "selector"]).map_mut();
        selector.remove(shared::SLICE_LABEL);
        selector.insert(SLICE_INDEX, slice.to_string());
    }
    service
}

struct Lowering<'a> {
    layout: &'a Layout<'a>,
    options: Options,
    platform: Platform,
    scheduling: Scheduling,
    placement: Placement,
    startup: Startup,
}

impl Lowering<'_> {
    fn set(&self, slices: &Traced<u32>, cx: &mut Context<'_>) -> Option<Node> {
        let (cliques, groups) = self.roles(cx);
        let serving = self.layout.serving;
        let mut annotations = serving.annotations.clone();
        let mut labels = Vec::new();
        self.scheduling.put_queue(&mut labels, &mut annotations);
        self.mnnvl(self.options.mnnvl_group.as_ref(), &mut annotations, cx);
        let list = |list: &Option<Vec<Node>>| list.clone().filter(|l| !l.is_empty()).map(Node::from);
        let mut vars = Vars::new();
        vars.set(
            "metadata",
            shared::metadata(serving, &serving.name, &labels, &annotations),
        );
        vars.set("slices", slices.node());
        vars.set("updateStrategy", self.update_strategy(cx));
        vars.set("startupType", self.startup.kind());
        vars.set("terminationDelay", self.termination_delay(cx));
        vars.set("priorityClassName", self.scheduling.priority.clone());
        vars.set("topologyConstraint", self.placement.slice.clone());
        vars.set("headlessServiceConfig", self.headless(cx));
        vars.set(
            "resourceClaimTemplates",
            list(&self.options.resource_claim_templates),
        );
        vars.set("resourceSharing", list(&self.options.resource_sharing));
        vars.set("cliques", Node::from(cliques));
        vars.set(
            "scalingGroups",
            Some(groups).filter(|g| !g.is_empty()).map(Node::from),
        );
        shared::fill(cx, "grove/podcliqueset.yaml", vars)
    }

    /// The cliques in the order in which Grove can tell them apart, and the scaling groups in the order of the page.
    fn roles(&self, cx: &mut Context<'_>) -> (Vec<Node>, Vec<Node>) {
        let (mut cliques, mut groups) = (Vec::new(), Vec::new());
        for (index, layout) in self.layout.roles.iter().enumerate() {
            let gang = scheduling::in_base_gang(self.layout, layout, cx.ledger);
            scheduling::check_scaling(layout, &gang, cx.ledger);
            self.placement.check_gangs(layout, gang.value, cx.ledger);
            for clique in &layout.cliques {
                cliques.push(self.clique(index, layout, clique, &gang, cx));
            }
            if let Some(name) = &layout.group {
                groups.extend(self.group(index, layout, name, &gang, cx));
            }
        }
        let ordered = self
            .layout
            .order(&self.options)
            .into_iter()
            .filter_map(|i| cliques.get_mut(i).and_then(Option::take))
            .collect();
        (ordered, groups)
    }

    fn group(
        &self,
        index: usize,
        layout: &RoleLayout<'_>,
        name: &Traced<Str>,
        gang: &Traced<u32>,
        cx: &mut Context<'_>,
    ) -> Option<Node> {
        let own = layout.options.annotations.as_ref();
        let mut annotations = own.map(|a| a.entries.clone()).unwrap_or_default();
        self.mnnvl(layout.options.mnnvl_group.as_ref(), &mut annotations, cx);
        let names: Vec<Node> = layout.cliques.iter().map(|c| Node::from(&c.name)).collect();
        let mut vars = Vars::new();
        vars.set("name", name.node());
        vars.set(
            "annotations",
            Some(annotations)
                .filter(|a| !a.is_empty())
                .map(|a| Node::derived(a, &own.map(|o| o.ids.clone()).unwrap_or_default())),
        );
        vars.set("cliqueNames", Node::from(names));
        vars.set("replicas", layout.role.replicas.node());
        vars.set("minAvailable", gang.node());
        vars.set("scaleConfig", self.scaling(layout, cx));
        vars.set("topologyConstraint", self.placement.group(index));
        vars.set(
            "resourceSharing",
            layout.options.resource_sharing.clone().map(Node::from),
        );
        shared::fill(cx, "grove/scalinggroup.yaml", vars)
    }

    fn clique(
        &self,
        index: usize,
        layout: &RoleLayout<'_>,
        clique: &Clique<'_>,
        gang: &Traced<u32>,
        cx: &mut Context<'_>,
    ) -> Option<Node> {
        let lone = layout.group.is_none();
        let mut pod = pods::split(self.template(index, layout, clique, cx), !lone, cx.ledger);
        let own = clique.options.mnnvl_group.as_ref();
        let group = own.or_else(|| layout.options.mnnvl_group.as_ref().filter(|_| lone));
        if group.is_some() {
            let mut annotations = pod.annotations.unwrap_or_else(Node::map);
            self.mnnvl(group, annotations.map_mut(), cx);
            pod.annotations = Some(annotations);
        }
        let mut constraint = self.placement.clique(index).filter(|_| lone);
        topology::replace(
            &mut constraint,
            clique.options.topology_constraint.as_ref(),
            cx.ledger,
        );
        let mut sharing = clique.options.resource_sharing.clone().unwrap_or_default();
        if lone {
            sharing.extend(layout.options.resource_sharing.iter().flatten().cloned());
        }
        let needed = match lone {
            true => gang.clone(),
            false => scheduling::needed_pods(clique, cx.ledger),
        };
        let role_name = clique.options.role_name.as_ref().unwrap_or(&clique.name);
        let mut vars = Vars::new();
        vars.set("name", self.listed(&clique.name));
        vars.set("labels", pod.labels);
        vars.set("annotations", pod.annotations);
        vars.set("topologyConstraint", constraint);
        vars.set(
            "resourceSharing",
            Some(sharing).filter(|s| !s.is_empty()).map(Node::from),
        );
        vars.set("roleName", role_name.node());
        vars.set(
            "replicas",
            if lone {
                layout.role.replicas.clone().and(&clique.member.count.ids).node()
            } else {
                clique.member.count.node()
            },
        );
        vars.set("minAvailable", needed.node());
        vars.set("startsAfter", self.startup.after(clique));
        vars.set("autoScalingConfig", self.scaling(layout, cx).filter(|_| lone));
        vars.set("podSpec", pod.spec);
        shared::fill(cx, "grove/clique.yaml", vars)
    }

    /// The pod template of a member, completed and its references answered.
    fn template(
        &self,
        index: usize,
        layout: &RoleLayout<'_>,
        clique: &Clique<'_>,
        cx: &mut Context<'_>,
    ) -> Node {
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
            restart,
            scaling: _,
            disruption: _,
            claims: _,
            claimed: _,
            discovers: _,
            options: _,
        } = layout.role;
        let serving = self.layout.serving;
        let mut template = clique.member.template.clone();
        shared::use_pod_reader(serving, layout.role, &mut template);
        self.placement.apply(serving, layout, index, &mut template);
        let spec = template.at_mut(&["spec"]);
        self.gang_priority(layout.role, spec);
        if let Some(default) = &self.options.default_scheduler {
            spec.decided_by(&default.ids);
        }
        if let Some(scheduler) = &self.scheduling.scheduler {
            spec.set("schedulerName", scheduler.node());
        }
        // A failed container is restarted by the kubelet, which is what a pod does by default.
        spec.decided_by(&restart.policy.ids);
        let answers = GroveAnswers {
            layout: self.layout,
            default_domain: cx.platform.cluster_domain() == "cluster.local",
        };
        let asker = Asker {
            serving,
            role: layout.role,
            member: Some(clique.member),
        };
        resolve(&mut template, &asker, &answers, cx.ledger);
        pods::leave_to_grove(template.at_mut(&["spec"]), &self.injected(layout, clique));
        template
    }

    /// The variables of a clique's pods whose values are known beforehand.
    fn injected(&self, layout: &RoleLayout<'_>, clique: &Clique<'_>) -> Vec<(&'static str, String)> {
        let set = &self.layout.serving.name.value;
        let mut known = vec![("GROVE_PCS_NAME", set.to_string())];
        let one = self.layout.serving.slices.value <= 1;
        if one {
            known.push(("GROVE_PCS_INDEX", "0".into()));
        }
        match &layout.group {
            None if one => known.push(("GROVE_PCLQ_NAME", format!("{set}-0-{}", clique.name.value))),
            Some(group) if one => known.push(("GROVE_PCSG_NAME", format!("{set}-0-{}", group.value))),
            _ => {}
        }
        if layout.group.is_some() && clique.member.count.value == 1 {
            known.push(("GROVE_PCLQ_POD_INDEX", "0".into()));
        }
        known
    }

    /// The name of a clique, with the origin of its place in the list.
    fn listed(&self, name: &Traced<Str>) -> Node {
        let order = self.options.clique_order.iter().flatten();
        let own = order.filter(|n| n.value == name.value);
        own.fold(name.clone(), |name, n| name.and(&n.ids)).node()
    }

    /// Takes the priority of pods away where it is the gangs' alone.
    fn gang_priority(&self, role: &Role, spec: &mut Node) {
        let Some(only) = &self.options.gang_priority_only else {
            return;
        };
        spec.decided_by(&only.ids);
        let of_pods = spec.get("priorityClassName").and_then(Node::as_str);
        let same = role
            .priority
            .as_ref()
            .is_some_and(|p| Some(p.value.as_str()) == of_pods);
        if only.value && same {
            spec.map_mut().remove("priorityClassName");
        }
    }

    /// Bounds and metrics of automatic scaling: as the options spell them, else those of an autoscaler.
    fn scaling(&self, layout: &RoleLayout<'_>, cx: &mut Context<'_>) -> Option<Node> {
        let made = self.scaling_of(layout.role);
        let Some(own) = &layout.options.scaling else {
            return made;
        };
        if let Some(made) = &made {
            cx.ledger.supersede(&made.all_ids(), &own.ids);
        }
        Some(own.clone())
    }

    fn scaling_of(&self, role: &Role) -> Option<Node> {
        let name = shared::role_object_name(self.layout.serving, role);
        let scaler = shared::autoscaler(self.layout.serving, role, &name, ("", "", Node::default()))?;
        let mut config = Map::new();
        for field in ["minReplicas", "maxReplicas", "metrics"] {
            config.insert_some(field, scaler.at(&["spec", field]).cloned());
        }
        Some(Node::derived(config, &scaler.ids))
    }

    /// One for the whole set: what one role holds back is held back for all.
    fn update_strategy(&self, cx: &mut Context<'_>) -> Node {
        let (mut held, mut ids, mut decided) = (None, Ids::none(), Ids::none());
        let rollouts = || {
            self.layout
                .roles
                .iter()
                .filter(|r| !r.role.implicit)
                .map(|r| r.role.rollout.as_ref())
        };
        for rollout in rollouts().flatten() {
            // The bounds have been reported: Grove has no fields for them.
            let Rollout {
                max_unavailable: _,
                max_surge: _,
                partition: _,
                paused,
                in_place,
            } = rollout;
            decided.merge(
                &in_place
                    .as_ref()
                    .filter(|v| !v.value)
                    .map(|v| v.ids.clone())
                    .unwrap_or_default(),
            );
            if let Some(paused) = paused {
                held = if paused.value { Some(paused.clone()) } else { held };
                ids.merge(&paused.ids);
            }
        }
        let all = rollouts().all(|r| r.and_then(|r| r.paused.as_ref()).is_some_and(|p| p.value));
        if let Some(held) = held.as_ref().filter(|_| !all) {
            let said = Diagnostic::new(&PAUSED_ALL, "some roles are paused, and with them all of them");
            cx.ledger
                .report(said.at(held.at()).at_ids(&ids).outcome(Outcome::Moved));
        }
        let default = match held {
            Some(_) => UpdateStrategy::OnDelete,
            None => UpdateStrategy::RollingRecreate,
        };
        let strategy = match &self.options.update_strategy {
            Some(own) => {
                cx.ledger.supersede(&ids, &own.ids);
                own.node()
            }
            None => Node::derived(default, &ids),
        };
        Node::derived(strategy, &decided)
    }

    /// How long a gang may be broken: as the options say, else less than Grove's default where a broken replica is to be made
    /// anew as a whole.
    fn termination_delay(&self, cx: &mut Context<'_>) -> Option<Node> {
        if let Some(own) = &self.options.termination_delay {
            if !own.value.positive {
                let said =
                    Diagnostic::new(&TERMINATION_DELAY, "a gang that may be broken for no time at all");
                cx.ledger.report(said.at_ids(&own.ids));
            }
            return Some(own.map(|d| d.text.clone()).node());
        }
        let whole = |r: &&RoleLayout<'_>| r.role.restart.policy.value != RestartPolicy::Pod;
        let mut ids = None;
        for role in self.layout.roles.iter().filter(whole) {
            let Restart {
                policy,
                base_delay: _,
                max_delay: _,
            } = &role.role.restart;
            ids.get_or_insert_with(Ids::none).merge(&policy.ids);
        }
        Some(Node::derived(DELAY, &ids?))
    }

    fn headless(&self, cx: &mut Context<'_>) -> Option<Node> {
        let publish = self.options.publish_not_ready_addresses.as_ref()?;
        if !publish.value && self.layout.roles.iter().any(|r| r.role.multi_node()) {
            let message = "the pods of a replica cannot find each other before they are ready";
            cx.ledger.report(
                Diagnostic::new(&NOT_READY_ADDRESSES, message)
                    .at_ids(&publish.ids)
                    .outcome(Outcome::Moved),
            );
        }
        Some(Map::from_iter([("publishNotReadyAddresses", publish.node())]).into())
    }

    fn mnnvl(&self, group: Option<&Traced<Str>>, annotations: &mut Map, cx: &mut Context<'_>) {
        let Some(group) = group else { return };
        annotations.insert(MNNVL_GROUP, group);
        if names::dns_label(&group.value).is_err() {
            let message = format!("`{}` is no DNS label", group.value);
            cx.ledger.report(
                Diagnostic::new(&MNNVL, message)
                    .at_ids(&group.ids)
                    .severity(Severity::Error),
            );
        }
        let enabled = self.platform.auto_mnnvl.as_ref().map(|a| a.value);
        if group.value == "none" || enabled == Some(true) {
            return;
        }
        let severity = if enabled == Some(false) {
            Severity::Error
        } else {
            Severity::Warning
        };
        let message = "the webhook refuses this unless the operator makes ComputeDomains";
        cx.ledger.report(
            Diagnostic::new(&MNNVL, message)
                .at_ids(&group.ids)
                .severity(severity)
                .outcome(Outcome::Moved),
        );
    }
}
