//! References answered: from address expressions to what a dialect's controllers provide.
//!
//! A dialect says for each [`Reference`] how its pods can know the answer ([`Answer`]); this module puts the answers into
//! commands, arguments and environments. What the kubelet expands (`$(NAME)` of a variable that stands earlier in the
//! environment) stays an argument; what needs arithmetic or text operations moves the command into a shell.

use crate::diagnostic::{Code, Diagnostic, Ledger, Severity};
use crate::kubernetes::container::shell_quote;
use crate::value::{Ids, Map, Node, Piece, Reference, Str, Text, Value};

/// How a pod knows the answer to a reference.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// A text, known before anything runs.
    Literal(Str),
    /// A text in which the kubelet expands `$(NAME)`: injected variables.
    Expanded(Str),
    /// A field of the pod, through a variable of the container's own: name of the variable and field path. The text may
    /// use it as `$(NAME)`.
    Downward {
        /// Variables to add, each a name and a `fieldPath` of the downward API.
        variables: Vec<(Str, Str)>,
        /// The text, with `$(NAME)` where the variables go.
        text: Str,
    },
    /// An expression for a POSIX shell, to stand inside double quotes (`$((X + 1))`, `${X%-*}`).
    Shell(Str),
    /// The target has no answer; why.
    Unknown(Str),
}

/// Who asks: the coordinates of the pod template that holds the reference.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// The workload.
    pub serving: &'a super::Serving,
    /// The role.
    pub role: &'a super::Role,
    /// The member; absent when one template stands for all members.
    pub member: Option<&'a super::Member>,
}

impl Asker<'_> {
    /// The rank of the member's first pod in its replica.
    pub fn first_rank(&self) -> u32 {
        let Some(member) = self.member else { return 0 };
        let before = self
            .role
            .members
            .iter()
            .take_while(|m| m.name.value != member.name.value);
        before.map(|m| m.count.value).sum()
    }
}

/// What a dialect's controllers provide.
pub trait Answers {
    /// The answer to `reference` for the asking pods.
    fn answer(&self, reference: &Reference, asker: &Asker<'_>) -> Answer;

    /// The answer inside the value of an environment variable, where it differs: injected variables that stand last do not
    /// expand there.
    fn answer_in_environment(&self, reference: &Reference, asker: &Asker<'_>) -> Answer {
        self.answer(reference, asker)
    }

    /// Whether injected variables stand before the template's own, so that `$(NAME)` expands in values of the environment.
    fn injected_first(&self) -> bool;

    /// Whether the controllers set a variable of this name to this answer themselves: a variable of the template that says the
    /// same is left out.
    fn injects(&self, _name: &str, _reference: &Reference) -> bool {
        false
    }
}

/// No answer on the target.
pub const UNANSWERED: Code = Code {
    id: "INF4005",
    title: "address unknown on the target",
    severity: Severity::Error,
    explanation: "A process of the workload must learn an address, its rank or a size at run time, and the target's controllers \
                  provide nothing from which it follows. The reason says what is missing.\n\nChoose another target, or do without \
                  the reference. On Kthena workers have no DNS names: an engine whose leader must know all its workers \
                  (TensorRT-LLM over several nodes, `$(infer.peers)`) runs on lws, aibrix, grove or rbg; one whose workers look \
                  for their leader (vLLM, SGLang, `$(infer.leader)`) runs everywhere.",
};

/// A shell is needed where there is none.
pub const NEEDS_SHELL: Code = Code {
    id: "INF4006",
    title: "needs a shell",
    severity: Severity::Error,
    explanation: "On this target the value follows from an injected variable only by arithmetic or text operations, so the command \
                  must run in a shell. The container has no `command` of its own to put there (its image's entry point runs), or \
                  the value stands where none can run.\n\nWrite the container's `command`: it is then run by a shell that sets the \
                  variable.",
};

/// All codes of this area.
pub const CODES: &[&Code] = &[&UNANSWERED, &NEEDS_SHELL];

/// Answers all references in a pod template.
pub fn resolve(template: &mut Node, asker: &Asker<'_>, answers: &dyn Answers, ledger: &mut Ledger) {
    if let Some(Value::Map(spec)) = template.map_mut().get_mut("spec").map(|s| &mut s.value) {
        for list in ["initContainers", "containers"] {
            if let Some(Value::Seq(containers)) = spec.get_mut(list).map(|c| &mut c.value) {
                containers.iter_mut().for_each(|c| {
                    Resolver {
                        asker,
                        answers,
                        ledger,
                    }
                    .container(c)
                });
            }
        }
    }
    Resolver {
        asker,
        answers,
        ledger,
    }
    .rest(template);
}

/// Whether a variable says what controllers say under the same name, so that it can be left to them.
pub fn is_given(entry: &Node, injects: impl Fn(&str, &Reference) -> bool) -> bool {
    let name = entry.get("name").and_then(Node::as_str);
    let Some((name, Value::Text(text))) = name.zip(entry.get("value").map(|v| &v.value)) else {
        return false;
    };
    matches!(text.as_slice(), [Piece::Reference(reference)] if injects(name, reference))
}

struct Resolver<'a, 'b> {
    asker: &'a Asker<'a>,
    answers: &'a dyn Answers,
    ledger: &'b mut Ledger,
}

/// Where a text stands, which decides what can be written there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Argument,
    Environment,
    Elsewhere,
}

