//! The last touch on rendered objects.

use crate::ir::{MANAGED_BY, TARGET_ANNOTATION};
use crate::value::Node;

/// Marks objects as made by this tool, where nobody else did, and for which target.
pub fn finish(objects: &mut [Node], target: Option<&str>) {
    for object in objects {
        let labels = object.at_mut(&["metadata", "labels"]);
        if labels.get(MANAGED_BY).is_none() {
            labels.set(MANAGED_BY, "kubectl-infer");
        }
        if let Some(target) = target {
            object
                .at_mut(&["metadata", "annotations"])
                .set(TARGET_ANNOTATION, target);
        }
    }
}
