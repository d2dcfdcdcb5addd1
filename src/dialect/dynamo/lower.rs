//! The IR as a DynamoGraphDeployment.

use crate::dialect::Context;
use crate::ir::Serving;
use crate::value::Node;

/// The objects of a workload.
pub(super) fn lower(_serving: &Serving, _cx: &mut Context<'_>) -> Vec<Node> {
    Vec::new()
}
