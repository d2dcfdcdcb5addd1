//! Command lines as shell scripts, for what one process cannot start by itself.

use super::scan::Word;
use crate::value::{Node, Piece, TextBuilder, Value};
use std::borrow::Cow;

/// Appends a word so that the shell reads it as one, whatever it holds. References stand in double quotes, because their
/// answers may be variables of the shell.
pub fn word(out: &mut TextBuilder, word: &Node) {
    match &word.value {
        Value::Text(pieces) => {
            // $(NAME) is replaced before the shell sees it; where it is not, single quotes keep it from the shell.
            let expands = |p: &Piece| matches!(p, Piece::Literal(s) if s.contains("$("));
            let apart = pieces.iter().any(expands);
            let quote = |out: &mut TextBuilder, around_reference: bool| {
                if apart == around_reference {
                    out.push_str("\"");
                }
            };
            quote(out, false);
            for piece in pieces {
                match piece {
                    Piece::Literal(s) if apart => out.push_str(&quoted(s)),
                    Piece::Literal(s) => out.push_str(&within_double_quotes(s)),
                    Piece::Reference(_) => {
                        quote(out, true);
                        out.push(piece.clone());
                        quote(out, true);
                    }
                }
            }
            quote(out, false);
        }
        _ => out.push_str(&quoted(Word::of(word).text())),
    }
}

/// Appends words, each after a blank.
pub fn words<'a>(out: &mut TextBuilder, words: impl IntoIterator<Item = &'a Node>) {
    for item in words {
        out.push_str(" ");
        word(out, item);
    }
}

/// A word in single quotes, if it needs any.
pub fn quoted(text: &str) -> Cow<'_, str> {
    let plain = |b: u8| {
        b.is_ascii_alphanumeric()
            || matches!(
                b,
                b'-' | b'_' | b'.' | b'/' | b':' | b'=' | b',' | b'@' | b'%' | b'+'
            )
    };
    // $(NAME) is replaced before the shell sees it, whether in quotes or not.
    if !text.is_empty() && text.bytes().all(plain) {
        text.into()
    } else {
        format!("'{}'", text.replace('\'', "'\\''")).into()
    }
}

fn within_double_quotes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '$' | '`') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// `/bin/sh -c SCRIPT` as a command and its arguments; the script has the origins of all words in it.
pub fn script(text: TextBuilder, ids: &crate::value::Ids) -> (Node, Node) {
    let command = vec![Node::from("/bin/sh"), Node::from("-c")];
    (command.into(), vec![Node::derived(text, ids)].into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Reference;
    use std::process::Command;

    /// The judge is the shell itself.
    #[test]
    fn the_shell_reads_words_as_they_are() {
        for text in [
            "plain",
            "",
            "two words",
            "it's",
            "$HOME `id` \\ \"q\"",
            "{\"a\": [1, '2']}",
            "--x=y",
            "*",
            "a\nb",
            "#x",
            "~",
            "!",
        ] {
            let mut script = TextBuilder::new();
            words(
                &mut script,
                [&Node::from("printf"), &Node::from("%s"), &Node::from(text)],
            );
            let Value::Str(script) = Node::from(script).value else {
                panic!("literals only")
            };
            let out = Command::new("/bin/sh")
                .arg("-c")
                .arg(script.trim_start())
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(out.stdout).unwrap(), text);
        }
    }

    #[test]
    fn references_stand_in_double_quotes() {
        let mut script = TextBuilder::new();
        word(
            &mut script,
            &Node::from(vec![
                Piece::Literal("a$b".into()),
                Piece::Reference(Reference::Leader),
            ]),
        );
        let expected = vec![
            Piece::Literal("\"a\\$b".into()),
            Piece::Reference(Reference::Leader),
            Piece::Literal("\"".into()),
        ];
        assert_eq!(Node::from(script).value, Value::Text(expected));
    }
}
