//! What the server serves: kinds, their plurals, whether they live in namespaces.

use super::client::{Client, encode};
use super::error::Error;
use crate::value::Node;
use futures::stream::{self, StreamExt};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A kind as it is served.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resource {
    /// Group and version: `apps/v1`, `v1`.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// The word of paths: `deployments`.
    pub plural: String,
    /// The word of one: `deployment`.
    pub singular: String,
    /// Abbreviations: `deploy`.
    pub short_names: Vec<String>,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
    /// What can be done: `get`, `list`, `delete`.
    pub verbs: Vec<String>,
}

impl Resource {
    /// The path of all its objects, or of those in a namespace.
    pub fn collection(&self, namespace: Option<&str>) -> String {
        let root = root(&self.api_version);
        match namespace.filter(|_| self.namespaced) {
            Some(namespace) => format!("{root}/namespaces/{}/{}", encode(namespace), self.plural),
            None => format!("{root}/{}", self.plural),
        }
    }

    /// The path of one object.
    pub fn object(&self, namespace: &str, name: &str) -> String {
        format!("{}/{}", self.collection(Some(namespace)), encode(name))
    }

    /// The group: empty for the core.
    pub fn group(&self) -> &str {
        group(&self.api_version)
    }

    /// Whether a word names it: plural, singular, an abbreviation or the kind, with the group behind it or not.
    pub fn is_called(&self, word: &str) -> bool {
        let (word, group) = word.split_once('.').unwrap_or((word, ""));
        let called = [&self.plural, &self.singular]
            .into_iter()
            .chain(&self.short_names)
            .any(|n| n == word)
            || self.kind.eq_ignore_ascii_case(word);
        let version = self.api_version.rsplit('/').next().unwrap_or_default();
        called
            && (group.is_empty() || group == self.group() || group == format!("{version}.{}", self.group()))
    }
}

/// The group of an API version.
pub fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

fn root(api_version: &str) -> String {
    let (first, rest) = if api_version.contains('/') {
        ("apis", api_version)
    } else {
        ("api", api_version)
    };
    format!(
        "/{first}/{}",
        rest.split('/').map(encode).collect::<Vec<_>>().join("/")
    )
}

type Known = BTreeMap<String, Option<Rc<Vec<Resource>>>>;

/// What was learnt of the server so far: one request for each group and version.
#[derive(Default)]
pub struct Discovery {
    versions: RefCell<Known>,
}

impl Discovery {
    /// Learns several groups and versions at once.
    ///
    /// # Errors
    /// No answer, or one that is neither a success nor 404.
    pub async fn prepare(&self, client: &Client, api_versions: BTreeSet<String>) -> Result<(), Error> {
        let missing: Vec<String> = api_versions
            .into_iter()
            .filter(|v| !self.versions.borrow().contains_key(v))
            .collect();
        let answers: Vec<(String, Result<Option<Node>, Error>)> = stream::iter(missing)
            .map(|version| async {
                let answer = client.find(&root(&version)).await;
                (version, answer)
            })
            .buffered(super::AT_ONCE)
            .collect()
            .await;
        for (version, answer) in answers {
            let resources = answer?.map(|list| Rc::new(resources(&version, &list)));
            self.versions.borrow_mut().insert(version, resources);
        }
        Ok(())
    }

    /// The resources of a group and version; none if it is not served.
    ///
    /// # Errors
    /// No answer, or one that is neither a success nor 404.
    pub async fn version(
        &self,
        client: &Client,
        api_version: &str,
    ) -> Result<Option<Rc<Vec<Resource>>>, Error> {
        self.prepare(client, BTreeSet::from([api_version.to_owned()]))
            .await?;
        Ok(self.versions.borrow().get(api_version).cloned().flatten())
    }

