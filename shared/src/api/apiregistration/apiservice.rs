//! APIService: a group and version that another server answers for.

use crate::api::validation::{At, Faults, names};
use crate::api::{Column, Info, Object, Resource, Row, Subresource, age};
use crate::doc;
use crate::doc::{Doc, Timestamp};

/// On which port a server is asked where nothing is said.
pub const DEFAULT_PORT: i64 = 443;

/// The kind's registration.
#[derive(Debug)]
pub struct ApiServices;

impl Resource for ApiServices {
    fn info(&self) -> &'static Info {
        &Info {
            group: "apiregistration.k8s.io",
            version: "v1",
            kind: "APIService",
            plural: "apiservices",
            singular: "apiservice",
            short_names: &[],
            namespaced: false,
            subresources: &[Subresource::Status],
            categories: &["api-extensions"],
            has_generation: false,
        }
    }

    fn default(&self, doc: &mut Doc) {
        if !doc["spec"]["service"].is_null() {
            doc.at_mut(&["spec", "service"]).default_to("port", DEFAULT_PORT);
        }
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        let spec = At::root(&doc["spec"], "spec");
        let (group, version) = (spec.field("group"), spec.field("version"));
        let called = format!("{}.{}", version.text(), group.text());
        if doc["metadata"]["name"].as_str() != Some(&called) {
            let why = format!("must be `spec.version+\".\"+spec.group`: {called:?}");
            faults.invalid("metadata.name", &doc["metadata"]["name"], why);
        }
        group.require_and_check(faults, names::dns_subdomain);
        version.require_and_check(faults, names::dns_label);
        for (field, least, most) in [("groupPriorityMinimum", 1, 20_000), ("versionPriority", 1, 1000)] {
            let number = spec.field(field);
            if !(least..=most).contains(&number.number()) {
                let why = match field {
                    "versionPriority" => "must be positive and less than 1000".to_owned(),
                    _ => format!("must be positive and less than {most}"),
                };
                faults.invalid(&number, &Doc::from(number.number()), why);
            }
        }
        let service = spec.field("service");
        if service.is_set() {
            service.field("namespace").require(faults);
            service.field("name").require(faults);
        }
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Name", wide: false },
            Column { name: "Service", wide: false },
            Column { name: "Available", wide: false },
            Column { name: "Age", wide: false },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        let service = &object.body["spec"]["service"];
        let place = match service {
            Doc::Null => "Local".to_owned(),
            service => format!("{}/{}", service["namespace"].str(), service["name"].str()),
        };
        let condition = available(object);
        let state = match (condition["status"].as_str(), condition["reason"].as_str()) {
            (Some("True"), _) => "True".to_owned(),
            (Some(status), Some(reason)) => format!("{status} ({reason})"),
            _ => "Unknown".to_owned(),
        };
        vec![object.key.name.to_string(), place, state, age(object.meta.creation, now)]
    }
}

fn available(object: &Object) -> &Doc {
    object.body["status"]["conditions"].items().first().unwrap_or(&Doc::Null)
}

/// Whether its server is known not to answer.
pub fn is_silent(object: &Object) -> bool {
    available(object)["status"].as_str() == Some("False")
}

/// How an API's own server is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Server {
    /// It is ready.
    Ready,
    /// There is no such Service.
    NoService,
    /// The Service is not on that port.
    NoPort,
    /// Nothing is known of what is behind the Service.
    NoEndpoints,
    /// Nothing behind the Service is ready.
    NotReady,
}

/// The APIService with the condition that says how its server is found; `None` when it says so already.
pub fn judged(object: &Object, server: Server, now: Timestamp) -> Option<Object> {
    let service = &object.body["spec"]["service"];
    let (name, namespace) = (service["name"].str(), service["namespace"].str());
    let (status, reason, message) = match server {
        _ if service.is_null() => ("True", "Local", "Local APIServices are always available".to_owned()),
        Server::Ready => ("True", "Passed", "all checks passed".to_owned()),
        Server::NoService => {
            ("False", "ServiceNotFound", format!("service/{name} in {namespace:?} is not present"))
        }
        Server::NoPort => {
            let port = service["port"].as_i64().unwrap_or(DEFAULT_PORT);
            let message = format!("service/{name} in {namespace:?} is not listening on port {port}");
            ("False", "ServicePortError", message)
        }
        Server::NoEndpoints => {
            let message = format!("cannot find endpointslices for service/{name} in {namespace:?}");
            ("False", "EndpointsNotFound", message)
        }
        Server::NotReady => {
            let message = format!(
                "endpoints for service/{name} in {namespace:?} have no addresses with port name \"https\""
            );
            ("False", "MissingEndpoints", message)
        }
    };
    let before = available(object);
    if before["status"].as_str() == Some(status) && before["reason"].as_str() == Some(reason) {
        return None;
    }
    let since = match before["status"].as_str() == Some(status) {
        true => before["lastTransitionTime"].clone(),
        false => Doc::Time(now.floor_seconds()),
    };
    let condition = doc!({
        "type": "Available", "status": status, "reason": reason, "message": message, "lastTransitionTime": since
    });
    let mut body = object.body.clone();
    body.set("status", doc!({ "conditions": [condition] }));
    Some(Object::new(object.key.clone(), object.meta.clone(), body, Some(object)))
}
