//! KV connectors: what each engine calls them, and what they need.

use super::EngineKind;
use super::argv::Argv;
use super::codes;
use super::flags::near;
use super::request::{KvTransfer, Phase, Request, pod_ip, variable};
use super::settings::{Emission, kebab, presence};
use super::table::Presence;
use crate::diagnostic::{Diagnostic, Ledger};
use crate::value::{Ids, Map, Node, Str, Traced, Value};

/// What a connector is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Purpose {
    /// From prefill to decode.
    Transfer,
    /// To another tier of memory.
    Tier,
    /// Both, or whatever its parts do.
    Both,
}

/// A connector of an engine.
#[derive(Debug)]
struct Connector {
    engine: EngineKind,
    /// The language's word; empty if only the engine's own name is known.
    word: &'static str,
    /// What the engine calls it.
    name: &'static str,
    purpose: Purpose,
    /// First version that was seen with it, if an earlier one was read.
    since: Option<&'static str>,
    /// First version that was seen without it.
    until: Option<&'static str>,
}

macro_rules! connectors {
    ($($engine:ident $word:literal $name:literal $purpose:ident $since:expr, $until:expr;)*) => {
        const CONNECTORS: &[Connector] = &[$(Connector {
            engine: EngineKind::$engine, word: $word, name: $name, purpose: Purpose::$purpose, since: $since, until: $until,
        }),*];
    };
}

connectors! {
    Vllm "nixl" "NixlConnector" Transfer None, None;
    Vllm "" "NixlPullConnector" Transfer Some("0.24.0"), None;
    Vllm "" "NixlPushConnector" Transfer Some("0.24.0"), None;
    Vllm "mooncake" "MooncakeConnector" Transfer Some("0.14.0"), None;
    Vllm "lmcache" "LMCacheConnectorV1" Both None, None;
    Vllm "" "LMCacheMPConnector" Both None, None;
    Vllm "moriio" "MoRIIOConnector" Transfer None, None;
    Vllm "multi" "MultiConnector" Both None, None;
    Vllm "" "P2pNcclConnector" Transfer None, Some("0.24.0");
    Vllm "" "SharedStorageConnector" Both None, Some("0.14.0");
    Vllm "" "ExampleConnector" Both Some("0.14.0"), None;
    Vllm "" "MooncakeStoreConnector" Tier None, None;
    Vllm "" "OffloadingConnector" Tier None, None;
    Vllm "" "SimpleCPUOffloadConnector" Tier None, None;
    Vllm "" "FlexKVConnectorV1" Tier None, None;
    Vllm "" "HF3FSKVConnector" Tier None, None;
    Vllm "" "HiSparseConnector" Tier None, None;
    Vllm "" "PyNcclConnector" Transfer None, Some("0.10.2");
    Vllm "" "LMCacheConnector" Both None, Some("0.10.2");
    Sglang "nixl" "nixl" Transfer None, None;
    Sglang "mooncake" "mooncake" Transfer None, None;
    Sglang "moriio" "mori" Transfer None, None;
    Sglang "" "ascend" Transfer None, None;
    Sglang "" "mooncake_tcp" Transfer None, None;
    Trtllm "nixl" "NIXL" Transfer None, None;
    Trtllm "ucx" "UCX" Transfer None, None;
    Trtllm "mpi" "MPI" Transfer None, None;
    Trtllm "" "DEFAULT" Transfer None, None;
}

