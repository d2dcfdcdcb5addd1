//! Grove's objects to pods (operator/internal/controller).
//!
//! A PodCliqueSet becomes PodCliques: one for each lone clique and replica of the set, and one for each member, replica of its
//! scaling group and replica of the set. Pods are predicted as they are once their gangs have been scheduled: the gate that
//! holds them until then is gone, except where it never goes.

mod children;
mod clique;
mod gangs;
mod object;
mod pod;
#[cfg(test)]
mod tests;

use super::admit;
use super::codes::{
    AUTOSCALER_REFUSED, BINDING, CLAIM_TEMPLATE, CLIQUE_SUFFIX, GANG_INCOMPLETE, NAME_CLASH, SERVICE_NAME,
    UNOWNED,
};
use super::operator::{KAI, Operator};
use super::read::{Group, Set};
use crate::diagnostic::{Diagnostic, Ledger, Severity};
use crate::dialect::Context;
use crate::dialect::shared::read::Reader;
use crate::kubernetes::names;
use crate::pods::scaling::autoscaled;
use crate::pods::{Expansion, Problem, REFUSED, Scene};
use crate::source::Document;
use crate::value::{Ids, Node, Str};
use clique::{PodClique, podcliques};
use std::collections::BTreeSet;

/// The kinds that are expanded.
pub(super) const KINDS: [&str; 4] = [
    "PodCliqueSet",
    "PodClique",
    "PodCliqueScalingGroup",
    "ClusterTopologyBinding",
];

/// The pods of an object of one of [`KINDS`].
pub(super) fn expand(document: &Document, scene: &Scene<'_>, cx: &mut Context<'_>) -> Expansion {
    match document.root.get("kind").and_then(Node::as_str) {
        Some("PodCliqueSet") => set(document, scene, cx),
        Some("ClusterTopologyBinding") => binding(document, cx),
        _ => managed(document, scene, cx.ledger),
    }
}

/// Children of a PodCliqueSet: their pods are predicted with it.
fn managed(document: &Document, scene: &Scene<'_>, ledger: &mut Ledger) -> Expansion {
    let mut expansion = Expansion::default();
    let root = &document.root;
    let text = |path: &[&str]| root.at(path).and_then(Node::as_str).map(Str::from);
    let kind = text(&["kind"]).unwrap_or_default();
    let owners = root.at(&["metadata", "ownerReferences"]).and_then(Node::as_seq);
    if owners.is_none_or(<[Node]>::is_empty) {
        let reason = format!("no PodCliqueSet owns this {kind}, so no pod comes of it");
        expansion.dead_end(&UNOWNED, reason, &root.ids, ledger);
        return expansion;
    }
    let set = text(&["metadata", "labels", "app.kubernetes.io/part-of"]).unwrap_or_default();
    let owned = |d: &Document| d.root.at(&["metadata", "name"]).and_then(Node::as_str) == Some(&set);
    if !scene
        .of_kind("PodCliqueSet", &scene.namespace_of(root))
        .any(owned)
    {
        let reason = format!(
            "the pods of a {kind} are predicted with its PodCliqueSet, `{set}`, which is not in the input"
        );
        let said = Diagnostic::new(&UNOWNED, reason).at_ids(&root.ids);
        ledger.report(said.severity(Severity::Warning));
    }
    expansion
}

