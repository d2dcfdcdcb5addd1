//! What the types of the language look like, as data: the JSON Schema and `explain` are read from here.

/// The shape of a value.
#[derive(Debug)]
pub enum Shape {
    /// A string, possibly of a named format.
    String(Option<&'static str>),
    /// A whole number within bounds, both included.
    Integer {
        /// Smallest value.
        minimum: i64,
        /// Largest value.
        maximum: i64,
    },
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A whole number or a string such as `25%`.
    IntOrString,
    /// One of a few words.
    Choice {
        /// The type's name.
        name: &'static str,
        /// What it is, line by line.
        doc: &'static [&'static str],
        /// The words and what each means.
        words: &'static [(&'static str, &'static str)],
    },
    /// A list.
    List(Box<Shape>),
    /// A mapping with free keys.
    Map(Box<Shape>),
    /// A mapping with known fields.
    Object(&'static ObjectShape),
    /// A Kubernetes type, carried as it is.
    Kubernetes(&'static str),
    /// Anything.
    Any,
}

/// A mapping with known fields.
#[derive(Debug)]
pub struct ObjectShape {
    /// The type's name in the schema.
    pub name: &'static str,
    /// What messages call it.
    pub title: &'static str,
    /// What it is, line by line.
    pub doc: &'static [&'static str],
    /// Its fields in the order of the page.
    pub fields: &'static [FieldShape],
}

/// A field of a mapping.
#[derive(Debug)]
pub struct FieldShape {
    /// Its key.
    pub name: &'static str,
    /// What it means, line by line.
    pub doc: &'static [&'static str],
    /// Whether it must be there.
    pub required: bool,
    /// What its value looks like.
    pub shape: fn() -> Shape,
}
