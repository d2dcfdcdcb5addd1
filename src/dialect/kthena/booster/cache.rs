//! Where the model of a ModelBooster is kept, on the node and in the containers.

use super::read::Backend;
use crate::dialect::kthena::children::map;
use crate::kubernetes::hash::md5;
use crate::value::{Ids, Node};

/// The place of the model.
#[derive(Debug)]
pub struct Cache {
    /// The volume.
    pub volume: Node,
    /// The volume in a container.
    pub mount: Node,
    /// The directory of the model in a container.
    pub directory: Node,
}

impl Cache {
    /// That of a backend, or why there is none.
    pub fn of(backend: &Backend) -> Result<Self, (String, Ids)> {
        let uri = &backend.cache;
        let path = path(&uri.value);
        let name = Node::derived(format!("{}-weights", backend.name.value), &backend.name.ids);
        let wrong = |what: &str| Err((format!("`{}` names no {what}", uri.value), uri.ids.clone()));
        let source = match uri.value.split_once("://") {
            None => ("emptyDir", Node::map()),
            Some(("pvc", claim)) => match claim.trim_matches('/') {
                "" => return wrong("volume claim"),
                claim => {
                    let claim = Node::derived(claim, &uri.ids);
                    ("persistentVolumeClaim", map([("claimName", claim)]))
                }
            },
            Some(_) if path.is_empty() => return wrong("path of the node"),
            Some(_) => {
                let path = Node::derived(path.clone(), &uri.ids);
                (
                    "hostPath",
                    map([("path", path), ("type", "DirectoryOrCreate".into())]),
                )
            }
        };
        let ids = uri.ids.union(&backend.model.ids);
        Ok(Self {
            volume: map([("name", name.clone()), source]),
            mount: map([
                ("name", name),
                ("mountPath", Node::derived(path.clone(), &uri.ids)),
            ]),
            directory: Node::derived(format!("{path}/{}", md5(&backend.model.value)), &ids),
        })
    }
}

/// The path of a cache in containers: host and path of its URI, without slashes at the end. Empty if it is no URI, or there is
/// none; Kubernetes refuses the mount then.
fn path(uri: &str) -> String {
    let Some((_, rest)) = uri.split_once("://") else {
        return String::new();
    };
    let rest = rest.split('?').next().unwrap_or_default();
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit('@').next().unwrap_or_default();
    let Some(path) =
        decoded(path).filter(|_| !host.contains([' ', '%', '"', '<', '>', '\\', '^', '`', '{', '|', '}']))
    else {
        return String::new();
    };
    match format!("{host}{path}").trim_matches('/') {
        "" => String::new(),
        path => format!("/{path}"),
    }
}

/// A path with `%41` as `A`; nothing if a percent sign is none of those.
fn decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        let hex = |b: Option<u8>| char::from(b?).to_digit(16);
        bytes.push(match byte {
            b'%' => u8::try_from(hex(rest.next())? * 16 + hex(rest.next())?).ok()?,
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn paths() {
        for (uri, expected) in [
            ("", ""),
            ("pvc://model-cache", "/model-cache"),
            ("pvc:///model-cache/", "/model-cache"),
            ("hostpath:///mnt/a%20b", "/mnt/a b"),
            ("hostpath://tmp/test?x", "/tmp/test"),
            ("hostpath:///", ""),
            ("hostpath:///%zz", ""),
        ] {
            assert_eq!(path(uri), expected, "{uri}");
        }
    }
}
