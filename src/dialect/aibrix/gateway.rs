//! What AIBrix's gateway reads from the pods of engines: the model's name, the port, the engine, and how to route.

use super::codes::{GATEWAY_CONNECTOR, GATEWAY_MODEL, GATEWAY_RANKS, GATEWAY_ROLE, ROUTING_HEADER};
use super::lowering::Lowering;
use super::options::Gateway;
use crate::diagnostic::{Diagnostic, Ledger, Outcome};
use crate::ir::Role;
use crate::kubernetes::names;
use crate::spec::engine::{Connector, EngineType};
use crate::spec::role::Phase;
use crate::value::{Map, Node, Str, Traced, Value};

const NAME: &str = "model.aibrix.ai/name";
const PORT: &str = "model.aibrix.ai/port";
const ENGINE: &str = "model.aibrix.ai/engine";
const CONFIG: &str = "model.aibrix.ai/config";
const CONNECTOR: &str = "model.aibrix.ai/kv-connector-type";
const BOOTSTRAP: &str = "model.aibrix.ai/sglang-bootstrap-port";
/// The port that the gateway assumes for SGLang's bootstrap server.
const BOOTSTRAP_PORT: u32 = 8998;
/// By this variable the gateway learns that each data-parallel rank has a port of its own.
const RANKS: &str = "data-parallel-size";

impl Lowering<'_> {
    /// Whether the gateway routes to the engines: unless the serving has a router of its own, or wants none.
    pub fn gateway(&self) -> bool {
        let option = self.options.gateway.as_ref().and_then(|g| g.enabled.as_ref());
        let own_router = || self.serving.phase(Phase::Router).next().is_some();
        option.map_or_else(
            || self.serving.front.routed.value && !own_router(),
            |enabled| enabled.value,
        )
    }

    /// Writes what the gateway reads on the template of a role.
    pub fn tell_gateway(&self, role: &Role, template: &mut Node, ledger: &mut Ledger) {
        let serves = matches!(
            role.phase.value,
            Phase::Prefill | Phase::Decode | Phase::Aggregated
        );
        let option = self.options.gateway.as_ref().and_then(|g| g.enabled.as_ref());
        option
            .iter()
            .for_each(|o| template.at_mut(&["metadata", "labels"]).decided_by(&o.ids));
        if !serves || !self.gateway() {
            return;
        }
        let Some(port) = &role.engine.port else { return };
        let Some(model) = &self.serving.model else {
            // Behind a Service of its own it serves all the same.
            if self.serving.front.role.is_none() {
                let message = format!(
                    "nothing tells the gateway which model `{}` serves",
                    role.name.value
                );
                ledger.report(Diagnostic::new(&GATEWAY_MODEL, message).at(role.name.at()));
            }
            return;
        };
        let entries = self.gateway_entries(role, model, port, ledger);
        self.check_gateway(role, ledger);
        for (field, entries) in entries {
            for (key, value) in entries {
                let map = template.at_mut(&["metadata", field]).map_mut();
                if !map.contains_key(&key) {
                    map.insert(key, value);
                }
            }
        }
        ranks(role, template);
    }

    /// Labels and annotations of a role that serves a model on a port.
    fn gateway_entries(
        &self,
        role: &Role,
        model: &Traced<Str>,
        port: &Traced<u32>,
        ledger: &mut Ledger,
    ) -> [(&'static str, Map); 2] {
        let (mut labels, mut annotations) = (Map::new(), Map::new());
        let place = if names::label_value(&model.value).is_ok() {
            &mut labels
        } else {
            &mut annotations
        };
        place.insert(NAME, model);
        labels.insert(PORT, port.map(|p| Str::from(p.to_string())));
        labels.insert_some(ENGINE, role.engine.engine.as_ref().map(Traced::node));
        let options = self.options.gateway.as_ref();
        let connector = options.and_then(|g| g.kv_connector_type.clone());
        labels.insert_some(CONNECTOR, connector.filter(|_| self.serving.disaggregated()));
        annotations.insert_some(CONFIG, self.routing(ledger));
        annotations.insert_some(BOOTSTRAP, bootstrap(role));
        [("labels", labels), ("annotations", annotations)]
    }

    /// The annotation that holds the routing profile.
    fn routing(&self, ledger: &mut Ledger) -> Option<Node> {
        let Gateway {
            ids,
            enabled: _,
            routing_strategy,
            locked,
            requests_per_second,
            routing_config,
            config,
            kv_connector_type: _,
        } = self.options.gateway.clone().unwrap_or_default();
        if let Some(config) = config {
            return Some(Node::derived(compact(&config), &config.all_ids()));
        }
        let apart = self.serving.disaggregated();
        if !self.version.routing_profiles() {
            let known = ledger.diagnostics.iter().any(|d| d.code == &ROUTING_HEADER);
            if apart && !known {
                let message = "requests reach prefill and decode only with the header `routing-strategy: pd`";
                ledger.report(
                    Diagnostic::new(&ROUTING_HEADER, message)
                        .at(self.serving.name.at())
                        .outcome(Outcome::Dropped),
                );
            }
            return None;
        }
        let default = if apart { "pd" } else { "least-request" };
        let strategy = routing_strategy.unwrap_or_else(|| Traced::default_of(default.into()));
        let lock = locked.unwrap_or_else(|| strategy.map(|s| s == "pd"));
        let mut profile = Map::from_iter([("routingStrategy", Node::from(&strategy))]);
        profile.insert_some("requestsPerSecond", requests_per_second.map(|r| r.number()));
        profile.insert_some("routingConfig", routing_config);
        let profiles = Map::from_iter([("default", Node::from(profile))]);
        let mut config = Map::new();
        if lock.value && self.version.locked_strategy() {
            config.insert("lockedRoutingStrategy", &strategy);
        }
        config.insert("profiles", profiles);
        let config = Node::derived(config, &ids.union(&lock.ids));
        Some(Node::derived(compact(&config), &config.all_ids()))
    }

    fn check_gateway(&self, role: &Role, ledger: &mut Ledger) {
        if role.multi_node() && role.members.iter().skip(1).any(|m| m.serves) {
            let message = format!(
                "the gateway sends requests of `{}` to rank 0 of each replica only",
                role.name.value
            );
            ledger.report(Diagnostic::new(&GATEWAY_RANKS, message).at(role.name.at()));
        }
        let wanted = match role.phase.value {
            Phase::Prefill => "prefill",
            Phase::Decode => "decode",
            _ => return,
        };
        let name = self.role_name(role);
        if name.value != wanted {
            let message = format!(
                "the gateway looks for {wanted} in a role called `{wanted}`, and this one is called `{}`",
                name.value
            );
            let said = Diagnostic::new(&GATEWAY_ROLE, message).at_ids(&name.ids);
            ledger.report(said.remedy(format!(
                "one serving for each {wanted} role, or `routing.router.type: engine`"
            )));
        }
        self.check_connector(role, ledger);
    }

    /// Whether the gateway can hand over caches from prefill to decode.
    fn check_connector(&self, role: &Role, ledger: &mut Ledger) {
        let vllm = role
            .engine
            .engine
            .as_ref()
            .is_some_and(|e| e.value == EngineType::Vllm);
        let agent = self
            .options
            .gateway
            .as_ref()
            .is_some_and(|g| g.kv_connector_type.is_some());
        if let Some(connector) = role
            .engine
            .connector
            .as_ref()
            .filter(|c| c.value != Connector::Nixl && vllm && !agent)
        {
            let known = ledger
                .diagnostics
                .iter()
                .any(|d| d.code == &GATEWAY_CONNECTOR && d.at == connector.at());
            if !known {
                let message = format!(
                    "AIBrix's gateway cannot hand over KV caches by {} for vLLM",
                    connector.value.as_str()
                );
                ledger.report(Diagnostic::new(&GATEWAY_CONNECTOR, message).at(connector.at()));
            }
        }
    }
}

