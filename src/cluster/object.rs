//! Which object: kind, namespace and name.

use super::discovery::{Resource, group};
use super::error::Error;
use crate::value::Node;
use std::fmt::{self, Display, Formatter};

/// Names an object of a cluster.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct ObjectName {
    /// Group and version.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Namespace; empty for kinds that live in none.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl ObjectName {
    /// The name of a document, if it is an object at all.
    ///
    /// # Errors
    /// A document without `apiVersion`, `kind` or name.
    pub fn of(object: &Node) -> Result<Self, Error> {
        let text = |path: &[&str]| {
            object
                .at(path)
                .and_then(Node::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let named = Self {
            api_version: text(&["apiVersion"]),
            kind: text(&["kind"]),
            namespace: text(&["metadata", "namespace"]),
            name: text(&["metadata", "name"]),
        };
        if named.api_version.is_empty() || named.kind.is_empty() {
            return Err(Error::Answer(
                "a document is no Kubernetes object: it has no apiVersion and kind".into(),
            ));
        }
        if named.name.is_empty() {
            return Err(Error::Answer(format!(
                "a {} has no metadata.name: only named objects can be compared and applied",
                named.kind
            )));
        }
        Ok(named)
    }

    /// The same object as its resource has it: in a namespace or in none.
    #[must_use]
    pub fn placed(mut self, resource: &Resource, default: &str) -> Self {
        if !resource.namespaced {
            self.namespace.clear();
        } else if self.namespace.is_empty() {
            self.namespace = default.to_owned();
        }
        self
    }

    /// What stays the same from version to version.
    pub fn identity(&self) -> (&str, &str, &str, &str) {
        (group(&self.api_version), &self.kind, &self.namespace, &self.name)
    }
}

/// As kubectl writes it: `deployment.apps/qwen`.
impl Display for ObjectName {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let kind = self.kind.to_lowercase();
        match group(&self.api_version) {
            "" => write!(f, "{kind}/{}", self.name),
            group => write!(f, "{kind}.{group}/{}", self.name),
        }
    }
}
