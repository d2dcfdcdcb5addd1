//! Objects of one input that would be one object in the cluster.

use super::batch::Outcome;
use super::common::Loaded;
use crate::compile::DocumentKind;
use crate::diagnostic::{Code, Context, Diagnostic, Finding, Severity, Target};
use crate::dialect::Dialect;
use crate::source::Document;
use crate::value::{Ids, Node};
use std::collections::HashMap;
use std::hash::{Hash, Hasher};

/// Two specs that make the same object.
pub const SAME_OBJECT: Code = Code {
    id: "INF0112",
    title: "two specs make one object",
    severity: Severity::Error,
    explanation: "Objects of the same kind, namespace and name are one object in the cluster: whichever is applied last wins, and the \
                  other spec loses its workload or its Service. The names of objects are made of the names of specs and roles \
                  (`a` with a role `b-c` and `a-b` with a role `c` may both make `a-b-c`), of `routing.service.name`, and of \
                  objects that are among the input and passed through.\n\nRename a spec or a role, or give the specs namespaces \
                  of their own.",
};

/// What the cluster takes for the same object.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Identity<'a> {
    /// The API group, in any version.
    group: &'a str,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
}

impl Hash for Identity<'_> {
    /// By what differs between most objects.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.kind.hash(state);
        self.name.hash(state);
    }
}

/// What makes an object: a place in the input, and whether it is a spec.
struct Maker<'a> {
    document: &'a Document,
    spec: bool,
}

/// Reports objects that two documents make for the same target. Documents that are no specs may repeat each other: they pass
/// through as they are.
pub fn check(loaded: &Loaded, outcomes: &[Outcome], targets: &[&'static dyn Dialect]) -> Vec<Finding> {
    if loaded.documents.len() < 2 {
        return Vec::new();
    }
    let mut said = Vec::new();
    for (at, target) in targets.iter().enumerate() {
        let mut seen: HashMap<Identity<'_>, Maker<'_>> = HashMap::with_capacity(8 * outcomes.len());
        for ((document, kind), outcome) in loaded.documents.iter().zip(outcomes) {
            let spec = *kind == DocumentKind::Serving;
            // A document that passes through is there once, for all targets.
            let objects = outcome.objects.get(if spec { at } else { 0 });
            for object in objects.into_iter().flatten() {
                let identity = identity(object);
                let Some(first) = seen.insert(identity, Maker { document, spec }) else {
                    continue;
                };
                if (spec || first.spec) && !one_name(&first, document, spec) {
                    said.push(report(identity, &first, document, target.info().name));
                }
            }
        }
    }
    if said.is_empty() {
        return Vec::new();
    }
    let documents: Vec<Document> = loaded.documents.iter().map(|(d, _)| d.clone()).collect();
    Finding::all(&said, &Context::new(&loaded.sources, &documents))
}

/// Whether two specs have the same name in the same namespace, which is said already.
fn one_name(first: &Maker<'_>, second: &Document, spec: bool) -> bool {
    let same = || identity(&first.document.root) == identity(&second.root);
    first.spec && spec && first.document.id != second.id && same()
}

fn identity(object: &Node) -> Identity<'_> {
    fn text(node: Option<&Node>) -> &str {
        node.and_then(Node::as_str).unwrap_or_default()
    }
    let metadata = object.get("metadata");
    let of = |key| text(metadata.and_then(|m| m.get(key)));
    let version = text(object.get("apiVersion"));
    Identity {
        group: version.split_once('/').map_or("", |(group, _)| group),
        kind: text(object.get("kind")),
        namespace: of("namespace"),
        name: of("name"),
    }
}

fn report(identity: Identity<'_>, first: &Maker<'_>, second: &Document, target: &str) -> Diagnostic {
    let Identity {
        group: _,
        kind,
        namespace,
        name,
    } = identity;
    let called = |document: &Document| {
        let name = document.root.at(&["metadata", "name"]);
        (
            name.and_then(Node::as_str).unwrap_or_default().to_owned(),
            name.map_or(Ids::none(), |n| n.ids.clone()),
        )
    };
    let ((one, one_at), (other, other_at)) = (called(first.document), called(second));
    let place = match namespace {
        "" => String::new(),
        namespace => format!(" in namespace `{namespace}`"),
    };
    let message = if first.document.id == second.id {
        format!("`{one}` makes two objects {kind} `{name}`{place} on {target}")
    } else {
        format!("`{one}` and `{other}` both make {kind} `{name}`{place} on {target}")
    };
    Diagnostic::new(&SAME_OBJECT, message)
        .at_ids(&other_at)
        .label(
            one_at.first().filter(|id| Some(*id) != other_at.first()),
            "and this one",
        )
        .reason("the object that is applied last replaces the other")
        .remedy("rename a spec or a role, or give the specs namespaces of their own")
        .target(Target {
            dialect: target.into(),
            kind: Some(kind.into()),
            name: Some(name.into()),
            pointer: None,
        })
}
