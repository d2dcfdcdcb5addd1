//! Other readers judge what we read and write: PyYAML (YAML 1.1 by the book) and, where it is installed, kubectl (the
//! reader that counts). Both see the same text as we do; the trees must be the same.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    missing_docs
)]

use kubectl_infer::diagnostic::Ledger;
use kubectl_infer::source::emit::{self, Format};
use kubectl_infer::source::{Limits, parse_bytes};
use kubectl_infer::value::{Map, Node, Value};
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

// --- PyYAML ---

/// Reads `[[name, yaml, json], …]` and prints the names whose YAML is not, type by type, what the JSON says.
const JUDGE: &str = r#"
import json, sys, yaml
def same(a, b):
    if type(a) is not type(b): return False
    if isinstance(a, dict): return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list): return len(a) == len(b) and all(map(same, a, b))
    return a == b
loaders = [yaml.CSafeLoader] if sys.argv[1] == 'c' else [yaml.SafeLoader]
for name, text, expected in json.load(sys.stdin):
    for loader in loaders:
        try:
            got = list(yaml.load_all(text, Loader=loader))
            if not same(got, json.loads(expected)): print(name, '=>', repr(got)[:200])
        except Exception as error:
            print(name, '=>', type(error).__name__, str(error).replace('\n', ' ')[:200])
"#;

fn has_pyyaml() -> bool {
    let found = Command::new("python3")
        .args(["-c", "import yaml; yaml.CSafeLoader"])
        .stderr(Stdio::null())
        .status();
    let found = found.is_ok_and(|status| status.success());
    if !found {
        eprintln!("SKIPPED: python3 with PyYAML and libyaml is not installed");
    }
    found
}

/// What PyYAML reads differently, given names, texts and the documents they must be.
fn judged_by_pyyaml(cases: &[(String, String, Vec<Node>)], loader: &str) -> Vec<String> {
    let cases: Vec<_> = cases
        .iter()
        .map(|(name, text, documents)| json!([name, text, compact(documents)]))
        .collect();
    let input = serde_json::to_vec(&cases).unwrap();
    output(Command::new("python3").args(["-c", JUDGE, loader]), &input)
        .lines()
        .map(str::to_owned)
        .collect()
}

fn output(command: &mut Command, input: &[u8]) -> String {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().unwrap()
    });
    String::from_utf8(output.stdout).unwrap()
}

/// Documents as one JSON list, written by us.
fn compact(documents: &[Node]) -> String {
    let mut text = String::new();
    emit::json(&Node::from(documents.to_vec()), &mut text);
    text
}

// --- strings ---

/// A small generator, so that every run sees the same cases.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % below
    }
}

