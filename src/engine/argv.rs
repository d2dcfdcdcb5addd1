//! Building a command line of nodes, so that each word keeps its origin.

use super::scan::Word;
use crate::value::{Ids, Node, Piece, Str, TextBuilder, Value};

/// A word of a command line: the value as text, with its origin. Mappings and lists become JSON.
pub fn word(value: &Node) -> Node {
    let mut word: Node = match &value.value {
        Value::Str(_) | Value::Text(_) => return value.clone(),
        Value::Null => "null".into(),
        Value::Seq(_) | Value::Map(_) => {
            let mut text = TextBuilder::new();
            json(value, &mut text);
            text.into()
        }
        _ => Word::of(value).text().into(),
    };
    word.ids = value.all_ids();
    word
}

/// Writes a value as compact JSON; references stay references.
fn json(node: &Node, out: &mut TextBuilder) {
    match &node.value {
        Value::Null => out.push_str("null"),
        Value::Str(s) => out.push_str(&quoted(s)),
        Value::Text(text) => {
            out.push_str("\"");
            for piece in text {
                match piece {
                    Piece::Literal(s) => {
                        let quoted = quoted(s);
                        out.push_str(&quoted[1..quoted.len() - 1]);
                    }
                    Piece::Reference(_) => out.push(piece.clone()),
                }
            }
            out.push_str("\"");
        }
        Value::Seq(items) => {
            out.push_str("[");
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(",");
                }
                json(item, out);
            }
            out.push_str("]");
        }
        Value::Map(map) => {
            out.push_str("{");
            for (index, (key, item)) in map.iter().enumerate() {
                let comma = if index > 0 { "," } else { "" };
                out.push_str(&format!("{comma}{}:", quoted(key)));
                json(item, out);
            }
            out.push_str("}");
        }
        Value::Bool(_) | Value::Int(_) | Value::UInt(_) | Value::Float(_) => {
            out.push_str(Word::of(node).text())
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Some words that belong together, usually a flag and its values.
#[derive(Clone, PartialEq, Debug)]
pub struct Item {
    /// The flag, as written; empty for positional words.
    pub flag: Str,
    /// The key of the setting that it came from; empty for words of the compiler's own.
    pub setting: &'static str,
    /// The words.
    pub words: Vec<Node>,
}

impl Item {
    /// Where its words came from.
    pub fn ids(&self) -> Ids {
        let mut ids = Ids::none();
        self.words.iter().for_each(|w| ids.merge(&w.ids));
        ids
    }
}

/// A command line in the making.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Argv {
    /// The words so far, in groups.
    pub items: Vec<Item>,
    /// Settings that decided that something is left out, with their origins.
    pub absent: Vec<(&'static str, Ids)>,
    setting: &'static str,
}

impl Argv {
    /// An empty command line.
    pub fn new() -> Self {
        Self::default()
    }

    /// From here on, words come from the setting `key` (empty: from the compiler).
    pub fn of_setting(&mut self, key: &'static str) {
        self.setting = key;
    }

    /// A word that is no flag.
    pub fn positional(&mut self, value: &Node) {
        self.items.push(Item {
            flag: Str::default(),
            setting: self.setting,
            words: vec![word(value)],
        });
    }

    /// `--flag value`; the flag's origin is that of the value.
    pub fn value(&mut self, flag: &str, value: &Node) {
        self.values(flag, std::slice::from_ref(value));
    }

    /// `--flag value value`.
    pub fn values(&mut self, flag: &str, values: &[Node]) {
        let mut words: Vec<Node> = std::iter::once(flag.into())
            .chain(values.iter().map(word))
            .collect();
        // A parser would take a value that begins with a dash for a flag.
        if let [_, only] = words.as_slice()
            && Word::of(only).is_flag()
        {
            let mut joined = TextBuilder::new();
            joined.push_str(&format!("{flag}="));
            match &only.value {
                Value::Text(pieces) => joined.extend(pieces.iter().cloned()),
                _ => joined.push_str(Word::of(only).text()),
            }
            words = vec![Node::derived(joined, &only.ids)];
        }
        self.items.push(Item {
            flag: flag.into(),
            setting: self.setting,
            words,
        });
    }

    /// `--flag`, because of `ids`.
    pub fn switch(&mut self, flag: &str, ids: &Ids) {
        self.items.push(Item {
            flag: flag.into(),
            setting: self.setting,
            words: vec![Node::derived(flag, ids)],
        });
    }

    /// Notes that `ids` decided that a flag is not there.
    pub fn leave_out(&mut self, ids: &Ids) {
        self.absent.push((self.setting, ids.clone()));
    }

    /// Whether a flag of exactly this spelling is there.
    pub fn has(&self, flag: &str) -> bool {
        self.items.iter().any(|i| i.flag == flag)
    }

    /// All words as a list. What decided an absence is on the list itself.
    pub fn into_node(self) -> Node {
        let mut words = Vec::with_capacity(self.length());
        self.items.into_iter().for_each(|i| words.extend(i.words));
        let mut list: Node = words.into();
        self.absent.iter().for_each(|(_, ids)| list.decided_by(ids));
        list
    }

    /// All words.
    pub fn words(&self) -> Vec<Node> {
        let mut words = Vec::with_capacity(self.length());
        self.items.iter().for_each(|i| words.extend_from_slice(&i.words));
        words
    }

    /// The number of its words.
    fn length(&self) -> usize {
        self.items.iter().map(|i| i.words.len()).sum()
    }
}

/// A whole number as a node of the same origin.
pub fn number(value: u32, ids: &Ids) -> Node {
    Node::derived(value, ids)
}

/// A string made of a reference and characters after it, such as `LEADER:20000`.
pub fn reference_then(reference: crate::value::Reference, rest: &Node) -> Node {
    let mut text = TextBuilder::new();
    text.push(Piece::Reference(reference));
    match &rest.value {
        Value::Text(pieces) => text.extend(pieces.iter().cloned()),
        _ => text.push_str(Word::of(rest).text()),
    }
    Node::derived(text, &rest.ids)
}
