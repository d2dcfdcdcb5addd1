//! AutoscalingPolicies: the values of a metric are summed over the entry pods, and their target is what one replica should have.

use super::check::known_role;
use super::codes::{METRIC, SCALING, SUMMED};
use super::options::{Autoscaling, Ratio};
use super::scene::{Lowered, Names, Scene};
use crate::diagnostic::{Diagnostic, Ledger, Outcome};
use crate::dialect::{Context, shared};
use crate::ir::{self, Role};
use crate::kubernetes::quantity::Quantity;
use crate::plan;
use crate::spec::engine::EngineType;
use crate::spec::policy::MetricSource;
use crate::template::Vars;
use crate::value::{Map, Node, Str, Traced};

/// The most roles of one policy (CRD).
const ROLES: usize = 2;

/// A role's bounds and signals, as the policy has them.
struct Scaled<'a> {
    role: &'a Lowered<'a>,
    bounds: Node,
}

/// One policy for up to two roles; the roles of a ratio are in one.
pub fn objects(scene: &Scene<'_>, cx: &mut Context<'_>) -> Vec<Node> {
    let empty = Autoscaling::default();
    let options = scene.options.autoscaling.as_ref().unwrap_or(&empty);
    check_behavior(options, cx.ledger);
    let mut scaled: Vec<Scaled<'_>> = scene
        .roles
        .iter()
        .filter_map(|r| role(scene, r, cx.ledger))
        .collect();
    if let Some(ratio) = &options.ratio {
        ratio_first(scene, ratio, &mut scaled, cx.ledger);
    }
    let slices = options.slices.as_ref().and_then(|s| slices(scene, s, cx.ledger));
    if let (Some(_), Some(first)) = (&slices, scaled.first()) {
        let ids = options.slices.as_ref().map(|s| s.ids.clone()).unwrap_or_default();
        let said = Diagnostic::new(
            &SCALING,
            "slices and roles cannot be scaled at once: every new slice adds replicas of all roles",
        );
        cx.ledger.report(
            said.at_ids(&ids)
                .label(first.role.role.name.at(), "this role is scaled too"),
        );
    }
    let mut objects = of_roles(scene, options, &scaled, cx);
    if let Some((metrics, target)) = slices {
        objects.extend(policy(
            scene,
            options,
            &scene.serving.name,
            ("homogeneousTarget", target),
            Some(metrics),
            cx,
        ));
    }
    objects
}