/// Strings that some reader takes for something else, by hand and at random.
fn nasty_strings() -> Vec<String> {
    #[rustfmt::skip]
    const BY_HAND: &[&str] = &[
        "", "y", "Y", "n", "N", "yes", "Yes", "no", "NO", "on", "On", "off", "OFF", "true", "True",
        "false", "FALSE", "null", "Null", "~", "nil", "none", "nan", "NaN", "inf", ".inf", "-.INF",
        "+.inf", ".nan", ".NaN", "0", "-0", "1", "+1", "012", "09", "0777", "0o7", "0O17", "0x1F", "0X1F",
        "0x_1", "0b11", "0B11", "1_000", "1_", "1__0", "98_", "0_7", "1.", "1.5", ".5", "-.5", "1e3",
        "1E3", "1e+3", "1.5e-3", "1.5_0", "1._5", "1_0.5", "1:30", "190:20:30", "190:20:30.15", "-1:30",
        "12:30:45", "1:5", "2001-01-01", "2001-1-1", "2001-12-14t21:59:43.10-05:00",
        "2001-01-01T00:00:00Z", "2001-12-14 21:59:43.10 -5", "=", "<<", "<", ">", "|", "-", "--", "---",
        "...", "... a", "--- a", "-a", "--a", "--1", "- a", "?", "? a", ":", ": a", "a:", "a: b", "a :b",
        "a#b", "a #b", "#", "# a", "&a", "*a", "!a", "!!str a", "%a", "@a", "`a", "{", "}", "{}", "[", "]",
        "[]", ",", "a,b", "a, b", "'", "\"", "'a'", "\"a\"", "a'b", "a\"b", "\\", "a\\nb", " a", "a ", " ",
        "  ", "\t", "a\tb", "\ta", "a\t", "\n", "\n\n", "a\n", "a\n\n", "\na", "a\nb", "a\nb\n", "a\n\nb",
        " a\nb", "a\n b\n", "a\n\tb\n", "\ta\nb\n", "a \nb", "a\n \nb", "a\n#b\n", "a\n- b\n",
        "a\n---\nb\n", "a: b\nc: d\n", "a\r", "a\r\nb", "a\u{85}b", "a\u{a0}b", "a\u{2028}b\n",
        "a\u{2029}b", "\u{feff}a", "a\u{feff}", "\0", "\u{7}", "\u{1b}[0m", "\u{7f}", "\u{80}", "\u{fffe}",
        "\u{ffff}", "\u{e000}", "é", "日本語", "😀", "a\n😀\n", "_", "_1", "1a", "0a", "0xg", "1d2", "1e",
        "685.230_15e+03", "685_230.15", "0.", "+", "+.", "-.", ".", "..", ".e1", "1.e", "$(X)", "${X}",
        "%X%", "a=b", "a==b", "(a)", "<a>", "a>b", "a|b", "a&b", "a*b", "a!b", "a?b", "a@b", "8Gi", "500m",
        "1k", "1e3Mi", "10.0.0.1", "1.10", "v1.10", "::1", "fe80::1", "1.2.3.4:80", "a:80", "/a/b", "./a",
        "../a", "~/a", "1/2", "2/1/2003", "12e03", "-2E+05", "0o", "0x", "0b", "0b2", "0o8", "_0", "0__",
        "1_e3", "1e_3", "1e3_", "12h", "3d", "1h30m", "00", "-00", "08", "0.08", "1,000", "1 000", "1-2",
        "true ", "y ", "a\u{b}", "a\u{c}b",
    ];
    const PIECES: &[&str] = &[
        "a", "y", "n", "o", "e", "E", "x", "b", "0", "1", "9", "_", ".", "-", "+", ":", "#", " ", "  ", "\n",
        "\t", "'", "\"", "\\", "{", "}", "[", "]", ",", "&", "*", "!", "|", ">", "%", "@", "`", "~", "=",
        "<", "?", "/", "$", "(", ")", ";", "^", "inf", "nan", "null", "true", "no", "0x", "\r", "\u{85}",
        "\u{2028}", "\u{feff}", "\u{0}", "\u{a0}", "é", "😀", "T", "Z",
    ];
    let mut random = Random(7);
    let mut strings: Vec<String> = BY_HAND.iter().map(|text| (*text).to_owned()).collect();
    for _ in 0..6000 {
        let length = 1 + random.next(7);
        strings.push((0..length).map(|_| PIECES[random.next(PIECES.len())]).collect());
    }
    // What could be a number in some base or a time, more often than chance would have it.
    for _ in 0..3000 {
        let length = 1 + random.next(6);
        strings.push(
            (0..length)
                .map(|_| {
                    "0123456789_.-+:eExXbBoOT "[..]
                        .chars()
                        .nth(random.next(25))
                        .unwrap()
                })
                .collect(),
        );
    }
    strings
}

