//! The objects that the controller makes besides pods: headless Services, StatefulSets, Volcano PodGroups, claims and the revision.

use super::place::Place;
use super::read::{LeaderWorkerSet, PREFIX, QUEUE, Subdomain};
use crate::pods::{Child, Pod, Scene, requests};
use crate::value::{Map, Node, Str};

/// Makes the child objects of a set.
pub struct Children<'a> {
    set: &'a LeaderWorkerSet,
    place: &'a Place,
    revision: &'a str,
    volcano: bool,
    scene: &'a Scene<'a>,
    /// What a gang asks for.
    resources: Node,
}

fn key(name: &str) -> String {
    format!("{PREFIX}{name}")
}

fn map<const N: usize>(entries: [(&str, Node); N]) -> Node {
    Map::from_iter(entries).into()
}

impl<'a> Children<'a> {
    /// Prepares for a set.
    pub fn new(
        set: &'a LeaderWorkerSet,
        place: &'a Place,
        revision: &'a str,
        volcano: bool,
        scene: &'a Scene<'a>,
    ) -> Self {
        let of = |template: &Node| template.get("spec").map(requests::pod).unwrap_or_default();
        let mut all = of(set.leader.as_ref().unwrap_or(&set.worker));
        requests::add(
            &mut all,
            &requests::times(&of(&set.worker), (set.size.value - 1).max(0)),
        );
        Self {
            set,
            place,
            revision,
            volcano,
            scene,
            resources: requests::node(&all),
        }
    }

    fn child(&self, api_version: &str, kind: &str, name: Str, owner: (&str, Str), object: Node) -> Child {
        Child {
            api_version: api_version.into(),
            kind: kind.into(),
            name,
            owner: (owner.0.into(), owner.1),
            object,
        }
    }

    /// What is made once: the revision, the shared Service, the StatefulSet of leaders.
    pub fn of_set(&self) -> Vec<Child> {
        let name = &self.set.name.value;
        let owner = || ("LeaderWorkerSet", name.clone());
        let revision: Str = format!("{name}-{}-1", self.revision).into();
        let mut made = vec![self.child("apps/v1", "ControllerRevision", revision, owner(), Node::map())];
        if self.set.subdomain.value == Subdomain::Shared {
            made.extend(self.service(name, vec![("name", name.as_str().into())], owner()));
        }
        let mut labels = self.set.labels.clone();
        labels.insert(key("name"), name.clone());
        labels.insert(key("template-revision-hash"), self.revision);
        let mut annotations = self.set.annotations.clone();
        annotations.insert(key("replicas"), self.set.replicas.value.to_string());
        let selector = vec![("name", Node::from(name.clone())), ("worker-index", "0".into())];
        let spec = self.stateful_set(self.set.replicas.value, None, name, selector);
        let metadata = map([("labels", labels.into()), ("annotations", annotations.into())]);
        let object = map([("metadata", metadata), ("spec", spec)]);
        made.push(self.child("apps/v1", "StatefulSet", name.clone(), owner(), object));
        made
    }

    /// What is made for a leader: its gang, its Service, its claims.
    pub fn of_leader(&self, group: u32, leader: &Pod) -> Vec<Child> {
        let (name, owner) = (&self.set.name.value, || ("Pod", leader.name.clone()));
        let mut made = Vec::new();
        if self.volcano {
            let gang: Str = format!("{name}-{group}-{}", self.revision).into();
            made.push(self.child(
                "scheduling.volcano.sh/v1beta1",
                "PodGroup",
                gang,
                owner(),
                self.gang(group),
            ));
        }
        if self.set.subdomain.value == Subdomain::UniquePerReplica {
            let selector = vec![
                ("name", name.as_str().into()),
                ("group-index", group.to_string().into()),
            ];
            made.extend(self.service(&leader.name, selector, owner()));
        }
        made
    }

    fn gang(&self, group: u32) -> Node {
        let labels: Map = [
            (key("name"), self.set.name.value.to_string()),
            (key("group-index"), group.to_string()),
            (key("template-revision-hash"), self.revision.to_owned()),
        ]
        .into_iter()
        .collect();
        let mut annotations = self.set.annotations.clone();
        annotations.retain(|k, _| k.starts_with("volcano.sh/"));
        let queue = self
            .set
            .annotations
            .get(QUEUE)
            .cloned()
            .unwrap_or_else(|| "default".into());
        let least = if self.set.leader_first() {
            1
        } else {
            self.set.size.value
        };
        let spec = map([
            ("minMember", least.into()),
            ("minResources", self.resources.clone()),
            ("queue", queue),
        ]);
        let metadata = map([("labels", labels.into()), ("annotations", annotations.into())]);
        map([("metadata", metadata), ("spec", spec)])
    }

    /// The StatefulSet of a leader's workers.
    pub fn workers(&self, group: u32, leader: &Pod) -> Option<Child> {
        let service = match self.set.subdomain.value {
            Subdomain::Shared => &self.set.name.value,
            Subdomain::UniquePerReplica => &leader.name,
        };
        let label = |name: &str| {
            leader
                .labels
                .get(&key(name))
                .cloned()
                .unwrap_or_else(|| group.to_string().into())
        };
        let selector = vec![
            ("group-index", label("group-index")),
            ("group-key", label("group-key")),
            ("name", self.set.name.value.as_str().into()),
        ];
        let mut labels = self.set.labels.clone();
        selector
            .iter()
            .for_each(|(name, value)| drop(labels.insert(key(name), value.clone())));
        labels.insert(key("template-revision-hash"), self.revision);
        let metadata = map([
            ("labels", labels.into()),
            ("annotations", self.set.annotations.clone().into()),
        ]);
        let spec = self.stateful_set(self.set.size.value - 1, Some(1), service, selector);
        let object = map([("metadata", metadata), ("spec", spec)]);
        Some(self.child(
            "apps/v1",
            "StatefulSet",
            leader.name.clone(),
            ("Pod", leader.name.clone()),
            object,
        ))
    }

    fn stateful_set(
        &self,
        replicas: i64,
        start: Option<i64>,
        service: &str,
        selector: Vec<(&str, Node)>,
    ) -> Node {
        let labels: Map = selector
            .into_iter()
            .map(|(name, value)| (key(name), value))
            .collect();
        let mut spec = Map::new();
        spec.insert("replicas", replicas);
        spec.insert("serviceName", service);
        spec.insert("podManagementPolicy", "Parallel");
        spec.insert_some("ordinals", start.map(|n| map([("start", n.into())])));
        spec.insert("selector", map([("matchLabels", labels.into())]));
        spec.into()
    }

    /// A headless Service, unless the input has one of that name: the controller then leaves it as it is.
    fn service(&self, name: &str, selector: Vec<(&str, Node)>, owner: (&str, Str)) -> Option<Child> {
        let mut services = self.scene.of_kind("Service", &self.place.namespace);
        if services.any(|d| d.root.at(&["metadata", "name"]).and_then(Node::as_str) == Some(name)) {
            return None;
        }
        let labels = map([(key("name").as_str(), self.set.name.value.as_str().into())]);
        let selector: Map = selector
            .into_iter()
            .map(|(name, value)| (key(name), value))
            .collect();
        let spec = map([
            ("clusterIP", "None".into()),
            ("publishNotReadyAddresses", true.into()),
            ("selector", selector.into()),
        ]);
        let object = map([("metadata", map([("labels", labels)])), ("spec", spec)]);
        Some(self.child("v1", "Service", name.into(), owner, object))
    }
}
