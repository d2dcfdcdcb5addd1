//! What Kthena's webhook refuses of an AutoscalingPolicy (`pkg/autoscaler/webhook/autoscalingpolicy_validator.go`), and the CEL
//! rules of its CRD.

use super::codes::SCALING;
use super::place::place;
use crate::kubernetes::container::list;
use crate::kubernetes::duration::Duration;
use crate::kubernetes::quantity::Quantity;
use crate::pods::Problem;
use crate::value::{Ids, Map, Node};

/// The longest period, window and hold: 30 minutes.
const LONGEST: i64 = 1800;

struct Judge<'a> {
    problems: &'a mut Vec<Problem>,
}

/// Everything that is refused of a policy, beyond types and bounds.
pub fn admit(root: &Node, problems: &mut Vec<Problem>) {
    let Some(spec) = root.get("spec") else {
        problems.push(Problem::new(&SCALING, "the policy has no target", &root.ids));
        return;
    };
    let mut judge = Judge { problems };
    judge.metrics(list(spec, "metrics"), &spec.ids);
    judge.targets(spec);
    if let Some(target) = spec.get("disaggregatedTarget") {
        judge.roles(spec, target);
        judge.ratio(target);
    }
    judge.behavior(spec);
}

fn int(node: &Node, key: &str) -> i64 {
    node.get(key).and_then(Node::as_int).unwrap_or_default()
}

fn name(node: &Node) -> &str {
    node.get("name").and_then(Node::as_str).unwrap_or_default()
}

fn entries<'a>(node: &'a Node, key: &str) -> impl Iterator<Item = (&'a str, &'a Node)> + use<'a> {
    let map: Option<&Map> = node.get(key).and_then(Node::as_map);
    map.into_iter().flatten().map(|(k, v)| (k.as_str(), v))
}

/// A role of equal bounds needs no metrics: it is never scaled.
fn is_fixed(role: &Node) -> bool {
    int(role, "maxReplicas") > 0 && int(role, "minReplicas") == int(role, "maxReplicas")
}

