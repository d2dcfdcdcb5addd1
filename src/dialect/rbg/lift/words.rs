//! What pods are told at run time: variables, labels, and the DNS names that follow from the names of group and role.

use super::super::answers::{LEADER_WORKER, LEADER_WORKER_SET};
use super::super::names::{self, COMPONENT_NAME, GROUP_NAME, INSTANCE_NAME, ROLE_NAME};
use super::super::options::{Pattern, WorkloadKind};
use super::super::verdicts::keys;
use crate::dialect::lifting::{Composed, Draft, Given, Means, Rendezvous};
use crate::value::{Node, Reference, Str};

/// Replicas and ranks whose names are looked for; nobody writes more of them down.
const MOST: i64 = 64;
const GROUP: &str = "$(RBG_GROUP_NAME)";
const ROLE: &str = "$(RBG_ROLE_NAME)";
const INSTANCE: &str = "$(RBG_ROLE_INSTANCE_NAME)";

/// A role of a draft, as far as names follow from it.
pub struct Named {
    /// Its name.
    pub name: Str,
    /// Its instances.
    pub replicas: i64,
    workload: WorkloadKind,
    pattern: Pattern,
    random: bool,
    /// Its members, each with its name and count.
    members: Vec<(Str, i64)>,
}

/// What the pods of a role know.
pub fn rendezvous(draft: &Draft, role: &Node) -> Rendezvous {
    let own = Named::of(role);
    let group = group(draft);
    Rendezvous {
        variables: variables(&own, group.as_ref()),
        fields: fields(&own, group.as_ref()),
        composed: composed(draft, &own, group.as_ref()),
        direct: true,
    }
}

/// The group's name, unless there are several.
pub fn group(draft: &Draft) -> Option<Str> {
    let spec = draft.serving.get("spec");
    let set = spec.and_then(|s| s.at(&["targets", "rbg", "set"])).is_some();
    let slices = spec.and_then(|s| s.get("slices")?.as_int()).unwrap_or(1);
    let name = draft.serving.at(&["metadata", "name"]).and_then(Node::as_str);
    name.filter(|_| !set && slices <= 1).map(Str::from)
}

impl Named {
    /// Reads a role of a draft.
    pub fn of(role: &Node) -> Self {
        let int = |node: &Node, key: &str| node.get(key).and_then(Node::as_int);
        let option = |key: &str| role.at(&["targets", "rbg", key]).and_then(Node::as_str);
        let members: Vec<(Str, i64)> = match role.get("members").and_then(Node::as_seq) {
            Some(members) => members
                .iter()
                .map(|m| {
                    let name = m.get("name").and_then(Node::as_str).unwrap_or_default();
                    (name.into(), int(m, "count").unwrap_or(1))
                })
                .collect(),
            None => vec![("".into(), int(role, "nodes").unwrap_or(1))],
        };
        let pattern = option("pattern").and_then(Pattern::from_word);
        let pair = members.len() == 2 && members[0].1 == 1 && role.get("startup").is_none();
        let fitting = match members.as_slice() {
            [(_, 1)] => Pattern::Standalone,
            [_] => Pattern::LeaderWorker,
            _ if pair => Pattern::LeaderWorker,
            _ => Pattern::CustomComponents,
        };
        let workload = option("workload").and_then(WorkloadKind::from_word);
        let workload = workload.unwrap_or(WorkloadKind::RoleInstanceSet);
        Self {
            name: role.get("name").and_then(Node::as_str).unwrap_or_default().into(),
            replicas: int(role, "replicas").unwrap_or(1),
            random: workload == WorkloadKind::Deployment || option("instancePattern") == Some("Stateless"),
            workload,
            pattern: pattern.unwrap_or(fitting),
            members,
        }
    }

    fn size(&self) -> i64 {
        self.members.iter().fold(0, |sum, (_, n)| sum.saturating_add(*n))
    }

