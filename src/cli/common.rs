//! What the verbs share: input, output, diagnostics, exit codes.

use super::Streams;
use crate::compile::{self, Assignment, DocumentKind};
use crate::diagnostic::{self, Diagnostic, Finding, Ledger, Severity};
use crate::dialect::{self, Dialect, platform::Platform};
use crate::plan::codes::DUPLICATE;
use crate::source::{self, Document, Limits, Sources};
use crate::spec::decode::Decoder;
use crate::template::Templates;
use crate::value::{Node, Str};
use clap::{Args, ValueEnum};
use std::collections::HashMap;
use std::path::PathBuf;

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// `diff` found differences.
    Differences = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The input is wrong.
    Invalid = 3,
    /// More was lost than tolerated.
    Losses = 4,
    /// The cluster did not do what was asked.
    Cluster = 5,
}

/// A form of diagnostics.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum Format {
    /// For people.
    Human,
    /// The report, on standard error.
    Json,
}

/// When to use colours.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The worst loss that is tolerated.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum MaxLoss {
    /// No loss at all, notes included.
    None,
    /// Notes.
    Note,
    /// Warnings.
    Warning,
    /// Errors.
    Error,
}

impl MaxLoss {
    /// Whether a severity is beyond it.
    pub fn exceeded_by(self, severity: Severity) -> bool {
        match self {
            Self::None => true,
            Self::Note => severity > Severity::Note,
            Self::Warning => severity > Severity::Warning,
            Self::Error => false,
        }
    }
}

/// Options of every verb.
#[derive(Args, Debug)]
pub struct Global {
    /// Form of diagnostics on standard error
    #[arg(long, global = true, value_enum, default_value = "human")]
    pub format: Format,
    /// Write the JSON report to a file, whatever the format
    #[arg(long, global = true, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// When to colour diagnostics
    #[arg(long, global = true, value_enum, default_value = "auto")]
    pub color: Color,
}

/// Options of verbs that read specs.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("source").required(true).multiple(true))]
pub struct Input {
    /// Files, directories, or `-` for standard input; may be repeated
    #[arg(short, long = "filename", value_name = "FILE|DIR|-", group = "source")]
    pub filename: Vec<String>,
    /// Set a value of the spec, for instance `--set engine.image=IMAGE` or `--set roles.prefill.replicas=4`
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// Set a value of the spec, as a string whatever it looks like
    #[arg(long, value_name = "PATH=VALUE")]
    pub set_string: Vec<String>,
    /// Namespace of specs that name none
    #[arg(short, long)]
    pub namespace: Option<String>,
    /// How the cluster's operators run: a document of kind Platform
    #[arg(long, value_name = "FILE")]
    pub platform: Option<String>,
    /// Directory of templates that replace the built-in ones of the same name
    #[arg(long, value_name = "DIR")]
    pub templates: Option<PathBuf>,
}

/// Everything that was read.
pub struct Loaded {
    /// Where nodes stand.
    pub sources: Sources,
    /// The documents, in order, with what each is. Platform documents are taken out.
    pub documents: Vec<(Document, DocumentKind)>,
    /// How the operators run.
    pub platform: Platform,
    /// The templates.
    pub templates: Templates,
    /// What was said while reading.
    pub ledger: Ledger,
    /// The values of `--set`, which are in the specs already. Verbs that make specs put them there.
    pub assignments: Vec<Assignment>,
}

impl Input {
    /// Reads files and options. Assignments of `--set` are in the documents.
    pub fn load(&self) -> Loaded {
        self.load_with(Vec::new())
    }

