use super::*;
use crate::value::{Id, Ids, Map, Piece, Reference, Value};

fn node(value: impl Into<Node>, id: u32) -> Node {
    Node::derived(value, &Id::new(7, id).into())
}

/// The result as YAML.
fn yaml(template: &str, vars: &Vars) -> String {
    let mut out = String::new();
    crate::source::emit::yaml(&made(template, vars), &mut out);
    out
}

fn made(template: &str, vars: &Vars) -> Node {
    Template::parse("t.yaml", template)
        .and_then(|t| t.render(vars.clone()))
        .unwrap_or_else(|e| panic!("{e}\n{template}"))
}

/// `line:column: message` of what is wrong with a template, or with filling it.
fn error(template: &str, vars: &Vars) -> String {
    match Template::parse("t.yaml", template).and_then(|t| t.render(vars.clone())) {
        Ok(node) => panic!("made {node:?}"),
        Err(e) => format!("{}:{}: {}", e.line, e.column, e.message),
    }
}

fn ids(node: &Node, path: &[&str]) -> Vec<u32> {
    node.at(path)
        .map(|n| n.ids.iter().map(Id::node).collect())
        .unwrap_or_default()
}

fn vars() -> Vars {
    let role = Vars::new()
        .with("name", node("prefill", 1))
        .with("replicas", node(2i64, 2))
        .with("none", Var::None);
    Vars::new()
        .with("name", node("qwen", 3))
        .with("role", role)
        .with("unset", Var::None)
        .with("nothing", node(Value::Null, 4))
        .with("off", node(false, 5))
        .with("big", node(Value::UInt(u64::MAX), 6))
        .with("exact", node(9_007_199_254_740_993i64, 8))
        .with(
            "labels",
            node(
                [("a/b", node("x", 10)), ("c", node(1i64, 11))]
                    .into_iter()
                    .collect::<Map>(),
                9,
            ),
        )
        .with("list", node(vec![node("p", 13), node("q", 14)], 12))
}

#[test]
fn holes_are_values_of_any_kind() {
    let t = "a: \"{{ role.replicas }}\"\nb: \"{{ labels }}\"\nc: ['{{ list }}', \"{{ big }}\"]\nd: x-{{ name }}-{{role.replicas}}\ne: plain\n";
    let n = made(t, &vars());
    assert_eq!(n.get("a").and_then(Node::as_int), Some(2));
    assert_eq!(n.at(&["b", "a/b"]).and_then(Node::as_str), Some("x"));
    assert_eq!(n.at(&["c", "1"]).map(|n| &n.value), Some(&Value::UInt(u64::MAX)));
    assert_eq!(n.get("d").and_then(Node::as_str), Some("x-qwen-2"));
    assert_eq!(
        (ids(&n, &["a"]), ids(&n, &["b"]), ids(&n, &["b", "c"])),
        (vec![2], vec![9], vec![11])
    );
    assert_eq!(
        (ids(&n, &["c", "0", "1"]), ids(&n, &["d"]), ids(&n, &["e"])),
        (vec![14], vec![2, 3], vec![])
    );
}

#[test]
fn what_is_not_set_is_left_out() {
    let t = "a: \"{{ unset }}\"\nb: \"{{ nothing }}\"\nc: [1, \"{{ unset }}\"]\nd: \"{{ name if off else none }}\"\ne: null\n";
    let n = made(t, &vars());
    assert_eq!(yaml(t, &vars()), "c:\n- 1\ne: null\n");
    assert_eq!(
        ids(&n, &[]),
        [4, 5],
        "what decided the absence stays with what lacks it"
    );
}

