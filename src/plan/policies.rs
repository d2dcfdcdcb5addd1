//! Policies of a role, from the language's optional fields to the IR's decisions.

use super::codes::{CONTRADICTION, TRIVIAL, WAITS_FOR_EVER};
use super::resolve::Resolved;
use crate::diagnostic::{Diagnostic, Ledger, Outcome};
use crate::ir;
use crate::spec::decode::Decode;
use crate::spec::engine::EngineType;
use crate::spec::policy::{
    Disruption, Gang, Metric, MetricSource, Restart, RestartPolicy, Rollout, Scaling, Scope, StartupOrder,
    Strictness, Topology,
};
use crate::value::{Ids, Str, Traced};

/// What starts together, if anything does. `pods` are the pods of a replica.
pub fn gang(role: &Resolved, pods: u32, ledger: &mut Ledger) -> Option<ir::Gang> {
    let Gang {
        ids,
        enabled,
        scope,
        timeout,
    } = role.scheduling.gang.clone()?;
    let asked = ids.union(&enabled.as_ref().map(Decode::origins).unwrap_or_default());
    let scope = scope.unwrap_or(Traced::default_of(Scope::Replica));
    let timeout = timeout.map(|t| t.seconds());
    let off = enabled.is_some_and(|e| !e.value);
    if off || (scope.value == Scope::Replica && pods == 1) {
        let mut all = asked.union(&scope.ids);
        all.merge(&timeout.map(|t| t.ids).unwrap_or_default());
        let message = if off {
            "no gang"
        } else {
            "a replica of one pod is its own gang"
        };
        ledger.waive(
            &all,
            Diagnostic::new(&TRIVIAL, message).outcome(Outcome::Defaulted),
        );
        return None;
    }
    Some(ir::Gang {
        scope,
        timeout,
        ids: asked,
    })
}

/// How close together pods must be.
pub fn topology(role: &Resolved, pods: u32, ledger: &mut Ledger) -> Option<ir::Topology> {
    let Topology {
        ids,
        key,
        scope,
        mode,
        exclusive,
    } = role.scheduling.topology.clone()?;
    let key = key?.and(&ids);
    let topology = ir::Topology {
        key,
        scope: scope.unwrap_or(Traced::default_of(Scope::Replica)),
        mode: mode.unwrap_or(Traced::default_of(Strictness::Required)),
        exclusive: exclusive.unwrap_or_default(),
    };
    if topology.scope.value == Scope::Replica && pods == 1 && !topology.exclusive.value {
        let ir::Topology {
            key,
            scope,
            mode,
            exclusive,
        } = &topology;
        let all = key.ids.union(&scope.ids).union(&mode.ids).union(&exclusive.ids);
        ledger.waive(
            &all,
            Diagnostic::new(&TRIVIAL, "a replica of one pod is in one domain").outcome(Outcome::Defaulted),
        );
        return None;
    }
    Some(topology)
}

/// How a change reaches running replicas.
pub fn rollout(role: &Resolved, ledger: &mut Ledger) -> Option<ir::Rollout> {
    let Rollout {
        ids,
        max_unavailable,
        max_surge,
        partition,
        paused,
        in_place,
    } = role.rollout.clone()?;
    let zero = |v: &Option<Traced<crate::spec::scalar::IntOrPercent>>, up, default: u32| {
        v.as_ref()
            .map_or(default, |v| v.value.of(role.replicas.value, up))
            == 0
    };
    if role.replicas.value > 0 && zero(&max_unavailable, false, 1) && zero(&max_surge, true, 0) {
        let at = max_unavailable
            .as_ref()
            .map(|v| v.ids.clone())
            .unwrap_or_default();
        let message = "a rollout could never go on: no replica may be missing, and none may be there beside the wanted ones";
        let said = Diagnostic::new(&CONTRADICTION, message).at_ids(&at.union(&ids));
        ledger.report(said.remedy("set `maxUnavailable` or `maxSurge` to at least 1"));
    }
    // What is off needs no field; the bounds that are written out all the same arrive where the target has them.
    for off in [&paused, &in_place].into_iter().flatten().filter(|v| !v.value) {
        let said = Diagnostic::new(&TRIVIAL, "this is what happens anyway").outcome(Outcome::Defaulted);
        ledger.waive(&off.ids, said);
    }
    // Many targets hold changes back by a partition over all replicas.
    if let (Some(partition), Some(paused)) = (&partition, paused.as_ref().filter(|p| p.value)) {
        ledger.supersede(&partition.ids, &paused.ids);
    }
    Some(ir::Rollout {
        max_unavailable,
        max_surge,
        partition: partition.map(|p| p.number()),
        paused,
        in_place,
    })
}

