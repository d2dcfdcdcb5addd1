//! `targets`: the dialects, and what each can say.

use super::Streams;
use super::common::{self, Exit};
use super::diff;
use crate::cluster::{Cluster, Connection, Installed, Target};
use crate::diagnostic::mask::Masker;
use crate::dialect::{self, Dialect};
use crate::ir::{Feature, Support};
use crate::source::emit::{self, Format};
use clap::ValueEnum;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Form of the table.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum Output {
    /// The dialects, a line each.
    Table,
    /// Features by dialects.
    Wide,
    /// Everything, for programs.
    Json,
    /// The names.
    Name,
    /// With --live: a Platform document for --platform.
    Yaml,
}

/// Options of `targets`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Show what these can say, with reasons
    #[arg(value_name = "TARGET")]
    names: Vec<String>,
    /// Form of the table
    #[arg(short, long, value_enum, default_value = "table")]
    output: Output,
    /// Look into the cluster: which are installed, with schedulers and gateways
    #[arg(long)]
    live: bool,
    #[command(flatten)]
    connection: Connection,
}

/// Runs the verb.
///
/// # Errors
/// Failures of the stream.
pub fn run(args: Args, streams: &mut Streams<'_>) -> anyhow::Result<Exit> {
    if args.live {
        return live(&args, streams);
    }
    let chosen: Vec<&dyn Dialect> = match common::targets(&args.names) {
        Ok(targets) if targets.is_empty() => dialect::ALL.to_vec(),
        Ok(targets) => targets,
        Err(message) => return common::usage_error(&message, streams),
    };
    let text = match args.output {
        Output::Name => chosen.iter().map(|d| format!("{}\n", d.info().name)).collect(),
        Output::Json => format!(
            "{:#}\n",
            Value::Array(chosen.iter().map(|d| json_of(*d)).collect())
        ),
        Output::Wide => matrix(&chosen),
        Output::Yaml => return common::usage_error("-o yaml describes a cluster: add --live", streams),
        Output::Table if args.names.is_empty() => table(&chosen),
        Output::Table => chosen.iter().map(|d| details(*d)).collect::<Vec<_>>().join("\n"),
    };
    streams.out.write_all(text.as_bytes())?;
    Ok(Exit::Done)
}

/// What is installed in the cluster.
fn live(args: &Args, streams: &mut Streams<'_>) -> anyhow::Result<Exit> {
    let installed = Cluster::connect(&args.connection).and_then(|cluster| Installed::look(&cluster));
    let mut installed = match installed {
        Ok(installed) => installed,
        Err(error) => return diff::failed(&error, &Masker::default(), streams),
    };
    if let Err(message) = common::targets(&args.names) {
        return common::usage_error(&message, streams);
    }
    installed
        .targets
        .retain(|t| args.names.is_empty() || args.names.iter().any(|n| n == t.name));
    let text = match args.output {
        Output::Table | Output::Wide => live_table(&installed),
        Output::Json => format!("{:#}\n", live_json(&installed)),
        Output::Name => installed
            .targets
            .iter()
            .filter(|t| t.renders)
            .map(|t| format!("{}\n", t.name))
            .collect(),
        Output::Yaml => emit::documents(&[installed.platform()], Format::Yaml),
    };
    streams.out.write_all(text.as_bytes())?;
    for unseen in &installed.unseen {
        writeln!(streams.err, "warning: cannot see {unseen}")?;
    }
    Ok(Exit::Done)
}

/// What can be done with a target in this cluster.
fn state(installed: &Installed, target: &Target) -> &'static str {
    match (
        target.renders,
        target.served.is_empty(),
        installed.controllers.get(target.name),
    ) {
        (_, true, _) => "not installed",
        (false, false, _) => "other version",
        (true, _, None) if !installed.unseen.is_empty() => "installed",
        (true, _, None) => "no controller",
        (true, _, Some(controller)) if controller.available => "installed",
        (true, _, Some(_)) => "not available",
    }
}

