//! Containers as nodes: the small changes that every dialect makes to them.
//!
//! All functions keep the ids of what they move and add none of their own.

use super::names::is_extended_resource;
use super::quantity::Quantity;
use super::shell::shell_join;
use crate::value::{Node, Str, Value};

pub use super::shell::shell_quote;

/// The name of an element of a list that is keyed by name.
pub fn name_of(element: &Node) -> Option<&str> {
    element.get("name").and_then(Node::as_str)
}

/// The container of that name in a pod spec; init containers are not looked at.
pub fn find<'a>(pod_spec: &'a Node, name: &str) -> Option<&'a Node> {
    list(pod_spec, "containers")
        .iter()
        .find(|c| name_of(c) == Some(name))
}

/// The container of that name in a pod spec, to change it.
pub fn find_mut<'a>(pod_spec: &'a mut Node, name: &str) -> Option<&'a mut Node> {
    match &mut pod_spec.map_mut().get_mut("containers")?.value {
        Value::Seq(containers) => containers.iter_mut().find(|c| name_of(c) == Some(name)),
        _ => None,
    }
}

/// The environment variable of that name: its whole entry. Of several the last, which is the one that counts.
pub fn env_entry<'a>(container: &'a Node, name: &str) -> Option<&'a Node> {
    list(container, "env")
        .iter()
        .rev()
        .find(|e| name_of(e) == Some(name))
}

/// The plain value of an environment variable.
pub fn env_value<'a>(container: &'a Node, name: &str) -> Option<&'a Node> {
    env_entry(container, name)?.get("value")
}

/// An entry of `env` with a plain value.
pub fn env(name: &str, value: impl Into<Node>) -> Node {
    let mut entry = Node::map();
    entry.set("name", name);
    entry.set("value", value);
    entry
}

/// An entry of `env` that asks the downward API for a field of the pod, `metadata.name` for instance.
pub fn env_field(name: &str, field_path: &str) -> Node {
    let mut entry = Node::map();
    entry.set("name", name);
    entry
        .at_mut(&["valueFrom", "fieldRef"])
        .set("fieldPath", field_path);
    entry
}

/// Sets an environment variable: takes the place of the entry of the same name and returns that one, or comes last.
pub fn env_set(container: &mut Node, entry: Node) -> Option<Node> {
    let entries = container.map_mut().entry_map("env").seq_mut();
    match entries
        .iter_mut()
        .find(|e| name_of(e).is_some() && name_of(e) == name_of(&entry))
    {
        Some(old) => Some(std::mem::replace(old, entry)),
        None => {
            entries.push(entry);
            None
        }
    }
}

/// Adds environment variables at the end, except those whose name is there already.
pub fn env_add(container: &mut Node, entries: impl IntoIterator<Item = Node>) {
    entries.into_iter().for_each(|entry| {
        add_by(container, "env", "name", entry);
    });
}

/// Puts environment variables in front, in the given order, so that those of the container may refer to them by
/// `$(NAME)`; not those whose name is there already.
pub fn env_prepend(container: &mut Node, entries: impl IntoIterator<Item = Node>) {
    let known = |list: &[Node], e: &Node| {
        list.iter()
            .any(|old| name_of(old).is_some() && name_of(old) == name_of(e))
    };
    let mut front: Vec<Node> = Vec::new();
    for entry in entries {
        if !known(list(container, "env"), &entry) && !known(&front, &entry) {
            front.push(entry);
        }
    }
    if !front.is_empty() {
        container.map_mut().entry_map("env").seq_mut().splice(0..0, front);
    }
}

/// Adds a volume to a pod spec unless one of its name is there. Returns whether it was added.
pub fn add_volume(pod_spec: &mut Node, volume: Node) -> bool {
    add_by(pod_spec, "volumes", "name", volume)
}

/// Adds a mount to a container unless something is mounted at its path. Returns whether it was added.
pub fn add_mount(container: &mut Node, mount: Node) -> bool {
    add_by(container, "volumeMounts", "mountPath", mount)
}

/// Adds a port to a container unless one of its number is there. Returns whether it was added.
pub fn add_port(container: &mut Node, port: Node) -> bool {
    add_by(container, "ports", "containerPort", port)
}

