//! Containers of several members made into one.

use super::script::{Script, below, branches};
use super::{Merger, Parts, absorbed, agree, children, elements, identical, keys, names, origins, present};
use crate::kubernetes::container::list;
use crate::kubernetes::names::is_extended_resource;
use crate::kubernetes::podspec::{Strategy, Type};
use crate::kubernetes::quantity::Quantity;
use crate::value::{Ids, Map, Node, Str};

/// Fields with a rule of their own.
const OWN: &[&str] = &[
    "name",
    "command",
    "args",
    "env",
    "resources",
    "startupProbe",
    "readinessProbe",
    "livenessProbe",
];

/// What a member runs in a container.
enum Body {
    /// A command line, as words.
    Exec(Vec<Node>),
    /// A script, and the shell that reads it.
    Script { shell: Node, script: Node },
    /// Nothing: the member has no such container.
    Nothing,
}

/// The variables of one member that are no longer in the template.
type Own = Vec<(Str, Node)>;

impl Merger<'_> {
    pub(super) fn containers(&mut self, lists: &Parts<'_>, path: &str) -> Option<Node> {
        let init = path.ends_with("initContainers");
        let mut merged: Vec<Node> = Vec::new();
        for name in names(lists, "name") {
            let same = elements(lists, "name", &name);
            let at = format!("{path}[{}]", name.as_str().unwrap_or_default());
            merged.extend(if identical(&same) {
                absorbed(&same)
            } else {
                self.container(&same, &at, init)
            });
        }
        Some(merged.into())
    }

    fn container(&mut self, parts: &Parts<'_>, path: &str, init: bool) -> Option<Node> {
        let object = Type::Container.object()?;
        let mut merged = Map::new();
        merged.insert_some("name", absorbed(&children(parts, "name")));
        let runs_on = init && !present(parts).iter().any(|c| c.get("restartPolicy").is_some());
        self.process(parts, path, runs_on, &mut merged);
        for key in keys(parts).into_iter().filter(|k| !OWN.contains(&k.as_str())) {
            // A container that only some members have is what those say; the others run it idle.
            let nodes: Vec<Option<&Node>> = parts.iter().flatten().map(|n| n.get(&key)).collect();
            let field = object.field(&key);
            let strategy = field.map_or(Strategy::Default, |f| f.strategy);
            let value = self.value(&nodes, field.map(|f| &f.kind), strategy, &format!("{path}.{key}"));
            merged.insert_some(key, value);
        }
        merged.insert_some("resources", self.resources(&children(parts, "resources"), path));
        let ports = merged.get("ports").cloned().unwrap_or_default();
        for key in ["startupProbe", "readinessProbe", "livenessProbe"] {
            merged.insert_some(
                key,
                self.probe(&children(parts, key), &ports, &format!("{path}.{key}")),
            );
        }
        let mut node = Node::from(in_order(merged, &keys(parts)));
        present(parts).into_iter().for_each(|n| node.decided_by(&n.ids));
        Some(node)
    }

    /// Command, arguments and environment.
    fn process(&mut self, parts: &Parts<'_>, path: &str, ends: bool, merged: &mut Map) {
        let lines_agree = ["command", "args"]
            .iter()
            .all(|key| identical(&children(parts, key)));
        let scripted = present(parts).iter().all(|c| !list(c, "command").is_empty());
        let (env, own) = self.environment(parts, scripted, path);
        let everywhere = parts.iter().all(Option::is_some);
        if lines_agree && everywhere && own.iter().all(Vec::is_empty) {
            for key in ["command", "args"] {
                merged.insert_some(key, absorbed(&children(parts, key)));
            }
        } else if scripted {
            let ids = ["command", "args"].iter().fold(Ids::none(), |ids, key| {
                present(&children(parts, key))
                    .iter()
                    .fold(ids, |ids, n| ids.union(&n.ids))
            });
            let (shell, mut script) = self.script(parts, &own, ends);
            script.from(&ids);
            merged.insert("command", vec![shell, "-c".into()]);
            merged.insert("args", vec![script.into_node()]);
        } else {
            for key in ["command", "args"] {
                let nodes = children(parts, key);
                let value = if identical(&nodes) && everywhere {
                    absorbed(&nodes)
                } else {
                    self.conflict(&nodes, &format!("{path}.{key}"))
                };
                merged.insert_some(key, value);
            }
        }
        if !env.is_empty() {
            merged.insert("env", env);
        }
    }

    /// The variables that all members have alike, and those that each sets for itself before its process starts.
    fn environment(&mut self, parts: &Parts<'_>, scripted: bool, path: &str) -> (Vec<Node>, Vec<Own>) {
        let lists = children(parts, "env");
        let (mut common, mut own): (Vec<Node>, Vec<Own>) =
            (Vec::new(), parts.iter().map(|_| Vec::new()).collect());
        for name in names(&lists, "name") {
            let entries = elements(&lists, "name", &name);
            let word: Str = name.as_str().unwrap_or_default().into();
            let lacking = parts
                .iter()
                .zip(&entries)
                .any(|(c, e)| c.is_some() && e.is_none());
            let plain = present(&entries).iter().all(|e| e.get("value").is_some());
            let at = format!("{path}.env[{word}]");
            if agree(&entries) && !lacking {
                common.extend(absorbed(&entries));
            } else if scripted && plain && !used(parts, &word) {
                for (own, entry) in own.iter_mut().zip(&entries) {
                    let value =
                        entry.and_then(|e| Some(Node::derived(e.get("value")?.clone(), &e.all_ids())));
                    own.extend(value.map(|v| (word.clone(), v)));
                }
            } else if agree(&entries) {
                self.widen(&at, &entries);
                common.extend(absorbed(&entries));
            } else {
                common.extend(self.conflict(&entries, &at));
            }
        }
        (common, own)
    }

    /// One script for all members, and the shell that reads it.
    fn script(&self, parts: &Parts<'_>, own: &[Own], ends: bool) -> (Node, Script) {
        let bodies: Vec<Body> = parts.iter().map(|p| body(*p)).collect();
        let shell = bodies.iter().find_map(|b| match b {
            Body::Script { shell, .. } if shell.as_str().is_some_and(|s| s.ends_with("bash")) => {
                Some(shell.clone())
            }
            _ => None,
        });
        let shell = shell.unwrap_or_else(|| "/bin/sh".into());
        if let ([Body::Exec(first), Body::Exec(rest)], true) =
            (bodies.as_slice(), own.iter().all(Vec::is_empty))
            && let Some(script) = self.one_line(first, rest)
        {
            return (shell, script);
        }
        let scripts = bodies
            .iter()
            .zip(own)
            .map(|(body, own)| branch(body, own, ends))
            .collect();
        (shell, branches(self.rank, &self.ends(), scripts))
    }

    /// Two command lines that differ in one place: what differs goes into the shell's own arguments.
    fn one_line(&self, first: &[Node], rest: &[Node]) -> Option<Script> {
        let shorter = first.len().min(rest.len());
        let head = first.iter().zip(rest).take_while(|(a, b)| a == b).count();
        let tail = first
            .iter()
            .rev()
            .zip(rest.iter().rev())
            .take(shorter - head)
            .take_while(|(a, b)| a == b)
            .count();
        let (a, b) = (&first[head..first.len() - tail], &rest[head..rest.len() - tail]);
        if head == 0 || a.len() + b.len() > shorter {
            return None;
        }
        let test = below(self.rank, self.ends()[0]);
        let mut script = Script::default();
        match (a, b) {
            ([], b) => script.raw(&format!("{test} || set --")).words(b),
            (a, []) => script.raw(&format!("{test} && set --")).words(a),
            (a, b) => script
                .raw(&format!("if {test}; then set --"))
                .words(a)
                .raw("; else set --")
                .words(b)
                .raw("; fi"),
        };
        let united = |at: usize, other: usize| {
            let mut word = first[at].clone();
            word.absorb(&rest[other]);
            word
        };
        let before: Vec<Node> = (0..head).map(|i| united(i, i)).collect();
        let after: Vec<Node> = (0..tail)
            .map(|i| united(first.len() - tail + i, rest.len() - tail + i))
            .collect();
        script
            .raw("\nexec")
            .command_line(&before, "  ")
            .raw(if Script::long(&before) {
                " \\\n  \"$@\""
            } else {
                " \"$@\""
            })
            .command_line(&after, "  ");
        Some(script)
    }

    /// Requests and limits: accelerators must agree, of everything else the larger amount.
    fn resources(&mut self, parts: &Parts<'_>, path: &str) -> Option<Node> {
        if identical(parts) {
            return absorbed(parts);
        }
        let mut merged = Map::new();
        for key in keys(parts) {
            let nodes = children(parts, &key);
            let at = format!("{path}.resources.{key}");
            let value = if matches!(key.as_str(), "limits" | "requests") {
                self.amounts(&nodes, &at)
            } else if identical(&nodes) {
                absorbed(&nodes)
            } else {
                self.conflict(&nodes, &at)
            };
            merged.insert_some(key, value);
        }
        let mut node = Node::from(merged);
        present(parts).into_iter().for_each(|n| node.decided_by(&n.ids));
        Some(node)
    }

    fn amounts(&mut self, parts: &Parts<'_>, path: &str) -> Option<Node> {
        let mut merged = Map::new();
        for resource in keys(parts) {
            let amounts = children(parts, &resource);
            let value = if identical(&amounts) {
                absorbed(&amounts)
            } else if is_extended_resource(&resource) {
                self.conflict(&amounts, &format!("{path}[{resource}]"))
            } else {
                let nodes = present(&amounts);
                let size = |n: &&Node| Quantity::from_node(n).ok();
                let most = nodes
                    .iter()
                    .copied()
                    .max_by(|a, b| size(a).partial_cmp(&size(b)).unwrap_or(std::cmp::Ordering::Equal));
                most.map(|n| Node::derived(n.clone(), &origins(&amounts)))
            };
            merged.insert_some(resource, value);
        }
        Some(Node::derived(
            merged,
            &present(parts)
                .iter()
                .fold(Ids::none(), |ids, n| ids.union(&n.ids)),
        ))
    }
}

