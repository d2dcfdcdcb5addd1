//! Values that a template places once are moved there; only the others are copied.

use super::expression::Hole;
use super::parse::{Block, Entry, Part, Piece};
use crate::value::Str;
use std::collections::HashMap;

/// Marks the holes that are the only place of their variable. Returns the names of these variables.
pub(super) fn mark(root: &mut Part) -> Vec<Str> {
    let mut mentions: HashMap<Str, u32> = HashMap::new();
    holes(root, true, &mut |hole, once| {
        for name in hole.names() {
            // A hole that is filled again and again, or with other text, reads its variable.
            *mentions.entry(name.clone()).or_default() += if once { 1 } else { 2 };
        }
    });
    let mut names = Vec::new();
    holes(root, true, &mut |hole, once| {
        let variable = hole
            .variable()
            .filter(|name| once && mentions.get(*name) == Some(&1));
        if let Some(name) = variable.cloned() {
            hole.sole = true;
            names.push(name);
        }
    });
    names
}

/// Calls `f` for each hole, with whether it stands for a whole value that is made at most once.
fn holes(part: &mut Part, once: bool, f: &mut dyn FnMut(&mut Hole, bool)) {
    match part {
        Part::Literal(_) => {}
        Part::Hole(hole) => f(hole, once),
        Part::Text(pieces) => in_text(pieces, f),
        Part::Seq(parts) => parts.iter_mut().for_each(|part| holes(part, once, f)),
        Part::Map(entries, _) => {
            for entry in entries {
                match entry {
                    Entry::Fixed(_, part) | Entry::Merge(part, _) => holes(part, once, f),
                    Entry::Computed(key, part, _) => {
                        in_text(key, f);
                        holes(part, once, f);
                    }
                }
            }
        }
        Part::Block(block) => {
            let Block { each, when, body } = &mut **block;
            let once = once && each.is_none();
            each.iter_mut().for_each(|(hole, _)| f(hole, false));
            when.iter_mut().for_each(|hole| f(hole, false));
            holes(body, once, f);
        }
    }
}

fn in_text(pieces: &mut [Piece], f: &mut dyn FnMut(&mut Hole, bool)) {
    for piece in pieces {
        if let Piece::Hole(hole) = piece {
            f(hole, false);
        }
    }
}
