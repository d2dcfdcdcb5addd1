//! What the parts of the lowering look at: the workload, its options, and what they make of its parts.

use super::codes::{BAD_VERSION, ROLE_RENAMED, VERSION};
use super::options::{Mode, Options, Platform, RoleOptions, Workload};
use super::version::Version;
use crate::diagnostic::{Diagnostic, Ledger, Outcome, Severity};
use crate::dialect::Context;
use crate::ir::{Role, Serving};
use crate::plan::codes::NO_EFFECT;
use crate::spec::decode::{Decoder, StringMap};
use crate::spec::role::Phase;
use crate::value::{Ids, Map, Str, Traced};

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
    /// Reads the options of the workload and of AIBrix, and says what is wrong with them.
    pub fn new(serving: &'a Serving, cx: &mut Context<'_>) -> Self {
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

pub fn version(platform: &Platform, ledger: &mut Ledger) -> Version {
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
