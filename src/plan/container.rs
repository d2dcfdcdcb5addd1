//! The engine's container, and what it needs of its pod.

use super::template::{CONTAINER, Parts};
use crate::diagnostic::Ledger;
use crate::engine::request::{Check, Health, Port, Probe, Process, variable};
use crate::spec::decode::Decode;
use crate::spec::engine::{EngineType, Network};
use crate::value::{Map, Node, Str, Traced};

impl Parts<'_> {
    /// The engine's container; none for a role that is only a pod template.
    pub(super) fn container(&self, process: &Process, ledger: &mut Ledger) -> Option<Node> {
        let engine = &self.role.engine;
        let image = self.image.clone()?;
        let decided = self
            .role
            .engine_type
            .ids
            .union(&engine.ids)
            .union(&self.role.phase.ids)
            .union(&engine.version.as_ref().map(Decode::origins).unwrap_or_default());
        let name = Node::derived(CONTAINER, &decided);
        let mut container = Map::from_iter([("name", name), ("image", image)]);
        container.insert_some("imagePullPolicy", engine.image_pull_policy.clone());
        for (key, words) in [("command", &process.command), ("args", &process.args)] {
            if words.as_seq().is_some_and(|w| !w.is_empty()) {
                container.insert(key, words.clone());
            }
        }
        let env = self.environment(process, ledger);
        if !env.is_empty() {
            container.insert("env", env);
        }
        if let Some(from) = engine.env_from.as_ref().filter(|f| !f.is_empty()) {
            container.insert("envFrom", from.iter().map(|f| f.0.clone()).collect::<Vec<Node>>());
        }
        // Of a container that the compiler knows nothing about it does not know the port either.
        let unknown = self.role.engine_type.value == EngineType::Custom
            && engine.port.is_none()
            && self.engine.is_some();
        let ports: Vec<Node> = process.ports.iter().filter(|_| !unknown).map(port).collect();
        if !ports.is_empty() {
            container.insert("ports", ports);
        }
        container.insert_some("resources", self.resources());
        self.probes(process, &mut container, ledger);
        if let Some(handler) = &self.role.shutdown.pre_stop {
            container.insert("lifecycle", Map::from_iter([("preStop", handler.0.clone())]));
        }
        // Registering memory for RDMA needs the right to lock it.
        if self.role.network.rdma.is_some() && self.engine.is_some() {
            let add = vec![Node::from("IPC_LOCK")];
            let capabilities = Map::from_iter([("add", add)]);
            container.insert(
                "securityContext",
                Map::from_iter([("capabilities", capabilities)]),
            );
        }
        let mut mounts = self.source.mounts.clone();
        for secret in self.engine.iter().flat_map(|e| &e.secrets) {
            mounts.push(Map::from_iter([("name", "ssh"), ("mountPath", secret.path)]).into());
        }
        if self.shared_memory().is_some() {
            mounts.push(Map::from_iter([("name", "dshm"), ("mountPath", "/dev/shm")]).into());
        }
        if !mounts.is_empty() {
            container.insert("volumeMounts", mounts);
        }
        Some(container.into())
    }

    /// The user's variables replace generated ones of the same name.
    fn environment(&self, process: &Process, ledger: &mut Ledger) -> Vec<Node> {
        let own: Vec<Node> = self
            .role
            .engine
            .env
            .iter()
            .flat_map(|e| &e.0)
            .map(|e| e.0.clone())
            .collect();
        let mut all = Vec::new();
        let network = self.network();
        for generated in self.source.env.iter().chain(&process.env).chain(&network) {
            match own
                .iter()
                .find(|e| e.get("name").is_some() && e.get("name") == generated.get("name"))
            {
                Some(written) => ledger.supersede(&generated.all_ids(), &written.all_ids()),
                None => all.push(generated.clone()),
            }
        }
        all.extend(own);
        all
    }

    /// What the engine's communication libraries must know of the network.
    fn network(&self) -> Vec<Node> {
        let Network { ids, rdma, interface } = &self.role.network;
        let mut env = Vec::new();
        if let Some(interface) = interface {
            let interface = interface.clone().and(ids);
            env.extend(["NCCL_SOCKET_IFNAME", "GLOO_SOCKET_IFNAME"].map(|n| variable(n, interface.node())));
        }
        let devices = rdma.iter().flat_map(|r| &r.devices).flatten();
        let names: Vec<&str> = devices.clone().map(|d| d.value.as_str()).collect();
        if !names.is_empty() {
            let ids = devices.fold(ids.clone(), |ids, d| ids.union(&d.ids));
            env.push(variable("NCCL_IB_HCA", Node::derived(names.join(","), &ids)));
        }
        env
    }

    fn resources(&self) -> Option<Node> {
        let mut resources = self
            .role
            .resources
            .as_ref()
            .map(|r| r.0.clone())
            .unwrap_or_else(Node::map);
        let accelerator = &self.role.accelerator;
        let mut extended: Vec<(Str, Node)> = Vec::new();
        let mut decided = accelerator.ids.clone();
        let claimed = accelerator.claims.as_ref().is_some_and(|c| !c.is_empty());
        if !claimed && self.spread.gpus.value > 0 {
            let name = accelerator
                .resource
                .clone()
                .unwrap_or_else(|| Traced::default_of("nvidia.com/gpu".into()));
            let amount = self
                .spread
                .gpus
                .map(|g| Str::from(g.to_string()))
                .and(&name.ids)
                .and(&accelerator.ids);
            extended.push((name.value, amount.node()));
        } else {
            decided.merge(&self.spread.gpus.ids);
        }
        if let Some(crate::spec::engine::Rdma {
            ids,
            resource: Some(resource),
            count,
            devices: _,
        }) = &self.role.network.rdma
        {
            let amount = count.as_ref().map_or(Traced::default_of(1), Traced::number);
            let amount = amount
                .map(|c| Str::from(c.to_string()))
                .and(&resource.ids)
                .and(ids);
            extended.push((resource.value.clone(), amount.node()));
        }
        for (name, amount) in extended {
            for kind in ["limits", "requests"] {
                let list = resources.at_mut(&[kind]).map_mut();
                if !list.contains_key(&name) {
                    list.insert(name.clone(), amount.clone());
                }
            }
        }
        if let Some(claims) = accelerator.claims.as_ref().filter(|c| !c.is_empty()) {
            let named = |c: &crate::spec::engine::DeviceClaim| {
                c.name
                    .as_ref()
                    .map(|n| Node::from(Map::from_iter([("name", Node::from(n))])))
            };
            resources.set("claims", claims.iter().filter_map(named).collect::<Vec<Node>>());
        }
        resources.decided_by(&decided);
        let empty = resources.as_map().is_none_or(Map::is_empty);
        (!empty || !resources.ids.is_empty()).then_some(resources)
    }

    pub(super) fn claims(&self, spec: &mut Node) {
        let Some(claims) = self.role.accelerator.claims.as_ref().filter(|c| !c.is_empty()) else {
            return;
        };
        let claim = |c: &crate::spec::engine::DeviceClaim| {
            let crate::spec::engine::DeviceClaim {
                ids,
                name,
                resource_claim_template_name,
                resource_claim_name,
            } = c;
            let mut claim = Map::new();
            claim.insert_some("name", name.clone());
            claim.insert_some("resourceClaimTemplateName", resource_claim_template_name.clone());
            claim.insert_some("resourceClaimName", resource_claim_name.clone());
            Node::derived(claim, ids)
        };
        spec.set("resourceClaims", claims.iter().map(claim).collect::<Vec<Node>>());
    }

    /// The size of /dev/shm: as written, else what the engine needs.
    fn shared_memory(&self) -> Option<Node> {
        let written = self.role.shared_memory.as_ref();
        let size = written.and_then(|s| s.size_limit.as_ref().map(|q| q.node()));
        let ids = written.map(|s| s.ids.clone()).unwrap_or_default();
        let known = self.role.computes() && self.role.engine_type.value != EngineType::Custom;
        let default = self.engine.filter(|_| known).map(|e| Node::from(e.shared_memory));
        size.or(default).map(|size| Node::derived(size, &ids))
    }

    pub(super) fn volumes(&self) -> Vec<Node> {
        let mut volumes = self.source.volumes.clone();
        for secret in self.engine.iter().flat_map(|e| &e.secrets) {
            let body = Map::from_iter([
                ("secretName", secret.name.node()),
                ("defaultMode", Node::from(0o600u32)),
            ]);
            volumes.push(Map::from_iter([("name", Node::from("ssh")), ("secret", body.into())]).into());
        }
        if let Some(size) = self.shared_memory() {
            let memory = Map::from_iter([("medium", Node::from("Memory")), ("sizeLimit", size)]);
            volumes.push(Map::from_iter([("name", Node::from("dshm")), ("emptyDir", memory.into())]).into());
        }
        volumes
    }

    /// The spec's probes, else those that fit the process. An empty mapping means none.
    fn probes(&self, process: &Process, container: &mut Map, ledger: &mut Ledger) {
        let own = &self.role.probes;
        let Health {
            startup,
            readiness,
            liveness,
        } = &process.health;
        // Under a target's runtime its operator probes what says no other.
        let managed = self.scene.runtime.is_some() && self.role.engine.wrapper.is_some();
        let answers = startup.is_some() || readiness.is_some() || process.serves() || managed;
        let all = [
            ("startupProbe", &own.startup, startup.as_ref().map(probe)),
            ("readinessProbe", &own.readiness, readiness.as_ref().map(probe)),
            ("livenessProbe", &own.liveness, liveness.as_ref().map(probe)),
        ];
        let mut absent = own.ids.clone();
        for (key, written, fitting) in all {
            match written {
                Some(probe) if probe.0.as_map().is_some_and(Map::is_empty) && managed => {
                    let message = format!("the target's operator adds a {key} where there is none");
                    super::resolve::unused(&probe.0.ids, &message, ledger);
                }
                Some(probe) if probe.0.as_map().is_some_and(Map::is_empty) => absent.merge(&probe.0.ids),
                Some(written) if answers => drop(container.insert(key, written.0.clone())),
                written => {
                    absent.merge(&written.as_ref().map(|p| p.0.all_ids()).unwrap_or_default());
                    container.insert_some(key, fitting);
                }
            }
        }
        if let Some(name) = container.get_mut("name") {
            name.decided_by(&absent);
        }
    }
}

fn port(port: &Port) -> Node {
    let Port { name, number } = port;
    Map::from_iter([
        ("name", Node::from(name.clone())),
        ("containerPort", number.node()),
    ])
    .into()
}

fn probe(probe: &Probe) -> Node {
    let Probe {
        check,
        period,
        timeout,
        failures,
    } = probe;
    let (kind, body) = match check {
        Check::Http { path, port } => (
            "httpGet",
            Map::from_iter([("path", Node::from(*path)), ("port", port.node())]),
        ),
        Check::Tcp { port } => ("tcpSocket", Map::from_iter([("port", port.node())])),
    };
    Map::from_iter([
        (kind, Node::from(body)),
        ("periodSeconds", (*period).into()),
        ("timeoutSeconds", (*timeout).into()),
        ("failureThreshold", (*failures).into()),
    ])
    .into()
}
