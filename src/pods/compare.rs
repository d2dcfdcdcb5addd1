//! Two sets of pods compared: whether what one workload runs is what another runs, whoever makes the pods.
//!
//! Pods are paired by their coordinates in the lattice. What the controllers of either side add (variables, volumes and
//! containers without an origin in any input) is theirs to add; what comes from the templates must be equal.

use super::Pod;
use crate::kubernetes::container::name_of;
use crate::value::{Ids, Node, Str, Value};

/// A pod under coordinates that mean the same on both sides.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The serving.
    pub serving: Str,
    /// The role, as the language calls it.
    pub role: Str,
    /// The copy of the role set.
    pub slice: u32,
    /// The engine instance.
    pub replica: u32,
    /// The rank in it.
    pub rank: u32,
    /// The pod.
    pub pod: Pod,
}

/// The pods of one side.
#[derive(Clone, Default, Debug)]
pub struct Side {
    /// The pods.
    pub pods: Vec<Placed>,
    /// The names of variables, labels and annotations by which its controllers tell pods who they are.
    pub given: Vec<Str>,
}

/// Something that is not the same.
#[derive(Clone, PartialEq, Debug)]
pub struct Difference {
    /// The serving.
    pub serving: Str,
    /// The role.
    pub role: Str,
    /// The ranks that differ so, first and last.
    pub ranks: (u32, u32),
    /// The container, if it is in one.
    pub container: Option<Str>,
    /// The field of the pod or container; `pods` for their number.
    pub field: Str,
    /// The value on the first side; absent if it has none.
    pub before: Option<Node>,
    /// The value on the second side.
    pub after: Option<Node>,
    /// Where the first value comes from.
    pub ids: Ids,
}

/// Fields of pods that decide where they run and with what.
const POD: &[&str] = &[
    "nodeSelector",
    "tolerations",
    "serviceAccountName",
    "hostNetwork",
    "hostPID",
    "hostIPC",
    "priorityClassName",
    "runtimeClassName",
    "terminationGracePeriodSeconds",
    "securityContext",
    "resourceClaims",
    "imagePullSecrets",
    "shareProcessNamespace",
    "dnsPolicy",
];
/// Fields of containers that are one value each.
const CONTAINER: &[&str] = &[
    "image",
    "command",
    "args",
    "workingDir",
    "resources",
    "ports",
    "envFrom",
    "volumeMounts",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
    "securityContext",
    "imagePullPolicy",
];

/// What of the first side is not on the second.
pub fn missing(before: &Side, after: &Side) -> Vec<Difference> {
    let mut all: Vec<Difference> = Vec::new();
    let mut roles: Vec<(&Str, &Str)> = Vec::new();
    for placed in &before.pods {
        if !roles.contains(&(&placed.serving, &placed.role)) {
            roles.push((&placed.serving, &placed.role));
        }
    }
    for (serving, role) in roles {
        let of = |side: &'_ Side| -> usize {
            let own = side
                .pods
                .iter()
                .filter(|p| p.serving == *serving && p.role == *role);
            own.count()
        };
        let (one, other) = (of(before), of(after));
        if one != other {
            all.push(Difference {
                serving: serving.clone(),
                role: role.clone(),
                ranks: (0, 0),
                container: None,
                field: "pods".into(),
                before: Some((one as i64).into()),
                after: Some((other as i64).into()),
                ids: Ids::none(),
            });
        }
    }
    for placed in &before.pods {
        let same = |p: &&Placed| {
            (&p.serving, &p.role, p.slice, p.replica, p.rank)
                == (
                    &placed.serving,
                    &placed.role,
                    placed.slice,
                    placed.replica,
                    placed.rank,
                )
        };
        let Some(other) = after.pods.iter().find(same) else {
            continue;
        };
        let mut pair = Pair {
            before: placed,
            given: [&before.given, &after.given],
            all: &mut all,
        };
        pair.pod(&placed.pod.spec, &other.pod.spec);
    }
    all
}

struct Pair<'a> {
    before: &'a Placed,
    given: [&'a [Str]; 2],
    all: &'a mut Vec<Difference>,
}

