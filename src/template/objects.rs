//! Nodes as minijinja sees them, and back.

use super::vars::Var;
use crate::value::{Ids, Map, Node, Str, Value};
use minijinja::value::{Enumerator, Object, ObjectRepr, Value as Jinja, ValueKind};
use minijinja::{Error, ErrorKind, Expression};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Elements that a computed list or mapping may have, and levels.
const LIMIT: (usize, usize) = (10_000, 100);

/// The result of an expression.
pub(super) struct Outcome {
    /// Nothing if it is none.
    pub(super) node: Option<Node>,
    /// Origins of all that was read on the way.
    pub(super) ids: Ids,
}

/// What an evaluation has read.
#[derive(Default, Debug)]
struct Log(Mutex<Read>);

#[derive(Default, Debug)]
struct Read {
    ids: Ids,
    /// A string with an unanswered reference was used as text.
    unanswered: bool,
}

impl Log {
    fn with<T>(&self, f: impl FnOnce(&mut Read) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn record(&self, ids: &Ids) {
        self.with(|read| read.ids.merge(ids));
    }
}

/// Evaluates an expression over the given variables; on failure says why.
pub(super) fn evaluate(expression: &Expression<'_, '_>, vars: Vec<(Str, Var)>) -> Result<Outcome, String> {
    let log = Arc::new(Log::default());
    let context = Jinja::from_object(Root {
        vars,
        log: log.clone(),
    });
    let value = expression.eval(context).map_err(|e| describe(&e))?;
    let mut budget = LIMIT.0;
    let node = to_node(&value, 0, &mut budget)?;
    let (ids, unanswered) = log.with(|read| (std::mem::take(&mut read.ids), read.unanswered));
    if unanswered {
        return Err("an address that only the target knows cannot be computed with".into());
    }
    let node = node.map(|mut node| {
        node.ids.merge(&ids);
        node
    });
    Ok(Outcome { node, ids })
}

/// The variables of an evaluation.
#[derive(Debug)]
struct Root {
    vars: Vec<(Str, Var)>,
    log: Arc<Log>,
}

impl Object for Root {
    fn get_value(self: &Arc<Self>, key: &Jinja) -> Option<Jinja> {
        let key = key.as_str()?;
        self.vars
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, var)| wrap(var.clone(), &self.log))
    }
}

/// A list, a mapping, or a string with references.
struct View {
    var: Var,
    log: Arc<Log>,
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<value>")
    }
}

/// A value for minijinja. Scalars count as read; lists and mappings only when they are looked into.
fn wrap(var: Var, log: &Arc<Log>) -> Jinja {
    let scalar = match &var {
        Var::None => Some(Jinja::from(())),
        Var::List(_) | Var::Map(_) => None,
        Var::Node(node) => {
            let scalar = match &node.value {
                Value::Null => Some(Jinja::from(())),
                Value::Bool(b) => Some((*b).into()),
                Value::Int(i) => Some((*i).into()),
                Value::UInt(u) => Some((*u).into()),
                Value::Float(f) => Some((*f).into()),
                Value::Str(s) => Some(s.as_str().into()),
                Value::Text(_) | Value::Seq(_) | Value::Map(_) => None,
            };
            if scalar.is_some() {
                log.record(&node.ids);
            }
            scalar
        }
    };
    scalar.unwrap_or_else(|| {
        Jinja::from_object(View {
            var,
            log: log.clone(),
        })
    })
}

impl View {
    fn child(&self, key: &Jinja) -> Option<Var> {
        match &self.var {
            Var::None => None,
            Var::List(list) => list.get(key.as_usize()?).cloned().map(Var::Map),
            Var::Map(vars) => vars.get(key.as_str()?).cloned(),
            Var::Node(node) => match &node.value {
                Value::Seq(seq) => seq.get(key.as_usize()?).cloned().map(Var::Node),
                _ => node.get(key.as_str()?).cloned().map(Var::Node),
            },
        }
    }
}