/// A policy for each two of the scaled roles.
fn of_roles(
    scene: &Scene<'_>,
    options: &Autoscaling,
    scaled: &[Scaled<'_>],
    cx: &mut Context<'_>,
) -> Vec<Node> {
    let several = scaled.len() > ROLES;
    let mut objects: Vec<Node> = Vec::new();
    for (number, chunk) in scaled.chunks(ROLES).enumerate() {
        let name = if several {
            shared::role_object_name(scene.serving, chunk[0].role.role)
        } else {
            scene.serving.name.clone()
        };
        let ratio = options
            .ratio
            .as_ref()
            .filter(|_| number == 0 && chunk.len() == ROLES);
        let target = disaggregated(scene, chunk, ratio);
        objects.extend(policy(
            scene,
            options,
            &name,
            ("disaggregatedTarget", target),
            None,
            cx,
        ));
    }
    objects
}

fn policy(
    scene: &Scene<'_>,
    options: &Autoscaling,
    name: &Traced<Str>,
    target: (&str, Node),
    metrics: Option<Node>,
    cx: &mut Context<'_>,
) -> Option<Node> {
    let Autoscaling {
        ids,
        tolerance_percent,
        behavior,
        ratio: _,
        slices: _,
    } = options;
    let mut vars = Vars::new();
    vars.set(
        "metadata",
        shared::metadata(scene.serving, name, &[], &Map::new()),
    );
    vars.set(
        "tolerancePercent",
        tolerance_percent.as_ref().map(|t| t.number().node()),
    );
    vars.set("metrics", metrics);
    vars.set("behavior", behavior.clone());
    for field in ["homogeneousTarget", "disaggregatedTarget"] {
        vars.set(
            field,
            (field == target.0).then(|| Node::derived(target.1.clone(), ids)),
        );
    }
    shared::fill(cx, "kthena/autoscalingpolicy.yaml", vars)
}

fn target_ref(scene: &Scene<'_>) -> Node {
    Map::from_iter([
        ("apiVersion", Node::from("workload.serving.volcano.sh/v1alpha1")),
        ("kind", "ModelServing".into()),
        ("name", (&scene.serving.name).into()),
    ])
    .into()
}

fn disaggregated(scene: &Scene<'_>, roles: &[Scaled<'_>], ratio: Option<&Ratio>) -> Node {
    let mut target = Map::from_iter([("targetRef", target_ref(scene))]);
    let bounds: Map = roles
        .iter()
        .map(|s| (s.role.name.value.clone(), s.bounds.clone()))
        .collect();
    target.insert("roles", bounds);
    if let Some(Ratio {
        ids,
        numerator,
        denominator,
        min,
        max,
    }) = ratio
    {
        let names = Names::new(&scene.roles);
        let name = |role: &Traced<Str>| role.map(|r| names.of(r)).node();
        let mut constraint = Map::new();
        constraint.insert_some("numeratorRole", numerator.as_ref().map(name));
        constraint.insert_some("denominatorRole", denominator.as_ref().map(name));
        constraint.insert_some("minRatio", min.clone());
        constraint.insert_some("maxRatio", max.clone());
        target.insert("ratioConstraint", Node::derived(constraint, ids));
    }
    target.into()
}

/// Puts the roles of a ratio first, so that they share a policy.
fn ratio_first(scene: &Scene<'_>, ratio: &Ratio, scaled: &mut [Scaled<'_>], ledger: &mut Ledger) {
    for role in [&ratio.denominator, &ratio.numerator].into_iter().flatten() {
        let at = scaled.iter().position(|s| s.role.role.name.value == role.value);
        match at {
            Some(at) => scaled[..=at].rotate_right(1),
            None if known_role(scene, role, ledger) => {
                let message = format!("`{}` is in a ratio and is not scaled", role.value);
                ledger.report(
                    Diagnostic::new(&SCALING, message)
                        .at_ids(&role.ids)
                        .remedy("give the role `scaling`"),
                );
            }
            None => {}
        }
    }
    let bound = |role: &Option<Traced<Str>>, zero: bool| {
        let name = role.as_ref()?;
        let scaling = scene
            .roles
            .iter()
            .find(|r| r.role.name.value == name.value)?
            .role
            .scaling
            .as_ref()?;
        Some((scaling.min.value == 0) == zero)
    };
    if bound(&ratio.numerator, true)
        .zip(bound(&ratio.denominator, true))
        .is_some_and(|(a, b)| a != b)
    {
        let said = Diagnostic::new(&SCALING, "the roles of a ratio go to zero together or not at all")
            .at_ids(&ratio.ids);
        ledger.report(said.remedy("give both a `minReplicas` of 0, or both at least 1"));
    }
}

