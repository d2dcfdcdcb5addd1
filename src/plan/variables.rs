//! References as users write them: `$(infer.leader)` in arguments, environment variables and pod templates.

use super::codes::{BAD_REFERENCE, UNKNOWN_ROLE};
use crate::diagnostic::{Diagnostic, Ledger};
use crate::value::{Node, Piece, Reference, Str, Text, Value};

const OPEN: &str = "$(infer.";

/// Turns the references in all strings of a tree into [`Reference`]s. `roles` are the names that they may use.
pub fn read(node: &mut Node, roles: &[Str], ledger: &mut Ledger) {
    node.walk_mut(&mut |n| {
        if let Value::Str(s) = &n.value
            && holds_reference(s)
            && let Some(text) = read_text(&s.clone(), n, roles, ledger)
        {
            n.value = Node::from(text).value;
        }
    });
}

/// Whether a string has a reference in it. Most have not even its first character.
fn holds_reference(s: &str) -> bool {
    s.as_bytes().contains(&b'$') && s.contains(OPEN)
}

fn read_text(s: &str, at: &Node, roles: &[Str], ledger: &mut Ledger) -> Option<Text> {
    let mut text = Text::new();
    let mut rest = s;
    while let Some(start) = rest.find(OPEN) {
        let inner = &rest[start + OPEN.len()..];
        let Some(end) = inner.find(')') else { break };
        if start > 0 {
            text.push(Piece::Literal(rest[..start].into()));
        }
        text.push(Piece::Reference(parse(&inner[..end], at, roles, ledger)?));
        rest = &inner[end + 1..];
    }
    if !rest.is_empty() {
        text.push(Piece::Literal(rest.into()));
    }
    Some(text)
}

/// The reference of `infer.<name>`.
fn parse(name: &str, at: &Node, roles: &[Str], ledger: &mut Ledger) -> Option<Reference> {
    let words: Vec<&str> = name.split('.').collect();
    let reference = match *words.as_slice() {
        ["leader"] => Some(Reference::Leader),
        ["rank"] => Some(Reference::Rank { times: 1 }),
        ["size"] => Some(Reference::Size),
        ["peers"] => Some(Reference::Peers {
            separator: ",".into(),
        }),
        ["namespace"] => Some(Reference::Namespace),
        ["service", role] => Some(Reference::Service { role: role.into() }),
        ["selector", role] => Some(Reference::Selector {
            role: role.into(),
            separator: ",".into(),
        }),
        ["addr", role, replica, rank] => match (replica.parse(), rank.parse()) {
            (Ok(replica), Ok(rank)) => Some(Reference::Address {
                role: role.into(),
                replica,
                rank,
            }),
            _ => None,
        },
        [rank] => rank
            .strip_prefix("rank*")
            .and_then(|t| t.parse().ok())
            .map(|times| Reference::Rank { times }),
        _ => None,
    };
    let Some(reference) = reference else {
        let message = format!("`$(infer.{name})` is not a reference");
        report(
            ledger,
            Diagnostic::new(&BAD_REFERENCE, message)
                .at_ids(&at.ids)
                .remedy("`kubectl infer explain INF1014` lists them"),
        );
        return None;
    };
    if let Reference::Service { role } | Reference::Selector { role, .. } | Reference::Address { role, .. } =
        &reference
        && !roles.contains(role)
    {
        let message = format!("no role is called `{role}`");
        report(ledger, Diagnostic::new(&UNKNOWN_ROLE, message).at_ids(&at.ids));
        return None;
    }
    Some(reference)
}

/// Says something once: command lines are read before they become part of a template, which is read again.
fn report(ledger: &mut Ledger, said: Diagnostic) {
    let same = |d: &Diagnostic| d.code == said.code && d.at == said.at && d.message == said.message;
    if !ledger.diagnostics.iter().any(same) {
        ledger.report(said);
    }
}

/// A reference as users write it: the inverse of [`read`].
pub fn write(reference: &Reference) -> String {
    match reference {
        Reference::Leader => "$(infer.leader)".into(),
        Reference::Rank { times: 1 } => "$(infer.rank)".into(),
        Reference::Rank { times } => format!("$(infer.rank*{times})"),
        Reference::Size => "$(infer.size)".into(),
        Reference::Peers { .. } => "$(infer.peers)".into(),
        Reference::Namespace => "$(infer.namespace)".into(),
        Reference::Service { role } => format!("$(infer.service.{role})"),
        Reference::Selector { role, .. } => format!("$(infer.selector.{role})"),
        Reference::Address { role, replica, rank } => format!("$(infer.addr.{role}.{replica}.{rank})"),
    }
}
