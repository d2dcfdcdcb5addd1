//! CustomResourceDefinitions in files, read when a kind is first asked for.

use super::schema::Schema;
use crate::diagnostic::Ledger;
use crate::source::{Document, Input, Limits, Sources, load_inputs, manifests};
use crate::value::{Node, Str};
use std::path::{Path, PathBuf};

/// A file that holds definitions.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    text: String,
}

#[cfg(test)]
impl File {
    /// A file at hand.
    pub fn of(path: &str, text: &str) -> Self {
        Self {
            path: path.into(),
            text: text.into(),
        }
    }
}

/// A version of a kind.
#[derive(Debug)]
pub struct Version {
    /// The schema of its objects.
    pub schema: Schema,
    /// Where its objects hold the number of replicas, if they can be scaled.
    pub replicas: Option<Vec<Str>>,
}

/// What the files say about a kind.
#[derive(Debug)]
pub enum Found {
    /// It is defined in the version asked for.
    Version(Box<Version>),
    /// It is defined, in the versions named.
    OtherVersions(Vec<String>),
    /// Nothing.
    Nothing,
    /// A file that seems to define it cannot be read: why.
    Unreadable(String),
}

/// The files with definitions below a directory, or the one file.
///
/// # Errors
/// What cannot be read, or that there are none.
pub fn files(path: &Path) -> Result<Vec<File>, String> {
    let paths = manifests(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let mut files = Vec::new();
    for path in paths {
        let unreadable = |why: &dyn std::fmt::Display| format!("{} cannot be read: {why}", path.display());
        let size = std::fs::metadata(&path)
            .map_err(|error| unreadable(&error))?
            .len();
        if size > Limits::default().file_bytes as u64 {
            return Err(unreadable(&"it is too large"));
        }
        let bytes = std::fs::read(&path).map_err(|error| unreadable(&error))?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if text.contains("CustomResourceDefinition") {
            files.push(File { path, text });
        }
    }
    if files.is_empty() {
        return Err(format!("{} holds no CustomResourceDefinition", path.display()));
    }
    Ok(files)
}

/// Looks for a kind. The first definition counts.
pub fn find(files: &[File], group: &str, version: &str, kind: &str) -> Found {
    let mut result = Found::Nothing;
    for file in files
        .iter()
        .filter(|f| f.text.contains(kind) && f.text.contains(group))
    {
        let documents = match read(file) {
            Ok(documents) => documents,
            Err(why) => {
                result = Found::Unreadable(why);
                continue;
            }
        };
        for document in documents {
            match of_definition(&document.root, group, version, kind) {
                Found::Nothing => {}
                found @ Found::Version(_) => return found,
                found => result = found,
            }
        }
    }
    result
}

fn read(file: &File) -> Result<Vec<Document>, String> {
    let (mut sources, mut ledger) = (Sources::new(), Ledger::new());
    let name = file.path.display().to_string();
    let text = file.text.clone();
    let input = Input::Text {
        name: name.clone(),
        text,
    };
    let documents = load_inputs(&[input], &mut sources, &Limits::default(), &mut ledger);
    match ledger.diagnostics.iter().find(|_| ledger.has_errors()) {
        Some(said) => Err(format!("{name}: {}", said.message)),
        None => Ok(documents),
    }
}

fn of_definition(crd: &Node, group: &str, version: &str, kind: &str) -> Found {
    let is = |path: &[&str], text: &str| crd.at(path).and_then(Node::as_str) == Some(text);
    if !is(&["kind"], "CustomResourceDefinition")
        || !is(&["spec", "group"], group)
        || !is(&["spec", "names", "kind"], kind)
    {
        return Found::Nothing;
    }
    let versions = crd
        .at(&["spec", "versions"])
        .and_then(Node::as_seq)
        .unwrap_or_default();
    let served = |v: &Node| v.get("served").and_then(Node::as_bool) != Some(false);
    let named = |v: &Node| v.get("name").and_then(Node::as_str).map(str::to_owned);
    let found = versions
        .iter()
        .find(|v| served(v) && named(v).as_deref() == Some(version));
    match found {
        Some(found) => {
            let root = found.at(&["schema", "openAPIV3Schema"]);
            let path = found
                .at(&["subresources", "scale", "specReplicasPath"])
                .and_then(Node::as_str);
            Found::Version(Box::new(Version {
                schema: root.map(Schema::read).unwrap_or_else(anything),
                replicas: path.map(|p| p.split('.').filter(|k| !k.is_empty()).map(Str::from).collect()),
            }))
        }
        None => Found::OtherVersions(versions.iter().filter(|v| served(v)).filter_map(named).collect()),
    }
}

fn anything() -> Schema {
    Schema {
        preserve: true,
        ..Schema::default()
    }
}
