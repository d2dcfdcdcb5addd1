//! What `diff` and `apply` have in common: the objects of the input for one cluster, each with the set it belongs to.

use super::Streams;
use super::batch::{self, Mode};
use super::common::{self, Exit, Global, Input, Loaded, MaxLoss};
use super::{collide, render};
use crate::cluster::{ApplySet, Expected, Group};
use crate::compile::{self, DocumentKind, Settings};
use crate::diagnostic::mask::Masker;
use crate::dialect::Dialect;
use crate::ir::ROLE_LABEL;
use crate::source::Document;
use crate::value::Node;
use clap::Args;
use std::collections::BTreeMap;

/// Options of verbs that render for a cluster.
#[derive(Args, Debug)]
pub struct ForCluster {
    #[command(flatten)]
    pub input: Input,
    /// Orchestrator to render for; not needed if the input holds no specs
    #[arg(short, long, value_name = "TARGET")]
    pub target: Option<String>,
    /// The worst loss that is tolerated
    #[arg(long, value_enum, default_value = "warning")]
    pub max_loss: MaxLoss,
}

/// The objects of the input.
pub struct Rendered {
    /// By document.
    pub groups: Vec<Group>,
    /// Their secrets.
    pub masker: Masker,
    /// The pods that the specs become, if they were asked for.
    pub pods: Vec<Expected>,
}

impl Rendered {
    /// All objects in order.
    pub fn objects(&self) -> impl Iterator<Item = &Node> + Clone {
        self.groups.iter().flat_map(|g| &g.objects)
    }
}

/// Renders the input for a cluster whose context has this namespace, and predicts its pods if they are asked for. What is wrong with the input is told, and is the exit
/// code returned in the place of the objects.
///
/// # Errors
/// Failures of streams and files.
pub fn rendered(
    args: &ForCluster,
    namespace: &str,
    with_pods: bool,
    global: &Global,
    streams: &mut Streams<'_>,
) -> anyhow::Result<Result<Rendered, Exit>> {
    let targets = match common::targets(args.target.as_slice()) {
        Ok(targets) => targets,
        Err(message) => return Ok(Err(common::usage_error(&message, streams)?)),
    };
    let loaded = args.input.load();
    let specs = loaded
        .documents
        .iter()
        .any(|(_, kind)| *kind == DocumentKind::Serving);
    if specs && targets.is_empty() {
        let message =
            "the input holds a spec: say for which target, with -t; `kubectl infer targets` lists them";
        return Ok(Err(common::usage_error(message, streams)?));
    }
    let namespace = args
        .input
        .namespace
        .clone()
        .unwrap_or_else(|| namespace.to_owned());
    let jobs = std::thread::available_parallelism().map_or(1, Into::into);
    let outcomes = batch::run(
        &loaded,
        &targets,
        Some(namespace.as_str().into()),
        Mode::Render,
        jobs,
    );
    let mut findings = batch::general(&loaded.ledger, &loaded);
    findings.extend(collide::check(&loaded, &outcomes, &targets));
    let (mut groups, mut masker, mut pods) = (Vec::new(), Masker::default(), Vec::new());
    for ((document, kind), outcome) in loaded.documents.iter().zip(outcomes) {
        findings.extend(outcome.findings);
        let mut objects: Vec<Node> = outcome
            .objects
            .into_iter()
            .flatten()
            .filter(|o| !o.is_null())
            .collect();
        let set = match (kind, targets.first()) {
            (DocumentKind::Serving, Some(target)) => set_of(&document.root, &namespace, *target),
            _ => None,
        };
        if let Some(set) = &set {
            objects.iter_mut().for_each(|o| set.mark(o));
        }
        objects.iter().for_each(|o| drop(masker.learn(o)));
        if let Some(set) = set.as_ref().filter(|_| with_pods) {
            pods.extend(expected(document, &objects, set, &loaded, &namespace));
        }
        groups.push(Group { set, objects });
    }
    common::tell(&findings, global, streams)?;
    match render::exit(&findings, args.max_loss) {
        Exit::Done => Ok(Ok(Rendered { groups, masker, pods })),
        exit => Ok(Err(exit)),
    }
}

fn set_of(spec: &Node, namespace: &str, target: &dyn Dialect) -> Option<ApplySet> {
    let text = |key| spec.at(&["metadata", key]).and_then(Node::as_str);
    let namespace = text("namespace").unwrap_or(namespace);
    Some(ApplySet::new(text("name")?, namespace, target.info().name))
}

/// The pods that a spec becomes, by role.
fn expected(
    spec: &Document,
    objects: &[Node],
    set: &ApplySet,
    loaded: &Loaded,
    namespace: &str,
) -> Option<Expected> {
    let settings = Settings {
        sources: &loaded.sources,
        platform: &loaded.platform,
        templates: &loaded.templates,
        namespace: Some(namespace.into()),
        annotate_target: false,
    };
    let prediction = compile::predict(&batch::documents(spec, objects), &settings);
    let mut roles: BTreeMap<String, usize> = BTreeMap::new();
    for pod in prediction.workloads.iter().flat_map(|w| &w.expansion.pods) {
        let role = pod
            .labels
            .get(ROLE_LABEL)
            .and_then(Node::as_str)
            .unwrap_or_default();
        *roles.entry(role.to_owned()).or_default() += 1;
    }
    let serving = spec
        .root
        .at(&["metadata", "name"])
        .and_then(Node::as_str)?
        .to_owned();
    Some(Expected {
        serving,
        namespace: set.namespace.clone(),
        roles,
    })
}
