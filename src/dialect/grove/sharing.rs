//! ResourceClaims that pods share: options as Grove spells them, checked as its webhook does.

use super::codes::RESOURCE_SHARING;
use super::layout::Layout;
use super::options::Options;
use crate::diagnostic::{Diagnostic, Ledger};
use crate::value::Node;

/// Where a list of shared claims stands, and so what its filters may name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// Of the PodCliqueSet.
    Set,
    /// Of a scaling group.
    Group,
    /// Of a clique.
    Clique,
}

/// Reports templates and shared claims that the webhook refuses.
pub fn check(layout: &Layout<'_>, options: &Options, ledger: &mut Ledger) {
    let templates = options.resource_claim_templates.as_deref().unwrap_or_default();
    let say = &mut |at: &Node, message: String| {
        ledger.report(Diagnostic::new(&RESOURCE_SHARING, message).at_ids(&at.ids));
    };
    check_templates(templates, say);
    let cliques: Vec<&str> = layout.cliques().map(|(_, c)| c.name.value.as_str()).collect();
    let groups: Vec<&str> = layout
        .roles
        .iter()
        .filter_map(|r| r.group.as_ref())
        .map(|g| g.value.as_str())
        .collect();
    let mut list = |entries: &Option<Vec<Node>>, level, cliques: &[&str], groups: &[&str]| {
        let entries = entries.as_deref().unwrap_or_default();
        check_list(entries, level, templates, (cliques, groups), say);
    };
    list(&options.resource_sharing, Level::Set, &cliques, &groups);
    for role in &layout.roles {
        let own: Vec<&str> = role.cliques.iter().map(|c| c.name.value.as_str()).collect();
        let level = if role.group.is_some() {
            Level::Group
        } else {
            Level::Clique
        };
        list(&role.options.resource_sharing, level, &own, &[]);
        role.cliques
            .iter()
            .for_each(|c| list(&c.options.resource_sharing, Level::Clique, &[], &[]));
    }
}

/// Where a problem is, and what it is.
pub(super) type Say<'a> = &'a mut dyn FnMut(&Node, String);

/// Tells which templates the webhook refuses.
pub(super) fn check_templates(templates: &[Node], say: Say<'_>) {
    for template in templates {
        let requests = template
            .at(&["templateSpec", "spec", "devices", "requests"])
            .and_then(Node::as_seq);
        if requests.is_none_or(|r| r.is_empty()) {
            say(
                template,
                "a ResourceClaimTemplate without a device request".to_owned(),
            );
        }
    }
    unique(templates, say);
}

/// Tells which entries of a list of shared claims the webhook refuses, where `known` are the cliques and the scaling groups
/// that a filter may name.
pub(super) fn check_list(
    entries: &[Node],
    level: Level,
    templates: &[Node],
    known: (&[&str], &[&str]),
    say: Say<'_>,
) {
    unique(entries, say);
    entries
        .iter()
        .for_each(|e| entry(e, level, templates, known, say));
}

fn name(entry: &Node) -> Option<&str> {
    entry.get("name").and_then(Node::as_str).filter(|n| !n.is_empty())
}

/// Names are there, and unique.
fn unique(entries: &[Node], say: Say<'_>) {
    for (i, entry) in entries.iter().enumerate() {
        match name(entry) {
            None => say(entry, "an entry needs a `name`".to_owned()),
            Some(n) if entries[..i].iter().any(|e| name(e) == Some(n)) => {
                say(entry, format!("`{n}` is there twice"));
            }
            Some(_) => {}
        }
    }
}

fn entry(entry: &Node, level: Level, templates: &[Node], known: (&[&str], &[&str]), say: Say<'_>) {
    let scope = entry.get("scope").and_then(Node::as_str);
    if !matches!(scope, Some("AllReplicas" | "PerReplica")) {
        say(
            entry.get("scope").unwrap_or(entry),
            "`scope` is `AllReplicas` or `PerReplica`".to_owned(),
        );
    }
    let internal = name(entry).is_some_and(|n| templates.iter().any(|t| name(t) == Some(n)));
    if let Some(namespace) = entry.get("namespace").filter(|_| internal) {
        say(
            namespace,
            "a template of the PodCliqueSet itself has no namespace".to_owned(),
        );
    }
    let Some(filter) = entry.get("filter") else { return };
    if level == Level::Clique {
        say(filter, "the claims of a clique have no filter".to_owned());
        return;
    }
    let names = |key: &str| filter.get(key).and_then(Node::as_seq).unwrap_or_default();
    let (cliques, groups) = (names("childCliqueNames"), names("childScalingGroupNames"));
    if cliques.is_empty() && groups.is_empty() {
        say(filter, "an empty filter".to_owned());
    }
    for (listed, known, what) in [(cliques, known.0, "clique"), (groups, known.1, "scaling group")] {
        for node in listed
            .iter()
            .filter(|n| n.as_str().is_none_or(|n| !known.contains(&n)))
        {
            let name = node.as_str().unwrap_or_default();
            say(node, format!("no {what} here is called `{name}`"));
        }
    }
}
