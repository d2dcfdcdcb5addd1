//! Engines run in Dynamo's runtime.

use crate::plan::runtime::{Runtime, RuntimeImage};
use crate::spec::ServingSpec;
use crate::spec::engine::Wrapper;
use crate::value::{Node, Str, Traced};

/// What the options say about the runtime's images.
pub(super) fn runtime(spec: &ServingSpec) -> Runtime {
    let own = |targets: &Option<Node>| image(targets.as_ref().and_then(|t| t.get("dynamo")));
    let roles = spec.roles.iter().flatten();
    Runtime {
        wrapper: Wrapper::Dynamo,
        target: "dynamo",
        all: own(&spec.targets),
        roles: roles
            .filter_map(|r| Some((r.name.as_ref()?.value.clone(), own(&r.targets))))
            .collect(),
    }
}

/// Read from the tree: what is wrong with the options is said when they are decoded.
fn image(options: Option<&Node>) -> RuntimeImage {
    let text = |key: &str| {
        let node = options?.get(key)?;
        Some(Traced::new(Str::from(node.as_str()?), node.ids.clone()))
    };
    RuntimeImage {
        image: text("image"),
        version: text("runtimeVersion"),
    }
}
