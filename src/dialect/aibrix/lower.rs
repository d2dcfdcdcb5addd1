//! IR to a StormService and its companions.

use super::codes::{
    BAD_VERSION, PAUSED, POOLED, ROLE_RENAMED, ROLE_SET, ROLLING_UPDATE, SELECTOR_NOT_UNIQUE, VERSION,
};
use super::gang::Gangs;
use super::options::{Mode, Options, Platform, RoleOptions, UpdateStrategy, UpdateType, Workload};
use super::version::Version;
use crate::diagnostic::{Diagnostic, Ledger, Outcome, Severity};
use crate::dialect::{Context, shared};
use crate::ir::{Role, Serving};
use crate::kubernetes::companion;
use crate::plan::codes::NO_EFFECT;
use crate::spec::decode::{Decode, Decoder, StringMap};
use crate::spec::role::Phase;
use crate::template::Vars;
use crate::value::{Ids, Map, Node, Str, Traced};

/// The label that a StormService finds its RoleSets by.
const SELECTOR: &str = "infer.dev/stormservice";
/// The most characters of a label's value.
const LABEL: usize = 63;

/// All objects of a workload.
pub fn lower(serving: &Serving, cx: &mut Context<'_>) -> Vec<Node> {
    let lowering = Lowering::new(serving, cx);
    let mut objects = shared::access(serving);
    objects.extend(lowering.services(cx.ledger));
    lowering.check_services(&objects, cx.ledger);
    objects.extend(lowering.workload(cx));
    objects.extend(lowering.autoscalers(cx));
    objects.extend(lowering.budgets(cx.ledger));
    lowering.check_names(cx.ledger);
    objects
}

/// What the parts of the lowering look at.
pub struct Lowering<'a> {
    /// The workload.
    pub serving: &'a Serving,
    /// Its options.
    pub options: Options,
    /// The options of each role.
    pub role_options: Vec<RoleOptions>,
    /// How AIBrix runs.
    pub platform: Platform,
    /// Its version.
    pub version: Version,
    /// The names of the roles in the object.
    pub(super) names: Vec<Traced<Str>>,
}

impl<'a> Lowering<'a> {
    fn new(serving: &'a Serving, cx: &mut Context<'_>) -> Self {
        let options: Options = cx.options(&serving.options);
        let role_options: Vec<RoleOptions> = serving.roles.iter().map(|r| cx.options(&r.options)).collect();
        // Options that turn out to apply to nothing are said so; those that arrive are not.
        for node in std::iter::once(&serving.options).chain(serving.roles.iter().map(|r| &r.options)) {
            let said = Diagnostic::new(&NO_EFFECT, "the option applies to nothing in this serving");
            cx.ledger.waive(&node.all_ids(), said.outcome(Outcome::Dropped));
        }
        let mut decoder = Decoder {
            sources: cx.sources,
            ledger: cx.ledger,
        };
        let platform: Platform = cx.platform.section("aibrix", &mut decoder);
        let version = version(&platform, cx.ledger);
        let mut lowering = Self {
            serving,
            options,
            role_options,
            platform,
            version,
            names: Vec::new(),
        };
        lowering.names = serving
            .roles
            .iter()
            .enumerate()
            .map(|(i, r)| lowering.name_of(i, r, cx.ledger))
            .collect();
        lowering
    }

    /// The index of a role.
    pub fn index(&self, role: &Role) -> usize {
        self.serving
            .roles
            .iter()
            .position(|r| r.name.value == role.name.value)
            .unwrap_or_default()
    }

    /// The name of a role in the object.
    pub fn role_name(&self, role: &Role) -> Traced<Str> {
        self.names
            .get(self.index(role))
            .cloned()
            .unwrap_or_else(|| role.name.clone())
    }

    fn name_of(&self, index: usize, role: &Role, ledger: &mut Ledger) -> Traced<Str> {
        if let Some(name) = self.role_options.get(index).and_then(|o| o.name.clone()) {
            return name.and(&role.name.ids);
        }
        let wanted = match role.phase.value {
            Phase::Prefill => "prefill",
            Phase::Decode => "decode",
            _ => return role.name.clone(),
        };
        let first = self
            .serving
            .phase(role.phase.value)
            .next()
            .is_some_and(|r| r.name.value == role.name.value);
        let taken = self.serving.roles.iter().any(|r| r.name.value == wanted);
        if !self.gateway() || !first || taken {
            return role.name.clone();
        }
        let message = format!(
            "role `{}` is called `{wanted}` in the StormService, as the gateway wants it",
            role.name.value
        );
        ledger.report(
            Diagnostic::new(&ROLE_RENAMED, message)
                .at(role.name.at())
                .outcome(Outcome::Moved),
        );
        Traced::new(wanted.into(), role.name.ids.union(&role.phase.ids))
    }

