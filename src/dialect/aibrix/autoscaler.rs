//! PodAutoscalers: what their webhook refuses, and what they make of a StormService at once, before any metric.

use super::admission::{IDLE_AUTOSCALER, SCHEMA, WEBHOOK};
use super::read::{How, Meta, StormService, meta};
use crate::diagnostic::{Diagnostic, Ledger};
use crate::dialect::shared::read::Reader;
use crate::pods::{Child, Problem, Scene, scaling};
use crate::value::{Map, Node, Str, Traced};

/// The longest window, in seconds.
const WINDOW: i64 = 3600;
/// Windows that are not said.
const OBSERVE: i64 = 180;
const PANIC: i64 = 60;
const MODE: &str = "autoscaling.aibrix.ai/storm-service-mode";

/// A PodAutoscaler.
#[derive(Clone, Default, Debug)]
pub struct Autoscaler {
    /// Its metadata.
    pub meta: Meta,
    /// The kind of its target.
    pub kind: Option<Traced<Str>>,
    /// The name of its target.
    pub target: Option<Traced<Str>>,
    /// The role of the StormService that it scales, if not the whole.
    pub role: Option<Traced<Str>>,
    /// The fewest replicas.
    pub least: Option<Traced<i64>>,
    /// The most replicas.
    pub most: Option<Traced<i64>>,
    /// `HPA`, `KPA` or `APA`.
    pub strategy: Option<Traced<Str>>,
}

impl Autoscaler {
    /// Whether a role's autoscaler writes the replicas of RoleSets instead.
    pub fn scales_role_sets(&self) -> bool {
        let mode = self.meta.annotations.get(MODE).and_then(Node::as_str);
        self.role.is_none() || mode == Some("replica")
    }

    /// Replicas within the bounds. None is switched off.
    fn bounded(&self, replicas: i64) -> i64 {
        let least = self.least.as_ref().map_or(1, |l| l.value);
        match &self.most {
            _ if replicas == 0 => 0,
            Some(most) if replicas > most.value => most.value,
            _ => replicas.max(least),
        }
    }
}

/// Reads a PodAutoscaler.
pub fn read(root: &Node) -> (Autoscaler, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut r = Reader::new(root, &SCHEMA, &mut problems);
    let meta = meta(&mut r);
    for field in ["spec.scaleTargetRef", "spec.maxReplicas", "spec.scalingStrategy"] {
        if r.get(field).is_none() {
            r.problem(field, &SCHEMA, "is missing");
        }
    }
    let filled = |word: Option<Traced<Str>>| word.filter(|w| !w.value.is_empty());
    let autoscaler = Autoscaler {
        meta,
        kind: filled(r.string("spec.scaleTargetRef.kind")),
        target: filled(r.string("spec.scaleTargetRef.name")),
        role: filled(r.string("spec.subTargetSelector.roleName")),
        least: r.int32("spec.minReplicas"),
        most: r.int32("spec.maxReplicas"),
        strategy: r.word("spec.scalingStrategy", &["HPA", "KPA", "APA"]),
    };
    target(&autoscaler, &mut r);
    bounds(&autoscaler, &mut r);
    windows(&mut r);
    let sources = r.list("spec.metricsSources");
    if sources.is_empty() {
        r.problem(
            "spec.metricsSources",
            &WEBHOOK,
            "is empty: at least one is needed",
        );
    }
    for (n, node) in sources.iter().enumerate() {
        source(&mut r.below(node, &format!("spec.metricsSources[{n}]")));
    }
    schedules(&mut r);
    (autoscaler, problems)
}

fn target(autoscaler: &Autoscaler, r: &mut Reader<'_>) {
    if autoscaler.kind.is_none() {
        r.problem("spec.scaleTargetRef.kind", &WEBHOOK, "must be set");
    }
    if autoscaler.target.is_none() {
        r.problem("spec.scaleTargetRef.name", &WEBHOOK, "must be set");
    }
    if autoscaler.role.is_none() {
        return;
    }
    let is = |word: &Option<Traced<Str>>, text: &str| word.as_ref().is_some_and(|w| w.value == text);
    if is(&autoscaler.strategy, "HPA") {
        let reason = "is not supported with `scalingStrategy: HPA`; KPA and APA scale roles";
        r.problem("spec.subTargetSelector.roleName", &WEBHOOK, reason);
    }
    if autoscaler.kind.is_some() && !is(&autoscaler.kind, "StormService") {
        let reason = "is only supported for a StormService";
        r.problem("spec.subTargetSelector.roleName", &WEBHOOK, reason);
    }
}

