//! Answers, selectors and names against what the real controllers made.

use super::answers::{GROUP_INDEX, REPLICA_INDEX, ROLE, ROLE_SET, STORM_SERVICE};
use super::lowering::Lowering;
use super::options::{Options, Platform};
use super::version::Version;
use crate::ir::answer::{Answer, Answers, Asker};
use crate::ir::{EngineFacts, Front, Member, Restart, Role, Serving};
use crate::spec::policy::RestartPolicy;
use crate::spec::role::Phase;
use crate::spec::routing::ServiceType;
use crate::value::{Ids, Map, Node, Reference, Traced};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn traced<T>(value: T) -> Traced<T> {
    Traced::default_of(value)
}

fn role(name: &str, replicas: u32, size: u32) -> Role {
    let member = |name: &str, count| Member {
        name: traced(name.into()),
        count: traced(count),
        phase: None,
        serves: name == "leader",
        template: Node::map(),
    };
    let mut members = vec![member("leader", 1)];
    if size > 1 {
        members.push(member("worker", size - 1));
    }
    Role {
        name: traced(name.into()),
        phase: traced(Phase::Aggregated),
        implicit: false,
        replicas: traced(replicas),
        members,
        engine: EngineFacts {
            engine: None,
            wrapper: None,
            version: None,
            container: "engine".into(),
            port: None,
            ports: 1,
            connector: None,
            bootstrap_port: None,
        },
        depends_on: Vec::new(),
        startup: None,
        gang: None,
        topology: None,
        queue: None,
        priority: None,
        scheduler: None,
        rollout: None,
        restart: Restart {
            policy: traced(RestartPolicy::Pod),
            base_delay: None,
            max_delay: None,
        },
        scaling: None,
        disruption: None,
        discovers: Vec::new(),
        claims: Vec::new(),
        claimed: Ids::none(),
        options: Node::default(),
    }
}

fn serving(name: &str, slices: u32, roles: Vec<Role>) -> Serving {
    Serving {
        name: traced(name.into()),
        namespace: None,
        labels: Map::new(),
        annotations: Map::new(),
        slices: traced(slices),
        roles,
        front: Front {
            role: None,
            routed: traced(true),
            service: traced("front".into()),
            service_type: traced(ServiceType::ClusterIp),
            port: traced(80),
            gateway: None,
        },
        model: None,
        options: Node::default(),
    }
}

fn lowering(serving: &Serving) -> Lowering<'_> {
    Lowering {
        serving,
        options: Options::default(),
        role_options: Vec::new(),
        platform: Platform::default(),
        version: Version::NEWEST,
        names: serving.roles.iter().map(|r| r.name.clone()).collect(),
    }
}

/// The records of the expansions, or nothing where they are not at hand.
fn records() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/expansions/aibrix");
    let found = [beside, PathBuf::from("/work/shared/expansions/aibrix")]
        .into_iter()
        .find(|p| p.is_dir());
    if found.is_none() {
        eprintln!("skipped: no records of expansions in ../shared");
    }
    found
}

fn record(root: &Path, name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(root.join(name)).unwrap()).unwrap()
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn label<'a>(pod: &'a Value, key: &str) -> &'a str {
    pod["metadata"]["labels"][key].as_str().unwrap_or_default()
}

/// An answer as the kubelet would expand it in an argument of the recorded pod.
fn expand(answer: Answer, pod: &Value) -> String {
    let mut out = match answer {
        Answer::Literal(text) | Answer::Expanded(text) => text.to_string(),
        Answer::Downward { variables, text } => {
            let fields = [("metadata.name", "/metadata/name")];
            variables.iter().fold(text.to_string(), |out, (name, path)| {
                let pointer = fields.iter().find(|(p, _)| p == path).unwrap().1;
                out.replace(&format!("$({name})"), text_of(pod, pointer))
            })
        }
        other => panic!("{other:?}"),
    };
    for variable in pod["spec"]["containers"][0]["env"].as_array().unwrap() {
        out = out.replace(
            &format!("$({})", text(variable, "/name")),
            text(variable, "/value"),
        );
    }
    assert!(!out.contains("$("), "{out}");
    out
}

fn text_of<'a>(pod: &'a Value, pointer: &str) -> &'a str {
    text(pod, pointer)
}

/// The name by which a pod is found under the headless Service.
fn address(pod: &Value) -> String {
    format!("{}.{}", text(pod, "/spec/hostname"), text(pod, "/spec/subdomain"))
}

/// `rps`: two RoleSets of prefill (2 × 2 pods), decode (1 × 3) and a router.
fn recorded_workload() -> Serving {
    serving(
        "rps",
        2,
        vec![role("prefill", 2, 2), role("decode", 1, 3), role("router", 1, 1)],
    )
}

#[test]
fn leaders_ranks_and_peers_are_those_of_the_recorded_pods() {
    let Some(root) = records() else { return };
    let pooled = serving("pooled", 1, vec![role("prefill", 3, 1), role("decode", 2, 1)]);
    for (probe, serving, count) in [
        ("replica-podsets", recorded_workload(), 16),
        ("pooled-3p2d", pooled, 5),
    ] {
        let record = record(&root, &format!("probes/{probe}.json"));
        let pods = record["pods"].as_array().unwrap();
        assert_eq!(pods.len(), count);
        let name = label(&pods[0], STORM_SERVICE);
        let serving = Serving {
            name: traced(name.into()),
            ..serving
        };
        // A pod without an index has no name in DNS; the lowering makes such pods only on demand.
        for pod in pods.iter().filter(|p| !text(p, "/spec/hostname").is_empty()) {
            answers_of(pod, pods, &serving);
        }
    }
}

