use super::*;
use crate::kubernetes::testing::{yaml, yaml_file};

/// What is said about a pod spec: code and message.
fn said(spec: &str) -> Vec<String> {
    let mut ledger = Ledger::new();
    check(&yaml(spec), Type::PodSpec, Options::default(), &mut ledger);
    ledger
        .diagnostics
        .iter()
        .map(|d| format!("{} {}", d.code.id, d.message))
        .collect()
}

/// What is said about a container with the given further fields.
fn container(fields: &str) -> Vec<String> {
    said(&format!(
        "{{containers: [{{name: engine, image: x, {fields}}}], volumes: [{{name: shm, emptyDir: {{}}}}]}}"
    ))
}

#[test]
fn a_good_pod() {
    let good = "
metadata:
  labels: {app.kubernetes.io/name: qwen}
  annotations: {note: 'any text: really'}
  creationTimestamp: null
spec:
  terminationGracePeriodSeconds: 60
  nodeSelector: {nvidia.com/gpu.product: NVIDIA-H100}
  tolerations: [{operator: Exists}, {key: nvidia.com/gpu, effect: NoSchedule, value: present}]
  initContainers: [{name: wait, image: busybox, restartPolicy: Always}]
  containers:
  - name: engine
    image: vllm/vllm-openai:v0.10.0
    imagePullPolicy: ''
    command: [vllm]
    env: [{name: A, value: ''}, {name: B, valueFrom: {fieldRef: {fieldPath: status.podIP}}}, {name: C.D, value: x}]
    ports: [{name: http, containerPort: 8000}, {containerPort: 8000, protocol: UDP}]
    readinessProbe: {httpGet: {path: /health, port: http}, periodSeconds: 5}
    resources: {limits: {nvidia.com/gpu: 8, memory: 1.5Gi}, requests: {nvidia.com/gpu: '8', memory: 1Gi, cpu: 500m}, claims: [{name: gpu}]}
    volumeMounts: [{name: shm, mountPath: /dev/shm}, {name: data, mountPath: /data, subPath: a/b}]
    lifecycle: {preStop: {exec: {command: [sleep, '5']}}}
  resourceClaims: [{name: gpu, resourceClaimTemplateName: gpus}]
  volumes: [{name: shm, emptyDir: {medium: Memory, sizeLimit: 10Gi}}, {name: data, persistentVolumeClaim: {claimName: models}}]
  affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: In, values: [b]}]}]}}}
";
    let mut ledger = Ledger::new();
    pod_template(&yaml(good), &mut ledger);
    assert!(ledger.diagnostics.is_empty(), "{:#?}", ledger.diagnostics);
}

#[test]
fn unknown_fields() {
    let mut ledger = Ledger::new();
    let spec = yaml("{containers: [{name: a, image: x, imagePullPolcy: Always, nodeSelector: {}, zzz: 1}]}");
    check(&spec, Type::PodSpec, Options::default(), &mut ledger);
    let remedies: Vec<_> = ledger.diagnostics.iter().map(|d| d.remedy.as_deref()).collect();
    assert_eq!(
        remedies,
        [
            Some("did you mean `imagePullPolicy`?"),
            Some("`nodeSelector` is a field of PodSpec"),
            None
        ]
    );
    assert_eq!(
        ledger.diagnostics[0].replacement.as_deref(),
        Some("imagePullPolicy")
    );
    assert!(
        ledger
            .diagnostics
            .iter()
            .all(|d| d.at_key && d.at.is_some() && d.code == &UNKNOWN_FIELD)
    );
}

#[test]
fn types() {
    let cases = [
        (
            "args: [--port, 8000]",
            "INF3002 expected a string, found a number",
        ),
        ("command: vllm", "INF3002 expected a list, found a string"),
        (
            "env: [{name: A, value: true}]",
            "INF3002 expected a string, found a truth value",
        ),
        ("tty: 'yes'", "INF3002 expected true or false, found a string"),
        (
            "livenessProbe: {tcpSocket: {port: 1}, periodSeconds: '5'}",
            "INF3002 expected a whole number, found a string",
        ),
        (
            "livenessProbe: {tcpSocket: {port: 1.5}}",
            "INF3002 expected a whole number or a string, found a decimal number",
        ),
        ("env: {A: b}", "INF3002 expected a list, found a mapping"),
        ("securityContext: [x]", "INF3002 expected a mapping, found a list"),
        (
            "imagePullPolicy: Allways",
            "INF3014 `Allways` is not one of Always, Never, IfNotPresent",
        ),
        (
            "ports: [{name: x}]",
            "INF3003 ContainerPort needs `containerPort`",
        ),
        (
            "resources: {limits: {memory: 16GB}}",
            "INF3006 `16GB` is not a quantity: a quantity is a number with a suffix, for instance 500m, 16Gi or 8",
        ),
    ];
    for (fields, want) in cases {
        assert_eq!(container(fields), [want], "{fields}");
    }
}

