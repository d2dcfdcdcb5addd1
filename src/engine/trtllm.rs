//! TensorRT-LLM: flags and a configuration file; one MPI world over several nodes.

use super::argv::{Argv, word};
use super::connector::{self, Transfer};
use super::process::{
    address, all_settings, degree, direct, dynamo_cache_events, dynamo_phase, dynamo_system, endpoints,
    finish, http, model, other_engines_options, plan_of, port, start, still_fine, transfer_port, unsupported,
    world, wrapper,
};
use super::request::{Check, Health, Phase, Plan, Probe, Process, Request, SecretMount, variable};
use super::settings::Emission;
use super::table::Program;
use super::{codes, shell};
use crate::diagnostic::{Diagnostic, Ledger};
use crate::value::{Ids, Node, Piece, Reference, TextBuilder, Traced};

/// Where the start script writes the configuration file.
const FILE: &str = "/tmp/trtllm.yaml";
/// Where sshd of the other pods listens.
const SSH_PORT: u32 = 2222;
/// Where the keys are mounted.
const KEYS: &str = "/ssh-pk";

pub(super) fn plan(request: &Request<'_>, ledger: &mut Ledger) -> Option<Plan> {
    let before = ledger.diagnostics.len();
    world(request, ledger)?;
    other_engines_options(request, ledger);
    let several = request.nodes.value > 1 && !request.by_operator;
    if several && request.ssh_secret.is_none() {
        let message = format!(
            "TensorRT-LLM joins {} nodes over ssh, and there is no Secret with keys for it",
            request.nodes.value
        );
        let said = Diagnostic::new(&codes::SSH_KEYS, message).at(request.nodes.ids.first());
        ledger.report(said.remedy(
            "name a Secret with the keys `private.key` and `private.key.pub` in `engine.sshSecret` (`explain INF2040` shows how to make one), \
             or fit a replica on one node",
        ));
    }
    let own: &[&str] = if wrapper(request).is_some() {
        &["python3", "-m", "dynamo.trtllm"]
    } else {
        &["trtllm-serve"]
    };
    let start = start(request, own);
    let mut out = Emission::default();
    model(request, wrapper(request).map(|_| "--model"), &mut out, ledger);
    // The default host is reachable from the pod alone.
    address(request, Some("0.0.0.0"), &mut out.argv);
    if wrapper(request).is_some() {
        dynamo_phase(request, &mut out.argv);
        dynamo_cache_events(request, &mut out.argv);
    }
    parallelism(request, &mut out.argv, ledger)?;
    if request.phase == Phase::Encode && wrapper(request).is_none() {
        return unsupported(
            ledger,
            &Ids::none(),
            "trtllm-serve has no encode role".into(),
            "use another engine for it",
        );
    }
    let transfer = connector::write(request, &mut out, ledger);
    all_settings(request, &mut out, ledger);
    if wrapper(request).is_some() {
        dynamo_spellings(request, &mut out);
    }
    let transfer = transfer?;
    let file = config_file(request, &mut out, ledger);
    finish(request, &mut out.argv, ledger);
    still_fine(ledger, before).then(|| processes(request, &start, out.argv, file, &transfer))
}

fn parallelism(request: &Request<'_>, argv: &mut Argv, ledger: &mut Ledger) -> Option<()> {
    let p = request.parallelism;
    let dynamo = wrapper(request).is_some();
    let spelled = |own: &'static str, wrapped: &'static str| if dynamo { wrapped } else { own };
    if p.data.value > 1 && p.tensor.value > 1 {
        let message = format!(
            "with attention data parallelism every rank of TensorRT-LLM is a data-parallel rank, so tensor {} and data {} do not go together",
            p.tensor.value, p.data.value
        );
        return unsupported(
            ledger,
            &p.tensor.ids.union(&p.data.ids),
            message,
            "set tensor to 1 and data to the GPUs of the replica",
        );
    }
    let tensor = p.tensor.zip(&p.data, |t, d| t * d);
    degree(
        argv,
        "tensor",
        spelled("--tp_size", "--tensor-parallel-size"),
        &tensor,
    );
    degree(
        argv,
        "pipeline",
        spelled("--pp_size", "--pipeline-parallel-size"),
        &p.pipeline,
    );
    argv.of_setting("expertSize");
    match p.expert.value {
        true => argv.value(
            spelled("--ep_size", "--expert-parallel-size"),
            &Node::derived(tensor.value, &tensor.ids.union(&p.expert.ids)),
        ),
        false => argv.leave_out(&p.expert.ids),
    }
    if p.data.value > 1 {
        argv.of_setting("attentionDataEnabled");
        argv.switch(
            spelled("--enable_attention_dp", "--enable-attention-dp"),
            &p.data.ids,
        );
    }
    argv.of_setting("gpusPerNode");
    if request.nodes.value > 1 && request.gpus_per_node.value > 0 {
        argv.value(
            spelled("--gpus_per_node", "--gpus-per-node"),
            &request.gpus_per_node.node(),
        );
    } else {
        argv.leave_out(&request.gpus_per_node.ids);
    }
    argv.leave_out(&request.nodes.ids);
    argv.of_setting("");
    Some(())
}