/// What a connector adds to the processes of a role.
#[derive(Clone, Default, Debug)]
pub struct Transfer {
    /// Variables.
    pub env: Vec<Node>,
    /// The port that peers or routers use, with a name for it.
    pub port: Option<(&'static str, Traced<u32>)>,
    /// Whether a router must know that port of prefill pods.
    pub bootstrap: bool,
}

/// Finds the connector and checks that the version has it and that it fits the role.
fn find(request: &Request<'_>, kv: &KvTransfer, ledger: &mut Ledger) -> Option<&'static Connector> {
    let word = kv.connector.value.as_str();
    let own = |c: &&Connector| c.engine == request.engine;
    let has = |c: &&Connector| {
        request.wrapper.is_some()
            || !(c.since.is_some_and(|v| request.version.before(v))
                || c.until
                    .is_some_and(|v| request.version.release.is_some() && request.version.at_least(v)))
    };
    let is = |c: &&Connector| (!c.word.is_empty() && c.word == word) || c.name.eq_ignore_ascii_case(word);
    let found = CONNECTORS.iter().filter(own).find(is);
    match found {
        Some(connector) if has(&connector) => {
            let transfers = matches!(request.phase, Phase::Prefill | Phase::Decode);
            if transfers && connector.purpose == Purpose::Tier {
                let message = format!(
                    "{} keeps KV caches in another tier and does not carry them from prefill to decode",
                    connector.name
                );
                ledger.report(Diagnostic::new(&codes::CONNECTOR_ROLE, message).at_ids(&kv.connector.ids));
                return None;
            }
            Some(connector)
        }
        _ => {
            let names: Vec<&str> = CONNECTORS
                .iter()
                .filter(own)
                .filter(has)
                .filter(|c| c.purpose != Purpose::Tier)
                .map(|c| if c.word.is_empty() { c.name } else { c.word })
                .filter(|word| crate::spec::engine::Connector::from_word(word).is_some())
                .collect();
            let engine = request.engine.name();
            let message = match found {
                Some(gone) => format!(
                    "{engine} {} does not have the connector {}",
                    request.version, gone.name
                ),
                None => format!("{engine} has no connector {word}"),
            };
            let mut said = Diagnostic::new(&codes::CONNECTOR_UNKNOWN, message).at_ids(&kv.connector.ids);
            said = said.remedy(format!("it has {}", names.join(", ")));
            said.replacement = near(word, names.iter().copied()).map(str::to_owned);
            ledger.report(said);
            None
        }
    }
}

/// Writes the connector of a role into its command line, and says what else it needs. `None` if it cannot be used.
pub fn write(request: &Request<'_>, out: &mut Emission, ledger: &mut Ledger) -> Option<Transfer> {
    let needed = matches!(request.phase, Phase::Prefill | Phase::Decode);
    let Some(kv) = request.kv else {
        if needed && !configured_by_hand(request) {
            let message = format!(
                "a {} role needs a connector that carries its KV caches",
                phase_word(request.phase)
            );
            ledger.report(
                Diagnostic::new(&codes::CONNECTOR_MISSING, message)
                    .at_ids(&request.nodes.ids)
                    .remedy("set kvTransfer.connector"),
            );
            return None;
        }
        return Some(Transfer::default());
    };
    let module = request.engine == EngineKind::Vllm
        && kv
            .options
            .as_ref()
            .is_some_and(|o| o.get("kv_connector_module_path").is_some());
    let name = match module {
        true => kv.connector.value.as_str(),
        false => find(request, kv, ledger)?.name,
    };
    match request.engine {
        EngineKind::Vllm => vllm(request, kv, name, &mut out.argv, ledger),
        EngineKind::Sglang => sglang(request, kv, name, &mut out.argv, ledger),
        EngineKind::Trtllm => trtllm(request, kv, name, &mut out.file),
        EngineKind::Custom => Some(Transfer::default()),
    }
}

/// Whether the user's own arguments bring the connector.
fn configured_by_hand(request: &Request<'_>) -> bool {
    let Some(program) = request.engine.program() else {
        return true;
    };
    let scan = super::scan::scan(program, request.version, request.args);
    scan.flags
        .iter()
        .filter_map(|f| f.flag())
        .any(|f| matches!(f.name, "--kv-transfer-config" | "--config"))
}

/// The phase in the words of the spec.
pub fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Prefill => "prefill",
        Phase::Decode => "decode",
        Phase::Aggregated => "aggregated",
        Phase::Encode => "encode",
    }
}

/// Keys of vLLM's KVTransferConfig.
const VLLM_KEYS: [&str; 9] = [
    "kv_connector",
    "kv_role",
    "engine_id",
    "kv_buffer_device",
    "kv_port",
    "kv_connector_extra_config",
    "kv_connector_module_path",
    "enable_permute_local_kv",
    "kv_load_failure_policy",
];
/// Keys that were there up to 0.30; later versions refuse unknown keys.
const OLD_VLLM_KEYS: [&str; 4] = ["kv_rank", "kv_parallel_size", "kv_ip", "kv_buffer_size"];

