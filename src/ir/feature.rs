//! What a workload asks of an orchestrator, one feature at a time.

use super::Serving;
use crate::spec::policy::{RestartPolicy, Scope, StartupOrder, Strictness};
use crate::spec::scalar::IntOrPercent;
use crate::value::{Ids, Str};

/// Something that one orchestrator has and another has not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Feature {
    /// More than one copy of the role set.
    Slices,
    /// Several roles in one workload.
    Roles,
    /// Replicas of several pods.
    MultiNode,
    /// Leader and workers with different templates.
    LeaderTemplate,
    /// More than two kinds of pods in a replica.
    Members,
    /// All pods of a replica start together.
    GangReplica,
    /// All pods of a role start together.
    GangRole,
    /// All pods of a slice start together.
    GangSlice,
    /// A limit on how long a gang waits.
    GangTimeout,
    /// A replica within one topology domain.
    TopologyReplica,
    /// A role within one topology domain.
    TopologyRole,
    /// A slice within one topology domain.
    TopologySlice,
    /// A topology constraint that may be broken.
    TopologyPreferred,
    /// A topology domain of one's own.
    TopologyExclusive,
    /// A queue.
    Queue,
    /// Roles that wait for roles.
    DependsOn,
    /// Workers that wait for their leader.
    LeaderFirst,
    /// A leader that waits for its workers.
    WorkersFirst,
    /// The failed container alone is restarted.
    RestartPod,
    /// All pods of a replica are made anew when one fails.
    RestartReplica,
    /// All pods of a slice are made anew when one fails.
    RestartSlice,
    /// A growing wait between restarts.
    RestartBackoff,
    /// A bound on missing replicas during a rollout.
    MaxUnavailable,
    /// Replicas beside the wanted ones during a rollout.
    MaxSurge,
    /// Replicas that keep the old version.
    Partition,
    /// A rollout that is held back.
    Paused,
    /// Changes without new pods.
    InPlace,
    /// Automatic scaling of a role.
    Scaling,
    /// Bounds for drains.
    Disruption,
    /// Claims made for each pod.
    Claims,
}

impl Feature {
    /// All of them, in the order of tables.
    pub const ALL: &'static [Feature] = &[
        Self::Slices,
        Self::Roles,
        Self::MultiNode,
        Self::LeaderTemplate,
        Self::Members,
        Self::GangReplica,
        Self::GangRole,
        Self::GangSlice,
        Self::GangTimeout,
        Self::TopologyReplica,
        Self::TopologyRole,
        Self::TopologySlice,
        Self::TopologyPreferred,
        Self::TopologyExclusive,
        Self::Queue,
        Self::DependsOn,
        Self::LeaderFirst,
        Self::WorkersFirst,
        Self::RestartPod,
        Self::RestartReplica,
        Self::RestartSlice,
        Self::RestartBackoff,
        Self::MaxUnavailable,
        Self::MaxSurge,
        Self::Partition,
        Self::Paused,
        Self::InPlace,
        Self::Scaling,
        Self::Disruption,
        Self::Claims,
    ];

    /// A few words for tables and messages.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Slices => "several slices",
            Self::Roles => "several roles in one workload",
            Self::MultiNode => "replicas of several pods",
            Self::LeaderTemplate => "a leader template of its own",
            Self::Members => "more than two kinds of pods in a replica",
            Self::GangReplica => "gang scheduling of a replica",
            Self::GangRole => "gang scheduling of a role",
            Self::GangSlice => "gang scheduling of a slice",
            Self::GangTimeout => "a time limit for gangs",
            Self::TopologyReplica => "a replica within one topology domain",
            Self::TopologyRole => "a role within one topology domain",
            Self::TopologySlice => "a slice within one topology domain",
            Self::TopologyPreferred => "a preferred topology",
            Self::TopologyExclusive => "an exclusive topology domain",
            Self::Queue => "a queue",
            Self::DependsOn => "startup order between roles",
            Self::LeaderFirst => "workers that wait for their leader",
            Self::WorkersFirst => "a leader that waits for its workers",
            Self::RestartPod => "restart of the failed container alone",
            Self::RestartReplica => "restart of the whole replica",
            Self::RestartSlice => "restart of the whole slice",
            Self::RestartBackoff => "a growing wait between restarts",
            Self::MaxUnavailable => "a bound on missing replicas in a rollout",
            Self::MaxSurge => "surge replicas in a rollout",
            Self::Partition => "a rollout partition",
            Self::Paused => "a paused rollout",
            Self::InPlace => "in-place updates",
            Self::Scaling => "automatic scaling of a role",
            Self::Disruption => "disruption budgets",
            Self::Claims => "claims made for each pod",
        }
    }
}

