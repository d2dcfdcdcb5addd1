//! Completion as kubectl asks for it: `kubectl_complete-infer WORD… PREFIX` prints candidates, and a last line `:N` that says what the
//! shell may add (cobra's directives). The executable of that name is this one by a link.

use super::common::Exit;
use super::{Cli, Streams};
use crate::cluster::{Cluster, Connection, Discovery, ObjectName};
use crate::diagnostic::Ledger;
use crate::dialect;
use crate::source::{self, Sources};
use crate::value::Node;
use clap::{Arg, Command, CommandFactory};
use std::ffi::OsString;

/// The name by which kubectl calls.
pub const EXECUTABLE: &str = "kubectl_complete-infer";

/// The shell adds files of its own.
const FILES: u8 = 0;
/// No blank after the candidate, and no files.
const NO_SPACE: u8 = 2 | 4;
/// No files.
const NO_FILES: u8 = 4;

/// Candidates and what the shell may add.
type Answer = (Vec<String>, u8);

/// Prints the candidates for the last of the words.
///
/// # Errors
/// Failures of the stream.
pub fn run(args: &[OsString], streams: &mut Streams<'_>) -> anyhow::Result<Exit> {
    let words: Vec<String> = args.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    let (prefix, before) = words
        .split_last()
        .map_or((String::new(), [].as_slice()), |(p, b)| (p.clone(), b));
    let (candidates, directive) = candidates(before, &prefix);
    for candidate in candidates.iter().filter(|c| c.starts_with(&prefix)) {
        writeln!(streams.out, "{candidate}")?;
    }
    writeln!(streams.out, ":{directive}")?;
    Ok(Exit::Done)
}

fn candidates(before: &[String], prefix: &str) -> Answer {
    let command = Cli::command();
    let verbs = || command.get_subcommands().filter(|c| !c.is_hide_set());
    let Some(verb) = before.iter().find_map(|w| verbs().find(|v| v.get_name() == w)) else {
        return (verbs().map(|v| v.get_name().to_owned()).collect(), NO_FILES);
    };
    if let Some((flag, _)) = prefix.split_once('=').filter(|_| prefix.starts_with("--")) {
        let (values, directive) = value_of(verb, &command, flag, before, prefix);
        return (
            values.into_iter().map(|v| format!("{flag}={v}")).collect(),
            directive,
        );
    }
    if prefix.starts_with('-') {
        let long = |arg: &Arg| arg.get_long().map(|l| format!("--{l}"));
        let all = verb
            .get_arguments()
            .chain(command.get_arguments().filter(|a| a.is_global_set()));
        return (
            all.filter(|a| !a.is_hide_set()).filter_map(long).collect(),
            NO_FILES,
        );
    }
    match before.last().filter(|w| w.starts_with('-')) {
        Some(flag) if takes_value(verb, &command, flag) => value_of(verb, &command, flag, before, prefix),
        _ => positional(verb.get_name(), before, prefix),
    }
}

fn flag<'a>(verb: &'a Command, command: &'a Command, word: &str) -> Option<&'a Arg> {
    let is = |arg: &&Arg| {
        arg.get_long().is_some_and(|l| word.strip_prefix("--") == Some(l))
            || arg
                .get_short()
                .is_some_and(|s| word.strip_prefix('-') == Some(s.to_string().as_str()))
    };
    verb.get_arguments().chain(command.get_arguments()).find(is)
}

fn takes_value(verb: &Command, command: &Command, word: &str) -> bool {
    flag(verb, command, word).is_some_and(|a| a.get_action().takes_values())
}

/// The values of a flag.
fn value_of(verb: &Command, command: &Command, word: &str, before: &[String], prefix: &str) -> Answer {
    let Some(arg) = flag(verb, command, word) else {
        return (Vec::new(), NO_FILES);
    };
    let words: Vec<String> = arg
        .get_possible_values()
        .iter()
        .map(|v| v.get_name().to_owned())
        .collect();
    if !words.is_empty() {
        return (words, NO_FILES);
    }
    match arg.get_id().as_str() {
        "target" | "to" => (targets(prefix), NO_FILES),
        "namespace" => (objects(before, "namespaces"), NO_FILES),
        "context" | "cluster" | "user" => (Vec::new(), NO_FILES),
        "set" | "set_string" => roles(before, prefix),
        _ => (Vec::new(), FILES),
    }
}

