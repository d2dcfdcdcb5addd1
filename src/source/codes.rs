//! The codes of reading: `INF0001` to `INF0099`.

use crate::diagnostic::{Code, Severity};

/// All codes of this module, for `explain`.
pub const CODES: &[&Code] = &[
    &UNREADABLE,
    &EMPTY_INPUT,
    &TOO_LARGE,
    &NOT_UTF8,
    &CONTROL_CHARACTER,
    &SYNTAX,
    &TEMPLATE,
    &DUPLICATE_KEY,
    &KEY_TYPE,
    &DEPTH,
    &TOO_MANY_NODES,
    &ALIAS_BUDGET,
    &UNKNOWN_ANCHOR,
    &SELF_ANCHOR,
    &MERGE_TYPE,
    &MERGE_ORDER,
    &NOT_A_NUMBER,
    &TAG_MISMATCH,
    &TOO_MANY_ERRORS,
    &NOT_ONE_VALUE,
];

/// A file or directory could not be read.
pub const UNREADABLE: Code = Code {
    id: "INF0001",
    title: "input cannot be read",
    severity: Severity::Error,
    explanation: "A file, a directory or the standard input that was named with -f could not be read; the message holds what the \
                  operating system said.\n\nCheck the path and its permissions. URLs are not fetched: download the file and name it, \
                  or pipe it to `-f -`.",
};

/// An input holds no document.
pub const EMPTY_INPUT: Code = Code {
    id: "INF0002",
    title: "no documents",
    severity: Severity::Error,
    explanation: "A directory holds no *.yaml, *.yml or *.json file, or a file holds nothing but comments and blank lines, so there is \
                  nothing to work on.\n\nCheck that the path is the one that was meant, and that what produced the file worked.",
};

/// A file is larger than the limit.
pub const TOO_LARGE: Code = Code {
    id: "INF0003",
    title: "input too large",
    severity: Severity::Error,
    explanation: "Files above 64 MiB are not read. A Kubernetes object cannot exceed about 1.5 MiB, so a file of this size is most \
                  probably not a manifest.\n\nSplit it, or name the right file.",
};

/// A file is not UTF-8.
pub const NOT_UTF8: Code = Code {
    id: "INF0004",
    title: "not UTF-8",
    severity: Severity::Error,
    explanation: "Manifests are UTF-8 text. The message points to the first byte that is not.\n\nSave the file as UTF-8 (an editor, or \
                  `iconv -f latin1 -t utf8`).",
};

/// A control character in the text.
pub const CONTROL_CHARACTER: Code = Code {
    id: "INF0005",
    title: "control character",
    severity: Severity::Error,
    explanation: "YAML text must not hold control characters other than tab and line breaks, and Kubernetes' own reader refuses the whole \
                  file for one. They are invisible in most editors.\n\nRemove the character; inside a string write it as an escape in \
                  double quotes, for instance \"\\x07\".",
};

/// The text is not YAML.
pub const SYNTAX: Code = Code {
    id: "INF0010",
    title: "not valid YAML",
    severity: Severity::Error,
    explanation: "The text does not follow the grammar of YAML at the place shown; often the cause is a little above it. Frequent causes: a \
                  tab used for indentation, a `: ` or ` #` inside an unquoted string, a bracket or quote that is not closed, lines of \
                  one mapping that do not start in the same column.\n\nOther documents of the same file are still checked.",
};

/// The text is a template.
pub const TEMPLATE: Code = Code {
    id: "INF0011",
    title: "unrendered template",
    severity: Severity::Error,
    explanation: "The text holds `{{ … }}` where a value is expected, which YAML reads as a mapping whose key is a mapping. Most probably \
                  it is a Helm or Go template and not yet a manifest.\n\nRender it first, for instance `helm template CHART | kubectl \
                  infer … -f -`. If the braces are meant as text, quote the string.",
};

/// A mapping has a key twice.
pub const DUPLICATE_KEY: Code = Code {
    id: "INF0012",
    title: "duplicate key",
    severity: Severity::Error,
    explanation: "A mapping sets the same key twice. YAML forbids it, yet kubectl silently keeps the last value, so one of the two has \
                  never had an effect. Keys are compared as Kubernetes sees them: `1` and `\"1\"` are the same.\n\nRemove one of them.",
};

