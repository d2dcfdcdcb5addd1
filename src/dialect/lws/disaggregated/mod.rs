//! DisaggregatedSets to pods: a LeaderWorkerSet for each slice and role, expanded as such (kubernetes-sigs/lws v0.10).

mod admit;
mod expand;

pub use expand::expand;

use super::codes::{BUDGET, DISAGGREGATED};
use super::read::{self, LeaderWorkerSet};
use crate::dialect::shared::read::Reader;
use crate::kubernetes::names;
use crate::pods::Problem;
use crate::value::{Ids, Node, Str, Traced};

/// The kind.
pub const KIND: &str = "DisaggregatedSet";
/// Its apiVersion.
pub const API_VERSION: &str = "disaggregatedset.x-k8s.io/v1";
/// The kind that autoscalers scale.
const SCALER: &str = "DisaggregatedSetRoleScaler";
const PREFIX: &str = "disaggregatedset.x-k8s.io/";

/// How slices are placed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Placement {
    /// Anywhere.
    None,
    /// Each slice in a domain of its own.
    ExclusiveSlice,
    /// Each slice in a domain that no other set uses.
    ExclusiveTopology,
}

/// A role.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its name.
    pub name: Traced<Str>,
    /// Its LeaderWorkerSet, with the labels and annotations of the role's `metadata`.
    pub set: LeaderWorkerSet,
    /// Whether its replicas come from a scaler.
    pub external: Option<Ids>,
    /// Whether `spec.replicas` is written.
    pub replicas_written: bool,
    /// Budgets that cannot be read: webhooks refuse them, not the schema.
    pub unreadable: Vec<Problem>,
    /// Where it is.
    pub ids: Ids,
}

/// A DisaggregatedSet.
#[derive(Clone, Debug)]
pub struct DisaggregatedSet {
    /// Its name.
    pub name: Traced<Str>,
    /// Copies of the roles.
    pub slices: Traced<i64>,
    /// Its roles.
    pub roles: Vec<Role>,
    /// `placementPolicy.type`.
    pub placement: Traced<Placement>,
    /// `placementPolicy.topology`, a node label.
    pub topology: Option<Traced<Str>>,
}

/// Reads a DisaggregatedSet. What its schema refuses is in `problems`, and as if it were absent.
pub fn read(root: &Node, problems: &mut Vec<Problem>) -> DisaggregatedSet {
    let mut reader = Reader::new(root, &DISAGGREGATED, problems);
    let name = reader.name();
    let slices = reader
        .int("spec.slices", 1, 100)
        .unwrap_or_else(|| Traced::default_of(1));
    let placement = reader.word(
        "spec.placementPolicy.type",
        &["None", "ExclusiveSlice", "ExclusiveTopology"],
    );
    let placement = placement.map_or_else(
        || Traced::default_of(Placement::None),
        |word| {
            word.map(|w| match w.as_str() {
                "ExclusiveSlice" => Placement::ExclusiveSlice,
                "ExclusiveTopology" => Placement::ExclusiveTopology,
                _ => Placement::None,
            })
        },
    );
    let topology = reader
        .string("spec.placementPolicy.topology")
        .filter(|t| !t.value.is_empty());
    let list = reader.list("spec.roles");
    if reader.get("spec.roles").is_none() {
        reader.problem("spec.roles", &DISAGGREGATED, "is missing");
    } else if !(2..=10).contains(&list.len()) {
        reader.problem(
            "spec.roles",
            &DISAGGREGATED,
            format!("has {} roles, not 2 to 10", list.len()),
        );
    }
    let mut roles: Vec<Role> = Vec::new();
    for (n, node) in list.iter().enumerate() {
        let role = role(&mut reader.below(node, &format!("spec.roles[{n}]")));
        if roles.iter().any(|r| r.name.value == role.name.value) {
            let reason = format!("two roles are called `{}`", role.name.value);
            reader
                .problems
                .push(Problem::new(&DISAGGREGATED, reason, &role.name.ids));
        }
        roles.push(role);
    }
    DisaggregatedSet {
        name,
        slices,
        roles,
        placement,
        topology,
    }
}

fn role(reader: &mut Reader<'_>) -> Role {
    let name = reader.string("name").unwrap_or_default();
    let sound = name.value.len() <= 63 && names::dns_label(&name.value).is_ok();
    if !sound {
        let reason = format!(
            "is `{}`, not at most 63 lower case letters, digits and '-'",
            name.value
        );
        reader.problem("name", &DISAGGREGATED, reason);
    }
    let mode = reader.word("scaling.mode", &["Static", "External"]);
    let (labels, annotations) = (
        reader.strings("metadata.labels"),
        reader.strings("metadata.annotations"),
    );
    if reader.get("spec").is_none() {
        reader.problem(
            "spec",
            &DISAGGREGATED,
            "is missing: the rule about replicas cannot be evaluated",
        );
    }
    // On a role no webhook fills it in.
    if reader.get("spec.networkConfig").is_some()
        && reader.get("spec.networkConfig.subdomainPolicy").is_none()
    {
        reader.problem("spec.networkConfig.subdomainPolicy", &DISAGGREGATED, "is missing");
    }
    let nothing = Node::default();
    let spec = reader.get("spec").unwrap_or(&nothing);
    let mut set = if reader.get("spec").is_some() {
        read::spec_of(&mut reader.below(spec, "spec"))
    } else {
        read::spec_of(&mut Reader::new(spec, &DISAGGREGATED, &mut Vec::new()))
    };
    (set.labels, set.annotations) = (labels, annotations);
    let (unreadable, refused) = std::mem::take(reader.problems)
        .into_iter()
        .partition(|p| p.code == &BUDGET);
    *reader.problems = refused;
    Role {
        unreadable,
        name,
        external: mode.filter(|m| m.value == "External").map(|m| m.ids),
        replicas_written: reader.get("spec.replicas").is_some(),
        set,
        ids: reader.root.ids.clone(),
    }
}