    /// Whether the object is a RoleSet alone.
    pub fn alone(&self) -> bool {
        self.options
            .workload
            .as_ref()
            .is_some_and(|w| w.value == Workload::RoleSet)
    }

    /// What becomes of slices.
    pub fn mode(&self) -> Traced<Mode> {
        let default = if self.serving.slices.value > 1 {
            Mode::Replica
        } else {
            Mode::Pooled
        };
        self.options.mode.clone().unwrap_or(Traced::default_of(default))
    }

    /// The number of RoleSets.
    pub fn cells(&self) -> u32 {
        match self.mode().value {
            Mode::Pooled => self.serving.slices.value.min(1),
            Mode::Replica => self.serving.slices.value,
        }
    }

    /// The replicas of a role in one RoleSet.
    pub fn replicas(&self, role: &Role) -> Traced<u32> {
        self.in_cell(&role.replicas)
    }

    /// A number of replicas of a role in a slice, as one in a RoleSet.
    pub fn in_cell(&self, replicas: &Traced<u32>) -> Traced<u32> {
        let slices = &self.serving.slices;
        match self.mode().value {
            Mode::Pooled if slices.value > 1 => replicas.zip(slices, |r, s| r.saturating_mul(*s)),
            _ if self.alone() && slices.value == 0 => replicas.zip(slices, |_, _| 0),
            _ => replicas.clone(),
        }
    }

    /// Whether the pods of a role of one node have an index.
    pub fn stateful(&self, role: &Role) -> bool {
        self.stateful_option(role).is_none_or(|s| s.value)
    }

    /// The option that decides that.
    pub fn stateful_option(&self, role: &Role) -> Option<Traced<bool>> {
        let own = self
            .role_options
            .get(self.index(role))
            .and_then(|o| o.stateful.clone());
        own.or_else(|| self.options.stateful.clone())
    }

    fn services(&self, ledger: &mut Ledger) -> Vec<Node> {
        let select = |_: &Serving, role: &Role| self.selector(role);
        let awaited: Vec<Str> = self
            .serving
            .roles
            .iter()
            .flat_map(|r| self.awaited(r))
            .map(|n| n.value)
            .collect();
        self.check_dependencies(ledger);
        let mut objects = Vec::new();
        if self.alone() {
            let selector = Map::from_iter([(super::answers::STORM_SERVICE, Node::from(&self.serving.name))]);
            objects.push(companion::service(companion::Service {
                metadata: shared::metadata(self.serving, &self.serving.name, &[], &Map::new()),
                selector,
                ports: Vec::new(),
                service_type: None,
                headless: true,
            }));
        }
        objects.extend(shared::services_of(self.serving, None, &awaited, select));
        objects.extend(self.pod_services());
        objects.extend(shared::fronts(self.serving, select));
        objects
    }

    fn workload(&self, cx: &mut Context<'_>) -> Option<Node> {
        let gangs = self.gangs(cx.ledger);
        let topology = self.topology(cx.ledger);
        let roles: Vec<Node> = self
            .serving
            .roles
            .iter()
            .filter_map(|r| self.role(r, &gangs, &topology, cx))
            .collect();
        let mut vars = Vars::new();
        vars.set("roles", roles);
        let Gangs { role_set, .. } = gangs;
        vars.set("schedulingStrategy", role_set);
        vars.set("topologyPolicy", topology.policy);
        vars.set(
            "roleSetUpdateStrategy",
            self.options.role_set_update_strategy.as_ref().map(Traced::node),
        );
        if self.alone() {
            self.role_set(vars, cx)
        } else {
            self.storm_service(vars, cx)
        }
    }

    fn storm_service(&self, mut vars: Vars, cx: &mut Context<'_>) -> Option<Node> {
        let selector = self.selector_labels(cx.ledger);
        let mut annotations = self.serving.annotations.clone();
        append(&mut annotations, self.sidecar());
        vars.set(
            "metadata",
            shared::metadata(self.serving, &self.serving.name, &[], &annotations),
        );
        vars.set("replicas", self.replicas_of_service(cx.ledger));
        vars.set("paused", self.paused(cx.ledger));
        vars.set(
            "revisionHistoryLimit",
            self.options
                .revision_history_limit
                .as_ref()
                .map(|l| l.number().node()),
        );
        vars.set("updateStrategy", self.update_strategy(cx.ledger));
        vars.set(
            "roleSetLabels",
            merged(selector.clone(), self.options.role_set_labels.as_ref()),
        );
        vars.set("selector", selector);
        vars.set("roleSetAnnotations", self.role_set_annotations());
        shared::fill(cx, "aibrix/stormservice.yaml", &vars)
    }

