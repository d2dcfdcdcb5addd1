//! What a CoordinatedPolicy of the group's name changes when its roles are made (pkg/coordination/coordinationscaling).

use super::super::codes::COORDINATION;
use super::super::read::{Group, Role, name};
use crate::kubernetes::container::list;
use crate::kubernetes::int_or_string::{IntOrPercent, Rounding};
use crate::pods::{Problem, Scene};
use crate::value::{Node, Value};

/// A rule that keeps roles in step while they scale up.
struct Rule<'a> {
    roles: Vec<&'a str>,
    skew: f64,
}

/// How the roles of a group grow: the instances of a role after each step. Roles without a rule grow in one.
#[derive(Default)]
pub struct Steps(Vec<(String, Vec<i64>)>);

impl Steps {
    /// The instances of a role after each step.
    pub fn of(&self, role: &str, replicas: i64) -> Vec<i64> {
        let found = self.0.iter().find(|(name, _)| name == role);
        found.map_or_else(|| vec![replicas], |(_, steps)| steps.clone())
    }
}

/// The steps in which a group grows, or why the controller cannot say.
pub fn steps(group: &Group, scene: &Scene<'_>) -> Result<Steps, Problem> {
    let policy = scene
        .of_kind("CoordinatedPolicy", &group.namespace)
        .find(|d| name(&d.root).value == group.name.value);
    let Some(spec) = policy.and_then(|p| p.root.get("spec")) else {
        return Ok(Steps::default());
    };
    let mut rules = Vec::new();
    for policy in list(spec, "policies") {
        let Some(scaling) = policy.at(&["strategy", "scaling"]).filter(|s| !s.is_null()) else {
            continue;
        };
        rules.push(Rule {
            roles: list(policy, "roles").iter().filter_map(Node::as_str).collect(),
            skew: skew(scaling)?,
        });
    }
    Ok(grow(group, &rules))
}

fn skew(scaling: &Node) -> Result<f64, Problem> {
    let Some(node) = scaling.get("maxSkew").filter(|n| !n.is_null()) else {
        return Ok(1.0);
    };
    let number = match &node.value {
        Value::Str(text) => text.trim().strip_suffix('%').and_then(|n| n.parse::<f64>().ok()),
        _ => None,
    };
    number
        .filter(|n| (0.0..=100.0).contains(n))
        .map(|n| n / 100.0)
        .ok_or_else(|| {
            let reason =
                "maxSkew of a coordinated scaling must be a percentage from 0% to 100%: no role is made";
            Problem::new(&COORDINATION, reason, &node.ids)
        })
}

fn grow(group: &Group, rules: &[Rule<'_>]) -> Steps {
    let mut current: Vec<(&str, i64, i64)> = Vec::new();
    for role in rules.iter().flat_map(|r| &r.roles) {
        if let Some(found) = group.role(role)
            && !current.iter().any(|(name, ..)| name == role)
        {
            current.push((role, 0, found.replicas.value));
        }
    }
    let mut steps: Vec<(String, Vec<i64>)> = current
        .iter()
        .map(|(name, ..)| ((*name).to_owned(), Vec::new()))
        .collect();
    loop {
        let targets: Vec<i64> = current
            .iter()
            .map(|(name, now, desired)| {
                let of = rules.iter().filter(|r| r.roles.contains(name));
                of.map(|rule| target(rule, &current, *now, *desired))
                    .min()
                    .unwrap_or(*desired)
            })
            .collect();
        let mut grown = false;
        for (n, target) in targets.into_iter().enumerate() {
            if target > current[n].1 {
                current[n].1 = target;
                steps[n].1.push(target);
                grown = true;
            }
        }
        if !grown {
            return Steps(steps);
        }
    }
}

/// How far a rule lets a role grow at once: the slowest role that is not there yet, and the skew.
fn target(rule: &Rule<'_>, current: &[(&str, i64, i64)], now: i64, desired: i64) -> i64 {
    if now >= desired {
        return desired;
    }
    let share = |now: i64, desired: i64| now as f64 / desired as f64;
    let slowest = current
        .iter()
        .filter(|(name, now, desired)| rule.roles.contains(name) && now < desired)
        .map(|(_, now, desired)| share(*now, *desired))
        .fold(f64::INFINITY, f64::min);
    let most = slowest + rule.skew;
    if share(now, desired) >= most {
        // With a skew of nothing, not even the slowest role may take a step.
        return now;
    }
    ((most * desired as f64).ceil() as i64).min(desired).max(now + 1)
}

/// The partition that a coordinated rollout sets when the role is made. Nothing if no rule is about it.
pub fn partition(group: &Group, scene: &Scene<'_>, role: &Role) -> Option<i64> {
    let policy = scene
        .of_kind("CoordinatedPolicy", &group.namespace)
        .find(|d| name(&d.root).value == group.name.value)?;
    let spec = policy.root.get("spec")?;
    let of_rule = |rule: &Node| {
        let update = rule.at(&["strategy", "rollingUpdate"]).filter(|u| !u.is_null())?;
        let names: Vec<&str> = list(rule, "roles").iter().filter_map(Node::as_str).collect();
        let mut roles: Vec<&Role> = group
            .roles
            .iter()
            .filter(|r| r.replicas.value > 0 && names.contains(&r.name.value.as_str()))
            .collect();
        if names.len() < 2 || !roles.iter().any(|r| r.name.value == role.name.value) {
            return None;
        }
        // Nothing is updated yet: the role of most replicas counts as the slowest.
        roles.sort_by_key(|r| std::cmp::Reverse(r.replicas.value));
        last_partition(update, role).max(skewed_partition(update, role, &roles))
    };
    list(spec, "policies").iter().filter_map(of_rule).max()
}

/// The partition that the rule, or else the role, asks for in the end.
fn last_partition(update: &Node, role: &Role) -> Option<i64> {
    let replicas = role.replicas.value;
    let written = update.get("partition").filter(|n| !n.is_null());
    if let Some(node) = written {
        let partition = IntOrPercent::from_node(node)
            .ok()?
            .resolve(replicas, Rounding::Up);
        // Of a share that is not the whole, at least one instance is updated.
        let share = node.as_str().is_some_and(|s| s != "100%");
        let most = if share { replicas - 1 } else { replicas };
        return Some(partition.clamp(0, most));
    }
    let own = role.rolling_update.as_ref()?.get("partition")?;
    let partition = IntOrPercent::from_node(own).ok()?;
    Some(partition.resolve(replicas, Rounding::Up))
}

/// The partition of the first step (`calculateNextRollingTarget` of the group's controller): the slowest role takes one.
fn skewed_partition(update: &Node, role: &Role, roles: &[&Role]) -> Option<i64> {
    let skew = update.get("maxSkew").filter(|n| !n.is_null())?;
    let slowest = roles.first().filter(|_| roles.len() > 1)?;
    if slowest.name.value != role.name.value {
        return Some(role.replicas.value);
    }
    let replicas = role.replicas.value;
    // A number is read as text, which is no percentage, and counts as nothing.
    let (percent, most) = match skew.as_str().and_then(|s| IntOrPercent::parse(s).ok()) {
        Some(IntOrPercent::Percent(p)) => {
            let share = IntOrPercent::Percent(p).resolve(replicas, Rounding::Up);
            (p, share.max(1))
        }
        _ => (0, 1),
    };
    let upper = percent
        .saturating_mul(replicas)
        .saturating_add(50)
        .div_euclid(100);
    let balance = upper.saturating_add(1) >> 1;
    let step = balance.max(most >> 1).max(1).min(upper.saturating_add(1));
    Some((replicas - step).max(0))
}
