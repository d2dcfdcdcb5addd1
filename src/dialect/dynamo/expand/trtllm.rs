//! TensorRT-LLM over several nodes: `mpirun` on rank 0, `sshd` on the others (`backend_trtllm.go`).

use super::backend::{Launch, without_probes};
use super::command::{self, is_python, name, quote, set, words};
use super::defaults::{object, probe};
use super::pod::{Deployer, Result, Role};
use crate::kubernetes::container::{env, list, mount};
use crate::value::{Ids, Node};
use std::collections::BTreeSet;

/// The port of sshd.
const SSH: i64 = 2222;

/// The variables that `mpirun` takes along although no container names them.
const TAKEN_ALONG: [&str; 21] = [
    "CPATH",
    "CUDA_VISIBLE_DEVICES",
    "HF_DATASETS_CACHE",
    "HF_ENDPOINT",
    "HF_HOME",
    "HF_TOKEN",
    "HOME",
    "HUGGING_FACE_HUB_TOKEN",
    "LD_LIBRARY_PATH",
    "MODEL_PATH",
    "NCCL_DEBUG",
    "NCCL_IB_DISABLE",
    "NCCL_P2P_DISABLE",
    "PATH",
    "PYTHONPATH",
    "TENSORRT_LLM_CACHE_DIR",
    "TOKENIZERS_PARALLELISM",
    "TRANSFORMERS_CACHE",
    "TRITON_PTXAS_PATH",
    "TRTLLM_USE_UCX_KVCACHE",
    "USER",
];

/// Rewrites the main container.
pub fn container(launch: &Launch<'_>, main: &mut Node) -> Result<()> {
    if launch.nodes <= 1 {
        return Ok(());
    }
    if launch.role == Role::Worker {
        without_probes(main);
        let numbers = [
            ("initialDelaySeconds", 20),
            ("periodSeconds", 20),
            ("timeoutSeconds", 5),
            ("failureThreshold", 10),
        ];
        let socket = ("tcpSocket", object([("port", Node::from(SSH))]));
        main.set("readinessProbe", probe(socket, &numbers));
    }
    let mut keys = mount(&launch.maker.operator.mpi_secret(), "/ssh-pk");
    keys.set("readOnly", true);
    main.map_mut().entry_map("volumeMounts").seq_mut().push(keys);
    main.map_mut()
        .entry_map("env")
        .seq_mut()
        .push(env("OMPI_MCA_orte_keep_fqdn_hostnames", "1"));
    let line = match launch.role {
        Role::Leader => leader(launch, main)?,
        Role::Worker => worker(),
        _ => return Ok(()),
    };
    let ids: Ids = command::places(main);
    set(main, "command", vec!["/bin/sh".into(), "-c".into()], &ids);
    set(main, "args", vec![line], &ids);
    Ok(())
}

/// Keys for ssh, as both sides set them up.
fn keys(directories: &str) -> Vec<String> {
    [
        &format!("mkdir -p $HOME/.ssh{directories}"),
        "ls -la /ssh-pk/",
        "cp /ssh-pk/private.key $HOME/.ssh/id_rsa",
        "cp /ssh-pk/private.key.pub $HOME/.ssh/id_rsa.pub",
        "cp /ssh-pk/private.key.pub $HOME/.ssh/authorized_keys",
        "chmod 600 $HOME/.ssh/id_rsa $HOME/.ssh/authorized_keys",
        "chmod 644 $HOME/.ssh/id_rsa.pub",
        &format!(
            "printf 'Host *\\nIdentityFile '$HOME'/.ssh/id_rsa\\nStrictHostKeyChecking no\\nPort {SSH}\\n' > $HOME/.ssh/config"
        ),
    ]
    .map(str::to_owned)
    .to_vec()
}

/// What the container would have run.
fn original(main: &Node) -> String {
    let (command, args) = (words(main, "command"), words(main, "args"));
    if command.first().is_some_and(|c| is_python(c)) {
        let all: Vec<String> = command.iter().chain(&args).map(|w| quote(w)).collect();
        return all.join(" ");
    }
    if args.is_empty() {
        command.join(" ")
    } else {
        args.join(" ")
    }
}

fn leader(launch: &Launch<'_>, main: &Node) -> Result<String> {
    let hosts = launch.hosts();
    let processes = launch.gpus()?.saturating_mul(i64::from(launch.nodes));
    let own = list(main, "env").iter().map(|e| name(e).to_string());
    let taken: BTreeSet<String> = own.chain(TAKEN_ALONG.map(str::to_owned)).collect();
    let taken: Vec<String> = taken.iter().map(|v| format!("-x {v}")).collect();
    let mut steps = keys("");
    if launch.deployer == Deployer::Lws {
        let workers = hosts.get(1..).unwrap_or_default().join(" ");
        steps.push(format!(
            "TIMEOUT=300; START_TIME=$(date +%s); for worker in {workers}; do echo \"Waiting for DNS: $worker\"; until getent hosts \
             $worker >/dev/null 2>&1; do CURRENT_TIME=$(date +%s); if [ $((CURRENT_TIME - START_TIME)) -gt $TIMEOUT ]; then echo \
             \"ERROR: Timeout waiting for DNS: $worker\"; exit 1; fi; echo \"DNS not ready for $worker, retrying...\"; sleep 2; done; \
             echo \"✓ DNS resolved: $worker\"; done; echo \"All workers DNS ready\""
        ));
    }
    steps.push(format!(
        "mpirun $([ \"$(id -u)\" = \"0\" ] && echo --allow-run-as-root) --oversubscribe -n {processes} -H {} --mca pml ob1 --mca \
         plm_rsh_args \"-p {SSH} -o StrictHostKeyChecking=no -i $HOME/.ssh/id_rsa\" {} bash -c 'trtllm-llmapi-launch {}'",
        hosts.join(","),
        taken.join(" "),
        original(main)
    ));
    Ok(steps.join(" && "))
}

fn worker() -> String {
    let mut steps = keys(" $HOME/.ssh/host_keys $HOME/.ssh/run");
    for kind in ["rsa", "ecdsa", "ed25519"] {
        steps.push(format!(
            "ssh-keygen -t {kind} -f $HOME/.ssh/host_keys/ssh_host_{kind}_key -N ''"
        ));
    }
    steps.push(format!(
        "printf 'Port {SSH}\\nHostKey '$HOME'/.ssh/host_keys/ssh_host_rsa_key\\nHostKey \
         '$HOME'/.ssh/host_keys/ssh_host_ecdsa_key\\nHostKey '$HOME'/.ssh/host_keys/ssh_host_ed25519_key\\nPidFile \
         '$HOME'/.ssh/run/sshd.pid\\nStrictModes no\\nPermitRootLogin yes\\nPasswordAuthentication no\\nPubkeyAuthentication \
         yes\\nAuthorizedKeysFile '$HOME'/.ssh/authorized_keys\\n' > $HOME/.ssh/sshd_config"
    ));
    steps.push("/usr/sbin/sshd -D -f $HOME/.ssh/sshd_config".to_owned());
    steps.join(" && ")
}

/// Adds the keys.
pub fn pod_spec(launch: &Launch<'_>, spec: &mut Node) {
    if launch.nodes <= 1 {
        return;
    }
    let name = launch.maker.operator.mpi_secret();
    let source = object([
        ("secretName", Node::from(name.clone())),
        ("defaultMode", Node::from(0o644_i64)),
    ]);
    let volume = object([("name", name.into()), ("secret", source)]);
    spec.map_mut().entry_map("volumes").seq_mut().push(volume);
}
