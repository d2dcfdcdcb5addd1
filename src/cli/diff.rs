//! `diff`: what applying the input would change in the cluster.

use super::Streams;
use super::common::{Color, Exit, Global};
use super::rendered::{self, ForCluster, Rendered};
use crate::cluster::{Cluster, Compared, Conflict, Connection, Error, ObjectName, Scene, Verdict};
use crate::diagnostic::mask::Masker;
use crate::dialect;
use crate::diff::{self, Change, Delta, Effect, Kind, Line, Mark};
use crate::source::emit::{self, Format};
use crate::value::{Map, Node};
use clap::ValueEnum;
use std::collections::BTreeSet;
use std::io::IsTerminal;

/// Form of the differences.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum Output {
    /// For people: changed lines in their context.
    Human,
    /// For programs.
    Json,
    /// Kind and name of each object that differs.
    Name,
}

/// Options of `diff`.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    what: ForCluster,
    /// Form of the differences
    #[arg(short, long, value_enum, default_value = "human")]
    output: Output,
    /// Lines of context around each difference
    #[arg(short = 'U', long, value_name = "N", default_value_t = 3)]
    unified: usize,
    /// Exit with 0 although there are differences
    #[arg(long)]
    exit_zero: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Runs the verb.
///
/// # Errors
/// Failures of streams and files.
pub fn run(args: Args, global: &Global, streams: &mut Streams<'_>) -> anyhow::Result<Exit> {
    let cluster = match Cluster::connect(&args.connection) {
        Ok(cluster) => cluster,
        Err(error) => return failed(&error, &Masker::default(), streams),
    };
    let mut rendered =
        match rendered::rendered(&args.what, &cluster.client.namespace, false, global, streams)? {
            Ok(rendered) => rendered,
            Err(exit) => return Ok(exit),
        };
    let mut reporter = Reporter::new(
        std::mem::take(&mut rendered.masker),
        args.output,
        args.unified,
        global.color,
    );
    match reporter.compare(&cluster, &rendered, streams) {
        Ok(()) => reporter.finish(streams)?,
        Err(error) => return stopped(error, &reporter.masker, streams),
    }
    Ok(match reporter.counts.exit() {
        Exit::Differences if args.exit_zero => Exit::Done,
        exit => exit,
    })
}

/// What ended a run early: the cluster, or the streams.
///
/// # Errors
/// Whatever was not the cluster's fault.
pub fn stopped(error: anyhow::Error, masker: &Masker, streams: &mut Streams<'_>) -> anyhow::Result<Exit> {
    match error.downcast::<Error>() {
        Ok(error) => failed(&error, masker, streams),
        Err(error) => Err(error),
    }
}

fn color(choice: Color) -> bool {
    match choice {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
        }
    }
}

/// Tells a failure of the cluster.
///
/// # Errors
/// Failures of the stream.
pub fn failed(error: &Error, masker: &Masker, streams: &mut Streams<'_>) -> anyhow::Result<Exit> {
    writeln!(streams.err, "error: {}", masker.text(&error.to_string()))?;
    if let Some(remedy) = error.remedy() {
        writeln!(streams.err, "  = help: {remedy}")?;
    }
    Ok(Exit::Cluster)
}

/// How often each thing would happen.
#[derive(Default)]
pub struct Counts {
    /// Objects that would change.
    pub changed: usize,
    /// Objects that would be created.
    pub created: usize,
    /// Objects that would be pruned.
    pub pruned: usize,
    /// Objects that are as they should be.
    pub same: usize,
    /// Objects that cannot be applied.
    pub failed: usize,
}

impl Counts {
    fn exit(&self) -> Exit {
        match self {
            Self { failed: 1.., .. } => Exit::Cluster,
            Self {
                changed: 0,
                created: 0,
                pruned: 0,
                ..
            } => Exit::Done,
            _ => Exit::Differences,
        }
    }

    /// Whether there is nothing to do.
    pub const fn is_quiet(&self) -> bool {
        self.changed + self.created + self.pruned + self.failed == 0
    }

