//! The order in which the components of an instance start.

use super::super::read::Component;
use super::super::verdicts::keys;
use crate::value::Node;
use serde_json::Value as Json;

/// What a component waits for, and what it outlives.
struct Waits {
    start: Vec<String>,
    delete: Vec<String>,
}

/// The annotation of a component that says what it waits for.
pub fn annotation<'a>(component: &'a Component, template: &'a Node) -> Option<&'a Node> {
    let own = component.annotations.get(keys::DEPENDS_ON);
    let found = own.or_else(|| template.at(&["metadata", "annotations", keys::DEPENDS_ON]));
    found.filter(|n| n.as_str().is_some_and(|t| !t.is_empty()))
}

/// The language's word for the order, if it has one: the first component before all others, or behind them. The annotations
/// stay in the templates.
pub fn order(components: &[(&Component, &Node)]) -> Option<Node> {
    let mut ids = crate::value::Ids::none();
    let mut all: Vec<Waits> = Vec::new();
    for (component, template) in components {
        let node = annotation(component, template);
        let waits = node.map_or_else(|| Some(none()), |n| parse(n.as_str().unwrap_or_default()))?;
        ids.merge(&node.map(|n| n.ids.clone()).unwrap_or_default());
        all.push(waits);
    }
    let names: Vec<&str> = components.iter().map(|(c, _)| c.name.value.as_str()).collect();
    let (first, others) = all.split_first()?;
    if others.is_empty() || all.iter().any(|w| !w.delete.is_empty()) {
        return None;
    }
    let behind = others.iter().all(|w| w.start == [names[0]]) && first.start.is_empty();
    let mut wanted = first.start.clone();
    wanted.sort_unstable();
    let mut rest: Vec<&str> = names[1..].to_vec();
    rest.sort_unstable();
    let before = others.iter().all(|w| w.start.is_empty()) && wanted == rest;
    let word = match (behind, before) {
        (true, _) => "leaderFirst",
        (_, true) => "workersFirst",
        _ => return None,
    };
    Some(Node::derived(word, &ids))
}

fn none() -> Waits {
    Waits {
        start: Vec::new(),
        delete: Vec::new(),
    }
}

fn parse(text: &str) -> Option<Waits> {
    let config: Json = serde_json::from_str(text).ok()?;
    let names = |key: &str| {
        let list = config.get(key).and_then(Json::as_array);
        let names = list.into_iter().flatten().filter_map(Json::as_str);
        names.map(str::to_owned).collect()
    };
    Some(Waits {
        start: names("startAfter"),
        delete: names("deleteAfter"),
    })
}
