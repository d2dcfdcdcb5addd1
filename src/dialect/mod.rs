//! One folder for each orchestrator, and their registry.
//!
//! A dialect is a value of [`Dialect`]: a table of what it can say ([`Info`]), and functions over the IR. Everything that is
//! known about an orchestrator is in its folder, its templates under `templates/<name>/`, and its cases under
//! `testdata/<name>/`; outside of those, it is one line in [`ALL`]. What several dialects need is in [`shared`].

mod aibrix;
pub mod dynamo;
mod grove;
mod kthena;
pub mod lifting;
mod lws;
pub mod platform;
mod rbg;
pub mod shared;

use crate::diagnostic::{Code, Ledger};
use crate::diff::{Change, Effect};
use crate::ir::{Capability, Serving, Support, Use};
use crate::plan::runtime::Runtime;
use crate::pods::{Expansion, Scene};
use crate::source::{Document, Sources};
use crate::spec::ServingSpec;
use crate::spec::decode::{Decode, Decoder};
use crate::spec::engine::EngineType;
use crate::spec::shape::ObjectShape;
use crate::template::Templates;
use crate::value::Node;
use lifting::{ApiDefault, Draft, Lifting, Rendezvous};
use platform::Platform;
use std::path::Path;

/// All dialects, in the order of tables and of `--help`.
pub static ALL: &[&dyn Dialect] = &[
    &lws::Lws,
    &aibrix::Aibrix,
    &grove::Grove,
    &rbg::Rbg,
    &kthena::Kthena,
    &dynamo::Dynamo,
];

/// How requests find prefill and decode on a target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Routing {
    /// By a gateway or router of the target's own: a role for it is needed only if the spec asks for one.
    Own,
    /// By a role of the workload that runs a router.
    Role,
}

/// What is known about a dialect before anything is compiled.
#[derive(Debug)]
pub struct Info {
    /// The name of `--target`.
    pub name: &'static str,
    /// The project and its workload, for people.
    pub title: &'static str,
    /// `apiVersion` of the workload object.
    pub api_version: &'static str,
    /// Kind of the workload object.
    pub kind: &'static str,
    /// How prefill and decode are joined.
    pub routing: Routing,
    /// What it can say.
    pub capabilities: &'static [Capability],
    /// What `spec.targets.<name>` may hold, beside `patches`.
    pub options: &'static ObjectShape,
    /// What `spec.roles[].targets.<name>` may hold.
    pub role_options: &'static ObjectShape,
    /// What the Platform document may say about how the operator runs.
    pub platform: &'static ObjectShape,
    /// Its codes.
    pub codes: &'static [&'static Code],
    /// Its templates: name (`lws/leaderworkerset.yaml`) and text.
    pub templates: &'static [(&'static str, &'static str)],
}

/// What lowering needs at hand.
pub struct Context<'a> {
    /// Where nodes stand.
    pub sources: &'a Sources,
    /// How the cluster's operators run.
    pub platform: &'a Platform,
    /// The templates, the user's own among them.
    pub templates: &'a Templates,
    /// Where losses and errors go.
    pub ledger: &'a mut Ledger,
}

impl Context<'_> {
    /// Reads options of the dialect: strictly, like the rest of the language. Defaults if there are none.
    pub fn options<T: Decode + Default>(&mut self, node: &Node) -> T {
        if node.is_null() {
            return T::default();
        }
        let mut decoder = Decoder {
            sources: self.sources,
            ledger: self.ledger,
        };
        T::decode(node, &mut decoder).unwrap_or_default()
    }
}

/// An orchestrator.
pub trait Dialect: Sync {
    /// What is known about it.
    fn info(&self) -> &'static Info;

    /// How far the dialect has a feature as this workload uses it. The table tells the general case, which is the default.
    fn supports(&self, _serving: &Serving, _used: &Use, row: &Capability) -> Support {
        row.support
    }

