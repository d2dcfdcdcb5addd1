//! What Grove's validating webhook refuses, as it does on create (operator/internal/webhook/admission/pcs/validation).

mod cliques;
mod scheduler;
mod topology;

pub(super) use scheduler::{kai_queue, volcano_queue};

use super::codes::{
    GROUP_MEMBERS, METADATA, MIN_AVAILABLE, MNNVL, NAME_BUDGET, NAME_CLASH, NO_REPLICAS, RESOURCE_SHARING,
    SCALE_BOUNDS, SCHEMA, TERMINATION_DELAY,
};
use super::layout::NAME_CHARACTERS;
use super::operator::Operator;
use super::read::{Group, Set};
use super::sharing::{self, Level};
use crate::diagnostic::Code;
use crate::kubernetes::duration::Duration;
use crate::kubernetes::names;
use crate::pods::{Problem, Scene};
use crate::value::{Ids, Map, Node, Str, Traced};

/// The annotation of a ComputeDomain for NVLink over nodes.
pub(super) const MNNVL_GROUP: &str = "grove.io/mnnvl-group";
/// Its value that keeps a layer out of it.
pub(super) const MNNVL_NONE: &str = "none";

/// Adds what is refused to `problems`.
pub(super) fn check(set: &Set, operator: &Operator, scene: &Scene<'_>, problems: &mut Vec<Problem>) {
    let mut rules = Rules {
        set,
        operator,
        scene,
        problems,
    };
    rules.names();
    rules.claims();
    rules.cliques();
    rules.groups();
    rules.termination_delay();
    rules.topology();
    rules.mnnvl();
    rules.scheduler();
}

struct Rules<'a> {
    set: &'a Set,
    operator: &'a Operator,
    scene: &'a Scene<'a>,
    problems: &'a mut Vec<Problem>,
}

