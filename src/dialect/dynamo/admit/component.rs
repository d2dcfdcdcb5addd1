//! What is refused of a component.

use super::super::expand::{elastic_ray, gpu_count};
use super::super::read::codes::{
    ANNOTATION, CHECKPOINT, CONVERSION, ELASTIC, EPP, GROVE_ONLY, MEMORY_SERVICE, RUNTIME_VERSION, SCHEMA,
    SIDECAR,
};
use super::super::read::{Component, MAIN, Version, text};
use super::{NEEDS_GROVE, place};
use crate::kubernetes::container::list;
use crate::kubernetes::quantity::Quantity;
use crate::pods::Problem;
use crate::value::{Ids, Node, Str, Traced};

/// What a component is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Whether Grove makes its pods.
    pub grove: bool,
    /// Whether it is an object of its own.
    pub standalone: bool,
    /// The version that it is written in.
    pub version: Version,
    /// Whether checkpoints are enabled.
    pub checkpoints: bool,
}

/// The rules that the CRD has in words (CEL).
pub fn rules(component: &Component, version: Version, problems: &mut Vec<Problem>) {
    if let Some(minimum) = &component.min_available {
        let replicas = component.replicas.value;
        if replicas != 0 && minimum.value > replicas {
            let reason = format!(
                "`minAvailable` is {}, more than the {replicas} replicas",
                minimum.value
            );
            problems.push(Problem::new(&SCHEMA, reason, &minimum.ids));
        }
    }
    if let Some(service) = &component.memory_service {
        if service.inter_pod && !service.clients.is_empty() {
            let reason = "`extraClientContainers` is for a memory service within the pod";
            problems.push(Problem::new(&MEMORY_SERVICE, reason, &service.ids));
        }
        if let Some(ids) = &service.client_pods {
            problems.push(Problem::new(
                &MEMORY_SERVICE,
                "`extraClientPods` is reserved",
                ids,
            ));
        }
    }
    if let Some(checkpoint) = &component.checkpoint
        && checkpoint.get("job").is_some()
        && !text(checkpoint, &["checkpointRef"]).is_empty()
    {
        let reason = "`checkpoint` has either a `job` or a `checkpointRef`";
        problems.push(Problem::new(&CHECKPOINT, reason, &checkpoint.ids));
    }
    if let Some(config) = &component.epp_config {
        if (config.get("configMapRef").is_some()) == (config.get("config").is_some()) {
            let reason = "`eppConfig` has either `configMapRef` or `config`";
            problems.push(Problem::new(&EPP, reason, &config.ids));
        }
        if version == Version::Beta && component.kind() != "epp" {
            let reason = "`eppConfig` is for components of type `epp`";
            problems.push(Problem::new(&EPP, reason, &config.ids));
        }
    }
    match version {
        Version::Beta => beta_rules(component, problems),
        Version::Alpha => alpha_rules(component, problems),
    }
}

fn executor(annotation: Option<&Node>, problems: &mut Vec<Problem>) {
    if let Some(node) = annotation
        && !["mp", "ray"].contains(&node.as_str().unwrap_or_default().to_lowercase().as_str())
    {
        let reason = "the annotation `nvidia.com/vllm-distributed-executor-backend` must be `mp` or `ray`";
        problems.push(Problem::new(&ANNOTATION, reason, &node.ids));
    }
}

fn beta_rules(component: &Component, problems: &mut Vec<Problem>) {
    const KEY: &str = "nvidia.com/vllm-distributed-executor-backend";
    let Some(template) = &component.template else {
        return;
    };
    executor(template.at(&["metadata", "annotations", KEY]), problems);
    let spec = template.get("spec");
    for container in spec.map(|s| list(s, "containers")).unwrap_or_default() {
        let name = text(container, &["name"]);
        if name != MAIN && text(container, &["image"]).is_empty() {
            let reason = format!("the container `{name}` needs an image");
            problems.push(Problem::new(&SIDECAR, reason, &container.ids));
        }
        for mount in list(container, "volumeMounts").iter().filter(|_| name == MAIN) {
            if text(mount, &["mountPath"]).is_empty() {
                let reason = format!("the mount `{}` needs a `mountPath`", text(mount, &["name"]));
                problems.push(Problem::new(&SCHEMA, reason, &mount.ids));
            }
        }
    }
}

/// What the webhook looks at in the words of v1alpha1. What the conversion needs has been looked at before.
fn alpha_rules(component: &Component, problems: &mut Vec<Problem>) {
    const KEY: &str = "nvidia.com/vllm-distributed-executor-backend";
    executor(component.alpha.annotations.get(KEY), problems);
    if let Some(ingress) = &component.alpha.ingress
        && ingress.get("enabled").and_then(Node::as_bool) == Some(true)
        && text(ingress, &["host"]).is_empty()
    {
        let reason = "an enabled `ingress` needs a `host`";
        problems.push(Problem::new(&CONVERSION, reason, &ingress.ids));
    }
}