fn add_by(owner: &mut Node, field: &str, key: &str, element: Node) -> bool {
    let there = list(owner, field)
        .iter()
        .any(|old| old.get(key).is_some() && old.get(key) == element.get(key));
    if !there {
        owner.map_mut().entry_map(field).seq_mut().push(element);
    }
    !there
}

/// An entry of `ports`.
pub fn port(name: Option<&str>, number: impl Into<Node>) -> Node {
    let mut port = Node::map();
    if let Some(name) = name {
        port.set("name", name);
    }
    port.set("containerPort", number);
    port
}

/// A volume of memory or scratch space: `medium` is `Memory` for `/dev/shm`.
pub fn empty_dir(name: &str, medium: Option<&str>, size_limit: Option<Node>) -> Node {
    let mut source = Node::map();
    if let Some(medium) = medium {
        source.set("medium", medium);
    }
    source.map_mut().insert_some("sizeLimit", size_limit);
    let mut volume = Node::map();
    volume.set("name", name);
    volume.set("emptyDir", source);
    volume
}

/// An entry of `volumeMounts`.
pub fn mount(volume: &str, path: &str) -> Node {
    let mut mount = Node::map();
    mount.set("name", volume);
    mount.set("mountPath", path);
    mount
}

/// Sets the amount of a resource that a container gets, in limits and requests alike, as extended resources must be.
/// Amounts that were there are replaced.
pub fn set_resource(container: &mut Node, resource: &str, amount: &Node) {
    let resources = container.map_mut().entry_map("resources");
    for side in ["limits", "requests"] {
        resources.map_mut().entry_map(side).set(resource, amount.clone());
    }
}

/// The amount of a resource that a container gets: its limit, or its request if it has no limit.
pub fn resource<'a>(container: &'a Node, resource: &str) -> Option<&'a Node> {
    let side = |side: &str| container.at(&["resources", side])?.as_map()?.get(resource);
    side("limits").or_else(|| side("requests"))
}

/// How many of an extended resource (`nvidia.com/gpu`) the scheduler reserves for a pod: those of all containers and
/// sidecars together, or of an init container if that needs more. Nodes and sidecars of older kinds count as written;
/// amounts that are no whole numbers count as the next larger one, and what is no quantity as none.
pub fn pod_resource(pod_spec: &Node, name: &str) -> i64 {
    let amount = |c: &Node| {
        resource(c, name)
            .and_then(|q| Quantity::from_node(q).ok())
            .map_or(0, |q| q.round_up())
    };
    let main = list(pod_spec, "containers")
        .iter()
        .map(amount)
        .fold(0, i64::saturating_add);
    let (mut sidecars, mut peak) = (0_i64, 0_i64);
    for init in list(pod_spec, "initContainers") {
        if init.get("restartPolicy").and_then(Node::as_str) == Some("Always") {
            sidecars = sidecars.saturating_add(amount(init));
            peak = peak.max(sidecars);
        } else {
            peak = peak.max(sidecars.saturating_add(amount(init)));
        }
    }
    main.saturating_add(sidecars).max(peak)
}

/// The names of the extended resources that a pod asks for, in order of first mention.
pub fn extended_resources(pod_spec: &Node) -> Vec<Str> {
    let mut names: Vec<Str> = Vec::new();
    for container in list(pod_spec, "containers")
        .iter()
        .chain(list(pod_spec, "initContainers"))
    {
        for side in ["limits", "requests"] {
            let Some(map) = container.at(&["resources", side]).and_then(Node::as_map) else {
                continue;
            };
            for (name, _) in map {
                if is_extended_resource(name) && !names.contains(name) {
                    names.push(name.clone());
                }
            }
        }
    }
    names
}

/// Runs what a container runs through `/bin/sh -c`, so that shell expressions can stand in its words: `command` becomes the
/// shell and `args` one script that replaces the shell by the process (`exec`), which so receives the signals.
///
/// Fails for a container without `command`: its process is named in the image, where the compiler cannot see it.
pub fn wrap_in_shell(container: &mut Node) -> Result<(), &'static str> {
    let words: Vec<Node> = [list(container, "command"), list(container, "args")]
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    if list(container, "command").is_empty() {
        return Err("the container has no command, so what it runs is only known to its image");
    }
    let mut script = Node::from("exec ");
    let line = shell_join(&words);
    script.value = match line.value {
        Value::Text(mut text) => {
            text.insert(0, crate::value::Piece::Literal("exec ".into()));
            Node::from(text).value
        }
        other => Value::Str(format!("exec {}", Node::from(other).as_str().unwrap_or_default()).into()),
    };
    script.ids = line.ids;
    let owners = ["command", "args"].map(|key| container.get(key).map(|n| n.ids.clone()).unwrap_or_default());
    let [command, args] = owners;
    let shell: Vec<Node> = vec!["/bin/sh".into(), "-c".into()];
    container.set("command", Node::derived(shell, &command));
    container.set("args", Node::derived(vec![script], &args));
    Ok(())
}

