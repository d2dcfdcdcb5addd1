//! Applying a whole input: in order, each set with its record, stopping where something fails.

use super::client::{Client, Content};
use super::compare::Scene;
use super::discovery::Discovery;
use super::error::Error;
use super::object::ObjectName;
use super::patch::{self, Conflict, Mode};
use super::set::{ApplySet, Member};
use crate::value::Node;
use http::Method;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Objects that belong together.
#[derive(Debug)]
pub struct Group {
    /// The set that they are members of; plain manifests are in none.
    pub set: Option<ApplySet>,
    /// The objects, marked as members.
    pub objects: Vec<Node>,
}

/// How to apply.
#[derive(Clone, Copy, Default, Debug)]
pub struct Options {
    /// Take over fields that somebody else owns.
    pub force: bool,
    /// Delete members of sets that are no longer rendered.
    pub prune: bool,
}

/// What became of an object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Done {
    /// It is new.
    Created,
    /// It has changed.
    Configured,
    /// It was so before.
    Unchanged,
    /// It is deleted: it is no longer rendered.
    Pruned,
}

impl Done {
    /// kubectl's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Unchanged => "unchanged",
            Self::Pruned => "pruned",
        }
    }
}

/// Something to tell while applying.
#[derive(Debug)]
pub enum Event<'a> {
    /// An object is done.
    Done(&'a ObjectName, Done),
    /// A field was left to an autoscaler.
    Left(&'a ObjectName, &'a Conflict),
    /// The server warns.
    Warning(&'a ObjectName, &'a str),
    /// An object is no longer rendered and stays, for nobody asked to prune.
    Stale(&'a ObjectName),
}

/// Why applying stopped, and what was not done.
#[derive(Debug)]
pub struct Stopped {
    /// Why.
    pub why: Why,
    /// The object at which it stopped, if it was one.
    pub at: Option<ObjectName>,
    /// The objects that were not applied, that one included.
    pub remaining: Vec<ObjectName>,
}

/// Why applying stopped.
#[derive(Debug)]
pub enum Why {
    /// The server, or the way to it.
    Failed(Error),
    /// The user.
    Interrupted,
    /// Telling it failed.
    Other(anyhow::Error),
}

/// Where events go.
pub type Sink<'a> = &'a mut dyn FnMut(Event<'_>) -> anyhow::Result<()>;

/// What applying needs at hand.
pub(super) struct Applier<'a> {
    pub client: &'a Client,
    pub discovery: &'a Discovery,
    pub scene: &'a Scene<'a>,
    pub options: Options,
    /// What is known to change, from a dry run before.
    pub expected: &'a BTreeMap<ObjectName, Done>,
    /// Set by Ctrl-C; looked at between requests, so that it is known what each of them did.
    pub interrupted: &'a Cell<bool>,
}

/// An object in its turn.
struct Turn<'a> {
    group: usize,
    object: &'a Node,
}

/// Namespaces first, then definitions of kinds, then all others as they stand.
fn turns(groups: &[Group]) -> Vec<Turn<'_>> {
    let class = |object: &Node| match object.get("kind").and_then(Node::as_str) {
        Some("Namespace") => 0,
        Some("CustomResourceDefinition") => 1,
        _ => 2,
    };
    let all = groups
        .iter()
        .enumerate()
        .flat_map(|(group, g)| g.objects.iter().map(move |object| Turn { group, object }));
    let mut turns: Vec<Turn<'_>> = all.collect();
    turns.sort_by_key(|t| class(t.object));
    turns
}

