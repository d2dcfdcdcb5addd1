//! A role of the spec to a role of the IR: engine processes to members with pod templates.

use super::codes::{NO_CONTAINER, NO_EFFECT};
use super::nodes::{self, Spread};
use super::process::{self, Inputs};
use super::resolve::Resolved;
use super::{Scene, check, model, policies, variables};
use crate::diagnostic::{Diagnostic, Ledger};
use crate::engine::request::{Check, Health, Plan, Port, Probe, Process, variable};
use crate::ir::{self, MEMBER_LABEL, Member, ROLE_LABEL, SERVING_LABEL};
use crate::kubernetes::merge::{Type, strategic_merge};
use crate::spec::decode::Decode;
use crate::spec::engine::{EngineType, LoadBalancing, Network};
use crate::value::{Map, Node, Str, Traced};

/// The name of the engine's container in the templates.
pub const CONTAINER: &str = "engine";

/// The IR of a role.
///
/// `planned` are the roles that a router may stand before: those planned so far.
pub fn role(
    scene: &Scene<'_>,
    role: &Resolved,
    options: Node,
    planned: &mut [ir::Role],
    ledger: &mut Ledger,
) -> Option<ir::Role> {
    let spread = nodes::spread(role, ledger);
    let built = if role.members.is_empty() {
        generated(scene, role, &spread, planned, ledger)?
    } else {
        explicit(scene, role, ledger)
    };
    let pods: u32 = built
        .members
        .iter()
        .map(|m| m.count.value)
        .fold(0, u32::saturating_add);
    let mut planned = ir::Role {
        name: role.name.clone(),
        phase: role.phase.clone(),
        implicit: false,
        replicas: role.replicas.clone(),
        members: built.members,
        engine: built.facts,
        depends_on: role.depends_on.clone(),
        startup: policies::startup(role, pods, ledger),
        gang: policies::gang(role, pods, ledger),
        topology: policies::topology(role, pods, ledger),
        queue: role.scheduling.queue.clone(),
        priority: role.scheduling.priority_class_name.clone(),
        scheduler: role.scheduling.scheduler_name.clone(),
        rollout: policies::rollout(role, ledger),
        restart: policies::restart(role, pods),
        scaling: policies::scaling(role, ledger),
        disruption: policies::disruption(role, ledger),
        discovers: built.discovers,
        options,
    };
    let names = scene.role_names();
    for member in &mut planned.members {
        variables::read(&mut member.template, &names, ledger);
        if writes_kubernetes(role) || !scene.labels.entries.is_empty() {
            crate::kubernetes::check::pod_template(&member.template, ledger);
        }
    }
    Some(planned)
}

/// Whether parts of the role's templates are the user's own Kubernetes, which needs checking. What the compiler makes is
/// checked by its tests.
fn writes_kubernetes(role: &Resolved) -> bool {
    let templates = !role.pod_templates.is_empty() || role.leader.is_some() || role.worker.is_some();
    let engine = role.engine.env.is_some()
        || role.engine.env_from.is_some()
        || role.engine.image_pull_policy.is_some();
    let pod =
        role.resources.is_some() || role.accelerator.claims.is_some() || role.shutdown.pre_stop.is_some();
    let scheduling = &role.scheduling;
    let placed = scheduling.affinity.is_some() || scheduling.tolerations.is_some();
    let labelled = scheduling.node_selector.is_some() || role.probes != Default::default();
    templates || engine || pod || placed || labelled || !role.members.is_empty()
}

struct Built {
    members: Vec<Member>,
    facts: ir::EngineFacts,
    discovers: Vec<Traced<Str>>,
}

