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
    let rules: Vec<Vars> = rules.iter().map(|r| rule(r)).collect();
    if rules.is_empty() {
        return Vec::new();
    }
    let policy = |group: String, cx: &mut Context<'_>| {
        let mut vars = Vars::new();
        let name = Node::derived(group, &serving.name.ids);
        vars.set("metadata", shared::metadata(serving, name, &[], &Map::new()));
        vars.set("policies", rules.clone());
        shared::fill(cx, "rbg/coordinatedpolicy.yaml", &vars)
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
    let mut wrong = |ids: &Ids, message: String, remedy: &str| {
        ledger.report(said(&COORDINATION, message).at_ids(ids).remedy(remedy));
    };
    for (
        i,
        Coordination {
            ids,
            name,
            roles,
            rolling_update,
            scaling,
        },
    ) in rules.iter().enumerate()
    {
        let same = |other: &Coordination| {
            name.is_some() && other.name.as_ref().map(|n| &n.value) == name.as_ref().map(|n| &n.value)
        };
        if let Some(name) = name.as_ref().filter(|_| rules[..i].iter().any(same)) {
            wrong(
                &name.ids,
                format!("two rules are called `{}`", name.value),
                "rename one",
            );
        }
        let roles = roles.as_deref().unwrap_or_default();
        for role in roles.iter().filter(|r| serving.role(&r.value).is_none()) {
            let known: Vec<&str> = serving.roles.iter().map(|r| r.name.value.as_str()).collect();
            wrong(
                &role.ids,
                format!("no role is called `{}`", role.value),
                &format!("roles: {}", known.join(", ")),
            );
        }
        if roles.len() < 2 {
            wrong(
                ids,
                "one role alone has nothing to keep in step with".into(),
                "name two roles or more",
            );
        }
        if rolling_update.is_none() && scaling.is_none() {
            wrong(
                ids,
                "the rule says nothing".into(),
                "add `rollingUpdate: {maxSkew: 10%}` or `scaling: {maxSkew: 25%}`",
            );
        }
        let skews = [
            rolling_update.as_ref().and_then(|u| u.max_skew.as_ref()),
            scaling.as_ref().and_then(|s| s.max_skew.as_ref()),
        ];
        for skew in skews.into_iter().flatten() {
            if let IntOrPercent::Int(n) = skew.value {
                wrong(
                    &skew.ids,
                    format!("`maxSkew: {n}` is no percentage"),
                    &format!("write `{n}%` if that is meant"),
                );
            }
        }
    }
}
