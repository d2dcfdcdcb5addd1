//! Reading a command line as the program's own parser would.

use super::table::{Flag, Presence, Program, Values};
use super::version::Version;
use crate::value::{Node, Piece, Str, Value};
use std::borrow::Cow;
use std::ops::Range;

/// A word of a command line, as far as it can be known before it runs.
#[derive(Clone, PartialEq, Debug)]
pub enum Word<'a> {
    /// The whole word.
    Literal(Cow<'a, str>),
    /// A word that only the target completes; what it starts with is known.
    Opaque(&'a str),
}

impl<'a> Word<'a> {
    /// The word that a node stands for. Numbers and truth values are words as they are written.
    pub fn of(node: &'a Node) -> Self {
        match &node.value {
            Value::Str(s) => Self::Literal(Cow::Borrowed(s)),
            Value::Text(text) => match text.first() {
                Some(Piece::Literal(s)) => Self::Opaque(s),
                _ => Self::Opaque(""),
            },
            Value::Int(i) => Self::Literal(i.to_string().into()),
            Value::UInt(u) => Self::Literal(u.to_string().into()),
            Value::Float(f) => Self::Literal(f.to_string().into()),
            Value::Bool(b) => Self::Literal(b.to_string().into()),
            Value::Null | Value::Seq(_) | Value::Map(_) => Self::Opaque(""),
        }
    }

    /// The text that is known.
    pub fn text(&self) -> &str {
        match self {
            Self::Literal(s) => s,
            Self::Opaque(s) => s,
        }
    }

    /// The whole text, if it is known and holds no variable.
    pub fn known(&self) -> Option<&str> {
        match self {
            Self::Literal(s) if !s.contains('$') && !s.contains('`') => Some(s),
            _ => None,
        }
    }

    /// Whether a parser takes the word for a flag rather than for a value.
    pub(super) fn is_flag(&self) -> bool {
        let text = self.text();
        let dashed = text
            .strip_prefix('-')
            .is_some_and(|rest| !rest.is_empty() && rest.parse::<f64>().is_err());
        dashed && text.bytes().find(|b| matches!(b, b' ' | b'=')) != Some(b' ')
    }
}

/// What a spelling means to a parser.
#[derive(Clone, Debug)]
pub enum Meaning {
    /// A flag.
    Flag {
        /// Which one.
        flag: &'static Flag,
        /// Whose it is: the program's own, or that of the one it wraps.
        owner: Program,
        /// Written `--no-x`, or `--disable-x` of `--enable-x`.
        negated: bool,
        /// Written shorter than it is called.
        abbreviated: bool,
    },
    /// The beginning of several flags.
    Ambiguous(Vec<&'static str>),
    /// Nothing that any version has had.
    Unknown,
}

/// A flag in a command line.
#[derive(Clone, Debug)]
pub struct Occurrence {
    /// The word that names it.
    pub word: usize,
    /// The spelling, without value and key.
    pub spelling: Str,
    /// The key into a JSON flag, in `--flag.key value`.
    pub key: Option<Str>,
    /// What it is.
    pub meaning: Meaning,
    /// The value in the same word, in `--flag=value`.
    pub inline: Option<Node>,
    /// The words that are its values.
    pub values: Range<usize>,
}

impl Occurrence {
    /// The flag, if there is one.
    pub fn flag(&self) -> Option<&'static Flag> {
        match self.meaning {
            Meaning::Flag { flag, .. } => Some(flag),
            _ => None,
        }
    }

    /// Whether it is the negation of its flag.
    pub fn negated(&self) -> bool {
        matches!(self.meaning, Meaning::Flag { negated: true, .. })
    }

    /// All values, wherever they stand.
    pub fn all_values<'a>(&'a self, words: &'a [Node]) -> impl Iterator<Item = &'a Node> {
        self.inline.iter().chain(&words[self.values.clone()])
    }

    /// The words that belong to it.
    pub fn words(&self) -> impl Iterator<Item = usize> {
        std::iter::once(self.word).chain(self.values.clone())
    }
}

/// A command line, read.
#[derive(Clone, Default, Debug)]
pub struct Scan {
    /// The flags in order.
    pub flags: Vec<Occurrence>,
    /// The words that are neither flags nor their values.
    pub positionals: Vec<usize>,
}

/// Reads the words after the program's own name (see [`entry`]).
pub fn scan(program: Program, version: &Version, words: &[Node]) -> Scan {
    let read: Vec<Word<'_>> = words.iter().map(Word::of).collect();
    let beside = chat_processor(program, &read);
    let mut scan = Scan::default();
    let mut at = 0;
    while at < read.len() {
        if read[at].text() == "--" {
            scan.positionals.extend(at + 1..read.len());
            break;
        }
        if !read[at].is_flag() {
            scan.positionals.push(at);
            at += 1;
            continue;
        }
        let found = occurrence(program, beside, version, words, &read, at);
        at = found.values.end.max(at + 1);
        scan.flags.push(found);
    }
    scan
}

/// The engine whose flags Dynamo's frontend takes as well, when it lets that engine prepare its chats.
fn chat_processor(program: Program, read: &[Word<'_>]) -> Option<Program> {
    const FLAG: &str = "--dyn-chat-processor";
    let at = read
        .iter()
        .position(|w| w.text().starts_with(FLAG))
        .filter(|_| program == Program::DynamoFrontend)?;
    let inline = read[at]
        .text()
        .strip_prefix(FLAG)
        .and_then(|rest| rest.strip_prefix('='));
    match inline.or_else(|| read.get(at + 1).map(Word::text))? {
        "vllm" => Some(Program::Vllm),
        "sglang" => Some(Program::Sglang),
        _ => None,
    }
}

fn occurrence(
    program: Program,
    beside: Option<Program>,
    version: &Version,
    words: &[Node],
    read: &[Word<'_>],
    at: usize,
) -> Occurrence {
    let text = read[at].text();
    let (head, mut inline) = match text.bytes().position(|b| b == b'=') {
        Some(equals) => (&text[..equals], Some(after(&words[at], equals + 1))),
        None => (text, None),
    };
    let (mut spelling, mut key) = (head, None);
    if let (true, Some((flag, path))) = (program.flexible(), head.split_once('.')) {
        (spelling, key) = (flag, Some(path.into()));
    }
    let mut meaning = resolve(program, version, spelling);
    if let (Meaning::Unknown, Some(engine)) = (&meaning, beside) {
        meaning = resolve(engine, &Version::unknown(), spelling);
    }
    if matches!(meaning, Meaning::Unknown) && !head.starts_with("--") {
        (spelling, meaning, inline) = short(program, version, head, &words[at], inline, &mut key);
    }
    let count = match (&meaning, inline.is_some(), key.is_some()) {
        (_, true, _) => 0..0,
        (_, _, true) => 1..1,
        (Meaning::Flag { negated: true, .. }, ..) => 0..0,
        (Meaning::Flag { flag, .. }, ..) => match flag.values {
            Values::Zero => 0..0,
            Values::One => 1..1,
            Values::Optional => 0..1,
            Values::Any | Values::Some => 0..usize::MAX,
        },
        _ => 0..1,
    };
    let wanted = if count.start == 1 { 1 } else { count.end };
    let takes = |word: &Word<'_>| (program.click() && count.start == 1) || !word.is_flag();
    let values = read[at + 1..]
        .iter()
        .take(wanted)
        .take_while(|w| takes(w))
        .count();
    Occurrence {
        word: at,
        spelling: spelling.into(),
        key,
        meaning,
        inline,
        values: at + 1..at + 1 + values,
    }
}

/// The rest of a word from byte `from`, with its references and origin.
fn after(word: &Node, from: usize) -> Node {
    let mut rest: Node = match &word.value {
        Value::Text(text) => {
            let mut text = text.clone();
            if let Some(Piece::Literal(first)) = text.first_mut() {
                *first = first[from..].into();
            }
            if matches!(text.first(), Some(Piece::Literal(first)) if first.is_empty()) {
                text.remove(0);
            }
            text.into()
        }
        _ => Word::of(word).text().get(from..).unwrap_or_default().into(),
    };
    rest.ids.merge(&word.ids);
    rest
}

/// A flag of one letter with its value in the same word, such as `-n2`, and vLLM's `-O3`.
fn short<'a>(
    program: Program,
    version: &Version,
    head: &'a str,
    word: &Node,
    inline: Option<Node>,
    key: &mut Option<Str>,
) -> (&'a str, Meaning, Option<Node>) {
    let Some(letter) = head
        .char_indices()
        .nth(2)
        .map(|(at, _)| &head[..at])
        .or(Some(head))
        .filter(|h| h.len() > 1)
    else {
        return (head, Meaning::Unknown, inline);
    };
    if program.flexible() && letter == "-O" {
        let level = head.len() == 2 || head[2..].bytes().all(|b| b.is_ascii_digit());
        let name = if level && key.is_none() {
            "--optimization-level"
        } else {
            "--compilation-config"
        };
        let value = if head.len() > 2 && key.is_none() {
            Some(after(word, 2))
        } else {
            inline
        };
        return (letter, resolve(program, version, name), value);
    }
    match resolve(program, version, letter) {
        found @ Meaning::Flag { .. } if head.len() > letter.len() => {
            *key = None;
            (letter, found, Some(after(word, letter.len())))
        }
        _ => (head, Meaning::Unknown, inline),
    }
}

/// What a spelling (without value and key) means to a program of this version.
pub fn resolve(program: Program, version: &Version, spelling: &str) -> Meaning {
    let dashed: Cow<'_, str> = match spelling.strip_prefix("--") {
        Some(name) if program.flexible() && name.contains('_') => {
            format!("--{}", name.replace('_', "-")).into()
        }
        _ => spelling.into(),
    };
    if let Some(found) = exact(program, version, &dashed) {
        return found;
    }
    match program.wrapped() {
        // A wrapper's own flags are never abbreviated.
        Some(inner) => match resolve(inner, version_within(program, version).as_ref(), &dashed) {
            Meaning::Flag { flag, .. } if flag.frontend_only() => Meaning::Unknown,
            found => found,
        },
        None if program.click() || !dashed.starts_with("--") || dashed.len() < 3 => Meaning::Unknown,
        None => prefix(program, version, &dashed),
    }
}

/// The version of the wrapped engine is not that of the wrapper.
fn version_within<'a>(program: Program, version: &'a Version) -> Cow<'a, Version> {
    if program.wrapped().is_some() {
        Cow::Owned(Version::unknown())
    } else {
        Cow::Borrowed(version)
    }
}

