//! Files, directories and the standard input to documents.

use super::codes::{EMPTY_INPUT, TOO_LARGE, UNREADABLE};
use super::{Document, Limits, Origin, Source, Sources, parse, parse_bytes};
use crate::diagnostic::{Diagnostic, Ledger};
use crate::value::{Node, Value};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Something to read documents from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// A file.
    File(PathBuf),
    /// All `*.yaml`, `*.yml` and `*.json` files of a directory and of those below it, in the order of their paths.
    Dir(PathBuf),
    /// The standard input, named `<stdin>` in messages.
    Stdin,
    /// A text at hand.
    Text {
        /// What messages call it.
        name: String,
        /// The text.
        text: String,
    },
}

impl Input {
    /// What a value of `-f` stands for: `-`, a directory or a file.
    pub fn of_argument(argument: &str) -> Self {
        if argument == "-" {
            Self::Stdin
        } else if Path::new(argument).is_dir() {
            Self::Dir(argument.into())
        } else {
            Self::File(argument.into())
        }
    }
}

/// Reads the documents of the values of `-f` in order, and keeps the files in `sources`. `v1 List` objects are replaced by
/// their items. Every problem goes to `report`.
pub fn load(arguments: &[String], sources: &mut Sources, report: &mut Ledger) -> Vec<Document> {
    let inputs: Vec<Input> = arguments
        .iter()
        .map(|argument| Input::of_argument(argument))
        .collect();
    load_inputs(&inputs, sources, &Limits::default(), report)
}

/// [`load`] for inputs of any kind, under the given limits.
pub fn load_inputs(
    inputs: &[Input],
    sources: &mut Sources,
    limits: &Limits,
    report: &mut Ledger,
) -> Vec<Document> {
    let mut loader = Loader {
        sources,
        limits,
        report,
        documents: Vec::new(),
        read_stdin: false,
    };
    inputs.iter().for_each(|input| loader.input(input));
    loader.documents
}

struct Loader<'a> {
    sources: &'a mut Sources,
    limits: &'a Limits,
    report: &'a mut Ledger,
    documents: Vec<Document>,
    read_stdin: bool,
}

impl Loader<'_> {
    fn input(&mut self, input: &Input) {
        match input {
            Input::Stdin => self.stdin(),
            Input::Dir(path) => self.directory(path),
            Input::File(path) => {
                let name = path.to_string_lossy();
                let found = self.file(path, &name);
                self.expect_documents(found, &name);
            }
            Input::Text { name, text } => {
                let file = self.sources.next_file();
                let (source, documents) = parse(name, text, file, self.limits, self.report);
                let found = self.keep(source, documents);
                self.expect_documents(found, name);
            }
        }
    }

    fn stdin(&mut self) {
        if std::mem::replace(&mut self.read_stdin, true) {
            let said = Diagnostic::new(
                &UNREADABLE,
                "`-` is given twice, but the standard input can be read only once",
            );
            return self.report.report(said.remedy("give `-f -` once"));
        }
        let found = match read_limited(io::stdin().lock(), self.limits.file_bytes) {
            Ok(bytes) => self.bytes("<stdin>", &bytes),
            Err(error) => self.unreadable("the standard input", &error),
        };
        self.expect_documents(found, "<stdin>");
    }

    fn directory(&mut self, directory: &Path) {
        let mut files = Vec::new();
        walk(directory, &mut files, &mut |path, error| {
            self.unreadable(&path.to_string_lossy(), &error);
        });
        if files.is_empty() {
            let message = format!("{} holds no *.yaml, *.yml or *.json file", directory.display());
            self.report
                .report(Diagnostic::new(&EMPTY_INPUT, message).remedy("check the path"));
        }
        files.sort();
        for path in files {
            self.file(&path, &path.to_string_lossy());
        }
    }

    /// Reads a file; how many documents it held, or `None` if it has errors.
    fn file(&mut self, path: &Path, name: &str) -> Option<usize> {
        let size = fs::metadata(path).map_or(0, |metadata| metadata.len());
        if size > self.limits.file_bytes as u64 {
            let message = format!(
                "{name} is larger than {} MiB and is not read",
                self.limits.file_bytes >> 20
            );
            self.report
                .report(Diagnostic::new(&TOO_LARGE, message).remedy("split the file"));
            return None;
        }
        match fs::File::open(path).and_then(|file| read_limited(file, self.limits.file_bytes)) {
            Ok(bytes) => self.bytes(name, &bytes),
            Err(error) => self.unreadable(name, &error),
        }
    }

    fn bytes(&mut self, name: &str, bytes: &[u8]) -> Option<usize> {
        let file = self.sources.next_file();
        let before = self.report.diagnostics.len();
        let (source, documents) = parse_bytes(name, bytes, file, self.limits, self.report);
        let clean = self.report.diagnostics.len() == before;
        let found = self.keep(source, documents);
        found.filter(|_| clean)
    }

    fn keep(&mut self, mut source: Source, documents: Vec<Document>) -> Option<usize> {
        let found = documents.len();
        for document in documents {
            expand_list(document, &mut source.origins, &mut self.documents);
        }
        self.sources.push(source);
        Some(found)
    }

    fn unreadable(&mut self, name: &str, error: &io::Error) -> Option<usize> {
        let said = Diagnostic::new(&UNREADABLE, format!("{name} cannot be read: {error}"));
        self.report.report(if name.contains("://") {
            said.remedy("URLs are not fetched: download the file, or pipe it to `-f -`")
        } else {
            said.remedy("check the path and its permissions")
        });
        None
    }

    /// An input that was named and holds nothing is an error.
    fn expect_documents(&mut self, found: Option<usize>, name: &str) {
        if found == Some(0) {
            let said = Diagnostic::new(&EMPTY_INPUT, format!("{name} holds no document"));
            self.report.report(
                said.remedy("check that this is the file that was meant, and that what wrote it worked"),
            );
        }
    }
}