    /// [`Input::load`], with pages that come from elsewhere behind the files.
    pub fn load_with(&self, more: Vec<source::Input>) -> Loaded {
        let (mut sources, mut ledger) = (Sources::new(), Ledger::new());
        let mut inputs: Vec<source::Input> = self
            .filename
            .iter()
            .map(|f| source::Input::of_argument(f))
            .collect();
        inputs.extend(more);
        let documents = source::load_inputs(&inputs, &mut sources, &Limits::default(), &mut ledger);
        let files: Vec<String> = self.platform.iter().cloned().collect();
        let platforms = if files.is_empty() {
            Vec::new()
        } else {
            source::load(&files, &mut sources, &mut ledger)
        };
        let assignments = self.assignments(&mut sources, &mut ledger);
        let mut loaded = Loaded {
            documents: Vec::new(),
            platform: Platform::default(),
            templates: dialect::templates(self.templates.as_deref(), &mut ledger),
            ledger,
            sources,
            assignments,
        };
        for mut document in documents {
            let kind = compile::kind_of(&document, &mut loaded.ledger);
            match kind {
                DocumentKind::Platform => {
                    loaded.platform.spec = platform_spec(&document, &loaded.sources, &mut loaded.ledger)
                }
                DocumentKind::Serving => {
                    for assignment in &loaded.assignments {
                        if let Err(message) = compile::assign(&mut document.root, assignment) {
                            let said = Diagnostic::new(&BAD_SET, format!("--set: {message}"));
                            loaded.ledger.report(said.at_ids(&assignment.value.ids));
                        }
                    }
                    loaded.documents.push((document, kind));
                }
                DocumentKind::Other | DocumentKind::Unknown => loaded.documents.push((document, kind)),
            }
        }
        loaded.one_of_each_name();
        // The option wins over a document among the input.
        if let Some(document) = platforms.first() {
            if compile::kind_of(document, &mut loaded.ledger) != DocumentKind::Platform {
                let said = Diagnostic::new(&NOT_A_PLATFORM, "--platform wants a document of kind Platform");
                loaded.ledger.report(said.at_ids(&document.root.ids));
            } else {
                loaded.platform.spec = platform_spec(document, &loaded.sources, &mut loaded.ledger);
            }
        }
        loaded
    }

    fn assignments(&self, sources: &mut Sources, ledger: &mut Ledger) -> Vec<Assignment> {
        let mut assignments = Vec::new();
        for (texts, string) in [(&self.set, false), (&self.set_string, true)] {
            for text in texts {
                match assignment(text, string, sources, ledger) {
                    Ok(assignment) => assignments.extend(assignment),
                    Err(message) => {
                        ledger.report(Diagnostic::new(&BAD_SET, format!("--set {text}: {message}")));
                    }
                }
            }
        }
        assignments
    }
}

/// The `spec` of a Platform document, whose sections are those of the dialects. What a section holds is read, strictly, by
/// its dialect.
fn platform_spec(document: &Document, sources: &Sources, ledger: &mut Ledger) -> Node {
    let spec = document.root.get("spec").cloned().unwrap_or_default();
    let dialects: Vec<&str> = dialect::ALL.iter().map(|d| d.info().name).collect();
    let mut decoder = Decoder { sources, ledger };
    for (key, value) in spec.as_map().into_iter().flatten() {
        if key != "clusterDomain" && !dialects.contains(&key.as_str()) {
            decoder.unknown_section(key, value, &dialects);
        }
    }
    spec
}

impl Loaded {
    /// Reports specs of the same namespace and name: the objects of one would overwrite those of the other.
    fn one_of_each_name(&mut self) {
        let mut seen: HashMap<(&str, &str), &Node> = HashMap::new();
        let specs = self
            .documents
            .iter()
            .filter(|(_, kind)| *kind == DocumentKind::Serving);
        for (document, _) in specs {
            let text = |key| document.root.at(&["metadata", key]);
            let Some(name) = text("name") else { continue };
            let namespace = text("namespace").and_then(Node::as_str).unwrap_or_default();
            let Some(of) = name.as_str() else { continue };
            if let Some(first) = seen.insert((namespace, of), name) {
                let said = Diagnostic::new(&DUPLICATE, format!("two specs are called `{of}`"))
                    .at_ids(&name.ids)
                    .label(first.ids.first(), "first here")
                    .reason("the objects of one would overwrite those of the other");
                self.ledger.report(said);
            }
        }
    }
}

