//! The last touch on rendered objects.

use crate::value::Node;

/// The annotation that says for which target an object was made.
pub const TARGET_ANNOTATION: &str = "infer.dev/target";
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

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
