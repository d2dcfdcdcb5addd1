//! Single differences, each with its place.

use super::{Delta, Reordered};
use crate::source::emit::{self, Format};
use crate::value::{Node, Str, Value};
use std::fmt::{self, Display, Formatter};

/// A step from a node to one below it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Step {
    /// The value of a key.
    Key(Str),
    /// The element of a list with these values: `name=engine`.
    Element(Vec<(Str, Str)>),
    /// The element of a list that is this value.
    Value(Str),
    /// The element of a list at this place.
    Index(usize),
}

/// What happened at a place.
#[derive(Clone, PartialEq, Debug)]
pub enum Kind<'a> {
    /// It is new.
    Added(&'a Node),
    /// It is gone.
    Removed(&'a Node),
    /// It has another value.
    Replaced(&'a Node, &'a Node),
    /// The elements of the list stand in another order.
    Reordered(Reordered),
}

/// A difference.
#[derive(Clone, PartialEq, Debug)]
pub struct Change<'a> {
    /// Where.
    pub path: Vec<Step>,
    /// What.
    pub kind: Kind<'a>,
}

impl Kind<'_> {
    /// The word of the machine-readable outputs.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Added(_) => "add",
            Self::Removed(_) => "remove",
            Self::Replaced(..) => "replace",
            Self::Reordered(_) => "reorder",
        }
    }
}

pub(super) fn collect<'a>(delta: &Delta<'a>, path: &mut Vec<Step>, changes: &mut Vec<Change<'a>>) {
    let mut push = |kind| {
        changes.push(Change {
            path: path.clone(),
            kind,
        })
    };
    match delta {
        Delta::Same(_) => {}
        Delta::Added(new) => push(Kind::Added(new)),
        Delta::Removed(old) => push(Kind::Removed(old)),
        Delta::Replaced(old, new) => push(Kind::Replaced(old, new)),
        Delta::Map(entries) => {
            for (key, inner) in entries {
                path.push(Step::Key(key.clone()));
                collect(inner, path, changes);
                path.pop();
            }
        }
        Delta::List(list) => {
            if let Some(reordered) = &list.reordered {
                push(Kind::Reordered(reordered.clone()));
            }
            for (step, inner) in &list.elements {
                path.push(step.clone());
                collect(inner, path, changes);
                path.pop();
            }
        }
    }
}

/// A place in words: `spec.containers[name=engine].args[2]`.
pub fn path(steps: &[Step]) -> String {
    let mut out = String::new();
    for step in steps {
        match step {
            Step::Key(key) if key.contains(['.', '/']) => out.push_str(&format!("[{key}]")),
            Step::Key(key) => {
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(key);
            }
            other => out.push_str(&format!("[{other}]")),
        }
    }
    out
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) | Self::Value(key) => f.write_str(key),
            Self::Index(index) => write!(f, "{index}"),
            Self::Element(values) => {
                let pairs: Vec<String> = values.iter().map(|(k, v)| format!("{k}={v}")).collect();
                f.write_str(&pairs.join(","))
            }
        }
    }
}

/// A value in a few words: the text of a scalar, the JSON of anything else, cut where it is long.
fn brief(node: &Node) -> String {
    const MOST: usize = 60;
    let text = match &node.value {
        Value::Str(text) if !text.is_empty() && !text.contains('\n') => text.to_string(),
        _ => {
            let page = emit::documents(std::slice::from_ref(node), Format::Json);
            page.lines().map(str::trim).collect::<Vec<_>>().join(" ")
        }
    };
    match text.char_indices().nth(MOST) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

impl Display for Change<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let place = path(&self.path);
        match &self.kind {
            Kind::Added(new) => write!(f, "{place}: added {}", brief(new)),
            Kind::Removed(old) => write!(f, "{place}: removed {}", brief(old)),
            Kind::Replaced(old, new) => write!(f, "{place}: {} → {}", brief(old), brief(new)),
            Kind::Reordered(order) => {
                let words = |steps: &[Step]| {
                    steps
                        .iter()
                        .map(ToString::to_string)
                        .collect::<Vec<_>>()
                        .join(", ")
                };
                write!(f, "{place}: order {} → {}", words(&order.old), words(&order.new))
            }
        }
    }
}
