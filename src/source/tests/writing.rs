//! Text that every reader understands alike, and that reads back as what it was.

use super::emit::{Format, documents};
use super::*;
use crate::value::{Map, Node, Value};
use proptest::prelude::*;

fn yaml(node: &Node) -> String {
    documents(std::slice::from_ref(node), Format::Yaml)
}

fn string(text: &str) -> String {
    yaml(&Node::from(vec![Node::from(text)]))
        .trim_start_matches("- ")
        .trim_end_matches('\n')
        .to_owned()
}

#[test]
fn plain_strings() {
    #[rustfmt::skip]
    let plain = [
        "a", "vllm/vllm-openai:v0.9.1", "--tensor-parallel-size=8", "hf://Qwen/Qwen3-32B",
        "nvidia.com/gpu", "8Gi", "500m", "30s", "a b", "prefill", "$(LWS_LEADER_ADDRESS):5557", "/dev/shm",
        "a=b", "it(s)", "v1", "_g", "100Mi", "a:b", "--", "yess", "trueish",
    ];
    for text in plain
        .iter()
        .filter(|text| !text.starts_with('$') && **text != "--")
    {
        assert_eq!(string(text), *text);
    }
}

#[test]
fn quoted_strings() {
    #[rustfmt::skip]
    let quoted = [
        "", "y", "N", "yes", "Off", "on", "true", "NULL", "~", "nil", "None", "nan", "inf", "1", "-1",
        "012", "1_000", "0x1F", "0o17", "0b1", "1e3", "1.5", ".5", ".inf", "-.inf", ".nan", "1:30",
        "2001-01-01", "12:30:45", "=", "<<", "- a", "-", "? a", ": a", "a: b", "a:", "a #b", "#a", "&a",
        "*a", "!a", "%a", "@a", "`a", "{a", "[a", "}", "]", ",", "|", ">", "'a", " a", "a ", "a  b",
        "---", "...", "... null", "a\tb", "a\rb", "a\u{85}b", "a\u{a0}b", "a\u{2028}b", "\u{feff}a",
        "a\0b", "\n", "\n\n", "0.8e", "1d", "1_000_000", "685_230.15e+03", "é", "--1",
    ];
    for text in quoted {
        assert!(
            string(text).starts_with('"') && string(text).ends_with('"'),
            "{text:?} is written {}",
            string(text)
        );
    }
}

