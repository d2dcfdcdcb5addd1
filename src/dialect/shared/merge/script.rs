//! Shell scripts made of words that may hold references.

use crate::kubernetes::shell::shell_join;
use crate::value::{Ids, Node, Piece, Text, Value};

/// The most characters of a command line on one line.
const LINE: usize = 72;

/// A script, and where its words came from.
#[derive(Default)]
pub(super) struct Script {
    text: Text,
    ids: Ids,
}

impl Script {
    /// Appends shell text as it is.
    pub(super) fn raw(&mut self, text: &str) -> &mut Self {
        match self.text.last_mut() {
            Some(Piece::Literal(before)) => *before = format!("{before}{text}").into(),
            _ => self.text.push(Piece::Literal(text.into())),
        }
        self
    }

    /// Appends words, each quoted and after a blank.
    pub(super) fn words(&mut self, words: &[Node]) -> &mut Self {
        for word in words {
            self.raw(" ").node(&shell_join(std::slice::from_ref(word)));
        }
        self
    }

    /// Whether a command line is too long for one line.
    pub(super) fn long(words: &[Node]) -> bool {
        words
            .iter()
            .filter_map(Node::as_str)
            .map(|w| w.len() + 1)
            .sum::<usize>()
            > LINE
    }

    /// Appends the words of a command line; of a long one each flag on a line of its own, as people write them.
    pub(super) fn command_line(&mut self, words: &[Node], indent: &str) -> &mut Self {
        let long = Self::long(words);
        for word in words {
            let flag = word.as_str().is_some_and(|w| w.starts_with("--") && w.len() > 2);
            if flag && long {
                self.raw(&format!(" \\\n{indent}"))
                    .node(&shell_join(std::slice::from_ref(word)));
            } else {
                self.words(std::slice::from_ref(word));
            }
        }
        self
    }

    /// Appends the text of a node as shell text.
    pub(super) fn node(&mut self, node: &Node) -> &mut Self {
        match &node.value {
            Value::Str(s) => drop(self.raw(s)),
            Value::Text(pieces) => {
                for piece in pieces {
                    match piece {
                        Piece::Literal(s) => drop(self.raw(s)),
                        Piece::Reference(_) => self.text.push(piece.clone()),
                    }
                }
            }
            _ => {}
        }
        self.ids.merge(&node.ids);
        self
    }

    /// Notes further origins.
    pub(super) fn from(&mut self, ids: &Ids) -> &mut Self {
        self.ids.merge(ids);
        self
    }

    /// The script as a word.
    pub(super) fn into_node(self) -> Node {
        Node::derived(self.text, &self.ids)
    }
}

/// `if … then … elif … else … fi` over ranks: `ends` are the ranks after the last one of each branch, ascending; the last
/// branch takes the rest.
pub(super) fn branches(rank: Rank<'_>, ends: &[u32], bodies: Vec<Script>) -> Script {
    let mut script = Script::default();
    let branches = distinct(ends, bodies);
    let last = branches.len().saturating_sub(1);
    for (i, (end, body)) in branches.into_iter().enumerate() {
        let Script { text, ids } = body;
        script.from(&ids);
        if last == 0 {
            script.node(&text.into());
            return script;
        }
        match i {
            0 => script.raw(&format!("if {}; then\n", below(rank, end))),
            _ if i == last => script.raw("else\n"),
            _ => script.raw(&format!("elif {}; then\n", below(rank, end))),
        };
        let lines = |p: &Piece| matches!(p, Piece::Literal(s) if s.contains('\n') || s.starts_with(' '));
        if !text.iter().any(lines) {
            script.raw("  ");
        }
        script.node(&text.into()).raw("\n");
    }
    script.raw("fi");
    script
}

/// Neighbours that do the same are one branch.
fn distinct(ends: &[u32], bodies: Vec<Script>) -> Vec<(u32, Script)> {
    let mut branches: Vec<(u32, Script)> = Vec::new();
    for (end, body) in ends.iter().zip(bodies) {
        match branches.last_mut() {
            Some((before, same)) if same.text == body.text => {
                *before = *end;
                same.ids.merge(&body.ids);
            }
            _ => branches.push((*end, body)),
        }
    }
    branches
}

/// How a container finds out its rank, in a shell.
#[derive(Clone, Copy, Debug)]
pub enum Rank<'a> {
    /// A variable that the target's controllers inject, which the kubelet knows too.
    Variable(&'a str),
    /// Only whether it is the leader: tests that succeed on it, and on all others. For replicas of a leader and workers.
    Leader {
        /// Succeeds on rank 0.
        yes: &'a str,
        /// Succeeds on all other ranks.
        no: &'a str,
    },
}

/// The test that the rank is not below `end`.
pub(super) fn from(rank: Rank<'_>, end: u32) -> String {
    match (rank, end) {
        (Rank::Leader { no, .. }, _) => no.to_owned(),
        (Rank::Variable(rank), 1) => format!("[ \"${rank}\" != 0 ]"),
        (Rank::Variable(rank), end) => format!("[ \"${rank}\" -ge {end} ]"),
    }
}

/// The test that the rank is below `end`.
pub(super) fn below(rank: Rank<'_>, end: u32) -> String {
    match (rank, end) {
        (Rank::Leader { yes, .. }, _) => yes.to_owned(),
        (Rank::Variable(rank), 1) => format!("[ \"${rank}\" = 0 ]"),
        (Rank::Variable(rank), end) => format!("[ \"${rank}\" -lt {end} ]"),
    }
}
