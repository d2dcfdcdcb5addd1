//! Filling a template.

use super::expression::{Evaluated, Hole, Scope};
use super::parse::{At, Block, Entry, Part, Piece};
use super::vars::{VarRef, Vars};
use super::{Template, TemplateError};
use crate::source::key_text;
use crate::value::{Ids, Map, Node, Piece as TextPiece, Str, Text, Value};
use std::cell::{Cell, RefCell};

/// Values that one template may make. A manifest has hundreds; this bounds what nested loops can do.
const BUDGET: usize = 2_000_000;
/// What an expression costs of it, beside the values that it reads and makes.
const EXPRESSION: usize = 500;

struct Renderer<'t> {
    template: &'t Template,
    budget: Cell<usize>,
    /// The values that have one place, by the names of their variables, until they are there.
    sole: RefCell<Vec<(Str, Node)>>,
}

type Result<T> = std::result::Result<T, TemplateError>;

pub(super) fn render(template: &Template, mut vars: Vars) -> Result<Node> {
    let taken = template
        .sole
        .iter()
        .filter_map(|name| Some((name.clone(), vars.take(name)?)));
    let renderer = Renderer {
        template,
        budget: Cell::new(BUDGET),
        sole: RefCell::new(taken.collect()),
    };
    let mut gone = Ids::none();
    let root = renderer.part(&template.root, &Scope::Root(&vars), &mut gone)?;
    root.ok_or_else(|| renderer.error((1, 1), "the template makes nothing"))
}

/// How many values there are in a tree.
fn weight(node: &Node) -> usize {
    match &node.value {
        Value::Seq(seq) => 1 + seq.iter().map(weight).sum::<usize>(),
        Value::Map(map) => 1 + map.iter().map(|(_, n)| weight(n)).sum::<usize>(),
        Value::Str(text) => 1 + text.len() / 64,
        _ => 1,
    }
}