impl Rules<'_> {
    fn say(&mut self, code: &'static Code, ids: &Ids, reason: impl Into<String>) {
        self.problems.push(Problem::new(code, reason, ids));
    }

    /// The place of a value, or of what it belongs to if it is a default.
    fn place<'b>(own: &'b Ids, owner: &'b Ids) -> &'b Ids {
        if own.is_empty() { owner } else { own }
    }

    fn names(&mut self) {
        let set = self.set;
        let name = &set.name.value;
        if let (false, Err(why)) = (name.is_empty(), names::dns_subdomain(name)) {
            self.say(
                &SCHEMA,
                &set.name.ids,
                format!("the name `{name}` is not valid: {why}"),
            );
        }
        self.metadata(&set.labels, &set.annotations, &SCHEMA, "the PodCliqueSet");
        for clique in set
            .cliques
            .iter()
            .filter(|c| set.group_of(&c.name.value).is_none())
        {
            self.budget(None, &clique.name);
        }
        for group in &set.groups {
            for clique in &group.clique_names {
                self.budget(Some(&group.name), clique);
            }
        }
    }

    fn metadata(&mut self, labels: &Map, annotations: &Map, code: &'static Code, owner: &str) {
        for (key, value) in labels {
            let text = value.as_str().unwrap_or_default();
            if let Err(why) = names::qualified_key(key) {
                self.say(
                    code,
                    &value.ids,
                    format!("the label `{key}` of {owner} is not valid: {why}"),
                );
            }
            if let Err(why) = names::label_value(text) {
                let reason =
                    format!("the value `{text}` of the label `{key}` of {owner} is not valid: {why}");
                self.say(code, &value.ids, reason);
            }
        }
        for (key, value) in annotations {
            if let Err(why) = names::annotation_key(key) {
                self.say(
                    code,
                    &value.ids,
                    format!("the annotation `{key}` of {owner} is not valid: {why}"),
                );
            }
        }
    }

    fn budget(&mut self, group: Option<&Traced<Str>>, clique: &Traced<Str>) {
        let set = &self.set.name;
        let of_group = group.map_or("", |g| g.value.as_str());
        let length = set.value.len() + of_group.len() + clique.value.len();
        if length > NAME_CHARACTERS {
            let group = group.map_or_else(String::new, |g| format!("`{}`, ", g.value));
            let reason = format!(
                "the names `{}`, {group}`{}` have {length} characters together, {} too many",
                set.value,
                clique.value,
                length - NAME_CHARACTERS
            );
            self.say(&NAME_BUDGET, Self::place(&clique.ids, &set.ids), reason);
        }
    }

    fn claims(&mut self) {
        let set = self.set;
        let problems = &mut *self.problems;
        let say = &mut |at: &Node, reason: String| {
            problems.push(Problem::new(&RESOURCE_SHARING, reason, &at.ids));
        };
        let templates = &set.claim_templates;
        sharing::check_templates(templates, say);
        let cliques: Vec<&str> = set.cliques.iter().map(|c| c.name.value.as_str()).collect();
        let groups: Vec<&str> = set.groups.iter().map(|g| g.name.value.as_str()).collect();
        sharing::check_list(&set.sharing, Level::Set, templates, (&cliques, &groups), say);
        for group in &set.groups {
            let members: Vec<&str> = group.clique_names.iter().map(|n| n.value.as_str()).collect();
            sharing::check_list(&group.sharing, Level::Group, templates, (&members, &[]), say);
        }
        for clique in &set.cliques {
            // The schema of a clique has no filter: it is dropped.
            let mut list = clique.sharing.clone();
            list.iter_mut()
                .filter(|e| e.as_map().is_some())
                .for_each(|entry| {
                    entry.map_mut().remove("filter");
                });
            sharing::check_list(&list, Level::Clique, templates, (&[], &[]), say);
        }
    }

    fn groups(&mut self) {
        let set = self.set;
        for (n, group) in set.groups.iter().enumerate() {
            let name = &group.name;
            if let Err(why) = names::dns_subdomain(&name.value) {
                let reason = format!("the name `{}` of a scaling group is not valid: {why}", name.value);
                self.say(&METADATA, Self::place(&name.ids, &group.ids), reason);
            }
            if set.groups[..n].iter().any(|g| g.name.value == name.value) {
                let reason = format!("two scaling groups are called `{}`", name.value);
                self.say(&NAME_CLASH, Self::place(&name.ids, &group.ids), reason);
            }
            self.members(group, n);
            self.sizes(group);
        }
    }

    fn members(&mut self, group: &Group, at: usize) {
        let set = self.set;
        for (n, member) in group.clique_names.iter().enumerate() {
            let name = &member.value;
            let twice = group.clique_names[..n].iter().any(|m| m.value == *name)
                || set.groups[..at].iter().any(|g| g.has(name));
            match set.clique(name) {
                None => {
                    let reason = format!("no clique is called `{name}`");
                    self.say(&GROUP_MEMBERS, &member.ids, reason);
                }
                Some(_) if twice => {
                    let reason = format!("the clique `{name}` is a member of scaling groups twice");
                    self.say(&GROUP_MEMBERS, &member.ids, reason);
                }
                Some(clique) => {
                    if let Some(scaling) = &clique.scaling {
                        let reason = format!(
                            "the clique `{name}` is a member of the scaling group `{}` and has an `autoScalingConfig`",
                            group.name.value
                        );
                        self.say(&SCALE_BOUNDS, &scaling.ids, reason);
                    }
                }
            }
        }
    }

    fn sizes(&mut self, group: &Group) {
        let name = &group.name.value;
        let (replicas, least) = (&group.replicas, &group.min_available);
        if replicas.value <= 0 {
            let reason = format!("the scaling group `{name}` has {} replicas", replicas.value);
            self.say(&NO_REPLICAS, &replicas.ids, reason);
        }
        if least.value <= 0 {
            let reason = format!("`minAvailable` of the scaling group `{name}` is {}", least.value);
            self.say(&MIN_AVAILABLE, &least.ids, reason);
        }
        if least.value > replicas.value {
            let reason = format!(
                "the scaling group `{name}` has {} replicas, and `minAvailable` asks for {}",
                replicas.value, least.value
            );
            self.say(&MIN_AVAILABLE, &least.ids, reason);
        }
        if let Some(scaling) = group.scaling.as_ref().filter(|s| s.min.value < least.value) {
            let reason = format!(
                "scaling leaves {} replicas of the scaling group `{name}`, and `minAvailable` asks for {}",
                scaling.min.value, least.value
            );
            self.say(&SCALE_BOUNDS, Self::place(&scaling.min.ids, &scaling.ids), reason);
        }
    }

    fn termination_delay(&mut self) {
        let Some(delay) = &self.set.termination_delay else {
            return;
        };
        match Duration::parse(&delay.value) {
            Err(why) => self.say(
                &SCHEMA,
                &delay.ids,
                format!("`terminationDelay` is not a duration: {why}"),
            ),
            Ok(time) if time.nanoseconds() <= 0 => self.say(
                &TERMINATION_DELAY,
                &delay.ids,
                format!("`terminationDelay` is {}", delay.value),
            ),
            Ok(_) => {}
        }
    }

    fn mnnvl(&mut self) {
        let set = self.set;
        let layers = [&set.annotations]
            .into_iter()
            .chain(set.cliques.iter().map(|c| &c.annotations))
            .chain(set.groups.iter().map(|g| &g.annotations));
        let off = self
            .operator
            .platform
            .auto_mnnvl
            .as_ref()
            .is_some_and(|a| !a.value);
        for value in layers.filter_map(|annotations| annotations.get(MNNVL_GROUP)) {
            let group = value.as_str().unwrap_or_default();
            if group == MNNVL_NONE {
                continue;
            }
            if let Err(why) = names::dns_label(group) {
                let reason = format!("the group `{group}` of `{MNNVL_GROUP}` is not valid: {why}");
                self.say(&MNNVL, &value.ids, reason);
            }
            if off {
                let reason =
                    format!("`{MNNVL_GROUP}` is refused: the operator has `network.autoMNNVLEnabled` off");
                self.say(&MNNVL, &value.ids, reason);
            }
        }
    }
}
