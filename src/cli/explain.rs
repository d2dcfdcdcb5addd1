//! `explain`: codes, and the fields of the language as `kubectl explain` shows those of an API.

use super::Streams;
use super::common::{Exit, usage_error};
use crate::diagnostic::Code;
use crate::diagnostic::closest;
use crate::dialect;
use crate::spec::schema::paragraph;
use crate::spec::shape::{FieldShape, ObjectShape, Shape};
use crate::spec::{Serving, ServingSpec};
use std::fmt::Write as _;

/// Options of `explain`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// A code (`INF1008`), a field (`serving.spec.roles.parallelism`), or options of a target (`targets.lws`)
    #[arg(value_name = "CODE|FIELD", default_value = "serving")]
    what: String,
    /// Show all fields below, not only the next level
    #[arg(long)]
    recursive: bool,
    /// List all codes
    #[arg(long)]
    codes: bool,
}

/// Runs the verb.
///
/// # Errors
/// Failures of the stream.
pub fn run(args: Args, streams: &mut Streams<'_>) -> anyhow::Result<Exit> {
    let text = if args.codes {
        Ok(list())
    } else {
        explain(&args.what, args.recursive)
    };
    match text {
        Ok(text) => {
            streams.out.write_all(text.as_bytes())?;
            Ok(Exit::Done)
        }
        Err(message) => usage_error(&message, streams),
    }
}

/// All codes, in order.
pub fn codes() -> Vec<&'static Code> {
    let areas: [&[&'static Code]; 15] = [
        crate::source::codes::CODES,
        crate::spec::codes::CODES,
        &[
            &super::common::BAD_SET,
            &super::common::NOT_A_PLATFORM,
            &super::collide::SAME_OBJECT,
        ],
        crate::plan::codes::CODES,
        crate::engine::CODES,
        crate::kubernetes::codes::CODES,
        crate::crd::codes::CODES,
        crate::template::CODES,
        crate::diagnostic::account::CODES,
        crate::ir::capability::CODES,
        crate::ir::answer::CODES,
        crate::lift::codes::CODES,
        &[&crate::compile::labels::LABELS_NEEDED],
        crate::pods::CODES,
        crate::dialect::shared::MERGE_CODES,
    ];
    let dialects = dialect::ALL.iter().flat_map(|d| d.info().codes);
    let mut codes: Vec<&'static Code> = areas.into_iter().flatten().chain(dialects).copied().collect();
    codes.sort_by_key(|c| c.id);
    codes
}

fn list() -> String {
    codes().iter().fold(String::new(), |mut out, c| {
        let _ = writeln!(out, "{}  {:7}  {}", c.id, c.severity.as_str(), c.title);
        out
    })
}

fn explain(what: &str, recursive: bool) -> Result<String, String> {
    if what.to_uppercase().starts_with("INF") && what[3..].bytes().all(|b| b.is_ascii_digit()) {
        let id = what.to_uppercase();
        let code = codes().into_iter().find(|c| c.id == id);
        return code
            .map(self::code)
            .ok_or_else(|| format!("no code {id}; `kubectl infer explain --codes` lists them"));
    }
    let mut path: Vec<&str> = what.split('.').filter(|s| !s.is_empty()).collect();
    if path.first() == Some(&"targets") {
        return target(&path[1..], recursive);
    }
    if path.first().is_some_and(|p| p.eq_ignore_ascii_case("serving")) {
        path.remove(0);
    }
    if path.first().is_some_and(|p| p.eq_ignore_ascii_case("platform")) {
        return Ok(platform(recursive));
    }
    // `explain roles` is what people type. The error is that of the place which knows the first step.
    let top = |shape: &'static ObjectShape, step: &str| shape.fields.iter().any(|f| f.name == step);
    match path.first() {
        Some(step) if !top(&Serving::SHAPE, step) => {
            field(&ServingSpec::SHAPE, &path, "serving.spec", recursive)
        }
        _ => field(&Serving::SHAPE, &path, "serving", recursive),
    }
}

/// The sections of a Platform document.
fn platform(recursive: bool) -> String {
    let mut out = String::from(
        "platform <Platform>\n  How the operators of a cluster run: `apiVersion: infer.dev/v1alpha1`, `kind: Platform`, in the input or \
         with\n  `--platform FILE`. Its `spec` has a section for each target.\n",
    );
    for dialect in dialect::ALL {
        let info = dialect.info();
        let name = format!("platform.spec.{}", info.name);
        let _ = write!(out, "\n{}", object(info.platform, &name, recursive));
    }
    out
}

fn code(code: &Code) -> String {
    format!(
        "{}: {} ({})\n\n{}\n",
        code.id,
        code.title,
        code.severity.as_str(),
        wrap(code.explanation, 0)
    )
}