/// A ClusterTopologyBinding has no pods; it is here because it can be refused.
fn binding(document: &Document, cx: &mut Context<'_>) -> Expansion {
    let (mut expansion, mut problems) = (Expansion::default(), Vec::new());
    let operator = Operator::new(cx);
    let mut r = Reader::new(&document.root, &BINDING, &mut problems);
    r.name();
    let (mut domains, mut keys) = (BTreeSet::new(), BTreeSet::new());
    let levels = r.list("spec.levels");
    if levels.is_empty() {
        r.problem("spec.levels", &BINDING, "has no level");
    }
    for (n, level) in levels.iter().enumerate() {
        let mut r = r.below(level, &format!("spec.levels[{n}]"));
        let domain = r.string("domain").unwrap_or_default().value;
        let key = r.string("key").unwrap_or_default().value;
        let lower = domain.starts_with(|c: char| c.is_ascii_lowercase())
            && domain
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !lower || domain.len() > names::LABEL_MAX {
            r.problem("domain", &BINDING, "is not lower case letters, digits and dashes");
        } else if !domains.insert(domain) {
            r.problem("domain", &BINDING, "is that of a level before");
        }
        if key.len() > names::LABEL_MAX || names::qualified_key(&key).is_err() {
            r.problem("key", &BINDING, "is not a label of up to 63 characters");
        } else if !keys.insert(key) {
            r.problem("key", &BINDING, "is that of a level before");
        }
    }
    let mut schedulers = BTreeSet::new();
    for (n, reference) in r.list("spec.schedulerTopologyBindings").iter().enumerate() {
        let mut r = r.below(reference, &format!("spec.schedulerTopologyBindings[{n}]"));
        let name = r.string("schedulerName").unwrap_or_default().value;
        if name != KAI {
            r.problem(
                "schedulerName",
                &BINDING,
                "is not `kai-scheduler`, the only one that heeds topologies",
            );
        } else if !operator.may_schedule(&name) {
            r.problem("schedulerName", &BINDING, "is not enabled");
        }
        if !schedulers.insert(name) {
            r.problem("schedulerName", &BINDING, "is there twice");
        }
    }
    expansion.reject_all(problems, cx.ledger);
    expansion
}

fn set(document: &Document, scene: &Scene<'_>, cx: &mut Context<'_>) -> Expansion {
    let (mut expansion, mut problems) = (Expansion::default(), Vec::new());
    let operator = Operator::new(cx);
    let mut set = Set::read(&document.root, scene.namespace_of(&document.root), &mut problems);
    admit::check(&set, &operator, scene, &mut problems);
    expansion.reject_all(problems, cx.ledger);
    for clique in &set.cliques {
        clique
            .judgement
            .warnings
            .iter()
            .for_each(|w| cx.ledger.report(w.clone()));
    }
    if !expansion.is_open() {
        return expansion;
    }
    let (kind, name) = ("PodCliqueSet", set.name.value.clone());
    set.replicas = autoscaled(scene, kind, &name, &set.namespace, set.replicas);
    expansion.children = children::of_every_set(&set);
    if set.replicas.value == 0 {
        return expansion;
    }
    let specs: Vec<&Node> = set.cliques.iter().map(|c| &c.pod_spec).collect();
    if !expansion.affordable(size(&set), &specs, &set.replicas.ids, cx.ledger) {
        return expansion;
    }
    if stops_early(&set, scene, &mut expansion, cx.ledger) {
        let named = expansion
            .outcome
            .verdict()
            .is_none_or(|v| v.code != &SERVICE_NAME);
        expansion
            .children
            .extend(named.then(|| children::services(&set)).into_iter().flatten());
        return expansion;
    }
    make(&set, &operator, scene, &mut expansion, cx.ledger);
    expansion
}

/// How many pods there will be at most, and gangs of nothing: with a clique taken for another one, as many as of the largest.
fn size(set: &Set) -> u64 {
    let number = |n: i64| u64::try_from(n).unwrap_or_default();
    let largest = || {
        let sizes = set.cliques.iter().map(|c| c.replicas.value);
        number(sizes.max().unwrap_or_default())
    };
    let ambiguous = set.cliques.iter().enumerate().any(|(n, c)| {
        let name = c.name.value.as_str();
        set.cliques[n + 1..].iter().any(|d| d.name.value.ends_with(name)) || name.contains('-')
    });
    let of = |clique: &super::read::Clique| {
        let scaled = clique
            .scaling
            .as_ref()
            .map_or(0, |s| number(s.bound(clique.replicas.value)));
        let own = number(clique.replicas.value).max(scaled);
        if ambiguous { own.max(largest()) } else { own }
    };
    let lone = set
        .cliques
        .iter()
        .filter(|c| set.group_of(&c.name.value).is_none())
        .map(of);
    let groups = set.groups.iter().map(|g| {
        let pods: u64 = g.members(set).map(of).fold(0, u64::saturating_add);
        number(replicas(g)).saturating_mul(pods.max(1))
    });
    let slice = lone.chain(groups).fold(0, u64::saturating_add);
    slice.saturating_mul(number(set.replicas.value))
}

