//! Reading and writing: one short spec, and a large stream of manifests. `cargo bench --bench source`

#![allow(missing_docs, clippy::unwrap_used)]

use kubectl_infer::diagnostic::Ledger;
use kubectl_infer::source::emit::{self, Format};
use kubectl_infer::source::{Limits, parse};
use kubectl_infer::value::Node;

const SPEC: &str = "\
apiVersion: infer.dev/v1alpha1
kind: Serving
metadata:
  name: deepseek-r1
  namespace: inference
spec:
  model:
    uri: hf://deepseek-ai/DeepSeek-R1
    authSecret:
      name: hf-token
  engine:
    type: sglang
    image: lmsysorg/sglang:v0.5.23
    args: [--mem-fraction-static, \"0.9\"]
  accelerator:
    resource: nvidia.com/gpu
    perNode: 8
  roles:
  - name: prefill
    phase: prefill
    replicas: 2
    parallelism:
      tensor: 16
  - name: decode   # wide
    phase: decode
    replicas: 1
    parallelism:
      data: 32
      expert: true
  kvTransfer:
    connector: mooncake
";

fn main() {
    divan::main();
}

fn read(text: &str) -> Vec<Node> {
    let mut report = Ledger::new();
    let (_, documents) = parse("bench", text, 0, &Limits::default(), &mut report);
    assert!(!report.has_errors());
    documents.into_iter().map(|document| document.root).collect()
}

/// About 2 MB.
fn stream() -> String {
    vec![SPEC; 3000].join("---\n")
}

#[divan::bench]
fn read_spec(bencher: divan::Bencher<'_, '_>) {
    bencher.bench(|| read(SPEC));
}

#[divan::bench(sample_count = 10)]
fn read_stream(bencher: divan::Bencher<'_, '_>) {
    let text = stream();
    bencher
        .counter(divan::counter::BytesCount::of_str(&text))
        .bench(|| read(&text));
}

#[divan::bench(args = [Format::Yaml, Format::Json, Format::Kyaml])]
fn write_stream(bencher: divan::Bencher<'_, '_>, format: Format) {
    let documents = read(&stream());
    let bytes = emit::documents(&documents, format).len();
    bencher
        .counter(divan::counter::BytesCount::new(bytes))
        .bench(|| emit::documents(&documents, format));
}

/// What we are compared with.
#[divan::bench]
fn write_stream_serde_yaml(bencher: divan::Bencher<'_, '_>) {
    let mut text = String::new();
    emit::json(&Node::from(read(&stream())), &mut text);
    let documents: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    bencher.bench(|| {
        documents
            .iter()
            .map(|document| serde_yaml::to_string(document).unwrap().len())
            .sum::<usize>()
    });
}

/// What we are compared with.
#[divan::bench]
fn read_spec_serde_yaml(bencher: divan::Bencher<'_, '_>) {
    bencher.bench(|| serde_yaml::from_str::<serde_json::Value>(SPEC).unwrap());
}
