//! What the records of real controllers do not show: limits, versions, live objects.

use super::Aibrix;
use super::admit::matches;
use crate::diagnostic::Ledger;
use crate::dialect::platform::Platform;
use crate::dialect::{Context, Dialect, templates};
use crate::kubernetes::container::{list, name_of};
use crate::kubernetes::testing::yaml;
use crate::pods::{Expansion, Scene};
use crate::source::{Document, Limits, Sources, parse};

/// The expansions of all objects of a page, and the codes of what was said.
fn expand(text: &str, platform: &str) -> (Vec<Expansion>, Vec<&'static str>) {
    let mut ledger = Ledger::new();
    let (_, documents): (_, Vec<Document>) = parse("test", text, 0, &Limits::default(), &mut ledger);
    let (sources, page) = (Sources::new(), templates(None, &mut ledger));
    let platform = Platform { spec: yaml(platform) };
    let scene = Scene {
        documents: &documents,
        namespace: "default",
    };
    let expansions = documents.iter().map(|document| {
        let mut cx = Context {
            sources: &sources,
            platform: &platform,
            templates: &page,
            ledger: &mut ledger,
        };
        Aibrix.expand(document, &scene, &mut cx)
    });
    let expansions = expansions.collect();
    (expansions, ledger.diagnostics.iter().map(|d| d.code.id).collect())
}

fn service(name: &str, rest: &str, roles: &str) -> String {
    format!(
        "apiVersion: orchestration.aibrix.ai/v1alpha1\nkind: StormService\nmetadata: {{name: {name}}}\nspec:\n  selector: {{matchLabels: \
         {{app: {name}}}}}\n{rest}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec:\n      roles: [{roles}]\n"
    )
}

const ONE: &str = "{name: w, replicas: 1, stateful: true, template: {spec: {containers: [{name: main, image: img, env: [{name: Z, value: z}, {name: A, value: a}]}]}}}";

fn env(expansion: &Expansion) -> Vec<String> {
    let containers = list(&expansion.pods[0].spec, "containers");
    list(&containers[0], "env")
        .iter()
        .filter_map(name_of)
        .map(str::to_owned)
        .collect()
}

#[test]
fn absurd_numbers_are_answered() {
    let many = ONE.replace("replicas: 1", "replicas: 2147483647, podGroupSize: 100");
    for (rest, roles) in [
        ("  replicas: 2147483647", ""),
        ("  replicas: 2147483647", ONE),
        ("  replicas: 2147483647", many.as_str()),
        ("  replicas: 1", many.as_str()),
    ] {
        let (expansions, codes) = expand(&service("s", rest, roles), "{}");
        assert_eq!(
            (expansions[0].outcome.as_str(), codes.as_slice()),
            ("none", &["INF4101"][..]),
            "{rest} {roles}"
        );
        assert!(expansions[0].pods.is_empty() && expansions[0].children.len() < 3);
    }
}

#[test]
fn older_versions_inject_otherwise() {
    let text = service("s", "  replicas: 1", ONE);
    let (new, _) = expand(&text, "{}");
    assert_eq!(
        env(&new[0]),
        [
            "STORM_SERVICE_NAME",
            "ROLESET_NAME",
            "ROLESET_INDEX",
            "ROLE_NAME",
            "ROLE_TEMPLATE_HASH",
            "ROLE_REPLICA_INDEX",
            "Z",
            "A"
        ]
    );
    let (old, _) = expand(&text, "{aibrix: {version: v0.6.0}}");
    assert_eq!(
        env(&old[0]),
        [
            "A",
            "ROLESET_INDEX",
            "ROLESET_NAME",
            "ROLE_NAME",
            "ROLE_REPLICA_INDEX",
            "ROLE_TEMPLATE_HASH",
            "STORM_SERVICE_NAME",
            "Z"
        ]
    );
}

#[test]
fn live_objects_are_counted_once() {
    let set = "---\napiVersion: orchestration.aibrix.ai/v1alpha1\nkind: RoleSet\nmetadata: {name: s-roleset-x1x2x, OWNED}\nspec:\n  roles: [ROLE]\n".replace("ROLE]", &format!("{ONE}]"));
    let owned = set.replace(
        "OWNED",
        "ownerReferences: [{kind: StormService, name: s, controller: true}]",
    );
    let text = service("s", "  replicas: 1", ONE);
    let (expansions, _) = expand(&format!("{text}{owned}"), "{}");
    assert_eq!(
        expansions.iter().map(|e| e.pods.len()).collect::<Vec<_>>(),
        [1, 0]
    );
    let (expansions, _) = expand(&format!("{text}{}", set.replace(", OWNED", "")), "{}");
    assert_eq!(
        expansions.iter().map(|e| e.pods.len()).collect::<Vec<_>>(),
        [1, 1]
    );
}

