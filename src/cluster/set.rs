//! Sets of applied objects, by KEP-3659: which objects came of one spec, so that those which no longer do can be found.
//!
//! A ConfigMap is the parent; its label holds the set's id, its annotations the kinds and namespaces of the members; each member bears
//! the id in a label. kubectl reads all of it (`kubectl get all -l applyset.kubernetes.io/part-of=ID`), and refuses to change a
//! set whose tooling is not itself.

use super::client::Client;
use super::discovery::{Discovery, Resource, group};
use super::error::Error;
use super::object::ObjectName;
use crate::kubernetes::hash;
use crate::value::{Map, Node};
use std::collections::BTreeSet;

const PART_OF: &str = "applyset.kubernetes.io/part-of";
const ID: &str = "applyset.kubernetes.io/id";
const TOOLING: &str = "applyset.kubernetes.io/tooling";
const GROUP_KINDS: &str = "applyset.kubernetes.io/contains-group-kinds";
const NAMESPACES: &str = "applyset.kubernetes.io/additional-namespaces";

/// A set: all that is applied for one spec, namespace and target.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApplySet {
    /// Name of the parent.
    pub name: String,
    /// Namespace of the parent.
    pub namespace: String,
}

/// A member that is there.
#[derive(Clone, Debug)]
pub struct Member {
    /// Which object.
    pub name: ObjectName,
    /// How it is served.
    pub resource: Resource,
    /// It itself.
    pub live: Node,
}

impl ApplySet {
    /// The set of a spec.
    pub fn new(spec: &str, namespace: &str, target: &str) -> Self {
        Self {
            name: format!("infer-{spec}-{target}"),
            namespace: namespace.to_owned(),
        }
    }

    /// The id by which members are found.
    pub fn id(&self) -> String {
        // Name, namespace, kind and group of the parent.
        let text = format!("{}.{}.ConfigMap.", self.name, self.namespace);
        format!("applyset-{}-v1", base64_url(&hash::sha256(&text)))
    }

    /// Marks an object as a member.
    pub fn mark(&self, object: &mut Node) {
        object.at_mut(&["metadata", "labels"]).set(PART_OF, self.id());
    }

