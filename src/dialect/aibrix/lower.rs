//! IR to a StormService and its companions.

use super::codes::{BAD_VERSION, ROLE_RENAMED, ROLE_SET, VERSION};
use super::gang::Gangs;
use super::options::{Mode, Options, Platform, RoleOptions, Workload};
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
    lowering.check_duplicates(cx.ledger);
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

/// Puts entries into a map.
pub(super) fn append(map: &mut Map, more: Map) {
    more.into_iter()
        .for_each(|(key, value)| drop(map.insert(key, value)));
}

/// A map with further entries.
pub(super) fn merged(mut labels: Map, more: Option<&StringMap>) -> Map {
    append(&mut labels, more.map(|m| m.entries.clone()).unwrap_or_default());
    labels
}