fn bounds(autoscaler: &Autoscaler, r: &mut Reader<'_>) {
    let (least, most) = (&autoscaler.least, &autoscaler.most);
    if least.as_ref().is_some_and(|l| l.value < 0) {
        r.problem("spec.minReplicas", &WEBHOOK, "must not be negative");
    }
    if let Some(most) = most {
        if most.value <= 0 {
            r.problem("spec.maxReplicas", &WEBHOOK, "must be positive");
        } else if least.as_ref().is_some_and(|l| l.value > most.value) {
            r.problem(
                "spec.minReplicas",
                &WEBHOOK,
                "cannot be greater than `maxReplicas`",
            );
        }
    }
}

fn windows(r: &mut Reader<'_>) {
    let observe = r
        .int("spec.observeWindowSeconds", 1, WINDOW)
        .map_or(OBSERVE, |n| n.value);
    let panic = r
        .int("spec.panicWindowSeconds", 1, WINDOW)
        .map_or(PANIC, |n| n.value);
    if panic > observe {
        let reason = format!("is {panic}, more than `observeWindowSeconds` ({observe})");
        r.problem("spec.panicWindowSeconds", &WEBHOOK, reason);
    }
}

fn source(r: &mut Reader<'_>) {
    for field in ["metricSourceType", "targetMetric", "targetValue"] {
        if r.get(field).is_none() {
            r.problem(field, &SCHEMA, "is missing");
        }
    }
    let kind = r.word(
        "metricSourceType",
        &["pod", "resource", "custom", "external", "domain"],
    );
    let mut text = |field: &str| r.string(field).filter(|s| !s.value.is_empty());
    let (port, path, endpoint) = (text("port"), text("path"), text("endpoint"));
    let metric = text("targetMetric");
    let protocol = r.word("protocolType", &["http", "https"]);
    if metric.is_none() {
        r.problem("targetMetric", &WEBHOOK, "must be set");
    }
    target_value(r);
    let fields = [
        ("protocolType", protocol.is_some()),
        ("port", port.is_some()),
        ("path", path.is_some()),
        ("endpoint", endpoint.is_some()),
    ];
    let kind = kind.map(|k| k.value).unwrap_or_default();
    let needed: &[&str] = match kind.as_str() {
        "pod" => &["protocolType", "port", "path"],
        "external" | "domain" if endpoint.is_some() => &["protocolType", "path"],
        _ => &[],
    };
    for (field, is_set) in fields {
        if !is_set && needed.contains(&field) {
            r.problem(
                field,
                &WEBHOOK,
                format!("is needed for `metricSourceType: {kind}`"),
            );
        }
        if is_set && kind == "resource" {
            r.problem(field, &WEBHOOK, "is not allowed for `metricSourceType: resource`");
        }
    }
    let known = metric.is_some_and(|m| m.value == "cpu" || m.value == "memory");
    if kind == "resource" && !known {
        r.problem("targetMetric", &WEBHOOK, "is neither cpu nor memory");
    }
}

fn target_value(r: &mut Reader<'_>) {
    let value = r.string("targetValue").filter(|s| !s.value.is_empty());
    match value.map(|v| v.value.parse::<f64>()) {
        Some(Ok(number)) if number > 0.0 && number.is_finite() => {}
        Some(Ok(_)) => r.problem("targetValue", &WEBHOOK, "must be greater than 0"),
        Some(Err(_)) => r.problem("targetValue", &WEBHOOK, "must be a number"),
        None => r.problem("targetValue", &WEBHOOK, "must be set"),
    }
}

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// A schedule, as far as others must agree with it.
struct Window {
    name: Str,
    zone: Str,
    days: Vec<Str>,
    minutes: Option<(u32, u32)>,
}

impl Window {
    fn overlaps(&self, other: &Self) -> bool {
        let (Some(a), Some(b)) = (self.minutes, other.minutes) else {
            return false;
        };
        let all = |w: &Self| w.days.is_empty();
        let day = all(self) || all(other) || self.days.iter().any(|d| other.days.contains(d));
        day && a.0 < b.1 && b.0 < a.1
    }
}

