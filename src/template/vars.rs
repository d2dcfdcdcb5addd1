//! What fills the holes.

use crate::value::{Map, Node, Str, Value};

/// The value of a variable.
#[derive(Clone, PartialEq, Debug)]
pub enum Var {
    /// A value with its origin.
    Node(Node),
    /// Known, but not set: a hole that names it is left out.
    None,
    /// Several groups of variables, for `$for`.
    List(Vec<Vars>),
    /// A group of variables: `{{ role.name }}`.
    Map(Vars),
}

/// A variable, or a part of one.
#[derive(Clone, Copy, Debug)]
pub(super) enum VarRef<'v> {
    None,
    Node(&'v Node),
    List(&'v [Vars]),
    Map(&'v Vars),
}

/// Variables by name, in order. Setting a name again replaces its value.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Vars(Vec<(Str, Var)>);

impl Vars {
    /// No variables.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a variable. `None` makes it known but not set.
    pub fn set(&mut self, name: impl Into<Str>, value: impl Into<Var>) {
        let (name, value) = (name.into(), value.into());
        match self.0.iter_mut().find(|(n, _)| *n == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// [`Vars::set`] for chains.
    #[must_use]
    pub fn with(mut self, name: impl Into<Str>, value: impl Into<Var>) -> Self {
        self.set(name, value);
        self
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&Var> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }

    /// Takes the node of a variable, which is known but not set from then on.
    pub(super) fn take(&mut self, name: &str) -> Option<Node> {
        let (_, var) = self.0.iter_mut().find(|(n, _)| n == name)?;
        match std::mem::replace(var, Var::None) {
            Var::Node(node) => Some(node),
            other => {
                *var = other;
                None
            }
        }
    }

    /// All variables in order.
    pub fn iter(&self) -> std::slice::Iter<'_, (Str, Var)> {
        self.0.iter()
    }

    /// Calls `f` for each node among the values.
    pub fn nodes<'a>(&'a self, f: &mut dyn FnMut(&'a Node)) {
        for (_, var) in &self.0 {
            match var {
                Var::Node(node) => f(node),
                Var::None => {}
                Var::List(list) => list.iter().for_each(|vars| vars.nodes(f)),
                Var::Map(vars) => vars.nodes(f),
            }
        }
    }

    /// The variables that are set, as a mapping.
    pub(super) fn to_node(&self) -> Node {
        self.0
            .iter()
            .filter_map(|(name, var)| Some((name.clone(), var.view().to_node()?)))
            .collect::<Map>()
            .into()
    }
}

impl Var {
    pub(super) fn view(&self) -> VarRef<'_> {
        match self {
            Self::Node(node) => VarRef::Node(node),
            Self::None => VarRef::None,
            Self::List(list) => VarRef::List(list),
            Self::Map(vars) => VarRef::Map(vars),
        }
    }
}

impl VarRef<'_> {
    /// The value as a node; nothing if it is not set.
    pub(super) fn to_node(self) -> Option<Node> {
        match self {
            Self::None => None,
            Self::Node(node) => Some(node.clone()),
            Self::List(list) => Some(Value::Seq(list.iter().map(Vars::to_node).collect()).into()),
            Self::Map(vars) => Some(vars.to_node()),
        }
    }

    pub(super) fn to_owned(self) -> Var {
        match self {
            Self::None => Var::None,
            Self::Node(node) => Var::Node(node.clone()),
            Self::List(list) => Var::List(list.to_vec()),
            Self::Map(vars) => Var::Map(vars.clone()),
        }
    }
}

impl<T: Into<Node>> From<T> for Var {
    fn from(value: T) -> Self {
        Self::Node(value.into())
    }
}

impl<T: Into<Node>> From<Option<T>> for Var {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::None, |value| Self::Node(value.into()))
    }
}

impl From<Vec<Vars>> for Var {
    fn from(list: Vec<Vars>) -> Self {
        Self::List(list)
    }
}

impl From<Vars> for Var {
    fn from(vars: Vars) -> Self {
        Self::Map(vars)
    }
}

impl<K: Into<Str>, V: Into<Var>> FromIterator<(K, V)> for Vars {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(iter: I) -> Self {
        let mut vars = Self::new();
        iter.into_iter().for_each(|(name, value)| vars.set(name, value));
        vars
    }
}
