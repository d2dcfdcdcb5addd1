//! The pods of a PodClique.

use super::clique::{PodClique, group_name, slice_name};
use crate::dialect::grove::admit::{MNNVL_GROUP, MNNVL_NONE};
use crate::dialect::grove::operator::{KAI, Operator, VOLCANO};
use crate::dialect::grove::read::Set;
use crate::kubernetes::container::list;
use crate::kubernetes::quantity::Quantity;
use crate::pods::{Injected, Pod, field_variable, inject_env, variable};
use crate::value::{Map, Node, Str, Value};

/// The gate that holds a pod until its gang is complete.
const GATE: &str = "grove.io/podgang-pending-creation";
/// The claim of a ComputeDomain.
const MNNVL_CLAIM: &str = "mnnvl-claim";
/// The device that takes part in a ComputeDomain.
const GPU: &str = "nvidia.com/gpu";
/// The init container that waits for other cliques, where the Platform document does not say its image.
const INIT_IMAGE: &str = "grove-initc:<hash>";
/// The longest part of a name before five random characters.
const MOST_BASE: usize = 58;

/// Makes pods.
pub(super) struct Maker<'a> {
    set: &'a Set,
    scheduler: &'a str,
    init_image: Str,
}

impl<'a> Maker<'a> {
    pub(super) fn new(set: &'a Set, operator: &Operator, scheduler: &'a str) -> Self {
        let image = operator.platform.init_image.as_ref();
        Self {
            set,
            scheduler,
            init_image: image.map_or(INIT_IMAGE.into(), |i| i.value.clone()),
        }
    }

    /// Adds the pods of a PodClique.
    pub(super) fn pods(&self, made: &PodClique<'_>, pods: &mut Vec<Pod>) {
        let base = self.spec(made);
        let labels = self.labels(made);
        let annotations = self.annotations(made);
        let role = made.group.map_or(&made.clique.name.value, |(g, _)| &g.name.value);
        let generate_name: Str = format!("{}-", made.name).into();
        let cut = generate_name.len().min(MOST_BASE);
        let name: Str = format!("{}<random:5>", &generate_name[..cut]).into();
        for index in 0..made.count {
            let mut labels = labels.clone();
            labels.insert("grove.io/podclique-pod-index", index.to_string());
            let (replica, member, rank) = match made.group {
                Some((_, replica)) => (replica, made.clique.name.value.clone(), made.rank + index),
                None => (index, Str::default(), 0),
            };
            pods.push(Pod {
                slice: made.slice,
                role: role.clone(),
                replica,
                member,
                index: rank,
                name: name.clone(),
                generate_name: Some(generate_name.clone()),
                labels,
                annotations: annotations.clone(),
                spec: self.finished(base.clone(), made, index),
            });
        }
    }

    /// Labels, those that the controllers write over those of the clique.
    fn labels(&self, made: &PodClique<'_>) -> Map {
        let set = &self.set.name.value;
        let mut labels = made.template.labels.clone();
        labels.insert("app.kubernetes.io/managed-by", "grove-operator");
        labels.insert("app.kubernetes.io/part-of", set.clone());
        labels.insert("app.kubernetes.io/name", made.name.clone());
        labels.insert("app.kubernetes.io/component", made.component());
        labels.insert("grove.io/podcliqueset-replica-index", made.slice.to_string());
        labels.insert("grove.io/podgang", made.gang.clone());
        labels.insert("grove.io/pod-template-hash", "<hash>");
        if let Some((group, replica)) = made.group {
            let name = group_name(self.set, made.slice, group);
            labels.insert("grove.io/podcliquescalinggroup", name);
            labels.insert(
                "grove.io/podcliquescalinggroup-replica-index",
                replica.to_string(),
            );
            if !made.is_base() {
                labels.insert("grove.io/base-podgang", slice_name(self.set, made.slice));
            }
        }
        labels.insert("grove.io/podclique", made.name.clone());
        if self.scheduler == KAI {
            labels.insert("kai.scheduler/subgroup-name", made.name.clone());
        }
        labels
    }

    fn annotations(&self, made: &PodClique<'_>) -> Map {
        let mut annotations = made.template.annotations.clone();
        annotations.remove("grove.io/topology-name");
        match self.scheduler {
            KAI => {
                annotations.insert("kai.scheduler/skip-podgrouper", "true");
                annotations.insert("pod-group-name", made.gang.clone());
            }
            VOLCANO => {
                annotations.insert("scheduling.k8s.io/group-name", made.gang.clone());
                annotations.insert("scheduling.volcano.sh/group-name", made.gang.clone());
            }
            _ => {}
        }
        annotations
    }

