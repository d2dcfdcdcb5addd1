//! `--set PATH=VALUE`: values from the command line, put into the tree before it is decoded.

use crate::diagnostic::closest;
use crate::value::{Node, Value};

/// A value for a place of the spec.
#[derive(Clone, PartialEq, Debug)]
pub struct Assignment {
    /// The way from `spec`: keys, and for lists an index or the `name` of an element.
    pub path: Vec<String>,
    /// The value, with ids of the command line.
    pub value: Node,
}

/// Splits `a.b[0].c` or `roles.prefill.replicas` into its steps. A step in brackets may hold dots; a backslash keeps a dot.
///
/// # Errors
/// An empty step, or a bracket that is not closed.
pub fn path(text: &str) -> Result<Vec<String>, String> {
    let (mut steps, mut step, mut chars) = (Vec::new(), String::new(), text.chars());
    let mut bracket = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => step.extend(chars.next()),
            ']' if bracket => bracket = false,
            _ if bracket => step.push(c),
            '.' | '[' => {
                steps.push(std::mem::take(&mut step));
                bracket = c == '[';
            }
            _ => step.push(c),
        }
    }
    steps.push(step);
    if bracket {
        return Err("`[` without `]`".into());
    }
    // `roles[0].name` closes a bracket right before a dot, which leaves an empty step between the two.
    let mut out: Vec<String> = Vec::new();
    for (i, step) in steps.iter().enumerate() {
        if step.is_empty() && (i == 0 || !text.contains("].")) {
            return Err("a step of the path is empty".into());
        }
        if !step.is_empty() {
            out.push(step.clone());
        }
    }
    Ok(out)
}

/// Puts a value in its place under `spec`, making mappings on the way.
///
/// # Errors
/// A step that leads into a scalar, or names no element of a list.
pub fn assign(root: &mut Node, assignment: &Assignment) -> Result<(), String> {
    let mut at = root.map_mut().entry_map("spec");
    for step in &assignment.path {
        let found = match &at.value {
            Value::Seq(seq) => Some(element(seq, step)?),
            Value::Map(_) | Value::Null => None,
            _ => return Err(format!("`{step}` leads into a value that is no mapping")),
        };
        at = match found {
            Some(index) if index == at.seq_mut().len() => {
                at.seq_mut().push(Node::map());
                &mut at.seq_mut()[index]
            }
            Some(index) => &mut at.seq_mut()[index],
            None => at.map_mut().entry_map(step),
        };
    }
    *at = assignment.value.clone();
    Ok(())
}

/// The index of an element by number (one past the end appends) or by its `name`.
fn element(seq: &[Node], step: &str) -> Result<usize, String> {
    if let Ok(index) = step.parse::<usize>() {
        return if index <= seq.len() {
            Ok(index)
        } else {
            Err(format!("there is no element {index}: the list has {}", seq.len()))
        };
    }
    let names = || seq.iter().map(|n| n.get("name").and_then(Node::as_str));
    names().position(|name| name == Some(step)).ok_or_else(|| {
        let hint = closest(step, names().flatten())
            .map(|meant| format!("; did you mean `{meant}`?"))
            .unwrap_or_default();
        format!("no element of the list is called `{step}`{hint}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_dots_brackets_and_escapes() {
        assert_eq!(path("engine.image"), Ok(vec!["engine".into(), "image".into()]));
        assert_eq!(
            path("roles[0].replicas"),
            Ok(vec!["roles".into(), "0".into(), "replicas".into()])
        );
        assert_eq!(path("a[b.c]"), Ok(vec!["a".into(), "b.c".into()]));
        assert_eq!(path(r"a.b\.c"), Ok(vec!["a".into(), "b.c".into()]));
        assert!(path("a..b").is_err() && path("").is_err() && path("a[").is_err());
    }
}