/// A role's entry of a policy, if the role is scaled by metrics that the policy can read.
fn role<'a>(scene: &Scene<'_>, lowered: &'a Lowered<'a>, ledger: &mut Ledger) -> Option<Scaled<'a>> {
    let ir::Scaling {
        min,
        max,
        metrics,
        ids,
    } = lowered.role.scaling.as_ref()?;
    // The sum is over the pods of all slices, and the result is for each slice.
    let slices = scene.serving.slices.value.max(1);
    let (list, sources) = signals(scene, lowered.role, metrics, slices, ledger);
    let pods = metrics.iter().any(|m| m.source.value == MetricSource::Pods);
    if min.value == 0 && pods && !list.is_empty() {
        let message = format!(
            "`{}` at 0 replicas has no pods to read a metric from, and never comes back",
            lowered.role.name.value
        );
        let said = Diagnostic::new(&SCALING, message).at_ids(&min.ids);
        ledger.report(said.remedy("set `minReplicas` to at least 1, or use an external metric"));
    }
    if list.is_empty() && min.value != max.value {
        let mut bounds = ids.union(&min.ids);
        bounds.merge(&max.ids);
        let message = format!(
            "`{}` is not scaled: none of its metrics can be read",
            lowered.role.name.value
        );
        ledger.report(
            Diagnostic::new(&METRIC, message)
                .at_ids(&bounds)
                .outcome(Outcome::Dropped),
        );
        return None;
    }
    let mut bounds = Map::from_iter([("minReplicas", min.node()), ("maxReplicas", max.node())]);
    if !list.is_empty() {
        bounds.insert("metrics", list);
        bounds.insert("metricSources", sources);
    }
    Some(Scaled {
        role: lowered,
        bounds: Node::derived(bounds, ids),
    })
}

/// `metrics` and `metricSources` of the metrics that a policy can read; says which it cannot.
fn signals(
    scene: &Scene<'_>,
    role: &Role,
    metrics: &[ir::Metric],
    times: u32,
    ledger: &mut Ledger,
) -> (Vec<Node>, Map) {
    let (mut list, mut sources) = (Vec::new(), Map::new());
    for metric in metrics {
        let ir::Metric { source, name, target } = metric;
        if sources.contains_key(&name.value) {
            let message = format!("two metrics are called `{}`, which admission refuses", name.value);
            ledger.report(Diagnostic::new(&SCALING, message).at_ids(&name.ids));
            continue;
        }
        let Some(from) = source_of(scene, role, metric, ledger) else {
            continue;
        };
        let mut entry = Map::from_iter([("name", name.node())]);
        entry.insert("targetValue", goal(target, times, ledger));
        list.push(entry.into());
        sources.insert(name.value.clone(), Node::derived(from, &source.ids));
    }
    (list, sources)
}

/// The target for one replica; for a role in several slices, for one replica in each of them.
fn goal(target: &Traced<Str>, times: u32, ledger: &mut Ledger) -> Node {
    let parsed = Quantity::parse(&target.value);
    if parsed.as_ref().is_ok_and(|q| q.is_zero() || q.is_negative()) {
        ledger.report(Diagnostic::new(&SCALING, "a metric's target must be more than 0").at_ids(&target.ids));
    }
    let Some(quantity) = parsed.ok().filter(|_| times > 1) else {
        return target.node();
    };
    let sum = quantity.times(times.into()).to_string();
    let message = format!(
        "the target {} of one replica is written as {sum}, for one replica in each of {times} slices",
        target.value
    );
    let said = Diagnostic::new(&SUMMED, message).at_ids(&target.ids);
    let said = said
        .reason("the metric is summed over the entry pods of all slices, and the result is for each slice");
    ledger.report(
        said.remedy("render again when the number of slices changes")
            .outcome(Outcome::Emulated),
    );
    Node::derived(sum, &target.ids)
}

fn source_of(scene: &Scene<'_>, role: &Role, metric: &ir::Metric, ledger: &mut Ledger) -> Option<Node> {
    let ir::Metric { source, name, target } = metric;
    let refused = |reason: &str, remedy: &str, ledger: &mut Ledger| {
        let ids = source.ids.union(&name.ids).union(&target.ids);
        let message = format!("an AutoscalingPolicy cannot read `{}`", name.value);
        let said = Diagnostic::new(&METRIC, message).at_ids(&ids).at(name.at());
        ledger.report(said.reason(reason).remedy(remedy).outcome(Outcome::Dropped));
        None
    };
    match (source.value, &role.engine.port, &scene.platform.prometheus) {
        (MetricSource::Resource, _, _) => refused(
            "it has no CPU or memory metrics",
            "use a metric of the engine (`source: pods`) or of Prometheus (`external`)",
            ledger,
        ),
        (MetricSource::Pods, None, _) => refused(
            "the role has no port to read it from",
            "give its engine a `port`",
            ledger,
        ),
        (MetricSource::Pods, Some(port), _) => {
            silent(role, metric, ledger);
            let pod = Map::from_iter([
                ("name", name.node()),
                ("uri", "/metrics".into()),
                ("port", port.node()),
            ]);
            Some(Map::from_iter([("pod", pod)]).into())
        }
        (MetricSource::External, _, Some(server)) => {
            let query = Map::from_iter([("serverURL", server.node()), ("query", name.node())]);
            Some(Map::from_iter([("prometheus", query)]).into())
        }
        (MetricSource::External, _, None) => refused(
            "the Platform names no Prometheus server",
            "say where it is: `spec: {kthena: {prometheus: 'http://…'}}`",
            ledger,
        ),
    }
}