    /// In words.
    pub fn summary(&self) -> String {
        let all = [
            (self.changed, "would change"),
            (self.created, "would be created"),
            (self.pruned, "would be pruned"),
            (self.same, "unchanged"),
            (self.failed, "cannot be applied"),
        ];
        let words: Vec<String> = all
            .iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, what)| format!("{n} {what}"))
            .collect();
        if words.is_empty() {
            "nothing to compare".to_owned()
        } else {
            words.join(", ")
        }
    }
}

/// Tells what differs, object by object.
pub struct Reporter {
    /// Keeps secrets out of everything that is told.
    pub masker: Masker,
    output: Output,
    unified: usize,
    color: bool,
    /// What was found so far.
    pub counts: Counts,
    entries: Vec<Node>,
}

impl Reporter {
    /// A reporter that has told nothing yet.
    pub fn new(masker: Masker, output: Output, unified: usize, choice: Color) -> Self {
        Self {
            masker,
            output,
            unified,
            color: color(choice),
            counts: Counts::default(),
            entries: Vec::new(),
        }
    }

    /// Compares the whole input, and what is no longer part of it.
    ///
    /// # Errors
    /// Failures of the stream, and of the connection as such.
    pub fn compare(
        &mut self,
        cluster: &Cluster,
        rendered: &Rendered,
        streams: &mut Streams<'_>,
    ) -> anyhow::Result<()> {
        let scene = Scene::new(rendered.objects(), &cluster.client.namespace);
        let objects: Vec<&Node> = rendered.objects().collect();
        let mut names = BTreeSet::new();
        cluster.compare(&objects, &scene, |compared| {
            names.insert(compared.name.clone());
            self.tell(&compared, streams)
        })?;
        for group in &rendered.groups {
            let Some(set) = &group.set else { continue };
            match cluster.gone(set, &names) {
                Ok(gone) => {
                    for member in gone {
                        self.tell(&Compared::pruned(member.name, &member.live), streams)?;
                    }
                }
                Err(error) if error.is_of_connection() => return Err(error.into()),
                Err(error) => {
                    self.counts.failed += 1;
                    let text = self.masker.text(&error.to_string());
                    writeln!(streams.err, "error: cannot tell what would be pruned: {text}")?;
                }
            }
        }
        Ok(())
    }

    /// Tells of one object.
    ///
    /// # Errors
    /// Failures of the stream.
    pub fn tell(&mut self, compared: &Compared, streams: &mut Streams<'_>) -> anyhow::Result<()> {
        let count = match &compared.verdict {
            Verdict::Same => &mut self.counts.same,
            Verdict::Changed { .. } => &mut self.counts.changed,
            Verdict::Created { .. } => &mut self.counts.created,
            Verdict::Pruned { .. } => &mut self.counts.pruned,
            Verdict::Failed(_) => &mut self.counts.failed,
        };
        *count += 1;
        if let Verdict::Failed(error) = &compared.verdict {
            let (name, text) = (&compared.name, self.masker.text(&error.to_string()));
            writeln!(
                streams.err,
                "error: {}{text}",
                if name.name.is_empty() {
                    String::new()
                } else {
                    format!("{name}: ")
                }
            )?;
            if let Some(remedy) = error.remedy() {
                writeln!(streams.err, "  = help: {remedy}")?;
            }
        }
        for warning in &compared.warnings {
            writeln!(
                streams.err,
                "warning: {}: {}",
                compared.name,
                self.masker.text(warning)
            )?;
        }
        match self.output {
            Output::Human => self.human(compared, streams),
            Output::Json => {
                let entry = self.entry(compared);
                self.entries.push(entry);
                Ok(())
            }
            Output::Name => match &compared.verdict {
                Verdict::Same | Verdict::Failed(_) => Ok(()),
                _ => Ok(writeln!(streams.out, "{}", compared.name)?),
            },
        }
    }

