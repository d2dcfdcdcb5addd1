//! What becomes of AIBrix's objects: StormServices, RoleSets and PodSets to pods; PodAutoscalers are checked, too, because they
//! change the replicas of StormServices as soon as they are there.

use super::admission::{NO_ROLE_SETS, SCHEMA};
use super::admit::{self, PREFIX, Template};
use super::autoscaler::{self, Scaled};
use super::codes::{NAME_TOO_LONG, ROLE_SET, SELECTOR_NOT_UNIQUE};
use super::expand_children as children;
use super::expand_pods::{Group, Set, rank_name};
use super::expand_sidecar::Sidecar;
use super::lowering::version;
use super::options::Platform;
use super::pattern::{GENERATE_NAME, RANDOM, sample, short_prefix};
use super::read::{self, How, Role, RoleSetSpec, StormService, Strategy};
use super::{adapter, deployment, kvcache};
use crate::diagnostic::{Diagnostic, Ledger, Severity};
use crate::dialect::Context;
use crate::kubernetes::names;
use crate::pods::{Expansion, Pod, Problem, Scene};
use crate::source::Document;
use crate::spec::decode::Decoder;
use crate::value::{Ids, Map, Node, Str, Value};

/// Whether pods come of objects of a kind, or their number depends on them.
pub fn expands(api_version: &str, kind: &str) -> bool {
    match api_version {
        "orchestration.aibrix.ai/v1alpha1" => {
            matches!(kind, "StormService" | "RoleSet" | "PodSet" | kvcache::KIND)
        }
        "autoscaling.aibrix.ai/v1alpha1" => kind == "PodAutoscaler",
        "model.aibrix.ai/v1alpha1" => kind == "ModelAdapter",
        _ => false,
    }
}

/// What the mutating webhook of StormServices does before the schema is asked: it writes the object anew, without zeros.
pub fn mutate(object: &mut Node, cx: &mut Context<'_>) {
    let mut decoder = Decoder {
        sources: cx.sources,
        ledger: cx.ledger,
    };
    let platform: Platform = cx.platform.section("aibrix", &mut decoder);
    let webhooks = platform.webhooks.as_ref().is_none_or(|w| w.value);
    if !webhooks || object.get("kind").and_then(Node::as_str) != Some("StormService") {
        return;
    }
    object.walk_mut(&mut |node| {
        let gang = "coschedulingSchedulingStrategy";
        let Value::Map(map) = &mut node.value else {
            return;
        };
        if let Some(Value::Map(gang)) = map.get_mut(gang).map(|n| &mut n.value) {
            gang.retain(|key, value| key != "minMember" || value.as_int() != Some(0));
        }
    });
    crate::dialect::shared::amounts_as_text(object);
}

/// The pods of an object.
pub fn expand(object: &Document, scene: &Scene<'_>, cx: &mut Context<'_>) -> Expansion {
    let mut decoder = Decoder {
        sources: cx.sources,
        ledger: cx.ledger,
    };
    let platform: Platform = cx.platform.section("aibrix", &mut decoder);
    let how = How {
        version: version(&platform, cx.ledger),
        webhooks: platform.webhooks.as_ref().is_none_or(|w| w.value),
    };
    let mut expanding = Expanding {
        how,
        scene,
        ledger: cx.ledger,
        expansion: Expansion::default(),
    };
    let root = &object.root;
    if !owned(root, scene) {
        match root.get("kind").and_then(Node::as_str) {
            Some("StormService") => expanding.storm_service(root),
            Some("RoleSet") => expanding.role_set(root),
            Some("PodSet") => expanding.pod_set(root),
            Some("ModelAdapter") => expanding.adapter(root),
            Some(deployment::KIND) => return deployment::expand(root, how, scene, expanding.ledger),
            Some(kvcache::KIND) => {
                let namespace = scene.namespace_of(root);
                return kvcache::expand(root, how, &namespace, expanding.ledger);
            }
            _ => expanding.autoscaler(root),
        }
    }
    expanding.expansion
}

