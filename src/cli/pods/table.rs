//! Pods as a table.

use crate::pods::totals::{self, Totals, Usage};
use crate::pods::{Pod, Workload};
use crate::value::{Map, Node};
use std::fmt::Write as _;

/// All pods, the workloads of which nothing comes, and what the pods need.
pub fn render(workloads: &[Workload], totals: &Totals, per_node: u64, wide: bool) -> String {
    let mut out = String::new();
    let several = workloads.iter().filter(|w| !w.expansion.pods.is_empty()).count() > 1;
    let sliced = workloads
        .iter()
        .flat_map(|w| &w.expansion.pods)
        .any(|p| p.slice > 0);
    let mut rows = vec![header(several, sliced, wide)];
    for workload in workloads {
        rows.extend(
            workload
                .expansion
                .pods
                .iter()
                .map(|p| row(workload, p, several, sliced, wide)),
        );
    }
    if rows.len() > 1 {
        out.push_str(&columns(&rows));
    }
    for workload in workloads {
        if let Some(verdict) = workload.expansion.outcome.verdict() {
            let outcome = workload.expansion.outcome.as_str();
            let _ = writeln!(
                out,
                "{}: {outcome}: {} [{}]",
                name(workload),
                verdict.reason,
                verdict.code.id
            );
        } else if workload.expansion.pods.is_empty() {
            let _ = writeln!(out, "{}: no pods, because it asks for none", name(workload));
        }
    }
    if !totals.roles.is_empty() {
        let _ = write!(out, "\n{}", summary(totals, per_node));
    }
    out
}

/// Kind and name, as in `kubectl get`.
pub fn name(workload: &Workload) -> String {
    format!("{}/{}", workload.kind.to_lowercase(), workload.name)
}

fn header(several: bool, sliced: bool, wide: bool) -> Vec<String> {
    let mut row = vec!["NAME"];
    if several {
        row.push("WORKLOAD");
    }
    if sliced {
        row.push("SLICE");
    }
    row.extend(["ROLE", "REPLICA", "RANK", "MEMBER", "GPUS"]);
    if wide {
        row.extend(["ADDRESS", "NODE-SELECTOR", "SCHEDULER", "IMAGES"]);
    }
    row.into_iter().map(str::to_owned).collect()
}

fn row(workload: &Workload, pod: &Pod, several: bool, sliced: bool, wide: bool) -> Vec<String> {
    let mut row = vec![pod.name.to_string()];
    if several {
        row.push(name(workload));
    }
    if sliced {
        row.push(pod.slice.to_string());
    }
    row.extend([
        dash(&pod.role),
        pod.replica.to_string(),
        pod.index.to_string(),
        dash(&pod.member),
        totals::short(pod),
    ]);
    if wide {
        row.extend([
            address(pod),
            selector(pod.spec.get("nodeSelector").and_then(Node::as_map)),
            dash(pod.spec_str("schedulerName").unwrap_or_default()),
            images(pod),
        ]);
    }
    row
}

fn dash(text: &str) -> String {
    if text.is_empty() { "-" } else { text }.to_owned()
}

fn address(pod: &Pod) -> String {
    match (pod.spec_str("hostname"), pod.spec_str("subdomain")) {
        (Some(host), Some(domain)) => format!("{host}.{domain}"),
        _ => "-".to_owned(),
    }
}

fn selector(map: Option<&Map>) -> String {
    let pairs = map
        .into_iter()
        .flatten()
        .map(|(k, v)| format!("{k}={}", v.as_str().unwrap_or_default()));
    dash(&pairs.collect::<Vec<_>>().join(","))
}

fn images(pod: &Pod) -> String {
    let containers = pod
        .spec
        .get("containers")
        .and_then(Node::as_seq)
        .unwrap_or_default();
    let images = containers.iter().filter_map(|c| c.get("image")?.as_str());
    dash(&images.collect::<Vec<_>>().join(","))
}

fn summary(totals: &Totals, per_node: u64) -> String {
    let header = ["WORKLOAD", "ROLE", "PODS", "ACCELERATORS", "NODES"];
    let mut rows: Vec<Vec<String>> = vec![header.map(str::to_owned).to_vec()];
    for role in &totals.roles {
        let workload = format!("{}/{}", role.kind.to_lowercase(), role.name);
        rows.push(usage(workload, dash(&role.role), &role.usage));
    }
    if totals.roles.len() > 1 {
        rows.push(usage("total".to_owned(), String::new(), &totals.all));
    }
    let mut out = columns(&rows);
    if totals.all.nodes > 0 {
        let _ = writeln!(out, "(nodes of {per_node} accelerators)");
    }
    out
}

fn usage(workload: String, role: String, usage: &Usage) -> Vec<String> {
    let accelerators: Vec<String> = usage
        .accelerators
        .iter()
        .map(|(k, n)| format!("{n} {k}"))
        .collect();
    vec![
        workload,
        role,
        usage.pods.to_string(),
        dash(&accelerators.join(", ")),
        if usage.nodes == 0 {
            "-".to_owned()
        } else {
            usage.nodes.to_string()
        },
    ]
}

/// Rows as aligned columns, without blanks at line ends.
fn columns(rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            let _ = write!(line, "{cell:<width$}   ");
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}
