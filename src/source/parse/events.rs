//! Events to nodes, one document after the other.

use super::builder::{Builder, Stop};
use super::frame::{Content, Entries, Frame, Key};
use super::scalars::Scalar;
use crate::source::codes::{SELF_ANCHOR, SYNTAX, UNKNOWN_ANCHOR};
use crate::source::{Comment, Document, Span};
use crate::value::{Id, Node, Value};
use granit_parser::{Event, Parser, StrInput, StructureStyle};

impl Builder<'_> {
    /// Reads all documents.
    pub(super) fn read(&mut self) {
        let readable = super::text::without_inner_marks(self.text);
        let options = granit_parser::options! {
            emit_unresolved_aliases: true,
            flow_nesting_limit: self.limits.depth.saturating_add(1),
            block_nesting_limit: self.limits.depth.saturating_add(1),
            // Comments in a row; the default of 96 is fewer than what some values files hold.
            max_buffered_comment_events: self.limits.nodes / 10,
        };
        let mut parser = Parser::new_from_str_with_options(&readable, options);
        loop {
            let first = self.origins.len();
            let more = match self.document(&mut parser) {
                Ok(more) => more,
                Err(Stop) => parser.proceed_next_document().unwrap_or(false),
            };
            self.end_document(first);
            if !more || self.gave_up(self.character(self.text.len())) {
                break;
            }
        }
    }

    /// Reads one document; whether another may follow.
    fn document<'r>(&mut self, parser: &mut Parser<'r, StrInput<'r>>) -> Result<bool, Stop> {
        loop {
            let (event, span) = match parser.next_event() {
                Some(Ok(next)) => next,
                Some(Err(error)) => {
                    let said = self.syntax(&error);
                    return self.fatal(said);
                }
                None => return Ok(false),
            };
            let span = bytes_of(span);
            match event {
                Event::StreamEnd => return Ok(false),
                Event::DocumentEnd => return Ok(true),
                Event::Comment(text, _) => self.comment(&text, span)?,
                Event::Scalar(text, style, anchor, tag) => self.scalar(Scalar {
                    text,
                    style,
                    tag,
                    anchor,
                    span,
                })?,
                Event::SequenceStart(style, anchor, _) => {
                    self.open(style, anchor, span, Content::List(Vec::new()))?
                }
                Event::MappingStart(style, anchor, _) => {
                    self.open(style, anchor, span, Content::Mapping(Entries::default()))?
                }
                Event::SequenceEnd | Event::MappingEnd => self.close(span)?,
                Event::Alias(anchor) => self.alias(anchor, span)?,
                Event::UnresolvedAlias(name) => self.unknown_anchor(&name, span)?,
                _ => {}
            }
        }
    }

    /// Keeps or drops what was read of a document whose nodes start at `first`.
    fn end_document(&mut self, first: usize) {
        self.stack.clear();
        self.anchors.clear();
        let root = self.root.take();
        let broken = std::mem::take(&mut self.broken);
        match root.and_then(|root| Some((root.ids.first()?, root))) {
            Some((id, root)) if !broken && !root.is_null() => {
                self.documents.push(Document {
                    root,
                    id,
                    comments: std::mem::take(&mut self.comments),
                });
                self.document += 1;
            }
            _ if broken => {
                self.origins[first..]
                    .iter_mut()
                    .for_each(|origin| origin.leaf = false);
                self.document += 1;
            }
            _ => self.origins.truncate(first),
        }
    }

    fn comment(&mut self, text: &str, span: Span) -> Result<(), Stop> {
        self.count(self.comment_count, "comments", span)?;
        self.comment_count += 1;
        self.comments.push(Comment {
            at: span.start,
            text: text.into(),
        });
        Ok(())
    }

    fn open(
        &mut self,
        style: StructureStyle,
        anchor: usize,
        span: Span,
        content: Content,
    ) -> Result<(), Stop> {
        if self.expects_key() {
            let outer = span.start.saturating_sub(1) as usize;
            let template = self.text.get(outer..).is_some_and(|rest| rest.starts_with("{{"));
            let said = if template {
                self.template(outer)
            } else {
                self.key_type(span, "a list or mapping")
            };
            return self.fatal(said);
        }
        if self.stack.len() >= self.limits.depth {
            let said = self.too_deep(span);
            return self.fatal(said);
        }
        let id = self.enter(span)?.node();
        if anchor != 0 {
            self.anchors.insert(anchor, None);
        }
        self.stack.push(Frame {
            id,
            anchor,
            style,
            start: span.start,
            end: span.end,
            content,
        });
        Ok(())
    }

    fn close(&mut self, span: Span) -> Result<(), Stop> {
        let Some(frame) = self.stack.pop() else {
            let said = self.problem(
                &SYNTAX,
                span,
                "not valid YAML: a list or mapping ends that has not begun",
            );
            return self.fatal(said);
        };
        // The end of a block collection is only noticed at the token that follows it.
        let end = if frame.style == StructureStyle::Flow {
            span.end
        } else {
            frame.end
        };
        let span = Span {
            start: frame.start,
            end: end.max(frame.start),
        };
        let value = match frame.content {
            Content::List(items) => Value::Seq(items),
            Content::Mapping(entries) => Value::Map(entries.into_map()),
        };
        let empty = matches!(&value, Value::Seq(items) if items.is_empty())
            || matches!(&value, Value::Map(map) if map.is_empty());
        let origin = &mut self.origins[frame.id as usize];
        (origin.span, origin.leaf) = (span, empty);
        let node = Node::new(value, Id::new(self.file, frame.id));
        self.remember(frame.anchor, &node, span)?;
        self.place(node, end)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Stop> {
        match self.anchors.get(&anchor) {
            Some(Some(_)) if self.expects_key() => self.alias_key(anchor, span),
            Some(Some(_)) => {
                let node = self.expand(anchor, span)?;
                self.place(node, span.end)
            }
            Some(None) => {
                let name = self
                    .text
                    .get(span.start as usize..span.end as usize)
                    .unwrap_or("*")
                    .to_owned();
                let said = self
                    .problem(
                        &SELF_ANCHOR,
                        span,
                        format!("`{name}` stands inside the value that it repeats"),
                    )
                    .remedy("repeat a part of the value instead");
                self.fatal(said)
            }
            None => self.unknown_anchor("", span),
        }
    }

    fn unknown_anchor(&mut self, name: &str, span: Span) -> Result<(), Stop> {
        let said = self
            .problem(
                &UNKNOWN_ANCHOR,
                span,
                format!("no anchor `&{name}` precedes this alias in its document"),
            )
            .remedy(
                "define the anchor earlier in the same document, or quote the string if it is meant as text",
            );
        self.report(said);
        if self.expects_key() {
            self.set_key(Key::Bad);
            return Ok(());
        }
        let node = Node::new(Value::Null, self.enter(span)?);
        self.place(node, span.end)
    }
}

/// The bytes of a parser span.
fn bytes_of(span: granit_parser::Span) -> Span {
    let byte = |marker: granit_parser::Marker| marker.byte_offset().unwrap_or(0) as u32;
    let start = byte(span.start);
    Span {
        start,
        end: byte(span.end).max(start),
    }
}
