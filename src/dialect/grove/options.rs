//! What only Grove has.

use crate::diagnostic::Diagnostic;
use crate::kubernetes::duration::Duration;
use crate::spec::codes::MALFORMED;
use crate::spec::decode::{Decode, Decoder, Positive, StringMap, choice, object};
use crate::spec::shape::Shape;
use crate::value::{Ids, Node, Str, Traced, Value};

/// A Go duration as it is written (`90s`, `1h30m`, `4h0m0s`); a number is one of seconds. The object keeps the spelling.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Delay {
    /// The text.
    pub text: Str,
    /// Whether it is longer than nothing.
    pub positive: bool,
}

impl Decode for Traced<Delay> {
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Option<Self> {
        let text: Str = match &node.value {
            Value::Int(i) => format!("{i}s").into(),
            Value::Str(s) => s.clone(),
            _ => {
                cx.expected(node, "a duration such as `90s` or `10m`, or seconds");
                return None;
            }
        };
        match Duration::parse(&text) {
            Ok(time) => {
                let positive = time.nanoseconds() > 0;
                Some(Self::new(Delay { text, positive }, node.ids.clone()))
            }
            Err(why) => {
                let message = format!("`{text}` is not a duration: {why}");
                cx.ledger
                    .report(Diagnostic::new(&MALFORMED, message).at_ids(&node.ids));
                None
            }
        }
    }

    fn shape() -> Shape {
        Shape::String(Some("duration"))
    }

    fn origins(&self) -> Ids {
        self.ids.clone()
    }
}

choice! {
    /// In which order cliques start.
    pub enum StartupType ("startup type") {
        /// All at once.
        AnyOrder = "AnyOrder",
        /// Each clique of the list after the one before it.
        InOrder = "InOrder",
        /// As `dependsOn`, `startup.order` and `cliques[].startsAfter` say.
        Explicit = "Explicit",
    }
}

choice! {
    /// How changes reach running pods.
    pub enum UpdateStrategy ("update strategy") {
        /// Pods are replaced, one replica of a role at a time.
        RollingRecreate = "RollingRecreate",
        /// Pods keep the old version until somebody deletes them.
        OnDelete = "OnDelete",
    }
}

object! {
    /// Options of the PodCliqueSet.
    pub struct Options ("targets.grove") {
        /// Default: `Explicit` if the spec orders anything, else `AnyOrder`. With `InOrder`, `dependsOn` and `startup.order`
        /// hold by the order of the list.
        startup_type: "startupType" => Traced<StartupType>,
        /// Default: `RollingRecreate`, or `OnDelete` if the rollout is paused.
        update_strategy: "updateStrategy" => Traced<UpdateStrategy>,
        /// How long a gang may be broken before its pods are made anew. Default: 15m where `restart` asks for whole replicas
        /// (which it does for replicas of several pods), else Grove's 4h.
        termination_delay: "terminationDelay" => Traced<Delay>,
        /// The PriorityClass of the gangs. Default: the one of the pods, if all have the same.
        priority_class_name: "priorityClassName" => Traced<Str>,
        /// `scheduling.priorityClassName` is the gangs' alone, which is what Grove's schedulers look at: the pods have none.
        /// Default: false.
        gang_priority_only: "gangPriorityOnly" => Traced<bool>,
        /// Pods that name no scheduler are left to the operator's default profile, whatever it is. Default: false, so that
        /// gangs, queues and topology constraints write the scheduler that they need.
        default_scheduler: "defaultScheduler" => Traced<bool>,
        /// The order in which the cliques are listed, by their names. Default: that of roles and members, but for a name that
        /// is the end of another one, which comes after it.
        clique_order: "cliqueOrder" => Vec<Traced<Str>>,
        /// The ClusterTopologyBinding of all constraints. Default: the first one of the Platform document that has the node
        /// labels of `scheduling.topology`.
        topology_name: "topologyName" => Traced<Str>,
        /// `topologyConstraint` of each slice, as Grove spells it, in place of the one that follows from
        /// `scheduling.topology`.
        topology_constraint: "topologyConstraint" => Node,
        /// Whether the pods' DNS names resolve before the pods are ready. Default: true.
        publish_not_ready_addresses: "publishNotReadyAddresses" => Traced<bool>,
        /// ResourceClaimTemplates for `resourceSharing`: `{name, templateSpec}`.
        resource_claim_templates: "resourceClaimTemplates" => Vec<Node>,
        /// ResourceClaims that the pods of a slice share: `{name, namespace, scope, filter}`.
        resource_sharing: "resourceSharing" => Vec<Node>,
        /// The NVLink domain over nodes (ComputeDomain) of the GPU pods of each slice: annotation `grove.io/mnnvl-group`.
        mnnvl_group: "mnnvlGroup" => Traced<Str>,
        /// Patches of rendered objects: `{kind, name, patch: [RFC 6902 operations]}`.
        patches: "patches" => Vec<Node>,
    }
}

