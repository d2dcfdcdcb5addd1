//! Live objects as input: `migrate stormservice/qwen --to rbg`.

use crate::cluster::{Cluster, Connection, Error};
use crate::source;
use crate::source::emit::{self, Format};
use clap::Args;

/// Options of verbs that also read live objects.
#[derive(Args, Debug)]
pub struct Live {
    /// Live objects, for instance `stormservice/qwen`; may be repeated
    #[arg(value_name = "KIND/NAME", group = "source")]
    pub objects: Vec<String>,
    #[command(flatten)]
    pub connection: Connection,
}

impl Live {
    /// Reads the objects, each as a page of its own. Nobody is asked if there are none.
    ///
    /// # Errors
    /// A word that names no object; no such object; no answer.
    pub fn pages(&self, namespace: Option<&str>) -> Result<Vec<source::Input>, Error> {
        if self.objects.is_empty() {
            return Ok(Vec::new());
        }
        let cluster = Cluster::connect(&self.connection)?;
        let page = |word: &String| {
            let (kind, name) = word
                .split_once('/')
                .filter(|(kind, name)| !kind.is_empty() && !name.is_empty())
                .ok_or_else(|| {
                    Error::Config(format!(
                        "`{word}` names no object: expected KIND/NAME, or files with -f"
                    ))
                })?;
            let object = cluster.get(kind, name, namespace)?;
            Ok(source::Input::Text {
                name: word.clone(),
                text: emit::documents(&[object], Format::Yaml),
            })
        };
        self.objects.iter().map(page).collect()
    }
}
