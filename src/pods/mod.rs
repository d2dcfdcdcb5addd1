//! Predicted pods: what a dialect's controllers will make of an object.
//!
//! A dialect *expands* an object into the pods that its controllers create, each with its coordinates in the lattice, and
//! into the child objects in between (headless Services, StatefulSets, PodGroups). What is drawn at random or hashed
//! beyond computing is written as a pattern: `<random:5>` stands for five characters, `<hash>` for a hash of any length.
//!
//! A workload has one of three outcomes: its admission rejects it, it is stored and no pod ever comes of it (often without
//! any status, event or condition), or pods. The first two carry the code and the reason.

mod env;

pub use env::{Injected, field_variable, inject_env, variable};

use crate::diagnostic::{Code, Diagnostic, Ledger, Severity};
use crate::source::Document;
use crate::value::{Ids, Map, Node, Str};

/// What comes of an object.
#[derive(Clone, Debug, Default)]
pub struct Expansion {
    /// Whether there are pods, and why not.
    pub outcome: Outcome,
    /// The pods in the order of their coordinates.
    pub pods: Vec<Pod>,
    /// The other objects that the controllers make, in the order of their making.
    pub children: Vec<Child>,
}

/// Whether an object becomes pods.
#[derive(Clone, Debug, Default)]
pub enum Outcome {
    /// It does. (A workload of no replicas does too: it has no pods because it asks for none.)
    #[default]
    Pods,
    /// It is stored, and no pod ever comes of it, or not all of them.
    None(Verdict),
    /// Its admission refuses it.
    Rejected(Verdict),
}

/// Why an object does not become pods.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The rule.
    pub code: &'static Code,
    /// What it says about this object.
    pub reason: String,
}

impl Outcome {
    /// The word of the output.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pods => "pods",
            Self::None(_) => "none",
            Self::Rejected(_) => "rejected",
        }
    }

    /// The verdict, if there is one.
    pub const fn verdict(&self) -> Option<&Verdict> {
        match self {
            Self::Pods => None,
            Self::None(verdict) | Self::Rejected(verdict) => Some(verdict),
        }
    }
}

impl Expansion {
    /// Admission refuses the object: reported at `ids`. The first refusal is the outcome; all are reported.
    pub fn reject(&mut self, code: &'static Code, reason: impl Into<String>, ids: &Ids, ledger: &mut Ledger) {
        self.refuse(Outcome::Rejected, code, reason.into(), ids, ledger);
    }

    /// No pods, or not all, will come of the object although it is stored: reported at `ids`. A refusal outranks it.
    pub fn dead_end(
        &mut self,
        code: &'static Code,
        reason: impl Into<String>,
        ids: &Ids,
        ledger: &mut Ledger,
    ) {
        self.refuse(Outcome::None, code, reason.into(), ids, ledger);
    }

    fn refuse(
        &mut self,
        outcome: fn(Verdict) -> Outcome,
        code: &'static Code,
        reason: String,
        ids: &Ids,
        ledger: &mut Ledger,
    ) {
        ledger.report(
            Diagnostic::new(code, reason.clone())
                .at_ids(ids)
                .severity(Severity::Error),
        );
        let verdict = outcome(Verdict { code, reason });
        let stronger = matches!(
            (&self.outcome, &verdict),
            (Outcome::Pods, _) | (Outcome::None(_), Outcome::Rejected(_))
        );
        if stronger {
            self.outcome = verdict;
        }
        self.pods.clear();
    }

    /// Whether an object's expansion may go on: nothing was refused so far.
    pub const fn is_open(&self) -> bool {
        matches!(self.outcome, Outcome::Pods)
    }
}

/// A pod that will be created.
#[derive(Clone, Debug, Default)]
pub struct Pod {
    /// The copy of the role set, from 0.
    pub slice: u32,
    /// The role, as the dialect names it (a LeaderWorkerSet is a role of its own name).
    pub role: Str,
    /// The engine instance within the role and slice, from 0.
    pub replica: u32,
    /// The kind of pod in the replica: `leader`, `worker`, a clique, a component; empty where there is one kind only.
    pub member: Str,
    /// The rank in the replica, from 0.
    pub index: u32,
    /// The name; a pattern if a part of it is random.
    pub name: Str,
    /// `metadata.generateName`, if it is set.
    pub generate_name: Option<Str>,
    /// All labels.
    pub labels: Map,
    /// All annotations.
    pub annotations: Map,
    /// The PodSpec as the controllers and webhooks of the dialect make it, hostname, subdomain, scheduler and gates
    /// included; without what the API server and the scheduler add to every pod.
    pub spec: Node,
}

impl Pod {
    /// Whether a part of the name cannot be known before.
    pub fn is_pattern(&self) -> bool {
        self.name.contains('<')
    }

    /// A string field of the spec.
    pub fn spec_str(&self, field: &str) -> Option<&str> {
        self.spec.get(field).and_then(Node::as_str)
    }
}

/// An object that controllers make besides pods.
#[derive(Clone, Debug)]
pub struct Child {
    /// Its apiVersion.
    pub api_version: Str,
    /// Its kind.
    pub kind: Str,
    /// Its name; a pattern if a part of it is random or hashed beyond computing.
    pub name: Str,
    /// Kind and name of its owner.
    pub owner: (Str, Str),
    /// The fields that are known: labels, spec, and what else the dialect knows, as the object would be written.
    pub object: Node,
}

/// What an expansion looks at beside the object.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// All documents of the input: Services, ConfigMaps, policies that change what becomes of the object.
    pub documents: &'a [Document],
    /// The namespace of objects that name none.
    pub namespace: &'a str,
}

impl Scene<'_> {
    /// The namespace of an object.
    pub fn namespace_of(&self, object: &Node) -> Str {
        object
            .at(&["metadata", "namespace"])
            .and_then(Node::as_str)
            .unwrap_or(self.namespace)
            .into()
    }

    /// The documents of a kind in a namespace.
    pub fn of_kind<'b>(&'b self, kind: &'b str, namespace: &'b str) -> impl Iterator<Item = &'b Document> {
        self.documents.iter().filter(move |d| {
            d.root.get("kind").and_then(Node::as_str) == Some(kind) && self.namespace_of(&d.root) == namespace
        })
    }
}

/// More pods than any cluster has: answered with a diagnostic instead of with memory.
pub const TOO_MANY: Code = Code {
    id: "INF4101",
    title: "too many pods to predict",
    severity: Severity::Error,
    explanation: "The object asks for more than a million pods, beyond any Kubernetes cluster. Probably a typing error.",
};

/// The most pods that are predicted.
pub const MOST_PODS: u64 = 1_000_000;

/// All codes of this area.
pub const CODES: &[&Code] = &[&TOO_MANY];
