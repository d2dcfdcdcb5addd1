//! `apply`: the input into the cluster, by server-side apply.

use super::Streams;
use super::common::{self, Exit, Global};
use super::diff::{self, Output as DiffOutput, Reporter};
use super::rendered::{self, ForCluster, Rendered};
use crate::cluster::{
    Cluster, Compared, Connection, Done, Event, ObjectName, Options, Progress, Scene, Stopped, Verdict, Why,
};
use crate::diagnostic::mask::Masker;
use crate::kubernetes::duration;
use crate::value::Node;
use clap::ValueEnum;
use std::collections::BTreeMap;
use std::io::BufRead;
use std::time::{Duration, Instant};

/// How much of it really happens.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum DryRun {
    /// All of it.
    None,
    /// Nothing is sent.
    Client,
    /// The server says what would happen.
    Server,
}

/// Form of what was done.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum Output {
    /// A line for each object, as kubectl has it.
    Human,
    /// Kind and name of each object.
    Name,
}

/// Options of `apply`.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    what: ForCluster,
    /// Form of what was done
    #[arg(short, long, value_enum, default_value = "human")]
    output: Output,
    /// Only say what would be done: as far as this program knows, or as the server says
    #[arg(long, value_enum, default_value = "none")]
    dry_run: DryRun,
    /// Delete what was applied for the same spec, namespace and target before and is no longer rendered
    #[arg(long)]
    prune: bool,
    /// Take over fields that somebody else owns
    #[arg(long)]
    force_conflicts: bool,
    /// Show the differences and ask before anything is changed
    #[arg(long)]
    confirm: bool,
    /// Wait until everything is ready
    #[arg(long)]
    wait: bool,
    /// How long to wait
    #[arg(long, value_name = "TIME", default_value = "10m")]
    timeout: String,
    #[command(flatten)]
    connection: Connection,
}

/// Runs the verb.
///
/// # Errors
/// Failures of streams and files.
pub fn run(args: Args, global: &Global, streams: &mut Streams<'_>) -> anyhow::Result<Exit> {
    let Ok(timeout) = duration::parse_seconds(&args.timeout) else {
        return common::usage_error(
            &format!("--timeout {}: expected a time like 90s or 10m", args.timeout),
            streams,
        );
    };
    if args.confirm && args.what.input.filename.iter().any(|f| f == "-") {
        return common::usage_error("--confirm asks on standard input, which -f - reads", streams);
    }
    let cluster = match Cluster::connect(&args.connection) {
        Ok(cluster) => cluster,
        Err(error) => return diff::failed(&error, &Masker::default(), streams),
    };
    let mut rendered =
        match rendered::rendered(&args.what, &cluster.client.namespace, args.wait, global, streams)? {
            Ok(rendered) => rendered,
            Err(exit) => return Ok(exit),
        };
    let masker = std::mem::take(&mut rendered.masker);
    let mut run = Run {
        args: &args,
        cluster,
        rendered,
        masker,
        timeout: Duration::from_secs(timeout),
    };
    if args.dry_run == DryRun::Client {
        return run.client_dry_run(streams);
    }
    match run.all(global, streams) {
        Ok(exit) => Ok(exit),
        Err(error) => diff::stopped(error, &run.masker, streams),
    }
}

struct Run<'a> {
    args: &'a Args,
    cluster: Cluster,
    rendered: Rendered,
    masker: Masker,
    timeout: Duration,
}

/// What a dry run of everything found.
#[derive(Default)]
struct Preflight {
    expected: BTreeMap<ObjectName, Done>,
    names: Vec<ObjectName>,
    refused: usize,
}