/// Whether a controller made the object of another one of the input, which counts its pods already.
fn owned(root: &Node, scene: &Scene<'_>) -> bool {
    let owners = root.at(&["metadata", "ownerReferences"]).and_then(Node::as_seq);
    let namespace = scene.namespace_of(root);
    owners.into_iter().flatten().any(|owner| {
        let text = |field: &str| owner.get(field).and_then(Node::as_str).unwrap_or_default();
        let (kind, name) = (text("kind"), text("name"));
        let is = |d: &Document| d.root.at(&["metadata", "name"]).and_then(Node::as_str) == Some(name);
        matches!(kind, "StormService" | "RoleSet") && scene.of_kind(kind, &namespace).any(is)
    })
}

struct Expanding<'a> {
    how: How,
    scene: &'a Scene<'a>,
    ledger: &'a mut Ledger,
    expansion: Expansion,
}

impl Expanding<'_> {
    fn autoscaler(&mut self, root: &Node) {
        let (autoscaler, problems) = autoscaler::read(root);
        let (refused, found) = autoscaler::split(problems, self.how);
        self.expansion.reject_all(refused, self.ledger);
        for problem in found {
            let reason = format!("the autoscaler does nothing: {}", problem.reason);
            self.expansion
                .dead_end(problem.code, reason, &problem.ids, self.ledger);
        }
        if self.expansion.is_open() {
            self.expansion
                .children
                .extend(autoscaler::child(&autoscaler, root));
        }
    }

    /// A ModelAdapter loads a LoRA adapter into pods that are there.
    fn adapter(&mut self, root: &Node) {
        let (name, problems) = adapter::read(root);
        let (refused, _) = autoscaler::split(problems, self.how);
        self.expansion.reject_all(refused, self.ledger);
        if self.expansion.is_open() {
            self.expansion.children.push(adapter::service(name.value));
        }
    }

    fn storm_service(&mut self, root: &Node) {
        let (mut service, problems) = read::storm_service(root, self.how);
        self.expansion.reject_all(problems, self.ledger);
        let sidecar = Sidecar::of(&service, self.how.version).filter(|_| self.how.webhooks);
        let templates = self.templates(service.role_set.as_ref(), sidecar.as_ref());
        self.expansion
            .reject_all(admit::storm_service(&service, self.how), self.ledger);
        if !self.expansion.is_open() {
            return;
        }
        let namespace = self.scene.namespace_of(root);
        self.first_children(&service, &namespace);
        let dead = admit::no_role_sets(&service, root, self.scene)
            .or_else(|| self.unsaid_template(&service, &templates));
        if let Some(dead) = dead {
            return self.dead_end(&dead);
        }
        if let Some(all) = service
            .selector
            .as_ref()
            .filter(|s| s.as_map().is_some_and(Map::is_empty))
        {
            let message = "an empty selector takes the RoleSets of every StormService of the cluster";
            self.ledger
                .report(Diagnostic::new(&SELECTOR_NOT_UNIQUE, message).at_ids(&all.ids));
        }
        let scaled = autoscaler::apply(&mut service, self.scene, &namespace, self.ledger);
        self.role_sets(&service, &templates, &scaled);
    }

    /// The Service, unless there is one already, and the revision.
    fn first_children(&mut self, service: &StormService, namespace: &str) {
        let name = &service.meta.name.value;
        let there = self
            .scene
            .of_kind("Service", namespace)
            .any(|d| d.root.at(&["metadata", "name"]).and_then(Node::as_str) == Some(name));
        if !there && names::dns_label(name).is_ok() {
            self.expansion.children.push(children::service(service));
        }
        self.expansion.children.push(children::revision(service));
    }

    /// The stored templates of all roles. With webhooks on, a template without a PodSpec is refused.
    fn templates(&mut self, spec: Option<&RoleSetSpec>, sidecar: Option<&Sidecar>) -> Vec<Option<Template>> {
        let mut problems = Vec::new();
        let mut templates = Vec::new();
        for role in spec.iter().flat_map(|s| &s.roles) {
            let template = role.template.as_ref();
            let stored = admit::stored(
                template,
                (&role.ids, role.grouped()),
                sidecar,
                &mut problems,
                self.ledger,
            );
            if stored.is_none() && self.how.webhooks {
                let reason = format!(
                    "`template.spec.containers` of role `{}` is missing",
                    role.name.value
                );
                problems.push(Problem::new(&SCHEMA, reason, &role.ids));
            }
            templates.push(stored);
        }
        self.expansion.reject_all(problems, self.ledger);
        templates
    }

    /// Without webhooks a role without a template is stored, but the RoleSet that the controller makes of it is refused.
    fn unsaid_template(&self, service: &StormService, templates: &[Option<Template>]) -> Option<Problem> {
        let spec = service.role_set.as_ref();
        let Some(spec) = spec else {
            let reason = "`spec.template.spec` is missing";
            return Some(Problem::new(&NO_ROLE_SETS, reason, &service.meta.name.ids));
        };
        let at = templates.iter().position(Option::is_none)?;
        let role = spec.roles.get(at)?;
        let reason = format!(
            "no RoleSet can be made: role `{}` has no template",
            role.name.value
        );
        Some(Problem::new(&NO_ROLE_SETS, reason, &role.ids))
    }

    fn dead_end(&mut self, problem: &Problem) {
        self.expansion
            .dead_end(problem.code, problem.reason.clone(), &problem.ids, self.ledger);
    }

    fn role_sets(&mut self, service: &StormService, templates: &[Option<Template>], scaled: &Scaled) {
        let (Some(spec), Some(replicas)) = (&service.role_set, &service.replicas) else {
            return;
        };
        let count = u32::try_from(replicas.value).unwrap_or(0);
        if !self.affordable(
            spec,
            (&service.template_labels, &service.template_annotations),
            count,
            &replicas.ids,
        ) {
            return;
        }
        let plan = self.plan(spec, templates, count > 0, &set_name(service));
        let name = &service.meta.name.value;
        let mut labels = service.template_labels.clone();
        labels.insert("storm-service-name", name.clone());
        labels.insert("storm-service-revision", children::revision_name(service));
        let mut annotations = set_annotations(service, spec, scaled);
        for slice in 0..count {
            let index = if slice < scaled.first {
                slice
            } else {
                slice - scaled.first
            };
            annotations.insert(format!("{PREFIX}roleset-index"), index.to_string());
            let set = Set {
                slice,
                name: set_name(service),
                service: name.clone(),
                index: index.to_string().into(),
                labels: &labels,
                annotations: &annotations,
                scheduling: spec.scheduling.as_ref(),
                topology: spec.topology.as_ref(),
                how: self.how,
            };
            self.expansion.children.push(children::role_set(&set));
            self.fill(&set, &plan);
        }
        self.say_missing(&plan);
    }

    fn role_set(&mut self, root: &Node) {
        let (set, problems) = read::role_set(root, self.how);
        self.expansion.reject_all(problems, self.ledger);
        let webhooks = std::mem::replace(&mut self.how.webhooks, false);
        let templates = self.templates(Some(&set.spec), None);
        self.how.webhooks = webhooks;
        if !self.expansion.is_open()
            || !self.affordable(
                &set.spec,
                (&set.meta.labels, &set.meta.annotations),
                1,
                &set.meta.name.ids,
            )
        {
            return;
        }
        let text =
            |map: &Map, key: &str| -> Str { map.get(key).and_then(Node::as_str).unwrap_or_default().into() };
        let plan = self.plan(&set.spec, &templates, true, &set.meta.name.value);
        let alone = text(&set.meta.labels, "storm-service-name").is_empty();
        if let Some(topology) = set.spec.topology.as_ref().filter(|_| alone) {
            let message = "`topologyPolicy` is skipped for a RoleSet without a StormService";
            let said = Diagnostic::new(&ROLE_SET, message).severity(Severity::Warning);
            self.ledger.report(said.at_ids(&topology.key.ids));
        }
        let own = Set {
            slice: 0,
            name: set.meta.name.value.to_string(),
            service: text(&set.meta.labels, "storm-service-name"),
            index: text(&set.meta.annotations, &format!("{PREFIX}roleset-index")),
            labels: &set.meta.labels,
            annotations: &set.meta.annotations,
            scheduling: set.spec.scheduling.as_ref(),
            topology: set.spec.topology.as_ref(),
            how: self.how,
        };
        self.fill(&own, &plan);
        self.say_missing(&plan);
    }

    /// Whether what is asked for can be predicted, checked before anything is made.
    fn affordable(
        &mut self,
        spec: &RoleSetSpec,
        (labels, annotations): (&Map, &Map),
        sets: u32,
        ids: &Ids,
    ) -> bool {
        let mut each = 1_u64 + u64::from(spec.scheduling.is_some());
        for role in &spec.roles {
            let replicas = u64::from(role.count());
            let groups = if role.grouped() { 2 * replicas } else { 0 };
            each = each.saturating_add(replicas.saturating_mul(u64::from(role.size())).max(groups));
        }
        let metadata = Node::from(vec![Node::from(labels.clone()), Node::from(annotations.clone())]);
        let gangs = spec.roles.iter().map(|r| r.scheduling.as_ref());
        let gangs = gangs.chain([spec.scheduling.as_ref()]).flatten().map(|g| &g.spec);
        let templates = spec.roles.iter().filter_map(|r| r.template.as_ref());
        let nodes: Vec<&Node> = templates.chain(gangs).chain([&metadata]).collect();
        let most = u64::from(sets).saturating_mul(each.saturating_sub(1).max(1));
        self.expansion.affordable(most, &nodes, ids, self.ledger)
    }

    /// Which roles of a RoleSet get pods: the controller stops at the first that fails.
    fn plan<'r>(
        &mut self,
        spec: &'r RoleSetSpec,
        templates: &'r [Option<Template>],
        any: bool,
        name: &str,
    ) -> Plan<'r> {
        let mut plan = Plan::default();
        if let Some(none) = admit::no_pods(&spec.roles).filter(|_| any) {
            plan.missing.push(none);
            return plan;
        }
        let (none, map) = (Map::new(), Map::new());
        let probe = Set {
            slice: 0,
            name: name.to_owned(),
            service: Str::default(),
            index: Str::default(),
            labels: &none,
            annotations: &map,
            scheduling: None,
            topology: None,
            how: self.how,
        };
        for (at, (role, template)) in spec.roles.iter().zip(templates).enumerate() {
            let earlier = spec.roles.get(..at).unwrap_or_default();
            plan.missing
                .extend(admit::missing_pods(role, earlier).filter(|_| any));
            let twins = earlier.iter().filter(|r| r.name.value == role.name.value);
            let from = twins.map(Role::count).max().unwrap_or(0);
            if any && role.count() > 0 {
                let pod = probe.pod_name(role, 0, 0);
                let refused = match template {
                    Some(template) => admit::refused(role, template, name, &pod),
                    None => Some(admit::no_template(&role.ids)),
                };
                if let Some(refused) = refused {
                    plan.missing.push(refused);
                    return plan;
                }
            }
            if let Some(template) = template {
                plan.roles.push((role, template, from));
            }
            self.cut_names(role, &probe);
        }
        plan
    }

    /// Says when the pods of a group cannot find their leader by its name.
    fn cut_names(&mut self, role: &Role, set: &Set<'_>) {
        let last = role.count().saturating_sub(1);
        let group = set.indexed_name(role, last);
        let leader = format!("{group}-0");
        if role.grouped() && set.pod_name(role, last, 0) != leader {
            let message = format!(
                "the pods of role `{}` are called otherwise than `$(PODSET_NAME)-<index>`: their names are cut to 63 characters",
                role.name.value
            );
            let said = Diagnostic::new(&NAME_TOO_LONG, message).severity(Severity::Warning);
            self.ledger.report(said.at_ids(&role.name.ids));
        }
    }

    /// The PodGroup, PodSets and pods of a RoleSet.
    fn fill(&mut self, set: &Set<'_>, plan: &Plan<'_>) {
        let children = &mut self.expansion.children;
        if let Some(strategy) = set.scheduling {
            children.push(children::pod_group(strategy, "RoleSet", &set.name));
        }
        for (role, template, from) in &plan.roles {
            for replica in (*from..role.count()).filter(|_| role.grouped()) {
                let group = set.group(role, template, replica);
                children.push(children::pod_set(&group, role, set));
                if let Some(strategy) = &role.scheduling {
                    children.push(children::pod_group(strategy, "PodSet", &group.name));
                }
            }
            set.pods(role, template, *from, &mut self.expansion.pods);
        }
    }

    fn say_missing(&mut self, plan: &Plan<'_>) {
        for problem in &plan.missing {
            self.expansion
                .incomplete(problem.code, problem.reason.clone(), &problem.ids, self.ledger);
        }
    }

    fn pod_set(&mut self, root: &Node) {
        let (set, mut problems) = read::pod_set(root, self.how);
        let place = &set.meta.name.ids;
        let template = admit::stored(
            set.template.as_ref(),
            (place, true),
            None,
            &mut problems,
            self.ledger,
        );
        self.expansion.reject_all(problems, self.ledger);
        let size = set
            .pod_group_size
            .as_ref()
            .map_or(0, |s| u32::try_from(s.value).unwrap_or(0));
        if !self.expansion.is_open() {
            return;
        }
        let Some(template) = template else {
            return self.dead_end(&admit::no_template(place));
        };
        let name = set.meta.name.value.to_string();
        let role = Role {
            pod_group_size: set.pod_group_size.clone(),
            ..Role::default()
        };
        let pod = rank_name(&name, 0, self.how);
        if let Some(refused) = admit::refused(&role, &template, &sample(&name), &pod) {
            return self.dead_end(&refused);
        }
        self.gang(set.scheduling.as_ref(), &name);
        let text =
            |key: &str| -> Option<Str> { set.meta.labels.get(key).and_then(Node::as_str).map(Str::from) };
        let group = Group {
            name: name.clone(),
            service: text("storm-service-name").unwrap_or_default(),
            size,
            labels: set.meta.labels.clone(),
            annotations: set.meta.annotations.clone(),
            template: &template,
            spec: template.spec.clone(),
            how: self.how,
        };
        let role = text("role-name").unwrap_or_else(|| name.into());
        let pods = (0..size).map(|rank| Pod {
            role: role.clone(),
            ..group.pod(rank)
        });
        self.expansion.pods.extend(pods);
    }

    fn gang(&mut self, strategy: Option<&Strategy>, name: &str) {
        let group = strategy.map(|s| children::pod_group(s, "PodSet", name));
        self.expansion.children.extend(group);
    }
}

