//! Reading and writing.

use super::emit::{self, Format};
use super::*;
use crate::diagnostic::Ledger;

fn read(text: &str) -> (Sources, Vec<Document>, Ledger) {
    let (mut sources, mut report) = (Sources::new(), Ledger::new());
    let (source, documents) = parse("t.yaml", text, 0, &Limits::default(), &mut report);
    sources.push(source);
    (sources, documents, report)
}

#[test]
fn smoke() {
    let text = "a: &x {b: 1, c: [1, two, ~]}\nd: *x\ne:\n  <<: *x\n  b: 5\nf: |\n  one\n  two\ng: {{ .Values.x }}\n---\nok: 1\nok: 2\n";
    let (sources, documents, report) = read(text);
    for d in &report.diagnostics {
        println!(
            "{} {} {:?}",
            d.code.id,
            d.message,
            d.at.and_then(|id| sources.location(id, d.at_key))
        );
    }
    println!(
        "{}",
        emit::documents(
            &documents.iter().map(|d| d.root.clone()).collect::<Vec<_>>(),
            Format::Yaml
        )
    );
    let (sources, documents, _) = read(&text.replace("g: {{ .Values.x }}\n", "long key here: \"a\\nb\"\n"));
    for format in [Format::Yaml, Format::Json, Format::Kyaml] {
        println!(
            "{}",
            emit::documents(
                &documents.iter().map(|d| d.root.clone()).collect::<Vec<_>>(),
                format
            )
        );
    }
    for id in sources.leaves(0) {
        println!("{} {:?}", sources.pointer(id), sources.text_of(id));
    }
}
