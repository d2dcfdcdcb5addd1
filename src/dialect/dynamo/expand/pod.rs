//! The pod spec that the operator makes of a component (`GenerateBasePodSpec` in `internal/dynamo/graph.go`).

use super::super::merge;
use super::super::operator::Operator;
use super::super::read::codes::RENDER;
use super::super::read::{Cache, Component, MAIN, is_worker, text};
use super::backend::{self, Launch};
use super::command::Backend;
use super::defaults::{self, object};
use super::{memory, secrets};
use crate::kubernetes::container::{find, list, mount};
use crate::kubernetes::podspec::Type;
use crate::kubernetes::quantity::Quantity;
use crate::pods::Problem;
use crate::value::{Ids, Map, Node, Str};

/// What the defaults of a container depend on.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The name of the graph, or of the component if it has none.
    pub parent: &'a str,
    /// The namespace.
    pub namespace: &'a str,
    /// The namespace of Dynamo's own.
    pub dynamo_namespace: &'a Str,
    /// The discovery backend.
    pub discovery: &'a str,
    /// Whether each container is discovered by itself.
    pub by_container: bool,
    /// The hash of the workers' generation.
    pub worker_hash: Option<&'a str>,
    /// `eppConfig`.
    pub epp_config: Option<&'a Node>,
}

/// What kind of pod of a component.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The only one.
    Main,
    /// Rank 0 of several nodes.
    Leader,
    /// The other ranks.
    Worker,
    /// The server of GPU memory.
    Memory,
}

/// Which controller makes the pods, for addresses and ranks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deployer {
    /// Grove: ranks are computed by a shell.
    Grove,
    /// Grove with a clique for each rank.
    GroveRank(u32),
    /// LeaderWorkerSet.
    Lws,
}

/// A component whose pods are made.
#[derive(Debug)]
pub struct Maker<'a> {
    /// The operator.
    pub operator: &'a Operator<'a>,
    /// The name of the graph, or of the component if it has none.
    pub parent: &'a str,
    /// The namespace.
    pub namespace: &'a str,
    /// The component, its template with all that the graph adds.
    pub component: &'a Component,
    /// Its type, as its pods have it.
    pub kind: &'a str,
    /// Its engine.
    pub backend: Backend,
    /// The hash of the workers' generation.
    pub worker_hash: Option<&'a str>,
}

pub(super) type Result<T> = std::result::Result<T, Problem>;