/// The members that the spec writes itself.
fn explicit(scene: &Scene<'_>, role: &Resolved, ledger: &mut Ledger) -> Built {
    let mut members: Vec<Member> = Vec::new();
    for crate::spec::role::Member {
        ids,
        name,
        count,
        phase,
        pod_template,
    } in role.members.clone()
    {
        let (Some(name), Some(template)) = (name, pod_template) else {
            continue;
        };
        check::name(&name, "member", ledger);
        if members.iter().any(|m| m.name.value == name.value) {
            let message = format!("two members are called `{}`", name.value);
            ledger.report(Diagnostic::new(&super::codes::DUPLICATE, message).at_ids(&name.ids));
        }
        let mut base = labelled(scene, role, Some(&name));
        for overlay in role.pod_templates.iter().chain([&template]) {
            base = strategic_merge(&base, &overlay.0, Type::PodTemplateSpec, ledger);
        }
        // What the lattice knows of a member and no object says in so many words.
        let phase_ids = phase.as_ref().unwrap_or(&role.phase).ids.union(&role.phase.ids);
        base.decided_by(&ids.union(&role.engine_type.ids).union(&phase_ids));
        base = scheduled(role, base, ledger);
        let count = count.map_or(Traced::default_of(1), |c| c.number());
        members.push(Member {
            serves: members.is_empty(),
            count,
            phase,
            template: base,
            name,
        });
    }
    if let Some(port) = &role.engine.port {
        let said = Diagnostic::new(
            &NO_EFFECT,
            "the port of a role that writes its members is for Services, and none needs it",
        );
        ledger.waive(&port.ids, said.outcome(crate::diagnostic::Outcome::Dropped));
    }
    let settings = [
        role.engine.origins(),
        role.accelerator.origins(),
        role.network.origins(),
        role.parallelism.origins(),
        role.probes.origins(),
        role.resources.as_ref().map(Decode::origins).unwrap_or_default(),
        role.shared_memory
            .as_ref()
            .map(Decode::origins)
            .unwrap_or_default(),
        role.kv_transfer.as_ref().map(Decode::origins).unwrap_or_default(),
        role.nodes.as_ref().map(|n| n.ids.clone()).unwrap_or_default(),
    ];
    let overlays = [&role.leader, &role.worker].into_iter().flatten();
    for overlay in overlays {
        let message = "a role that writes its members has no overlay of leader or worker";
        super::resolve::unused(&overlay.origins(), message, ledger);
    }
    let message = "members are whole pod templates, to which settings of engine and hardware do not apply";
    for ids in &settings {
        super::resolve::unused(ids, message, ledger);
    }
    let facts = ir::EngineFacts {
        port: role.engine.port.as_ref().map(Traced::number),
        ..facts(role)
    };
    Built {
        members,
        facts,
        discovers: Vec::new(),
    }
}

fn facts(role: &Resolved) -> ir::EngineFacts {
    let known = role.engine_type.value != EngineType::Custom && role.computes();
    ir::EngineFacts {
        engine: known.then(|| role.engine_type.clone()),
        container: CONTAINER.into(),
        port: None,
        ports: 1,
        connector: role.connector().cloned(),
        bootstrap_port: None,
    }
}

/// The members that follow from the engine, the router, or the container that the spec names.
fn generated(
    scene: &Scene<'_>,
    role: &Resolved,
    spread: &Spread,
    planned: &mut [ir::Role],
    ledger: &mut Ledger,
) -> Option<Built> {
    if super::router::is_compiled(role) {
        let router = super::router::of_role(scene, role, planned, ledger)?;
        super::router::annotate(planned, &router.prefill_annotations);
        let parts = Parts {
            scene,
            role,
            spread,
            source: &model::Source::default(),
            engine: None,
            image: Some(router.image.clone()),
        };
        let template = parts.template(&router.process, None, role.leader.as_ref(), ledger);
        let facts = ir::EngineFacts {
            port: Some(router.port.clone()),
            ..facts(role)
        };
        return Some(Built {
            members: vec![single(spread, template)],
            facts,
            discovers: router.discovers,
        });
    }
    let source = source(scene, role, ledger)?;
    let inputs = Inputs::new(role, spread, &source);
    let engine = process::plan(&inputs.request(role, spread), ledger)?;
    let known = role.engine_type.value != EngineType::Custom;
    let env: Vec<Node> = role
        .engine
        .env
        .iter()
        .flat_map(|e| &e.0)
        .map(|e| e.0.clone())
        .collect();
    crate::engine::check_environment(
        process::kind(role.engine_type.value),
        &inputs.version,
        &env,
        ledger,
    );
    let facts = ir::EngineFacts {
        port: if known {
            Some(inputs.port.clone())
        } else {
            role.engine.port.as_ref().map(Traced::number)
        },
        ports: engine.leader.endpoints.max(1),
        bootstrap_port: engine.bootstrap_port.clone(),
        ..facts(role)
    };
    let image = process::image(role);
    let parts = Parts {
        scene,
        role,
        spread,
        source: &source,
        engine: Some(&engine),
        image,
    };
    Some(Built {
        members: parts.members(ledger),
        facts,
        discovers: Vec::new(),
    })
}

