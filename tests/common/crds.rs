//! Objects judged by the upstream CRDs, as an API server would: types, patterns, required fields, unknown fields, duplicate keys
//! of list maps; by a JSON Schema validator, and by the compiler's own reading, which also asks the rules in CEL.

use kubectl_infer::diagnostic::Ledger;
use kubectl_infer::source::{Input, Limits, Sources, load_inputs};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// The schema of one kind, compiled.
pub struct Schema {
    validator: jsonschema::Validator,
    raw: Value,
}

/// Schemas by API version and kind; none for a kind that no CRD defines.
type Known = BTreeMap<(String, String), Option<Arc<Schema>>>;

/// The CRDs of a directory, read when they are first asked for.
pub struct Crds {
    files: Vec<PathBuf>,
    known: Mutex<Known>,
    own: kubectl_infer::crd::Crds,
}

impl Crds {
    /// The CRDs below a directory.
    pub fn new(root: &Path) -> Self {
        let mut files = Vec::new();
        let mut stack = vec![root.to_owned()];
        while let Some(dir) = stack.pop() {
            for entry in std::fs::read_dir(dir).unwrap().flatten() {
                match entry.path() {
                    path if path.is_dir() => stack.push(path),
                    path if path.extension().is_some_and(|e| e == "yaml") => files.push(path),
                    _ => {}
                }
            }
        }
        files.sort();
        Self {
            files,
            known: Mutex::default(),
            own: kubectl_infer::crd::Crds::open(root).unwrap(),
        }
    }

    /// The schema of a kind, if one of the CRDs defines it.
    pub fn schema(&self, api_version: &str, kind: &str) -> Option<Arc<Schema>> {
        let key = (api_version.to_owned(), kind.to_owned());
        let mut known = self.known.lock().unwrap();
        known
            .entry(key)
            .or_insert_with(|| self.load(api_version, kind).map(Arc::new))
            .clone()
    }

    fn load(&self, api_version: &str, kind: &str) -> Option<Schema> {
        let group = api_version.rsplit_once('/')?.0;
        // Names of files hold the plural; the kind in them decides.
        let stem = kind.to_lowercase();
        let candidates = self.files.iter().filter(|f| {
            let name = f.file_name().unwrap().to_string_lossy();
            name.contains(&stem) || name.contains(group.split('.').next().unwrap())
        });
        candidates.filter_map(|f| read(f, api_version, kind)).next()
    }

    /// What is wrong with an object; `None` if no CRD defines its kind.
    pub fn check(&self, object: &Value) -> Option<Vec<String>> {
        let text = |key: &str| object[key].as_str().unwrap_or_default();
        let schema = self.schema(text("apiVersion"), text("kind"))?;
        let mut errors: Vec<String> = schema
            .validator
            .iter_errors(object)
            .map(|e| format!("{}: {}", e.instance_path().as_str(), shorten(&e.to_string())))
            .collect();
        list_maps(&schema.raw, object, "", &mut errors);
        errors.extend(self.own_errors(object));
        Some(errors)
    }

