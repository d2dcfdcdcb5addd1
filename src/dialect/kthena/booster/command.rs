//! Command lines of the engines of a ModelBooster (`pkg/model-booster-controller/convert/model_serving.go`).

use super::read::{Backend, Worker};
use crate::dialect::kthena::place::text;
use crate::kubernetes::go;
use crate::value::{Ids, Node, Value};

/// The launcher of several nodes in vLLM's images.
const LAUNCHER: &str = "examples/online_serving/multi-node-serving.sh";

/// The command of an engine that serves the model of a directory.
pub fn engine(backend: &Backend, worker: &Worker, directory: &Node) -> Vec<Node> {
    let mut words: Vec<Node> = ["python3", "-m", "vllm.entrypoints.openai.api_server", "--model"]
        .map(Node::from)
        .into();
    words.push(directory.clone());
    flags(&worker.config, &mut words);
    let launched = backend.worker("server").filter(|w| w.pods.value > 1);
    if let Some(server) = launched {
        words.extend(["--distributed_executor_backend", "ray"].map(Node::from));
        let launch = format!(
            "chmod u+x {LAUNCHER} && {LAUNCHER} leader --ray_cluster_size={} --num-gpus={} && ",
            server.pods.value,
            server.devices()
        );
        words = in_shell(launch, &words, &server.pods.ids);
    }
    match installed(backend, worker) {
        Some(install) => in_shell(format!("{install} && "), &words, &Ids::none()),
        None => words,
    }
}

/// The command of the workers of an engine of several pods.
pub fn worker() -> Vec<Node> {
    let script = format!("chmod u+x {LAUNCHER} && {LAUNCHER} worker --ray_address=$(ENTRY_ADDRESS)");
    ["bash", "-c", &script].map(Node::from).into()
}

/// The settings as flags, in the order of their names. A truth value is an argument, an empty string no argument.
fn flags(config: &Node, words: &mut Vec<Node>) {
    let mut settings: Vec<_> = config.as_map().into_iter().flatten().collect();
    settings.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, value) in settings {
        let flag = format!("--{}", name.replace('_', "-"));
        words.push(Node::derived(flag, &value.ids));
        let argument = go::print(value);
        if !argument.is_empty() {
            words.push(Node::derived(argument, &value.all_ids()));
        }
    }
}

/// Words joined by blanks, without any quoting, behind the beginning of a script.
fn in_shell(before: String, words: &[Node], ids: &Ids) -> Vec<Node> {
    let (mut script, mut ids) = (before, ids.clone());
    for (at, word) in words.iter().enumerate() {
        if at > 0 {
            script.push(' ');
        }
        script.push_str(word.as_str().unwrap_or_default());
        ids.merge(&word.ids);
    }
    vec!["bash".into(), "-c".into(), Node::derived(script, &ids)]
}

/// What is installed before the engine starts: the connector, which vLLM's images do not have. Only for GPUs, and unless the
/// user switches it off.
fn installed(backend: &Backend, worker: &Worker) -> Option<&'static str> {
    let gpus = backend.workers.iter().any(|w| w.limit("nvidia.com/gpu") > 0);
    let skip = backend.variable("KTHENA_SKIP_ENGINE_DEPENDENCY_INSTALL");
    let skip = skip.map(|entry| text(entry, &["value"])).unwrap_or_default();
    // What Go's strconv.ParseBool takes for true.
    if !gpus || ["1", "t", "T", "TRUE", "true", "True"].contains(&skip) {
        return None;
    }
    match worker.transfer("kv_connector").as_str() {
        "MooncakeConnector" => Some("pip install mooncake-transfer-engine"),
        "NixlConnector" => Some("PIP_DISABLE_PIP_VERSION_CHECK=1 pip install -U --no-cache-dir nixl"),
        _ => None,
    }
}

/// Fills in `${NAME}` as Kthena does in all that it converts, the user's own values among them: `known` are the names that have a
/// value, any other one is an error. A shell's `${HOME}` is one, too.
pub fn placeholders(root: &mut Node, known: &[(&str, String)]) -> Result<(), (String, Ids)> {
    let mut failed = None;
    root.walk_mut(&mut |node| {
        let Value::Str(text) = &node.value else { return };
        if failed.is_some() || !text.contains("${") {
            return;
        }
        match filled(text, known) {
            Ok(text) => node.value = Value::Str(text.into()),
            Err(reason) => failed = Some((reason, node.ids.clone())),
        }
    });
    failed.map_or(Ok(()), Err)
}

fn filled(text: &str, known: &[(&str, String)]) -> Result<String, String> {
    let value = |name: &str| {
        let found = known.iter().find(|(own, _)| *own == name);
        found.map(|(_, value)| value.as_str()).ok_or_else(|| {
            format!(
                "`${{{name}}}` is taken for a placeholder of Kthena's templates, which has none of that name"
            )
        })
    };
    // From the first brace to the last if nothing stands around them.
    if let Some(name) = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
        return value(name).map(str::to_owned);
    }
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((head, tail)) = rest.split_once("${") {
        let Some((name, tail)) = tail.split_once('}') else {
            return Err("a `${` without `}` is taken for a placeholder of Kthena's templates".to_owned());
        };
        out.push_str(head);
        out.push_str(value(name)?);
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::testing::yaml;

    #[test]
    fn settings_as_go_prints_them() {
        let config =
            yaml("{b_c: 1048576, a: 131072, f: 0.9, t: true, e: '', l: [1, x], m: {b: 1, a: 1e-5}, o: null}");
        let mut words = Vec::new();
        flags(&config, &mut words);
        let words: Vec<&str> = words.iter().filter_map(Node::as_str).collect();
        let expected =
            "--a 131072 --b-c 1.048576e+06 --e --f 0.9 --l [1 x] --m map[a:1e-05 b:1] --o <nil> --t true";
        assert_eq!(words.join(" "), expected);
    }

    #[test]
    fn placeholders_of_others() {
        let known = [("MODEL_NAME", "m".to_owned())];
        assert_eq!(filled("a ${MODEL_NAME} $(B)", &known), Ok("a m $(B)".to_owned()));
        assert!(
            filled("${HOME}/x", &known).is_err() && filled("${MODEL_NAME}-${MODEL_NAME}", &known).is_err()
        );
        assert!(filled("x${MODEL_NAME", &known).is_err());
    }
}
