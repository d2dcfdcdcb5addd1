//! What the operator makes of the command line of a component of several nodes, and where it would go wrong
//! (ai-dynamo/dynamo deploy/operator/internal/dynamo `backend_vllm.go`, `backend_trtllm.go`, `injectFlagsIntoContainerCommand`).

use super::super::options::Mode;
use super::codes::{LAUNCH, QUOTING};
use super::component::Component;
use crate::diagnostic::{Diagnostic, Ledger};
use crate::kubernetes::container::{list, resource};
use crate::spec::engine::EngineType;
use crate::value::{Ids, Node};

/// Checks the main container of an engine that runs in Dynamo's runtime over several nodes.
pub(super) fn check(component: &Component<'_>, mode: Mode, template: &Node, ledger: &mut Ledger) {
    let role = component.role;
    let engine = role
        .engine
        .engine
        .as_ref()
        .filter(|_| role.engine.wrapper.is_some());
    let (Some(engine), true) = (engine, role.multi_node()) else {
        return;
    };
    let main = template
        .at(&["spec", "containers"])
        .and_then(Node::as_seq)
        .and_then(<[Node]>::first);
    let Some(main) = main else { return };
    let launch = Launch {
        engine: engine.value,
        component,
        main,
    };
    launch.start(ledger);
    let joined = launch.joined(ledger);
    if mode == Mode::Grove || joined == Some(Joined::Ranks) || engine.value == EngineType::Trtllm {
        launch.quoting(ledger);
    }
}

/// How the operator joins the nodes of vLLM.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Joined {
    /// One process group.
    Group,
    /// Whole ranks in each pod.
    Ranks,
}

struct Launch<'a> {
    engine: EngineType,
    component: &'a Component<'a>,
    main: &'a Node,
}

impl Launch<'_> {
    fn words(&self, key: &str) -> impl Iterator<Item = &Node> {
        list(self.main, key).iter()
    }

    fn ids(&self, key: &str) -> Ids {
        let own = self.component.role.name.ids.clone();
        self.words(key).fold(own, |ids, w| w.ids.union(&ids))
    }

    fn report(&self, message: String, ids: &Ids, remedy: &str, ledger: &mut Ledger) {
        let at = self.component.role.name.at();
        let said = Diagnostic::new(&LAUNCH, message)
            .at(ids.first().or(at))
            .remedy(remedy);
        ledger.report(said.label(at, "several nodes"));
    }

    /// The command begins with Python, where flags go to the end of the arguments.
    fn start(&self, ledger: &mut Ledger) {
        let first = self
            .words("command")
            .next()
            .and_then(Node::as_str)
            .unwrap_or_default();
        let program = first.rsplit('/').next().unwrap_or_default();
        if program.starts_with("python") {
            return;
        }
        let message = format!(
            "the command of `{}` does not begin with `python3`, so the operator may not find where its flags go",
            self.component.role.name.value
        );
        let remedy =
            "leave `engine.command` and differing leaders and workers out, or make it `python3 -m dynamo.…`";
        self.report(message, &self.ids("command"), remedy, ledger);
    }

    /// The GPUs of a pod as the operator counts them; `None` for claims, whose templates the cluster has.
    fn gpus(&self, ledger: &mut Ledger) -> Option<u64> {
        if self
            .main
            .at(&["resources", "claims"])
            .and_then(Node::as_seq)
            .is_some_and(|c| !c.is_empty())
        {
            return None;
        }
        let limits = self.main.at(&["resources", "limits"]).and_then(Node::as_map);
        let mig = limits
            .into_iter()
            .flatten()
            .find(|(key, _)| key.starts_with("nvidia.com/mig-"));
        let amount = resource(self.main, "nvidia.com/gpu").or(mig.map(|(_, amount)| amount));
        let count = amount
            .and_then(Node::as_str)
            .and_then(|a| a.parse().ok())
            .unwrap_or(0);
        if count == 0 {
            let message = format!(
                "`{}` has no `nvidia.com/gpu`, the only GPUs that the operator counts",
                self.component.role.name.value
            );
            let ids = self.main.get("resources").map(Node::all_ids).unwrap_or_default();
            self.report(
                message,
                &ids,
                "use `nvidia.com/gpu`, or a claim by a ResourceClaimTemplate",
                ledger,
            );
            return None;
        }
        Some(count)
    }

    /// The degree that the operator reads: the flag and the number are two words.
    fn degree(&self, flag: &str) -> u64 {
        let words: Vec<&str> = self
            .words("args")
            .filter_map(Node::as_str)
            .flat_map(str::split_whitespace)
            .collect();
        let at = words.iter().position(|w| *w == flag);
        at.and_then(|at| words.get(at + 1))
            .and_then(|n| n.parse().ok())
            .unwrap_or(1)
    }

    /// Degrees that the operator does not read.
    fn spelt_otherwise(&self) -> Ids {
        let starts = [
            "-tp",
            "-pp",
            "-dp",
            "--tensor-parallel-size=",
            "--pipeline-parallel-size=",
            "--data-parallel-size=",
        ];
        let otherwise = |w: &&Node| {
            w.as_str()
                .is_some_and(|w| starts.iter().any(|s| w.starts_with(s)))
        };
        self.words("args")
            .find(otherwise)
            .map(|w| w.ids.clone())
            .unwrap_or_default()
    }

    /// How the nodes are joined; reports if they are not. SGLang's always are, TensorRT-LLM's by MPI.
    fn joined(&self, ledger: &mut Ledger) -> Option<Joined> {
        if self.engine != EngineType::Vllm {
            if self.engine == EngineType::Trtllm {
                self.gpus(ledger);
            }
            return None;
        }
        let gpus = self.gpus(ledger)?;
        let group = self.degree("--tensor-parallel-size") * self.degree("--pipeline-parallel-size");
        let world = group * self.degree("--data-parallel-size");
        if group > gpus {
            return Some(Joined::Group);
        }
        if world > gpus {
            return Some(Joined::Ranks);
        }
        let message = format!(
            "the operator reads tensor × pipeline × data = {world} from the arguments of `{}`, which one pod has GPUs for",
            self.component.role.name.value
        );
        let remedy = "write degrees as `parallelism`, and not in `args` as `-tp` or `--flag=N`";
        self.report(message, &self.spelt_otherwise(), remedy, ledger);
        None
    }

    /// Arguments that the operator's script does not keep as they are.
    fn quoting(&self, ledger: &mut Ledger) {
        for word in self.words("args") {
            let text = word.as_str().unwrap_or_default();
            let quoted = text.contains([' ', '"', '{', '}', '!', '$', '\'']);
            let why = if text.contains('\'') {
                "has a single quote, which ends the operator's own"
            } else if text.contains("$(") {
                "has a `$(…)`, which the operator makes plain text"
            } else if !quoted && text.contains(['*', ';', '&', '|', '<', '>', '(', ')', '`']) {
                "has characters that the shell reads, and the operator does not quote it"
            } else {
                continue;
            };
            let message = format!("an argument of `{}` {why}", self.component.role.name.value);
            let at = word.ids.first().or(self.component.role.name.at());
            ledger.report(
                Diagnostic::new(&QUOTING, message)
                    .at(at)
                    .remedy("put the value into a file or a variable that the engine reads"),
            );
        }
    }
}
