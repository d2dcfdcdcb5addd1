//! Codes of what AIBrix's admission refuses, and of what it stores without pods ever coming of it.

use crate::diagnostic::{Code, Severity::Error, Severity::Warning};

const fn code(id: &'static str, title: &'static str, explanation: &'static str) -> Code {
    Code {
        id,
        title,
        severity: Error,
        explanation,
    }
}

/// The CRD refuses the object.
pub const SCHEMA: Code = code(
    "INF5150",
    "refused by AIBrix's CRD",
    "The API server checks objects against the schema of AIBrix's CRDs (types, required fields, enumerations, ranges, doubled keys of \
     lists) and refuses this one. With webhooks on, a StormService is written anew by the mutating webhook before that, so that \
     absent fields become `null` and the API server's message speaks of those.",
);

/// A webhook refuses the object.
pub const WEBHOOK: Code = code(
    "INF5151",
    "refused by AIBrix's webhook",
    "AIBrix's validating webhooks refuse the object. They can be off (`--disable-webhook`, Platform document `spec: {aibrix: {webhooks: \
     false}}`), and they are skipped when they cannot be reached; then it is stored, and does not work.",
);

/// No RoleSet is made.
pub const NO_ROLE_SETS: Code = code(
    "INF5152",
    "no RoleSet can be made",
    "The StormService is stored, and the controller fails to make its Service or its RoleSets: what it derives from the names and labels \
     is not valid. Nothing on the object may say so.",
);

/// Replicas are not said.
pub const NO_REPLICAS: Code = code(
    "INF5153",
    "replicas are not said",
    "`replicas` of a StormService and of each role have no default. If they are absent, the controller fails with a nil dereference, \
     tries again for ever, and makes no pod; no status, event or condition says so. Write them.",
);

/// A selector that misses.
pub const SELECTOR_MISSES: Code = code(
    "INF5154",
    "selector does not match the template",
    "A StormService finds its RoleSets by `selector`, so the labels of `template.metadata` must match it. Otherwise no RoleSet is made \
     (condition ReplicaFailure).",
);

/// A selector that meets another StormService.
pub const SELECTOR_SHARED: Code = code(
    "INF5155",
    "two StormServices share RoleSets",
    "A StormService finds its RoleSets by labels over all namespaces. Where the selector of one matches the RoleSets of another, it takes \
     them for its own outdated ones and deletes them about every 15 seconds, for ever; deleting one deletes the other's RoleSets, too. \
     Which of the two has pods is a matter of timing; the later one of the input is said to have none. Give each a label of its own.",
);

/// A name that makes no valid pod.
pub const POD_NAME: Code = code(
    "INF5156",
    "names make no valid pod",
    "The names of pods are made of those of the StormService or RoleSet and of the role, and those of pods with an index are host names, \
     too: lower case letters, digits and dashes. The API server refuses other pods; roles after this one get none either, because the \
     controller stops at the first error. Only the RoleSet's condition says so.",
);

/// Two roles of one name.
pub const DOUBLED_ROLE: Code = code(
    "INF5157",
    "two roles have the same name",
    "Roles are told apart by their names alone. Two of the same name delete and make each other's pods for ever.",
);

/// Replicas below zero.
pub const NEGATIVE: Code = code(
    "INF5158",
    "replicas below zero",
    "Negative replicas of a role count as none: it has no pods, and the StormService never becomes ready.",
);

/// An autoscaler that does nothing.
pub const IDLE_AUTOSCALER: Code = Code {
    id: "INF5159",
    title: "autoscaler does nothing",
    severity: Warning,
    explanation: "Only the first PodAutoscaler of a target (a StormService, or one of its roles) acts; others get the condition \
                  MultiPodAutoscalerConflict. One of a role that does not exist does nothing either.",
};

/// A KVCache that comes to nothing, or not to all.
pub const CACHE: Code = code(
    "INF5160",
    "KVCache that cannot be made",
    "The KVCache is stored. What its controller then makes, pods, Services and a StatefulSet or Deployment one after the other, is \
     refused by the API server, or the settings do not fit together; the controller stops there and tries again for ever. Only its log \
     says so.",
);

/// A setting of a KVCache that its backend does not read.
pub const CACHE_IGNORED: Code = Code {
    id: "INF5161",
    title: "setting of a KVCache that is ignored",
    severity: Warning,
    explanation: "The backends of a KVCache read different settings: vineyard no `cache.template`, infinistore no `cache.env` (its \
                  controller asks the wrong way round whether there are any).",
};
