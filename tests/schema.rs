//! `schemas/` is what the types say. `UPDATE=1 cargo test --test schema` rewrites it.

mod common;

/// The checked-in schema is the generated one, and a valid JSON Schema.
#[test]
fn the_schema_is_generated_from_the_types() {
    let path = common::root().join("schemas/serving.schema.json");
    let generated = common::run(&["schema"]).out;
    if std::env::var_os("UPDATE").is_some_and(|v| v == "1") {
        std::fs::write(&path, &generated).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stored == generated,
        "schemas/serving.schema.json is stale: UPDATE=1 cargo test --test schema"
    );
    let schema: serde_json::Value = serde_json::from_str(&generated).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
}

/// The schema accepts what the compiler accepts, and refuses a misspelt field as the compiler does.
#[test]
fn the_schema_agrees_with_the_decoder() {
    let schema: serde_json::Value = serde_json::from_str(&common::run(&["schema"]).out).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (name, text) in kubectl_infer::cli::init::STARTERS {
        let document: serde_json::Value = serde_yaml::from_str(text).unwrap();
        let errors: Vec<String> = validator.iter_errors(&document).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
        let misspelt: serde_json::Value = serde_yaml::from_str(&text.replace("engine:", "engin:")).unwrap();
        assert!(!validator.is_valid(&misspelt), "{name} with `engin` passes");
    }
}
