//! Objects to specs, and so to the objects of any other target.
//!
//! ```text
//! objects ──Dialect::lift──▶ drafts ──rendezvous──▶ ──residue──▶ Serving ──compile──▶ objects of another target
//!            own readers      names become questions    patches for the rest        │
//! documents of no workload ─────────────companions: selectors and references───────┘
//! ```
//!
//! A dialect turns its workloads into drafts of a Serving, with what the language has words for. Here, once for all dialects,
//! the names that controllers inject become questions that every target answers (`rendezvous`), and what a draft does not
//! say becomes patches, found by rendering it back (`residue`). By construction a lifted spec renders to the same objects;
//! and every leaf of the input is in the spec, or in the report: the account is balanced over both.

pub mod codes;
mod companions;
mod migrate;
mod order;
mod rendezvous;
mod residue;
mod scaling;

pub use companions::Marked;
pub use migrate::{Changes, Migrated, migrate};

use crate::compile::{DEFAULT_NAMESPACE, Settings};
use crate::diagnostic::account::leaves;
use crate::diagnostic::{Diagnostic, IdSet, Ledger, balance};
use crate::dialect::lifting::{Draft, Lifting};
use crate::dialect::{self, Context};
use crate::pods::Scene;
use crate::source::Document;
use crate::spec::role::Phase;
use crate::value::{Id, Node};

/// Fields of objects that no spec says: which object it is, and what became of it.
const NOT_SPECIFIED: [&str; 3] = ["apiVersion", "kind", "status"];
/// Fields of `metadata` that the API server writes.
const SERVER_OWNED: [&str; 6] = [
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "selfLink",
];

/// What lifting makes of an input.
#[derive(Debug, Default)]
pub struct Lifted {
    /// The servings, in the order of their first documents.
    pub drafts: Vec<Draft>,
    /// The documents that belong to none, by their place in the input.
    pub rest: Vec<usize>,
}

/// Lifts the workloads among the documents.
pub fn lift(documents: &[Document], settings: &Settings<'_>, ledger: &mut Ledger) -> Lifted {
    let scene = Scene {
        documents,
        namespace: settings.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE),
    };
    let mut drafts: Vec<Draft> = Vec::new();
    for dialect in dialect::ALL {
        let mut cx = Context {
            sources: settings.sources,
            platform: settings.platform,
            templates: settings.templates,
            ledger,
        };
        let found = dialect.lift(&mut Lifting {
            scene: &scene,
            cx: &mut cx,
        });
        for mut draft in found {
            settle(&mut draft);
            rendezvous::raise(&mut draft, *dialect, documents);
            scaling::raise(&mut draft, *dialect, documents, settings);
            residue::add(&mut draft, *dialect, documents, settings, ledger);
            order::arrange(&mut draft.serving);
            drafts.push(draft);
        }
    }
    drafts.sort_by_key(|d| d.replaces.first().copied());
    let taken: Vec<Id> = drafts.iter().flat_map(|d| d.replaces.iter().copied()).collect();
    let rest = (0..documents.len()).filter(|n| !taken.contains(&documents[*n].id));
    Lifted {
        rest: rest.collect(),
        drafts,
    }
}

/// What is said of an input without anything to lift.
pub fn no_workload(documents: &[Document], settings: &Settings<'_>) -> Diagnostic {
    let expander = |d: &Document| dialect::expander(&d.root, settings.platform);
    let unbuilt = |d: &&Document| expander(d).is_some_and(|e| !e.migrates());
    if let Some(document) = documents.iter().find(unbuilt) {
        let title = expander(document).map_or("", |e| e.info().title);
        let message = format!("moving out of {title} is not built");
        return Diagnostic::new(&codes::NOT_BUILT, message).at(document.id);
    }
    Diagnostic::new(
        &codes::NO_WORKLOAD,
        "the input holds no workload that can be lifted",
    )
    .at(documents.first().map(|d| d.id))
    .remedy("`kubectl infer targets` lists the workloads")
}

/// Makes phases and routing agree: prefill is nothing without decode, and what joined the two in the source, its own gateway or
/// a role of the workload, is not asked for again.
fn settle(draft: &mut Draft) {
    let is = |role: &Node, phase: Phase| role.get("phase").and_then(Node::as_str) == Some(phase.as_str());
    let roles = draft.serving.at_mut(&["spec", "roles"]).seq_mut();
    let [prefill, decode] = [Phase::Prefill, Phase::Decode].map(|p| roles.iter().any(|r| is(r, p)));
    if prefill != decode {
        for role in roles
            .iter_mut()
            .filter(|r| is(r, Phase::Prefill) || is(r, Phase::Decode))
        {
            role.set("phase", Phase::Aggregated.as_str());
        }
    }
    if prefill && decode && draft.serving.at(&["spec", "routing"]).is_none() {
        draft.set(&["routing", "router", "type"], Some("none"));
    }
}

/// Balances the account of lifting itself: each leaf of the replaced documents is in the spec, or reported.
pub fn account(draft: &Draft, documents: &[Document], settings: &Settings<'_>, ledger: &mut Ledger) {
    let mut arrived = IdSet::of_nodes([&draft.serving]);
    arrived.extend(&draft.implied);
    // Balancing uses the excuses up, and the next draft needs them too.
    let waivers = ledger.waivers.clone();
    balance(
        ledger,
        settings.sources,
        input(draft, documents, settings),
        &arrived,
    );
    ledger.waivers = waivers;
}

/// The leaves of the documents that a draft replaces, but for what the API server keeps about objects.
fn input(draft: &Draft, documents: &[Document], settings: &Settings<'_>) -> Vec<Id> {
    let own = documents.iter().filter(|d| draft.replaces.contains(&d.id));
    let mut all: Vec<Id> = Vec::new();
    for document in own {
        let mut kept = IdSet::new();
        // What says only which object it is, or what became of it, is said anew by every rendering.
        let top = NOT_SPECIFIED.iter().filter_map(|key| document.root.get(key));
        let metadata = SERVER_OWNED
            .iter()
            .filter_map(|key| document.root.at(&["metadata", key]));
        kept.merge(&IdSet::of_nodes(top.chain(metadata)));
        all.extend(leaves(document, settings.sources).filter(|id| !kept.contains(*id)));
    }
    all
}

/// The templates of a role of a lifted serving, to change them.
fn templates_mut(role: &mut Node) -> Vec<&mut Node> {
    let mut found = Vec::new();
    for (key, value) in role.map_mut().iter_mut() {
        match key.as_str() {
            "podTemplate" | "leader" | "worker" => found.push(value),
            "members" => {
                for member in value.seq_mut() {
                    found.extend(member.map_mut().get_mut("podTemplate"));
                }
            }
            _ => {}
        }
    }
    found
}

/// The members whose templates [`templates_mut`] gives, by their places; none for a template of the whole role.
fn template_members(role: &Node) -> Vec<Option<usize>> {
    let mut found = Vec::new();
    for (key, value) in role.as_map().into_iter().flatten() {
        match key.as_str() {
            "podTemplate" | "leader" | "worker" => found.push(None),
            "members" => {
                let members = value.as_seq().unwrap_or_default().iter().enumerate();
                let templated = members.filter(|(_, m)| m.get("podTemplate").is_some());
                found.extend(templated.map(|(n, _)| Some(n)));
            }
            _ => {}
        }
    }
    found
}
