//! What a HorizontalPodAutoscaler of the same input makes of a number of replicas before it has seen any metric.

use super::Scene;
use crate::value::{Node, Str, Traced};

/// The replicas of an object of a kind after the first look of the HorizontalPodAutoscaler that scales it: within its bounds.
/// One of zero replicas is switched off.
pub fn autoscaled(
    scene: &Scene<'_>,
    kind: &str,
    name: &str,
    namespace: &str,
    replicas: Traced<i64>,
) -> Traced<i64> {
    if replicas.value == 0 {
        return replicas;
    }
    let targets = |hpa: &Node| {
        let word = |key: &str| {
            hpa.at(&["spec", "scaleTargetRef", key])
                .and_then(Node::as_str)
                .map(Str::from)
        };
        word("kind").as_deref() == Some(kind) && word("name").as_deref() == Some(name)
    };
    let found = scene
        .of_kind("HorizontalPodAutoscaler", namespace)
        .find(|d| targets(&d.root));
    let Some(hpa) = found.map(|d| &d.root) else {
        return replicas;
    };
    let bound = |key: &str| hpa.at(&["spec", key]).filter(|n| n.as_int().is_some());
    let mut scaled = replicas;
    if let Some(most) = bound("maxReplicas").filter(|n| n.as_int().is_some_and(|n| n < scaled.value)) {
        scaled = Traced::new(most.as_int().unwrap_or_default(), most.ids.clone());
    }
    if let Some(least) = bound("minReplicas").filter(|n| n.as_int().is_some_and(|n| n > scaled.value)) {
        scaled = Traced::new(least.as_int().unwrap_or_default(), least.ids.clone());
    }
    scaled
}
