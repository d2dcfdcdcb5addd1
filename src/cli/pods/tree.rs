//! Pods as the lattice they are: slices, roles, replicas.

use super::table;
use crate::pods::{Pod, Workload, totals};
use std::fmt::Write as _;

/// A node of the tree.
struct Branch {
    text: String,
    below: Vec<Branch>,
}

/// All workloads.
pub fn render(workloads: &[Workload]) -> String {
    let mut out = String::new();
    for workload in workloads {
        let expansion = &workload.expansion;
        let _ = write!(
            out,
            "{} ({}) in {}: ",
            table::name(workload),
            workload.dialect,
            workload.namespace
        );
        let _ = match expansion.outcome.verdict() {
            Some(v) => writeln!(
                out,
                "{}: {} [{}]",
                expansion.outcome.as_str(),
                v.reason,
                v.code.id
            ),
            None => writeln!(out, "{} pods", expansion.pods.len()),
        };
        draw(&slices(&expansion.pods), "", &mut out);
        let children: Vec<Branch> = expansion
            .children
            .iter()
            .map(|child| {
                leaf(format!(
                    "{}/{} (of {}/{})",
                    child.kind, child.name, child.owner.0, child.owner.1
                ))
            })
            .collect();
        if !children.is_empty() {
            let _ = writeln!(out, "child objects");
            draw(&children, "", &mut out);
        }
    }
    out
}

fn leaf(text: String) -> Branch {
    Branch {
        text,
        below: Vec::new(),
    }
}

fn slices(pods: &[Pod]) -> Vec<Branch> {
    if pods.iter().all(|p| p.slice == 0) {
        return roles(&pods.iter().collect::<Vec<_>>());
    }
    groups(pods.iter().collect(), |p| p.slice)
        .into_iter()
        .map(|(slice, pods)| Branch {
            text: format!("slice {slice}"),
            below: roles(&pods),
        })
        .collect()
}

fn roles(pods: &[&Pod]) -> Vec<Branch> {
    groups(pods.to_vec(), |p| p.role.clone())
        .into_iter()
        .map(|(role, pods)| Branch {
            text: format!("role {role}"),
            below: groups(pods, |p| p.replica)
                .into_iter()
                .map(|(replica, pods)| Branch {
                    text: format!("replica {replica}"),
                    below: pods.into_iter().map(pod).collect(),
                })
                .collect(),
        })
        .collect()
}

fn pod(pod: &Pod) -> Branch {
    let member = if pod.member.is_empty() {
        String::new()
    } else {
        format!(" {}", pod.member)
    };
    let needs = totals::short(pod);
    let needs = if needs == "-" {
        String::new()
    } else {
        format!("  ({needs} accelerators)")
    };
    leaf(format!("{}{member}  {}{needs}", pod.index, pod.name))
}

/// Groups in the order of their first pod.
fn groups<K: PartialEq>(pods: Vec<&Pod>, key: impl Fn(&Pod) -> K) -> Vec<(K, Vec<&Pod>)> {
    let mut groups: Vec<(K, Vec<&Pod>)> = Vec::new();
    for pod in pods {
        let own = key(pod);
        // Pods of a group stand together, so the last is the likely one.
        match groups.iter_mut().rev().find(|(k, _)| *k == own) {
            Some((_, group)) => group.push(pod),
            None => groups.push((own, vec![pod])),
        }
    }
    groups
}

fn draw(branches: &[Branch], indent: &str, out: &mut String) {
    for (n, branch) in branches.iter().enumerate() {
        let last = n + 1 == branches.len();
        let (mark, bar) = if last {
            ("└─ ", "   ")
        } else {
            ("├─ ", "│  ")
        };
        let _ = writeln!(out, "{indent}{mark}{}", branch.text);
        draw(&branch.below, &format!("{indent}{bar}"), out);
    }
}
