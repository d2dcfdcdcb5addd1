//! Leader and worker as one shared template and two strategic merge patches, as people write them.
//!
//! The shared template holds what both have; each patch adds what only one has. Nothing is ever taken away by a patch, so a
//! patch reads like a template. The controller merges with Kubernetes' own strategic merge; what it makes of the three parts
//! is computed here, and if that is not exactly the two templates (containers of other names or order), the worker's patch
//! replaces the whole template instead.

use crate::diagnostic::Ledger;
use crate::kubernetes::merge::{Type, strategic_merge_patch};
use crate::value::{Map, Node, Str, Value};

/// A template and its patches.
#[derive(Debug)]
pub struct Split {
    /// What leader and workers share.
    pub template: Node,
    /// What the leader has beside it.
    pub leader: Option<Node>,
    /// What the workers have beside it.
    pub worker: Option<Node>,
}

/// Splits two pod templates.
pub fn split(leader: &Node, worker: &Node) -> Split {
    let [template, leader_patch, worker_patch] = Place::Template.divide(leader, worker);
    let split = Split {
        template: template.unwrap_or_else(Node::map),
        leader: leader_patch,
        worker: worker_patch,
    };
    if split.makes(leader, worker) {
        return split;
    }
    let mut replacing = Map::from_iter([("$patch", Node::from("replace"))]);
    let mut whole = worker.clone();
    for (key, value) in std::mem::take(whole.map_mut()) {
        replacing.insert(key, value);
    }
    *whole.map_mut() = replacing;
    Split {
        template: leader.clone(),
        leader: None,
        worker: Some(whole),
    }
}

impl Split {
    fn makes(&self, leader: &Node, worker: &Node) -> bool {
        let merged = |patch: &Option<Node>| match patch {
            Some(patch) => {
                strategic_merge_patch(&self.template, patch, Type::PodTemplateSpec, &mut Ledger::new())
            }
            None => self.template.clone(),
        };
        let runs = self
            .template
            .at(&["spec", "containers"])
            .and_then(Node::as_seq)
            .is_some_and(|c| !c.is_empty());
        runs && same(&merged(&self.leader), leader) && same(&merged(&self.worker), worker)
    }
}

/// Whether two values are the same object to Kubernetes: the order of keys does not count.
pub fn same(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, value)| b.get(key).is_some_and(|other| same(value, other)))
        }
        (Value::Seq(a), Value::Seq(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (a, b) => a == b,
    }
}

/// Where in a pod template a value stands: only what is listed here is shared in part. Everything else is shared whole
/// or stands in both patches, so that the shared template alone satisfies the schema.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Template,
    Metadata,
    Pod,
    Container,
    Resources,
    /// A mapping with free keys.
    Entries,
    /// Containers: merged by name, in the order of the leader's.
    Containers,
    /// A list that merges by this key.
    Keyed(&'static str),
    Whole,
}

/// What both have, what only the first has, what only the second has.
type Parts = [Option<Node>; 3];

impl Place {
    fn below(self, key: &str) -> Place {
        match (self, key) {
            (Self::Template, "metadata") => Self::Metadata,
            (Self::Template, "spec") => Self::Pod,
            (Self::Metadata, "labels" | "annotations") | (Self::Pod, "nodeSelector") => Self::Entries,
            (Self::Resources, "limits" | "requests") => Self::Entries,
            (Self::Pod, "containers" | "initContainers") => Self::Containers,
            (Self::Pod, "volumes") | (Self::Container, "env") => Self::Keyed("name"),
            (Self::Container, "volumeMounts") => Self::Keyed("mountPath"),
            (Self::Container, "resources") => Self::Resources,
            _ => Self::Whole,
        }
    }

    fn divide(self, a: &Node, b: &Node) -> Parts {
        if same(a, b) {
            let mut shared = a.clone();
            shared.absorb(b);
            return [Some(shared), None, None];
        }
        match (self, &a.value, &b.value) {
            (Self::Containers, Value::Seq(left), Value::Seq(right)) => containers(a, b, left, right),
            (Self::Keyed(key), Value::Seq(left), Value::Seq(right)) => keyed(key, a, b, left, right),
            (Self::Whole, _, _) => whole(a, b),
            (_, Value::Map(left), Value::Map(right)) => self.entries(a, b, left, right),
            _ => whole(a, b),
        }
    }

