//! The model: what the engine is told, and the volumes that bring it.

use super::codes::{BAD_URI, CONTRADICTION};
use crate::diagnostic::{Diagnostic, Ledger};
use crate::spec::engine::EngineType;
use crate::spec::model::{Cache, Model, SecretKey};
use crate::value::{Map, Node, Str, Traced};

/// Where claims, images and copies of a model are mounted.
const MODELS: &str = "/models";
/// The image that copies from S3 for engines that cannot read it themselves.
const S3_IMAGE: &str = "amazon/aws-cli:2.31.0";

/// What a pod needs for its model.
#[derive(Clone, Default, Debug)]
pub struct Source {
    /// What the engine is told: a repository, a path or a URI.
    pub argument: Option<Traced<Str>>,
    /// The name for clients.
    pub served_name: Option<Traced<Str>>,
    /// The revision, for repositories.
    pub revision: Option<Traced<Str>>,
    /// How the engine must load it, if not in its own way.
    pub load_format: Option<Traced<Str>>,
    /// Volumes of the pod.
    pub volumes: Vec<Node>,
    /// Mounts of the engine's container.
    pub mounts: Vec<Node>,
    /// Variables of the engine's container.
    pub env: Vec<Node>,
    /// Containers that run before.
    pub init_containers: Vec<Node>,
}

fn object<const N: usize>(entries: [(&str, Node); N]) -> Node {
    Map::from_iter(entries).into()
}

/// What a pod of `engine` needs for `model`.
pub fn source(model: &Model, engine: EngineType, ledger: &mut Ledger) -> Source {
    let Model {
        ids: _,
        uri,
        served_name,
        revision,
        auth_secret,
        cache,
    } = model;
    let mut source = Source {
        served_name: served_name.clone(),
        revision: revision.clone(),
        ..Source::default()
    };
    let Some(uri) = uri.clone() else {
        return source;
    };
    let scheme = uri
        .value
        .split_once("://")
        .map(|(s, rest)| (s.to_owned(), Str::from(rest)));
    match scheme.as_ref().map(|(s, rest)| (s.as_str(), rest)) {
        Some(("hf", rest)) if rest.split('/').count() == 2 => repository(&mut source, &uri, rest),
        Some(("pvc", rest)) => claim(&mut source, &uri, rest),
        Some(("s3", rest)) if !rest.is_empty() => s3(&mut source, &uri, rest, engine),
        Some(("oci", rest)) if !rest.is_empty() => image(&mut source, &uri, rest),
        None if uri.value.starts_with('/') => source.argument = Some(uri.clone()),
        _ => {
            let mut said =
                Diagnostic::new(&BAD_URI, format!("`{}` is not a model URI", uri.value)).at_ids(&uri.ids);
            if scheme.is_none() && uri.value.split('/').count() == 2 {
                said = said.replacement(format!("hf://{}", uri.value));
            }
            ledger.report(
                said.reason(
                    "known: hf://ORG/NAME, pvc://CLAIM/PATH, s3://BUCKET/PATH, oci://IMAGE, or /PATH",
                ),
            );
        }
    }
    if source.served_name.is_none() {
        source.served_name = source
            .argument
            .as_ref()
            .map(|a| a.map(|path| default_name(&uri.value, path)));
    }
    if let Some(secret) = auth_secret {
        source.env.push(secret_variable(secret));
    }
    if let Some(cache) = cache {
        cache_volume(&mut source, cache, ledger);
    }
    source
}

/// The repository of `hf://`, else the last part of the path.
fn default_name(uri: &str, argument: &str) -> Str {
    match uri.strip_prefix("hf://") {
        Some(repository) => repository.into(),
        None => argument
            .trim_end_matches('/')
            .rsplit('/')
            .next()
            .unwrap_or(argument)
            .into(),
    }
}

fn repository(source: &mut Source, uri: &Traced<Str>, rest: &Str) {
    source.argument = Some(uri.map(|_| rest.clone()));
}

fn mount(source: &mut Source, name: &str, path: Node, volume: Node, read_only: bool) {
    let mut mount = Map::from_iter([("name", Node::from(name)), ("mountPath", path)]);
    if read_only {
        mount.insert("readOnly", true);
    }
    source.mounts.push(mount.into());
    source.volumes.push(volume);
}

