//! The account of a compilation, balanced: nothing of the input is lost without a word.

use super::{Code, Diagnostic, Ledger, Outcome, Severity, Waiver};
use crate::source::{Document, Sources, Step, escape};
use crate::value::{Id, Ids, Node};
use std::collections::HashMap;

/// A value vanished: the compiler's own fault.
pub const LOST: Code = Code {
    id: "INF0000",
    title: "lost without a word",
    severity: Severity::Error,
    explanation: "Every value of the input must either reach the output or be named in the report. This one did neither, which \
                  is a mistake in kubectl-infer, not in your input.\n\nThe output may lack what the value says. Please report \
                  it with the smallest input that shows it; until then, say the same by another field, or by `patches` of the \
                  target.",
};

/// The codes of the account.
pub const CODES: &[&Code] = &[&LOST, &super::SUPERSEDED];

/// A set of [`Id`]s made for many of them: one bit for each node of each file.
#[derive(Clone, Default, Debug)]
pub struct IdSet {
    /// Sorted by file. Few: a compilation reads few files.
    files: Vec<(u32, Vec<u64>)>,
}

impl IdSet {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// The ids of whole trees.
    pub fn of_nodes<'a>(nodes: impl IntoIterator<Item = &'a Node>) -> Self {
        let mut set = Self::new();
        for node in nodes {
            node.walk(&mut |n| n.ids.iter().for_each(|id| set.insert(id)));
        }
        set
    }

    /// Adds an id.
    pub fn insert(&mut self, id: Id) {
        let at = match self.files.binary_search_by_key(&id.file(), |(file, _)| *file) {
            Ok(at) => at,
            Err(at) => {
                self.files.insert(at, (id.file(), Vec::new()));
                at
            }
        };
        let (bits, word) = (&mut self.files[at].1, id.node() as usize / 64);
        if bits.len() <= word {
            bits.resize(word + 1, 0);
        }
        bits[word] |= 1 << (id.node() % 64);
    }

    /// Adds several ids.
    pub fn extend(&mut self, ids: &Ids) {
        ids.iter().for_each(|id| self.insert(id));
    }

    /// Adds all ids of another set.
    pub fn merge(&mut self, other: &IdSet) {
        for (file, bits) in &other.files {
            let at = match self.files.binary_search_by_key(file, |(file, _)| *file) {
                Ok(at) => at,
                Err(at) => {
                    self.files.insert(at, (*file, Vec::new()));
                    at
                }
            };
            let mine = &mut self.files[at].1;
            mine.resize(mine.len().max(bits.len()), 0);
            mine.iter_mut().zip(bits).for_each(|(a, b)| *a |= b);
        }
    }

    /// Whether an id is in the set.
    pub fn contains(&self, id: Id) -> bool {
        let bits = match self.files.as_slice() {
            [(file, bits)] if *file == id.file() => bits,
            files => match files.binary_search_by_key(&id.file(), |(file, _)| *file) {
                Ok(at) => &files[at].1,
                Err(_) => return false,
            },
        };
        bits.get(id.node() as usize / 64)
            .is_some_and(|word| word & (1 << (id.node() % 64)) != 0)
    }

    /// Whether nothing is in the set.
    pub fn is_empty(&self) -> bool {
        self.files
            .iter()
            .all(|(_, bits)| bits.iter().all(|word| *word == 0))
    }
}

/// The leaves of a document: scalars, and lists and mappings without anything in them.
pub fn leaves<'a>(document: &Document, sources: &'a Sources) -> impl Iterator<Item = Id> + use<'a> {
    let (file, root) = (document.id.file(), document.id.node());
    let origins = sources
        .file(document.id)
        .map(|f| f.origins.as_slice())
        .unwrap_or_default();
    let numbered = origins
        .iter()
        .enumerate()
        .skip(root as usize)
        .map(|(n, o)| (n as u32, o));
    // The nodes of a document stand together, its root first.
    let own = numbered.take_while(move |(n, o)| *n == root || o.parent.is_some_and(|p| p >= root));
    own.filter(|(_, o)| o.leaf).map(move |(n, _)| Id::new(file, n))
}