    fn role_set(&self, mut vars: Vars, cx: &mut Context<'_>) -> Option<Node> {
        self.check_alone(cx.ledger);
        let mut annotations = self.serving.annotations.clone();
        append(&mut annotations, self.role_set_annotations().unwrap_or_default());
        let mut metadata = shared::metadata(self.serving, &self.serving.name, &[], &annotations);
        // By this label the pods get the Service's name as their subdomain, and with it their names in DNS.
        let labels = metadata.at_mut(&["labels"]);
        labels.set(super::answers::STORM_SERVICE, &self.serving.name);
        for (key, value) in self.options.role_set_labels.iter().flat_map(|l| &l.entries) {
            labels.set(key, value.clone());
        }
        let mut ids = self.serving.slices.ids.clone();
        ids.merge(
            &self
                .options
                .workload
                .as_ref()
                .map(|w| w.ids.clone())
                .unwrap_or_default(),
        );
        metadata.decided_by(&ids);
        vars.set("metadata", metadata);
        shared::fill(cx, "aibrix/roleset.yaml", &vars)
    }

    fn check_alone(&self, ledger: &mut Ledger) {
        let mut wrong = |what: &str, ids: &Ids| {
            ledger.report(Diagnostic::new(&ROLE_SET, format!("a RoleSet alone has no {what}")).at_ids(ids));
        };
        if self.serving.slices.value > 1 {
            wrong("replicas", &self.serving.slices.ids);
        }
        for role in &self.serving.roles {
            if let Some(scaling) = &role.scaling {
                wrong("scale", &scaling.ids);
            }
            if let Some(paused) = role
                .rollout
                .as_ref()
                .and_then(|r| r.paused.as_ref())
                .filter(|p| p.value)
            {
                wrong("pause", &paused.ids);
            }
        }
        if let Some(strategy) = &self.options.update_strategy {
            wrong("update strategy of a StormService", &strategy.origins());
        }
    }

    fn replicas_of_service(&self, ledger: &mut Ledger) -> Node {
        let (slices, mode) = (&self.serving.slices, self.mode());
        if mode.value == Mode::Pooled && slices.value > 1 {
            let message = format!("{} slices are pooled in one RoleSet", slices.value);
            ledger.report(
                Diagnostic::new(&POOLED, message)
                    .at_ids(&slices.ids)
                    .outcome(Outcome::Emulated),
            );
        }
        Traced::new(self.cells(), slices.ids.union(&mode.ids)).node()
    }

    fn paused(&self, ledger: &mut Ledger) -> Option<Node> {
        let roles = self.serving.roles.iter().filter(|r| !r.implicit);
        let pause = |r: &'a Role| r.rollout.as_ref().and_then(|r| r.paused.as_ref());
        let mut ids = Ids::none();
        let (mut paused, mut all) = (false, true);
        for role in roles {
            let own = pause(role);
            own.iter().for_each(|p| ids.merge(&p.ids));
            let on = own.is_some_and(|p| p.value);
            paused |= on;
            all &= on;
        }
        if paused && !all {
            let said = Diagnostic::new(
                &PAUSED,
                "some roles are paused, and the StormService holds back all",
            )
            .at_ids(&ids);
            ledger.report(said.outcome(Outcome::Moved));
        }
        (paused || !ids.is_empty()).then(|| Node::derived(paused, &ids))
    }

    fn update_strategy(&self, ledger: &mut Ledger) -> Node {
        let UpdateStrategy {
            ids,
            r#type,
            max_unavailable,
            max_surge,
        } = self.options.update_strategy.clone().unwrap_or_default();
        let kind = r#type.unwrap_or(Traced::default_of(UpdateType::InPlaceUpdate));
        let mut strategy = Map::from_iter([("type", kind.node())]);
        if kind.value == UpdateType::RollingUpdate {
            self.check_rolling(&kind.ids, ledger);
            strategy.insert(
                "maxUnavailable",
                max_unavailable.map_or_else(|| 1u32.into(), Node::from),
            );
            strategy.insert("maxSurge", max_surge.map_or_else(|| 0u32.into(), Node::from));
        }
        Node::derived(strategy, &ids)
    }