impl Maker<'_> {
    /// That the operator fails.
    pub fn fails(&self, reason: impl std::fmt::Display, ids: &Ids) -> Problem {
        let reason = format!("component `{}`: {reason}", self.component.name.value);
        let ids = if ids.is_empty() { &self.component.ids } else { ids };
        Problem::new(&RENDER, reason, ids)
    }

    /// The pod spec of one kind of pod.
    pub fn pod_spec(&self, role: Role, nodes: u32, deployer: Deployer) -> Result<Node> {
        let component = self.component;
        let annotations = component.metadata("annotations");
        let text_of = |key: &str| annotations.get(key).and_then(Node::as_str);
        let discovery = text_of("nvidia.com/dynamo-discovery-backend")
            .map_or_else(|| self.operator.discovery(), Str::from);
        let dynamo_namespace = super::labels::dynamo_namespace(component, self.namespace, self.parent);
        let setting = Setting {
            parent: self.parent,
            namespace: self.namespace,
            dynamo_namespace: &dynamo_namespace,
            discovery: &discovery,
            by_container: text_of("nvidia.com/dynamo-kube-discovery-mode") == Some("container"),
            worker_hash: self.worker_hash.filter(|_| is_worker(self.kind)),
            epp_config: component.epp_config.as_ref(),
        };
        let mut main = self.main(&setting)?;
        let mounts = list(&main, "volumeMounts").to_vec();
        let launch = Launch {
            maker: self,
            role,
            nodes,
            deployer,
            annotations: &annotations,
        };
        backend::container(&launch, &mut main)?;
        let (mut spec, sidecars) = self.around(&setting);
        if discovery == "kubernetes" && text(&spec, &["serviceAccountName"]).is_empty() {
            let account = format!("{}-k8s-service-discovery", self.parent);
            spec.set("serviceAccountName", account);
        }
        if let Some(cache) = &component.cache {
            self.cache_volume(cache, &mut spec)?;
        }
        shared_memory(component.shared_memory.as_ref(), &mut spec, &mut main);
        let containers: Vec<Node> = std::iter::once(main).chain(sidecars).collect();
        spec.set("containers", containers);
        if let Some(name) = &component.frontend_sidecar {
            self.sidecar(&name.value, &setting, &mounts, &mut spec)?;
        }
        backend::pod_spec(&launch, &mut spec);
        missing_volumes(&mut spec);
        if text_of("nvidia.com/disable-image-pull-secret-discovery") != Some("true") {
            secrets::add(self.operator.scene, self.namespace, &mut spec);
        }
        memory::within_pod(self, nodes, &mut spec)?;
        Ok(spec)
    }

    /// The main container: the defaults, the user's own over them, and the environment of the operator's configuration.
    fn main(&self, setting: &Setting<'_>) -> Result<Node> {
        let mut main = defaults::container(self.kind, setting);
        if let Some(own) = self.component.main() {
            lay_over(&mut main, own, true);
        }
        main.set("name", MAIN);
        if let Some(cache) = &self.component.cache {
            self.cache_mount(cache, &mut main)?;
        }
        for entry in list(&main, "volumeMounts") {
            if text(entry, &["mountPath"]).is_empty() {
                let reason = format!("the mount `{}` has no path", text(entry, &["name"]));
                return Err(self.fails(reason, &entry.ids));
            }
        }
        self.standard_env(&mut main);
        Ok(main)
    }

    fn standard_env(&self, container: &mut Node) {
        let standard = self.operator.environment();
        let standard: Vec<Node> = standard
            .into_iter()
            .map(|(name, value)| crate::kubernetes::container::env(name, value))
            .collect();
        let own = container.map_mut().remove("env").unwrap_or_default();
        container.set("env", merge_env(&standard, own.as_seq().unwrap_or_default()));
    }

    /// The pod spec without containers, and the user's other containers.
    fn around(&self, setting: &Setting<'_>) -> (Node, Vec<Node>) {
        let mut spec = defaults::pod_spec(self.kind, setting);
        let mut sidecars = Vec::new();
        let template = self.component.template.as_ref();
        let own = template.and_then(|t| t.get("spec"));
        if let (Some(own), Some(object)) = (own, Type::PodSpec.object()) {
            let others = list(own, "containers")
                .iter()
                .filter(|c| text(c, &["name"]) != MAIN);
            sidecars.extend(others.cloned());
            let mut over = own.clone();
            over.map_mut().remove("containers");
            merge::overlay(&mut spec, &over, object);
        }
        if own.and_then(|o| o.get("securityContext")).is_none() {
            spec.set("securityContext", object([("fsGroup", Node::from(1000_i64))]));
        }
        (spec, sidecars)
    }

    fn cache_path(&self, cache: &Cache) -> Result<Node> {
        match (&cache.path, self.backend) {
            (Some(path), _) => Ok(path.node()),
            (None, Backend::Vllm) => Ok(Node::derived("/root/.cache/vllm", &cache.ids)),
            (None, backend) => {
                let reason = format!(
                    "`compilationCache` needs a `mountPath` with {}: only vLLM has a default",
                    backend.as_str()
                );
                Err(self.fails(reason, &cache.ids))
            }
        }
    }

    /// Mounts the cache of compiled kernels.
    fn cache_mount(&self, cache: &Cache, main: &mut Node) -> Result<()> {
        let path = self.cache_path(cache)?;
        let claim = cache.claim.value.as_str();
        if claim.is_empty() {
            return Err(self.fails("`compilationCache` needs a `pvcName`", &cache.ids));
        }
        let (mut mounts, mut there) = (Vec::new(), false);
        for entry in list(main, "volumeMounts") {
            let mut entry = entry.clone();
            if text(&entry, &["name"]) == claim && text(&entry, &["mountPath"]).is_empty() {
                entry.set("mountPath", path.clone());
            }
            if entry.get("mountPath") != Some(&path) {
                mounts.push(entry);
                continue;
            }
            if text(&entry, &["name"]) != claim {
                let reason = "something else is mounted where `compilationCache` is to be";
                return Err(self.fails(reason, &entry.ids));
            }
            if entry.get("readOnly").and_then(Node::as_bool) == Some(true) {
                return Err(self.fails("the compilation cache must be writable", &entry.ids));
            }
            if !there {
                mounts.push(entry);
            }
            there = true;
        }
        if !there {
            mounts.push(object([("name", cache.claim.node()), ("mountPath", path)]));
        }
        main.set("volumeMounts", mounts);
        Ok(())
    }

    fn cache_volume(&self, cache: &Cache, spec: &mut Node) -> Result<()> {
        let claim = cache.claim.value.as_str();
        let own = list(spec, "volumes")
            .iter()
            .filter(|v| text(v, &["name"]) == claim);
        let own: Vec<&Node> = own.collect();
        if let Some(volume) = own.first() {
            let source = volume.get("persistentVolumeClaim");
            let fits = source.is_some_and(|s| {
                text(s, &["claimName"]) == claim && s.get("readOnly").and_then(Node::as_bool) != Some(true)
            });
            if !fits || own.len() > 1 {
                let reason = format!(
                    "the volume `{claim}` must be the writable claim `{claim}`, which is the compilation cache"
                );
                return Err(self.fails(reason, &volume.ids));
            }
            return Ok(());
        }
        let volume = claim_volume(&cache.claim.node());
        spec.map_mut().entry_map("volumes").seq_mut().push(volume);
        Ok(())
    }

    /// Makes a container a frontend as well.
    fn sidecar(&self, name: &str, setting: &Setting<'_>, mounts: &[Node], spec: &mut Node) -> Result<()> {
        let Some(own) = find(spec, name).cloned() else {
            let reason = format!("`frontendSidecar` names `{name}`, which is no container");
            let ids = self.component.frontend_sidecar.as_ref().map(|s| s.ids.clone());
            return Err(self.fails(reason, &ids.unwrap_or_default()));
        };
        let setting = Setting {
            worker_hash: None,
            ..*setting
        };
        let mut made = defaults::container("frontend", &setting);
        made.set("name", name);
        lay_over(&mut made, &own, false);
        self.standard_env(&mut made);
        let mut all = list(&made, "volumeMounts").to_vec();
        for entry in mounts {
            if !all.iter().any(|m| m.get("name") == entry.get("name")) {
                all.push(entry.clone());
            }
        }
        if !all.is_empty() {
            made.set("volumeMounts", all);
        }
        let containers = spec.map_mut().entry_map("containers").seq_mut();
        if let Some(place) = containers.iter_mut().find(|c| text(c, &["name"]) == name) {
            *place = made;
        }
        Ok(())
    }
}

