//! The prediction as a document: the contract that other programs read.
//!
//! ```text
//! workloads: [{dialect, kind, namespace, name, outcome, code, reason}]
//! pods:      [{workload, slice, role, replica, member, index, name | namePattern, generateName, labels, annotations, <PodSpec>…}]
//! children:  [{workload, owner, object}]
//! totals:    {pods, accelerators, nodes, roles: [{workload, role, pods, accelerators, nodes}]}
//! ```
//!
//! A pod is its coordinates, the interesting parts of its metadata, and the fields of its PodSpec beside them.

use super::totals::{Totals, Usage};
use super::{Child, Pod, Workload};
use crate::value::{Map, Node, Str, Value};

/// The whole prediction. Takes it apart, so that nothing is copied.
pub fn document(workloads: Vec<Workload>, totals: &Totals) -> Node {
    let (mut heads, mut pods, mut children) = (Vec::new(), Vec::new(), Vec::new());
    for mut workload in workloads {
        heads.push(head(&workload));
        let reference = reference(&workload);
        pods.extend(
            std::mem::take(&mut workload.expansion.pods)
                .into_iter()
                .map(|p| pod(p, &reference)),
        );
        children.extend(
            workload
                .expansion
                .children
                .drain(..)
                .map(|c| child(c, &reference)),
        );
    }
    Map::from_unique(vec![
        ("workloads".into(), heads.into()),
        ("pods".into(), pods.into()),
        ("children".into(), children.into()),
        ("totals".into(), self::totals(totals)),
    ])
    .into()
}

fn head(workload: &Workload) -> Node {
    let outcome = &workload.expansion.outcome;
    let mut map = Map::with_capacity(7);
    map.push_new("dialect".into(), workload.dialect.into());
    map.push_new("kind".into(), workload.kind.clone().into());
    map.push_new("namespace".into(), workload.namespace.clone().into());
    map.push_new("name".into(), workload.name.clone().into());
    map.push_new("outcome".into(), outcome.as_str().into());
    if let Some(verdict) = outcome.verdict() {
        map.push_new("code".into(), verdict.code.id.into());
        map.push_new("reason".into(), verdict.reason.clone().into());
    }
    map.into()
}

fn reference(workload: &Workload) -> Node {
    Map::from_unique(vec![
        ("kind".into(), workload.kind.clone().into()),
        ("namespace".into(), workload.namespace.clone().into()),
        ("name".into(), workload.name.clone().into()),
    ])
    .into()
}

fn pod(pod: Pod, workload: &Node) -> Node {
    let name = if pod.is_pattern() { "namePattern" } else { "name" };
    let Pod {
        slice,
        role,
        replica,
        member,
        index,
        name: text,
        generate_name,
        labels,
        annotations,
        spec,
    } = pod;
    let mut map = Map::with_capacity(24);
    map.push_new("workload".into(), workload.clone());
    map.push_new("slice".into(), slice.into());
    map.push_new("role".into(), role.into());
    map.push_new("replica".into(), replica.into());
    map.push_new("member".into(), member.into());
    map.push_new("index".into(), index.into());
    map.push_new(name.into(), text.into());
    if let Some(generate_name) = generate_name {
        map.push_new("generateName".into(), generate_name.into());
    }
    map.push_new("labels".into(), labels.into());
    map.push_new("annotations".into(), annotations.into());
    if let Value::Map(fields) = spec.value {
        for (key, value) in fields {
            // No field of a PodSpec is called like those above; input that has one anyway must not make two keys.
            if !map.contains_key(&key) {
                map.push_new(key, value);
            }
        }
    }
    map.into()
}

fn child(child: Child, workload: &Node) -> Node {
    let Child {
        api_version,
        kind,
        name,
        owner: (owner_kind, owner_name),
        mut object,
    } = child;
    let mut whole = Map::new();
    whole.push_new("apiVersion".into(), api_version.into());
    whole.push_new("kind".into(), kind.into());
    let metadata = object.at_mut(&["metadata"]);
    metadata.set("name", name);
    if let Value::Map(fields) = object.value {
        for (key, value) in fields {
            whole.insert(key, value);
        }
    }
    let owner: Node = Map::from_iter([("kind", Node::from(owner_kind)), ("name", owner_name.into())]).into();
    Map::from_iter([
        ("workload", workload.clone()),
        ("owner", owner),
        ("object", whole.into()),
    ])
    .into()
}

fn totals(totals: &Totals) -> Node {
    let roles = totals.roles.iter().map(|role| {
        let mut map = Map::new();
        map.push_new("workload".into(), format!("{}/{}", role.kind, role.name).into());
        map.push_new("role".into(), role.role.clone().into());
        usage(&role.usage, &mut map);
        map.into()
    });
    let mut map = Map::new();
    usage(&totals.all, &mut map);
    map.push_new("roles".into(), roles.collect::<Vec<Node>>().into());
    map.into()
}

fn usage(usage: &Usage, map: &mut Map) {
    let number = |n: u64| Node::from(i64::try_from(n).unwrap_or(i64::MAX));
    let accelerators: Map = usage
        .accelerators
        .iter()
        .map(|(k, n)| (Str::clone(k), number(*n)))
        .collect();
    map.push_new("pods".into(), number(usage.pods));
    map.push_new("accelerators".into(), accelerators.into());
    map.push_new("nodes".into(), number(usage.nodes));
}
