//! How the Grove operator of a cluster runs, as far as the Platform document and the input tell.

use super::options::Platform;
use super::read::Set;
use crate::dialect::Context;
use crate::pods::Scene;
use crate::spec::decode::Decoder;
use crate::value::{Node, Str};

/// The profile that is always enabled, and the default unless the configuration says otherwise.
pub(super) const DEFAULT: &str = "default-scheduler";
/// KAI's profile.
pub(super) const KAI: &str = "kai-scheduler";
/// Volcano's profile.
pub(super) const VOLCANO: &str = "volcano";
/// LPX's profile.
pub(super) const LPX: &str = "lpx-scheduler";

/// The operator.
#[derive(Debug)]
pub(in crate::dialect) struct Operator {
    /// What the Platform document says.
    pub(super) platform: Platform,
}

/// What is known about a ClusterTopologyBinding.
#[derive(PartialEq, Eq, Debug)]
pub(in crate::dialect) enum Binding {
    /// Its domains and their node labels, from broad to narrow.
    Known(Vec<(Str, Str)>),
    /// It is not there.
    Missing,
    /// Nothing.
    Unknown,
}

impl Operator {
    /// Reads the Platform document.
    pub(in crate::dialect) fn new(cx: &mut Context<'_>) -> Self {
        let mut decoder = Decoder {
            sources: cx.sources,
            ledger: cx.ledger,
        };
        Self {
            platform: cx.platform.section("grove", &mut decoder),
        }
    }

    /// The scheduler that a name in a PodSpec stands for.
    pub(super) fn scheduler(&self, name: &str) -> Str {
        if !name.is_empty() {
            return name.into();
        }
        self.platform
            .default_scheduler
            .as_ref()
            .map_or(DEFAULT.into(), |d| d.value.clone())
    }

    /// The scheduler of a set: that of its first clique.
    pub(super) fn scheduler_of(&self, set: &Set) -> Str {
        let first = set.cliques.first();
        self.scheduler(
            first
                .and_then(|c| c.pod_spec.get("schedulerName"))
                .and_then(Node::as_str)
                .unwrap_or_default(),
        )
    }

    /// Whether a scheduler may be enabled: that it is not is only known if the document lists them.
    pub(super) fn may_schedule(&self, name: &str) -> bool {
        let default = self.platform.default_scheduler.as_ref();
        let listed = self.platform.schedulers.as_ref();
        name == DEFAULT
            || default.is_some_and(|d| d.value == name)
            || listed.map_or([KAI, VOLCANO, LPX].contains(&name), |l| {
                l.iter().any(|s| s.value == name)
            })
    }

    /// Whether topology constraints are known to be switched off.
    pub(super) fn without_topology(&self) -> bool {
        self.platform.topologies.as_ref().is_some_and(Vec::is_empty)
    }

    /// The binding of a name.
    pub(in crate::dialect) fn binding(&self, name: &str, scene: &Scene<'_>) -> Binding {
        let levels = |domain: Option<&str>, key: Option<&str>| Some((Str::from(domain?), Str::from(key?)));
        if let Some(document) = scene.documents.iter().find(|d| {
            d.root.get("kind").and_then(Node::as_str) == Some("ClusterTopologyBinding")
                && d.root.at(&["metadata", "name"]).and_then(Node::as_str) == Some(name)
        }) {
            let list = document.root.at(&["spec", "levels"]).and_then(Node::as_seq);
            let text = |level: &Node, key| level.get(key).and_then(Node::as_str).map(str::to_owned);
            let read = |level: &Node| levels(text(level, "domain").as_deref(), text(level, "key").as_deref());
            return Binding::Known(list.unwrap_or_default().iter().filter_map(read).collect());
        }
        let Some(listed) = &self.platform.topologies else {
            return Binding::Unknown;
        };
        let named = |t: &&super::options::TopologyBinding| t.name.as_ref().is_some_and(|n| n.value == name);
        listed.iter().find(named).map_or(Binding::Missing, |found| {
            let of = |l: &super::options::TopologyLevel| {
                levels(
                    l.domain.as_ref().map(|d| d.value.as_str()),
                    l.key.as_ref().map(|k| k.value.as_str()),
                )
            };
            Binding::Known(found.levels.iter().flatten().filter_map(of).collect())
        })
    }
}