/// All manifest files of a directory and of those below it, in order; of a file, itself.
///
/// # Errors
/// The first directory that cannot be read.
pub fn manifests(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let (mut files, mut failed) = (Vec::new(), None);
    walk(path, &mut files, &mut |_, error| {
        failed = failed.take().or(Some(error))
    });
    files.sort();
    failed.map_or(Ok(files), Err)
}

/// Collects the manifest files of a directory. Links to directories are not followed, so it ends; links to files are,
/// because mounted ConfigMaps consist of them.
fn walk(root: &Path, files: &mut Vec<PathBuf>, unreadable: &mut dyn FnMut(&Path, io::Error)) {
    let mut open = vec![root.to_path_buf()];
    while let Some(directory) = open.pop() {
        let entries = fs::read_dir(&directory).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        match entries {
            Ok(entries) => {
                for entry in entries {
                    let path = entry.path();
                    if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                        open.push(path);
                    } else if is_manifest(&path) && path.is_file() {
                        files.push(path);
                    }
                }
            }
            Err(error) => unreadable(&directory, error),
        }
    }
}

/// All bytes, or one more than the limit, which is enough to see that it is exceeded.
fn read_limited(reader: impl Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        ["yaml", "yml", "json"]
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
    })
}

/// Adds a document, or the items of a list, which keep their pointers (`/items/0/…`) and are documents of their own. What
/// wraps the items means nothing and leaves the account.
fn expand_list(document: Document, origins: &mut [Origin], documents: &mut Vec<Document>) {
    if !is_list(&document.root) {
        return documents.push(document);
    }
    let Value::Map(entries) = document.root.value else {
        return;
    };
    let mut comments = document.comments;
    for (key, node) in entries {
        match node.value {
            Value::Seq(items) if key == "items" => {
                retire(&node.ids, origins);
                for root in items {
                    if let Some(id) = root.ids.first() {
                        expand_list(
                            Document {
                                root,
                                id,
                                comments: std::mem::take(&mut comments),
                            },
                            origins,
                            documents,
                        );
                    }
                }
            }
            _ => node.walk(&mut |node| retire(&node.ids, origins)),
        }
    }
}

fn retire(ids: &crate::value::Ids, origins: &mut [Origin]) {
    for id in ids.iter() {
        if let Some(origin) = origins.get_mut(id.node() as usize) {
            origin.leaf = false;
        }
    }
}

/// A `v1 List`, or a typed one (`PodList`) whose items say what they are.
fn is_list(root: &Node) -> bool {
    let Some(kind) = root.get("kind").and_then(Node::as_str) else {
        return false;
    };
    let Some(items) = root.get("items").and_then(Node::as_seq) else {
        return false;
    };
    let typed = |item: &Node| item.get("kind").and_then(Node::as_str).is_some();
    kind == "List" || (kind.ends_with("List") && root.get("spec").is_none() && items.iter().all(typed))
}
