//! PodAutoscalers and disruption budgets.

use super::codes::{BUDGET, SCALING_METRIC, SCALING_MODE};
use super::lowering::Lowering;
use super::options::{Autoscaler, Mode, ScalingStrategy};
use crate::diagnostic::{Diagnostic, Ledger, Outcome, Severity};
use crate::dialect::{Context, shared};
use crate::ir::{Disruption, Metric, Role, Scaling};
use crate::kubernetes::companion;
use crate::kubernetes::container::list;
use crate::kubernetes::quantity::Quantity;
use crate::spec::decode::{Decode, overlay};
use crate::spec::policy::MetricSource;
use crate::template::Vars;
use crate::value::{Ids, Map, Node, Str, Traced};

const MODE: &str = "autoscaling.aibrix.ai/storm-service-mode";
const TO_ZERO: &str = "autoscaling.aibrix.ai/scale-to-zero";

impl Lowering<'_> {
    /// The scaling of a role's replicas in a RoleSet; none where RoleSets scale whole.
    pub fn scaled<'a>(&self, role: &'a Role) -> Option<&'a Scaling> {
        role.scaling
            .as_ref()
            .filter(|_| self.mode().value == Mode::Pooled)
    }

    /// The PodAutoscalers of the roles that scale.
    pub fn autoscalers(&self, cx: &mut Context<'_>) -> Vec<Node> {
        let scaled: Vec<&Role> = self
            .serving
            .roles
            .iter()
            .filter(|r| r.scaling.is_some())
            .collect();
        let cells = self.mode().value == Mode::Replica;
        if self.alone() {
            return Vec::new();
        }
        if cells && (self.options.mode.is_none() || scaled.len() > 1) {
            for role in scaled {
                let ids = role.scaling.as_ref().map(|s| s.ids.clone()).unwrap_or_default();
                let message = if self.options.mode.is_none() {
                    format!(
                        "role `{}` cannot scale apart in {} slices",
                        role.name.value, self.serving.slices.value
                    )
                } else {
                    format!(
                        "several roles ask for scaling, `{}` among them, and RoleSets scale whole",
                        role.name.value
                    )
                };
                let said = Diagnostic::new(&SCALING_MODE, message).at_ids(&ids);
                cx.ledger.report(
                    said.remedy("`targets.aibrix.mode: pooled`, or `replica` with the scaling of one role"),
                );
            }
            return Vec::new();
        }
        scaled
            .into_iter()
            .filter_map(|r| self.autoscaler(r, cells, cx))
            .collect()
    }

    fn autoscaler(&self, role: &Role, cells: bool, cx: &mut Context<'_>) -> Option<Node> {
        let Scaling {
            min,
            max,
            metrics: _,
            ids,
        } = role.scaling.as_ref()?;
        let own = self
            .role_options
            .get(self.index(role))
            .and_then(|o| o.autoscaler.clone());
        let Autoscaler {
            ids: _,
            strategy,
            observe_window,
            panic_window,
            schedules,
            annotations,
            metrics_path,
        } = overlay(own, self.options.autoscaler.clone(), cx.ledger).unwrap_or_default();
        let strategy = strategy.unwrap_or(Traced::default_of(ScalingStrategy::Apa));
        let tuned = self.tuned(annotations.map(|a| a.entries), min, cells);
        let newer = [
            observe_window.as_ref().map(Decode::origins),
            panic_window.as_ref().map(Decode::origins),
            schedules.as_ref().map(Decode::origins),
        ];
        self.check_autoscaler(&strategy, cells, newer, cx.ledger);
        let name = shared::role_object_name(self.serving, role);
        let mut vars = Vars::new();
        let mut metadata = shared::metadata(self.serving, &name, &[], &tuned);
        metadata.decided_by(ids);
        vars.set("metadata", metadata);
        vars.set("target", self.serving.name.node());
        let sub = (!cells).then(|| Node::from(Map::from_iter([("roleName", self.role_name(role).node())])));
        vars.set("subTargetSelector", sub);
        let bound = |n: &Traced<u32>| if cells { n.clone() } else { self.in_cell(n) };
        vars.set("minReplicas", bound(min).node());
        vars.set("maxReplicas", bound(max).node());
        vars.set("scalingStrategy", strategy.node());
        vars.set("observeWindowSeconds", observe_window.map(|w| w.number().node()));
        vars.set("panicWindowSeconds", panic_window.map(|w| w.number().node()));
        vars.set("schedules", schedules.map(Node::from));
        let path = metrics_path.unwrap_or_else(|| Traced::default_of("/metrics".into()));
        let sources = self.sources(role, strategy.value, &path, cx.ledger);
        vars.set("metricsSources", sources);
        shared::fill(cx, "aibrix/podautoscaler.yaml", vars)
    }

    /// The annotations of an autoscaler: the user's, and what makes it do as it should.
    fn tuned(&self, own: Option<Map>, min: &Traced<u32>, cells: bool) -> Map {
        let mut tuned = own.unwrap_or_default();
        if cells {
            tuned.insert(MODE, Node::derived("replica", &self.mode().ids));
        }
        if min.value == 0 && !tuned.contains_key(TO_ZERO) {
            tuned.insert(TO_ZERO, Node::derived("true", &min.ids));
        }
        tuned
    }

    /// Whether the strategy can scale roles, and this version has the newer settings (their places are given).
    fn check_autoscaler(
        &self,
        strategy: &Traced<ScalingStrategy>,
        cells: bool,
        newer: [Option<Ids>; 3],
        ledger: &mut Ledger,
    ) {
        if strategy.value == ScalingStrategy::Hpa && !cells {
            let said =
                Diagnostic::new(&SCALING_METRIC, "`HPA` scales RoleSets, not roles").at_ids(&strategy.ids);
            ledger.report(said.remedy("use `APA` or `KPA`, or `targets.aibrix.mode: replica`"));
        }
        if !self.version.schedules() && newer.iter().any(Option::is_some) {
            let ids = newer.into_iter().flatten().fold(Ids::none(), |a, b| a.union(&b));
            let what = "schedules and windows of autoscalers";
            self.lacks(what, Severity::Error, &ids, ledger);
        }
    }

    fn sources(
        &self,
        role: &Role,
        strategy: ScalingStrategy,
        path: &Traced<Str>,
        ledger: &mut Ledger,
    ) -> Vec<Node> {
        let Some(scaling) = &role.scaling else {
            return Vec::new();
        };
        if scaling.metrics.is_empty() {
            let message = format!("the autoscaler of `{}` has no metric to go by", role.name.value);
            ledger.report(Diagnostic::new(&SCALING_METRIC, message).at_ids(&scaling.ids));
        }
        let source = |m| self.metric(role, m, strategy, path, ledger);
        scaling.metrics.iter().filter_map(source).collect()
    }

    fn metric(
        &self,
        role: &Role,
        metric: &Metric,
        strategy: ScalingStrategy,
        path: &Traced<Str>,
        ledger: &mut Ledger,
    ) -> Option<Node> {
        let Metric { source, name, target } = metric;
        let mut refuse = |message: String, ids: &Ids| {
            ledger.report(Diagnostic::new(&SCALING_METRIC, message).at_ids(ids));
            None
        };
        let number = |t: &Traced<Str>| decimal(&t.value).map(|d| Traced::new(d, t.ids.clone()));
        let kind = match source.value {
            MetricSource::Pods => "pod",
            MetricSource::Resource => "resource",
            MetricSource::External => "external",
        };
        let mut fields = Map::from_iter([("metricSourceType", Node::derived(kind, &source.ids))]);
        let value = match source.value {
            MetricSource::Pods => {
                let Some(port) = &role.engine.port else {
                    let message = format!("`{}` has no port to read metrics from", role.name.value);
                    return refuse(message, &name.ids);
                };
                fields.insert("protocolType", "http");
                fields.insert("port", port.map(|p| Str::from(p.to_string())));
                fields.insert("path", path);
                number(target)
            }
            MetricSource::Resource => self.resource(role, name, target, strategy),
            MetricSource::External if strategy == ScalingStrategy::Hpa => {
                let message = "`HPA` makes a metric of pods of an external one";
                return refuse(message.into(), &name.ids);
            }
            MetricSource::External => number(target),
        };
        let Some(value) = value else {
            let message = format!(
                "the containers of `{}` request no {}, so no percentage of it can be held",
                role.name.value, name.value
            );
            return refuse(message, &target.ids);
        };
        fields.insert("targetMetric", name);
        fields.insert("targetValue", value);
        Some(fields.into())
    }

    /// A percentage of a request as the autoscaler counts: thousandths of a CPU, bytes of memory. A HorizontalPodAutoscaler
    /// takes percent of CPU, and MiB of memory.
    fn resource(
        &self,
        role: &Role,
        name: &Traced<Str>,
        target: &Traced<Str>,
        strategy: ScalingStrategy,
    ) -> Option<Traced<Str>> {
        let percent: i64 = target.value.trim_end_matches('%').parse().ok()?;
        let hpa = strategy == ScalingStrategy::Hpa;
        if hpa && name.value == "cpu" {
            return Some(target.map(|_| percent.to_string().into()));
        }
        let spec = role.leader().template.get("spec")?;
        let mut total = 0_i64;
        let mut ids = target.ids.clone();
        for container in list(spec, "containers") {
            let asked = ["requests", "limits"]
                .iter()
                .find_map(|side| container.at(&["resources", side, &name.value]));
            let Some(asked) = asked else { continue };
            ids.merge(&asked.ids);
            let amount = Quantity::from_node(asked).ok()?;
            let amount = if name.value == "cpu" {
                amount.times(1000)
            } else {
                amount
            };
            total = total.saturating_add(amount.round_up());
        }
        let value = total.saturating_mul(percent) / 100;
        let value = if hpa { value / (1 << 20) } else { value };
        (value > 0).then(|| Traced::new(value.to_string().into(), ids))
    }

    /// The disruption budgets. Their pods are owned by objects without a scale, so the one form that works is a number of
    /// pods that must stay.
    pub fn budgets(&self, ledger: &mut Ledger) -> Vec<Node> {
        let mut budget = |role: &Role| {
            let Disruption {
                min_available,
                max_unavailable,
            } = role.disruption.as_ref()?;
            let replicas = self.replicas(role);
            let fewest = self
                .scaled(role)
                .map(|s| self.in_cell(&s.min))
                .filter(|m| m.value < replicas.value);
            if role.scaling.is_some() {
                let message = format!(
                    "the budget of `{}` is computed from its fewest replicas",
                    role.name.value
                );
                ledger.report(
                    Diagnostic::new(&BUDGET, message)
                        .at(role.name.at())
                        .outcome(Outcome::Emulated),
                );
            }
            let cells = role
                .scaling
                .as_ref()
                .map_or(self.cells(), |s| self.cells().min(s.min.value.max(1)));
            let pods = fewest
                .unwrap_or(replicas)
                .zip(&role.size(), |r, s| r.saturating_mul(*s));
            let pods = pods.map(|p| p.saturating_mul(cells));
            let stay = match (min_available, max_unavailable) {
                (Some(min), _) => min.zip(&pods, |min, pods| min.of(*pods, true)),
                (None, Some(max)) => max.zip(&pods, |max, pods| pods.saturating_sub(max.of(*pods, true))),
                (None, None) => return None,
            };
            let name = shared::role_object_name(self.serving, role);
            let metadata = shared::metadata(self.serving, &name, &[], &Map::new());
            Some(companion::pod_disruption_budget(
                metadata,
                self.all_pods(role),
                Some(stay.node()),
                None,
            ))
        };
        self.serving.roles.iter().filter_map(&mut budget).collect()
    }
}

/// A quantity as a plain decimal number, which is what the autoscaler parses.
fn decimal(text: &str) -> Option<Str> {
    if text.parse::<f64>().is_ok_and(|v| v > 0.0) {
        return Some(text.into());
    }
    let thousandths = Quantity::parse(text).ok()?.times(1000).as_int()?;
    if thousandths <= 0 {
        return None;
    }
    let (whole, rest) = (thousandths / 1000, thousandths % 1000);
    let text = if rest == 0 {
        whole.to_string()
    } else {
        format!("{whole}.{rest:03}").trim_end_matches('0').to_owned()
    };
    Some(text.into())
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn quantities_are_written_as_numbers() {
        let text = |t| decimal(t).map(|s| s.to_string());
        assert_eq!(text("0.5").as_deref(), Some("0.5"));
        assert_eq!(text("500m").as_deref(), Some("0.5"));
        assert_eq!(text("1500m").as_deref(), Some("1.5"));
        assert_eq!(text("2k").as_deref(), Some("2000"));
        assert_eq!(text("0"), None);
    }
}
