//! PodGangs, and the PodGroups that schedulers make gangs of.

use super::clique::{PodClique, slice_name};
use super::object::{child, texts};
use crate::dialect::grove::admit::{kai_queue, volcano_queue};
use crate::dialect::grove::operator::{Binding, KAI, Operator, VOLCANO};
use crate::dialect::grove::read::{Constraint, Set};
use crate::pods::{Child, Scene};
use crate::value::{Map, Node, Str};

/// A gang in the making.
struct Gang<'a> {
    name: Str,
    cliques: Vec<&'a PodClique<'a>>,
}

struct Maker<'a> {
    set: &'a Set,
    scheduler: &'a str,
    /// The binding of the constraints, with its levels as far as they are known.
    topology: Option<(Str, Vec<(Str, Str)>)>,
}

/// Adds the gangs: for each replica of the set the base gang, then those of further replicas of scaling groups.
pub(super) fn add<'a>(
    set: &'a Set,
    cliques: &'a [PodClique<'a>],
    (operator, scene): (&Operator, &Scene<'_>),
    scheduler: &'a str,
    all: &mut Vec<Child>,
) {
    let name = set
        .constraints()
        .find_map(|c| c.topology_name.as_ref())
        .map(|n| n.value.clone());
    let topology = name.map(|name| {
        let levels = match operator.binding(&name, scene) {
            Binding::Known(levels) => levels,
            _ => Vec::new(),
        };
        (name, levels)
    });
    let maker = Maker {
        set,
        scheduler,
        topology,
    };
    let mut gangs: Vec<Gang<'a>> = Vec::new();
    for made in cliques {
        let slice_starts = gangs
            .last()
            .is_none_or(|g| g.cliques.first().is_none_or(|c| c.slice != made.slice));
        if slice_starts {
            gangs.push(Gang {
                name: slice_name(set, made.slice),
                cliques: Vec::new(),
            });
        }
        // The gangs of a slice are the last ones; a scaled gang's cliques follow each other.
        let last = gangs.iter_mut().next_back().filter(|g| g.name == made.gang);
        if let Some(gang) = last {
            gang.cliques.push(made);
        } else if made.is_base() {
            let base = gangs.iter_mut().rev().find(|g| g.name == made.gang);
            if let Some(gang) = base {
                gang.cliques.push(made);
            }
        } else {
            gangs.push(Gang {
                name: made.gang.clone(),
                cliques: vec![made],
            });
        }
    }
    for gang in &gangs {
        all.push(maker.gang(gang));
        match scheduler {
            KAI => all.push(maker.kai(gang)),
            VOLCANO => all.push(maker.volcano(gang)),
            _ => {}
        }
    }
}