fn vllm(
    request: &Request<'_>,
    kv: &KvTransfer,
    name: &str,
    argv: &mut Argv,
    ledger: &mut Ledger,
) -> Option<Transfer> {
    let nixl = name.starts_with("Nixl");
    let sided = !nixl || request.wrapper.is_some() || request.version.at_least("0.24.0");
    let role = match request.phase {
        Phase::Prefill if sided => "kv_producer",
        Phase::Decode if sided => "kv_consumer",
        _ => "kv_both",
    };
    let mut config = Node::map();
    config.set("kv_connector", Node::derived(name, &kv.connector.ids));
    config.set("kv_role", role);
    let mut lmcache = Map::new();
    let mut fine = true;
    for (key, value) in kv.options.as_ref().and_then(Node::as_map).into_iter().flatten() {
        let old = OLD_VLLM_KEYS.contains(&key.as_str())
            && (request.version.release.is_some() && request.version.before("0.33.0"));
        match key.as_str() {
            "kv_connector" | "kv_role" => {
                fine = false;
                let message = format!("{key} follows from the connector and the role");
                ledger.report(
                    Diagnostic::new(&codes::CONNECTOR_OPTION, message)
                        .at_ids(&value.all_ids())
                        .remedy("leave it out"),
                );
            }
            "lmcache" if name.starts_with("LMCache") => lmcache = value.as_map().cloned().unwrap_or_default(),
            known if old || VLLM_KEYS.contains(&known) => config.set(known, value.clone()),
            _ => {
                fine = false;
                ledger.report(unknown_key(key, value, request));
            }
        }
    }
    let mut transfer = Transfer::default();
    match name {
        _ if nixl => side_channel(request, kv, &mut transfer),
        "MooncakeConnector" => mooncake(request, kv, &mut transfer),
        "LMCacheConnectorV1" => fine &= lmcache_env(request, kv, lmcache, &mut transfer, ledger),
        "MoRIIOConnector" => fine &= moriio(request, kv, &mut config, &mut transfer, ledger),
        _ => {
            if let Some(port) = &kv.port {
                config.set("kv_port", port.node());
                transfer.port = Some(("kv", port.clone()));
            }
        }
    }
    if name == "MultiConnector" {
        fine &= parts(role, kv, &mut config, ledger);
    }
    if let Some(options) = &kv.options {
        config.ids.merge(&options.ids);
    }
    argv.of_setting("kvTransfer");
    argv.value("--kv-transfer-config", &config);
    argv.of_setting("");
    fine.then_some(transfer)
}

fn unknown_key(key: &str, value: &Node, request: &Request<'_>) -> Diagnostic {
    let message = format!(
        "{key} is no key of {}'s connector configuration",
        request.engine.name()
    );
    let said = Diagnostic::new(&codes::CONNECTOR_OPTION, message).at_ids(&value.all_ids());
    match near(key, VLLM_KEYS.into_iter()) {
        _ if OLD_VLLM_KEYS.contains(&key) => said.remedy("it is gone in 0.33; leave it out"),
        Some(meant) => said.remedy(format!("did you mean {meant}?")).replacement(meant),
        None => said.remedy("what belongs to the connector itself goes to kv_connector_extra_config"),
    }
}

/// NIXL: peers find each other at an address of the pod, which defaults to localhost.
fn side_channel(request: &Request<'_>, kv: &KvTransfer, transfer: &mut Transfer) {
    // Dynamo sets the host itself.
    if request.wrapper.is_none() {
        transfer
            .env
            .push(pod_ip("VLLM_NIXL_SIDE_CHANNEL_HOST", &Ids::none()));
    }
    if let Some(port) = &kv.port {
        transfer
            .env
            .push(variable("VLLM_NIXL_SIDE_CHANNEL_PORT", port.node()));
    }
    transfer.env.extend(ucx_devices(kv));
    transfer.port = Some(("nixl", kv.port.clone().unwrap_or(Traced::default_of(5600))));
}

/// The devices that UCX shall use, by their first port.
fn ucx_devices(kv: &KvTransfer) -> Option<Node> {
    let list: Vec<String> = kv.devices.iter().map(|d| format!("{}:1", d.value)).collect();
    let ids = kv.devices.iter().fold(Ids::none(), |ids, d| ids.union(&d.ids));
    (!list.is_empty()).then(|| variable("UCX_NET_DEVICES", Node::derived(list.join(","), &ids)))
}

