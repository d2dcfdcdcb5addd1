//! Checking a command line against what its program has, by version.

use super::EngineKind;
use super::codes;
use super::scan::{Meaning, Occurrence, Scan, Word, resolve, scan};
use super::settings::{Form, ROWS};
use super::table::{Flag, Presence, Program, Table, ValueKind, Values};
use super::version::Version;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::value::{Node, Str};

/// What is wrong with a flag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Problem {
    /// No version has had it.
    Unknown,
    /// It is the beginning of several flags.
    Ambiguous,
    /// A later version has it.
    NotYet,
    /// An earlier version had it.
    Removed,
    /// It works, but the program warns about it.
    Deprecated,
    /// It is written shorter than it is called.
    Abbreviated,
    /// No value follows.
    MissingValue,
    /// A value is given to a switch.
    UnexpectedValue,
    /// The value is none of those it takes.
    BadValue,
    /// It stands more than once; the last one counts.
    Duplicate,
    /// It needs another flag that is not there.
    Alone,
}

impl Problem {
    /// The code of diagnostics about it.
    pub fn code(self) -> &'static Code {
        match self {
            Self::Unknown => &codes::UNKNOWN_FLAG,
            Self::Ambiguous => &codes::AMBIGUOUS_FLAG,
            Self::NotYet => &codes::FLAG_NOT_YET,
            Self::Removed => &codes::FLAG_REMOVED,
            Self::Deprecated | Self::Abbreviated => &codes::FLAG_DISCOURAGED,
            Self::MissingValue | Self::UnexpectedValue => &codes::FLAG_ARITY,
            Self::BadValue => &codes::FLAG_VALUE,
            Self::Duplicate => &codes::FLAG_TWICE,
            Self::Alone => &codes::FLAG_ALONE,
        }
    }
}

/// Something wrong with a flag in a command line.
#[derive(Clone, PartialEq, Debug)]
pub struct FlagFinding {
    /// The word it is about.
    pub word: usize,
    /// The flag as it is written, without its value.
    pub flag: Str,
    /// What is wrong.
    pub problem: Problem,
    /// How bad that is.
    pub severity: Severity,
    /// One sentence.
    pub message: String,
    /// What to do.
    pub remedy: Option<String>,
    /// The flag that is probably meant.
    pub replacement: Option<Str>,
}

impl FlagFinding {
    /// The finding as a diagnostic that points to its word.
    pub fn diagnostic(&self, words: &[Node]) -> Diagnostic {
        let mut said = Diagnostic::new(self.problem.code(), self.message.clone()).severity(self.severity);
        said.remedy.clone_from(&self.remedy);
        said.replacement = self.replacement.as_ref().map(ToString::to_string);
        said.at(words.get(self.word).and_then(|w| w.ids.first()))
    }
}

/// Checks the words after a program's own name. Words that only the target completes are taken for right.
///
/// A flag is called missing only beyond the neighbouring version that was read, and never from an unknown version; a name
/// that no version has had is an error, or a warning where the version is outside of those that were read.
pub fn lint(program: Program, version: &Version, words: &[Node]) -> Vec<FlagFinding> {
    let scan = scan(program, version, words);
    let mut findings = Vec::new();
    for (index, seen) in scan.flags.iter().enumerate() {
        let lint = Lint {
            program,
            version,
            seen,
        };
        lint.name(&mut findings);
        lint.value(words, &mut findings);
        if let Some(flag) = seen.flag()
            && !flag.repeatable()
            && scan.flags[..index]
                .iter()
                .any(|f| f.flag().is_some_and(|other| other.name == flag.name) && f.key == seen.key)
        {
            let message = format!("{} stands more than once; the last one counts", lint.shown());
            findings.push(
                lint.finding(Problem::Duplicate, Severity::Warning, message)
                    .remedy("remove all but one"),
            );
        }
    }
    for at in &scan.positionals {
        findings.extend(glued(program, version, *at, &words[*at]));
    }
    alone(program, &scan, &mut findings);
    findings
}

