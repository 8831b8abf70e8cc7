//! Service: one stable address and name for a changing set of pods.

mod validation;

use crate::api::validation::names::{self, Rule};
use crate::api::validation::{At, Faults};
use crate::api::{Column, Info, LabelSelector, Object, Resource, Row, Subresource, View, age};
use crate::doc::{Doc, Str, Timestamp};

/// What the simulation reads of a Service.
#[derive(Clone, Debug)]
pub struct Service {
    /// `ClusterIP`, `NodePort`, `LoadBalancer` or `ExternalName`.
    pub kind: Str,
    /// `spec.clusterIP`; `None` for headless, empty for ExternalName.
    pub cluster_ip: Str,
    /// Which pods; `None` when endpoints are kept by hand.
    pub selector: Option<LabelSelector>,
    /// Ports.
    pub ports: Vec<ServicePort>,
    /// Address given by the load balancer; empty before.
    pub load_balancer_ip: Str,
    /// How many seconds a client keeps its pod (`ClientIP`); 0 when it does not.
    pub affinity_seconds: u32,
    /// `spec.externalIPs`
    pub external_ips: Vec<Str>,
    /// `spec.loadBalancerSourceRanges`: who may use the load balancer; empty for everybody.
    pub source_ranges: Vec<Str>,
    /// Whether connections from outside stay on the node where they arrive (`externalTrafficPolicy`).
    pub external_local: bool,
    /// Whether connections from inside stay on their node (`internalTrafficPolicy`).
    pub internal_local: bool,
    /// Where a node tells whether it has endpoints; 0 for nowhere.
    pub health_port: u32,
}

/// A port of a Service.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ServicePort {
    /// Name; may be empty.
    pub name: Str,
    /// Number.
    pub port: u32,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: Str,
    /// Number or name of the container port.
    pub target: Doc,
    /// Port on every node; 0 for none.
    pub node_port: u32,
}

/// How packets come from a load balancer, where it does not say.
pub fn default_status(service: &mut Doc) {
    if service["spec"]["type"].as_str() != Some("LoadBalancer") {
        return;
    }
    if !service["status"]["loadBalancer"]["ingress"].items().is_empty() {
        let points = service.at_mut(&["status", "loadBalancer", "ingress"]).items_mut();
        for point in points.iter_mut().filter(|point| !point["ip"].is_empty()) {
            point.default_to("ipMode", "VIP");
        }
    }
}

/// The addresses and names in `status.loadBalancer`.
pub fn balancer_text(status: &Doc) -> String {
    let points = status.at(&["loadBalancer", "ingress"]).items().iter();
    let shown =
        points.map(|point| if point["ip"].is_empty() { point["hostname"].str() } else { point["ip"].str() });
    shown.collect::<Vec<Str>>().join(",")
}

/// Whether nodes open a port for it.
pub fn needs_node_port(spec: &Doc) -> bool {
    matches!(spec["type"].as_str(), Some("NodePort" | "LoadBalancer"))
}

/// The kind's registration.
#[derive(Debug)]
pub struct Services;

