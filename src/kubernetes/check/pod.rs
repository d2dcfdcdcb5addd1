//! What the parts of a pod must agree on.

use super::Checker;
use super::rules::is_missing;
use crate::diagnostic::{Code, Diagnostic, closest};
use crate::kubernetes::codes::{
    DUPLICATE, NO_SUCH_CLAIM, NO_SUCH_VOLUME, NOT_ALLOWED, OUT_OF_RANGE, REQUIRED,
};
use crate::kubernetes::container::{list, name_of};
use crate::value::Node;

/// The time that a pod has to end if it does not say, in seconds.
const GRACE_PERIOD: i64 = 30;
/// The most name servers of a pod.
const NAME_SERVERS: usize = 3;

impl Checker<'_> {
    pub(super) fn pod(&mut self, spec: &Node) {
        let inits = list(spec, "initContainers");
        let containers = || inits.iter().chain(list(spec, "containers"));
        let name = |e: &Node| Some(name_of(e)?.to_owned());
        self.unique(containers(), &DUPLICATE, "two containers are called", name);
        for (key, what) in [
            ("volumes", "volumes"),
            ("resourceClaims", "claims"),
            ("schedulingGates", "gates"),
        ] {
            self.unique(
                list(spec, key).iter(),
                &DUPLICATE,
                &format!("two {what} are called"),
                name,
            );
        }
        let spread = list(spec, "topologySpreadConstraints").iter();
        self.unique(spread, &DUPLICATE, "two constraints spread over", |e| {
            Some(format!(
                "{}, {}",
                e.get("topologyKey")?.as_str()?,
                e.get("whenUnsatisfiable")?.as_str()?
            ))
        });
        self.host_ports(spec);
        self.labels(spec, "nodeSelector");
        self.dns(spec);
        inits.iter().for_each(|c| self.init_container(c));
        for container in containers() {
            self.hooks(spec, container);
            if !self.options.overlay {
                self.references(spec, container);
            }
        }
    }

    /// Two containers of a pod cannot have the same port of the node.
    fn host_ports(&mut self, spec: &Node) {
        let ports = list(spec, "containers").iter().flat_map(|c| list(c, "ports"));
        self.unique(ports, &DUPLICATE, "two ports of the node are", |port| {
            let number = port.get("hostPort")?.as_int().filter(|n| *n != 0)?;
            let text =
                |key: &str, or: &'static str| port.get(key).and_then(Node::as_str).unwrap_or(or).to_owned();
            Some(format!(
                "{}/{}/{number}",
                text("protocol", "TCP"),
                text("hostIP", "")
            ))
        });
    }

    fn dns(&mut self, spec: &Node) {
        let servers = spec
            .get("dnsConfig")
            .map(|c| list(c, "nameservers"))
            .unwrap_or_default();
        let policy = spec.get("dnsPolicy").filter(|p| p.as_str() == Some("None"));
        if let Some(policy) = policy.filter(|_| servers.is_empty() && !self.options.overlay) {
            self.say(
                policy,
                &REQUIRED,
                "`dnsPolicy: None` needs `dnsConfig` with nameservers",
            );
        }
        if let Some(extra) = servers.get(NAME_SERVERS) {
            self.say(
                extra,
                &OUT_OF_RANGE,
                format!(
                    "a pod has at most {NAME_SERVERS} nameservers, not {}",
                    servers.len()
                ),
            );
        }
    }

    /// Init containers end before the others start, so they are not probed, unless they are sidecars.
    fn init_container(&mut self, container: &Node) {
        if self.options.overlay || container.get("restartPolicy").and_then(Node::as_str) == Some("Always") {
            return;
        }
        for key in ["livenessProbe", "readinessProbe", "startupProbe", "lifecycle"] {
            if let Some(node) = container.get(key).filter(|n| !n.is_null() && **n != Node::map()) {
                let message = format!(
                    "an init container has no `{key}`, unless it is a sidecar (`restartPolicy: Always`)"
                );
                self.say(node, &NOT_ALLOWED, message);
            }
        }
    }

    fn hooks(&mut self, spec: &Node, container: &Node) {
        let grace = spec.get("terminationGracePeriodSeconds").and_then(Node::as_int);
        let sleep = container.at(&["lifecycle", "preStop", "sleep", "seconds"]);
        if let Some((node, n)) = sleep.and_then(|n| Some((n, n.as_int()?))) {
            let most = grace.or((!self.options.overlay).then_some(GRACE_PERIOD));
            if let Some(most) = most.filter(|most| n > *most) {
                let message =
                    format!("a sleep of {n} seconds is longer than `terminationGracePeriodSeconds` ({most})");
                self.say(node, &OUT_OF_RANGE, message);
            }
        }
        let signal = container
            .at(&["lifecycle", "stopSignal"])
            .filter(|n| !n.is_null());
        let os = spec.get("os").filter(|os| !is_missing(os, "name"));
        if let Some(node) = signal.filter(|_| os.is_none() && !self.options.overlay) {
            self.say(node, &REQUIRED, "`stopSignal` needs `os.name` of the pod");
        }
    }

    /// What a container refers to in its pod.
    fn references(&mut self, spec: &Node, container: &Node) {
        let owner = name_of(container).unwrap_or_default();
        let volumes = list(spec, "volumes");
        let known: Vec<&str> = volumes.iter().filter_map(name_of).collect();
        for mount in list(container, "volumeMounts") {
            self.refers(
                mount,
                &known,
                &NO_SUCH_VOLUME,
                &format!("`{owner}` mounts a volume that the pod does not have"),
            );
        }
        for device in list(container, "volumeDevices") {
            self.refers(
                device,
                &known,
                &NO_SUCH_VOLUME,
                &format!("`{owner}` uses a volume that the pod does not have"),
            );
            let volume = volumes
                .iter()
                .find(|v| name_of(v).is_some() && name_of(v) == name_of(device));
            let block = |v: &Node| {
                ["persistentVolumeClaim", "ephemeral"]
                    .iter()
                    .any(|k| v.get(k).is_some())
            };
            if volume.is_some_and(|v| !block(v)) {
                self.say(
                    device,
                    &NOT_ALLOWED,
                    "only volumes of a persistentVolumeClaim or ephemeral volumes are block devices",
                );
            }
        }
        let claims: Vec<&str> = list(spec, "resourceClaims").iter().filter_map(name_of).collect();
        for claim in container
            .get("resources")
            .map(|r| list(r, "claims"))
            .unwrap_or_default()
        {
            self.refers(
                claim,
                &claims,
                &NO_SUCH_CLAIM,
                &format!("`{owner}` uses a claim that the pod does not have"),
            );
        }
    }

    fn refers(&mut self, by: &Node, known: &[&str], code: &'static Code, message: &str) {
        let Some((node, name)) = by.get("name").and_then(|n| Some((n, n.as_str()?))) else {
            return;
        };
        if known.contains(&name) {
            return;
        }
        let mut said = Diagnostic::new(code, format!("{message}: `{name}`"));
        if let Some(meant) = closest(name, known.iter().copied()) {
            said = said.remedy(format!("did you mean `{meant}`?")).replacement(meant);
        }
        self.at(node, said);
    }

    /// Reports elements whose key was there before.
    pub(super) fn unique<'n>(
        &mut self,
        elements: impl Iterator<Item = &'n Node>,
        code: &'static Code,
        message: &str,
        key: impl Fn(&Node) -> Option<String>,
    ) {
        let mut seen: Vec<(String, &Node)> = Vec::new();
        for element in elements {
            let Some(key) = key(element).filter(|_| !self.options.overlay || element.get("$patch").is_none())
            else {
                continue;
            };
            match seen.iter().find(|(k, _)| *k == key) {
                Some((_, first)) => {
                    let said = Diagnostic::new(code, format!("{message} `{key}`"));
                    self.at(element, said.label(first.ids.first(), "the first is here"));
                }
                None => seen.push((key, element)),
            }
        }
    }
}
