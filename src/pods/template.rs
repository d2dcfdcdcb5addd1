//! What becomes of a pod template on its way through a custom resource: what the resource's schema refuses, and what Kubernetes
//! refuses only when a controller makes a pod of it.

use super::Problem;
use crate::diagnostic::{Code, Diagnostic, Ledger, Severity};
use crate::kubernetes::check;
use crate::kubernetes::codes::{BAD_QUANTITY, DUPLICATE, REQUIRED, WRONG_TYPE};
use crate::kubernetes::podspec::{Kind, Object, Type};
use crate::kubernetes::quantity::Quantity;
use crate::pods::REFUSED;
use crate::value::{Id, Ids, Map, Node, Value};
use std::borrow::Cow;

/// What is wrong with a template.
#[derive(Clone, Default, Debug)]
pub struct Judgement {
    /// What the schema of the custom resource refuses (types, required fields, doubled keys of lists), as controller-gen
    /// generates it for a PodTemplateSpec.
    pub schema: Vec<Problem>,
    /// Quantities that are written as decimal numbers: the schema refuses them, unless a mutating webhook re-encodes the object
    /// first.
    pub floats: Vec<Problem>,
    /// What is stored, and refused when it becomes a pod.
    pub pod: Vec<Problem>,
    /// Warnings: fields that are pruned, and the like.
    pub warnings: Vec<Diagnostic>,
}

/// Judges a template (a PodTemplateSpec) in a custom resource whose schema knows pod templates. Claim templates (as in a
/// StatefulSet) become volumes of its pods. Problems of the schema get the code `schema`. `default_place` is where problems are
/// reported that have no place of their own.
pub fn judge(template: &Node, claims: &[Node], schema: &'static Code, default_place: &Ids) -> Judgement {
    let mut judgement = Judgement::default();
    let mut walk = Schema {
        code: schema,
        place: default_place,
        problems: &mut judgement.schema,
        floats: &mut judgement.floats,
    };
    if let Some(object) = Type::PodTemplateSpec.object() {
        walk.object(template, object, "");
    }
    let mut ledger = Ledger::new();
    check::pod_template(&with_claims(template, claims), &mut ledger);
    let known: Vec<Option<Id>> = judgement.schema.iter().map(|p| p.ids.first()).collect();
    for said in ledger.diagnostics {
        let by_schema = [&WRONG_TYPE, &BAD_QUANTITY, &REQUIRED, &DUPLICATE].contains(&said.code);
        if said.severity != Severity::Error {
            judgement.warnings.push(said);
        } else if !(by_schema && known.contains(&said.at)) {
            let ids = said.at.map_or_else(|| default_place.clone(), Ids::from);
            let reason = format!("Kubernetes refuses the pods: {}", said.message);
            judgement.pod.push(Problem::new(&REFUSED, reason, &ids));
        }
    }
    judgement
}

/// The template with a volume for each claim that has no volume of its name.
fn with_claims<'a>(template: &'a Node, claims: &[Node]) -> Cow<'a, Node> {
    let volume = |claim: &Node| -> Option<Node> {
        let name = claim.at(&["metadata", "name"])?.clone();
        let source: Node = Map::from_iter([("claimName", name.clone())]).into();
        Some(Map::from_iter([("name", name), ("persistentVolumeClaim", source)]).into())
    };
    let made: Vec<Node> = claims.iter().filter_map(volume).collect();
    if made.is_empty() {
        return Cow::Borrowed(template);
    }
    let mut whole = template.clone();
    let volumes = whole.at_mut(&["spec", "volumes"]).seq_mut();
    volumes.retain(|own| !made.iter().any(|m| m.get("name") == own.get("name")));
    volumes.extend(made);
    Cow::Owned(whole)
}

/// What the schema of a custom resource refuses in a part of a pod template, of which `path` is the place in messages.
pub fn refused_by_schema(
    part: &Node,
    object: &'static Object,
    path: &str,
    schema: &'static Code,
    default_place: &Ids,
) -> Vec<Problem> {
    let (mut problems, mut floats) = (Vec::new(), Vec::new());
    let mut walk = Schema {
        code: schema,
        place: default_place,
        problems: &mut problems,
        floats: &mut floats,
    };
    walk.object(part, object, path);
    problems.extend(floats);
    problems
}