/// The rules of the webhook.
pub fn check(component: &Component, context: &Place, problems: &mut Vec<Problem>) {
    if let Some(minimum) = component.min_available.as_ref().filter(|_| !context.grove) {
        let reason = format!("`minAvailable` {NEEDS_GROVE}");
        problems.push(Problem::new(&GROVE_ONLY, reason, &minimum.ids));
    }
    if let Some(size) = &component.shared_memory
        && Quantity::from_node(size).is_ok_and(|q| q.is_negative())
    {
        let reason = "`sharedMemorySize` must not be negative";
        problems.push(Problem::new(&SCHEMA, reason, &size.ids));
    }
    if component.kind() == "epp" {
        picker(component, problems);
    }
    if let Some(reference) = component.epp_config.as_ref().and_then(|c| c.get("configMapRef"))
        && text(reference, &["name"]).is_empty()
    {
        let reason = "`eppConfig.configMapRef` needs a name";
        problems.push(Problem::new(&EPP, reason, &reference.ids));
    }
    sidecar(component, problems);
    memory(component, problems);
    if let Some(forced) = component
        .force_group
        .as_ref()
        .filter(|f| f.value && !context.grove)
    {
        let reason = format!("`forceScalingGroup` {NEEDS_GROVE}");
        problems.push(Problem::new(&GROVE_ONLY, reason, &forced.ids));
    }
    if let Some(checkpoint) = &component.checkpoint
        && checkpoint.get("enabled").and_then(Node::as_bool) == Some(true)
        && !context.checkpoints
    {
        let reason = "checkpoints are not enabled in the operator's configuration";
        problems.push(Problem::new(&CHECKPOINT, reason, &checkpoint.ids));
    }
    image(component, context, problems);
}

fn picker(component: &Component, problems: &mut Vec<Problem>) {
    let mut say = |reason: &str, ids: &Ids| problems.push(Problem::new(&EPP, reason, ids));
    if component.node_count() > 1 {
        let ids = component.nodes.as_ref().map_or(&component.ids, |n| &n.ids);
        say("an endpoint picker runs on one node", ids);
    }
    if component.replicas.value != 1 {
        say("an endpoint picker has one replica", &component.replicas.ids);
    }
    if component.epp_config.is_none() {
        say("an endpoint picker needs `eppConfig`", &component.ids);
    }
}

fn sidecar(component: &Component, problems: &mut Vec<Problem>) {
    let Some(wanted) = &component.frontend_sidecar else {
        return;
    };
    let spec = component.template.as_ref().and_then(|t| t.get("spec"));
    let containers = spec.map(|s| list(s, "containers")).unwrap_or_default();
    if !containers.iter().any(|c| text(c, &["name"]) == wanted.value) || wanted.value.is_empty() {
        let reason = format!(
            "`frontendSidecar` names `{}`, which is no container of the template",
            wanted.value
        );
        problems.push(Problem::new(&SIDECAR, reason, &wanted.ids));
    }
}

fn memory(component: &Component, problems: &mut Vec<Problem>) {
    let gpus = gpu_count(component.main()).unwrap_or(0);
    if let Some(service) = &component.memory_service {
        let mut say = |reason: &str, ids: &Ids| problems.push(Problem::new(&MEMORY_SERVICE, reason, ids));
        if !component.is_worker() {
            say(
                "the GPU memory service is for workers: types worker, prefill and decode",
                &service.ids,
            );
        }
        if gpus < 1 {
            say(
                "the GPU memory service needs GPUs in the limits of the main container",
                &service.ids,
            );
        }
        let spec = component.template.as_ref().and_then(|t| t.get("spec"));
        let containers = spec.map(|s| list(s, "containers")).unwrap_or_default();
        for (at, client) in service.clients.iter().enumerate().filter(|_| !service.inter_pod) {
            if service.clients[..at].iter().any(|c| c.value == client.value)
                || !containers.iter().any(|c| text(c, &["name"]) == client.value)
            {
                let reason = format!(
                    "`extraClientContainers` names `{}`, which is no container or there twice",
                    client.value
                );
                say(&reason, &client.ids);
            }
        }
    }
    let Some(failover) = &component.failover else {
        return;
    };
    let fits = component
        .memory_service
        .as_ref()
        .map(|m| m.inter_pod == failover.inter_pod);
    let reason = match fits {
        None => "failover needs the GPU memory service",
        Some(false) => "failover and the GPU memory service must be of the same mode",
        Some(true) if failover.inter_pod && gpus < 1 => "failover between pods needs GPUs in the limits",
        Some(true) if failover.inter_pod && ["epp", "frontend", "planner"].contains(&component.kind()) => {
            "failover is for workers"
        }
        Some(true) => return,
    };
    problems.push(Problem::new(&MEMORY_SERVICE, reason, &failover.ids));
}

