//! What components of one instance know of each other: order, addresses, ports (pkg/component-discovery,
//! pkg/port-allocator).

use super::super::codes::PORT_ALLOCATOR;
use super::super::verdicts::{COMPONENTS, keys};
use super::instance::{Instances, Naming, Part};
use crate::kubernetes::container::name_of;
use crate::pods::{Problem, variable};
use crate::value::{Ids, Map, Node, Str, Value};
use serde_json::Value as Json;

/// A port that is drawn at random has five digits.
const RANDOM_PORT: &str = "<random:5>";

/// Variables that are different in each instance.
#[derive(Clone, Debug, Default)]
pub struct Wiring {
    /// Annotations of the pods.
    pub annotations: Map,
    variables: Vec<(Str, Content)>,
}

#[derive(Clone, Debug)]
enum Content {
    Port,
    /// Component, number, Service.
    Address(Str, i64, Str),
}

impl Wiring {
    /// Puts the variables into all containers, init containers too: in the place of one of the same name, else at the end.
    pub fn inject(&self, spec: &mut Node, instance: &str, namespace: &str) {
        for (name, content) in &self.variables {
            let value = match content {
                Content::Port => RANDOM_PORT.to_owned(),
                Content::Address(component, index, service) => {
                    format!("{instance}-{component}-{index}.{service}.{namespace}.svc.cluster.local")
                }
            };
            for key in ["containers", "initContainers"] {
                let Some(Value::Seq(list)) = spec.map_mut().get_mut(key).map(|n| &mut n.value) else {
                    continue;
                };
                for container in list {
                    let env = container.at_mut(&["env"]).seq_mut();
                    let entry = variable(name, value.as_str());
                    match env.iter_mut().find(|e| name_of(e) == Some(name.as_str())) {
                        Some(old) => *old = entry,
                        None => env.push(entry),
                    }
                }
            }
        }
    }
}

/// What is wired into the pods of a component, or why they cannot be made.
pub fn wiring(instances: &Instances<'_>, part: &Part) -> Result<Wiring, Problem> {
    let mut wiring = Wiring::default();
    if let Some((text, ids)) = annotation(part, keys::PORTS) {
        let config = Allocations::parse(text).map_err(|e| problem(part, &e, ids))?;
        config.wire(instances, part, &mut wiring, ids)?;
    }
    let Some((text, ids)) = annotation(part, keys::DISCOVERY) else {
        return Ok(wiring);
    };
    let config: Json = serde_json::from_str(text)
        .map_err(|e| problem(part, &format!("component-discovery is no JSON: {e}"), ids))?;
    for reference in list(&config, "addressRefs") {
        let component = string(reference, "component");
        let Some(target) = instances.parts.iter().find(|p| p.name == component) else {
            return Err(problem(
                part,
                &format!("component-discovery refers to the unknown component `{component}`"),
                ids,
            ));
        };
        let content = Content::Address(component.into(), number(reference), target.service.clone());
        wiring.variables.push((string(reference, "env").into(), content));
    }
    for reference in list(&config, "portRefs") {
        if !has_port(instances, reference) {
            let reason = format!(
                "role pods of component `{}` are never made: no port `{}` of component `{}` is allocated",
                part.name,
                string(reference, "portName"),
                string(reference, "component")
            );
            return Err(Problem::new(&PORT_ALLOCATOR, reason, ids));
        }
        wiring
            .variables
            .push((string(reference, "env").into(), Content::Port));
    }
    Ok(wiring)
}

fn problem(part: &Part, what: &str, ids: &Ids) -> Problem {
    Problem::new(
        &COMPONENTS,
        format!("the pods of component `{}` are never made: {what}", part.name),
        ids,
    )
}

/// An annotation of the template.
fn annotation<'a>(part: &'a Part, key: &str) -> Option<(&'a str, &'a Ids)> {
    let node = part.template.at(&["metadata", "annotations", key])?;
    Some((node.as_str()?, &node.ids)).filter(|(text, _)| !text.is_empty() || key == keys::DISCOVERY)
}

fn list<'a>(node: &'a Json, key: &str) -> &'a [Json] {
    node.get(key)
        .and_then(Json::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

fn string<'a>(node: &'a Json, key: &str) -> &'a str {
    node.get(key).and_then(Json::as_str).unwrap_or_default()
}

fn number(node: &Json) -> i64 {
    node.get("index").and_then(Json::as_i64).unwrap_or(0)
}

struct Allocation {
    name: String,
    env: Str,
    annotation: Str,
    by_pod: bool,
}

struct Allocations {
    allocations: Vec<Allocation>,
    /// Variable, component, port.
    references: Vec<(Str, String, String)>,
}

