//! What counts as a difference, and how it is shown.

use super::*;
use crate::diagnostic::Ledger;
use crate::source::{Limits, parse_value};

fn yaml(text: &str) -> Node {
    let mut ledger = Ledger::new();
    let (_, node) = parse_value("test", text, 0, &Limits::default(), &mut ledger);
    assert!(ledger.diagnostics.is_empty(), "{:?}", ledger.diagnostics);
    node.unwrap()
}

fn said(old: &str, new: &str) -> Vec<String> {
    let (old, new) = (yaml(old), yaml(new));
    compare(&old, &new)
        .changes()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn elements_are_told_apart_by_their_keys() {
    let old = "{containers: [{name: a, image: i1}, {name: b, image: i2}]}";
    assert_eq!(
        said(old, "{containers: [{name: a, image: i1}, {name: b, image: i3}]}"),
        ["containers[name=b].image: i2 → i3"]
    );
    assert_eq!(
        said(old, "{containers: [{name: b, image: i2}]}"),
        [r#"containers[name=a]: removed { "name": "a", "image": "i1" }"#]
    );
    assert_eq!(
        said(old, "{containers: [{name: b, image: i2}, {name: a, image: i1}]}"),
        ["containers: order name=a, name=b → name=b, name=a"]
    );
    // The same mount under two paths; two ports of one number.
    assert_eq!(
        said(
            "{volumeMounts: [{name: v, mountPath: /a}, {name: v, mountPath: /b}]}",
            "{volumeMounts: [{name: v, mountPath: /a}, {name: v, mountPath: /b, readOnly: true}]}"
        ),
        ["volumeMounts[mountPath=/b].readOnly: added true"]
    );
    assert_eq!(
        said(
            "{ports: [{port: 53, protocol: TCP}, {port: 53, protocol: UDP}]}",
            "{ports: [{port: 53, protocol: TCP}, {port: 53, protocol: UDP, nodePort: 1}]}"
        ),
        ["ports[port=53,protocol=UDP].nodePort: added 1"]
    );
}

#[test]
fn lists_without_keys_are_compared_by_place_from_both_ends() {
    assert_eq!(
        said("{args: [--a, --c]}", "{args: [--a, --b, --c]}"),
        ["args[1]: added --b"]
    );
    assert_eq!(
        said("{args: [--a, p, --c]}", "{args: [--a, q, --c]}"),
        ["args[1]: p → q"]
    );
    assert_eq!(
        said("{finalizers: [a/b, c/d]}", "{finalizers: [c/d, a/b]}"),
        [""; 0]
    );
}

#[test]
fn values_are_compared_by_what_they_mean_where_they_stand() {
    assert_eq!(
        said(
            "{limits: {cpu: 1000m, memory: 1024Mi, gpu: '8'}, port: 80, n: 1}",
            "{limits: {cpu: 1, memory: 1Gi, gpu: 8}, port: '80', n: 1.0}"
        ),
        [""; 0]
    );
    assert_eq!(
        said("{limits: {cpu: 1}}", "{limits: {cpu: 2}}"),
        ["limits.cpu: 1 → 2"]
    );
    assert_eq!(
        said(
            "{env: [{name: A, value: '1'}]}",
            "{env: [{name: A, value: '1.0'}]}"
        ),
        [r#"env[name=A].value: 1 → 1.0"#]
    );
}

#[test]
fn lines_stand_in_their_context() {
    let old =
        yaml("{a: 1, b: 2, c: 3, d: {e: [{name: p, v: 1}, {name: q, v: 2}]}, f: \"l0\\nl1\\nl2\\nl3\\n\"}");
    let new =
        yaml("{a: 1, b: 2, c: 3, d: {e: [{name: p, v: 1}, {name: q, v: 3}]}, f: \"l0\\nl1\\nl2b\\nl3\\n\"}");
    let delta = compare(&old, &new);
    let lines = lines(&delta);
    let text = |lines: &[Line]| -> String {
        let mark = |m| match m {
            Mark::Both => ' ',
            Mark::Old => '-',
            Mark::New => '+',
        };
        lines
            .iter()
            .map(|l| format!("{}{}\n", mark(l.mark), l.text))
            .collect()
    };
    let hunks = hunks(&lines, 1);
    assert_eq!(hunks.len(), 2, "{}", text(&lines));
    assert_eq!(hunks[0].place, "d.e[name=q]");
    assert_eq!(
        text(hunks[0].lines),
        "   - name: q\n-    v: 2\n+    v: 3\n f: |\n"
    );
    assert_eq!(text(hunks[1].lines), "   l1\n-  l2\n+  l2b\n   l3\n");
}

#[test]
fn equal_trees_have_no_lines_of_their_own() {
    let node = yaml("{a: [1, {b: c}], d: null}");
    let delta = compare(&node, &node);
    assert!(delta.is_same() && delta.changes().is_empty());
    assert!(hunks(&lines(&delta), 3).is_empty());
}
