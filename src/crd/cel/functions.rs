//! Functions that Kubernetes adds to CEL and the crate does not have: quantities, durations, sums of lists.
//!
//! A quantity is its canonical text here, and a duration its nanoseconds, so that equality and order are those of the values.

use crate::kubernetes::duration::Duration;
use crate::kubernetes::quantity::Quantity;
use cel::extractors::This;
use cel::{Context, ExecutionError, Value};
use std::cmp::Ordering;
use std::sync::Arc;

type Text = Arc<String>;
type List = Arc<Vec<Value>>;

/// Declares them.
pub fn declare(context: &mut Context<'_, '_>) {
    // Declaring fails only for a name that CEL has itself.
    let _ = context.add_function("quantity", quantity);
    let _ = context.add_function("isQuantity", |text: Text| Quantity::parse(&text).is_ok());
    let _ = context.add_function("isGreaterThan", |This(a): This<Text>, b: Text| {
        is(&a, &b, Ordering::Greater)
    });
    let _ = context.add_function("isLessThan", |This(a): This<Text>, b: Text| {
        is(&a, &b, Ordering::Less)
    });
    let _ = context.add_function("compareTo", |This(a): This<Text>, b: Text| {
        compare(&a, &b).map(|order| Value::Int(order as i64))
    });
    let _ = context.add_function("duration", duration);
    let _ = context.add_function("isSorted", |This(list): This<List>| {
        list.windows(2)
            .all(|pair| pair[0].partial_cmp(&pair[1]) != Some(Ordering::Greater))
    });
    let _ = context.add_function("sum", |This(list): This<List>| sum(&list));
    let _ = context.add_function("min", |This(list): This<List>| {
        extreme(&list, "min", Ordering::Less)
    });
    let _ = context.add_function("max", |This(list): This<List>| {
        extreme(&list, "max", Ordering::Greater)
    });
}

/// The sum of a list of numbers; of none, zero.
fn sum(list: &[Value]) -> Result<Value, ExecutionError> {
    let overflow = || ExecutionError::function_error("sum", "integer overflow");
    let mut total = Value::Int(0);
    for (n, item) in list.iter().enumerate() {
        total = match (&total, item) {
            (_, Value::Int(_) | Value::Float(_)) if n == 0 => item.clone(),
            (Value::Int(a), Value::Int(b)) => Value::Int(a.checked_add(*b).ok_or_else(overflow)?),
            (Value::Float(a), Value::Float(b)) => Value::Float(a + b),
            _ => return Err(ExecutionError::function_error("sum", "no such overload")),
        };
    }
    Ok(total)
}

/// The least or the greatest of a list.
fn extreme(list: &[Value], function: &str, order: Ordering) -> Result<Value, ExecutionError> {
    let better = |best: Option<Value>, item: &Value| match best {
        Some(best) if item.partial_cmp(&best) != Some(order) => Some(best),
        _ => Some(item.clone()),
    };
    let empty = || ExecutionError::function_error(function, format!("{function} called on empty list"));
    list.iter().fold(None, better).ok_or_else(empty)
}

fn failed(function: &str, text: &str) -> ExecutionError {
    ExecutionError::function_error(function, format!("`{text}` is no {function}"))
}

fn read(text: &str) -> Result<Quantity, ExecutionError> {
    Quantity::parse(text).map_err(|_| failed("quantity", text))
}

fn quantity(value: Value) -> Result<Value, ExecutionError> {
    match value {
        Value::String(text) => Ok(Value::from(read(&text)?.to_string())),
        // A number in a field that takes both, for which the API server has no such function either.
        _ => Err(ExecutionError::function_error("quantity", "no such overload")),
    }
}

fn compare(a: &str, b: &str) -> Result<Ordering, ExecutionError> {
    Ok(read(a)?.cmp(&read(b)?))
}

fn is(a: &str, b: &str, order: Ordering) -> Result<Value, ExecutionError> {
    compare(a, b).map(|found| Value::Bool(found == order))
}

fn duration(text: Text) -> Result<Value, ExecutionError> {
    let span = Duration::parse(&text).map_err(|_| failed("duration", &text))?;
    Ok(Value::Int(span.nanoseconds()))
}