    /// The PodSpec as far as it is the same for all pods of a PodClique.
    fn spec(&self, made: &PodClique<'_>) -> Node {
        let mut spec = made.template.pod_spec.clone();
        let set = self.set;
        if let Some((group, _)) = made.group {
            let pods: i64 = group.members(set).map(|c| c.replicas.value).sum();
            let own = [
                field_variable(
                    "GROVE_PCSG_NAME",
                    "metadata.labels['grove.io/podcliquescalinggroup']",
                ),
                variable("GROVE_PCSG_TEMPLATE_NUM_PODS", pods.to_string()),
                field_variable(
                    "GROVE_PCSG_INDEX",
                    "metadata.labels['grove.io/podcliquescalinggroup-replica-index']",
                ),
            ];
            each_container(&mut spec, &mut |c| inject_env(c, &own, Injected::First));
        }
        self.compute_domain(made, &mut spec);
        spec.map_mut().remove("schedulingGates");
        if made.gated {
            let gate: Node = Map::from_iter([("name", GATE)]).into();
            spec.set("schedulingGates", vec![gate]);
        }
        spec.set("schedulerName", self.scheduler);
        let slice = slice_name(set, made.slice);
        let service = format!("{slice}.{}.svc.cluster.local", set.namespace);
        let own = [
            variable("GROVE_PCS_NAME", set.name.value.clone()),
            variable("GROVE_PCS_INDEX", made.slice.to_string()),
            variable("GROVE_PCLQ_NAME", made.name.clone()),
            variable("GROVE_HEADLESS_SERVICE", service),
            field_variable(
                "GROVE_PCLQ_POD_INDEX",
                "metadata.labels['grove.io/podclique-pod-index']",
            ),
        ];
        each_container(&mut spec, &mut |c| inject_env(c, &own, Injected::First));
        spec.set("subdomain", slice);
        spec
    }

    /// The claim of the ComputeDomain, for containers with GPUs.
    fn compute_domain(&self, made: &PodClique<'_>, spec: &mut Node) {
        let Some(group) = mnnvl_group(self.set, made) else {
            return;
        };
        let there = |claim: &Node| claim.get("name").and_then(Node::as_str) == Some(MNNVL_CLAIM);
        if list(spec, "resourceClaims").iter().any(there) {
            return;
        }
        let mut any = false;
        each_container(spec, &mut |container| {
            if has_gpu(container) {
                any = true;
                let claims = container.at_mut(&["resources", "claims"]).seq_mut();
                if !claims.iter().any(there) {
                    claims.push(Map::from_iter([("name", MNNVL_CLAIM)]).into());
                }
            }
        });
        if any {
            let template = format!("{}-{group}", slice_name(self.set, made.slice));
            let claim: Node = Map::from_iter([
                ("name", Str::from(MNNVL_CLAIM)),
                ("resourceClaimTemplateName", template.into()),
            ])
            .into();
            spec.map_mut().entry_map("resourceClaims").seq_mut().push(claim);
        }
    }

    /// What differs between the pods of a PodClique, and the init container, which gets none of the rest.
    fn finished(&self, mut spec: Node, made: &PodClique<'_>, index: u32) -> Node {
        spec.set("hostname", format!("{}-{index}", made.name));
        for claim in claims(self.set, made, index) {
            let entry: Node =
                Map::from_iter([("name", claim.clone()), ("resourceClaimName", claim.clone())]).into();
            spec.map_mut().entry_map("resourceClaims").seq_mut().push(entry);
            each_container(&mut spec, &mut |container| {
                let claims = container.at_mut(&["resources", "claims"]).seq_mut();
                claims.push(Map::from_iter([("name", claim.clone())]).into());
            });
        }
        if !made.waits.is_empty() {
            self.wait(made, &mut spec);
        }
        spec
    }

