//! What AIBrix would accept and never run.

use super::answers::injects;
use super::codes::{
    GROUP_TOO_LARGE, NAME_TOO_LONG, NOT_INJECTED, OVERWRITTEN, PRUNED, RESERVED_LABEL, RESERVED_VARIABLE,
    ROLE_DUPLICATE, SERVICE_CLASH,
};
use super::lowering::Lowering;
use super::version::Version;
use crate::diagnostic::{Diagnostic, Ledger, Outcome};
use crate::ir::Role;
use crate::ir::answer::is_given;
use crate::kubernetes::container::{list, name_of};
use crate::kubernetes::names;
use crate::value::{Ids, Node, Value};

/// The most characters of a StormService's name: its RoleSets carry it with a dash and six more in a label.
const SERVICE: usize = 56;
/// The most characters of a role's name: it ends the key `…/role-revision-name.<role>`.
const ROLE: usize = 44;
/// The most characters of both for groups of pods: the webhook's rule.
const GROUP: usize = 27;
/// The most characters of a pod's name that is a host name, too.
const POD: usize = 63;
/// `-roleset-` and five random characters.
const ROLE_SET: usize = 14;
/// The most pods of a replica.
const GROUP_SIZE: u32 = 100;

/// Labels and annotations that the controllers write.
pub(super) const RESERVED: &[&str] = &[
    "storm-service-name",
    "storm-service-revision",
    "roleset-name",
    "role-name",
    "role-template-hash",
    "scheduling.k8s.io/group-name",
    "scheduling.x-k8s.io/pod-group",
    "godel.bytedance.com/pod-group-name",
];
const RESERVED_PREFIX: &str = "stormservice.orchestration.aibrix.ai/";
/// What all containers of all pods get.
const VARIABLES: &[&str] = &[
    "STORM_SERVICE_NAME",
    "ROLESET_NAME",
    "ROLESET_INDEX",
    "ROLE_NAME",
    "ROLE_TEMPLATE_HASH",
    "ROLE_REPLICA_INDEX",
];
/// What the containers of groups get, init containers among them.
const GROUP_VARIABLES: &[&str] = &["PODSET_NAME", "POD_GROUP_INDEX", "POD_GROUP_SIZE"];
/// Fields of the pod and of containers that came after Kubernetes 1.31.
pub(super) const NEWER: &[&str] = &["hostnameOverride", "resources"];
pub(super) const NEWER_OF_CONTAINERS: &[&str] = &["restartPolicyRules"];

/// Checks the pod template of a role as the spec makes it, before anything of ours is in it.
pub fn template(role: &Role, template: &Node, ledger: &mut Ledger) {
    for field in ["labels", "annotations"] {
        reserved(role, template, field, ledger);
    }
    let Some(spec) = template.get("spec") else { return };
    for field in ["hostname", "subdomain"] {
        if let Some(value) = spec.get(field) {
            let message = format!(
                "`{field}` of `{}` is overwritten by the controllers",
                role.name.value
            );
            ledger.report(
                Diagnostic::new(&OVERWRITTEN, message)
                    .at_ids(&value.ids)
                    .outcome(Outcome::Dropped),
            );
        }
    }
    pruned(role, spec, NEWER, ledger);
    for container in list(spec, "containers")
        .iter()
        .chain(list(spec, "initContainers"))
    {
        pruned(role, container, NEWER_OF_CONTAINERS, ledger);
        list(container, "env")
            .iter()
            .for_each(|v| variable(role, v, ledger));
    }
}

/// Labels or annotations of a template that belong to the controllers.
fn reserved(role: &Role, template: &Node, field: &str, ledger: &mut Ledger) {
    let entries = template.at(&["metadata", field]).and_then(Node::as_map);
    for (key, value) in entries.into_iter().flatten() {
        if RESERVED.contains(&key.as_str()) || key.starts_with(RESERVED_PREFIX) {
            let message = format!(
                "`{key}` in the {field} of `{}` belongs to AIBrix's controllers",
                role.name.value
            );
            let said = Diagnostic::new(&RESERVED_LABEL, message).at_ids(&value.ids);
            ledger.report(said.remedy("remove it"));
        }
    }
}