    /// What the name of the pod of that rank has behind its instance's.
    fn suffix(&self, rank: i64) -> String {
        match self.pattern {
            Pattern::Standalone => String::new(),
            Pattern::LeaderWorker if self.workload == WorkloadKind::LeaderWorkerSet && rank == 0 => {
                String::new()
            }
            Pattern::LeaderWorker => format!("-{rank}"),
            Pattern::CustomComponents => {
                let mut first = 0;
                for (name, count) in &self.members {
                    if rank < first + count {
                        return format!("-{name}-{}", rank - first);
                    }
                    first += count;
                }
                String::new()
            }
        }
    }

    fn service(&self, group: &str, role: &str) -> String {
        match self.workload {
            WorkloadKind::LeaderWorkerSet => names::workload(group, role),
            _ => names::headless(group, role),
        }
    }

    /// The name of its headless Service, where that is the name of one pod alone.
    pub fn only(&self, group: &str) -> Option<String> {
        let one = self.replicas == 1 && (self.pattern != Pattern::CustomComponents || self.size() == 1);
        (one && !self.random).then(|| self.service(group, &self.name))
    }

    /// Whether it has a headless Service, and that Service's name.
    pub fn headless(&self, group: &str) -> Option<String> {
        (self.workload != WorkloadKind::Deployment).then(|| self.service(group, &self.name))
    }
}

fn asks(name: &'static str, reference: &Reference) -> Given {
    Given {
        name,
        means: Means::Asks(reference.clone()),
    }
}

fn text(name: &'static str, text: &str) -> Given {
    Given {
        name,
        means: Means::Text(text.into()),
    }
}

fn own(name: &'static str, what: &'static str) -> Given {
    Given {
        name,
        means: Means::Own(what),
    }
}

const NUMBER: &str = "the number of the instance in its role";
const NAME: &str = "the name of the role instance, with which its pods' names begin";

