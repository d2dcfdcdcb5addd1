//! Names that are too long for what the controller makes of them, and names that collide.

use super::codes::{NAME_CLASH, NAME_TOO_LONG, SERVICE_NAME};
use super::names::{groups, headless, workload};
use super::options::Pattern;
use super::pattern::RolePlan;
use super::said;
use crate::diagnostic::Ledger;
use crate::ir::Serving;
use crate::value::Node;

/// What the revision label of an instance leaves for `<group>-<role>`.
const WORKLOAD: usize = 52;
/// What a Service name leaves for `<group>-<role>`; binds stateless roles only.
const STATELESS_WORKLOAD: usize = 61;
/// What the label key `role-revision-<role>` leaves for the role.
const ROLE: usize = 49;
/// A host name.
const HOST: usize = 63;

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
