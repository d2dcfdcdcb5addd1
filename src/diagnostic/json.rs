//! The report that other programs read. Its shape is a contract: `kind: Report` of `infer.dev/v1alpha1`.

use super::{Finding, Target};
use crate::value::{Node, Piece, Str, Value};
use serde_json::{Map, Number, Value as Json, json};

/// The report as a document: `{apiVersion, kind, entries: [{code, severity, outcome, source, value, target, message,
/// reason, remedy}]}`. Keys are always in that order. `source` and `value` are left out for findings without a place,
/// `target` for those about the input alone; `message`, `reason` and `remedy` are always there.
pub fn report<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Json {
    let entries: Vec<Json> = findings.into_iter().map(entry).collect();
    json!({"apiVersion": "infer.dev/v1alpha1", "kind": "Report", "entries": entries})
}

/// The report as text: indented JSON with a newline at the end.
pub fn render<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> String {
    format!("{:#}\n", report(findings))
}

fn entry(finding: &Finding) -> Json {
    let mut entry = Map::new();
    put(&mut entry, "code", finding.code.id);
    put(&mut entry, "severity", finding.severity.as_str());
    put(&mut entry, "outcome", finding.outcome.as_str());
    if let Some(source) = source(finding) {
        entry.insert("source".into(), source);
    }
    if let Some(value) = &finding.value {
        entry.insert("value".into(), value.clone());
    }
    if let Some(target) = &finding.target {
        entry.insert("target".into(), target_of(target));
    }
    put(&mut entry, "message", &finding.message);
    put(
        &mut entry,
        "reason",
        finding.reason.as_deref().unwrap_or(finding.code.title),
    );
    match (&finding.remedy, &finding.replacement) {
        (Some(remedy), _) => put(&mut entry, "remedy", remedy),
        (None, Some(text)) => put(&mut entry, "remedy", &format!("did you mean `{text}`?")),
        (None, None) => put(
            &mut entry,
            "remedy",
            &format!("see `kubectl infer explain {}`", finding.code.id),
        ),
    }
    Json::Object(entry)
}

fn source(finding: &Finding) -> Option<Json> {
    let place = finding.source.as_ref()?;
    let mut source = Map::new();
    put(&mut source, "file", &place.file);
    source.insert("line".into(), place.line.into());
    source.insert("column".into(), place.column.into());
    if let Some(object) = &place.object {
        put_some(&mut source, "apiVersion", &object.api_version);
        put_some(&mut source, "kind", &object.kind);
        put_some(&mut source, "namespace", &object.namespace);
        put_some(&mut source, "name", &object.name);
    }
    put(&mut source, "pointer", &place.pointer);
    Some(Json::Object(source))
}

fn target_of(target: &Target) -> Json {
    let Target {
        dialect,
        kind,
        name,
        pointer,
    } = target;
    let mut out = Map::new();
    put(&mut out, "dialect", dialect);
    for (key, value) in [("kind", kind), ("name", name), ("pointer", pointer)] {
        put_some(&mut out, key, value.as_ref().map_or("", Str::as_str));
    }
    Json::Object(out)
}

fn put(map: &mut Map<String, Json>, key: &str, value: &str) {
    map.insert(key.to_owned(), value.into());
}

fn put_some(map: &mut Map<String, Json>, key: &str, value: &str) {
    if !value.is_empty() {
        put(map, key, value);
    }
}

/// A node as JSON. Numbers that JSON cannot hold become strings.
pub fn value(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(b) => (*b).into(),
        Value::Int(i) => (*i).into(),
        Value::UInt(u) => (*u).into(),
        Value::Float(f) => Number::from_f64(*f).map_or_else(|| f.to_string().into(), Json::Number),
        Value::Str(s) => s.as_str().into(),
        Value::Text(text) => text.iter().map(piece).collect::<String>().into(),
        Value::Seq(seq) => seq.iter().map(value).collect(),
        Value::Map(map) => map
            .iter()
            .map(|(k, v)| (k.to_string(), value(v)))
            .collect::<Map<_, _>>()
            .into(),
    }
}

fn piece(piece: &Piece) -> String {
    match piece {
        Piece::Literal(text) => text.to_string(),
        Piece::Reference(reference) => format!("<{reference:?}>"),
    }
}