#[test]
fn rules_of_containers() {
    let one_of = "a probe needs exactly one of exec, grpc, httpGet, tcpSocket; there is none";
    let cases = [
        (
            "env: [{name: 'A=B', value: x}]",
            "INF3009 `A=B` is not a valid name of an environment variable: '=' is not allowed, only printable ASCII characters other than '='",
        ),
        (
            "env: [{name: A, value: x, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]",
            "INF3016 an environment variable has either `value` or `valueFrom`, not both",
        ),
        (
            "env: [{name: A, value: x}, {name: A, value: z}]",
            "INF3005 an earlier variable is also called `A`",
        ),
        (
            "ports: [{containerPort: 1}, {containerPort: 1, protocol: TCP}]",
            "INF3005 an earlier port is also `1/TCP`",
        ),
        (
            "ports: [{containerPort: 1, name: a}, {containerPort: 2, name: a}]",
            "INF3004 two ports are called `a`",
        ),
        (
            "ports: [{containerPort: 70000}]",
            "INF3007 70000 is not a port, ports are from 1 to 65535",
        ),
        (
            "ports: [{containerPort: 1, name: a-very-long-name-of-a-port}]",
            "INF3008 `a-very-long-name-of-a-port` is not a valid name of a port: it has 26 characters, at most 15 are allowed",
        ),
        ("livenessProbe: {periodSeconds: 5}", &format!("INF3011 {one_of}")),
        (
            "livenessProbe: {exec: {command: [a]}, tcpSocket: {port: 1}}",
            "INF3011 a probe takes exactly one of exec, tcpSocket",
        ),
        (
            "livenessProbe: {httpGet: {port: http}}",
            "INF3019 the container has no port called `http`",
        ),
        (
            "livenessProbe: {grpc: {port: 0}}",
            "INF3007 0 is not a port, ports are from 1 to 65535",
        ),
        (
            "lifecycle: {preStop: {}}",
            "INF3011 a hook needs exactly one of exec, httpGet, sleep, tcpSocket; there is none",
        ),
        (
            "volumeMounts: [{name: shn, mountPath: /a}]",
            "INF3012 `engine` mounts a volume that the pod does not have: `shn`",
        ),
        (
            "volumeMounts: [{name: shm, mountPath: /a}, {name: shm, mountPath: /a}]",
            "INF3004 two volumes are mounted at `/a`",
        ),
        (
            "volumeMounts: [{name: shm, mountPath: /a, subPath: ../b}]",
            "INF3024 `../b` is not a valid path in a volume: it must not have '..'",
        ),
        (
            "resources: {claims: [{name: gpu}]}",
            "INF3020 `engine` uses a claim that the pod does not have: `gpu`",
        ),
        (
            "resources: {requests: {nvidia.com/gpu: 1}}",
            "INF3018 `nvidia.com/gpu` is requested but has no limit, which it must have",
        ),
        (
            "resources: {requests: {nvidia.com/gpu: 1}, limits: {nvidia.com/gpu: 2}}",
            "INF3018 the request of `nvidia.com/gpu` (1) must equal its limit (2)",
        ),
        (
            "resources: {limits: {nvidia.com/gpu: 500m}}",
            "INF3018 `nvidia.com/gpu` comes in whole numbers, not 500m",
        ),
        (
            "resources: {requests: {memory: 2Gi}, limits: {memory: 1Gi}}",
            "INF3018 the request of `memory` (2Gi) is above its limit (1Gi)",
        ),
        (
            "resources: {limits: {cpu: -1}}",
            "INF3017 -1 of `cpu` is less than nothing",
        ),
    ];
    for (fields, want) in cases {
        assert_eq!(container(fields), [want], "{fields}");
    }
}

