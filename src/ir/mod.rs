//! The lattice: what every orchestrator of this field describes, in no orchestrator's words.
//!
//! # The coordinates
//!
//! Since 2025 every orchestrator has its own resources for serving a model with prefill and decode apart and with engines
//! that span nodes. They differ in every name and agree in what they describe, a lattice of pods:
//!
//! ```text
//! pod = (slice, role, replica, rank)
//! ```
//!
//! A **slice** is a whole copy of the role set: a RoleSet of a StormService, a replica of a PodCliqueSet, a ServingGroup.
//! A **role** is a purpose: prefill, decode, a router. A **replica** is one instance of an engine, the unit that serves
//! requests, scales and fails: a group of a LeaderWorkerSet, a PodSet, a replica of a scaling group, a RoleInstance. A
//! replica's pods are numbered by **rank**: rank 0 is the leader, which alone answers requests unless said otherwise.
//!
//! A replica is written as an ordered list of [`Member`]s, each a count of equal pods: one member for an engine on one node,
//! `leader` and `worker` for one that spans nodes, more where an orchestrator can tell more kinds of pods apart. Ranks run
//! through the members in order. The pod template of a member is the Kubernetes object itself and no copy of it: what the
//! compiler does not need to understand passes through unharmed.
//!
//! # Orchestrators cut the lattice in different places
//!
//! A LeaderWorkerSet is one role, so two roles are two objects and nothing holds them together. A StormService has slices
//! and roles, but one template for all ranks of a replica. A PodCliqueSet has a clique for each member and a group for each
//! replica. A *dialect* therefore knows which coordinate each of its fields belongs to, and what it has no field for.
//!
//! # Policies have a scope
//!
//! "Gang" says nothing until one says what starts together: the pods of a replica, of a role, of a slice. So each policy
//! carries its [`Scope`]; so do topology and restart. A dialect that has the policy at another scope only does not have it.
//!
//! # Addresses are expressions
//!
//! The pods of a replica must find each other at run time, and a router must find the roles. The strings of a template may
//! hold [`Reference`](crate::value::Reference)s for that, which a dialect answers by what its controllers provide; see [`answer`].
//!
//! # Everything has an origin
//!
//! Each value is [`Traced`] or a [`Node`]: it knows the input nodes that it was derived from. A dialect takes the IR apart
//! without `..`, so that a field added here is a decision to be made in every dialect, and places each value in an object,
//! reports it, or waives it ([`Ledger`](crate::diagnostic::Ledger)). The account is balanced at the end.

pub mod answer;
pub mod capability;
mod feature;

pub use capability::{Capability, Support};
pub use feature::{Feature, Use};

use crate::spec::engine::EngineType;
use crate::spec::policy::{RestartPolicy, Scope, StartupOrder, Strictness};
use crate::spec::role::Phase;
use crate::spec::routing::ServiceType;
use crate::spec::scalar::IntOrPercent;
use crate::value::{Ids, Map, Node, Str, Traced};

/// The label that names the serving, on everything that is made and on its pods.
pub const SERVING_LABEL: &str = "infer.dev/serving";
/// The label that names the role, on pods.
pub const ROLE_LABEL: &str = "infer.dev/role";
/// The label that names the member, on the pods of replicas with several members.
pub const MEMBER_LABEL: &str = "infer.dev/member";

/// The label that names the tool that manages an object.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// The annotation that says for which target an object was made, where several are asked for.
pub const TARGET_ANNOTATION: &str = "infer.dev/target";

/// A workload: `slices` copies of a set of roles.
#[derive(Clone, Debug)]
pub struct Serving {
    /// The name; names of objects begin with it.
    pub name: Traced<Str>,
    /// The namespace, if the spec or the command line gives one.
    pub namespace: Option<Traced<Str>>,
    /// Labels of every object. The pods' labels are in their templates already.
    pub labels: Map,
    /// Annotations of the workload objects.
    pub annotations: Map,
    /// Copies of the role set.
    pub slices: Traced<u32>,
    /// The roles in the order of the page.
    pub roles: Vec<Role>,
    /// What serves requests of clients, and under which name.
    pub front: Front,
    /// The model as clients name it.
    pub model: Option<Traced<Str>>,
    /// Options of the target, as written under `spec.targets.<dialect>`; null if there are none.
    pub options: Node,
}

