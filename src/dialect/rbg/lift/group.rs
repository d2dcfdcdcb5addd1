//! What is said of a whole group: gang, queue, topology, rules between roles.

use super::super::options::Progression;
use super::super::read::{Group, Role};
use super::super::verdicts::keys;
use super::templates::Templates;
use crate::dialect::lifting::{Draft, RoleDraft, role_name};
use crate::kubernetes::int_or_string::parse_percent;
use crate::source::Document;
use crate::spec::scalar::IntOrPercent;
use crate::value::{Ids, Map, Node};

/// Gang and queue, by the annotations of the group.
pub fn gang(draft: &mut Draft, group: &Group, templates: &[Templates]) {
    let of = |key: &str| group.annotations.get(key);
    let Some(gang) = of(keys::GANG).filter(|g| g.as_str() == Some("true")) else {
        return;
    };
    draft.set(
        &["scheduling", "gang", "scope"],
        Some(Node::derived("slice", &gang.ids)),
    );
    let timeout = of(keys::GANG_TIMEOUT).and_then(|t| {
        let seconds: u32 = t.as_str()?.parse().ok()?;
        Some(Node::derived(seconds, &t.ids))
    });
    draft.set(&["scheduling", "gang", "timeout"], timeout);
    let scheduler = scheduler(templates);
    let volcano = scheduler.as_ref().and_then(Node::as_str) == Some("volcano");
    draft.set(&["scheduling", "schedulerName"], scheduler);
    if let Some(queue) = of(keys::VOLCANO_QUEUE).filter(|q| q.as_str().is_some_and(|q| !q.is_empty())) {
        draft.set(&["scheduling", "queue"], Some(queue.clone()));
        if !volcano {
            draft.option("queueSystem", Some("volcano"));
        }
    }
}

/// The scheduler that all templates name.
fn scheduler(templates: &[Templates]) -> Option<Node> {
    let mut names = templates
        .iter()
        .flat_map(Templates::all)
        .map(|t| t.at(&["spec", "schedulerName"]));
    let mut first = names.next()??.clone();
    for name in names {
        let name = name.filter(|n| n.as_str() == first.as_str())?;
        first.absorb(name);
    }
    first.as_str().is_some().then_some(first)
}

/// A topology domain for the group alone.
pub fn exclusive(draft: &mut Draft, group: &Group, roles: &mut [RoleDraft], templates: &[Templates]) {
    let key = group.annotations.get(keys::EXCLUSIVE);
    let Some(key) = key.filter(|k| k.as_str().is_some_and(|k| !k.is_empty())) else {
        return;
    };
    let topology = || {
        Map::from_iter([
            ("key", key.clone()),
            ("scope", "slice".into()),
            ("mode", "required".into()),
            ("exclusive", true.into()),
        ])
    };
    let text = |template: &Node, map: &str, key: &str| {
        let node = template.at(&["metadata", map, key]);
        node.and_then(Node::as_str).is_some_and(|t| !t.is_empty())
    };
    let is_out = |t: &Templates| {
        t.all()
            .iter()
            .any(|t| text(t, "annotations", keys::NOT_EXCLUSIVE))
    };
    if templates.iter().any(is_out) {
        for (role, _) in roles.iter_mut().zip(templates).filter(|(_, t)| !is_out(t)) {
            role.set(&["scheduling", "topology"], Some(topology()));
        }
    } else {
        draft.set(&["scheduling", "topology"], Some(topology()));
    }
    let hashed = |t: &&Node| text(t, "labels", keys::UNIQUE_HASH);
    let inside = templates.iter().filter(|t| !is_out(t));
    if !inside.flat_map(Templates::all).all(|t| hashed(&t)) {
        draft.option("uniqueHash", Some(false));
    }
}

/// Annotations of a group that lifting has words for, or that only the controllers know.
pub fn is_own(key: &str) -> bool {
    key.starts_with(super::super::names::PREFIX) || key.starts_with("conversion.workloads.x-k8s.io/")
}

/// The roles that each role waits for: none of them where the controller finds a name that is no role, or a circle.
pub fn waits(group: &Group) -> Vec<Vec<Node>> {
    let none = || group.roles.iter().map(|_| Vec::new()).collect();
    let mut placed: Vec<&str> = Vec::new();
    while placed.len() < group.roles.len() {
        let ready = |role: &&Role| {
            let open = !placed.contains(&role.name.value.as_str());
            open && role
                .dependencies
                .iter()
                .all(|d| placed.contains(&d.value.as_str()))
        };
        let next: Vec<&str> = group
            .roles
            .iter()
            .filter(ready)
            .map(|r| r.name.value.as_str())
            .collect();
        if next.is_empty() {
            return none();
        }
        placed.extend(next);
    }
    let names = |role: &Role| {
        role.dependencies
            .iter()
            .map(|d| role_name(&d.value, &d.ids))
            .collect()
    };
    group.roles.iter().map(names).collect()
}

/// The rules that keep roles in step, of the policy of the group's name. A policy with a rule that cannot work stays as it is.
pub fn coordination(draft: &mut Draft, group: &Group, policy: &Document) {
    let rules = policy.root.at(&["spec", "policies"]).and_then(Node::as_seq);
    let rules: Option<Vec<Node>> = rules.unwrap_or_default().iter().map(|r| rule(group, r)).collect();
    let Some(rules) = rules.filter(|r| !r.is_empty()) else {
        return;
    };
    let mut names: Vec<&str> = rules.iter().filter_map(|r| r.get("name")?.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() == rules.len() {
        draft.option("coordination", Some(rules));
        draft.replaces.push(policy.id);
    }
}

fn rule(group: &Group, rule: &Node) -> Option<Node> {
    let roles = rule.get("roles")?.as_seq()?;
    let known = |name: &Node| name.as_str().is_some_and(|n| group.role(n).is_some());
    if roles.len() < 2 || !roles.iter().all(known) {
        return None;
    }
    let named: Vec<Node> = roles
        .iter()
        .map(|r| role_name(r.as_str().unwrap_or_default(), &r.ids))
        .collect();
    let mut made = Map::new();
    made.insert("name", rule.get("name")?.clone());
    made.insert("roles", named);
    let mut any = false;
    for (key, fields) in [
        ("rollingUpdate", &["maxSkew", "partition", "maxUnavailable"][..]),
        ("scaling", &["maxSkew", "progression"]),
    ] {
        let Some(strategy) = rule.at(&["strategy", key]).filter(|s| !s.is_null()) else {
            continue;
        };
        let known = strategy
            .as_map()?
            .iter()
            .all(|(k, _)| fields.contains(&k.as_str()));
        let bounds = fields.iter().filter_map(|f| strategy.get(f));
        if !known
            || !bounds.clone().all(is_word)
            || strategy.get("maxSkew").is_some_and(|s| s.as_int().is_some())
        {
            return None;
        }
        let mut said = strategy.as_map()?.clone();
        if key == "scaling" && strategy.get("maxSkew").and_then(Node::as_str) == Some("100%") {
            said.remove("maxSkew");
        }
        made.insert(key, Node::derived(said, &Ids::none()));
        any = true;
    }
    any.then(|| made.into())
}

/// Whether a value is one that the language reads.
fn is_word(node: &Node) -> bool {
    match node.as_str() {
        Some(text) => {
            parse_percent(text).map(IntOrPercent::Percent).is_some() || Progression::from_word(text).is_some()
        }
        None => node.as_int().is_some_and(|n| n >= 0),
    }
}