impl Pair<'_> {
    fn pod(&mut self, one: &Node, other: &Node) {
        for field in POD {
            self.field(None, field, one.get(field), other.get(field));
        }
        self.field(
            None,
            "affinity.nodeAffinity",
            one.at(&["affinity", "nodeAffinity"]),
            other.at(&["affinity", "nodeAffinity"]),
        );
        self.named("volumes", None, list(one, "volumes"), list(other, "volumes"));
        for kind in ["initContainers", "containers"] {
            let (own, others) = (list(one, kind), list(other, kind));
            for (n, container) in own.iter().enumerate().filter(|(_, c)| written(c)) {
                let name = name_of(container).unwrap_or_default();
                let named = others.iter().find(|c| name_of(c) == Some(name));
                let Some(found) = named.or(others.get(n).filter(|_| own.len() == others.len())) else {
                    self.report(Some(name), kind, Some(container), None);
                    continue;
                };
                self.container(name, container, found);
            }
        }
    }

    fn container(&mut self, name: &str, one: &Node, other: &Node) {
        for field in CONTAINER {
            self.field(Some(name), field, one.get(field), other.get(field));
        }
        let (own, others) = (list(one, "env"), list(other, "env"));
        for entry in own.iter().filter(|e| written(e)) {
            if self.told(entry) {
                continue;
            }
            let same = others.iter().rfind(|e| name_of(e) == name_of(entry));
            let value = |e: &Node| (e.get("value").cloned(), e.get("valueFrom").cloned());
            if same.is_none_or(|s| value(s) != value(entry)) {
                let field = format!("env[{}]", name_of(entry).unwrap_or_default());
                self.report(Some(name), &field, Some(entry), same);
            }
        }
    }

    /// Whether a value is about who the pod is, which each side tells by its own means.
    fn told(&self, node: &Node) -> bool {
        let mut found = false;
        node.walk(&mut |n| {
            if let Some(text) = n.as_str() {
                found |= self
                    .given
                    .iter()
                    .flat_map(|g| g.iter())
                    .any(|name| text.contains(name.as_str()));
                found |= text.contains("INFER_") || text.contains("$(infer.");
            }
        });
        found
    }

    fn named(&mut self, field: &str, container: Option<&str>, own: &[Node], others: &[Node]) {
        for entry in own.iter().filter(|e| written(e)) {
            let name = name_of(entry).unwrap_or_default();
            let same = others.iter().find(|e| name_of(e) == Some(name));
            if same != Some(entry) {
                self.report(container, &format!("{field}[{name}]"), Some(entry), same);
            }
        }
    }

    fn field(&mut self, container: Option<&str>, field: &str, one: Option<&Node>, other: Option<&Node>) {
        let Some(one) = one.filter(|n| written(n) && !empty(n)) else {
            return;
        };
        let equal = match field {
            "command" | "args" => other == Some(one),
            _ => covers(other, one),
        };
        if equal || self.told(one) {
            return;
        }
        self.report(container, field, Some(one), other);
    }

    fn report(&mut self, container: Option<&str>, field: &str, one: Option<&Node>, other: Option<&Node>) {
        let rank = self.before.rank;
        let difference = Difference {
            serving: self.before.serving.clone(),
            role: self.before.role.clone(),
            ranks: (rank, rank),
            container: container.map(Str::from),
            field: field.into(),
            before: one.cloned(),
            after: other.cloned(),
            ids: one.map(Node::all_ids).unwrap_or_default(),
        };
        let alike = |d: &&mut Difference| {
            d.role == difference.role
                && d.serving == difference.serving
                && d.container == difference.container
                && d.field == difference.field
                && d.before == difference.before
                && d.after == difference.after
        };
        match self.all.iter_mut().find(alike) {
            Some(known) => known.ranks = (known.ranks.0.min(rank), known.ranks.1.max(rank)),
            None => self.all.push(difference),
        }
    }
}

/// Whether the second value says everything that the first one does: a mapping may hold more, a list may not.
fn covers(other: Option<&Node>, one: &Node) -> bool {
    let Some(other) = other else { return false };
    match (&one.value, &other.value) {
        (Value::Map(a), Value::Map(b)) => a.iter().all(|(k, v)| empty(v) || covers(b.get(k), v)),
        (Value::Seq(a), Value::Seq(b)) => a.iter().all(|v| b.iter().any(|w| covers(Some(w), v))),
        _ => one == other,
    }
}

/// Whether a node comes from an input.
fn written(node: &Node) -> bool {
    let mut found = false;
    node.walk(&mut |n| found |= !n.ids.is_empty());
    found
}

fn empty(node: &Node) -> bool {
    match &node.value {
        Value::Null => true,
        Value::Map(m) => m.is_empty(),
        Value::Seq(s) => s.is_empty(),
        _ => false,
    }
}

fn list<'a>(node: &'a Node, key: &str) -> &'a [Node] {
    node.get(key).and_then(Node::as_seq).unwrap_or_default()
}