    fn wait(&self, made: &PodClique<'_>, spec: &mut Node) {
        let text = |pairs: &[(&str, &str)]| -> Node {
            pairs
                .iter()
                .map(|(k, v)| (*k, Node::from(*v)))
                .collect::<Map>()
                .into()
        };
        let args = made.waits.iter();
        let args: Vec<Node> = args
            .map(|(name, ready)| format!("--podcliques={name}:{ready}").into())
            .collect();
        let mount = |name: &str, path: &str| {
            let mut mount = text(&[("name", name), ("mountPath", path)]);
            mount.set("readOnly", true);
            mount
        };
        let mut container = text(&[("name", "grove-initc"), ("image", &self.init_image)]);
        container.set("args", args);
        container.set(
            "volumeMounts",
            vec![
                mount("pod-info-vol", "/var/grove/pod-info"),
                mount(
                    "sa-token-secret-vol",
                    "/var/run/secrets/kubernetes.io/serviceaccount",
                ),
            ],
        );
        spec.map_mut()
            .entry_map("initContainers")
            .seq_mut()
            .push(container);
        let secret = format!("{}-ic-sat", self.set.name.value);
        let mut token = text(&[("name", "sa-token-secret-vol")]);
        token.set("secret", text(&[("secretName", &secret)]));
        token.at_mut(&["secret"]).set("defaultMode", 420_i64);
        let item = |path: &str, field: &str| {
            let mut item = text(&[("path", path)]);
            item.set("fieldRef", text(&[("fieldPath", field)]));
            item
        };
        let mut info = text(&[("name", "pod-info-vol")]);
        info.at_mut(&["downwardAPI"]).set(
            "items",
            vec![
                item("namespace", "metadata.namespace"),
                item("podgangname", "metadata.labels['grove.io/podgang']"),
            ],
        );
        let volumes = spec.map_mut().entry_map("volumes").seq_mut();
        volumes.extend([token, info]);
    }
}

impl PodClique<'_> {
    /// The component label of it and of its pods.
    pub(super) fn component(&self) -> &'static str {
        match self.group {
            Some(_) => "pcsg-podclique",
            None => "pcs-podclique",
        }
    }
}

/// The group of the ComputeDomain: as the clique's annotations say, else the scaling group's, else the set's.
pub(super) fn mnnvl_group(set: &Set, made: &PodClique<'_>) -> Option<Str> {
    let layers = [
        Some(&made.template.annotations),
        made.group.map(|(g, _)| &g.annotations),
        Some(&set.annotations),
    ];
    let group = layers
        .into_iter()
        .flatten()
        .find_map(|a| a.get(MNNVL_GROUP))?
        .as_str()?;
    (group != MNNVL_NONE).then(|| group.into())
}

/// Whether a clique has containers with GPUs.
pub(super) fn has_gpus(spec: &Node) -> bool {
    ["containers", "initContainers"]
        .iter()
        .any(|key| list(spec, key).iter().any(has_gpu))
}

fn has_gpu(container: &Node) -> bool {
    ["limits", "requests"].iter().any(|key| {
        let amount = container.at(&["resources", key, GPU]);
        amount.is_some_and(|n| Quantity::from_node(n).is_ok_and(|q| !q.is_zero()))
    })
}

fn each_container(spec: &mut Node, f: &mut dyn FnMut(&mut Node)) {
    for key in ["containers", "initContainers"] {
        if let Some(Node {
            value: Value::Seq(list),
            ..
        }) = spec.map_mut().get_mut(key)
        {
            list.iter_mut().for_each(&mut *f);
        }
    }
}

/// The shared claims of a pod: the set's, the scaling group's, the clique's; of each those of all replicas first.
fn claims(set: &Set, made: &PodClique<'_>, index: u32) -> Vec<Str> {
    let clique = made.clique.name.value.as_str();
    let mut all = Vec::new();
    let mut add = |owner: &str, list: &[Node], replica: u32, names: Option<&[&str]>| {
        for (scope, number) in [
            ("AllReplicas", "all".to_owned()),
            ("PerReplica", replica.to_string()),
        ] {
            let fits = |entry: &&Node| {
                entry.get("scope").and_then(Node::as_str) == Some(scope)
                    && names.is_none_or(|names| passes(entry, names))
            };
            all.extend(list.iter().filter(fits).map(|entry| {
                let name = entry.get("name").and_then(Node::as_str).unwrap_or_default();
                Str::from(format!("{owner}-{number}-{name}"))
            }));
        }
    };
    let mut names = vec![clique];
    names.extend(made.group.map(|(g, _)| g.name.value.as_str()));
    add(&set.name.value, &set.sharing, made.slice, Some(&names));
    if let Some((group, replica)) = made.group {
        let owner = group_name(set, made.slice, group);
        add(&owner, &group.sharing, replica, Some(&[clique]));
    }
    add(&made.name, &made.clique.sharing, index, None);
    all
}

/// Whether a filter lets one of the names through.
fn passes(entry: &Node, names: &[&str]) -> bool {
    let Some(filter) = entry.get("filter").filter(|f| !f.is_null()) else {
        return true;
    };
    ["childCliqueNames", "childScalingGroupNames"]
        .iter()
        .flat_map(|key| list(filter, key))
        .any(|n| n.as_str().is_some_and(|n| names.contains(&n)))
}
