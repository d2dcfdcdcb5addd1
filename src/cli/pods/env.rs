//! `pods --env POD`: what the containers of one pod will see. Secrets are masked: this is a display, not the artifact.

use super::Output;
use crate::cli::Streams;
use crate::cli::common::{self, Exit};
use crate::compile::DEFAULT_NAMESPACE;
use crate::diagnostic::mask::{self, Masker};
use crate::pods::resolve::{self, Resolved};
use crate::pods::{Pod, Scene, Workload};
use crate::source::Document;
use crate::source::emit::{self, Format};
use crate::value::{Map, Node};
use std::fmt::Write as _;

/// Prints the environment of the pod of that name.
pub fn print(
    name: &str,
    output: Output,
    workloads: &[Workload],
    scenes: &[Vec<Document>],
    streams: &mut Streams<'_>,
) -> anyhow::Result<Exit> {
    let Some((workload, pod)) = find(name, workloads) else {
        let known = workloads
            .iter()
            .flat_map(|w| &w.expansion.pods)
            .map(|p| p.name.as_str());
        let meant = crate::diagnostic::closest(name, known.clone());
        let hint = meant
            .map(|m| format!("; did you mean `{m}`?"))
            .unwrap_or_default();
        let message = format!(
            "no pod `{name}` is predicted{hint} ({} pods; -o name lists them)",
            known.count()
        );
        return common::usage_error(&message, streams);
    };
    let mut masker = Masker::default();
    let documents: Vec<Document> = scenes
        .iter()
        .flatten()
        .map(|d| Document {
            root: masker.learn(&d.root),
            ..d.clone()
        })
        .collect();
    let scene = Scene {
        documents: &documents,
        namespace: DEFAULT_NAMESPACE,
    };
    let mut masked = pod.clone();
    masked.spec = mask::masked(&pod.spec);
    let mut containers = resolve::pod(&masked, &workload.namespace, &scene);
    // Each value by itself: beside a name like HF_TOKEN the mask would take the words "<secret NAME/KEY>" for the secret.
    for container in &mut containers {
        let values = container.env.iter_mut().map(|(_, value)| value);
        for text in values.chain(&mut container.command).chain(&mut container.args) {
            *text = masker.text(text);
        }
    }
    let text = match output {
        Output::Json => emit::documents(&[document(pod, &containers)], Format::Json),
        Output::Yaml => emit::documents(&[document(pod, &containers)], Format::Yaml),
        _ => plain(&containers),
    };
    streams.out.write_all(text.as_bytes())?;
    Ok(Exit::Done)
}

/// The pod of that name, or else the one that a real name belongs to.
fn find<'a>(name: &str, workloads: &'a [Workload]) -> Option<(&'a Workload, &'a Pod)> {
    let all = || {
        workloads
            .iter()
            .flat_map(|w| w.expansion.pods.iter().map(move |p| (w, p)))
    };
    let plain = name.strip_prefix("pod/").unwrap_or(name);
    all()
        .find(|(_, p)| p.name == plain)
        .or_else(|| all().find(|(_, p)| p.is_pattern() && resolve::fits(&p.name, plain)))
}

fn plain(containers: &[Resolved]) -> String {
    let mut out = String::new();
    for container in containers {
        let kind = if container.init {
            "init container"
        } else {
            "container"
        };
        let _ = writeln!(out, "# {kind} {}", container.name);
        for (name, value) in &container.env {
            let _ = writeln!(out, "{name}={value}");
        }
        for (title, words) in [("command", &container.command), ("args", &container.args)] {
            if !words.is_empty() {
                let words: Vec<String> = words
                    .iter()
                    .map(|w| crate::kubernetes::shell::shell_quote(w))
                    .collect();
                let _ = writeln!(out, "# {title}: {}", words.join(" "));
            }
        }
    }
    out
}

fn document(pod: &Pod, containers: &[Resolved]) -> Node {
    let words =
        |words: &[String]| Node::from(words.iter().map(|w| Node::from(w.as_str())).collect::<Vec<_>>());
    let one = |c: &Resolved| -> Node {
        let env = c.env.iter().map(|(name, value)| -> Node {
            Map::from_iter([
                ("name", Node::from(name.clone())),
                ("value", value.as_str().into()),
            ])
            .into()
        });
        Map::from_iter([
            ("name", Node::from(c.name.clone())),
            ("init", c.init.into()),
            ("env", env.collect::<Vec<Node>>().into()),
            ("command", words(&c.command)),
            ("args", words(&c.args)),
        ])
        .into()
    };
    Map::from_iter([
        ("pod", Node::from(pod.name.clone())),
        (
            "containers",
            containers.iter().map(one).collect::<Vec<Node>>().into(),
        ),
    ])
    .into()
}
