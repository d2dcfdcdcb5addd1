use crate::crd::tests::said;

/// What a rule says about a value.
fn ask(rule: &str, schema: &str, value: &str) -> Vec<String> {
    let rule = serde_json::to_string(rule).unwrap_or_default();
    let schema = schema.strip_suffix('}').unwrap_or_default();
    said(
        &format!("{schema}, x-kubernetes-validations: [{{rule: {rule}, message: wrong}}]}}"),
        value,
    )
}

const LIST: &str =
    "{type: array, items: {type: object, properties: {name: {type: string}, num: {type: integer}}}}";
const FREE: &str = "{type: object, properties: {a: {type: string}, num: {type: integer}, f: {type: number}, q: {x-kubernetes-int-or-string: true}}}";

#[test]
fn rules_that_hold() {
    let holding = [
        (
            "self.all(x, self.exists_one(y, y.name == x.name))",
            LIST,
            "[{name: a}, {name: b}]",
        ),
        (
            "self.filter(x, has(x.num)).size() == 1 && self.exists(x, x.num == 2)",
            LIST,
            "[{name: a}, {num: 2}]",
        ),
        (
            "self.map(x, x.name).isSorted() && self.map(x, x.name.size()).sum() == 2 && [3, 1].min() == 1 && [1.5, 2.5].max() == 2.5",
            LIST,
            "[{name: a}, {name: b}]",
        ),
        ("!has(self.a) || self.a.matches(r'''^x$''')", FREE, "{num: 1}"),
        (
            "self.a.lowerAscii() == 'ab' && self.a.split('B')[0].size() == 1",
            FREE,
            "{a: AB}",
        ),
        (
            "has(self.a) ? self.a.startsWith('x') : self.num > 3",
            FREE,
            "{num: 4}",
        ),
        ("self.f >= 1.0 && self.f < 2.5", FREE, "{f: 1}"),
        (
            "quantity(self.a).isGreaterThan(quantity('1Gi')) && quantity('1024Mi') == quantity('1Gi')",
            FREE,
            "{a: 1.5Gi}",
        ),
        (
            "quantity('1').isLessThan(quantity('1001m')) && isQuantity('1k') && !isQuantity('k1')",
            FREE,
            "{a: b}",
        ),
        (
            "duration(self.a) > duration('59s') && duration('1m') == duration('60s')",
            FREE,
            "{a: 1h}",
        ),
        ("self.q == 1 || self.q == '1'", FREE, "{q: '1'}"),
        (
            "'a' in self && self['a'] != ''",
            "{type: object, additionalProperties: {type: string}}",
            "{a: b}",
        ),
    ];
    for (rule, schema, value) in holding {
        assert_eq!(
            ask(rule, schema, value),
            Vec::<String>::new(),
            "{rule} of {value}"
        );
    }
}

#[test]
fn rules_that_are_broken() {
    let broken = [
        (
            "self.all(x, self.exists_one(y, y.name == x.name))",
            LIST,
            "[{name: a}, {name: a}]",
            "wrong",
        ),
        ("self.num > 3", FREE, "{num: 3}", "wrong"),
        (
            "self.num > 3",
            FREE,
            "{}",
            "no such key: num evaluating rule: wrong",
        ),
        (
            "quantity(self.a).isGreaterThan(quantity('1Gi'))",
            FREE,
            "{a: 1Gi}",
            "wrong",
        ),
        (
            "quantity(self.q).isGreaterThan(quantity('0'))",
            FREE,
            "{q: 1}",
            "no such overload evaluating rule: wrong",
        ),
        (
            "quantity(self.a) == quantity('0')",
            FREE,
            "{a: much}",
            "`much` is no quantity evaluating rule: wrong",
        ),
        (
            "1 / self.num == 1",
            FREE,
            "{num: 0}",
            "division by zero evaluating rule: wrong",
        ),
    ];
    for (rule, schema, value, why) in broken {
        let expected = vec![format!("error: `spec` breaks a rule: {why}")];
        assert_eq!(ask(rule, schema, value), expected, "{rule} of {value}");
    }
}

#[test]
fn rules_about_changes_are_not_asked_of_new_objects() {
    assert!(ask("self.a == oldSelf.a", FREE, "{a: b}").is_empty());
    let schema = "{type: object, properties: {a: {type: string}}, x-kubernetes-validations: [{rule: 'oldSelf.hasValue() || !has(self.a)', \
                  message: only later, optionalOldSelf: true}]}";
    assert_eq!(
        said(schema, "{a: b}"),
        ["error: `spec` breaks a rule: only later"]
    );
}

#[test]
fn what_cannot_be_evaluated_is_a_note() {
    for rule in [
        "self.a.noSuchFunction()",
        "cidr(self.a).containsIP('10.0.0.1')",
        "self.a ==",
        "self.a",
        "other == 1",
    ] {
        let all = ask(rule, FREE, "{a: b}");
        assert!(
            all.len() == 1 && all[0].starts_with("note: `spec` has a rule that was not evaluated, `"),
            "{rule}: {all:?}"
        );
    }
}

#[test]
fn rules_are_not_asked_where_the_form_is_wrong() {
    let all = ask("self.num > 3", FREE, "{num: x}");
    assert_eq!(all, ["error: `spec.num` is a string, must be an integer"]);
}

#[test]
fn hostile_rules_end() {
    let deep = format!("{}1{}", "(".repeat(50_000), ")".repeat(50_000));
    let long = format!("true{}", " && true".repeat(5_000));
    let nested = "self.all(a, self.all(b, self.all(c, self.all(d, a != b || c != d))))";
    let list = format!("[{}]", vec!["{name: a}"; 2_000].join(", "));
    for (rule, value) in [(deep.as_str(), "[]"), (&long, "[]"), (nested, &list)] {
        let _ = ask(rule, LIST, value);
    }
}
