//! Checks of a whole spec that no field can make alone.

use super::codes::{
    BAD_NAME, CONTRADICTION, CYCLE, DUPLICATE, KV_MISMATCH, NO_CONNECTOR, TOO_LARGE, UNKNOWN_ROLE,
};
use super::resolve::Resolved;
use crate::diagnostic::{Diagnostic, Ledger, Severity};
use crate::kubernetes::names;
use crate::spec::engine::EngineType;
use crate::value::{Str, Traced};

/// The most pods that a workload may ask for.
const MOST_PODS: u64 = 1_000_000;

/// Reports that a name is no DNS label that starts with a letter.
pub fn name(name: &Traced<Str>, what: &str, ledger: &mut Ledger) {
    if let Err(reason) = names::dns_1035_label(&name.value) {
        let message = format!("`{}` cannot be the name of a {what}: {reason}", name.value);
        let mut said = Diagnostic::new(&BAD_NAME, message).at_ids(&name.ids);
        if let Some(valid) = near_name(&name.value) {
            said = said.remedy(format!("write `{valid}`")).replacement(valid);
        }
        ledger.report(said);
    }
}

/// The valid name that is nearest to another one, if a few characters make the difference.
fn near_name(name: &str) -> Option<String> {
    let fold = |c: char| match c {
        '_' | '.' | ' ' | '/' => '-',
        c => c.to_ascii_lowercase(),
    };
    let folded: String = name.chars().map(fold).collect();
    let valid = folded.trim_matches('-').to_owned();
    names::dns_1035_label(&valid).is_ok().then_some(valid)
}

/// All checks over the roles.
pub fn roles(roles: &[Resolved], ledger: &mut Ledger) {
    names(roles, ledger);
    dependencies(roles, ledger);
    connectors(roles, ledger);
    agreement(roles, ledger);
    resources(roles, ledger);
    devices(roles, ledger);
}

/// Extended resources are qualified names: `nvidia.com/gpu`.
fn resources(roles: &[Resolved], ledger: &mut Ledger) {
    for role in roles {
        let rdma = role.network.rdma.as_ref().and_then(|r| r.resource.as_ref());
        for resource in role.accelerator.resource.iter().chain(rdma) {
            let reason = match names::qualified_key(&resource.value) {
                Ok(()) if resource.value.contains('/') => continue,
                Ok(()) => "it needs a domain, as in `nvidia.com/gpu`".to_owned(),
                Err(reason) => reason,
            };
            let message = format!("`{}` is not an extended resource: {reason}", resource.value);
            ledger.report(Diagnostic::new(&BAD_NAME, message).at_ids(&resource.ids));
        }
    }
}

/// Names of roles are names, and unique.
pub fn names(roles: &[Resolved], ledger: &mut Ledger) {
    for (i, role) in roles.iter().enumerate() {
        name(&role.name, "role", ledger);
        if let Some(first) = roles[..i].iter().find(|r| r.name.value == role.name.value) {
            let said = Diagnostic::new(&DUPLICATE, format!("two roles are called `{}`", role.name.value));
            ledger.report(said.at_ids(&role.name.ids).label(first.name.at(), "first here"));
        }
    }
}

/// Roles wait for roles that there are, and not for each other.
pub fn dependencies(roles: &[Resolved], ledger: &mut Ledger) {
    for role in roles {
        for needed in &role.depends_on {
            if !roles.iter().any(|r| r.name.value == needed.value) {
                let known: Vec<&str> = roles.iter().map(|r| r.name.value.as_str()).collect();
                let mut said =
                    Diagnostic::new(&UNKNOWN_ROLE, format!("no role is called `{}`", needed.value))
                        .at_ids(&needed.ids)
                        .reason(format!("roles: {}", known.join(", ")));
                if let Some(meant) = crate::diagnostic::closest(&needed.value, known) {
                    said = said.replacement(meant).remedy(format!("did you mean `{meant}`?"));
                }
                ledger.report(said);
            }
        }
    }
    cycles(roles, ledger);
}

/// Follows dependencies depth first; each role of a cycle is reported once, by the first way round.
fn cycles(roles: &[Resolved], ledger: &mut Ledger) {
    let index = |name: &str| roles.iter().position(|r| r.name.value == name);
    let mut done = vec![false; roles.len()];
    for start in 0..roles.len() {
        let mut path: Vec<(usize, usize)> = vec![(start, 0)];
        while let Some((at, next)) = path.last_mut() {
            let (at, edge) = (*at, *next);
            *next += 1;
            let Some(needed) = roles[at].depends_on.get(edge).filter(|_| !done[at]) else {
                done[at] = true;
                path.pop();
                continue;
            };
            let Some(to) = index(&needed.value) else { continue };
            if let Some(from) = path.iter().position(|(p, _)| *p == to) {
                let mut names: Vec<&str> = path[from..]
                    .iter()
                    .map(|(p, _)| roles[*p].name.value.as_str())
                    .collect();
                names.push(&needed.value);
                let message = format!("roles wait for each other: {}", names.join(" → "));
                ledger.report(Diagnostic::new(&CYCLE, message).at_ids(&needed.ids));
            } else if !done[to] {
                path.push((to, 0));
            }
        }
    }
}