    /// What the compiler itself says, rules that it could not ask included.
    fn own_errors(&self, object: &Value) -> Vec<String> {
        let (mut sources, mut ledger) = (Sources::new(), Ledger::new());
        let input = Input::Text {
            name: "object".into(),
            text: object.to_string(),
        };
        for document in load_inputs(&[input], &mut sources, &Limits::default(), &mut ledger) {
            self.own.check(&document.root, &mut |_| {}, &mut ledger);
        }
        let said = ledger.diagnostics.iter();
        said.map(|d| format!("{}: {}", d.code.id, d.message)).collect()
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(300).collect()
}

fn read(file: &Path, api_version: &str, kind: &str) -> Option<Schema> {
    use serde::Deserialize;
    let text = std::fs::read_to_string(file).unwrap();
    for document in serde_yaml::Deserializer::from_str(&text) {
        let Ok(crd) = Value::deserialize(document) else {
            continue;
        };
        if crd["kind"] != "CustomResourceDefinition" || crd["spec"]["names"]["kind"] != kind {
            continue;
        }
        let group = crd["spec"]["group"].as_str().unwrap();
        for version in crd["spec"]["versions"].as_array().unwrap() {
            if format!("{group}/{}", version["name"].as_str().unwrap()) == api_version {
                let raw = version["schema"]["openAPIV3Schema"].clone();
                let mut schema = raw.clone();
                prepare(&mut schema, true);
                let validator = jsonschema::validator_for(&schema).unwrap();
                return Some(Schema { validator, raw });
            }
        }
    }
    None
}

/// A structural schema of Kubernetes as a JSON Schema that says the same, fields that would be pruned being errors.
fn prepare(schema: &mut Value, root: bool) {
    let Some(map) = schema.as_object_mut() else { return };
    map.remove("format");
    let open = map.get("x-kubernetes-preserve-unknown-fields") == Some(&json!(true));
    let embedded = map.get("x-kubernetes-embedded-resource") == Some(&json!(true));
    if root || embedded {
        let properties = map.entry("properties").or_insert_with(|| json!({}));
        properties["metadata"] = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
        properties["apiVersion"] = json!({"type": "string"});
        properties["kind"] = json!({"type": "string"});
    }
    defaults_are_there(map);
    if map.get("type") == Some(&json!("object")) && !map.contains_key("additionalProperties") && !open {
        map.insert("additionalProperties".into(), json!(false));
    }
    if map.get("x-kubernetes-int-or-string") == Some(&json!(true)) {
        map.insert("type".into(), json!(["integer", "string"]));
        map.remove("anyOf");
    }
    if map.get("nullable") == Some(&json!(true))
        && let Some(Value::String(of)) = map.get("type").cloned()
    {
        map.insert("type".into(), json!([of, "null"]));
    }
    if let Some(Value::Object(properties)) = map.get_mut("properties") {
        properties.values_mut().for_each(|p| prepare(p, false));
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = map.get_mut(key) {
            prepare(inner, false);
        }
    }
}

/// The server fills in defaults before it looks at what is required.
fn defaults_are_there(map: &mut Map<String, Value>) {
    let defaulted: Vec<String> = map
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter(|(_, p)| p.get("default").is_some())
        .map(|(k, _)| k.clone())
        .collect();
    if let Some(Value::Array(required)) = map.get_mut("required") {
        required.retain(|r| !defaulted.iter().any(|d| r == d.as_str()));
    }
}

/// Lists of type `map` have no two elements of the same key.
fn list_maps(schema: &Value, value: &Value, path: &str, errors: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            if schema["x-kubernetes-list-type"] == "map" {
                let keys = schema["x-kubernetes-list-map-keys"].as_array().unwrap();
                let mut seen = Vec::new();
                for (i, item) in items.iter().enumerate() {
                    let of = |k: &Value| {
                        let name = k.as_str().unwrap();
                        item.get(name)
                            .unwrap_or(&schema["items"]["properties"][name]["default"])
                            .clone()
                    };
                    let key: Vec<Value> = keys.iter().map(of).collect();
                    if seen.contains(&key) {
                        errors.push(format!("{path}/{i}: duplicate key {key:?}"));
                    }
                    seen.push(key);
                }
            }
            for (i, item) in items.iter().enumerate() {
                list_maps(&schema["items"], item, &format!("{path}/{i}"), errors);
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                let inner = schema["properties"]
                    .get(key)
                    .unwrap_or(&schema["additionalProperties"]);
                if !inner.is_null() {
                    list_maps(inner, item, &format!("{path}/{key}"), errors);
                }
            }
        }
        _ => {}
    }
}

/// All definitions below a directory, as an API server takes them where no operator runs: what would ask a webhook for
/// conversions does not.
pub fn definitions(dir: &Path) -> Vec<Value> {
    use serde::Deserialize;
    let mut definitions = Vec::new();
    for file in &Crds::new(dir).files {
        let text = std::fs::read_to_string(file).unwrap();
        for document in serde_yaml::Deserializer::from_str(&text) {
            let Ok(mut crd) = Value::deserialize(document) else {
                continue;
            };
            if crd["kind"] == "CustomResourceDefinition" {
                crd["spec"]["conversion"] = json!({"strategy": "None"});
                definitions.push(crd);
            }
        }
    }
    definitions
}
