//! What the API server checks of containers.

use super::Checker;
use super::rules::is_missing;
use crate::diagnostic::Diagnostic;
use crate::kubernetes::codes::{
    BAD_LABEL, BAD_NAME, BAD_PATH, DUPLICATE, ENV_SOURCE, HIDDEN, NO_IMAGE, NO_SUCH_PORT, NOT_ALLOWED,
    OUT_OF_RANGE, RESOURCES,
};
use crate::kubernetes::container::{list, name_of};
use crate::kubernetes::names;
use crate::kubernetes::podspec::Object;
use crate::kubernetes::quantity::Quantity;
use crate::value::{Map, Node};

/// The fields of a pod that a variable can show.
const ENV_FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

/// The fields of a pod that a file can show.
const FILE_FIELDS: [&str; 5] = [
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
];

impl Checker<'_> {
    pub(super) fn container(&mut self, node: &Node) {
        if is_missing(node, "image") && !self.options.overlay && !self.options.image_later {
            let name = name_of(node).unwrap_or_default();
            let said = Diagnostic::new(&NO_IMAGE, format!("the container `{name}` has no image"));
            self.at(
                node,
                said.remedy("give it an `image`; the engine's container, which has one, is called `engine`"),
            );
        }
        let text = |key: &'static str| move |e: &Node| Some(e.get(key)?.as_str()?.to_owned());
        let all = |key: &str| list(node, key).iter();
        self.unique(
            all("env"),
            &HIDDEN,
            "an earlier variable is also called",
            text("name"),
        );
        self.unique(all("ports"), &DUPLICATE, "two ports are called", text("name"));
        self.unique(all("ports"), &HIDDEN, "an earlier port is also", |port| {
            let protocol = port.get("protocol").and_then(Node::as_str).unwrap_or("TCP");
            Some(format!("{}/{protocol}", port.get("containerPort")?.as_int()?))
        });
        self.unique(
            all("volumeMounts"),
            &DUPLICATE,
            "two volumes are mounted at",
            text("mountPath"),
        );
        self.unique(
            all("volumeDevices"),
            &DUPLICATE,
            "two volumes are attached at",
            text("devicePath"),
        );
        self.probes(node);
        self.propagation(node);
        if !self.options.overlay {
            self.named_ports(node);
        }
    }

    /// What only some of the probes may say.
    fn probes(&mut self, container: &Node) {
        for name in ["livenessProbe", "startupProbe"] {
            let threshold = container.at(&[name, "successThreshold"]);
            if let Some((node, n)) = threshold.and_then(|n| Some((n, n.as_int()?)))
                && n > 1
            {
                self.say(
                    node,
                    &OUT_OF_RANGE,
                    format!("`successThreshold` of a {name} must be 1, not {n}"),
                );
            }
        }
        if let Some(node) = container
            .at(&["readinessProbe", "terminationGracePeriodSeconds"])
            .filter(|n| !n.is_null())
        {
            self.say(
                node,
                &NOT_ALLOWED,
                "a readinessProbe never ends a container, so it has no `terminationGracePeriodSeconds`",
            );
        }
    }

    fn propagation(&mut self, container: &Node) {
        let privileged = container
            .at(&["securityContext", "privileged"])
            .and_then(Node::as_bool)
            == Some(true);
        for mount in list(container, "volumeMounts") {
            let both = mount
                .get("mountPropagation")
                .filter(|n| n.as_str() == Some("Bidirectional"));
            if let Some(node) = both.filter(|_| !privileged && !self.options.overlay) {
                self.say(
                    node,
                    &NOT_ALLOWED,
                    "Bidirectional mounts need a privileged container",
                );
            }
        }
    }

    /// Ports that probes and hooks name.
    fn named_ports(&mut self, container: &Node) {
        let known: Vec<&str> = list(container, "ports").iter().filter_map(name_of).collect();
        let probes = ["livenessProbe", "readinessProbe", "startupProbe"].map(|p| vec![p]);
        let hooks = ["postStart", "preStop"].map(|h| vec!["lifecycle", h]);
        for path in probes.iter().chain(&hooks) {
            for action in ["httpGet", "tcpSocket"] {
                let port = container.at(path).and_then(|n| n.at(&[action, "port"]));
                let Some((node, name)) = port.and_then(|n| Some((n, n.as_str()?))) else {
                    continue;
                };
                if names::port_name(name).is_ok() && !known.contains(&name) {
                    let said = Diagnostic::new(
                        &NO_SUCH_PORT,
                        format!("the container has no port called `{name}`"),
                    );
                    self.at(node, said.remedy("declare it under `ports`, or give the number"));
                }
            }
        }
    }

    pub(super) fn env_var(&mut self, node: &Node, object: &'static Object) {
        // `value: ""` beside `valueFrom` is the same as none.
        if !is_missing(node, "value") && self.members(node, object).len() > 1 {
            self.say(
                node,
                &ENV_SOURCE,
                "an environment variable has either `value` or `valueFrom`, not both",
            );
        }
    }

    pub(super) fn env_source(&mut self, node: &Node) {
        self.field_path(node, &ENV_FIELDS);
        self.resource_name(node);
    }

    pub(super) fn downward_file(&mut self, node: &Node) {
        self.field_path(node, &FILE_FIELDS);
        self.resource_name(node);
        let resource = node.get("resourceFieldRef").filter(|n| n.as_map().is_some());
        if let Some(resource) = resource.filter(|r| is_missing(r, "containerName") && !self.options.overlay) {
            self.missing(resource, "containerName", "`resourceFieldRef` of a volume");
        }
    }

    fn field_path(&mut self, owner: &Node, fields: &[&str]) {
        let Some((node, path)) = owner
            .at(&["fieldRef", "fieldPath"])
            .and_then(|n| Some((n, n.as_str()?)))
        else {
            return;
        };
        if fields.contains(&path) || path.is_empty() {
            return;
        }
        for (map, check) in [
            ("metadata.labels['", names::qualified_key as fn(&str) -> _),
            ("metadata.annotations['", names::annotation_key),
        ] {
            if let Some(key) = path.strip_prefix(map).and_then(|rest| rest.strip_suffix("']")) {
                if let Err(reason) = check(key) {
                    self.say(node, &BAD_LABEL, format!("`{key}` is not a valid key: {reason}"));
                }
                return;
            }
        }
        let known = fields.join(", ");
        self.say(
            node,
            &NOT_ALLOWED,
            format!("`{path}` cannot be shown here, only {known}, and single labels and annotations"),
        );
    }

    fn resource_name(&mut self, owner: &Node) {
        let found = owner
            .at(&["resourceFieldRef", "resource"])
            .and_then(|n| Some((n, n.as_str()?)));
        let Some((node, name)) = found.filter(|(_, name)| !name.is_empty()) else {
            return;
        };
        let kind = name
            .strip_prefix("limits.")
            .or_else(|| name.strip_prefix("requests."));
        if !kind.is_some_and(|k| {
            ["cpu", "memory", "ephemeral-storage"].contains(&k) || k.starts_with("hugepages-")
        }) {
            let message = format!(
                "`{name}` cannot be shown here, only limits and requests of cpu, memory, ephemeral-storage and hugepages"
            );
            self.say(node, &NOT_ALLOWED, message);
        }
    }

    pub(super) fn mount(&mut self, node: &Node) {
        if !is_missing(node, "subPath") && !is_missing(node, "subPathExpr") {
            self.say(
                node,
                &BAD_PATH,
                "a mount has either `subPath` or `subPathExpr`, not both",
            );
        }
        let recursive = node.get("recursiveReadOnly").and_then(Node::as_str);
        let read_only = node.get("readOnly").and_then(Node::as_bool) == Some(true);
        if matches!(recursive, Some("Enabled" | "IfPossible")) && !read_only && !self.options.overlay {
            self.say(node, &NOT_ALLOWED, "`recursiveReadOnly` needs `readOnly: true`");
        }
    }

    pub(super) fn resources(&mut self, node: &Node) {
        let side = |key: &str| node.get(key).and_then(Node::as_map);
        for key in ["limits", "requests"] {
            for (name, value) in side(key).into_iter().flatten() {
                self.resource(name, value);
            }
        }
        for (name, value) in side("requests").into_iter().flatten() {
            self.request(name, value, side("limits"));
        }
        self.unique(
            list(node, "claims").iter(),
            &DUPLICATE,
            "two entries of `claims` are",
            |claim| {
                let request = claim.get("request").and_then(Node::as_str).unwrap_or_default();
                Some(format!(
                    "{}{}{request}",
                    name_of(claim)?,
                    if request.is_empty() { "" } else { "/" }
                ))
            },
        );
        let names = || ["limits", "requests"].into_iter().filter_map(side).flatten();
        let huge = names().find(|(name, _)| name.starts_with("hugepages-"));
        if let Some((_, value)) = huge
            && !self.options.overlay
            && !names().any(|(n, _)| n == "cpu" || n == "memory")
        {
            self.say(value, &RESOURCES, "huge pages need cpu or memory beside them");
        }
    }

    /// One amount of limits or requests.
    fn resource(&mut self, name: &str, value: &Node) {
        let own = ["cpu", "memory", "ephemeral-storage"].contains(&name) || name.starts_with("hugepages-");
        if let Err(reason) = names::qualified_key(name) {
            self.say(
                value,
                &BAD_NAME,
                format!("`{name}` is not the name of a resource: {reason}"),
            );
        } else if !own && (!name.contains('/') || name.starts_with("requests.")) {
            let message = format!(
                "`{name}` is not a resource of containers: it is none of cpu, memory and ephemeral-storage, and has no domain"
            );
            self.say(value, &BAD_NAME, message);
        }
        let Ok(q) = Quantity::from_node(value) else { return };
        if q.is_negative() {
            self.say(
                value,
                &OUT_OF_RANGE,
                format!("{q} of `{name}` is less than nothing"),
            );
        }
        if names::is_extended_resource(name) && q.as_int().is_none() {
            self.say(
                value,
                &RESOURCES,
                format!("`{name}` comes in whole numbers, not {q}"),
            );
        }
    }

    /// One request, beside its limit.
    fn request(&mut self, name: &str, value: &Node, limits: Option<&Map>) {
        let exact = names::is_extended_resource(name) || name.starts_with("hugepages-");
        let Ok(request) = Quantity::from_node(value) else {
            return;
        };
        let limit = limits.and_then(|l| l.get(name));
        if limit.is_none() && exact && !self.options.overlay {
            return self.say(
                value,
                &RESOURCES,
                format!("`{name}` is requested but has no limit, which it must have"),
            );
        }
        match limit.and_then(|l| Quantity::from_node(l).ok()) {
            Some(limit) if exact && limit != request => {
                let message = format!("the request of `{name}` ({request}) must equal its limit ({limit})");
                self.unequal(value, limits.and_then(|l| l.get(name)), message);
            }
            Some(limit) if request > limit => {
                self.say(
                    value,
                    &RESOURCES,
                    format!("the request of `{name}` ({request}) is above its limit ({limit})"),
                );
            }
            _ => {}
        }
    }

    /// A request that is not its limit. What the compiler requests has no place; the limit that contradicts it has.
    fn unequal(&mut self, request: &Node, limit: Option<&Node>, message: String) {
        let said = Diagnostic::new(&RESOURCES, message);
        match limit.filter(|l| request.ids.is_empty() && !l.ids.is_empty()) {
            Some(limit) => self.at(
                limit,
                said.remedy("leave it out: accelerators follow from `parallelism` and `accelerator`"),
            ),
            None => self.at(request, said),
        }
    }

    pub(super) fn size_limit(&mut self, node: &Node) {
        let limit = node.get("sizeLimit");
        if let Some(limit) = limit.filter(|l| Quantity::from_node(l).is_ok_and(|q| q.is_negative())) {
            self.say(limit, &OUT_OF_RANGE, "`sizeLimit` is less than nothing");
        }
    }
}
