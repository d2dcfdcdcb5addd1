//! Input that is wrong or means harm is answered with an error that has a place, quickly.

use super::*;
use crate::diagnostic::Ledger;
use std::fmt::Write;

fn errors(text: &str) -> Vec<String> {
    let read = read(text);
    assert!(read.report.has_errors(), "{text:.80}");
    read.errors()
}

#[test]
fn syntax() {
    assert_eq!(errors("a: [1, 2\n"), ["INF0010 1:4"]);
    assert_eq!(errors("a: 'x\n"), ["INF0010 1:4"]);
    assert_eq!(errors("a: b: c\n"), ["INF0010 1:5"]);
    assert_eq!(errors("a: 1\n b: 2\n").len(), 1);
    assert_eq!(errors("a:\n\tb: 1\n").len(), 1);
    assert_eq!(errors("a: @x\n"), ["INF0010 1:4"]);
    assert_eq!(errors("a: }\n").len(), 1);
    assert_eq!(errors("a: \"\\q\"\n").len(), 1);
    assert_eq!(errors("- a\nb: 1\n").len(), 1);
}

#[test]
fn every_syntax_error_helps() {
    for text in [
        "a:\n\tb: 1\n",
        "a: [1, 2\n",
        "a: b: c\n",
        "a: @x\n",
        "a: 1\n b: 2\n",
        "a: \"\\q\"\n",
    ] {
        let read = read(text);
        assert!(
            read.report.diagnostics[0].remedy.is_some(),
            "{text}: {}",
            read.report.diagnostics[0].message
        );
    }
}

