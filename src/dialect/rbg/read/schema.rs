//! What the CRDs check of types: fields that are required, values out of a list, numbers too small, names given twice.
//!
//! The tables hold the fields that matter to a reader. Fields that are not in a table are not looked at: on roles the API
//! server keeps them, elsewhere it drops them.

use super::super::verdicts::SCHEMA;
use crate::kubernetes::int_or_string::IntOrPercent;
use crate::kubernetes::names::dns_label;
use crate::pods::Problem;
use crate::value::{Node, Str, Value};

/// What a field may hold.
#[derive(Debug)]
pub enum Type {
    /// Anything.
    Any,
    /// A mapping with these fields.
    Object(&'static [Field]),
    /// A mapping of strings.
    Strings,
    /// A whole number of 32 bits, not below this.
    Int(i64),
    /// `true` or `false`.
    Bool,
    /// A string.
    Text,
    /// A string that is not empty.
    Word,
    /// A DNS label.
    Label,
    /// A string of a list.
    OneOf(&'static [&'static str]),
    /// A number or a percentage.
    IntOrString,
    /// A percentage.
    Percent,
    /// An apiVersion with a group.
    GroupVersion,
    /// A list of something: how many at least, the key that must be unique, the elements.
    List(usize, Option<&'static str>, &'static Type),
    /// A pod template with its containers.
    Template,
}

/// A field of a mapping.
#[derive(Debug)]
pub struct Field {
    name: &'static str,
    required: bool,
    ty: Type,
}

const fn field(name: &'static str, ty: Type) -> Field {
    Field {
        name,
        required: false,
        ty,
    }
}

const fn required(name: &'static str, ty: Type) -> Field {
    Field {
        name,
        required: true,
        ty,
    }
}

const ANY: i64 = i32::MIN as i64;
const RESTARTS: Type = Type::OneOf(&["None", "RecreateRoleInstanceOnPodRestart"]);
const RESTART: Type = Type::Object(&[
    field("type", RESTARTS),
    field("baseDelaySeconds", Type::Int(0)),
    field("maxDelaySeconds", Type::Int(0)),
]);
const ROLLOUT: Type = Type::Object(&[
    field("type", Type::OneOf(&["RollingUpdate"])),
    field(
        "rollingUpdate",
        Type::Object(&[
            field("type", Type::Text),
            field("partition", Type::IntOrString),
            field("maxUnavailable", Type::IntOrString),
            field("maxSurge", Type::IntOrString),
            field("paused", Type::Bool),
            field(
                "inPlaceUpdateStrategy",
                Type::Object(&[field("gracePeriodSeconds", Type::Int(ANY))]),
            ),
        ]),
    ),
]);
const PORTS: Type = Type::List(0, None, &Type::Object(&[required("port", Type::Int(ANY))]));
const RUNTIMES: Type = Type::List(
    0,
    None,
    &Type::Object(&[
        required("profileName", Type::Text),
        field("injectContainers", Type::List(0, None, &Type::Text)),
        field(
            "containers",
            Type::List(0, None, &Type::Object(&[required("name", Type::Text)])),
        ),
    ]),
);
const ROLE_TEMPLATES: Type = Type::List(
    0,
    Some("name"),
    &Type::Object(&[
        required("name", Type::Label),
        required("template", Type::Template),
    ]),
);
const REFERENCE: Type = Type::Object(&[required("name", Type::Label), field("patch", Type::Any)]);
const COMPONENTS: Type = Type::List(
    0,
    None,
    &Type::Object(&[
        required("name", Type::Text),
        field("size", Type::Int(ANY)),
        field("serviceName", Type::Text),
        field("labels", Type::Strings),
        field("annotations", Type::Strings),
        required("template", Type::Any),
    ]),
);

/// `spec` of a RoleBasedGroup, v1alpha2.
pub const GROUP: Type = Type::Object(&[
    field("roleTemplates", ROLE_TEMPLATES),
    required("roles", Type::List(1, Some("name"), &ROLE)),
]);

const ROLE: Type = Type::Object(&[
    required("name", Type::Word),
    field("labels", Type::Strings),
    field("annotations", Type::Strings),
    field("replicas", Type::Int(0)),
    field("dependencies", Type::List(0, None, &Type::Text)),
    field("podManagementPolicy", Type::OneOf(&["OrderedReady", "Parallel"])),
    field("minReadySeconds", Type::Int(ANY)),
    field("rolloutStrategy", ROLLOUT),
    field("servicePorts", PORTS),
    field("engineRuntimes", RUNTIMES),
    field(
        "scalingAdapter",
        Type::Object(&[field("enable", Type::Bool), field("labels", Type::Strings)]),
    ),
    field(
        "standalonePattern",
        Type::Object(&[field("template", Type::Template), field("templateRef", REFERENCE)]),
    ),
    field(
        "leaderWorkerPattern",
        Type::Object(&[
            field("size", Type::Int(ANY)),
            field("template", Type::Template),
            field("templateRef", REFERENCE),
            field("sharedServiceSelection", Type::OneOf(&["All", "LeaderOnly"])),
            field("restartPolicy", RESTARTS),
            field("restartPolicyConfig", RESTART),
        ]),
    ),
    field(
        "customComponentsPattern",
        Type::Object(&[
            field("components", COMPONENTS),
            field("restartPolicy", RESTARTS),
            field("restartPolicyConfig", RESTART),
        ]),
    ),
]);

