//! What the CRDs and the controller mean by absence, where lowering writes it out.

use crate::dialect::lifting::ApiDefault;

macro_rules! defaults {
    ($($path:literal => $value:literal,)*) => {
        /// Defaults of a role's fields, of groups and of the groups of a set.
        pub const DEFAULTS: &[ApiDefault] = &[
            $(
                ApiDefault { kind: "RoleBasedGroup", path: concat!("spec/roles/*/", $path), value: $value },
                ApiDefault {
                    kind: "RoleBasedGroupSet",
                    path: concat!("spec/groupTemplate/spec/roles/*/", $path),
                    value: $value,
                },
            )*
            ApiDefault {
                kind: "RoleBasedGroup",
                path: "metadata/annotations/rbg.workloads.x-k8s.io~1discovery-config-mode",
                value: "\"refine\"",
            },
            ApiDefault {
                kind: "RoleBasedGroupSet",
                path: "spec/groupTemplate/annotations/rbg.workloads.x-k8s.io~1discovery-config-mode",
                value: "\"refine\"",
            },
            ApiDefault { kind: "RoleBasedGroupSet", path: "spec/replicas", value: "1" },
            ApiDefault {
                kind: "CoordinatedPolicy",
                path: "spec/policies/*/strategy/scaling/maxSkew",
                value: "\"100%\"",
            },
        ];
    };
}

defaults! {
    "replicas" => "1",
    "minReadySeconds" => "0",
    "podManagementPolicy" => "\"Parallel\"",
    "scalingAdapter/enable" => "false",
    "rolloutStrategy/type" => "\"RollingUpdate\"",
    "rolloutStrategy/rollingUpdate/type" => "\"InPlaceIfPossible\"",
    "rolloutStrategy/rollingUpdate/maxUnavailable" => "1",
    "rolloutStrategy/rollingUpdate/maxSurge" => "0",
    "rolloutStrategy/rollingUpdate/partition" => "0",
    "rolloutStrategy/rollingUpdate/paused" => "false",
    "leaderWorkerPattern/size" => "1",
    "leaderWorkerPattern/sharedServiceSelection" => "\"LeaderOnly\"",
    "leaderWorkerPattern/restartPolicyConfig/type" => "\"RecreateRoleInstanceOnPodRestart\"",
    "leaderWorkerPattern/restartPolicyConfig/baseDelaySeconds" => "30",
    "leaderWorkerPattern/restartPolicyConfig/maxDelaySeconds" => "600",
    "customComponentsPattern/restartPolicyConfig/type" => "\"RecreateRoleInstanceOnPodRestart\"",
    "customComponentsPattern/restartPolicyConfig/baseDelaySeconds" => "30",
    "customComponentsPattern/restartPolicyConfig/maxDelaySeconds" => "600",
}
