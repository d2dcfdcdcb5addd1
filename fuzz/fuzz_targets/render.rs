//! Anything is answered: arbitrary text, and starters with parts changed, are checked and rendered for every target.
//!
//! The first byte chooses: an odd one bends a starter by the bytes that follow it, an even one leaves the text as it is.
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run render -- -max_len=4096 -timeout=10`

#![no_main]

use kubectl_infer::cli::init::STARTERS;
use kubectl_infer::compile::{self, DocumentKind, Settings};
use kubectl_infer::diagnostic::Ledger;
use kubectl_infer::dialect::{self, platform::Platform};
use kubectl_infer::source::{Limits, Sources, emit, parse_bytes};
use libfuzzer_sys::fuzz_target;

/// Words that are put in place of others: what breaks names, numbers, references and quotes.
const WORDS: &[&str] = &[
    "", "~", "{}", "[]", "0", "-1", "1", "2147483647", "4294967296", "1e99", "yes", "\"\"", "a", "A.b", "x-0", "prefill", "decode",
    "router", "$(infer.leader)", "$(infer.rank*9)", "$(infer.peers)", "$(infer.addr.decode.0.0)", "\"$(POD_IP) 'x' \\\" `id`\"",
    "replica", "slice", "role", "nixl", "mooncake", "multiPort", "vllm", "sglang", "trtllm", "custom", "100%", "9999999h", "64Gi",
    "hf://a/b", "pvc://c", "s3://b/k", "oci://i:1", "/m", "{name: a, name: b}", "*a", "&a b", "!!binary aGk=", "|",
];

/// A starter with words replaced, lines dropped and lines doubled, as `bytes` say.
fn bend(bytes: &[u8]) -> String {
    let Some((which, changes)) = bytes.split_first() else {
        return String::new();
    };
    let text = STARTERS[usize::from(*which) % STARTERS.len()].1;
    let mut lines: Vec<String> = text.lines().filter(|l| !l.starts_with('#')).map(str::to_owned).collect();
    for change in changes.chunks_exact(3) {
        let at = usize::from(change[0]) % lines.len().max(1);
        let word = WORDS[usize::from(change[1]) % WORDS.len()];
        let Some(line) = lines.get_mut(at) else { break };
        match change[2] % 8 {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, lines[at].clone()),
            2 => *line = format!("  {line}"),
            _ => {
                // The n-th value of the line.
                let ends: Vec<usize> = line.match_indices(": ").map(|(i, _)| i + 2).collect();
                if let Some(start) = ends.get(usize::from(change[2] / 8) % ends.len().max(1)) {
                    let rest = &line[*start..];
                    let end = rest.find([',', '}', ']']).unwrap_or(rest.len());
                    line.replace_range(*start..*start + end, word);
                }
            }
        }
    }
    lines.join("\n")
}

fn answer(bytes: &[u8]) {
    let (mut sources, mut ledger) = (Sources::new(), Ledger::new());
    let (source, documents) = parse_bytes("fuzz", bytes, 0, &Limits::default(), &mut ledger);
    sources.push(source);
    let templates = dialect::templates(None, &mut ledger);
    let platform = Platform::default();
    let settings = Settings {
        sources: &sources,
        platform: &platform,
        templates: &templates,
        namespace: None,
        annotate_target: true,
    };
    for document in &documents {
        if compile::kind_of(document, &mut ledger) != DocumentKind::Serving {
            continue;
        }
        let decoded = compile::decode(&document.root, &sources);
        compile::check(&decoded, &settings);
        let leaves: Vec<_> = kubectl_infer::diagnostic::account::leaves(document, &sources).collect();
        for target in dialect::ALL {
            let made = compile::compile(&decoded, &leaves, *target, &settings);
            for said in &made.diagnostics {
                assert!(said.code.id != "INF0000", "{}: {}", target.info().name, said.message);
            }
            emit::documents(&made.objects, emit::Format::Yaml);
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    match bytes.split_first() {
        Some((choice, rest)) if choice % 2 == 1 => answer(bend(rest).as_bytes()),
        Some((_, rest)) => answer(rest),
        None => {}
    }
});
