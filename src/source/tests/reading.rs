//! Values as Kubernetes reads them. The expected values were printed by kubectl 1.32 and 1.35 (`kubectl label --local`).

use super::*;
use crate::value::Value;

/// The value of one plain scalar, as JSON.
fn scalar(text: &str) -> String {
    json_of(&format!("[{text}]")).trim_matches(['[', ']']).to_owned()
}

#[test]
fn words() {
    for text in [
        "y", "Y", "yes", "Yes", "YES", "on", "On", "ON", "true", "True", "TRUE",
    ] {
        assert_eq!(scalar(text), "true", "{text}");
    }
    for text in [
        "n", "N", "no", "No", "NO", "off", "Off", "OFF", "false", "False", "FALSE",
    ] {
        assert_eq!(scalar(text), "false", "{text}");
    }
    for text in ["~", "null", "Null", "NULL"] {
        assert_eq!(scalar(text), "null", "{text}");
    }
    for text in ["yES", "tRUE", "nULL", "none", "None", "nil", "nan", "inf", "oN"] {
        assert_eq!(scalar(text), format!("\"{text}\""));
    }
}

#[test]
fn numbers() {
    let table = [
        ("0", "0"),
        ("-0", "0"),
        ("12", "12"),
        ("+12", "12"),
        ("012", "10"),
        ("0777", "511"),
        ("-012", "-10"),
        ("09", "9.0"),
        ("1_000", "1000"),
        ("1_", "1"),
        ("0_7", "7"),
        ("0x1F", "31"),
        ("0X1f", "31"),
        ("-0x1F", "-31"),
        ("0x_1", "1"),
        ("0b101", "5"),
        ("0B101", "5"),
        ("-0b11", "-3"),
        ("0o17", "15"),
        ("0O17", "15"),
        ("9223372036854775807", "9223372036854775807"),
        ("9223372036854775808", "9223372036854775808"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("18446744073709551615", "18446744073709551615"),
        ("18446744073709551616", "1.8446744073709552e+19"),
        ("+18446744073709551615", "1.8446744073709552e+19"),
        ("0777777777777777777777777", "7.777777777777778e+23"),
        ("1.5", "1.5"),
        ("1.", "1.0"),
        (".5", "0.5"),
        ("-.5", "-0.5"),
        (".1_00", "0.1"),
        ("1e3", "1000.0"),
        ("1E+3", "1000.0"),
        ("1.5e-3", "0.0015"),
        ("1_0.5", "10.5"),
        ("09.5", "9.5"),
    ];
    for (text, value) in table {
        let (ours, expected): (serde_json::Value, serde_json::Value) = (
            serde_json::from_str(&scalar(text)).unwrap(),
            serde_json::from_str(value).unwrap(),
        );
        assert_eq!(ours, expected, "{text}");
    }
}

#[test]
fn near_numbers_are_strings() {
    #[rustfmt::skip]
    let texts = [
        "1:30", "190:20:30", "2001-01-01", "1e400", "0x", "0b", "0o", "0b2", "0o8", "0xg", "._5", ".1__0",
        ".1_", ".1_e3", ".e5", ".", "+", "1e", "1e+", "1.2.3", "0x1p3", "--1", "+-1", "1__e", "_1",
        "0o7777777777777777777777777", "infinity", "1.5Gi", "12k", ".5.", "e5",
    ];
    for text in texts {
        assert_eq!(scalar(text), format!("\"{text}\""));
    }
}

#[test]
fn empty_values_are_null_and_quoted_ones_strings() {
    assert_eq!(
        json_of("a:\nb: \"\"\nc: ''\nd: 'y'\ne: \"1\"\nf: |\n  1\n"),
        r#"{"a":null,"b":"","c":"","d":"y","e":"1","f":"1\n"}"#
    );
}

#[test]
fn tags() {
    let text = "[!!str 5, !!int '5', !!float 5, !!bool yes, !!null '', !foo 5, ! 5, !!binary aGVsbG8=, !!timestamp 2001-01-01, !!str]";
    assert_eq!(
        json_of(text),
        r#"["5",5,5.0,true,null,"5","5","hello","2001-01-01",""]"#
    );
    assert_eq!(json_of("!foo {a: !bar [1]}"), r#"{"a":[1]}"#);
    for text in [
        "!!int x",
        "!!bool 5",
        "!!null x",
        "!!float x",
        "!!binary '%'",
        "!!binary aGVsbG8",
        "!!binary /w==",
    ] {
        assert_eq!(
            read(&format!("a: {text}")).errors(),
            [format!("INF0022 1:{}", 5 + text.find(' ').unwrap())],
            "{text}"
        );
    }
}

#[test]
fn keys_become_strings() {
    let text = "{1: a, 1.5: b, yes: c, 012: d, 1234567.5: e, 0.00001: f, 100000.5: g, -0x10: h}";
    let keys =
        r#"{"1":"a","1.5":"b","true":"c","10":"d","1.2345675e+06":"e","1e-05":"f","100000.5":"g","-16":"h"}"#;
    assert_eq!(json_of(text), keys);
    assert_eq!(read("~: 1\nb: [x]").errors(), ["INF0013 1:1"]);
    assert_eq!(read("a: {: 1}").errors(), ["INF0013 1:5"]);
    assert_eq!(read("? [a]\n: 1").errors(), ["INF0013 1:3"]);
}

#[test]
fn block_scalars() {
    let text = "a: |\n  x\n   y\n\nb: |-\n  x\nc: |+\n  x\n\nd: >\n  x\n  y\n\n  z\ne: |\n  last";
    // The line break at the end of the file is kubectl's: its splitter adds one.
    assert_eq!(
        json_of(text),
        r#"{"a":"x\n y\n","b":"x","c":"x\n\n","d":"x y\nz\n","e":"last\n"}"#
    );
}

#[test]
fn documents() {
    assert_eq!(
        json_of("a: 1\n---\n---\n# only a comment\n---\nnull\n---\nb: 2\n...\n"),
        r#"{"a":1} {"b":2}"#
    );
    assert_eq!(json_of(""), "");
    assert_eq!(json_of("# nothing\n"), "");
    assert_eq!(json_of("\u{feff}a: 1\r\nb:\r\n- c\r\n"), r#"{"a":1,"b":["c"]}"#);
    assert_eq!(json_of("%YAML 1.1\n---\na: 1\n"), r#"{"a":1}"#);
}

#[test]
fn byte_order_marks_start_documents() {
    assert_eq!(
        json_of("a: 1\n---\n\u{feff}b: 2\nc: 3\n--- # x\r\n\u{feff}d: 4\n"),
        r#"{"a":1} {"b":2,"c":3} {"d":4}"#
    );
    assert_eq!(json_of("\u{feff}---\n\u{feff}b: 2\n"), r#"{"b":2}"#);
    assert_eq!(json_of("a: 'x\u{feff}y'"), "{\"a\":\"x\u{feff}y\"}");
    let read = read("a: 1\n---\n\u{feff}b: 2\nc: [\n");
    assert_eq!(read.documents.len(), 1);
    assert_eq!(read.errors().len(), 1, "{:?}", read.errors());
}

#[test]
fn json_is_yaml() {
    let text = "{\"a\": \"\\ud83d\\ude00 \\u00e9 \\/\",\n\t\"b\": [1, -2.5e3, true, null, {}],\n\t\"c\":{\"d\":[]}\n}";
    assert_eq!(
        json_of(text),
        r#"{"a":"😀 é /","b":[1,-2500.0,true,null,{}],"c":{"d":[]}}"#
    );
}

#[test]
fn aliases_repeat_values() {
    let read = read("a: &x {b: [1, two]}\nc: *x\nd: [*x, &y yes, *y]\ne: &z key\n*z : 1\n");
    assert_eq!(
        read.json(),
        r#"{"a":{"b":[1,"two"]},"c":{"b":[1,"two"]},"d":[{"b":[1,"two"]},true,true],"e":"key","key":1}"#
    );
    let copy = read.documents[0].root.at(&["d", "0", "b", "1"]).unwrap();
    let id = copy.ids.first().unwrap();
    assert_eq!(read.sources.pointer(id), "/d/0/b/1");
    assert_eq!(read.sources.text_of(id), Some("two"));
    // The alias itself stands in the place of the key.
    let whole = read.documents[0].root.at(&["c"]).unwrap().ids.first().unwrap();
    let place = read.sources.location(whole, true).unwrap();
    assert_eq!((place.line, place.column, place.end_column), (2, 4, 6));
    assert_eq!(read.sources.location(whole, false).unwrap().line, 1);
}

#[test]
fn redefined_anchors() {
    assert_eq!(json_of("[&a 1, *a, &a 2, *a]"), "[1,1,2,2]");
    assert_eq!(read("a: &x 1\n---\nb: *x\n").errors(), ["INF0017 3:4"]);
}

#[test]
fn merges() {
    assert_eq!(
        json_of("a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3\n  r: 4\n"),
        r#"{"a":{"p":1,"q":2},"b":{"p":1,"q":3,"r":4}}"#
    );
    assert_eq!(
        json_of("- &a {p: 1}\n- &b {p: 2, q: 2}\n- <<: [*a, *b]\n  r: 3\n"),
        r#"[{"p":1},{"p":2,"q":2},{"p":1,"q":2,"r":3}]"#
    );
    assert_eq!(json_of("{<<: {p: 1}, p: 2}"), r#"{"p":2}"#);
    assert_eq!(json_of("{'<<': 1}"), r#"{"<<":1}"#);
    assert_eq!(json_of("{p: 1, <<: {q: 2}}"), r#"{"p":1,"q":2}"#);
}

#[test]
fn what_a_merge_overrides_leaves_the_account() {
    let read = read("a: &x {p: 1, q: {z: 2}}\nb:\n  <<: *x\n  q: 3\nc: {<<: {}, d: 4}\n");
    let leaves: Vec<_> = read
        .sources
        .leaves(0)
        .map(|id| read.sources.pointer(id))
        .collect();
    assert_eq!(leaves, ["/a/p", "/a/q/z", "/b/p", "/b/q", "/c/d"]);
    let merged = read.documents[0]
        .root
        .at(&["b", "p"])
        .unwrap()
        .ids
        .first()
        .unwrap();
    assert_eq!(read.sources.key_name(merged).map(|key| key.as_str()), Some("p"));
}

#[test]
fn bad_merges() {
    assert_eq!(read("a: {b: 3, <<: {a: 1, b: 2}}").errors(), ["INF0020 1:11"]);
    assert_eq!(read("<<: 1").errors(), ["INF0019 1:1"]);
    assert_eq!(read("<<: [1]").errors(), ["INF0019 1:1"]);
    assert_eq!(read("<<: [[{a: 1}]]").errors(), ["INF0019 1:1"]);
    assert_eq!(read("<<: {a: 1}\n<<: {b: 1}").errors(), ["INF0012 2:1"]);
    assert_eq!(read("<<: {a: 1}\na: 2\na: 3").errors(), ["INF0012 3:1"]);
}

#[test]
fn duplicate_keys() {
    let read = read("a: 1\nb:\n  c: 1\n  'c': {d: 2}\n1: x\n\"1\": y\n");
    assert_eq!(read.errors(), ["INF0012 4:3", "INF0012 6:1"]);
    let first = &read.report.diagnostics[0].labels[0];
    assert_eq!(
        (read.sources.text_of(first.0), first.1.as_str()),
        (Some("1"), "first set here")
    );
    assert_eq!(json(&read.documents[0].root), r#"{"a":1,"b":{"c":1},"1":"x"}"#);
    let leaves: Vec<_> = read
        .sources
        .leaves(0)
        .map(|id| read.sources.pointer(id))
        .collect();
    assert_eq!(leaves, ["/a", "/b/c", "/1"]);
}

#[test]
fn duplicate_keys_of_large_mappings() {
    let mut text: String = (0..5000).map(|n| format!("k{n}: {n}\n")).collect();
    assert_eq!(read(&text).documents[0].root.as_map().unwrap().len(), 5000);
    text.push_str("k17: again\n");
    assert_eq!(read(&text).errors(), ["INF0012 5001:1"]);
}

#[test]
fn comments_belong_to_their_document() {
    let read = read("# one\na: 1 # two\n---\n# three\nb: 'x # no'\n# four\n");
    let texts: Vec<Vec<_>> = read
        .documents
        .iter()
        .map(|d| d.comments.iter().map(|c| (c.at, c.text.as_str())).collect())
        .collect();
    assert_eq!(
        texts,
        [
            vec![(0, " one"), (11, " two")],
            vec![(21, " three"), (41, " four")]
        ]
    );
}

#[test]
fn surprises() {
    let table = [
        ("y", "true"),
        ("Off", "false"),
        ("012", "10"),
        ("1_000", "1000"),
        ("0o7", "7"),
        ("0x1F", "31"),
        ("09", "9.0"),
        ("1e3", "1000.0"),
        ("+5", "5"),
    ];
    for (text, read) in table {
        assert_eq!(surprising(text).as_deref(), Some(read), "{text}");
    }
    for text in [
        "true",
        "False",
        "null",
        "~",
        "",
        "12",
        "-3",
        "0.90",
        "1.5",
        "\"y\"",
        "'012'",
        "abc",
        "1:30",
        ".inf",
        "18446744073709551615",
    ] {
        assert_eq!(surprising(text), None, "{text}");
    }
}

#[test]
fn one_value() {
    let value = |text: &str| {
        let mut report = Ledger::new();
        let (source, node) = parse_value("--set", text, 3, &Limits::default(), &mut report);
        assert_eq!(node.is_none(), report.has_errors(), "{text}");
        assert!(
            report
                .diagnostics
                .iter()
                .all(|said| source.origins.len() > said.at.unwrap().node() as usize),
            "{text}"
        );
        node.map(|node| (json(&node), node.ids.first().map(|id| (id.file(), id.node()))))
    };
    for (text, read) in [
        ("4", "4"),
        (" yes ", "true"),
        ("", "null"),
        ("null", "null"),
        ("a b", "\"a b\""),
        ("[a, {b: 1}]", r#"["a",{"b":1}]"#),
        ("'#'", "\"#\""),
    ] {
        assert_eq!(value(text), Some((read.to_owned(), Some((3, 0)))), "{text}");
    }
    for text in [
        "a: b",
        "- a",
        "1\n---\n2",
        "a # b",
        "[",
        "@x",
        "*x",
        "%x",
        "{a: 1, a: 2}",
    ] {
        assert_eq!(value(text), None, "{text}");
    }
}

#[test]
fn floats_are_finite() {
    for text in [".inf", "-.INF", "+.Inf", ".nan", ".NaN"] {
        assert_eq!(read(&format!("a: {text}")).errors(), ["INF0021 1:4"], "{text}");
        assert_eq!(json_of(&format!("a: '{text}'")), format!("{{\"a\":\"{text}\"}}"));
    }
    assert!(matches!(
        read("a: 1.5").documents[0].root.at(&["a"]).unwrap().value,
        Value::Float(_)
    ));
}
