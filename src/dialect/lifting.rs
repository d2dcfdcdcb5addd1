//! What a dialect says about its own objects, for lifting them to the language.
//!
//! A dialect lifts by its own readers and builds a [`Draft`]: a Serving as the page would say it, made of nodes that keep their
//! ids. It need not carry everything: what the draft does not say and the objects do becomes patches (the residue) by
//! rendering the draft back, in [`lift`](crate::lift). It should carry everything that has a word, because only words travel to
//! other dialects.

use super::Context;
use super::shared::SLICE_LABEL;
use crate::diagnostic::{Diagnostic, Ledger, Severity, Waiver};
use crate::ir::{MANAGED_BY, ROLE_LABEL, SERVING_LABEL, TARGET_ANNOTATION};
use crate::pods::{Problem, Scene};
use crate::source::Document;
use crate::spec::role::Phase;
use crate::spec::{API_VERSION, KIND};
use crate::value::{Id, Ids, Map, Node, Reference, Str, Value};

/// What lifting looks at.
pub struct Lifting<'a, 'b> {
    /// All documents of the input.
    pub scene: &'a Scene<'a>,
    /// Sources, platform, ledger.
    pub cx: &'a mut Context<'b>,
}

/// A Serving on its way from the objects of one dialect.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The document.
    pub serving: Node,
    /// The documents that rendering it makes again: the workloads, and companions that it says in its own words.
    pub replaces: Vec<Id>,
    /// The dialect.
    pub dialect: &'static str,
    /// What is lost, should it be rendered to another dialect and not arrive there by another way.
    pub elsewhere: Vec<Waiver>,
    /// What does not work on any other dialect, whatever arrives there.
    pub broken: Vec<Diagnostic>,
    /// Values of the objects that the draft says by saying nothing: defaults that are written out.
    pub implied: Ids,
    /// Documents as they are compared with what the draft renders to, where they are written in an older version of the API
    /// or in a form that means the same.
    pub normal: Vec<(Id, Node)>,
    /// What the source's controllers add to the pods of a role by its number, as an overlay over the template of its first
    /// pod, or of all its pods: rendering to another dialect writes it down.
    pub added: Vec<Added>,
}

/// An overlay for other dialects.
#[derive(Clone, Debug)]
pub struct Added {
    /// The role, by its place in the draft.
    pub role: usize,
    /// A pod template.
    pub template: Node,
    /// Whether all members get it, or the first alone.
    pub all: bool,
}

impl Draft {
    /// A draft of that name that replaces a document, and takes over its namespace and annotations.
    pub fn new(dialect: &'static str, name: impl Into<Node>, document: &Document) -> Self {
        let mut serving = Node::from(Map::from_iter([
            ("apiVersion", Node::from(API_VERSION)),
            ("kind", KIND.into()),
        ]));
        let metadata = serving.at_mut(&["metadata"]);
        metadata.set("name", name);
        let own = |key: &str| document.root.at(&["metadata", key]).filter(|n| !n.is_null());
        for key in ["namespace", "labels", "annotations"] {
            let Some(value) = own(key) else { continue };
            let mut value = value.clone();
            if let Value::Map(entries) = &mut value.value {
                entries.retain(|key, value| !is_mark(key, value));
            }
            if value.as_map().is_none_or(|m| !m.is_empty()) {
                metadata.set(key, value);
            }
        }
        // Pods stay as they are: labels that the objects do not give them would restart them all.
        serving.at_mut(&["spec"]).set("podLabels", "none");
        Self {
            serving,
            replaces: vec![document.id],
            dialect,
            elsewhere: Vec::new(),
            broken: Vec::new(),
            implied: Ids::none(),
            normal: Vec::new(),
            added: Vec::new(),
        }
    }

    /// Says what is lost with the values of `ids` on every other dialect.
    pub fn lost_elsewhere(&mut self, ids: &Ids, diagnostic: Diagnostic) {
        if !ids.is_empty() {
            self.elsewhere.push(Waiver {
                ids: ids.clone(),
                diagnostic,
            });
        }
    }