fn variables(role: &Named, group: Option<&Str>) -> Vec<Given> {
    let mut all = vec![
        group.map_or_else(
            || own("RBG_GROUP_NAME", "the name of the group"),
            |g| text("RBG_GROUP_NAME", g),
        ),
        text("RBG_ROLE_NAME", &role.name),
        own("RBG_ROLE_INDEX", NUMBER),
    ];
    let questions: &[(&'static str, Reference)] = match (role.workload, role.pattern) {
        (WorkloadKind::LeaderWorkerSet, _) => &LEADER_WORKER_SET,
        (WorkloadKind::RoleInstanceSet, Pattern::LeaderWorker) => &LEADER_WORKER,
        _ => &[],
    };
    all.extend(questions.iter().map(|(name, reference)| asks(name, reference)));
    if role.workload == WorkloadKind::RoleInstanceSet {
        all.push(own("RBG_ROLE_INSTANCE_NAME", NAME));
        match role.pattern {
            Pattern::Standalone => {
                all.push(text("RBG_COMPONENT_NAME", &role.name));
                all.push(text("RBG_COMPONENT_INDEX", "0"));
            }
            Pattern::LeaderWorker | Pattern::CustomComponents => {
                all.push(own("RBG_COMPONENT_NAME", "the name of the component"));
                all.push(match role.members.len() {
                    1 if role.pattern == Pattern::CustomComponents => {
                        asks("RBG_COMPONENT_INDEX", &Reference::Rank { times: 1 })
                    }
                    _ => own("RBG_COMPONENT_INDEX", "the number of the pod in its component"),
                });
            }
        }
    }
    all
}

fn fields(role: &Named, group: Option<&Str>) -> Vec<Given> {
    let mut all = vec![
        group.map_or_else(
            || own(GROUP_NAME, "the name of the group"),
            |g| text(GROUP_NAME, g),
        ),
        text(ROLE_NAME, &role.name),
        own(keys::GROUP_UID, "a hash of namespace and group"),
        own(keys::INSTANCE_INDEX, NUMBER),
        own("apps.kubernetes.io/pod-index", NUMBER),
        own(INSTANCE_NAME, NAME),
        own(keys::POD_NAME, "the name of the instance or pod"),
    ];
    match role.pattern {
        Pattern::LeaderWorker => {
            all.push(asks(keys::COMPONENT_INDEX, &Reference::Rank { times: 1 }));
            all.push(asks(keys::COMPONENT_SIZE, &Reference::Size));
        }
        Pattern::Standalone => {
            all.push(text(COMPONENT_NAME, &role.name));
            all.push(text(keys::COMPONENT_SIZE, "1"));
            all.push(text(keys::COMPONENT_ID, "0"));
        }
        Pattern::CustomComponents => {
            all.push(own(COMPONENT_NAME, "the name of the component"));
            all.push(own(keys::COMPONENT_SIZE, "the pods of the component"));
            all.push(own(keys::COMPONENT_ID, "the number of the pod in its component"));
        }
    }
    all
}

/// The DNS names of pods that templates hold, of any role, and the leader of one's own instance.
fn composed(draft: &Draft, own: &Named, group: Option<&Str>) -> Vec<Composed> {
    let hay = texts(draft);
    let namespace = draft
        .serving
        .at(&["metadata", "namespace"])
        .and_then(Node::as_str);
    let mut all: Vec<Composed> = Vec::new();
    let groups: Vec<&str> = group.map(Str::as_str).into_iter().chain([GROUP]).collect();
    let roles = draft.serving.at(&["spec", "roles"]).and_then(Node::as_seq);
    for role in roles
        .unwrap_or_default()
        .iter()
        .map(Named::of)
        .filter(|r| !r.random)
    {
        let mine = role.name == own.name;
        let names: Vec<&str> = if mine {
            vec![&role.name, ROLE]
        } else {
            vec![&role.name]
        };
        for group in &groups {
            for name in &names {
                let variable = [*group, *name].iter().any(|n| n.starts_with('$')) && hay.contains("RBG_");
                if variable || hay.contains(&role.service(group, name)) {
                    pods(&role, group, name, &mut all);
                    if mine {
                        leader(&role, group, name, namespace, &mut all);
                    }
                }
            }
        }
    }
    all.retain(|c| c.text.starts_with('$') || c.text.contains("$(") || hay.contains(c.text.as_str()));
    all.sort_by(|a, b| b.text.len().cmp(&a.text.len()).then_with(|| a.text.cmp(&b.text)));
    all.dedup_by(|a, b| a.text == b.text);
    all
}

/// All texts of the templates, one after another.
pub fn texts(draft: &Draft) -> String {
    let mut hay = String::new();
    if let Some(roles) = draft.serving.at(&["spec", "roles"]) {
        roles.walk(&mut |n| {
            if let Some(text) = n.as_str() {
                hay.push_str(text);
                hay.push('\n');
            }
        });
    }
    hay
}

fn pods(role: &Named, group: &str, name: &str, all: &mut Vec<Composed>) {
    let address = |replica: i64, rank: i64| Reference::Address {
        role: role.name.clone(),
        replica: u32::try_from(replica).unwrap_or(0),
        rank: u32::try_from(rank).unwrap_or(0),
    };
    let (workload, service) = (names::workload(group, name), role.service(group, name));
    for replica in 0..role.replicas.clamp(0, MOST) {
        for rank in 0..role.size().clamp(0, MOST) {
            all.push(Composed {
                text: format!("{workload}-{replica}{}.{service}", role.suffix(rank)).into(),
                asks: address(replica, rank),
            });
        }
        // What the upstream examples call the leader, and no pod answers to.
        if role.pattern == Pattern::LeaderWorker {
            all.push(Composed {
                text: format!("{workload}-{replica}.{service}").into(),
                asks: address(replica, 0),
            });
        }
    }
    if role.only(group).is_some() {
        all.push(Composed {
            text: service.into(),
            asks: address(0, 0),
        });
    }
}

fn leader(role: &Named, group: &str, name: &str, namespace: Option<&str>, all: &mut Vec<Composed>) {
    if role.workload != WorkloadKind::RoleInstanceSet {
        return;
    }
    let short = format!("{INSTANCE}{}.{}", role.suffix(0), role.service(group, name));
    let mut push = |text: String| {
        all.push(Composed {
            text: text.into(),
            asks: Reference::Leader,
        });
    };
    if let Some(namespace) = namespace {
        for tail in ["", ".svc", ".svc.cluster.local"] {
            push(format!("{short}.{namespace}{tail}"));
        }
    }
    push(short);
}
