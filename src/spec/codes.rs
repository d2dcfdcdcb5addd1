//! Codes of decoding: what is wrong with the spelling of a spec.

use crate::diagnostic::{Code, Severity::Error, Severity::Note, Severity::Warning};

/// A key that the language does not have.
pub const UNKNOWN_FIELD: Code = Code {
    id: "INF0101",
    title: "unknown field",
    severity: Error,
    explanation: "The language is strict: a key that it does not know is an error, because a misspelt field that is ignored in \
                  silence is found in production.\n\nThe message lists the known fields of the mapping and, where one is close, \
                  what was probably meant. `kubectl infer explain serving.spec` prints all fields.",
};

/// A value of the wrong type.
pub const EXPECTED: Code = Code {
    id: "INF0102",
    title: "wrong type",
    severity: Error,
    explanation: "The value has another type than the field. Mind how Kubernetes reads plain YAML scalars: `1.10` is a number, \
                  `yes`, `no`, `on` and `off` are booleans, `012` is ten. Quote what is meant as a string.",
};

/// A required field is missing.
pub const MISSING: Code = Code {
    id: "INF0103",
    title: "missing field",
    severity: Error,
    explanation: "The field has no default and must be written. `kubectl infer explain` marks such fields with `required`.",
};

/// A word that is none of the choices.
pub const NOT_A_CHOICE: Code = Code {
    id: "INF0104",
    title: "not one of the choices",
    severity: Error,
    explanation: "The field takes one of a few words, spelt as listed; upper and lower case count.",
};

/// A number outside the range of its field.
pub const OUT_OF_RANGE: Code = Code {
    id: "INF0105",
    title: "number out of range",
    severity: Error,
    explanation: "The number is outside what the field can hold. Counts of pods and replicas are 32-bit numbers in Kubernetes; \
                  ports go from 1 to 65535.",
};

/// A plain scalar that is not what it looks like.
pub const SURPRISING_SCALAR: Code = Code {
    id: "INF0106",
    title: "scalar read differently than it looks",
    severity: Warning,
    explanation: "Kubernetes reads YAML 1.1 scalars: `yes` and `on` are true, `012` is octal, `1_000` is a thousand, `0o17` is \
                  fifteen. The value was read that way. Write it plainly, or quote it if a string is meant.",
};

/// A scalar that has the right type and the wrong form.
pub const MALFORMED: Code = Code {
    id: "INF0107",
    title: "malformed value",
    severity: Error,
    explanation: "The text is not of the form that the field needs: a quantity (`500m`, `64Gi`), a duration (`90s`, `10m`, \
                  `1h30m`), a number or a percentage (`1`, `25%`), a URI.",
};

/// The document is not a Serving of a known version.
pub const NOT_A_SERVING: Code = Code {
    id: "INF0108",
    title: "unknown kind or version of infer.dev",
    severity: Error,
    explanation: "Documents of the API group `infer.dev` are read by this tool; this one has a kind or version that it does not \
                  know. Known: `apiVersion: infer.dev/v1alpha1` with `kind: Serving` or `kind: Platform`.",
};

/// A document that is no object.
pub const NO_OBJECT: Code = Code {
    id: "INF0113",
    title: "not an object",
    severity: Error,
    explanation: "Every document of the input is an object with `apiVersion` and `kind`: a spec, a Platform, or an object of Kubernetes \
                  that passes through. kubectl would refuse this one. `kubectl infer init` prints a spec to start from.",
};

/// A list or mapping without anything in it.
pub const EMPTY: Code = Code {
    id: "INF0110",
    title: "empty list or mapping",
    severity: Note,
    explanation: "A list or mapping without anything in it says nothing: it is the same as none, unless it takes the place of a \
                  more general one.",
};

/// All codes of this area.
pub const CODES: &[&Code] = &[
    &UNKNOWN_FIELD,
    &EXPECTED,
    &MISSING,
    &NOT_A_CHOICE,
    &OUT_OF_RANGE,
    &SURPRISING_SCALAR,
    &MALFORMED,
    &NOT_A_SERVING,
    &NO_OBJECT,
    &EMPTY,
];
