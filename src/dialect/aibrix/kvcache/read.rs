//! Reading KVCaches: typed, with what the CRD and the webhook make of absent fields.

use crate::dialect::aibrix::admission::SCHEMA;
use crate::dialect::aibrix::read::{How, Meta, meta};
use crate::dialect::shared::read::Reader;
use crate::kubernetes::podspec;
use crate::pods::Problem;
use crate::pods::template::{judge, refused_by_schema};
use crate::value::{Ids, Node, Str, Traced};

/// The annotation that names the backend.
pub const BACKEND: &str = "kvcache.orchestration.aibrix.ai/backend";

/// A KVCache.
#[derive(Clone, Default, Debug)]
pub struct KvCache {
    /// Its metadata.
    pub meta: Meta,
    /// The backend: `vineyard` if none is named.
    pub backend: Traced<Str>,
    /// The pods that hold the cache.
    pub cache: Runtime,
    /// The pod that registers them, if there is one.
    pub watcher: Option<Runtime>,
    /// Where the members are kept, if it is said.
    pub metadata: Option<Metadata>,
    /// `service.ports`.
    pub ports: Vec<Node>,
    /// `service.type`.
    pub service_type: Traced<Str>,
}

/// Where the members of a cache are kept.
#[derive(Clone, Default, Debug)]
pub struct Metadata {
    /// In Redis.
    pub redis: Option<Store>,
    /// In etcd.
    pub etcd: Option<Store>,
    /// The place of the setting.
    pub ids: Ids,
}

/// A store of metadata.
#[derive(Clone, Default, Debug)]
pub struct Store {
    /// `host:port` of one that is there; empty if none is.
    pub address: Traced<Str>,
    /// `secret/key` of its password; empty if there is none.
    pub secret: Traced<Str>,
    /// How one is run.
    pub runtime: Option<Runtime>,
    /// The place of the setting.
    pub ids: Ids,
}

/// How pods of a kind are run.
#[derive(Clone, Default, Debug)]
pub struct Runtime {
    /// How many.
    pub replicas: Traced<i64>,
    /// Their image.
    pub image: Option<Node>,
    /// When it is pulled.
    pub pull_policy: Option<Node>,
    /// Their variables.
    pub env: Vec<Node>,
    /// What they ask for.
    pub resources: Option<Node>,
    /// The whole template, in place of the others.
    pub template: Option<Node>,
}

/// Reads a KVCache.
pub fn kv_cache(root: &Node, how: How) -> (KvCache, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut r = Reader::new(root, &SCHEMA, &mut problems);
    let meta = meta(&mut r);
    let backend = meta.annotations.get(BACKEND).filter(|n| n.as_str() != Some(""));
    let backend = backend.map_or_else(
        || Traced::default_of("vineyard".into()),
        |n| Traced::new(n.as_str().unwrap_or_default().into(), n.ids.clone()),
    );
    let cache = match runtime(&mut r, "spec.cache", how) {
        Some(cache) => cache,
        // The default of the whole object; without a spec there is none.
        None if r.get("spec").is_some() => Runtime {
            replicas: Traced::default_of(1),
            image: Some("aibrix/kvcache:20241120".into()),
            pull_policy: Some("IfNotPresent".into()),
            ..Runtime::default()
        },
        None => Runtime::default(),
    };
    r.string("spec.mode");
    let (ports, service_type) = service(&mut r, how);
    let object = KvCache {
        meta,
        backend,
        cache,
        watcher: runtime(&mut r, "spec.watcher", how),
        metadata: metadata(&mut r, how),
        ports,
        service_type,
    };
    (object, problems)
}

/// The webhook writes `service` out even where it is absent, with ports that are `null`, and the schema refuses those.
fn service(r: &mut Reader<'_>, how: How) -> (Vec<Node>, Traced<Str>) {
    let ports = r.list("spec.service.ports").to_vec();
    if ports.is_empty() && (how.webhooks || r.get("spec.service").is_some()) {
        r.problem("spec.service.ports", &SCHEMA, "is missing");
    }
    for (at, port) in ports.iter().enumerate() {
        let mut r = r.below(port, &format!("spec.service.ports[{at}]"));
        if r.int32("port").is_none() && r.get("port").is_none() {
            r.problem("port", &SCHEMA, "is missing");
        }
    }
    let kind = r.string("spec.service.type");
    (
        ports,
        kind.unwrap_or_else(|| Traced::default_of("ClusterIP".into())),
    )
}

fn metadata(r: &mut Reader<'_>, how: How) -> Option<Metadata> {
    r.map("spec.metadata");
    let ids = r.get("spec.metadata")?.ids.clone();
    let mut store = |name: &str| {
        let path = format!("spec.metadata.{name}");
        let ids = r.get(&path)?.ids.clone();
        let mut text = |key: &str| r.string(&format!("{path}.externalConnection.{key}"));
        let (address, secret) = (text("address"), text("passwordSecretRef"));
        Some(Store {
            address: address.unwrap_or_default(),
            secret: secret.unwrap_or_default(),
            runtime: runtime(r, &format!("{path}.runtime"), how),
            ids,
        })
    };
    Some(Metadata {
        redis: store("redis"),
        etcd: store("etcd"),
        ids,
    })
}

fn runtime(r: &mut Reader<'_>, path: &str, how: How) -> Option<Runtime> {
    r.map(path);
    let node = r.get(path).filter(|n| n.as_map().is_some())?;
    let mut r = r.below(node, path);
    let replicas = r.int32("replicas").unwrap_or_else(|| Traced::default_of(1));
    let mut text = |key: &str| {
        let word = r.string(key);
        word.map(|w| w.node())
    };
    let (image, pull_policy) = (text("image"), text("imagePullPolicy"));
    let (env, resources) = (r.list("env").to_vec(), r.get("resources").cloned());
    let template = r.get("template").filter(|t| t.as_map().is_some()).cloned();
    let mut refused = Vec::new();
    let parts = env.iter().map(|e| (e, "EnvVar", "env"));
    let parts = parts.chain(resources.iter().map(|n| (n, "ResourceRequirements", "resources")));
    for (part, kind, key) in parts {
        if let Some(object) = podspec::object(kind) {
            refused.extend(refused_by_schema(
                part,
                object,
                &format!("{path}.{key}"),
                &SCHEMA,
                &node.ids,
            ));
        }
    }
    if let Some(template) = &template {
        let judgement = judge(template, &[], &SCHEMA, &node.ids);
        refused.extend(judgement.schema.into_iter().chain(judgement.floats));
    }
    r.problems.extend(refused);
    Some(Runtime {
        // The webhook leaves a 0 out, and the default fills it in again.
        replicas: replicas.map(|n| if *n == 0 && how.webhooks { 1 } else { *n }),
        image,
        pull_policy: pull_policy.or_else(|| Some("IfNotPresent".into())),
        env,
        resources,
        template,
    })
}
