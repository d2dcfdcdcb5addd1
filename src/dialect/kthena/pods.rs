//! ModelServings that were admitted to pods: what never becomes one, and what the controller makes of the rest.

use super::admit;
use super::answers::VARIABLES;
use super::children::{self, OWN_LABELS, PREFIX};
use super::codes::{COLLISION, DROPPED, NO_GANG, RESERVED, SCHEMA};
use super::make::{Maker, Place};
use super::options::Platform;
use super::plugins::Chain;
use super::read::{self, ModelServing, Role};
use crate::diagnostic::{Diagnostic, Ledger, Severity};
use crate::dialect::Context;
use crate::kubernetes::container::list;
use crate::pods::Expansion;
use crate::pods::template::judge;
use crate::source::Document;
use crate::spec::decode::Decoder;
use crate::value::{Ids, Node, Str, Value};

/// The kind.
pub const KIND: &str = "ModelServing";
/// How the operators run.
pub fn platform(cx: &mut Context<'_>) -> Platform {
    let mut decoder = Decoder {
        sources: cx.sources,
        ledger: cx.ledger,
    };
    cx.platform.section("kthena", &mut decoder)
}

/// Says which fields the API server drops.
pub fn say_dropped(dropped: &[(String, Ids)], ledger: &mut Ledger) {
    for (path, ids) in dropped {
        let message = format!("`{path}` is unknown to Kthena and dropped in silence");
        ledger.report(Diagnostic::new(&DROPPED, message).at_key(ids.first()));
    }
}

/// The pods and children of a ModelServing that was admitted. `before` are those that were made earlier in its namespace.
pub fn expand_read(
    serving: &ModelServing,
    namespace: &str,
    platform: &Platform,
    before: &[ModelServing],
    expansion: &mut Expansion,
    ledger: &mut Ledger,
) {
    warn(serving, platform, ledger);
    let chain = match Chain::build(serving, platform) {
        Ok(chain) => chain,
        Err(problem) => return expansion.dead_end(problem.code, problem.reason, &problem.ids, ledger),
    };
    let maker = Maker {
        serving,
        namespace: namespace.into(),
        gang: serving.is_volcano() && platform.has_volcano(),
        chain: &chain,
    };
    if !affordable(&maker, expansion, ledger) {
        return;
    }
    let Some(fates) = fates(&maker, expansion, ledger) else {
        return;
    };
    if serving.replicas.value > 0 {
        expansion.children.push(children::revision(serving));
    }
    pods(&maker, &fates, platform, expansion);
    collisions(serving, before, expansion, ledger);
}

/// Asked before the first pod is made.
fn affordable(maker: &Maker<'_>, expansion: &mut Expansion, ledger: &mut Ledger) -> bool {
    /// Variables that plugins repeat without end are as dear as pods.
    const REPEATED: u64 = 5_000_000;
    let serving = maker.serving;
    let templates = serving
        .roles
        .iter()
        .flat_map(|r| [Some(&r.entry), r.worker.as_ref()]);
    let templates: Vec<&Node> = templates.flatten().collect();
    let groups = u64::try_from(serving.replicas.value).unwrap_or(0);
    let count = match maker.repeated() {
        n if n > REPEATED => u64::MAX,
        _ => serving.pods().max(groups),
    };
    expansion.affordable(count, &templates, &serving.root.ids, ledger)
}

/// Which pods of a role Kubernetes takes.
#[derive(Clone, Copy, Debug)]
struct Fate {
    entry: bool,
    workers: bool,
}

/// What becomes of each role; nothing if no pod can come of the object: a refused first pod stops everything.
fn fates(maker: &Maker<'_>, expansion: &mut Expansion, ledger: &mut Ledger) -> Option<Vec<Fate>> {
    let serving = maker.serving;
    let mut first = true;
    let mut all = Vec::new();
    for role in &serving.roles {
        let mut fate = Fate {
            entry: true,
            workers: true,
        };
        let wanted = serving.replicas.value > 0 && role.replicas.value > 0;
        let ranks: &[u32] = match role.workers.value {
            0 => &[0],
            _ => &[0, 1],
        };
        for rank in ranks.iter().filter(|_| wanted) {
            let refused = refused(maker, role, *rank, first && *rank == 0, expansion, ledger);
            match rank {
                0 => fate.entry = !refused,
                _ => fate.workers = !refused,
            }
            if refused && first && *rank == 0 {
                return None;
            }
        }
        first &= !wanted;
        all.push(fate);
    }
    Some(all)
}