impl Resolver<'_, '_> {
    fn container(&mut self, container: &mut Node) {
        self.leave_to_controllers(container);
        let mut variables = Vec::new();
        let exports = self.exports(container, &mut variables);
        if let Some(Value::Seq(env)) = container.map_mut().get_mut("env").map(|e| &mut e.value) {
            for entry in env {
                if let Some(value) = entry.map_mut().get_mut("value") {
                    self.text(value, Place::Environment, &mut variables);
                }
            }
        }
        self.command_line(container, &exports, &mut variables);
        for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
            let Some(probe) = container.map_mut().get_mut(probe) else {
                continue;
            };
            probe.walk_mut(&mut |n| self.text(n, Place::Elsewhere, &mut Vec::new()));
        }
        add_variables(container, variables);
    }

    /// Takes out the variables that the controllers set to the same themselves.
    fn leave_to_controllers(&self, container: &mut Node) {
        let Some(list) = container.map_mut().get_mut("env") else {
            return;
        };
        let Value::Seq(env) = &mut list.value else { return };
        let (before, mut ids) = (env.len(), Ids::none());
        env.retain(|entry| {
            let given = is_given(entry, |name, reference| self.answers.injects(name, reference));
            if given {
                ids.merge(&entry.all_ids());
            }
            !given
        });
        let emptied = env.is_empty() && before > 0;
        list.decided_by(&ids);
        if emptied {
            let ids = list.ids.clone();
            container.map_mut().remove("env");
            container.decided_by(&ids);
        }
    }

    /// Takes out the variables whose values need a shell, and those made of them: the shell that runs the command sets them.
    fn exports(&mut self, container: &mut Node, variables: &mut Vec<(Str, Str)>) -> Vec<Export> {
        let command = container.get("command").and_then(Node::as_seq);
        if command.is_none_or(<[Node]>::is_empty) {
            return Vec::new();
        }
        let Some(Value::Seq(env)) = container.map_mut().get_mut("env").map(|e| &mut e.value) else {
            return Vec::new();
        };
        let mut exports: Vec<Export> = Vec::new();
        let mut kept = Vec::new();
        for entry in std::mem::take(env) {
            let name = entry.get("name").and_then(Node::as_str).map(Str::from);
            let script = entry
                .get("value")
                .and_then(|v| self.exported(v, &exports, variables));
            match name.zip(script) {
                Some((name, script)) => exports.push(Export {
                    name,
                    script,
                    ids: entry.all_ids(),
                }),
                None => kept.push(entry),
            }
        }
        let empty = kept.is_empty();
        *env = kept;
        if empty && !exports.is_empty() {
            let ids = container.get("env").map(|e| e.ids.clone()).unwrap_or_default();
            container.map_mut().remove("env");
            container.decided_by(&ids);
        }
        exports
    }

    /// The value of a variable for the inside of double quotes in a shell, if it needs one.
    fn exported(
        &mut self,
        value: &Node,
        exports: &[Export],
        variables: &mut Vec<(Str, Str)>,
    ) -> Option<String> {
        let text = match &value.value {
            Value::Text(text) => text.clone(),
            Value::Str(text) => vec![Piece::Literal(text.clone())],
            _ => return None,
        };
        let mut needed = false;
        let mut script = String::new();
        for piece in text {
            match piece {
                Piece::Literal(text) => {
                    needed |= exports.iter().any(|e| text.contains(&e.kubelet()));
                    script.push_str(&quoted_inside(&text, exports));
                }
                Piece::Reference(reference) => {
                    match self.answers.answer_in_environment(&reference, self.asker) {
                        Answer::Shell(text) => {
                            needed = true;
                            script.push_str(&text);
                        }
                        Answer::Literal(text) => script.push_str(&quoted_inside(&text, &[])),
                        Answer::Expanded(text) => script.push_str(&text),
                        Answer::Downward {
                            variables: more,
                            text,
                        } => {
                            variables.extend(more);
                            script.push_str(&text);
                        }
                        Answer::Unknown(_) => return None,
                    }
                }
            }
        }
        needed.then_some(script)
    }

    /// Resolves command and arguments, in a shell if one of them needs it.
    fn command_line(&mut self, container: &mut Node, exports: &[Export], variables: &mut Vec<(Str, Str)>) {
        let mut shell = !exports.is_empty();
        for key in ["command", "args"] {
            if let Some(Value::Seq(words)) = container.map_mut().get_mut(key).map(|w| &mut w.value) {
                for word in words {
                    shell |= self.argument(word, variables);
                    use_exports(word, exports);
                }
            }
        }
        if shell {
            self.wrap_in_shell(container, exports);
        }
    }

    /// Resolves one argument; whether it needs a shell. Shell expressions stay as reference-free [`Piece`]s marked by
    /// [`SHELL`], for [`Resolver::wrap_in_shell`].
    fn argument(&mut self, word: &mut Node, variables: &mut Vec<(Str, Str)>) -> bool {
        let Value::Text(text) = &word.value else {
            return false;
        };
        let mut shell = false;
        let mut out: Text = Vec::new();
        for piece in text.clone() {
            match piece {
                Piece::Literal(_) => out.push(piece),
                Piece::Reference(reference) => {
                    match self.answer(&reference, word, Place::Argument, variables) {
                        Answered::Plain(text) => out.push(Piece::Literal(text)),
                        Answered::Shell(text) => {
                            shell = true;
                            out.push(Piece::Literal(format!("{SHELL}{text}{SHELL}").into()));
                        }
                    }
                }
            }
        }
        word.value = Node::from(out).value;
        shell
    }

    fn wrap_in_shell(&mut self, container: &mut Node, exports: &[Export]) {
        let words = |key: &str| {
            container
                .get(key)
                .and_then(Node::as_seq)
                .unwrap_or_default()
                .to_vec()
        };
        let (command, args) = (words("command"), words("args"));
        let mut ids = container
            .get("command")
            .map(|n| n.ids.clone())
            .unwrap_or_default();
        container.get("args").into_iter().for_each(|n| ids.merge(&n.ids));
        if is_shell(&command) {
            unmark(container);
            export_in_script(container, exports);
            return;
        }
        if command.is_empty() {
            let said = Diagnostic::new(
                &NEEDS_SHELL,
                "an argument needs a shell, and the container has no `command`",
            );
            let place = args
                .iter()
                .find(|w| w.as_str().is_some_and(|t| t.contains(SHELL)));
            let said = said.at(place.and_then(|word| word.ids.first())).at_ids(&ids);
            self.ledger.report(
                said.remedy(
                    "write the `command` of the container: its image's entry point is not known here",
                ),
            );
            return;
        }
        let mut script: String = exports.iter().map(Export::line).collect();
        exports.iter().for_each(|e| ids.merge(&e.ids));
        script.push_str("exec");
        for word in command.iter().chain(&args) {
            script.push(' ');
            script.push_str(&shell_word(word.as_str().unwrap_or_default()));
            ids.merge(&word.ids);
        }
        let script = Node::derived(script, &ids);
        container.set("command", vec![Node::from("/bin/sh"), Node::from("-c"), script]);
        container.map_mut().remove("args");
    }

    /// References outside of command lines and environments: labels, probes, anything else in the template.
    fn rest(&mut self, template: &mut Node) {
        template.walk_mut(&mut |n| self.text(n, Place::Elsewhere, &mut Vec::new()));
    }

    fn text(&mut self, node: &mut Node, place: Place, variables: &mut Vec<(Str, Str)>) {
        let Value::Text(text) = &node.value else { return };
        let mut out: Text = Vec::new();
        for piece in text.clone() {
            match piece {
                Piece::Literal(_) => out.push(piece),
                Piece::Reference(reference) => {
                    if let Answered::Plain(text) = self.answer(&reference, node, place, variables) {
                        out.push(Piece::Literal(text));
                    }
                }
            }
        }
        node.value = Node::from(out).value;
    }

    fn answer(
        &mut self,
        reference: &Reference,
        at: &Node,
        place: Place,
        variables: &mut Vec<(Str, Str)>,
    ) -> Answered {
        let answer = match place {
            Place::Environment => self.answers.answer_in_environment(reference, self.asker),
            Place::Argument | Place::Elsewhere => self.answers.answer(reference, self.asker),
        };
        let refused = match answer {
            Answer::Literal(text) => return Answered::Plain(text),
            Answer::Expanded(text) => match place {
                Place::Argument => return Answered::Plain(text),
                Place::Environment if self.answers.injected_first() => return Answered::Plain(text),
                _ => (&NEEDS_SHELL, format!("`{text}` does not expand here")),
            },
            Answer::Downward {
                variables: needed,
                text,
            } if place != Place::Elsewhere => {
                variables.extend(needed);
                return Answered::Plain(text);
            }
            Answer::Downward { text, .. } => (&NEEDS_SHELL, format!("`{text}` does not expand here")),
            Answer::Shell(text) if place == Place::Argument => return Answered::Shell(text),
            Answer::Shell(text) => (
                &NEEDS_SHELL,
                format!("`{text}` needs a shell, and none runs here"),
            ),
            Answer::Unknown(reason) => (&UNANSWERED, reason.to_string()),
        };
        let (code, reason) = refused;
        let message = format!("{} cannot be answered here on this target", name(reference));
        // A text that the compiler composed of many values is nobody's; who asks is.
        let place = match at.ids.iter().nth(1) {
            Some(_) => self.asker.role.name.at(),
            None => at.ids.first(),
        };
        let said = Diagnostic::new(code, message)
            .at(place)
            .at_ids(&at.ids)
            .reason(reason);
        self.ledger.report(said.remedy(match code == &UNANSWERED {
            true => "see `kubectl infer explain INF4005`",
            false => "use it in an argument of a container with a `command`",
        }));
        Answered::Plain(Str::default())
    }
}