/// Where the weights come from; an engine that the compiler knows cannot do without.
fn source(scene: &Scene<'_>, role: &Resolved, ledger: &mut Ledger) -> Option<model::Source> {
    match &scene.spec.model {
        Some(model) if role.computes() => {
            let source = model::source(model, role.engine_type.value, ledger);
            // A URI that could not be read has been reported; the engine would only complain about what follows from it.
            let usable = source.argument.is_some() || role.engine_type.value == EngineType::Custom;
            usable.then_some(source)
        }
        None if role.computes() && role.engine_type.value != EngineType::Custom => {
            let message = format!(
                "role `{}` has an engine and the spec has no model",
                role.name.value
            );
            let said = Diagnostic::new(&NO_CONTAINER, message).at_ids(&role.name.ids);
            ledger.report(said.remedy("add `model: {uri: hf://ORG/NAME}` to the spec"));
            None
        }
        _ => Some(model::Source::default()),
    }
}

fn single(spread: &Spread, template: Node) -> Member {
    Member {
        name: Traced::default_of(CONTAINER.into()),
        count: spread.nodes.clone(),
        phase: None,
        serves: true,
        template,
    }
}

/// A template with the labels of the lattice and nothing else.
fn labelled(scene: &Scene<'_>, role: &Resolved, member: Option<&Traced<Str>>) -> Node {
    let mut labels = scene.labels.entries.clone();
    labels.insert(SERVING_LABEL, scene.name);
    labels.insert(ROLE_LABEL, &role.name);
    labels.insert_some(MEMBER_LABEL, member.map(Traced::node));
    let mut template = Node::map();
    template
        .at_mut(&["metadata"])
        .set("labels", Node::derived(labels, &scene.labels.ids));
    // What a role does decides what its pods are, if only by what they lack.
    template.decided_by(&role.phase.ids.union(&role.engine_type.ids));
    template
}

/// What the parts of a generated template are made of.
struct Parts<'a> {
    scene: &'a Scene<'a>,
    role: &'a Resolved,
    spread: &'a Spread,
    source: &'a model::Source,
    engine: Option<&'a Plan>,
    image: Option<Node>,
}