/// Whether Kubernetes refuses a pod. All that is wrong with it is said.
fn refused(
    maker: &Maker<'_>,
    role: &Role,
    rank: u32,
    everything: bool,
    expansion: &mut Expansion,
    ledger: &mut Ledger,
) -> bool {
    let place = Place {
        role,
        group: 0,
        replica: 0,
        rank,
    };
    let template = if rank == 0 {
        Some(&role.entry)
    } else {
        role.worker.as_ref()
    };
    let mut whole = template.cloned().unwrap_or_else(Node::map);
    whole.set("spec", maker.pod(place).spec);
    drawn(&mut whole, maker.serving.name.value.contains('<'));
    let judgement = judge(&whole, &[], &SCHEMA, &role.name.ids);
    judgement
        .warnings
        .into_iter()
        .for_each(|said| ledger.report(said));
    let name = &role.name.value;
    let what = match (everything, rank) {
        (true, _) => {
            format!("the entry pod of role `{name}` is the first, so no pod comes of the whole object")
        }
        (_, 0) => format!("role `{name}` gets no pods"),
        _ => format!("role `{name}` gets no workers"),
    };
    let problems: Vec<_> = judgement.schema.into_iter().chain(judgement.pod).collect();
    for problem in &problems {
        let reason = format!("{} ({what})", problem.reason);
        if everything {
            expansion.dead_end(&crate::pods::REFUSED, reason, &problem.ids, ledger);
        } else {
            expansion.incomplete(&crate::pods::REFUSED, reason, &problem.ids, ledger);
        }
    }
    !problems.is_empty()
}

/// Gives labels that are not known before a value that is as good: hashes of a controller that made the ModelServing, and the
/// random end of a generated name.
fn drawn(template: &mut Node, generated: bool) {
    let Value::Map(labels) = &mut template.at_mut(&["metadata", "labels"]).value else {
        return;
    };
    for (_, label) in labels.iter_mut() {
        let text = label.as_str().filter(|_| generated || label.ids.is_empty());
        if let Some(text) = text.filter(|text| text.contains('<')) {
            label.value = Value::Str(text.replace("<hash>", "x").replace("<random:5>", "xxxxx").into());
        }
    }
}

fn to_u32(n: i64) -> u32 {
    u32::try_from(n.max(0)).unwrap_or(u32::MAX)
}

fn pods(maker: &Maker<'_>, fates: &[Fate], platform: &Platform, expansion: &mut Expansion) {
    let serving = maker.serving;
    let groups = 0..to_u32(serving.replicas.value);
    let spec = maker.gang.then(|| children::pod_group_spec(serving, platform));
    let roles = || serving.roles.iter().zip(fates).filter(|(_, fate)| fate.entry);
    for group in groups.clone() {
        expansion.children.extend(
            spec.as_ref()
                .map(|spec| children::pod_group(serving, group, spec)),
        );
        for (role, fate) in roles() {
            let last = if fate.workers {
                to_u32(role.workers.value)
            } else {
                0
            };
            for replica in 0..to_u32(role.replicas.value) {
                let pods = (0..=last).map(|rank| {
                    maker.pod(Place {
                        role,
                        group,
                        replica,
                        rank,
                    })
                });
                expansion.pods.extend(pods);
            }
        }
    }
    for group in groups {
        for (role, _) in roles().filter(|(role, _)| role.worker.is_some()) {
            let services =
                (0..to_u32(role.replicas.value)).map(|r| children::service(serving, role, group, r));
            expansion.children.extend(services);
        }
    }
}

/// Those of `others` that are admitted and whose pods may have the same names as those of the ModelServing `own`.
pub fn earlier<'a>(
    own: &str,
    others: impl Iterator<Item = &'a Document>,
    platform: &Platform,
) -> Vec<ModelServing> {
    let name = |d: &Document| -> Str {
        let name = d.root.at(&["metadata", "name"]).and_then(Node::as_str);
        name.unwrap_or_default().into()
    };
    let begins = |long: &str, short: &str| long.strip_prefix(short).is_some_and(|rest| rest.starts_with('-'));
    others
        .filter(|d| begins(own, &name(d)) || begins(&name(d), own))
        .map(|d| read::model_serving(&d.root, platform))
        .filter(|read| read.problems.is_empty() && admit::model_serving(&read.object, platform).is_empty())
        .map(|read| read.object)
        .collect()
}