/// A flag and its value in one word, which no parser takes apart: `--max-model-len 4096`.
fn glued(program: Program, version: &Version, word: usize, node: &Node) -> Option<FlagFinding> {
    let text = Word::of(node);
    let (flag, value) = text.text().split_once(' ').filter(|(f, _)| f.starts_with("--"))?;
    matches!(resolve(program, version, flag), Meaning::Flag { .. }).then(|| FlagFinding {
        word,
        flag: flag.into(),
        problem: Problem::MissingValue,
        severity: Severity::Error,
        message: format!(
            "`{flag} …` is one word, and {} does not take it apart",
            program.name()
        ),
        remedy: Some(match value.contains(char::is_whitespace) {
            true => format!("write every word as an entry of its own: `{flag}`, …"),
            false => format!("write two entries, `{flag}` and its value, or `{flag}=…`"),
        }),
        replacement: None,
    })
}

/// Flags that a program refuses without another one.
const NEEDS: [(&str, &str); 2] = [
    ("--enable-auto-tool-choice", "--tool-call-parser"),
    ("--enable-log-outputs", "--enable-log-requests"),
];

/// Flags that need another one. A configuration file may hold it.
fn alone(program: Program, scan: &Scan, findings: &mut Vec<FlagFinding>) {
    let has = |name: &str| {
        scan.flags
            .iter()
            .find(|f| !f.negated() && f.flag().is_some_and(|f| f.name == name))
    };
    if !program.flexible() || has("--config").is_some() {
        return;
    }
    for (flag, needed) in NEEDS {
        if let (Some(seen), None) = (has(flag), has(needed)) {
            findings.push(FlagFinding {
                word: seen.word,
                flag: seen.spelling.clone(),
                problem: Problem::Alone,
                severity: Severity::Error,
                message: format!("{flag} of {} needs {needed}", program.name()),
                remedy: Some(format!("add {needed}")),
                replacement: None,
            });
        }
    }
}

struct Lint<'a> {
    program: Program,
    version: &'a Version,
    seen: &'a Occurrence,
}

impl FlagFinding {
    fn remedy(mut self, text: impl Into<String>) -> Self {
        self.remedy = Some(text.into());
        self
    }
}