impl Judge<'_> {
    fn refuse(&mut self, reason: impl Into<String>, ids: &Ids) {
        self.problems.push(Problem::new(&SCALING, reason, ids));
    }

    fn metrics(&mut self, metrics: &[Node], owner: &Ids) {
        for (at, metric) in metrics.iter().enumerate() {
            let own = name(metric);
            let ids = if metric.ids.is_empty() { owner } else { &metric.ids };
            let target = metric
                .get("targetValue")
                .and_then(|t| Quantity::from_node(t).ok());
            if target.is_none_or(|t| t.is_zero() || t.is_negative()) {
                self.refuse(
                    format!("the target of metric `{own}` is not above 0"),
                    &place(metric, &["targetValue"]),
                );
            }
            if metrics[..at].iter().any(|other| name(other) == own) {
                self.refuse(format!("two metrics are called `{own}`"), ids);
            }
        }
    }

    fn targets(&mut self, spec: &Node) {
        let kinds = ["homogeneousTarget", "heterogeneousTarget", "disaggregatedTarget"];
        let given: Vec<&Node> = kinds.iter().filter_map(|k| spec.get(k)).collect();
        let [target] = given[..] else {
            let reason = format!(
                "exactly one of {} must be given, not {}",
                kinds.join(", "),
                given.len()
            );
            return self.refuse(reason, &spec.ids);
        };
        let params = list(target, "params").iter();
        let params: Vec<&Node> = params.chain(spec.get("homogeneousTarget")).collect();
        for param in &params {
            self.reference(param, &["target", "targetRef"]);
            if let Some(target) = param.get("target") {
                self.sources(target);
            }
        }
        if spec.get("disaggregatedTarget").is_some() {
            self.reference(target, &["targetRef"]);
        } else if list(spec, "metrics").is_empty() {
            self.refuse("the policy has no metrics", &spec.ids);
        }
    }

    fn reference(&mut self, owner: &Node, path: &[&str]) {
        let reference = owner.at(path).cloned().unwrap_or_default();
        let ids = place(owner, path);
        let kind = reference.get("kind").and_then(Node::as_str).unwrap_or_default();
        if !["", "ModelServing"].contains(&kind) {
            self.refuse(format!("the target is a {kind}, not a ModelServing"), &ids);
        }
        if name(&reference).is_empty() {
            self.refuse("the target has no name", &ids);
        }
    }

    /// Each source is one of pods and Prometheus.
    fn sources(&mut self, owner: &Node) {
        for (metric, source) in entries(owner, "metricSources") {
            if source.get("pod").is_some() == source.get("prometheus").is_some() {
                let reason =
                    format!("the source of metric `{metric}` is exactly one of `pod` and `prometheus`");
                self.refuse(reason, &source.ids);
            }
        }
    }

    fn roles(&mut self, spec: &Node, target: &Node) {
        for (role_name, role) in entries(target, "roles") {
            let (own, ids) = (list(role, "metrics"), &role.ids);
            if role_name.is_empty() {
                self.refuse("the name of a role is empty", ids);
                continue;
            }
            self.sources(role);
            if int(role, "minReplicas") > int(role, "maxReplicas") {
                let reason = format!("`minReplicas` of role `{role_name}` is above its `maxReplicas`");
                self.refuse(reason, &place(role, &["minReplicas"]));
            }
            self.metrics(own, ids);
            if is_fixed(role) {
                continue;
            }
            let shared = if own.is_empty() {
                list(spec, "metrics")
            } else {
                &[]
            };
            let known: Vec<&str> = own.iter().chain(shared).map(name).collect();
            if known.is_empty() {
                self.refuse(format!("role `{role_name}` has no metrics"), ids);
            }
            if entries(role, "metricSources").next().is_none() && !known.is_empty() {
                self.refuse(format!("role `{role_name}` has no `metricSources`"), ids);
            }
            for (key, source) in entries(role, "metricSources") {
                if !known.contains(&key) {
                    let reason =
                        format!("role `{role_name}` has a source for `{key}`, which is none of its metrics");
                    self.refuse(reason, &source.ids);
                }
            }
        }
    }

    fn ratio(&mut self, target: &Node) {
        let Some(ratio) = target.get("ratioConstraint") else {
            return;
        };
        let ids = &ratio.ids;
        let word = |key: &str| ratio.get(key).and_then(Node::as_str).unwrap_or_default();
        let (above, below) = (word("numeratorRole"), word("denominatorRole"));
        if entries(target, "roles").count() < 2 {
            self.refuse("a ratio needs two roles", ids);
        }
        if above == below {
            self.refuse(format!("both roles of the ratio are `{above}`"), ids);
        }
        let role = |name: &str| {
            entries(target, "roles")
                .find(|(n, _)| *n == name)
                .map(|(_, role)| role)
        };
        for name in [above, below] {
            if role(name).is_none() {
                self.refuse(
                    format!("the ratio is about role `{name}`, which the target does not have"),
                    ids,
                );
            }
        }
        self.bounds(ratio, role(above).zip(role(below)));
    }

    /// Whether the bounds of a ratio hold for some numbers of replicas of its two roles.
    fn bounds(&mut self, ratio: &Node, roles: Option<(&Node, &Node)>) {
        let ids = &ratio.ids;
        let bound = |key: &str| ratio.get(key).and_then(|n| Quantity::from_node(n).ok());
        let (Some(least), Some(most)) = (bound("minRatio"), bound("maxRatio")) else {
            return;
        };
        if least > most {
            self.refuse("`minRatio` is above `maxRatio`", ids);
        }
        let Some((above, below)) = roles else {
            return;
        };
        if (int(above, "minReplicas") == 0) != (int(below, "minReplicas") == 0) {
            self.refuse(
                "one role of the ratio may go to 0 replicas and the other not",
                ids,
            );
        }
        if least.is_negative() || most.is_negative() || most.is_zero() {
            return self.refuse("`minRatio` is below 0, or `maxRatio` not above 0", ids);
        }
        // n/d > r where n > r*d: no division.
        let count = |role: &Node, key: &str| int(role, key);
        let times = |ratio: &Quantity, n: i64| ratio.times(n);
        let too_many = count(below, "maxReplicas") > 0
            && Quantity::from_int(count(above, "minReplicas")) > times(&most, count(below, "maxReplicas"));
        let too_few = count(below, "minReplicas") > 0
            && Quantity::from_int(count(above, "maxReplicas")) < times(&least, count(below, "minReplicas"));
        if too_many || too_few {
            self.refuse("no numbers of replicas within the bounds have the ratio", ids);
        }
    }

    fn behavior(&mut self, spec: &Node) {
        let places: [(&[&str], &[&str]); 3] = [
            (&["behavior", "scaleDown"], &["period", "stabilizationWindow"]),
            (
                &["behavior", "scaleUp", "stablePolicy"],
                &["period", "stabilizationWindow"],
            ),
            (
                &["behavior", "scaleUp", "panicPolicy"],
                &["period", "panicModeHold"],
            ),
        ];
        for (path, fields) in places {
            let Some(owner) = spec.at(path) else { continue };
            for field in fields {
                let span = owner
                    .get(field)
                    .and_then(Node::as_str)
                    .and_then(|s| Duration::parse(s).ok());
                let within = |d: Duration| (0..=LONGEST * 1_000_000_000).contains(&d.nanoseconds());
                if span.is_some_and(|d| !within(d)) {
                    let reason = format!("`{}.{field}` is not between 0 and 30 minutes", path.join("."));
                    self.refuse(reason, &place(owner, &[field]));
                }
            }
        }
    }
}