fn target(path: &[&str], recursive: bool) -> Result<String, String> {
    let names = || {
        dialect::ALL
            .iter()
            .map(|d| d.info().name)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let Some((name, rest)) = path.split_first() else {
        return Err(format!("targets: {}", names()));
    };
    let info = dialect::find(name)
        .ok_or_else(|| format!("unknown target `{name}`\ntargets: {}", names()))?
        .info();
    if !rest.is_empty() {
        return field(info.options, rest, &format!("targets.{name}"), recursive).or_else(|_| {
            field(
                info.role_options,
                rest,
                &format!("roles[].targets.{name}"),
                recursive,
            )
        });
    }
    let mut out = object(info.options, &format!("spec.targets.{name}"), recursive);
    let _ = write!(
        out,
        "\n{}",
        object(
            info.role_options,
            &format!("spec.roles[].targets.{name}"),
            recursive
        )
    );
    let _ = write!(
        out,
        "\n{}",
        object(
            info.platform,
            &format!("{name} (section of a Platform document)"),
            recursive
        )
    );
    Ok(out)
}

fn field(shape: &'static ObjectShape, path: &[&str], name: &str, recursive: bool) -> Result<String, String> {
    let Some((step, rest)) = path.split_first() else {
        return Ok(object(shape, name, recursive));
    };
    let Some(field) = shape.fields.iter().find(|f| f.name == *step) else {
        let known = || shape.fields.iter().map(|f| f.name);
        let hint = closest(step, known())
            .map(|m| format!("; did you mean `{m}`?"))
            .unwrap_or_default();
        return Err(format!(
            "{name} has no field `{step}`{hint}\nfields: {}",
            known().collect::<Vec<_>>().join(", ")
        ));
    };
    let name = format!("{name}.{step}");
    let inner = element((field.shape)());
    match inner {
        Shape::Object(shape) if !rest.is_empty() => self::field(shape, rest, &name, recursive),
        Shape::Object(shape) => Ok(format!("{}\n{}", leaf(field, &name), fields(shape, recursive))),
        _ if rest.is_empty() => Ok(leaf(field, &name) + &words(&inner)),
        _ => Err(format!(
            "{name} is {} and has no fields of the language",
            type_name(&(field.shape)())
        )),
    }
}

/// What lists and mappings hold.
fn element(shape: Shape) -> Shape {
    match shape {
        Shape::List(inner) | Shape::Map(inner) => element(*inner),
        shape => shape,
    }
}

fn object(shape: &'static ObjectShape, name: &str, recursive: bool) -> String {
    format!(
        "{name} <object>\n{}\n\n{}",
        wrap(&paragraph(shape.doc), 2),
        fields(shape, recursive)
    )
}

fn leaf(field: &FieldShape, name: &str) -> String {
    let required = if field.required { " -required-" } else { "" };
    format!(
        "{name} <{}>{required}\n{}\n",
        type_name(&(field.shape)()),
        wrap(&paragraph(field.doc), 2)
    )
}

fn fields(shape: &'static ObjectShape, recursive: bool) -> String {
    let mut out = String::from("FIELDS:\n");
    list_fields(shape, 2, recursive, &mut out, &mut Vec::new());
    out
}

fn list_fields(
    shape: &'static ObjectShape,
    indent: usize,
    recursive: bool,
    out: &mut String,
    above: &mut Vec<&'static str>,
) {
    above.push(shape.name);
    for field in shape.fields {
        let required = if field.required { " -required-" } else { "" };
        let _ = writeln!(
            out,
            "{:indent$}{} <{}>{required}",
            "",
            field.name,
            type_name(&(field.shape)())
        );
        let inner = element((field.shape)());
        match inner {
            Shape::Object(inner) if recursive && !above.contains(&inner.name) => {
                list_fields(inner, indent + 2, true, out, above);
            }
            _ if recursive => {}
            _ => {
                let _ = writeln!(out, "{}\n", wrap(&paragraph(field.doc), indent + 2));
            }
        }
    }
    above.pop();
}

fn words(shape: &Shape) -> String {
    let Shape::Choice { words, .. } = shape else {
        return String::new();
    };
    words
        .iter()
        .fold(String::from("\nVALUES:\n"), |mut out, (word, doc)| {
            let _ = writeln!(out, "  {word}\n{}", wrap(doc, 4));
            out
        })
}

fn type_name(shape: &Shape) -> String {
    match shape {
        Shape::String(None) => "string".into(),
        Shape::String(Some(format)) => (*format).into(),
        Shape::Integer { .. } => "integer".into(),
        Shape::Number => "number".into(),
        Shape::Boolean => "boolean".into(),
        Shape::IntOrString => "integer or percentage".into(),
        Shape::Choice { words, .. } => words.iter().map(|(w, _)| *w).collect::<Vec<_>>().join("|"),
        Shape::List(item) => format!("[]{}", type_name(item)),
        Shape::Map(item) => format!("map[string]{}", type_name(item)),
        Shape::Object(shape) => shape.name.into(),
        Shape::Kubernetes(kind) => format!("Kubernetes {kind}"),
        Shape::Any => "any".into(),
    }
}

/// Text in lines of 100 characters, indented; blank lines stay.
fn wrap(text: &str, indent: usize) -> String {
    let paragraphs: Vec<String> = text.split("\n\n").map(|p| wrap_paragraph(p, indent)).collect();
    paragraphs.join("\n\n")
}

fn wrap_paragraph(text: &str, indent: usize) -> String {
    let (mut out, mut column) = (String::new(), 0);
    for word in text.split_whitespace() {
        if column == 0 || column + 1 + word.chars().count() > 100 {
            out.push_str(if out.is_empty() { "" } else { "\n" });
            let _ = write!(out, "{:indent$}{word}", "");
            column = indent + word.chars().count();
        } else {
            let _ = write!(out, " {word}");
            column += 1 + word.chars().count();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn codes_are_unique_and_well_formed() {
        let codes = super::codes();
        for pair in codes.windows(2) {
            assert_ne!(pair[0].id, pair[1].id, "two codes with one number");
        }
        for code in codes {
            assert!(code.id.len() == 7 && code.id.starts_with("INF"), "{}", code.id);
            assert!(
                code.explanation.len() > 40 && !code.title.is_empty(),
                "{} says nothing",
                code.id
            );
        }
    }
}