#[test]
fn rules_of_pods() {
    let with = |fields: &str| said(&format!("{{containers: [{{name: a, image: x}}], {fields}}}"));
    let cases = [
        (
            "initContainers: [{name: a, image: z}]",
            "INF3004 two containers are called `a`",
        ),
        (
            "volumes: [{name: v, emptyDir: {}}, {name: v, emptyDir: {}}]",
            "INF3004 two volumes are called `v`",
        ),
        (
            "volumes: [{name: v, emptyDir: {}, hostPath: {path: /}}]",
            "INF3015 a volume takes exactly one of emptyDir, hostPath",
        ),
        (
            "volumes: [{name: V, emptyDir: {}}]",
            "INF3008 `V` is not a valid name of a volume: 'V' is not allowed, only lower case letters, digits and '-'",
        ),
        (
            "nodeSelector: {gpu: 'a b'}",
            "INF3010 the value of `gpu` is not a valid label value: ' ' is not allowed, only letters, digits, '-', '_' and '.'",
        ),
        (
            "activeDeadlineSeconds: 0",
            "INF3017 `activeDeadlineSeconds` must be from 1 to 2147483647, not 0",
        ),
        (
            "tolerations: [{effect: NoSchedule}]",
            "INF3003 a toleration without `key` needs the operator Exists, which tolerates every taint",
        ),
        (
            "restartPolicy: always",
            "INF3014 `always` is not one of Always, OnFailure, Never",
        ),
        (
            "topologySpreadConstraints: [{maxSkew: 0, topologyKey: a, whenUnsatisfiable: DoNotSchedule}]",
            "INF3017 `maxSkew` must be at least 1, not 0",
        ),
    ];
    for (fields, want) in cases {
        assert_eq!(with(fields), [want], "{fields}");
    }
    assert_eq!(
        said("{containers: [{name: a}]}"),
        ["INF3013 the container `a` has no image"]
    );
    assert_eq!(said("{}"), ["INF3003 PodSpec needs `containers`"]);
}

#[test]
fn metadata() {
    let mut ledger = Ledger::new();
    let template = yaml(
        "{metadata: {labels: {'a b': c, ok: 'http://x'}, annotations: {'/x': z}}, spec: {containers: [{name: a, image: x}]}}",
    );
    pod_template(&template, &mut ledger);
    let codes: Vec<_> = ledger.diagnostics.iter().map(|d| d.code.id).collect();
    assert_eq!(codes, ["INF3010"; 3]);
}

#[test]
fn overlays_need_nothing() {
    let mut ledger = Ledger::new();
    let part = "{spec: {containers: [{name: engine, $patch: replace, livenessProbe: {periodSeconds: 3}, volumeMounts: [{name: v, mountPath: /v}]}],
                 volumes: [{name: v}], $setElementOrder/volumes: [{name: v}]}}";
    overlay(&yaml(part), Type::PodTemplateSpec, &mut ledger);
    assert!(ledger.diagnostics.is_empty(), "{:#?}", ledger.diagnostics);
    overlay(
        &yaml("{spec: {containers: [{name: engine, imag: x}]}}"),
        Type::PodTemplateSpec,
        &mut ledger,
    );
    assert_eq!(ledger.diagnostics.len(), 1);
}

#[test]
fn says_it_once_and_names_the_path_of_made_nodes() {
    let mut ledger = Ledger::new();
    let spec = yaml_file("{containers: [{name: a}]}", 3);
    for _ in 0..2 {
        check(&spec, Type::PodSpec, Options::default(), &mut ledger);
    }
    assert_eq!(ledger.diagnostics.len(), 1);
    let mut made = Node::map();
    made.set("containers", vec![Node::from("x")]);
    check(&made, Type::PodSpec, Options::default(), &mut ledger);
    assert_eq!(
        ledger.diagnostics[1].message,
        "containers.0: expected a mapping, found a string"
    );
}

/// Whatever stands in a pod template, there is an answer.
#[test]
fn nothing_panics() {
    let odd = [
        "null",
        "null",
        "1",
        "[]",
        "{}",
        "[[]]",
        "{a: {b: [null]}}",
        "'x'",
        "true",
        "1.5",
    ];
    for object in crate::kubernetes::podspec::objects() {
        for field in &object.fields {
            for value in odd {
                let mut node = Node::map();
                node.set(field.name, yaml(&format!("[{value}]")).seq_mut().remove(0));
                let mut ledger = Ledger::new();
                Checker {
                    options: Options::default(),
                    ledger: &mut ledger,
                    path: Vec::new(),
                }
                .object(&node, object);
            }
        }
    }
}
