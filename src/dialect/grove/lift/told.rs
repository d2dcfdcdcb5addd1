//! What Grove tells pods at run time, and what manifests compose of it.
//!
//! A pod's name is `<set>-<slice>-<clique>-<number>`, in a scaling group `<set>-<slice>-<group>-<replica>-<clique>-<number>`,
//! under the headless Service `<set>-<slice>`. Names of pods, in variables or in full, are addresses by coordinates.

use crate::dialect::lifting::{Composed, Draft, Given, Means, Rendezvous};
use crate::value::{Node, Reference, Str};

/// The domain of clusters, which Grove writes whatever it is.
const CLUSTER_DOMAIN: &str = "svc.cluster.local";
/// More pods than anybody lists by their names.
const MOST_ADDRESSES: usize = 4096;

/// The set of a draft.
struct Set<'a> {
    name: &'a str,
    namespace: Option<&'a str>,
    /// Whether there is one slice at most, so that its number is known.
    single: bool,
    roles: Vec<Role<'a>>,
}

/// A role of it.
struct Role<'a> {
    name: &'a str,
    /// The name of the scaling group.
    group: Option<&'a str>,
    replicas: u32,
    /// The cliques: name and pods.
    cliques: Vec<(&'a str, u32)>,
}

/// What the pods of a role are told, of one of its members where it has some.
pub(in crate::dialect::grove) fn rendezvous(draft: &Draft, role: &Node, member: Option<usize>) -> Rendezvous {
    let set = Set::of(&draft.serving);
    let name = role.get("name").and_then(Node::as_str);
    let Some(own) = set.roles.iter().find(|r| Some(r.name) == name) else {
        return Rendezvous::default();
    };
    let pod = Pod {
        set: &set,
        role: own,
        clique: member.unwrap_or_default(),
    };
    let mut texts = String::new();
    role.walk(&mut |n| {
        if let Some(text) = n.as_str() {
            texts.push_str(text);
            texts.push('\n');
        }
    });
    let mut composed = pod.composed();
    composed.extend(pod.addresses(&texts));
    composed.sort_by_key(|c| std::cmp::Reverse(c.text.len()));
    Rendezvous {
        variables: pod.variables(),
        fields: pod.fields(),
        composed,
        direct: false,
    }
}

fn text<'a>(node: &'a Node, path: &[&str]) -> Option<&'a str> {
    node.at(path).and_then(Node::as_str)
}

fn number(node: &Node, key: &str, default: u32) -> u32 {
    let written = node.get(key).and_then(Node::as_int);
    written.map_or(default, |n| u32::try_from(n).unwrap_or_default())
}

impl<'a> Set<'a> {
    fn of(serving: &'a Node) -> Self {
        let spec = serving.get("spec");
        let roles = spec.and_then(|s| s.get("roles")).and_then(Node::as_seq);
        Self {
            name: text(serving, &["metadata", "name"]).unwrap_or_default(),
            namespace: text(serving, &["metadata", "namespace"]),
            single: spec.is_none_or(|s| number(s, "slices", 1) <= 1),
            roles: roles.unwrap_or_default().iter().map(Role::of).collect(),
        }
    }
}

impl<'a> Role<'a> {
    fn of(role: &'a Node) -> Self {
        let name = text(role, &["name"]).unwrap_or_default();
        let own = text(role, &["targets", "grove", "name"]).unwrap_or(name);
        let options = role.at(&["targets", "grove", "cliques"]).and_then(Node::as_seq);
        let members = role.get("members").and_then(Node::as_seq);
        let member = |node: &'a Node| {
            let name = text(node, &["name"]).unwrap_or_default();
            let mut options = options.unwrap_or_default().iter();
            let option = options.find(|o| text(o, &["member"]) == Some(name));
            let clique = option.and_then(|o| text(o, &["name"])).unwrap_or(name);
            (clique, number(node, "count", 1))
        };
        Self {
            name,
            group: members.map(|_| own),
            replicas: number(role, "replicas", 1),
            cliques: members.map_or_else(|| vec![(own, 1)], |m| m.iter().map(member).collect()),
        }
    }

    /// The rank of the first pod of a clique.
    fn first_rank(&self, clique: usize) -> u32 {
        self.cliques.iter().take(clique).map(|(_, n)| *n).sum()
    }
}

