//! What no record shows.

use super::expand;
use crate::diagnostic::Ledger;
use crate::dialect::platform::Platform;
use crate::dialect::{Context, templates};
use crate::kubernetes::testing::yaml;
use crate::pods::{Expansion, Scene};
use crate::source::{Document, Sources};
use crate::value::{Id, Node};

fn run(text: &str, platform: &str) -> (Expansion, Ledger) {
    let document = Document {
        root: yaml(text),
        id: Id::new(0, 0),
        comments: Vec::new(),
    };
    let mut ledger = Ledger::new();
    let (sources, templates) = (Sources::new(), templates(None, &mut ledger));
    let platform = Platform { spec: yaml(platform) };
    let documents = [document];
    let scene = Scene {
        documents: &documents,
        namespace: "ns",
    };
    let mut cx = Context {
        sources: &sources,
        platform: &platform,
        templates: &templates,
        ledger: &mut ledger,
    };
    let expansion = expand(&documents[0], &scene, &mut cx);
    (expansion, ledger)
}

fn set(replicas: &str, template: &str) -> String {
    format!(
        "apiVersion: grove.io/v1alpha1\nkind: PodCliqueSet\nmetadata: {{name: s}}\nspec: {{replicas: {replicas}, template: {template}}}\n"
    )
}

fn clique(name: &str, more: &str) -> String {
    format!(
        "{{name: {name}, spec: {{roleName: {name}, podSpec: {{containers: [{{name: m, image: i}}]}}, {more}}}}}"
    )
}

fn outcome(expansion: &Expansion) -> (&'static str, &'static str) {
    let verdict = expansion.outcome.verdict();
    (expansion.outcome.as_str(), verdict.map_or("", |v| v.code.id))
}

#[test]
fn an_autoscaler_takes_the_replicas_into_its_bounds_at_its_first_look() {
    let f = clique(
        "f",
        "replicas: 1, autoScalingConfig: {minReplicas: 3, maxReplicas: 4}",
    );
    let w = clique("w", "replicas: 2");
    let groups = "[{name: g, cliqueNames: [w], replicas: 4, scaleConfig: {minReplicas: 1, maxReplicas: 2}}]";
    let template = format!("{{cliques: [{f}, {w}], podCliqueScalingGroups: {groups}}}");
    let (expansion, _) = run(&set("1", &template), "{}");
    let at: Vec<(&str, u32, &str, u32)> = expansion
        .pods
        .iter()
        .map(|p| (p.role.as_str(), p.replica, p.member.as_str(), p.index))
        .collect();
    let expected = [
        ("f", 0, "", 0),
        ("f", 1, "", 0),
        ("f", 2, "", 0),
        ("g", 0, "w", 0),
        ("g", 0, "w", 1),
        ("g", 1, "w", 0),
        ("g", 1, "w", 1),
    ];
    assert_eq!(at, expected);
    let gang = expansion.children.iter().find(|c| c.kind == "PodGang").unwrap();
    let least = gang.object.at(&["spec", "podgroups", "0", "minReplicas"]);
    assert_eq!(least.and_then(Node::as_int), Some(1));
}

#[test]
fn absurd_numbers_are_answered_at_once() {
    let lone = format!("{{cliques: [{}]}}", clique("f", "replicas: 2147483647"));
    let groups = "[{name: g, cliqueNames: [], replicas: 2147483647}]";
    let empty = format!(
        "{{cliques: [{}], podCliqueScalingGroups: {groups}}}",
        clique("f", "replicas: 1")
    );
    for template in [lone, empty] {
        let (expansion, _) = run(&set("2147483647", &template), "{}");
        assert_eq!(outcome(&expansion), ("none", "INF4101"));
        assert!(expansion.pods.is_empty());
    }
}

#[test]
fn children_are_not_for_users() {
    let alone = "apiVersion: grove.io/v1alpha1\nkind: PodClique\nmetadata: {name: p}\nspec: {replicas: 2}\n";
    assert_eq!(outcome(&run(alone, "{}").0), ("none", "INF5244"));
    let owned = alone.replace(
        "name: p",
        "name: p, ownerReferences: [{kind: PodCliqueSet, name: s}]",
    );
    let (expansion, ledger) = run(&owned, "{}");
    assert_eq!(outcome(&expansion), ("pods", ""));
    assert_eq!(ledger.diagnostics.len(), 1);
}

#[test]
fn what_the_platform_does_not_say_is_not_held_against_a_set() {
    let constrained = clique("f", "replicas: 1").replacen(
        "{name",
        "{topologyConstraint: {topologyName: t, pack: {required: rack}}, annotations: {grove.io/mnnvl-group: g}, name",
        1,
    );
    let template = format!("{{cliques: [{constrained}]}}");
    let text = set("1", &template);
    assert_eq!(outcome(&run(&text, "{}").0), ("pods", ""));
    let without = run(&text, "{grove: {topologies: []}}").0;
    assert_eq!(outcome(&without), ("rejected", "INF5233"));
    let other = run(
        &text,
        "{grove: {topologies: [{name: t, levels: [{domain: zone, key: z}]}]}}",
    );
    assert_eq!(outcome(&other.0), ("rejected", "INF5233"));
    let off = run(&text, "{grove: {autoMNNVL: false}}").0;
    assert_eq!(outcome(&off), ("rejected", "INF5228"));
}

#[test]
fn a_gang_that_is_never_complete_holds_the_others_back() {
    let worker = clique("r", "replicas: 1");
    let router = clique("router", "replicas: 3, minAvailable: 2");
    let member = clique("m", "replicas: 1");
    let groups = "[{name: g, cliqueNames: [m], replicas: 2}]";
    let template = format!("{{cliques: [{worker}, {router}, {member}], podCliqueScalingGroups: {groups}}}");
    let (expansion, ledger) = run(&set("1", &template), "{}");
    assert_eq!(outcome(&expansion), ("none", "INF5246"));
    let gated: Vec<(&str, bool)> = expansion
        .pods
        .iter()
        .map(|p| (p.role.as_str(), p.spec.get("schedulingGates").is_some()))
        .collect();
    assert_eq!(
        gated,
        [("r", false), ("router", false), ("g", false), ("g", true)]
    );
    assert!(ledger.diagnostics.iter().any(|d| d.code.id == "INF5202"));
}
