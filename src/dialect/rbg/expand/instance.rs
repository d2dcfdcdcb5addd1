//! Pods of role instances (pkg/reconciler/roleinstance).

use super::super::names::{COMPONENT_NAME, INSTANCE_NAME};
use super::super::verdicts::{ROLE_NAME, keys};
use super::discovery::{self, Wiring};
use super::template::{REQUIRED, expression};
use crate::diagnostic::{Ledger, Severity};
use crate::kubernetes::check::{self, Options};
use crate::kubernetes::merge::Type;
use crate::kubernetes::names::{dns_label, label_value, qualified_key};
use crate::pods::{Pod, Problem, REFUSED};
use crate::value::{Ids, Map, Node, Str};

/// How the pods of an instance are called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Naming {
    /// Like the instance.
    Single,
    /// By rank.
    LeaderWorker,
    /// By component and number.
    Components,
}

/// A component of an instance.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its name.
    pub name: Str,
    /// Its pods; nothing is no number.
    pub size: Option<i64>,
    /// The Service of its pods' DNS names; empty for none.
    pub service: Str,
    /// Its own annotations, which the controller reads before the template's.
    pub annotations: Map,
    /// The pod template, complete but for what is different in each pod.
    pub template: Node,
    /// The place that is the cause.
    pub ids: Ids,
}

/// What all instances of a set have in common.
pub struct Instances<'a> {
    /// The namespace.
    pub namespace: &'a str,
    /// How pods are called.
    pub naming: Naming,
    /// The components in order.
    pub parts: Vec<Part>,
    /// The annotations that the set hands on to its instances.
    pub annotations: Map,
    /// Whether instances have ordinals, by which in-place scheduling chooses its granularity.
    pub ordinals: bool,
    /// Whether the set belongs to a group; in-place scheduling needs that.
    pub owned: bool,
    /// Whether the controller allocates ports.
    pub ports: bool,
    /// Whether the set has taken ports for all its instances; one written by hand has not.
    pub role_ports: bool,
}

/// Where an instance stands.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// The copy of the role set.
    pub slice: u32,
    /// The role.
    pub role: Str,
    /// The number of the instance.
    pub replica: u32,
}

/// Instances ready to be multiplied.
pub struct Prepared<'a> {
    namespace: &'a str,
    naming: Naming,
    parts: Vec<Ready>,
    /// Why not all pods come.
    pub problems: Vec<Problem>,
}

struct Ready {
    part: Part,
    labels: Map,
    annotations: Map,
    spec: Node,
    wiring: Wiring,
    made: bool,
}

/// The annotations that a RoleInstanceSet hands on.
pub const HANDED_ON: [&str; 5] = [
    keys::INSTANCE_GANG,
    keys::IN_PLACE,
    keys::IN_PLACE_GRANULARITY,
    keys::IN_PLACE_AVOID,
    keys::GRACE,
];

impl<'a> Instances<'a> {
    /// Everything that is the same in all instances.
    pub fn prepare(self) -> Prepared<'a> {
        let (made, mut problems) = discovery::started(&self);
        let mut parts = Vec::with_capacity(self.parts.len());
        for (n, part) in self.parts.iter().enumerate() {
            let wiring = discovery::wiring(&self, part).unwrap_or_default();
            let mut ready = self.ready(part, wiring, made[n]);
            if ready.made
                && ready.part.size.unwrap_or(0) > 0
                && let Some(problem) = self.refused(&ready)
            {
                problems.push(problem);
                ready.made = false;
            }
            parts.push(ready);
        }
        Prepared {
            namespace: self.namespace,
            naming: self.naming,
            parts,
            problems,
        }
    }

    fn ready(&self, part: &Part, wiring: Wiring, made: bool) -> Ready {
        let strings = |key: &str| {
            let node = part.template.at(&["metadata", key]);
            node.and_then(Node::as_map).cloned().unwrap_or_default()
        };
        let mut annotations = strings("annotations");
        if made {
            annotations.remove(keys::DISCOVERY);
        }
        for (key, value) in &wiring.annotations {
            annotations.insert(key.clone(), value.clone());
        }
        let mut labels = strings("labels");
        labels.insert(keys::REVISION, "<hash>");
        labels.insert(COMPONENT_NAME, part.name.clone());
        let mut spec = part.template.get("spec").cloned().unwrap_or_else(Node::map);
        let gates = spec.at_mut(&["readinessGates"]).seq_mut();
        for gate in ["InPlaceUpdateReady", "InstancePodReady"] {
            if !gates
                .iter()
                .any(|g| g.get("conditionType").and_then(Node::as_str) == Some(gate))
            {
                gates.push(Map::from_iter([("conditionType", gate)]).into());
            }
        }
        if annotations
            .get(keys::EXCLUSIVE)
            .and_then(Node::as_str)
            .is_none_or(str::is_empty)
        {
            self.in_place(&mut spec);
        }
        Ready {
            part: part.clone(),
            labels,
            annotations,
            spec,
            wiring,
            made,
        }
    }

    /// At first no node is known; labels of nodes to avoid are.
    fn in_place(&self, spec: &mut Node) {
        let text = |key: &str| {
            self.annotations
                .get(key)
                .and_then(Node::as_str)
                .unwrap_or_default()
        };
        let granularity = match text(keys::IN_PLACE_GRANULARITY) {
            "" if self.ordinals => "Pod",
            "" => "Component",
            other => other,
        };
        if !["Preferred", "Required"].contains(&text(keys::IN_PLACE))
            || !["Pod", "Component"].contains(&granularity)
            || !self.owned
        {
            return;
        }
        let avoided: Vec<Node> = text(keys::IN_PLACE_AVOID)
            .split(',')
            .map(str::trim)
            .filter(|key| !key.is_empty() && qualified_key(key).is_ok())
            .map(|key| expression(key, "DoesNotExist", None))
            .collect();
        let affinity = spec.at_mut(&["affinity", "nodeAffinity"]);
        if affinity.is_null() {
            *affinity = Node::map();
        }
        if avoided.is_empty() {
            return;
        }
        let terms = affinity.at_mut(&[REQUIRED, "nodeSelectorTerms"]).seq_mut();
        if terms.is_empty() {
            terms.push(Map::from_iter([("matchExpressions", avoided)]).into());
            return;
        }
        for term in terms {
            term.at_mut(&["matchExpressions"])
                .seq_mut()
                .extend(avoided.iter().cloned());
        }
    }

    /// What Kubernetes refuses of the pods whatever their number.
    fn refused(&self, ready: &Ready) -> Option<Problem> {
        let part = &ready.part;
        let name_problem = |what: &str, error: String| {
            let reason = format!(
                "Kubernetes refuses the pods of component `{}`: {what}: {error}",
                part.name
            );
            Some(Problem::new(&ROLE_NAME, reason, &part.ids))
        };
        for (key, value) in &ready.labels {
            let text = value.as_str().unwrap_or_default();
            if text.contains('<') {
                continue;
            }
            if let Err(error) = label_value(text) {
                return name_problem(&format!("label {key} `{text}`"), error.to_string());
            }
        }
        if !part.service.is_empty()
            && let Err(error) = dns_label(&part.service)
        {
            return name_problem(&format!("subdomain `{}`", part.service), error.to_string());
        }
        refused(&part.template, &part.ids)
    }
}