fn schedules(r: &mut Reader<'_>) {
    if r.get("spec.schedules").is_none() {
        return;
    }
    let list = r.list("spec.schedules");
    if list.is_empty() {
        r.problem("spec.schedules", &SCHEMA, "is empty");
    }
    let mut earlier: Vec<Window> = Vec::new();
    for (n, node) in list.iter().enumerate() {
        let mut r = r.below(node, &format!("spec.schedules[{n}]"));
        let window = schedule(&mut r);
        if !window.name.is_empty() && earlier.iter().any(|e| e.name == window.name) {
            r.problem("name", &WEBHOOK, format!("`{}` is there twice", window.name));
        } else if let Some(other) = earlier.iter().find(|e| e.overlaps(&window)) {
            r.problem(
                "startTime",
                &WEBHOOK,
                format!("overlaps schedule `{}`", other.name),
            );
        }
        if earlier.first().is_some_and(|e| e.zone != window.zone) {
            r.problem("timezone", &WEBHOOK, "is not that of the other schedules");
        }
        earlier.push(window);
    }
}

fn schedule(r: &mut Reader<'_>) -> Window {
    for field in ["name", "startTime", "endTime"] {
        if r.get(field).is_none() {
            r.problem(field, &SCHEMA, "is missing");
        }
    }
    let name = r.string("name").map(|n| n.value);
    if let Some(name) = &name
        && crate::kubernetes::names::dns_label(name).is_err()
    {
        r.problem("name", &SCHEMA, "is no DNS label");
    }
    let (start, end) = (time(r, "startTime"), time(r, "endTime"));
    if start.zip(end).is_some_and(|(start, end)| start >= end) {
        r.problem("endTime", &WEBHOOK, "must be later than `startTime`");
    }
    let zone = r.string("timezone").map(|z| z.value).filter(|z| !z.is_empty());
    let zone = zone.unwrap_or_else(|| "UTC".into());
    if !is_zone(&zone) {
        r.problem("timezone", &WEBHOOK, format!("`{zone}` is no time zone"));
    }
    let (least, most) = (r.int32("minReplicas"), r.int32("maxReplicas"));
    match (least, most) {
        (None, None) => r.problem("name", &WEBHOOK, "has neither `minReplicas` nor `maxReplicas`"),
        (Some(least), Some(most)) if least.value > most.value => {
            r.problem("minReplicas", &WEBHOOK, "cannot be greater than `maxReplicas`");
        }
        _ => {}
    }
    Window {
        name: name.unwrap_or_default(),
        zone,
        days: days(r),
        minutes: start.zip(end),
    }
}

fn days(r: &mut Reader<'_>) -> Vec<Str> {
    let list = r.list("daysOfWeek");
    if r.get("daysOfWeek").is_some() && list.is_empty() {
        r.problem("daysOfWeek", &SCHEMA, "is empty");
    }
    let mut days = Vec::new();
    for day in list {
        match day.as_str() {
            Some(day) if DAYS.contains(&day) => days.push(day.into()),
            Some(day) => r.problem(
                "daysOfWeek",
                &WEBHOOK,
                format!("has `{day}`, not one of {}", DAYS.join(", ")),
            ),
            None => r.problem("daysOfWeek", &SCHEMA, "holds what is no string"),
        }
    }
    days
}

