//! PodCliqueSets to the language: each is a serving, a lone clique is a role of single pods, a scaling group is a role whose
//! members are its cliques.
//!
//! What other orchestrators have too becomes a word of the language; names, minima, shared devices and constraints as Grove
//! spells them become options. What each of those is worth elsewhere is said here, where it is known.

mod defaults;
mod gangs;
mod role;
mod scaling;
mod startup;
mod told;
mod topology;
mod units;

pub(super) use defaults::DEFAULTS;
pub(super) use told::rendezvous;

use super::admit::MNNVL_GROUP;
use super::codes::{
    DELAY as DELAY_LOST, MULTI_NODE_NVLINK, NO_CLIQUES, NO_REPLICAS, PUBLISHED, SHARED_DEVICES, SPELLING,
    STARTUP_UNUSED,
};
use super::lower::DELAY;
use super::operator::{Operator, VOLCANO};
use super::read::Set;
use super::scheduling::VOLCANO_QUEUE;
use crate::diagnostic::{Diagnostic, Ledger, Outcome, Severity};
use crate::dialect::lifting::{Draft, Lifting, RoleDraft, warn};
use crate::kubernetes::duration::Duration;
use crate::pods::Scene;
use crate::source::Document;
use crate::spec::role::Phase;
use crate::value::{Ids, Map, Node, Str, Traced};
use gangs::Gangs;
use startup::Startup;
use units::{Unit, units};

/// The option of a dialect's own name under `targets`.
const NAME: &str = "grove";
/// How long a gang may be broken if nothing says so, as manifests and the webhook write it.
const DEFAULT_DELAYS: [&str; 2] = ["4h", "4h0m0s"];

/// The servings of the input.
pub(super) fn lift(lifting: &mut Lifting<'_, '_>) -> Vec<Draft> {
    let operator = Operator::new(lifting.cx);
    let mut drafts = Vec::new();
    for document in lifting.scene.documents {
        let text = |key| document.root.get(key).and_then(Node::as_str).unwrap_or_default();
        if text("kind") != "PodCliqueSet" || !text("apiVersion").starts_with("grove.io/") {
            continue;
        }
        let mut problems = Vec::new();
        let namespace = lifting.scene.namespace_of(&document.root);
        let set = Set::read(&document.root, namespace, &mut problems);
        warn(problems, lifting.cx.ledger);
        if !liftable(&set, lifting.cx.ledger) {
            continue;
        }
        let mut draft = Draft::new(NAME, set.name.node(), document);
        let mut lift = Lift {
            document,
            set: &set,
            operator: &operator,
            scene: lifting.scene,
            lost: Vec::new(),
        };
        lift.serving(&mut draft);
        for (ids, said) in lift.lost {
            draft.lost_elsewhere(&ids, said);
        }
        drafts.push(draft);
    }
    drafts
}

/// Whether there is anything to lift; says what Grove makes of numbers that it does not take as they are.
fn liftable(set: &Set, ledger: &mut Ledger) -> bool {
    for clique in &set.cliques {
        let written = clique.written.at(&["spec", "replicas"]);
        if let Some(zero) = written.filter(|n| n.as_int() == Some(0)) {
            let message = format!(
                "Grove makes 1 of the 0 replicas of the clique `{}`",
                clique.name.value
            );
            let said = Diagnostic::new(&NO_REPLICAS, message).severity(Severity::Warning);
            ledger.report(said.at_ids(&zero.ids).outcome(Outcome::Defaulted));
        }
    }
    if units(set).is_empty() {
        let said = Diagnostic::new(&NO_CLIQUES, "a PodCliqueSet without cliques is not lifted");
        ledger.report(
            said.severity(Severity::Warning)
                .at_ids(&set.ids)
                .outcome(Outcome::Dropped),
        );
        return false;
    }
    true
}

/// A PodCliqueSet on its way.
struct Lift<'a> {
    document: &'a Document,
    set: &'a Set,
    operator: &'a Operator,
    scene: &'a Scene<'a>,
    /// What is lost on other targets, and with which values.
    lost: Vec<(Ids, Diagnostic)>,
}

/// The value of an option, if it is there and says something.
fn filled(node: Option<&Node>) -> Option<Node> {
    let empty = |n: &Node| n.is_null() || n.as_seq().is_some_and(|s| s.is_empty());
    node.filter(|n| !empty(n)).cloned()
}