/// Lays a container of the user's over a default one. Environments are united; probes replace those of the main container, and
/// merge with those of others.
fn lay_over(base: &mut Node, own: &Node, main: bool) {
    let mut over = own.clone();
    let env = over.map_mut().remove("env").unwrap_or_default();
    let probes = ["livenessProbe", "readinessProbe", "startupProbe"];
    for probe in probes.iter().filter(|_| main) {
        if let Some(probed) = over.map_mut().remove(probe).filter(|n| !n.is_null()) {
            base.set(probe, probed);
        }
    }
    if let Some(object) = Type::Container.object() {
        merge::overlay(base, &over, object);
    }
    let common = base.map_mut().remove("env").unwrap_or_default();
    let merged = merge_env(
        common.as_seq().unwrap_or_default(),
        env.as_seq().unwrap_or_default(),
    );
    base.set("env", merged);
}

/// Environments united in the order of their names; the later ones win.
pub fn merge_env(common: &[Node], specific: &[Node]) -> Vec<Node> {
    let mut all: Vec<(Str, Node)> = Vec::new();
    for entry in common.iter().chain(specific) {
        let name = super::command::name(entry);
        match all.iter_mut().find(|(n, _)| *n == name) {
            Some((_, old)) => *old = entry.clone(),
            None => all.push((name, entry.clone())),
        }
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all.into_iter().map(|(_, entry)| entry).collect()
}

/// A volume of a claim of its name.
fn claim_volume(name: &Node) -> Node {
    let source = object([("claimName", name.clone())]);
    object([("name", name.clone()), ("persistentVolumeClaim", source)])
}

/// Memory that the processes of a pod share, 8Gi unless the component says otherwise.
fn shared_memory(size: Option<&Node>, spec: &mut Node, main: &mut Node) {
    const NAME: &str = "shared-memory";
    if size.is_some_and(|s| Quantity::from_node(s).is_ok_and(|q| q.is_zero())) {
        return;
    }
    let size = size.cloned().unwrap_or_else(|| "8Gi".into());
    let memory = object([("medium", "Memory".into()), ("sizeLimit", size)]);
    let volumes = spec.map_mut().entry_map("volumes").seq_mut();
    volumes.retain(|v| text(v, &["name"]) != NAME);
    volumes.push(object([("name", NAME.into()), ("emptyDir", memory)]));
    let mounts = main.map_mut().entry_map("volumeMounts").seq_mut();
    mounts.retain(|m| text(m, &["name"]) != NAME && text(m, &["mountPath"]) != "/dev/shm");
    mounts.push(mount(NAME, "/dev/shm"));
}

/// Orders the volumes as the first container mounts them; what it mounts and no volume is becomes a claim of that name.
fn missing_volumes(spec: &mut Node) {
    let own = list(spec, "volumes").to_vec();
    let mounts = list(spec, "containers")
        .first()
        .map(|c| list(c, "volumeMounts").to_vec())
        .unwrap_or_default();
    let mut all: Vec<Node> = Vec::new();
    let has = |all: &[Node], name: &str| all.iter().any(|v| text(v, &["name"]) == name);
    for entry in &mounts {
        let name = text(entry, &["name"]);
        if name.is_empty() || has(&all, name) {
            continue;
        }
        let found = own.iter().rev().find(|v| text(v, &["name"]) == name);
        let named = entry.get("name").cloned().unwrap_or_default();
        all.push(found.cloned().unwrap_or_else(|| claim_volume(&named)));
    }
    for volume in own {
        if !has(&all, text(&volume, &["name"])) {
            all.push(volume);
        }
    }
    if !all.is_empty() {
        spec.set("volumes", all);
    }
}

/// Labels or annotations, as a mapping of a template.
pub fn metadata(labels: Map, annotations: Map) -> Node {
    object([("labels", labels.into()), ("annotations", annotations.into())])
}