/// Targets, behind those that stand before a comma already.
fn targets(prefix: &str) -> Vec<String> {
    let done = prefix.rfind(',').map_or("", |at| &prefix[..=at]);
    dialect::ALL
        .iter()
        .map(|d| format!("{done}{}", d.info().name))
        .collect()
}

/// The roles of the specs of the command line: `roles.prefill.`.
fn roles(before: &[String], prefix: &str) -> Answer {
    let start = prefix
        .split_once('=')
        .map_or("", |(flag, _)| if flag.starts_with("--") { flag } else { "" });
    if !prefix
        .trim_start_matches(start)
        .trim_start_matches('=')
        .starts_with("roles.")
    {
        return (
            vec![
                "roles.".into(),
                "engine.".into(),
                "model.".into(),
                "accelerator.".into(),
            ],
            NO_SPACE,
        );
    }
    let files: Vec<String> = values(before, &["-f", "--filename"])
        .filter(|f| f != "-")
        .collect();
    let documents = source::load(&files, &mut Sources::new(), &mut Ledger::new());
    let roles = documents
        .iter()
        .filter_map(|d| d.root.at(&["spec", "roles"])?.as_seq())
        .flatten();
    let names = roles.filter_map(|r| r.get("name").and_then(Node::as_str));
    (names.map(|n| format!("roles.{n}.")).collect(), NO_SPACE)
}

/// The values that a flag has on the command line.
fn values<'a>(before: &'a [String], flags: &'a [&str]) -> impl Iterator<Item = String> + 'a {
    before
        .windows(2)
        .filter(|w| flags.contains(&w[0].as_str()))
        .map(|w| w[1].clone())
}

fn positional(verb: &str, before: &[String], prefix: &str) -> Answer {
    match verb {
        "targets" => (targets(prefix), NO_FILES),
        "init" => (
            super::init::STARTERS
                .iter()
                .map(|(name, _)| (*name).to_owned())
                .collect(),
            NO_FILES,
        ),
        "lift" | "migrate" => match prefix.split_once('/') {
            Some((kind, _)) => (
                objects(before, kind)
                    .iter()
                    .map(|n| format!("{kind}/{n}"))
                    .collect(),
                NO_FILES,
            ),
            None => (
                dialect::ALL
                    .iter()
                    .map(|d| d.info().kind.to_lowercase() + "/")
                    .collect(),
                NO_SPACE,
            ),
        },
        _ => (Vec::new(), NO_FILES),
    }
}

/// The names of live objects of a kind; none if the cluster does not answer soon.
fn objects(before: &[String], kind: &str) -> Vec<String> {
    let one = |flag: &'static str| values(before, [flag].as_slice()).last().map(|v| v.to_owned());
    let options = Connection {
        kubeconfig: one("--kubeconfig").map(Into::into),
        context: one("--context"),
        cluster: one("--cluster"),
        user: one("--user"),
        server: one("--server").or_else(|| one("-s")),
        token: one("--token"),
        request_timeout: "3s".into(),
        ..Connection::default()
    };
    let namespace = one("-n").or_else(|| one("--namespace"));
    let Ok(cluster) = Cluster::connect(&options) else {
        return Vec::new();
    };
    cluster.run(async {
        let resource = Discovery::default().named(&cluster.client, kind).await.ok();
        let Some(resource) = resource else {
            return Vec::new();
        };
        let namespace = namespace.as_deref().unwrap_or(&cluster.client.namespace);
        let listed = cluster
            .client
            .list(&resource.collection(Some(namespace)), "")
            .await
            .unwrap_or_default();
        listed
            .iter()
            .filter_map(|o| ObjectName::of(o).ok())
            .map(|n| n.name)
            .collect()
    })
}
