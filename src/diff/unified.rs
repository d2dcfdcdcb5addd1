//! Differences as people read them: the YAML of both trees, line by line, `-` before what was and `+` before what is.

use super::change::{Step, path};
use super::{Delta, List};
use crate::source::emit;
use crate::value::{Map, Node, Str, Value};

/// Which tree a line is from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// Both.
    Both,
    /// The old one alone.
    Old,
    /// The new one alone.
    New,
}

/// A line of YAML.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// Which tree it is from.
    pub mark: Mark,
    /// Its text, indented.
    pub text: String,
    /// The place of the mapping or list that it belongs to.
    pub place: String,
}

/// Lines with a difference among them, and those around it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hunk<'a> {
    /// The place of the first line that differs.
    pub place: &'a str,
    /// The lines.
    pub lines: &'a [Line],
}

/// All lines of two compared trees.
pub fn lines(delta: &Delta<'_>) -> Vec<Line> {
    let mut writer = Writer {
        lines: Vec::new(),
        path: Vec::new(),
    };
    match delta {
        Delta::Map(entries) => writer.map(entries, 0),
        Delta::List(list) => writer.list(list, 0),
        Delta::Same(node) => writer.node(Mark::Both, node, 0),
        Delta::Added(node) => writer.node(Mark::New, node, 0),
        Delta::Removed(node) => writer.node(Mark::Old, node, 0),
        Delta::Replaced(old, new) => {
            writer.node(Mark::Old, old, 0);
            writer.node(Mark::New, new, 0);
        }
    }
    writer.lines
}

/// The differences with up to `context` equal lines before and after each.
pub fn hunks(lines: &[Line], context: usize) -> Vec<Hunk<'_>> {
    // Where each hunk starts, its first and its last differing line.
    let mut spans: Vec<(usize, usize, usize)> = Vec::new();
    for index in (0..lines.len()).filter(|i| lines[*i].mark != Mark::Both) {
        match spans.last_mut() {
            Some((_, _, last)) if index <= *last + 2 * context + 1 => *last = index,
            _ => spans.push((index.saturating_sub(context), index, index)),
        }
    }
    let hunk = |(start, first, last): (usize, usize, usize)| Hunk {
        place: &lines[first].place,
        lines: &lines[start..(last + context + 1).min(lines.len())],
    };
    spans.into_iter().map(hunk).collect()
}

struct Writer {
    lines: Vec<Line>,
    path: Vec<Step>,
}

impl Writer {
    fn push(&mut self, mark: Mark, depth: usize, text: &str) {
        let text = format!("{:depth$}{text}", "");
        self.lines.push(Line {
            mark,
            text: text.trim_end().to_owned(),
            place: path(&self.path),
        });
    }

    fn node(&mut self, mark: Mark, node: &Node, depth: usize) {
        let mut page = String::new();
        emit::yaml(node, &mut page);
        page.lines().for_each(|line| self.push(mark, depth, line));
    }

    /// A key and its value, as in a mapping.
    fn entry(&mut self, mark: Mark, key: &Str, node: &Node, depth: usize) {
        self.node(mark, &entry(key, node), depth);
    }