impl Maker<'_> {
    fn gang(&self, gang: &Gang<'_>) -> Child {
        let kind = ("scheduler.grove.io/v1alpha1", "PodGang");
        let mut object = child(self.set, kind, gang.name.clone(), "podgang");
        self.metadata(&mut object);
        let groups: Vec<Node> = gang
            .cliques
            .iter()
            .map(|made| {
                let mut group = texts(&[("name", &made.name)]);
                group.set("minReplicas", made.clique.min_available.value);
                let own = made.clique.topology.as_ref();
                if let Some(constraint) = own.and_then(|c| self.constraint(c)) {
                    group.set("topologyConstraint", constraint);
                }
                group
            })
            .collect();
        let spec = object.object.at_mut(&["spec"]);
        spec.set("podgroups", groups);
        let whole = self.whole(gang).and_then(|c| self.constraint(c));
        if let Some(constraint) = whole {
            spec.set("topologyConstraint", constraint);
        }
        if let Some(class) = &self.set.priority_class {
            spec.set("priorityClassName", class.node());
        }
        let parts = self.parts(gang);
        if !parts.is_empty() {
            let configs: Vec<Node> = parts
                .into_iter()
                .map(|(name, constraint, members)| {
                    let mut config = texts(&[("name", &name)]);
                    let members: Vec<Node> = members.into_iter().map(Node::from).collect();
                    config.set("podGroupNames", members);
                    if let Some(constraint) = self.constraint(constraint) {
                        config.set("topologyConstraint", constraint);
                    }
                    config
                })
                .collect();
            spec.set("topologyConstraintGroupConfigs", configs);
        }
        object
    }

    /// Labels and annotations of the set that are not Grove's own are mirrored onto gangs.
    fn metadata(&self, object: &mut Child) {
        let metadata = object.object.at_mut(&["metadata"]);
        let foreign = |map: &Map| -> Vec<(Str, Node)> {
            let entries = map.iter().filter(|(k, _)| !k.starts_with("grove.io/"));
            entries.cloned().collect()
        };
        let labels = metadata.at_mut(&["labels"]).map_mut();
        labels.remove("app.kubernetes.io/name");
        for (key, value) in foreign(&self.set.labels) {
            if !labels.contains_key(&key) {
                labels.insert(key, value);
            }
        }
        labels.insert("grove.io/scheduler-name", self.scheduler);
        let mut annotations = Map::from_unique(foreign(&self.set.annotations));
        annotations.insert_some(
            "grove.io/topology-name",
            self.topology.as_ref().map(|(name, _)| name.clone()),
        );
        if !annotations.is_empty() {
            metadata.set("annotations", annotations);
        }
    }

    /// The constraint of a whole gang: the set's, of a scaled gang its group's if it has one.
    fn whole<'b>(&'b self, gang: &'b Gang<'_>) -> Option<&'b Constraint> {
        let scaled = gang
            .cliques
            .first()
            .filter(|c| !c.is_base())
            .and_then(|c| c.group);
        scaled
            .and_then(|(g, _)| g.topology.as_ref())
            .or(self.set.topology.as_ref())
    }

    /// The replicas of scaling groups with a constraint in a base gang: name, constraint and PodCliques.
    fn parts<'b>(&'b self, gang: &'b Gang<'_>) -> Vec<(Str, &'b Constraint, Vec<Str>)> {
        let mut all: Vec<(Str, &Constraint, Vec<Str>)> = Vec::new();
        for made in gang.cliques.iter().filter(|c| c.is_base()) {
            let Some((group, replica)) = made.group else {
                continue;
            };
            let Some(constraint) = &group.topology else {
                continue;
            };
            let name = super::clique::group_name(self.set, made.slice, group);
            let name: Str = format!("{name}-{replica}").into();
            match all.iter_mut().find(|(n, ..)| *n == name) {
                Some((_, _, members)) => members.push(made.name.clone()),
                None => all.push((name, constraint, vec![made.name.clone()])),
            }
        }
        all
    }

    /// The node label of a domain.
    fn key(&self, domain: Option<&Str>) -> Option<Str> {
        let (_, levels) = self.topology.as_ref()?;
        levels
            .iter()
            .find(|(d, _)| Some(d) == domain)
            .map(|(_, key)| key.clone())
    }

    fn keys(&self, constraint: &Constraint) -> [(&'static str, Option<Str>); 2] {
        [
            ("required", self.key(constraint.required().map(|d| &d.value))),
            (
                "preferred",
                self.key(constraint.preferred.as_ref().map(|d| &d.value)),
            ),
        ]
    }

    fn constraint(&self, constraint: &Constraint) -> Option<Node> {
        let mut pack = Map::new();
        for (word, key) in self.keys(constraint) {
            pack.insert_some(word, key);
        }
        (!pack.is_empty()).then(|| Map::from_iter([("packConstraint", Node::from(pack))]).into())
    }

    fn kai_constraint(&self, constraint: Option<&Constraint>) -> Option<Node> {
        let (constraint, (name, _)) = constraint.zip(self.topology.as_ref())?;
        let mut node = texts(&[("topology", name)]);
        for (word, key) in self.keys(constraint) {
            node.map_mut().insert_some(format!("{word}TopologyLevel"), key);
        }
        Some(node)
    }

    fn minimum(gang: &Gang<'_>) -> i64 {
        gang.cliques.iter().map(|c| c.clique.min_available.value).sum()
    }

    fn group_object(&self, gang: &Gang<'_>, api_version: &str) -> Child {
        let mut object = child(self.set, (api_version, "PodGroup"), gang.name.clone(), "podgang");
        self.metadata(&mut object);
        object.owner = ("PodGang".into(), gang.name.clone());
        let spec = object.object.at_mut(&["spec"]);
        spec.set("minMember", Self::minimum(gang));
        if let Some(class) = &self.set.priority_class {
            spec.set("priorityClassName", class.node());
        }
        object
    }

    fn kai(&self, gang: &Gang<'_>) -> Child {
        let mut object = self.group_object(gang, "scheduling.run.ai/v2alpha2");
        let skip = object.object.at_mut(&["metadata", "annotations"]);
        skip.set("kai.scheduler/skip-podgrouper", "true");
        let parts = self.parts(gang);
        let mut groups: Vec<Node> = Vec::new();
        for (name, constraint, members) in &parts {
            let mut group = texts(&[("name", name)]);
            group.set("minSubGroup", i64::try_from(members.len()).unwrap_or_default());
            group
                .map_mut()
                .insert_some("topologyConstraint", self.kai_constraint(Some(constraint)));
            groups.push(group);
        }
        for made in &gang.cliques {
            let mut group = texts(&[("name", &made.name)]);
            group.set("minMember", made.clique.min_available.value);
            let parent = parts.iter().find(|(.., members)| members.contains(&made.name));
            group
                .map_mut()
                .insert_some("parent", parent.map(|(name, ..)| name.clone()));
            let own = self.kai_constraint(made.clique.topology.as_ref());
            group.map_mut().insert_some("topologyConstraint", own);
            groups.push(group);
        }
        let whole = self.kai_constraint(self.whole(gang));
        let queue = kai_queue(self.set).map(|q| q.value);
        let spec = object.object.at_mut(&["spec"]).map_mut();
        spec.insert_some("queue", queue);
        spec.insert("subGroups", groups);
        spec.insert_some("topologyConstraint", whole);
        object
    }

    fn volcano(&self, gang: &Gang<'_>) -> Child {
        let mut object = self.group_object(gang, "scheduling.volcano.sh/v1beta1");
        object
            .object
            .at_mut(&["metadata"])
            .map_mut()
            .remove("annotations");
        let policies: Vec<Node> = gang
            .cliques
            .iter()
            .map(|made| {
                let mut policy = texts(&[("name", &made.name)]);
                let selector = texts(&[("grove.io/podclique", &made.name)]);
                policy.at_mut(&["labelSelector"]).set("matchLabels", selector);
                policy.set("matchLabelKeys", vec![Node::from("grove.io/podclique")]);
                policy.set("subGroupSize", made.clique.min_available.value.max(1));
                policy.set("minSubGroups", 1_i64);
                policy
            })
            .collect();
        let spec = object.object.at_mut(&["spec"]);
        spec.set("queue", volcano_queue(self.set));
        spec.set("subGroupPolicy", policies);
        object
    }
}