fn answers_of(pod: &Value, pods: &[Value], serving: &Serving) {
    let lowering = lowering(serving);
    let role = serving.role(label(pod, ROLE)).unwrap();
    let asker = Asker {
        serving,
        role,
        member: None,
    };
    let answer = |reference: &Reference| expand(lowering.answer(reference, &asker), pod);
    let keys = [ROLE, ROLE_SET, REPLICA_INDEX];
    let own = |p: &&Value| keys.iter().all(|k| label(p, k) == label(pod, k));
    let mut peers: Vec<&Value> = pods.iter().filter(own).collect();
    peers.sort_by_key(|p| label(p, GROUP_INDEX).parse::<u32>().unwrap_or_default());
    let addresses: Vec<String> = peers.iter().map(|p| address(p)).collect();
    assert_eq!(answer(&Reference::Leader), addresses[0]);
    let reference = Reference::Peers {
        separator: ",".into(),
    };
    assert_eq!(answer(&reference), addresses.join(","));
    assert_eq!(answer(&Reference::Size), peers.len().to_string());
    let rank = label(pod, GROUP_INDEX);
    let rank = if rank.is_empty() { "0" } else { rank };
    assert_eq!(answer(&Reference::Rank { times: 1 }), rank);
}

#[test]
fn selectors_select_the_leaders_of_the_own_slice() {
    let Some(root) = records() else { return };
    let record = record(&root, "probes/replica-podsets.json");
    let serving = recorded_workload();
    let lowering = lowering(&serving);
    let pods = record["pods"].as_array().unwrap();
    let router = pods.iter().find(|p| label(p, ROLE) == "router").unwrap();
    let role = serving.role("router").unwrap();
    let asker = Asker {
        serving: &serving,
        role,
        member: None,
    };
    let reference = Reference::Selector {
        role: "prefill".into(),
        separator: ",".into(),
    };
    let selector = expand(lowering.answer(&reference, &asker), router);
    let matches = |pod: &&Value| {
        selector.split(',').all(|pair| {
            let (key, value) = pair.split_once('=').unwrap();
            label(pod, key) == value
        })
    };
    let selected: Vec<&Value> = pods.iter().filter(matches).collect();
    assert_eq!(selected.len(), 2);
    for pod in selected {
        assert_eq!(label(pod, ROLE_SET), label(router, ROLE_SET));
        assert_eq!((label(pod, GROUP_INDEX), label(pod, ROLE)), ("0", "prefill"));
    }
    // The Service for clients spans the slices.
    let service = lowering.selector(serving.role("prefill").unwrap());
    let of_service = |p: &&Value| service.iter().all(|(k, v)| label(p, k) == v.as_str().unwrap());
    assert_eq!(pods.iter().filter(of_service).count(), 4);
}

#[test]
fn pods_have_an_address_only_where_an_index_is_unique() {
    let one = serving("a", 1, vec![role("server", 2, 2)]);
    let several = serving("a", 2, vec![role("server", 2, 2)]);
    let ask = |serving: &Serving, replica, rank| {
        let role = &serving.roles[0];
        let reference = Reference::Address {
            role: "server".into(),
            replica,
            rank,
        };
        lowering(serving).answer(
            &reference,
            &Asker {
                serving,
                role,
                member: None,
            },
        )
    };
    assert_eq!(ask(&one, 1, 1), Answer::Literal("a-server-1-1".into()));
    assert!(matches!(ask(&one, 2, 0), Answer::Unknown(_)) && matches!(ask(&one, 0, 2), Answer::Unknown(_)));
    assert!(matches!(ask(&several, 0, 0), Answer::Unknown(_)));
}

/// The checks refuse what the controllers cut or never made, and nothing that they made well.
#[test]
fn name_limits_are_those_of_the_records() {
    let Some(root) = records() else { return };
    let refused = |service: &str, role_name: &str, replicas, size| {
        let serving = serving(service, 1, vec![role(role_name, replicas, size)]);
        let mut ledger = crate::diagnostic::Ledger::new();
        lowering(&serving).check_names(&mut ledger);
        ledger.has_errors()
    };
    let mut seen = 0;
    for probe in [
        "name-podset-27",
        "name-podset-28",
        "name-podset-28-size-one",
        "name-63-stateful",
        "name-63-stateless",
        "name-64",
        "name-stateful-63",
        "role-name-45",
        "replica-podsets",
        "pooled-3p2d",
    ] {
        let record = record(&root, &format!("probes/{probe}.json"));
        let manifests = std::fs::read_to_string(root.join(format!("probes/{probe}.yaml"))).unwrap();
        for manifest in serde_yaml::Deserializer::from_str(&manifests) {
            let manifest: Value = serde::Deserialize::deserialize(manifest).unwrap();
            let name = text(&manifest, "/metadata/name");
            for own in manifest["spec"]["template"]["spec"]["roles"].as_array().unwrap() {
                let (size, replicas) = (
                    own["podGroupSize"].as_u64().unwrap_or(1),
                    own["replicas"].as_u64().unwrap(),
                );
                if size == 1 && own["stateful"] != true {
                    continue;
                }
                let made = record["pods"].as_array().is_some_and(|pods| {
                    pods.iter().any(|p| {
                        let whole = text(p, "/metadata/name").starts_with(name);
                        label(p, STORM_SERVICE) == name && label(p, ROLE) == text(own, "/name") && whole
                    })
                });
                let no = refused(name, text(own, "/name"), replicas as u32, size as u32);
                assert_eq!(no, !made, "{probe}: {name} {own}");
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 10);
}
