//! What a DynamoGraphDeployment can say: in Grove mode, and where component mode differs.

use super::lower::{all_paused, mode_of};
use super::options::Mode;
use crate::ir::capability::row;
use crate::ir::{Capability, Feature, Serving, Support, Use};
use crate::spec::engine::EngineType;
use Support::{Emulated, Impossible, Lossy, Native};

/// Grove mode.
pub(super) const CAPABILITIES: &[Capability] = &[
    row(
        Feature::Slices,
        Emulated("a DynamoGraphDeployment for each slice, with a frontend and a Dynamo namespace of its own"),
        "",
    ),
    row(Feature::Roles, Native, ""),
    row(Feature::MultiNode, Native, ""),
    row(
        Feature::LeaderTemplate,
        Emulated("one template, whose command looks at the pod's rank"),
        "",
    ),
    row(
        Feature::Members,
        Impossible("an instance is a leader and workers of one template"),
        "merge members, or choose grove or rbg",
    ),
    row(Feature::GangReplica, Native, ""),
    row(
        Feature::GangRole,
        Emulated("`minAvailable`: all replicas are in the first gang"),
        "",
    ),
    row(
        Feature::GangSlice,
        Emulated("`minAvailable`: all replicas are in the first gang"),
        "",
    ),
    row(
        Feature::GangTimeout,
        Lossy("the operator's configuration says how long a gang may be broken"),
        "",
    ),
    row(Feature::TopologyReplica, Native, ""),
    row(
        Feature::TopologyRole,
        Emulated("the constraint of a clique, or pod affinity for replicas of several nodes"),
        "",
    ),
    row(Feature::TopologySlice, Native, ""),
    row(Feature::TopologyPreferred, Emulated("preferred pod affinity"), ""),
    row(Feature::TopologyExclusive, Emulated("pod anti-affinity"), ""),
    row(Feature::Queue, Native, ""),
    row(
        Feature::DependsOn,
        Emulated("init containers that wait for the other component's port"),
        "",
    ),
    row(
        Feature::LeaderFirst,
        Lossy(
            "the operator orders the pods of an instance itself: workers of vLLM wait for their leader, others do not",
        ),
        "",
    ),
    row(
        Feature::WorkersFirst,
        Lossy(
            "the operator orders the pods of an instance itself: the leader of TensorRT-LLM waits for its workers, others do not",
        ),
        "",
    ),
    row(Feature::RestartPod, Native, ""),
    row(
        Feature::RestartReplica,
        Lossy(
            "containers are restarted alone; pods are made anew only where the gang stays broken for as long as the operator's \
             configuration says (4h in its chart)",
        ),
        "use `mode: lws`, or the target grove",
    ),
    row(
        Feature::RestartSlice,
        Lossy("containers are restarted alone; the other roles go on"),
        "",
    ),
    row(Feature::RestartBackoff, Lossy("the kubelet's own waits hold"), ""),
    row(
        Feature::MaxUnavailable,
        Lossy("Grove replaces one replica of a component at a time"),
        "",
    ),
    row(
        Feature::MaxSurge,
        Lossy("Grove deletes a replica before it makes the new one"),
        "use `mode: lws` for roles of single pods",
    ),
    row(Feature::Partition, Lossy("a change reaches all replicas"), ""),
    row(
        Feature::Paused,
        Lossy("rollouts of a graph are held back together or not at all: all roles must be paused"),
        "",
    ),
    row(Feature::InPlace, Lossy("pods are replaced"), ""),
    row(
        Feature::Scaling,
        Emulated("a HorizontalPodAutoscaler on the component's scaling adapter"),
        "",
    ),
    row(Feature::Disruption, Emulated("a PodDisruptionBudget"), ""),
    row(
        Feature::Claims,
        Lossy("generic ephemeral volumes: a claim goes with its pod, and a new pod starts with an empty one"),
        "mount a claim that exists, or choose lws",
    ),
];

/// How far it has the feature as this workload uses it.
pub(super) fn supports(serving: &Serving, used: &Use, row: &Capability) -> Support {
    let role = used.role.as_ref().and_then(|name| serving.role(name));
    let several = role.is_some_and(crate::ir::Role::multi_node);
    let engine = role.and_then(|r| r.engine.engine.as_ref()).map(|e| e.value);
    let wrapped = role.is_some_and(|r| r.engine.wrapper.is_some());
    match row.feature {
        Feature::LeaderFirst if wrapped && engine == Some(EngineType::Vllm) => return Native,
        Feature::WorkersFirst if wrapped && engine == Some(EngineType::Trtllm) => return Native,
        _ => {}
    }
    if mode_of(&serving.options) == Some(Mode::Lws) {
        return component_mode(row, several);
    }
    match row.feature {
        Feature::Paused if all_paused(serving).is_some() => {
            Emulated("the update strategy `OnDelete`: pods change when somebody deletes them")
        }
        _ => row.support,
    }
}

/// Deployments, and LeaderWorkerSets for replicas of several pods.
fn component_mode(row: &Capability, several: bool) -> Support {
    const NO_GANG: Support = Lossy("Deployments and LeaderWorkerSets of a graph are scheduled pod by pod");
    match row.feature {
        Feature::GangReplica | Feature::GangRole | Feature::GangSlice => NO_GANG,
        Feature::TopologyReplica | Feature::TopologyRole | Feature::TopologySlice => Emulated("pod affinity"),
        Feature::DependsOn => Lossy(
            "the operator puts a hash into the names of workers, so nothing can wait for one by its address",
        ),
        Feature::Queue => Emulated("KAI's label of pods"),
        Feature::RestartReplica if several => Native,
        Feature::RestartPod if several => Lossy("a LeaderWorkerSet makes the whole group anew"),
        Feature::RestartSlice => Lossy("a group is made anew as a whole; other roles go on"),
        Feature::MaxUnavailable | Feature::MaxSurge if !several => Native,
        Feature::MaxUnavailable | Feature::MaxSurge => {
            Lossy("the operator leaves the rollout of a LeaderWorkerSet at its defaults")
        }
        Feature::Paused => Lossy("a change reaches all replicas"),
        _ => row.support,
    }
}
