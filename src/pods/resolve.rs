//! The environment that a container will see: what the kubelet makes of `env`, `envFrom`, `command` and `args`.

use super::{Pod, Scene};
use crate::value::{Map, Node, Str, Value};

/// A container as the kubelet starts it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Resolved {
    /// The container's name.
    pub name: Str,
    /// Whether it is an init container.
    pub init: bool,
    /// Its variables in the order of their definition; one that is defined again moves to its last place. What is known only
    /// on the node or in the cluster is written as `<status.podIP>`, `<secret NAME/KEY>`, `<configmap NAME/KEY>`.
    pub env: Vec<(Str, String)>,
    /// Its command with variables expanded; empty: that of the image.
    pub command: Vec<String>,
    /// Its arguments with variables expanded.
    pub args: Vec<String>,
}

/// All containers of a pod, init containers first.
pub fn pod(pod: &Pod, namespace: &str, scene: &Scene<'_>) -> Vec<Resolved> {
    let of = |key: &str, init: bool| {
        let list = pod.spec.get(key).and_then(Node::as_seq).unwrap_or_default();
        let kubelet = Kubelet {
            pod,
            namespace,
            scene,
        };
        list.iter()
            .map(move |c| kubelet.container(c, init))
            .collect::<Vec<_>>()
    };
    let mut all = of("initContainers", true);
    all.extend(of("containers", false));
    all
}

struct Kubelet<'a> {
    pod: &'a Pod,
    namespace: &'a str,
    scene: &'a Scene<'a>,
}

impl Kubelet<'_> {
    fn container(&self, container: &Node, init: bool) -> Resolved {
        let mut env = Vec::new();
        for source in list(container, "envFrom") {
            self.env_from(source, &mut env);
        }
        for variable in list(container, "env") {
            let Some(name) = variable.get("name").and_then(Node::as_str) else {
                continue;
            };
            let value = match variable.get("valueFrom") {
                Some(source) if !source.is_null() => self.source(source, container),
                _ => Some(expand(&text(variable.get("value")), &env)),
            };
            if let Some(value) = value {
                define(&mut env, name.into(), value);
            }
        }
        let words = |key| {
            list(container, key)
                .iter()
                .map(|n| expand(&text(Some(n)), &env))
                .collect()
        };
        Resolved {
            name: text(container.get("name")).into(),
            init,
            command: words("command"),
            args: words("args"),
            env,
        }
    }

    fn env_from(&self, source: &Node, env: &mut Vec<(Str, String)>) {
        let prefix = text(source.get("prefix"));
        if let Some(name) = source.at(&["configMapRef", "name"]).and_then(Node::as_str) {
            match self.data("ConfigMap", name) {
                Some(data) => {
                    for (key, value) in data {
                        define(env, format!("{prefix}{key}").into(), text(Some(value)));
                    }
                }
                None => define(env, format!("{prefix}*").into(), format!("<configmap {name}>")),
            }
        }
        if let Some(name) = source.at(&["secretRef", "name"]).and_then(Node::as_str) {
            define(env, format!("{prefix}*").into(), format!("<secret {name}>"));
        }
    }

    /// The value of a `valueFrom`; nothing for an optional key that is not there.
    fn source(&self, source: &Node, container: &Node) -> Option<String> {
        let key = |of: &str, what: &str| source.at(&[of, what]).and_then(Node::as_str);
        if let Some(path) = key("fieldRef", "fieldPath") {
            return Some(self.field(path));
        }
        if let Some(resource) = key("resourceFieldRef", "resource") {
            let (of, name) = resource.split_once('.').unwrap_or((resource, ""));
            let amount = container.at(&["resources", of, name]);
            return Some(amount.map_or_else(|| format!("<{resource}>"), |n| text(Some(n))));
        }
        if let (Some(name), Some(key)) = (key("configMapKeyRef", "name"), key("configMapKeyRef", "key")) {
            let value = self
                .data("ConfigMap", name)
                .map(|data| data.get(key).map(|n| text(Some(n))));
            return match value {
                Some(Some(value)) => Some(value),
                Some(None)
                    if source
                        .at(&["configMapKeyRef", "optional"])
                        .and_then(Node::as_bool)
                        == Some(true) =>
                {
                    None
                }
                _ => Some(format!("<configmap {name}/{key}>")),
            };
        }
        if let (Some(name), Some(key)) = (key("secretKeyRef", "name"), key("secretKeyRef", "key")) {
            return Some(format!("<secret {name}/{key}>"));
        }
        Some("<unknown>".to_owned())
    }

    fn data(&self, kind: &str, name: &str) -> Option<&Map> {
        let found = self
            .scene
            .of_kind(kind, self.namespace)
            .find(|d| d.root.at(&["metadata", "name"]).and_then(Node::as_str) == Some(name))?;
        found.root.get("data")?.as_map()
    }

    /// The downward API.
    fn field(&self, path: &str) -> String {
        let keyed = |prefix: &str| path.strip_prefix(prefix)?.strip_prefix("['")?.strip_suffix("']");
        if let Some(key) = keyed("metadata.labels") {
            return text(self.pod.labels.get(key));
        }
        if let Some(key) = keyed("metadata.annotations") {
            return text(self.pod.annotations.get(key));
        }
        match path {
            "metadata.name" => self.pod.name.to_string(),
            "metadata.namespace" => self.namespace.to_owned(),
            "spec.serviceAccountName" => self
                .pod
                .spec_str("serviceAccountName")
                .unwrap_or("default")
                .to_owned(),
            _ => format!("<{path}>"),
        }
    }
}

