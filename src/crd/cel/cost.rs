//! What a rule may cost: loops inside loops over long lists are not begun.

use crate::value::{Node, Value};
use cel::Program;
use cel::common::ast::{EntryExpr, Expr, IdedExpr};

/// The most steps of the innermost loop.
const MOST: u64 = 2_000_000;

/// Whether a rule can be asked of a value in reasonable time.
pub fn affordable(program: &Program, node: &Node) -> bool {
    let mut longest = 1_u64;
    node.walk(&mut |n| {
        let length = match &n.value {
            Value::Seq(seq) => seq.len(),
            Value::Map(map) => map.len(),
            _ => 0,
        };
        longest = longest.max(length as u64);
    });
    longest.saturating_pow(loops(program.expression())) <= MOST
}

/// How deep loops stand inside each other.
fn loops(expression: &IdedExpr) -> u32 {
    let deepest = |all: &mut dyn Iterator<Item = &IdedExpr>| all.map(loops).max().unwrap_or(0);
    match &expression.expr {
        Expr::Call(call) => deepest(&mut call.args.iter().chain(call.target.as_deref())),
        Expr::Comprehension(c) => {
            let outside = deepest(&mut [&c.iter_range, &c.accu_init, &c.result].into_iter());
            let inside = deepest(&mut [&c.loop_cond, &c.loop_step].into_iter());
            outside.max(1 + inside)
        }
        Expr::List(list) => deepest(&mut list.elements.iter()),
        Expr::Select(select) => loops(&select.operand),
        Expr::Map(map) => map.entries.iter().map(|e| entry(&e.expr)).max().unwrap_or(0),
        Expr::Struct(made) => made.entries.iter().map(|e| entry(&e.expr)).max().unwrap_or(0),
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => 0,
    }
}

fn entry(entry: &EntryExpr) -> u32 {
    match entry {
        EntryExpr::StructField(field) => loops(&field.value),
        EntryExpr::MapEntry(entry) => loops(&entry.key).max(loops(&entry.value)),
    }
}
