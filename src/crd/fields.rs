//! Unknown fields, as strict field validation reports them.

use super::codes::{METADATA, UNKNOWN_FIELD};
use super::cursor::{Cursor, Step};
use super::schema::Schema;
use crate::diagnostic::closest;
use crate::kubernetes::names;
use crate::value::{Map, Node, Str, Value};

/// The fields of every object.
const ROOT: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// The fields of `metadata` (meta/v1 ObjectMeta).
const META: [&str; 15] = [
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
];

/// Reports fields that are not in the schema and takes them out, as pruning does (k8s.io/apiextensions-apiserver, `pruning`).
/// `root` says that the value is an object with metadata of its own.
pub fn prune(node: &mut Node, schema: Option<&Schema>, root: bool, cursor: &mut Cursor<'_>) {
    let keeps = schema.is_some_and(|s| s.preserve);
    prune_under(node, schema, root, keeps, cursor);
}

/// [`prune`], where `keeps` says that fields unknown at this level stay. A list hands that on to its elements.
fn prune_under(node: &mut Node, schema: Option<&Schema>, root: bool, keeps: bool, cursor: &mut Cursor<'_>) {
    match &mut node.value {
        Value::Map(map) => prune_map(map, schema, root, keeps, cursor),
        Value::Seq(seq) => {
            let items = schema.and_then(|s| s.items.as_deref());
            if keeps && items.is_none() {
                return;
            }
            let keeps = keeps || items.is_some_and(|s| s.preserve);
            let root = items.is_some_and(|s| s.embedded);
            for (n, item) in seq.iter_mut().enumerate() {
                cursor.below(Step::Index(n), item.ids.first(), |cursor| {
                    prune_under(item, items, root, keeps, cursor);
                });
            }
        }
        _ => {}
    }
}

fn prune_map(map: &mut Map, schema: Option<&Schema>, root: bool, keeps: bool, cursor: &mut Cursor<'_>) {
    let mut unknown = Vec::new();
    for (key, value) in map.iter_mut() {
        let here = value.ids.first();
        let known = schema.and_then(|s| s.field(key));
        match known {
            _ if root && ROOT.contains(&key.as_str()) => {}
            // Here the API server writes keys of maps like fields.
            Some(inner) => cursor.below(Step::Field(key), here, |cursor| {
                prune(value, Some(inner), inner.embedded, cursor);
            }),
            None if keeps => {}
            None => {
                cursor.below(Step::Field(key), here, |cursor| {
                    unknown_field(key, schema, root, cursor)
                });
                unknown.push(key.clone());
            }
        }
    }
    map.retain(|key, _| !unknown.iter().any(|k: &Str| k == key));
}

fn unknown_field(key: &str, schema: Option<&Schema>, root: bool, cursor: &mut Cursor<'_>) {
    let properties = schema
        .into_iter()
        .flat_map(|s| s.properties.keys())
        .map(|k| k.as_str());
    let meant = closest(key, properties.chain(ROOT.into_iter().filter(|_| root)));
    let said = cursor.diagnostic(&UNKNOWN_FIELD, "is a field that the schema does not have");
    // The key is what is wrong, not the value.
    let at = said.at;
    let mut said = said.at_key(at);
    if let Some(meant) = meant {
        said = said.remedy(format!("did you mean `{meant}`?")).replacement(meant);
    }
    cursor.say(said);
}

/// The way to a field: those of maps are keys, which may hold dots.
pub fn step<'s>(schema: Option<&Schema>, key: &'s str) -> Step<'s> {
    match schema {
        Some(schema) if !schema.properties.contains_key(key) => Step::Key(key),
        _ => Step::Field(key),
    }
}

/// Checks the metadata of an object by the rules of all objects.
pub fn metadata(object: &Node, cursor: &mut Cursor<'_>) {
    let Some(metadata) = object.get("metadata").filter(|m| !m.is_null()) else {
        return cursor.report(&METADATA, "has no `metadata`, so it has no name");
    };
    cursor.below(
        Step::Field("metadata"),
        metadata.ids.first(),
        |cursor| match metadata.as_map() {
            Some(map) => metadata_fields(map, cursor),
            None => cursor.report(&METADATA, "must be a mapping"),
        },
    );
}

fn metadata_fields(map: &Map, cursor: &mut Cursor<'_>) {
    for (key, value) in map {
        cursor.below(Step::Field(key), value.ids.first(), |cursor| match key.as_str() {
            "name" | "generateName" if !value.is_null() => name(key, value, cursor),
            "labels" | "annotations" => texts(key, value, cursor),
            key if META.contains(&key) => {}
            key => {
                let said = cursor.diagnostic(&UNKNOWN_FIELD, "is no field of metadata");
                let at = said.at;
                let meant = closest(key, META).map(|m| format!("did you mean `{m}`?"));
                let said = said.at_key(at);
                cursor.say(match meant {
                    Some(meant) => said.remedy(meant),
                    None => said,
                });
            }
        });
    }
    let named = |key| map.get(key).and_then(Node::as_str).is_some_and(|s| !s.is_empty());
    if !named("name") && !named("generateName") {
        cursor.report(&METADATA, "has neither `name` nor `generateName`");
    }
}

fn name(key: &str, value: &Node, cursor: &mut Cursor<'_>) {
    let Some(text) = value.as_str() else {
        return cursor.report(&METADATA, "must be a string");
    };
    // What is drawn at random follows a generateName.
    let whole = if key == "name" || text.is_empty() {
        text.to_owned()
    } else {
        format!("{text}x")
    };
    if let Some(why) = names::dns_subdomain(&whole).err().filter(|_| !text.is_empty()) {
        cursor.report(&METADATA, &format!("is not valid: {why}"));
    }
}

fn texts(of: &str, value: &Node, cursor: &mut Cursor<'_>) {
    let Some(map) = value.as_map() else {
        if !value.is_null() {
            cursor.report(&METADATA, "must be a mapping");
        }
        return;
    };
    for (key, value) in map {
        cursor.below(Step::Key(key), value.ids.first(), |cursor| {
            let text = match &value.value {
                Value::Str(text) => text.as_str(),
                Value::Null => "",
                _ => return cursor.report(&METADATA, "must be a string: quote it"),
            };
            let checked = match of {
                "labels" => names::qualified_key(key).and_then(|()| names::label_value(text)),
                _ => names::annotation_key(key),
            };
            if let Err(why) = checked {
                cursor.report(&METADATA, &format!("is not valid: {why}"));
            }
        });
    }
}
