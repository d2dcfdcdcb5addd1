//! Options of dialects, read for nobody in particular: their spelling is checked before a target is chosen.

use crate::diagnostic::Ledger;
use crate::dialect;
use crate::source::Sources;
use crate::spec::Serving;
use crate::spec::decode::Decoder;
use crate::spec::shape::{ObjectShape, Shape};
use crate::value::Node;

/// Reports keys that the options of a dialect do not have, in all `targets` of the spec.
pub fn check(serving: &Serving, sources: &Sources, ledger: &mut Ledger) {
    let Some(spec) = &serving.spec else { return };
    let mut decoder = Decoder { sources, ledger };
    for dialect in dialect::ALL {
        let info = dialect.info();
        let mut options = |targets: Option<&Node>, shape| {
            if let Some(own) = targets.and_then(|t| t.get(info.name)) {
                object(own, shape, &mut decoder);
            }
        };
        options(spec.targets.as_ref(), info.options);
        for role in spec.roles.iter().flatten() {
            options(role.targets.as_ref(), info.role_options);
        }
    }
}

fn object(node: &Node, shape: &ObjectShape, decoder: &mut Decoder<'_>) {
    for (key, value) in node.as_map().into_iter().flatten() {
        match shape.fields.iter().find(|f| f.name == key.as_str()) {
            Some(field) => self::value(value, &(field.shape)(), decoder),
            None => decoder.unknown_field(key, value, shape),
        }
    }
    let missing = |f: &&crate::spec::shape::FieldShape| f.required && node.get(f.name).is_none();
    if node.as_map().is_some() {
        shape
            .fields
            .iter()
            .filter(missing)
            .for_each(|f| decoder.missing_field(node, f.name, shape));
    }
}

fn value(node: &Node, shape: &Shape, decoder: &mut Decoder<'_>) {
    match shape {
        Shape::Object(inner) => object(node, inner, decoder),
        Shape::List(inner) => node
            .as_seq()
            .into_iter()
            .flatten()
            .for_each(|n| value(n, inner, decoder)),
        Shape::Choice {
            name: _,
            doc: _,
            words,
        } => {
            let word = node
                .as_str()
                .filter(|w| !words.iter().any(|(known, _)| known == w));
            if let Some(word) = word {
                decoder.not_a_choice(node, word, "word here", words);
            }
        }
        _ => {}
    }
}