    fn human(&mut self, compared: &Compared, streams: &mut Streams<'_>) -> anyhow::Result<()> {
        let (sign, words) = match &compared.verdict {
            Verdict::Changed { .. } => ("~", ""),
            Verdict::Created { .. } => ("+", "would be created"),
            Verdict::Pruned { .. } => ("-", "would be pruned: no longer rendered"),
            Verdict::Same if compared.left.is_empty() => return Ok(()),
            Verdict::Same => ("=", ""),
            Verdict::Failed(_) => ("!", "cannot be applied"),
        };
        let namespace = match compared.name.namespace.as_str() {
            "" => String::new(),
            namespace => format!(" -n {namespace}"),
        };
        let words = if words.is_empty() {
            String::new()
        } else {
            format!("  {words}")
        };
        let title = format!("{sign} {}{namespace}{words}", compared.name);
        writeln!(streams.out, "{}", self.paint("1", &title))?;
        for note in compared.notes.iter().chain(&compared.blocked) {
            writeln!(streams.out, "  # {}", self.masker.text(note))?;
        }
        match &compared.verdict {
            Verdict::Changed { live, becomes } => self.changed(compared, live, becomes, streams)?,
            Verdict::Created { rendered } => {
                let masked = self.masker.learn(rendered);
                self.lines(&diff::lines(&Delta::Added(&masked)), streams)?;
            }
            Verdict::Same | Verdict::Pruned { .. } | Verdict::Failed(_) => {}
        }
        for left in &compared.left {
            writeln!(
                streams.out,
                "  # {} stays as it is: {} sets it",
                left.field,
                left.title()
            )?;
        }
        for conflict in &compared.conflicts {
            let text = format!("! conflict: {} owns {}", conflict.title(), conflict.field);
            writeln!(streams.out, "{}", self.paint("33", &text))?;
        }
        if !compared.conflicts.is_empty() {
            writeln!(
                streams.out,
                "  # apply refuses this object, or takes the fields over with --force-conflicts"
            )?;
        }
        Ok(())
    }

    fn changed(
        &mut self,
        compared: &Compared,
        live: &Node,
        becomes: &Node,
        streams: &mut Streams<'_>,
    ) -> anyhow::Result<()> {
        let (old, new) = (self.masker.learn(live), self.masker.learn(becomes));
        let delta = diff::compare(&old, &new);
        let lines = diff::lines(&delta);
        for hunk in diff::hunks(&lines, self.unified) {
            if !hunk.place.is_empty() {
                writeln!(
                    streams.out,
                    "{}",
                    self.paint("36", &format!("@@ {} @@", hunk.place))
                )?;
            }
            self.lines(hunk.lines, streams)?;
        }
        if delta.is_same() {
            writeln!(streams.out, "  # secret values change")?;
        }
        for effect in effects(live, becomes) {
            let text = format!("  => {}", effect.message);
            writeln!(streams.out, "{}", self.paint("35", &text))?;
        }
        let taken: Vec<String> = compared
            .conflicts
            .iter()
            .map(|c| c.field.trim_start_matches('.').replace('"', ""))
            .collect();
        for change in delta.changes() {
            let place = diff::path(&change.path);
            let foreign: Vec<String> = foreign(compared, &change);
            if !foreign.is_empty() && !taken.contains(&place) {
                writeln!(streams.out, "  # {place} is owned by {}", foreign.join(", "))?;
            }
        }
        Ok(())
    }

