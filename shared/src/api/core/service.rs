//! Service: one stable address and name for a changing set of pods.

use crate::api::validation::Faults;
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
    /// Whether a client keeps its pod (`ClientIP`).
    pub client_ip_affinity: bool,
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
            subresources: &[Subresource::Status],
            categories: &["all"],
            has_generation: false,
        }
    }

    fn view(&self, body: &Doc, _: Option<&Object>) -> View {
        let spec = &body["spec"];
        let number = |doc: &Doc| doc.as_i64().and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
        View::Service(Service {
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
            client_ip_affinity: spec["sessionAffinity"].as_str() == Some("ClientIP"),
        })
    }

    fn default(&self, doc: &mut Doc) {
        let spec = doc.at_mut(&["spec"]);
        spec.default_to("type", "ClusterIP");
        spec.default_to("sessionAffinity", "None");
        if spec["type"].as_str() != Some("ExternalName") {
            spec.default_to("internalTrafficPolicy", "Cluster");
            spec.default_to("ipFamilies", Doc::list(["IPv4"]));
            spec.default_to("ipFamilyPolicy", "SingleStack");
        }
        if matches!(spec["type"].as_str(), Some("NodePort" | "LoadBalancer")) {
            spec.default_to("externalTrafficPolicy", "Cluster");
        }
        if spec["type"].as_str() == Some("LoadBalancer") {
            spec.default_to("allocateLoadBalancerNodePorts", true);
        }
        if !spec["ports"].items().is_empty() {
            for port in spec.at_mut(&["ports"]).items_mut() {
                port.default_to("protocol", "TCP");
                let same = port["port"].clone();
                port.default_to("targetPort", same);
            }
        }
    }

    fn prepare_create(&self, doc: &mut Doc) {
        doc.set("status", crate::doc!({ "loadBalancer": {} }));
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        let spec = &doc["spec"];
        let kinds = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
        if !spec["type"].as_str().is_some_and(|kind| kinds.contains(&kind)) {
            faults.not_supported("spec.type", &spec["type"], &kinds);
        }
        let headless = spec["clusterIP"].as_str() == Some("None");
        if spec["type"].as_str() == Some("ExternalName") {
            if spec["externalName"].is_empty() {
                faults.required("spec.externalName", "");
            }
        } else if spec["ports"].items().is_empty() && !headless {
            faults.required("spec.ports", "");
        }
        let ports = spec["ports"].items();
        for (at, port) in ports.iter().enumerate() {
            match port["port"].as_i64() {
                Some(1..=65_535) => {}
                _ => faults.invalid(
                    format!("spec.ports[{at}].port"),
                    &if port["port"].is_null() { Doc::Int(0) } else { port["port"].clone() },
                    "must be between 1 and 65535, inclusive",
                ),
            }
            if port["name"].is_empty() && ports.len() > 1 {
                faults.required(format!("spec.ports[{at}].name"), "");
            }
        }
    }

    fn validate_update(&self, new: &Doc, old: &Doc, faults: &mut Faults) {
        let (new, old) = (&new["spec"]["clusterIP"], &old["spec"]["clusterIP"]);
        if !old.is_empty() && new != old {
            faults.invalid("spec.clusterIPs[0]", &Doc::list([new.clone()]), "may not change once set");
        }
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
        let external = match service.kind.as_str() {
            "ExternalName" => object.body["spec"]["externalName"].str().to_string(),
            "LoadBalancer" if service.load_balancer_ip.is_empty() => "<pending>".into(),
            "LoadBalancer" => service.load_balancer_ip.to_string(),
            _ => "<none>".into(),
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
