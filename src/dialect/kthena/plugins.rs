//! Plugins: what changes pods right before they are made (`pkg/model-serving-controller/plugins`).

use super::codes::PLUGIN;
use super::options::{PLUGINS, Platform};
use super::read::{ModelServing, Plugin};
use crate::kubernetes::hash::sha1;
use crate::pods::{Pod, Problem};
use crate::value::{Map, Node, Str};

/// The plugins of a ModelServing that do something, in order.
#[derive(Debug, Default)]
pub struct Chain<'a> {
    links: Vec<Link<'a>>,
}

#[derive(Debug)]
struct Link<'a> {
    plugin: &'a Plugin,
    effect: Effect<'a>,
}

#[derive(Debug)]
enum Effect<'a> {
    /// `demo-pod-tweaks`.
    Tweaks {
        runtime_class: Option<&'a Node>,
        annotations: Option<&'a Map>,
        env: &'a [Node],
    },
    /// `lws-standard-labels`, for the LeaderWorkerSet of this name.
    Labels(Str),
}

impl<'a> Chain<'a> {
    /// The chain, or what stops the controller from building it, and so from making any pod.
    pub fn build(serving: &'a ModelServing, platform: &Platform) -> Result<Self, Problem> {
        let mut links = Vec::new();
        for plugin in &serving.plugins {
            let effect = match plugin.name.value.as_str() {
                "demo-pod-tweaks" => Some(tweaks(plugin)?),
                "lws-standard-labels" => owner(serving).map(Effect::Labels),
                name => {
                    let more = platform.plugins.iter().flatten();
                    let mut known = more.map(|p| p.value.as_str()).chain(PLUGINS.iter().copied());
                    if !known.any(|known| known == name) {
                        let reason = format!(
                            "no plugin is called `{name}`: no pod is made, and only the controller's log says so"
                        );
                        return Err(Problem::new(&PLUGIN, reason, &plugin.name.ids));
                    }
                    None
                }
            };
            links.extend(effect.map(|effect| Link { plugin, effect }));
        }
        Ok(Self { links })
    }

    fn running<'b>(&'b self, role: &'b str, entry: bool) -> impl Iterator<Item = &'b Effect<'a>> {
        let runs = move |plugin: &Plugin| {
            let target = plugin.target.value.as_str();
            let one = if entry { "Entry" } else { "Worker" };
            (plugin.roles.is_empty() || plugin.roles.iter().any(|r| r == role))
                && ["", "All", one].contains(&target)
        };
        self.links
            .iter()
            .filter(move |l| runs(l.plugin))
            .map(|l| &l.effect)
    }

    /// The variables that are appended to the containers of a pod.
    pub fn env(&self, role: &str, entry: bool) -> Vec<Node> {
        let of = |effect: &Effect<'a>| match effect {
            Effect::Tweaks { env, .. } => env.to_vec(),
            Effect::Labels(_) => Vec::new(),
        };
        self.running(role, entry).flat_map(of).collect()
    }

    /// Everything but the variables.
    pub fn change(&self, pod: &mut Pod) {
        let (role, entry) = (pod.role.clone(), pod.index == 0);
        for effect in self.running(&role, entry) {
            match effect {
                Effect::Tweaks {
                    runtime_class,
                    annotations,
                    ..
                } => {
                    if let Some(class) = runtime_class {
                        pod.spec.set("runtimeClassName", (*class).clone());
                    }
                    for (key, value) in annotations.iter().flat_map(|a| a.iter()) {
                        pod.annotations.insert(key.clone(), value.clone());
                    }
                }
                Effect::Labels(set) => {
                    let mut label = |key: &str, value: String| {
                        pod.labels
                            .insert(format!("leaderworkerset.sigs.k8s.io/{key}"), value);
                    };
                    label("name", set.to_string());
                    label("group-index", pod.slice.to_string());
                    label("worker-index", pod.index.to_string());
                    label("group-key", sha1(&format!("{set}-{}", pod.slice)));
                }
            }
        }
    }
}

/// The configuration of `demo-pod-tweaks`. One of other types cannot be decoded, and no pod is made.
fn tweaks(plugin: &Plugin) -> Result<Effect<'_>, Problem> {
    let config = &plugin.config;
    let wrong = |node: &Node, what: &str| {
        let reason =
            format!("the configuration of `demo-pod-tweaks` cannot be read, so no pod is made: {what}");
        Problem::new(&PLUGIN, reason, &node.ids)
    };
    if !config.is_null() && config.as_map().is_none() {
        return Err(wrong(config, "it is no mapping"));
    }
    let field = |key: &str| config.get(key).filter(|n| !n.is_null());
    let (class, annotations, env) = (field("runtimeClassName"), field("annotations"), field("env"));
    if let Some(node) = class.filter(|n| n.as_str().is_none()) {
        return Err(wrong(node, "`runtimeClassName` is no string"));
    }
    if let Some(node) = annotations {
        let fits = node
            .as_map()
            .is_some_and(|map| map.iter().all(|(_, v)| v.as_str().is_some()));
        if !fits {
            return Err(wrong(node, "`annotations` is no mapping of strings"));
        }
    }
    if let Some(node) = env {
        let named = |e: &Node| {
            e.as_map()
                .is_some_and(|map| map.get("value").is_none_or(|v| v.as_str().is_some()))
        };
        if !node.as_seq().is_some_and(|list| list.iter().all(named)) {
            return Err(wrong(node, "`env` is no list of variables"));
        }
    }
    Ok(Effect::Tweaks {
        runtime_class: class.filter(|c| c.as_str() != Some("")),
        annotations: annotations.and_then(Node::as_map),
        env: env.and_then(Node::as_seq).unwrap_or_default(),
    })
}

/// The LeaderWorkerSet that a ModelServing was made of.
fn owner(serving: &ModelServing) -> Option<Str> {
    let owners = serving.root.at(&["metadata", "ownerReferences"])?.as_seq()?;
    let set = owners
        .iter()
        .find(|o| o.get("kind").and_then(Node::as_str) == Some("LeaderWorkerSet"))?;
    set.get("name")
        .and_then(Node::as_str)
        .filter(|n| !n.is_empty())
        .map(Str::from)
}