/// A key is not a string.
pub const KEY_TYPE: Code = Code {
    id: "INF0013",
    title: "key is not a string",
    severity: Severity::Error,
    explanation: "Keys of Kubernetes objects are strings. Numbers and truth values become strings, as in kubectl; null, lists and mappings \
                  cannot.\n\nWrite the key as a string.",
};

/// Nesting too deep.
pub const DEPTH: Code = Code {
    id: "INF0014",
    title: "nested too deeply",
    severity: Severity::Error,
    explanation: "Lists and mappings are nested more than 100 deep, counting what aliases expand to. No Kubernetes object is; the limit \
                  keeps hostile input from exhausting the stack.\n\nFlatten the document.",
};

/// Too many nodes.
pub const TOO_MANY_NODES: Code = Code {
    id: "INF0015",
    title: "too many values",
    severity: Severity::Error,
    explanation: "One file holds more than a million values. The limit bounds the memory that hostile input can take.\n\nSplit the file.",
};

/// Aliases expand too far.
pub const ALIAS_BUDGET: Code = Code {
    id: "INF0016",
    title: "aliases expand too far",
    severity: Severity::Error,
    explanation: "The anchors and aliases of one file stand for more than 100,000 values or 16 MiB of text. A few lines can describe \
                  gigabytes this way (\"billion laughs\"), so expansion has a budget.\n\nWrite the values out, or split the file.",
};

/// An alias without an anchor.
pub const UNKNOWN_ANCHOR: Code = Code {
    id: "INF0017",
    title: "unknown anchor",
    severity: Severity::Error,
    explanation: "`*name` repeats what `&name` marked earlier in the same document, and there is no such mark. Anchors do not reach over \
                  `---`.\n\nDefine the anchor before its first use. A string that starts with `*` needs quotes.",
};

/// An alias inside what it stands for.
pub const SELF_ANCHOR: Code = Code {
    id: "INF0018",
    title: "anchor contains itself",
    severity: Severity::Error,
    explanation: "`*name` stands inside the value that `&name` marks, so the value would be infinite.\n\nRepeat a part of it instead.",
};

/// A merge of something that is no mapping.
pub const MERGE_TYPE: Code = Code {
    id: "INF0019",
    title: "merge of something else than a mapping",
    severity: Severity::Error,
    explanation: "`<<` merges a mapping, or a list of mappings, into the mapping that it stands in.\n\nGive it an alias of a mapping, as in \
                  `<<: *defaults`, or quote the key if it is meant as text.",
};

/// A merge after a key that it also sets.
pub const MERGE_ORDER: Code = Code {
    id: "INF0020",
    title: "merge after a key that it also sets",
    severity: Severity::Error,
    explanation: "Readers disagree about a `<<` that follows a key which the merged mapping sets too: the YAML specification lets the \
                  explicit key win, Kubernetes' own reader lets the merged value win. When `<<` comes first all of them let the \
                  explicit key win.\n\nMove `<<` to the top of the mapping, or remove the key that is not wanted.",
};

/// Infinity or not-a-number.
pub const NOT_A_NUMBER: Code = Code {
    id: "INF0021",
    title: "infinity or not-a-number",
    severity: Severity::Error,
    explanation: "Kubernetes objects are JSON, and JSON has no infinite numbers and no NaN; kubectl refuses them.\n\nWrite a finite number, \
                  or quote the text.",
};

/// A value that its tag does not allow.
pub const TAG_MISMATCH: Code = Code {
    id: "INF0022",
    title: "value does not fit its tag",
    severity: Severity::Error,
    explanation: "A tag such as `!!int` or `!!binary` says how the text is to be read, and the text cannot be read that way.\n\nCorrect the \
                  text or remove the tag.",
};

/// Reading was given up.
pub const TOO_MANY_ERRORS: Code = Code {
    id: "INF0023",
    title: "too many errors",
    severity: Severity::Error,
    explanation: "One file has a hundred errors, and the rest of it was not read.\n\nCorrect the first ones and run again.",
};

/// A command-line value that is not one value.
pub const NOT_ONE_VALUE: Code = Code {
    id: "INF0024",
    title: "not one value",
    severity: Severity::Error,
    explanation: "What follows `=` in --set is read as one YAML value: a scalar such as `4` or `true`, or a list or mapping in brackets such \
                  as `[a, b]` and `{a: 1}`. Text that YAML reads as something else needs quotes of its own, or --set-string.",
};
