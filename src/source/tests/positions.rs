//! Lines, columns, pointers.

use super::*;
use crate::value::{Id, Node};

fn id_at(read: &Read, path: &[&str]) -> Id {
    read.documents[0]
        .root
        .at(path)
        .and_then(|node: &Node| node.ids.first())
        .expect("a node with an id")
}

#[test]
fn lines_and_columns_count_characters() {
    let read = read("\u{feff}ä: ö\r\n\"b c\":\r\n  - 'é' # x\r\n  - {d: 1,\r\n     e: 2}\r\n");
    let place = |path: &[&str], key| {
        let place = read.sources.location(id_at(&read, path), key).unwrap();
        (place.line, place.column, place.end_line, place.end_column)
    };
    assert_eq!(place(&["ä"], false), (1, 4, 1, 5));
    assert_eq!(place(&["ä"], true), (1, 1, 1, 2));
    assert_eq!(place(&["b c"], true), (2, 1, 2, 6));
    assert_eq!(place(&["b c", "0"], false), (3, 5, 3, 8));
    assert_eq!(place(&["b c", "1"], false), (4, 5, 5, 11));
    assert_eq!(place(&["b c", "1", "e"], false), (5, 9, 5, 10));
    // A block collection ends with its last value, not where the parser noticed.
    assert_eq!(place(&["b c"], false), (3, 3, 5, 11));
}

#[test]
fn carriage_returns_alone_end_lines() {
    let read = read("a: 1\rb: 2\r");
    assert_eq!(
        read.sources.location(id_at(&read, &["b"]), false).unwrap().line,
        2
    );
}

#[test]
fn pointers_are_escaped() {
    let read = read("a/b~c: [x, {'': 1}]\n");
    assert_eq!(
        read.sources.pointer(id_at(&read, &["a/b~c", "1", ""])),
        "/a~1b~0c/1/"
    );
    assert_eq!(read.sources.pointer(read.documents[0].id), "");
    assert_eq!(pointer_step(&Step::Key("~/".into())), "~0~1");
    assert_eq!(pointer_step(&Step::Index(7)), "7");
    assert_eq!(pointer_step(&Step::Document(7)), "");
}

#[test]
fn documents_are_numbered() {
    let read = read("---\n---\na: 1\n---\nb: [\n---\nc: 1\n");
    let numbers: Vec<_> = read
        .documents
        .iter()
        .map(|d| read.sources.location(d.id, false).unwrap().document)
        .collect();
    assert_eq!(numbers, [0, 2]);
    assert_eq!(
        read.sources
            .location(read.report.diagnostics[0].at.unwrap(), false)
            .unwrap()
            .document,
        1
    );
}

#[test]
fn leaves_in_order() {
    let read = read("a: {}\nb: []\nc: [1, {d: ~}]\ne: ''\n---\n- x\n---\n---\nbroken: [\n");
    let leaves: Vec<_> = read
        .sources
        .leaves(0)
        .map(|id| read.sources.pointer(id))
        .collect();
    assert_eq!(leaves, ["/a", "/b", "/c/0", "/c/1/d", "/e", "/0"]);
}

#[test]
fn every_node_has_its_own_id() {
    let read = read("a: &x [1, {b: 2}]\nc: *x\nd: {<<: {e: 1}, f: 2}\n");
    let mut seen = Vec::new();
    read.documents[0]
        .root
        .walk(&mut |node| seen.extend(node.ids.iter()));
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), count);
    for id in seen {
        let path = read.sources.pointer(id);
        let path: Vec<_> = path.split('/').skip(1).collect();
        assert_eq!(id_at(&read, &path), id, "the pointer leads to the node");
    }
}

#[test]
fn errors_know_what_they_stand_in() {
    let read = read("spec:\n  roles:\n  - a: 1\n    a: 2\n");
    assert_eq!(
        read.sources.pointer(read.report.diagnostics[0].at.unwrap()),
        "/spec/roles/0"
    );
}

#[test]
fn unknown_ids_have_no_place() {
    let read = read("a: 1\n");
    assert_eq!(read.sources.location(Id::new(0, 99), false), None);
    assert_eq!(read.sources.location(Id::new(9, 0), false), None);
    assert_eq!(read.sources.pointer(Id::new(9, 0)), "");
    assert_eq!(read.sources.leaves(9).count(), 0);
}
