//! Names and labels as the controller forms them (pkg/utils, pkg/reconciler/roleinstance/utils `FormatComponentPodName`).

use crate::ir::Serving;
use crate::value::Node;

/// The API version of all kinds.
pub const API_VERSION: &str = "workloads.x-k8s.io/v1alpha2";
/// The prefix of labels and annotations.
pub const PREFIX: &str = "rbg.workloads.x-k8s.io/";
/// The prefix of v1alpha1, which a few live annotations still have.
pub const OLD_PREFIX: &str = "rolebasedgroup.workloads.x-k8s.io/";
/// The label of the group's name, on pods.
pub const GROUP_NAME: &str = "rbg.workloads.x-k8s.io/group-name";
/// The label of the role's name, on pods.
pub const ROLE_NAME: &str = "rbg.workloads.x-k8s.io/role-name";
/// The label of the component's name, on pods.
pub const COMPONENT_NAME: &str = "rbg.workloads.x-k8s.io/component-name";
/// The label of the instance's name, on pods.
pub const INSTANCE_NAME: &str = "rbg.workloads.x-k8s.io/role-instance-name";

/// Whether the workload is a set of groups: it has several slices, or the option `set` asks for one.
pub fn is_set(serving: &Serving) -> bool {
    let asked = serving.options.get("set").and_then(Node::as_bool);
    serving.slices.value > 1 || asked == Some(true)
}

/// The names of the groups: the serving's own, or one for each slice.
pub fn groups(serving: &Serving) -> Vec<String> {
    let name = &serving.name.value;
    if !is_set(serving) {
        return vec![name.to_string()];
    }
    let slices = 0..serving.slices.value;
    slices.map(|slice| format!("{name}-{slice}")).collect()
}

/// The name of a group as a pod of it knows it: the name itself, or in a set the injected variable.
pub fn own_group(serving: &Serving) -> String {
    if is_set(serving) {
        "$(RBG_GROUP_NAME)".into()
    } else {
        serving.name.value.to_string()
    }
}

/// The RoleInstanceSet of a role, and its scaling adapter.
pub fn workload(group: &str, role: &str) -> String {
    format!("{group}-{role}")
}

/// The headless Service that the controller makes for a role.
pub fn headless(group: &str, role: &str) -> String {
    format!("s-{group}-{role}")
}
