//! What the API server checks of single objects, beyond types.

use super::Checker;
use crate::diagnostic::Code;
use crate::kubernetes::codes::{
    BAD_ENV_NAME, BAD_LABEL, BAD_NAME, BAD_PATH, ENV_SOURCE, NO_IMAGE, NOT_ALLOWED, OUT_OF_RANGE,
    PROBE_HANDLER, REQUIRED, RESOURCES, VOLUME_SOURCE,
};
use crate::kubernetes::container::list;
use crate::kubernetes::names::{self, Check};
use crate::kubernetes::podspec::Object;
use crate::kubernetes::quantity::Quantity;
use crate::value::{Map, Node};

impl Checker<'_> {
    /// The rules of one object.
    pub(super) fn rules(&mut self, node: &Node, object: &'static Object) {
        match object.name {
            "PodTemplateSpec" => self.template(node),
            "ObjectMeta" => self.metadata(node),
            "PodSpec" => self.pod(node),
            "Container" => self.container(node),
            "ContainerPort" => self.container_port(node),
            "EnvVar" => self.env_var(node, object),
            "EnvVarSource" => self.exactly_one(node, object, &ENV_SOURCE, "`valueFrom`"),
            "Probe" => self.probe(node, object),
            "LifecycleHandler" => self.exactly_one(node, object, &PROBE_HANDLER, "a hook"),
            "Volume" => {
                self.label_name(node, "name", "name of a volume");
                self.exactly_one(node, object, &VOLUME_SOURCE, "a volume");
            }
            "VolumeMount" => self.mount(node),
            "ResourceRequirements" => self.resources(node),
            "HTTPGetAction" | "TCPSocketAction" => self.port(node, "port", true),
            "GRPCAction" => self.port(node, "port", false),
            "LabelSelector" => self.labels(node, "matchLabels", names::label_value),
            "LabelSelectorRequirement" | "NodeSelectorRequirement" => self.requirement(node),
            "Toleration" => self.toleration(node),
            "TopologySpreadConstraint" => {
                self.range(node, "maxSkew", 1, i64::MAX);
                self.text(node, "topologyKey", &BAD_LABEL, "label key", names::qualified_key);
            }
            "PodAffinityTerm" => {
                self.text(node, "topologyKey", &BAD_LABEL, "label key", names::qualified_key)
            }
            "WeightedPodAffinityTerm" | "PreferredSchedulingTerm" => self.range(node, "weight", 1, 100),
            "LocalObjectReference" => {
                self.text(node, "name", &BAD_NAME, "name of an object", names::dns_subdomain)
            }
            "ConfigMapVolumeSource"
            | "SecretVolumeSource"
            | "ProjectedVolumeSource"
            | "DownwardAPIVolumeSource" => {
                self.range(node, "defaultMode", 0, 0o777);
            }
            "KeyToPath" | "DownwardAPIVolumeFile" => self.range(node, "mode", 0, 0o777),
            "PersistentVolumeClaimVolumeSource" => {
                self.text(
                    node,
                    "claimName",
                    &BAD_NAME,
                    "name of a claim",
                    names::dns_subdomain,
                );
            }
            "SleepAction" => self.range(node, "seconds", 0, i64::MAX),
            _ => {}
        }
    }

    fn template(&mut self, node: &Node) {
        if !self.options.overlay && node.get("spec").is_none_or(Node::is_null) {
            self.say(node, &REQUIRED, "a pod template needs `spec`");
        }
    }

    fn metadata(&mut self, node: &Node) {
        self.labels(node, "labels", names::label_value);
        for (key, value) in node
            .get("annotations")
            .and_then(Node::as_map)
            .into_iter()
            .flatten()
        {
            if let Err(reason) = names::annotation_key(key) {
                self.say(
                    value,
                    &BAD_LABEL,
                    format!("`{key}` is not a valid annotation key: {reason}"),
                );
            }
        }
    }

    /// Checks a mapping of labels.
    pub(super) fn labels(&mut self, owner: &Node, key: &str, value_check: fn(&str) -> Check) {
        for (key, value) in owner.get(key).and_then(Node::as_map).into_iter().flatten() {
            if let Err(reason) = names::qualified_key(key) {
                self.say(
                    value,
                    &BAD_LABEL,
                    format!("`{key}` is not a valid label key: {reason}"),
                );
            }
            if let Some(Err(reason)) = value.as_str().map(value_check) {
                self.say(
                    value,
                    &BAD_LABEL,
                    format!("the value of `{key}` is not a valid label value: {reason}"),
                );
            }
        }
    }

    fn container(&mut self, node: &Node) {
        self.label_name(node, "name", "name of a container");
        let image = node
            .get("image")
            .filter(|n| !n.is_null() && n.as_str() != Some(""));
        if image.is_none() && !self.options.overlay && !self.options.image_later {
            let name = node.get("name").and_then(Node::as_str).unwrap_or_default();
            self.say(node, &NO_IMAGE, format!("the container `{name}` has no image"));
        }
        self.container_lists(node);
    }

    fn container_port(&mut self, node: &Node) {
        self.text(node, "name", &BAD_NAME, "name of a port", names::port_name);
        self.port(node, "containerPort", false);
        self.range(node, "hostPort", 0, 65535);
    }

    fn env_var(&mut self, node: &Node, object: &'static Object) {
        self.text(
            node,
            "name",
            &BAD_ENV_NAME,
            "name of an environment variable",
            names::env_name,
        );
        // `value: ""` beside `valueFrom` is the same as none.
        let empty = node.get("value").and_then(Node::as_str) == Some("");
        if !empty && self.members(node, object).len() > 1 {
            self.say(
                node,
                &ENV_SOURCE,
                "an environment variable has either `value` or `valueFrom`, not both",
            );
        }
    }

    /// The members of the object's union that are set.
    fn members<'n>(&self, node: &'n Node, object: &Object) -> Vec<&'n str> {
        let set = |(key, value): &'n (_, Node)| {
            let key: &'n crate::value::Str = key;
            (!value.is_null() && object.field(key).is_some_and(|f| f.union)).then_some(key.as_str())
        };
        node.as_map().into_iter().flatten().filter_map(set).collect()
    }

    fn exactly_one(&mut self, node: &Node, object: &'static Object, code: &'static Code, what: &str) {
        let members = self.members(node, object);
        // A source that this table does not know may be there.
        let unknown = node
            .as_map()
            .is_some_and(|m| m.iter().any(|(k, _)| object.field(k).is_none()));
        match members.len() {
            0 if self.options.overlay || unknown => {}
            0 => {
                let union = object.fields.iter().filter(|f| f.union);
                let known = union.map(|f| f.name).collect::<Vec<_>>().join(", ");
                self.say(
                    node,
                    code,
                    format!("{what} needs exactly one of {known}; there is none"),
                );
            }
            1 => {}
            _ => self.say(
                node,
                code,
                format!("{what} takes exactly one of {}", members.join(", ")),
            ),
        }
    }

    fn probe(&mut self, node: &Node, object: &'static Object) {
        self.exactly_one(node, object, &PROBE_HANDLER, "a probe");
        self.range(node, "initialDelaySeconds", 0, i64::MAX);
        for key in [
            "timeoutSeconds",
            "periodSeconds",
            "successThreshold",
            "failureThreshold",
        ] {
            // 0 is the same as none, the default.
            self.range(node, key, 0, i64::MAX);
        }
        self.range(node, "terminationGracePeriodSeconds", 1, i64::MAX);
    }

    fn mount(&mut self, node: &Node) {
        if let Some(path) = node
            .get("mountPath")
            .filter(|p| p.as_str().is_some_and(|p| p.is_empty() || p.contains(':')))
        {
            self.say(path, &BAD_PATH, "a mount path is not empty and has no ':'");
        }
        let text = |key: &str| node.get(key).and_then(Node::as_str).filter(|s| !s.is_empty());
        for key in ["subPath", "subPathExpr"] {
            let leaves = |p: &str| p.starts_with('/') || p.split('/').any(|step| step == "..");
            if let (Some(at), true) = (node.get(key), text(key).is_some_and(leaves)) {
                self.say(
                    at,
                    &BAD_PATH,
                    format!("`{key}` is relative and stays in the volume"),
                );
            }
        }
        if text("subPath").is_some() && text("subPathExpr").is_some() {
            self.say(
                node,
                &BAD_PATH,
                "a mount has either `subPath` or `subPathExpr`, not both",
            );
        }
    }

    fn resources(&mut self, node: &Node) {
        let side = |key: &str| node.get(key).and_then(Node::as_map);
        let amount = |map: Option<&Map>, name: &str| Quantity::from_node(map?.get(name)?).ok();
        for key in ["limits", "requests"] {
            for (name, value) in side(key).into_iter().flatten() {
                if let Err(reason) = names::qualified_key(name) {
                    self.say(
                        value,
                        &BAD_NAME,
                        format!("`{name}` is not the name of a resource: {reason}"),
                    );
                }
                let Ok(q) = Quantity::from_node(value) else {
                    continue;
                };
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
        }
        for (name, value) in side("requests").into_iter().flatten() {
            let (Some(request), limit) = (amount(side("requests"), name), amount(side("limits"), name))
            else {
                continue;
            };
            match limit {
                Some(limit) if names::is_extended_resource(name) && limit != request => {
                    self.say(
                        value,
                        &RESOURCES,
                        format!("the request of `{name}` ({request}) must equal its limit ({limit})"),
                    );
                }
                Some(limit) if request > limit => {
                    self.say(
                        value,
                        &RESOURCES,
                        format!("the request of `{name}` ({request}) is above its limit ({limit})"),
                    );
                }
                None if names::is_extended_resource(name)
                    && !self.options.overlay
                    && !side("limits").is_some_and(|l| l.contains_key(name)) =>
                {
                    self.say(
                        value,
                        &RESOURCES,
                        format!("`{name}` is requested but has no limit, which it must have"),
                    );
                }
                _ => {}
            }
        }
    }

    fn requirement(&mut self, node: &Node) {
        let (Some(operator), values) = (node.get("operator").and_then(Node::as_str), list(node, "values"))
        else {
            return;
        };
        let at = node.get("values").unwrap_or(node);
        match operator {
            "In" | "NotIn" if values.is_empty() && !self.options.overlay => {
                self.say(node, &REQUIRED, format!("the operator {operator} needs `values`"));
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                self.say(
                    at,
                    &NOT_ALLOWED,
                    format!("the operator {operator} takes no `values`"),
                );
            }
            "Gt" | "Lt" if values.len() != 1 && !self.options.overlay => {
                self.say(
                    at,
                    &NOT_ALLOWED,
                    format!("the operator {operator} takes one value"),
                );
            }
            _ => {}
        }
    }

    fn toleration(&mut self, node: &Node) {
        let text = |key: &str| node.get(key).and_then(Node::as_str).filter(|s| !s.is_empty());
        if let Some(key) = text("key") {
            if let Err(reason) = names::qualified_key(key) {
                self.say(
                    node,
                    &BAD_LABEL,
                    format!("`{key}` is not a valid key of a taint: {reason}"),
                );
            }
        } else if text("operator") != Some("Exists") && !self.options.overlay {
            self.say(
                node,
                &REQUIRED,
                "a toleration without `key` needs the operator Exists, which tolerates every taint",
            );
        }
        if text("operator") == Some("Exists") && text("value").is_some() {
            self.say(
                node,
                &NOT_ALLOWED,
                "a toleration with the operator Exists has no `value`",
            );
        }
        if node.get("tolerationSeconds").is_some_and(|n| !n.is_null())
            && text("effect").is_some_and(|e| e != "NoExecute")
        {
            self.say(
                node,
                &NOT_ALLOWED,
                "`tolerationSeconds` needs the effect NoExecute",
            );
        }
    }
}
