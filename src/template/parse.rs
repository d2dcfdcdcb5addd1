//! YAML to a template.

use super::TemplateError;
use super::expression::{Hole, Segment, segments};
use crate::diagnostic::Ledger;
use crate::source::{self, Limits, Source, Span};
use crate::value::{Ids, Map, Node, Str, Value};

/// A part of a template.
#[derive(Debug)]
pub(super) enum Part {
    /// Without holes below it.
    Literal(Node),
    /// A whole scalar that is a hole.
    Hole(Hole),
    /// A scalar with holes in it.
    Text(Vec<Piece>),
    /// A list.
    Seq(Vec<Part>),
    /// A mapping; whether all its keys are fixed and differ.
    Map(Vec<Entry>, bool),
    /// What is repeated or left out.
    Block(Box<Block>),
}

#[derive(Debug)]
pub(super) enum Piece {
    Literal(Str),
    Hole(Hole),
}

#[derive(Debug)]
pub(super) enum Entry {
    /// A key as it is.
    Fixed(Str, Part),
    /// A key with holes.
    Computed(Vec<Piece>, Part, At),
    /// The entries of other mappings.
    Merge(Part, At),
}

/// `$for`, `$if` and what they are about.
#[derive(Debug)]
pub(super) struct Block {
    /// What is repeated, and the name of each element.
    pub(super) each: Option<(Hole, Str)>,
    pub(super) when: Option<Hole>,
    pub(super) body: Part,
}

/// Line and column.
pub(super) type At = (u32, u32);

/// Where a part stands, which decides the directives it may have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slot {
    Root,
    Value,
    Element,
}

/// The directives of a mapping.
const DIRECTIVES: [&str; 5] = ["$if", "$for", "$as", "$merge", "$value"];

struct Reader<'t> {
    name: &'t str,
    source: &'t Source,
}

pub(super) fn parse(name: &str, text: &str) -> Result<Part, TemplateError> {
    let mut ledger = Ledger::new();
    let (source, documents) = source::parse(name, text, 0, &Limits::default(), &mut ledger);
    let reader = Reader {
        name,
        source: &source,
    };
    if let Some(first) = ledger
        .diagnostics
        .iter()
        .find(|d| d.severity == crate::diagnostic::Severity::Error)
    {
        let span = first
            .at
            .and_then(|id| source.origins.get(id.node() as usize))
            .map(|o| o.span);
        let braces = first.code == &source::codes::TEMPLATE;
        let message = if braces {
            "a hole must be quoted: \"{{ … }}\""
        } else {
            &first.message
        };
        return Err(reader.error(span.map_or((0, 0), |s| reader.at(s.start)), message));
    }
    let [document] = documents.as_slice() else {
        return Err(reader.error(
            (0, 0),
            format!("a template is one document, and this has {}", documents.len()),
        ));
    };
    reader.part(&document.root, Slot::Root)
}

