//! What flags a program has had, by version: facts as data, read when a command line is checked and not before.

use super::version::{Release, Version};
use std::sync::OnceLock;

/// A program whose command line is known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Program {
    /// `vllm serve`.
    Vllm,
    /// `python3 -m sglang.launch_server`, `sglang serve`.
    Sglang,
    /// `trtllm-serve`, `trtllm-serve serve`.
    TrtllmServe,
    /// `trtllm-serve disaggregated`: the orchestrator between context and generation servers.
    TrtllmDisaggregated,
    /// `trtllm-serve disaggregated_mpi_worker`.
    TrtllmMpiWorker,
    /// `trtllm-serve mm_embedding_serve`.
    TrtllmEmbedding,
    /// `python3 -m sglang_router.launch_router`.
    SglangRouter,
    /// `vllm-router`.
    VllmRouter,
    /// `python3 -m dynamo.frontend`.
    DynamoFrontend,
    /// `python3 -m dynamo.vllm`.
    DynamoVllm,
    /// `python3 -m dynamo.sglang`.
    DynamoSglang,
    /// `python3 -m dynamo.trtllm`.
    DynamoTrtllm,
}

/// What the value of a flag must look like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ValueKind {
    /// None: the flag is a switch.
    Bool,
    /// A whole number.
    Int,
    /// A whole number that may be written `1k` or `1K`.
    Size,
    /// A number.
    Float,
    /// A JSON object or list.
    Json,
    /// Any text.
    Text,
}

/// How many values follow a flag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Values {
    /// None.
    Zero,
    /// One.
    One,
    /// One or none.
    Optional,
    /// Any number.
    Any,
    /// One or more.
    Some,
}

/// Whether a version of a program has a flag, as far as the versions that were read can tell.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Presence {
    /// It does not have it any more.
    Gone,
    /// It does not have it yet.
    NotYet,
    /// It stands between a version that has the flag and one that has not.
    Perhaps,
    /// It has it.
    Present,
}

/// One flag of a program.
#[derive(Debug)]
pub struct Flag {
    /// The spelling that the program itself prefers.
    pub name: &'static str,
    aliases: &'static str,
    /// What its value must look like.
    pub kind: ValueKind,
    /// How many values it takes.
    pub values: Values,
    choices: &'static str,
    since: Option<usize>,
    last: Option<usize>,
    marks: &'static str,
    /// `=NAME`: renamed; `!TEXT`: deprecated in the newest version; else what to do now that it is gone.
    note: &'static str,
}

impl Flag {
    /// The other spellings.
    pub fn aliases(&self) -> impl Iterator<Item = &'static str> {
        self.aliases
            .split(',')
            .filter(|a| !a.is_empty())
            .map(|a| a.split('@').next().unwrap_or(a))
    }

    /// The values that it takes, if they are listed.
    pub fn choices(&self) -> Option<impl Iterator<Item = &'static str> + Clone> {
        (!self.choices.is_empty()).then(|| self.choices.split('|'))
    }

    /// Whether other values than [`Flag::choices`] are taken, too.
    pub fn open(&self) -> bool {
        self.marks.contains('a')
    }

    /// Whether `--no-x` exists.
    pub fn negatable(&self) -> bool {
        self.marks.contains('n')
    }

    /// Whether it may stand more than once.
    pub fn repeatable(&self) -> bool {
        self.marks.contains('r')
    }

    /// Whether only the HTTP front end has it, so that a wrapper with its own front end has not.
    pub fn frontend_only(&self) -> bool {
        self.marks.contains('f')
    }

    /// What to use instead of a flag that is gone, or of a deprecated one.
    pub fn replacement(&self) -> Option<String> {
        match self.note.strip_prefix(['=', '!']).unwrap_or(self.note) {
            "" | "deprecated" => None,
            new if self.note.starts_with('=') => Some(format!("use {new}")),
            text => Some(text.to_owned()),
        }
    }

    /// The new name of a flag that was merely renamed.
    pub fn renamed(&self) -> Option<&'static str> {
        self.note.strip_prefix('=')
    }

    /// Whether the newest version that was read warns about it.
    pub fn deprecated(&self) -> bool {
        self.note.starts_with('!')
    }
}

/// All flags that a program has had.
#[derive(Debug)]
pub struct Table {
    /// The versions that were read, oldest first.
    pub versions: Vec<Release>,
    /// The flags in order of their names.
    pub flags: Vec<Flag>,
    /// The other spellings in order, each with the place of its flag.
    aliases: Vec<(&'static str, usize)>,
}

impl Table {
    /// Whether `version` has `flag`. Surely absent is a flag only beyond the neighbouring version that was read.
    pub fn presence(&self, flag: &Flag, version: &Version) -> Presence {
        let Some(release) = version.release else {
            return if flag.last.is_some() {
                Presence::Gone
            } else {
                Presence::Present
            };
        };
        if let Some(first) = flag.since {
            if first > 0 && release <= self.versions[first - 1] {
                return Presence::NotYet;
            }
            if release < self.versions[first] {
                return Presence::Perhaps;
            }
        }
        match flag.last {
            Some(last) if self.versions.get(last + 1).is_some_and(|next| release >= *next) => Presence::Gone,
            Some(last) if release > self.versions[last] => Presence::Perhaps,
            _ => Presence::Present,
        }
    }

    /// The first version that was read and has `flag`, if an older one was read that has not.
    pub fn first_seen(&self, flag: &Flag) -> Option<Release> {
        flag.since.map(|at| self.versions[at])
    }

