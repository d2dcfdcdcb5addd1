//! Names that controllers inject become questions that every target answers.
//!
//! Command lines and scripts stay as they are written. A variable that the source injects and that a container uses is defined
//! in the container by what it asks (`LWS_LEADER_ADDRESS: $(infer.leader)`); a target that injects the same leaves the
//! definition out, others answer it by their own means. Labels read by the downward API become values in the same way.

use super::codes::{OWN_NAME, RESOLVED};
use super::{template_members, templates_mut};
use crate::diagnostic::{Diagnostic, Outcome};
use crate::dialect::Dialect;
use crate::dialect::lifting::{Draft, Given, Means, Rendezvous};
use crate::plan::variables;
use crate::source::Document;
use crate::value::{Ids, Map, Node, Reference, Str, Value};

/// Translates the names in all templates of a draft.
pub fn raise(draft: &mut Draft, dialect: &dyn Dialect, documents: &[Document]) {
    let roles = draft.serving.at(&["spec", "roles"]).and_then(Node::as_seq);
    let table = |role: &Node| -> Vec<Rendezvous> {
        let members = template_members(role).into_iter();
        members.map(|m| dialect.rendezvous_of(draft, role, m)).collect()
    };
    let tables: Vec<Vec<Rendezvous>> = roles.unwrap_or_default().iter().map(table).collect();
    let mut lost = Vec::new();
    let roles = draft.serving.at_mut(&["spec", "roles"]).seq_mut();
    for (role, tables) in roles.iter_mut().zip(&tables) {
        for (template, table) in templates_mut(role).into_iter().zip(tables) {
            self::template(template, table, documents, &mut lost);
        }
    }
    for added in &mut draft.added {
        if let Some(table) = tables.get(added.role).and_then(|t| t.first()) {
            self::template(&mut added.template, table, documents, &mut lost);
        }
    }
    draft
        .broken
        .extend(lost.into_iter().map(|(ids, said)| said.at_ids(&ids)));
}

fn template(
    template: &mut Node,
    table: &Rendezvous,
    documents: &[Document],
    lost: &mut Vec<(Ids, Diagnostic)>,
) {
    let scripts = scripts(template, documents);
    for list in ["initContainers", "containers"] {
        let spec = template
            .map_mut()
            .get_mut("spec")
            .filter(|s| s.as_map().is_some());
        let list = spec.and_then(|s| s.map_mut().get_mut(list));
        let Some(Value::Seq(containers)) = list.map(|l| &mut l.value) else {
            continue;
        };
        for container in containers {
            Raise {
                table,
                scripts: &scripts,
                lost: &mut *lost,
            }
            .container(container);
        }
    }
}

/// The texts of ConfigMaps of the input that the pods mount or take variables from.
fn scripts(template: &Node, documents: &[Document]) -> Vec<Str> {
    let mut names: Vec<Str> = Vec::new();
    template.walk(&mut |node| {
        for key in ["configMap", "configMapRef", "configMapKeyRef"] {
            if let Some(name) = node.at(&[key, "name"]).and_then(Node::as_str) {
                names.push(name.into());
            }
        }
    });
    let mut texts = Vec::new();
    for document in documents {
        let text = |path: &[&str]| document.root.at(path).and_then(Node::as_str).unwrap_or_default();
        let named = names.iter().any(|n| n == text(&["metadata", "name"]));
        if text(&["kind"]) == "ConfigMap"
            && named
            && let Some(data) = document.root.get("data")
        {
            data.walk(&mut |n| texts.extend(n.as_str().map(Str::from)));
        }
    }
    texts
}

struct Raise<'a> {
    table: &'a Rendezvous,
    scripts: &'a [Str],
    lost: &'a mut Vec<(Ids, Diagnostic)>,
}