/// Mooncake: decode finds prefill by a bootstrap server on the prefill leader.
fn mooncake(request: &Request<'_>, kv: &KvTransfer, transfer: &mut Transfer) {
    let port = kv.port.clone().unwrap_or(Traced::default_of(8998));
    if request.phase != Phase::Decode {
        if kv.port.is_some() {
            transfer
                .env
                .push(variable("VLLM_MOONCAKE_BOOTSTRAP_PORT", port.node()));
        }
        transfer.port = Some(("bootstrap", port));
        transfer.bootstrap = true;
    }
}

/// LMCache between prefill and decode is configured by its own variables.
fn lmcache_env(
    request: &Request<'_>,
    kv: &KvTransfer,
    mut own: Map,
    transfer: &mut Transfer,
    ledger: &mut Ledger,
) -> bool {
    let side = match request.phase {
        Phase::Prefill => "sender",
        Phase::Decode => "receiver",
        Phase::Aggregated | Phase::Encode => "",
    };
    let by_file = own.contains_key("config_file");
    if !side.is_empty() && !by_file {
        let mut missing: Vec<&str> = vec!["pd_buffer_size"];
        if side == "sender" {
            missing.extend(["pd_proxy_host", "pd_proxy_port"]);
        }
        missing.retain(|key| !own.contains_key(key));
        if !missing.is_empty() {
            let message = format!(
                "LMCache needs {} for a {} role",
                missing.join(", "),
                phase_word(request.phase)
            );
            let said = Diagnostic::new(&codes::CONNECTOR_INCOMPLETE, message).at_ids(&kv.connector.ids);
            ledger
                .report(said.remedy("give them under kvTransfer.options.lmcache, or a file as config_file"));
            return false;
        }
        let mut preset = |key: &str, value: Node| {
            if !own.contains_key(key) {
                own.insert(key, value);
            }
        };
        preset("enable_pd", "True".into());
        preset("pd_role", side.into());
        preset("transfer_channel", "nixl".into());
        if side == "receiver" {
            let port = kv.port.clone().unwrap_or(Traced::default_of(7300));
            preset("pd_peer_init_port", port.node());
            preset(
                "pd_peer_alloc_port",
                Node::derived(port.value.saturating_add(100), &port.ids),
            );
            transfer.port = Some(("lmcache", port));
        }
    }
    if side == "receiver" && !own.contains_key("pd_peer_host") && !by_file {
        transfer.env.push(pod_ip("LMCACHE_PD_PEER_HOST", &Ids::none()));
    }
    for (key, value) in own {
        let value = match value.value {
            Value::Bool(b) => Node::derived(if b { "True" } else { "False" }, &value.ids),
            _ => value,
        };
        transfer
            .env
            .push(variable(&format!("LMCACHE_{}", key.to_uppercase()), value));
    }
    true
}

/// MoRI-IO announces itself to a proxy whose place nobody can derive.
fn moriio(
    request: &Request<'_>,
    kv: &KvTransfer,
    config: &mut Node,
    transfer: &mut Transfer,
    ledger: &mut Ledger,
) -> bool {
    let extra = config.map_mut().entry_map("kv_connector_extra_config");
    if extra.get("http_port").is_none() {
        extra.set("http_port", request.port.node());
    }
    if let (Some(port), None) = (&kv.port, extra.get("handshake_port")) {
        extra.set("handshake_port", port.node());
        transfer.port = Some(("handshake", port.clone()));
    }
    let missing: Vec<_> = ["handshake_port", "notify_port", "proxy_ip", "proxy_ping_port"]
        .into_iter()
        .filter(|k| extra.get(k).is_none())
        .collect();
    if !missing.is_empty() {
        let said = Diagnostic::new(
            &codes::CONNECTOR_INCOMPLETE,
            format!("MoRIIOConnector needs {}", missing.join(", ")),
        );
        ledger.report(
            said.at_ids(&kv.connector.ids)
                .remedy("give them under kvTransfer.options.kv_connector_extra_config"),
        );
    }
    missing.is_empty()
}

/// The connectors of a MultiConnector each have a role; it is that of the whole where they say none.
fn parts(role: &str, kv: &KvTransfer, config: &mut Node, ledger: &mut Ledger) -> bool {
    let list = config
        .map_mut()
        .entry_map("kv_connector_extra_config")
        .map_mut()
        .entry_map("connectors");
    if list.as_seq().is_none_or(<[Node]>::is_empty) {
        let said = Diagnostic::new(
            &codes::CONNECTOR_INCOMPLETE,
            "MultiConnector needs the connectors that it is made of",
        );
        ledger.report(
            said.at_ids(&kv.connector.ids)
                .remedy("give a list under kvTransfer.options.kv_connector_extra_config.connectors"),
        );
        return false;
    }
    for part in list.seq_mut() {
        if part.get("kv_role").is_none() {
            part.set("kv_role", role);
        }
    }
    true
}