fn list<'a>(node: &'a Node, key: &str) -> &'a [Node] {
    node.get(key).and_then(Node::as_seq).unwrap_or_default()
}

fn define(env: &mut Vec<(Str, String)>, name: Str, value: String) {
    env.retain(|(known, _)| *known != name);
    env.push((name, value));
}

fn text(node: Option<&Node>) -> String {
    match node.map(|n| &n.value) {
        Some(Value::Str(s)) => s.to_string(),
        Some(Value::Int(i)) => i.to_string(),
        Some(Value::UInt(i)) => i.to_string(),
        Some(Value::Float(f)) => f.to_string(),
        Some(Value::Bool(b)) => b.to_string(),
        _ => String::new(),
    }
}

/// Expands `$(NAME)` as the kubelet does (k8s.io/kubernetes third_party/forked/golang/expansion): names that are not defined
/// stay as they are, `$$` is a dollar, and what a variable holds is not expanded again.
pub fn expand(text: &str, env: &[(Str, String)]) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            (out, rest) = (out + "$", after);
        } else if let Some((name, after)) = rest.strip_prefix('(').and_then(|r| r.split_once(')')) {
            match env.iter().find(|(known, _)| known == name) {
                Some((_, value)) => out.push_str(value),
                None => out.push_str(&format!("$({name})")),
            }
            rest = after;
        } else {
            out.push('$');
        }
    }
    out + rest
}

/// Whether a text is one that the pattern stands for: `<random:5>` is five characters, `<hash>` one or more;
/// `<text>` is any text.
pub fn fits(pattern: &str, text: &str) -> bool {
    let Some((literal, rest)) = pattern.split_once('<') else {
        return pattern == text;
    };
    let Some((hole, rest)) = rest.split_once('>') else {
        return pattern == text;
    };
    let Some(tail) = text.strip_prefix(literal) else {
        return false;
    };
    let word = tail.bytes().take_while(u8::is_ascii_alphanumeric).count();
    match hole.strip_prefix("random:").map(str::parse::<usize>) {
        Some(Ok(n)) => n <= word && fits(rest, &tail[n..]),
        _ if hole == "text" => rest.is_empty() || tail.char_indices().any(|(n, _)| fits(rest, &tail[n..])),
        _ if hole == "hash" => (1..=word).rev().any(|n| fits(rest, &tail[n..])),
        _ => tail
            .strip_prefix('<')
            .and_then(|t| t.strip_prefix(hole))
            .and_then(|t| t.strip_prefix('>'))
            .is_some_and(|t| fits(rest, t)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::testing::yaml;

    /// Cases of upstream's expand_test.go.
    #[test]
    fn expands_as_the_kubelet() {
        let env: Vec<(Str, String)> = [
            ("VAR_A", "A"),
            ("VAR_B", "B"),
            ("VAR_REF", "$(VAR_A)"),
            ("VAR_EMPTY", ""),
        ]
        .map(|(k, v)| (k.into(), v.into()))
        .into();
        for (text, expected) in [
            ("$(VAR_A)", "A"),
            ("___$(VAR_B)___", "___B___"),
            ("$(VAR_A)_$(VAR_A)", "A_A"),
            ("$(VAR_REF)", "$(VAR_A)"),
            ("$$(VAR_A)", "$(VAR_A)"),
            ("$$$(VAR_A)", "$A"),
            ("$$$$$(GOOD)", "$$$(GOOD)"),
            ("foo$(VAR_EMPTY)bar", "foobar"),
            ("$(MISSING)", "$(MISSING)"),
            ("$(VAR_A", "$(VAR_A"),
            ("$VAR_A", "$VAR_A"),
            ("$?_boo_$!", "$?_boo_$!"),
            ("foo$", "foo$"),
            ("$$Foo)(", "$Foo)("),
        ] {
            assert_eq!(expand(text, &env), expected, "{text}");
        }
    }

    #[test]
    fn patterns() {
        assert!(fits("a-<random:5>-b-<hash>-0", "a-x1y2z-b-77ff-0"));
        assert!(fits("<hash>", "0") && fits("plain", "plain") && fits("a<b>c", "a<b>c"));
        assert!(!fits("a-<random:5>", "a-x1y2") && !fits("a-<random:5>", "a-x1y2zz") && !fits("<hash>", ""));
    }

    #[test]
    fn a_variable_sees_those_before_it() {
        let spec = yaml(
            "containers: [{name: a, args: ['$(B)'], env: [{name: B, value: '$(A)-$(C)'}, {name: A, value: x}, {name: B, value: '$(A)'}, \
             {name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}, {name: S, valueFrom: {secretKeyRef: {name: s, key: k}}}]}]",
        );
        let pod = Pod {
            name: "p-0".into(),
            spec,
            ..Pod::default()
        };
        let scene = Scene {
            documents: &[],
            namespace: "default",
        };
        let resolved = self::pod(&pod, "default", &scene);
        let env: Vec<(&str, &str)> = resolved[0]
            .env
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        assert_eq!(
            env,
            [("A", "x"), ("B", "x"), ("NAME", "p-0"), ("S", "<secret s/k>")]
        );
        assert_eq!(resolved[0].args, ["x"]);
    }
}