fn exact(program: Program, version: &Version, spelling: &str) -> Option<Meaning> {
    let table = program.table();
    let meaning = |flag, negated| Meaning::Flag {
        flag,
        owner: program,
        negated,
        abbreviated: false,
    };
    let direct = table.exact(spelling);
    let pair = || {
        let positive = spelling.strip_prefix("--no-").map(|x| format!("--{x}"));
        let enabled = || {
            // Pairs came after 0.30.
            let paired = program.flexible()
                && version
                    .release
                    .is_none_or(|r| Some(r) > super::version::Release::parse("0.30.0"));
            spelling
                .strip_prefix("--disable-")
                .filter(|_| paired)
                .map(|x| format!("--enable-{x}"))
        };
        let negatable = |name: String| table.exact(&name).filter(|f| f.negatable());
        positive
            .and_then(negatable)
            .or_else(|| enabled().and_then(negatable))
    };
    match direct {
        Some(flag) if table.presence(flag, version) >= Presence::Perhaps => Some(meaning(flag, false)),
        Some(flag) => Some(pair().map_or_else(|| meaning(flag, false), |f| meaning(f, true))),
        None => pair().map(|f| meaning(f, true)),
    }
}

fn prefix(program: Program, version: &Version, spelling: &str) -> Meaning {
    let table = program.table();
    let mut sure: Vec<(&'static Flag, bool)> = Vec::new();
    let mut perhaps = Vec::new();
    for flag in &table.flags {
        let positive = std::iter::once(flag.name)
            .chain(flag.aliases())
            .any(|n| n.starts_with(spelling));
        let negative = flag.negatable()
            && flag
                .name
                .strip_prefix("--")
                .is_some_and(|n| format!("--no-{n}").starts_with(spelling));
        let place = match table.presence(flag, version) {
            Presence::Present => &mut sure,
            Presence::Perhaps => &mut perhaps,
            Presence::Gone | Presence::NotYet => continue,
        };
        if positive || negative {
            place.push((flag, !positive));
        }
    }
    match (sure.as_slice(), perhaps.as_slice()) {
        ([(flag, negated)], _) | ([], [(flag, negated)]) => Meaning::Flag {
            flag,
            owner: program,
            negated: *negated,
            abbreviated: true,
        },
        ([], []) => Meaning::Unknown,
        _ => Meaning::Ambiguous(sure.iter().chain(&perhaps).map(|(f, _)| f.name).collect()),
    }
}

/// Which program a command line starts, and at which word its arguments begin. Knows the ways that engines are started in
/// images and manifests: the console script, the Python module, and launchers before them.
pub fn entry(words: &[Node]) -> Option<(Program, usize)> {
    let text = |at: usize| {
        words
            .get(at)
            .map(|n| Word::of(n).text().to_owned())
            .unwrap_or_default()
    };
    let mut at = 0;
    loop {
        let word = text(at);
        let assignment = word.split_once('=').is_some_and(|(name, _)| {
            name.chars()
                .all(|c| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit())
        });
        if matches!(word.as_str(), "exec" | "env" | "trtllm-llmapi-launch")
            || (assignment && !word.starts_with('='))
        {
            at += 1;
        } else {
            break;
        }
    }
    let program = text(at).rsplit('/').next().unwrap_or_default().to_owned();
    let next = text(at + 1);
    match program.as_str() {
        "vllm" if next == "serve" => Some((Program::Vllm, at + 2)),
        "sglang" if next == "serve" => Some((Program::Sglang, at + 2)),
        "vllm-router" => Some((Program::VllmRouter, at + 1)),
        "sglang-router" | "smg" | "amg" if next == "launch" => Some((Program::SglangRouter, at + 2)),
        "trtllm-serve" => Some(match next.as_str() {
            "disaggregated" => (Program::TrtllmDisaggregated, at + 2),
            "disaggregated_mpi_worker" => (Program::TrtllmMpiWorker, at + 2),
            "mm_embedding_serve" => (Program::TrtllmEmbedding, at + 2),
            "serve" => (Program::TrtllmServe, at + 2),
            _ => (Program::TrtllmServe, at + 1),
        }),
        "python" | "python3" => python(words, at + 1),
        _ => None,
    }
}

fn python(words: &[Node], from: usize) -> Option<(Program, usize)> {
    let module = (from..words.len()).find(|at| Word::of(&words[*at]).text() == "-m")? + 1;
    let program = match Word::of(words.get(module)?).text() {
        "vllm.entrypoints.openai.api_server" => Program::Vllm,
        "sglang.launch_server" => Program::Sglang,
        "sglang_router.launch_router" => Program::SglangRouter,
        "vllm_router.launch_router" => Program::VllmRouter,
        "dynamo.frontend" => Program::DynamoFrontend,
        "dynamo.vllm" => Program::DynamoVllm,
        "dynamo.sglang" => Program::DynamoSglang,
        "dynamo.trtllm" => Program::DynamoTrtllm,
        _ => return None,
    };
    Some((program, module + 1))
}
