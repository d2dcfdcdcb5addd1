//! KVCaches: pools of memory that engines share. Of each come the pods that hold the cache, the pods that know who they are,
//! and Services.

mod read;
mod steps;
mod store;
mod vineyard;

use super::admission::{CACHE, CACHE_IGNORED, WEBHOOK};
use super::admit::cut_unknown;
use super::read::How;
use crate::diagnostic::{Diagnostic, Ledger};
use crate::kubernetes::names;
use crate::kubernetes::podspec::Type;
use crate::pods::stateful_set::{MOST_NAME, MadePod, StatefulSet};
use crate::pods::template::{judge, refused_by_workloads};
use crate::pods::{Child, Expansion, Pod, Problem, REFUSED, deployment};
use crate::value::{Ids, Map, Node};
use read::KvCache;
use steps::{Step, Template, Workload};

/// The kind.
pub const KIND: &str = "KVCache";

/// Why nothing can be made.
#[derive(Debug)]
pub struct Dead {
    reason: String,
    ids: Ids,
}

impl Dead {
    /// A reason and its place.
    pub fn new(reason: &str, ids: &Ids) -> Self {
        Self {
            reason: reason.to_owned(),
            ids: ids.clone(),
        }
    }
}

/// The pods of a KVCache.
pub fn expand(root: &Node, how: How, namespace: &str, ledger: &mut Ledger) -> Expansion {
    let mut expansion = Expansion::default();
    let (cache, problems) = read::kv_cache(root, how);
    expansion.reject_all(problems, ledger);
    let known = ["vineyard", "hpkv", "infinistore"].contains(&cache.backend.value.as_str());
    if !known {
        let reason = format!(
            "`{}` is none of the backends vineyard, hpkv, infinistore",
            cache.backend.value
        );
        if how.webhooks {
            expansion.reject(&WEBHOOK, reason, &cache.backend.ids, ledger);
        } else {
            expansion.dead_end(&CACHE, reason, &cache.backend.ids, ledger);
        }
    }
    if !expansion.is_open() || !affordable(&cache, root, &mut expansion, ledger) {
        return expansion;
    }
    say_ignored(&cache, ledger);
    let steps = match cache.backend.value.as_str() {
        "vineyard" => vineyard::steps(&cache, namespace),
        _ => store::steps(&cache, namespace),
    };
    match steps {
        Ok(steps) => run(&cache, steps, &mut expansion, ledger),
        Err(dead) => expansion.dead_end(&CACHE, dead.reason, &dead.ids, ledger),
    }
    expansion
}

/// Asked before the first pod is made.
fn affordable(cache: &KvCache, root: &Node, expansion: &mut Expansion, ledger: &mut Ledger) -> bool {
    /// About as many nodes as a pod has beside what the user says.
    const OWN: usize = 100;
    let etcd = cache
        .metadata
        .as_ref()
        .and_then(|m| m.etcd.as_ref()?.runtime.as_ref());
    let counts = [Some(&cache.cache), etcd].into_iter().flatten();
    let whole = |n: i64| u64::try_from(n).unwrap_or(0);
    let count = counts
        .map(|r| whole(r.replicas.value))
        .fold(0, u64::saturating_add);
    let templates = Node::from(vec![root.clone(), vec![Node::default(); OWN].into()]);
    expansion.affordable(count, &[&templates], &root.ids, ledger)
}

/// What the backends do not read.
fn say_ignored(cache: &KvCache, ledger: &mut Ledger) {
    let mut say = |message: &str, ids: &Ids| {
        ledger.report(Diagnostic::new(&CACHE_IGNORED, message).at_ids(ids));
    };
    let runtime = &cache.cache;
    match cache.backend.value.as_str() {
        "infinistore" => {
            if let Some(entry) = runtime.env.first() {
                say(
                    "the servers of infinistore get none of the variables of `cache.env`",
                    &entry.ids,
                );
            }
        }
        "vineyard" => {
            if let Some(template) = &runtime.template {
                say("`cache.template` is ignored with vineyard", &template.ids);
            }
        }
        _ => {}
    }
}

/// Makes one after the other. What comes after something that is refused is never made.
fn run(cache: &KvCache, steps: Vec<Step>, expansion: &mut Expansion, ledger: &mut Ledger) {
    let ids = &cache.meta.name.ids;
    for step in steps {
        let refused = match step {
            Step::Pod(pod) => made(pod, ids, expansion),
            Step::Object(child) => object(child, ids, expansion),
            Step::StatefulSet(set) => stateful_set(cache, set, expansion, ledger),
            Step::Deployment(set) => workload(cache, "Deployment", &set).map(|template| {
                let name = &cache.meta.name.value;
                let one = deployment::pod(name, &template.labels, &template.annotations, &template.spec);
                expansion
                    .children
                    .push(child(cache, "Deployment", &set, &template));
                expansion
                    .pods
                    .extend((0..count(&set)).map(|replica| pod(replica, one.clone())));
            }),
        };
        if let Err(problem) = refused {
            let reason = format!("{} (nothing else is made after it)", problem.reason);
            stop(expansion, Problem { reason, ..problem }, ledger);
            return;
        }
    }
}

