//! The tree that every document is, on its way in and on its way out.
//!
//! A [`Node`] is a YAML value that remembers where it came from. The memory is a set of [`Id`]s, one for each node of
//! an input document that the value was derived from; it is what makes "nothing is lost in silence" checkable. Values
//! are copied, merged, computed with and placed in objects, and their ids travel along; after lowering, the ids that
//! arrived in the output plus the ids that were reported must be all ids of the input.
//!
//! Rules for code that handles nodes:
//!
//! - copy a node, do not rebuild it: `node.clone()` keeps the ids, `Node::from(node.as_str())` loses them;
//! - a value computed from others carries all their ids: [`Traced::zip`], [`Node::derived`];
//! - a value that decided that something is *absent* leaves its ids on the container that lacks it ([`Node::decided_by`]).
//!
//! Strings may hold [`Reference`]s, questions that only the target can answer ("what is my leader's address?").

mod ids;
mod map;
mod node;
mod reference;
mod traced;

pub use ids::{Id, Ids};
pub use map::Map;
pub use node::{Node, Value};
pub use reference::{Piece, Reference, Text, TextBuilder};
pub use traced::Traced;

/// The string type of keys and values: short ones inline, long ones shared.
pub use smol_str::SmolStr as Str;
