//! Which cliques and scaling groups a workload has, what they are called, and in which order they are listed.

use super::codes::{
    CLIQUE_ORDER, CLIQUE_SUFFIX, NAME_BUDGET, NAME_CLASH, NEEDS_GROUP, NO_REPLICAS, ROLE_NAME, SERVICE_CLASH,
    UNKNOWN_MEMBER,
};
use super::options::{CliqueOptions, Options, RoleOptions, StartupType};
use crate::diagnostic::{Diagnostic, Ledger, Outcome, Severity};
use crate::dialect::Context;
use crate::ir::{Member, Role, Serving};
use crate::plan;
use crate::value::{Id, Str, Traced};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The most characters of the names of set, scaling group and clique together (Grove's `maxCombinedResourceNameLength`).
pub(super) const NAME_CHARACTERS: usize = 45;

/// The cliques of a workload.
pub(super) struct Layout<'a> {
    /// The workload.
    pub serving: &'a Serving,
    /// Its roles in the order of the page.
    pub roles: Vec<RoleLayout<'a>>,
}

impl RoleLayout<'_> {
    /// Whether it is scaled automatically.
    fn scales(&self) -> bool {
        self.role.scaling.is_some() || self.options.scaling.is_some()
    }
}

/// The cliques of a role.
pub(super) struct RoleLayout<'a> {
    /// The role.
    pub role: &'a Role,
    /// Its options, but for those of its cliques.
    pub options: RoleOptions,
    /// The name of its scaling group; none for a lone clique.
    pub group: Option<Traced<Str>>,
    /// A clique for each member.
    pub cliques: Vec<Clique<'a>>,
}

/// A clique.
pub(super) struct Clique<'a> {
    /// The pods that it is.
    pub member: &'a Member,
    /// Its options.
    pub options: CliqueOptions,
    /// Its name.
    pub name: Traced<Str>,
}

impl<'a> Layout<'a> {
    /// Lays a workload out; reports options that do not fit.
    pub(super) fn new(serving: &'a Serving, cx: &mut Context<'_>) -> Self {
        let mut layout = Self {
            serving,
            roles: serving.roles.iter().map(|r| role_layout(r, cx)).collect(),
        };
        let mut uses: BTreeMap<Str, u32> = BTreeMap::new();
        for clique in layout.roles.iter().flat_map(|r| &r.cliques) {
            *uses.entry(clique.name.value.clone()).or_default() += 1;
        }
        for RoleLayout {
            role, group, cliques, ..
        } in &mut layout.roles
        {
            for clique in cliques
                .iter_mut()
                .filter(|c| c.options.name.is_none() && group.is_some())
            {
                if uses.get(&clique.name.value).is_some_and(|n| *n > 1) {
                    let name = role
                        .name
                        .zip(&clique.name, |role, member| Str::from(format!("{role}-{member}")));
                    clique.name = name;
                }
            }
        }
        layout
    }

