//! Predicted pods: what a dialect's controllers will make of an object.
//!
//! A dialect *expands* an object into the pods that its controllers create, each with its coordinates in the lattice, and
//! into the child objects in between (headless Services, StatefulSets, PodGroups). What is drawn at random or hashed
//! beyond computing is written as a pattern: `<random:5>` stands for five characters, `<hash>` for a hash of any length,
//! `<text>` for a script of the controller's own that is not repeated.
//!
//! A workload has one of three outcomes: its admission rejects it, it is stored and no pod ever comes of it (often without
//! any status, event or condition), or pods. The first two carry the code and the reason.

pub mod compare;
pub mod deployment;
mod env;
pub mod json;
pub mod requests;
pub mod resolve;
pub mod scaling;
pub mod select;
pub mod stateful_set;
pub mod template;
pub mod totals;

pub use env::{Injected, field_variable, inject_env, variable};

use crate::diagnostic::{Code, Diagnostic, Ledger, Severity};
use crate::source::Document;
use crate::value::{Id, Ids, Map, Node, Str};

/// A workload of the input, and what becomes of it.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The name of the dialect that expanded it.
    pub dialect: &'static str,
    /// Its kind.
    pub kind: Str,
    /// Its namespace.
    pub namespace: Str,
    /// Its name.
    pub name: Str,
    /// The root of its document.
    pub id: Id,
    /// What becomes of it.
    pub expansion: Expansion,
}

/// A rule of admission that an object breaks, found while it was read. Expanding makes it a rejection
/// ([`Expansion::reject_all`]), lifting a warning.
#[derive(Clone, Debug)]
pub struct Problem {
    /// The rule.
    pub code: &'static Code,
    /// What it says about this object.
    pub reason: String,
    /// The place that is the cause.
    pub ids: Ids,
}

impl Problem {
    /// A broken rule at a place.
    pub fn new(code: &'static Code, reason: impl Into<String>, ids: &Ids) -> Self {
        Self {
            code,
            reason: reason.into(),
            ids: ids.clone(),
        }
    }
}

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

    /// [`Expansion::reject`] for each of several problems.
    pub fn reject_all(&mut self, problems: impl IntoIterator<Item = Problem>, ledger: &mut Ledger) {
        for problem in problems {
            self.reject(problem.code, problem.reason, &problem.ids, ledger);
        }
    }

    /// Some of the pods that the object asks for will never come, although it is stored: those that do stay predicted, the
    /// outcome is [`Outcome::None`]. Reported at `ids`.
    pub fn incomplete(
        &mut self,
        code: &'static Code,
        reason: impl Into<String>,
        ids: &Ids,
        ledger: &mut Ledger,
    ) {
        let pods = std::mem::take(&mut self.pods);
        self.refuse(Outcome::None, code, reason.into(), ids, ledger);
        if !matches!(self.outcome, Outcome::Rejected(_)) {
            self.pods = pods;
        }
    }

    /// Whether `count` pods, each made of one of `templates`, can be predicted within the limits. If not, says so at `ids`, and
    /// nothing more is to be done. To be asked before the first pod is made.
    pub fn affordable(&mut self, count: u64, templates: &[&Node], ids: &Ids, ledger: &mut Ledger) -> bool {
        let mut nodes = 1_u64;
        templates.iter().for_each(|t| {
            let mut size = 0_u64;
            t.walk(&mut |_| size += 1);
            nodes = nodes.max(size);
        });
        if count <= MOST_PODS && count.saturating_mul(nodes) <= MOST_NODES {
            return true;
        }
        let reason = format!(
            "{count} pods are more than are predicted (at most {MOST_PODS}, fewer of large templates)"
        );
        self.dead_end(&TOO_MANY, reason, ids, ledger);
        false
    }

    /// No pods will come of the object although it is stored: reported at `ids`. A refusal outranks it.
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

impl<'a> Scene<'a> {
    /// The namespace of an object.
    pub fn namespace_of(&self, object: &Node) -> Str {
        object
            .at(&["metadata", "namespace"])
            .and_then(Node::as_str)
            .unwrap_or(self.namespace)
            .into()
    }

    /// The documents of a kind in a namespace.
    pub fn of_kind<'b>(
        &'b self,
        kind: &'b str,
        namespace: &'b str,
    ) -> impl Iterator<Item = &'a Document> + use<'a, 'b> {
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
    explanation: "The object asks for more pods than a Kubernetes cluster holds (150,000), or for so many of a large template that \
                  predicting them would take gigabytes. Probably a typing error in a number of replicas.",
};

/// Kubernetes refuses the pods that the controllers want to make.
pub const REFUSED: Code = Code {
    id: "INF4102",
    title: "Kubernetes refuses the pods",
    severity: Severity::Error,
    explanation: "The operator's own admission does not look into the pod template, so the object is stored. What its controllers \
                  then make of the template, pods or StatefulSets, is refused by the API server: no pod comes of it, and only an \
                  event or the controller's log says why.",
};

/// Stands for the value that a label of a node will have: that of the node on which another pod was placed.
pub const NODE_LABEL: &str = "<node>";

/// The most pods that are predicted of one object: what Kubernetes supports in a cluster.
pub const MOST_PODS: u64 = 150_000;

/// The most nodes of pod specs that are held for one object, about a gigabyte with what is printed of them.
const MOST_NODES: u64 = 10_000_000;

/// All codes of this area.
pub const CODES: &[&Code] = &[
    &TOO_MANY,
    &REFUSED,
    &select::SELECTS_NOTHING,
    &select::SCALES_NOTHING,
];
