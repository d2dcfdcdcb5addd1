//! Where decode may take KV caches from: variables, and the labels of nodes in a file.

use super::super::operator::Operator;
use super::super::read::{Graph, KvTransfer, text};
use super::defaults::object;
use super::labels::{key, main_mut};
use super::pod::merge_env;
use crate::dialect::grove::operator::Binding;
use crate::kubernetes::container::env;
use crate::value::{Node, Str, Value};

const PATH: &str = "/etc/dynamo/topology";
const NAME: &str = "topology-labels";

/// Adds the policy of a graph to the template of a worker.
pub fn add(graph: &Graph, operator: &Operator<'_>, template: &mut Node) {
    let Some(policy) = &graph.kv_transfer else { return };
    let main = main_mut(template);
    let own = main.map_mut().remove("env").unwrap_or_default();
    let own: Vec<Node> = own
        .as_seq()
        .unwrap_or_default()
        .iter()
        .filter(|e| !is_own(text(e, &["name"])))
        .cloned()
        .collect();
    main.set("env", merge_env(&own, &variables(policy)));
    let mounts = main.map_mut().entry_map("volumeMounts").seq_mut();
    mounts.retain(|m| text(m, &["name"]) != NAME && text(m, &["mountPath"]) != PATH);
    mounts.push(object([
        ("name", Node::from(NAME)),
        ("mountPath", PATH.into()),
        ("readOnly", true.into()),
    ]));
    let source = object([("items", files(policy, operator).into())]);
    let volumes = template.at_mut(&["spec", "volumes"]).seq_mut();
    volumes.retain(|v| text(v, &["name"]) != NAME);
    volumes.push(object([("name", NAME.into()), ("downwardAPI", source)]));
}

fn is_own(name: &str) -> bool {
    [
        "DYN_KV_TRANSFER_DOMAIN",
        "DYN_KV_TRANSFER_ENFORCEMENT",
        "DYN_KV_TRANSFER_PREFERRED_WEIGHT",
        "DYN_TOPOLOGY_ENABLED",
        "DYN_TOPOLOGY_MOUNT_PATH",
    ]
    .contains(&name)
}

fn variables(policy: &KvTransfer) -> Vec<Node> {
    let mut all = vec![
        env("DYN_KV_TRANSFER_DOMAIN", policy.domain.node()),
        env("DYN_KV_TRANSFER_ENFORCEMENT", policy.enforcement.node()),
        env("DYN_TOPOLOGY_ENABLED", "true"),
        env("DYN_TOPOLOGY_MOUNT_PATH", PATH),
    ];
    if let Some(weight) = &policy.weight {
        let text = match weight.value {
            Value::Int(n) => n.to_string(),
            // As the operator's type has it, which is of 32 bits.
            Value::Float(n) => (n as f32).to_string(),
            _ => String::new(),
        };
        all.push(env(
            "DYN_KV_TRANSFER_PREFERRED_WEIGHT",
            Node::derived(text, &weight.ids),
        ));
    }
    all
}

/// One file for each domain, with the label of the pod's node.
fn files(policy: &KvTransfer, operator: &Operator<'_>) -> Vec<Node> {
    let file = |path: &Str, label: &str| {
        let field = object([("fieldPath", Node::from(format!("metadata.labels['{label}']")))]);
        object([("path", path.clone().into()), ("fieldRef", field)])
    };
    if let Some(label) = &policy.label {
        return vec![file(&policy.domain.value, &label.value)];
    }
    let name = policy.topology.as_ref().map_or("", |t| t.value.as_str());
    let levels = match operator.binding(name) {
        Binding::Known(levels) => levels.into_iter().map(|(domain, _)| domain).collect(),
        Binding::Missing | Binding::Unknown => vec![policy.domain.value.clone()],
    };
    let label = |domain: &Str| format!("{}.{domain}", key("dynamo-topology"));
    levels.iter().map(|d| file(d, &label(d))).collect()
}