/// A feature that a workload uses.
#[derive(Clone, Debug)]
pub struct Use {
    /// The feature.
    pub feature: Feature,
    /// The role that uses it; absent for the workload.
    pub role: Option<Str>,
    /// What asked for it.
    pub ids: Ids,
    /// What is lost with it where the target cannot do it at all.
    pub whole: Ids,
    /// Whether the spec asked for it in so many words. What a default asks for is lost without a warning.
    pub explicit: bool,
}

impl Serving {
    /// The features that this workload uses, in the order of the page.
    pub fn uses(&self) -> Vec<Use> {
        let mut uses = Vec::new();
        if self.slices.value > 1 {
            uses.push(Use::of(Feature::Slices, None, self.slices.ids.clone()));
        }
        if self.roles.iter().filter(|r| !r.implicit).count() > 1 {
            uses.push(Use {
                explicit: false,
                ..Use::of(Feature::Roles, None, Ids::none())
            });
        }
        self.roles.iter().for_each(|role| role.uses(&mut uses));
        uses
    }
}

impl Use {
    fn of(feature: Feature, role: Option<&Str>, ids: Ids) -> Self {
        Self {
            feature,
            role: role.cloned(),
            explicit: !ids.is_empty(),
            whole: Ids::none(),
            ids,
        }
    }
}

impl super::Role {
    fn uses(&self, uses: &mut Vec<Use>) {
        let name = Some(&self.name.value);
        let first = uses.len();
        let mut add = |feature, ids: &Ids| uses.push(Use::of(feature, name, ids.clone()));
        if self.multi_node() {
            add(Feature::MultiNode, &self.size().ids);
            if self.members.len() > 1 {
                let differ = self.members[1..]
                    .iter()
                    .any(|m| m.template != self.members[0].template);
                if differ {
                    add(Feature::LeaderTemplate, &Ids::none());
                }
            }
        }
        if let Some(further) = self.members.get(2..).filter(|m| !m.is_empty()) {
            let whole = |ids: Ids, m: &super::Member| ids.union(&m.name.ids).union(&m.template.all_ids());
            uses.push(Use {
                whole: further.iter().fold(Ids::none(), whole),
                ..Use::of(Feature::Members, name, further[0].name.ids.clone())
            });
        }
        // A leader is one pod: of two kinds of pods, the first may be several only where members are known.
        if let [first, second] = self.members.as_slice()
            && first.count.value > 1
            && first.template != second.template
        {
            let pods = first
                .template
                .get("spec")
                .map(|s| s.ids.clone())
                .unwrap_or_default();
            let ids = first.name.ids.union(&first.count.ids).union(&pods);
            uses.push(Use {
                whole: ids.union(&first.template.all_ids()),
                ..Use::of(Feature::Members, name, ids)
            });
        }
        let mut add = |feature, ids: &Ids| uses.push(Use::of(feature, name, ids.clone()));
        self.scheduling_uses(&mut add);
        if let Some(order) = &self.startup {
            match order.value {
                StartupOrder::Parallel => {}
                StartupOrder::LeaderFirst => add(Feature::LeaderFirst, &order.ids),
                StartupOrder::WorkersFirst => add(Feature::WorkersFirst, &order.ids),
            }
        }
        self.depends_on
            .iter()
            .for_each(|d| add(Feature::DependsOn, &d.ids));
        self.restart_uses(&mut add);
        self.rollout_uses(&mut add);
        if let Some(scaling) = &self.scaling {
            add(Feature::Scaling, &scaling.ids);
        }
        if let Some(disruption) = &self.disruption {
            let ids = [&disruption.min_available, &disruption.max_unavailable]
                .into_iter()
                .flatten();
            add(
                Feature::Disruption,
                &ids.fold(Ids::none(), |ids, v| ids.union(&v.ids)),
            );
        }
        if !self.claimed.is_empty() {
            add(Feature::Claims, &self.claimed);
        }
        let written_out = |u: &&mut Use| self.rollout.as_ref().is_some_and(|r| r.is_default(u.feature));
        uses[first..]
            .iter_mut()
            .filter(written_out)
            .for_each(|u| u.explicit = false);
    }

