//! What is installed in a cluster: orchestrators, schedulers, gateways.

use super::Cluster;
use super::client::{Client, encode};
use super::error::Error;
use crate::dialect;
use crate::value::{Map, Node, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A controller by the repository of its image, from the last `/`-separated words of it.
const CONTROLLERS: &[(&str, &str)] = &[
    ("lws", "lws/lws"),
    ("aibrix", "aibrix/controller-manager"),
    ("grove", "grove-operator"),
    ("dynamo", "ai-dynamo/kubernetes-operator"),
    ("dynamo", "dynamo-operator"),
    ("rbg", "rbgs-controller"),
    ("kthena", "kthena-controller-manager"),
    ("kserve", "llmisvc-controller"),
    ("volcano", "vc-scheduler"),
    ("kai-scheduler", "kai-scheduler/scheduler"),
    ("scheduler-plugins", "scheduler-plugins/kube-scheduler"),
    ("kueue", "kueue/kueue"),
];
/// Those of them that schedule pods.
const SCHEDULERS: &[&str] = &["volcano", "kai-scheduler", "scheduler-plugins"];

/// What is installed.
#[derive(Clone, Default, Debug)]
pub struct Installed {
    /// The server's version.
    pub server: String,
    /// The targets in the order of their registry.
    pub targets: Vec<Target>,
    /// Controllers that were found, with the version of their image and their arguments.
    pub controllers: BTreeMap<&'static str, Controller>,
    /// Names of GatewayClasses.
    pub gateways: Vec<String>,
    /// What could not be seen, and why.
    pub unseen: Vec<String>,
}

/// A target.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// The kind of its workloads.
    pub kind: &'static str,
    /// The API versions that serve the kind.
    pub served: Vec<String>,
    /// Whether the version that is rendered is among them.
    pub renders: bool,
}

/// A controller that runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Controller {
    /// The tag of its image; empty if it has none.
    pub version: String,
    /// Whether a pod of it is available.
    pub available: bool,
    /// The arguments of its containers.
    pub args: Vec<String>,
}

impl Installed {
    /// Looks at a cluster.
    ///
    /// # Errors
    /// No answer. What may not be seen is no error but in [`Installed::unseen`].
    pub fn look(cluster: &Cluster) -> Result<Self, Error> {
        cluster.run(async {
            let client = &cluster.client;
            let version = client.get("/version").await?;
            let mut installed = Self {
                server: version
                    .get("gitVersion")
                    .and_then(Node::as_str)
                    .unwrap_or_default()
                    .to_owned(),
                ..Self::default()
            };
            for dialect in dialect::ALL {
                let info = dialect.info();
                let served = served(cluster, info.api_version, info.kind).await?;
                let renders = served.iter().any(|v| v == info.api_version);
                installed.targets.push(Target {
                    name: info.name,
                    kind: info.kind,
                    served,
                    renders,
                });
            }
            installed.controllers(client).await?;
            installed.gateways(client).await?;
            Ok(installed)
        })
    }

