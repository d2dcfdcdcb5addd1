//! What AIBrix's admission refuses beside the schema, and what is stored without becoming pods.

use super::admission::{
    DOUBLED_ROLE, NEGATIVE, NO_REPLICAS, NO_ROLE_SETS, POD_NAME, SCHEMA, SELECTOR_MISSES, SELECTOR_SHARED,
    WEBHOOK,
};
use super::check::{NEWER, NEWER_OF_CONTAINERS, RESERVED};
use super::codes::{NAME_TOO_LONG, PRUNED, RESERVED_LABEL, SERVICE_CLASH};
use super::expand_sidecar::Sidecar;
use super::pattern::{self, HASH};
use super::read::{How, Role, StormService, labels_are_valid};
use crate::diagnostic::{Diagnostic, Ledger, Outcome, Severity};
use crate::kubernetes::names;
use crate::kubernetes::podspec::{Kind, Object, Type};
use crate::pods::{Problem, REFUSED, Scene, template};
use crate::value::{Ids, Map, Node, Value};

/// The most characters of a Service's name.
const SERVICE: usize = 63;
/// What the webhook reckons with beside the names of a StormService and a role.
const PODSET_EXTRA: usize = 36;
/// The prefix of all keys of the controllers.
pub const PREFIX: &str = "stormservice.orchestration.aibrix.ai/";

/// Labels that all pods of RoleSets get.
const OWNED_LABELS: [&str; 4] = [
    "storm-service-name",
    "roleset-name",
    "role-name",
    "role-template-hash",
];

/// A pod template as it is stored, taken apart.
#[derive(Clone, Default, Debug)]
pub struct Template {
    /// Labels.
    pub labels: Map,
    /// Annotations.
    pub annotations: Map,
    /// The PodSpec.
    pub spec: Node,
    /// Nodes of the whole template, for limits.
    /// Why Kubernetes will refuse its pods.
    pub refused: Option<Problem>,
}

/// What the validating webhook says of a new StormService.
pub fn storm_service(service: &StormService, how: How) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !how.webhooks {
        return problems;
    }
    let name = &service.meta.name;
    let Some(set) = &service.role_set else {
        let reason = "`spec.template.spec` is missing: the webhook fails";
        problems.push(Problem::new(&WEBHOOK, reason, &name.ids));
        return problems;
    };
    if !how.version.cuts_sets() {
        return problems;
    }
    if name.value.len() > SERVICE {
        let reason = format!(
            "the name has {} characters, more than {SERVICE}",
            name.value.len()
        );
        problems.push(Problem::new(&WEBHOOK, reason, &name.ids));
    }
    let longest = set
        .roles
        .iter()
        .filter(|r| r.grouped())
        .max_by_key(|r| r.name.value.len());
    if let Some(role) = longest {
        let both = name.value.len() + role.name.value.len();
        if both + PODSET_EXTRA > SERVICE {
            let reason = format!(
                "`{}` and `{}` have {both} characters together, more than {} for a role of groups of pods",
                name.value,
                role.name.value,
                SERVICE - PODSET_EXTRA
            );
            problems.push(Problem::new(&WEBHOOK, reason, &role.name.ids.union(&name.ids)));
        }
    }
    problems
}