impl Run<'_> {
    fn client_dry_run(&self, streams: &mut Streams<'_>) -> anyhow::Result<Exit> {
        for object in self.rendered.objects() {
            match ObjectName::of(object) {
                Ok(name) => self.line(&name, "applied (dry run)", streams)?,
                Err(error) => return diff::failed(&error, &self.masker, streams),
            }
        }
        Ok(Exit::Done)
    }

    fn line(&self, name: &ObjectName, words: &str, streams: &mut Streams<'_>) -> anyhow::Result<()> {
        match self.args.output {
            Output::Human => writeln!(streams.out, "{name} {words}")?,
            Output::Name => writeln!(streams.out, "{name}")?,
        }
        Ok(())
    }

    fn all(&mut self, global: &Global, streams: &mut Streams<'_>) -> anyhow::Result<Exit> {
        if self.args.confirm
            && let Some(exit) = self.confirm(global, streams)?
        {
            return Ok(exit);
        }
        let preflight = self.preflight(streams)?;
        if preflight.refused > 0 {
            writeln!(
                streams.err,
                "nothing was applied: {} cannot be",
                objects(preflight.refused)
            )?;
            return Ok(Exit::Cluster);
        }
        if self.args.dry_run == DryRun::Server {
            return self.server_dry_run(&preflight, streams);
        }
        if let Some(exit) = self.apply(&preflight, streams)? {
            return Ok(exit);
        }
        if self.args.wait {
            self.wait(&preflight.names, streams)
        } else {
            Ok(Exit::Done)
        }
    }

    /// Shows the differences and asks. `None` means to go on.
    fn confirm(&mut self, global: &Global, streams: &mut Streams<'_>) -> anyhow::Result<Option<Exit>> {
        let mut reporter = Reporter::new(
            std::mem::take(&mut self.masker),
            DiffOutput::Human,
            3,
            global.color,
        );
        let compared = reporter.compare(&self.cluster, &self.rendered, streams);
        self.masker = std::mem::take(&mut reporter.masker);
        compared?;
        if reporter.counts.is_quiet() {
            writeln!(streams.err, "nothing to change")?;
            return Ok(Some(Exit::Done));
        }
        streams.out.flush()?;
        write!(streams.err, "{}. Apply? [y/N] ", reporter.counts.summary())?;
        streams.err.flush()?;
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer)?;
        if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
            return Ok(None);
        }
        writeln!(streams.err, "declined: nothing was applied")?;
        Ok(Some(Exit::Cluster))
    }

    /// Asks the server about everything before anything is changed.
    fn preflight(&self, streams: &mut Streams<'_>) -> anyhow::Result<Preflight> {
        let scene = Scene::new(self.rendered.objects(), &self.cluster.client.namespace);
        let mut preflight = Preflight::default();
        let objects: Vec<&Node> = self.rendered.objects().collect();
        self.cluster.compare(&objects, &scene, |compared| {
            self.judge(&compared, &mut preflight, streams)
        })?;
        Ok(preflight)
    }

    fn judge(
        &self,
        compared: &Compared,
        preflight: &mut Preflight,
        streams: &mut Streams<'_>,
    ) -> anyhow::Result<()> {
        let name = &compared.name;
        let done = match &compared.verdict {
            Verdict::Same => Done::Unchanged,
            Verdict::Changed { .. } => Done::Configured,
            Verdict::Created { .. } => Done::Created,
            Verdict::Pruned { .. } => Done::Pruned,
            Verdict::Failed(error) => {
                preflight.refused += 1;
                let name = if name.name.is_empty() {
                    String::new()
                } else {
                    format!("{name}: ")
                };
                writeln!(
                    streams.err,
                    "error: {name}{}",
                    self.masker.text(&error.to_string())
                )?;
                if let Some(remedy) = error.remedy() {
                    writeln!(streams.err, "  = help: {remedy}")?;
                }
                return Ok(());
            }
        };
        if let Some(blocked) = &compared.blocked {
            preflight.refused += 1;
            writeln!(streams.err, "error: {name}: {blocked}")?;
        }
        if !compared.conflicts.is_empty() && !self.args.force_conflicts {
            preflight.refused += 1;
            for conflict in &compared.conflicts {
                writeln!(
                    streams.err,
                    "error: {name}: {} owns {}",
                    conflict.title(),
                    conflict.field
                )?;
            }
            writeln!(
                streams.err,
                "  = help: leave these fields out, or take them over with --force-conflicts"
            )?;
        }
        preflight.expected.insert(name.clone(), done);
        preflight.names.push(name.clone());
        Ok(())
    }

    fn server_dry_run(&self, preflight: &Preflight, streams: &mut Streams<'_>) -> anyhow::Result<Exit> {
        for (name, done) in preflight
            .names
            .iter()
            .filter_map(|n| preflight.expected.get_key_value(n))
        {
            self.line(name, &format!("{} (server dry run)", done.as_str()), streams)?;
        }
        for group in self.rendered.groups.iter().filter(|_| self.args.prune) {
            let Some(set) = &group.set else { continue };
            for member in self
                .cluster
                .gone(set, &preflight.names.iter().cloned().collect())?
            {
                self.line(&member.name, "pruned (server dry run)", streams)?;
            }
        }
        Ok(Exit::Done)
    }

    /// Applies everything. `None` means that all of it is done.
    fn apply(&self, preflight: &Preflight, streams: &mut Streams<'_>) -> anyhow::Result<Option<Exit>> {
        let scene = Scene::new(self.rendered.objects(), &self.cluster.client.namespace);
        let options = Options {
            force: self.args.force_conflicts,
            prune: self.args.prune,
        };
        let (mut done, mut stale) = (0, 0);
        let result = self.cluster.apply(
            &self.rendered.groups,
            &scene,
            &preflight.expected,
            options,
            &mut |event| {
                match event {
                    Event::Done(name, what) => {
                        done += 1;
                        self.line(name, what.as_str(), streams)?;
                        streams.out.flush()?;
                    }
                    Event::Left(name, left) => {
                        writeln!(
                            streams.err,
                            "note: {name}: {} stays as it is: {} sets it",
                            left.field,
                            left.title()
                        )?;
                    }
                    Event::Warning(name, text) => {
                        writeln!(streams.err, "warning: {name}: {}", self.masker.text(text))?
                    }
                    Event::Stale(name) => {
                        stale += 1;
                        writeln!(streams.err, "note: {name} is no longer rendered")?;
                    }
                }
                Ok(())
            },
        );
        if stale > 0 {
            writeln!(streams.err, "note: --prune deletes what is no longer rendered")?;
        }
        match result {
            Ok(()) => Ok(None),
            Err(stopped) => self.stopped(*stopped, done, streams).map(Some),
        }
    }

    /// Says what was applied, what was not, and how to go on.
    fn stopped(&self, stopped: Stopped, done: usize, streams: &mut Streams<'_>) -> anyhow::Result<Exit> {
        let Stopped { why, at, remaining } = stopped;
        let at = at.map(|n| format!("{n}: ")).unwrap_or_default();
        match &why {
            Why::Other(_) => {}
            Why::Interrupted => writeln!(streams.err, "error: interrupted")?,
            Why::Failed(error) => {
                writeln!(streams.err, "error: {at}{}", self.masker.text(&error.to_string()))?;
                if let Some(remedy) = error.remedy() {
                    writeln!(streams.err, "  = help: {remedy}")?;
                }
            }
        }
        if let Why::Other(error) = why {
            return Err(error);
        }
        writeln!(streams.err, "{} applied, those printed above", objects(done))?;
        for name in &remaining {
            writeln!(streams.err, "not applied: {name}")?;
        }
        writeln!(
            streams.err,
            "  = help: run the same command again: it goes on where this stopped"
        )?;
        Ok(Exit::Cluster)
    }

    /// Waits until everything is ready.
    fn wait(&self, names: &[ObjectName], streams: &mut Streams<'_>) -> anyhow::Result<Exit> {
        let until = Instant::now() + self.timeout;
        let mut told = String::new();
        loop {
            let progress = self.cluster.progress(&self.rendered.pods, names)?;
            let open: Vec<&Progress> = progress.iter().filter(|p| !p.is_ready()).collect();
            told = self.progress(&progress, &told, streams)?;
            if open.is_empty() {
                return Ok(Exit::Done);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                writeln!(streams.err, "error: not ready after {} s", self.timeout.as_secs())?;
                for part in open {
                    for reason in &part.reasons {
                        writeln!(streams.err, "  {}: {}", part.what, self.masker.text(reason))?;
                    }
                }
                writeln!(
                    streams.err,
                    "  = help: everything is applied; wait longer with --timeout, or look at the pods"
                )?;
                return Ok(Exit::Cluster);
            }
            if self.cluster.pause(left.min(Duration::from_secs(1))) {
                writeln!(
                    streams.err,
                    "error: interrupted while waiting; everything is applied"
                )?;
                return Ok(Exit::Cluster);
            }
        }
    }

    /// Tells how far it is, where that has changed: in one line of a terminal, a line for each change elsewhere.
    fn progress(
        &self,
        progress: &[Progress],
        told: &str,
        streams: &mut Streams<'_>,
    ) -> anyhow::Result<String> {
        let part = |p: &Progress| format!("{} {}/{}", p.what, p.ready, p.wanted);
        let line = progress.iter().map(part).collect::<Vec<_>>().join(", ");
        if line != told && !line.is_empty() {
            if streams.err_is_terminal {
                write!(streams.err, "\r\u{1b}[Kready: {line}")?;
                if progress.iter().all(Progress::is_ready) {
                    writeln!(streams.err)?;
                }
            } else {
                writeln!(streams.err, "ready: {line}")?;
            }
            streams.err.flush()?;
        }
        Ok(line)
    }
}

fn objects(n: usize) -> String {
    if n == 1 {
        "1 object".to_owned()
    } else {
        format!("{n} objects")
    }
}
