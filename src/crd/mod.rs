//! Objects judged by the CustomResourceDefinitions of their kinds, as an API server judges them before any webhook is asked.
//!
//! The order is the server's: unknown fields are reported (`fields`) and taken out; defaults are filled in (`defaults`);
//! what is then there is held against types and limits (`structure`); and if its form is right, the rules in CEL are asked
//! (`cel`). All objects count as new, so rules about changes are not asked.
//!
//! Between defaults and limits a server lets mutating webhooks change the object. What those of a known orchestrator do is
//! told by its dialect, and given to [`Crds::check`]; others are not known.

mod cel;
mod cursor;
mod defaults;
mod fields;
mod format;
mod load;
mod schema;
mod structure;

pub mod codes;

use crate::diagnostic::{Diagnostic, Ledger};
use crate::value::{Node, Str, Value};
use codes::{NO_DEFINITION, NO_DEFINITIONS, NOT_SERVED, UNREADABLE};
use cursor::{Cursor, Step};
use load::{File, Found, Version};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// The CustomResourceDefinitions below a directory. Files are parsed when a kind is first asked for that they may define.
#[derive(Debug, Default)]
pub struct Crds {
    files: Vec<File>,
    known: Mutex<BTreeMap<(Str, Str), Arc<Found>>>,
}

/// Groups of Kubernetes' own whose names have a dot; those without one are all its own.
const BUILT_IN: [&str; 18] = [
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "internal.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
    "storagemigration.k8s.io",
];

impl Crds {
    /// Finds the definitions of a directory and everything below it, or of one file.
    ///
    /// # Errors
    /// A diagnostic if it cannot be read or has none.
    pub fn open(path: &Path) -> Result<Self, Box<Diagnostic>> {
        let files = load::files(path);
        let failed =
            |why| Box::new(Diagnostic::new(&NO_DEFINITIONS, why).remedy("check the value of --crds"));
        Ok(Self {
            files: files.map_err(failed)?,
            known: Mutex::default(),
        })
    }

    /// Reports everything that an API server with these definitions would refuse in a new object that webhooks `mutate`, and
    /// what could not be checked. `false` if no definition was found to check by.
    pub fn check(&self, object: &Node, mutate: &mut dyn FnMut(&mut Node), ledger: &mut Ledger) -> bool {
        let text = |key| object.get(key).and_then(Node::as_str).unwrap_or_default();
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        let Some((group, version)) = api_version.split_once('/').filter(|_| !kind.is_empty()) else {
            return false;
        };
        if !group.contains('.') || BUILT_IN.contains(&group) {
            return false;
        }
        let ids = |key| {
            object
                .get(key)
                .map(|n| n.ids.first())
                .unwrap_or_else(|| object.ids.first())
        };
        match &*self.find(group, version, kind) {
            Found::Version(version) => {
                self::object(object, version, mutate, ledger);
                return true;
            }
            Found::OtherVersions(served) => {
                let message = format!("`{kind}` is not served as `{api_version}`");
                let served = served
                    .iter()
                    .map(|v| format!("`{group}/{v}`"))
                    .collect::<Vec<_>>();
                let said = Diagnostic::new(&NOT_SERVED, message).at(ids("apiVersion"));
                ledger.report(said.remedy(format!("served: {}", served.join(", "))));
            }
            Found::Nothing => {
                let message = format!(
                    "no CustomResourceDefinition of `{kind}` in `{group}`: not checked against a schema"
                );
                ledger.report(Diagnostic::new(&NO_DEFINITION, message).at(ids("kind")));
            }
            Found::Unreadable(why) => {
                let message = format!("the definition of `{kind}` cannot be read: {why}");
                ledger.report(Diagnostic::new(&UNREADABLE, message));
            }
        }
        false
    }

    fn find(&self, group: &str, version: &str, kind: &str) -> Arc<Found> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (Str::from(format!("{group}/{version}")), Str::from(kind));
        let found = known
            .entry(key)
            .or_insert_with(|| Arc::new(load::find(&self.files, group, version, kind)));
        Arc::clone(found)
    }
}

fn object(object: &Node, version: &Version, mutate: &mut dyn FnMut(&mut Node), ledger: &mut Ledger) {
    let schema = &version.schema;
    let cursor = &mut Cursor::new(object, ledger);
    fields::metadata(object, cursor);
    let mut object = object.clone();
    fields::prune(&mut object, Some(schema), true, cursor);
    defaults::fill(&mut object, schema);
    mutate(&mut object);
    let sound = structure::check(&object, schema, cursor);
    if let Some(path) = &version.replicas {
        replicas(&object, path, cursor);
    }
    if sound {
        cel::check(&object, schema, true, cursor);
    }
}

/// The number of replicas of objects that can be scaled.
fn replicas(object: &Node, path: &[Str], cursor: &mut Cursor<'_>) {
    let keys: Vec<&str> = path.iter().map(|k| k.as_str()).collect();
    let Some(found) = object.at(&keys) else { return };
    let wrong = match found.value {
        Value::Int(n) => !(0..=i64::from(i32::MAX)).contains(&n),
        Value::UInt(_) => true,
        _ => false,
    };
    let said = &mut |cursor: &mut Cursor<'_>| {
        cursor.misfit("is the number of replicas by which objects of this kind are scaled, must be from 0 to 2147483647");
    };
    if wrong {
        cursor.below(Step::Field(&keys.join(".")), found.ids.first(), said);
    }
}

#[cfg(test)]
pub(crate) mod tests;