impl Resource for Services {
    fn info(&self) -> &'static Info {
        &Info {
            group: "",
            version: "v1",
            kind: "Service",
            plural: "services",
            singular: "service",
            short_names: &["svc"],
            namespaced: true,
            subresources: &[Subresource::Status, Subresource::Proxy],
            categories: &["all"],
            has_generation: false,
        }
    }

    fn view(&self, body: &Doc, _: Option<&Object>) -> View {
        let spec = &body["spec"];
        let number = |doc: &Doc| doc.as_i64().and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
        View::Service(Box::new(Service {
            kind: spec["type"].str(),
            cluster_ip: spec["clusterIP"].str(),
            selector: (!spec["selector"].is_empty()).then(|| LabelSelector::from_map(&spec["selector"])),
            ports: spec["ports"]
                .items()
                .iter()
                .map(|port| ServicePort {
                    name: port["name"].str(),
                    port: number(&port["port"]),
                    protocol: port["protocol"].str(),
                    target: port["targetPort"].clone(),
                    node_port: number(&port["nodePort"]),
                })
                .collect(),
            load_balancer_ip: body.at(&["status", "loadBalancer", "ingress"])[0]["ip"].str(),
            affinity_seconds: match spec["sessionAffinity"].as_str() {
                Some("ClientIP") => number(spec.at(&["sessionAffinityConfig", "clientIP", "timeoutSeconds"])),
                _ => 0,
            },
            external_ips: spec["externalIPs"].items().iter().map(Doc::str).collect(),
            source_ranges: spec["loadBalancerSourceRanges"].items().iter().map(Doc::str).collect(),
            external_local: spec["externalTrafficPolicy"].as_str() == Some("Local"),
            internal_local: spec["internalTrafficPolicy"].as_str() == Some("Local"),
            health_port: number(&spec["healthCheckNodePort"]),
        }))
    }

    fn name(&self) -> Rule {
        names::dns_label
    }

    fn default(&self, doc: &mut Doc) {
        let spec = doc.at_mut(&["spec"]);
        spec.default_to("type", "ClusterIP");
        spec.default_to("sessionAffinity", "None");
        if spec["sessionAffinity"].as_str() == Some("ClientIP") {
            spec.at_mut(&["sessionAffinityConfig", "clientIP"]).default_to("timeoutSeconds", 10_800i64);
        }
        if spec["type"].as_str() != Some("ExternalName") {
            spec.default_to("internalTrafficPolicy", "Cluster");
            spec.default_to("ipFamilies", Doc::list(["IPv4"]));
            spec.default_to("ipFamilyPolicy", "SingleStack");
        }
        if needs_node_port(spec)
            || (spec["type"].as_str() == Some("ClusterIP") && !spec["externalIPs"].is_empty())
        {
            spec.default_to("externalTrafficPolicy", "Cluster");
        }
        if spec["type"].as_str() == Some("LoadBalancer") {
            spec.default_to("allocateLoadBalancerNodePorts", true);
        }
        if !spec["clusterIP"].is_empty() && spec["clusterIPs"].is_empty() {
            let ip = spec["clusterIP"].clone();
            spec.set("clusterIPs", Doc::list([ip]));
        }
        if !spec["ports"].items().is_empty() {
            for port in spec.at_mut(&["ports"]).items_mut() {
                port.default_to("protocol", "TCP");
                if port["targetPort"].is_empty() {
                    let same = port["port"].clone();
                    port.set("targetPort", same);
                }
            }
        }
    }

    fn prepare_create(&self, doc: &mut Doc) {
        doc.set("status", crate::doc!({ "loadBalancer": {} }));
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        validation::validate(&At::root(&doc["spec"], "spec"), faults);
    }

    fn validate_update(&self, new: &Doc, old: &Doc, faults: &mut Faults) {
        validation::validate_update(&At::root(&new["spec"], "spec"), &old["spec"], faults);
    }

    fn fields(&self) -> &'static [&'static str] {
        &["metadata.name", "metadata.namespace", "spec.clusterIP", "spec.type"]
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Name", wide: false },
            Column { name: "Type", wide: false },
            Column { name: "Cluster-IP", wide: false },
            Column { name: "External-IP", wide: false },
            Column { name: "Port(s)", wide: false },
            Column { name: "Age", wide: false },
            Column { name: "Selector", wide: true },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        let Some(service) = object.view::<Service>() else { return Row::new() };
        let mut shown = if service.kind == "LoadBalancer" {
            balancer_text(&object.body["status"])
        } else {
            String::new()
        };
        for ip in &service.external_ips {
            shown = if shown.is_empty() { ip.to_string() } else { format!("{shown},{ip}") };
        }
        let external = match service.kind.as_str() {
            "ExternalName" => object.body["spec"]["externalName"].str().to_string(),
            "LoadBalancer" if shown.is_empty() => "<pending>".into(),
            _ if shown.is_empty() => "<none>".into(),
            _ => shown,
        };
        let ports: Vec<String> = service
            .ports
            .iter()
            .map(|port| match port.node_port {
                0 => format!("{}/{}", port.port, port.protocol),
                node_port => format!("{}:{node_port}/{}", port.port, port.protocol),
            })
            .collect();
        let or_none = |text: String| if text.is_empty() { "<none>".to_owned() } else { text };
        let selector = object.body["spec"]["selector"].entries();
        let selector: Vec<String> =
            selector.iter().map(|(key, value)| format!("{key}={}", value.str())).collect();
        vec![
            object.key.name.to_string(),
            service.kind.to_string(),
            or_none(service.cluster_ip.to_string()),
            external,
            or_none(ports.join(",")),
            age(object.meta.creation, now),
            or_none(selector.join(",")),
        ]
    }
}