    /// The resource of a kind.
    ///
    /// # Errors
    /// [`Error::Unserved`] where the server does not know it; no answer.
    pub async fn resource(&self, client: &Client, api_version: &str, kind: &str) -> Result<Resource, Error> {
        let version = self.version(client, api_version).await?;
        let found = version.and_then(|list| list.iter().find(|r| r.kind == kind).cloned());
        found.ok_or_else(|| Error::Unserved {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
        })
    }

    /// The resource of a kind in the version that the server prefers.
    ///
    /// # Errors
    /// As [`Discovery::resource`].
    pub async fn preferred(&self, client: &Client, group: &str, kind: &str) -> Result<Resource, Error> {
        let unserved = || Error::Unserved {
            api_version: group.to_owned(),
            kind: kind.to_owned(),
        };
        if group.is_empty() {
            return self.resource(client, "v1", kind).await;
        }
        let known = client
            .find(&format!("/apis/{}", encode(group)))
            .await?
            .ok_or_else(unserved)?;
        for version in versions(&known) {
            match self.resource(client, &version, kind).await {
                Err(Error::Unserved { .. }) => {}
                other => return other,
            }
        }
        Err(unserved())
    }

    /// The resource that a word names, as on kubectl's command line: `deploy`, `leaderworkersets.leaderworkerset.x-k8s.io`.
    ///
    /// # Errors
    /// No such resource; no answer.
    pub async fn named(&self, client: &Client, word: &str) -> Result<Resource, Error> {
        let groups = client.get("/apis").await?;
        let preferred = groups
            .get("groups")
            .and_then(Node::as_seq)
            .unwrap_or_default()
            .iter()
            .filter_map(|g| {
                let version = g
                    .at(&["preferredVersion", "groupVersion"])
                    .and_then(Node::as_str)?;
                Some(version.to_owned())
            });
        let order: Vec<String> = std::iter::once("v1".to_owned()).chain(preferred).collect();
        self.prepare(client, order.iter().cloned().collect()).await?;
        for version in &order {
            let list = self.versions.borrow().get(version).cloned().flatten();
            if let Some(found) = list.iter().flat_map(|l| l.iter()).find(|r| r.is_called(word)) {
                return Ok(found.clone());
            }
        }
        Err(Error::Answer(format!(
            "the cluster has no resource called `{word}`"
        )))
    }

    /// Forgets a group and version, whose kinds have changed.
    pub fn forget(&self, api_version: &str) {
        self.versions.borrow_mut().remove(api_version);
    }
}

/// The versions of a group, the preferred one first.
fn versions(group: &Node) -> Vec<String> {
    let text = |n: &Node| n.get("groupVersion").and_then(Node::as_str).map(str::to_owned);
    let preferred = group.get("preferredVersion").and_then(text);
    let all = group
        .get("versions")
        .and_then(Node::as_seq)
        .unwrap_or_default()
        .iter()
        .filter_map(text);
    let rest: Vec<String> = all.filter(|v| Some(v) != preferred.as_ref()).collect();
    preferred.into_iter().chain(rest).collect()
}

fn resources(api_version: &str, list: &Node) -> Vec<Resource> {
    let text = |n: &Node, key: &str| n.get(key).and_then(Node::as_str).unwrap_or_default().to_owned();
    let words = |n: &Node, key: &str| -> Vec<String> {
        let list = n.get(key).and_then(Node::as_seq).unwrap_or_default();
        list.iter().filter_map(Node::as_str).map(str::to_owned).collect()
    };
    let entries = list.get("resources").and_then(Node::as_seq).unwrap_or_default();
    // `deployments/scale` is no resource of its own.
    let whole = entries.iter().filter(|e| !text(e, "name").contains('/'));
    whole
        .map(|entry| Resource {
            api_version: api_version.to_owned(),
            kind: text(entry, "kind"),
            plural: text(entry, "name"),
            singular: text(entry, "singularName"),
            short_names: words(entry, "shortNames"),
            namespaced: entry.get("namespaced").and_then(Node::as_bool).unwrap_or(false),
            verbs: words(entry, "verbs"),
        })
        .collect()
}