/// The bootstrap port of SGLang's prefill, if not the gateway's own guess.
fn bootstrap(role: &Role) -> Option<Node> {
    let sglang = role
        .engine
        .engine
        .as_ref()
        .is_some_and(|e| e.value == EngineType::Sglang);
    let port = role
        .engine
        .bootstrap_port
        .as_ref()
        .filter(|_| sglang && role.phase.value == Phase::Prefill)?;
    (port.value != BOOTSTRAP_PORT).then(|| port.map(|p| Str::from(p.to_string())).node())
}

/// Consecutive ports of one pod.
fn ranks(role: &Role, template: &mut Node) {
    if role.engine.ports < 2 {
        return;
    }
    if let Some(container) =
        crate::kubernetes::container::find_mut(template.at_mut(&["spec"]), &role.engine.container)
    {
        crate::kubernetes::container::env_set(
            container,
            crate::kubernetes::container::env(RANKS, role.engine.ports.to_string()),
        );
    }
}

/// JSON on one line.
fn compact(node: &Node) -> Str {
    json(node).to_string().into()
}

fn json(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Null | Value::Text(_) => serde_json::Value::Null,
        Value::Bool(b) => (*b).into(),
        Value::Int(i) => (*i).into(),
        Value::UInt(u) => (*u).into(),
        Value::Float(f) => (*f).into(),
        Value::Str(s) => s.as_str().into(),
        Value::Seq(items) => items.iter().map(json).collect(),
        Value::Map(map) => map
            .iter()
            .map(|(k, v)| (k.to_string(), json(v)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}
