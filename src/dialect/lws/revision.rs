//! The revision of a LeaderWorkerSet, which its pods carry as a label (kubernetes-sigs/lws pkg/utils/revision).

use super::read::{LeaderWorkerSet, Subdomain};
use crate::kubernetes::go::{self, Order};
use crate::kubernetes::hash::{fnv1_32, safe_encode, sha256};

/// `template-revision-hash`: taken over a merge patch of the two fields whose change rolls the groups.
pub fn hash(set: &LeaderWorkerSet) -> String {
    let replace = ("$patch", go::quote("replace"));
    let mut template = template_fields(set, set.restart_policy(), Order::Sorted);
    template.push(replace.clone());
    let subdomain = match set.subdomain.value {
        Subdomain::Shared => "Shared",
        Subdomain::UniquePerReplica => "UniquePerReplica",
    };
    let network = vec![replace, ("subdomainPolicy", go::quote(subdomain))];
    let spec = vec![
        ("leaderWorkerTemplate", go::mapping(template, Order::Sorted)),
        ("networkConfig", go::mapping(network, Order::Sorted)),
    ];
    let patch = go::mapping(vec![("spec", go::mapping(spec, Order::Sorted))], Order::Sorted);
    safe_encode(&fnv1_32(&patch).to_string())
}

/// The fields of the LeaderWorkerTemplate as Go writes them, in the order of its struct.
fn template_fields(set: &LeaderWorkerSet, restart: &str, order: Order) -> Vec<(&'static str, String)> {
    let template = |node| go::encode(node, "PodTemplateSpec", order);
    let mut fields = Vec::new();
    if let Some(leader) = &set.leader {
        fields.push(("leaderTemplate", template(leader)));
    }
    fields.push(("workerTemplate", template(&set.worker)));
    fields.push(("size", set.size.value.to_string()));
    fields.push(("restartPolicy", go::quote(restart)));
    if let Some(sub_group) = &set.sub_group {
        let mut policy = vec![("subGroupPolicyType", go::quote(&sub_group.policy.value))];
        policy.extend(
            sub_group
                .size
                .as_ref()
                .map(|s| ("subGroupSize", s.value.to_string())),
        );
        fields.push(("subGroupPolicy", go::mapping(policy, order)));
    }
    if !set.claims.is_empty() {
        let claims: Vec<String> = set
            .claims
            .iter()
            .map(|c| go::encode(c, "PersistentVolumeClaim", order))
            .collect();
        fields.push(("volumeClaimTemplates", format!("[{}]", claims.join(","))));
    }
    if !set.retention.is_null() {
        let word = |key: &str| {
            set.retention
                .get(key)
                .and_then(|n| n.as_str())
                .filter(|s| !s.is_empty())
        };
        let policy = ["whenDeleted", "whenScaled"]
            .iter()
            .filter_map(|k| Some((*k, go::quote(word(k)?))));
        fields.push((
            "persistentVolumeClaimRetentionPolicy",
            go::mapping(policy.collect(), order),
        ));
    }
    fields
}

/// The revision of a DisaggregatedSet with these roles, which is part of the name of everything that comes of it: taken over
/// the templates as the schema leaves them, before any webhook (pkg/utils/disaggregatedset).
pub fn of_roles<'a>(roles: impl IntoIterator<Item = (&'a str, &'a LeaderWorkerSet)>) -> String {
    let one = |(name, set): (&str, &LeaderWorkerSet)| {
        let template = template_fields(set, &set.restart.value, Order::Struct);
        let fields = vec![
            ("name", go::quote(name)),
            ("template", go::mapping(template, Order::Struct)),
        ];
        go::mapping(fields, Order::Struct)
    };
    let roles: Vec<String> = roles.into_iter().map(one).collect();
    let mut hash = sha256(&format!("[{}]", roles.join(",")));
    hash.truncate(8);
    hash
}
