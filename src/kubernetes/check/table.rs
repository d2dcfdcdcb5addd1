//! What the API server checks of single fields, beyond types, as data.

use crate::diagnostic::Code;
use crate::kubernetes::codes::{BAD_ENV_NAME, BAD_LABEL, BAD_NAME, BAD_PATH, NOT_ALLOWED};
use crate::kubernetes::names::{self, Check};

/// A field that holds a text (or a list of texts) of a certain form.
pub(super) struct Text {
    /// The object.
    pub(super) object: &'static str,
    /// Its field.
    pub(super) field: &'static str,
    /// What to report.
    pub(super) code: &'static Code,
    /// What the text is, to complete "is not a valid …".
    pub(super) what: &'static str,
    /// The rule.
    pub(super) check: fn(&str) -> Check,
}

const fn text(
    object: &'static str,
    field: &'static str,
    code: &'static Code,
    what: &'static str,
    check: fn(&str) -> Check,
) -> Text {
    Text {
        object,
        field,
        code,
        what,
        check,
    }
}

/// Fields with a form.
pub(super) const TEXTS: &[Text] = &[
    text(
        "ClusterTrustBundleProjection",
        "path",
        &BAD_PATH,
        "path in a volume",
        relative_path,
    ),
    text(
        "ConfigMapEnvSource",
        "name",
        &BAD_NAME,
        "name of a ConfigMap",
        names::dns_subdomain,
    ),
    text(
        "ConfigMapKeySelector",
        "key",
        &BAD_NAME,
        "key of a ConfigMap",
        names::config_key,
    ),
    text(
        "ConfigMapKeySelector",
        "name",
        &BAD_NAME,
        "name of a ConfigMap",
        names::dns_subdomain,
    ),
    text(
        "Container",
        "name",
        &BAD_NAME,
        "name of a container",
        names::dns_label,
    ),
    text(
        "ContainerPort",
        "name",
        &BAD_NAME,
        "name of a port",
        names::port_name,
    ),
    text(
        "ContainerResizePolicy",
        "resourceName",
        &NOT_ALLOWED,
        "resource to resize",
        resizable,
    ),
    text(
        "DownwardAPIVolumeFile",
        "path",
        &BAD_PATH,
        "path in a volume",
        relative_path,
    ),
    text(
        "EnvVar",
        "name",
        &BAD_ENV_NAME,
        "name of an environment variable",
        names::env_name,
    ),
    text(
        "HTTPHeader",
        "name",
        &BAD_NAME,
        "name of an HTTP header",
        header_name,
    ),
    text(
        "HostAlias",
        "hostnames",
        &BAD_NAME,
        "host name",
        names::dns_subdomain,
    ),
    text("HostAlias", "ip", &NOT_ALLOWED, "IP address", ip_address),
    text("HostPathVolumeSource", "path", &BAD_PATH, "path", no_back_steps),
    text("KeyToPath", "path", &BAD_PATH, "path in a volume", relative_path),
    text(
        "LabelSelectorRequirement",
        "key",
        &BAD_LABEL,
        "label key",
        names::qualified_key,
    ),
    text(
        "LabelSelectorRequirement",
        "values",
        &BAD_LABEL,
        "label value",
        names::label_value,
    ),
    text("NFSVolumeSource", "path", &BAD_PATH, "path", absolute_path),
    text(
        "NodeSelectorRequirement",
        "key",
        &BAD_LABEL,
        "label key",
        names::qualified_key,
    ),
    text(
        "NodeSelectorRequirement",
        "values",
        &BAD_LABEL,
        "label value",
        names::label_value,
    ),
    text("ObjectMeta", "finalizers", &BAD_NAME, "finalizer", finalizer),
    text(
        "PodAffinityTerm",
        "namespaces",
        &BAD_NAME,
        "name of a namespace",
        names::dns_label,
    ),
    text(
        "PodAffinityTerm",
        "topologyKey",
        &BAD_LABEL,
        "label key",
        names::qualified_key,
    ),
    text(
        "PodDNSConfig",
        "nameservers",
        &NOT_ALLOWED,
        "IP address",
        ip_address,
    ),
    text(
        "PodDNSConfig",
        "searches",
        &BAD_NAME,
        "DNS search domain",
        search_domain,
    ),
    text(
        "PodReadinessGate",
        "conditionType",
        &BAD_NAME,
        "type of a condition",
        names::qualified_key,
    ),
    text(
        "PodResourceClaim",
        "name",
        &BAD_NAME,
        "name of a claim",
        names::dns_label,
    ),
    text(
        "PodResourceClaim",
        "resourceClaimName",
        &BAD_NAME,
        "name of a claim",
        names::dns_subdomain,
    ),
    text(
        "PodResourceClaim",
        "resourceClaimTemplateName",
        &BAD_NAME,
        "name of a claim template",
        names::dns_subdomain,
    ),
    text(
        "PodSchedulingGate",
        "name",
        &BAD_NAME,
        "name of a gate",
        names::qualified_key,
    ),
    text("PodSpec", "hostname", &BAD_NAME, "host name", names::dns_label),
    text(
        "PodSpec",
        "nodeName",
        &BAD_NAME,
        "name of a node",
        names::dns_subdomain,
    ),
    text(
        "PodSpec",
        "priorityClassName",
        &BAD_NAME,
        "name of a priority class",
        names::dns_subdomain,
    ),
    text(
        "PodSpec",
        "runtimeClassName",
        &BAD_NAME,
        "name of a runtime class",
        names::dns_subdomain,
    ),
    text(
        "PodSpec",
        "serviceAccountName",
        &BAD_NAME,
        "name of a service account",
        names::dns_subdomain,
    ),
    text("PodSpec", "subdomain", &BAD_NAME, "subdomain", names::dns_label),
    text(
        "SecretEnvSource",
        "name",
        &BAD_NAME,
        "name of a Secret",
        names::dns_subdomain,
    ),
    text(
        "SecretKeySelector",
        "key",
        &BAD_NAME,
        "key of a Secret",
        names::config_key,
    ),
    text(
        "SecretKeySelector",
        "name",
        &BAD_NAME,
        "name of a Secret",
        names::dns_subdomain,
    ),
    text(
        "ServiceAccountTokenProjection",
        "path",
        &BAD_PATH,
        "path in a volume",
        relative_path,
    ),
    text("Sysctl", "name", &BAD_NAME, "name of a sysctl", sysctl),
    text(
        "Toleration",
        "key",
        &BAD_LABEL,
        "key of a taint",
        names::qualified_key,
    ),
    text(
        "Toleration",
        "value",
        &BAD_LABEL,
        "value of a taint",
        names::label_value,
    ),
    text("Volume", "name", &BAD_NAME, "name of a volume", names::dns_label),
    text(
        "VolumeMount",
        "subPath",
        &BAD_PATH,
        "path in a volume",
        relative_path,
    ),
    text(
        "VolumeMount",
        "subPathExpr",
        &BAD_PATH,
        "path in a volume",
        relative_path,
    ),
];

