//! What the parts of the compiler that run for every document cost: `cargo bench --bench parts`.

use divan::{Bencher, black_box};
use kubectl_infer::diagnostic::{IdSet, Ledger, account, balance};
use kubectl_infer::source::{Limits, Sources, parse};
use kubectl_infer::template::{Template, Vars};
use kubectl_infer::value::Node;

fn main() {
    divan::main();
}

/// Forty holes that are names, ten mappings of ten fixed values.
#[divan::bench]
fn template_of_names(bencher: Bencher<'_, '_>) {
    let holes: String = (0..40)
        .map(|n| format!("  key{n}: \"{{{{ group.variable{n} }}}}\"\n"))
        .collect();
    let fixed: String = (0..10)
        .map(|n| format!("  m{n}: {{a: 1, b: x, c: [1, 2], d: {{e: 1}}}}\n"))
        .collect();
    let template = Template::parse("bench.yaml", &format!("spec:\n{holes}fixed:\n{fixed}"));
    let group: Vars = (0..40i64)
        .map(|n| (format!("variable{n}"), Node::from(n)))
        .collect();
    let vars = Vars::new().with("group", group);
    bencher.bench(|| template.as_ref().map(|t| t.render(black_box(vars.clone()))));
}

/// One hole that needs an expression.
#[divan::bench]
fn template_expression(bencher: Bencher<'_, '_>) {
    let template = Template::parse("bench.yaml", "a: \"{{ size + 1 if size > 1 else none }}\"\n");
    let vars = Vars::new().with("size", 4i64);
    bencher.bench(|| template.as_ref().map(|t| t.render(black_box(vars.clone()))));
}

/// A document of sixty leaves, all of which arrived, eight of them by the word of the ledger.
#[divan::bench]
fn account_of_sixty_leaves(bencher: Bencher<'_, '_>) {
    let text: String = (0..20)
        .map(|n| format!("key{n}:\n  a: {{b: 1, c: 2}}\n  d: {{e: {{f: 3}}}}\n"))
        .collect();
    let mut sources = Sources::new();
    let (source, documents) = parse("bench.yaml", &text, 0, &Limits::default(), &mut Ledger::new());
    sources.push(source);
    let arrived = documents[0].root.clone();
    bencher.bench(|| {
        let mut ledger = Ledger::new();
        let set = IdSet::of_nodes([black_box(&arrived)]);
        balance(
            &mut ledger,
            &sources,
            account::leaves(&documents[0], &sources),
            &set,
        );
        ledger
    });
}
