//! Several members made into one pod template, for targets whose replicas have one template for all ranks.
//!
//! What the members have in common stays as it is. Where they differ, the container finds out its rank at run time (a shell
//! variable that the target's controllers inject) and does what its member does: its command line, its own variables, its
//! probes. What no process can decide for itself, because the scheduler or the kubelet reads it before anything runs
//! (images, accelerators, node selectors), cannot differ: that is an error which names the field.

mod container;
mod probe;
mod rename;
mod script;

pub use script::Rank;

use crate::diagnostic::{Code, Diagnostic, Ledger, Outcome, Severity};
use crate::ir::{MEMBER_LABEL, Role};
use crate::kubernetes::podspec::{Kind, Object, Strategy, Type};
use crate::value::{Ids, Map, Node, Str, Value};

/// Members that cannot share a template.
pub const MERGE_CONFLICT: Code = Code {
    id: "INF4010",
    title: "members cannot share a template",
    severity: Severity::Error,
    explanation: "The target has one pod template for all ranks of a replica. Command lines, variables and probes of leader and \
                  workers may differ, because the container can look at its rank when it runs; images, accelerators, node \
                  selectors and other fields that are read before it runs cannot.\n\nMake the field equal for all members, or \
                  choose a target with a template for each (lws, grove, rbg, kthena).",
};

/// A field of one member that now holds for all.
pub const MERGE_WIDENED: Code = Code {
    id: "INF4011",
    title: "holds for all ranks",
    severity: Severity::Warning,
    explanation: "The target has one pod template for all ranks of a replica, so a field that the spec sets for the leader or the \
                  workers alone is set for all of them.",
};

/// A probe that runs a program of the image.
pub const MERGE_PROBE: Code = Code {
    id: "INF4012",
    title: "probe runs a program of the image",
    severity: Severity::Note,
    explanation: "Ranks with different probes share one pod template, so the probe is a script that looks at the rank. The kubelet's \
                  own HTTP requests cannot do that; the script needs a program that can: `python3` for engines, `curl` or `nc` for \
                  other containers. If the image has none, write an `exec` probe under `probes`.",
};

/// All codes of merging.
pub const MERGE_CODES: &[&Code] = &[
    &MERGE_CONFLICT,
    &MERGE_WIDENED,
    &MERGE_PROBE,
    &MERGE_SCRIPT,
    &rename::MERGE_RENAMED,
];

/// Fields that the scheduler reads: absent is not the same as anything.
const STRICT: &[&str] = &[
    "nodeSelector",
    "affinity",
    "runtimeClassName",
    "schedulerName",
    "priorityClassName",
    "hostNetwork",
];
/// Fields of which more than needed does no harm.
const HARMLESS: &[&str] = &[
    "volumes",
    "volumeMounts",
    "ports",
    "imagePullSecrets",
    "tolerations",
    "resourceClaims",
];

/// The one template of a role whose members have several. `rank` is how a container finds out its rank. References stay
/// unanswered.
pub fn one_template(role: &Role, rank: Rank<'_>, ledger: &mut Ledger) -> Node {
    if let [only] = role.members.as_slice() {
        return only.template.clone();
    }
    let renamed = rename::alike(role, ledger);
    say_script(role, ledger);
    let templates: Vec<Option<&Node>> = renamed.iter().map(Some).collect();
    let mut merger = Merger {
        role,
        rank,
        ledger,
        widened: Vec::new(),
    };
    let merged = Type::PodTemplateSpec
        .object()
        .and_then(|object| merger.object(&templates, object, ""));
    merger.report_widened();
    merged.unwrap_or_default()
}

/// Command lines, variables and probes that become a choice by rank. Those that the compiler wrote itself need no mention.
pub const MERGE_SCRIPT: Code = Code {
    id: "INF4014",
    title: "does what its member does, by rank",
    severity: Severity::Note,
    explanation: "The target has one pod template for all ranks of a replica. Command lines, variables and probes that differ between members \
                  become a script that looks at the pod's rank and does what its member does. The processes are the same; the text of the \
                  template is not.",
};

/// Names what the user wrote for single members and what becomes a choice by rank.
fn say_script(role: &Role, ledger: &mut Ledger) {
    if role.engine.engine.is_some() {
        return;
    }
    let mut ids = Ids::none();
    for container in role.members.iter().flat_map(|m| {
        let spec = m.template.get("spec");
        spec.and_then(|s| s.get("containers"))
            .and_then(Node::as_seq)
            .unwrap_or_default()
    }) {
        for key in [
            "command",
            "args",
            "env",
            "readinessProbe",
            "livenessProbe",
            "startupProbe",
        ] {
            ids.merge(&container.get(key).map(Node::all_ids).unwrap_or_default());
        }
    }
    if ids.is_empty() {
        return;
    }
    let message = format!(
        "the pods of a replica of `{}` do what their member does, by rank",
        role.name.value
    );
    let said = Diagnostic::new(&MERGE_SCRIPT, message).outcome(Outcome::Emulated);
    ledger.report(
        said.at_ids(&ids)
            .reason("the target has one pod template for all ranks"),
    );
}