    /// The role of that name.
    pub(super) fn role(&self, name: &str) -> Option<&RoleLayout<'a>> {
        self.roles.iter().find(|r| r.role.name.value == name)
    }

    /// All cliques with their roles, in the order of the page.
    pub(super) fn cliques(&self) -> impl Iterator<Item = (&RoleLayout<'a>, &Clique<'a>)> {
        self.roles
            .iter()
            .flat_map(|r| r.cliques.iter().map(move |c| (r, c)))
    }

    /// The places of [`Layout::cliques`] in the order of the list: as the option says, else the one in which Grove can tell
    /// them apart.
    pub(super) fn order(&self, options: &Options) -> Vec<usize> {
        let names: Vec<&str> = self.cliques().map(|(_, c)| c.name.value.as_str()).collect();
        let mut order = order(&names);
        if let Some(asked) = &options.clique_order {
            let place = |i: &usize| asked.iter().position(|n| n.value == names[*i]);
            order.sort_by_key(|i| place(i).unwrap_or(usize::MAX));
        }
        order
    }

    /// Reports names and sizes that Grove refuses, or accepts and takes for others.
    pub(super) fn check(&self, options: &Options, ledger: &mut Ledger) {
        self.check_budget(ledger);
        self.check_clashes(ledger);
        self.check_service(ledger);
        self.check_names(ledger);
        self.check_order(options, ledger);
        for role in self.serving.roles.iter().filter(|r| r.replicas.value == 0) {
            let message = format!("role `{}` has no replicas", role.name.value);
            let said = Diagnostic::new(&NO_REPLICAS, message).at_ids(&role.replicas.ids);
            ledger.report(said.remedy("leave the role out, or scale it to 0 when it is there"));
        }
    }

    /// Reports an order of the list that cannot be had, or that makes Grove take one clique for another.
    fn check_order(&self, options: &Options, ledger: &mut Ledger) {
        let order = self.order(options);
        let in_order = options
            .startup_type
            .as_ref()
            .filter(|t| t.value == StartupType::InOrder);
        let names: Vec<&Traced<Str>> = self.cliques().map(|(_, c)| &c.name).collect();
        let Some(asked) = &options.clique_order else {
            if let Some(in_order) = in_order.filter(|_| !order.is_sorted()) {
                let message = "the cliques cannot be listed in the order of the page: the name of one is the end of a later one's";
                ledger.report(Diagnostic::new(&CLIQUE_SUFFIX, message).at_ids(&in_order.ids));
            }
            return;
        };
        for unknown in asked.iter().filter(|a| !names.iter().any(|n| n.value == a.value)) {
            let message = format!("no clique is called `{}`", unknown.value);
            ledger.report(Diagnostic::new(&CLIQUE_ORDER, message).at_ids(&unknown.ids));
        }
        let listed: Vec<&Traced<Str>> = order.iter().map(|i| names[*i]).collect();
        for (n, first) in listed.iter().enumerate() {
            let taken = |later: &&&Traced<Str>| later.value.ends_with(first.value.as_str());
            if let Some(later) = listed[n + 1..].iter().find(taken) {
                let message = format!(
                    "`{}` gets the pods of `{}`, which is listed before it",
                    later.value, first.value
                );
                let said = Diagnostic::new(&CLIQUE_SUFFIX, message).at_ids(&later.ids);
                ledger.report(said.severity(Severity::Warning).outcome(Outcome::Moved));
            }
        }
    }

    fn check_budget(&self, ledger: &mut Ledger) {
        for role in &self.roles {
            let Some(clique) = role.cliques.iter().max_by_key(|c| c.name.value.len()) else {
                continue;
            };
            let group = role.group.as_ref().map_or("", |g| g.value.as_str());
            let length = self.serving.name.value.len() + group.len() + clique.name.value.len();
            if length > NAME_CHARACTERS {
                let of_group = role
                    .group
                    .as_ref()
                    .map(|g| format!("`{}`, ", g.value))
                    .unwrap_or_default();
                let message = format!(
                    "the names `{}`, {of_group}`{}` have {length} characters together, {} too many",
                    self.serving.name.value,
                    clique.name.value,
                    length - NAME_CHARACTERS
                );
                let ids = self.serving.name.ids.union(&clique.name.ids);
                let said = Diagnostic::new(&NAME_BUDGET, message)
                    .at(role.role.name.ids.iter().last())
                    .at_ids(&ids);
                ledger.report(
                    said.remedy("shorten them, or name the clique by `targets.grove.cliques` of the role"),
                );
            }
        }
    }

    fn check_clashes(&self, ledger: &mut Ledger) {
        let mut seen: BTreeMap<&str, (&RoleLayout<'_>, &Clique<'_>)> = BTreeMap::new();
        for (role, clique) in self.cliques() {
            if let Some((_, first)) = seen.insert(&clique.name.value, (role, clique)) {
                let message = format!("two cliques are called `{}`", clique.name.value);
                let said = Diagnostic::new(&NAME_CLASH, message).at_ids(&clique.name.ids);
                ledger.report(said.label(first.name.at(), "first here"));
            }
        }
        // Both have an autoscaler of one name; nothing else of the two collides.
        let lone = self.cliques().filter(|(r, _)| r.group.is_none() && r.scales());
        for (role, clique) in lone {
            let same = |r: &&RoleLayout<'_>| r.group.as_ref().is_some_and(|g| g.value == clique.name.value);
            if let Some(other) = self
                .roles
                .iter()
                .find(same)
                .filter(|o| o.role.name.value != role.role.name.value && o.scales())
            {
                let message = format!(
                    "the clique `{}` has the name of a scaling group",
                    clique.name.value
                );
                let said = Diagnostic::new(&NAME_CLASH, message).at_ids(&clique.name.ids);
                ledger.report(said.label(other.role.name.at(), "the scaling group"));
            }
        }
        for (_, clique) in self.cliques() {
            if let Some((role, other)) = self.taken_for(&clique.name.value, &seen) {
                let of = role
                    .group
                    .as_ref()
                    .map(|g| format!(" of `{}`", g.value))
                    .unwrap_or_default();
                let message = format!(
                    "PodCliques of `{}`{of} can end with `{}`",
                    other.name.value, clique.name.value
                );
                let said = Diagnostic::new(&CLIQUE_SUFFIX, message).at_ids(&clique.name.ids);
                ledger.report(said.label(other.name.at(), "taken for the former"));
            }
        }
    }

    /// The other clique one of whose PodCliques, called `<set>-<slice>-[<group>-<replica>-]<clique>`, ends with `name`.
    fn taken_for<'b>(
        &self,
        name: &str,
        cliques: &BTreeMap<&str, (&'b RoleLayout<'a>, &'b Clique<'a>)>,
    ) -> Option<(&'b RoleLayout<'a>, &'b Clique<'a>)> {
        for (at, _) in name.match_indices('-') {
            let Some((number, rest)) = name[at + 1..].split_once('-') else {
                break;
            };
            if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
                continue;
            }
            let Some((role, other)) = cliques.get(rest) else {
                continue;
            };
            let before = match &role.group {
                Some(group) => format!("{}-0-{}", self.serving.name.value, group.value),
                None => self.serving.name.value.to_string(),
            };
            if before.ends_with(&name[..at]) {
                return Some((role, other));
            }
        }
        None
    }

    /// Names that the options give.
    fn check_names(&self, ledger: &mut Ledger) {
        let mut seen: BTreeMap<&str, Option<Id>> = BTreeMap::new();
        for (_, clique) in self.cliques() {
            if let Some(name) = &clique.options.name {
                plan::check::name(name, "clique", ledger);
            }
            let role_name = clique.options.role_name.as_ref().unwrap_or(&clique.name);
            if let Some(first) = seen.insert(&role_name.value, role_name.at()) {
                let message = format!("two cliques have the role name `{}`", role_name.value);
                let said = Diagnostic::new(&ROLE_NAME, message).at_ids(&role_name.ids);
                ledger.report(said.label(first, "first here"));
            }
        }
    }

    fn check_service(&self, ledger: &mut Ledger) {
        let service = &self.serving.front.service;
        let number = service
            .value
            .strip_prefix(self.serving.name.value.as_str())
            .and_then(|r| r.strip_prefix('-'));
        if number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())) {
            let message = format!("`{}` is the name of a slice's headless Service", service.value);
            ledger.report(Diagnostic::new(&SERVICE_CLASH, message).at_ids(&service.ids));
        }
    }
}