/// Flags of `trtllm-serve` that Dynamo's worker has not, and the keys of the engine's configuration that they set.
const CONFIG_KEYS: [(&str, &[&str]); 3] = [
    ("--kv_cache_dtype", &["kv_cache_config", "dtype"]),
    ("--trust_remote_code", &["trust_remote_code"]),
    ("--enable_chunked_prefill", &["enable_chunked_prefill"]),
];

/// Dynamo's worker spells flags with hyphens, and has not all of them.
fn dynamo_spellings(request: &Request<'_>, out: &mut Emission) {
    for mut item in std::mem::take(&mut out.argv.items) {
        let name = item.flag.replace('_', "-");
        if let (Some(word), Some(_)) = (item.words.first_mut(), Program::DynamoTrtllm.table().exact(&name)) {
            *word = Node::derived(name.as_str(), &word.ids);
            item.flag = name.into();
        } else if let Some((_, path)) = CONFIG_KEYS.iter().find(|(flag, _)| item.flag == *flag) {
            let value = item.words.get(1).cloned();
            *out.file.at_mut(path) = value.unwrap_or_else(|| Node::derived(true, &item.ids()));
            continue;
        }
        out.argv.items.push(item);
    }
    // What the worker tells the router about blocks must fit the engine's.
    if let Some((_, size)) = request.settings.iter().find(|(key, _)| *key == "blockSize") {
        out.argv.of_setting("blockSize");
        out.argv.value("--kv-block-size", size);
        out.argv.of_setting("");
    }
}

/// Passes the configuration file by its path, if there is anything to put in.
fn config_file(request: &Request<'_>, out: &mut Emission, ledger: &mut Ledger) -> Option<Node> {
    let file = std::mem::take(&mut out.file);
    if file.is_null() {
        return None;
    }
    if wrapper(request).is_some() {
        // Dynamo's worker takes such settings as a word, which goes over those of a file of the user's own.
        out.argv.of_setting("configFile");
        out.argv.value("--override-engine-args", &file);
        out.argv.of_setting("");
        return None;
    }
    let scan = super::scan::scan(super::process::program(request), request.version, request.args);
    if let Some(seen) = scan
        .flags
        .iter()
        .find(|f| f.flag().is_some_and(|f| f.name == "--config"))
    {
        let at = request.args[seen.word].ids.first();
        let said = Diagnostic::new(
            &codes::CONFIG_FILE,
            format!(
                "{} replaces the configuration file that settings of the spec need",
                seen.spelling
            ),
        );
        ledger.report(
            said.at(at)
                .label(file.all_ids().first(), "this needs the file")
                .remedy("put the settings into your file, or leave it out"),
        );
        return None;
    }
    let flag = match request.version.before("1.2.0") {
        true => "--extra_llm_api_options",
        false => "--config",
    };
    out.argv.of_setting("configFile");
    out.argv.value(flag, &FILE.into());
    out.argv.of_setting("");
    Some(file)
}

fn processes(
    request: &Request<'_>,
    start: &[Node],
    argv: Argv,
    file: Option<Node>,
    transfer: &Transfer,
) -> Plan {
    let several = request.nodes.value > 1;
    let mpi = request.ssh_secret.filter(|_| several && !request.by_operator);
    let (mut ports, mut health, mut count) = (endpoints(request.port, 1), health(request), 1);
    let mut env = transfer.env.clone();
    if wrapper(request).is_some() {
        let (system, more, probes) = dynamo_system(request);
        (ports, health, count) = (system, probes, 0);
        env.extend(more);
    }
    transfer_port(request, transfer, &mut ports);
    if mpi.is_some() {
        let set = [
            ("OMPI_ALLOW_RUN_AS_ROOT", "1"),
            ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"),
            ("OMPI_MCA_orte_keep_fqdn_hostnames", "1"),
        ];
        env.extend(set.map(|(name, value)| variable(name, value.into())));
    }
    let (command, args) = match (&mpi, &file) {
        (None, None) => direct(start, argv),
        _ => scripted(request, start, argv, file.as_ref(), mpi),
    };
    let leader = Process {
        command: command.clone(),
        args: args.clone(),
        env: env.clone(),
        ports,
        endpoints: count,
        health,
    };
    let worker = several.then(|| match mpi {
        Some(secret) => ssh_worker(secret, env),
        None => Process {
            command,
            args,
            env,
            ports: Vec::new(),
            endpoints: 0,
            health: Health::default(),
        },
    });
    let mut plan = plan_of(leader, worker, transfer, "30Gi");
    plan.secrets.extend(mpi.map(|name| SecretMount {
        name: name.clone(),
        path: KEYS,
    }));
    plan
}