    fn map(&mut self, entries: &[(Str, Delta<'_>)], depth: usize) {
        for (key, delta) in entries {
            match delta {
                Delta::Same(node) => self.entry(Mark::Both, key, node, depth),
                Delta::Added(node) => self.entry(Mark::New, key, node, depth),
                Delta::Removed(node) => self.entry(Mark::Old, key, node, depth),
                Delta::Replaced(old, new) => self.replaced(&entry(key, old), &entry(key, new), depth),
                Delta::Map(inner) => {
                    self.push(Mark::Both, depth, &head(key));
                    self.inside(Step::Key(key.clone()), |w| w.map(inner, depth + 2));
                }
                Delta::List(list) => {
                    self.push(Mark::Both, depth, &head(key));
                    self.inside(Step::Key(key.clone()), |w| w.list(list, depth));
                }
            }
        }
    }

    fn list(&mut self, list: &List<'_>, depth: usize) {
        if let Some(order) = &list.reordered {
            let words = |steps: &[Step]| {
                steps
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            self.push(Mark::Old, depth, &format!("# order: {}", words(&order.old)));
            self.push(Mark::New, depth, &format!("# order: {}", words(&order.new)));
        }
        for (step, delta) in &list.elements {
            match delta {
                Delta::Same(node) => self.node(Mark::Both, &element(node), depth),
                Delta::Added(node) => self.node(Mark::New, &element(node), depth),
                Delta::Removed(node) => self.node(Mark::Old, &element(node), depth),
                Delta::Replaced(old, new) => self.replaced(&element(old), &element(new), depth),
                Delta::Map(inner) => self.dashed(step, depth, |w| w.map(&leading_same(inner), depth + 2)),
                Delta::List(inner) => self.dashed(step, depth, |w| w.list(inner, depth + 2)),
            }
        }
    }

    fn inside(&mut self, step: Step, write: impl FnOnce(&mut Self)) {
        self.path.push(step);
        write(self);
        self.path.pop();
    }

    /// Writes an element of a list, whose first line gets the dash.
    fn dashed(&mut self, step: &Step, depth: usize, write: impl FnOnce(&mut Self)) {
        let start = self.lines.len();
        self.inside(step.clone(), write);
        if let Some(line) = self.lines.get_mut(start) {
            line.text = format!("{:depth$}- {}", "", line.text.trim_start());
        }
    }

    /// Two values of which long texts are compared line by line.
    fn replaced(&mut self, old: &Node, new: &Node, depth: usize) {
        let page = |node: &Node| {
            let mut page = String::new();
            emit::yaml(node, &mut page);
            page.lines().map(str::to_owned).collect::<Vec<String>>()
        };
        let (old, new) = (page(old), page(new));
        for (mark, line) in aligned(&old, &new) {
            self.push(mark, depth, line);
        }
    }
}

fn entry(key: &Str, node: &Node) -> Node {
    Map::from_unique(vec![(key.clone(), node.clone())]).into()
}

fn element(node: &Node) -> Node {
    vec![node.clone()].into()
}

/// A key alone, as YAML writes it.
fn head(key: &Str) -> String {
    let mut page = String::new();
    emit::yaml(&entry(key, &Value::Null.into()), &mut page);
    page.trim_end().trim_end_matches(" null").to_owned()
}

/// The entries with one that is the same in front, so that the dash of the element stands before a line of both trees.
fn leading_same<'a>(entries: &[(Str, Delta<'a>)]) -> Vec<(Str, Delta<'a>)> {
    let mut entries = entries.to_vec();
    if let Some(at) = entries.iter().position(|(_, d)| d.is_same()) {
        let first = entries.remove(at);
        entries.insert(0, first);
    }
    entries
}

/// The most cells of the table of common lines; beyond it, texts are shown whole.
const MOST: usize = 4_000_000;

/// Two texts with their longest common subsequence of lines in common.
fn aligned<'a>(old: &'a [String], new: &'a [String]) -> Vec<(Mark, &'a str)> {
    let front = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (a, b) = (&old[front..], &new[front..]);
    let back = a
        .iter()
        .rev()
        .zip(b.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let (a, b) = (&a[..a.len() - back], &b[..b.len() - back]);
    let both = |lines: &'a [String]| lines.iter().map(|l| (Mark::Both, l.as_str()));
    let mut out: Vec<(Mark, &str)> = both(&old[..front]).collect();
    if a.len().saturating_mul(b.len()) > MOST {
        out.extend(a.iter().map(|l| (Mark::Old, l.as_str())));
        out.extend(b.iter().map(|l| (Mark::New, l.as_str())));
    } else {
        subsequence(a, b, &mut out);
    }
    out.extend(both(&old[old.len() - back..]));
    out
}

fn subsequence<'a>(a: &'a [String], b: &'a [String], out: &mut Vec<(Mark, &'a str)>) {
    // `length[i][j]`: of the longest common subsequence of `a[i..]` and `b[j..]`.
    let width = b.len() + 1;
    let mut length = vec![0u32; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            length[i * width + j] = if a[i] == b[j] {
                length[(i + 1) * width + j + 1] + 1
            } else {
                length[(i + 1) * width + j].max(length[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            out.push((Mark::Both, &a[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == b.len() || (i < a.len() && length[(i + 1) * width + j] >= length[i * width + j + 1]) {
            out.push((Mark::Old, &a[i]));
            i += 1;
        } else {
            out.push((Mark::New, &b[j]));
            j += 1;
        }
    }
}
