//! Restart, rollout, autoscaler and disruption budget of a role.

use super::codes::{
    BUDGET, OPTION, PARTITION, RESTART_DELAYS, SCALED_TO_REFUSAL, SCALING_IN_SET, STANDALONE_RESTART,
};
use super::names;
use super::options::{Pattern, ScalingAdapter};
use super::pattern::RolePlan;
use super::said;
use crate::diagnostic::{Ledger, Outcome, Severity};
use crate::dialect::shared;
use crate::ir::{Disruption, Restart, Rollout, Scaling, Serving};
use crate::kubernetes::companion;
use crate::spec::policy::RestartPolicy;
use crate::spec::scalar::IntOrPercent;
use crate::template::Vars;
use crate::value::{Ids, Map, Node, Str, Traced};

/// Seconds before the second restart, if nobody says.
const BASE_DELAY: u32 = 30;
/// Most seconds, if nobody says.
const MAX_DELAY: u32 = 600;

/// The restart policy of an instance, always in full; none for an instance of one pod, whose ids stay on the template.
pub fn restart(plan: &RolePlan<'_>, template: Option<&mut Node>, ledger: &mut Ledger) -> Option<Node> {
    let Restart {
        policy,
        base_delay,
        max_delay,
    } = &plan.role.restart;
    let delays = [base_delay, max_delay]
        .into_iter()
        .flatten()
        .fold(Ids::none(), |ids, d| ids.union(&d.ids));
    if plan.pattern == Pattern::Standalone {
        let mut ids = delays;
        match (policy.value, template) {
            (RestartPolicy::Pod, Some(template)) => template.decided_by(&policy.ids),
            _ => ids.merge(&policy.ids),
        }
        let message = format!(
            "`{}` has instances of one pod, which restart by themselves",
            plan.role.name.value
        );
        ledger.waive(
            &ids,
            said(&STANDALONE_RESTART, message).outcome(Outcome::Defaulted),
        );
        return None;
    }
    let base = base_delay.clone().unwrap_or_else(|| {
        let limit = max_delay.as_ref().map_or(BASE_DELAY, |m| m.value.min(BASE_DELAY));
        Traced::default_of(limit)
    });
    let max = max_delay
        .clone()
        .unwrap_or_else(|| Traced::default_of(base.value.max(MAX_DELAY)));
    if max.value < base.value {
        let message = format!(
            "the longest delay is {} s and the first is {} s",
            max.value, base.value
        );
        ledger.report(
            said(&RESTART_DELAYS, message)
                .at_ids(&max.ids)
                .label(base.at(), "the first delay"),
        );
    }
    let kind = policy.map(|policy| {
        Str::from(match policy {
            RestartPolicy::Pod => "None",
            RestartPolicy::Replica | RestartPolicy::Slice => "RecreateRoleInstanceOnPodRestart",
        })
    });
    let config = [
        ("type", kind.node()),
        ("baseDelaySeconds", base.node()),
        ("maxDelaySeconds", max.node()),
    ];
    Some(Map::from_iter(config).into())
}

/// The rollout strategy, always in full: defaults differ between an absent strategy and an empty one.
pub fn rollout(plan: &RolePlan<'_>, vars: &mut Vars, ledger: &mut Ledger) {
    let default = Rollout::default();
    let Rollout {
        max_unavailable,
        max_surge,
        partition,
        paused,
        in_place,
    } = plan.role.rollout.as_ref().unwrap_or(&default);
    let bound = |v: &Option<Traced<IntOrPercent>>, default: u32| {
        v.as_ref().map_or_else(|| default.into(), Traced::node)
    };
    vars.set("maxUnavailable", bound(max_unavailable, 1));
    vars.set("maxSurge", bound(max_surge, 0));
    vars.set(
        "partition",
        partition.as_ref().map_or_else(|| 0u32.into(), Traced::node),
    );
    vars.set("paused", paused.as_ref().map(Traced::node));
    let kind = |in_place: &bool| {
        Str::from(if *in_place {
            "InPlaceIfPossible"
        } else {
            "RecreatePod"
        })
    };
    vars.set(
        "updateType",
        in_place
            .as_ref()
            .map_or_else(|| kind(&true).into(), |i| i.map(kind).node()),
    );
    if let Some(partition) = partition {
        check_partition(plan, partition, ledger);
    }
    if let (Some(scaling), Some(bound)) = (&plan.role.scaling, max_unavailable) {
        check_bounds(plan, scaling, bound, max_surge.as_ref(), ledger);
    }
}