impl Allocations {
    fn parse(text: &str) -> Result<Self, String> {
        let config: Json =
            serde_json::from_str(text).map_err(|e| format!("port-allocator is no JSON: {e}"))?;
        let mut out = Self {
            allocations: Vec::new(),
            references: Vec::new(),
        };
        for entry in list(&config, "allocations") {
            let scope = string(entry, "scope");
            if string(entry, "name").is_empty() || string(entry, "env").is_empty() {
                return Err("each of port-allocator's allocations needs `name` and `env`".to_owned());
            }
            if !["", "PodScoped", "RoleScoped"].contains(&scope) {
                return Err(format!(
                    "port-allocator: the scope `{scope}` is neither PodScoped nor RoleScoped"
                ));
            }
            out.allocations.push(Allocation {
                name: string(entry, "name").to_owned(),
                env: string(entry, "env").into(),
                annotation: string(entry, "annotationKey").into(),
                by_pod: scope != "RoleScoped",
            });
        }
        for entry in list(&config, "references") {
            let parts: Vec<&str> = string(entry, "from").split('.').collect();
            let [_, component, port] = parts[..] else {
                return Err("a reference of port-allocator is `role.component.port`".to_owned());
            };
            out.references
                .push((string(entry, "env").into(), component.to_owned(), port.to_owned()));
        }
        Ok(out)
    }

    fn wire(
        &self,
        instances: &Instances<'_>,
        part: &Part,
        wiring: &mut Wiring,
        ids: &Ids,
    ) -> Result<(), Problem> {
        if !has_annotations(instances) {
            // Without annotations on the instance the allocator is left out.
            return Ok(());
        }
        for allocation in &self.allocations {
            let there = instances.ports && (allocation.by_pod || instances.role_ports);
            if !there {
                let reason = format!(
                    "the pods of component `{}` are never made: port not found for allocation {}",
                    part.name, allocation.name
                );
                return Err(Problem::new(&PORT_ALLOCATOR, reason, ids));
            }
            wiring.variables.push((allocation.env.clone(), Content::Port));
            if !allocation.annotation.is_empty() {
                wiring
                    .annotations
                    .insert(allocation.annotation.clone(), RANDOM_PORT);
            }
        }
        for (env, component, port) in &self.references {
            let by_pod = |a: &Allocation| a.by_pod && a.name == *port;
            let found = allocations(instances, component).is_some_and(|c| c.allocations.iter().any(by_pod));
            if !instances.ports || !found {
                let reason = format!(
                    "the pods of component `{}` are never made: referenced port not found: {component}.{port}",
                    part.name
                );
                return Err(Problem::new(&PORT_ALLOCATOR, reason, ids));
            }
            wiring.variables.push((env.clone(), Content::Port));
        }
        Ok(())
    }
}

fn allocations(instances: &Instances<'_>, component: &str) -> Option<Allocations> {
    // The pod of a standalone role is called like the instance, whatever the component's name.
    let part = match instances.naming {
        Naming::Single => instances.parts.first(),
        _ => instances.parts.iter().find(|p| p.name == component),
    }?;
    Allocations::parse(annotation(part, keys::PORTS)?.0).ok()
}

/// Whether instances have any annotation: handed on, or ports.
fn has_annotations(instances: &Instances<'_>) -> bool {
    let allocated = || {
        let parts = instances.parts.iter();
        let mut ports = parts.filter_map(|p| Allocations::parse(annotation(p, keys::PORTS)?.0).ok());
        ports.any(|c| c.allocations.iter().any(|a| a.by_pod || instances.role_ports))
    };
    !instances.annotations.is_empty() || instances.ports && allocated()
}

fn has_port(instances: &Instances<'_>, reference: &Json) -> bool {
    let Some(part) = instances
        .parts
        .iter()
        .find(|p| p.name == string(reference, "component"))
    else {
        return false;
    };
    let name = string(reference, "portName");
    let in_size = number(reference) < part.size.unwrap_or(0) && instances.naming == Naming::Components;
    let found = annotation(part, keys::PORTS).and_then(|(text, _)| Allocations::parse(text).ok());
    instances.ports
        && found.is_some_and(|c| {
            c.allocations
                .iter()
                .any(|a| a.name == name && if a.by_pod { in_size } else { instances.role_ports })
        })
}

