//! The templates of all dialects, and the user's own in their place.

use super::codes::UNUSED;
use super::{Template, TemplateError, Vars};
use crate::diagnostic::{Diagnostic, Outcome};
use crate::value::{Ids, Node, Str};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

/// Bytes that a template file may have.
const LARGEST: u64 = 1 << 20;
/// Directories inside each other.
const DEEPEST: usize = 8;

/// Templates by name. A name is a relative path with `/`, for instance `lws/leaderworkerset.yaml`.
#[derive(Debug, Default)]
pub struct Templates {
    embedded: BTreeMap<&'static str, Embedded>,
    /// The user's own.
    own: BTreeMap<Str, Template>,
}

/// A built-in template, read when it is first used.
#[derive(Debug)]
struct Embedded {
    text: &'static str,
    read: OnceLock<Result<Template, TemplateError>>,
}

impl Templates {
    /// The given built-in templates, by name and text. Reads none of them yet.
    pub fn new(embedded: impl IntoIterator<Item = &'static (&'static str, &'static str)>) -> Self {
        let entry = |(name, text): &'static (&'static str, &'static str)| {
            (
                *name,
                Embedded {
                    text,
                    read: OnceLock::new(),
                },
            )
        };
        Self {
            embedded: embedded.into_iter().map(entry).collect(),
            own: BTreeMap::new(),
        }
    }

    /// Replaces templates by the files of a directory that have the same relative path. Files and directories whose names
    /// start with a dot are ignored; links are not followed out of the directory.
    ///
    /// # Errors
    ///
    /// All that is wrong with the directory: what cannot be read, what is no template, and files that replace nothing.
    pub fn with_directory(mut self, directory: &Path) -> Result<Self, Vec<TemplateError>> {
        let (mut files, mut errors) = (Vec::new(), Vec::new());
        walk(directory, "", 0, &mut files, &mut errors);
        files.sort();
        for name in files {
            match self.read(directory, &name) {
                Ok(template) => drop(self.own.insert(name.into(), template)),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(self) } else { Err(errors) }
    }

    fn read(&self, directory: &Path, name: &str) -> Result<Template, TemplateError> {
        let path = directory.join(name);
        if !self.embedded.contains_key(name) {
            return Err(file_error(&path, self.unknown(name)));
        }
        if fs::metadata(&path).is_ok_and(|m| m.len() > LARGEST) {
            return Err(file_error(&path, "the file is larger than 1 MiB"));
        }
        let text =
            fs::read_to_string(&path).map_err(|e| file_error(&path, format!("it cannot be read: {e}")))?;
        Template::parse(&path.to_string_lossy(), &text)
    }

    fn unknown(&self, name: &str) -> String {
        let known: Vec<&str> = self.names().collect();
        let near = known
            .iter()
            .map(|k| (strsim::damerau_levenshtein(k, name), k))
            .min();
        match near.filter(|(distance, _)| *distance <= 1 + name.len() / 4) {
            Some((_, near)) => format!("there is no template `{name}` to replace; did you mean `{near}`?"),
            None => format!(
                "there is no template `{name}` to replace; there are {}",
                known.join(", ")
            ),
        }
    }

    /// The names of all templates in order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.embedded.keys().copied()
    }

    /// The text of a built-in template, to start one's own from.
    pub fn text(&self, name: &str) -> Option<&'static str> {
        self.embedded.get(name).map(|e| e.text)
    }

    /// The template of that name, the user's own first.
    ///
    /// # Errors
    ///
    /// There is none, or it is wrong.
    pub fn get(&self, name: &str) -> Result<&Template, TemplateError> {
        if let Some(own) = self.own.get(name) {
            return Ok(own);
        }
        let Some(embedded) = self.embedded.get(name) else {
            let message = self.unknown(name);
            return Err(TemplateError {
                template: name.into(),
                line: 0,
                column: 0,
                message,
            });
        };
        embedded
            .read
            .get_or_init(|| Template::parse(name, embedded.text))
            .as_ref()
            .map_err(Clone::clone)
    }

    /// Fills the template of that name.
    ///
    /// # Errors
    ///
    /// Those of [`Templates::get`] and [`Template::render`].
    pub fn render(&self, name: &str, vars: Vars) -> Result<Node, TemplateError> {
        self.get(name)?.render(vars)
    }

    /// What to say about the values that the template of that name was given and that are nowhere in the output: for a
    /// template of the user only, as a built-in one must use them all. To be given to
    /// [`Ledger::waive`](crate::diagnostic::Ledger::waive).
    pub fn waiver(&self, name: &str, vars: &Vars) -> Option<(Ids, Diagnostic)> {
        let own = self.own.get(name)?;
        let mut ids = Vec::new();
        vars.nodes(&mut |node| node.walk(&mut |n| ids.extend(n.ids.iter())));
        ids.sort_unstable();
        ids.dedup();
        let said = Diagnostic::new(
            &UNUSED,
            format!("the template {} has no place for this value", own.name()),
        )
        .outcome(Outcome::Dropped)
        .reason("it replaces the built-in template, which has one")
        .remedy(format!(
            "add the hole of the built-in template `{name}`, or remove the value"
        ));
        Some((ids.into_iter().collect(), said))
    }
}

fn file_error(path: &Path, message: impl Into<String>) -> TemplateError {
    TemplateError {
        template: path.to_string_lossy().into(),
        line: 0,
        column: 0,
        message: message.into(),
    }
}

/// The relative names of all files below a directory.
fn walk(
    directory: &Path,
    prefix: &str,
    depth: usize,
    files: &mut Vec<String>,
    errors: &mut Vec<TemplateError>,
) {
    let entries = match fs::read_dir(directory) {
        Ok(entries) if depth < DEEPEST => entries,
        Ok(_) => return errors.push(file_error(directory, "directories are nested too deeply")),
        Err(error) => return errors.push(file_error(directory, format!("it cannot be read: {error}"))),
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            errors.push(file_error(&entry.path(), "its name is not UTF-8"));
            continue;
        };
        if name.starts_with('.') {
            continue;
        }
        let relative = format!("{prefix}{name}");
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => {
                walk(&entry.path(), &format!("{relative}/"), depth + 1, files, errors)
            }
            _ => files.push(relative),
        }
    }
}
