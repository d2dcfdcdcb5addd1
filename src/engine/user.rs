//! The user's own arguments: they have the last word, except about what pods, probes and routers are derived from.

use super::EngineKind;
use super::argv::Argv;
use super::codes;
use super::request::{Phase, Request};
use super::scan::{Meaning, Occurrence, Word, resolve, scan};
use super::settings::{Row, Scope, row_of};
use super::table::Program;
use crate::diagnostic::{Diagnostic, Ledger};
use crate::value::{Ids, Node};

/// Appends the user's arguments; flags that they replace are taken out of the command line so far.
pub(super) fn merge(request: &Request<'_>, program: Program, argv: &mut Argv, ledger: &mut Ledger) {
    let words = request.args;
    for seen in scan(program, request.version, words).flags {
        let Some(flag) = seen.flag() else { continue };
        let canonical = |spelling: &str| match resolve(program, request.version, spelling) {
            Meaning::Flag { flag, .. } => Some(flag.name),
            _ => None,
        };
        let row = row_of(request.engine, request.version, flag.name);
        let same = |i: &super::argv::Item| {
            !i.flag.is_empty() && canonical(i.flag.split('.').next().unwrap_or(&i.flag)) == Some(flag.name)
        };
        let planned: Vec<_> = argv.items.iter().filter(|i| same(i)).cloned().collect();
        if let Some(row) = row.filter(|r| r.scope == Scope::Shape)
            && !harmless(request, row, &seen, words, &planned)
        {
            ledger.report(refused(row, &seen, words));
            continue;
        }
        // A key into a JSON flag adds to what is there.
        if seen.key.is_some() {
            continue;
        }
        argv.items.retain(|i| !same(i));
        let mut replaced = planned
            .iter()
            .fold(Ids::none(), |ids, item| ids.union(&item.ids()));
        if let Some(row) = row {
            let (gone, kept) = std::mem::take(&mut argv.absent)
                .into_iter()
                .partition(|(key, _)| *key == row.key);
            argv.absent = kept;
            let gone: Vec<(&str, Ids)> = gone;
            gone.iter().for_each(|(_, ids)| replaced.merge(ids));
        }
        if !replaced.is_empty() {
            let by = origin(&seen, words);
            let setting = row.map_or("a setting", |r| r.key);
            let message = format!("the argument {} overrides {setting}", seen.spelling);
            let said = Diagnostic::new(&codes::SETTING_OVERRIDDEN, message)
                .at(by.first())
                .label(replaced.first(), "this has no effect");
            ledger.report(said.remedy("keep one of the two"));
            ledger.supersede(&replaced, &by);
        }
    }
    argv.of_setting("");
    words.iter().for_each(|w| argv.positional(w));
}

fn origin(seen: &Occurrence, words: &[Node]) -> Ids {
    seen.words()
        .fold(Ids::none(), |ids, at| ids.union(&words[at].ids))
}

/// Whether an argument about the shape of the deployment says nothing new.
fn harmless(
    request: &Request<'_>,
    row: &Row,
    seen: &Occurrence,
    words: &[Node],
    planned: &[super::argv::Item],
) -> bool {
    let said: Vec<_> = seen.all_values(words).collect();
    let text = |node: &Node| Word::of(node).known().map(str::to_owned);
    let sign = |i: &super::argv::Item| i.flag.starts_with("--no-") == seen.negated();
    let same = planned.iter().filter(|i| sign(i)).any(|i| {
        i.words[1..].len() == said.len()
            && i.words[1..]
                .iter()
                .zip(&said)
                .all(|(a, b)| text(a).is_some() && text(a) == text(b))
    });
    let value = said.first().and_then(|v| text(v));
    let is = |what: &str| value.as_deref() == Some(what);
    match row.key {
        _ if same && seen.key.is_none() => true,
        // Listening elsewhere is fine, as long as others can reach it.
        "host" => value
            .as_deref()
            .is_some_and(|v| !matches!(v, "localhost" | "::1") && !v.starts_with("127.")),
        "tensor" | "pipeline" | "data" | "attentionData" | "nodes" | "prefillContextParallel"
            if planned.is_empty() =>
        {
            is("1")
        }
        "executor" if planned.is_empty() => request.nodes.value == 1 && !is("ray"),
        // Without a connector in the spec, the user may bring one.
        "kvTransfer" => request.kv.is_none(),
        "disaggregationMode" => {
            request.engine == EngineKind::Trtllm || (request.phase == Phase::Aggregated && is("null"))
        }
        _ => false,
    }
}

fn refused(row: &Row, seen: &Occurrence, words: &[Node]) -> Diagnostic {
    let field = match row.key {
        "tensor" => "parallelism.tensor",
        "pipeline" => "parallelism.pipeline",
        "data" | "attentionData" | "attentionDataEnabled" => "parallelism.data",
        "expert" | "expertSize" => "parallelism.expert",
        "nodes" => "nodes",
        "port" => "engine.port",
        "model" => "model.uri",
        "kvTransfer" | "transferBackend" => "kvTransfer",
        "bootstrapPort" => "kvTransfer.port",
        "disaggregationMode" => "the phase of the role",
        "executor" => "engine.executor",
        "hybridLoadBalancing" | "externalLoadBalancing" | "multiPortLoadBalancing" => "engine.loadBalancing",
        _ => "",
    };
    let what = match row.key {
        "host" => "makes the engine unreachable from other pods",
        "port" | "bootstrapPort" | "supervisorPort" | "socket" => "changes where the engine listens",
        "kvTransfer" | "transferBackend" | "disaggregationMode" | "headless" | "model" => {
            "changes the role of the engine"
        }
        _ => "changes how the engine spreads over GPUs and nodes",
    };
    let ids = origin(seen, words);
    let said = Diagnostic::new(
        &codes::ARGUMENT_SHAPE,
        format!("the argument {} {what}", seen.spelling),
    )
    .at(ids.first());
    match field {
        "" => said.remedy("leave it out: the compiler sets what is needed"),
        _ => said.remedy(format!("leave it out and set {field}")),
    }
}