/// The template of a role (or PodSet) as it is stored: the webhook's container in it, fields cut off that the CRD does not know.
/// `None`: there is no PodSpec.
pub fn stored(
    template: Option<&Node>,
    (place, grouped): (&Ids, bool),
    sidecar: Option<&Sidecar>,
    problems: &mut Vec<Problem>,
    ledger: &mut Ledger,
) -> Option<Template> {
    let mut node = template?.clone();
    let spec = node.get("spec").filter(|s| !s.is_null())?;
    if spec.as_map().is_none() {
        problems.push(Problem::new(
            &SCHEMA,
            "`template.spec` is not a mapping",
            &spec.ids,
        ));
        return None;
    }
    cut_newer(&mut node, ledger);
    reserved(&mut node, grouped, ledger);
    if let Some(sidecar) = sidecar {
        sidecar.inject(node.at_mut(&["spec"]));
    }
    let spec = node.at_mut(&["spec"]).map_mut();
    // Both are overwritten, whatever they say.
    for field in ["hostname", "subdomain"] {
        if spec.get(field).is_some_and(|n| n.as_str().is_some()) {
            spec.remove(field);
        }
    }
    let judgement = template::judge(&node, &[], &SCHEMA, place);
    problems.extend(judgement.schema);
    judgement
        .warnings
        .into_iter()
        .for_each(|said| ledger.report(said));
    if let Some(object) = Type::PodTemplateSpec.object() {
        cut_unknown(&mut node, object);
    }
    let map = |field: &str| -> Map {
        let map = node.at(&["metadata", field]).and_then(Node::as_map);
        map.cloned().unwrap_or_default()
    };
    Some(Template {
        labels: map("labels"),
        annotations: map("annotations"),
        refused: judgement.pod.into_iter().next(),
        spec: node.get("spec").cloned().unwrap_or_default(),
    })
}

/// Labels that belong to the controllers: on pods of groups the template's own win, which is said; elsewhere they are
/// overwritten, whatever they say.
fn reserved(template: &mut Node, grouped: bool, ledger: &mut Ledger) {
    let Value::Map(map) = &mut template.value else {
        return;
    };
    let labels = map.get_mut("metadata").map(|m| &mut m.value);
    let Some(Value::Map(metadata)) = labels else {
        return;
    };
    let Some(Value::Map(labels)) = metadata.get_mut("labels").map(|l| &mut l.value) else {
        return;
    };
    if !grouped {
        return labels.retain(|key, value| !(OWNED_LABELS.contains(&key) && value.as_str().is_some()));
    }
    for (key, value) in labels.iter().filter(|(k, _)| RESERVED.contains(&k.as_str())) {
        let message =
            format!("the template's own `{key}` wins over the controller's and may cut the pods off");
        let said = Diagnostic::new(&RESERVED_LABEL, message).severity(Severity::Warning);
        ledger.report(said.at_ids(&value.ids));
    }
}

/// Cuts off what came after Kubernetes 1.31.
fn cut_newer(template: &mut Node, ledger: &mut Ledger) {
    let mut cut = |owner: &mut Node, fields: &[&str]| {
        let Value::Map(map) = &mut owner.value else { return };
        for field in fields {
            if let Some(value) = map.remove(field) {
                let message = format!("`{field}` is newer than AIBrix's pod template and is cut off");
                let said = Diagnostic::new(&PRUNED, message).severity(Severity::Warning);
                ledger.report(said.at_ids(&value.ids).outcome(Outcome::Dropped));
            }
        }
    };
    let spec = template.at_mut(&["spec"]);
    cut(spec, NEWER);
    let Value::Map(spec) = &mut spec.value else { return };
    for field in ["containers", "initContainers"] {
        let Some(Value::Seq(containers)) = spec.get_mut(field).map(|n| &mut n.value) else {
            continue;
        };
        for container in containers {
            cut(container, NEWER_OF_CONTAINERS);
            let Value::Map(container) = &mut container.value else {
                continue;
            };
            let Some(Value::Seq(variables)) = container.get_mut("env").map(|n| &mut n.value) else {
                continue;
            };
            for variable in variables.iter_mut().filter(|v| v.get("valueFrom").is_some()) {
                cut(variable.at_mut(&["valueFrom"]), &["fileKeyRef"]);
            }
        }
    }
}

/// Cuts off fields that no table knows.
pub fn cut_unknown(node: &mut Node, object: &'static Object) {
    let Value::Map(map) = &mut node.value else { return };
    map.retain(|key, _| object.field(key).is_some());
    for (key, value) in map.iter_mut() {
        let Some(field) = object.field(key) else { continue };
        let Some(below) = field.kind.element_object() else {
            continue;
        };
        match (&field.kind, &mut value.value) {
            (Kind::List(_), Value::Seq(items)) => items.iter_mut().for_each(|i| cut_unknown(i, below)),
            _ => cut_unknown(value, below),
        }
    }
}

