//! Engines that the compiler does not know: their command lines as written.

use super::process::port;
use super::request::{Health, Plan, Process, Request};
use crate::value::Node;

/// The command and the arguments as they are; nothing is known about health.
pub(super) fn plan(request: &Request<'_>) -> Plan {
    let process = || Process {
        command: request.command.to_vec().into(),
        args: request.args.to_vec().into(),
        env: Vec::<Node>::new(),
        ports: vec![port("http", request.port)],
        endpoints: 1,
        health: Health::default(),
    };
    let worker = (request.nodes.value > 1).then(process).map(|p| Process {
        ports: Vec::new(),
        endpoints: 0,
        ..p
    });
    let shared_memory = "8Gi";
    Plan {
        leader: process(),
        worker,
        shared_memory,
        bootstrap_port: None,
        secrets: Vec::new(),
    }
}
