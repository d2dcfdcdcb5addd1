//! Where Kthena cuts the lattice: a replica is an entry pod and workers of one template.

use crate::ir::{Member, Role};

/// The pods of a replica.
pub struct Pods<'a> {
    /// Rank 0.
    pub entry: &'a Member,
    /// The other ranks, if there are any.
    pub workers: Option<&'a Member>,
}

/// The pods of a replica as entry and workers, or the member that does not fit.
pub fn pods(role: &Role) -> Result<Pods<'_>, &Member> {
    let entry = role.leader();
    let same = (entry.count.value > 1).then_some(entry);
    let mut rest = same.into_iter().chain(&role.members[1..]);
    let workers = rest.next();
    match (
        workers,
        rest.find(|m| workers.is_some_and(|w| w.template != m.template)),
    ) {
        (_, Some(odd)) => Err(odd),
        (workers, None) => Ok(Pods { entry, workers }),
    }
}

/// Whether only the entry pod of a replica answers requests.
pub fn entry_only(role: &Role) -> bool {
    role.multi_node() && role.members.iter().any(|m| !m.serves)
}

/// The most replicas that the role may come to have.
pub fn most_replicas(role: &Role) -> u32 {
    role.scaling
        .as_ref()
        .map_or(0, |s| s.max.value)
        .max(role.replicas.value)
}

/// The fewest replicas that the role may come to have.
pub fn fewest_replicas(role: &Role) -> u32 {
    role.scaling
        .as_ref()
        .map_or(u32::MAX, |s| s.min.value)
        .min(role.replicas.value)
}