impl Parts<'_> {
    /// One member, or leader and workers.
    fn members(&self, ledger: &mut Ledger) -> Vec<Member> {
        let Some(engine) = self.engine else {
            return Vec::new();
        };
        let (role, nodes) = (self.role, &self.spread.nodes);
        if nodes.value <= 1 {
            if let Some(worker) = &role.worker {
                super::resolve::unused(&worker.origins(), "a replica of one pod has no worker", ledger);
            }
            return vec![single(
                self.spread,
                self.template(&engine.leader, None, role.leader.as_ref(), ledger),
            )];
        }
        let worker = engine.worker.as_ref().unwrap_or(&engine.leader);
        let all_serve = role
            .engine
            .load_balancing
            .as_ref()
            .is_some_and(|l| l.value != LoadBalancing::Internal);
        let [leader_name, worker_name] = ["leader", "worker"].map(|n| Traced::default_of(Str::from(n)));
        vec![
            Member {
                count: Traced::default_of(1),
                phase: None,
                serves: true,
                template: self.template(&engine.leader, Some(&leader_name), role.leader.as_ref(), ledger),
                name: leader_name,
            },
            Member {
                count: nodes.map(|n| n - 1),
                phase: None,
                serves: all_serve && worker.serves(),
                template: self.template(worker, Some(&worker_name), role.worker.as_ref(), ledger),
                name: worker_name,
            },
        ]
    }

    /// The template of one member: generated, then overlaid by the spec's own templates.
    fn template(
        &self,
        process: &Process,
        member: Option<&Traced<Str>>,
        overlay: Option<&crate::spec::scalar::PodTemplate>,
        ledger: &mut Ledger,
    ) -> Node {
        let mut template = labelled(self.scene, self.role, member);
        let spec = template.at_mut(&["spec"]);
        if !self.source.init_containers.is_empty() {
            spec.set("initContainers", self.source.init_containers.clone());
        }
        if let Some(container) = self.container(process, ledger) {
            spec.set("containers", vec![container]);
        }
        if self.engine.is_some() && self.role.engine_type.value == EngineType::Vllm {
            // Of a Service called `vllm` the kubelet makes a variable VLLM_PORT, which vLLM takes for its own and refuses.
            spec.set("enableServiceLinks", false);
        }
        let volumes = self.volumes();
        if !volumes.is_empty() {
            spec.set("volumes", volumes);
        }
        self.claims(spec);
        template = scheduled(self.role, template, ledger);
        for overlay in self.role.pod_templates.iter().chain(overlay) {
            template = strategic_merge(&template, &overlay.0, Type::PodTemplateSpec, ledger);
        }
        if template
            .at(&["spec", "containers"])
            .and_then(Node::as_seq)
            .is_none_or(|c| c.is_empty())
        {
            let message = format!("role `{}` has no container", self.role.name.value);
            let said = Diagnostic::new(&NO_CONTAINER, message).at_ids(&self.role.name.ids);
            ledger
                .report(said.remedy("give it an `engine` with an image, or a `podTemplate` with containers"));
        }
        template
    }

    /// The engine's container; none for a role that is only a pod template.
    fn container(&self, process: &Process, ledger: &mut Ledger) -> Option<Node> {
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
        self.probes(process, &mut container);
        if let Some(handler) = &self.role.shutdown.pre_stop {
            container.insert("lifecycle", Map::from_iter([("preStop", handler.0.clone())]));
        }
        if self.role.network.rdma.is_some() && self.engine.is_some_and(|e| e.ipc_lock) {
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
        if accelerator.claims.is_none() && self.spread.gpus.value > 0 {
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
            decided.merge(
                &accelerator
                    .resource
                    .as_ref()
                    .map(Decode::origins)
                    .unwrap_or_default(),
            );
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

    fn claims(&self, spec: &mut Node) {
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

    fn volumes(&self) -> Vec<Node> {
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
    fn probes(&self, process: &Process, container: &mut Map) {
        let own = &self.role.probes;
        let Health {
            startup,
            readiness,
            liveness,
        } = &process.health;
        let answers = startup.is_some() || readiness.is_some() || process.serves();
        let all = [
            ("startupProbe", &own.startup, startup.as_ref().map(probe)),
            ("readinessProbe", &own.readiness, readiness.as_ref().map(probe)),
            ("livenessProbe", &own.liveness, liveness.as_ref().map(probe)),
        ];
        let mut absent = own.ids.clone();
        for (key, written, fitting) in all {
            match written {
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

/// Scheduling and shutdown, which are fields of the pod.
fn scheduled(role: &Resolved, mut template: Node, ledger: &mut Ledger) -> Node {
    let crate::spec::policy::Scheduling {
        ids,
        gang: _,
        topology: _,
        queue: _,
        priority_class_name,
        scheduler_name,
        node_selector,
        tolerations,
        affinity,
    } = &role.scheduling;
    let mut fields = Map::new();
    let mut selector = node_selector
        .as_ref()
        .map(|s| Node::derived(s.entries.clone(), &s.ids));
    if let Some(product) = &role.accelerator.product {
        selector
            .get_or_insert_with(Node::map)
            .set("nvidia.com/gpu.product", product);
    }
    fields.insert_some("schedulerName", scheduler_name.clone());
    fields.insert_some("priorityClassName", priority_class_name.clone());
    fields.insert_some("nodeSelector", selector);
    fields.insert_some("affinity", affinity.as_ref().map(|a| a.0.clone()));
    let tolerations: Vec<Node> = tolerations.iter().flatten().map(|t| t.0.clone()).collect();
    if !tolerations.is_empty() {
        fields.insert("tolerations", tolerations);
    }
    fields.insert_some(
        "terminationGracePeriodSeconds",
        role.shutdown.grace_period.as_ref().map(|g| g.seconds().node()),
    );
    let spec = template.at_mut(&["spec"]);
    spec.decided_by(&ids.union(&role.shutdown.ids));
    for (key, value) in fields {
        match spec.get(&key) {
            None => drop(spec.map_mut().insert(key, value)),
            Some(own) => {
                let [base, over] =
                    [value, own.clone()].map(|v| Node::from(Map::from_iter([(key.clone(), v)])));
                let merged = strategic_merge(&base, &over, Type::PodSpec, ledger);
                spec.map_mut().insert_some(key.clone(), merged.get(&key).cloned());
            }
        }
    }
    template
}
