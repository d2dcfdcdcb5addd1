//! Words for a POSIX shell.

use crate::value::{Node, Piece, Text, Value};

/// A word as a POSIX shell reads it back: bare if it is harmless, in single quotes otherwise. Inside single quotes the
/// shell expands nothing; `$(NAME)` is expanded by the kubelet before any shell sees the text.
pub fn shell_quote(word: &str) -> String {
    let harmless = |b: u8| b.is_ascii_alphanumeric() || b"-_./:=,+@%".contains(&b);
    // A leading `=` would be a path search in zsh, and a bare word with `=` in front of a command an assignment.
    if !word.is_empty() && word.bytes().all(harmless) && !word.starts_with('=') {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A command line for a shell. References stand in double quotes, so that their answers may be shell expressions.
pub fn shell_join(words: &[Node]) -> Node {
    let mut line: Text = Vec::new();
    for (at, word) in words.iter().enumerate() {
        if at > 0 {
            line.push(Piece::Literal(" ".into()));
        }
        append(&mut line, &word.value);
    }
    let mut node = Node::from(compact(line));
    words.iter().for_each(|word| node.ids.merge(&word.ids));
    node
}

fn append(line: &mut Text, word: &Value) {
    let mut literal = |s: String| line.push(Piece::Literal(s.into()));
    match word {
        Value::Str(s) => literal(shell_quote(s)),
        Value::Int(n) => literal(n.to_string()),
        Value::UInt(n) => literal(n.to_string()),
        Value::Float(n) => literal(n.to_string()),
        Value::Bool(b) => literal(b.to_string()),
        Value::Text(text) => {
            for piece in text {
                match piece {
                    Piece::Literal(s) if s.is_empty() => {}
                    Piece::Literal(s) => line.push(Piece::Literal(shell_quote(s).into())),
                    Piece::Reference(_) => {
                        line.push(Piece::Literal("\"".into()));
                        line.push(piece.clone());
                        line.push(Piece::Literal("\"".into()));
                    }
                }
            }
        }
        Value::Null | Value::Seq(_) | Value::Map(_) => {}
    }
}

/// Joins neighbouring literals.
fn compact(line: Text) -> Text {
    let mut joined: Text = Vec::new();
    for piece in line {
        match (joined.last_mut(), piece) {
            (Some(Piece::Literal(before)), Piece::Literal(s)) => *before = format!("{before}{s}").into(),
            (_, piece) => joined.push(piece),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Reference;

    #[test]
    fn quotes() {
        assert_eq!(shell_quote("--port=8000"), "--port=8000");
        assert_eq!(shell_quote(""), "''");
        assert_eq!(shell_quote("it's"), r"'it'\''s'");
        assert_eq!(shell_quote("$(HOST):1"), "'$(HOST):1'");
        assert_eq!(shell_quote("{\"a\": 1}"), "'{\"a\": 1}'");
        assert_eq!(shell_quote("a\nb"), "'a\nb'");
    }

    /// A real shell reads back what was written.
    #[test]
    fn a_shell_reads_it_back() {
        let words = [
            "plain",
            "",
            "two words",
            "it's",
            "$HOME `id` \\ \"x\"",
            "*",
            "~",
            "a;b&c|d>e",
            "é\ttab",
            "!x",
            "#x",
            "-n",
        ];
        let line: Vec<String> = words.iter().map(|w| shell_quote(w)).collect();
        let script = format!("printf '%s\\0' {}", line.join(" "));
        let out = std::process::Command::new("/bin/sh")
            .args(["-c", &script])
            .output()
            .expect("/bin/sh runs");
        let read: Vec<String> = String::from_utf8(out.stdout)
            .unwrap()
            .split_terminator('\0')
            .map(str::to_owned)
            .collect();
        assert_eq!(read, words);
    }

    #[test]
    fn references_stay_open() {
        let text: Text = vec![
            Piece::Literal("--addr=".into()),
            Piece::Reference(Reference::Leader),
        ];
        let line = shell_join(&[Node::from("vllm"), Node::from(text), Node::from("a b")]);
        let Value::Text(pieces) = line.value else {
            panic!("no text")
        };
        assert_eq!(pieces[0], Piece::Literal("vllm --addr=\"".into()));
        assert_eq!(pieces[1], Piece::Reference(Reference::Leader));
        assert_eq!(pieces[2], Piece::Literal("\" 'a b'".into()));
    }
}
