//! What several dialects need, one mechanism each: names and metadata, selectors, fronts, policies by Kubernetes' own objects,
//! and pod templates completed by what a target has no field for.

pub mod compose;
mod front;
mod merge;
mod names;
mod policies;
pub mod read;
pub mod schema;
mod templates;

pub use front::{fronts, referenced_roles, role_service_address, role_services, service_name, services_of};
pub use merge::{MERGE_CODES, Rank, one_template};
pub use names::{
    SLICE_LABEL, label_slice, metadata, namespace, object_labels, replicas, role_object_name, selector,
    selector_text, slice_label, sliced, sliced_name, slices,
};
pub use policies::{access, autoscaler, disruption_budget, policies, use_pod_reader};
pub use templates::{
    Keys, add_term, affinity, affinity_by, default_scheduler, empty_options, exclusive_replica,
    leader_and_worker, requests_as_limits, wait_container, wait_for_dependencies,
};

use super::Context;
use crate::kubernetes::quantity::Quantity;
use crate::template::Vars;
use crate::value::{Node, Value};

/// Fills a template of the dialect; a template error becomes a diagnostic, and nothing is returned. What a user's template
/// has no place for is named as such.
pub fn fill(cx: &mut Context<'_>, name: &str, vars: Vars) -> Option<Node> {
    let unused = cx.templates.waiver(name, &vars);
    match cx.templates.render(name, vars) {
        Ok(node) => {
            if let Some((ids, said)) = unused {
                cx.ledger.waive(&ids, said);
            }
            Some(node)
        }
        Err(error) => {
            cx.ledger.report(error.diagnostic());
            None
        }
    }
}

/// What comes of amounts of resources when a webhook writes an object anew by its Go types: numbers become text.
pub fn amounts_as_text(node: &mut Node) {
    node.walk_mut(&mut |node| {
        for key in ["requests", "limits"] {
            let Value::Map(map) = &mut node.value else { return };
            let Some(Value::Map(amounts)) = map.get_mut(key).map(|n| &mut n.value) else {
                continue;
            };
            for (_, amount) in amounts.iter_mut() {
                if let (Value::Int(_) | Value::Float(_), Ok(read)) =
                    (&amount.value, Quantity::from_node(amount))
                {
                    amount.value = Value::Str(read.to_string().into());
                }
            }
        }
    });
}
