//! IR to a RoleBasedGroup, or a set of them, and their companions.

use super::options::{Options, Platform, RoleOptions};
use super::pattern::{self, RolePlan};
use super::role::Roles;
use super::scheduling::{self, Scheduling};
use super::{checks, coordination, name_checks, names, policies, said};
use crate::diagnostic::Outcome;
use crate::dialect::{Context, shared};
use crate::ir::{Role, Serving};
use crate::kubernetes::companion;
use crate::spec::decode::Decoder;
use crate::template::Vars;
use crate::value::{Map, Node};

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
    let mut group = group(serving, &scheduling, roles, cx);
    if let Some(group) = &mut group {
        group.decided_by(&options.ids.union(&shared::empty_options(written)));
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
    scheduling: &Scheduling<'_>,
    roles: Vec<Node>,
    cx: &mut Context<'_>,
) -> Option<Node> {
    let mut annotations = serving.annotations.clone();
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
        vars.set("labels", shared::object_labels(serving, &[]));
        vars.set("annotations", annotations);
        return shared::fill(cx, "rbg/rolebasedgroupset.yaml", &vars);
    }
    let name = serving.name.clone().and(&serving.slices.ids);
    vars.set("metadata", shared::metadata(serving, &name, &[], &annotations));
    shared::fill(cx, "rbg/rolebasedgroup.yaml", &vars)
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
        patches: _,
    } = options;
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