    /// What RollingUpdate takes away from roles.
    fn check_rolling(&self, ids: &Ids, ledger: &mut Ledger) {
        for role in &self.serving.roles {
            let rollout = role.rollout.as_ref();
            let bound = rollout.and_then(|r| r.max_unavailable.as_ref().or(r.max_surge.as_ref()));
            if let Some(bound) = bound {
                let message = format!(
                    "the bounds of role `{}` do not apply when whole RoleSets are replaced",
                    role.name.value
                );
                ledger.report(
                    Diagnostic::new(&ROLLING_UPDATE, message)
                        .at(bound.at())
                        .label(ids.first(), "asked for here"),
                );
            }
            if let Some(scaling) = role
                .scaling
                .as_ref()
                .filter(|_| self.mode().value == Mode::Pooled)
            {
                let message = format!(
                    "each step of the autoscaler of `{}` would restart all pods",
                    role.name.value
                );
                let said = Diagnostic::new(&ROLLING_UPDATE, message)
                    .severity(Severity::Error)
                    .at_ids(&scaling.ids);
                ledger.report(
                    said.label(ids.first(), "whole RoleSets are replaced")
                        .remedy("use `type: InPlaceUpdate`"),
                );
            }
        }
    }

    /// The labels that select the RoleSets: unique over all namespaces.
    fn selector_labels(&self, ledger: &mut Ledger) -> Map {
        if let Some(own) = &self.options.selector {
            return own.entries.clone();
        }
        let name = &self.serving.name;
        let value = match &self.serving.namespace {
            Some(namespace) => namespace.zip(name, |namespace, name| unique(namespace, name)),
            None => {
                let message = format!(
                    "the selector of `{}` is unique only among StormServices of other names",
                    name.value
                );
                let said = Diagnostic::new(&SELECTOR_NOT_UNIQUE, message).at(name.at());
                ledger.report(
                    said.remedy("write `metadata.namespace`, or pass `-n`")
                        .outcome(Outcome::Defaulted),
                );
                name.clone()
            }
        };
        Map::from_iter([(SELECTOR, value.node())])
    }

    fn role_set_annotations(&self) -> Option<Map> {
        let mut annotations = Map::new();
        if self.options.sidecar.is_some() {
            let engine = self.serving.roles.iter().find_map(|r| r.engine.engine.as_ref());
            annotations.insert_some("model.aibrix.ai/engine", engine.map(Traced::node));
        }
        let annotations = merged(annotations, self.options.role_set_annotations.as_ref());
        (!annotations.is_empty()).then_some(annotations)
    }

    /// The annotations that ask the webhook for AIBrix's runtime.
    fn sidecar(&self) -> Map {
        let Some(sidecar) = &self.options.sidecar else {
            return Map::new();
        };
        let mut annotations = Map::from_iter([(
            "model.aibrix.ai/sidecar-injection",
            Node::derived("true", &sidecar.ids),
        )]);
        annotations.insert_some("model.aibrix.ai/sidecar-runtime-image", sidecar.image.clone());
        annotations
    }

    /// Says that the installed version lacks something.
    pub fn lacks(&self, what: &str, severity: Severity, ids: &Ids, ledger: &mut Ledger) {
        let message = format!("{} has no {what}", self.version.name());
        let at = self.platform.version.as_ref().and_then(Traced::at);
        let said = Diagnostic::new(&VERSION, message)
            .severity(severity)
            .at_ids(ids)
            .label(at, "the version");
        ledger.report(said.outcome(Outcome::Dropped));
    }
}

fn version(platform: &Platform, ledger: &mut Ledger) -> Version {
    let Some(text) = &platform.version else {
        return Version::NEWEST;
    };
    Version::parse(&text.value).unwrap_or_else(|| {
        ledger.report(
            Diagnostic::new(
                &BAD_VERSION,
                format!("`{}` is not a version of AIBrix", text.value),
            )
            .at_ids(&text.ids),
        );
        Version::NEWEST
    })
}

fn append(map: &mut Map, more: Map) {
    more.into_iter()
        .for_each(|(key, value)| drop(map.insert(key, value)));
}

fn merged(mut labels: Map, more: Option<&StringMap>) -> Map {
    append(&mut labels, more.map(|m| m.entries.clone()).unwrap_or_default());
    labels
}

/// `<namespace>.<name>`, or a hash of it where that is too long for a label. Neither part has a dot, so no two pairs share
/// one.
fn unique(namespace: &str, name: &str) -> Str {
    let full = format!("{namespace}.{name}");
    if full.len() <= LABEL {
        return full.into();
    }
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let hash = full.bytes().fold(0xcbf2_9ce4_8422_2325, fnv);
    let head: String = name.chars().take(LABEL - 17).collect();
    format!("{head}.{hash:016x}").into()
}

#[cfg(test)]
mod tests {
    use super::unique;

    #[test]
    fn selectors_fit_labels_and_differ() {
        assert_eq!(unique("prod", "qwen"), "prod.qwen");
        let (a, b) = (unique(&"n".repeat(60), "qwen"), unique(&"n".repeat(59), "qwen"));
        assert!(a != b && a.len() <= 63 && a.starts_with("qwen."));
        assert!(unique(&"n".repeat(63), &"m".repeat(56)).len() <= 63);
    }
}
