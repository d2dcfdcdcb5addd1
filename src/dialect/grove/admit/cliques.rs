//! Rules about cliques and the order in which they start.

use super::Rules;
use crate::dialect::grove::codes::{
    METADATA, MIN_AVAILABLE, NAME_CLASH, NO_CLIQUES, NO_REPLICAS, REFUSED_FIELD, ROLE_NAME, SCALE_BOUNDS,
    STARTUP_OPTIONS,
};
use crate::dialect::grove::read::{Clique, Startup};
use crate::kubernetes::container::list;
use crate::kubernetes::names;
use crate::value::{Node, Str};

impl Rules<'_> {
    pub(super) fn cliques(&mut self) {
        let set = self.set;
        if set.cliques.is_empty() {
            self.say(&NO_CLIQUES, &set.ids, "the PodCliqueSet has no cliques");
        }
        for (n, clique) in set.cliques.iter().enumerate() {
            let name = &clique.name;
            if let Err(why) = names::dns_subdomain(&name.value) {
                let reason = format!("the name `{}` of a clique is not valid: {why}", name.value);
                self.say(&METADATA, &name.ids, reason);
            }
            let before = &set.cliques[..n];
            if before.iter().any(|c| c.name.value == name.value) {
                let reason = format!("two cliques are called `{}`", name.value);
                self.say(&NAME_CLASH, &name.ids, reason);
            }
            if before.iter().any(|c| c.role_name.value == clique.role_name.value) {
                let reason = match clique.role_name.value.as_str() {
                    "" => "two cliques have no `roleName`".to_owned(),
                    role => format!("two cliques have the role name `{role}`"),
                };
                self.say(&ROLE_NAME, &clique.role_name.ids, reason);
            }
            let owner = format!("the clique `{}`", name.value);
            self.metadata(&clique.labels, &clique.annotations, &METADATA, &owner);
            self.clique_sizes(clique);
            self.clique_scaling(clique);
            self.pod_spec(clique);
        }
        if set.startup == Startup::Explicit {
            self.startup();
        }
    }

    fn clique_sizes(&mut self, clique: &Clique) {
        let name = &clique.name.value;
        let (replicas, least) = (&clique.replicas, &clique.min_available);
        if replicas.value <= 0 {
            let reason = format!("the clique `{name}` has {} replicas", replicas.value);
            self.say(&NO_REPLICAS, Self::place(&replicas.ids, &clique.ids), reason);
        }
        if least.value <= 0 {
            // A default of 0 is that of the replicas as written, which are only then raised to 1.
            let reason = format!(
                "`minAvailable` of the clique `{name}` is {} (by default it is `replicas` as written)",
                least.value
            );
            self.say(&MIN_AVAILABLE, Self::place(&least.ids, &clique.ids), reason);
        }
        if least.value > replicas.value {
            let reason = format!(
                "the clique `{name}` has {} pods, and `minAvailable` asks for {}",
                replicas.value, least.value
            );
            self.say(&MIN_AVAILABLE, Self::place(&least.ids, &clique.ids), reason);
        }
    }

    fn clique_scaling(&mut self, clique: &Clique) {
        let Some(scaling) = &clique.scaling else { return };
        let (name, min, max) = (&clique.name.value, &scaling.min, &scaling.max);
        if min.value < clique.min_available.value {
            let reason = format!(
                "scaling leaves {} pods of the clique `{name}`, and `minAvailable` asks for {}",
                min.value, clique.min_available.value
            );
            self.say(&SCALE_BOUNDS, Self::place(&min.ids, &scaling.ids), reason);
        }
        for (bound, what) in [(min.value, "minReplicas"), (clique.replicas.value, "replicas")] {
            if max.value < bound {
                let reason = format!(
                    "`maxReplicas` of the clique `{name}` is {}, below `{what}` {bound}",
                    max.value
                );
                self.say(&SCALE_BOUNDS, Self::place(&max.ids, &scaling.ids), reason);
            }
        }
    }

    fn pod_spec(&mut self, clique: &Clique) {
        let name = &clique.name.value;
        let spread = clique
            .pod_spec
            .get("topologySpreadConstraints")
            .filter(|n| !n.is_null());
        if let Some(spread) = spread {
            let reason = format!("the clique `{name}` has `topologySpreadConstraints`");
            self.say(&REFUSED_FIELD, Self::place(&spread.ids, &clique.ids), reason);
        }
        let node = clique.pod_spec.get("nodeName");
        if let Some(node) = node.filter(|n| n.as_str().is_some_and(|n| !n.is_empty())) {
            let reason = format!("the clique `{name}` has a `nodeName`");
            self.say(&REFUSED_FIELD, &node.ids, reason);
        }
        for key in ["containers", "initContainers"] {
            for variable in list(&clique.pod_spec, key).iter().flat_map(|c| list(c, "env")) {
                let name = variable.get("name");
                let text = name.and_then(Node::as_str).unwrap_or_default();
                if let Err(why) = names::env_name(text) {
                    let reason = format!("the environment variable `{text}` is not valid: {why}");
                    self.say(
                        &METADATA,
                        Self::place(name.map_or(&variable.ids, |n| &n.ids), &clique.ids),
                        reason,
                    );
                }
            }
        }
    }

    fn startup(&mut self) {
        let set = self.set;
        for clique in &set.cliques {
            for (n, after) in clique.starts_after.iter().enumerate() {
                let reason = match after.value.as_str() {
                    "" => "`startsAfter` has an empty name".to_owned(),
                    name if *name == clique.name.value => format!("the clique `{name}` starts after itself"),
                    name if clique.starts_after[..n].iter().any(|a| a.value == *name) => {
                        format!("`startsAfter` names `{name}` twice")
                    }
                    name if set.clique(name).is_none() => format!("no clique is called `{name}`"),
                    _ => continue,
                };
                self.say(&STARTUP_OPTIONS, &after.ids, reason);
            }
        }
        // What can be taken away in turns, because all that it waits for is gone, is in no cycle.
        let mut open: Vec<&Clique> = set.cliques.iter().collect();
        loop {
            let names: Vec<Str> = open.iter().map(|c| c.name.value.clone()).collect();
            let waits = |c: &&Clique| {
                c.starts_after
                    .iter()
                    .any(|a| a.value != c.name.value && names.contains(&a.value))
            };
            let before = open.len();
            open.retain(waits);
            if open.len() == before {
                break;
            }
        }
        if let Some(first) = open.first() {
            let names: Vec<&str> = open.iter().map(|c| c.name.value.as_str()).collect();
            let ids = first.starts_after.first().map_or(&first.ids, |a| &a.ids);
            let reason = format!("cliques wait for each other in a circle: {}", names.join(", "));
            self.say(&STARTUP_OPTIONS, ids, reason);
        }
    }
}