    async fn controllers(&mut self, client: &Client) -> Result<(), Error> {
        let deployments = match client.list("/apis/apps/v1/deployments", "").await {
            Ok(deployments) => deployments,
            Err(Error::Status(status)) => {
                self.unseen
                    .push(format!("versions of controllers: {}", status.message));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        for deployment in &deployments {
            let containers = deployment
                .at(&["spec", "template", "spec", "containers"])
                .and_then(Node::as_seq);
            let containers = containers.unwrap_or_default();
            let image = |c: &Node| c.get("image").and_then(Node::as_str).map(str::to_owned);
            for (name, version) in containers.iter().filter_map(image).filter_map(|i| controller(&i)) {
                let words = |c: &Node, key: &str| -> Vec<String> {
                    let list = c.get(key).and_then(Node::as_seq).unwrap_or_default();
                    list.iter().filter_map(Node::as_str).map(str::to_owned).collect()
                };
                let args = containers
                    .iter()
                    .flat_map(|c| [words(c, "command"), words(c, "args")].concat())
                    .collect();
                let available = deployment
                    .at(&["status", "availableReplicas"])
                    .and_then(Node::as_int)
                    > Some(0);
                self.controllers.insert(
                    name,
                    Controller {
                        version,
                        available,
                        args,
                    },
                );
            }
        }
        Ok(())
    }

    async fn gateways(&mut self, client: &Client) -> Result<(), Error> {
        match client
            .list("/apis/gateway.networking.k8s.io/v1/gatewayclasses", "")
            .await
        {
            Ok(classes) => {
                let name = |c: &Node| {
                    c.at(&["metadata", "name"])
                        .and_then(Node::as_str)
                        .map(str::to_owned)
                };
                self.gateways = classes
                    .iter()
                    .filter_map(name)
                    .collect::<BTreeSet<_>>()
                    .into_iter()
                    .collect();
            }
            Err(Error::Status(status)) if status.code == 404 => {}
            Err(Error::Status(status)) => self.unseen.push(format!("gateway classes: {}", status.message)),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// The schedulers that were found, beside Kubernetes' own.
    pub fn schedulers(&self) -> Vec<&'static str> {
        SCHEDULERS
            .iter()
            .filter(|s| self.controllers.contains_key(*s))
            .copied()
            .collect()
    }

    /// What is known as a Platform document, for `--platform`. It says nothing about what could not be seen.
    pub fn platform(&self) -> Node {
        let mut spec = Node::map();
        if self.unseen.is_empty() {
            let has = |name: &str| self.controllers.contains_key(name);
            for name in ["aibrix", "grove"].into_iter().filter(|n| has(n)) {
                if let Some(version) = self.version(name) {
                    spec.at_mut(&[name]).set("version", format!("v{version}"));
                }
            }
            if has("aibrix") && has("volcano") {
                spec.at_mut(&["aibrix"]).set("gangScheduler", "volcano");
            }
            if has("grove") {
                let schedulers: Vec<Node> = ["kai-scheduler", "volcano"]
                    .into_iter()
                    .filter(|s| has(s))
                    .map(Node::from)
                    .collect();
                spec.at_mut(&["grove"]).set("schedulers", schedulers);
            }
            self.rbg(&mut spec);
            if has("kthena") {
                if let Some(version) = self.version("kthena") {
                    spec.at_mut(&["kthena"]).set("version", version);
                }
                let volcano = if has("volcano") {
                    self.version("volcano")
                } else {
                    Some("none".to_owned())
                };
                let volcano = volcano.map(|v| v.split('.').take(2).collect::<Vec<_>>().join("."));
                spec.at_mut(&["kthena"]).map_mut().insert_some("volcano", volcano);
            }
        }
        Map::from_iter([
            ("apiVersion", Node::from(crate::spec::API_VERSION)),
            ("kind", dialect::platform::KIND.into()),
            ("spec", spec),
        ])
        .into()
    }

    /// The flags of the RoleBasedGroup controller.
    fn rbg(&self, spec: &mut Node) {
        let Some(controller) = self.controllers.get("rbg") else {
            return;
        };
        let flag = |name: &str| {
            controller
                .args
                .iter()
                .find_map(|a| a.strip_prefix(name)?.strip_prefix('='))
        };
        let truth = |text: &str| Value::Bool(text == "true");
        if let Some(scheduler) =
            flag("--scheduler-name").filter(|s| ["volcano", "scheduler-plugins"].contains(s))
        {
            spec.at_mut(&["rbg"]).set("gangScheduler", scheduler);
        }
        if let Some(on) = flag("--enable-port-allocator") {
            spec.at_mut(&["rbg"]).set("portAllocator", truth(on));
        }
        if let Some(on) = flag("--enable-deprecated-workload-types") {
            spec.at_mut(&["rbg"]).set("deprecatedWorkloads", truth(on));
        }
    }

    /// The version of a controller, if its tag is one: `1.14.0` of `v1.14.0`.
    fn version(&self, name: &str) -> Option<String> {
        let tag = self.controllers.get(name)?.version.trim_start_matches('v');
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        (tag.split('.').count() == 3 && tag.split('.').all(plain)).then(|| tag.to_owned())
    }
}

/// The API versions that serve a kind of the group of another version, newest first as the server lists them.
async fn served(cluster: &Cluster, api_version: &str, kind: &str) -> Result<Vec<String>, Error> {
    let group = super::discovery::group(api_version);
    let Some(known) = cluster.client.find(&format!("/apis/{}", encode(group))).await? else {
        return Ok(Vec::new());
    };
    let mut served = Vec::new();
    for version in known.get("versions").and_then(Node::as_seq).unwrap_or_default() {
        let Some(version) = version.get("groupVersion").and_then(Node::as_str) else {
            continue;
        };
        match cluster.discovery.resource(&cluster.client, version, kind).await {
            Ok(_) => served.push(version.to_owned()),
            Err(Error::Unserved { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(served)
}

/// Which controller an image is, and its tag.
fn controller(image: &str) -> Option<(&'static str, String)> {
    let image = image.split('@').next().unwrap_or_default();
    let (repository, tag) = match image.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (image, ""),
    };
    let ends = |suffix: &str| repository == suffix || repository.ends_with(&format!("/{suffix}"));
    let (name, _) = CONTROLLERS.iter().find(|(_, suffix)| ends(suffix))?;
    Some((name, tag.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controllers_are_known_by_their_images() {
        let cases = [
            ("registry.k8s.io/lws/lws:v0.7.0", Some(("lws", "v0.7.0"))),
            (
                "docker.io/volcanosh/vc-scheduler:v1.14.0@sha256:abc",
                Some(("volcano", "v1.14.0")),
            ),
            ("mirror.test:5000/aibrix/controller-manager", Some(("aibrix", ""))),
            ("example.test/not-lws/controller:v1", None),
        ];
        for (image, expected) in cases {
            let found = controller(image);
            assert_eq!(found.as_ref().map(|(n, v)| (*n, v.as_str())), expected, "{image}");
        }
    }
}
