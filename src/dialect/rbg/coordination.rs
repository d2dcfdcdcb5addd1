//! `targets.rbg.coordination`: rules that keep roles in step.

use super::codes::COORDINATION;
use super::names;
use super::options::{CoordinatedScaling, CoordinatedUpdate, Coordination, Progression};
use super::said;
use crate::diagnostic::Ledger;
use crate::dialect::{Context, shared};
use crate::ir::Serving;
use crate::spec::scalar::IntOrPercent;
use crate::template::Vars;
use crate::value::{Ids, Map, Node, Traced};

/// The policies of all groups, by which the controller finds them: each is called like its group. They come before the
/// groups, because the controller does not watch them.
pub fn policies(serving: &Serving, rules: &[Coordination], cx: &mut Context<'_>) -> Vec<Node> {
    check(serving, rules, cx.ledger);
    let rules: Vec<Vars> = rules.iter().map(rule).collect();
    if rules.is_empty() {
        return Vec::new();
    }
    let policy = |group: String, cx: &mut Context<'_>| {
        let mut vars = Vars::new();
        let name = Node::derived(group, &serving.name.ids);
        vars.set("metadata", shared::metadata(serving, name, &[], &Map::new()));
        vars.set("policies", rules.clone());
        shared::fill(cx, "rbg/coordinatedpolicy.yaml", vars)
    };
    names::groups(serving)
        .into_iter()
        .filter_map(|group| policy(group, cx))
        .collect()
}

fn rule(rule: &Coordination) -> Vars {
    let Coordination {
        ids,
        name,
        roles,
        rolling_update,
        scaling,
    } = rule;
    let roles: Vec<Node> = roles.iter().flatten().map(Node::from).collect();
    let mut vars = Vars::new();
    vars.set("name", name.as_ref().map(Node::from));
    vars.set("roles", Node::derived(roles, ids));
    let update = rolling_update.as_ref().map(|update| {
        let CoordinatedUpdate {
            ids,
            max_skew,
            partition,
            max_unavailable,
        } = update;
        let mut map = Map::new();
        map.insert_some("maxSkew", max_skew.clone());
        map.insert_some("partition", partition.clone());
        map.insert_some("maxUnavailable", max_unavailable.clone());
        Node::derived(map, ids)
    });
    vars.set("rollingUpdate", update);
    let scaling = scaling.as_ref().map(|scaling| {
        let CoordinatedScaling {
            ids,
            max_skew,
            progression,
        } = scaling;
        let skew = max_skew
            .clone()
            .unwrap_or_else(|| Traced::default_of(IntOrPercent::Percent(100)));
        let gate = progression
            .clone()
            .unwrap_or_else(|| Traced::default_of(Progression::OrderScheduled));
        Node::derived(
            Map::from_iter([("maxSkew", Node::from(skew)), ("progression", gate.node())]),
            ids,
        )
    });
    vars.set("scaling", scaling);
    vars
}

fn check(serving: &Serving, rules: &[Coordination], ledger: &mut Ledger) {
    for (i, rule) in rules.iter().enumerate() {
        let name = rule.name.as_ref();
        let twice = |other: &Coordination| other.name.as_ref().map(|n| &n.value) == name.map(|n| &n.value);
        if let Some(name) = name.filter(|_| rules[..i].iter().any(twice)) {
            wrong(
                &name.ids,
                format!("two rules are called `{}`", name.value),
                "rename one",
                ledger,
            );
        }
        check_roles(serving, rule, ledger);
        check_strategy(rule, ledger);
    }
}

fn wrong(ids: &Ids, message: impl Into<String>, remedy: &str, ledger: &mut Ledger) {
    ledger.report(said(&COORDINATION, message).at_ids(ids).remedy(remedy));
}

fn check_roles(serving: &Serving, rule: &Coordination, ledger: &mut Ledger) {
    let roles = rule.roles.as_deref().unwrap_or_default();
    for role in roles.iter().filter(|r| serving.role(&r.value).is_none()) {
        let known: Vec<&str> = serving.roles.iter().map(|r| r.name.value.as_str()).collect();
        let message = format!("no role is called `{}`", role.value);
        wrong(
            &role.ids,
            message,
            &format!("roles: {}", known.join(", ")),
            ledger,
        );
    }
    if roles.len() < 2 {
        wrong(
            &rule.ids,
            "one role alone has nothing to keep in step with",
            "name two roles or more",
            ledger,
        );
    }
}

fn check_strategy(rule: &Coordination, ledger: &mut Ledger) {
    if rule.rolling_update.is_none() && rule.scaling.is_none() {
        let remedy = "add `rollingUpdate: {maxSkew: 10%}` or `scaling: {maxSkew: 25%}`";
        wrong(&rule.ids, "the rule says nothing", remedy, ledger);
    }
    let update = rule.rolling_update.as_ref().and_then(|u| u.max_skew.as_ref());
    let scaling = rule.scaling.as_ref().and_then(|s| s.max_skew.as_ref());
    for skew in update.into_iter().chain(scaling) {
        if let IntOrPercent::Int(n) = skew.value {
            let remedy = format!("write `{n}%` if that is meant");
            wrong(
                &skew.ids,
                format!("`maxSkew: {n}` is no percentage"),
                &remedy,
                ledger,
            );
        }
    }
}
