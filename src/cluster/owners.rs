//! Who owns which field: `metadata.managedFields`.

use crate::diff::Step;
use crate::value::{Map, Node};

/// A manager of fields.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Manager {
    /// Its name: `kubectl-client-side-apply`, `kube-controller-manager`.
    pub name: String,
    /// The subresource by which it writes: `scale`, `status`; empty for the object itself.
    pub subresource: String,
    /// Whether it applies (`Apply`) or writes (`Update`).
    pub applies: bool,
}

/// The owners of the fields of an object.
#[derive(Clone, Default, Debug)]
pub struct Owners(Vec<(Manager, Node)>);

impl Manager {
    /// Its name, with the way it writes where that matters.
    pub fn title(&self) -> String {
        match self.subresource.as_str() {
            "" => self.name.clone(),
            subresource => format!("{} ({subresource})", self.name),
        }
    }
}

impl Owners {
    /// Reads them from a live object.
    pub fn of(object: &Node) -> Self {
        let entries = object
            .at(&["metadata", "managedFields"])
            .and_then(Node::as_seq)
            .unwrap_or_default();
        let text = |n: &Node, key: &str| n.get(key).and_then(Node::as_str).unwrap_or_default().to_owned();
        let owner = |entry: &Node| {
            let manager = Manager {
                name: text(entry, "manager"),
                subresource: text(entry, "subresource"),
                applies: text(entry, "operation") == "Apply",
            };
            (manager, entry.get("fieldsV1").cloned().unwrap_or_default())
        };
        Self(entries.iter().map(owner).collect())
    }

    /// The managers that own what is at a place, or something below it.
    pub fn at(&self, path: &[Step]) -> Vec<&Manager> {
        self.0
            .iter()
            .filter(|(_, fields)| owns(fields, path))
            .map(|(manager, _)| manager)
            .collect()
    }
}

fn owns(fields: &Node, path: &[Step]) -> bool {
    let Some(map) = fields.as_map() else { return false };
    // A leaf of the set is owned whole, whatever is below it.
    let leaf = map.is_empty();
    let Some((step, rest)) = path.split_first() else {
        return true;
    };
    leaf || match step {
        Step::Key(key) => map.get(&format!("f:{key}")).is_some_and(|f| owns(f, rest)),
        Step::Value(value) => map
            .iter()
            .any(|(k, _)| k.strip_prefix("v:") == Some(&format!("{value:?}"))),
        Step::Index(index) => map.get(&format!("i:{index}")).is_some_and(|f| owns(f, rest)),
        Step::Element(values) => map.iter().any(|(k, f)| is_element(k, values) && owns(f, rest)),
    }
}

/// Whether a key like `k:{"containerPort":80,"protocol":"TCP"}` names the element with these values among others.
fn is_element(key: &str, values: &[(crate::value::Str, crate::value::Str)]) -> bool {
    let Some(page) = key.strip_prefix("k:") else {
        return false;
    };
    let Ok(parsed) = super::json::parse(page.as_bytes()) else {
        return false;
    };
    let keys = parsed.as_map().cloned().unwrap_or_else(Map::new);
    let same = |(name, value): &(crate::value::Str, crate::value::Str)| {
        keys.get(name).is_none_or(|n| {
            n.as_str()
                .map_or_else(|| n.as_int().map(|i| i.to_string()), |s| Some(s.to_owned()))
                .as_deref()
                == Some(value)
        })
    };
    !keys.is_empty() && values.iter().all(same) && values.iter().any(|(name, _)| keys.contains_key(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_found_by_place() {
        let page = br#"{"metadata": {"managedFields": [
            {"manager": "a", "operation": "Apply", "fieldsV1": {"f:spec": {"f:replicas": {}, "f:args": {},
              "f:containers": {"k:{\"name\":\"x\"}": {".": {}, "f:image": {}}}}}},
            {"manager": "hpa", "operation": "Update", "subresource": "scale", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
            {"manager": "c", "operation": "Update", "fieldsV1": {"f:metadata": {"f:finalizers": {"v:\"q\"": {}}}}}]}}"#;
        let owners = Owners::of(&super::super::json::parse(page).unwrap());
        let key = |k: &str| Step::Key(k.into());
        let names = |path: &[Step]| owners.at(path).iter().map(|m| m.title()).collect::<Vec<_>>();
        assert_eq!(names(&[key("spec"), key("replicas")]), ["a", "hpa (scale)"]);
        let element = Step::Element(vec![("name".into(), "x".into())]);
        assert_eq!(
            names(&[key("spec"), key("containers"), element.clone(), key("image")]),
            ["a"]
        );
        assert_eq!(
            names(&[key("spec"), key("containers"), element, key("tty")]),
            [""; 0]
        );
        assert_eq!(names(&[key("spec"), key("args"), Step::Index(3)]), ["a"]);
        assert_eq!(
            names(&[key("metadata"), key("finalizers"), Step::Value("q".into())]),
            ["c"]
        );
        assert_eq!(names(&[key("spec"), key("none")]), [""; 0]);
    }
}