fn health(request: &Request<'_>) -> Health {
    Health {
        startup: http("/health", request.port, 10, 360, 5),
        readiness: http("/health", request.port, 10, 3, 5),
        liveness: http("/health", request.port, 10, 6, 5),
    }
}

/// A script that writes the configuration file and starts the engine, in an MPI world if it spans nodes.
fn scripted(
    request: &Request<'_>,
    start: &[Node],
    argv: Argv,
    file: Option<&Node>,
    mpi: Option<&Traced<crate::value::Str>>,
) -> (Node, Node) {
    let list = argv.into_node();
    let mut ids = list.all_ids();
    start.iter().for_each(|w| ids.merge(&w.ids));
    let mut text = TextBuilder::new();
    text.push_str("set -e\n");
    if let Some(file) = file {
        // JSON is YAML.
        text.push_str("printf '%s\\n' ");
        shell::word(&mut text, &word(file));
        text.push_str(&format!(" > {FILE}\n"));
        ids.merge(&file.all_ids());
    }
    match mpi {
        Some(_) => mpirun(request, &mut text),
        None => text.push_str("exec"),
    }
    shell::words(&mut text, start);
    shell::words(&mut text, list.as_seq().unwrap_or_default());
    shell::script(text, &ids)
}

/// Prepares the keys. They are copied because ssh wants them readable by their owner alone.
fn keys() -> String {
    format!(
        "mkdir -p \"$HOME/.ssh\"\ncp {KEYS}/private.key \"$HOME/.ssh/id_mpi\"\ncp {KEYS}/private.key.pub \"$HOME/.ssh/authorized_keys\"\n\
         chmod 700 \"$HOME/.ssh\"\nchmod 600 \"$HOME/.ssh/id_mpi\" \"$HOME/.ssh/authorized_keys\"\n"
    )
}

/// Waits until all pods can be reached, then starts one process a GPU on them, rank 0 here.
fn mpirun(request: &Request<'_>, text: &mut TextBuilder) {
    let options = format!(
        "-p {SSH_PORT} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
    );
    let peers = |separator: &str| {
        Piece::Reference(Reference::Peers {
            separator: separator.into(),
        })
    };
    text.push_str(&keys());
    // The first peer is this pod, which lets nobody in.
    text.push_str("set -- ");
    text.push(peers(" "));
    text.push_str(&format!(
            "\nshift\nfor peer in \"$@\"; do\n  until ssh {options} -i \"$HOME/.ssh/id_mpi\" -o ConnectTimeout=5 \"$peer\" true; do sleep 5; done\ndone\n"
        ),
    );
    // Processes that ssh starts have no environment of the container: all of it is passed on by name.
    text.push_str("names=`env | cut -d= -f1 | grep -E '^[A-Za-z_][A-Za-z0-9_]*$' | grep -vE '^(HOSTNAME|HOME|PWD|OLDPWD|SHLVL|_)$' | sed 's/^/-x /'`\n",
    );
    let p = request.parallelism;
    let world = p.tensor.value * p.pipeline.value * p.data.value;
    let each = world / request.nodes.value.max(1);
    text.push_str(&format!("exec mpirun -n {world} -H \""));
    text.push(peers(&format!(":{each},")));
    text.push_str(&format!(
            ":{each}\" --mca pml ob1 --mca plm_rsh_args \"{options} -i $HOME/.ssh/id_mpi\" $names trtllm-llmapi-launch"
        ),
    );
}

/// A pod that only lets the leader's mpirun in.
fn ssh_worker(secret: &Traced<crate::value::Str>, env: Vec<Node>) -> Process {
    let config = format!(
        "Port {SSH_PORT}\\nHostKey %s/.ssh/host_key\\nPidFile none\\nStrictModes no\\nPermitRootLogin prohibit-password\\nPasswordAuthentication no\\n\
         PubkeyAuthentication yes\\nAuthorizedKeysFile %s/.ssh/authorized_keys\\n"
    );
    let mut text = TextBuilder::new();
    text.push_str("set -e\n");
    text.push_str(&keys());
    text.push_str(&format!(
            "rm -f \"$HOME/.ssh/host_key\"\nssh-keygen -q -t ed25519 -N '' -f \"$HOME/.ssh/host_key\"\nmkdir -p /run/sshd || true\n\
             printf '{config}' \"$HOME\" \"$HOME\" > \"$HOME/.ssh/sshd_config\"\nexec /usr/sbin/sshd -D -e -f \"$HOME/.ssh/sshd_config\""
        ),
    );
    let (command, args) = shell::script(text, &secret.ids);
    let ssh = Traced::default_of(SSH_PORT);
    let readiness = Some(Probe {
        check: Check::Tcp { port: ssh.clone() },
        period: 10,
        timeout: 5,
        failures: 3,
    });
    Process {
        command,
        args,
        env,
        ports: vec![port("ssh", &ssh)],
        endpoints: 0,
        health: Health {
            readiness,
            ..Health::default()
        },
    }
}
