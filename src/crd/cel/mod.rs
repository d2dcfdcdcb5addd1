//! Rules in CEL (`x-kubernetes-validations`), asked of an object as if it were new.

mod cost;
mod functions;
mod input;

use super::codes::{RULE, UNDECIDED};
use super::cursor::{Cursor, Step};
use super::fields;
use super::schema::{Rule, Schema};
use crate::value::{Node, Value};
use cel::common::types::CelOptional;
use cel::{Context, Env, ExecutionError, Program};
use std::sync::{Arc, OnceLock};

/// The language that Kubernetes speaks: CEL, its libraries for strings and lists, and functions of Kubernetes.
fn environment() -> &'static Arc<Env> {
    static ENVIRONMENT: OnceLock<Arc<Env>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let mut env = Env::stdlib();
        // These fail only for names that are declared already, and nothing is.
        let _ = env.add_extension(cel::extensions::strings);
        let _ = env.add_extension(cel::extensions::lists);
        Arc::new(env)
    })
}

/// What a rule says about a value.
enum Answer {
    /// It holds, or is not asked.
    Holds,
    /// It does not hold.
    Broken(String),
    /// It cannot be evaluated.
    Unknown(String),
}

/// Asks all rules of a value and of everything below it.
pub fn check(node: &Node, schema: &Schema, root: bool, cursor: &mut Cursor<'_>) {
    if !schema.rules.is_empty() && !node.is_null() {
        let own = input::value(node, schema, root);
        for rule in &schema.rules {
            let answer = ask(rule, &own, node);
            tell(answer, rule, node, cursor);
        }
    }
    match &node.value {
        Value::Map(map) => {
            for (key, value) in map {
                let Some(inner) = schema.field(key) else { continue };
                let step = fields::step(Some(schema), key);
                cursor.below(step, value.ids.first(), |cursor| {
                    check(value, inner, inner.embedded, cursor)
                });
            }
        }
        Value::Seq(seq) => {
            let Some(inner) = schema.items.as_deref() else {
                return;
            };
            for (n, item) in seq.iter().enumerate() {
                let step = Step::Index(n);
                cursor.below(step, item.ids.first(), |cursor| {
                    check(item, inner, inner.embedded, cursor)
                });
            }
        }
        _ => {}
    }
}

fn ask(rule: &Rule, own: &cel::Value, node: &Node) -> Answer {
    let program = rule.program.get_or_init(|| compile(&rule.text));
    let program = match program {
        Ok(program) => program,
        Err(why) => return Answer::Unknown(why.clone()),
    };
    if program.references().has_variable("oldSelf") && !rule.optional_old_self {
        return Answer::Holds;
    }
    if !cost::affordable(program, node) {
        return Answer::Unknown("it would take too long over an object of this size".to_owned());
    }
    match evaluate(program, own) {
        Ok(cel::Value::Bool(true)) => Answer::Holds,
        Ok(cel::Value::Bool(false)) => Answer::Broken(message(rule, own)),
        Ok(_) => Answer::Unknown("it has no truth value".to_owned()),
        Err(error) => failed(&error, rule, own),
    }
}

fn compile(text: &str) -> Result<Program, String> {
    environment()
        .compile(text)
        .map_err(|errors| format!("it is not understood: {}", one_line(&errors.to_string())))
}

fn evaluate(program: &Program, own: &cel::Value) -> Result<cel::Value, ExecutionError> {
    let mut context = Context::with_env(Arc::clone(environment()));
    functions::declare(&mut context);
    context.add_variable_from_value("self", own.clone());
    context.add_variable_as_val("oldSelf", Box::new(CelOptional::none()));
    program.execute(&context)
}

/// What the API server says when the rule does not hold.
fn message(rule: &Rule, own: &cel::Value) -> String {
    let made = rule.message_expression.as_deref().and_then(|text| {
        let program = compile(text).ok()?;
        match evaluate(&program, own) {
            Ok(cel::Value::String(text)) if !text.trim().is_empty() => Some(one_line(&text)),
            _ => None,
        }
    });
    made.or_else(|| rule.message.as_deref().map(one_line))
        .unwrap_or_else(|| format!("failed rule: {}", one_line(&rule.text)))
}

/// An expression that fails is a rule that is broken, where it fails for the API server too.
fn failed(error: &ExecutionError, rule: &Rule, own: &cel::Value) -> Answer {
    let why = match error {
        ExecutionError::NoSuchKey(key) => format!("no such key: {key}"),
        ExecutionError::FunctionError { message, .. } => message.clone(),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "division by zero".to_owned()
        }
        ExecutionError::IndexOutOfBounds(_) => "index out of bounds".to_owned(),
        ExecutionError::Overflow(..) => "integer overflow".to_owned(),
        ExecutionError::UndeclaredReference(name) => {
            return Answer::Unknown(format!("`{name}` is not known here"));
        }
        // The values themselves may be secrets.
        ExecutionError::NoSuchOverload(error) => {
            return Answer::Unknown(format!(
                "`{}` is not known here for these values",
                error.function()
            ));
        }
        _ => return Answer::Unknown("an operation in it is not known here for these values".to_owned()),
    };
    Answer::Broken(format!("{why} evaluating rule: {}", message(rule, own)))
}

fn tell(answer: Answer, rule: &Rule, node: &Node, cursor: &mut Cursor<'_>) {
    let written = one_line(&rule.text);
    match answer {
        Answer::Holds => {}
        Answer::Unknown(why) => {
            cursor.report(
                &UNDECIDED,
                &format!("has a rule that was not evaluated, `{written}`: {why}"),
            );
        }
        Answer::Broken(message) => {
            let mut said = cursor.diagnostic(&RULE, &format!("breaks a rule: {message}"));
            if let Some(blamed) = rule.field_path.as_deref().and_then(|path| below(node, path)) {
                let at = blamed.ids.first().or(said.at);
                said = said.at(at);
            }
            cursor.say(said.reason(format!("the rule is `{written}`")));
        }
    }
}

/// The value at a field path like `.spec.template['a.b']`, as far as it goes.
fn below<'n>(node: &'n Node, path: &str) -> Option<&'n Node> {
    let keys = path
        .split(['.', '[', ']', '\'', '"'])
        .filter(|key| !key.is_empty());
    let mut here = node;
    for key in keys {
        let Some(next) = here.get(key) else { break };
        here = next;
    }
    Some(here)
}

/// A text in one line of no more than 300 characters.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(300) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

#[cfg(test)]
mod tests;
