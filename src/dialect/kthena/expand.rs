//! ModelServings of the input: admission, whose they are, and their pods.

use super::codes::OWNED;
use super::options::Platform;
use super::pods::{KIND, earlier, expand_read, platform, say_dropped};
use super::{adapter, admit, booster, made, read};
use crate::diagnostic::Diagnostic;
use crate::dialect::Context;
use crate::pods::scaling::autoscaled;
use crate::pods::{Expansion, Scene};
use crate::source::Document;
use crate::value::Node;

/// Expands a ModelServing of the input.
pub fn expand(document: &Document, scene: &Scene<'_>, cx: &mut Context<'_>) -> Expansion {
    let platform = platform(cx);
    let read = read::model_serving(&document.root, &platform);
    let mut serving = read.object;
    say_dropped(&read.dropped, cx.ledger);
    let mut expansion = Expansion::default();
    let too_many = admit::roles(&serving);
    let mut problems = read.problems;
    problems.extend(too_many);
    if problems.is_empty() {
        problems = admit::model_serving(&serving, &platform);
    }
    expansion.reject_all(problems, cx.ledger);
    if !expansion.is_open() {
        return expansion;
    }
    let namespace = scene.namespace_of(&document.root);
    if let Some((kind, name)) = owner(&document.root, &namespace, scene, &platform) {
        let message = format!("its pods are predicted as those of {kind} `{name}`, of which Kthena made it");
        cx.ledger
            .report(Diagnostic::new(&OWNED, message).at_ids(&serving.name.ids));
        return expansion;
    }
    if let Some(verdict) = adapter::taken_over(&document.root, &namespace, scene, &platform) {
        expansion.dead_end(verdict.code, verdict.reason, &verdict.ids, cx.ledger);
        return expansion;
    }
    serving.replicas = autoscaled(scene, KIND, &serving.name.value, &namespace, serving.replicas);
    let others = scene.of_kind(KIND, &namespace);
    let before = earlier(
        &serving.name.value,
        others.take_while(|d| d.id != document.id),
        &platform,
    );
    expand_read(
        &serving,
        &namespace,
        &platform,
        &before,
        &mut expansion,
        cx.ledger,
    );
    expansion
}

/// The object of the input that Kthena made a ModelServing of, if it did.
fn owner<'a>(
    root: &'a Node,
    namespace: &str,
    scene: &Scene<'_>,
    platform: &Platform,
) -> Option<(&'a str, &'a str)> {
    let (kind, name) = made::controller(root)?;
    let makes = kind == booster::KIND || kind == adapter::KIND && platform.adapts_leader_worker_sets();
    let named = |d: &Document| d.root.at(&["metadata", "name"]).and_then(Node::as_str) == Some(name);
    let there = makes && scene.of_kind(kind, namespace).any(named);
    there.then_some((kind, name))
}
