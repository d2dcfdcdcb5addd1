//! Trees to text that every reader understands alike.
//!
//! YAML 1.1 readers (Go, PyYAML) and 1.2 readers disagree about unquoted scalars: `y`, `on`, `012`, `1_000`, `1:30` and more.
//! So a string stays unquoted only if no reader could take it for anything else; everything else is a literal block or a
//! double-quoted string.

mod json;
mod kyaml;
mod scalar;
mod yaml;

pub use json::json;
pub use kyaml::kyaml;
pub use yaml::yaml;

use crate::value::{Map, Node};

/// The form of the output.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Format {
    /// Block YAML.
    #[default]
    Yaml,
    /// JSON, indented by four like kubectl's.
    Json,
    /// KYAML (KEP-5295): YAML in brackets, all strings quoted.
    Kyaml,
}

/// Prints documents: YAML and KYAML separated by `---`, JSON as one object or as a `v1 List` of several. No documents
/// are no text.
pub fn documents(docs: &[Node], format: Format) -> String {
    let mut out = String::new();
    match (format, docs) {
        (_, []) => {}
        (Format::Yaml, docs) => {
            for (n, doc) in docs.iter().enumerate() {
                if n > 0 {
                    out.push_str("---\n");
                }
                yaml(doc, &mut out);
            }
        }
        (Format::Kyaml, docs) => {
            for doc in docs {
                out.push_str("---\n");
                kyaml(doc, &mut out);
            }
        }
        (Format::Json, [doc]) => json(doc, &mut out),
        (Format::Json, docs) => json(&list(docs), &mut out),
    }
    out
}

/// A `v1 List`, as kubectl prints several objects.
fn list(docs: &[Node]) -> Node {
    let mut list = Map::new();
    list.push_new("apiVersion".into(), "v1".into());
    list.push_new("kind".into(), "List".into());
    list.push_new("items".into(), docs.to_vec().into());
    list.into()
}
