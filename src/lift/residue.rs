//! The residue: what a draft does not say of its objects, as patches of the draft's own dialect.
//!
//! The draft is rendered back and compared with the objects that it came from. Values that are equal without being derived
//! from the object are *implied*: the draft says them by saying nothing. The rest are RFC 6902 operations whose values are
//! the object's own nodes, so that their ids travel with them.

use super::codes::{NOT_CARRIED, NOT_RENDERED};
use super::scaling::ScaleTarget;
use super::{NOT_SPECIFIED, SERVER_OWNED};
use crate::compile::{self, Settings};
use crate::diagnostic::{Diagnostic, IdSet, Ledger, Outcome};
use crate::dialect::Dialect;
use crate::dialect::lifting::{self, ApiDefault, Draft};
use crate::source::{Document, escape, unescape};
use crate::value::{Ids, Map, Node, Value};

/// Adds the residue to a draft, and says of what it will be lost elsewhere.
pub fn add(
    draft: &mut Draft,
    dialect: &dyn Dialect,
    documents: &[Document],
    settings: &Settings<'_>,
    ledger: &mut Ledger,
) {
    options_elsewhere(draft, dialect);
    let rendered = rendered(draft, dialect, settings);
    let mut patches = Vec::new();
    for document in documents.iter().filter(|d| draft.replaces.contains(&d.id)) {
        let normal = draft.normal.iter().find(|(id, _)| *id == document.id);
        let object = &normal.map_or_else(|| document.root.clone(), |(_, object)| object.clone());
        let same = rendered.iter().find(|r| same_object(r, object));
        let Some(made) = same.or_else(|| rendered.iter().find(|r| same_scaler(r, object))) else {
            not_rendered(object, ledger);
            continue;
        };
        let mut difference = Difference {
            kind: text(object, "kind"),
            defaults: dialect.defaults(),
            both: [object, made],
            carried: IdSet::of_nodes([&draft.serving]),
            operations: Vec::new(),
            implied: Ids::none(),
        };
        difference.object(object, made);
        draft.implied.merge(&difference.implied);
        // In an order that does not depend on that of the page. The paths are apart from each other.
        let path = |o: &Node| text(o, "path").to_owned();
        difference.operations.sort_by_key(path);
        if !difference.operations.is_empty() {
            patches.push(Node::from(Map::from_iter([
                ("kind", Node::from(text(object, "kind"))),
                ("name", text(made_name(made), "name").into()),
                ("patch", difference.operations.into()),
            ])));
        }
    }
    if !patches.is_empty() {
        patches.iter().for_each(|p| elsewhere(draft, p));
        draft.option("patches", Some(patches));
    }
}

fn made_name(object: &Node) -> &Node {
    object.get("metadata").unwrap_or(object)
}

fn rendered(draft: &Draft, dialect: &dyn Dialect, settings: &Settings<'_>) -> Vec<Node> {
    let decoded = compile::decode(&draft.serving, settings.sources);
    let serving = decoded.serving.as_ref();
    serving.map_or_else(Vec::new, |s| compile::objects(s, dialect, settings))
}

fn text<'a>(node: &'a Node, key: &str) -> &'a str {
    node.get(key).and_then(Node::as_str).unwrap_or_default()
}

fn same_object(a: &Node, b: &Node) -> bool {
    text(a, "kind") == text(b, "kind") && text(made_name(a), "name") == text(made_name(b), "name")
}

/// Autoscalers are the same if they scale the same; what they are called follows.
fn same_scaler(a: &Node, b: &Node) -> bool {
    let target = ScaleTarget::of(a);
    text(a, "kind") == text(b, "kind")
        && target.is_some_and(|t| ScaleTarget::of(b).is_some_and(|o| o.kind == t.kind && o.name == t.name))
}

fn not_rendered(object: &Node, ledger: &mut Ledger) {
    let name = text(made_name(object), "name");
    let message = format!(
        "the lifted spec does not give back {} `{name}`",
        text(object, "kind")
    );
    let said = Diagnostic::new(&NOT_RENDERED, message).outcome(Outcome::Dropped);
    ledger.waive(&object.all_ids(), said);
}

