//! `targets`: the dialects, and what each can say.

use super::Streams;
use super::common::{self, Exit};
use crate::dialect::{self, Dialect};
use crate::ir::{Feature, Support};
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
}

/// Runs the verb.
///
/// # Errors
/// Failures of the stream.
pub fn run(args: Args, streams: &mut Streams<'_>) -> anyhow::Result<Exit> {
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
        Output::Table if args.names.is_empty() => table(&chosen),
        Output::Table => chosen.iter().map(|d| details(*d)).collect::<Vec<_>>().join("\n"),
    };
    streams.out.write_all(text.as_bytes())?;
    Ok(Exit::Done)
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
