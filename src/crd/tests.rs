use super::{Crds, load};
use crate::diagnostic::{Ledger, Severity};
use crate::source::{Input, Limits, Sources, load_inputs};
use crate::value::Node;
use std::path::PathBuf;

fn node(text: &str) -> Node {
    let (mut sources, mut ledger) = (Sources::new(), Ledger::new());
    let input = Input::Text {
        name: "t".into(),
        text: text.into(),
    };
    let mut documents = load_inputs(&[input], &mut sources, &Limits::default(), &mut ledger);
    assert!(ledger.diagnostics.is_empty(), "{:?}", ledger.diagnostics);
    documents.remove(0).root
}

/// What is said about an object with this `spec` by a schema for it, as `severity: message`.
pub(super) fn said(schema: &str, spec: &str) -> Vec<String> {
    let crd = format!(
        "{{kind: CustomResourceDefinition, spec: {{group: example.test, names: {{kind: Thing}}, versions: [{{name: v1, schema: \
         {{openAPIV3Schema: {{type: object, properties: {{spec: {schema}}}}}}}}}]}}}}"
    );
    let crds = Crds {
        files: vec![load::File::of("things.yaml", &crd)],
        ..Crds::default()
    };
    let object = node(&format!(
        "{{apiVersion: example.test/v1, kind: Thing, metadata: {{name: a}}, spec: {spec}}}"
    ));
    let mut ledger = Ledger::new();
    assert!(crds.check(&object, &mut |_| {}, &mut ledger));
    let line = |severity: Severity, message: &str| format!("{}: {message}", severity.as_str());
    let all = ledger.diagnostics.iter().map(|d| line(d.severity, &d.message));
    all.collect()
}

#[track_caller]
fn says(schema: &str, spec: &str, expected: &[&str]) {
    assert_eq!(said(schema, spec), expected, "{schema} of {spec}");
}

#[test]
fn types() {
    says("{type: integer}", "1.0", &[]);
    says(
        "{type: integer}",
        "1.5",
        &["error: `spec` is a number, must be an integer"],
    );
    says("{type: number}", "1", &[]);
    says(
        "{type: string}",
        "1",
        &["error: `spec` is an integer, must be a string"],
    );
    says("{x-kubernetes-int-or-string: true}", "a", &[]);
    says(
        "{x-kubernetes-int-or-string: true}",
        "true",
        &["error: `spec` is a truth value, must be an integer or a string"],
    );
    says(
        "{type: array, items: {type: string}}",
        "[a, null]",
        &["error: `spec[1]` is null, must be a string"],
    );
    says(
        "{type: integer, format: int32}",
        "2147483648",
        &["error: `spec` is 2147483648, which no int32 holds"],
    );
}

#[test]
fn nulls_of_fields_are_gone_before_anything_is_asked() {
    says(
        "{type: object, properties: {a: {type: string}}}",
        "{a: null}",
        &[],
    );
    says(
        "{type: object, required: [a], properties: {a: {type: string}}}",
        "{a: null}",
        &["error: `spec` lacks the required field `a`"],
    );
    says(
        "{type: object, required: [a], properties: {a: {type: string, default: x}}}",
        "{a: null}",
        &[],
    );
    says(
        "{type: object, required: [a], properties: {a: {type: string, nullable: true}}}",
        "{a: null}",
        &[],
    );
}

#[test]
fn unknown_fields() {
    let unknown = |field: &str| {
        vec![format!(
            "error: `{field}` is a field that the schema does not have"
        )]
    };
    let schema = "{type: object, properties: {a: {type: object, properties: {b: {type: string}}}, m: {type: object, additionalProperties: {type: object, properties: {b: {type: string}}}}}}";
    assert_eq!(said(schema, "{a: {c: 1}}"), unknown("spec.a.c"));
    assert_eq!(said(schema, "{m: {any: {c: 1}}}"), unknown("spec.m.any.c"));
    assert_eq!(said(schema, "{m: {any: {b: x}}}"), Vec::<String>::new());
    let kept = "{type: object, x-kubernetes-preserve-unknown-fields: true, properties: {a: {type: object, properties: {b: {type: string}}}}}";
    assert_eq!(said(kept, "{z: {y: 1}}"), Vec::<String>::new());
    assert_eq!(said(kept, "{a: {c: 1}}"), unknown("spec.a.c"));
    let list = "{type: array, x-kubernetes-preserve-unknown-fields: true, items: {type: object, properties: {a: {type: object, properties: {}}}}}";
    assert_eq!(said(list, "[{z: 1, a: {c: 1}}]"), unknown("spec[0].a.c"));
    let embedded = "{type: object, x-kubernetes-embedded-resource: true, properties: {spec: {type: string}}}";
    assert_eq!(
        said(
            embedded,
            "{apiVersion: v1, kind: X, metadata: {name: a}, spec: a}"
        ),
        Vec::<String>::new()
    );
}

#[test]
fn repeated_elements() {
    let map = "{type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [port, protocol], items: {type: object, properties: \
               {port: {type: integer}, protocol: {type: string, default: TCP}}}}";
    says(map, "[{port: 1}, {port: 1, protocol: UDP}]", &[]);
    says(
        map,
        "[{port: 1}, {port: 1, protocol: TCP}]",
        &["error: `spec[1]` is there twice (port: 1, protocol: \"TCP\")"],
    );
}

#[test]
fn files_without_definitions() {
    let nothing = Crds::open(&PathBuf::from("Cargo.toml"));
    assert!(nothing.is_err_and(|d| d.message.contains("holds no CustomResourceDefinition")));
    assert!(Crds::open(&PathBuf::from("no-such-place")).is_err());
}

#[test]
fn absurd_definitions_are_read() {
    for schema in [
        "null",
        "[]",
        "{type: 7, properties: [], items: [a], enum: x, pattern: '('}",
        "{pattern: '(', type: string}",
    ] {
        let _ = said(schema, "{a: [b]}");
        let _ = said(schema, "text");
    }
}