/// Why the controller makes no RoleSet of a StormService that is stored: the first reason that it meets.
pub fn no_role_sets(service: &StormService, root: &Node, scene: &Scene<'_>) -> Option<Problem> {
    let name = &service.meta.name;
    let none = |code, reason: String, ids: &Ids| Some(Problem::new(code, reason, ids));
    if let Err(reason) = names::dns_label(&name.value) {
        let reason = format!("the Service `{}` cannot be made: {reason}", name.value);
        return none(&NO_ROLE_SETS, reason, &name.ids);
    }
    let namespace = scene.namespace_of(root);
    let services = scene.of_kind("Service", &namespace);
    let mut ordinary = services.filter(|d| {
        d.root.at(&["metadata", "name"]).and_then(Node::as_str) == Some(&name.value)
            && d.root.at(&["spec", "clusterIP"]).and_then(Node::as_str) != Some("None")
    });
    if ordinary.next().is_some() {
        let reason = format!(
            "a Service `{}` with an address of its own is in the way",
            name.value
        );
        return none(&SERVICE_CLASH, reason, &name.ids);
    }
    if service.replicas.is_none() {
        return none(&NO_REPLICAS, "`spec.replicas` is missing".to_owned(), &name.ids);
    }
    let selector = service.selector.as_ref()?;
    if !matches(selector, &service.template_labels) {
        let reason = "the labels of `spec.template.metadata` do not match `spec.selector`";
        return none(&SELECTOR_MISSES, reason.to_owned(), &selector.all_ids());
    }
    refused_role_set(service).or_else(|| shared(service, root, scene))
}

/// Why the API server refuses the RoleSets.
fn refused_role_set(service: &StormService) -> Option<Problem> {
    let name = &service.meta.name;
    let revision = format!("{}-{}", name.value, pattern::sample(HASH));
    if let Err(reason) = names::label_value(&revision) {
        let reason = format!(
            "the RoleSets' label `storm-service-revision: {}-<hash>` is not valid: {reason}",
            name.value
        );
        return Some(Problem::new(&NAME_TOO_LONG, reason, &name.ids));
    }
    let mut found = None;
    labels_are_valid(
        &service.template_labels,
        &service.template_annotations,
        |reason, ids| {
            let reason = format!("no RoleSet can be made: {reason}");
            found.get_or_insert_with(|| Problem::new(&NO_ROLE_SETS, reason, ids));
        },
    );
    for role in service.role_set.iter().flat_map(|s| &s.roles) {
        let key = format!("{PREFIX}role-revision-name.{}", role.name.value);
        if let Err(reason) = names::annotation_key(&key) {
            let code = if role.name.value.len() > 44 {
                &NAME_TOO_LONG
            } else {
                &NO_ROLE_SETS
            };
            let ids = if role.name.ids.is_empty() {
                &role.ids
            } else {
                &role.name.ids
            };
            let reason = format!(
                "the RoleSets' annotation for role `{}` is not valid: {reason}",
                role.name.value
            );
            found.get_or_insert_with(|| Problem::new(code, reason, ids));
        }
    }
    found
}

/// Whether another StormService of the input takes the RoleSets away.
fn shared(service: &StormService, root: &Node, scene: &Scene<'_>) -> Option<Problem> {
    let selector = service.selector.as_ref()?;
    let labels = |root: &Node| -> Map {
        let labels = root.at(&["spec", "template", "metadata", "labels"]);
        labels.and_then(Node::as_map).cloned().unwrap_or_default()
    };
    let own = labels(root);
    let mut earlier = true;
    for other in scene.documents.iter().map(|d| &d.root) {
        if other.get("kind").and_then(Node::as_str) != Some("StormService") {
            continue;
        }
        if std::ptr::eq(other, root) || (earlier && other.ids == root.ids) {
            earlier = false;
            continue;
        }
        let Some(theirs) = other.at(&["spec", "selector"]) else {
            continue;
        };
        let taken = matches(theirs, &own) && (earlier || !matches(selector, &labels(other)));
        if taken {
            let name = other
                .at(&["metadata", "name"])
                .and_then(Node::as_str)
                .unwrap_or_default();
            let reason = format!(
                "the selector of StormService `{name}` matches the RoleSets of this one: each deletes the other's, for ever"
            );
            return Some(Problem::new(&SELECTOR_SHARED, reason, &selector.all_ids()));
        }
    }
    None
}

