//! Command lines as the operator reads and rewrites them (`internal/dynamo/utils.go`, `graph.go`).

use crate::kubernetes::container::list;
use crate::value::{Ids, Node, Str};

/// An engine, as Dynamo runs it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Backend {
    /// `dynamo.vllm`.
    Vllm,
    /// `dynamo.sglang`.
    Sglang,
    /// `dynamo.trtllm`.
    Trtllm,
    /// None, or none that was recognized.
    Noop,
}

impl Backend {
    const ENGINES: [Self; 3] = [Self::Vllm, Self::Sglang, Self::Trtllm];

    /// The word of `backendFramework`, and of the Python module.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vllm => "vllm",
            Self::Sglang => "sglang",
            Self::Trtllm => "trtllm",
            Self::Noop => "noop",
        }
    }

    /// The engine of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ENGINES.into_iter().find(|e| e.as_str() == name)
    }

    /// The engines that a command line runs.
    pub fn detect(command: &[String], args: &[String]) -> Vec<Self> {
        let line: Vec<&str> = command.iter().chain(args).map(String::as_str).collect();
        let line = line.join(" ");
        let runs = |e: &Self| runs_module(&line, &format!("dynamo.{}", e.as_str()));
        Self::ENGINES.into_iter().filter(runs).collect()
    }
}

/// Where Python is called in a text.
struct Call {
    /// Where the interpreter stands.
    at: usize,
    /// Where the next word begins.
    start: usize,
    /// Where the command ends: at the next `|`, `&` or `;`.
    end: usize,
}

/// The places in a text where Python is called.
fn calls(text: &str) -> impl Iterator<Item = Call> + '_ {
    text.match_indices("python").filter_map(|(at, word)| {
        let rest = &text[at + word.len()..];
        let version = rest
            .bytes()
            .take_while(|b| b.is_ascii_digit() || *b == b'.')
            .count();
        let rest = &rest[version..];
        let space = rest.len() - rest.trim_start_matches(is_space).len();
        if space == 0 {
            return None;
        }
        let start = at + word.len() + version + space;
        let length = text[start..].find(['|', '&', ';']).unwrap_or(text.len() - start);
        Some(Call {
            at,
            start,
            end: start + length,
        })
    })
}

/// What `\s` is in Go's regular expressions.
const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}')
}

/// Whether a line calls Python with `-m` and a module.
fn runs_module(line: &str, module: &str) -> bool {
    calls(line).any(|call| {
        let called = &line[call.start..call.end];
        let flag = called
            .match_indices("-m")
            .find(|(at, _)| called[at + 2..].starts_with(is_space));
        flag.is_some_and(|(at, _)| called[at + 2..].contains(module))
    })
}

/// Whether a word is a Python interpreter, with or without path and version.
pub fn is_python(word: &str) -> bool {
    let name = word.rsplit_once('/').map_or(word, |(_, name)| name);
    let Some(version) = name.strip_prefix("python") else {
        return false;
    };
    let digits = version.bytes().take_while(u8::is_ascii_digit).count();
    let parts = &version[digits..];
    parts.is_empty()
        || parts.strip_prefix('.').is_some_and(|rest| {
            rest.split('.')
                .all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()))
        })
}

/// The words of a command or of arguments.
pub fn words(container: &Node, key: &str) -> Vec<String> {
    let word = |n: &Node| n.as_str().unwrap_or_default().to_owned();
    list(container, key).iter().map(word).collect()
}

/// Sets the command or the arguments. The words come from what was there.
pub fn set(container: &mut Node, key: &str, words: Vec<String>, ids: &Ids) {
    let mut nodes: Node = words.into_iter().map(Node::from).collect::<Vec<Node>>().into();
    nodes.ids = ids.clone();
    container.set(key, nodes);
}

/// The places of a container's command and arguments.
pub fn places(container: &Node) -> Ids {
    let mut ids = Ids::none();
    for key in ["command", "args"] {
        if let Some(node) = container.get(key) {
            ids.merge(&node.all_ids());
        }
    }
    ids
}