impl Raise<'_> {
    fn container(&mut self, container: &mut Node) {
        if container.as_map().is_none() {
            return;
        }
        self.fields(container);
        self.composed(container);
        self.direct(container);
        self.aliases(container);
        let mut definitions = Vec::new();
        for given in &self.table.variables {
            let used = uses(container, given.name) || self.scripts.iter().any(|s| mentions(s, given.name));
            if !used || defines(container, given.name) {
                continue;
            }
            match &given.means {
                Means::Asks(reference) => {
                    // What a target cannot answer is said where it is used.
                    let asked = Node::derived(variables::write(reference), &places(container, given.name));
                    definitions.push(variable(given.name, asked));
                }
                Means::Text(text) => definitions.push(variable(given.name, text.clone().into())),
                Means::Own(what) => {
                    let ids = places(container, given.name);
                    self.lost.push((ids, own(given.name, what)));
                }
            }
        }
        for given in &self.table.fields {
            let ids = command_places(container, given.name);
            if !ids.is_empty() {
                self.lost.push((ids, own(given.name, "a label of its pods")));
            }
        }
        if !definitions.is_empty() {
            let env = container.map_mut().entry_map("env");
            let own = std::mem::take(env.seq_mut());
            env.seq_mut().extend(definitions.into_iter().chain(own));
        }
    }

    /// Variables that read a label or annotation of the controllers.
    fn fields(&mut self, container: &mut Node) {
        let Some(Value::Seq(env)) = container.map_mut().get_mut("env").map(|e| &mut e.value) else {
            return;
        };
        for entry in env {
            let path = entry.at(&["valueFrom", "fieldRef", "fieldPath"]);
            let Some(name) = path.and_then(Node::as_str).and_then(field_name) else {
                continue;
            };
            let Some(Given { name, means }) = self.table.fields.iter().find(|g| g.name == name) else {
                continue;
            };
            let value: Node = match means {
                Means::Asks(reference) => variables::write(reference).into(),
                Means::Text(text) => text.clone().into(),
                Means::Own(what) => {
                    self.lost.push((entry.all_ids(), own(name, what)));
                    continue;
                }
            };
            let ids = entry.get("valueFrom").map(Node::all_ids).unwrap_or_default();
            entry.map_mut().remove("valueFrom");
            entry.set("value", Node::derived(value, &ids));
        }
    }

    /// Texts that hold several variables.
    fn composed(&mut self, container: &mut Node) {
        let mut needed: Vec<(Str, Reference)> = Vec::new();
        for key in [
            "env",
            "command",
            "args",
            "lifecycle",
            "livenessProbe",
            "readinessProbe",
            "startupProbe",
        ] {
            let Some(part) = container.map_mut().get_mut(key) else {
                continue;
            };
            part.walk_mut(&mut |node| {
                let Value::Str(text) = &node.value else { return };
                let mut text = text.to_string();
                for composed in &self.table.composed {
                    let kubelet = composed.text.as_str();
                    if let Some(now) = replaced(&text, kubelet, &variables::write(&composed.asks)) {
                        text = now;
                    }
                    for shell in shell_forms(kubelet) {
                        let name = name_of(&composed.asks);
                        if let Some(now) = replaced(&text, &shell, &format!("${{{name}}}")) {
                            text = now;
                            if !needed.iter().any(|(n, _)| *n == name) {
                                needed.push((name, composed.asks.clone()));
                            }
                        }
                    }
                }
                if node.as_str() != Some(text.as_str()) {
                    node.value = Value::Str(text.into());
                    let said = Diagnostic::new(&RESOLVED, "the name of a pod or Service is resolved anew");
                    self.lost.push((node.ids.clone(), said.outcome(Outcome::Moved)));
                }
            });
        }
        if !needed.is_empty() {
            let definitions = needed
                .into_iter()
                .map(|(name, asks)| variable(&name, variables::write(&asks).into()));
            let env = container.map_mut().entry_map("env");
            let own = std::mem::take(env.seq_mut());
            env.seq_mut().extend(definitions.chain(own));
        }
    }

    /// `$(NAME)` in command lines, where the source answers the question by the same text.
    fn direct(&self, container: &mut Node) {
        if !self.table.direct {
            return;
        }
        let own: Vec<&Given> = {
            let all = self.table.variables.iter();
            all.filter(|g| !defines(container, g.name)).collect()
        };
        for key in ["command", "args"] {
            let Some(words) = container.map_mut().get_mut(key) else {
                continue;
            };
            words.walk_mut(&mut |node| {
                let Value::Str(text) = &node.value else { return };
                let mut text = text.to_string();
                for Given { name, means } in &own {
                    let (Means::Asks(reference), expansion) = (means, format!("$({name})")) else {
                        continue;
                    };
                    // `$$(NAME)` is no expansion.
                    if text.contains(&expansion) && !text.contains(&format!("${expansion}")) {
                        text = text.replace(&expansion, &variables::write(reference));
                    }
                }
                if node.as_str() != Some(text.as_str()) {
                    node.value = Value::Str(text.into());
                }
            });
        }
    }

    /// Variables that are another name for an injected one.
    fn aliases(&mut self, container: &mut Node) {
        let Some(Value::Seq(env)) = container.map_mut().get_mut("env").map(|e| &mut e.value) else {
            return;
        };
        for entry in env {
            let Some(value) = entry.map_mut().get_mut("value") else {
                continue;
            };
            let name = value
                .as_str()
                .and_then(|v| v.strip_prefix("$(")?.strip_suffix(')'));
            let given = name.and_then(|name| self.table.variables.iter().find(|g| g.name == name));
            match given.map(|g| &g.means) {
                Some(Means::Asks(reference)) => {
                    value.value = Value::Str(variables::write(reference).into());
                }
                Some(Means::Text(text)) => value.value = Value::Str(text.clone()),
                _ => {}
            }
        }
    }
}

