//! The JSON Schema of the language, from the same declarations that decode it.

use super::shape::{ObjectShape, Shape};
use super::{Serving, decode::Decode};
use serde_json::{Map, Value, json};

/// The identity of the schema.
pub const ID: &str = "urn:infer.dev:v1alpha1:Serving";

/// The options of one target: its name, those of the serving and those of a role.
pub type TargetShapes = (&'static str, &'static ObjectShape, &'static ObjectShape);

/// The schema of `Serving`, draft 2020-12, with the options of the given targets.
pub fn serving(targets: &[TargetShapes]) -> Value {
    let mut definitions = Map::new();
    define(&Serving::SHAPE, &mut definitions);
    let options = |pick: fn(&TargetShapes) -> &'static ObjectShape, definitions: &mut Map<String, Value>| {
        let mut properties = Map::new();
        for target in targets {
            let shape = pick(target);
            let name = define_as(
                &format!("{}{}", capital(target.0), shape.name),
                shape,
                definitions,
            );
            properties.insert(target.0.into(), reference(&name));
        }
        json!({"type": "object", "properties": properties, "additionalProperties": false})
    };
    let serving = options(|t| t.1, &mut definitions);
    let role = options(|t| t.2, &mut definitions);
    for (owner, schema) in [("ServingSpec", serving), ("Role", role)] {
        if let Some(targets) = definitions
            .get_mut(owner)
            .and_then(|d| d["properties"].get_mut("targets"))
        {
            let doc = targets["description"].take();
            *targets = schema;
            targets["description"] = doc;
        }
    }
    constant(&mut definitions, "apiVersion", super::API_VERSION);
    constant(&mut definitions, "kind", super::KIND);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": "infer.dev/v1alpha1 Serving",
        "$ref": "#/$defs/Serving",
        "$defs": definitions,
    })
}

fn constant(definitions: &mut Map<String, Value>, field: &str, value: &str) {
    if let Some(schema) = definitions
        .get_mut("Serving")
        .and_then(|d| d["properties"].get_mut(field))
    {
        schema["const"] = value.into();
    }
}

fn capital(name: &str) -> String {
    name.split('-')
        .map(|word| word[..1].to_uppercase() + &word[1..])
        .collect()
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}

fn define(shape: &'static ObjectShape, definitions: &mut Map<String, Value>) -> String {
    define_as(shape.name, shape, definitions)
}

fn define_as(name: &str, shape: &'static ObjectShape, definitions: &mut Map<String, Value>) -> String {
    if definitions.contains_key(name) {
        return name.into();
    }
    // Taken before its fields are described, so that a type may contain itself.
    definitions.insert(name.into(), Value::Null);
    let mut properties = Map::new();
    for field in shape.fields {
        let mut schema = value(&(field.shape)(), definitions);
        schema["description"] = paragraph(field.doc).into();
        properties.insert(field.name.into(), schema);
    }
    let required: Vec<&str> = shape
        .fields
        .iter()
        .filter(|f| f.required)
        .map(|f| f.name)
        .collect();
    let mut schema = json!({
        "type": "object",
        "description": paragraph(shape.doc),
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    definitions.insert(name.into(), schema);
    name.into()
}

fn value(shape: &Shape, definitions: &mut Map<String, Value>) -> Value {
    match shape {
        Shape::String(None) => json!({"type": "string"}),
        Shape::String(Some("quantity")) => json!({"type": ["string", "number"], "format": "quantity"}),
        Shape::String(Some("duration")) => json!({"type": ["string", "integer"], "format": "duration"}),
        Shape::String(Some(format)) => json!({"type": "string", "format": format}),
        Shape::Integer {
            minimum,
            maximum: i64::MAX,
        } => json!({"type": "integer", "minimum": minimum}),
        Shape::Integer { minimum, maximum } => {
            json!({"type": "integer", "minimum": minimum, "maximum": maximum})
        }
        Shape::Number => json!({"type": "number"}),
        Shape::Boolean => json!({"type": "boolean"}),
        Shape::IntOrString => {
            json!({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^[0-9]+%$"}]})
        }
        Shape::Choice { words, .. } => {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            json!({"type": "string", "enum": words})
        }
        Shape::List(item) => json!({"type": "array", "items": value(item, definitions)}),
        Shape::Map(item) => json!({"type": "object", "additionalProperties": value(item, definitions)}),
        Shape::Object(shape) => reference(&define(shape, definitions)),
        Shape::Kubernetes(kind) => json!({"type": "object", "title": kind}),
        Shape::Any => json!({}),
    }
}

/// Doc lines as a paragraph.
pub fn paragraph(doc: &[&str]) -> String {
    doc.iter()
        .map(|line| line.trim())
        .collect::<Vec<_>>()
        .join(" ")
        .trim()
        .to_owned()
}

/// The shape of a whole document, for `explain`.
pub fn root() -> Shape {
    Serving::shape()
}