/// The replicas of a group after its autoscaler's first look.
fn replicas(group: &Group) -> i64 {
    let own = group.replicas.value;
    group.scaling.as_ref().map_or(own, |s| s.bound(own))
}

/// Whether something that is made before PodCliques cannot be made.
fn stops_early(set: &Set, scene: &Scene<'_>, expansion: &mut Expansion, ledger: &mut Ledger) -> bool {
    let name = &set.name;
    if let Err(why) = names::dns_label(&format!("{}-{}", name.value, set.replicas.value - 1)) {
        let reason = format!(
            "Kubernetes refuses the headless Service `{}-0`: {why}",
            name.value
        );
        expansion.dead_end(&SERVICE_NAME, reason, &name.ids, ledger);
    }
    for group in &set.groups {
        let Some(scaling) = &group.scaling else { continue };
        if scaling.max.value < scaling.min.value.max(1) {
            let reason = format!(
                "Kubernetes refuses the autoscaler of the scaling group `{}`: `maxReplicas` is {}, below {}",
                group.name.value, scaling.max.value, scaling.min.value
            );
            let ids = if scaling.max.ids.is_empty() {
                &scaling.ids
            } else {
                &scaling.max.ids
            };
            expansion.dead_end(&AUTOSCALER_REFUSED, reason, ids, ledger);
        }
    }
    if let Some((name, ids)) = missing_claim(set, &set.sharing, scene) {
        expansion.dead_end(&CLAIM_TEMPLATE, claim_reason(&name), &ids, ledger);
    }
    !expansion.is_open()
}

fn claim_reason(name: &str) -> String {
    format!(
        "the ResourceClaimTemplate `{name}` of shared claims is not in the input; without it there are no pods"
    )
}

/// The first of a list of shared claims whose template is neither the set's own nor in the input.
fn missing_claim(set: &Set, list: &[Node], scene: &Scene<'_>) -> Option<(Str, Ids)> {
    let text = |node: &Node, key| node.get(key).and_then(Node::as_str).map(Str::from);
    list.iter().find_map(|entry| {
        let name = text(entry, "name")?;
        let namespace = text(entry, "namespace").filter(|n| !n.is_empty());
        let own = |t: &Node| text(t, "name").as_ref() == Some(&name);
        if namespace.is_none() && set.claim_templates.iter().any(own) {
            return None;
        }
        let namespace = namespace.unwrap_or_else(|| set.namespace.clone());
        let found = scene
            .of_kind("ResourceClaimTemplate", &namespace)
            .any(|d| d.root.at(&["metadata", "name"]).and_then(Node::as_str) == Some(name.as_str()));
        (!found).then(|| (name, entry.ids.clone()))
    })
}

fn make(set: &Set, operator: &Operator, scene: &Scene<'_>, expansion: &mut Expansion, ledger: &mut Ledger) {
    let scheduler = operator.scheduler_of(set);
    let mut cliques = podcliques(set);
    say_mistaken(set, &cliques, ledger);
    let problems = refused(set, &mut cliques, scene);
    let held = gates(&mut cliques);
    children::add(set, &cliques, operator, scene, &scheduler, expansion);
    let maker = pod::Maker::new(set, operator, &scheduler);
    cliques.iter().for_each(|c| maker.pods(c, &mut expansion.pods));
    for Problem { code, reason, ids } in problems {
        expansion.incomplete(code, reason, &ids, ledger);
    }
    if let Some(held) = held {
        let reason = format!(
            "the base gang asks for {} pods of `{}` and gets {}, so further replicas are held back for ever",
            held.clique.min_available.value, held.name, held.count
        );
        expansion.incomplete(&GANG_INCOMPLETE, reason, &held.clique.ids, ledger);
    }
}