fn live_table(installed: &Installed) -> String {
    let mut out = format!("{:18} {:14} {:16} {}\n", "NAME", "STATE", "VERSION", "SERVED");
    for target in &installed.targets {
        let version = installed
            .controllers
            .get(target.name)
            .map_or("", |c| c.version.as_str());
        let served = if target.served.is_empty() {
            "-".to_owned()
        } else {
            target.served.join(", ")
        };
        let version = if version.is_empty() { "-" } else { version };
        let _ = writeln!(
            out,
            "{:18} {:14} {version:16} {served}",
            target.name,
            state(installed, target)
        );
    }
    let list = |words: Vec<&str>| {
        if words.is_empty() {
            "none found".to_owned()
        } else {
            words.join(", ")
        }
    };
    let schedulers: Vec<String> = installed
        .schedulers()
        .iter()
        .map(|s| {
            format!(
                "{s} {}",
                installed.controllers.get(s).map_or("", |c| c.version.as_str())
            )
            .trim_end()
            .to_owned()
        })
        .collect();
    let _ = writeln!(out, "\nKubernetes: {}", installed.server);
    let _ = writeln!(
        out,
        "Schedulers: {}",
        list(schedulers.iter().map(String::as_str).collect())
    );
    let _ = writeln!(
        out,
        "Gateway classes: {}",
        list(installed.gateways.iter().map(String::as_str).collect())
    );
    out
}

fn live_json(installed: &Installed) -> Value {
    let targets: Vec<Value> = installed
        .targets
        .iter()
        .map(|t| {
            let controller = installed.controllers.get(t.name);
            json!({
                "name": t.name, "kind": t.kind, "state": state(installed, t), "served": t.served,
                "version": controller.map(|c| &c.version), "available": controller.map(|c| c.available),
            })
        })
        .collect();
    json!({
        "server": installed.server, "targets": targets, "schedulers": installed.schedulers(), "gatewayClasses": installed.gateways,
        "unseen": installed.unseen,
    })
}

fn table(dialects: &[&dyn Dialect]) -> String {
    let mut out = format!("{:12} {:24} {:22} {}\n", "NAME", "PROJECT", "KIND", "APIVERSION");
    for info in dialects.iter().map(|d| d.info()) {
        let _ = writeln!(
            out,
            "{:12} {:24} {:22} {}",
            info.name, info.title, info.kind, info.api_version
        );
    }
    out
}

fn support(dialect: &dyn Dialect, feature: Feature) -> Support {
    let row = dialect.info().capabilities.iter().find(|c| c.feature == feature);
    row.map_or(Support::Native, |c| c.support)
}

fn matrix(dialects: &[&dyn Dialect]) -> String {
    let mut out = format!("{:44}", "FEATURE");
    for dialect in dialects {
        let _ = write!(out, " {:11}", dialect.info().name);
    }
    for feature in Feature::ALL {
        let _ = write!(out, "\n{:44}", feature.title());
        for dialect in dialects {
            let _ = write!(out, " {:11}", support(*dialect, *feature).as_str());
        }
    }
    let lines: Vec<&str> = out.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

fn details(dialect: &dyn Dialect) -> String {
    let info = dialect.info();
    let mut out = format!(
        "{} ({}, {} {})\n",
        info.name, info.title, info.kind, info.api_version
    );
    for feature in Feature::ALL {
        let support = support(dialect, *feature);
        let _ = write!(out, "  {:44} {:10}", feature.title(), support.as_str());
        if let Some(detail) = support.detail() {
            let _ = write!(out, " {detail}");
        }
        while out.ends_with(' ') {
            out.pop();
        }
        out.push('\n');
    }
    out
}

fn json_of(dialect: &dyn Dialect) -> Value {
    let info = dialect.info();
    let features: Vec<Value> = Feature::ALL
        .iter()
        .map(|f| {
            let support = support(dialect, *f);
            json!({"feature": f.title(), "support": support.as_str(), "detail": support.detail()})
        })
        .collect();
    json!({
        "name": info.name,
        "title": info.title,
        "apiVersion": info.api_version,
        "kind": info.kind,
        "features": features,
    })
}