/// Options travel to no other dialect: the words of their documentation say what is lost.
fn options_elsewhere(draft: &mut Draft, dialect: &dyn Dialect) {
    let name = draft.dialect;
    let info = dialect.info();
    let mut lost: Vec<(Ids, String)> = Vec::new();
    let mut collect = |options: Option<&Node>, shape: &crate::spec::shape::ObjectShape| {
        for (key, value) in options.and_then(Node::as_map).into_iter().flatten() {
            let field = shape.fields.iter().find(|f| f.name == key.as_str());
            let doc = field.map(|f| f.doc.join(" ")).unwrap_or_default();
            let doc = doc
                .split(". ")
                .next()
                .unwrap_or_default()
                .trim()
                .trim_end_matches('.')
                .to_owned();
            lost.push((
                value.all_ids(),
                format!("`{key}` is only {}'s: {doc}", info.title),
            ));
        }
    };
    let spec = draft.serving.get("spec");
    collect(spec.and_then(|s| s.at(&["targets", name])), info.options);
    let roles = spec.and_then(|s| s.get("roles")).and_then(Node::as_seq);
    for role in roles.unwrap_or_default() {
        collect(role.at(&["targets", name]), info.role_options);
    }
    for (ids, message) in lost {
        not_carried(draft, &ids, message);
    }
}

/// Says of values that no other dialect has them, but for those that the dialect has judged itself.
fn not_carried(draft: &mut Draft, ids: &Ids, message: String) {
    let mut judged = IdSet::new();
    draft.elsewhere.iter().for_each(|w| judged.extend(&w.ids));
    let rest: Ids = ids.iter().filter(|id| !judged.contains(*id)).collect();
    let said = Diagnostic::new(&NOT_CARRIED, message).outcome(Outcome::Dropped);
    draft.lost_elsewhere(&rest, said);
}

fn elsewhere(draft: &mut Draft, patch: &Node) {
    let operations = patch.get("patch").and_then(Node::as_seq).unwrap_or_default();
    for operation in operations {
        let (path, value) = (text(operation, "path"), operation.get("value"));
        let ids = value.map(Node::all_ids).unwrap_or_default().union(&operation.ids);
        let message = format!("the language has no word for `{path}` of {}", text(patch, "kind"));
        not_carried(draft, &ids, message);
    }
}

struct Difference<'a> {
    kind: &'a str,
    defaults: &'a [ApiDefault],
    /// The object and what was made for it.
    both: [&'a Node; 2],
    carried: IdSet,
    operations: Vec<Node>,
    implied: Ids,
}

