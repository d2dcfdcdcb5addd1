//! Any bytes are answered; what was read from them is written in every format and reads back the same.
//!
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run parse -- -max_len=4096`

#![no_main]

use kubectl_infer::diagnostic::Ledger;
use kubectl_infer::source::emit::{self, Format};
use kubectl_infer::source::{Document, Limits, Sources, parse_bytes};
use libfuzzer_sys::fuzz_target;

fn read(bytes: &[u8]) -> (Sources, Vec<Document>, Ledger) {
    let (mut sources, mut report) = (Sources::new(), Ledger::new());
    let (source, documents) = parse_bytes("fuzz", bytes, 0, &Limits::default(), &mut report);
    sources.push(source);
    (sources, documents, report)
}

fuzz_target!(|bytes: &[u8]| {
    let (sources, documents, report) = read(bytes);
    for said in &report.diagnostics {
        let place = said.at.and_then(|id| sources.location(id, said.at_key));
        assert!(place.is_some() || said.code.id == "INF0003", "an error without a place: {}", said.message);
    }
    for id in sources.leaves(0) {
        assert!(sources.location(id, false).is_some() && sources.text_of(id).is_some());
    }
    let roots: Vec<_> = documents.into_iter().map(|document| document.root).collect();
    for format in [Format::Yaml, Format::Kyaml] {
        let text = emit::documents(&roots, format);
        let (_, again, report) = read(text.as_bytes());
        assert!(!report.has_errors(), "{format:?} with errors: {:?}\n{text}", report.diagnostics);
        let again: Vec<_> = again.into_iter().map(|document| document.root).collect();
        assert_eq!(again, roots, "{format:?}\n{text}");
    }
});
