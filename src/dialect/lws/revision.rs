//! The revision of a LeaderWorkerSet, which its pods carry as a label (kubernetes-sigs/lws pkg/utils/revision).

use super::read::{LeaderWorkerSet, Subdomain};
use crate::kubernetes::go::{self, Order};
use crate::kubernetes::hash::{fnv1_32, safe_encode};

/// `template-revision-hash`: taken over a merge patch of the two fields whose change rolls the groups.
pub fn hash(set: &LeaderWorkerSet) -> String {
    let replace = ("$patch", go::quote("replace"));
    let mut template = template_fields(set, Order::Sorted);
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
pub fn template_fields(set: &LeaderWorkerSet, order: Order) -> Vec<(&'static str, String)> {
    let template = |node| go::encode(node, "PodTemplateSpec", order);
    let mut fields = Vec::new();
    if let Some(leader) = &set.leader {
        fields.push(("leaderTemplate", template(leader)));
    }
    fields.push(("workerTemplate", template(&set.worker)));
    fields.push(("size", set.size.value.to_string()));
    fields.push(("restartPolicy", go::quote(&set.restart.value)));
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