/// Whether Kubernetes refuses pods of a template.
pub fn refused(template: &Node, ids: &Ids) -> Option<Problem> {
    let mut ledger = Ledger::new();
    check::check(template, Type::PodTemplateSpec, Options::default(), &mut ledger);
    let error = ledger
        .diagnostics
        .iter()
        .find(|d| d.severity == Severity::Error)?;
    let ids = error.at.map_or_else(|| ids.clone(), Ids::from);
    let reason = match &error.reason {
        Some(reason) => format!("{}: {reason}", error.message),
        None => error.message.clone(),
    };
    Some(Problem::new(&REFUSED, reason, &ids))
}

/// The length of a name in which random parts are still to be drawn.
pub fn length(name: &str) -> usize {
    name.len() - 5 * name.matches("<random:5>").count()
}

impl Prepared<'_> {
    /// The pods of one instance, in the order of their ranks. `index` is what the labels say of the ordinal.
    pub fn pods(&mut self, name: &str, index: Option<u32>, set: &str, place: &Place, out: &mut Vec<Pod>) {
        let mut rank = 0_u32;
        let Self {
            namespace,
            naming,
            parts,
            problems,
        } = self;
        for ready in parts {
            let size = ready.part.size.unwrap_or(0).max(0);
            let size = u32::try_from(size).unwrap_or(u32::MAX);
            if !ready.made {
                rank = rank.saturating_add(size);
                continue;
            }
            for id in 0..size {
                let pod_name = pod_name(*naming, name, &ready.part.name, id);
                let host = !ready.part.service.is_empty();
                let limit = if host { 63 } else { 253 };
                let host_error = (host && id == 0).then(|| host_error(&pod_name)).flatten();
                if length(&pod_name) > limit || length(name) > 63 || host_error.is_some() {
                    let error = host_error.unwrap_or_else(|| format!("more than {limit} characters"));
                    problems.push(Problem::new(
                        &super::super::codes::NAME_TOO_LONG,
                        format!("Kubernetes refuses the pod `{pod_name}`: {error}"),
                        &ready.part.ids,
                    ));
                    break;
                }
                let mut pod = ready.pod(*naming, id, name, &pod_name);
                if let Some(index) = index {
                    pod.labels.insert(keys::INSTANCE_INDEX, index.to_string());
                    pod.labels.insert(keys::POD_NAME, format!("{set}-{index}"));
                }
                ready.wiring.inject(&mut pod.spec, name, namespace);
                pod.slice = place.slice;
                pod.role = place.role.clone();
                pod.replica = place.replica;
                pod.index = rank + id;
                out.push(pod);
            }
            rank = rank.saturating_add(size);
        }
    }
}

fn host_error(name: &str) -> Option<String> {
    let drawn = name.replace("<random:5>", "aaaaa");
    dns_label(&drawn).err().map(|e| e.to_string())
}

fn pod_name(naming: Naming, instance: &str, part: &str, id: u32) -> String {
    match naming {
        Naming::Single => instance.to_owned(),
        Naming::LeaderWorker => format!("{instance}-{}", rank(part, id)),
        Naming::Components => format!("{instance}-{part}-{id}"),
    }
}

fn rank(part: &str, id: u32) -> u32 {
    id + u32::from(part == "worker")
}

impl Ready {
    fn pod(&self, naming: Naming, id: u32, instance: &str, name: &str) -> Pod {
        let mut labels = self.labels.clone();
        labels.insert(INSTANCE_NAME, instance);
        labels.insert(keys::COMPONENT_ID, id.to_string());
        if naming == Naming::LeaderWorker {
            labels.insert(keys::COMPONENT_INDEX, rank(&self.part.name, id).to_string());
        }
        let mut spec = self.spec.clone();
        if !self.part.service.is_empty() {
            spec.set("hostname", name);
            spec.set("subdomain", self.part.service.clone());
        }
        Pod {
            member: if naming == Naming::Single {
                Str::default()
            } else {
                self.part.name.clone()
            },
            name: name.into(),
            generate_name: Some(format!("{instance}-").into()),
            labels,
            annotations: self.annotations.clone(),
            spec,
            ..Pod::default()
        }
    }
}
