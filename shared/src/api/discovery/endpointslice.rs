//! EndpointSlice: the pods behind a Service.

use crate::api::{Column, Info, Object, Resource, Row, View, age};
use crate::doc::{Doc, Str, Timestamp};

/// What the simulation reads of an EndpointSlice.
#[derive(Clone, Debug)]
pub struct EndpointSlice {
    /// The Service, from the label `kubernetes.io/service-name`, is in the metadata; these are its endpoints.
    pub endpoints: Vec<Endpoint>,
    /// Ports: name, number, protocol.
    pub ports: Vec<(Str, u32, Str)>,
}

/// One endpoint.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Endpoint {
    /// First address.
    pub address: Str,
    /// Gets traffic.
    pub ready: bool,
    /// Would pass its readiness probe, whether or not it is terminating.
    pub serving: bool,
    /// Is being deleted.
    pub terminating: bool,
    /// The node it runs on.
    pub node_name: Str,
    /// The pod's name; empty when the endpoint is no pod.
    pub pod: Str,
    /// Its own name below the Service's; may be empty.
    pub hostname: Str,
}

/// The kind's registration.
#[derive(Debug)]
pub struct EndpointSlices;

impl Resource for EndpointSlices {
    fn info(&self) -> &'static Info {
        &Info {
            group: "discovery.k8s.io",
            version: "v1",
            kind: "EndpointSlice",
            plural: "endpointslices",
            singular: "endpointslice",
            short_names: &[],
            namespaced: true,
            subresources: &[],
            categories: &[],
            has_generation: true,
        }
    }

    fn view(&self, body: &Doc, _: Option<&Object>) -> View {
        let condition = |endpoint: &Doc, name: &str| endpoint["conditions"][name].as_bool();
        View::EndpointSlice(EndpointSlice {
            endpoints: body["endpoints"]
                .items()
                .iter()
                .map(|endpoint| Endpoint {
                    address: endpoint["addresses"][0].str(),
                    ready: condition(endpoint, "ready").unwrap_or(true),
                    serving: condition(endpoint, "serving").unwrap_or(true),
                    terminating: condition(endpoint, "terminating").unwrap_or(false),
                    node_name: endpoint["nodeName"].str(),
                    pod: endpoint["targetRef"]["name"].str(),
                    hostname: endpoint["hostname"].str(),
                })
                .collect(),
            ports: body["ports"]
                .items()
                .iter()
                .map(|port| {
                    let number =
                        port["port"].as_i64().and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
                    (port["name"].str(), number, port["protocol"].str())
                })
                .collect(),
        })
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Name", wide: false },
            Column { name: "AddressType", wide: false },
            Column { name: "Ports", wide: false },
            Column { name: "Endpoints", wide: false },
            Column { name: "Age", wide: false },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        let Some(slice) = object.view::<EndpointSlice>() else { return Row::new() };
        let shorten = |items: Vec<String>| match items.len() {
            0 => "<unset>".to_owned(),
            1..=3 => items.join(","),
            count => format!("{} + {} more...", items[..3].join(","), count - 3),
        };
        vec![
            object.key.name.to_string(),
            object.body["addressType"].str().to_string(),
            shorten(slice.ports.iter().map(|(_, number, _)| number.to_string()).collect()),
            shorten(slice.endpoints.iter().map(|endpoint| endpoint.address.to_string()).collect()),
            age(object.meta.creation, now),
        ]
    }
}