impl Reader<'_> {
    fn error(&self, at: At, message: impl Into<String>) -> TemplateError {
        TemplateError {
            template: self.name.into(),
            line: at.0,
            column: at.1,
            message: message.into(),
        }
    }

    fn at(&self, byte: u32) -> At {
        let position = self.source.position(byte);
        (position.line, position.column)
    }

    fn span(&self, node: &Node) -> Span {
        let origin = node
            .ids
            .first()
            .and_then(|id| self.source.origins.get(id.node() as usize));
        origin.map(|o| o.span).unwrap_or_default()
    }

    fn key_span(&self, node: &Node) -> Span {
        let origin = node
            .ids
            .first()
            .and_then(|id| self.source.origins.get(id.node() as usize));
        origin.and_then(|o| o.key).unwrap_or_default()
    }

    fn part(&self, node: &Node, slot: Slot) -> Result<Part, TemplateError> {
        let part = match &node.value {
            Value::Str(text) => self.scalar(text, self.span(node))?,
            Value::Seq(seq) => Part::Seq(
                seq.iter()
                    .map(|n| self.part(n, Slot::Element))
                    .collect::<Result<_, _>>()?,
            ),
            Value::Map(map) => self.map(map, self.span(node), slot)?,
            value => Part::Literal(value.clone().into()),
        };
        Ok(part.settle())
    }

    fn scalar(&self, text: &str, span: Span) -> Result<Part, TemplateError> {
        let mut pieces = self.pieces(text, span)?;
        Ok(match pieces.as_slice() {
            [] => Part::Literal(text.into()),
            [Piece::Hole(_)] => match pieces.pop() {
                Some(Piece::Hole(hole)) => Part::Hole(hole),
                _ => Part::Literal(text.into()),
            },
            _ => Part::Text(pieces),
        })
    }

    /// The pieces of a scalar; nothing if it has no hole.
    fn pieces(&self, text: &str, span: Span) -> Result<Vec<Piece>, TemplateError> {
        if !text.contains("{{") {
            return Ok(Vec::new());
        }
        let written = self.source.slice(span);
        let nth = |n: usize| {
            let offset = written.match_indices("{{").nth(n).map_or(0, |(offset, _)| offset);
            self.at(span.start + u32::try_from(offset).unwrap_or(0))
        };
        let (mut pieces, mut braces) = (Vec::new(), 0);
        for segment in segments(text).map_err(|(n, message)| self.error(nth(n), message))? {
            pieces.push(match segment {
                Segment::Literal(text) => Piece::Literal(text.into()),
                Segment::Hole(inner) => {
                    let at = nth(braces);
                    braces += 1 + inner.matches("{{").count();
                    Piece::Hole(Hole::new(inner, at.0, at.1).map_err(|message| self.error(at, message))?)
                }
            });
        }
        Ok(pieces)
    }

    /// A directive's value, which must be one hole.
    fn hole(&self, key: &str, node: &Node) -> Result<Hole, TemplateError> {
        let span = self.span(node);
        let text = match &node.value {
            Value::Str(text) => text.clone(),
            Value::Bool(truth) if key == "$if" => format!("{{{{ {truth} }}}}").into(),
            _ => Str::default(),
        };
        match self.scalar(&text, span)? {
            Part::Hole(hole) => Ok(hole),
            _ => Err(self.error(
                self.at(span.start),
                format!("`{key}` takes one hole: \"{{{{ … }}}}\""),
            )),
        }
    }

    fn map(&self, map: &Map, span: Span, slot: Slot) -> Result<Part, TemplateError> {
        let (mut when, mut each, mut name, mut value) = (None, None, None, None);
        let (mut entries, mut fixed) = (Vec::new(), true);
        for (key, node) in map {
            let key_at = self.at(self.key_span(node).start);
            match key.as_str() {
                "$if" if slot == Slot::Root => {
                    return Err(self.error(key_at, "`$if` cannot leave out the whole document"));
                }
                "$if" => when = Some(self.hole(key, node)?),
                "$for" if slot != Slot::Element => {
                    return Err(self.error(key_at, "`$for` repeats an element, so it must stand in a list"));
                }
                "$for" => each = Some((self.hole(key, node)?, key_at)),
                "$as" => name = Some((self.name_of(node)?, key_at)),
                "$value" => value = Some((self.part(node, Slot::Value)?, key_at)),
                "$merge" => {
                    entries.push(Entry::Merge(self.part(node, Slot::Value)?, key_at));
                    fixed = false;
                }
                _ if key.starts_with('$') && !key.starts_with("$$") => {
                    return Err(self.error(key_at, unknown_directive(key)));
                }
                _ => {
                    let part = self.part(node, Slot::Value)?;
                    let pieces = self.pieces(key, self.key_span(node))?;
                    if pieces.is_empty() {
                        entries.push(Entry::Fixed(unescaped(key), part));
                    } else {
                        entries.push(Entry::Computed(pieces, part, key_at));
                        fixed = false;
                    }
                }
            }
        }
        let each = match (each, name) {
            (Some((hole, _)), Some((name, _))) => Some((hole, name)),
            (None, None) => None,
            (Some((_, at)), None) => {
                return Err(self.error(at, "`$for` needs `$as`, the name of each element"));
            }
            (None, Some((_, at))) => return Err(self.error(at, "`$as` needs `$for`")),
        };
        let body = match value {
            Some((_, at)) if !entries.is_empty() => {
                return Err(self.error(
                    at,
                    "`$value` stands for the whole, so there can be no other keys beside it",
                ));
            }
            Some((value, _)) => value,
            None => Part::Map(entries, fixed).settle(),
        };
        if slot == Slot::Root && !matches!(body, Part::Map(..) | Part::Literal(_)) {
            return Err(self.error(self.at(span.start), "the document must be a mapping"));
        }
        Ok(match (&each, &when) {
            (None, None) => body,
            _ => Part::Block(Box::new(Block { each, when, body })),
        })
    }

    fn name_of(&self, node: &Node) -> Result<Str, TemplateError> {
        let name = node.as_str().unwrap_or_default();
        let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if starts && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Ok(name.into());
        }
        Err(self.error(
            self.at(self.span(node).start),
            "`$as` takes a name of letters, digits and `_`",
        ))
    }
}

fn unknown_directive(key: &str) -> String {
    let near = DIRECTIVES
        .iter()
        .map(|d| (strsim::damerau_levenshtein(d, key), d))
        .min();
    let hint = match near.filter(|(distance, _)| *distance <= 2) {
        Some((_, near)) => format!("did you mean `{near}`?"),
        None => format!("there are {}", DIRECTIVES.join(", ")),
    };
    format!("`{key}` is no directive; {hint} A key that begins with `$` is written with two: `${key}`")
}

/// `$$ref` is `$ref`.
fn unescaped(key: &Str) -> Str {
    if key.starts_with("$$") {
        key[1..].into()
    } else {
        key.clone()
    }
}

impl Part {
    /// Lists and mappings of literals are literals themselves.
    fn settle(self) -> Self {
        let literal = |part: &Self| matches!(part, Self::Literal(_));
        match self {
            Self::Seq(parts) if parts.iter().all(literal) => {
                Self::Literal(Value::Seq(parts.into_iter().filter_map(Self::literal).collect()).into())
            }
            Self::Map(entries, true)
                if entries
                    .iter()
                    .all(|e| matches!(e, Entry::Fixed(_, Self::Literal(_)))) =>
            {
                let pair = |entry| match entry {
                    Entry::Fixed(key, part) => Some((key, part.literal()?)),
                    Entry::Computed(..) | Entry::Merge(..) => None,
                };
                Self::Literal(entries.into_iter().filter_map(pair).collect::<Map>().into())
            }
            other => other,
        }
    }

    fn literal(self) -> Option<Node> {
        match self {
            Self::Literal(node) => Some(Node {
                value: node.value,
                ids: Ids::none(),
            }),
            _ => None,
        }
    }
}