enum Answered {
    Plain(Str),
    Shell(Str),
}

/// Marks a shell expression inside a word until the word is quoted. Never in an input: control characters are refused there.
const SHELL: char = '\u{1}';

/// A variable that the shell of a command sets.
struct Export {
    name: Str,
    /// Its value, for the inside of double quotes.
    script: String,
    ids: Ids,
}

impl Export {
    /// How the kubelet would have expanded it.
    fn kubelet(&self) -> String {
        format!("$({})", self.name)
    }

    fn line(&self) -> String {
        format!("export {}=\"{}\"\n", self.name, self.script)
    }
}

/// A text for the inside of double quotes in a shell. What the kubelet expands stays, but for variables that the shell sets.
fn quoted_inside(text: &str, exports: &[Export]) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['$', '`', '"', '\\']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(export) = exports.iter().find(|e| rest.starts_with(&e.kubelet())) {
            out.push_str(&format!("${{{}}}", export.name));
            rest = &rest[export.kubelet().len()..];
            continue;
        }
        if !rest.starts_with("$(") {
            out.push('\\');
        }
        out.push_str(&rest[..1]);
        rest = &rest[1..];
    }
    out.push_str(rest);
    out
}

/// In a word, what the kubelet would have expanded of the variables that the shell sets becomes the shell's own.
fn use_exports(word: &mut Node, exports: &[Export]) {
    let Some(text) = word.as_str() else { return };
    if !exports.iter().any(|e| text.contains(&e.kubelet())) {
        return;
    }
    let text = exports.iter().fold(text.to_owned(), |text, export| {
        text.replace(&export.kubelet(), &format!("{SHELL}${{{}}}{SHELL}", export.name))
    });
    word.value = Value::Str(text.into());
}

