//! What the operator adds to a container for its engine (`internal/dynamo/backend_*.go`).

use super::super::read::codes::APPENDED_TWICE;
use super::super::read::text;
use super::command::{self, Backend};
use super::pod::{Deployer, Maker, Result, Role};
use super::{dra, trtllm, vllm};
use crate::kubernetes::container::list;
use crate::pods::Problem;
use crate::value::{Map, Node};

/// A container that is to be launched.
#[derive(Debug)]
pub struct Launch<'a> {
    /// The component.
    pub maker: &'a Maker<'a>,
    /// Which pod.
    pub role: Role,
    /// The nodes of a replica.
    pub nodes: u32,
    /// Who makes the pods.
    pub deployer: Deployer,
    /// The annotations of the template.
    pub annotations: &'a Map,
}

impl Launch<'_> {
    /// The address of rank 0.
    pub fn leader(&self) -> String {
        let name = self.maker.component.lower();
        match self.deployer {
            Deployer::Lws => "$(LWS_LEADER_ADDRESS)".to_owned(),
            Deployer::Grove => format!("{PREFIX}{name}-ldr-0.$(GROVE_HEADLESS_SERVICE)"),
            Deployer::GroveRank(_) => {
                format!("{PREFIX}{name}-ldr-$(GROVE_PCLQ_POD_INDEX).$(GROVE_HEADLESS_SERVICE)")
            }
        }
    }

    /// The rank of a worker, and whether a shell must compute it.
    pub fn rank(&self) -> (String, bool) {
        match self.deployer {
            Deployer::Lws => ("$(LWS_WORKER_INDEX)".to_owned(), false),
            Deployer::Grove => ("$((GROVE_PCLQ_POD_INDEX + 1))".to_owned(), true),
            Deployer::GroveRank(rank) => (rank.to_string(), false),
        }
    }

    /// The addresses of all nodes.
    pub fn hosts(&self) -> Vec<String> {
        let name = self.maker.component.lower();
        let worker = |rank: u32| match self.deployer {
            Deployer::Lws => {
                format!("$(echo \"$LWS_LEADER_ADDRESS\" | sed 's/\\./-{rank}\\./')")
            }
            Deployer::Grove => {
                format!("{PREFIX}{name}-wkr-{}.$(GROVE_HEADLESS_SERVICE)", rank - 1)
            }
            Deployer::GroveRank(_) => {
                format!("{PREFIX}{name}-wkr-{rank}-$(GROVE_PCLQ_POD_INDEX).$(GROVE_HEADLESS_SERVICE)")
            }
        };
        std::iter::once(self.leader())
            .chain((1..self.nodes).map(worker))
            .collect()
    }

    /// The GPUs of a pod.
    pub fn gpus(&self) -> Result<i64> {
        dra::gpus(self.maker)
    }
}

/// The variables that are appended on several nodes.
const APPENDED: [&str; 2] = ["VLLM_NIXL_SIDE_CHANNEL_HOST", "OMPI_MCA_orte_keep_fqdn_hostnames"];

const PREFIX: &str = "$(GROVE_PCSG_NAME)-$(GROVE_PCSG_INDEX)-";

/// Takes the probes from a container.
pub fn without_probes(container: &mut Node) {
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        container.map_mut().remove(probe);
    }
}

/// Rewrites the main container.
pub fn container(launch: &Launch<'_>, main: &mut Node) -> Result<()> {
    match launch.maker.backend {
        Backend::Vllm => vllm::container(launch, main),
        Backend::Sglang => {
            sglang(launch, main);
            Ok(())
        }
        Backend::Trtllm => trtllm::container(launch, main),
        Backend::Noop => Ok(()),
    }?;
    once(launch, main)
}

/// What is appended without a look must not be there before: containers with doubled variables are refused.
fn once(launch: &Launch<'_>, main: &Node) -> Result<()> {
    for name in APPENDED {
        let mut entries = list(main, "env").iter().filter(|e| text(e, &["name"]) == name);
        if let (Some(own), Some(_)) = (entries.next(), entries.next()) {
            let component = &launch.maker.component.name.value;
            let reason = format!(
                "component `{component}`: the operator appends `{name}` as well, and what it makes with both is refused"
            );
            return Err(Problem::new(&APPENDED_TWICE, reason, &own.ids));
        }
    }
    Ok(())
}

/// Adds what a pod needs beside its main container.
pub fn pod_spec(launch: &Launch<'_>, spec: &mut Node) {
    match launch.maker.backend {
        Backend::Vllm => vllm::pod_spec(launch, spec),
        Backend::Trtllm => trtllm::pod_spec(launch, spec),
        Backend::Sglang | Backend::Noop => {}
    }
}

fn sglang(launch: &Launch<'_>, main: &mut Node) {
    if launch.nodes <= 1 {
        return;
    }
    if launch.role == Role::Worker {
        without_probes(main);
    }
    let (rank, shell) = match launch.role {
        Role::Leader => ("0".to_owned(), false),
        _ => launch.rank(),
    };
    let flags = format!(
        "--dist-init-addr {}:29500 --nnodes {} --node-rank {rank}",
        launch.leader(),
        launch.nodes
    );
    command::inject(main, &flags, shell, Backend::Sglang);
}