    /// The last version that was read and has `flag`, if a newer one was read that has not.
    pub fn last_seen(&self, flag: &Flag) -> Option<Release> {
        flag.last.map(|at| self.versions[at])
    }

    /// Whether a flag that no version has may still exist in `version`, because it is outside of those that were read.
    pub fn beyond(&self, version: &Version) -> bool {
        match (version.release, self.versions.first(), self.versions.last()) {
            (Some(release), Some(first), Some(last)) => release < *first || release > *last,
            _ => false,
        }
    }

    /// The flag with exactly this spelling.
    pub fn exact(&self, spelling: &str) -> Option<&Flag> {
        let named = self.flags.partition_point(|f| f.name < spelling);
        let alias = || {
            let at = self.aliases.partition_point(|(alias, _)| *alias < spelling);
            self.aliases.get(at).filter(|(alias, _)| *alias == spelling)
        };
        let own = self.flags.get(named).filter(|f| f.name == spelling);
        own.or_else(|| alias().map(|(_, at)| &self.flags[*at]))
    }

    fn read(page: &'static str, command: &str) -> Self {
        let mut table = Self {
            versions: Vec::new(),
            flags: Vec::new(),
            aliases: Vec::new(),
        };
        for line in page.lines() {
            let mut cells = line.split('\t');
            let name = cells.next().unwrap_or_default();
            if name == "#versions" {
                table.versions = cells.filter_map(Release::parse).collect();
            } else if !name.starts_with('#') {
                let cell: Vec<&'static str> = std::iter::once(name).chain(cells).collect();
                let at = |index: usize| cell.get(index).copied().unwrap_or_default();
                if at(9) == command {
                    table.flags.push(table.flag(at));
                }
            }
        }
        table.flags.sort_by_key(|f| f.name);
        let flags = table.flags.iter().enumerate();
        table.aliases = flags
            .flat_map(|(at, f)| f.aliases().map(move |a| (a, at)))
            .collect();
        table.aliases.sort();
        table
    }

    fn flag(&self, at: impl Fn(usize) -> &'static str) -> Flag {
        let place =
            |text: &str| Release::parse(text).and_then(|r| self.versions.iter().position(|v| *v == r));
        Flag {
            name: at(0),
            aliases: at(1),
            kind: match at(2) {
                "bool" => ValueKind::Bool,
                "int" => ValueKind::Int,
                "size" => ValueKind::Size,
                "float" => ValueKind::Float,
                "json" => ValueKind::Json,
                _ => ValueKind::Text,
            },
            values: match at(3) {
                "0" => Values::Zero,
                "?" => Values::Optional,
                "*" => Values::Any,
                "+" => Values::Some,
                _ => Values::One,
            },
            choices: at(4),
            since: place(at(5)),
            last: place(at(6)),
            marks: at(7),
            note: at(8),
        }
    }
}

impl Program {
    /// The flags of this program itself, without those of a program that it wraps.
    pub fn table(self) -> &'static Table {
        macro_rules! page {
            ($file:literal, $command:literal) => {{
                static TABLE: OnceLock<Table> = OnceLock::new();
                TABLE.get_or_init(|| Table::read(include_str!(concat!("data/", $file, ".tsv")), $command))
            }};
        }
        match self {
            Self::Vllm => page!("vllm", ""),
            Self::Sglang => page!("sglang", ""),
            Self::TrtllmServe => page!("trtllm-serve", "serve"),
            Self::TrtllmDisaggregated => page!("trtllm-serve", "disaggregated"),
            Self::TrtllmMpiWorker => page!("trtllm-serve", "disaggregated_mpi_worker"),
            Self::TrtllmEmbedding => page!("trtllm-serve", "mm_embedding_serve"),
            Self::SglangRouter => page!("sglang-router", ""),
            Self::VllmRouter => page!("vllm-router", ""),
            Self::DynamoFrontend => page!("dynamo-frontend", ""),
            Self::DynamoVllm => page!("dynamo-vllm", ""),
            Self::DynamoSglang => page!("dynamo-sglang", ""),
            Self::DynamoTrtllm => page!("dynamo-trtllm", ""),
        }
    }

    /// The program whose flags this one takes besides its own.
    pub const fn wrapped(self) -> Option<Self> {
        match self {
            Self::DynamoVllm => Some(Self::Vllm),
            Self::DynamoSglang => Some(Self::Sglang),
            _ => None,
        }
    }

    /// What messages call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vllm => "vLLM",
            Self::Sglang => "SGLang",
            Self::TrtllmServe => "trtllm-serve",
            Self::TrtllmDisaggregated => "trtllm-serve disaggregated",
            Self::TrtllmMpiWorker => "trtllm-serve disaggregated_mpi_worker",
            Self::TrtllmEmbedding => "trtllm-serve mm_embedding_serve",
            Self::SglangRouter => "sglang-router",
            Self::VllmRouter => "vllm-router",
            Self::DynamoFrontend => "dynamo.frontend",
            Self::DynamoVllm => "dynamo.vllm",
            Self::DynamoSglang => "dynamo.sglang",
            Self::DynamoTrtllm => "dynamo.trtllm",
        }
    }

    /// Whether its parser is click: exact names only, and a flag that takes a value takes whatever follows.
    pub const fn click(self) -> bool {
        matches!(
            self,
            Self::TrtllmServe | Self::TrtllmDisaggregated | Self::TrtllmMpiWorker | Self::TrtllmEmbedding
        )
    }

    /// Whether its parser is vLLM's own, with `_` for `-` and dotted keys of JSON flags.
    pub const fn flexible(self) -> bool {
        matches!(self, Self::Vllm | Self::DynamoVllm)
    }
}
