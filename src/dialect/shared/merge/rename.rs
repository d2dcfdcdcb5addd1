//! Containers of members that do the same under other names (`vllm-leader`, `vllm-worker`) get one name.

use crate::diagnostic::{Code, Diagnostic, Ledger, Outcome, Severity};
use crate::ir::Role;
use crate::kubernetes::container::{list, name_of};
use crate::value::{Node, Str, Value};

/// A container under another name.
pub const MERGE_RENAMED: Code = Code {
    id: "INF4013",
    title: "containers of leader and workers share a name",
    severity: Severity::Note,
    explanation: "The target has one pod template for all ranks of a replica, and leader and workers call their containers differently. They \
                  become one container under the leader's name, which does on each rank what its member does. Tools that look for the old \
                  name (`kubectl logs -c`) must use the new one.",
};

/// The templates of the members, their containers named as those of the first where each has as many that the other does not.
pub fn alike(role: &Role, ledger: &mut Ledger) -> Vec<Node> {
    let mut templates: Vec<Node> = role.members.iter().map(|m| m.template.clone()).collect();
    let Some((first, others)) = templates.split_first_mut() else {
        return templates;
    };
    let own = names(first);
    for other in others {
        let theirs = names(other);
        let alone = |a: &[Str], b: &[Str]| -> Vec<Str> {
            a.iter().filter(|name| !b.contains(name)).cloned().collect()
        };
        let (mine, new) = (alone(&own, &theirs), alone(&theirs, &own));
        if mine.len() == new.len() {
            for (name, old) in mine.iter().zip(&new) {
                rename(other, old, name, role, ledger);
            }
        }
    }
    templates
}

fn names(template: &Node) -> Vec<Str> {
    let spec = template.get("spec");
    let containers = spec.map(|s| list(s, "containers")).unwrap_or_default();
    containers.iter().filter_map(name_of).map(Str::from).collect()
}

fn rename(template: &mut Node, old: &str, name: &str, role: &Role, ledger: &mut Ledger) {
    let containers = template.at_mut(&["spec", "containers"]).seq_mut();
    let found = containers.iter_mut().find(|c| name_of(c) == Some(old));
    let Some(node) = found.and_then(|c| c.map_mut().get_mut("name")) else {
        return;
    };
    let message = format!(
        "`{old}` of the workers of `{}` is called `{name}` there",
        role.name.value
    );
    let said = Diagnostic::new(&MERGE_RENAMED, message).outcome(Outcome::Moved);
    ledger.report(
        said.at_ids(&node.ids)
            .reason("the target has one pod template for all ranks"),
    );
    node.value = Value::Str(name.into());
}
