//! IR to LeaderWorkerSets and their companions.

use super::answers::LwsAnswers;
use super::codes::{GANG_PROVIDER, NAME_CLASH, NAME_TOO_LONG, SUB_GROUP};
use super::names;
use super::options::{GangProvider, Options, Platform, QueueSystem, RoleOptions, SubdomainPolicy};
use crate::diagnostic::{Diagnostic, Outcome};
use crate::dialect::{Context, shared};
use crate::ir::answer::{Asker, resolve};
use crate::ir::{Gang, Member, Role, Rollout, Serving};
use crate::plan::codes::NO_EFFECT;
use crate::spec::decode::Decoder;
use crate::spec::policy::{RestartPolicy, StartupOrder};
use crate::template::Vars;
use crate::value::{Map, Node, Str, Traced};

/// The most characters of a StatefulSet's name, for its revision label to fit.
const STATEFUL_SET_NAME: usize = 52;

/// All objects of a workload.
pub fn lower(serving: &Serving, cx: &mut Context<'_>) -> Vec<Node> {
    let options: Options = cx.options(&serving.options);
    let mut decoder = Decoder {
        sources: cx.sources,
        ledger: cx.ledger,
    };
    let platform: Platform = cx.platform.section("lws", &mut decoder);
    let lowering = Lowering {
        serving,
        options,
        platform,
    };
    lowering.unused(cx);
    let mut objects = shared::access(serving);
    for slice in shared::slices(serving) {
        for role in &serving.roles {
            objects.extend(lowering.role(role, slice, cx));
        }
        objects.extend(shared::role_services(serving, slice, shared::selector));
    }
    objects.extend(shared::fronts(serving, shared::selector));
    lowering.check_names(cx);
    objects
}

struct Lowering<'a> {
    serving: &'a Serving,
    options: Options,
    platform: Platform,
}