/// A node of each member at the same place; absent where the member has none.
type Parts<'n> = [Option<&'n Node>];

struct Merger<'a> {
    role: &'a Role,
    rank: Rank<'a>,
    ledger: &'a mut Ledger,
    widened: Vec<(String, Ids)>,
}

/// The nodes that are there.
fn present<'n>(parts: &Parts<'n>) -> Vec<&'n Node> {
    parts.iter().flatten().copied().collect()
}

/// Whether all nodes that are there are equal.
fn agree(parts: &Parts<'_>) -> bool {
    let nodes = present(parts);
    nodes.windows(2).all(|pair| pair[0] == pair[1])
}

/// Whether all members have the same node there, or none has one.
fn identical(parts: &Parts<'_>) -> bool {
    agree(parts) && (parts.iter().all(Option::is_some) || parts.iter().all(Option::is_none))
}

/// The first node, with the origins of its equals.
fn absorbed(parts: &Parts<'_>) -> Option<Node> {
    let mut nodes = present(parts).into_iter();
    let mut first = nodes.next()?.clone();
    nodes.for_each(|n| first.absorb(n));
    Some(first)
}

/// The children of all nodes under `key`.
fn children<'n>(parts: &Parts<'n>, key: &str) -> Vec<Option<&'n Node>> {
    parts.iter().map(|p| p.and_then(|n| n.get(key))).collect()
}

/// The keys of all mappings, in order of first mention.
fn keys(parts: &Parts<'_>) -> Vec<Str> {
    let mut keys: Vec<Str> = Vec::new();
    for (key, _) in present(parts).into_iter().filter_map(Node::as_map).flatten() {
        if !keys.contains(key) {
            keys.push(key.clone());
        }
    }
    keys
}

/// All origins of all nodes.
fn origins(parts: &Parts<'_>) -> Ids {
    present(parts)
        .into_iter()
        .fold(Ids::none(), |ids, n| ids.union(&n.all_ids()))
}

/// The elements of all lists that have `key` equal to `name`.
fn elements<'n>(lists: &Parts<'n>, key: &str, name: &Node) -> Vec<Option<&'n Node>> {
    let find = |list: &'n Node| {
        list.as_seq()
            .unwrap_or_default()
            .iter()
            .find(|e| e.get(key) == Some(name))
    };
    lists.iter().map(|l| l.and_then(find)).collect()
}

/// The values of `key` in the elements of all lists, in order of first mention.
fn names(lists: &Parts<'_>, key: &str) -> Vec<Node> {
    let mut names: Vec<Node> = Vec::new();
    for element in present(lists).into_iter().filter_map(Node::as_seq).flatten() {
        if let Some(name) = element.get(key).filter(|n| !names.contains(n)) {
            names.push(name.clone());
        }
    }
    names
}