/// The list under a key; empty if there is none.
pub fn list<'a>(owner: &'a Node, key: &str) -> &'a [Node] {
    owner.get(key).and_then(Node::as_seq).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::testing::yaml;
    use crate::value::Id;

    #[test]
    fn environment() {
        let mut c = yaml("{name: engine, env: [{name: A, value: '1'}, {name: B, value: $(A)}]}");
        assert!(env_set(&mut c, env("A", "2")).is_some());
        assert!(env_set(&mut c, env("C", "3")).is_none());
        env_add(&mut c, [env("B", "no"), env("D", "4")]);
        env_prepend(
            &mut c,
            [
                env_field("HOST", "status.podIP"),
                env("A", "no"),
                env("Z", "0"),
                env("Z", "1"),
            ],
        );
        let names: Vec<_> = list(&c, "env").iter().filter_map(name_of).collect();
        assert_eq!(names, ["HOST", "Z", "A", "B", "C", "D"]);
        assert_eq!(env_value(&c, "A").and_then(Node::as_str), Some("2"));
        assert_eq!(env_value(&c, "B").and_then(Node::as_str), Some("$(A)"));
        assert!(env_value(&c, "HOST").is_none() && env_entry(&c, "HOST").is_some());
    }

    #[test]
    fn volumes_and_ports() {
        let mut spec = yaml("{containers: [{name: engine}]}");
        assert!(add_volume(&mut spec, empty_dir("shm", Some("Memory"), None)));
        assert!(!add_volume(&mut spec, empty_dir("shm", None, None)));
        let engine = find_mut(&mut spec, "engine").unwrap();
        assert!(
            add_mount(engine, mount("shm", "/dev/shm")) && !add_mount(engine, mount("other", "/dev/shm"))
        );
        assert!(add_port(engine, port(Some("http"), 8000_i64)) && !add_port(engine, port(None, 8000_i64)));
        assert_eq!(
            find(&spec, "engine")
                .unwrap()
                .at(&["ports", "0", "name"])
                .and_then(Node::as_str),
            Some("http")
        );
        assert!(find(&spec, "none").is_none());
    }

    #[test]
    fn resources() {
        let mut spec = yaml(
            "{containers: [{name: a, resources: {limits: {nvidia.com/gpu: 8, cpu: 4}}}, {name: b, resources: {requests: {nvidia.com/gpu: '2'}}}],
              initContainers: [{name: i, resources: {limits: {nvidia.com/gpu: 1, rdma/ib: 1}}}]}",
        );
        assert_eq!(pod_resource(&spec, "nvidia.com/gpu"), 10);
        assert_eq!(pod_resource(&spec, "rdma/ib"), 1);
        assert_eq!(extended_resources(&spec), ["nvidia.com/gpu", "rdma/ib"]);
        set_resource(find_mut(&mut spec, "b").unwrap(), "nvidia.com/gpu", &4_i64.into());
        assert_eq!(pod_resource(&spec, "nvidia.com/gpu"), 12);
        assert_eq!(
            find(&spec, "b")
                .unwrap()
                .at(&["resources", "requests", "nvidia.com/gpu"]),
            Some(&4_i64.into())
        );
    }

    #[test]
    fn shell() {
        let mut c = yaml("{command: [vllm, serve], args: [--host, 'a b']}");
        c.map_mut().get_mut("args").unwrap().ids = Id::new(0, 7).into();
        wrap_in_shell(&mut c).unwrap();
        assert_eq!(
            c,
            yaml("{command: [/bin/sh, -c], args: [\"exec vllm serve --host 'a b'\"]}")
        );
        assert_eq!(c.get("args").unwrap().ids, Id::new(0, 7).into());
        assert!(wrap_in_shell(&mut yaml("{args: [x]}")).is_err());
    }
}