impl Lowering<'_> {
    /// Names options that nothing of the spec needs.
    fn unused(&self, cx: &mut Context<'_>) {
        if let Some(system) = &self.options.queue_system {
            let said = Diagnostic::new(&NO_EFFECT, "the spec names no queue").outcome(Outcome::Dropped);
            cx.ledger.waive(&system.ids, said);
        }
    }

    fn role(&self, role: &Role, slice: Option<u32>, cx: &mut Context<'_>) -> Vec<Node> {
        // Taken apart in full, so that a new field is a decision here.
        let Role {
            name: _,
            phase: _,
            implicit: _,
            replicas: _,
            members: _,
            engine: _,
            depends_on: _,
            startup,
            gang,
            topology,
            queue,
            priority: _,
            scheduler: _,
            rollout,
            restart,
            scaling: _,
            disruption: _,
            claims,
            claimed: _,
            discovers: _,
            options,
        } = role;
        let options: RoleOptions = cx.options(options);
        let name = names::object(self.serving, role, slice);
        let templates = self.templates(role, slice, cx);
        let (leader, worker) = shared::leader_and_worker(templates);
        let mut annotations = self.serving.annotations.clone();
        let mut labels: Vec<(&str, Node)> = shared::slice_label(slice).into_iter().collect();
        self.queue(queue.as_ref(), gang.is_some(), &mut annotations, &mut labels);
        if let Some(topology) = topology.as_ref().filter(|t| shared::exclusive_replica(t)) {
            let ids = topology
                .scope
                .ids
                .union(&topology.mode.ids)
                .union(&topology.exclusive.ids);
            annotations.insert(
                "leaderworkerset.sigs.k8s.io/exclusive-topology",
                topology.key.clone().and(&ids),
            );
        }
        self.check_gang(gang.as_ref(), cx);
        let mut vars = Vars::new();
        vars.set(
            "metadata",
            shared::metadata(self.serving, &name, &labels, &annotations),
        );
        let replicas = shared::replicas(self.serving, role);
        vars.set("replicas", replicas.node());
        vars.set("size", role.size().node());
        let restart = restart.policy.map(|p| Str::from(restart_policy(*p))).node();
        vars.set(
            "restartPolicy",
            match &options.restart_policy {
                Some(own) => Node::derived(own.node(), &restart.ids),
                None => restart,
            },
        );
        vars.set(
            "startupPolicy",
            startup
                .as_ref()
                .map(|s| s.map(|s| Str::from(startup_policy(*s))).node()),
        );
        vars.set("networkConfig", self.network(&options));
        self.rollout(rollout.as_ref(), &replicas, &mut vars);
        self.storage(options, role, claims, &mut vars, cx);
        vars.set("leaderTemplate", leader);
        vars.set("workerTemplate", worker);
        let mut objects: Vec<Node> = shared::fill(cx, "lws/leaderworkerset.yaml", vars)
            .into_iter()
            .collect();
        let target = ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet", name.node());
        objects.extend(shared::policies(self.serving, role, slice, target));
        objects
    }

    /// The pod templates of the members, references answered.
    fn templates(&self, role: &Role, slice: Option<u32>, cx: &mut Context<'_>) -> Vec<Node> {
        let answers = LwsAnswers { slice };
        let template = |member: &Member, cx: &mut Context<'_>| {
            let mut template = member.template.clone();
            shared::label_slice(&mut template, slice);
            shared::use_pod_reader(self.serving, role, &mut template);
            shared::wait_for_dependencies(self.serving, role, &mut template);
            if let Some(topology) = role.topology.as_ref().filter(|t| !shared::exclusive_replica(t)) {
                let keys = ["leaderworkerset.sigs.k8s.io/group-key"];
                shared::affinity(self.serving, role, topology, slice, &keys, &mut template);
            }
            if role.gang.is_some() {
                shared::default_scheduler(role, "volcano", &mut template);
            }
            resolve(
                &mut template,
                &Asker {
                    serving: self.serving,
                    role,
                    member: Some(member),
                },
                &answers,
                cx.ledger,
            );
            template
        };
        role.members.iter().map(|m| template(m, cx)).collect()
    }

    fn queue(
        &self,
        queue: Option<&Traced<Str>>,
        gang: bool,
        annotations: &mut Map,
        labels: &mut Vec<(&'static str, Node)>,
    ) {
        let Some(queue) = queue else { return };
        let default = Traced::default_of(if gang {
            QueueSystem::Volcano
        } else {
            QueueSystem::Kueue
        });
        let system = self.options.queue_system.clone().unwrap_or(default);
        let value = queue.clone().and(&system.ids);
        match system.value {
            QueueSystem::Volcano => drop(annotations.insert("scheduling.volcano.sh/queue-name", value)),
            QueueSystem::Kueue => labels.push(("kueue.x-k8s.io/queue-name", value.node())),
        }
    }

    fn network(&self, options: &RoleOptions) -> Option<Node> {
        let policy: Option<&Traced<SubdomainPolicy>> = options
            .subdomain_policy
            .as_ref()
            .or(self.options.subdomain_policy.as_ref());
        policy.map(|p| Map::from_iter([("subdomainPolicy", p.node())]).into())
    }

    /// Both bounds are always written: defaults differ between this object and a DisaggregatedSet role.
    fn rollout(&self, rollout: Option<&Rollout>, replicas: &Traced<u32>, vars: &mut Vars) {
        let default = Rollout::default();
        let Rollout {
            max_unavailable,
            max_surge,
            partition,
            paused,
            in_place: _,
        } = rollout.unwrap_or(&default);
        let node =
            |v: &Option<Traced<_>>, default: u32| v.as_ref().map_or_else(|| default.into(), Traced::node);
        vars.set("maxUnavailable", node(max_unavailable, 1));
        vars.set("maxSurge", node(max_surge, 0));
        let held = paused
            .as_ref()
            .filter(|p| p.value)
            .map(|p| p.zip(replicas, |_, replicas| *replicas).node());
        vars.set("partition", held.or(partition.as_ref().map(Traced::node)));
    }

    fn storage(
        &self,
        options: RoleOptions,
        role: &Role,
        claims: &[Node],
        vars: &mut Vars,
        cx: &mut Context<'_>,
    ) {
        let RoleOptions {
            ids: _,
            name: _,
            restart_policy: _,
            subdomain_policy: _,
            sub_group_size,
            retention,
        } = options;
        let size = role.size();
        if let Some(sub) = &sub_group_size {
            let (n, s) = (size.value, sub.value.0);
            if s > n || (n % s != 0 && (n - 1) % s != 0) {
                let message = format!("subgroups of {s} do not divide a group of {n}");
                cx.ledger
                    .report(Diagnostic::new(&SUB_GROUP, message).at_ids(&sub.ids));
            }
        }
        let policy =
            sub_group_size.map(|s| Node::from(Map::from_iter([("subGroupSize", s.number().node())])));
        vars.set("subGroupPolicy", policy);
        vars.set(
            "volumeClaimTemplates",
            Some(claims.to_vec()).filter(|v| !v.is_empty()).map(Node::from),
        );
        vars.set("persistentVolumeClaimRetentionPolicy", retention);
    }

    fn check_gang(&self, gang: Option<&Gang>, cx: &mut Context<'_>) {
        let Some(gang) = gang else { return };
        let provider = self.platform.gang_scheduling.as_ref().map(|p| p.value);
        if provider != Some(GangProvider::Volcano) {
            let said = Diagnostic::new(
                &GANG_PROVIDER,
                "groups are gangs only if the controller's configuration says so",
            );
            cx.ledger.report(
                said.at_ids(&gang.ids.union(&gang.scope.ids))
                    .outcome(Outcome::Emulated)
                    .remedy(
                        "if it does, say so in a Platform document: `spec: {lws: {gangScheduling: volcano}}`",
                    ),
            );
        }
    }

    fn check_names(&self, cx: &mut Context<'_>) {
        let mut names: Vec<(Traced<Str>, &Role)> = Vec::new();
        for slice in shared::slices(self.serving) {
            for role in &self.serving.roles {
                let name = names::object(self.serving, role, slice);
                let groups = role.replicas.value.saturating_sub(1).to_string().len();
                let longest = name.value.len() + if role.multi_node() { 1 + groups } else { 0 };
                if longest > STATEFUL_SET_NAME {
                    let over = longest - STATEFUL_SET_NAME;
                    let message = format!(
                        "`{}` is too long for a LeaderWorkerSet by {over} characters",
                        name.value
                    );
                    let said = Diagnostic::new(&NAME_TOO_LONG, message)
                        .at(role.name.ids.iter().last())
                        .at_ids(&name.ids);
                    cx.ledger
                        .report(said.remedy("shorten the name of the serving or of the role"));
                }
                names.push((name, role));
            }
        }
        for (name, role) in names.iter().filter(|(_, role)| role.multi_node()) {
            let digits = |rest: &str| rest.parse::<u32>().is_ok_and(|n| n < role.replicas.value);
            let clash = names.iter().find(|(other, _)| {
                other
                    .value
                    .strip_prefix(name.value.as_str())
                    .and_then(|r| r.strip_prefix('-'))
                    .is_some_and(digits)
            });
            if let Some((other, at)) = clash {
                let message = format!("`{}` and `{}` need the same StatefulSet", name.value, other.value);
                cx.ledger
                    .report(Diagnostic::new(&NAME_CLASH, message).at(at.name.ids.iter().last()));
            }
        }
    }
}

const fn restart_policy(policy: RestartPolicy) -> &'static str {
    match policy {
        RestartPolicy::Pod => "None",
        RestartPolicy::Replica | RestartPolicy::Slice => "RecreateGroupOnPodRestart",
    }
}

const fn startup_policy(order: StartupOrder) -> &'static str {
    match order {
        StartupOrder::Parallel | StartupOrder::WorkersFirst => "LeaderCreated",
        StartupOrder::LeaderFirst => "LeaderReady",
    }
}