/// A variable that the controllers set, or whose source they do not know.
fn variable(role: &Role, variable: &Node, ledger: &mut Ledger) {
    let name = name_of(variable).unwrap_or_default();
    if role.multi_node() && is_given(variable, injects) {
        return;
    }
    if VARIABLES.contains(&name) || (role.multi_node() && GROUP_VARIABLES.contains(&name)) {
        let message = format!(
            "`{name}` of `{}` is set by AIBrix's controllers; the own value is dropped",
            role.name.value
        );
        let said = Diagnostic::new(&RESERVED_VARIABLE, message).at_ids(&variable.all_ids());
        ledger.report(said.remedy("choose another name"));
    }
    if let Some(source) = variable.at(&["valueFrom", "fileKeyRef"]) {
        let message = format!("`fileKeyRef` of `{name}` is newer than AIBrix's pod template");
        ledger.report(Diagnostic::new(&PRUNED, message).at_ids(&source.all_ids()));
    }
}

fn pruned(role: &Role, owner: &Node, fields: &[&str], ledger: &mut Ledger) {
    for field in fields {
        if let Some(value) = owner.get(field) {
            let message = format!(
                "`{field}` of `{}` is newer than AIBrix's pod template and is cut off",
                role.name.value
            );
            ledger.report(
                Diagnostic::new(&PRUNED, message)
                    .at_ids(&value.all_ids())
                    .outcome(Outcome::Dropped),
            );
        }
    }
}

/// Checks that init containers use no variable that only other containers get.
pub fn injected(role: &Role, version: Version, template: &Node, ledger: &mut Ledger) {
    let group = role.multi_node() && version.injected_first();
    let missing = VARIABLES.iter().chain(if group { &[] } else { GROUP_VARIABLES });
    let missing: Vec<&str> = missing.copied().collect();
    let Some(spec) = template.get("spec") else { return };
    for container in list(spec, "initContainers") {
        let own = |name: &str| list(container, "env").iter().any(|e| name_of(e) == Some(name));
        for variable in missing.iter().copied().filter(|v| !own(v)) {
            let mut used = None;
            container.walk(&mut |n| {
                if let Value::Str(s) = &n.value
                    && mentions(s, variable)
                {
                    used = Some(n.ids.clone());
                }
            });
            if let Some(ids) = used {
                let init = name_of(container).unwrap_or_default();
                let message = format!(
                    "init container `{init}` of `{}` uses `{variable}`, which it does not get",
                    role.name.value
                );
                let at = if ids.is_empty() { &role.name.ids } else { &ids };
                ledger.report(Diagnostic::new(&NOT_INJECTED, message).at_ids(at));
            }
        }
    }
}

