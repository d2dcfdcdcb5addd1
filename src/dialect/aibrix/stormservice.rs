//! The StormService around the roles: replicas, updates, selector, annotations.

use super::codes::{PAUSED, POOLED, ROLLING_UPDATE, SELECTOR_NOT_UNIQUE};
use super::lowering::{Lowering, append, merged};
use super::options::{Mode, UpdateStrategy, UpdateType};
use crate::diagnostic::{Diagnostic, Ledger, Outcome, Severity};
use crate::dialect::{Context, shared};
use crate::template::Vars;
use crate::value::{Ids, Map, Node, Str, Traced};

/// The label that a StormService finds its RoleSets by.
const SELECTOR: &str = "infer.dev/stormservice";
/// The most characters of a label's value.
const LABEL: usize = 63;

impl Lowering<'_> {
    /// The StormService, of variables that it shares with a RoleSet.
    pub(super) fn storm_service(&self, mut vars: Vars, cx: &mut Context<'_>) -> Option<Node> {
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
        shared::fill(cx, "aibrix/stormservice.yaml", vars)
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
        let mut ids = Ids::none();
        let (mut paused, mut all) = (false, true);
        for role in self.serving.roles.iter().filter(|r| !r.implicit) {
            let own = role.rollout.as_ref().and_then(|r| r.paused.as_ref());
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
        if let Some(own) = self.options.selector.as_ref().filter(|s| !s.entries.is_empty()) {
            return own.entries.clone();
        }
        let name = &self.serving.name;
        let value = match &self.serving.namespace {
            Some(namespace) => namespace.zip(name, |namespace, name| unique(namespace, name)),
            None => {
                let message = format!(
                    "without a namespace the selector of `{}` may match that of a StormService of this name elsewhere",
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

    /// The annotations of RoleSets.
    pub(super) fn role_set_annotations(&self) -> Option<Map> {
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