    /// The engines whose prefill and decode the target joins by means of its own. For others a router role is added, unless
    /// the spec has one. All of them with [`Routing::Own`], unless the dialect says otherwise.
    fn routed_engines(&self) -> &'static [EngineType] {
        match self.info().routing {
            Routing::Own => &[
                EngineType::Vllm,
                EngineType::Sglang,
                EngineType::Trtllm,
                EngineType::Custom,
            ],
            Routing::Role => &[],
        }
    }

    /// The runtime that the target's operator expects around engines; none if it starts containers as they are written.
    fn runtime(&self, _spec: &ServingSpec) -> Option<Runtime> {
        None
    }

    /// The objects of a workload, in dependency order: what others refer to comes first.
    ///
    /// Takes every part of the IR apart; places each value in an object, reports it or waives it. Features that
    /// [`Info::capabilities`] does not call native have been reported before. What would be refused by the dialect's
    /// admission, or stored without ever becoming pods, is an error in the ledger; the objects returned beside errors are
    /// only printed under `--force`.
    fn lower(&self, serving: &Serving, cx: &mut Context<'_>) -> Vec<Node>;

    /// Whether the dialect's controllers make pods of objects of this kind.
    fn expands(&self, _api_version: &str, _kind: &str) -> bool {
        false
    }

    /// Whether the dialect's admission judges objects of this kind, of which no pods come: policies, routes. They are given
    /// to [`Dialect::expand`] as well, and count as workloads only if they are refused.
    fn judges(&self, _api_version: &str, _kind: &str) -> bool {
        false
    }

    /// Whether the dialect's controllers or webhooks act on an object though its kind is another's: an adapter that runs in the
    /// cluster in the place of the other dialect's controllers, or an object of Kubernetes that is marked for this dialect. It
    /// is then given to this dialect's [`Dialect::expand`], and no other dialect sees it.
    fn takes_over(&self, _object: &Node, _platform: &Platform) -> bool {
        false
    }

    /// The pods that come of an object of a kind that the dialect [expands](Dialect::expands).
    ///
    /// Reports what its admission refuses and what becomes a silent dead end, each at the place of the input that is the
    /// cause, through [`Expansion::reject`] and [`Expansion::dead_end`]. Defaults of the CRD and of the webhooks apply
    /// before anything else, as on a real API server.
    fn expand(&self, _object: &Document, _scene: &Scene<'_>, _cx: &mut Context<'_>) -> Expansion {
        Expansion::default()
    }

    /// What the dialect's mutating webhooks do to a new object before its schema is asked, as far as the schema can tell.
    fn mutate(&self, _object: &mut Node, _cx: &mut Context<'_>) {}

    /// Whether objects of this kind are of the dialect's own, workloads or not: what is left of them after lifting means
    /// nothing to another target.
    fn owns(&self, api_version: &str, kind: &str) -> bool {
        self.expands(api_version, kind) || self.judges(api_version, kind)
    }

    /// Whether workloads move into it and out of it: pods of others run under its controllers as they are, and its own are lifted.
    fn migrates(&self) -> bool {
        true
    }

    /// The servings that the workloads of the input are, in its order. Whatever decodes is lifted: findings about the source
    /// are warnings.
    fn lift(&self, _cx: &mut Lifting<'_, '_>) -> Vec<Draft> {
        Vec::new()
    }

    /// The defaults of its CRDs and webhooks that lowering writes out.
    fn defaults(&self) -> &'static [ApiDefault] {
        &[]
    }

    /// What controllers tell the pods of a role of a [`Draft`] at run time, by names that the templates use.
    fn rendezvous(&self, _draft: &Draft, _role: &Node) -> Rendezvous {
        Rendezvous::default()
    }

    /// The same for the pods of one of the role's `members`, by its place, where controllers tell them different things.
    fn rendezvous_of(&self, draft: &Draft, role: &Node, _member: Option<usize>) -> Rendezvous {
        self.rendezvous(draft, role)
    }

    /// What changes of a live object of a kind that the dialect [expands](Dialect::expands) do to the pods that run: who restarts, in
    /// which order, what is ignored or refused by its admission. Nothing by default: then nothing is known.
    fn effects(&self, _old: &Node, _new: &Node, _changes: &[Change<'_>]) -> Vec<Effect> {
        Vec::new()
    }
}

/// The templates of all dialects, those in `directory` in place of the built-in ones of the same name.
pub fn templates(directory: Option<&Path>, ledger: &mut Ledger) -> Templates {
    let embedded = || Templates::new(ALL.iter().flat_map(|d| d.info().templates));
    let Some(directory) = directory else {
        return embedded();
    };
    embedded().with_directory(directory).unwrap_or_else(|errors| {
        errors.iter().for_each(|error| ledger.report(error.diagnostic()));
        embedded()
    })
}

/// The dialect of that name.
pub fn find(name: &str) -> Option<&'static dyn Dialect> {
    ALL.iter().copied().find(|d| d.info().name == name)
}

/// The dialect that makes pods of an object or judges it on a platform, if there is one. One that takes the object
/// over from another comes first.
pub fn expander(root: &Node, platform: &Platform) -> Option<&'static dyn Dialect> {
    let text = |key| root.get(key).and_then(Node::as_str).unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    let all = || ALL.iter().copied();
    all()
        .find(|d| d.takes_over(root, platform))
        .or_else(|| all().find(|d| d.owns(api_version, kind)))
}