fn image(component: &Component, context: &Place, problems: &mut Vec<Problem>) {
    // v1alpha1 is judged by what it says itself.
    let written = component.alpha.written.as_ref();
    let node = match (context.version, written) {
        (Version::Alpha, Some(service)) => service.at(&["extraPodSpec", "mainContainer", "image"]),
        _ => component.main().and_then(|m| m.get("image")),
    };
    let image = node.and_then(Node::as_str).unwrap_or_default();
    if image.is_empty() {
        let reason = format!(
            "component `{}` needs an image in its container `{MAIN}`",
            component.name.value
        );
        let ids = component.main().map_or(&component.ids, |m| &m.ids);
        let ids = if ids.is_empty() { &component.ids } else { ids };
        problems.push(Problem::new(&RUNTIME_VERSION, reason, ids));
    } else if !context.standalone && component.runtime_version.is_none() && image_version(image).is_none() {
        let reason = format!(
            "the tag of `{image}` is no version of Dynamo, so component `{}` needs `runtimeVersionOverride`",
            component.name.value
        );
        problems.push(Problem::new(&RUNTIME_VERSION, reason, place(component, node)));
    }
}

/// The version that an image's tag is.
pub fn image_version(image: &str) -> Option<Str> {
    let image = image.trim();
    let name = image.split('@').next().unwrap_or_default();
    let tag = name
        .rsplit_once(':')
        .map(|(_, tag)| tag)
        .filter(|tag| !tag.contains('/'))?;
    let version = tag.strip_prefix(['v', 'V']).unwrap_or(tag);
    let (rest, build) = version
        .split_once('+')
        .map_or((version, None), |(v, b)| (v, Some(b)));
    let (core, release) = rest.split_once('-').map_or((rest, None), |(v, r)| (v, Some(r)));
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let number = |s: &str| digits(s) && (s.len() == 1 || !s.starts_with('0')) && s.parse::<u64>().is_ok();
    let word = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let good = core.split('.').count() == 3
        && core.split('.').all(number)
        && release.is_none_or(|r| {
            r.split('.')
                .all(|p| word(p) && (!digits(p) || p == "0" || !p.starts_with('0')))
        })
        && build.is_none_or(|b| b.split('.').all(word));
    good.then(|| core.into())
}

/// The watts that GPUs may draw: a number, and not for devices by claims.
pub fn power(component: &Component, problems: &mut Vec<Problem>) {
    let annotations = component.metadata("annotations");
    let Some(limit) = annotations.get("dynamo.nvidia.com/gpu-power-limit") else {
        return;
    };
    let watts = limit.as_str().and_then(|v| v.parse::<i64>().ok());
    if watts.is_none_or(|w| w <= 0) {
        let reason = "the annotation `dynamo.nvidia.com/gpu-power-limit` must be a whole number above zero";
        problems.push(Problem::new(&ANNOTATION, reason, &limit.ids));
    }
    let spec = component.template.as_ref().and_then(|t| t.get("spec"));
    let claims = |key| {
        let containers = spec.map(|s| list(s, key)).unwrap_or_default();
        let with = |c: &&Node| c.get("resources").is_some_and(|r| !list(r, "claims").is_empty());
        containers.iter().any(|c| with(&c))
    };
    if component.memory_service.is_some() || claims("containers") || claims("initContainers") {
        let reason = "a limit of GPU power cannot be combined with resource claims";
        problems.push(Problem::new(&ANNOTATION, reason, &limit.ids));
    }
}

/// Elastic expert parallelism needs a command to put Ray in front of.
pub fn elastic(component: &Component, framework: Option<&Traced<Str>>, problems: &mut Vec<Problem>) {
    let Some(main) = component.main() else { return };
    if framework.is_some_and(|f| f.value == "vllm") && list(main, "command").is_empty() && elastic_ray(main) {
        let reason = "elastic expert parallelism over Ray needs the container's `command`";
        problems.push(Problem::new(&ELASTIC, reason, place(component, Some(main))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_that_are_versions() {
        for image in [
            "a:1.4.0",
            "r.io:5000/a/b:v1.4.0-cuda13",
            "a:1.4.0-test@sha256:0",
            "a:1.0.0+x.1",
        ] {
            assert!(image_version(image).is_some(), "{image}");
        }
        for image in [
            "a",
            "a:latest",
            "a:1.4",
            "r.io:5000/a",
            "a@sha256:0",
            "a:1.04.0",
            "a:1.4.0-01",
            "a:my-tag",
        ] {
            assert!(image_version(image).is_none(), "{image}");
        }
    }
}
