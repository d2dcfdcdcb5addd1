//! What requests need to arrive: Services and routes.

use super::names::{metadata, sliced, sliced_name};
use crate::ir::answer::Answer;
use crate::ir::{Gateway, Role, Serving};
use crate::kubernetes::companion;
use crate::value::{Map, Node, Piece, Reference, Str, Value};

/// The Service for clients, and the route of a Gateway to it. `select` gives the labels of a role's serving pods.
pub fn fronts(serving: &Serving, select: impl Fn(&Serving, &Role) -> Map) -> Vec<Node> {
    let Some(role) = serving.front.role.as_ref().and_then(|r| serving.role(&r.value)) else {
        return Vec::new();
    };
    let Some(target) = &role.engine.port else {
        return Vec::new();
    };
    let front = &serving.front;
    let mut objects = vec![companion::service(companion::Service {
        metadata: metadata(serving, &front.service, &[], &Map::new()),
        selector: select(serving, role),
        ports: vec![companion::ServicePort {
            name: "http".into(),
            port: front.port.node(),
            target_port: target.node(),
        }],
        service_type: Some(front.service_type.node()),
        headless: false,
    })];
    objects.extend(front.gateway.as_ref().map(|gateway| http_route(serving, gateway)));
    objects
}

fn http_route(serving: &Serving, gateway: &Gateway) -> Node {
    let Gateway {
        name,
        namespace,
        hostnames,
    } = gateway;
    let mut parent = Map::new();
    parent.insert("name", name);
    parent.insert_some("namespace", namespace.clone());
    let mut backend = Map::new();
    backend.insert("name", &serving.front.service);
    backend.insert("port", serving.front.port.node());
    let rule: Map = Map::from_iter([("backendRefs", vec![Node::from(backend)])]);
    let mut spec = Map::new();
    spec.insert("parentRefs", vec![Node::from(parent)]);
    if !hostnames.is_empty() {
        spec.insert(
            "hostnames",
            hostnames.iter().map(Node::from).collect::<Vec<Node>>(),
        );
    }
    spec.insert("rules", vec![Node::from(rule)]);
    let mut route = Map::new();
    route.insert("apiVersion", "gateway.networking.k8s.io/v1");
    route.insert("kind", "HTTPRoute");
    route.insert(
        "metadata",
        metadata(serving, &serving.front.service, &[], &Map::new()),
    );
    route.insert("spec", spec);
    route.into()
}

/// The Services of the roles that others address by [`Reference::Service`], in one slice. Targets whose roles have such a
/// Service of their own need none of these.
pub fn role_services(
    serving: &Serving,
    slice: Option<u32>,
    select: impl Fn(&Serving, &Role) -> Map,
) -> Vec<Node> {
    services_of(serving, slice, &[], select)
}

/// The same, and the Services of the roles in `more`.
pub fn services_of(
    serving: &Serving,
    slice: Option<u32>,
    more: &[Str],
    select: impl Fn(&Serving, &Role) -> Map,
) -> Vec<Node> {
    let mut wanted = referenced_roles(serving);
    wanted.extend(more.iter().cloned());
    let service = |role: &Role| {
        let name = sliced_name(serving, role, slice).map(|n| service_name(n));
        let port = role.engine.port.as_ref()?;
        Some(companion::service(companion::Service {
            metadata: metadata(serving, name, &[], &Map::new()),
            selector: sliced(select(serving, role), slice),
            ports: vec![companion::ServicePort {
                name: "http".into(),
                port: port.node(),
                target_port: port.node(),
            }],
            service_type: None,
            headless: false,
        }))
    };
    serving
        .roles
        .iter()
        .filter(|r| wanted.contains(&r.name.value))
        .filter_map(service)
        .collect()
}

/// The answer to [`Reference::Service`]: the name of the Service made by [`role_services`].
pub fn role_service_address(serving: &Serving, role: &str, slice: Option<u32>) -> Answer {
    match serving.role(role) {
        Some(role) if role.engine.port.is_some() => {
            Answer::Literal(service_name(&sliced_name(serving, role, slice).value))
        }
        Some(_) => Answer::Unknown("the role has no port, so it has no Service".into()),
        None => Answer::Unknown("no such role".into()),
    }
}

/// The name of the Service of a role's object.
pub fn service_name(object: &str) -> Str {
    format!("{object}-http").into()
}

/// The roles that some template addresses by their Service.
pub fn referenced_roles(serving: &Serving) -> Vec<Str> {
    let mut roles = Vec::new();
    for template in serving.roles.iter().flat_map(|r| &r.members).map(|m| &m.template) {
        template.walk(&mut |n| {
            let Value::Text(text) = &n.value else { return };
            for piece in text {
                if let Piece::Reference(Reference::Service { role }) = piece
                    && !roles.contains(role)
                {
                    roles.push(role.clone());
                }
            }
        });
    }
    roles
}