/// A pod whose name is taken is waited for in silence, for ever.
fn collisions(
    serving: &ModelServing,
    before: &[ModelServing],
    expansion: &mut Expansion,
    ledger: &mut Ledger,
) {
    if before.is_empty() {
        return;
    }
    let mut taken: Option<(Str, Str)> = None;
    expansion.pods.retain(|pod| {
        let owner = before.iter().find(|other| owns(other, &pod.name));
        if let Some(owner) = owner {
            taken.get_or_insert_with(|| (pod.name.clone(), owner.name.value.clone()));
        }
        owner.is_none()
    });
    let Some((pod, owner)) = taken else { return };
    let reason =
        format!("`{pod}` is the name of a pod of ModelServing `{owner}` as well, which is made first");
    let ids = &serving.name.ids;
    if expansion.pods.is_empty() {
        expansion.dead_end(&COLLISION, reason, ids, ledger);
    } else {
        expansion.incomplete(&COLLISION, reason, ids, ledger);
    }
}

/// Whether a ModelServing has a pod of that name.
fn owns(serving: &ModelServing, pod: &str) -> bool {
    let below = |text: &str, most: i64| {
        let n = text.parse::<i64>().ok().filter(|n| n.to_string() == text);
        n.is_some_and(|n| n < most)
    };
    let rest = pod
        .strip_prefix(serving.name.value.as_str())
        .and_then(|r| r.strip_prefix('-'));
    let Some((group, rest)) = rest.and_then(|r| r.split_once('-')) else {
        return false;
    };
    let of = |role: &Role| {
        let rest = rest.strip_prefix(role.name.value.as_str())?.strip_prefix('-')?;
        let (replica, rank) = rest.split_once('-')?;
        Some(below(replica, role.replicas.value) && below(rank, role.workers.value.saturating_add(1)))
    };
    below(group, serving.replicas.value) && serving.roles.iter().any(|r| of(r) == Some(true))
}

/// What is accepted and does something else than it says.
fn warn(serving: &ModelServing, platform: &Platform, ledger: &mut Ledger) {
    for role in &serving.roles {
        let templates = [Some(&role.entry), role.worker.as_ref()];
        templates.into_iter().flatten().for_each(|t| reserved(t, ledger));
    }
    if serving.is_volcano() && platform.has_volcano() {
        return;
    }
    let template = |key: &str| serving.root.at(&["spec", "template", key]).map(|n| n.ids.clone());
    let ignored = [
        ("gangPolicy", template("gangPolicy")),
        ("networkTopology", template("networkTopology")),
        ("queue", serving.queue.as_ref().map(|q| q.ids.clone())),
    ];
    for (what, ids) in ignored
        .iter()
        .filter_map(|(what, ids)| Some((what, ids.as_ref()?)))
    {
        let message = format!(
            "`{what}` is ignored in silence: PodGroups are only made with `schedulerName: volcano`, where Volcano is installed"
        );
        ledger.report(Diagnostic::new(&NO_GANG, message).at_ids(ids));
    }
}

fn reserved(template: &Node, ledger: &mut Ledger) {
    let entries = |key: &str| template.at(&["metadata", key]).and_then(Node::as_map);
    let warning = |message: String, ids: &Ids| {
        Diagnostic::new(&RESERVED, message)
            .at_key(ids.first())
            .severity(Severity::Warning)
    };
    let labels = entries("labels").into_iter().flatten();
    let own = |key: &str| key.strip_prefix(PREFIX).is_some_and(|k| OWN_LABELS.contains(&k));
    for (key, value) in labels.filter(|(key, _)| own(key)) {
        let message = format!("the label `{key}` replaces the controller's own, which it finds its pods by");
        ledger.report(warning(message, &value.ids));
    }
    let spec = template.get("spec");
    let containers = ["initContainers", "containers"]
        .into_iter()
        .flat_map(|key| spec.map(|s| list(s, key)));
    for entry in containers.flatten().flat_map(|c| list(c, "env")) {
        let name = entry.get("name").and_then(Node::as_str).unwrap_or_default();
        if VARIABLES.iter().any(|(own, _)| *own == name) {
            let message = format!("the variable `{name}` is removed and written anew by the controller");
            ledger.report(warning(message, &entry.ids));
        }
    }
}