impl Renderer<'_> {
    fn error(&self, at: At, message: impl Into<String>) -> TemplateError {
        TemplateError {
            template: self.template.name.clone(),
            line: at.0,
            column: at.1,
            message: message.into(),
        }
    }

    fn at_hole(&self, hole: &Hole, message: impl Into<String>) -> TemplateError {
        self.error((hole.line, hole.column), message)
    }

    fn pay(&self, hole: &Hole, price: usize) -> Result<()> {
        let left = self.budget.get().checked_sub(price);
        self.budget.set(
            left.ok_or_else(|| self.at_hole(hole, "the template makes more values than any manifest has"))?,
        );
        Ok(())
    }

    fn evaluate<'v>(&self, hole: &Hole, scope: &Scope<'v>) -> Result<Evaluated<'v>> {
        self.pay(hole, if hole.is_path() { 1 } else { EXPRESSION })?;
        hole.evaluate(scope)
            .map_err(|message| self.at_hole(hole, message))
    }

    /// The value that only this hole has a place for.
    fn moved(&self, hole: &Hole) -> Option<Node> {
        let name = hole.variable().filter(|_| hole.sole)?;
        let mut sole = self.sole.borrow_mut();
        let at = sole.iter().position(|(own, _)| own == name)?;
        Some(sole.swap_remove(at).1)
    }

    /// The value of a hole; nothing if it is none or null. What decided that is added to `gone`.
    fn hole(&self, hole: &Hole, scope: &Scope<'_>, gone: &mut Ids) -> Result<Option<Node>> {
        let node = match self.moved(hole) {
            Some(node) => Some(node),
            None => match self.evaluate(hole, scope)? {
                Evaluated::Var(var) => var.to_node(),
                Evaluated::Made(None, ids) => {
                    gone.merge(&ids);
                    None
                }
                Evaluated::Made(node, _) => node,
            },
        };
        let Some(node) = node else { return Ok(None) };
        if node.is_null() {
            gone.merge(&node.ids);
            return Ok(None);
        }
        self.pay(hole, weight(&node))?;
        Ok(Some(node))
    }

    /// A part; nothing if it is left out. What decided that is added to `gone`.
    fn part(&self, part: &Part, scope: &Scope<'_>, gone: &mut Ids) -> Result<Option<Node>> {
        match part {
            Part::Literal(node) => Ok(Some(node.clone())),
            Part::Hole(hole) => self.hole(hole, scope, gone),
            Part::Text(pieces) => self.text(pieces, scope).map(Some),
            Part::Seq(parts) => self.seq(parts, scope).map(Some),
            Part::Map(entries, fixed) => self.map(entries, *fixed, scope).map(Some),
            Part::Block(block) => self.block(block, scope, gone),
        }
    }

    /// A part that an `$if` may leave out.
    fn block(&self, block: &Block, scope: &Scope<'_>, gone: &mut Ids) -> Result<Option<Node>> {
        let Some(when) = &block.when else {
            return self.part(&block.body, scope, gone);
        };
        let (truth, ids) = self.evaluate(when, scope)?.truth();
        if !truth {
            gone.merge(&ids);
            return Ok(None);
        }
        let mut node = self.part(&block.body, scope, gone)?;
        match &mut node {
            Some(node) => node.decided_by(&ids),
            None => gone.merge(&ids),
        }
        Ok(node)
    }

    fn seq(&self, parts: &[Part], scope: &Scope<'_>) -> Result<Node> {
        let (mut seq, mut ids) = (Vec::with_capacity(parts.len()), Ids::none());
        for part in parts {
            match part {
                Part::Block(block) => match &block.each {
                    Some((hole, name)) => Loop {
                        renderer: self,
                        hole,
                        name,
                        block,
                        scope,
                    }
                    .run(&mut seq, &mut ids)?,
                    None => seq.extend(self.block(block, scope, &mut ids)?),
                },
                part => seq.extend(self.part(part, scope, &mut ids)?),
            }
        }
        Ok(Node {
            value: Value::Seq(seq),
            ids,
        })
    }

    fn map(&self, entries: &[Entry], fixed: bool, scope: &Scope<'_>) -> Result<Node> {
        let (mut map, mut ids) = (Map::with_capacity(entries.len()), Ids::none());
        for entry in entries {
            match entry {
                Entry::Fixed(key, part) => {
                    if let Some(node) = self.part(part, scope, &mut ids)? {
                        if fixed {
                            map.push_new(key.clone(), node)
                        } else {
                            drop(map.insert(key.clone(), node))
                        }
                    }
                }
                Entry::Computed(pieces, part, at) => {
                    let Some(key) = self.key(pieces, scope, &mut ids)? else {
                        continue;
                    };
                    let Some(node) = self.part(part, scope, &mut ids)? else {
                        continue;
                    };
                    if map.contains_key(&key) {
                        return Err(self.error(*at, format!("the key `{key}` is there already")));
                    }
                    map.push_new(key, node);
                }
                Entry::Merge(part, at) => {
                    if let Some(node) = self.part(part, scope, &mut ids)? {
                        self.merge(node, *at, true, &mut map, &mut ids)?;
                    }
                }
            }
        }
        Ok(Node {
            value: Value::Map(map),
            ids,
        })
    }

    /// Adds the entries of a mapping, or of each of a list of mappings. Later ones win.
    fn merge(&self, node: Node, at: At, list: bool, map: &mut Map, ids: &mut Ids) -> Result<()> {
        ids.merge(&node.ids);
        match node.value {
            Value::Null => {}
            Value::Map(entries) => entries
                .into_iter()
                .for_each(|(key, value)| drop(map.insert(key, value))),
            Value::Seq(nodes) if list => {
                nodes
                    .into_iter()
                    .try_for_each(|node| self.merge(node, at, false, map, ids))?;
            }
            _ => return Err(self.error(at, "`$merge` takes a mapping or a list of mappings")),
        }
        Ok(())
    }

    /// A computed key; nothing if it is one hole that is none. Its origins stay with the mapping.
    fn key(&self, pieces: &[Piece], scope: &Scope<'_>, ids: &mut Ids) -> Result<Option<Str>> {
        let node = match pieces {
            [Piece::Hole(hole)] => match self.hole(hole, scope, ids)? {
                None => return Ok(None),
                Some(node) => match key_text(&node.value) {
                    Some(key) => Node {
                        value: Value::Str(key),
                        ids: node.ids,
                    },
                    None => return Err(self.at_hole(hole, "a key must be a single value")),
                },
            },
            pieces => self.text(pieces, scope)?,
        };
        ids.merge(&node.ids);
        match node.value {
            Value::Str(key) => Ok(Some(key)),
            _ => Err(self.error((0, 0), "a key cannot hold an address that only the target knows")),
        }
    }

    /// A string with holes in it.
    fn text(&self, pieces: &[Piece], scope: &Scope<'_>) -> Result<Node> {
        let (mut text, mut ids, mut plain) = (Text::new(), Ids::none(), String::new());
        for piece in pieces {
            let hole = match piece {
                Piece::Literal(literal) => {
                    plain.push_str(literal);
                    continue;
                }
                Piece::Hole(hole) => hole,
            };
            let Some(node) = self.hole(hole, scope, &mut ids)? else {
                return Err(self.at_hole(hole, "this is not set, and there is text around it"));
            };
            ids.merge(&node.ids);
            match &node.value {
                Value::Text(pieces) => {
                    if !plain.is_empty() {
                        text.push(TextPiece::Literal(std::mem::take(&mut plain).into()));
                    }
                    text.extend(pieces.iter().cloned());
                }
                Value::Seq(_) | Value::Map(_) => {
                    return Err(self.at_hole(hole, "a list or mapping cannot stand inside text"));
                }
                scalar => plain.push_str(&scalar_text(scalar)),
            }
        }
        if text.is_empty() {
            return Ok(Node {
                value: Value::Str(plain.into()),
                ids,
            });
        }
        if !plain.is_empty() {
            text.push(TextPiece::Literal(plain.into()));
        }
        Ok(Node {
            value: Value::Text(text),
            ids,
        })
    }
}

