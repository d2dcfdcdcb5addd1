//! What the validating webhook of LeaderWorkerSets refuses (kubernetes-sigs/lws pkg/webhooks/leaderworkerset_webhook.go).

use super::codes::{BUDGET, NAME, PRODUCT, SIZE, SUB_GROUP, SUB_GROUP_ANNOTATION};
use super::read::{LeaderWorkerSet, SUBGROUP_EXCLUSIVE};
use crate::kubernetes::int_or_string::{IntOrPercent, Rounding};
use crate::kubernetes::names;
use crate::pods::Problem;
use crate::value::{Node, Traced};

/// The rules that a LeaderWorkerSet breaks.
pub fn admit(set: &LeaderWorkerSet) -> Vec<Problem> {
    let mut problems = Vec::new();
    let named = !set.name.value.is_empty();
    if let Err(reason) = names::dns_1035_label(&set.name.value)
        && named
    {
        let reason = format!("`{}` cannot name a LeaderWorkerSet: {reason}", set.name.value);
        problems.push(Problem::new(&NAME, reason, &set.name.ids));
    }
    let (replicas, size) = (&set.replicas, &set.size);
    if size.value < 1 {
        problems.push(Problem::new(
            &SIZE,
            format!("`size` is {}, below 1", size.value),
            &size.ids,
        ));
    } else if replicas.value.saturating_mul(size.value) > i64::from(i32::MAX) {
        let reason = format!(
            "{} groups of {} pods are more than 2147483647 pods",
            replicas.value, size.value
        );
        problems.push(Problem::new(&PRODUCT, reason, &replicas.ids.union(&size.ids)));
    }
    rollout(set, &mut problems);
    sub_group(set, &mut problems);
    problems
}

fn rollout(set: &LeaderWorkerSet, problems: &mut Vec<Problem>) {
    let partition = &set.rollout.partition;
    if partition.value < 0 {
        let reason = format!("`partition` is {}, below 0", partition.value);
        problems.push(Problem::new(&BUDGET, reason, &partition.ids));
    }
    let (unavailable, surge) = (&set.rollout.max_unavailable, &set.rollout.max_surge);
    let sound = budget("maxUnavailable", unavailable, problems) & budget("maxSurge", surge, problems);
    let replicas = set.replicas.value;
    let none = unavailable.value.resolve(replicas, Rounding::Down) == 0
        && surge.value.resolve(replicas, Rounding::Up) == 0;
    if sound && none && replicas != 0 {
        let reason = format!(
            "`maxUnavailable` and `maxSurge` both come to 0 of {replicas} groups: no update could proceed"
        );
        problems.push(Problem::new(&BUDGET, reason, &unavailable.ids.union(&surge.ids)));
    }
}

fn budget(name: &str, budget: &Traced<IntOrPercent>, problems: &mut Vec<Problem>) -> bool {
    let reason = match budget.value {
        IntOrPercent::Int(n) if n < 0 => format!("`{name}` is {n}, below 0"),
        IntOrPercent::Percent(n) if n > 100 => format!("`{name}` is {n}%, above 100%"),
        _ => return true,
    };
    problems.push(Problem::new(&BUDGET, reason, &budget.ids));
    false
}

fn sub_group(set: &LeaderWorkerSet, problems: &mut Vec<Problem>) {
    let Some(sub_group) = &set.sub_group else {
        if let Some(annotation) = set.annotations.get(SUBGROUP_EXCLUSIVE) {
            let reason = format!("the annotation `{SUBGROUP_EXCLUSIVE}` needs a `subGroupPolicy`");
            problems.push(Problem::new(&SUB_GROUP_ANNOTATION, reason, &annotation.ids));
        }
        return;
    };
    let size = set.size.value;
    let Some(own) = &sub_group.size else {
        let reason = "`subGroupPolicy` has no `subGroupSize`: the webhook fails with a nil pointer";
        problems.push(Problem::new(&SUB_GROUP, reason, &sub_group.ids));
        return;
    };
    let n = own.value;
    let reason = if n < 1 {
        format!("`subGroupSize` is {n}, below 1")
    } else if n > size {
        format!("`subGroupSize` is {n}, more than the {size} pods of a group")
    } else if sub_group.leader_excluded && (size - 1) % n != 0 {
        format!(
            "with LeaderExcluded, `size - 1` ({}) must divide by `subGroupSize` ({n})",
            size - 1
        )
    } else if size % n != 0 && (size - 1) % n != 0 {
        format!(
            "`size` ({size}) or `size - 1` ({}) must divide by `subGroupSize` ({n})",
            size - 1
        )
    } else {
        return;
    };
    problems.push(Problem::new(&SUB_GROUP, reason, &own.ids.union(&set.size.ids)));
}

/// Labels and annotations of the controller's that a template presets.
pub fn reserved<'a>(template: &'a Node, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Node)> {
    ["labels", "annotations"].into_iter().flat_map(move |part| {
        let entries = template
            .at(&["metadata", part])
            .and_then(Node::as_map)
            .into_iter()
            .flatten();
        entries
            .filter(move |(k, _)| k.starts_with(prefix))
            .map(|(k, v)| (k.as_str(), v))
    })
}