/// The arguments, each cut at blanks.
pub fn expanded(words: &[String]) -> Vec<String> {
    words
        .iter()
        .flat_map(|w| w.split_whitespace().map(str::to_owned))
        .collect()
}

/// The number after a flag; 1 if there is none.
pub fn flag_value(words: &[String], flag: &str) -> i64 {
    let pairs = words.windows(2).filter(|pair| pair[0] == flag);
    pairs.filter_map(|pair| pair[1].parse().ok()).next().unwrap_or(1)
}

/// Whether a flag stands with a value: as two words, or in one of them with a blank or `=` between.
pub fn has_value(words: &[String], flag: &str, value: &str) -> bool {
    let (joined, equals) = (format!("{flag} {value}"), format!("{flag}={value}"));
    words.iter().any(|w| w.contains(&joined) || w.contains(&equals))
        || words.windows(2).any(|pair| pair[0] == flag && pair[1] == value)
}

/// Quotes a word for `sh -c` as the operator does it. Not all words survive it.
pub fn quote(word: &str) -> String {
    if !word.contains([
        ' ', '\t', '\n', '\'', '"', '\\', '{', '}', '[', ']', '$', '`', '!',
    ]) {
        return word.to_owned();
    }
    let escaped = word
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('$', "\\$")
        .replace('`', "\\`")
        .replace('\'', "'\"'\"'");
    format!("\"{escaped}\"")
}

/// Whether [`quote`] and a shell change a word.
pub fn is_damaged(word: &str) -> bool {
    let quoted = quote(word) != word;
    match quoted {
        true => word.contains('\'') || word.contains("$("),
        false => word.is_empty() || word.contains(['*', '?', ';', '&', '|', '<', '>', '(', ')', '#', '~']),
    }
}

/// Quotes a word for a shell so that it survives.
pub fn quote_posix(word: &str) -> String {
    let safe = |b: u8| b.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&b);
    if !word.is_empty() && word.bytes().all(safe) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// `$(NAME)` as a shell writes it.
pub fn shell_variables(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find("$(") {
        let (head, tail) = rest.split_at(at);
        out.push_str(head);
        let name = tail[2..]
            .bytes()
            .take_while(|b| b.is_ascii_alphanumeric() || *b == b'_')
            .count();
        if name > 0 && tail[2 + name..].starts_with(')') {
            out.push_str(&format!("${{{}}}", &tail[2..2 + name]));
            rest = &tail[3 + name..];
        } else {
            out.push_str("$(");
            rest = &tail[2..];
        }
    }
    out + rest
}

/// Adds flags to a container's command line. `shell` says that a shell has to read them.
pub fn inject(container: &mut Node, flags: &str, shell: bool, backend: Backend) {
    let (command, mut args) = (words(container, "command"), words(container, "args"));
    let ids = places(container);
    if command.first().is_some_and(|c| is_python(c)) {
        if shell {
            let line: Vec<String> = command.iter().chain(&args).map(|w| quote(w)).collect();
            set(container, "command", vec!["sh".into(), "-c".into()], &ids);
            set(
                container,
                "args",
                vec![format!("exec {} {flags}", line.join(" "))],
                &ids,
            );
        } else {
            args.extend(flags.split_whitespace().map(str::to_owned));
            set(container, "args", args, &ids);
        }
        return;
    }
    for arg in &mut args {
        let new = inject_text(arg, flags, backend.as_str());
        if new != *arg {
            *arg = new;
            set(container, "args", args, &ids);
            return;
        }
    }
}

/// Adds flags behind the word in which a framework's name is last, in each call of Python.
fn inject_text(text: &str, flags: &str, framework: &str) -> String {
    let (mut out, mut done) = (String::new(), 0);
    for call in calls(text).collect::<Vec<Call>>() {
        // A call inside one that was rewritten is no other.
        if call.at < done {
            continue;
        }
        let Some(at) = text[call.start..call.end].rfind(framework) else {
            continue;
        };
        let behind = call.start + at + framework.len();
        let word = text[behind..]
            .find(|c: char| is_space(c) || "|&;".contains(c))
            .unwrap_or(text.len() - behind);
        let cut = behind + word;
        out.push_str(&text[done..cut]);
        out.push(' ');
        out.push_str(flags);
        done = cut + usize::from(cut < text.len());
        out.push_str(&text[cut..done]);
    }
    out + &text[done..]
}

