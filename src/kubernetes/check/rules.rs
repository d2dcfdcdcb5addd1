//! What the API server checks of single objects, beyond types.

use super::Checker;
use super::table::{NEEDED, RANGES, TEXTS};
use crate::diagnostic::Code;
use crate::kubernetes::codes::{BAD_LABEL, ENV_SOURCE, NOT_ALLOWED, ONE_OF, PROBE_HANDLER, VOLUME_SOURCE};
use crate::kubernetes::names::{self, Check};
use crate::kubernetes::podspec::Object;
use crate::value::{Node, Str};

impl Checker<'_> {
    /// The rules of one object.
    pub(super) fn rules(&mut self, node: &Node, object: &'static Object) {
        self.table(node, object.name);
        match object.name {
            "ObjectMeta" => self.metadata(node),
            "PodSpec" => self.pod(node),
            "Container" => self.container(node),
            "ContainerPort" => self.port(node, "containerPort", false),
            "EnvVar" => self.env_var(node, object),
            "EnvVarSource" => {
                self.exactly_one(node, object, &ENV_SOURCE, "`valueFrom`");
                self.env_source(node);
            }
            "EnvFromSource" => self.exactly_one(node, object, &ENV_SOURCE, "an element of `envFrom`"),
            "Probe" => self.exactly_one(node, object, &PROBE_HANDLER, "a probe"),
            "LifecycleHandler" => self.exactly_one(node, object, &PROBE_HANDLER, "a hook"),
            // A volume without source is an emptyDir.
            "Volume" => self.at_most_one(node, object, &VOLUME_SOURCE, "a volume"),
            "VolumeProjection" => {
                self.at_most_one(node, object, &VOLUME_SOURCE, "a source of a projected volume")
            }
            "DownwardAPIVolumeFile" => {
                self.exactly_one(node, object, &ONE_OF, "a file of the downward API");
                self.downward_file(node);
            }
            "PodResourceClaim" => self.exactly_one(node, object, &ONE_OF, "a claim"),
            "VolumeMount" => self.mount(node),
            "ResourceRequirements" => self.resources(node),
            "EmptyDirVolumeSource" => self.size_limit(node),
            "HTTPGetAction" | "TCPSocketAction" => self.port(node, "port", true),
            "GRPCAction" => self.port(node, "port", false),
            "LabelSelector" => self.labels(node, "matchLabels"),
            "LabelSelectorRequirement" | "NodeSelectorRequirement" => self.requirement(node),
            "Toleration" => self.toleration(node),
            "TopologySpreadConstraint" => self.spread(node),
            "SeccompProfile" | "AppArmorProfile" => self.profile(node),
            "SecurityContext" => self.security(node),
            _ => {}
        }
    }

    /// The rules that stand in the table.
    fn table(&mut self, node: &Node, object: &str) {
        for rule in TEXTS.iter().filter(|rule| rule.object == object) {
            if let Some(value) = node.get(rule.field) {
                for element in value.as_seq().unwrap_or(std::slice::from_ref(value)) {
                    self.text(element, rule.field, rule.code, rule.what, rule.check);
                }
            }
        }
        for (_, field, min, max) in RANGES.iter().filter(|(name, ..)| *name == object) {
            if let Some(value) = node.get(field) {
                for element in value.as_seq().unwrap_or(std::slice::from_ref(value)) {
                    self.range(element, field, *min, *max);
                }
            }
        }
        let whole = !self.options.overlay;
        for (_, field) in NEEDED.iter().filter(|(name, _)| *name == object && whole) {
            if is_missing(node, field) {
                self.missing(node, field, object);
            }
        }
    }

    fn metadata(&mut self, node: &Node) {
        self.labels(node, "labels");
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
    pub(super) fn labels(&mut self, owner: &Node, key: &str) {
        for (key, value) in owner.get(key).and_then(Node::as_map).into_iter().flatten() {
            if let Err(reason) = names::qualified_key(key) {
                self.say(
                    value,
                    &BAD_LABEL,
                    format!("`{key}` is not a valid label key: {reason}"),
                );
            }
            let checked: Option<Check> = value.as_str().map(names::label_value);
            if let Some(Err(reason)) = checked {
                self.say(
                    value,
                    &BAD_LABEL,
                    format!("the value of `{key}` is not a valid label value: {reason}"),
                );
            }
        }
    }

    /// The members of the object's union that are set.
    pub(super) fn members<'n>(&self, node: &'n Node, object: &Object) -> Vec<&'n str> {
        let set = |(key, value): &'n (Str, Node)| {
            (!value.is_null() && object.field(key).is_some_and(|f| f.union)).then_some(key.as_str())
        };
        node.as_map().into_iter().flatten().filter_map(set).collect()
    }

    fn at_most_one(&mut self, node: &Node, object: &'static Object, code: &'static Code, what: &str) {
        let members = self.members(node, object);
        if members.len() > 1 {
            self.say(
                node,
                code,
                format!("{what} takes exactly one of {}", members.join(", ")),
            );
        }
    }

    fn exactly_one(&mut self, node: &Node, object: &'static Object, code: &'static Code, what: &str) {
        self.at_most_one(node, object, code, what);
        // A member that the table does not know may be there.
        let unknown = node
            .as_map()
            .is_none_or(|m| m.iter().any(|(k, _)| object.field(k).is_none()));
        if self.members(node, object).is_empty() && !self.options.overlay && !unknown {
            let known: Vec<&str> = object.fields.iter().filter(|f| f.union).map(|f| f.name).collect();
            self.say(
                node,
                code,
                format!("{what} needs exactly one of {}; there is none", known.join(", ")),
            );
        }
    }

    /// A profile of seccomp or AppArmor: a file for the type Localhost, and only for it.
    fn profile(&mut self, node: &Node) {
        let Some(kind) = node.get("type").and_then(Node::as_str) else {
            return;
        };
        let file = !is_missing(node, "localhostProfile");
        if kind == "Localhost" && !file && !self.options.overlay {
            self.missing(node, "localhostProfile", "a profile of the type Localhost");
        }
        if kind != "Localhost" && file {
            self.say(
                node,
                &NOT_ALLOWED,
                format!("`localhostProfile` needs the type Localhost, not {kind}"),
            );
        }
    }

    fn security(&mut self, node: &Node) {
        if node.get("allowPrivilegeEscalation").and_then(Node::as_bool) != Some(false) {
            return;
        }
        let added = node
            .at(&["capabilities", "add"])
            .and_then(Node::as_seq)
            .unwrap_or_default();
        let admin = added.iter().any(|c| c.as_str() == Some("CAP_SYS_ADMIN"));
        if node.get("privileged").and_then(Node::as_bool) == Some(true) || admin {
            let what = if admin {
                "the capability CAP_SYS_ADMIN"
            } else {
                "`privileged: true`"
            };
            self.say(
                node,
                &NOT_ALLOWED,
                format!("`allowPrivilegeEscalation: false` cannot stand beside {what}"),
            );
        }
    }
}

/// Whether a field is absent or holds nothing: null, an empty text, an empty list.
pub(super) fn is_missing(owner: &Node, field: &str) -> bool {
    owner
        .get(field)
        .is_none_or(|n| n.is_null() || n.as_str() == Some("") || n.as_seq().is_some_and(<[Node]>::is_empty))
}
