//! The container that the operator completes: its name, its place, its shared memory, its ports.

use super::super::options::ComponentType;
use super::codes::{ENTRY_POINT, MAIN};
use super::component::Component;
use crate::diagnostic::{Diagnostic, Ledger};
use crate::engine::DYNAMO_SYSTEM_PORT;
use crate::engine::router::DYNAMO_HTTP_PORT;
use crate::kubernetes::container::{add_port, list, name_of, port};
use crate::kubernetes::shell::shell_quote;
use crate::value::{Ids, Node, Value};

/// What the operator calls it.
pub(super) const NAME: &str = "main";
/// Where shared memory is mounted.
const PATH: &str = "/dev/shm";
/// Where NIXL tells how it is.
const NIXL_PORT: u32 = 19090;

/// Which of the containers of a template it is: the engine's, else the one that is called so, else the first.
pub(super) fn position(template: &Node, engine: &str) -> Option<usize> {
    let containers = list(template.get("spec")?, "containers");
    let called = |name: &str| containers.iter().position(|c| name_of(c) == Some(name));
    called(engine)
        .or_else(|| called(NAME))
        .or((!containers.is_empty()).then_some(0))
}

/// Calls it `main` and puts it first, where the operator puts it.
pub(super) fn name(component: &Component<'_>, template: &mut Node, ledger: &mut Ledger) {
    let Some(at) = position(template, &component.role.engine.container) else {
        let message = format!("role `{}` has no container", component.role.name.value);
        ledger.report(Diagnostic::new(&MAIN, message).at(component.role.name.at()));
        return;
    };
    let containers = template.at_mut(&["spec", "containers"]).seq_mut();
    let engines = name_of(&containers[at]) != Some(NAME);
    if let Some(other) = containers.iter().find(|c| engines && name_of(c) == Some(NAME)) {
        let message = format!(
            "a container of `{}` beside the engine's is called `{NAME}`",
            component.role.name.value
        );
        let said = Diagnostic::new(&MAIN, message).at_ids(&other.all_ids());
        ledger.report(said.remedy(
            "what is meant for the engine's container goes to `engine`, as that one is called in specs",
        ));
    }
    let mut main = containers.remove(at);
    let old = name_of(&main).unwrap_or_default().to_owned();
    let ids = main.get("name").map(|n| n.ids.clone()).unwrap_or_default();
    main.set("name", Node::derived(NAME, &ids));
    containers.insert(0, main);
    if old.is_empty() || old == NAME {
        return;
    }
    // Variables and volumes may name the container whose resources they show.
    template.walk_mut(&mut |node| {
        let Value::Map(map) = &mut node.value else { return };
        if let Some(named) = map
            .get_mut("containerName")
            .filter(|n| n.as_str() == Some(old.as_str()))
        {
            named.value = Value::Str(NAME.into());
        }
    });
}

fn main(template: &mut Node) -> Option<&mut Node> {
    template.at_mut(&["spec", "containers"]).seq_mut().first_mut()
}

/// Takes the shared memory out of a template: the operator mounts its own, of the size that is returned. A mount that the
/// operator could not make turns its own off.
pub(super) fn shared_memory(template: &mut Node) -> Option<Node> {
    let mounts = main(template).map(|m| list(m, "volumeMounts").to_vec())?;
    let mount = mounts
        .iter()
        .find(|m| m.get("mountPath").and_then(Node::as_str) == Some(PATH))?;
    let name = mount.get("name").and_then(Node::as_str)?.to_owned();
    let mut ids = mount.all_ids();
    let Some(size) = plain_memory(template, &name) else {
        return Some("0".into());
    };
    for volume in list(template.get("spec")?, "volumes")
        .iter()
        .filter(|v| name_of(v) == Some(&name))
    {
        ids.merge(&volume.all_ids());
    }
    let keep = |list: &mut Node, name: &str| list.seq_mut().retain(|n| name_of(n) != Some(name));
    keep(template.at_mut(&["spec"]).map_mut().get_mut("volumes")?, &name);
    keep(main(template)?.map_mut().get_mut("volumeMounts")?, &name);
    drop_empty(template.at_mut(&["spec"]), "volumes", &mut ids);
    drop_empty(main(template)?, "volumeMounts", &mut ids);
    Some(Node::derived(size, &ids))
}

