//! IR to a RoleBasedGroup, or a set of them, and their companions.

use super::options::{Options, Platform, RoleOptions};
use super::pattern::{self, RolePlan};
use super::role::Roles;
use super::scheduling::{self, Scheduling};
use super::{checks, coordination, name_checks, names, policies, said};
use crate::diagnostic::Outcome;
use crate::dialect::{Context, shared};
use crate::ir::{Role, SERVING_LABEL, Serving};
use crate::kubernetes::companion;
use crate::spec::decode::Decoder;
use crate::template::Vars;
use crate::value::{Ids, Map, Node};

const DISCOVERY_MODE: &str = "rbg.workloads.x-k8s.io/discovery-config-mode";

/// All objects of a workload.
pub fn lower(serving: &Serving, cx: &mut Context<'_>) -> Vec<Node> {
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
    let platform: Platform = cx.platform.section("rbg", &mut decoder);
    let role_options: Vec<RoleOptions> = roles.iter().map(|r| cx.options(&r.options)).collect();
    let plans = pattern::plans(serving, role_options, cx.ledger);
    checks::metadata(serving, cx.ledger);
    let mut scheduling = scheduling::group(serving, &plans, &options, &platform, cx.ledger);
    let lowering = Roles {
        serving,
        options: &options,
        platform: &platform,
        plans: &plans,
    };
    let roles: Vec<Node> = plans
        .iter()
        .filter_map(|p| lowering.role(p, &mut scheduling, cx))
        .collect();

    let mut objects = shared::access(serving);
    objects.extend(coordination::policies(
        serving,
        options.coordination.as_deref().unwrap_or_default(),
        cx,
    ));
    let mut group = group(serving, &options, &scheduling, roles, cx);
    if let Some(group) = &mut group {
        group.decided_by(&options.ids.union(&shared::empty_options(written)));
        let asked = options.set.as_ref().map(|s| s.ids.clone());
        group.decided_by(&asked.unwrap_or_default());
    }
    objects.extend(group);
    for plan in &plans {
        objects.extend(policies::companions(serving, plan, cx.ledger));
    }
    objects.extend(role_services(serving, &plans));
    objects.extend(shared::fronts(serving, |serving, role| {
        front_selector(serving, role, &plans)
    }));
    unused(serving, &options, cx);
    name_checks::check(serving, &plans, &objects, cx.ledger);
    objects
}

fn group(
    serving: &Serving,
    options: &Options,
    scheduling: &Scheduling<'_>,
    roles: Vec<Node>,
    cx: &mut Context<'_>,
) -> Option<Node> {
    let of_groups = options
        .group_annotations
        .as_ref()
        .filter(|_| names::is_set(serving));
    let mut annotations = of_groups.map_or_else(|| serving.annotations.clone(), |a| a.entries.clone());
    for (key, value) in &scheduling.annotations {
        annotations.insert(key.clone(), value.clone());
    }
    if !annotations.contains_key(DISCOVERY_MODE) {
        annotations.insert(DISCOVERY_MODE, "refine");
    }
    let mut vars = Vars::new();
    vars.set("roles", roles);
    if names::is_set(serving) {
        vars.set(
            "metadata",
            shared::metadata(serving, &serving.name, &[], &serving.annotations),
        );
        vars.set("replicas", serving.slices.node());
        vars.set("labels", group_labels(serving, options));
        vars.set("annotations", annotations);
        return shared::fill(cx, "rbg/rolebasedgroupset.yaml", vars);
    }
    let name = serving.name.clone().and(&serving.slices.ids);
    vars.set("metadata", shared::metadata(serving, &name, &[], &annotations));
    shared::fill(cx, "rbg/rolebasedgroup.yaml", vars)
}

/// The labels of the groups of a set: marked as this compiler's where their pods are.
fn group_labels(serving: &Serving, options: &Options) -> Option<Node> {
    let own = |template: &Node| template.at(&["metadata", "labels", SERVING_LABEL]).is_some();
    let mut members = serving.roles.iter().flat_map(|r| &r.members);
    let labels = match &options.group_labels {
        Some(labels) => Node::derived(labels.entries.clone(), &labels.ids),
        None if members.any(|m| own(&m.template)) => shared::object_labels(serving, &[]).into(),
        None => serving.labels.clone().into(),
    };
    labels.as_map().is_some_and(|l| !l.is_empty()).then_some(labels)
}

/// Services of the roles that others address as a whole, in each group. The controller's own headless ones also name pods
/// that are not ready yet.
fn role_services(serving: &Serving, plans: &[RolePlan<'_>]) -> Vec<Node> {
    let wanted = shared::referenced_roles(serving);
    let mut services = Vec::new();
    for group in names::groups(serving) {
        for plan in plans.iter().filter(|p| wanted.contains(&p.role.name.value)) {
            let Some(port) = &plan.role.engine.port else {
                continue;
            };
            let role = &plan.role.name;
            let name = serving.name.zip(role, |_, role| {
                shared::service_name(&names::workload(&group, role))
            });
            services.push(companion::service(companion::Service {
                metadata: shared::metadata(serving, name, &[], &Map::new()),
                selector: plan.selector(Node::derived(group.clone(), &serving.name.ids)),
                ports: vec![companion::ServicePort {
                    name: "http".into(),
                    port: port.node(),
                    target_port: port.node(),
                }],
                service_type: None,
                headless: false,
            }));
        }
    }
    services
}

/// The pods behind the front: by the controller's labels, or in a set by our own, which all groups share.
fn front_selector(serving: &Serving, role: &Role, plans: &[RolePlan<'_>]) -> Map {
    let plan = plans.iter().find(|p| p.role.name.value == role.name.value);
    match plan.filter(|_| !names::is_set(serving)) {
        Some(plan) => plan.selector(&serving.name),
        None => shared::selector(serving, role),
    }
}

/// Reports options that nothing used.
fn unused(serving: &Serving, options: &Options, cx: &mut Context<'_>) {
    let Options {
        ids: _,
        coordination: _,
        dependencies,
        queue_system: _,
        set: _,
        group_labels,
        group_annotations,
        unique_hash,
        patches: _,
    } = options;
    let mut idle = |ids: Option<Ids>, message: &str| {
        let entry = said(&super::codes::NO_EFFECT, message).outcome(Outcome::Dropped);
        cx.ledger.waive(&ids.unwrap_or_default(), entry);
    };
    for (field, option) in [
        ("groupLabels", group_labels),
        ("groupAnnotations", group_annotations),
    ] {
        let ids = option.as_ref().map(crate::spec::decode::Decode::origins);
        idle(ids, &format!("`{field}` without a set of groups"));
    }
    idle(
        unique_hash.as_ref().map(|u| u.ids.clone()),
        "`uniqueHash` without an exclusive topology of the group",
    );
    let waiting = serving.roles.iter().any(|r| !r.depends_on.is_empty());
    if let Some(dependencies) = dependencies.as_ref().filter(|_| !waiting) {
        let entry = said(
            &super::codes::NO_EFFECT,
            "`dependencies` without roles that depend on others",
        );
        cx.ledger
            .waive(&dependencies.ids, entry.outcome(Outcome::Dropped));
    }
}