    fn entries(self, a: &Node, b: &Node, left: &Map, right: &Map) -> Parts {
        let mut parts = [Map::new(), Map::new(), Map::new()];
        let mut put = |key: &Str, values: Parts| {
            for (part, value) in parts.iter_mut().zip(values) {
                part.insert_some(key.clone(), value);
            }
        };
        for (key, value) in left {
            match right.get(key) {
                Some(other) => put(key, self.below(key).divide(value, other)),
                None => put(key, [None, Some(value.clone()), None]),
            }
        }
        for (key, value) in right.iter().filter(|(key, _)| !left.contains_key(key)) {
            put(key, [None, None, Some(value.clone())]);
        }
        let [shared, only_left, only_right] = parts;
        let some = |map: Map| (!map.is_empty()).then(|| Node::from(map));
        [
            Some(Node::derived(shared, &a.ids.union(&b.ids))),
            some(only_left),
            some(only_right),
        ]
    }
}

fn whole(a: &Node, b: &Node) -> Parts {
    [None, Some(a.clone()), Some(b.clone())]
}

/// Lists that merge by a key share what they end with: new elements of a patch come before those that it does not name.
fn keyed(key: &str, a: &Node, b: &Node, left: &[Node], right: &[Node]) -> Parts {
    let common = left
        .iter()
        .rev()
        .zip(right.iter().rev())
        .take_while(|(a, b)| same(a, b))
        .count();
    let (left, tail) = left.split_at(left.len() - common);
    let (right, other_tail) = right.split_at(right.len() - common);
    let named = |list: &[Node]| {
        list.iter().all(|n| {
            n.get(key)
                .is_some_and(|k| !tail.iter().any(|t| t.get(key) == Some(k)))
        })
    };
    if common == 0 || !named(left) || !named(right) {
        return whole(a, b);
    }
    let mut shared = Node::derived(tail.to_vec(), &a.ids.union(&b.ids));
    shared.absorb(&other_tail.to_vec().into());
    let some = |list: &[Node]| (!list.is_empty()).then(|| Node::from(list.to_vec()));
    [Some(shared), some(left), some(right)]
}