/// Whether a label selector matches labels. One that cannot be read matches nothing.
pub fn matches(selector: &Node, labels: &Map) -> bool {
    let value = |key: &str| labels.get(key).and_then(Node::as_str);
    let pairs = selector.get("matchLabels").and_then(Node::as_map);
    let all = pairs
        .into_iter()
        .flatten()
        .all(|(k, v)| v.as_str().is_some() && value(k) == v.as_str());
    let expressions = selector
        .get("matchExpressions")
        .and_then(Node::as_seq)
        .unwrap_or_default();
    all && expressions.iter().all(|expression| {
        let text = |field: &str| expression.get(field).and_then(Node::as_str).unwrap_or_default();
        let own = value(text("key"));
        let values = expression
            .get("values")
            .and_then(Node::as_seq)
            .unwrap_or_default();
        let listed = own.is_some_and(|own| values.iter().any(|v| v.as_str() == Some(own)));
        match text("operator") {
            "In" => listed,
            "NotIn" => !listed,
            "Exists" => own.is_some(),
            "DoesNotExist" => own.is_none(),
            _ => false,
        }
    })
}

/// Why no pod at all comes of a RoleSet.
pub fn no_pods(roles: &[Role]) -> Option<Problem> {
    let role = roles.iter().find(|r| r.replicas.is_none())?;
    let ids = if role.name.ids.is_empty() {
        &role.ids
    } else {
        &role.name.ids
    };
    let reason = format!("`replicas` of role `{}` is missing", role.name.value);
    Some(Problem::new(&NO_REPLICAS, reason, ids))
}

/// Why pods of a role are missing, though it is stored.
pub fn missing_pods(role: &Role, earlier: &[Role]) -> Option<Problem> {
    if earlier.iter().any(|r| r.name.value == role.name.value) {
        let reason = format!("there are two roles `{}`", role.name.value);
        return Some(Problem::new(&DOUBLED_ROLE, reason, &role.name.ids));
    }
    let replicas = role.replicas.as_ref().filter(|r| r.value < 0)?;
    let reason = format!("role `{}` has {} replicas", role.name.value, replicas.value);
    Some(Problem::new(&NEGATIVE, reason, &replicas.ids))
}

/// Why the API server refuses the pods of a role, the first of whose names is given.
pub fn refused(role: &Role, template: &Template, set: &str, pod: &str) -> Option<Problem> {
    if let Some(problem) = &template.refused {
        return Some(problem.clone());
    }
    let name = pattern::sample(pod);
    let valid = if role.indexed() {
        names::dns_label(&name)
    } else {
        names::dns_subdomain(&name)
    };
    let labels = || {
        names::label_value(&pattern::sample(set))?;
        names::label_value(&role.name.value)
    };
    let reason = valid.and_then(|()| labels()).err()?;
    let shown = pattern::pattern(pod);
    let reason = format!(
        "the pods of role `{}` ({shown}) are refused: {reason}",
        role.name.value
    );
    let ids = if role.name.ids.is_empty() {
        &role.ids
    } else {
        &role.name.ids
    };
    Some(Problem::new(&POD_NAME, reason, ids))
}

/// A template without containers, which only becomes known when a pod is made.
pub fn no_template(place: &Ids) -> Problem {
    Problem::new(
        &REFUSED,
        "Kubernetes refuses the pods: there are no containers",
        place,
    )
}