impl<'a> Lift<'a> {
    /// Says what is lost with values on other targets.
    fn lost(&mut self, ids: &Ids, said: Diagnostic) {
        self.lost.push((ids.clone(), said.outcome(Outcome::Dropped)));
    }

    fn serving(&mut self, draft: &mut Draft) {
        let units = units(self.set);
        let gangs = Gangs::new(self, &units);
        let mut startup = Startup::new(self, &units);
        draft.set(&["slices"], self.slices());
        self.identity(draft);
        self.policies(draft, &units);
        self.options(draft, &units);
        draft.option("startupType", startup.kind.take());
        draft.set(&["scheduling", "gang", "scope"], gangs.scope.clone());
        let of_slice = self.slice_topology(&units);
        draft.set(&["scheduling", "topology"], of_slice.clone());
        let mut roles: Vec<(RoleDraft, Phase)> = Vec::new();
        for (at, unit) in units.iter().enumerate() {
            let waits = startup.roles.get(at);
            roles.push(self.role(unit, &gangs, waits, of_slice.is_some()));
        }
        whole_phases(&mut roles);
        roles.into_iter().for_each(|(role, _)| draft.role(role));
        let words = draft.spec().get("scheduling").is_some()
            || units.iter().any(|u| u.constrained())
            || self.set.topology.is_some();
        let named = |u: &Unit<'_>| u.cliques.iter().any(|c| c.names_scheduler());
        if words && !units.iter().any(named) {
            draft.option("defaultScheduler", Some(true));
        }
    }

    /// Copies of the whole: none unless the set says so.
    fn slices(&self) -> Option<Node> {
        match self
            .document
            .root
            .at(&["spec", "replicas"])
            .filter(|n| !n.is_null())
        {
            None => Some(Node::from(0u32)),
            Some(written) => match written.as_int() {
                Some(1) | None => None,
                Some(n) => (n >= 0).then(|| written.clone()),
            },
        }
    }

    /// Labels and annotations of the set, without those that are options or words.
    fn identity(&mut self, draft: &mut Draft) {
        let mut annotations = self.set.annotations.clone();
        let taken = annotations.remove(MNNVL_GROUP);
        if let Some(group) = &taken {
            self.lost(&group.ids, nvlink());
        }
        draft.option("mnnvlGroup", taken);
        if self.operator.scheduler_of(self.set) == VOLCANO {
            draft.set(&["scheduling", "queue"], annotations.remove(VOLCANO_QUEUE));
        }
        let own = draft
            .serving
            .at(&["metadata", "annotations"])
            .and_then(Node::as_map)
            .cloned();
        let Some(mut own) = own else { return };
        own.retain(|key, _| annotations.contains_key(key));
        let metadata = draft.serving.at_mut(&["metadata"]);
        if own.is_empty() {
            metadata.map_mut().remove("annotations");
        } else {
            *metadata.at_mut(&["annotations"]).map_mut() = own;
        }
    }