/// Bounds of numbers, also of the numbers of a list: object, field, least, most.
pub(super) const RANGES: &[(&str, &str, i64, i64)] = &[
    ("ConfigMapVolumeSource", "defaultMode", 0, 0o777),
    ("ContainerPort", "hostPort", 0, 65_535),
    ("DownwardAPIVolumeFile", "mode", 0, 0o777),
    ("DownwardAPIVolumeSource", "defaultMode", 0, 0o777),
    ("KeyToPath", "mode", 0, 0o777),
    ("PodSecurityContext", "fsGroup", 0, ID_MAX),
    ("PodSecurityContext", "runAsGroup", 0, ID_MAX),
    ("PodSecurityContext", "runAsUser", 0, ID_MAX),
    ("PodSecurityContext", "supplementalGroups", 0, ID_MAX),
    ("PodSpec", "activeDeadlineSeconds", 1, ID_MAX),
    ("PreferredSchedulingTerm", "weight", 1, 100),
    ("Probe", "failureThreshold", 0, i64::MAX),
    ("Probe", "initialDelaySeconds", 0, i64::MAX),
    ("Probe", "periodSeconds", 0, i64::MAX),
    ("Probe", "successThreshold", 0, i64::MAX),
    ("Probe", "terminationGracePeriodSeconds", 1, i64::MAX),
    ("Probe", "timeoutSeconds", 0, i64::MAX),
    ("ProjectedVolumeSource", "defaultMode", 0, 0o777),
    ("SecretVolumeSource", "defaultMode", 0, 0o777),
    ("SecurityContext", "runAsGroup", 0, ID_MAX),
    ("SecurityContext", "runAsUser", 0, ID_MAX),
    ("ServiceAccountTokenProjection", "expirationSeconds", 600, 1 << 32),
    ("SleepAction", "seconds", 0, i64::MAX),
    ("TopologySpreadConstraint", "maxSkew", 1, i64::MAX),
    ("TopologySpreadConstraint", "minDomains", 1, i64::MAX),
    ("WeightedPodAffinityTerm", "weight", 1, 100),
];