/// One string in every place where a string can stand.
fn everywhere(text: &str) -> Node {
    let inner: Node = Map::from_iter([
        ("k", Node::from(text)),
        (if text == "k" { "j" } else { text }, Node::from("v")),
    ])
    .into();
    let list = Node::from(vec![
        Node::from(text),
        inner.clone(),
        Node::from(vec![Node::from(text), Node::from("z")]),
        Node::from(text),
    ]);
    Map::from_iter([("list", list), ("map", inner), ("last", Node::from(text))]).into()
}

fn check_strings(loader: &str, strings: &[String]) {
    for format in [Format::Yaml, Format::Kyaml, Format::Json] {
        let write = |text: &String| {
            let documents = vec![everywhere(text)];
            (
                format!("{text:?}"),
                emit::documents(&documents, format),
                documents,
            )
        };
        let cases: Vec<_> = strings.iter().map(write).collect();
        let wrong = judged_by_pyyaml(&cases, loader);
        assert!(
            wrong.is_empty(),
            "{format:?}: {} of {} differ:\n{}",
            wrong.len(),
            cases.len(),
            wrong[..wrong.len().min(20)].join("\n")
        );
    }
}

#[test]
fn pyyaml_reads_our_strings() {
    if has_pyyaml() {
        check_strings("c", &nasty_strings());
    }
}

#[test]
fn pure_pyyaml_reads_our_strings() {
    if has_pyyaml() {
        check_strings("pure", &nasty_strings().into_iter().take(700).collect::<Vec<_>>());
    }
}

#[test]
fn pyyaml_reads_our_numbers() {
    if !has_pyyaml() {
        return;
    }
    let mut random = Random(3);
    let mut numbers = vec![
        Value::Int(i64::MIN),
        Value::Int(i64::MAX),
        Value::UInt(u64::MAX),
        Value::Float(-0.0),
        Value::Float(f64::MAX),
        Value::Float(5e-324),
    ];
    for _ in 0..2000 {
        let bits = (random.next(1 << 31) as u64) << 33 | random.next(1 << 31) as u64;
        numbers.extend([Value::Int(bits as i64), Value::Int(i64::from(bits as i16))]);
        numbers.extend(
            Some(f64::from_bits(bits))
                .filter(|f| f.is_finite())
                .map(Value::Float),
        );
        numbers.push(Value::Float(10f64.powi(random.next(60) as i32 - 30)));
    }
    let documents = vec![Node::from(
        numbers.into_iter().map(Node::from).collect::<Vec<_>>(),
    )];
    for format in [Format::Yaml, Format::Kyaml] {
        let cases = [(
            "numbers".to_owned(),
            emit::documents(&documents, format),
            documents.clone(),
        )];
        assert_eq!(judged_by_pyyaml(&cases, "c"), Vec::<String>::new());
    }
}

// --- manifests ---

/// Real manifests, where they are present.
fn manifests() -> Vec<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let shared = if beside.is_dir() {
        beside
    } else {
        PathBuf::from("/work/shared")
    };
    let mut open = vec![shared.join("corpus"), shared.join("expansions")];
    let mut files = Vec::new();
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "yaml" || extension == "yml" || extension == "json")
            {
                files.push(path);
            }
        }
    }
    files.sort();
    if files.is_empty() {
        eprintln!("SKIPPED: no manifests in {}", shared.display());
    }
    files
}

/// The documents of a file, unless it has errors.
fn documents(path: &Path) -> Option<Vec<Node>> {
    let mut report = Ledger::new();
    let bytes = std::fs::read(path).unwrap();
    let (_, documents) = parse_bytes("t", &bytes, 0, &Limits::default(), &mut report);
    (!report.has_errors()).then(|| documents.into_iter().map(|document| document.root).collect())
}