#[test]
fn json_in_arguments_is_single_quoted() {
    assert_eq!(string(r#"{"a":"b\c"}"#), r#"'{"a":"b\c"}'"#);
    assert_eq!(string(r#""it's""#), r#"'"it''s"'"#);
    // As many quotes of one kind as of the other, or anything to escape: double quotes.
    assert_eq!(string(r#""'"#), r#""\"'""#);
    assert_eq!(string("\"\t\""), r#""\"\t\"""#);
    assert_eq!(string("\"é\""), r#""\"é\"""#);
}

#[test]
fn scripts_are_literal() {
    let script = "set -e\nif true; then\n\techo 'a: b' # c\n  fi\n\nexit 0\n";
    assert_eq!(
        string(script),
        format!(
            "|\n{}",
            "  set -e\n  if true; then\n  \techo 'a: b' # c\n    fi\n\n  exit 0"
        )
    );
    assert_eq!(string("a\nb"), "|-\n  a\n  b");
    assert_eq!(
        yaml(&Node::from(vec![Node::from("a\n\n"), Node::from("b")])),
        "- |+\n  a\n\n- b\n"
    );
    for text in ["a\n \nb", " a\nb", "\ta\nb", "\na", "a\r\nb\r\n", "a\n\u{1b}[0m"] {
        assert!(string(text).starts_with('"'), "{text:?}");
    }
}

#[test]
fn numbers() {
    let node = |value: Value| yaml(&value.into()).trim_end().to_owned();
    assert_eq!(node(Value::Int(-5)), "-5");
    assert_eq!(node(Value::UInt(u64::MAX)), "18446744073709551615");
    for (float, text) in [
        (1.0, "1.0"),
        (0.9, "0.9"),
        (1e16, "1.0e+16"),
        (1e21, "1.0e+21"),
        (1.5e300, "1.5e+300"),
        (1e-7, "1.0e-7"),
        (-0.0, "-0.0"),
        (f64::MAX, "1.7976931348623157e+308"),
        (5e-324, "5.0e-324"),
    ] {
        assert_eq!(node(Value::Float(float)), text);
    }
}

#[test]
fn layout() {
    let text = "a:\n- b: 1\n  c:\n  - - x\n    - z\n  - {}\n- []\nd: {}\ne:\n  f: null\n  \"y\": true\n";
    assert_eq!(yaml(&read(text).documents[0].root), text);
}

#[test]
fn formats() {
    let docs: Vec<_> = read("a: [1, {b: 'y'}]\n---\nc: {}\n")
        .documents
        .into_iter()
        .map(|document| document.root)
        .collect();
    assert_eq!(
        documents(&docs, Format::Yaml),
        "a:\n- 1\n- b: \"y\"\n---\nc: {}\n"
    );
    assert_eq!(documents(&docs[1..], Format::Json), "{\n    \"c\": {}\n}\n");
    assert_eq!(
        documents(&docs, Format::Json).replace([' ', '\n'], ""),
        r#"{"apiVersion":"v1","kind":"List","items":[{"a":[1,{"b":"y"}]},{"c":{}}]}"#
    );
    assert_eq!(
        documents(&docs, Format::Kyaml),
        "---\n{\n  a: [\n    1,\n    {\n      b: \"y\",\n    },\n  ],\n}\n---\n{\n  c: {},\n}\n"
    );
    for format in [Format::Yaml, Format::Json, Format::Kyaml] {
        assert_eq!(documents(&[], format), "");
    }
}

#[test]
fn kyaml() {
    // The layout of sigs.k8s.io/yaml/kyaml, by its own rules: cuddled lists of mappings, folded strings, quoted odd keys.
    let text = "spec:\n  containers:\n  - name: x\n    args: [a, b]\n  - {name: z}\n  script: \"one\\n  two\\n\"\n  'no': 1\n  a.b/c: 2\n  -x: 3\n  '1': 4\n";
    let node = read(text).documents.remove(0).root;
    let expected = r#"{
  spec: {
    containers: [{
      name: "x",
      args: [
        "a",
        "b",
      ],
    }, {
      name: "z",
    }],
    script: "\
       one\n\
      \  two\n\
      ",
    "no": 1,
    a.b/c: 2,
    "-x": 3,
    "1": 4,
  },
}
"#;
    let mut out = String::new();
    emit::kyaml(&node, &mut out);
    assert_eq!(out, expected);
    assert_eq!(json_of(&out), json(&node));
}

#[test]
fn long_keys_are_explicit() {
    for length in [200, 201, 998, 1022, 1025, 5000] {
        let key = "k".repeat(length);
        let node = Node::from(Map::from_unique(vec![
            (key.as_str().into(), Node::from(vec![Node::from("\n")])),
            ("b".into(), Node::map()),
        ]));
        let nested = Node::from(vec![node.clone(), Node::from(vec![node])]);
        for format in [Format::Yaml, Format::Kyaml] {
            assert_eq!(
                json_of(&documents(std::slice::from_ref(&nested), format)),
                json(&nested),
                "{length} {format:?}"
            );
        }
    }
}

#[test]
fn unanswered_references_are_seen_in_tests() {
    let node = Node::from(crate::value::Reference::Leader);
    assert!(std::panic::catch_unwind(|| yaml(&node)).is_err());
}

/// Strings that some reader could take for something else.
fn any_text() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        " ", "\n", "\t", ":", "#", "-", "?", "a", "y", "no", "1", "_", ".", "e", "0x", "0", "'", "\"", "\\",
        "{", "[", ",", "&", "*", "!", "|", ">", "%", "@", "`", "~", "=", "<<", "---", "...", "\r", "\u{85}",
        "\u{2028}", "\u{feff}", "\0", "é", "😀", "true", "+", "inf", "/", "$(X)", "\u{7f}",
    ]);
    prop_oneof![
        prop::collection::vec(pieces, 0..8).prop_map(|pieces| pieces.concat()),
        any::<String>()
    ]
}

fn any_node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (i64::MAX as u64 + 1..).prop_map(Value::UInt),
        any::<f64>()
            .prop_filter("finite", |f| f.is_finite())
            .prop_map(Value::Float),
        any_text().prop_map(|text| Value::Str(text.into())),
    ]
    .prop_map(Node::from);
    leaf.prop_recursive(6, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Node::from),
            prop::collection::btree_map(any_text(), inner, 0..6)
                .prop_map(|entries| entries.into_iter().collect::<Map>().into()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn what_is_written_reads_back(nodes in prop::collection::vec(any_node().prop_filter("null documents are skipped", |node| !node.is_null()), 1..3)) {
        for format in [Format::Yaml, Format::Kyaml] {
            let text = documents(&nodes, format);
            let read = read(&text);
            prop_assert_eq!(read.errors(), Vec::<String>::new(), "{}", text);
            let back: Vec<_> = read.documents.into_iter().map(|document| document.root).collect();
            prop_assert_eq!(&back, &nodes, "{}", text);
        }
    }

    #[test]
    fn json_reads_back(node in any_node().prop_filter("null documents are skipped", |node| !node.is_null())) {
        let text = documents(std::slice::from_ref(&node), Format::Json);
        let read = read(&text);
        prop_assert_eq!(read.errors(), Vec::<String>::new(), "{}", text);
        prop_assert_eq!(&read.documents[0].root, &node, "{}", text);
    }

    #[test]
    fn any_text_is_answered(text in any_text(), more in any_text()) {
        for text in [text.clone(), format!("a: {text}\nb: {more}\n"), format!("- {text}\n---\n{more}")] {
            let read = read(&text);
            for said in &read.report.diagnostics {
                prop_assert!(read.sources.location(said.at.unwrap(), false).is_some());
            }
        }
    }
}