/// Balances the account: each leaf of the input must have arrived in the output, or be pointed to by a diagnostic
/// (itself or a node above it), or be excused by a waiver, whose diagnostic is then reported for it. Whatever remains is
/// reported as [`LOST`].
///
/// A diagnostic of a node speaks for what is below it if it says what became of it, or if it is an error (nothing
/// is printed then); one that only finds fault with a mapping does not excuse the loss of its leaves. The waivers are used
/// up.
pub fn balance(ledger: &mut Ledger, sources: &Sources, input: impl IntoIterator<Item = Id>, arrived: &IdSet) {
    let (exact, subtree) = spoken_for(ledger);
    let all: Vec<Id> = input.into_iter().collect();
    let open = |id: &Id| !arrived.contains(*id) && !exact.contains(*id) && !covered(sources, *id, &subtree);
    let lost: Vec<Id> = all.iter().copied().filter(open).collect();
    let waivers = std::mem::take(&mut ledger.waivers);
    if lost.is_empty() {
        return;
    }
    let mut by_waiver: Vec<Vec<Id>> = vec![Vec::new(); waivers.len()];
    let index = waiver_index(&waivers);
    for id in lost {
        match best_waiver(sources, id, &index, &waivers) {
            Some(waiver) => by_waiver[waiver].push(id),
            None => ledger.report(lost_leaf(sources, id)),
        }
    }
    let totals = counts(sources, &all);
    for (waiver, leaves) in waivers.into_iter().zip(by_waiver) {
        for id in merged(sources, &leaves, &totals) {
            let mut said = waiver.diagnostic.clone();
            (said.at, said.at_key, said.covers) = (Some(id), false, Ids::none());
            said.labels.retain(|(other, _)| *other != id);
            ledger.report(said);
        }
    }
}

/// What the diagnostics speak for: single nodes, and nodes with all below them.
fn spoken_for(ledger: &Ledger) -> (IdSet, IdSet) {
    let (mut exact, mut subtree) = (IdSet::new(), IdSet::new());
    for diagnostic in &ledger.diagnostics {
        let whole = diagnostic.outcome != Outcome::Invalid || diagnostic.severity == Severity::Error;
        let set = if whole { &mut subtree } else { &mut exact };
        diagnostic.at.into_iter().for_each(|id| set.insert(id));
        set.extend(&diagnostic.covers);
    }
    (exact, subtree)
}

/// The node and those above it, innermost first.
fn upward(sources: &Sources, id: Id) -> impl Iterator<Item = Id> + '_ {
    let origins = sources.file(id).map(|f| f.origins.as_slice()).unwrap_or_default();
    let above = move |n: &u32| origins.get(*n as usize)?.parent.filter(|parent| parent < n);
    std::iter::successors(Some(id.node()), above).map(move |n| Id::new(id.file(), n))
}

/// Whether the node or one above it is in the set.
fn covered(sources: &Sources, id: Id, subtree: &IdSet) -> bool {
    !subtree.files.is_empty() && upward(sources, id).any(|id| subtree.contains(id))
}

/// The waivers that name an id.
fn waiver_index(waivers: &[Waiver]) -> HashMap<Id, Vec<usize>> {
    let mut index: HashMap<Id, Vec<usize>> = HashMap::new();
    for (n, waiver) in waivers.iter().enumerate() {
        waiver
            .ids
            .iter()
            .for_each(|id| index.entry(id).or_default().push(n));
    }
    index
}

/// The waiver to report for a leaf. The gravest of all that apply, so that a harmless one cannot hide a grave one; of
/// those the first.
fn best_waiver(
    sources: &Sources,
    id: Id,
    index: &HashMap<Id, Vec<usize>>,
    waivers: &[Waiver],
) -> Option<usize> {
    let applicable = upward(sources, id)
        .filter_map(|id| index.get(&id))
        .flatten()
        .copied();
    applicable.max_by_key(|n| (waivers[*n].diagnostic.severity, std::cmp::Reverse(*n)))
}

