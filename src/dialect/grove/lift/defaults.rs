//! Defaults of the CRDs and of the mutating webhook, so that an object that writes them is no different from one that does not.

use crate::dialect::lifting::ApiDefault;

/// All of them.
pub(in crate::dialect::grove) const DEFAULTS: &[ApiDefault] = &[
    default("spec/replicas", "0"),
    default("spec/updateStrategy/type", "\"RollingRecreate\""),
    default("spec/template/cliqueStartupType", "\"CliqueStartupTypeAnyOrder\""),
    default("spec/template/terminationDelay", "\"4h\""),
    default("spec/template/terminationDelay", "\"4h0m0s\""),
    default("spec/template/headlessServiceConfig", "{}"),
    default(
        "spec/template/headlessServiceConfig/publishNotReadyAddresses",
        "true",
    ),
    default("spec/template/resourceClaimTemplates", "[]"),
    default("spec/template/resourceSharing", "[]"),
    default("spec/template/podCliqueScalingGroups", "[]"),
    default("spec/template/podCliqueScalingGroups/*/replicas", "1"),
    default("spec/template/podCliqueScalingGroups/*/minAvailable", "1"),
    default("spec/template/podCliqueScalingGroups/*/annotations", "{}"),
    default("spec/template/podCliqueScalingGroups/*/resourceSharing", "[]"),
    default(
        "spec/template/podCliqueScalingGroups/*/scaleConfig/minReplicas",
        "=../replicas",
    ),
    default("spec/template/cliques/*/labels", "{}"),
    default("spec/template/cliques/*/annotations", "{}"),
    default("spec/template/cliques/*/resourceSharing", "[]"),
    default("spec/template/cliques/*/spec/roleName", "\"\""),
    default("spec/template/cliques/*/spec/replicas", "1"),
    default("spec/template/cliques/*/spec/minAvailable", "=replicas"),
    default("spec/template/cliques/*/spec/startsAfter", "[]"),
    default(
        "spec/template/cliques/*/spec/autoScalingConfig/minReplicas",
        "=../replicas",
    ),
];

const fn default(path: &'static str, value: &'static str) -> ApiDefault {
    ApiDefault {
        kind: "PodCliqueSet",
        path,
        value,
    }
}