    fn scheduling_uses(&self, add: &mut dyn FnMut(Feature, &Ids)) {
        if let Some(gang) = &self.gang {
            let feature = match gang.scope.value {
                Scope::Replica => Feature::GangReplica,
                Scope::Role => Feature::GangRole,
                Scope::Slice => Feature::GangSlice,
            };
            add(feature, &gang.ids.union(&gang.scope.ids));
            if let Some(timeout) = &gang.timeout {
                add(Feature::GangTimeout, &timeout.ids);
            }
        }
        if let Some(topology) = &self.topology {
            let feature = match topology.scope.value {
                Scope::Replica => Feature::TopologyReplica,
                Scope::Role => Feature::TopologyRole,
                Scope::Slice => Feature::TopologySlice,
            };
            add(feature, &topology.key.ids.union(&topology.scope.ids));
            if topology.mode.value == Strictness::Preferred {
                add(Feature::TopologyPreferred, &topology.mode.ids);
            }
            if topology.exclusive.value {
                add(Feature::TopologyExclusive, &topology.exclusive.ids);
            }
        }
        if let Some(queue) = &self.queue {
            add(Feature::Queue, &queue.ids);
        }
    }

    fn restart_uses(&self, add: &mut dyn FnMut(Feature, &Ids)) {
        let feature = match self.restart.policy.value {
            RestartPolicy::Pod => Feature::RestartPod,
            RestartPolicy::Replica => Feature::RestartReplica,
            RestartPolicy::Slice => Feature::RestartSlice,
        };
        add(feature, &self.restart.policy.ids);
        for delay in [&self.restart.base_delay, &self.restart.max_delay]
            .into_iter()
            .flatten()
        {
            add(Feature::RestartBackoff, &delay.ids);
        }
    }

    fn rollout_uses(&self, add: &mut dyn FnMut(Feature, &Ids)) {
        let Some(super::Rollout {
            max_unavailable,
            max_surge,
            partition,
            paused,
            in_place,
        }) = &self.rollout
        else {
            return;
        };
        if let Some(v) = max_unavailable {
            add(Feature::MaxUnavailable, &v.ids);
        }
        if let Some(v) = max_surge {
            add(Feature::MaxSurge, &v.ids);
        }
        if let Some(v) = partition {
            add(Feature::Partition, &v.ids);
        }
        if let Some(v) = paused.as_ref().filter(|v| v.value) {
            add(Feature::Paused, &v.ids);
        }
        if let Some(v) = in_place.as_ref().filter(|v| v.value) {
            add(Feature::InPlace, &v.ids);
        }
    }
}

impl super::Rollout {
    /// Whether the bound is written out and says what holds without it: a target without the field may do just that.
    fn is_default(&self, feature: Feature) -> bool {
        let is = |v: &Option<crate::value::Traced<IntOrPercent>>, n| {
            v.as_ref().is_some_and(|v| v.value == IntOrPercent::Int(n))
        };
        match feature {
            Feature::MaxUnavailable => is(&self.max_unavailable, 1),
            Feature::MaxSurge => is(&self.max_surge, 0),
            Feature::Partition => self.partition.as_ref().is_some_and(|p| p.value == 0),
            _ => false,
        }
    }
}
