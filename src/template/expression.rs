//! Holes: where they are in a text, what they name, and what they evaluate to.

use super::objects::{Outcome, describe, evaluate};
use super::vars::{Var, VarRef, Vars};
use crate::value::{Ids, Node, Str, Value};
use minijinja::{Environment, Expression, UndefinedBehavior};
use std::fmt;
use std::sync::OnceLock;

/// Steps and 64-byte portions of memory that one expression may take. Those of real templates take below a hundred.
const FUEL: u64 = 20_000;

/// One `{{ expression }}`.
#[derive(Debug)]
pub(super) struct Hole {
    expression: Expr,
    /// Where its brace stands.
    pub(super) line: u32,
    pub(super) column: u32,
    /// Whether it is the only place of its variable, which may be moved there.
    pub(super) sole: bool,
}

enum Expr {
    /// `name.field.field`: the common case, looked up directly.
    Path(Vec<Str>),
    /// Anything else, with the variables that it names.
    Compiled(Box<Expression<'static, 'static>>, Vec<Str>),
}

impl fmt::Debug for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.fmt(f),
            Self::Compiled(_, names) => write!(f, "expression over {names:?}"),
        }
    }
}

/// The variables that are known at a place of the template: those given, and those of the `$for`s around it.
pub(super) enum Scope<'v> {
    Root(&'v Vars),
    Loop {
        name: &'v str,
        value: VarRef<'v>,
        outer: &'v Scope<'v>,
    },
}

/// What a hole evaluates to.
pub(super) enum Evaluated<'v> {
    /// A variable or a part of one.
    Var(VarRef<'v>),
    /// A computed value; nothing if it is none. The ids are those of what decided that.
    Made(Option<Node>, Ids),
}

/// The one environment of all expressions: minijinja's own filters and tests, which touch nothing outside.
fn environment() -> &'static Environment<'static> {
    static ENVIRONMENT: OnceLock<Environment<'static>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(100);
        environment
    })
}

/// Whether the expression is a dotted path, which needs no compiler.
fn path(text: &str) -> Option<Vec<Str>> {
    let segment = |s: &str| {
        s.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && s.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let keyword = matches!(
        text,
        "true" | "True" | "false" | "False" | "none" | "None" | "null"
    );
    (!keyword && text.split('.').all(segment)).then(|| text.split('.').map(Str::from).collect())
}

impl Hole {
    /// Compiles the text between the braces; on failure says why.
    pub(super) fn new(text: &str, line: u32, column: u32) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("the hole is empty".into());
        }
        let expression = match path(text) {
            Some(path) => Expr::Path(path),
            None => {
                let compiled = environment()
                    .compile_expression_owned(text.to_owned())
                    .map_err(|e| describe(&e))?;
                let globals: Vec<&str> = environment().globals().map(|(name, _)| name).collect();
                let named = compiled.undeclared_variables(false);
                let mut names: Vec<Str> = named
                    .iter()
                    .filter(|n| !globals.contains(&n.as_str()))
                    .map(Str::from)
                    .collect();
                names.sort();
                Expr::Compiled(Box::new(compiled), names)
            }
        };
        Ok(Self {
            expression,
            line,
            column,
            sole: false,
        })
    }

    /// The variables that it names.
    pub(super) fn names(&self) -> &[Str] {
        match &self.expression {
            Expr::Path(path) => &path[..1],
            Expr::Compiled(_, names) => names,
        }
    }

    /// The variable that it is, if it is nothing else.
    pub(super) fn variable(&self) -> Option<&Str> {
        match &self.expression {
            Expr::Path(path) => path.first().filter(|_| path.len() == 1),
            Expr::Compiled(..) => None,
        }
    }

    /// Whether it is looked up directly.
    pub(super) fn is_path(&self) -> bool {
        matches!(self.expression, Expr::Path(_))
    }

    /// Evaluates; on failure says why.
    pub(super) fn evaluate<'v>(&self, scope: &Scope<'v>) -> Result<Evaluated<'v>, String> {
        match &self.expression {
            Expr::Path(path) => Ok(Evaluated::Var(scope.resolve(path)?)),
            Expr::Compiled(expression, names) => {
                let vars: Result<Vec<(Str, Var)>, String> = names
                    .iter()
                    .map(|name| Ok((name.clone(), scope.get(name)?.to_owned())))
                    .collect();
                let Outcome { node, ids } = evaluate(expression, vars?)?;
                Ok(Evaluated::Made(node, ids))
            }
        }
    }
}

