//! How requests arrive.

use super::decode::{Count, Port, choice, object};
use super::scalar::ResourceRequirements;
use crate::value::{Str, Traced};

choice! {
    /// The type of a Service.
    pub enum ServiceType ("service type") {
        /// Inside the cluster.
        ClusterIp = "ClusterIP",
        /// On a port of each node.
        NodePort = "NodePort",
        /// Behind a load balancer of the cloud.
        LoadBalancer = "LoadBalancer",
    }
}

choice! {
    /// Which router stands before the engines.
    pub enum RouterType ("router") {
        /// The target's own way where it has one, else the engine's router.
        Auto = "auto",
        /// The engine's own router, as a role of its own.
        Engine = "engine",
        /// None, and no gateway of the target is told of the engines: the Service spreads requests over an aggregated role;
        /// what joins prefill and decode is outside the spec.
        None = "none",
    }
}

object! {
    /// How requests arrive.
    pub struct Routing ("routing") {
        /// The router between the Service and the engines.
        router: "router" => Router,
        /// The Service that clients use.
        service: "service" => Service,
        /// A Gateway that routes to the Service.
        gateway: "gateway" => Gateway,
    }
}

object! {
    /// The router between the Service and the engines. A spec with prefill and decode has one by default.
    pub struct Router ("router") {
        /// Which one. Default: `auto`.
        r#type: "type" => Traced<RouterType>,
        /// Its image. Default: the engine's own image if the router is in it, else the router's official one.
        image: "image" => Traced<Str>,
        /// How many. Default: 1.
        replicas: "replicas" => Traced<Count>,
        /// How it spreads requests, in the router's own words (`cache_aware`, `round_robin`, …).
        policy: "policy" => Traced<Str>,
        /// The port that it serves. Default: 8000.
        port: "port" => Traced<Port>,
        /// Further arguments.
        args: "args" => Vec<Traced<Str>>,
        /// Requests and limits of its container.
        resources: "resources" => ResourceRequirements,
    }
}

object! {
    /// The Service that clients use.
    pub struct Service ("service") {
        /// Its name. Default: the serving's name with `-serve`.
        name: "name" => Traced<Str>,
        /// Its type. Default: `ClusterIP`.
        r#type: "type" => Traced<ServiceType>,
        /// Its port. Default: 80.
        port: "port" => Traced<Port>,
    }
}

object! {
    /// A Gateway of the Gateway API that routes to the Service, by an HTTPRoute.
    pub struct Gateway ("gateway") {
        /// The Gateway.
        @required name: "name" => Traced<Str>,
        /// Its namespace. Default: the serving's.
        namespace: "namespace" => Traced<Str>,
        /// Host names that the route answers to. Default: all of the Gateway.
        hostnames: "hostnames" => Vec<Traced<Str>>,
    }
}
