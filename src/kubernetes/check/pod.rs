//! What the parts of a pod must agree on.

use super::Checker;
use crate::diagnostic::{Code, Diagnostic};
use crate::kubernetes::codes::{BAD_NAME, DUPLICATE, HIDDEN, NO_SUCH_CLAIM, NO_SUCH_PORT, NO_SUCH_VOLUME};
use crate::kubernetes::container::{list, name_of};
use crate::kubernetes::names;
use crate::kubernetes::suggest::closest;
use crate::value::Node;

impl Checker<'_> {
    pub(super) fn pod(&mut self, spec: &Node) {
        let containers = || {
            list(spec, "initContainers")
                .iter()
                .chain(list(spec, "containers"))
        };
        self.unique(containers(), &DUPLICATE, "two containers are called", |c| {
            Some(name_of(c)?.to_owned())
        });
        self.unique(
            list(spec, "volumes").iter(),
            &DUPLICATE,
            "two volumes are called",
            |v| Some(name_of(v)?.to_owned()),
        );
        self.labels(spec, "nodeSelector", names::label_value);
        self.range(spec, "terminationGracePeriodSeconds", 0, i64::MAX);
        self.range(spec, "activeDeadlineSeconds", 1, i64::MAX);
        self.label_name(spec, "hostname", "host name");
        self.label_name(spec, "subdomain", "subdomain");
        for key in ["serviceAccountName", "priorityClassName", "runtimeClassName"] {
            if spec.get(key).and_then(Node::as_str) != Some("") {
                self.text(spec, key, &BAD_NAME, "name of an object", names::dns_subdomain);
            }
        }
        if !self.options.overlay {
            for container in containers() {
                self.references(spec, container);
            }
        }
    }

    /// What a container refers to in its pod.
    fn references(&mut self, spec: &Node, container: &Node) {
        let owner = name_of(container).unwrap_or_default();
        let volumes: Vec<&str> = list(spec, "volumes").iter().filter_map(name_of).collect();
        let mounts = list(container, "volumeMounts")
            .iter()
            .chain(list(container, "volumeDevices"));
        for mount in mounts {
            self.refers(
                mount,
                &volumes,
                &NO_SUCH_VOLUME,
                &format!("`{owner}` mounts a volume that the pod does not have"),
            );
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

    /// The lists of a container.
    pub(super) fn container_lists(&mut self, container: &Node) {
        let text = |key: &'static str| move |e: &Node| Some(e.get(key)?.as_str()?.to_owned());
        let all = |key: &str| list(container, key).iter();
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
        if !self.options.overlay {
            self.named_ports(container);
        }
    }

    /// Reports elements whose key was there before.
    fn unique<'n>(
        &mut self,
        elements: impl Iterator<Item = &'n Node>,
        code: &'static Code,
        message: &str,
        key: impl Fn(&Node) -> Option<String>,
    ) {
        let mut seen: Vec<(String, &Node)> = Vec::new();
        for element in elements {
            let Some(key) = key(element) else { continue };
            if self.options.overlay && element.get("$patch").is_some() {
                continue;
            }
            match seen.iter().find(|(k, _)| *k == key) {
                Some((_, first)) => {
                    let said = Diagnostic::new(code, format!("{message} `{key}`"));
                    self.at(element, said.label(first.ids.first(), "the first is here"));
                }
                None => seen.push((key, element)),
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
}