/// `HH:MM` in minutes.
fn time(r: &mut Reader<'_>, field: &str) -> Option<u32> {
    let text = r.string(field)?;
    let minutes = text.value.split_once(':').and_then(|(hours, minutes)| {
        let two = |s: &str| -> Option<u32> {
            (s.len() == 2 && s.bytes().all(|b| b.is_ascii_digit())).then(|| s.parse().ok())?
        };
        let (hours, minutes) = (two(hours)?, two(minutes)?);
        (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
    });
    if minutes.is_none() {
        r.problem(field, &SCHEMA, "is no time of day (HH:MM)");
    }
    minutes
}

/// Whether a name looks like one of the time zone database: the cities are not known here.
fn is_zone(name: &str) -> bool {
    const AREAS: [&str; 16] = [
        "Africa",
        "America",
        "Antarctica",
        "Arctic",
        "Asia",
        "Atlantic",
        "Australia",
        "Europe",
        "Indian",
        "Pacific",
        "Etc",
        "US",
        "Canada",
        "Brazil",
        "Chile",
        "Mexico",
    ];
    match name.split_once('/') {
        Some((area, city)) => AREAS.contains(&area) && !city.is_empty(),
        None => {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-+_".contains(&b))
        }
    }
}

/// The HorizontalPodAutoscaler that a PodAutoscaler of that strategy makes.
pub fn child(autoscaler: &Autoscaler, root: &Node) -> Option<Child> {
    autoscaler.strategy.as_ref().filter(|s| s.value == "HPA")?;
    let name = &autoscaler.meta.name.value;
    let mut object = Node::map();
    let (labels, annotations) = (&autoscaler.meta.labels, &autoscaler.meta.annotations);
    for (field, map) in [("labels", labels), ("annotations", annotations)] {
        if !map.is_empty() {
            object.at_mut(&["metadata"]).set(field, map.clone());
        }
    }
    let mut spec = Map::new();
    for field in ["scaleTargetRef", "minReplicas", "maxReplicas"] {
        spec.insert_some(field, root.at(&["spec", field]).cloned());
    }
    object.set("spec", spec);
    Some(Child {
        api_version: "autoscaling/v2".into(),
        kind: "HorizontalPodAutoscaler".into(),
        name: format!("{name}-hpa").into(),
        owner: ("PodAutoscaler".into(), name.clone()),
        object,
    })
}

/// What autoscalers made of a StormService.
#[derive(Debug, Default)]
pub struct Scaled {
    /// RoleSets that were made first, before any autoscaler looked.
    pub first: u32,
    /// The roles whose replicas were changed.
    pub roles: Vec<Str>,
}

/// Applies the bounds of the autoscalers of the same input to a StormService.
pub fn apply(service: &mut StormService, scene: &Scene<'_>, namespace: &str, ledger: &mut Ledger) -> Scaled {
    let mut scaled = Scaled {
        first: service
            .replicas
            .as_ref()
            .map_or(0, |r| u32::try_from(r.value).unwrap_or(0)),
        roles: Vec::new(),
    };
    let mut taken: Vec<Option<Str>> = Vec::new();
    for document in scene.of_kind("PodAutoscaler", namespace) {
        let (autoscaler, problems) = read(&document.root);
        if !autoscaler.scales("StormService", &service.meta.name.value) || !problems.is_empty() {
            continue;
        }
        let role = autoscaler.role.as_ref().map(|r| r.value.clone());
        if taken.contains(&role) {
            ledger.report(autoscaler.idle("another one has its target"));
            continue;
        }
        taken.push(role.clone());
        if autoscaler.scales_role_sets() {
            bound(&mut service.replicas, &autoscaler, 1);
            continue;
        }
        let sets = service.replicas.as_ref().map_or(0, |r| r.value);
        let roles = service.role_set.iter_mut().flat_map(|s| &mut s.roles);
        match roles.into_iter().find(|r| Some(&r.name.value) == role.as_ref()) {
            Some(found) => {
                if bound(&mut found.replicas, &autoscaler, sets) {
                    scaled.roles.extend(role);
                }
            }
            None => ledger.report(autoscaler.idle("the StormService has no such role")),
        }
    }
    if let Some(replicas) = service.replicas.take() {
        let name = &service.meta.name.value;
        service.replicas = Some(scaling::autoscaled(
            scene,
            "StormService",
            name,
            namespace,
            replicas,
        ));
    }
    scaled
}

impl Autoscaler {
    fn scales(&self, kind: &str, name: &str) -> bool {
        let is = |word: &Option<Traced<Str>>, text: &str| word.as_ref().is_some_and(|w| w.value == text);
        is(&self.kind, kind) && is(&self.target, name)
    }

    fn idle(&self, why: &str) -> Diagnostic {
        let message = format!("PodAutoscaler `{}` does nothing: {why}", self.meta.name.value);
        Diagnostic::new(&IDLE_AUTOSCALER, message).at_ids(&self.meta.name.ids)
    }
}

/// Brings replicas within bounds. What is compared is their sum over `sets` RoleSets, as the autoscaler does.
fn bound(replicas: &mut Option<Traced<i64>>, autoscaler: &Autoscaler, sets: i64) -> bool {
    let Some(replicas) = replicas else { return false };
    let current = replicas.value.saturating_mul(sets);
    let wanted = autoscaler.bounded(current);
    if wanted == current {
        return false;
    }
    replicas.value = wanted;
    let by = if wanted > current {
        &autoscaler.least
    } else {
        &autoscaler.most
    };
    if let Some(by) = by {
        replicas.ids.merge(&by.ids);
    }
    true
}

/// Problems of a PodAutoscaler under the rules of the webhook, if it runs; else those of the schema, and what
/// the controller will find itself.
pub fn split(problems: Vec<Problem>, how: How) -> (Vec<Problem>, Vec<Problem>) {
    let by_webhook = |p: &Problem| *p.code == WEBHOOK;
    problems.into_iter().partition(|p| how.webhooks || !by_webhook(p))
}
