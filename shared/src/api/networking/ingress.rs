//! Ingress: which Service answers an HTTP request from outside, by its host and path.

use crate::api::validation::{At, Faults, names};
use crate::api::{Column, Info, Object, Resource, Row, Subresource, age};
use crate::doc::{Doc, Timestamp};

/// The annotation that chose a class before there was a field for it.
pub const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";

/// The kind's registration.
#[derive(Debug)]
pub struct Ingresses;

impl Resource for Ingresses {
    fn info(&self) -> &'static Info {
        &Info {
            group: "networking.k8s.io",
            version: "v1",
            kind: "Ingress",
            plural: "ingresses",
            singular: "ingress",
            short_names: &["ing"],
            namespaced: true,
            subresources: &[Subresource::Status],
            categories: &[],
            has_generation: true,
        }
    }

    fn prepare_create(&self, doc: &mut Doc) {
        doc.set("status", crate::doc!({ "loadBalancer": {} }));
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        let spec = At::root(&doc["spec"], "spec");
        let (backend, rules) = (spec.field("defaultBackend"), spec.field("rules"));
        if !backend.is_set() && rules.items().is_empty() {
            faults.invalid_text(&spec, "null", "either `defaultBackend` or `rules` must be specified");
        }
        if backend.is_set() {
            validate_backend(&backend, faults);
        }
        rules.each().for_each(|rule| validate_rule(&rule, faults));
        for tls in spec.field("tls").each() {
            tls.field("hosts").each().for_each(|host| validate_host(&host, faults));
            tls.field("secretName").check_if_set(faults, names::dns_subdomain);
        }
        spec.field("ingressClassName").check_if_set(faults, names::dns_subdomain);
    }

    fn validate_create(&self, doc: &Doc, faults: &mut Faults) {
        const OLD: &str = "kubernetes.io/ingress.class";
        let class = &doc["metadata"]["annotations"][OLD];
        if !class.is_null() && !doc["spec"]["ingressClassName"].is_null() {
            let place = format!("annotations.{OLD}");
            faults.invalid(place, class, "can not be set when the class field is also set");
        }
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Name", wide: false },
            Column { name: "Class", wide: false },
            Column { name: "Hosts", wide: false },
            Column { name: "Address", wide: false },
            Column { name: "Ports", wide: false },
            Column { name: "Age", wide: false },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        let spec = &object.body["spec"];
        let class = spec["ingressClassName"].as_str().unwrap_or("<none>").to_owned();
        let ports = if spec["tls"].items().is_empty() { "80" } else { "80, 443" };
        vec![
            object.key.name.to_string(),
            class,
            hosts(&spec["rules"]),
            crate::api::core::service::balancer_text(&object.body["status"]),
            ports.to_owned(),
            age(object.meta.creation, now),
        ]
    }
}

/// The first three hosts; `*` when no rule names one.
fn hosts(rules: &Doc) -> String {
    let mut all = rules.items().iter().map(|rule| rule["host"].str()).filter(|host| !host.is_empty());
    let first: Vec<_> = all.by_ref().take(3).collect();
    match (first.len(), all.count()) {
        (0, _) => "*".to_owned(),
        (_, 0) => first.join(","),
        (_, more) => format!("{} + {more} more...", first.join(",")),
    }
}

fn validate_host(host: &At<'_>, faults: &mut Faults) {
    let wild = host.text().contains('*');
    host.check(faults, if wild { names::wildcard_subdomain } else { names::dns_subdomain });
}

fn validate_rule(rule: &At<'_>, faults: &mut Faults) {
    let host = rule.field("host");
    if !host.is_empty() {
        if host.text().parse::<std::net::IpAddr>().is_ok() {
            faults.invalid(&host, &host, "must be a DNS name, not an IP address");
        }
        validate_host(&host, faults);
    }
    let http = rule.field("http");
    if !http.is_set() {
        return;
    }
    let paths = http.field("paths");
    if paths.items().is_empty() {
        faults.required(&paths, "");
    }
    paths.each().for_each(|path| validate_path(&path, faults));
}

fn validate_path(entry: &At<'_>, faults: &mut Faults) {
    let (kind, path) = (entry.field("pathType"), entry.field("path"));
    if !kind.is_set() {
        faults.required(&kind, "pathType must be specified");
        return;
    }
    let text = Doc::from(path.text());
    let absolute = path.text().starts_with('/');
    match kind.text() {
        "Exact" | "Prefix" => {
            if !absolute {
                faults.invalid(&path, &text, "must be an absolute path");
            }
            for part in ["//", "/./", "/../", "%2f", "%2F"] {
                if path.text().contains(part) {
                    faults.invalid(&path, &text, format!("must not contain '{part}'"));
                }
            }
            for end in ["/..", "/."] {
                if path.text().ends_with(end) {
                    faults.invalid(&path, &text, format!("cannot end with '{end}'"));
                }
            }
        }
        "ImplementationSpecific" => {
            if !path.is_empty() && !absolute {
                faults.invalid(&path, &text, "must be an absolute path");
            }
        }
        _ => faults.not_supported(&kind, &kind, &["Exact", "ImplementationSpecific", "Prefix"]),
    }
    validate_backend(&entry.field("backend"), faults);
}

fn validate_backend(backend: &At<'_>, faults: &mut Faults) {
    let (service, resource) = (backend.field("service"), backend.field("resource"));
    let refuse = |faults: &mut Faults, why: &str| faults.invalid(backend, &Doc::from(""), why);
    match (service.is_set(), resource.is_set()) {
        (true, true) => refuse(faults, "cannot set both resource and service backends"),
        (false, false) => refuse(faults, "resource or service backend is required"),
        (false, true) => {
            resource.field("apiGroup").check_if_set(faults, names::dns_subdomain);
            resource.field("kind").require_and_check(faults, names::path_segment);
            resource.field("name").require_and_check(faults, names::path_segment);
        }
        (true, false) => {
            service.field("name").require_and_check(faults, names::dns_label);
            let port = service.field("port");
            let (name, number) = (port.field("name"), port.field("number"));
            match (name.text().is_empty(), number.number()) {
                (true, 0) => faults.required(backend, "port name or number is required"),
                (false, 0) => name.check(faults, names::port_name),
                (true, _) => number.port_number_or_name(faults),
                (false, _) => refuse(faults, "cannot set both port name & port number"),
            }
        }
    }
}