/// Sets variables at the beginning of the script that a shell runs anyway.
fn export_in_script(container: &mut Node, exports: &[Export]) {
    if exports.is_empty() {
        return;
    }
    let lines: String = exports.iter().map(Export::line).collect();
    let mut flagged = false;
    for key in ["command", "args"] {
        let Some(Value::Seq(words)) = container.map_mut().get_mut(key).map(|w| &mut w.value) else {
            continue;
        };
        for word in words {
            let Some(text) = word.as_str() else { continue };
            if flagged {
                word.value = Value::Str(format!("{lines}{text}").into());
                exports.iter().for_each(|e| word.decided_by(&e.ids));
                return;
            }
            flagged = text.starts_with('-') && text.ends_with('c');
        }
    }
}

/// A word for a script: literal parts quoted, marked parts in double quotes.
fn shell_word(word: &str) -> String {
    if !word.contains(SHELL) && !word.contains("$(") {
        return shell_quote(word);
    }
    let quoted = |(i, part): (usize, &str)| match (part.is_empty(), i % 2) {
        (true, _) => String::new(),
        (false, 0) => shell_quote(part),
        (false, _) => format!("\"{part}\""),
    };
    word.split(SHELL).enumerate().map(quoted).collect()
}

/// Whether a command hands a script to a shell already.
fn is_shell(command: &[Node]) -> bool {
    let words: Vec<&str> = command.iter().filter_map(Node::as_str).collect();
    let shell = |w: &str| matches!(w.rsplit('/').next(), Some("sh" | "bash"));
    words.first().is_some_and(|w| shell(w)) && words.iter().any(|w| w.starts_with('-') && w.ends_with('c'))
}