/// `spec` of a RoleBasedGroup, v1alpha1.
pub const OLD_GROUP: Type = Type::Object(&[
    field("roleTemplates", ROLE_TEMPLATES),
    required("roles", Type::List(1, Some("name"), &OLD_ROLE)),
    field(
        "podGroupPolicy",
        Type::Object(&[
            field(
                "kubeScheduling",
                Type::Object(&[field("scheduleTimeoutSeconds", Type::Int(ANY))]),
            ),
            field(
                "volcanoScheduling",
                Type::Object(&[field("priorityClassName", Type::Text), field("queue", Type::Text)]),
            ),
        ]),
    ),
    field(
        "coordination",
        Type::List(
            0,
            Some("name"),
            &Type::Object(&[
                required("name", Type::Text),
                required("roles", Type::List(0, None, &Type::Text)),
                field("strategy", OLD_STRATEGY),
            ]),
        ),
    ),
]);

const OLD_STRATEGY: Type = Type::Object(&[
    field(
        "rollingUpdate",
        Type::Object(&[
            field("maxSkew", Type::Percent),
            field("partition", Type::Percent),
            field("maxUnavailable", Type::Percent),
        ]),
    ),
    field(
        "scaling",
        Type::Object(&[field("maxSkew", Type::Percent), field("progression", PROGRESSION)]),
    ),
]);
const PROGRESSION: Type = Type::OneOf(&["OrderScheduled", "OrderReady"]);

const OLD_ROLE: Type = Type::Object(&[
    required("name", Type::Word),
    field("labels", Type::Strings),
    field("annotations", Type::Strings),
    field("replicas", Type::Int(0)),
    field("dependencies", Type::List(0, None, &Type::Text)),
    field("restartPolicy", RESTARTS),
    field("minReadySeconds", Type::Int(ANY)),
    field("rolloutStrategy", ROLLOUT),
    field("servicePorts", PORTS),
    field("engineRuntimes", RUNTIMES),
    field("scalingAdapter", Type::Object(&[field("enable", Type::Bool)])),
    field(
        "workload",
        Type::Object(&[field("apiVersion", Type::GroupVersion), field("kind", Type::Text)]),
    ),
    field("template", Type::Template),
    field("templateRef", Type::Object(&[required("name", Type::Label)])),
    field("leaderWorkerSet", Type::Object(&[field("size", Type::Int(ANY))])),
    field("components", COMPONENTS),
]);

/// `spec` of a RoleBasedGroupSet, v1alpha2.
pub const SET: Type = Type::Object(&[
    field("replicas", Type::Int(ANY)),
    required(
        "groupTemplate",
        Type::Object(&[
            field("labels", Type::Strings),
            field("annotations", Type::Strings),
            field("spec", GROUP),
        ]),
    ),
]);

/// `spec` of a RoleBasedGroupSet, v1alpha1.
pub const OLD_SET: Type = Type::Object(&[field("replicas", Type::Int(ANY)), required("template", OLD_GROUP)]);

/// `spec` of a CoordinatedPolicy.
pub const POLICY: Type = Type::Object(&[required(
    "policies",
    Type::List(
        1,
        Some("name"),
        &Type::Object(&[
            required("name", Type::Word),
            required("roles", Type::List(1, None, &Type::Text)),
            required(
                "strategy",
                Type::Object(&[
                    field(
                        "rollingUpdate",
                        Type::Object(&[
                            field("maxSkew", Type::IntOrString),
                            field("partition", Type::IntOrString),
                            field("maxUnavailable", Type::IntOrString),
                        ]),
                    ),
                    field(
                        "scaling",
                        Type::Object(&[
                            field("maxSkew", Type::IntOrString),
                            field("progression", PROGRESSION),
                        ]),
                    ),
                ]),
            ),
        ]),
    ),
)]);

/// `spec` of a RoleInstanceSet.
pub const INSTANCE_SET: Type = Type::Object(&[
    field("replicas", Type::Int(ANY)),
    field("podManagementPolicy", Type::OneOf(&["OrderedReady", "Parallel"])),
    field("minReadySeconds", Type::Int(ANY)),
    field("revisionHistoryLimit", Type::Int(0)),
    required("roleInstanceTemplate", Type::Any),
]);

/// `spec` of a RoleInstance.
pub const INSTANCE: Type = Type::Object(&[
    required("components", COMPONENTS),
    field("restartPolicy", RESTARTS),
    field("restartPolicyConfig", RESTART),
]);

