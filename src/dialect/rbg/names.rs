//! Names and labels as the controller forms them (pkg/utils, pkg/reconciler/roleinstance/utils `FormatComponentPodName`).

use super::codes::{NAME_CLASH, NAME_TOO_LONG, SERVICE_NAME};
use super::options::Pattern;
use super::pattern::RolePlan;
use super::said;
use crate::diagnostic::Ledger;
use crate::ir::Serving;
use crate::value::{Map, Node};

/// The API version of all kinds.
pub const API_VERSION: &str = "workloads.x-k8s.io/v1alpha2";
/// The prefix of labels and annotations.
pub const PREFIX: &str = "rbg.workloads.x-k8s.io/";
/// The prefix of v1alpha1, which a few live annotations still have.
pub const OLD_PREFIX: &str = "rolebasedgroup.workloads.x-k8s.io/";
/// The label of the group's name, on pods.
pub const GROUP_NAME: &str = "rbg.workloads.x-k8s.io/group-name";
/// The label of the role's name, on pods.
pub const ROLE_NAME: &str = "rbg.workloads.x-k8s.io/role-name";
/// The label of the component's name, on pods.
pub const COMPONENT_NAME: &str = "rbg.workloads.x-k8s.io/component-name";
/// The label of the instance's name, on pods.
pub const INSTANCE_NAME: &str = "rbg.workloads.x-k8s.io/role-instance-name";

/// What the revision label of an instance leaves for `<group>-<role>`.
const WORKLOAD: usize = 52;
/// What a Service name leaves for `<group>-<role>`; binds stateless roles only.
const STATELESS_WORKLOAD: usize = 61;
/// What the label key `role-revision-<role>` leaves for the role.
const ROLE: usize = 49;
/// A host name.
const HOST: usize = 63;

/// Whether the workload is a set of groups.
pub fn is_set(serving: &Serving) -> bool {
    serving.slices.value > 1
}

/// The names of the groups: the serving's own, or one for each slice.
pub fn groups(serving: &Serving) -> Vec<String> {
    let name = &serving.name.value;
    match serving.slices.value {
        0 | 1 => vec![name.to_string()],
        n => (0..n).map(|slice| format!("{name}-{slice}")).collect(),
    }
}

/// The name of a group as a pod of it knows it: the name itself, or in a set the injected variable.
pub fn own_group(serving: &Serving) -> String {
    if is_set(serving) {
        "$(RBG_GROUP_NAME)".into()
    } else {
        serving.name.value.to_string()
    }
}

/// The RoleInstanceSet of a role, and its scaling adapter.
pub fn workload(group: &str, role: &str) -> String {
    format!("{group}-{role}")
}

/// The headless Service that the controller makes for a role.
pub fn headless(group: &str, role: &str) -> String {
    format!("s-{group}-{role}")
}

/// The labels of a role's pods that answer requests, in one group.
pub fn selector(plan: &RolePlan<'_>, group: impl Into<Node>) -> Map {
    let mut labels = Map::new();
    labels.insert(GROUP_NAME, group);
    labels.insert(ROLE_NAME, &plan.role.name);
    if plan.role.members.iter().any(|m| !m.serves) {
        labels.insert(COMPONENT_NAME, plan.component(0));
    }
    labels
}

/// Reports names over the limits, names that collide and Services that the controller would take over.
pub fn check(serving: &Serving, plans: &[RolePlan<'_>], objects: &[Node], ledger: &mut Ledger) {
    // The last slice has the longest name.
    let group = groups(serving).pop().unwrap_or_default();
    plans
        .iter()
        .for_each(|plan| length(serving, plan, &group, ledger));
    clashes(plans, ledger);
    services(serving, plans, objects, ledger);
}

fn length(serving: &Serving, plan: &RolePlan<'_>, group: &str, ledger: &mut Ledger) {
    let role = &plan.role.name;
    let workload = workload(group, &role.value);
    let limit = if plan.stateless() {
        STATELESS_WORKLOAD
    } else {
        WORKLOAD
    };
    let mut too_long = |what: &str, length: usize, limit: usize| {
        if length > limit {
            let message = format!("{what} is {length} characters long; {limit} are possible");
            let ids = serving.name.ids.union(&role.ids);
            let entry = said(&NAME_TOO_LONG, message).at_ids(&ids);
            ledger.report(entry.remedy(format!(
                "shorten the names of serving and role by {}",
                length - limit
            )));
        }
    };
    too_long(&format!("`{workload}`"), workload.len(), limit);
    too_long(&format!("the role name `{}`", role.value), role.value.len(), ROLE);
    if workload.len() <= limit {
        let most = plan
            .role
            .scaling
            .as_ref()
            .map_or(plan.role.replicas.value, |s| s.max.value);
        // A stateless instance is called by five random characters.
        let ordinal = if plan.stateless() {
            5
        } else {
            most.saturating_sub(1).to_string().len()
        };
        let suffix = plan.suffixes().map(|s| s.len()).max().unwrap_or(0);
        let longest = workload.len() + 1 + ordinal + suffix;
        too_long(&format!("the longest pod name of `{workload}`"), longest, HOST);
    }
}

/// A pod of one role called like a pod of another: `<g>-a-0-<rank>` of role `a`, `<g>-a-0-<ordinal>` of role `a-0`.
fn clashes(plans: &[RolePlan<'_>], ledger: &mut Ledger) {
    for outer in plans
        .iter()
        .filter(|p| p.pattern != Pattern::Standalone && !p.stateless())
    {
        let name = &outer.role.name;
        for inner in plans
            .iter()
            .filter(|p| p.pattern == Pattern::Standalone && !p.stateless())
        {
            let rest = inner
                .role
                .name
                .value
                .strip_prefix(name.value.as_str())
                .and_then(|r| r.strip_prefix('-'));
            let Some(rest) = rest else { continue };
            let (ordinal, component) = rest.split_once('-').map_or((rest, None), |(o, c)| (o, Some(c)));
            let instance = ordinal
                .parse::<u32>()
                .is_ok_and(|o| o < outer.role.replicas.value && o.to_string() == ordinal);
            let pods = match (outer.pattern, component) {
                (Pattern::LeaderWorker, None) => true,
                (Pattern::CustomComponents, Some(c)) => outer.role.members.iter().any(|m| m.name.value == c),
                _ => false,
            };
            if instance && pods && inner.role.replicas.value > 0 {
                let message = format!(
                    "pods of the roles `{}` and `{}` get the same names",
                    name.value, inner.role.name.value
                );
                let entry = said(&NAME_CLASH, message).at_ids(&inner.role.name.ids);
                ledger.report(
                    entry
                        .label(name.at(), "the other role")
                        .remedy("rename one of the roles"),
                );
            }
        }
    }
}

fn services(serving: &Serving, plans: &[RolePlan<'_>], objects: &[Node], ledger: &mut Ledger) {
    let is_service = |o: &&Node| o.get("kind").and_then(Node::as_str) == Some("Service");
    for node in objects
        .iter()
        .filter(is_service)
        .filter_map(|o| o.at(&["metadata", "name"]))
    {
        let taken = |group: &String| {
            plans
                .iter()
                .any(|p| node.as_str() == Some(&headless(group, &p.role.name.value)))
        };
        if groups(serving).iter().any(taken) {
            let message = format!(
                "`{}` is the name of a Service that the controller makes",
                node.as_str().unwrap_or_default()
            );
            let entry = said(&SERVICE_NAME, message).at_ids(&node.ids);
            ledger.report(entry.remedy("choose another `routing.service.name`"));
        }
    }
}