    /// The spec.
    pub fn spec(&mut self) -> &mut Node {
        self.serving.at_mut(&["spec"])
    }

    /// Sets a field of the spec, if there is a value.
    pub fn set(&mut self, path: &[&str], value: Option<impl Into<Node>>) {
        if let Some(value) = value {
            set(self.spec(), path, value.into());
        }
    }

    /// Sets an option of the dialect, if there is a value.
    pub fn option(&mut self, name: &str, value: Option<impl Into<Node>>) {
        let dialect = self.dialect;
        self.set(&["targets", dialect, name], value);
    }

    /// Appends a role.
    pub fn role(&mut self, role: RoleDraft) {
        self.spec().at_mut(&["roles"]).seq_mut().push(role.0);
    }
}

/// A role on its way from the objects of one dialect.
#[derive(Clone, Debug)]
pub struct RoleDraft(pub Node);

impl RoleDraft {
    /// A role of that name whose containers are taken as they are written.
    pub fn new(name: impl Into<Node>, phase: Phase) -> Self {
        let mut role = Map::new();
        role.insert("name", name);
        role.insert("phase", phase.as_str());
        role.insert("engine", Map::from_iter([("type", "custom")]));
        Self(role.into())
    }

    /// Sets a field of the role, if there is a value.
    pub fn set(&mut self, path: &[&str], value: Option<impl Into<Node>>) {
        if let Some(value) = value {
            set(&mut self.0, path, value.into());
        }
    }

    /// Sets an option of the dialect, if there is a value.
    pub fn option(&mut self, dialect: &str, name: &str, value: Option<impl Into<Node>>) {
        self.set(&["targets", dialect, name], value);
    }

    /// All pods of a replica by one template; `nodes` of them.
    pub fn template(&mut self, nodes: Option<impl Into<Node>>, template: Node) {
        self.set(&["nodes"], nodes);
        self.set(&["podTemplate"], Some(template));
    }

    /// Appends a member: name, count (1 if absent), template.
    pub fn member(&mut self, name: impl Into<Node>, count: Option<impl Into<Node>>, template: Node) {
        let mut member = Map::new();
        member.insert("name", name);
        member.insert_some("count", count);
        member.insert("podTemplate", template);
        self.0.at_mut(&["members"]).seq_mut().push(member.into());
    }
}

/// Sets a value at a path of keys. A value that is there keeps its place and gives up its origins to the new one.
fn set(node: &mut Node, path: &[&str], value: Node) {
    let Some((last, above)) = path.split_last() else {
        return;
    };
    let above = node.at_mut(above).map_mut();
    let before = above.get(last).map(|n| n.ids.clone()).unwrap_or_else(Ids::none);
    above.insert(*last, Node::derived(value, &before));
}

/// What a name that controllers set stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Means {
    /// A question that the language has: other targets answer it by their own means.
    Asks(Reference),
    /// A text that is the same in all pods of the role: the name of the workload, of the role.
    Text(Str),
    /// Something that only this dialect knows. Where it is used, it is lost elsewhere; the text says what it is.
    Own(&'static str),
}

/// A name that the dialect's controllers set in every pod: a variable, or a label or annotation that templates read by the
/// downward API.
#[derive(Clone, Debug)]
pub struct Given {
    /// The variable, label or annotation.
    pub name: &'static str,
    /// What it holds.
    pub means: Means,
}

/// A default of the API, which is no difference when one object writes it and another does not.
#[derive(Clone, Copy, Debug)]
pub struct ApiDefault {
    /// The kind.
    pub kind: &'static str,
    /// Where: keys with `/` between, `*` for any index or key.
    pub path: &'static str,
    /// The value, as JSON; or `=` and the path of another field that it is the value of, from the mapping of this one:
    /// `=replicas`, `=../replicas`.
    pub value: &'static str,
}