#[test]
fn a_refused_role_stops_those_after_it() {
    let roles = format!(
        "{ONE}, {}, {}",
        ONE.replace("name: w", "name: My"),
        ONE.replace("name: w", "name: z")
    );
    let (expansions, codes) = expand(&service("s", "  replicas: 2", &roles), "{}");
    assert_eq!(
        (expansions[0].outcome.as_str(), codes.as_slice()),
        ("none", &["INF5156"][..])
    );
    assert!(expansions[0].pods.len() == 2 && expansions[0].pods.iter().all(|p| p.role == "w"));
}

#[test]
fn autoscalers_raise_replicas_at_once() {
    let scaler = |rest: &str| {
        format!(
            "---\napiVersion: autoscaling.aibrix.ai/v1alpha1\nkind: PodAutoscaler\nmetadata: {{name: a}}\nspec:\n  scaleTargetRef: {{apiVersion: \
         orchestration.aibrix.ai/v1alpha1, kind: StormService, name: s}}\n  scalingStrategy: KPA\n  minReplicas: 3\n  maxReplicas: 4\n  \
         metricsSources: [{{metricSourceType: resource, targetMetric: cpu, targetValue: '1'}}]\n{rest}"
        )
    };
    let text = service("s", "  replicas: 1", ONE);
    let pods = |rest: &str| -> Vec<(u32, u32)> {
        let (expansions, codes) = expand(&format!("{text}{}", scaler(rest)), "{}");
        assert!(codes.is_empty(), "{codes:?}");
        expansions[0].pods.iter().map(|p| (p.slice, p.replica)).collect()
    };
    assert_eq!(pods(""), [(0, 0), (1, 0), (2, 0)]);
    assert_eq!(
        pods("  subTargetSelector: {roleName: w}\n"),
        [(0, 0), (0, 1), (0, 2)]
    );
    let (_, codes) = expand(&format!("{text}{}{}", scaler(""), scaler("")), "{}");
    assert_eq!(codes, ["INF5159"]);
}

#[test]
fn selectors_of_other_services_take_role_sets() {
    let (a, b) = (
        service("a", "  replicas: 1", ONE),
        service("b", "  replicas: 1", ONE),
    );
    let everything = b.replace("{matchLabels: {app: b}}", "{}");
    let outcomes =
        |text: &str| -> Vec<&str> { expand(text, "{}").0.iter().map(|e| e.outcome.as_str()).collect() };
    assert_eq!(outcomes(&format!("{a}---\n{b}")), ["pods", "pods"]);
    assert_eq!(outcomes(&format!("{a}---\n{everything}")), ["none", "pods"]);
    let labels = yaml("{a: x}");
    let matches = |selector: &str| matches(&yaml(selector), labels.as_map().unwrap());
    assert!(
        matches("{}")
            && matches(
                "{matchExpressions: [{key: a, operator: In, values: [x]}, {key: b, operator: DoesNotExist}]}"
            )
    );
    assert!(
        !matches("{matchExpressions: [{key: a, operator: NotIn, values: [x]}]}")
            && !matches("{matchLabels: {a: y}}")
    );
}

#[test]
fn hostile_objects_do_no_harm() {
    for spec in [
        "null",
        "x",
        "[1]",
        "{replicas: [], template: 1}",
        "{selector: 1, template: {spec: {roles: {a: 1}}}}",
        "{replicas: 1, selector: {}, template: {spec: {roles: [null, 1, {name: [], replicas: x, template: {spec: {containers: [1, {env: 3}]}}}]}}}",
    ] {
        for kind in ["StormService", "RoleSet", "PodSet"] {
            let text = format!(
                "apiVersion: orchestration.aibrix.ai/v1alpha1\nkind: {kind}\nmetadata: {{name: a}}\nspec: {spec}\n"
            );
            let (expansions, _) = expand(&text, "{}");
            assert!(expansions[0].pods.is_empty(), "{text}");
        }
    }
}