/// What is made anew when a container fails. `pods` are the pods of a replica.
pub fn restart(role: &Resolved, pods: u32, ledger: &mut Ledger) -> ir::Restart {
    let Restart {
        ids,
        policy,
        base_delay,
        max_delay,
    } = role.restart.clone();
    if let Some(policy) = policy.as_ref().filter(|p| p.value == RestartPolicy::Pod) {
        let message = "the kubelet restarts containers anyway";
        let said = Diagnostic::new(&TRIVIAL, message).outcome(Outcome::Defaulted);
        ledger.waive(&policy.ids.union(&ids), said);
    }
    let default = if pods > 1 {
        RestartPolicy::Replica
    } else {
        RestartPolicy::Pod
    };
    ir::Restart {
        policy: policy.map_or(Traced::default_of(default), |p| p.and(&ids)),
        base_delay: base_delay.map(|d| d.seconds()),
        max_delay: max_delay.map(|d| d.seconds()),
    }
}

/// The order within a replica.
pub fn startup(role: &Resolved, pods: u32, ledger: &mut Ledger) -> Option<Traced<StartupOrder>> {
    let order = role.startup.order.clone()?.and(&role.startup.ids);
    if pods == 1 || order.value == StartupOrder::Parallel {
        let said = Diagnostic::new(&TRIVIAL, "the pods of a replica start together here anyway")
            .outcome(Outcome::Defaulted);
        ledger.waive(&order.ids, said);
        return None;
    }
    let known = role.computes() && role.engine_type.value != EngineType::Custom && role.members.is_empty();
    if order.value == StartupOrder::LeaderFirst && known && role.probes.readiness.is_none() {
        let message = format!(
            "the leader of `{}` is only ready with its workers, which would wait for it",
            role.name.value
        );
        let said = Diagnostic::new(&WAITS_FOR_EVER, message).at_ids(&order.ids);
        ledger.report(said.remedy("leave `startup.order` out"));
    }
    Some(order)
}

/// Automatic scaling.
pub fn scaling(role: &Resolved, ledger: &mut Ledger) -> Option<ir::Scaling> {
    scaling_of(role.scaling.clone()?, &role.replicas, ledger)
}

/// Automatic scaling of `replicas` things.
pub fn scaling_of(scaling: Scaling, replicas: &Traced<u32>, ledger: &mut Ledger) -> Option<ir::Scaling> {
    let Scaling {
        ids,
        min_replicas,
        max_replicas,
        metrics,
    } = scaling;
    let min = min_replicas.map_or(Traced::default_of(1), |m| m.number());
    let max = max_replicas?.number();
    if min.value > max.value {
        let message = format!("at least {} replicas and at most {}", min.value, max.value);
        ledger.report(
            Diagnostic::new(&CONTRADICTION, message)
                .at_ids(&max.ids)
                .label(min.at(), "at least this many"),
        );
    }
    if replicas.value > max.value {
        let message = format!(
            "{} replicas are more than the {} that scaling allows",
            replicas.value, max.value
        );
        ledger.report(
            Diagnostic::new(&CONTRADICTION, message)
                .at_ids(&max.ids)
                .label(replicas.at(), "replicas"),
        );
    }
    let metrics = metrics?.into_iter().filter_map(|m| metric(m, ledger)).collect();
    Some(ir::Scaling {
        min,
        max,
        metrics,
        ids,
    })
}

fn metric(metric: Metric, ledger: &mut Ledger) -> Option<ir::Metric> {
    let Metric {
        ids,
        source,
        name,
        target,
    } = metric;
    let (name, target) = (name?, target?);
    let source = source.unwrap_or(Traced::default_of(MetricSource::Pods)).and(&ids);
    if source.value == MetricSource::Resource && !matches!(name.value.as_str(), "cpu" | "memory") {
        let message = format!("`{}` is not a resource that scaling can measure", name.value);
        ledger.report(
            Diagnostic::new(&CONTRADICTION, message)
                .at_ids(&name.ids)
                .remedy("`cpu` or `memory`, or another `source`"),
        );
    }
    let target: Traced<Str> = target.map(|q| q.0.clone());
    Some(ir::Metric { source, name, target })
}

/// Bounds for drains.
pub fn disruption(role: &Resolved, ledger: &mut Ledger) -> Option<ir::Disruption> {
    let Disruption {
        ids,
        min_available,
        max_unavailable,
    } = role.disruption.clone()?;
    match (&min_available, &max_unavailable) {
        (Some(min), Some(max)) => {
            let said = Diagnostic::new(
                &CONTRADICTION,
                "`minAvailable` and `maxUnavailable` exclude each other",
            );
            ledger.report(said.at_ids(&max.ids).label(min.at(), "the other one"));
        }
        (None, None) => {
            ledger.waive(
                &ids,
                Diagnostic::new(&super::codes::NO_EFFECT, "a disruption without a bound")
                    .outcome(Outcome::Dropped),
            );
            return None;
        }
        _ => {}
    }
    let own = |v: Option<Traced<_>>, ids: &Ids| v.map(|v: Traced<_>| v.and(ids));
    Some(ir::Disruption {
        min_available: own(min_available, &ids),
        max_unavailable: own(max_unavailable, &ids),
    })
}