/// A text composed of injected variables, as manifests of the dialect write it, and what it asks. `$(A)-0.$(B)`: each `$(NAME)`
/// also stands for `${NAME}` and `$NAME` in scripts.
#[derive(Clone, Debug)]
pub struct Composed {
    /// The text.
    pub text: Str,
    /// What it asks.
    pub asks: Reference,
}

/// What the pods of one role are told at run time.
#[derive(Clone, Default, Debug)]
pub struct Rendezvous {
    /// Variables.
    pub variables: Vec<Given>,
    /// Labels and annotations that `fieldRef` reads.
    pub fields: Vec<Given>,
    /// Texts that hold several variables. Longer ones first.
    pub composed: Vec<Composed>,
    /// Whether `$(NAME)` in a command line may become the question itself: the dialect answers it by the same text.
    pub direct: bool,
}

/// Whether a label or annotation of an object only says that this compiler made it, and for whom.
pub fn is_mark(key: &str, value: &Node) -> bool {
    [SERVING_LABEL, ROLE_LABEL, SLICE_LABEL, TARGET_ANNOTATION].contains(&key)
        || (key == MANAGED_BY && value.as_str() == Some("kubectl-infer"))
}

/// Says what is wrong with the source: lifting goes on.
pub fn warn(problems: Vec<Problem>, ledger: &mut Ledger) {
    for problem in problems {
        let said = Diagnostic::new(problem.code, problem.reason).severity(Severity::Warning);
        ledger.report(said.at_ids(&problem.ids));
    }
}

/// What a role does, by its name and by what its containers say: `--disaggregation-mode prefill`, `kv_producer`, a router's
/// command.
pub fn phase_of(name: &str, template: &Node) -> Phase {
    let name = name.to_ascii_lowercase();
    let named = |words: &[&str]| {
        words
            .iter()
            .any(|w| name.split(['-', '_']).any(|part| part == *w))
    };
    let mut words = String::new();
    let containers = template.at(&["spec", "containers"]).and_then(Node::as_seq);
    for container in containers.unwrap_or_default() {
        for key in ["command", "args"] {
            let list = container.get(key).and_then(Node::as_seq).unwrap_or_default();
            for word in list.iter().filter_map(Node::as_str) {
                words.push(' ');
                words.push_str(word);
            }
        }
    }
    let says = |parts: &[&str]| parts.iter().any(|p| words.contains(p));
    let prefill = [
        "--disaggregation-mode prefill",
        "--disaggregation-mode=prefill",
        "kv_producer",
        "--is-prefill-worker",
    ];
    let decode = [
        "--disaggregation-mode decode",
        "--disaggregation-mode=decode",
        "kv_consumer",
        "--is-decode-worker",
    ];
    let router = [
        "sglang_router",
        "sglang-router",
        "vllm-router",
        "dynamo.frontend",
        "trtllm-serve disaggregated",
    ];
    if says(&router) || named(&["router", "frontend", "proxy", "lb", "gateway", "scheduler"]) {
        Phase::Router
    } else if says(&prefill) || named(&["prefill", "prefiller", "context", "ctx"]) {
        Phase::Prefill
    } else if says(&decode) || named(&["decode", "decoder", "generation", "gen"]) {
        Phase::Decode
    } else if named(&["encode", "encoder"]) {
        Phase::Encode
    } else if named(&[
        "aggregated",
        "agg",
        "server",
        "engine",
        "worker",
        "vllm",
        "sglang",
    ]) || says(&[
        "vllm serve",
        "vllm.entrypoints",
        "sglang.launch_server",
        "trtllm-serve",
    ]) {
        Phase::Aggregated
    } else {
        Phase::Other
    }
}

/// The name of a role from a name of the dialect: what the language allows of it, with its origin.
pub fn role_name(name: &str, ids: &Ids) -> Node {
    let lower = name.to_ascii_lowercase();
    let text: String = lower
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let text = text.trim_matches('-');
    Node::derived(if text.is_empty() { "role" } else { text }, ids)
}