/// A text with a name replaced wherever it stands for itself, and is no part of a longer one. Nothing if it does so nowhere.
fn replaced(text: &str, name: &str, by: &str) -> Option<String> {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let bounded = (name.starts_with(part), name.ends_with(part));
    let (mut out, mut done) = (String::new(), 0);
    for (at, _) in text.match_indices(name) {
        let before = text[..at].chars().next_back();
        let after = text[at + name.len()..].chars().next();
        let inside =
            bounded.0 && before.is_some_and(|c| part(c) || c == '.') || bounded.1 && after.is_some_and(part);
        if !inside {
            out.push_str(&text[done..at]);
            out.push_str(by);
            done = at + name.len();
        }
    }
    out.push_str(&text[done..]);
    (done > 0).then_some(out)
}

fn own(name: &str, what: &str) -> Diagnostic {
    Diagnostic::new(
        &OWN_NAME,
        format!("`{name}` is set by the source's controllers only: {what}"),
    )
    .outcome(Outcome::Dropped)
    .remedy("set the variable in the template, or change the process to do without it")
}

/// The variable that holds an answer, where a script needs one.
fn name_of(reference: &Reference) -> Str {
    match reference {
        Reference::Leader => "INFER_LEADER_ADDRESS".into(),
        Reference::Rank { times: 1 } => "INFER_RANK".into(),
        Reference::Rank { times } => format!("INFER_RANK_TIMES_{times}").into(),
        Reference::Size => "INFER_SIZE".into(),
        Reference::Namespace => "INFER_NAMESPACE".into(),
        Reference::Peers { .. } => "INFER_PEERS".into(),
        Reference::Service { role } => shouted("INFER_SERVICE_", role),
        Reference::Address { role, replica, rank } => {
            shouted("INFER_ADDRESS_", &format!("{role}_{replica}_{rank}"))
        }
        Reference::Selector { role, .. } => shouted("INFER_SELECTOR_", role),
    }
}

fn shouted(prefix: &str, name: &str) -> Str {
    format!("{prefix}{}", name.to_ascii_uppercase().replace('-', "_")).into()
}

/// `$(A)-$(B)` as scripts write it: `${A}-${B}` and `$A-$B`.
fn shell_forms(kubelet: &str) -> [String; 2] {
    let mut forms = [String::new(), String::new()];
    let mut rest = kubelet;
    while let Some(start) = rest.find("$(") {
        let Some(end) = rest[start..].find(')') else { break };
        let name = &rest[start + 2..start + end];
        forms[0].push_str(&format!("{}${{{name}}}", &rest[..start]));
        forms[1].push_str(&format!("{}${name}", &rest[..start]));
        rest = &rest[start + end + 1..];
    }
    forms.iter_mut().for_each(|f| f.push_str(rest));
    forms
}

fn variable(name: &str, value: Node) -> Node {
    Map::from_iter([("name", Node::from(name)), ("value", value)]).into()
}

/// The label or annotation that a field path reads.
fn field_name(path: &str) -> Option<&str> {
    let rest = path
        .strip_prefix("metadata.labels['")
        .or(path.strip_prefix("metadata.annotations['"))?;
    rest.strip_suffix("']")
}

fn defines(container: &Node, name: &str) -> bool {
    let env = container.get("env").and_then(Node::as_seq).unwrap_or_default();
    env.iter()
        .any(|e| e.get("name").and_then(Node::as_str) == Some(name))
}

fn uses(container: &Node, name: &str) -> bool {
    let mut found = false;
    container.walk(&mut |n| found |= n.as_str().is_some_and(|s| mentions(s, name)));
    found
}

/// Where a name is used.
fn places(container: &Node, name: &str) -> Ids {
    let mut ids = Ids::none();
    container.walk(&mut |n| {
        if n.as_str().is_some_and(|s| mentions(s, name)) {
            ids.merge(&n.ids);
        }
    });
    ids
}

/// Where a label is named in command lines and values, as selectors do.
fn command_places(container: &Node, name: &str) -> Ids {
    let mut ids = Ids::none();
    for key in ["command", "args"] {
        if let Some(words) = container.get(key) {
            ids.merge(&places(words, name));
        }
    }
    for entry in container.get("env").and_then(Node::as_seq).unwrap_or_default() {
        if let Some(value) = entry.get("value") {
            ids.merge(&places(value, name));
        }
    }
    ids
}

/// Whether a text holds a name as a word of its own.
fn mentions(text: &str, name: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + name.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}
