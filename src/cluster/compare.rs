//! One object compared with the cluster: what is there, and what a server-side apply would make of it.

use super::client::Client;
use super::discovery::{Discovery, Resource};
use super::error::Error;
use super::object::ObjectName;
use super::owners::Owners;
use super::patch::{self, Applied, Conflict, Mode};
use crate::value::Node;

/// An object and what applying it would do.
#[derive(Debug)]
pub struct Compared {
    /// Which.
    pub name: ObjectName,
    /// What would happen.
    pub verdict: Verdict,
    /// Fields that somebody else owns and that would be taken over.
    pub conflicts: Vec<Conflict>,
    /// Fields that would be left to an autoscaler.
    pub left: Vec<Conflict>,
    /// What the server thinks should be known.
    pub warnings: Vec<String>,
    /// What else should be known.
    pub notes: Vec<String>,
    /// Why it cannot be applied yet, although nothing is wrong with it.
    pub blocked: Option<String>,
    /// Who owns the fields now.
    pub owners: Owners,
}

/// What applying an object would do.
#[derive(Debug)]
pub enum Verdict {
    /// Nothing.
    Same,
    /// Change it.
    Changed {
        /// As it is, without what the server keeps for itself.
        live: Box<Node>,
        /// As it would be.
        becomes: Box<Node>,
    },
    /// Create it.
    Created {
        /// As it was rendered: the server's defaults are left out.
        rendered: Box<Node>,
    },
    /// Delete it: it is no longer rendered.
    Pruned {
        /// As it is.
        live: Box<Node>,
    },
    /// It cannot be applied.
    Failed(Error),
}

/// What is known of the rest of the input.
pub struct Scene<'a> {
    /// Where objects go that name no namespace.
    pub namespace: &'a str,
    /// Groups and kinds whose CRDs are in the input.
    pub defined: Vec<(String, String)>,
    /// Namespaces that are in the input.
    pub namespaces: Vec<String>,
}

impl<'a> Scene<'a> {
    /// Looks at all objects of the input.
    pub fn new<'b>(objects: impl Iterator<Item = &'b Node> + Clone, namespace: &'a str) -> Self {
        let text = |n: &Node, path: &[&str]| n.at(path).and_then(Node::as_str).unwrap_or_default().to_owned();
        let of_kind = |kind: &'static str| {
            objects
                .clone()
                .filter(move |o| o.get("kind").and_then(Node::as_str) == Some(kind))
        };
        Self {
            namespace,
            defined: of_kind("CustomResourceDefinition")
                .map(|o| (text(o, &["spec", "group"]), text(o, &["spec", "names", "kind"])))
                .collect(),
            namespaces: of_kind("Namespace")
                .map(|o| text(o, &["metadata", "name"]))
                .collect(),
        }
    }

    /// Whether the input defines the kind.
    pub fn defines(&self, name: &ObjectName) -> bool {
        let (group, kind, ..) = name.identity();
        self.defined.iter().any(|(g, k)| g == group && k == kind)
    }
}

impl Compared {
    fn new(name: ObjectName, verdict: Verdict) -> Self {
        Self {
            name,
            verdict,
            conflicts: Vec::new(),
            left: Vec::new(),
            warnings: Vec::new(),
            notes: Vec::new(),
            blocked: None,
            owners: Owners::default(),
        }
    }

    /// An object that is there and no longer rendered.
    pub fn pruned(name: ObjectName, live: &Node) -> Self {
        Self::new(
            name,
            Verdict::Pruned {
                live: Box::new(shown(live)),
            },
        )
    }
}

/// Compares an object with the cluster.
pub async fn compare(client: &Client, discovery: &Discovery, object: &Node, scene: &Scene<'_>) -> Compared {
    let name = match ObjectName::of(object) {
        Ok(name) => name,
        Err(error) => return Compared::new(ObjectName::default(), Verdict::Failed(error)),
    };
    let resource = match discovery.resource(client, &name.api_version, &name.kind).await {
        Ok(resource) => resource,
        Err(Error::Unserved { .. }) if scene.defines(&name) => {
            let mut compared = Compared::new(name, created(object));
            compared
                .notes
                .push("not checked by the server: its CRD would be created first".into());
            return compared;
        }
        Err(error) => return Compared::new(name, Verdict::Failed(error)),
    };
    let name = name.placed(&resource, scene.namespace);
    match with_server(client, &resource, &name, object, scene).await {
        Ok(compared) => compared,
        Err(error) => Compared::new(name, Verdict::Failed(error)),
    }
}

async fn with_server(
    client: &Client,
    resource: &Resource,
    name: &ObjectName,
    object: &Node,
    scene: &Scene<'_>,
) -> Result<Compared, Error> {
    let mode = Mode {
        dry_run: true,
        force: true,
    };
    // Neither waits for the other: a far server is asked once, not twice.
    let path = resource.object(&name.namespace, &name.name);
    let (live, applied) = futures::join!(
        client.find(&path),
        patch::apply(client, resource, name, object, mode)
    );
    let live = live?;
    let applied = match applied {
        Ok(applied) => applied,
        Err(Error::Status(status)) if status.code == 404 && live.is_none() && !name.namespace.is_empty() => {
            let mut compared = Compared::new(name.clone(), created(object));
            let known = scene.namespaces.contains(&name.namespace);
            if known {
                compared.notes.push(format!(
                    "not checked by the server: namespace {} would be created first",
                    name.namespace
                ));
            } else {
                compared.blocked = Some(format!(
                    "namespace {} does not exist: create it first",
                    name.namespace
                ));
            }
            return Ok(compared);
        }
        Err(error) => return Err(error),
    };
    Ok(judged(name, object, live, applied))
}

fn judged(name: &ObjectName, object: &Node, live: Option<Node>, applied: Applied) -> Compared {
    let Applied {
        object: becomes,
        created: _,
        warnings,
        conflicts,
        left,
    } = applied;
    let mut compared = Compared::new(name.clone(), Verdict::Same);
    (compared.warnings, compared.left) = (warnings, left);
    compared.verdict = match live {
        None => created(object),
        Some(live) => {
            compared.owners = Owners::of(&live);
            if live.at(&["metadata", "deletionTimestamp"]).is_some() {
                compared.notes.push("is being deleted".into());
            }
            let (live, becomes) = (shown(&live), shown(&becomes));
            if crate::diff::compare(&live, &becomes).is_same() {
                Verdict::Same
            } else {
                Verdict::Changed {
                    live: Box::new(live),
                    becomes: Box::new(becomes),
                }
            }
        }
    };
    compared.conflicts = conflicts;
    compared
}

fn created(object: &Node) -> Verdict {
    Verdict::Created {
        rendered: Box::new(object.clone()),
    }
}

/// What is written by the server or by tools for themselves.
const KEPT: &[&str] = &[
    "managedFields",
    "generation",
    "resourceVersion",
    "uid",
    "creationTimestamp",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];
/// The copy that client-side apply keeps; it may hold secrets.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// An object without status and without what the server keeps for itself.
pub fn shown(object: &Node) -> Node {
    let mut object = object.clone();
    object.map_mut().remove("status");
    if let Some(metadata) = object.map_mut().get_mut("metadata") {
        let map = metadata.map_mut();
        KEPT.iter().for_each(|key| drop(map.remove(key)));
        let annotations = map.get_mut("annotations").map(Node::map_mut);
        let empty = annotations.is_some_and(|a| a.remove(LAST_APPLIED).is_some() && a.is_empty());
        if empty {
            map.remove("annotations");
        }
    }
    object
}
