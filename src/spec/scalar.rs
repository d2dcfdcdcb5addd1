//! Scalars with Kubernetes' spellings: quantities, durations, numbers or percentages.

use super::codes::MALFORMED;
use super::decode::{Decode, Decoder};
use super::shape::Shape;
use crate::diagnostic::Diagnostic;
use crate::kubernetes::{duration, int_or_string, quantity};
use crate::value::{Ids, Node, Str, Traced, Value};

/// A resource quantity as written (`8`, `500m`, `64Gi`).
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Quantity(pub Str);

/// A time in whole seconds, written as a number or a Go duration (`90s`, `1h30m`).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Seconds(pub u32);

/// A number of things or a percentage of their total.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum IntOrPercent {
    /// A number.
    Int(u32),
    /// A percentage, from 0 to 100.
    Percent(u32),
}

impl From<Quantity> for Node {
    fn from(quantity: Quantity) -> Self {
        quantity.0.into()
    }
}

impl From<IntOrPercent> for Node {
    fn from(value: IntOrPercent) -> Self {
        match value {
            IntOrPercent::Int(i) => i.into(),
            IntOrPercent::Percent(p) => format!("{p}%").into(),
        }
    }
}

impl IntOrPercent {
    /// The number of `total` that it means, a percentage rounded down or up.
    pub fn of(&self, total: u32, up: bool) -> u32 {
        match *self {
            Self::Int(i) => i,
            Self::Percent(p) => {
                let product = u64::from(total) * u64::from(p);
                let count = if up { product.div_ceil(100) } else { product / 100 };
                u32::try_from(count).unwrap_or(u32::MAX)
            }
        }
    }
}

fn malformed(node: &Node, cx: &mut Decoder<'_>, message: String) {
    cx.ledger
        .report(Diagnostic::new(&MALFORMED, message).at_ids(&node.ids));
}

impl Decode for Traced<Quantity> {
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Option<Self> {
        let text = match &node.value {
            Value::Str(s) => s.clone(),
            Value::Int(i) => i.to_string().into(),
            Value::Float(f) => format!("{f}").into(),
            _ => {
                cx.expected(node, "a quantity such as `500m` or `64Gi`");
                return None;
            }
        };
        match quantity::Quantity::parse(&text) {
            Ok(_) => Some(Traced::new(Quantity(text), node.ids.clone())),
            Err(reason) => {
                malformed(node, cx, format!("`{text}` is not a quantity: {reason}"));
                None
            }
        }
    }

    fn shape() -> Shape {
        Shape::String(Some("quantity"))
    }

    fn origins(&self) -> Ids {
        self.ids.clone()
    }
}

impl Decode for Traced<Seconds> {
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Option<Self> {
        let seconds = match &node.value {
            Value::Int(i) => u32::try_from(*i).ok(),
            Value::Str(s) => duration::parse_seconds(s)
                .ok()
                .and_then(|s| u32::try_from(s).ok()),
            _ => {
                cx.expected(node, "a duration such as `90s` or `10m`, or seconds");
                return None;
            }
        };
        if seconds.is_none() {
            malformed(
                node,
                cx,
                "not a duration of whole seconds: write `90s`, `10m` or `1h30m`".into(),
            );
        }
        Some(Traced::new(Seconds(seconds?), node.ids.clone()))
    }

    fn shape() -> Shape {
        Shape::String(Some("duration"))
    }

    fn origins(&self) -> Ids {
        self.ids.clone()
    }
}

impl Traced<Seconds> {
    /// The seconds, with their origin.
    pub fn seconds(&self) -> Traced<u32> {
        self.map(|s| s.0)
    }
}

impl Decode for Traced<IntOrPercent> {
    fn decode(node: &Node, cx: &mut Decoder<'_>) -> Option<Self> {
        let value = match &node.value {
            Value::Int(i) => i32::try_from(*i)
                .ok()
                .and_then(|i| u32::try_from(i).ok())
                .map(IntOrPercent::Int),
            Value::Str(s) => int_or_string::parse_percent(s).map(IntOrPercent::Percent),
            _ => {
                cx.expected(node, "a number or a percentage such as `25%`");
                return None;
            }
        };
        if value.is_none() {
            malformed(
                node,
                cx,
                "not a number of at least 0, or a percentage from `0%` to `100%`".into(),
            );
        }
        Some(Traced::new(value?, node.ids.clone()))
    }

    fn shape() -> Shape {
        Shape::IntOrString
    }

    fn origins(&self) -> Ids {
        self.ids.clone()
    }
}

/// Declares a carrier of a Kubernetes type: kept as it is, named in the schema.
macro_rules! carried {
    ($(#[doc = $doc:literal])* $name:ident, $kubernetes:literal) => {
        $(#[doc = $doc])*
        #[derive(Clone, PartialEq, Default, Debug)]
        pub struct $name(pub Node);

        impl Decode for $name {
            fn decode(node: &Node, cx: &mut Decoder<'_>) -> Option<Self> {
                let Some(map) = node.as_map() else {
                    cx.expected(node, concat!("a mapping (", $kubernetes, ")"));
                    return None;
                };
                if map.is_empty() {
                    cx.says_nothing(node);
                }
                Some(Self(node.clone()))
            }

            fn shape() -> Shape {
                Shape::Kubernetes($kubernetes)
            }

            fn origins(&self) -> Ids {
                self.0.all_ids()
            }
        }
    };
}

carried! {
    /// A pod template, or an overlay of one.
    PodTemplate, "PodTemplateSpec"
}
carried! {
    /// A claim that is made for each pod.
    PersistentVolumeClaim, "PersistentVolumeClaim"
}
carried! {
    /// A container's environment variable.
    EnvVar, "EnvVar"
}
carried! {
    /// A source of environment variables.
    EnvFromSource, "EnvFromSource"
}
carried! {
    /// A probe of the engine's container.
    Probe, "Probe"
}
carried! {
    /// What a pod tolerates.
    Toleration, "Toleration"
}
carried! {
    /// Where pods may run.
    Affinity, "Affinity"
}
carried! {
    /// Requests and limits.
    ResourceRequirements, "ResourceRequirements"
}
carried! {
    /// What runs when a container starts or stops.
    LifecycleHandler, "LifecycleHandler"
}
