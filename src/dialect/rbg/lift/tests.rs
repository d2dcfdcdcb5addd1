//! What groups become, word for word.

use super::super::testing::yaml;
use crate::compile::Settings;
use crate::diagnostic::{Diagnostic, Ledger};
use crate::dialect::platform::Platform;
use crate::dialect::{self, lifting::Draft};
use crate::lift;
use crate::source::{Limits, Sources, parse};
use crate::value::Node;

/// The first serving of an input, and what was said.
fn lifted(text: &str) -> (Draft, Vec<Diagnostic>) {
    let mut ledger = Ledger::new();
    let (_, documents) = parse("test", text, 0, &Limits::default(), &mut ledger);
    let (sources, platform) = (Sources::new(), Platform::default());
    let templates = dialect::templates(None, &mut ledger);
    let settings = Settings {
        sources: &sources,
        platform: &platform,
        templates: &templates,
        namespace: None,
        annotate_target: false,
    };
    let mut lifted = lift::lift(&documents, &settings, &mut ledger);
    (lifted.drafts.remove(0), ledger.diagnostics)
}

/// A group of one role, which the text describes.
fn group(role: &str) -> String {
    format!(
        "{{apiVersion: workloads.x-k8s.io/v1alpha2, kind: RoleBasedGroup, metadata: {{name: g}}, spec: {{roles: [{role}]}}}}"
    )
}

fn role(draft: &Draft, number: &str) -> Node {
    draft.serving.at(&["spec", "roles", number]).cloned().unwrap()
}

fn same(draft: &Draft, path: &[&str], expected: &str) {
    let found = draft.serving.at(path).cloned().unwrap_or_default();
    assert_eq!(found, yaml(expected), "{path:?}");
}

const POD: &str = "{spec: {containers: [{name: main, image: i}]}}";

#[test]
fn what_is_said_by_default_is_not_repeated() {
    let (draft, said) = lifted(&group(&format!(
        "{{name: a, replicas: 2, rolloutStrategy: {{type: RollingUpdate, rollingUpdate: {{type: InPlaceIfPossible, maxUnavailable: 1, maxSurge: 0}}}}, \
         podManagementPolicy: Parallel, standalonePattern: {{template: {POD}}}}}"
    )));
    let expected =
        format!("{{name: a, phase: other, replicas: 2, engine: {{type: custom}}, podTemplate: {POD}}}");
    assert_eq!(role(&draft, "0"), yaml(&expected));
    assert!(
        said.is_empty() && draft.serving.at(&["spec", "targets"]).is_none(),
        "{said:?}"
    );
}

#[test]
fn patches_of_leader_and_workers_stay_overlays() {
    let (draft, _) = lifted(&group(&format!(
        "{{name: a, leaderWorkerPattern: {{size: 3, template: {POD}, workerTemplatePatch: {{spec: {{containers: [{{name: main, args: [$(RBG_LWP_WORKER_INDEX)]}}]}}}}}}}}"
    )));
    same(&draft, &["spec", "roles", "0", "nodes"], "3");
    same(&draft, &["spec", "roles", "0", "podTemplate"], POD);
    let worker = "{spec: {containers: [{name: main, args: [$(infer.rank)]}]}}";
    same(&draft, &["spec", "roles", "0", "worker"], worker);
    assert!(role(&draft, "0").get("leader").is_none() && role(&draft, "0").get("targets").is_none());
}

#[test]
fn a_patch_with_directives_is_applied() {
    let (draft, _) = lifted(&group(&format!(
        "{{name: a, leaderWorkerPattern: {{size: 2, template: {POD}, workerTemplatePatch: {{spec: {{$patch: replace, containers: [{{name: other, image: o}}]}}}}}}}}"
    )));
    let members = format!(
        "[{{name: leader, podTemplate: {POD}}}, {{name: worker, count: 1, podTemplate: {{spec: {{containers: [{{name: other, image: o}}]}}}}}}]"
    );
    same(&draft, &["spec", "roles", "0", "members"], &members);
    assert!(draft.serving.at(&["spec", "targets"]).is_none());
}