/// The places of names in the order in which Grove can tell cliques of them apart: no name before one that ends with it, and
/// else as they are given.
pub(super) fn order(names: &[&str]) -> Vec<usize> {
    let index: BTreeMap<&str, usize> = names.iter().enumerate().map(|(i, n)| (*n, i)).collect();
    let mut longest: Vec<usize> = (0..names.len()).collect();
    longest.sort_by_key(|i| Reverse(names[*i].len()));
    // Where each may stand at the earliest: after all longer names that end with it.
    let mut place: Vec<usize> = (0..names.len()).collect();
    for i in longest {
        for (cut, _) in names[i].char_indices().skip(1) {
            if let Some(short) = index.get(&names[i][cut..]) {
                place[*short] = place[*short].max(place[i]);
            }
        }
    }
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by_key(|i| (place[*i], Reverse(names[*i].len()), *i));
    order
}

fn role_layout<'a>(role: &'a Role, cx: &mut Context<'_>) -> RoleLayout<'a> {
    let mut options: RoleOptions = cx.options(&role.options);
    let several = role.members.len() > 1 || role.multi_node();
    let asked = options.scaling_group.as_ref();
    if let Some(asked) = asked.filter(|a| several && !a.value) {
        let message = format!(
            "the replicas of `{}` have several pods, so it is a scaling group",
            role.name.value
        );
        let said = Diagnostic::new(&NEEDS_GROUP, message).at_ids(&asked.ids);
        cx.ledger.report(said.outcome(Outcome::Dropped));
    }
    let ids = asked.map(|a| a.ids.clone()).unwrap_or_default();
    let grouped = several || asked.is_some_and(|a| a.value);
    let mut own = options.cliques.take().unwrap_or_default();
    let own_name = options.name.take();
    let (role_name, starts_after) = (options.role_name.take(), options.starts_after.take());
    let cliques = role.members.iter().map(|member| {
        let at = own
            .iter()
            .position(|o| o.member.as_ref().is_some_and(|m| m.value == member.name.value));
        let mut options = at.map(|at| own.remove(at)).unwrap_or_default();
        // A member that the spec names keeps its name where the role's is the group's.
        let named = several || (grouped && !member.name.ids.is_empty());
        let default = match &own_name {
            Some(name) if !grouped => name,
            _ if named => &member.name,
            _ => &role.name,
        };
        let name = options.name.clone().unwrap_or_else(|| default.clone());
        let from = options
            .ids
            .union(&options.member.take().map(|m| m.ids).unwrap_or_default());
        options.role_name = options.role_name.or_else(|| role_name.clone());
        options.starts_after = options.starts_after.or_else(|| starts_after.clone());
        Clique {
            member,
            name: name.and(&from).and(&ids),
            options,
        }
    });
    let cliques = cliques.collect();
    for unknown in own {
        let Some(name) = unknown.member else { continue };
        let known: Vec<&str> = role.members.iter().map(|m| m.name.value.as_str()).collect();
        let message = format!("role `{}` has no member `{}`", role.name.value, name.value);
        let said = Diagnostic::new(&UNKNOWN_MEMBER, message).at_ids(&name.ids);
        cx.ledger
            .report(said.reason(format!("members: {}", known.join(", "))));
    }
    RoleLayout {
        role,
        options,
        group: grouped.then(|| own_name.unwrap_or_else(|| role.name.clone()).and(&ids)),
        cliques,
    }
}
