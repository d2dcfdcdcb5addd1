//! Files, directories, lists.

use super::*;
use std::fs;
use std::path::PathBuf;

/// A directory that is removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("kubectl-infer-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    }

    fn path(&self) -> String {
        self.0.to_string_lossy().into_owned()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn load_all(arguments: &[String]) -> (Sources, Vec<String>, Vec<&'static str>) {
    let (mut sources, mut report) = (Sources::new(), Ledger::new());
    let documents = load(arguments, &mut sources, &mut report);
    let texts = documents.iter().map(|document| json(&document.root)).collect();
    (
        sources,
        texts,
        report.diagnostics.iter().map(|said| said.code.id).collect(),
    )
}

#[test]
fn directories_are_read_in_order() {
    let scratch = Scratch::new("order");
    scratch.write("b.yml", "2");
    scratch.write("a.yaml", "1\n---\n11");
    scratch.write("c/d/e.JSON", "{\"x\": 3}");
    scratch.write("note.txt", "no");
    scratch.write("z.yaml", "# nothing\n");
    let (sources, texts, errors) = load_all(&[scratch.path()]);
    assert_eq!(texts, ["1", "11", "2", r#"{"x":3}"#]);
    assert_eq!(errors, Vec::<&str>::new());
    let names: Vec<_> = sources
        .files()
        .iter()
        .map(|file| file.name.rsplit('/').next().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["a.yaml", "b.yml", "e.JSON", "z.yaml"]);
}

#[test]
fn ids_of_several_files_differ() {
    let scratch = Scratch::new("ids");
    let (a, b) = (scratch.write("a.yaml", "x: 1"), scratch.write("b.yaml", "y: 2"));
    let (mut sources, mut report) = (Sources::new(), Ledger::new());
    let documents = load(&[a, b.clone(), b], &mut sources, &mut report);
    let files: Vec<_> = documents
        .iter()
        .map(|document| (document.id.file(), sources.text_of(document.id).unwrap()))
        .collect();
    assert_eq!(files, [(0, "x: 1"), (1, "y: 2"), (2, "y: 2")]);
}

#[test]
fn what_cannot_be_read() {
    let scratch = Scratch::new("bad");
    let missing = scratch.0.join("missing.yaml").to_string_lossy().into_owned();
    let empty = scratch.write("empty.yaml", "# nothing\n---\n");
    let latin = scratch.write("latin.yaml", b"a: \xe9");
    let good = scratch.write("good.yaml", "a: 1");
    fs::create_dir_all(scratch.0.join("hollow")).unwrap();
    let hollow = scratch.0.join("hollow").to_string_lossy().into_owned();
    let (_, texts, errors) = load_all(&[
        missing,
        empty,
        latin,
        hollow,
        "https://example.com/x.yaml".into(),
        good,
    ]);
    assert_eq!(errors, ["INF0001", "INF0002", "INF0004", "INF0002", "INF0001"]);
    assert_eq!(texts, [r#"{"a":1}"#]);
}

#[test]
fn large_files_are_not_even_opened() {
    let scratch = Scratch::new("large");
    let path = scratch.write("large.yaml", "");
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len((64 << 20) + 1)
        .unwrap();
    assert_eq!(load_all(&[path]).2, ["INF0003"]);
}

#[cfg(unix)]
#[test]
fn links() {
    let scratch = Scratch::new("links");
    scratch.write("..data/a.yaml", "1");
    std::os::unix::fs::symlink("..data/a.yaml", scratch.0.join("a.yaml")).unwrap();
    std::os::unix::fs::symlink(".", scratch.0.join("loop")).unwrap();
    std::os::unix::fs::symlink("gone", scratch.0.join("gone.yaml")).unwrap();
    let (_, texts, errors) = load_all(&[scratch.path()]);
    assert_eq!((texts.len(), errors.len()), (2, 0));
}

fn text(text: &str) -> (Sources, Vec<Document>, Ledger) {
    let (mut sources, mut report) = (Sources::new(), Ledger::new());
    let input = Input::Text {
        name: "t.yaml".into(),
        text: text.into(),
    };
    let documents = load_inputs(&[input], &mut sources, &Limits::default(), &mut report);
    (sources, documents, report)
}

#[test]
fn lists_are_expanded() {
    let list = "apiVersion: v1\nkind: List\nmetadata: {resourceVersion: ''}\nitems:\n- kind: A\n  x: 1\n- kind: List\n  items: [{kind: B}]\n---\nkind: C\n";
    let (sources, documents, report) = text(list);
    assert!(report.diagnostics.is_empty());
    let places: Vec<_> = documents
        .iter()
        .map(|d| (json(&d.root), sources.pointer(d.id)))
        .collect();
    let expected = [
        (r#"{"kind":"A","x":1}"#, "/items/0"),
        (r#"{"kind":"B"}"#, "/items/1/items/0"),
        (r#"{"kind":"C"}"#, ""),
    ];
    assert_eq!(
        places,
        expected.map(|(text, pointer)| (text.to_owned(), pointer.to_owned()))
    );
    let leaves: Vec<_> = sources.leaves(0).map(|id| sources.pointer(id)).collect();
    assert_eq!(
        leaves,
        ["/items/0/kind", "/items/0/x", "/items/1/items/0/kind", "/kind"]
    );
}

#[test]
fn what_only_looks_like_a_list() {
    for other in [
        "kind: List\n",
        "kind: MyList\nitems: [{a: 1}]\n",
        "kind: PodList\nspec: {}\nitems: [{kind: A}]\n",
    ] {
        assert_eq!(text(other).1.len(), 1, "{other}");
    }
    assert_eq!(text("kind: PodList\nitems: [{kind: A}, {kind: B}]\n").1.len(), 2);
    let (sources, documents, report) = text("kind: List\nitems: []\n");
    assert_eq!(
        (
            documents.len(),
            report.diagnostics.len(),
            sources.leaves(0).count()
        ),
        (0, 0, 0)
    );
}