impl Merger<'_> {
    /// The rank after the last one of each member.
    fn ends(&self) -> Vec<u32> {
        let mut end = 0u32;
        let next = |m: &crate::ir::Member| {
            end = end.saturating_add(m.count.value);
            end
        };
        self.role.members.iter().map(next).collect()
    }

    fn object(&mut self, parts: &Parts<'_>, object: &Object, path: &str) -> Option<Node> {
        let mut merged = Map::new();
        for key in keys(parts) {
            let at = if path.is_empty() {
                key.to_string()
            } else {
                format!("{path}.{key}")
            };
            let nodes = children(parts, &key);
            let value = match (object.name, key.as_str()) {
                ("PodSpec", "containers" | "initContainers") => self.containers(&nodes, &at),
                ("PodSpec", "terminationGracePeriodSeconds") => largest(&nodes),
                ("ObjectMeta", "labels") => self.labels(&nodes, &at),
                (_, key) if STRICT.contains(&key) && !identical(&nodes) => self.conflict(&nodes, &at),
                _ => {
                    let field = object.field(&key);
                    let strategy = field.map_or(Strategy::Default, |f| f.strategy);
                    self.value(&nodes, field.map(|f| &f.kind), strategy, &at)
                }
            };
            merged.insert_some(key, value);
        }
        let mut node = Node::from(merged);
        present(parts).into_iter().for_each(|n| node.decided_by(&n.ids));
        Some(node)
    }

    fn value(
        &mut self,
        parts: &Parts<'_>,
        kind: Option<&Kind>,
        strategy: Strategy,
        path: &str,
    ) -> Option<Node> {
        if agree(parts) {
            if !identical(parts) {
                self.widen(path, parts);
            }
            return absorbed(parts);
        }
        match (kind, strategy) {
            (Some(Kind::Object(id)), _) => match id.get() {
                Some(object) => self.object(parts, object, path),
                None => self.conflict(parts, path),
            },
            (Some(Kind::Map(inner)), _) => {
                let mut merged = Map::new();
                for key in keys(parts) {
                    let value = self.value(
                        &children(parts, &key),
                        Some(inner),
                        Strategy::Default,
                        &format!("{path}.{key}"),
                    );
                    merged.insert_some(key, value);
                }
                Some(merged.into())
            }
            (Some(kind @ Kind::List(_)), Strategy::MergeBy(key)) => self.list(parts, kind, key, path),
            (Some(Kind::List(_)), _) if path.ends_with("tolerations") => unite(parts),
            (Some(Kind::List(_)), Strategy::Unite) => unite(parts),
            _ => self.conflict(parts, path),
        }
    }

    fn list(&mut self, lists: &Parts<'_>, kind: &Kind, key: &str, path: &str) -> Option<Node> {
        let object = kind.element_object()?;
        let mut merged: Vec<Node> = Vec::new();
        for name in names(lists, key) {
            let same = elements(lists, key, &name);
            let label = match &name.value {
                Value::Str(s) => s.to_string(),
                Value::Int(i) => i.to_string(),
                _ => String::new(),
            };
            let at = format!("{path}[{label}]");
            if agree(&same) {
                if !identical(&same) {
                    self.widen(&at, &same);
                }
                merged.extend(absorbed(&same));
            } else if key == "containerPort" {
                // The same port under two names: the leader's is the one that others use.
                merged.extend(
                    present(&same)
                        .first()
                        .map(|n| Node::derived((*n).clone(), &origins(&same))),
                );
            } else {
                merged.extend(self.object(&same, object, &at));
            }
        }
        Some(merged.into())
    }

    /// Labels, without the one that tells members apart: no template can say it for all of them.
    fn labels(&mut self, parts: &Parts<'_>, path: &str) -> Option<Node> {
        let mut merged = Map::new();
        for key in keys(parts) {
            let values = children(parts, &key);
            if key == MEMBER_LABEL {
                continue;
            }
            merged.insert_some(
                key.clone(),
                self.value(&values, None, Strategy::Default, &format!("{path}[{key}]")),
            );
        }
        let mut node = Node::from(merged);
        present(parts).into_iter().for_each(|n| node.decided_by(&n.ids));
        Some(node)
    }

    fn conflict(&mut self, parts: &Parts<'_>, path: &str) -> Option<Node> {
        let nodes = present(parts);
        let first = (*nodes.first()?).clone();
        let differs = nodes
            .iter()
            .rev()
            .find(|n| ***n != first)
            .copied()
            .unwrap_or(&first);
        let other = first.ids.first().filter(|_| nodes.len() > 1);
        let message = format!(
            "the pods of a replica of `{}` differ in `{path}`",
            self.role.name.value
        );
        let said = Diagnostic::new(&MERGE_CONFLICT, message)
            .at_ids(&differs.all_ids())
            .at_ids(&origins(parts))
            .at_ids(&self.role.name.ids)
            .label(other, "and here")
            .reason("the target has one pod template for all ranks, and this is read before the container can look at its rank")
            .remedy("make it equal for leader and workers, or choose a target with a template for each");
        self.ledger.report(said);
        Some(first)
    }

    fn widen(&mut self, path: &str, parts: &Parts<'_>) {
        let field = path
            .split(['.', '['])
            .rev()
            .find(|p| !p.ends_with(']'))
            .unwrap_or_default();
        if HARMLESS.contains(&field) || HARMLESS.iter().any(|h| path.contains(h)) {
            return;
        }
        self.widened.push((path.to_owned(), origins(parts)));
    }

    fn report_widened(&mut self) {
        for (path, ids) in std::mem::take(&mut self.widened) {
            // What the compiler itself left out for some ranks was decided with them in mind.
            if ids.is_empty() {
                continue;
            }
            let message = format!(
                "`{path}` of some pods of `{}` holds for all ranks of a replica",
                self.role.name.value
            );
            self.ledger.report(
                Diagnostic::new(&MERGE_WIDENED, message)
                    .at_ids(&ids)
                    .outcome(Outcome::Moved),
            );
        }
    }
}

/// The largest of several numbers, with the origins of all.
fn largest(parts: &Parts<'_>) -> Option<Node> {
    let nodes = present(parts);
    let largest = nodes.iter().copied().max_by_key(|n| n.as_int())?;
    Some(Node::derived(largest.clone(), &origins(parts)))
}

/// All elements of all lists, each once.
fn unite(parts: &Parts<'_>) -> Option<Node> {
    let mut all: Vec<Node> = Vec::new();
    for element in present(parts).into_iter().filter_map(Node::as_seq).flatten() {
        match all.iter_mut().find(|e| *e == element) {
            Some(known) => known.absorb(element),
            None => all.push(element.clone()),
        }
    }
    Some(all.into())
}

#[cfg(test)]
mod tests;