impl Serving {
    /// The role of that name.
    pub fn role(&self, name: &str) -> Option<&Role> {
        self.roles.iter().find(|r| r.name.value == name)
    }

    /// The roles of that phase.
    pub fn phase(&self, phase: Phase) -> impl Iterator<Item = &Role> {
        self.roles.iter().filter(move |r| r.phase.value == phase)
    }

    /// Whether prefill and decode are apart.
    pub fn disaggregated(&self) -> bool {
        self.phase(Phase::Prefill).next().is_some() && self.phase(Phase::Decode).next().is_some()
    }
}

/// A role.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its name in the spec.
    pub name: Traced<Str>,
    /// What it does.
    pub phase: Traced<Phase>,
    /// Whether the compiler added it: the router of a serving that asks for none by name. A target that joins the roles
    /// by its own means leaves it out.
    pub implicit: bool,
    /// Engine instances in one slice.
    pub replicas: Traced<u32>,
    /// The pods of one replica, in rank order. Never empty.
    pub members: Vec<Member>,
    /// What the engine is and how it is reached.
    pub engine: EngineFacts,
    /// Roles of the same slice that must be ready before this one starts.
    pub depends_on: Vec<Traced<Str>>,
    /// The order in which the pods of a replica start.
    pub startup: Option<Traced<StartupOrder>>,
    /// What starts together.
    pub gang: Option<Gang>,
    /// How close together.
    pub topology: Option<Topology>,
    /// The queue. (Priority, scheduler, node selection and tolerations are in the templates; the values here are for
    /// objects beside the pods that need them too.)
    pub queue: Option<Traced<Str>>,
    /// The PriorityClass, which is in the templates too.
    pub priority: Option<Traced<Str>>,
    /// The scheduler, which is in the templates too if the spec names it.
    pub scheduler: Option<Traced<Str>>,
    /// How a change reaches running replicas.
    pub rollout: Option<Rollout>,
    /// What happens when a container fails.
    pub restart: Restart,
    /// Automatic scaling of `replicas`.
    pub scaling: Option<Scaling>,
    /// Bounds for drains.
    pub disruption: Option<Disruption>,
    /// Whether its pods must list the pods of other roles: needs a service account that may.
    pub discovers: Vec<Traced<Str>>,
    /// Claims made for each pod; their names are volumes of the templates. Empty where the target has none, and the templates
    /// have ephemeral volumes instead.
    pub claims: Vec<Node>,
    /// What asked for claims, whether the target has them or not.
    pub claimed: Ids,
    /// Options of this role for the target, as written under `roles[].targets.<dialect>`; null if there are none.
    pub options: Node,
}

impl Role {
    /// The number of pods of one replica.
    pub fn size(&self) -> Traced<u32> {
        let zero = Traced::default_of(0);
        self.members
            .iter()
            .fold(zero, |sum, m| sum.zip(&m.count, |a, b| a.saturating_add(*b)))
    }

    /// The pod of rank 0.
    pub fn leader(&self) -> &Member {
        &self.members[0]
    }

    /// Whether a replica has more than one pod.
    pub fn multi_node(&self) -> bool {
        self.size().value > 1
    }

    /// All origins of what the role says, for a waiver of the whole.
    pub fn origins(&self) -> Ids {
        self.members
            .iter()
            .fold(self.name.ids.clone(), |ids, m| ids.union(&m.template.all_ids()))
    }
}

/// Pods of one kind in a replica.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name: `leader`, `worker`, or the spec's own.
    pub name: Traced<Str>,
    /// How many pods.
    pub count: Traced<u32>,
    /// What they do, if not what the role does.
    pub phase: Option<Traced<Phase>>,
    /// Whether they answer requests.
    pub serves: bool,
    /// A PodTemplateSpec whose strings may hold references. Labels and annotations of pods are in its metadata.
    pub template: Node,
}