/// The fields in the order in which the members have them; what is new follows the last field before it.
fn in_order(mut fields: Map, order: &[Str]) -> Map {
    let mut ordered = Map::new();
    for key in order {
        ordered.insert_some(key.clone(), fields.remove(key));
        if key == "command" {
            ordered.insert_some("args", fields.remove("args"));
        }
    }
    fields
        .into_iter()
        .for_each(|(key, value)| drop(ordered.insert(key, value)));
    ordered
}

/// What a container runs.
fn body(container: Option<&Node>) -> Body {
    let Some(container) = container else {
        return Body::Nothing;
    };
    let words: Vec<Node> = list(container, "command")
        .iter()
        .chain(list(container, "args"))
        .cloned()
        .collect();
    let is_shell = |n: &Node| {
        n.as_str()
            .is_some_and(|s| matches!(s.rsplit('/').next(), Some("sh" | "bash")))
    };
    match words.as_slice() {
        [shell, flag, script] if is_shell(shell) && flag.as_str() == Some("-c") => {
            let mut script = script.clone();
            script.decided_by(&shell.ids.union(&flag.ids));
            Body::Script {
                shell: shell.clone(),
                script,
            }
        }
        _ => Body::Exec(words),
    }
}

/// What a member does in its branch. `ends` says that the container is meant to end.
fn branch(body: &Body, own: &Own, ends: bool) -> Script {
    let mut script = Script::default();
    for (name, value) in own {
        script
            .raw(&format!("  export {name}="))
            .node(&crate::kubernetes::shell::shell_join(std::slice::from_ref(value)))
            .raw("\n");
    }
    match body {
        Body::Exec(words) => script.raw("  exec").command_line(words, "    "),
        Body::Script {
            shell: _,
            script: text,
        } => script.node(text),
        Body::Nothing if ends => script.raw("  :"),
        Body::Nothing => script.raw("  exec sleep infinity"),
    };
    script
}

/// Whether the kubelet would have to expand the variable somewhere in a container.
fn used(parts: &Parts<'_>, name: &str) -> bool {
    let needle = format!("$({name})");
    let mut found = false;
    for container in present(parts) {
        container.walk(&mut |n| {
            found |= match &n.value {
                crate::value::Value::Str(s) => s.contains(&needle),
                crate::value::Value::Text(pieces) => pieces
                    .iter()
                    .any(|p| matches!(p, crate::value::Piece::Literal(s) if s.contains(&needle))),
                _ => false,
            };
        });
    }
    found
}
