use super::{Rank, one_template};
use crate::diagnostic::Ledger;
use crate::ir::{EngineFacts, Member, Restart, Role};
use crate::kubernetes::testing::yaml;
use crate::spec::engine::EngineType;
use crate::spec::policy::RestartPolicy;
use crate::spec::role::Phase;
use crate::value::{Ids, Node, Piece, Reference, Traced};
use std::process::Command;

fn member(name: &str, count: u32, template: &str) -> Member {
    Member {
        name: Traced::default_of(name.into()),
        count: Traced::default_of(count),
        phase: None,
        serves: name == "leader",
        template: yaml(template),
    }
}

fn role(members: Vec<Member>) -> Role {
    Role {
        name: Traced::default_of("decode".into()),
        phase: Traced::default_of(Phase::Decode),
        implicit: false,
        replicas: Traced::default_of(1),
        members,
        engine: EngineFacts {
            engine: Some(Traced::default_of(EngineType::Vllm)),
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
            policy: Traced::default_of(RestartPolicy::Pod),
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

fn merge(leader: &str, worker: &str) -> (Node, Vec<String>) {
    let spec = |c: &str| format!("{{metadata: {{labels: {{a: b}}}}, spec: {{containers: [{c}]}}}}");
    templates(&spec(leader), &spec(worker))
}

fn templates(leader: &str, worker: &str) -> (Node, Vec<String>) {
    let role = role(vec![member("leader", 1, leader), member("worker", 2, worker)]);
    let mut ledger = Ledger::new();
    let merged = one_template(&role, Rank::Variable("RANK"), &mut ledger);
    (
        merged,
        ledger
            .diagnostics
            .iter()
            .map(|d| format!("{}: {}", d.code.id, d.message))
            .collect(),
    )
}

/// What the merged container prints on a rank: the shell is the judge.
fn run(template: &Node, rank: u32) -> String {
    let container = template.at(&["spec", "containers", "0"]).unwrap();
    let words: Vec<&str> = ["command", "args"]
        .iter()
        .flat_map(|k| container.get(k).and_then(Node::as_seq).unwrap_or_default())
        .map(|w| w.as_str().unwrap())
        .collect();
    let out = Command::new(words[0])
        .args(&words[1..])
        .env("RANK", rank.to_string())
        .output()
        .unwrap();
    String::from_utf8(out.stdout).unwrap()
}

#[test]
fn equal_command_lines_stay() {
    let line = "{name: engine, command: [vllm], args: [serve, 'a b']}";
    let (merged, said) = merge(line, line);
    assert_eq!(merged.at(&["spec", "containers", "0"]), Some(&yaml(line)));
    assert_eq!(said, [""; 0]);
}

#[test]
fn a_flag_of_the_workers_becomes_an_argument_of_the_shell() {
    let (merged, said) = merge(
        "{name: engine, command: [printf, '%s|'], args: [--a, 'it''s', --z]}",
        "{name: engine, command: [printf, '%s|'], args: [--a, 'it''s', --headless, --z]}",
    );
    assert_eq!(said, [""; 0]);
    assert_eq!(run(&merged, 0), "--a|it's|--z|");
    assert_eq!(run(&merged, 1), "--a|it's|--headless|--z|");
    assert_eq!(run(&merged, 2), "--a|it's|--headless|--z|");
}

#[test]
fn other_command_lines_scripts_and_variables_branch() {
    let (merged, said) = merge(
        "{name: engine, command: [/bin/sh, -c], args: ['printf \"%s\" \"lead $X\"'], env: [{name: X, value: 'a b'}, {name: Y, value: y}]}",
        "{name: engine, command: [printf, work], env: [{name: Y, value: y}]}",
    );
    assert_eq!(said, [""; 0]);
    assert_eq!(run(&merged, 0), "lead a b");
    assert_eq!(run(&merged, 2), "work");
    assert_eq!(
        merged.at(&["spec", "containers", "0", "env"]),
        Some(&yaml("[{name: Y, value: y}]"))
    );
}

#[test]
fn references_stay_in_the_script() {
    let text = |flag: &str| {
        Node::from(vec![
            Piece::Literal(flag.into()),
            Piece::Reference(Reference::Leader),
        ])
    };
    let mut roles = role(vec![
        member(
            "leader",
            1,
            "{spec: {containers: [{name: engine, command: [x]}]}}",
        ),
        member(
            "worker",
            1,
            "{spec: {containers: [{name: engine, command: [x]}]}}",
        ),
    ]);
    for (member, flag) in roles.members.iter_mut().zip(["--a=", "--b="]) {
        let Some(crate::value::Value::Seq(list)) = member
            .template
            .map_mut()
            .get_mut("spec")
            .and_then(|s| s.map_mut().get_mut("containers"))
            .map(|c| &mut c.value)
        else {
            panic!("a list")
        };
        list[0].set("args", vec![text(flag)]);
    }
    let merged = one_template(&roles, Rank::Variable("RANK"), &mut Ledger::new());
    assert!(
        merged
            .at(&["spec", "containers", "0", "args"])
            .is_some_and(Node::has_references)
    );
}

#[test]
fn a_container_that_only_the_leader_has_idles_elsewhere() {
    let both = "{name: engine, command: [x]}";
    let (merged, _) = merge(
        &format!("{both}, {{name: side, command: [serve], readinessProbe: {{exec: {{command: [check]}}}}}}"),
        both,
    );
    let side = merged.at(&["spec", "containers", "1"]).unwrap();
    let script = side.at(&["args", "0"]).and_then(Node::as_str).unwrap();
    assert!(
        script.contains("exec serve") && script.contains("exec sleep infinity"),
        "{script}"
    );
    let probe = side
        .at(&["readinessProbe", "exec", "command", "2"])
        .and_then(Node::as_str);
    assert_eq!(probe, Some("[ \"$RANK\" != 0 ] || check"));
}

#[test]
fn probes_of_the_leader_succeed_elsewhere() {
    let (merged, said) = merge(
        "{name: engine, command: [x], ports: [{name: http, containerPort: 8000}], livenessProbe: {httpGet: {path: /health, port: http}, \
          periodSeconds: 7}}",
        "{name: engine, command: [x]}",
    );
    assert_eq!(said, [""; 0]);
    let probe = merged.at(&["spec", "containers", "0", "livenessProbe"]).unwrap();
    let script = probe
        .at(&["exec", "command", "2"])
        .and_then(Node::as_str)
        .unwrap();
    let wanted = "[ \"$RANK\" != 0 ] || python3 -c 'import urllib.request as r; r.urlopen(\"http://127.0.0.1:8000/health\", timeout=5)'";
    assert_eq!(script, wanted);
    assert_eq!(probe.get("periodSeconds").and_then(Node::as_int), Some(7));
    let status = |rank: &str| {
        Command::new("/bin/sh")
            .args(["-c", script])
            .env("RANK", rank)
            .output()
            .unwrap()
            .status
            .success()
    };
    assert!(status("1") && !status("0"));
}

#[test]
fn what_is_read_before_anything_runs_must_agree() {
    let c = |rest: &str| format!("{{spec: {{containers: [{{name: engine, command: [x]{rest}}}]}}}}");
    let cases = [
        (c(", image: a"), c(", image: b"), "spec.containers[engine].image"),
        (
            c(", resources: {limits: {nvidia.com/gpu: 8}}"),
            c(", resources: {limits: {nvidia.com/gpu: 4}}"),
            "spec.containers[engine].resources.limits[nvidia.com/gpu]",
        ),
        (
            "{spec: {nodeSelector: {a: b}, containers: []}}".into(),
            "{spec: {containers: []}}".into(),
            "spec.nodeSelector",
        ),
        (
            "{spec: {volumes: [{name: v, emptyDir: {medium: Memory}}]}}".into(),
            "{spec: {volumes: [{name: v, emptyDir: {medium: ''}}]}}".into(),
            "spec.volumes[v].emptyDir.medium",
        ),
    ];
    for (leader, worker, path) in cases {
        let (_, said) = templates(&leader, &worker);
        assert_eq!(
            said,
            [format!(
                "INF4010: the pods of a replica of `decode` differ in `{path}`"
            )],
            "{leader}"
        );
    }
}

#[test]
fn volumes_mounts_and_amounts_are_united() {
    let (merged, said) = templates(
        "{metadata: {labels: {infer.dev/member: leader}}, spec: {terminationGracePeriodSeconds: 30, volumes: [{name: a, emptyDir: {}}], \
          containers: [{name: engine, command: [x], resources: {requests: {cpu: 2, memory: 1Gi}}, volumeMounts: [{name: a, mountPath: /a}]}]}}",
        "{metadata: {labels: {infer.dev/member: worker}}, spec: {terminationGracePeriodSeconds: 60, volumes: [{name: b, emptyDir: {}}], \
          containers: [{name: engine, command: [x], resources: {requests: {cpu: 500m, memory: 2Gi}}}]}}",
    );
    assert_eq!(said, [""; 0]);
    let want = "{metadata: {labels: {}}, spec: {terminationGracePeriodSeconds: 60, volumes: [{name: a, emptyDir: {}}, {name: b, emptyDir: {}}], \
                containers: [{name: engine, command: [x], resources: {requests: {cpu: 2, memory: 2Gi}}, \
                volumeMounts: [{name: a, mountPath: /a}]}]}}";
    assert_eq!(merged, yaml(want));
}

#[test]
fn a_container_without_a_command_cannot_branch() {
    let (_, said) = merge("{name: engine, args: [a]}", "{name: engine, args: [b]}");
    assert_eq!(
        said,
        ["INF4010: the pods of a replica of `decode` differ in `spec.containers[engine].args`"]
    );
}