#[test]
fn names_of_pods_and_services_become_addresses() {
    let text = "{apiVersion: workloads.x-k8s.io/v1alpha2, kind: RoleBasedGroup, metadata: {name: g}, spec: {roles: [\
        {name: store, standalonePattern: {template: {spec: {containers: [{name: m, image: i}]}}}}, \
        {name: pre, replicas: 2, standalonePattern: {template: {spec: {containers: [{name: m, image: i}]}}}}, \
        {name: r, standalonePattern: {template: {spec: {containers: [{name: m, image: i, args: ['s-g-store:1', \
        'g-pre-1.s-g-pre.default.svc:2', 's-g-pre:3', 's-g-store2:4', 'g-pre-7.s-g-pre:5']}]}}}}]}}";
    let (draft, _) = lifted(text);
    let args = "['$(infer.addr.store.0.0):1', '$(infer.addr.pre.1.0).default.svc:2', 's-g-pre:3', 's-g-store2:4', 'g-pre-7.s-g-pre:5']";
    same(
        &draft,
        &[
            "spec",
            "roles",
            "2",
            "podTemplate",
            "spec",
            "containers",
            "0",
            "args",
        ],
        args,
    );
    same(
        &draft,
        &["spec", "roles", "0", "targets", "rbg", "addressedBy"],
        "service",
    );
    assert!(draft.serving.at(&["spec", "targets"]).is_none(), "no patches");
    let graver = draft
        .broken
        .iter()
        .filter(|d| d.severity > crate::diagnostic::Severity::Note);
    let lost: Vec<&str> = graver.map(|d| d.code.id).collect();
    assert_eq!(lost, ["INF5325"], "the Service of two instances");
}

#[test]
fn the_order_of_components_is_a_word_where_it_is_one() {
    let group = |after: &str| {
        group(&format!(
            "{{name: a, customComponentsPattern: {{components: [{{name: x, size: 1, template: {POD}}}, {{name: y, size: 1, template: {POD}, \
             annotations: {{rolebasedgroup.workloads.x-k8s.io/component-depends-on: '{after}'}}}}]}}}}"
        ))
    };
    let (draft, _) = lifted(&group(r#"{"startAfter": ["x"]}"#));
    same(&draft, &["spec", "roles", "0", "startup"], "{order: leaderFirst}");
    let lost = |draft: &Draft| draft.broken.iter().filter(|d| d.code.id == "INF5323").count();
    assert!(lost(&draft) == 0 && role(&draft, "0").get("targets").is_none());
    let (draft, _) = lifted(&group(r#"{"startAfter": ["x"], "deleteAfter": ["x"]}"#));
    assert!(role(&draft, "0").get("startup").is_none());
    assert_eq!(lost(&draft), 1);
    same(
        &draft,
        &["spec", "roles", "0", "targets"],
        "{rbg: {pattern: customComponents}}",
    );
}

#[test]
fn a_group_that_never_ran_stays_as_it_is() {
    let text = format!(
        "{{apiVersion: workloads.x-k8s.io/v1alpha2, kind: RoleBasedGroup, metadata: {{name: g}}, spec: {{roleTemplates: [{{name: t, template: {POD}}}], \
         roles: [{{name: a, standalonePattern: {{templateRef: {{name: t}}}}}}]}}}}"
    );
    let (draft, said) = lifted(&text);
    assert_eq!(said.len(), 1, "{said:?}");
    same(&draft, &["spec", "roles", "0", "podTemplate"], POD);
    let patches = draft.serving.at(&["spec", "targets", "rbg", "patches"]);
    assert!(patches.is_some_and(|p| p.all_ids().iter().count() > 0));
}

#[test]
fn a_policy_without_effect_is_none_of_the_serving() {
    let with = |name: &str, skew: &str| {
        format!(
            "apiVersion: workloads.x-k8s.io/v1alpha2\nkind: RoleBasedGroup\nmetadata: {{name: g}}\nspec: {{roles: [{{name: a, standalonePattern: {{template: {POD}}}}}, \
             {{name: b, standalonePattern: {{template: {POD}}}}}]}}\n---\napiVersion: workloads.x-k8s.io/v1alpha2\nkind: CoordinatedPolicy\nmetadata: {{name: {name}}}\n\
             spec: {{policies: [{{name: p, roles: [a, b], strategy: {{scaling: {{maxSkew: {skew}}}}}}}]}}\n"
        )
    };
    let (draft, _) = lifted(&with("g", "10%"));
    same(
        &draft,
        &["spec", "targets", "rbg", "coordination"],
        "[{name: p, roles: [a, b], scaling: {maxSkew: 10%}}]",
    );
    assert_eq!(draft.replaces.len(), 2);
    for (name, skew) in [("other", "10%"), ("g", "10")] {
        let (draft, _) = lifted(&with(name, skew));
        assert!(draft.serving.at(&["spec", "targets"]).is_none());
        assert_eq!(draft.replaces.len(), 1);
    }
}
