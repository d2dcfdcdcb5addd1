//! The table of the fields of a pod template: name, type, how patches merge it.
//!
//! The data is `data/podspec.txt`, which also explains its format and names its source; it is read on first use.

use std::sync::LazyLock;

/// An object of the pod template: its fields by name.
#[derive(Debug)]
pub struct Object {
    /// The name of its type, `PodSpec` for instance.
    pub name: &'static str,
    /// Its fields in alphabetical order.
    pub fields: Vec<Field>,
}

/// A field of an [`Object`].
#[derive(Debug)]
pub struct Field {
    /// The name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// How a patch changes it.
    pub strategy: Strategy,
    /// Whether the object is invalid without it.
    pub required: bool,
    /// Whether at most one of the fields that are marked so may be set in the object.
    pub union: bool,
}

/// What a field holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A string.
    Str,
    /// One of a few strings.
    Enum(Vec<&'static str>),
    /// A whole number.
    Int,
    /// A truth value.
    Bool,
    /// A [`Quantity`](super::quantity::Quantity).
    Quantity,
    /// A whole number or a string: a port or its name.
    IntOrString,
    /// A point in time.
    Time,
    /// A list.
    List(Box<Kind>),
    /// A mapping with any keys.
    Map(Box<Kind>),
    /// An object of the table.
    Object(ObjectId),
}

/// Which object of the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ObjectId(usize);

/// How a strategic merge patch changes a field that has a value already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Strategy {
    /// Mappings merge, anything else is replaced.
    Default,
    /// Lists merge: elements with equal values of this key merge, others are added.
    MergeBy(&'static str),
    /// Lists of plain values are united.
    Unite,
}

/// A place in a pod template to start from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Type {
    /// A whole pod template: `metadata` and `spec`.
    PodTemplateSpec,
    /// What is under `spec`.
    PodSpec,
    /// One container.
    Container,
    /// One volume.
    Volume,
    /// What is under `affinity`.
    Affinity,
    /// One probe.
    Probe,
    /// What is under `resources` of a container.
    ResourceRequirements,
    /// What is under `metadata`.
    ObjectMeta,
}

impl Type {
    /// The name of the type, which is also what the table calls it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PodTemplateSpec => "PodTemplateSpec",
            Self::PodSpec => "PodSpec",
            Self::Container => "Container",
            Self::Volume => "Volume",
            Self::Affinity => "Affinity",
            Self::Probe => "Probe",
            Self::ResourceRequirements => "ResourceRequirements",
            Self::ObjectMeta => "ObjectMeta",
        }
    }

    /// Its entry in the table. `None` cannot happen with the table that is built in; a test says so.
    pub fn object(self) -> Option<&'static Object> {
        object(self.as_str())
    }
}

impl Object {
    /// The field of that name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields
            .binary_search_by(|f| f.name.cmp(name))
            .ok()
            .map(|at| &self.fields[at])
    }

    /// The names of all fields.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.fields.iter().map(|f| f.name)
    }
}

impl Kind {
    /// The object that it is, or that the elements of the list are.
    pub fn element_object(&self) -> Option<&'static Object> {
        match self {
            Self::Object(id) => id.get(),
            Self::List(element) => element.element_object(),
            _ => None,
        }
    }
}

impl ObjectId {
    /// The object.
    pub fn get(self) -> Option<&'static Object> {
        TABLE.get(self.0)
    }
}

/// The object of that name.
pub fn object(name: &str) -> Option<&'static Object> {
    TABLE
        .binary_search_by(|o| o.name.cmp(name))
        .ok()
        .map(|at| &TABLE[at])
}

/// All objects in alphabetical order.
pub fn objects() -> &'static [Object] {
    &TABLE
}

static TABLE: LazyLock<Vec<Object>> = LazyLock::new(|| read(include_str!("data/podspec.txt")));

