//! `render`: specs to the manifests of one or several targets.

use super::Streams;
use super::batch::{self, Mode};
use super::collide;
use super::common::{self, Exit, Global, Input, MaxLoss};
use crate::diagnostic::{Finding, Outcome as Fate, Severity};
use crate::source::emit::{self, Format};
use crate::value::Node;
use anyhow::Context as _;
use clap::ValueEnum;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Form of the objects.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum Output {
    /// YAML documents.
    Yaml,
    /// JSON; several objects as a List.
    Json,
    /// KYAML: YAML that reads like JSON, safe to indent.
    Kyaml,
    /// Kind and name of each object.
    Name,
}

/// Options of `render`.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// Orchestrators to render for; `kubectl infer targets` lists them
    #[arg(
        short,
        long,
        value_name = "TARGET[,TARGET]",
        required = true,
        value_delimiter = ','
    )]
    target: Vec<String>,
    /// Form of the objects
    #[arg(short, long, value_enum, default_value = "yaml")]
    output: Output,
    /// Write a file for each object into a directory instead of printing
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
    /// The worst loss that is tolerated
    #[arg(long, value_enum, default_value = "warning")]
    max_loss: MaxLoss,
    /// Print the objects even when losses are beyond --max-loss (the exit code says so still)
    #[arg(long)]
    force: bool,
    /// Threads; default: one for each core
    #[arg(short, long, value_name = "N")]
    jobs: Option<usize>,
}

/// Runs the verb.
///
/// # Errors
/// Failures of streams and files.
pub fn run(args: Args, global: &Global, streams: &mut Streams<'_>) -> anyhow::Result<Exit> {
    let targets = match common::targets(&args.target) {
        Ok(targets) => targets,
        Err(message) => return common::usage_error(&message, streams),
    };
    let loaded = args.input.load();
    let jobs = args
        .jobs
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, Into::into));
    let outcomes = batch::run(
        &loaded,
        &targets,
        common::namespace(&args.input),
        Mode::Render,
        jobs,
    );
    let mut findings = batch::general(&loaded.ledger, &loaded);
    findings.extend(collide::check(&loaded, &outcomes, &targets));
    let mut objects: Vec<(Option<&str>, Node)> = Vec::new();
    for outcome in outcomes {
        findings.extend(outcome.findings);
        let labelled = outcome.objects.len() == targets.len() && targets.len() > 1;
        for (i, made) in outcome.objects.into_iter().enumerate() {
            let target = labelled.then(|| targets[i].info().name);
            objects.extend(made.into_iter().map(|o| (target, o)));
        }
    }
    let exit = exit(&findings, args.max_loss);
    common::tell(&findings, global, streams)?;
    if exit == Exit::Invalid || (exit == Exit::Losses && !args.force) {
        return Ok(exit);
    }
    if loaded.documents.is_empty() {
        writeln!(streams.err, "warning: the input holds no documents")?;
    }
    print(&args, objects, streams)?;
    Ok(exit)
}

/// The exit code that findings ask for.
pub fn exit(findings: &[Finding], max_loss: MaxLoss) -> Exit {
    let worst = |f: &Finding| match f.outcome {
        Fate::Invalid if f.severity == Severity::Error => Exit::Invalid,
        Fate::Invalid => Exit::Done,
        Fate::Dropped | Fate::Moved | Fate::Emulated | Fate::Defaulted
            if max_loss.exceeded_by(f.severity) =>
        {
            Exit::Losses
        }
        _ => Exit::Done,
    };
    // Invalid input comes first although its number is lower: nothing may be printed then.
    let all: Vec<Exit> = findings.iter().map(worst).collect();
    if all.contains(&Exit::Invalid) {
        Exit::Invalid
    } else {
        all.into_iter().max().unwrap_or(Exit::Done)
    }
}

fn print(args: &Args, objects: Vec<(Option<&str>, Node)>, streams: &mut Streams<'_>) -> anyhow::Result<()> {
    if let Some(dir) = &args.output_dir {
        return write_files(dir, args.output, &objects);
    }
    let nodes: Vec<Node> = objects.into_iter().map(|(_, o)| o).collect();
    streams.out.write_all(text(&nodes, args.output).as_bytes())?;
    // The process ends here: handing back every node of a large batch takes a fifth of the time that printing it takes.
    std::mem::forget(nodes);
    Ok(())
}

/// Objects as text.
pub fn text(nodes: &[Node], output: Output) -> String {
    match output {
        Output::Name => nodes.iter().map(|n| name(n) + "\n").collect(),
        output => emit::documents(nodes, format(output)),
    }
}

fn format(output: Output) -> Format {
    match output {
        Output::Yaml | Output::Name => Format::Yaml,
        Output::Json => Format::Json,
        Output::Kyaml => Format::Kyaml,
    }
}

/// Kind and name as kubectl writes them: `leaderworkerset.leaderworkerset.x-k8s.io/NAME`.
pub fn name(object: &Node) -> String {
    let text = |path: &[&str]| object.at(path).and_then(Node::as_str).unwrap_or_default();
    let kind = text(&["kind"]).to_lowercase();
    let group = text(&["apiVersion"])
        .rsplit_once('/')
        .map(|(group, _)| format!(".{group}"))
        .unwrap_or_default();
    format!("{kind}{group}/{}", text(&["metadata", "name"]))
}

/// One file for each object, under a folder for its target if there are several. Names are stable from run to run; where
/// objects of several namespaces would have the same file, those after the first have their namespace in its name.
fn write_files(dir: &Path, output: Output, objects: &[(Option<&str>, Node)]) -> anyhow::Result<()> {
    let extension = if output == Output::Json { "json" } else { "yaml" };
    let mut written: HashSet<PathBuf> = HashSet::new();
    for (target, object) in objects {
        let folder = target.map_or_else(|| dir.to_owned(), |t| dir.join(t));
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let path = stems(object)
            .map(|stem| folder.join(format!("{stem}.{extension}")))
            .find(|path| written.insert(path.clone()))
            .unwrap_or_else(|| folder.clone());
        let document = emit::documents(std::slice::from_ref(object), format(output));
        std::fs::write(&path, document).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Names of files for an object, the preferred first, without end.
fn stems(object: &Node) -> impl Iterator<Item = String> {
    let safe = |path: &[&str], default: &str| {
        let text = object.at(path).and_then(Node::as_str).unwrap_or(default);
        text.replace(
            |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_')),
            "_",
        )
    };
    let kind = safe(&["kind"], "unnamed").to_lowercase();
    let name = safe(&["metadata", "name"], "unnamed");
    let namespace = safe(&["metadata", "namespace"], "default");
    let spelt = [format!("{kind}-{name}"), format!("{kind}-{namespace}-{name}")];
    let numbered = (2..).map(move |n: u64| format!("{kind}-{namespace}-{name}-{n}"));
    spelt.into_iter().chain(numbered)
}