/// Containers share those that they begin with, by name. A patch with further ones names these too, to stay behind them.
fn containers(a: &Node, b: &Node, left: &[Node], right: &[Node]) -> Parts {
    let named = |(a, b): &(&Node, &Node)| a.get("name").is_some() && a.get("name") == b.get("name");
    let common = left.iter().zip(right).take_while(named).count();
    if common == 0 {
        return whole(a, b);
    }
    let (mut shared, mut patches) = (Vec::new(), [Vec::new(), Vec::new()]);
    for (left, right) in left.iter().zip(right).take(common) {
        let [both, only_left, only_right] = Place::Container.divide(left, right);
        shared.extend(both);
        for (list, patch) in patches.iter_mut().zip([only_left, only_right]) {
            list.push((left.get("name").cloned().unwrap_or_default(), patch));
        }
    }
    let patch = |list: Vec<(Node, Option<Node>)>, further: &[Node]| -> Option<Node> {
        let named = |(name, patch): (Node, Option<Node>)| {
            if patch.is_none() && further.is_empty() {
                return None;
            }
            let mut container = Map::from_iter([("name", name)]);
            for (key, value) in patch
                .into_iter()
                .flat_map(|p| p.as_map().cloned().unwrap_or_default())
            {
                container.insert(key, value);
            }
            Some(Node::from(container))
        };
        let mut list: Vec<Node> = list.into_iter().filter_map(named).collect();
        list.extend(further.iter().cloned());
        (!list.is_empty()).then(|| Node::from(list))
    };
    let [of_left, of_right] = patches;
    let shared = Node::derived(shared, &a.ids.union(&b.ids));
    [
        Some(shared),
        patch(of_left, &left[common..]),
        patch(of_right, &right[common..]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::rbg::testing::yaml;

    fn halves(leader: &str, worker: &str) -> Split {
        let (leader, worker) = (yaml(leader), yaml(worker));
        let split = split(&leader, &worker);
        // Whatever the parts look like, the API server's own merge must give back both.
        let merged = |patch: &Option<Node>| match patch {
            Some(patch) => {
                strategic_merge_patch(&split.template, patch, Type::PodTemplateSpec, &mut Ledger::new())
            }
            None => split.template.clone(),
        };
        assert!(same(&merged(&split.leader), &leader), "{:?}", split.leader);
        assert!(same(&merged(&split.worker), &worker), "{:?}", split.worker);
        split
    }

    #[test]
    fn what_differs_is_in_the_patches() {
        let split = halves(
            "{metadata: {labels: {app: x, m: leader}}, spec: {containers: [{name: e, image: i, args: [a, '0'], ports: [{containerPort: 8000}], \
             readinessProbe: {httpGet: {path: /health, port: 8000}}}], volumes: [{name: v, emptyDir: {}}]}}",
            "{metadata: {labels: {app: x, m: worker}}, spec: {containers: [{name: e, image: i, args: [a, '1']}], volumes: [{name: v, emptyDir: {}}]}}",
        );
        let shared = "{metadata: {labels: {app: x}}, spec: {containers: [{name: e, image: i}], volumes: [{name: v, emptyDir: {}}]}}";
        assert!(same(&split.template, &yaml(shared)));
        let leader = "{metadata: {labels: {m: leader}}, spec: {containers: [{name: e, args: [a, '0'], ports: [{containerPort: 8000}], \
                      readinessProbe: {httpGet: {path: /health, port: 8000}}}]}}";
        assert!(same(&split.leader.unwrap(), &yaml(leader)));
        let worker = "{metadata: {labels: {m: worker}}, spec: {containers: [{name: e, args: [a, '1']}]}}";
        assert!(same(&split.worker.unwrap(), &yaml(worker)));
    }

    #[test]
    fn the_order_of_variables_and_containers_is_kept() {
        let split = halves(
            "{spec: {containers: [{name: e, env: [{name: L, value: '1'}, {name: A, value: $(L)}, {name: B, value: b}]}, {name: side}]}}",
            "{spec: {containers: [{name: e, env: [{name: A, value: $(L)}, {name: B, value: b}]}]}}",
        );
        assert_eq!(
            split
                .template
                .at(&["spec", "containers", "0", "env"])
                .and_then(Node::as_seq)
                .map(<[Node]>::len),
            Some(2)
        );
        assert_eq!(split.worker, None);
        let middle = halves(
            "{spec: {containers: [{name: e, env: [{name: A, value: a}, {name: L, value: l}, {name: B, value: b}]}]}}",
            "{spec: {containers: [{name: e, env: [{name: A, value: a}, {name: B, value: b}]}]}}",
        );
        assert!(middle.worker.is_some());
        halves(
            "{spec: {containers: [{name: e}, {name: one}, {name: two}], initContainers: [{name: i}]}}",
            "{spec: {containers: [{name: e, args: [x]}, {name: two}], initContainers: [{name: j}, {name: i}]}}",
        );
    }

    #[test]
    fn pods_that_share_no_container_are_replaced_as_a_whole() {
        let split = halves(
            "{metadata: {labels: {app: x}}, spec: {containers: [{name: head, image: h}], nodeSelector: {a: b}}}",
            "{spec: {containers: [{name: body, image: b}]}}",
        );
        assert_eq!(split.leader, None);
        let worker = split.worker.unwrap();
        assert_eq!(worker.get("$patch").and_then(Node::as_str), Some("replace"));
    }

    #[test]
    fn equal_pods_have_no_patches() {
        let text = "{metadata: {labels: {app: x}}, spec: {containers: [{name: e, args: [a]}]}}";
        let split = halves(text, text);
        assert!(split.leader.is_none() && split.worker.is_none());
    }

    #[test]
    fn unions_and_empty_values_survive() {
        halves(
            "{spec: {containers: [{name: e, env: [{name: X, value: ''}], resources: {}}], volumes: [{name: v, emptyDir: {}}, {name: w, hostPath: {path: /w}}]}}",
            "{spec: {containers: [{name: e, env: [{name: X, valueFrom: {fieldRef: {fieldPath: status.podIP}}}], resources: {limits: {cpu: '1'}}}], volumes: [{name: v, hostPath: {path: /v}}, {name: w, hostPath: {path: /w}}]}}",
        );
    }
}
