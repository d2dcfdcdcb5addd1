//! How the Dynamo operator of a cluster runs, as far as the Platform document and the input tell.

use super::options::Platform;
use crate::dialect::Context;
use crate::dialect::grove::operator::{Binding, Operator as Grove};
use crate::kubernetes::duration::Duration;
use crate::pods::Scene;
use crate::spec::decode::Decoder;
use crate::value::{Node, Str, Traced};

/// NATS as the platform's chart installs it.
const NATS: &str = "nats://dynamo-platform-nats.dynamo-system.svc.cluster.local:4222";

impl Platform {
    /// Whether Grove is there.
    pub fn has_grove(&self) -> bool {
        flag(self.grove.as_ref(), true)
    }

    /// Whether LeaderWorkerSets can be made.
    pub fn has_lws(&self) -> bool {
        flag(self.lws.as_ref(), true)
    }

    /// The operator's version.
    pub fn version(&self) -> Str {
        word(self.version.as_ref(), "1.5.0")
    }
}

fn flag(value: Option<&Traced<bool>>, default: bool) -> bool {
    value.map_or(default, |v| v.value)
}

fn word(value: Option<&Traced<Str>>, default: &str) -> Str {
    value.map_or_else(|| default.into(), |v| v.value.clone())
}

/// The operator.
#[derive(Debug)]
pub(super) struct Operator<'a> {
    /// What the Platform document says.
    pub platform: Platform,
    /// The input.
    pub scene: &'a Scene<'a>,
    grove: Grove,
}

impl<'a> Operator<'a> {
    /// Reads the Platform document.
    pub(super) fn new(scene: &'a Scene<'a>, cx: &mut Context<'_>) -> Self {
        let grove = Grove::new(cx);
        let mut decoder = Decoder {
            sources: cx.sources,
            ledger: cx.ledger,
        };
        Self {
            platform: cx.platform.section("dynamo", &mut decoder),
            scene,
            grove,
        }
    }

    /// The discovery backend of objects that name none.
    pub(super) fn discovery(&self) -> Str {
        word(self.platform.discovery_backend.as_ref(), "kubernetes")
    }

    /// The environment that all of Dynamo's containers get, from the operator's configuration.
    pub(super) fn environment(&self) -> Vec<(&'static str, Str)> {
        let all = [
            ("NATS_SERVER", word(self.platform.nats_address.as_ref(), NATS)),
            ("ETCD_ENDPOINTS", word(self.platform.etcd_address.as_ref(), "")),
            (
                "MODEL_EXPRESS_URL",
                word(self.platform.model_express_url.as_ref(), ""),
            ),
            (
                "PROMETHEUS_ENDPOINT",
                word(self.platform.prometheus_endpoint.as_ref(), ""),
            ),
        ];
        all.into_iter().filter(|(_, value)| !value.is_empty()).collect()
    }

    /// The Secret that joins pods of TensorRT-LLM.
    pub(super) fn mpi_secret(&self) -> Str {
        word(self.platform.mpi_secret.as_ref(), "mpi-run-ssh-secret")
    }

    /// Whether checkpoints are enabled.
    pub(super) fn checkpoints(&self) -> bool {
        flag(self.platform.checkpoints.as_ref(), false)
    }

    /// Whether KAI schedules graphs.
    pub(super) fn kai(&self) -> bool {
        flag(self.platform.kai.as_ref(), false)
    }

    /// Whether Volcano schedules graphs.
    pub(super) fn volcano(&self) -> bool {
        flag(self.platform.volcano.as_ref(), false)
    }

    /// Whether a queue of KAI may be there.
    pub(super) fn may_have_queue(&self, name: &str) -> bool {
        let listed = self.platform.queues.as_ref();
        listed.is_none_or(|l| l.iter().any(|q| q.value == name))
            || self.scene.documents.iter().any(|d| {
                let text = |path: &[&str]| d.root.at(path).and_then(Node::as_str);
                text(&["kind"]) == Some("Queue") && text(&["metadata", "name"]) == Some(name)
            })
    }

    /// Whether a claim is in a namespace: `None` if nobody knows.
    pub(super) fn claim(&self, name: &str, namespace: &str) -> Option<bool> {
        let named = |d: &crate::source::Document| {
            d.root.at(&["metadata", "name"]).and_then(Node::as_str) == Some(name)
        };
        if self.scene.of_kind("PersistentVolumeClaim", namespace).any(named) {
            return Some(true);
        }
        let listed = self.platform.claims.as_ref()?;
        Some(listed.iter().any(|c| c.value == name))
    }

    /// How long a gang may be broken, as the PodCliqueSet says it; nothing if it is left to Grove.
    pub(super) fn termination_delay(&self) -> Option<Str> {
        let written = word(self.platform.termination_delay.as_ref(), "4h");
        let duration = Duration::parse(&written).ok()?;
        (duration.nanoseconds() > 0).then(|| duration.to_string().into())
    }

    /// A ClusterTopologyBinding.
    pub(super) fn binding(&self, name: &str) -> Binding {
        self.grove.binding(name, self.scene)
    }
}