/// The keys of lists that are sets by the schema (`x-kubernetes-list-type: map`), and what stands for an absent key.
fn list_keys(object: &str, field: &str) -> &'static [(&'static str, &'static str)] {
    match (object, field) {
        ("PodSpec", "hostAliases") => &[("ip", "")],
        ("PodSpec", "topologySpreadConstraints") => &[("topologyKey", ""), ("whenUnsatisfiable", "")],
        (
            "PodSpec",
            "containers" | "initContainers" | "volumes" | "imagePullSecrets" | "resourceClaims"
            | "schedulingGates",
        )
        | ("Container", "env")
        | ("ResourceRequirements", "claims") => &[("name", "")],
        ("Container", "ports") => &[("containerPort", ""), ("protocol", "TCP")],
        ("Container", "volumeDevices") => &[("devicePath", "")],
        ("Container", "volumeMounts") => &[("mountPath", "")],
        _ => &[],
    }
}

struct Schema<'a> {
    code: &'static Code,
    place: &'a Ids,
    problems: &'a mut Vec<Problem>,
    floats: &'a mut Vec<Problem>,
}

impl Schema<'_> {
    fn say(&mut self, node: &Node, reason: String) {
        let ids = if node.ids.is_empty() {
            self.place
        } else {
            &node.ids
        };
        self.problems.push(Problem::new(self.code, reason, ids));
    }

    fn object(&mut self, node: &Node, object: &'static Object, path: &str) {
        let Some(fields) = node.as_map() else {
            return self.say(node, format!("`{path}` is not a mapping"));
        };
        for (key, value) in fields.iter().filter(|(_, v)| !v.is_null()) {
            if let Some(field) = object.field(key) {
                let below = if path.is_empty() {
                    key.to_string()
                } else {
                    format!("{path}.{key}")
                };
                self.value(value, &field.kind, &below);
                self.unique(value, list_keys(object.name, key), &below);
            }
        }
        for field in object.fields.iter().filter(|f| f.required) {
            if fields.get(field.name).is_none_or(Node::is_null) {
                let owner = if path.is_empty() { "the template" } else { path };
                self.say(node, format!("`{}` is missing in `{owner}`", field.name));
            }
        }
    }

    fn value(&mut self, node: &Node, kind: &'static Kind, path: &str) {
        let fits = match (kind, &node.value) {
            (Kind::Object(_), _) => {
                if let Some(object) = kind.element_object() {
                    self.object(node, object, path);
                }
                return;
            }
            (Kind::List(element), Value::Seq(items)) => {
                for (n, item) in items.iter().enumerate() {
                    self.value(item, element, &format!("{path}[{n}]"));
                }
                return;
            }
            (Kind::Map(element), Value::Map(entries)) => {
                for (key, item) in entries {
                    self.value(item, element, &format!("{path}.{key}"));
                }
                return;
            }
            (Kind::Quantity, value) => {
                if matches!(value, Value::Float(_)) {
                    let reason = format!("`{path}` is a decimal number; write quantities as strings");
                    self.floats.push(Problem::new(self.code, reason, &node.ids));
                }
                Quantity::from_node(node).is_ok()
            }
            (Kind::Str | Kind::Time | Kind::Enum(_), Value::Str(_))
            | (Kind::Int, Value::Int(_) | Value::UInt(_))
            | (Kind::Bool, Value::Bool(_))
            | (Kind::IntOrString, Value::Int(_) | Value::Str(_)) => true,
            _ => false,
        };
        if !fits {
            self.say(node, format!("`{path}` has the wrong type of value"));
        }
    }

    fn unique(&mut self, list: &Node, keys: &[(&str, &str)], path: &str) {
        if keys.is_empty() {
            return;
        }
        let mut seen: Vec<Vec<Value>> = Vec::new();
        for item in list.as_seq().unwrap_or_default() {
            let of = |(key, absent): &(&str, &str)| {
                item.get(key)
                    .map_or_else(|| Value::Str((*absent).into()), |n| n.value.clone())
            };
            let key: Vec<Value> = keys.iter().map(of).collect();
            if seen.contains(&key) {
                let keys: Vec<&str> = keys.iter().map(|(key, _)| *key).collect();
                self.say(
                    item,
                    format!("`{path}` has two elements of the same {}", keys.join(" and ")),
                );
            } else {
                seen.push(key);
            }
        }
    }
}

/// What a StatefulSet or Deployment refuses in a template that a pod would accept.
pub fn refused_by_workloads(template: &Node) -> Option<Problem> {
    let policy = template.at(&["spec", "restartPolicy"])?;
    let refused = policy.as_str().is_some_and(|p| !p.is_empty() && p != "Always");
    refused.then(|| {
        let reason = "Kubernetes refuses the workload: its pods must have `restartPolicy: Always`";
        Problem::new(&REFUSED, reason, &policy.ids)
    })
}