/// A `$for` at work.
struct Loop<'a> {
    renderer: &'a Renderer<'a>,
    hole: &'a Hole,
    name: &'a str,
    block: &'a Block,
    scope: &'a Scope<'a>,
}

impl Loop<'_> {
    fn run(&self, seq: &mut Vec<Node>, ids: &mut Ids) -> Result<()> {
        match self.renderer.evaluate(self.hole, self.scope)? {
            Evaluated::Var(VarRef::None) => Ok(()),
            Evaluated::Var(VarRef::List(list)) => list
                .iter()
                .try_for_each(|vars| self.once(VarRef::Map(vars), seq, ids)),
            Evaluated::Var(VarRef::Map(vars)) => self.over(&vars.to_node(), seq, ids),
            Evaluated::Var(VarRef::Node(node)) => self.over(node, seq, ids),
            Evaluated::Made(node, read) => {
                ids.merge(&read);
                self.over(&node.unwrap_or_default(), seq, ids)
            }
        }
    }

    fn over(&self, node: &Node, seq: &mut Vec<Node>, ids: &mut Ids) -> Result<()> {
        ids.merge(&node.ids);
        match &node.value {
            Value::Null => Ok(()),
            Value::Seq(items) => items
                .iter()
                .try_for_each(|item| self.once(VarRef::Node(item), seq, ids)),
            Value::Map(map) => map.iter().try_for_each(|(key, value)| {
                let pair = Vars::new().with("key", key.clone()).with("value", value.clone());
                self.once(VarRef::Map(&pair), seq, ids)
            }),
            _ => Err(self.renderer.at_hole(
                self.hole,
                "`$for` takes a list or a mapping, and this is a single value",
            )),
        }
    }

    fn once(&self, value: VarRef<'_>, seq: &mut Vec<Node>, ids: &mut Ids) -> Result<()> {
        self.renderer.pay(self.hole, 1)?;
        let scope = Scope::Loop {
            name: self.name,
            value,
            outer: self.scope,
        };
        seq.extend(self.renderer.block(self.block, &scope, ids)?);
        Ok(())
    }
}

/// A scalar as it is written in a manifest.
fn scalar_text(value: &Value) -> Str {
    match value {
        Value::Float(float) => float.to_string().into(),
        value => key_text(value).unwrap_or_default(),
    }
}
