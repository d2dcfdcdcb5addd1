//! How the cluster's operators run: the `Platform` document.
//!
//! What a controller makes of an object also depends on flags and versions that no manifest shows. A document of
//! `kind: Platform` holds them, one section for each dialect, with defaults for what it does not say:
//!
//! ```yaml
//! apiVersion: infer.dev/v1alpha1
//! kind: Platform
//! spec:
//!   clusterDomain: cluster.local
//!   lws: {gangScheduling: volcano}
//! ```

use crate::spec::decode::{Decode, Decoder};
use crate::value::{Node, Str, Value};

/// The kind of the document.
pub const KIND: &str = "Platform";

/// A Platform document, or its absence.
#[derive(Clone, Default, Debug)]
pub struct Platform {
    /// The document's `spec`; null for all defaults.
    pub spec: Node,
}

impl Platform {
    /// The DNS domain of the cluster. Default: `cluster.local`.
    pub fn cluster_domain(&self) -> Str {
        self.spec
            .get("clusterDomain")
            .and_then(Node::as_str)
            .unwrap_or("cluster.local")
            .into()
    }

    /// The section of a dialect, defaults if there is none. Reading it reports its errors, so read it where they can be
    /// reported.
    pub fn section<T: Decode + Default>(&self, dialect: &str, cx: &mut Decoder<'_>) -> T {
        match self.spec.get(dialect) {
            Some(node) if !matches!(node.value, Value::Null) => T::decode(node, cx).unwrap_or_default(),
            _ => T::default(),
        }
    }
}