fn connectors(roles: &[Resolved], ledger: &mut Ledger) {
    for role in roles
        .iter()
        .filter(|r| r.transfers_kv() && r.engine_type.value != EngineType::Custom)
    {
        if role.connector().is_none() {
            let message = format!(
                "role `{}` is of phase {} and no connector carries its KV caches",
                role.name.value,
                role.phase.value.as_str()
            );
            let said = Diagnostic::new(&NO_CONNECTOR, message).at_ids(&role.phase.ids.union(&role.name.ids));
            ledger.report(said.remedy("add `kvTransfer: {connector: nixl}` to the spec"));
        }
    }
}

/// Roles that exchange KV caches must lay them out alike.
fn agreement(roles: &[Resolved], ledger: &mut Ledger) {
    let mut halves = roles.iter().filter(|r| r.transfers_kv());
    let Some(first) = halves.next() else { return };
    for other in halves {
        let mut differ =
            |what: &str, severity, a: Option<(String, &Traced<Str>)>, b: Option<(String, &Traced<Str>)>| {
                let text = |v: &Option<(String, &Traced<Str>)>| v.as_ref().map(|v| v.0.clone());
                if text(&a) != text(&b) {
                    let show = |v: Option<String>| v.unwrap_or_else(|| "the default".into());
                    let message = format!(
                        "`{}` and `{}` disagree on the {what}: {} and {}",
                        first.name.value,
                        other.name.value,
                        show(text(&a)),
                        show(text(&b))
                    );
                    let at = b
                        .or(a)
                        .map(|v| v.1.ids.clone())
                        .unwrap_or_else(|| other.name.ids.clone());
                    ledger.report(
                        Diagnostic::new(&KV_MISMATCH, message)
                            .at_ids(&at)
                            .severity(severity),
                    );
                }
            };
        let settings = |r: &Resolved| r.engine.settings.clone().unwrap_or_default();
        let (s, t) = (settings(first), settings(other));
        let word = |v: &Option<Traced<Str>>| v.clone();
        let number = |v: &Option<Traced<crate::spec::decode::Positive>>| {
            v.as_ref().map(|v| v.map(|i| Str::from(i.0.to_string())))
        };
        let engine = |r: &Resolved| Some(r.engine_type.map(|e| Str::from(e.as_str())));
        let connector = |r: &Resolved| r.connector().map(|c| c.map(|c| Str::from(c.as_str())));
        let pairs = [
            ("engine", Severity::Error, engine(first), engine(other)),
            ("connector", Severity::Error, connector(first), connector(other)),
            (
                "type of the KV cache",
                Severity::Error,
                word(&s.kv_cache_dtype),
                word(&t.kv_cache_dtype),
            ),
            (
                "block size of the KV cache",
                Severity::Error,
                number(&s.block_size),
                number(&t.block_size),
            ),
            (
                "image",
                Severity::Warning,
                word(&first.engine.image),
                word(&other.engine.image),
            ),
        ];
        for (what, severity, a, b) in &pairs {
            let view = |v: &'_ Option<Traced<Str>>| v.as_ref().map(|v| format!("`{}`", v.value));
            differ(what, *severity, view(a).zip(a.as_ref()), view(b).zip(b.as_ref()));
        }
    }
}

/// Accelerators and RDMA devices are different resources: their numbers would overwrite each other.
fn devices(roles: &[Resolved], ledger: &mut Ledger) {
    for role in roles.iter() {
        let rdma = role.network.rdma.as_ref().and_then(|r| r.resource.as_ref());
        let accelerator = role.accelerator.resource.as_ref();
        let name = accelerator.map_or("nvidia.com/gpu", |a| a.value.as_str());
        if let Some(rdma) = rdma.filter(|r| r.value == name) {
            let message = format!("`{name}` is the accelerator and cannot be the network's device too");
            let said = Diagnostic::new(&CONTRADICTION, message).at_ids(&rdma.ids);
            ledger.report(said.label(accelerator.and_then(Traced::at), "the accelerator"));
        }
    }
}

/// Reports a workload that no cluster holds.
pub fn size(slices: &Traced<u32>, roles: &[crate::ir::Role], ledger: &mut Ledger) {
    let pods = |r: &crate::ir::Role| u64::from(r.replicas.value).saturating_mul(u64::from(r.size().value));
    let total = roles
        .iter()
        .map(pods)
        .fold(0u64, u64::saturating_add)
        .saturating_mul(u64::from(slices.value));
    if total > MOST_PODS {
        let ids = roles
            .iter()
            .fold(slices.ids.clone(), |ids, r| ids.union(&r.replicas.ids));
        let message = format!("the workload would be {total} pods; the limit is {MOST_PODS}");
        ledger.report(Diagnostic::new(&TOO_LARGE, message).at_ids(&ids));
    }
}
