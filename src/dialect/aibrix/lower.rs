//! IR to a StormService and its companions.

use super::answers::STORM_SERVICE;
use super::codes::{ROLE_SET, SERVICE_OF_ALL};
use super::gang::Gangs;
use super::lowering::{Lowering, append};
use crate::diagnostic::{Diagnostic, Ledger, Outcome};
use crate::dialect::{Context, shared};
use crate::ir::{Role, Serving};
use crate::kubernetes::companion;
use crate::spec::decode::Decode;
use crate::template::Vars;
use crate::value::{Ids, Map, Node, Piece, Reference, Str, Traced, Value};

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

impl Lowering<'_> {
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
        if self.alone() && self.named() {
            let selector = Map::from_iter([(STORM_SERVICE, Node::from(&self.serving.name))]);
            objects.push(companion::service(companion::Service {
                metadata: shared::metadata(self.serving, &self.serving.name, &[], &Map::new()),
                selector,
                ports: Vec::new(),
                service_type: None,
                headless: true,
            }));
        }
        self.check_slices(ledger);
        objects.extend(shared::services_of(self.serving, None, &awaited, select));
        objects.extend(self.pod_services());
        objects.extend(shared::fronts(self.serving, select));
        objects
    }

    /// Names the references to Services that select the pods of all slices, where one slice is meant.
    fn check_slices(&self, ledger: &mut Ledger) {
        if self.cells() < 2 {
            return;
        }
        let members = self.serving.roles.iter().flat_map(|r| &r.members);
        for template in members.map(|m| &m.template) {
            template.walk(&mut |n| {
                let Value::Text(text) = &n.value else { return };
                for piece in text {
                    let Piece::Reference(Reference::Service { role }) = piece else {
                        continue;
                    };
                    let message =
                        format!("`$(infer.service.{role})` reaches `{role}` in all slices, not in its own");
                    let known = |d: &Diagnostic| d.code == &SERVICE_OF_ALL && d.message == message;
                    if !ledger.diagnostics.iter().any(known) {
                        let said = Diagnostic::new(&SERVICE_OF_ALL, message).at(n.ids.first());
                        ledger.report(said.outcome(Outcome::Moved).remedy(format!(
                            "list pods by `$(infer.selector.{role})`, or choose another target"
                        )));
                    }
                }
            });
        }
    }

    /// Whether pods have names in DNS, which need a Service of the workload's name.
    fn named(&self) -> bool {
        self.serving
            .roles
            .iter()
            .any(|r| r.multi_node() || self.stateful(r))
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
        if self.named() {
            labels.set(STORM_SERVICE, &self.serving.name);
        }
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
        shared::fill(cx, "aibrix/roleset.yaml", vars)
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
}