impl<'v> Scope<'v> {
    /// The variable of that name; else an error that says which there are.
    pub(super) fn get(&self, name: &str) -> Result<VarRef<'v>, String> {
        let mut scope = self;
        loop {
            match scope {
                Self::Loop { name: own, value, .. } if *own == name => return Ok(*value),
                Self::Loop { outer, .. } => scope = outer,
                Self::Root(vars) => return vars.get(name).map(Var::view).ok_or_else(|| self.unknown(name)),
            }
        }
    }

    fn unknown(&self, name: &str) -> String {
        let mut known: Vec<&str> = Vec::new();
        let mut scope = self;
        loop {
            match scope {
                Self::Loop { name, outer, .. } => {
                    known.push(name);
                    scope = outer;
                }
                Self::Root(vars) => {
                    known.extend(vars.iter().map(|(name, _)| name.as_str()));
                    break;
                }
            }
        }
        let near = known
            .iter()
            .map(|k| (strsim::damerau_levenshtein(k, name), k))
            .min();
        match near.filter(|(distance, _)| *distance <= 1 + name.len() / 4) {
            Some((_, near)) => format!("there is no variable `{name}`; did you mean `{near}`?"),
            None if known.is_empty() => format!("there is no variable `{name}`, nor any other"),
            None => format!("there is no variable `{name}`; there are {}", known.join(", ")),
        }
    }

    fn resolve(&self, path: &[Str]) -> Result<VarRef<'v>, String> {
        let Some((first, rest)) = path.split_first() else {
            return Ok(VarRef::None);
        };
        let mut at = self.get(first)?;
        for (n, field) in rest.iter().enumerate() {
            let next = match at {
                VarRef::Map(vars) => vars.get(field).map(Var::view),
                VarRef::Node(node) => node.get(field).map(VarRef::Node),
                VarRef::None | VarRef::List(_) => None,
            };
            at = next.ok_or_else(|| {
                let parent = path[..=n].iter().map(Str::as_str).collect::<Vec<_>>().join(".");
                match at {
                    VarRef::None => format!("`{parent}` is not set, so it has no `{field}`"),
                    _ => format!("`{parent}` has no `{field}`"),
                }
            })?;
        }
        Ok(at)
    }
}

impl Evaluated<'_> {
    /// Whether it counts as true, and what decided that. False, null, none, zero and what is empty do not.
    pub(super) fn truth(&self) -> (bool, Ids) {
        match self {
            Self::Var(VarRef::None) => (false, Ids::none()),
            Self::Var(VarRef::List(list)) => (!list.is_empty(), Ids::none()),
            Self::Var(VarRef::Map(_)) => (true, Ids::none()),
            Self::Var(VarRef::Node(node)) => (truth(node), node.ids.clone()),
            Self::Made(None, ids) => (false, ids.clone()),
            Self::Made(Some(node), ids) => (truth(node), node.ids.union(ids)),
        }
    }
}

fn truth(node: &Node) -> bool {
    match &node.value {
        Value::Null => false,
        Value::Bool(b) => *b,
        Value::Int(i) => *i != 0,
        Value::UInt(u) => *u != 0,
        Value::Float(f) => *f != 0.0,
        Value::Str(s) => !s.is_empty(),
        Value::Text(text) => !text.is_empty(),
        Value::Seq(seq) => !seq.is_empty(),
        Value::Map(map) => !map.is_empty(),
    }
}

/// A part of a scalar.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Segment<'t> {
    Literal(&'t str),
    /// What stands between the braces.
    Hole(&'t str),
}

/// Splits a scalar at its holes. `}}` inside a quoted string of an expression does not end it. On failure, how many holes
/// precede the bad one, and why it is bad.
pub(super) fn segments(text: &str) -> Result<Vec<Segment<'_>>, (usize, String)> {
    let (mut segments, mut rest, mut count) = (Vec::new(), text, 0);
    while let Some(start) = rest.find("{{") {
        if start > 0 {
            segments.push(Segment::Literal(&rest[..start]));
        }
        let body = &rest[start + 2..];
        let end = closing(body).ok_or((count, "the hole has no `}}`".to_owned()))?;
        segments.push(Segment::Hole(&body[..end]));
        rest = &body[end + 2..];
        count += 1;
    }
    if !rest.is_empty() {
        segments.push(Segment::Literal(rest));
    }
    Ok(segments)
}

/// Where the closing braces are. A mapping in an expression may end right before them: `{{ {"a": 1}}}`.
fn closing(body: &str) -> Option<usize> {
    let (mut quote, mut escaped, mut depth) = (None, false, 0usize);
    for (at, c) in body.char_indices() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c == '{' => depth += 1,
            None if c == '}' && depth > 0 => depth -= 1,
            None if body[at..].starts_with("}}") => return Some(at),
            None => {}
        }
    }
    None
}
