//! Rules about schedulers, and those of the schedulers' own.

use super::Rules;
use crate::dialect::grove::codes::{
    QUEUE_CONFLICT, QUEUE_MISSING, SCHEDULER_CONFLICT, SCHEDULER_UNKNOWN, TOPOLOGY_OPTION,
};
use crate::dialect::grove::operator::{KAI, LPX, VOLCANO};
use crate::dialect::grove::read::Set;
use crate::dialect::grove::scheduling::{KAI_QUEUE, VOLCANO_QUEUE};
use crate::kubernetes::names;
use crate::value::{Map, Node, Str, Traced};

/// Volcano's queue of sets that name none.
const DEFAULT_QUEUE: &str = "default";

/// The queue that KAI charges a set to: the set's label or annotation, else a clique's.
pub(in crate::dialect::grove) fn kai_queue(set: &Set) -> Option<Traced<Str>> {
    kai(&set.labels, &set.annotations)
        .or_else(|| set.cliques.iter().find_map(|c| kai(&c.labels, &c.annotations)))
}

fn kai(labels: &Map, annotations: &Map) -> Option<Traced<Str>> {
    [labels, annotations]
        .into_iter()
        .find_map(|map| named(map, KAI_QUEUE))
}

fn named(map: &Map, key: &str) -> Option<Traced<Str>> {
    let node = map.get(key)?;
    let name = node.as_str()?.trim();
    (!name.is_empty()).then(|| Traced::new(name.into(), node.ids.clone()))
}

/// The queue that Volcano charges a set to.
pub(in crate::dialect::grove) fn volcano_queue(set: &Set) -> Str {
    named(&set.annotations, VOLCANO_QUEUE)
        .or_else(|| {
            set.cliques
                .iter()
                .find_map(|c| named(&c.annotations, VOLCANO_QUEUE))
        })
        .map_or(DEFAULT_QUEUE.into(), |q| q.value)
}

impl Rules<'_> {
    pub(super) fn scheduler(&mut self) {
        let set = self.set;
        let of = |spec: &Node| {
            let name = spec.get("schedulerName").and_then(Node::as_str);
            self.operator.scheduler(name.unwrap_or_default())
        };
        let names: Vec<Str> = set.cliques.iter().map(|c| of(&c.pod_spec)).collect();
        let place = |n: usize| {
            let clique = &set.cliques[n];
            clique
                .pod_spec
                .get("schedulerName")
                .map_or(&clique.ids, |node| &node.ids)
        };
        let Some(first) = names.first().cloned() else {
            return;
        };
        if let Some(other) = names.iter().position(|n| *n != first) {
            let reason = format!("cliques have the schedulers `{first}` and `{}`", names[other]);
            self.say(&SCHEDULER_CONFLICT, place(other), reason);
        }
        if !self.operator.may_schedule(&first) {
            let reason = format!("the scheduler `{first}` is not enabled in the operator's configuration");
            self.say(&SCHEDULER_UNKNOWN, place(0), reason);
        }
        match first.as_str() {
            KAI => self.kai(),
            VOLCANO => {
                self.no_topology(VOLCANO);
                self.volcano();
            }
            LPX => self.no_topology(LPX),
            _ => {}
        }
    }

    fn no_topology(&mut self, scheduler: &str) {
        let set = self.set;
        for constraint in set.constraints() {
            let reason = format!("the scheduler `{scheduler}` takes no topology constraints");
            self.say(&TOPOLOGY_OPTION, &constraint.ids, reason);
        }
    }

    fn kai(&mut self) {
        let set = self.set;
        let Some(queue) = kai_queue(set) else {
            let reason = format!("the label `{KAI_QUEUE}` is neither on the PodCliqueSet nor on a clique");
            return self.say(&QUEUE_MISSING, &set.ids, reason);
        };
        for clique in &set.cliques {
            let own = kai(&clique.labels, &clique.annotations);
            if let Some(own) = own.filter(|q| q.value != queue.value) {
                let reason = format!(
                    "the clique `{}` has the queue `{}`, another one than `{}`",
                    clique.name.value, own.value, queue.value
                );
                self.say(&QUEUE_CONFLICT, &own.ids, reason);
            }
        }
    }

    fn volcano(&mut self) {
        let set = self.set;
        let of_set = named(&set.annotations, VOLCANO_QUEUE);
        let mut chosen: Option<Str> = None;
        for clique in &set.cliques {
            let own = named(&clique.annotations, VOLCANO_QUEUE);
            let queue = own
                .as_ref()
                .or(of_set.as_ref())
                .map_or(DEFAULT_QUEUE.into(), |q| q.value.clone());
            let other =
                chosen.get_or_insert_with(|| of_set.as_ref().map_or(queue.clone(), |q| q.value.clone()));
            if *other != queue {
                let reason = format!(
                    "the clique `{}` has the queue `{queue}`, another one than `{other}`",
                    clique.name.value
                );
                let ids = own.map_or_else(|| clique.ids.clone(), |q| q.ids);
                self.say(&QUEUE_CONFLICT, &ids, reason);
            }
        }
        let queue = volcano_queue(set);
        let ids = of_set.map_or_else(|| set.ids.clone(), |q| q.ids);
        if let Err(why) = names::dns_subdomain(&queue) {
            self.say(
                &QUEUE_MISSING,
                &ids,
                format!("the queue `{queue}` is not valid: {why}"),
            );
        } else if !self.has_queue(&queue) {
            self.say(
                &QUEUE_MISSING,
                &ids,
                format!("the Volcano queue `{queue}` is not there, or not open"),
            );
        }
    }

    /// Whether a queue may be there: that it is not is only known if the Platform document lists them.
    fn has_queue(&self, name: &str) -> bool {
        let listed = self.operator.platform.queues.as_ref();
        let given = |d: &crate::source::Document| {
            let text = |path: &[&str]| d.root.at(path).and_then(Node::as_str).map(Str::from);
            text(&["kind"]).as_deref() == Some("Queue")
                && text(&["apiVersion"]).is_some_and(|v| v.starts_with("scheduling.volcano.sh/"))
                && text(&["metadata", "name"]).as_deref() == Some(name)
        };
        listed.is_none_or(|l| l.iter().any(|q| q.value == name)) || self.scene.documents.iter().any(given)
    }
}
