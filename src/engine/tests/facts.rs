//! The tables say what the extracted facts say. Skipped where the facts are not there.

use crate::engine::scan::{Meaning, resolve};
use crate::engine::table::Presence;
use crate::engine::{Program, Release};
use std::path::PathBuf;

fn facts() -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/engines");
    [beside, PathBuf::from("/work/shared/engines")]
        .into_iter()
        .find(|p| p.is_dir())
}

fn read(name: &str) -> Option<serde_json::Value> {
    let path = facts()?.join(name);
    serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()
}

const PROGRAMS: [(&str, Program); 8] = [
    ("vllm", Program::Vllm),
    ("sglang", Program::Sglang),
    ("sglang-router", Program::SglangRouter),
    ("vllm-router", Program::VllmRouter),
    ("dynamo-frontend", Program::DynamoFrontend),
    ("dynamo-vllm", Program::DynamoVllm),
    ("dynamo-sglang", Program::DynamoSglang),
    ("dynamo-trtllm", Program::DynamoTrtllm),
];

/// Every spelling in every version that was read: present from its first to its last, absent elsewhere.
#[test]
fn histories_agree() {
    if facts().is_none() {
        eprintln!("skipped: no extracted facts beside this tree");
        return;
    }
    let mut checked = 0;
    for (name, program) in PROGRAMS {
        let Some(history) = read(&format!("history-{name}.json")) else {
            continue;
        };
        let texts: Vec<&str> = history["versions_read"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_str().unwrap())
            .collect();
        let versions: Vec<_> = texts.iter().map(|t| super::version(t)).collect();
        for entry in history["flags"].as_array().unwrap() {
            let (flag, first) = (entry["flag"].as_str().unwrap(), entry["first"].as_str().unwrap());
            let from = if first.starts_with("<=") {
                0
            } else {
                texts.iter().position(|t| *t == first).unwrap()
            };
            let until = entry["last"].as_str().map_or(texts.len() - 1, |last| {
                texts.iter().position(|t| *t == last).unwrap()
            });
            let known = program
                .table()
                .exact(flag)
                .unwrap_or_else(|| panic!("{name} {flag}"));
            // An alias may be younger than its flag; the table keeps the age of the flag.
            let alias_is_younger = known.name != flag;
            for (at, version) in versions.iter().enumerate() {
                let there = program.table().presence(known, version) == Presence::Present;
                assert!(
                    there == (from..=until).contains(&at) || alias_is_younger,
                    "{name} {flag} in {}",
                    texts[at]
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 10_000, "{checked}");
}

/// Every flag of the newest version, with its aliases, arity and choices.
#[test]
fn newest_tables_agree() {
    let programs = PROGRAMS
        .into_iter()
        .chain([("trtllm-serve", Program::TrtllmServe)]);
    for (name, program) in programs {
        let Some(table) = read(&format!("{name}.json")) else {
            eprintln!("skipped: no facts about {name}");
            continue;
        };
        let command = |f: &serde_json::Value| f.get("command").is_none_or(|c| c == "serve");
        for flag in table["flags"].as_array().unwrap().iter().filter(|f| command(f)) {
            let spellings = std::iter::once(&flag["name"])
                .chain(flag["aliases"].as_array().unwrap())
                .map(|s| s.as_str().unwrap());
            for spelling in spellings {
                let Meaning::Flag {
                    flag: known,
                    negated: false,
                    abbreviated: false,
                    ..
                } = resolve(program, &super::version(""), spelling)
                else {
                    panic!("{name} {spelling}");
                };
                assert_eq!(Some(known.name), flag["name"].as_str());
                assert_eq!(known.negatable(), flag["negatable"] == true, "{name} {spelling}");
                let takes = known.values != crate::engine::table::Values::Zero;
                assert_eq!(takes, flag["takes_value"] == true, "{name} {spelling}");
                let choices: Vec<_> = known.choices().into_iter().flatten().collect();
                let listed = flag
                    .get("choices")
                    .or_else(|| flag.get("known_values"))
                    .and_then(|c| c.as_array());
                let word = |c: &serde_json::Value| c.as_str().map_or_else(|| c.to_string(), str::to_owned);
                let listed: Vec<_> = listed
                    .into_iter()
                    .flatten()
                    .filter(|c| !c.is_null())
                    .map(word)
                    .collect();
                assert_eq!(choices, listed, "{name} {spelling}");
            }
        }
    }
}

#[test]
fn tables_are_read_whole() {
    for (name, program) in PROGRAMS {
        assert!(!program.table().versions.is_empty(), "{name}");
        assert!(program.table().flags.len() > 60, "{name}");
        assert!(program.table().versions.windows(2).all(|v| v[0] < v[1]), "{name}");
    }
    assert_eq!(
        Program::TrtllmServe.table().versions,
        [Release::parse("1.2.1.post1").unwrap()]
    );
}
