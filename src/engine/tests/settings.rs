//! Settings become flags and flags become settings.

use super::{version, words};
use crate::diagnostic::Ledger;
use crate::engine::settings::{Emission, Form, Kind, ROWS, presence, read, row, write};
use crate::engine::table::Presence;
use crate::engine::{EngineKind, lint};
use crate::value::{Id, Node, Value};
use std::collections::BTreeSet;

/// A value of a kind that no engine refuses.
fn sample(key: &str, kind: Kind) -> Node {
    let node: Node = match (key, kind) {
        ("kvCacheDtype", _) | ("loadFormat" | "dtype", _) => "auto".into(),
        ("kvEvents", _) => Node::derived(
            crate::value::Map::from_iter([("publisher", "zmq")]),
            &Default::default(),
        ),
        (_, Kind::Bool) => true.into(),
        (_, Kind::Int | Kind::Size) => 4u32.into(),
        (_, Kind::Float) => Value::Float(0.5).into(),
        (_, Kind::Text | Kind::List) => "x".into(),
        (_, Kind::Json) => Node::map(),
    };
    Node {
        ids: Id::new(1, 7).into(),
        ..node
    }
}

#[test]
fn every_flag_of_every_row_exists() {
    for row in ROWS {
        for engine in EngineKind::ALL {
            for flag in row.forms(engine).iter().flat_map(|f| f.flags()) {
                assert!(
                    engine.program().unwrap().table().exact(flag).is_some(),
                    "{} {flag}",
                    row.key
                );
            }
        }
    }
    let keys: BTreeSet<_> = ROWS.iter().map(|r| r.key).collect();
    assert_eq!(keys.len(), ROWS.len());
}

/// Each setting, in each version that was read: what is written is what the version has, keeps its origin, and is read back.
#[test]
fn settings_go_both_ways() {
    for engine in EngineKind::ALL {
        let program = engine.program().unwrap();
        let known: Vec<_> = program
            .table()
            .versions
            .iter()
            .map(|v| version(&v.to_string()))
            .chain([version("")])
            .collect();
        for (row, at) in ROWS.iter().flat_map(|r| known.iter().map(move |v| (r, v))) {
            let Some(form) = row.form(engine, at) else {
                continue;
            };
            let (value, mut out, mut ledger) =
                (sample(row.key, row.kind), Emission::default(), Ledger::new());
            write(row.key, &value, engine, at, &mut out, &mut ledger);
            assert!(
                ledger.diagnostics.is_empty(),
                "{} {:?}",
                row.key,
                ledger.diagnostics
            );
            let argv = out.argv.words();
            let arrived = out.argv.into_node().all_ids().union(&out.file.all_ids());
            assert_eq!(
                arrived.first(),
                Some(Id::new(1, 7)),
                "{} {engine:?} {at}",
                row.key
            );
            let problems: Vec<_> = lint(program, at, &argv)
                .into_iter()
                .filter(|f| f.message.contains("does not have") || f.message.contains("has no flag"))
                .collect();
            assert!(problems.is_empty(), "{problems:?}");
            if argv.is_empty()
                || form.in_file()
                || matches!(form, Form::Keys(_))
                || form.flags().count() == 0 && form != Form::Positional
            {
                continue;
            }
            let back = read(engine, at, &argv);
            assert_eq!(back.rest, [0usize; 0], "{} {engine:?} {at} {argv:?}", row.key);
            assert_eq!(
                back.settings.len(),
                1,
                "{} {engine:?} {at} {:?}",
                row.key,
                back.settings
            );
            // Dotted keys of JSON flags say the same as the flag they lead into.
            assert_eq!(back.settings[0].row.key, row.key, "{engine:?} {at}");
            assert_eq!(back.settings[0].value, value, "{} {engine:?} {at}", row.key);
        }
    }
}

#[test]
fn command_lines_are_understood() {
    let line = "m --max_model_len=128k -tp 8 --no-enable-prefix-caching --enable-auto-tool-choice --tool-call-parser hermes --swap-space 4 --node-rank $(RANK)";
    let words = words(line);
    let found = read(EngineKind::Vllm, &version("0.12.0"), &words);
    let said: Vec<_> = found
        .settings
        .iter()
        .map(|s| (s.row.key, s.value.clone()))
        .collect();
    assert_eq!(
        said,
        [
            ("model", "m".into()),
            ("maxModelLen", "128k".into()),
            ("tensor", 8u32.into()),
            ("prefixCaching", false.into()),
            ("toolCallParser", "hermes".into()),
        ]
    );
    let rest: Vec<_> = found.rest.iter().map(|w| words[*w].as_str().unwrap()).collect();
    assert_eq!(rest, ["--swap-space", "4", "--node-rank", "$(RANK)"]);
    assert_eq!(found.settings[2].value.ids.iter().count(), 2);
}

#[test]
fn spellings_follow_the_version() {
    let form = |key: &str, engine, at: &str| row(key).unwrap().form(engine, &version(at));
    assert_eq!(
        form("cudaGraphSizes", EngineKind::Sglang, "0.5.18"),
        Some(Form::List("--cuda-graph-bs-decode"))
    );
    assert_eq!(
        form("cudaGraphSizes", EngineKind::Sglang, "0.5.9"),
        Some(Form::List("--cuda-graph-bs"))
    );
    assert_eq!(
        form("enforceEager", EngineKind::Sglang, "0.5.3.post3"),
        Some(Form::On("--disable-cuda-graph"))
    );
    assert_eq!(form("attentionBackend", EngineKind::Vllm, "0.9.2"), None);
    assert_eq!(
        presence(EngineKind::Sglang, &version("0.5.20"), "--attn-dp-size"),
        Presence::Perhaps
    );
}

#[test]
fn sizes_are_numbers_where_no_suffix_is_known() {
    for (text, tokens) in [("8k", 8000), ("8K", 8192), ("131072", 131_072)] {
        let (mut out, mut ledger) = (Emission::default(), Ledger::new());
        write(
            "maxModelLen",
            &text.into(),
            EngineKind::Sglang,
            &version(""),
            &mut out,
            &mut ledger,
        );
        assert_eq!(
            out.argv.words(),
            ["--context-length".into(), Node::from(tokens.to_string())]
        );
    }
}

#[test]
fn what_does_not_fit_is_said() {
    let said = |key: &str, value: Node, engine, at: &str| {
        let (mut out, mut ledger) = (Emission::default(), Ledger::new());
        write(key, &value, engine, &version(at), &mut out, &mut ledger);
        (
            ledger.diagnostics.first().map(|d| d.code.id),
            out.argv.words().len(),
        )
    };
    assert_eq!(
        said("quantization", "fp8".into(), EngineKind::Trtllm, ""),
        (Some("INF2010"), 0)
    );
    assert_eq!(
        said("attentionBackend", "x".into(), EngineKind::Vllm, "0.9.2"),
        (Some("INF2010"), 0)
    );
    assert_eq!(
        said("maxNumSeqs", "many".into(), EngineKind::Vllm, ""),
        (Some("INF2011"), 0)
    );
    assert_eq!(
        said("nonsense", "x".into(), EngineKind::Vllm, ""),
        (Some("INF2010"), 0)
    );
}
