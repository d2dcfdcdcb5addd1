//! The fields of Kthena's objects as their CRDs have them: `data/schema.txt`, read on first use.

use super::codes::SCHEMA;
pub use crate::dialect::shared::schema::Settled;
use crate::dialect::shared::schema::Table;
use crate::value::Node;
use std::sync::LazyLock;

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::new(include_str!("data/schema.txt"), &SCHEMA));

/// Makes of an object what the API server stores. Kinds that are not in the table stay as they are.
pub fn settle(root: &mut Node, kind: &str) -> Settled {
    TABLE.settle(root, kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::shared::schema::{Field, Kind};
    use crate::kubernetes::testing::yaml;

    #[test]
    fn the_table_is_understood() {
        assert_eq!(TABLE.kinds().len(), 6);
        let mut open: Vec<&Field> = TABLE.kinds().iter().collect();
        while let Some(field) = open.pop() {
            let below = match field.kind() {
                Kind::Object(below) => below,
                Kind::List(kind) | Kind::Map(kind) => match &**kind {
                    Kind::Object(below) => below,
                    Kind::Any => panic!("{} has elements of no kind", field.name()),
                    _ => continue,
                },
                Kind::Enum(words) => {
                    assert!(
                        words.len() > 1 || field.name() == "type",
                        "{} {words:?}",
                        field.name()
                    );
                    continue;
                }
                _ => continue,
            };
            open.extend(below);
        }
    }

    #[test]
    fn defaults_bounds_and_what_is_dropped() {
        let mut root = yaml(
            "{kind: ModelServing, spec: {replicas: null, odd: 1, template: {roles: [{name: a, workerReplicas: 0, entryTemplate: {}}]}}}",
        );
        let settled = settle(&mut root, "ModelServing");
        assert!(settled.problems.is_empty(), "{:?}", settled.problems);
        assert_eq!(settled.dropped.len(), 1);
        assert_eq!(settled.dropped[0].0, "spec.odd");
        assert_eq!(root.at(&["spec", "replicas"]), Some(&1_i64.into()));
        assert_eq!(
            root.at(&["spec", "template", "roles", "0", "maxUnavailable"]),
            Some(&1_i64.into())
        );
        let mut root =
            yaml("{spec: {replicas: 99999999999, template: {roles: [{name: a_b, entryTemplate: 1}]}}}");
        let told: Vec<String> = settle(&mut root, "ModelServing")
            .problems
            .into_iter()
            .map(|p| p.reason)
            .collect();
        assert_eq!(told.len(), 4, "{told:?}");
        assert!(
            told.iter()
                .any(|t| t.starts_with("`spec.template.roles[0].workerReplicas`: is required"))
        );
    }
}