/// Which components get their pods, and why the others do not.
pub fn started(instances: &Instances<'_>) -> (Vec<bool>, Vec<Problem>) {
    let parts = &instances.parts;
    let none = |problem| (vec![false; parts.len()], vec![problem]);
    for (n, part) in parts.iter().enumerate() {
        if part.size.is_none() {
            let reason = format!("component `{}` has no size", part.name);
            return none(Problem::new(&COMPONENTS, reason, &part.ids));
        }
        if parts[..n].iter().any(|p| p.name == part.name) {
            let reason = format!("two components are called `{}`", part.name);
            return none(Problem::new(&COMPONENTS, reason, &part.ids));
        }
    }
    let mut after = Vec::with_capacity(parts.len());
    let mut delete = Vec::with_capacity(parts.len());
    for part in parts {
        match dependencies(part) {
            Ok((start, deleted)) => {
                after.push(start);
                delete.push(deleted);
            }
            Err(problem) => return none(problem),
        }
    }
    // The order of deletion is that of the start reversed, and what else is asked for.
    let mut gates = delete;
    for (n, start) in after.iter().enumerate() {
        for name in start {
            if let Some(at) = parts.iter().position(|p| p.name == *name) {
                gates[at].push(parts[n].name.to_string());
            }
        }
    }
    if cyclic(parts, &after) || cyclic(parts, &gates) {
        after.iter_mut().for_each(Vec::clear);
    }
    waves(instances, &after)
}

/// Components are made when those they wait for are ready. What cannot be wired stops everything that is made with it.
fn waves(instances: &Instances<'_>, after: &[Vec<String>]) -> (Vec<bool>, Vec<Problem>) {
    let parts = &instances.parts;
    let (mut made, mut problems) = (vec![false; parts.len()], Vec::new());
    let wanted = |part: &Part| part.size.unwrap_or(0) > 0;
    loop {
        let is_made = |name: &String| {
            let at = parts.iter().position(|p| p.name == *name);
            at.is_some_and(|at| made[at] && wanted(&parts[at]))
        };
        let wave: Vec<usize> = (0..parts.len())
            .filter(|n| !made[*n] && wanted(&parts[*n]) && after[*n].iter().all(is_made))
            .collect();
        if wave.is_empty() {
            break;
        }
        let failed: Vec<Problem> = wave
            .iter()
            .filter_map(|n| wiring(instances, &parts[*n]).err())
            .collect();
        if !failed.is_empty() {
            problems = failed;
            break;
        }
        wave.iter().for_each(|n| made[*n] = true);
    }
    if problems.is_empty() {
        for (n, part) in parts.iter().enumerate().filter(|(n, p)| !made[*n] && wanted(p)) {
            let reason = format!(
                "component `{}` waits for ever for {}: each must be a component of the role with pods",
                part.name,
                after[n].join(", ")
            );
            problems.push(Problem::new(&COMPONENTS, reason, &part.ids));
        }
    }
    for (n, part) in parts.iter().enumerate() {
        made[n] |= !wanted(part);
    }
    (made, problems)
}

/// `startAfter` and `deleteAfter` of a component.
fn dependencies(part: &Part) -> Result<(Vec<String>, Vec<String>), Problem> {
    let own = part.annotations.get(keys::DEPENDS_ON);
    let node = own.or_else(|| part.template.at(&["metadata", "annotations", keys::DEPENDS_ON]));
    let Some(text) = node.and_then(Node::as_str).filter(|t| !t.is_empty()) else {
        return Ok((Vec::new(), Vec::new()));
    };
    let ids = node.map(|n| n.ids.clone()).unwrap_or_default();
    let config: Json = serde_json::from_str(text)
        .map_err(|e| problem(part, &format!("component-depends-on is no JSON: {e}"), &ids))?;
    let names = |key: &str| {
        let all = list(&config, key).iter().filter_map(Json::as_str);
        all.map(str::to_owned).collect::<Vec<_>>()
    };
    Ok((names("startAfter"), names("deleteAfter")))
}

/// Whether what components wait for leads back to them.
fn cyclic(parts: &[Part], edges: &[Vec<String>]) -> bool {
    let mut open: Vec<usize> = vec![0; parts.len()];
    let targets: Vec<Vec<usize>> = edges
        .iter()
        .map(|names| {
            let at = |n: &String| parts.iter().position(|p| p.name == *n);
            names.iter().filter_map(at).collect()
        })
        .collect();
    targets.iter().flatten().for_each(|t| open[*t] += 1);
    let mut free: Vec<usize> = (0..parts.len()).filter(|n| open[*n] == 0).collect();
    let mut seen = 0;
    while let Some(n) = free.pop() {
        seen += 1;
        for target in &targets[n] {
            open[*target] -= 1;
            if open[*target] == 0 {
                free.push(*target);
            }
        }
    }
    seen < parts.len()
}