fn stop(expansion: &mut Expansion, problem: Problem, ledger: &mut Ledger) {
    if expansion.pods.is_empty() {
        expansion.dead_end(problem.code, problem.reason, &problem.ids, ledger);
    } else {
        expansion.incomplete(problem.code, problem.reason, &problem.ids, ledger);
    }
}

fn count(set: &Workload) -> u32 {
    u32::try_from(set.replicas).unwrap_or(0)
}

/// A template as a pod or workload has it: without what the CRD prunes, and not refused.
fn judged(template: &Template, ids: &Ids) -> Result<Template, Problem> {
    let mut node = steps::map([
        (
            "metadata",
            steps::map([
                ("labels", template.labels.clone().into()),
                ("annotations", template.annotations.clone().into()),
            ]),
        ),
        ("spec", template.spec.clone()),
    ]);
    if let Some(object) = Type::PodTemplateSpec.object() {
        cut_unknown(&mut node, object);
    }
    let judgement = judge(&node, &[], &REFUSED, ids);
    match judgement.schema.into_iter().chain(judgement.pod).next() {
        Some(problem) => Err(problem),
        None => Ok(Template {
            spec: node.get("spec").cloned().unwrap_or_default(),
            ..template.clone()
        }),
    }
}

fn made(pod: Pod, ids: &Ids, expansion: &mut Expansion) -> Result<(), Problem> {
    if let Err(why) = names::dns_subdomain(&pod.name) {
        let reason = format!("the pod `{}` cannot be made: {why}", pod.name);
        return Err(Problem::new(&CACHE, reason, ids));
    }
    let template = Template {
        labels: pod.labels.clone(),
        annotations: pod.annotations.clone(),
        spec: pod.spec.clone(),
    };
    let Template { spec, .. } = judged(&template, ids)?;
    expansion.pods.push(Pod { spec, ..pod });
    Ok(())
}

fn object(child: Child, ids: &Ids, expansion: &mut Expansion) -> Result<(), Problem> {
    let name = if child.kind == "Service" {
        names::dns_label(&child.name)
    } else {
        Ok(())
    };
    if let Err(why) = name {
        let reason = format!("the Service `{}` cannot be made: {why}", child.name);
        return Err(Problem::new(&CACHE, reason, ids));
    }
    expansion.children.push(child);
    Ok(())
}

/// What the API server says of a workload and its template.
fn workload(cache: &KvCache, kind: &str, set: &Workload) -> Result<Template, Problem> {
    let replicas = &cache.cache.replicas;
    if replicas.value < 0 {
        let reason = format!("the {kind} cannot be made: `cache.replicas` is below 0");
        return Err(Problem::new(&CACHE, reason, &replicas.ids));
    }
    let template = judged(&set.template, &cache.meta.name.ids)?;
    let whole = steps::map([("spec", template.spec.clone())]);
    refused_by_workloads(&whole).map_or(Ok(template), Err)
}

/// A StatefulSet is stored under names that its pods cannot have.
fn stateful_set(
    cache: &KvCache,
    set: Workload,
    expansion: &mut Expansion,
    ledger: &mut Ledger,
) -> Result<(), Problem> {
    let template = workload(cache, "StatefulSet", &set)?;
    expansion
        .children
        .push(child(cache, "StatefulSet", &set, &template));
    let name = &cache.meta.name;
    let wrong = match names::dns_label(&name.value) {
        Err(why) => Some(why),
        Ok(()) if name.value.len() > MOST_NAME => Some(format!("more than {MOST_NAME} characters")),
        Ok(()) => None,
    };
    if let Some(why) = wrong {
        let reason = format!("no pod of StatefulSet `{}` can be made: {why}", name.value);
        stop(expansion, Problem::new(&CACHE, reason, &name.ids), ledger);
        return Ok(());
    }
    let pods = StatefulSet {
        name: &name.value,
        service: "",
        labels: &template.labels,
        annotations: &template.annotations,
        spec: &template.spec,
        claims: &[],
    };
    let all = (0..count(&set)).map(|replica| pod(replica, pods.pod(replica)));
    expansion.pods.extend(all);
    Ok(())
}

fn pod(replica: u32, made: MadePod) -> Pod {
    Pod {
        role: "cache".into(),
        replica,
        name: made.name,
        generate_name: Some(made.generate_name),
        labels: made.labels,
        annotations: made.annotations,
        spec: made.spec,
        ..Pod::default()
    }
}

fn child(cache: &KvCache, kind: &str, set: &Workload, template: &Template) -> Child {
    let labels = || Node::from(cache.labels("cache"));
    let metadata = |labels: Node, annotations: &Map| {
        let mut metadata = steps::map([("labels", labels)]);
        if !annotations.is_empty() {
            metadata.set("annotations", annotations.clone());
        }
        metadata
    };
    let template = steps::map([
        (
            "metadata",
            metadata(template.labels.clone().into(), &template.annotations),
        ),
        ("spec", template.spec.clone()),
    ]);
    let spec = steps::map([
        ("replicas", set.replicas.into()),
        ("selector", steps::map([("matchLabels", labels())])),
        ("template", template),
    ]);
    Child {
        api_version: "apps/v1".into(),
        kind: kind.into(),
        name: cache.meta.name.value.clone(),
        owner: (KIND.into(), cache.meta.name.value.clone()),
        object: steps::map([("metadata", metadata(labels(), &Map::new())), ("spec", spec)]),
    }
}