/// The largest user or group id, and number of seconds.
const ID_MAX: i64 = 2_147_483_647;

/// Fields that the types call optional and the API server requires nevertheless.
pub(super) const NEEDED: &[(&str, &str)] = &[
    ("ConfigMapEnvSource", "name"),
    ("ConfigMapKeySelector", "name"),
    ("ConfigMapProjection", "name"),
    ("ConfigMapVolumeSource", "name"),
    ("EphemeralVolumeSource", "volumeClaimTemplate"),
    ("ExecAction", "command"),
    ("PersistentVolumeClaimSpec", "accessModes"),
    ("PodDNSConfigOption", "name"),
    ("PodTemplateSpec", "spec"),
    ("SecretEnvSource", "name"),
    ("SecretKeySelector", "name"),
    ("SecretProjection", "name"),
    ("SecretVolumeSource", "secretName"),
];

fn no_back_steps(path: &str) -> Check {
    if path.split('/').any(|step| step == "..") {
        Err("it must not have '..'".to_owned())
    } else {
        Ok(())
    }
}

fn relative_path(path: &str) -> Check {
    if path.starts_with('/') {
        return Err("it must be relative".to_owned());
    }
    no_back_steps(path)
}

fn absolute_path(path: &str) -> Check {
    if path.starts_with('/') {
        Ok(())
    } else {
        Err("it must be absolute".to_owned())
    }
}

fn ip_address(text: &str) -> Check {
    text.parse::<std::net::IpAddr>()
        .map(drop)
        .map_err(|_| "write for instance 10.9.8.7 or 2001:db8::ffff".to_owned())
}

fn header_name(text: &str) -> Check {
    let wrong = text.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '-');
    wrong.map_or(Ok(()), |c| {
        Err(format!("{c:?} is not allowed, only letters, digits and '-'"))
    })
}

fn search_domain(text: &str) -> Check {
    // One dot alone means none, a trailing one is usual, and underscores are allowed.
    match text.strip_suffix('.').unwrap_or(text) {
        "" => Ok(()),
        domain => names::dns_subdomain(&domain.replace('_', "x")),
    }
}

fn finalizer(text: &str) -> Check {
    if ["orphan", "foregroundDeletion", "kubernetes"].contains(&text) {
        return Ok(());
    }
    names::qualified_key(text)?;
    if text.contains('/') {
        Ok(())
    } else {
        Err("it needs a domain in front, as in example.com/name".to_owned())
    }
}

fn resizable(text: &str) -> Check {
    if ["cpu", "memory"].contains(&text) {
        Ok(())
    } else {
        Err("only cpu and memory can be resized".to_owned())
    }
}

fn sysctl(text: &str) -> Check {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_./".contains(c);
    text.chars()
        .find(|c| !allowed(*c))
        .map_or(Ok(()), |c| Err(format!("{c:?} is not allowed")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::podspec::object;

    #[test]
    fn every_entry_is_about_a_field() {
        let texts = TEXTS.iter().map(|t| (t.object, t.field));
        let ranges = RANGES.iter().map(|(object, field, _, _)| (*object, *field));
        for (name, field) in texts.chain(ranges).chain(NEEDED.iter().copied()) {
            assert!(
                object(name).is_some_and(|o| o.field(field).is_some()),
                "{name}.{field}"
            );
        }
    }
}