impl Lint<'_> {
    fn shown(&self) -> String {
        format!("{} of {}", self.seen.spelling, self.program.name())
    }

    fn finding(&self, problem: Problem, severity: Severity, message: String) -> FlagFinding {
        FlagFinding {
            word: self.seen.word,
            flag: self.seen.spelling.clone(),
            problem,
            severity,
            message,
            remedy: None,
            replacement: None,
        }
    }

    /// A name that no version has is certain only within the versions that were read.
    fn doubt(&self) -> Severity {
        if self.program.table().beyond(self.version) {
            Severity::Warning
        } else {
            Severity::Error
        }
    }

    fn name(&self, findings: &mut Vec<FlagFinding>) {
        let spelling = &self.seen.spelling;
        match &self.seen.meaning {
            Meaning::Unknown => {
                let message = format!("{} has no flag {spelling}", self.program.name());
                let mut finding = self.finding(Problem::Unknown, self.doubt(), message);
                if let Some(near) = nearest(self.program, self.version, spelling) {
                    finding = finding.remedy(format!("did you mean `{near}`?"));
                    finding.replacement = Some(near.into());
                } else if let Some((engine, own)) = translate(self.program, self.version, spelling) {
                    finding =
                        finding.remedy(format!("it is a flag of {engine}; the nearest here is `{own}`"));
                }
                findings.push(finding);
            }
            Meaning::Ambiguous(names) => {
                let message = format!(
                    "{spelling} is the beginning of several flags of {}: {}",
                    self.program.name(),
                    names.join(", ")
                );
                findings.push(
                    self.finding(Problem::Ambiguous, self.doubt(), message)
                        .remedy("write the whole name"),
                );
            }
            Meaning::Flag {
                flag,
                owner,
                abbreviated,
                ..
            } => self.known(
                flag,
                owner.table(),
                *owner != self.program,
                *abbreviated,
                findings,
            ),
        }
    }

    fn known(
        &self,
        flag: &'static Flag,
        table: &Table,
        wrapped: bool,
        abbreviated: bool,
        findings: &mut Vec<FlagFinding>,
    ) {
        let (spelling, version) = (&self.seen.spelling, self.version);
        if abbreviated {
            let message = format!("{spelling} is short for {}", flag.name);
            let mut finding = self
                .finding(Problem::Abbreviated, Severity::Note, message)
                .remedy("write the whole name: a new flag can make it ambiguous");
            finding.replacement = Some(flag.name.into());
            findings.push(finding);
        }
        if wrapped || version.release.is_none() {
            return self.deprecated(flag, findings);
        }
        let name = self.program.name();
        match table.presence(flag, version) {
            Presence::NotYet => {
                let first = table
                    .first_seen(flag)
                    .map_or_else(String::new, |v| format!(" (seen from {v} on)"));
                let message = format!("{name} {version} does not have {spelling} yet{first}");
                findings.push(
                    self.finding(Problem::NotYet, Severity::Error, message)
                        .remedy("use a newer image, or leave the flag out"),
                );
            }
            Presence::Gone => {
                let last = table
                    .last_seen(flag)
                    .map_or_else(String::new, |v| format!(" (last seen in {v})"));
                let message = format!("{name} {version} does not have {spelling} any more{last}");
                let mut finding = self.finding(Problem::Removed, Severity::Error, message);
                finding.remedy = flag
                    .replacement()
                    .or_else(|| Some("leave it out, or use an older image".into()));
                finding.replacement = flag.renamed().map(Into::into);
                findings.push(finding);
            }
            Presence::Perhaps | Presence::Present => self.deprecated(flag, findings),
        }
    }

    fn deprecated(&self, flag: &'static Flag, findings: &mut Vec<FlagFinding>) {
        let newest = self.program.table().versions.last().copied();
        if flag.deprecated() && self.version.release.is_none_or(|r| Some(r) >= newest) {
            let message = format!("{} is deprecated", self.shown());
            let mut finding = self.finding(Problem::Deprecated, Severity::Note, message);
            finding.remedy = flag.replacement();
            findings.push(finding);
        }
    }

    fn value(&self, words: &[Node], findings: &mut Vec<FlagFinding>) {
        let Some(flag) = self.seen.flag() else { return };
        let given = self.seen.all_values(words).count();
        let switch = flag.values == Values::Zero || self.seen.negated();
        if self.seen.key.is_some() {
            if !matches!(flag.kind, ValueKind::Json | ValueKind::Text) {
                let message = format!("{} takes no keys: it is not a JSON value", self.shown());
                findings.push(self.finding(Problem::UnexpectedValue, Severity::Error, message));
            }
        } else if switch && self.seen.inline.is_some() {
            let message = format!("{} is a switch and takes no value", self.shown());
            findings.push(
                self.finding(Problem::UnexpectedValue, Severity::Error, message)
                    .remedy("leave the value out"),
            );
        } else if !switch && given > 0 {
            self.seen
                .all_values(words)
                .for_each(|value| self.one_value(flag, value, findings));
        }
        if given == 0
            && (self.seen.key.is_some() || (!switch && matches!(flag.values, Values::One | Values::Some)))
        {
            let message = format!("{} needs a value", self.shown());
            findings.push(self.finding(Problem::MissingValue, Severity::Error, message));
        }
    }

    fn one_value(&self, flag: &'static Flag, value: &Node, findings: &mut Vec<FlagFinding>) {
        let word = Word::of(value);
        let Some(text) = word.known() else { return };
        let kind = match flag.kind {
            ValueKind::Int if text.trim().parse::<i64>().is_err() => "a whole number",
            ValueKind::Float if text.trim().parse::<f64>().is_err() => "a number",
            ValueKind::Size if !is_size(text) => {
                "a whole number, or one with k, m, g (thousands) or K, M, G (powers of 1024)"
            }
            ValueKind::Json if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() => "JSON",
            _ => "",
        };
        if !kind.is_empty() {
            let message = format!("{} takes {kind}, not {text:?}", self.shown());
            findings.push(self.finding(Problem::BadValue, Severity::Error, message));
            return;
        }
        let Some(choices) = flag.choices() else { return };
        let newest = self.program.table().versions.last().copied();
        let certain = self.version.release.is_none_or(|r| Some(r) == newest);
        if choices.clone().any(|c| c == text) || (flag.open() && !certain) {
            return;
        }
        let severity = if certain && !flag.open() {
            Severity::Error
        } else {
            Severity::Warning
        };
        let message = format!("{} does not know {text:?}", self.shown());
        let mut finding = self.finding(Problem::BadValue, severity, message);
        finding.remedy = Some(match near(text, choices.clone()) {
            Some(meant) => format!("did you mean {meant}? It takes {}", listed(choices)),
            None => format!("it takes {}", listed(choices)),
        });
        findings.push(finding);
    }
}