/// SGLang answers on `/metrics` only when told to; a metric that is not there is a scaling that never happens.
fn silent(role: &Role, metric: &ir::Metric, ledger: &mut Ledger) {
    let sglang = role
        .engine
        .engine
        .as_ref()
        .is_some_and(|e| e.value == EngineType::Sglang);
    let mut told = false;
    role.leader()
        .template
        .walk(&mut |n| told |= n.as_str().is_some_and(|s| s.contains("--enable-metrics")));
    if sglang && !told {
        let message = format!(
            "SGLang shows `{}` only with the flag --enable-metrics",
            metric.name.value
        );
        let said = Diagnostic::new(&METRIC, message).at_ids(&metric.name.ids);
        let said = said.reason(
            "the policy reads it from the engine's /metrics, and the arguments of the engine lack the flag",
        );
        ledger.report(said.remedy("add `--enable-metrics` to `engine.args`"));
    }
}

/// Metrics and target of a policy that scales slices.
fn slices(
    scene: &Scene<'_>,
    scaling: &crate::spec::policy::Scaling,
    ledger: &mut Ledger,
) -> Option<(Node, Node)> {
    let scaling = plan::policies::scaling_of(scaling.clone(), &scene.serving.slices, ledger)?;
    let ir::Scaling {
        min,
        max,
        metrics,
        ids,
    } = scaling;
    let reader = scene
        .roles
        .iter()
        .find(|r| r.role.engine.port.is_some())
        .or(scene.roles.first())?;
    let (list, mut sources) = signals(scene, reader.role, &metrics, 1, ledger);
    if list.is_empty() {
        let said = Diagnostic::new(&METRIC, "slices are not scaled: none of the metrics can be read")
            .outcome(Outcome::Dropped);
        ledger.report(said.at_ids(&ids.union(&min.ids).union(&max.ids)));
        return None;
    }
    // Pods of other roles would count too.
    for (_, source) in sources.iter_mut() {
        if let Some(pod) = source.map_mut().get_mut("pod") {
            let labels = Map::from_iter([(super::answers::ROLE_LABEL, reader.name.node())]);
            pod.set("labelSelector", Map::from_iter([("matchLabels", labels)]));
        }
    }
    let target = Map::from_iter([
        ("targetRef", target_ref(scene)),
        ("metricSources", sources.into()),
    ]);
    let mut homogeneous = Map::from_iter([("target", Node::from(target))]);
    homogeneous.insert("minReplicas", min.node());
    homogeneous.insert("maxReplicas", max.node());
    Some((list.into(), Node::derived(homogeneous, &ids)))
}

/// `panicPolicy` without `period` is refused.
fn check_behavior(options: &Autoscaling, ledger: &mut Ledger) {
    let Some(panic) = options
        .behavior
        .as_ref()
        .and_then(|b| b.at(&["scaleUp", "panicPolicy"]))
    else {
        return;
    };
    if panic.get("period").is_none() {
        let said = Diagnostic::new(&SCALING, "`panicPolicy` has no `period`, which admission refuses")
            .at_key(panic.ids.first());
        ledger.report(said.remedy("add a `period`, for instance 15s"));
    }
}
