//! GPUs and nodes of a replica.

use super::codes::GPU_ARITHMETIC;
use super::resolve::Resolved;
use crate::diagnostic::{Diagnostic, Ledger};
use crate::spec::engine::EngineType;
use crate::value::Traced;

/// How a replica spreads over nodes.
#[derive(Clone, Debug)]
pub struct Spread {
    /// Pods of a replica.
    pub nodes: Traced<u32>,
    /// GPUs of one pod.
    pub gpus: Traced<u32>,
}

/// The spread of a role; reports sums that do not work and goes on with the nearest that does.
pub fn spread(role: &Resolved, ledger: &mut Ledger) -> Spread {
    let one = || Traced::default_of(1);
    let factor =
        |f: &Option<Traced<crate::spec::decode::Positive>>| f.as_ref().map_or_else(one, Traced::number);
    let [tensor, pipeline, data] = [
        &role.parallelism.tensor,
        &role.parallelism.pipeline,
        &role.parallelism.data,
    ]
    .map(factor);
    let product = |a: &u32, b: &u32| a.saturating_mul(*b);
    let world = tensor.zip(&pipeline, product).zip(&data, product);
    let per_node = role
        .accelerator
        .per_node
        .as_ref()
        .map_or(Traced::default_of(8), Traced::number);
    if !role.computes() || (role.engine_type.value == EngineType::Custom && !has_parallelism(role)) {
        return custom(role, &per_node);
    }
    if per_node.value == 0 {
        let nodes = role.nodes.clone().unwrap_or_else(one);
        return Spread {
            nodes,
            gpus: per_node,
        };
    }
    match &role.nodes {
        Some(nodes) => explicit(&world, nodes, &per_node, ledger),
        None => derived(&world, &per_node, ledger),
    }
}

fn has_parallelism(role: &Resolved) -> bool {
    let p = &role.parallelism;
    p.tensor.is_some() || p.pipeline.is_some() || p.data.is_some()
}

/// A container that the compiler knows nothing about takes whole nodes if the role says how large they are, else none.
fn custom(role: &Resolved, per_node: &Traced<u32>) -> Spread {
    let gpus = match role.accelerator.per_node {
        Some(_) => per_node.clone(),
        None => Traced::default_of(0),
    };
    Spread {
        nodes: role.nodes.clone().unwrap_or(Traced::default_of(1)),
        gpus,
    }
}

fn explicit(world: &Traced<u32>, nodes: &Traced<u32>, per_node: &Traced<u32>, ledger: &mut Ledger) -> Spread {
    let (w, n, p) = (world.value, nodes.value, per_node.value);
    let gpus = world.zip(nodes, |w, n| w / n.max(&1));
    if w % n.max(1) != 0 {
        let message = format!("{w} GPUs of a replica do not divide over {n} nodes");
        let said = Diagnostic::new(&GPU_ARITHMETIC, message).at_ids(&nodes.ids);
        ledger.report(said.label(world.at(), format!("tensor × pipeline × data = {w}")));
    } else if gpus.value > p {
        let message = format!(
            "{w} GPUs over {n} nodes are {} on each, and a node has {p}",
            gpus.value
        );
        let said = Diagnostic::new(&GPU_ARITHMETIC, message).at_ids(&nodes.ids);
        ledger.report(
            said.label(per_node.at(), format!("{p} on a node"))
                .remedy(format!("at least {} nodes", w.div_ceil(p))),
        );
    }
    Spread {
        nodes: nodes.clone(),
        gpus: gpus.and(&per_node.ids),
    }
}

fn derived(world: &Traced<u32>, per_node: &Traced<u32>, ledger: &mut Ledger) -> Spread {
    let (w, p) = (world.value, per_node.value);
    let fewest = w.div_ceil(p);
    // The fewest nodes that divide evenly; at worst one GPU on each.
    let nodes = (fewest..=w).take(1 << 16).find(|n| w % n == 0).unwrap_or(fewest);
    if nodes > fewest.saturating_mul(2) {
        let message = format!(
            "{w} GPUs of a replica do not divide over nodes of {p}: it would take {nodes} nodes of {} GPU",
            w / nodes
        );
        let said = Diagnostic::new(&GPU_ARITHMETIC, message).at_ids(&world.ids);
        ledger.report(said.remedy("choose a parallelism that divides, or write `nodes` if that is meant"));
    }
    let nodes = world.zip(per_node, |_, _| nodes);
    Spread {
        gpus: world.zip(&nodes, |w, n| w / n),
        nodes,
    }
}