impl Object for View {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        match &self.var {
            Var::List(_) => ObjectRepr::Seq,
            Var::Map(_) | Var::None => ObjectRepr::Map,
            Var::Node(node) => match node.value {
                Value::Seq(_) => ObjectRepr::Seq,
                Value::Map(_) => ObjectRepr::Map,
                _ => ObjectRepr::Plain,
            },
        }
    }

    fn get_value(self: &Arc<Self>, key: &Jinja) -> Option<Jinja> {
        self.child(key).map(|var| wrap(var, &self.log))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let keys = |keys: Vec<Jinja>| Enumerator::Iter(Box::new(keys.into_iter()));
        match &self.var {
            Var::None => Enumerator::Empty,
            Var::List(list) => Enumerator::Seq(list.len()),
            Var::Map(vars) => keys(vars.iter().map(|(name, _)| name.as_str().into()).collect()),
            Var::Node(node) => {
                // How many there are, and which, is an information too.
                self.log.record(&node.ids);
                match &node.value {
                    Value::Seq(seq) => Enumerator::Seq(seq.len()),
                    Value::Map(map) => keys(map.iter().map(|(key, _)| key.as_str().into()).collect()),
                    _ => Enumerator::NonEnumerable,
                }
            }
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = matches!(
            &self.var,
            Var::Node(Node {
                value: Value::Text(_),
                ..
            })
        );
        self.log.with(|read| read.unanswered |= text);
        f.write_str("<value>")
    }
}

/// A minijinja value as a node; nothing if it is none.
fn to_node(value: &Jinja, depth: usize, budget: &mut usize) -> Result<Option<Node>, String> {
    *budget = budget
        .checked_sub(1)
        .filter(|_| depth < LIMIT.1)
        .ok_or("the computed value is too large")?;
    if let Some(view) = value.downcast_object_ref::<View>() {
        return Ok(view.var.view().to_node());
    }
    let node: Value = match value.kind() {
        ValueKind::None => return Ok(None),
        ValueKind::Undefined => return Err("the value is undefined".into()),
        ValueKind::Bool => Value::Bool(value.is_true()),
        ValueKind::Number => number(value)?,
        ValueKind::String => Value::Str(value.as_str().unwrap_or_default().into()),
        ValueKind::Seq | ValueKind::Iterable => {
            let mut seq = Vec::new();
            for item in value.try_iter().map_err(|e| describe(&e))? {
                seq.push(to_node(&checked(item)?, depth + 1, budget)?.unwrap_or_default());
            }
            Value::Seq(seq)
        }
        ValueKind::Map => {
            let mut map = Map::new();
            for key in value.try_iter().map_err(|e| describe(&e))? {
                let item = value.get_item(&key).map_err(|e| describe(&e))?;
                let key =
                    to_node(&key, depth + 1, budget)?.and_then(|key| crate::source::key_text(&key.value));
                let key = key.ok_or("a key of the computed mapping is not a scalar")?;
                map.insert(
                    key,
                    to_node(&checked(item)?, depth + 1, budget)?.unwrap_or_default(),
                );
            }
            Value::Map(map)
        }
        kind => {
            return Err(format!(
                "the expression makes a value of the kind {kind}, which YAML does not have"
            ));
        }
    };
    Ok(Some(node.into()))
}

/// The value, unless it is an error in disguise.
fn checked(value: Jinja) -> Result<Jinja, String> {
    match value.kind() {
        ValueKind::Invalid => Err(describe(&Error::new(
            ErrorKind::BadSerialization,
            "an element cannot be computed",
        ))),
        _ => Ok(value),
    }
}

/// Whole numbers stay whole.
fn number(value: &Jinja) -> Result<Value, String> {
    if value.is_integer() {
        let unsigned = || u64::try_from(value.clone()).map(Value::UInt);
        let whole = i64::try_from(value.clone())
            .map(Value::Int)
            .or_else(|_| unsigned());
        return whole.map_err(|_| "the whole number is too large".to_owned());
    }
    let float = f64::try_from(value.clone()).map_err(|e| describe(&e))?;
    if float.is_finite() {
        Ok(Value::Float(float))
    } else {
        Err("the number is not finite".into())
    }
}

/// What minijinja says about a failure, without its talk of templates.
pub(super) fn describe(error: &minijinja::Error) -> String {
    let kind = error.kind();
    match error.detail() {
        Some(detail) => format!("{kind}: {detail}"),
        None => kind.to_string(),
    }
}