/// The roles of a RoleSet that get pods, each with its template and its first replica, and why others do not.
#[derive(Default)]
struct Plan<'a> {
    roles: Vec<(&'a Role, &'a Template, u32)>,
    missing: Vec<Problem>,
}

/// Annotations of the RoleSets of a StormService, but for their index.
fn set_annotations(service: &StormService, spec: &RoleSetSpec, scaled: &Scaled) -> Map {
    let mut annotations = service.template_annotations.clone();
    let revision = children::revision_name(service);
    annotations.insert(format!("{PREFIX}revision"), revision.clone());
    let replaced = service.update.as_ref().is_none_or(|t| t.value != "InPlaceUpdate");
    for role in spec.roles.iter().map(|r| &r.name.value) {
        // A change of a role's replicas is a new revision, which new RoleSets carry.
        let changed = replaced && scaled.roles.contains(role);
        let number = if changed { "2" } else { "1" };
        annotations.insert(format!("{PREFIX}role-revision.{role}"), number);
        annotations.insert(format!("{PREFIX}role-revision-name.{role}"), revision.clone());
    }
    annotations
}

/// The name of a RoleSet of a StormService, with characters for what is drawn.
fn set_name(service: &StormService) -> String {
    let prefix = format!("{}-roleset-", service.meta.name.value);
    short_prefix(&prefix, GENERATE_NAME) + RANDOM
}