    fn lines(&self, lines: &[Line], streams: &mut Streams<'_>) -> anyhow::Result<()> {
        for line in lines {
            match line.mark {
                Mark::Both => writeln!(streams.out, " {}", line.text)?,
                Mark::Old => writeln!(streams.out, "{}", self.paint("31", &format!("-{}", line.text)))?,
                Mark::New => writeln!(streams.out, "{}", self.paint("32", &format!("+{}", line.text)))?,
            }
        }
        Ok(())
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.color {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    /// One object for programs.
    fn entry(&mut self, compared: &Compared) -> Node {
        let mut entry = identity(&compared.name);
        entry.set("verdict", word(&compared.verdict));
        let mut changes = Vec::new();
        match &compared.verdict {
            Verdict::Changed { live, becomes } => {
                let (old, new) = (self.masker.learn(live), self.masker.learn(becomes));
                let delta = diff::compare(&old, &new);
                changes = delta
                    .changes()
                    .iter()
                    .map(|c| self::change(compared, c))
                    .collect();
            }
            Verdict::Failed(error) => entry.set("error", self.masker.text(&error.to_string())),
            Verdict::Same | Verdict::Created { .. } | Verdict::Pruned { .. } => {}
        }
        entry.set("changes", changes);
        let list = |conflicts: &[Conflict]| conflicts.iter().map(conflict).collect::<Vec<Node>>();
        entry.set("conflicts", list(&compared.conflicts));
        entry.set("left", list(&compared.left));
        let texts = |texts: &[String], masker: &Masker| {
            texts.iter().map(|t| masker.text(t).into()).collect::<Vec<Node>>()
        };
        let notes: Vec<String> = compared.notes.iter().chain(&compared.blocked).cloned().collect();
        entry.set("notes", texts(&notes, &self.masker));
        entry.set("warnings", texts(&compared.warnings, &self.masker));
        entry
    }

    fn finish(&mut self, streams: &mut Streams<'_>) -> anyhow::Result<()> {
        if self.output == Output::Json {
            let page = Map::from_iter([
                ("apiVersion", Node::from(crate::spec::API_VERSION)),
                ("kind", "Diff".into()),
                ("objects", std::mem::take(&mut self.entries).into()),
            ]);
            streams
                .out
                .write_all(emit::documents(&[page.into()], Format::Json).as_bytes())?;
        }
        if self.output == Output::Human {
            writeln!(streams.err, "{}", self.counts.summary())?;
        }
        Ok(())
    }
}

/// What the change of an object does to pods, by the dialects that know its kind.
fn effects(live: &Node, becomes: &Node) -> Vec<Effect> {
    let text = |key| becomes.get(key).and_then(Node::as_str).unwrap_or_default();
    let changes = diff::compare(live, becomes).changes();
    let known = dialect::ALL
        .iter()
        .filter(|d| d.expands(text("apiVersion"), text("kind")));
    known.flat_map(|d| d.effects(live, becomes, &changes)).collect()
}

const fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Same => "same",
        Verdict::Changed { .. } => "changed",
        Verdict::Created { .. } => "created",
        Verdict::Pruned { .. } => "pruned",
        Verdict::Failed(_) => "failed",
    }
}

/// The owners of what a change is about, but for ourselves.
fn foreign(compared: &Compared, change: &Change<'_>) -> Vec<String> {
    let owners = compared.owners.at(&change.path);
    owners
        .iter()
        .filter(|m| m.name != crate::cluster::MANAGER)
        .map(|m| m.title())
        .collect()
}

fn identity(name: &ObjectName) -> Node {
    let texts = [
        ("apiVersion", &name.api_version),
        ("kind", &name.kind),
        ("namespace", &name.namespace),
        ("name", &name.name),
    ];
    Map::from_iter(texts.map(|(key, text)| (key, text.as_str()))).into()
}

fn conflict(conflict: &Conflict) -> Node {
    Map::from_iter([
        ("manager", conflict.manager.as_str()),
        ("subresource", conflict.subresource.as_str()),
        ("field", conflict.field.as_str()),
    ])
    .into()
}

fn change(compared: &Compared, change: &Change<'_>) -> Node {
    let mut node = Node::map();
    node.set("path", diff::path(&change.path));
    node.set("op", change.kind.as_str());
    match &change.kind {
        Kind::Added(new) => node.set("new", (*new).clone()),
        Kind::Removed(old) => node.set("old", (*old).clone()),
        Kind::Replaced(old, new) => {
            node.set("old", (*old).clone());
            node.set("new", (*new).clone());
        }
        Kind::Reordered(order) => {
            let words =
                |steps: &[diff::Step]| steps.iter().map(|s| s.to_string().into()).collect::<Vec<Node>>();
            node.set("old", words(&order.old));
            node.set("new", words(&order.new));
        }
    }
    let owners = compared.owners.at(&change.path);
    node.set(
        "owners",
        owners.iter().map(|m| m.title().into()).collect::<Vec<Node>>(),
    );
    node
}
