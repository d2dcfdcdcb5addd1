//! Address expressions: what an engine must learn at run time, asked in no dialect's words.
//!
//! A process of a multi-node engine needs to know where its leader is, how many they are and which one it is; a router
//! needs to find the roles. Every orchestrator answers these questions, each by its own means (an injected variable, a
//! DNS name by formula, a label through the downward API), so the compiler asks them as [`Reference`]s inside strings
//! and the dialect that lowers the string answers.

use super::{Node, Str, Value};

/// A string of literal pieces and references, in order.
pub type Text = Vec<Piece>;

/// A string in the making. Characters that follow characters become one piece.
#[derive(Default, Debug)]
pub struct TextBuilder {
    done: Text,
    open: String,
}

impl TextBuilder {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends characters.
    pub fn push_str(&mut self, characters: &str) {
        self.open.push_str(characters);
    }

    /// Appends a piece.
    pub fn push(&mut self, piece: Piece) {
        match piece {
            Piece::Literal(characters) => self.open.push_str(&characters),
            reference @ Piece::Reference(_) => {
                self.close();
                self.done.push(reference);
            }
        }
    }

    fn close(&mut self) {
        if !self.open.is_empty() {
            self.done
                .push(Piece::Literal(std::mem::take(&mut self.open).into()));
        }
    }
}

impl Extend<Piece> for TextBuilder {
    fn extend<I: IntoIterator<Item = Piece>>(&mut self, pieces: I) {
        pieces.into_iter().for_each(|piece| self.push(piece));
    }
}

impl From<TextBuilder> for Node {
    fn from(mut builder: TextBuilder) -> Self {
        if builder.done.is_empty() {
            return builder.open.into();
        }
        builder.close();
        Value::Text(builder.done).into()
    }
}

/// A part of a string.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Piece {
    /// Characters as they are.
    Literal(Str),
    /// A question to the target.
    Reference(Reference),
}

/// A question that only the target's controllers can answer, always asked by one pod of the workload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reference {
    /// A DNS name of pod 0 (the leader) of the asking pod's own replica, without a port.
    Leader,
    /// The asking pod's place in its replica, times `times`. The leader is 0 and the rest are numbered over all
    /// members in order, so a process with `times` ranks a pod starts at this rank.
    Rank {
        /// Ranks per pod; 1 for the plain node rank.
        times: u32,
    },
    /// The number of pods of the asking pod's replica.
    Size,
    /// The Kubernetes namespace of the workload.
    Namespace,
    /// The DNS names of all pods of the asking pod's replica, separated by `separator`, in rank order.
    Peers {
        /// What stands between two names, for instance `,`.
        separator: Str,
    },
    /// A DNS name that resolves to the pods of a role that serve requests (its leaders).
    Service {
        /// The name of the role in the spec.
        role: Str,
    },
    /// A DNS name of one pod of the workload, by its coordinates in the asking pod's slice.
    Address {
        /// The name of the role in the spec.
        role: Str,
        /// The replica, from 0.
        replica: u32,
        /// The rank of the pod within the replica, from 0.
        rank: u32,
    },
    /// A label selector, written `k=v,k2=v2`, of the pods of a role that serve requests, in the asking pod's slice
    /// where the target keeps slices apart.
    Selector {
        /// The name of the role in the spec.
        role: Str,
        /// What stands between two requirements, for instance `,` or a blank.
        separator: Str,
    },
}