    /// The parent, for members of these kinds in these namespaces.
    pub fn parent<'a>(&self, members: impl Iterator<Item = &'a ObjectName>) -> Node {
        let (mut kinds, mut namespaces) = (BTreeSet::new(), BTreeSet::new());
        for member in members {
            kinds.insert(group_kind(group(&member.api_version), &member.kind));
            if !member.namespace.is_empty() && member.namespace != self.namespace {
                namespaces.insert(member.namespace.clone());
            }
        }
        let list = |set: BTreeSet<String>| set.into_iter().collect::<Vec<_>>().join(",");
        let annotations = Map::from_iter([
            (TOOLING, format!("kubectl-infer/v{}", env!("CARGO_PKG_VERSION"))),
            (GROUP_KINDS, list(kinds)),
            (NAMESPACES, list(namespaces)),
        ]);
        let labels = Map::from_iter([
            ("app.kubernetes.io/managed-by", "kubectl-infer".to_owned()),
            (ID, self.id()),
        ]);
        let metadata = Map::from_iter([
            ("name", Node::from(self.name.as_str())),
            ("namespace", self.namespace.as_str().into()),
            ("labels", labels.into()),
            ("annotations", annotations.into()),
        ]);
        Map::from_iter([
            ("apiVersion", Node::from("v1")),
            ("kind", "ConfigMap".into()),
            ("metadata", metadata.into()),
        ])
        .into()
    }

    /// The path of the parent.
    pub fn path(&self) -> String {
        format!(
            "/api/v1/namespaces/{}/configmaps/{}",
            super::encode(&self.namespace),
            super::encode(&self.name)
        )
    }

    /// The parent as it is, if there is one.
    ///
    /// # Errors
    /// No answer; or the ConfigMap of that name belongs to somebody else.
    pub async fn find(&self, client: &Client) -> Result<Option<Node>, Error> {
        let Some(parent) = client.find(&self.path()).await? else {
            return Ok(None);
        };
        let text = |path: &[&str]| parent.at(path).and_then(Node::as_str).unwrap_or_default();
        let tooling = text(&["metadata", "annotations", TOOLING]);
        if tooling.split('/').next() != Some(super::MANAGER) || text(&["metadata", "labels", ID]) != self.id()
        {
            return Err(Error::Answer(format!(
                "configmap/{} in namespace {} is not the record of this spec's objects: somebody else made it; rename it or the spec",
                self.name, self.namespace
            )));
        }
        Ok(Some(parent))
    }

    /// All members that are there. What controllers made in turn is none of them, even if it inherited the label.
    ///
    /// # Errors
    /// No answer, or no permission to list.
    pub async fn members(
        &self,
        client: &Client,
        discovery: &Discovery,
        parent: &Node,
    ) -> Result<Vec<Member>, Error> {
        let text = |key: &str| {
            parent
                .at(&["metadata", "annotations", key])
                .and_then(Node::as_str)
                .unwrap_or_default()
        };
        let words = |key: &str| {
            text(key)
                .split(',')
                .filter(|w| !w.is_empty())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let namespaces: BTreeSet<String> = words(NAMESPACES)
            .into_iter()
            .chain([self.namespace.clone()])
            .collect();
        let mut members = Vec::new();
        for kind in words(GROUP_KINDS) {
            let (kind, group) = kind.split_once('.').unwrap_or((&kind, ""));
            let resource = match discovery.preferred(client, group, kind).await {
                Ok(resource) => resource,
                // The CRD is gone, and all its objects with it.
                Err(Error::Unserved { .. }) => continue,
                Err(error) => return Err(error),
            };
            let places: Vec<Option<&str>> = match resource.namespaced {
                true => namespaces.iter().map(|n| Some(n.as_str())).collect(),
                false => vec![None],
            };
            for place in places {
                let selector = format!("{PART_OF}={}", self.id());
                for live in client.list(&resource.collection(place), &selector).await? {
                    if !is_controlled(&live) {
                        let name = ObjectName::of(&live)?;
                        members.push(Member {
                            name,
                            resource: resource.clone(),
                            live,
                        });
                    }
                }
            }
        }
        Ok(members)
    }

    /// The members that are there and are not among the given objects.
    ///
    /// # Errors
    /// As [`ApplySet::find`] and [`ApplySet::members`].
    pub async fn gone(
        &self,
        client: &Client,
        discovery: &Discovery,
        keep: &BTreeSet<ObjectName>,
    ) -> Result<Vec<Member>, Error> {
        let Some(parent) = self.find(client).await? else {
            return Ok(Vec::new());
        };
        let kept: BTreeSet<_> = keep.iter().map(ObjectName::identity).collect();
        let mut members = self.members(client, discovery, &parent).await?;
        members.retain(|m| !kept.contains(&m.name.identity()));
        Ok(members)
    }
}

fn is_controlled(object: &Node) -> bool {
    let owners = object
        .at(&["metadata", "ownerReferences"])
        .and_then(Node::as_seq)
        .unwrap_or_default();
    owners
        .iter()
        .any(|o| o.get("controller").and_then(Node::as_bool) == Some(true))
}

fn group_kind(group: &str, kind: &str) -> String {
    if group.is_empty() {
        kind.to_owned()
    } else {
        format!("{kind}.{group}")
    }
}

/// Hexadecimal digits as base64 of URLs, without padding.
fn base64_url(hex: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits: Vec<u8> = hex
        .chars()
        .filter_map(|c| c.to_digit(16))
        .flat_map(|d| (0..4).rev().map(move |i| u8::from(d >> i & 1 == 1)))
        .collect();
    let letter = |six: &[u8]| {
        let value = (0..6).fold(0usize, |value, i| {
            value << 1 | usize::from(six.get(i).copied().unwrap_or(0))
        });
        char::from(ALPHABET[value])
    };
    bits.chunks(6).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_the_enhancement_proposal() {
        // The digest of `infer-qwen-lws.default.ConfigMap.`, by Python.
        let set = ApplySet::new("qwen", "default", "lws");
        assert_eq!(
            set.id(),
            "applyset-lK8M2CPMbgFPbhZPehafCA099g2LNKt8uoiKr-GaWUI-v1"
        );
    }
}
