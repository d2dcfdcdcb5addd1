//! For the tests of this folder: files of the simplest block YAML, with the origins that the reader would record. It
//! keeps them independent of the reader and lets them state odd spans.

use crate::source::{Comment, Document, Origin, Source, Sources, Span, Step};
use crate::value::{Id, Map, Node, Value};

/// One file and its document.
pub(super) struct Fixture {
    pub(super) sources: Sources,
    pub(super) documents: Vec<Document>,
}

struct Reader<'t> {
    lines: Vec<(usize, &'t str)>,
    at: usize,
    file: u32,
    origins: Vec<Origin>,
}

impl Fixture {
    pub(super) fn new(text: &str) -> Self {
        let mut fixture = Self {
            sources: Sources::new(),
            documents: Vec::new(),
        };
        fixture.add("spec.yaml", text);
        fixture
    }

    pub(super) fn add(&mut self, name: &str, text: &str) {
        let file = self.sources.next_file();
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(n, _)| n + 1));
        let starts: Vec<usize> = starts.filter(|n| *n < text.len()).collect();
        let lines = starts
            .iter()
            .map(|n| (*n, text[*n..].lines().next().unwrap_or_default()));
        let lines = lines
            .filter(|(_, l)| !l.trim().is_empty() && !l.trim_start().starts_with('#'))
            .collect();
        let mut reader = Reader {
            lines,
            at: 0,
            file,
            origins: Vec::new(),
        };
        let root = reader.block(None, Step::Document(0), None);
        let comments = text.match_indices('#').map(|(n, _)| Comment {
            at: n as u32,
            text: text[n + 1..].lines().next().unwrap_or_default().into(),
        });
        self.documents.push(Document {
            root,
            id: Id::new(file, 0),
            comments: comments.collect(),
        });
        self.sources.push(Source {
            name: name.into(),
            text: text.into(),
            lines: starts.iter().map(|n| *n as u32).collect(),
            origins: reader.origins,
        });
    }

    /// The id of the node at `path` of the first document.
    pub(super) fn id(&self, path: &[&str]) -> Id {
        self.documents[0]
            .root
            .at(path)
            .and_then(|n| n.ids.first())
            .expect("no such node")
    }

    /// The ids of all leaves.
    pub(super) fn leaves(&self) -> Vec<Id> {
        super::account::leaves(&self.documents[0], &self.sources).collect()
    }
}

impl<'t> Reader<'t> {
    fn origin(&mut self, parent: Option<u32>, step: Step, key: Option<Span>, span: Span, leaf: bool) -> Id {
        self.origins.push(Origin {
            parent,
            step,
            span,
            key,
            leaf,
        });
        Id::new(self.file, self.origins.len() as u32 - 1)
    }

    /// The block that starts at the current line, which may begin in the middle of it (after `- `).
    fn block(&mut self, parent: Option<u32>, step: Step, key: Option<Span>) -> Node {
        let (start, line) = self.lines[self.at];
        let column = line.len() - line.trim_start().len();
        let begin = start + column;
        let id = self.origin(
            parent,
            step,
            key,
            Span {
                start: begin as u32,
                end: begin as u32,
            },
            false,
        );
        let list = line.trim_start().starts_with("- ");
        let (mut map, mut seq) = (Map::new(), Vec::new());
        let mut end = begin;
        while let Some((start, line)) = self.lines.get(self.at).copied() {
            let indent = line.len() - line.trim_start().len();
            if indent != column || line.trim_start().starts_with("- ") != list {
                break;
            }
            end = start + line.len();
            let at = start + indent;
            if list {
                let step = Step::Index(seq.len() as u32);
                let rest = &line[indent + 2..];
                if rest.contains(": ") || rest.ends_with(':') {
                    self.lines[self.at] = (start, Box::leak(line.replacen('-', " ", 1).into_boxed_str()));
                    seq.push(self.block(Some(id.node()), step, None));
                } else {
                    self.at += 1;
                    seq.push(self.scalar(id, step, None, at + 2, rest));
                }
                continue;
            }
            let (name, rest) = line[indent..].split_once(':').expect("a key");
            let span = Span {
                start: at as u32,
                end: (at + name.len()) as u32,
            };
            let step = Step::Key(name.into());
            self.at += 1;
            let node = match rest.trim().is_empty() {
                true => self.block(Some(id.node()), step, Some(span)),
                false => {
                    let rest = rest.split(" #").next().unwrap_or_default();
                    let pad = rest.len() - rest.trim_start().len();
                    self.scalar(id, step, Some(span), at + name.len() + 1 + pad, rest.trim())
                }
            };
            map.insert(name, node);
        }
        self.origins[id.node() as usize].span.end = end as u32;
        Node::new(if list { Value::Seq(seq) } else { Value::Map(map) }, id)
    }

    fn scalar(&mut self, parent: Id, step: Step, key: Option<Span>, at: usize, text: &str) -> Node {
        let span = Span {
            start: at as u32,
            end: (at + text.len()) as u32,
        };
        let id = self.origin(Some(parent.node()), step, key, span, true);
        let value = text.parse().map_or_else(|_| Value::Str(text.into()), Value::Int);
        Node::new(value, id)
    }
}