fn sglang(
    request: &Request<'_>,
    kv: &KvTransfer,
    name: &str,
    argv: &mut Argv,
    ledger: &mut Ledger,
) -> Option<Transfer> {
    let mut transfer = Transfer::default();
    if !matches!(request.phase, Phase::Prefill | Phase::Decode) {
        let message = format!(
            "SGLang has no KV connector for a role of phase {}",
            phase_word(request.phase)
        );
        ledger.report(Diagnostic::new(&codes::CONNECTOR_ROLE, message).at_ids(&kv.connector.ids));
        return None;
    }
    argv.of_setting("transferBackend");
    argv.value(
        "--disaggregation-transfer-backend",
        &Node::derived(name, &kv.connector.ids),
    );
    let port = kv.port.clone().unwrap_or(Traced::default_of(8998));
    argv.of_setting("bootstrapPort");
    // A decode server takes its own flag for the port of requests that name none, as some routers leave it to do.
    if request.phase == Phase::Prefill || kv.port.is_some() {
        argv.value("--disaggregation-bootstrap-port", &port.node());
    }
    if request.phase == Phase::Prefill {
        transfer.port = Some(("bootstrap", port));
        transfer.bootstrap = true;
    }
    argv.of_setting("");
    if let Some(first) = kv.devices.first() {
        let ids = kv
            .devices
            .iter()
            .fold(first.ids.clone(), |ids, d| ids.union(&d.ids));
        let list: Vec<&str> = kv.devices.iter().map(|d| d.value.as_str()).collect();
        argv.value("--disaggregation-ib-device", &Node::derived(list.join(","), &ids));
    }
    let mut fine = true;
    for (key, value) in kv.options.as_ref().and_then(Node::as_map).into_iter().flatten() {
        let flag = format!("--disaggregation-{}", kebab(key));
        let taken =
            argv.has(&flag) || flag == "--disaggregation-mode" || flag == "--disaggregation-bootstrap-port";
        if taken || presence(EngineKind::Sglang, request.version, &flag) < Presence::Perhaps {
            fine = false;
            let message = match taken {
                true => format!("{flag} follows from the spec"),
                false => format!("SGLang {} has no flag {flag}", request.version),
            };
            ledger.report(Diagnostic::new(&codes::CONNECTOR_OPTION, message).at_ids(&value.all_ids()));
        } else if value.as_bool() == Some(true) {
            argv.switch(&flag, &value.ids);
        } else if value.as_bool() == Some(false) {
            argv.leave_out(&value.ids);
        } else {
            argv.value(&flag, value);
        }
    }
    if let Some(options) = &kv.options {
        argv.leave_out(&options.ids);
    }
    fine.then_some(transfer)
}

fn trtllm(request: &Request<'_>, kv: &KvTransfer, name: &str, file: &mut Node) -> Option<Transfer> {
    let config = file.map_mut().entry_map("cache_transceiver_config");
    config.set("backend", Node::derived(name, &kv.connector.ids));
    for (key, value) in kv.options.as_ref().and_then(Node::as_map).into_iter().flatten() {
        config.set(key, value.clone());
    }
    if let Some(options) = &kv.options {
        config.ids.merge(&options.ids);
    }
    // The transceiver finds its ports itself.
    if request.phase == Phase::Prefill && file.get("disable_overlap_scheduler").is_none() {
        file.set("disable_overlap_scheduler", true);
    }
    let env = if matches!(name, "NIXL" | "UCX" | "DEFAULT") {
        ucx_devices(kv)
    } else {
        None
    };
    Some(Transfer {
        env: env.into_iter().collect(),
        ..Transfer::default()
    })
}

/// The words of the language that an engine has a connector for.
pub fn words_of(engine: EngineKind) -> impl Iterator<Item = Str> {
    CONNECTORS
        .iter()
        .filter(move |c| c.engine == engine && !c.word.is_empty())
        .map(|c| c.word.into())
}