/// The webhook rounds `maxUnavailable` down, at whatever number of replicas the autoscaler asks for.
fn check_bounds(
    plan: &RolePlan<'_>,
    scaling: &Scaling,
    bound: &Traced<IntOrPercent>,
    surge: Option<&Traced<IntOrPercent>>,
    ledger: &mut Ledger,
) {
    let fewest = scaling.min.value.max(1);
    let none = |bound: &Traced<IntOrPercent>, up| bound.value.of(fewest, up) == 0;
    if none(bound, false) && surge.is_none_or(|s| none(s, true)) && plan.role.replicas.value >= fewest {
        let message = format!(
            "`{}` cannot be scaled to {fewest}: `maxUnavailable` is none of them then",
            plan.role.name.value
        );
        let entry = said(&SCALED_TO_REFUSAL, message)
            .at_ids(&bound.ids)
            .outcome(Outcome::Moved);
        ledger.report(
            entry
                .label(scaling.min.at(), "fewest replicas")
                .remedy("write `maxUnavailable` as a number"),
        );
    }
}

fn check_partition(plan: &RolePlan<'_>, partition: &Traced<u32>, ledger: &mut Ledger) {
    let (name, replicas) = (&plan.role.name.value, &plan.role.replicas);
    if replicas.value > 0 && partition.value >= replicas.value {
        let message = format!(
            "partition {} of `{name}` is not below its {} replicas",
            partition.value, replicas.value
        );
        let entry = said(&PARTITION, message).at_ids(&partition.ids);
        ledger.report(entry.remedy("`rollout: {paused: true}` holds back the whole role"));
    } else if let Some(scaling) = plan
        .role
        .scaling
        .as_ref()
        .filter(|s| s.min.value <= partition.value)
    {
        let message = format!(
            "`{name}` cannot be scaled to {}: partition {} is refused then",
            scaling.min.value, partition.value
        );
        let entry = said(&SCALED_TO_REFUSAL, message)
            .at_ids(&partition.ids)
            .outcome(Outcome::Moved);
        ledger.report(
            entry
                .label(scaling.min.at(), "fewest replicas")
                .remedy("let `minReplicas` be above the partition"),
        );
    }
}

/// Whether the role has a scaling adapter, and what it is; reports what a set cannot have.
pub fn scaling_adapter(serving: &Serving, plan: &RolePlan<'_>, ledger: &mut Ledger) -> Option<Node> {
    let scaling = plan.role.scaling.as_ref();
    let asked = plan.options.scaling_adapter.as_ref();
    if names::is_set(serving) {
        let mut ids = scaling.map(origins).unwrap_or_default();
        ids.merge(
            &asked
                .map(crate::spec::decode::Decode::origins)
                .unwrap_or_default(),
        );
        if !ids.is_empty() {
            let message = format!(
                "`{}` is not scaled: roles of a set cannot be",
                plan.role.name.value
            );
            let entry = said(&SCALING_IN_SET, message)
                .at_ids(&ids)
                .outcome(Outcome::Dropped);
            ledger.report(entry.remedy("use one slice, or scale `slices`"));
        }
        return None;
    }
    let default = ScalingAdapter::default();
    let ScalingAdapter { ids, enable, labels } = asked.unwrap_or(&default);
    if scaling.is_none() && asked.is_none() {
        return None;
    }
    let off = enable.as_ref().filter(|e| !e.value);
    if let (Some(off), Some(scaling)) = (off, scaling) {
        let entry = said(&OPTION, "`scaling` needs the scaling adapter that this turns off").at_ids(&off.ids);
        ledger.report(entry.label(scaling.ids.first(), "scaling"));
    }
    let ids = ids.union(&scaling.map(|s| s.ids.clone()).unwrap_or_default());
    let on = enable.as_ref().map_or_else(|| true.into(), Traced::node);
    let mut adapter = Map::from_iter([("enable", on)]);
    adapter.insert_some(
        "labels",
        labels.as_ref().map(|l| Node::derived(l.entries.clone(), &l.ids)),
    );
    Some(Node::derived(adapter, &ids))
}