fn assignment(
    text: &str,
    string: bool,
    sources: &mut Sources,
    ledger: &mut Ledger,
) -> Result<Option<Assignment>, String> {
    let (path, value) = text.split_once('=').ok_or("expected PATH=VALUE")?;
    let path = compile::path(path)?;
    let name = format!("--set {text}");
    let value = if string {
        serde_json::to_string(value).map_err(|e| e.to_string())?
    } else {
        value.to_owned()
    };
    let (source, value) = source::parse_value(&name, &value, sources.next_file(), &Limits::default(), ledger);
    sources.push(source);
    Ok(value.map(|value| Assignment { path, value }))
}

/// A file of `--platform` that is none.
pub const NOT_A_PLATFORM: diagnostic::Code = diagnostic::Code {
    id: "INF0111",
    title: "not a Platform document",
    severity: Severity::Error,
    explanation: "`--platform FILE` reads how the cluster's operators run from a document of `apiVersion: infer.dev/v1alpha1` and \
                  `kind: Platform`. `kubectl infer explain targets.DIALECT` lists what a section may hold.",
};

/// A value for a place that is not there.
pub const BAD_SET: diagnostic::Code = diagnostic::Code {
    id: "INF0109",
    title: "cannot set a value",
    severity: Severity::Error,
    explanation: "`--set PATH=VALUE` puts a value into every spec of the input before it is read. The path begins below `spec`; \
                  elements of lists are named by their index or their `name`: `roles[0].replicas`, `roles.prefill.replicas`. \
                  Values are read as YAML; `--set-string` takes them as they are.",
};

/// The dialects of `--target`.
///
/// # Errors
/// A name that is none, with the known ones.
pub fn targets(names: &[String]) -> Result<Vec<&'static dyn Dialect>, String> {
    names
        .iter()
        .map(|name| {
            dialect::find(name).ok_or_else(|| {
                let known: Vec<&str> = dialect::ALL.iter().map(|d| d.info().name).collect();
                let meant = crate::diagnostic::closest(name, known.iter().copied());
                let hint = meant
                    .map(|m| format!("; did you mean `{m}`?"))
                    .unwrap_or_default();
                format!("unknown target `{name}`{hint}\ntargets: {}", known.join(", "))
            })
        })
        .collect()
}

/// Tells the findings as the options say, in the order given.
///
/// # Errors
/// Failures of the stream or of the report file.
pub fn tell(findings: &[Finding], global: &Global, streams: &mut Streams<'_>) -> anyhow::Result<()> {
    if let Some(path) = &global.report {
        let json = diagnostic::json::render(findings);
        std::fs::write(path, json).map_err(|e| anyhow::anyhow!("cannot write {}: {e}", path.display()))?;
    }
    match global.format {
        Format::Json => streams
            .err
            .write_all(diagnostic::json::render(findings).as_bytes())?,
        Format::Human if findings.is_empty() => {}
        Format::Human => {
            let options = diagnostic::human::Options {
                color: color(global.color, streams.err_is_terminal),
                ..Default::default()
            };
            streams
                .err
                .write_all(diagnostic::human::render(findings, options).as_bytes())?;
            writeln!(streams.err, "\n{}", diagnostic::human::summary(findings))?;
        }
    }
    Ok(())
}

fn color(choice: Color, terminal: bool) -> bool {
    match choice {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
    }
}

/// Usage errors that clap cannot see.
///
/// # Errors
/// Failures of the stream.
pub fn usage_error(message: &str, streams: &mut Streams<'_>) -> anyhow::Result<Exit> {
    writeln!(streams.err, "error: {message}")?;
    Ok(Exit::Usage)
}

/// A name as the value tree holds it.
pub fn namespace(input: &Input) -> Option<Str> {
    input.namespace.as_deref().map(Str::from)
}