fn claim(source: &mut Source, uri: &Traced<Str>, rest: &str) {
    let (claim, path) = rest.split_once('/').unwrap_or((rest, ""));
    let claim_name = uri.map(|_| Str::from(claim)).node();
    let claim = object([("claimName", claim_name), ("readOnly", true.into())]);
    let volume = object([("name", "model".into()), ("persistentVolumeClaim", claim)]);
    mount(source, "model", MODELS.into(), volume, true);
    let path = path.trim_matches('/');
    let full: Str = if path.is_empty() {
        MODELS.into()
    } else {
        format!("{MODELS}/{path}").into()
    };
    source.argument = Some(uri.map(|_| full));
}

fn image(source: &mut Source, uri: &Traced<Str>, rest: &Str) {
    let image = object([
        ("reference", uri.map(|_| rest.clone()).node()),
        ("pullPolicy", "IfNotPresent".into()),
    ]);
    let volume = object([("name", "model".into()), ("image", image)]);
    mount(source, "model", MODELS.into(), volume, true);
    source.argument = Some(uri.map(|_| MODELS.into()));
}

/// vLLM streams from S3 by itself; for the others an init container copies.
fn s3(source: &mut Source, uri: &Traced<Str>, rest: &Str, engine: EngineType) {
    if engine == EngineType::Vllm {
        source.argument = Some(uri.clone());
        source.load_format = Some(uri.map(|_| "runai_streamer".into()));
        return;
    }
    let name = rest.trim_end_matches('/').rsplit('/').next().unwrap_or("model");
    let path = uri.map(|_| Str::from(format!("{MODELS}/{name}")));
    let volume = object([("name", "model".into()), ("emptyDir", Node::map())]);
    mount(source, "model", MODELS.into(), volume, false);
    let args = vec!["s3".into(), "sync".into(), uri.node(), path.node()];
    let mounts = vec![object([("name", "model".into()), ("mountPath", MODELS.into())])];
    source.init_containers.push(object([
        ("name", "model-download".into()),
        ("image", S3_IMAGE.into()),
        ("args", args.into()),
        ("volumeMounts", mounts.into()),
    ]));
    source.argument = Some(path);
}

fn secret_variable(secret: &SecretKey) -> Node {
    let SecretKey { ids, name, key } = secret;
    let key = key
        .clone()
        .unwrap_or_else(|| Traced::default_of("HF_TOKEN".into()));
    let mut reference = Map::new();
    reference.insert_some("name", name.clone());
    reference.insert("key", key);
    let from = object([("secretKeyRef", reference.into())]);
    Node::derived(object([("name", "HF_TOKEN".into()), ("valueFrom", from)]), ids)
}

fn cache_volume(source: &mut Source, cache: &Cache, ledger: &mut Ledger) {
    let Cache {
        ids,
        persistent_volume_claim,
        host_path,
        size_limit,
        mount_path,
    } = cache;
    let kinds = [
        persistent_volume_claim.as_ref().map(|v| &v.ids),
        host_path.as_ref().map(|v| &v.ids),
        size_limit.as_ref().map(|v| &v.ids),
    ];
    let mut given = kinds.into_iter().flatten();
    if let (Some(first), Some(second)) = (given.next(), given.next()) {
        let message = "a cache is a claim, a directory of the node, or an emptyDir of a size: one of them";
        let said = Diagnostic::new(&CONTRADICTION, message).at_ids(second);
        ledger.report(said.label(first.first(), "the other one"));
    }
    let path = mount_path
        .clone()
        .unwrap_or_else(|| Traced::default_of("/cache".into()));
    let (kind, body) = match (persistent_volume_claim, host_path) {
        (Some(claim), _) => ("persistentVolumeClaim", object([("claimName", claim.node())])),
        (None, Some(host)) => (
            "hostPath",
            object([("path", host.node()), ("type", "DirectoryOrCreate".into())]),
        ),
        (None, None) => {
            let mut body = Map::new();
            body.insert_some("sizeLimit", size_limit.clone());
            ("emptyDir", body.into())
        }
    };
    let volume = Node::derived(object([("name", "cache".into()), (kind, body)]), ids);
    mount(source, "cache", path.node(), volume, false);
    let home: Traced<Str> = path.map(|p| format!("{}/huggingface", p.trim_end_matches('/')).into());
    source
        .env
        .push(object([("name", "HF_HOME".into()), ("value", home.node())]));
}