impl Difference<'_> {
    fn object(&mut self, object: &Node, made: &Node) {
        for (key, value) in object.as_map().into_iter().flatten() {
            if NOT_SPECIFIED.contains(&key.as_str()) {
                continue;
            }
            if key == "metadata" {
                for (key, value) in value.as_map().into_iter().flatten() {
                    if !SERVER_OWNED.contains(&key.as_str()) {
                        let path = format!("/metadata/{}", escape(key));
                        self.field(value, made.at(&["metadata", key]), &path);
                    }
                }
            } else {
                self.field(value, made.get(key), &format!("/{}", escape(key)));
            }
        }
        for (key, value) in made.as_map().into_iter().flatten() {
            if object.get(key).is_none() {
                self.extra(value, &format!("/{}", escape(key)));
            }
        }
        let metadata = |o| Node::get(o, "metadata").and_then(Node::as_map);
        for (key, value) in metadata(made).into_iter().flatten() {
            if metadata(object).is_none_or(|m| !m.contains_key(key)) {
                self.extra(value, &format!("/metadata/{}", escape(key)));
            }
        }
    }

    fn field(&mut self, value: &Node, made: Option<&Node>, path: &str) {
        match made {
            Some(made) => self.value(value, made, path),
            // An explicit null is absence, written out.
            None if value.is_null() || is_mark(path, value) || self.is_default(value, path) => {
                self.implied.merge(&value.all_ids());
            }
            None => self.operation("add", path, Some(value)),
        }
    }

    fn value(&mut self, value: &Node, made: &Node, path: &str) {
        match (&value.value, &made.value) {
            (Value::Map(own), Value::Map(other)) => {
                for (key, value) in own {
                    let path = format!("{path}/{}", escape(key));
                    self.field(value, other.get(key), &path);
                }
                for (key, made) in other {
                    if !own.contains_key(key) {
                        self.extra(made, &format!("{path}/{}", escape(key)));
                    }
                }
                if own.is_empty() {
                    self.implied.merge(&value.ids);
                }
            }
            (Value::Seq(own), Value::Seq(other)) if own.len() == other.len() => {
                for (n, (value, made)) in own.iter().zip(other).enumerate() {
                    self.value(value, made, &format!("{path}/{n}"));
                }
                if own.is_empty() {
                    self.implied.merge(&value.ids);
                }
            }
            (own, other) if own == other => {
                let derived = value.ids.iter().all(|id| self.carried.contains(id));
                if !derived {
                    self.implied.merge(&value.ids);
                }
            }
            _ => self.operation("replace", path, Some(value)),
        }
    }

    /// What rendering adds: a difference, unless it is a mark of ours or what the API says by default.
    fn extra(&mut self, made: &Node, path: &str) {
        if is_mark(path, made) || self.is_default(made, path) {
            return;
        }
        self.operation("remove", path, None);
    }

    fn is_default(&self, value: &Node, path: &str) -> bool {
        match &value.value {
            Value::Map(map) if !map.is_empty() => map
                .iter()
                .all(|(key, value)| self.is_default(value, &format!("{path}/{}", escape(key)))),
            _ => self
                .defaults
                .iter()
                .filter(|d| d.kind == self.kind && fits(d.path, path))
                .any(|d| match d.value.strip_prefix('=') {
                    Some(other) => self.field_beside(path, other) == Some(value),
                    None => json(d.value).as_ref() == Some(value),
                }),
        }
    }

    /// The field at `other`, from the mapping that holds the field at `path`.
    fn field_beside(&self, path: &str, other: &str) -> Option<&Node> {
        let mut steps: Vec<String> = path.split('/').skip(1).map(unescape).collect();
        steps.pop();
        for step in other.split('/') {
            match step {
                ".." => drop(steps.pop()),
                _ => steps.push(step.to_owned()),
            }
        }
        let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
        self.both.iter().find_map(|object| object.at(&steps))
    }

    fn operation(&mut self, op: &str, path: &str, value: Option<&Node>) {
        let mut operation = Map::from_iter([("op", Node::from(op)), ("path", path.into())]);
        operation.insert_some("value", value.cloned());
        self.operations.push(operation.into());
    }
}

/// Labels and annotations that say who made the object, which do not change what it is.
fn is_mark(path: &str, value: &Node) -> bool {
    let all = |node: &Node| {
        let map = node.as_map();
        map.is_some_and(|m| m.iter().all(|(k, v)| lifting::is_mark(k, v)))
    };
    match path {
        "/metadata/labels" | "/metadata/annotations" => all(value),
        _ => ["/metadata/labels/", "/metadata/annotations/"]
            .iter()
            .filter_map(|prefix| path.strip_prefix(prefix))
            .any(|key| lifting::is_mark(&unescape(key), value)),
    }
}

/// Whether a path is the one that a pattern describes.
fn fits(pattern: &str, path: &str) -> bool {
    let path = path.strip_prefix('/').unwrap_or(path);
    let (mut a, mut b) = (pattern.split('/'), path.split('/'));
    loop {
        match (a.next(), b.next()) {
            (None, None) => return true,
            (Some(p), Some(s)) if p == "*" || p == s => {}
            _ => return false,
        }
    }
}

fn json(text: &str) -> Option<Node> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    Some(match value {
        serde_json::Value::Bool(b) => b.into(),
        serde_json::Value::Number(n) => n.as_i64()?.into(),
        serde_json::Value::String(s) => s.into(),
        serde_json::Value::Object(_) => Node::map(),
        serde_json::Value::Array(_) => Node::seq(),
        serde_json::Value::Null => Node::default(),
    })
}