/// Checks a value; `path` is for messages.
pub fn check(node: &Node, ty: &Type, path: &str, problems: &mut Vec<Problem>) {
    if node.is_null() {
        return;
    }
    let mut refuse = |what: String| {
        let place = if path.is_empty() { "the object" } else { path };
        problems.push(Problem::new(&SCHEMA, format!("{place} {what}"), &node.ids));
    };
    match (ty, &node.value) {
        (Type::Any, _) => {}
        (Type::Object(fields), Value::Map(_)) => object(node, fields, path, problems),
        (Type::Template, Value::Map(_)) => {
            let containers = node.at(&["spec", "containers"]);
            if node.get("spec").is_some_and(|s| !s.is_null()) && containers.and_then(Node::as_seq).is_none() {
                refuse("has no `spec.containers`, which is required".to_owned());
            }
        }
        (Type::Strings, Value::Map(map)) => {
            for (key, value) in map {
                if !matches!(value.value, Value::Str(_) | Value::Null) {
                    let what = format!("{path}.{key} must be a string");
                    problems.push(Problem::new(&SCHEMA, what, &value.ids));
                }
            }
        }
        (Type::Int(least), Value::Int(n)) => {
            if n < least {
                refuse(format!("is {n}; at least {least} is required"));
            } else if *n > i64::from(i32::MAX) {
                refuse(format!("is {n}, too large for 32 bits"));
            }
        }
        (Type::Bool, Value::Bool(_)) | (Type::IntOrString, Value::Int(_) | Value::Str(_)) => {}
        (Type::Text, Value::Str(_)) => {}
        (Type::Word, Value::Str(s)) => {
            if s.is_empty() {
                refuse("must not be empty".to_owned());
            }
        }
        (Type::Label, Value::Str(s)) => {
            if let Err(error) = dns_label(s) {
                refuse(format!("is `{s}`, no name of a template: {error}"));
            }
        }
        (Type::OneOf(known), Value::Str(s)) => {
            if !known.contains(&s.as_str()) {
                refuse(format!("is `{s}`; possible: {}", known.join(", ")));
            }
        }
        (Type::Percent, Value::Str(s)) => {
            if !matches!(IntOrPercent::parse(s), Ok(IntOrPercent::Percent(0..=100))) {
                refuse(format!("is `{s}`, not a percentage from 0% to 100%"));
            }
        }
        (Type::GroupVersion, Value::Str(s)) => {
            if !group_version(s) {
                refuse(format!("is `{s}`, not a group and version like apps/v1"));
            }
        }
        (Type::List(least, key, ty), Value::Seq(list)) => {
            if list.len() < *least {
                refuse(format!(
                    "has {} elements; at least {least} is required",
                    list.len()
                ));
            }
            elements(list, *key, ty, path, problems);
        }
        (ty, _) => refuse(format!("must be {}", expected(ty))),
    }
}

fn object(node: &Node, fields: &'static [Field], path: &str, problems: &mut Vec<Problem>) {
    for field in fields {
        let below = format!("{path}.{}", field.name);
        match node.get(field.name).filter(|n| !n.is_null()) {
            Some(value) => check(value, &field.ty, &below, problems),
            None if field.required => {
                problems.push(Problem::new(&SCHEMA, format!("{below} is required"), &node.ids));
            }
            None => {}
        }
    }
}

fn elements(list: &[Node], key: Option<&str>, ty: &Type, path: &str, problems: &mut Vec<Problem>) {
    let mut seen: Vec<&Str> = Vec::new();
    for (n, element) in list.iter().enumerate() {
        let below = format!("{path}[{n}]");
        if element.is_null() {
            problems.push(Problem::new(&SCHEMA, format!("{below} is null"), &element.ids));
            continue;
        }
        check(element, ty, &below, problems);
        let Some(name) = key.and_then(|key| element.get(key)) else {
            continue;
        };
        if let Value::Str(text) = &name.value {
            if seen.contains(&text) {
                let what = format!("{below}: `{text}` is there twice");
                problems.push(Problem::new(&SCHEMA, what, &name.ids));
            }
            seen.push(text);
        }
    }
}

fn group_version(text: &str) -> bool {
    let Some((group, version)) = text.split_once('/') else {
        return false;
    };
    let stable = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let version = version.strip_prefix('v').is_some_and(|v| {
        ["alpha", "beta"]
            .iter()
            .find_map(|word| v.split_once(word))
            .map_or_else(|| stable(v), |(major, minor)| stable(major) && stable(minor))
    });
    version && group.split('.').all(|part| dns_label(part).is_ok())
}

const fn expected(ty: &Type) -> &'static str {
    match ty {
        Type::Any => "something",
        Type::Object(_) | Type::Strings | Type::Template => "a mapping",
        Type::Int(_) => "a whole number",
        Type::Bool => "true or false",
        Type::IntOrString => "a number or a percentage",
        Type::Text | Type::Word | Type::Label | Type::OneOf(_) | Type::Percent | Type::GroupVersion => {
            "a string"
        }
        Type::List(..) => "a list",
    }
}