#[test]
fn conditions_and_loops() {
    let item = |name: &str, n: i64| Vars::new().with("name", name).with("n", node(n, 20 + n as u32));
    let vars = vars().with("items", vec![item("a", 0), item("b", 1), item("c", 2)]);
    let t = "\
l:
- first
- $for: \"{{ items }}\"
  $as: it
  $if: \"{{ it.n }}\"
  \"{{ it.name }}-{{ name }}\": \"{{ it.n }}\"
- {$for: \"{{ list }}\", $as: x, $value: \"{{ x }}+\"}
- {$for: \"{{ labels }}\", $as: e, $value: \"{{ e.key }}={{ e.value }}\"}
- {$for: \"{{ unset }}\", $as: e, $value: 1}
- {$for: \"{{ [3, 4] }}\", $as: e, $value: \"{{ e }}\"}
gone: {$if: \"{{ off }}\", x: 1}
kept: {$if: true, x: 1}
";
    let want = "l:\n- first\n- b-qwen: 1\n- c-qwen: 2\n- p+\n- q+\n- a/b=x\n- c=1\n- 3\n- 4\nkept:\n  x: 1\n";
    assert_eq!(yaml(t, &vars), want);
    let n = made(t, &vars);
    assert_eq!(
        (ids(&n, &["l"]), ids(&n, &[])),
        (vec![9, 12, 20], vec![5]),
        "the condition of `a` and the lists"
    );
    assert_eq!(ids(&n, &["l", "1"]), [3, 21], "its key and its condition");
}

#[test]
fn merging() {
    let t = "\
a:
  x: 0
  $merge: [\"{{ labels }}\", \"{{ unset }}\", {$if: \"{{ off }}\", y: 1}, {$if: \"{{ name }}\", z: 2, c: 3}]
  w: 4
b: {$merge: \"{{ nothing }}\"}
c: {$merge: [{$for: \"{{ list }}\", $as: i, \"{{ i }}\": \"{{ i }}\"}]}
";
    let want = "a:\n  x: 0\n  a/b: x\n  c: 3\n  z: 2\n  w: 4\nb: {}\nc:\n  p: p\n  q: q\n";
    assert_eq!(yaml(t, &vars()), want);
    assert_eq!(ids(&made(t, &vars()), &["a"]), [3, 5, 9]);
}

#[test]
fn expressions() {
    let t = "\
int: \"{{ exact + 2 }}\"
same: \"{{ exact if name else 0 }}\"
big: \"{{ big if true else 0 }}\"
whole: \"{{ labels if not off else none }}\"
len: \"{{ list | length }}\"
text: n={{ name | upper }};{{ \"}}\" }}
join: \"{{ list | join(',') }}\"
list: \"{{ [name, list] }}\"
map: \"{{ {'k': role.replicas} }}\"
tight: \"{{ {'k': 1}}}\"
opt: \"{{ unset or nothing or name }}\"
none: \"{{ unset is none }}\"
";
    let n = made(t, &vars());
    assert_eq!(
        n.get("int").and_then(Node::as_int),
        Some(9_007_199_254_740_995),
        "not by way of a float"
    );
    assert_eq!(n.get("same").and_then(Node::as_int), Some(9_007_199_254_740_993));
    assert_eq!(n.get("big").map(|n| &n.value), Some(&Value::UInt(u64::MAX)));
    assert_eq!(n.get("text").and_then(Node::as_str), Some("n=QWEN;}}"));
    assert_eq!(n.get("join").and_then(Node::as_str), Some("p,q"));
    assert_eq!(n.at(&["list", "1", "0"]).and_then(Node::as_str), Some("p"));
    assert_eq!(
        (
            n.get("none").and_then(Node::as_bool),
            n.at(&["map", "k"]).and_then(Node::as_int)
        ),
        (Some(true), Some(2))
    );
    assert_eq!(n.at(&["tight", "k"]).and_then(Node::as_int), Some(1));
    assert_eq!(
        (ids(&n, &["int"]), ids(&n, &["same"]), ids(&n, &["whole"])),
        (vec![8], vec![3, 8], vec![5, 9])
    );
    assert_eq!(
        (ids(&n, &["whole", "c"]), ids(&n, &["len"]), ids(&n, &["join"])),
        (vec![11], vec![12], vec![12, 13, 14])
    );
    assert_eq!(ids(&n, &["opt"]), [3, 4]);
}

#[test]
fn values_cannot_break_out() {
    for evil in [
        "a: b\n- c",
        "{{ name }}",
        "\"",
        "}}",
        "# x",
        "---\n",
        "&a *b",
        "{$if: x}",
        "$merge",
        "é\u{0}\u{202e}",
    ] {
        let vars = Vars::new().with("x", evil).with("name", "leak");
        let n = made(
            "a: \"{{ x }}\"\nb: \"<{{ x }}>\"\n\"{{ x }}\": 1\nd: \"{{ x ~ '' }}\"\ne: {$value: \"{{ x }}\"}",
            &vars,
        );
        assert_eq!(n.get("a").and_then(Node::as_str), Some(evil));
        assert_eq!(
            n.get("b").and_then(Node::as_str),
            Some(format!("<{evil}>").as_str())
        );
        assert_eq!(n.get(evil).and_then(Node::as_int), Some(1));
        assert_eq!((n.get("d"), n.get("e")), (n.get("a"), n.get("a")));
        assert_eq!(n.as_map().map(Map::len), Some(5));
    }
}

#[test]
fn addresses_stay_questions() {
    let vars = Vars::new()
        .with("leader", Reference::Leader)
        .with("port", node(5i64, 1))
        .with("t", true);
    let n = made(
        "a: tcp://{{ leader }}:{{ port }}\nb: \"{{ leader if t else none }}\"",
        &vars,
    );
    let text = vec![
        Piece::Literal("tcp://".into()),
        Piece::Reference(Reference::Leader),
        Piece::Literal(":5".into()),
    ];
    assert_eq!(n.get("a").map(|n| &n.value), Some(&Value::Text(text)));
    assert!(n.get("b").is_some_and(Node::has_references));
    assert!(error("a: \"{{ leader ~ 'x' }}\"", &vars).contains("address"));
    assert!(error("\"{{ leader }}-x\": 1", &vars).contains("address"));
}

#[test]
fn mistakes_say_where() {
    let v = vars();
    let cases = [
        (
            "a:\n  b: \"x {{ nam }}\"",
            "2:9: there is no variable `nam`; did you mean `name`?",
        ),
        (
            "a: \"{{ zebra + 1 }}\"",
            "1:5: there is no variable `zebra`; there are name, role, unset",
        ),
        ("a: \"{{ name }}{{ role.nme }}\"", "1:15: `role` has no `nme`"),
        (
            "a: \"{{ unset.x }}\"",
            "1:5: `unset` is not set, so it has no `x`",
        ),
        ("a: \"{{ role.none.x }}\"", "1:5: `role.none` is not set"),
        (
            "a: \"{{ labels.nope + 1 }}\"",
            "1:5: invalid operation: tried to use + operator on unsupported types undefined",
        ),
        ("a: \"x{{ unset }}\"", "1:6: this is not set"),
        (
            "a: \"x{{ list }}\"",
            "1:6: a list or mapping cannot stand inside text",
        ),
        ("a: \"{{ name\"", "1:5: the hole has no `}}`"),
        ("a: \"{{ }}\"", "1:5: the hole is empty"),
        ("a: \"{{ 1 + }}\"", "1:5: syntax error"),
        (
            "a: \"{{ range(3) }}{{ 1 / 0 }}\"",
            "1:5: a list or mapping cannot stand",
        ),
        ("a: {{ name }}", "1:4: a hole must be quoted"),
        (
            "a: {$iff: \"{{ off }}\"}",
            "1:5: `$iff` is no directive; did you mean `$if`?",
        ),
        ("a: {$if: \"x{{ off }}\"}", "1:10: `$if` takes one hole"),
        ("$if: \"{{ off }}\"", "1:1: `$if` cannot leave out"),
        (
            "a: {$for: \"{{ list }}\", $as: x}",
            "1:5: `$for` repeats an element",
        ),
        ("- {$for: \"{{ list }}\"}", "1:4: `$for` needs `$as`"),
        (
            "a:\n- {$for: \"{{ name }}\", $as: x}",
            "2:11: `$for` takes a list or a mapping",
        ),
        ("a: {$value: 1, b: 2}", "1:5: `$value` stands for the whole"),
        ("a: {$merge: \"{{ list }}\"}", "1:5: `$merge` takes"),
        (
            "qwen: 1\n\"{{ name }}\": 2",
            "2:1: the key `qwen` is there already",
        ),
        ("a: 1\n---\nb: 1", "0:0: a template is one document"),
        ("a: 1\na: 2", "2:1: "),
        ("- 1", ""),
    ];
    for (template, want) in cases {
        let parsed = Template::parse("t.yaml", template).and_then(|t| t.render(v.clone()));
        let Err(e) = parsed else {
            assert_eq!(want, "", "{template}");
            continue;
        };
        let got = format!("{}:{}: {}", e.line, e.column, e.message);
        assert!(
            got.starts_with(want) && !want.is_empty(),
            "{template}\n got: {got}\nwant: {want}"
        );
    }
    let e = Template::parse("d/t.yaml", "a: \"{{ }}\"").unwrap_err();
    assert_eq!(e.to_string(), "template d/t.yaml:1:5: the hole is empty");
    assert_eq!(e.diagnostic().code.id, "INF3900");
}

#[test]
fn hostile_templates_end() {
    let long: Vec<Node> = (0..1000i64).map(Node::from).collect();
    let vars = vars().with("long", long);
    let mut nested = "x".to_owned();
    for _ in 0..12 {
        nested = format!("[{{$for: \"{{{{ long }}}}\", $as: i, $value: {nested}}}]");
    }
    assert!(error(&format!("a: {nested}"), &vars).contains("more values than"));
    let slow =
        "[{$for: \"{{ long }}\", $as: i, $value: [{$for: \"{{ long }}\", $as: j, $value: \"{{ i + j }}\"}]}]";
    assert!(error(&format!("a: {slow}"), &vars).contains("more values than"));
    for text in [
        "'x' * 1000000000",
        "range(100000) | map('string') | join * 1000",
        "'a' | indent(999999999)",
    ] {
        let got = error(&format!("a: \"{{{{ {text} }}}}\""), &vars);
        assert!(got.starts_with("1:5: "), "{text}: {got}");
    }
    let deep = format!("a: \"{{{{ {}1{} }}}}\"", "(".repeat(100_000), ")".repeat(100_000));
    assert!(Template::parse("t", &deep).is_err());
    assert!(Template::parse("t", &format!("a: {}", "[".repeat(100_000))).is_err());
    for text in [
        "",
        "{{",
        "a: '{{'",
        "a: '{{{{'",
        "a: '}}'",
        "\"{{ a\": 1",
        "a: '{{ \"'",
        "\u{0}",
        "a: '{{ a.b.c..d }}'",
    ] {
        let _ = Template::parse("t", text).and_then(|t| t.render(vars.clone()));
    }
}

#[test]
fn dollars_and_fixed_parts() {
    assert_eq!(
        yaml("$$ref: 1\n$$$x: {z: []}\n", &Vars::new()),
        "\"$ref\": 1\n\"$$x\":\n  z: []\n"
    );
    let n = made("a: {b: [1, 2.5, null, true, {}]}", &Vars::new());
    assert_eq!(n.all_ids(), Ids::none(), "the template itself is no input");
}

static SET: &[(&str, &str)] = &[
    ("x/a.yaml", "a: \"{{ name }}\"\n"),
    ("x/b.yaml", "b: \"{{ }}\"\n"),
];

#[test]
fn sets_and_the_users_own() {
    let vars = Vars::new().with("name", node("n", 1)).with(
        "other",
        node([("k", node(1i64, 3))].into_iter().collect::<Map>(), 2),
    );
    let set = Templates::new(SET);
    assert_eq!(
        set.render("x/a.yaml", vars.clone())
            .unwrap()
            .get("a")
            .and_then(Node::as_str),
        Some("n")
    );
    assert!(set.waiver("x/a.yaml", &vars).is_none());
    assert!(
        set.render("x/b.yaml", vars.clone())
            .unwrap_err()
            .to_string()
            .starts_with("template x/b.yaml:1:5: the hole is empty")
    );
    assert!(
        set.render("x/c.yaml", vars.clone())
            .unwrap_err()
            .message
            .contains("did you mean `x/a.yaml`")
    );
    assert!(set.render("../x/a.yaml", vars.clone()).is_err());

    let dir = std::env::temp_dir().join(format!("kubectl-infer-templates-{}", std::process::id()));
    std::fs::create_dir_all(dir.join("x")).unwrap();
    std::fs::write(dir.join("x/a.yaml"), "own: \"{{ name }}\"\n").unwrap();
    std::fs::write(dir.join(".hidden"), "").unwrap();
    let set = Templates::new(SET).with_directory(&dir).unwrap();
    assert_eq!(
        set.render("x/a.yaml", vars.clone())
            .unwrap()
            .get("own")
            .and_then(Node::as_str),
        Some("n")
    );
    let (ids, said) = set.waiver("x/a.yaml", &vars).unwrap();
    assert_eq!(ids.iter().map(Id::node).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(said.message.contains("x/a.yaml"));
    std::fs::write(dir.join("x/c.yaml"), "").unwrap();
    std::fs::write(dir.join("x/b.yaml"), "a:\n  b: [").unwrap();
    let errors = Templates::new(SET).with_directory(&dir).unwrap_err();
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(
        errors[1]
            .message
            .contains("there is no template `x/c.yaml` to replace; did you mean"),
        "{errors:?}"
    );
    std::fs::remove_dir_all(&dir).unwrap();
    assert!(Templates::new(SET).with_directory(&dir).is_err());
}
