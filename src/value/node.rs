//! One node of a document.

use super::{Id, Ids, Map, Piece, Reference, Str, Text};

/// What a node is, as Kubernetes' own reader would see it.
#[derive(Clone, PartialEq, Default, Debug)]
pub enum Value {
    /// `null`, or nothing at all.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number too large for [`Value::Int`].
    UInt(u64),
    /// Any other finite number.
    Float(f64),
    /// A string.
    Str(Str),
    /// A string that holds references, before a dialect has answered them. Never in an input or an output.
    Text(Text),
    /// A list.
    Seq(Vec<Node>),
    /// A mapping.
    Map(Map),
}

/// A value and where it came from. Two nodes are equal when their values are; origins do not count.
#[derive(Clone, Default, Debug)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// The input nodes that it was derived from; for a list or mapping, those that decided its shape.
    pub ids: Ids,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Node {
    /// A value from one place of the input.
    pub fn new(value: Value, id: Id) -> Self {
        Self {
            value,
            ids: id.into(),
        }
    }

    /// A value computed from the given places.
    pub fn derived(value: impl Into<Node>, ids: &Ids) -> Self {
        let mut node = value.into();
        node.ids.merge(ids);
        node
    }

    /// An empty mapping.
    pub fn map() -> Self {
        Value::Map(Map::new()).into()
    }

    /// An empty list.
    pub fn seq() -> Self {
        Value::Seq(Vec::new()).into()
    }

    /// Notes that the given places decided something that this node does *not* have (a flag left out, a field unset).
    pub fn decided_by(&mut self, ids: &Ids) {
        self.ids.merge(ids);
    }

    /// The mapping, if it is one.
    pub fn as_map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The mapping to change; anything else becomes an empty mapping first.
    pub fn map_mut(&mut self) -> &mut Map {
        if !matches!(self.value, Value::Map(_)) {
            self.value = Value::Map(Map::new());
        }
        match &mut self.value {
            Value::Map(map) => map,
            _ => unreachable!("just made a mapping"),
        }
    }

    /// The list, if it is one.
    pub fn as_seq(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Seq(seq) => Some(seq),
            _ => None,
        }
    }

    /// The list to change; anything else becomes an empty list first.
    pub fn seq_mut(&mut self) -> &mut Vec<Node> {
        if !matches!(self.value, Value::Seq(_)) {
            self.value = Value::Seq(Vec::new());
        }
        match &mut self.value {
            Value::Seq(seq) => seq,
            _ => unreachable!("just made a list"),
        }
    }

    /// The string, if it is one without references.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::Str(s) => Some(s),
            _ => None,
        }
    }

    /// The whole number, if it is one that fits.
    pub fn as_int(&self) -> Option<i64> {
        match self.value {
            Value::Int(i) => Some(i),
            _ => None,
        }
    }

    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(b) => Some(b),
            _ => None,
        }
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The child under `key` of a mapping.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?.get(key)
    }

    /// The descendant along `path`: keys of mappings, or indices of lists in digits.
    pub fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, step| match &node.value {
            Value::Map(map) => map.get(step),
            Value::Seq(seq) => seq.get(step.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// The descendant along `path`, made of mappings where it is missing.
    pub fn at_mut(&mut self, path: &[&str]) -> &mut Node {
        path.iter()
            .fold(self, |node, step| node.map_mut().entry_map(step))
    }

    /// Sets a key of a mapping.
    pub fn set(&mut self, key: &str, value: impl Into<Node>) {
        self.map_mut().insert(key, value);
    }

    /// Takes over the origins of an equal tree, node by node.
    pub fn absorb(&mut self, equal: &Node) {
        self.ids.merge(&equal.ids);
        match (&mut self.value, &equal.value) {
            (Value::Seq(own), Value::Seq(other)) => own.iter_mut().zip(other).for_each(|(a, b)| a.absorb(b)),
            (Value::Map(own), Value::Map(other)) => {
                for (key, node) in own.iter_mut() {
                    if let Some(other) = other.get(key) {
                        node.absorb(other);
                    }
                }
            }
            _ => {}
        }
    }

    /// Calls `f` for this node and all below it, parents first.
    pub fn walk<'a, F: FnMut(&'a Node) + ?Sized>(&'a self, f: &mut F) {
        f(self);
        match &self.value {
            Value::Seq(seq) => seq.iter().for_each(|n| n.walk(f)),
            Value::Map(map) => map.iter().for_each(|(_, n)| n.walk(f)),
            _ => {}
        }
    }

    /// Calls `f` for this node and all below it, parents first, to change them.
    pub fn walk_mut<F: FnMut(&mut Node) + ?Sized>(&mut self, f: &mut F) {
        f(self);
        match &mut self.value {
            Value::Seq(seq) => seq.iter_mut().for_each(|n| n.walk_mut(f)),
            Value::Map(map) => map.iter_mut().for_each(|(_, n)| n.walk_mut(f)),
            _ => {}
        }
    }

    /// All origins of this node and everything below it.
    pub fn all_ids(&self) -> Ids {
        let mut ids = Vec::new();
        self.walk(&mut |n| ids.extend(n.ids.iter()));
        ids.into_iter().collect()
    }

    /// Whether a string below this node still holds a reference.
    pub fn has_references(&self) -> bool {
        match &self.value {
            Value::Text(_) => true,
            Value::Seq(seq) => seq.iter().any(Node::has_references),
            Value::Map(map) => map.iter().any(|(_, n)| n.has_references()),
            _ => false,
        }
    }
}

impl From<Value> for Node {
    fn from(value: Value) -> Self {
        Self {
            value,
            ids: Ids::none(),
        }
    }
}

impl From<&str> for Node {
    fn from(s: &str) -> Self {
        Value::Str(s.into()).into()
    }
}

impl From<String> for Node {
    fn from(s: String) -> Self {
        Value::Str(s.into()).into()
    }
}

impl From<Str> for Node {
    fn from(s: Str) -> Self {
        Value::Str(s).into()
    }
}

impl From<bool> for Node {
    fn from(b: bool) -> Self {
        Value::Bool(b).into()
    }
}

impl From<i64> for Node {
    fn from(i: i64) -> Self {
        Value::Int(i).into()
    }
}

impl From<u32> for Node {
    fn from(i: u32) -> Self {
        Value::Int(i.into()).into()
    }
}

impl From<Map> for Node {
    fn from(map: Map) -> Self {
        Value::Map(map).into()
    }
}

impl From<Vec<Node>> for Node {
    fn from(seq: Vec<Node>) -> Self {
        Value::Seq(seq).into()
    }
}

impl From<Reference> for Node {
    fn from(reference: Reference) -> Self {
        Value::Text(vec![Piece::Reference(reference)]).into()
    }
}

/// A text of literals alone becomes a plain string.
impl From<Text> for Node {
    fn from(text: Text) -> Self {
        let mut plain = String::new();
        for piece in &text {
            match piece {
                Piece::Literal(s) => plain.push_str(s),
                Piece::Reference(_) => return Value::Text(text).into(),
            }
        }
        plain.into()
    }
}
