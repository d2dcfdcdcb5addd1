//! The API server: who it is, what it serves, what an object would become, and what is there already.
//!
//! Everything is server-side apply as the manager [`MANAGER`]. A comparison is a dry run of it: the server itself says what would
//! be, defaults, conversions and admission included, and only then two trees of the same making are compared ([`crate::diff`]).
//!
//! ```text
//! flags, kubeconfig ──config──▶ Client ──discovery──▶ Resource ──patch──▶ what would be ─┐
//!                                        └──────────get────────▶ what is ───────────────┴─compare──▶ Compared
//! ```
//!
//! The runtime is made by [`Cluster::connect`]: verbs that need no cluster pay nothing for it.

mod apply;
mod client;
mod compare;
mod config;
mod discovery;
mod error;
pub mod json;
mod live;
mod object;
mod options;
mod owners;
mod patch;
mod proxy;
mod set;
mod wait;

pub use apply::{Done, Event, Group, Options, Sink, Stopped, Why};
pub use client::{Client, Content, encode};
pub use compare::{Compared, Scene, Verdict, shown};
pub use discovery::{Discovery, Resource};
pub use error::{Cause, Error, Status};
pub use live::{Controller, Installed, Target};
pub use object::ObjectName;
pub use options::Connection;
pub use owners::{Manager, Owners};
pub use patch::{Applied, Conflict, Mode, conflicts};
pub use set::{ApplySet, Member};
pub use wait::{Expected, Progress};

use crate::value::Node;
use futures::stream::{self, StreamExt};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::runtime::Runtime;

/// The field manager of everything that this tool applies.
pub const MANAGER: &str = "kubectl-infer";
/// How many requests are under way at a time.
pub const AT_ONCE: usize = 16;

/// A cluster, and what was learnt of it.
pub struct Cluster {
    runtime: Runtime,
    /// Speaks to the server.
    pub client: Client,
    /// What the server serves.
    pub discovery: Discovery,
}

impl Cluster {
    /// Connects as the options, the kubeconfig files and the environment say.
    ///
    /// # Errors
    /// The configuration cannot be used.
    pub fn connect(options: &Connection) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| Error::Config(e.to_string()))?;
        let client = runtime.block_on(Client::new(options))?;
        Ok(Self {
            runtime,
            client,
            discovery: Discovery::default(),
        })
    }

    /// Waits for something.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Compares objects with the cluster, [`AT_ONCE`] at a time. `each` gets the results in the order of the objects, as soon
    /// as they are there; it stops the rest by an error.
    ///
    /// # Errors
    /// That of `each`; the connection as such failed.
    pub fn compare<E: From<Error>>(
        &self,
        objects: &[&Node],
        scene: &Scene<'_>,
        mut each: impl FnMut(Compared) -> Result<(), E>,
    ) -> Result<(), E> {
        self.run(async {
            self.discovery.prepare(&self.client, versions(objects)).await?;
            let futures = objects
                .iter()
                .map(|o| compare::compare(&self.client, &self.discovery, o, scene));
            let mut results = stream::iter(futures).buffered(AT_ONCE);
            while let Some(compared) = results.next().await {
                if let Verdict::Failed(error) = &compared.verdict
                    && error.is_of_connection()
                {
                    return Err(error.clone().into());
                }
                each(compared)?;
            }
            Ok(())
        })
    }

    /// The members of a set that are there and are not among the given objects.
    ///
    /// # Errors
    /// No answer, no permission to list, or a set that is somebody else's.
    pub fn gone(&self, set: &ApplySet, keep: &BTreeSet<ObjectName>) -> Result<Vec<Member>, Error> {
        self.run(set.gone(&self.client, &self.discovery, keep))
    }

    /// Applies groups of objects in order. Stops at the first failure, and at Ctrl-C between two requests (a second one does not
    /// wait for the request under way). `expected` is what a dry run said; it only names what was done.
    ///
    /// # Errors
    /// Why it stopped, and what was not applied.
    pub fn apply(
        &self,
        groups: &[Group],
        scene: &Scene<'_>,
        expected: &BTreeMap<ObjectName, Done>,
        options: Options,
        sink: Sink<'_>,
    ) -> Result<(), Box<Stopped>> {
        let interrupted = Cell::new(false);
        let applier = apply::Applier {
            client: &self.client,
            discovery: &self.discovery,
            scene,
            options,
            expected,
            interrupted: &interrupted,
        };
        self.run(async {
            let mut work = std::pin::pin!(applier.apply(groups, sink));
            loop {
                tokio::select! {
                    result = &mut work => return result,
                    signal = tokio::signal::ctrl_c() => {
                        if interrupted.replace(true) || signal.is_err() {
                            return Err(Box::new(Stopped { why: Why::Interrupted, at: None, remaining: Vec::new() }));
                        }
                    }
                }
            }
        })
    }

    /// How far pods and objects are: those of specs by role, then every object that says of itself that it is not ready.
    ///
    /// # Errors
    /// No answer, or no permission.
    pub fn progress(&self, expected: &[Expected], objects: &[ObjectName]) -> Result<Vec<Progress>, Error> {
        self.run(async {
            let mut progress = Vec::new();
            for pods in expected {
                progress.extend(wait::pods(&self.client, pods).await?);
            }
            for name in objects {
                progress.extend(wait::object(&self.client, &self.discovery, name).await?);
            }
            Ok(progress)
        })
    }

    /// Waits; `true` if Ctrl-C came first.
    pub fn pause(&self, time: Duration) -> bool {
        self.run(async {
            tokio::select! {
                () = tokio::time::sleep(time) => false,
                _ = tokio::signal::ctrl_c() => true,
            }
        })
    }

    /// Gets a live object as it was written: without status and without what the server keeps for itself. `kind` is any word
    /// that kubectl knows it by: `stormservice`, `lws`, `deployments.apps`.
    ///
    /// # Errors
    /// No such kind or object; no answer.
    pub fn get(&self, kind: &str, name: &str, namespace: Option<&str>) -> Result<Node, Error> {
        self.run(async {
            let resource = self.discovery.named(&self.client, kind).await?;
            let namespace = namespace.unwrap_or(&self.client.namespace);
            let live = self.client.get(&resource.object(namespace, name)).await?;
            Ok(shown(&live))
        })
    }
}

/// The groups and versions of objects.
fn versions(objects: &[&Node]) -> BTreeSet<String> {
    let version = |o: &&Node| o.get("apiVersion").and_then(Node::as_str).map(str::to_owned);
    objects
        .iter()
        .filter_map(version)
        .filter(|v| !v.is_empty())
        .collect()
}
