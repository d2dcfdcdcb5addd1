//! Objects that one dialect's controllers make and another's expand: RoleBasedGroups and graphs of Dynamo make
//! LeaderWorkerSets, graphs of Dynamo make PodCliqueSets.

use crate::diagnostic::{Ledger, Severity};
use crate::dialect::{self, Context};
use crate::pods::{Expansion, Outcome, Problem, Scene};
use crate::source::Document;
use crate::value::{Id, Ids, Node};

/// What the other dialect makes of an object.
#[derive(Debug, Default)]
pub struct Composed {
    /// The pods and child objects.
    pub expansion: Expansion,
    /// Why there are none, or not all: what the other dialect says, at its place in the input.
    pub problem: Option<Problem>,
    /// Whether its admission refuses the object.
    pub refused: bool,
}

/// Expands an object that is not in the input. Its nodes keep their places in the input, so what is said points to what the
/// object was made of; `place` is where to point to otherwise. Warnings are passed on, errors are in the result.
pub fn expand(object: Node, place: &Ids, scene: &Scene<'_>, cx: &mut Context<'_>) -> Composed {
    let Some(other) = dialect::expander(&object, cx.platform) else {
        return Composed::default();
    };
    let document = Document {
        id: place.first().unwrap_or_else(|| Id::new(0, 0)),
        root: object,
        comments: Vec::new(),
    };
    let mut ledger = Ledger::new();
    let mut own = Context {
        sources: cx.sources,
        platform: cx.platform,
        templates: cx.templates,
        ledger: &mut ledger,
    };
    let expansion = other.expand(&document, scene, &mut own);
    let (mut errors, warnings): (Vec<_>, Vec<_>) = ledger
        .diagnostics
        .into_iter()
        .partition(|d| d.severity == Severity::Error);
    warnings.into_iter().for_each(|said| cx.ledger.report(said));
    errors.retain(|d| d.at.is_some());
    let problem = expansion.outcome.verdict().map(|verdict| {
        let at = errors.iter().find(|d| d.code == verdict.code).or(errors.first());
        let ids = at.and_then(|d| d.at).map_or_else(|| place.clone(), Ids::from);
        Problem::new(verdict.code, verdict.reason.clone(), &ids)
    });
    Composed {
        refused: matches!(expansion.outcome, Outcome::Rejected(_)),
        problem,
        expansion,
    }
}

/// Leaves open the hashes of a LeaderWorkerSet's pods: they are taken over the object as its maker's types write it.
pub fn open_revisions(expansion: &mut Expansion) {
    for pod in &mut expansion.pods {
        for key in ["template-revision-hash", "group-key"] {
            let key = format!("leaderworkerset.sigs.k8s.io/{key}");
            if let Some(hash) = pod.labels.get_mut(&key) {
                *hash = "<hash>".into();
            }
        }
    }
}
