//! Records and where their manifests are.

use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// What the real controllers made of a manifest.
pub struct Record {
    /// The manifest.
    pub manifest: PathBuf,
    /// The namespace that it was made in.
    pub namespace: String,
    /// Whether the API server took all of its objects.
    pub accepted: bool,
    /// What it said otherwise.
    pub errors: String,
    /// What it said beside.
    pub warnings: Vec<String>,
    /// The objects of the manifest as it stored them.
    pub stored: Vec<Value>,
    /// The pods.
    pub pods: Vec<Value>,
    /// What was changed in the manifest before.
    pub changed: Vec<String>,
}

/// What a record shows.
#[derive(Clone, Copy)]
pub enum Kind {
    /// Pods.
    Pods,
    /// Objects that were stored, and no pods.
    None,
    /// A refusal.
    Refused,
}

impl Record {
    /// Reads a record; nothing if the file is another kind of page (sequences of edits, tables), or its manifest is not here.
    pub fn read(path: &Path, records: &Path, corpus: &Path) -> Option<Self> {
        let text = plain(&std::fs::read_to_string(path).unwrap());
        let record: Value = serde_json::from_str(&text).unwrap();
        let manifest = record.get("manifest")?.as_str()?;
        let pods = record.get("pods")?.as_array()?;
        let beside = path.parent()?.join(manifest);
        let manifest = if beside.is_file() {
            beside
        } else {
            find(records, manifest).or_else(|| find(corpus, manifest))?
        };
        let namespace = record
            .get("namespace")
            .and_then(Value::as_str)
            .unwrap_or("NAMESPACE");
        let list = |key: &str| {
            record
                .get(key)
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default()
        };
        let texts = |key: &str| {
            list(key)
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()
        };
        Some(Self {
            manifest,
            warnings: texts("warnings"),
            stored: list("stored"),
            namespace: namespace.to_owned(),
            accepted: record.get("accepted")?.as_bool()?,
            errors: record.get("errors").map(Value::to_string).unwrap_or_default(),
            pods: whole(pods).into_iter().map(cut).collect(),
            changed: record
                .get("changed")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|c| Some(c.as_str()?.to_owned()))
                .collect(),
        })
    }

    /// What it shows.
    pub fn kind(&self) -> Kind {
        match (self.accepted, self.pods.is_empty()) {
            (false, _) => Kind::Refused,
            (true, true) => Kind::None,
            (true, false) => Kind::Pods,
        }
    }
}

/// All JSON files below a folder, in order.
pub fn files(root: &Path) -> Vec<PathBuf> {
    let (mut found, mut open) = (Vec::new(), vec![root.to_owned()]);
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "json") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn find(root: &Path, name: &str) -> Option<PathBuf> {
    let mut open = vec![root.to_owned()];
    while let Some(dir) = open.pop() {
        let path = dir.join(name);
        if path.is_file() {
            return Some(path);
        }
        let entries = std::fs::read_dir(&dir).into_iter().flatten().flatten();
        open.extend(entries.map(|e| e.path()).filter(|p| p.is_dir()));
    }
    None
}

/// Random parts are recorded as `RAND12`; they were five characters.
fn plain(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find("RAND") {
        let (head, tail) = rest.split_at(at + 4);
        out.push_str(head);
        let digits = tail.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 {
            out.push('0');
        }
        rest = &tail[digits..];
    }
    out + rest
}

/// A pod whose name was recorded as `generateName` and the random part, although the API server cuts the first to 58 characters.
fn cut(mut pod: Value) -> Value {
    let of = |key: &str| pod["metadata"][key].as_str().unwrap_or_default().to_owned();
    let (name, generate) = (of("name"), of("generateName"));
    if generate.len() > 58 && name.starts_with(&generate) {
        let random = &name[generate.len()..];
        pod["metadata"]["name"] = format!("{}{random}", &generate[..58]).into();
    }
    pod
}

/// Pods, those that are stored as a difference to another made whole.
fn whole(pods: &[Value]) -> Vec<Value> {
    let mut out: Vec<Value> = Vec::new();
    for pod in pods {
        let name = |p: &Value| p["metadata"]["name"].clone();
        let base = pod
            .get("sameAs")
            .and_then(|same| out.iter().find(|p| name(p) == *same));
        out.push(match base {
            Some(base) => patch(base, &pod["except"]),
            None => pod.clone(),
        });
    }
    out
}

fn patch(base: &Value, difference: &Value) -> Value {
    match (base, difference) {
        (Value::Object(own), Value::Object(other)) => {
            let absent = other.get("ABSENT").and_then(Value::as_array);
            let gone = |k: &String| absent.is_some_and(|a| a.iter().any(|x| x.as_str() == Some(k)));
            let mut map: Map<String, Value> = own
                .iter()
                .filter(|(k, _)| !gone(k))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect();
            for (key, value) in other.iter().filter(|(k, _)| *k != "ABSENT") {
                let value = own
                    .get(key)
                    .map_or_else(|| value.clone(), |base| patch(base, value));
                map.insert(key.clone(), value);
            }
            Value::Object(map)
        }
        (Value::Array(own), Value::Object(other)) => own
            .iter()
            .enumerate()
            .map(|(n, v)| match other.get(&format!("[{n}]")) {
                Some(difference) => patch(v, difference),
                None => v.clone(),
            })
            .collect(),
        _ => difference.clone(),
    }
}
