//! Pods that warm nodes up (internal/controller/workloads/rolebasedgroupwarmup_controller.go): one for each node.

use crate::diagnostic::Ledger;
use crate::kubernetes::container::list;
use crate::pods::{Expansion, Pod};
use crate::value::{Map, Node, Str};

/// The pods of a RoleBasedGroupWarmup that names its nodes. Which nodes a selector or a group's pods are on is not known.
pub fn expand(root: &Node, ledger: &mut Ledger, expansion: &mut Expansion) {
    let Some(target) = root.at(&["spec", "targetNodes"]) else {
        return;
    };
    let name = super::read::name(root);
    let nodes = list(target, "nodeNames");
    if !expansion.affordable(nodes.len() as u64, &[target], &name.ids, ledger) {
        return;
    }
    let containers = containers(target);
    let tolerations = root.at(&["spec", "tolerations"]);
    for (n, node) in nodes.iter().enumerate() {
        let mut labels = Map::new();
        labels.insert("workloads.x-k8s.io/node-name", node.clone());
        labels.insert("workloads.x-k8s.io/warmup-name", Node::from(&name));
        labels.insert("workloads.x-k8s.io/warmup-uid", "<hash>");
        let mut spec = Map::from_iter([
            ("containers", Node::from(containers.clone())),
            (
                "nodeSelector",
                Map::from_iter([("kubernetes.io/hostname", node.clone())]).into(),
            ),
            ("restartPolicy", "Never".into()),
        ]);
        spec.insert_some("tolerations", tolerations.cloned());
        spec.insert_some("volumes", target.at(&["customizedAction", "volumes"]).cloned());
        let secrets = target.at(&["imagePreload", "pullSecrets"]);
        spec.insert_some("imagePullSecrets", secrets.cloned());
        expansion.pods.push(Pod {
            replica: u32::try_from(n).unwrap_or(u32::MAX),
            name: format!("{}-<random:5>", name.value).into(),
            generate_name: Some(format!("{}-", name.value).into()),
            labels,
            spec: spec.into(),
            ..Pod::default()
        });
    }
}

fn containers(target: &Node) -> Vec<Node> {
    let preload = target.get("imagePreload");
    let images = preload.map(|p| list(p, "images")).unwrap_or_default();
    let mut all: Vec<Node> = images
        .iter()
        .enumerate()
        .map(|(n, image)| {
            let command: Vec<Node> = ["sh", "-c", "exit 0"].map(Node::from).into();
            Map::from_iter([
                ("name", Node::from(format!("image-preload-{n}"))),
                ("image", image.clone()),
                ("command", command.into()),
            ])
            .into()
        })
        .collect();
    let custom = target.get("customizedAction");
    for (n, container) in custom
        .map(|c| list(c, "containers"))
        .unwrap_or_default()
        .iter()
        .enumerate()
    {
        let mut container = container.clone();
        container.set("name", Str::from(format!("custom-{n}")));
        all.push(container);
    }
    all
}