fn drop_empty(owner: &mut Node, key: &str, ids: &mut Ids) {
    if list(owner, key).is_empty()
        && let Some(gone) = owner.map_mut().remove(key)
    {
        ids.merge(&gone.ids);
    }
}

/// The size of a volume that is nothing but memory for this one mount.
fn plain_memory(template: &Node, name: &str) -> Option<Node> {
    let spec = template.get("spec")?;
    let volume = list(spec, "volumes").iter().find(|v| name_of(v) == Some(name))?;
    let memory = volume.get("emptyDir").and_then(Node::as_map)?;
    let plain = memory.get("medium").and_then(Node::as_str) == Some("Memory") && memory.len() == 2;
    let users = ["initContainers", "containers"]
        .iter()
        .flat_map(|k| list(spec, k));
    let mounts = users
        .flat_map(|c| list(c, "volumeMounts"))
        .filter(|m| name_of(m) == Some(name));
    let size = memory.get("sizeLimit")?;
    (plain && mounts.count() == 1).then(|| size.clone())
}

/// Gives the container arguments of its own. The operator puts its own defaults for a command and for arguments that are not
/// there, each for itself: `/bin/sh -c`, or the frontend's.
pub(super) fn arguments(component: &Component<'_>, template: &mut Node, ledger: &mut Ledger) {
    let role = component.role;
    let Some(main) = main(template) else { return };
    let (command, args) = (list(main, "command").to_vec(), list(main, "args").len());
    use ComponentType::{Epp, Frontend, Planner};
    let own = matches!(component.kind.value, Frontend | Planner | Epp);
    match (command.as_slice(), args) {
        ([], 0) if own => {}
        ([], _) if component.kind.value != Epp && component.kind.value != Planner => {
            let message = format!(
                "the container of `{}` has no command, and the operator starts `{}` where the image's entry point would",
                role.name.value,
                if component.kind.value == Frontend {
                    "python3"
                } else {
                    "/bin/sh -c"
                }
            );
            let said = Diagnostic::new(&ENTRY_POINT, message).at(role.name.at());
            ledger.report(said.remedy("write the image's entry point as `engine.command`"));
        }
        ([first, rest @ ..], 0) if !rest.is_empty() => {
            let shell = |w: &Node| w.as_str().is_some_and(|w| w.ends_with("sh"));
            let script =
                rest.len() > 1 && shell(first) && rest[0].as_str().is_some_and(|w| w.starts_with('-'));
            let (command, args) = command.split_at(if script { 2 } else { 1 });
            set_words(main, "command", command);
            set_words(main, "args", args);
        }
        ([only], 0) => {
            let exec = Node::derived(
                format!("exec {}", shell_quote(only.as_str().unwrap_or_default())),
                &only.ids,
            );
            set_words(main, "command", &["/bin/sh".into(), "-c".into()]);
            set_words(main, "args", &[exec]);
        }
        _ => {}
    }
}

fn set_words(main: &mut Node, key: &str, words: &[Node]) {
    let ids = main.get(key).map(|n| n.ids.clone()).unwrap_or_default();
    let words = Node::derived(words.to_vec(), &ids);
    if key == "args" && main.get(key).is_none() {
        // After the command, where people look for them.
        let map = main.map_mut();
        let all: Vec<_> = map.iter().cloned().collect();
        *map = Default::default();
        for (name, value) in all {
            let behind = name == "command";
            map.insert(name, value);
            if behind {
                map.insert("args", words.clone());
            }
        }
        return;
    }
    main.set(key, words);
}

/// Ports of the template replace the operator's, on which its probes and Services count: those are written beside them.
pub(super) fn ports(component: &Component<'_>, template: &mut Node) {
    let wanted: &[(&str, u32)] = match component.kind.value {
        ComponentType::Frontend => &[("http", DYNAMO_HTTP_PORT)],
        _ if component.is_worker() => &[("system", DYNAMO_SYSTEM_PORT), ("nixl", NIXL_PORT)],
        _ => &[],
    };
    let Some(main) = main(template).filter(|m| !list(m, "ports").is_empty()) else {
        return;
    };
    for (name, number) in wanted {
        if !list(main, "ports").iter().any(|p| name_of(p) == Some(name)) {
            add_port(main, port(Some(name), *number));
        }
    }
}