#[test]
fn pyyaml_reads_our_manifests() {
    let files = manifests();
    if files.is_empty() || !has_pyyaml() {
        return;
    }
    for format in [Format::Yaml, Format::Kyaml] {
        let mut cases = Vec::new();
        for path in &files {
            if let Some(documents) = documents(path) {
                let text = emit::documents(&documents, format);
                cases.push((path.display().to_string(), text, documents));
            }
        }
        assert!(
            cases.len() * 10 > files.len() * 9,
            "only {} of {} files are readable",
            cases.len(),
            files.len()
        );
        let wrong = judged_by_pyyaml(&cases, "c");
        assert!(
            wrong.is_empty(),
            "{format:?}: {} of {} differ:\n{}",
            wrong.len(),
            cases.len(),
            wrong[..wrong.len().min(20)].join("\n")
        );
    }
}

// --- kubectl ---

fn has_kubectl() -> bool {
    let found = Command::new("kubectl")
        .args(["version", "--client"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let found = found.is_ok_and(|status| status.success());
    if !found {
        eprintln!("SKIPPED: kubectl is not installed");
    }
    found
}

/// What kubectl reads in a text of objects, without touching any cluster.
fn read_by_kubectl(text: &str) -> Option<Vec<serde_json::Value>> {
    #[rustfmt::skip]
    let arguments = [
        "label", "--local", "--dry-run=client", "-f", "-", "infer-oracle=x", "-o", "json",
    ];
    let text = output(
        Command::new("kubectl").args(arguments).stderr(Stdio::null()),
        text.as_bytes(),
    );
    let objects = serde_json::Deserializer::from_str(&text).into_iter::<serde_json::Value>();
    objects
        .collect::<Result<Vec<_>, _>>()
        .ok()
        .filter(|objects| !objects.is_empty())
}

/// The same tree up to the order of keys, `1` and `1.0`, and the label that [`read_by_kubectl`] adds.
fn normal(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Json::Number(number) => json!(number.as_f64()),
        Json::Array(items) => items.iter().map(normal).collect(),
        Json::Object(map) => {
            let mut entries: Vec<_> = map
                .iter()
                .map(|(key, value)| (key.clone(), normal(value)))
                .collect();
            entries.retain(|(key, value)| {
                key != "infer-oracle" && !(key == "labels" && (value == &json!({}) || value.is_null()))
            });
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Json::Object(entries.into_iter().collect())
        }
        other => other.clone(),
    }
}

fn object(spec: &str) -> String {
    format!("apiVersion: example.com/v1\nkind: Thing\nmetadata: {{name: a}}\nspec:\n{spec}\n")
}

#[test]
fn kubectl_reads_plain_scalars_as_we_do() {
    if !has_kubectl() {
        return;
    }
    let mut random = Random(11);
    let alphabet: Vec<char> = "0011279_..-+:eExXbBoOyn~<=fFi".chars().collect();
    let mut scalars: Vec<String> = nasty_strings()
        .into_iter()
        .filter(|text| is_plain(text))
        .collect();
    scalars.extend(
        (0..12_000)
            .map(|_| {
                (0..1 + random.next(7))
                    .map(|_| alphabet[random.next(alphabet.len())])
                    .collect::<String>()
            })
            .filter(|text| is_plain(text)),
    );
    scalars.sort();
    scalars.dedup();
    let infinite = |text: &String| {
        [".inf", ".nan"].contains(&text.trim_start_matches(['+', '-']).to_ascii_lowercase().as_str())
    };
    scalars.retain(|text| !infinite(text));
    assert!(scalars.len() > 3000);
    let text = object(
        &scalars
            .iter()
            .map(|text| format!("- {text}"))
            .collect::<Vec<_>>()
            .join("\n"),
    );
    compare_with_kubectl(&text, &scalars);
    let keys: Vec<_> = scalars
        .iter()
        .filter(|text| !["<<", "~", "null", "Null", "NULL"].contains(&text.as_str()))
        .collect();
    let text = object(
        &keys
            .iter()
            .map(|text| format!("- {text}: 1"))
            .collect::<Vec<_>>()
            .join("\n"),
    );
    compare_with_kubectl(&text, &keys);
}

/// Whether a text is a plain scalar by grammar, whatever its value.
fn is_plain(text: &str) -> bool {
    let safe = |c: char| c.is_ascii_alphanumeric() || "_.-+:~<=/".contains(c);
    !text.is_empty()
        && text.chars().all(safe)
        && !text.starts_with([':'])
        && !text.ends_with(':')
        && text != "-"
        && text != "---"
        && text != "..."
}

fn compare_with_kubectl<T: std::fmt::Debug>(text: &str, names: &[T]) {
    let theirs = read_by_kubectl(text).expect("kubectl reads the text");
    let mut report = Ledger::new();
    let (_, ours) = parse_bytes("t", text.as_bytes(), 0, &Limits::default(), &mut report);
    assert!(!report.has_errors(), "{:?}", report.diagnostics[0].message);
    let ours: serde_json::Value = serde_json::from_str(&compact(&[ours[0].root.clone()])).unwrap();
    let (ours, theirs) = (normal(&ours[0]["spec"]), normal(&theirs[0]["spec"]));
    let pairs = ours.as_array().unwrap().iter().zip(theirs.as_array().unwrap());
    let wrong: Vec<_> = names
        .iter()
        .zip(pairs)
        .filter(|(_, (ours, theirs))| ours != theirs)
        .collect();
    assert!(
        wrong.is_empty(),
        "{} differ: {:?}",
        wrong.len(),
        &wrong[..wrong.len().min(20)]
    );
}

/// A file that is all Kubernetes objects: its name, its text, its documents as we read them.
type Manifest = (String, String, Vec<Node>);

/// How many texts kubectl read, and which it read differently. One call costs 50 ms, so many go together; a group that
/// kubectl refuses (it knows some of the types, and checks them) or reads differently is halved.
fn differences(group: &[Manifest], rewritten: bool) -> (usize, Vec<String>) {
    let texts = group.iter().map(|(_, text, documents)| {
        if rewritten {
            emit::documents(documents, Format::Yaml)
        } else {
            text.clone()
        }
    });
    let ours: Vec<_> = group
        .iter()
        .flat_map(|(.., documents)| documents.clone())
        .collect();
    let expected: serde_json::Value = serde_json::from_str(&compact(&ours)).unwrap();
    let theirs = read_by_kubectl(&texts.collect::<Vec<_>>().join("\n---\n"));
    match theirs {
        Some(theirs) if normal(&expected) == normal(&theirs.clone().into()) => (group.len(), Vec::new()),
        None if group.len() == 1 => (0, Vec::new()),
        Some(_) if group.len() == 1 => (1, vec![group[0].0.clone()]),
        _ => {
            let (left, right) = group.split_at(group.len() / 2);
            let ((n, mut wrong), (m, more)) = (differences(left, rewritten), differences(right, rewritten));
            wrong.extend(more);
            (n + m, wrong)
        }
    }
}

#[test]
fn kubectl_reads_manifests_as_we_do() {
    if !has_kubectl() {
        return;
    }
    let named = |node: &Node| {
        ["apiVersion", "kind"].iter().all(|key| node.get(key).is_some())
            && node.at(&["metadata", "name"]).is_some()
    };
    let mut all: Vec<Manifest> = Vec::new();
    // The JSON files are records of one program and all alike.
    for path in manifests()
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension != "json"))
    {
        if let Some(documents) =
            documents(path).filter(|documents| !documents.is_empty() && documents.iter().all(named))
        {
            all.push((
                path.display().to_string(),
                std::fs::read_to_string(path).unwrap(),
                documents,
            ));
        }
    }
    for group in all.chunks(64).flat_map(|group| [(group, false), (group, true)]) {
        let (compared, wrong) = differences(group.0, group.1);
        assert!(
            compared * 2 > group.0.len(),
            "kubectl read only {compared} of {}",
            group.0.len()
        );
        assert_eq!(wrong, Vec::<String>::new());
    }
}