/// In a script that a shell runs anyway, marked expressions stand as they are.
fn unmark(container: &mut Node) {
    for key in ["command", "args"] {
        if let Some(Value::Seq(words)) = container.map_mut().get_mut(key).map(|w| &mut w.value) {
            for word in words {
                if let Some(text) = word.as_str().filter(|t| t.contains(SHELL)) {
                    word.value = Value::Str(text.replace(SHELL, "").into());
                }
            }
        }
    }
}

/// Puts downward-API variables before the container's own, so that those may refer to them.
fn add_variables(container: &mut Node, variables: Vec<(Str, Str)>) {
    let mut added: Vec<Node> = Vec::new();
    let env = container.get("env").and_then(Node::as_seq).unwrap_or_default();
    let named = |list: &[Node], name: &str| {
        list.iter()
            .any(|e| e.get("name").and_then(Node::as_str) == Some(name))
    };
    for (name, path) in variables {
        if named(&added, &name) || named(env, &name) {
            continue;
        }
        let field: Map = [("fieldPath", Node::from(path))].into_iter().collect();
        let source: Map = [("fieldRef", Node::from(field))].into_iter().collect();
        added.push(Map::from_iter([("name", Node::from(name)), ("valueFrom", Node::from(source))]).into());
    }
    if !added.is_empty() {
        added.extend(env.to_vec());
        let ids = container.get("env").map(|e| e.ids.clone()).unwrap_or_default();
        container.set("env", Node::derived(added, &ids));
    }
}

/// What a message calls a reference.
fn name(reference: &Reference) -> String {
    match reference {
        Reference::Leader => "the leader's address".into(),
        Reference::Rank { .. } => "the pod's rank".into(),
        Reference::Size => "the number of pods".into(),
        Reference::Namespace => "the namespace".into(),
        Reference::Peers { .. } => "the addresses of all pods of the replica".into(),
        Reference::Service { role } => format!("the address of role `{role}`"),
        Reference::Address { role, replica, rank } => {
            format!("the address of `{role}` replica {replica} rank {rank}")
        }
        Reference::Selector { role, .. } => format!("the label selector of role `{role}`"),
    }
}
