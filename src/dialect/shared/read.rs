//! Typed reading of custom resources: values of the right type within their schema, or a problem that says what is wrong.
//!
//! Reading never stops at a problem: what cannot be used is as if it were absent, so that expanding reports everything at
//! once, and lifting can go on.

use crate::diagnostic::Code;
use crate::pods::Problem;
use crate::value::{Ids, Map, Node, Str, Traced, Value};

/// Reads the fields of one object (or part of one).
#[derive(Debug)]
pub struct Reader<'a> {
    /// The object.
    pub root: &'a Node,
    /// What stands before the path in messages: `spec.roles[0].`, or nothing.
    pub prefix: Str,
    /// The code of what the schema refuses.
    pub schema: &'static Code,
    /// Where problems go.
    pub problems: &'a mut Vec<Problem>,
}

impl<'a> Reader<'a> {
    /// A reader of a whole object.
    pub fn new(root: &'a Node, schema: &'static Code, problems: &'a mut Vec<Problem>) -> Self {
        Self {
            root,
            prefix: Str::default(),
            schema,
            problems,
        }
    }

    /// A reader of a part, `part` below `path`.
    pub fn below<'b>(&'b mut self, part: &'b Node, path: &str) -> Reader<'b> {
        Reader {
            root: part,
            prefix: format!("{}{path}.", self.prefix).into(),
            schema: self.schema,
            problems: self.problems,
        }
    }

    /// The value at a dotted path; null counts as absent.
    pub fn get(&self, path: &str) -> Option<&'a Node> {
        let steps: Vec<&str> = path.split('.').collect();
        self.root.at(&steps).filter(|n| !n.is_null())
    }

    /// The place to point to for a path: the nearest node on the way that exists.
    pub fn place(&self, path: &str) -> Ids {
        let (mut node, mut ids) = (self.root, &self.root.ids);
        for step in path.split('.') {
            match node.get(step) {
                Some(next) => (node, ids) = (next, if next.ids.is_empty() { ids } else { &next.ids }),
                None => break,
            }
        }
        ids.clone()
    }

    /// Notes a problem at a path.
    pub fn problem(&mut self, path: &str, code: &'static Code, reason: impl AsRef<str>) {
        let ids = self.place(path);
        let reason = format!("`{}{path}` {}", self.prefix, reason.as_ref());
        self.problems.push(Problem::new(code, reason, &ids));
    }

    /// A whole number within bounds.
    pub fn int(&mut self, path: &str, least: i64, most: i64) -> Option<Traced<i64>> {
        let node = self.get(path)?;
        match node.value {
            Value::Int(n) if n < least => self.problem(path, self.schema, format!("is {n}, below {least}")),
            Value::Int(n) if n > most => self.problem(path, self.schema, format!("is {n}, above {most}")),
            Value::Int(n) => return Some(Traced::new(n, node.ids.clone())),
            _ => self.problem(path, self.schema, "is not a whole number"),
        }
        None
    }

    /// A whole number of 32 bits.
    pub fn int32(&mut self, path: &str) -> Option<Traced<i64>> {
        self.int(path, i32::MIN.into(), i32::MAX.into())
    }

    /// A string.
    pub fn string(&mut self, path: &str) -> Option<Traced<Str>> {
        let node = self.get(path)?;
        match &node.value {
            Value::Str(s) => Some(Traced::new(s.clone(), node.ids.clone())),
            _ => {
                self.problem(path, self.schema, "is not a string");
                None
            }
        }
    }

    /// One of a few words.
    pub fn word(&mut self, path: &str, words: &[&str]) -> Option<Traced<Str>> {
        let word = self.string(path)?;
        if words.contains(&word.value.as_str()) {
            return Some(word);
        }
        self.problem(
            path,
            self.schema,
            format!("is `{}`, not one of {}", word.value, words.join(", ")),
        );
        None
    }

    /// A truth value.
    pub fn bool(&mut self, path: &str) -> Option<Traced<bool>> {
        let node = self.get(path)?;
        let value = node.as_bool().map(|b| Traced::new(b, node.ids.clone()));
        if value.is_none() {
            self.problem(path, self.schema, "is not true or false");
        }
        value
    }

    /// A mapping, empty if it is absent.
    pub fn map(&mut self, path: &str) -> Map {
        match self.get(path).map(|n| (n, n.as_map())) {
            Some((_, Some(map))) => map.clone(),
            Some((_, None)) => {
                self.problem(path, self.schema, "is not a mapping");
                Map::new()
            }
            None => Map::new(),
        }
    }

    /// A mapping of strings (labels, annotations), empty if it is absent. What is no string is reported and left out.
    pub fn strings(&mut self, path: &str) -> Map {
        let mut map = self.map(path);
        for (key, value) in map.clone().iter() {
            if value.as_str().is_none() {
                let reason = format!("`{}{path}`: the value of `{key}` is not a string", self.prefix);
                self.problems.push(Problem::new(self.schema, reason, &value.ids));
            }
        }
        map.retain(|_, value| value.as_str().is_some());
        map
    }

    /// A list, empty if it is absent.
    pub fn list(&mut self, path: &str) -> &'a [Node] {
        match self.get(path).map(Node::as_seq) {
            Some(Some(list)) => list,
            Some(None) => {
                self.problem(path, self.schema, "is not a list");
                &[]
            }
            None => &[],
        }
    }

    /// The object's name. An object without one is refused by the API server.
    pub fn name(&mut self) -> Traced<Str> {
        match self.string("metadata.name") {
            Some(name) if !name.value.is_empty() => name,
            _ => {
                self.problem("metadata.name", self.schema, "is missing");
                Traced::default()
            }
        }
    }
}