object! {
    /// Options of a role: of its scaling group, or of its clique if its replicas are single pods.
    pub struct RoleOptions ("roles[].targets.grove") {
        /// Make a role of single pods a scaling group too, whose replicas are gangs of their own. Default: false.
        scaling_group: "scalingGroup" => Traced<bool>,
        /// The name of the scaling group, or of the clique of a role of single pods. Default: the role's.
        name: "name" => Traced<Str>,
        /// `roleName` of the clique; empty for none. Default: the clique's name.
        role_name: "roleName" => Traced<Str>,
        /// Further cliques that must be ready before, by their names.
        starts_after: "startsAfter" => Vec<Traced<Str>>,
        /// Replicas in the base gang: those without which the slice does not start. Default: 1, or all of them with
        /// `scheduling.gang` of scope `role` or `slice`. Cannot be changed later.
        min_available: "minAvailable" => Traced<Positive>,
        /// `topologyConstraint` of each replica (of the clique for a role of single pods), as Grove spells it, in place of
        /// the one that follows from `scheduling.topology`.
        topology_constraint: "topologyConstraint" => Node,
        /// ResourceClaims that the pods share: `{name, namespace, scope, filter}`.
        resource_sharing: "resourceSharing" => Vec<Node>,
        /// Annotation `grove.io/mnnvl-group` of the role; `none` keeps it out of the serving's.
        mnnvl_group: "mnnvlGroup" => Traced<Str>,
        /// Further annotations of the scaling group; they do not reach its pods.
        annotations: "annotations" => StringMap,
        /// `autoScalingConfig` or `scaleConfig` as Grove spells it, `{minReplicas, maxReplicas, metrics}`, in place of the one
        /// that follows from `scaling`: for metrics that the language has no word for.
        scaling: "scaling" => Node,
        /// Options of the cliques, one entry a member.
        cliques: "cliques" => Vec<CliqueOptions>,
    }
}

object! {
    /// Options of a clique.
    pub struct CliqueOptions ("roles[].targets.grove.cliques") {
        /// The member of the role that the clique is: `leader`, `worker`, or one of `members`.
        @required member: "member" => Traced<Str>,
        /// The clique's name. Default: the role's for a role of single pods, else the member's where no other role has such
        /// a member, else `ROLE-MEMBER`.
        name: "name" => Traced<Str>,
        /// `roleName`; empty for none. Default: the clique's name.
        role_name: "roleName" => Traced<Str>,
        /// Pods of the member without which a replica is broken. Default: all of them.
        min_available: "minAvailable" => Traced<Positive>,
        /// Further cliques that must be ready before, by their names. In this order, those of `dependsOn` and `startup` among
        /// them.
        starts_after: "startsAfter" => Vec<Traced<Str>>,
        /// `topologyConstraint` of the clique, as Grove spells it.
        topology_constraint: "topologyConstraint" => Node,
        /// ResourceClaims that the pods share: `{name, namespace, scope}`.
        resource_sharing: "resourceSharing" => Vec<Node>,
        /// Annotation `grove.io/mnnvl-group` of the clique; `none` keeps it out of its role's.
        mnnvl_group: "mnnvlGroup" => Traced<Str>,
    }
}

object! {
    /// How the Grove operator runs.
    pub struct Platform ("grove") {
        /// Scheduler profiles that are enabled, beside `default-scheduler`. Default: `kai-scheduler`.
        schedulers: "schedulers" => Vec<Traced<Str>>,
        /// The profile of pods that name no scheduler. Default: `default-scheduler`.
        default_scheduler: "defaultScheduler" => Traced<Str>,
        /// The queue of workloads that name none.
        queue: "queue" => Traced<Str>,
        /// Volcano's queues that are open. Default: unknown.
        queues: "queues" => Vec<Traced<Str>>,
        /// ClusterTopologyBindings, if the operator has `topologyAwareScheduling` enabled.
        topologies: "topologies" => Vec<TopologyBinding>,
        /// `network.autoMNNVLEnabled`. Default: false.
        auto_mnnvl: "autoMNNVL" => Traced<bool>,
        /// The operator's version.
        version: "version" => Traced<Str>,
        /// The image of the init container that waits for other cliques (`GROVE_INIT_CONTAINER_IMAGE` and the version).
        /// Default: unknown.
        init_image: "initImage" => Traced<Str>,
    }
}

object! {
    /// A ClusterTopologyBinding.
    pub struct TopologyBinding ("grove.topologies") {
        /// Its name.
        @required name: "name" => Traced<Str>,
        /// Its levels, from broad to narrow.
        @required levels: "levels" => Vec<TopologyLevel>,
    }
}

object! {
    /// A level of a topology.
    pub struct TopologyLevel ("grove.topologies.levels") {
        /// Its name in constraints: `zone`, `rack`, `host`, ….
        @required domain: "domain" => Traced<Str>,
        /// The label of nodes.
        @required key: "key" => Traced<Str>,
    }
}