/// PodCliques made from another clique's template, and those that two ask for.
fn say_mistaken(set: &Set, cliques: &[PodClique<'_>], ledger: &mut Ledger) {
    let mut said: BTreeSet<(&str, &str)> = BTreeSet::new();
    for made in cliques {
        let (own, other) = (made.clique.name.value.as_str(), made.template.name.value.as_str());
        if own != other && said.insert((own, other)) {
            let reason = format!(
                "`{own}` gets the pods of `{other}`: Grove takes the first clique whose name `{}` ends with",
                made.name
            );
            let said = Diagnostic::new(&CLIQUE_SUFFIX, reason).at_ids(&made.clique.name.ids);
            ledger.report(
                said.severity(Severity::Warning)
                    .label(made.template.name.at(), "taken for it"),
            );
        }
    }
    for clique in set
        .cliques
        .iter()
        .filter(|c| set.group_of(&c.name.value).is_none())
    {
        let taken =
            clique::members(set, 0).find(|(name, _)| *name == clique::lone_name(set, 0, &clique.name.value));
        if let Some((name, member)) = taken {
            let reason = format!(
                "the lone clique `{}` and the member `{}` are both the PodClique `{name}`: there is one of it",
                clique.name.value, member.name.value
            );
            let said = Diagnostic::new(&NAME_CLASH, reason).at_ids(&clique.name.ids);
            ledger.report(
                said.severity(Severity::Warning)
                    .label(member.name.at(), "the member"),
            );
        }
        let scaled = |g: &&Group| g.name.value == clique.name.value && g.scaling.is_some();
        if let (Some(_), Some(group)) = (&clique.scaling, set.groups.iter().find(scaled)) {
            let reason = format!(
                "the clique `{}` is not scaled: the scaling group of its name has the autoscaler",
                clique.name.value
            );
            let said = Diagnostic::new(&NAME_CLASH, reason).at_ids(&clique.name.ids);
            ledger.report(
                said.severity(Severity::Warning)
                    .label(group.name.at(), "the group"),
            );
        }
    }
}

/// Takes the pods from PodCliques that get none, and tells why.
fn refused(set: &Set, cliques: &mut [PodClique<'_>], scene: &Scene<'_>) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    let mut say = |problem: Problem| {
        if !problems
            .iter()
            .any(|p| p.code == problem.code && p.ids == problem.ids)
        {
            problems.push(problem);
        }
    };
    for made in cliques {
        let last = format!("{}-{}", made.name, made.count.saturating_sub(1));
        let lists = [
            made.group.map_or(&[][..], |(g, _)| &g.sharing),
            &made.clique.sharing,
        ];
        let missing = lists.iter().find_map(|list| missing_claim(set, list, scene));
        if !made.template.judgement.pod.is_empty() {
            made.template.judgement.pod.iter().cloned().for_each(&mut say);
        } else if let Err(why) = names::dns_label(&last) {
            let reason = format!(
                "Kubernetes refuses the pods of `{}`: their host name `{last}`: {why}",
                made.name
            );
            say(Problem::new(&REFUSED, reason, &made.clique.name.ids));
        } else if let Some((name, ids)) = missing {
            say(Problem::new(&CLAIM_TEMPLATE, claim_reason(&name), &ids));
        } else {
            continue;
        }
        made.count = 0;
    }
    problems
}

/// Gates what is held back for ever: the pods of scaled gangs whose base gang asks for more pods than there are. Returns a
/// PodClique that lacks pods, if others wait for it.
fn gates<'a>(cliques: &mut [PodClique<'a>]) -> Option<PodClique<'a>> {
    let lacks = |c: &&PodClique<'_>| c.is_base() && i64::from(c.count) < c.clique.min_available.value;
    let lacking: Vec<PodClique<'a>> = cliques.iter().filter(lacks).cloned().collect();
    let mut held = None;
    for made in cliques.iter_mut().filter(|c| !c.is_base()) {
        if let Some(cause) = lacking.iter().find(|c| c.slice == made.slice) {
            made.gated = true;
            held = held.or_else(|| (made.count > 0 && cause.count > 0).then(|| cause.clone()));
        }
    }
    held
}
