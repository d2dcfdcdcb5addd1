//! ModelServings that Kthena's controllers make of other objects: what is wrong with one is the end of its owner.

use super::codes::NOT_MADE;
use super::options::Platform;
use super::pods::{KIND, earlier, expand_read};
use super::{admit, read};
use crate::diagnostic::Ledger;
use crate::pods::scaling::autoscaled;
use crate::pods::{Child, Expansion, Scene};
use crate::source::Document;
use crate::value::{Ids, Node, Str};

/// A ModelServing that is made of another object.
#[derive(Debug)]
pub struct Made<'a> {
    /// The object.
    pub root: Node,
    /// Kind and name of what it is made of.
    pub owner: (&'static str, Str),
    /// Its namespace.
    pub namespace: Str,
    /// Where its owner is.
    pub ids: &'a Ids,
    /// Whether an autoscaler can change its replicas: not where its owner undoes that.
    pub scaled: bool,
}

/// The pods of it, which are its owner's, and the children, `siblings` among them.
pub fn expand(
    made: Made<'_>,
    siblings: impl IntoIterator<Item = Child>,
    scene: &Scene<'_>,
    platform: &Platform,
    expansion: &mut Expansion,
    ledger: &mut Ledger,
) {
    let Made {
        root,
        owner: (kind, owner),
        namespace,
        ids,
        scaled,
    } = made;
    let read = read::model_serving(&root, platform);
    let (mut serving, mut problems) = (read.object, read.problems);
    if problems.is_empty() {
        problems = admit::model_serving(&serving, platform);
    }
    let name = serving.name.value.clone();
    for problem in problems {
        let reason = format!(
            "the ModelServing `{name}` that Kthena makes of it is refused: {}",
            problem.reason
        );
        let at = if problem.ids.is_empty() { ids } else { &problem.ids };
        expansion.dead_end(&NOT_MADE, reason, at, ledger);
    }
    if !expansion.is_open() {
        return;
    }
    expansion.children.push(Child {
        api_version: "workload.serving.volcano.sh/v1alpha1".into(),
        kind: KIND.into(),
        name: name.clone(),
        owner: (kind.into(), owner),
        object: serving.root.clone(),
    });
    expansion.children.extend(siblings);
    if scaled {
        serving.replicas = autoscaled(scene, KIND, &name, &namespace, serving.replicas);
    }
    // All that the input writes down is made before what a controller makes of it.
    let before = earlier(&name, scene.of_kind(KIND, &namespace), platform);
    expand_read(&serving, &namespace, platform, &before, expansion, ledger);
}

/// A ModelServing of the input that has this name and is not of that kind's and name's making.
pub fn stranger<'a>(
    scene: &Scene<'a>,
    namespace: &str,
    name: &str,
    owner: (&str, &str),
) -> Option<&'a Document> {
    let named = |d: &&Document| d.root.at(&["metadata", "name"]).and_then(Node::as_str) == Some(name);
    let mut found = scene.of_kind(KIND, namespace).filter(named);
    found.find(|d| controller(&d.root) != Some(owner))
}

/// Kind and name of the controller of an object.
pub fn controller(root: &Node) -> Option<(&str, &str)> {
    let owners = root.at(&["metadata", "ownerReferences"])?.as_seq()?;
    let controls = |o: &&Node| o.get("controller").and_then(Node::as_bool) == Some(true);
    let owner = owners.iter().find(controls)?;
    Some((owner.get("kind")?.as_str()?, owner.get("name")?.as_str()?))
}