/// What a role's engine is, for objects that must know (gateway labels, model servers).
#[derive(Clone, Debug)]
pub struct EngineFacts {
    /// The engine, if the role runs one that the compiler knows.
    pub engine: Option<Traced<EngineType>>,
    /// The runtime around it. Without an engine: the one that the role's router belongs to.
    pub wrapper: Option<Traced<crate::spec::engine::Wrapper>>,
    /// The version that the spec names: of the runtime, if there is one.
    pub version: Option<Traced<Str>>,
    /// The name of the engine's container in the templates.
    pub container: Str,
    /// The port that serves requests, if any does.
    pub port: Option<Traced<u32>>,
    /// Consecutive ports, from `port`, that serve requests: one a rank where each is an endpoint of its own.
    pub ports: u32,
    /// The KV connector of a prefill or decode role, in the language's word.
    pub connector: Option<Traced<crate::spec::engine::Connector>>,
    /// The port of a prefill role's KV bootstrap server, if its connector has one.
    pub bootstrap_port: Option<Traced<u32>>,
}

/// What clients reach.
#[derive(Clone, Debug)]
pub struct Front {
    /// The role whose leaders answer clients: the router, or the aggregated role. Absent if nothing in the spec does, or if
    /// the target's own gateway stands there.
    pub role: Option<Traced<Str>>,
    /// Whether the target's own gateway is told of the engines. Not where the spec wants no router at all: something outside
    /// finds them.
    pub routed: Traced<bool>,
    /// The name of the Service for clients.
    pub service: Traced<Str>,
    /// Its type.
    pub service_type: Traced<ServiceType>,
    /// Its port.
    pub port: Traced<u32>,
    /// The Gateway that routes to it.
    pub gateway: Option<Gateway>,
}

/// A Gateway API Gateway that routes to the front.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// Its name.
    pub name: Traced<Str>,
    /// Its namespace, if not the serving's.
    pub namespace: Option<Traced<Str>>,
    /// Host names of the route.
    pub hostnames: Vec<Traced<Str>>,
}

/// What starts together or not at all.
#[derive(Clone, Debug)]
pub struct Gang {
    /// The unit.
    pub scope: Traced<Scope>,
    /// How long the scheduler waits for it to be complete, in seconds.
    pub timeout: Option<Traced<u32>>,
    /// What asked for it.
    pub ids: Ids,
}

/// How close together pods must be.
#[derive(Clone, Debug)]
pub struct Topology {
    /// The node label that names a domain.
    pub key: Traced<Str>,
    /// What must be inside one domain.
    pub scope: Traced<Scope>,
    /// How strict.
    pub mode: Traced<Strictness>,
    /// No other unit of the same scope may use the domain.
    pub exclusive: Traced<bool>,
}

/// How a change reaches running replicas of a role.
#[derive(Clone, Default, Debug)]
pub struct Rollout {
    /// Replicas that may be missing.
    pub max_unavailable: Option<Traced<IntOrPercent>>,
    /// Replicas that may be there beside the wanted ones.
    pub max_surge: Option<Traced<IntOrPercent>>,
    /// Replicas below this index keep the old version.
    pub partition: Option<Traced<u32>>,
    /// Changes are held back.
    pub paused: Option<Traced<bool>>,
    /// Change without replacing pods where possible.
    pub in_place: Option<Traced<bool>>,
}

/// What is made anew when a container fails.
#[derive(Clone, Debug)]
pub struct Restart {
    /// The unit.
    pub policy: Traced<RestartPolicy>,
    /// Seconds before the second restart.
    pub base_delay: Option<Traced<u32>>,
    /// Most seconds.
    pub max_delay: Option<Traced<u32>>,
}

/// Automatic scaling.
#[derive(Clone, Debug)]
pub struct Scaling {
    /// Fewest replicas.
    pub min: Traced<u32>,
    /// Most replicas.
    pub max: Traced<u32>,
    /// What decides.
    pub metrics: Vec<Metric>,
    /// What asked for it.
    pub ids: Ids,
}

/// A signal of automatic scaling.
#[derive(Clone, Debug)]
pub struct Metric {
    /// Where it comes from.
    pub source: Traced<crate::spec::policy::MetricSource>,
    /// Its name.
    pub name: Traced<Str>,
    /// The value to hold, as a quantity.
    pub target: Traced<Str>,
}

/// Bounds for drains.
#[derive(Clone, Debug)]
pub struct Disruption {
    /// Pods that must stay.
    pub min_available: Option<Traced<IntOrPercent>>,
    /// Pods that may be missing.
    pub max_unavailable: Option<Traced<IntOrPercent>>,
}