/// Whether a text uses a variable, as the kubelet or a shell writes it.
fn mentions(text: &str, variable: &str) -> bool {
    [
        format!("$({variable})"),
        format!("${{{variable}"),
        format!("(({variable}"),
    ]
    .iter()
    .any(|m| text.contains(m.as_str()))
        || text.match_indices(&format!("${variable}")).any(|(at, found)| {
            !text[at + found.len()..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        })
}

fn too_long(message: String, ids: &Ids, over: usize, ledger: &mut Ledger) {
    let said = Diagnostic::new(&NAME_TOO_LONG, message).at_ids(ids);
    ledger.report(said.remedy(format!("shorten it by {over} characters")));
}

impl Lowering<'_> {
    /// Checks all names over the limits that what is derived from them has.
    pub fn check_names(&self, ledger: &mut Ledger) {
        let service = &self.serving.name;
        let length = service.value.len();
        if length > SERVICE && !self.alone() {
            let message = format!("`{}` is too long for a StormService", service.value);
            too_long(message, &service.ids, length - SERVICE, ledger);
        }
        for role in &self.serving.roles {
            self.check_lengths(role, ledger);
        }
        for role in &self.serving.roles {
            let size = role.size();
            if size.value > GROUP_SIZE {
                let message = format!(
                    "a replica of `{}` has {} pods, and a group at most {GROUP_SIZE}",
                    role.name.value, size.value
                );
                ledger.report(Diagnostic::new(&GROUP_TOO_LARGE, message).at_ids(&size.ids));
            }
            if let Err(reason) = names::dns_label(&self.role_name(role).value) {
                let name = self.role_name(role);
                ledger.report(
                    Diagnostic::new(
                        &NAME_TOO_LONG,
                        format!("`{}` cannot name a role: {reason}", name.value),
                    )
                    .at_ids(&name.ids),
                );
            }
        }
    }

    /// Checks the name of a role, and what is made of it and that of the StormService.
    fn check_lengths(&self, role: &Role, ledger: &mut Ledger) {
        let (service, name) = (&self.serving.name, self.role_name(role));
        let own = name.value.len();
        if own > ROLE {
            let message = format!("`{}` is too long for a role of a RoleSet", name.value);
            too_long(message, &name.ids, own - ROLE, ledger);
        }
        let both = service.value.len() + own;
        let spare = self.spare(role);
        let (over, what) = if role.multi_node() && both > GROUP && !self.alone() {
            (both - GROUP, "groups of pods")
        } else if both + spare > POD && (role.multi_node() || self.stateful(role)) {
            (both + spare - POD, "the names of pods")
        } else {
            return;
        };
        let message = format!(
            "`{}` and `{}` are too long together for {what}",
            service.value, name.value
        );
        too_long(message, &name.ids.union(&service.ids), over, ledger);
    }

    /// Checks that no two roles have the same name: the entries would delete each other's pods for ever.
    pub fn check_duplicates(&self, ledger: &mut Ledger) {
        for (i, role) in self.serving.roles.iter().enumerate() {
            let name = self.role_name(role);
            let first = self.serving.roles[..i]
                .iter()
                .find(|r| self.role_name(r).value == name.value);
            if let Some(first) = first {
                let message = format!(
                    "`{}` and `{}` are both called `{}`",
                    first.name.value, role.name.value, name.value
                );
                ledger.report(Diagnostic::new(&ROLE_DUPLICATE, message).at_ids(&name.ids));
            }
        }
    }

    /// The characters of a pod's name beside those of the serving and the role.
    fn spare(&self, role: &Role) -> usize {
        let most = role
            .scaling
            .as_ref()
            .map_or(0, |s| self.in_cell(&s.max).value)
            .max(self.replicas(role).value);
        let digits = |count: u32| count.saturating_sub(1).to_string().len();
        let set = if self.alone() { 0 } else { ROLE_SET };
        let rank = if role.multi_node() {
            1 + digits(role.size().value)
        } else {
            0
        };
        // `-`, the role, `-`, the hash, `-`, the replica.
        set + 3 + self.version.hash() + digits(most) + rank
    }

    /// Checks that no Service of ours has the name of the controller's.
    pub fn check_services(&self, objects: &[Node], ledger: &mut Ledger) {
        let name = &self.serving.name;
        for object in objects {
            let service = object.get("kind").and_then(Node::as_str) == Some("Service");
            let own = object.at(&["spec", "clusterIP"]).is_some() && self.alone();
            let Some(called) = object
                .at(&["metadata", "name"])
                .filter(|n| n.as_str() == Some(&name.value))
            else {
                continue;
            };
            if service && !own {
                let message = format!(
                    "a Service called `{}` is in the way of the StormService's own",
                    name.value
                );
                let said = Diagnostic::new(&SERVICE_CLASH, message).at_ids(&called.ids);
                ledger.report(said.remedy("choose another `routing.service.name`"));
            }
        }
    }
}