    /// Policies that the language has words for.
    fn policies(&mut self, draft: &mut Draft, units: &[Unit<'_>]) {
        let strategy = self.document.root.at(&["spec", "updateStrategy", "type"]);
        if let Some(held) = strategy.filter(|s| s.as_str() == Some("OnDelete")) {
            draft.set(&["rollout", "paused"], Some(Node::derived(true, &held.ids)));
        }
        // Where a broken replica is made anew soon, that is what `restart: {policy: replica}` asks for, which is the default
        // of replicas of several pods. Grove's own delay is so long that in practice containers are restarted alone.
        let several = units.iter().any(|u| u.size() > 1);
        if several
            && !self
                .set
                .termination_delay
                .as_ref()
                .is_some_and(|d| is_short(&d.value))
        {
            draft.set(&["restart", "policy"], Some("pod"));
        }
        if let Some(class) = &self.set.priority_class {
            self.priority(draft, class, units);
        }
    }

    /// The priority of gangs: the language's, if no pod has one of its own.
    fn priority(&mut self, draft: &mut Draft, class: &Traced<Str>, units: &[Unit<'_>]) {
        let of = |spec: &Node| {
            spec.get("priorityClassName")
                .and_then(Node::as_str)
                .map(str::to_owned)
        };
        let cliques = units.iter().flat_map(|u| &u.cliques);
        let all: Vec<Option<String>> = cliques.map(|c| of(&c.pod_spec)).collect();
        let word = &["scheduling", "priorityClassName"];
        if all.iter().all(Option::is_none) {
            draft.set(word, Some(class.node()));
            draft.option("gangPriorityOnly", Some(true));
        } else if all.iter().all(|c| c.as_deref() == Some(class.value.as_str())) {
            draft.set(word, Some(class.node()));
        } else {
            let said = Diagnostic::new(&SPELLING, "the priority of the gangs; the pods keep their own");
            self.lost(&class.ids, said);
            draft.option("priorityClassName", Some(class.node()));
        }
    }

    /// What only a PodCliqueSet has.
    fn options(&mut self, draft: &mut Draft, units: &[Unit<'_>]) {
        let template = self
            .document
            .root
            .at(&["spec", "template"])
            .cloned()
            .unwrap_or_default();
        if let Some(delay) = self.set.termination_delay.as_ref().filter(|d| is_delay(&d.value)) {
            let message = format!(
                "pods of a gang that has been broken for {} are made anew",
                delay.value
            );
            self.lost(
                &delay.ids,
                Diagnostic::new(&DELAY_LOST, message).remedy("choose `restart.policy`"),
            );
            draft.option("terminationDelay", Some(delay.node()));
        }
        let constraint = filled(template.get("topologyConstraint"));
        draft.option("topologyConstraint", constraint);
        let publish = &self.set.publish_not_ready;
        if !publish.value {
            let said = Diagnostic::new(&PUBLISHED, "names of pods resolve when the pods are ready");
            self.lost(&publish.ids, said);
            draft.option("publishNotReadyAddresses", Some(publish.node()));
        }
        for key in ["resourceClaimTemplates", "resourceSharing"] {
            let list = filled(template.get(key));
            self.devices(list.as_ref());
            draft.option(key, list);
        }
        let order = units::order(self.set, units);
        if let Some(order) = &order {
            let said = Diagnostic::new(&SPELLING, "the order of the list of cliques");
            self.lost(&order.all_ids(), said);
        }
        draft.option("cliqueOrder", order);
    }

    /// Says that shared devices are lost.
    fn devices(&mut self, list: Option<&Node>) {
        let Some(list) = list else { return };
        let message = "the ResourceClaims that Grove makes for the pods and puts into their containers";
        let said = Diagnostic::new(&SHARED_DEVICES, message);
        self.lost(
            &list.all_ids(),
            said.remedy("make the claims yourself and name them in `resourceClaims` of the pod templates"),
        );
    }
}

/// What is lost with an MNNVL group.
fn nvlink() -> Diagnostic {
    Diagnostic::new(
        &MULTI_NODE_NVLINK,
        "the ComputeDomain that Grove makes for the GPU pods",
    )
    .remedy("make the ComputeDomain yourself and name its ResourceClaimTemplate in the pod templates")
}

/// What is lost with an order that Grove does not heed.
fn unheeded() -> Diagnostic {
    Diagnostic::new(
        &STARTUP_UNUSED,
        "Grove does not heed this order, and no other target has it",
    )
}

/// What is lost with an order that no word says.
fn order_lost() -> Diagnostic {
    Diagnostic::new(&STARTUP_UNUSED, "cliques that start when others are ready")
        .remedy("`dependsOn` between roles, or let the process wait itself")
}

/// Whether an option can say it: a duration that is not the default.
fn is_delay(text: &str) -> bool {
    !DEFAULT_DELAYS.contains(&text) && Duration::parse(text).is_ok()
}

fn is_short(text: &str) -> bool {
    let longest = Duration::parse(DELAY).map_or(0, Duration::nanoseconds);
    Duration::parse(text).is_ok_and(|d| d.nanoseconds() <= longest)
}

/// Half of disaggregated serving is no disaggregated serving, whatever a role is called.
fn whole_phases(roles: &mut [(RoleDraft, Phase)]) {
    let has = |phase| roles.iter().any(|(_, p)| *p == phase);
    if has(Phase::Prefill) == has(Phase::Decode) {
        return;
    }
    for (role, phase) in roles {
        if matches!(phase, Phase::Prefill | Phase::Decode) {
            role.set(&["phase"], Some(Phase::Aggregated.as_str()));
        }
    }
}

/// A mapping with what there is.
fn mapping<const N: usize>(entries: [(&str, Option<Node>); N]) -> Map {
    let mut map = Map::new();
    for (key, value) in entries {
        map.insert_some(key, value);
    }
    map
}