#[test]
fn other_documents_are_still_read() {
    let read = read("a: [\n---\nb: 1\n---\nc: *x\nd: .inf\n---\ne: 2\n");
    assert_eq!(read.errors(), ["INF0010 1:4", "INF0017 5:4", "INF0021 6:4"]);
    let good: Vec<_> = read.documents.iter().map(|d| json(&d.root)).collect();
    assert_eq!(good, [r#"{"b":1}"#, r#"{"e":2}"#]);
}

#[test]
fn templates() {
    assert_eq!(errors("a: {{ .Values.x }}\n"), ["INF0011 1:4"]);
    assert_eq!(errors("{{- if .x }}\na: 1\n{{- end }}\n"), ["INF0011 1:1"]);
    assert_eq!(errors("a: 1\n{{ include \"x\" . | nindent 2 }}\n").len(), 1);
    assert!(errors("a: 1\n{{ include \"x\" . | nindent 2 }}\n")[0].starts_with("INF0011"));
}

#[test]
fn anchors() {
    assert_eq!(errors("a: *nope\n"), ["INF0017 1:4"]);
    assert_eq!(errors("*nope : 1\n"), ["INF0017 1:1"]);
    assert_eq!(errors("a: &x [*x]\n"), ["INF0018 1:8"]);
    assert_eq!(errors("&x {a: *x}\n"), ["INF0018 1:8"]);
}

#[test]
fn billion_laughs() {
    let mut text = String::from("a0: &a0 lol\n");
    for n in 1..30 {
        let row = vec![format!("*a{}", n - 1); 10].join(", ");
        writeln!(text, "a{n}: &a{n} [{row}]").unwrap();
    }
    assert_eq!(errors(&text)[0].split(' ').next(), Some("INF0016"));
}

#[test]
fn alias_bytes() {
    let mut text = format!("a: &a \"{}\"\nb:\n", "x".repeat(100_000));
    text.push_str(&"- *a\n".repeat(20_000));
    assert_eq!(errors(&text), ["INF0016 170:3"]);
}

#[test]
fn nested_anchors_cost_what_they_hold() {
    let open: String = (0..90).map(|n| format!("&a{n} [")).collect();
    let text = format!("{open}{}{}", "1,".repeat(20_000), "]".repeat(90));
    assert_eq!(errors(&text)[0].split(' ').next(), Some("INF0016"));
}

#[test]
fn depth() {
    let nested = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
    assert_eq!(read(&nested(100)).errors(), Vec::<String>::new());
    assert_eq!(errors(&nested(101)), ["INF0014 1:101"]);
    assert_eq!(errors(&nested(10_000)), ["INF0014 1:102"]);
    assert_eq!(errors(&"[".repeat(100_000)).len(), 1);
    assert_eq!(errors(&"- ".repeat(100_000)).len(), 1);
    assert_eq!(errors(&"{a: ".repeat(100_000)).len(), 1);
    let block: String = (0..300).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
    assert_eq!(errors(&block), ["INF0014 101:101"]);
    assert_eq!(errors(&"? ".repeat(100_000)).len(), 1);
}

#[test]
fn depth_counts_what_aliases_hold() {
    let deep = |inner: &str| format!("{}{inner}{}", "[".repeat(60), "]".repeat(60));
    let text = format!("a: &a {}\nb: {}\n", deep("1"), deep("*a"));
    assert_eq!(errors(&text), ["INF0014 2:64"]);
}

#[test]
fn nodes() {
    let limits = Limits {
        nodes: 1000,
        ..Limits::default()
    };
    let read = read_limited(&"- 1\n".repeat(1001), &limits);
    assert_eq!(read.errors(), ["INF0015 1000:3"]);
    let two = format!("{}---\n{}", "- 1\n".repeat(600), "- 1\n".repeat(600));
    assert_eq!(read_limited(&two, &limits).errors().len(), 1);
}

#[test]
fn file_size() {
    let limits = Limits {
        file_bytes: 10,
        ..Limits::default()
    };
    let mut report = Ledger::new();
    let (source, documents) = parse("t.yaml", "a: 12345678", 0, &limits, &mut report);
    assert_eq!(
        (report.diagnostics[0].code.id, documents.len(), source.text.len()),
        ("INF0003", 0, 0)
    );
    let mut report = Ledger::new();
    parse_bytes("t.yaml", &[0xff; 11], 0, &limits, &mut report);
    assert_eq!(report.diagnostics[0].code.id, "INF0003");
}

#[test]
fn encodings() {
    let place = |bytes: &[u8]| {
        let (mut sources, mut report) = (Sources::new(), Ledger::new());
        let (source, documents) = parse_bytes("t.yaml", bytes, 0, &Limits::default(), &mut report);
        sources.push(source);
        assert_eq!(documents.len(), 0);
        let read = Read {
            sources,
            documents,
            report,
        };
        (
            read.errors().join(" "),
            read.report.diagnostics[0].message.clone(),
        )
    };
    assert_eq!(
        place(b"a: 1\nb: caf\xe9\n"),
        (
            "INF0004 2:7".into(),
            "the file is not UTF-8: byte 11 is 0xE9".into()
        )
    );
    assert_eq!(
        place(b"\xff\xfea\0:\0"),
        ("INF0004 1:1".into(), "the file is UTF-16 text, not UTF-8".into())
    );
    assert_eq!(
        place(b"a\0b"),
        (
            "INF0005 1:2".into(),
            "the text holds the control character U+0000, which YAML does not allow".into()
        )
    );
}

#[test]
fn control_characters() {
    for c in [
        '\0', '\u{7}', '\u{b}', '\u{1b}', '\u{7f}', '\u{80}', '\u{9f}', '\u{fffe}', '\u{ffff}',
    ] {
        assert_eq!(errors(&format!("ä: x{c}y\n")), ["INF0005 1:5"], "{c:?}");
        assert_eq!(errors(&format!("# {c}\n")), ["INF0005 1:3"], "{c:?}");
    }
    assert_eq!(
        json_of("\"\\x07\u{a0}\u{e000}\u{fffd}\""),
        "\"\\u0007\u{a0}\u{e000}\u{fffd}\""
    );
}

#[test]
fn errors_are_bounded() {
    let read = read(&"- .inf\n".repeat(100_000));
    assert_eq!(read.report.diagnostics.len(), 101);
    assert_eq!(read.report.diagnostics[100].code.id, "INF0023");
    let read = super::read(&"a: [\n---\n".repeat(100_000));
    assert_eq!(read.report.diagnostics.len(), 101);
}

#[test]
fn many_comments_are_fine() {
    let text = format!(
        "a:\n{}  - 1\n{}b: 2\n",
        "  # x\n".repeat(5000),
        "# y\n".repeat(5000)
    );
    assert_eq!(json_of(&text), r#"{"a":[1],"b":2}"#);
}

#[test]
fn comments_are_bounded() {
    let limits = Limits {
        nodes: 1000,
        ..Limits::default()
    };
    assert_eq!(
        read_limited(&"# x\na: 1\n---\n".repeat(200), &limits).errors(),
        Vec::<String>::new()
    );
    assert_eq!(
        read_limited(&"# x\n---\n".repeat(1001), &limits).errors()[0],
        "INF0015 2001:1"
    );
    let long = format!("a:\n{}  - 1\n", "  # x\n".repeat(1001));
    assert!(read_limited(&long, &limits).errors()[0].starts_with("INF0010"));
}

#[test]
fn large_input_is_quick() {
    let started = std::time::Instant::now();
    let keys: String = (0..50_000).map(|n| format!("k{n}: v\n")).collect();
    assert_eq!(read(&keys).documents[0].root.as_map().unwrap().len(), 50_000);
    let merged = format!(
        "<<: {{{}}}\n{keys}",
        (0..50_000)
            .map(|n| format!("k{n}: w"))
            .collect::<Vec<_>>()
            .join(", ")
    );
    assert_eq!(read(&merged).documents[0].root.as_map().unwrap().len(), 50_000);
    assert_eq!(errors(&format!("a: [{}", "1, ".repeat(100_000))).len(), 1);
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[test]
fn nothing_panics_on_pieces_of_yaml() {
    // Every sequence of four of these, which meets most states of the grammar.
    let pieces = [
        "a: ", "- ", "[", "]", "{", "}", "&x ", "*x", "<<: ", "? ", "\n", "  ", "---\n", "\u{feff}", "|\n",
        "'", "\"", "# c\n", "!!int ", "~", ",",
    ];
    let n = pieces.len();
    for code in 0..n * n * n * n {
        let text: String = [code / (n * n * n), code / (n * n) % n, code / n % n, code % n]
            .iter()
            .map(|at| pieces[*at])
            .collect();
        let read = read(&text);
        for said in &read.report.diagnostics {
            assert!(read.sources.location(said.at.unwrap(), false).is_some());
        }
        for document in &read.documents {
            json(&document.root);
        }
    }
}
