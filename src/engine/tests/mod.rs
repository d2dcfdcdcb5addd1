//! Tests against the facts that the tables were made of, and against what engines do.

mod corpus;
mod facts;
mod flags;
mod plans;
mod routers;
mod settings;

use crate::engine::Version;
use crate::value::{Id, Ids, Node, Value};

/// Words with an origin each.
pub(super) fn words(line: &str) -> Vec<Node> {
    line.split_whitespace()
        .enumerate()
        .map(|(at, w)| Node::new(Value::Str(w.into()), Id::new(0, at as u32)))
        .collect()
}

/// A known version, or an unknown one for the empty string.
pub(super) fn version(text: &str) -> Version {
    Version::of_text(text, &Ids::none())
}
