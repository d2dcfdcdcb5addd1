//! ModelBoosters: a model and its engine, of which Kthena makes a ModelServing, a ModelServer and a ModelRoute.

mod admit;
mod cache;
mod command;
mod containers;
mod read;
mod routing;
mod serving;

use super::codes::NOT_MADE;
use super::made::{self, Made};
use super::pods::{platform, say_dropped};
use crate::dialect::Context;
use crate::pods::{Expansion, Scene};
use crate::source::Document;

/// The kind.
pub const KIND: &str = "ModelBooster";

/// Expands a ModelBooster of the input.
pub fn expand(document: &Document, scene: &Scene<'_>, cx: &mut Context<'_>) -> Expansion {
    let platform = platform(cx);
    let mut read = read::booster(&document.root);
    say_dropped(&read.dropped, cx.ledger);
    if read.problems.is_empty() {
        admit::admit(&read.object.root, &mut read.problems);
    }
    let mut expansion = Expansion::default();
    expansion.reject_all(read.problems, cx.ledger);
    if !expansion.is_open() {
        return expansion;
    }
    let booster = read.object;
    let namespace = scene.namespace_of(&document.root);
    if let Some(other) = made::stranger(
        scene,
        &namespace,
        &booster.child_name().value,
        (KIND, &booster.name.value),
    ) {
        let reason = format!(
            "a ModelServing `{}` is there already and not its own",
            booster.child_name().value
        );
        expansion.dead_end(&NOT_MADE, reason, &other.root.ids, cx.ledger);
        return expansion;
    }
    match serving::model_serving(&booster, &platform) {
        Ok(root) => {
            let made = Made {
                root,
                owner: (KIND, booster.name.value.clone()),
                namespace,
                ids: &document.root.ids,
                scaled: true,
            };
            let siblings = routing::objects(&booster);
            made::expand(made, siblings, scene, &platform, &mut expansion, cx.ledger);
        }
        Err(problem) => expansion.dead_end(problem.code, problem.reason, &problem.ids, cx.ledger),
    }
    expansion
}