/// How many of the given leaves are at or below each node.
fn counts(sources: &Sources, leaves: &[Id]) -> HashMap<Id, u32> {
    let mut counts = HashMap::new();
    for leaf in leaves {
        upward(sources, *leaf).for_each(|id| *counts.entry(id).or_insert(0) += 1);
    }
    counts
}

/// The fewest nodes that have exactly the given leaves below them, in order. Rises no higher than it must to
/// name several leaves at once.
fn merged(sources: &Sources, leaves: &[Id], totals: &HashMap<Id, u32>) -> Vec<Id> {
    let own = counts(sources, leaves);
    let mut out = Vec::new();
    for leaf in leaves {
        let mut top = *leaf;
        let mut named = 1;
        for id in upward(sources, *leaf) {
            let count = own.get(&id).copied().unwrap_or(0);
            if totals.get(&id) != Some(&count) {
                break;
            }
            // A node with no more leaves than the one below it names nothing new.
            if count > named {
                (top, named) = (id, count);
            }
        }
        if out.last() != Some(&top) {
            out.push(top);
        }
    }
    out
}

fn lost_leaf(sources: &Sources, id: Id) -> Diagnostic {
    let mut pointer = String::new();
    for id in upward(sources, id).collect::<Vec<_>>().into_iter().rev() {
        match sources.origin(id).map(|o| &o.step) {
            Some(Step::Key(key)) => pointer.extend(["/", &escape(key)]),
            Some(Step::Index(n)) => pointer.push_str(&format!("/{n}")),
            Some(Step::Document(_)) | None => {}
        }
    }
    Diagnostic::new(
        &LOST,
        format!("`{pointer}` was lost without a word; this is a mistake in kubectl-infer"),
    )
    .at(id)
    .outcome(Outcome::Dropped)
    .reason("the value is neither in the output nor named by any other entry of the report")
    .remedy("please report this with the smallest input that shows it")
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Fixture;
    use super::*;

    const CODE: Code = Code {
        id: "INF9999",
        title: "t",
        severity: Severity::Warning,
        explanation: "",
    };
    const TEXT: &str = "a: 1\nb:\n  c: 2\n  d:\n  - 3\n  - 4\ne: 5\n";

    /// The findings after `say`, as `CODE pointer`, when nothing but the nodes at `arrived` arrived.
    fn run(arrived: &[&[&str]], say: impl Fn(&Fixture, &mut Ledger)) -> Vec<String> {
        let fixture = Fixture::new(TEXT);
        let mut ledger = Ledger::new();
        say(&fixture, &mut ledger);
        let mut set = IdSet::new();
        arrived.iter().for_each(|path| set.insert(fixture.id(path)));
        let before = ledger.diagnostics.len();
        balance(&mut ledger, &fixture.sources, fixture.leaves(), &set);
        assert!(ledger.waivers.is_empty());
        let context = super::super::Context::new(&fixture.sources, &fixture.documents);
        let said = ledger.diagnostics[before..]
            .iter()
            .map(|d| super::super::Finding::of(d, &context));
        said.map(|f| format!("{} {}", f.code.id, f.source.unwrap().pointer))
            .collect()
    }

    fn said(outcome: Outcome) -> Diagnostic {
        Diagnostic::new(&CODE, "gone").outcome(outcome)
    }

    #[test]
    fn what_arrived_or_was_named_is_accounted_for() {
        let all: [&[&str]; 5] = [&["a"], &["b", "c"], &["b", "d", "0"], &["b", "d", "1"], &["e"]];
        assert_eq!(run(&all, |_, _| {}), [""; 0]);
        assert_eq!(run(&all[1..], |_, _| {}), ["INF0000 /a"]);
        let without_b: [&[&str]; 2] = [&["a"], &["e"]];
        let at_b = |outcome| move |f: &Fixture, l: &mut Ledger| l.report(said(outcome).at(f.id(&["b"])));
        assert_eq!(
            run(&without_b, at_b(Outcome::Dropped)),
            [""; 0],
            "a dropped subtree is one entry"
        );
        assert_eq!(
            run(&without_b, at_b(Outcome::Invalid)),
            ["INF0000 /b/c", "INF0000 /b/d/0", "INF0000 /b/d/1"],
            "a warning about a mapping does not excuse its leaves"
        );
        let error = |f: &Fixture, l: &mut Ledger| {
            l.report(said(Outcome::Invalid).severity(Severity::Error).at(f.id(&["b"])));
        };
        assert_eq!(run(&without_b, error), [""; 0]);
        let node: [&[&str]; 3] = [&["a"], &["e"], &["b"]];
        assert_eq!(
            run(&node, |_, _| {}).len(),
            3,
            "that a mapping arrived says nothing about its leaves"
        );
    }

    #[test]
    fn waivers_become_entries_as_high_as_the_truth_allows() {
        let waive = |path: &'static [&'static str]| {
            move |f: &Fixture, l: &mut Ledger| l.waive(&f.id(path).into(), said(Outcome::Dropped))
        };
        let rest: [&[&str]; 2] = [&["a"], &["e"]];
        assert_eq!(run(&rest, waive(&["b"])), ["INF9999 /b"]);
        let with_c: [&[&str]; 3] = [&["a"], &["e"], &["b", "c"]];
        assert_eq!(run(&with_c, waive(&["b"])), ["INF9999 /b/d"]);
        let with_3: [&[&str]; 3] = [&["a"], &["e"], &["b", "d", "0"]];
        assert_eq!(run(&with_3, waive(&["b"])), ["INF9999 /b/c", "INF9999 /b/d/1"]);
        assert_eq!(
            run(
                &[&["b", "c"], &["b", "d", "0"], &["b", "d", "1"], &["e"]],
                waive(&["a"])
            ),
            ["INF9999 /a"]
        );
        assert_eq!(run(&[], waive(&[])), ["INF9999 "], "all of it: the root");
    }

    #[test]
    fn the_gravest_waiver_speaks() {
        let grave = |f: &Fixture, l: &mut Ledger| {
            let all = Ids::from(f.id(&[]));
            l.waive(&all, said(Outcome::Dropped).severity(Severity::Note));
            l.waive(
                &f.id(&["a"]).into(),
                said(Outcome::Dropped).severity(Severity::Error),
            );
        };
        let fixture = Fixture::new(TEXT);
        let mut ledger = Ledger::new();
        grave(&fixture, &mut ledger);
        balance(&mut ledger, &fixture.sources, fixture.leaves(), &IdSet::new());
        let severities: Vec<_> = ledger.diagnostics.iter().map(|d| (d.severity, d.at)).collect();
        assert!(
            severities.contains(&(Severity::Error, Some(fixture.id(&["a"])))),
            "{severities:?}"
        );
        assert!(
            severities.contains(&(Severity::Note, Some(fixture.id(&["b"])))),
            "{severities:?}"
        );
    }

    #[test]
    fn sets() {
        let mut set = IdSet::new();
        let ids = [Id::new(3, 0), Id::new(0, 64), Id::new(3, 1000)];
        ids.iter().for_each(|id| set.insert(*id));
        assert!(
            ids.iter().all(|id| set.contains(*id))
                && !set.contains(Id::new(1, 0))
                && !set.contains(Id::new(0, 0))
        );
        let mut other = IdSet::new();
        other.insert(Id::new(1, 5));
        other.merge(&set);
        assert!(ids.iter().all(|id| other.contains(*id)) && other.contains(Id::new(1, 5)) && !set.is_empty());
    }
}