/// Whether flags find a place in a text.
pub fn injectable(text: &str, framework: &str) -> bool {
    calls(text).any(|call| text[call.start..call.end].contains(framework))
}

/// Whether a container runs vLLM with elastic expert parallelism over Ray.
pub fn elastic_ray(container: &Node) -> bool {
    let all: Vec<String> = words(container, "command")
        .into_iter()
        .chain(words(container, "args"))
        .collect();
    let all = expanded(&all);
    all.iter().any(|w| w == "--enable-elastic-ep")
        && (has_value(&all, "--data-parallel-backend", "ray") || has_value(&all, "-dpb", "ray"))
}

/// A name of a variable, for lists of them.
pub fn name(entry: &Node) -> Str {
    entry
        .get("name")
        .and_then(Node::as_str)
        .unwrap_or_default()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(words: &[&str]) -> Vec<String> {
        words.iter().map(|w| (*w).to_owned()).collect()
    }

    #[test]
    fn engines_are_found() {
        let detect = |command: &[&str], args: &[&str]| Backend::detect(&texts(command), &texts(args));
        assert_eq!(
            detect(&["python3", "-m", "dynamo.vllm"], &["--model", "m"]),
            [Backend::Vllm]
        );
        assert_eq!(
            detect(&["/bin/sh", "-c"], &["cd /x && python3.11 -u -m dynamo.sglang.x"]),
            [Backend::Sglang]
        );
        assert!(detect(&["/bin/sh", "-c"], &["python3 -m x; echo dynamo.vllm"]).is_empty());
        assert!(detect(&["vllm", "serve"], &["m"]).is_empty());
        assert_eq!(
            detect(&["sh"], &["python -m dynamo.vllm & python -m dynamo.trtllm"]).len(),
            2
        );
    }

    #[test]
    fn interpreters() {
        for word in ["python", "python3", "/usr/bin/python3.11", "python3.11.2"] {
            assert!(is_python(word), "{word}");
        }
        for word in ["python3.", "pythonx", "sh", "python3.x", "/usr/bin/"] {
            assert!(!is_python(word), "{word}");
        }
    }

    #[test]
    fn flags_go_behind_the_last_name() {
        let inject = |text| inject_text(text, "--x 1", "vllm");
        assert_eq!(
            inject("python3 -m dynamo.vllm --tp 2"),
            "python3 -m dynamo.vllm --x 1 --tp 2"
        );
        assert_eq!(inject("python3 -m dynamo.vllm"), "python3 -m dynamo.vllm --x 1");
        assert_eq!(
            inject("python3 -m dynamo.vllm --model a/vllm-b c; echo vllm"),
            "python3 -m dynamo.vllm --model a/vllm-b --x 1 c; echo vllm"
        );
        assert_eq!(inject("./serve vllm"), "./serve vllm");
        assert_eq!(
            inject("python3 a.vllm|python3 -m b.vllm"),
            "python3 a.vllm --x 1|python3 -m b.vllm --x 1"
        );
    }

    #[test]
    fn quotes_as_the_operator_does() {
        assert_eq!(quote("--model"), "--model");
        assert_eq!(quote("a;b"), "a;b");
        assert_eq!(quote(r#"{"a": "$(B)"}"#), r#""{\"a\": \"\$(B)\"}""#);
        assert_eq!(shell_variables("$(A)-$(B).x $(c d)"), "${A}-${B}.x $(c d)");
        assert!(is_damaged("a;b") && is_damaged("$(X)") && is_damaged("it's"));
        assert!(!is_damaged("{\"a\": 1}") && !is_damaged("a b"));
    }
}