fn read(text: &'static str) -> Vec<Object> {
    let lines = || {
        text.lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
    };
    let names: Vec<&str> = lines().filter(|line| !line.starts_with(' ')).collect();
    let mut objects: Vec<Object> = Vec::with_capacity(names.len());
    for line in lines() {
        if line.starts_with(' ') {
            if let (Some(object), Some(field)) = (objects.last_mut(), field(line, &names)) {
                object.fields.push(field);
            }
        } else {
            objects.push(Object {
                name: line,
                fields: Vec::new(),
            });
        }
    }
    objects
}

fn field(line: &'static str, names: &[&str]) -> Option<Field> {
    let mut words = line.split_whitespace();
    let (name, kind) = (words.next()?, kind(words.next()?, names)?);
    let (mut strategy, mut union) = (Strategy::Default, false);
    for word in words {
        match word.split_once('=') {
            Some(("merge", key)) => strategy = Strategy::MergeBy(key),
            None if word == "merge" => strategy = Strategy::Unite,
            None if word == "union" => union = true,
            // Only clients that compute patches need it.
            None if word == "retainKeys" => {}
            _ => return None,
        }
    }
    let (name, required) = name.strip_suffix('!').map_or((name, false), |name| (name, true));
    Some(Field {
        name,
        kind,
        strategy,
        required,
        union,
    })
}

fn kind(word: &'static str, names: &[&str]) -> Option<Kind> {
    Some(match word {
        "string" => Kind::Str,
        "int" => Kind::Int,
        "bool" => Kind::Bool,
        "quantity" => Kind::Quantity,
        "int-or-string" => Kind::IntOrString,
        "time" => Kind::Time,
        _ => {
            let inside = |open, close| word.strip_prefix(open)?.strip_suffix(close);
            if let Some(element) = inside('[', ']') {
                Kind::List(Box::new(kind(element, names)?))
            } else if let Some(value) = inside('{', '}') {
                Kind::Map(Box::new(kind(value, names)?))
            } else if word.contains('|') {
                Kind::Enum(word.split('|').collect())
            } else {
                Kind::Object(ObjectId(names.binary_search(&word).ok()?))
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_understood_and_in_order() {
        let text = include_str!("data/podspec.txt");
        let lines = text.lines().filter(|l| !l.starts_with('#') && !l.is_empty());
        let fields: usize = objects().iter().map(|o| o.fields.len()).sum();
        assert_eq!(
            lines.count(),
            objects().len() + fields,
            "a line was not understood"
        );
        assert!(objects().is_sorted_by_key(|o| o.name));
        for object in objects() {
            assert!(object.names().is_sorted(), "{}", object.name);
        }
    }

    #[test]
    fn entry_points_and_keys() {
        for ty in [
            Type::PodTemplateSpec,
            Type::PodSpec,
            Type::Container,
            Type::Volume,
            Type::Affinity,
            Type::Probe,
            Type::ResourceRequirements,
            Type::ObjectMeta,
        ] {
            assert!(ty.object().is_some(), "{ty:?}");
        }
        let container = Type::Container.object().unwrap();
        assert_eq!(
            container.field("env").unwrap().strategy,
            Strategy::MergeBy("name")
        );
        assert_eq!(container.field("args").unwrap().strategy, Strategy::Default);
        assert_eq!(
            container
                .field("ports")
                .unwrap()
                .kind
                .element_object()
                .unwrap()
                .name,
            "ContainerPort"
        );
        assert_eq!(
            Type::ObjectMeta
                .object()
                .unwrap()
                .field("finalizers")
                .unwrap()
                .strategy,
            Strategy::Unite
        );
        // A key of a list is a field of its elements.
        for field in objects().iter().flat_map(|o| &o.fields) {
            if let Strategy::MergeBy(key) = field.strategy {
                assert!(
                    field.kind.element_object().unwrap().field(key).is_some(),
                    "{}",
                    field.name
                );
            }
        }
    }
}