/// The pods of one clique.
struct Pod<'a> {
    set: &'a Set<'a>,
    role: &'a Role<'a>,
    clique: usize,
}

impl Pod<'_> {
    fn slice(&self) -> Means {
        match self.set.single {
            true => Means::Text("0".into()),
            false => Means::Own("the number of the slice"),
        }
    }

    fn clique_name(&self) -> Means {
        match (self.role.group, self.role.cliques.first()) {
            (None, Some((clique, _))) if self.set.single => {
                Means::Text(format!("{}-0-{clique}", self.set.name).into())
            }
            _ => Means::Own("the name of the PodClique"),
        }
    }

    fn group_name(&self) -> Option<Means> {
        let group = self.role.group?;
        Some(match self.set.single {
            true => Means::Text(format!("{}-0-{group}", self.set.name).into()),
            false => Means::Own("the name of the PodCliqueScalingGroup"),
        })
    }

    fn index(&self) -> Means {
        let pods = self.role.cliques.get(self.clique).map_or(1, |(_, n)| *n);
        match self.role.group {
            None => Means::Own("the number of the pod in its clique, which is its replica"),
            Some(_) if self.role.first_rank(self.clique) == 0 => Means::Asks(Reference::Rank { times: 1 }),
            Some(_) if pods == 1 => Means::Text("0".into()),
            Some(_) => Means::Own("the number of the pod in its clique"),
        }
    }

    fn variables(&self) -> Vec<Given> {
        let given = |name, means| Given { name, means };
        let domain = Means::Own("the DNS domain of the pods of the slice");
        let mut all = vec![
            given("GROVE_PCS_NAME", Means::Text(self.set.name.into())),
            given("GROVE_PCS_INDEX", self.slice()),
            given("GROVE_PCLQ_NAME", self.clique_name()),
            given("GROVE_HEADLESS_SERVICE", domain),
            given("GROVE_PCLQ_POD_INDEX", self.index()),
        ];
        if let Some(name) = self.group_name() {
            all.push(given("GROVE_PCSG_NAME", name));
            all.push(given(
                "GROVE_PCSG_TEMPLATE_NUM_PODS",
                Means::Asks(Reference::Size),
            ));
            all.push(given("GROVE_PCSG_INDEX", Means::Own("the number of the replica")));
        }
        all
    }

    fn fields(&self) -> Vec<Given> {
        let given = |name, means| Given { name, means };
        let component = match self.role.group {
            Some(_) => "pcsg-podclique",
            None => "pcs-podclique",
        };
        let mut all = vec![
            given("grove.io/podcliqueset-replica-index", self.slice()),
            given("grove.io/podclique", self.clique_name()),
            given("grove.io/podclique-pod-index", self.index()),
            given("grove.io/podgang", Means::Own("the name of the PodGang")),
            given(
                "grove.io/base-podgang",
                Means::Own("the name of the base PodGang"),
            ),
            given(
                "grove.io/pod-template-hash",
                Means::Own("the hash of the template"),
            ),
            given("app.kubernetes.io/name", self.clique_name()),
            given("app.kubernetes.io/component", Means::Text(component.into())),
            given("app.kubernetes.io/part-of", Means::Text(self.set.name.into())),
            given(
                "app.kubernetes.io/managed-by",
                Means::Text("grove-operator".into()),
            ),
        ];
        if let Some(name) = self.group_name() {
            all.push(given("grove.io/podcliquescalinggroup", name));
            let replica = Means::Own("the number of the replica");
            all.push(given("grove.io/podcliquescalinggroup-replica-index", replica));
        }
        all
    }

    /// Names of pods of the same replica, and ranks.
    fn composed(&self) -> Vec<Composed> {
        let compose = |text: String, asks| Composed {
            text: text.into(),
            asks,
        };
        let domain = "$(GROVE_HEADLESS_SERVICE)";
        let own = format!("$(GROVE_PCLQ_NAME)-$(GROVE_PCLQ_POD_INDEX).{domain}");
        let first_of_own = format!("$(GROVE_PCLQ_NAME)-0.{domain}");
        let Some(_) = self.role.group else {
            let first = Reference::Address {
                role: self.role.name.into(),
                replica: 0,
                rank: 0,
            };
            return vec![compose(own, Reference::Leader), compose(first_of_own, first)];
        };
        let mut all = Vec::new();
        if let Some((leader, _)) = self.role.cliques.first() {
            let text = format!("$(GROVE_PCSG_NAME)-$(GROVE_PCSG_INDEX)-{leader}-0.{domain}");
            all.push(compose(text, Reference::Leader));
        }
        let first = self.role.first_rank(self.clique);
        if first == 0 {
            all.push(compose(first_of_own, Reference::Leader));
            if self.role.cliques.first().is_some_and(|(_, n)| *n == 1) {
                all.push(compose(own, Reference::Leader));
            }
        } else {
            let rank = Reference::Rank { times: 1 };
            all.extend(sums(first).into_iter().map(|text| compose(text, rank.clone())));
        }
        all
    }

    /// Names of pods by their coordinates, those that `texts` may hold.
    fn addresses(&self, texts: &str) -> Vec<Composed> {
        let mut all = Vec::new();
        for role in &self.set.roles {
            for replica in 0..role.replicas {
                let mut rank = 0;
                for (clique, pods) in &role.cliques {
                    for index in 0..*pods {
                        let (name, number) = match role.group {
                            Some(group) => (format!("{group}-{replica}-{clique}-{index}"), rank),
                            None => (format!("{clique}-{replica}"), 0),
                        };
                        rank += 1;
                        if all.len() >= MOST_ADDRESSES {
                            return all;
                        }
                        if texts.contains(&format!("-{name}.")) {
                            let asks = Reference::Address {
                                role: role.name.into(),
                                replica,
                                rank: number,
                            };
                            all.extend(self.spellings(&name).into_iter().map(|text| Composed {
                                text,
                                asks: asks.clone(),
                            }));
                        }
                    }
                }
            }
        }
        all
    }

    /// How manifests write the address of a pod.
    fn spellings(&self, name: &str) -> Vec<Str> {
        let variables = ["$(GROVE_PCS_NAME)-$(GROVE_PCS_INDEX)".to_owned()];
        let set = self.set.name;
        let known = self.set.single.then(|| format!("{set}-0"));
        let namespace = self.set.namespace.unwrap_or("default");
        let mut all = Vec::new();
        for before in variables.iter().chain(&known) {
            let mut domains = vec![
                "$(GROVE_HEADLESS_SERVICE)".to_owned(),
                "$(GROVE_PCS_NAME)-$(GROVE_PCS_INDEX)".to_owned(),
            ];
            if let Some(service) = &known {
                domains.extend([
                    format!("{service}.{namespace}.{CLUSTER_DOMAIN}"),
                    format!("{service}.{namespace}.svc"),
                    format!("{service}.{namespace}"),
                    service.clone(),
                ]);
            }
            all.extend(
                domains
                    .into_iter()
                    .map(|d| Str::from(format!("{before}-{name}.{d}"))),
            );
        }
        all
    }
}

/// The sum of a pod's number and the pods before, as scripts write it.
fn sums(first: u32) -> Vec<String> {
    let mut all = Vec::new();
    for variable in [
        "GROVE_PCLQ_POD_INDEX",
        "$GROVE_PCLQ_POD_INDEX",
        "${GROVE_PCLQ_POD_INDEX}",
    ] {
        for (a, b) in [
            (variable.to_owned(), first.to_string()),
            (first.to_string(), variable.to_owned()),
        ] {
            for sum in [
                format!("{a} + {b}"),
                format!("{a}+{b}"),
                format!("{a} +{b}"),
                format!("{a}+ {b}"),
            ] {
                all.push(format!("$(({sum}))"));
                all.push(format!("$(( {sum} ))"));
            }
        }
    }
    all
}
