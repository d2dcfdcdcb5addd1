//! The codes of checks against CustomResourceDefinitions.

use crate::diagnostic::{Code, Severity};

/// All codes of this area.
pub const CODES: &[&Code] = &[
    &MISFIT,
    &UNKNOWN_FIELD,
    &DUPLICATE,
    &RULE,
    &UNDECIDED,
    &NO_DEFINITION,
    &NOT_SERVED,
    &NO_DEFINITIONS,
    &UNREADABLE,
    &METADATA,
];

/// A value that its schema does not allow.
pub const MISFIT: Code = Code {
    id: "INF3601",
    title: "value against the schema of its kind",
    severity: Severity::Error,
    explanation: "The OpenAPI schema in the CustomResourceDefinition of this kind does not allow the value: another type, none of the \
                  listed words, outside of a range, too long, not of the pattern, or a required field is missing. The API server \
                  refuses the object.\n\nChecked by `validate --crds DIR`, with the schema's defaults filled in, as the server does \
                  before it looks.",
};

/// A field that a schema does not know.
pub const UNKNOWN_FIELD: Code = Code {
    id: "INF3602",
    title: "field unknown to the schema of its kind",
    severity: Severity::Error,
    explanation: "The CustomResourceDefinition of this kind has no such field. kubectl asks for strict validation, so the API server \
                  refuses the object; clients that do not ask lose the field in silence.\n\nOften a spelling error, wrong \
                  indentation, or a field of another version of the kind.",
};

/// Two elements of a list with one key.
pub const DUPLICATE: Code = Code {
    id: "INF3603",
    title: "element twice in a list that is a map or set",
    severity: Severity::Error,
    explanation: "The schema calls this list a map of the named fields, or a set. No two elements may have the same key; the API \
                  server refuses the object.",
};

/// A broken rule.
pub const RULE: Code = Code {
    id: "INF3604",
    title: "rule of the kind broken",
    severity: Severity::Error,
    explanation: "The CustomResourceDefinition of this kind has rules in CEL (`x-kubernetes-validations`), and the object breaks this \
                  one; the message is the rule's own. Rules about changes are not asked: the object is taken as a new one.\n\nAn \
                  expression that fails, for instance over a field that is not there, counts as broken, as for the API server.",
};

/// A rule that could not be asked.
pub const UNDECIDED: Code = Code {
    id: "INF3605",
    title: "rule of the kind not evaluated",
    severity: Severity::Note,
    explanation: "A rule in CEL of the CustomResourceDefinition uses a function that is not known here, or would take too long over \
                  an object as large as this. Whether the object keeps the rule is not known: the API server will tell.",
};

/// A kind that no file defines.
pub const NO_DEFINITION: Code = Code {
    id: "INF3606",
    title: "kind without a CustomResourceDefinition",
    severity: Severity::Note,
    explanation: "`--crds` has no CustomResourceDefinition of this kind, so the object was not checked against its schema. Kinds that \
                  Kubernetes itself defines need none and are not mentioned.",
};

/// A version that a definition does not serve.
pub const NOT_SERVED: Code = Code {
    id: "INF3607",
    title: "version of a kind that is not served",
    severity: Severity::Error,
    explanation: "The CustomResourceDefinition knows the kind, but not in this version, or does not serve it: the API server answers \
                  that there is no such kind.",
};

/// Nothing to check by.
pub const NO_DEFINITIONS: Code = Code {
    id: "INF3608",
    title: "no CustomResourceDefinitions found",
    severity: Severity::Error,
    explanation: "`--crds DIR` reads the CustomResourceDefinitions of all *.yaml, *.yml and *.json files below a directory, or of one \
                  file. There are none, or they cannot be read.",
};

/// A definition that cannot be read.
pub const UNREADABLE: Code = Code {
    id: "INF3609",
    title: "CustomResourceDefinition that cannot be read",
    severity: Severity::Error,
    explanation: "A file of `--crds` that seems to define a kind of the input is not valid YAML, so objects of that kind cannot be \
                  checked.",
};

/// Metadata that no object may have.
pub const METADATA: Code = Code {
    id: "INF3610",
    title: "metadata that the API server refuses",
    severity: Severity::Error,
    explanation: "Names of custom resources are DNS subdomains (RFC 1123); keys and values of labels and annotations have rules of \
                  their own, and `metadata` has no fields but those of every Kubernetes object.",
};
