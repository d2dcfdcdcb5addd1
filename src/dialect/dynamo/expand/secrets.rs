//! Image pull secrets that the operator finds by the registries of images (`internal/secrets/docker.go`).

use super::super::read::text;
use super::defaults::object;
use crate::kubernetes::container::list;
use crate::pods::Scene;
use crate::value::{Node, Str};

/// Adds the secrets of the namespace whose registries the images are from.
pub fn add(scene: &Scene<'_>, namespace: &str, spec: &mut Node) {
    let images: Vec<Str> = list(spec, "containers")
        .iter()
        .map(|c| text(c, &["image"]).into())
        .filter(|i: &Str| !i.is_empty())
        .collect();
    let mut found: Vec<(Str, Vec<Str>)> = scene
        .of_kind("Secret", namespace)
        .filter(|d| text(&d.root, &["type"]) == "kubernetes.io/dockerconfigjson")
        .map(|d| (text(&d.root, &["metadata", "name"]).into(), registries(&d.root)))
        .collect();
    found.sort();
    let mut names: Vec<Str> = list(spec, "imagePullSecrets")
        .iter()
        .map(|s| text(s, &["name"]).into())
        .collect();
    let before = names.len();
    for image in &images {
        let host = host(image);
        for (name, registries) in &found {
            if registries.contains(&host) && !names.contains(name) {
                names.push(name.clone());
            }
        }
    }
    let new = names.split_off(before);
    if !new.is_empty() {
        let secrets = spec.map_mut().entry_map("imagePullSecrets").seq_mut();
        secrets.extend(new.into_iter().map(|name| object([("name", name.into())])));
    }
}

/// The registries that a secret is for.
fn registries(secret: &Node) -> Vec<Str> {
    const KEY: &str = ".dockerconfigjson";
    let plain = secret.at(&["stringData", KEY]).and_then(Node::as_str);
    let coded = secret.at(&["data", KEY]).and_then(Node::as_str);
    let text = plain.map_or_else(|| coded.and_then(decode), |t| Some(t.to_owned()));
    let json: Option<serde_json::Value> = text.and_then(|t| serde_json::from_str(&t).ok());
    let auths = json.as_ref().and_then(|j| j.get("auths")?.as_object());
    let hosts = auths.into_iter().flatten().map(|(key, _)| host(key));
    hosts.filter(|h| !h.is_empty()).collect()
}

/// The host of an image or of a registry as the operator reads it: what stands before the first slash. Images without a registry
/// have none that a secret is for.
fn host(name: &str) -> Str {
    let rest = name.split_once("://").map_or(name, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let port = host.rsplit_once(':').map_or("", |(_, port)| port);
    if port.bytes().all(|b| b.is_ascii_digit()) {
        host.into()
    } else {
        Str::default()
    }
}

/// Text in base 64.
fn decode(text: &str) -> Option<String> {
    let value = |b: u8| match b {
        b'A'..=b'Z' => Some(b - b'A'),
        b'a'..=b'z' => Some(b - b'a' + 26),
        b'0'..=b'9' => Some(b - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0_u32);
    for b in text.bytes().filter(|b| *b != b'=' && !b.is_ascii_whitespace()) {
        held = held << 6 | u32::from(value(b)?);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits & 0xff) as u8);
            held &= (1 << bits) - 1;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_base_64() {
        assert_eq!(host("nvcr.io/nvidia/x:1"), "nvcr.io");
        assert_eq!(host("https://registry.example/v1/"), "registry.example");
        assert_eq!(host("registry.example"), "registry.example");
        assert_eq!(host("busybox:latest"), "");
        assert_eq!(host("localhost:5000/b:1"), "localhost:5000");
        assert_eq!(decode("eyJhIjoxfQ==").as_deref(), Some("{\"a\":1}"));
    }
}
