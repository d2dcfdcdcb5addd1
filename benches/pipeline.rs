//! What one spec costs, stage by stage, and the whole: `cargo bench --bench pipeline`.
//!
//! The spec is the `prefill-decode` starter: two engine roles and the router that joins them.

use divan::{Bencher, black_box};
use kubectl_infer::cli::init::STARTERS;
use kubectl_infer::compile::{self, Settings};
use kubectl_infer::diagnostic::{Ledger, account};
use kubectl_infer::dialect::{self, platform::Platform};
use kubectl_infer::source::{Document, Limits, Sources, emit, parse};
use kubectl_infer::value::{Id, Node};

fn main() {
    divan::main();
}

fn starter() -> &'static str {
    STARTERS
        .iter()
        .find(|(name, _)| *name == "prefill-decode")
        .map_or("", |(_, text)| text)
}

fn read() -> (Sources, Document) {
    let mut sources = Sources::new();
    let (source, mut documents) = parse("bench.yaml", starter(), 0, &Limits::default(), &mut Ledger::new());
    sources.push(source);
    (sources, documents.remove(0))
}

/// Text to tree.
#[divan::bench]
fn parse_spec(bencher: Bencher<'_, '_>) {
    bencher.bench(|| {
        parse(
            "bench.yaml",
            black_box(starter()),
            0,
            &Limits::default(),
            &mut Ledger::new(),
        )
    });
}

/// Tree to typed spec.
#[divan::bench]
fn decode(bencher: Bencher<'_, '_>) {
    let (sources, document) = read();
    bencher.bench(|| compile::decode(black_box(&document.root), &sources));
}

/// Typed spec to IR.
#[divan::bench]
fn plan(bencher: Bencher<'_, '_>) {
    let (sources, document) = read();
    let decoded = compile::decode(&document.root, &sources);
    let templates = dialect::templates(None, &mut Ledger::new());
    let platform = Platform::default();
    let settings = Settings {
        sources: &sources,
        platform: &platform,
        templates: &templates,
        namespace: None,
        annotate_target: false,
    };
    bencher.bench(|| compile::check(black_box(&decoded), &settings));
}

fn with_target<R>(target: &str, work: impl FnOnce(&dyn Fn() -> Vec<Node>) -> R) -> Option<R> {
    let (sources, document) = read();
    let leaves: Vec<Id> = account::leaves(&document, &sources).collect();
    let decoded = compile::decode(&document.root, &sources);
    let templates = dialect::templates(None, &mut Ledger::new());
    let platform = Platform::default();
    let settings = Settings {
        sources: &sources,
        platform: &platform,
        templates: &templates,
        namespace: None,
        annotate_target: false,
    };
    let dialect = dialect::find(target)?;
    Some(work(&|| {
        compile::compile(black_box(&decoded), &leaves, dialect, &settings).objects
    }))
}

/// Plan, lowering and the account, for each target.
#[divan::bench(args = ["lws", "aibrix", "grove", "rbg", "kthena"])]
fn plan_and_lower(bencher: Bencher<'_, '_>, target: &str) {
    with_target(target, |compile| bencher.bench_local(compile));
}

/// Objects to YAML.
#[divan::bench(args = ["lws", "grove"])]
fn print(bencher: Bencher<'_, '_>, target: &str) {
    with_target(target, |compile| {
        let objects = compile();
        bencher.bench_local(|| emit::documents(black_box(&objects), emit::Format::Yaml));
    });
}