/// `auto`, whole numbers, and those with a decimal or binary suffix.
fn is_size(text: &str) -> bool {
    let digits = text
        .trim()
        .strip_suffix(['k', 'K', 'm', 'M', 'g', 'G', 't', 'T'])
        .unwrap_or(text.trim());
    text == "auto" || digits.parse::<f64>().is_ok_and(|n| n.is_finite())
}

fn listed(choices: impl Iterator<Item = &'static str> + Clone) -> String {
    let shown: Vec<_> = choices.clone().take(24).collect();
    let more = choices.count() - shown.len();
    if more > 0 {
        format!("{}, and {more} more", shown.join(", "))
    } else {
        shown.join(", ")
    }
}

/// The flag whose spelling is nearest to an unknown one, among those that the version may have.
pub fn nearest(program: Program, version: &Version, spelling: &str) -> Option<&'static str> {
    let own = program.table();
    let present = own
        .flags
        .iter()
        .filter(|f| own.presence(f, version) >= Presence::Perhaps);
    let inner = program.wrapped().map(Program::table);
    let wrapped = inner.into_iter().flat_map(|t| {
        t.flags
            .iter()
            .filter(|f| !f.frontend_only() && t.last_seen(f).is_none())
    });
    near(
        spelling,
        present
            .chain(wrapped)
            .flat_map(|f| std::iter::once(f.name).chain(f.aliases())),
    )
}

/// The flag that sets here what a flag of that name sets in another engine, and that engine's name.
fn translate(program: Program, version: &Version, spelling: &str) -> Option<(&'static str, &'static str)> {
    let own = match program {
        Program::Vllm => EngineKind::Vllm,
        Program::Sglang => EngineKind::Sglang,
        Program::TrtllmServe => EngineKind::Trtllm,
        _ => return None,
    };
    let flag = |form: &Form| match form {
        Form::Value(flag) | Form::List(flag) | Form::On(flag) | Form::Off(flag) | Form::Pair(flag) => {
            Some(*flag)
        }
        _ => None,
    };
    let others = [EngineKind::Vllm, EngineKind::Sglang, EngineKind::Trtllm];
    others
        .into_iter()
        .filter(|other| *other != own)
        .find_map(|other| {
            let named = |form: &Form| flag(form) == Some(spelling);
            let row = ROWS.iter().find(|row| row.forms(other).iter().any(named))?;
            let table = program.table();
            let has = |flag: &&str| {
                let known = table.exact(flag.split('.').next().unwrap_or(flag));
                known.is_some_and(|f| table.presence(f, version) >= Presence::Perhaps)
            };
            let meant = row.forms(own).iter().filter_map(flag).find(has)?;
            Some((other.name(), meant))
        })
}

/// The candidate that `text` is probably meant to be. `-`, `_` and capitals count little.
pub(super) fn near<'a>(text: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |s: &str| {
        s.trim_start_matches('-')
            .replace(['-', '_', '.'], "")
            .to_lowercase()
    };
    let wanted = plain(text);
    let mut best: Option<(f64, &'a str)> = None;
    for candidate in candidates {
        let score = strsim::jaro_winkler(&wanted, &plain(candidate));
        if score > 0.88 && best.is_none_or(|(top, _)| score > top) {
            best = Some((score, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}