impl Applier<'_> {
    /// Applies all groups.
    pub(super) async fn apply(&self, groups: &[Group], sink: Sink<'_>) -> Result<(), Box<Stopped>> {
        let turns = turns(groups);
        let mut names: Vec<BTreeSet<ObjectName>> = groups.iter().map(|_| BTreeSet::new()).collect();
        let mut gone: BTreeMap<usize, Vec<Member>> = BTreeMap::new();
        for (index, turn) in turns.iter().enumerate() {
            let stop = |why| self.stopped(why, turn.object, &turns[index..]);
            if self.interrupted.get() {
                return Err(stop(Why::Interrupted));
            }
            let set = groups[turn.group]
                .set
                .as_ref()
                .filter(|_| !gone.contains_key(&turn.group));
            if let Some(set) = set {
                let found = self
                    .open(set, &groups[turn.group].objects, &turns)
                    .await
                    .map_err(|e| stop(Why::Failed(e)))?;
                gone.insert(turn.group, found);
            }
            let name = self.one(turn.object, sink).await.map_err(stop)?;
            names[turn.group].insert(name);
        }
        for (group, members) in gone {
            if let Some(set) = &groups[group].set {
                self.close(set, &names[group], &members, sink)
                    .await
                    .map_err(|(why, at)| {
                        Box::new(Stopped {
                            why,
                            at,
                            remaining: Vec::new(),
                        })
                    })?;
            }
        }
        Ok(())
    }

    fn stopped(&self, why: Why, at: &Node, rest: &[Turn<'_>]) -> Box<Stopped> {
        let name = |object: &Node| ObjectName::of(object).unwrap_or_default();
        Box::new(Stopped {
            why,
            at: Some(name(at)),
            remaining: rest.iter().map(|t| name(t.object)).collect(),
        })
    }

    /// Applies one object and waits until what builds on it can follow.
    async fn one(&self, object: &Node, sink: Sink<'_>) -> Result<ObjectName, Why> {
        let (name, resource) = self.place(object).await.map_err(Why::Failed)?;
        let mode = Mode {
            dry_run: false,
            force: self.options.force,
        };
        let applied = patch::apply(self.client, &resource, &name, object, mode)
            .await
            .map_err(Why::Failed)?;
        let done = match self.expected.get(&name) {
            _ if applied.created => Done::Created,
            Some(done) => *done,
            None => Done::Configured,
        };
        let tell = |event: Event<'_>, sink: &mut dyn FnMut(Event<'_>) -> anyhow::Result<()>| {
            sink(event).map_err(Why::Other)
        };
        tell(Event::Done(&name, done), sink)?;
        for warning in &applied.warnings {
            tell(Event::Warning(&name, warning), sink)?;
        }
        for left in &applied.left {
            tell(Event::Left(&name, left), sink)?;
        }
        self.settle(&name, &resource.object(&name.namespace, &name.name), object)
            .await
            .map_err(Why::Failed)?;
        Ok(name)
    }

    async fn place(&self, object: &Node) -> Result<(ObjectName, super::Resource), Error> {
        let name = ObjectName::of(object)?;
        let resource = self
            .discovery
            .resource(self.client, &name.api_version, &name.kind)
            .await?;
        Ok((name.placed(&resource, self.scene.namespace), resource))
    }

    /// Waits for a namespace to be active, for a kind to be served.
    async fn settle(&self, name: &ObjectName, path: &str, object: &Node) -> Result<(), Error> {
        let ready = |live: &Node| match name.kind.as_str() {
            "Namespace" => live.at(&["status", "phase"]).and_then(Node::as_str) == Some("Active"),
            "CustomResourceDefinition" => has_condition(live, "Established"),
            _ => true,
        };
        for _ in 0..600 {
            if !matches!(name.kind.as_str(), "Namespace" | "CustomResourceDefinition") {
                return Ok(());
            }
            if ready(&self.client.get(path).await?) {
                return self.served(object).await;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(Error::Answer(format!(
            "{name} was applied and is not ready after a minute"
        )))
    }

    /// Waits until discovery shows the versions of a new kind, a moment after it is established.
    async fn served(&self, definition: &Node) -> Result<(), Error> {
        let text = |path: &[&str]| definition.at(path).and_then(Node::as_str).unwrap_or_default();
        let (group, kind) = (text(&["spec", "group"]), text(&["spec", "names", "kind"]));
        let versions = definition
            .at(&["spec", "versions"])
            .and_then(Node::as_seq)
            .unwrap_or_default();
        let served = versions
            .iter()
            .filter(|v| v.get("served").and_then(Node::as_bool) != Some(false));
        for version in served.filter_map(|v| v.get("name").and_then(Node::as_str)) {
            let api_version = format!("{group}/{version}");
            for _ in 0..300 {
                self.discovery.forget(&api_version);
                match self.discovery.resource(self.client, &api_version, kind).await {
                    Ok(_) => break,
                    Err(Error::Unserved { .. }) => tokio::time::sleep(Duration::from_millis(100)).await,
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Writes the record of a set before its members: it names all kinds that were in it and that will be. Returns the members
    /// that are no longer rendered.
    async fn open(&self, set: &ApplySet, own: &[Node], all: &[Turn<'_>]) -> Result<Vec<Member>, Error> {
        let (mut names, mut kept) = (BTreeSet::new(), BTreeSet::new());
        for object in own {
            names.insert(self.place(object).await?.0);
        }
        // What another set of the input takes over is not gone.
        for turn in all {
            kept.insert(self.place(turn.object).await?.0);
        }
        let gone = set.gone(self.client, self.discovery, &kept).await?;
        self.record(set, names.iter().chain(gone.iter().map(|m| &m.name)))
            .await?;
        Ok(gone)
    }

    /// Prunes, and writes the record of what is in the set now.
    async fn close(
        &self,
        set: &ApplySet,
        names: &BTreeSet<ObjectName>,
        gone: &[Member],
        sink: Sink<'_>,
    ) -> Result<(), (Why, Option<ObjectName>)> {
        for member in gone {
            if self.interrupted.get() {
                return Err((Why::Interrupted, Some(member.name.clone())));
            }
            let event = if self.options.prune {
                self.delete(member)
                    .await
                    .map_err(|e| (Why::Failed(e), Some(member.name.clone())))?;
                Event::Done(&member.name, Done::Pruned)
            } else {
                Event::Stale(&member.name)
            };
            sink(event).map_err(|e| (Why::Other(e), None))?;
        }
        let stay = gone.iter().filter(|_| !self.options.prune).map(|m| &m.name);
        self.record(set, names.iter().chain(stay))
            .await
            .map_err(|e| (Why::Failed(e), None))
    }

    async fn record(&self, set: &ApplySet, members: impl Iterator<Item = &ObjectName>) -> Result<(), Error> {
        let parent = set.parent(members);
        let query = format!("{}?fieldManager={}&force=true", set.path(), super::MANAGER);
        self.client
            .send(Method::PATCH, &query, Some(Content::apply(&parent)))
            .await
            .map(drop)
    }

    /// Deletes a member, unless it has been replaced since it was looked at. One that is gone already is no failure.
    async fn delete(&self, member: &Member) -> Result<(), Error> {
        let uid = member.live.at(&["metadata", "uid"]).cloned().unwrap_or_default();
        let mut options = Node::map();
        options.set("apiVersion", "v1");
        options.set("kind", "DeleteOptions");
        options.set("propagationPolicy", "Background");
        options.at_mut(&["preconditions"]).set("uid", uid);
        let path = member.resource.object(&member.name.namespace, &member.name.name);
        match self
            .client
            .send(Method::DELETE, &path, Some(Content::json(&options)))
            .await
        {
            Err(error) if error.code() == Some(404) => Ok(()),
            other => other.map(drop),
        }
    }
}

/// Whether an object has a condition that is true.
pub(super) fn has_condition(object: &Node, kind: &str) -> bool {
    let conditions = object
        .at(&["status", "conditions"])
        .and_then(Node::as_seq)
        .unwrap_or_default();
    let text = |c: &Node, key: &str| c.get(key).and_then(Node::as_str).unwrap_or_default().to_owned();
    conditions
        .iter()
        .any(|c| text(c, "type") == kind && text(c, "status") == "True")
}