/// Everything that a scaling was read from.
fn origins(scaling: &Scaling) -> Ids {
    let Scaling {
        min,
        max,
        metrics,
        ids,
    } = scaling;
    let mut all = ids.union(&min.ids).union(&max.ids);
    for crate::ir::Metric { source, name, target } in metrics {
        all.merge(&source.ids.union(&name.ids).union(&target.ids));
    }
    all
}

/// Autoscaler and disruption budget of a role.
pub fn companions(serving: &Serving, plan: &RolePlan<'_>, ledger: &mut Ledger) -> Vec<Node> {
    let name = shared::role_object_name(serving, plan.role);
    let adapter = (names::API_VERSION, "RoleBasedGroupScalingAdapter", name.node());
    let scaler = shared::autoscaler(serving, plan.role, &name, adapter).filter(|_| !names::is_set(serving));
    scaler
        .into_iter()
        .chain(budget(serving, plan, &name, ledger))
        .collect()
}

/// A budget by number: see [`BUDGET`].
fn budget(serving: &Serving, plan: &RolePlan<'_>, name: &Traced<Str>, ledger: &mut Ledger) -> Option<Node> {
    let Disruption {
        min_available,
        max_unavailable,
    } = plan.role.disruption.as_ref()?;
    let slices = serving.slices.map(|s| *s.max(&1));
    let pods = slices
        .zip(&plan.role.replicas, u32_product)
        .zip(&plan.role.size(), u32_product);
    let stay = match (min_available, max_unavailable) {
        (Some(min), _) => min.zip(&pods, |min, pods| min.of(*pods, true)),
        (None, Some(max)) => max.zip(&pods, |max, pods| pods.saturating_sub(max.of(*pods, true))),
        (None, None) => return None,
    };
    let as_written = matches!(
        min_available,
        Some(Traced {
            value: IntOrPercent::Int(_),
            ..
        })
    );
    if !as_written {
        let scaled = plan.role.scaling.is_some();
        let ids = [min_available, max_unavailable]
            .into_iter()
            .flatten()
            .fold(Ids::none(), |ids, v| ids.union(&v.ids));
        let message = format!(
            "of the {} pods of `{}`, {} must stay",
            pods.value, plan.role.name.value, stay.value
        );
        let mut entry = said(&BUDGET, message).at_ids(&ids).outcome(Outcome::Moved);
        entry.reason =
            Some("Kubernetes can only evaluate a number of pods for the pods of this target".into());
        if scaled {
            let remedy = "the number does not follow the autoscaler: write `minAvailable` as a number that always holds";
            entry = entry.severity(Severity::Warning).remedy(remedy);
        }
        ledger.report(entry);
    }
    let selector = if names::is_set(serving) {
        let mut labels = shared::selector(serving, plan.role);
        labels.remove(crate::ir::MEMBER_LABEL);
        labels
    } else {
        let mut labels = plan.selector(&serving.name);
        labels.remove(names::COMPONENT_NAME);
        labels
    };
    let metadata = shared::metadata(serving, name, &[], &Map::new());
    Some(companion::pod_disruption_budget(
        metadata,
        selector,
        Some(stay.node()),
        None,
    ))
}

fn u32_product(a: &u32, b: &u32) -> u32 {
    a.saturating_mul(*b)
}
