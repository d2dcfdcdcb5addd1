use super::super::Rbg;
use crate::diagnostic::Ledger;
use crate::dialect::{self, Context, Dialect, platform::Platform};
use crate::pods::{Expansion, Outcome, Scene};
use crate::source::{Limits, Sources, parse};

/// What becomes of the last document, the others beside it.
fn expand(text: &str) -> Expansion {
    let (mut sources, mut ledger) = (Sources::new(), Ledger::new());
    let (source, documents) = parse("test", text, 0, &Limits::default(), &mut ledger);
    sources.push(source);
    assert!(!ledger.has_errors(), "{:?}", ledger.diagnostics);
    let scene = Scene {
        documents: &documents,
        namespace: "default",
    };
    let templates = dialect::templates(None, &mut ledger);
    let mut cx = Context {
        sources: &sources,
        platform: &Platform::default(),
        templates: &templates,
        ledger: &mut ledger,
    };
    Rbg.expand(documents.last().unwrap(), &scene, &mut cx)
}

fn group(roles: &str) -> Expansion {
    expand(&format!(
        "apiVersion: workloads.x-k8s.io/v1alpha2\nkind: RoleBasedGroup\nmetadata: {{name: g}}\nspec: {{roles: {roles}}}\n"
    ))
}

const POD: &str = "template: {spec: {containers: [{name: c, image: 'img:1'}]}}";

fn code(expansion: &Expansion) -> &'static str {
    expansion.outcome.verdict().map_or("", |v| v.code.id)
}

#[test]
fn many_pods_and_too_many() {
    let many = group(&format!(
        "[{{name: a, replicas: 5000, leaderWorkerPattern: {{size: 2, {POD}}}}}]"
    ));
    assert_eq!(many.pods.len(), 10_000);
    assert_eq!(many.pods[9_999].name, "g-a-4999-1");
    let absurd = group(&format!(
        "[{{name: a, replicas: 2147483647, leaderWorkerPattern: {{size: 2147483647, {POD}}}}}]"
    ));
    assert_eq!((code(&absurd), absurd.pods.len()), ("INF4101", 0));
    let set = expand(&format!(
        "apiVersion: workloads.x-k8s.io/v1alpha2\nkind: RoleBasedGroupSet\nmetadata: {{name: s}}\nspec: {{replicas: 2147483647, \
         groupTemplate: {{spec: {{roles: [{{name: a, replicas: 0, standalonePattern: {{{POD}}}}}]}}}}}}\n"
    ));
    assert_eq!(code(&set), "INF4101");
}

/// Whatever stands where, there is an answer.
#[test]
fn any_type_anywhere() {
    for value in [
        "null", "1", "-1", "x", "[]", "[1]", "[null]", "{}", "{a: 1}", "true", "1.5",
    ] {
        for kind in super::KINDS {
            for version in ["v1alpha1", "v1alpha2"] {
                for body in [
                    format!("spec: {value}"),
                    format!(
                        "spec: {{roles: {value}, components: {value}, policies: {value}, replicas: {value}}}"
                    ),
                    format!(
                        "spec: {{roleInstanceTemplate: {value}, groupTemplate: {value}, template: {value}}}"
                    ),
                    format!("spec: {{roles: [{{name: a, replicas: {value}, standalonePattern: {value}}}]}}"),
                    format!("spec: {{roles: [{{name: a, template: {value}, workload: {value}}}]}}"),
                    format!("spec: {{roles: [{{name: a, standalonePattern: {{template: {value}}}}}]}}"),
                    format!(
                        "spec: {{roles: [{{name: a, engineRuntimes: {value}, customComponentsPattern: {{components: [{{name: {value}, \
                         size: 1, template: {value}}}]}}}}]}}"
                    ),
                    format!(
                        "spec: {{components: [{{name: a, size: {value}, template: {{metadata: {value}, spec: {value}}}}}]}}"
                    ),
                    format!("metadata: {value}"),
                ] {
                    expand(&format!(
                        "apiVersion: workloads.x-k8s.io/{version}\nkind: {kind}\n{body}\n"
                    ));
                }
            }
        }
    }
}

/// What comes of a role decides about those after it.
#[test]
fn roles_wait() {
    let two = |first: &str| {
        group(&format!(
            "[{{name: b, dependencies: [a], standalonePattern: {{{POD}}}}}, {{name: z, standalonePattern: {{{POD}}}}}, {first}]"
        ))
    };
    let names = |e: &Expansion| e.pods.iter().map(|p| p.name.to_string()).collect::<Vec<_>>();
    let fine = two(&format!("{{name: a, standalonePattern: {{{POD}}}}}"));
    assert_eq!(names(&fine), ["g-b-0", "g-z-0", "g-a-0"]);
    // The controller fails at `a`: others of its level are made, later levels are not.
    let failed = two("{name: a}");
    assert_eq!(
        (names(&failed), code(&failed)),
        (vec!["g-z-0".to_owned()], "INF5344")
    );
    // `a` has objects and no pods: `b` waits.
    let stuck = two(&format!(
        "{{name: a, annotations: {{rbg.workloads.x-k8s.io/role-instance-pattern: X}}, standalonePattern: {{{POD}}}}}"
    ));
    assert_eq!(
        (names(&stuck), code(&stuck)),
        (vec!["g-z-0".to_owned()], "INF5348")
    );
}

/// A set stores what the webhook then refuses of its groups.
#[test]
fn groups_of_a_set_are_refused() {
    let set = expand(&format!(
        "apiVersion: workloads.x-k8s.io/v1alpha2\nkind: RoleBasedGroupSet\nmetadata: {{name: s}}\nspec: {{replicas: 2, groupTemplate: {{spec: \
         {{roles: [{{name: a, replicas: 1, rolloutStrategy: {{rollingUpdate: {{partition: 1}}}}, standalonePattern: {{{POD}}}}}]}}}}}}\n"
    ));
    assert!(matches!(set.outcome, Outcome::None(_)), "{:?}", set.outcome);
    assert_eq!(code(&set), "INF5306");
}

/// With no skew at all no role may be ahead, so none ever starts.
#[test]
fn no_skew_no_pods() {
    let none = expand(&format!(
        "apiVersion: workloads.x-k8s.io/v1alpha2\nkind: CoordinatedPolicy\nmetadata: {{name: g}}\nspec: {{policies: [{{name: p, roles: [a, \
         b], strategy: {{scaling: {{maxSkew: 0%}}}}}}]}}\n---\napiVersion: workloads.x-k8s.io/v1alpha2\nkind: RoleBasedGroup\nmetadata: \
         {{name: g}}\nspec: {{roles: [{{name: a, standalonePattern: {{{POD}}}}}, {{name: b, standalonePattern: {{{POD}}}}}]}}\n"
    ));
    assert_eq!((none.pods.len(), code(&none)), (0, "INF5316"));
}
